/* Flows of moments through the public door: checks arguments, keeps copies of what comes out. The
 * outcome rests on the energy identity, which no integrator knows about (src/gaussian/ only
 * integrates N*^2 beside the state). */
#include <float.h>
#include <string.h>

#include "api/api.h"
#include "gaussian/gaussian.h"

static const double default_tol = 1e-9, step_share = 1e-4, finest = 1e-13;
enum { LARGEST_DIMENSION = 2000, MOST_MODES = 1000000 };

struct wg_moments {
  wg_context context;
  wg_mem mem;
  int64_t d; /* of the Gaussian, or modes */
  bool modal;
  wg_moment_path path;
  wg_moments_info info;
};

/* What every flow is asked. */
typedef struct request {
  int64_t d, width;
  bool modal;
  const char *gauge;
  int64_t count;
  const double *times;
  const wg_settings *settings;
  double q;
  wg_settings defaults;
} request;

/* ---- checks ---- */

static int check_numbers(const char *name, int64_t count, const double *numbers) {
  if (!numbers) return wg_fail(WG_ERR_ARGUMENT, "%s must not be NULL", name);
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(numbers[i]))
      return wg_fail(WG_ERR_INPUT, "%s[%lld] = %g is not finite", name, (long long)i, numbers[i]);
  return WG_OK;
}

static int check_times(int64_t count, const double *times) {
  if (count < 1)
    return wg_fail(WG_ERR_ARGUMENT, "count = %lld must be at least 1", (long long)count);
  WG_TRY(check_numbers("times", count, times));
  for (int64_t k = 0; k < count; k++)
    if (times[k] < 0.0 || (k > 0 && times[k] < times[k - 1]))
      return wg_fail(WG_ERR_INPUT, "times[%lld] = %g: times are >= 0 and increase", (long long)k,
                     times[k]);
  return WG_OK;
}

static int read_gauge(request *r) {
  wg_gauge_spec *spec;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  if (!r->gauge) return wg_fail(WG_ERR_ARGUMENT, "no gauge is given; try \"operator\"");
  if (!(spec = WG_NEW(&mem, wg_gauge_spec, 1))) return wg_no_memory();
  int status = wg_gauge_parse(r->gauge, spec);
  const double p = spec->blocks[0].p, least = r->modal ? 1.0 : 0.5;
  if (status == WG_OK && (spec->outer != WG_SINGLE || spec->blocks[0].kind != WG_SCHATTEN))
    status = wg_fail(WG_ERR_ARGUMENT, "gauge %s: flows of moments take schatten:p only", r->gauge);
  else if (status == WG_OK && (p < least || (!r->modal && p == least)))
    status = wg_fail(WG_ERR_ARGUMENT, "gauge %s: p must be %s here", r->gauge,
                     r->modal ? "at least 1" : "above 1/2");
  r->q = isinf(p) ? 1.0 : 2.0 * p / (2.0 * p - 1.0);
  wg_mem_clear(&mem);
  return status;
}

static int check_request(request *r, int64_t most) {
  wg_settings_init(&r->defaults);
  r->defaults.tol = default_tol;
  if (!r->settings) r->settings = &r->defaults;
  WG_TRY(wg_check_settings(r->settings));
  if (r->d < 1 || r->d > most)
    return wg_fail(WG_ERR_INPUT, "%s = %lld is outside 1..%lld", r->modal ? "modes" : "d",
                   (long long)r->d, (long long)most);
  WG_TRY(check_times(r->count, r->times));
  return read_gauge(r);
}

/* Symmetric within rounding, no eigenvalue clearly below zero. */
static int check_covariance(wg_mem *mem, const char *name, int64_t d, const double *cov,
                            bool *definite) {
  const double slack = 1e-12;
  double size = 0.0;
  WG_TRY(check_numbers(name, d * d, cov));
  for (int64_t i = 0; i < d * d; i++) size = WG_MAX(size, fabs(cov[i]));
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++)
      if (fabs(cov[i * d + j] - cov[j * d + i]) > slack * size)
        return wg_fail(WG_ERR_INPUT,
                       "%s[%lld, %lld] = %g is not %s[%lld, %lld] = %g: symmetrise it", name,
                       (long long)i, (long long)j, cov[i * d + j], name, (long long)j, (long long)i,
                       cov[j * d + i]);
  double *values = WG_NEW(mem, double, d), *vectors = WG_NEW(mem, double, d *d);
  if (!values || !vectors) return wg_no_memory();
  WG_TRY(wg_la_eigh(d, cov, values, vectors));
  if (values[d - 1] < -slack * size)
    return wg_fail(WG_ERR_INPUT, "%s has the eigenvalue %g: a covariance has none below zero", name,
                   values[d - 1]);
  *definite = values[d - 1] > 1e-14 * size;
  return WG_OK;
}

/* ---- the object ---- */

static int make_path(wg_moments *m, const request *r) {
  wg_moment_path *path = &m->path;
  const int64_t events = r->modal ? 3 * r->d : r->d;
  *path = (wg_moment_path){.count = r->count, .width = r->width, .most_events = events};
  double *times = WG_NEW(&m->mem, double, r->count);
  path->at = WG_NEW(&m->mem, double, r->count);
  path->states = WG_NEW(&m->mem, double, r->count * r->width);
  path->energy = WG_NEW(&m->mem, double, r->count);
  path->slope2 = WG_NEW(&m->mem, double, r->count);
  path->spent = WG_NEW(&m->mem, double, r->count);
  path->smallest = WG_NEW(&m->mem, double, r->count);
  path->events = WG_NEW(&m->mem, wg_moment_event, events);
  if (!times || !path->at || !path->states || !path->energy || !path->slope2 || !path->spent ||
      !path->smallest || !path->events)
    return wg_no_memory();
  memcpy(times, r->times, (size_t)r->count * sizeof *times);
  path->times = times;
  for (int64_t k = 0; k < r->count; k++) path->smallest[k] = NAN;
  return WG_OK;
}

static int begin(const request *r, wg_moments **moments) {
  wg_ledger first = {.limit = (size_t)r->settings->memory_limit};
  wg_mem mem = wg_mem_of(&first);
  wg_moments *m = WG_NEW(&mem, wg_moments, 1);
  if (!m) return wg_no_memory();
  *m = (wg_moments){.d = r->d, .modal = r->modal, .context = {.ledger = first}};
  mem.ledger = &m->context.ledger; /* the first block is the object: the ledger moves in */
  m->mem = mem;
  wg_watch_start(&m->context.watch, r->settings->time_limit, r->settings->progress,
                 r->settings->progress_data);
  wg_watch_phase(&m->context.watch, "flow of moments");
  int status = make_path(m, r);
  if (status == WG_OK)
    *moments = m;
  else
    wg_moments_free(m);
  return status;
}

void wg_moments_free(wg_moments *m) {
  if (!m) return;
  wg_ledger ledger = m->context.ledger;
  wg_mem mem = m->mem;
  mem.ledger = &ledger; /* the object, and the ledger in it, are among the blocks freed */
  wg_mem_clear(&mem);
}

static double step_tolerance(const request *r) {
  return WG_MAX(step_share * r->settings->tol, finest);
}

/* Judges the run; gives the object away or, after a failure, up. energy0: F at time 0. */
static int finish(const request *r, int status, double energy0, wg_moments *m,
                  wg_moments **moments) {
  if (status < 0) {
    wg_moments_free(m);
    return status;
  }
  const wg_moment_path *path = &m->path;
  const int64_t last = path->made - 1;
  const double drop = energy0 - path->energy[last], spent = path->spent[last];
  const double size = WG_MAX(fabs(energy0), fabs(drop)), rounding = 64.0 * WG_UNIT * path->scale;
  m->info = (wg_moments_info){.struct_size = sizeof m->info,
                              .outcome = path->outcome,
                              .samples = path->made,
                              .events = path->event_count,
                              .time = path->at[last],
                              .energy0 = energy0,
                              .energy = path->energy[last],
                              .spent = spent,
                              .defect = fabs(drop - spent) / WG_MAX(size, DBL_MIN),
                              .seconds = wg_now() - m->context.watch.start,
                              .steps = path->steps,
                              .rejected = path->rejected,
                              .evaluations = path->evaluations,
                              .peak_bytes = (int64_t)m->context.ledger.peak};
  if (path->outcome == WG_CERTIFIED && !(fabs(drop - spent) <= r->settings->tol * size + rounding))
    m->info.outcome = WG_GAP_OPEN;
  *moments = m;
  return m->info.outcome;
}

/* ---- flows of Gaussians ---- */

static int run_gaussian(request *r, wg_moment_flow *flow, wg_moments **moments) {
  wg_moments *m;
  WG_TRY(begin(r, &m));
  flow->q = r->q;
  double *zeros = WG_NEW(&m->mem, double, r->d), energy0 = 0.0;
  int status = zeros ? WG_OK : wg_no_memory();
  if (!flow->mean0) flow->mean0 = zeros;
  if (!flow->offset) flow->offset = zeros;
  if (status == WG_OK)
    status = wg_moment_covariance(flow, step_tolerance(r), &m->context.watch, &m->mem, &m->path,
                                  &energy0);
  return finish(r, status, energy0, m, moments);
}

static int check_start(const request *r, const double *mean0, const double *cov0, bool *definite) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  int status = mean0 ? check_numbers("mean0", r->d, mean0) : WG_OK;
  if (status == WG_OK) status = check_covariance(&mem, "cov0", r->d, cov0, definite);
  wg_mem_clear(&mem);
  return status;
}

/* The inverse and log determinant of the target's covariance. */
static int invert_target(int64_t d, const double *cov1, double *root, double *precision,
                         double *log_det) {
  memcpy(root, cov1, (size_t)(d * d) * sizeof *root);
  if (wg_la_cholesky(d, root))
    return wg_fail(WG_ERR_INPUT, "cov1 is singular: KL to such a Gaussian is infinite");
  memset(precision, 0, (size_t)(d * d) * sizeof *precision);
  *log_det = 0.0;
  for (int64_t i = 0; i < d; i++) {
    precision[i * d + i] = 1.0;
    *log_det += 2.0 * log(root[i * d + i]);
  }
  wg_la_cholesky_solve(d, root, d, d, precision);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++)
      precision[i * d + j] = precision[j * d + i] =
          0.5 * (precision[i * d + j] + precision[j * d + i]);
  return WG_OK;
}

static int run_kl(request *r, const double *mean0, const double *cov0, const double *mean1,
                  const double *cov1, wg_mem *mem, wg_moments **moments) {
  const int64_t d = r->d;
  bool definite;
  WG_TRY(check_start(r, mean0, cov0, &definite));
  if (!definite)
    return wg_fail(WG_ERR_INPUT,
                   "cov0 is singular: its KL to a Gaussian with a density is infinite");
  WG_TRY(check_numbers("mean1", d, mean1));
  WG_TRY(check_covariance(mem, "cov1", d, cov1, &definite));
  double *root = WG_NEW(mem, double, d *d), *precision = WG_NEW(mem, double, d *d);
  if (!root || !precision) return wg_no_memory();
  wg_moment_flow flow = {.d = d,
                         .kind = WG_MOMENTS_KL,
                         .mean0 = mean0,
                         .cov0 = cov0,
                         .precision = precision,
                         .centre = mean1};
  WG_TRY(invert_target(d, cov1, root, precision, &flow.log_det));
  return run_gaussian(r, &flow, moments);
}

int wg_moments_kl(int64_t d, const double *mean0, const double *cov0, const double *mean1,
                  const double *cov1, const char *gauge, int64_t count, const double *times,
                  const wg_settings *settings, wg_moments **moments) {
  request r = {.d = d,
               .width = d + d * d,
               .gauge = gauge,
               .count = count,
               .times = times,
               .settings = settings};
  wg_clear_error();
  if (!moments) return wg_fail(WG_ERR_ARGUMENT, "moments must not be NULL");
  WG_TRY(check_request(&r, LARGEST_DIMENSION));
  if (!mean0) return wg_fail(WG_ERR_ARGUMENT, "mean0 must not be NULL");
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  int status = run_kl(&r, mean0, cov0, mean1, cov1, &mem, moments);
  wg_mem_clear(&mem);
  return status;
}

int wg_moments_linear(int64_t rows, int64_t columns, const double *mean0, const double *cov0,
                      const double *target, const char *gauge, int64_t count, const double *times,
                      const wg_settings *settings, wg_moments **moments) {
  const int64_t d = rows + columns;
  request r = {.d = d,
               .width = d + d * d,
               .gauge = gauge,
               .count = count,
               .times = times,
               .settings = settings};
  bool definite;
  wg_clear_error();
  if (!moments) return wg_fail(WG_ERR_ARGUMENT, "moments must not be NULL");
  if (rows < 1 || columns < 1 || rows > LARGEST_DIMENSION || columns > LARGEST_DIMENSION)
    return wg_fail(WG_ERR_INPUT, "the predictor has shape (%lld, %lld)", (long long)rows,
                   (long long)columns);
  WG_TRY(check_request(&r, LARGEST_DIMENSION));
  WG_TRY(check_start(&r, mean0, cov0, &definite));
  WG_TRY(check_numbers("target", rows * columns, target));
  wg_moment_flow flow = {.d = d,
                         .kind = WG_MOMENTS_LINEAR,
                         .mean0 = mean0,
                         .cov0 = cov0,
                         .rows = rows,
                         .target = target};
  return run_gaussian(&r, &flow, moments);
}

int wg_moments_affine(int64_t d, const double *mean0, const double *cov0, const double *matrix,
                      const double *offset, const char *gauge, int64_t count, const double *times,
                      const wg_settings *settings, wg_moments **moments) {
  request r = {.d = d,
               .width = d + d * d,
               .gauge = gauge,
               .count = count,
               .times = times,
               .settings = settings};
  const double slack = 1e-12;
  double size = 0.0;
  bool definite;
  wg_clear_error();
  if (!moments) return wg_fail(WG_ERR_ARGUMENT, "moments must not be NULL");
  WG_TRY(check_request(&r, LARGEST_DIMENSION));
  WG_TRY(check_start(&r, mean0, cov0, &definite));
  WG_TRY(check_numbers("matrix", d * d, matrix));
  if (offset) WG_TRY(check_numbers("offset", d, offset));
  for (int64_t i = 0; i < d * d; i++) size = WG_MAX(size, fabs(matrix[i]));
  for (int64_t i = 0; i < d * d; i++)
    if (fabs(matrix[i] - matrix[i % d * d + i / d]) > slack * size)
      return wg_fail(
          WG_ERR_INPUT,
          "matrix[%lld, %lld] = %g is not its mirror image: an affine force has an energy "
          "only if its matrix is symmetric",
          (long long)(i / d), (long long)(i % d), matrix[i]);
  wg_moment_flow flow = {.d = d,
                         .kind = WG_MOMENTS_AFFINE,
                         .mean0 = mean0,
                         .cov0 = cov0,
                         .matrix = matrix,
                         .offset = offset};
  return run_gaussian(&r, &flow, moments);
}

/* ---- modes ---- */

static int check_modes(int64_t modes, const double *s0, const double *r0, const double *beta) {
  WG_TRY(check_numbers("s0", modes, s0));
  WG_TRY(check_numbers("r0", modes, r0));
  WG_TRY(check_numbers("beta", modes, beta));
  for (int64_t i = 0; i < modes; i++)
    if (!(fabs(r0[i]) < s0[i]))
      return wg_fail(WG_ERR_INPUT,
                     "|r0[%lld]| = %g is not below s0[%lld] = %g: a = s + r and b = "
                     "s - r are variances and start positive",
                     (long long)i, fabs(r0[i]), (long long)i, s0[i]);
  return WG_OK;
}

int wg_moments_modal(int64_t modes, const double *s0, const double *r0, const double *beta,
                     const char *gauge, int64_t count, const double *times,
                     const wg_settings *settings, wg_moments **moments) {
  request r = {.d = modes,
               .width = 3 * modes,
               .modal = true,
               .gauge = gauge,
               .count = count,
               .times = times,
               .settings = settings};
  wg_moments *m;
  double energy0 = 0.0;
  wg_clear_error();
  if (!moments) return wg_fail(WG_ERR_ARGUMENT, "moments must not be NULL");
  WG_TRY(check_request(&r, MOST_MODES));
  WG_TRY(check_modes(modes, s0, r0, beta));
  WG_TRY(begin(&r, &m));
  for (int64_t i = 0; i < modes; i++) m->path.scale += s0[i] * s0[i] + beta[i] * beta[i];
  const wg_moment_modes given = {.modes = modes, .q = r.q, .s0 = s0, .r0 = r0, .beta = beta};
  for (int64_t i = 0; i < modes; i++) energy0 += 0.5 * (r0[i] - beta[i]) * (r0[i] - beta[i]);
  int status = wg_moment_modal(&given, step_tolerance(&r), &m->context.watch, &m->mem, &m->path);
  return finish(&r, status, energy0, m, moments);
}

/* ---- getters ---- */

static int check_sample(const wg_moments *m, bool modal, int64_t k) {
  wg_clear_error();
  if (!m) return wg_fail(WG_ERR_ARGUMENT, "moments must not be NULL");
  if (m->modal != modal)
    return wg_fail(WG_ERR_STATE, "this flow is one of %s", m->modal ? "modes" : "Gaussians");
  if (k < 0 || k >= m->path.made)
    return wg_fail(WG_ERR_ARGUMENT, "sample %lld of %lld", (long long)k, (long long)m->path.made);
  return WG_OK;
}

static void copy(int64_t count, const double *from, double *to) {
  if (to) memcpy(to, from, (size_t)count * sizeof *to);
}

int wg_moments_get_info(const wg_moments *m, wg_moments_info *info) {
  wg_clear_error();
  if (!m || !info) return wg_fail(WG_ERR_ARGUMENT, "moments and info must not be NULL");
  *info = m->info;
  return WG_OK;
}

int wg_moments_get_curves(const wg_moments *m, double *times, double *energy, double *slope2,
                          double *spent, double *smallest) {
  wg_clear_error();
  if (!m) return wg_fail(WG_ERR_ARGUMENT, "moments must not be NULL");
  copy(m->path.made, m->path.at, times);
  copy(m->path.made, m->path.energy, energy);
  copy(m->path.made, m->path.slope2, slope2);
  copy(m->path.made, m->path.spent, spent);
  copy(m->path.made, m->path.smallest, smallest);
  return WG_OK;
}

int wg_moments_get_gaussian(const wg_moments *m, int64_t k, double *mean, double *cov) {
  WG_TRY(check_sample(m, false, k));
  copy(m->d, m->path.states + k * m->path.width, mean);
  copy(m->d * m->d, m->path.states + k * m->path.width + m->d, cov);
  return WG_OK;
}

int wg_moments_get_modes(const wg_moments *m, int64_t k, double *r, double *a, double *b) {
  WG_TRY(check_sample(m, true, k));
  const double *state = m->path.states + k * m->path.width;
  copy(m->d, state, r);
  copy(m->d, state + m->d, a);
  copy(m->d, state + 2 * m->d, b);
  return WG_OK;
}

int wg_moments_get_event(const wg_moments *m, int64_t k, wg_moments_event *event) {
  wg_clear_error();
  if (!m || !event) return wg_fail(WG_ERR_ARGUMENT, "moments and event must not be NULL");
  if (k < 0 || k >= m->path.event_count)
    return wg_fail(WG_ERR_ARGUMENT, "event %lld of %lld", (long long)k,
                   (long long)m->path.event_count);
  const wg_moment_event *e = &m->path.events[k];
  *event = (wg_moments_event){sizeof *event, e->kind, e->mode, e->t};
  return WG_OK;
}
