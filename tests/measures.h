/* What the tests of the sphere share: random measures, and solves whose answer is always checked
 * against what it claims to be: a semi-coupling, and potentials of its Q. */
#ifndef WG_TEST_MEASURES_H
#define WG_TEST_MEASURES_H

#include "support.h"

typedef struct test_measure {
  int64_t n, d;
  double *w, *mass;
} test_measure;

static inline test_measure test_atoms(wg_rng *rng, int64_t n, int64_t d, double total) {
  test_measure m = {n, d, test_numbers(n * d), test_weights(rng, n)};
  for (int64_t i = 0; i < n; i++) {
    double length = 0.0;
    for (int64_t k = 0; k < d; k++) {
      m.w[i * d + k] = wg_rng_normal(rng) + (k == 0 ? 0.7 : 0.0);
      length += m.w[i * d + k] * m.w[i * d + k];
    }
    for (int64_t k = 0; k < d; k++) m.w[i * d + k] /= sqrt(length);
    m.mass[i] *= total;
  }
  return m;
}

static inline void test_free_measure(test_measure *m) {
  free(m->w);
  free(m->mass);
}

static inline double test_weigh(int64_t d, const double *q, const double *w, const double *other) {
  double sum = 0.0;
  for (int64_t r = 0; r < d; r++)
    for (int64_t s = 0; s < d; s++) sum += w[r] * q[r * d + s] * other[s];
  return sum;
}

/* The semi-coupling keeps to the masses, and the potentials are feasible for Q. */
static inline void test_check_semicoupling(const test_measure *a, const test_measure *b,
                                           const wg_semicoupling *p) {
  double *rows = test_numbers(a->n), *columns = test_numbers(b->n);
  for (int64_t e = 0; e < p->count; e++) {
    rows[p->row[e]] += p->g0[e];
    columns[p->col[e]] += p->g1[e];
    assert_true(p->c[e] >= 0.0 && p->c[e] <= sqrt(p->g0[e] * p->g1[e]) * (1.0 + 1e-12));
  }
  for (int64_t i = 0; i < a->n; i++) assert_true(rows[i] <= a->mass[i] * (1.0 + 1e-12));
  for (int64_t j = 0; j < b->n; j++) assert_true(columns[j] <= b->mass[j] * (1.0 + 1e-12));
  for (int64_t i = 0; i < a->n; i++)
    for (int64_t j = 0; j < b->n; j++) {
      const double k = test_weigh(a->d, p->q, a->w + i * a->d, b->w + j * a->d);
      const double sure = fmax(k - 1e-14, 0.0) * (1.0 - 1e-10); /* k is rounded */
      assert_true(p->u[i] * p->v[j] >= sure * sure);
    }
  free(rows);
  free(columns);
}

static inline wg_sphere_info test_sphere(const test_measure *a, const test_measure *b,
                                         const char *gauge, double tol) {
  wg_settings settings;
  wg_sphere_info info;
  wg_sphere_solution *solution;
  wg_semicoupling plan;
  wg_settings_init(&settings);
  settings.tol = tol;
  settings.threads = 1;
  const int outcome = wg_sphere(a->n, b->n, a->d, a->w, a->mass, b->w, b->mass, gauge, 0, &settings,
                                &info, &solution);
  if (outcome < 0) fail_msg("%s: %s", gauge, wg_error_detail());
  if (outcome != WG_CERTIFIED)
    fail_msg("%s: %s: [%.15g, %.15g] after %lld calls", gauge, wg_outcome_text(outcome), info.lower,
             info.upper, (long long)info.calls);
  assert_true(0.0 <= info.lower && info.lower <= info.uw2 && info.uw2 <= info.upper);
  assert_int_equal(wg_sphere_get(solution, &plan), WG_OK);
  test_check_semicoupling(a, b, &plan);
  wg_sphere_free(solution);
  return info;
}

#endif
