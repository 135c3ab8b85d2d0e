/* Both bounds of the least value of sum_k w_k W2(N(m_k, S_k), N(m, S)) over all Gaussians N(m, S),
 * from matrices that anybody may have found, rounding included.
 *
 * From above: the value of one Gaussian, with a contraction for each distance (gaussian.c).
 *
 * From below. Let W_k, N_k be any matrices with rows in d dimensions, Q_k = W_k'W_k, Y_k = N_k'N_k,
 * G >= gamma°(Q_k) and G >= 1, R_k the root of S_k, B_k any matrix, E_k = R_k Q_k - B_k'N_k. Take a
 * Gaussian N(m + y, T) and couplings with x = m_k + R_k g (g standard), z = m + y + h. Then
 *   E |W(R g - h)|^2 = |W R|^2 + <Q, T> - 2 <Q, E R g h'>,     E |B g - N h|^2 >= 0, so
 *   E |W(R g - h)|^2 >= |W R|^2 - |B|^2 + <Q - Y, T> - 2 <E_k, E g h'>,
 * and |E g h'| <= (tr T)^(1/2) in Frobenius norm as g is standard. With v_k = m_k - m - c for any c
 * the means add |W (v - (y - c))|^2 >= |W v|^2 - 2 <Q v, y - c>. The weighted sum is
 *   G value(y, T) >= sum w (|W v|^2 + |W R|^2 - |B|^2) - |Z| t^2 - 2 t sum w |E_k| - 2 |r| s,
 * Z = sum w (Q - Y), r = sum w Q v, for all T with tr T <= t^2 and |y - c| <= s. That is enough: a
 * Gaussian that is better than the one known, of value U, has
 *   sum w (|v_k - (y - c)|^2 + (tr T^(1/2) - tr S_k^(1/2))^2) <= sum w W_2^2 <= U gamma°(I),
 * since gamma >= tr / gamma°(I); hence t = (U gamma°(I))^(1/2) + (sum w tr S_k)^(1/2) and s alike.
 * B = (N N')^-1 N Q R and c, the solution of sum w Q (m_k - m - c) = 0, make E and r vanish but for
 * rounding; they are found here and need not be right.
 *
 * Rounding, u the unit, |.| Frobenius norms: |fl(AB) - AB| <= (k + 2) u |A| |B| for inner dimension
 * k. A = W R is off by a = (d + 2) u |W| |R|, E by a |W| + (d + 4) u (|A| |W| + |B| |N|), Z by sum
 * w (d + 4 + 2 count) u (|W|^2 + |N|^2), r by sum w (2 d + 8 + 4 count) u |W|^2 |v|, as their terms
 * are added one by one; the squares by (2 d + 16) u (|W|^2 (|R|^2 + |v|^2) + |B|^2), which includes
 * the rounding of v. margin multiplies all of it. R_k is a root in twofold precision, whose low
 * part the error of A covers; it stands for N(m_k, R_k^2), at most l_k away from N_k (gaussian.c),
 * and by Minkowski's inequality the root of the value moves by at most the root of C sum w_k l_k^2,
 * C = max gamma / trace. Weights are normalised with a relative error of 4 u, which the value's is.
 * Cost O(count d^3), memory 40 count d^2. Source: docs/theory/gaussian.md. */
#include "certify/certify.h"
#include "linalg/la.h"
#include "measure/measure.h"

/* One of the Gaussians, in the common scale. */
typedef struct term {
  double weight;
  double *root, *shift; /* d x d; d: m_k - m, later v */
  double loss;          /* of W_2, between N_k and the root's Gaussian */
  wg_cert_factor w, n;
  double *a, *b, *e; /* A and B: rank x d; E: d x d */
} term;

typedef struct proof {
  int64_t d, count;
  int exponent;
  term *terms;
  double *z, *r, *centre, *factor; /* d x d; d; d; d x d */
  double dual;                     /* G                   */
} proof;

static double norm2_of(int64_t count, const double *a) {
  wg_sum sum = {0};
  for (int64_t i = 0; i < count; i++) wg_sum_add(&sum, a[i] * a[i]);
  return wg_sum_value(sum);
}

static double norm_of(int64_t count, const double *a) { return sqrt(norm2_of(count, a)); }

/* ---- the data in one scale ---- */

static int read_terms(wg_mem *mem, const wg_cert_barycentre *data,
                      const wg_cert_barycentre_claim *claim, double margin, proof *t) {
  const int64_t d = t->d, square = d * d;
  int *exponents = WG_NEW(mem, int, t->count);
  if (!exponents) return wg_no_memory();
  for (int64_t k = 0; k < t->count; k++) {
    wg_normal_pair pair;
    WG_TRY(wg_measure_normal_pair(mem, d, data->means + k * d, data->covs + k * square, claim->mean,
                                  claim->cov, &pair));
    exponents[k] = pair.exponent;
    t->exponent = k == 0 ? pair.exponent : WG_MAX(t->exponent, pair.exponent);
    t->terms[k] =
        (term){.weight = data->weights[k], .root = pair.root0.root.high, .shift = pair.delta.high};
    WG_TRY(wg_cert_root_loss(mem, d, pair.cov0, &pair.root0, margin, &t->terms[k].loss));
  }
  for (int64_t k = 0; k < t->count; k++) {
    const int lift = exponents[k] - t->exponent;
    t->terms[k].loss = ldexp(t->terms[k].loss, lift);
    for (int64_t i = 0; i < square; i++) t->terms[k].root[i] = ldexp(t->terms[k].root[i], lift);
    for (int64_t i = 0; i < d; i++) t->terms[k].shift[i] = -ldexp(t->terms[k].shift[i], lift);
  }
  return WG_OK;
}

/* ---- factors ---- */

/* W and N, and G. */
static int factor_term(wg_mem *mem, const wg_gauge_spec *spec, const wg_gauge_spec *whole,
                       const double *q, const double *y, double margin, proof *t, term *one) {
  const int64_t square = t->d * t->d;
  double dual;
  WG_TRY(wg_cert_factor_build(spec, q, mem, &one->w));
  WG_TRY(wg_cert_factor_build(whole, y, mem, &one->n));
  WG_TRY(wg_cert_factor_dual(spec, &one->w, margin, mem, &dual));
  t->dual = WG_MAX(t->dual, dual);
  one->a = WG_NEW(mem, double, square);
  one->b = WG_NEW(mem, double, square);
  one->e = WG_NEW(mem, double, square);
  return one->a && one->b && one->e ? WG_OK : wg_no_memory();
}

/* A = W R, B = (N N')^-1 N (A'W)', E = A'W - B'N; adds to Z and to the matrix of the means. */
static void fill_term(proof *t, term *one) {
  const int64_t d = t->d, rank = one->w.rank, seen = one->n.rank;
  const double *w = one->w.rows, *n = one->n.rows;
  wg_la_gemm(false, false, rank, d, d, 1.0, w, d, one->root, d, 0.0, one->a, d);
  wg_la_gemm(true, false, d, d, rank, 1.0, one->a, d, w, d, 0.0, one->e, d);
  wg_la_gemm(false, true, seen, d, d, 1.0, n, d, one->e, d, 0.0, one->b, d);
  for (int64_t i = 0; i < seen; i++) {
    const double length = wg_la_dot(d, n + i * d, n + i * d);
    for (int64_t j = 0; j < d; j++)
      one->b[i * d + j] = length > 0.0 ? one->b[i * d + j] / length : 0.0;
  }
  wg_la_gemm(true, false, d, d, seen, -1.0, one->b, d, n, d, 1.0, one->e, d);
  wg_la_gemm(true, false, d, d, rank, one->weight, w, d, w, d, 1.0, t->factor, d);
  wg_la_gemm(true, false, d, d, rank, one->weight, w, d, w, d, 1.0, t->z, d);
  wg_la_gemm(true, false, d, d, seen, -one->weight, n, d, n, d, 1.0, t->z, d);
}

/* r += w Q v; room: d. */
static void pull(proof *t, const term *one, double *room) {
  const int64_t d = t->d;
  for (int64_t i = 0; i < one->w.rank; i++)
    room[i] = one->weight * wg_la_dot(d, one->w.rows + i * d, one->shift);
  wg_la_gemm(true, false, d, 1, one->w.rank, 1.0, one->w.rows, d, room, 1, 1.0, t->r, 1);
}

/* Takes c off every m_k - m and leaves r. A singular matrix is made regular: c need not be right.
 */
static void centre_means(proof *t, double *room) {
  const int64_t d = t->d;
  double trace = 0.0;
  for (int64_t i = 0; i < d; i++) trace += t->factor[i * d + i];
  for (int64_t i = 0; i < d; i++) t->factor[i * d + i] += 1e-15 * trace;
  for (int64_t k = 0; k < t->count; k++) pull(t, &t->terms[k], room);
  for (int64_t i = 0; i < d; i++) t->centre[i] = t->r[i];
  if (wg_la_cholesky(d, t->factor)) return;
  wg_la_cholesky_solve(d, t->factor, d, 1, t->centre);
  for (int64_t i = 0; i < d; i++) t->r[i] = 0.0;
  for (int64_t k = 0; k < t->count; k++) {
    for (int64_t i = 0; i < d; i++) t->terms[k].shift[i] -= t->centre[i];
    pull(t, &t->terms[k], room);
  }
}

/* ---- the sum ---- */

/* What the terms give (value), and lose: errors of E, of the squares, of Z and r (slack). */
typedef struct tally {
  wg_sum value;
  double miss;                   /* sum w |E|                                   */
  double squares, balance, pull; /* rounding of the squares, of Z, of r       */
  double size, spread;           /* sum w tr S_k, sum w |v|^2                   */
  double losses;                 /* sum w loss^2                                */
} tally;

static void count_term(const proof *t, const term *one, double *seen, tally *sum) {
  const int64_t d = t->d, rank = one->w.rank, square = d * d;
  const double unit = WG_UNIT * (double)(d + 4), weight = one->weight;
  const double summed = unit + 2.0 * WG_UNIT * (double)t->count;
  const double w = sqrt(one->w.norm2), n = sqrt(one->n.norm2), root = norm_of(square, one->root);
  const double a = norm_of(rank * d, one->a), b = norm_of(one->n.rank * d, one->b);
  const double v = norm_of(d, one->shift);
  for (int64_t i = 0; i < rank; i++) seen[i] = wg_la_dot(d, one->w.rows + i * d, one->shift);
  wg_sum_add(&sum->value, weight * norm2_of(rank, seen));
  wg_sum_add(&sum->value, weight * a * a);
  wg_sum_add(&sum->value, -weight * b * b);
  sum->miss += weight * (norm_of(square, one->e) + 2.0 * unit * (w * w * root + a * w + b * n));
  sum->squares += weight * 4.0 * unit * (w * w * (root * root + v * v) + b * b);
  sum->balance += weight * 2.0 * summed * (w * w + n * n);
  sum->pull += weight * 4.0 * summed * w * w * v;
  sum->size += weight * root * root;
  sum->spread += weight * v * v;
  sum->losses += weight * one->loss * one->loss;
}

/* upper: of the value, in the scale of the terms; gauge_of_one >= gamma°(I); trace_factor >= gamma
 * / trace. */
static double add_up(const proof *t, double *room, double upper, double gauge_of_one,
                     double trace_factor, double margin) {
  const double sure = 1.0 + 1e-10, better = sqrt(upper * gauge_of_one);
  tally sum = {0};
  for (int64_t k = 0; k < t->count; k++) count_term(t, &t->terms[k], room, &sum);
  const double reach = sure * (better + sqrt(sum.size));
  const double distance = sure * (better + sqrt(sum.spread));
  const double loss = (norm_of(t->d * t->d, t->z) + margin * sum.balance) * reach * reach +
                      2.0 * margin * sum.miss * reach +
                      2.0 * (norm_of(t->d, t->r) + margin * sum.pull) * distance;
  const double value = wg_sum_value(sum.value) - sure * loss - margin * sum.squares;
  const double root = sqrt(WG_MAX(value, 0.0) / t->dual) * (1.0 - 8.0 * WG_UNIT) -
                      sqrt(trace_factor * sum.losses) * (1.0 + 8.0 * WG_UNIT);
  return root > 0.0 ? root * root * (1.0 - 16.0 * WG_UNIT) : 0.0;
}

/* ---- both ---- */

static int find_lower(wg_mem *mem, const wg_cert_barycentre *data, const wg_gauge_spec *spec,
                      const wg_cert_barycentre_claim *claim, double margin,
                      wg_cert_barycentre_report *report) {
  const int64_t d = data->d, square = d * d;
  proof t = {.d = d,
             .count = data->count,
             .dual = 1.0,
             .terms = WG_NEW(mem, term, data->count),
             .z = WG_NEW(mem, double, square),
             .factor = WG_NEW(mem, double, square),
             .r = WG_NEW(mem, double, d),
             .centre = WG_NEW(mem, double, d)};
  double *one = WG_NEW(mem, double, square), *room = WG_NEW(mem, double, d), gauge_of_one;
  wg_gauge_spec *whole = WG_NEW(mem, wg_gauge_spec, 1);
  if (!t.terms || !t.z || !t.factor || !t.r || !t.centre || !one || !room || !whole)
    return wg_no_memory();
  WG_TRY(wg_gauge_parse("trace", whole));
  WG_TRY(wg_gauge_bind(whole, d));
  WG_TRY(read_terms(mem, data, claim, margin, &t));
  for (int64_t k = 0; k < t.count; k++) {
    WG_TRY(factor_term(mem, spec, whole, claim->q + k * square, claim->y + k * square, margin, &t,
                       &t.terms[k]));
    fill_term(&t, &t.terms[k]);
  }
  centre_means(&t, room);
  for (int64_t i = 0; i < d; i++) one[i * d + i] = 1.0;
  WG_TRY(wg_gauge_dual_upper(spec, one, 0.0, mem, &gauge_of_one));
  const double upper = ldexp(report->upper, -2 * t.exponent);
  const double lower = add_up(&t, room, upper, gauge_of_one, wg_cert_trace_factor(spec), margin);
  report->lower = WG_MIN(nextafter(ldexp(lower, 2 * t.exponent), 0.0), report->upper);
  report->dual_gauge = t.dual;
  report->imbalance = norm_of(square, t.z);
  return WG_OK;
}

static int find_upper(wg_mem *mem, const wg_cert_barycentre *data, const wg_gauge_spec *spec,
                      const wg_cert_barycentre_claim *claim, double margin, double *distances,
                      wg_cert_barycentre_report *report) {
  const int64_t d = data->d, square = d * d;
  double upper = 0.0;
  report->value = 0.0;
  for (int64_t k = 0; k < data->count; k++) {
    const wg_cert_normal pair = {d, data->means + k * d, data->covs + k * square, claim->mean,
                                 claim->cov};
    wg_cert_normal_report one = {0};
    WG_TRY(wg_cert_normal_bounds(mem, &pair, spec, claim->contractions + k * square,
                                 claim->q + k * square, margin, NULL, &one));
    upper += data->weights[k] * one.upper;
    report->value += data->weights[k] * one.value;
    if (!distances) continue;
    distances[2 * k] = WG_MIN(one.lower, one.upper);
    distances[2 * k + 1] = one.upper;
  }
  report->upper = upper * (1.0 + 2.0 * (double)(data->count + 6) * WG_UNIT);
  return WG_OK;
}

int wg_cert_barycentre_bounds(wg_mem *mem, const wg_cert_barycentre *data,
                              const wg_gauge_spec *spec, const wg_cert_barycentre_claim *claim,
                              double margin, double *distances, wg_cert_barycentre_report *report) {
  const int64_t all = data->count * data->d * data->d;
  WG_TRY(wg_cert_check_finite("y", all, claim->y, 1e150));
  WG_TRY(find_upper(mem, data, spec, claim, margin, distances, report));
  return find_lower(mem, data, spec, claim, margin, report);
}
