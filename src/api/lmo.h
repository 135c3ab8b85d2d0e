/* Private to api/: what one matrix and many of them share. */
#ifndef WG_API_LMO_H
#define WG_API_LMO_H

#include "lmo/lmo.h"

/* A matrix that came in through one of the doors. */
typedef struct wg_matrix {
  int64_t n, d;
  bool single;
  const void *g;
  void *out;
} wg_matrix;

/* ---- lmo.c ---- */
/* WG_ERR_ARGUMENT unless there is a matrix, and room for the result, called `out`. */
int wg_matrix_check(const wg_matrix *given, const char *out);
int wg_polar_check(const wg_polar_settings *settings);
/* What a polynomial method does; is_long: one side is much longer. */
wg_polynomial_plan wg_polar_plan(const wg_polar_settings *settings, const wg_matrix *given,
                                 int method, bool is_long);
/* All of the report but its size, time and memory. */
int wg_polar_solve(wg_mem *mem, const wg_matrix *given, const wg_polar_settings *settings,
                   wg_polar_report *report);

#endif
