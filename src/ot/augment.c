/* Shortest augmenting paths for the rows an auction could not place.
 *
 * Dijkstra's search over columns by increasing distance: forward arcs have length cost - best -
 * price >= 0; back along an arc that carries mass, at most epsilon long, costs nothing. The first
 * column with room ends the search; duals of what was visited move so that the path is tight, and
 * the flow stays within epsilon of optimal (successive shortest paths, Edmonds and Karp 1972).
 * Cost the arcs visited; memory 40 bytes a point.
 */
#include "ot/auction.h"

typedef struct search {
  wg_auction *a;
  int32_t *holder, *next;  /* lists of the arcs that carried mass, by column; next: -2 not listed */
  double *row_at, *col_at; /* distance, infinity: not reached */
  int32_t *row_via, *col_via; /* the arc by which it was reached */
  int32_t *rows, *cols;       /* reached rows and settled or reached columns */
  int64_t row_count, col_count;
  wg_key *heap;
  int64_t heap_count, heap_most;
  int64_t arcs; /* scanned so far */
} search;

static int make_search(wg_mem *mem, wg_auction *a, search *s) {
  const int64_t arcs = a->pool->count;
  *s = (search){.a = a,
                .holder = WG_NEW(mem, int32_t, a->m),
                .next = a->sibling, /* the heaps have done their work */
                .row_at = WG_NEW(mem, double, a->n),
                .col_at = WG_NEW(mem, double, a->m),
                .row_via = WG_NEW(mem, int32_t, a->n),
                .col_via = WG_NEW(mem, int32_t, a->m),
                .rows = WG_NEW(mem, int32_t, a->n),
                .cols = WG_NEW(mem, int32_t, a->m)};
  if (!s->holder || !s->row_at || !s->col_at || !s->row_via || !s->col_via || !s->rows || !s->cols)
    return wg_no_memory();
  for (int64_t j = 0; j < a->m; j++) {
    s->holder[j] = -1;
    s->col_at[j] = INFINITY;
  }
  for (int64_t i = 0; i < a->n; i++) s->row_at[i] = INFINITY;
  for (int64_t e = 0; e < arcs; e++) {
    s->next[e] = -2;
    if (a->flow[e] == 0) continue;
    s->next[e] = s->holder[a->pool->col[e]];
    s->holder[a->pool->col[e]] = (int32_t)e;
  }
  return WG_OK;
}

static int heap_push(wg_mem *mem, search *s, double at, int32_t col) {
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
  s->heap[hole] = (wg_key){at, col};
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

static int scan_row(wg_mem *mem, search *s, int32_t row, double at) {
  const wg_auction *a = s->a;
  s->rows[s->row_count++] = row;
  s->row_at[row] = at;
  s->arcs += a->first[row + 1] - a->first[row];
  for (int64_t e = a->first[row]; e < a->first[row + 1]; e++) {
    const int32_t col = a->pool->col[e];
    const double length = a->pool->cost[e] - a->best[row] - a->price[col];
    const double distance = at + WG_MAX(length, 0.0);
    if (!(distance < s->col_at[col])) continue;
    if (s->col_at[col] == INFINITY) s->cols[s->col_count++] = col;
    s->col_at[col] = distance;
    s->col_via[col] = (int32_t)e;
    WG_TRY(heap_push(mem, s, distance, col));
  }
  return WG_OK;
}

/* Searches from `row`; *target: the column with room, -1 when none can be reached. */
static int find_path(wg_mem *mem, search *s, int32_t row, int32_t *target) {
  wg_auction *a = s->a;
  *target = -1;
  s->row_via[row] = -1;
  WG_TRY(scan_row(mem, s, row, 0.0));
  while (s->heap_count > 0) {
    const wg_key least = heap_pop(s);
    if (least.key > a->ceiling) break;
    const int32_t col = least.index;
    if (least.key > s->col_at[col]) continue; /* an older, longer way */
    if (a->room[col] > 0) {
      *target = col;
      return WG_OK;
    }
    for (int32_t e = s->holder[col]; e >= 0; e = s->next[e]) {
      const int32_t held_by = a->pool->row[e];
      if (a->flow[e] == 0 || s->row_at[held_by] < INFINITY) continue;
      s->row_via[held_by] = e;
      WG_TRY(scan_row(mem, s, held_by, least.key));
    }
  }
  return WG_OK;
}

/* Moves the duals so that the path is tight, and forgets the search. */
static void finish_search(search *s, int32_t target) {
  wg_auction *a = s->a;
  const double length = target >= 0 ? s->col_at[target] : 0.0;
  for (int64_t k = 0; k < s->row_count; k++) {
    const int32_t row = s->rows[k];
    a->best[row] += WG_MAX(length - s->row_at[row], 0.0);
    s->row_at[row] = INFINITY;
  }
  for (int64_t k = 0; k < s->col_count; k++) {
    const int32_t col = s->cols[k];
    a->price[col] -= WG_MAX(length - s->col_at[col], 0.0);
    s->col_at[col] = INFINITY;
  }
  s->row_count = s->col_count = s->heap_count = 0;
}

static void push_along(search *s, int32_t target) {
  wg_auction *a = s->a;
  int64_t amount = a->room[target];
  int32_t col = target, row;
  for (;;) {
    row = a->pool->row[s->col_via[col]];
    if (s->row_via[row] < 0) break;
    amount = WG_MIN(amount, a->flow[s->row_via[row]]);
    col = a->pool->col[s->row_via[row]];
  }
  amount = WG_MIN(amount, a->excess[row]);
  a->excess[row] -= amount;
  a->room[target] -= amount;
  for (col = target;;) {
    const int32_t arc = s->col_via[col];
    if (s->next[arc] == -2) {
      s->next[arc] = s->holder[col];
      s->holder[col] = arc;
    }
    a->flow[arc] += amount;
    row = a->pool->row[arc];
    if (s->row_via[row] < 0) return;
    a->flow[s->row_via[row]] -= amount;
    col = a->pool->col[s->row_via[row]];
  }
}

int wg_augment(wg_mem *mem, wg_auction *a, int64_t most, bool *stuck) {
  *stuck = false;
  search s;
  WG_TRY(make_search(mem, a, &s));
  for (int32_t row = 0; row < a->n; row++) {
    if (a->excess[row] > 0 && a->best[row] > a->ceiling) *stuck = true;
    while (a->excess[row] > 0 && s.arcs < most) {
      int32_t target;
      WG_TRY(find_path(mem, &s, row, &target));
      if (target >= 0) push_along(&s, target);
      finish_search(&s, target);
      if (target < 0) {
        *stuck = true;
        break;
      }
    }
  }
  return WG_OK;
}
