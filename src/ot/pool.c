/* The pool of candidate arcs: 10 to 15 a row instead of all m. Arcs are only ever added, except
 * when a warm start finds the pool grown fat (see solve.c). Memory 16 bytes an arc. */
#include <stdlib.h>
#include <string.h>

#include "ot/engine.h"

static int compare_keys(const void *left, const void *right) {
  const wg_key *a = left, *b = right;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return a->index < b->index ? -1 : a->index > b->index;
}

void wg_sort_keys(wg_key *keys, int64_t count) {
  qsort(keys, (size_t)count, sizeof *keys, compare_keys);
}

int wg_pool_reserve(wg_mem *mem, wg_pool *pool, int64_t capacity) {
  if (capacity <= pool->capacity) return WG_OK;
  int32_t *rows = WG_GROW(mem, pool->row, int32_t, capacity);
  if (!rows) return wg_no_memory();
  pool->row = rows;
  int32_t *cols = WG_GROW(mem, pool->col, int32_t, capacity);
  if (!cols) return wg_no_memory();
  pool->col = cols;
  double *costs = WG_GROW(mem, pool->cost, double, capacity);
  if (!costs) return wg_no_memory();
  pool->cost = costs;
  pool->capacity = capacity;
  return WG_OK;
}

int wg_pool_reserve_ends(wg_mem *mem, wg_pool *pool) {
  if (pool->ends >= pool->count) return WG_OK;
  int32_t *tails = WG_GROW(mem, pool->tail, int32_t, pool->capacity);
  if (!tails) return wg_no_memory();
  pool->tail = tails;
  int32_t *heads = WG_GROW(mem, pool->head, int32_t, pool->capacity);
  if (!heads) return wg_no_memory();
  pool->head = heads;
  pool->ends = pool->capacity;
  return WG_OK;
}

int wg_pool_add(wg_mem *mem, wg_pool *pool, int32_t row, int32_t col, double cost) {
  if (pool->count == pool->capacity)
    WG_TRY(wg_pool_reserve(mem, pool, 64 + pool->capacity + pool->capacity / 8));
  pool->row[pool->count] = row;
  pool->col[pool->count] = col;
  pool->cost[pool->count++] = cost;
  return WG_OK;
}

double wg_pair_cost(const wg_ot *ot, int32_t row, int32_t col) {
  const double *z = ot->rows.points + row * ot->r, *w = ot->cols.points + col * ot->r;
  double sum = 0.0;
  for (int64_t k = 0; k < ot->r; k++) sum += (z[k] - w[k]) * (z[k] - w[k]);
  return sum;
}

double wg_pair_reduced(const wg_ot *ot, int32_t row, int32_t col) {
  if (!ot->is_sharp) return wg_pair_cost(ot, row, col) - ot->rows.dual[row] - ot->cols.dual[col];
  const wg_twofold duals = wg_twofold_add(wg_dual_of(&ot->rows, row), wg_dual_of(&ot->cols, col));
  return wg_twofold_value(wg_twofold_subtract(wg_sharp_cost(ot, row, col), duals));
}

static bool lists(const wg_best *best, int64_t key, int32_t index) {
  for (int64_t k = 0; k < best->keep; k++)
    if (best->index[key * best->keep + k] == index) return true;
  return false;
}

static int add_pair(wg_ot *ot, int32_t row, int32_t col) {
  return wg_pool_add(&ot->mem, &ot->pool, row, col, wg_pair_reduced(ot, row, col));
}

/* Whether slot k of the column lists holds a pair that the row lists do not. */
static bool is_new(const wg_best *row_best, const wg_best *col_best, int64_t k) {
  const int32_t row = col_best->index[k];
  return row >= 0 && !lists(row_best, row, (int32_t)(k / col_best->keep));
}

int wg_pool_add_lists(wg_ot *ot, const wg_best *row_best, const wg_best *col_best) {
  const int64_t row_slots = row_best->count * row_best->keep;
  const int64_t col_slots = col_best->count * col_best->keep;
  int64_t count = ot->pool.count;
  for (int64_t k = 0; k < row_slots; k++) count += row_best->index[k] >= 0;
  for (int64_t k = 0; k < col_slots; k++) count += is_new(row_best, col_best, k);
  WG_TRY(wg_pool_reserve(&ot->mem, &ot->pool, count)); /* to the arc: pools are large */
  for (int64_t k = 0; k < row_slots; k++)
    if (row_best->index[k] >= 0)
      WG_TRY(add_pair(ot, (int32_t)(k / row_best->keep), row_best->index[k]));
  for (int64_t k = 0; k < col_slots; k++)
    if (is_new(row_best, col_best, k))
      WG_TRY(add_pair(ot, col_best->index[k], (int32_t)(k / col_best->keep)));
  return WG_OK;
}

void wg_pool_shift(wg_ot *ot) {
  wg_pool *pool = &ot->pool;
  for (int64_t e = 0; e < pool->count; e++)
    pool->cost[e] = wg_pair_reduced(ot, pool->row[e], pool->col[e]);
  for (int64_t e = pool->stopgap_begin; e < pool->stopgap_end; e++)
    pool->cost[e] = WG_MIN(pool->cost[e], pool->toll);
}

/* A stable counting sort; `order` becomes the old index of each new place. */
static int order_by_row(const wg_ot *ot, wg_mem *mem, int32_t **order) {
  const wg_pool *pool = &ot->pool;
  int64_t *place = WG_NEW(mem, int64_t, ot->rows.count + 1);
  *order = WG_NEW(mem, int32_t, pool->count);
  if (!place || !*order) return wg_no_memory();
  for (int64_t e = 0; e < pool->count; e++) place[pool->row[e] + 1]++;
  for (int64_t i = 0; i < ot->rows.count; i++) place[i + 1] += place[i];
  for (int64_t e = 0; e < pool->count; e++) (*order)[place[pool->row[e]]++] = (int32_t)e;
  return WG_OK;
}

int wg_pool_sort(wg_ot *ot, int64_t *flow) {
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  wg_pool *pool = &ot->pool;
  int32_t *order = NULL;
  int status = order_by_row(ot, &mem, &order);
  int64_t *spare = status == WG_OK ? WG_NEW(&mem, int64_t, pool->count) : NULL;
  if (!spare) status = wg_no_memory();
  for (int64_t e = 0; status == WG_OK && e < pool->count; e++)
    spare[e] = ((int64_t)pool->row[order[e]] << 32) | pool->col[order[e]];
  for (int64_t e = 0; status == WG_OK && e < pool->count; e++) {
    pool->row[e] = (int32_t)(spare[e] >> 32);
    pool->col[e] = (int32_t)(spare[e] & INT32_MAX);
  }
  for (int64_t e = 0; flow && status == WG_OK && e < pool->count; e++) spare[e] = flow[order[e]];
  if (flow && status == WG_OK) memcpy(flow, spare, (size_t)pool->count * sizeof *flow);
  wg_mem_clear(&mem);
  if (status == WG_OK) wg_pool_shift(ot);
  return status;
}
