/* Gauges on PSD matrices (theory 1): value, subgradient, dual gauge, feasibility.
 *
 * Every function goes block by block: diagonalise S_bb (spectrum.c), apply a function of the
 * eigenvalues, and combine blocks by a sum or by a maximum with rates. A single gauge is one block.
 * A block that is the trace (p = 1, k = size, one column) takes the same road as all trace blocks,
 * so a kyfan:3 on three columns or a schatten:0.5 on one column is exactly the trace there.
 *
 * Ties. The operator and Ky Fan gauges have many maximisers Q when eigenvalues tie; the density is
 * spread evenly over eigenvalues within 1e-12 lambda_1 of the k-th, which makes Q a continuous
 * choice on a tie and does not let rounding pick a vector.
 *
 * Cost O(sum size^3), memory two matrices of the largest block. */
#include "gauge/gauge.h"

#include <string.h>

#include "linalg/la.h"

static const double tie = 1e-12;            /* relative */
static const double gradient_floor = 1e-14; /* of lambda_1: S^(p-1) is infinite at 0 for p < 1 */

/* ---- facts that need no matrix ---- */

static bool block_is_convex(const wg_gauge_block *block) {
  return block->kind == WG_KYFAN || block->p >= 1.0 || block->size == 1;
}

bool wg_gauge_is_convex(const wg_gauge_spec *spec) {
  for (int64_t b = 0; b < spec->block_count; b++)
    if (!block_is_convex(&spec->blocks[b])) return false;
  return true;
}

bool wg_gauge_is_planar_root(const wg_gauge_spec *spec) {
  return spec->outer == WG_SINGLE && spec->d == 2 && !wg_gauge_is_convex(spec);
}

int wg_gauge_require_convex(const wg_gauge_spec *spec) {
  if (wg_gauge_is_convex(spec)) return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT,
                 "a gauge with p < 1 is not convex and has no dual gauge; use p >= 1");
}

void wg_gauge_minorant(const wg_gauge_spec *spec, wg_gauge_spec *minorant) {
  *minorant = *spec;
  for (int64_t b = 0; b < spec->block_count; b++)
    if (!block_is_convex(&spec->blocks[b])) minorant->blocks[b].p = 1.0;
}

void wg_gauge_flatten(wg_gauge_spec *spec, double tol) {
  const double least = WG_MAX(tol, 8.0 * WG_UNIT);
  for (int64_t b = 0; b < spec->block_count; b++) {
    wg_gauge_block *block = &spec->blocks[b];
    if (block->kind == WG_SCHATTEN && log((double)block->size) <= 0.9 * least * block->p)
      block->p = block->size == 1 ? 1.0 : INFINITY;
  }
}

double wg_gauge_unit(const wg_gauge_spec *spec) {
  double unit = spec->outer == WG_BLOCK_MAX ? 0.0 : 1.0;
  for (int64_t b = 0; spec->outer == WG_BLOCK_MAX && b < spec->block_count; b++)
    unit = WG_MAX(unit, 1.0 / spec->blocks[b].rate / spec->blocks[b].rate);
  return unit;
}

/* ---- value ---- */

static double block_value(const wg_gauge_block *block, const wg_block_spectrum *spectrum) {
  double value = ldexp(wg_gauge_of_values(block, spectrum->clipped), spectrum->exponent);
  return value / block->rate / block->rate;
}

static int sum_or_max(const wg_gauge_spec *spec, const double *s, wg_block_spectrum *spectrum,
                      double *value) {
  double total = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    WG_TRY(wg_spectrum_values_of(spec, &spec->blocks[b], s, 0.0, spectrum));
    double part = block_value(&spec->blocks[b], spectrum);
    total = spec->outer == WG_BLOCK_MAX ? WG_MAX(total, part) : total + part;
  }
  *value = total;
  return WG_OK;
}

int wg_gauge_value(const wg_gauge_spec *spec, const double *s, wg_mem *mem, double *value) {
  wg_block_spectrum spectrum;
  WG_TRY(wg_spectrum_begin(spec, mem, &spectrum));
  int status = sum_or_max(spec, s, &spectrum, value);
  wg_spectrum_end(mem, &spectrum);
  return status;
}

/* ---- matrices from eigenvalues ---- */

/* Block of q = sum_i weights_i v_i v_i', symmetric to the bit; the spectrum is used up. */
static void write_block(const wg_gauge_spec *spec, const wg_gauge_block *block,
                        wg_block_spectrum *spectrum, const double *weights, double *q) {
  int64_t size = block->size;
  double *rows = spectrum->vectors, *product = spectrum->matrix;
  for (int64_t i = 0; i < size; i++)
    for (int64_t j = 0; j < size; j++) rows[i * size + j] *= sqrt(weights[i]);
  wg_la_gemm(true, false, size, size, size, 1.0, rows, size, rows, size, 0.0, product, size);
  for (int64_t i = 0; i < size; i++)
    for (int64_t j = 0; j < size; j++)
      q[(block->start + i) * spec->d + block->start + j] =
          0.5 * (product[i * size + j] + product[j * size + i]);
}

static void write_identity(const wg_gauge_spec *spec, const wg_gauge_block *block, double scale,
                           double *q) {
  for (int64_t i = 0; i < block->size; i++)
    for (int64_t j = 0; j < block->size; j++)
      q[(block->start + i) * spec->d + block->start + j] = i == j ? scale : 0.0;
}

static void scale_block(const wg_gauge_spec *spec, const wg_gauge_block *block, double scale,
                        double *q) {
  for (int64_t i = 0; i < block->size; i++)
    for (int64_t j = 0; j < block->size; j++)
      q[(block->start + i) * spec->d + block->start + j] *= scale;
}

static void zero_matrix(const wg_gauge_spec *spec, double *q) {
  memset(q, 0, (size_t)(spec->d * spec->d) * sizeof *q);
}

/* ---- centre ---- */

/* The multiple of the identity with dual gauge one on a block. */
static double block_center(const wg_gauge_block *block) {
  if (wg_gauge_block_is_trace(block)) return 1.0;
  double size = (double)block->size;
  if (block->kind == WG_KYFAN) return (double)block->k / size;
  return pow(size, 1.0 / block->p - 1.0);
}

/* Share of the dual ball of a block max that each of `count` active blocks gets. */
static double block_share(const wg_gauge_spec *spec, const wg_gauge_block *block, int64_t count) {
  if (spec->outer != WG_BLOCK_MAX) return 1.0;
  return 1.0 / block->rate / block->rate / (double)count;
}

void wg_gauge_center(const wg_gauge_spec *spec, double *q) {
  zero_matrix(spec, q);
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    double share = block_share(spec, block, spec->block_count);
    write_identity(spec, block, share * block_center(block), q);
  }
}

/* ---- subgradient ---- */

/* Derivative of the Schatten norm in the eigenvalues: (sum r^p)^((1-p)/p) r^(p-1), r = lambda /
 * lambda_1. The same sum in value and weights makes <Q, S> = gamma(S) for every p; for p < 1 small
 * eigenvalues are lifted to the floor, where r^(p-1) is large instead of infinite. */
static void schatten_weights(double p, wg_block_spectrum *spectrum) {
  double *ratio = spectrum->clipped, top = ratio[0], sum = 0.0;
  for (int64_t i = 0; i < spectrum->size; i++) {
    ratio[i] /= top;
    sum += pow(ratio[i], p);
  }
  double scale = pow(sum, (1.0 - p) / p);
  for (int64_t i = 0; i < spectrum->size; i++) {
    double base = p < 1.0 ? WG_MAX(ratio[i], gradient_floor) : ratio[i];
    ratio[i] = scale * pow(base, p - 1.0);
  }
}

/* Projector on the top-k eigenspace, the last place shared evenly among tied eigenvalues. */
static void top_weights(int64_t k, wg_block_spectrum *spectrum) {
  double *values = spectrum->clipped, cut = values[k - 1], width = tie * values[0];
  int64_t above = 0, tied = 0;
  for (int64_t i = 0; i < spectrum->size; i++) {
    above += values[i] > cut + width;
    tied += fabs(values[i] - cut) <= width;
  }
  double share = (double)(k - above) / (double)tied;
  for (int64_t i = 0; i < spectrum->size; i++) {
    bool is_above = values[i] > cut + width, is_tied = fabs(values[i] - cut) <= width;
    values[i] = is_above ? 1.0 : is_tied ? share : 0.0;
  }
}

/* A maximiser of the block's gauge at the block in `spectrum`; its clipped values are used up. */
static void write_block_maximiser(const wg_gauge_spec *spec, const wg_gauge_block *block,
                                  wg_block_spectrum *spectrum, double *q) {
  if (wg_gauge_block_is_trace(block)) {
    write_identity(spec, block, 1.0, q);
    return;
  }
  if (spectrum->clipped[0] == 0.0) {
    write_identity(spec, block, block_center(block), q);
    return;
  }
  if (block->kind == WG_KYFAN)
    top_weights(block->k, spectrum);
  else if (isinf(block->p))
    top_weights(1, spectrum);
  else
    schatten_weights(block->p, spectrum);
  write_block(spec, block, spectrum, spectrum->clipped, q);
}

/* Writes every block's own maximiser into q and its value (rate included) into values. */
static int write_maximisers(const wg_gauge_spec *spec, const double *s, wg_block_spectrum *spectrum,
                            double *values, double *q) {
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    WG_TRY(wg_spectrum_of(spec, block, s, 0.0, spectrum));
    values[b] = block_value(block, spectrum);
    write_block_maximiser(spec, block, spectrum, q);
  }
  return WG_OK;
}

/* Block max: the active blocks share the weight evenly, the others get none. */
static void share_among_active(const wg_gauge_spec *spec, const double *values, double *q) {
  double most = 0.0;
  int64_t active = 0;
  for (int64_t b = 0; b < spec->block_count; b++) most = WG_MAX(most, values[b]);
  for (int64_t b = 0; b < spec->block_count; b++) active += values[b] >= most * (1.0 - tie);
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    bool is_active = values[b] >= most * (1.0 - tie);
    scale_block(spec, block, is_active ? block_share(spec, block, active) : 0.0, q);
  }
}

int wg_gauge_subgradient(const wg_gauge_spec *spec, const double *s, wg_mem *mem, double *q) {
  wg_block_spectrum spectrum;
  double values[WG_GAUGE_MAX_BLOCKS];
  WG_TRY(wg_spectrum_begin(spec, mem, &spectrum));
  zero_matrix(spec, q);
  int status = write_maximisers(spec, s, &spectrum, values, q);
  wg_spectrum_end(mem, &spectrum);
  if (status == WG_OK && spec->outer == WG_BLOCK_MAX) share_among_active(spec, values, q);
  return status;
}

/* ---- dual gauge and feasibility ---- */

/* Adds a block's dual gauge to the whole: maximum for single and sum, weighted sum for max. */
static double combine_dual(const wg_gauge_spec *spec, const wg_gauge_block *block, double whole,
                           double part) {
  if (spec->outer != WG_BLOCK_MAX) return WG_MAX(whole, part);
  return whole + block->rate * block->rate * part;
}

/* Dual gauge of q; the PSD part of each block goes to `projected` unless NULL (it may be q). */
static int dual_of_blocks(const wg_gauge_spec *spec, const double *q, wg_block_spectrum *spectrum,
                          double *projected, double *dual) {
  double whole = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    WG_TRY((projected ? wg_spectrum_of : wg_spectrum_values_of)(spec, block, q, 0.0, spectrum));
    double part = ldexp(wg_gauge_dual_of_values(block, spectrum->clipped), spectrum->exponent);
    whole = combine_dual(spec, block, whole, part);
    if (!projected) continue;
    for (int64_t i = 0; i < block->size; i++)
      spectrum->clipped[i] = ldexp(spectrum->clipped[i], spectrum->exponent);
    write_block(spec, block, spectrum, spectrum->clipped, projected);
  }
  *dual = whole;
  return WG_OK;
}

int wg_gauge_dual(const wg_gauge_spec *spec, const double *q, wg_mem *mem, double *dual) {
  wg_block_spectrum spectrum;
  WG_TRY(wg_gauge_require_convex(spec));
  WG_TRY(wg_spectrum_begin(spec, mem, &spectrum));
  int status = dual_of_blocks(spec, q, &spectrum, NULL, dual);
  wg_spectrum_end(mem, &spectrum);
  return status;
}

static void zero_off_blocks(const wg_gauge_spec *spec, double *q) {
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    for (int64_t i = block->start; i < block->start + block->size; i++)
      for (int64_t j = 0; j < spec->d; j++)
        if (j < block->start || j >= block->start + block->size) q[i * spec->d + j] = 0.0;
  }
}

int wg_gauge_feasible(const wg_gauge_spec *spec, double *q, wg_mem *mem) {
  wg_block_spectrum spectrum;
  double dual;
  WG_TRY(wg_gauge_require_convex(spec));
  WG_TRY(wg_spectrum_begin(spec, mem, &spectrum));
  int status = dual_of_blocks(spec, q, &spectrum, q, &dual);
  wg_spectrum_end(mem, &spectrum);
  WG_TRY(status);
  zero_off_blocks(spec, q);
  for (int64_t i = 0; dual > 1.0 && i < spec->d * spec->d; i++) q[i] /= dual;
  return WG_OK;
}
