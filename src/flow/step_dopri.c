/* Dormand-Prince 5(4) with two judges of a step, and events.
 *
 * Judges. The embedded error of the points, relative to their spread, must stay below tol; and the
 * defect of the step, |F(t) - F(t+h) - h sum b_s rate_s|, below tol/10 of all that was lost so far.
 * The second is the one that matters for an energy law: points may be near enough while the energy,
 * which varies on a smaller scale (softened kernels), is not. The next length follows from both by
 * a proportional-integral rule, which keeps rejections rare where stability and not accuracy limits
 * the step.
 *
 * Events. On the field with signs (direction.c), smooth through the loss of a mode, a step that
 * ends with a negative singular value has passed an event: its length is found by the Illinois
 * method, each trial a full step, so that time and place of the event have the order of the method.
 * Then the mode is frozen. Method: Dormand and Prince (1980). Cost 6 forces a step. */
#include <string.h>

#include "flow/run.h"

static const double tableau[7][6] = {
    {0.0},
    {1.0 / 5.0},
    {3.0 / 40.0, 9.0 / 40.0},
    {44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0},
    {19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0},
    {9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0},
    {35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0}};
static const double embedded[7] = {
    5179.0 / 57600.0, 0.0,       7571.0 / 16695.0, 393.0 / 640.0, -92097.0 / 339200.0,
    187.0 / 2100.0,   1.0 / 40.0};

/* All stages of a step of length h; next is then its end. lost: the integral of the rate. */
static int walk(wg_flow *flow, double h, double *lost) {
  const bool with_signs = flow->settings.method == WG_FLOW_EVENTS;
  double sum = tableau[6][0] * flow->now.rate.product;
  wg_flow_keep(flow, 0, flow->now.dy);
  for (int s = 1; s < 7; s++) {
    wg_flow_combine(flow, h, s, tableau[s], flow->next.y);
    WG_TRY(wg_flow_look(flow, &flow->next, with_signs));
    wg_flow_keep(flow, s, flow->next.dy);
    if (s < 6) sum += tableau[6][s] * flow->next.rate.product;
  }
  *lost = h * sum;
  return WG_OK;
}

/* Root of sum a_i |.|^2 of the embedded error of one part of the state, divided by sqrt(d). */
static double error_of(const wg_flow *flow, double h, int64_t offset) {
  double sum = 0.0;
  for (int64_t i = 0; i < flow->n; i++) {
    double row = 0.0;
    for (int64_t k = offset + i * flow->d; k < offset + (i + 1) * flow->d; k++) {
      double error = -embedded[6] * flow->stage[6][k];
      for (int s = 0; s < 6; s++) error += (tableau[6][s] - embedded[s]) * flow->stage[s][k];
      row += error * error;
    }
    sum += flow->a[i] * row;
  }
  return h * sqrt(sum / (double)flow->d);
}

static double size_of(const wg_flow *flow, const double *x) {
  return sqrt(wg_flow_dot(flow, x, x) / (double)flow->d);
}

/* Both judges in one number: <= 1 is good. */
static double judge(const wg_flow *flow, double h, double lost) {
  const double tol = flow->settings.tol;
  const wg_flow_place *now = &flow->now, *next = &flow->next;
  const int64_t size = flow->n * flow->d;
  double scale = WG_MAX(wg_flow_spread(flow, now->y), h * size_of(flow, now->dy));
  double error = error_of(flow, h, 0), worst = error > 0.0 ? error / (tol * scale) : 0.0;
  if (flow->parts == 2) {
    double momentum = WG_MAX(size_of(flow, now->y + size), size_of(flow, now->force));
    error = error_of(flow, h, size);
    if (error > 0.0) worst = WG_MAX(worst, error / (tol * momentum));
  }
  double rounding = 64.0 * WG_UNIT * (fabs(now->lyapunov) + fabs(next->lyapunov));
  double total = fabs(flow->state.start_lyapunov - now->lyapunov) + fabs(lost);
  double defect = fabs(now->lyapunov - next->lyapunov - lost);
  if (defect > rounding) worst = WG_MAX(worst, defect / (0.1 * tol * total));
  double regrown = wg_flow_regrown(flow, next) / (4.0 * WG_FLOW_REGAIN);
  if (flow->settings.method != WG_FLOW_EVENTS && regrown > 1.0)
    worst = WG_MAX(worst, pow(regrown, 5.0)); /* the next length is shorter by that factor */
  return isnan(worst) ? INFINITY : worst;
}

/* The next length after a step that was judged. */
static double next_length(wg_flow *flow, double h, double worst, bool accepted) {
  const double safety = 0.92, beta = 0.05, least = 1e-10, floor_error = 1e-4;
  if (!accepted) return h * WG_MAX(0.1, safety * pow(worst, -0.2));
  double factor =
      safety * pow(WG_MAX(worst, least), -(0.2 - 0.75 * beta)) * pow(flow->state.last_error, beta);
  flow->state.last_error = WG_MAX(worst, floor_error);
  return h * WG_MIN(10.0, WG_MAX(0.2, factor));
}

double wg_flow_first_step(const wg_flow *flow) {
  double speed = size_of(flow, flow->now.dy);
  if (flow->parts == 2) return 1e-3 * flow->settings.inertia;
  return speed > 0.0 ? 0.01 * wg_flow_spread(flow, flow->now.y) / speed : INFINITY;
}

/* ---- events ---- */

static double largest_mode(const wg_flow *flow) {
  double largest = 0.0;
  for (int64_t j = 0; j < flow->d; j++) largest = WG_MAX(largest, flow->next.sigma[j]);
  return largest;
}

/* Shortens the step to the first zero of a singular value, which lies in (0, step->length). */
static int find_event(wg_flow *flow, wg_flow_step *step) {
  enum { TRIALS = 40 };
  double low = 0.0, high = step->length, at_low = flow->now.least, at_high = flow->next.least;
  const double whole = step->length;
  for (int i = 0; i < TRIALS; i++) {
    double h = high - at_high * (high - low) / (at_high - at_low);
    if (!(h > low && h < high)) h = 0.5 * (low + high);
    WG_TRY(walk(flow, h, &step->lost));
    step->length = h;
    double value = flow->next.least;
    if (fabs(value) <= 1e-13 * largest_mode(flow) || high - low <= 4.0 * WG_UNIT * whole) break;
    if (value > 0.0) {
      low = h;
      at_low = value;
      at_high *= 0.5;
    } else {
      high = h;
      at_high = value;
      at_low *= 0.5;
    }
  }
  return WG_OK;
}

/* The modes of next that move but for those that have just vanished. */
static int freeze(wg_flow *flow, double time) {
  const double near = WG_MAX(2.0 * fabs(flow->next.least), 1e-11 * largest_mode(flow));
  for (int64_t j = 0; j < flow->d; j++) {
    if (!flow->next.moves[j] || flow->next.sigma[j] > near) continue;
    flow->next.moves[j] = 0;
    flow->state.rank_changes++;
    WG_TRY(wg_flow_note_event(flow, WG_FLOW_MODE_LOST, time, j, flow->next.sigma[j]));
  }
  return WG_OK;
}

/* Modes that grew back, by themselves or pushed by others. */
static int thaw(wg_flow *flow, double time) {
  const double level = flow->settings.cutoff * largest_mode(flow);
  for (int64_t j = 0; j < flow->d; j++) {
    if (flow->next.moves[j] || !(flow->next.sigma[j] > level)) continue;
    flow->next.moves[j] = 1;
    flow->state.rank_changes++;
    WG_TRY(wg_flow_note_event(flow, WG_FLOW_MODE_GAINED, time, j, flow->next.sigma[j]));
  }
  return WG_OK;
}

int wg_flow_settle(wg_flow *flow, wg_flow_place *place) {
  memcpy(flow->active, place->moves, (size_t)flow->d);
  WG_TRY(wg_flow_set_compass(flow, place));
  return wg_flow_turn(flow, place, true);
}

static int end_events(wg_flow *flow, const wg_flow_step *step, bool event) {
  const double time = flow->state.time + step->length;
  if (event) WG_TRY(freeze(flow, time));
  WG_TRY(thaw(flow, time));
  return wg_flow_settle(flow, &flow->next);
}

/* ---- the step ---- */

int wg_flow_dopri(wg_flow *flow, wg_flow_step *step) {
  const bool events = flow->settings.method == WG_FLOW_EVENTS;
  WG_TRY(walk(flow, step->length, &step->lost));
  double worst = judge(flow, step->length, step->lost);
  step->taken = worst <= 1.0;
  double proposal = next_length(flow, step->length, worst, step->taken);
  if (!step->taken || !step->shortened || proposal < flow->state.step) flow->state.step = proposal;
  if (!step->taken) return WG_OK;
  bool event = events && flow->next.least <= 0.0;
  if (event) WG_TRY(find_event(flow, step));
  step->effective = step->length;
  return events ? end_events(flow, step, event) : WG_OK;
}
