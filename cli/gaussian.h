/* Private to the files of wgamma gaussian: what was asked, what was read, what came out. */
#ifndef WG_CLI_GAUSSIAN_H
#define WG_CLI_GAUSSIAN_H

#include "cli.h"
#include "plot/plot.h"

enum { WG_GAUSSIAN_INPUTS = 4 }; /* M0 S0 M1 S1, or the clouds X and Y */

/* The command line. Paths that were not given are NULL. */
typedef struct wg_gaussian_request {
  const char *input[WG_GAUSSIAN_INPUTS];
  bool from_samples;
  const char *a, *b, *gauge, *out, *certificate, *geodesic, *geodesic_out, *plot, *json;
  const char *batch; /* an .npz of many problems, in the place of the inputs */
  wg_settings settings;
  int64_t times_count;
  double *times;
  bool quiet, help;
} wg_gaussian_request;

typedef struct wg_gaussian_cloud {
  int64_t n;
  double *points, *weights; /* n x d; n, or NULL: uniform */
} wg_gaussian_cloud;

typedef struct wg_gaussian_result {
  int64_t d;
  double *mean[2], *cov[2];
  double *contraction, *k, *q, *map, *q_values;
  char gauge[WG_CLI_SENTENCE];
  wg_gaussian_info info;
  wg_gaussian_cloud cloud[2]; /* of --from-samples */
  wg_info clouds;
  int64_t peak_bytes;
} wg_gaussian_result;

/* ---- gaussian_read.c ---- */
int wg_gaussian_read(wg_mem *mem, const wg_gaussian_request *asked, wg_gaussian_result *found);
/* A mean sets d; a covariance must go with it. */
int wg_gaussian_read_mean(wg_mem *mem, const char *path, int64_t *d, double **mean);
int wg_gaussian_read_covariance(wg_mem *mem, const char *path, const char *mean_path, int64_t d,
                                double **covariance);
/* ---- gaussian_plot.c ---- */
enum { WG_GAUSSIAN_POINTS = 181 };
/* Two standard deviations around the mean; cov: c11, c12, c22; curve: 2 WG_GAUSSIAN_POINTS. */
void wg_gaussian_ellipse(const double mean[2], const double cov[3], double *curve);
/* Axes that hold the plane's curves, with room; of one scale where they are `equal`. */
void wg_gaussian_axes(wg_plot_plane *plane, bool equal);
int wg_gaussian_plot(wg_mem *mem, const wg_gaussian_request *asked,
                     const wg_gaussian_result *found);
/* ---- gaussian_report.c ---- */
void wg_gaussian_print(const wg_gaussian_request *asked, const wg_gaussian_result *found);
/* Writes the coupling, the geodesic and JSON as asked; returns an exit status. */
int wg_gaussian_write(wg_mem *mem, const wg_gaussian_request *asked,
                      const wg_gaussian_result *found);

/* ---- gaussian_batch.c ---- */
/* Reads, solves and reports the problems of --batch; an exit status, or a negative status. */
int wg_gaussian_run_batch(wg_mem *mem, wg_gaussian_request *asked);

#endif
