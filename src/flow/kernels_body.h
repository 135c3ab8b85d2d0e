/* The kernels of kernels.h for one instruction set. The file that includes this one sets
 *   WG_FLOW_SET      the name of the set,
 *   WG_BYTES         the size of a vector,
 *   WG_ROOT_FLOAT    an estimate of 1 / sqrt(x) that one Newton step makes exact to rounding,
 *   WG_ROOT_DOUBLE   and the same for WG_ROOT_DOUBLE_STEPS of them,
 *   WG_LARGER_*      the larger of two numbers in each lane,
 *   WG_TURNED_*      lanes moved down by one, the first to the end; without these, lane by lane.
 */
#include "flow/kernels.h"

typedef double vec_double __attribute__((vector_size(WG_BYTES), aligned(8), may_alias));
typedef float vec_float __attribute__((vector_size(WG_BYTES), aligned(4), may_alias));
typedef int64_t mask_double __attribute__((vector_size(WG_BYTES), aligned(8), may_alias));
typedef int32_t mask_float __attribute__((vector_size(WG_BYTES), aligned(4), may_alias));
#define WG_LANES (WG_BYTES / 8) /* doubles in a vector */
#define WG_INLINE static inline __attribute__((always_inline))

/* -1 / sqrt(x): with this sign it is the slope of the energy kernel, and Newton's step is as short.
 */
#ifdef WG_ROOT_FLOAT
WG_INLINE vec_float minus_root_float(vec_float x) {
  const vec_float y = WG_ROOT_FLOAT(x);
  return y * (0.5F * x * (y * y) - 1.5F);
}

WG_INLINE vec_double minus_root_double(vec_double x) {
  vec_double y = WG_ROOT_DOUBLE(x);
  for (int step = 0; step < WG_ROOT_DOUBLE_STEPS; step++) y = y * (1.5 - 0.5 * x * (y * y));
  return -y;
}

/* 1 / sqrt(x) up to the last Newton step. */
WG_INLINE vec_float root_guess_float(vec_float x) { return WG_ROOT_FLOAT(x); }

WG_INLINE vec_double root_guess_double(vec_double x) {
  vec_double y = WG_ROOT_DOUBLE(x);
  for (int step = 1; step < WG_ROOT_DOUBLE_STEPS; step++) y = y * (1.5 - 0.5 * x * (y * y));
  return y;
}

WG_INLINE vec_float larger_float(vec_float x, vec_float y) { return WG_LARGER_FLOAT(x, y); }

WG_INLINE vec_double larger_double(vec_double x, vec_double y) { return WG_LARGER_DOUBLE(x, y); }

WG_INLINE vec_float turned_float(vec_float x) { return WG_TURNED_FLOAT(x); }

WG_INLINE vec_double turned_double(vec_double x) { return WG_TURNED_DOUBLE(x); }
#else
WG_INLINE vec_float minus_root_float(vec_float x) {
  for (int l = 0; l < WG_BYTES / 4; l++) x[l] = -1.0F / sqrtf(x[l]);
  return x;
}

WG_INLINE vec_double minus_root_double(vec_double x) {
  for (int l = 0; l < WG_LANES; l++) x[l] = -1.0 / sqrt(x[l]);
  return x;
}

WG_INLINE vec_float root_guess_float(vec_float x) { return -minus_root_float(x); }

WG_INLINE vec_double root_guess_double(vec_double x) { return -minus_root_double(x); }

WG_INLINE vec_float larger_float(vec_float x, vec_float y) {
  for (int l = 0; l < WG_BYTES / 4; l++) x[l] = WG_MAX(x[l], y[l]);
  return x;
}

WG_INLINE vec_double larger_double(vec_double x, vec_double y) {
  for (int l = 0; l < WG_LANES; l++) x[l] = WG_MAX(x[l], y[l]);
  return x;
}

WG_INLINE vec_float turned_float(vec_float x) {
  vec_float y;
  for (int l = 0; l < WG_BYTES / 4; l++) y[l] = x[(l + 1) % (WG_BYTES / 4)];
  return y;
}

WG_INLINE vec_double turned_double(vec_double x) {
  vec_double y;
  for (int l = 0; l < WG_LANES; l++) y[l] = x[(l + 1) % WG_LANES];
  return y;
}
#endif

static const double wg_inverse_factorial[] = {
    1.0,        1.0,         1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,      1.0 / 720,
    1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600};

/* The sum of both halves of a vector of that many bytes, as a vector: through a union, which
 * compilers turn into one extraction where an array of lanes becomes one a lane. */
#define WG_FOLD(real, bytes)                                                                      \
  typedef real real##bytes __attribute__((vector_size(bytes), aligned(8), may_alias));            \
  typedef real half_##real##bytes __attribute__((vector_size(bytes / 2), aligned(8), may_alias)); \
  WG_INLINE half_##real##bytes fold_##real##bytes(real##bytes x) {                                \
    const union {                                                                                 \
      real##bytes whole;                                                                          \
      half_##real##bytes half[2];                                                                 \
    } both = {x};                                                                                 \
    return both.half[0] + both.half[1];                                                           \
  }
#if WG_BYTES >= 64
WG_FOLD(double, 64)
WG_FOLD(float, 64)
#endif
#if WG_BYTES >= 32
WG_FOLD(double, 32)
WG_FOLD(float, 32)
#endif
#if WG_BYTES == 64
#define WG_SIXTEEN_BYTES(real, x) fold_##real##32(fold_##real##64(x))
#elif WG_BYTES == 32
#define WG_SIXTEEN_BYTES(real, x) fold_##real##32(x)
#else
#define WG_SIXTEEN_BYTES(real, x) (x)
#endif
typedef double two_doubles __attribute__((vector_size(16), aligned(8), may_alias));
typedef float four_floats __attribute__((vector_size(16), aligned(4), may_alias));

WG_INLINE double sum_of_lanes_double(vec_double x) {
  const two_doubles part = WG_SIXTEEN_BYTES(double, x);
  return part[0] + part[1];
}

WG_INLINE float sum_of_lanes_float(vec_float x) {
  const four_floats part = WG_SIXTEEN_BYTES(float, x);
  return (part[0] + part[2]) + (part[1] + part[3]);
}

#define WG_REAL double
#define WG_WORD int64_t
#define WG_OF(name) name##_double
#define WG_MANTISSA 52
#define WG_LOWEST (-700.0)
#define WG_LEAST 1e-300
#define WG_LN2_HIGH 6.93147180369123816490e-01
#define WG_LN2_LOW 1.90821492927058770002e-10
#define WG_TERMS 12
#include "flow/pairs_body.h"

#define WG_REAL float
#define WG_WORD int32_t
#define WG_OF(name) name##_float
#define WG_MANTISSA 23
#define WG_LOWEST (-80.0F)
#define WG_LEAST 1e-36F
#define WG_LN2_HIGH 0.693359375F
#define WG_LN2_LOW (-2.12194440e-4F)
#define WG_TERMS 7
#include "flow/pairs_body.h"

#include "flow/far_body.h"

#define WG_REAL double
#define WG_OF(name) name##_double
#include "flow/attention_body.h"
#undef WG_REAL
#undef WG_OF

#define WG_REAL float
#define WG_OF(name) name##_float
#include "flow/attention_body.h"
#undef WG_REAL
#undef WG_OF

#include "flow/network_body.h"

const wg_flow_kernels WG_FLOW_SET = {
    pairs_double,         pairs_float,           mutual_double,
    mutual_float,         interpolate,           net_forward,
    net_backward,         attend_forward_double, attend_backward_double,
    attend_forward_float, attend_backward_float};
