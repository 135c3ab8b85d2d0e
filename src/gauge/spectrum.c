/* Eigenvalues of the diagonal blocks of a matrix, and gauges as functions of eigenvalues.
 *
 * Every gauge offered is, on a block, a symmetric function of the eigenvalues of S_bb (theory 1).
 * A block is multiplied by a power of two that brings its largest entry near one before it is
 * diagonalised: exact, so matrices of scale 1e-300 or 1e300 are no special case. Schatten norms are
 * taken relative to the largest eigenvalue, so that p may be as large as a double.
 *
 * Cost O(size^3) a block, memory 2 size^2 for the largest one. */
#include <float.h>

#include "gauge/gauge.h"
#include "linalg/la.h"

static int64_t largest_block(const wg_gauge_spec *spec) {
  int64_t largest = 0;
  for (int64_t b = 0; b < spec->block_count; b++) largest = WG_MAX(largest, spec->blocks[b].size);
  return largest;
}

int wg_spectrum_begin(const wg_gauge_spec *spec, wg_mem *mem, wg_block_spectrum *spectrum) {
  int64_t size = largest_block(spec);
  double *room = WG_NEW(mem, double, 2 * size * size + 2 * size);
  if (!room) return wg_no_memory();
  *spectrum = (wg_block_spectrum){.matrix = room,
                                  .vectors = room + size * size,
                                  .values = room + 2 * size * size,
                                  .clipped = room + 2 * size * size + size};
  return WG_OK;
}

void wg_spectrum_end(wg_mem *mem, wg_block_spectrum *spectrum) { wg_drop(mem, spectrum->matrix); }

/* The largest |entry| of a block, or WG_ERR_INPUT if one is not finite. */
static int largest_entry(int64_t d, const wg_gauge_block *block, const double *s, double *largest) {
  *largest = 0.0;
  for (int64_t i = block->start; i < block->start + block->size; i++) {
    for (int64_t j = block->start; j < block->start + block->size; j++) {
      double entry = fabs(s[i * d + j]);
      if (!(entry <= DBL_MAX))
        return wg_fail(WG_ERR_INPUT,
                       "entry [%lld, %lld] = %g of a moment, a covariance or Q is not finite: the "
                       "points, masses or rates it was formed from leave the range of double; "
                       "scale them towards one",
                       (long long)i, (long long)j, s[i * d + j]);
      *largest = WG_MAX(*largest, entry);
    }
  }
  return WG_OK;
}

/* Symmetric part of the block, times 2^-exponent. */
static void copy_block(int64_t d, const wg_gauge_block *block, const double *s,
                       wg_block_spectrum *spectrum) {
  for (int64_t i = 0; i < block->size; i++) {
    for (int64_t j = 0; j < block->size; j++) {
      double here = s[(block->start + i) * d + block->start + j];
      double mirror = s[(block->start + j) * d + block->start + i];
      spectrum->matrix[i * block->size + j] =
          0.5 * (ldexp(here, -spectrum->exponent) + ldexp(mirror, -spectrum->exponent));
    }
  }
}

/* The block, near one, in spectrum->matrix. */
static int load(const wg_gauge_spec *spec, const wg_gauge_block *block, const double *s,
                double companion, wg_block_spectrum *spectrum) {
  double largest;
  WG_TRY(largest_entry(spec->d, block, s, &largest));
  largest = WG_MAX(largest, companion);
  spectrum->exponent = largest > 0.0 ? ilogb(largest) : 0;
  spectrum->size = block->size;
  copy_block(spec->d, block, s, spectrum);
  return WG_OK;
}

static void clip(wg_block_spectrum *spectrum) {
  for (int64_t i = 0; i < spectrum->size; i++)
    spectrum->clipped[i] = WG_MAX(spectrum->values[i], 0.0);
}

int wg_spectrum_of(const wg_gauge_spec *spec, const wg_gauge_block *block, const double *s,
                   double companion, wg_block_spectrum *spectrum) {
  WG_TRY(load(spec, block, s, companion, spectrum));
  WG_TRY(wg_la_eigh(block->size, spectrum->matrix, spectrum->values, spectrum->vectors));
  clip(spectrum);
  return WG_OK;
}

int wg_spectrum_values_of(const wg_gauge_spec *spec, const wg_gauge_block *block, const double *s,
                          double companion, wg_block_spectrum *spectrum) {
  double *copy = spectrum->vectors;
  WG_TRY(load(spec, block, s, companion, spectrum));
  for (int64_t i = 0; i < block->size * block->size; i++) copy[i] = spectrum->matrix[i];
  WG_TRY(wg_la_eigenvalues(block->size, copy, spectrum->values));
  clip(spectrum);
  return WG_OK;
}

bool wg_gauge_block_is_trace(const wg_gauge_block *block) {
  if (block->size == 1) return true;
  return block->kind == WG_KYFAN ? block->k == block->size : block->p == 1.0;
}

static double sum_of(int64_t count, const double *values) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; i++) sum += values[i];
  return sum;
}

/* (sum values^p)^(1/p) of non-negative decreasing values. */
static double schatten_norm(int64_t count, const double *values, double p) {
  if (values[0] == 0.0 || isinf(p)) return values[0];
  if (p == 1.0) return sum_of(count, values);
  double sum = 0.0;
  for (int64_t i = 0; i < count; i++) sum += pow(values[i] / values[0], p);
  return values[0] * pow(sum, 1.0 / p);
}

double wg_gauge_of_values(const wg_gauge_block *block, const double *values) {
  if (wg_gauge_block_is_trace(block)) return sum_of(block->size, values);
  if (block->kind == WG_KYFAN) return sum_of(block->k, values);
  return schatten_norm(block->size, values, block->p);
}

/* 1/p + 1/p' = 1 for 1 <= p <= infinity. */
static double conjugate_exponent(double p) {
  if (p == 1.0) return INFINITY;
  return isinf(p) ? 1.0 : p / (p - 1.0);
}

double wg_gauge_dual_of_values(const wg_gauge_block *block, const double *values) {
  if (wg_gauge_block_is_trace(block)) return values[0];
  if (block->kind == WG_KYFAN)
    return WG_MAX(values[0], sum_of(block->size, values) / (double)block->k);
  return schatten_norm(block->size, values, conjugate_exponent(block->p));
}
