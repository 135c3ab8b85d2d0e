/* Dense linear algebra over CBLAS and LAPACKE. Temporary storage comes from the caller's matrices
 * or from LAPACKE; every routine here is O(d^3) for d x d matrices. */
#include "linalg/la.h"

#include <cblas.h>
#include <lapacke.h>
#include <string.h>

void wg_la_gemm(bool ta, bool tb, int64_t r, int64_t s, int64_t k, double alpha, const double *a,
                int64_t lda, const double *b, int64_t ldb, double beta, double *c, int64_t ldc) {
  cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)r,
              (int)s, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

void wg_la_gemm_float(bool ta, bool tb, int64_t r, int64_t s, int64_t k, float alpha,
                      const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
                      float *c, int64_t ldc) {
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)r,
              (int)s, (int)k, alpha, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

void wg_la_syrk(int64_t rows, int64_t k, const double *a, double beta, double *s) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)k, (int)rows, 1.0, a, (int)k, beta, s,
              (int)k);
}

void wg_la_syrk_float(int64_t rows, int64_t k, const float *a, float beta, float *s) {
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)k, (int)rows, 1.0F, a, (int)k, beta, s,
              (int)k);
}

/* Reverses increasing eigenvalues (and their rows) to decreasing. */
static void reverse_order(int64_t d, double *values, double *vectors) {
  for (int64_t i = 0; i < d / 2; i++) {
    double value = values[i];
    values[i] = values[d - 1 - i];
    values[d - 1 - i] = value;
    for (int64_t j = 0; vectors && j < d; j++) {
      double entry = vectors[i * d + j];
      vectors[i * d + j] = vectors[(d - 1 - i) * d + j];
      vectors[(d - 1 - i) * d + j] = entry;
    }
  }
}

/* LAPACKE allocates its own workspace, which can fail too. */
static int lapack_status(lapack_int fault, const char *what, int64_t d) {
  if (fault == LAPACK_WORK_MEMORY_ERROR)
    return wg_fail(WG_ERR_MEMORY, "out of memory: workspace for %s of size %ld", what, (long)d);
  if (fault < 0) /* LAPACKE looks for NaN before it computes */
    return wg_fail(WG_ERR_INTERNAL,
                   "%s of size %ld was given numbers that are not finite: the data, or what was "
                   "formed from them, leave the range of double; scale them towards one",
                   what, (long)d);
  if (fault) return wg_fail(WG_ERR_INTERNAL, "%s of size %ld did not converge", what, (long)d);
  return WG_OK;
}

int wg_la_eigh(int64_t d, const double *s, double *values, double *vectors) {
  memcpy(vectors, s, (size_t)(d * d) * sizeof *vectors);
  /* Our rows are LAPACK's columns: its eigenvectors in columns are ours in rows. */
  lapack_int fault =
      LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)d, vectors, (lapack_int)d, values);
  WG_TRY(lapack_status(fault, "the eigenproblem", d));
  reverse_order(d, values, vectors);
  return WG_OK;
}

int wg_la_eigenvalues(int64_t d, double *s, double *values) {
  lapack_int fault =
      LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'N', 'U', (lapack_int)d, s, (lapack_int)d, values);
  WG_TRY(lapack_status(fault, "the eigenproblem", d));
  for (int64_t i = 0; i < d / 2; i++) {
    const double value = values[i];
    values[i] = values[d - 1 - i];
    values[d - 1 - i] = value;
  }
  return WG_OK;
}

void wg_la_gram_float(bool of_rows, int64_t rows, int64_t k, const float *a, int64_t lda,
                      float *s) {
  cblas_ssyrk(CblasRowMajor, CblasUpper, of_rows ? CblasNoTrans : CblasTrans, (int)k, (int)rows,
              1.0F, a, (int)lda, 0.0F, s, (int)k);
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < i; j++) s[i * k + j] = s[j * k + i];
}

int wg_la_eigh_float(int64_t d, float *s, float *values) {
  lapack_int fault =
      LAPACKE_ssyevd(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)d, s, (lapack_int)d, values);
  WG_TRY(lapack_status(fault, "the eigenproblem", d));
  for (int64_t i = 0; i < d / 2; i++) {
    float value = values[i];
    values[i] = values[d - 1 - i];
    values[d - 1 - i] = value;
    cblas_sswap((int)d, s + i * d, 1, s + (d - 1 - i) * d, 1);
  }
  return WG_OK;
}

double wg_la_condition_float(int64_t d, float *s) {
  double norm = 0.0;
  float reciprocal = 0.0F;
  for (int64_t i = 0; i < d; i++) norm = fmax(norm, (double)cblas_sasum((int)d, s + i * d, 1));
  if (LAPACKE_spotrf(LAPACK_COL_MAJOR, 'U', (lapack_int)d, s, (lapack_int)d)) return INFINITY;
  lapack_int fault = LAPACKE_spocon(LAPACK_COL_MAJOR, 'U', (lapack_int)d, s, (lapack_int)d,
                                    (float)norm, &reciprocal);
  return fault || !(reciprocal > 0.0F) ? INFINITY : 1.0 / (double)reciprocal;
}

int64_t wg_la_cholesky(int64_t d, double *a) {
  lapack_int fault = LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', (lapack_int)d, a, (lapack_int)d);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = i + 1; j < d; j++) a[i * d + j] = 0.0;
  return fault;
}

int wg_la_gram_factor(int64_t rows, int64_t k, double *a, double *l) {
  /* LAPACK sees a' (k x rows) = L Q; its lower triangle is our upper one, l'. tau goes into l. */
  lapack_int fault =
      LAPACKE_dgelqf(LAPACK_COL_MAJOR, (lapack_int)k, (lapack_int)rows, a, (lapack_int)k, l);
  WG_TRY(lapack_status(fault, "the orthogonal factorisation", k));
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < k; j++) l[i * k + j] = j <= i ? a[j * k + i] : 0.0;
  return WG_OK;
}

int wg_la_gram_factor_of_rows(int64_t k, int64_t length, double *a, double *room, double *l) {
  /* LAPACK sees a' = Q R; its upper triangle, R, is our lower one, l. Its panels are recursive. */
  const lapack_int panel = (lapack_int)(k < 32 ? k : 32);
  lapack_int fault = LAPACKE_dgeqrt(LAPACK_COL_MAJOR, (lapack_int)length, (lapack_int)k, panel, a,
                                    (lapack_int)length, room, panel);
  WG_TRY(lapack_status(fault, "the orthogonal factorisation", k));
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < k; j++) l[i * k + j] = j <= i ? a[i * length + j] : 0.0;
  return WG_OK;
}

void wg_la_cholesky_solve(int64_t d, const double *l, int64_t ldl, int64_t k, double *b) {
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)d, (int)k, 1.0,
              l, (int)ldl, b, (int)k);
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, (int)d, (int)k, 1.0,
              l, (int)ldl, b, (int)k);
}

void wg_la_lower_solve(int64_t d, const double *l, bool transposed, int64_t k, double *b) {
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, transposed ? CblasTrans : CblasNoTrans,
              CblasNonUnit, (int)d, (int)k, 1.0, l, (int)d, b, (int)k);
}

/* LAPACK sees a', whose left factor is v and right factor u: the transposes we want. Divide and
 * conquer is the faster method and, rarely, does not converge; QR steps then start again from a
 * copy. Up to 25 LAPACK takes them in any case. */
int wg_la_svd(int64_t d, double *a, double *u, double *s, double *vt) {
  enum { NEVER_DIVIDED = 25 };
  const lapack_int n = (lapack_int)d;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *copy = d > NEVER_DIVIDED ? WG_NEW(&mem, double, d *d) : NULL;
  if (d > NEVER_DIVIDED && !copy) return wg_no_memory();
  if (copy) memcpy(copy, a, (size_t)(d * d) * sizeof *copy);
  lapack_int fault = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'A', n, n, a, n, s, vt, n, u, n);
  if (fault > 0 && copy) {
    memcpy(a, copy, (size_t)(d * d) * sizeof *copy);
    fault = LAPACKE_dgesvd(LAPACK_COL_MAJOR, 'A', 'A', n, n, a, n, s, vt, n, u, n, copy);
  }
  wg_mem_clear(&mem);
  return lapack_status(fault, "the SVD", d);
}

int wg_la_factor_symmetric(int64_t n, double *a, int32_t *pivots) {
  lapack_int fault =
      LAPACKE_dsytrf(LAPACK_COL_MAJOR, 'U', (lapack_int)n, a, (lapack_int)n, (lapack_int *)pivots);
  if (fault == LAPACK_WORK_MEMORY_ERROR) return lapack_status(fault, "the symmetric system", n);
  return fault ? 1 : WG_OK; /* a NaN is reported as singular, too */
}

int wg_la_solve_factored(int64_t n, const double *a, const int32_t *pivots, double *b) {
  lapack_int fault = LAPACKE_dsytrs(LAPACK_COL_MAJOR, 'U', (lapack_int)n, 1, a, (lapack_int)n,
                                    (const lapack_int *)pivots, b, (lapack_int)n);
  if (fault == LAPACK_WORK_MEMORY_ERROR) return lapack_status(fault, "the symmetric system", n);
  return fault ? 1 : WG_OK;
}

double wg_la_dot(int64_t count, const double *a, const double *b) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}
