/* linalg: the dense routines used, over CBLAS and LAPACKE; the only folder that sees them.
 * Matrices are square d x d, row-major, unless shapes are given; symmetric ones are stored in full.
 */
#ifndef WG_LA_H
#define WG_LA_H

#include "base/base.h"

/* c (r x s) = alpha op(a) op(b) + beta c; inner dimension k. lda etc. are the row lengths of the
 * stored matrices. */
void wg_la_gemm(bool ta, bool tb, int64_t r, int64_t s, int64_t k, double alpha, const double *a,
                int64_t lda, const double *b, int64_t ldb, double beta, double *c, int64_t ldc);
void wg_la_gemm_float(bool ta, bool tb, int64_t r, int64_t s, int64_t k, float alpha,
                      const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                      float *c, int64_t ldc);
/* Upper triangle of s (k x k) = a' a + beta s, for a (rows x k). */
void wg_la_syrk(int64_t rows, int64_t k, const double *a, double beta, double *s);
void wg_la_syrk_float(int64_t rows, int64_t k, const float *a, float beta, float *s);
/* s (k x k, in full) = a' a for a (rows x k, rows lda apart), or a a' for a (k x rows). */
void wg_la_gram_float(bool of_rows, int64_t rows, int64_t k, const float *a, int64_t lda, float *s);
/* Symmetric eigenproblem: s = sum_i values[i] v_i v_i', values decreasing, v_i = row i of vectors.
 * s is not changed; it may not overlap vectors. WG_ERR_INTERNAL if it does not converge. */
int wg_la_eigh(int64_t d, const double *s, double *values, double *vectors);
/* The eigenvalues alone, decreasing; s is destroyed. */
int wg_la_eigenvalues(int64_t d, double *s, double *values);
/* The same in single precision; s and its triangle below the diagonal are overwritten by the
 * vectors. */
int wg_la_eigh_float(int64_t d, float *s, float *values);
/* The condition number of s in the 1-norm, estimated by a Cholesky factorisation that overwrites s;
 * INFINITY if it is not positive definite. */
double wg_la_condition_float(int64_t d, float *s);
/* Lower Cholesky factor, upper triangle zeroed, in place. Returns 0, or i+1 when the i-th pivot is
 * not positive. */
int64_t wg_la_cholesky(int64_t d, double *a);
/* For a (rows x k, rows >= k, destroyed): l (k x k, lower triangle, rest zero) with l l' = a' a, by
 * orthogonal reflections, which do not square the condition number as forming a' a would. */
int wg_la_gram_factor(int64_t rows, int64_t k, double *a, double *l);
/* The same for the k vectors of `length` >= k numbers in the rows of a, l l' = a a': several times
 * faster where a does not fit into cache. room: 32 k numbers of scratch. */
int wg_la_gram_factor_of_rows(int64_t k, int64_t length, double *a, double *room, double *l);
/* Solves (l l') x = b in place for k right-hand sides, b d x k; l as wg_la_cholesky leaves it, rows
 * ldl apart. */
void wg_la_cholesky_solve(int64_t d, const double *l, int64_t ldl, int64_t k, double *b);
/* b (d x k) = l^-1 b, or l'^-1 b when transposed, l as wg_la_cholesky leaves it. */
void wg_la_lower_solve(int64_t d, const double *l, bool transposed, int64_t k, double *b);
/* a = u diag(s) vt, all d x d, s decreasing; a is destroyed. */
int wg_la_svd(int64_t d, double *a, double *u, double *s, double *vt);
/* Factorises the symmetric indefinite a (n x n) in place (Bunch-Kaufman); pivots: n. WG_OK, or 1
 * when it is singular. */
int wg_la_factor_symmetric(int64_t n, double *a, int32_t *pivots);
/* Solves a x = b in place for one right-hand side, a and pivots as the call above leaves them. */
int wg_la_solve_factored(int64_t n, const double *a, const int32_t *pivots, double *b);
/* <a, b> = sum a_i b_i over count numbers. */
double wg_la_dot(int64_t count, const double *a, const double *b);

/* ---- twofold precision (twofold.c, base/twofold.h) ---- */
/* A matrix or vector of such numbers, in two arrays; low may be NULL: zero. */
typedef struct wg_twofold_matrix {
  double *high, *low;
} wg_twofold_matrix;
static inline wg_twofold wg_twofold_at(wg_twofold_matrix a, int64_t i) {
  return (wg_twofold){a.high[i], a.low ? a.low[i] : 0.0};
}
static inline void wg_twofold_put(wg_twofold_matrix a, int64_t i, wg_twofold value) {
  a.high[i] = value.high;
  a.low[i] = value.low;
}
/* c (r x s) = op(a) b, inner dimension k, all stored without gaps; symmetric: c is known to be so
 * (r = s), half of it is computed. Entrywise off by at most wg_twofold_units(k) |op(a)| |b|, and
 * 4 k 2^-1074 where products underflow. */
void wg_la_twofold_product(bool ta, bool symmetric, int64_t r, int64_t s, int64_t k,
                           wg_twofold_matrix a, wg_twofold_matrix b, wg_twofold_matrix c);
static inline double wg_twofold_units(int64_t k) {
  return 2.0 * (double)(k + 4) * (double)(k + 4) * WG_UNIT * WG_UNIT;
}

#endif
