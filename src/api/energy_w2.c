/* W2 to a target cloud as an energy: the certified solver inside a flow (theory 6).
 *
 * value is the upper bound of W2 that the solve proved, force_i = (dW2/dx_i) / a_i, the gradient at
 * the coupling and Q found (docs/theory/optimum.md). A solver is kept as long as particles keep
 * their number and weights: moving its points begins from the last couplings and bases, which a
 * small step of a flow leaves nearly optimal. Cost of a warm solve, a few exact transports. */
#include <string.h>

#include "api/api.h"
#include "flow/flow.h"

typedef struct w2_energy {
  wg_energy_owner owner;
  char *gauge;
  int64_t m;
  double *y, *b;
  wg_settings settings;
  wg_solver *solver; /* NULL: none yet                          */
  int64_t n;         /* particles of the solver                 */
  double *a;         /* their weights                           */
  int64_t room;      /* numbers that a has room for             */
} w2_energy;

static void forget_solver(w2_energy *e) {
  wg_free(e->solver);
  e->solver = NULL;
}

static int new_solver(w2_energy *e, int64_t n, int64_t d, const double *x, const double *a) {
  forget_solver(e);
  WG_TRY(wg_energy_scratch(&e->owner.mem, n, &e->a, &e->room));
  memcpy(e->a, a, (size_t)n * sizeof *a);
  e->n = n;
  return wg_setup(&e->solver, n, e->m, d, x, a, e->y, e->b, e->gauge, &e->settings);
}

static int place_particles(w2_energy *e, int64_t n, int64_t d, const double *x, const double *a) {
  const bool same = e->solver && e->n == n && memcmp(e->a, a, (size_t)n * sizeof *a) == 0;
  return same ? wg_set_points(e->solver, x, e->y) : new_solver(e, n, d, x, a);
}

static int evaluate_w2(void *self, int64_t n, int64_t d, const double *x, const double *a,
                       double *value, double *force) {
  w2_energy *e = self;
  wg_info info = {.struct_size = sizeof info};
  int status = place_particles(e, n, d, x, a);
  if (status == WG_OK) status = wg_solve(e->solver, &info);
  if (status >= 0 && value) *value = info.upper;
  if (status >= 0 && force) status = wg_get_gradients(e->solver, force, NULL, NULL, NULL, NULL);
  if (status < 0) {
    forget_solver(e);
    return status;
  }
  for (int64_t k = 0; force && k < n * d; k++) force[k] /= a[k / d];
  return WG_OK;
}

static void release_w2(void *self) {
  forget_solver(self);
  wg_energy_release(self);
}

static w2_energy *make_w2(const char *gauge, int64_t m, int64_t d, const double *y, const double *b,
                          const wg_settings *settings) {
  w2_energy *e = wg_energy_new(sizeof *e, "w2", d, 0.0, evaluate_w2);
  if (!e) return NULL;
  e->owner.energy.release = release_w2;
  e->settings = *settings;
  e->m = m;
  e->y = wg_energy_copy(&e->owner, m * d, y);
  e->gauge = WG_NEW(&e->owner.mem, char, strlen(gauge) + 1);
  if (b) e->b = wg_energy_copy(&e->owner, m, b);
  if (!e->y || !e->gauge || (b && !e->b)) {
    wg_energy_release(e);
    return NULL;
  }
  memcpy(e->gauge, gauge, strlen(gauge) + 1);
  return e;
}

static int check_gauge(const char *gauge, int64_t d) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = WG_NEW(&mem, wg_gauge_spec, 1);
  int status = spec ? wg_gauge_parse(gauge, spec) : wg_no_memory();
  if (status == WG_OK) status = wg_gauge_bind(spec, d);
  if (status == WG_OK && !wg_gauge_is_convex(spec))
    status =
        wg_fail(WG_ERR_INPUT, "the gauge %.200s has p < 1: W2 has no gradient; use p >= 1", gauge);
  wg_mem_clear(&mem);
  return status;
}

int wg_energy_w2(wg_energy **energy, const char *gauge, int64_t m, int64_t d, const double *y,
                 const double *b, const wg_settings *settings) {
  wg_settings defaults;
  wg_clear_error();
  if (!energy) return wg_fail(WG_ERR_ARGUMENT, "energy must not be NULL");
  *energy = NULL;
  wg_settings_init(&defaults);
  if (!settings) settings = &defaults;
  if (!gauge || !y) return wg_fail(WG_ERR_ARGUMENT, "gauge and y must be given");
  WG_TRY(wg_check_settings(settings));
  WG_TRY(wg_measure_check("y", "b", m, d, y, b));
  WG_TRY(check_gauge(gauge, d));
  w2_energy *e = make_w2(gauge, m, d, y, b, settings);
  if (!e) return wg_no_memory();
  *energy = &e->owner.energy;
  return WG_OK;
}
