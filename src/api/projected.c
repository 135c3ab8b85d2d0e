/* The flow of an energy of degree two on the sphere (theory 7): directions w and masses m with
 *   dw/dt = tau, dm/dt = 2 b m, b w + tau = v(w),
 * v the descent direction of the force for the measure sum m_i delta_{w_i}.
 *
 * Such an energy depends on particles (x, a) only through Pi_2: directions x/|x| with masses
 * a |x|^2. Its force at r w is r g(w) and the descent direction is linear in the force with a
 * matrix made of sum a g g' = sum m g(w) g(w)', so that v(r w) = r v(w): Pi_2 of the flow of
 * particles is this flow. Energies are evaluated at sqrt(M) w with weights m/M, M the mass of all.
 * Whether an energy is of degree two is seen by another set of particles with the same Pi_2.
 * Integration is the classical method of order four with steps of one length, directions divided by
 * their lengths after each. Cost: 4 forces and directions a step. Memory: 7 n (d + 1) numbers. */
#include <string.h>

#include "api/api.h"
#include "flow/flow.h"

static const double degree_tolerance = 1e-9;

typedef struct sphere_flow {
  wg_context context;
  wg_mem mem;
  wg_energy *energy;
  const char *gauge;
  int64_t n, d;
  double *now; /* n x d directions, then n masses; as are the next four */
  double *stage, *slope, *sum;
  double *points, *weights, *force; /* what the energy sees */
} sphere_flow;

/* ---- one evaluation ---- */

/* sqrt(M) w / |w| and m / M; returns sqrt(M). */
static double represent(sphere_flow *f, const double *state) {
  const double *mass = state + f->n * f->d;
  double total = 0.0;
  for (int64_t i = 0; i < f->n; i++) total += mass[i];
  for (int64_t i = 0; i < f->n; i++) {
    const double *w = state + i * f->d;
    const double scale = sqrt(total / wg_la_dot(f->d, w, w));
    for (int64_t k = 0; k < f->d; k++) f->points[i * f->d + k] = scale * w[k];
    f->weights[i] = mass[i] / total;
  }
  return sqrt(total);
}

static int find_slope(sphere_flow *f, const double *state, double *slope) {
  const double root = represent(f, state);
  wg_lmo_settings settings;
  wg_lmo_settings_init(&settings);
  settings.threads = f->context.threads;
  WG_TRY(wg_energy_evaluate(f->energy, f->n, f->d, f->points, f->weights, NULL, f->force));
  WG_TRY(wg_lmo(f->gauge, f->n, f->d, f->force, f->weights, &settings, f->force, NULL));
  for (int64_t i = 0; i < f->n; i++) {
    const double *w = f->points + i * f->d, *v = f->force + i * f->d;
    const double b = wg_la_dot(f->d, w, v) / (root * root);
    for (int64_t k = 0; k < f->d; k++) slope[i * f->d + k] = (v[k] - b * w[k]) / root;
    slope[f->n * f->d + i] = 2.0 * b * state[f->n * f->d + i];
  }
  return WG_OK;
}

/* ---- steps ---- */

static int check_masses(const sphere_flow *f, const double *state) {
  for (int64_t i = 0; i < f->n; i++)
    if (!(state[f->n * f->d + i] > 0.0) || !isfinite(state[f->n * f->d + i]))
      return wg_fail(WG_ERR_ARGUMENT,
                     "the mass of particle %lld became %g within a step; take a smaller step",
                     (long long)i, state[f->n * f->d + i]);
  return WG_OK;
}

static int take_step(sphere_flow *f, double h) {
  static const double node[4] = {0.0, 0.5, 0.5, 1.0}, weight[4] = {1.0, 2.0, 2.0, 1.0};
  const int64_t size = f->n * (f->d + 1);
  memset(f->sum, 0, (size_t)size * sizeof *f->sum);
  for (int s = 0; s < 4; s++) {
    for (int64_t i = 0; i < size; i++)
      f->stage[i] = f->now[i] + (s > 0 ? node[s] * h * f->slope[i] : 0.0);
    WG_TRY(check_masses(f, f->stage));
    WG_TRY(find_slope(f, f->stage, f->slope));
    for (int64_t i = 0; i < size; i++) f->sum[i] += weight[s] * f->slope[i];
  }
  for (int64_t i = 0; i < size; i++) f->now[i] += h / 6.0 * f->sum[i];
  WG_TRY(check_masses(f, f->now));
  for (int64_t i = 0; i < f->n; i++) {
    double *w = f->now + i * f->d;
    const double length = sqrt(wg_la_dot(f->d, w, w));
    for (int64_t k = 0; k < f->d; k++) w[k] /= length;
  }
  return WG_OK;
}

/* ---- what is given ---- */

static int take_state(sphere_flow *f, const double *w, const double *mass) {
  for (int64_t i = 0; i < f->n; i++) {
    const double length = sqrt(wg_la_dot(f->d, w + i * f->d, w + i * f->d));
    if (!(length > 0.0) || !isfinite(length))
      return wg_fail(WG_ERR_INPUT, "w[%lld] has length %g and no direction; leave it out",
                     (long long)i, length);
    if (!(mass[i] > 0.0) || !isfinite(mass[i]))
      return wg_fail(WG_ERR_INPUT, "mass[%lld] = %g: masses must be positive and finite",
                     (long long)i, mass[i]);
    for (int64_t k = 0; k < f->d; k++) f->now[i * f->d + k] = w[i * f->d + k] / length;
    f->now[f->n * f->d + i] = mass[i];
  }
  return WG_OK;
}

/* The same Pi_2 by particles of other lengths: weights times s_i, points over sqrt(s_i). */
static int check_degree(sphere_flow *f) {
  double value, other, sum = 0.0;
  represent(f, f->now);
  WG_TRY(wg_energy_evaluate(f->energy, f->n, f->d, f->points, f->weights, &value, NULL));
  for (int64_t i = 0; i < f->n; i++) sum += f->weights[i] *= 1.0 + 0.5 * (double)(i % 3);
  for (int64_t i = 0; i < f->n; i++) {
    const double share = sqrt(sum / (1.0 + 0.5 * (double)(i % 3)));
    for (int64_t k = 0; k < f->d; k++) f->points[i * f->d + k] *= share;
    f->weights[i] /= sum;
  }
  WG_TRY(wg_energy_evaluate(f->energy, f->n, f->d, f->points, f->weights, &other, NULL));
  if (fabs(other - value) <= degree_tolerance * fmax(fabs(value), fabs(other))) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "the energy %s is not of degree two: particles with the same directions and "
                 "squared lengths have F = %.9g and %.9g; relu networks, linear ones and quadratic "
                 "potentials are",
                 wg_energy_name(f->energy), value, other);
}

static int allocate(sphere_flow *f) {
  const int64_t size = f->n * (f->d + 1);
  double **const states[] = {&f->now, &f->stage, &f->slope, &f->sum};
  for (size_t k = 0; k < sizeof states / sizeof *states; k++)
    if (!(*states[k] = WG_NEW(&f->mem, double, size))) return wg_no_memory();
  f->points = WG_NEW(&f->mem, double, f->n * f->d);
  f->force = WG_NEW(&f->mem, double, f->n * f->d);
  f->weights = WG_NEW(&f->mem, double, f->n);
  return f->points && f->force && f->weights ? WG_OK : wg_no_memory();
}

static int follow(sphere_flow *f, double time, double step, wg_sphere_flow_info *info) {
  const double count = ceil(time / step);
  int64_t done = 0;
  for (; (double)done < count && !wg_watch_poll(&f->context.watch); done++)
    WG_TRY(take_step(f, time / count));
  info->outcome = (double)done < count ? f->context.watch.stopped : WG_CERTIFIED;
  info->steps = done;
  info->time = count > 0.0 ? time * (double)done / count : 0.0;
  represent(f, f->now);
  return wg_energy_evaluate(f->energy, f->n, f->d, f->points, f->weights, &info->energy, NULL);
}

static int check_arguments(const wg_energy *energy, int64_t n, int64_t d, const double *w,
                           const double *mass, const char *gauge, double time, double step) {
  if (!energy || !w || !mass || !gauge)
    return wg_fail(WG_ERR_ARGUMENT, "energy, w, mass and gauge must not be NULL");
  if (n < 1 || d < 2)
    return wg_fail(WG_ERR_INPUT, "%lld particles in %lld columns: one and two at least are needed",
                   (long long)n, (long long)d);
  if (!(time >= 0.0) || !isfinite(time) || !(step > 0.0) || !(time / step < 1e9))
    return wg_fail(WG_ERR_ARGUMENT, "time = %g and step = %g: give time >= 0, step > 0", time,
                   step);
  return WG_OK;
}

int wg_sphere_flow(wg_energy *energy, int64_t n, int64_t d, double *w, double *mass,
                   const char *gauge, double time, double step, const wg_settings *settings,
                   wg_sphere_flow_info *info) {
  wg_settings defaults;
  wg_sphere_flow_info found = {.struct_size = sizeof found};
  wg_clear_error();
  wg_settings_init(&defaults);
  if (!settings) settings = &defaults;
  WG_TRY(wg_check_settings(settings));
  WG_TRY(check_arguments(energy, n, d, w, mass, gauge, time, step));
  sphere_flow f = {.energy = energy, .gauge = gauge, .n = n, .d = d};
  f.context.ledger.limit = (size_t)settings->memory_limit;
  f.context.threads = wg_thread_count(settings->threads);
  f.mem = wg_mem_of(&f.context.ledger);
  wg_watch_start(&f.context.watch, settings->time_limit, settings->progress,
                 settings->progress_data);
  int status = allocate(&f);
  if (status == WG_OK) status = take_state(&f, w, mass);
  if (status == WG_OK) status = check_degree(&f);
  if (status == WG_OK) status = follow(&f, time, step, &found);
  if (status == WG_OK) {
    memcpy(w, f.now, (size_t)(n * d) * sizeof *w);
    memcpy(mass, f.now + n * d, (size_t)n * sizeof *mass);
    found.seconds = wg_now() - f.context.watch.start;
    found.peak_bytes = (int64_t)f.context.ledger.peak;
    if (info) *info = found;
    status = found.outcome;
  }
  wg_mem_clear(&f.mem);
  return status;
}
