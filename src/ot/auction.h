/* Private to ot/: an almost optimal flow on the pool, which the simplex then finishes. */
#ifndef WG_OT_AUCTION_H
#define WG_OT_AUCTION_H

#include "ot/engine.h"

/* A flow on the pool and prices under which every arc that carries mass is within epsilon of its
 * row's best. The pool is sorted by rows; costs are shifted, so that prices start at zero. */
typedef struct wg_auction {
  int64_t n, m;
  const wg_pool *pool;
  wg_context *context;
  const int64_t *demand;
  int64_t *first;           /* n + 1: where each row's arcs begin                 */
  int32_t *by_col;          /* all arcs, column by column                         */
  int64_t *col_first;       /* m + 1: where each column's begin there             */
  int64_t *flow;            /* of each arc                                        */
  double *level;            /* of each arc: the price at which its mass was won   */
  int32_t *child, *sibling; /* of each arc: the heap of its column's bids  */
  int32_t *top;             /* of each column: its weakest bid, -1: none          */
  int64_t *excess;          /* of each row: mass not placed                       */
  int64_t *room;            /* of each column: mass not yet received              */
  double *price;            /* of each column: its dual, falling as rows compete  */
  double *best;             /* of each row: min of cost - price, its dual         */
  int32_t *queue;           /* rows with mass to place, a ring                    */
  int64_t queue_begin, queue_count;
  double epsilon;
  double ceiling; /* how far from room a row may be before the pool counts as lacking arcs */
  int64_t bids;
} wg_auction;

/* A flow under construction: on each pool arc, and what is left to ship. */
typedef struct wg_draft {
  int64_t capacity, *flow;
  int64_t *row_left, *col_left;
} wg_draft;
/* Room for the flow of `arcs` arcs, zero on the new ones. */
int wg_draft_reserve(wg_mem *mem, wg_draft *draft, int64_t arcs);

/* Works on the draft in place. The pool must be sorted by rows. */
int wg_auction_create(wg_mem *mem, wg_ot *ot, wg_draft *draft, wg_auction *a);
/* Bids until every row is placed or about `most` bids are made. *stuck: some row with mass to place
 * is farther than the ceiling from all columns with room (see wg_reprice): the pool lacks arcs. */
int wg_auction_phase(wg_auction *a, double epsilon, double ceiling, int64_t most, bool *stuck);

/* ---- reprice.c ---- */
/* Prices under which every row sees a tight way to a column with room; *stuck as above. Takes the
 * rows' bests as they are and leaves them behind. */
int wg_reprice(wg_auction *a, bool *stuck);

/* ---- forest.c ---- */
/* Moves mass until the arcs that carry some form a forest; marginals stay. */
int wg_empty_cycles(wg_ot *ot, wg_mem *mem, int64_t *flow);
/* Makes that forest the tree: each component hangs from the root by an empty arc. */
int wg_hang_forest(wg_ot *ot, wg_mem *mem, const int64_t *flow);

#endif
