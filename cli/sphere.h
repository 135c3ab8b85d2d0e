/* Private to the files of wgamma sphere: what was asked, what was read, what came out. */
#ifndef WG_CLI_SPHERE_H
#define WG_CLI_SPHERE_H

#include "cli.h"

/* The command line. Paths that were not given are NULL. */
typedef struct wg_sphere_request {
  const char *input[2], *weights[2];
  const char *gauge, *out, *certificate, *plot, *json;
  wg_settings settings;
  bool normalise, compare, quiet, help;
} wg_sphere_request;

typedef struct wg_sphere_result {
  int64_t d, n[2];
  double *points[2], *masses[2]; /* n x d; n, or NULL: all equal, of sum one */
  char gauge[WG_CLI_SENTENCE];
  wg_sphere_info info, wfr; /* wfr: under the gauge trace, with --wfr */
  wg_sphere_solution *solution;
  wg_semicoupling plan;
  int64_t peak_bytes;
} wg_sphere_result;

/* ---- sphere_report.c ---- */
void wg_sphere_print(const wg_sphere_request *asked, const wg_sphere_result *found);
/* Writes the semi-coupling, the figure and JSON as asked; returns an exit status. */
int wg_sphere_write(const wg_sphere_request *asked, const wg_sphere_result *found);

#endif
