/* Where a cold solve begins: duals from a coarser problem, then arcs and a feasible tree.
 *
 * Duals. Both clouds are cut by a kd-tree into groups of at most four points; the centroids with
 * the summed masses are a problem a quarter the size, solved the same way (down to a few hundred
 * points), and its duals are carried over by c-transforms. With good duals the smallest reduced
 * costs of each row and column hold nearly all arcs of the optimum. Basis. Mass is shipped greedily
 * along the pool by increasing reduced cost; what is left is matched in the order of the first
 * coordinate. Every shipment exhausts a row or a column, so the arcs form a forest; each of its
 * trees is tied to the root by an empty arc from one of its rows. Those arcs carry no mass, ever:
 * no large cost is needed to drive it out, and none distorts the duals. Cost O(n m r) for the pool,
 * O(n log n) for the rest.
 */
#include <string.h>

#include "ot/engine.h"

enum { COARSE_ENOUGH = 300, GROUP = 4, NEAREST = 8 };

/* ---- coarse problem ---- */

typedef struct grouping {
  int64_t r, groups;
  const double *points;
  const int64_t *mass;
  int64_t *order;      /* a permutation of the points           */
  double *centre;      /* groups x r                            */
  int64_t *group_mass; /* groups                                */
} grouping;

static int64_t widest_coordinate(const grouping *g, int64_t begin, int64_t end) {
  int64_t widest = 0;
  double extent = -1.0;
  for (int64_t k = 0; k < g->r; k++) {
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = begin; i < end; i++) {
      double value = g->points[g->order[i] * g->r + k];
      low = WG_MIN(low, value);
      high = WG_MAX(high, value);
    }
    if (high - low > extent) {
      extent = high - low;
      widest = k;
    }
  }
  return widest;
}

/* Hoare's selection: order[begin..end) with the middle element in place by coordinate k. */
static void select_middle(grouping *g, int64_t begin, int64_t end, int64_t middle, int64_t k) {
  int64_t low = begin, high = end - 1;
  while (low < high) {
    const double pivot = g->points[g->order[(low + high) / 2] * g->r + k];
    int64_t i = low, j = high;
    while (i <= j) {
      while (g->points[g->order[i] * g->r + k] < pivot) i++;
      while (g->points[g->order[j] * g->r + k] > pivot) j--;
      if (i <= j) {
        int64_t swap = g->order[i];
        g->order[i++] = g->order[j];
        g->order[j--] = swap;
      }
    }
    if (middle <= j)
      high = j;
    else if (middle >= i)
      low = i;
    else
      return;
  }
}

static void close_group(grouping *g, int64_t begin, int64_t end) {
  double *centre = g->centre + g->groups * g->r;
  double total = 0.0;
  for (int64_t i = begin; i < end; i++) {
    const int64_t point = g->order[i];
    const double mass = (double)g->mass[point];
    total += mass;
    g->group_mass[g->groups] += g->mass[point];
    for (int64_t k = 0; k < g->r; k++) centre[k] += mass * g->points[point * g->r + k];
  }
  for (int64_t k = 0; k < g->r; k++) centre[k] /= total;
  g->groups++;
}

static void split(grouping *g, int64_t begin, int64_t end) {
  if (end - begin <= GROUP) {
    close_group(g, begin, end);
    return;
  }
  const int64_t middle = begin + (end - begin) / 2;
  select_middle(g, begin, end, middle, widest_coordinate(g, begin, end));
  split(g, begin, middle);
  split(g, middle, end);
}

static int group_side(wg_mem *mem, int64_t r, const wg_side *side, grouping *g) {
  *g = (grouping){.r = r, .points = side->points, .mass = side->mass};
  g->order = WG_NEW(mem, int64_t, side->count);
  g->centre = WG_NEW(mem, double, side->count *r);
  g->group_mass = WG_NEW(mem, int64_t, side->count);
  if (!g->order || !g->centre || !g->group_mass) return wg_no_memory();
  for (int64_t i = 0; i < side->count; i++) g->order[i] = i;
  split(g, 0, side->count);
  return WG_OK;
}

static int carry_duals(wg_ot *ot, const wg_ot *coarse, const grouping *x, const grouping *y) {
  WG_TRY(wg_c_transform(ot->context, ot->r, ot->rows.count, ot->rows.points, y->groups, y->centre,
                        wg_ot_col_duals(coarse), ot->rows.dual));
  return wg_c_transform(ot->context, ot->r, ot->cols.count, ot->cols.points, x->groups, x->centre,
                        wg_ot_row_duals(coarse), ot->cols.dual);
}

static int solve_coarse(wg_ot *ot, wg_mem *mem, wg_ot **coarse) {
  grouping x, y;
  WG_TRY(group_side(mem, ot->r, &ot->rows, &x));
  WG_TRY(group_side(mem, ot->r, &ot->cols, &y));
  WG_TRY(wg_ot_create(ot->context, x.groups, y.groups, x.group_mass, y.group_mass, coarse));
  WG_TRY(wg_ot_set_cost(*coarse, ot->r, x.centre, y.centre));
  WG_TRY(wg_ot_solve(*coarse));
  return carry_duals(ot, *coarse, &x, &y);
}

int wg_start_duals(wg_ot *ot) {
  memset(ot->rows.dual, 0, (size_t)ot->rows.count * sizeof(double));
  memset(ot->cols.dual, 0, (size_t)ot->cols.count * sizeof(double));
  if (WG_MAX(ot->rows.count, ot->cols.count) <= COARSE_ENOUGH)
    return wg_c_transform(ot->context, ot->r, ot->cols.count, ot->cols.points, ot->rows.count,
                          ot->rows.points, ot->rows.dual, ot->cols.dual);
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  wg_ot *coarse = NULL;
  int status = solve_coarse(ot, &mem, &coarse);
  wg_ot_free(coarse);
  wg_mem_clear(&mem);
  return status;
}

/* ---- first basis ---- */

/* The shipments made so far and what is left to ship. */
typedef struct shipping {
  int64_t count;
  int64_t *arc, *flow; /* n + m each */
  int64_t *row_left, *col_left;
} shipping;

static void ship(shipping *s, int64_t arc, int32_t row, int32_t col) {
  const int64_t amount = WG_MIN(s->row_left[row], s->col_left[col]);
  if (amount == 0) return;
  s->row_left[row] -= amount;
  s->col_left[col] -= amount;
  s->arc[s->count] = arc;
  s->flow[s->count++] = amount;
}

static int ship_greedily(wg_ot *ot, wg_mem *mem, shipping *s) {
  wg_key *order = WG_NEW(mem, wg_key, ot->pool.count);
  if (!order) return wg_no_memory();
  for (int64_t e = 0; e < ot->pool.count; e++) order[e] = (wg_key){ot->pool.cost[e], (int32_t)e};
  wg_sort_keys(order, ot->pool.count);
  for (int64_t e = 0; e < ot->pool.count; e++)
    ship(s, order[e].index, ot->pool.row[order[e].index], ot->pool.col[order[e].index]);
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
static int ship_leftovers(wg_ot *ot, wg_mem *mem, shipping *s) {
  int64_t rows, cols;
  wg_key *row_order = sorted_leftovers(mem, &ot->rows, ot->r, s->row_left, &rows);
  wg_key *col_order = sorted_leftovers(mem, &ot->cols, ot->r, s->col_left, &cols);
  if (!row_order || !col_order) return wg_no_memory();
  for (int64_t i = 0, j = 0; i < rows && j < cols;) {
    const int32_t row = (int32_t)row_order[i].index, col = (int32_t)col_order[j].index;
    double cost = wg_pair_cost(ot, row, col) - ot->rows.dual[row] - ot->cols.dual[col];
    WG_TRY(wg_pool_add(&ot->mem, &ot->pool, row, col, cost));
    ship(s, ot->pool.count - 1, row, col);
    if (s->row_left[row] == 0) i++;
    if (s->col_left[col] == 0) j++;
  }
  return WG_OK;
}

/* Adjacency lists of the forest: two half-arcs a shipment. */
typedef struct forest {
  int32_t *head, *next, *queue;
} forest;

static int list_forest(wg_mem *mem, const wg_ot *ot, const shipping *s, forest *f) {
  const int64_t nodes = ot->tree.count;
  f->head = WG_NEW(mem, int32_t, nodes);
  f->next = WG_NEW(mem, int32_t, 2 * nodes);
  f->queue = WG_NEW(mem, int32_t, nodes);
  if (!f->head || !f->next || !f->queue) return wg_no_memory();
  for (int64_t i = 0; i < nodes; i++) f->head[i] = -1;
  for (int64_t e = 0; e < s->count; e++) {
    const int32_t row = ot->pool.row[s->arc[e]];
    const int32_t col = (int32_t)ot->rows.count + ot->pool.col[s->arc[e]];
    f->next[2 * e] = f->head[row];
    f->head[row] = (int32_t)(2 * e);
    f->next[2 * e + 1] = f->head[col];
    f->head[col] = (int32_t)(2 * e + 1);
  }
  return WG_OK;
}

/* Hangs the component of `top`, a row, from the root, breadth first. */
static void hang_component(wg_ot *ot, const shipping *s, forest *f, int32_t top) {
  wg_tree *tree = &ot->tree;
  int64_t begin = 0, end = 0;
  wg_tree_attach(tree, top, (int32_t)(tree->count - 1), -1, 0);
  f->queue[end++] = top;
  while (begin < end) {
    const int32_t node = f->queue[begin++];
    for (int32_t half = f->head[node]; half >= 0; half = f->next[half]) {
      const int64_t e = half / 2;
      const int32_t row = ot->pool.row[s->arc[e]];
      const int32_t col = (int32_t)ot->rows.count + ot->pool.col[s->arc[e]];
      const int32_t other = node == row ? col : row;
      if (tree->nodes[other].parent >= 0) continue;
      wg_tree_attach(tree, other, node, (int32_t)s->arc[e], s->flow[e]);
      f->queue[end++] = other;
    }
  }
}

static int hang_tree(wg_ot *ot, wg_mem *mem, const shipping *s) {
  forest f;
  WG_TRY(list_forest(mem, ot, s, &f));
  for (int32_t row = 0; row < ot->rows.count; row++)
    if (ot->tree.nodes[row].parent < 0) hang_component(ot, s, &f, row);
  return WG_OK;
}

static int fill_pool(wg_ot *ot, wg_mem *mem) {
  wg_best row_best, col_best;
  const int64_t per_row = WG_MIN((int64_t)NEAREST, ot->cols.count);
  const int64_t per_col = WG_MIN((int64_t)NEAREST, ot->rows.count);
  WG_TRY(wg_best_create(mem, ot->rows.count, per_row, INFINITY, &row_best));
  WG_TRY(wg_best_create(mem, ot->cols.count, per_col, INFINITY, &col_best));
  WG_TRY(wg_scan(ot, &row_best, &col_best, INFINITY));
  return wg_pool_add_lists(ot, &row_best, &col_best);
}

static int build_basis(wg_ot *ot, wg_mem *mem) {
  const int64_t n = ot->rows.count, m = ot->cols.count;
  shipping s = {0};
  s.arc = WG_NEW(mem, int64_t, n + m);
  s.flow = WG_NEW(mem, int64_t, n + m);
  s.row_left = WG_NEW(mem, int64_t, n);
  s.col_left = WG_NEW(mem, int64_t, m);
  if (!s.arc || !s.flow || !s.row_left || !s.col_left) return wg_no_memory();
  memcpy(s.row_left, ot->rows.mass, (size_t)n * sizeof(int64_t));
  memcpy(s.col_left, ot->cols.mass, (size_t)m * sizeof(int64_t));
  WG_TRY(fill_pool(ot, mem));
  WG_TRY(ship_greedily(ot, mem, &s));
  WG_TRY(ship_leftovers(ot, mem, &s));
  return hang_tree(ot, mem, &s);
}

/* With equal masses cut parts are small, and moving them node by node is faster. */
static bool has_unit_masses(const wg_ot *ot) {
  for (int64_t i = 1; i < ot->rows.count; i++)
    if (ot->rows.mass[i] != ot->rows.mass[0]) return false;
  for (int64_t j = 1; j < ot->cols.count; j++)
    if (ot->cols.mass[j] != ot->cols.mass[0]) return false;
  return ot->rows.mass[0] == ot->cols.mass[0];
}

int wg_start_basis(wg_ot *ot) {
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  int status =
      wg_tree_create(&ot->mem, ot->rows.count, ot->cols.count, !has_unit_masses(ot), &ot->tree);
  if (status == WG_OK) status = build_basis(ot, &mem);
  wg_mem_clear(&mem);
  return status;
}
