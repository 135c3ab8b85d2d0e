/* Gradients of W2 in points and weights by the envelope theorem (docs/theory/optimum.md, 3).
 *
 * W2 = min over P, max over Q of <Q, Sigma_P>: where both are unique the derivative in the points
 * is that of <Q, Sigma_P> with P and Q held. In the weights W2 is the largest of linear functions,
 * sum a f + sum b g over feasible (Q, f, g), so the potentials are its gradient; they are centred
 * on each side, which makes them the gradient of W2 at a / sum a and b / sum b, in every direction.
 *
 * Equal points: any way of dealing their mass out is optimal, and each gives a generalised
 * gradient; the one that treats them alike, in proportion to their weights, is returned. A point
 * without weight has derivative zero; where mass arrives at it, W2 grows at the rate of its
 * c-transform. Cost O(entries d + (n + m) d^2), and O(m d^2) for each point of x without weight
 * (likewise y).
 */
#include <string.h>

#include "api/optimum.h"

/* ---- points ---- */

/* steps: sum over entries of mass (y - x), by row and, negated, by column of the points as given.
 */
static void add_steps(const wg_solver *s, double *x_steps, double *y_steps) {
  const int64_t d = s->d;
  for (int64_t e = 0; e < s->plan.count; e++) {
    const double *x = s->x + s->row[e] * d, *y = s->y + s->col[e] * d;
    for (int64_t k = 0; k < d; k++) {
      const double step = s->mass[e] * (y[k] - x[k]) / s->total;
      x_steps[s->row[e] * d + k] -= step;
      y_steps[s->col[e] * d + k] += step;
    }
  }
}

/* Deals the sum over equal points out in proportion to their weights. */
static void share_steps(const wg_cloud *cloud, const double *weights, double *sum, double *steps) {
  const int64_t d = cloud->d;
  for (int64_t group = 0; group < cloud->n; group++) {
    const int64_t begin = cloud->first[group], end = cloud->first[group + 1];
    if (end - begin < 2) continue;
    double mass = 0.0;
    memset(sum, 0, (size_t)d * sizeof *sum);
    for (int64_t at = begin; at < end; at++) {
      mass += weights[cloud->members[at]];
      for (int64_t k = 0; k < d; k++) sum[k] += steps[cloud->members[at] * d + k];
    }
    for (int64_t at = begin; at < end; at++)
      for (int64_t k = 0; k < d; k++)
        steps[cloud->members[at] * d + k] = sum[k] * (weights[cloud->members[at]] / mass);
  }
}

static int point_gradients(const wg_solver *s, wg_mem *mem, double *grad_x, double *grad_y) {
  const int64_t d = s->d;
  double *x_steps = WG_NEW(mem, double, s->n *d), *y_steps = WG_NEW(mem, double, s->m *d);
  double *sum = WG_NEW(mem, double, d);
  if (!x_steps || !y_steps || !sum) return wg_no_memory();
  add_steps(s, x_steps, y_steps);
  share_steps(&s->cx, s->a, sum, x_steps);
  share_steps(&s->cy, s->b, sum, y_steps);
  if (grad_x) wg_la_gemm(false, false, s->n, d, d, 2.0, x_steps, d, s->q, d, 0.0, grad_x, d);
  if (grad_y) wg_la_gemm(false, false, s->m, d, d, 2.0, y_steps, d, s->q, d, 0.0, grad_y, d);
  return WG_OK;
}

/* ---- weights ---- */

/* The least cost - potential over the points with weight of the other side. */
static double c_transform(const wg_solver *s, bool of_column, int64_t index) {
  const int64_t count = of_column ? s->n : s->m;
  const double *weights = of_column ? s->a : s->b, *other = of_column ? s->f : s->g;
  double least = INFINITY;
  for (int64_t k = 0; k < count; k++) {
    if (weights[k] == 0.0) continue;
    const double cost = of_column ? wg_given_cost(s, k, index) : wg_given_cost(s, index, k);
    least = WG_MIN(least, cost - other[k]);
  }
  return least;
}

static void weight_gradient(const wg_solver *s, bool of_columns, double *gradient) {
  const int64_t count = of_columns ? s->m : s->n;
  const double *weights = of_columns ? s->b : s->a, *potential = of_columns ? s->g : s->f;
  wg_sum mean = {0}, mass = {0};
  for (int64_t k = 0; k < count; k++) {
    gradient[k] = weights[k] > 0.0 ? potential[k] : c_transform(s, of_columns, k);
    wg_sum_add(&mean, weights[k] * gradient[k]);
    wg_sum_add(&mass, weights[k]);
  }
  for (int64_t k = 0; k < count; k++) gradient[k] -= wg_sum_value(mean) / wg_sum_value(mass);
}

int wg_get_gradients(const wg_solver *s, double *grad_x, double *grad_y, double *grad_a,
                     double *grad_b, wg_uniqueness *uniqueness) {
  wg_clear_error();
  WG_TRY(wg_check_solved(s));
  if (!wg_gauge_is_convex(&s->spec))
    return wg_fail(
        WG_ERR_INPUT,
        "the gauge %s has p < 1: there is no dual optimum to differentiate at; use p >= 1",
        s->gauge_text);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  int status = uniqueness ? wg_get_uniqueness(s, uniqueness) : WG_OK;
  if (status == WG_OK && (grad_x || grad_y)) status = point_gradients(s, &mem, grad_x, grad_y);
  wg_mem_clear(&mem);
  if (status != WG_OK) return status;
  if (grad_a) weight_gradient(s, false, grad_a);
  if (grad_b) weight_gradient(s, true, grad_b);
  return WG_OK;
}
