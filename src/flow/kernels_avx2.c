/* Kernels for AVX2 with fused multiply-add; the build gives this file the right to use them. */
#ifdef __AVX2__
#include <immintrin.h>

#define WG_FLOW_SET wg_flow_avx2
#define WG_BYTES 32
#define WG_ROOT_FLOAT(x) ((vec_float)_mm256_rsqrt_ps((__m256)(x)))
#define WG_ROOT_DOUBLE(x) \
  ((vec_double)_mm256_div_pd(_mm256_set1_pd(1.0), _mm256_sqrt_pd((__m256d)(x))))
#define WG_ROOT_DOUBLE_STEPS 0
#define WG_LARGER_FLOAT(x, y) ((vec_float)_mm256_max_ps((__m256)(x), (__m256)(y)))
#define WG_LARGER_DOUBLE(x, y) ((vec_double)_mm256_max_pd((__m256d)(x), (__m256d)(y)))
#define WG_TURNED_FLOAT(x) \
  ((vec_float)_mm256_permutevar8x32_ps((__m256)(x), _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0)))
#define WG_TURNED_DOUBLE(x) ((vec_double)_mm256_permute4x64_pd((__m256d)(x), 0x39))
#include "flow/kernels_body.h"
#else
typedef int wg_no_flow_avx2; /* an ISO C file holds at least one declaration */
#endif
