/* Energies of particles against twins of plain loops: values to rounding, forces against central
 * differences of the twin's value (the gradient of x -> F is a_i g_i) and, for kernels and
 * networks, against the twin's own force to rounding; and what must not change a bit: threads. */
#include "support.h"

typedef struct twin {
  const void *data;
  double (*value)(const void *data, int64_t n, int64_t d, const double *x, const double *a);
} twin;

static void expect_ok(int status) {
  if (status != WG_OK) fail_msg("%s", wg_error_detail());
}

static double largest(int64_t count, const double *numbers) {
  double most = 0.0;
  for (int64_t k = 0; k < count; k++) most = fmax(most, fabs(numbers[k]));
  return most;
}

static void assert_close(int64_t count, const double *found, const double *expected, double scale,
                         double tolerance) {
  for (int64_t k = 0; k < count; k++)
    if (!(fabs(found[k] - expected[k]) <= tolerance * scale))
      fail_msg("entry %lld: %.17g is not %.17g within %.1e of %.3g", (long long)k, found[k],
               expected[k], tolerance, scale);
}

/* The energy at random weighted particles against its twin; takes the energy. */
static void check(wg_energy *energy, twin t, int64_t n, int64_t d, uint64_t seed) {
  wg_rng rng = {seed};
  double *x = test_numbers(n * d), *a = test_weights(&rng, n);
  double *force = test_numbers(n * d), *expected = test_numbers(n * d), value;
  for (int64_t k = 0; k < n * d; k++) x[k] = wg_rng_normal(&rng);
  expect_ok(wg_energy_evaluate(energy, n, d, x, a, &value, force));
  const double twin_value = t.value(t.data, n, d, x, a);
  assert_near(value, twin_value, 2e-13 * (1.0 + fabs(twin_value)));
  for (int64_t k = 0; k < n * d; k++) {
    const double kept = x[k], h = 1e-5;
    x[k] = kept + h;
    const double above = t.value(t.data, n, d, x, a);
    x[k] = kept - h;
    expected[k] = (above - t.value(t.data, n, d, x, a)) / (2.0 * h * a[k / d]);
    x[k] = kept;
  }
  assert_close(n * d, force, expected, 1.0 + largest(n * d, expected), 2e-8);
  /* What is not asked for is not needed for the rest. */
  double alone, *force_alone = test_numbers(n * d);
  expect_ok(wg_energy_evaluate(energy, n, d, x, a, &alone, NULL));
  expect_ok(wg_energy_evaluate(energy, n, d, x, a, NULL, force_alone));
  assert_near(alone, value, 1e-14 * (1.0 + fabs(value)));
  assert_close(n * d, force_alone, force, 1.0 + largest(n * d, force), 1e-14);
  free(x);
  free(a);
  free(force);
  free(force_alone);
  free(expected);
  wg_energy_free(energy);
}

/* ---- potentials ---- */

typedef struct potential {
  int kind; /* 0 quadratic, 1 well, 2 power */
  double parameter;
  const double *centre, *form;
} potential;

static double potential_value(const void *data, int64_t n, int64_t d, const double *x,
                              const double *a) {
  const potential *p = data;
  double total = 0.0;
  for (int64_t i = 0; i < n; i++) {
    double square = 0.0, form = 0.0;
    for (int64_t k = 0; k < d; k++) {
      const double z = x[i * d + k] - (p->centre ? p->centre[k] : 0.0);
      square += z * z;
      for (int64_t l = 0; p->form && l < d; l++)
        form += z * p->form[k * d + l] * (x[i * d + l] - (p->centre ? p->centre[l] : 0.0));
    }
    const double well = square - p->parameter * p->parameter;
    total += a[i] * (p->kind == 1   ? 0.25 * well * well
                     : p->kind == 2 ? pow(square, 0.5 * p->parameter) / p->parameter
                     : p->form      ? 0.5 * form
                                    : 0.5 * square);
  }
  return total;
}

static void test_potentials(void **state) {
  (void)state;
  const double centre[3] = {0.3, -0.2, 1.0}, form[9] = {2, 0.5, 0, 0.5, 1, -0.3, 0, -0.3, 3};
  const struct {
    const char *text;
    potential p;
  } known[] = {{"quadratic", {0, 0.0, NULL, NULL}}, {"quadratic", {0, 0.0, centre, form}},
               {"quadratic", {0, 0.0, NULL, form}}, {"well:1.5", {1, 1.5, centre, NULL}},
               {"power:3", {2, 3.0, centre, NULL}}, {"power:1.5", {2, 1.5, NULL, NULL}}};
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    wg_energy *energy;
    expect_ok(wg_energy_potential(&energy, known[k].text, 3, known[k].p.centre, known[k].p.form));
    check(energy, (twin){&known[k].p, potential_value}, 7, 3, 10 + k);
  }
  /* At the kink the force is zero, not a NaN. */
  wg_energy *energy;
  double force[2], origin[2] = {0.0, 0.0}, value;
  expect_ok(wg_energy_potential(&energy, "power:1", 2, NULL, NULL));
  expect_ok(wg_energy_evaluate(energy, 1, 2, origin, NULL, &value, force));
  assert_true(force[0] == 0.0 && force[1] == 0.0 && value == 0.0);
  wg_energy_free(energy);
}

/* ---- kernels ---- */

typedef struct kernel {
  const char *text;
  int kind; /* energy, gaussian, laplace, imq, power, morse */
  double p, q;
  int64_t m;
  const double *y, *b; /* NULL: no target */
} kernel;

static double kernel_at(const kernel *k, double s, double *slope) {
  const double e = exp(-s / k->q);
  double root = sqrt(s * s + k->p * k->p);
  *slope = 0.0;
  switch (k->kind) {
    case 0: *slope = root > 0.0 ? -1.0 / root : 0.0; return -root;
    case 1:
      *slope = -exp(-s * s / (2 * k->p * k->p)) / (k->p * k->p);
      return exp(-s * s / (2 * k->p * k->p));
    case 2: *slope = s > 0.0 ? -exp(-s / k->p) / (k->p * s) : 0.0; return exp(-s / k->p);
    case 3: *slope = -1.0 / (root * root * root); return 1.0 / root;
    case 4: *slope = s > 0.0 ? pow(s, k->p - 2.0) : 0.0; return pow(s, k->p) / k->p;
    default: *slope = s > 0.0 ? (exp(-s) - k->p * e / k->q) / s : 0.0; return k->p * e - exp(-s);
  }
}

/* sum_ij a_i q_j k(x_i - y_j); adds sum_j q_j grad k(x_i - y_j) to gradient unless NULL. */
static double double_sum(const kernel *k, int64_t d, int64_t n, const double *x, const double *a,
                         int64_t m, const double *y, const double *q, double sign,
                         double *gradient) {
  double total = 0.0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < m; j++) {
      double square = 0.0, slope;
      for (int64_t c = 0; c < d; c++)
        square += (x[i * d + c] - y[j * d + c]) * (x[i * d + c] - y[j * d + c]);
      total += a[i] * q[j] * kernel_at(k, sqrt(square), &slope);
      for (int64_t c = 0; gradient && c < d; c++)
        gradient[i * d + c] += sign * q[j] * slope * (x[i * d + c] - y[j * d + c]);
    }
  return total;
}

static double kernel_value(const void *data, int64_t n, int64_t d, const double *x,
                           const double *a) {
  const kernel *k = data;
  double total = double_sum(k, d, n, x, a, n, x, a, 1.0, NULL);
  if (!k->y) return total;
  total -= 2.0 * double_sum(k, d, n, x, a, k->m, k->y, k->b, 1.0, NULL);
  return total + double_sum(k, d, k->m, k->y, k->b, k->m, k->y, k->b, 1.0, NULL);
}

/* The force to `tolerance` of the largest field of either cloud alone, and the value. */
static void check_sums(wg_energy *energy, const kernel *k, int64_t n, int64_t d, const double *x,
                       const double *a, double tolerance) {
  double *own = test_numbers(n * d), *other = test_numbers(n * d), *force = test_numbers(n * d);
  double value, twin_value = double_sum(k, d, n, x, a, n, x, a, 2.0, own);
  double scale = fabs(twin_value);
  if (k->y) {
    const double mixed = double_sum(k, d, n, x, a, k->m, k->y, k->b, -2.0, other);
    twin_value -= 2.0 * mixed;
    twin_value += double_sum(k, d, k->m, k->y, k->b, k->m, k->y, k->b, 1.0, NULL);
    scale = fmax(scale, fabs(mixed));
  }
  const double field = fmax(largest(n * d, own), largest(n * d, other));
  for (int64_t c = 0; c < n * d; c++) own[c] += other[c];
  expect_ok(wg_energy_evaluate(energy, n, d, x, a, &value, force));
  assert_close(n * d, force, own, field, tolerance);
  assert_near(value, twin_value, tolerance * scale);
  free(own);
  free(other);
  free(force);
}

static const kernel kernels[] = {
    {"energy:0.1", 0, 0.1, 1.0, 0, NULL, NULL},   {"energy:0", 0, 0.0, 1.0, 0, NULL, NULL},
    {"gaussian:0.8", 1, 0.8, 1.0, 0, NULL, NULL}, {"laplace:0.7", 2, 0.7, 1.0, 0, NULL, NULL},
    {"imq:0.5", 3, 0.5, 1.0, 0, NULL, NULL},      {"power:3", 4, 3.0, 1.0, 0, NULL, NULL},
    {"morse:2:0.4", 5, 2.0, 0.4, 0, NULL, NULL}};
enum { KERNELS = 7, POSITIVE = 5 };

static void test_kernels(void **state) {
  (void)state;
  for (int c = 0; c < KERNELS; c++)
    for (int64_t d = 1; d <= 5; d++) {
      wg_rng rng = {(uint64_t)(100 + 10 * c + d)};
      test_clouds t = test_random_clouds(&rng, 37, 150, d, true);
      kernel k = kernels[c];
      wg_energy *energy;
      expect_ok(wg_energy_interaction(&energy, k.text, NULL));
      check_sums(energy, &k, t.n, d, t.x, t.a, 1e-13);
      check(energy, (twin){&k, kernel_value}, 9, d, 7);
      if (c < POSITIVE) {
        k.m = t.m;
        k.y = t.y;
        k.b = t.b;
        expect_ok(wg_energy_mmd(&energy, k.text, t.m, d, t.y, t.b, NULL));
        check_sums(energy, &k, t.n, d, t.x, t.a, 1e-13);
        check(energy, (twin){&k, kernel_value}, 9, d, 8);
        /* Of the target to itself nothing is left. */
        double value;
        expect_ok(wg_energy_mmd(&energy, k.text, t.m, d, t.y, t.b, NULL));
        expect_ok(wg_energy_evaluate(energy, t.m, d, t.y, t.b, &value, NULL));
        assert_near(value, 0.0, 1e-14);
        wg_energy_free(energy);
      }
      test_free_clouds(&t);
    }
}

/* Pairs in float keep the accuracy that the settings promise. */
static void test_float_pairs(void **state) {
  (void)state;
  wg_energy_settings settings;
  wg_energy_settings_init(&settings);
  settings.accuracy = 1e-5;
  settings.method = WG_ENERGY_DIRECT;
  for (int c = 0; c < POSITIVE; c++)
    for (int64_t d = 2; d <= 4; d++) {
      wg_rng rng = {(uint64_t)(300 + 10 * c + d)};
      test_clouds t = test_random_clouds(&rng, 250, 300, d, true);
      for (int64_t k = 0; k < t.m * d; k++) t.y[k] += 30.0; /* far from the origin */
      for (int64_t k = 0; k < t.n * d; k++) t.x[k] += 30.0;
      kernel k = kernels[c];
      wg_energy *energy;
      k.m = t.m;
      k.y = t.y;
      k.b = t.b;
      expect_ok(wg_energy_mmd(&energy, k.text, t.m, d, t.y, t.b, &settings));
      check_sums(energy, &k, t.n, d, t.x, t.a, 1e-6);
      wg_energy_free(energy);
      test_free_clouds(&t);
    }
}

/* A cloud of equal weights is met block by block, each pair once, on any threads to the bit. */
static void test_equal_weights(void **state) {
  (void)state;
  const int64_t n = 401, m = 140;
  for (int c = 0; c < KERNELS; c++)
    for (int64_t d = 2; d <= 3; d++) {
      wg_rng rng = {(uint64_t)(400 + 10 * c + d)};
      test_clouds t = test_random_clouds(&rng, n, m, d, true);
      double *weights = test_numbers(n), *force[2] = {test_numbers(n * d), test_numbers(n * d)};
      double value[2];
      for (int64_t i = 0; i < n; i++) weights[i] = 1.0 / (double)n;
      for (int single = 0; single < 2; single++) {
        wg_energy_settings settings;
        wg_energy_settings_init(&settings);
        settings.accuracy = single ? 1e-5 : 0.0;
        settings.method = WG_ENERGY_DIRECT;
        for (int threads = 1; threads <= 2; threads++) {
          kernel k = kernels[c];
          wg_energy *energy;
          settings.threads = threads;
          k.m = m;
          k.y = c < POSITIVE ? t.y : NULL;
          k.b = t.b;
          expect_ok(c < POSITIVE ? wg_energy_mmd(&energy, k.text, m, d, t.y, t.b, &settings)
                                 : wg_energy_interaction(&energy, k.text, &settings));
          check_sums(energy, &k, n, d, t.x, weights, single ? 1e-6 : 1e-13);
          expect_ok(
              wg_energy_evaluate(energy, n, d, t.x, NULL, &value[threads - 1], force[threads - 1]));
          wg_energy_free(energy);
        }
        assert_memory_equal(force[0], force[1], (size_t)(n * d) * sizeof **force);
        assert_memory_equal(&value[0], &value[1], sizeof *value);
      }
      free(weights);
      free(force[0]);
      free(force[1]);
      test_free_clouds(&t);
    }
}

/* ---- the tree ---- */

/* Gaussian; duplicates; clusters of very different size; a line; one point; a lattice. */
static void nasty_cloud(int kind, wg_rng *rng, int64_t n, int64_t d, double *x) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < d; k++) {
      const double g = wg_rng_normal(rng);
      double *to = &x[i * d + k];
      switch (kind) {
        case 0: *to = g; break;
        case 1: *to = floor(1.5 * g); break;
        case 2: *to = ldexp(1.0, -(int)(i % 30)) * (1.0 + 1e-3 * g); break;
        case 3: *to = k == 0 ? g : 0.25; break;
        case 4: *to = 2.0; break;
        default: *to = (double)((i >> (5 * k)) % 32); break;
      }
    }
}

static void check_tree(int kind, int64_t d, const kernel *plain, double accuracy) {
  const int64_t n = 1500, m = 1200;
  wg_rng rng = {(uint64_t)(500 + 10 * kind + d)};
  wg_energy_settings settings;
  wg_energy_settings_init(&settings);
  settings.accuracy = accuracy;
  settings.method = WG_ENERGY_TREE;
  double *x = test_numbers(n * d), *y = test_numbers(m * d), *a = test_weights(&rng, n),
         *b = test_weights(&rng, m);
  nasty_cloud(kind, &rng, n, d, x);
  nasty_cloud(kind == 4 ? 0 : kind, &rng, m, d, y);
  kernel k = *plain;
  wg_energy *energy;
  k.m = m;
  k.y = y;
  k.b = b;
  expect_ok(wg_energy_mmd(&energy, k.text, m, d, y, b, &settings));
  check_sums(energy, &k, n, d, x, a, accuracy);
  wg_energy_free(energy);
  free(x);
  free(y);
  free(a);
  free(b);
}

static void test_tree(void **state) {
  (void)state;
  const double accuracies[] = {1e-3, 1e-4, 1e-5, 1e-6, 1e-9};
  for (int kind = 0; kind < 6; kind++)
    for (int64_t d = 1; d <= 3; d++)
      for (int s = 0; s < 5; s++) {
        if (d == 3 && s == 4 && kind != 0) continue;
        check_tree(kind, d, &kernels[(kind + s) % 2 || s == 4 ? 0 : 4], accuracies[s]);
      }
  for (int c = 0; c < POSITIVE; c++)
    for (int kind = 0; kind < 4; kind++) check_tree(kind, 2, &kernels[c], 1e-4);
}

/* Large clouds go by the tree unless the settings say otherwise, and are right to 1e-5. */
static void test_default_of_large_clouds(void **state) {
  (void)state;
  const int64_t n = 10500;
  wg_rng rng = {600};
  test_clouds t = test_random_clouds(&rng, n, n, 2, false);
  double *force[2] = {test_numbers(2 * n), test_numbers(2 * n)}, value[2];
  wg_energy_settings settings;
  wg_energy_settings_init(&settings);
  for (int way = 0; way < 2; way++) {
    wg_energy *energy;
    settings.method = way == 0 ? WG_ENERGY_AUTO : WG_ENERGY_DIRECT;
    settings.accuracy = way == 0 ? 0.0 : 1e-14;
    expect_ok(wg_energy_mmd(&energy, "energy:0.1", n, 2, t.y, NULL, &settings));
    expect_ok(wg_energy_evaluate(energy, n, 2, t.x, NULL, &value[way], force[way]));
    wg_energy_free(energy);
  }
  /* The fields of the clouds alone are of size two, the terms of the value as well. */
  assert_close(2 * n, force[0], force[1], 2.0, 1e-5);
  assert_near(value[0], value[1], 2e-5);
  assert_memory_not_equal(force[0], force[1], (size_t)(2 * n) * sizeof **force);
  free(force[0]);
  free(force[1]);
  test_free_clouds(&t);
}

/* ---- networks ---- */

typedef struct network {
  const char *text;
  int kind; /* relu, tanh, softplus, square */
  int64_t count, inputs, outputs;
  const double *z, *y;
} network;

static double activation(int kind, double p, double *slope) {
  switch (kind) {
    case 0: *slope = p > 0.0; return fmax(p, 0.0);
    case 1: *slope = 1.0 - tanh(p) * tanh(p); return tanh(p);
    case 2: *slope = 1.0 / (1.0 + exp(-p)); return log1p(exp(-fabs(p))) + fmax(p, 0.0);
    default: *slope = 2.0 * p; return p * p;
  }
}

static double product(int64_t count, const double *a, const double *b) {
  double sum = 0.0;
  for (int64_t k = 0; k < count; k++) sum += a[k] * b[k];
  return sum;
}

/* Force by plain loops, unless NULL; outputs <= 8. */
static double network_pass(const network *w, int64_t n, const double *x, const double *a,
                           double *force) {
  const int64_t q = w->inputs, p = w->outputs, d = p + q;
  double total = 0.0, slope;
  for (int64_t c = 0; c < w->count; c++) {
    const double *z = w->z + c * q;
    double r[8];
    for (int64_t o = 0; o < p; o++) r[o] = -w->y[c * p + o];
    for (int64_t i = 0; i < n; i++) {
      const double s = activation(w->kind, product(q, x + i * d + p, z), &slope);
      for (int64_t o = 0; o < p; o++) r[o] += a[i] * x[i * d + o] * s;
    }
    total += product(p, r, r);
    for (int64_t i = 0; force && i < n; i++) {
      const double s = activation(w->kind, product(q, x + i * d + p, z), &slope);
      const double pull = product(p, x + i * d, r) * slope;
      for (int64_t o = 0; o < p; o++) force[i * d + o] += s * r[o] / (double)w->count;
      for (int64_t k = 0; k < q; k++) force[i * d + p + k] += pull * z[k] / (double)w->count;
    }
  }
  return 0.5 * total / (double)w->count;
}

static double network_value(const void *data, int64_t n, int64_t d, const double *x,
                            const double *a) {
  (void)d;
  return network_pass(data, n, x, a, NULL);
}

static void check_network(const char *text, int kind, int64_t inputs, int64_t outputs,
                          int64_t count) {
  wg_rng rng = {(uint64_t)(700 + 10 * kind + inputs)};
  const int64_t n = 11, d = inputs + outputs;
  double *z = test_numbers(count * inputs), *y = test_numbers(count * outputs);
  double *x = test_numbers(n * d), *a = test_weights(&rng, n);
  double *force = test_numbers(n * d), *expected = test_numbers(n * d);
  for (int64_t k = 0; k < count * inputs; k++) z[k] = wg_rng_normal(&rng) / sqrt((double)inputs);
  for (int64_t k = 0; k < count * outputs; k++) y[k] = wg_rng_normal(&rng);
  for (int64_t k = 0; k < n * d; k++) x[k] = wg_rng_normal(&rng);
  network w = {text, kind, count, inputs, outputs, z, y};
  wg_energy *energy;
  expect_ok(wg_energy_network(&energy, text, count, inputs, outputs, z, y, NULL));
  assert_int_equal(wg_energy_dimension(energy), d);
  network_pass(&w, n, x, a, expected);
  expect_ok(wg_energy_evaluate(energy, n, d, x, a, NULL, force));
  assert_close(n * d, force, expected, 1.0 + largest(n * d, expected), 1e-13);
  if (inputs < 10)
    check(energy, (twin){&w, network_value}, 6, d, 9);
  else
    wg_energy_free(energy);
  free(x);
  free(a);
  free(y);
  free(z);
  free(force);
  free(expected);
}

static void test_networks(void **state) {
  (void)state;
  static const char *const text[] = {"relu", "tanh", "softplus", "square"};
  for (int kind = 0; kind < 4; kind++) {
    check_network(text[kind], kind, 1, 1, 300);
    check_network(text[kind], kind, 2, 1, 300);
    check_network(text[kind], kind, 3, 1, 5);
    check_network(text[kind], kind, 5, 3, 260);
    check_network(text[kind], kind, 520, 2, 300); /* through BLAS */
  }
  check_network("relu", 0, 40, 8, 520);
}

/* ---- attention ---- */

typedef struct attention {
  int64_t count, length, token, head;
  const double *z, *y;
} attention;

/* matrix (head x token) times a token. */
static void times(const attention *t, const double *matrix, const double *z, double *to) {
  for (int64_t h = 0; h < t->head; h++) to[h] = product(t->token, matrix + h * t->token, z);
}

/* What the head x says at place j of a sequence, added to out with a weight. */
static void say(const attention *t, const double *x, const double *z, int64_t j, double weight,
                double *out) {
  const int64_t size = t->head * t->token;
  double q[8], k[8], v[8], c[8] = {0}, total = 0.0;
  times(t, x, z + j * t->token, q);
  for (int64_t i = 0; i < t->length; i++) {
    times(t, x + size, z + i * t->token, k);
    times(t, x + 2 * size, z + i * t->token, v);
    const double e = exp(product(t->head, q, k) / sqrt((double)t->head));
    total += e;
    for (int64_t h = 0; h < t->head; h++) c[h] += e * v[h];
  }
  for (int64_t h = 0; h < t->head; h++)
    for (int64_t s = 0; s < t->token; s++)
      out[s] += weight * x[3 * size + h * t->token + s] * c[h] / total;
}

static double attention_value(const void *data, int64_t n, int64_t d, const double *x,
                              const double *a) {
  const attention *t = data;
  double total = 0.0;
  for (int64_t c = 0; c < t->count; c++)
    for (int64_t j = 0; j < t->length; j++) {
      double out[8];
      const int64_t row = c * t->length + j;
      for (int64_t s = 0; s < t->token; s++) out[s] = -t->y[row * t->token + s];
      for (int64_t i = 0; i < n; i++)
        say(t, x + i * d, t->z + c * t->length * t->token, j, a[i], out);
      total += product(t->token, out, out);
    }
  return 0.5 * total / (double)(t->count * t->length);
}

static void test_attention(void **state) {
  (void)state;
  const attention shapes[] = {{3, 5, 4, 2, NULL, NULL},
                              {2, 1, 3, 1, NULL, NULL},
                              {4, 8, 2, 3, NULL, NULL},
                              {2, 19, 5, 4, NULL, NULL},
                              {3, 9, 7, 3, NULL, NULL}};
  for (int s = 0; s < 5; s++) {
    attention t = shapes[s];
    wg_rng rng = {(uint64_t)(900 + s)};
    const int64_t count = t.count * t.length * t.token, d = 4 * t.head * t.token;
    double *z = test_numbers(count), *y = test_numbers(count);
    for (int64_t k = 0; k < count; k++) z[k] = wg_rng_normal(&rng);
    for (int64_t k = 0; k < count; k++) y[k] = wg_rng_normal(&rng);
    t.z = z;
    t.y = y;
    wg_energy *energy;
    expect_ok(wg_energy_attention(&energy, t.count, t.length, t.token, t.head, z, y, NULL));
    check(energy, (twin){&t, attention_value}, 5, d, 11);
    free(z);
    free(y);
  }
}

/* In float, blocks of sixteen particles and of sixteen sequences crossed. */
static void test_attention_in_float(void **state) {
  (void)state;
  enum { COUNT = 37, LENGTH = 10, N = 35 };
  const int64_t tokens[2] = {6, 3}, heads[2] = {2, 3};
  for (int s = 0; s < 2; s++) {
    const int64_t size = COUNT * LENGTH * tokens[s], d = 4 * heads[s] * tokens[s];
    wg_rng rng = {(uint64_t)(920 + s)};
    double *z = test_numbers(size), *y = test_numbers(size), *a = test_weights(&rng, N), value[2];
    double *x = test_numbers(N * d), *force[2] = {test_numbers(N * d), test_numbers(N * d)};
    for (int64_t k = 0; k < size; k++) z[k] = wg_rng_normal(&rng);
    for (int64_t k = 0; k < size; k++) y[k] = wg_rng_normal(&rng);
    for (int64_t k = 0; k < N * d; k++) x[k] = wg_rng_normal(&rng);
    for (int single = 0; single < 2; single++) {
      wg_energy *energy;
      wg_energy_settings settings;
      wg_energy_settings_init(&settings);
      settings.accuracy = single ? 1e-5 : 9e-6;
      expect_ok(wg_energy_attention(&energy, COUNT, LENGTH, tokens[s], heads[s], z, y, &settings));
      expect_ok(wg_energy_evaluate(energy, N, d, x, a, &value[single], force[single]));
      wg_energy_free(energy);
    }
    assert_near(value[1], value[0], 1e-6 * value[0]);
    assert_close(N * d, force[1], force[0], largest(N * d, force[0]), 2e-6);
    assert_memory_not_equal(force[1], force[0], (size_t)(N * d) * sizeof **force);
    free(z);
    free(y);
    free(a);
    free(x);
    free(force[0]);
    free(force[1]);
  }
}

/* ---- linear networks, callbacks, sums ---- */

typedef struct linear {
  int64_t outputs, inputs;
  const double *target, *covariance;
} linear;

static double linear_value(const void *data, int64_t n, int64_t d, const double *x,
                           const double *a) {
  const linear *l = data;
  double h[12], total = 0.0;
  for (int64_t o = 0; o < l->outputs; o++)
    for (int64_t k = 0; k < l->inputs; k++) {
      h[o * l->inputs + k] = -l->target[o * l->inputs + k];
      for (int64_t i = 0; i < n; i++)
        h[o * l->inputs + k] += a[i] * x[i * d + o] * x[i * d + l->outputs + k];
    }
  for (int64_t o = 0; o < l->outputs; o++)
    for (int64_t k = 0; k < l->inputs; k++)
      for (int64_t j = 0; j < l->inputs; j++)
        total += h[o * l->inputs + k] * h[o * l->inputs + j] *
                 (l->covariance ? l->covariance[k * l->inputs + j] : k == j);
  return 0.5 * total;
}

static void test_linear(void **state) {
  (void)state;
  const double target[6] = {1, 2, -1, 0.5, 0, 3}, c[9] = {2, 0.5, 0, 0.5, 1, -0.3, 0, -0.3, 3};
  const linear shapes[] = {{2, 3, target, c}, {2, 3, target, NULL}, {6, 1, target, NULL}};
  for (int s = 0; s < 3; s++) {
    wg_energy *energy;
    expect_ok(wg_energy_linear(&energy, shapes[s].outputs, shapes[s].inputs, target,
                               shapes[s].covariance));
    check(energy, (twin){&shapes[s], linear_value}, 6, shapes[s].outputs + shapes[s].inputs, 12);
  }
}

/* F = cube of the mean of the first column: not a potential, not an interaction. */
static double cube_value(const void *data, int64_t n, int64_t d, const double *x, const double *a) {
  double mean = 0.0;
  (void)data;
  for (int64_t i = 0; i < n; i++) mean += a[i] * x[i * d];
  return mean * mean * mean;
}

static int cube(void *data, int64_t n, int64_t d, const double *x, const double *a, double *value,
                double *force) {
  const double root = cbrt(cube_value(NULL, n, d, x, a));
  if (*(int *)data != 0) return *(int *)data;
  if (value) *value = root * root * root;
  for (int64_t k = 0; force && k < n * d; k++) force[k] = k % d == 0 ? 3.0 * root * root : 0.0;
  return 0;
}

typedef struct mixture {
  kernel k;
  potential p;
} mixture;

static double mixture_value(const void *data, int64_t n, int64_t d, const double *x,
                            const double *a) {
  const mixture *m = data;
  return 2.0 * kernel_value(&m->k, n, d, x, a) - 0.5 * potential_value(&m->p, n, d, x, a) +
         3.0 * cube_value(NULL, n, d, x, a);
}

static void test_sum(void **state) {
  (void)state;
  const mixture m = {kernels[2], {2, 3.0, NULL, NULL}};
  const double weights[3] = {2.0, -0.5, 3.0};
  wg_energy *parts[3], *sum;
  int failure = 0;
  expect_ok(wg_energy_interaction(&parts[0], "gaussian:0.8", NULL));
  expect_ok(wg_energy_potential(&parts[1], "power:3", 2, NULL, NULL));
  expect_ok(wg_energy_callback(&parts[2], 0, NAN, cube, &failure));
  expect_ok(wg_energy_sum(&sum, 3, parts, weights));
  assert_int_equal(wg_energy_dimension(sum), 2);
  const double x[2] = {0.0, 1.0};
  double force[2];
  failure = 7;
  assert_int_equal(wg_energy_evaluate(sum, 1, 2, x, NULL, NULL, force), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "it returned 7"));
  failure = 0;
  check(sum, (twin){&m, mixture_value}, 8, 2, 13);
}

/* ---- W2 ---- */

/* In one dimension between sorted points W2 = sum (x - y)^2 / n; a moved cloud starts warm. */
static void test_w2(void **state) {
  (void)state;
  const double y[4] = {0.0, 1.0, 2.0, 5.0};
  double x[4] = {0.5, 1.5, 2.5, 3.0}, force[4], value;
  wg_energy *energy;
  expect_ok(wg_energy_w2(&energy, "trace", 4, 1, y, NULL, NULL));
  for (int step = 0; step < 3; step++) {
    double expected = 0.0;
    for (int i = 0; i < 4; i++) expected += 0.25 * (x[i] - y[i]) * (x[i] - y[i]);
    expect_ok(wg_energy_evaluate(energy, 4, 1, x, NULL, &value, force));
    assert_near(value, expected, 1e-12);
    for (int i = 0; i < 4; i++) assert_near(force[i], 2.0 * (x[i] - y[i]), 1e-12);
    for (int i = 0; i < 4; i++) x[i] -= 0.1 * force[i];
  }
  wg_energy_free(energy);
}

/* With weights, under the operator gauge, against differences of the value; and other particles. */
static void test_w2_weighted(void **state) {
  (void)state;
  wg_rng rng = {21};
  wg_settings settings;
  wg_settings_init(&settings);
  settings.tol = 1e-11;
  test_clouds t = test_random_clouds(&rng, 6, 9, 2, true);
  double *force = test_numbers(12), above, below;
  wg_energy *energy;
  expect_ok(wg_energy_w2(&energy, "operator", t.m, 2, t.y, t.b, &settings));
  expect_ok(wg_energy_evaluate(energy, t.n, 2, t.x, t.a, NULL, force));
  for (int64_t k = 0; k < 12; k++) {
    const double kept = t.x[k], h = 1e-4;
    t.x[k] = kept + h;
    expect_ok(wg_energy_evaluate(energy, t.n, 2, t.x, t.a, &above, NULL));
    t.x[k] = kept - h;
    expect_ok(wg_energy_evaluate(energy, t.n, 2, t.x, t.a, &below, NULL));
    t.x[k] = kept;
    assert_near(force[k], (above - below) / (2.0 * h * t.a[k / 2]), 1e-4);
  }
  expect_ok(wg_energy_evaluate(energy, 3, 2, t.y, NULL, &above, force)); /* fewer, uniform */
  wg_energy_free(energy);
  free(force);
  test_free_clouds(&t);
}

/* ---- threads ---- */

static void check_threads(wg_energy *one, wg_energy *three, int64_t n, int64_t d) {
  wg_rng rng = {31};
  double *x = test_numbers(n * d), *a = test_weights(&rng, n), value[2];
  double *first = test_numbers(n * d), *second = test_numbers(n * d);
  for (int64_t k = 0; k < n * d; k++) x[k] = wg_rng_normal(&rng);
  expect_ok(wg_energy_evaluate(one, n, d, x, a, &value[0], first));
  expect_ok(wg_energy_evaluate(three, n, d, x, a, &value[1], second));
  assert_memory_equal(&value[0], &value[1], sizeof *value);
  assert_memory_equal(first, second, (size_t)(n * d) * sizeof *first);
  wg_energy_free(one);
  wg_energy_free(three);
  free(x);
  free(a);
  free(first);
  free(second);
}

static void test_threads(void **state) {
  (void)state;
  wg_rng rng = {32};
  double *y = test_numbers(6000), *z = test_numbers(6000);
  wg_energy *e[2];
  wg_energy_settings settings;
  wg_energy_settings_init(&settings);
  for (int k = 0; k < 6000; k++) y[k] = wg_rng_normal(&rng);
  for (int k = 0; k < 6000; k++) z[k] = wg_rng_normal(&rng);
  for (int way = 0; way < 3; way++) {
    settings.method = way == 2 ? WG_ENERGY_TREE : WG_ENERGY_DIRECT;
    settings.accuracy = way == 0 ? 0.0 : 1e-5;
    for (int k = 0; k < 2; k++) {
      settings.threads = 1 + 2 * k;
      expect_ok(wg_energy_mmd(&e[k], "laplace:1", 3000, 2, y, NULL, &settings));
    }
    check_threads(e[0], e[1], 2500, 2);
  }
  for (int k = 0; k < 2; k++) {
    settings.threads = 1 + 2 * k;
    expect_ok(wg_energy_network(&e[k], "tanh", 3000, 2, 1, y, z, &settings));
  }
  check_threads(e[0], e[1], 333, 3);
  for (int single = 0; single < 2; single++) {
    settings.accuracy = single ? 1e-5 : 0.0;
    for (int k = 0; k < 2; k++) {
      settings.threads = 1 + 2 * k;
      expect_ok(wg_energy_attention(&e[k], 50, 20, 6, 2, y, z, &settings));
    }
    check_threads(e[0], e[1], 20, 48);
  }
  free(y);
  free(z);
}

/* ---- minibatches ---- */

enum { DATA = 600, PROBES = DATA + 2, BATCH = 300 };

static double label_of(int64_t c) { return (double)(1 + c % 7); }

/* Data (c, 1), asked by neurons (0, (1, -k)), k from -1 up: size times the force on
 * u is minus the sum over drawn c of (c - k)+ times its label, whose second difference in k tells
 * which c are drawn. */
static void read_drawn(wg_energy *energy, int64_t size, bool drawn[DATA]) {
  double *x = test_numbers(PROBES * 3), *force = test_numbers(PROBES * 3);
  for (int64_t i = 0; i < PROBES; i++) {
    x[3 * i] = 0.0;
    x[3 * i + 1] = 1.0;
    x[3 * i + 2] = (double)(1 - i);
  }
  expect_ok(wg_energy_evaluate(energy, PROBES, 3, x, NULL, NULL, force));
  for (int64_t c = 0; c < DATA; c++) {
    const double *at = force + 3 * (c + 1);
    const double found = -(double)size * (at[-3] - 2.0 * at[0] + at[3]);
    drawn[c] = found > 0.5;
    assert_near(found, drawn[c] ? label_of(c) : 0.0, 1e-7);
  }
  free(x);
  free(force);
}

static void test_minibatches_of_networks(void **state) {
  (void)state;
  enum { SEEDS = 200 };
  double *z = test_numbers(2 * DATA), *y = test_numbers(DATA);
  int times[DATA] = {0};
  bool drawn[DATA], again[DATA];
  wg_energy *energy;
  for (int c = 0; c < DATA; c++) {
    z[2 * c] = c;
    z[2 * c + 1] = 1.0;
    y[c] = label_of(c);
  }
  expect_ok(wg_energy_network(&energy, "relu", DATA, 2, 1, z, y, NULL));
  assert_int_equal(wg_energy_outputs(energy), 1);
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    int count = 0;
    expect_ok(wg_energy_draw(energy, BATCH, seed));
    read_drawn(energy, BATCH, drawn);
    for (int c = 0; c < DATA; c++) count += drawn[c];
    for (int c = 0; c < DATA; c++) times[c] += drawn[c];
    assert_int_equal(count, BATCH);
  }
  /* Each datum as often as the others: within five standard deviations of a half. */
  for (int c = 0; c < DATA; c++) assert_in_range(times[c], SEEDS / 2 - 36, SEEDS / 2 + 36);
  expect_ok(wg_energy_draw(energy, BATCH, SEEDS - 1));
  read_drawn(energy, BATCH, again);
  assert_memory_equal(drawn, again, sizeof drawn);
  for (int whole = 0; whole <= DATA; whole += DATA) {
    expect_ok(wg_energy_draw(energy, BATCH, 1));
    expect_ok(wg_energy_draw(energy, whole, 1));
    read_drawn(energy, DATA, again);
    for (int c = 0; c < DATA; c++) assert_true(again[c]);
  }
  wg_energy_free(energy);
  free(z);
  free(y);
}

/* Silent heads: F is the mean of |y|^2 / 2, and the labels' squares are powers of two. Then a
 * drawn energy is, to the bit, that of the sequences it drew. */
static void test_minibatches_of_attention(void **state) {
  (void)state;
  enum { COUNT = 12, SIZE = 5, LENGTH = 3, TOKEN = 2, D = 8, N = 4 };
  double z[COUNT * LENGTH * TOKEN], y[COUNT * LENGTH * TOKEN] = {0}, zs[SIZE * LENGTH * TOKEN];
  double ys[SIZE * LENGTH * TOKEN], x[N * D] = {0}, force[2][N * D], value[2];
  wg_rng rng = {77};
  wg_energy *energy, *subset, *sum;
  for (int k = 0; k < COUNT * LENGTH * TOKEN; k++) z[k] = wg_rng_normal(&rng);
  for (int c = 0; c < COUNT; c++) y[c * LENGTH * TOKEN + 1] = sqrt((double)(1 << c));
  expect_ok(wg_energy_attention(&energy, COUNT, LENGTH, TOKEN, 1, z, y, NULL));
  expect_ok(wg_energy_draw(energy, SIZE, 3));
  expect_ok(wg_energy_evaluate(energy, N, D, x, NULL, value, NULL));
  const long bits = lrint(2.0 * value[0] * SIZE * LENGTH);
  int found = 0;
  for (int c = 0; c < COUNT; c++) {
    if (!(bits >> c & 1)) continue;
    assert_in_range(found, 0, SIZE - 1);
    memcpy(zs + found * LENGTH * TOKEN, z + c * LENGTH * TOKEN, sizeof zs / SIZE);
    memcpy(ys + found++ * LENGTH * TOKEN, y + c * LENGTH * TOKEN, sizeof ys / SIZE);
  }
  assert_int_equal(found, SIZE);
  assert_int_equal(wg_energy_outputs(energy), 0);
  expect_ok(wg_energy_attention(&subset, SIZE, LENGTH, TOKEN, 1, zs, ys, NULL));
  for (int k = 0; k < N * D; k++) x[k] = wg_rng_normal(&rng);
  expect_ok(wg_energy_evaluate(energy, N, D, x, NULL, &value[0], force[0]));
  expect_ok(wg_energy_evaluate(subset, N, D, x, NULL, &value[1], force[1]));
  assert_memory_equal(value, value + 1, sizeof *value);
  assert_memory_equal(force[0], force[1], sizeof *force);
  /* A sum passes it on; without data it is refused. */
  const double one = 1.0;
  expect_ok(wg_energy_sum(&sum, 1, &energy, &one));
  expect_ok(wg_energy_draw(sum, 0, 0));
  expect_ok(wg_energy_evaluate(sum, N, D, x, NULL, &value[0], NULL));
  assert_true(value[0] != value[1]);
  wg_energy_free(sum);
  wg_energy_free(subset);
  expect_ok(wg_energy_potential(&energy, "quadratic", 2, NULL, NULL));
  assert_int_equal(wg_energy_draw(energy, 1, 1), WG_ERR_ARGUMENT);
  wg_energy_free(energy);
}

/* ---- the paper's start ---- */

static double *read_reference(const char *name, int64_t count) {
  const char *folder = getenv("WG_REFERENCE");
  char path[1024];
  double *numbers = test_numbers(count);
  snprintf(path, sizeof path, "%s/flow/%s", folder ? folder : "", name);
  FILE *file = folder ? fopen(path, "rb") : NULL;
  if (!file) {
    free(numbers);
    print_message("WG_REFERENCE does not name the folder of reference values: skipped\n");
    skip();
  }
  /* .npy of float64: the numbers are the last bytes. */
  assert_int_equal(fseek(file, -(long)(count * 8), SEEK_END), 0);
  assert_int_equal(fread(numbers, 8, (size_t)count, file), count);
  fclose(file);
  return numbers;
}

static void test_paper_mmd(void **state) {
  (void)state;
  double *x = read_reference("mmd_x0.npy", 400), *y = read_reference("mmd_target.npy", 400), value;
  wg_energy *energy;
  expect_ok(wg_energy_mmd(&energy, "energy:0.01", 200, 2, y, NULL, NULL));
  expect_ok(wg_energy_evaluate(energy, 200, 2, x, NULL, &value, NULL));
  assert_near(value, 4.645245291880404, 1e-13);
  wg_energy_free(energy);
  free(x);
  free(y);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_potentials),
                                     cmocka_unit_test(test_kernels),
                                     cmocka_unit_test(test_float_pairs),
                                     cmocka_unit_test(test_equal_weights),
                                     cmocka_unit_test(test_tree),
                                     cmocka_unit_test(test_default_of_large_clouds),
                                     cmocka_unit_test(test_networks),
                                     cmocka_unit_test(test_attention),
                                     cmocka_unit_test(test_attention_in_float),
                                     cmocka_unit_test(test_linear),
                                     cmocka_unit_test(test_sum),
                                     cmocka_unit_test(test_w2),
                                     cmocka_unit_test(test_w2_weighted),
                                     cmocka_unit_test(test_threads),
                                     cmocka_unit_test(test_minibatches_of_networks),
                                     cmocka_unit_test(test_minibatches_of_attention),
                                     cmocka_unit_test(test_paper_mmd)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
