/* Both bounds of W2 between two Gaussians, from a contraction and a Q (theory 4), rounding
 * included.
 *
 * The theorem. With roots R0, R1 (S0 = R0^2, S1 = R1^2), delta = m1 - m0 and any C of norm <= 1,
 * K = R0 C R1 makes [S0 K; K' S1] positive semidefinite, a coupling exists with that cross
 * covariance, and W2 <= gamma(Sigma), where
 *   Sigma = delta delta' + (R0 - R1 C')(R0 - R1 C')' + R1 (I - C'C) R1.
 * With any W whose rows lie in single blocks of the gauge, Q = W'W, G >= gamma°(Q):
 *   W2 >= ( |W delta|^2 + |W R0|^2 + |W R1|^2 - 2 |(W R0)' (W R1)|_* ) / max(1, G),
 * norms of Frobenius but for the last, the nuclear norm (the sum of the singular values).
 *
 * What is not counted. R0 and R1 are exact by definition: the bounds are about N(m0, R0^2) and
 * N(m1, R1^2), and delta as rounded. R^2 differs from the covariance given by a backward-stable
 * eigensolver's rounding and by the eigenvalues that the rank rule drops; for singular covariances
 * no double precision answer can do without such a rule (measure/normal.c).
 *
 * Rounding, all in Frobenius norms, |.| below, u the unit, constants doubled or more for second
 * order. Products are taken in slices of sqrt(k) of the inner dimension k, each apart, then summed:
 * whatever the BLAS does within a slice, |fl(AB) - AB| <= (K + 2) u |A| |B| with K = sqrt(k) + the
 * number of slices, some 2 sqrt(k) and not k. So W R_i is off by e_i = (K + 2) u |W| |R_i|, its
 * square by 2 |W R_i| e_i + 4 u |W R_i|^2 (compensated sum), M = (W R0)'(W R1) by |W R0| e1 + |W
 * R1| e0 + (K + 2) u |W R0| |W R1| =: e_M, its nuclear norm by sqrt(d) e_M. The nuclear norm itself
 * is bounded with any U, s, V': |M|_* <= |U| |V'| sum s + sqrt(d) |M - U diag(s) V'|, operator
 * norms of U and V' at most (1 + |U'U - I|)^(1/2), so that nothing is assumed of the SVD; the two
 * products are off by (K + 4) u |U diag s| |V'| and (K + 2) u |U|^2. Above: the norm of C is at
 * most its computed one (1 + 16 d u) and C is divided by that if it exceeds one. D = R0 - R1 C' is
 * off by E, |E| <= e = (K + 4) u (|R0| + |C| |R1|), and for every theta > 0 (D + E)(D + E)' <= (1 +
 * theta) D D' + (1 + 1 / theta) e^2 I; I - C'C is off by at most (K + 4) u |C|^2 =: f, so the last
 * term by f R1^2: both are added as matrices, which costs what they weigh in the gauge and not
 * their norm in every direction. The remaining products cost (K + 4) u (2 |D|^2 + 3 |I - C'C|
 * |R1|^2) and delta delta' 4 u |delta|^2: a slack in operator norm for wg_gauge_upper. margin
 * multiplies all of it. Equal roots: C = I leaves Sigma = delta delta', and the nuclear norm of R Q
 * R is its trace, so W2 is between |W delta|^2 / max(1, G) and gamma(delta delta'): no
 * cancellation, and zero for equal means. Cost O(d^3), memory 18 d^2. Data are divided by a power
 * of two: no scale is special. */
#include <float.h>

#include "certify/certify.h"
#include "linalg/la.h"
#include "measure/measure.h"

static double norm2_of(int64_t count, const double *a) {
  wg_sum sum = {0};
  for (int64_t i = 0; i < count; i++) wg_sum_add(&sum, a[i] * a[i]);
  return wg_sum_value(sum);
}

static double norm_of(int64_t count, const double *a) { return sqrt(norm2_of(count, a)); }

static bool are_equal(const wg_normal_pair *pair) {
  for (int64_t i = 0; i < pair->d * pair->d; i++)
    if (pair->root0[i] != pair->root1[i]) return false;
  return true;
}

/* ---- products in slices ---- */

static int64_t slice_of(int64_t k) { return (int64_t)ceil(sqrt((double)k)); }

/* K of the opening comment. */
static double units_of(int64_t k) {
  const int64_t slice = WG_MAX(slice_of(k), 1);
  const int64_t slices = (k + slice - 1) / slice;
  return (double)(slice + slices);
}

/* c (r x s) = op(a) op(b), inner dimension k, all stored without gaps; room: r x s. */
static void multiply(bool ta, bool tb, int64_t r, int64_t s, int64_t k, const double *a,
                     const double *b, double *room, double *c) {
  const int64_t slice = WG_MAX(slice_of(k), 1), lda = ta ? r : k, ldb = tb ? k : s;
  for (int64_t i = 0; i < r * s; i++) c[i] = 0.0;
  for (int64_t at = 0; at < k; at += slice) {
    const double *left = a + (ta ? at * r : at), *right = b + (tb ? at : at * s);
    wg_la_gemm(ta, tb, r, s, WG_MIN(slice, k - at), 1.0, left, lda, right, ldb, 0.0, room, s);
    for (int64_t i = 0; i < r * s; i++) c[i] += room[i];
  }
}

/* ---- from below ---- */

/* Singular values of m (d x d, destroyed), decreasing. */
static int singular_values(wg_mem *mem, int64_t d, double *m, double *values) {
  double *u = WG_NEW(mem, double, d *d), *vt = WG_NEW(mem, double, d *d);
  if (!u || !vt) return wg_no_memory();
  WG_TRY(wg_la_svd(d, m, u, values, vt));
  wg_drop(mem, u);
  wg_drop(mem, vt);
  return WG_OK;
}

/* An upper bound of the operator norm of u (d x d), near one for what is nearly orthogonal. */
static double norm_of_orthogonal(int64_t d, const double *u, double margin, double *gram,
                                 double *room) {
  multiply(true, false, d, d, d, u, u, room, gram);
  for (int64_t i = 0; i < d; i++) gram[i * d + i] -= 1.0;
  const double off = margin * (units_of(d) + 2.0) * WG_UNIT * norm2_of(d * d, u);
  return sqrt(1.0 + norm_of(d * d, gram) * (1.0 + 4.0 * WG_UNIT) + 2.0 * off);
}

/* An upper bound of the nuclear norm of m (d x d). */
static int nuclear_norm(wg_mem *mem, int64_t d, const double *m, double margin, double *bound) {
  const int64_t size = d * d;
  double *u = WG_NEW(mem, double, size), *vt = WG_NEW(mem, double, size);
  double *s = WG_NEW(mem, double, d), *copy = WG_NEW(mem, double, size);
  double *room = WG_NEW(mem, double, size);
  if (!u || !vt || !s || !copy || !room) return wg_no_memory();
  for (int64_t i = 0; i < size; i++) copy[i] = m[i];
  WG_TRY(wg_la_svd(d, copy, u, s, vt));
  const double norms =
      norm_of_orthogonal(d, u, margin, copy, room) * norm_of_orthogonal(d, vt, margin, copy, room);
  wg_sum sum = {0};
  for (int64_t i = 0; i < d; i++) wg_sum_add(&sum, fabs(s[i]));
  for (int64_t i = 0; i < size; i++) u[i] *= s[i % d];
  multiply(false, false, d, d, d, u, vt, room, copy);
  for (int64_t i = 0; i < size; i++) copy[i] -= m[i];
  const double off = (units_of(d) + 4.0) * WG_UNIT * norm_of(size, u) * norm_of(size, vt);
  const double rest = norm_of(size, copy) * (1.0 + 4.0 * WG_UNIT) + 2.0 * margin * off;
  *bound = (wg_sum_value(sum) * norms + sqrt((double)d) * rest) * (1.0 + 8.0 * WG_UNIT);
  double *rooms[] = {u, vt, s, copy, room};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) wg_drop(mem, rooms[i]);
  return WG_OK;
}

/* |W delta|^2 + |W R0|^2 + |W R1|^2 - 2 |(W R0)'(W R1)|_* from below, W = r->rows. */
static int dual_value(wg_mem *mem, const wg_normal_pair *pair, const wg_cert_factor *r,
                      double margin, double *value) {
  const int64_t d = pair->d, size = d * d;
  const double k = (units_of(d) + 2.0) * WG_UNIT, root_d = sqrt((double)d), w = sqrt(r->norm2);
  double *a0 = WG_NEW(mem, double, size), *a1 = WG_NEW(mem, double, size);
  double *m = WG_NEW(mem, double, size), *room = WG_NEW(mem, double, size);
  double *step = WG_NEW(mem, double, d), nuclear = 0.0;
  if (!a0 || !a1 || !m || !room || !step) return wg_no_memory();
  multiply(false, false, r->rank, d, d, r->rows, pair->root0, room, a0);
  multiply(false, false, r->rank, d, d, r->rows, pair->root1, room, a1);
  multiply(false, false, r->rank, 1, d, r->rows, pair->delta, room, step);
  multiply(true, false, d, d, r->rank, a0, a1, room, m);
  WG_TRY(nuclear_norm(mem, d, m, margin, &nuclear));
  wg_sum sum = {0};
  const double s0 = norm2_of(r->rank * d, a0), s1 = norm2_of(r->rank * d, a1);
  const double sd = norm2_of(r->rank, step), n0 = sqrt(s0), n1 = sqrt(s1), nd = sqrt(sd);
  const double e0 = k * w * norm_of(size, pair->root0), e1 = k * w * norm_of(size, pair->root1);
  const double ed = k * w * norm_of(d, pair->delta);
  wg_sum_add(&sum, s0);
  wg_sum_add(&sum, s1);
  wg_sum_add(&sum, sd);
  wg_sum_add(&sum, -2.0 * nuclear);
  const double squares = 2.0 * (n0 * e0 + n1 * e1 + nd * ed) + 8.0 * WG_UNIT * (s0 + s1 + sd);
  const double cross = root_d * (n0 * e1 + n1 * e0 + k * n0 * n1) + 8.0 * WG_UNIT * nuclear;
  *value = wg_sum_value(sum) - margin * 2.0 * (squares + 2.0 * cross);
  return WG_OK;
}

/* |W delta|^2 from below: the dual value between translates. */
static double translation_value(const wg_normal_pair *pair, const wg_cert_factor *r,
                                double margin) {
  const int64_t d = pair->d;
  const double off = (double)(d + 2) * WG_UNIT * sqrt(r->norm2) * norm_of(d, pair->delta);
  double sum = 0.0;
  for (int64_t i = 0; i < r->rank; i++) {
    const double step = wg_la_dot(d, r->rows + i * d, pair->delta);
    sum += step * step;
  }
  return sum * (1.0 - 4.0 * (double)(d + 4) * WG_UNIT) - margin * 4.0 * off * sqrt(sum);
}

static int find_lower(wg_mem *mem, const wg_normal_pair *pair, const wg_gauge_spec *spec,
                      const double *q, double margin, wg_cert_normal_report *report) {
  wg_cert_factor r;
  double value = 0.0;
  wg_gauge_spec *minorant = WG_NEW(mem, wg_gauge_spec, 1);
  if (!minorant) return wg_no_memory();
  wg_gauge_minorant(spec, minorant);
  WG_TRY(wg_cert_factor_build(minorant, q, mem, &r));
  WG_TRY(wg_cert_factor_dual(minorant, &r, margin, mem, &report->dual_gauge));
  if (are_equal(pair))
    value = translation_value(pair, &r, margin);
  else
    WG_TRY(dual_value(mem, pair, &r, margin, &value));
  if (report->dual_gauge > 1.0) value /= report->dual_gauge * (1.0 + 4.0 * WG_UNIT);
  report->lower = value > 0.0 ? value : 0.0;
  return WG_OK;
}

/* ---- from above ---- */

/* shrunk = C / max(1, |C|). */
static int shrink(wg_mem *mem, int64_t d, const double *contraction, double *shrunk, double *norm) {
  double *copy = WG_NEW(mem, double, d *d), *values = WG_NEW(mem, double, d);
  if (!copy || !values) return wg_no_memory();
  for (int64_t i = 0; i < d * d; i++) copy[i] = contraction[i];
  WG_TRY(singular_values(mem, d, copy, values));
  *norm = values[0] * (1.0 + 16.0 * (double)d * WG_UNIT);
  for (int64_t i = 0; i < d * d; i++) shrunk[i] = contraction[i] / WG_MAX(1.0, *norm);
  return WG_OK;
}

/* a (d x d) += factor f g'; room: 2 d x d. */
static void add_product(int64_t d, double factor, const double *f, const double *g, double *room,
                        double *a) {
  multiply(false, true, d, d, d, f, g, room, room + d * d);
  for (int64_t i = 0; i < d * d; i++) a[i] += factor * room[d * d + i];
}

/* moment = Sigma; above = an upper bound of it in the order of matrices, up to *slack times the
 * identity. */
static int find_moment(wg_mem *mem, const wg_normal_pair *pair, const double *c, double margin,
                       double *moment, double *above, double *slack) {
  const int64_t d = pair->d, size = d * d;
  double *difference = WG_NEW(mem, double, size), *rest = WG_NEW(mem, double, size);
  double *seen = WG_NEW(mem, double, size), *room = WG_NEW(mem, double, 2 * size);
  if (!difference || !rest || !seen || !room) return wg_no_memory();
  for (int64_t i = 0; i < size; i++) {
    difference[i] = pair->root0[i];
    rest[i] = i % (d + 1) == 0 ? 1.0 : 0.0;
    moment[i] = pair->delta[i / d] * pair->delta[i % d];
  }
  add_product(d, -1.0, pair->root1, c, room, difference);
  multiply(true, false, d, d, d, c, c, room, seen);
  for (int64_t i = 0; i < size; i++) rest[i] -= seen[i];
  multiply(false, false, d, d, d, pair->root1, rest, room, seen);
  add_product(d, 1.0, difference, difference, room, moment);
  add_product(d, 1.0, seen, pair->root1, room, moment);
  const double k = (units_of(d) + 4.0) * WG_UNIT, n = norm_of(size, difference);
  const double r0 = norm_of(size, pair->root0), r1 = norm_of(size, pair->root1);
  const double step = 2.0 * margin * k * (r0 + norm_of(size, c) * r1);
  const double theta = n > 0.0 ? sqrt((double)d) * step / n : 1.0;
  for (int64_t i = 0; i < size; i++) above[i] = moment[i];
  add_product(d, theta, difference, difference, room, above);
  add_product(d, 2.0 * margin * k * norm2_of(size, c), pair->root1, pair->root1, room, above);
  *slack = (1.0 + 1.0 / theta) * step * step +
           2.0 * margin *
               (2.0 * k * n * n + 3.0 * k * norm_of(size, rest) * r1 * r1 +
                4.0 * WG_UNIT * norm2_of(d, pair->delta));
  return WG_OK;
}

/* The moment between translates. */
static void translation_moment(const wg_normal_pair *pair, double margin, double *moment,
                               double *above, double *slack) {
  const int64_t d = pair->d;
  for (int64_t i = 0; i < d * d; i++)
    above[i] = moment[i] = pair->delta[i / d] * pair->delta[i % d];
  *slack = margin * 4.0 * WG_UNIT * norm2_of(d, pair->delta);
}

static int find_upper(wg_mem *mem, const wg_normal_pair *pair, const wg_gauge_spec *spec,
                      const double *contraction, double margin, double *moment,
                      wg_cert_normal_report *report) {
  const int64_t d = pair->d;
  double *c = WG_NEW(mem, double, d *d), *above = WG_NEW(mem, double, d *d), slack = 0.0;
  if (!c || !above) return wg_no_memory();
  WG_TRY(shrink(mem, d, contraction, c, &report->norm));
  if (are_equal(pair))
    translation_moment(pair, margin, moment, above, &slack);
  else
    WG_TRY(find_moment(mem, pair, c, margin, moment, above, &slack));
  WG_TRY(wg_gauge_value(spec, moment, mem, &report->value));
  WG_TRY(wg_gauge_upper(spec, above, slack, mem, &report->upper));
  report->upper *= 1.0 + (margin - 1.0) * 32.0 * (double)d * WG_UNIT;
  return WG_OK;
}

/* ---- both ---- */

/* Back to the scale of the data. */
static int rescale(const wg_normal_pair *pair, wg_cert_normal_report *report) {
  report->lower = nextafter(ldexp(report->lower, 2 * pair->exponent), 0.0);
  report->value = ldexp(report->value, 2 * pair->exponent);
  if (report->upper > 0.0)
    report->upper = nextafter(ldexp(report->upper, 2 * pair->exponent), INFINITY);
  if (report->upper <= DBL_MAX) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "the squared distance overflows; rescale the Gaussians");
}

int wg_cert_normal_bounds(wg_mem *mem, const wg_cert_normal *data, const wg_gauge_spec *spec,
                          const double *contraction, const double *q, double margin, double *moment,
                          wg_cert_normal_report *report) {
  const int64_t d = data->d;
  wg_normal_pair pair;
  double *own = WG_NEW(mem, double, d *d);
  if (!own) return wg_no_memory();
  WG_TRY(wg_cert_check_finite("contraction", d * d, contraction, 1e150));
  WG_TRY(wg_cert_check_finite("q", d * d, q, 1e150));
  WG_TRY(wg_measure_normal_pair(mem, d, data->mean0, data->cov0, data->mean1, data->cov1, &pair));
  WG_TRY(find_lower(mem, &pair, spec, q, margin, report));
  WG_TRY(find_upper(mem, &pair, spec, contraction, margin, own, report));
  for (int64_t i = 0; moment && i < d * d; i++) moment[i] = ldexp(own[i], 2 * pair.exponent);
  return rescale(&pair, report);
}
