/* The solution on distinct points: equal points are one, points without weight are left out.
 *
 * Whether a plan is a map, and whether it is the only one, are questions about measures: a point
 * that was given twice and ships its halves to two places splits its mass. Entries are gathered by
 * group and added up. Cost O(entries log entries + n + m), memory 4 words an entry.
 */
#include "api/optimum.h"

#include <stdlib.h>

static int compare_arcs(const void *left, const void *right) {
  const wg_arc *a = left, *b = right;
  if (a->row != b->row) return a->row < b->row ? -1 : 1;
  return (a->col > b->col) - (a->col < b->col);
}

/* group[i]: the distinct point that given point i is; weights and potentials of distinct points. */
static int gather_side(wg_mem *mem, const wg_cloud *cloud, const double *weights,
                       const double *potential, int64_t **group, double **weight,
                       double **distinct) {
  *group = WG_NEW(mem, int64_t, cloud->given);
  *weight = WG_NEW(mem, double, cloud->n);
  *distinct = WG_NEW(mem, double, cloud->n);
  if (!*group || !*weight || !*distinct) return wg_no_memory();
  for (int64_t k = 0; k < cloud->n; k++) {
    for (int64_t at = cloud->first[k]; at < cloud->first[k + 1]; at++) {
      (*group)[cloud->members[at]] = k;
      (*weight)[k] += weights[cloud->members[at]];
    }
    (*distinct)[k] = potential[cloud->members[cloud->first[k]]];
  }
  return WG_OK;
}

/* Adds up arcs of one pair, sorted; returns how many are left. */
static int64_t merge_arcs(int64_t count, wg_arc *arcs) {
  int64_t kept = 0;
  for (int64_t e = 0; e < count; e++) {
    if (kept && compare_arcs(&arcs[kept - 1], &arcs[e]) == 0)
      arcs[kept - 1].mass += arcs[e].mass;
    else
      arcs[kept++] = arcs[e];
  }
  return kept;
}

int wg_distinct_make(const wg_solver *s, wg_mem *mem, wg_distinct *found) {
  int64_t *group_x, *group_y;
  *found = (wg_distinct){.n = s->cx.n, .m = s->cy.n, .d = s->d, .q = s->q};
  found->x = s->cx.points;
  found->y = s->cy.points;
  WG_TRY(gather_side(mem, &s->cx, s->a, s->f, &group_x, &found->a, &found->f));
  WG_TRY(gather_side(mem, &s->cy, s->b, s->g, &group_y, &found->b, &found->g));
  if (!(found->arcs = WG_NEW(mem, wg_arc, s->plan.count))) return wg_no_memory();
  for (int64_t e = 0; e < s->plan.count; e++)
    found->arcs[e] = (wg_arc){group_x[s->row[e]], group_y[s->col[e]], s->mass[e]};
  qsort(found->arcs, (size_t)s->plan.count, sizeof *found->arcs, compare_arcs);
  found->count = merge_arcs(s->plan.count, found->arcs);
  wg_drop(mem, group_x);
  wg_drop(mem, group_y);
  return WG_OK;
}

void wg_distinct_drop_crumbs(wg_distinct *p, double share) {
  int64_t kept = 0;
  for (int64_t e = 0; e < p->count; e++) {
    const wg_arc arc = p->arcs[e];
    if (arc.mass >= share * WG_MIN(p->a[arc.row], p->b[arc.col])) p->arcs[kept++] = arc;
  }
  p->count = kept;
}

int wg_distinct_splitting(const wg_distinct *p, wg_mem *mem, bool of_columns, wg_splitting *split) {
  const int64_t count = of_columns ? p->m : p->n;
  const double *weights = of_columns ? p->b : p->a;
  double *largest = WG_NEW(mem, double, count);
  int64_t *partners = WG_NEW(mem, int64_t, count);
  if (!largest || !partners) return wg_no_memory();
  for (int64_t e = 0; e < p->count; e++) {
    const int64_t node = of_columns ? p->arcs[e].col : p->arcs[e].row;
    partners[node]++;
    largest[node] = WG_MAX(largest[node], p->arcs[e].mass);
  }
  wg_sum mass = {0};
  *split = (wg_splitting){0};
  for (int64_t k = 0; k < count; k++) {
    if (partners[k] < 2) continue;
    split->points++;
    wg_sum_add(&mass, WG_MAX(0.0, weights[k] - largest[k]));
  }
  split->mass = wg_sum_value(mass);
  wg_drop(mem, largest);
  wg_drop(mem, partners);
  return WG_OK;
}
