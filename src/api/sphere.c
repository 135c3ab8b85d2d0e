/* Measures on the sphere through the public door: checks and normalises, solves, and lets certify/
 * have the last word (theory 7).
 *
 * A point stands for its exact direction, a mass for itself: the measures need not have the same
 * mass, and no mass is one. The search sees points divided by their lengths, with rounding, and
 * masses and rates multiplied by powers of two so that they are of the order of one: answers do not
 * depend on such powers, to the bit. certify/ sees what was given. A gap is closed when it is tol
 * of the upper bound, or 1e-12 of the masses of both measures: by as much the rounding of
 * directions moves the value when the measures are almost equal. Cost: src/sphere, and n m d for
 * the proof. */
#include <float.h>
#include <string.h>

#include "api/api.h"
#include "sphere/sphere.h"

static const double default_tol = 1e-8, length_tolerance = 1e-6, closed = 1e-12;

struct wg_sphere_solution {
  wg_context context;
  wg_mem mem;
  wg_settings settings;
  wg_gauge_spec spec;
  int64_t d, n[2];
  const double *rows[2]; /* as given: only while the solution is made */
  double *w[2], *mass[2];
  int mass_exponent, rate_exponent;     /* of the search's units       */
  double searched[WG_GAUGE_MAX_BLOCKS]; /* the search's rates, in them */
  double total;
  wg_sphere_answer answer;
  double *moment;
};

/* ---- what is given ---- */

static int check_atom(const char *points, const char *masses, int64_t i, int64_t d, const double *w,
                      const double *mass, bool normalise, double *length) {
  double sum = 0.0, largest = 0.0;
  for (int64_t k = 0; k < d; k++) {
    if (!isfinite(w[k]))
      return wg_fail(WG_ERR_INPUT, "%s[%lld, %lld] = %g is not finite", points, (long long)i,
                     (long long)k, w[k]);
    largest = WG_MAX(largest, fabs(w[k]));
  }
  for (int64_t k = 0; k < d && largest > 0.0; k++) sum += (w[k] / largest) * (w[k] / largest);
  *length = largest * sqrt(sum);
  if (!(*length > 0.0) || !isfinite(*length))
    return wg_fail(WG_ERR_INPUT, "%s[%lld] has length %g and no direction; leave it out", points,
                   (long long)i, *length);
  if (!normalise && fabs(*length - 1.0) > length_tolerance)
    return wg_fail(WG_ERR_INPUT,
                   "%s[%lld] has length %.9g and is not on the unit sphere; divide the points by "
                   "their lengths, or ask for that (normalise)",
                   points, (long long)i, *length);
  if (mass && !(mass[i] > 0.0 && isfinite(mass[i])))
    return wg_fail(WG_ERR_INPUT, "%s[%lld] = %g: masses must be positive and finite", masses,
                   (long long)i, mass[i]);
  return WG_OK;
}

static int take_side(wg_sphere_solution *t, int side, const double *points, const double *masses,
                     bool normalise) {
  static const char *const names[2][2] = {{"x", "a"}, {"y", "b"}};
  const int64_t n = t->n[side], d = t->d;
  t->w[side] = WG_NEW(&t->mem, double, n *d);
  t->mass[side] = WG_NEW(&t->mem, double, n);
  t->rows[side] = points;
  if (!t->w[side] || !t->mass[side]) return wg_no_memory();
  for (int64_t i = 0; i < n; i++) {
    double length;
    WG_TRY(check_atom(names[side][0], names[side][1], i, d, points + i * d, masses, normalise,
                      &length));
    for (int64_t k = 0; k < d; k++) t->w[side][i * d + k] = points[i * d + k] / length;
    t->mass[side][i] = masses ? masses[i] : 1.0 / (double)n;
    t->total += t->mass[side][i];
  }
  if (isfinite(t->total)) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "the masses add up to more than a double holds; divide them");
}

static int check_arguments(int64_t n, int64_t m, int64_t d, const double *x, const double *y,
                           const char *gauge) {
  if (!x || !y) return wg_fail(WG_ERR_ARGUMENT, "x and y must not be NULL");
  if (!gauge) return wg_fail(WG_ERR_ARGUMENT, "no gauge is given; try \"operator\"");
  if (n < 1 || m < 1 || n > INT32_MAX || m > INT32_MAX)
    return wg_fail(WG_ERR_INPUT, "%lld and %lld atoms: both measures need at least one",
                   (long long)n, (long long)m);
  if (d < 2)
    return wg_fail(WG_ERR_INPUT, "d = %lld: the sphere needs two coordinates or more",
                   (long long)d);
  return WG_OK;
}

static int bind_gauge(const char *gauge, int64_t d, wg_gauge_spec *spec) {
  WG_TRY(wg_gauge_parse(gauge, spec));
  WG_TRY(wg_gauge_bind(spec, d));
  if (wg_gauge_is_convex(spec)) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "%s is not convex: there is no static form on the sphere; use p >= 1", gauge);
}

/* ---- comparison with Wasserstein-Fisher-Rao ---- */

/* min gamma_b(S) over tr S = 1, at S = I / size. */
static double block_least(const wg_gauge_block *block) {
  const double size = (double)block->size;
  if (wg_gauge_block_is_trace(block)) return 1.0;
  return block->kind == WG_KYFAN ? (double)block->k / size : pow(size, 1.0 / block->p - 1.0);
}

/* c_gamma: c tr S <= gamma(S); the blocks of a maximum share the trace so that all are equal. */
static double least_ratio(const wg_gauge_spec *spec) {
  double least = INFINITY, shares = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    least = WG_MIN(least, block_least(block));
    shares += block->rate * block->rate / block_least(block);
  }
  return spec->outer == WG_BLOCK_MAX ? 1.0 / shares : least;
}

/* ---- the solve ---- */

static int exponent_of(double value) {
  int exponent = 0;
  frexp(value, &exponent);
  return exponent;
}

/* The units of the search: the largest mass is below one, the least rate of a maximum too. Rates
 * beyond 2^16 of the least say next to nothing, and are brought down to that. */
static void find_units(wg_sphere_solution *t, wg_gauge_spec *spec) {
  const double most_rate = 0x1p16;
  double largest = 0.0, least_rate = INFINITY;
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++) largest = WG_MAX(largest, t->mass[side][i]);
  for (int64_t b = 0; b < spec->block_count; b++)
    least_rate = WG_MIN(least_rate, spec->blocks[b].rate);
  t->mass_exponent = exponent_of(largest);
  t->rate_exponent = spec->outer == WG_BLOCK_MAX ? exponent_of(least_rate) : 0;
  for (int64_t b = 0; b < spec->block_count; b++)
    spec->blocks[b].rate = WG_MIN(ldexp(spec->blocks[b].rate, -t->rate_exponent), most_rate);
}

/* Takes an array of the answer from the search's units to those of the data. */
static void scale(int64_t count, int exponent, double *values) {
  for (int64_t k = 0; k < count; k++) values[k] = ldexp(values[k], exponent);
}

/* Q of the search is feasible for its rates; the blocks of larger ones have less of it. */
static void scale_q(const wg_sphere_solution *t, double *q) {
  for (int64_t b = 0; b < t->spec.block_count; b++) {
    const wg_gauge_block *block = &t->spec.blocks[b];
    const double share = t->searched[b] / ldexp(block->rate, -t->rate_exponent);
    for (int64_t r = block->start; r < block->start + block->size; r++)
      for (int64_t s = block->start; s < block->start + block->size; s++)
        q[r * t->d + s] *= share * share;
  }
  scale(t->d * t->d, -2 * t->rate_exponent, q);
}

static int search(wg_sphere_solution *t) {
  const double below = 0.2;      /* aim under the tolerance: certify/ adds rounding to the gap */
  const double least = 0x1p-400; /* of a mass, in the search's eyes */
  wg_gauge_spec spec = t->spec;
  wg_sphere_problem problem = {.d = t->d,
                               .n = {t->n[0], t->n[1]},
                               .w = {t->w[0], t->w[1]},
                               .spec = &spec,
                               .tol = below * t->settings.tol,
                               .max_calls = t->settings.max_calls};
  find_units(t, &spec);
  for (int64_t b = 0; b < spec.block_count; b++) t->searched[b] = spec.blocks[b].rate;
  for (int side = 0; side < 2; side++) {
    double *mass = WG_NEW(&t->mem, double, t->n[side]);
    if (!mass) return wg_no_memory();
    for (int64_t i = 0; i < t->n[side]; i++)
      mass[i] = WG_MAX(ldexp(t->mass[side][i], -t->mass_exponent), least);
    problem.mass[side] = mass;
  }
  return wg_sphere_solve(&t->context, &t->mem, &problem, &t->answer);
}

/* Where one pair carries mass alone, its price is k sqrt(g1 / g0) at the optimum: u of the largest
 * pair of each atom, as good as the plan and better than u where measures nearly agree. */
static int find_prices(const wg_sphere_solution *t, wg_mem *mem, const double *q, double *u) {
  const wg_sphere_answer *answer = &t->answer;
  double *largest = WG_NEW(mem, double, t->n[0]);
  if (!largest) return wg_no_memory();
  memcpy(u, answer->u, (size_t)t->n[0] * sizeof *u);
  for (int64_t e = 0; e < answer->count; e++) {
    const int64_t i = answer->row[e];
    const double *w = t->w[0] + i * t->d, *far = t->w[1] + answer->col[e] * t->d;
    if (!(answer->g0[e] > largest[i])) continue;
    largest[i] = answer->g0[e];
    double k = 0.0;
    for (int64_t r = 0; r < t->d; r++) k += w[r] * wg_la_dot(t->d, q + r * t->d, far);
    const double price = k * sqrt(answer->g1[e] / answer->g0[e]);
    if (price > 0.0 && price <= DBL_MAX) u[i] = price;
  }
  return WG_OK;
}

/* Blocks of a maximum whose share of the dual gauge is next to nothing: rounding of the search,
 * paid for by all others where rates are large. */
static int drop_shares(const wg_sphere_solution *t, wg_mem *mem, double *q) {
  const double little = 1e-4;
  double *part = WG_NEW(mem, double, t->d * t->d);
  if (!part) return wg_no_memory();
  for (int64_t b = 0; b < t->spec.block_count; b++) {
    const wg_gauge_block *block = &t->spec.blocks[b];
    double dual;
    memset(part, 0, (size_t)(t->d * t->d) * sizeof *part);
    for (int64_t r = block->start; r < block->start + block->size; r++)
      memcpy(part + r * t->d + block->start, q + r * t->d + block->start,
             (size_t)block->size * sizeof *part);
    WG_TRY(wg_gauge_dual(&t->spec, part, mem, &dual));
    for (int64_t k = 0; dual < little && k < t->d * t->d; k++)
      if (part[k] != 0.0) q[k] = 0.0;
  }
  return WG_OK;
}

/* Makes q and u, and the v that goes with them, those of the answer. */
static int take_dual(wg_sphere_solution *t, wg_mem *mem, const double *q, const double *u) {
  wg_sphere_answer *answer = &t->answer;
  double *seen = WG_NEW(mem, double, t->d);
  if (!seen) return wg_no_memory();
  memcpy(answer->q, q, (size_t)(t->d * t->d) * sizeof *q);
  memcpy(answer->u, u, (size_t)t->n[0] * sizeof *u);
  memset(answer->v, 0, (size_t)t->n[1] * sizeof *answer->v);
  for (int64_t i = 0; i < t->n[0]; i++) {
    wg_la_gemm(false, false, 1, t->d, t->d, 1.0, t->w[0] + i * t->d, t->d, q, t->d, 0.0, seen,
               t->d);
    for (int64_t j = 0; j < t->n[1]; j++) {
      const double k = wg_la_dot(t->d, seen, t->w[1] + j * t->d);
      if (k > 0.0) answer->v[j] = WG_MAX(answer->v[j], k / u[i] * k * (1.0 + 8.0 * WG_UNIT));
    }
  }
  return WG_OK;
}

/* Both bounds. Where the duals of the search leave the gap open, the prices of the plan are tried,
 * and Q without small shares. */
static int prove(wg_sphere_solution *t, wg_mem *mem, wg_cert_sphere_report *report) {
  const double margin = 2.0; /* room for another machine's rounding */
  const wg_sphere_answer *answer = &t->answer;
  const wg_cert_sphere data = {
      t->d, {t->n[0], t->n[1]}, {t->rows[0], t->rows[1]}, {t->mass[0], t->mass[1]}};
  const wg_cert_semicoupling plan = {answer->count, answer->row, answer->col,     answer->g0,
                                     answer->g1,    answer->c,   t->mass_exponent};
  const int attempts = t->spec.outer == WG_BLOCK_MAX ? 2 : 1;
  double *u = WG_NEW(mem, double, t->n[0]), *q = WG_NEW(mem, double, t->d * t->d);
  if (!u || !q) return wg_no_memory();
  WG_TRY(wg_cert_sphere_bounds(mem, t->context.threads, &data, &t->spec, &plan, answer->q,
                               answer->u, margin, t->moment, report));
  for (int k = 0; k < attempts; k++) {
    wg_cert_sphere_report other;
    if (report->upper - report->lower <= t->settings.tol * report->upper) return WG_OK;
    memcpy(q, answer->q, (size_t)(t->d * t->d) * sizeof *q);
    if (k == 1) WG_TRY(drop_shares(t, mem, q));
    WG_TRY(find_prices(t, mem, q, u));
    WG_TRY(wg_cert_sphere_bounds(mem, t->context.threads, &data, &t->spec, &plan, q, u, margin,
                                 NULL, &other));
    if (!(other.lower > report->lower)) continue;
    report->lower = other.lower;
    WG_TRY(take_dual(t, mem, q, u));
  }
  return WG_OK;
}

static int certify(wg_sphere_solution *t, wg_sphere_info *info) {
  wg_sphere_answer *answer = &t->answer;
  wg_mem mem = wg_mem_of(&t->context.ledger);
  wg_cert_sphere_report report;
  scale_q(t, answer->q);
  scale(t->n[0], -2 * t->rate_exponent, answer->u);
  scale(t->n[1], -2 * t->rate_exponent, answer->v);
  const int status = prove(t, &mem, &report);
  wg_mem_clear(&mem);
  if (status != WG_OK) return status;
  if (!(report.upper <= DBL_MAX))
    return wg_fail(WG_ERR_INPUT, "UW^2 is more than a double holds; divide the masses");
  double *const parts[] = {answer->g0, answer->g1, answer->c};
  for (int k = 0; k < 3; k++) scale(answer->count, t->mass_exponent, parts[k]);
  info->lower = WG_MIN(report.lower, report.upper);
  info->upper = report.upper;
  info->uw2 = WG_MIN(WG_MAX(report.value, info->lower), info->upper);
  info->uw = sqrt(info->uw2);
  info->gap = info->upper > 0 ? (info->upper - info->lower) / info->upper : 0.0;
  return WG_OK;
}

static void describe(const wg_sphere_solution *t, wg_sphere_info *info) {
  double carried[2] = {0.0, 0.0};
  for (int64_t e = 0; e < t->answer.count; e++) {
    carried[0] += t->answer.g0[e];
    carried[1] += t->answer.g1[e];
  }
  for (int side = 0; side < 2; side++) {
    double sum = 0.0;
    for (int64_t i = 0; i < t->n[side]; i++) sum += t->mass[side][i];
    info->mass[side] = sum;
    info->carried[side] = WG_MIN(carried[side], sum);
  }
  info->calls = t->answer.calls;
  info->steps = t->answer.steps;
  info->least_ratio = least_ratio(&t->spec);
  info->most_ratio = wg_gauge_unit(&t->spec);
  const double open = info->upper - info->lower;
  if (open <= WG_MAX(t->settings.tol * info->upper, closed * t->total * info->most_ratio))
    info->outcome = WG_CERTIFIED;
  else
    info->outcome = t->answer.outcome == WG_CERTIFIED ? WG_GAP_OPEN : t->answer.outcome;
}

static int run(wg_sphere_solution *t, const double *x, const double *a, const double *y,
               const double *b, bool normalise, wg_sphere_info *info) {
  WG_TRY(take_side(t, 0, x, a, normalise));
  WG_TRY(take_side(t, 1, y, b, normalise));
  if (!(t->moment = WG_NEW(&t->mem, double, t->d * t->d))) return wg_no_memory();
  WG_TRY(search(t));
  WG_TRY(certify(t, info));
  describe(t, info);
  return WG_OK;
}

static wg_sphere_solution *create(const wg_settings *settings, int64_t n, int64_t m, int64_t d) {
  wg_ledger first = {.limit = (size_t)settings->memory_limit};
  wg_mem mem = wg_mem_of(&first);
  wg_sphere_solution *t = WG_NEW(&mem, wg_sphere_solution, 1);
  if (!t) return NULL;
  *t = (wg_sphere_solution){.settings = *settings, .d = d, .n = {n, m}};
  t->context.ledger = first;
  mem.ledger = &t->context.ledger; /* the first block is the solution itself */
  t->mem = mem;
  t->context.threads = wg_thread_count(settings->threads);
  wg_watch_start(&t->context.watch, settings->time_limit, settings->progress,
                 settings->progress_data);
  return t;
}

void wg_sphere_free(wg_sphere_solution *solution) {
  if (!solution) return;
  wg_ledger ledger = solution->context.ledger;
  wg_mem mem = solution->mem;
  mem.ledger = &ledger; /* the ledger is among the blocks freed */
  wg_mem_clear(&mem);
}

int wg_sphere(int64_t n, int64_t m, int64_t d, const double *x, const double *a, const double *y,
              const double *b, const char *gauge, int normalise, const wg_settings *settings,
              wg_sphere_info *info, wg_sphere_solution **solution) {
  wg_settings defaults;
  wg_sphere_info found = {.struct_size = sizeof found};
  wg_clear_error();
  wg_settings_init(&defaults);
  defaults.tol = default_tol;
  if (!settings) settings = &defaults;
  WG_TRY(wg_check_settings(settings));
  WG_TRY(check_arguments(n, m, d, x, y, gauge));
  wg_sphere_solution *t = create(settings, n, m, d);
  if (!t) return wg_no_memory();
  int status = bind_gauge(gauge, d, &t->spec);
  if (status == WG_OK) status = run(t, x, a, y, b, normalise != 0, &found);
  if (status == WG_OK) {
    found.seconds = wg_now() - t->context.watch.start;
    found.peak_bytes = (int64_t)t->context.ledger.peak;
    if (info) *info = found;
    status = found.outcome;
  }
  if (status >= 0 && solution)
    *solution = t;
  else
    wg_sphere_free(t);
  return status;
}

int wg_sphere_get(const wg_sphere_solution *solution, wg_semicoupling *view) {
  wg_clear_error();
  if (!solution || !view) return wg_fail(WG_ERR_ARGUMENT, "solution and view must not be NULL");
  const wg_sphere_answer *answer = &solution->answer;
  *view = (wg_semicoupling){.struct_size = sizeof *view,
                            .count = answer->count,
                            .row = answer->row,
                            .col = answer->col,
                            .g0 = answer->g0,
                            .g1 = answer->g1,
                            .c = answer->c,
                            .q = answer->q,
                            .u = answer->u,
                            .v = answer->v,
                            .moment = solution->moment};
  return WG_OK;
}
