/* The classical distance W2 (gauge trace) between two large clouds in the plane, exact and
 * certified: a cost matrix of a million by a million would take 8 TB.
 *
 *     04_large_cloud [POINTS]        20000 unless told; 1000000 takes some eight minutes
 *
 * The memory estimate comes first, so that a run that cannot fit is not begun; the solver reports
 * where it stands, and a callback that returns non-zero would stop it with the best interval.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <wgamma.h>

/* Standard normal numbers, by Box and Muller, from a small generator of its own. */
static double normal(unsigned long long *state) {
  double uniform[2];
  for (int k = 0; k < 2; k++) {
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    uniform[k] = ((double)(*state >> 11) + 0.5) * 0x1p-53;
  }
  return sqrt(-2.0 * log(uniform[0])) * cos(6.283185307179586 * uniform[1]);
}

static int report(const wg_progress *progress, void *data) {
  (void)data;
  fprintf(stderr, "%s\n", progress->phase);
  return 0;
}

int main(int argc, char **argv) {
  const int64_t n = argc > 1 ? atoll(argv[1]) : 20000;
  unsigned long long state = 1;
  double *x = malloc((size_t)n * 2 * sizeof *x), *y = malloc((size_t)n * 2 * sizeof *y);
  if (n < 1 || !x || !y) {
    free(x);
    free(y);
    fprintf(stderr, "usage: 04_large_cloud [POINTS]\n");
    return 2;
  }
  for (int64_t i = 0; i < 2 * n; i++) {
    x[i] = normal(&state);
    y[i] = 1.3 * normal(&state) + 0.5;
  }
  printf("%lld points a cloud; about %.0f MB\n", (long long)n,
         (double)wg_memory_estimate(n, n, 2) / 1e6);

  wg_settings settings;
  wg_settings_init(&settings);
  settings.progress = argc > 1 ? report : NULL;
  wg_solver *solver;
  wg_info info;
  int outcome = wg_setup(&solver, n, n, 2, x, NULL, y, NULL, "trace", &settings);
  if (outcome >= 0) outcome = wg_solve(solver, &info);
  free(x); /* the solver has copies of its own */
  free(y);
  if (outcome < 0) {
    fprintf(stderr, "%s\n", wg_error_detail());
    return 1;
  }
  printf("W2 in [%.15g, %.15g]  gap %.0e  %s\n", info.lower, info.upper, info.gap,
         wg_outcome_text(outcome));
  printf("%.1f s, %.0f MB\n", info.seconds, (double)info.peak_bytes / 1e6);
  wg_free(solver);
  return 0;
}
