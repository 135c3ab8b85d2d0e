/* Products of blocks of rows with at most 256 columns, in registers and first-level cache.
 *
 * Why not BLAS: it packs its operands, which costs more than the product at these widths, and it
 * would start threads of its own inside ours. A tile keeps its sums in registers and reads each
 * operand once, so that at widths up to 16 the work per row hides behind the reading of the row.
 * Sums over the rows of a block are made in order, whatever the processor: results differ between
 * processors only by fused operations. One file an instruction set (kernels_avx2.c,
 * kernels_avx512.c), for the compiler settles the width of vectors before it clones a function. */
#include "lmo/kernels.h"

const wg_lmo_kernels *wg_lmo_kernels_here(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    return &wg_kernels_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &wg_kernels_avx2;
#endif
  return &wg_kernels_portable;
}

#define WG_KERNEL_SET wg_kernels_portable
#define WG_VECTOR 2
#define WG_TILE 4
#include "lmo/kernels_body.h"
