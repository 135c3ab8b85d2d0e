/* The dynamic problem by the alternating direction method of multipliers (theory 5).
 *
 * Maximise sum mu1 phi(1) - sum mu0 phi(0) over potentials phi and Q in K_gamma, so that in every
 * cell of space-time L(phi, Q) = [[Q, -b/2], [-b'/2, -a]] is PSD, a = d phi/dt, b = grad phi. With
 * Y = L(phi, Q) and multipliers Z = [[R, m], [m', rho]] each step is closed: phi by Poisson's
 * equation, Q by projecting the mean of the upper left blocks onto K_gamma, Y pointwise. Y and Z /
 * penalty are the positive and the negative part of one field V, so an iteration, over-relaxed by
 * alpha, is
 *
 *   (phi, Q) = argmin of -<ends, phi> + penalty/2 |L(phi, Q) - |V||^2,
 *   V <- (1 - alpha/2) V - (alpha/2) |V| + alpha L(phi, Q).
 *
 * Lengths are divided by about the distance itself, which makes Q, velocities and a of order one:
 * the penalty is then a pure number, which has to grow with the multipliers, that is, with the
 * density where mass is, relative to the uniform one. Sums over slabs are added in order: results
 * do not depend on the number of threads.
 *
 * Cost per iteration: one small eigenproblem a cell and time, two cosine transforms. Memory: (d+1)
 * (d+2)/2 + 2 d + 5 numbers or so a cell and time. */
#include <string.h>

#include "dynamic/parts.h"

static const double relaxation = 1.7;
enum { CHECK_EVERY = 25 };

/* ---- units ---- */

static void place_of(const wg_dynamic_problem *problem, int64_t cell, double *x) {
  for (int64_t k = problem->d - 1; k >= 0; k--) {
    x[k] = ((double)(cell % problem->n[k]) + 0.5) * problem->spacing[k];
    cell /= problem->n[k];
  }
}

static void mean_and_spread(const wg_dynamic_problem *problem, int64_t cells, int side,
                            double *mean, double *spread) {
  double x[WG_DYNAMIC_MAX_D];
  for (int pass = 0; pass < 2; pass++)
    for (int64_t c = 0; c < cells; c++) {
      const double mass = problem->mass[side][c];
      place_of(problem, c, x);
      for (int64_t k = 0; k < problem->d; k++) {
        if (pass == 0) mean[k] += mass * x[k];
        if (pass == 1) spread[k] += mass * (x[k] - mean[k]) * (x[k] - mean[k]);
      }
    }
}

/* About the distance: that of Gaussians with the same means and variances, at least a share of the
 * spread (shapes may differ where moments agree) and a quarter of a cell. */
static double length_of(const wg_dynamic_problem *problem, int64_t cells) {
  double mean[2][WG_DYNAMIC_MAX_D] = {{0}}, spread[2][WG_DYNAMIC_MAX_D] = {{0}};
  double far = 0.0, wide = 0.0, cell = 0.0;
  for (int side = 0; side < 2; side++)
    mean_and_spread(problem, cells, side, mean[side], spread[side]);
  for (int64_t k = 0; k < problem->d; k++) {
    const double shift = mean[1][k] - mean[0][k];
    const double stretch = sqrt(spread[1][k]) - sqrt(spread[0][k]);
    far += shift * shift + stretch * stretch;
    wide += spread[0][k] + spread[1][k];
    cell = WG_MAX(cell, problem->spacing[k]);
  }
  return sqrt(WG_MAX(WG_MAX(far, 0.01 * wide), 0.0625 * cell * cell));
}

/* A share, found by trials in one, two and three dimensions, of the mean density of both measures
 * as their own mass sees it. */
static double penalty_of(const wg_dynamic_problem *problem, int64_t cells) {
  const double share = 1.0 / 64.0;
  double seen[2] = {0.0, 0.0};
  for (int side = 0; side < 2; side++)
    for (int64_t c = 0; c < cells; c++)
      seen[side] += problem->mass[side][c] * problem->mass[side][c] * (double)cells;
  return share * sqrt(seen[0] * seen[1]);
}

/* ---- an iteration ---- */

/* In one slab: |V| goes into the sums of its upper left blocks and into the field that the Poisson
 * step fits; V is left ready for L(phi, Q). */
static void reflect_slab(wg_dynamic_state *s, int64_t slab) {
  const int64_t d = s->lattice.d, cells = s->lattice.cells;
  double *v = s->v + slab * s->entries * cells, *field = s->field + slab * (1 + d) * cells;
  double *sums = s->sums + slab * s->entries;
  double absolute[WG_DYNAMIC_ENTRIES * WG_LANES];
  memset(sums, 0, (size_t)s->entries * sizeof *sums);
  for (int64_t from = 0; from < cells; from += WG_LANES) {
    const int64_t count = WG_MIN(cells - from, (int64_t)WG_LANES);
    wg_absolute(d, count, v + from, cells, absolute);
    for (int64_t e = 0; e < s->entries; e++) {
      double *row = v + e * cells + from;
      const double *size = absolute + e * WG_LANES;
      for (int64_t i = 0; i < count; i++) sums[e] += size[i];
      for (int64_t i = 0; i < count; i++)
        row[i] = (1.0 - 0.5 * relaxation) * row[i] - 0.5 * relaxation * size[i];
    }
    for (int64_t j = 0; j <= d; j++) { /* -a first, then -b/2 */
      double *row = field + (j == 0 ? 0 : j) * cells + from;
      const double *size = absolute + wg_entry(d, j == 0 ? d : j - 1) * WG_LANES;
      for (int64_t i = 0; i < count; i++) row[i] = -size[i];
    }
  }
}

/* The mean of the upper left blocks, projected onto K. */
static int project_mean(wg_dynamic_state *s) {
  const int64_t d = s->lattice.d;
  const double total = (double)(s->lattice.steps * s->lattice.cells);
  for (int64_t r = 0; r < d; r++)
    for (int64_t c = 0; c <= r; c++) {
      double sum = 0.0;
      for (int64_t slab = 0; slab < s->lattice.steps; slab++)
        sum += s->sums[slab * s->entries + wg_entry(r, c)];
      s->q[r * d + c] = s->q[c * d + r] = sum / total;
    }
  return wg_gauge_project(s->problem->spec, s->q, s->mem);
}

static void solve_for_potential(wg_dynamic_state *s) {
  const wg_lattice *l = &s->lattice;
  const double scale = (double)(l->steps * l->cells) / s->penalty;
  double *last = s->potential + l->steps * l->corners;
  wg_lattice_adjoint(l, s->threads, s->field, s->room, s->potential);
  for (int64_t c = 0; c < l->corners; c++) {
    s->potential[c] -= scale * s->ends[c];
    last[c] += scale * s->ends[l->corners + c];
  }
  wg_poisson_solve(s->poisson, s->potential);
}

/* V += relaxation L(phi, Q) in one slab. */
static void add_slab(wg_dynamic_state *s, int64_t slab) {
  const wg_lattice *l = &s->lattice;
  const int64_t d = l->d, cells = l->cells;
  double *v = s->v + slab * s->entries * cells, *field = s->field + slab * (1 + d) * cells;
  const double *before = s->potential + slab * l->corners;
  wg_lattice_gradient(l, before, before + l->corners, field, field + cells);
  for (int64_t r = 0; r < d; r++) {
    for (int64_t c = 0; c <= r; c++) {
      double *row = v + wg_entry(r, c) * cells;
      for (int64_t i = 0; i < cells; i++) row[i] += relaxation * s->q[r * d + c];
    }
    double *row = v + wg_entry(d, r) * cells;
    for (int64_t i = 0; i < cells; i++) row[i] -= 0.5 * relaxation * field[(1 + r) * cells + i];
  }
  double *row = v + wg_entry(d, d) * cells;
  for (int64_t i = 0; i < cells; i++) row[i] -= relaxation * field[i];
}

static int iterate(wg_dynamic_state *s) {
#pragma omp parallel for num_threads(s->threads) schedule(static)
  for (int64_t slab = 0; slab < s->lattice.steps; slab++) reflect_slab(s, slab);
  WG_TRY(project_mean(s));
  solve_for_potential(s);
#pragma omp parallel for num_threads(s->threads) schedule(static)
  for (int64_t slab = 0; slab < s->lattice.steps; slab++) add_slab(s, slab);
  return WG_OK;
}

/* ---- the whole ---- */

/* Starts from the densities in between, at rest. */
static void start(wg_dynamic_state *s) {
  const wg_lattice *l = &s->lattice;
  const double *const *mass = s->problem->mass;
  for (int64_t slab = 0; slab < l->steps; slab++) {
    const double t = ((double)slab + 0.5) * l->dt;
    double *row = s->v + (slab * s->entries + wg_entry(l->d, l->d)) * l->cells;
    for (int64_t i = 0; i < l->cells; i++)
      row[i] = -((1.0 - t) * mass[0][i] + t * mass[1][i]) * (double)l->cells / s->penalty;
  }
  for (int side = 0; side < 2; side++)
    wg_lattice_gather(l, mass[side], NULL, s->ends + side * l->corners);
}

static int allocate(wg_dynamic_state *s, wg_dynamic_answer *answer) {
  const wg_lattice *l = &s->lattice;
  const int64_t slab = (1 + l->d) * l->cells;
  s->entries = wg_entry(l->d, l->d) + 1;
  s->v = WG_NEW(s->mem, double, l->steps * s->entries * l->cells);
  s->field = WG_NEW(s->mem, double, l->steps *slab);
  s->potential = WG_NEW(s->mem, double, (l->steps + 1) * l->corners);
  s->room = WG_NEW(s->mem, double, s->threads *slab);
  s->sums = WG_NEW(s->mem, double, l->steps * s->entries);
  s->ends = WG_NEW(s->mem, double, 2 * l->corners);
  s->drift = WG_NEW(s->mem, double, 2 * l->d * l->cells);
  answer->density = WG_NEW(s->mem, double, l->steps * l->cells);
  answer->momentum = WG_NEW(s->mem, double, l->steps * l->d * l->cells);
  answer->potential = WG_NEW(s->mem, double, (l->steps + 1) * l->corners);
  answer->q = WG_NEW(s->mem, double, l->d * l->d);
  answer->moment = WG_NEW(s->mem, double, l->d * l->d);
  const bool full = s->v && s->field && s->potential && s->room && s->sums && s->ends && s->drift &&
                    answer->density && answer->momentum && answer->potential && answer->q &&
                    answer->moment;
  return full ? WG_OK : wg_no_memory();
}

/* Measures that are nearly the same are told apart to a millionth of the unit of length. */
static bool has_converged(const wg_dynamic_state *s, const wg_dynamic_answer *answer) {
  const double nothing = 1e-6 * s->length * s->length, tol = s->problem->tol;
  return fabs(answer->primal - answer->dual) <= WG_MAX(tol * answer->primal, nothing) &&
         answer->mass_residual <= tol;
}

static int search(wg_dynamic_state *s, wg_dynamic_answer *answer) {
  wg_watch *watch = &s->context->watch;
  start(s);
  wg_dynamic_prepare_detour(s);
  for (int64_t k = 1;; k++) {
    WG_TRY(iterate(s));
    answer->iterations = k;
    const int stopped = wg_watch_poll(watch);
    const bool last = stopped || k == s->problem->max_iterations;
    if (!last && k % CHECK_EVERY) continue;
    WG_TRY(wg_dynamic_estimate(s, answer));
    wg_watch_phase(watch, "iteration %lld: %.6g, %.6g", (long long)k, answer->dual, answer->primal);
    answer->converged = has_converged(s, answer);
    if (!last && !answer->converged) continue;
    answer->outcome = answer->converged ? WG_GAP_OPEN : stopped ? stopped : WG_CALL_LIMIT;
    return wg_dynamic_bounds(s, answer);
  }
}

int wg_dynamic_search(wg_context *context, wg_mem *mem, const wg_dynamic_problem *problem,
                      wg_dynamic_answer *answer) {
  wg_dynamic_state s = {.context = context, .mem = mem, .problem = problem};
  wg_lattice_init(&s.lattice, problem, 1.0);
  s.length = length_of(problem, s.lattice.cells);
  s.penalty = penalty_of(problem, s.lattice.cells);
  wg_lattice_init(&s.lattice, problem, s.length);
  s.threads = wg_threads_for(context->threads, 1e3 * (double)(s.lattice.steps * s.lattice.cells));
  *answer = (wg_dynamic_answer){0};
  WG_TRY(allocate(&s, answer));
  s.poisson = wg_poisson_new(mem, &s.lattice, s.threads);
  const int status = s.poisson ? search(&s, answer) : wg_no_memory();
  wg_poisson_free(s.poisson);
  return status;
}
