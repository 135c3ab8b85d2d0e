/* Flows of particles for the outside (theory 6): checks of arguments and settings, copies. What is
 * computed is in flow/. */
#include <limits.h>
#include <string.h>

#include "api/api.h"
#include "flow/flow.h"

void wg_flow_settings_init(wg_flow_settings *settings) {
  *settings = (wg_flow_settings){
      .struct_size = sizeof *settings, .tol = 1e-5, .inertia = 1.0, .time_limit = INFINITY};
}

/* ---- checks ---- */

static bool needs_step(int method) {
  return method == WG_FLOW_EULER || method == WG_FLOW_RK4 || method == WG_FLOW_CLIP ||
         method == WG_FLOW_JKO;
}

static int check_numbers(const wg_flow_settings *s) {
  if (!(s->step >= 0.0) || !isfinite(s->step))
    return wg_fail(WG_ERR_ARGUMENT, "settings.step = %g is not a finite number >= 0", s->step);
  if (!(s->tol > 0.0 && s->tol < 1.0))
    return wg_fail(WG_ERR_ARGUMENT, "settings.tol = %g is not in (0, 1)", s->tol);
  if (!(s->cutoff >= 0.0 && s->cutoff < 1.0))
    return wg_fail(WG_ERR_ARGUMENT, "settings.cutoff = %g is not in [0, 1)", s->cutoff);
  if (!(s->inertia > 0.0) || !isfinite(s->inertia))
    return wg_fail(WG_ERR_ARGUMENT, "settings.inertia = %g is not a finite number > 0", s->inertia);
  if (!(s->cap >= 0.0))
    return wg_fail(WG_ERR_ARGUMENT, "settings.cap = %g is not a number >= 0", s->cap);
  if (!(s->time_limit > 0.0))
    return wg_fail(WG_ERR_ARGUMENT, "settings.time_limit = %g is not above 0", s->time_limit);
  if (s->newton_steps < 0 || s->max_steps < 0 || s->memory_limit < 0 || s->threads < 0)
    return wg_fail(WG_ERR_ARGUMENT,
                   "settings.newton_steps, max_steps, memory_limit and threads must be >= 0");
  return WG_OK;
}

static int check_flow_settings(const wg_flow_settings *s) {
  if (s->struct_size != sizeof *s)
    return wg_fail(WG_ERR_ARGUMENT,
                   "flow_settings.struct_size is %zu, not %zu; call wg_flow_settings_init first",
                   s->struct_size, sizeof *s);
  if (s->method < WG_FLOW_AUTO || s->method > WG_FLOW_MOMENTUM)
    return wg_fail(WG_ERR_ARGUMENT, "settings.method = %d is none", s->method);
  WG_TRY(check_numbers(s));
  if (needs_step(s->method) && s->step == 0.0)
    return wg_fail(WG_ERR_ARGUMENT, "this method needs settings.step, the length of its steps");
  if (s->cap > 0.0 && s->method != WG_FLOW_EULER)
    return wg_fail(WG_ERR_ARGUMENT, "settings.cap is for the method euler only");
  if (s->reseed && !needs_step(s->method))
    return wg_fail(WG_ERR_ARGUMENT,
                   "minibatches (settings.reseed) need a method with a fixed step");
  return WG_OK;
}

static bool is_clipping(int method) { return method == WG_FLOW_CLIP || method == WG_FLOW_JKO; }

static int check_method(const wg_gauge_spec *spec, const wg_flow_settings *s) {
  if (is_clipping(s->method) && !wg_modes_has_prox(spec))
    return wg_fail(WG_ERR_ARGUMENT,
                   "clip and jko steps are known for max of trace and operator blocks only; take "
                   "the method auto");
  bool plain =
      spec->outer == WG_SINGLE && spec->blocks[0].kind == WG_SCHATTEN && isinf(spec->blocks[0].p);
  if (s->newton_steps > 0 && (!plain || is_clipping(s->method) || s->method == WG_FLOW_EVENTS))
    return wg_fail(WG_ERR_ARGUMENT,
                   "settings.newton_steps needs the gauge operator without blocks, and an "
                   "explicit method");
  return WG_OK;
}

static int check_shape(const wg_energy *energy, int64_t n, int64_t d, const double *x) {
  int64_t count;
  if (!energy || !x) return wg_fail(WG_ERR_ARGUMENT, "an energy and points x must be given");
  if (n < 1 || d < 1 || d > INT_MAX / 16 || __builtin_mul_overflow(n, d, &count) ||
      count > INT64_MAX / 1024)
    return wg_fail(WG_ERR_ARGUMENT, "x has shape (%lld, %lld); both must be at least 1",
                   (long long)n, (long long)d);
  if (energy->d && energy->d != d)
    return wg_fail(WG_ERR_INPUT, "x has %lld columns, the energy %s is of particles with %lld",
                   (long long)d, energy->name, (long long)energy->d);
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(x[i]))
      return wg_fail(WG_ERR_INPUT, "x[%lld, %lld] = %g is not finite", (long long)(i / d),
                     (long long)(i % d), x[i]);
  return WG_OK;
}

/* Weights divided by their sum, or 1/n. */
static int copy_weights(int64_t n, const double *given, double *a) {
  wg_sum sum = {0, 0};
  for (int64_t i = 0; i < n; i++) {
    a[i] = given ? given[i] : 1.0 / (double)n;
    if (!(a[i] > 0.0) || !isfinite(a[i]))
      return wg_fail(WG_ERR_INPUT, "a[%lld] = %g is not a positive number; leave such points out",
                     (long long)i, a[i]);
    wg_sum_add(&sum, a[i]);
  }
  double total = wg_sum_value(sum);
  if (fabs(total - 1.0) > 1e-6)
    return wg_fail(WG_ERR_INPUT, "the weights a sum to %.9g, not to one within 1e-6", total);
  for (int64_t i = 0; given && i < n; i++) a[i] /= total;
  return WG_OK;
}

/* ---- the flow ---- */

static int set_up(wg_mem *mem, wg_energy *energy, int64_t n, int64_t d, const double *x,
                  const double *a, const char *gauge, const wg_flow_settings *settings,
                  wg_flow **flow) {
  if (!gauge) return wg_fail(WG_ERR_ARGUMENT, "no gauge is given; try \"operator\"");
  WG_TRY(check_flow_settings(settings));
  WG_TRY(check_shape(energy, n, d, x));
  wg_gauge_spec *spec = WG_NEW(mem, wg_gauge_spec, 1);
  double *weights = WG_NEW(mem, double, n);
  if (!spec || !weights) return wg_no_memory();
  WG_TRY(wg_gauge_parse(gauge, spec));
  WG_TRY(wg_gauge_bind(spec, d));
  WG_TRY(check_method(spec, settings));
  WG_TRY(copy_weights(n, a, weights));
  return wg_flow_make(energy, n, d, x, weights, spec, settings, flow);
}

int wg_flow_setup(wg_flow **flow, wg_energy *energy, int64_t n, int64_t d, const double *x,
                  const double *a, const char *gauge, const wg_flow_settings *settings) {
  wg_flow_settings defaults;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_clear_error();
  if (!flow) return wg_fail(WG_ERR_ARGUMENT, "flow is NULL");
  *flow = NULL;
  wg_flow_settings_init(&defaults);
  int status = set_up(&mem, energy, n, d, x, a, gauge, settings ? settings : &defaults, flow);
  wg_mem_clear(&mem);
  return status;
}

static int check_flow(const wg_flow *flow) {
  wg_clear_error();
  return flow ? WG_OK : wg_fail(WG_ERR_ARGUMENT, "flow is NULL");
}

int wg_flow_run(wg_flow *flow, double time, wg_flow_info *info) {
  int outcome;
  const double start = wg_now();
  WG_TRY(check_flow(flow));
  if (!isfinite(time)) return wg_fail(WG_ERR_ARGUMENT, "time = %g is not finite", time);
  WG_TRY(wg_flow_advance(flow, time, &outcome));
  if (info) wg_flow_describe(flow, outcome, wg_now() - start, info);
  return outcome;
}

int wg_flow_get(const wg_flow *flow, double *time, double *x, double *force, double *velocity) {
  int64_t n, d;
  WG_TRY(check_flow(flow));
  wg_flow_shape(flow, &n, &d);
  const size_t bytes = (size_t)(n * d) * sizeof(double);
  if (time) *time = wg_flow_now(flow);
  if (x) memcpy(x, wg_flow_x(flow), bytes);
  if (force) memcpy(force, wg_flow_g(flow), bytes);
  if (velocity) memcpy(velocity, wg_flow_v(flow), bytes);
  return WG_OK;
}

int wg_flow_get_log(const wg_flow *flow, wg_flow_log *log) {
  WG_TRY(check_flow(flow));
  if (!log) return wg_fail(WG_ERR_ARGUMENT, "log is NULL");
  wg_flow_list(flow, log);
  return WG_OK;
}

int wg_flow_summary(const wg_flow *flow, char *text, size_t size) {
  WG_TRY(check_flow(flow));
  if (!text || size < 1) return wg_fail(WG_ERR_ARGUMENT, "there is no room for text");
  wg_flow_say(flow, text, size);
  return WG_OK;
}

int wg_flow_save(const wg_flow *flow, void *buffer, size_t size, size_t *needed) {
  size_t unused;
  WG_TRY(check_flow(flow));
  return wg_flow_pack(flow, buffer, size, needed ? needed : &unused);
}

int wg_flow_load(wg_flow *flow, const void *buffer, size_t size) {
  WG_TRY(check_flow(flow));
  if (!buffer) return wg_fail(WG_ERR_ARGUMENT, "buffer is NULL");
  return wg_flow_unpack(flow, buffer, size);
}

void wg_flow_free(wg_flow *flow) { wg_flow_release(flow); }
