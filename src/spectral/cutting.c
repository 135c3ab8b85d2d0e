/* Stabilised cutting planes for max over Q in K of W_Q^2 (theory 3.2), every gauge with p >= 1.
 *
 * Each oracle call gives a coupling (a cut: W_Q^2 <= <Q, Sigma_k> for every Q) and a lower bound;
 * the master gives the best combination of couplings (an upper bound) and the Q it is worst for.
 * The oracle is asked between the master's Q and the best Q so far (in-out stabilisation): a = 0
 * asks at the master's point; a grows on calls that do not raise the lower bound and shrinks on
 * those that close a good part of the gap. A cut that misses the master's point would leave the
 * master as it is, so the next call is then made there. Cost a transport solve and a master per
 * call; calls grow with d (d+1)/2.
 */
#include <string.h>

#include "linalg/la.h"
#include "spectral/state.h"

enum { STALLED = 40, MOST_COLUMNS_BASE = 80 };
enum { FEW_CALLS = 8, MANY_CALLS = 20, MOST_GRAPH = 2000 };

typedef struct search {
  double alpha;
  bool at_master; /* the next call goes to the master's point */
  int64_t stale;  /* calls without progress                   */
  double known_gap;
  double arcs_gap;   /* when the interior point on arcs was last asked */
  int64_t arcs_vain; /* times in a row that it did not help            */
  double rate;       /* of log gap per call, lately                    */
} search;

static double relative_gap(const wg_spectral *s) {
  return s->upper > 0 ? (s->upper - s->lower) / s->upper : 0.0;
}

void wg_spectral_report(wg_spectral *s, const char *phase) {
  wg_progress *state = &s->context->watch.state;
  const double unit = s->scale * s->scale;
  state->phase = phase;
  state->oracle_calls = s->calls;
  state->lower = s->lower * unit;
  state->upper = s->upper * unit;
}

/* Time left if the gap goes on shrinking at the rate of this solve so far. */
static void estimate_time(wg_spectral *s, double first_gap, double tol) {
  wg_watch *watch = &s->context->watch;
  const double gap = relative_gap(s), elapsed = wg_now() - watch->start;
  const double done = log(first_gap / gap), left = log(gap / tol);
  watch->state.seconds_left = done > 0 && left > 0 ? elapsed * left / done : NAN;
}

/* Runs the master and keeps its combination when it is the best so far. */
static int run_master(wg_spectral *s, const wg_gauge_spec *spec, double tol) {
  double lower, upper;
  const double accuracy = WG_MAX(1e-12, WG_MIN(1e-3, 0.1 * WG_MAX(relative_gap(s), tol)));
  WG_TRY(wg_master_solve(s->context, spec, s->count, s->moments, accuracy, s->trial_w, s->trial_q,
                         &lower, &upper));
  if (upper < s->upper) {
    s->upper = upper;
    memcpy(s->weights, s->trial_w, (size_t)s->count * sizeof(double));
  }
  return WG_OK;
}

/* Where the oracle is asked: (1 - a) Q_master + a Q_best. */
static void choose_point(wg_spectral *s, const search *state, double *point) {
  const double pure_below = 3e-6;
  const bool pure = state->at_master || relative_gap(s) < pure_below;
  const double alpha = pure ? 0.0 : state->alpha;
  for (int64_t i = 0; i < s->d * s->d; i++)
    point[i] = (1.0 - alpha) * s->trial_q[i] + alpha * s->q[i];
}

static void adapt(wg_spectral *s, search *state, double before, double lower) {
  const double gain = (lower - before) / WG_MAX(s->upper - before, 1e-300);
  if (gain <= 0) state->alpha = WG_MIN(0.75, state->alpha + 0.25);
  if (gain >= 0.3) state->alpha = WG_MAX(0.0, state->alpha - 0.25);
  const int64_t square = s->d * s->d;
  const double *newest = s->moments + (s->count - 1) * square;
  state->at_master = wg_la_dot(square, s->trial_q, newest) >= s->upper;
  const double gap = relative_gap(s), fell = log(state->known_gap / gap);
  if (isfinite(fell)) state->rate = 0.8 * state->rate + 0.2 * WG_MAX(fell, 0.0);
  state->stale = gap < 0.999 * state->known_gap ? 0 : state->stale + 1;
  state->known_gap = WG_MIN(state->known_gap, gap);
  if (state->stale % 6 == 5) state->at_master = true;
}

/* Why the search should end now, or -1 to go on. */
static int verdict(wg_spectral *s, const search *state, const wg_spectral_limits *limits) {
  const double nothing = 1e-28; /* of the squared scale: below the rounding of coordinates */
  if (relative_gap(s) <= limits->tol || s->upper <= nothing) return WG_CERTIFIED;
  if (wg_watch_poll(&s->context->watch)) return s->context->watch.stopped;
  if (s->calls >= limits->max_calls) return WG_CALL_LIMIT;
  if (state->stale >= STALLED) return WG_GAP_OPEN;
  return -1;
}

/* Roughly the flops of a further call, and of an interior point on arcs (forty steps). */
static double call_work(const wg_spectral *s) {
  const double n = (double)s->n, m = (double)s->m, columns = (double)s->count;
  return 20.0 * n * m + 2e4 * (n + m) + 8.0 * columns * columns * columns;
}

static double arcs_work(const wg_spectral *s) {
  const double nodes = (double)WG_MIN(s->n, s->m), arcs = 14.0 * (double)WG_MAX(s->n, s->m);
  const double functions = 0.5 * (double)s->d * (double)(s->d + 1);
  return 40.0 * (0.1 * nodes * nodes * nodes + arcs * (0.4 * functions * functions + 30.0));
}

/* Cutting planes learn d (d+1)/2 numbers one call at a time and come to creep; once the arcs are
 * good, the interior point on them takes the place of the master, if that is less work than the
 * calls that are left at the present rate, or those are many. Where it does not fit, or has not
 * helped, cutting planes go on. */
static bool arcs_pay(const wg_spectral *s, const search *state, double tol) {
  const double near = 2e-3, left = log(WG_MAX(relative_gap(s) / tol, 1.0)) / state->rate;
  if (state->arcs_vain >= 2 || WG_MIN(s->n, s->m) > MOST_GRAPH) return false;
  if (s->calls >= MANY_CALLS && left > 10.0) return true;
  return s->calls >= FEW_CALLS && relative_gap(s) < near && left * call_work(s) > arcs_work(s);
}

static void judge_arcs(const wg_spectral *s, search *state) {
  const double gap = relative_gap(s);
  state->arcs_vain = gap < 0.5 * state->arcs_gap ? 0 : state->arcs_vain + 1;
  state->arcs_gap = gap;
}

static int search_on(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                     double *point, int *outcome) {
  search state = {.known_gap = INFINITY, .arcs_gap = INFINITY, .rate = 0.5};
  double first_gap = NAN, lower;
  const int64_t most = MOST_COLUMNS_BASE + WG_MIN((int64_t)320, 2 * s->d * (s->d + 1));
  for (;;) {
    WG_TRY(run_master(s, spec, limits->tol));
    if (isnan(first_gap)) first_gap = relative_gap(s);
    estimate_time(s, first_gap, limits->tol);
    wg_spectral_report(s, "cutting planes");
    if ((*outcome = verdict(s, &state, limits)) >= 0) return WG_OK;
    bool found = false;
    if (arcs_pay(s, &state, limits->tol))
      WG_TRY(wg_arcs_solve(s, spec, 0.3 * limits->tol, point, &found));
    if (!found) choose_point(s, &state, point);
    const double before = s->lower;
    WG_TRY(wg_oracle(s, point, &lower));
    adapt(s, &state, before, lower);
    if (found) judge_arcs(s, &state);
    WG_TRY(wg_columns_compress(s, most));
  }
}

int wg_cutting_planes(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                      int *outcome) {
  wg_mem scratch = wg_mem_of(&s->context->ledger);
  double *point = WG_NEW(&scratch, double, s->d * s->d), lower;
  int status = point ? WG_OK : wg_no_memory();
  s->upper = INFINITY;
  if (status == WG_OK && s->count == 0) {
    wg_gauge_center(spec, point);
    status = wg_oracle(s, point, &lower);
  }
  if (status == WG_OK) status = search_on(s, spec, limits, point, outcome);
  wg_mem_clear(&scratch);
  return status;
}
