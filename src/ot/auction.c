/* The auction: nearly optimal flows and duals on the pool in a few million short steps.
 *
 * Rows bid for columns. A row with mass to place takes its cheapest column (cost minus price) and
 * offers so much more that it would still hold that column at the value of its second choice, less
 * epsilon; the column keeps the strongest offers up to its demand and returns the weakest to their
 * rows. Every unit placed is then within epsilon of its row's best, so the flow is optimal up to
 * epsilon times the mass (Bertsekas 1988; for general masses Bertsekas and Castanon 1989: here an
 * offer covers as many units as fit; what that costs the claim is in docs/theory/transport.md).
 * Phases divide epsilon and keep what still satisfies the sharper condition. The last few rows may
 * fight long price wars: reprice.c shows them the way.
 * Cost a few scans of each row's arcs per phase; memory 40 bytes an arc.
 */
#include "ot/auction.h"

enum { POLL_EVERY = 1 << 16, BIDS_A_TURN = 4 }; /* bids: per point, between new prices */

/* A counting sort; while it runs, col_first[j + 1] is where column j's next arc goes. */
static void list_by_columns(wg_auction *a) {
  const wg_pool *pool = a->pool;
  for (int64_t e = 0; e < pool->count; e++)
    if (pool->col[e] + 2 <= a->m) a->col_first[pool->col[e] + 2]++;
  for (int64_t j = 2; j <= a->m; j++) a->col_first[j] += a->col_first[j - 1];
  for (int64_t e = 0; e < pool->count; e++)
    a->by_col[a->col_first[pool->col[e] + 1]++] = (int32_t)e;
}

int wg_auction_create(wg_mem *mem, wg_ot *ot, wg_draft *draft, wg_auction *a) {
  const int64_t n = ot->rows.count, m = ot->cols.count, arcs = ot->pool.count;
  *a = (wg_auction){.n = n,
                    .m = m,
                    .pool = &ot->pool,
                    .context = ot->context,
                    .demand = ot->cols.mass,
                    .first = WG_NEW(mem, int64_t, n + 1),
                    .by_col = WG_NEW(mem, int32_t, arcs),
                    .col_first = WG_NEW(mem, int64_t, m + 1),
                    .flow = draft->flow,
                    .level = WG_NEW(mem, double, arcs),
                    .child = WG_NEW(mem, int32_t, arcs),
                    .sibling = WG_NEW(mem, int32_t, arcs),
                    .top = WG_NEW(mem, int32_t, m),
                    .excess = draft->row_left,
                    .room = draft->col_left,
                    .price = WG_NEW(mem, double, m),
                    .best = WG_NEW(mem, double, n),
                    .queue = WG_NEW(mem, int32_t, n)};
  if (!a->first || !a->by_col || !a->col_first || !a->level || !a->child || !a->sibling ||
      !a->top || !a->price || !a->best || !a->queue)
    return wg_no_memory();
  for (int64_t e = 0; e < arcs; e++) a->first[ot->pool.row[e] + 1]++;
  for (int64_t i = 0; i < n; i++) a->first[i + 1] += a->first[i];
  list_by_columns(a);
  return WG_OK;
}

/* ---- a column's bids: a pairing heap with the weakest bid (largest level) on top ---- */

static int32_t meld(wg_auction *a, int32_t p, int32_t q) {
  if (p < 0) return q;
  if (q < 0) return p;
  const int32_t upper = a->level[p] >= a->level[q] ? p : q, lower = upper == p ? q : p;
  a->sibling[lower] = a->child[upper];
  a->child[upper] = lower;
  return upper;
}

static void push_bid(wg_auction *a, int32_t col, int32_t arc, double level) {
  a->level[arc] = level;
  a->child[arc] = a->sibling[arc] = -1;
  a->top[col] = meld(a, a->top[col], arc);
}

static void pop_bid(wg_auction *a, int32_t col) {
  int32_t rest = a->child[a->top[col]], pairs = -1;
  while (rest >= 0) { /* meld the children in pairs, then the pairs from the last to the first */
    const int32_t p = rest, q = a->sibling[p];
    rest = q >= 0 ? a->sibling[q] : -1;
    a->sibling[p] = -1;
    if (q >= 0) a->sibling[q] = -1;
    const int32_t pair = meld(a, p, q);
    a->sibling[pair] = pairs;
    pairs = pair;
  }
  int32_t top = -1;
  while (pairs >= 0) {
    const int32_t next = a->sibling[pairs];
    a->sibling[pairs] = -1;
    top = meld(a, top, pairs);
    pairs = next;
  }
  a->top[col] = top;
}

/* ---- bidding ---- */

static void enqueue(wg_auction *a, int32_t row) {
  int64_t place = a->queue_begin + a->queue_count++;
  a->queue[place >= a->n ? place - a->n : place] = row;
}

/* Returns `amount` of the column's weakest offers to their rows, which queue again (the bidding row
 * has its turn). The bidder's own older offer, when its turn comes, is taken off the heap instead:
 * true, it is to be put back at the new level. */
static bool evict(wg_auction *a, int32_t col, int64_t amount, int32_t bidder) {
  bool taken_off = false;
  while (amount > 0) {
    const int32_t arc = a->top[col], row = a->pool->row[arc];
    if (arc == bidder) {
      pop_bid(a, col);
      taken_off = true;
      continue;
    }
    const int64_t part = WG_MIN(amount, a->flow[arc]);
    if (a->excess[row] == 0 && row != a->pool->row[bidder]) enqueue(a, row);
    a->excess[row] += part;
    a->flow[arc] -= part;
    amount -= part;
    if (a->flow[arc] == 0) pop_bid(a, col);
  }
  return taken_off;
}

/* The row's best arc that can take more of its mass, and the values of that and the next; -1: the
 * row holds all its columns whole. */
static int64_t choose(const wg_auction *a, int64_t row, double *best, double *second) {
  int64_t arc = -1;
  *best = *second = INFINITY;
  for (int64_t e = a->first[row]; e < a->first[row + 1]; e++) {
    const int32_t col = a->pool->col[e];
    const double value = a->pool->cost[e] - a->price[col];
    if (value >= *second || a->flow[e] == a->demand[col]) continue;
    if (value < *best) {
      *second = *best;
      *best = value;
      arc = e;
    } else {
      *second = value;
    }
  }
  return arc;
}

static void place_bid(wg_auction *a, int32_t arc, int64_t amount, double level) {
  const int32_t col = a->pool->col[arc];
  const bool contested = amount > a->room[col];
  bool to_push = a->flow[arc] == 0;
  if (contested) to_push |= evict(a, col, amount - a->room[col], arc);
  a->room[col] -= contested ? a->room[col] : amount;
  a->flow[arc] += amount;
  if (to_push) push_bid(a, col, arc, contested ? level : a->price[col]);
  if (contested) a->price[col] = a->level[a->top[col]];
}

/* Places the row's mass, column by column, as long as there is one it does not hold whole. */
static void bid(wg_auction *a, int32_t row) {
  while (a->excess[row] > 0) {
    double best, second;
    const int64_t arc = choose(a, row, &best, &second);
    if (arc < 0) return;
    if (second == INFINITY) second = best + 16.0 * a->epsilon; /* no second choice to go by */
    const int64_t amount = WG_MIN(a->excess[row], a->demand[a->pool->col[arc]] - a->flow[arc]);
    a->excess[row] -= amount;
    place_bid(a, (int32_t)arc, amount, a->pool->cost[arc] - second - a->epsilon);
    a->bids++;
  }
}

/* ---- a phase ---- */

static double row_best(const wg_auction *a, int64_t row) {
  double best = INFINITY;
  for (int64_t e = a->first[row]; e < a->first[row + 1]; e++)
    best = WG_MIN(best, a->pool->cost[e] - a->price[a->pool->col[e]]);
  return best;
}

/* Takes back what the present epsilon does not allow; the rest becomes bids at today's prices. */
static void keep_sharp(wg_auction *a) {
  for (int64_t j = 0; j < a->m; j++) a->top[j] = -1;
  const double allowed = a->epsilon * (1.0 + 1e-6); /* most arcs are just there, up to rounding */
  for (int64_t i = 0; i < a->n; i++) {
    const double most = row_best(a, i) + allowed;
    for (int64_t e = a->first[i]; e < a->first[i + 1]; e++) {
      const int32_t col = a->pool->col[e];
      if (a->flow[e] == 0) continue;
      if (a->pool->cost[e] - a->price[col] <= most) {
        push_bid(a, col, (int32_t)e, a->price[col]);
        continue;
      }
      a->excess[i] += a->flow[e];
      a->room[col] += a->flow[e];
      a->flow[e] = 0;
    }
  }
}

/* Bids until no row waits or `most` bids are made; false: the watch stopped it. */
static bool run_queue(wg_auction *a, int64_t most) {
  const int64_t limit = a->bids + most;
  int64_t turns = 0;
  while (a->queue_count > 0 && a->bids < limit) {
    const int32_t row = a->queue[a->queue_begin++];
    if (a->queue_begin == a->n) a->queue_begin = 0;
    a->queue_count--;
    bid(a, row);
    if (++turns % POLL_EVERY == 0 && wg_watch_poll(&a->context->watch)) return false;
  }
  return true;
}

/* What a row holds whole it pays less for than for its dearest mass, and nobody bids that price
 * down. It may fall, at no one's expense, until the row is indifferent; else it proves too little.
 */
static void lower_whole(wg_auction *a, int64_t row) {
  double dearest = -INFINITY;
  for (int64_t e = a->first[row]; e < a->first[row + 1]; e++)
    if (a->flow[e] > 0) dearest = WG_MAX(dearest, a->pool->cost[e] - a->price[a->pool->col[e]]);
  for (int64_t e = a->first[row]; e < a->first[row + 1]; e++) {
    const int32_t col = a->pool->col[e];
    if (a->flow[e] < a->demand[col]) continue;
    a->price[col] = WG_MIN(a->price[col], a->pool->cost[e] - dearest);
    a->level[e] = a->price[col];
  }
}

static void find_bests(wg_auction *a) {
  for (int64_t i = 0; i < a->n; i++) lower_whole(a, i);
  for (int64_t i = 0; i < a->n; i++) a->best[i] = row_best(a, i);
}

static void queue_up(wg_auction *a) {
  a->queue_begin = a->queue_count = 0;
  for (int32_t i = 0; i < a->n; i++)
    if (a->excess[i] > 0) enqueue(a, i);
}

int wg_auction_phase(wg_auction *a, double epsilon, double ceiling, int64_t most, bool *stuck) {
  const int64_t limit = a->bids + most, turn = BIDS_A_TURN * (a->n + a->m);
  int status = WG_OK;
  a->epsilon = epsilon;
  a->ceiling = ceiling;
  *stuck = false;
  keep_sharp(a);
  queue_up(a);
  while (a->queue_count > 0 && run_queue(a, WG_MIN(turn, limit - a->bids))) {
    queue_up(a); /* with the rows that hold all their columns whole */
    if (a->queue_count == 0) break;
    find_bests(a);
    status = wg_reprice(a, stuck);
    if (status != WG_OK || *stuck || a->bids >= limit) break;
  }
  find_bests(a);
  return status;
}
