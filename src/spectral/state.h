/* Private to spectral/: the solver's state and its steps. */
#ifndef WG_SPECTRAL_STATE_H
#define WG_SPECTRAL_STATE_H

#include "ot/ot.h"
#include "spectral/master.h"
#include "spectral/spectral.h"

/* A coupling as a list of entries; mass sums to one. */
typedef struct wg_coupling {
  int64_t count;
  int64_t *row, *col;
  double *mass;
} wg_coupling;

struct wg_spectral {
  wg_context *context;
  wg_mem mem;
  int64_t n, m, d, total;
  double scale;                    /* power of two: coordinates here = (given - mean) / scale    */
  double *x, *y;                   /* n x d, m x d, each cloud about its own mean                */
  double *mean_x, *mean_y, *delta; /* d: means in given units, (mean_y - mean_x)/scale */
  int64_t *supply, *demand;
  wg_ot *ot;
  /* known couplings and their moments Sigma_k (scaled, delta included) */
  int64_t count, capacity;
  wg_coupling *couplings;
  double *moments; /* capacity x d x d */
  double *weights; /* capacity: of the best combination */
  double upper;    /* its gauge, scaled */
  /* best dual point: Q, potentials under the cost of the centred points, and its value */
  double lower;
  double *q, *f, *g;
  double *f_low, *g_low; /* to be added to f and g                                     */
  int64_t tight_count;   /* arcs of a forest on which f and g sum to the cost          */
  int32_t *tight_row, *tight_col;
  double *trial_q, *trial_w;
  bool is_sharp; /* W is tiny beside the clouds: transport works with pairs of doubles        */
  /* half-spaces of the moments' space (global.c); kept until the points move */
  int64_t cut_count, cut_capacity;
  double *cut_q, *cut_f, *cut_g, *cut_value; /* count x 4, x n, x m, x 1; as q, f, g, lower */
  /* this solve */
  int64_t calls, pivots;
  bool is_coarse;  /* solves a coarser problem for another solver, of which nobody hears */
  bool cuts_prove; /* the lower bound rests on the cuts */
  /* the answer */
  wg_coupling plan;
  double *answer_q, *answer_f, *answer_g, *answer_f_low, *answer_g_low;
  double *answer_cut_q, *answer_cut_f, *answer_cut_g;
};

/* ---- oracle.c ---- */
/* Exact transport under Q (d x d, PSD): appends its coupling and moment as the last column and
 * returns the dual value in *lower; keeps Q and the duals when they beat the best. */
int wg_oracle(wg_spectral *s, const double *q, double *lower);
/* The same on the arcs that the engine knows: *value is what the duals prove of couplings on those.
 * *solved: false if the engine declines (wg_ot_solve_known). */
int wg_known_oracle(wg_spectral *s, const double *q, double *value, bool *solved);

/* ---- coarse.c ---- */
/* Q near the optimum, from a coarser problem; *found: there is one that tells something. */
int wg_coarse_q(wg_spectral *s, const wg_gauge_spec *spec, double *q, bool *found);

/* ---- solve.c ---- */
/* The free lower bound: Q a subgradient at delta delta', zero potentials. */
int wg_start_bound(wg_spectral *s, const wg_gauge_spec *spec);
/* Potentials f, g of the centred points under q, as potentials of the points as given. */
void wg_potentials_restore(wg_spectral *s, const double *q, const double *f, const double *g,
                           double *given_f, double *given_g);

/* ---- arcs.c ---- */
/* The best coupling on the known arcs, to relative gap tol: appended as the last column. q (d x d)
 * receives the Q it is worst for, in K; *found: there is one. */
int wg_arcs_solve(wg_spectral *s, const wg_gauge_spec *spec, double tol, double *q, bool *found);

/* ---- columns.c ---- */
int wg_columns_reserve(wg_spectral *s);
/* Combines the couplings by `weights` (entries below `least` dropped, the rest renormalised). */
int wg_columns_combine(const wg_spectral *s, wg_mem *mem, const double *weights, double least,
                       wg_coupling *plan);
/* Merges the light columns into one when there are too many. */
int wg_columns_compress(wg_spectral *s, int64_t most);
void wg_columns_moment(const wg_spectral *s, const wg_coupling *plan, double *moment);

/* ---- cutting.c, local.c ---- */
int wg_cutting_planes(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                      int *outcome);
int wg_local_search(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                    int *outcome);
/* ---- global.c: Schatten p < 1 on two columns ---- */
/* Keeps <Q, Sigma> >= value, proved by potentials of the centred points, as a cut, if there is room
 * for one more. */
int wg_cuts_add(wg_spectral *s, const double *q, const double *f, const double *g, double value);
/* wg_oracle that keeps its half-space. */
int wg_cuts_oracle(wg_spectral *s, const double *q);
/* Adds cuts until the upper bound is proved to be minimal within the tolerance. *bound: what the
 * cuts prove (scaled). */
int wg_global_search(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                     double *bound, int *outcome);
/* The cuts of the answer, if its lower bound rests on them. */
int wg_cuts_answer(wg_spectral *s, wg_spectral_answer *answer);

/* Tells the watch where the solve stands. */
void wg_spectral_report(wg_spectral *s, const char *phase);

#endif
