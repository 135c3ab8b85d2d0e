/* Gauges through the public door: a window on gauge/. */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"

/* Parses into memory (a spec is large) and binds when d > 0. */
static int open_gauge(wg_mem *mem, const char *gauge, int64_t d, wg_gauge_spec **spec) {
  if (!gauge) return wg_fail(WG_ERR_ARGUMENT, "no gauge is given; try \"operator\"");
  if (d < 0) return wg_fail(WG_ERR_ARGUMENT, "d = %lld is negative", (long long)d);
  if (!(*spec = WG_NEW(mem, wg_gauge_spec, 1))) return wg_no_memory();
  WG_TRY(wg_gauge_parse(gauge, *spec));
  return d > 0 ? wg_gauge_bind(*spec, d) : WG_OK;
}

int wg_gauge_canonical(const char *gauge, int64_t d, char *text, size_t size) {
  wg_clear_error();
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = NULL;
  int status = open_gauge(&mem, gauge, d, &spec);
  char *full = status == WG_OK ? WG_NEW(&mem, char, WG_GAUGE_TEXT) : NULL;
  if (status == WG_OK && !full) status = wg_no_memory();
  if (status == WG_OK) {
    wg_gauge_print(spec, full);
    if (strlen(full) >= size)
      status = wg_fail(WG_ERR_ARGUMENT, "the gauge's text needs %zu bytes, %zu are given",
                       strlen(full) + 1, size);
    else
      memcpy(text, full, strlen(full) + 1);
  }
  wg_mem_clear(&mem);
  return status;
}

static int check_matrix(int64_t d, const double *s) {
  double largest = 0.0;
  for (int64_t i = 0; i < d * d; i++) {
    if (!isfinite(s[i]))
      return wg_fail(WG_ERR_INPUT, "s[%lld, %lld] = %g is not finite", (long long)(i / d),
                     (long long)(i % d), s[i]);
    largest = WG_MAX(largest, fabs(s[i]));
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++)
      if (fabs(s[i * d + j] - s[j * d + i]) > 1e-12 * largest)
        return wg_fail(WG_ERR_INPUT,
                       "s is not symmetric: entry [%lld, %lld] is %.17g, entry [%lld, %lld] is "
                       "%.17g; use (s + s')/2",
                       (long long)i, (long long)j, s[i * d + j], (long long)j, (long long)i,
                       s[j * d + i]);
  return WG_OK;
}

static int check_positive(wg_mem *mem, int64_t d, const double *s) {
  double *values = WG_NEW(mem, double, d), *vectors = WG_NEW(mem, double, d *d);
  if (!values || !vectors) return wg_no_memory();
  WG_TRY(wg_la_eigh(d, s, values, vectors));
  if (values[d - 1] < -1e-12 * WG_MAX(values[0], 0.0))
    return wg_fail(WG_ERR_INPUT,
                   "s is not positive semidefinite: its least eigenvalue is %g; a gauge takes a "
                   "covariance, so check the matrix or drop its negative eigenvalues",
                   values[d - 1]);
  return WG_OK;
}

static int evaluate(wg_mem *mem, const wg_gauge_spec *spec, const double *s, double *value,
                    double *subgradient, double *dual) {
  if (value) WG_TRY(wg_gauge_value(spec, s, mem, value));
  if (subgradient) WG_TRY(wg_gauge_subgradient(spec, s, mem, subgradient));
  if (dual) *dual = NAN;
  return dual && wg_gauge_is_convex(spec) ? wg_gauge_dual(spec, s, mem, dual) : WG_OK;
}

int wg_gauge(const char *gauge, int64_t d, const double *s, double *value, double *subgradient,
             double *dual) {
  wg_clear_error();
  if (d < 1 || !s) return wg_fail(WG_ERR_ARGUMENT, "s must be a d x d matrix with d >= 1");
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = NULL;
  int status = open_gauge(&mem, gauge, d, &spec);
  if (status == WG_OK) status = check_matrix(d, s);
  if (status == WG_OK) status = check_positive(&mem, d, s);
  if (status == WG_OK) status = evaluate(&mem, spec, s, value, subgradient, dual);
  wg_mem_clear(&mem);
  return status;
}

/* ---- the check ---- */

/* Relative, NaN where one is none; `floor` is what numbers near the least double may differ by. */
static double off(double found, double expected, double floor) {
  if (found == expected || fabs(found - expected) <= floor) return 0.0;
  return fabs(found - expected) / fabs(expected);
}

/* The larger, and NaN if one is. */
static double worse(double a, double b) { return a >= b ? a : isnan(a) ? a : b; }

/* What is claimed of gamma at s, against the definitions: gamma(s), <Q, s> = gamma(s), Q in K. */
static int judge(wg_mem *mem, const wg_gauge_spec *spec, const double *s, double value,
                 const double *subgradient, const double *dual, double *error) {
  double expected, scale = wg_gauge_unit(spec);
  const double floor = 16.0 * (double)spec->d * DBL_TRUE_MIN;
  WG_TRY(wg_define_gauge(spec, false, s, mem, &expected));
  *error = off(value, expected, floor * WG_MAX(scale, 1.0));
  if (subgradient && expected > 0.0 && expected <= DBL_MAX) {
    wg_sum sum = {0};
    for (int64_t k = 0; k < spec->d * spec->d; k++)
      wg_sum_add(&sum, subgradient[k] * (s[k] / expected));
    *error = worse(*error, off(wg_sum_value(sum), 1.0, floor * WG_MAX(scale, 1.0) / expected));
  }
  if (!wg_gauge_is_convex(spec)) return WG_OK;
  if (subgradient) {
    WG_TRY(wg_define_gauge(spec, true, subgradient, mem, &expected));
    *error = worse(*error, expected > 1.0 || isnan(expected) ? expected - 1.0 : 0.0);
  }
  if (!dual) return WG_OK;
  WG_TRY(wg_define_gauge(spec, true, s, mem, &expected));
  scale = 1.0;
  for (int64_t b = 0; b < spec->block_count; b++)
    scale = WG_MAX(scale, spec->blocks[b].rate * spec->blocks[b].rate);
  *error = worse(*error, off(*dual, expected, floor * scale));
  return WG_OK;
}

int wg_gauge_check(const char *gauge, int64_t d, const double *s, double value,
                   const double *subgradient, const double *dual, double *error) {
  wg_clear_error();
  if (d < 1 || !s || !error)
    return wg_fail(WG_ERR_ARGUMENT, "s must be a d x d matrix with d >= 1, error must be given");
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = NULL;
  int status = open_gauge(&mem, gauge, d, &spec);
  if (status == WG_OK) status = check_matrix(d, s);
  if (status == WG_OK) status = judge(&mem, spec, s, value, subgradient, dual, error);
  wg_mem_clear(&mem);
  return status;
}

int wg_spectrum(int64_t d, const double *s, double *values) {
  wg_clear_error();
  if (d < 1 || !s || !values)
    return wg_fail(WG_ERR_ARGUMENT, "s must be a d x d matrix with d >= 1");
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *vectors = WG_NEW(&mem, double, d *d);
  int status = check_matrix(d, s);
  if (status == WG_OK && !vectors) status = wg_no_memory();
  if (status == WG_OK) status = wg_la_eigh(d, s, values, vectors);
  wg_mem_clear(&mem);
  return status;
}
