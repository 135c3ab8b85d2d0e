/* Potentials that cancel: the last digits where W is tiny beside the clouds.
 *
 * The search's potentials belong to its own factor of Q, and the certificate's costs are those of Q
 * itself, (y - x)'Q (y - x); the two agree to rounding of the largest costs, and that may be more
 * than W. On the arcs of the transport basis potentials and costs are equal. They are computed
 * again along that forest, in pairs of doubles, with Q and differences of the points as given,
 * formed exactly: equal there to some 2^-100 of their size. One potential of each tree stays. Cost
 * O((n + m) d^2), in pairs; memory 5 words a point.
 */
#include <string.h>

#include "api/api.h"

/* The forest: nodes are distinct points, rows then columns. */
typedef struct forest {
  const wg_solver *s;
  const wg_spectral_answer *answer;
  int64_t nodes;
  int64_t *head,
      *next; /* lists of half-arcs: 2 e at the row's end of arc e, 2 e + 1 at the other */
  int64_t *queue;
  bool *seen;
  wg_twofold *potential;
} forest;

static int make_forest(const wg_solver *s, const wg_spectral_answer *answer, wg_mem *mem,
                       forest *t) {
  const int64_t nodes = s->cx.n + s->cy.n;
  *t = (forest){.s = s,
                .answer = answer,
                .nodes = nodes,
                .head = WG_NEW(mem, int64_t, nodes),
                .next = WG_NEW(mem, int64_t, 2 * answer->tight),
                .queue = WG_NEW(mem, int64_t, nodes),
                .seen = WG_NEW(mem, bool, nodes),
                .potential = WG_NEW(mem, wg_twofold, nodes)};
  if (!t->head || !t->next || !t->queue || !t->seen || !t->potential) return wg_no_memory();
  for (int64_t i = 0; i < nodes; i++) t->head[i] = -1;
  for (int64_t half = 0; half < 2 * answer->tight; half++) {
    const int64_t e = half / 2;
    const int64_t node = half % 2 ? s->cx.n + answer->tight_col[e] : answer->tight_row[e];
    t->next[half] = t->head[node];
    t->head[node] = half;
  }
  for (int64_t i = 0; i < s->cx.n; i++)
    t->potential[i] = wg_twofold_sum(answer->f[i], answer->f_low[i]);
  for (int64_t j = 0; j < s->cy.n; j++)
    t->potential[s->cx.n + j] = wg_twofold_sum(answer->g[j], answer->g_low[j]);
  return WG_OK;
}

/* (y - x)'Q (y - x) of distinct points. */
static wg_twofold exact_cost(const forest *t, int64_t row, int64_t col) {
  const int64_t d = t->s->d;
  const double *x = t->s->cx.points + row * d, *y = t->s->cy.points + col * d;
  wg_twofold cost = {0};
  for (int64_t i = 0; i < d; i++) {
    wg_twofold part = {0};
    for (int64_t k = 0; k < d; k++) {
      const wg_twofold entry = {t->s->q[i * d + k], 0.0};
      part = wg_twofold_add(part, wg_twofold_multiply(entry, wg_twofold_sum(y[k], -x[k])));
    }
    cost = wg_twofold_add(cost, wg_twofold_multiply(part, wg_twofold_sum(y[i], -x[i])));
  }
  return cost;
}

/* From a node on, breadth first: the other end of an arc gets what the cost leaves. */
static void walk_tree(forest *t, int64_t top) {
  int64_t begin = 0, end = 0;
  t->seen[top] = true;
  t->queue[end++] = top;
  while (begin < end) {
    const int64_t node = t->queue[begin++];
    for (int64_t half = t->head[node]; half >= 0; half = t->next[half]) {
      const int64_t e = half / 2, row = t->answer->tight_row[e], col = t->answer->tight_col[e];
      const int64_t other = half % 2 ? row : t->s->cx.n + col;
      if (t->seen[other]) continue;
      t->seen[other] = true;
      t->potential[other] = wg_twofold_subtract(exact_cost(t, row, col), t->potential[node]);
      t->queue[end++] = other;
    }
  }
}

static void spread_pairs(const wg_cloud *cloud, const wg_twofold *potential, double *high,
                         double *low) {
  for (int64_t group = 0; group < cloud->n; group++)
    for (int64_t at = cloud->first[group]; at < cloud->first[group + 1]; at++) {
      high[cloud->members[at]] = potential[group].high;
      low[cloud->members[at]] = potential[group].low;
    }
}

int wg_tighten_potentials(wg_solver *s, const wg_spectral_answer *answer) {
  wg_mem mem = wg_mem_of(&s->context.ledger);
  forest t;
  const int status = make_forest(s, answer, &mem, &t);
  for (int64_t node = 0; status == WG_OK && node < t.nodes; node++)
    if (!t.seen[node]) walk_tree(&t, node);
  if (status == WG_OK) {
    spread_pairs(&s->cx, t.potential, s->f, s->f_low);
    spread_pairs(&s->cy, t.potential + s->cx.n, s->g, s->g_low);
  }
  wg_mem_clear(&mem);
  return status;
}
