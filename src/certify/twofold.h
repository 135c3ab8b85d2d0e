/* Private to certify/: numbers of twice the precision, as the unevaluated sum high + low.
 *
 * Why: where two measures nearly agree, what is left of the masses is below their rounding; formed
 * from pairs it keeps sixteen digits more. Splitting is without error (Knuth for sums, fma for
 * products); what rounds is arithmetic on the low parts. With u the unit, every operation below is
 * off by at most 8 u^2 times the sum of the sizes of what it adds, or of its result for products,
 * roots and quotients, as long as nothing underflows (Joldes, Muller, Popescu, ACM TOMS 44, 2017);
 * underflow is what callers add a floor for. Needs -ffp-contract=off. Cost: some 10 flops each. */
#ifndef WG_CERTIFY_TWOFOLD_H
#define WG_CERTIFY_TWOFOLD_H

#include "base/base.h"

#define WG_UNIT2 (WG_UNIT * WG_UNIT)

typedef struct twofold {
  double high, low;
} twofold;

static inline twofold two_sum(double a, double b) {
  const double total = a + b, taken = total - a;
  return (twofold){total, (a - (total - taken)) + (b - taken)};
}
static inline twofold two_product(double a, double b) {
  const double product = a * b;
  return (twofold){product, fma(a, b, -product)};
}
static inline twofold two_add(twofold a, twofold b) {
  const twofold sum = two_sum(a.high, b.high);
  return two_sum(sum.high, sum.low + (a.low + b.low));
}
static inline twofold two_minus(twofold a, twofold b) {
  return two_add(a, (twofold){-b.high, -b.low});
}
static inline twofold two_times(twofold a, twofold b) {
  const twofold p = two_product(a.high, b.high);
  return two_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}
static inline twofold two_scale(twofold a, double b) {
  const twofold p = two_product(a.high, b);
  return two_sum(p.high, p.low + a.low * b);
}
/* For b > 0. */
static inline twofold two_over(twofold a, double b) {
  const double quotient = a.high / b;
  return two_sum(quotient, (fma(-quotient, b, a.high) + a.low) / b);
}
/* For a >= 0. */
static inline twofold two_root(twofold a) {
  if (!(a.high > 0.0)) return (twofold){0.0, 0.0};
  const double root = sqrt(a.high);
  return two_sum(root, (fma(-root, root, a.high) + a.low) / (2.0 * root));
}
static inline double two_value(twofold a) { return a.high + a.low; }

#endif
