/* What a run reports: a record a step, events, and the judgement whether it is a resolved flow.
 *
 * The energy-dissipation identity F(0) - F(t) = int N*(g)^2 (theory 6) is integrated twice. With
 * the weights of the method it fails by the method's order. By the De Giorgi form, 1/2 speed^2 +
 * 1/2 slope^2 by trapezoids, it is second order for every method, Euler included, when the speed of
 * a one-step method is that of its polygon: d(N*^2)/dt = 2 <v, dg/dt> makes the trapezoid of
 * slope^2/2 supply the term -h^2 <v, H v>/2 by which Euler's energy differs from its rectangle.
 * So the De Giorgi form alone would call a coarse Euler run a flow; one-step methods must satisfy
 * both. Memory 18 + kept numbers a step. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "flow/run.h"

static const double resolved_at = 1e-3;

double wg_flow_spread(const wg_flow *flow, const double *x) {
  double sum = 0.0;
  for (int64_t k = 0; k < flow->d; k++) {
    double mean = 0.0;
    for (int64_t i = 0; i < flow->n; i++) mean += flow->a[i] * x[i * flow->d + k];
    for (int64_t i = 0; i < flow->n; i++) {
      double off = x[i * flow->d + k] - mean;
      sum += flow->a[i] * off * off;
    }
  }
  return sqrt(sum / (double)flow->d);
}

/* ---- room ---- */

/* Grows both tables or none. */
static int more_records(wg_flow *flow) {
  if (flow->records && flow->record_count < flow->record_room) return WG_OK;
  int64_t room = 2 * flow->record_room + 64;
  double *spectra = WG_GROW(&flow->mem, flow->spectra, double, room * flow->kept);
  if (!spectra) return wg_no_memory();
  flow->spectra = spectra;
  wg_flow_record *records = WG_GROW(&flow->mem, flow->records, wg_flow_record, room);
  if (!records) return wg_no_memory();
  flow->records = records;
  flow->record_room = room;
  return WG_OK;
}

int wg_flow_note_event(wg_flow *flow, int kind, double time, int64_t mode, double value) {
  const int64_t most = 10000; /* a chattering run would have one a step; the counts go on */
  if (flow->event_count >= most) return WG_OK;
  if (flow->event_count == flow->event_room) {
    int64_t room = 2 * flow->event_room + 16;
    wg_flow_event *events = WG_GROW(&flow->mem, flow->events, wg_flow_event, room);
    if (!events) return wg_no_memory();
    flow->events = events;
    flow->event_room = room;
  }
  flow->events[flow->event_count++] = (wg_flow_event){time, value, kind, mode};
  return WG_OK;
}

/* ---- records ---- */

/* Eigenvalues of S_g: squares of singular values, the largest of all blocks, decreasing. */
static void keep_spectrum(const wg_flow *flow, double *out) {
  int64_t count = 0;
  for (int64_t j = 0; j < flow->d; j++) {
    double value = flow->now.sigma[j] * flow->now.sigma[j];
    if (count == flow->kept && !(value > out[count - 1])) continue;
    int64_t at = count < flow->kept ? count++ : count - 1;
    for (; at > 0 && out[at - 1] < value; at--) out[at] = out[at - 1];
    out[at] = value;
  }
}

static double fenchel_gap(const wg_flow_rate *rate) {
  double gap = -rate->product + 0.5 * rate->speed * rate->speed + 0.5 * rate->slope * rate->slope;
  double rounding = 16.0 * WG_UNIT * rate->slope * rate->slope;
  return fabs(gap) <= rounding ? 0.0 : gap;
}

/* Called with now and next not yet exchanged: now is where the step began. */
static double de_giorgi(const wg_flow *flow, const wg_flow_step *step) {
  const wg_flow_rate *begin = &flow->now.rate, *end = &flow->next.rate;
  double slopes = 0.5 * (begin->slope * begin->slope + end->slope * end->slope);
  double speeds = isnan(step->curve_speed)
                      ? 0.5 * (begin->speed * begin->speed + end->speed * end->speed)
                      : step->curve_speed * step->curve_speed;
  return step->length * 0.5 * (speeds + slopes);
}

void wg_flow_account(wg_flow *flow, const wg_flow_step *step) {
  wg_flow_state *state = &flow->state;
  state->lost += step->lost;
  const double by_force = de_giorgi(flow, step);
  state->lost_force += by_force;
  if (!isnan(step->curve_speed))
    state->one_step_error += flow->now.lyapunov - flow->next.lyapunov - by_force;
  state->effective_time += step->effective;
  state->clipped += step->clipped;
  state->uphill += flow->next.lyapunov > flow->now.lyapunov;
  state->longest = WG_MAX(state->longest, step->length);
  state->steps++;
}

static double pl_ratio(const wg_flow *flow) {
  double above = flow->now.energy - flow->energy->infimum;
  double slope2 = flow->now.rate.slope * flow->now.rate.slope;
  return above > 0.0 ? slope2 / (2.0 * above) : NAN;
}

int wg_flow_note_step(wg_flow *flow, const wg_flow_step *step) {
  WG_TRY(more_records(flow));
  wg_flow_state *state = &flow->state;
  const wg_flow_place *now = &flow->now;
  const double slope2 = now->rate.slope * now->rate.slope, gap = fenchel_gap(&now->rate);
  const double lost = state->start_lyapunov - now->lyapunov;
  const wg_flow_record *last = flow->record_count ? &flow->records[flow->record_count - 1] : NULL;
  keep_spectrum(flow, flow->spectra + flow->record_count * flow->kept);
  if (slope2 > 0.0 && flow->settings.newton_steps == 0)
    state->most_cut = WG_MAX(state->most_cut, 1.0 - now->rate.speed / now->rate.slope);
  if (slope2 > 0.0) state->worst_gap = WG_MAX(state->worst_gap, gap / slope2);
  flow->records[flow->record_count] =
      (wg_flow_record){.time = state->time,
                       .step = step ? step->length : 0.0,
                       .energy = now->energy,
                       .lyapunov = now->lyapunov,
                       .slope2 = slope2,
                       .rate = now->rate.product,
                       .speed = now->rate.speed,
                       .fenchel_gap = gap,
                       .identity = lost - state->lost,
                       .identity_trapezoid = lost - state->lost_force,
                       .defect = step && last ? last->lyapunov - now->lyapunov - step->lost : 0.0,
                       .pl_ratio = pl_ratio(flow),
                       .effective_time = state->effective_time,
                       .rank = now->rate.rank,
                       .evaluations = state->evaluations,
                       .method = step ? step->method : flow->settings.method,
                       .clipped = step ? step->clipped : 0};
  flow->record_count++;
  return WG_OK;
}

/* ---- judgement ---- */

double wg_flow_residual(const wg_flow *flow) {
  const wg_flow_state *state = &flow->state;
  double lost = state->start_lyapunov - flow->now.lyapunov;
  double rounding = 1e-13 * (fabs(state->start_lyapunov) + fabs(flow->now.lyapunov));
  double error = WG_MAX(fabs(lost - state->lost), fabs(state->one_step_error));
  return error <= rounding ? 0.0 : error / WG_MAX(fabs(lost), rounding);
}

bool wg_flow_is_resolved(const wg_flow *flow) {
  const wg_flow_state *state = &flow->state;
  return wg_flow_residual(flow) <= resolved_at && state->clipped == 0 &&
         state->worst_gap <= resolved_at && !flow->settings.reseed;
}

void wg_flow_describe(const wg_flow *flow, int outcome, double seconds, wg_flow_info *info) {
  const wg_flow_state *s = &flow->state;
  *info = (wg_flow_info){.struct_size = sizeof *info,
                         .outcome = outcome,
                         .resolved = wg_flow_is_resolved(flow),
                         .time = s->time,
                         .energy = flow->now.energy,
                         .lyapunov = flow->now.lyapunov,
                         .slope2 = flow->now.rate.slope * flow->now.rate.slope,
                         .start_energy = s->start_energy,
                         .residual = wg_flow_residual(flow),
                         .most_cut = s->most_cut,
                         .worst_gap = s->worst_gap,
                         .effective_time = s->effective_time,
                         .steps = s->steps,
                         .evaluations = s->evaluations,
                         .rejected = s->rejected,
                         .clipped = s->clipped,
                         .switches = s->switches,
                         .rank_changes = s->rank_changes,
                         .reversals = s->reversals,
                         .uphill = s->uphill,
                         .seconds = seconds,
                         .peak_bytes = (int64_t)flow->context.ledger.peak};
}

/* ---- in words ---- */

typedef struct writer {
  char *text;
  size_t size, used;
} writer;

static void say(writer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(writer *out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(out->text + out->used, out->size - out->used, format, arguments);
  va_end(arguments);
  if (length > 0) out->used = WG_MIN(out->used + (size_t)length, out->size - 1);
}

static void say_why_not(const wg_flow *flow, writer *out) {
  const wg_flow_state *s = &flow->state;
  if (flow->settings.reseed)
    say(out, " The forces are those of minibatches, not of the energy: outside the theory.");
  if (s->clipped > 0)
    say(out, " %" PRId64 " of %" PRId64 " steps were %s: effective time %.4g of %.4g.", s->clipped,
        s->steps,
        flow->settings.method == WG_FLOW_EULER ? "capped"
        : flow->settings.method == WG_FLOW_JKO ? "ended before their tolerance"
                                               : "clipped",
        s->effective_time, s->time);
  if (s->worst_gap > resolved_at)
    say(out,
        " The velocity is not that of the flow: Fenchel gap up to %.2g of N*^2 (cut-off, or an"
        " inexact oracle).",
        s->worst_gap);
  if (wg_flow_residual(flow) > resolved_at) say(out, " Take smaller steps or a smaller tolerance.");
}

void wg_flow_say(const wg_flow *flow, char *text, size_t size) {
  const wg_flow_state *s = &flow->state;
  writer out = {text, size, 0};
  bool resolved = wg_flow_is_resolved(flow);
  say(&out, "%s: the energy-dissipation identity holds to %.2g of the energy lost.",
      resolved ? "A resolved flow" : "Not a resolved flow", wg_flow_residual(flow));
  if (!resolved) say_why_not(flow, &out);
  if (s->switches > 0)
    say(&out, " The steps of order five stalled %" PRId64 " time%s and the clip step stood in.",
        s->switches, s->switches == 1 ? "" : "s");
  if (s->rank_changes + s->reversals > 0)
    say(&out,
        " The active rank changed %" PRId64 " times (%" PRId64
        " reversals within a step); beyond a coupled loss of rank the flow is a differential"
        " inclusion, of which the pseudo-inverse picks one solution.",
        s->rank_changes, s->reversals);
  if (s->most_cut > 0.0) say(&out, " The cut-off left out up to %.2g of N*.", s->most_cut);
  if (s->uphill > 0)
    say(&out, " The %s grew in %" PRId64 " of %" PRId64 " steps.",
        flow->parts == 2 ? "Lyapunov function" : "energy", s->uphill, s->steps);
}

void wg_flow_list(const wg_flow *flow, wg_flow_log *log) {
  *log = (wg_flow_log){flow->record_count, flow->kept,    flow->event_count,
                       flow->records,      flow->spectra, flow->events};
}
