/* Private to lmo/: dense kernels on blocks of rows in cache, for several instruction sets. */
#ifndef WG_KERNELS_H
#define WG_KERNELS_H

#include "lmo/lmo.h"

/* Widths are multiples of WG_LANES; beyond WG_SMALL, products are BLAS's. */
enum { WG_LANES = 8, WG_SMALL = 256 };

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

  /* Rows that fit into two vectors need no padding, and one look at a row serves everything that is
   * wanted of it. Widths up to `narrow` (0: there are no such kernels); grams and matrices have
   * rows of `stride`. */
  int64_t narrow;
  /* gram (width x width) += block' block, upper triangle (and a little more); returns the larger of
   * `largest` and the bits of the largest |entry|. */
  uint64_t (*narrow_gram)(int64_t rows, int64_t width, const double *block, double *gram,
                          int64_t stride, uint64_t largest);
  /* out (rows x width) = block matrix, where out may be the block; returns the sum over the rows of
   * <row, its image>, times the row's weight unless there are none. */
  double (*narrow_multiply)(int64_t rows, int64_t width, const double *block, const double *weights,
                            const double *matrix, int64_t stride, double *out);
  /* Copies past the caches, into what will not be read soon; other threads see it after the end. */
  void (*stream)(void *to, const void *from, size_t bytes);
  void (*stream_end)(void);
} wg_lmo_kernels;
extern const wg_lmo_kernels wg_kernels_portable, wg_kernels_avx2, wg_kernels_avx512;
/* The best that this processor has. */
const wg_lmo_kernels *wg_lmo_kernels_here(void);

#endif
