/* Factors and products of matrices of floats with many columns, in single precision: half the time
 * of double where the result is as good.
 *
 * The Gram matrix in single precision knows sigma_i to u (sigma_1/sigma_i)^2, as in factor.c, with
 * u = 2^-24. A long Gaussian matrix (1024 x 4096) has condition 3, so that J is within some 1e-6,
 * which is what an SVD in single precision gives; square ones have conditions of thousands and go
 * on in double. A Cholesky factorisation, a thirtieth of the eigenproblem, tells the two apart
 * before the time is spent. Values so large or small that squares could leave the range of floats
 * are left to factor.c too, and so is saying what is wrong with an entry that is not finite.
 *
 * Cost: width^2 count (Gram), 9 width^3 (eigenvectors), 2 width^3 + 2 width^2 count (product)
 * operations; memory three width x width matrices of floats, and the result where it is to
 * overwrite G. */
#include <float.h>
#include <string.h>

#include "linalg/la.h"
#include "lmo/kernels.h"

/* Four units of rounding: what is measured lies between one and four. */
static const double unit_of_floats = 2.0 * (double)FLT_EPSILON;

static bool by_rows(const wg_rows *rows) { return rows->column_step == 1; }
static int64_t leading(const wg_rows *rows) {
  return by_rows(rows) ? rows->row_step : rows->column_step;
}

/* ---- which matrices ---- */

/* The largest |entry|, as bits, which are ordered as the numbers are; NaN is above all. */
WG_MULTIVERSION
static float largest_of(const wg_rows *rows) {
  int64_t lines = by_rows(rows) ? rows->count : rows->width;
  int64_t length = by_rows(rows) ? rows->width : rows->count;
  uint32_t largest = 0;
  for (int64_t i = 0; i < lines; i++) {
    const float *line = (const float *)rows->data + i * leading(rows);
    for (int64_t j = 0; j < length; j++) {
      uint32_t bits;
      memcpy(&bits, &line[j], sizeof bits);
      bits &= UINT32_MAX >> 1;
      largest = bits > largest ? bits : largest;
    }
  }
  float value;
  memcpy(&value, &largest, sizeof value);
  return value;
}

static bool is_meant_for(const wg_rows *rows) {
  const float most = 0x1p40F, least = 0x1p-40F;
  if (!rows->single || rows->weights || rows->width <= WG_SMALL) return false;
  if (!by_rows(rows) && rows->row_step != 1) return false;
  float largest = largest_of(rows);
  return largest <= most && largest >= least;
}

/* ---- factors ---- */

static void set_factor(const wg_gauge_block *block, const wg_lmo_options *options,
                       const float *values, const float *vectors, wg_factor *factor, double *v) {
  int64_t d = factor->width;
  factor->inner = d;
  factor->passes = 1;
  for (int64_t i = 0; i < d; i++) {
    factor->sigma[i] = sqrt(WG_MAX((double)values[i], 0.0));
    if (factor->sigma[i] > options->rank_tol * factor->sigma[0]) factor->rank = i + 1;
  }
  for (int64_t i = 0; i < d * d; i++) factor->vectors[i] = (double)vectors[i];
  /* What is not of full rank is worth a second look: an infinite error. */
  factor->estimate =
      factor->rank < d ? INFINITY : wg_factor_error(block, options, factor, unit_of_floats, 2, v);
}

static int factor_with(const wg_rows *rows, const wg_gauge_block *block,
                       const wg_lmo_options *options, wg_mem *mem, wg_factor *factor, float *gram,
                       wg_mem *scratch) {
  int64_t d = rows->width;
  float *tested = WG_NEW(scratch, float, d *d), *values = WG_NEW(scratch, float, d);
  double *v = WG_NEW(scratch, double, d);
  if (!tested || !values || !v) return wg_no_memory();
  memcpy(tested, gram, (size_t)(d * d) * sizeof *gram);
  /* The 1-norm's condition number is at most d times the spectral one, and often some ten times. */
  const double slack = 100.0;
  if (wg_la_condition_float(d, tested) * unit_of_floats > slack * options->accuracy) return WG_OK;
  WG_TRY(wg_la_eigh_float(d, gram, values));
  wg_factor found = {.width = d,
                     .sigma = WG_NEW(mem, double, d),
                     .vectors = WG_NEW(mem, double, d *d),
                     .single = true};
  if (!found.sigma || !found.vectors) return wg_no_memory();
  set_factor(block, options, values, gram, &found, v);
  if (found.estimate <= options->accuracy) {
    *factor = found;
    return WG_OK;
  }
  wg_drop(mem, found.sigma);
  wg_drop(mem, found.vectors);
  return WG_OK;
}

int wg_factor_single(const wg_rows *rows, const wg_gauge_block *block,
                     const wg_lmo_options *options, wg_mem *mem, wg_factor *factor) {
  *factor = (wg_factor){.width = rows->width};
  if (!is_meant_for(rows)) return WG_OK;
  wg_mem scratch = wg_mem_of(mem->ledger);
  float *gram = WG_NEW(&scratch, float, rows->width * rows->width);
  int status = gram ? WG_OK : wg_no_memory();
  if (status == WG_OK) {
    wg_la_gram_float(!by_rows(rows), rows->count, rows->width, (const float *)rows->data,
                     leading(rows), gram);
    status = factor_with(rows, block, options, mem, factor, gram, &scratch);
  }
  wg_mem_clear(&scratch);
  return status;
}

/* ---- product ---- */

/* matrix (d x d) = Z' diag(scale) Z. */
static void make_matrix(const wg_factor *factor, const double *scale, float *scaled, float *z,
                        float *matrix) {
  int64_t d = factor->width;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      z[i * d + j] = (float)factor->vectors[i * d + j];
      scaled[i * d + j] = (float)(scale[i] * factor->vectors[i * d + j]);
    }
  wg_la_gemm_float(true, false, d, d, d, 1.0F, z, d, scaled, d, 0.0F, matrix, d);
}

WG_MULTIVERSION
static double dot_of_floats(int64_t count, const float *a, const float *b) {
  enum { LANES = 16 };
  double sum[LANES] = {0}, total = 0.0;
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES)
    for (int l = 0; l < LANES; l++) sum[l] += (double)a[i + l] * (double)b[i + l];
  for (; i < count; i++) total += (double)a[i] * (double)b[i];
  for (int l = 0; l < LANES; l++) total += sum[l];
  return total;
}

/* Lines of the matrix as it is stored, `room` or out holding the result. */
static double finish(const wg_rows *rows, const wg_rows *out, const float *result, int64_t stride) {
  int64_t lines = by_rows(rows) ? rows->count : rows->width;
  int64_t length = by_rows(rows) ? rows->width : rows->count;
  double product = 0.0;
  for (int64_t i = 0; i < lines; i++) {
    const float *line = result + i * stride;
    float *to = (float *)out->data + i * leading(out);
    product += dot_of_floats(length, (const float *)rows->data + i * leading(rows), line);
    if (to != line) memcpy(to, line, (size_t)length * sizeof *to);
  }
  return product;
}

int wg_apply_single(const wg_rows *rows, const wg_factor *factor, const double *scale,
                    const wg_rows *out, wg_mem *mem, double *product) {
  int64_t d = factor->width, n = rows->count;
  bool in_place = out->data == rows->data;
  wg_mem scratch = wg_mem_of(mem->ledger);
  float *matrix = WG_NEW(&scratch, float, d *d), *scaled = WG_NEW(&scratch, float, d *d);
  float *z = WG_NEW(&scratch, float, d *d), *room = WG_NEW(&scratch, float, in_place ? n *d : 0);
  int status = matrix && scaled && z && room ? WG_OK : wg_no_memory();
  if (status == WG_OK) {
    const float *g = rows->data;
    float *result = in_place ? room : (float *)out->data;
    int64_t stride = in_place ? (by_rows(rows) ? d : n) : leading(out);
    make_matrix(factor, scale, scaled, z, matrix);
    if (by_rows(rows))
      wg_la_gemm_float(false, false, n, d, d, 1.0F, g, leading(rows), matrix, d, 0.0F, result,
                       stride);
    else
      wg_la_gemm_float(false, false, d, n, d, 1.0F, matrix, d, g, leading(rows), 0.0F, result,
                       stride);
    *product = finish(rows, out, result, stride);
  }
  wg_mem_clear(&scratch);
  return status;
}
