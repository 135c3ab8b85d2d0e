/* Kernels for AVX-512; see kernels_avx2.c. */
#ifdef __AVX512F__
#include <immintrin.h>

#define WG_KERNEL_SET wg_kernels_avx512
#define WG_VECTOR 8
#define WG_TILE 8
#define WG_NARROW 16

static inline __mmask8 first_lanes(int lanes) { return (__mmask8)((1 << lanes) - 1); }
static inline __m512d load_some(const double *from, int lanes) {
  return _mm512_maskz_loadu_pd(first_lanes(lanes), from);
}
static inline void store_some(double *to, int lanes, __m512d value) {
  _mm512_mask_storeu_pd(to, first_lanes(lanes), value);
}
static inline __m512d larger_bits(__m512d largest, __m512d value) {
  __m512i bits = _mm512_castpd_si512(_mm512_abs_pd(value));
  return _mm512_castsi512_pd(_mm512_max_epu64(_mm512_castpd_si512(largest), bits));
}
static inline void stream_vector(double *to, __m512d value) { _mm512_stream_pd(to, value); }
static inline void stream_end(void) { _mm_sfence(); }

#include "lmo/kernels_body.h"
#else
typedef int wg_no_avx512;
#endif
