/* W2 of the reference Gaussians: every instance certified to a relative gap of 1e-10 and meeting
 * the reference interval, singular covariances and condition numbers of 1e8 included. */
#include "normals.h"

#include <jansson.h>

#include "io/io.h"

static const char *folder_of_reference(char folder[4096]) {
  const char *reference = getenv("WG_REFERENCE");
  snprintf(folder, 4096, "%s/gaussians",
           reference ? reference : WG_SOURCE_DIR "/../shared/reference");
  return folder;
}

static int64_t load(const char *folder, const char *instance, const char *name, double *out) {
  char path[5000];
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  snprintf(path, sizeof path, "%s/%s/%s.npy", folder, instance, name);
  if (wg_io_read(&mem, path, NULL, &array) < 0) fail_msg("%s", wg_error_detail());
  assert_true(array.count <= (int64_t)TEST_MOST * TEST_MOST);
  memcpy(out, array.data, (size_t)array.count * sizeof *out);
  const int64_t rows = array.shape[0];
  wg_mem_clear(&mem);
  return rows;
}

/* The reference drops eigenvalues up to 1e-14 of the largest, which the library does not: W of the
 * reference is off by at most the root of what it drops, on each side. */
static double dropped_by_reference(int64_t d, const double *s) {
  double values[TEST_MOST], sum = 0.0;
  assert_int_equal(wg_spectrum(d, s, values), WG_OK);
  for (int64_t i = 0; i < d; i++)
    if (values[i] > 0.0 && values[i] <= 1e-14 * values[0]) sum += values[i];
  return sqrt(sum);
}

static void check_value(const char *folder, const json_t *value) {
  static test_normals c;
  const char *instance = json_string_value(json_object_get(value, "instance"));
  const char *gauge = json_string_value(json_object_get(value, "gauge"));
  const double lower = json_number_value(json_object_get(value, "lower"));
  const double upper = json_number_value(json_object_get(value, "upper"));
  c.d = load(folder, instance, "m0", c.m0);
  load(folder, instance, "m1", c.m1);
  load(folder, instance, "S0", c.s0);
  load(folder, instance, "S1", c.s1);
  if (c.d > 30 && !getenv("WG_LONG")) return;
  const wg_gaussian_info info = test_gaussian_certified(&c, gauge, 1e-10);
  const double moved = dropped_by_reference(c.d, c.s0) + dropped_by_reference(c.d, c.s1);
  const double slack = 1e-12 * upper; /* the reference's own rounding */
  const double most = sqrt(upper) + moved, least = sqrt(lower) - moved;
  if (info.lower > most * most + slack || least * least > info.upper + slack)
    fail_msg("%s %s: [%.15g, %.15g] misses the reference [%.15g, %.15g]", instance, gauge,
             info.lower, info.upper, lower, upper);
}

static void the_reference_gaussians_match(void **state) {
  (void)state;
  char folder[4096], path[5000];
  json_error_t error;
  snprintf(path, sizeof path, "%s/values.json", folder_of_reference(folder));
  json_t *values = json_load_file(path, 0, &error), *value;
  if (!values) {
    print_message("%s is absent: set WG_REFERENCE\n", path);
    skip();
  }
  size_t index;
  json_array_foreach(values, index, value) check_value(folder, value);
  assert_true(json_array_size(values) > 0);
  json_decref(values);
}

/* ---- gaussians.json, by a conic solver (make_gaussians.py) ---- */

static void read_numbers(const json_t *value, const char *name, int64_t count, double *out) {
  const json_t *list = json_object_get(value, name);
  assert_int_equal(json_array_size(list), count);
  for (int64_t i = 0; i < count; i++) out[i] = json_number_value(json_array_get(list, (size_t)i));
}

static void a_conic_solver_agrees(void **state) {
  (void)state;
  static test_normals c;
  const double its_error = 5e-8; /* of a solver that stops at 1e-9, on degenerate optima */
  size_t index;
  json_t *file = json_load_file(WG_SOURCE_DIR "/tests/golden/gaussians.json", 0, NULL), *value;
  assert_non_null(file);
  json_array_foreach(json_object_get(file, "values"), index, value) {
    const char *gauge = json_string_value(json_object_get(value, "gauge"));
    const double w2 = json_number_value(json_object_get(value, "w2"));
    c.d = json_integer_value(json_object_get(value, "d"));
    read_numbers(value, "m0", c.d, c.m0);
    read_numbers(value, "m1", c.d, c.m1);
    read_numbers(value, "S0", c.d * c.d, c.s0);
    read_numbers(value, "S1", c.d * c.d, c.s1);
    const wg_gaussian_info info = test_gaussian_certified(&c, gauge, 1e-10);
    if (w2 < info.lower * (1.0 - its_error) || w2 > info.upper * (1.0 + its_error))
      fail_msg("%s, d = %lld: the conic solver has %.15g, not in [%.15g, %.15g]", gauge,
               (long long)c.d, w2, info.lower, info.upper);
  }
  assert_true(index > 20);
  json_decref(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_conic_solver_agrees),
                                     cmocka_unit_test(the_reference_gaussians_match)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
