/* The first basis of a cold solve: arcs, a nearly optimal flow on them, and its spanning tree.
 *
 * The pool starts with the nearest columns of each row and the nearest rows of each column. An
 * auction, in which the points of the larger cloud bid, ships the mass along it to within epsilon
 * of optimal; its duals are priced against all pairs, the violated arcs join the pool, and a
 * shorter auction follows, until few are violated. Mass that found no place is shipped greedily,
 * then in the order of the first coordinate. Cycles of arcs that carry mass are emptied; the forest
 * that is left has each of its trees tied to the root by an empty arc from one of its rows. Those
 * arcs carry no mass, ever: no large cost is needed to drive it out, and none distorts the duals.
 * Cost a few passes over n m pairs.
 */
#include <string.h>

#include "ot/auction.h"

enum { MOST_AUCTIONS = 6 };

/* How hard the auctions try before the simplex takes over: measured. With equal masses they finish
 * almost every row, and sharply; with general masses the last crumbs of mass take more bids than
 * pivots, so they stop earlier. */
typedef struct effort {
  int64_t nearest; /* arcs a row and a column at the start                     */
  int64_t bids;    /* most bids a phase and point                               */
  double fine;     /* last epsilon, in mean costs of the first pool             */
  double again;    /* first epsilon after pricing, in units of the last         */
  double ceiling;  /* how far from room a row may be, in mean costs: auction.h  */
} effort;
static const effort equal_effort = {8, 40, 0.003, 25.0, 16.0};
static const effort general_effort = {10, 8, 0.02, 5.0, 32.0};
static const double steps = 5.0; /* epsilon of one phase to the next */
static const double toll = 16.0; /* in mean costs */

/* ---- mass the auction left ---- */

static double mean_cost(const wg_pool *pool) {
  double mean = 0.0;
  for (int64_t e = 0; e < pool->count; e++) mean += fabs(pool->cost[e]);
  return pool->count ? mean / (double)pool->count : 0.0;
}

static void ship(wg_draft *d, int64_t arc, int32_t row, int32_t col) {
  const int64_t amount = WG_MIN(d->row_left[row], d->col_left[col]);
  d->row_left[row] -= amount;
  d->col_left[col] -= amount;
  d->flow[arc] += amount;
}

static int ship_greedily(wg_ot *ot, wg_mem *mem, wg_draft *d) {
  wg_key *order = WG_NEW(mem, wg_key, ot->pool.count);
  if (!order) return wg_no_memory();
  int64_t count = 0;
  for (int64_t e = 0; e < ot->pool.count; e++)
    if (d->row_left[ot->pool.row[e]] > 0 && d->col_left[ot->pool.col[e]] > 0)
      order[count++] = (wg_key){ot->pool.cost[e], (int32_t)e};
  wg_sort_keys(order, count);
  for (int64_t e = 0; e < count; e++)
    ship(d, order[e].index, ot->pool.row[order[e].index], ot->pool.col[order[e].index]);
  wg_drop(mem, order);
  return WG_OK;
}

static wg_key *sorted_leftovers(wg_mem *mem, const wg_side *side, int64_t r, const int64_t *left,
                                int64_t *count) {
  wg_key *order = WG_NEW(mem, wg_key, side->count);
  *count = 0;
  for (int64_t i = 0; order && i < side->count; i++)
    if (left[i] > 0) order[(*count)++] = (wg_key){side->points[i * r], (int32_t)i};
  if (order) wg_sort_keys(order, *count);
  return order;
}

/* North-west corner rule on what is left, along the first coordinate. */
static int ship_leftovers(wg_ot *ot, wg_mem *mem, wg_draft *d) {
  int64_t rows, cols;
  wg_key *row_order = sorted_leftovers(mem, &ot->rows, ot->r, d->row_left, &rows);
  wg_key *col_order = sorted_leftovers(mem, &ot->cols, ot->r, d->col_left, &cols);
  if (!row_order || !col_order) return wg_no_memory();
  WG_TRY(wg_draft_reserve(mem, d, ot->pool.count + rows + cols));
  const double mean = mean_cost(&ot->pool);
  ot->pool.toll = mean > 0.0 ? toll * mean : INFINITY;
  ot->pool.stopgap_begin = ot->pool.count;
  for (int64_t i = 0, j = 0; i < rows && j < cols;) {
    const int32_t row = row_order[i].index, col = col_order[j].index;
    WG_TRY(wg_pool_add(&ot->mem, &ot->pool, row, col, wg_pair_reduced(ot, row, col)));
    ship(d, ot->pool.count - 1, row, col);
    if (d->row_left[row] == 0) i++;
    if (d->col_left[col] == 0) j++;
  }
  ot->pool.stopgap_end = ot->pool.count;
  wg_drop(mem, row_order);
  wg_drop(mem, col_order);
  return WG_OK;
}

/* ---- auctions ---- */

/* Phases from *epsilon down to `fine`, then the new duals and flow. *stuck: the pool lacks arcs;
 * then *epsilon tells how far it came. */
static int auction(wg_ot *ot, wg_draft *d, const effort *limits, double fine, double ceiling,
                   double *epsilon, bool *stuck) {
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  wg_auction a;
  int status = wg_auction_create(&mem, ot, d, &a);
  const int64_t bids = limits->bids * (ot->rows.count + ot->cols.count);
  while (status == WG_OK) {
    status = wg_auction_phase(&a, *epsilon, ceiling, bids, stuck);
    if (*epsilon <= fine || *stuck || wg_watch_poll(&ot->context->watch)) break;
    *epsilon = WG_MAX(*epsilon / steps, fine);
  }
  for (int64_t i = 0; status == WG_OK && i < a.n; i++)
    if (a.best[i] < INFINITY) ot->rows.dual[i] += a.best[i]; /* a row may have no arc yet */
  for (int64_t j = 0; status == WG_OK && j < a.m; j++) ot->cols.dual[j] += a.price[j];
  wg_mem_clear(&mem);
  if (status == WG_OK) wg_pool_shift(ot);
  return status;
}

/* Auctions and pricing in turn: twice down to the fine epsilon, or once if few arcs are missing. */
static int auctions(wg_ot *ot, wg_mem *mem, const effort *limits, wg_draft *d) {
  const double spread = mean_cost(&ot->pool), fine = limits->fine * spread;
  double epsilon = spread, ceiling = limits->ceiling * spread;
  bool is_last = false;
  if (!(spread > 0.0)) return WG_OK; /* every arc is as good as any other */
  for (int round = 0; round < MOST_AUCTIONS && !ot->context->watch.stopped; round++) {
    int64_t added;
    bool stuck = false;
    wg_watch_phase(&ot->context->watch, "transport, %lld points: auction %d",
                   (long long)ot->rows.count, round + 1);
    WG_TRY(auction(ot, d, limits, fine, ceiling, &epsilon, &stuck));
    WG_TRY(wg_price(ot, epsilon, &added));
    WG_TRY(wg_draft_reserve(mem, d, ot->pool.count));
    WG_TRY(wg_pool_sort(ot, d->flow));
    if (stuck) ceiling *= 4.0;
    if (stuck || epsilon > fine) continue;
    if (is_last || added < ot->rows.count / 100) break;
    is_last = true;
    epsilon = limits->again * fine;
  }
  return WG_OK;
}

/* ---- all together ---- */

int wg_draft_reserve(wg_mem *mem, wg_draft *d, int64_t arcs) {
  if (arcs <= d->capacity) return WG_OK;
  int64_t *flow = WG_GROW(mem, d->flow, int64_t, arcs);
  if (!flow) return wg_no_memory();
  d->flow = flow;
  d->capacity = arcs;
  return WG_OK;
}

static int make_draft(wg_ot *ot, wg_mem *mem, wg_draft *d) {
  const int64_t n = ot->rows.count, m = ot->cols.count;
  *d = (wg_draft){.row_left = WG_NEW(mem, int64_t, n), .col_left = WG_NEW(mem, int64_t, m)};
  if (!d->row_left || !d->col_left) return wg_no_memory();
  memcpy(d->row_left, ot->rows.mass, (size_t)n * sizeof(int64_t));
  memcpy(d->col_left, ot->cols.mass, (size_t)m * sizeof(int64_t));
  return wg_draft_reserve(mem, d, ot->pool.count);
}

static int fill_pool(wg_ot *ot, wg_mem *mem, int64_t nearest) {
  wg_best row_best, col_best;
  const int64_t per_row = WG_MIN(nearest, ot->cols.count);
  const int64_t per_col = WG_MIN(nearest, ot->rows.count);
  WG_TRY(wg_best_create(mem, ot->rows.count, per_row, INFINITY, &row_best));
  WG_TRY(wg_best_create(mem, ot->cols.count, per_col, INFINITY, &col_best));
  WG_TRY(wg_nearest(ot->context, ot->r, &ot->rows, &ot->cols, &row_best));
  WG_TRY(wg_nearest(ot->context, ot->r, &ot->cols, &ot->rows, &col_best));
  return wg_pool_add_lists(ot, &row_best, &col_best);
}

bool wg_has_equal_masses(const wg_side *side) {
  for (int64_t i = 1; i < side->count; i++)
    if (side->mass[i] != side->mass[0]) return false;
  return true;
}

/* With equal masses cut parts are small, and moving them node by node is faster. */
static bool has_unit_masses(const wg_ot *ot) {
  return wg_has_equal_masses(&ot->rows) && wg_has_equal_masses(&ot->cols) &&
         ot->rows.mass[0] == ot->cols.mass[0];
}

/* Rows become columns, before there is a tree. */
static void transpose(wg_ot *ot, wg_draft *d) {
  const wg_side side = ot->rows;
  int32_t *ends = ot->pool.row;
  int64_t *left = d->row_left;
  ot->rows = ot->cols;
  ot->cols = side;
  ot->pool.row = ot->pool.col;
  ot->pool.col = ends;
  d->row_left = d->col_left;
  d->col_left = left;
}

/* The larger side bids: its points have few arcs each and fit into one or two of the others. */
static int bid_by_the_many(wg_ot *ot, wg_mem *mem, const effort *limits, wg_draft *d) {
  const bool turned = ot->rows.count < ot->cols.count;
  if (turned) transpose(ot, d);
  int status = wg_pool_sort(ot, NULL);
  if (status == WG_OK) status = auctions(ot, mem, limits, d);
  if (turned) transpose(ot, d);
  return status;
}

static int draft_flow(wg_ot *ot, wg_mem *mem, wg_draft *d) {
  const effort *limits = has_unit_masses(ot) ? &equal_effort : &general_effort;
  wg_mem lists = wg_mem_of(&ot->context->ledger);
  const int status = fill_pool(ot, &lists, limits->nearest);
  wg_mem_clear(&lists);
  WG_TRY(status);
  WG_TRY(make_draft(ot, mem, d));
  return bid_by_the_many(ot, mem, limits, d);
}

int wg_auction_duals(wg_ot *ot) {
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  wg_draft d;
  const int status = draft_flow(ot, &mem, &d);
  wg_mem_clear(&mem);
  return status;
}

static int build_basis(wg_ot *ot, wg_mem *mem) {
  wg_draft d;
  WG_TRY(draft_flow(ot, mem, &d));
  WG_TRY(wg_tree_create(&ot->mem, ot->rows.count, ot->cols.count, !has_unit_masses(ot), &ot->tree));
  WG_TRY(ship_greedily(ot, mem, &d));
  WG_TRY(ship_leftovers(ot, mem, &d));
  WG_TRY(wg_empty_cycles(ot, mem, d.flow));
  return wg_hang_forest(ot, mem, d.flow);
}

int wg_start_basis(wg_ot *ot) {
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  const int status = build_basis(ot, &mem);
  wg_mem_clear(&mem);
  return status;
}
