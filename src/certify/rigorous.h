/* Private to certify/: both bounds in ball arithmetic (FLINT's Arb). An arb_t is a number with a
 * radius, and every operation encloses the exact result, so what is computed here is a theorem
 * about the doubles it began with. `bits` is the working precision; more bits make balls smaller,
 * never truer. Nothing of lower.c, upper.c or gauge/upper.c is used: one mistake cannot hide in
 * both.
 *
 * Memory of FLINT is its own: where it gets none the process ends. Arrays that grow with the clouds
 * are therefore taken from wg_mem (zero bytes are a valid arb_t, the number zero), and so are
 * reservations for the rest (rigorous.c). */
#ifndef WG_RIGOROUS_H
#define WG_RIGOROUS_H

#include <arb.h>
#include <arb_mat.h>

#include "certify/certify.h"

/* ---- rigorous_spectrum.c ---- */
/* S = V' D V up to a residual, V almost orthogonal. */
typedef struct wg_ball_spectrum {
  arb_mat_t vectors; /* V, exact numbers                                                   */
  arb_ptr values;    /* the i-th ball encloses the i-th eigenvalue of S, decreasing; its
                        midpoint is D_ii                                                   */
  mag_t residual;    /* >= Frobenius norm of S - V' D V                                    */
  mag_t skew;        /* >= Frobenius norm of V V' - I                                      */
} wg_ball_spectrum;
/* s is symmetric (its exact content is). On failure nothing is left to clear. */
int wg_ball_spectrum_of(wg_mem *mem, const arb_mat_t s, slong bits, wg_ball_spectrum *spectrum);
void wg_ball_spectrum_clear(wg_ball_spectrum *spectrum);

/* ---- rigorous_gauge.c ---- */
/* gamma(S + R) for some R >= 0 with |R| and tr R at most slack: an enclosure of its largest value
 * for p < 1, and of gamma(S) when slack is zero. */
int wg_ball_gauge(wg_mem *mem, const wg_gauge_spec *spec, const arb_mat_t s, const arb_t slack,
                  slong bits, arb_t value);
/* max gamma(v v') over unit v. */
void wg_ball_gauge_unit(const wg_gauge_spec *spec, slong bits, arb_t unit);

/* The PSD part Q+ of the gauge's blocks of a matrix Q. */
typedef struct wg_ball_factor {
  arb_mat_t rows; /* R, rank x d, the heaviest rows of each block first: |R'R - Q+| <= slack */
  arb_ptr weight; /* rank: eigenvalues that the rows stand for                               */
  slong rank;
  mag_t slack;
  arb_t dual; /* gamma°(Q+) */
} wg_ball_factor;
/* q: d x d; spec convex. On failure nothing is left to clear. */
int wg_ball_factor_of(wg_mem *mem, const wg_gauge_spec *spec, const double *q, slong bits,
                      wg_ball_factor *factor);
void wg_ball_factor_clear(wg_ball_factor *factor);

/* ---- rigorous_pairs.c ---- */
/* L = sum a (f - v) / A + sum b g / B, v_i = max(0, max_j f_i + g_j - (y_j-x_i)' Q+ (y_j-x_i)) over
 * the pairs with mass. */
int wg_ball_transport(wg_mem *mem, int threads, const wg_cert_data *data,
                      const wg_ball_factor *factor, const wg_cert_potentials *dual, slong bits,
                      arb_t value);

/* ---- rigorous_plan.c ---- */
/* (gamma(Sigma_P) + e D^2 unit) / A, for p < 1 gamma with slack e D^2 over A. */
int wg_ball_upper(wg_mem *mem, const wg_cert_data *data, const wg_gauge_spec *spec,
                  const wg_cert_plan *plan, slong bits, arb_t value);
/* gamma of the moment of a plan whose masses are the weights, over their sum. */
int wg_ball_only(wg_mem *mem, const wg_cert_data *data, const wg_gauge_spec *spec,
                 const wg_cert_plan *plan, slong bits, arb_t value);
/* D^2: the largest |y - x|^2 of the boxes around the points with mass. */
void wg_ball_reach2(const wg_cert_data *data, slong bits, arb_t reach2);
/* Sum of weights. */
void wg_ball_total(int64_t count, const double *weights, slong bits, arb_t total);

/* ---- rigorous_plane.c ---- */
/* normal . (1, u, v) t >= least for the moment t (1 + u, v; v, 1 - u) / 2 of every coupling. */
typedef struct wg_ball_half {
  arb_struct normal[3], least;
} wg_ball_half;
/* *low and *high enclose the lowest gamma_p that a moment satisfying all halves has. */
int wg_ball_plane(wg_mem *mem, int64_t count, const wg_ball_half *halves, double p, slong bits,
                  double *low, double *high);

/* ---- rigorous_program.c: in doubles, a proposal ---- */
enum { WG_PLANE_ROWS = 3 };
typedef struct wg_plane_column {
  double row[WG_PLANE_ROWS], profit;
} wg_plane_column;
typedef struct wg_plane_weights { /* those that are not zero */
  int count;
  int64_t cut[WG_PLANE_ROWS + 1];
  double weight[WG_PLANE_ROWS + 1];
} wg_plane_weights;
/* The weights y >= 0 of `count` columns with the greatest sum of profits and rows <= heights.
 * columns: count + WG_PLANE_ROWS, of which the last are room; used up. */
void wg_plane_program(int64_t count, wg_plane_column *columns, const double heights[WG_PLANE_ROWS],
                      wg_plane_weights *found);

#endif
