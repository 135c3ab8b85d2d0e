/* Interaction energies and MMD^2 of radial kernels (theory 6).
 *
 * Interaction: F = sum_ij a_i a_j k(x_i, x_j), force 2 sum_j a_j grad k(x_i - x_j).
 * MMD^2 to nu = sum b_j delta_{y_j}: F = sum a a k - 2 sum a b k + sum b b k, force
 * 2 sum_j a_j grad k(x_i - x_j) - 2 sum_j b_j grad k(x_i - y_j): the field of charges a and -b. The
 * constant is found when a value is first asked for. Pairs are summed directly (energy_pairs.c) or,
 * for large clouds in d <= 3, by a tree (energy_tree.c), in double or, where the accuracy asked for
 * allows it, in float. Cost n^2 + n m pairs; memory O((n + m) d). */
#include <stdlib.h>
#include <string.h>

#include "flow/pairs.h"

/* ---- kernels ---- */

/* Reads "name:number" or "name:number:number" to its end. */
static bool read_numbers(const char *text, int count, double numbers[2]) {
  for (int k = 0; k < count; k++) {
    char *end;
    if (*text != ':') return false;
    numbers[k] = strtod(text + 1, &end);
    if (end == text + 1 || !isfinite(numbers[k])) return false;
    text = end;
  }
  return *text == '\0';
}

int wg_kernel_parse(const char *text, wg_kernel *kernel) {
  static const struct {
    const char *word;
    wg_kernel_kind kind;
    int numbers;
  } known[] = {{"energy", WG_KERNEL_ENERGY, 1},   {"gaussian", WG_KERNEL_GAUSSIAN, 1},
               {"laplace", WG_KERNEL_LAPLACE, 1}, {"imq", WG_KERNEL_IMQ, 1},
               {"power", WG_KERNEL_POWER, 1},     {"morse", WG_KERNEL_MORSE, 2}};
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    const size_t length = strlen(known[k].word);
    double numbers[2] = {0.0, 0.0};
    if (strncmp(text, known[k].word, length) != 0) continue;
    if (!read_numbers(text + length, known[k].numbers, numbers)) break;
    const double scale = numbers[known[k].numbers - 1];
    if (!(scale > 0.0) && !(known[k].kind == WG_KERNEL_ENERGY && scale == 0.0)) break;
    *kernel = (wg_kernel){known[k].kind, scale, numbers[0]};
    return WG_OK;
  }
  return wg_fail(WG_ERR_ARGUMENT,
                 "kernel \"%.60s\" is none; use energy:E, gaussian:L, laplace:L, imq:C, power:R or "
                 "morse:C:L with finite numbers, scales above 0 (E may be 0)",
                 text);
}

wg_profile wg_profile_of(const wg_kernel *kernel) {
  const double scale = kernel->scale;
  switch (kernel->kind) {
    case WG_KERNEL_ENERGY:
    case WG_KERNEL_IMQ: return (wg_profile){kernel->kind, scale * scale, 0.0, 0.0, false};
    case WG_KERNEL_GAUSSIAN:
      return (wg_profile){kernel->kind, 0.0, -1.0 / (scale * scale), 0.0, false};
    case WG_KERNEL_POWER: return (wg_profile){kernel->kind, 0.0, scale, 0.0, false};
    default: return (wg_profile){kernel->kind, 0.0, -1.0 / scale, kernel->strength, false};
  }
}

double wg_tree_finest(const wg_kernel *kernel) {
  return kernel->kind == WG_KERNEL_IMQ ? 1e-7 : 1e-9;
}

/* ---- the energies ---- */

typedef struct kernel_energy {
  wg_energy_owner owner;
  wg_kernel kernel;
  wg_energy_plan plan;
  int64_t m;
  double *y, *minus_b; /* NULL: no target                  */
  double self;         /* of the target, NAN: not yet known */
  wg_mem tree_mem;
  wg_tree *tree; /* of the target */
  int degree;    /* of that tree */
} kernel_energy;

/* How the sums of one evaluation are made. */
typedef struct way {
  bool tree, single;
  int degree;
} way;

/* What is asked of small clouds by default is beyond the tree. */
static way choose_way(const kernel_energy *e, int64_t n, int64_t d) {
  const int64_t many = 20000, large = 10000;
  const bool small = n + e->m <= many && e->plan.method != WG_ENERGY_TREE;
  const double accuracy = e->plan.accuracy > 0.0 ? e->plan.accuracy : small ? 1e-14 : 1e-5;
  const bool worth = accuracy >= wg_tree_finest(&e->kernel) && WG_MAX(n, e->m) >= large;
  const bool tree = e->plan.method == WG_ENERGY_TREE || (e->plan.method == WG_ENERGY_AUTO && worth);
  return (way){.tree = tree && d <= 3,
               .single = accuracy >= WG_FLOAT_FROM,
               .degree = wg_tree_degree(&e->kernel, accuracy)};
}

/* The tree of the target is kept from one evaluation to the next. */
static int target_tree(kernel_energy *e, int64_t d, int degree) {
  if (e->tree && e->degree == degree) return WG_OK;
  wg_mem_clear(&e->tree_mem);
  e->tree = NULL;
  e->degree = degree;
  int status =
      wg_tree_build(&e->tree_mem, &(wg_charges){e->m, d, e->y, e->minus_b}, degree, &e->tree);
  if (status == WG_OK) return WG_OK;
  wg_mem_clear(&e->tree_mem);
  e->tree = NULL;
  return status;
}

/* The fields of the particles and, with a target, of the target at the particles; gradients add up.
 */
static int find_fields(kernel_energy *e, way how, const wg_charges *particles, wg_mem *mem,
                       wg_field of_particles, wg_field of_target) {
  const wg_charges target = {e->m, particles->d, e->y, e->minus_b};
  const int threads = e->plan.threads;
  wg_tree *tree = NULL;
  if (!how.tree) {
    WG_TRY(
        wg_pairs_direct(&e->kernel, particles, particles, how.single, threads, mem, of_particles));
    return e->y ? wg_pairs_direct(&e->kernel, particles, &target, how.single, threads, mem,
                                  of_target)
                : WG_OK;
  }
  WG_TRY(wg_tree_build(mem, particles, how.degree, &tree));
  WG_TRY(wg_tree_field(&e->kernel, tree, tree, how.single, threads, mem, of_particles));
  if (!e->y) return WG_OK;
  WG_TRY(target_tree(e, particles->d, how.degree));
  return wg_tree_field(&e->kernel, tree, e->tree, how.single, threads, mem, of_target);
}

/* sum b b k, once. */
static int find_self(kernel_energy *e, way how, int64_t d, wg_mem *mem) {
  if (!isnan(e->self)) return WG_OK;
  const wg_charges target = {e->m, d, e->y, e->minus_b};
  double *phi = WG_NEW(mem, double, e->m);
  if (!phi) return wg_no_memory();
  wg_field out = {phi, NULL};
  wg_sum sum = {0};
  if (how.tree) {
    WG_TRY(target_tree(e, d, how.degree));
    WG_TRY(wg_tree_field(&e->kernel, e->tree, e->tree, how.single, e->plan.threads, mem, out));
  } else {
    WG_TRY(wg_pairs_direct(&e->kernel, &target, &target, how.single, e->plan.threads, mem, out));
  }
  for (int64_t j = 0; j < e->m; j++) wg_sum_add(&sum, e->minus_b[j] * phi[j]);
  e->self = wg_sum_value(sum);
  return WG_OK;
}

static int evaluate_in(kernel_energy *e, wg_mem *mem, const wg_charges *particles, double *value,
                       double *force) {
  const int64_t n = particles->n, d = particles->d;
  const way how = choose_way(e, n, d);
  double *phi = value ? WG_NEW(mem, double, 2 * n) : NULL;
  if (value && !phi) return wg_no_memory();
  if (force) memset(force, 0, (size_t)(n * d) * sizeof *force);
  WG_TRY(find_fields(e, how, particles, mem, (wg_field){phi, force},
                     (wg_field){phi ? phi + n : NULL, force}));
  for (int64_t k = 0; force && k < n * d; k++) force[k] *= 2.0;
  if (!value) return WG_OK;
  if (e->y) WG_TRY(find_self(e, how, d, mem));
  wg_sum sum = {e->y ? e->self : 0.0, 0.0};
  for (int64_t i = 0; i < n; i++) wg_sum_add(&sum, particles->charges[i] * phi[i]);
  for (int64_t i = 0; i < n; i++) wg_sum_add(&sum, 2.0 * particles->charges[i] * phi[n + i]);
  *value = wg_sum_value(sum);
  return WG_OK;
}

static int evaluate_kernel(void *self, int64_t n, int64_t d, const double *x, const double *a,
                           double *value, double *force) {
  kernel_energy *e = self;
  wg_mem mem = wg_mem_of(&e->owner.ledger);
  const int status = evaluate_in(e, &mem, &(wg_charges){n, d, x, a}, value, force);
  wg_mem_clear(&mem);
  return status;
}

static void release_kernel(void *self) {
  wg_mem_clear(&((kernel_energy *)self)->tree_mem);
  wg_energy_release(self);
}

static kernel_energy *make_kernel(const char *name, wg_kernel kernel, int64_t d, double infimum,
                                  wg_energy_plan plan) {
  kernel_energy *e = wg_energy_new(sizeof *e, name, d, infimum, evaluate_kernel);
  if (!e) return NULL;
  e->owner.energy.release = release_kernel;
  e->tree_mem = wg_mem_of(&e->owner.ledger);
  e->kernel = kernel;
  e->plan = plan;
  e->self = NAN;
  return e;
}

wg_energy *wg_energy_make_interaction(wg_kernel kernel, wg_energy_plan plan) {
  const bool positive = kernel.kind != WG_KERNEL_ENERGY && kernel.kind != WG_KERNEL_MORSE;
  kernel_energy *e = make_kernel("interaction", kernel, 0, positive ? 0.0 : NAN, plan);
  return e ? &e->owner.energy : NULL;
}

wg_energy *wg_energy_make_mmd(wg_kernel kernel, int64_t m, int64_t d, const double *y,
                              const double *b, wg_energy_plan plan) {
  kernel_energy *e = make_kernel("mmd", kernel, d, 0.0, plan);
  if (!e) return NULL;
  e->m = m;
  e->y = wg_energy_copy(&e->owner, m * d, y);
  e->minus_b = wg_energy_copy(&e->owner, m, b);
  if (!e->y || !e->minus_b) return wg_energy_abandon(&e->owner);
  for (int64_t j = 0; j < m; j++) e->minus_b[j] = -b[j];
  return &e->owner.energy;
}
