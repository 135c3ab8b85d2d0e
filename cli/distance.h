/* Private to the files of wgamma distance: what was asked, what was read, what came out. */
#ifndef WG_CLI_DISTANCE_H
#define WG_CLI_DISTANCE_H

#include "cli.h"

/* The command line. Paths that were not given are NULL. */
typedef struct wg_distance_request {
  const char *x, *y, *a, *b, *key;
  const char *gauge;
  wg_settings settings;
  const char *plan, *certificate, *plot, *json;
  const char *geodesic, *geodesic_out;
  const char *project_out, *gradients;
  int64_t project; /* 0: not asked */
  bool structure;
  int64_t times_count;
  double *times; /* of --geodesic */
  bool quiet, help;
} wg_distance_request;

typedef struct wg_distance_cloud {
  int64_t n, d;
  double *points, *weights; /* n x d; n, or NULL: uniform */
  char shape[WG_IO_SHAPE_TEXT];
} wg_distance_cloud;

/* A solved problem: views into the solver, and spectra in memory of the command. */
typedef struct wg_distance_result {
  wg_info info;
  wg_certificate certificate;
  double *moment;                   /* d x d, Sigma_P       */
  double *moment_values, *q_values; /* d each, decreasing */
  int threads;
  int64_t peak_bytes; /* reading and solving */
  /* of --structure */
  wg_structure structure;
  wg_uniqueness uniqueness;
  wg_block_structure *blocks; /* structure.blocks */
} wg_distance_result;

/* ---- distance_read.c ---- */
/* Both clouds with their weights, each entry checked; messages name files. A key without an .npz to
 * use it on is WG_ERR_ARGUMENT. */
int wg_distance_read(wg_mem *mem, const wg_distance_request *asked, wg_distance_cloud *x,
                     wg_distance_cloud *y);

/* ---- distance_report.c ---- */
void wg_distance_print(const wg_distance_request *asked, const wg_distance_result *found);
int wg_distance_write_json(const wg_distance_request *asked, const wg_distance_result *found);

/* ---- distance_write.c ---- */
/* Refuses, before anything is computed, outputs that cannot be written (WG_ERR_IO), and names that
 * stand for two things at once or for an input (WG_ERR_ARGUMENT). */
int wg_distance_check_outputs(const wg_distance_request *asked);
/* Writes plan, certificate, geodesic, figure and JSON as asked; returns an exit status. One that
 * fails is reported and does not keep the others from being written. */
int wg_distance_write(wg_mem *mem, const wg_distance_request *asked, const wg_solver *solver,
                      const wg_distance_result *found);

/* ---- distance_structure.c ---- */
/* Refuses what the gauge or the dimension of the clouds do not allow: WG_ERR_INPUT. */
int wg_distance_check_dimension(wg_mem *mem, const wg_distance_request *asked, int64_t d);
int wg_distance_find_structure(wg_mem *mem, const wg_solver *solver, wg_distance_result *found);
void wg_distance_print_structure(const wg_distance_result *found);
json_t *wg_distance_structure_json(const wg_distance_result *found);
int wg_distance_write_projection(wg_mem *mem, const wg_distance_request *asked,
                                 const wg_solver *solver, const wg_certificate *c);
int wg_distance_write_gradients(wg_mem *mem, const char *path, const wg_solver *solver,
                                const wg_certificate *c);

#endif
