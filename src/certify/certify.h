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
 * The report names the largest violation. */
typedef struct wg_cert_lower_report {
  double bound;
  double dual_gauge; /* gamma°(R'R), the bound was divided by it when above one */
  double violation;  /* most that was taken off an f, rounding included; 0 when feasible */
  int64_t row, col;  /* the pair that asked for it, -1 when feasible                     */
} wg_cert_lower_report;
int wg_cert_lower(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                  const double *q, const double *f, const double *g, double margin,
                  wg_cert_lower_report *report);

/* A rigorous upper bound gamma(Sigma_P') for a coupling P' near the listed plan: marginal residuals
 * are paid at the largest displacement. */
typedef struct wg_cert_upper_report {
  double bound;
  double paid;     /* of which for the residuals                        */
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

/* Judges a claim (the fields after struct_size are filled): derives both bounds and compares; fills
 * the verdict's text. */
int wg_cert_verify(wg_context *context, const wg_certificate *certificate, wg_verdict *verdict);

/* ---- shared by the files of this folder only ---- */
/* A sum that knows its own rounding. Every addition is split without error into high + correction
 * (Knuth); only adding up the corrections rounds, by at most count u sum|correction|. A sum whose
 * additions are all exact has error zero: residuals of exact plans are exactly zero. */
typedef struct wg_cert_sum {
  double high, low;
  double corrections; /* sum of |correction| */
  int64_t count;
} wg_cert_sum;
static inline void wg_cert_sum_add(wg_cert_sum *sum, double value) {
  double total = sum->high + value;
  double taken = total - sum->high;
  double correction = (sum->high - (total - taken)) + (value - taken);
  sum->high = total;
  sum->low += correction;
  sum->corrections += fabs(correction);
  sum->count++;
}
/* Adds a b exactly: the product's rounding is one more term (lost only below 1e-307). */
static inline void wg_cert_sum_add_product(wg_cert_sum *sum, double a, double b) {
  double product = a * b;
  wg_cert_sum_add(sum, product);
  wg_cert_sum_add(sum, fma(a, b, -product));
}
static inline double wg_cert_sum_value(const wg_cert_sum *sum) { return sum->high + sum->low; }
/* Bound of |value - exact sum of what was added|; constants doubled to cover second order. */
static inline double wg_cert_sum_error(const wg_cert_sum *sum) {
  double value = fabs(wg_cert_sum_value(sum));
  return 2.0 * WG_UNIT * (value + (double)sum->count * sum->corrections);
}

#endif
