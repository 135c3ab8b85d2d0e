/* Private to ot/: nearest by reduced cost in low dimension. See kdtree.c. */
#ifndef WG_OT_KDTREE_H
#define WG_OT_KDTREE_H

#include "ot/engine.h"

enum { WG_KD_MOST = 3 }; /* dimensions */

typedef struct wg_kdtree wg_kdtree;

/* Orders points so that each half of a range, down to ranges of at most `leaf`, is one side of a
 * cut through the range's widest coordinate: range [b, e) is cut at b + (e - b) / 2. */
void wg_kd_order(int64_t r, const double *points, int64_t leaf, int64_t begin, int64_t end,
                 int32_t *order);
/* The same for all points of a side, which may be sorted already; order is filled here. */
void wg_kd_sorted(int64_t r, const wg_side *side, int64_t leaf, int32_t *order);

/* A tree over the columns, for queries from the rows; sides and their duals must stay. */
int wg_kdtree_create(wg_mem *mem, int64_t r, const wg_side *rows, const wg_side *columns,
                     wg_kdtree **tree);
/* Lowers the sorted list (values, indices; `keep` of each, filled with the limit and -1) of the
 * row's least reduced costs, to double precision and without missing one. */
void wg_kdtree_query(const wg_kdtree *tree, int64_t row, int64_t keep, double *values,
                     int32_t *indices);

#endif
