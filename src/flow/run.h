/* Private to the files of flow/ that follow an energy: the state of a flow and its steps. */
#ifndef WG_FLOW_RUN_H
#define WG_FLOW_RUN_H

#include "flow/flow.h"
#include "gauge/gauge.h"
#include "lmo/lmo.h"

/* ---- numbers of one place (modes.c) ----
 * Singular values are kept for all columns: those of a block, decreasing, at its columns. */

/* What a velocity is, in numbers; norms are those of the measure. */
typedef struct wg_flow_rate {
  double slope;   /* N*(g), nothing left out                          */
  double speed;   /* N(v)                                             */
  double product; /* -<g, v>: the energy that is lost per time        */
  int64_t rank;   /* modes that move                                  */
} wg_flow_rate;
/* N*, and J's singular values for decreasing sigma; zero values do not move. */
double wg_modes_dual(const wg_gauge_spec *spec, const double *sigma, double *v);
/* N of non-negative numbers, decreasing in each block. */
double wg_modes_norm(const wg_gauge_spec *spec, const double *v);
/* The velocity of k Newton-Schulz steps, in the place of the polar factor: <g, O> O with
 * O = p(g / |g|_F). One operator block only. */
void wg_modes_newton(int64_t count, const double *sigma, int steps, double *v);

/* ---- the clip step in numbers (prox.c) ----
 * v minimises -<sigma, v> + N(v)^2 / (2 tau) + |v|^2 lipschitz / 2 over v >= 0. */
void wg_modes_prox(const wg_gauge_spec *spec, const double *sigma, double tau, double lipschitz,
                   double *v);

/* ---- a place of the flow ---- */
typedef struct wg_flow_place {
  double *y;            /* n x d points; with momentum n x d of A behind them */
  double *dy;           /* their velocity                                     */
  double *force;        /* n x d                                              */
  double *sigma;        /* d: of the force, or of A                           */
  unsigned char *moves; /* d: the modes that move                      */
  double *lowest;       /* d: z of the smallest of them, where the oracle jumps; else 0 */
  double energy, lyapunov;
  wg_flow_rate rate;
  double least; /* of signed modes: the smallest singular value of those that move */
} wg_flow_place;

/* Numbers that a checkpoint keeps as they are. */
typedef struct wg_flow_state {
  double time, step, longest; /* step: proposed by an adaptive method; longest: accepted   */
  double start_energy, start_lyapunov;
  double lost, lost_force; /* integrals: of the rate, and of the De Giorgi form            */
  double one_step_error;   /* of the De Giorgi form, in steps of one-step methods           */
  double effective_time, lipschitz, last_error;
  double most_cut, worst_gap;              /* as in wg_flow_info                             */
  double clip_until, clip_span, clip_step; /* AUTO: the clip step stands in until then       */
  int64_t steps, attempts, evaluations, rejected, clipped, uphill, switches, rank_changes;
  int64_t reversals;
  double forecast; /* when the smallest mode vanishes, by the last steps before that; INFINITY */
  double fall, fall_step; /* how fast it fell in the last step, of that length             */
  int64_t unrest; /* changes of rank and reversals of late, fading: what chatter is told by   */
} wg_flow_state;

struct wg_flow {
  wg_context context;
  wg_mem mem, scratch;
  wg_energy *energy;
  wg_flow_settings settings;
  wg_gauge_spec spec;
  int64_t n, d, parts; /* parts: 1, or 2 with momentum */
  double *a;
  wg_flow_place now, next;
  double *stage[7]; /* slopes of a Runge-Kutta step; room of the others */
  double *weighted; /* n x d: a_i g_i, of the place a step begins */
  wg_flow_state state;
  bool regains; /* modes that were lost may move again: at the end of a step only */
  /* events: modes that move, and P'A of the place a step begins as a d x d matrix */
  unsigned char *active;
  double *compass;
  /* the log */
  wg_flow_record *records;
  double *spectra;
  int64_t record_count, record_room, kept;
  wg_flow_event *events;
  int64_t event_count, event_room;
};

/* ---- velocities (direction.c) ---- */
/* Force, velocity and rate at place->y. signed_modes: singular values keep the signs they have
 * relative to where the step began, so that the field is smooth beyond the loss of a mode. */
int wg_flow_look(wg_flow *flow, wg_flow_place *place, bool signed_modes);
/* The velocity again, from the force at hand. */
int wg_flow_turn(wg_flow *flow, wg_flow_place *place, bool signed_modes);
/* The minimiser V of <g, V> + N(V)^2 / (2 tau) + L |V|^2 / 2 for g (n x d), into out. */
int wg_flow_clip(wg_flow *flow, const double *g, double tau, double lipschitz, double *out,
                 double *norm);
/* Fixes the modes that move, and what signs are relative to. */
int wg_flow_set_compass(wg_flow *flow, const wg_flow_place *place);
/* The largest singular value of place that does not move, over the cut-off; a mode moves again from
 * WG_FLOW_REGAIN on. */
enum { WG_FLOW_REGAIN = 4 };
double wg_flow_regrown(const wg_flow *flow, const wg_flow_place *place);
/* <x, y> = sum_i a_i <x_i, y_i> over n x d. */
double wg_flow_dot(const wg_flow *flow, const double *x, const double *y);

/* ---- steps: each goes from now to next; *taken false: rejected, state.step is smaller ---- */
typedef struct wg_flow_step {
  int method;         /* a wg_flow_method other than AUTO                                  */
  double length;      /* asked; after the step: taken                                      */
  bool shortened;     /* to end at the time asked: what comes next is not shorter for it   */
  bool taken;         /* false: rejected                                                   */
  bool clipped;       /* capped, clipped; JKO: ended before its tolerance                  */
  double lost;        /* integral of -<g, v> by the weights of the method                  */
  double curve_speed; /* N(displacement) / length, for one-step methods; else NAN          */
  double effective;   /* time                                                              */
} wg_flow_step;
/* out = now.y + h sum_s weights[s] stage[s]; keep: stage[s] = slope. */
void wg_flow_combine(const wg_flow *flow, double h, int count, const double *weights, double *out);
void wg_flow_keep(const wg_flow *flow, int s, const double *slope);
/* EVENTS: the place is where a step begins; its modes that move, its velocity with signs. */
int wg_flow_settle(wg_flow *flow, wg_flow_place *place);
int wg_flow_euler(wg_flow *flow, wg_flow_step *step);
int wg_flow_rk4(wg_flow *flow, wg_flow_step *step);
int wg_flow_dopri(wg_flow *flow, wg_flow_step *step);
int wg_flow_clip_step(wg_flow *flow, wg_flow_step *step);
int wg_flow_jko(wg_flow *flow, wg_flow_step *step);
/* The first step of an adaptive method. */
double wg_flow_first_step(const wg_flow *flow);

/* ---- the log (log.c) ---- */
/* Records flow->now, where `step` led (NULL: the start). */
int wg_flow_note_step(wg_flow *flow, const wg_flow_step *step);
/* Adds a taken step to the sums, while now is still where it began. */
void wg_flow_account(wg_flow *flow, const wg_flow_step *step);
int wg_flow_note_event(wg_flow *flow, int kind, double time, int64_t mode, double value);
/* The larger identity error that counts for the method, over what was lost. */
double wg_flow_residual(const wg_flow *flow);
bool wg_flow_is_resolved(const wg_flow *flow);
/* Spread of the points around their mean, a root mean square over all coordinates. */
double wg_flow_spread(const wg_flow *flow, const double *x);

#endif
