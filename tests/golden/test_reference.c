/* W2 of the reference clouds: every instance certified to 1e-9 (1e-8 above ten dimensions) with at
 * most thirty exact solves, by an interval that meets the reference's. */
#include "support.h"

#include <jansson.h>

#include "io/io.h"

static double *load(wg_mem *mem, const char *folder, const char *instance, const char *name,
                    wg_io_array *array) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s/%s.npy", folder, instance, name);
  if (wg_io_read(mem, path, NULL, array) < 0) fail_msg("%s", wg_error_detail());
  return array->data;
}

static void check_instance(const char *folder, const char *instance, const char *gauge,
                           double lower, double upper, double slack) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array x, y, a, b;
  test_clouds c = {.x = load(&mem, folder, instance, "x", &x)};
  c.y = load(&mem, folder, instance, "y", &y);
  c.a = load(&mem, folder, instance, "a", &a);
  c.b = load(&mem, folder, instance, "b", &b);
  c.n = x.shape[0];
  c.m = y.shape[0];
  c.d = x.shape[1];
  const double tol = c.d > 10 ? 1e-8 : 1e-9;
  if (c.d > 10 && !getenv("WG_LONG")) {
    wg_mem_clear(&mem);
    return;
  }
  wg_info info = test_distance(&c, gauge, tol);
  if (info.outcome != WG_CERTIFIED || info.gap > tol || info.oracle_calls > 30)
    fail_msg("%s %s: %s, gap %.2e after %lld calls", instance, gauge, wg_outcome_text(info.outcome),
             info.gap, (long long)info.oracle_calls);
  if (info.lower > upper + slack * upper || lower > info.upper + slack * upper)
    fail_msg("%s %s: [%.12g, %.12g] misses the reference [%.12g, %.12g]", instance, gauge,
             info.lower, info.upper, lower, upper);
  wg_mem_clear(&mem);
}

static int check_folder(const char *folder) {
  char path[4096];
  json_error_t error;
  int checked = 0;
  snprintf(path, sizeof path, "%s/values.json", folder);
  json_t *values = json_load_file(path, 0, &error), *value;
  if (!values) return -1;
  size_t index;
  json_array_foreach(values, index, value) {
    check_instance(folder, json_string_value(json_object_get(value, "instance")),
                   json_string_value(json_object_get(value, "gauge")),
                   json_number_value(json_object_get(value, "lower")),
                   json_number_value(json_object_get(value, "upper")), 1e-6);
    checked++;
  }
  json_decref(values);
  return checked;
}

static void the_small_clouds_match(void **state) {
  (void)state;
  assert_int_equal(check_folder(WG_SOURCE_DIR "/tests/golden/clouds"), 27);
}

static void the_reference_clouds_match(void **state) {
  (void)state;
  const char *reference = getenv("WG_REFERENCE");
  char folder[4096];
  snprintf(folder, sizeof folder, "%s/clouds",
           reference ? reference : WG_SOURCE_DIR "/../shared/reference");
  const int checked = check_folder(folder);
  if (checked < 0) {
    print_message("%s is absent: set WG_REFERENCE to run the larger clouds\n", folder);
    skip();
  }
  assert_true(checked > 0);
}

/* The trace is plain transport, which two other exact solvers know: see make_transport.py. */
static void plain_transport_matches_two_other_solvers(void **state) {
  (void)state;
  json_error_t error;
  json_t *file = json_load_file(WG_SOURCE_DIR "/tests/golden/transport.json", 0, &error), *value;
  assert_non_null(file);
  size_t index;
  const json_t *values = json_object_get(file, "values");
  assert_int_equal(json_array_size(values), 5);
  json_array_foreach(values, index, value) {
    const char *instance = json_string_value(json_object_get(value, "instance"));
    for (int solver = 0; solver < 2; solver++) {
      const double known = json_number_value(json_object_get(value, solver ? "scipy" : "pot"));
      assert_true(known > 0.0);
      check_instance(WG_SOURCE_DIR "/tests/golden/clouds", instance, "trace", known, known, 1e-12);
    }
  }
  json_decref(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_small_clouds_match),
      cmocka_unit_test(the_reference_clouds_match),
      cmocka_unit_test(plain_transport_matches_two_other_solvers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
