/* Batches for AVX2 with fused multiply-add; the build gives this file the right to use them. Eight
 * of the sixteen registers hold the sums of a tile. */
#ifdef __AVX2__
#define WG_BATCH_SET wg_batch_avx2
#define WG_BYTES 32
#define WG_COLUMNS 2
#include "lmo/batch_set.h"
#else
typedef int wg_no_avx2; /* an ISO C file holds at least one declaration */
#endif
