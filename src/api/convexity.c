/* Convexity of energies along geodesics, and the Poincare constants that rates come from (theory
 * 6.2, docs/theory/convexity.md).
 *
 * Second differences of K values over evenly spaced times are as good as the values: divided by
 * h^2, an error of some units in the last place of the largest value stays, which is reported and
 * forgiven. An energy whose terms cancel, such as MMD^2 of nearly equal clouds, is known far worse
 * than its own last place, and so is one at points whose coordinates are large beside what they
 * move by. Both show when the points move by half a unit in their last places: F is evaluated so at
 * three times, and eight times the largest change is forgiven. That is an estimate, no bound.
 *
 * Cost: count + 9 evaluations of the energy at the entries of a plan; the list itself is free. */
#include <string.h>

#include "api/api.h"
#include "flow/flow.h"

/* ---- along a geodesic ---- */

static int evaluate_along(wg_energy *energy, const wg_solver *solver, int64_t entries,
                          int64_t count, double *points, double *masses, double *energies) {
  for (int64_t k = 0; k < count; k++) {
    const double time = (double)k / (double)(count - 1);
    WG_TRY(wg_geodesic(solver, time, points, masses));
    WG_TRY(wg_energy_evaluate(energy, entries, solver->d, points, masses, &energies[k], NULL));
  }
  return WG_OK;
}

int wg_energy_along(wg_energy *energy, const wg_solver *solver, int64_t count, double *energies) {
  wg_plan plan;
  wg_clear_error();
  if (!energy || !energies) return wg_fail(WG_ERR_ARGUMENT, "energy and energies must not be NULL");
  if (count < 2) return wg_fail(WG_ERR_ARGUMENT, "count = %lld is below 2", (long long)count);
  WG_TRY(wg_get_plan(solver, &plan));
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *points = WG_NEW(&mem, double, plan.count * solver->d);
  double *masses = WG_NEW(&mem, double, plan.count);
  int status = points && masses ? WG_OK : wg_no_memory();
  if (status == WG_OK)
    status = evaluate_along(energy, solver, plan.count, count, points, masses, energies);
  wg_mem_clear(&mem);
  return status;
}

/* ---- what rounding does to an energy ---- */

typedef struct jitter {
  int64_t entries, d;
  double *points, *masses, *moved, *reach; /* reach: the larger of |x| and |y|, entry by entry */
} jitter;

/* The largest change of F at one time; +inf energies say nothing of rounding. */
static int change_at(wg_energy *energy, const wg_solver *solver, double time, wg_rng *rng,
                     const jitter *j, double *largest) {
  const int draws = 3;
  double here, there;
  WG_TRY(wg_geodesic(solver, time, j->points, j->masses));
  WG_TRY(wg_energy_evaluate(energy, j->entries, j->d, j->points, j->masses, &here, NULL));
  for (int draw = 0; draw < draws && isfinite(here); draw++) {
    for (int64_t k = 0; k < j->entries * j->d; k++)
      j->moved[k] = j->points[k] + (2.0 * wg_rng_uniform(rng) - 1.0) * 2.0 * WG_UNIT * j->reach[k];
    WG_TRY(wg_energy_evaluate(energy, j->entries, j->d, j->moved, j->masses, &there, NULL));
    if (isfinite(there)) *largest = WG_MAX(*largest, fabs(there - here));
  }
  return WG_OK;
}

static int shake(wg_energy *energy, const wg_solver *solver, const jitter *j, double *rounding) {
  const double many = 8.0;
  wg_rng rng = {1};
  *rounding = 0.0;
  WG_TRY(wg_geodesic(solver, 0.0, j->reach, j->masses));
  WG_TRY(wg_geodesic(solver, 1.0, j->points, j->masses));
  for (int64_t k = 0; k < j->entries * j->d; k++)
    j->reach[k] = WG_MAX(fabs(j->reach[k]), fabs(j->points[k]));
  for (int k = 0; k <= 2; k++) WG_TRY(change_at(energy, solver, 0.5 * k, &rng, j, rounding));
  *rounding *= many;
  return WG_OK;
}

int wg_energy_rounding(wg_energy *energy, const wg_solver *solver, double *rounding) {
  wg_plan plan;
  wg_clear_error();
  if (!energy || !rounding) return wg_fail(WG_ERR_ARGUMENT, "energy and rounding must not be NULL");
  WG_TRY(wg_get_plan(solver, &plan));
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  const int64_t size = plan.count * solver->d;
  jitter j = {.entries = plan.count,
              .d = solver->d,
              .points = WG_NEW(&mem, double, size),
              .masses = WG_NEW(&mem, double, plan.count),
              .moved = WG_NEW(&mem, double, size),
              .reach = WG_NEW(&mem, double, size)};
  int status = j.points && j.masses && j.moved && j.reach ? WG_OK : wg_no_memory();
  if (status == WG_OK) status = shake(energy, solver, &j, rounding);
  wg_mem_clear(&mem);
  return status;
}

/* ---- second differences ---- */

/* An infinite value is above every chord; beside one, every chord is infinite. */
static double second_difference(const double *f, double step) {
  if (isinf(f[-1]) || isinf(f[1])) return INFINITY;
  if (isinf(f[0])) return -INFINITY;
  return ((f[-1] - f[0]) + (f[1] - f[0])) / (step * step);
}

int wg_convexity(int64_t count, const double *energies, double *second, wg_convexity_info *info) {
  return wg_convexity_within(count, energies, 0.0, second, info);
}

int wg_convexity_within(int64_t count, const double *energies, double rounding, double *second,
                        wg_convexity_info *info) {
  const double units = 16.0; /* in the last place of a value; energies are sums */
  double largest = 0.0;
  wg_clear_error();
  if (!energies || !info) return wg_fail(WG_ERR_ARGUMENT, "energies and info must not be NULL");
  if (count < 3) return wg_fail(WG_ERR_ARGUMENT, "count = %lld is below 3", (long long)count);
  if (!(rounding >= 0.0) || isinf(rounding))
    return wg_fail(WG_ERR_ARGUMENT, "rounding = %g is not a finite number >= 0", rounding);
  *info = (wg_convexity_info){.struct_size = sizeof *info, .least = INFINITY, .time = NAN};
  const double step = 1.0 / (double)(count - 1);
  for (int64_t k = 0; k < count; k++) {
    if (isnan(energies[k]) || energies[k] == -INFINITY)
      return wg_fail(WG_ERR_INPUT, "energies[%lld] = %g; only finite values and +inf are usable",
                     (long long)k, energies[k]);
    if (isfinite(energies[k])) largest = WG_MAX(largest, fabs(energies[k]));
  }
  for (int64_t k = 1; k < count - 1; k++) {
    const double found = second_difference(energies + k, step);
    if (second) second[k - 1] = found;
    if (!(found < info->least)) continue;
    info->least = found;
    info->time = (double)k * step;
  }
  info->noise = WG_MAX(units * WG_UNIT * largest, rounding) / (step * step);
  info->convex = info->least >= -info->noise;
  return WG_OK;
}

/* ---- Poincare ---- */

static int bind_gauge(const char *gauge, wg_gauge_spec *spec) {
  WG_TRY(wg_gauge_parse(gauge, spec));
  WG_TRY(wg_gauge_bind(spec, 2));
  if (spec->outer != WG_SINGLE)
    return wg_fail(WG_ERR_INPUT, "%s has blocks, which rotations change; give one gauge", gauge);
  if (wg_gauge_is_convex(spec)) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "%s is not convex; use p >= 1", gauge);
}

int wg_poincare(double exponent, const char *gauge, double tol, wg_poincare_info *info) {
  const double most = 16.0;
  wg_poincare_bounds found;
  wg_clear_error();
  if (!gauge || !info) return wg_fail(WG_ERR_ARGUMENT, "gauge and info must not be NULL");
  if (!(exponent > 1.0 && exponent <= most))
    return wg_fail(WG_ERR_ARGUMENT, "exponent = %g is not above 1 and at most %g", exponent, most);
  if (!(tol > 0.0 && tol < 1.0)) return wg_fail(WG_ERR_ARGUMENT, "tol = %g is not in (0, 1)", tol);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = WG_NEW(&mem, wg_gauge_spec, 1);
  int status = spec ? bind_gauge(gauge, spec) : wg_no_memory();
  if (status == WG_OK) status = wg_poincare_radial(&mem, exponent, spec, tol, &found);
  wg_mem_clear(&mem);
  if (status < 0) return status;
  *info = (wg_poincare_info){.struct_size = sizeof *info,
                             .lower = found.lower,
                             .upper = found.upper,
                             .q = {found.q[0], found.q[1]},
                             .evaluations = found.evaluations};
  return WG_OK;
}
