/* Sweep kernels for AVX2 with fused multiply-add; see sweep_avx512.c. */
#ifdef __AVX2__
#include <immintrin.h>

#define WG_SWEEP_SET wg_sweep_avx2
#define WG_SWEEP_NAME "avx2"
#define WG_LANES 8
#define WG_AT_ONCE 2
#define WG_ANY_SIGN(v) (_mm256_movemask_ps((__m256)(v)) != 0)
#define WG_LEAST(a, b) ((vec)_mm256_min_ps((__m256)(a), (__m256)(b)))
#include "ot/sweep_body.h"
#else
typedef int wg_no_avx2;
#endif
