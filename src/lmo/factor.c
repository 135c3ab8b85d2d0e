/* G = Q diag(sigma) Z for many rows, by passes over them that only keep width x width matrices.
 *
 * The first pass forms G'G and diagonalises it. That squares the condition number: sigma_i comes
 * out with a relative error of u (sigma_1/sigma_i)^2, and J with u (sigma_1/sigma_i)^2 v_i/v_1,
 * which is nothing for p <= 1 and everything for the polar factor of a matrix of condition 1e8.
 * When it is above the accuracy asked, another pass looks at T = G Z' diag(1/sigma): nearly
 * orthonormal columns, whose Gram matrix H = D (W' Lambda W) D, scaled to a unit diagonal by D,
 * says what Z and sigma are wrong by. Then G = Q M with M = Lambda^1/2 W D diag(sigma) Z, whose
 * SVD, width x width, corrects both; Q = T D^-1 W' Lambda^-1/2 U has orthonormal columns to a few
 * roundings when H was well conditioned, and one more pass is made when it was not (condition
 * numbers near 1/u). So it reaches the accuracy of an SVD with products of matrices only
 * (docs/theory/lmo.md).
 *
 * Directions with sigma below rank_tol sigma_1 are dropped, before they are divided by. Cost of a
 * pass: see rows.c, and O(width^3); memory some ten width x width matrices. */
#include <stdlib.h>
#include <string.h>

#include "linalg/la.h"
#include "lmo/lmo.h"

static const double well_conditioned = 1.0 / 16.0; /* of H: least to largest eigenvalue */
enum { MOST_PASSES = 6 };

/* Working room for one factorisation. */
typedef struct room {
  double *gram, *scaled, *values, *rotation, *product, *u, *v, *diagonal;
} room;

static int make_room(wg_mem *mem, int64_t d, wg_factor *factor, room *r) {
  factor->sigma = WG_NEW(mem, double, d);
  factor->vectors = WG_NEW(mem, double, d *d);
  factor->left = WG_NEW(mem, double, d *d);
  r->gram = WG_NEW(mem, double, d *d);
  r->scaled = WG_NEW(mem, double, d *d);
  r->values = WG_NEW(mem, double, d);
  r->rotation = WG_NEW(mem, double, d *d);
  r->product = WG_NEW(mem, double, d *d);
  r->u = WG_NEW(mem, double, d *d);
  r->v = WG_NEW(mem, double, d);
  r->diagonal = WG_NEW(mem, double, d);
  bool all = factor->sigma && factor->vectors && factor->left && r->gram && r->scaled &&
             r->values && r->rotation && r->product && r->u && r->v && r->diagonal;
  return all ? WG_OK : wg_no_memory();
}

static void drop_room(wg_mem *mem, room *r) {
  double *all[] = {r->gram, r->scaled, r->values, r->rotation, r->product, r->u, r->v, r->diagonal};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) wg_drop(mem, all[k]);
}

/* ---- the first pass ---- */

/* Squares of entries beyond 2^200 or below 2^-200 could overflow, or vanish, or come near where
 * LAPACK scales by factors that are no powers of two. */
static int scaling_exponent(double largest) {
  const int safe = 200, most = 1000; /* 2^1000 and 2^-1000 are numbers, 2^1074 is none */
  int exponent = largest > 0.0 ? ilogb(largest) : 0;
  if (abs(exponent) < safe) return 0;
  return WG_MAX(-most, WG_MIN(most, exponent));
}

static int first_gram(const wg_rows *rows, const wg_lmo_options *options, wg_mem *mem,
                      wg_factor *factor, double *gram) {
  double largest = 0.0;
  WG_TRY(wg_rows_gram(rows, 0, rows->width, NULL, options->threads, mem, gram, &largest));
  if (!isfinite(largest)) return wg_fail(WG_ERR_INPUT, "an entry is not finite");
  factor->exponent = scaling_exponent(largest);
  if (!factor->exponent) return WG_OK;
  return wg_rows_gram(rows, factor->exponent, rows->width, NULL, options->threads, mem, gram,
                      &largest);
}

/* Values below the rounding of the Gram matrix are lifted to it: nothing is known about them yet.
 */
static int first_values(const room *r, wg_factor *factor) {
  int64_t d = factor->width;
  WG_TRY(wg_la_eigh(d, r->gram, r->values, factor->vectors));
  double top = WG_MAX(r->values[0], 0.0), floor = 4.0 * (double)d * WG_UNIT * top;
  for (int64_t i = 0; i < d; i++) factor->sigma[i] = sqrt(WG_MAX(r->values[i], floor));
  return WG_OK;
}

static void cut_rank(const wg_lmo_options *options, wg_factor *factor) {
  int64_t rank = 0;
  double top = factor->sigma[0];
  while (rank < factor->width && factor->sigma[rank] > options->rank_tol * top) rank++;
  for (int64_t i = rank; i < factor->width; i++) factor->sigma[i] = 0.0;
  factor->rank = top > 0.0 ? rank : 0;
}

double wg_factor_error(const wg_gauge_block *block, const wg_lmo_options *options,
                       const wg_factor *factor, double unit, int power, double *v) {
  double worst = unit;
  if (factor->rank == 0 || (block && wg_gauge_block_is_trace(block))) return worst;
  for (int64_t i = 0; !block && i < factor->rank; i++) v[i] = 1.0;
  if (block) wg_lmo_profile(block, factor->rank, factor->sigma, options->tie_tol, v);
  for (int64_t i = 0; i < factor->rank; i++) {
    double ratio = factor->sigma[0] / factor->sigma[i], squared = power == 2 ? ratio : 1.0;
    worst = WG_MAX(worst, unit * ratio * squared * (v[i] / v[0]));
  }
  return worst;
}

/* ---- further passes ---- */

/* basis (d x rank) = Z' diag(1 / sigma). */
static void set_basis(wg_factor *factor) {
  int64_t d = factor->width;
  factor->inner = factor->rank;
  for (int64_t j = 0; j < d; j++)
    for (int64_t i = 0; i < factor->inner; i++)
      factor->basis[j * factor->inner + i] = factor->vectors[i * d + j] / factor->sigma[i];
}

/* Copies the chosen columns of a matrix, in place, to the front of shorter rows. */
static void choose_columns(int64_t rows, int64_t columns, int64_t kept, const int64_t *chosen,
                           double *matrix) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t k = 0; k < kept; k++) matrix[i * kept + k] = matrix[i * columns + chosen[k]];
}

/* Drops columns of T that are noise: |T_i| sigma_i = |G z_i| is not above the rank tolerance. The
 * entries of the Gram matrix that stay do not depend on them. */
static int drop_noise(const wg_lmo_options *options, wg_mem *mem, wg_factor *factor, double *gram) {
  int64_t d = factor->width, inner = factor->inner, kept = 0;
  int64_t *chosen = WG_NEW(mem, int64_t, inner);
  if (!chosen) return wg_no_memory();
  double least = options->rank_tol * factor->sigma[0];
  for (int64_t i = 0; i < inner; i++) {
    if (!(sqrt(gram[i * inner + i]) * factor->sigma[i] > least)) continue;
    factor->sigma[kept] = factor->sigma[i];
    memmove(factor->vectors + kept * d, factor->vectors + i * d, (size_t)d * sizeof(double));
    chosen[kept++] = i;
  }
  if (kept < inner) {
    choose_columns(d, inner, kept, chosen, factor->basis);
    for (int64_t k = 0; k < kept; k++)
      memmove(gram + k * inner, gram + chosen[k] * inner, (size_t)inner * sizeof *gram);
    choose_columns(kept, inner, kept, chosen, gram);
  }
  wg_drop(mem, chosen);
  factor->inner = kept;
  return WG_OK;
}

/* H = D W' Lambda W D with unit diagonal inside; *ratio: least to largest eigenvalue. */
static int diagonalise_scaled(int64_t inner, const double *gram, room *r, double *ratio) {
  for (int64_t i = 0; i < inner; i++) r->diagonal[i] = sqrt(gram[i * inner + i]);
  for (int64_t i = 0; i < inner; i++)
    for (int64_t j = 0; j < inner; j++)
      r->scaled[i * inner + j] = gram[i * inner + j] / r->diagonal[i] / r->diagonal[j];
  WG_TRY(wg_la_eigh(inner, r->scaled, r->values, r->rotation));
  *ratio = r->values[inner - 1] / r->values[0];
  double floor = 4.0 * (double)inner * WG_UNIT * r->values[0];
  for (int64_t i = 0; i < inner; i++) r->values[i] = WG_MAX(r->values[i], floor);
  return WG_OK;
}

/* M (inner x d in a d x d matrix with zeros below) = Lambda^1/2 W D diag(sigma) Z. */
static void make_small(const wg_factor *factor, const room *r, double *m) {
  int64_t inner = factor->inner, d = factor->width;
  for (int64_t i = 0; i < inner; i++)
    for (int64_t j = 0; j < inner; j++)
      r->scaled[i * inner + j] =
          sqrt(r->values[i]) * r->rotation[i * inner + j] * r->diagonal[j] * factor->sigma[j];
  memset(m, 0, (size_t)(d * d) * sizeof *m);
  wg_la_gemm(false, false, inner, d, inner, 1.0, r->scaled, inner, factor->vectors, d, 0.0, m, d);
}

/* left (inner x inner) = D^-1 W' Lambda^-1/2 U, of which the SVD of M gave u (d x d). */
static void make_left(wg_factor *factor, const room *r) {
  int64_t inner = factor->inner, d = factor->width;
  for (int64_t i = 0; i < inner; i++)
    for (int64_t j = 0; j < inner; j++)
      r->scaled[i * inner + j] = r->rotation[i * inner + j] / sqrt(r->values[i]) / r->diagonal[j];
  wg_la_gemm(true, false, inner, inner, inner, 1.0, r->scaled, inner, r->u, d, 0.0, factor->left,
             inner);
}

static int further_pass(const wg_rows *rows, const wg_lmo_options *options, wg_mem *mem,
                        wg_factor *factor, room *r, double *ratio) {
  double largest;
  set_basis(factor);
  WG_TRY(wg_rows_gram(rows, factor->exponent, factor->inner, factor->basis, options->threads, mem,
                      r->gram, &largest));
  factor->passes++;
  WG_TRY(drop_noise(options, mem, factor, r->gram));
  WG_TRY(diagonalise_scaled(factor->inner, r->gram, r, ratio));
  make_small(factor, r, r->product);
  WG_TRY(wg_la_svd(factor->width, r->product, r->u, factor->sigma, factor->vectors));
  make_left(factor, r);
  cut_rank(options, factor);
  factor->rank = WG_MIN(factor->rank, factor->inner);
  return WG_OK;
}

static int refine(const wg_rows *rows, const wg_lmo_options *options, wg_mem *mem,
                  wg_factor *factor, room *r, int most) {
  double ratio = 0.0;
  factor->basis = WG_NEW(mem, double, factor->width * factor->width);
  if (!factor->basis) return wg_no_memory();
  while (factor->passes < most && ratio < well_conditioned)
    WG_TRY(further_pass(rows, options, mem, factor, r, &ratio));
  return WG_OK;
}

static int factor_with(const wg_rows *rows, const wg_gauge_block *block,
                       const wg_lmo_options *options, wg_mem *mem, wg_factor *factor, room *r) {
  int most = options->passes ? options->passes : MOST_PASSES;
  WG_TRY(first_gram(rows, options, mem, factor, r->gram));
  factor->passes = 1;
  WG_TRY(first_values(r, factor));
  cut_rank(options, factor);
  factor->estimate = wg_factor_error(block, options, factor, WG_UNIT, 2, r->v);
  if (factor->estimate <= options->accuracy || most == 1) return WG_OK;
  WG_TRY(refine(rows, options, mem, factor, r, most));
  factor->estimate = wg_factor_error(block, options, factor, WG_UNIT, 1, r->v);
  return WG_OK;
}

int wg_factor_rows(const wg_rows *rows, const wg_gauge_block *block, const wg_lmo_options *options,
                   wg_mem *mem, wg_factor *factor) {
  room r = {0};
  *factor = (wg_factor){.width = rows->width, .inner = rows->width};
  WG_TRY(make_room(mem, rows->width, factor, &r));
  int status = factor_with(rows, block, options, mem, factor, &r);
  drop_room(mem, &r);
  return status;
}
