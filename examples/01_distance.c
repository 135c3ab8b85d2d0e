/* One call: certified bounds of W2 between two small clouds.
 *
 * The clouds are the two-atom example: mu = (delta_(-1,0) + delta_(1,0)) / 2 and nu = (delta_(0,-1)
 * + delta_(0,1)) / 2. W2 is 2, sqrt 2 and 1 under the trace, the Schatten 2 and the operator gauge,
 * and for the last two the optimal plan splits mass: no one-to-one matching reaches them.
 *
 *     cc 01_distance.c $(pkg-config --cflags --libs wgamma) -lm -o 01_distance
 */
#include <math.h>
#include <stdio.h>
#include <wgamma.h>

int main(void) {
  const double x[] = {-1, 0, 1, 0}; /* two points in the plane, one a row */
  const double y[] = {0, -1, 0, 1};
  const char *const gauges[] = {"trace", "schatten:2", "operator"};

  for (int k = 0; k < 3; k++) {
    double lower, upper;
    /* NULL weights are uniform ones. The bounds are on W2, the square of the distance. */
    int outcome = wg_distance(2, 2, 2, x, NULL, y, NULL, gauges[k], 1e-9, &lower, &upper);
    if (outcome < 0) { /* a status: nothing was computed */
      fprintf(stderr, "%s: %s\n", gauges[k], wg_error_detail());
      return 1;
    }
    /* Here W2 is known to lie in [lower, upper]; the outcome says if that is as narrow as asked. */
    printf("%-10s  W2 in [%.12f, %.12f]  W = %.9f  %s\n", gauges[k], lower, upper, sqrt(upper),
           wg_outcome_text(outcome));
  }
  return 0;
}
