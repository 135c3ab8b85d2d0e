/* The pairs that could carry mass at next to no cost: cost - f - g <= slack.
 *
 * Q = R'R, both clouds are mapped by R once, and a row is compared with all columns in tiles that
 * stay in the first cache, by differences: near pairs keep relative accuracy. Nothing rests on this
 * pass but what is said about uniqueness, so it may round. A row keeps a bounded number of pairs,
 * the first by column, so that clouds on which every pair is tight take no n x m memory; the bound
 * depends on the plan alone and the result not on the threads. Cost n m rank, memory 5 words a kept
 * pair and (n + m) rank. Source: theory 3.2.
 */
#include "api/optimum.h"

#include <string.h>

enum { TILE = 512, SPARE_PAIRS = 8, PAIRS_A_PARTNER = 4 };

typedef struct scan {
  const wg_distinct *p;
  double slack;
  int64_t rank;
  double *z, *w;              /* n x rank; rank x m */
  int64_t *plan_first, *room; /* n + 1: of the plan's arcs and of kept pairs, by row */
  int64_t *pair, *pairs;      /* kept columns, and how many in each row              */
  bool *overflow;             /* n */
} scan;

/* out (count x rank, or its transpose) = (points - origin) root'. */
static void map_side(const wg_distinct *p, int64_t count, const double *points, const double *root,
                     int64_t rank, double *moved, double *out, bool transposed) {
  for (int64_t i = 0; i < count * p->d; i++) moved[i] = points[i] - p->x[i % p->d];
  if (rank == 0) return;
  if (transposed)
    wg_la_gemm(false, true, rank, count, p->d, 1.0, root, p->d, moved, p->d, 0.0, out, count);
  else
    wg_la_gemm(false, true, count, rank, p->d, 1.0, moved, p->d, root, p->d, 0.0, out, rank);
}

static int map_points(scan *s, wg_mem *mem) {
  const wg_distinct *p = s->p;
  const int64_t d = p->d;
  double *values = WG_NEW(mem, double, d), *root = WG_NEW(mem, double, d *d);
  double *moved = WG_NEW(mem, double, WG_MAX(p->n, p->m) * d);
  if (!values || !root || !moved) return wg_no_memory();
  WG_TRY(wg_la_eigh(d, p->q, values, root));
  for (s->rank = 0; s->rank < d && values[s->rank] > 1e-15 * values[0]; s->rank++)
    for (int64_t k = 0; k < d; k++) root[s->rank * d + k] *= sqrt(values[s->rank]);
  s->z = WG_NEW(mem, double, p->n * s->rank);
  s->w = WG_NEW(mem, double, p->m * s->rank);
  if (!s->z || !s->w) return wg_no_memory();
  map_side(p, p->n, p->x, root, s->rank, moved, s->z, false);
  map_side(p, p->m, p->y, root, s->rank, moved, s->w, true);
  wg_drop(mem, moved);
  return WG_OK;
}

static int make_room(scan *s, wg_mem *mem) {
  const wg_distinct *p = s->p;
  s->plan_first = WG_NEW(mem, int64_t, p->n + 1);
  s->room = WG_NEW(mem, int64_t, p->n + 1);
  s->pairs = WG_NEW(mem, int64_t, p->n);
  s->overflow = WG_NEW(mem, bool, p->n);
  s->pair = WG_NEW(mem, int64_t, SPARE_PAIRS * p->n + PAIRS_A_PARTNER * p->count);
  if (!s->plan_first || !s->room || !s->pairs || !s->overflow || !s->pair) return wg_no_memory();
  for (int64_t e = 0; e < p->count; e++) s->plan_first[p->arcs[e].row + 1]++;
  for (int64_t i = 0; i < p->n; i++) {
    s->plan_first[i + 1] += s->plan_first[i];
    s->room[i + 1] = SPARE_PAIRS * (i + 1) + PAIRS_A_PARTNER * s->plan_first[i + 1];
  }
  return WG_OK;
}

/* excess_j = |z - w_j|^2 - g_j for `size` columns from `from` on. */
WG_MULTIVERSION static void row_tile(const scan *s, const double *z, int64_t from, int64_t size,
                                     double *excess) {
  for (int64_t j = 0; j < size; j++) excess[j] = -s->p->g[from + j];
  for (int64_t r = 0; r < s->rank; r++) {
    const double *w = s->w + r * s->p->m + from, here = z[r];
    for (int64_t j = 0; j < size; j++) excess[j] += (here - w[j]) * (here - w[j]);
  }
}

static void scan_row(scan *s, int64_t i) {
  double excess[TILE];
  const double most = s->p->f[i] + s->slack;
  for (int64_t from = 0; from < s->p->m; from += TILE) {
    const int64_t size = WG_MIN((int64_t)TILE, s->p->m - from);
    row_tile(s, s->z + i * s->rank, from, size, excess);
    for (int64_t j = 0; j < size; j++) {
      if (excess[j] > most) continue;
      if (s->pairs[i] == s->room[i + 1] - s->room[i]) {
        s->overflow[i] = true;
        return;
      }
      s->pair[s->room[i] + s->pairs[i]++] = from + j;
    }
  }
}

/* The kept pairs of a row and its part of the plan, merged by column. */
static void merge_row(const scan *s, int64_t i, wg_arc_list *list) {
  const wg_arc *at = s->p->arcs + s->plan_first[i], *end = s->p->arcs + s->plan_first[i + 1];
  const int64_t *pair = s->pair + s->room[i], *last = pair + s->pairs[i];
  while (at < end || pair < last) {
    const bool of_plan = at < end && (pair == last || at->col <= *pair);
    if (of_plan && pair < last && at->col == *pair) pair++;
    list->arcs[list->count++] = of_plan ? *at++ : (wg_arc){i, *pair++, 0.0};
  }
}

int wg_tight_arcs(const wg_distinct *p, double slack, int threads, wg_mem *mem, wg_arc_list *list) {
  scan s = {.p = p, .slack = slack};
  WG_TRY(map_points(&s, mem));
  WG_TRY(make_room(&s, mem));
  const double work = 3.0 * (double)p->n * (double)p->m * (double)(s.rank + 1);
#pragma omp parallel for num_threads(wg_threads_for(threads, work)) schedule(static, 16)
  for (int64_t i = 0; i < p->n; i++) scan_row(&s, i);
  *list = (wg_arc_list){.complete = true};
  int64_t most = p->count;
  for (int64_t i = 0; i < p->n; i++) most += s.pairs[i];
  if (!(list->arcs = WG_NEW(mem, wg_arc, most))) return wg_no_memory();
  for (int64_t i = 0; i < p->n; i++) {
    merge_row(&s, i, list);
    list->complete &= !s.overflow[i];
  }
  return WG_OK;
}
