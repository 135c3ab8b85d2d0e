/* A gauge made smooth: gamma_mu(S) = max <Q, S> + mu b(Q) over Q in K with trace or norm one, b a
 * sum of logarithms of Q's eigenvalues.
 *
 * It has the eigenvectors of S, so one block is a problem of numbers s_i (eigenvalues of S) and
 * q_i: Ky Fan k < n:  sum q_i = k, b = sum log q_i + log(1 - q_i):  s_i = tau - mu / q_i + mu / (1
 * - q_i); for k = 1 the second logarithm is not needed; Schatten p:    sum q_i^p' = 1, b = sum log
 * q_i:  s_i = tau q_i^(p'-1) - mu / q_i; trace:         q = 1. tau is the one unknown, its equation
 * is monotone: Newton within a bracket. gamma - n mu <= <q, s>
 * <= gamma (2 n mu for Ky Fan). The divided differences (q_i - q_j) / (s_i - s_j) are computed
 * without differences, from the equations above. A block max smooths its maximum in the same way:
 * shares t_b of sum one with mu sum log t_b, which is Ky Fan's problem with k = 1.
 * Cost O(d^3), memory 6 d^2. Source: docs/theory/gaussian.md. */
#include "gaussian/smooth.h"

#include <string.h>

#include "linalg/la.h"

enum { MOST_ROUNDS = 200 };

/* ---- one block: creation ---- */

static int create_block(wg_mem *mem, const wg_gauge_block *from, bool is_max, wg_smooth_block *b) {
  const int64_t n = from->size;
  *b = (wg_smooth_block){.form = from->kind == WG_KYFAN ? WG_SMOOTH_KYFAN : WG_SMOOTH_SCHATTEN,
                         .start = from->start,
                         .size = n,
                         .k = from->kind == WG_KYFAN ? from->k : 1,
                         .p = from->p,
                         .rate2 = is_max ? from->rate * from->rate : 1.0,
                         .share = 1.0,
                         .values = WG_NEW(mem, double, n),
                         .vectors = WG_NEW(mem, double, n *n),
                         .q = WG_NEW(mem, double, n),
                         .rest = WG_NEW(mem, double, n),
                         .slope = WG_NEW(mem, double, n *n),
                         .normal = WG_NEW(mem, double, n)};
  if (wg_gauge_block_is_trace(from))
    b->form = WG_SMOOTH_TRACE;
  else if (from->kind == WG_SCHATTEN && isinf(from->p))
    b->form = WG_SMOOTH_KYFAN;
  return b->values && b->vectors && b->q && b->rest && b->slope && b->normal ? WG_OK
                                                                             : wg_no_memory();
}

int wg_smooth_create(wg_mem *mem, const wg_gauge_spec *spec, wg_smooth *smooth) {
  const int64_t count = spec->block_count;
  *smooth = (wg_smooth){.d = spec->d,
                        .count = count,
                        .is_max = spec->outer == WG_BLOCK_MAX,
                        .block = WG_NEW(mem, wg_smooth_block, count),
                        .maxima = WG_NEW(mem, double, count),
                        .shares = WG_NEW(mem, double, count),
                        .unused = WG_NEW(mem, double, count),
                        .turn = WG_NEW(mem, double, count),
                        .work = WG_NEW(mem, double, 3 * spec->d * spec->d)};
  if (!smooth->block || !smooth->maxima || !smooth->shares || !smooth->unused || !smooth->turn ||
      !smooth->work)
    return wg_no_memory();
  for (int64_t b = 0; b < count; b++)
    WG_TRY(create_block(mem, &spec->blocks[b], smooth->is_max, &smooth->block[b]));
  return WG_OK;
}

/* ---- Ky Fan ---- */

/* q with x = mu / q - mu / (1 - q), or mu / q alone, and 1 - q; neither cancels. */
static void share_of(double x, double mu, bool two_sided, double *q, double *rest) {
  if (!two_sided) {
    *q = mu / x;
    *rest = 1.0 - *q;
    return;
  }
  const double root = sqrt(x * x + 4.0 * mu * mu);
  const double small = 2.0 * mu / (fabs(x) + 2.0 * mu + root);
  *q = x >= 0.0 ? small : 1.0 - small;
  *rest = x >= 0.0 ? 1.0 - small : small;
}

/* Shares q_i of sum k at x_i = y + s_ref - s_i; returns sum - k and its derivative in y. */
static double excess_of(int64_t n, const double *s, double reference, int64_t k, double mu,
                        double y, double *q, double *rest, double *slope) {
  double sum = -(double)k;
  *slope = 0.0;
  for (int64_t i = 0; i < n; i++) {
    share_of(y + (reference - s[i]), mu, k > 1, &q[i], &rest[i]);
    const double other = k > 1 ? q[i] * q[i] / (rest[i] * rest[i]) : 0.0;
    sum += q[i];
    *slope -= q[i] * q[i] / (mu * (1.0 + other));
  }
  return sum;
}

/* q of numbers s in any order. Measured from the top (k = 1) or the middle of them, y keeps its
 * digits where tau would not. */
static void share_out(int64_t n, const double *s, double low, double high, int64_t k, double mu,
                      double *q, double *rest) {
  const double reference = k == 1 ? high : 0.5 * (low + high), even = (double)k / (double)n;
  const double level = k == 1 ? 0.0 : mu / even - mu / (1.0 - even);
  double left = k == 1 ? mu : level + low - reference;
  double right = k == 1 ? (double)n * mu : level + high - reference;
  double y = k == 1 ? right : 0.5 * (left + right), slope;
  for (int round = 0; round < MOST_ROUNDS; round++) {
    const double excess = excess_of(n, s, reference, k, mu, y, q, rest, &slope);
    if (excess > 0.0)
      left = y;
    else
      right = y;
    double next = y - excess / slope;
    if (!(next > left && next < right)) next = 0.5 * (left + right);
    if (fabs(next - y) <= 2.0 * WG_UNIT * (fabs(y) + mu)) break;
    y = next;
  }
}

static void solve_kyfan(wg_smooth_block *b, double mu) {
  const int64_t n = b->size;
  share_out(n, b->values, b->values[n - 1], b->values[0], b->k, mu, b->q, b->rest);
  b->value = 0.0;
  for (int64_t i = 0; i < n; i++) {
    b->normal[i] = 1.0;
    b->value += b->q[i] * b->values[i] + mu * log(b->q[i]);
    if (b->k > 1) b->value += mu * log(b->rest[i]);
    for (int64_t j = 0; j < n; j++) {
      const double below = b->q[i] * b->q[j], above = b->rest[i] * b->rest[j];
      b->slope[i * n + j] = below / (mu * (1.0 + (b->k > 1 ? below / above : 0.0)));
    }
  }
}

/* ---- Schatten ---- */

/* The root of tau q^(a+1) - s q - mu, convex in q > 0: Newton from above. */
static double root_of(double s, double tau, double mu, double a) {
  double q = pow(2.0 * mu / tau, 1.0 / (a + 1.0));
  if (s > 0.0) q = WG_MAX(q, pow(2.0 * s / tau, 1.0 / a));
  if (s < 0.0) q = WG_MIN(q, -mu / s);
  for (int round = 0; round < MOST_ROUNDS; round++) {
    const double power = tau * pow(q, a);
    const double next = q - (power * q - s * q - mu) / ((a + 1.0) * power - s);
    if (!(next < q) || next <= 0.0) break;
    q = next;
  }
  return q;
}

/* All q for a tau; sum q^p' - 1 and its derivative. */
static double surplus_of(const wg_smooth_block *b, double tau, double mu, double a, double *slope) {
  double sum = -1.0;
  *slope = 0.0;
  for (int64_t i = 0; i < b->size; i++) {
    const double q = root_of(b->values[i], tau, mu, a), power = pow(q, a);
    b->q[i] = q;
    sum += power * q;
    *slope -= (a + 1.0) * power * power / (tau * a * power / q + mu / (q * q));
  }
  return sum;
}

/* (x^a - y^a) / (x - y), also for x near y. */
static double power_slope(double x, double y, double a) {
  const double turn = log(x / y);
  if (fabs(turn) < 1e-8) return a * pow(y, a - 1.0);
  return pow(y, a - 1.0) * expm1(a * turn) / expm1(turn);
}

static double schatten_norm(const wg_smooth_block *b) {
  const double top = WG_MAX(b->values[0], 0.0);
  double sum = 0.0;
  for (int64_t i = 0; i < b->size && top > 0.0; i++)
    sum += pow(WG_MAX(b->values[i], 0.0) / top, b->p);
  return top * pow(sum, 1.0 / b->p);
}

/* tau is between |s|_p and |s|_p + n mu. */
static double find_tau(wg_smooth_block *b, double mu, double a) {
  const double norm = schatten_norm(b), span = (double)b->size * mu;
  double left = WG_MAX(norm, span), right = norm + span, tau = right, slope;
  for (int round = 0; round < MOST_ROUNDS; round++) {
    const double surplus = surplus_of(b, tau, mu, a, &slope);
    if (surplus > 0.0)
      left = tau;
    else
      right = tau;
    double next = tau - surplus / slope;
    if (!(next > left && next < right)) next = 0.5 * (left + right);
    if (fabs(next - tau) <= 2.0 * WG_UNIT * tau) break;
    tau = next;
  }
  return tau;
}

static void solve_schatten(wg_smooth_block *b, double mu) {
  const int64_t n = b->size;
  const double a = 1.0 / (b->p - 1.0), tau = find_tau(b, mu, a);
  double norm = 0.0;
  for (int64_t i = 0; i < n; i++) norm += pow(b->q[i], a + 1.0);
  norm = pow(norm, 1.0 / (a + 1.0));
  b->value = 0.0;
  for (int64_t i = 0; i < n; i++) {
    b->q[i] /= norm;
    b->normal[i] = pow(b->q[i], a);
    b->value += b->q[i] * b->values[i] + mu * log(b->q[i]);
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      b->slope[i * n + j] =
          1.0 / (tau * power_slope(b->q[i], b->q[j], a) + mu / (b->q[i] * b->q[j]));
}

/* ---- a block at a moment ---- */

static void cut(const wg_smooth *t, const wg_smooth_block *b, const double *s, double *out) {
  for (int64_t i = 0; i < b->size; i++)
    memcpy(out + i * b->size, s + (b->start + i) * t->d + b->start,
           (size_t)b->size * sizeof(double));
}

static int solve_block(wg_smooth *t, wg_smooth_block *b, const double *s) {
  const double mu = t->mu * b->rate2;
  cut(t, b, s, t->work);
  WG_TRY(wg_la_eigh(b->size, t->work, b->values, b->vectors));
  if (b->form == WG_SMOOTH_KYFAN) return solve_kyfan(b, mu), WG_OK;
  if (b->form == WG_SMOOTH_SCHATTEN) return solve_schatten(b, mu), WG_OK;
  b->value = 0.0;
  for (int64_t i = 0; i < b->size; i++) {
    b->q[i] = 1.0;
    b->value += b->values[i];
  }
  return WG_OK;
}

/* out's block += factor V' m V, or factor V' diag(m) V. */
static void add_block(wg_smooth *t, const wg_smooth_block *b, double factor, const double *m,
                      bool is_diagonal, double *out) {
  const int64_t n = b->size;
  double *half = t->work + 2 * t->d * t->d;
  if (is_diagonal)
    for (int64_t i = 0; i < n * n; i++) half[i] = m[i / n] * b->vectors[i];
  else
    wg_la_gemm(false, false, n, n, n, 1.0, m, n, b->vectors, n, 0.0, half, n);
  wg_la_gemm(true, false, n, n, n, factor, b->vectors, n, half, n, 1.0,
             out + b->start * t->d + b->start, t->d);
}

/* The outer maximum, made smooth; shares of the blocks. */
static double share_blocks(wg_smooth *t) {
  double low = INFINITY, high = -INFINITY, value = 0.0;
  for (int64_t b = 0; b < t->count; b++) {
    t->maxima[b] = t->block[b].value / t->block[b].rate2;
    low = WG_MIN(low, t->maxima[b]);
    high = WG_MAX(high, t->maxima[b]);
  }
  share_out(t->count, t->maxima, low, high, 1, t->mu, t->shares, t->unused);
  for (int64_t b = 0; b < t->count; b++) {
    t->block[b].share = t->shares[b] / t->block[b].rate2;
    value += t->shares[b] * t->maxima[b] + t->mu * log(t->shares[b]);
  }
  return value;
}

int wg_smooth_at(wg_smooth *t, const double *s, double mu, double *value, double *q) {
  t->mu = mu;
  *value = 0.0;
  for (int64_t b = 0; b < t->count; b++) {
    WG_TRY(solve_block(t, &t->block[b], s));
    *value += t->block[b].value;
  }
  if (t->is_max) *value = share_blocks(t);
  memset(q, 0, (size_t)(t->d * t->d) * sizeof(double));
  for (int64_t b = 0; b < t->count; b++)
    add_block(t, &t->block[b], t->block[b].share, t->block[b].q, true, q);
  return WG_OK;
}

/* ---- the second derivative ---- */

/* change_i := weight_i (change_i - tau normal_i) with <normal, change> = 0. */
static void answer(int64_t n, const double *weight, int64_t apart, const double *normal,
                   double *change) {
  double along = 0.0, length = 0.0;
  for (int64_t i = 0; i < n; i++) {
    along += normal[i] * weight[i * apart] * change[i * apart];
    length += normal[i] * weight[i * apart] * normal[i];
  }
  for (int64_t i = 0; i < n; i++)
    change[i * apart] = weight[i * apart] * (change[i * apart] - along / length * normal[i]);
}

/* eigen := V h V' on the block. */
static void see(wg_smooth *t, const wg_smooth_block *b, const double *h, double *eigen) {
  const int64_t n = b->size;
  double *half = t->work + 2 * t->d * t->d;
  wg_la_gemm(false, false, n, n, n, 1.0, b->vectors, n, h + b->start * t->d + b->start, t->d, 0.0,
             half, n);
  wg_la_gemm(false, true, n, n, n, 1.0, half, n, b->vectors, n, 0.0, eigen, n);
}

static void curve_block(wg_smooth *t, const wg_smooth_block *b, double *eigen, double *out) {
  const int64_t n = b->size;
  if (b->form == WG_SMOOTH_TRACE) return;
  answer(n, b->slope, n + 1, b->normal, eigen);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      if (i != j) eigen[i * n + j] *= b->slope[i * n + j];
  add_block(t, b, b->share, eigen, false, out);
}

/* What the shares of a block max answer. */
static void curve_shares(wg_smooth *t, double *out) {
  double *weight = t->unused, *ones = t->maxima;
  for (int64_t b = 0; b < t->count; b++) {
    weight[b] = t->shares[b] * t->shares[b] / t->mu;
    ones[b] = 1.0;
  }
  answer(t->count, weight, 1, ones, t->turn);
  for (int64_t b = 0; b < t->count; b++)
    add_block(t, &t->block[b], t->turn[b] / t->block[b].rate2, t->block[b].q, true, out);
}

void wg_smooth_curve(wg_smooth *t, const double *h, double *out) {
  double *eigen = t->work;
  memset(out, 0, (size_t)(t->d * t->d) * sizeof(double));
  for (int64_t b = 0; b < t->count; b++) {
    const wg_smooth_block *block = &t->block[b];
    see(t, block, h, eigen);
    t->turn[b] = 0.0;
    for (int64_t i = 0; i < block->size; i++)
      t->turn[b] += block->q[i] * eigen[i * block->size + i] / block->rate2;
    curve_block(t, block, eigen, out);
  }
  if (t->is_max) curve_shares(t, out);
}

void wg_smooth_tie(int64_t n, const double *weight, int64_t apart, const double *normal,
                   double factor, int64_t columns, double *rows, double *common) {
  double length = 0.0;
  for (int64_t i = 0; i < n; i++) length += normal[i] * weight[i * apart] * normal[i];
  memset(common, 0, (size_t)columns * sizeof(double));
  for (int64_t i = 0; i < n; i++)
    for (int64_t c = 0; c < columns; c++)
      common[c] += normal[i] * weight[i * apart] / length * rows[i * columns + c];
  for (int64_t i = 0; i < n; i++) {
    const double scale = sqrt(factor * weight[i * apart]);
    for (int64_t c = 0; c < columns; c++)
      rows[i * columns + c] = scale * (rows[i * columns + c] - normal[i] * common[c]);
  }
}
