/* plot: figures through Cairo, PDF, SVG or PNG by the file's ending. Includes base only. */
#ifndef WG_PLOT_H
#define WG_PLOT_H

#include <stdio.h>

#include "base/base.h"

/* WG_ERR_ARGUMENT unless path ends in .pdf, .svg or .png (any case). */
int wg_plot_check_path(const char *path);

/* One solved distance, as the figures need it. Clouds are drawn as they are when d = 2, on the
 * plane of the two leading eigenvectors of the moment when d > 2, on two lines when d = 1. Points
 * and masses are finite and indices in range. At most 4000 segments and points a cloud are drawn,
 * the heaviest; the caption tells. */
typedef struct wg_plot_solution {
  const char *title; /* UTF-8: "operator: W = 2.3185 (gap 3e-7)" */
  int64_t n, m, d, count;
  const double *x, *a, *y, *b; /* a, b NULL: uniform */
  const int64_t *row, *col;
  const double *mass;
  const double *moment;                   /* d x d; used when d > 2 only                 */
  const double *moment_values, *q_values; /* d, decreasing; used by wg_plot_distance only */
} wg_plot_solution;

/* Figures. All solutions of one have the same d; count <= 12, times_count <= 12, times in [0, 1].
 * Errors: WG_ERR_ARGUMENT, WG_ERR_MEMORY, WG_ERR_IO; what was at path is then untouched. Cost
 * O(count (n + m + pairs log pairs)), memory 24 bytes a pair and 0.5 MB a snapshot. */

/* The figure of `wgamma distance --plot`: the coupling as segments whose opacity follows the mass,
 * snapshots of the density at t = 0, 1/4, 1/2, 3/4, 1, and the spectra of Sigma_P and Q. */
int wg_plot_distance(const char *path, const wg_plot_solution *solution);
/* Couplings side by side, one panel a solution. */
int wg_plot_couplings(const char *path, int count, const wg_plot_solution *solutions);
/* Geodesics: one row a solution, one column a time; kernel density with a shared colour scale. */
int wg_plot_geodesics(const char *path, int count, const wg_plot_solution *solutions,
                      int times_count, const double *times);

/* Many distances. title is UTF-8; numbers that are not finite are left out (a grey cell, a gap in
 * the line). Errors as above. */

/* A symmetric matrix of distances as cells, 0 white; count <= 8192. */
int wg_plot_matrix(const char *path, const char *title, int64_t count, const double *values);

/* W along a family of gauges, one label each, and the band [low, high] around it. */
typedef struct wg_plot_family {
  const char *title, *axis; /* of the whole, of the gauges */
  int64_t count;
  const char *const *labels;
  const double *low, *high; /* of W */
} wg_plot_family;
int wg_plot_along(const char *path, const wg_plot_family *family);

/* Lines over a common axis: column 0 of the table (rows x (1 + count)) is the axis, the others are
 * lines; 1 to 8 of them. Not finite, or not positive on the logarithmic scale: a gap. */
typedef struct wg_plot_lines {
  const char *title, *axis;
  bool logarithmic; /* the scale of the lines */
  int64_t rows, count;
  const char *const *labels; /* count */
  const double *table;
} wg_plot_lines;
int wg_plot_table(const char *path, const wg_plot_lines *lines);

/* Curves in planes, side by side: trajectories in a phase plane, say. Points are pairs x, y; what
 * is not finite is a gap. colour: 0 .. 7 of the palette, or below zero: grey, thin, behind the
 * others. */
typedef struct wg_plot_curve {
  int64_t count;
  const double *points; /* count x 2 */
  int colour;
} wg_plot_curve;
/* A dot: filled where the curve goes on, a ring for an event, a cross for a target. */
typedef enum wg_plot_sign { WG_PLOT_DOT, WG_PLOT_RING, WG_PLOT_CROSS } wg_plot_sign;
typedef struct wg_plot_mark {
  double x, y;
  wg_plot_sign sign;
  int colour;
} wg_plot_mark;
typedef struct wg_plot_plane {
  const char *title, *x_axis, *y_axis;
  double low[2], high[2]; /* of the axes */
  int64_t curve_count, mark_count;
  const wg_plot_curve *curves;
  const wg_plot_mark *marks;
} wg_plot_plane;
typedef struct wg_plot_planes {
  const char *title;
  int64_t label_count; /* of the legend: label k has colour k */
  const char *const *labels;
  int64_t count, columns; /* 1 .. 12 panels, in rows of `columns` */
  const wg_plot_plane *planes;
} wg_plot_planes;
int wg_plot_phase(const char *path, const wg_plot_planes *planes);

/* Densities on a grid of d <= 3 axes (shape and sides of a cell in the order of the axes), with
 * times in [0, 1] to colour them by; a third axis is summed over. */
typedef struct wg_plot_grid {
  const char *title; /* UTF-8 */
  int64_t d;
  const int64_t *shape;
  const double *spacing;
  int count;
  const double *times;          /* increasing */
  const double *const *density; /* count pointers to all cells */
} wg_plot_grid;
/* Side by side: 1 to 12 of them. */
int wg_plot_densities(const char *path, const wg_plot_grid *grid);
/* Pictures evenly in time, PNGs of one even size one behind the other, to a stream. WG_ERR_IO
 * without a path: the stream is full. */
int wg_plot_density_frames(FILE *to, const wg_plot_grid *grid, int64_t count);

/* A flow of particles. Points are drawn as they are when d = 2, over time when d = 1, else in two
 * columns: the first two, or of neurons with two inputs or more the first two inputs. */
typedef struct wg_plot_run {
  const char *title; /* UTF-8 */
  int64_t n, d, places;
  const double *times, *points; /* places; places x n x d */
  int64_t records, kept;
  const double *clock, *energy,
      *identity;         /* records each; identity: what the energy law fails by */
  const double *spectra; /* records x kept, decreasing */
  const double *masses;  /* n, or NULL: uniform */
  int64_t outputs;       /* of two-layer networks: the columns before the inputs; else 0 */
} wg_plot_run;
/* Trajectories coloured by time (at most 1000 particles), the energy and |identity| over time, both
 * logarithmic, and the spectrum of S_g over time (the 8 largest eigenvalues). Errors as above. */
int wg_plot_flow(const char *path, const wg_plot_run *run);
/* Where the particles are at 1 to 12 of the places, as kernel densities in one frame with one scale
 * of opacity; of neurons also the directions of their inputs: a circular histogram of the mass
 * times |u| |v|, radii one scale. Memory: 40 bytes a particle and place, and 0.5 MB a place. */
enum { WG_PLOT_PLACES = 12 };
/* The first and the last place and others between, evenly in the root of the time: at most `most`,
 * all if they are no more. Returns how many. */
int wg_plot_choose_places(const wg_plot_run *run, int most, int64_t places[WG_PLOT_PLACES]);
int wg_plot_snapshots(const char *path, const wg_plot_run *run, int count, const int64_t *places);
/* Pictures of the run, PNGs of one even size one behind the other, to a stream: particles (at most
 * 20000), energy, and spectrum or directions. exact: a picture of each place; else `count` pictures
 * at t = T (k / (count - 1))^2, particles on straight lines between places. WG_ERR_IO without a
 * path: the stream is full. */
int wg_plot_frames(FILE *to, const wg_plot_run *run, bool exact, int64_t count);

/* The ink of a PNG: 1 - brightness (0.2126 R + 0.7152 G + 0.0722 B as stored) before white paper,
 * with the first axis to the right and the second upwards, as wg_plot_densities draws it. *ink:
 * shape[0] x shape[1] numbers in [0, 1]. */
int wg_plot_read_png(wg_mem *mem, const char *path, int64_t shape[2], double **ink);

#endif
