/* Getters of the last solve, the geodesic, certificates and their verification. */
#include <string.h>

#include "api/api.h"

int wg_check_solved(const wg_solver *s) {
  if (!s) return wg_fail(WG_ERR_ARGUMENT, "solver must not be NULL");
  if (!s->solved) return wg_fail(WG_ERR_STATE, "there is no solution yet; call wg_solve first");
  return WG_OK;
}

int wg_get_plan(const wg_solver *s, wg_plan *plan) {
  WG_TRY(wg_check_solved(s));
  *plan = s->plan;
  return WG_OK;
}

int wg_get_q(const wg_solver *s, double *q) {
  WG_TRY(wg_check_solved(s));
  memcpy(q, s->q, (size_t)(s->d * s->d) * sizeof *q);
  return WG_OK;
}

int wg_get_moment(const wg_solver *s, double *moment) {
  WG_TRY(wg_check_solved(s));
  memcpy(moment, s->moment, (size_t)(s->d * s->d) * sizeof *moment);
  return WG_OK;
}

int wg_get_potentials(const wg_solver *s, double *f, double *g) {
  WG_TRY(wg_check_solved(s));
  memcpy(f, s->f, (size_t)s->n * sizeof *f);
  memcpy(g, s->g, (size_t)s->m * sizeof *g);
  return WG_OK;
}

/* theory 3.5: mu_t = sum P_ij delta_((1-t) x_i + t y_j). */
int wg_geodesic(const wg_solver *s, double t, double *points, double *masses) {
  WG_TRY(wg_check_solved(s));
  if (!isfinite(t)) return wg_fail(WG_ERR_ARGUMENT, "t = %g must be finite", t);
  for (int64_t e = 0; e < s->plan.count; e++) {
    const double *x = s->x + s->row[e] * s->d, *y = s->y + s->col[e] * s->d;
    for (int64_t k = 0; k < s->d; k++) points[e * s->d + k] = (1.0 - t) * x[k] + t * y[k];
    masses[e] = s->mass[e];
  }
  return WG_OK;
}

int wg_get_certificate(const wg_solver *s, wg_certificate *certificate) {
  WG_TRY(wg_check_solved(s));
  *certificate = (wg_certificate){.struct_size = sizeof *certificate,
                                  .n = s->n,
                                  .m = s->m,
                                  .d = s->d,
                                  .count = s->plan.count,
                                  .x = s->x,
                                  .a = s->a,
                                  .y = s->y,
                                  .b = s->b,
                                  .gauge = s->gauge_text,
                                  .row = s->row,
                                  .col = s->col,
                                  .mass = s->mass,
                                  .q = s->q,
                                  .f = s->f,
                                  .g = s->g,
                                  .lower = s->info.lower,
                                  .upper = s->info.upper,
                                  .tol = s->settings.tol,
                                  .cuts = s->cuts.count,
                                  .cut_q = s->cuts.q,
                                  .cut_f = s->cuts.f,
                                  .cut_g = s->cuts.g,
                                  .mass_low = s->mass_low,
                                  .f_low = s->f_low,
                                  .g_low = s->g_low};
  return WG_OK;
}

int wg_verify(const wg_certificate *certificate, int threads, wg_verdict *verdict) {
  wg_clear_error();
  if (!certificate || !verdict)
    return wg_fail(WG_ERR_ARGUMENT, "certificate and verdict must not be NULL");
  wg_context context = {.threads = wg_thread_count(threads)};
  wg_watch_start(&context.watch, INFINITY, NULL, NULL);
  return wg_cert_verify(&context, certificate, verdict);
}

int wg_verify_rigorous(const wg_certificate *certificate, int threads,
                       wg_rigorous_verdict *verdict) {
  wg_clear_error();
  if (!certificate || !verdict)
    return wg_fail(WG_ERR_ARGUMENT, "certificate and verdict must not be NULL");
  wg_context context = {.threads = wg_thread_count(threads)};
  return wg_cert_verify_rigorous(&context, certificate, verdict);
}
