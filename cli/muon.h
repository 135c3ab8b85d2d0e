/* Private to the files of wgamma muon-step: what was asked, what was read, what came out. */
#ifndef WG_CLI_MUON_H
#define WG_CLI_MUON_H

#include "matrix.h"

/* The command line. Paths and texts that were not given are NULL. */
typedef struct wg_muon_request {
  const char *params, *grads, *out, *state, *json;
  const char *gauge, *method, *scale, *fallback;
  const char *matrix, *adamw, *sgd;              /* patterns */
  const char *axes, *row_blocks, *column_blocks; /* PATTERN=VALUE,... */
  int64_t steps;
  bool plain, dual_norm, check, quiet, help; /* plain: without Nesterov */
  wg_muon_settings settings;
} wg_muon_request;

/* Parameters in the order of PARAMS, with their gradients. */
typedef struct wg_muon_pack {
  int64_t count;
  wg_muon_parameter *parameters; /* count each */
  void **values;
  const void **gradients;
} wg_muon_pack;

typedef struct wg_muon_result {
  char gauge[WG_CLI_SENTENCE];
  wg_muon_pack pack;
  wg_muon *muon;
  wg_muon_report report;
  bool reached; /* --tol */
  int64_t peak_bytes;
} wg_muon_result;

/* ---- muon_read.c ---- */
/* Both archives: the same names with the same shapes, all numbers finite; and what the options say
 * about parameters. WG_ERR_ARGUMENT where a pattern fits none. */
int wg_muon_read(wg_mem *mem, const wg_muon_request *asked, wg_muon_pack *pack);

/* ---- muon_report.c ---- */
void wg_muon_print(const wg_muon_request *asked, const wg_muon_result *found);
int wg_muon_write_json(const wg_muon_request *asked, const wg_muon_result *found);

#endif
