/* Sums and products of doubles without rounding. A sum of two doubles is a double and an error,
 * which is a double too (Knuth), and so is a product (fma; the error is lost below 2^-1022 2^53).
 * wg_exact keeps a sum as doubles that do not overlap, in increasing order (Shewchuk, Adaptive
 * precision floating-point arithmetic, 1997): a sum that is zero is recognised as zero. Numbers of
 * one size need two or three of them; what does not fit is counted in `lost`. Needs arithmetic
 * without contraction (-ffp-contract=off). */
#ifndef WG_EXACT_H
#define WG_EXACT_H

#include "base/base.h"

/* a + b = result + *error */
static inline double wg_two_sum(double a, double b, double *error) {
  const double sum = a + b, taken = sum - a;
  *error = (a - (sum - taken)) + (b - taken);
  return sum;
}

/* a b = result + *error, but for 2^-1074 where the product is below WG_EXACT_TINY. */
#define WG_EXACT_TINY 0x1p-960
static inline double wg_two_product(double a, double b, double *error) {
  const double product = a * b;
  *error = fma(a, b, -product);
  return product;
}

enum { WG_EXACT_PARTS = 12 };
typedef struct wg_exact {
  int count;
  double part[WG_EXACT_PARTS];
  double lost; /* |exact sum - sum of parts| is at most this */
} wg_exact;

static inline void wg_exact_lose(wg_exact *sum, double amount) {
  if (amount != 0.0) sum->lost = nextafter(sum->lost + fabs(amount), INFINITY);
}

static inline void wg_exact_add(wg_exact *sum, double value) {
  int kept = 0;
  for (int i = 0; i < sum->count; i++) {
    double error;
    value = wg_two_sum(sum->part[i], value, &error);
    if (error != 0.0) sum->part[kept++] = error;
  }
  if (value != 0.0) {
    if (kept == WG_EXACT_PARTS) {
      wg_exact_lose(sum, sum->part[0]);
      for (int i = 1; i < kept; i++) sum->part[i - 1] = sum->part[i];
      kept--;
    }
    sum->part[kept++] = value;
  }
  sum->count = kept;
}

/* sum += sign x y */
static inline void wg_exact_add_product(wg_exact *sum, double sign, double x, double y) {
  double error;
  const double product = wg_two_product(sign * x, y, &error);
  wg_exact_add(sum, product);
  wg_exact_add(sum, error);
  if (!(fabs(product) >= WG_EXACT_TINY) && x != 0.0 && y != 0.0) wg_exact_lose(sum, 0x1p-1074);
}

/* The sum as value + *low, off by *error at most. */
static inline double wg_exact_pair(const wg_exact *sum, double *low, double *error) {
  double value = 0.0, rest = 0.0, off = sum->lost, slip;
  for (int i = sum->count - 1; i >= 0; i--) {
    value = wg_two_sum(value, sum->part[i], &slip);
    rest = wg_two_sum(rest, slip, &slip);
    off += fabs(slip);
  }
  value = wg_two_sum(value, rest, low);
  *error = off > 0.0 ? off * (1.0 + 32.0 * WG_UNIT) : 0.0;
  return value;
}

static inline double wg_exact_value(const wg_exact *sum) {
  double low, error;
  return wg_exact_pair(sum, &low, &error);
}

/* At least |exact sum|; zero only if that is zero. */
static inline double wg_exact_most(const wg_exact *sum) {
  double low, error;
  const double value = wg_exact_pair(sum, &low, &error);
  const double most = fabs(value) + fabs(low) + error;
  return most > 0.0 ? nextafter(nextafter(most, INFINITY), INFINITY) : most;
}

/* sum += sign x y for sums */
static inline void wg_exact_add_products(wg_exact *sum, double sign, const wg_exact *x,
                                         const wg_exact *y) {
  for (int i = 0; i < x->count; i++)
    for (int k = 0; k < y->count; k++) wg_exact_add_product(sum, sign, x->part[i], y->part[k]);
  if (x->lost > 0.0) wg_exact_lose(sum, nextafter(x->lost * wg_exact_most(y), INFINITY));
  if (y->lost > 0.0) wg_exact_lose(sum, nextafter(y->lost * wg_exact_most(x), INFINITY));
}

static inline void wg_exact_subtract(wg_exact *sum, const wg_exact *other) {
  for (int i = 0; i < other->count; i++) wg_exact_add(sum, -other->part[i]);
  wg_exact_lose(sum, other->lost);
}

#endif
