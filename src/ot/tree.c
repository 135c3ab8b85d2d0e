/* The spanning-tree basis of the network simplex and its pivot.
 *
 * Rows only ship and columns only receive, and arcs have no capacity, so a tree arc's direction
 * follows from the kind of its lower end: up from a row, down to a column. The basis is strongly
 * feasible (every arc pointing down carries flow): among the arcs that block, the last one met when
 * the cycle is followed from its apex along the entering arc leaves, and the simplex cannot cycle
 * (Cunningham 1976). Children hang in doubly linked lists, so re-hanging the cut part costs its
 * path only; potentials change on the smaller side of the cut. Cost of a pivot: the cycle plus the
 * smaller side. Memory 40 bytes a node.
 */
#include "ot/engine.h"

int wg_tree_create(wg_mem *mem, int64_t n, int64_t m, wg_tree *tree) {
  *tree = (wg_tree){.n = n, .count = n + m + 1};
  tree->nodes = WG_NEW(mem, wg_tree_node, tree->count);
  tree->potential = WG_NEW(mem, double, tree->count);
  if (!tree->nodes || !tree->potential) return wg_no_memory();
  for (int64_t i = 0; i < tree->count; i++)
    tree->nodes[i] = (wg_tree_node){-1, -1, -1, -1, 1, -1, 0};
  return WG_OK;
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

/* The node after `node` in preorder within the subtree of `top`, or -1 at its end. */
static inline int32_t next_in_preorder(const wg_tree_node *nodes, int32_t node, int32_t top) {
  if (nodes[node].child >= 0) return nodes[node].child;
  while (node != top && nodes[node].next < 0) node = nodes[node].parent;
  return node == top ? -1 : nodes[node].next;
}

/* The same with the subtree of `node` left out. */
static inline int32_t next_after_subtree(const wg_tree_node *nodes, int32_t node, int32_t top) {
  while (node != top && nodes[node].next < 0) node = nodes[node].parent;
  return node == top ? -1 : nodes[node].next;
}

static int32_t root_of(const wg_tree *tree) { return (int32_t)(tree->count - 1); }

void wg_tree_count_sizes(wg_tree *tree) {
  wg_tree_node *nodes = tree->nodes;
  const int32_t root = root_of(tree);
  for (int64_t i = 0; i < tree->count; i++) nodes[i].size = 1;
  /* A node is complete when preorder leaves it: walk and add sizes on the way up. */
  int32_t node = root;
  for (;;) {
    if (nodes[node].child >= 0) {
      node = nodes[node].child;
      continue;
    }
    while (node != root && nodes[node].next < 0) {
      nodes[nodes[node].parent].size += nodes[node].size;
      node = nodes[node].parent;
    }
    if (node == root) return;
    nodes[nodes[node].parent].size += nodes[node].size;
    node = nodes[node].next;
  }
}

void wg_tree_set_potentials(wg_tree *tree, const wg_pool *pool) {
  const int32_t root = root_of(tree);
  tree->potential[root] = 0.0;
  for (int32_t node = tree->nodes[root].child; node >= 0;
       node = next_in_preorder(tree->nodes, node, root)) {
    const wg_tree_node *self = &tree->nodes[node];
    double cost = self->arc >= 0 ? pool->cost[self->arc] : 0.0;
    double above = tree->potential[self->parent];
    tree->potential[node] = node < tree->n ? above + cost : above - cost;
  }
}

/* Where the cycle through row and column closes, and which arc (named by its lower end) leaves. */
typedef struct cycle {
  int32_t apex, leaving;
  bool on_row_side;
  int64_t flow;
} cycle;

static cycle find_cycle(const wg_tree *tree, int32_t row, int32_t col) {
  const wg_tree_node *nodes = tree->nodes;
  int64_t row_flow = INT64_MAX, col_flow = INT64_MAX;
  int32_t row_leaving = -1, col_leaving = -1, a = row, b = col;
  while (a != b) {
    if (nodes[a].size <= nodes[b].size) {
      if (a < tree->n && nodes[a].flow < row_flow) {
        row_flow = nodes[a].flow;
        row_leaving = a;
      }
      a = nodes[a].parent;
    } else {
      if (b >= tree->n && nodes[b].flow <= col_flow) {
        col_flow = nodes[b].flow;
        col_leaving = b;
      }
      b = nodes[b].parent;
    }
  }
  bool on_row_side = row_flow < col_flow;
  return (cycle){a, on_row_side ? row_leaving : col_leaving, on_row_side,
                 WG_MIN(row_flow, col_flow)};
}

static void push_flow(wg_tree *tree, int32_t row, int32_t col, const cycle *loop) {
  wg_tree_node *nodes = tree->nodes;
  for (int32_t a = row; a != loop->apex; a = nodes[a].parent)
    nodes[a].flow += a < tree->n ? -loop->flow : loop->flow;
  for (int32_t b = col; b != loop->apex; b = nodes[b].parent)
    nodes[b].flow += b < tree->n ? loop->flow : -loop->flow;
}

/* Subtree sizes of the cycle's nodes once the part below the leaving arc hangs from `above`. */
static void move_sizes(wg_tree *tree, const cycle *loop, int32_t above) {
  wg_tree_node *nodes = tree->nodes;
  const int32_t moved = nodes[loop->leaving].size;
  for (int32_t a = nodes[loop->leaving].parent; a != loop->apex; a = nodes[a].parent)
    nodes[a].size -= moved;
  for (int32_t b = above; b != loop->apex; b = nodes[b].parent) nodes[b].size += moved;
}

/* Turns the path from `below` up to the leaving arc upside down and hangs it from `above`. */
static void rehang(wg_tree *tree, int32_t below, int32_t above, int32_t arc, const cycle *loop) {
  wg_tree_node *nodes = tree->nodes;
  const int32_t moved = nodes[loop->leaving].size;
  int32_t node = below, parent = above, size = moved;
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
  const int32_t root = root_of(tree);
  int32_t node = root;
  while (node >= 0) {
    if (node == top) {
      node = next_after_subtree(nodes, node, root);
      continue;
    }
    potential[node] -= shift;
    node = next_in_preorder(nodes, node, root);
  }
}

void wg_tree_pivot(wg_tree *tree, int32_t arc, int32_t row, int32_t col, double reduced) {
  cycle loop = find_cycle(tree, row, col);
  if (loop.flow > 0) push_flow(tree, row, col, &loop);
  int32_t below = loop.on_row_side ? row : col, above = loop.on_row_side ? col : row;
  move_sizes(tree, &loop, above);
  rehang(tree, below, above, arc, &loop);
  shift_potentials(tree, below, loop.on_row_side ? reduced : -reduced);
}
