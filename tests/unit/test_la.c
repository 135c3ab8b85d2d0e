/* Singular values and eigenvalues of matrices on which divide and conquer has little to divide:
 * clusters, lost rank, many scales. */
#include "linalg/la.h"
#include "support.h"

enum { MOST = 120 };
static const double tolerance = 1e-13; /* times the size, relative to the largest singular value */

/* Spectra: all equal, two clusters, half of them zero, from 1 down to 1e-12. */
static double spectrum_of(int kind, int64_t k, int64_t d) {
  switch (kind) {
    case 0: return 1.0;
    case 1: return k < d / 2 ? 1.0 : 1e-6;
    case 2: return k < d / 2 ? 1.0 / (double)(1 + k) : 0.0;
    default: return pow(10.0, -12.0 * (double)k / (double)d);
  }
}

/* An orthogonal matrix: reflections of random vectors. */
static void random_rotation(wg_rng *rng, int64_t d, double *q) {
  double v[MOST];
  for (int64_t i = 0; i < d * d; i++) q[i] = i % (d + 1) == 0 ? 1.0 : 0.0;
  for (int round = 0; round < 3; round++) {
    for (int64_t i = 0; i < d; i++) v[i] = wg_rng_normal(rng);
    const double norm2 = wg_la_dot(d, v, v);
    for (int64_t row = 0; row < d; row++) {
      const double along = 2.0 * wg_la_dot(d, q + row * d, v) / norm2;
      for (int64_t i = 0; i < d; i++) q[row * d + i] -= along * v[i];
    }
  }
}

static void make(wg_rng *rng, int64_t d, int kind, double *left, double *right, double *a) {
  random_rotation(rng, d, left);
  random_rotation(rng, d, right);
  for (int64_t i = 0; i < d; i++)
    for (int64_t k = 0; k < d; k++) left[i * d + k] *= spectrum_of(kind, k, d);
  wg_la_gemm(false, false, d, d, d, 1.0, left, d, right, d, 0.0, a, d);
}

static double distance(int64_t count, const double *a, const double *b) {
  double most = 0.0;
  for (int64_t i = 0; i < count; i++) most = fmax(most, fabs(a[i] - b[i]));
  return most;
}

static void singular_values_of_clusters(void **state) {
  (void)state;
  const int64_t sizes[] = {1, 2, 25, 26, 60, MOST};
  wg_rng rng = {8};
  double *a = test_numbers(MOST * MOST), *copy = test_numbers(MOST * MOST);
  double *u = test_numbers(MOST * MOST), *vt = test_numbers(MOST * MOST);
  double *back = test_numbers(MOST * MOST), s[MOST];
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
    for (int kind = 0; kind < 4; kind++) {
      const int64_t d = sizes[k];
      const double allowed = tolerance * (double)d;
      make(&rng, d, kind, u, vt, a);
      memcpy(copy, a, (size_t)(d * d) * sizeof *a);
      assert_int_equal(wg_la_svd(d, a, u, s, vt), WG_OK);
      for (int64_t i = 0; i < d; i++) assert_near(s[i], spectrum_of(kind, i, d), allowed);
      wg_la_gemm(true, false, d, d, d, 1.0, u, d, u, d, 0.0, back, d);
      for (int64_t i = 0; i < d; i++) back[i * d + i] -= 1.0;
      for (int64_t i = 0; i < d * d; i++) assert_near(back[i], 0.0, allowed);
      for (int64_t i = 0; i < d * d; i++) u[i] *= s[i % d];
      wg_la_gemm(false, false, d, d, d, 1.0, u, d, vt, d, 0.0, back, d);
      assert_near(distance(d * d, back, copy), 0.0, allowed);
    }
  free(a);
  free(copy);
  free(u);
  free(vt);
  free(back);
}

static void eigenvalues_with_and_without_vectors(void **state) {
  (void)state;
  wg_rng rng = {9};
  double *a = test_numbers(MOST * MOST), *s = test_numbers(MOST * MOST);
  double *q = test_numbers(MOST * MOST), with[MOST], without[MOST];
  for (int64_t d = 1; d <= MOST; d = 2 * d + 1)
    for (int kind = 0; kind < 4; kind++) {
      make(&rng, d, kind, s, q, a);
      wg_la_gemm(true, false, d, d, d, 1.0, a, d, a, d, 0.0, s, d);
      assert_int_equal(wg_la_eigh(d, s, with, q), WG_OK);
      assert_int_equal(wg_la_eigenvalues(d, s, without), WG_OK);
      assert_near(distance(d, with, without), 0.0, tolerance * (double)d);
      for (int64_t i = 1; i < d; i++) assert_true(without[i] <= without[i - 1]);
      for (int64_t i = 0; i < d; i++)
        assert_near(without[i], pow(spectrum_of(kind, i, d), 2.0), tolerance * (double)d);
    }
  free(a);
  free(s);
  free(q);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(singular_values_of_clusters),
                                     cmocka_unit_test(eigenvalues_with_and_without_vectors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
