/* Eigenvalues as bars over a common base, scaled by the largest. Few bars carry their value; many
 * share one axis label. A spectrum of zeros is an empty axis. */
#include "plot/panel.h"

enum { MOST_BARS = 24, MOST_LABELS = 5 };

/* What an eigenvalue of a PSD matrix is worth showing: rounding (below 1e-12 of the largest, or
 * negative) is zero. */
static double cleaned(double value, double largest) {
  return value > 1e-12 * largest ? WG_MIN(value, largest) : 0.0;
}

/* A number of the axis or above a bar. */
static void label(cairo_t *cairo, double x, double y, double align, double width, double value) {
  char text[48];
  wg_number_text(value, 3, text, sizeof text);
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  wg_draw_text(cairo, x, y, WG_SMALL_TEXT, align, width, text);
}

static void draw_bars(cairo_t *cairo, wg_rect rect, int bars, const double *values) {
  double slot = rect.width / bars, width = WG_MIN(0.62 * slot, 22.0);
  double base = rect.y + rect.height;
  for (int k = 0; k < bars; k++) {
    double value = cleaned(values[k], values[0]);
    double height = value > 0.0 ? rect.height * (value / values[0]) : 0.0;
    double middle = rect.x + (k + 0.5) * slot;
    wg_set_colour(cairo, wg_colour_ink, 0.55);
    cairo_rectangle(cairo, middle - 0.5 * width, base - height, width, height);
    cairo_fill(cairo);
    if (bars <= MOST_LABELS) label(cairo, middle, base - height - 2.5, 0.5, 0.95 * slot, value);
  }
  if (bars > MOST_LABELS) {
    label(cairo, rect.x - 3.0, rect.y + 4.5, 1.0, 28.0, values[0]);
    label(cairo, rect.x - 3.0, base, 1.0, 28.0, 0.0);
  }
}

void wg_draw_spectrum(cairo_t *cairo, wg_rect rect, const char *title, int64_t count,
                      const double *values) {
  const double title_height = 21.0;
  int bars = (int)WG_MIN(count, MOST_BARS);
  char text[128];
  if (bars < count)
    snprintf(text, sizeof text, "%s (first %d of %lld)", title, bars, (long long)count);
  else
    snprintf(text, sizeof text, "%s", title);
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  wg_draw_text(cairo, rect.x, rect.y + WG_TEXT, WG_TEXT, 0.0, rect.width, text);
  wg_rect plot = {rect.x, rect.y + title_height, rect.width, rect.height - title_height};
  draw_bars(cairo, plot, bars, values);
  cairo_set_line_width(cairo, 0.6);
  cairo_move_to(cairo, plot.x, plot.y + plot.height);
  cairo_rel_line_to(cairo, plot.width, 0.0);
  cairo_stroke(cairo);
}
