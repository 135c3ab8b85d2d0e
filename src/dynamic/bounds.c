/* Estimates and bounds of the value of the problem on the grid, from any state of the splitting.
 *
 * Estimates. gamma(sum R) of the multipliers, whose path nearly obeys the continuity equation, and
 * what the potential is worth, which is nearly feasible: both come near the value from either side.
 *
 * Lower bound. Any Q in K, made definite by a little of the centre of K, and any phi become
 * feasible when phi loses, slab by slab, the largest excess of a + b' Q^-1 b / 4 over its cells:
 * both measures have mass one, so that is what the value loses.
 *
 * Upper bound. Density and momentum are the multipliers, moved onto the continuity equation by the
 * nearest (in the norm of the splitting) solution of one Poisson equation. What is negative then is
 * cured by a little of a path that is positive everywhere: the detour over the uniform density,
 * straight to it and straight on. gamma of sum m m'/rho is an upper bound whatever the share of it.
 *
 * Both are derived again by certify/ (grid.c) from the arrays that are the answer, rounding and
 * what is left of the continuity equation included, and only those are reported. What is left can
 * move densities, so that they have to be above it: the share of the detour grows until that costs
 * no more than it gains. Both hold for the grid, whatever the splitting has reached; the distance
 * between the grid and the densities is discretisation, and has no bound here.
 *
 * Cost: about four iterations. */
#include <string.h>

#include "certify/certify.h"
#include "dynamic/parts.h"
#include "linalg/la.h"

/* ---- lower ---- */

/* The largest a + b' w' w b / 4 of a slab; w w' = Q^-1. */
static double excess_of(const wg_lattice *l, const double *field, const double *w) {
  const int64_t d = l->d;
  double most = -INFINITY;
  for (int64_t i = 0; i < l->cells; i++) {
    double sum = field[i];
    for (int64_t r = 0; r < d; r++) {
      double along = 0.0;
      for (int64_t c = 0; c <= r; c++) along += w[r * d + c] * field[(1 + c) * l->cells + i];
      sum += 0.25 * along * along;
    }
    most = WG_MAX(most, sum);
  }
  return most;
}

/* inverse of the Cholesky factor of (1 - share) q + share centre; false if that is not definite. */
static bool whiten(const wg_dynamic_state *s, double share, double *q, double *w) {
  const int64_t d = s->lattice.d;
  double factor[WG_DYNAMIC_MAX_D * WG_DYNAMIC_MAX_D];
  wg_gauge_center(s->problem->spec, q);
  for (int64_t k = 0; k < d * d; k++) {
    factor[k] = q[k] = (1.0 - share) * s->q[k] + share * q[k];
    w[k] = k % (d + 1) == 0 ? 1.0 : 0.0;
  }
  if (wg_la_cholesky(d, factor)) return false;
  wg_la_lower_solve(d, factor, false, d, w);
  return true;
}

/* What the potential is worth, feasible or not. */
static double worth_of_potential(const wg_dynamic_state *s) {
  const wg_lattice *l = &s->lattice;
  const double *last = s->potential + l->steps * l->corners;
  wg_sum value = {0};
  for (int64_t c = 0; c < l->corners; c++) {
    wg_sum_add(&value, s->ends[l->corners + c] * last[c]);
    wg_sum_add(&value, -s->ends[c] * s->potential[c]);
  }
  return wg_sum_value(value);
}

/* The field holds the derivatives of the potential. */
static double lower_at(wg_dynamic_state *s, double share, double *q, double *excess) {
  const wg_lattice *l = &s->lattice;
  double w[WG_DYNAMIC_MAX_D * WG_DYNAMIC_MAX_D];
  double value = worth_of_potential(s);
  if (!whiten(s, share, q, w)) return -INFINITY;
#pragma omp parallel for num_threads(s->threads) schedule(static)
  for (int64_t slab = 0; slab < l->steps; slab++)
    excess[slab] = excess_of(l, s->field + slab * (1 + l->d) * l->cells, w);
  for (int64_t slab = 0; slab < l->steps; slab++) value -= l->dt * excess[slab];
  return value;
}

/* The potential of the answer, in the units of the problem, with the excess taken off. */
static void write_potential(const wg_dynamic_state *s, const double *excess, double *potential) {
  const wg_lattice *l = &s->lattice;
  double taken = 0.0;
  for (int64_t time = 0; time <= l->steps; time++) {
    for (int64_t c = 0; c < l->corners; c++)
      potential[time * l->corners + c] =
          s->length * s->length * (s->potential[time * l->corners + c] - taken);
    if (time < l->steps) taken += l->dt * excess[time];
  }
}

static void bound_below(wg_dynamic_state *s, wg_dynamic_answer *answer) {
  const double shares[] = {0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0};
  const int count = sizeof shares / sizeof *shares;
  double q[WG_DYNAMIC_MAX_D * WG_DYNAMIC_MAX_D], best = -INFINITY, kept = 1.0;
  for (int k = 0; k < count; k++) {
    const double value = lower_at(s, shares[k], q, s->sums);
    if (value > best) best = value, kept = shares[k];
  }
  best = lower_at(s, kept, answer->q, s->sums);
  write_potential(s, s->sums, answer->potential);
  answer->lower = WG_MAX(best, 0.0) * s->length * s->length;
}

/* ---- upper ---- */

/* The detour in slab n: density 1 + left (rho0 - 1) + arrived (rho1 - 1), momentum leave J0 +
 * arrive J1 with -div J0 = 1 - rho0 and -div J1 = rho1 - 1. Two units of time for half the way; the
 * middle slab of an odd number does half of both. */
typedef struct detour {
  double left, arrived, leave, arrive;
} detour;

static double rate_in(int64_t steps, int64_t slab) {
  if (2 * slab + 1 == steps) return 1.0;
  return 2 * slab < steps ? 2.0 : 0.0;
}

static double left_in(int64_t steps, int64_t slab) {
  const double rate = rate_in(steps, slab);
  return rate > 0.0 ? 1.0 - (2.0 * (double)slab + 0.5 * rate) / (double)steps : 0.0;
}

static detour detour_in(int64_t steps, int64_t slab) {
  const int64_t mirror = steps - 1 - slab;
  return (detour){left_in(steps, slab), left_in(steps, mirror), rate_in(steps, slab),
                  rate_in(steps, mirror)};
}

void wg_dynamic_prepare_detour(wg_dynamic_state *s) {
  const wg_lattice *l = &s->lattice;
  const int64_t slab = l->d * l->cells;
  double *a = s->room, *corner = s->potential;
  for (int side = 0; side < 2; side++) {
    const double direction = side == 0 ? 1.0 : -1.0;
    for (int64_t i = 0; i < l->cells; i++)
      a[i] = direction * (1.0 - s->problem->mass[side][i] * (double)l->cells);
    memset(corner, 0, (size_t)l->corners * sizeof *corner);
    wg_lattice_gather(l, a, NULL, corner);
    wg_poisson_solve_space(s->poisson, corner);
    wg_lattice_gradient(l, corner, corner, a, s->drift + side * slab);
  }
}

/* The multipliers as a field of density and momentum, relative to the uniform density. */
static void read_path(wg_dynamic_state *s, int64_t slab) {
  const wg_lattice *l = &s->lattice;
  const int64_t d = l->d, cells = l->cells;
  const double *v = s->v + slab * s->entries * cells;
  double *field = s->field + slab * (1 + d) * cells;
  double absolute[WG_DYNAMIC_ENTRIES * WG_LANES];
  for (int64_t from = 0; from < cells; from += WG_LANES) {
    const int64_t count = WG_MIN(cells - from, (int64_t)WG_LANES);
    wg_absolute(d, count, v + from, cells, absolute);
    for (int64_t j = 0; j <= d; j++) {
      const int64_t e = wg_entry(d, j == 0 ? d : j - 1);
      for (int64_t i = 0; i < count; i++)
        field[j * cells + from + i] =
            0.5 * s->penalty * (absolute[e * WG_LANES + i] - v[e * cells + from + i]);
    }
  }
}

/* The right side of the continuity equation minus the transpose of the gradient of the path. */
static void find_defect(wg_dynamic_state *s) {
  const wg_lattice *l = &s->lattice;
  const double total = (double)(l->steps * l->cells);
  double *last = s->potential + l->steps * l->corners;
  wg_lattice_adjoint(l, s->threads, s->field, s->room, s->potential);
  for (int64_t k = 0; k < (l->steps + 1) * l->corners; k++) s->potential[k] = -s->potential[k];
  for (int64_t c = 0; c < l->corners; c++) {
    s->potential[c] -= total * s->ends[c];
    last[c] += total * s->ends[l->corners + c];
  }
}

/* Adds the gradient of the solution of Poisson's equation for the defect. */
static void correct_path(wg_dynamic_state *s) {
  const wg_lattice *l = &s->lattice;
  const int64_t slab_size = (1 + l->d) * l->cells;
  find_defect(s);
  wg_poisson_solve(s->poisson, s->potential);
#pragma omp parallel for num_threads(s->threads) schedule(static)
  for (int64_t slab = 0; slab < l->steps; slab++) {
    const double *before = s->potential + slab * l->corners;
    double *mine = s->room + wg_worker() * slab_size, *field = s->field + slab * slab_size;
    wg_lattice_gradient(l, before, before + l->corners, mine, mine + l->cells);
    for (int64_t i = 0; i < l->cells; i++) field[i] += mine[i];
    for (int64_t i = l->cells; i < slab_size; i++) field[i] += 0.5 * mine[i];
  }
}

/* Density and momentum (path: 1 + d numbers) of cell i with a share of the detour. */
static void blend(const wg_dynamic_state *s, int64_t slab, int64_t i, double share, double *path) {
  const wg_lattice *l = &s->lattice;
  const int64_t cells = l->cells;
  const double *field = s->field + slab * (1 + l->d) * cells;
  const detour by = detour_in(l->steps, slab);
  const double rho0 = s->problem->mass[0][i] * (double)cells;
  const double rho1 = s->problem->mass[1][i] * (double)cells;
  const double around = 1.0 + by.left * (rho0 - 1.0) + by.arrived * (rho1 - 1.0);
  path[0] = (1.0 - share) * field[i] + share * around;
  for (int64_t j = 0; j < l->d; j++) {
    const double flux =
        by.leave * s->drift[j * cells + i] + by.arrive * s->drift[(l->d + j) * cells + i];
    path[1 + j] = (1.0 - share) * field[(1 + j) * cells + i] + share * flux;
  }
}

/* Lower triangle of sum m m'/rho over a slab; infinite unless the density is positive. */
static void action_of(const wg_dynamic_state *s, int64_t slab, double share, double *sums) {
  const int64_t d = s->lattice.d;
  double path[1 + WG_DYNAMIC_MAX_D];
  memset(sums, 0, (size_t)s->entries * sizeof *sums);
  for (int64_t i = 0; i < s->lattice.cells; i++) {
    blend(s, slab, i, share, path);
    const double over = path[0] > 0.0 ? 1.0 / path[0] : INFINITY;
    for (int64_t r = 0; r < d; r++)
      for (int64_t c = 0; c <= r; c++)
        sums[wg_entry(r, c)] +=
            path[1 + r] == 0.0 && path[0] == 0.0 ? 0.0 : path[1 + r] * path[1 + c] * over;
  }
}

/* Adds the sums of all slabs up to a second moment (d x d), in the units of the problem, and takes
 * its gauge; infinite if it is. */
static int gauge_of_sums(const wg_dynamic_state *s, double *moment, double *value) {
  const wg_lattice *l = &s->lattice;
  const double scale = s->length * s->length / (double)(l->steps * l->cells);
  *value = INFINITY;
  for (int64_t r = 0; r < l->d; r++)
    for (int64_t c = 0; c <= r; c++) {
      wg_sum sum = {0};
      for (int64_t slab = 0; slab < l->steps; slab++)
        wg_sum_add(&sum, s->sums[slab * s->entries + wg_entry(r, c)]);
      moment[r * l->d + c] = moment[c * l->d + r] = scale * wg_sum_value(sum);
      if (!isfinite(moment[r * l->d + c])) return WG_OK;
    }
  return wg_gauge_value(s->problem->spec, moment, s->mem, value);
}

/* gamma of the second moment of the velocity of the blended path; moment: d x d. */
static int upper_at(wg_dynamic_state *s, double share, double *moment, double *value) {
#pragma omp parallel for num_threads(s->threads) schedule(static)
  for (int64_t slab = 0; slab < s->lattice.steps; slab++)
    action_of(s, slab, share, s->sums + slab * s->entries);
  return gauge_of_sums(s, moment, value);
}

/* Writes the blend into the answer, in the units of the problem. */
static void write_path(const wg_dynamic_state *s, double share, wg_dynamic_answer *answer) {
  const wg_lattice *l = &s->lattice;
#pragma omp parallel for num_threads(s->threads) schedule(static)
  for (int64_t slab = 0; slab < l->steps; slab++) {
    double path[1 + WG_DYNAMIC_MAX_D];
    for (int64_t i = 0; i < l->cells; i++) {
      blend(s, slab, i, share, path);
      answer->density[slab * l->cells + i] = path[0] / (double)l->cells;
      for (int64_t j = 0; j < l->d; j++)
        answer->momentum[(slab * l->d + j) * l->cells + i] =
            path[1 + j] * s->length / (double)l->cells;
    }
  }
}

/* Makes the path of the answer the field, and checks it. */
static void settle(wg_dynamic_state *s, wg_dynamic_answer *answer) {
  const wg_lattice *l = &s->lattice;
  const double cells = (double)l->cells;
  answer->least_density = INFINITY;
  answer->mass_error = answer->continuity = 0.0;
  for (int64_t slab = 0; slab < l->steps; slab++) {
    double *field = s->field + slab * (1 + l->d) * l->cells;
    const double *density = answer->density + slab * l->cells;
    const double *momentum = answer->momentum + slab * l->d * l->cells;
    wg_sum mass = {0};
    for (int64_t i = 0; i < l->cells; i++) {
      field[i] = density[i] * cells;
      wg_sum_add(&mass, density[i]);
      answer->least_density = WG_MIN(answer->least_density, density[i]);
    }
    for (int64_t i = 0; i < l->d * l->cells; i++)
      field[l->cells + i] = momentum[i] / s->length * cells;
    answer->mass_error = WG_MAX(answer->mass_error, fabs(wg_sum_value(mass) - 1.0));
  }
  find_defect(s);
  for (int64_t k = 0; k < (l->steps + 1) * l->corners; k++)
    answer->continuity = WG_MAX(answer->continuity, fabs(s->potential[k]) * l->dt / cells);
}

/* What certify/ says of the answer as it is written. */
static int certify(wg_dynamic_state *s, const wg_dynamic_answer *answer,
                   wg_cert_grid_report *report) {
  const double margin = 2.0; /* room for another machine's rounding */
  const wg_dynamic_problem *problem = s->problem;
  const wg_cert_grid data = {.d = problem->d,
                             .shape = problem->n,
                             .spacing = problem->spacing,
                             .steps = problem->steps,
                             .mass = {problem->given[0], problem->given[1]}};
  const wg_cert_grid_proof proof = {answer->density, answer->momentum, answer->potential,
                                    answer->q};
  wg_mem scratch = wg_mem_of(s->mem->ledger);
  const int status = wg_cert_grid_bounds(&scratch, s->context->threads, &data, problem->spec,
                                         &proof, margin, report);
  wg_mem_clear(&scratch);
  return status;
}

/* The share of the detour, from one that looks best, under which the certified bound is least. */
static int settle_share(wg_dynamic_state *s, double share, double best, wg_dynamic_answer *answer) {
  const double least = 1e-12, factor = 10.0, enough = 1.0 + 0.05 * s->problem->tol;
  wg_cert_grid_report report;
  double kept = share, tried = share;
  answer->upper = INFINITY;
  for (;; tried = WG_MIN(WG_MAX(tried * factor, least), 1.0)) {
    write_path(s, tried, answer);
    WG_TRY(certify(s, answer, &report));
    answer->lower = report.lower;
    const bool better = report.upper < answer->upper;
    if (better) answer->upper = report.upper, kept = tried;
    if (answer->upper <= best * enough || (isfinite(answer->upper) && !better)) break;
    if (tried >= 1.0) break;
  }
  if (kept != tried) write_path(s, kept, answer);
  answer->lower = WG_MIN(answer->lower, answer->upper);
  WG_TRY(upper_at(s, kept, answer->moment, &best));
  settle(s, answer);
  return WG_OK;
}

static int bound_above(wg_dynamic_state *s, wg_dynamic_answer *answer) {
  const double least = 1e-7, factor = 2.5;
  double best = INFINITY, kept = 1.0, value;
#pragma omp parallel for num_threads(s->threads) schedule(static)
  for (int64_t slab = 0; slab < s->lattice.steps; slab++) read_path(s, slab);
  correct_path(s);
  for (double share = 0.0; share <= 1.0; share = share == 0.0 ? least : share * factor) {
    WG_TRY(upper_at(s, share, answer->moment, &value));
    if (value < best) best = value, kept = share;
  }
  return settle_share(s, kept, best, answer);
}

/* ---- what the splitting itself says ---- */

/* Sums of the multipliers R and rho over a slab. */
static void add_multipliers(const wg_dynamic_state *s, int64_t slab, double *sums) {
  const int64_t d = s->lattice.d, cells = s->lattice.cells;
  const double *v = s->v + slab * s->entries * cells;
  double absolute[WG_DYNAMIC_ENTRIES * WG_LANES];
  memset(sums, 0, (size_t)s->entries * sizeof *sums);
  for (int64_t from = 0; from < cells; from += WG_LANES) {
    const int64_t count = WG_MIN(cells - from, (int64_t)WG_LANES);
    wg_absolute(d, count, v + from, cells, absolute);
    for (int64_t e = 0; e < s->entries; e++)
      for (int64_t i = 0; i < count; i++)
        sums[e] += 0.5 * s->penalty * (absolute[e * WG_LANES + i] - v[e * cells + from + i]);
  }
}

int wg_dynamic_estimate(wg_dynamic_state *s, wg_dynamic_answer *answer) {
  const wg_lattice *l = &s->lattice;
  double moment[WG_DYNAMIC_MAX_D * WG_DYNAMIC_MAX_D], worst = 0.0;
#pragma omp parallel for num_threads(s->threads) schedule(static)
  for (int64_t slab = 0; slab < l->steps; slab++)
    add_multipliers(s, slab, s->sums + slab * s->entries);
  for (int64_t slab = 0; slab < l->steps; slab++)
    worst = WG_MAX(worst, fabs(s->sums[(slab + 1) * s->entries - 1] / (double)l->cells - 1.0));
  answer->dual = WG_MAX(worth_of_potential(s), 0.0) * s->length * s->length;
  answer->mass_residual = worst;
  return gauge_of_sums(s, moment, &answer->primal);
}

int wg_dynamic_bounds(wg_dynamic_state *s, wg_dynamic_answer *answer) {
  const wg_lattice *l = &s->lattice;
  const int64_t slab_size = (1 + l->d) * l->cells;
#pragma omp parallel for num_threads(s->threads) schedule(static)
  for (int64_t slab = 0; slab < l->steps; slab++) {
    const double *before = s->potential + slab * l->corners;
    double *field = s->field + slab * slab_size;
    wg_lattice_gradient(l, before, before + l->corners, field, field + l->cells);
  }
  WG_TRY(wg_gauge_feasible(s->problem->spec, s->q, s->mem));
  bound_below(s, answer);
  return bound_above(s, answer);
}
