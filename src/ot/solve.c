/* The engine: network simplex on a pool of candidate arcs, priced against all pairs.
 *
 * Round: optimise on the pool, fold the tree's potentials into the duals, look at every pair (or at
 * those a kd-tree cannot rule out: scan.c), add the few most violated arcs of each row and column,
 * again until none is violated; then the pool's optimum is the optimum. Pool costs are kept shifted
 * by the duals, c - u - v, so that the simplex works on small numbers and its tolerance can be a
 * few units of rounding. A solve starts cold (start.c, basis.c), or warm from the last one's tree
 * and pool (warm.c). Cost a few passes over n m pairs of O(r) each, in the plane and in space with
 * many points some microseconds a point instead, and the pivots; memory O((n + m)(r + 15)).
 */
#include <string.h>

#include "ot/kdtree.h"

enum { POLL_EVERY = 512, MANY_ROUNDS = 25, ADDED_PER_POINT = 3, MANY_POINTS = 1000 };
/* Up to these sizes pivoting on pays whatever has changed: against a start, against looking at all
 * pairs as well. */
enum { FEW_POINTS = 300, FEW_POINTS_KNOWN = 4000 };

/* Tolerances in units of the duals' size. Both exceed the rounding of the numbers they judge: four
 * roundings in pricing, two per potential update in the tree. */
static const double pivot_tolerance = 4e-15, pricing_tolerance = 1.2e-14;
static const double large = 1e3; /* duals, in mean costs */

static int create_side(wg_mem *mem, int64_t count, const int64_t *mass, wg_side *side) {
  int64_t *copy = WG_NEW(mem, int64_t, count);
  *side = (wg_side){.count = count,
                    .dual = WG_NEW(mem, double, count),
                    .mass = copy,
                    .dual_low = WG_NEW(mem, double, count),
                    .answer = WG_NEW(mem, double, count),
                    .answer_low = WG_NEW(mem, double, count)};
  if (!copy || !side->dual || !side->dual_low || !side->answer || !side->answer_low)
    return wg_no_memory();
  memcpy(copy, mass, (size_t)count * sizeof *mass);
  return WG_OK;
}

int wg_ot_create(wg_context *context, int64_t n, int64_t m, const int64_t *supply,
                 const int64_t *demand, wg_ot **ot) {
  *ot = NULL;
  const int64_t most = INT32_MAX / 64; /* a pool of up to 64 arcs a point has 32-bit indices */
  if (n + m > most)
    return wg_fail(
        WG_ERR_INPUT,
        "%lld + %lld points are more than the %lld an exact solve can index; draw a sample",
        (long long)n, (long long)m, (long long)most);
  wg_mem mem = wg_mem_of(&context->ledger);
  wg_ot *fresh = WG_NEW(&mem, wg_ot, 1);
  if (!fresh) return wg_no_memory();
  fresh->context = context;
  fresh->mem = mem; /* the engine is the first block of its own memory */
  int status = create_side(&fresh->mem, n, supply, &fresh->rows);
  if (status == WG_OK) status = create_side(&fresh->mem, m, demand, &fresh->cols);
  if (status != WG_OK) {
    wg_ot_free(fresh);
    return status;
  }
  *ot = fresh;
  return WG_OK;
}

void wg_ot_free(wg_ot *ot) {
  if (!ot) return;
  wg_mem mem = ot->mem;
  wg_mem_clear(&mem);
}

/* Neighbours in space become neighbours in memory: searches and walks then stay in cache. */
static int sort_side(wg_ot *ot, wg_side *side) {
  const int64_t r = ot->r;
  if (r < 2 || side->count < MANY_POINTS) return WG_OK;
  int64_t *mass = WG_NEW(&ot->mem, int64_t, side->count);
  int32_t *order = WG_NEW(&ot->mem, int32_t, side->count);
  double *points = WG_NEW(&ot->mem, double, side->count *r);
  double *low = side->low ? WG_NEW(&ot->mem, double, side->count *r) : NULL;
  if (!mass || !order || !points || (side->low && !low)) return wg_no_memory();

  for (int64_t i = 0; i < side->count; i++) order[i] = (int32_t)i;
  wg_kd_order(r, side->points, 1, 0, side->count, order);
  for (int64_t i = 0; i < side->count; i++) {
    mass[i] = side->mass[order[i]];
    memcpy(points + i * r, side->points + order[i] * r, (size_t)r * sizeof *points);
    for (int64_t k = 0; side->low && k < r; k++) low[i * r + k] = side->low[order[i] * r + k];
    if (side->order) order[i] = side->order[order[i]];
  }
  wg_drop(&ot->mem, (void *)side->mass);
  wg_drop(&ot->mem, side->points);
  wg_drop(&ot->mem, side->low);
  wg_drop(&ot->mem, side->order);
  side->mass = mass;
  side->points = points;
  side->low = low;
  side->order = order;
  side->is_sorted = true;
  return WG_OK;
}

static int sort_points(wg_ot *ot) {
  WG_TRY(sort_side(ot, &ot->rows));
  return sort_side(ot, &ot->cols);
}

static int change_rank(wg_ot *ot, int64_t r) {
  double *z = WG_NEW(&ot->mem, double, ot->rows.count *r);
  double *w = WG_NEW(&ot->mem, double, ot->cols.count *r);
  if (!z || !w) {
    wg_drop(&ot->mem, z);
    wg_drop(&ot->mem, w);
    return wg_no_memory();
  }
  wg_drop(&ot->mem, ot->rows.points);
  wg_drop(&ot->mem, ot->cols.points);
  ot->rows.points = z;
  ot->cols.points = w;
  ot->r = r;
  return WG_OK;
}

/* out = points, in the engine's own order. */
static void copy_ordered(const wg_side *side, int64_t r, const double *points, double *out) {
  for (int64_t i = 0; i < side->count; i++) {
    const int64_t from = side->order ? side->order[i] : i;
    for (int64_t k = 0; k < r; k++) out[i * r + k] = points[from * r + k];
  }
}

int wg_ot_set_cost(wg_ot *ot, int64_t r, const double *z, const double *w) {
  if (r != ot->r || !ot->rows.points) WG_TRY(change_rank(ot, r));
  copy_ordered(&ot->rows, r, z, ot->rows.points);
  copy_ordered(&ot->cols, r, w, ot->cols.points);
  wg_drop(&ot->mem, ot->rows.low);
  wg_drop(&ot->mem, ot->cols.low);
  ot->rows.low = ot->cols.low = NULL;
  return ot->has_basis ? WG_OK : sort_points(ot); /* a basis names the points by their places */
}

int wg_ot_sharpen(wg_ot *ot, const double *z_low, const double *w_low) {
  ot->is_sharp = z_low != NULL;
  if (!ot->is_sharp) return WG_OK;
  ot->rows.low = WG_NEW(&ot->mem, double, ot->rows.count * ot->r);
  ot->cols.low = WG_NEW(&ot->mem, double, ot->cols.count * ot->r);
  if (!ot->rows.low || !ot->cols.low) return wg_no_memory();
  copy_ordered(&ot->rows, ot->r, z_low, ot->rows.low);
  copy_ordered(&ot->cols, ot->r, w_low, ot->cols.low);
  return WG_OK;
}

/* Sides are not sorted on the line: the order is the caller's. */
int wg_ot_set_shares(wg_ot *ot, const wg_twofold *rows, const wg_twofold *cols) {
  ot->rows.share = WG_NEW(&ot->mem, wg_twofold, ot->rows.count);
  ot->cols.share = WG_NEW(&ot->mem, wg_twofold, ot->cols.count);
  if (!ot->rows.share || !ot->cols.share) return wg_no_memory();
  memcpy(ot->rows.share, rows, (size_t)ot->rows.count * sizeof *rows);
  memcpy(ot->cols.share, cols, (size_t)ot->cols.count * sizeof *cols);
  return WG_OK;
}

void wg_ot_forget(wg_ot *ot) {
  wg_drop(&ot->mem, ot->tree.nodes);
  wg_drop(&ot->mem, ot->tree.spare);
  wg_drop(&ot->mem, ot->tree.place);
  wg_drop(&ot->mem, ot->tree.potential);
  wg_drop(&ot->mem, ot->tree.fragments.of);
  wg_drop(&ot->mem, ot->tree.fragments.end);
  wg_drop(&ot->mem, ot->tree.fragments.offset);
  wg_drop(&ot->mem, ot->tree.fragments.links);
  wg_drop(&ot->mem, ot->pool.row);
  wg_drop(&ot->mem, ot->pool.col);
  wg_drop(&ot->mem, ot->pool.tail);
  wg_drop(&ot->mem, ot->pool.head);
  wg_drop(&ot->mem, ot->pool.cost);
  ot->tree = (wg_tree){0};
  ot->pool = (wg_pool){0};
  ot->has_basis = false;
}

static void add_to_dual(const wg_ot *ot, wg_side *side, int64_t i, double change) {
  if (ot->is_sharp)
    wg_set_dual(side, i, wg_twofold_add(wg_dual_of(side, i), (wg_twofold){change, 0.0}));
  else
    side->dual[i] += change;
}

/* Moves a constant from v to u so that u is centred; returns the size of the duals. */
static double centre_duals(wg_ot *ot) {
  double low = INFINITY, high = -INFINITY, largest = 0.0;
  for (int64_t i = 0; i < ot->rows.count; i++) {
    low = WG_MIN(low, ot->rows.dual[i]);
    high = WG_MAX(high, ot->rows.dual[i]);
  }
  const double shift = 0.5 * (low + high);
  for (int64_t i = 0; i < ot->rows.count; i++) add_to_dual(ot, &ot->rows, i, -shift);
  for (int64_t j = 0; j < ot->cols.count; j++) {
    add_to_dual(ot, &ot->cols, j, shift);
    largest = WG_MAX(largest, fabs(ot->cols.dual[j]));
  }
  return largest + 0.5 * (high - low);
}

/* The largest shifted cost in the tree: the size of the potentials to come, hence of their
 * rounding. */
static double largest_tree_cost(const wg_ot *ot) {
  double largest = 0.0;
  for (int64_t i = 0; i < ot->tree.count; i++)
    if (ot->tree.nodes[i].arc >= 0)
      largest = WG_MAX(largest, fabs(ot->pool.cost[ot->tree.nodes[i].arc]));
  return largest;
}

double wg_shift_costs(wg_ot *ot) {
  const double size = centre_duals(ot);
  wg_pool_shift(ot);
  return ot->is_sharp ? wg_sharp_size(ot) : size + largest_tree_cost(ot);
}

/* Adds the tree's potentials to the duals and re-prices the pool. */
static void fold_potentials(wg_ot *ot) {
  for (int64_t i = 0; i < ot->rows.count; i++)
    add_to_dual(ot, &ot->rows, i, wg_tree_potential(&ot->tree, i));
  for (int64_t j = 0; j < ot->cols.count; j++)
    add_to_dual(ot, &ot->cols, j, -wg_tree_potential(&ot->tree, ot->rows.count + j));
}

/* wg_reduced_cost when fragments are in use. */
static inline double reduced_by_fragments(const wg_ot *ot, int64_t e) {
  const double *p = ot->tree.potential, *offset = ot->tree.fragments.offset;
  const int32_t tail = ot->pool.tail[e], head = ot->pool.head[e], *of = ot->tree.fragments.of;
  return ot->pool.cost[e] - (p[tail] + offset[of[tail]]) + (p[head] + offset[of[head]]);
}

/* The least reduced cost in pool[begin, end) below *least, or -1. */
static int64_t pick_in(const wg_ot *ot, int64_t begin, int64_t end, double *least) {
  int64_t best = -1;
  const bool plain = !ot->tree.fragments.of;
  for (int64_t e = begin; e < end; e++) {
    const double value = plain ? wg_reduced_cost(ot, e) : reduced_by_fragments(ot, e);
    if (value < *least) {
      *least = value;
      best = e;
    }
  }
  return best;
}

/* The most violated arc of the next block of the pool that has one, or -1. */
static int64_t pick_arc(const wg_ot *ot, int64_t *cursor, int64_t block, double tolerance,
                        double *reduced) {
  const int64_t count = ot->pool.count;
  *reduced = -tolerance;
  for (int64_t seen = 0; seen < count; seen += block) {
    const int64_t begin = *cursor, end = WG_MIN(begin + block, count);
    *cursor = end == count ? 0 : end;
    const int64_t arc = pick_in(ot, begin, end, reduced);
    if (arc >= 0) return arc;
  }
  return -1;
}

/* Pivots until no pool arc is violated or the watch stops the solve. False when the pivots exceed
 * what a simplex that makes progress needs: then rounding is being chased. */
static bool optimise_pool(wg_ot *ot, double tolerance) {
  const int64_t most = ot->stats.pivots + 10000 + 200 * ot->tree.count;
  /* Shifts add up rounding, and a constant when the larger side moves; walks leave the cache. */
  const int64_t refresh = WG_MAX((int64_t)POLL_EVERY, ot->tree.count / 4);
  const int64_t block = WG_MAX((int64_t)64, (int64_t)sqrt((double)ot->pool.count));
  int64_t cursor = 0, arc, since = 0;
  double reduced;
  wg_tree_renumber(&ot->tree, &ot->pool);
  while ((arc = pick_arc(ot, &cursor, block, tolerance, &reduced)) >= 0) {
    wg_tree_pivot(&ot->tree, (int32_t)arc, ot->pool.tail[arc], ot->pool.head[arc], reduced);
    if (++ot->stats.pivots % POLL_EVERY == 0 && wg_watch_poll(&ot->context->watch)) break;
    if (++since >= refresh || wg_fragments_full(&ot->tree)) {
      wg_tree_renumber(&ot->tree, &ot->pool);
      since = 0;
    }
    if (ot->stats.pivots > most) break;
  }
  wg_tree_renumber(&ot->tree, &ot->pool);
  return ot->stats.pivots <= most;
}

/* What the duals prove once each row's is lowered by its worst violation, over the total mass. */
static double proved(const wg_ot *ot, const wg_best *row_best) {
  double sum = 0.0, total = 0.0;
  for (int64_t i = 0; i < ot->rows.count; i++) {
    const double worst =
        row_best->index[i * row_best->keep] >= 0 ? row_best->value[i * row_best->keep] : 0.0;
    sum += (double)ot->rows.mass[i] * (ot->rows.dual[i] + worst);
    total += (double)ot->rows.mass[i];
  }
  for (int64_t j = 0; j < ot->cols.count; j++) sum += (double)ot->cols.mass[j] * ot->cols.dual[j];
  return sum / total;
}

int wg_price(wg_ot *ot, double tolerance, int64_t *added) {
  /* Below that arcs of the pool itself would look violated. */
  const double size = centre_duals(ot);
  if (!ot->is_sharp) tolerance = WG_MAX(tolerance, pricing_tolerance * size);
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  wg_best row_best, col_best;
  const int64_t before = ot->pool.count;
  int status = wg_best_create(&mem, ot->rows.count, ADDED_PER_POINT, -tolerance, &row_best);
  if (status == WG_OK)
    status = wg_best_create(&mem, ot->cols.count, ADDED_PER_POINT, -tolerance, &col_best);
  if (status == WG_OK) status = wg_scan(ot, &row_best, &col_best, -tolerance);
  if (status == WG_OK) ot->proved = proved(ot, &row_best);
  if (status == WG_OK) status = wg_pool_add_lists(ot, &row_best, &col_best);
  wg_mem_clear(&mem);
  *added = ot->pool.count - before;
  return status;
}

static int start(wg_ot *ot) {
  if (ot->has_basis) {
    bool pays;
    WG_TRY(wg_start_warm(ot, pivot_tolerance, FEW_POINTS, &pays));
    if (pays) return WG_OK;
    wg_ot_forget(ot);
    WG_TRY(sort_points(ot)); /* who is a neighbour has changed as well */
  }
  wg_ot_forget(ot);
  WG_TRY(wg_start_duals(ot));
  WG_TRY(wg_start_basis(ot));
  ot->has_basis = true;
  return WG_OK;
}

/* Raises the toll while stopgap arcs still carry mass at less than their true cost; true if so. */
static bool raise_toll(wg_ot *ot) {
  wg_pool *pool = &ot->pool;
  bool carries = false;
  for (int64_t i = 0; i < ot->tree.count && !carries; i++) {
    const wg_tree_node *node = &ot->tree.nodes[i];
    if (node->arc < pool->stopgap_begin || node->arc >= pool->stopgap_end) continue;
    carries = node->flow > 0 && pool->cost[node->arc] >= pool->toll;
  }
  pool->toll = carries ? 16.0 * pool->toll : INFINITY;
  return carries;
}

/* The round just ended, for whoever watches: the gap is between the tree's coupling and `proved`.
 */
static void report(wg_ot *ot, int64_t added) {
  if (!ot->context->watch.report) return;
  double cost = 0.0, total = 0.0;
  for (int64_t i = 0; i < ot->tree.count; i++) {
    const wg_tree_node *node = &ot->tree.nodes[i];
    if (node->arc < 0) continue;
    cost += (double)node->flow * wg_pair_cost(ot, ot->pool.row[node->arc], ot->pool.col[node->arc]);
  }
  for (int64_t i = 0; i < ot->rows.count; i++) total += (double)ot->rows.mass[i];
  cost /= total;
  wg_watch_phase(&ot->context->watch, "transport, round %lld: %lld arcs violated, gap %.0e",
                 (long long)ot->stats.rounds + 1, (long long)added,
                 cost > 0.0 ? WG_MAX((cost - ot->proved) / cost, 0.0) : 0.0);
}

static int solve_rounds(wg_ot *ot) {
  double patience = 1.0;
  int64_t added = 1;
  while ((added || raise_toll(ot)) && !ot->context->watch.stopped) {
    const double size = wg_shift_costs(ot);
    WG_TRY(wg_pool_reserve_ends(&ot->mem, &ot->pool));
    if (!optimise_pool(ot, patience * pivot_tolerance * size)) patience *= 4.0;
    fold_potentials(ot);
    if (wg_watch_poll(&ot->context->watch)) break;
    const double now = centre_duals(ot);
    WG_TRY(wg_price(ot, patience * pricing_tolerance * (ot->is_sharp ? size : now), &added));
    if (ot->context->watch.stopped) break; /* this look may not be complete */
    report(ot, added);
    if (++ot->stats.rounds % MANY_ROUNDS == 0) patience *= 4.0;
  }
  return WG_OK;
}

static void answer(wg_side *side) {
  for (int64_t i = 0; i < side->count; i++) {
    const int64_t at = side->order ? side->order[i] : i;
    side->answer[at] = side->dual[i];
    side->answer_low[at] = side->dual_low[i];
  }
}

/* Duals of an unfinished solve, made feasible (to single precision): still worth a bound. */
static int repair_duals(wg_ot *ot) {
  wg_side rows = ot->rows;
  rows.dual = NULL;
  const wg_watch watch = ot->context->watch; /* has stopped, and would stop this too */
  wg_watch_start(&ot->context->watch, INFINITY, NULL, NULL);
  const int status = wg_c_transform(ot->context, ot->r, &rows, &ot->cols, ot->rows.dual);
  memset(ot->rows.dual_low, 0, (size_t)ot->rows.count * sizeof(double));
  ot->context->watch = watch;
  return status;
}

/* Large duals where the cost is small: duals of components that share no mass are tied by arcs of
 * the basis that carry none, and need not be. Let go of them, they are as small as they can be. */
static int solve_relaxed(wg_ot *ot) {
  enum { MOST_TIMES = 4 };
  WG_TRY(solve_rounds(ot));
  double size = centre_duals(ot);
  for (int time = 0; time < MOST_TIMES && ot->is_sharp && !ot->context->watch.stopped; time++) {
    if (size <= large * wg_tree_cost(ot)) break;
    WG_TRY(wg_relax(ot));
    WG_TRY(solve_rounds(ot));
    const double before = size;
    size = centre_duals(ot);
    if (!(size < 0.5 * before)) break;
  }
  return WG_OK;
}

static int solve_simplex(wg_ot *ot) {
  wg_watch *watch = &ot->context->watch;
  const char *phase = watch->state.phase;
  ot->is_line = false;
  int status = start(ot);
  if (status == WG_OK) status = solve_relaxed(ot);
  if (status == WG_OK && watch->stopped) status = repair_duals(ot);
  watch->state.phase = phase;
  return status;
}

int wg_ot_solve(wg_ot *ot) {
  ot->stats = (wg_ot_stats){0};
  WG_TRY(ot->r <= 1 ? wg_solve_line(ot) : solve_simplex(ot));
  ot->stats.arcs = ot->pool.count;
  answer(&ot->rows);
  answer(&ot->cols);
  return WG_OK;
}

int wg_ot_solve_known(wg_ot *ot, bool *solved) {
  *solved = ot->has_basis && ot->r > 1;
  if (*solved) WG_TRY(wg_start_warm(ot, pivot_tolerance, FEW_POINTS_KNOWN, solved));
  if (!*solved) return WG_OK;
  ot->stats = (wg_ot_stats){0};
  ot->is_line = false;
  const double size = wg_shift_costs(ot);
  WG_TRY(wg_pool_reserve_ends(&ot->mem, &ot->pool));
  optimise_pool(ot, pivot_tolerance * size);
  fold_potentials(ot);
  if (ot->is_sharp && centre_duals(ot) > large * wg_tree_cost(ot)) {
    WG_TRY(wg_relax(ot));
    optimise_pool(ot, pivot_tolerance * wg_shift_costs(ot));
    fold_potentials(ot);
  }
  ot->stats.arcs = ot->pool.count;
  answer(&ot->rows);
  answer(&ot->cols);
  return WG_OK;
}

static int32_t name(const wg_side *side, int32_t i) { return side->order ? side->order[i] : i; }

int64_t wg_ot_coupling(const wg_ot *ot, int32_t *row, int32_t *col, int64_t *flow) {
  int64_t count = 0;
  for (int64_t e = 0; ot->is_line && e < ot->line_count; e++, count++) {
    row[e] = name(&ot->rows, ot->line_row[e]);
    col[e] = name(&ot->cols, ot->line_col[e]);
    flow[e] = ot->line_flow[e];
  }
  for (int64_t i = 0; !ot->is_line && i < ot->tree.count; i++) {
    const wg_tree_node *node = &ot->tree.nodes[i];
    if (node->arc < 0 || node->flow == 0) continue;
    row[count] = name(&ot->rows, ot->pool.row[node->arc]);
    col[count] = name(&ot->cols, ot->pool.col[node->arc]);
    flow[count++] = node->flow;
  }
  return count;
}

const double *wg_ot_line_mass(const wg_ot *ot) { return ot->is_line ? ot->line_mass : NULL; }

int64_t wg_ot_basis(const wg_ot *ot, int32_t *row, int32_t *col) {
  int64_t count = 0;
  for (int64_t e = 0; ot->is_line && e < ot->line_count; e++, count++) {
    row[e] = name(&ot->rows, ot->line_row[e]);
    col[e] = name(&ot->cols, ot->line_col[e]);
  }
  for (int64_t i = 0; !ot->is_line && i < ot->tree.count; i++) {
    const wg_tree_node *node = &ot->tree.nodes[i];
    if (node->arc < 0) continue;
    row[count] = name(&ot->rows, ot->pool.row[node->arc]);
    col[count++] = name(&ot->cols, ot->pool.col[node->arc]);
  }
  return count;
}

double wg_ot_dual_size(const wg_ot *ot) {
  double largest = 0.0;
  for (int64_t i = 0; i < ot->rows.count; i++) largest = WG_MAX(largest, fabs(ot->rows.dual[i]));
  for (int64_t j = 0; j < ot->cols.count; j++) largest = WG_MAX(largest, fabs(ot->cols.dual[j]));
  return largest;
}

int64_t wg_ot_arcs(const wg_ot *ot, int32_t *row, int32_t *col) {
  for (int64_t e = 0; e < ot->pool.count; e++) {
    row[e] = name(&ot->rows, ot->pool.row[e]);
    col[e] = name(&ot->cols, ot->pool.col[e]);
  }
  return ot->pool.count;
}

const double *wg_ot_row_duals(const wg_ot *ot) { return ot->rows.answer; }
const double *wg_ot_col_duals(const wg_ot *ot) { return ot->cols.answer; }
const double *wg_ot_row_duals_low(const wg_ot *ot) { return ot->rows.answer_low; }
const double *wg_ot_col_duals_low(const wg_ot *ot) { return ot->cols.answer_low; }
wg_ot_stats wg_ot_last_stats(const wg_ot *ot) { return ot->stats; }
