/* W_gamma between two Gaussians: which way to go.
 *
 * 1. The coupling of W_2 (the polar factor of f0' f1) and the Q it asks for. For the trace it is
 * the answer (Bures); for commuting covariances without means, for Diracs and for equal covariances
 * it is too, whatever the gauge. Equal covariances are told apart, as every gap is rounding there;
 *    otherwise the gap decides, so that what is nearly commuting is nearly free and nothing is
 *    decided by a tolerance on a commutator.
 * 2. Small regular problems go to small.c.
 * 3. Otherwise the interior point, on the ranges only; the better of both on either side. On O(n)
 *    where both factors are regular there (orthogonal.c); with the contraction's cone elsewhere,
 * and where that has not reached the tolerance.
 * 4. p < 1: gamma is concave, the optimum is at an extreme point C of the contractions, an
 * orthogonal matrix. In the plane O(2) is two circles: a scan of both, refined. Else from several
 * starts: Q = grad gamma(Sigma), then the polar factor for Q; gamma never grows. The lower bound is
 * the trace's (gamma_p >= tr), and the outcome is local. Source: theory 4, docs/theory/gaussian.md.
 */
#include <string.h>

#include "gaussian/parts.h"
#include "linalg/la.h"

static const double closed_gap = 1e-13; /* rounding of two values that are equal */

typedef struct search {
  wg_context *context;
  const wg_gauss_problem *p;
  wg_gauge_spec minorant;
  double *contraction, *moment, *q, *room;
} search;

static int create(wg_mem *mem, wg_context *context, const wg_gauss_problem *p, search *t) {
  const int64_t d = p->d, n = p->n;
  *t = (search){.context = context,
                .p = p,
                .contraction = WG_NEW(mem, double, n *n),
                .moment = WG_NEW(mem, double, d *d),
                .q = WG_NEW(mem, double, d *d),
                .room = WG_NEW(mem, double, WG_GAUSS_ROOM(d, n))};
  if (!t->contraction || !t->moment || !t->q || !t->room) return wg_no_memory();
  wg_gauge_minorant(p->spec, &t->minorant);
  return WG_OK;
}

/* The value of t->contraction; the best one is kept. */
static int try_contraction(search *t, wg_mem *mem, wg_gauss_answer *answer) {
  const int64_t n = t->p->n;
  double upper;
  wg_gauss_moment(t->p, t->contraction, t->room, t->moment);
  WG_TRY(wg_gauge_value(t->p->spec, t->moment, mem, &upper));
  if (!(upper < answer->upper)) return WG_OK;
  answer->upper = upper;
  memcpy(answer->contraction, t->contraction, (size_t)(n * n) * sizeof(double));
  return WG_OK;
}

/* The coupling of W_2, and the Q of its moment. */
static int try_closed_form(search *t, wg_mem *mem, wg_gauss_answer *answer) {
  const int64_t d = t->p->d;
  double value;
  memset(t->q, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t i = 0; i < d; i++) t->q[i * d + i] = 1.0;
  WG_TRY(wg_gauss_polar(t->p, t->q, t->room, t->contraction));
  WG_TRY(try_contraction(t, mem, answer));
  WG_TRY(wg_gauge_subgradient(&t->minorant, t->moment, mem, t->q));
  WG_TRY(wg_gauss_dual(t->p, t->q, t->contraction, t->moment, t->room, NULL, &value));
  answer->lower = WG_MAX(value, 0.0);
  memcpy(answer->q, t->q, (size_t)(d * d) * sizeof(double));
  answer->closed = answer->upper - answer->lower <= closed_gap * answer->upper;
  return WG_OK;
}

static bool are_translates(const wg_gauss_problem *p) {
  const size_t bytes = (size_t)(p->d * p->n) * sizeof(double);
  return !memcmp(p->f0, p->f1, bytes) && (!p->low0 || !memcmp(p->low0, p->low1, bytes));
}

/* Equal covariances: Sigma = delta delta' for C = I, and the Q of it proves that. */
static int answer_translates(search *t, wg_mem *mem, wg_gauss_answer *answer) {
  const int64_t d = t->p->d, n = t->p->n;
  memset(answer->contraction, 0, (size_t)(n * n) * sizeof(double));
  for (int64_t i = 0; i < n; i++) answer->contraction[i * n + i] = 1.0;
  for (int64_t i = 0; i < d * d; i++) t->moment[i] = t->p->delta[i / d] * t->p->delta[i % d];
  WG_TRY(wg_gauge_value(t->p->spec, t->moment, mem, &answer->upper));
  WG_TRY(wg_gauge_subgradient(&t->minorant, t->moment, mem, answer->q));
  answer->lower = wg_la_dot(d * d, answer->q, t->moment);
  answer->closed = true;
  return WG_OK;
}

/* ---- p >= 1 ---- */

static bool is_met(const wg_gauss_best *best, double tol) {
  return isfinite(best->upper) && best->upper - best->lower <= tol * best->upper;
}

static int solve_convex(search *t, wg_mem *mem, double tol, wg_gauss_answer *answer) {
  const int64_t d = t->p->d;
  wg_gauss_reduced r = {0};
  double spread = 0.0;
  for (int64_t i = 0; i < d; i++) spread += t->moment[i * d + i]; /* of the coupling of W_2 */
  WG_TRY(wg_gauss_reduce(mem, t->p, spread, &r));
  const int64_t dd = r.problem.d, nn = r.problem.n;
  wg_gauss_best best = {WG_NEW(mem, double, nn *nn), WG_NEW(mem, double, dd *dd), -INFINITY,
                        INFINITY, 0};
  if (!best.contraction || !best.q) return wg_no_memory();
  /* What rounding of f0 C - f1 leaves of a gap between near Gaussians. */
  const double noise = r.near ? 1e3 * (double)d * WG_UNIT * WG_UNIT * r.ratio : 0.0;
  tol = WG_MAX(tol, noise);
  if (r.regular) WG_TRY(wg_gauss_interior(t->context, mem, &r.problem, true, tol, &best));
  if (!is_met(&best, tol) && !r.near && !t->context->watch.stopped)
    WG_TRY(wg_gauss_interior(t->context, mem, &r.problem, false, tol, &best));
  answer->steps = best.steps;
  WG_TRY(wg_gauss_lift(mem, t->p, &r, best.contraction, best.q, t->contraction, t->q));
  WG_TRY(try_contraction(t, mem, answer));
  double lower;
  WG_TRY(wg_gauss_dual(t->p, t->q, t->contraction, t->moment, t->room, NULL, &lower));
  if (lower <= answer->lower) return WG_OK;
  answer->lower = lower;
  memcpy(answer->q, t->q, (size_t)(d * d) * sizeof(double));
  return WG_OK;
}

/* ---- p < 1 ---- */

/* Majorise, minimise, from t->contraction. */
static int descend(search *t, wg_mem *mem, wg_gauss_answer *answer) {
  enum { MOST_ROUNDS = 200 };
  double last = INFINITY;
  for (int round = 0; round < MOST_ROUNDS; round++) {
    double value;
    WG_TRY(try_contraction(t, mem, answer));
    WG_TRY(wg_gauge_value(t->p->spec, t->moment, mem, &value));
    if (!(value < last * (1.0 - 1e-14))) break;
    last = value;
    WG_TRY(wg_gauge_subgradient(t->p->spec, t->moment, mem, t->q));
    WG_TRY(wg_gauss_polar(t->p, t->q, t->room, t->contraction));
  }
  return WG_OK;
}

/* A random orthogonal matrix: the polar factor of a Gaussian one. */
static int random_start(search *t, wg_rng *rng) {
  const int64_t n = t->p->n;
  double *a = t->room, *u = a + n * n, *vt = u + n * n, *s = vt + n * n;
  for (int64_t i = 0; i < n * n; i++) a[i] = wg_rng_normal(rng);
  WG_TRY(wg_la_svd(n, a, u, s, vt));
  wg_la_gemm(false, false, n, n, n, 1.0, u, n, vt, n, 0.0, t->contraction, n);
  return WG_OK;
}

/* The rotation by angle, or the reflection. */
static void plane_element(double angle, bool reflected, double *c) {
  const double sign = reflected ? -1.0 : 1.0;
  c[0] = cos(angle);
  c[1] = -sign * sin(angle);
  c[2] = sin(angle);
  c[3] = sign * cos(angle);
}

/* A scan of both circles, and around the best angle of each a search with shrinking steps: the
 * optimum may be a cusp, where Sigma is singular. */
static int scan_circle(search *t, wg_mem *mem, bool reflected, wg_gauss_answer *answer) {
  enum { ANGLES = 720, HALVINGS = 50 };
  const double turn = 6.283185307179586;
  double best = 0.0, value = INFINITY, step = turn / ANGLES;
  for (int k = 0; k < ANGLES + 2 * HALVINGS; k++) {
    const int after = k - ANGLES;
    const double angle = after < 0 ? k * step : best + (after % 2 ? step : -step);
    double here;
    plane_element(angle, reflected, t->contraction);
    WG_TRY(try_contraction(t, mem, answer));
    WG_TRY(wg_gauge_value(t->p->spec, t->moment, mem, &here));
    if (here < value) {
      value = here;
      best = angle;
    }
    if (after >= 0 && after % 2) step *= 0.5;
  }
  return WG_OK;
}

static int scan_plane(search *t, wg_mem *mem, wg_gauss_answer *answer) {
  WG_TRY(scan_circle(t, mem, false, answer));
  return scan_circle(t, mem, true, answer);
}

static int solve_local(search *t, wg_mem *mem, uint64_t seed, wg_gauss_answer *answer) {
  enum { STARTS = 12 };
  wg_rng rng = {seed};
  const int64_t d = t->p->d, n = t->p->n;
  memcpy(t->contraction, answer->contraction, (size_t)(n * n) * sizeof(double));
  WG_TRY(descend(t, mem, answer));
  if (d == 2 && n == 2) return scan_plane(t, mem, answer);
  for (int k = 0; k < STARTS && !wg_watch_poll(&t->context->watch); k++) {
    WG_TRY(random_start(t, &rng));
    WG_TRY(descend(t, mem, answer));
  }
  return WG_OK;
}

/* ---- all ---- */

static int search_both(search *t, wg_mem *mem, double tol, uint64_t seed, wg_gauss_answer *answer) {
  if (are_translates(t->p)) return answer_translates(t, mem, answer);
  WG_TRY(try_closed_form(t, mem, answer));
  if (answer->closed || answer->upper - answer->lower <= tol * answer->upper) return WG_OK;
  if (wg_gauss_small(t->p, tol, answer)) return WG_OK;
  if (wg_gauge_is_convex(t->p->spec)) return solve_convex(t, mem, tol, answer);
  /* the minorant's bound may need its own solve: blocks with p < 1 beside others */
  wg_gauss_problem below = *t->p;
  below.spec = &t->minorant;
  wg_gauss_answer own = {.contraction = WG_NEW(mem, double, t->p->n * t->p->n), .q = answer->q};
  if (!own.contraction) return wg_no_memory();
  WG_TRY(wg_gauss_solve(t->context, &below, tol, seed, &own));
  answer->lower = own.lower;
  memcpy(t->contraction, own.contraction, (size_t)(t->p->n * t->p->n) * sizeof(double));
  WG_TRY(try_contraction(t, mem, answer));
  return solve_local(t, mem, seed, answer);
}

static int outcome_of(const search *t, const wg_gauss_answer *answer, double tol) {
  if (!wg_gauge_is_convex(t->p->spec) && !answer->closed) return WG_LOCAL;
  if (answer->upper - answer->lower <= tol * answer->upper) return WG_CERTIFIED;
  return t->context->watch.stopped ? t->context->watch.stopped : WG_GAP_OPEN;
}

int wg_gauss_solve(wg_context *context, const wg_gauss_problem *problem, double tol, uint64_t seed,
                   wg_gauss_answer *answer) {
  wg_mem mem = wg_mem_of(&context->ledger);
  search *t = WG_NEW(&mem, search, 1);
  answer->upper = INFINITY;
  answer->steps = 0;
  answer->closed = false;
  int status = t ? create(&mem, context, problem, t) : wg_no_memory();
  if (status == WG_OK) status = search_both(t, &mem, tol, seed, answer);
  if (status == WG_OK) answer->outcome = outcome_of(t, answer, tol);
  wg_mem_clear(&mem);
  return status;
}
