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
  double *x, *a, *y, *b; /* as given, weights normalised */
  wg_cloud cx, cy;       /* distinct points              */
  wg_masses masses;
  wg_spectral *spectral;
  bool solved;
  wg_info info;
  /* the solution at the points as given */
  wg_plan plan;
  int64_t *row, *col;
  double *mass, *q, *moment, *f, *g;
};

/* ---- lift.c ---- */
int wg_lift_plan(wg_solver *solver, const wg_spectral_answer *answer);
void wg_lift_potentials(wg_solver *solver, const wg_spectral_answer *answer);

#endif
