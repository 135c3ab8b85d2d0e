/* Sweep kernels for AVX-512; the build gives this file, and no other, the right to use it. */
#ifdef __AVX512F__
#include <immintrin.h>

#define WG_SWEEP_SET wg_sweep_avx512
#define WG_SWEEP_NAME "avx512"
#define WG_LANES 16
#define WG_AT_ONCE 4
#define WG_ANY_SIGN(v) (_mm512_cmplt_epi32_mask((__m512i)(v), _mm512_setzero_si512()) != 0)
#define WG_LEAST(a, b) ((vec)_mm512_min_ps((__m512)(a), (__m512)(b)))
#include "ot/sweep_body.h"
#else
typedef int wg_no_avx512; /* an ISO C file holds at least one declaration */
#endif
