/* Stabilised cutting planes for max over Q in K of W_Q^2 (theory 3.2), every gauge with p >= 1.
 *
 * Each oracle call gives a coupling (a cut: W_Q^2 <= <Q, Sigma_k> for every Q) and a lower bound;
 * the master gives the best combination of couplings (an upper bound) and the Q it is worst for.
 * There are two oracles. One looks at all n m pairs, and its bound counts. The other solves on the
 * arcs that the engine knows, the candidates of earlier solves, which takes few pivots, as Q
 * changes less and less: its couplings are as good as any, its bound holds for couplings on those
 * arcs. So the search runs to its end on the known arcs, asks the first oracle there, which proves
 * or adds the arcs that were missing, and runs on. Four to ten calls over all pairs are enough. An
 * oracle is asked between the master's Q and the best Q so far (in-out stabilisation): a = 0 asks
 * at the master's point; a grows on calls that do not raise the bound and shrinks on those that
 * close a good part of the gap. A cut that misses the master's point would leave the master as it
 * is, so the next call is then made there. Cost, beside the few looks at all pairs, some pivots and
 * a master per call; calls grow with d (d+1)/2.
 */
#include <string.h>

#include "linalg/la.h"
#include "spectral/state.h"

enum { STALLED = 6, STALLED_LOCALLY = 2, MOST_VAIN = 12, MOST_GRAPH = 2000 };
enum { FEW_COLUMNS = 6, MANY_COLUMNS = 14, FEW_POINTS = 100 };

typedef struct search {
  double *near_q, near; /* the best Q for couplings on the known arcs; what it proves of those  */
  double near_gap;      /* relative, between that and the upper bound, at the last call         */
  int64_t vain;         /* calls on the known arcs in a row that did not narrow it              */
  double outward;       /* how far from the best Q towards the master's an oracle is asked      */
  bool at_master;       /* the next call goes to the master's point                             */
  double gap;           /* relative, between the bounds, at the last call over all pairs        */
  int64_t stale;        /* calls over all pairs in a row that did not narrow it                 */
  int64_t asked;        /* calls of both kinds                                                  */
  bool is_local;        /* the best Q comes from the interior point, the cuts do not            */
  double rate;          /* of the logarithm of near_gap per call, lately                        */
  double arcs_gap;      /* when the interior point on arcs was last asked                       */
  int64_t arcs_vain;    /* times in a row that it did not help                                  */
} search;

static double gap_to(const wg_spectral *s, double bound) {
  return s->upper > 0 ? (s->upper - bound) / s->upper : 0.0;
}

static double relative_gap(const wg_spectral *s) { return gap_to(s, s->lower); }

void wg_spectral_report(wg_spectral *s, const char *phase) {
  if (s->is_coarse) return;
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

static void set_near(const wg_spectral *s, search *state, const double *q, double value) {
  state->near = value;
  memcpy(state->near_q, q, (size_t)(s->d * s->d) * sizeof *q);
}

/* Where an oracle is asked: from the best Q some way outward to the master's. */
static void choose_point(const wg_spectral *s, const search *state, double *point) {
  const double pure_below = 3e-6;
  const bool pure = state->at_master || (!state->is_local && gap_to(s, state->near) < pure_below);
  const double outward = pure ? 1.0 : state->outward;
  for (int64_t i = 0; i < s->d * s->d; i++)
    point[i] = state->near_q[i] + outward * (s->trial_q[i] - state->near_q[i]);
}

/* After a call, the last column, that proved `value` where `before` was known. */
static void adapt(wg_spectral *s, search *state, double before, double value) {
  const double gain = (value - before) / WG_MAX(s->upper - before, 1e-300);
  double out = state->outward;
  if (gain <= 0) out = out > 0.25 ? out - 0.25 : state->is_local ? WG_MAX(0.1 * out, 1e-8) : out;
  if (gain >= 0.3) out = out < 0.25 ? 10.0 * out : WG_MIN(1.0, out + 0.25);
  state->outward = out;
  const int64_t square = s->d * s->d;
  const double *newest = s->moments + (s->count - 1) * square;
  state->at_master = wg_la_dot(square, s->trial_q, newest) >= s->upper;
  state->asked++;
}

/* ---- the two oracles ---- */

/* Whether all has been learnt from the known arcs that is worth it before the next look at all
 * pairs. */
static bool is_settled(const wg_spectral *s, const search *state, double tol) {
  const double near = gap_to(s, state->near);
  return state->vain >= MOST_VAIN || near < WG_MAX(0.3 * tol, 0.1 * relative_gap(s));
}

static int ask_known(wg_spectral *s, search *state, const double *point, bool *solved) {
  double value;
  WG_TRY(wg_known_oracle(s, point, &value, solved));
  if (!*solved || s->context->watch.stopped) return WG_OK;
  adapt(s, state, state->near, value);
  if (value > state->near) set_near(s, state, point, value);
  const double near = gap_to(s, state->near), fell = log(state->near_gap / near);
  if (isfinite(fell)) state->rate = 0.8 * state->rate + 0.2 * WG_MAX(fell, 0.0);
  state->vain = near < 0.999 * state->near_gap ? 0 : state->vain + 1;
  state->near_gap = WG_MIN(state->near_gap, near);
  if (state->vain % 6 == 5) state->at_master = true;
  return WG_OK;
}

static int ask_all(wg_spectral *s, search *state, const double *point) {
  const double before = s->lower;
  double value;
  WG_TRY(wg_oracle(s, point, &value));
  adapt(s, state, before, value);
  const double gap = relative_gap(s);
  state->stale = gap < 0.999 * state->gap ? 0 : state->stale + 1;
  state->gap = WG_MIN(state->gap, gap);
  if (state->stale % 3 == 2) state->at_master = true;
  /* There are more arcs now: of what was proved of the fewer, only this is left. */
  set_near(s, state, s->q, s->lower);
  state->near_gap = gap;
  state->vain = 0;
  return WG_OK;
}

/* Why the search should end now, or -1 to go on. */
static int verdict(wg_spectral *s, const search *state, const wg_spectral_limits *limits) {
  if (relative_gap(s) <= limits->tol || s->upper == 0.0) return WG_CERTIFIED;
  if (wg_watch_poll(&s->context->watch)) return s->context->watch.stopped;
  if (s->calls >= limits->max_calls) return WG_CALL_LIMIT;
  if (state->stale >= (state->is_local ? STALLED_LOCALLY : STALLED)) return WG_GAP_OPEN;
  return -1;
}

/* ---- the interior point on arcs ---- */

/* Microseconds, roughly, of a further call on the known arcs: twenty steps of the master. */
static double call_time(const wg_spectral *s) {
  const double c = (double)s->count, d = (double)s->d, numbers = 0.5 * d * (d + 1.0);
  return 1e3 + 2e-3 * (4.0 * c * d * d * d + c * c * numbers + c * c * c / 3.0);
}

/* The same of the interior point: forty steps. */
static double arcs_time(const wg_spectral *s) {
  const double nodes = (double)WG_MIN(s->n, s->m), arcs = 14.0 * (double)WG_MAX(s->n, s->m);
  const double functions = 0.5 * (double)s->d * (double)(s->d + 1);
  return 40.0 * (4.3e-5 * nodes * nodes * nodes + arcs * (2e-4 * functions * functions + 0.15));
}

/* Cutting planes learn d (d+1)/2 numbers one call at a time, and the master's work grows with them:
 * in higher dimension the interior point takes its place when it is less work than the calls that
 * are left at the present rate. It is good for one round of arcs, of which some are needed. Its
 * last digits suffer from many arcs: where few calls are left for them, they are left to those. */
static bool arcs_pay(const wg_spectral *s, const search *state, double tol) {
  const int64_t points = WG_MIN(s->n, s->m);
  const double near = 2e-2, rounds = 4.0, sharp = 1e-8;
  const double left =
      WG_MIN(log(WG_MAX(relative_gap(s) / tol, 1.0)) / state->rate, 3.0 * s->d * (s->d + 1));
  if (state->arcs_vain >= 1 || points > MOST_GRAPH) return false;
  if (s->d < (tol < sharp && points > FEW_POINTS ? MANY_COLUMNS : FEW_COLUMNS)) return false;
  return relative_gap(s) < near && left * call_time(s) > rounds * arcs_time(s);
}

/* An exact call where the interior point found the optimum on arcs. */
static int ask_after_arcs(wg_spectral *s, search *state, const double *point) {
  WG_TRY(ask_all(s, state, point));
  const double gap = relative_gap(s);
  state->arcs_vain = gap < 0.5 * state->arcs_gap ? 0 : state->arcs_vain + 1;
  state->arcs_gap = gap;
  return WG_OK;
}

/* ---- the search ---- */

static int ask(wg_spectral *s, const wg_gauge_spec *spec, double tol, search *state,
               double *point) {
  bool found = false, solved = false;
  if (arcs_pay(s, state, tol)) WG_TRY(wg_arcs_solve(s, spec, 0.3 * tol, point, &found));
  state->is_local |= found;
  if (found) return ask_after_arcs(s, state, point);
  choose_point(s, state, point);
  const bool settled = is_settled(s, state, tol);
  if (!settled) WG_TRY(ask_known(s, state, point, &solved));
  if (solved) return WG_OK;
  if (settled && state->near > s->lower)
    memcpy(point, state->near_q, (size_t)(s->d * s->d) * sizeof *point);
  return ask_all(s, state, point);
}

/* A new column weighs nothing yet: beside those that may come to carry the optimum there is room
 * for as many again, and more would only slow the master down. */
static int64_t most_columns(const wg_spectral *s) { return 30 + 3 * s->d * (s->d + 1) / 4; }

static int search_on(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                     search *state, double *point, int *outcome) {
  double first_gap = NAN;
  for (;;) {
    WG_TRY(run_master(s, spec, limits->tol));
    if (isnan(first_gap)) first_gap = relative_gap(s);
    if (!s->is_coarse) estimate_time(s, first_gap, limits->tol);
    wg_spectral_report(s, "cutting planes");
    if ((*outcome = verdict(s, state, limits)) >= 0) return WG_OK;
    WG_TRY(ask(s, spec, limits->tol, state, point));
    WG_TRY(wg_columns_compress(s, most_columns(s)));
  }
}

/* After a coarse start the optimum is near: far calls would cost many pivots and tell little. And a
 * coarse problem needs no better cuts than those about its best Q. */
static int start_search(wg_spectral *s, const wg_gauge_spec *spec, double *point, search *state) {
  bool found;
  double lower;
  WG_TRY(wg_coarse_q(s, spec, point, &found));
  if (found || s->is_coarse) state->outward = 0.25;
  if (!found) wg_gauge_center(spec, point);
  return wg_oracle(s, point, &lower);
}

int wg_cutting_planes(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                      int *outcome) {
  wg_mem scratch = wg_mem_of(&s->context->ledger);
  const int64_t square = s->d * s->d;
  double *point = WG_NEW(&scratch, double, square), *near_q = WG_NEW(&scratch, double, square);
  search state = {.near_q = near_q,
                  .near_gap = INFINITY,
                  .gap = INFINITY,
                  .arcs_gap = INFINITY,
                  .rate = 0.5,
                  .outward = 1.0};
  int status = point && near_q ? WG_OK : wg_no_memory();
  s->upper = INFINITY;
  if (status == WG_OK && s->count == 0) status = start_search(s, spec, point, &state);
  if (status == WG_OK) set_near(s, &state, s->q, s->lower);
  if (status == WG_OK) status = search_on(s, spec, limits, &state, point, outcome);
  wg_mem_clear(&scratch);
  return status;
}
