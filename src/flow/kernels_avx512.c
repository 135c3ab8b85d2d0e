/* Kernels for AVX-512; see kernels_avx2.c. */
#ifdef __AVX512F__
#include <immintrin.h>

#define WG_FLOW_SET wg_flow_avx512
#define WG_BYTES 64
#define WG_ROOT_FLOAT(x) ((vec_float)_mm512_rsqrt14_ps((__m512)(x)))
#define WG_ROOT_DOUBLE(x) ((vec_double)_mm512_rsqrt14_pd((__m512d)(x)))
#define WG_ROOT_DOUBLE_STEPS 2
#define WG_LARGER_FLOAT(x, y) ((vec_float)_mm512_max_ps((__m512)(x), (__m512)(y)))
#define WG_LARGER_DOUBLE(x, y) ((vec_double)_mm512_max_pd((__m512d)(x), (__m512d)(y)))
#define WG_TURNED_FLOAT(x) ((vec_float)_mm512_alignr_epi32((__m512i)(x), (__m512i)(x), 1))
#define WG_TURNED_DOUBLE(x) ((vec_double)_mm512_alignr_epi64((__m512i)(x), (__m512i)(x), 1))
#include "flow/kernels_body.h"
#else
typedef int wg_no_flow_avx512;
#endif
