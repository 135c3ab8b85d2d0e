/* A solver object: settings, a progress callback, several gauges on one pair of clouds, and what a
 * solve leaves behind: the plan, Q and the potentials, the geodesic.
 *
 * One object for several gauges pays: what was learnt under one gauge (couplings, the basis of the
 * transport solver) is where the next solve begins.
 *
 *     cc 02_solver.c $(pkg-config --cflags --libs wgamma) -lm -o 02_solver
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <wgamma.h>

enum { N = 60, M = 40, D = 3 };

/* A spiral and an arc, without random numbers so that every run prints the same. */
static void fill_clouds(double *x, double *y) {
  for (int i = 0; i < N; i++) {
    const double t = 0.1 * i;
    x[i * D] = t * cos(t);
    x[i * D + 1] = t * sin(t);
    x[i * D + 2] = 0.2 * t;
  }
  for (int j = 0; j < M; j++) {
    const double t = 3.0 * j / M;
    y[j * D] = 4.0 + cos(t);
    y[j * D + 1] = 2.0 * sin(t);
    y[j * D + 2] = 1.0;
  }
}

/* Called at most ten times a second, so not at all in a solve as short as these; returning non-zero
 * would stop the solve, which then still gives its best interval so far. */
static int watch(const wg_progress *progress, void *data) {
  (void)data;
  fprintf(stderr, "%6.1f s  %s: W2 in [%g, %g] after %lld transport solves\n", progress->seconds,
          progress->phase, progress->lower, progress->upper, (long long)progress->oracle_calls);
  return 0;
}

static int fail(wg_solver *solver) {
  fprintf(stderr, "wgamma: %s\n", wg_error_detail());
  wg_free(solver);
  return 1;
}

/* The largest f_i + g_j - (y_j - x_i)' Q (y_j - x_i): what potentials must keep at or below 0. */
static double worst_violation(const double *x, const double *y, const double *q, const double *f,
                              const double *g) {
  double worst = -INFINITY;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < M; j++) {
      double cost = 0.0;
      for (int k = 0; k < D; k++)
        for (int l = 0; l < D; l++)
          cost += (y[j * D + k] - x[i * D + k]) * q[k * D + l] * (y[j * D + l] - x[i * D + l]);
      worst = fmax(worst, f[i] + g[j] - cost);
    }
  return worst;
}

/* What the last solve found. */
static int show_solution(const wg_solver *solver, const double *x, const double *y) {
  wg_plan plan;
  double q[D * D], moment[D * D], spectrum[D], f[N], g[M];
  if (wg_get_plan(solver, &plan) < 0 || wg_get_q(solver, q) < 0 ||
      wg_get_moment(solver, moment) < 0 || wg_get_potentials(solver, f, g) < 0 ||
      wg_spectrum(D, moment, spectrum) < 0)
    return -1;
  printf("plan: %lld entries for %d + %d points; the first moves %.6f from x[%lld] to y[%lld]\n",
         (long long)plan.count, N, M, plan.mass[0], (long long)plan.row[0], (long long)plan.col[0]);
  printf("spectrum of the displacement covariance: %.6f %.6f %.6f\n", spectrum[0], spectrum[1],
         spectrum[2]);

  double dual = 0.0;
  for (int i = 0; i < N; i++) dual += f[i] / N;
  for (int j = 0; j < M; j++) dual += g[j] / M;
  printf("potentials: sum %.6f, %s\n", dual,
         worst_violation(x, y, q, f, g) <= 1e-12 ? "feasible to 1e-12" : "NOT feasible");
  return 0;
}

/* The displacement geodesic at t = 1/2: as many points as the plan has entries. */
static int show_middle(const wg_solver *solver) {
  wg_plan plan;
  if (wg_get_plan(solver, &plan) < 0) return -1;
  double *points = calloc((size_t)plan.count * D, sizeof *points);
  double *masses = calloc((size_t)plan.count, sizeof *masses);
  int status = points && masses ? wg_geodesic(solver, 0.5, points, masses) : -1;
  double mean[D] = {0};
  for (int64_t e = 0; status == 0 && e < plan.count; e++)
    for (int k = 0; k < D; k++) mean[k] += masses[e] * points[e * D + k];
  if (status == 0) printf("half-way mean: (%.6f, %.6f, %.6f)\n", mean[0], mean[1], mean[2]);
  free(points);
  free(masses);
  return status;
}

int main(void) {
  /* From many small directions to one: the distance grows with k, and kyfan:3 is the trace here. */
  const char *const gauges[] = {"operator", "kyfan:2", "kyfan:3", "sum:operator@2,trace@1"};
  double x[N * D], y[M * D];
  wg_settings settings;
  wg_solver *solver = NULL;
  wg_info info;

  fill_clouds(x, y);
  wg_settings_init(&settings); /* always first: it fills in the defaults */
  settings.tol = 1e-8;
  settings.max_calls = 500;
  settings.progress = watch;
  if (wg_setup(&solver, N, M, D, x, NULL, y, NULL, gauges[0], &settings) < 0) return fail(NULL);

  for (int k = 0; k < 4; k++) {
    if (k > 0 && wg_set_gauge(solver, gauges[k]) < 0) return fail(solver);
    if (wg_solve(solver, &info) < 0) return fail(solver);
    printf("%-22s  W = %.8f  gap %s 1e-8  %s\n", gauges[k], info.w,
           info.gap <= settings.tol ? "<=" : ">", wg_outcome_text(info.outcome));
  }
  if (show_solution(solver, x, y) < 0 || show_middle(solver) < 0) return fail(solver);
  wg_free(solver);
  return 0;
}
