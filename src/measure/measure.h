/* measure: weighted clouds: checking, integer masses, merging of duplicate points, moments. */
#ifndef WG_MEASURE_H
#define WG_MEASURE_H

#include "base/base.h"

/* Checks a cloud as given: n, d >= 1, finite points, weights finite, >= 0, sum within 1e-6 of one.
 * name is "x" or "a"-like for messages ("x", weights "a"). weights NULL: uniform. */
int wg_measure_check(const char *points_name, const char *weights_name, int64_t n, int64_t d,
                     const double *points, const double *weights);

/* The distinct points with mass of a cloud, and the way back. */
typedef struct wg_cloud {
  int64_t n, d;        /* distinct points with positive mass                                  */
  double *points;      /* n x d, as given                                                     */
  int64_t *mass;       /* n, integers > 0                                                     */
  int64_t given;       /* number of points as given                                           */
  int64_t dropped;     /* of which with zero weight                                           */
  int64_t *first;      /* n+1: members of distinct point i are members[first[i]..first[i+1])  */
  int64_t *members;    /* indices of given points, grouped                                    */
  int64_t *given_mass; /* given: integer mass of each given point (0: dropped)                */
  wg_twofold
      *share; /* n: of the total weight; on the line, where the masses are rounded, else NULL */
} wg_cloud;

/* Both clouds with one integer total. Uniform clouds of n and m points get exact multiples: m and n
 * over their gcd, times a unit that brings the total near 2^53 when it leaves room; then mass *
 * quantum (a power of two) is an exact double near the weight, and sums of such weights are exact.
 * General weights are scaled to 2^60 and quantum is 0. */
typedef struct wg_masses {
  int64_t total;
  double quantum;
} wg_masses;
int wg_measure_pair(wg_mem *mem, int64_t n, int64_t m, int64_t d, const double *x, const double *a,
                    const double *y, const double *b, wg_cloud *cx, wg_cloud *cy,
                    wg_masses *masses);

/* ---- Gaussians (normal.c) ---- */
/* Two Gaussians as theory 4 takes them, divided by 2^exponent so that the larger is about one.
 * Eigenvalues of a covariance up to 1e-14 of its largest are zero. */
typedef struct wg_normal_pair {
  int64_t d;
  int exponent;
  int64_t rank0, rank1;
  double *root0, *root1; /* d x d: symmetric square roots of the covariances */
  double *delta;         /* d: m1 - m0                                       */
} wg_normal_pair;
/* WG_ERR_INPUT unless means and covariances (d, d x d) are finite and the covariances symmetric (to
 * 1e-12 of the largest entry) and positive semidefinite (no eigenvalue below -1e-12 of the
 * largest). Messages call them mean0, cov0, mean1, cov1. */
int wg_measure_normal_pair(wg_mem *mem, int64_t d, const double *mean0, const double *cov0,
                           const double *mean1, const double *cov1, wg_normal_pair *pair);
/* Mean (d) and covariance (d x d) of a cloud checked by wg_measure_check; weights NULL: uniform.
 * The covariance is of the measure: divided by n, not by n - 1. */
int wg_measure_fit(wg_mem *mem, int64_t n, int64_t d, const double *points, const double *weights,
                   double *mean, double *covariance);

#endif
