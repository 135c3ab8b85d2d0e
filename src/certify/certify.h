/* certify: both bounds on W2 from the data alone (theory 3.2), rounding included. Includes base,
 * linalg, gauge, measure and nothing else: it must not share a mistake with the solvers. */
#ifndef WG_CERTIFY_H
#define WG_CERTIFY_H

#include "gauge/gauge.h"

/* The two clouds as stored; weights are taken up to their exact sum. */
typedef struct wg_cert_data {
  int64_t n, m, d;
  const double *x, *a, *y, *b; /* n x d, n, m x d, m; weights >= 0 */
} wg_cert_data;

/* A rigorous lower bound of W2 for the convex spec (use wg_gauge_minorant for p < 1) from q
 * (d x d, any symmetric matrix) and potentials f (n), g (m): sum a f + sum b g under the cost
 * |R(y-x)|^2, R the factor of the feasible part of q, each f_i lowered by its worst violation over
 * all m pairs; never below 0. margin >= 1 multiplies every rounding term: claims are written with 2
 * and verified with 1, so that another machine's rounding cannot refuse a true claim.
 * worst, worst_row, worst_col (each may be NULL) report the largest violation. */
typedef struct wg_cert_lower_report {
  double bound;
  double dual_gauge; /* gamma°(R'R), the bound was divided by it when above one */
  double violation;  /* max over pairs of f + g - cost, <= 0 when feasible     */
  int64_t row, col;  /* where                                                   */
} wg_cert_lower_report;
int wg_cert_lower(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                  const double *q, const double *f, const double *g, double margin,
                  wg_cert_lower_report *report);

/* A rigorous upper bound gamma(Sigma_P') for a coupling P' near the listed plan: marginal residuals
 * are paid at the largest displacement. */
typedef struct wg_cert_upper_report {
  double bound;
  double residual; /* sum |row sums - a| + sum |column sums - b|        */
  double worst;    /* largest single residual                           */
  int64_t index;   /* of that row (side 0) or column (side 1)           */
  int side;
} wg_cert_upper_report;
/* moment (d x d, may be NULL) receives the computed Sigma_P. WG_ERR_INPUT if an index is out of
 * range or a mass negative or not finite. */
int wg_cert_upper(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                  int64_t count, const int64_t *row, const int64_t *col, const double *mass,
                  double margin, double *moment, wg_cert_upper_report *report);

/* Judges a claim: derives both bounds and compares; fills the verdict's text. */
int wg_cert_verify(wg_context *context, const wg_certificate *certificate, wg_verdict *verdict);

#endif
