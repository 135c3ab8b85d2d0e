/* Explicit steps of fixed length: Euler, with a cap on the displacement, and the classical method
 * of order four.
 *
 * The energy that the flow loses is integrated with the weights of the method, so that for a
 * resolved run the identity fails by the method's own order; for Euler, whose own weights are the
 * left rectangle, the De Giorgi form (log.c) is second order. A cap shortens the step of the flow
 * and not the clock: effective_time says how far the flow really went. Cost: 1 and 4 forces. */
#include "flow/run.h"

/* out = y + h sum_s weights[s] slope[s]. */
void wg_flow_combine(const wg_flow *flow, double h, int count, const double *weights, double *out) {
  const int64_t size = flow->n * flow->d * flow->parts;
  for (int64_t i = 0; i < size; i++) {
    double sum = 0.0;
    for (int s = 0; s < count; s++) sum += weights[s] * flow->stage[s][i];
    out[i] = flow->now.y[i] + h * sum;
  }
}

void wg_flow_keep(const wg_flow *flow, int s, const double *slope) {
  const int64_t size = flow->n * flow->d * flow->parts;
  for (int64_t i = 0; i < size; i++) flow->stage[s][i] = slope[i];
}

int wg_flow_euler(wg_flow *flow, wg_flow_step *step) {
  const wg_flow_rate *rate = &flow->now.rate;
  const double one = 1.0, cap = flow->settings.cap;
  double h = step->length;
  step->clipped = cap > 0.0 && h * rate->speed > cap;
  if (step->clipped) h = cap / rate->speed;
  wg_flow_keep(flow, 0, flow->now.dy);
  wg_flow_combine(flow, h, 1, &one, flow->next.y);
  WG_TRY(wg_flow_look(flow, &flow->next, false));
  step->lost = h * rate->product;
  step->effective = h;
  step->curve_speed = rate->speed;
  step->taken = true;
  return WG_OK;
}

int wg_flow_rk4(wg_flow *flow, wg_flow_step *step) {
  static const double node[4] = {0.0, 0.5, 0.5, 1.0}, weight[4] = {1.0, 2.0, 2.0, 1.0};
  const double sixth[4] = {1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0};
  const double h = step->length;
  double sum = flow->now.rate.product;
  wg_flow_keep(flow, 0, flow->now.dy);
  for (int s = 1; s < 4; s++) {
    double weights[4] = {0.0};
    weights[s - 1] = node[s];
    wg_flow_combine(flow, h, s, weights, flow->next.y);
    WG_TRY(wg_flow_look(flow, &flow->next, false));
    wg_flow_keep(flow, s, flow->next.dy);
    sum += weight[s] * flow->next.rate.product;
  }
  wg_flow_combine(flow, h, 4, sixth, flow->next.y);
  WG_TRY(wg_flow_look(flow, &flow->next, false));
  step->lost = h / 6.0 * sum;
  step->effective = h;
  step->taken = true;
  return WG_OK;
}
