/* Private to api/: the solver object. */
#ifndef WG_API_H
#define WG_API_H

#include "certify/certify.h"
#include "linalg/la.h"
#include "measure/measure.h"
#include "spectral/spectral.h"

struct wg_solver {
  wg_context context;
  wg_mem mem, cloud_mem, plan_mem;
  wg_settings settings;
  wg_gauge_spec spec, simple, minorant; /* as asked; as solved; below (lower bounds) */
  char gauge_text[WG_GAUGE_TEXT];
  int64_t n, m, d;
  double *x, *a, *y, *b; /* as given             */
  double total;          /* sum of a             */
  wg_cloud cx, cy;       /* distinct points              */
  wg_masses masses;
  wg_spectral *spectral;
  bool solved;
  wg_info info;
  /* the solution at the points as given */
  wg_plan plan;
  int64_t *row, *col;
  double *mass, *q, *moment, *f, *g;
  double *mass_low, *f_low, *g_low; /* to be added exactly (wg_certificate) */
  wg_mem cut_mem;
  wg_cert_cuts cuts; /* what proves the lower bound for p < 1 in the plane */
};

/* ---- solver.c ---- */
int wg_check_settings(const wg_settings *settings);

/* ---- results.c ---- */
/* WG_ERR_ARGUMENT without a solver, WG_ERR_STATE before its first solve. */
int wg_check_solved(const wg_solver *solver);

/* ---- repair.c ---- */
/* A plan in the making: masses mass + low. */
typedef struct wg_lift_entries {
  int64_t count, *row, *col;
  double *mass, *low;
} wg_lift_entries;
/* Makes the masses add up to the solver's weights; entries that get nothing are dropped. */
int wg_repair_plan(wg_mem *mem, const wg_solver *solver, wg_lift_entries *plan);

/* ---- lift.c ---- */
/* (y_j - x_i)' Q (y_j - x_i) of points as given. */
double wg_given_cost(const wg_solver *solver, int64_t i, int64_t j);
int wg_lift_plan(wg_solver *solver, const wg_spectral_answer *answer);
void wg_lift_potentials(wg_solver *solver, const wg_spectral_answer *answer);
int wg_lift_cuts(wg_solver *solver, const wg_spectral_answer *answer);

/* ---- gaussian.c ---- */
/* Arguments that are missing, and the gauge for that dimension. */
int wg_gaussian_check(const wg_cert_normal *data, const char *gauge, wg_gauge_spec *spec);
/* Bounds, outcome and nothing else of info, for one thread of many. */
int wg_gaussian_bounds(const wg_context *context, const wg_settings *settings,
                       const wg_cert_normal *data, const wg_gauge_spec *spec,
                       wg_gaussian_info *info);

#endif
