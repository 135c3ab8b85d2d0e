/* Kernels for AVX-512; see kernels_avx2.c. */
#ifdef __AVX512F__
#define WG_KERNEL_SET wg_kernels_avx512
#define WG_VECTOR 8
#define WG_TILE 8
#include "lmo/kernels_body.h"
#else
typedef int wg_no_avx512;
#endif
