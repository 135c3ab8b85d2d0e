/* Flows of moments against the values of reference/moments, to the digits that those are believed
 * to have: states, energies, and the kind, mode and time of every event. */
#include "support.h"

#include <jansson.h>

enum { MOST = 64 };

static json_t *load(const char *name) {
  const char *reference = getenv("WG_REFERENCE");
  char path[5000];
  json_error_t error;
  snprintf(path, sizeof path, "%s/moments/%s",
           reference ? reference : WG_SOURCE_DIR "/../shared/reference", name);
  json_t *values = json_load_file(path, 0, &error);
  if (!values) {
    print_message("%s is absent: set WG_REFERENCE\n", path);
    skip();
  }
  assert_true(json_array_size(values) > 0);
  return values;
}

static double number(const json_t *value, const char *key) {
  return json_number_value(json_object_get(value, key));
}

/* The numbers of a list, or of a list of rows; how many. */
static int64_t flatten(const json_t *list, double *numbers) {
  int64_t count = 0;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *item = json_array_get(list, i);
    if (json_is_array(item))
      count += flatten(item, numbers + count);
    else
      numbers[count++] = json_number_value(item);
    assert_true(count <= MOST);
  }
  return count;
}

static int64_t numbers_of(const json_t *value, const char *key, double *numbers) {
  return flatten(json_object_get(value, key), numbers);
}

static void gauge_of(const json_t *value, char gauge[32]) {
  snprintf(gauge, 32, "schatten:%s", json_string_value(json_object_get(value, "p")));
}

/* Ten times what the believed digits allow, relative to the largest number. */
static double slack_of(const json_t *value, int64_t count, const double *expected) {
  double size = 0.0;
  for (int64_t i = 0; i < count; i++) size = fmax(size, fabs(expected[i]));
  return 10.0 * size * pow(10.0, -number(value, "digits"));
}

static void compare(const json_t *value, const char *key, const double *found) {
  double expected[MOST];
  const int64_t count = numbers_of(value, key, expected);
  const double slack = slack_of(value, count, expected);
  for (int64_t i = 0; i < count; i++) assert_near(found[i], expected[i], slack);
}

static void check_kl(const json_t *value) {
  double m0[MOST], s0[MOST], m1[MOST], s1[MOST], mean[MOST], cov[MOST];
  const double end = number(value, "T");
  char gauge[32];
  wg_moments *flow;
  wg_moments_info info;
  const int64_t d = numbers_of(value, "m0", m0);
  numbers_of(value, "S0", s0);
  numbers_of(value, "mbar", m1);
  numbers_of(value, "B", s1);
  gauge_of(value, gauge);
  assert_int_equal(wg_moments_kl(d, m0, s0, m1, s1, gauge, 1, &end, NULL, &flow), WG_CERTIFIED);
  assert_int_equal(wg_moments_get_info(flow, &info), WG_OK);
  assert_int_equal(wg_moments_get_gaussian(flow, 0, mean, cov), WG_OK);
  compare(value, "m", mean);
  compare(value, "S", cov);
  const double energy = number(value, "F");
  assert_near(info.energy, energy, slack_of(value, 1, &energy));
  assert_true(info.defect <= 1e-12);
  wg_moments_free(flow);
}

static void check_event(const wg_moments *flow, int64_t k, const json_t *expected) {
  static const char *const kinds[] = {"extinct", "a=0", "b=0", "arrive"};
  wg_moments_event event;
  assert_int_equal(wg_moments_get_event(flow, k, &event), WG_OK);
  assert_int_equal(event.mode, json_integer_value(json_array_get(expected, 0)));
  assert_string_equal(kinds[event.kind], json_string_value(json_array_get(expected, 1)));
  assert_near(event.time, json_number_value(json_array_get(expected, 2)), 1e-10);
}

static void check_modes(const json_t *value) {
  double s0[MOST], r0[MOST], beta[MOST], r[MOST];
  const double end = number(value, "T");
  const json_t *events = json_object_get(value, "events");
  char gauge[32];
  wg_moments *flow;
  wg_moments_info info;
  const int64_t modes = numbers_of(value, "s0", s0);
  numbers_of(value, "r0", r0);
  numbers_of(value, "beta", beta);
  gauge_of(value, gauge);
  assert_int_equal(wg_moments_modal(modes, s0, r0, beta, gauge, 1, &end, NULL, &flow),
                   WG_CERTIFIED);
  assert_int_equal(wg_moments_get_info(flow, &info), WG_OK);
  assert_int_equal(wg_moments_get_modes(flow, 0, r, NULL, NULL), WG_OK);
  compare(value, "r", r);
  assert_true(info.defect <= 1e-10);
  assert_int_equal(info.events, json_array_size(events));
  for (int64_t k = 0; k < info.events; k++) check_event(flow, k, json_array_get(events, (size_t)k));
  wg_moments_free(flow);
}

static void kl_flows_match(void **state) {
  (void)state;
  json_t *values = load("kl.json"), *value;
  size_t index;
  json_array_foreach(values, index, value) check_kl(value);
  json_decref(values);
}

static void modes_match(void **state) {
  (void)state;
  json_t *values = load("modal.json"), *value;
  size_t index;
  json_array_foreach(values, index, value) check_modes(value);
  json_decref(values);
}

/* One of the values, for machines without the folder: p = infinity, two losses of rank. */
static void one_is_always_compared(void **state) {
  (void)state;
  const double s0[] = {1.0, 0.7, 0.5}, r0[] = {0.1, -0.1, 0.05}, beta[] = {9.0, -3.0, 0.2};
  const double end = 0.3, times[] = {0.004749353374574323, 0.038944571528310684,
                                     0.049252309698708766, 0.08741518533739176};
  const int kinds[] = {WG_MOMENTS_ARRIVAL, WG_MOMENTS_LOSES_A, WG_MOMENTS_LOSES_B,
                       WG_MOMENTS_ARRIVAL};
  double r[3];
  wg_moments *flow;
  assert_int_equal(wg_moments_modal(3, s0, r0, beta, "operator", 1, &end, NULL, &flow),
                   WG_CERTIFIED);
  assert_int_equal(wg_moments_get_modes(flow, 0, r, NULL, NULL), WG_OK);
  assert_near(r[0], 8.686837038291445, 1e-10);
  for (int k = 0; k < 4; k++) {
    wg_moments_event event;
    assert_int_equal(wg_moments_get_event(flow, k, &event), WG_OK);
    assert_int_equal(event.kind, kinds[k]);
    assert_near(event.time, times[k], 1e-11);
  }
  wg_moments_free(flow);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kl_flows_match),
                                     cmocka_unit_test(modes_match),
                                     cmocka_unit_test(one_is_always_compared)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
