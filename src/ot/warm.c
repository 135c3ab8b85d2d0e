/* A warm start: from the last solve's tree and pool, under a new cost.
 *
 * Masses do not change, so the old tree is feasible under any cost, and pivoting can go on from
 * there. After a small change that takes few pivots, where a cold start takes auctions and looks at
 * all pairs; after a large one it takes very many, as each repairs a little of what an auction
 * settles at once. Which it will be shows before the first pivot: in how many points have an arc in
 * the pool that the old tree, at the new cost, leaves violated. A cold start costs as much as some
 * five pivots a point, and so many are needed from about three points in four on, as measured with
 * changes from 0.01 % to 100 %: docs/theory/transport.md has the table. Small problems are pivoted
 * in less time than they are started.
 * Cost one look at the pool; memory 1 byte a point, 4 bytes an arc of a pool grown fat.
 */
#include "ot/engine.h"

enum { FAT_POOL = 40 };

static const double too_many = 0.75; /* of the points violated */

/* Keeps tree arcs and those of small reduced cost when a warm pool has grown fat. */
static int slim_pool(wg_ot *ot, double size) {
  wg_pool *pool = &ot->pool;
  const int64_t nodes = ot->tree.count;
  if (pool->count <= FAT_POOL * nodes) return WG_OK;
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  int32_t *place = WG_NEW(&mem, int32_t, pool->count);
  if (!place) return wg_no_memory();
  for (int64_t i = 0; i < nodes; i++)
    if (ot->tree.nodes[i].arc >= 0) place[ot->tree.nodes[i].arc] = 1;
  double mean = 0.0;
  for (int64_t e = 0; e < pool->count; e++) mean += WG_MIN(fabs(pool->cost[e]), size);
  mean /= (double)pool->count;
  int64_t kept = 0;
  for (int64_t e = 0; e < pool->count; e++) {
    if (!place[e] && pool->cost[e] > 0.5 * mean) continue;
    place[e] = (int32_t)kept;
    pool->row[kept] = pool->row[e];
    pool->col[kept] = pool->col[e];
    pool->cost[kept++] = pool->cost[e];
  }
  pool->count = kept;
  pool->stopgap_begin = pool->stopgap_end = 0;
  for (int64_t i = 0; i < nodes; i++)
    if (ot->tree.nodes[i].arc >= 0) ot->tree.nodes[i].arc = place[ot->tree.nodes[i].arc];
  wg_mem_clear(&mem);
  return WG_OK;
}

/* The share of points with a violated arc in the pool. */
static int find_share(wg_ot *ot, double tolerance, double *share) {
  const wg_pool *pool = &ot->pool;
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  char *violated = WG_NEW(&mem, char, ot->tree.count);
  if (!violated) return wg_no_memory();
  for (int64_t e = 0; e < pool->count; e++)
    if (wg_reduced_cost(ot, e) < -tolerance) violated[pool->tail[e]] = violated[pool->head[e]] = 1;
  int64_t count = 0;
  for (int64_t i = 0; i < ot->tree.count; i++) count += violated[i];
  *share = (double)count / (double)(ot->tree.count - 1);
  wg_mem_clear(&mem);
  return WG_OK;
}

int wg_start_warm(wg_ot *ot, double tolerance, int64_t few_points, bool *pays) {
  double share = 0.0;
  const double size = wg_shift_costs(ot);
  WG_TRY(slim_pool(ot, size));
  *pays = WG_MAX(ot->rows.count, ot->cols.count) <= few_points;
  if (*pays) return WG_OK;
  WG_TRY(wg_pool_reserve_ends(&ot->mem, &ot->pool));
  wg_tree_renumber(&ot->tree, &ot->pool);
  WG_TRY(find_share(ot, tolerance * size, &share));
  *pays = share <= too_many;
  return WG_OK;
}
