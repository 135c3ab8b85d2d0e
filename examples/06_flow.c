/* A cloud flows to another one under the geometry of Muon: particles x follow dx/dt = J(g), g the
 * force of MMD^2 with the energy distance, J the descent direction of the operator gauge.
 *
 *     06_flow [PARTICLES [STEPS]]        2000 particles and 100 steps unless told
 *
 * With many particles sums over pairs are made by a tree: a force on a million takes some three
 * seconds (a step has four; 100 steps a quarter of an hour), and 3e12 pairs are never looked at.
 * The energy law, F falls by the integral of N*^2, tells how far steps of this length are from the
 * flow.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <wgamma.h>

static double uniform(unsigned long long *state) {
  *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
  return ((double)(*state >> 11) + 0.5) * 0x1p-53;
}

/* A disk, and three smaller ones. */
static void put_disk(unsigned long long *state, double x, double y, double radius, double *point) {
  double r = radius * sqrt(uniform(state)), angle = 6.283185307179586 * uniform(state);
  point[0] = x + r * cos(angle);
  point[1] = y + r * sin(angle);
}

int main(int argc, char **argv) {
  const long long n = argc > 1 ? atoll(argv[1]) : 2000, steps = argc > 2 ? atoll(argv[2]) : 100;
  const double horizon = 4.0;
  unsigned long long state = 1;
  double *x = n > 0 ? malloc((size_t)n * 2 * sizeof *x) : NULL;
  double *y = n > 0 ? malloc((size_t)n * 2 * sizeof *y) : NULL;
  if (!x || !y || steps < 1) {
    free(x);
    free(y);
    fprintf(stderr, "usage: 06_flow [PARTICLES [STEPS]]\n");
    return 2;
  }
  for (long long i = 0; i < n; i++) {
    double angle = 2.0943951023931953 * (double)(i % 3);
    put_disk(&state, 0.0, 0.0, 1.0, x + 2 * i);
    put_disk(&state, 3.0 * cos(angle), 3.0 * sin(angle), 0.5, y + 2 * i);
  }

  wg_energy *energy = NULL;
  wg_flow *flow = NULL;
  wg_energy_settings accuracy;
  wg_flow_settings settings;
  wg_flow_info info = {.struct_size = sizeof info};
  wg_energy_settings_init(&accuracy);
  accuracy.accuracy = n > 5000 ? 1e-4 : 0.0;
  wg_flow_settings_init(&settings);
  settings.method = WG_FLOW_RK4;
  settings.step = horizon / (double)steps;
  int status = wg_energy_mmd(&energy, "energy:0.05", n, 2, y, NULL, &accuracy);
  if (status >= 0) status = wg_flow_setup(&flow, energy, n, 2, x, NULL, "operator", &settings);
  for (int quarter = 1; status >= 0 && quarter <= 4; quarter++) {
    status = wg_flow_run(flow, 0.25 * quarter * horizon, &info);
    if (status >= 0)
      printf("t = %.2f  F = %.6f  N* = %.5f  law off by %.1e  %lld forces\n", info.time,
             info.energy, sqrt(info.slope2), info.residual, (long long)info.evaluations);
  }
  if (status < 0) fprintf(stderr, "%s\n", wg_error_detail());
  wg_flow_free(flow);
  wg_energy_free(energy);
  free(x); /* flow and energy had copies of their own */
  free(y);
  return status < 0 ? 1 : 0;
}
