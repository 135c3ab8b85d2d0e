/* Private to the files of wgamma moments: what was asked, what was read, what came out. */
#ifndef WG_CLI_MOMENTS_H
#define WG_CLI_MOMENTS_H

#include "cli.h"

typedef enum wg_moments_kind {
  WG_MOMENTS_OF_KL,
  WG_MOMENTS_OF_LINEAR,
  WG_MOMENTS_OF_AFFINE,
  WG_MOMENTS_OF_MODES
} wg_moments_kind;
enum { WG_MOMENTS_INPUTS = 4 };

typedef struct wg_moments_request {
  wg_moments_kind kind;
  const char *word; /* kl, linear, affine, modal */
  const char *input[WG_MOMENTS_INPUTS], *mean, *offset;
  const char *gauge, *times_text, *out, *plot, *json;
  double end;
  int64_t samples;
  wg_settings settings;
  bool quiet, help;
} wg_moments_request;

typedef struct wg_moments_result {
  int64_t d, rows, columns; /* d: of the Gaussian, or modes */
  double *mean0, *cov0, *mean1, *cov1, *matrix, *offset;
  double *s0, *r0, *beta;
  int64_t times_count;
  double *times;
  char gauge[WG_CLI_SENTENCE];
  wg_moments *moments;
  wg_moments_info info;
} wg_moments_result;

/* ---- moments_read.c ---- */
int wg_moments_read(wg_mem *mem, const wg_moments_request *asked, wg_moments_result *found);
/* ---- moments_report.c ---- */
void wg_moments_print(const wg_moments_request *asked, const wg_moments_result *found);
/* Writes the samples and JSON as asked; returns an exit status. */
int wg_moments_write(wg_mem *mem, const wg_moments_request *asked, const wg_moments_result *found);

#endif
