/* Kernels for AVX2 with fused multiply-add; the build gives this file the right to use them. */
#ifdef __AVX2__
#include <immintrin.h>

#define WG_KERNEL_SET wg_kernels_avx2
#define WG_VECTOR 4
#define WG_TILE 4
#define WG_NARROW 8

static inline __m256i first_lanes(int lanes) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(lanes), _mm256_set_epi64x(3, 2, 1, 0));
}
static inline __m256d load_some(const double *from, int lanes) {
  return _mm256_maskload_pd(from, first_lanes(lanes));
}
static inline void store_some(double *to, int lanes, __m256d value) {
  _mm256_maskstore_pd(to, first_lanes(lanes), value);
}
static inline __m256d larger_bits(__m256d largest, __m256d value) {
  __m256d bits = _mm256_andnot_pd(_mm256_set1_pd(-0.0), value);
  __m256i larger = _mm256_cmpgt_epi64(_mm256_castpd_si256(bits), _mm256_castpd_si256(largest));
  return _mm256_blendv_pd(largest, bits, _mm256_castsi256_pd(larger));
}
static inline void stream_vector(double *to, __m256d value) { _mm256_stream_pd(to, value); }
static inline void stream_end(void) { _mm_sfence(); }

#include "lmo/kernels_body.h"
#else
typedef int wg_no_avx2; /* an ISO C file holds at least one declaration */
#endif
