/* From a flow on the pool to a spanning tree.
 *
 * Arcs that carry mass need not form a forest. Points with one such arc are peeled off, again and
 * again, with their arcs; what is left is the small part that has cycles. There a forest grows arc
 * by arc, and an arc that would close a cycle instead sends mass around it, in the direction that
 * costs less, until one of its arcs is empty. Marginals do not change. Cost O(arcs) for the
 * peeling, the lengths of the cycles for the rest; memory 40 bytes a point.
 */
#include "ot/auction.h"

/* Nodes: rows 0..n-1, columns n..n+m-1. */
typedef struct core {
  const wg_ot *ot;
  int64_t *flow;
  int64_t nodes;
  int32_t *degree, *arcs_xor; /* arcs that carry mass: their number and the xor of their indices */
  int32_t *parent, *via;      /* the forest: -1 at the tops; via: the arc to the parent         */
  int32_t *seen, stamp;
  int32_t *path[2];
} core;

static int32_t row_of(const core *c, int32_t arc) { return c->ot->pool.row[arc]; }
static int32_t col_of(const core *c, int32_t arc) {
  return (int32_t)c->ot->rows.count + c->ot->pool.col[arc];
}

static int make_core(wg_ot *ot, wg_mem *mem, int64_t *flow, core *c) {
  const int64_t nodes = ot->rows.count + ot->cols.count;
  *c = (core){.ot = ot,
              .flow = flow,
              .nodes = nodes,
              .degree = WG_NEW(mem, int32_t, nodes),
              .arcs_xor = WG_NEW(mem, int32_t, nodes),
              .parent = WG_NEW(mem, int32_t, nodes),
              .via = WG_NEW(mem, int32_t, nodes),
              .seen = WG_NEW(mem, int32_t, nodes),
              .path = {WG_NEW(mem, int32_t, nodes), WG_NEW(mem, int32_t, nodes)}};
  if (!c->degree || !c->arcs_xor || !c->parent || !c->via || !c->seen || !c->path[0] || !c->path[1])
    return wg_no_memory();
  for (int64_t i = 0; i < nodes; i++) c->parent[i] = -1;
  for (int32_t e = 0; e < ot->pool.count; e++) {
    if (flow[e] == 0) continue;
    c->degree[row_of(c, e)]++;
    c->degree[col_of(c, e)]++;
    c->arcs_xor[row_of(c, e)] ^= e;
    c->arcs_xor[col_of(c, e)] ^= e;
  }
  return WG_OK;
}

static void peel(core *c) {
  for (int32_t first = 0; first < c->nodes; first++) {
    int32_t node = first;
    while (c->degree[node] == 1) {
      const int32_t arc = c->arcs_xor[node];
      const int32_t other = node == row_of(c, arc) ? col_of(c, arc) : row_of(c, arc);
      c->degree[node] = 0;
      c->degree[other]--;
      c->arcs_xor[other] ^= arc;
      node = other;
    }
  }
}

/* The paths from both ends of an arc up to where they meet, as arcs; false: they do not meet. */
static bool find_paths(core *c, int32_t arc, int64_t count[2]) {
  int32_t meet = -1;
  c->stamp++;
  for (int32_t node = row_of(c, arc); node >= 0; node = c->parent[node]) c->seen[node] = c->stamp;
  count[0] = count[1] = 0;
  for (int32_t node = col_of(c, arc); node >= 0; node = c->parent[node]) {
    if (c->seen[node] == c->stamp) {
      meet = node;
      break;
    }
    c->path[1][count[1]++] = node;
  }
  if (meet < 0) return false;
  for (int32_t node = row_of(c, arc); node != meet; node = c->parent[node])
    c->path[0][count[0]++] = node;
  return true;
}

/* Sends mass around the cycle of `arc`: mass on it grows when that pays, and then every other arc
 * of the cycle, from each of its ends, shrinks. */
static void empty_cycle(core *c, int32_t arc, const int64_t count[2]) {
  const double *cost = c->ot->pool.cost;
  double gain = cost[arc];
  for (int side = 0; side < 2; side++)
    for (int64_t k = 0; k < count[side]; k++)
      gain += (k % 2 ? 1.0 : -1.0) * cost[c->via[c->path[side][k]]];
  const int shrinks = gain > 0.0; /* parity of the arcs that shrink */
  int64_t amount = shrinks ? c->flow[arc] : INT64_MAX;
  for (int side = 0; side < 2; side++)
    for (int64_t k = shrinks; k < count[side]; k += 2)
      amount = WG_MIN(amount, c->flow[c->via[c->path[side][k]]]);
  c->flow[arc] += shrinks ? -amount : amount;
  for (int side = 0; side < 2; side++)
    for (int64_t k = 0; k < count[side]; k++) {
      const int32_t node = c->path[side][k], via = c->via[node];
      c->flow[via] += k % 2 == shrinks ? -amount : amount;
      if (c->flow[via] == 0) c->parent[node] = -1;
    }
}

/* Makes the arc's row the top of its tree, then hangs it from the arc's column. */
static void link_row(core *c, int32_t arc) {
  int32_t node = row_of(c, arc), parent = col_of(c, arc), via = arc;
  while (node >= 0) {
    const int32_t old_parent = c->parent[node], old_via = c->via[node];
    c->parent[node] = parent;
    c->via[node] = via;
    parent = node;
    via = old_via;
    node = old_parent;
  }
}

int wg_empty_cycles(wg_ot *ot, wg_mem *mem, int64_t *flow) {
  core c;
  int64_t count[2];
  WG_TRY(make_core(ot, mem, flow, &c));
  peel(&c);
  for (int32_t e = 0; e < ot->pool.count; e++) {
    if (c.degree[row_of(&c, e)] < 2 || c.degree[col_of(&c, e)] < 2) continue;
    while (flow[e] > 0 && find_paths(&c, e, count)) empty_cycle(&c, e, count);
    if (flow[e] > 0) link_row(&c, e);
  }
  return WG_OK;
}

/* ---- the spanning tree ---- */

/* Adjacency lists of the forest: two half-arcs an arc that carries mass. */
typedef struct adjacency {
  int32_t *head, *next, *arc, *queue;
} adjacency;

static int list_forest(wg_mem *mem, const wg_ot *ot, const int64_t *flow, adjacency *f) {
  const int64_t nodes = ot->tree.count;
  *f = (adjacency){WG_NEW(mem, int32_t, nodes), WG_NEW(mem, int32_t, 2 * nodes),
                   WG_NEW(mem, int32_t, nodes), WG_NEW(mem, int32_t, nodes)};
  if (!f->head || !f->next || !f->arc || !f->queue) return wg_no_memory();
  for (int64_t i = 0; i < nodes; i++) f->head[i] = -1;
  int32_t half = 0;
  for (int32_t e = 0; e < ot->pool.count; e++) {
    if (flow[e] == 0) continue;
    const int32_t ends[2] = {ot->pool.row[e], (int32_t)ot->rows.count + ot->pool.col[e]};
    f->arc[half / 2] = e;
    for (int side = 0; side < 2; side++, half++) {
      f->next[half] = f->head[ends[side]];
      f->head[ends[side]] = half;
    }
  }
  return WG_OK;
}

/* Hangs the component of `top`, a row, from the root, breadth first. */
static void hang_component(wg_ot *ot, const int64_t *flow, adjacency *f, int32_t top) {
  wg_tree *tree = &ot->tree;
  int64_t begin = 0, end = 0;
  wg_tree_attach(tree, top, (int32_t)(tree->count - 1), -1, 0);
  f->queue[end++] = top;
  while (begin < end) {
    const int32_t node = f->queue[begin++];
    for (int32_t half = f->head[node]; half >= 0; half = f->next[half]) {
      const int32_t e = f->arc[half / 2];
      const int32_t row = ot->pool.row[e], col = (int32_t)ot->rows.count + ot->pool.col[e];
      const int32_t other = node == row ? col : row;
      if (tree->nodes[other].parent >= 0) continue;
      wg_tree_attach(tree, other, node, e, flow[e]);
      f->queue[end++] = other;
    }
  }
}

int wg_hang_forest(wg_ot *ot, wg_mem *mem, const int64_t *flow) {
  adjacency f;
  WG_TRY(list_forest(mem, ot, flow, &f));
  for (int32_t row = 0; row < ot->rows.count; row++)
    if (ot->tree.nodes[row].parent < 0) hang_component(ot, flow, &f, row);
  return WG_OK;
}
