/* The figure of a flow: trajectories whose colour follows the time, the energy above what its law
 * fails by, and the spectrum of S_g.
 *
 * Energy, |identity| and eigenvalues span many decades and are drawn as powers of ten; what is not
 * positive is a gap in its line. Long runs are thinned to what a page can show. Cost O(places n +
 * records), memory none beyond the page. */
#include <stdlib.h>

#include "plot/panel.h"

enum { MOST_PARTICLES = 1000, MOST_MODES = 8 };

wg_graph wg_draw_run_energy(cairo_t *cairo, const wg_plot_run *run, wg_rect rect) {
  wg_graph g = wg_graph_of_decades(rect);
  wg_graph_reach(&g, run->records, run->energy, 1);
  wg_graph_reach(&g, run->records, run->identity, 1);
  wg_graph_settle(&g, run->clock, run->records);
  wg_draw_graph(cairo, &g, "energy (blue), error of its law (red)");
  wg_draw_decades(cairo, &g, run->records, run->clock, run->energy, 1, wg_colour_x);
  wg_draw_decades(cairo, &g, run->records, run->clock, run->identity, 1, wg_colour_y);
  return g;
}

wg_graph wg_draw_run_modes(cairo_t *cairo, const wg_plot_run *run, wg_rect rect) {
  const int64_t modes = WG_MIN(run->kept, MOST_MODES);
  wg_graph g = wg_graph_of_decades(rect);
  char title[96];
  for (int64_t j = 0; j < modes; j++) wg_graph_reach(&g, run->records, run->spectra + j, run->kept);
  wg_graph_settle(&g, run->clock, run->records);
  snprintf(title, sizeof title, "eigenvalues of S_g%s over time",
           modes < run->d ? " (the largest)" : "");
  wg_draw_graph(cairo, &g, title);
  for (int64_t j = 0; j < modes; j++) {
    double shade = modes > 1 ? (double)j / (double)(modes - 1) : 0.0;
    wg_draw_decades(cairo, &g, run->records, run->clock, run->spectra + j, run->kept,
                    wg_colour_at(shade));
  }
  return g;
}

/* ---- trajectories ---- */

void wg_run_point(const wg_plot_run *run, double time, const double *particle, double at[2]) {
  const int64_t first = wg_has_directions(run) ? run->outputs : 0;
  at[0] = run->d == 1 ? time : particle[first];
  at[1] = run->d == 1 ? particle[0] : particle[first + 1];
}

static void place_of(const wg_plot_run *run, int64_t k, int64_t i, double at[2]) {
  wg_run_point(run, run->times[k], run->points + (k * run->n + i) * run->d, at);
}

static void fit_points(const wg_plot_run *run, wg_graph *g) {
  for (int axis = 0; axis < 2; axis++) {
    g->low[axis] = INFINITY;
    g->high[axis] = -INFINITY;
  }
  for (int64_t k = 0; k < run->places; k++)
    for (int64_t i = 0; i < run->n; i++) {
      double at[2];
      place_of(run, k, i, at);
      for (int axis = 0; axis < 2; axis++) {
        g->low[axis] = WG_MIN(g->low[axis], at[axis]);
        g->high[axis] = WG_MAX(g->high[axis], at[axis]);
      }
    }
  double unit[2] = {(g->high[0] - g->low[0]) / g->rect.width,
                    (g->high[1] - g->low[1]) / g->rect.height};
  double scale = 1.04 * WG_MAX(unit[0], unit[1]);
  for (int axis = 0; axis < 2; axis++) {
    double own = run->d == 1 ? 1.04 * unit[axis] : scale;
    double half = 0.5 * (axis == 0 ? g->rect.width : g->rect.height) * (own > 0.0 ? own : 1e-3);
    double middle = 0.5 * (g->low[axis] + g->high[axis]);
    g->low[axis] = middle - half;
    g->high[axis] = middle + half;
  }
}

wg_graph wg_run_plane(const wg_plot_run *run, wg_rect rect) {
  wg_graph g = {.rect = rect};
  fit_points(run, &g);
  return g;
}

double wg_run_shade(const wg_plot_run *run, double time) {
  double whole = run->times[run->places - 1] - run->times[0];
  return whole > 0.0 ? sqrt((time - run->times[0]) / whole) : 1.0;
}

/* Segments of one span of time together: one colour, one stroke. */
static void draw_span(cairo_t *cairo, const wg_graph *g, const wg_plot_run *run, int64_t k,
                      int64_t step) {
  double from[2], to[2];
  for (int64_t i = 0; i < run->n; i += step) {
    place_of(run, k, i, from);
    place_of(run, k + 1, i, to);
    cairo_move_to(cairo, wg_graph_across(g, from[0]), wg_graph_along(g, from[1]));
    cairo_line_to(cairo, wg_graph_across(g, to[0]), wg_graph_along(g, to[1]));
  }
  wg_set_colour(cairo, wg_colour_at(wg_run_shade(run, run->times[k])), 0.6);
  cairo_set_line_width(cairo, 0.5);
  cairo_stroke(cairo);
}

static void draw_ends(cairo_t *cairo, const wg_graph *g, const wg_plot_run *run, int64_t k,
                      int64_t step) {
  wg_set_colour(cairo, wg_colour_at(k == 0 ? 0.0 : 1.0), 0.9);
  for (int64_t i = 0; i < run->n; i += step) {
    double at[2];
    place_of(run, k, i, at);
    wg_draw_dot(cairo, wg_graph_across(g, at[0]), wg_graph_along(g, at[1]), 0.9);
  }
}

static void draw_paths(cairo_t *cairo, const wg_plot_run *run, wg_rect rect) {
  const int64_t step = (run->n + MOST_PARTICLES - 1) / MOST_PARTICLES;
  const wg_graph g = wg_run_plane(run, rect);
  char title[96];
  if (step > 1)
    snprintf(title, sizeof title, "trajectories, first blue, last red (one particle in %lld)",
             (long long)step);
  else
    snprintf(title, sizeof title, "trajectories, first blue, last red%s",
             wg_has_directions(run) ? " (the first two inputs)"
             : run->d > 2           ? " (columns 1 and 2)"
                                    : "");
  wg_draw_graph(cairo, &g, title);
  for (int64_t k = 0; k + 1 < run->places; k++) draw_span(cairo, &g, run, k, step);
  draw_ends(cairo, &g, run, 0, step);
  draw_ends(cairo, &g, run, run->places - 1, step);
}

int wg_plot_flow(const char *path, const wg_plot_run *run) {
  const double left = WG_PAGE_MARGIN + 36.0, top = WG_PAGE_MARGIN + 34.0, high = 250.0;
  const double wide = 0.56 * (WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN) - 36.0;
  const double second = left + wide + 46.0;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_page page;
  WG_TRY(wg_plot_check_path(path));
  if (run->places < 1 || run->records < 1)
    return wg_fail(WG_ERR_ARGUMENT, "%s: there is no place of the flow to draw", path);
  const double narrow = WG_PAGE_WIDTH - WG_PAGE_MARGIN - second, half = 0.5 * (high - 38.0);
  wg_page_open(&mem, path, top + high + 20.0 + WG_PAGE_MARGIN, &page);
  wg_set_colour(page.cairo, wg_colour_ink, 1.0);
  wg_draw_text(page.cairo, left, WG_PAGE_MARGIN + 10.0, WG_TEXT + 1.0, 0.0,
               WG_PAGE_WIDTH - left - WG_PAGE_MARGIN, run->title);
  draw_paths(page.cairo, run, (wg_rect){left, top, wide, high});
  wg_draw_run_energy(page.cairo, run, (wg_rect){second, top, narrow, half});
  wg_draw_run_modes(page.cairo, run, (wg_rect){second, top + half + 38.0, narrow, half});
  const int status = wg_page_close(&page, WG_OK);
  wg_mem_clear(&mem);
  return status;
}
