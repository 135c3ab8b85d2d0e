/* Nearest columns by reduced cost |z - w_j|^2 - u - v_j, in two and three dimensions.
 *
 * A kd-tree over the columns. Each node knows its box and an affine function that is no less than
 * the duals v_j of its points: a least-squares fit, raised by its largest residual. Optimal duals
 * are smooth up to half a square, so the fit is close, and the least value of |z - w|^2 minus that
 * function over the box, found coordinate by coordinate, discards nearly every node that cannot
 * matter. A query looks at a few leaves of 16 points: about a microsecond in the plane, whatever
 * the number of points. In five dimensions it would lose to looking at all pairs.
 * Rounding: a node is discarded only if its bound exceeds the limit by more than `slack`, 64 units
 * of rounding of the largest number in sight; the bound is a sum of fewer than 20 of them.
 * Cost O(m log m) to build, memory 8 (r + 1) + 16 bytes a column.
 */
#include <string.h>

#include "ot/kdtree.h"

enum { LEAF = 16, DEEPEST = 64 };

typedef struct kd_node {
  int32_t begin, end, right; /* places of its points; the second child, 0: a leaf (first: next) */
  double low[WG_KD_MOST], high[WG_KD_MOST];
  double slope[WG_KD_MOST], top; /* v <= top + slope . (w - low) */
} kd_node;

struct wg_kdtree {
  int64_t r, count;
  const wg_side *rows;
  int32_t *order;
  double *points; /* r x count, in order */
  double *dual;   /* in order            */
  kd_node *nodes;
  int32_t node_count;
  double slack;
};

/* ---- order ---- */

static int64_t widest_coordinate(int64_t r, const double *points, const int32_t *order,
                                 int64_t begin, int64_t end) {
  int64_t widest = 0;
  double extent = -1.0;
  for (int64_t k = 0; k < r; k++) {
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = begin; i < end; i++) {
      const double value = points[order[i] * r + k];
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

/* Hoare's selection: order[begin..end) with the element `middle` in its place by coordinate k. */
static void select_middle(int64_t r, const double *points, int32_t *order, int64_t begin,
                          int64_t end, int64_t middle, int64_t k) {
  int64_t low = begin, high = end - 1;
  while (low < high) {
    const double pivot = points[order[(low + high) / 2] * r + k];
    int64_t i = low, j = high;
    while (i <= j) {
      while (points[order[i] * r + k] < pivot) i++;
      while (points[order[j] * r + k] > pivot) j--;
      if (i <= j) {
        const int32_t swap = order[i];
        order[i++] = order[j];
        order[j--] = swap;
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

void wg_kd_order(int64_t r, const double *points, int64_t leaf, int64_t begin, int64_t end,
                 int32_t *order) {
  if (end - begin <= leaf) return;
  const int64_t middle = begin + (end - begin) / 2;
  const int64_t k = widest_coordinate(r, points, order, begin, end);
  select_middle(r, points, order, begin, end, middle, k);
  wg_kd_order(r, points, leaf, begin, middle, order);
  wg_kd_order(r, points, leaf, middle, end, order);
}

void wg_kd_sorted(int64_t r, const wg_side *side, int64_t leaf, int32_t *order) {
  for (int64_t i = 0; i < side->count; i++) order[i] = (int32_t)i;
  if (!side->is_sorted) wg_kd_order(r, side->points, leaf, 0, side->count, order);
}

/* ---- nodes ---- */

static void find_box(const wg_kdtree *t, kd_node *node) {
  for (int64_t k = 0; k < t->r; k++) {
    const double *x = t->points + k * t->count;
    node->low[k] = INFINITY;
    node->high[k] = -INFINITY;
    for (int32_t i = node->begin; i < node->end; i++) {
      node->low[k] = WG_MIN(node->low[k], x[i]);
      node->high[k] = WG_MAX(node->high[k], x[i]);
    }
  }
}

/* Solves the r x r normal equations in place; a direction without spread gets slope zero. */
static void solve_small(int64_t r, double matrix[WG_KD_MOST][WG_KD_MOST], double *side) {
  double scale = 0.0;
  for (int64_t k = 0; k < r; k++) scale = WG_MAX(scale, matrix[k][k]);
  for (int64_t k = 0; k < r; k++) {
    const bool flat = !(matrix[k][k] > 1e-9 * scale);
    for (int64_t l = 0; l < r; l++) {
      if (l == k) continue;
      const double factor = flat ? 0.0 : matrix[l][k] / matrix[k][k];
      for (int64_t c = 0; c < r; c++) matrix[l][c] -= factor * matrix[k][c];
      side[l] -= factor * side[k];
    }
    if (flat) matrix[k][k] = 0.0;
  }
  for (int64_t k = 0; k < r; k++) side[k] = matrix[k][k] > 0.0 ? side[k] / matrix[k][k] : 0.0;
}

static void fit_slope(const wg_kdtree *t, kd_node *node) {
  const double count = node->end - node->begin;
  double mean[WG_KD_MOST + 1] = {0}, matrix[WG_KD_MOST][WG_KD_MOST] = {{0}};
  for (int32_t i = node->begin; i < node->end; i++) {
    for (int64_t k = 0; k < t->r; k++) mean[k] += t->points[k * t->count + i] / count;
    mean[WG_KD_MOST] += t->dual[i] / count;
  }
  for (int64_t k = 0; k < t->r; k++) node->slope[k] = 0.0;
  for (int32_t i = node->begin; i < node->end; i++) {
    double x[WG_KD_MOST];
    for (int64_t k = 0; k < t->r; k++) x[k] = t->points[k * t->count + i] - mean[k];
    for (int64_t k = 0; k < t->r; k++) {
      for (int64_t l = 0; l < t->r; l++) matrix[k][l] += x[k] * x[l];
      node->slope[k] += x[k] * (t->dual[i] - mean[WG_KD_MOST]);
    }
  }
  solve_small(t->r, matrix, node->slope);
}

static double along_slope(const wg_kdtree *t, const kd_node *node, int32_t i) {
  double sum = 0.0;
  for (int64_t k = 0; k < t->r; k++)
    sum += node->slope[k] * (t->points[k * t->count + i] - node->low[k]);
  return sum;
}

static void raise_fit(const wg_kdtree *t, kd_node *node) {
  double most = -INFINITY, least = INFINITY, tilt = 0.0;
  for (int32_t i = node->begin; i < node->end; i++) {
    most = WG_MAX(most, t->dual[i]);
    least = WG_MIN(least, t->dual[i]);
  }
  for (int64_t k = 0; k < t->r; k++) tilt += fabs(node->slope[k]) * (node->high[k] - node->low[k]);
  /* A steep fit, or one that is not a number, would spoil the bound by rounding. */
  if (!(tilt <= 4.0 * (most - least))) memset(node->slope, 0, sizeof node->slope);
  node->top = -INFINITY;
  for (int32_t i = node->begin; i < node->end; i++)
    node->top = WG_MAX(node->top, t->dual[i] - along_slope(t, node, i));
}

static int32_t make_nodes(wg_kdtree *t, int32_t begin, int32_t end) {
  const int32_t self = t->node_count++;
  kd_node *node = &t->nodes[self];
  *node = (kd_node){.begin = begin, .end = end};
  find_box(t, node);
  fit_slope(t, node);
  raise_fit(t, node);
  if (end - begin <= LEAF) return self;
  const int32_t middle = begin + (end - begin) / 2;
  make_nodes(t, begin, middle);
  node->right = make_nodes(t, middle, end);
  return self;
}

static double largest_number(int64_t r, const wg_side *side) {
  double longest = 0.0, dual = 0.0;
  for (int64_t i = 0; i < side->count * r; i++) longest = WG_MAX(longest, fabs(side->points[i]));
  for (int64_t i = 0; side->dual && i < side->count; i++) dual = WG_MAX(dual, fabs(side->dual[i]));
  return 4.0 * (double)r * longest * longest + dual;
}

int wg_kdtree_create(wg_mem *mem, int64_t r, const wg_side *rows, const wg_side *columns,
                     wg_kdtree **tree) {
  const int64_t count = columns->count;
  wg_kdtree *t = WG_NEW(mem, wg_kdtree, 1);
  if (!t) return wg_no_memory();
  *t = (wg_kdtree){.r = r,
                   .count = count,
                   .rows = rows,
                   .order = WG_NEW(mem, int32_t, count),
                   .points = WG_NEW(mem, double, count *r),
                   .dual = WG_NEW(mem, double, count),
                   /* cut ranges exceed 16, so leaves hold 8 at least */
                   .nodes = WG_NEW(mem, kd_node, count / 4 + 2),
                   .slack = 64 * 0x1p-53 * (largest_number(r, rows) + largest_number(r, columns))};
  if (!t->order || !t->points || !t->dual || !t->nodes) return wg_no_memory();
  wg_kd_sorted(r, columns, LEAF, t->order);
  for (int64_t i = 0; i < count; i++) {
    for (int64_t k = 0; k < r; k++) t->points[k * count + i] = columns->points[t->order[i] * r + k];
    t->dual[i] = columns->dual ? columns->dual[t->order[i]] : 0.0;
  }
  make_nodes(t, 0, (int32_t)count);
  *tree = t;
  return WG_OK;
}

/* ---- queries ---- */

/* Least |z - w|^2 - (top + slope . (w - low)) over the node's box. */
static double bound(int64_t r, const kd_node *node, const double *z) {
  double sum = -node->top;
  for (int64_t k = 0; k < r; k++) {
    double w = z[k] + 0.5 * node->slope[k];
    w = WG_MAX(WG_MIN(w, node->high[k]), node->low[k]);
    sum += (z[k] - w) * (z[k] - w) - node->slope[k] * (w - node->low[k]);
  }
  return sum;
}

static void look_at_leaf(const wg_kdtree *t, const kd_node *leaf, const double *z, double u,
                         int64_t keep, double *values, int32_t *indices) {
  double value[LEAF];
  const int32_t count = leaf->end - leaf->begin;
  for (int32_t i = 0; i < count; i++) value[i] = 0.0;
  for (int64_t k = 0; k < t->r; k++) {
    const double *x = t->points + k * t->count + leaf->begin;
    for (int32_t i = 0; i < count; i++) value[i] += (z[k] - x[i]) * (z[k] - x[i]);
  }
  for (int32_t i = 0; i < count; i++) value[i] = value[i] - u - t->dual[leaf->begin + i];
  for (int32_t i = 0; i < count; i++)
    if (value[i] < values[keep - 1])
      wg_insert(keep, values, indices, value[i], t->order[leaf->begin + i]);
}

void wg_kdtree_query(const wg_kdtree *t, int64_t row, int64_t keep, double *values,
                     int32_t *indices) {
  const double *z = t->rows->points + row * t->r, u = t->rows->dual ? t->rows->dual[row] : 0.0;
  struct {
    int32_t node;
    double bound;
  } stack[DEEPEST];
  int depth = 0;
  int32_t at = 0;
  double least = bound(t->r, &t->nodes[0], z);
  for (;;) {
    if (least - u > values[keep - 1] + t->slack) {
      if (depth == 0) return;
      at = stack[--depth].node;
      least = stack[depth].bound;
      continue;
    }
    const kd_node *node = &t->nodes[at];
    if (node->right == 0) {
      look_at_leaf(t, node, z, u, keep, values, indices);
      least = INFINITY; /* done with it */
      continue;
    }
    const double first = bound(t->r, &t->nodes[at + 1], z);
    const double second = bound(t->r, &t->nodes[node->right], z);
    const bool left = first <= second;
    stack[depth].node = left ? node->right : at + 1;
    stack[depth++].bound = left ? second : first;
    at = left ? at + 1 : node->right;
    least = left ? first : second;
  }
}
