/* Energies of particles through the public door: checks of arguments, defaults, evaluation.
 *
 * flow/ computes (src/flow/README.md) and trusts what it is given: every number that comes in is
 * looked at here, once, and a refusal names the entry. An evaluation looks at its particles and
 * weights, O(n d), before any sum is begun. */
#include <string.h>

#include "api/api.h"
#include "flow/flow.h"

/* ---- checks ---- */

static int check_place(wg_energy **energy) {
  wg_clear_error();
  if (!energy) return wg_fail(WG_ERR_ARGUMENT, "energy must not be NULL");
  *energy = NULL;
  return WG_OK;
}

/* rows x columns finite numbers. */
static int check_numbers(const char *name, int64_t rows, int64_t columns, const double *numbers) {
  int64_t count;
  if (rows < 1 || columns < 1 || __builtin_mul_overflow(rows, columns, &count) ||
      count > INT64_MAX / 1024)
    return wg_fail(WG_ERR_ARGUMENT, "%s has shape (%lld, %lld); both must be at least 1", name,
                   (long long)rows, (long long)columns);
  if (!numbers) return wg_fail(WG_ERR_ARGUMENT, "%s must be given", name);
  for (int64_t k = 0; k < count; k++)
    if (!isfinite(numbers[k]))
      return wg_fail(WG_ERR_INPUT, "%s[%lld, %lld] is %g; every entry must be a finite number",
                     name, (long long)(k / columns), (long long)(k % columns), numbers[k]);
  return WG_OK;
}

static int check_symmetric(const char *name, int64_t d, const double *matrix) {
  double largest = 0.0;
  WG_TRY(check_numbers(name, d, d, matrix));
  for (int64_t k = 0; k < d * d; k++) largest = WG_MAX(largest, fabs(matrix[k]));
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++)
      if (!(fabs(matrix[i * d + j] - matrix[j * d + i]) <= 1e-12 * largest))
        return wg_fail(WG_ERR_INPUT, "%s is not symmetric: [%lld, %lld] = %g, [%lld, %lld] = %g",
                       name, (long long)i, (long long)j, matrix[i * d + j], (long long)j,
                       (long long)i, matrix[j * d + i]);
  return WG_OK;
}

/* *least: the smallest eigenvalue, relative to the largest in modulus. */
static int least_eigenvalue(int64_t d, const double *matrix, double *least) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *values = WG_NEW(&mem, double, d), *vectors = WG_NEW(&mem, double, d *d);
  int status = values && vectors ? wg_la_eigh(d, matrix, values, vectors) : wg_no_memory();
  if (status == WG_OK) {
    const double largest = WG_MAX(fabs(values[0]), fabs(values[d - 1]));
    *least = largest > 0.0 ? values[d - 1] / largest : 0.0;
  }
  wg_mem_clear(&mem);
  return status;
}

void wg_energy_settings_init(wg_energy_settings *settings) {
  *settings = (wg_energy_settings){.struct_size = sizeof *settings};
}

static int read_settings(const wg_energy_settings *s, wg_energy_plan *plan) {
  wg_energy_settings defaults;
  wg_energy_settings_init(&defaults);
  if (!s) s = &defaults;
  if (s->struct_size != sizeof *s)
    return wg_fail(WG_ERR_ARGUMENT,
                   "settings.struct_size is %zu, not %zu; call wg_energy_settings_init",
                   s->struct_size, sizeof *s);
  if (s->threads < 0 || s->threads > 1024)
    return wg_fail(WG_ERR_ARGUMENT, "threads = %d must be between 0 (all cores) and 1024",
                   s->threads);
  if (s->method < WG_ENERGY_AUTO || s->method > WG_ENERGY_TREE)
    return wg_fail(WG_ERR_ARGUMENT, "settings.method = %d is none", s->method);
  if (!(s->accuracy >= 0.0 && s->accuracy <= 0.1))
    return wg_fail(WG_ERR_ARGUMENT, "settings.accuracy = %g is not in [0, 0.1]", s->accuracy);
  *plan = (wg_energy_plan){wg_thread_count(s->threads), s->method, s->accuracy};
  return WG_OK;
}

/* d = 0: not known yet. */
static int check_tree(const wg_kernel *kernel, const wg_energy_plan *plan, int64_t d) {
  if (plan->method != WG_ENERGY_TREE) return WG_OK;
  if (d > 3)
    return wg_fail(WG_ERR_INPUT, "the tree code is for d <= 3, not d = %lld; use WG_ENERGY_DIRECT",
                   (long long)d);
  if (plan->accuracy > 0.0 && plan->accuracy < wg_tree_finest(kernel))
    return wg_fail(WG_ERR_ARGUMENT,
                   "settings.accuracy = %g is beyond the tree code, which reaches %g for this "
                   "kernel; use WG_ENERGY_DIRECT",
                   plan->accuracy, wg_tree_finest(kernel));
  return WG_OK;
}

static int made(wg_energy *energy, wg_energy **out) {
  if (!energy) return wg_no_memory();
  *out = energy;
  return WG_OK;
}

static int check_text(const char *what, const char *text) {
  return text ? WG_OK : wg_fail(WG_ERR_ARGUMENT, "no %s is given", what);
}

/* ---- constructors ---- */

int wg_energy_potential(wg_energy **energy, const char *potential, int64_t d, const double *centre,
                        const double *form) {
  wg_potential parsed;
  double least = 0.0;
  WG_TRY(check_place(energy));
  WG_TRY(check_text("potential", potential));
  WG_TRY(wg_potential_parse(potential, &parsed));
  const bool any = d == 0 && !centre && !form;
  if ((d < 1 && !any) || d > 1000000)
    return wg_fail(WG_ERR_ARGUMENT, "d = %lld must be between 1 and 1000000", (long long)d);
  if (form && parsed.kind != WG_QUADRATIC)
    return wg_fail(WG_ERR_ARGUMENT, "a form belongs to the quadratic potential, not to \"%.60s\"",
                   potential);
  if (centre) WG_TRY(check_numbers("centre", 1, d, centre));
  if (form) WG_TRY(check_symmetric("form", d, form));
  if (form) WG_TRY(least_eigenvalue(d, form, &least));
  return made(wg_energy_make_potential(parsed, d, centre, form, least >= -1e-12), energy);
}

int wg_energy_interaction(wg_energy **energy, const char *kernel,
                          const wg_energy_settings *settings) {
  wg_kernel parsed;
  wg_energy_plan plan = {0};
  WG_TRY(check_place(energy));
  WG_TRY(check_text("kernel", kernel));
  WG_TRY(wg_kernel_parse(kernel, &parsed));
  WG_TRY(read_settings(settings, &plan));
  WG_TRY(check_tree(&parsed, &plan, 0));
  return made(wg_energy_make_interaction(parsed, plan), energy);
}

/* Weights as flow/ wants them: divided by their sum, or uniform. positive: zeros are refused. */
static int read_weights(const char *name, int64_t n, const double *weights, bool positive,
                        wg_mem *mem, double **out) {
  if (!(*out = WG_NEW(mem, double, n))) return wg_no_memory();
  wg_sum sum = {0};
  for (int64_t i = 0; weights && i < n; i++) {
    if (positive && !(weights[i] > 0.0))
      return wg_fail(WG_ERR_INPUT, "%s[%lld] = %g is not positive; leave out what has no mass",
                     name, (long long)i, weights[i]);
    wg_sum_add(&sum, weights[i]);
  }
  for (int64_t i = 0; i < n; i++)
    (*out)[i] = weights ? weights[i] / wg_sum_value(sum) : 1.0 / (double)n;
  return WG_OK;
}

int wg_energy_mmd(wg_energy **energy, const char *kernel, int64_t m, int64_t d, const double *y,
                  const double *b, const wg_energy_settings *settings) {
  wg_kernel parsed;
  wg_energy_plan plan = {0};
  WG_TRY(check_place(energy));
  WG_TRY(check_text("kernel", kernel));
  WG_TRY(wg_kernel_parse(kernel, &parsed));
  if (parsed.kind == WG_KERNEL_POWER || parsed.kind == WG_KERNEL_MORSE)
    return wg_fail(WG_ERR_ARGUMENT,
                   "kernel \"%.60s\" is not positive definite: MMD^2 takes energy, gaussian, "
                   "laplace or imq",
                   kernel);
  WG_TRY(read_settings(settings, &plan));
  WG_TRY(check_tree(&parsed, &plan, d));
  WG_TRY(check_numbers("y", m, d, y));
  WG_TRY(wg_measure_check("y", "b", m, d, y, b));
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *weights;
  int status = read_weights("b", m, b, false, &mem, &weights);
  if (status == WG_OK) status = made(wg_energy_make_mmd(parsed, m, d, y, weights, plan), energy);
  wg_mem_clear(&mem);
  return status;
}

int wg_energy_network(wg_energy **energy, const char *activation, int64_t count, int64_t inputs,
                      int64_t outputs, const double *z, const double *y,
                      const wg_energy_settings *settings) {
  wg_activation parsed;
  wg_energy_plan plan = {0};
  WG_TRY(check_place(energy));
  WG_TRY(check_text("activation", activation));
  WG_TRY(wg_activation_parse(activation, &parsed));
  WG_TRY(read_settings(settings, &plan));
  WG_TRY(check_numbers("z", count, inputs, z));
  WG_TRY(check_numbers("y", count, outputs, y));
  return made(wg_energy_make_network(parsed, count, inputs, outputs, z, y, plan.threads), energy);
}

int wg_energy_attention(wg_energy **energy, int64_t count, int64_t length, int64_t token,
                        int64_t head, const double *z, const double *y,
                        const wg_energy_settings *settings) {
  const int64_t most = 1 << 20;
  wg_energy_plan plan = {0};
  WG_TRY(check_place(energy));
  WG_TRY(read_settings(settings, &plan));
  if (count < 1 || length < 1 || token < 1 || head < 1 || length > most || token > most ||
      head > most || count > INT64_MAX / 1024 / length)
    return wg_fail(WG_ERR_ARGUMENT,
                   "%lld sequences of %lld tokens with %lld numbers and a head of %lld: each must "
                   "be at least 1, and no side above %lld",
                   (long long)count, (long long)length, (long long)token, (long long)head,
                   (long long)most);
  WG_TRY(check_numbers("z", count * length, token, z));
  WG_TRY(check_numbers("y", count * length, token, y));
  const wg_attention_shape shape = {count, length, token, head};
  return made(wg_energy_make_attention(shape, z, y, plan), energy);
}

int wg_energy_linear(wg_energy **energy, int64_t outputs, int64_t inputs, const double *target,
                     const double *covariance) {
  double least = 0.0;
  WG_TRY(check_place(energy));
  WG_TRY(check_numbers("target", outputs, inputs, target));
  if (covariance) {
    WG_TRY(check_symmetric("covariance", inputs, covariance));
    WG_TRY(least_eigenvalue(inputs, covariance, &least));
  }
  if (least < -1e-12)
    return wg_fail(WG_ERR_INPUT,
                   "covariance is not positive semidefinite: its least eigenvalue is %.3g of the "
                   "largest",
                   least);
  return made(wg_energy_make_linear(outputs, inputs, target, covariance), energy);
}

int wg_energy_callback(wg_energy **energy, int64_t d, double infimum, wg_energy_fn evaluate,
                       void *data) {
  WG_TRY(check_place(energy));
  if (!evaluate) return wg_fail(WG_ERR_ARGUMENT, "evaluate must not be NULL");
  if (d < 0) return wg_fail(WG_ERR_ARGUMENT, "d = %lld must not be negative", (long long)d);
  return made(wg_energy_make_callback(d, infimum, evaluate, data), energy);
}

static int check_parts(int64_t count, wg_energy *const *parts, const double *weights) {
  if (!parts || count < 1) return wg_fail(WG_ERR_ARGUMENT, "a sum needs at least one energy");
  WG_TRY(check_numbers("weights", 1, count, weights));
  int64_t first = 0;
  for (int64_t k = 0; k < count; k++) {
    if (!parts[k]) return wg_fail(WG_ERR_ARGUMENT, "parts[%lld] must not be NULL", (long long)k);
    for (int64_t before = 0; before < k; before++)
      if (parts[before] == parts[k])
        return wg_fail(WG_ERR_ARGUMENT, "parts[%lld] and parts[%lld] are one energy",
                       (long long)before, (long long)k);
    if (parts[k]->d != 0 && parts[first]->d != 0 && parts[k]->d != parts[first]->d)
      return wg_fail(WG_ERR_INPUT,
                     "particles of parts[%lld] (%s) have %lld columns, those of parts[%lld] (%s) "
                     "%lld; a sum needs one number",
                     (long long)first, parts[first]->name, (long long)parts[first]->d, (long long)k,
                     parts[k]->name, (long long)parts[k]->d);
    if (parts[first]->d == 0) first = k;
  }
  return WG_OK;
}

int wg_energy_sum(wg_energy **energy, int64_t count, wg_energy *const *parts,
                  const double *weights) {
  WG_TRY(check_place(energy));
  WG_TRY(check_parts(count, parts, weights));
  return made(wg_energy_make_sum(count, parts, weights), energy);
}

/* ---- evaluation ---- */

int wg_energy_evaluate(wg_energy *energy, int64_t n, int64_t d, const double *x, const double *a,
                       double *value, double *force) {
  wg_clear_error();
  if (!energy) return wg_fail(WG_ERR_ARGUMENT, "energy must not be NULL");
  if (!x) return wg_fail(WG_ERR_ARGUMENT, "x must not be NULL");
  WG_TRY(wg_measure_check("x", "a", n, d, x, a));
  if (energy->d != 0 && energy->d != d)
    return wg_fail(WG_ERR_INPUT, "x has %lld columns, but particles of this energy (%s) have %lld",
                   (long long)d, energy->name, (long long)energy->d);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *weights;
  int status = read_weights("a", n, a, true, &mem, &weights);
  if (status == WG_OK) status = energy->evaluate(energy->self, n, d, x, weights, value, force);
  wg_mem_clear(&mem);
  return status;
}

int wg_energy_draw(wg_energy *energy, int64_t size, uint64_t seed) {
  wg_clear_error();
  if (!energy) return wg_fail(WG_ERR_ARGUMENT, "energy must not be NULL");
  if (size < 0)
    return wg_fail(WG_ERR_ARGUMENT, "size = %lld must not be negative", (long long)size);
  if (!energy->draw)
    return wg_fail(WG_ERR_ARGUMENT,
                   "minibatches are for energies that are means over data (network, attention), "
                   "not for %s",
                   energy->name);
  return energy->draw(energy->self, size, seed);
}

int64_t wg_energy_outputs(const wg_energy *energy) { return energy->outputs; }

int64_t wg_energy_dimension(const wg_energy *energy) { return energy->d; }

const char *wg_energy_name(const wg_energy *energy) { return energy->name; }

void wg_energy_free(wg_energy *energy) {
  if (energy && energy->release) energy->release(energy->self);
}
