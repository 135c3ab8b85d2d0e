/* Both bounds of W2 between two Gaussians, from a contraction and a Q (theory 4), rounding
 * included.
 *
 * Factors. Any R0, R1 will do (measure/root.c makes them in twofold precision). Their Gaussians
 * N(m, R R') are near those given, and W is a distance, so with l = l0 + l1, l_i a bound of W
 * between the centred N(0, S_i) and N(0, R_i R_i'):   W' - l <= W <= W' + l,   W' of the factors.
 * For S = S+ - S-, N the negative part handed out and E = S - R R' + N'N, strong convexity of
 * |X - S|^2 at its least PSD matrix S+ gives
 *   |S+ - R R'| <= |E| + |N R| =: t   in Frobenius norm,
 * and W^2 <= C |S+^(1/2) - (R R')^(1/2)|^2 <= C min( d^(1/2) t, (t / r)^2 ), C = max gamma / trace,
 * r the least |eigenvalue| of R (Powers and Stormer; Bhatia, Matrix Analysis, X.1 and X.3).
 *
 * From above. With any B of norm at most 2, C = B (3 I - B'B) / 2 is a contraction: |s (3 - s^2)|
 * <= 2 there. With K = R0 C R1', a coupling of the factors' Gaussians, X = I - B'B, Z = R1 X and
 * D = R0 - R1 C' = R0 - R1 B' - Z B' / 2,
 *   Sigma = delta delta' + D D' + Z (4 I - B'B) Z' / 4,
 * as I - C'C = X (4 I - B'B) X / 4: three PSD terms and no cancellation but in D and X, which are
 * computed in twofold precision. B is the contraction given where that is orthogonal but for
 * rounding, else it has the same singular vectors, and values that give those of the contraction
 * (2 sin(asin(s) / 3)), at most one.
 *
 * From below. With any W whose rows lie in single blocks of the gauge, Q = W'W, G >= gamma°(Q), A_i
 * = W R_i, M = A0'A1 and any regular V,
 *   W'^2 max(1, G) >= |W delta|^2 + |A0|^2 + |A1|^2 - 2 |M|_*,   |M|_* <= |V^-1| sum_i |M v_i|,
 * all in twofold precision: for V near the singular vectors the sum exceeds the nuclear norm by the
 * square of their error only, relative to each singular value; where much cancels they are refined
 * first. |V^-1| <= (1 - |V'V - I|)^(-1/2).
 *
 * Diagonal covariances s, t: C = I and a diagonal Q give both values without any cancellation, the
 * moment being delta delta' + diag(D^2), D_i = (s_i - t_i) / (root s_i + root t_i); the diagonal of
 * a Q of K_gamma is one too. Equal covariances: Sigma = delta delta', and W'^2 >= |W delta|^2.
 *
 * Rounding, all in Frobenius norms, |.| below, u the unit, e(k) = wg_twofold_units(k) ~ 2 k^2 u^2,
 * constants doubled or more for second order. Above: X is off by x = e |B|^2 + 4 u^2 (root d +
 * |B|^2), Z by z = |R1| x + e |R1| |X|, D by (e |R1| |B| + z |B| + e |Z| |B| + 8 u^2 (|R0| + |R1|
 * |B| + |Z| |B|)) and, rounded to double, by 2 u |D| =: step
 * (where X is rounding only, Z and Z B' are taken in double precision, with its units); for every
 * theta > 0 (D + E)(D + E)'
 * <= (1 + theta) D D' + (1 + 1 / theta) step^2 I, whose trace is no larger. The products in double
 * precision are off by (k + 4) u times the norms of their factors; they are taken in slices of
 * root d, k = the size of a slice and their number. Together a slack in operator norm and in trace
 * for wg_gauge_upper. Below: A_i by a_i = e |W| |R_i|, M by |A0| a1 + |A1| a0 + e |A0| |A1|, the
 * products and sums as they come. E and N R likewise; covariances that underflow lose 2^-1074 an
 * entry. margin multiplies all of it; claims (margin 2) have room for another machine's factor of
 * Q and singular vectors of C: 16 d u of what they weigh in the moment.
 * Cost some ten products in twofold precision (14 d^3 flops each), those of the roots, two SVDs;
 * memory 40 d^2. Data are divided by a power of two: no scale is special. */
#include <float.h>

#include "certify/certify.h"
#include "linalg/la.h"
#include "measure/measure.h"

static const double eta = 0x1p-1074; /* smallest subnormal */

static double norm2_of(int64_t count, const double *a) {
  wg_sum sum = {0};
  for (int64_t i = 0; i < count; i++) wg_sum_add(&sum, a[i] * a[i]);
  return wg_sum_value(sum);
}

static double norm_of(int64_t count, const double *a) { return sqrt(norm2_of(count, a)); }

/* ---- twofold matrices ---- */

static int new_twofold(wg_mem *mem, int64_t count, wg_twofold_matrix *a) {
  *a = (wg_twofold_matrix){WG_NEW(mem, double, count), WG_NEW(mem, double, count)};
  return a->high && a->low ? WG_OK : wg_no_memory();
}

static wg_twofold_matrix as_twofold(double *a) { return (wg_twofold_matrix){a, NULL}; }

/* |a|^2, off by at most (4 count + 16) u^2 of it. */
static wg_twofold square_of(int64_t count, wg_twofold_matrix a) {
  wg_twofold sum = {0.0, 0.0};
  for (int64_t i = 0; i < count; i++) {
    const wg_twofold entry = wg_twofold_at(a, i);
    sum = wg_twofold_add(sum, wg_twofold_multiply(entry, entry));
  }
  return sum;
}

/* out = I - a'a for a (d x d); off by gram_error(|a|). */
static void miss_of_gram(int64_t d, wg_twofold_matrix a, wg_twofold_matrix out) {
  wg_la_twofold_product(true, true, d, d, d, a, a, out);
  for (int64_t i = 0; i < d * d; i++) {
    const wg_twofold one = {i % (d + 1) ? 0.0 : 1.0, 0.0};
    wg_twofold_put(out, i, wg_twofold_add(one, (wg_twofold){-out.high[i], -out.low[i]}));
  }
}

static double gram_error(int64_t d, double norm) {
  return wg_twofold_units(d) * norm * norm +
         8.0 * WG_UNIT * WG_UNIT * (sqrt((double)d) + norm * norm);
}

static void transpose(int64_t d, const double *a, double *out) {
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) out[j * d + i] = a[i * d + j];
}

/* ---- the factors against the covariances ---- */

/* t of the opening comment. */
static int find_distance(wg_mem *mem, int64_t d, wg_twofold_matrix cov, const wg_normal_root *root,
                         double margin, double *distance) {
  const int64_t size = d * d, fallen = root->fallen;
  wg_twofold_matrix square, rest, cross;
  WG_TRY(new_twofold(mem, size, &square));
  WG_TRY(new_twofold(mem, size, &rest));
  WG_TRY(new_twofold(mem, fallen * d, &cross));
  wg_la_twofold_product(true, true, d, d, d, root->root, root->root, square);
  wg_la_twofold_product(true, true, d, d, fallen, root->negative, root->negative, rest);
  wg_la_twofold_product(false, false, fallen, d, d, root->negative, root->root, cross);
  double sizes = norm2_of(size, cov.high);
  for (int64_t i = 0; i < size; i++) {
    const wg_twofold off =
        wg_twofold_add(wg_twofold_at(cov, i), (wg_twofold){-square.high[i], -square.low[i]});
    square.high[i] = wg_twofold_add(off, wg_twofold_at(rest, i)).high;
  }
  const double r2 = norm2_of(size, root->root.high), n2 = norm2_of(fallen * d, root->negative.high);
  sizes = sqrt(sizes) + r2 + n2;
  const double units = wg_twofold_units(d) + 16.0 * WG_UNIT * WG_UNIT;
  const double left = norm_of(size, square.high) + norm_of(fallen * d, cross.high);
  const double rounding = units * (sizes + sqrt(r2 * n2)) + 8.0 * (double)size * eta;
  *distance = left * (1.0 + 8.0 * WG_UNIT) + margin * rounding;
  double *rooms[] = {square.high, square.low, rest.high, rest.low, cross.high, cross.low};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) wg_drop(mem, rooms[i]);
  return WG_OK;
}

/* The least |eigenvalue| of the symmetric root, from below. */
static int least_of(wg_mem *mem, int64_t d, const double *root, double *least) {
  double *copy = WG_NEW(mem, double, d *d), *values = WG_NEW(mem, double, d), most = 0.0;
  if (!copy || !values) return wg_no_memory();
  for (int64_t i = 0; i < d * d; i++) copy[i] = root[i];
  WG_TRY(wg_la_eigenvalues(d, copy, values));
  *least = INFINITY;
  for (int64_t i = 0; i < d; i++) {
    *least = WG_MIN(*least, fabs(values[i]));
    most = WG_MAX(most, fabs(values[i]));
  }
  *least -= 32.0 * (double)d * WG_UNIT * most;
  wg_drop(mem, copy);
  wg_drop(mem, values);
  return WG_OK;
}

int wg_cert_root_loss(wg_mem *mem, int64_t d, wg_twofold_matrix cov, const wg_normal_root *root,
                      double margin, double *loss) {
  double t, least, direct;
  WG_TRY(find_distance(mem, d, cov, root, margin, &t));
  WG_TRY(least_of(mem, d, root->root.high, &least));
  direct = sqrt(sqrt((double)d) * t);
  *loss = (least > 0.0 ? WG_MIN(direct, t / least) : direct) * (1.0 + 16.0 * WG_UNIT);
  return WG_OK;
}

typedef struct factors {
  const wg_normal_pair *pair;
  double distance[2], loss; /* t; what the root of W2 may be off by under the trace: l */
} factors;

static double sum_of_losses(const factors *f, int64_t d, const double least[2]) {
  double sum = 0.0;
  for (int side = 0; side < 2; side++) {
    const double t = f->distance[side], direct = sqrt(sqrt((double)d) * t);
    sum += least[side] > 0.0 ? WG_MIN(direct, t / least[side]) : direct;
  }
  return sum * (1.0 + 16.0 * WG_UNIT);
}

static int weigh_factors(wg_mem *mem, const wg_normal_pair *pair, double margin, factors *f) {
  const double unknown[2] = {0.0, 0.0};
  f->pair = pair;
  WG_TRY(find_distance(mem, pair->d, pair->cov0, &pair->root0, margin, &f->distance[0]));
  WG_TRY(find_distance(mem, pair->d, pair->cov1, &pair->root1, margin, &f->distance[1]));
  f->loss = sum_of_losses(f, pair->d, unknown);
  return WG_OK;
}

/* Where the loss would matter to bounds of this size the least eigenvalues are worth finding: with
 * a smaller margin a little earlier, lest a claim rests on them and its verification does not. */
static int sharpen_factors(wg_mem *mem, double value, double margin, factors *f) {
  const double harmless = 0.25e-13 * margin * margin;
  double least[2];
  if (f->loss <= harmless * sqrt(WG_MAX(value, 0.0))) return WG_OK;
  WG_TRY(least_of(mem, f->pair->d, f->pair->root0.root.high, &least[0]));
  WG_TRY(least_of(mem, f->pair->d, f->pair->root1.root.high, &least[1]));
  f->loss = sum_of_losses(f, f->pair->d, least);
  return WG_OK;
}

double wg_cert_trace_factor(const wg_gauge_spec *spec) {
  double most = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    const bool root = block->kind == WG_SCHATTEN && block->p < 1.0;
    const double own = root ? pow((double)block->size, 1.0 / block->p - 1.0) : 1.0;
    const double rate = spec->outer == WG_BLOCK_MAX ? block->rate : 1.0;
    most = WG_MAX(most, own / rate / rate);
  }
  return most * (1.0 + 64.0 * WG_UNIT);
}

static bool are_equal(const wg_normal_pair *pair) {
  if (pair->lost) return false;
  for (int64_t i = 0; i < pair->d * pair->d; i++)
    if (pair->cov0.high[i] != pair->cov1.high[i] || pair->cov0.low[i] != pair->cov1.low[i])
      return false;
  return true;
}

static bool is_diagonal(int64_t d, wg_twofold_matrix cov) {
  for (int64_t i = 0; i < d * d; i++)
    if (i % (d + 1) != 0 && cov.high[i] != 0.0) return false;
  return true;
}

static bool are_diagonal(const wg_normal_pair *pair) {
  return !pair->lost && is_diagonal(pair->d, pair->cov0) && is_diagonal(pair->d, pair->cov1);
}

/* (root s_i - root t_i)^2, to 16 u. */
static double gap_of_roots(const wg_normal_pair *pair, int64_t i) {
  const int64_t at = i * (pair->d + 1);
  const double s = WG_MAX(pair->cov0.high[at], 0.0), t = WG_MAX(pair->cov1.high[at], 0.0);
  const double sum = sqrt(s) + sqrt(t), step = sum > 0.0 ? (s - t) / sum : 0.0;
  return step * step;
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

/* v <- v (I + P / 2 + 3 P^2 / 8), P = I - v'v, which is the inverse root of I - P but for P^3. */
static int orthogonalise(wg_mem *mem, int64_t d, wg_twofold_matrix v) {
  const int64_t size = d * d;
  wg_twofold_matrix miss;
  double *power = WG_NEW(mem, double, size), *change = WG_NEW(mem, double, size);
  if (!power || !change) return wg_no_memory();
  WG_TRY(new_twofold(mem, size, &miss));
  miss_of_gram(d, v, miss);
  wg_la_gemm(false, false, d, d, d, 0.375, miss.high, d, miss.high, d, 0.0, power, d);
  for (int64_t i = 0; i < size; i++) power[i] += 0.5 * miss.high[i];
  wg_la_gemm(false, false, d, d, d, 1.0, v.high, d, power, d, 0.0, change, d);
  for (int64_t i = 0; i < size; i++)
    wg_twofold_put(v, i, wg_twofold_add(wg_twofold_at(v, i), (wg_twofold){change[i], 0.0}));
  double *rooms[] = {power, change, miss.high, miss.low};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) wg_drop(mem, rooms[i]);
  return WG_OK;
}

/* vectors (d x d, columns): the right singular vectors of m, orthogonal to twofold precision. */
static int singular_vectors(wg_mem *mem, int64_t d, const double *m, wg_twofold_matrix vectors) {
  const int64_t size = d * d;
  double *u = WG_NEW(mem, double, size), *vt = WG_NEW(mem, double, size);
  double *s = WG_NEW(mem, double, d), *copy = WG_NEW(mem, double, size);
  if (!u || !vt || !s || !copy) return wg_no_memory();
  for (int64_t i = 0; i < size; i++) copy[i] = m[i];
  WG_TRY(wg_la_svd(d, copy, u, s, vt));
  transpose(d, vt, vectors.high);
  double *rooms[] = {u, vt, s, copy};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) wg_drop(mem, rooms[i]);
  return orthogonalise(mem, d, vectors);
}

/* turn = E, E_ij = g_ij / (g_jj - g_ii) for the gram matrix g of the m v_i, but for pairs of nearly
 * equal sizes or of none (noise, relative to the largest); returns the largest entry. */
static double find_turns(int64_t d, const double *gram, double noise, double *turn) {
  const double apart = 1e3;
  double most = 0.0, top = 0.0;
  for (int64_t i = 0; i < d; i++) top = WG_MAX(top, gram[i * (d + 1)]);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      const double own = gram[i * (d + 1)], other = gram[j * (d + 1)], entry = gram[i * d + j];
      const bool counts = i != j && WG_MAX(own, other) > noise * noise * top &&
                          fabs(other - own) > apart * fabs(entry);
      turn[i * d + j] = counts ? entry / (other - own) : 0.0;
      most = WG_MAX(most, fabs(turn[i * d + j]));
    }
  return most;
}

/* Turns the vectors until the m v_i are orthogonal to twofold precision too: beside large singular
 * values, small ones see the others' error to first order. Quadratic convergence; the first round
 * leaves small ones among themselves alone, as those are nothing but that error then. */
static int sharpen_vectors(wg_mem *mem, int64_t d, wg_twofold_matrix m, wg_twofold_matrix vectors) {
  enum { MOST_ROUNDS = 4 };
  const int64_t size = d * d;
  wg_twofold_matrix seen, gram;
  double *turn = WG_NEW(mem, double, size), *change = WG_NEW(mem, double, size), most = INFINITY;
  if (!turn || !change) return wg_no_memory();
  WG_TRY(new_twofold(mem, size, &seen));
  WG_TRY(new_twofold(mem, size, &gram));
  for (int round = 0; round < MOST_ROUNDS && (round < 2 || most > 16.0 * WG_UNIT); round++) {
    wg_la_twofold_product(false, false, d, d, d, m, vectors, seen);
    wg_la_twofold_product(true, true, d, d, d, seen, seen, gram);
    most = find_turns(d, gram.high, round == 0 ? 1e-12 : 10.0 * wg_twofold_units(d), turn);
    wg_la_gemm(false, false, d, d, d, 1.0, vectors.high, d, turn, d, 0.0, change, d);
    for (int64_t i = 0; i < size; i++)
      wg_twofold_put(vectors, i,
                     wg_twofold_add(wg_twofold_at(vectors, i), (wg_twofold){change[i], 0.0}));
    WG_TRY(orthogonalise(mem, d, vectors));
  }
  double *rooms[] = {turn, change, seen.high, seen.low, gram.high, gram.low};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) wg_drop(mem, rooms[i]);
  return WG_OK;
}

/* |m|_* from above, of any matrix within `off` of m (d x d). */
static int nuclear_norm(wg_mem *mem, int64_t d, wg_twofold_matrix m, double off, bool sharp,
                        double margin, wg_twofold *bound, double *error) {
  wg_twofold_matrix vectors, seen;
  WG_TRY(new_twofold(mem, d * d, &vectors));
  WG_TRY(new_twofold(mem, d * d, &seen));
  WG_TRY(singular_vectors(mem, d, m.high, vectors));
  if (sharp) WG_TRY(sharpen_vectors(mem, d, m, vectors));
  const double v = norm_of(d * d, vectors.high) * (1.0 + 1e-12);
  miss_of_gram(d, vectors, seen);
  const double miss = norm_of(d * d, seen.high) * (1.0 + 1e-12) + margin * gram_error(d, v);
  wg_la_twofold_product(false, false, d, d, d, m, vectors, seen);
  *bound = (wg_twofold){0.0, 0.0};
  for (int64_t j = 0; j < d; j++) {
    wg_twofold square = {0.0, 0.0};
    for (int64_t i = 0; i < d; i++) {
      const wg_twofold entry = wg_twofold_at(seen, i * d + j);
      square = wg_twofold_add(square, wg_twofold_multiply(entry, entry));
    }
    *bound = wg_twofold_add(*bound, wg_twofold_root(square));
  }
  const double units = (8.0 * (double)d + 64.0) * WG_UNIT * WG_UNIT;
  *error = INFINITY; /* no bound follows from vectors that are anything but orthogonal */
  if (miss < 0.5)
    *error =
        2.0 * miss * bound->high +
        margin * (units * bound->high +
                  sqrt((double)d) * 1.5 * (off + wg_twofold_units(d) * norm_of(d * d, m.high) * v));
  double *rooms[] = {vectors.high, vectors.low, seen.high, seen.low};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) wg_drop(mem, rooms[i]);
  return WG_OK;
}

/* |W delta|^2 + |W R0|^2 + |W R1|^2 - 2 |(W R0)'(W R1)|_* from below, W = r->rows. */
static int dual_value(wg_mem *mem, const wg_normal_pair *pair, const wg_cert_factor *r,
                      double margin, double *value) {
  const int64_t d = pair->d, size = d * d, rank = r->rank;
  const double units = wg_twofold_units(d), w = sqrt(r->norm2) * (1.0 + 1e-12);
  const double near = 1e-3; /* below this share of the covariances cancellation counts */
  const wg_twofold_matrix rows = as_twofold(r->rows);
  wg_twofold_matrix a0, a1, m, step;
  WG_TRY(new_twofold(mem, size, &a0));
  WG_TRY(new_twofold(mem, size, &a1));
  WG_TRY(new_twofold(mem, size, &m));
  WG_TRY(new_twofold(mem, d, &step));
  wg_la_twofold_product(false, false, rank, d, d, rows, pair->root0.root, a0);
  wg_la_twofold_product(false, false, rank, d, d, rows, pair->root1.root, a1);
  wg_la_twofold_product(false, false, rank, 1, d, rows, pair->delta, step);
  wg_la_twofold_product(true, false, d, d, rank, a0, a1, m);
  const double n0 = norm_of(rank * d, a0.high) * (1.0 + 1e-12);
  const double n1 = norm_of(rank * d, a1.high) * (1.0 + 1e-12);
  const double nd = norm_of(rank, step.high) * (1.0 + 1e-12);
  const double e0 = units * w * norm_of(size, pair->root0.root.high) * (1.0 + 1e-12);
  const double e1 = units * w * norm_of(size, pair->root1.root.high) * (1.0 + 1e-12);
  const double ed = units * w * norm_of(d, pair->delta.high) * (1.0 + 1e-12);
  const double cross = n0 * e1 + n1 * e0 + 2.0 * units * n0 * n1;
  wg_twofold nuclear;
  double error;
  const wg_twofold covariances = wg_twofold_add(square_of(rank * d, a0), square_of(rank * d, a1));
  const wg_twofold squares_sum = wg_twofold_add(covariances, square_of(rank, step));
  wg_twofold sum;
  for (int sharp = 0; sharp < 2; sharp++) {
    WG_TRY(nuclear_norm(mem, d, m, cross, sharp, margin, &nuclear, &error));
    sum = wg_twofold_add(squares_sum, (wg_twofold){-2.0 * nuclear.high, -2.0 * nuclear.low});
    if (sum.high > near * covariances.high) break;
  }
  const double counted = (4.0 * (double)size + 64.0) * WG_UNIT * WG_UNIT;
  const double squares =
      2.0 * (n0 * e0 + n1 * e1 + nd * ed) + counted * (n0 * n0 + n1 * n1 + nd * nd + nuclear.high);
  *value = sum.high - 2.0 * error - margin * 2.0 * squares - 4.0 * WG_UNIT * fabs(sum.high);
  double *rooms[] = {a0.high, a0.low, a1.high, a1.low, m.high, m.low, step.high, step.low};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) wg_drop(mem, rooms[i]);
  return WG_OK;
}

/* |W delta|^2 from below: the dual value between translates. */
static double translation_value(const wg_normal_pair *pair, const wg_cert_factor *r,
                                double margin) {
  const int64_t d = pair->d;
  const double *delta = pair->delta.high;
  const double off = (double)(d + 4) * WG_UNIT * sqrt(r->norm2) * norm_of(d, delta);
  double sum = 0.0;
  for (int64_t i = 0; i < r->rank; i++) {
    const double step = wg_la_dot(d, r->rows + i * d, delta);
    sum += step * step;
  }
  return sum * (1.0 - 4.0 * (double)(d + 4) * WG_UNIT) - margin * 4.0 * off * sqrt(sum);
}

/* The value of a diagonal Q between diagonal covariances, over its dual gauge. */
static int diagonal_value(wg_mem *mem, const wg_normal_pair *pair, const wg_gauge_spec *spec,
                          const double *q, double margin, double *value) {
  const int64_t d = pair->d;
  wg_cert_factor r;
  double *diagonal = WG_NEW(mem, double, d *d), sum = 0.0, dual;
  if (!diagonal) return wg_no_memory();
  for (int64_t i = 0; i < d; i++) diagonal[i * (d + 1)] = q[i * (d + 1)];
  WG_TRY(wg_cert_factor_build(spec, diagonal, mem, &r));
  WG_TRY(wg_cert_factor_dual(spec, &r, margin, mem, &dual));
  for (int64_t i = 0; i < r.rank; i++) {
    double weight = 0.0, part = 0.0;
    for (int64_t k = 0, hits = 0; k < d; k++) {
      const double entry = r.rows[i * d + k], delta = pair->delta.high[k];
      if (entry == 0.0) continue;
      if (++hits > 1) return *value = 0.0, WG_OK; /* an eigensolver of another mind */
      weight = entry * entry;
      part = delta * delta + gap_of_roots(pair, k);
    }
    sum += weight * part;
  }
  *value = sum * (1.0 - margin * (double)(4 * d + 64) * WG_UNIT) / WG_MAX(1.0, dual);
  wg_drop(mem, diagonal);
  return WG_OK;
}

/* spread: a bound of the trace of the moment. */
static int find_lower(wg_mem *mem, factors *f, const wg_gauge_spec *spec, const double *q,
                      double spread, double margin, wg_cert_normal_report *report) {
  const wg_normal_pair *pair = f->pair;
  const int64_t d = pair->d;
  wg_cert_factor r;
  double value = 0.0, special = 0.0;
  wg_gauge_spec *minorant = WG_NEW(mem, wg_gauge_spec, 1);
  if (!minorant) return wg_no_memory();
  wg_gauge_minorant(spec, minorant);
  WG_TRY(wg_cert_factor_build(minorant, q, mem, &r));
  WG_TRY(wg_cert_factor_dual(minorant, &r, margin, mem, &report->dual_gauge));
  const double dual = WG_MAX(report->dual_gauge, 1.0) * (1.0 + 4.0 * WG_UNIT);
  if (are_equal(pair)) {
    special = translation_value(pair, &r, margin) / dual;
  } else {
    WG_TRY(dual_value(mem, pair, &r, margin, &value));
    value = (value - (margin - 1.0) * 16.0 * (double)d * WG_UNIT * r.top * spread) / dual;
    const double loss = sqrt(wg_cert_trace_factor(minorant)) * f->loss;
    const double root = value > 0.0 ? sqrt(value) * (1.0 - 4.0 * WG_UNIT) - loss : 0.0;
    value = root > 0.0 ? root * root * (1.0 - 4.0 * WG_UNIT) : 0.0;
    if (are_diagonal(pair)) WG_TRY(diagonal_value(mem, pair, minorant, q, margin, &special));
  }
  value = WG_MAX(value, special);
  report->lower = value > 0.0 ? value : 0.0;
  return WG_OK;
}

/* ---- from above ---- */

/* b as in the opening comment; *norm of the contraction; *exact: b is the contraction itself. */
static int find_b(wg_mem *mem, int64_t d, const double *contraction, double *b, double *norm,
                  bool *exact) {
  const int64_t size = d * d;
  const double orthogonal = 1e-8;
  wg_twofold_matrix miss;
  double *u = WG_NEW(mem, double, size), *vt = WG_NEW(mem, double, size);
  double *s = WG_NEW(mem, double, d);
  if (!u || !vt || !s) return wg_no_memory();
  for (int64_t i = 0; i < size; i++) b[i] = contraction[i];
  WG_TRY(new_twofold(mem, size, &miss));
  miss_of_gram(d, as_twofold(b), miss);
  *exact = norm_of(size, miss.high) <= orthogonal;
  *norm = 1.0;
  if (!*exact) {
    WG_TRY(wg_la_svd(d, b, u, s, vt));
    *norm = s[0] * (1.0 + 16.0 * (double)d * WG_UNIT);
    for (int64_t i = 0; i < size; i++) u[i] *= 2.0 * sin(asin(WG_MIN(s[i % d], 1.0)) / 3.0);
    wg_la_gemm(false, false, d, d, d, 1.0, u, d, vt, d, 0.0, b, d);
  }
  double *rooms[] = {u, vt, s, miss.high, miss.low};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) wg_drop(mem, rooms[i]);
  return WG_OK;
}

/* a (d x d) += factor f g'; room: 2 d x d. */
static void add_product(int64_t d, double factor, const double *f, const double *g, double *room,
                        double *a) {
  multiply(false, true, d, d, d, f, g, room, room + d * d);
  for (int64_t i = 0; i < d * d; i++) a[i] += factor * room[d * d + i];
}

/* D, Z and 4 I - B'B of the opening comment in double precision, and what D and Z are off by. */
typedef struct split {
  double *d, *z, *middle;
  double off_d, off_z;
} split;

/* Z and Z B' / 2; those are as small as X, and where X is rounding only, double precision does. */
static int find_rest(wg_mem *mem, int64_t d, wg_twofold_matrix r1, wg_twofold_matrix x, double *b,
                     double *bt, double nx, wg_twofold_matrix z, wg_twofold_matrix rest,
                     double *units) {
  const int64_t size = d * d;
  const double rounding = 1e-12;
  if (nx > rounding) {
    wg_la_twofold_product(false, false, d, d, d, r1, x, z);
    wg_la_twofold_product(false, false, d, d, d, z, as_twofold(bt), rest);
    *units = wg_twofold_units(d);
    return WG_OK;
  }
  double *room = WG_NEW(mem, double, size);
  if (!room) return wg_no_memory();
  multiply(false, false, d, d, d, r1.high, x.high, room, z.high);
  multiply(false, true, d, d, d, z.high, b, room, rest.high);
  for (int64_t i = 0; i < size; i++) z.low[i] = rest.low[i] = 0.0;
  *units = (units_of(d) + 4.0) * WG_UNIT;
  wg_drop(mem, room);
  return WG_OK;
}

static int find_split(wg_mem *mem, const wg_normal_pair *pair, double *b, double margin,
                      split *out) {
  const int64_t d = pair->d, size = d * d;
  const double units = wg_twofold_units(d), u2 = 8.0 * WG_UNIT * WG_UNIT;
  const wg_twofold_matrix r0 = pair->root0.root, r1 = pair->root1.root;
  wg_twofold_matrix x, z, turned, more;
  double *bt = WG_NEW(mem, double, size), rest = 0.0;
  if (!bt) return wg_no_memory();
  WG_TRY(new_twofold(mem, size, &x));
  WG_TRY(new_twofold(mem, size, &z));
  WG_TRY(new_twofold(mem, size, &turned));
  WG_TRY(new_twofold(mem, size, &more));
  transpose(d, b, bt);
  miss_of_gram(d, as_twofold(b), x);
  const double nb = norm_of(size, b), n0 = norm_of(size, r0.high), n1 = norm_of(size, r1.high);
  const double nx = norm_of(size, x.high);
  WG_TRY(find_rest(mem, d, r1, x, b, bt, nx, z, more, &rest));
  wg_la_twofold_product(false, false, d, d, d, r1, as_twofold(bt), turned);
  const double nz = norm_of(size, z.high);
  for (int64_t i = 0; i < size; i++) {
    const wg_twofold half = {-0.5 * more.high[i], -0.5 * more.low[i]};
    const wg_twofold less = wg_twofold_add((wg_twofold){-turned.high[i], -turned.low[i]}, half);
    out->d[i] = wg_twofold_add(wg_twofold_at(r0, i), less).high;
    out->z[i] = z.high[i];
    out->middle[i] = (i % (d + 1) ? 0.0 : 3.0) + x.high[i];
  }
  const double sure = margin * (1.0 + 1e-12);
  const double off_x = gram_error(d, nb), off = n1 * off_x + rest * n1 * nx;
  out->off_z = sure * off + 2.0 * WG_UNIT * nz;
  out->off_d =
      sure * (units * nb * n1 + rest * nb * nz + off * nb + u2 * (n0 + n1 * nb + nz * nb)) +
      2.0 * WG_UNIT * norm_of(size, out->d);
  double *rooms[] = {bt,          x.high,     x.low,     z.high,  z.low,
                     turned.high, turned.low, more.high, more.low};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) wg_drop(mem, rooms[i]);
  return WG_OK;
}

/* moment = Sigma; above = an upper bound of it in the order of matrices, up to what has norm and
 * trace *slack. */
static int find_moment(wg_mem *mem, const wg_normal_pair *pair, double *b, bool exact,
                       double margin, double *moment, double *above, double *slack) {
  const int64_t d = pair->d, size = d * d;
  const double *delta = pair->delta.high;
  split s = {WG_NEW(mem, double, size), WG_NEW(mem, double, size), WG_NEW(mem, double, size), 0, 0};
  double *seen = WG_NEW(mem, double, size), *room = WG_NEW(mem, double, 2 * size);
  if (!s.d || !s.z || !s.middle || !seen || !room) return wg_no_memory();
  WG_TRY(find_split(mem, pair, b, margin, &s));
  for (int64_t i = 0; i < size; i++) moment[i] = delta[i / d] * delta[i % d];
  add_product(d, 1.0, s.d, s.d, room, moment);
  multiply(false, false, d, d, d, s.z, s.middle, room, seen);
  add_product(d, 0.25, seen, s.z, room, moment);
  const double k = (units_of(d) + 4.0) * WG_UNIT, n = norm_of(size, s.d), z = norm_of(size, s.z);
  const double middle = norm_of(size, s.middle), n1 = norm_of(size, pair->root1.root.high);
  const double step = 2.0 * s.off_d, theta = n > 0.0 ? sqrt((double)d) * step / n : 1.0;
  for (int64_t i = 0; i < size; i++) above[i] = moment[i];
  add_product(d, theta, s.d, s.d, room, above);
  const double other =
      exact ? 0.0 : (margin - 1.0) * 64.0 * (double)d * WG_UNIT * n1 * (n + 2.0 * z);
  const double rest = 0.5 * (s.off_z * middle * (z + s.off_z) + 3.0 * margin * k * z * z * middle);
  *slack = (step > 0.0 ? (1.0 + 1.0 / theta) * step * step : 0.0) + 2.0 * rest + other +
           2.0 * margin * (3.0 * k * n * n + 4.0 * WG_UNIT * norm2_of(d, delta));
  return WG_OK;
}

/* The moment of C = I where that is known without cancellation: between translates, and between
 * diagonal covariances. */
static void plain_moment(const wg_normal_pair *pair, bool equal, double margin, double *moment,
                         double *above, double *slack) {
  const int64_t d = pair->d;
  const double *delta = pair->delta.high;
  double roots = 0.0;
  for (int64_t i = 0; i < d * d; i++) {
    const double gap = !equal && i % (d + 1) == 0 ? gap_of_roots(pair, i / (d + 1)) : 0.0;
    above[i] = moment[i] = delta[i / d] * delta[i % d] + gap;
    roots += gap;
  }
  *slack = margin * (6.0 * WG_UNIT * norm2_of(d, delta) + 24.0 * WG_UNIT * roots);
}

static int find_upper(wg_mem *mem, factors *f, const wg_gauge_spec *spec, const double *contraction,
                      double margin, double *moment, wg_cert_normal_report *report) {
  const wg_normal_pair *pair = f->pair;
  const int64_t d = pair->d;
  const bool equal = are_equal(pair);
  const bool diagonal = are_diagonal(pair);
  double *b = WG_NEW(mem, double, d *d), *above = WG_NEW(mem, double, d *d), slack = 0.0;
  double *plain = WG_NEW(mem, double, d *d), value = INFINITY, upper = INFINITY;
  bool exact = false;
  if (!b || !above || !plain) return wg_no_memory();
  WG_TRY(find_b(mem, d, contraction, b, &report->norm, &exact));
  report->upper = INFINITY;
  if (!equal) {
    WG_TRY(find_moment(mem, pair, b, exact, margin, moment, above, &slack));
    WG_TRY(wg_gauge_value(spec, moment, mem, &report->value));
    WG_TRY(wg_gauge_upper(spec, above, slack, mem, &upper));
    WG_TRY(sharpen_factors(mem, upper, margin, f));
    const double root =
        sqrt(upper) * (1.0 + 4.0 * WG_UNIT) + sqrt(wg_cert_trace_factor(spec)) * f->loss;
    report->upper = root * root * (1.0 + 8.0 * WG_UNIT);
  }
  if (equal || diagonal) {
    plain_moment(pair, equal, margin, plain, above, &slack);
    WG_TRY(wg_gauge_value(spec, plain, mem, &value));
    WG_TRY(wg_gauge_upper(spec, above, slack, mem, &upper));
    if (upper < report->upper) {
      for (int64_t i = 0; i < d * d; i++) moment[i] = plain[i];
      report->value = value;
      report->upper = upper;
    }
  }
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
  factors f;
  double spread = 0.0;
  WG_TRY(weigh_factors(mem, &pair, margin, &f));
  WG_TRY(find_upper(mem, &f, spec, contraction, margin, own, report));
  for (int64_t i = 0; i < d; i++) spread += own[i * (d + 1)];
  WG_TRY(find_lower(mem, &f, spec, q, spread, margin, report));
  for (int64_t i = 0; moment && i < d * d; i++) moment[i] = ldexp(own[i], 2 * pair.exponent);
  return rescale(&pair, report);
}
