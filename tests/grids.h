/* What the tests of densities on grids share: Gaussians, and solves whose path is always checked
 * against the continuity equation, written here cell by cell. */
#ifndef WG_TEST_GRIDS_H
#define WG_TEST_GRIDS_H

#include "support.h"

typedef struct test_grid {
  int64_t d, shape[3], cells;
  double spacing[3];
  double *mass[2];
} test_grid;

static inline double test_middle(const test_grid *g, int64_t cell, int64_t axis) {
  for (int64_t k = g->d - 1; k > axis; k--) cell /= g->shape[k];
  return ((double)(cell % g->shape[axis]) + 0.5) * g->spacing[axis];
}

/* n cells a side, the box [0, width]^d; both Gaussians are given by mean and deviation an axis. */
static inline test_grid test_gaussians(int64_t d, int64_t n, double width, const double *mean0,
                                       const double *deviation0, const double *mean1,
                                       const double *deviation1) {
  test_grid g = {.d = d, .cells = 1};
  const double *mean[2] = {mean0, mean1}, *deviation[2] = {deviation0, deviation1};
  for (int64_t k = 0; k < d; k++) {
    g.shape[k] = n;
    g.spacing[k] = width / (double)n;
    g.cells *= n;
  }
  for (int side = 0; side < 2; side++) {
    g.mass[side] = test_numbers(g.cells);
    for (int64_t c = 0; c < g.cells; c++) {
      double square = 0.0;
      for (int64_t k = 0; k < d; k++) {
        const double z = (test_middle(&g, c, k) - mean[side][k]) / deviation[side][k];
        square += z * z;
      }
      g.mass[side][c] = 7.0 * exp(-0.5 * square);
    }
  }
  return g;
}

static inline void test_free_grid(test_grid *g) {
  free(g->mass[0]);
  free(g->mass[1]);
}

/* The k-th of the 2^d corners of a cell. */
static inline int64_t test_corner(const test_grid *g, int64_t cell, int k) {
  int64_t at = 0, stride = 1;
  for (int64_t j = g->d - 1; j >= 0; j--) {
    at += (cell % g->shape[j] + (k >> j & 1)) * stride;
    cell /= g->shape[j];
    stride *= g->shape[j] + 1;
  }
  return at;
}

/* Mass that flows into each corner in the half slabs around a time has to be what appears there:
 * averages over the 2^d cells of a corner of density, differences of momentum. Returns the largest
 * error over all corners and times. */
static inline double test_continuity(const test_grid *g, const wg_dynamic_path *p) {
  const double dt = 1.0 / (double)p->steps;
  double *corner = test_numbers(p->corners), sum[2] = {0.0, 0.0}, worst = 0.0;
  for (int64_t c = 0; c < g->cells; c++)
    for (int side = 0; side < 2; side++) sum[side] += g->mass[side][c];
  for (int64_t time = 0; time <= p->steps; time++) {
    memset(corner, 0, (size_t)p->corners * sizeof *corner);
    for (int64_t c = 0; c < g->cells; c++)
      for (int k = 0; k < 1 << g->d; k++) {
        double flow = 0.0;
        const double before =
            time > 0 ? p->density[(time - 1) * g->cells + c] : g->mass[0][c] / sum[0];
        const double after =
            time < p->steps ? p->density[time * g->cells + c] : g->mass[1][c] / sum[1];
        for (int64_t j = g->d - 1; j >= 0; j--) {
          const bool ahead = k >> j & 1;
          double m = 0.0;
          if (time > 0) m += 0.5 * p->momentum[((time - 1) * g->d + j) * g->cells + c];
          if (time < p->steps) m += 0.5 * p->momentum[(time * g->d + j) * g->cells + c];
          flow += (ahead ? 2.0 : -2.0) * m / g->spacing[j];
        }
        corner[test_corner(g, c, k)] += (after - before - dt * flow) / (double)(1 << g->d);
      }
    for (int64_t c = 0; c < p->corners; c++) worst = fmax(worst, fabs(corner[c]));
  }
  free(corner);
  return worst;
}

/* The derivatives of the potential in a cell: a and b (d). */
static inline double test_slopes(const test_grid *g, const wg_dynamic_path *p, int64_t step,
                                 int64_t cell, double *b) {
  const double share = 1.0 / (double)(1 << g->d);
  double a = 0.0;
  for (int64_t j = 0; j < g->d; j++) b[j] = 0.0;
  for (int k = 0; k < 1 << g->d; k++) {
    const int64_t at = test_corner(g, cell, k);
    const double before = p->potential[step * p->corners + at];
    const double after = p->potential[(step + 1) * p->corners + at];
    a += share * (after - before) * (double)p->steps;
    for (int64_t j = 0; j < g->d; j++)
      b[j] += share * (k >> j & 1 ? 1.0 : -1.0) * (before + after) / g->spacing[j];
  }
  return a;
}

/* [[Q, -b/2], [-b'/2, -a]] is PSD in every `every`-th cell; lower is what the potential is worth.
 */
static inline void test_potential(const test_grid *g, const wg_dynamic_path *p, double lower,
                                  int64_t every) {
  const int64_t d = g->d, side = d + 1;
  double sum[2] = {0.0, 0.0}, worth[2] = {0.0, 0.0}, b[3], matrix[16], values[4], most = 0.0;
  for (int64_t k = 0; k < p->steps * p->cells; k += every) {
    matrix[side * side - 1] = -test_slopes(g, p, k / p->cells, k % p->cells, b);
    for (int64_t r = 0; r < d; r++) {
      for (int64_t c = 0; c < d; c++) matrix[r * side + c] = p->q[r * d + c];
      matrix[r * side + d] = matrix[d * side + r] = -0.5 * b[r];
    }
    assert_int_equal(wg_spectrum(side, matrix, values), WG_OK);
    most = fmax(most, fabs(matrix[side * side - 1]));
    assert_true(values[side - 1] >= -1e-9 * (1.0 + most));
  }
  for (int64_t c = 0; c < g->cells; c++)
    for (int end = 0; end < 2; end++) {
      sum[end] += g->mass[end][c];
      for (int k = 0; k < 1 << d; k++)
        worth[end] += g->mass[end][c] *
                      p->potential[end * p->steps * p->corners + test_corner(g, c, k)] /
                      (double)(1 << d);
    }
  const double value = worth[1] / sum[1] - worth[0] / sum[0];
  assert_near(fmax(value, 0.0), lower, 1e-9 * (1.0 + fabs(value)));
}

/* Solves and checks what every solution has to be. */
static inline wg_dynamic_info test_dynamic(const test_grid *g, const char *gauge,
                                           const wg_dynamic_settings *settings) {
  wg_dynamic_info info;
  wg_dynamic_solution *solution = NULL;
  wg_dynamic_path p;
  const int status = wg_dynamic(g->d, g->shape, g->spacing, g->mass[0], g->mass[1], gauge, settings,
                                &info, &solution);
  if (status < 0) fail_msg("%s: %s", gauge, wg_error_detail());
  assert_int_equal(wg_dynamic_get(solution, &p), WG_OK);
  assert_true(test_continuity(g, &p) < 1e-13);
  assert_true(info.continuity < 1e-13 && info.mass_error < 1e-12);
  double *total = test_numbers(p.steps), value, least = INFINITY;
  for (int64_t i = 0; i < p.steps * p.cells; i++) {
    total[i / p.cells] += p.density[i];
    least = fmin(least, p.density[i]);
  }
  for (int64_t k = 0; k < p.steps; k++) assert_near(total[k], 1.0, 1e-12);
  assert_true(least >= 0.0 && least == info.least_density);
  assert_int_equal(wg_gauge(gauge, g->d, p.moment, &value, NULL, NULL), WG_OK);
  double side = 0.0; /* upper pays for rounding, and for what misses the continuity equation */
  for (int64_t k = 0; k < g->d; k++) side = fmax(side, g->spacing[k] * (double)g->shape[k]);
  assert_true(value <= info.upper);
  assert_true(info.upper <= value * (1.0 + 1e-6) + 1e-6 * side * side);
  assert_int_equal(wg_gauge(gauge, g->d, p.q, NULL, NULL, &value), WG_OK);
  assert_true(value <= 1.0 + 1e-9);
  assert_true(info.lower <= info.upper * (1.0 + 1e-12));
  test_potential(g, &p, info.lower, 1 + p.steps * p.cells / 20000);
  free(total);
  wg_dynamic_free(solution);
  return info;
}

#endif
