/* From the transport engine's arcs to the interior point and back.
 *
 * The arcs that matter to W_gamma are those that carry mass in the couplings that count, and those
 * that nearly do at the best dual point, found in the transport engine's pool. The interior point
 * finds the best coupling on them all; an exact transport solve under its Q then tells whether an
 * arc was missing, and brings it in. Cost of the sorts, O(arcs log arcs), and the interior point.
 */
#include <stdlib.h>
#include <string.h>

#include "spectral/graph.h"
#include "spectral/interior.h"
#include "spectral/state.h"

enum { NEAREST = 8 }; /* arcs a row and a column from the pool */

/* An arc: row * m + col, and how far the best dual point is from using it. */
typedef struct candidate {
  int64_t arc;
  double reduced;
} candidate;

static int by_arc(const void *left, const void *right) {
  const int64_t a = ((const candidate *)left)->arc, b = ((const candidate *)right)->arc;
  return (a > b) - (a < b);
}

static int by_reduced(const void *left, const void *right) {
  const candidate *a = left, *b = right;
  if (a->reduced != b->reduced) return a->reduced > b->reduced ? 1 : -1;
  return by_arc(left, right);
}

static double reduced_cost(const wg_spectral *s, int64_t row, int64_t col) {
  const double *x = s->x + row * s->d, *y = s->y + col * s->d;
  double cost = 0.0;
  for (int64_t i = 0; i < s->d; i++) {
    double sum = 0.0;
    for (int64_t j = 0; j < s->d; j++) sum += s->q[i * s->d + j] * (y[j] - x[j]);
    cost += sum * (y[i] - x[i]);
  }
  return cost - s->f[row] - s->g[col];
}

/* The arcs that carry mass in a coupling of the best combination, or in the newest. */
static int64_t list_used(const wg_spectral *s, candidate *list) {
  int64_t count = 0;
  for (int64_t k = 0; k < s->count; k++) {
    if (s->weights[k] <= 0.0 && k + NEAREST < s->count) continue;
    const wg_coupling *plan = &s->couplings[k];
    for (int64_t e = 0; e < plan->count; e++)
      list[count++] = (candidate){plan->row[e] * s->m + plan->col[e], 0.0};
  }
  return count;
}

/* Keeps, of the pool sorted by reduced cost, the first few of each row and column. */
static int64_t keep_nearest(const wg_spectral *s, int32_t *taken, candidate *pool, int64_t count) {
  int64_t kept = 0;
  for (int64_t e = 0; e < count; e++) {
    int32_t *of_row = &taken[pool[e].arc / s->m], *of_col = &taken[s->n + pool[e].arc % s->m];
    if (*of_row >= NEAREST && *of_col >= NEAREST) continue;
    ++*of_row;
    ++*of_col;
    pool[kept++] = pool[e];
  }
  return kept;
}

static int64_t drop_repeated(candidate *list, int64_t count) {
  int64_t kept = 0;
  qsort(list, (size_t)count, sizeof *list, by_arc);
  for (int64_t e = 0; e < count; e++)
    if (e == 0 || list[e].arc != list[e - 1].arc) list[kept++] = list[e];
  return kept;
}

/* The arcs that matter, each once, by row. They need not connect all points (transport of rank one
 * keeps no pool): then there is nothing for the interior point. */
static int gather(wg_spectral *s, wg_mem *mem, wg_interior_problem *p, bool *connected) {
  const int64_t pool = wg_ot_last_stats(s->ot).arcs;
  int64_t most = pool;
  for (int64_t k = 0; k < s->count; k++) most += s->couplings[k].count;
  int32_t *row = WG_NEW(mem, int32_t, most), *col = WG_NEW(mem, int32_t, most);
  int32_t *taken = WG_NEW(mem, int32_t, s->n + s->m);
  candidate *list = WG_NEW(mem, candidate, most);
  if (!row || !col || !taken || !list) return wg_no_memory();
  wg_ot_arcs(s->ot, row, col);
  for (int64_t e = 0; e < pool; e++)
    list[e] = (candidate){row[e] * s->m + col[e], reduced_cost(s, row[e], col[e])};
  qsort(list, (size_t)pool, sizeof *list, by_reduced);
  p->count = keep_nearest(s, taken, list, pool);
  p->count = drop_repeated(list, p->count + list_used(s, list + p->count));
  for (int64_t e = 0; e < p->count; e++) {
    row[e] = (int32_t)(list[e].arc / s->m);
    col[e] = (int32_t)(list[e].arc % s->m);
  }
  p->row = row;
  p->col = col;
  *connected = wg_graph_connects(s->n, s->m, p->count, row, col, taken);
  wg_drop(mem, list);
  return WG_OK;
}

static int describe(wg_spectral *s, wg_mem *mem, wg_interior_problem *p) {
  const int64_t d = s->d;
  double *supply = WG_NEW(mem, double, s->n), *demand = WG_NEW(mem, double, s->m);
  double *rays = WG_NEW(mem, double, p->count *d), *base = WG_NEW(mem, double, d *d);
  if (!supply || !demand || !rays || !base) return wg_no_memory();
  for (int64_t i = 0; i < s->n; i++) supply[i] = (double)s->supply[i] / (double)s->total;
  for (int64_t j = 0; j < s->m; j++) demand[j] = (double)s->demand[j] / (double)s->total;
  for (int64_t e = 0; e < p->count; e++)
    for (int64_t k = 0; k < d; k++)
      rays[e * d + k] = s->y[p->col[e] * d + k] - s->x[p->row[e] * d + k];
  for (int64_t i = 0; i < d * d; i++) base[i] = s->delta[i / d] * s->delta[i % d];
  p->supply = supply;
  p->demand = demand;
  p->rays = rays;
  p->base = base;
  return WG_OK;
}

static int append(wg_spectral *s, const wg_interior_problem *p, const double *mass) {
  int64_t count = 0;
  for (int64_t e = 0; e < p->count; e++) count += mass[e] > 0.0;
  wg_coupling plan = {0, WG_NEW(&s->mem, int64_t, count), WG_NEW(&s->mem, int64_t, count),
                      WG_NEW(&s->mem, double, count)};
  if (!plan.row || !plan.col || !plan.mass) return wg_no_memory();
  for (int64_t e = 0; e < p->count; e++) {
    if (!(mass[e] > 0.0)) continue;
    plan.row[plan.count] = p->row[e];
    plan.col[plan.count] = p->col[e];
    plan.mass[plan.count++] = mass[e];
  }
  WG_TRY(wg_columns_reserve(s));
  s->couplings[s->count] = plan;
  wg_columns_moment(s, &plan, s->moments + s->count * s->d * s->d);
  s->weights[s->count++] = 0.0;
  return WG_OK;
}

/* The new column may be better than every combination so far. */
static int take_if_best(wg_spectral *s, const wg_gauge_spec *spec, wg_mem *mem) {
  double value;
  const double *moment = s->moments + (s->count - 1) * s->d * s->d;
  WG_TRY(wg_gauge_value(spec, moment, mem, &value));
  if (!(value < s->upper)) return WG_OK;
  s->upper = value;
  memset(s->weights, 0, (size_t)s->count * sizeof(double));
  s->weights[s->count - 1] = 1.0;
  return WG_OK;
}

/* The interior point on connected arcs; what it finds is one more column. */
static int solve_on(wg_spectral *s, wg_mem *mem, wg_interior_problem *p, double *q, bool *found) {
  double lower = 0.0, upper = INFINITY;
  WG_TRY(describe(s, mem, p));
  double *mass = WG_NEW(mem, double, p->count);
  if (!mass) return wg_no_memory();
  WG_TRY(wg_interior_solve(s->context, p, mass, q, &lower, &upper));
  *found = isfinite(upper) && isfinite(lower);
  if (!*found) return WG_OK;
  WG_TRY(append(s, p, mass));
  return take_if_best(s, p->spec, mem);
}

int wg_arcs_solve(wg_spectral *s, const wg_gauge_spec *spec, double tol, double *q, bool *found) {
  wg_mem mem = wg_mem_of(&s->context->ledger);
  wg_interior_problem p = {.spec = spec, .n = s->n, .m = s->m, .scale = s->upper, .tol = tol};
  bool connected = false;
  *found = false;
  int status = gather(s, &mem, &p, &connected);
  if (status == WG_OK && connected) status = solve_on(s, &mem, &p, q, found);
  wg_mem_clear(&mem);
  return status;
}
