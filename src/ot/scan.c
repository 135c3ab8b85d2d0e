/* All n m reduced costs c_ij - u_i - v_j, without storing them.
 *
 * Three looks: the violated pairs of each row and column (pricing), the nearest columns of each row
 * (the first pool), the least of each row (the c-transform). Few dimensions and many points go to a
 * kd-tree, which looks at few pairs (kdtree.c). All else goes through the single-precision sweep
 * (sweep.c) in tiles of columns that stay in cache; pricing looks again at every pair the sweep
 * could not clear, in double precision and as a sum of squared differences, so that what it returns
 * is exact and nothing is missed. A sweep visits rows in order for each column, columns in order
 * for each row, so equal values keep the smallest index whatever the thread count; a query of the
 * tree depends on nothing but its row, and knows no low parts (relax.c). Looks that the watch stops
 * leave lists that are not complete but true as far as they go. Cost 2 r operations a pair in
 * vectors, or a microsecond or three a query; memory the lists (one copy of the column lists a
 * thread) and 4 r bytes a point, or 8 (r + 1) + 16.
 */
#include <string.h>

#include "ot/kdtree.h"
#include "ot/sweep.h"

enum { TILE_NUMBERS = 131072, SAMPLE_COLUMNS = 4096, MANY_IN_PLANE = 8000, MANY_IN_SPACE = 30000 };
enum { QUERIES_A_TURN = 256 };

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

void wg_insert(int64_t keep, double *values, int32_t *indices, double value, int32_t index) {
  int64_t place = keep - 1;
  if (!(value < values[place])) return;
  for (; place > 0 && values[place - 1] > value; place--) {
    values[place] = values[place - 1];
    indices[place] = indices[place - 1];
  }
  values[place] = value;
  indices[place] = index;
}

static void insert(wg_best *best, int64_t key, double value, int32_t index) {
  wg_insert(best->keep, best->value + key * best->keep, best->index + key * best->keep, value,
            index);
}

static double worst(const wg_best *best, int64_t key) {
  return best->value[(key + 1) * best->keep - 1];
}

/* The main thread asks the watch and tells the others. */
static bool is_stopped(wg_watch *watch, int *told) {
  int stopped;
  if (watch) {
    stopped = wg_watch_poll(watch);
#pragma omp atomic write
    *told = stopped;
  } else {
#pragma omp atomic read
    stopped = *told;
  }
  return stopped != 0;
}

/* What a thread needs for its rows. */
typedef struct scan_job {
  const wg_ot *ot;
  const wg_sweep *sweep;
  wg_watch *watch; /* NULL: the main thread asks */
  int *told;
  int64_t tile; /* columns */
  wg_hit *hits; /* tile / 64 */
  double threshold;
  wg_best *row_best, *col_best;
  double *least;      /* c-transform */
  int64_t begin, end; /* rows */
} scan_job;

static int64_t tile_columns(int64_t r) {
  const int64_t columns = TILE_NUMBERS / WG_MAX(r, 1) / WG_CHUNK * WG_CHUNK;
  return WG_MAX(columns, (int64_t)(8 * WG_CHUNK));
}

/* ---- pricing ---- */

static void look_again(scan_job *job, int64_t row, int64_t chunk) {
  const wg_ot *ot = job->ot;
  float value[WG_CHUNK];
  wg_sweep_values(job->sweep, row, job->threshold, chunk, value);
  for (int64_t lane = 0; lane < WG_CHUNK; lane++) {
    const int64_t col = chunk * WG_CHUNK + lane;
    if (!(value[lane] < 0.0f) || col >= ot->cols.count) continue;
    const double reduced = wg_pair_reduced(ot, (int32_t)row, (int32_t)col);
    insert(job->row_best, row, reduced, (int32_t)col);
    insert(job->col_best, col, reduced, (int32_t)row);
  }
}

static void price_rows(scan_job *job) {
  const double threshold[WG_SWEEP_ROWS] = {job->threshold, job->threshold, job->threshold,
                                           job->threshold};
  for (int64_t col = 0; col < job->sweep->padded; col += job->tile) {
    const int64_t end = WG_MIN(col + job->tile, job->sweep->padded);
    for (int64_t row = job->begin; row < job->end; row += WG_SWEEP_ROWS) {
      const int64_t count = wg_sweep_below(job->sweep, row, threshold, col, end, job->hits);
      for (int64_t h = 0; h < count; h++)
        for (int64_t k = 0; k < WG_SWEEP_ROWS && row + k < job->end; k++)
          if (job->hits[h].rows >> k & 1) look_again(job, row + k, job->hits[h].chunk);
    }
    if (is_stopped(job->watch, job->told)) return;
  }
}

/* ---- nearest ---- */

/* The keep-th least of the lanes' minima: no less than the keep-th least of all. */
static double kth_least(const double *lanes, int64_t keep) {
  double least[WG_CHUNK];
  int64_t count = 0;
  for (int64_t i = 0; i < WG_CHUNK; i++) {
    int64_t place = count < keep ? count++ : keep;
    if (place == keep && !(lanes[i] < least[--place])) continue;
    for (; place > 0 && least[place - 1] > lanes[i]; place--) least[place] = least[place - 1];
    least[place] = lanes[i];
  }
  return least[count - 1];
}

static void nearest_in_tile(scan_job *job, int64_t row, int64_t begin, int64_t end,
                            const double *threshold) {
  float value[WG_CHUNK];
  const int64_t count = wg_sweep_below(job->sweep, row, threshold, begin, end, job->hits);
  for (int64_t h = 0; h < count; h++)
    for (int64_t k = 0; k < WG_SWEEP_ROWS && row + k < job->end; k++) {
      if (!(job->hits[h].rows >> k & 1)) continue;
      wg_sweep_values(job->sweep, row + k, 0.0, job->hits[h].chunk, value);
      double limit = worst(job->row_best, row + k);
      for (int64_t lane = 0; lane < WG_CHUNK; lane++) {
        if (!(value[lane] < limit)) continue;
        insert(job->row_best, row + k, value[lane],
               (int32_t)(job->hits[h].chunk * WG_CHUNK + lane));
        limit = worst(job->row_best, row + k);
      }
    }
}

/* A little more than the limit, so that what is at it counts as below. */
static void set_limit(scan_job *job, int64_t row, double limit) {
  limit += 1e-6 * fabs(limit) + 1e-30 * job->sweep->unit;
  double *values = job->row_best->value + row * job->row_best->keep;
  for (int64_t k = 0; k < job->row_best->keep; k++) values[k] = limit / job->sweep->unit;
}

static void nearest_rows(scan_job *job) {
  const int64_t keep = job->row_best->keep, padded = job->sweep->padded;
  const int64_t sample = WG_MIN((int64_t)SAMPLE_COLUMNS, WG_MIN(padded, job->tile));
  for (int64_t col = 0; col < padded; col += job->tile) {
    const int64_t end = WG_MIN(col + job->tile, padded);
    for (int64_t row = job->begin; row < job->end; row += WG_SWEEP_ROWS) {
      double lanes[WG_SWEEP_ROWS * WG_CHUNK], threshold[WG_SWEEP_ROWS];
      if (col == 0) wg_sweep_minima(job->sweep, row, 0, sample, lanes);
      for (int64_t k = 0; k < WG_SWEEP_ROWS; k++) {
        threshold[k] = -INFINITY;
        if (row + k >= job->end) continue;
        if (col == 0) set_limit(job, row + k, kth_least(lanes + k * WG_CHUNK, keep));
        threshold[k] = worst(job->row_best, row + k) * job->sweep->unit;
      }
      nearest_in_tile(job, row, col, end, threshold);
    }
    if (is_stopped(job->watch, job->told)) return;
  }
}

/* ---- the c-transform ---- */

static void least_of_rows(scan_job *job) {
  for (int64_t row = job->begin; row < job->end; row++) job->least[row] = INFINITY;
  for (int64_t col = 0; col < job->sweep->padded; col += job->tile) {
    const int64_t end = WG_MIN(col + job->tile, job->sweep->padded);
    for (int64_t row = job->begin; row < job->end; row += WG_SWEEP_ROWS) {
      double lanes[WG_SWEEP_ROWS * WG_CHUNK];
      wg_sweep_minima(job->sweep, row, col, end, lanes);
      for (int64_t k = 0; k < WG_SWEEP_ROWS && row + k < job->end; k++)
        for (int64_t lane = 0; lane < WG_CHUNK; lane++)
          job->least[row + k] = WG_MIN(job->least[row + k], lanes[k * WG_CHUNK + lane]);
    }
    if (is_stopped(job->watch, job->told)) return;
  }
}

/* ---- threads ---- */

/* Runs `work` over all rows of the sweep, on threads; each has column lists of its own if the
 * caller has some. */
static int run(wg_context *context, const scan_job *like, void (*work)(scan_job *)) {
  wg_mem mem = wg_mem_of(&context->ledger);
  const wg_sweep *s = like->sweep;
  int told = 0;
  const int threads = wg_threads_for(
      context->threads, (double)s->rows * (double)s->padded * (double)(s->r + 2) / 32.0);
  scan_job *jobs = WG_NEW(&mem, scan_job, threads);
  wg_best *lists = WG_NEW(&mem, wg_best, threads);
  int status = jobs && lists ? WG_OK : wg_no_memory();
  const int64_t blocks = (s->rows + WG_SWEEP_ROWS - 1) / WG_SWEEP_ROWS;
  for (int t = 0; t < threads && status == WG_OK; t++) {
    scan_job *job = &jobs[t];
    *job = *like;
    job->watch = t == 0 ? &context->watch : NULL;
    job->told = &told;
    job->tile = tile_columns(s->r);
    job->begin = blocks * t / threads * WG_SWEEP_ROWS;
    job->end = WG_MIN(blocks * (t + 1) / threads * WG_SWEEP_ROWS, s->rows);
    job->hits = WG_NEW(&mem, wg_hit, job->tile / WG_CHUNK);
    if (!job->hits) status = wg_no_memory();
    if (!like->col_best || status != WG_OK) continue;
    job->col_best = &lists[t];
    status = wg_best_create(&mem, like->col_best->count, like->col_best->keep, like->threshold,
                            &lists[t]);
  }
  if (status == WG_OK) {
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++) work(&jobs[t]);
  }
  for (int t = 0; like->col_best && t < threads && status == WG_OK; t++)
    for (int64_t k = 0; k < lists[t].count * lists[t].keep; k++)
      if (lists[t].index[k] >= 0)
        insert(like->col_best, k / lists[t].keep, lists[t].value[k], lists[t].index[k]);
  wg_mem_clear(&mem);
  return status;
}

static int sweep_rows(wg_context *context, int64_t r, const wg_side *rows, const wg_side *columns,
                      const scan_job *like, void (*work)(scan_job *)) {
  wg_mem mem = wg_mem_of(&context->ledger);
  wg_sweep sweep;
  scan_job job = *like;
  int status = wg_sweep_create(&mem, r, rows, columns, &sweep);
  job.sweep = &sweep;
  if (status == WG_OK) status = run(context, &job, work);
  wg_mem_clear(&mem);
  return status;
}

/* ---- in low dimension ---- */

/* Where a tree beats looking at all pairs: measured. */
static bool tree_pays(int64_t r, int64_t columns) {
  if (r < 2 || r > WG_KD_MOST) return false;
  return columns >= (r == 2 ? MANY_IN_PLANE : MANY_IN_SPACE);
}

typedef struct query_job {
  wg_kdtree *tree;
  int32_t *order; /* neighbours use the same nodes */
  wg_best *best;
  int64_t next; /* the first place in the order that no thread has taken yet */
  int told;
} query_job;

/* One thread's part: rows by turns until none is left. A row's list is filled or untouched. */
static void query_in_turns(query_job *job, wg_watch *watch) {
  const wg_best *best = job->best;
  while (!is_stopped(watch, &job->told)) {
    int64_t begin;
#pragma omp atomic capture
    {
      begin = job->next;
      job->next += QUERIES_A_TURN;
    }
    if (begin >= best->count) return;
    for (int64_t i = begin; i < WG_MIN(begin + QUERIES_A_TURN, best->count); i++) {
      const int64_t row = job->order[i], slot = row * best->keep;
      wg_kdtree_query(job->tree, row, best->keep, best->value + slot, best->index + slot);
    }
  }
}

static int query_rows(wg_context *context, int64_t r, const wg_side *rows, const wg_side *columns,
                      wg_best *best) {
  if (wg_watch_poll(&context->watch)) return WG_OK;
  wg_mem mem = wg_mem_of(&context->ledger);
  query_job job = {.order = WG_NEW(&mem, int32_t, rows->count), .best = best};
  const int status =
      job.order ? wg_kdtree_create(&mem, r, rows, columns, &job.tree) : wg_no_memory();
  if (status == WG_OK) {
    wg_kd_sorted(r, rows, WG_CHUNK, job.order);
    const int threads = wg_threads_for(context->threads, 1e3 * (double)rows->count);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++) query_in_turns(&job, t == 0 ? &context->watch : NULL);
  }
  wg_mem_clear(&mem);
  return status;
}

static int query_least(wg_context *context, int64_t r, const wg_side *rows, const wg_side *columns,
                       double *least) {
  wg_mem mem = wg_mem_of(&context->ledger);
  wg_best best = {
      .count = rows->count, .keep = 1, .value = least, .index = WG_NEW(&mem, int32_t, rows->count)};
  for (int64_t i = 0; i < rows->count; i++) least[i] = INFINITY;
  const int status = best.index ? query_rows(context, r, rows, columns, &best) : wg_no_memory();
  for (int64_t i = 0; i < rows->count; i++)
    if (least[i] == INFINITY) least[i] = 0.0; /* the watch stopped before it; duals are finite */
  wg_mem_clear(&mem);
  return status;
}

/* ---- the three looks ---- */

int wg_scan(wg_ot *ot, wg_best *row_best, wg_best *col_best, double threshold) {
  if (!ot->is_sharp && tree_pays(ot->r, WG_MIN(ot->rows.count, ot->cols.count))) {
    WG_TRY(query_rows(ot->context, ot->r, &ot->rows, &ot->cols, row_best));
    return query_rows(ot->context, ot->r, &ot->cols, &ot->rows, col_best);
  }
  const scan_job job = {
      .ot = ot, .threshold = threshold, .row_best = row_best, .col_best = col_best};
  return sweep_rows(ot->context, ot->r, &ot->rows, &ot->cols, &job, price_rows);
}

int wg_nearest(wg_context *context, int64_t r, const wg_side *rows, const wg_side *columns,
               wg_best *best) {
  if (tree_pays(r, columns->count)) return query_rows(context, r, rows, columns, best);
  const scan_job job = {.row_best = best};
  return sweep_rows(context, r, rows, columns, &job, nearest_rows);
}

int wg_c_transform(wg_context *context, int64_t r, const wg_side *rows, const wg_side *columns,
                   double *least) {
  if (tree_pays(r, columns->count)) return query_least(context, r, rows, columns, least);
  const scan_job job = {.least = least};
  return sweep_rows(context, r, rows, columns, &job, least_of_rows);
}
