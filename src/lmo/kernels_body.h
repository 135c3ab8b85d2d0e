/* The kernels of lmo.h for one instruction set. The file that includes this one sets
 *   WG_KERNEL_SET  the name of the set,
 *   WG_VECTOR      doubles in a vector,
 *   WG_TILE        rows of a tile of WG_TILE x 3 WG_VECTOR sums, which stay in registers,
 *   WG_NARROW      for kernels_narrow.h, or nothing.
 */
#include <string.h>

#include "lmo/kernels.h"

typedef double vec __attribute__((vector_size(8 * WG_VECTOR), aligned(8), may_alias));

/* sum[k][v] = sum over i of left[i left_step + k left_next] right[i right_step + lane]. */
static inline __attribute__((always_inline)) void tile(int64_t count, const double *left,
                                                       int64_t left_step, int64_t left_next,
                                                       const double *right, int64_t right_step,
                                                       int vectors, vec sum[WG_TILE][3]) {
#pragma GCC unroll 8
  for (int k = 0; k < WG_TILE; k++)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; v++) sum[k][v] = (vec){0};
  for (int64_t i = 0; i < count; i++) {
    vec column[3];
#pragma GCC unroll 3
    for (int v = 0; v < vectors; v++)
      column[v] = *(const vec *)(right + i * right_step + v * WG_VECTOR);
#pragma GCC unroll 8
    for (int k = 0; k < WG_TILE; k++)
#pragma GCC unroll 3
      for (int v = 0; v < vectors; v++)
        sum[k][v] += left[i * left_step + k * left_next] * column[v];
  }
}

static inline __attribute__((always_inline)) void gram_tile(int64_t rows, int64_t inner,
                                                            const double *block, int64_t i,
                                                            int64_t j, int vectors, double *out) {
  vec sum[WG_TILE][3];
  tile(rows, block + i, inner, 1, block + j, inner, vectors, sum);
#pragma GCC unroll 8
  for (int k = 0; k < WG_TILE; k++)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; v++)
      *(vec *)(out + (i + k) * inner + j + v * WG_VECTOR) += sum[k][v];
}

static void gram(int64_t rows, int64_t inner, const double *block, double *out) {
  for (int64_t i = 0; i < inner; i += WG_TILE) {
    for (int64_t j = i / WG_VECTOR * WG_VECTOR; j < inner; j += 3 * WG_VECTOR) {
      int64_t left = (inner - j) / WG_VECTOR;
      if (left >= 3)
        gram_tile(rows, inner, block, i, j, 3, out);
      else if (left == 2)
        gram_tile(rows, inner, block, i, j, 2, out);
      else
        gram_tile(rows, inner, block, i, j, 1, out);
    }
  }
}

static inline __attribute__((always_inline)) void product_tile(int64_t inner, int64_t width,
                                                               const double *block,
                                                               const double *matrix, int vectors,
                                                               double *out) {
  vec sum[WG_TILE][3];
  tile(inner, block, 1, inner, matrix, width, vectors, sum);
#pragma GCC unroll 8
  for (int k = 0; k < WG_TILE; k++)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; v++) *(vec *)(out + k * width + v * WG_VECTOR) = sum[k][v];
}

/* Columns outside, so that those of the matrix stay in the first cache while the rows go by. */
static void multiply(int64_t rows, int64_t inner, int64_t width, const double *block,
                     const double *matrix, double *out) {
  for (int64_t j = 0; j < width; j += 3 * WG_VECTOR) {
    int64_t left = (width - j) / WG_VECTOR;
    for (int64_t i = 0; i < rows; i += WG_TILE) {
      const double *from = block + i * inner;
      double *to = out + i * width + j;
      if (left >= 3)
        product_tile(inner, width, from, matrix + j, 3, to);
      else if (left == 2)
        product_tile(inner, width, from, matrix + j, 2, to);
      else
        product_tile(inner, width, from, matrix + j, 1, to);
    }
  }
}

/* WG_LANES sums side by side, whatever the vector. */
static double dot(int64_t count, const double *a, const double *b) {
  enum { VECTORS = WG_LANES / WG_VECTOR };
  vec sum[VECTORS];
  double lanes[WG_LANES];
  for (int v = 0; v < VECTORS; v++) sum[v] = (vec){0};
  for (int64_t i = 0; i < count; i += WG_LANES)
    for (int v = 0; v < VECTORS; v++)
      sum[v] += *(const vec *)(a + i + v * WG_VECTOR) * *(const vec *)(b + i + v * WG_VECTOR);
  for (int v = 0; v < VECTORS; v++) *(vec *)(lanes + v * WG_VECTOR) = sum[v];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

#ifdef WG_NARROW
#include "lmo/kernels_narrow.h"
#endif

const wg_lmo_kernels WG_KERNEL_SET = {
    .gram = gram,
    .multiply = multiply,
    .dot = dot,
#ifdef WG_NARROW
    .narrow = WG_NARROW,
    .narrow_gram = narrow_gram,
    .narrow_multiply = narrow_multiply,
    .stream = stream,
    .stream_end = stream_end,
#endif
};
