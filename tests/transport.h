/* What the tests of src/ot share: random problems, the dense twin's value, and solutions checked
 * from the data alone. */
#ifndef WG_TEST_TRANSPORT_H
#define WG_TEST_TRANSPORT_H

#include "dense_transport.h"
#include "ot/engine.h"
#include "support.h"

typedef struct problem {
  int64_t n, m, r;
  double *z, *w;
  int64_t *supply, *demand;
} problem;

static inline int64_t *masses(int64_t count) {
  int64_t *values = calloc((size_t)count, sizeof *values);
  assert_non_null(values);
  return values;
}

static inline problem make_problem(int64_t n, int64_t m, int64_t r) {
  return (problem){n, m, r, test_numbers(n * r), test_numbers(m * r), masses(n), masses(m)};
}

static inline void free_problem(problem *p) {
  free(p->z);
  free(p->w);
  free(p->supply);
  free(p->demand);
}

static inline void gaussian_points(wg_rng *rng, problem *p) {
  for (int64_t i = 0; i < p->n * p->r; i++) p->z[i] = wg_rng_normal(rng);
  for (int64_t i = 0; i < p->m * p->r; i++) p->w[i] = 1.3 * wg_rng_normal(rng) + 0.5;
}

static inline void grid_points(wg_rng *rng, problem *p) {
  for (int64_t i = 0; i < p->n * p->r; i++) p->z[i] = floor(3 * wg_rng_uniform(rng));
  for (int64_t i = 0; i < p->m * p->r; i++) p->w[i] = floor(3 * wg_rng_uniform(rng));
}

/* Masses spread over `decades` powers of ten with equal sums. */
static inline void spread_masses(wg_rng *rng, problem *p, double decades) {
  int64_t supply = 0, demand = 0;
  for (int64_t i = 0; i < p->n; i++)
    supply += p->supply[i] = 1 + (int64_t)(1e15 * pow(10, -decades * wg_rng_uniform(rng)));
  for (int64_t j = 0; j < p->m; j++)
    demand += p->demand[j] = 1 + (int64_t)(1e15 * pow(10, -decades * wg_rng_uniform(rng)));
  if (supply < demand)
    p->supply[0] += demand - supply;
  else
    p->demand[0] += supply - demand;
}

static inline void equal_masses(problem *p) {
  for (int64_t i = 0; i < p->n; i++) p->supply[i] = p->m;
  for (int64_t j = 0; j < p->m; j++) p->demand[j] = p->n;
}

static inline double pair(const problem *p, int64_t i, int64_t j) {
  double sum = 0.0;
  for (int64_t k = 0; k < p->r; k++)
    sum += (p->z[i * p->r + k] - p->w[j * p->r + k]) * (p->z[i * p->r + k] - p->w[j * p->r + k]);
  return sum;
}

static inline double dense_value(const problem *p) {
  double *cost = test_numbers(p->n * p->m);
  int64_t *flow = masses(p->n * p->m);
  for (int64_t i = 0; i < p->n; i++)
    for (int64_t j = 0; j < p->m; j++) cost[i * p->m + j] = pair(p, i, j);
  double value = dense_transport(p->n, p->m, cost, p->supply, p->demand, flow);
  free(cost);
  free(flow);
  return value;
}

/* Every arc that points down carries mass: what keeps the simplex from cycling on ties. */
static inline void check_strong_feasibility(const wg_ot *ot) {
  for (int64_t i = 0; i < ot->tree.count && !ot->is_line; i++) {
    const wg_tree_node *node = &ot->tree.nodes[i];
    if (node->label >= ot->tree.n && i != ot->tree.root) assert_true(node->flow > 0);
  }
}

/* Marginals to the last unit, duals feasible, no gap; returns the cost. */
static inline double check_solution(const problem *p, const wg_ot *ot) {
  int32_t *row = calloc((size_t)(p->n + p->m), sizeof *row);
  int32_t *col = calloc((size_t)(p->n + p->m), sizeof *col);
  int64_t *flow = masses(p->n + p->m), *rows = masses(p->n), *cols = masses(p->m);
  const double *u = wg_ot_row_duals(ot), *v = wg_ot_col_duals(ot);
  double value = 0.0, dual = 0.0, size = 0.0;
  const int64_t count = wg_ot_coupling(ot, row, col, flow);
  check_strong_feasibility(ot);
  for (int64_t e = 0; e < count; e++) {
    assert_true(flow[e] > 0);
    rows[row[e]] += flow[e];
    cols[col[e]] += flow[e];
    value += (double)flow[e] * pair(p, row[e], col[e]);
  }
  assert_memory_equal(rows, p->supply, (size_t)p->n * sizeof *rows);
  assert_memory_equal(cols, p->demand, (size_t)p->m * sizeof *cols);
  for (int64_t i = 0; i < p->n; i++) {
    dual += (double)p->supply[i] * u[i];
    size = WG_MAX(size, fabs(u[i]));
  }
  for (int64_t j = 0; j < p->m; j++) {
    dual += (double)p->demand[j] * v[j];
    size = WG_MAX(size, fabs(v[j]));
  }
  for (int64_t i = 0; i < p->n; i++)
    for (int64_t j = 0; j < p->m; j++) assert_true(u[i] + v[j] <= pair(p, i, j) + 1e-13 * size);
  double total = 0.0;
  for (int64_t i = 0; i < p->n; i++) total += (double)p->supply[i];
  assert_near(dual / total, value / total, 1e-12 * size + 1e-300);
  free(row);
  free(col);
  free(flow);
  free(rows);
  free(cols);
  return value;
}

/* A fresh engine, solved within time_limit seconds. */
static inline wg_ot *solve_cold(wg_context *context, const problem *p, double time_limit) {
  wg_ot *ot;
  wg_watch_start(&context->watch, time_limit, NULL, NULL);
  assert_int_equal(wg_ot_create(context, p->n, p->m, p->supply, p->demand, &ot), WG_OK);
  assert_int_equal(wg_ot_set_cost(ot, p->r, p->z, p->w), WG_OK);
  assert_int_equal(wg_ot_solve(ot), WG_OK);
  return ot;
}

#endif
