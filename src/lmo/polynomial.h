/* Private to lmo/: what both precisions of the polynomial methods share. */
#ifndef WG_POLYNOMIAL_H
#define WG_POLYNOMIAL_H

#include "lmo/lmo.h"

/* The steps of a method, one after the other. */
typedef struct wg_polynomial_steps {
  const wg_polynomial_plan *plan;
  int terms; /* of the polynomial at hand                              */
  double c[WG_MOST_TERMS];
  double lower, upper; /* Polar Express: where the singular values are now       */
} wg_polynomial_steps;
wg_polynomial_steps wg_polynomial_begin(const wg_polynomial_plan *plan);
/* Puts the next polynomial into terms and c. */
void wg_polynomial_next(wg_polynomial_steps *steps);

#endif
