/* Circuits of a bipartite graph of arcs: along them, and only along them, mass can be moved without
 * changing the marginals.
 *
 * Two plans on the same arcs differ by a sum of circuits. The arcs outside a spanning forest index
 * a basis of them. An arc without mass can only gain: it is of use when a directed circuit runs
 * through it in the residual graph, where every arc leads from its row to its column and those with
 * mass lead back as well. That is, when its ends are strongly connected there (Tarjan's algorithm,
 * with a stack of its own: clouds are larger than the machine's). The forest takes arcs with mass
 * first, so that arcs without mass are loops where possible. Cost O((n + m + arcs) log n), memory a
 * few words a node and arc.
 */
#include <string.h>

#include "api/optimum.h"

static int64_t row_node(const wg_circuits *graph, int64_t arc) { return graph->arcs[arc].row; }
static int64_t col_node(const wg_circuits *graph, int64_t arc) {
  return graph->n + graph->arcs[arc].col;
}

static int list_touching(wg_mem *mem, wg_circuits *graph) {
  const int64_t nodes = graph->n + graph->m;
  graph->first = WG_NEW(mem, int64_t, nodes + 1);
  graph->touching = WG_NEW(mem, int64_t, 2 * graph->count);
  if (!graph->first || !graph->touching) return wg_no_memory();
  int64_t *first = graph->first;
  for (int64_t e = 0; e < graph->count; e++) {
    first[row_node(graph, e)]++;
    first[col_node(graph, e)]++;
  }
  for (int64_t v = 0; v < nodes; v++) first[v + 1] += first[v];
  for (int64_t e = graph->count - 1; e >= 0; e--) { /* first[v] walks down to its place */
    graph->touching[--first[row_node(graph, e)]] = e;
    graph->touching[--first[col_node(graph, e)]] = e;
  }
  return WG_OK;
}

static int64_t root_of(int64_t *leader, int64_t v) {
  while (leader[v] != v) v = leader[v] = leader[leader[v]];
  return v;
}

/* Marks forest arcs, those with mass first; lists the others. */
static void choose_forest(wg_circuits *graph, int64_t *leader, bool *of_forest) {
  const int64_t nodes = graph->n + graph->m;
  for (int64_t v = 0; v < nodes; v++) leader[v] = v;
  graph->components = nodes;
  for (int with_mass = 1; with_mass >= 0; with_mass--) {
    for (int64_t e = 0; e < graph->count; e++) {
      if ((graph->arcs[e].mass > 0.0) != with_mass) continue;
      const int64_t row = root_of(leader, row_node(graph, e));
      const int64_t col = root_of(leader, col_node(graph, e));
      of_forest[e] = row != col;
      leader[row] = col;
      graph->components -= row != col;
      if (row == col) graph->loop[graph->loops++] = e;
    }
  }
}

/* Hangs the forest: order and parents, breadth first from the first node of each tree. */
static void hang_forest(wg_circuits *graph, const bool *of_forest, bool *seen) {
  int64_t filled = 0;
  for (int64_t root = 0; root < graph->n + graph->m; root++) {
    if (seen[root]) continue;
    seen[root] = true;
    graph->parent[root] = -1;
    graph->order[filled++] = root;
    for (int64_t at = filled - 1; at < filled; at++) {
      const int64_t v = graph->order[at];
      for (int64_t k = graph->first[v]; k < graph->first[v + 1]; k++) {
        const int64_t e = graph->touching[k];
        const int64_t w = v < graph->n ? col_node(graph, e) : row_node(graph, e);
        if (!of_forest[e] || seen[w]) continue;
        seen[w] = true;
        graph->parent[w] = e;
        graph->order[filled++] = w;
      }
    }
  }
}

int wg_circuits_make(wg_mem *mem, int64_t n, int64_t m, int64_t count, const wg_arc *arcs,
                     wg_circuits *graph) {
  *graph = (wg_circuits){.n = n, .m = m, .count = count, .arcs = arcs};
  WG_TRY(list_touching(mem, graph));
  graph->order = WG_NEW(mem, int64_t, n + m);
  graph->parent = WG_NEW(mem, int64_t, n + m);
  graph->loop = WG_NEW(mem, int64_t, count);
  int64_t *leader = WG_NEW(mem, int64_t, n + m);
  bool *of_forest = WG_NEW(mem, bool, count), *seen = WG_NEW(mem, bool, n + m);
  if (!graph->order || !graph->parent || !graph->loop || !leader || !of_forest || !seen)
    return wg_no_memory();
  choose_forest(graph, leader, of_forest);
  hang_forest(graph, of_forest, seen);
  wg_drop(mem, leader);
  wg_drop(mem, of_forest);
  wg_drop(mem, seen);
  return WG_OK;
}

/* ---- the residual graph ---- */

/* Where arc e leads from node v, or -1. */
static int64_t residual_end(const wg_circuits *graph, int64_t v, int64_t e) {
  if (v < graph->n) return col_node(graph, e);
  return graph->arcs[e].mass > 0.0 ? row_node(graph, e) : -1;
}

typedef struct tarjan {
  const wg_circuits *graph;
  int64_t *number, *low; /* order of discovery from 1 on; the least one that can be reached back */
  int64_t *next;         /* of touching, by node       */
  int64_t *path, *open;  /* stacks: the walk, and nodes without a component yet */
  int64_t *component;    /* 0: none yet */
  int64_t found, waiting, components;
} tarjan;

static void enter(tarjan *t, int64_t v, int64_t *depth) {
  t->number[v] = t->low[v] = ++t->found;
  t->next[v] = t->graph->first[v];
  t->path[(*depth)++] = v;
  t->open[t->waiting++] = v;
}

/* Closes the component of v if v is the first node of it that was met. */
static void leave(tarjan *t, int64_t v) {
  if (t->low[v] != t->number[v]) return;
  t->components++;
  int64_t last;
  do {
    last = t->open[--t->waiting];
    t->component[last] = t->components;
  } while (last != v);
}

static void explore(tarjan *t, int64_t root) {
  int64_t depth = 0;
  enter(t, root, &depth);
  while (depth) {
    const int64_t v = t->path[depth - 1];
    if (t->next[v] == t->graph->first[v + 1]) {
      leave(t, v);
      if (--depth) t->low[t->path[depth - 1]] = WG_MIN(t->low[t->path[depth - 1]], t->low[v]);
      continue;
    }
    const int64_t w = residual_end(t->graph, v, t->graph->touching[t->next[v]++]);
    if (w < 0 || t->component[w]) continue;
    if (t->number[w])
      t->low[v] = WG_MIN(t->low[v], t->number[w]);
    else
      enter(t, w, &depth);
  }
}

int wg_circuits_prune(const wg_circuits *graph, wg_mem *mem, wg_arc_list *kept) {
  const int64_t nodes = graph->n + graph->m;
  int64_t *room = WG_NEW(mem, int64_t, 6 * nodes);
  kept->arcs = WG_NEW(mem, wg_arc, graph->count);
  if (!room || !kept->arcs) return wg_no_memory();
  tarjan t = {.graph = graph,
              .number = room,
              .low = room + nodes,
              .next = room + 2 * nodes,
              .path = room + 3 * nodes,
              .open = room + 4 * nodes,
              .component = room + 5 * nodes};
  for (int64_t v = 0; v < nodes; v++)
    if (!t.number[v]) explore(&t, v);
  kept->count = 0;
  for (int64_t e = 0; e < graph->count; e++)
    if (graph->arcs[e].mass > 0.0 ||
        t.component[row_node(graph, e)] == t.component[col_node(graph, e)])
      kept->arcs[kept->count++] = graph->arcs[e];
  wg_drop(mem, room);
  return WG_OK;
}

/* Breadth first from the loop's column to its row, in the residual graph without the loop. from[v]:
 * the arc that led to v, -1 unseen. */
static bool search(const wg_circuits *graph, int64_t loop, int64_t *from, int64_t *queue) {
  const int64_t start = col_node(graph, loop), goal = row_node(graph, loop);
  int64_t filled = 1;
  queue[0] = start;
  from[start] = loop;
  for (int64_t at = 0; at < filled && from[goal] < 0; at++) {
    const int64_t v = queue[at];
    for (int64_t k = graph->first[v]; k < graph->first[v + 1]; k++) {
      const int64_t e = graph->touching[k], w = residual_end(graph, v, e);
      if (e == loop || w < 0 || from[w] >= 0) continue;
      from[w] = e;
      queue[filled++] = w;
    }
  }
  return from[goal] >= 0;
}

int wg_circuits_reroute(const wg_circuits *graph, wg_mem *mem, int64_t loop, int64_t *path,
                        int64_t *length) {
  const int64_t nodes = graph->n + graph->m, start = col_node(graph, loop);
  int64_t *from = WG_NEW(mem, int64_t, nodes), *queue = WG_NEW(mem, int64_t, nodes);
  if (!from || !queue) return wg_no_memory();
  for (int64_t v = 0; v < nodes; v++) from[v] = -1;
  *length = 0;
  if (search(graph, loop, from, queue)) {
    path[(*length)++] = loop;
    for (int64_t v = row_node(graph, loop); v != start;) {
      const int64_t e = path[(*length)++] = from[v];
      v = v < graph->n ? col_node(graph, e) : row_node(graph, e);
    }
  }
  wg_drop(mem, from);
  wg_drop(mem, queue);
  return WG_OK;
}
