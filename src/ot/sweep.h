/* Private to ot/: single-precision looks at all pairs, safe to filter with. See sweep.c. */
#ifndef WG_OT_SWEEP_H
#define WG_OT_SWEEP_H

#include "ot/engine.h"

enum { WG_SWEEP_ROWS = 4 }; /* rows a kernel takes at once, against chunks of 64 columns */

/* One cloud against another, in single precision, centred and scaled to the unit size: the reduced
 * cost of a pair is row_term + column_term - 2 row . column, in units of `unit`. */
typedef struct wg_sweep {
  int64_t r, rows, columns, padded;
  float *row, *column;           /* rows x r, times -2; r x padded                   */
  float *column_term;            /* padded; infinite on the padding                  */
  double *row_term, *row_length; /* rows                                             */
  double longest, largest;       /* over columns: length, and size of column_term    */
  double unit;                   /* true reduced cost = unit x scaled reduced cost   */
  double rounding;               /* of the terms, in double precision; in units      */
} wg_sweep;

/* rows and columns: points and duals. */
int wg_sweep_create(wg_mem *mem, int64_t r, const wg_side *rows, const wg_side *columns,
                    wg_sweep *sweep);

/* What the row's sums start at so that they are negative wherever the reduced cost, true or
 * computed in double precision, is below the threshold: a margin below the true value. */
float wg_sweep_start(const wg_sweep *sweep, int64_t row, double threshold);

/* A chunk of columns where some row of a block has a pair below its limit. */
typedef struct wg_hit {
  int32_t chunk, rows; /* rows: bit k for row k of the block */
} wg_hit;
/* The chunks of columns [begin, end) (multiples of 64) that may hold a reduced cost below
 * threshold[k] for row first + k: every pair that does is in one. Returns how many. */
int64_t wg_sweep_below(const wg_sweep *sweep, int64_t first, const double *threshold, int64_t begin,
                       int64_t end, wg_hit *hits);
/* minima[k x 64 + lane] = least reduced cost of row first + k over every 64th column of
 * [begin, end), to single precision. */
void wg_sweep_minima(const wg_sweep *sweep, int64_t first, int64_t begin, int64_t end,
                     double *minima);

/* out[lane] = reduced cost of the row and column chunk x 64 + lane less `threshold`, in units, low
 * by up to three margins: negative wherever the true one is. */
void wg_sweep_values(const wg_sweep *sweep, int64_t row, double threshold, int64_t chunk,
                     float *out);

/* The kernels, one set per instruction set: sweep_body.h. `start` is what a row's sums start at,
 * besides the column terms. */
typedef struct wg_sweep_kernels {
  const char *name;
  int64_t (*below)(const wg_sweep *sweep, const float *rows, const float *start, int64_t begin,
                   int64_t end, wg_hit *hits);
  void (*minima)(const wg_sweep *sweep, const float *rows, int64_t begin, int64_t end,
                 float *minima);
  void (*values)(const wg_sweep *sweep, const float *row, float start, int64_t chunk, float *out);
} wg_sweep_kernels;
extern const wg_sweep_kernels wg_sweep_portable, wg_sweep_avx2, wg_sweep_avx512;
/* The best set for this processor. */
const wg_sweep_kernels *wg_sweep_best(void);

#endif
