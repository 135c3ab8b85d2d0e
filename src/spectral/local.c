/* Gauges with 1/2 <= p < 1: not convex, so there is a lower bound (a convex gauge below: W_2^2 for
 * a plain Schatten gauge) and the upper bound of the best coupling found (theory 3.3). A plain
 * gauge in the plane goes on to the global search (global.c), which needs one start only.
 *
 * Majorise-minimise: gamma_p is concave on PSD matrices, so the exact transport under Q = grad
 * gamma(Sigma) cannot raise gamma. With convex blocks beside concave ones the full step may
 * overshoot and a line search between the two couplings follows. Starts: the couplings of the lower
 * bound's solve, then random Q from the seed. Cost a few transport solves a start.
 */
#include <string.h>

#include "linalg/la.h"
#include "spectral/state.h"

enum { STARTS = 4, STEPS = 50, HALVINGS = 12 };

/* A point of the search: column weights and the moment they give. */
typedef struct local_point {
  double *weights, *moment, value;
} local_point;

static int moment_value(const wg_spectral *s, const wg_gauge_spec *spec, wg_mem *mem,
                        local_point *point) {
  const int64_t square = s->d * s->d;
  memset(point->moment, 0, (size_t)square * sizeof(double));
  for (int64_t k = 0; k < s->count; k++)
    for (int64_t i = 0; i < square; i++)
      point->moment[i] += point->weights[k] * s->moments[k * square + i];
  return wg_gauge_value(spec, point->moment, mem, &point->value);
}

/* Moves `at` towards the newest column by the longest of 1, 1/2, 1/4 ... that lowers the value. */
static int step_to_newest(wg_spectral *s, const wg_gauge_spec *spec, wg_mem *mem, local_point *at,
                          local_point *trial, bool *moved) {
  double share = 1.0;
  *moved = false;
  for (int halving = 0; halving < HALVINGS && !*moved; halving++, share *= 0.5) {
    for (int64_t k = 0; k < s->count; k++) trial->weights[k] = (1.0 - share) * at->weights[k];
    trial->weights[s->count - 1] += share;
    WG_TRY(moment_value(s, spec, mem, trial));
    *moved = trial->value < at->value * (1.0 - 1e-13);
  }
  if (*moved) {
    local_point swap = *at;
    *at = *trial;
    *trial = swap;
  }
  return WG_OK;
}

static int ask(wg_spectral *s, const wg_gauge_spec *spec, const double *q) {
  double value;
  return wg_gauge_is_planar_root(spec) ? wg_cuts_oracle(s, q) : wg_oracle(s, q, &value);
}

static int descend(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                   wg_mem *mem, double *q, local_point *at, local_point *trial) {
  bool moved = true;
  for (int step = 0; step < STEPS && moved; step++) {
    if (wg_watch_poll(&s->context->watch) || s->calls >= limits->max_calls) break;
    WG_TRY(wg_gauge_subgradient(spec, at->moment, mem, q));
    WG_TRY(ask(s, spec, q));
    WG_TRY(step_to_newest(s, spec, mem, at, trial, &moved));
    wg_spectral_report(s, "local search");
  }
  return WG_OK;
}

/* A random Q of full rank: the identity plus a Wishart matrix. */
static void random_q(int64_t d, wg_rng *rng, double *q) {
  memset(q, 0, (size_t)(d * d) * sizeof *q);
  for (int64_t i = 0; i < d; i++) q[i * d + i] = 0.1;
  for (int64_t term = 0; term < d; term++) {
    const double sign = wg_rng_uniform(rng) < 0.5 ? -1.0 : 1.0;
    const int64_t a = (int64_t)(wg_rng_uniform(rng) * (double)d);
    const int64_t b = (int64_t)(wg_rng_uniform(rng) * (double)d);
    const double weight = wg_rng_uniform(rng);
    q[a * d + a] += weight;
    q[b * d + b] += weight;
    if (a == b) continue;
    q[a * d + b] += sign * weight;
    q[b * d + a] += sign * weight;
  }
}

static void keep(wg_spectral *s, const local_point *at) {
  if (at->value >= s->upper) return;
  s->upper = at->value;
  memset(s->weights, 0, (size_t)s->capacity * sizeof(double));
  memcpy(s->weights, at->weights, (size_t)s->count * sizeof(double));
}

static int search(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                  wg_mem *mem) {
  /* Weights over every column that may yet come. */
  const int64_t most = s->count + STARTS * (STEPS + 1);
  double *q = WG_NEW(mem, double, s->d * s->d);
  local_point at = {WG_NEW(mem, double, most), WG_NEW(mem, double, s->d * s->d), 0.0};
  local_point trial = {WG_NEW(mem, double, most), WG_NEW(mem, double, s->d * s->d), 0.0};
  if (!q || !at.weights || !at.moment || !trial.weights || !trial.moment) return wg_no_memory();
  wg_rng rng = {limits->seed};
  memcpy(at.weights, s->weights, (size_t)s->count * sizeof(double));
  s->upper = INFINITY;
  const int starts = wg_gauge_is_planar_root(spec) ? 1 : STARTS;
  for (int start = 0; start < starts; start++) {
    if (start > 0) {
      if (wg_watch_poll(&s->context->watch) || s->calls >= limits->max_calls) break;
      random_q(s->d, &rng, q);
      WG_TRY(ask(s, spec, q));
      memset(at.weights, 0, (size_t)most * sizeof(double));
      at.weights[s->count - 1] = 1.0;
    }
    WG_TRY(moment_value(s, spec, mem, &at));
    WG_TRY(descend(s, spec, limits, mem, q, &at, &trial));
    keep(s, &at);
  }
  return WG_OK;
}

/* The search for a good coupling; in the plane, for the best one. *lower: what is proved so far. */
static int search_and_prove(wg_spectral *s, const wg_gauge_spec *spec,
                            const wg_spectral_limits *limits, wg_mem *mem, double *lower,
                            int *outcome) {
  const bool planar = wg_gauge_is_planar_root(spec);
  double bound;
  if (planar) WG_TRY(wg_cuts_add(s, s->q, s->f, s->g, s->lower));
  s->lower = INFINITY; /* the search's Q need not lie in K: its dual values bound nothing */
  WG_TRY(search(s, spec, limits, mem));
  *outcome = s->context->watch.stopped       ? s->context->watch.stopped
             : s->calls >= limits->max_calls ? WG_CALL_LIMIT
                                             : WG_LOCAL;
  if (*outcome != WG_LOCAL || !planar) return WG_OK;
  *outcome = WG_CERTIFIED;
  if (*lower >= s->upper * (1.0 - limits->tol) || s->upper == 0.0) return WG_OK;
  WG_TRY(wg_global_search(s, spec, limits, &bound, outcome));
  *lower = WG_MAX(*lower, bound);
  return WG_OK;
}

int wg_local_search(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                    int *outcome) {
  wg_gauge_spec *minorant;
  wg_mem mem = wg_mem_of(&s->context->ledger);
  if (!(minorant = WG_NEW(&mem, wg_gauge_spec, 1))) return wg_no_memory();
  wg_gauge_minorant(spec, minorant);
  int status = wg_cutting_planes(s, minorant, limits, outcome);
  double lower = s->lower;
  double *q = WG_NEW(&mem, double, s->d * s->d), *f = WG_NEW(&mem, double, s->n);
  double *g = WG_NEW(&mem, double, s->m);
  if (status == WG_OK && (!q || !f || !g)) status = wg_no_memory();
  if (status == WG_OK) {
    memcpy(q, s->q, (size_t)(s->d * s->d) * sizeof *q);
    memcpy(f, s->f, (size_t)s->n * sizeof *f);
    memcpy(g, s->g, (size_t)s->m * sizeof *g);
    status = search_and_prove(s, spec, limits, &mem, &lower, outcome);
    s->lower = lower;
    memcpy(s->q, q, (size_t)(s->d * s->d) * sizeof *q);
    memcpy(s->f, f, (size_t)s->n * sizeof *f);
    memcpy(s->g, g, (size_t)s->m * sizeof *g);
  }
  wg_mem_clear(&mem);
  return status;
}
