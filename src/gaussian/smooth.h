/* Private to gaussian/: a gauge made smooth by a barrier on its dual matrices (smooth.c). */
#ifndef WG_GAUSS_SMOOTH_H
#define WG_GAUSS_SMOOTH_H

#include "gauge/gauge.h"

typedef enum wg_smooth_form { WG_SMOOTH_TRACE, WG_SMOOTH_KYFAN, WG_SMOOTH_SCHATTEN } wg_smooth_form;

/* One block at the present moment, in its eigenbasis (row i of vectors belongs to values[i]). */
typedef struct wg_smooth_block {
  wg_smooth_form form;
  int64_t start, size, k;
  double p, rate2;
  double value, share;      /* smoothed gauge of the block; Q's block is share times q */
  double *values, *vectors; /* size; size x size                                       */
  double *q, *rest;         /* eigenvalues of the block's Q, and one less those        */
  double *slope;            /* size x size: divided differences of q                   */
  double *normal;           /* gradient of the constraint that ties q together         */
} wg_smooth_block;

typedef struct wg_smooth {
  int64_t d, count;
  bool is_max;
  double mu;
  wg_smooth_block *block;
  double *maxima, *shares, *unused, *turn; /* count each: of a block max */
  double *work;                            /* 3 d x d                    */
} wg_smooth;

int wg_smooth_create(wg_mem *mem, const wg_gauge_spec *spec, wg_smooth *smooth);
/* *value = the smoothed gauge of s (d x d), q (d x d) = its gradient, which lies in K. */
int wg_smooth_at(wg_smooth *t, const double *s, double mu, double *value, double *q);
/* out (d x d) = the second derivative at that point, applied to the symmetric h. */
void wg_smooth_curve(wg_smooth *t, const double *h, double *out);
/* The second derivative of a function of n numbers whose gradient q answers their change by
 * weight_i (change_i - tau normal_i), tau keeping <normal, dq> zero: turns n rows that stand for
 * the numbers into rows whose squares sum up to factor times it. common: room for a row. */
void wg_smooth_tie(int64_t n, const double *weight, int64_t apart, const double *normal,
                   double factor, int64_t columns, double *rows, double *common);

#endif
