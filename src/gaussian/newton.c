/* The linear system of a step of the interior point.
 *
 * Unknown is what the blocks see, w (relation.c): dQ = fixed + R w. The contraction's cone answers
 * dQ through a linear map: with [a b; b' c] the inverse scaling of [I C; C' I] the step dC solves
 *   a dC c + b dC' b = base + f0' dQ f1,
 * which is entry by entry, or rather pair by pair, once ta' a ta = I, tc' c tc = I, ta' b tc =
 * diag(beta), beta the cosines between the two halves of the scaling: y_ab + beta_a beta_b y_ba =
 * x_ab. The moment moves by dS = -(L y R' + R y' L'), L = f0 ta, R = f1 tc: minus a positive
 * semidefinite map N of dQ, so that w = R'(dS + rest) becomes
 *   (I + R'NR) w = R'(rest - N fixed + ...), a system without eigenvalues below one.
 * Small ones are solved by reflections of N's square root stacked on the identity, which does not
 * square the condition number: the last digits need it. Large ones by conjugate gradients; the
 * preconditioner is the system itself on the pairs whose diagonal is large (those of the active
 * eigenvalues, where it grows without bound) and the diagonal on all others.
 *
 * The shares of a block max are a border: one more right-hand side for each, then a small system.
 * Cost: dense O((n^2 + D) D^2), D = d (d + 1) / 2; else some dozen products of size d an iteration.
 * Memory (n^2 + 2 D) D when dense, else up to 2e7 + 20 d^2 + shares 2 d^2. Source:
 * docs/theory/gaussian.md. */
#include "gaussian/newton.h"

#include <string.h>

#include "linalg/la.h"

enum { DENSE_LENGTH = 60, MOST_ITERATIONS = 400, REFINEMENTS = 2, MOST_CHOSEN = 1300 };
static const double root_two = 1.4142135623730951;

/* ---- memory ---- */

static int create_arrays(wg_mem *mem, wg_gauss_newton *t) {
  const int64_t d = t->d, n = t->n, length = t->length, square = d * d;
  const int64_t columns = 1 + (t->is_max ? t->blocks : 0);
  const struct {
    double **where;
    int64_t size;
  } parts[] = {{&t->ta, n * n},
               {&t->tc, n * n},
               {&t->left, d * n},
               {&t->right, d * n},
               {&t->beta, n},
               {&t->even, n * n},
               {&t->odd, n * n},
               {&t->base, n * n},
               {&t->m, n * n},
               {&t->y, 2 * n * n},
               {&t->half, WG_MAX(d, n) * n},
               {&t->image, square},
               {&t->columns_q, columns * square},
               {&t->columns_s, columns * square},
               {&t->step_q, square},
               {&t->step_s, square},
               {&t->step_c, n * n},
               {&t->w, length},
               {&t->rhs, length},
               {&t->residual, length},
               {&t->direction, length},
               {&t->product, length},
               {&t->scaling, length},
               {&t->guess, WG_MAX(length, 1)},
               {&t->seen_left, d * n},
               {&t->seen_right, d * n},
               {&t->stack, t->dense ? (n * n + length) * length : n * n * t->chosen_room},
               {&t->factor, t->dense ? length * length : t->chosen_room * t->chosen_room},
               {&t->share_matrix, (t->blocks + 1) * (t->blocks + 1)},
               {&t->share_step, t->blocks + 1},
               {&t->room, WG_GAUSS_ROOM(d, n) + 4 * n * n + 6 * square}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!(*parts[i].where = WG_NEW(mem, double, parts[i].size))) return wg_no_memory();
  t->pivots = WG_NEW(mem, int32_t, t->blocks + 1);
  t->pair = WG_NEW(mem, wg_gauss_pair, length);
  t->order = WG_NEW(mem, int64_t, length);
  return t->pivots && t->pair && t->order ? WG_OK : wg_no_memory();
}

/* Which entry of which block a coordinate of w stands for. */
static void name_pairs(wg_gauss_newton *t) {
  int64_t at = 0;
  for (int64_t b = 0; b < t->blocks; b++) {
    const wg_relation *r = &t->relation[b];
    if (r->form == WG_RELATION_TRACE) continue;
    for (int64_t i = 0; i < r->size; i++)
      for (int64_t j = i; j < r->size; j++)
        t->pair[at++] = (wg_gauss_pair){.block = b, .i = r->start + i, .j = r->start + j};
  }
}

int wg_newton_create(wg_mem *mem, const wg_gauss_problem *p, bool orthogonal, wg_gauss_newton *t) {
  *t = (wg_gauss_newton){.p = p,
                         .d = p->d,
                         .n = p->n,
                         .blocks = p->spec->block_count,
                         .is_max = p->spec->outer == WG_BLOCK_MAX,
                         .orthogonal = orthogonal,
                         .fine = orthogonal ? 1e-5 : 1e-10,
                         .coupled = orthogonal ? 30.0 : 8.0};
  if (!(t->relation = WG_NEW(mem, wg_relation, t->blocks))) return wg_no_memory();
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    WG_TRY(wg_relation_create(mem, &p->spec->blocks[b], t->is_max, t->blocks, r));
    if (orthogonal && r->form == WG_RELATION_POWER) r->form = WG_RELATION_GRADIENT;
    if (r->form != WG_RELATION_TRACE) t->length += r->length;
  }
  t->dense = t->length <= DENSE_LENGTH;
  /* bounds both the work and the memory of the preconditioner */
  const int64_t room = WG_MIN((orthogonal ? 20000 : 60000) / p->n, 20000000 / (p->n * p->n));
  t->chosen_room = WG_MIN(WG_MIN(MOST_CHOSEN, t->length), room);
  WG_TRY(create_arrays(mem, t));
  name_pairs(t);
  return orthogonal ? WG_OK : wg_cone_create(mem, 2 * p->n, &t->cone);
}

/* ---- blocks of a d x d matrix ---- */

void wg_newton_cut(const wg_gauss_newton *t, const wg_relation *r, const double *a, double *out) {
  for (int64_t i = 0; i < r->size; i++)
    memcpy(out + i * r->size, a + (r->start + i) * t->d + r->start,
           (size_t)r->size * sizeof(double));
}

/* The block of a (d x d) += factor times m (size x size). */
static void add_block(const wg_gauss_newton *t, const wg_relation *r, double factor,
                      const double *m, double *a) {
  for (int64_t i = 0; i < r->size; i++)
    for (int64_t j = 0; j < r->size; j++)
      a[(r->start + i) * t->d + r->start + j] += factor * m[i * r->size + j];
}

/* a (d x d) += R w. */
static void add_unseen(wg_gauss_newton *t, const double *w, double *a) {
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    if (r->form == WG_RELATION_TRACE) continue;
    wg_relation_unsee(r, w, t->room);
    add_block(t, r, 1.0, t->room, a);
    w += r->length;
  }
}

/* seen (length) = R'a, pins taken out. */
static void see(wg_gauss_newton *t, const double *a, double *seen) {
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    if (r->form == WG_RELATION_TRACE) continue;
    wg_newton_cut(t, r, a, t->room);
    wg_relation_see(r, t->room, true, seen);
    seen += r->length;
  }
}

/* ---- the contraction's answer ---- */

/* The gains of y_ab + beta_a beta_b y_ba = x_ab. */
static void find_gains(wg_gauss_newton *t) {
  const int64_t n = t->n;
  for (int64_t a = 0; a < n; a++)
    for (int64_t b = 0; b < n; b++) {
      const double share = t->beta[a] * t->beta[b];
      t->even[a * n + b] = 1.0 / (1.0 + share);
      t->odd[a * n + b] = 1.0 / (1.0 - share);
    }
}

/* Bases in which the inverse scaling is the identity but for beta; see the opening. */
static int find_bases(wg_gauss_newton *t) {
  const int64_t n = t->n, square = n * n;
  double *u = t->room, *vt = u + square, *b = vt + square, *copy = t->cone.work;
  double *l0 = t->ta, *l1 = t->tc;
  for (int64_t i = 0; i < 2 * n; i++)
    memcpy(copy + i * n, t->cone.gi + i * 2 * n, (size_t)n * sizeof(double));
  WG_TRY(wg_la_gram_factor(2 * n, n, copy, l0));
  for (int64_t i = 0; i < 2 * n; i++)
    memcpy(copy + i * n, t->cone.gi + i * 2 * n + n, (size_t)n * sizeof(double));
  WG_TRY(wg_la_gram_factor(2 * n, n, copy, l1));
  /* b' = G1' G0, solved from both sides */
  wg_la_gemm(true, false, n, n, 2 * n, 1.0, t->cone.gi + n, 2 * n, t->cone.gi, 2 * n, 0.0, u, n);
  wg_la_lower_solve(n, l1, false, n, u);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) b[i * n + j] = u[j * n + i];
  wg_la_lower_solve(n, l0, false, n, b);
  for (int64_t i = 0; i < square; i++)
    if (!isfinite(b[i])) return 1;
  WG_TRY(wg_la_svd(n, b, u, t->beta, vt));
  for (int64_t i = 0; i < n; i++) {
    t->beta[i] = WG_MIN(t->beta[i], 1.0 - WG_UNIT);
    for (int64_t j = 0; j < n; j++) b[i * n + j] = vt[j * n + i];
  }
  wg_la_lower_solve(n, l0, true, n, u);
  wg_la_lower_solve(n, l1, true, n, b);
  find_gains(t);
  memcpy(t->ta, u, (size_t)square * sizeof(double));
  memcpy(t->tc, b, (size_t)square * sizeof(double));
  return WG_OK;
}

/* x -> y, its symmetric and its skew part times their gains, in place. */
static void answer_pairs(const wg_gauss_newton *t, double *x) {
  const int64_t n = t->n;
  for (int64_t a = 0; a < n; a++)
    for (int64_t b = a; b < n; b++) {
      const double even = 0.5 * (x[a * n + b] + x[b * n + a]) * t->even[a * n + b];
      const double odd = 0.5 * (x[a * n + b] - x[b * n + a]) * t->odd[a * n + b];
      x[a * n + b] = even + odd;
      x[b * n + a] = even - odd;
    }
}

/* y = what the contraction does about a change q of Q, in its coordinates; with the base or
 * without. */
static void respond(wg_gauss_newton *t, const double *q, bool with_base, double *y) {
  const int64_t d = t->d, n = t->n;
  wg_la_gemm(false, false, d, n, d, 1.0, q, d, t->right, n, 0.0, t->half, n);
  wg_la_gemm(true, false, n, n, d, 1.0, t->left, n, t->half, n, 0.0, y, n);
  for (int64_t i = 0; with_base && i < n * n; i++) y[i] += t->base[i];
  answer_pairs(t, y);
}

/* moment = -(L y R' + R y' L'). */
static void move_moment(wg_gauss_newton *t, const double *y, double *moment) {
  const int64_t d = t->d, n = t->n;
  wg_la_gemm(false, false, d, n, n, -1.0, t->left, n, y, n, 0.0, t->half, n);
  wg_la_gemm(false, true, d, d, n, 1.0, t->half, n, t->right, n, 0.0, moment, d);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j <= i; j++)
      moment[i * d + j] = moment[j * d + i] = moment[i * d + j] + moment[j * d + i];
}

/* Takes the blocks' pins out of the rows of the stack (or of any vectors of that length). */
static void take_out_pins(const wg_gauss_newton *t, int64_t rows, double *v) {
  for (int64_t row = 0; row < rows; row++)
    for (int64_t b = 0; b < t->blocks; b++) {
      const wg_relation *r = &t->relation[b];
      if (r->form == WG_RELATION_TRACE) continue;
      const double along = wg_la_dot(r->length, v, r->pin);
      for (int64_t i = 0; i < r->length; i++) v[i] -= along * r->pin[i];
      v += r->length;
    }
}

/* out = (I + R'NR) w, w off the pins: everything in the blocks' bases, in four products. */
static void apply(wg_gauss_newton *t, const double *w, double *out) {
  const int64_t d = t->d, n = t->n;
  double *image = t->image;
  memset(image, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t k = 0; k < t->length; k++) {
    const wg_gauss_pair *pair = &t->pair[k];
    const double value = w[k] * pair->root / (pair->i == pair->j ? 1.0 : root_two);
    image[pair->i * d + pair->j] = image[pair->j * d + pair->i] = value;
  }
  wg_la_gemm(false, false, d, n, d, 1.0, image, d, t->seen_right, n, 0.0, t->half, n);
  wg_la_gemm(true, false, n, n, d, 1.0, t->seen_left, n, t->half, n, 0.0, t->y, n);
  answer_pairs(t, t->y);
  wg_la_gemm(false, false, d, n, n, 1.0, t->seen_left, n, t->y, n, 0.0, t->half, n);
  wg_la_gemm(false, true, d, d, n, 1.0, t->half, n, t->seen_right, n, 0.0, image, d);
  for (int64_t k = 0; k < t->length; k++) {
    const wg_gauss_pair *pair = &t->pair[k];
    const double sum = image[pair->i * d + pair->j] + image[pair->j * d + pair->i];
    out[k] = pair->root * sum * (pair->i == pair->j ? 1.0 : root_two);
  }
  take_out_pins(t, 1, out);
  for (int64_t i = 0; i < t->length; i++) out[i] += w[i];
}

/* ---- the system, dense ---- */

/* left and right in the blocks' bases: X' f, and the pairs' roots. */
static void see_factors(wg_gauss_newton *t) {
  const int64_t n = t->n;
  int64_t at = 0;
  for (int64_t b = 0; b < t->blocks; b++) {
    const wg_relation *r = &t->relation[b];
    const int64_t s = r->size, from = r->start * n;
    if (r->form == WG_RELATION_TRACE) continue;
    wg_la_gemm(true, false, s, n, s, 1.0, r->basis, s, t->left + from, n, 0.0, t->seen_left + from,
               n);
    wg_la_gemm(true, false, s, n, s, 1.0, r->basis, s, t->right + from, n, 0.0,
               t->seen_right + from, n);
    for (int64_t k = 0; k < r->length; k++) t->pair[at++].root = r->root[k];
  }
}

/* Column `at` of the stack (n^2 x width): N's square root applied to a pair. */
static void stack_column(wg_gauss_newton *t, const wg_gauss_pair *pair, int64_t width, int64_t at) {
  const int64_t n = t->n;
  const double *li = t->seen_left + pair->i * n, *lj = t->seen_left + pair->j * n;
  const double *ri = t->seen_right + pair->i * n, *rj = t->seen_right + pair->j * n;
  const double scale = pair->i == pair->j ? 0.5 * pair->root : pair->root / root_two;
  for (int64_t a = 0; a < n; a++)
    for (int64_t b = a; b < n; b++) {
      const double upper = scale * (li[a] * rj[b] + lj[a] * ri[b]);
      const double lower = scale * (li[b] * rj[a] + lj[b] * ri[a]);
      const double even = (upper + lower) * sqrt(t->even[a * n + b]);
      t->stack[(a * n + b) * width + at] = a == b ? even / root_two : even;
      if (a != b) t->stack[(b * n + a) * width + at] = (upper - lower) * sqrt(t->odd[a * n + b]);
    }
}

static int factor_dense(wg_gauss_newton *t) {
  const int64_t width = t->length, rows = t->n * t->n;
  for (int64_t at = 0; at < width; at++) stack_column(t, &t->pair[at], width, at);
  take_out_pins(t, rows, t->stack);
  memset(t->stack + rows * width, 0, (size_t)(width * width) * sizeof(double));
  for (int64_t i = 0; i < width; i++) t->stack[(rows + i) * width + i] = 1.0;
  for (int64_t i = 0; i < rows * width; i++)
    if (!isfinite(t->stack[i])) return 1;
  return width > 0 ? wg_la_gram_factor(rows + width, width, t->stack, t->factor) : WG_OK;
}

static void solve_dense(wg_gauss_newton *t, const double *rhs, double *w) {
  memset(w, 0, (size_t)t->length * sizeof(double));
  for (int round = 0; round <= REFINEMENTS; round++) {
    apply(t, w, t->residual);
    for (int64_t i = 0; i < t->length; i++) t->residual[i] = rhs[i] - t->residual[i];
    wg_la_cholesky_solve(t->length, t->factor, t->length, 1, t->residual);
    for (int64_t i = 0; i < t->length; i++) w[i] += t->residual[i];
  }
}

/* ---- the system, by conjugate gradients ---- */

/* The diagonal of I + R'NR but for products that mix both factors' rows of one entry. */
static void find_scaling(wg_gauss_newton *t) {
  const int64_t n = t->n, d = t->d;
  double *weights = t->y, *l = t->room, *right = l + d * n, *half = t->half, *sum = t->image;
  for (int64_t i = 0; i < n * n; i++) weights[i] = 0.5 * (t->even[i] + t->odd[i]);
  for (int64_t i = 0; i < d * n; i++) {
    l[i] = t->seen_left[i] * t->seen_left[i];
    right[i] = t->seen_right[i] * t->seen_right[i];
  }
  wg_la_gemm(false, false, d, n, n, 1.0, l, n, weights, n, 0.0, half, n);
  wg_la_gemm(false, true, d, d, n, 1.0, half, n, right, n, 0.0, sum, d);
  for (int64_t k = 0; k < t->length; k++) {
    const wg_gauss_pair *pair = &t->pair[k];
    const double own = sum[pair->i * d + pair->j] + sum[pair->j * d + pair->i];
    t->scaling[k] = 1.0 + pair->root * pair->root * own;
  }
}

/* The pairs with the largest entries, as many as there is room for: beside the operator's few
 * active eigenvalues all the others are near one. */
static void choose_pairs(wg_gauss_newton *t) {
  double threshold = t->coupled;
  do {
    t->chosen = 0;
    for (int64_t k = 0; k < t->length && t->chosen <= t->chosen_room; k++) {
      if (!(t->scaling[k] > threshold)) continue;
      if (t->chosen < t->chosen_room) t->order[t->chosen] = k;
      t->chosen++;
    }
    threshold *= 1.5;
  } while (t->chosen > t->chosen_room && isfinite(threshold));
  t->chosen = WG_MIN(t->chosen, t->chosen_room);
}

/* Factorises the chosen pairs' part of the system, scaled to a unit diagonal. */
static void factor_chosen(wg_gauss_newton *t) {
  const int64_t width = t->chosen, rows = t->n * t->n;
  for (int64_t at = 0; at < width; at++) {
    wg_gauss_pair pair = t->pair[t->order[at]];
    pair.root /= sqrt(t->scaling[t->order[at]]);
    stack_column(t, &pair, width, at);
  }
  wg_la_gemm(true, false, width, width, rows, 1.0, t->stack, width, t->stack, width, 0.0, t->factor,
             width);
  for (int64_t i = 0; i < width; i++)
    t->factor[i * width + i] += 1.0 / t->scaling[t->order[i]] + 1e-14;
  if (width > 0 && wg_la_cholesky(width, t->factor) != 0) t->chosen = 0;
}

/* z = the preconditioner's answer to a residual. */
static void precondition(wg_gauss_newton *t, const double *residual, double *z) {
  double *part = t->stack;
  for (int64_t i = 0; i < t->length; i++) z[i] = residual[i] / t->scaling[i];
  for (int64_t k = 0; k < t->chosen; k++)
    part[k] = residual[t->order[k]] / sqrt(t->scaling[t->order[k]]);
  if (t->chosen > 0) wg_la_cholesky_solve(t->chosen, t->factor, t->chosen, 1, part);
  for (int64_t k = 0; k < t->chosen; k++) z[t->order[k]] = part[k] / sqrt(t->scaling[t->order[k]]);
  take_out_pins(t, 1, z);
}

static int solve_gradients(wg_gauss_newton *t, const double *rhs, double *w) {
  double *res = t->residual, *along = t->direction, rho = 0.0, first = 0.0;
  memset(w, 0, (size_t)t->length * sizeof(double));
  memcpy(res, rhs, (size_t)t->length * sizeof(double));
  for (int round = 0; round < MOST_ITERATIONS; round++) {
    precondition(t, res, t->guess);
    const double next = wg_la_dot(t->length, res, t->guess);
    if (round == 0) first = next;
    if (!isfinite(next)) return 1;
    if (next <= t->goal * t->goal * first) return WG_OK;
    for (int64_t i = 0; i < t->length; i++)
      along[i] = t->guess[i] + (round ? next / rho * along[i] : 0.0);
    rho = next;
    apply(t, along, t->product);
    const double step = rho / wg_la_dot(t->length, along, t->product);
    for (int64_t i = 0; i < t->length; i++) {
      w[i] += step * along[i];
      res[i] -= step * t->product[i];
    }
  }
  return WG_OK;
}

static int solve(wg_gauss_newton *t, const double *rhs, double *w) {
  if (!t->dense) return solve_gradients(t, rhs, w);
  solve_dense(t, rhs, w);
  return WG_OK;
}

/* ---- right-hand sides ---- */

/* One column: dQ and dS of the base (share < 0) or for a unit of a block's rho. */
static int solve_column(wg_gauss_newton *t, int64_t share) {
  const int64_t square = t->d * t->d;
  double *q = t->columns_q + (share + 1) * square, *s = t->columns_s + (share + 1) * square;
  memset(q, 0, (size_t)square * sizeof(double));
  for (int64_t b = 0; b < t->blocks; b++) {
    const wg_relation *r = &t->relation[b];
    if (share == b) add_block(t, r, 1.0, r->by_rho, q);
    if (share < 0 && r->form != WG_RELATION_TRACE) add_block(t, r, 1.0, r->fixed, q);
  }
  if (t->length > 0) {
    respond(t, q, share < 0, t->y);
    move_moment(t, t->y, t->image);
    for (int64_t b = 0; b < t->blocks; b++)
      if (share < 0 || share == b)
        add_block(t, &t->relation[b], 1.0,
                  share < 0 ? t->relation[b].rest : t->relation[b].rest_by_rho, t->image);
    see(t, t->image, t->rhs);
    const int status = solve(t, t->rhs, t->w);
    if (status) return status;
    add_unseen(t, t->w, q);
  }
  respond(t, q, share < 0, t->y);
  move_moment(t, t->y, s);
  return WG_OK;
}

/* d/d rho_b of the Lagrangian, as it moves with a column. */
static double offer_step(wg_gauss_newton *t, int64_t b, int64_t column) {
  const int64_t square = t->d * t->d;
  wg_relation *r = &t->relation[b];
  double *q = t->room, *s = q + r->size * r->size;
  wg_newton_cut(t, r, t->columns_q + column * square, q);
  wg_newton_cut(t, r, t->columns_s + column * square, s);
  return wg_relation_offer_step(r, q, s, column == b + 1 ? 1.0 : 0.0, column == 0);
}

/* Steps of the shares and of their multiplier: offer + y = rate2 top for every block, the shares
 * sum to one, y rho = mu. */
static int solve_shares(wg_gauss_newton *t, double mu) {
  const int64_t count = t->blocks, width = count + 1;
  double *a = t->share_matrix, *x = t->share_step;
  a[count * width + count] = 0.0;
  x[count] = 1.0;
  for (int64_t b = 0; b < count; b++) {
    const wg_relation *r = &t->relation[b];
    for (int64_t c = 0; c < count; c++) a[b * width + c] = offer_step(t, b, c + 1);
    a[b * width + b] -= r->y / r->rho;
    a[b * width + count] = a[count * width + b] = -r->rate2;
    x[b] = r->rate2 * t->top - wg_relation_offer(r) - (mu + r->y_correction) / r->rho -
           offer_step(t, b, 0);
    x[count] -= r->rate2 * r->rho;
  }
  x[count] = -x[count];
  for (int64_t b = 0; b < width; b++) /* symmetric but for rounding */
    for (int64_t c = 0; c < b; c++)
      a[b * width + c] = a[c * width + b] = 0.5 * (a[b * width + c] + a[c * width + b]);
  int status = wg_la_factor_symmetric(width, a, t->pivots);
  if (status == WG_OK) status = wg_la_solve_factored(width, a, t->pivots, x);
  for (int64_t b = 0; status == WG_OK && b < count; b++) {
    wg_relation *r = &t->relation[b];
    r->step_rho = x[b];
    r->step_y = (mu + r->y_correction) / r->rho - r->y - r->y / r->rho * r->step_rho;
  }
  t->step_top = x[count];
  return status;
}

/* ---- the step ---- */

int wg_newton_linearise(wg_gauss_newton *t) {
  int status = t->orthogonal ? WG_OK : wg_cone_scale(&t->cone);
  if (status == WG_OK && !t->orthogonal) status = find_bases(t);
  if (status) return status;
  const int64_t d = t->d, n = t->n;
  if (!t->orthogonal) {
    wg_la_gemm(false, false, d, n, n, 1.0, t->p->f0, n, t->ta, n, 0.0, t->left, n);
    wg_la_gemm(false, false, d, n, n, 1.0, t->p->f1, n, t->tc, n, 0.0, t->right, n);
  }
  for (int64_t b = 0; b < t->blocks; b++)
    if ((status = wg_relation_linearise(&t->relation[b]))) return status;
  see_factors(t);
  if (t->dense) return factor_dense(t);
  find_scaling(t);
  choose_pairs(t);
  factor_chosen(t);
  return WG_OK;
}

void wg_newton_base(wg_gauss_newton *t) {
  const int64_t n = t->n;
  double *sum = t->room;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      sum[i * n + j] = t->m[i * n + j] + t->cone.target[i * 2 * n + n + j];
  wg_la_gemm(false, false, n, n, n, 1.0, sum, n, t->tc, n, 0.0, t->half, n);
  wg_la_gemm(true, false, n, n, n, 1.0, t->ta, n, t->half, n, 0.0, t->base, n);
}

/* dC from its coordinates, and the contraction's cone follows. */
static void expand_contraction(wg_gauss_newton *t) {
  const int64_t n = t->n;
  wg_la_gemm(false, false, n, n, n, 1.0, t->ta, n, t->y, n, 0.0, t->half, n);
  wg_la_gemm(false, true, n, n, n, 1.0, t->half, n, t->tc, n, 0.0, t->step_c, n);
  if (t->orthogonal) return;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      t->cone.step_p[i * 2 * n + n + j] = t->cone.step_p[(n + j) * 2 * n + i] =
          t->step_c[i * n + j];
  wg_cone_answer(&t->cone);
}

/* Adds the shares' columns to the base, and lets the cones and blocks follow. */
static void expand(wg_gauss_newton *t) {
  const int64_t d = t->d, square = d * d;
  memcpy(t->step_q, t->columns_q, (size_t)square * sizeof(double));
  for (int64_t b = 0; t->is_max && b < t->blocks; b++)
    for (int64_t i = 0; i < square; i++)
      t->step_q[i] += t->relation[b].step_rho * t->columns_q[(b + 1) * square + i];
  respond(t, t->step_q, true, t->y);
  move_moment(t, t->y, t->step_s);
  expand_contraction(t);
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    double *q = t->room, *s = q + r->size * r->size;
    wg_newton_cut(t, r, t->step_q, q);
    wg_newton_cut(t, r, t->step_s, s);
    wg_relation_step(r, q, s);
  }
}

int wg_newton_step(wg_gauss_newton *t, double mu, bool corrected, bool predictor) {
  t->goal = predictor ? 1e-3 : t->fine; /* a predictor only has to be about right */
  if (!t->orthogonal) wg_cone_aim(&t->cone, mu, corrected);
  if (!t->orthogonal) wg_newton_base(t);
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation_aim(&t->relation[b], mu, corrected);
    if (!corrected) t->relation[b].y_correction = 0.0;
  }
  for (int64_t share = -1; share < (t->is_max ? t->blocks : 0); share++) {
    const int status = solve_column(t, share);
    if (status) return status;
  }
  if (t->is_max) {
    const int status = solve_shares(t, mu);
    if (status) return status;
  }
  expand(t);
  for (int64_t i = 0; i < t->d * t->d; i++)
    if (!isfinite(t->step_q[i])) return 1;
  return WG_OK;
}
