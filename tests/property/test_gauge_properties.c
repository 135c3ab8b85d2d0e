/* Gauges on random matrices: duality, monotonicity, homogeneity, comparison with the trace, upper
 * bounds, and texts there and back (theory 1). */
/* cmocka.h needs the others before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

#include "gauge/gauge.h"

enum { LARGEST = 100 };

static wg_ledger ledger;
static wg_mem mem;
static double s[LARGEST * LARGEST], q[LARGEST * LARGEST], t[LARGEST * LARGEST];
static double factor[LARGEST * LARGEST];

static int setup(void **state) {
  (void)state;
  ledger = (wg_ledger){0};
  mem = wg_mem_of(&ledger);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  return ledger.now == 0 ? 0 : -1;
}

/* For d = 6. */
static const char *convex_gauges[] = {
    "trace",
    "frobenius",
    "operator",
    "schatten:1.05",
    "schatten:3.5",
    "schatten:40",
    "schatten:1e6",
    "kyfan:1",
    "kyfan:3",
    "kyfan:6",
    "sum:operator@2,trace@1,schatten:3@3",
    "max:operator@2,trace@1/0.7,schatten:3@3/2",
    "max:kyfan:2@4/0.5,frobenius@2",
};
static const char *other_gauges[] = {"schatten:0.5", "schatten:0.8", "sum:schatten:0.6@4,trace@2",
                                     "max:schatten:0.9@4/2,operator@2"};
enum {
  CONVEX = sizeof convex_gauges / sizeof convex_gauges[0],
  OTHERS = sizeof other_gauges / sizeof other_gauges[0],
  D = 6,
  TRIALS = 40
};

static const char *gauge_name(int index) {
  return index < CONVEX ? convex_gauges[index] : other_gauges[index - CONVEX];
}

static wg_gauge_spec bound(const char *text, int64_t d) {
  wg_gauge_spec spec;
  assert_int_equal(wg_gauge_parse(text, &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, d), WG_OK);
  return spec;
}

/* Random PSD matrix of the given rank at a random scale. */
static void random_psd(wg_rng *rng, int64_t d, int64_t rank, double *out) {
  double scale = exp(4.0 * wg_rng_normal(rng));
  for (int64_t i = 0; i < d * rank; i++) factor[i] = wg_rng_normal(rng);
  for (int64_t i = 0; i < d; i++) {
    for (int64_t j = 0; j <= i; j++) {
      double sum = 0.0;
      for (int64_t k = 0; k < rank; k++) sum += factor[i * rank + k] * factor[j * rank + k];
      out[i * d + j] = out[j * d + i] = scale * sum;
    }
  }
}

static double inner(int64_t d, const double *a, const double *b) {
  double sum = 0.0;
  for (int64_t i = 0; i < d * d; i++) sum += a[i] * b[i];
  return sum;
}

static double trace(int64_t d, const double *a) {
  double sum = 0.0;
  for (int64_t i = 0; i < d; i++) sum += a[i * d + i];
  return sum;
}

static double value_of(const wg_gauge_spec *spec, const double *a) {
  double value;
  assert_int_equal(wg_gauge_value(spec, a, &mem, &value), WG_OK);
  return value;
}

static double dual_of(const wg_gauge_spec *spec, const double *a) {
  double value;
  assert_int_equal(wg_gauge_dual(spec, a, &mem, &value), WG_OK);
  return value;
}

static double upper_of(const wg_gauge_spec *spec, const double *a) {
  double value;
  assert_int_equal(wg_gauge_upper(spec, a, 0.0, &mem, &value), WG_OK);
  return value;
}

static void subgradient_supports(void **state) {
  (void)state;
  wg_rng rng = {1};
  for (int g = 0; g < CONVEX + OTHERS; g++) {
    wg_gauge_spec spec = bound(gauge_name(g), D);
    for (int trial = 0; trial < TRIALS; trial++) {
      random_psd(&rng, D, 1 + trial % D, s);
      assert_int_equal(wg_gauge_subgradient(&spec, s, &mem, q), WG_OK);
      double value = value_of(&spec, s), pairing = inner(D, q, s);
      /* At p < 1 and a singular matrix the gradient is infinite; only full rank is meant there. */
      bool regular = g < CONVEX || trial % D == D - 1;
      if (regular && !(fabs(pairing - value) <= 1e-11 * value))
        fail_msg("%s: <Q,S> = %.17g, gamma = %.17g", gauge_name(g), pairing, value);
      if (g < CONVEX) assert_true(dual_of(&spec, q) <= 1.0 + 1e-12);
    }
  }
}

static void dual_gauge_bounds_pairings(void **state) {
  (void)state;
  wg_rng rng = {2};
  for (int g = 0; g < CONVEX; g++) {
    wg_gauge_spec spec = bound(gauge_name(g), D);
    for (int trial = 0; trial < TRIALS; trial++) {
      random_psd(&rng, D, 1 + trial % D, s);
      random_psd(&rng, D, 1 + (trial / 2) % D, q);
      assert_int_equal(wg_gauge_feasible(&spec, q, &mem), WG_OK);
      double product = value_of(&spec, s) * dual_of(&spec, q);
      assert_true(inner(D, q, s) <= product * (1 + 1e-12));
      double upper;
      assert_int_equal(wg_gauge_dual_upper(&spec, q, 0.0, &mem, &upper), WG_OK);
      assert_true(upper >= dual_of(&spec, q));
    }
  }
}

/* The dual gauge is attained: some S has <Q,S> = gamma(S) gamma°(Q). For Q = subgradient it is S.
 */
static void dual_gauge_is_attained(void **state) {
  (void)state;
  wg_rng rng = {3};
  for (int g = 0; g < CONVEX; g++) {
    wg_gauge_spec spec = bound(gauge_name(g), D);
    for (int trial = 0; trial < TRIALS; trial++) {
      random_psd(&rng, D, D, s);
      assert_int_equal(wg_gauge_subgradient(&spec, s, &mem, q), WG_OK);
      assert_true(dual_of(&spec, q) >= 1.0 - 1e-11);
    }
  }
}

static void monotone_and_homogeneous(void **state) {
  (void)state;
  wg_rng rng = {4};
  for (int g = 0; g < CONVEX + OTHERS; g++) {
    wg_gauge_spec spec = bound(gauge_name(g), D);
    for (int trial = 0; trial < TRIALS; trial++) {
      random_psd(&rng, D, D, s);
      random_psd(&rng, D, 1 + trial % D, t);
      for (int i = 0; i < D * D; i++) t[i] += s[i];
      double value = value_of(&spec, s);
      assert_true(value <= value_of(&spec, t) * (1 + 1e-13));
      double scale = exp(wg_rng_normal(&rng));
      for (int i = 0; i < D * D; i++) t[i] = scale * s[i];
      assert_true(fabs(value_of(&spec, t) - scale * value) <= 1e-13 * scale * value);
    }
  }
}

static void subadditive(void **state) {
  (void)state;
  wg_rng rng = {5};
  for (int g = 0; g < CONVEX; g++) {
    wg_gauge_spec spec = bound(gauge_name(g), D);
    for (int trial = 0; trial < TRIALS; trial++) {
      random_psd(&rng, D, 2, s);
      random_psd(&rng, D, 3, t);
      double parts = value_of(&spec, s) + value_of(&spec, t);
      for (int i = 0; i < D * D; i++) t[i] += s[i];
      assert_true(value_of(&spec, t) <= parts * (1 + 1e-13));
    }
  }
}

static void assert_between(const char *text, double low, double high) {
  wg_gauge_spec spec = bound(text, D);
  double value = value_of(&spec, s), tr = trace(D, s);
  assert_true(value >= low * tr * (1 - 1e-13));
  assert_true(value <= high * tr * (1 + 1e-13));
}

static void comparison_constants(void **state) {
  (void)state;
  wg_rng rng = {6};
  char text[64];
  for (int trial = 0; trial < TRIALS; trial++) {
    random_psd(&rng, D, 1 + trial % D, s);
    for (int k = 1; k <= D; k++) {
      snprintf(text, sizeof text, "kyfan:%d", k);
      assert_between(text, (double)k / D, 1.0);
    }
    for (double p = 1.0; p < 50; p *= 1.7) {
      snprintf(text, sizeof text, "schatten:%.17g", p);
      assert_between(text, pow(D, 1.0 / p - 1.0), 1.0);
    }
    assert_between("operator", 1.0 / D, 1.0);
    assert_between("schatten:0.5", 1.0, D);
  }
}

static void upper_is_above_and_close(void **state) {
  (void)state;
  static const int sizes[] = {1, 2, 3, 5, 10, 30, 100};
  static const char *texts[] = {"trace",         "frobenius",  "operator", "schatten:1.1",
                                "schatten:0.75", "schatten:7", "kyfan:1"};
  wg_rng rng = {7};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (size_t g = 0; g < sizeof texts / sizeof texts[0]; g++) {
      wg_gauge_spec spec = bound(texts[g], sizes[i]);
      for (int trial = 0; trial < 5; trial++) {
        random_psd(&rng, sizes[i], LARGEST, s);
        double value = value_of(&spec, s), upper = upper_of(&spec, s);
        assert_true(upper >= value);
        if (!(upper / value - 1 <= 1e-11)) fail_msg("%s: %g", texts[g], upper / value - 1);
      }
    }
  }
}

/* Low rank: eigenvalue bounds add up to d 16 d u |S|, but the trace bound saves gauges near it. */
static void upper_is_close_at_low_rank(void **state) {
  (void)state;
  wg_rng rng = {8};
  for (int g = 0; g < CONVEX; g++) {
    wg_gauge_spec spec = bound(gauge_name(g), D);
    for (int trial = 0; trial < TRIALS; trial++) {
      random_psd(&rng, D, 1 + trial % D, s);
      double value = value_of(&spec, s), upper = upper_of(&spec, s);
      assert_true(upper >= value && upper <= value * (1 + 1e-13));
    }
  }
}

/* ---- texts ---- */

static double random_exponent(wg_rng *rng) {
  switch (wg_rng_bits(rng) % 6) {
    case 0: return 1.0;
    case 1: return 2.0;
    case 2: return INFINITY;
    case 3: return 0.5 + (double)(wg_rng_bits(rng) % 40) / 4;
    default: return 0.5 + exp(5 * wg_rng_normal(rng));
  }
}

static void random_block(wg_rng *rng, wg_gauge_outer outer, wg_gauge_block *block) {
  block->kind = wg_rng_bits(rng) % 3 ? WG_SCHATTEN : WG_KYFAN;
  if (block->kind == WG_SCHATTEN)
    block->p = random_exponent(rng);
  else
    block->k = 1 + (int64_t)(wg_rng_bits(rng) % 1000000000);
  if (outer != WG_SINGLE) block->size = 1 + (int64_t)(wg_rng_bits(rng) % 1000000000);
  block->rate = 1.0;
  if (outer == WG_BLOCK_MAX && wg_rng_bits(rng) % 2) block->rate = exp(20 * wg_rng_normal(rng));
}

static void texts_there_and_back(void **state) {
  (void)state;
  wg_rng rng = {9};
  for (int trial = 0; trial < 3000; trial++) {
    wg_gauge_spec spec, again;
    char text[WG_GAUGE_TEXT];
    memset(&spec, 0, sizeof spec);
    spec.outer = (wg_gauge_outer)(wg_rng_bits(&rng) % 3);
    spec.block_count = spec.outer == WG_SINGLE ? 1 : 1 + (int64_t)(wg_rng_bits(&rng) % 8);
    for (int64_t b = 0; b < spec.block_count; b++) random_block(&rng, spec.outer, &spec.blocks[b]);
    wg_gauge_print(&spec, text);
    assert_int_equal(wg_gauge_parse(text, &again), WG_OK);
    assert_memory_equal(&spec, &again, sizeof spec);
  }
}

/* Random damage never crashes, and what is accepted prints to something accepted. */
static void damaged_texts(void **state) {
  (void)state;
  static const char alphabet[] = "trace@2,/:sum0.5maxkyfanschatteninf1e-";
  wg_rng rng = {10};
  for (int trial = 0; trial < 20000; trial++) {
    char text[64] = "max:schatten:2@3/2,trace@2", printed[WG_GAUGE_TEXT], again[WG_GAUGE_TEXT];
    size_t length = strlen(text);
    for (uint64_t k = wg_rng_bits(&rng) % 4; k > 0; k--)
      text[wg_rng_bits(&rng) % length] = alphabet[wg_rng_bits(&rng) % (sizeof alphabet - 1)];
    text[1 + wg_rng_bits(&rng) % length] = '\0';
    wg_gauge_spec spec;
    if (wg_gauge_parse(text, &spec) != WG_OK) continue;
    wg_gauge_print(&spec, printed);
    assert_int_equal(wg_gauge_parse(printed, &spec), WG_OK);
    wg_gauge_print(&spec, again);
    assert_string_equal(printed, again);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(subgradient_supports),
      TEST(dual_gauge_bounds_pairings),
      TEST(dual_gauge_is_attained),
      TEST(monotone_and_homogeneous),
      TEST(subadditive),
      TEST(comparison_constants),
      TEST(upper_is_above_and_close),
      TEST(upper_is_close_at_low_rank),
      TEST(texts_there_and_back),
      TEST(damaged_texts),
  };
  return cmocka_run_group_tests_name("gauge properties", tests, NULL, NULL);
}
