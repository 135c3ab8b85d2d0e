/* What the optimum looks like: spectra, directions of Q, blocks, how the plan splits mass.
 *
 * Everything is derived from the solution when asked, nothing is kept: the questions are rare and
 * the answers O(d^3). An eigenvector's sign is free; its largest entry is made positive, so that
 * projections do not flip from one machine to another. Source: theory 1, 3.2, 3.4.
 */
#include <string.h>

#include "api/optimum.h"

static void fix_signs(int64_t d, double *vectors) {
  for (int64_t k = 0; k < d; k++) {
    double *v = vectors + k * d, largest = 0.0;
    for (int64_t i = 0; i < d; i++)
      if (fabs(v[i]) > fabs(largest) * (1.0 + 1e-9)) largest = v[i];
    for (int64_t i = 0; i < d && largest < 0.0; i++) v[i] = -v[i];
  }
}

/* Eigenvalues and eigenvectors of a matrix of the solution; each may be NULL. */
static int decompose(const wg_solver *s, const double *matrix, double *values, double *vectors) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *found = WG_NEW(&mem, double, s->d), *rows = WG_NEW(&mem, double, s->d * s->d);
  int status = found && rows ? wg_la_eigh(s->d, matrix, found, rows) : wg_no_memory();
  if (status == WG_OK) fix_signs(s->d, rows);
  if (status == WG_OK && values) memcpy(values, found, (size_t)s->d * sizeof *values);
  if (status == WG_OK && vectors) memcpy(vectors, rows, (size_t)(s->d * s->d) * sizeof *vectors);
  wg_mem_clear(&mem);
  return status;
}

int wg_get_spectra(const wg_solver *s, double *moment_values, double *q_values,
                   double *directions) {
  wg_clear_error();
  WG_TRY(wg_check_solved(s));
  if (moment_values) WG_TRY(decompose(s, s->moment, moment_values, NULL));
  return q_values || directions ? decompose(s, s->q, q_values, directions) : WG_OK;
}

int wg_project(const wg_solver *s, int64_t k, double *x, double *y) {
  wg_clear_error();
  WG_TRY(wg_check_solved(s));
  if (k < 1 || k > s->d)
    return wg_fail(WG_ERR_INPUT, "the clouds have %lld columns, no %lld leading directions",
                   (long long)s->d, (long long)k);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  const int64_t d = s->d;
  double *rows = WG_NEW(&mem, double, d *d);
  int status = rows ? decompose(s, s->q, NULL, rows) : wg_no_memory();
  if (status == WG_OK) {
    wg_la_gemm(false, true, s->n, k, d, 1.0, s->x, d, rows, d, 0.0, x, k);
    wg_la_gemm(false, true, s->m, k, d, 1.0, s->y, d, rows, d, 0.0, y, k);
  }
  wg_mem_clear(&mem);
  return status;
}

static int fill_structure(const wg_solver *s, wg_mem *mem, wg_structure *found) {
  const double most_crumb = 1e-4; /* of a point's weight, when the gap is large */
  wg_distinct p;
  wg_splitting x, y;
  WG_TRY(wg_distinct_make(s, mem, &p));
  wg_distinct_drop_crumbs(&p, WG_MIN(most_crumb, wg_resolution_of(s).share));
  WG_TRY(wg_distinct_splitting(&p, mem, false, &x));
  WG_TRY(wg_distinct_splitting(&p, mem, true, &y));
  *found = (wg_structure){.struct_size = sizeof *found,
                          .q_rank = s->info.q_rank,
                          .blocks = s->spec.block_count,
                          .is_map = x.points == 0,
                          .is_map_back = y.points == 0,
                          .split_x = x.points,
                          .split_y = y.points,
                          .split_mass_x = x.mass,
                          .split_mass_y = y.mass};
  return WG_OK;
}

int wg_get_structure(const wg_solver *s, wg_structure *structure) {
  wg_clear_error();
  WG_TRY(wg_check_solved(s));
  if (!structure) return wg_fail(WG_ERR_ARGUMENT, "structure must not be NULL");
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  int status = fill_structure(s, &mem, structure);
  wg_mem_clear(&mem);
  return status;
}

int wg_get_block(const wg_solver *s, int64_t block, wg_block_structure *structure) {
  wg_clear_error();
  WG_TRY(wg_check_solved(s));
  if (!structure) return wg_fail(WG_ERR_ARGUMENT, "structure must not be NULL");
  if (block < 0 || block >= s->spec.block_count)
    return wg_fail(WG_ERR_ARGUMENT, "block %lld does not exist: the gauge has blocks 0 to %lld",
                   (long long)block, (long long)s->spec.block_count - 1);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  const wg_resolution resolution = wg_resolution_of(s);
  wg_block_structure found;
  int status = wg_face_block(&s->spec, block, s->q, s->moment, &resolution, &mem, &found);
  wg_mem_clear(&mem);
  if (status == WG_OK) *structure = found;
  return status;
}
