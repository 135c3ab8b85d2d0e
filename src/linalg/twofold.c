/* Matrix products in twofold precision: what certificates of Gaussians rest on where distances are
 * smaller than the covariances by many orders.
 *
 * Each entry is a compensated dot product (Ogita, Rump, Oishi, SIAM J. Sci. Comput. 26 (2005)): the
 * products are split without error by fma, their running sum by Knuth's addition, and the errors
 * and the products with low parts are added up in a second double. That second sum is of at most
 * (k + 3) u P, P = sum |a_l b_l|, and rounds each of its k + 3 additions by a unit of that; the
 * products of two low parts, u^2 P, are left out. Together at most (k + 4)^2 u^2 P, and twice that
 * is promised. A row of c is held in chunks of 32 columns, which a compiler turns into vectors.
 * Cost some 14 k r s flops, no memory. The BLAS has no part in it. */
#include "linalg/la.h"

enum { CHUNK = 32 };

/* high + low (width numbers) = sum over l of a[l stride] b[l s ...]; a_low and b_low may be NULL.
 * Inlined where width is a constant, which leaves the sums in registers. */
static inline __attribute__((always_inline)) void sum_products(int64_t k, int64_t stride,
                                                               const double *a, const double *a_low,
                                                               int64_t s, const double *b,
                                                               const double *b_low, int64_t width,
                                                               double *high, double *low) {
  double sums[CHUNK] = {0.0}, errors[CHUNK] = {0.0};
  for (int64_t l = 0; l < k; l++) {
    const double x = a[l * stride], x_low = a_low ? a_low[l * stride] : 0.0;
    const double *restrict row = b + l * s, *restrict row_low = b_low ? b_low + l * s : NULL;
    if (x == 0.0) continue; /* then so is its low part */
    for (int64_t j = 0; j < width; j++) {
      const double product = x * row[j], rest = fma(x, row[j], -product);
      const double sum = sums[j] + product, part = sum - sums[j];
      const double error = (sums[j] - (sum - part)) + (product - part);
      const double lower = x_low * row[j] + (b_low ? x * row_low[j] : 0.0);
      sums[j] = sum;
      errors[j] += (error + rest) + lower;
    }
  }
  for (int64_t j = 0; j < width; j++) {
    high[j] = sums[j];
    low[j] = errors[j];
  }
}

WG_MULTIVERSION static void add_products(int64_t k, int64_t stride, const double *a,
                                         const double *a_low, int64_t s, const double *b,
                                         const double *b_low, int64_t width, double *high,
                                         double *low) {
  if (width == CHUNK && b_low)
    sum_products(k, stride, a, a_low, s, b, b_low, CHUNK, high, low);
  else if (width == CHUNK)
    sum_products(k, stride, a, a_low, s, b, NULL, CHUNK, high, low);
  else
    sum_products(k, stride, a, a_low, s, b, b_low, width, high, low);
}

void wg_la_twofold_product(bool ta, bool symmetric, int64_t r, int64_t s, int64_t k,
                           wg_twofold_matrix a, wg_twofold_matrix b, wg_twofold_matrix c) {
  const int64_t step = ta ? 1 : k, stride = ta ? r : 1;
  for (int64_t chunk = 0; chunk < s; chunk += CHUNK) {
    const int64_t width = WG_MIN(CHUNK, s);
    const int64_t from = WG_MIN(chunk, s - width); /* the last one overlaps the one before */
    for (int64_t i = 0; i < (symmetric ? from + width : r); i++) {
      double high[CHUNK], low[CHUNK];
      add_products(k, stride, a.high + i * step, a.low ? a.low + i * step : NULL, s, b.high + from,
                   b.low ? b.low + from : NULL, width, high, low);
      for (int64_t j = 0; j < width; j++)
        wg_twofold_put(c, i * s + from + j, wg_twofold_sum(high[j], low[j]));
    }
  }
  for (int64_t i = 0; symmetric && i < r; i++)
    for (int64_t j = 0; j < i; j++) wg_twofold_put(c, i * s + j, wg_twofold_at(c, j * s + i));
}
