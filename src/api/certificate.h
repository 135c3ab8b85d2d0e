/* Private to api/: arrays of a certificate, written down, and what its kinds share. */
#ifndef WG_API_CERTIFICATE_H
#define WG_API_CERTIFICATE_H

#include "wgamma.h"

static inline wg_certificate_array wg_array_row(const char *name, int64_t n, const double *data) {
  return (wg_certificate_array){.name = name, .ndim = 1, .shape = {n}, .data = data};
}

static inline wg_certificate_array wg_array_indices(const char *name, int64_t n,
                                                    const int64_t *data) {
  return (wg_certificate_array){.name = name, .integers = 1, .ndim = 1, .shape = {n}, .data = data};
}

static inline wg_certificate_array wg_array_rows(const char *name, int64_t n, int64_t d,
                                                 const double *data) {
  return (wg_certificate_array){.name = name, .ndim = 2, .shape = {n, d}, .data = data};
}

/* ---- sphere.c ---- */
/* Bounds this near count as met: 1e-12 of the masses of both measures, in the units of UW2. */
int wg_sphere_allowance(int64_t d, const char *gauge, const int64_t n[2],
                        const double *const mass[2], double *allowed);

#endif
