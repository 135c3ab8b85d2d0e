/* Weighted least squares by potentials u_i + v_j on the arcs of a bipartite graph.
 *
 * Every step of the arc interior point projects some functions on the arcs off the potentials, in a
 * norm whose weights span twenty powers of ten. Three things keep the digits. A spanning tree of
 * the heaviest arcs: on it the potentials are set exactly, so that only what circulates around
 * cycles is left to fit. The rows are eliminated first, and the diagonal of what remains, a
 * Laplacian of the columns, is the sum of its off-diagonal entries: nothing cancels. And one step
 * of refinement.
 * Cost O(count deg + m^3 / 3) to weigh, O(m^2 + count) per function to fit; memory 8 m^2 bytes.
 */
#include "spectral/graph.h"

#include <string.h>

#include "linalg/la.h"

enum { PANEL = 48, STRIP = 256 };

struct wg_graph {
  int64_t n, m, count;
  const int32_t *row, *col;
  int64_t *first;  /* n + 1: where each row begins in by_row        */
  int32_t *by_row; /* arcs, row by row                              */
  const double *theta;
  double *row_sum; /* n                                             */
  double *factor;  /* m x m: the last column is grounded            */
  double *pivot;   /* m                                             */
  double *shares;  /* m x PANEL: scratch                            */
  /* the tree, from the root (the last column) down: nodes are rows, then columns */
  int32_t *order, *above, *arc; /* n + m: k-th node, its parent, its arc */
  int32_t *by_weight;           /* count                                 */
  int32_t *set, *link;          /* scratch of the tree: n + m, and 4 (n + m) */
  wg_mem *mem;
  double *rest; /* scratch of the fits, grown */
  int64_t rest_size;
};

static void list_by_rows(wg_graph *g) {
  for (int64_t e = 0; e < g->count; e++)
    if (g->row[e] + 2 <= g->n) g->first[g->row[e] + 2]++;
  for (int64_t i = 2; i <= g->n; i++) g->first[i] += g->first[i - 1];
  for (int64_t e = 0; e < g->count; e++) g->by_row[g->first[g->row[e] + 1]++] = (int32_t)e;
}

int wg_graph_create(wg_mem *mem, int64_t n, int64_t m, int64_t count, const int32_t *row,
                    const int32_t *col, wg_graph **graph) {
  const int64_t nodes = n + m;
  wg_graph *g = WG_NEW(mem, wg_graph, 1);
  if (!g) return wg_no_memory();
  *g = (wg_graph){.n = n,
                  .m = m,
                  .count = count,
                  .row = row,
                  .col = col,
                  .first = WG_NEW(mem, int64_t, n + 1),
                  .by_row = WG_NEW(mem, int32_t, count),
                  .row_sum = WG_NEW(mem, double, n),
                  .factor = WG_NEW(mem, double, m *m),
                  .pivot = WG_NEW(mem, double, m),
                  .shares = WG_NEW(mem, double, m *PANEL),
                  .order = WG_NEW(mem, int32_t, nodes),
                  .above = WG_NEW(mem, int32_t, nodes),
                  .arc = WG_NEW(mem, int32_t, nodes),
                  .by_weight = WG_NEW(mem, int32_t, count),
                  .set = WG_NEW(mem, int32_t, nodes),
                  .link = WG_NEW(mem, int32_t, 5 * nodes),
                  .mem = mem};
  if (!g->first || !g->by_row || !g->row_sum || !g->factor || !g->pivot || !g->shares ||
      !g->order || !g->above || !g->arc || !g->by_weight || !g->set || !g->link)
    return wg_no_memory();
  list_by_rows(g);
  *graph = g;
  return WG_OK;
}

/* ---- the tree ---- */

/* Sixteen leading bits of a positive double: its size to within a sixteenth. */
static uint32_t size_class(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (uint32_t)(bits >> 48);
}

static int sort_by_weight(wg_graph *g) {
  enum { CLASSES = 1 << 16 };
  int64_t *begin = WG_NEW(g->mem, int64_t, CLASSES + 1);
  if (!begin) return wg_no_memory();
  for (int64_t e = 0; e < g->count; e++) begin[CLASSES - size_class(g->theta[e])]++;
  for (int64_t c = 1; c <= CLASSES; c++) begin[c] += begin[c - 1];
  for (int64_t e = g->count - 1; e >= 0; e--)
    g->by_weight[--begin[CLASSES - size_class(g->theta[e])]] = (int32_t)e;
  wg_drop(g->mem, begin);
  return WG_OK;
}

static int32_t find_set(int32_t *set, int32_t node) {
  while (set[node] != node) node = set[node] = set[set[node]];
  return node;
}

bool wg_graph_connects(int64_t n, int64_t m, int64_t count, const int32_t *row, const int32_t *col,
                       int32_t *set) {
  int64_t parts = n + m;
  for (int32_t k = 0; k < n + m; k++) set[k] = k;
  for (int64_t e = 0; e < count; e++) {
    const int32_t from = find_set(set, row[e]), to = find_set(set, (int32_t)n + col[e]);
    if (from == to) continue;
    set[from] = to;
    parts--;
  }
  return parts == 1;
}

/* Kruskal's tree as a list of half-arcs at each node: link = head of each node's list, then next
 * half-arc and arc of each. Half-arc 2k is at the row of the k-th tree arc, 2k + 1 at its column.
 */
static void choose_arcs(wg_graph *g) {
  const int32_t nodes = (int32_t)(g->n + g->m);
  int32_t *head = g->link, *next = g->link + nodes, *arc = g->link + 3 * nodes, halves = 0;
  for (int32_t k = 0; k < nodes; k++) {
    g->set[k] = k;
    head[k] = -1;
  }
  for (int64_t k = 0; k < g->count && halves < 2 * (nodes - 1); k++) {
    const int32_t e = g->by_weight[k], ends[2] = {g->row[e], (int32_t)g->n + g->col[e]};
    const int32_t from = find_set(g->set, ends[0]), to = find_set(g->set, ends[1]);
    if (from == to) continue;
    g->set[from] = to;
    for (int side = 0; side < 2; side++) {
      arc[halves] = e;
      next[halves] = head[ends[side]];
      head[ends[side]] = halves++;
    }
  }
}

static int grow_tree(wg_graph *g) {
  const int32_t nodes = (int32_t)(g->n + g->m);
  const int32_t *head = g->link, *next = g->link + nodes, *arc = g->link + 3 * nodes;
  WG_TRY(sort_by_weight(g));
  choose_arcs(g);
  int32_t known = 1;
  g->order[0] = nodes - 1;
  g->above[0] = g->arc[0] = -1;
  for (int32_t k = 0; k < known; k++) {
    const int32_t node = g->order[k];
    for (int32_t h = head[node]; h >= 0; h = next[h]) {
      const int32_t e = arc[h];
      const int32_t other = h % 2 ? g->row[e] : (int32_t)g->n + g->col[e];
      if (e == g->arc[k]) continue; /* the way to the parent */
      g->order[known] = other;
      g->above[known] = node;
      g->arc[known++] = e;
    }
  }
  return known == nodes ? WG_OK : wg_fail(WG_ERR_INTERNAL, "the arcs do not connect all points");
}

/* ---- weighing ---- */

/* The columns' Laplacian, as ties (minus its off-diagonal entries, lower triangle): each row ties
 * its columns pairwise, by theta theta' / row sum. */
static void assemble(wg_graph *g) {
  const int64_t m = g->m;
  memset(g->factor, 0, (size_t)(m * m) * sizeof(double));
  for (int64_t i = 0; i < g->n; i++) {
    for (int64_t p = g->first[i]; p < g->first[i + 1]; p++) {
      const int32_t a = g->col[g->by_row[p]];
      const double share = g->theta[g->by_row[p]] / g->row_sum[i];
      for (int64_t q = g->first[i]; q < p; q++) {
        const int32_t b = g->col[g->by_row[q]];
        g->factor[WG_MAX(a, b) * m + WG_MIN(a, b)] += share * g->theta[g->by_row[q]];
      }
    }
  }
}

/* ---- Cholesky's factor of the Laplacian without its last row and column ----
 * From ties alone: a pivot is the sum of its ties, and eliminating a column adds ties between its
 * neighbours. Nothing is ever subtracted, so every entry has full relative accuracy whatever the
 * weights. By panels of columns, so that nearly all work is matrix products. */

/* Brings the ties of columns begin .. end - 1 up to date and finds their pivots. */
static int eliminate_panel(wg_graph *g, int64_t begin, int64_t end) {
  const int64_t m = g->m;
  double *a = g->factor;
  for (int64_t k = begin; k < end; k++) {
    double share[PANEL], pivot = 0.0;
    for (int64_t l = begin; l < k; l++) share[l - begin] = a[k * m + l] / g->pivot[l];
    for (int64_t i = k + 1; i < m; i++) {
      const double *ties = a + i * m + begin;
      double sum = a[i * m + k];
      for (int64_t l = 0; l < k - begin; l++) sum += ties[l] * share[l];
      a[i * m + k] = sum;
      pivot += sum;
    }
    if (!(pivot > 0.0) || !isfinite(pivot)) return 1;
    g->pivot[k] = pivot;
  }
  return WG_OK;
}

/* The ties that a panel's elimination adds between the columns after it. */
static void update_rest(wg_graph *g, int64_t begin, int64_t end) {
  const int64_t m = g->m, width = end - begin;
  double *a = g->factor;
  for (int64_t i = end; i < m; i++)
    for (int64_t l = 0; l < width; l++)
      g->shares[i * PANEL + l] = a[i * m + begin + l] / g->pivot[begin + l];
  for (int64_t j = end; j < m; j += STRIP) {
    const int64_t columns = WG_MIN((int64_t)STRIP, m - j);
    wg_la_gemm(false, true, m - j, columns, width, 1.0, a + j * m + begin, m, g->shares + j * PANEL,
               PANEL, 1.0, a + j * m + j, m);
  }
}

static int factorise(wg_graph *g) {
  const int64_t m = g->m;
  double *a = g->factor;
  for (int64_t begin = 0; begin + 1 < m; begin += PANEL) {
    const int64_t end = WG_MIN(begin + PANEL, m - 1);
    if (eliminate_panel(g, begin, end)) return 1;
    update_rest(g, begin, end);
  }
  for (int64_t k = 0; k + 1 < m; k++) g->pivot[k] = sqrt(g->pivot[k]);
  for (int64_t i = 0; i < m; i++) {
    for (int64_t k = 0; k < i; k++) a[i * m + k] /= -g->pivot[k];
    if (i + 1 < m) a[i * m + i] = g->pivot[i];
  }
  return WG_OK;
}

int wg_graph_weigh(wg_graph *g, const double *theta) {
  g->theta = theta;
  for (int64_t i = 0; i < g->n; i++) g->row_sum[i] = 0.0;
  for (int64_t e = 0; e < g->count; e++) {
    if (!(theta[e] > 0.0) || !isfinite(theta[e])) return 1;
    g->row_sum[g->row[e]] += theta[e];
  }
  WG_TRY(grow_tree(g));
  assemble(g);
  return factorise(g);
}

/* ---- fitting ---- */

/* Solves for k right-hand sides ((n + m) x k) in place: potentials of rows, then columns. */
static void solve(const wg_graph *g, int64_t k, double *rest) {
  double *columns = rest + g->n * k;
  for (int64_t e = 0; e < g->count; e++) {
    const double share = g->theta[e] / g->row_sum[g->row[e]];
    for (int64_t c = 0; c < k; c++) columns[g->col[e] * k + c] -= share * rest[g->row[e] * k + c];
  }
  wg_la_cholesky_solve(g->m - 1, g->factor, g->m, k, columns);
  for (int64_t c = 0; c < k; c++) columns[(g->m - 1) * k + c] = 0.0;
  for (int64_t i = 0; i < g->n; i++)
    for (int64_t c = 0; c < k; c++) rest[i * k + c] /= g->row_sum[i];
  for (int64_t e = 0; e < g->count; e++) {
    const double share = g->theta[e] / g->row_sum[g->row[e]];
    for (int64_t c = 0; c < k; c++) rest[g->row[e] * k + c] -= share * columns[g->col[e] * k + c];
  }
}

static void subtract(const wg_graph *g, int64_t k, const double *nodes, double *values) {
  for (int64_t e = 0; e < g->count; e++) {
    const double *u = nodes + g->row[e] * k, *v = nodes + (g->n + g->col[e]) * k;
    for (int64_t c = 0; c < k; c++) values[e * k + c] -= u[c] + v[c];
  }
}

void wg_graph_fit_tree(const wg_graph *g, int64_t k, const double *values, double *nodes) {
  const int64_t count = g->n + g->m;
  for (int64_t c = 0; c < k; c++) nodes[g->order[0] * k + c] = 0.0;
  for (int64_t t = 1; t < count; t++)
    for (int64_t c = 0; c < k; c++)
      nodes[g->order[t] * k + c] = values[g->arc[t] * k + c] - nodes[g->above[t] * k + c];
}

static void subtract_tree_fit(const wg_graph *g, int64_t k, double *values, double *nodes) {
  const int64_t count = g->n + g->m;
  wg_graph_fit_tree(g, k, values, nodes);
  subtract(g, k, nodes, values);
  for (int64_t t = 1; t < count; t++) memset(values + g->arc[t] * k, 0, (size_t)k * sizeof(double));
}

static void correct(const wg_graph *g, int64_t k, double *values, double *nodes) {
  const int64_t size = (g->n + g->m) * k;
  memset(g->rest, 0, (size_t)size * sizeof(double));
  for (int64_t e = 0; e < g->count; e++)
    for (int64_t c = 0; c < k; c++) {
      const double pull = g->theta[e] * values[e * k + c];
      g->rest[g->row[e] * k + c] += pull;
      g->rest[(g->n + g->col[e]) * k + c] += pull;
    }
  solve(g, k, g->rest);
  subtract(g, k, g->rest, values);
  for (int64_t i = 0; i < size; i++) nodes[i] += g->rest[i];
}

int wg_graph_fit(wg_graph *g, int64_t k, double *values, double *nodes) {
  const int64_t size = (g->n + g->m) * k;
  if (size > g->rest_size) {
    double *rest = WG_GROW(g->mem, g->rest, double, size);
    if (!rest) return wg_no_memory();
    g->rest = rest;
    g->rest_size = size;
  }
  subtract_tree_fit(g, k, values, nodes);
  correct(g, k, values, nodes);
  correct(g, k, values, nodes); /* refinement */
  return WG_OK;
}

void wg_graph_solve(const wg_graph *g, double *rest) { solve(g, 1, rest); }

void wg_graph_conserve(const wg_graph *g, double *rest, double *flow) {
  for (int64_t t = g->n + g->m - 1; t > 0; t--) {
    flow[g->arc[t]] += rest[g->order[t]];
    rest[g->above[t]] -= rest[g->order[t]];
  }
}

int wg_graph_repair(wg_graph *g, double *rest, double *mass) {
  g->theta = mass;
  WG_TRY(grow_tree(g));
  wg_graph_conserve(g, rest, mass);
  return WG_OK;
}
