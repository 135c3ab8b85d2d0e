/* plot, private to the folder: the page, the frame shared by the panels, and the kinds of panel. */
#ifndef WG_PLOT_PANEL_H
#define WG_PLOT_PANEL_H

#include <cairo.h>
#include <stdio.h>

#include "plot/plot.h"

/* All lengths are PDF points (1/72 inch). The page is as wide as the text of a two-column paper. */
#define WG_PAGE_WIDTH 504.0
#define WG_PAGE_MARGIN 8.0
#define WG_TEXT 8.0       /* titles          */
#define WG_SMALL_TEXT 6.5 /* ticks, captions */

typedef struct wg_rect {
  double x, y, width, height;
} wg_rect;

/* ---- page.c: a file being drawn ---- */
typedef struct wg_page {
  const char *path;
  wg_mem *mem;
  unsigned char *bytes; /* of the file, as far as Cairo has given them out */
  size_t size, room;
  cairo_t *cairo;
} wg_page;
/* A white page of WG_PAGE_WIDTH x height, in memory. Errors come out at wg_page_close. */
void wg_page_open(wg_mem *mem, const char *path, double height, wg_page *page);
/* White, with the font and the ends of lines of every page; the scale is set. */
void wg_prepare_page(cairo_t *cairo);

/* ---- stream.c ---- */
/* Pictures WG_PAGE_WIDTH wide and `height` points high, an even number of pixels both ways. */
int wg_stream_pictures(FILE *to, double height, int64_t count,
                       void (*draw)(const void *data, cairo_t *cairo, int64_t picture),
                       const void *data);
/* Completes the page and writes it to its path, whole or not at all. When `drawn` (the status of
 * what was drawn) is a failure, nothing is written and it is returned. */
int wg_page_close(wg_page *page, int drawn);

/* ---- canvas.c: colours, text, axes ---- */
typedef struct wg_colour {
  double red, green, blue;
} wg_colour;
/* Blue for x, vermillion for y (Okabe and Ito's palette, safe for the colour-blind), dark grey for
 * everything that is neither. */
extern const wg_colour wg_colour_x, wg_colour_y, wg_colour_ink;
/* One colour a line, of the same palette, without the yellow, which is too light for one. */
enum { WG_COLOURS = 8 };
extern const wg_colour wg_colours[WG_COLOURS];
/* From x's colour at t = 0 through purple to y's at t = 1. */
wg_colour wg_colour_at(double t);
void wg_set_colour(cairo_t *cairo, wg_colour colour, double opacity);
/* Text whose baseline begins (align 0), is centred (1/2) or ends (1) at (x, y); made smaller where
 * it would be wider than `width`. Returns the width taken. */
double wg_draw_text(cairo_t *cairo, double x, double y, double size, double align, double width,
                    const char *text);
/* A number as a reader wants it: `digits` significant digits, a true minus sign. */
void wg_number_text(double value, int digits, char *text, size_t size);
void wg_draw_dot(cairo_t *cairo, double x, double y, double radius);
/* A tick of the axis at (x, y), its text at most `width` wide: beside it (left) or below. */
void wg_draw_tick(cairo_t *cairo, double x, double y, bool left, double width, const char *text);

/* ---- stage.c: the clouds of a figure in one frame ---- */
typedef struct wg_scene {
  const wg_plot_solution *solution;
  double *x, *y; /* n x 2, m x 2: the points in the plane, divided by the stage's unit */
} wg_scene;
typedef struct wg_stage {
  int count;
  wg_scene *scenes;
  bool line;   /* d = 1: the second coordinate is the row, 1 for x and 0 for y */
  double unit; /* the largest |coordinate|: no square of a coordinate can overflow */
  double centre[2], extent[2]; /* of all points, in units; extents are > 0 */
} wg_stage;
int wg_stage_make(wg_mem *mem, int count, const wg_plot_solution *solutions, wg_stage *stage);
/* Height over width of a panel that suits the clouds, in [low, high]. */
double wg_stage_shape(const wg_stage *stage, double low, double high);

/* The affine map from the stage to a rectangle, with `room` left on all sides: equal scales unless
 * d = 1. y grows upwards. */
typedef struct wg_map {
  wg_rect rect;
  double centre[2], scale[2];
} wg_map;
wg_map wg_map_make(const wg_stage *stage, wg_rect rect, double room);
void wg_map_point(const wg_map *map, const double *point, double *x, double *y);
/* The ticks of one axis, in the data's own units: first, first + step, ...; count 0 where the
 * labels would need too many digits to be read (or cannot be written as finite numbers). */
typedef struct wg_ticks {
  double first, step;
  int count, digits;
} wg_ticks;
wg_ticks wg_choose_ticks(double low, double high, int about);
/* Left and bottom axes with a few ticks in the data's own units. */
void wg_draw_axes(cairo_t *cairo, const wg_stage *stage, const wg_map *map);

/* ---- coupling.c ---- */
/* Segments and points of a plan with axes; *caption (size bytes) tells what is shown. */
int wg_draw_coupling(wg_mem *mem, cairo_t *cairo, const wg_stage *stage, const wg_scene *scene,
                     wg_rect rect, char *caption, size_t size);

/* ---- density.c ---- */
/* A kernel density of mu_t on a grid; one row when d = 1. */
typedef struct wg_field {
  int columns, rows;
  wg_map map; /* from the stage to cells */
  double t;
  double *value; /* rows x columns, top row first */
} wg_field;
int wg_field_make(wg_mem *mem, const wg_stage *stage, const wg_scene *scene, wg_rect rect, double t,
                  wg_field *field);
double wg_field_peak(int count, const wg_field *fields);
/* Draws a field whose full opacity (height when d = 1) is at `peak`. */
void wg_draw_field(cairo_t *cairo, const wg_field *field, wg_rect rect, double peak);

/* ---- graph.c ---- */
/* A panel with both axes in numbers. */
typedef struct wg_graph {
  wg_rect rect;
  double low[2], high[2];
  bool decades; /* the vertical axis holds powers of ten */
} wg_graph;
double wg_graph_across(const wg_graph *g, double value);
double wg_graph_along(const wg_graph *g, double value);
void wg_draw_graph(cairo_t *cairo, const wg_graph *g, const char *title);
/* Over time: first a range that holds nothing, then what all columns reach, then some room. */
wg_graph wg_graph_of_decades(wg_rect rect);
void wg_graph_reach(wg_graph *g, int64_t count, const double *values, int64_t stride);
void wg_graph_settle(wg_graph *g, const double *clock, int64_t count);
/* |values| over the clock. */
void wg_draw_decades(cairo_t *cairo, const wg_graph *g, int64_t count, const double *clock,
                     const double *values, int64_t stride, wg_colour colour);

/* ---- flow.c ---- */
/* What of a particle is drawn: x and y, or the time and x on a line. */
void wg_run_point(const wg_plot_run *run, double time, const double *particle, double at[2]);
/* Of a time in the run: 0 at its beginning, 1 at its end, quick at first as flows are. */
double wg_run_shade(const wg_plot_run *run, double time);
/* Axes that hold all places, of equal scales in the plane. */
wg_graph wg_run_plane(const wg_plot_run *run, wg_rect rect);
/* The panels of energy and spectrum. */
wg_graph wg_draw_run_energy(cairo_t *cairo, const wg_plot_run *run, wg_rect rect);
wg_graph wg_draw_run_modes(cairo_t *cairo, const wg_plot_run *run, wg_rect rect);

/* ---- snapshots.c ---- */
/* Whether the run is of neurons whose inputs span a plane. */
bool wg_has_directions(const wg_plot_run *run);
enum { WG_ROSE_BINS = 36 };
/* The mass of the neurons (n x d) by the direction of their first two inputs. */
typedef struct wg_rose {
  double positive[WG_ROSE_BINS], negative[WG_ROSE_BINS]; /* by the sign of the only output */
} wg_rose;
void wg_rose_make(const wg_plot_run *run, const double *neurons, wg_rose *rose);
double wg_rose_peak(const wg_rose *rose);
/* In the square in the middle of rect; a full radius is `peak`. */
void wg_draw_rose(cairo_t *cairo, const wg_rose *rose, wg_rect rect, double peak);

/* ---- spectrum.c ---- */
/* A bar for each value (decreasing; the first 24 when there are more). */
void wg_draw_spectrum(cairo_t *cairo, wg_rect rect, const char *title, int64_t count,
                      const double *values);

#endif
