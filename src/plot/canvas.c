/* Colours and text of every panel, in one place so that figures look alike. Text goes through
 * Cairo's built-in font selection: labels are short, and no further dependency is worth it. */
#include "plot/panel.h"

const wg_colour wg_colour_x = {0.000, 0.447, 0.698};
const wg_colour wg_colour_y = {0.835, 0.369, 0.000};
const wg_colour wg_colour_ink = {0.25, 0.25, 0.25};

static wg_colour mix(wg_colour from, wg_colour to, double t) {
  return (wg_colour){from.red + t * (to.red - from.red), from.green + t * (to.green - from.green),
                     from.blue + t * (to.blue - from.blue)};
}

const wg_colour wg_colours[WG_COLOURS] = {
    {0.000, 0.447, 0.698}, {0.835, 0.369, 0.000}, {0.000, 0.620, 0.451}, {0.800, 0.475, 0.655},
    {0.902, 0.624, 0.000}, {0.337, 0.706, 0.914}, {0.250, 0.250, 0.250}, {0.600, 0.600, 0.600}};

wg_colour wg_colour_at(double t) {
  /* Straight from blue to vermillion the middle would be mud. */
  const wg_colour middle = {0.560, 0.260, 0.600};
  return t < 0.5 ? mix(wg_colour_x, middle, 2.0 * t) : mix(middle, wg_colour_y, 2.0 * t - 1.0);
}

void wg_set_colour(cairo_t *cairo, wg_colour colour, double opacity) {
  cairo_set_source_rgba(cairo, colour.red, colour.green, colour.blue, opacity);
}

double wg_draw_text(cairo_t *cairo, double x, double y, double size, double align, double width,
                    const char *text) {
  cairo_text_extents_t extents;
  cairo_set_font_size(cairo, size);
  cairo_text_extents(cairo, text, &extents);
  if (extents.x_advance > width) {
    cairo_set_font_size(cairo, size * width / extents.x_advance);
    cairo_text_extents(cairo, text, &extents);
  }
  cairo_move_to(cairo, x - align * extents.x_advance, y);
  cairo_show_text(cairo, text);
  cairo_new_path(cairo);
  return extents.x_advance;
}

void wg_number_text(double value, int digits, char *text, size_t size) {
  snprintf(text, size, "%s%.*g", value < 0.0 ? "\u2212" : "", digits, fabs(value));
}

void wg_draw_dot(cairo_t *cairo, double x, double y, double radius) {
  /* A round-capped line of no length: a tenth of a circle's bytes in PDF and SVG. */
  cairo_set_line_width(cairo, 2.0 * radius);
  cairo_move_to(cairo, x, y);
  cairo_line_to(cairo, x, y);
  cairo_stroke(cairo);
}

void wg_draw_tick(cairo_t *cairo, double x, double y, bool left, double width, const char *text) {
  cairo_move_to(cairo, x, y);
  cairo_rel_line_to(cairo, left ? -2.5 : 0.0, left ? 0.0 : 2.5);
  cairo_stroke(cairo);
  if (left)
    wg_draw_text(cairo, x - 4.5, y + 2.3, WG_SMALL_TEXT, 1.0, width, text);
  else
    wg_draw_text(cairo, x, y + 9.5, WG_SMALL_TEXT, 0.5, width, text);
}
