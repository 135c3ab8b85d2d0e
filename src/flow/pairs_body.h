/* Sums over pairs in one precision (kernels_body.h sets it): WG_REAL, WG_WORD, WG_OF(name),
 * and of its exponential WG_MANTISSA bits, WG_LOWEST argument, WG_LEAST
 * square whose root is taken, ln 2 in two parts, WG_TERMS.
 *
 * Lanes are targets, so that sums need no sum across lanes; sources are broadcast. In d = 2 and 3
 * coordinates stay in registers; in other dimensions sixteen sources at a time are gone through
 * twice, once for distances, once for the gradient. */
#define WG_VEC WG_OF(vec)
#define WG_MASK WG_OF(mask)
enum { WG_OF(LANES) = WG_BYTES / sizeof(WG_REAL) };

WG_INLINE WG_VEC WG_OF(spread)(WG_REAL x) { return x - (WG_VEC){0}; }

WG_INLINE WG_VEC WG_OF(keep)(WG_MASK mask, WG_VEC x) { return (WG_VEC)((WG_MASK)x & mask); }

/* e^x for x <= 0, relative error some units: 2^k e^r, |r| <= ln 2 / 2, a Taylor polynomial. */
WG_INLINE WG_VEC WG_OF(exponential)(WG_VEC x) {
  const WG_REAL round = (WG_REAL)3 * (WG_REAL)((WG_WORD)1 << (WG_MANTISSA - 1));
  x = WG_OF(larger)(x, WG_OF(spread)(WG_LOWEST));
  const WG_VEC shifted = x * (WG_REAL)1.4426950408889634 + round;
  const WG_VEC k = shifted - round;
  const WG_VEC r = (x - k * (WG_REAL)WG_LN2_HIGH) - k * (WG_REAL)WG_LN2_LOW;
  WG_VEC sum = WG_OF(spread)((WG_REAL)wg_inverse_factorial[WG_TERMS]);
  for (int term = WG_TERMS - 1; term >= 0; term--)
    sum = (WG_REAL)wg_inverse_factorial[term] + r * sum;
  return (WG_VEC)((WG_MASK)sum + ((WG_MASK)shifted << WG_MANTISSA));
}

/* |x|^r by the library, for the power kernel. */
WG_INLINE WG_VEC WG_OF(power)(WG_VEC square, double exponent) {
  for (int l = 0; l < WG_OF(LANES); l++)
    square[l] = square[l] > 0 ? (WG_REAL)pow((double)square[l], 0.5 * exponent) : 0;
  return square;
}

/* k and k'(s)/s at square = s^2 + offset. At a kink the slope is finite and the step zero. */
WG_INLINE void WG_OF(profile)(wg_kernel_kind kind, const wg_profile *p, WG_VEC square, WG_VEC *k,
                              WG_VEC *slope) {
  const WG_REAL rate = (WG_REAL)p->rate, strength = (WG_REAL)p->strength;
  WG_VEC minus_inverse = {0}, minus_distance = {0};
  if (kind != WG_KERNEL_GAUSSIAN && kind != WG_KERNEL_POWER) {
    minus_inverse = WG_OF(minus_root)(WG_OF(larger)(square, WG_OF(spread)(WG_LEAST)));
    minus_distance = square * minus_inverse;
  }
  switch (kind) {
    case WG_KERNEL_ENERGY: return; /* see charged */
    case WG_KERNEL_IMQ:
      *k = -minus_inverse;
      *slope = minus_inverse * (minus_inverse * minus_inverse);
      return;
    case WG_KERNEL_GAUSSIAN:
      *k = WG_OF(exponential)((WG_REAL)0.5 * rate * square);
      *slope = rate * *k;
      return;
    case WG_KERNEL_LAPLACE:
      *k = WG_OF(exponential)(-rate * minus_distance);
      *slope = -rate * *k * minus_inverse;
      return;
    case WG_KERNEL_MORSE: {
      const WG_VEC repulsion = strength * WG_OF(exponential)(-rate * minus_distance);
      const WG_VEC attraction = WG_OF(exponential)(minus_distance);
      *k = repulsion - attraction;
      *slope = -(rate * repulsion + attraction) * minus_inverse;
      return;
    }
    case WG_KERNEL_POWER:
      *slope = WG_OF(power)(square, p->rate - 2.0);
      *k = square * *slope * ((WG_REAL)1 / rate);
      return;
  }
}

WG_INLINE void WG_OF(add_up)(WG_VEC sum, double factor, double *total) {
  for (int l = 0; l < WG_OF(LANES); l++) total[l] += factor * (double)sum[l];
}

/* charge k and charge k'(s)/s, up to a factor that is the kernel's. Of the energy kernel both come
 * out of Newton's last step with the charge in it, -2 / s to begin with: 3 - square y^2 stands for
 * 3/2 - square y^2 / 2; square is not zero there. */
WG_INLINE void WG_OF(charged)(wg_kernel_kind kind, const wg_profile *p, WG_VEC square,
                              WG_REAL charge, WG_VEC *k, WG_VEC *slope) {
  if (kind == WG_KERNEL_ENERGY) {
    const WG_VEC y = WG_OF(root_guess)(square);
    *slope = (charge * y) * ((WG_REAL)3 - (square * y) * y);
    *k = square * *slope;
    return;
  }
  WG_OF(profile)(kind, p, square, k, slope);
  *k *= charge;
  *slope *= charge;
}

static inline double WG_OF(factor_of)(wg_kernel_kind kind) {
  return kind == WG_KERNEL_ENERGY ? -0.5 : 1.0;
}

static inline WG_REAL WG_OF(offset_of)(wg_kernel_kind kind, const wg_profile *p) {
  const WG_REAL offset = (WG_REAL)p->offset;
  return kind == WG_KERNEL_ENERGY ? WG_MAX(offset, (WG_REAL)WG_LEAST) : offset;
}

/* d is 2 or 3, a constant where this is inlined, as are kind and which sums are wanted. */
WG_INLINE void WG_OF(few_sums)(wg_kernel_kind kind, int d, bool want_phi, const wg_profile *profile,
                               const WG_REAL *targets, int64_t count, const WG_REAL *sources,
                               const WG_REAL *charges, double *phi, double *gradient) {
  enum { AT_ONCE = 2, STEP = AT_ONCE * WG_OF(LANES) };
  const WG_VEC offset = WG_OF(spread)(WG_OF(offset_of)(kind, profile));
  const double factor = WG_OF(factor_of)(kind);
  for (int64_t t = 0; t < WG_PAIR_TARGETS; t += STEP) {
    WG_VEC x[AT_ONCE][3], sum[AT_ONCE][3], total[AT_ONCE];
    for (int v = 0; v < AT_ONCE; v++) {
      total[v] = (WG_VEC){0};
      for (int k = 0; k < d; k++) {
        sum[v][k] = (WG_VEC){0};
        x[v][k] = *(const WG_VEC *)(targets + k * WG_PAIR_TARGETS + t + v * WG_OF(LANES));
      }
    }
    for (int64_t j = 0; j < count; j++)
      for (int v = 0; v < AT_ONCE; v++) {
        WG_VEC step[3], square = offset, k_of, slope;
        for (int k = 0; k < d; k++) {
          step[k] = x[v][k] - sources[k * WG_PAIR_SOURCES + j];
          square += step[k] * step[k];
        }
        WG_OF(charged)(kind, profile, square, charges[j], &k_of, &slope);
        for (int k = 0; k < d; k++) sum[v][k] += slope * step[k];
        if (want_phi) total[v] += k_of;
      }
    for (int v = 0; v < AT_ONCE; v++) {
      const int64_t at = t + v * WG_OF(LANES);
      for (int k = 0; k < d; k++)
        WG_OF(add_up)(sum[v][k], factor, gradient + k * WG_PAIR_TARGETS + at);
      if (want_phi) WG_OF(add_up)(total[v], factor, phi + at);
    }
  }
}

WG_INLINE void WG_OF(few_columns)(wg_kernel_kind kind, int d, const wg_profile *profile,
                                  const WG_REAL *targets, int64_t count, const WG_REAL *sources,
                                  const WG_REAL *charges, double *phi, double *gradient) {
  if (phi)
    WG_OF(few_sums)(kind, d, true, profile, targets, count, sources, charges, phi, gradient);
  else
    WG_OF(few_sums)(kind, d, false, profile, targets, count, sources, charges, phi, gradient);
}

/* Any d; sixteen sources at a time. */
WG_INLINE void WG_OF(many_columns)(wg_kernel_kind kind, const wg_profile *profile, int64_t d,
                                   const WG_REAL *targets, int64_t count, const WG_REAL *sources,
                                   const WG_REAL *charges, double *phi, double *gradient) {
  enum { CHUNK = 16 };
  const WG_VEC offset = WG_OF(spread)(WG_OF(offset_of)(kind, profile));
  const double factor = WG_OF(factor_of)(kind);
  for (int64_t t = 0; t < WG_PAIR_TARGETS; t += WG_OF(LANES))
    for (int64_t from = 0; from < count; from += CHUNK) {
      const int64_t size = WG_MIN(count - from, CHUNK);
      WG_VEC square[CHUNK], total = {0};
      for (int64_t j = 0; j < size; j++) square[j] = offset;
      for (int64_t k = 0; k < d; k++) {
        const WG_VEC x = *(const WG_VEC *)(targets + k * WG_PAIR_TARGETS + t);
        for (int64_t j = 0; j < size; j++) {
          const WG_VEC step = x - sources[k * WG_PAIR_SOURCES + from + j];
          square[j] += step * step;
        }
      }
      for (int64_t j = 0; j < size; j++) {
        WG_VEC k_of, slope;
        WG_OF(charged)(kind, profile, square[j], charges[from + j], &k_of, &slope);
        square[j] = slope;
        total += k_of;
      }
      if (phi) WG_OF(add_up)(total, factor, phi + t);
      for (int64_t k = 0; gradient && k < d; k++) {
        const WG_VEC x = *(const WG_VEC *)(targets + k * WG_PAIR_TARGETS + t);
        WG_VEC sum = {0};
        for (int64_t j = 0; j < size; j++)
          sum += square[j] * (x - sources[k * WG_PAIR_SOURCES + from + j]);
        WG_OF(add_up)(sum, factor, gradient + k * WG_PAIR_TARGETS + t);
      }
    }
}

WG_INLINE void WG_OF(of_kind)(wg_kernel_kind kind, const wg_profile *profile, int64_t d,
                              const WG_REAL *targets, int64_t count, const WG_REAL *sources,
                              const WG_REAL *charges, double *phi, double *gradient) {
  if (d == 2 && gradient)
    WG_OF(few_columns)(kind, 2, profile, targets, count, sources, charges, phi, gradient);
  else if (d == 3 && gradient)
    WG_OF(few_columns)(kind, 3, profile, targets, count, sources, charges, phi, gradient);
  else
    WG_OF(many_columns)(kind, profile, d, targets, count, sources, charges, phi, gradient);
}

static void WG_OF(pairs)(const wg_profile *profile, int64_t d, const WG_REAL *targets,
                         int64_t count, const WG_REAL *sources, const WG_REAL *charges, double *phi,
                         double *gradient) {
#define WG_CASE(kind)                                                                  \
  case kind:                                                                           \
    WG_OF(of_kind)(kind, profile, d, targets, count, sources, charges, phi, gradient); \
    return
  switch (profile->kind) {
    WG_CASE(WG_KERNEL_ENERGY);
    WG_CASE(WG_KERNEL_GAUSSIAN);
    WG_CASE(WG_KERNEL_LAPLACE);
    WG_CASE(WG_KERNEL_IMQ);
    WG_CASE(WG_KERNEL_POWER);
    WG_CASE(WG_KERNEL_MORSE);
  }
#undef WG_CASE
}

#undef WG_VEC
#undef WG_MASK
#undef WG_REAL
#undef WG_WORD
#undef WG_OF
#undef WG_MANTISSA
#undef WG_LOWEST
#undef WG_LEAST
#undef WG_LN2_HIGH
#undef WG_LN2_LOW
#undef WG_TERMS
