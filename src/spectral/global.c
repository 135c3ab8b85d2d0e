/* The global minimum of Schatten 1/2 <= p < 1 in the plane (theory 3.3): outer approximation.
 *
 * The moments Sigma_P of all couplings are a convex compact set C of symmetric 2 x 2 matrices, and
 * gamma_p is concave on PSD: its minimum is at an extreme point, and descent may end in the wrong
 * one. But exact transport under a PSD matrix Q gives a half-space <Q, S> >= W_Q^2 that holds C.
 * The cuts known so far bound C from outside; certify/ finds the lowest gamma_p that they and the
 * PSD cone allow (wg_cert_outer), and while that is below the upper bound, the point where it is
 * lowest asks for another cut.
 *
 * Which Q. At a PSD point S with gamma(S) < W2, Q = grad gamma(S) has <Q, S> = gamma(S), and for
 * the coupling c it returns <Q, c> >= gamma(c) >= W2 by concavity: S is cut off. PSD cuts are
 * therefore enough: C plus the PSD cone has the same minimum, as gamma is monotone. The gradient is
 * infinite where S is singular and means nothing outside the cone, so the small eigenvalue is
 * lifted, as far as <Q, S> stays below the middle of the gap: the cut then still removes S, or the
 * coupling it returned has a gamma below that middle and is a better upper bound. Either way
 * something is gained; and a Q that is far from rank one cuts deeper.
 *
 * Cost some 5 to 35 transport solves; memory 8 (n + m) a cut. Cuts that the last proof did without
 * are dropped; the others serve the next solve, whatever its p. */
#include <string.h>

#include "certify/certify.h"
#include "spectral/state.h"

enum { MOST_CUTS = 256, MOST_COLUMNS = 64 };

/* ---- the list of cuts ---- */

static int grow_numbers(wg_spectral *s, double **array, int64_t count) {
  double *grown = WG_GROW(&s->mem, *array, double, count);
  if (!grown) return wg_no_memory();
  *array = grown;
  return WG_OK;
}

static int reserve_cut(wg_spectral *s) {
  if (s->cut_count < s->cut_capacity) return WG_OK;
  const int64_t capacity = 8 + 2 * s->cut_capacity;
  WG_TRY(grow_numbers(s, &s->cut_q, 4 * capacity));
  WG_TRY(grow_numbers(s, &s->cut_f, s->n * capacity));
  WG_TRY(grow_numbers(s, &s->cut_g, s->m * capacity));
  WG_TRY(grow_numbers(s, &s->cut_value, capacity));
  s->cut_capacity = capacity;
  return WG_OK;
}

int wg_cuts_add(wg_spectral *s, const double *q, const double *f, const double *g, double value) {
  if (s->cut_count == MOST_CUTS) return WG_OK;
  WG_TRY(reserve_cut(s));
  const int64_t k = s->cut_count++;
  memcpy(s->cut_q + 4 * k, q, 4 * sizeof *q);
  memcpy(s->cut_f + k * s->n, f, (size_t)s->n * sizeof *f);
  memcpy(s->cut_g + k * s->m, g, (size_t)s->m * sizeof *g);
  s->cut_value[k] = value;
  return WG_OK;
}

int wg_cuts_oracle(wg_spectral *s, const double *q) {
  double value;
  WG_TRY(wg_oracle(s, q, &value));
  return wg_cuts_add(s, q, wg_ot_row_duals(s->ot), wg_ot_col_duals(s->ot), value);
}

/* Keeps the cuts that are marked. */
static void keep_cuts(wg_spectral *s, const bool *used) {
  int64_t kept = 0;
  for (int64_t k = 0; k < s->cut_count; k++) {
    if (!used[k]) continue;
    memmove(s->cut_q + 4 * kept, s->cut_q + 4 * k, 4 * sizeof(double));
    memmove(s->cut_f + kept * s->n, s->cut_f + k * s->n, (size_t)s->n * sizeof(double));
    memmove(s->cut_g + kept * s->m, s->cut_g + k * s->m, (size_t)s->m * sizeof(double));
    s->cut_value[kept++] = s->cut_value[k];
  }
  s->cut_count = kept;
}

int wg_cuts_answer(wg_spectral *s, wg_spectral_answer *answer) {
  answer->cuts = s->cuts_prove ? s->cut_count : 0;
  if (answer->cuts == 0) return WG_OK;
  WG_TRY(grow_numbers(s, &s->answer_cut_q, 4 * answer->cuts));
  WG_TRY(grow_numbers(s, &s->answer_cut_f, s->n * answer->cuts));
  WG_TRY(grow_numbers(s, &s->answer_cut_g, s->m * answer->cuts));
  for (int64_t k = 0; k < answer->cuts; k++)
    wg_potentials_restore(s, s->cut_q + 4 * k, s->cut_f + k * s->n, s->cut_g + k * s->m,
                          s->answer_cut_f + k * s->n, s->answer_cut_g + k * s->m);
  memcpy(s->answer_cut_q, s->cut_q, (size_t)(4 * answer->cuts) * sizeof(double));
  answer->cut_q = s->answer_cut_q;
  answer->cut_f = s->answer_cut_f;
  answer->cut_g = s->answer_cut_g;
  return WG_OK;
}

/* ---- one step ---- */

typedef struct search {
  double p;
  bool used[MOST_CUTS];
  wg_cert_half halves[MOST_CUTS];
  wg_cert_outer_report outer; /* of the last probe */
} search;

static wg_cert_half half_of(const double q[4], double value) {
  return (wg_cert_half){{0.5 * (q[0] + q[3]), 0.5 * (q[0] - q[3]), 0.5 * (q[1] + q[2])}, value};
}

static double at_point(const wg_cert_half *half, const double point[3]) {
  return half->normal[0] * point[0] + half->normal[1] * point[1] + half->normal[2] * point[2];
}

/* The lowest gamma that the cuts allow, up to the target. */
static int probe(wg_spectral *s, wg_mem *mem, double target, search *state) {
  memset(state->used, 0, sizeof state->used);
  for (int64_t k = 0; k < s->cut_count; k++)
    state->halves[k] = half_of(s->cut_q + 4 * k, s->cut_value[k]);
  const wg_cert_outer_task task = {.p = state->p,
                                   .count = s->cut_count,
                                   .halves = state->halves,
                                   .ceiling = s->upper,
                                   .target = target,
                                   .margin = 1.0,
                                   .probe = true,
                                   .used = state->used};
  return wg_cert_outer(mem, &task, &state->outer);
}

/* Q with trace one, eigenvectors those of the point: that of its large eigenvalue gets the weight
 * share. */
static void write_q(const double point[3], double share, double q[4]) {
  const double r = hypot(point[1], point[2]), tilt = 2.0 * share - 1.0;
  const double e1 = r > 0.0 ? tilt * point[1] / r : 0.0, e2 = r > 0.0 ? tilt * point[2] / r : 0.0;
  q[0] = 0.5 * (1.0 + e1);
  q[3] = 0.5 * (1.0 - e1);
  q[1] = q[2] = 0.5 * e2;
}

/* The Q of the opening comment: the largest lift of 1/8, 1/32, ... that is small enough. */
static void separating_q(double p, const double point[3], double upper, double q[4]) {
  const double r = hypot(point[1], point[2]), least_lift = 1e-14;
  const double large = 0.5 * (point[0] + r), small = 0.5 * (point[0] - r);
  const double gauge = small > 0.0 ? large * pow(1.0 + pow(small / large, p), 1.0 / p) : point[0];
  const double middle = 0.5 * (gauge + upper);
  double weight, steep;
  for (double lift = 0.125;; lift *= 0.25) {
    const double ratio = WG_MAX(small / large, lift);
    weight = pow(1.0 + pow(ratio, p), 1.0 / p - 1.0);
    steep = weight * pow(ratio, p - 1.0);
    if (weight * large + steep * small <= middle || lift < least_lift) break;
  }
  write_q(point, weight / (weight + steep), q);
}

/* Takes the newest coupling when its gamma is the lowest. */
static int adopt_newest(wg_spectral *s, const wg_gauge_spec *spec, wg_mem *mem, bool *better) {
  double value;
  WG_TRY(wg_gauge_value(spec, s->moments + (s->count - 1) * 4, mem, &value));
  *better = value < s->upper;
  if (!*better) return WG_OK;
  s->upper = value;
  memset(s->weights, 0, (size_t)s->capacity * sizeof(double));
  s->weights[s->count - 1] = 1.0;
  return WG_OK;
}

/* A cut for the open point; *gained: it removes the point, or the upper bound fell. */
static int ask(wg_spectral *s, const wg_gauge_spec *spec, wg_mem *mem, const search *state,
               bool *gained) {
  const double *point = state->outer.point, nothing = 1e-14;
  double q[4];
  bool better;
  separating_q(state->p, point, s->upper, q);
  WG_TRY(wg_cuts_oracle(s, q));
  WG_TRY(adopt_newest(s, spec, mem, &better));
  const wg_cert_half newest = half_of(q, s->cut_value[s->cut_count - 1]);
  *gained = better || newest.least - at_point(&newest, point) > nothing * s->upper;
  return wg_columns_compress(s, MOST_COLUMNS);
}

static void report(wg_spectral *s, double bound) {
  wg_spectral_report(s, "global search");
  s->context->watch.state.lower = bound * s->scale * s->scale;
}

/* Why the search should end now, or -1 to go on. */
static int verdict(const wg_spectral *s, const wg_spectral_limits *limits, const search *state,
                   bool gained) {
  if (state->outer.bound >= s->upper * (1.0 - limits->tol)) return WG_CERTIFIED;
  if (wg_watch_poll(&s->context->watch)) return s->context->watch.stopped;
  if (s->calls >= limits->max_calls) return WG_CALL_LIMIT;
  return !gained || !state->outer.open || s->cut_count == MOST_CUTS ? WG_GAP_OPEN : -1;
}

static int search_on(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                     wg_mem *mem, search *state, int *outcome) {
  for (bool gained = true;;) {
    WG_TRY(probe(s, mem, s->upper * (1.0 - limits->tol) * (1.0 + 4.0 * WG_UNIT), state));
    report(s, state->outer.bound);
    if ((*outcome = verdict(s, limits, state, gained)) >= 0) break;
    WG_TRY(ask(s, spec, mem, state, &gained));
  }
  keep_cuts(s, state->used);
  s->cuts_prove = true;
  return WG_OK;
}

int wg_global_search(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                     double *bound, int *outcome) {
  wg_mem mem = wg_mem_of(&s->context->ledger);
  search *state = WG_NEW(&mem, search, 1);
  int status = state ? WG_OK : wg_no_memory();
  if (status == WG_OK) {
    state->p = spec->blocks[0].p;
    status = search_on(s, spec, limits, &mem, state, outcome);
    *bound = state->outer.bound;
  }
  wg_mem_clear(&mem);
  return status;
}
