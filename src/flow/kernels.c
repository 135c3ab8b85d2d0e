/* Inner loops of the energies, in registers and first-level cache.
 *
 * Why own loops: a pair of a kernel costs some ten operations, less than it takes to store a matrix
 * of distances; a small network likewise. One file an instruction set (kernels_avx2.c,
 * kernels_avx512.c), as in lmo/. Sums are made in the same order for any number of threads; between
 * processors results differ by rounding. */
#include "flow/kernels.h"

#define WG_FLOW_SET wg_flow_portable
#define WG_BYTES 16
#include "flow/kernels_body.h"

const wg_flow_kernels *wg_flow_kernels_here(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    return &wg_flow_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &wg_flow_avx2;
#endif
  return &wg_flow_portable;
}
