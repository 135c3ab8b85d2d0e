/* The spanning-tree basis of the network simplex and its pivot.
 *
 * Rows only ship and columns only receive, and arcs have no capacity, so a tree arc's direction
 * follows from the kind of its lower end: up from a row, down to a column. The basis is strongly
 * feasible (every arc pointing down carries flow): among the arcs that block, the last one met when
 * the cycle is followed from its apex along the entering arc leaves, and the simplex cannot cycle
 * (Cunningham 1976). Children hang in doubly linked lists, so re-hanging the cut part costs its
 * path only. Nodes are renumbered into preorder now and then: walks then stay in cache, and the old
 * subtrees are intervals, which fragment.c builds on.
 * Potentials change on one side of the cut: node by node on the smaller side, or fragment by
 * fragment when the masses are general and the sides are large.
 * Cost of a pivot: the cycle plus that side. Memory 52 bytes a node, twice (renumbering copies).
 */
#include "ot/engine.h"

int wg_tree_create(wg_mem *mem, int64_t n, int64_t m, bool with_fragments, wg_tree *tree) {
  *tree = (wg_tree){.n = n, .count = n + m + 1, .root = (int32_t)(n + m)};
  tree->nodes = WG_NEW(mem, wg_tree_node, tree->count);
  tree->spare = WG_NEW(mem, wg_tree_node, tree->count);
  tree->place = WG_NEW(mem, int32_t, tree->count);
  tree->potential = WG_NEW(mem, double, tree->count);
  if (!tree->nodes || !tree->spare || !tree->place || !tree->potential) return wg_no_memory();
  wg_tree_clear(tree);
  return with_fragments ? wg_fragments_create(mem, tree) : WG_OK;
}

void wg_tree_clear(wg_tree *tree) {
  tree->root = (int32_t)(tree->count - 1);
  for (int64_t i = 0; i < tree->count; i++) {
    tree->nodes[i] = (wg_tree_node){-1, -1, -1, -1, 1, -1, (int32_t)i, 0};
    tree->place[i] = (int32_t)i;
  }
}

void wg_tree_attach(wg_tree *tree, int32_t node, int32_t parent, int32_t arc, int64_t flow) {
  wg_tree_node *nodes = tree->nodes, *self = &nodes[node];
  self->parent = parent;
  self->arc = arc;
  self->flow = flow;
  self->previous = -1;
  self->next = nodes[parent].child;
  if (self->next >= 0) nodes[self->next].previous = node;
  nodes[parent].child = node;
}

static void detach(wg_tree *tree, int32_t node) {
  wg_tree_node *nodes = tree->nodes, *self = &nodes[node];
  if (self->previous >= 0)
    nodes[self->previous].next = self->next;
  else
    nodes[self->parent].child = self->next;
  if (self->next >= 0) nodes[self->next].previous = self->previous;
}

/* The node after the subtree of `node` in preorder within the subtree of `top`, or -1. */
static inline int32_t next_after_subtree(const wg_tree_node *nodes, int32_t node, int32_t top) {
  while (node != top && nodes[node].next < 0) node = nodes[node].parent;
  return node == top ? -1 : nodes[node].next;
}

/* The node after `node` in preorder within the subtree of `top`, or -1 at its end. */
static inline int32_t next_in_preorder(const wg_tree_node *nodes, int32_t node, int32_t top) {
  return nodes[node].child >= 0 ? nodes[node].child : next_after_subtree(nodes, node, top);
}

static bool is_row(const wg_tree *tree, int32_t node) { return tree->nodes[node].label < tree->n; }

/* ---- renumbering ---- */

static int32_t moved_to(const wg_tree *tree, const wg_tree_node *old, int32_t node) {
  return node < 0 ? -1 : tree->place[old[node].label];
}

/* Copies the nodes in preorder; sizes follow from the order. */
static void copy_in_preorder(wg_tree *tree) {
  const wg_tree_node *old = tree->nodes;
  wg_tree_node *fresh = tree->spare;
  int32_t count = 0;
  for (int32_t node = tree->root; node >= 0; node = next_in_preorder(old, node, tree->root)) {
    fresh[count] = old[node];
    tree->place[old[node].label] = count++;
  }
  for (int32_t i = 0; i < count; i++) {
    fresh[i].parent = moved_to(tree, old, fresh[i].parent);
    fresh[i].child = moved_to(tree, old, fresh[i].child);
    fresh[i].next = moved_to(tree, old, fresh[i].next);
    fresh[i].previous = moved_to(tree, old, fresh[i].previous);
    fresh[i].size = 1;
  }
  for (int32_t i = count - 1; i > 0; i--) fresh[fresh[i].parent].size += fresh[i].size;
  tree->spare = tree->nodes;
  tree->nodes = fresh;
  tree->root = 0;
}

void wg_tree_renumber(wg_tree *tree, wg_pool *pool) {
  copy_in_preorder(tree);
  tree->potential[0] = 0.0;
  for (int32_t i = 1; i < tree->count; i++) {
    const wg_tree_node *self = &tree->nodes[i];
    const double cost = self->arc >= 0 ? pool->cost[self->arc] : 0.0;
    tree->potential[i] = tree->potential[self->parent] + (is_row(tree, i) ? cost : -cost);
  }
  for (int64_t e = 0; e < pool->count; e++) {
    pool->tail[e] = tree->place[pool->row[e]];
    pool->head[e] = tree->place[tree->n + pool->col[e]];
  }
  if (tree->fragments.of) wg_fragments_reset(tree);
}

double wg_tree_potential(const wg_tree *tree, int64_t label) {
  const int32_t node = tree->place[label];
  const wg_fragments *f = &tree->fragments;
  return tree->potential[node] + (f->of ? f->offset[f->of[node]] : 0.0);
}

/* ---- the pivot ---- */

static wg_cycle find_cycle(const wg_tree *tree, int32_t row, int32_t col) {
  const wg_tree_node *nodes = tree->nodes;
  const int64_t n = tree->n;
  int64_t row_flow = INT64_MAX, col_flow = INT64_MAX;
  int32_t row_leaving = -1, col_leaving = -1, a = row, b = col;
  while (a != b) {
    if (nodes[a].size <= nodes[b].size) {
      if (nodes[a].label < n && nodes[a].flow < row_flow) {
        row_flow = nodes[a].flow;
        row_leaving = a;
      }
      a = nodes[a].parent;
    } else {
      if (nodes[b].label >= n && nodes[b].flow <= col_flow) {
        col_flow = nodes[b].flow;
        col_leaving = b;
      }
      b = nodes[b].parent;
    }
  }
  const bool on_row_side = row_flow < col_flow;
  return (wg_cycle){.apex = a,
                    .leaving = on_row_side ? row_leaving : col_leaving,
                    .below = on_row_side ? row : col,
                    .above = on_row_side ? col : row,
                    .on_row_side = on_row_side,
                    .flow = WG_MIN(row_flow, col_flow)};
}

static void push_flow(wg_tree *tree, int32_t row, int32_t col, const wg_cycle *loop) {
  wg_tree_node *nodes = tree->nodes;
  for (int32_t a = row; a != loop->apex; a = nodes[a].parent)
    nodes[a].flow += nodes[a].label < tree->n ? -loop->flow : loop->flow;
  for (int32_t b = col; b != loop->apex; b = nodes[b].parent)
    nodes[b].flow += nodes[b].label < tree->n ? loop->flow : -loop->flow;
}

/* Subtree sizes of the cycle's nodes once the part below the leaving arc hangs from `above`. */
static void move_sizes(wg_tree *tree, const wg_cycle *loop) {
  wg_tree_node *nodes = tree->nodes;
  const int32_t moved = nodes[loop->leaving].size;
  for (int32_t a = nodes[loop->leaving].parent; a != loop->apex; a = nodes[a].parent)
    nodes[a].size -= moved;
  for (int32_t b = loop->above; b != loop->apex; b = nodes[b].parent) nodes[b].size += moved;
}

/* Turns the path from `below` up to the leaving arc upside down and hangs it from `above`. */
static void rehang(wg_tree *tree, int32_t arc, const wg_cycle *loop) {
  wg_tree_node *nodes = tree->nodes;
  const int32_t moved = nodes[loop->leaving].size;
  int32_t node = loop->below, parent = loop->above, size = moved;
  int64_t flow = loop->flow;
  for (;;) {
    const int32_t old_parent = nodes[node].parent, old_arc = nodes[node].arc;
    const int32_t old_size = nodes[node].size;
    const int64_t old_flow = nodes[node].flow;
    detach(tree, node);
    wg_tree_attach(tree, node, parent, arc, flow);
    nodes[node].size = size;
    if (node == loop->leaving) return;
    size = moved - old_size;
    parent = node;
    node = old_parent;
    arc = old_arc;
    flow = old_flow;
  }
}

/* Adds `shift` to the potentials of the subtree of `top`, or subtracts it elsewhere: only
 * differences matter. */
static void shift_potentials(wg_tree *tree, int32_t top, double shift) {
  const wg_tree_node *nodes = tree->nodes;
  double *potential = tree->potential;
  if (2 * (int64_t)nodes[top].size <= tree->count) {
    for (int32_t node = top; node >= 0; node = next_in_preorder(nodes, node, top))
      potential[node] += shift;
    return;
  }
  int32_t node = tree->root;
  while (node >= 0) {
    if (node == top) {
      node = next_after_subtree(nodes, node, tree->root);
      continue;
    }
    potential[node] -= shift;
    node = next_in_preorder(nodes, node, tree->root);
  }
}

void wg_tree_pivot(wg_tree *tree, int32_t arc, int32_t row, int32_t col, double reduced) {
  wg_cycle loop = find_cycle(tree, row, col);
  const double shift = loop.on_row_side ? reduced : -reduced;
  if (loop.flow > 0) push_flow(tree, row, col, &loop);
  if (tree->fragments.of) wg_fragments_cut(tree, &loop);
  move_sizes(tree, &loop);
  rehang(tree, arc, &loop);
  if (tree->fragments.of)
    wg_fragments_shift(tree, &loop, shift);
  else
    shift_potentials(tree, loop.below, shift);
}
