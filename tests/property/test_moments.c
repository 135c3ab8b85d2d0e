/* Flows of moments: closed forms, the energy law, invariants, and the modes against the covariance
 * flow they are a reduction of. */
#include "support.h"

enum { MOST = 64 };

static wg_moments_info info_of(const wg_moments *flow) {
  wg_moments_info info;
  assert_int_equal(wg_moments_get_info(flow, &info), WG_OK);
  return info;
}

static wg_moments_event event_of(const wg_moments *flow, int64_t k) {
  wg_moments_event event;
  assert_int_equal(wg_moments_get_event(flow, k, &event), WG_OK);
  return event;
}

/* A positive definite matrix with eigenvalues of the order of one. */
static void random_covariance(wg_rng *rng, int64_t d, double *cov) {
  double root[MOST];
  for (int64_t i = 0; i < d * d; i++) root[i] = wg_rng_normal(rng);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      cov[i * d + j] = i == j ? 0.3 : 0.0;
      for (int64_t k = 0; k < d; k++)
        cov[i * d + j] += root[i * d + k] * root[j * d + k] / (double)d;
    }
}

/* One dimension: P = 1 whatever the gauge, and the flow is that of an Ornstein-Uhlenbeck process.
 */
static void one_dimension_is_known(void **state) {
  (void)state;
  static const char *const gauges[] = {"trace", "operator", "schatten:1.7", "schatten:0.7"};
  const double m0 = 2.0, s0 = 3.0, m1 = -1.0, s1 = 0.5, times[] = {0.0, 0.1, 0.7};
  for (int k = 0; k < 4; k++) {
    wg_moments *flow;
    assert_int_equal(wg_moments_kl(1, &m0, &s0, &m1, &s1, gauges[k], 3, times, NULL, &flow),
                     WG_CERTIFIED);
    for (int t = 0; t < 3; t++) {
      double mean, cov, decay = exp(-times[t] / s1);
      assert_int_equal(wg_moments_get_gaussian(flow, t, &mean, &cov), WG_OK);
      assert_near(mean, m1 + (m0 - m1) * decay, 1e-12);
      assert_near(cov, s1 + (s0 - s1) * decay * decay, 1e-12);
    }
    wg_moments_free(flow);
  }
}

/* g(x) = x on N(0, diag(4, 1)): at p = 1 both deviations shrink like exp(-t); at p = infinity both
 * lose the sum of the deviations, until the smaller is gone at t = log(3)/2. */
static void a_linear_force_is_known(void **state) {
  (void)state;
  const double mean[2] = {0, 0}, cov[4] = {4, 0, 0, 1}, one[4] = {1, 0, 0, 1}, end[] = {0.3, 2.0};
  double m[2], s[4];
  wg_moments *flow;
  assert_int_equal(wg_moments_affine(2, mean, cov, one, NULL, "trace", 2, end, NULL, &flow),
                   WG_CERTIFIED);
  assert_int_equal(wg_moments_get_gaussian(flow, 1, m, s), WG_OK);
  assert_near(s[0], 4.0 * exp(-4.0), 1e-12);
  assert_near(s[3], exp(-4.0), 1e-12);
  wg_moments_free(flow);
  assert_int_equal(wg_moments_affine(2, mean, cov, one, NULL, "operator", 2, end, NULL, &flow),
                   WG_GAP_OPEN);
  const wg_moments_info info = info_of(flow);
  assert_int_equal(wg_moments_get_gaussian(flow, 0, m, s), WG_OK);
  const double lost = 1.5 * (1.0 - exp(-0.6));
  assert_near(sqrt(s[0]), 2.0 - lost, 1e-11);
  assert_near(sqrt(s[3]), 1.0 - lost, 1e-11);
  assert_int_equal(info.events, 1);
  assert_int_equal(info.samples, 2);
  assert_int_equal(event_of(flow, 0).kind, WG_MOMENTS_EXTINCTION);
  assert_int_equal(event_of(flow, 0).mode, 2);
  assert_near(event_of(flow, 0).time, 0.5 * log(3.0), 1e-5);
  assert_true(info.time == event_of(flow, 0).time && info.defect <= 1e-9);
  wg_moments_free(flow);
}

/* Energy falls by the integral of N*^2 for every p, mean and covariance coupled. */
static void the_energy_law_holds(void **state) {
  (void)state;
  static const char *const gauges[] = {"trace", "schatten:1.5", "frobenius", "schatten:0.8"};
  wg_rng rng = {41};
  for (int64_t d = 2; d <= 4; d++)
    for (int k = 0; k < 4; k++) {
      double m0[4], m1[4], s0[MOST], s1[MOST], target[4] = {0.5, -0.3, 0.2, 0.4}, end = 0.05;
      wg_moments *flow;
      random_covariance(&rng, d, s0);
      random_covariance(&rng, d, s1);
      for (int64_t i = 0; i < d; i++) {
        m0[i] = wg_rng_normal(&rng);
        m1[i] = wg_rng_normal(&rng);
      }
      assert_int_equal(wg_moments_kl(d, m0, s0, m1, s1, gauges[k], 1, &end, NULL, &flow),
                       WG_CERTIFIED);
      assert_true(info_of(flow).defect <= 1e-11 && info_of(flow).energy < info_of(flow).energy0);
      wg_moments_free(flow);
      if (d % 2) continue;
      assert_int_equal(
          wg_moments_linear(d / 2, d / 2, m0, s0, target, gauges[k], 1, &end, NULL, &flow),
          WG_CERTIFIED);
      assert_true(info_of(flow).defect <= 1e-11 && info_of(flow).energy < info_of(flow).energy0);
      wg_moments_free(flow);
    }
}

/* A diagonal pair, 1 < p < infinity: the force of the second coordinate is gone when its variance
 * is the target's, which it stays at; the first one is alone then, a process of Ornstein and
 * Uhlenbeck. */
static void extinct_directions_stay_and_others_go_on(void **state) {
  (void)state;
  static const double ps[] = {1.4, 1.7, 2.0, 4.0, 30.0};
  const double mean[2] = {0, 0}, start[4] = {4, 0, 0, 0.9}, target[4] = {1, 0, 0, 1.1};
  const double times[] = {1.0, 1.25, 1.5};
  for (int k = 0; k < 5; k++) {
    double s[3][4], m[2];
    char gauge[32];
    wg_moments *flow;
    snprintf(gauge, sizeof gauge, "schatten:%g", ps[k]);
    assert_int_equal(wg_moments_kl(2, mean, start, mean, target, gauge, 3, times, NULL, &flow),
                     WG_CERTIFIED);
    assert_int_equal(info_of(flow).events, 1);
    assert_int_equal(event_of(flow, 0).kind, WG_MOMENTS_EXTINCTION);
    assert_true(event_of(flow, 0).time < 1.0 && info_of(flow).defect <= 1e-11);
    for (int t = 0; t < 3; t++) {
      assert_int_equal(wg_moments_get_gaussian(flow, t, m, s[t]), WG_OK);
      assert_near(s[t][3], 1.1, 1e-10);
      if (t) assert_near(s[t][0], 1.0 + (s[0][0] - 1.0) * exp(-2.0 * (times[t] - 1.0)), 1e-11);
    }
    wg_moments_free(flow);
  }
}

/* A pair that does not commute, through its extinction: S(1) and KL(1) of an independent classical
 * Runge-Kutta method on singular values (numpy, 40 000 steps; it loses its order where sigma^(1/p)
 * is not smooth, which is what the slacks are: four times fewer steps change it by eight times as
 * much). */
static void a_pair_goes_through_its_extinction(void **state) {
  (void)state;
  static const struct {
    const char *gauge;
    double energy, cov[3], slack, at;
  } cases[] = {{"schatten:1.25",
                0.002084374898482594,
                {0.506803299971823, -0.1566473991180441, 1.4020562086365862},
                2e-13,
                INFINITY},
               {"schatten:2",
                0.0007522265556257346,
                {0.5146086386510806, -0.1823337787302265, 1.5213637496909194},
                4e-9,
                0.738},
               {"schatten:4",
                0.0008243971672632633,
                {0.5135964532241288, -0.18084167592772651, 1.5269951085484565},
                5e-7,
                0.316}};
  const double mean[2] = {0, 0}, start[4] = {2, 0.7, 0.7, 1}, target[4] = {0.5, -0.2, -0.2, 1.5};
  const double end = 1.0;
  for (int k = 0; k < 3; k++) {
    double s[4], m[2];
    wg_moments *flow;
    assert_int_equal(
        wg_moments_kl(2, mean, start, mean, target, cases[k].gauge, 1, &end, NULL, &flow),
        WG_CERTIFIED);
    const bool extinct = cases[k].at < end;
    assert_int_equal(info_of(flow).events, extinct);
    if (extinct) assert_near(event_of(flow, 0).time, cases[k].at, 1e-3);
    assert_int_equal(wg_moments_get_gaussian(flow, 0, m, s), WG_OK);
    assert_near(info_of(flow).energy, cases[k].energy, cases[k].slack);
    assert_near(s[0], cases[k].cov[0], cases[k].slack);
    assert_near(s[1], cases[k].cov[1], cases[k].slack);
    assert_near(s[3], cases[k].cov[2], cases[k].slack);
    assert_true(info_of(flow).defect <= 1e-11);
    wg_moments_free(flow);
  }
}

/* Several extinctions one after the other, with a mean that moves. */
static void the_energy_law_holds_through_extinctions(void **state) {
  (void)state;
  static const char *const gauges[] = {"schatten:1.5", "frobenius", "schatten:4", "schatten:8"};
  wg_rng rng = {43};
  int64_t events = 0;
  for (int64_t d = 2; d <= 3; d++)
    for (int k = 0; k < 4; k++)
      for (int moving = 0; moving < 2; moving++) {
        double m0[4] = {0}, m1[4] = {0}, s0[MOST], s1[MOST], end = 1.5;
        wg_moments *flow;
        random_covariance(&rng, d, s0);
        random_covariance(&rng, d, s1);
        for (int64_t i = 0; moving && i < d; i++) m0[i] = wg_rng_normal(&rng);
        assert_int_equal(wg_moments_kl(d, m0, s0, m1, s1, gauges[k], 1, &end, NULL, &flow),
                         WG_CERTIFIED);
        assert_true(info_of(flow).defect <= 1e-10 && info_of(flow).time == end);
        events += info_of(flow).events;
        wg_moments_free(flow);
      }
  assert_true(events >= 10);
}

/* States of zeros, of one number, and of all sizes: integrators end, with an answer or in words. */
static void flows_start_anywhere(void **state) {
  (void)state;
  static const char *const gauges[] = {"trace", "schatten:1.5", "operator"};
  const double sizes[] = {1.0, 1e-300, 1e-150, 1e-5, 1e5, 1e150}, end = 0.1;
  for (int g = 0; g < 3; g++)
    for (int k = 0; k < 6; k++) {
      const double s = sizes[k], zeros[4] = {0}, beta[] = {0.5 * s, -s, 0.0}, mean[2] = {s, 0.0};
      const double cov[4] = {s, 0, 0, 2 * s}, flat[4] = {s, 0, 0, 0}, one[4] = {1, 0, 0, 2};
      wg_settings settings;
      wg_moments *flow;
      wg_settings_init(&settings);
      settings.tol = 1e-9;
      settings.time_limit = 10.0;
      for (int b = 0; b < 3; b++) { /* a = b = s: the state of p = 1 is log s, zero at s = 1 */
        const int outcome =
            wg_moments_modal(1, &s, zeros, &beta[b], gauges[g], 1, &end, &settings, &flow);
        assert_true(outcome == WG_CERTIFIED || outcome == WG_GAP_OPEN);
        if (s <= 1.0) assert_int_equal(outcome, WG_CERTIFIED);
        wg_moments_free(flow);
      }
      for (int kind = 0; kind < 5; kind++) {
        const double *const start = kind == 1 ? flat : kind == 2 ? zeros : cov;
        const int outcome =
            kind < 3 ? wg_moments_affine(2, zeros, start, one, kind ? mean : NULL, gauges[g], 1,
                                         &end, &settings, &flow)
            : kind == 3
                ? wg_moments_linear(1, 1, NULL, zeros, &s, gauges[g], 1, &end, &settings, &flow)
                : wg_moments_kl(2, zeros, cov, mean, cov, gauges[g], 1, &end, &settings, &flow);
        if (outcome == WG_TIME_LIMIT)
          fail_msg("%s, size %g, kind %d does not end", gauges[g], s, kind);
        if (outcome >= 0) wg_moments_free(flow);
      }
    }
}

/* The modes are the covariance flow of a balanced diagonal network: blocks [[s, r], [r, s]]. */
static void modes_reduce_the_network(void **state) {
  (void)state;
  static const char *const gauges[] = {"trace", "schatten:1.5", "schatten:3", "operator"};
  const double s0[] = {1.0, 0.7}, r0[] = {0.1, -0.1}, beta[] = {0.9, -0.6}, times[] = {0.02, 0.06};
  double cov[16] = {0}, target[4] = {beta[0], 0, 0, beta[1]}, found[16], mean[4];
  for (int i = 0; i < 2; i++) {
    cov[i * 4 + i] = cov[(i + 2) * 4 + i + 2] = s0[i];
    cov[i * 4 + i + 2] = cov[(i + 2) * 4 + i] = r0[i];
  }
  for (int k = 0; k < 4; k++) {
    wg_moments *full, *modal;
    double r[2], a[2], b[2];
    assert_int_equal(wg_moments_linear(2, 2, NULL, cov, target, gauges[k], 2, times, NULL, &full),
                     WG_CERTIFIED);
    assert_int_equal(wg_moments_modal(2, s0, r0, beta, gauges[k], 2, times, NULL, &modal),
                     WG_CERTIFIED);
    for (int t = 0; t < 2; t++) {
      assert_int_equal(wg_moments_get_gaussian(full, t, mean, found), WG_OK);
      assert_int_equal(wg_moments_get_modes(modal, t, r, a, b), WG_OK);
      for (int i = 0; i < 2; i++) {
        assert_near(found[i * 4 + i + 2], r[i], 1e-10);
        assert_near(found[i * 4 + i], 0.5 * (a[i] + b[i]), 1e-10);
      }
      assert_near(found[1], 0.0, 1e-12);
    }
    wg_moments_free(full);
    wg_moments_free(modal);
  }
}

/* Rank is lost from a = b = alpha when |beta| > 2^(p/(p-1)) alpha, and only then; a lost direction
 * stays lost, and the mode goes to beta all the same: in infinite time when it is alone. */
static void rank_is_lost_beyond_the_threshold(void **state) {
  (void)state;
  static const double ps[] = {1.5, 2.0, 4.0, INFINITY};
  for (int k = 0; k < 4; k++)
    for (int beyond = 0; beyond < 2; beyond++) {
      const double p = ps[k], power = isinf(p) ? 1.0 : p / (p - 1.0), alpha = 0.1, zero = 0.0;
      const double side = k % 2 ? -1.0 : 1.0, end = 200.0;
      const double beta = side * alpha * pow(2.0, power) * (beyond ? 1.01 : 0.99);
      char gauge[32];
      double r, a, b;
      wg_moments *flow;
      snprintf(gauge, sizeof gauge, "schatten:%g", p);
      assert_int_equal(wg_moments_modal(1, &alpha, &zero, &beta, gauge, 1, &end, NULL, &flow),
                       WG_CERTIFIED);
      assert_int_equal(info_of(flow).events, beyond);
      const int kind = side > 0.0 ? WG_MOMENTS_LOSES_B : WG_MOMENTS_LOSES_A;
      if (beyond) assert_int_equal(event_of(flow, 0).kind, kind);
      assert_int_equal(wg_moments_get_modes(flow, 0, &r, &a, &b), WG_OK);
      assert_near(r, beta, 1e-10);
      assert_near(0.5 * (a - b), r, 1e-10);
      if (beyond) assert_true((side > 0.0 ? b : a) == 0.0);
      wg_moments_free(flow);
    }
}

/* States do not depend on how many are kept, beyond the tolerance. */
static void samples_do_not_matter(void **state) {
  (void)state;
  const double s0[] = {0.1, 10}, r0[] = {0, 0}, beta[] = {3, -25}, end = 18.0;
  double times[181], r[2], same[2];
  wg_moments *few, *many;
  for (int k = 0; k <= 180; k++) times[k] = 0.1 * k;
  assert_int_equal(wg_moments_modal(2, s0, r0, beta, "schatten:4", 1, &end, NULL, &few),
                   WG_CERTIFIED);
  assert_int_equal(wg_moments_modal(2, s0, r0, beta, "schatten:4", 181, times, NULL, &many),
                   WG_CERTIFIED);
  assert_int_equal(wg_moments_get_modes(few, 0, r, NULL, NULL), WG_OK);
  assert_int_equal(wg_moments_get_modes(many, 180, same, NULL, NULL), WG_OK);
  for (int i = 0; i < 2; i++) assert_near(r[i], same[i], 1e-9);
  assert_int_equal(info_of(few).events, info_of(many).events);
  double kept[181], energy[181];
  assert_int_equal(wg_moments_get_curves(many, kept, energy, NULL, NULL, NULL), WG_OK);
  for (int k = 0; k <= 180; k++) assert_true(kept[k] == times[k]);
  for (int k = 1; k <= 180; k++) assert_true(energy[k] <= energy[k - 1]);
  wg_moments_free(few);
  wg_moments_free(many);
}

static void at_rest_nothing_moves(void **state) {
  (void)state;
  const double m[2] = {1, 2}, s[4] = {2, 0.5, 0.5, 1}, end = 1.0;
  double mean[2], cov[4];
  wg_moments *flow;
  assert_int_equal(wg_moments_kl(2, m, s, m, s, "operator", 1, &end, NULL, &flow), WG_CERTIFIED);
  assert_int_equal(wg_moments_get_gaussian(flow, 0, mean, cov), WG_OK);
  for (int i = 0; i < 4; i++) assert_near(cov[i], s[i], 1e-12);
  wg_moments_free(flow);
}

static void nonsense_is_refused(void **state) {
  (void)state;
  const double m[2] = {0, 0}, s[4] = {1, 0, 0, 1}, skew[4] = {1, 1, 0, 1}, minus[4] = {1, 0, 0, -1};
  const double flat[4] = {1, 0, 0, 0}, bad[2] = {0, NAN}, end = 1.0, back[2] = {1.0, 0.5};
  const double one = 1.0, two = 2.0;
  wg_moments *f;
  double numbers[4];
  assert_int_equal(wg_moments_kl(2, m, skew, m, s, "trace", 1, &end, NULL, &f), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "cov0[1, 0]"));
  assert_int_equal(wg_moments_kl(2, m, minus, m, s, "trace", 1, &end, NULL, &f), WG_ERR_INPUT);
  assert_int_equal(wg_moments_kl(2, m, flat, m, s, "trace", 1, &end, NULL, &f), WG_ERR_INPUT);
  assert_int_equal(wg_moments_kl(2, m, s, m, flat, "trace", 1, &end, NULL, &f), WG_ERR_INPUT);
  assert_int_equal(wg_moments_kl(2, bad, s, m, s, "trace", 1, &end, NULL, &f), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "mean0[1]"));
  assert_int_equal(wg_moments_kl(2, m, s, m, s, "trace", 2, back, NULL, &f), WG_ERR_INPUT);
  assert_int_equal(wg_moments_kl(2, m, s, m, s, "kyfan:2", 1, &end, NULL, &f), WG_ERR_ARGUMENT);
  assert_int_equal(wg_moments_kl(2, m, s, m, s, "schatten:0.5", 1, &end, NULL, &f),
                   WG_ERR_ARGUMENT);
  assert_int_equal(wg_moments_kl(0, m, s, m, s, "trace", 1, &end, NULL, &f), WG_ERR_INPUT);
  assert_int_equal(wg_moments_affine(2, m, s, skew, NULL, "trace", 1, &end, NULL, &f),
                   WG_ERR_INPUT);
  assert_int_equal(wg_moments_modal(1, &one, &two, &one, "trace", 1, &end, NULL, &f), WG_ERR_INPUT);
  assert_int_equal(wg_moments_modal(1, &two, &one, &one, "schatten:0.9", 1, &end, NULL, &f),
                   WG_ERR_ARGUMENT);
  assert_int_equal(wg_moments_modal(1, &two, &one, &one, "trace", 1, &end, NULL, &f), WG_CERTIFIED);
  assert_int_equal(wg_moments_get_gaussian(f, 0, numbers, numbers), WG_ERR_STATE);
  assert_int_equal(wg_moments_get_modes(f, 1, numbers, NULL, NULL), WG_ERR_ARGUMENT);
  wg_moments_free(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_dimension_is_known),
      cmocka_unit_test(a_linear_force_is_known),
      cmocka_unit_test(the_energy_law_holds),
      cmocka_unit_test(extinct_directions_stay_and_others_go_on),
      cmocka_unit_test(a_pair_goes_through_its_extinction),
      cmocka_unit_test(the_energy_law_holds_through_extinctions),
      cmocka_unit_test(flows_start_anywhere),
      cmocka_unit_test(modes_reduce_the_network),
      cmocka_unit_test(rank_is_lost_beyond_the_threshold),
      cmocka_unit_test(samples_do_not_matter),
      cmocka_unit_test(at_rest_nothing_moves),
      cmocka_unit_test(nonsense_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
