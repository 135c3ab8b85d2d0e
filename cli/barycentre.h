/* Private to the files of wgamma barycentre: what was asked, what was read, what came out. */
#ifndef WG_CLI_BARYCENTRE_H
#define WG_CLI_BARYCENTRE_H

#include "gaussian.h"

/* The command line. Paths that were not given are NULL. */
typedef struct wg_barycentre_request {
  int64_t count; /* of Gaussians; input holds M0 S0 M1 S1 ... */
  char *const *input;
  const char *gauge, *weights, *out, *certificate, *plot, *json;
  wg_settings settings;
  bool quiet, help;
} wg_barycentre_request;

typedef struct wg_barycentre_result {
  int64_t count, d;
  double *means, *covs, *weights; /* count x d; count x d x d; count, or NULL: equal */
  double *mean, *cov, *contractions, *q, *y, *distances;
  char gauge[WG_CLI_SENTENCE];
  wg_barycentre_info info;
  int64_t peak_bytes;
} wg_barycentre_result;

/* ---- barycentre_report.c ---- */
void wg_barycentre_print(const wg_barycentre_request *asked, const wg_barycentre_result *found);
/* Writes the barycentre, the figure and JSON as asked; returns an exit status. */
int wg_barycentre_write(wg_mem *mem, const wg_barycentre_request *asked,
                        const wg_barycentre_result *found);

#endif
