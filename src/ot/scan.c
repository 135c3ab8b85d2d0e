/* One look at all n m reduced costs c_ij - u_i - v_j, keeping the smallest of each row and column.
 *
 * This is the only place that touches every pair: it builds the first pool (threshold infinity) and
 * prices the pool's optimum (threshold just below zero). Costs are sums of squared differences, not
 * expansions, so that close pairs keep their relative accuracy. Pairs go in tiles that stay in
 * cache; a chunk of 64 columns is tested as a whole, and only hits are looked at one by one. Cost
 * about 2 r + 4 vector operations a pair; memory the lists (one copy of the column lists per
 * thread). Rows are visited in order and columns in order, so equal values keep the smallest index
 * whatever the thread count.
 */
#include <string.h>

#include "ot/engine.h"

enum { TILE_ROWS = 64, TILE_COLUMNS = 512 };

int wg_best_create(wg_mem *mem, int64_t count, int64_t keep, double threshold, wg_best *best) {
  *best = (wg_best){.count = count, .keep = keep};
  best->value = WG_NEW(mem, double, count *keep);
  best->index = WG_NEW(mem, int32_t, count * keep);
  if (!best->value || !best->index) return wg_no_memory();
  for (int64_t i = 0; i < count * keep; i++) {
    best->value[i] = threshold;
    best->index[i] = -1;
  }
  return WG_OK;
}

/* Puts (value, index) into the sorted list of `key`; returns the list's new worst value. */
static double insert(wg_best *best, int64_t key, double value, int32_t index) {
  double *values = best->value + key * best->keep;
  int32_t *indices = best->index + key * best->keep;
  int64_t place = best->keep - 1;
  if (!(value < values[place])) return values[place];
  for (; place > 0 && values[place - 1] > value; place--) {
    values[place] = values[place - 1];
    indices[place] = indices[place - 1];
  }
  values[place] = value;
  indices[place] = index;
  return values[best->keep - 1];
}

/* What one thread needs: its column lists and, for the chunk test, their worst values. */
typedef struct scan_job {
  const wg_ot *ot;
  wg_best *row_best, *col_best;
  double *col_worst; /* padded */
} scan_job;

/* A chunk is eight vectors of eight columns: its sums stay in registers. */
enum { LANES = 8, VECTORS = WG_CHUNK / LANES };
typedef double lanes __attribute__((vector_size(64), may_alias));
typedef int64_t lane_bits __attribute__((vector_size(64), may_alias));

/* out = |point - columns|^2 - v - u; columns: r rows, `stride` apart. */
static inline __attribute__((always_inline)) void chunk_costs(int64_t r, const double *point,
                                                              const double *columns, int64_t stride,
                                                              const double *v, double u,
                                                              lanes out[VECTORS]) {
  const lanes *dual = (const lanes *)v;
  lanes sum[VECTORS];
  for (int i = 0; i < VECTORS; i++) sum[i] = -u - dual[i];
  for (int64_t k = 0; k < r; k++) {
    const lanes *column = (const lanes *)(columns + k * stride);
#pragma GCC unroll 8
    for (int i = 0; i < VECTORS; i++) {
      const lanes difference = point[k] - column[i];
      sum[i] += difference * difference;
    }
  }
  for (int i = 0; i < VECTORS; i++) out[i] = sum[i];
}

static void insert_hits(scan_job *job, int64_t row, int64_t first, const double *reduced,
                        double *row_worst) {
  for (int64_t j = 0; j < LANES; j++) {
    int64_t col = first + j;
    if (reduced[j] < *row_worst) *row_worst = insert(job->row_best, row, reduced[j], (int32_t)col);
    if (reduced[j] < job->col_worst[col])
      job->col_worst[col] = insert(job->col_best, col, reduced[j], (int32_t)row);
  }
}

/* The sign bit of a lane is set where the reduced cost is below a threshold. (Differences, because
 * GCC takes vector comparisons apart before it knows the processor; infinity minus infinity may set
 * the bit too, and insert_hits looks again.) */
static inline __attribute__((always_inline)) lane_bits below(lanes reduced, double row_worst,
                                                             lanes col_worst) {
  return (lane_bits)(reduced - row_worst) | (lane_bits)(reduced - col_worst);
}

static inline __attribute__((always_inline)) bool any_sign(lane_bits bits) {
  int64_t any = 0;
  for (int lane = 0; lane < LANES; lane++) any |= bits[lane];
  return any < 0;
}

WG_MULTIVERSION
static void scan_tile(scan_job *job, int64_t row_begin, int64_t row_end, int64_t col_begin,
                      int64_t col_end) {
  const wg_ot *ot = job->ot;
  lanes reduced[VECTORS];
  for (int64_t row = row_begin; row < row_end; row++) {
    double row_worst = job->row_best->value[(row + 1) * job->row_best->keep - 1];
    for (int64_t first = col_begin; first < col_end; first += WG_CHUNK) {
      chunk_costs(ot->r, ot->rows.points + row * ot->r, ot->columns + first, ot->padded,
                  ot->padded_v + first, ot->rows.dual[row], reduced);
      const lanes *col_worst = (const lanes *)(job->col_worst + first);
      lane_bits hits = {0};
      for (int i = 0; i < VECTORS; i++) hits |= below(reduced[i], row_worst, col_worst[i]);
      if (!any_sign(hits)) continue;
      for (int i = 0; i < VECTORS; i++)
        if (any_sign(below(reduced[i], row_worst, col_worst[i])))
          insert_hits(job, row, first + i * LANES, (const double *)&reduced[i], &row_worst);
    }
  }
}

static void scan_rows(scan_job *job, int64_t row_begin, int64_t row_end) {
  for (int64_t row = row_begin; row < row_end; row += TILE_ROWS)
    for (int64_t col = 0; col < job->ot->padded; col += TILE_COLUMNS)
      scan_tile(job, row, WG_MIN(row + TILE_ROWS, row_end), col,
                WG_MIN(col + TILE_COLUMNS, job->ot->padded));
}

static int make_job(wg_mem *mem, wg_ot *ot, wg_best *row_best, const wg_best *col_best,
                    double threshold, scan_job *job) {
  *job = (scan_job){.ot = ot, .row_best = row_best};
  job->col_best = WG_NEW(mem, wg_best, 1);
  job->col_worst = WG_NEW(mem, double, ot->padded);
  if (!job->col_best || !job->col_worst) return wg_no_memory();
  for (int64_t j = 0; j < ot->padded; j++)
    job->col_worst[j] = j < ot->cols.count ? threshold : -INFINITY;
  return wg_best_create(mem, col_best->count, col_best->keep, threshold, job->col_best);
}

static void merge(wg_best *into, const wg_best *from) {
  for (int64_t key = 0; key < from->count; key++)
    for (int64_t k = 0; k < from->keep; k++)
      if (from->index[key * from->keep + k] >= 0)
        insert(into, key, from->value[key * from->keep + k], from->index[key * from->keep + k]);
}

int wg_scan(wg_ot *ot, wg_best *row_best, wg_best *col_best, double threshold) {
  wg_mem scratch = wg_mem_of(&ot->context->ledger);
  const double work = (double)ot->rows.count * (double)ot->padded * (double)(ot->r + 2);
  const int threads = wg_threads_for(ot->context->threads, work);
  scan_job *jobs = WG_NEW(&scratch, scan_job, threads);
  int status = jobs ? WG_OK : wg_no_memory();
  for (int t = 0; t < threads && status == WG_OK; t++)
    status = make_job(&scratch, ot, row_best, col_best, threshold, &jobs[t]);
  if (status == WG_OK) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++)
      scan_rows(&jobs[t], ot->rows.count * t / threads, ot->rows.count * (t + 1) / threads);
    for (int t = 0; t < threads; t++) merge(col_best, jobs[t].col_best);
  }
  wg_mem_clear(&scratch);
  return status;
}

/* ---- the c-transform: the same sweep, keeping only each point's minimum ---- */

WG_MULTIVERSION
static void transform_block(int64_t r, int64_t begin, int64_t end, const double *points,
                            const double *columns, int64_t padded, const double *v, double *dual) {
  lanes reduced[VECTORS];
  for (int64_t i = begin; i < end; i++) {
    double least[LANES];
    for (int lane = 0; lane < LANES; lane++) least[lane] = INFINITY;
    for (int64_t first = 0; first < padded; first += WG_CHUNK) {
      chunk_costs(r, points + i * r, columns + first, padded, v + first, 0.0, reduced);
      const double *values = (const double *)reduced;
      for (int k = 0; k < VECTORS; k++)
        for (int lane = 0; lane < LANES; lane++)
          least[lane] = WG_MIN(least[lane], values[k * LANES + lane]);
    }
    dual[i] = INFINITY;
    for (int lane = 0; lane < LANES; lane++) dual[i] = WG_MIN(dual[i], least[lane]);
  }
}

int wg_c_transform(wg_context *context, int64_t r, int64_t count, const double *points, int64_t m,
                   const double *others, const double *other_dual, double *dual) {
  wg_mem scratch = wg_mem_of(&context->ledger);
  int64_t padded = (m + WG_CHUNK - 1) / WG_CHUNK * WG_CHUNK;
  double *columns = WG_NEW(&scratch, double, padded *WG_MAX(r, 1));
  double *v = WG_NEW(&scratch, double, padded);
  if (!columns || !v) {
    wg_mem_clear(&scratch);
    return wg_no_memory();
  }
  for (int64_t j = 0; j < padded; j++) v[j] = j < m ? other_dual[j] : -INFINITY;
  for (int64_t j = 0; j < m; j++)
    for (int64_t k = 0; k < r; k++) columns[k * padded + j] = others[j * r + k];
  const int threads =
      wg_threads_for(context->threads, (double)count * (double)padded * (double)(r + 2));
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; t++)
    transform_block(r, count * t / threads, count * (t + 1) / threads, points, columns, padded, v,
                    dual);
  wg_mem_clear(&scratch);
  return WG_OK;
}
