/* Gauges one by one: texts accepted and refused, values against closed forms, extreme scales and
 * exponents, ties, blocks, bounds at zero. */
/* cmocka.h needs the others before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gauge/gauge.h"

static wg_ledger ledger;
static wg_mem mem;

static int setup(void **state) {
  (void)state;
  ledger = (wg_ledger){0};
  mem = wg_mem_of(&ledger);
  return 0;
}

/* Every test leaves no block behind: scratch is dropped by the functions themselves. */
static int teardown(void **state) {
  (void)state;
  return ledger.now == 0 && mem.blocks == NULL ? 0 : -1;
}

static wg_gauge_spec bound(const char *text, int64_t d) {
  wg_gauge_spec spec;
  assert_int_equal(wg_gauge_parse(text, &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, d), WG_OK);
  return spec;
}

static void assert_close(double value, double expected, double relative) {
  if (!(fabs(value - expected) <= relative * fabs(expected)))
    fail_msg("%.17g is not %.17g within %g", value, expected, relative);
}

static double value_at(const char *text, int64_t d, const double *s) {
  wg_gauge_spec spec = bound(text, d);
  double value;
  assert_int_equal(wg_gauge_value(&spec, s, &mem, &value), WG_OK);
  return value;
}

static double upper_at(const char *text, int64_t d, const double *s, double slack) {
  wg_gauge_spec spec = bound(text, d);
  double value;
  assert_int_equal(wg_gauge_upper(&spec, s, slack, &mem, &value), WG_OK);
  return value;
}

static double dual_at(const char *text, int64_t d, const double *q) {
  wg_gauge_spec spec = bound(text, d);
  double value;
  assert_int_equal(wg_gauge_dual(&spec, q, &mem, &value), WG_OK);
  return value;
}

static void subgradient_at(const char *text, int64_t d, const double *s, double *q) {
  wg_gauge_spec spec = bound(text, d);
  assert_int_equal(wg_gauge_subgradient(&spec, s, &mem, q), WG_OK);
}

/* ---- text ---- */

static void canonical_texts(void **state) {
  (void)state;
  static const char *pairs[][2] = {
      {"trace", "trace"},
      {"schatten:1", "trace"},
      {"schatten:2.0", "frobenius"},
      {"schatten:inf", "operator"},
      {"schatten:0.5", "schatten:0.5"},
      {"schatten:.5", "schatten:0.5"},
      {"schatten:10", "schatten:10"},
      {"schatten:3.0e0", "schatten:3"},
      {"schatten:1e6", "schatten:1000000"},
      {"schatten:1e300", "schatten:1e+300"},
      {"schatten:1.1000000000000001", "schatten:1.1"},
      {"kyfan:3", "kyfan:3"},
      {"kyfan:003", "kyfan:3"},
      {"sum:trace@2,schatten:2@3", "sum:trace@2,frobenius@3"},
      {"max:operator@1/1,trace@2/0.50", "max:operator@1,trace@2/0.5"},
      {"max:kyfan:2@4", "max:kyfan:2@4"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    wg_gauge_spec spec;
    char text[WG_GAUGE_TEXT];
    assert_int_equal(wg_gauge_parse(pairs[i][0], &spec), WG_OK);
    wg_gauge_print(&spec, text);
    assert_string_equal(text, pairs[i][1]);
  }
}

/* Text, and a part of the sentence that must come back: the culprit or the remedy. */
static const char *bad_texts[][2] = {
    {"", "empty"},
    {"schaten:2", "gauge 'schaten:2' is unknown; one of trace, frobenius, operator"},
    {"Trace", "lower case"},
    {"TRACE", "unknown"},
    {"trace ", "without spaces"},
    {" trace", "without spaces"},
    {"schatten: 2", "without spaces"},
    {"schatten", "write schatten:<p>"},
    {"schatten:", "schatten:: p must be a number"},
    {"schatten:0.3", "schatten:0.3: p must be at least 1/2"},
    {"schatten:-2", "at least 1/2"},
    {"schatten:0", "at least 1/2"},
    {"schatten:nan", "p must be a number"},
    {"schatten:infinity", "p must be a number"},
    {"schatten:-inf", "p must be a number"},
    {"schatten:0x2", "p must be a number"},
    {"schatten:2x", "p must be a number"},
    {"schatten:+2", "p must be a number"},
    {"schatten:1,5", "p must be a number"},
    {"schatten:1e999", "too large for a double"},
    {"kyfan", "write kyfan:<k>"},
    {"kyfan:", "k must be an integer"},
    {"kyfan:0", "k must be an integer"},
    {"kyfan:-1", "k must be an integer"},
    {"kyfan:1.5", "k must be an integer"},
    {"kyfan:99999999999999999999", "k must be an integer"},
    {"trace@2", "sizes belong to blocks"},
    {"sum:", "empty block"},
    {"sum:trace@2,", "empty block"},
    {"sum:,trace@2", "empty block"},
    {"max:trace", "trace: the block has no size"},
    {"sum:trace@", "the size must be an integer"},
    {"sum:trace@0", "the size must be an integer"},
    {"sum:trace@-2", "the size must be an integer"},
    {"sum:trace@2/3", "trace@2/3: a rate belongs to max: only"},
    {"sum:foo@2", "gauge 'foo' is unknown"},
    {"sum:sum:trace@2@2", "blocks do not nest"},
    {"max:sum:trace@2,trace@1", "blocks do not nest"},
    {"max:trace@2/0", "the rate must be a number > 0"},
    {"max:trace@2/-1", "the rate must be a number > 0"},
    {"max:trace@2/inf", "the rate must be a number > 0"},
    {"max:trace@2/nan", "the rate must be a number > 0"},
    {"max:trace@2/", "the rate must be a number > 0"},
    {"max:trace@2/1/2", "the rate must be a number > 0"},
    {"max:schatten:0.2@3", "schatten:0.2: p must be at least 1/2"},
    {"mean:trace@2", "sizes belong to blocks"},
    {"sum", "unknown"},
};

static void refused_texts(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad_texts / sizeof bad_texts[0]; i++) {
    wg_gauge_spec spec;
    wg_clear_error();
    assert_int_equal(wg_gauge_parse(bad_texts[i][0], &spec), WG_ERR_ARGUMENT);
    if (!strstr(wg_error_detail(), bad_texts[i][1]))
      fail_msg("'%s' says '%s', not '%s'", bad_texts[i][0], wg_error_detail(), bad_texts[i][1]);
  }
}

static char *repeated(const char *head, const char *piece, int count) {
  char *text = malloc(strlen(head) + strlen(piece) * (size_t)count + 1);
  assert_non_null(text);
  strcpy(text, head);
  for (int i = 0; i < count; i++) strcat(text, piece);
  return text;
}

static void too_many_blocks_and_too_long(void **state) {
  (void)state;
  wg_gauge_spec spec;
  char *most = repeated("sum:trace@1", ",trace@1", WG_GAUGE_MAX_BLOCKS - 1);
  char *many = repeated("sum:trace@1", ",trace@1", WG_GAUGE_MAX_BLOCKS);
  char *longest = repeated("schatten:", "1", WG_GAUGE_TEXT);
  char *grows = repeated("max:trace@1", ",schatten:1.2345678901234@1/1e9", 255);
  assert_int_equal(wg_gauge_parse(most, &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, WG_GAUGE_MAX_BLOCKS), WG_OK);
  assert_int_equal(wg_gauge_parse(many, &spec), WG_ERR_ARGUMENT);
  assert_non_null(strstr(wg_error_detail(), "256 blocks"));
  assert_int_equal(wg_gauge_parse(longest, &spec), WG_ERR_ARGUMENT);
  assert_true(strlen(grows) < WG_GAUGE_TEXT);
  assert_int_equal(wg_gauge_parse(grows, &spec), WG_ERR_ARGUMENT);
  assert_non_null(strstr(wg_error_detail(), "characters"));
  free(most);
  free(many);
  free(longest);
  free(grows);
}

static void binding_names_both_numbers(void **state) {
  (void)state;
  wg_gauge_spec spec;
  assert_int_equal(wg_gauge_parse("kyfan:5", &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, 3), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "kyfan:5 needs at least 5 columns and has 3"));
  assert_int_equal(wg_gauge_parse("sum:trace@2,kyfan:4@3", &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, 5), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "kyfan:4"));
  assert_int_equal(wg_gauge_parse("max:trace@2,trace@3", &spec), WG_OK);
  assert_int_equal(wg_gauge_bind(&spec, 6), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "sum to 5"));
  assert_non_null(strstr(wg_error_detail(), "d = 6"));
}

/* ---- facts ---- */

static void convexity_trace_and_minorant(void **state) {
  (void)state;
  wg_gauge_spec spec = bound("schatten:0.7", 3), minorant;
  char text[WG_GAUGE_TEXT];
  double dual, identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  assert_false(wg_gauge_is_convex(&spec));
  assert_int_equal(wg_gauge_dual(&spec, identity, &mem, &dual), WG_ERR_ARGUMENT);
  assert_int_equal(wg_gauge_dual_upper(&spec, identity, 0, &mem, &dual), WG_ERR_ARGUMENT);
  assert_int_equal(wg_gauge_feasible(&spec, identity, &mem), WG_ERR_ARGUMENT);
  wg_gauge_minorant(&spec, &minorant);
  wg_gauge_print(&minorant, text);
  assert_string_equal(text, "trace");
  spec = bound("max:schatten:0.7@2/2,operator@1", 3);
  wg_gauge_minorant(&spec, &minorant);
  wg_gauge_print(&minorant, text);
  assert_string_equal(text, "max:trace@2/2,operator@1");
  spec = bound("schatten:0.5", 1);
  assert_true(wg_gauge_is_convex(&spec));
}

static void trace_blocks(void **state) {
  (void)state;
  wg_gauge_spec spec = bound("sum:kyfan:2@2,schatten:0.5@1,trace@3", 6);
  for (int64_t b = 0; b < 3; b++) assert_true(wg_gauge_block_is_trace(&spec.blocks[b]));
  spec = bound("max:operator@2,kyfan:1@2,frobenius@2", 6);
  for (int64_t b = 0; b < 3; b++) assert_false(wg_gauge_block_is_trace(&spec.blocks[b]));
}

static void unit_values(void **state) {
  (void)state;
  wg_gauge_spec spec = bound("schatten:0.5", 3);
  assert_close(wg_gauge_unit(&spec), 1.0, 0);
  spec = bound("max:trace@2/4,trace@1/0.5", 3);
  assert_close(wg_gauge_unit(&spec), 4.0, 0);
}

/* ---- values ---- */

/* Eigenvalues 9, 4, 1 in a rotated basis. */
static void rotated(double *s) {
  static const double h[3] = {1.0 / 3, 2.0 / 3, 2.0 / 3}; /* reflection I - 2hh' */
  static const double lambda[3] = {9, 4, 1};
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) {
      s[3 * i + j] = 0;
      for (int k = 0; k < 3; k++)
        s[3 * i + j] += lambda[k] * ((i == k) - 2 * h[i] * h[k]) * ((j == k) - 2 * h[j] * h[k]);
    }
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < i; j++) s[3 * i + j] = s[3 * j + i];
}

static void spectral_values(void **state) {
  (void)state;
  double s[9];
  rotated(s);
  assert_close(value_at("trace", 3, s), 14, 1e-14);
  assert_close(value_at("operator", 3, s), 9, 1e-14);
  assert_close(value_at("frobenius", 3, s), sqrt(98), 1e-14);
  assert_close(value_at("schatten:0.5", 3, s), 36, 1e-14);
  assert_close(value_at("kyfan:2", 3, s), 13, 1e-14);
  assert_close(value_at("schatten:1e6", 3, s), 9, 1e-14);
  assert_close(value_at("schatten:1e300", 3, s), 9, 1e-14);
  assert_close(dual_at("trace", 3, s), 9, 1e-14);
  assert_close(dual_at("operator", 3, s), 14, 1e-14);
  assert_close(dual_at("schatten:3", 3, s), pow(27 + 8 + 1, 2.0 / 3), 1e-14);
  assert_close(dual_at("kyfan:2", 3, s), 9, 1e-14);
  double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  assert_close(dual_at("kyfan:2", 3, identity), 1.5, 1e-14);
  assert_close(value_at("schatten:1e6", 3, identity), pow(3, 1e-6), 1e-15);
}

static void block_values_ignore_the_rest(void **state) {
  (void)state;
  double s[9] = {4, 0, 7, 0, 1, 5, 7, 5, 9};
  assert_close(value_at("sum:operator@2,trace@1", 3, s), 13, 1e-15);
  assert_close(value_at("max:trace@2/0.5,trace@1", 3, s), 20, 1e-15);
  assert_close(value_at("max:trace@2,trace@1/3", 3, s), 5, 1e-15);
  assert_close(dual_at("sum:operator@2,trace@1", 3, s), 9, 1e-15);
  assert_close(dual_at("max:trace@2/0.5,trace@1/3", 3, s), 0.25 * 4 + 9 * 9, 1e-15);
}

static void negative_eigenvalues_count_as_zero(void **state) {
  (void)state;
  double s[4] = {3, 0, 0, -1};
  assert_close(value_at("trace", 2, s), 3, 1e-15);
  assert_close(value_at("schatten:0.5", 2, s), 3, 1e-15);
  assert_close(dual_at("operator", 2, s), 3, 1e-15);
}

static void single_column_is_exact(void **state) {
  (void)state;
  static const char *texts[] = {"trace", "operator", "schatten:0.5", "schatten:3.7", "kyfan:1"};
  double s = 0.1, q;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    assert_true(value_at(texts[i], 1, &s) == s);
    assert_true(upper_at(texts[i], 1, &s, 0.0) == s);
    assert_true(dual_at(texts[i], 1, &s) == s);
    subgradient_at(texts[i], 1, &s, &q);
    assert_true(q == 1.0);
  }
}

static void extreme_scales(void **state) {
  (void)state;
  static const char *texts[] = {"trace",   "frobenius",    "operator",
                                "kyfan:2", "schatten:0.5", "sum:frobenius@2,trace@1"};
  double s[9], t[9];
  rotated(s);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    double base = value_at(texts[i], 3, s), upper = upper_at(texts[i], 3, s, 0);
    for (int e = -1000; e <= 1000; e += 500) {
      for (int k = 0; k < 9; k++) t[k] = ldexp(s[k], e);
      assert_true(value_at(texts[i], 3, t) == ldexp(base, e));
      assert_true(upper_at(texts[i], 3, t, 0) == ldexp(upper, e));
    }
  }
}

static void infinite_entries_are_refused(void **state) {
  (void)state;
  wg_gauge_spec spec = bound("operator", 2);
  double s[4] = {1, 0, 0, INFINITY}, t[4] = {1, NAN, NAN, 1}, value, q[4];
  assert_int_equal(wg_gauge_value(&spec, s, &mem, &value), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "[1, 1]"));
  assert_int_equal(wg_gauge_upper(&spec, t, 0, &mem, &value), WG_ERR_INPUT);
  assert_int_equal(wg_gauge_subgradient(&spec, s, &mem, q), WG_ERR_INPUT);
  assert_int_equal(wg_gauge_dual(&spec, t, &mem, &value), WG_ERR_INPUT);
}

/* ---- subgradients ---- */

static void assert_matrix(const double *q, const double *expected, int count, double tolerance) {
  for (int i = 0; i < count; i++)
    if (!(fabs(q[i] - expected[i]) <= tolerance))
      fail_msg("entry %d is %.17g, not %.17g", i, q[i], expected[i]);
}

static void maximisers(void **state) {
  (void)state;
  double q[9], s[9] = {4, 0, 0, 0, 9, 0, 0, 0, 1};
  subgradient_at("trace", 3, s, q);
  assert_matrix(q, (double[9]){1, 0, 0, 0, 1, 0, 0, 0, 1}, 9, 0);
  subgradient_at("operator", 3, s, q);
  assert_matrix(q, (double[9]){0, 0, 0, 0, 1, 0, 0, 0, 0}, 9, 1e-15);
  subgradient_at("kyfan:2", 3, s, q);
  assert_matrix(q, (double[9]){1, 0, 0, 0, 1, 0, 0, 0, 0}, 9, 1e-15);
  double f = sqrt(98);
  subgradient_at("frobenius", 3, s, q);
  assert_matrix(q, (double[9]){4 / f, 0, 0, 0, 9 / f, 0, 0, 0, 1 / f}, 9, 1e-15);
  subgradient_at("schatten:0.5", 3, s, q); /* gamma^(1/2) / sqrt(lambda) = 6 / sqrt(lambda) */
  assert_matrix(q, (double[9]){3, 0, 0, 0, 2, 0, 0, 0, 6}, 9, 1e-13);
  subgradient_at("sum:operator@2,trace@1", 3, s, q);
  assert_matrix(q, (double[9]){0, 0, 0, 0, 1, 0, 0, 0, 1}, 9, 1e-15);
  subgradient_at("max:operator@2/2,trace@1", 3, s, q);
  assert_matrix(q, (double[9]){0, 0, 0, 0, 0.25, 0, 0, 0, 0}, 9, 1e-15);
}

static void ties_are_shared(void **state) {
  (void)state;
  double q[9], s[9] = {4, 0, 0, 0, 4 * (1 + 1e-14), 0, 0, 0, 1};
  subgradient_at("operator", 3, s, q);
  assert_matrix(q, (double[9]){0.5, 0, 0, 0, 0.5, 0, 0, 0, 0}, 9, 1e-15);
  double t[9] = {4, 0, 0, 0, 2, 0, 0, 0, 2};
  subgradient_at("kyfan:2", 3, t, q);
  assert_matrix(q, (double[9]){1, 0, 0, 0, 0.5, 0, 0, 0, 0.5}, 9, 1e-15);
  subgradient_at("max:trace@1,trace@2", 3, t, q);
  assert_matrix(q, (double[9]){0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5}, 9, 1e-15);
}

static void small_eigenvalues_for_p_below_one(void **state) {
  (void)state;
  double q[4], s[4] = {1, 0, 0, 0};
  subgradient_at("schatten:0.5", 2, s, q);
  assert_matrix(q, (double[4]){1, 0, 0, 1e7}, 4, 1e-6);
}

static void at_zero(void **state) {
  (void)state;
  static const char *texts[] = {"trace",
                                "frobenius",
                                "operator",
                                "kyfan:2",
                                "schatten:7",
                                "sum:operator@2,trace@1",
                                "max:operator@2/2,trace@1/0.3"};
  double s[9] = {0}, q[9], center[9];
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    wg_gauge_spec spec = bound(texts[i], 3);
    assert_true(value_at(texts[i], 3, s) == 0.0);
    assert_true(upper_at(texts[i], 3, s, 0.0) == 0.0);
    subgradient_at(texts[i], 3, s, q);
    wg_gauge_center(&spec, center);
    assert_matrix(q, center, 9, 1e-15);
    assert_close(dual_at(texts[i], 3, q), 1, 1e-14);
    for (int k = 0; k < 3; k++) assert_true(q[4 * k] > 0);
  }
}

/* ---- bounds and feasibility ---- */

static void upper_covers_perturbations(void **state) {
  (void)state;
  double s[9], t[9];
  static const char *texts[] = {"trace",        "frobenius",
                                "operator",     "kyfan:2",
                                "schatten:0.5", "sum:operator@2,trace@1",
                                "schatten:1.1", "max:operator@2/2,trace@1/0.3"};
  rotated(s);
  memcpy(t, s, sizeof t);
  t[0] += 0.01; /* rank one: operator norm and trace change by 0.01 */
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    assert_true(upper_at(texts[i], 3, s, 0.01) >= value_at(texts[i], 3, t));
  assert_close(upper_at("trace", 3, s, 0.01), 14.01, 1e-13);
  assert_close(upper_at("operator", 3, s, 0.01), 9.01, 1e-13);
  assert_true(isinf(upper_at("operator", 3, s, INFINITY)));
  double tiny[1] = {5e-324};
  assert_true(upper_at("max:trace@1/3", 1, tiny, 0) > 0.0);
}

static void dual_upper_covers_perturbations(void **state) {
  (void)state;
  static const char *texts[] = {"trace",        "frobenius",
                                "operator",     "kyfan:2",
                                "schatten:1.1", "sum:operator@2,trace@1",
                                "schatten:9",   "max:operator@2/2,trace@1/0.3"};
  double q[9], t[9], upper;
  rotated(q);
  memcpy(t, q, sizeof t);
  for (int k = 0; k < 3; k++) t[4 * k] += 0.01;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    wg_gauge_spec spec = bound(texts[i], 3);
    assert_int_equal(wg_gauge_dual_upper(&spec, q, 0.01, &mem, &upper), WG_OK);
    assert_true(upper >= dual_at(texts[i], 3, t) * (1 - 1e-15));
    assert_int_equal(wg_gauge_dual_upper(&spec, q, 0.0, &mem, &upper), WG_OK);
    assert_close(upper, dual_at(texts[i], 3, q), 1e-13);
    assert_true(upper >= dual_at(texts[i], 3, q));
  }
}

static void feasible_projects(void **state) {
  (void)state;
  wg_gauge_spec spec = bound("sum:trace@2,operator@1", 3);
  double q[9] = {3, 0, 5, 2, -1, 5, 1, 1, 0.5};
  assert_int_equal(wg_gauge_feasible(&spec, q, &mem), WG_OK);
  assert_true(q[2] == 0 && q[5] == 0 && q[6] == 0 && q[7] == 0 && q[1] == q[3]);
  assert_close(dual_at("sum:trace@2,operator@1", 3, q), 1, 1e-14);
  double inside[9] = {0.5, 0, 0, 0, 0.25, 0, 0, 0, 0.125}, copy[9];
  memcpy(copy, inside, sizeof copy);
  assert_int_equal(wg_gauge_feasible(&spec, inside, &mem), WG_OK);
  assert_matrix(inside, copy, 9, 1e-15);
}

static void refused_allocations(void **state) {
  (void)state;
  wg_gauge_spec spec = bound("frobenius", 3);
  double s[9], q[9], value;
  rotated(s);
  wg_fail_allocation(1);
  assert_int_equal(wg_gauge_value(&spec, s, &mem, &value), WG_ERR_MEMORY);
  wg_fail_allocation(1);
  assert_int_equal(wg_gauge_upper(&spec, s, 0, &mem, &value), WG_ERR_MEMORY);
  wg_fail_allocation(1);
  assert_int_equal(wg_gauge_subgradient(&spec, s, &mem, q), WG_ERR_MEMORY);
  wg_fail_allocation(1);
  assert_int_equal(wg_gauge_dual(&spec, s, &mem, &value), WG_ERR_MEMORY);
  wg_fail_allocation(1);
  assert_int_equal(wg_gauge_feasible(&spec, s, &mem), WG_ERR_MEMORY);
  wg_fail_allocation(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The definitions agree with the gauges, and a kind or a combination they lack is refused. */
static void definitions(void **state) {
  static const char *const texts[] = {"trace",
                                      "operator",
                                      "schatten:1.5",
                                      "schatten:1e300",
                                      "kyfan:2",
                                      "sum:kyfan:1@2,frobenius@2",
                                      "max:trace@1/0.5,schatten:4@3/2"};
  const double s[16] = {4, 1, 0.5, 0, 1, 3, 0.25, 0.5, 0.5, 0.25, 2, 0.125, 0, 0.5, 0.125, 4};
  double value, dual, expected;
  (void)state;
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
    wg_gauge_spec spec = bound(texts[k], 4);
    assert_int_equal(wg_gauge_value(&spec, s, &mem, &value), WG_OK);
    assert_int_equal(wg_define_gauge(&spec, false, s, &mem, &expected), WG_OK);
    assert_close(value, expected, 1e-14);
    assert_int_equal(wg_gauge_dual(&spec, s, &mem, &dual), WG_OK);
    assert_int_equal(wg_define_gauge(&spec, true, s, &mem, &expected), WG_OK);
    assert_close(dual, expected, 1e-14);
    spec.blocks[0].kind = (wg_gauge_kind)5;
    assert_int_equal(wg_define_gauge(&spec, false, s, &mem, &expected), WG_ERR_INTERNAL);
    assert_int_equal(wg_define_gauge(&spec, true, s, &mem, &expected), WG_ERR_INTERNAL);
    spec = bound(texts[k], 4);
    spec.outer = (wg_gauge_outer)5;
    assert_int_equal(wg_define_gauge(&spec, false, s, &mem, &expected), WG_ERR_INTERNAL);
  }
}

/* What is claimed of a matrix, right and wrong. */
static void claims_are_checked(void **state) {
  const double s[9] = {4, 1, 0, 1, 3, 0.5, 0, 0.5, 2};
  double value, dual, q[9], error;
  (void)state;
  assert_int_equal(wg_gauge("schatten:3", 3, s, &value, q, &dual), WG_OK);
  assert_int_equal(wg_gauge_check("schatten:3", 3, s, value, q, &dual, &error), WG_OK);
  assert_true(error <= 1e-14);
  const double wrong = dual * 1.001;
  assert_int_equal(wg_gauge_check("schatten:3", 3, s, 1.001 * value, q, &dual, &error), WG_OK);
  assert_true(error > 9e-4);
  assert_int_equal(wg_gauge_check("schatten:3", 3, s, value, q, &wrong, &error), WG_OK);
  assert_true(error > 9e-4);
  assert_int_equal(wg_gauge_check("kyfan:2", 3, s, value, q, NULL, &error), WG_OK);
  assert_true(error > 1e-2);
  for (int k = 0; k < 9; k++) q[k] *= 1.001;
  assert_int_equal(wg_gauge_check("schatten:3", 3, s, value, q, &dual, &error), WG_OK);
  assert_true(error > 9e-4);
}

/* Exponents whose powers would leave every range: value, dual and subgradient are the operator's to
 * rounding, and the upper bounds stay near. */
static void largest_exponents(void **state) {
  static const char *const texts[] = {"schatten:1e16", "schatten:1e300", "schatten:1.7e308"};
  (void)state;
  for (int size = -1; size <= 1; size++)
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
      const double unit = pow(10.0, 300.0 * size);
      const double s[9] = {4 * unit, 0, 0, 0, 4 * unit, 0, 0, 0, unit};
      double value, dual, upper, q[9];
      const wg_gauge_spec spec = bound(texts[k], 3);
      assert_int_equal(wg_gauge_value(&spec, s, &mem, &value), WG_OK);
      assert_close(value, 4 * unit, 1e-15);
      assert_int_equal(wg_gauge_dual(&spec, s, &mem, &dual), WG_OK);
      assert_close(dual, 9 * unit, 1e-15);
      assert_int_equal(wg_gauge_subgradient(&spec, s, &mem, q), WG_OK);
      assert_close(q[0] + q[4] + q[8], 1.0, 1e-15);
      assert_close(q[0], 0.5, 1e-15);
      assert_int_equal(wg_gauge_upper(&spec, s, 0.0, &mem, &upper), WG_OK);
      assert_true(upper >= value && upper <= value * (1 + 1e-13));
      assert_int_equal(wg_gauge_dual_upper(&spec, s, 0.0, &mem, &upper), WG_OK);
      assert_true(upper >= dual && upper <= dual * (1 + 1e-13));
    }
}

/* Only exponents that the tolerance cannot tell from infinity are flattened. */
static void flatten(void **state) {
  wg_gauge_spec spec = bound("sum:schatten:1e9@2,schatten:1e5@2,schatten:0.5@1,kyfan:1@2", 7);
  (void)state;
  wg_gauge_flatten(&spec, 1e-7);
  assert_true(isinf(spec.blocks[0].p) && spec.blocks[1].p == 1e5);
  assert_true(spec.blocks[2].p == 1.0 && spec.blocks[3].kind == WG_KYFAN);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(canonical_texts),
      TEST(refused_texts),
      TEST(too_many_blocks_and_too_long),
      TEST(binding_names_both_numbers),
      TEST(convexity_trace_and_minorant),
      TEST(trace_blocks),
      TEST(unit_values),
      TEST(spectral_values),
      TEST(block_values_ignore_the_rest),
      TEST(negative_eigenvalues_count_as_zero),
      TEST(single_column_is_exact),
      TEST(extreme_scales),
      TEST(infinite_entries_are_refused),
      TEST(maximisers),
      TEST(ties_are_shared),
      TEST(small_eigenvalues_for_p_below_one),
      TEST(at_zero),
      TEST(upper_covers_perturbations),
      TEST(dual_upper_covers_perturbations),
      TEST(feasible_projects),
      TEST(definitions),
      TEST(claims_are_checked),
      TEST(largest_exponents),
      TEST(flatten),
      TEST(refused_allocations),
  };
  return cmocka_run_group_tests_name("gauge", tests, NULL, NULL);
}
