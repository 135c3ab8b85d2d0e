/* wg_pairwise: every pair once, with the bits of a solve of its own, whoever solves it; what is
 * known is left out; stops, limits and failures end it with what is done. */
#include "support.h"

enum { COUNT = 5, D = 3 };

typedef struct collection {
  double *points[COUNT], *weights[COUNT];
  wg_points clouds[COUNT];
} collection;

static collection make_collection(void) {
  collection c;
  wg_rng rng = {81};
  for (int k = 0; k < COUNT; k++) {
    const int64_t n = 12 + 3 * k;
    c.points[k] = test_numbers(n * D);
    c.weights[k] = k % 2 ? test_weights(&rng, n) : NULL;
    for (int64_t i = 0; i < n * D; i++) c.points[k][i] = wg_rng_normal(&rng) * (1 + 0.2 * k);
    c.clouds[k] = (wg_points){n, c.points[k], c.weights[k]};
  }
  return c;
}

static void free_collection(collection *c) {
  for (int k = 0; k < COUNT; k++) {
    free(c->points[k]);
    free(c->weights[k]);
  }
}

/* What came, and how often. */
typedef struct notes {
  int times[COUNT][COUNT], calls, stop_after;
  wg_pair pairs[COUNT][COUNT];
} notes;

static int note(const wg_pair *pair, void *data) {
  notes *seen = data;
  assert_true(pair->i >= 0 && pair->i < pair->j && pair->j < COUNT);
  assert_int_equal(pair->struct_size, sizeof *pair);
  seen->times[pair->i][pair->j]++;
  seen->pairs[pair->i][pair->j] = *pair;
  return ++seen->calls == seen->stop_after;
}

static wg_settings settings_with(int threads) {
  wg_settings settings;
  wg_settings_init(&settings);
  settings.threads = threads;
  return settings;
}

static void every_pair_as_if_alone(void **state) {
  (void)state;
  collection c = make_collection();
  for (int threads = 0; threads <= 12; threads += 4) {
    notes seen = {.calls = 0};
    wg_settings settings = settings_with(threads);
    wg_pairwise_info info;
    assert_int_equal(
        wg_pairwise(COUNT, D, c.clouds, "schatten:3", &settings, NULL, note, &seen, &info),
        WG_CERTIFIED);
    assert_int_equal(info.pairs, 10);
    assert_true(info.workers >= 1 && info.workers <= 10 && info.peak_bytes > 0);
    int64_t calls = 0;
    for (int i = 0; i < COUNT; i++)
      for (int j = 0; j < COUNT; j++) {
        double lower, upper;
        assert_int_equal(seen.times[i][j], i < j);
        if (i >= j) continue;
        const wg_points *x = &c.clouds[i], *y = &c.clouds[j];
        assert_int_equal(wg_distance(x->n, y->n, D, x->points, x->weights, y->points, y->weights,
                                     "schatten:3", 1e-6, &lower, &upper),
                         WG_CERTIFIED);
        assert_true(seen.pairs[i][j].lower == lower && seen.pairs[i][j].upper == upper);
        assert_true(seen.pairs[i][j].w == sqrt(upper));
        assert_true(seen.pairs[i][j].gap == (upper - lower) / upper);
        calls += seen.pairs[i][j].oracle_calls;
      }
    assert_int_equal(info.oracle_calls, calls);
  }
  free_collection(&c);
}

static void known_pairs_are_left_out(void **state) {
  (void)state;
  collection c = make_collection();
  unsigned char known[COUNT * COUNT] = {0};
  wg_settings settings = settings_with(2);
  wg_pairwise_info info;
  for (int left = 10; left >= 0; left -= 5) {
    notes seen = {.calls = 0};
    assert_int_equal(wg_pairwise(COUNT, D, c.clouds, "trace", &settings, known, note, &seen, &info),
                     WG_CERTIFIED);
    assert_int_equal(seen.calls, left);
    assert_int_equal(info.pairs, left);
    for (int k = 0, marked = 0; k < COUNT * COUNT && marked < 5; k++) {
      const int i = k / COUNT, j = k % COUNT;
      if (i >= j || known[k]) continue;
      assert_int_equal(seen.times[i][j], 1);
      known[k] = 1;
      marked++;
    }
  }
  free_collection(&c);
}

static void the_callback_stops_it(void **state) {
  (void)state;
  collection c = make_collection();
  for (int threads = 1; threads <= 3; threads++) {
    notes seen = {.stop_after = 4};
    wg_settings settings = settings_with(threads);
    wg_pairwise_info info;
    assert_int_equal(wg_pairwise(COUNT, D, c.clouds, "trace", &settings, NULL, note, &seen, &info),
                     WG_STOPPED);
    assert_in_range(seen.calls, 4, 4 + threads - 1);
    assert_true(info.pairs <= seen.calls && info.outcome == WG_STOPPED);
  }
  free_collection(&c);
}

/* Clouds that take much longer than a tenth of a second a pair. */
static wg_points long_cloud(wg_rng *rng, double **points) {
  const int64_t n = 1500, d = 20;
  *points = test_numbers(n * d);
  for (int64_t i = 0; i < n * d; i++) (*points)[i] = wg_rng_normal(rng);
  return (wg_points){n, *points, NULL};
}

typedef struct listener {
  int calls;
  char phase[96];
} listener;

static int stop_at_once(const wg_progress *at, void *data) {
  listener *heard = data;
  snprintf(heard->phase, sizeof heard->phase, "%s", at->phase);
  heard->calls++;
  return 1;
}

static void limits_end_it(void **state) {
  (void)state;
  wg_rng rng = {82};
  double *points[3];
  wg_points clouds[3];
  for (int k = 0; k < 3; k++) clouds[k] = long_cloud(&rng, &points[k]);
  wg_settings settings = settings_with(2);
  wg_pairwise_info info;
  notes seen = {.calls = 0};
  settings.tol = 1e-10;
  settings.time_limit = 0.3;
  assert_int_equal(wg_pairwise(3, 20, clouds, "operator", &settings, NULL, note, &seen, &info),
                   WG_TIME_LIMIT);
  assert_true(seen.calls >= 1 && info.pairs == 0 && info.workers == 2);
  for (int i = 0; i < 3; i++)
    for (int j = i + 1; j < 3; j++)
      if (seen.times[i][j]) assert_int_equal(seen.pairs[i][j].outcome, WG_TIME_LIMIT);
  listener heard = {.calls = 0};
  settings.time_limit = INFINITY;
  settings.progress = stop_at_once;
  settings.progress_data = &heard;
  assert_int_equal(wg_pairwise(3, 20, clouds, "operator", &settings, NULL, NULL, NULL, &info),
                   WG_STOPPED);
  assert_true(heard.calls >= 1 && strstr(heard.phase, "0 of 3 pairs"));
  for (int k = 0; k < 3; k++) free(points[k]);
}

static void assert_refused_pairs(int status, int wanted, const char *word) {
  assert_int_equal(status, wanted);
  if (!strstr(wg_error_detail(), word)) fail_msg("\"%s\" lacks \"%s\"", wg_error_detail(), word);
}

static void what_is_refused(void **state) {
  (void)state;
  collection c = make_collection();
  wg_settings settings = settings_with(2);
  assert_refused_pairs(wg_pairwise(0, D, c.clouds, "trace", NULL, NULL, NULL, NULL, NULL),
                       WG_ERR_ARGUMENT, "count");
  assert_refused_pairs(wg_pairwise(COUNT, 0, c.clouds, "trace", NULL, NULL, NULL, NULL, NULL),
                       WG_ERR_ARGUMENT, "d = 0");
  assert_refused_pairs(wg_pairwise(COUNT, D, NULL, "trace", NULL, NULL, NULL, NULL, NULL),
                       WG_ERR_ARGUMENT, "clouds");
  assert_refused_pairs(wg_pairwise(COUNT, D, c.clouds, "oops", NULL, NULL, NULL, NULL, NULL),
                       WG_ERR_ARGUMENT, "oops");
  assert_refused_pairs(wg_pairwise(COUNT, D, c.clouds, "kyfan:4", NULL, NULL, NULL, NULL, NULL),
                       WG_ERR_INPUT, "4");
  settings.memory_limit = 5000;
  assert_refused_pairs(wg_pairwise(COUNT, D, c.clouds, "trace", &settings, NULL, NULL, NULL, NULL),
                       WG_ERR_MEMORY_LIMIT, "clouds 0 and 1");
  settings.memory_limit = 0;
  settings.tol = -1;
  assert_refused_pairs(wg_pairwise(COUNT, D, c.clouds, "trace", &settings, NULL, NULL, NULL, NULL),
                       WG_ERR_ARGUMENT, "tol");
  c.points[2][4] = NAN;
  assert_refused_pairs(wg_pairwise(COUNT, D, c.clouds, "trace", NULL, NULL, NULL, NULL, NULL),
                       WG_ERR_INPUT, "cloud 2");
  c.weights[1][0] = -1;
  assert_refused_pairs(wg_pairwise(COUNT, D, c.clouds, "trace", NULL, NULL, NULL, NULL, NULL),
                       WG_ERR_INPUT, "weights of cloud 1");
  c.clouds[0].points = NULL;
  assert_refused_pairs(wg_pairwise(COUNT, D, c.clouds, "trace", NULL, NULL, NULL, NULL, NULL),
                       WG_ERR_ARGUMENT, "cloud 0");
  free_collection(&c);
}

static void one_cloud_has_no_pairs(void **state) {
  (void)state;
  collection c = make_collection();
  notes seen = {.calls = 0};
  wg_pairwise_info info;
  assert_int_equal(wg_pairwise(1, D, c.clouds, "trace", NULL, NULL, note, &seen, &info),
                   WG_CERTIFIED);
  assert_true(seen.calls == 0 && info.pairs == 0 && info.oracle_calls == 0);
  free_collection(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_pair_as_if_alone), cmocka_unit_test(known_pairs_are_left_out),
      cmocka_unit_test(the_callback_stops_it),  cmocka_unit_test(limits_end_it),
      cmocka_unit_test(what_is_refused),        cmocka_unit_test(one_cloud_has_no_pairs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
