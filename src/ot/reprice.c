/* New prices for an auction that crawls: every row shall see a way to a column with room.
 *
 * Mass in excess on one side of the clouds and room on the other meet by price wars of tiny steps.
 * Dijkstra's search backward from all columns with room finds how far each row is: a forward arc is
 * as long as its cost exceeds the row's best, and going back from a column to a row that holds it
 * is free. Lowering each price by that distance makes all shortest ways tight, keeps every arc's
 * reduced cost non-negative and those that carry mass within epsilon, and the next bids run along
 * them (Goldberg 1997, global updates). Prices out of reach stay: all distances count from the
 * farthest row that has to be placed. Cost O(arcs + n log n), memory 44 bytes a point.
 */
#include "ot/auction.h"

typedef struct search {
  wg_auction *a;
  double *row_at, *col_at; /* distance to room; infinity: not reached, not settled */
  wg_key *heap;            /* rows, possibly more than once                        */
  int64_t heap_count, heap_most;
  double reach;
} search;

static int make_search(wg_mem *mem, wg_auction *a, search *s) {
  *s = (search){.a = a, .row_at = WG_NEW(mem, double, a->n), .col_at = WG_NEW(mem, double, a->m)};
  if (!s->row_at || !s->col_at) return wg_no_memory();
  for (int64_t i = 0; i < a->n; i++) s->row_at[i] = INFINITY;
  for (int64_t j = 0; j < a->m; j++) s->col_at[j] = INFINITY;
  return WG_OK;
}

static int heap_push(wg_mem *mem, search *s, double at, int32_t row) {
  if (s->heap_count == s->heap_most) {
    const int64_t most = 256 + 2 * s->heap_most;
    wg_key *heap = WG_GROW(mem, s->heap, wg_key, most);
    if (!heap) return wg_no_memory();
    s->heap = heap;
    s->heap_most = most;
  }
  int64_t hole = s->heap_count++;
  for (; hole > 0 && s->heap[(hole - 1) / 2].key > at; hole = (hole - 1) / 2)
    s->heap[hole] = s->heap[(hole - 1) / 2];
  s->heap[hole] = (wg_key){at, row};
  return WG_OK;
}

static wg_key heap_pop(search *s) {
  const wg_key least = s->heap[0], last = s->heap[--s->heap_count];
  int64_t hole = 0, child;
  while ((child = 2 * hole + 1) < s->heap_count) {
    if (child + 1 < s->heap_count && s->heap[child + 1].key < s->heap[child].key) child++;
    if (s->heap[child].key >= last.key) break;
    s->heap[hole] = s->heap[child];
    hole = child;
  }
  s->heap[hole] = last;
  return least;
}

static int settle_column(wg_mem *mem, search *s, int32_t col, double at) {
  const wg_auction *a = s->a;
  s->col_at[col] = at;
  for (int64_t k = a->col_first[col]; k < a->col_first[col + 1]; k++) {
    const int32_t arc = a->by_col[k], row = a->pool->row[arc];
    const double length = a->pool->cost[arc] - a->price[col] - a->best[row];
    const double distance = at + WG_MAX(length, 0.0);
    if (!(distance < s->row_at[row])) continue;
    s->row_at[row] = distance;
    WG_TRY(heap_push(mem, s, distance, row));
  }
  return WG_OK;
}

/* Goes on until all rows with excess are reached, or the ceiling, or the end; returns how many are
 * not. */
static int find_distances(wg_mem *mem, search *s, int64_t *missing) {
  const wg_auction *a = s->a;
  *missing = 0;
  for (int64_t i = 0; i < a->n; i++) *missing += a->excess[i] > 0;
  for (int32_t j = 0; j < a->m; j++)
    if (a->room[j] > 0) WG_TRY(settle_column(mem, s, j, 0.0));
  while (*missing > 0 && s->heap_count > 0) {
    const wg_key least = heap_pop(s);
    const int32_t row = least.index;
    if (least.key > s->row_at[row]) continue; /* an older, longer way */
    if (least.key > a->ceiling) break;
    s->reach = least.key;
    *missing -= a->excess[row] > 0;
    for (int64_t e = a->first[row]; e < a->first[row + 1]; e++)
      if (a->flow[e] > 0 && s->col_at[a->pool->col[e]] == INFINITY)
        WG_TRY(settle_column(mem, s, a->pool->col[e], least.key));
  }
  return WG_OK;
}

int wg_reprice(wg_auction *a, bool *stuck) {
  wg_mem mem = wg_mem_of(&a->context->ledger);
  search s;
  int64_t missing = 0;
  int status = make_search(&mem, a, &s);
  if (status == WG_OK) status = find_distances(&mem, &s, &missing);
  for (int64_t j = 0; status == WG_OK && j < a->m; j++) {
    const double rise = WG_MAX(s.reach - s.col_at[j], 0.0); /* none where it was not settled */
    a->price[j] += rise;
    for (int64_t k = a->col_first[j]; rise > 0.0 && k < a->col_first[j + 1]; k++)
      a->level[a->by_col[k]] += rise;
  }
  *stuck = missing > 0;
  wg_mem_clear(&mem);
  return status;
}
