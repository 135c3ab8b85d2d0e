/* measure: weighted clouds: checking, integer masses, merging of duplicate points, moments. */
#ifndef WG_MEASURE_H
#define WG_MEASURE_H

#include "linalg/la.h"

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

/* ---- Gaussians (normal.c, root.c) ---- */
/* The symmetric root of the positive part of a covariance in twofold precision (root.c). What is
 * below zero, which only rounding can have put there, is sum g g' over the rows g of `negative`. */
typedef struct wg_normal_root {
  wg_twofold_matrix root;     /* d x d                                                     */
  wg_twofold_matrix negative; /* fallen x d                                                */
  int64_t fallen;
  int64_t rank; /* eigenvalues above 1e-14 of the largest: for those who report, not for bounds */
} wg_normal_root;
/* Two Gaussians, divided by 2^exponent so that the larger is about one. */
typedef struct wg_normal_pair {
  int64_t d;
  int exponent;
  wg_twofold_matrix cov0, cov1; /* d x d: the symmetric parts of the covariances, exactly (entries
                            that underflow are lost: below 2^-1074) */
  bool lost; /* entries are so small, beside the largest, that some underflowed */
  wg_normal_root root0, root1;
  wg_twofold_matrix delta; /* d: m1 - m0, exactly, but for underflow */
} wg_normal_pair;
/* WG_ERR_INPUT unless means and covariances (d, d x d) are finite and the covariances symmetric (to
 * 1e-12 of the largest entry) and positive semidefinite (no eigenvalue below -1e-12 of the
 * largest). Messages call them mean0, cov0, mean1, cov1. */
int wg_measure_normal_pair(wg_mem *mem, int64_t d, const double *mean0, const double *cov0,
                           const double *mean1, const double *cov1, wg_normal_pair *pair);
/* The root of s (d x d), whose eigenvectors in double precision are the rows of vectors, by
 * decreasing eigenvalues. */
int wg_measure_root(wg_mem *mem, int64_t d, wg_twofold_matrix s, const double *vectors,
                    wg_normal_root *root);
/* Mean (d) and covariance (d x d) of a cloud checked by wg_measure_check; weights NULL: uniform.
 * The covariance is of the measure: divided by n, not by n - 1. */
int wg_measure_fit(wg_mem *mem, int64_t n, int64_t d, const double *points, const double *weights,
                   double *mean, double *covariance);

#endif
