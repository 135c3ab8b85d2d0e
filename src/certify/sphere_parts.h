/* Private to certify/: what sphere.c hands to sphere_upper.c. */
#ifndef WG_CERTIFY_SPHERE_PARTS_H
#define WG_CERTIFY_SPHERE_PARTS_H

#include "base/base.h"
#include "certify/certify.h"

/* The data in units of 2^exponent, so that masses are below one, and the directions x / |x|. */
typedef struct wg_cert_atoms {
  int64_t d, n[2];
  int exponent;
  const double *rows[2]; /* n x d, as given                                */
  double *mass[2];       /* n, never above the given one                   */
  double *lost[2];       /* n: above what scaling took from it             */
  wg_twofold *w[2];      /* n x d: each row is off by less than `off`      */
  double off;
} wg_cert_atoms;

/* What underflow may do to anything that is of the order of one: 2^74 underflows. */
#define WG_CERT_TINY 0x1p-1000

/* gamma of A of the semi-coupling, both in units of 2^exponent: value as computed, upper proved. */
int wg_cert_sphere_upper(wg_mem *mem, const wg_cert_atoms *atoms, const wg_gauge_spec *spec,
                         const wg_cert_semicoupling *plan, double margin, double *moment,
                         wg_cert_sphere_report *report);

#endif
