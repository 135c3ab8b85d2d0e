/* A panel with a time below and powers of ten at its left, and lines in it.
 *
 * Energies, errors and eigenvalues span many decades; what is not positive is a gap in its line.
 * Long lines are thinned to what a page can show. Cost O(points), no memory. */
#include <stdlib.h>

#include "plot/panel.h"

enum { MOST_SEGMENTS = 2000, DECADES_SHOWN = 12 };

double wg_graph_across(const wg_graph *g, double value) {
  return g->rect.x + g->rect.width * (value - g->low[0]) / (g->high[0] - g->low[0]);
}

double wg_graph_along(const wg_graph *g, double value) {
  return g->rect.y + g->rect.height * (g->high[1] - value) / (g->high[1] - g->low[1]);
}

/* ---- axes ---- */

static void label(cairo_t *cairo, double x, double y, double align, const char *text) {
  wg_draw_text(cairo, x, y, WG_SMALL_TEXT, align, 40.0, text);
}

static void tick_text(const wg_graph *g, int axis, double value, int digits, char *text,
                      size_t size) {
  if (axis == 1 && g->decades)
    snprintf(text, size, "1e%.0f", value);
  else
    wg_number_text(value, WG_MAX(digits, 1), text, size);
}

static void draw_ticks(cairo_t *cairo, const wg_graph *g, int axis) {
  wg_ticks ticks = wg_choose_ticks(g->low[axis], g->high[axis], 5);
  if (axis == 1 && g->decades && ticks.step < 1.0)
    ticks = (wg_ticks){ceil(g->low[1]), 1.0, (int)(floor(g->high[1]) - ceil(g->low[1])) + 1, 3};
  for (int k = 0; k < ticks.count; k++) {
    char text[48];
    double value = ticks.first + k * ticks.step;
    value = fabs(value) < 1e-9 * ticks.step ? 0.0 : value;
    tick_text(g, axis, value, ticks.digits, text, sizeof text);
    if (axis == 0) {
      cairo_move_to(cairo, wg_graph_across(g, value), g->rect.y + g->rect.height);
      cairo_rel_line_to(cairo, 0.0, 2.5);
      cairo_stroke(cairo);
      label(cairo, wg_graph_across(g, value), g->rect.y + g->rect.height + 9.5, 0.5, text);
    } else {
      cairo_move_to(cairo, g->rect.x, wg_graph_along(g, value));
      cairo_rel_line_to(cairo, -2.5, 0.0);
      cairo_stroke(cairo);
      label(cairo, g->rect.x - 4.5, wg_graph_along(g, value) + 2.3, 1.0, text);
    }
  }
}

void wg_draw_graph(cairo_t *cairo, const wg_graph *g, const char *title) {
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
void wg_graph_reach(wg_graph *g, int64_t count, const double *values, int64_t stride) {
  for (int64_t k = 0; k < count; k++) {
    double power = power_of(fabs(values[k * stride]));
    if (!isfinite(power)) continue;
    g->high[1] = WG_MAX(g->high[1], power);
    g->low[1] = WG_MIN(g->low[1], power);
  }
}

void wg_graph_settle(wg_graph *g, const double *clock, int64_t count) {
  if (!(g->low[1] <= g->high[1])) g->low[1] = g->high[1] = 0.0;
  g->low[1] = WG_MAX(g->low[1], g->high[1] - DECADES_SHOWN);
  if (g->high[1] - g->low[1] < 1.0) g->low[1] = g->high[1] - 1.0;
  double room = 0.04 * (g->high[1] - g->low[1]);
  g->high[1] += room;
  g->low[1] -= room;
  g->low[0] = clock[0];
  g->high[0] = clock[count - 1] > clock[0] ? clock[count - 1] : clock[0] + 1.0;
}

wg_graph wg_graph_of_decades(wg_rect rect) {
  return (wg_graph){
      .rect = rect, .low = {0.0, INFINITY}, .high = {1.0, -INFINITY}, .decades = true};
}

void wg_draw_decades(cairo_t *cairo, const wg_graph *g, int64_t count, const double *clock,
                     const double *values, int64_t stride, wg_colour colour) {
  const int64_t step = WG_MAX(1, count / MOST_SEGMENTS);
  bool drawing = false;
  for (int64_t k = 0; k < count; k += step) {
    double power = power_of(fabs(values[k * stride]));
    bool seen = isfinite(power) && power >= g->low[1];
    if (seen && drawing)
      cairo_line_to(cairo, wg_graph_across(g, clock[k]), wg_graph_along(g, power));
    else if (seen)
      cairo_move_to(cairo, wg_graph_across(g, clock[k]), wg_graph_along(g, power));
    drawing = seen;
  }
  wg_set_colour(cairo, colour, 1.0);
  cairo_set_line_width(cairo, 1.0);
  cairo_stroke(cairo);
}
