/* Masses of a plan that add up: row i to a_i and column j to b_j A / B, to twice the precision of a
 * double.
 *
 * The engine moves whole quanta near 2^-60, weights are any doubles, so the masses it returns miss
 * the weights as given by about 1e-18, which the certificate would price at the largest distance.
 * The entries are the edges of a graph between rows and columns. On a spanning forest of heaviest
 * edges (Kruskal) the masses follow from the marginals and from the entries off the forest: from
 * the leaves inward, the edge of a vertex takes what the vertex lacks. Masses and remainders are
 * unevaluated sums of two doubles, error about 2^-105. An edge that would go below zero gets
 * nothing; what a component lacks as a whole stays at its root, a column. Both are left for the
 * certificate to price.
 *
 * So an entry that is alone in its row holds the weight to the bit, and where all sums are short
 * numbers all marginals are exact. Cost O(N log N) for N entries, memory O(N + n + m). */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/exact.h"

typedef struct pair {
  double high, low;
} pair;

static pair pair_plus(pair a, pair b) {
  double slip, low;
  const double sum = wg_two_sum(a.high, b.high, &slip);
  const double high = wg_two_sum(sum, slip + (a.low + b.low), &low);
  return (pair){high, low};
}

static pair pair_minus(pair a, pair b) { return pair_plus(a, (pair){-b.high, -b.low}); }

typedef struct edge { /* of the forest, as seen from a vertex */
  int64_t entry, other;
} edge;

typedef struct forest {
  wg_lift_entries *plan;
  int64_t n, count; /* rows; vertices: rows, then columns            */
  pair *lacks;      /* of each vertex: what its entries do not give  */
  int64_t *heavy;   /* the entries, by decreasing mass               */
  int64_t *leader;  /* union-find over the vertices                  */
  bool *chosen;     /* entries of the forest                         */
  int64_t *begin;   /* count + 1: where the edges of a vertex begin  */
  edge *edges;
  int64_t *order, *via; /* vertices from the roots outward; entry to the parent, -1 at a root */
} forest;

/* ---- what the marginals are ---- */

/* b_j A / B */
static pair column_target(double weight, pair growth) {
  double slip;
  const double more = wg_two_product(weight, growth.high, &slip);
  return pair_plus((pair){weight, 0.0}, (pair){more, slip + weight * growth.low});
}

/* A / B - 1 */
static pair find_growth(const wg_solver *s) {
  wg_exact a = {.count = 0}, b = {.count = 0};
  for (int64_t i = 0; i < s->n; i++) wg_exact_add(&a, s->a[i]);
  for (int64_t j = 0; j < s->m; j++) wg_exact_add(&b, s->b[j]);
  wg_exact_subtract(&a, &b);
  const double total = wg_exact_value(&b), first = wg_exact_value(&a) / total;
  wg_exact quotient = {.count = 0};
  wg_exact_add(&quotient, first);
  wg_exact_add_products(&a, -1.0, &quotient, &b);
  return (pair){first, wg_exact_value(&a) / total};
}

static void set_targets(const wg_solver *s, forest *f) {
  const pair growth = find_growth(s);
  for (int64_t i = 0; i < s->n; i++) f->lacks[i] = (pair){s->a[i], 0.0};
  for (int64_t j = 0; j < s->m; j++) f->lacks[s->n + j] = column_target(s->b[j], growth);
}

/* ---- the forest ---- */

static int64_t find_leader(int64_t *leader, int64_t vertex) {
  while (leader[vertex] != vertex) vertex = leader[vertex] = leader[leader[vertex]];
  return vertex;
}

typedef struct weighted {
  double mass;
  int64_t entry;
} weighted;

static int by_mass(const void *left, const void *right) {
  const weighted *a = left, *b = right;
  if (a->mass != b->mass) return a->mass > b->mass ? -1 : 1;
  return a->entry < b->entry ? -1 : a->entry > b->entry;
}

static int sort_heavy(wg_mem *mem, forest *f) {
  const int64_t count = f->plan->count;
  weighted *keys = WG_NEW(mem, weighted, count);
  if (!keys) return wg_no_memory();
  for (int64_t e = 0; e < count; e++) keys[e] = (weighted){f->plan->mass[e], e};
  qsort(keys, (size_t)count, sizeof *keys, by_mass);
  for (int64_t e = 0; e < count; e++) f->heavy[e] = keys[e].entry;
  wg_drop(mem, keys);
  return WG_OK;
}

static int64_t end_of(const forest *f, int64_t entry, int side) {
  return side ? f->n + f->plan->col[entry] : f->plan->row[entry];
}

static void choose_edges(forest *f) {
  for (int64_t v = 0; v < f->count; v++) f->leader[v] = v;
  for (int64_t k = 0; k < f->plan->count; k++) {
    const int64_t e = f->heavy[k];
    const int64_t row = find_leader(f->leader, end_of(f, e, 0));
    const int64_t col = find_leader(f->leader, end_of(f, e, 1));
    f->chosen[e] = row != col;
    f->leader[row] = col;
  }
}

static void list_edges(forest *f) {
  for (int64_t e = 0; e < f->plan->count; e++)
    for (int side = 0; side < 2 && f->chosen[e]; side++) f->begin[end_of(f, e, side) + 1]++;
  for (int64_t v = 0; v < f->count; v++) f->begin[v + 1] += f->begin[v];
  for (int64_t e = 0; e < f->plan->count; e++)
    for (int side = 0; side < 2 && f->chosen[e]; side++)
      f->edges[f->begin[end_of(f, e, side)]++] = (edge){e, end_of(f, e, 1 - side)};
  for (int64_t v = f->count; v > 0; v--) f->begin[v] = f->begin[v - 1];
  f->begin[0] = 0;
}

/* Breadth first from the column of the heaviest edge of each component; via is -2 where nothing
 * has been yet. Returns the number of vertices met. */
static int64_t order_vertices(forest *f) {
  int64_t met = 0;
  for (int64_t v = 0; v < f->count; v++) f->via[v] = -2;
  for (int64_t k = 0; k < f->plan->count; k++) {
    const int64_t root = end_of(f, f->heavy[k], 1);
    if (f->via[root] != -2) continue;
    f->via[root] = -1;
    f->order[met] = root;
    for (int64_t at = met++; at < met; at++) {
      const int64_t v = f->order[at];
      for (int64_t i = f->begin[v]; i < f->begin[v + 1]; i++) {
        if (f->via[f->edges[i].other] != -2) continue;
        f->via[f->edges[i].other] = f->edges[i].entry;
        f->order[met++] = f->edges[i].other;
      }
    }
  }
  return met;
}

/* ---- the masses ---- */

static void settle(forest *f, int64_t met) {
  wg_lift_entries *p = f->plan;
  for (int64_t e = 0; e < p->count; e++) {
    if (f->chosen[e]) continue;
    const pair mass = {p->mass[e], 0.0};
    for (int side = 0; side < 2; side++)
      f->lacks[end_of(f, e, side)] = pair_minus(f->lacks[end_of(f, e, side)], mass);
  }
  for (int64_t at = met - 1; at >= 0; at--) {
    const int64_t v = f->order[at], e = f->via[v];
    if (e < 0) continue;
    const int64_t parent = end_of(f, e, v < f->n);
    const pair mass = f->lacks[v].high > 0.0 ? f->lacks[v] : (pair){0.0, 0.0};
    p->mass[e] = mass.high;
    p->low[e] = mass.low;
    f->lacks[parent] = pair_minus(f->lacks[parent], mass);
  }
}

static void drop_empty(wg_lift_entries *p) {
  int64_t kept = 0;
  for (int64_t e = 0; e < p->count; e++) {
    if (!(p->mass[e] > 0.0)) continue;
    p->row[kept] = p->row[e];
    p->col[kept] = p->col[e];
    p->mass[kept] = p->mass[e];
    p->low[kept++] = p->low[e];
  }
  p->count = kept;
}

int wg_repair_plan(wg_mem *mem, const wg_solver *s, wg_lift_entries *plan) {
  const int64_t vertices = s->n + s->m, count = plan->count;
  wg_mem own = wg_mem_of(mem->ledger);
  forest f = {.plan = plan,
              .n = s->n,
              .count = vertices,
              .lacks = WG_NEW(&own, pair, vertices),
              .heavy = WG_NEW(&own, int64_t, count),
              .leader = WG_NEW(&own, int64_t, vertices),
              .chosen = WG_NEW(&own, bool, count),
              .begin = WG_NEW(&own, int64_t, vertices + 1),
              .edges = WG_NEW(&own, edge, 2 * count),
              .order = WG_NEW(&own, int64_t, vertices),
              .via = WG_NEW(&own, int64_t, vertices)};
  int status = f.lacks && f.heavy && f.leader && f.chosen && f.begin && f.edges && f.order && f.via
                   ? sort_heavy(&own, &f)
                   : wg_no_memory();
  if (status == WG_OK) {
    set_targets(s, &f);
    choose_edges(&f);
    list_edges(&f);
    settle(&f, order_vertices(&f));
    drop_empty(plan);
  }
  wg_mem_clear(&own);
  return status;
}
