/* Private to ot/: the engine's state and the steps it is made of. */
#ifndef WG_OT_ENGINE_H
#define WG_OT_ENGINE_H

#include "ot/ot.h"

/* Columns are padded to whole chunks so that kernels have no remainder loop. */
enum { WG_CHUNK = 64 };

/* One cloud in cost coordinates. Points may be kept in an order of the engine's own. */
typedef struct wg_side {
  int64_t count;
  double *points;      /* count x r                                       */
  double *low;         /* count x r: to be added to them, NULL: nothing   */
  double *dual;        /* count: u or v, the running answer               */
  double *dual_low;    /* count: to be added to it, zero unless is_sharp  */
  const int64_t *mass; /* count                                           */
  wg_twofold *share;   /* count: instead of it on the line, or NULL       */
  int32_t *order;      /* the caller's index of each point, NULL: the same */
  bool is_sorted;      /* neighbours in memory are neighbours in space    */
  double *answer;      /* the duals in the caller's order                 */
  double *answer_low;
} wg_side;

/* Candidate arcs of the simplex. */
typedef struct wg_pool {
  int64_t count, capacity;
  int32_t *row, *col;
  int64_t ends;         /* capacity of tail and head: none until there is a tree    */
  int32_t *tail, *head; /* the nodes of row and col in the tree's present numbering */
  double *cost;         /* shifted: c - u - v at the duals the current solve began with */
  /* Stopgap arcs carry, at the start, mass that found no near place: they cost no more than the
   * toll until the pool is good enough to do without them, lest they distort the duals. */
  int64_t stopgap_begin, stopgap_end;
  double toll;
} wg_pool;

/* Spanning tree over rows (labels 0..n-1), columns (n..n+m-1) and the root (n+m). The arc of a row
 * to its parent points up, the arc of a column points down (rows ship, columns receive). Nodes are
 * renumbered into preorder now and then; labels stay. */
typedef struct wg_tree_node {
  int32_t parent, child, next, previous; /* -1: none; children are a doubly linked list */
  int32_t size;                          /* nodes of the subtree                        */
  int32_t arc;                           /* pool index, -1: artificial arc to the root  */
  int32_t label;
  int64_t flow; /* on that arc */
} wg_tree_node;

/* See fragment.c. */
typedef struct wg_fragment {
  int32_t parent, child, next, previous; /* -1: none */
  int32_t top;                           /* the node nearest the root */
} wg_fragment;

typedef struct wg_fragments {
  int32_t count, most;
  int32_t *of;        /* of each node; NULL: fragments are not in use       */
  int32_t *end;       /* of each node: end of its subtree when renumbered   */
  double *offset;     /* of each fragment                                   */
  wg_fragment *links; /* the tree of fragments                              */
} wg_fragments;

typedef struct wg_tree {
  int64_t n, count; /* rows; all nodes, the root included */
  int32_t root;
  wg_tree_node *nodes, *spare;
  int32_t *place;    /* node of each label */
  double *potential; /* u of rows, -v of columns, in shifted costs; plus the fragment's offset */
  wg_fragments fragments;
} wg_tree;

/* The cycle that an entering arc closes. The part of the tree below `leaving`, which holds `below`,
 * moves over to hang from `above` by the entering arc. */
typedef struct wg_cycle {
  int32_t apex, leaving; /* leaving: the lower end of the arc that leaves */
  int32_t below, above;
  bool on_row_side;
  int64_t flow;
} wg_cycle;

struct wg_ot {
  wg_context *context;
  wg_mem mem;
  wg_side rows, cols;
  int64_t r;
  wg_pool pool;
  wg_tree tree;
  bool has_basis, is_line;
  bool is_sharp; /* costs and duals are pairs of doubles (relax.c) */
  double proved; /* lower bound of the cost after the last pricing, per unit of mass */
  /* the coupling when is_line (one-dimensional costs need no tree) */
  int64_t line_count;
  int32_t *line_row, *line_col;
  int64_t *line_flow;
  double *line_mass; /* with shares: instead of the flow */
  wg_ot_stats stats;
};

/* ---- scan.c: all n m pairs ---- */
/* The `keep` smallest reduced costs below `threshold` of each row and each column. Slots not used
 * hold index -1. Ties go to the smaller index, so the lists do not depend on the threads. */
typedef struct wg_best {
  int64_t count, keep;
  double *value;  /* count x keep, increasing */
  int32_t *index; /* count x keep             */
} wg_best;
int wg_best_create(wg_mem *mem, int64_t count, int64_t keep, double threshold, wg_best *best);
/* Puts (value, index) into the sorted lists if it is less than the worst. */
void wg_insert(int64_t keep, double *values, int32_t *indices, double value, int32_t index);
/* Fills both lists; they come fresh from wg_best_create with one threshold. */
int wg_scan(wg_ot *ot, wg_best *row_best, wg_best *col_best, double threshold);
/* The nearest columns of each row, by reduced cost to single precision. */
int wg_nearest(wg_context *context, int64_t r, const wg_side *rows, const wg_side *columns,
               wg_best *best);
/* least_i = min_j |z_i - w_j|^2 - v_j to single precision (the c-transform); rows->dual is NULL. */
int wg_c_transform(wg_context *context, int64_t r, const wg_side *rows, const wg_side *columns,
                   double *least);

/* ---- tree.c ---- */
int wg_tree_create(wg_mem *mem, int64_t n, int64_t m, bool with_fragments, wg_tree *tree);
void wg_tree_clear(wg_tree *tree); /* no arcs, each node its own place */
void wg_tree_attach(wg_tree *tree, int32_t node, int32_t parent, int32_t arc, int64_t flow);
/* Preorder numbers, sizes, potentials from the root, and the pool's tails and heads. */
void wg_tree_renumber(wg_tree *tree, wg_pool *pool);
double wg_tree_potential(const wg_tree *tree, int64_t label);
/* Of a pool arc, while fragments are not in use or just reset by renumbering. */
static inline double wg_reduced_cost(const wg_ot *ot, int64_t arc) {
  const double *p = ot->tree.potential;
  return ot->pool.cost[arc] - p[ot->pool.tail[arc]] + p[ot->pool.head[arc]];
}
/* Brings the arc from node row to node col (reduced cost < 0) into the basis. */
void wg_tree_pivot(wg_tree *tree, int32_t arc, int32_t row, int32_t col, double reduced);

/* ---- fragment.c ---- */
int wg_fragments_create(wg_mem *mem, wg_tree *tree);
void wg_fragments_reset(wg_tree *tree);
bool wg_fragments_full(const wg_tree *tree);
void wg_fragments_cut(wg_tree *tree, const wg_cycle *loop);
void wg_fragments_shift(wg_tree *tree, const wg_cycle *loop, double shift);

/* ---- pool.c ---- */
/* An index to be sorted by a number; equal numbers keep the order of the indices. */
typedef struct wg_key {
  double key;
  int32_t index;
} wg_key;
void wg_sort_keys(wg_key *keys, int64_t count);
int wg_pool_reserve(wg_mem *mem, wg_pool *pool, int64_t capacity);
int wg_pool_reserve_ends(wg_mem *mem, wg_pool *pool); /* tails and heads for all arcs */
int wg_pool_add(wg_mem *mem, wg_pool *pool, int32_t row, int32_t col, double cost);
double wg_pair_cost(const wg_ot *ot, int32_t row, int32_t col);
wg_twofold wg_sharp_cost(const wg_ot *ot, int32_t row, int32_t col);
/* The cost less the duals. */
double wg_pair_reduced(const wg_ot *ot, int32_t row, int32_t col);
/* Adds the pairs listed in both lists, each once. */
int wg_pool_add_lists(wg_ot *ot, const wg_best *row_best, const wg_best *col_best);
/* Sorts the arcs by row, and `flow` (may be NULL) with them. Not once a tree points at them. */
int wg_pool_sort(wg_ot *ot, int64_t *flow);
/* Costs of all arcs shifted by the present duals. */
void wg_pool_shift(wg_ot *ot);

/* ---- solve.c ---- */
/* Centres the duals, u about zero, and shifts the pool's costs by them. Returns the size of the
 * numbers a simplex on them will meet, hence of their rounding. */
double wg_shift_costs(wg_ot *ot);
/* Looks at every pair and adds those below -tolerance, or below what rounding allows, to the pool:
 * at most three a row and column. */
int wg_price(wg_ot *ot, double tolerance, int64_t *added);

/* ---- start.c ---- */
/* The problem of the groups' centroids; to be freed even after a failure. */
int wg_coarsen(wg_ot *ot, wg_ot **coarse);
/* Duals from a coarser problem (rows.dual, cols.dual). */
int wg_start_duals(wg_ot *ot);

/* ---- relax.c ---- */
/* The numbers that a simplex meets when costs are sharp, hence their rounding; needs a tree. */
double wg_sharp_size(const wg_ot *ot);
/* The mean cost of the tree's coupling. */
double wg_tree_cost(const wg_ot *ot);
/* New duals, small ones, and a tree of the arcs that carry mass only. */
int wg_relax(wg_ot *ot);
wg_twofold wg_dual_of(const wg_side *side, int64_t index);
void wg_set_dual(wg_side *side, int64_t index, wg_twofold value);

/* ---- warm.c ---- */
/* Gets pool and tree ready for the new cost. *pays: pivoting from there will take less than a cold
 * start, as it does with up to few_points points a side; `tolerance`: of violated arcs, in units of
 * the numbers' size. */
int wg_start_warm(wg_ot *ot, double tolerance, int64_t few_points, bool *pays);

/* ---- basis.c ---- */
bool wg_has_equal_masses(const wg_side *side);
/* Nearly optimal duals, for a coarse problem whose own optimum nobody needs. */
int wg_auction_duals(wg_ot *ot);
/* Candidate arcs and a first feasible tree from the present duals. */
int wg_start_basis(wg_ot *ot);

/* ---- line.c ---- */
/* r = 1: sort and match; sets coupling and duals. */
int wg_solve_line(wg_ot *ot);

#endif
