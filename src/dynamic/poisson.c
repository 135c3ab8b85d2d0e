/* Poisson's equation in space-time: cosine transforms in space, elimination in time.
 *
 * Up to the weight 1/2 of corners on each wall, averages and differences over corners are even
 * convolutions, which cosines of pi k i / n (the discrete cosine transform of type 1, which is its
 * own inverse up to 2 n) diagonalise: cos^2(theta/2) and 4 sin^2(theta/2) / h^2 with theta = pi k /
 * n. What is left for each of them is tridiagonal in time, and its elimination is done once. Modes
 * that no derivative sees are given the value zero: a constant in space and time, alternation
 * along two axes, alternation in time and along one axis.
 *
 * Cost: two transforms, O(N log N), and 5 flops a number. Memory: one number a corner and time. */
#include <fftw3.h>

#include "dynamic/parts.h"

struct wg_poisson {
  const wg_lattice *lattice;
  int threads;
  fftw_plan plan;
  double *weight;  /* corners: 1 / (share of the corner), over the norm of two transforms */
  double *average; /* corners: eigenvalues of averaging, squared                          */
  double *slope;   /* corners: of minus the Laplacian                                     */
  double *inverse; /* (steps + 1) x corners: pivots, inverted; 0 for a mode not seen      */
};

/* Product of the one-dimensional symbols, the j-th of them the difference unless j < 0. */
static double symbol(const wg_lattice *l, const int64_t *mode, int64_t j) {
  const double pi = 3.14159265358979323846;
  double product = 1.0;
  for (int64_t k = 0; k < l->d; k++) {
    const double half = 0.5 * pi * (double)mode[k] / (double)l->n[k];
    const double even = mode[k] == l->n[k] ? 0.0 : cos(half) * cos(half);
    product *= k == j ? 4.0 * sin(half) * sin(half) / (l->h[k] * l->h[k]) : even;
  }
  return product;
}

static void fill_symbols(wg_poisson *p) {
  const wg_lattice *l = p->lattice;
  for (int64_t c = 0; c < l->corners; c++) {
    int64_t rest = c, mode[WG_DYNAMIC_MAX_D];
    double weight = 1.0, slope = 0.0;
    for (int64_t k = l->d - 1; k >= 0; k--) {
      mode[k] = rest % (l->n[k] + 1);
      rest /= l->n[k] + 1;
      weight *= (mode[k] == 0 || mode[k] == l->n[k] ? 2.0 : 1.0) / (2.0 * (double)l->n[k]);
    }
    for (int64_t k = 0; k < l->d; k++) slope += symbol(l, mode, k);
    p->weight[c] = weight;
    p->average[c] = symbol(l, mode, -1);
    p->slope[c] = slope;
  }
}

/* Entries of the tridiagonal matrix of a mode; the first and last diagonal entries are half. */
static double diagonal_of(const wg_poisson *p, int64_t c) {
  return 2.0 * p->average[c] / (p->lattice->dt * p->lattice->dt) + 0.25 * p->slope[c];
}
static double beside_of(const wg_poisson *p, int64_t c) {
  return -p->average[c] / (p->lattice->dt * p->lattice->dt) + 0.125 * p->slope[c];
}

static void eliminate(wg_poisson *p) {
  const double nothing = 1e-11;
  const wg_lattice *l = p->lattice;
  for (int64_t c = 0; c < l->corners; c++) {
    const double diagonal = diagonal_of(p, c), beside = beside_of(p, c);
    double inverse = 0.0;
    for (int64_t time = 0; time <= l->steps; time++) {
      const double full = time == 0 || time == l->steps ? 0.5 * diagonal : diagonal;
      const double pivot = full - beside * beside * inverse;
      inverse = pivot > nothing * diagonal ? 1.0 / pivot : 0.0;
      p->inverse[time * l->corners + c] = inverse;
    }
  }
}

/* A plan for one time, in place, for memory of any alignment. The planner of the library is not to
 * be called by two threads at once. */
static fftw_plan make_plan(const wg_lattice *l, double *sample) {
  int sizes[WG_DYNAMIC_MAX_D];
  fftw_r2r_kind kinds[WG_DYNAMIC_MAX_D];
  fftw_plan plan;
  for (int64_t k = 0; k < l->d; k++) {
    sizes[k] = (int)l->n[k] + 1;
    kinds[k] = FFTW_REDFT00;
  }
#pragma omp critical
  plan = fftw_plan_r2r((int)l->d, sizes, sample, sample, kinds, FFTW_ESTIMATE | FFTW_UNALIGNED);
  return plan;
}

wg_poisson *wg_poisson_new(wg_mem *mem, const wg_lattice *l, int threads) {
  wg_poisson *p = WG_NEW(mem, wg_poisson, 1);
  double *room = p ? WG_NEW(mem, double, (l->steps + 4) * l->corners) : NULL;
  if (!room) return NULL;
  *p = (wg_poisson){.lattice = l,
                    .threads = threads,
                    .weight = room,
                    .average = room + l->corners,
                    .slope = room + 2 * l->corners,
                    .inverse = room + 3 * l->corners};
  if (!(p->plan = make_plan(l, p->inverse))) return NULL;
  fill_symbols(p);
  eliminate(p);
  return p;
}

void wg_poisson_free(wg_poisson *p) {
  if (!p || !p->plan) return;
#pragma omp critical
  fftw_destroy_plan(p->plan);
}

/* Forward and back substitution for some of the modes. */
static void substitute(const wg_poisson *p, int64_t from, int64_t to, double *x) {
  const wg_lattice *l = p->lattice;
  for (int64_t time = 1; time <= l->steps; time++) {
    const double *before = x + (time - 1) * l->corners;
    const double *inverse = p->inverse + (time - 1) * l->corners;
    double *row = x + time * l->corners;
    for (int64_t c = from; c < to; c++) row[c] -= beside_of(p, c) * inverse[c] * before[c];
  }
  for (int64_t time = l->steps; time >= 0; time--) {
    const double *after = x + (time + 1) * l->corners, *inverse = p->inverse + time * l->corners;
    double *row = x + time * l->corners;
    for (int64_t c = from; c < to; c++)
      row[c] = inverse[c] * (row[c] - (time < l->steps ? beside_of(p, c) * after[c] : 0.0));
  }
}

void wg_poisson_solve(const wg_poisson *p, double *x) {
  const wg_lattice *l = p->lattice;
  const int64_t corners = l->corners, piece = 64;
#pragma omp parallel num_threads(p->threads)
  {
#pragma omp for schedule(static)
    for (int64_t time = 0; time <= l->steps; time++) {
      double *row = x + time * corners;
      for (int64_t c = 0; c < corners; c++) row[c] *= p->weight[c];
      fftw_execute_r2r(p->plan, row, row);
    }
#pragma omp for schedule(static)
    for (int64_t from = 0; from < corners; from += piece)
      substitute(p, from, WG_MIN(from + piece, corners), x);
#pragma omp for schedule(static)
    for (int64_t time = 0; time <= l->steps; time++)
      fftw_execute_r2r(p->plan, x + time * corners, x + time * corners);
  }
}

void wg_poisson_solve_space(const wg_poisson *p, double *x) {
  for (int64_t c = 0; c < p->lattice->corners; c++) x[c] *= p->weight[c];
  fftw_execute_r2r(p->plan, x, x);
  for (int64_t c = 0; c < p->lattice->corners; c++)
    x[c] = p->slope[c] > 0.0 ? x[c] / p->slope[c] : 0.0;
  fftw_execute_r2r(p->plan, x, x);
}
