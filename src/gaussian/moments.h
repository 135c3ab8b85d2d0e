/* gaussian, the flows of moments (theory 6.1): Gaussians under affine forces, modes of a linear
 * network. Schatten gauges only: q = 2p/(2p-1), 1 <= q <= 2 for p >= 1. */
#ifndef WG_GAUSSIAN_MOMENTS_H
#define WG_GAUSSIAN_MOMENTS_H

#include "base/base.h"

typedef enum wg_moment_kind { WG_MOMENTS_KL, WG_MOMENTS_LINEAR, WG_MOMENTS_AFFINE } wg_moment_kind;

/* What a flow passes through. */
typedef struct wg_moment_event {
  double t;
  int kind;     /* a wg_moments_event_kind                                        */
  int64_t mode; /* which mode, or how many eigenvalues of F were positive before  */
} wg_moment_event;

/* A flow sampled at times: what its caller wants of it, and what it tells. */
typedef struct wg_moment_path {
  int64_t count;
  const double *times;             /* increasing, >= 0                             */
  int64_t width;                   /* numbers of a state                           */
  double *at;                      /* count: when a sample was taken; the last one may be early */
  double *states;                  /* count x width                                */
  double *energy, *slope2, *spent; /* count: F, N*^2, and the integral of N*^2     */
  double *smallest;                /* count: least over largest active eigenvalue of F, or NULL */
  int64_t made;                    /* samples that were reached                    */
  double scale;                    /* of what F is a sum of: its rounding is relative to it */
  double reached;                  /* time                                         */
  int64_t event_count, most_events;
  wg_moment_event *events; /* most_events                                  */
  int64_t evaluations, steps, rejected;
  int outcome; /* WG_CERTIFIED when the last time was reached  */
} wg_moment_path;

/* ---- covariance.c: mean and covariance under a force g(x) = b + L (x - m) ---- */
/* States are m (d) and Sigma (d x d). */
typedef struct wg_moment_flow {
  int64_t d;
  double q;
  int kind;                         /* a wg_moment_kind                              */
  const double *mean0, *cov0;       /* d; d x d                                      */
  const double *precision, *centre; /* KL: target covariance's inverse, target mean  */
  double log_det;                   /* KL: of the target covariance                  */
  const double *matrix, *offset;    /* affine: g(x) = matrix x + offset              */
  int64_t rows;                     /* linear: u is the first `rows` coordinates     */
  const double *target;             /* linear: rows x (d - rows)                     */
} wg_moment_flow;
/* *energy0: at time 0. */
int wg_moment_covariance(const wg_moment_flow *flow, double tol, wg_watch *watch, wg_mem *mem,
                         wg_moment_path *path, double *energy0);

/* ---- modal.c: independent modes that only share the norm of the force ---- */
/* States are r, a = s + r, b = s - r (modes each). */
typedef struct wg_moment_modes {
  int64_t modes;
  double q;
  const double *s0, *r0, *beta; /* |r0| < s0 */
} wg_moment_modes;
int wg_moment_modal(const wg_moment_modes *modes, double tol, wg_watch *watch, wg_mem *mem,
                    wg_moment_path *path);

#endif
