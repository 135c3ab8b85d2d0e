/* Mean and covariance of a Gaussian under affine forces (theory 6.1). With g(x) = b + L (x - m) and
 * F = L S L' + b b', the normalised velocity is -P g, P = N^(2-q) F^(q/2-1), N^q = tr F^(q/2):
 *   m' = -P b,   S' = -P L S - S L' P,   and the energy falls at the rate N^2.
 * KL to a Gaussian has L = T^-1 - S^-1 and b = T^-1 (m - c); the linear two-layer network, whose
 * predictor is the mixed second moment H of (u, v), L = [[0, E], [E', 0]] with E = H - target, and
 * b = L m; affine forces are given by their matrix.
 *
 * For p > 1 an eigenvalue of F may reach zero in finite time. For 1 < p < infinity the velocity is
 * a continuous function of the state there, zero along the direction that is gone, and F keeps the
 * rank that is left (docs/theory/moments.md): the flow goes on with P on the remaining directions.
 * What is left of the eigenvalue when it counts as zero, a displacement of the order of sigma, is
 * made at once. At p = infinity the velocity jumps; the flow would be a differential inclusion, and
 * ends at this event and says so. Directions in which F is zero from the beginning (the kernel of
 * L, say) have no velocity, and are no event.
 *
 * Cost of a rate: one eigenproblem and six products, O(d^3); memory eight d x d matrices. */
#include <string.h>

#include "gaussian/moments.h"
#include "gaussian/ode.h"
#include "linalg/la.h"

/* An eigenvalue of F below this fraction of the largest counts as zero: its root, which goes to
 * zero linearly in time at p = infinity, is then 1e-6 of the largest. */
static const double extinct = 1e-12;

typedef struct flow_state {
  const wg_moment_flow *flow;
  int64_t d, rank;      /* directions of F that are not extinct   */
  double top;           /* largest eigenvalue of F at the start   */
  double *cov, *l, *b;  /* what the force is made of              */
  double *half, *force; /* L S, F                                 */
  double *values, *vectors, *p;
  double *scratch; /* d x d */
  double *ahead;   /* a state */
  double *room;    /* 5 d     */
} flow_state;

static int make_state(const wg_moment_flow *flow, wg_mem *mem, flow_state *s) {
  int64_t d = flow->d;
  *s = (flow_state){.flow = flow, .d = d};
  double **squares[] = {&s->cov, &s->l, &s->half, &s->force, &s->vectors, &s->p, &s->scratch};
  for (size_t k = 0; k < sizeof squares / sizeof *squares; k++)
    if (!(*squares[k] = WG_NEW(mem, double, d *d))) return wg_no_memory();
  s->b = WG_NEW(mem, double, d);
  s->values = WG_NEW(mem, double, d);
  s->ahead = WG_NEW(mem, double, d + d * d + 1);
  s->room = WG_NEW(mem, double, 5 * d);
  return s->b && s->values && s->ahead && s->room ? WG_OK : wg_no_memory();
}

/* ---- forces ---- */

static void multiply_vector(int64_t d, const double *matrix, const double *x, double *y) {
  for (int64_t i = 0; i < d; i++) y[i] = wg_la_dot(d, matrix + i * d, x);
}

static int kl_force(flow_state *s, const double *m) {
  int64_t d = s->d;
  memcpy(s->scratch, s->cov, (size_t)(d * d) * sizeof(double));
  if (wg_la_cholesky(d, s->scratch)) return WG_ODE_OUTSIDE;
  memset(s->half, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t i = 0; i < d; i++) s->half[i * d + i] = 1.0;
  wg_la_cholesky_solve(d, s->scratch, d, d, s->half);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++)
      s->l[i * d + j] =
          s->flow->precision[i * d + j] - 0.5 * (s->half[i * d + j] + s->half[j * d + i]);
  for (int64_t i = 0; i < d; i++) s->values[i] = m[i] - s->flow->centre[i];
  multiply_vector(d, s->flow->precision, s->values, s->b);
  return WG_OK;
}

static void linear_force(flow_state *s, const double *m) {
  int64_t d = s->d, rows = s->flow->rows, columns = d - rows;
  memset(s->l, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) {
      double predictor = s->cov[i * d + rows + j] + m[i] * m[rows + j];
      double residual = predictor - s->flow->target[i * columns + j];
      s->l[i * d + rows + j] = s->l[(rows + j) * d + i] = residual;
    }
  multiply_vector(d, s->l, m, s->b);
}

static void affine_force(flow_state *s, const double *m) {
  memcpy(s->l, s->flow->matrix, (size_t)(s->d * s->d) * sizeof(double));
  multiply_vector(s->d, s->l, m, s->b);
  for (int64_t i = 0; i < s->d; i++) s->b[i] += s->flow->offset[i];
}

/* Small eigenvalues of F again, from their vectors: as sums of squares they are as accurate as L,
 * where those of F carry rounding of the largest. */
static void refine_values(flow_state *s) {
  const int64_t d = s->d;
  const double small = 1e-3;
  for (int64_t k = 0; k < s->rank; k++) {
    const double *v = s->vectors + k * d;
    double *lv = s->room + 3 * d, *weighted = lv + d; /* the rest is find_least's */
    if (s->values[k] >= small * s->values[0]) continue;
    multiply_vector(d, s->l, v, lv);
    multiply_vector(d, s->cov, lv, weighted);
    const double along = wg_la_dot(d, s->b, v);
    s->values[k] = wg_la_dot(d, lv, weighted) + along * along;
  }
}

/* L, b, F and its eigenvalues at a state. */
static int set_force(flow_state *s, const double *x) {
  int64_t d = s->d;
  const double *m = x, *cov = x + d;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) s->cov[i * d + j] = 0.5 * (cov[i * d + j] + cov[j * d + i]);
  if (s->flow->kind == WG_MOMENTS_KL) {
    int status = kl_force(s, m);
    if (status != WG_OK) return status;
  } else if (s->flow->kind == WG_MOMENTS_LINEAR) {
    linear_force(s, m);
  } else {
    affine_force(s, m);
  }
  wg_la_gemm(false, false, d, d, d, 1.0, s->l, d, s->cov, d, 0.0, s->half, d);
  wg_la_gemm(false, true, d, d, d, 1.0, s->half, d, s->l, d, 0.0, s->force, d);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j <= i; j++) {
      double entry = 0.5 * (s->force[i * d + j] + s->force[j * d + i]) + s->b[i] * s->b[j];
      s->force[i * d + j] = s->force[j * d + i] = entry;
    }
  WG_TRY(wg_la_eigh(d, s->force, s->values, s->vectors));
  refine_values(s);
  return WG_OK;
}

/* ---- the rate ---- */

/* N*, by values over the largest. */
static double dual_norm(const flow_state *s) {
  double top = s->values[0], sum = 0.0, q = s->flow->q;
  if (!(top > 0.0)) return 0.0;
  for (int64_t i = 0; i < s->rank; i++) sum += pow(WG_MAX(s->values[i], 0.0) / top, 0.5 * q);
  return sqrt(top) * pow(sum, 1.0 / q);
}

/* P = N^(2-q) F^(q/2-1) on the active directions; the identity at q = 2. */
static void set_p(flow_state *s, double norm) {
  int64_t d = s->d;
  double q = s->flow->q;
  if (q == 2.0) {
    memset(s->p, 0, (size_t)(d * d) * sizeof(double));
    for (int64_t i = 0; i < d; i++) s->p[i * d + i] = 1.0;
    return;
  }
  for (int64_t k = 0; k < s->rank; k++) {
    double sigma = sqrt(WG_MAX(s->values[k], 0.0));
    double factor = sigma > 0.0 ? pow(sigma / norm, q - 2.0) : 0.0;
    for (int64_t i = 0; i < d; i++) s->scratch[k * d + i] = factor * s->vectors[k * d + i];
  }
  wg_la_gemm(true, false, d, d, s->rank, 1.0, s->vectors, d, s->scratch, d, 0.0, s->p, d);
}

static int rate(void *self, const double *x, double *dx) {
  flow_state *s = self;
  int64_t d = s->d;
  int status = set_force(s, x);
  if (status != WG_OK) return status;
  double norm = dual_norm(s), *mean_rate = dx, *cov_rate = dx + d;
  memset(dx, 0, (size_t)(d + d * d + 1) * sizeof *dx);
  if (norm == 0.0) return WG_OK;
  set_p(s, norm);
  multiply_vector(d, s->p, s->b, mean_rate);
  for (int64_t i = 0; i < d; i++) mean_rate[i] = -mean_rate[i];
  wg_la_gemm(false, false, d, d, d, -1.0, s->p, d, s->half, d, 0.0, s->scratch, d);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++)
      cov_rate[i * d + j] = s->scratch[i * d + j] + s->scratch[j * d + i];
  dx[d + d * d] = norm * norm;
  return WG_OK;
}

/* Least over largest active eigenvalue of F; INFINITY where the force has none, or next to none:
 * roots of eigenvalues below 1e-9 of the first ones are rounding at 1e-6 of the largest. */
static double least_of(flow_state *s, const double *x) {
  const double settled = 1e-18;
  if (set_force(s, x) != WG_OK || !(s->values[0] > settled * s->top)) return INFINITY;
  return s->values[s->rank - 1] / s->values[0];
}

/* ---- the least active eigenvalue sigma^2 of F ---- */

/* Its direction v, with what g has there: L v, S L v and v'b, of size sigma. */
typedef struct least_direction {
  double *v, *lv, *weighted; /* d, in s->room */
  double along, whole;       /* v'b, sigma^2  */
} least_direction;

/* At the state of the last set_force. */
static least_direction find_least(const flow_state *s) {
  const int64_t d = s->d;
  least_direction least = {.v = s->room, .lv = s->room + d, .weighted = s->room + 2 * d};
  memcpy(least.v, s->vectors + (s->rank - 1) * d, (size_t)d * sizeof *least.v);
  multiply_vector(d, s->l, least.v, least.lv);
  multiply_vector(d, s->cov, least.lv, least.weighted);
  least.along = wg_la_dot(d, s->b, least.v);
  least.whole = wg_la_dot(d, least.lv, least.weighted) + least.along * least.along;
  return least;
}

/* sigma at the state of the last set_force over that of `least`, nearby: with its sign, and as
 * accurate as L is, where eigenvalues of F only know the square. */
static double ratio_to(const flow_state *s, const least_direction *least) {
  const int64_t d = s->d;
  double left = least->along * wg_la_dot(d, s->b, least->v);
  for (int64_t i = 0; i < d; i++) left += least->weighted[i] * wg_la_dot(d, s->l + i * d, least->v);
  return left / least->whole;
}

/* sigma^2 touches zero and does not change its sign, so a long step would not see it. y = sigma^(2
 * - q) goes to zero linearly: steps go at most half of the way there. */
static double longest(void *self, const double *x, const double *dx) {
  flow_state *s = self;
  const int64_t n = s->d + s->d * s->d;
  const double value = least_of(s, x);
  double size = 0.0, speed = 0.0;
  if (!(value > 0.0) || !isfinite(value)) return INFINITY;
  const least_direction least = find_least(s);
  for (int64_t i = 0; i < n; i++) {
    size = WG_MAX(size, fabs(x[i]));
    speed = WG_MAX(speed, fabs(dx[i]));
  }
  if (!(speed > 0.0) || !(least.whole > 0.0)) return INFINITY;
  const double little = 1e-7 * size / speed;
  for (int64_t i = 0; i < n; i++) s->ahead[i] = x[i] + little * dx[i];
  if (set_force(s, s->ahead) != WG_OK) return INFINITY;
  const double slope = (2.0 - s->flow->q) * (ratio_to(s, &least) - 1.0) / little; /* of log y */
  return slope < 0.0 ? WG_MAX(0.5 / -slope, little) : INFINITY;
}

/* Above zero while every active eigenvalue of F is. For p <= 1 none disturbs the flow. */
static double event(void *self, int64_t which, const double *x) {
  (void)which;
  return least_of(self, x) - extinct;
}

/* ---- energy ---- */

static double kl_energy(flow_state *s, const double *m) {
  int64_t d = s->d;
  double trace = 0.0, log_det = 0.0, distance = 0.0;
  for (int64_t i = 0; i < d * d; i++) trace += s->flow->precision[i] * s->cov[i];
  for (int64_t i = 0; i < d; i++) distance += (m[i] - s->flow->centre[i]) * s->b[i];
  memcpy(s->scratch, s->cov, (size_t)(d * d) * sizeof(double));
  wg_la_cholesky(d, s->scratch);
  for (int64_t i = 0; i < d; i++) log_det += 2.0 * log(s->scratch[i * d + i]);
  return 0.5 * (trace - (double)d + s->flow->log_det - log_det + distance);
}

static double linear_energy(const flow_state *s) {
  int64_t d = s->d, rows = s->flow->rows;
  double sum = 0.0;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = rows; j < d; j++) sum += s->l[i * d + j] * s->l[i * d + j];
  return 0.5 * sum;
}

/* Of x'Lx/2 + c'x, for symmetric L. */
static double affine_energy(const flow_state *s, const double *m) {
  int64_t d = s->d;
  double sum = 0.0;
  for (int64_t i = 0; i < d; i++) {
    for (int64_t j = 0; j < d; j++)
      sum += 0.5 * s->l[i * d + j] * (s->cov[i * d + j] + m[i] * m[j]);
    sum += s->flow->offset[i] * m[i];
  }
  return sum;
}

/* The size of what the energy is a sum of, for its rounding. */
static double scale_of(const flow_state *s, const double *m) {
  int64_t d = s->d;
  double sum = 0.0;
  if (s->flow->kind == WG_MOMENTS_KL) sum = (double)d + fabs(s->flow->log_det);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      double second = fabs(s->cov[i * d + j]) + fabs(m[i] * m[j]);
      if (s->flow->kind == WG_MOMENTS_KL) sum += fabs(s->flow->precision[i * d + j]) * second;
      if (s->flow->kind == WG_MOMENTS_AFFINE) sum += fabs(s->l[i * d + j]) * second;
      if (s->flow->kind == WG_MOMENTS_LINEAR) sum += second * second;
    }
  return sum;
}

/* At the mean m, after set_force. */
static double energy_of(flow_state *s, const double *m) {
  if (s->flow->kind == WG_MOMENTS_KL) return kl_energy(s, m);
  return s->flow->kind == WG_MOMENTS_LINEAR ? linear_energy(s) : affine_energy(s, m);
}

/* ---- the run ---- */

static int record(flow_state *s, const double *x, int64_t k, wg_moment_path *path) {
  int64_t d = s->d;
  WG_TRY(set_force(s, x));
  double norm = dual_norm(s);
  path->at[k] = path->reached;
  memcpy(path->states + k * path->width, x, (size_t)d * sizeof *x);
  memcpy(path->states + k * path->width + d, s->cov, (size_t)(d * d) * sizeof *x);
  path->smallest[k] = s->values[0] > 0.0 ? s->values[s->rank - 1] / s->values[0] : 0.0;
  path->slope2[k] = norm * norm;
  path->spent[k] = x[d + d * d];
  path->energy[k] = energy_of(s, x);
  return WG_OK;
}

/* x + length times the displacement -v v'g, into `to`. */
static void displace(const flow_state *s, const double *x, const least_direction *least,
                     double length, double *to) {
  const int64_t d = s->d;
  const double *v = least->v, *pull = least->weighted;
  for (int64_t i = 0; i < d; i++) {
    to[i] = x[i] - length * least->along * v[i];
    for (int64_t j = 0; j < d; j++)
      to[d + i * d + j] = x[d + i * d + j] - length * (v[i] * pull[j] + pull[i] * v[j]);
  }
}

/* Makes the least active eigenvalue of F zero, to give its direction v up: x moves along v by as
 * much as g still has there, of the order of sigma, which to first order is multiplied by 1 -
 * length / K; K by the secant. */
static int extinguish(flow_state *s, double *x) {
  const int64_t d = s->d;
  double length = 0.0, size = 0.0;
  WG_TRY(set_force(s, x));
  const least_direction least = find_least(s);
  for (int64_t i = 0; i < d * d; i++) size = WG_MAX(size, fabs(s->l[i]));
  if (!(least.whole > 0.0) || !(size > 0.0)) return WG_OK;
  length = 0.125 / size;
  for (int k = 0; k < 3; k++) {
    displace(s, x, &least, length, s->ahead);
    if (set_force(s, s->ahead) != WG_OK) return WG_OK;
    const double next = length / (1.0 - ratio_to(s, &least));
    if (!(next > 0.0) || !isfinite(next)) return WG_OK;
    length = next;
  }
  displace(s, x, &least, length, s->ahead);
  memcpy(x, s->ahead, (size_t)(d + d * d) * sizeof *x);
  return WG_OK;
}

/* The directions that F has at the start. */
static int find_rank(flow_state *s, const double *x) {
  int status = set_force(s, x);
  if (status == WG_ODE_OUTSIDE)
    return wg_fail(WG_ERR_INPUT, "cov0 is singular: KL to a Gaussian is infinite there");
  if (status < 0) return status;
  s->rank = 0;
  while (s->rank < s->d && s->values[s->rank] > extinct * s->values[0]) s->rank++;
  s->rank = WG_MAX(s->rank, 1);
  s->top = s->values[0];
  return WG_OK;
}

/* An eigenvalue of F is gone, with any others that are: the flow goes on without them. */
static int pass_extinction(flow_state *s, wg_ode *ode, double *x, wg_moment_path *path) {
  do {
    if (path->event_count < path->most_events)
      path->events[path->event_count++] =
          (wg_moment_event){path->reached, WG_MOMENTS_EXTINCTION, s->rank};
    if (!(s->flow->q > 1.0)) {
      path->outcome = WG_GAP_OPEN;
      return WG_OK;
    }
    WG_TRY(extinguish(s, x));
    s->rank--;
  } while (s->rank > 1 && event(s, 0, x) <= 0.0);
  ode->step = 0.0;
  return WG_OK;
}

static int run(flow_state *s, wg_ode *ode, wg_watch *watch, double *x, wg_moment_path *path) {
  int64_t which;
  ode->events = s->flow->q < 2.0 && s->values[0] > 0.0 ? 1 : 0;
  if (ode->events) ode->longest = longest;
  path->outcome = WG_CERTIFIED;
  for (int64_t k = 0; k < path->count; k++) {
    int status;
    do {
      status = wg_ode_run(ode, watch, &path->reached, path->times[k], x, &which);
      if (status < 0) return status;
      if (which >= 0) WG_TRY(pass_extinction(s, ode, x, path));
    } while (which >= 0 && status == WG_OK && path->outcome == WG_CERTIFIED && !watch->stopped);
    if (status == WG_ODE_STALLED) path->outcome = WG_GAP_OPEN;
    if (watch->stopped) path->outcome = watch->stopped;
    WG_TRY(record(s, x, k, path));
    path->made = k + 1;
    if (path->outcome != WG_CERTIFIED) break;
  }
  path->evaluations = ode->evaluations;
  path->steps = ode->steps;
  path->rejected = ode->rejected;
  return WG_OK;
}

int wg_moment_covariance(const wg_moment_flow *flow, double tol, wg_watch *watch, wg_mem *mem,
                         wg_moment_path *path, double *energy0) {
  int64_t d = flow->d, n = d + d * d + 1;
  flow_state s;
  wg_ode ode = {.n = n, .self = &s, .rate = rate, .event = event, .tol = tol};
  double *x = WG_NEW(mem, double, n);
  if (!x) return wg_no_memory();
  WG_TRY(make_state(flow, mem, &s));
  WG_TRY(wg_ode_begin(mem, &ode));
  memcpy(x, flow->mean0, (size_t)d * sizeof *x);
  memcpy(x + d, flow->cov0, (size_t)(d * d) * sizeof *x);
  WG_TRY(find_rank(&s, x));
  *energy0 = energy_of(&s, x);
  path->scale = scale_of(&s, x);
  return run(&s, &ode, watch, x, path);
}
