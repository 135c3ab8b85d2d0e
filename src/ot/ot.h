/* ot: exact optimal transport between two clouds under squared Euclidean cost |z_i - w_j|^2, on
 * implicit costs: memory O((n + m) (r + pool)), never n x m. Flows are integers. */
#ifndef WG_OT_H
#define WG_OT_H

#include "base/base.h"

typedef struct wg_ot wg_ot;

/* An engine for fixed integer masses with equal sums. Costs come with wg_ot_set_cost. */
int wg_ot_create(wg_context *context, int64_t n, int64_t m, const int64_t *supply,
                 const int64_t *demand, wg_ot **ot);
void wg_ot_free(wg_ot *ot);
/* z: n x r, w: m x r, row-major, copied. After the first solve the basis and the arcs are kept: the
 * next solve starts warm, unless the cost has changed so much that a cold start takes less. r = 0
 * is the zero cost. */
int wg_ot_set_cost(wg_ot *ot, int64_t r, const double *z, const double *w);
/* Points z + z_low, w + w_low, exactly, for costs that are tiny beside the points: from here on
 * costs and duals are kept as pairs of doubles, and duals are as small as the optimum lets them be
 * (relax.c). Call it after every wg_ot_set_cost; NULL ends it. */
int wg_ot_sharpen(wg_ot *ot, const double *z_low, const double *w_low);
/* Masses finer than integers for costs of rank one or less, where any will do: shares of the total,
 * copied. Its couplings are then those of the shares (wg_ot_line_mass). */
int wg_ot_set_shares(wg_ot *ot, const wg_twofold *rows, const wg_twofold *cols);
/* Solves exactly. WG_OK, or a negative status; an interrupted solve (context->watch.stopped)
 * returns WG_OK with a valid coupling that may not be optimal, and duals that are feasible to
 * single precision. */
int wg_ot_solve(wg_ot *ot);
/* The same on the arcs that earlier solves have met, instead of all pairs: a coupling as good as
 * any, and duals that are feasible on those arcs only. *solved: false, and nothing is changed, if
 * there are none yet, the cost has rank one or less (all pairs take no longer), or it has changed
 * so much that a cold start takes less. */
int wg_ot_solve_known(wg_ot *ot, bool *solved);
/* Forgets basis, arcs and duals: the next solve starts cold. */
void wg_ot_forget(wg_ot *ot);

/* Groups of at most four neighbours (count points, count x r): centroids and summed masses. */
int wg_ot_group(wg_context *context, int64_t r, int64_t count, const double *points,
                const int64_t *mass, wg_mem *mem, int64_t *groups, double **centre,
                int64_t **group_mass);

/* The coupling of the last solve, in no particular order; arrays of at least n + m - 1. Returns the
 * entry count. */
int64_t wg_ot_coupling(const wg_ot *ot, int32_t *row, int32_t *col, int64_t *flow);
/* Masses of its entries, in order, if shares are set and the cost had rank one or less; else NULL.
 */
const double *wg_ot_line_mass(const wg_ot *ot);
const double *wg_ot_row_duals(const wg_ot *ot);     /* n */
const double *wg_ot_col_duals(const wg_ot *ot);     /* m */
const double *wg_ot_row_duals_low(const wg_ot *ot); /* n: to be added, zero unless sharp */
const double *wg_ot_col_duals_low(const wg_ot *ot); /* m */
/* The arcs of the last solve's basis, a forest on which the duals sum to the cost; arrays of at
 * least n + m - 1. Returns the count. */
int64_t wg_ot_basis(const wg_ot *ot, int32_t *row, int32_t *col);
/* The size of the last solve's duals: what rounding in them is relative to. */
double wg_ot_dual_size(const wg_ot *ot);

/* The candidate arcs of the last solve: those that carry mass and those that nearly do; arrays of
 * wg_ot_last_stats().arcs. Returns the count. Solves of rank one or less leave them as they are. */
int64_t wg_ot_arcs(const wg_ot *ot, int32_t *row, int32_t *col);

typedef struct wg_ot_stats {
  int64_t pivots, rounds, arcs; /* of the last solve; arcs: pool size at its end */
} wg_ot_stats;
wg_ot_stats wg_ot_last_stats(const wg_ot *ot);

#endif
