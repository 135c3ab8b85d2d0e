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
typedef double WG_OF(doubles) __attribute__((vector_size(8 * WG_OF(LANES)), aligned(8), may_alias));

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
  *(WG_OF(doubles) *)total += factor * __builtin_convertvector(sum, WG_OF(doubles));
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

/* The step between two points, k and k'(s)/s times the charge. */
WG_INLINE void WG_OF(pair)(wg_kernel_kind kind, int d, const wg_profile *profile, const WG_VEC *x,
                           const WG_VEC *y, WG_REAL charge, WG_VEC *step, WG_VEC *k_of,
                           WG_VEC *slope) {
  WG_VEC square = WG_OF(spread)(WG_OF(offset_of)(kind, profile));
  for (int k = 0; k < d; k++) {
    step[k] = x[k] - y[k];
    square += step[k] * step[k];
  }
  WG_OF(charged)(kind, profile, square, charge, k_of, slope);
}

/* d is 2 or 3, a constant where this is inlined, as are kind, which sums are wanted and whether all
 * charges are one. */
WG_INLINE void WG_OF(few_sums)(wg_kernel_kind kind, int d, bool want_phi, bool unit,
                               const wg_profile *profile, const WG_REAL *targets, int64_t count,
                               const WG_REAL *sources, const WG_REAL *charges, double *phi,
                               double *gradient) {
  enum { AT_ONCE = 2, STEP = AT_ONCE * WG_OF(LANES) };
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
    for (int64_t j = 0; j < count; j++) {
      WG_VEC y[3], step[3], k_of, slope;
      for (int k = 0; k < d; k++) y[k] = WG_OF(spread)(sources[k * WG_PAIR_SOURCES + j]);
      for (int v = 0; v < AT_ONCE; v++) {
        WG_OF(pair)(kind, d, profile, x[v], y, unit ? 1 : charges[j], step, &k_of, &slope);
        for (int k = 0; k < d; k++) sum[v][k] += slope * step[k];
        if (want_phi) total[v] += k_of;
      }
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
  const bool unit = kind == WG_KERNEL_ENERGY && profile->unit;
#define WG_FEW(phi_too, one) \
  WG_OF(few_sums)(kind, d, phi_too, one, profile, targets, count, sources, charges, phi, gradient)
  if (phi && unit)
    WG_FEW(true, true);
  else if (phi)
    WG_FEW(true, false);
  else if (unit)
    WG_FEW(false, true);
  else
    WG_FEW(false, false);
#undef WG_FEW
}

/* Sources turn round in groups of a vector past the targets, one lane a step, and with them the
 * sums of what the targets exert on them. d is 2 or 3. */
WG_INLINE void WG_OF(mutual_sums)(wg_kernel_kind kind, int d, const wg_profile *profile,
                                  const WG_REAL *targets, const WG_REAL *sources, double *phi,
                                  double *gradient, double *back) {
  enum { AT_ONCE = WG_BYTES == 64 ? 4 : 2, LANES = WG_OF(LANES), STEP = AT_ONCE * LANES };
  const double factor = WG_OF(factor_of)(kind);
  WG_REAL twice[3][2 * WG_PAIR_SOURCES], reaction[3][WG_PAIR_SOURCES] = {{0}};
  for (int k = 0; k < d; k++)
    for (int64_t from = 0; from < WG_PAIR_SOURCES; from += LANES) {
      const WG_VEC group = *(const WG_VEC *)(sources + k * WG_PAIR_SOURCES + from);
      *(WG_VEC *)(twice[k] + 2 * from) = *(WG_VEC *)(twice[k] + 2 * from + LANES) = group;
    }
  for (int64_t t = 0; t < WG_PAIR_SOURCES; t += STEP) {
    WG_VEC x[AT_ONCE][3], sum[AT_ONCE][3], total[AT_ONCE];
    for (int v = 0; v < AT_ONCE; v++) {
      total[v] = (WG_VEC){0};
      for (int k = 0; k < d; k++) {
        sum[v][k] = (WG_VEC){0};
        x[v][k] = *(const WG_VEC *)(targets + k * WG_PAIR_SOURCES + t + v * LANES);
      }
    }
    for (int64_t from = 0; from < WG_PAIR_SOURCES; from += LANES) {
      WG_VEC turning[3] = {{0}};
      for (int64_t turn = 0; turn < LANES; turn++) {
        WG_VEC y[3], step[3], k_of, slope;
        for (int k = 0; k < d; k++) y[k] = *(const WG_VEC *)(twice[k] + 2 * from + turn);
        for (int v = 0; v < AT_ONCE; v++) {
          WG_OF(pair)(kind, d, profile, x[v], y, 1, step, &k_of, &slope);
          for (int k = 0; k < d; k++) {
            sum[v][k] += slope * step[k];
            turning[k] -= slope * step[k];
          }
          total[v] += k_of;
        }
        for (int k = 0; k < d; k++) turning[k] = WG_OF(turned)(turning[k]);
      }
      for (int k = 0; k < d; k++) *(WG_VEC *)(reaction[k] + from) += turning[k];
    }
    for (int v = 0; v < AT_ONCE; v++) {
      const int64_t at = t + v * LANES;
      for (int k = 0; k < d; k++)
        WG_OF(add_up)(sum[v][k], factor, gradient + k * WG_PAIR_SOURCES + at);
      WG_OF(add_up)(total[v], 2.0 * factor, phi + at);
    }
  }
  for (int k = 0; k < d; k++)
    for (int64_t from = 0; from < WG_PAIR_SOURCES; from += LANES) {
      const WG_VEC sum = *(const WG_VEC *)(reaction[k] + from);
      WG_OF(add_up)(sum, factor, back + k * WG_PAIR_SOURCES + from);
    }
}

static void WG_OF(mutual)(const wg_profile *profile, int64_t d, const WG_REAL *targets,
                          const WG_REAL *sources, double *phi, double *gradient, double *back) {
#define WG_CASE(kind)                                                              \
  case kind:                                                                       \
    if (d == 2)                                                                    \
      WG_OF(mutual_sums)(kind, 2, profile, targets, sources, phi, gradient, back); \
    else                                                                           \
      WG_OF(mutual_sums)(kind, 3, profile, targets, sources, phi, gradient, back); \
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
