/* Weighted sums of energies, and energies of the caller (theory 6).
 *
 * F = sum_k w_k F_k has the force sum_k w_k g_k. The infimum of the sum is at least the sum of the
 * infima of parts with positive weight; a negative weight leaves none. Cost: that of the parts;
 * memory: n d numbers for the force of one part. */
#include <string.h>

#include "flow/flow.h"

typedef struct sum_energy {
  wg_energy_owner owner;
  int64_t count;
  wg_energy **parts;
  double *weights;
  double *room; /* the force of a part */
  int64_t size;
} sum_energy;

static void add_part(double weight, int64_t count, const double *part, double *force) {
  for (int64_t k = 0; k < count; k++) force[k] += weight * part[k];
}

static int evaluate_sum(void *self, int64_t n, int64_t d, const double *x, const double *a,
                        double *value, double *force) {
  sum_energy *sum = self;
  wg_sum total = {0};
  double part = 0.0;
  if (force) {
    WG_TRY(wg_energy_scratch(&sum->owner.mem, n * d, &sum->room, &sum->size));
    memset(force, 0, (size_t)(n * d) * sizeof *force);
  }
  for (int64_t k = 0; k < sum->count; k++) {
    wg_energy *e = sum->parts[k];
    WG_TRY(e->evaluate(e->self, n, d, x, a, value ? &part : NULL, force ? sum->room : NULL));
    if (force) add_part(sum->weights[k], n * d, sum->room, force);
    wg_sum_add(&total, sum->weights[k] * part);
  }
  if (value) *value = wg_sum_value(total);
  return WG_OK;
}

/* Parts with data draw each their own; at least one has. */
static int draw_sum(void *self, int64_t size, uint64_t seed) {
  const sum_energy *sum = self;
  wg_rng rng = {seed};
  for (int64_t k = 0; k < sum->count; k++) {
    wg_energy *e = sum->parts[k];
    if (e->draw) WG_TRY(e->draw(e->self, size, wg_rng_bits(&rng)));
  }
  return WG_OK;
}

static void release_sum(void *self) {
  sum_energy *sum = self;
  for (int64_t k = 0; k < sum->count; k++)
    if (sum->parts[k]->release) sum->parts[k]->release(sum->parts[k]->self);
  wg_energy_release(self);
}

static double infimum_of(int64_t count, wg_energy *const *parts, const double *weights) {
  double infimum = 0.0;
  for (int64_t k = 0; k < count; k++)
    infimum += weights[k] >= 0.0 ? weights[k] * parts[k]->infimum : NAN;
  return infimum;
}

/* The dimension that the parts agree on (api/ has checked that they do). */
static int64_t dimension_of(int64_t count, wg_energy *const *parts) {
  int64_t d = 0;
  for (int64_t k = 0; k < count; k++) d = WG_MAX(d, parts[k]->d);
  return d;
}

wg_energy *wg_energy_make_sum(int64_t count, wg_energy *const *parts, const double *weights) {
  sum_energy *sum = wg_energy_new(sizeof *sum, "sum", dimension_of(count, parts),
                                  infimum_of(count, parts, weights), evaluate_sum);
  if (!sum) return NULL;
  sum->parts = WG_NEW(&sum->owner.mem, wg_energy *, count);
  sum->weights = wg_energy_copy(&sum->owner, count, weights);
  if (!sum->parts || !sum->weights) return wg_energy_abandon(&sum->owner);
  for (int64_t k = 0; k < count; k++) sum->parts[k] = parts[k];
  sum->count = count;
  for (int64_t k = 0; k < count; k++)
    if (parts[k]->draw) sum->owner.energy.draw = draw_sum;
  sum->owner.energy.release = release_sum;
  return &sum->owner.energy;
}

/* ---- of the caller ---- */

typedef struct callback_energy {
  wg_energy_owner owner;
  wg_energy_fn evaluate;
  void *data;
} callback_energy;

static int evaluate_callback(void *self, int64_t n, int64_t d, const double *x, const double *a,
                             double *value, double *force) {
  const callback_energy *c = self;
  const int answer = c->evaluate(c->data, n, d, x, a, value, force);
  if (answer != 0)
    return wg_fail(WG_ERR_INPUT, "the energy of the caller failed: it returned %d", answer);
  for (int64_t k = 0; force && k < n * d; k++)
    if (!isfinite(force[k]))
      return wg_fail(WG_ERR_INPUT, "the energy of the caller gave force[%lld, %lld] = %g",
                     (long long)(k / d), (long long)(k % d), force[k]);
  if (value && !isfinite(*value))
    return wg_fail(WG_ERR_INPUT, "the energy of the caller gave the value %g", *value);
  return WG_OK;
}

wg_energy *wg_energy_make_callback(int64_t d, double infimum, wg_energy_fn evaluate, void *data) {
  callback_energy *c = wg_energy_new(sizeof *c, "callback", d, infimum, evaluate_callback);
  if (!c) return NULL;
  c->evaluate = evaluate;
  c->data = data;
  return &c->owner.energy;
}
