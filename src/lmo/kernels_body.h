/* The kernels of lmo.h for one instruction set. The file that includes this one sets
 *   WG_KERNEL_SET  the name of the set,
 *   WG_VECTOR      doubles in a vector,
 *   WG_TILE        rows of a tile of WG_TILE x 2 WG_VECTOR sums, which stay in registers.
 */
#include "lmo/kernels.h"

typedef double vec __attribute__((vector_size(8 * WG_VECTOR), aligned(8), may_alias));

/* sum[k][v] = sum over i of left[i left_step + k left_next] right[i right_step + lane]. */
static inline __attribute__((always_inline)) void tile(int64_t count, const double *left,
                                                       int64_t left_step, int64_t left_next,
                                                       const double *right, int64_t right_step,
                                                       int vectors, vec sum[WG_TILE][2]) {
  for (int k = 0; k < WG_TILE; k++) sum[k][0] = sum[k][1] = (vec){0};
  for (int64_t i = 0; i < count; i++) {
    vec column[2];
    for (int v = 0; v < vectors; v++)
      column[v] = *(const vec *)(right + i * right_step + v * WG_VECTOR);
    for (int k = 0; k < WG_TILE; k++)
      for (int v = 0; v < vectors; v++)
        sum[k][v] += left[i * left_step + k * left_next] * column[v];
  }
}

static void gram(int64_t rows, int64_t inner, const double *block, double *out) {
  vec sum[WG_TILE][2];
  for (int64_t i = 0; i < inner; i += WG_TILE) {
    for (int64_t j = i / WG_VECTOR * WG_VECTOR; j < inner; j += 2 * WG_VECTOR) {
      int vectors = j + 2 * WG_VECTOR <= inner ? 2 : 1;
      if (vectors == 2)
        tile(rows, block + i, inner, 1, block + j, inner, 2, sum);
      else
        tile(rows, block + i, inner, 1, block + j, inner, 1, sum);
      for (int k = 0; k < WG_TILE; k++)
        for (int v = 0; v < vectors; v++)
          *(vec *)(out + (i + k) * inner + j + v * WG_VECTOR) += sum[k][v];
    }
  }
}

static void multiply(int64_t rows, int64_t inner, int64_t width, const double *block,
                     const double *matrix, double *out) {
  vec sum[WG_TILE][2];
  for (int64_t i = 0; i < rows; i += WG_TILE) {
    for (int64_t j = 0; j < width; j += 2 * WG_VECTOR) {
      int vectors = j + 2 * WG_VECTOR <= width ? 2 : 1;
      if (vectors == 2)
        tile(inner, block + i * inner, 1, inner, matrix + j, width, 2, sum);
      else
        tile(inner, block + i * inner, 1, inner, matrix + j, width, 1, sum);
      for (int k = 0; k < WG_TILE; k++)
        for (int v = 0; v < vectors; v++)
          *(vec *)(out + (i + k) * width + j + v * WG_VECTOR) = sum[k][v];
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

const wg_lmo_kernels WG_KERNEL_SET = {gram, multiply, dot};
