/* The figure of a flow: trajectories whose colour follows the time, the energy above what its law
 * fails by, and the spectrum of S_g.
 *
 * Energy, |identity| and eigenvalues span many decades and are drawn as powers of ten; what is not
 * positive is a gap in its line. Long runs are thinned to what a page can show. Cost O(places n +
 * records), memory none beyond the page. */
#include <stdlib.h>

#include "plot/panel.h"

enum { MOST_PARTICLES = 1000, MOST_SEGMENTS = 2000, MOST_MODES = 8, DECADES_SHOWN = 12 };

/* A panel with both axes in numbers; logarithmic ones hold powers of ten. */
typedef struct graph {
  wg_rect rect;
  double low[2], high[2];
  bool decades; /* the vertical axis */
} graph;

static double across(const graph *g, double value) {
  return g->rect.x + g->rect.width * (value - g->low[0]) / (g->high[0] - g->low[0]);
}

static double along(const graph *g, double value) {
  return g->rect.y + g->rect.height * (g->high[1] - value) / (g->high[1] - g->low[1]);
}

/* ---- axes ---- */

static void label(cairo_t *cairo, double x, double y, double align, const char *text) {
  wg_draw_text(cairo, x, y, WG_SMALL_TEXT, align, 40.0, text);
}

static void tick_text(const graph *g, int axis, double value, int digits, char *text, size_t size) {
  if (axis == 1 && g->decades)
    snprintf(text, size, "1e%.0f", value);
  else
    wg_number_text(value, WG_MAX(digits, 1), text, size);
}

static void draw_ticks(cairo_t *cairo, const graph *g, int axis) {
  wg_ticks ticks = wg_choose_ticks(g->low[axis], g->high[axis], 5);
  if (axis == 1 && g->decades && ticks.step < 1.0)
    ticks = (wg_ticks){ceil(g->low[1]), 1.0, (int)(floor(g->high[1]) - ceil(g->low[1])) + 1, 3};
  for (int k = 0; k < ticks.count; k++) {
    char text[48];
    double value = ticks.first + k * ticks.step;
    value = fabs(value) < 1e-9 * ticks.step ? 0.0 : value;
    tick_text(g, axis, value, ticks.digits, text, sizeof text);
    if (axis == 0) {
      cairo_move_to(cairo, across(g, value), g->rect.y + g->rect.height);
      cairo_rel_line_to(cairo, 0.0, 2.5);
      cairo_stroke(cairo);
      label(cairo, across(g, value), g->rect.y + g->rect.height + 9.5, 0.5, text);
    } else {
      cairo_move_to(cairo, g->rect.x, along(g, value));
      cairo_rel_line_to(cairo, -2.5, 0.0);
      cairo_stroke(cairo);
      label(cairo, g->rect.x - 4.5, along(g, value) + 2.3, 1.0, text);
    }
  }
}

static void draw_frame(cairo_t *cairo, const graph *g, const char *title) {
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  cairo_set_line_width(cairo, 0.6);
  cairo_move_to(cairo, g->rect.x, g->rect.y);
  cairo_rel_line_to(cairo, 0.0, g->rect.height);
  cairo_rel_line_to(cairo, g->rect.width, 0.0);
  cairo_stroke(cairo);
  draw_ticks(cairo, g, 0);
  draw_ticks(cairo, g, 1);
  wg_draw_text(cairo, g->rect.x, g->rect.y - 6.0, WG_TEXT, 0.0, g->rect.width, title);
}

/* ---- lines over time ---- */

static double power_of(double value) { return value > 0.0 ? log10(value) : NAN; }

/* Widens [low, high] by the powers of a column, as far down as DECADES_SHOWN below the top. */
static void reach(graph *g, int64_t count, const double *values, int64_t stride) {
  for (int64_t k = 0; k < count; k++) {
    double power = power_of(fabs(values[k * stride]));
    if (!isfinite(power)) continue;
    g->high[1] = WG_MAX(g->high[1], power);
    g->low[1] = WG_MIN(g->low[1], power);
  }
}

static void settle_range(graph *g, const double *clock, int64_t count) {
  if (!(g->low[1] <= g->high[1])) g->low[1] = g->high[1] = 0.0;
  g->low[1] = WG_MAX(g->low[1], g->high[1] - DECADES_SHOWN);
  if (g->high[1] - g->low[1] < 1.0) g->low[1] = g->high[1] - 1.0;
  double room = 0.04 * (g->high[1] - g->low[1]);
  g->high[1] += room;
  g->low[1] -= room;
  g->low[0] = clock[0];
  g->high[0] = clock[count - 1] > clock[0] ? clock[count - 1] : clock[0] + 1.0;
}

static graph new_graph(wg_rect rect) {
  return (graph){.rect = rect, .low = {0.0, INFINITY}, .high = {1.0, -INFINITY}, .decades = true};
}

static void draw_line(cairo_t *cairo, const graph *g, int64_t count, const double *clock,
                      const double *values, int64_t stride, wg_colour colour) {
  const int64_t step = WG_MAX(1, count / MOST_SEGMENTS);
  bool drawing = false;
  for (int64_t k = 0; k < count; k += step) {
    double power = power_of(fabs(values[k * stride]));
    bool seen = isfinite(power) && power >= g->low[1];
    if (seen && drawing)
      cairo_line_to(cairo, across(g, clock[k]), along(g, power));
    else if (seen)
      cairo_move_to(cairo, across(g, clock[k]), along(g, power));
    drawing = seen;
  }
  wg_set_colour(cairo, colour, 1.0);
  cairo_set_line_width(cairo, 1.0);
  cairo_stroke(cairo);
}

static void draw_energy(cairo_t *cairo, const wg_plot_run *run, wg_rect rect) {
  graph g = new_graph(rect);
  reach(&g, run->records, run->energy, 1);
  reach(&g, run->records, run->identity, 1);
  settle_range(&g, run->clock, run->records);
  draw_frame(cairo, &g, "energy (blue), error of its law (red)");
  draw_line(cairo, &g, run->records, run->clock, run->energy, 1, wg_colour_x);
  draw_line(cairo, &g, run->records, run->clock, run->identity, 1, wg_colour_y);
}

static void draw_modes(cairo_t *cairo, const wg_plot_run *run, wg_rect rect) {
  const int64_t modes = WG_MIN(run->kept, MOST_MODES);
  graph g = new_graph(rect);
  char title[96];
  for (int64_t j = 0; j < modes; j++) reach(&g, run->records, run->spectra + j, run->kept);
  settle_range(&g, run->clock, run->records);
  snprintf(title, sizeof title, "eigenvalues of S_g%s over time",
           modes < run->d ? " (the largest)" : "");
  draw_frame(cairo, &g, title);
  for (int64_t j = 0; j < modes; j++) {
    double shade = modes > 1 ? (double)j / (double)(modes - 1) : 0.0;
    draw_line(cairo, &g, run->records, run->clock, run->spectra + j, run->kept,
              wg_colour_at(shade));
  }
}

/* ---- trajectories ---- */

/* The coordinates of particle i at place k: x and y, or time and x on a line. */
static void place_of(const wg_plot_run *run, int64_t k, int64_t i, double at[2]) {
  const double *point = run->points + (k * run->n + i) * run->d;
  at[0] = run->d == 1 ? run->times[k] : point[0];
  at[1] = run->d == 1 ? point[0] : point[1];
}

/* Equal scales in the plane. */
static void fit_points(const wg_plot_run *run, graph *g) {
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

static double fraction(const wg_plot_run *run, int64_t k) {
  double whole = run->times[run->places - 1] - run->times[0];
  return whole > 0.0 ? (run->times[k] - run->times[0]) / whole : 1.0;
}

/* Segments of one span of time together: one colour, one stroke. Colours follow the root of the
 * time, for flows are quick at first. */
static void draw_span(cairo_t *cairo, const graph *g, const wg_plot_run *run, int64_t k,
                      int64_t step) {
  double from[2], to[2];
  for (int64_t i = 0; i < run->n; i += step) {
    place_of(run, k, i, from);
    place_of(run, k + 1, i, to);
    cairo_move_to(cairo, across(g, from[0]), along(g, from[1]));
    cairo_line_to(cairo, across(g, to[0]), along(g, to[1]));
  }
  wg_set_colour(cairo, wg_colour_at(sqrt(fraction(run, k))), 0.6);
  cairo_set_line_width(cairo, 0.5);
  cairo_stroke(cairo);
}

static void draw_ends(cairo_t *cairo, const graph *g, const wg_plot_run *run, int64_t k,
                      int64_t step) {
  wg_set_colour(cairo, wg_colour_at(k == 0 ? 0.0 : 1.0), 0.9);
  for (int64_t i = 0; i < run->n; i += step) {
    double at[2];
    place_of(run, k, i, at);
    wg_draw_dot(cairo, across(g, at[0]), along(g, at[1]), 0.9);
  }
}

static void draw_paths(cairo_t *cairo, const wg_plot_run *run, wg_rect rect) {
  const int64_t step = (run->n + MOST_PARTICLES - 1) / MOST_PARTICLES;
  graph g = {.rect = rect};
  char title[96];
  fit_points(run, &g);
  if (step > 1)
    snprintf(title, sizeof title, "trajectories, first blue, last red (one particle in %lld)",
             (long long)step);
  else
    snprintf(title, sizeof title, "trajectories, first blue, last red%s",
             run->d > 2 ? " (columns 1 and 2)" : "");
  draw_frame(cairo, &g, title);
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
  draw_energy(page.cairo, run, (wg_rect){second, top, narrow, half});
  draw_modes(page.cairo, run, (wg_rect){second, top + half + 38.0, narrow, half});
  const int status = wg_page_close(&page, WG_OK);
  wg_mem_clear(&mem);
  return status;
}
