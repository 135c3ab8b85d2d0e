/* Small problems without a library call: d <= 8, one Schatten gauge with 1 < p, both covariances
 * regular. Thousands of them are a common task, and there LAPACK's checks and the heap cost more
 * than the arithmetic.
 *
 * The iteration is that of the interior point on O(n) (orthogonal.c), in fixed arrays and with the
 * unknowns of the contraction, O_ij for i < j in the eigenbasis of S = sym C'M, which are fewer
 * than those of Q: with dS = J O in the scaled coordinates of the gauge (2 diag(s_i + s_j) + J' P
 * J) O = 2 (B - B')_ij - J' P r,   B = C'M, dQ's coordinates being P (J O + r) and P the projection
 * off the gauge's constraint. p finite   Q = grad gamma(Sigma), J weighted by divided differences
 * of t^(p-1), r = 0, a line search on gamma; operator   Q Z = mu I, Z = tau I - Sigma(C) exactly at
 * every step, Nesterov-Todd scaling (Q = g D g', Z = g^-1' D g^-1), r from the predictor or the
 * corrector, P takes out g'g. What it finds is the same as the general code's; whoever calls it
 * keeps that one for what this does not finish. Cost some 10 microseconds a step at d = 5, some 5
 * steps (12 for operator); 10 kB on the stack, no heap. Source: theory 4, docs/theory/gaussian.md.
 */
#include <string.h>

#include "gaussian/parts.h"

enum { MOST = WG_GAUSS_SMALL, SQUARE = MOST * MOST, PACKED = MOST * (MOST + 1) / 2 };
enum { UNKNOWNS = MOST * (MOST - 1) / 2, MOST_STEPS = 40, MOST_SWEEPS = 20, MOST_HALVINGS = 12 };
static const double root_two = 1.4142135623730951;

typedef struct small {
  const wg_gauss_problem *given;
  int d, unknowns, packed;
  double p; /* INFINITY: operator */
  double c[SQUARE], q[SQUARE], moment[SQUARE];
  double value, centering;                       /* gamma of the moment, or tau                */
  double sigma[MOST], axes[SQUARE];              /* p finite: spectrum of the moment, rows     */
  double z[SQUARE], g[SQUARE], scale[MOST], mu;  /* operator: Z, the scaling and its D         */
  double s[MOST], frame[SQUARE], skew[UNKNOWNS]; /* of B; frame: columns; 2 (B - B')           */
  double basis[SQUARE], weight[PACKED], pin[PACKED];
  double j[PACKED * UNKNOWNS], factor[UNKNOWNS * UNKNOWNS];
  double step[UNKNOWNS], rest[PACKED], answer[PACKED];
} small;

/* ---- d x d matrices, row-major without gaps ---- */

/* out = a b, out neither a nor b */
static inline void multiply_plain(int d, const double *restrict a, const double *restrict b,
                                  double *restrict out) {
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) {
      double sum = 0.0;
      for (int k = 0; k < d; k++) sum += a[i * d + k] * b[k * d + j];
      out[i * d + j] = sum;
    }
}

/* out = a b; out may be a or b. The compiler unrolls the sizes that are named. */
static void multiply(int d, const double *a, const double *b, double *out) {
  double product[SQUARE];
  switch (d) {
    case 2: multiply_plain(2, a, b, product); break;
    case 3: multiply_plain(3, a, b, product); break;
    case 4: multiply_plain(4, a, b, product); break;
    case 5: multiply_plain(5, a, b, product); break;
    default: multiply_plain(d, a, b, product);
  }
  memcpy(out, product, (size_t)(d * d) * sizeof *out);
}

static void transpose(int d, const double *a, double *out) {
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) out[j * d + i] = a[i * d + j];
}

/* out = a' b; out = a b' */
static void multiply_left(int d, const double *a, const double *b, double *out) {
  double turned[SQUARE] = {0};
  transpose(d, a, turned);
  multiply(d, turned, b, out);
}

static void multiply_right(int d, const double *a, const double *b, double *out) {
  double turned[SQUARE] = {0};
  transpose(d, b, turned);
  multiply(d, a, turned, out);
}

/* Lower factor of a symmetric matrix of size n; false when it is not positive definite. */
static bool cholesky(int n, const double *a, double *l) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++) {
      double sum = a[i * n + j];
      for (int k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
      if (i == j && !(sum > 0.0)) return false;
      l[i * n + j] = i == j ? sqrt(sum) : sum / l[j * n + j];
    }
  return true;
}

/* x = (l l')^-1 x */
static void solve_cholesky(int n, const double *l, double *x) {
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k];
    x[i] /= l[i * n + i];
  }
  for (int i = n - 1; i >= 0; i--) {
    for (int k = i + 1; k < n; k++) x[i] -= l[k * n + i] * x[k];
    x[i] /= l[i * n + i];
  }
}

/* Turns rows i and j of v, and those and the columns of a, so that a[i, j] vanishes. */
static void rotate(int d, int i, int j, double *a, double *v) {
  const double off = a[i * d + j], half = 0.5 * (a[j * d + j] - a[i * d + i]);
  const double t = off / (half + copysign(sqrt(half * half + off * off), half));
  const double cosine = 1.0 / sqrt(1.0 + t * t), sine = t * cosine;
  for (int k = 0; k < d; k++) {
    const double x = a[i * d + k], y = a[j * d + k], u = v[i * d + k], w = v[j * d + k];
    a[i * d + k] = cosine * x - sine * y;
    a[j * d + k] = sine * x + cosine * y;
    v[i * d + k] = cosine * u - sine * w;
    v[j * d + k] = sine * u + cosine * w;
  }
  for (int k = 0; k < d; k++) {
    const double x = a[k * d + i], y = a[k * d + j];
    a[k * d + i] = cosine * x - sine * y;
    a[k * d + j] = sine * x + cosine * y;
  }
}

/* Jacobi's method: s = sum_k values[k] v_k v_k', v_k = row k of vectors, in no order. */
static void diagonalise(int d, const double *s, double *values, double *vectors) {
  double a[SQUARE];
  memcpy(a, s, (size_t)(d * d) * sizeof *a);
  for (int i = 0; i < d * d; i++) vectors[i] = i % (d + 1) == 0 ? 1.0 : 0.0;
  double largest = 1e-300;
  for (int i = 0; i < d; i++) largest = WG_MAX(largest, fabs(a[i * d + i]));
  for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    int turns = 0;
    for (int i = 0; i < d; i++)
      for (int j = i + 1; j < d; j++) {
        if (!(fabs(a[i * d + j]) > WG_UNIT * largest)) continue;
        rotate(d, i, j, a, vectors);
        turns++;
      }
    if (turns == 0) break;
  }
  for (int i = 0; i < d; i++) values[i] = a[i * d + i];
}

/* out = sum_k values[k] v_k v_k'. */
static void compose(int d, const double *values, const double *vectors, double *out) {
  double scaled[SQUARE];
  for (int k = 0; k < d; k++)
    for (int i = 0; i < d; i++) scaled[k * d + i] = values[k] * vectors[k * d + i];
  multiply_left(d, vectors, scaled, out);
}

/* ---- the contraction ---- */

static void find_moment(const small *t, const double *c, double *moment) {
  const int d = t->d;
  double difference[SQUARE];
  multiply_right(d, t->given->f1, c, difference);
  for (int i = 0; i < d * d; i++) difference[i] = t->given->f0[i] - difference[i];
  multiply_right(d, difference, difference, moment);
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) moment[i * d + j] += t->given->delta[i] * t->given->delta[j];
}

/* The polar factor of f0' f1, where that is not too ill-conditioned to square. */
static bool start_polar(small *t) {
  const int d = t->d;
  double m[SQUARE], gram[SQUARE], values[MOST], vectors[SQUARE], largest = 0.0, least = INFINITY;
  multiply_left(d, t->given->f0, t->given->f1, m);
  multiply_left(d, m, m, gram);
  diagonalise(d, gram, values, vectors);
  for (int i = 0; i < d; i++) {
    largest = WG_MAX(largest, values[i]);
    least = WG_MIN(least, values[i]);
    values[i] = 1.0 / sqrt(values[i]);
  }
  if (!(least > 1e-10 * largest)) return false;
  compose(d, values, vectors, gram);
  multiply(d, m, gram, t->c);
  for (int round = 0; round < 2; round++) { /* squaring cost half the digits: C (3 I - C'C) / 2 */
    multiply_left(d, t->c, t->c, gram);
    for (int i = 0; i < d * d; i++) gram[i] = (i % (d + 1) == 0 ? 1.5 : 0.0) - 0.5 * gram[i];
    multiply(d, t->c, gram, t->c);
  }
  return true;
}

/* c = C U cay(step O) U' as in orthogonal.c. */
static void move(const small *t, double step, double *c) {
  const int d = t->d;
  double half[SQUARE] = {0}, gram[SQUARE], l[SQUARE], square[SQUARE];
  int at = 0;
  for (int i = 0; i < d; i++) {
    half[i * d + i] = 0.0;
    for (int j = i + 1; j < d; j++, at++) {
      half[i * d + j] = 0.5 * step * t->step[at];
      half[j * d + i] = -half[i * d + j];
    }
  }
  multiply_left(d, half, half, gram);
  for (int i = 0; i < d; i++) {
    half[i * d + i] = 1.0;
    gram[i * d + i] += 1.0;
  }
  cholesky(d, gram, l); /* at least the identity */
  multiply(d, half, half, square);
  for (int i = 0; i < d; i++) solve_cholesky(d, l, square + i * d); /* rows: the factors commute */
  multiply_right(d, square, t->frame, half);
  multiply(d, t->frame, half, gram);
  multiply(d, t->c, gram, c);
}

/* s, frame and the skew part of B; returns how far f0' Q f1 is from C's own value, twice: with Q
 * feasible, the gap. */
static double find_frame(small *t) {
  const int d = t->d;
  double m[SQUARE], b[SQUARE], sym[SQUARE] = {0}, vectors[SQUARE], gap = 0.0;
  multiply(d, t->q, t->given->f1, m);
  multiply_left(d, t->given->f0, m, b);
  multiply_left(d, t->c, b, m);
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++) sym[i * d + j] = 0.5 * (m[i * d + j] + m[j * d + i]);
  diagonalise(d, sym, t->s, vectors);
  transpose(d, vectors, t->frame);
  multiply(d, vectors, m, b);
  multiply(d, b, t->frame, m);
  int at = 0;
  for (int i = 0; i < d; i++) {
    gap += 2.0 * (fabs(t->s[i]) - t->s[i]);
    for (int j = i + 1; j < d; j++, at++) {
      t->skew[at] = 2.0 * (m[i * d + j] - m[j * d + i]);
      const double sum = fabs(t->s[i]) + fabs(t->s[j]);
      if (sum > 0.0) gap += 0.25 * t->skew[at] * t->skew[at] / sum;
    }
  }
  return gap;
}

/* ---- the system ---- */

/* J: what a unit of O_ij moves the packed moment by, in the basis and weights of the gauge. */
static void find_jacobian(small *t) {
  const int d = t->d, m = t->unknowns;
  double turned[SQUARE], e[SQUARE], f[SQUARE];
  multiply(d, t->given->f0, t->c, turned);
  multiply(d, turned, t->frame, turned);
  multiply_left(d, t->basis, turned, e);
  multiply(d, t->given->f1, t->frame, turned);
  multiply_left(d, t->basis, turned, f);
  int row = 0;
  for (int k = 0; k < d; k++)
    for (int l = k; l < d; l++, row++) {
      const double *ek = e + k * d, *el = e + l * d, *fk = f + k * d, *fl = f + l * d;
      const double weight = -t->weight[row] * (k == l ? 1.0 : root_two);
      double *to = t->j + row * m;
      for (int i = 0, at = 0; i < d; i++)
        for (int j = i + 1; j < d; j++, at++)
          to[at] = weight * (ek[i] * fl[j] - ek[j] * fl[i] + el[i] * fk[j] - el[j] * fk[i]);
    }
}

static void take_out_pin(const small *t, double *v) {
  double along = 0.0;
  for (int k = 0; k < t->packed; k++) along += t->pin[k] * v[k];
  for (int k = 0; k < t->packed; k++) v[k] -= along * t->pin[k];
}

/* J' v */
static void pull_back(const small *t, const double *v, double *out) {
  for (int a = 0; a < t->unknowns; a++) out[a] = 0.0;
  for (int k = 0; k < t->packed; k++)
    for (int a = 0; a < t->unknowns; a++) out[a] += t->j[k * t->unknowns + a] * v[k];
}

static bool factorise(small *t) {
  const int d = t->d, m = t->unknowns;
  double h[UNKNOWNS * UNKNOWNS] = {0}, along[UNKNOWNS];
  for (int k = 0; k < t->packed; k++) {
    const double *row = t->j + k * m;
    for (int a = 0; a < m; a++)
      for (int b = 0; b <= a; b++) h[a * m + b] += row[a] * row[b];
  }
  pull_back(t, t->pin, along);
  for (int a = 0; a < m; a++)
    for (int b = 0; b <= a; b++) h[a * m + b] -= along[a] * along[b];
  for (int i = 0, at = 0; i < d; i++)
    for (int j = i + 1; j < d; j++, at++)
      h[at * m + at] += 2.0 * (fabs(t->s[i]) + fabs(t->s[j])) + 1e-15 * h[at * m + at];
  return cholesky(m, h, t->factor);
}

/* step and answer = P (J step + rest), for the rest at hand. */
static void solve(small *t) {
  double pulled[UNKNOWNS];
  take_out_pin(t, t->rest);
  pull_back(t, t->rest, pulled);
  for (int a = 0; a < t->unknowns; a++) t->step[a] = t->skew[a] - pulled[a];
  solve_cholesky(t->unknowns, t->factor, t->step);
  for (int k = 0; k < t->packed; k++) {
    t->answer[k] = t->rest[k];
    for (int a = 0; a < t->unknowns; a++) t->answer[k] += t->j[k * t->unknowns + a] * t->step[a];
  }
  take_out_pin(t, t->answer);
}

/* ---- p finite ---- */

/* gamma of a moment, with its spectrum. */
static double value_of(const small *t, const double *moment, double *sigma, double *axes) {
  double top = 0.0, sum = 0.0;
  diagonalise(t->d, moment, sigma, axes);
  for (int i = 0; i < t->d; i++) {
    sigma[i] = WG_MAX(sigma[i], 0.0);
    top = WG_MAX(top, sigma[i]);
  }
  if (!(top > 0.0)) return 0.0;
  for (int i = 0; i < t->d; i++) sum += pow(sigma[i] / top, t->p);
  return top * pow(sum, 1.0 / t->p);
}

/* (a^e - b^e) / (a - b) for a, b > 0, powers given. */
static double divided(double a, double b, double power_a, double power_b, double e) {
  const double high = WG_MAX(a, b), low = WG_MIN(a, b);
  if (high - low > 1e-3 * high) return (power_a - power_b) / (a - b);
  const double ratio = log1p((high - low) / low);
  if (ratio < 1e-12) return e * pow(high, e - 1.0);
  return pow(high, e - 1.0) * expm1(-e * ratio) / expm1(-ratio);
}

/* Q, the basis, weights and pin at the present spectrum. */
static void differentiate(small *t) {
  const int d = t->d;
  double x[MOST], q[MOST], norm = 0.0;
  for (int i = 0; i < d; i++) {
    x[i] = WG_MAX(t->sigma[i] / t->value, 1e-14);
    q[i] = pow(x[i], t->p - 1.0);
  }
  compose(d, q, t->axes, t->q);
  transpose(d, t->axes, t->basis);
  memset(t->pin, 0, sizeof t->pin);
  for (int k = 0, at = 0; k < d; k++)
    for (int l = k; l < d; l++, at++) {
      t->weight[at] = sqrt(divided(x[k], x[l], q[k], q[l], t->p - 1.0) / t->value);
      if (k == l) t->pin[at] = t->weight[at] * x[k];
      norm += t->pin[at] * t->pin[at];
    }
  for (int k = 0; k < t->packed; k++) t->pin[k] /= sqrt(norm);
}

/* The longest of 1, 1/2, 1/4 ... at which gamma is not larger; false if there is none. */
static bool search_line(small *t) {
  double c[SQUARE], moment[SQUARE], sigma[MOST], axes[SQUARE], step = 1.0;
  for (int round = 0; round < MOST_HALVINGS; round++, step *= 0.5) {
    move(t, step, c);
    find_moment(t, c, moment);
    const double value = value_of(t, moment, sigma, axes);
    if (!(value <= t->value * (1.0 + 1e-14))) continue;
    memcpy(t->c, c, sizeof c);
    memcpy(t->sigma, sigma, sizeof sigma);
    memcpy(t->axes, axes, sizeof axes);
    t->value = value;
    return true;
  }
  return false;
}

static bool descend(small *t, double tol, wg_gauss_answer *answer) {
  find_moment(t, t->c, t->moment);
  t->value = value_of(t, t->moment, t->sigma, t->axes);
  for (; answer->steps < MOST_STEPS && t->value > 0.0; answer->steps++) {
    differentiate(t);
    answer->upper = t->value;
    answer->lower = t->value - find_frame(t);
    if (answer->upper - answer->lower <= tol * answer->upper) return true;
    find_jacobian(t);
    memset(t->rest, 0, sizeof t->rest);
    if (!factorise(t)) return false;
    solve(t);
    if (!search_line(t)) return false;
  }
  return false;
}

/* ---- operator ---- */

/* The full matrix of packed coordinates. */
static void unpack(const small *t, const double *packed, double *m) {
  for (int k = 0, at = 0; k < t->d; k++)
    for (int l = k; l < t->d; l++, at++)
      m[k * t->d + l] = m[l * t->d + k] = k == l ? packed[at] : packed[at] / root_two;
}

static void pack(const small *t, const double *m, double *packed) {
  for (int k = 0, at = 0; k < t->d; k++)
    for (int l = k; l < t->d; l++, at++)
      packed[at] = k == l ? m[k * t->d + l] : m[k * t->d + l] * root_two;
}

/* g, D, the basis and the pin from Q and Z. */
static bool find_scaling(small *t) {
  const int d = t->d;
  double l[SQUARE] = {0}, half[SQUARE], product[SQUARE], values[MOST], vectors[SQUARE], norm = 0.0;
  if (!cholesky(d, t->q, l)) return false;
  multiply(d, t->z, l, half);
  multiply_left(d, l, half, product);
  diagonalise(d, product, values, vectors);
  multiply_right(d, l, vectors, half);
  for (int k = 0; k < d; k++) {
    if (!(values[k] > 0.0)) return false;
    t->scale[k] = sqrt(values[k]);
    for (int i = 0; i < d; i++) t->g[i * d + k] = half[i * d + k] / sqrt(t->scale[k]);
  }
  memcpy(t->basis, t->g, sizeof t->g);
  for (int k = 0; k < t->packed; k++) t->weight[k] = 1.0;
  multiply_left(d, t->g, t->g, product);
  pack(t, product, t->pin);
  for (int k = 0; k < t->packed; k++) norm += t->pin[k] * t->pin[k];
  for (int k = 0; k < t->packed; k++) t->pin[k] /= sqrt(norm);
  return true;
}

/* How far D may go along a step in scaled coordinates, up to one and a little less than that. */
static double limit_of(const small *t, const double *step, double limit) {
  const int d = t->d;
  double moved[SQUARE], l[SQUARE];
  for (; limit > 1e-8; limit *= 0.9) {
    for (int i = 0; i < d * d; i++) moved[i] = limit * step[i];
    for (int k = 0; k < d; k++) moved[k * d + k] += t->scale[k];
    if (cholesky(d, moved, l)) break;
  }
  return limit;
}

/* Steps of Q and Z in scaled coordinates: together they are the rest given. */
static void split_steps(const small *t, const double *given, double *step_q, double *step_z) {
  unpack(t, t->answer, step_q);
  for (int i = 0; i < t->d * t->d; i++) step_z[i] = given[i] - step_q[i];
}

/* Predictor, corrector; the tau step follows from Z = tau I - Sigma. Returns the length. */
static double find_step(small *t, double *step_q) {
  const int d = t->d;
  double aim[SQUARE] = {0}, predicted[SQUARE] = {0}, step_z[SQUARE] = {0}, product[SQUARE];
  for (int k = 0; k < d; k++) aim[k * d + k] = -t->scale[k];
  pack(t, aim, t->rest);
  solve(t);
  split_steps(t, aim, predicted, step_z);
  const double reach = limit_of(t, step_z, limit_of(t, predicted, 1.0)), miss = 1.0 - reach;
  t->centering = WG_MIN(WG_MAX(miss * miss, 1e-4), 0.5);
  multiply(d, predicted, step_z, product);
  for (int i = 0; i < d; i++)
    for (int j = 0; j < d; j++)
      aim[i * d + j] = (i == j ? t->centering * t->mu / t->scale[i] - t->scale[i] : 0.0) -
                       (product[i * d + j] + product[j * d + i]) / (t->scale[i] + t->scale[j]);
  pack(t, aim, t->rest);
  solve(t);
  split_steps(t, aim, step_q, step_z);
  return 0.995 * limit_of(t, step_z, limit_of(t, step_q, 1.0));
}

/* Z for the present C, with the smallest tau from `tau` up that leaves Q Z around mu. */
static bool find_slack(small *t, double tau) {
  const int d = t->d;
  double l[SQUARE], lift = 0.0;
  find_moment(t, t->c, t->moment);
  for (int round = 0; round < 40; round++) {
    t->value = tau + lift;
    for (int i = 0; i < d * d; i++) t->z[i] = (i % (d + 1) == 0 ? t->value : 0.0) - t->moment[i];
    if (cholesky(d, t->z, l)) return true;
    lift = WG_MAX(4.0 * lift, WG_MAX(t->mu, 1e-15 * tau));
  }
  return false;
}

static double complementarity(const small *t) {
  double sum = 0.0;
  for (int i = 0; i < t->d * t->d; i++) sum += t->q[i] * t->z[i];
  return sum / (double)t->d;
}

/* Q and C move; returns the new tau: the step that keeps z = aim - q in the direction of the pin.
 */
static double advance(small *t, double length, const double *step_q) {
  const int d = t->d;
  double half[SQUARE], change[SQUARE], trace = 0.0, tau = 0.0;
  multiply(d, t->g, step_q, half);
  multiply_right(d, half, t->g, change);
  for (int i = 0; i < d * d; i++) t->q[i] += length * change[i];
  for (int i = 0; i < d; i++) trace += t->q[i * d + i];
  for (int i = 0; i < d * d; i++) t->q[i] /= trace;
  move(t, length, t->c);
  find_moment(t, t->c, t->moment);
  for (int i = 0; i < d * d; i++) tau += t->q[i] * t->moment[i];
  return tau;
}

static bool follow_path(small *t, double tol, wg_gauss_answer *answer) {
  const int d = t->d;
  double step_q[SQUARE] = {0}, top = 0.0;
  find_moment(t, t->c, t->moment);
  for (int i = 0; i < d; i++) top += t->moment[i * d + i];
  for (int i = 0; i < d * d; i++) t->q[i] = i % (d + 1) == 0 ? 1.0 / d : 0.0;
  if (!(top > 0.0) || !find_slack(t, 1.5 * top)) return false;
  for (; answer->steps < MOST_STEPS; answer->steps++) {
    t->mu = complementarity(t);
    answer->upper = t->value;
    answer->lower = t->value - d * t->mu - find_frame(t);
    if (answer->upper - answer->lower <= tol * answer->upper) return true;
    if (!find_scaling(t)) return false;
    find_jacobian(t);
    if (!factorise(t)) return false;
    const double length = find_step(t, step_q);
    const double base = advance(t, length, step_q);
    t->mu *= 1.0 - length * (1.0 - t->centering);
    if (!find_slack(t, base + d * t->mu)) return false;
  }
  return false;
}

/* ---- all ---- */

bool wg_gauss_small(const wg_gauss_problem *problem, double tol, wg_gauss_answer *answer) {
  const wg_gauss_problem *p = problem;
  const wg_gauge_block *block = &p->spec->blocks[0];
  const bool fits = p->d == p->n && p->d >= 2 && p->d <= MOST && p->spec->outer == WG_SINGLE &&
                    block->kind == WG_SCHATTEN && block->p > 1.0;
  if (!fits) return false;
  small t = {.given = p, .d = (int)p->d, .p = block->p};
  t.unknowns = t.d * (t.d - 1) / 2;
  t.packed = t.d * (t.d + 1) / 2;
  wg_gauss_answer found = *answer;
  found.steps = 0;
  if (!start_polar(&t)) return false;
  if (!(isinf(t.p) ? follow_path(&t, tol, &found) : descend(&t, tol, &found))) return false;
  memcpy(answer->contraction, t.c, (size_t)(t.d * t.d) * sizeof(double));
  memcpy(answer->q, t.q, (size_t)(t.d * t.d) * sizeof(double));
  answer->lower = found.lower;
  answer->upper = found.upper;
  answer->steps = found.steps;
  answer->closed = false;
  answer->outcome = WG_CERTIFIED;
  return true;
}
