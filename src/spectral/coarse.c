/* Where a search for Q begins: at the optimum of a coarser problem.
 *
 * The first cutting planes only find out roughly where Q lies, at the price of transport solves
 * between very different costs. The same is learnt from clouds of a quarter the size, the centroids
 * of small groups of neighbours, to no more accuracy than that: their own start is found in the
 * same way. Only Q is carried over: it is a point to begin at, and no bound rests on it. Groups of
 * neighbours say something in few dimensions only. Cost less than that of one cold transport
 * solve; memory a quarter of the solver's.
 */
#include <string.h>

#include "spectral/state.h"

enum { MANY_POINTS = 100, FEW_COLUMNS = 5 };

static int make_cloud(wg_spectral *s, wg_mem *mem, int64_t count, const double *points,
                      const int64_t *mass, wg_cloud *cloud) {
  *cloud = (wg_cloud){.d = s->d};
  return wg_ot_group(s->context, s->d, count, points, mass, mem, &cloud->n, &cloud->points,
                     &cloud->mass);
}

static int solve_coarse(wg_spectral *coarse, const wg_gauge_spec *spec, double *q) {
  const wg_spectral_limits limits = {.tol = 2e-3, .max_calls = 30};
  int outcome;
  coarse->is_coarse = true;
  WG_TRY(wg_start_bound(coarse, spec));
  WG_TRY(wg_cutting_planes(coarse, spec, &limits, &outcome));
  memcpy(q, coarse->q, (size_t)(coarse->d * coarse->d) * sizeof *q);
  return WG_OK;
}

static int coarsen(wg_spectral *s, wg_mem *mem, const wg_gauge_spec *spec, double *q) {
  wg_cloud x, y;
  wg_spectral *coarse = NULL;
  WG_TRY(make_cloud(s, mem, s->n, s->x, s->supply, &x));
  WG_TRY(make_cloud(s, mem, s->m, s->y, s->demand, &y));
  for (int64_t j = 0; j < y.n; j++)
    for (int64_t k = 0; k < s->d; k++) y.points[j * s->d + k] += s->delta[k];
  int status = wg_spectral_create(s->context, &x, &y, s->total, &coarse);
  if (status == WG_OK) status = solve_coarse(coarse, spec, q);
  wg_spectral_free(coarse);
  return status;
}

/* Whether K has other members than the identity. */
static bool has_choice(const wg_gauge_spec *spec) {
  bool is_trace = spec->outer != WG_BLOCK_MAX;
  for (int64_t b = 0; b < spec->block_count; b++)
    is_trace = is_trace && wg_gauge_block_is_trace(&spec->blocks[b]);
  return !is_trace;
}

int wg_coarse_q(wg_spectral *s, const wg_gauge_spec *spec, double *q, bool *found) {
  *found = WG_MIN(s->n, s->m) >= MANY_POINTS && s->d <= FEW_COLUMNS && has_choice(spec);
  if (!*found) return WG_OK;
  wg_mem mem = wg_mem_of(&s->context->ledger);
  const int status = coarsen(s, &mem, spec, q);
  wg_mem_clear(&mem);
  return status;
}
