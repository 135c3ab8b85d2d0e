/* Private to lmo/: the polynomial methods on several small matrices at once, one a lane of the
 * vectors, for several instruction sets. */
#ifndef WG_BATCH_H
#define WG_BATCH_H

#include "lmo/polynomial.h"

enum { WG_BATCH_ROWS = 4 }; /* sides are filled up with zeros to a multiple of it */

typedef struct wg_batch_polynomial {
  int terms;
  double c[WG_MOST_TERMS];
} wg_batch_polynomial;

typedef struct wg_batch_plan {
  int64_t n, d;    /* n >= d                                  */
  bool transposed; /* the matrices are stored as d x n        */
  bool frobenius;  /* begin with G / |G|_F, as Muon's         */
  double tol;
  int steps;
  const wg_batch_polynomial *polynomials; /* one a step        */
} wg_batch_plan;

/* What became of a group of matrices. */
typedef struct wg_batch_found {
  int64_t fault; /* the first with an entry that is not finite, then nothing is written; -1: none */
  int steps;     /* the most that one took                                                        */
  double estimate; /* the largest                                                                 */
} wg_batch_found;

/* count <= lanes matrices, one behind the other at g, into out, which may be g. room: wg_batch_room
 * vectors, aligned. */
typedef wg_batch_found (*wg_batch_run)(const wg_batch_plan *plan, int64_t count, const void *g,
                                       void *out, void *room);
typedef struct wg_batch_kernels {
  int64_t bytes; /* of a vector */
  wg_batch_run run_float, run_double;
} wg_batch_kernels;
extern const wg_batch_kernels wg_batch_portable, wg_batch_avx2, wg_batch_avx512;
/* The best that this processor has. */
const wg_batch_kernels *wg_batch_kernels_here(void);
int64_t wg_batch_room(const wg_batch_plan *plan);

static inline int64_t wg_batch_padded(int64_t side) {
  return (side + WG_BATCH_ROWS - 1) / WG_BATCH_ROWS * WG_BATCH_ROWS;
}
/* From row to row. Rows a high power of two apart would share their places in cache. */
static inline int64_t wg_batch_step(int64_t columns) {
  int64_t step = wg_batch_padded(columns);
  return step % 32 ? step : step + WG_BATCH_ROWS;
}

#endif
