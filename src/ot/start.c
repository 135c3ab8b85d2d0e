/* Where a cold solve begins: duals from a coarser problem.
 *
 * Both clouds are cut by a kd-tree into groups of at most four points; the centroids with the
 * summed masses are a problem a quarter the size. Its duals, nearly optimal (basis.c; exact at the
 * coarsest level, of a few hundred points), are carried over by c-transforms. With good duals the
 * smallest reduced costs of each row and column hold nearly all arcs of the optimum.
 * Equal masses stay equal, though groups differ by a point: only duals come back, problems with
 * equal masses are easier, and as ranges are halved a region's mass is off by no more than a group
 * (docs/theory/transport.md). Cost a sixteenth of a look at all pairs, and O(n log n).
 */
#include <string.h>

#include "ot/kdtree.h"

enum { COARSE_ENOUGH = 300, GROUP = 4 };

/* ---- coarse problem ---- */

typedef struct grouping {
  int64_t r, groups;
  const double *points;
  const int64_t *mass;
  int32_t *order;      /* a permutation of the points           */
  double *centre;      /* groups x r                            */
  int64_t *group_mass; /* groups                                */
} grouping;

static void close_group(grouping *g, int64_t begin, int64_t end) {
  double *centre = g->centre + g->groups * g->r;
  double total = 0.0;
  for (int64_t i = begin; i < end; i++) {
    const int64_t point = g->order[i];
    const double mass = (double)g->mass[point];
    total += mass;
    g->group_mass[g->groups] += g->mass[point];
    for (int64_t k = 0; k < g->r; k++) centre[k] += mass * g->points[point * g->r + k];
  }
  for (int64_t k = 0; k < g->r; k++) centre[k] /= total;
  g->groups++;
}

/* The ranges wg_kd_order leaves uncut. */
static void close_groups(grouping *g, int64_t begin, int64_t end) {
  if (end - begin <= GROUP) {
    close_group(g, begin, end);
    return;
  }
  const int64_t middle = begin + (end - begin) / 2;
  close_groups(g, begin, middle);
  close_groups(g, middle, end);
}

static int group_side(wg_mem *mem, int64_t r, const wg_side *side, grouping *g) {
  *g = (grouping){.r = r, .points = side->points, .mass = side->mass};
  g->order = WG_NEW(mem, int32_t, side->count);
  g->centre = WG_NEW(mem, double, side->count *r);
  g->group_mass = WG_NEW(mem, int64_t, side->count);
  if (!g->order || !g->centre || !g->group_mass) return wg_no_memory();
  wg_kd_sorted(r, side, GROUP, g->order);
  close_groups(g, 0, side->count);
  return WG_OK;
}

int wg_ot_group(wg_context *context, int64_t r, int64_t count, const double *points,
                const int64_t *mass, wg_mem *mem, int64_t *groups, double **centre,
                int64_t **group_mass) {
  const wg_side side = {.count = count, .points = (double *)points, .mass = mass};
  wg_mem scratch = wg_mem_of(&context->ledger);
  grouping g;
  int status = group_side(&scratch, r, &side, &g);
  *centre = WG_NEW(mem, double, count *r);
  *group_mass = WG_NEW(mem, int64_t, count);
  if (status == WG_OK && (!*centre || !*group_mass)) status = wg_no_memory();
  if (status == WG_OK) {
    *groups = g.groups;
    memcpy(*centre, g.centre, (size_t)(g.groups * r) * sizeof(double));
    memcpy(*group_mass, g.group_mass, (size_t)g.groups * sizeof(int64_t));
  }
  wg_mem_clear(&scratch);
  return status;
}

/* One mass for the groups of each side; the sides need the same total. */
static void level_masses(grouping *x, grouping *y) {
  const bool same = x->groups == y->groups;
  for (int64_t i = 0; i < x->groups; i++) x->group_mass[i] = same ? 1 : y->groups;
  for (int64_t j = 0; j < y->groups; j++) y->group_mass[j] = same ? 1 : x->groups;
}

static int carry_duals(wg_ot *ot, const wg_ot *coarse) {
  wg_side rows = ot->rows, cols = ot->cols;
  rows.dual = cols.dual = NULL;
  WG_TRY(wg_c_transform(ot->context, ot->r, &rows, &coarse->cols, ot->rows.dual));
  return wg_c_transform(ot->context, ot->r, &cols, &coarse->rows, ot->cols.dual);
}

static int make_coarse(wg_ot *ot, wg_mem *mem, wg_ot **coarse) {
  grouping x, y;
  WG_TRY(group_side(mem, ot->r, &ot->rows, &x));
  WG_TRY(group_side(mem, ot->r, &ot->cols, &y));
  if (wg_has_equal_masses(&ot->rows) && wg_has_equal_masses(&ot->cols)) level_masses(&x, &y);
  WG_TRY(wg_ot_create(ot->context, x.groups, y.groups, x.group_mass, y.group_mass, coarse));
  (*coarse)->rows.is_sorted = (*coarse)->cols.is_sorted = true; /* groups come in order */
  return wg_ot_set_cost(*coarse, ot->r, x.centre, y.centre);
}

int wg_coarsen(wg_ot *ot, wg_ot **coarse) {
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  *coarse = NULL;
  const int status = make_coarse(ot, &mem, coarse);
  wg_mem_clear(&mem);
  return status;
}

static int solve_coarse(wg_ot *ot, wg_ot *coarse) {
  if (WG_MAX(coarse->rows.count, coarse->cols.count) <= COARSE_ENOUGH) {
    WG_TRY(wg_ot_solve(coarse));
  } else {
    WG_TRY(wg_start_duals(coarse));
    WG_TRY(wg_auction_duals(coarse));
  }
  return carry_duals(ot, coarse);
}

int wg_start_duals(wg_ot *ot) {
  memset(ot->rows.dual, 0, (size_t)ot->rows.count * sizeof(double));
  memset(ot->cols.dual, 0, (size_t)ot->cols.count * sizeof(double));
  if (WG_MAX(ot->rows.count, ot->cols.count) <= COARSE_ENOUGH) {
    wg_side cols = ot->cols;
    cols.dual = NULL;
    return wg_c_transform(ot->context, ot->r, &cols, &ot->rows, ot->cols.dual);
  }
  wg_ot *coarse;
  int status = wg_coarsen(ot, &coarse);
  if (status == WG_OK) status = solve_coarse(ot, coarse);
  wg_ot_free(coarse);
  return status;
}
