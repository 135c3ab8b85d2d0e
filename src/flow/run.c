/* A flow from its first place to a time: which step is taken next, when it counts, what is noted.
 *
 * AUTO follows Dormand-Prince. At p = infinity an explicit method can chatter around a lost mode:
 * the active rank changes or the smallest mode turns round at nearly every step, or the length of
 * the step runs down to nothing. Then the clip step, which lowers the energy whatever happens,
 * stands in for a while, twice as long each time; log and summary say so.
 *
 * Everything that decides a later step is in wg_flow_state and the two places, and the end of a
 * call only shortens the step that meets it, so a run that is saved and loaded goes on to the bit.
 * Memory: 7 + 6 arrays of the particles' size (twice that with momentum) and the log. */
#include <string.h>

#include "flow/run.h"

enum {
  UNREST_OF_A_CHANGE = 16,
  UNREST_OF_DELAY = 6, /* a mode should be gone by now */
  UNREST_OF_CHATTER = 128,
  KEPT_EIGENVALUES = 32
};

/* ---- making ---- */

static int make_place(wg_flow *flow, wg_flow_place *place) {
  const int64_t size = flow->n * flow->d;
  place->y = WG_NEW(&flow->mem, double, size * flow->parts);
  place->dy = WG_NEW(&flow->mem, double, size * flow->parts);
  place->force = WG_NEW(&flow->mem, double, size);
  place->sigma = WG_NEW(&flow->mem, double, flow->d);
  place->lowest = WG_NEW(&flow->mem, double, flow->d);
  place->moves = WG_NEW(&flow->mem, unsigned char, flow->d);
  bool made = place->y && place->dy && place->force && place->sigma && place->lowest;
  return made && place->moves ? WG_OK : wg_no_memory();
}

static int make_room(wg_flow *flow) {
  const int64_t size = flow->n * flow->d;
  WG_TRY(make_place(flow, &flow->now));
  WG_TRY(make_place(flow, &flow->next));
  if (!(flow->a = WG_NEW(&flow->mem, double, flow->n))) return wg_no_memory();
  for (int s = 0; s < 7; s++)
    if (!(flow->stage[s] = WG_NEW(&flow->mem, double, size * flow->parts))) return wg_no_memory();
  if (flow->settings.method != WG_FLOW_EVENTS) return WG_OK;
  flow->weighted = WG_NEW(&flow->mem, double, size);
  flow->compass = WG_NEW(&flow->mem, double, flow->d * flow->d);
  flow->active = WG_NEW(&flow->mem, unsigned char, flow->d);
  return flow->weighted && flow->compass && flow->active ? WG_OK : wg_no_memory();
}

static double chosen_cutoff(const wg_flow_settings *settings) {
  if (settings->cutoff > 0.0) return settings->cutoff;
  switch (settings->method) {
    case WG_FLOW_AUTO:
    case WG_FLOW_DOPRI:
    case WG_FLOW_MOMENTUM: return WG_MIN(5.0 * settings->tol, 0.5);
    case WG_FLOW_EVENTS: return 1e-3;
    default: return 1e-12;
  }
}

static int start(wg_flow *flow) {
  wg_flow_state *state = &flow->state;
  state->last_error = 1e-4;
  state->forecast = INFINITY;
  WG_TRY(wg_flow_look(flow, &flow->now, false));
  if (flow->settings.method == WG_FLOW_EVENTS) WG_TRY(wg_flow_settle(flow, &flow->now));
  state->start_energy = flow->now.energy;
  state->start_lyapunov = flow->now.lyapunov;
  state->step = flow->settings.step > 0.0 ? flow->settings.step : wg_flow_first_step(flow);
  return wg_flow_note_step(flow, NULL);
}

static int fill(wg_flow *flow, const double *x, const double *a) {
  WG_TRY(make_room(flow));
  memcpy(flow->now.y, x, (size_t)(flow->n * flow->d) * sizeof *x);
  memcpy(flow->a, a, (size_t)flow->n * sizeof *a);
  flow->settings.cutoff = chosen_cutoff(&flow->settings);
  return start(flow);
}

int wg_flow_make(wg_energy *energy, int64_t n, int64_t d, const double *x, const double *a,
                 const wg_gauge_spec *spec, const wg_flow_settings *settings, wg_flow **made) {
  wg_ledger first = {.limit = (size_t)settings->memory_limit};
  wg_mem mem = wg_mem_of(&first);
  wg_flow *flow = WG_NEW(&mem, wg_flow, 1);
  if (!flow) return wg_no_memory();
  *flow = (wg_flow){.energy = energy,
                    .settings = *settings,
                    .spec = *spec,
                    .n = n,
                    .d = d,
                    .parts = settings->method == WG_FLOW_MOMENTUM ? 2 : 1,
                    .kept = WG_MIN(d, KEPT_EIGENVALUES)};
  flow->context.ledger = first;
  flow->context.threads = wg_thread_count(settings->threads);
  mem.ledger = &flow->context.ledger; /* the flow is its own first block: the ledger moves in */
  flow->mem = mem;
  flow->scratch = wg_mem_of(&flow->context.ledger);
  int status = fill(flow, x, a);
  if (status < 0)
    wg_flow_release(flow);
  else
    *made = flow;
  return status;
}

void wg_flow_release(wg_flow *flow) {
  if (!flow) return;
  wg_mem_clear(&flow->scratch);
  wg_ledger ledger = flow->context.ledger;
  wg_mem mem = flow->mem;
  mem.ledger = &ledger; /* the flow, and the ledger in it, are among the blocks freed */
  wg_mem_clear(&mem);
}

/* ---- what a flow shows ---- */

const double *wg_flow_x(const wg_flow *flow) { return flow->now.y; }
const double *wg_flow_g(const wg_flow *flow) { return flow->now.force; }
const double *wg_flow_v(const wg_flow *flow) { return flow->now.dy; }
double wg_flow_now(const wg_flow *flow) { return flow->state.time; }
void wg_flow_shape(const wg_flow *flow, int64_t *n, int64_t *d) {
  *n = flow->n;
  *d = flow->d;
}

/* ---- chatter ---- */

/* Whether the smallest mode that moves turned round between the places. */
static bool is_reversed(const wg_flow *flow) {
  double sum = 0.0;
  for (int64_t i = 0; i < flow->n; i++) {
    const double *before = flow->now.force + i * flow->d, *after = flow->next.force + i * flow->d;
    double one = 0.0, other = 0.0;
    for (int64_t k = 0; k < flow->d; k++) {
      one += before[k] * flow->next.lowest[k];
      other += after[k] * flow->next.lowest[k];
    }
    sum += flow->a[i] * one * other;
  }
  return sum < 0.0;
}

static double least_mode(const wg_flow *flow, const wg_flow_place *place, double *largest) {
  double least = INFINITY;
  *largest = 0.0;
  for (int64_t j = 0; j < flow->d; j++) {
    *largest = WG_MAX(*largest, place->sigma[j]);
    if (place->moves[j]) least = WG_MIN(least, place->sigma[j]);
  }
  return least;
}

/* The parabola through the last three values of the smallest mode says when it vanishes, better
 * than the steps that feel their way across. A forecast that is passed while the mode is not where
 * it should be by then stands, until the rank changes or the mode has grown again. */
static void update_forecast(wg_flow *flow, double time) {
  const double grown = 1e-2, astray = 0.1, least_slope = 0.2;
  wg_flow_state *state = &flow->state;
  double largest, h = time - state->time, before = least_mode(flow, &flow->now, &largest);
  double after = least_mode(flow, &flow->next, &largest), fall = (before - after) / h;
  double expected = state->fall * (state->forecast - time);
  if (state->forecast <= time && fabs(after - expected) > astray * before &&
      after <= grown * largest)
    return;
  bool follows = flow->now.rate.rank == flow->next.rate.rank && fall > 0.0;
  double slope = fall;
  if (state->fall > 0.0)
    slope = WG_MAX(fall + (fall - state->fall) * h / (h + state->fall_step), least_slope * fall);
  state->forecast = follows ? time + after / slope : INFINITY;
  state->fall = follows ? fall : 0.0;
  state->fall_step = h;
}

/* Compares the modes of now and next, before they are exchanged. EVENTS keeps its own account. */
static int note_changes(wg_flow *flow, double time) {
  wg_flow_state *state = &flow->state;
  int64_t changes = 0;
  if (flow->settings.method == WG_FLOW_EVENTS) return WG_OK;
  for (int64_t j = 0; j < flow->d; j++) {
    if (flow->now.moves[j] == flow->next.moves[j]) continue;
    int kind = flow->now.moves[j] ? WG_FLOW_MODE_LOST : WG_FLOW_MODE_GAINED;
    double when = kind == WG_FLOW_MODE_LOST ? WG_MIN(state->forecast, time) : time;
    WG_TRY(wg_flow_note_event(flow, kind, when, j, flow->next.sigma[j]));
    changes++;
  }
  state->rank_changes += changes;
  if (changes > 0) state->forecast = INFINITY;
  if (changes == 0 && flow->parts == 1 && is_reversed(flow)) {
    WG_TRY(wg_flow_note_event(flow, WG_FLOW_MODE_REVERSED, WG_MIN(state->forecast, time),
                              flow->next.rate.rank - 1, 0.0));
    state->reversals++;
    changes = 1;
  }
  update_forecast(flow, time);
  state->unrest -= state->unrest / 16;
  if (changes > 0) state->unrest += UNREST_OF_A_CHANGE;
  if (state->forecast <= time) state->unrest += UNREST_OF_DELAY;
  return WG_OK;
}

static bool is_stalled(const wg_flow *flow, double end) {
  const double nothing = 1e-13;
  const wg_flow_state *state = &flow->state;
  if (state->step <= nothing * (fabs(state->time) + fabs(end))) return true;
  return flow->settings.method == WG_FLOW_AUTO && state->unrest >= UNREST_OF_CHATTER &&
         wg_modes_has_prox(&flow->spec);
}

/* ---- the next step ---- */

static bool is_adaptive(int method) {
  return method == WG_FLOW_DOPRI || method == WG_FLOW_EVENTS || method == WG_FLOW_MOMENTUM;
}

/* The clip step stands in from now on, in steps that are short beside what was possible before. */
static int switch_to_clip(wg_flow *flow, double end) {
  const double part = 1.0 / 32.0;
  wg_flow_state *state = &flow->state;
  double span = state->clip_span > 0.0 ? 2.0 * state->clip_span : 0.0;
  state->clip_step =
      part * WG_MIN(state->longest > 0.0 ? state->longest : end - state->time, end - state->time);
  state->clip_span = WG_MAX(span, state->clip_step / part);
  state->clip_until = state->time + state->clip_span;
  state->unrest = 0;
  state->switches++;
  return wg_flow_note_event(flow, WG_FLOW_SWITCHED, state->time, -1, state->clip_step);
}

static int choose_method(wg_flow *flow) {
  wg_flow_state *state = &flow->state;
  if (flow->settings.method != WG_FLOW_AUTO) return flow->settings.method;
  if (state->clip_step > 0.0 && state->time >= state->clip_until) {
    state->step = state->clip_step;
    state->clip_step = 0.0;
    state->unrest = 0;
  }
  return state->clip_step > 0.0 ? WG_FLOW_CLIP : WG_FLOW_DOPRI;
}

static void propose(wg_flow *flow, double end, wg_flow_step *step) {
  const wg_flow_state *state = &flow->state;
  const double left = end - state->time, slack = 1.0 + 1e-9;
  *step = (wg_flow_step){.method = choose_method(flow), .curve_speed = NAN};
  if (is_adaptive(step->method))
    step->length = state->step;
  else
    step->length = flow->settings.method == WG_FLOW_AUTO ? state->clip_step : flow->settings.step;
  step->shortened = step->length > left;
  if (left <= slack * step->length) step->length = left;
}

static int take(wg_flow *flow, wg_flow_step *step) {
  switch (step->method) {
    case WG_FLOW_EULER: return wg_flow_euler(flow, step);
    case WG_FLOW_RK4: return wg_flow_rk4(flow, step);
    case WG_FLOW_CLIP: return wg_flow_clip_step(flow, step);
    case WG_FLOW_JKO: return wg_flow_jko(flow, step);
    default: return wg_flow_dopri(flow, step);
  }
}

/* splitmix64 of seed and step: a resumed run draws what it would have drawn. */
static int reseed(wg_flow *flow) {
  if (!flow->settings.reseed) return WG_OK;
  wg_rng rng = {flow->settings.seed + 0x9e3779b97f4a7c15ULL * (uint64_t)flow->state.steps};
  int status = flow->settings.reseed(wg_rng_bits(&rng), flow->settings.reseed_data);
  if (status != 0)
    return wg_fail(WG_ERR_INPUT, "settings.reseed failed with %d at step %lld", status,
                   (long long)flow->state.steps);
  return wg_flow_look(flow, &flow->now, false);
}

/* Modes that have grown back move from the end of the step on. */
static int regain(wg_flow *flow) {
  if (flow->settings.method == WG_FLOW_EVENTS ||
      !(wg_flow_regrown(flow, &flow->next) > WG_FLOW_REGAIN))
    return WG_OK;
  flow->regains = true;
  int status = wg_flow_turn(flow, &flow->next, false);
  flow->regains = false;
  return status;
}

static int commit(wg_flow *flow, const wg_flow_step *step, double end, double left) {
  const double time = step->length == left ? end : flow->state.time + step->length;
  WG_TRY(regain(flow));
  WG_TRY(note_changes(flow, time));
  wg_flow_account(flow, step);
  flow->state.time = time;
  wg_flow_place next = flow->next;
  flow->next = flow->now;
  flow->now = next;
  return wg_flow_note_step(flow, step);
}

/* One attempt; *outcome >= 0: the run is over. */
static int attempt(wg_flow *flow, double end, int *outcome) {
  const double left = end - flow->state.time;
  const bool was_clipping = flow->state.clip_step > 0.0;
  wg_flow_step step;
  WG_TRY(reseed(flow));
  propose(flow, end, &step);
  if (was_clipping && step.method == WG_FLOW_DOPRI)
    WG_TRY(wg_flow_note_event(flow, WG_FLOW_RETURNED, flow->state.time, -1, step.length));
  if (is_adaptive(step.method) && is_stalled(flow, end)) {
    if (flow->settings.method == WG_FLOW_AUTO && wg_modes_has_prox(&flow->spec))
      return switch_to_clip(flow, end);
    *outcome = WG_GAP_OPEN;
    return WG_OK;
  }
  WG_TRY(take(flow, &step));
  flow->state.attempts++;
  if (!step.taken) {
    flow->state.rejected++;
    return WG_OK;
  }
  WG_TRY(commit(flow, &step, end, left));
  const wg_flow_step_fn accepted = flow->settings.accepted;
  if (accepted && accepted(flow, &flow->records[flow->record_count - 1], flow->now.y,
                           flow->settings.accepted_data))
    *outcome = WG_STOPPED;
  return WG_OK;
}

int wg_flow_advance(wg_flow *flow, double end, int *outcome) {
  const int64_t first = flow->state.attempts, most = flow->settings.max_steps;
  wg_watch *watch = &flow->context.watch;
  wg_watch_start(watch, flow->settings.time_limit, flow->settings.progress,
                 flow->settings.progress_data);
  *outcome = -1;
  while (flow->state.time < end && *outcome < 0) {
    watch->state.oracle_calls = flow->state.evaluations;
    wg_watch_phase(watch, "flow at t = %.4g of %.4g, energy %.6g", flow->state.time, end,
                   flow->now.energy);
    if (wg_watch_poll(watch))
      *outcome = watch->stopped;
    else if (most > 0 && flow->state.attempts - first >= most)
      *outcome = WG_CALL_LIMIT;
    else
      WG_TRY(attempt(flow, end, outcome));
  }
  if (*outcome < 0) *outcome = wg_flow_is_resolved(flow) ? WG_CERTIFIED : WG_GAP_OPEN;
  return WG_OK;
}
