/* Batches for AVX-512, half of whose registers hold the sums of a tile; see batch_avx2.c. */
#ifdef __AVX512F__
#define WG_BATCH_SET wg_batch_avx512
#define WG_BYTES 64
#define WG_COLUMNS 4
#include "lmo/batch_set.h"
#else
typedef int wg_no_avx512;
#endif
