/* Steps by minimisation: the clip step (forward-backward) and the JKO step.
 *
 * Clip: V minimises <g, V> + N(V)^2/(2 tau) + L |V|^2/2 (prox.c), L doubled until F(X + V) <= F(X)
 * + <g, V> + L |V|^2/2. The minimum is at most 0, the value at V = 0, so F(X + V) <= F(X) -
 * N(V)^2/(2 tau): the energy falls by construction, also where modes are lost and explicit methods
 * chatter. It is an implicit step of the gauge, explicit in the force: first order, and for a fixed
 * L the flow of the gauge with tau L trace added. What the clip takes from the step is reported:
 * effective time N(V) / N*(g).
 *
 * JKO: V minimises F(X + V) + N(V)^2/(2 tau), to stationarity, by clip steps of the same kind
 * around V_j: force g(X + V_j) - L V_j. N(V)^2 is the gauge of sum a_i v_i v_i', the coupling that
 * keeps each particle's index, so N(V) >= W_gamma(mu_k, mu_k+1): the minimum is an upper bound of
 * the one of minimising movements (theory 6), with equality when the optimal coupling of the step
 * is that one. Cost: a force and a factorisation for each trial. */
#include <string.h>

#include "flow/run.h"

enum { DOUBLINGS = 100, JKO_STEPS = 1000 };

static void add(const wg_flow *flow, const double *x, double factor, const double *v, double *out) {
  for (int64_t i = 0; i < flow->n * flow->d; i++) out[i] = x[i] + factor * v[i];
}

/* A trial around V: change minimises the model, next is X + V + change. */
typedef struct model {
  const double *v, *force; /* V_j and the force there  */
  double energy;           /* F(X + V_j)               */
  double *drive, *moved;   /* room; V_j+1              */
  double norm;             /* N(V_j+1)                 */
  double change;           /* |V_j+1 - V_j|            */
} model;

static int try_model(wg_flow *flow, double tau, model *m, bool *good) {
  const double lipschitz = flow->state.lipschitz;
  add(flow, m->force, -lipschitz, m->v, m->drive);
  WG_TRY(wg_flow_clip(flow, m->drive, tau, lipschitz, m->moved, &m->norm));
  add(flow, flow->now.y, 1.0, m->moved, flow->next.y);
  WG_TRY(wg_flow_look(flow, &flow->next, false));
  add(flow, m->moved, -1.0, m->v, m->drive); /* the change */
  double square = wg_flow_dot(flow, m->drive, m->drive);
  double bound = m->energy + wg_flow_dot(flow, m->force, m->drive) + 0.5 * lipschitz * square;
  m->change = sqrt(square);
  *good = flow->next.energy <= bound || (m->change == 0.0 && flow->next.energy <= m->energy);
  return WG_OK;
}

/* Backtracking: L at which the model lies above the energy. */
static int descend(wg_flow *flow, double tau, model *m, bool *good) {
  *good = false;
  for (int i = 0; i < DOUBLINGS && !*good; i++) {
    WG_TRY(try_model(flow, tau, m, good));
    if (*good) break;
    flow->state.lipschitz *= 2.0;
    flow->state.rejected++;
  }
  return WG_OK;
}

/* Nothing lowers the energy by more than rounding: the particles stay. */
static int stay(wg_flow *flow, model *m) {
  memcpy(flow->next.y, flow->now.y, (size_t)(flow->n * flow->d) * sizeof(double));
  memset(m->moved, 0, (size_t)(flow->n * flow->d) * sizeof(double));
  m->norm = 0.0;
  return wg_flow_look(flow, &flow->next, false);
}

/* What the log wants of a displacement V in the time tau. */
static void describe(const wg_flow *flow, const model *m, wg_flow_step *step) {
  const double slope = flow->now.rate.slope, tau = step->length;
  double before = wg_flow_dot(flow, flow->now.force, m->moved);
  double after = wg_flow_dot(flow, flow->next.force, m->moved);
  step->lost = -0.5 * (before + after);
  step->curve_speed = m->norm / tau;
  step->effective = slope > 0.0 ? WG_MIN(m->norm / slope, tau) : tau;
  step->taken = true;
}

static void begin(wg_flow *flow, const wg_flow_step *step, model *m) {
  if (!(flow->state.lipschitz > 0.0)) flow->state.lipschitz = 0.01 / step->length;
  memset(flow->stage[0], 0, (size_t)(flow->n * flow->d) * sizeof(double));
  *m = (model){.v = flow->stage[0],
               .force = flow->now.force,
               .energy = flow->now.energy,
               .drive = flow->stage[1],
               .moved = flow->stage[2]};
}

int wg_flow_clip_step(wg_flow *flow, wg_flow_step *step) {
  const double little = 0.9, relaxed = 0.7;
  model m;
  bool good;
  begin(flow, step, &m);
  WG_TRY(descend(flow, step->length, &m, &good));
  if (!good) WG_TRY(stay(flow, &m));
  describe(flow, &m, step);
  step->clipped = step->effective < little * step->length;
  flow->state.lipschitz *= relaxed;
  return WG_OK;
}

int wg_flow_jko(wg_flow *flow, wg_flow_step *step) {
  const double tolerance = 1e-9, relaxed = 0.9;
  const size_t bytes = (size_t)(flow->n * flow->d) * sizeof(double);
  model m;
  bool good = true, settled = false;
  double norm = 0.0;
  begin(flow, step, &m);
  m.force = memcpy(flow->stage[3], flow->now.force, bytes);
  for (int j = 0; j < JKO_STEPS && good && !settled; j++) {
    WG_TRY(descend(flow, step->length, &m, &good));
    settled = m.change <= tolerance * sqrt(wg_flow_dot(flow, m.moved, m.moved));
    if (!good || settled) break;
    norm = m.norm;
    memcpy(flow->stage[0], m.moved, bytes);
    memcpy(flow->stage[3], flow->next.force, bytes);
    m.energy = flow->next.energy;
    flow->state.lipschitz *= relaxed;
  }
  if (!good) { /* rounding stops it where it is */
    memcpy(m.moved, flow->stage[0], bytes);
    m.norm = norm;
    add(flow, flow->now.y, 1.0, m.moved, flow->next.y);
    WG_TRY(wg_flow_look(flow, &flow->next, false));
  }
  describe(flow, &m, step);
  step->clipped = good && !settled;
  return WG_OK;
}
