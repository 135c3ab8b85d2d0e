/* Private to the files of wgamma dynamic: what was asked, what was read, what came out. */
#ifndef WG_CLI_DYNAMIC_H
#define WG_CLI_DYNAMIC_H

#include "cli.h"

/* The command line. Paths that were not given are NULL. */
typedef struct wg_dynamic_request {
  const char *input[2];
  const char *weights[2];
  const char *gauge, *spacing_text, *bins_text, *out, *certificate, *plot, *animate, *json;
  wg_dynamic_settings settings;
  bool compare, quiet, help;
} wg_dynamic_request;

typedef struct wg_dynamic_result {
  int64_t d, shape[WG_IO_MAX_NDIM], cells;
  double *mass[2]; /* cells                                                    */
  double *spacing; /* d                                                        */
  bool compared;   /* also solved as clouds of the cells' middles              */
  double fixed[2]; /* bounds of that                                           */
  char gauge[WG_CLI_SENTENCE];
  wg_dynamic_info info;
  wg_dynamic_solution *solution;
  wg_dynamic_path path;
  int64_t peak_bytes;
} wg_dynamic_result;

/* ---- dynamic_read.c ---- */
/* Shape, spacing and masses. */
int wg_dynamic_read(wg_mem *mem, const wg_dynamic_request *asked, wg_dynamic_result *found);

/* ---- dynamic_report.c ---- */
void wg_dynamic_print(const wg_dynamic_request *asked, const wg_dynamic_result *found);
/* Writes path and JSON as asked; returns an exit status. */
int wg_dynamic_write(const wg_dynamic_request *asked, const wg_dynamic_result *found);

#endif
