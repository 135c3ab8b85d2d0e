/* A certificate: everything that proves lower <= W2 <= upper, and a check of it that shares no code
 * with the solver. A claim that is better than what follows from the data is refused.
 *
 *     cc 03_certificate.c $(pkg-config --cflags --libs wgamma) -o 03_certificate
 */
#include <stdio.h>
#include <wgamma.h>

enum { N = 2, M = 2, D = 2, ALL_CORES = 0 };

/* wg_verify returns a status; whether the claim holds is in the verdict. */
static int judge(const char *name, const wg_certificate *certificate) {
  wg_verdict verdict;
  if (wg_verify(certificate, ALL_CORES, &verdict) < 0) {
    printf("%-22s cannot be judged: %s\n", name, wg_error_detail());
    return -1;
  }
  printf("%-22s %s%s\n", name, verdict.valid ? "valid" : "REFUSED: ", verdict.finding);
  return verdict.valid;
}

int main(void) {
  const double x[N * D] = {-1, 0, 1, 0}, y[M * D] = {0, -1, 0, 1};
  wg_solver *solver = NULL;
  wg_certificate honest;

  if (wg_setup(&solver, N, M, D, x, NULL, y, NULL, "operator", NULL) < 0 ||
      wg_solve(solver, NULL) < 0 || wg_get_certificate(solver, &honest) < 0) {
    fprintf(stderr, "wgamma: %s\n", wg_error_detail());
    wg_free(solver);
    return 1;
  }
  printf("claimed: W2 in [%.9f, %.9f]\n", honest.lower, honest.upper);

  /* Each of these is the honest certificate with one thing changed. The arrays in a certificate are
   * views of the solver's, so what is changed is put in the place of the view. */
  wg_certificate higher = honest, other_q = honest, other_plan = honest, other_points = honest;
  higher.lower = 1.001 * honest.lower;
  const double too_large[D * D] = {1, 0, 0, 1}; /* tr Q = 2 is outside the dual ball (tr Q <= 1) */
  other_q.q = too_large;
  const int64_t row[] = {0, 1}, col[] = {0, 1};
  const double mass[] = {0.5, 0.5}; /* a matching: a coupling, but only W2 <= 2 follows from it */
  other_plan.count = 2;
  other_plan.row = row;
  other_plan.col = col;
  other_plan.mass = mass;
  const double moved[M * D] = {0, -1, 0, 1.5};
  other_points.y = moved;

  int valid = judge("as computed", &honest);
  int refused = judge("a higher lower bound", &higher) == 0;
  refused += judge("another Q", &other_q) == 0;
  refused += judge("another plan", &other_plan) == 0;
  refused += judge("another point", &other_points) == 0;
  wg_free(solver); /* the views in the certificates end here */
  return valid == 1 && refused == 4 ? 0 : 1;
}
