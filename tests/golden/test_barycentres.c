/* Barycentres of Gaussians against a conic solver (make_barycentres.py). */
#include "barycentres.h"

#include <jansson.h>

static void read_numbers(const json_t *value, const char *name, int64_t count, double *out) {
  const json_t *list = json_object_get(value, name);
  assert_int_equal(json_array_size(list), count);
  for (int64_t i = 0; i < count; i++) out[i] = json_number_value(json_array_get(list, (size_t)i));
}

static void a_conic_solver_agrees(void **state) {
  (void)state;
  static test_gaussians g;
  static test_barycentre b;
  const double its_error = 1e-7; /* of a solver that stops at 1e-8 */
  size_t index;
  json_t *file = json_load_file(WG_SOURCE_DIR "/tests/golden/barycentres.json", 0, NULL), *value;
  assert_non_null(file);
  json_array_foreach(json_object_get(file, "values"), index, value) {
    const char *gauge = json_string_value(json_object_get(value, "gauge"));
    const double least = json_number_value(json_object_get(value, "value"));
    g.count = json_integer_value(json_object_get(value, "count"));
    g.d = json_integer_value(json_object_get(value, "d"));
    read_numbers(value, "weights", g.count, g.weights);
    read_numbers(value, "means", g.count * g.d, g.means);
    read_numbers(value, "covs", g.count * g.d * g.d, g.covs);
    test_solve_barycentre(&g, gauge, 1e-8, &b);
    if (least < b.info.lower * (1.0 - its_error) || least > b.info.upper * (1.0 + its_error))
      fail_msg("%s, d = %lld: the conic solver has %.15g, not in [%.15g, %.15g]", gauge,
               (long long)g.d, least, b.info.lower, b.info.upper);
  }
  assert_true(index > 15);
  json_decref(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_conic_solver_agrees)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
