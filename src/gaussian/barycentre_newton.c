/* Newton's step for the barycentre's barrier problem.
 *
 *   F = sum_k w_k (gamma_mu(Sigma_k) - mu log det D_k),  mu = mu_k, one for each term,
 *   Sigma_k = (left_k - j_k)'(left_k - j_k) + D_k,  D_k = T - j_k' j_k,  T = S + m m'.
 *
 * Sigma_k = left'left - left'j - j'left + T and (I j; j' T) are affine in the unknowns, so the
 * second derivative along (dj, dT) is a sum of squares:
 *   gamma_mu''[dSigma, dSigma] + mu |L^-1 dD L^-T|^2 + 2 <Y, dj'dj>,
 *   dSigma = dT - left'dj - dj'left,  dD = dT - j'dj - dj'j,  Y = mu D^-1.
 * Both forms are written as rows over the numbers v_i' dSigma v_j and l_i' dD l_j (v eigenvectors
 * of Sigma, l rows of L^-1): a row is an outer product of d numbers with d. The matrix of a term is
 * rows'rows; its own unknowns J_k are eliminated by a Cholesky factor, and what is left is a system
 * in m and T alone. Own unknowns are those of J = J^ L' / mu^(1/2), shared ones those of T = G T^
 * G' with sum w Y = (G G')^-1: the barrier's part is then of size one.
 * After the step Q + dQ and Y + dY are computed from the matrices d x d and not from the assembled
 * ones. Cost a step: some 4 count d^6, memory 3
 * count d^4. Source: docs/theory/gaussian.md. */
#include <string.h>

#include "gaussian/barycentre.h"
#include "linalg/la.h"

static int64_t packed_length(int64_t d) { return d * (d + 1) / 2; }

/* ---- packed symmetric matrices: <a, b> is the product of the packed ---- */

static const double root_two = 1.4142135623730951;

static void pack(int64_t d, const double *m, double *packed) {
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j <= i; j++)
      *packed++ = i == j ? m[i * d + i] : 0.5 * root_two * (m[i * d + j] + m[j * d + i]);
}

static void unpack(int64_t d, const double *packed, double *m) {
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j <= i; j++) {
      const double value = *packed++;
      m[i * d + j] = m[j * d + i] = i == j ? value : value / root_two;
    }
}

/* ---- creation ---- */

static int create_term(wg_mem *mem, const wg_bary_problem *p, int64_t k, wg_bary_system *e) {
  const int64_t d = p->d, tall = (d + 1) * d, square = d * d;
  wg_bary_term *t = &e->term[k];
  double **tall_parts[] = {&t->left, &t->j, &t->step_j};
  double **square_parts[] = {&t->spread, &t->shape,  &t->axes,  &t->y,    &t->q,
                             &t->next_y, &t->next_q, &t->scale, &t->slope};
  for (size_t i = 0; i < sizeof tall_parts / sizeof *tall_parts; i++)
    if (!(*tall_parts[i] = WG_NEW(mem, double, tall))) return wg_no_memory();
  for (size_t i = 0; i < sizeof square_parts / sizeof *square_parts; i++)
    if (!(*square_parts[i] = WG_NEW(mem, double, square))) return wg_no_memory();
  t->factor = WG_NEW(mem, double, e->own * e->own);
  t->cross = WG_NEW(mem, double, e->own * e->shared);
  if (!t->factor || !t->cross) return wg_no_memory();
  t->weight = p->weights[k];
  memcpy(t->left, p->roots + k * square, (size_t)square * sizeof(double));
  memcpy(t->left + square, p->means + k * d, (size_t)d * sizeof(double));
  return wg_smooth_create(mem, p->spec, &t->smooth);
}

int wg_bary_create(wg_mem *mem, const wg_bary_problem *p, wg_bary_system *e) {
  const int64_t d = p->d, own = d * d, shared = d + packed_length(d), columns = own + shared;
  const int64_t most_rows = 2 * packed_length(d) + p->spec->block_count;
  *e = (wg_bary_system){.d = d,
                        .count = p->count,
                        .own = own,
                        .shared = shared,
                        .moment = WG_NEW(mem, double, own),
                        .step_moment = WG_NEW(mem, double, own),
                        .term = WG_NEW(mem, wg_bary_term, p->count),
                        .frame = WG_NEW(mem, double, own),
                        .schur = WG_NEW(mem, double, shared *shared),
                        .scale = WG_NEW(mem, double, shared),
                        .slope = WG_NEW(mem, double, shared),
                        .step = WG_NEW(mem, double, shared),
                        .rows = WG_NEW(mem, double, most_rows *columns),
                        .hessian = WG_NEW(mem, double, columns *columns),
                        .common = WG_NEW(mem, double, columns),
                        .room = WG_NEW(mem, double, 4 * (d + 1) * d)};
  if (!e->moment || !e->step_moment || !e->term || !e->frame || !e->schur || !e->scale ||
      !e->slope || !e->step || !e->rows || !e->hessian || !e->common || !e->room)
    return wg_no_memory();
  for (int64_t i = 0; i < d; i++) e->moment[i * d + i] = 1.0;
  for (int64_t k = 0; k < p->count; k++) WG_TRY(create_term(mem, p, k, e));
  return WG_OK;
}

/* ---- the function ---- */

/* axes = L^-1 for the spread D = L L', y = mu L^-T L^-1; returns log det D, or NAN. */
static double factor_spread(wg_bary_system *e, wg_bary_term *t) {
  const int64_t d = e->d;
  double *l = t->shape, log_det = 0.0;
  memcpy(l, t->spread, (size_t)(d * d) * sizeof(double));
  if (wg_la_cholesky(d, l)) return NAN;
  for (int64_t i = 0; i < d; i++) log_det += 2.0 * log(l[i * d + i]);
  memset(t->axes, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t i = 0; i < d; i++) t->axes[i * d + i] = 1.0;
  wg_la_lower_solve(d, l, false, d, t->axes);
  wg_la_gemm(true, false, d, d, d, t->mu, t->axes, d, t->axes, d, 0.0, t->y, d);
  return log_det;
}

static int term_value(wg_bary_system *e, wg_bary_term *t, double *value) {
  const int64_t d = e->d, tall = (d + 1) * d;
  double *difference = e->room, *sigma = difference + tall, gauge;
  memcpy(t->spread, e->moment, (size_t)(d * d) * sizeof(double));
  wg_la_gemm(true, false, d, d, d + 1, -1.0, t->j, d, t->j, d, 1.0, t->spread, d);
  const double log_det = factor_spread(e, t);
  if (!isfinite(log_det)) return *value = INFINITY, WG_OK;
  for (int64_t i = 0; i < tall; i++) difference[i] = t->left[i] - t->j[i];
  memcpy(sigma, t->spread, (size_t)(d * d) * sizeof(double));
  wg_la_gemm(true, false, d, d, d + 1, 1.0, difference, d, difference, d, 1.0, sigma, d);
  WG_TRY(wg_smooth_at(&t->smooth, sigma, t->mu, &gauge, t->q));
  *value += t->weight * (gauge - t->mu * log_det);
  return WG_OK;
}

int wg_bary_value(wg_bary_system *e, double mu, double *value) {
  *value = 0.0;
  for (int64_t k = 0; k < e->count && isfinite(*value); k++) {
    wg_bary_term *t = &e->term[k];
    t->mu = mu / ((double)e->count * t->weight);
    WG_TRY(term_value(e, t, value));
  }
  return WG_OK;
}

void wg_bary_move(wg_bary_system *e, double length) {
  const int64_t d = e->d;
  for (int64_t i = 0; i < d * d; i++) e->moment[i] += length * e->step_moment[i];
  for (int64_t k = 0; k < e->count; k++)
    for (int64_t i = 0; i < (d + 1) * d; i++) e->term[k].j[i] += length * e->term[k].step_j[i];
}

/* ---- the rows of a term ---- */

/* Vectors (rows) as the unknowns' coordinates see them. */
typedef struct view {
  double *seen;   /* times seen'                                  */
  double *wide;   /* among zeros                                  */
  double *own;    /* times L / sqrt(mu): J = own unknowns times L' / sqrt(mu)  */
  double *shared; /* times G: m' = m^'G', T = G T^ G'             */
} view;

static void look(wg_bary_system *e, const wg_bary_term *t, int64_t n, const double *seen, view *v) {
  const int64_t d = e->d;
  wg_la_gemm(false, true, n, d + 1, d, 1.0, v->wide, d, seen, d, 0.0, v->seen, d + 1);
  wg_la_gemm(false, false, n, d, d, 1.0 / sqrt(t->mu), v->wide, d, t->shape, d, 0.0, v->own, d);
  wg_la_gemm(false, false, n, d, d, 1.0, v->wide, d, e->frame, d, 0.0, v->shared, d);
}

static view view_in(wg_bary_system *e) {
  double *seen = e->room, *wide = seen + (e->d + 1) * e->d, *own = wide + e->d * e->d;
  return (view){.seen = seen, .wide = wide, .own = own, .shared = own + e->d * e->d};
}

/* row = weight v_i' (dT - seen'dj - dj'seen) v_j. */
static void lay_row(int64_t d, const view *v, double weight, int64_t i, int64_t j, double *row) {
  const double *left = v->seen + i * (d + 1), *right = v->seen + j * (d + 1);
  for (int64_t a = 0; a <= d; a++) {
    const double *first = (a < d ? v->own : v->shared) + i * d;
    const double *second = (a < d ? v->own : v->shared) + j * d;
    for (int64_t b = 0; b < d; b++) *row++ = -weight * (left[a] * second[b] + right[a] * first[b]);
  }
  const double *first = v->shared + i * d, *second = v->shared + j * d;
  for (int64_t a = 0; a < d; a++)
    for (int64_t b = 0; b <= a; b++)
      *row++ = weight * (a == b ? first[a] * second[a]
                                : 0.5 * root_two * (first[a] * second[b] + second[a] * first[b]));
}

static double *barrier_rows(wg_bary_system *e, const wg_bary_term *t, double *row) {
  const int64_t d = e->d, columns = e->own + e->shared;
  view v = view_in(e);
  memcpy(v.wide, t->axes, (size_t)(d * d) * sizeof(double));
  look(e, t, d, t->j, &v);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j <= i; j++, row += columns)
      lay_row(d, &v, sqrt(i == j ? t->mu : 2.0 * t->mu), i, j, row);
  return row;
}

/* The pairs of a block, then its eigenvalues; adds what its share sees to share_row. */
static double *block_rows(wg_bary_system *e, const wg_bary_term *t, const wg_smooth_block *b,
                          double *share_row, double *row) {
  const int64_t d = e->d, n = b->size, columns = e->own + e->shared;
  view v = view_in(e);
  memset(v.wide, 0, (size_t)(n * d) * sizeof(double));
  for (int64_t i = 0; i < n; i++)
    memcpy(v.wide + i * d + b->start, b->vectors + i * n, (size_t)n * sizeof(double));
  look(e, t, n, t->left, &v);
  for (int64_t i = 0; i < n && b->form != WG_SMOOTH_TRACE; i++)
    for (int64_t j = 0; j < i; j++, row += columns)
      lay_row(d, &v, sqrt(2.0 * b->share * b->slope[i * n + j]), i, j, row);
  double *first = row;
  for (int64_t i = 0; i < n; i++, row += columns) {
    lay_row(d, &v, 1.0, i, i, row);
    for (int64_t c = 0; share_row && c < columns; c++) share_row[c] += b->q[i] / b->rate2 * row[c];
  }
  if (b->form == WG_SMOOTH_TRACE) return first;
  wg_smooth_tie(n, b->slope, n + 1, b->normal, b->share, columns, first, e->common);
  return row;
}

/* With a block max the shares' rows come first. */
static double *gauge_rows(wg_bary_system *e, wg_bary_term *t, double *row) {
  const int64_t columns = e->own + e->shared, count = t->smooth.count;
  const bool is_max = t->smooth.is_max;
  double *shares = row;
  if (is_max) {
    memset(shares, 0, (size_t)(count * columns) * sizeof(double));
    row += count * columns;
  }
  for (int64_t b = 0; b < count; b++)
    row = block_rows(e, t, &t->smooth.block[b], is_max ? shares + b * columns : NULL, row);
  if (!is_max) return row;
  double *weight = t->smooth.unused, *ones = t->smooth.maxima;
  for (int64_t b = 0; b < count; b++) {
    weight[b] = t->smooth.shares[b] * t->smooth.shares[b] / t->mu;
    ones[b] = 1.0;
  }
  wg_smooth_tie(count, weight, 1, ones, 1.0, columns, shares, e->common);
  return row;
}

/* The upper triangle of a term's matrix in its unknowns j, T. */
static void assemble(wg_bary_system *e, wg_bary_term *t) {
  const int64_t d = e->d, columns = e->own + e->shared;
  double *end = gauge_rows(e, t, barrier_rows(e, t, e->rows));
  wg_la_syrk((end - e->rows) / columns, columns, e->rows, 0.0, e->hessian);
  for (int64_t i = 0; i < e->own; i++) e->hessian[i * columns + i] += 2.0;
  double *half = e->room, *y = half + d * d;
  wg_la_gemm(false, false, d, d, d, 2.0, t->y, d, e->frame, d, 0.0, half, d);
  wg_la_gemm(true, false, d, d, d, 1.0, e->frame, d, half, d, 0.0, y, d);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = i; j < d; j++) e->hessian[(e->own + i) * columns + e->own + j] += y[i * d + j];
}

/* ---- elimination ---- */

/* Cholesky of a matrix of unit diagonal given above it, entry (i, j) at i * apart + j; where
 * rounding has left it indefinite, the diagonal is raised as little as is enough. */
static int factor_upper(int64_t n, const double *upper, int64_t apart, const double *scale,
                        double *l) {
  for (double raise = 0.0; raise < 1e-7; raise = WG_MAX(1e-15, 10.0 * raise)) {
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j <= i; j++)
        l[i * n + j] = upper[j * apart + i] * scale[i] * scale[j] + (i == j ? raise : 0.0);
    if (!wg_la_cholesky(n, l)) return WG_OK;
  }
  return 1;
}

/* Scales and factors a term's own part, and takes it out of the shared one. */
static int eliminate(wg_bary_system *e, wg_bary_term *t) {
  const int64_t own = e->own, shared = e->shared, columns = own + shared;
  const double *h = e->hessian;
  for (int64_t i = 0; i < own; i++) t->scale[i] = 1.0 / sqrt(h[i * columns + i]);
  const int status = factor_upper(own, h, columns, t->scale, t->factor);
  if (status) return status;
  for (int64_t i = 0; i < own; i++)
    for (int64_t j = 0; j < shared; j++)
      t->cross[i * shared + j] = t->scale[i] * h[i * columns + own + j];
  wg_la_lower_solve(own, t->factor, false, shared, t->cross);
  for (int64_t i = 0; i < shared; i++) {
    e->scale[i] += t->weight * h[(own + i) * columns + own + i];
    for (int64_t j = i; j < shared; j++)
      e->schur[i * shared + j] += t->weight * h[(own + i) * columns + own + j];
  }
  wg_la_syrk(own, shared, t->cross, 0.0, e->hessian);
  for (int64_t i = 0; i < shared; i++)
    for (int64_t j = i; j < shared; j++)
      e->schur[i * shared + j] -= t->weight * e->hessian[i * shared + j];
  return WG_OK;
}

/* G = M^-T for sum weights Y = M M'. */
static int find_frame(wg_bary_system *e) {
  const int64_t d = e->d;
  double *m = e->room, *inverse = m + d * d;
  memset(m, 0, (size_t)(2 * d * d) * sizeof(double));
  for (int64_t k = 0; k < e->count; k++)
    for (int64_t i = 0; i < d * d; i++) m[i] += e->term[k].weight * e->term[k].y[i];
  if (wg_la_cholesky(d, m)) return 1;
  for (int64_t i = 0; i < d; i++) inverse[i * d + i] = 1.0;
  wg_la_lower_solve(d, m, true, d, inverse);
  memcpy(e->frame, inverse, (size_t)(d * d) * sizeof(double));
  return WG_OK;
}

static int factor_system(wg_bary_system *e) {
  const int64_t shared = e->shared;
  if (find_frame(e)) return 1;
  memset(e->schur, 0, (size_t)(shared * shared) * sizeof(double));
  memset(e->scale, 0, (size_t)shared * sizeof(double));
  for (int64_t k = 0; k < e->count; k++) {
    assemble(e, &e->term[k]);
    const int status = eliminate(e, &e->term[k]);
    if (status) return status;
  }
  for (int64_t i = 0; i < shared; i++) e->scale[i] = 1.0 / sqrt(e->scale[i]);
  memcpy(e->hessian, e->schur, (size_t)(shared * shared) * sizeof(double));
  return factor_upper(shared, e->hessian, shared, e->scale, e->schur);
}

/* ---- the gradient ---- */

/* Of a term: -2 left Q + 2 j Y in its unknowns j, of which the last row is shared. */
static void add_slope(wg_bary_system *e, wg_bary_term *t) {
  const int64_t d = e->d;
  double *tall = e->room, *difference = tall + (d + 1) * d, *packed = difference + d * d;
  wg_la_gemm(false, false, d + 1, d, d, -2.0, t->left, d, t->q, d, 0.0, tall, d);
  wg_la_gemm(false, false, d + 1, d, d, 2.0, t->j, d, t->y, d, 1.0, tall, d);
  for (int64_t i = 0; i < d * d; i++) difference[i] = t->q[i] - t->y[i];
  pack(d, difference, packed);
  for (int64_t i = 0; i < packed_length(d); i++) e->slope[d + i] += t->weight * packed[i];
  for (int64_t i = 0; i < d; i++) e->slope[i] += t->weight * tall[d * d + i];
  memcpy(t->slope, tall, (size_t)(d * d) * sizeof(double));
}

static void find_slopes(wg_bary_system *e) {
  memset(e->slope, 0, (size_t)e->shared * sizeof(double));
  for (int64_t k = 0; k < e->count; k++) add_slope(e, &e->term[k]);
}

/* ---- the step ---- */

/* next_q, next_y: what Q and Y become by the present step. */
static void answer_step(wg_bary_system *e, wg_bary_term *t) {
  const int64_t d = e->d;
  double *change = e->room, *half = change + d * d;
  memcpy(change, e->step_moment, (size_t)(d * d) * sizeof(double));
  wg_la_gemm(true, false, d, d, d + 1, -1.0, t->j, d, t->step_j, d, 1.0, change, d);
  wg_la_gemm(true, false, d, d, d + 1, -1.0, t->step_j, d, t->j, d, 1.0, change, d);
  wg_la_gemm(false, false, d, d, d, -1.0 / t->mu, t->y, d, change, d, 0.0, half, d);
  wg_la_gemm(false, false, d, d, d, 1.0, half, d, t->y, d, 0.0, t->next_y, d);
  memcpy(change, e->step_moment, (size_t)(d * d) * sizeof(double));
  wg_la_gemm(true, false, d, d, d + 1, -1.0, t->left, d, t->step_j, d, 1.0, change, d);
  wg_la_gemm(true, false, d, d, d + 1, -1.0, t->step_j, d, t->left, d, 1.0, change, d);
  wg_smooth_curve(&t->smooth, change, t->next_q);
  for (int64_t i = 0; i < d * d; i++) {
    t->next_q[i] += t->q[i];
    t->next_y[i] += t->y[i];
  }
}

/* out = G' m G, or G m G'. */
static void turn(wg_bary_system *e, bool back, const double *m, double *half, double *out) {
  const int64_t d = e->d;
  wg_la_gemm(!back, false, d, d, d, 1.0, e->frame, d, m, d, 0.0, half, d);
  wg_la_gemm(false, back, d, d, d, 1.0, half, d, e->frame, d, 0.0, out, d);
}

/* The slopes in the coordinates of the rows: step = those of m and T, own ones in place. */
static void turn_slopes(wg_bary_system *e) {
  const int64_t d = e->d;
  double *m = e->room, *half = m + d * d, *out = half + d * d;
  wg_la_gemm(true, false, d, 1, d, 1.0, e->frame, d, e->slope, 1, 0.0, e->step, 1);
  unpack(d, e->slope + d, m);
  turn(e, false, m, half, out);
  pack(d, out, e->step + d);
  for (int64_t k = 0; k < e->count; k++) {
    wg_bary_term *t = &e->term[k];
    memcpy(m, t->slope, (size_t)(d * d) * sizeof(double));
    wg_la_gemm(false, false, d, d, d, 1.0 / sqrt(t->mu), m, d, t->shape, d, 0.0, t->slope, d);
    for (int64_t i = 0; i < e->own; i++) t->slope[i] *= t->scale[i];
  }
}

/* The step, from the solution in those coordinates. */
static void turn_back(wg_bary_system *e) {
  const int64_t d = e->d;
  double *m = e->room, *half = m + d * d, *out = half + d * d;
  unpack(d, e->step + d, m);
  turn(e, true, m, half, out);
  memcpy(e->step_moment, out, (size_t)(d * d) * sizeof(double));
  for (int64_t k = 0; k < e->count; k++) {
    wg_bary_term *t = &e->term[k];
    for (int64_t i = 0; i < e->own; i++) t->slope[i] *= -t->scale[i];
    wg_la_gemm(false, true, d, d, d, 1.0 / sqrt(t->mu), t->slope, d, t->shape, d, 0.0, t->step_j,
               d);
    wg_la_gemm(false, false, d, 1, d, 1.0, e->frame, d, e->step, 1, 0.0, t->step_j + d * d, 1);
  }
}

/* The step for the present slopes. */
static void solve_slopes(wg_bary_system *e) {
  const int64_t own = e->own, shared = e->shared;
  double *s = e->step;
  turn_slopes(e);
  for (int64_t k = 0; k < e->count; k++) {
    wg_bary_term *t = &e->term[k];
    wg_la_lower_solve(own, t->factor, false, 1, t->slope);
    wg_la_gemm(true, false, shared, 1, own, -t->weight, t->cross, shared, t->slope, 1, 1.0, s, 1);
  }
  for (int64_t i = 0; i < shared; i++) s[i] *= -e->scale[i];
  wg_la_cholesky_solve(shared, e->schur, shared, 1, s);
  for (int64_t i = 0; i < shared; i++) s[i] *= e->scale[i];
  for (int64_t k = 0; k < e->count; k++) {
    wg_bary_term *t = &e->term[k];
    wg_la_gemm(false, false, own, 1, shared, 1.0, t->cross, shared, s, 1, 1.0, t->slope, 1);
    wg_la_lower_solve(own, t->factor, true, 1, t->slope);
  }
  turn_back(e);
}

/* -<gradient, step>. */
static double decrease(wg_bary_system *e) {
  const int64_t d = e->d;
  double sum = 0.0;
  find_slopes(e);
  pack(d, e->step_moment, e->room);
  sum -= wg_la_dot(packed_length(d), e->slope + d, e->room);
  sum -= wg_la_dot(d, e->slope, e->term[0].step_j + d * d);
  for (int64_t k = 0; k < e->count; k++)
    sum -= e->term[k].weight * wg_la_dot(d * d, e->term[k].slope, e->term[k].step_j);
  return sum;
}

int wg_bary_newton(wg_bary_system *e, double *decrement) {
  const int status = factor_system(e);
  if (status) return status;
  find_slopes(e);
  solve_slopes(e);
  *decrement = decrease(e);
  for (int64_t k = 0; k < e->count; k++) answer_step(e, &e->term[k]);
  return isfinite(*decrement) ? WG_OK : 1;
}
