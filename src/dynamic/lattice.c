/* The box scheme: potentials on corners of space-time cells, derivatives in their middles.
 *
 * In the middle of a cell every derivative is the difference in its own direction, averaged over
 * the other ones: second order, no direction preferred, and no second grid for momenta. Densities
 * and momenta are the multipliers of these derivatives, so that the continuity equation of the grid
 * is the transpose of the gradient; it contains no-flux walls, and conserves mass to the last bit
 * but rounding because a constant has no gradient (docs/theory/dynamic.md).
 *
 * Averages over corners do not see a potential that alternates along two axes; nothing else does.
 *
 * Loops run along the last axis of one row of cells at a time, corner by corner: unit strides.
 * Cost 2^d (1 + d) flops a cell. */
#include <string.h>

#include "dynamic/parts.h"

static int64_t rows_of(const wg_lattice *l) { return l->cells / l->n[l->d - 1]; }

/* The first corner of the first cell of a row. */
static int64_t corner_of_row(const wg_lattice *l, int64_t row) {
  int64_t corner = 0, stride = l->n[l->d - 1] + 1;
  for (int64_t k = l->d - 2; k >= 0; k--) {
    corner += row % l->n[k] * stride;
    row /= l->n[k];
    stride *= l->n[k] + 1;
  }
  return corner;
}

void wg_lattice_init(wg_lattice *l, const wg_dynamic_problem *problem, double length) {
  *l = (wg_lattice){.d = problem->d, .cells = 1, .corners = 1, .steps = problem->steps};
  const int64_t count = (int64_t)1 << l->d;
  l->dt = 1.0 / (double)problem->steps;
  l->share = 1.0 / (double)count;
  for (int64_t j = l->d - 1; j >= 0; j--) {
    l->n[j] = problem->n[j];
    l->h[j] = problem->spacing[j] / length;
    for (int64_t k = 0; k < count; k++) {
      const bool ahead = k >> j & 1;
      l->near[k] += ahead ? l->corners : 0;
      l->sign[k][j] = (ahead ? 1.0 : -1.0) / l->h[j];
    }
    l->cells *= l->n[j];
    l->corners *= l->n[j] + 1;
  }
}

/* One corner of a row of cells. */
static void differentiate(const wg_lattice *l, int64_t k, const double *before, const double *after,
                          double *a, double *b) {
  const int64_t length = l->n[l->d - 1];
  const double rate = l->share / l->dt;
  for (int64_t i = 0; i < length; i++) a[i] += rate * (after[i] - before[i]);
  for (int64_t j = 0; j < l->d; j++) {
    /* 2^(d-1) pairs of corners, two times */
    const double slope = l->share * l->sign[k][j];
    double *row = b + j * l->cells;
    for (int64_t i = 0; i < length; i++) row[i] += slope * (after[i] + before[i]);
  }
}

void wg_lattice_gradient(const wg_lattice *l, const double *before, const double *after, double *a,
                         double *b) {
  const int64_t length = l->n[l->d - 1], rows = rows_of(l);
  memset(a, 0, (size_t)l->cells * sizeof *a);
  memset(b, 0, (size_t)(l->d * l->cells) * sizeof *b);
  for (int64_t row = 0; row < rows; row++) {
    const int64_t corner = corner_of_row(l, row), cell = row * length;
    for (int64_t k = 0; k < (int64_t)1 << l->d; k++)
      differentiate(l, k, before + corner + l->near[k], after + corner + l->near[k], a + cell,
                    b + cell);
  }
}

void wg_lattice_gather(const wg_lattice *l, const double *g, const double *s, double *corner) {
  const int64_t length = l->n[l->d - 1], rows = rows_of(l);
  for (int64_t row = 0; row < rows; row++) {
    const int64_t first = corner_of_row(l, row), cell = row * length;
    for (int64_t k = 0; k < (int64_t)1 << l->d; k++) {
      double *out = corner + first + l->near[k];
      for (int64_t i = 0; i < length; i++) out[i] += l->share * g[cell + i];
      for (int64_t j = 0; s && j < l->d; j++) {
        const double slope = 2.0 * l->share * l->sign[k][j], *in = s + j * l->cells + cell;
        for (int64_t i = 0; i < length; i++) out[i] += slope * in[i];
      }
    }
  }
}

/* What a time's corners get: differences in time and averages over the two slabs that meet there.
 */
static void combine_slabs(const wg_lattice *l, const double *before, const double *after,
                          double *room) {
  for (int64_t i = 0; i < l->cells; i++)
    room[i] = ((before ? before[i] : 0.0) - (after ? after[i] : 0.0)) / l->dt;
  for (int64_t i = l->cells; i < (1 + l->d) * l->cells; i++)
    room[i] = 0.5 * ((before ? before[i] : 0.0) + (after ? after[i] : 0.0));
}

void wg_lattice_adjoint(const wg_lattice *l, int threads, const double *field, double *room,
                        double *out) {
  const int64_t slab = (1 + l->d) * l->cells;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t time = 0; time <= l->steps; time++) {
    double *mine = room + wg_worker() * slab, *corner = out + time * l->corners;
    combine_slabs(l, time > 0 ? field + (time - 1) * slab : NULL,
                  time < l->steps ? field + time * slab : NULL, mine);
    memset(corner, 0, (size_t)l->corners * sizeof *corner);
    wg_lattice_gather(l, mine, mine + l->cells, corner);
  }
}
