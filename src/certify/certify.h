/* certify: both bounds on W2 from the data alone (theory 3.2), rounding included. Includes base,
 * linalg, gauge, measure and nothing else: it must not share a mistake with the solvers. */
#ifndef WG_CERTIFY_H
#define WG_CERTIFY_H

#include "gauge/gauge.h"
#include "measure/measure.h"

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
/* Potentials f + f_low (n) and g + g_low (m), exactly; the low parts may be NULL. */
typedef struct wg_cert_potentials {
  const double *f, *f_low, *g, *g_low;
} wg_cert_potentials;
int wg_cert_lower(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                  const double *q, const wg_cert_potentials *potentials, double margin,
                  wg_cert_lower_report *report);

/* ---- Schatten p < 1 in the plane (theory 3.3, outer.c) ---- */
/* normal . (s11 + s22, s11 - s22, 2 s12) >= least for the moment s = Sigma_P of every coupling P.
 */
typedef struct wg_cert_half {
  double normal[3], least;
} wg_cert_half;
/* The half-space that q (2 x 2) and potentials prove, before any gauge comes in; spec has d = 2.
 * Repairs, rounding and margin as in wg_cert_lower; the report's bound is not filled. */
int wg_cert_lower_half(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                       const double *q, const wg_cert_potentials *potentials, double margin,
                       wg_cert_half *half, wg_cert_lower_report *report);

/* How low gamma_p is on the PSD matrices of trace at most `ceiling` that satisfy all halves. */
typedef struct wg_cert_outer_task {
  double p; /* 1/2 <= p < 1 */
  int64_t count;
  const wg_cert_half *halves;
  double ceiling, target; /* the search ends when the bound reaches target */
  double margin;          /* as in wg_cert_lower                           */
  bool probe; /* end at the first point below target that no half cuts off: to ask for one more */
  bool *used; /* count, or NULL: halves that did something                                       */
} wg_cert_outer_task;
typedef struct wg_cert_outer_report {
  double bound;    /* gamma_p >= bound there and wherever the trace is above the ceiling */
  bool open;       /* a probe ended early, at                                            */
  double point[3]; /* coordinates as in wg_cert_half                                     */
} wg_cert_outer_report;
int wg_cert_outer(wg_mem *mem, const wg_cert_outer_task *task, wg_cert_outer_report *report);

/* A rigorous lower bound of W2 for a planar root gauge from a list of cuts, each a matrix q (2 x 2)
 * with potentials. ceiling: any upper bound; the result is never above it. */
typedef struct wg_cert_cuts {
  int64_t count;
  const double *q, *f, *g; /* count x 4, count x n, count x m */
} wg_cert_cuts;
typedef struct wg_cert_cuts_report {
  double bound;
  int64_t worst;              /* the cut whose potentials are violated most, -1 if none is */
  wg_cert_lower_report lower; /* of that cut                                               */
} wg_cert_cuts_report;
int wg_cert_cuts_bound(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                       const wg_cert_cuts *cuts, double ceiling, double margin,
                       wg_cert_cuts_report *report);

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
/* Entries of mass + mass_low, exactly; mass_low may be NULL. */
typedef struct wg_cert_plan {
  int64_t count;
  const int64_t *row, *col;
  const double *mass, *mass_low;
} wg_cert_plan;
/* moment (d x d, may be NULL) receives the computed Sigma_P. WG_ERR_INPUT if an index is out of
 * range or a mass negative or not finite. */
int wg_cert_upper(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                  const wg_cert_plan *plan, double margin, double *moment,
                  wg_cert_upper_report *report);

/* A rigorous lower bound of W2 for a gauge with p < 1 where there is one coupling only: one cloud
 * has a single point with mass. 0 otherwise, and for convex gauges. */
int wg_cert_only(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                 double margin, double *bound);
/* That coupling, its masses being the weights of the other cloud; count 0 if there are more. */
int wg_cert_only_plan(const wg_cert_data *data, wg_mem *mem, wg_cert_plan *only);

/* Judges a claim (the fields after struct_size are filled): derives both bounds and compares; fills
 * the verdict's text. */
int wg_cert_verify(wg_context *context, const wg_certificate *certificate, wg_verdict *verdict);
/* The same in ball arithmetic (rigorous.c): neither LAPACK nor libm is trusted. */
int wg_cert_verify_rigorous(wg_context *context, const wg_certificate *certificate,
                            wg_rigorous_verdict *verdict);

/* ---- Gaussians (theory 4, gaussian.c) ---- */
/* Both bounds of W2 between N(m0, S0) and N(m1, S1) as given (measure.h says what covariances with
 * rounding stand for), for any d x d matrices q and contraction: of the symmetric roots, K =
 * S0^(1/2) C S1^(1/2); shrunk to norm one. All rounding is included, that of the roots too. */
typedef struct wg_cert_normal {
  int64_t d;
  const double *mean0, *cov0, *mean1, *cov1;
} wg_cert_normal;
typedef struct wg_cert_normal_report {
  double lower, upper;
  double value;      /* gamma of the moment, without what pays for rounding */
  double norm;       /* of the contraction, divided away when above one     */
  double dual_gauge; /* of q, likewise                                      */
} wg_cert_normal_report;
/* spec: for the upper bound; the lower one uses its minorant. margin as in wg_cert_lower. moment
 * (d x d, may be NULL): Sigma of the contraction. */
int wg_cert_normal_bounds(wg_mem *mem, const wg_cert_normal *data, const wg_gauge_spec *spec,
                          const double *contraction, const double *q, double margin, double *moment,
                          wg_cert_normal_report *report);

/* ---- the Gaussian nearest to several (theory 4, barycentre.c) ---- */
typedef struct wg_cert_barycentre {
  int64_t d, count;
  const double *weights, *means, *covs; /* count, of sum one; count x d; count x d x d */
} wg_cert_barycentre;
/* Any matrices will do; what is wrong with them costs. */
typedef struct wg_cert_barycentre_claim {
  const double *mean, *cov;   /* the Gaussian: d; d x d                              */
  const double *contractions; /* count x d x d, cov_k^(1/2) C_k cov^(1/2)            */
  const double *q, *y;        /* count x d x d                                       */
} wg_cert_barycentre_claim;
typedef struct wg_cert_barycentre_report {
  double lower, upper; /* of the least sum weights_k W2(N_k, N)       */
  double value;        /* upper without what pays for rounding        */
  double dual_gauge;   /* largest of the q, divided away              */
  double imbalance;    /* |sum weights_k (q_k - y_k)|                 */
} wg_cert_barycentre_report;
/* spec is convex; margin as in wg_cert_lower; distances (count x 2, may be NULL): bounds of
 * W2(N_k, N). */
int wg_cert_barycentre_bounds(wg_mem *mem, const wg_cert_barycentre *data,
                              const wg_gauge_spec *spec, const wg_cert_barycentre_claim *claim,
                              double margin, double *distances, wg_cert_barycentre_report *report);

/* ---- measures on the sphere (theory 7, sphere.c) ---- */
/* Both bounds of UW^2 between finite measures on the unit sphere: from a semi-coupling, whose rows
 * of g0 and columns of g1 are brought to the masses where they miss them, and from q (d x d, any
 * matrix) with u (n[0], > 0). spec is convex.
 *
 * The data as given: row i with mass m_i is the measure m_i delta at x_i / |x_i|, the exact
 * direction of the doubles x_i, of the exact mass m_i, whatever the length of x_i is. */
typedef struct wg_cert_sphere {
  int64_t d, n[2];
  const double *w[2], *mass[2]; /* n x d, not zero and of any length; n, masses > 0 */
} wg_cert_sphere;
typedef struct wg_cert_semicoupling {
  int64_t count;
  const int64_t *row, *col;
  const double *g0, *g1, *c; /* c above sqrt(g0 g1) counts as that       */
  int exponent;              /* g0, g1, c are in units of 2^exponent     */
} wg_cert_semicoupling;
typedef struct wg_cert_sphere_report {
  double lower, upper;
  double value;      /* gamma of the moment, without what pays for rounding */
  double dual_gauge; /* of q in units of its own, divided away              */
} wg_cert_sphere_report;
/* margin as in wg_cert_lower; moment (d x d, may be NULL): A of the semi-coupling. */
int wg_cert_sphere_bounds(wg_mem *mem, int threads, const wg_cert_sphere *data,
                          const wg_gauge_spec *spec, const wg_cert_semicoupling *plan,
                          const double *q, const double *u, double margin, double *moment,
                          wg_cert_sphere_report *report);

/* ---- the dynamic form on a grid (theory 5, grid.c) ---- */
/* Both bounds of the value of the problem on the grid: from a path, which need not obey the
 * continuity equation exactly, and from q (d x d, any matrix) with a potential, which need not obey
 * its inequality. spec is convex. */
typedef struct wg_cert_grid {
  int64_t d;             /* 1, 2 or 3 */
  const int64_t *shape;  /* d: cells of each axis, 2 or more, last axis fastest */
  const double *spacing; /* d: sides of a cell                                  */
  int64_t steps;         /* of time                                             */
  const double *mass[2]; /* cells, >= 0, up to their exact sums                 */
} wg_cert_grid;
typedef struct wg_cert_grid_proof {
  const double *density, *momentum; /* steps x cells; steps x d x cells             */
  const double *potential;          /* (steps + 1) x corners                        */
  const double *q;                  /* d x d                                        */
} wg_cert_grid_proof;
typedef struct wg_cert_grid_report {
  double lower, upper; /* upper is INFINITY where a density is not above reach      */
  double value;        /* gamma of the action's moment, without what pays           */
  double dual_gauge;   /* of q, divided away when above one                         */
  double reach;        /* most that the continuity equation can move a density by   */
  double least;        /* the smallest density                                      */
} wg_cert_grid_report;
/* margin as in wg_cert_lower. */
int wg_cert_grid_bounds(wg_mem *mem, int threads, const wg_cert_grid *data,
                        const wg_gauge_spec *spec, const wg_cert_grid_proof *proof, double margin,
                        wg_cert_grid_report *report);

/* ---- shared by the files of this folder only ---- */
/* The feasible part of a matrix Q as R'R, exact by definition of R (lower.c). */
typedef struct wg_cert_factor {
  int64_t rank, d;
  double *rows; /* rank x d           */
  double top;   /* largest eigenvalue */
  double norm2; /* sum of squares     */
  double off; /* another matrix may be this far from R'R (operator norm): its dual gauge is meant */
  double dropped; /* the positive eigenvalues left out, over the largest of their block */
} wg_cert_factor;
int wg_cert_factor_build(const wg_gauge_spec *spec, const double *q, wg_mem *mem,
                         wg_cert_factor *r);
/* gamma°(R'R) from above. */
int wg_cert_factor_dual(const wg_gauge_spec *spec, const wg_cert_factor *r, double margin,
                        wg_mem *mem, double *dual);
/* The parts of a certificate. */
static inline wg_cert_potentials wg_cert_potentials_of(const wg_certificate *c) {
  return (wg_cert_potentials){.f = c->f, .f_low = c->f_low, .g = c->g, .g_low = c->g_low};
}
static inline wg_cert_plan wg_cert_plan_of(const wg_certificate *c) {
  return (wg_cert_plan){c->count, c->row, c->col, c->mass, c->mass_low};
}
/* Whether a certificate can be judged at all; spec is its gauge, bound. WG_ERR_INPUT otherwise. */
int wg_cert_check(const wg_certificate *c, wg_gauge_spec *spec);
/* A bound of W_2 between N(0, S) and N(0, R R') for a root R of cov = S (gaussian.c). */
int wg_cert_root_loss(wg_mem *mem, int64_t d, wg_twofold_matrix cov, const wg_normal_root *root,
                      double margin, double *loss);
/* gamma is at most this times the trace. */
double wg_cert_trace_factor(const wg_gauge_spec *spec);
/* Relative, of the claim; W2 >= 0 is known. */
double wg_cert_gap(const wg_certificate *c);
/* That it is larger than the claimed tolerance. */
void wg_cert_say_open(const wg_certificate *c, char *text, int size);
/* Numbers beyond this could overflow in a sum: potentials. */
#define WG_CERT_LARGEST 1e307
/* WG_ERR_INPUT unless |values| <= limit. */
int wg_cert_check_finite(const char *name, int64_t count, const double *values, double limit);
int wg_cert_check_potentials(const wg_cert_data *data, const wg_cert_potentials *potentials);
/* WG_ERR_INPUT unless indices are in range and masses finite and not negative. */
int wg_cert_check_plan(const wg_cert_data *data, const wg_cert_plan *plan);

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
