/* Looks at all pairs in single precision, and what they may be trusted with.
 *
 * Both clouds are centred, each at its own mean, and scaled by the longest coordinate; what that
 * does to the costs goes into one term a row and one term a column. A reduced cost is then one
 * fused multiply-add a coordinate, a quarter of the work in double precision: 0.15 ns a pair at
 * r = 10 with AVX-512. Sums start lower by margin(), which is proved in docs/theory/transport.md to
 * be enough: a sum that is not negative belongs to a pair that is surely not below the threshold.
 * All others are looked at again in double precision by the caller. Nothing here decides anything.
 */
#include <string.h>

#include "ot/sweep.h"

const wg_sweep_kernels *wg_sweep_best(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    return &wg_sweep_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &wg_sweep_avx2;
#endif
  return &wg_sweep_portable;
}

static void find_mean(int64_t r, const wg_side *side, double *mean) {
  for (int64_t k = 0; k < r; k++) mean[k] = 0.0;
  for (int64_t i = 0; i < side->count; i++)
    for (int64_t k = 0; k < r; k++) mean[k] += side->points[i * r + k] / (double)side->count;
}

static double longest_coordinate(int64_t r, const wg_side *side, const double *mean) {
  double longest = 0.0;
  for (int64_t i = 0; i < side->count; i++)
    for (int64_t k = 0; k < r; k++)
      longest = WG_MAX(longest, fabs(side->points[i * r + k] - mean[k]));
  return longest;
}

static double longest_dual(const wg_side *side) {
  double longest = 0.0;
  for (int64_t i = 0; side->dual && i < side->count; i++)
    longest = WG_MAX(longest, fabs(side->dual[i]));
  return longest;
}

/* With z' = s (z - a) and w' = s (w - b), shift = s (a - b):
 * s^2 |z - w|^2 = (|z'|^2 + 2 shift.z' + |shift|^2) + (|w'|^2 - 2 shift.w') - 2 z'.w'. */
static void fill_rows(wg_sweep *s, const wg_side *side, const double *mean, const double *shift) {
  const double scale = 1.0 / sqrt(s->unit);
  for (int64_t i = 0; i < s->rows; i++) {
    double length = 0.0, along = 0.0, constant = 0.0;
    for (int64_t k = 0; k < s->r; k++) {
      const double z = scale * (side->points[i * s->r + k] - mean[k]);
      s->row[i * s->r + k] = (float)(-2.0 * z);
      length += z * z;
      along += shift[k] * z;
      constant += shift[k] * shift[k];
    }
    s->row_length[i] = sqrt(length);
    s->row_term[i] = length + 2.0 * along + constant - (side->dual ? side->dual[i] / s->unit : 0.0);
  }
}

static void fill_columns(wg_sweep *s, const wg_side *side, const double *mean, const double *shift,
                         double *term) {
  const double scale = 1.0 / sqrt(s->unit);
  double low = INFINITY, high = -INFINITY;
  for (int64_t j = 0; j < s->columns; j++) {
    double length = 0.0, along = 0.0;
    for (int64_t k = 0; k < s->r; k++) {
      const double w = scale * (side->points[j * s->r + k] - mean[k]);
      s->column[k * s->padded + j] = (float)w;
      length += w * w;
      along += shift[k] * w;
    }
    term[j] = length - 2.0 * along - side->dual[j] / s->unit;
    s->longest = WG_MAX(s->longest, sqrt(length));
    low = WG_MIN(low, term[j]);
    high = WG_MAX(high, term[j]);
  }
  /* A constant moves from the columns to the rows so that column terms are as small as can be. */
  const double middle = 0.5 * (low + high);
  s->largest = 0.5 * (high - low);
  for (int64_t j = 0; j < s->padded; j++)
    s->column_term[j] = j < s->columns ? (float)(term[j] - middle) : INFINITY;
  for (int64_t i = 0; i < s->rows; i++) s->row_term[i] += middle;
}

int wg_sweep_create(wg_mem *mem, int64_t r, const wg_side *rows, const wg_side *columns,
                    wg_sweep *s) {
  const int64_t padded = (columns->count + WG_CHUNK - 1) / WG_CHUNK * WG_CHUNK;
  const int64_t blocks = (rows->count + WG_SWEEP_ROWS - 1) / WG_SWEEP_ROWS * WG_SWEEP_ROWS;
  *s = (wg_sweep){.r = r,
                  .rows = rows->count,
                  .columns = columns->count,
                  .padded = padded,
                  .row = WG_NEW(mem, float, WG_MAX(blocks * r, 1)),
                  .column = WG_NEW(mem, float, WG_MAX(padded * r, 1)),
                  .column_term = WG_NEW(mem, float, padded),
                  .row_term = WG_NEW(mem, double, blocks),
                  .row_length = WG_NEW(mem, double, blocks)};
  double *work = WG_NEW(mem, double, 3 * r + columns->count);
  if (!s->row || !s->column || !s->column_term || !s->row_term || !s->row_length || !work)
    return wg_no_memory();
  double *row_mean = work, *column_mean = work + r, *shift = work + 2 * r, *term = work + 3 * r;
  find_mean(r, rows, row_mean);
  find_mean(r, columns, column_mean);
  double longest =
      WG_MAX(longest_coordinate(r, rows, row_mean), longest_coordinate(r, columns, column_mean));
  for (int64_t k = 0; k < r; k++) longest = WG_MAX(longest, fabs(row_mean[k] - column_mean[k]));
  const double duals = longest_dual(rows) + longest_dual(columns);
  /* No scaled number shall leave the range of single precision, nor the unit that of double. */
  s->unit = WG_MAX(longest * longest, WG_MAX(0x1p-100 * duals, 0x1p-900));
  s->rounding = (double)(r + 12) * 1.01 * 0x1p-52 *
                (9.0 * (double)r * (longest * longest / s->unit) + duals / s->unit);
  for (int64_t k = 0; k < r; k++) shift[k] = (row_mean[k] - column_mean[k]) / sqrt(s->unit);
  fill_rows(s, rows, row_mean, shift);
  fill_columns(s, columns, column_mean, shift, term);
  wg_drop(mem, work);
  return WG_OK;
}

/* How far a sum may be computed above the true one when that is negative: r + 7 roundings of half
 * the sizes of all terms together (what is added and what is subtracted then weigh the same), what
 * underflow can lose, and the rounding of the terms themselves. */
static double margin(const wg_sweep *s, int64_t row, double start) {
  const double size = s->largest + fabs(start) + 2.0 * s->row_length[row] * s->longest;
  return (double)(s->r + 7) * (1.01 * 0x1p-25 * size + 0x1p-120) + s->rounding;
}

float wg_sweep_start(const wg_sweep *s, int64_t row, double threshold) {
  if (row >= s->rows || threshold == -INFINITY) return INFINITY;
  const double exact = s->row_term[row] - threshold / s->unit;
  return (float)(exact - margin(s, row, exact));
}

int64_t wg_sweep_below(const wg_sweep *s, int64_t first, const double *threshold, int64_t begin,
                       int64_t end, wg_hit *hits) {
  float start[WG_SWEEP_ROWS];
  for (int64_t k = 0; k < WG_SWEEP_ROWS; k++) start[k] = wg_sweep_start(s, first + k, threshold[k]);
  return wg_sweep_best()->below(s, s->row + first * s->r, start, begin, end, hits);
}

void wg_sweep_values(const wg_sweep *s, int64_t row, double threshold, int64_t chunk, float *out) {
  wg_sweep_best()->values(s, s->row + row * s->r, wg_sweep_start(s, row, threshold),
                          chunk * WG_CHUNK, out);
}

void wg_sweep_minima(const wg_sweep *s, int64_t first, int64_t begin, int64_t end, double *minima) {
  float least[WG_SWEEP_ROWS * WG_CHUNK];
  wg_sweep_best()->minima(s, s->row + first * s->r, begin, end, least);
  for (int64_t k = 0; k < WG_SWEEP_ROWS; k++)
    for (int64_t lane = 0; lane < WG_CHUNK; lane++)
      minima[k * WG_CHUNK + lane] = s->unit * ((double)least[k * WG_CHUNK + lane] +
                                               s->row_term[WG_MIN(first + k, s->rows - 1)]);
}
