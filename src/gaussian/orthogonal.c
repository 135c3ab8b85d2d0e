/* Contractions that are orthogonal matrices: no cone, half the unknowns.
 *
 * Where Q is positive definite M = f0' Q f1 has full rank, and the only C of norm <= 1 with <C, M>
 * = |M|_* is its polar factor: along the interior point's path, whose Q are definite, the
 * contraction is orthogonal as soon as the factors are square and regular. So C moves on O(n), C <-
 * C cay(O), O skew, and its optimality is that B = C'M is symmetric. With S = sym B = U diag(s) U'
 * Newton's step is, in the basis U, (s_i + s_j) O_ij = (B - B' + E' dQ F - F' dQ E)_ij,   E = f0 C
 * U, F = f1 U, the same shape as the cone's answer in newton.c with nothing symmetric and 2 / (s_i
 * + s_j) as the gain of the skew part. Only skew parts count, so E may be replaced by E - F = (f0 C
 * - f1) U everywhere, and is: for Gaussians near each other nothing cancels then. Away from the
 * optimum S may be indefinite; absolute values keep the system definite (the step is then one of
 * descent). Cost a frame: one eigenproblem of size n, against the SVD, four Cholesky factors and
 * four eigenproblems of size 2 n of the cone. Source: theory 4, docs/theory/gaussian.md; Absil,
 * Mahony, Sepulchre, Optimization Algorithms on Matrix Manifolds. */
#include <string.h>

#include "gaussian/newton.h"
#include "linalg/la.h"

static const double vanishing = 1e-15; /* s_i + s_j below this, relative: a direction nobody sees */

/* Gains 2 / (|s_i| + |s_j|) of the skew part, none of the symmetric one. */
static void find_gains(wg_gauss_newton *t, const double *s) {
  const int64_t n = t->n;
  double largest = 0.0;
  for (int64_t i = 0; i < n; i++) largest = WG_MAX(largest, fabs(s[i]));
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      const double sum = fabs(s[i]) + fabs(s[j]);
      t->even[i * n + j] = 0.0;
      t->odd[i * n + j] = i != j && sum > vanishing * largest ? 2.0 / sum : 0.0;
    }
}

int wg_orthogonal_frame(wg_gauss_newton *t, const double *contraction, const double *q) {
  const int64_t d = t->d, n = t->n;
  double *b = t->room, *vectors = b + n * n;
  wg_la_gemm(true, false, n, n, n, 1.0, contraction, n, t->m, n, 0.0, b, n);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++)
      b[i * n + j] = b[j * n + i] = 0.5 * (b[i * n + j] + b[j * n + i]);
  WG_TRY(wg_la_eigh(n, b, t->beta, vectors));
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) t->tc[i * n + j] = vectors[j * n + i];
  wg_la_gemm(false, false, n, n, n, 1.0, contraction, n, t->tc, n, 0.0, t->ta, n);
  find_gains(t, t->beta);
  wg_la_gemm(false, false, d, n, n, 1.0, t->p->f1, n, t->tc, n, 0.0, t->right, n);
  memcpy(t->left, t->right, (size_t)(d * n) * sizeof(double));
  wg_la_gemm(false, false, d, n, n, 1.0, t->p->f0, n, t->ta, n, -1.0, t->left, n);
  wg_la_gemm(false, false, d, n, d, 1.0, q, d, t->right, n, 0.0, t->half, n);
  wg_la_gemm(true, false, n, n, d, 1.0, t->left, n, t->half, n, 0.0, t->base, n);
  return WG_OK;
}

/* With the base b in the frame, a rotation of the plane i, j turns s_i + s_j into the root of its
 * square plus that of b_ij - b_ji. */
double wg_orthogonal_gap(const wg_gauss_newton *t) {
  double sum = 0.0;
  for (int64_t i = 0; i < t->n; i++) {
    sum += fabs(t->beta[i]) - t->beta[i];
    for (int64_t j = i + 1; j < t->n; j++) {
      const double whole = fabs(t->beta[i]) + fabs(t->beta[j]);
      const double skew = t->base[i * t->n + j] - t->base[j * t->n + i];
      if (skew != 0.0) sum += skew * skew / (hypot(whole, skew) + whole);
    }
  }
  return 2.0 * sum;
}

/* cay(O) = (I + O/2) (I - O/2)^-1 = (I + O/2)^2 (I + O'O/4)^-1, O = step times the skew y. */
int wg_orthogonal_move(wg_gauss_newton *t, double step, double *contraction) {
  const int64_t n = t->n;
  double *half = t->room, *gram = half + n * n, *square = gram + n * n;
  for (int64_t i = 0; i < n * n; i++) half[i] = 0.5 * step * t->y[i];
  memset(gram, 0, (size_t)(n * n) * sizeof(double));
  for (int64_t i = 0; i < n; i++) gram[i * n + i] = 1.0;
  wg_la_gemm(true, false, n, n, n, 1.0, half, n, half, n, 1.0, gram, n);
  for (int64_t i = 0; i < n; i++) half[i * n + i] += 1.0;
  wg_la_gemm(true, true, n, n, n, 1.0, half, n, half, n, 0.0, square, n);
  if (wg_la_cholesky(n, gram)) return 1;
  wg_la_cholesky_solve(n, gram, n, n, square); /* cay(O)', the factors commute */
  wg_la_gemm(false, true, n, n, n, 1.0, t->ta, n, square, n, 0.0, half, n);
  wg_la_gemm(false, true, n, n, n, 1.0, half, n, t->tc, n, 0.0, contraction, n);
  return WG_OK;
}
