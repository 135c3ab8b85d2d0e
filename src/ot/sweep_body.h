/* The kernels of sweep.h for one instruction set. The file that includes this one sets
 *   WG_SWEEP_SET   the name of the set,
 *   WG_LANES       single-precision numbers in a vector,
 *   WG_AT_ONCE     vectors of columns taken at once (4 rows x WG_AT_ONCE sums stay in registers),
 *   WG_ANY_SIGN(v) whether any lane of v has its sign bit set,
 *   WG_LEAST(a, b) the lesser of each lane.
 */
#include "ot/sweep.h"

typedef float vec __attribute__((vector_size(4 * WG_LANES), aligned(4), may_alias));
typedef int32_t bits __attribute__((vector_size(4 * WG_LANES), aligned(4), may_alias));
enum { STEP = WG_LANES * WG_AT_ONCE };

/* sum[k][v] = start[k] + column terms + rows[k] . columns, for STEP columns from `at`. */
static inline __attribute__((always_inline)) void products(const wg_sweep *s, const float *rows,
                                                           const float *start, int64_t at,
                                                           vec sum[WG_SWEEP_ROWS][WG_AT_ONCE]) {
  const int64_t r = s->r;
  for (int v = 0; v < WG_AT_ONCE; v++) {
    const vec term = *(const vec *)(s->column_term + at + v * WG_LANES);
    for (int k = 0; k < WG_SWEEP_ROWS; k++) sum[k][v] = term + start[k];
  }
  for (int64_t c = 0; c < r; c++) {
    vec column[WG_AT_ONCE];
    for (int v = 0; v < WG_AT_ONCE; v++)
      column[v] = *(const vec *)(s->column + c * s->padded + at + v * WG_LANES);
    for (int k = 0; k < WG_SWEEP_ROWS; k++)
      for (int v = 0; v < WG_AT_ONCE; v++) sum[k][v] += rows[k * r + c] * column[v];
  }
}

static int64_t below(const wg_sweep *s, const float *rows, const float *start, int64_t begin,
                     int64_t end, wg_hit *hits) {
  int64_t count = 0;
  for (int64_t chunk = begin; chunk < end; chunk += WG_CHUNK) {
    int32_t mask = 0;
    for (int64_t at = chunk; at < chunk + WG_CHUNK; at += STEP) {
      vec sum[WG_SWEEP_ROWS][WG_AT_ONCE];
      products(s, rows, start, at, sum);
      bits sign[WG_SWEEP_ROWS], all = {0};
      for (int k = 0; k < WG_SWEEP_ROWS; k++) {
        sign[k] = (bits)sum[k][0];
        for (int v = 1; v < WG_AT_ONCE; v++) sign[k] |= (bits)sum[k][v];
        all |= sign[k];
      }
      if (!WG_ANY_SIGN(all)) continue;
      for (int k = 0; k < WG_SWEEP_ROWS; k++) mask |= WG_ANY_SIGN(sign[k]) ? 1 << k : 0;
    }
    if (mask) hits[count++] = (wg_hit){(int32_t)(chunk / WG_CHUNK), mask};
  }
  return count;
}

static void minima(const wg_sweep *s, const float *rows, int64_t begin, int64_t end, float *least) {
  static const float start[WG_SWEEP_ROWS];
  for (int i = 0; i < WG_SWEEP_ROWS * WG_CHUNK; i++) least[i] = INFINITY;
  for (int64_t chunk = begin; chunk < end; chunk += WG_CHUNK)
    for (int64_t at = chunk; at < chunk + WG_CHUNK; at += STEP) {
      vec sum[WG_SWEEP_ROWS][WG_AT_ONCE];
      products(s, rows, start, at, sum);
      for (int k = 0; k < WG_SWEEP_ROWS; k++)
        for (int v = 0; v < WG_AT_ONCE; v++) {
          vec *lane = (vec *)(least + k * WG_CHUNK + (at - chunk) + v * WG_LANES);
          *lane = WG_LEAST(*lane, sum[k][v]);
        }
    }
}

static void values(const wg_sweep *s, const float *row, float start, int64_t chunk, float *out) {
  for (int64_t at = chunk; at < chunk + WG_CHUNK; at += WG_LANES) {
    vec sum = *(const vec *)(s->column_term + at) + start;
    for (int64_t c = 0; c < s->r; c++)
      sum += row[c] * *(const vec *)(s->column + c * s->padded + at);
    *(vec *)(out + (at - chunk)) = sum;
  }
}

const wg_sweep_kernels WG_SWEEP_SET = {WG_SWEEP_NAME, below, minima, values};
