/* The interior point on all arcs of small clouds, every gauge form: its bounds close and bracket
 * what the solver certifies, its coupling has the marginals asked for, its Q is in K. */
#include "linalg/la.h"
#include "spectral/interior.h"
#include "support.h"

enum { D = 4, MOST = 14 };

typedef struct bench {
  wg_context context;
  wg_mem mem;
  wg_gauge_spec spec;
  wg_interior_problem p;
  int32_t row[MOST * MOST], col[MOST * MOST];
  double a[MOST], b[MOST], rays[MOST * MOST * D], base[D * D];
  double mass[MOST * MOST], q[D * D], lower, upper;
} bench;

static void make_bench(const test_clouds *c, const char *gauge, double scale, double tol,
                       bench *b) {
  *b = (bench){.context = {.threads = 1}};
  b->mem = wg_mem_of(&b->context.ledger);
  wg_watch_start(&b->context.watch, INFINITY, NULL, NULL);
  assert_int_equal(wg_gauge_parse(gauge, &b->spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&b->spec, D), WG_OK);
  for (int64_t i = 0; i < c->n; i++) b->a[i] = c->a ? c->a[i] : 1.0 / (double)c->n;
  for (int64_t j = 0; j < c->m; j++) b->b[j] = c->b ? c->b[j] : 1.0 / (double)c->m;
  int64_t count = 0;
  for (int32_t i = 0; i < c->n; i++)
    for (int32_t j = 0; j < c->m; j++, count++) {
      b->row[count] = i;
      b->col[count] = j;
      for (int k = 0; k < D; k++) b->rays[count * D + k] = c->y[j * D + k] - c->x[i * D + k];
    }
  b->p = (wg_interior_problem){&b->spec, c->n,   c->m,    count,   b->a,  b->b,
                               b->row,   b->col, b->rays, b->base, scale, tol};
}

/* Moment and marginals from the masses alone. */
static void check_primal(bench *b) {
  double moment[D * D] = {0}, rows[MOST] = {0}, cols[MOST] = {0}, value;
  for (int64_t e = 0; e < b->p.count; e++) {
    assert_true(b->mass[e] >= 0.0);
    rows[b->row[e]] += b->mass[e];
    cols[b->col[e]] += b->mass[e];
    for (int k = 0; k < D * D; k++)
      moment[k] += b->mass[e] * b->rays[e * D + k / D] * b->rays[e * D + k % D];
  }
  for (int64_t i = 0; i < b->p.n; i++) assert_near(rows[i], b->a[i], 1e-13);
  for (int64_t j = 0; j < b->p.m; j++) assert_near(cols[j], b->b[j], 1e-13);
  assert_int_equal(wg_gauge_value(&b->spec, moment, &b->mem, &value), WG_OK);
  assert_near(value, b->upper, 1e-11 * value);
}

static void check(const test_clouds *c, const char *gauge, double tol) {
  wg_solver *solver = test_setup(c, gauge, 1e-7);
  const wg_info info = test_solve(solver);
  wg_free(solver);
  bench b;
  double dual;
  make_bench(c, gauge, info.upper, tol, &b);
  assert_int_equal(wg_interior_solve(&b.context, &b.p, b.mass, b.q, &b.lower, &b.upper), WG_OK);
  if (!(b.upper - b.lower <= 3.0 * tol * b.upper && b.lower <= b.upper * (1.0 + 1e-12)))
    fail_msg("%s, n = %d, m = %d: [%.14g, %.14g]", gauge, (int)c->n, (int)c->m, b.lower, b.upper);
  assert_true(b.lower <= info.upper * (1.0 + 1e-12) && b.upper >= info.lower * (1.0 - 1e-12));
  check_primal(&b);
  assert_int_equal(wg_gauge_dual(&b.spec, b.q, &b.mem, &dual), WG_OK);
  assert_true(dual <= 1.0 + 1e-12);
  wg_mem_clear(&b.mem);
  assert_int_equal(b.context.ledger.now, 0);
}

static void every_gauge_closes_its_gap(void **state) {
  (void)state;
  wg_rng rng = {7};
  const char *gauges[] = {"trace",
                          "frobenius",
                          "operator",
                          "schatten:1.2",
                          "schatten:10",
                          "kyfan:2",
                          "kyfan:3",
                          "sum:operator@2,operator@2",
                          "max:operator@2,operator@2",
                          "max:frobenius@2/0.5,kyfan:2@2/2",
                          "sum:schatten:3@3,kyfan:1@1",
                          "max:trace@1,operator@3"};
  for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++)
    for (int64_t n = 2; n <= MOST; n += 4) {
      test_clouds c = test_random_clouds(&rng, n, MOST + 1 - n / 2 - 1, D, n % 8 == 2);
      check(&c, gauges[g], 1e-9);
      test_free_clouds(&c);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_gauge_closes_its_gap)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
