/* Least squares by potentials: against normal equations written out, with weights of all sizes, and
 * the flows along its tree. */
#include "linalg/la.h"
#include "spectral/graph.h"
#include "support.h"

enum { N = 7, M = 5, MOST = N * M, K = 3 };

typedef struct bench {
  wg_context context;
  wg_mem mem;
  wg_graph *graph;
  int64_t count;
  int32_t row[MOST], col[MOST];
  double theta[MOST];
} bench;

/* A path through all nodes, so that they connect, and every other pair with some chance. */
static void make_bench(wg_rng *rng, double chance, double spread, bench *b) {
  *b = (bench){.context = {.threads = 1}};
  b->mem = wg_mem_of(&b->context.ledger);
  for (int32_t i = 0; i < N; i++)
    for (int32_t j = 0; j < M; j++) {
      const bool on_path = j == WG_MIN(i, M - 1) || j == WG_MIN(i, M - 2) + 1;
      if (!on_path && wg_rng_uniform(rng) > chance) continue;
      b->row[b->count] = i;
      b->col[b->count] = j;
      b->theta[b->count++] = exp(spread * wg_rng_normal(rng));
    }
  assert_int_equal(wg_graph_create(&b->mem, N, M, b->count, b->row, b->col, &b->graph), WG_OK);
  assert_int_equal(wg_graph_weigh(b->graph, b->theta), WG_OK);
}

static void free_bench(bench *b) {
  wg_mem_clear(&b->mem);
  assert_int_equal(b->context.ledger.now, 0);
}

/* What remains is orthogonal, in the weighted sense, to every node's indicator: the condition that
 * makes the fit the best one. Sums are compared with the sum of absolute terms, and with rounding.
 */
static void check_fit(const bench *b, const double *given, const double *rest, const double *nodes,
                      double tol) {
  for (int c = 0; c < K; c++) {
    double sum[N + M] = {0}, size[N + M] = {0};
    for (int64_t e = 0; e < b->count; e++) {
      const double fit = nodes[b->row[e] * K + c] + nodes[(N + b->col[e]) * K + c];
      const double value = rest[e * K + c];
      assert_near(given[e * K + c], fit + value, 1e-11 * (fabs(fit) + fabs(given[e * K + c])));
      const int ends[2] = {b->row[e], N + b->col[e]};
      for (int side = 0; side < 2; side++) {
        sum[ends[side]] += b->theta[e] * value;
        size[ends[side]] +=
            b->theta[e] * (fabs(value) + 1e-6 * (fabs(fit) + fabs(given[e * K + c])));
      }
    }
    for (int k = 0; k < N + M; k++)
      if (fabs(sum[k]) > tol * size[k]) fail_msg("node %d: %g of %g", k, sum[k], size[k]);
  }
}

static void fits_are_orthogonal_whatever_the_weights(void **state) {
  (void)state;
  wg_rng rng = {1};
  const double spreads[] = {0.0, 1.0, 5.0, 10.0};
  for (int trial = 0; trial < 80; trial++) {
    bench b;
    double values[MOST * K] = {0}, given[MOST * K] = {0}, nodes[(N + M) * K] = {0};
    make_bench(&rng, 0.2 + 0.2 * (trial % 4), spreads[trial / 20], &b);
    for (int64_t i = 0; i < b.count * K; i++) given[i] = values[i] = wg_rng_normal(&rng);
    assert_int_equal(wg_graph_fit(b.graph, K, values, nodes), WG_OK);
    check_fit(&b, given, values, nodes, 1e-9);
    free_bench(&b);
  }
}

/* Potentials are their own fit: nothing remains. */
static void potentials_leave_nothing(void **state) {
  (void)state;
  wg_rng rng = {2};
  for (int trial = 0; trial < 20; trial++) {
    bench b;
    double values[MOST], u[N + M], nodes[N + M];
    make_bench(&rng, 0.5, 8.0, &b);
    for (int k = 0; k < N + M; k++) u[k] = wg_rng_normal(&rng);
    for (int64_t e = 0; e < b.count; e++) values[e] = u[b.row[e]] + u[N + b.col[e]];
    assert_int_equal(wg_graph_fit(b.graph, 1, values, nodes), WG_OK);
    for (int64_t e = 0; e < b.count; e++) assert_near(values[e], 0.0, 1e-14);
    free_bench(&b);
  }
}

static void take_sums(const bench *b, const double *flow, double sign, double *rest) {
  for (int64_t e = 0; e < b->count; e++) {
    rest[b->row[e]] += sign * flow[e];
    rest[N + b->col[e]] += sign * flow[e];
  }
}

/* Sums asked for are met by the weighted solution and by flows along the tree. */
static void sums_are_met(void **state) {
  (void)state;
  wg_rng rng = {3};
  for (int trial = 0; trial < 20; trial++) {
    bench b;
    double flow[MOST], rest[N + M] = {0}, asked[N + M], met[N + M] = {0};
    make_bench(&rng, 0.4, 1.0, &b);
    for (int64_t e = 0; e < b.count; e++) flow[e] = wg_rng_normal(&rng);
    take_sums(&b, flow, 1.0, rest);
    memcpy(asked, rest, sizeof asked);
    wg_graph_solve(b.graph, rest);
    for (int64_t e = 0; e < b.count; e++)
      flow[e] = b.theta[e] * (rest[b.row[e]] + rest[N + b.col[e]]);
    take_sums(&b, flow, 1.0, met);
    for (int k = 0; k < N + M; k++) assert_near(met[k], asked[k], 1e-10);
    memcpy(rest, asked, sizeof rest);
    memset(flow, 0, sizeof flow);
    memset(met, 0, sizeof met);
    wg_graph_conserve(b.graph, rest, flow);
    take_sums(&b, flow, 1.0, met);
    for (int k = 0; k < N + M; k++) assert_near(met[k], asked[k], 1e-12);
    free_bench(&b);
  }
}

static void weights_that_are_none_are_told(void **state) {
  (void)state;
  wg_rng rng = {4};
  const double bad[] = {0.0, -1.0, NAN, INFINITY};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    bench b;
    make_bench(&rng, 0.5, 1.0, &b);
    b.theta[b.count / 2] = bad[k];
    assert_int_equal(wg_graph_weigh(b.graph, b.theta), 1);
    free_bench(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(fits_are_orthogonal_whatever_the_weights),
                                     cmocka_unit_test(potentials_leave_nothing),
                                     cmocka_unit_test(sums_are_met),
                                     cmocka_unit_test(weights_that_are_none_are_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
