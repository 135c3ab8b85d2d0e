/* Private to lmo/: dense kernels on blocks of rows in cache, for several instruction sets. */
#ifndef WG_KERNELS_H
#define WG_KERNELS_H

#include "lmo/lmo.h"

/* Widths are multiples of WG_LANES; beyond WG_SMALL, products are BLAS's. */
enum { WG_LANES = 8, WG_SMALL = 64 };

typedef struct wg_lmo_kernels {
  /* gram (inner x inner) += block' block, upper triangle (and a little more); block: rows x inner.
   */
  void (*gram)(int64_t rows, int64_t inner, const double *block, double *gram);
  /* out (rows x width) = block (rows x inner) matrix (inner x width); rows a multiple of WG_LANES.
   */
  void (*multiply)(int64_t rows, int64_t inner, int64_t width, const double *block,
                   const double *matrix, double *out);
  /* sum a_i b_i; count a multiple of WG_LANES. */
  double (*dot)(int64_t count, const double *a, const double *b);
} wg_lmo_kernels;
extern const wg_lmo_kernels wg_kernels_portable, wg_kernels_avx2, wg_kernels_avx512;
/* The best that this processor has. */
const wg_lmo_kernels *wg_lmo_kernels_here(void);

#endif
