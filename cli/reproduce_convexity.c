/* What is convex along geodesics, what is not, and the rates that follow (theory 6.2,
 * docs/theory/convexity.md). Four panels, each a statement with numbers that are known.
 *
 * Branching: at p = infinity half the mass goes from (0, 0) to (1, 0) through (t, b(t)) and half
 * through (t, -b(t)), with b = 0 up to t = 1/2 and sin(2 pi s)/(2 pi), s = t - 1/2, beyond. |b'| is
 * at most one, so W(mu_s, mu_t) = |t - s|: a geodesic, which parts from the straight one half-way.
 * The convex energy int x_2^2 / 2 is b^2 / 2 there, with second derivative -1 at t = 3/4.
 *
 * Reflection: from N(0, I) to N((3, 0), I) the plan that turns x_2 into -x_2 is as good as the
 * translation, for 3 >= 2; but all of x_2 is zero half-way, where the entropy is infinite.
 *
 * Rates: slope^2 / (2 F) of KL to a Gaussian is at least one over the largest eigenvalue of its
 * covariance for every p >= 1, along the flows of many Gaussians, and equal to it along the flow of
 * one that is moved on that axis. And the Poincare constants of exp(-|x|^r), which grow with p. */
#include <inttypes.h>
#include <string.h>

#include "plot/plot.h"
#include "reproduce.h"

enum { TIMES = 65, CHECKED = 9, STARTS = 12, D = 3, SAMPLES = 5, GAUGES = 3, EXPONENTS = 7 };
static const double pi = 3.141592653589793, way = 3.0;
static const char *const gauges[GAUGES] = {"trace", "frobenius", "operator"};
static const char *const labels[GAUGES] = {"p = 1", "p = 2", "p = \u221e"};
static const double exponents[EXPONENTS] = {1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0};

typedef struct findings {
  /* branching */
  double paths[3][2 * TIMES]; /* up, down, straight */
  double branch[TIMES], worst_length;
  wg_convexity_info branching;
  /* reflection */
  double reflected[TIMES], translated[TIMES];
  wg_convexity_info reflection, translation;
  wg_verdict optimal[2]; /* of the reflected and of the translated plan */
  /* rates: least slope^2 / (2 F) times the largest eigenvalue; of random starts, of the shift */
  double least_ratio[GAUGES], shift_ratio[GAUGES];
  wg_poincare_info poincare[GAUGES][EXPONENTS];
  double curves[8][2 * TIMES]; /* what is drawn besides */
} findings;

static double time_of(int k) { return (double)k / (TIMES - 1); }

/* ---- branching ---- */

static void branch_at(double t, double points[4]) {
  const double away = t <= 0.5 ? 0.0 : sin(2.0 * pi * (t - 0.5)) / (2.0 * pi);
  points[0] = points[2] = t;
  points[1] = away;
  points[3] = -away;
}

/* |W(mu_s, mu_t) - |t - s|| over pairs of times. */
static int measure_branch(findings *f) {
  for (int k = 0; k < CHECKED; k++)
    for (int l = 0; l < k; l++) {
      const double s = (double)l / (CHECKED - 1), t = (double)k / (CHECKED - 1);
      double x[4], y[4], low, high;
      branch_at(s, x);
      branch_at(t, y);
      WG_TRY(wg_distance(2, 2, 2, x, NULL, y, NULL, "operator", 1e-12, &low, &high));
      f->worst_length = fmax(f->worst_length, fabs(sqrt(low) - (t - s)));
      f->worst_length = fmax(f->worst_length, fabs(sqrt(high) - (t - s)));
    }
  return WG_OK;
}

static int follow_branch(wg_energy *energy, findings *f) {
  for (int k = 0; k < TIMES; k++) {
    double points[4];
    branch_at(time_of(k), points);
    WG_TRY(wg_energy_evaluate(energy, 2, 2, points, NULL, &f->branch[k], NULL));
    memcpy(f->paths[0] + 2 * k, points, 2 * sizeof(double));
    memcpy(f->paths[1] + 2 * k, points + 2, 2 * sizeof(double));
    f->paths[2][2 * k] = time_of(k);
  }
  return wg_convexity(TIMES, f->branch, NULL, &f->branching);
}

static int find_branching(findings *f) {
  const double height[4] = {0.0, 0.0, 0.0, 1.0};
  wg_energy *energy;
  WG_TRY(wg_energy_potential(&energy, "quadratic", 2, NULL, height));
  int status = follow_branch(energy, f);
  wg_energy_free(energy);
  return status < 0 ? status : measure_branch(f);
}

/* ---- reflection ---- */

/* int rho log rho of N(m, S) in the plane; a determinant of rounding is a line. */
static int entropy(const double cov[4], double *value) {
  double values[2];
  WG_TRY(wg_spectrum(2, cov, values));
  const bool flat = values[1] <= 1e-14 * values[0];
  *value = flat ? INFINITY : -0.5 * log(values[0] * values[1]) - log(2.0 * pi) - 1.0;
  return WG_OK;
}

/* The plan x_2 -> sign x_2: its proof of optimality, the entropy along it. */
static int find_entropies(double sign, double *entropies, wg_verdict *verdict,
                          wg_convexity_info *info) {
  const double zero[2] = {0.0, 0.0}, mean[2] = {way, 0.0}, unit[4] = {1.0, 0.0, 0.0, 1.0};
  const double plan[4] = {1.0, 0.0, 0.0, sign}, q[4] = {1.0, 0.0, 0.0, 0.0};
  const double exact = way * way, slack = 1e-12 * exact;
  WG_TRY(wg_gaussian_verify(2, zero, unit, mean, unit, "operator", plan, q, exact - slack,
                            exact + slack, verdict));
  for (int k = 0; k < TIMES; k++) {
    double centre[2], cov[4];
    WG_TRY(wg_gaussian_geodesic(2, zero, unit, mean, unit, plan, time_of(k), centre, cov));
    WG_TRY(entropy(cov, &entropies[k]));
  }
  return wg_convexity(TIMES, entropies, NULL, info);
}

/* ---- rates ---- */

static int least_ratio(const double mean[D], const double cov[D * D], const double target[D * D],
                       const char *gauge, double *least) {
  static const double zero[D] = {0.0}, times[SAMPLES] = {0.0, 0.1, 0.2, 0.5, 1.0};
  wg_moments *flow;
  wg_moments_info info;
  double energy[SAMPLES], slope2[SAMPLES];
  WG_TRY(wg_moments_kl(D, mean, cov, zero, target, gauge, SAMPLES, times, NULL, &flow));
  int status = wg_moments_get_info(flow, &info);
  if (status == WG_OK) status = wg_moments_get_curves(flow, NULL, energy, slope2, NULL, NULL);
  for (int64_t k = 0; status == WG_OK && k < info.samples; k++)
    *least = fmin(*least, slope2[k] / (2.0 * energy[k]));
  wg_moments_free(flow);
  return status;
}

static void random_gaussian(wg_rng *rng, double mean[D], double cov[D * D]) {
  double factor[D][D];
  for (int i = 0; i < D; i++) {
    mean[i] = 2.0 * wg_rng_normal(rng);
    for (int j = 0; j < D; j++) factor[i][j] = wg_rng_normal(rng);
  }
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) {
      cov[i * D + j] = i == j ? 0.05 : 0.0;
      for (int k = 0; k < D; k++) cov[i * D + j] += factor[i][k] * factor[j][k];
    }
}

static int find_rates(findings *f) {
  const double largest = 4.0, shift[D] = {3.0, 0.0, 0.0};
  const double target[D * D] = {largest, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.25};
  for (int g = 0; g < GAUGES; g++) {
    wg_rng rng = {1};
    f->least_ratio[g] = f->shift_ratio[g] = INFINITY;
    for (int k = 0; k < STARTS; k++) {
      double mean[D], cov[D * D];
      random_gaussian(&rng, mean, cov);
      WG_TRY(least_ratio(mean, cov, target, gauges[g], &f->least_ratio[g]));
    }
    WG_TRY(least_ratio(shift, target, target, gauges[g], &f->shift_ratio[g]));
    f->least_ratio[g] *= largest;
    f->shift_ratio[g] *= largest;
    for (int k = 0; k < EXPONENTS; k++)
      WG_TRY(wg_poincare(exponents[k], gauges[g], 1e-3, &f->poincare[g][k]));
  }
  return WG_OK;
}

/* ---- judgement ---- */

static bool gains(const findings *f, int k) {
  const wg_poincare_info *one = &f->poincare[0][k], *more = &f->poincare[GAUGES - 1][k];
  return exponents[k] == 2.0 ? fabs(more->upper / one->upper - 1.0) < 1e-5
                             : more->lower > one->upper;
}

static bool as_stated(const findings *f) {
  const double step = pi / 32.0, exact = -pow(sin(step) / step, 2.0); /* 2 pi h, h = 1/64 */
  bool holds = fabs(f->branching.least - exact) < 1e-9 && f->worst_length < 1e-9;
  holds = holds && f->reflection.least == -INFINITY && f->reflection.time == 0.5;
  holds = holds && f->translation.convex && f->optimal[0].valid && f->optimal[1].valid;
  for (int g = 0; g < GAUGES; g++)
    holds = holds && f->least_ratio[g] >= 1.0 && fabs(f->shift_ratio[g] - 1.0) < 1e-6;
  for (int k = 0; k < EXPONENTS; k++) holds = holds && gains(f, k);
  return holds;
}

static json_t *poincare_json(const findings *f) {
  json_t *list = json_array();
  for (int k = 0; k < EXPONENTS; k++)
    for (int g = 0; g < GAUGES; g++)
      json_array_append_new(
          list, json_pack("{s:f, s:s, s:f, s:f}", "r", exponents[k], "gauge", gauges[g], "lower",
                          f->poincare[g][k].lower, "upper", f->poincare[g][k].upper));
  return list;
}

static void print(const findings *f, FILE *text) {
  fprintf(text, "branching   |W(s, t) - |t - s|| <= %.0e; int x_2^2/2: least F'' %.4f at t = %g\n",
          WG_MAX(f->worst_length, 1e-12), f->branching.least, f->branching.time);
  fprintf(text, "reflection  optimal: %s; entropy: least F'' %g at t = %g; translation: %g\n",
          f->optimal[0].valid ? "proved" : "no", f->reflection.least, f->reflection.time,
          fabs(f->translation.least));
  for (int g = 0; g < GAUGES; g++)
    fprintf(text, "%-11s slope^2 / (2 F) times the largest variance: %.3f or more, %.6f shifted\n",
            gauges[g], f->least_ratio[g], f->shift_ratio[g]);
  fputs("Poincare    r        trace               frobenius           operator\n", text);
  for (int k = 0; k < EXPONENTS; k++) {
    fprintf(text, "            %-6g", exponents[k]);
    for (int g = 0; g < GAUGES; g++)
      fprintf(text, "   [%.4f, %.4f]", f->poincare[g][k].lower, f->poincare[g][k].upper);
    fputc('\n', text);
  }
}

static void report(const findings *f, wg_reproduction *run) {
  run->outcome = as_stated(f) ? WG_CERTIFIED : WG_GAP_OPEN;
  run->own = json_pack(
      "{s:{s:f, s:f, s:f}, s:{s:b, s:o, s:f, s:f}, s:{s:o, s:o}, s:o}", "branching", "worst_length",
      f->worst_length, "least_second_difference", f->branching.least, "time", f->branching.time,
      "reflection", "optimal", f->optimal[0].valid, "least_second_difference",
      wg_cli_real(f->reflection.least), "time", f->reflection.time, "translation",
      f->translation.least, "gaussian_rates", "least", wg_cli_list(GAUGES, f->least_ratio), "shift",
      wg_cli_list(GAUGES, f->shift_ratio), "poincare", poincare_json(f));
  if (run->text) print(f, run->text);
}

/* ---- figure ---- */

static void curve_of(const double *values, double *points) {
  for (int k = 0; k < TIMES; k++) {
    points[2 * k] = time_of(k);
    points[2 * k + 1] = values[k];
  }
}

static int draw(wg_reproduction *run, findings *f) {
  static const char *const names[] = {"convexity.pdf", "convexity.svg", "convexity.png"};
  curve_of(f->branch, f->curves[0]);
  curve_of(f->reflected, f->curves[1]);
  curve_of(f->translated, f->curves[2]);
  for (int g = 0; g < GAUGES; g++)
    for (int k = 0; k < EXPONENTS; k++) {
      f->curves[3 + g][2 * k] = exponents[k];
      f->curves[3 + g][2 * k + 1] = f->poincare[g][k].upper / f->poincare[0][k].upper;
    }
  const wg_plot_curve branch[] = {
      {TIMES, f->paths[0], 2}, {TIMES, f->paths[1], 2}, {TIMES, f->paths[2], 0}};
  const wg_plot_curve energy = {TIMES, f->curves[0], 2};
  const wg_plot_curve entropies[] = {{TIMES, f->curves[1], 2}, {TIMES, f->curves[2], 0}};
  wg_plot_curve gain[GAUGES];
  for (int g = 0; g < GAUGES; g++) gain[g] = (wg_plot_curve){EXPONENTS, f->curves[3 + g], g};
  const wg_plot_plane planes[] = {{.title = "two geodesics of p = \u221e, the same ends",
                                   .x_axis = "x\u2081",
                                   .y_axis = "x\u2082",
                                   .low = {-0.05, -0.3},
                                   .high = {1.05, 0.3},
                                   .curve_count = 3,
                                   .curves = branch},
                                  {.title = "\u222b x\u2082\u00b2/2 along the one that parts",
                                   .x_axis = "t",
                                   .y_axis = "F",
                                   .low = {0.0, -0.002},
                                   .high = {1.0, 0.015},
                                   .curve_count = 1,
                                   .curves = &energy},
                                  {.title = "entropy: reflected plan, translation",
                                   .x_axis = "t",
                                   .y_axis = "\u222b \u03c1 log \u03c1",
                                   .low = {0.0, -3.5},
                                   .high = {1.0, 1.5},
                                   .curve_count = 2,
                                   .curves = entropies},
                                  {.title = "Poincar\u00e9 constant of exp(-|x|\u02b3) over p = 1",
                                   .x_axis = "r",
                                   .y_axis = "gain",
                                   .low = {1.4, 0.995},
                                   .high = {6.1, 1.04},
                                   .curve_count = GAUGES,
                                   .curves = gain}};
  const wg_plot_planes figure = {.title = "Convexity along geodesics, and rates",
                                 .label_count = GAUGES,
                                 .labels = labels,
                                 .count = 4,
                                 .columns = 2,
                                 .planes = planes};
  for (int k = 0; k < 3; k++) {
    char path[PATH_MAX];
    WG_TRY(wg_cli_join(path, run->out, names[k]));
    WG_TRY(wg_plot_phase(path, &figure));
    if (run->text) fprintf(run->text, "%s\n", path);
  }
  return WG_OK;
}

int wg_reproduce_convexity(wg_reproduction *run) {
  findings *f = WG_NEW(run->mem, findings, 1);
  if (!f) return wg_no_memory();
  WG_TRY(find_branching(f));
  WG_TRY(find_entropies(-1.0, f->reflected, &f->optimal[0], &f->reflection));
  WG_TRY(find_entropies(1.0, f->translated, &f->optimal[1], &f->translation));
  WG_TRY(find_rates(f));
  WG_TRY(draw(run, f));
  report(f, run);
  return WG_OK;
}
