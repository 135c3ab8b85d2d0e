/* Kernels for AVX2 with fused multiply-add; the build gives this file the right to use them. */
#ifdef __AVX2__
#define WG_KERNEL_SET wg_kernels_avx2
#define WG_VECTOR 4
#define WG_TILE 4
#include "lmo/kernels_body.h"
#else
typedef int wg_no_avx2; /* an ISO C file holds at least one declaration */
#endif
