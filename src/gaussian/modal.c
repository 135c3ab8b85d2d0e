/* The linear two-layer network from a balanced diagonal start (theory 6.1): modes (a, b) with
 * predictor r = (a - b)/2, which only share N^q = sum |r - beta|^q (a^(q/2) + b^(q/2)):
 *   a' = -2 N^(2-q) psi(r - beta) a^(q/2),   b' = +2 N^(2-q) psi(r - beta) b^(q/2).
 *
 * Each mode is a curve, so one number moves. Which number it is makes the equation smooth where the
 * formulas above are not:
 *   p = 1        a b is constant and a reaches zero never: log a;
 *   p > 1        z = a^eta, eta = 1 - q/2, with b^eta = c - z: rank is lost where z or c - z
 * crosses zero, with finite speed. (Beyond zero, while a step looks for the crossing, powers keep
 * the sign of their base.) after it     the other of the two alone, to the power eta, with a or b
 * zero for good; near beta    y = |r - beta|^(2-q), which reaches zero linearly in finite time for
 * p > 1. There the mode stays: its force is zero. The invariants a b and a^eta + b^eta hold by this
 * choice of coordinates, not by accuracy; what the numbers are judged by is the energy identity.
 *
 * Cost of a rate: some powers a mode. */
#include <string.h>

#include "gaussian/moments.h"
#include "gaussian/ode.h"

typedef enum phase { BOTH, ONLY_A, ONLY_B } phase;
typedef enum event_kind { NEARS, LOSES_A, LOSES_B, ARRIVES } event_kind;

typedef struct mode {
  double s, beta;
  double product, total; /* a b, and a^eta + b^eta      */
  double sign, near;     /* of r - beta, which keeps it; when y is used */
  phase phase;
  double limit; /* y where a (sign > 0) or b is lost; negative: never */
  bool nearing; /* the coordinate is y */
  bool arrived;
} mode;

typedef struct watched {
  int64_t mode;
  event_kind kind;
} watched;

typedef struct modal {
  int64_t count;
  double q, eta;
  mode *modes;
  watched *events;
} modal;

/* |x|^e with the sign of x. */
static double signed_power(double x, double e) { return copysign(pow(fabs(x), e), x); }

/* ---- from the coordinate to a and b ---- */

/* z with z^(1/eta) - (c - z)^(1/eta) = 2 r: the left side increases; bisection to the last bit. */
static double coordinate_at(const modal *f, const mode *m, double r) {
  double low = 0.0, high = m->total, e = 1.0 / f->eta;
  for (int k = 0; k < 200; k++) {
    double z = 0.5 * (low + high);
    if (!(z > low && z < high)) break;
    if (pow(z, e) - pow(m->total - z, e) < 2.0 * r)
      low = z;
    else
      high = z;
  }
  return 0.5 * (low + high);
}

/* How far r is from beta, when y is the coordinate. */
static double residual_of_y(const modal *f, double y) {
  return y > 0.0 ? pow(y, 1.0 / (2.0 - f->q)) : 0.0;
}

static void find_ab(const modal *f, const mode *m, double x, double *a, double *b) {
  double e = 1.0 / f->eta;
  if (f->q == 2.0) {
    *a = exp(x);
    *b = m->product / *a;
  } else if (m->nearing) {
    double r = m->beta + m->sign * residual_of_y(f, x);
    double z = m->phase == BOTH ? coordinate_at(f, m, r) : 0.0;
    *a = m->phase == BOTH ? pow(z, e) : m->phase == ONLY_A ? 2.0 * r : 0.0;
    *b = m->phase == BOTH ? pow(m->total - z, e) : m->phase == ONLY_B ? -2.0 * r : 0.0;
  } else if (m->phase == BOTH) {
    *a = signed_power(x, e);
    *b = signed_power(m->total - x, e);
  } else {
    double alone = pow(fabs(x), e);
    *a = m->phase == ONLY_A ? alone : 0.0;
    *b = m->phase == ONLY_B ? alone : 0.0;
  }
}

/* r - beta, and a^(q/2) + b^(q/2). */
static double residual(const modal *f, const mode *m, double x, double *weight) {
  double a = 0.0, b = 0.0;
  *weight = 0.0;
  if (m->arrived) return 0.0;
  find_ab(f, m, x, &a, &b);
  *weight = pow(WG_MAX(a, 0.0), 0.5 * f->q) + pow(WG_MAX(b, 0.0), 0.5 * f->q);
  return m->nearing ? m->sign * residual_of_y(f, x) : 0.5 * (a - b) - m->beta;
}

static double dual_norm(const modal *f, const double *x) {
  double sum = 0.0;
  for (int64_t i = 0; i < f->count; i++) {
    double weight, e = residual(f, &f->modes[i], x[i], &weight);
    sum += pow(fabs(e), f->q) * weight;
  }
  return pow(sum, 1.0 / f->q);
}

/* ---- the equation ---- */

static double speed_of(const modal *f, const mode *m, double x, double factor) {
  double weight, e = residual(f, m, x, &weight), psi;
  if (m->arrived) return 0.0;
  if (m->nearing) return -(2.0 - f->q) * factor * weight;
  psi = e == 0.0 ? 0.0 : copysign(pow(fabs(e), f->q - 1.0), e);
  if (f->q == 2.0) return -2.0 * psi;
  return (m->phase == ONLY_B ? 2.0 : -2.0) * f->eta * factor * psi;
}

static int rate(void *self, const double *x, double *dx) {
  const modal *f = self;
  double norm = dual_norm(f, x), factor = pow(norm, 2.0 - f->q);
  for (int64_t i = 0; i < f->count; i++)
    dx[i] = norm > 0.0 ? speed_of(f, &f->modes[i], x[i], factor) : 0.0;
  dx[f->count] = norm * norm;
  return WG_OK;
}

static double event(void *self, int64_t which, const double *x) {
  const modal *f = self;
  const watched *w = &f->events[which];
  const mode *m = &f->modes[w->mode];
  double weight;
  if (w->kind == NEARS) return m->sign * residual(f, m, x[w->mode], &weight) - m->near;
  if (w->kind == ARRIVES) return x[w->mode];
  if (m->nearing) return x[w->mode] - m->limit;
  return w->kind == LOSES_B ? m->total - x[w->mode] : x[w->mode];
}

/* ---- what happens at events ---- */

static void start_nearing(const modal *f, int64_t i, double *x) {
  mode *m = &f->modes[i];
  double weight, e = residual(f, m, x[i], &weight);
  x[i] = pow(fabs(e), 2.0 - f->q);
  m->nearing = true;
  /* With all of the total in b (r goes down) or in a (up), is beta still ahead? */
  double extreme = -m->sign * 0.5 * pow(m->total, 1.0 / f->eta);
  double left = m->sign * (extreme - m->beta);
  m->limit = left > 0.0 ? pow(left, 2.0 - f->q) : -1.0;
  if (e == 0.0) m->arrived = true;
}

static bool another_moves(const modal *f, int64_t i) {
  for (int64_t j = 0; j < f->count; j++)
    if (j != i && !f->modes[j].arrived) return true;
  return false;
}

/* What can happen next, for p > 1: all modes that move. */
static int64_t list_events(modal *f) {
  int64_t count = 0;
  for (int64_t i = 0; i < f->count && f->q < 2.0; i++) {
    const mode *m = &f->modes[i];
    const bool loses_a = m->sign > 0.0; /* r goes down to beta */
    if (m->arrived) continue;
    if (!m->nearing) f->events[count++] = (watched){i, NEARS};
    if (m->nearing && another_moves(f, i)) f->events[count++] = (watched){i, ARRIVES};
    if (m->phase == BOTH && !(m->nearing && m->limit < 0.0))
      f->events[count++] = (watched){i, loses_a ? LOSES_A : LOSES_B};
  }
  return count;
}

static void note_event(wg_moment_path *path, int kind, int64_t which) {
  if (path->event_count < path->most_events)
    path->events[path->event_count++] = (wg_moment_event){path->reached, kind, which};
}

static void pass_event(modal *f, const watched *w, double *x, wg_moment_path *path) {
  mode *m = &f->modes[w->mode];
  if (w->kind == NEARS) {
    start_nearing(f, w->mode, x);
  } else if (w->kind == ARRIVES) {
    m->arrived = true;
    note_event(path, WG_MOMENTS_ARRIVAL, w->mode);
  } else {
    m->phase = w->kind == LOSES_A ? ONLY_B : ONLY_A;
    if (!m->nearing) x[w->mode] = m->total;
    note_event(path, w->kind == LOSES_A ? WG_MOMENTS_LOSES_A : WG_MOMENTS_LOSES_B, w->mode);
  }
}

/* ---- the run ---- */

static int set_modes(const wg_moment_modes *given, wg_mem *mem, modal *f, double *x) {
  const double nearness = 0.05; /* of the size of the mode */
  *f = (modal){.count = given->modes, .q = given->q, .eta = 1.0 - 0.5 * given->q};
  f->modes = WG_NEW(mem, mode, f->count);
  f->events = WG_NEW(mem, watched, 3 * f->count);
  if (!f->modes || !f->events) return wg_no_memory();
  for (int64_t i = 0; i < f->count; i++) {
    double a = given->s0[i] + given->r0[i], b = given->s0[i] - given->r0[i];
    double beta = given->beta[i];
    f->modes[i] = (mode){.s = given->s0[i],
                         .beta = beta,
                         .product = a * b,
                         .total = pow(a, f->eta) + pow(b, f->eta),
                         .near = nearness * (given->s0[i] + fabs(beta)),
                         .sign = given->r0[i] < beta ? -1.0 : 1.0,
                         .phase = BOTH};
    x[i] = f->q == 2.0 ? log(a) : pow(a, f->eta);
    if (f->q < 2.0 && fabs(given->r0[i] - beta) <= f->modes[i].near) start_nearing(f, i, x);
  }
  return WG_OK;
}

static void record(const modal *f, const double *x, int64_t k, wg_moment_path *path) {
  double *r = path->states + k * path->width, norm = dual_norm(f, x), energy = 0.0;
  for (int64_t i = 0; i < f->count; i++) {
    const mode *m = &f->modes[i];
    double weight, e = residual(f, m, x[i], &weight), *a = r + f->count, *b = a + f->count;
    find_ab(f, m, m->arrived ? 0.0 : x[i], &a[i], &b[i]);
    r[i] = m->beta + e;
    energy += 0.5 * e * e;
  }
  path->at[k] = path->reached;
  path->energy[k] = energy;
  path->slope2[k] = norm * norm;
  path->spent[k] = x[f->count];
}

/* To a time, through as many events as there are. */
static int run_to(modal *f, wg_ode *ode, wg_watch *watch, double end, double *x,
                  wg_moment_path *path) {
  for (;;) {
    int64_t which;
    ode->events = list_events(f);
    int status = wg_ode_run(ode, watch, &path->reached, end, x, &which);
    if (status != WG_OK) return status;
    if (which < 0) return WG_OK;
    const watched passed = f->events[which];
    pass_event(f, &passed, x, path);
    ode->step = 0.0;
  }
}

int wg_moment_modal(const wg_moment_modes *modes, double tol, wg_watch *watch, wg_mem *mem,
                    wg_moment_path *path) {
  modal f;
  wg_ode ode = {.n = modes->modes + 1, .self = &f, .rate = rate, .event = event, .tol = tol};
  double *x = WG_NEW(mem, double, ode.n);
  if (!x) return wg_no_memory();
  WG_TRY(set_modes(modes, mem, &f, x));
  WG_TRY(wg_ode_begin(mem, &ode));
  path->outcome = WG_CERTIFIED;
  for (int64_t k = 0; k < path->count && path->outcome == WG_CERTIFIED; k++) {
    int status = run_to(&f, &ode, watch, path->times[k], x, path);
    if (status < 0) return status;
    if (status == WG_ODE_STALLED) path->outcome = WG_GAP_OPEN;
    if (watch->stopped) path->outcome = watch->stopped;
    record(&f, x, k, path);
    path->made = k + 1;
  }
  path->evaluations = ode.evaluations;
  path->steps = ode.steps;
  path->rejected = ode.rejected;
  return WG_OK;
}
