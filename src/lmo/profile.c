/* The oracle on singular values (theory 2): every gauge of the grammar is, on a block, a symmetric
 * norm N of the singular values, so J has the singular vectors of G and J's singular values depend
 * on those of G alone.
 *
 * Powers are taken of ratios to the largest value, so that no exponent and no scale overflows. Ky
 * Fan sums its tail from the small end. Cost O(count). */
#include "lmo/lmo.h"

static double euclidean(int64_t count, const double *sigma) {
  double sum = 0.0;
  for (int64_t i = count - 1; i >= 0; i--) sum += sigma[i] * sigma[i];
  return sqrt(sum);
}

/* p = 1/2: all weight on the top, shared evenly among ties. */
static double share_top(int64_t count, const double *sigma, double tie, double *v) {
  int64_t tied = 0;
  while (tied < count && sigma[tied] >= (1.0 - tie) * sigma[0]) tied++;
  for (int64_t i = 0; i < count; i++) v[i] = i < tied ? sigma[0] / (double)tied : 0.0;
  return sigma[0];
}

/* v_i = N*^(2-q) sigma_i^(q-1), q = 2p / (2p-1). */
static double schatten(double p, int64_t count, const double *sigma, double *v) {
  double power = isinf(p) ? 0.0 : 1.0 / (2.0 * p - 1.0), q = 1.0 + power, sum = 0.0;
  for (int64_t i = count - 1; i >= 0; i--) {
    v[i] = pow(sigma[i] / sigma[0], power);
    sum += v[i] * (sigma[i] / sigma[0]);
  }
  double scale = sigma[0] * pow(sum, (2.0 - q) / q);
  for (int64_t i = 0; i < count; i++) v[i] *= scale;
  return sigma[0] * pow(sum, 1.0 / q);
}

/* The first values stay, the others are replaced by one level: as many stay as lie above it. */
static double ky_fan(int64_t k, int64_t count, const double *sigma, double *v) {
  int64_t kept = WG_MIN(k, count);
  double tail = 0.0, level = 0.0;
  for (int64_t i = count - 1; i >= kept; i--) tail += sigma[i];
  while (kept > 0 && k <= count) {
    kept--;
    tail += sigma[kept];
    level = tail / (double)(k - kept);
    if (kept > 0 && sigma[kept - 1] > level) break;
  }
  for (int64_t i = 0; i < count; i++) v[i] = i < kept ? sigma[i] : level;
  double head = euclidean(kept, sigma), rest = sqrt((double)(k - kept)) * level;
  return hypot(head, rest);
}

double wg_lmo_profile(const wg_gauge_block *block, int64_t count, const double *sigma, double tie,
                      double *v) {
  if (count == 0) return 0.0;
  if (wg_gauge_block_is_trace(block)) {
    for (int64_t i = 0; i < count; i++) v[i] = sigma[i];
    return euclidean(count, sigma);
  }
  if (block->kind == WG_KYFAN) return ky_fan(block->k, count, sigma, v);
  if (block->p == 0.5) return share_top(count, sigma, tie, v);
  return schatten(block->p, count, sigma, v);
}

double wg_lmo_norm(const wg_gauge_block *block, int64_t count, const double *sigma) {
  if (count == 0 || sigma[0] == 0.0) return 0.0;
  if (wg_gauge_block_is_trace(block)) return euclidean(count, sigma);
  if (block->kind == WG_KYFAN) return euclidean(WG_MIN(block->k, count), sigma);
  if (isinf(block->p)) return sigma[0];
  double sum = 0.0;
  for (int64_t i = count - 1; i >= 0; i--) sum += pow(sigma[i] / sigma[0], 2.0 * block->p);
  return sigma[0] * pow(sum, 0.5 / block->p);
}
