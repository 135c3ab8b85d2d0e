/* The solver object of wgamma.h: checks arguments, keeps the data as given, and lets certify/ have
 * the last word on every bound.
 *
 * Flow of a solve: spectral/ finds a coupling, Q and potentials of the distinct points; they are
 * carried back to the points as given (plan.c); certify/ re-derives both bounds from the data; the
 * outcome is judged by those bounds alone. A gauge block of one column is a plain number, convex
 * whatever its p, and is solved as such.
 * Cost of a solve plus one pass over n m pairs for the certificate.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

void wg_settings_init(wg_settings *settings) {
  *settings = (wg_settings){.struct_size = sizeof *settings,
                            .tol = 1e-6,
                            .time_limit = INFINITY,
                            .max_calls = 1000,
                            .seed = 1};
}

int wg_check_settings(const wg_settings *settings) {
  if (settings->struct_size != sizeof *settings)
    return wg_fail(WG_ERR_ARGUMENT, "settings.struct_size is %zu, not %zu; call wg_settings_init",
                   settings->struct_size, sizeof *settings);
  if (!(settings->tol > 0) || !isfinite(settings->tol))
    return wg_fail(WG_ERR_ARGUMENT, "tol = %g must be positive and finite", settings->tol);
  if (!(settings->time_limit > 0))
    return wg_fail(WG_ERR_ARGUMENT, "time_limit = %g must be positive", settings->time_limit);
  if (settings->max_calls < 1)
    return wg_fail(WG_ERR_ARGUMENT, "max_calls = %lld must be at least 1",
                   (long long)settings->max_calls);
  if (settings->threads < 0 || settings->threads > 1024)
    return wg_fail(WG_ERR_ARGUMENT, "threads = %d must be between 0 (all cores) and 1024",
                   settings->threads);
  if (settings->memory_limit < 0)
    return wg_fail(WG_ERR_ARGUMENT, "memory_limit = %lld must not be negative",
                   (long long)settings->memory_limit);
  return WG_OK;
}

static int parse_gauge(const char *gauge, int64_t d, wg_gauge_spec *spec) {
  if (!gauge) return wg_fail(WG_ERR_ARGUMENT, "no gauge is given; try \"operator\"");
  WG_TRY(wg_gauge_parse(gauge, spec));
  return wg_gauge_bind(spec, d);
}

/* The gauge the search sees: on one column every exponent is the same. */
static void adopt_gauge(wg_solver *s) {
  wg_gauge_print(&s->spec, s->gauge_text);
  wg_gauge_minorant(&s->spec, &s->minorant);
  s->simple = s->spec;
  for (int64_t b = 0; b < s->simple.block_count; b++)
    if (s->simple.blocks[b].size == 1) s->simple.blocks[b].p = 1.0;
}

static int copy_numbers(wg_mem *mem, int64_t count, const double *values, double **copy) {
  if (!(*copy = WG_NEW(mem, double, count))) return wg_no_memory();
  memcpy(*copy, values, (size_t)count * sizeof *values);
  return WG_OK;
}

/* Weights as given; uniform ones when none are. */
static int copy_weights(wg_mem *mem, int64_t count, const double *weights, double **copy) {
  if (!(*copy = WG_NEW(mem, double, count))) return wg_no_memory();
  for (int64_t i = 0; i < count; i++) (*copy)[i] = weights ? weights[i] : 1.0 / (double)count;
  return WG_OK;
}

/* Clouds of distinct points and a fresh search over them; the old ones go once this succeeded. */
static int rebuild(wg_solver *s) {
  wg_mem mem = wg_mem_of(&s->context.ledger);
  wg_cloud cx, cy;
  wg_spectral *spectral = NULL;
  int status =
      wg_measure_pair(&mem, s->n, s->m, s->d, s->x, s->a, s->y, s->b, &cx, &cy, &s->masses);
  if (status == WG_OK)
    status = wg_spectral_create(&s->context, &cx, &cy, s->masses.total, &spectral);
  if (status != WG_OK) {
    wg_mem_clear(&mem);
    return status;
  }
  wg_spectral_free(s->spectral);
  wg_mem_clear(&s->cloud_mem);
  s->spectral = spectral;
  s->cloud_mem = mem;
  s->cx = cx;
  s->cy = cy;
  return WG_OK;
}

/* Uniform weights that were not given, as exact multiples of the quantum: equal measures then cost
 * exactly nothing. */
static void quantise_weights(const wg_cloud *cloud, double quantum, double *weights) {
  for (int64_t i = 0; i < cloud->given; i++) weights[i] = (double)cloud->given_mass[i] * quantum;
}

static int fill(wg_solver *s, const double *x, const double *a, const double *y, const double *b) {
  const int64_t n = s->n, m = s->m, d = s->d;
  WG_TRY(copy_numbers(&s->mem, n * d, x, &s->x));
  WG_TRY(copy_numbers(&s->mem, m * d, y, &s->y));
  WG_TRY(copy_weights(&s->mem, n, a, &s->a));
  WG_TRY(copy_weights(&s->mem, m, b, &s->b));
  s->q = WG_NEW(&s->mem, double, d *d);
  s->moment = WG_NEW(&s->mem, double, d *d);
  s->f = WG_NEW(&s->mem, double, n);
  s->g = WG_NEW(&s->mem, double, m);
  s->f_low = WG_NEW(&s->mem, double, n);
  s->g_low = WG_NEW(&s->mem, double, m);
  if (!s->q || !s->moment || !s->f || !s->g || !s->f_low || !s->g_low) return wg_no_memory();
  WG_TRY(rebuild(s));
  if (!a && s->masses.quantum > 0.0) quantise_weights(&s->cx, s->masses.quantum, s->a);
  if (!b && s->masses.quantum > 0.0) quantise_weights(&s->cy, s->masses.quantum, s->b);
  wg_sum total = {0};
  for (int64_t i = 0; i < n; i++) wg_sum_add(&total, s->a[i]);
  s->total = wg_sum_value(total);
  return WG_OK;
}

static int check_data(int64_t n, int64_t m, int64_t d, const double *x, const double *a,
                      const double *y, const double *b) {
  if (!x || !y) return wg_fail(WG_ERR_ARGUMENT, "x and y must not be NULL");
  const int64_t most = INT32_MAX / 4;
  if (n > most || m > most || d > 100000 || (d > 0 && (n > most / d * 64 || m > most / d * 64)))
    return wg_fail(WG_ERR_INPUT,
                   "%lld and %lld points in %lld dimensions are more than can be "
                   "indexed; the limit is %lld points",
                   (long long)n, (long long)m, (long long)d, (long long)most);
  WG_TRY(wg_measure_check("x", "a", n, d, x, a));
  return wg_measure_check("y", "b", m, d, y, b);
}

int wg_setup(wg_solver **solver, int64_t n, int64_t m, int64_t d, const double *x, const double *a,
             const double *y, const double *b, const char *gauge, const wg_settings *settings) {
  wg_settings defaults;
  wg_clear_error();
  if (!solver) return wg_fail(WG_ERR_ARGUMENT, "solver must not be NULL");
  *solver = NULL;
  wg_settings_init(&defaults);
  if (!settings) settings = &defaults;
  WG_TRY(wg_check_settings(settings));
  WG_TRY(check_data(n, m, d, x, a, y, b));
  wg_ledger first = {.limit = (size_t)settings->memory_limit};
  wg_mem mem = wg_mem_of(&first);
  wg_solver *s = WG_NEW(&mem, wg_solver, 1);
  if (!s) return wg_no_memory();
  *s = (wg_solver){.settings = *settings, .n = n, .m = m, .d = d};
  s->context.ledger = first;
  mem.ledger = &s->context.ledger; /* the solver's first block is itself: the ledger moves in */
  s->mem = mem;
  s->cloud_mem = s->plan_mem = s->cut_mem = wg_mem_of(&s->context.ledger);
  s->context.threads = wg_thread_count(settings->threads);
  int status = parse_gauge(gauge, d, &s->spec);
  if (status == WG_OK) status = fill(s, x, a, y, b);
  if (status != WG_OK) {
    wg_free(s);
    return status;
  }
  adopt_gauge(s);
  *solver = s;
  return WG_OK;
}

void wg_free(wg_solver *s) {
  if (!s) return;
  wg_spectral_free(s->spectral);
  wg_mem_clear(&s->cloud_mem);
  wg_mem_clear(&s->plan_mem);
  wg_mem_clear(&s->cut_mem);
  wg_ledger ledger = s->context.ledger;
  wg_mem mem = s->mem;
  mem.ledger = &ledger; /* the solver, and the ledger in it, are among the blocks freed */
  wg_mem_clear(&mem);
}

/* Both bounds from the data; margin 2 leaves room for another machine's rounding in wg_verify. */
static int certify(wg_solver *s) {
  const double margin = 2.0;
  const wg_cert_data data = {s->n, s->m, s->d, s->x, s->a, s->y, s->b};
  wg_cert_lower_report lower;
  wg_cert_upper_report upper;
  const wg_cert_plan plan = {s->plan.count, s->row, s->col, s->mass, s->mass_low};
  const wg_cert_potentials potentials = {s->f, s->f_low, s->g, s->g_low};
  WG_TRY(wg_cert_upper(&s->context, &data, &s->spec, &plan, margin, s->moment, &upper));
  WG_TRY(wg_cert_lower(&s->context, &data, &s->minorant, s->q, &potentials, margin, &lower));
  for (int64_t i = 0; i < s->d * s->d; i++) s->moment[i] /= s->total;
  s->info.lower = lower.bound;
  s->info.upper = upper.bound;
  if (s->cuts.count > 0) {
    wg_cert_cuts_report report;
    WG_TRY(
        wg_cert_cuts_bound(&s->context, &data, &s->spec, &s->cuts, upper.bound, margin, &report));
    s->info.lower = WG_MAX(lower.bound, report.bound);
  }
  double only;
  WG_TRY(wg_cert_only(&s->context, &data, &s->spec, margin, &only));
  s->info.lower = WG_MAX(s->info.lower, only);
  s->info.gap = upper.bound > 0 ? (upper.bound - s->info.lower) / upper.bound : 0.0;
  s->info.w = sqrt(upper.bound);
  return WG_OK;
}

/* The proved gap decides, not what the search believed, whatever p is. */
static int judge(const wg_solver *s, int search_outcome) {
  if (s->info.gap <= s->settings.tol) return WG_CERTIFIED;
  return search_outcome == WG_CERTIFIED ? WG_GAP_OPEN : search_outcome;
}

static int q_rank(wg_solver *s) {
  wg_mem scratch = wg_mem_of(&s->context.ledger);
  double *values = WG_NEW(&scratch, double, s->d), *vectors = WG_NEW(&scratch, double, s->d * s->d);
  int status = values && vectors ? wg_la_eigh(s->d, s->q, values, vectors) : wg_no_memory();
  s->info.q_rank = 0;
  for (int64_t i = 0; status == WG_OK && i < s->d; i++)
    s->info.q_rank += values[i] > 1e-6 * values[0];
  wg_mem_clear(&scratch);
  return status;
}

static int solve(wg_solver *s) {
  const double below = 0.6; /* aim under the tolerance: certify/ adds rounding to the gap */
  const wg_spectral_limits limits = {below * s->settings.tol, s->settings.max_calls,
                                     s->settings.seed};
  wg_spectral_answer answer = {0};
  WG_TRY(wg_spectral_solve(s->spectral, &s->simple, &limits, &answer));
  WG_TRY(wg_lift_plan(s, &answer));
  wg_lift_potentials(s, &answer);
  WG_TRY(wg_lift_cuts(s, &answer));
  s->context.watch.state.phase = "certificate";
  WG_TRY(certify(s));
  WG_TRY(q_rank(s));
  s->info.outcome = judge(s, answer.outcome);
  s->info.oracle_calls = answer.calls;
  s->info.pivots = answer.pivots;
  return WG_OK;
}

/* Coordinates are held seven times over at the worst moment (as given, distinct, centred, in the
 * engine, in single precision), arcs and tree take the rest: measured on Gaussian clouds. */
int64_t wg_memory_estimate(int64_t n, int64_t m, int64_t d) {
  return (int64_t)(((double)n + (double)m) * (360.0 + 56.0 * (double)d) +
                   40.0 * (double)d * (double)d);
}

/* Refuses in the first moment what would be refused after minutes. */
static int expect_memory(wg_solver *s) {
  const int64_t expected = wg_memory_estimate(s->n, s->m, s->d);
  if (s->settings.memory_limit > 0 && expected / 2 > s->settings.memory_limit)
    return wg_fail(WG_ERR_MEMORY_LIMIT,
                   "memory limit: %lld x %lld points in %lld dimensions take about %lld bytes, the "
                   "limit is %lld; raise it, or draw a sample",
                   (long long)s->n, (long long)s->m, (long long)s->d, (long long)expected,
                   (long long)s->settings.memory_limit);
  wg_watch_phase(&s->context.watch, "about %.3g MB of memory", 1e-6 * (double)expected);
  return WG_OK;
}

int wg_solve(wg_solver *s, wg_info *info) {
  wg_clear_error();
  if (!s) return wg_fail(WG_ERR_ARGUMENT, "solver must not be NULL");
  s->solved = false;
  wg_watch_start(&s->context.watch, s->settings.time_limit, s->settings.progress,
                 s->settings.progress_data);
  s->info = (wg_info){
      .struct_size = sizeof s->info, .dropped_x = s->cx.dropped, .dropped_y = s->cy.dropped};
  WG_TRY(expect_memory(s));
  WG_TRY(solve(s));
  s->info.seconds = wg_now() - s->context.watch.start;
  s->info.peak_bytes = (int64_t)s->context.ledger.peak;
  s->solved = true;
  if (info) *info = s->info;
  return s->info.outcome;
}

/* ---- changes that keep what was learnt ---- */

int wg_set_gauge(wg_solver *s, const char *gauge) {
  wg_clear_error();
  if (!s) return wg_fail(WG_ERR_ARGUMENT, "solver must not be NULL");
  wg_gauge_spec spec;
  WG_TRY(parse_gauge(gauge, s->d, &spec));
  s->spec = spec;
  adopt_gauge(s);
  s->solved = false;
  return WG_OK;
}

int wg_set_tol(wg_solver *s, double tol) {
  wg_clear_error();
  if (!s) return wg_fail(WG_ERR_ARGUMENT, "solver must not be NULL");
  if (!(tol > 0) || !isfinite(tol))
    return wg_fail(WG_ERR_ARGUMENT, "tol = %g must be positive and finite", tol);
  s->settings.tol = tol;
  return WG_OK;
}

static bool same_groups(const wg_cloud *a, const wg_cloud *b) {
  return a->n == b->n && memcmp(a->mass, b->mass, (size_t)a->n * sizeof *a->mass) == 0 &&
         memcmp(a->first, b->first, (size_t)(a->n + 1) * sizeof *a->first) == 0 &&
         memcmp(a->members, b->members, (size_t)a->first[a->n] * sizeof *a->members) == 0;
}

/* New coordinates in place; the search is kept when no point joined or left another. */
static int adopt_points(wg_solver *s, double *x, double *y) {
  wg_mem mem = wg_mem_of(&s->context.ledger);
  wg_cloud cx, cy;
  wg_masses masses; /* as before: they depend on the weights only */
  wg_spectral *fresh = NULL;
  int status = wg_measure_pair(&mem, s->n, s->m, s->d, x, s->a, y, s->b, &cx, &cy, &masses);
  if (status == WG_OK && same_groups(&cx, &s->cx) && same_groups(&cy, &s->cy)) {
    status = wg_spectral_move(s->spectral, cx.points, cy.points);
    if (status != WG_OK) wg_spectral_move(s->spectral, s->cx.points, s->cy.points);
  } else if (status == WG_OK) {
    status = wg_spectral_create(&s->context, &cx, &cy, masses.total, &fresh);
  }
  if (status != WG_OK) {
    wg_mem_clear(&mem);
    return status;
  }
  if (fresh) {
    wg_spectral_free(s->spectral);
    s->spectral = fresh;
  }
  wg_mem_clear(&s->cloud_mem);
  s->cloud_mem = mem;
  s->cx = cx;
  s->cy = cy;
  return WG_OK;
}

int wg_set_points(wg_solver *s, const double *x, const double *y) {
  wg_clear_error();
  if (!s) return wg_fail(WG_ERR_ARGUMENT, "solver must not be NULL");
  WG_TRY(check_data(s->n, s->m, s->d, x, NULL, y, NULL));
  double *new_x, *new_y;
  WG_TRY(copy_numbers(&s->mem, s->n * s->d, x, &new_x));
  int status = copy_numbers(&s->mem, s->m * s->d, y, &new_y);
  if (status == WG_OK) status = adopt_points(s, new_x, new_y);
  if (status != WG_OK) {
    wg_drop(&s->mem, new_x);
    wg_drop(&s->mem, new_y);
    return status;
  }
  wg_drop(&s->mem, s->x);
  wg_drop(&s->mem, s->y);
  s->x = new_x;
  s->y = new_y;
  s->solved = false;
  return WG_OK;
}

/* ---- one call ---- */

int wg_distance(int64_t n, int64_t m, int64_t d, const double *x, const double *a, const double *y,
                const double *b, const char *gauge, double tol, double *lower, double *upper) {
  wg_settings settings;
  wg_solver *solver;
  wg_info info;
  wg_settings_init(&settings);
  settings.tol = tol;
  WG_TRY(wg_setup(&solver, n, m, d, x, a, y, b, gauge, &settings));
  int outcome = wg_solve(solver, &info);
  if (outcome >= 0 && lower) *lower = info.lower;
  if (outcome >= 0 && upper) *upper = info.upper;
  wg_free(solver);
  return outcome;
}
