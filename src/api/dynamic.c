/* Densities on a grid through the public door: checks and normalises, and runs the splitting of
 * src/dynamic (theory 5).
 *
 * Masses are divided by their sums. Convergence is agreement of two estimates; WG_CERTIFIED is said
 * only where the two bounds, which hold for the problem on the grid, meet as well. */
#include <stdio.h>

#include "api/api.h"
#include "api/certificate.h"
#include "dynamic/dynamic.h"

enum { MOST_STEPS = 100000 };

struct wg_dynamic_solution {
  wg_context context;
  wg_mem mem;
  wg_gauge_spec spec;
  wg_dynamic_problem problem;
  int64_t cells, corners;
  double *mass[2], *given[2];
  char gauge[WG_GAUGE_TEXT];
  wg_dynamic_answer answer;
};

void wg_dynamic_settings_init(wg_dynamic_settings *settings) {
  if (!settings) return;
  *settings = (wg_dynamic_settings){.struct_size = sizeof *settings,
                                    .tol = 1e-3,
                                    .time_limit = INFINITY,
                                    .steps = 32,
                                    .max_iterations = 2000};
}

/* ---- what is given ---- */

static int check_settings(const wg_dynamic_settings *settings) {
  if (settings->struct_size != sizeof *settings)
    return wg_fail(WG_ERR_ARGUMENT, "settings are not those of wg_dynamic_settings_init");
  if (!(settings->tol > 0.0))
    return wg_fail(WG_ERR_ARGUMENT, "tol = %g must be positive", settings->tol);
  if (!(settings->time_limit > 0.0))
    return wg_fail(WG_ERR_ARGUMENT, "time_limit = %g must be positive", settings->time_limit);
  if (settings->steps < 2 || settings->steps > MOST_STEPS)
    return wg_fail(WG_ERR_ARGUMENT, "steps = %lld: time needs 2 to %d steps",
                   (long long)settings->steps, MOST_STEPS);
  if (settings->max_iterations < 1)
    return wg_fail(WG_ERR_ARGUMENT, "max_iterations = %lld must be 1 or more",
                   (long long)settings->max_iterations);
  if (settings->memory_limit < 0 || settings->threads < 0)
    return wg_fail(WG_ERR_ARGUMENT, "memory_limit and threads must not be negative");
  return WG_OK;
}

static int check_arguments(int64_t d, const int64_t *shape, const double *spacing,
                           const double *mass0, const double *mass1, const char *gauge) {
  const int64_t most = 4096;
  if (!shape || !mass0 || !mass1)
    return wg_fail(WG_ERR_ARGUMENT, "shape, mass0 and mass1 must not be NULL");
  if (!gauge) return wg_fail(WG_ERR_ARGUMENT, "no gauge is given; try \"operator\"");
  if (d < 1 || d > WG_DYNAMIC_MAX_D)
    return wg_fail(WG_ERR_INPUT, "%lld axes: densities live on grids with one, two or three",
                   (long long)d);
  for (int64_t k = 0; k < d; k++) {
    if (shape[k] < 2 || shape[k] > most)
      return wg_fail(WG_ERR_INPUT, "axis %lld has %lld cells; 2 to %lld are possible", (long long)k,
                     (long long)shape[k], (long long)most);
    if (spacing && !(spacing[k] > 0.0 && isfinite(spacing[k])))
      return wg_fail(WG_ERR_INPUT, "spacing[%lld] = %g: lengths must be positive and finite",
                     (long long)k, spacing[k]);
  }
  return WG_OK;
}

/* "mass0[3, 0]" for an error. */
static int refuse_entry(const wg_dynamic_solution *t, int side, int64_t cell, double value) {
  const int64_t d = t->problem.d, *n = t->problem.n;
  int64_t at[WG_DYNAMIC_MAX_D] = {0};
  for (int64_t k = d - 1; k >= 0; k--) {
    at[k] = cell % n[k];
    cell /= n[k];
  }
  static const char *const formats[] = {
      "mass%d[%lld] = %g: densities must be >= 0 and finite",
      "mass%d[%lld, %lld] = %g: densities must be >= 0 and finite",
      "mass%d[%lld, %lld, %lld] = %g: densities must be >= 0 and finite"};
  if (d == 1) return wg_fail(WG_ERR_INPUT, formats[0], side, (long long)at[0], value);
  if (d == 2)
    return wg_fail(WG_ERR_INPUT, formats[1], side, (long long)at[0], (long long)at[1], value);
  return wg_fail(WG_ERR_INPUT, formats[2], side, (long long)at[0], (long long)at[1],
                 (long long)at[2], value);
}

static int take_side(wg_dynamic_solution *t, int side, const double *mass) {
  wg_sum sum = {0};
  double largest = 0.0;
  t->mass[side] = WG_NEW(&t->mem, double, t->cells);
  t->given[side] = WG_NEW(&t->mem, double, t->cells);
  if (!t->mass[side] || !t->given[side]) return wg_no_memory();
  for (int64_t i = 0; i < t->cells; i++) {
    if (!(mass[i] >= 0.0 && isfinite(mass[i]))) return refuse_entry(t, side, i, mass[i]);
    largest = WG_MAX(largest, mass[i]);
    t->given[side][i] = mass[i];
  }
  if (!(largest > 0.0))
    return wg_fail(WG_ERR_INPUT, "mass%d is zero everywhere; a density has mass somewhere", side);
  for (int64_t i = 0; i < t->cells; i++) wg_sum_add(&sum, mass[i] / largest);
  for (int64_t i = 0; i < t->cells; i++) t->mass[side][i] = mass[i] / largest / wg_sum_value(sum);
  t->problem.mass[side] = t->mass[side];
  t->problem.given[side] = t->given[side];
  return WG_OK;
}

static int bind_gauge(const char *gauge, int64_t d, wg_gauge_spec *spec) {
  WG_TRY(wg_gauge_parse(gauge, spec));
  WG_TRY(wg_gauge_bind(spec, d));
  if (wg_gauge_is_convex(spec)) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "%s is not convex, and neither is its action; use p >= 1", gauge);
}

/* ---- the solve ---- */

static wg_dynamic_solution *create(const wg_dynamic_settings *settings, int64_t d,
                                   const int64_t *shape, const double *spacing) {
  wg_ledger first = {.limit = (size_t)settings->memory_limit};
  wg_mem mem = wg_mem_of(&first);
  wg_dynamic_solution *t = WG_NEW(&mem, wg_dynamic_solution, 1);
  if (!t) return NULL;
  *t = (wg_dynamic_solution){.cells = 1, .corners = 1};
  t->context.ledger = first;
  mem.ledger = &t->context.ledger; /* the first block is the solution itself */
  t->mem = mem;
  t->context.threads = wg_thread_count(settings->threads);
  t->problem = (wg_dynamic_problem){.d = d,
                                    .steps = settings->steps,
                                    .spec = &t->spec,
                                    .tol = settings->tol,
                                    .max_iterations = settings->max_iterations};
  for (int64_t k = 0; k < d; k++) {
    t->problem.n[k] = shape[k];
    t->problem.spacing[k] = spacing ? spacing[k] : 1.0;
    t->cells *= shape[k];
    t->corners *= shape[k] + 1;
  }
  wg_watch_start(&t->context.watch, settings->time_limit, settings->progress,
                 settings->progress_data);
  return t;
}

static int run(wg_dynamic_solution *t, const double *mass0, const double *mass1,
               const char *gauge) {
  WG_TRY(bind_gauge(gauge, t->problem.d, &t->spec));
  wg_gauge_print(&t->spec, t->gauge);
  WG_TRY(take_side(t, 0, mass0));
  WG_TRY(take_side(t, 1, mass1));
  return wg_dynamic_search(&t->context, &t->mem, &t->problem, &t->answer);
}

static wg_dynamic_info describe(const wg_dynamic_solution *t) {
  const wg_dynamic_answer *answer = &t->answer;
  const bool proved = answer->upper - answer->lower <= t->problem.tol * answer->upper;
  return (wg_dynamic_info){.struct_size = sizeof(wg_dynamic_info),
                           .outcome = proved ? WG_CERTIFIED : answer->outcome,
                           .converged = answer->converged,
                           .primal = answer->primal,
                           .dual = answer->dual,
                           .lower = answer->lower,
                           .upper = answer->upper,
                           .w = sqrt(answer->primal),
                           .mass_residual = answer->mass_residual,
                           .least_density = answer->least_density,
                           .mass_error = answer->mass_error,
                           .continuity = answer->continuity,
                           .seconds = wg_now() - t->context.watch.start,
                           .iterations = answer->iterations,
                           .peak_bytes = (int64_t)t->context.ledger.peak};
}

void wg_dynamic_free(wg_dynamic_solution *solution) {
  if (!solution) return;
  wg_ledger ledger = solution->context.ledger;
  wg_mem mem = solution->mem;
  mem.ledger = &ledger; /* the ledger is among the blocks freed */
  wg_mem_clear(&mem);
}

int wg_dynamic(int64_t d, const int64_t *shape, const double *spacing, const double *mass0,
               const double *mass1, const char *gauge, const wg_dynamic_settings *settings,
               wg_dynamic_info *info, wg_dynamic_solution **solution) {
  wg_dynamic_settings defaults;
  wg_clear_error();
  wg_dynamic_settings_init(&defaults);
  if (!settings) settings = &defaults;
  WG_TRY(check_settings(settings));
  WG_TRY(check_arguments(d, shape, spacing, mass0, mass1, gauge));
  wg_dynamic_solution *t = create(settings, d, shape, spacing);
  if (!t) return wg_no_memory();
  int status = run(t, mass0, mass1, gauge);
  if (status == WG_OK) {
    const wg_dynamic_info found = describe(t);
    if (info) *info = found;
    status = found.outcome;
  }
  if (status >= 0 && solution)
    *solution = t;
  else
    wg_dynamic_free(t);
  return status;
}

int wg_dynamic_get(const wg_dynamic_solution *solution, wg_dynamic_path *path) {
  wg_clear_error();
  if (!solution || !path) return wg_fail(WG_ERR_ARGUMENT, "solution and path must not be NULL");
  *path = (wg_dynamic_path){.struct_size = sizeof *path,
                            .steps = solution->problem.steps,
                            .cells = solution->cells,
                            .corners = solution->corners,
                            .density = solution->answer.density,
                            .momentum = solution->answer.momentum,
                            .potential = solution->answer.potential,
                            .q = solution->answer.q,
                            .moment = solution->answer.moment};
  return WG_OK;
}

/* ---- certificates ---- */

int wg_dynamic_certificate(const wg_dynamic_solution *t, wg_certificate_file **file) {
  wg_clear_error();
  if (!t || !file) return wg_fail(WG_ERR_ARGUMENT, "solution and file must not be NULL");
  const wg_dynamic_answer *answer = &t->answer;
  const int64_t d = t->problem.d, steps = t->problem.steps;
  const double claim[3] = {answer->lower, answer->upper, t->problem.tol};
  const wg_certificate_array momentum = {
      .name = "momentum", .ndim = 3, .shape = {steps, d, t->cells}, .data = answer->momentum};
  const wg_certificate_array arrays[] = {
      wg_array_indices("shape", d, t->problem.n),
      wg_array_row("spacing", d, t->problem.spacing),
      wg_array_row("mass0", t->cells, t->given[0]),
      wg_array_row("mass1", t->cells, t->given[1]),
      wg_array_rows("density", steps, t->cells, answer->density),
      momentum,
      wg_array_rows("potential", steps + 1, t->corners, answer->potential),
      wg_array_rows("q", d, d, answer->q),
      wg_array_row("claim", 3, claim)};
  return wg_certificate_create(file, "grid", t->gauge, sizeof arrays / sizeof *arrays, arrays);
}

static void judge_claim(const wg_cert_grid_report *report, double lower, double upper,
                        wg_verdict *verdict) {
  *verdict = (wg_verdict){.struct_size = sizeof *verdict,
                          .lower = WG_MIN(report->lower, report->upper),
                          .upper = report->upper};
  verdict->lower_excess = lower - verdict->lower;
  verdict->upper_excess = report->upper - upper;
  verdict->valid = lower <= verdict->lower && report->upper <= upper;
  if (verdict->valid) return;
  const bool below = lower > verdict->lower;
  snprintf(verdict->finding, sizeof verdict->finding,
           "%s bound: %.15g is claimed, only %.15g follows (%.3g %s); gamma°(Q) = %.15g, the "
           "continuity equation may move a density by %.3g, the least one is %.3g",
           below ? "lower" : "upper", below ? lower : upper, below ? verdict->lower : report->upper,
           below ? verdict->lower_excess : verdict->upper_excess, below ? "less" : "more",
           report->dual_gauge, report->reach, report->least);
}

/* Masses >= 0, not all zero. */
static int check_masses(int64_t cells, const char *name, const double *mass) {
  double largest = 0.0;
  for (int64_t i = 0; i < cells; i++) {
    if (!(mass[i] >= 0.0 && isfinite(mass[i])))
      return wg_fail(WG_ERR_INPUT, "%s[%lld] = %g: densities must be >= 0 and finite", name,
                     (long long)i, mass[i]);
    largest = WG_MAX(largest, mass[i]);
  }
  if (largest > 0.0) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "%s is zero everywhere; a density has mass somewhere", name);
}

static int check_path(int64_t d, const int64_t *shape, const wg_dynamic_path *path) {
  int64_t cells = 1, corners = 1;
  for (int64_t k = 0; k < d; k++) {
    cells *= shape[k];
    corners *= shape[k] + 1;
  }
  if (!path->density || !path->momentum || !path->potential || !path->q)
    return wg_fail(WG_ERR_ARGUMENT, "the path needs density, momentum, potential and q");
  if (path->cells == cells && path->corners == corners && path->steps >= 2 &&
      path->steps <= MOST_STEPS)
    return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "the path has %lld steps, %lld cells and %lld corners; 2 to %d steps, %lld cells "
                 "and %lld corners follow from the shape",
                 (long long)path->steps, (long long)path->cells, (long long)path->corners,
                 MOST_STEPS, (long long)cells, (long long)corners);
}

int wg_dynamic_verify(int64_t d, const int64_t *shape, const double *spacing, const double *mass0,
                      const double *mass1, const char *gauge, const wg_dynamic_path *path,
                      double lower, double upper, int threads, wg_verdict *verdict) {
  wg_cert_grid_report report = {0};
  wg_clear_error();
  if (!spacing || !path || !verdict)
    return wg_fail(WG_ERR_ARGUMENT, "spacing, path and verdict must not be NULL");
  WG_TRY(check_arguments(d, shape, spacing, mass0, mass1, gauge));
  WG_TRY(check_path(d, shape, path));
  WG_TRY(check_masses(path->cells, "mass0", mass0));
  WG_TRY(check_masses(path->cells, "mass1", mass1));
  if (!isfinite(lower) || !isfinite(upper))
    return wg_fail(WG_ERR_INPUT, "the claimed bounds %g and %g must be finite", lower, upper);
  const wg_cert_grid data = {d, shape, spacing, path->steps, {mass0, mass1}};
  const wg_cert_grid_proof proof = {path->density, path->momentum, path->potential, path->q};
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = WG_NEW(&mem, wg_gauge_spec, 1);
  int status = spec ? bind_gauge(gauge, d, spec) : wg_no_memory();
  if (status == WG_OK)
    status = wg_cert_grid_bounds(&mem, wg_thread_count(threads), &data, spec, &proof, 1.0, &report);
  wg_mem_clear(&mem);
  if (status == WG_OK) judge_claim(&report, lower, upper, verdict);
  return status;
}
