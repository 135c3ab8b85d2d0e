/* base: numbers as unevaluated sums of two doubles, for differences that cancel.
 *
 * high + low with |low| <= u |high|: some 2^-104 relative accuracy. Sums by Knuth's error-free
 * addition, products by fused multiply-add (Dekker 1971; Shewchuk 1997). Sums, products, quotients
 * and roots are off by at most 8 u^2 of their result, as long as nothing underflows (Joldes,
 * Muller, Popescu, ACM TOMS 44, 2017); sums of numbers with unlike signs by 8 u^2 of the numbers'
 * sizes. Needs -ffp-contract=off. Ten to twenty operations each. */
#ifndef WG_TWOFOLD_H
#define WG_TWOFOLD_H

#include <math.h>

#define WG_UNIT2 (WG_UNIT * WG_UNIT)

typedef struct wg_twofold {
  double high, low;
} wg_twofold;

/* a + b, exactly. */
static inline wg_twofold wg_twofold_sum(double a, double b) {
  const double sum = a + b, taken = sum - a;
  return (wg_twofold){sum, (a - (sum - taken)) + (b - taken)};
}
/* a b, exactly unless it underflows. */
static inline wg_twofold wg_twofold_product(double a, double b) {
  const double product = a * b;
  return (wg_twofold){product, fma(a, b, -product)};
}
static inline wg_twofold wg_twofold_add(wg_twofold a, wg_twofold b) {
  const wg_twofold high = wg_twofold_sum(a.high, b.high), low = wg_twofold_sum(a.low, b.low);
  const wg_twofold sum = wg_twofold_sum(high.high, high.low + low.high);
  return wg_twofold_sum(sum.high, sum.low + low.low);
}
static inline wg_twofold wg_twofold_subtract(wg_twofold a, wg_twofold b) {
  return wg_twofold_add(a, (wg_twofold){-b.high, -b.low});
}
static inline wg_twofold wg_twofold_multiply(wg_twofold a, wg_twofold b) {
  const wg_twofold product = wg_twofold_product(a.high, b.high);
  return wg_twofold_sum(product.high, product.low + (a.high * b.low + a.low * b.high));
}
static inline wg_twofold wg_twofold_divide(wg_twofold a, wg_twofold b) {
  const double first = a.high / b.high;
  const wg_twofold rest = wg_twofold_subtract(a, wg_twofold_multiply((wg_twofold){first, 0.0}, b));
  return wg_twofold_sum(first, rest.high / b.high);
}
/* 0 for a <= 0. */
static inline wg_twofold wg_twofold_root(wg_twofold a) {
  if (!(a.high > 0.0)) return (wg_twofold){0.0, 0.0};
  const double root = sqrt(a.high);
  return wg_twofold_sum(root, (fma(-root, root, a.high) + a.low) / (2.0 * root));
}
static inline double wg_twofold_value(wg_twofold a) { return a.high + a.low; }

#endif
