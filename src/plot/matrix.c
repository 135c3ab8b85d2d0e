/* A matrix of distances as a picture: one pixel an entry, enlarged without smoothing, and a bar
 * that says which colour is which number. White is 0, so that groups of near clouds show as light
 * blocks; entries that are not known are grey. One image instead of count^2 rectangles keeps a
 * PDF small. Cost and memory: 4 bytes an entry. */
#include "plot/panel.h"

enum { MOST_CLOUDS = 8192 };
static const wg_colour unknown = {0.80, 0.80, 0.80};

/* White, through blue, to a dark blue. */
static wg_colour shade(double t) {
  const wg_colour blue = wg_colour_x, dark = {0.03, 0.12, 0.28};
  if (t < 0.6) {
    const double u = t / 0.6;
    return (wg_colour){1.0 + u * (blue.red - 1.0), 1.0 + u * (blue.green - 1.0),
                       1.0 + u * (blue.blue - 1.0)};
  }
  const double u = (t - 0.6) / 0.4;
  return (wg_colour){blue.red + u * (dark.red - blue.red),
                     blue.green + u * (dark.green - blue.green),
                     blue.blue + u * (dark.blue - blue.blue)};
}

static uint32_t pixel(double value, double largest) {
  const wg_colour colour = isfinite(value) ? shade(largest > 0.0 ? value / largest : 0.0) : unknown;
  return (uint32_t)(255.0 * colour.red + 0.5) << 16 | (uint32_t)(255.0 * colour.green + 0.5) << 8 |
         (uint32_t)(255.0 * colour.blue + 0.5);
}

/* rows x columns values, enlarged to rect. */
static void draw_cells(cairo_t *cairo, wg_rect rect, int rows, int columns, const double *values,
                       double largest) {
  cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, columns, rows);
  unsigned char *bytes = cairo_image_surface_get_data(image);
  const int stride = cairo_image_surface_get_stride(image);
  for (int i = 0; bytes && i < rows; i++) {
    uint32_t *row = (uint32_t *)(void *)(bytes + (size_t)i * (size_t)stride);
    for (int j = 0; j < columns; j++) row[j] = pixel(values[(int64_t)i * columns + j], largest);
  }
  cairo_surface_mark_dirty(image);
  cairo_save(cairo);
  cairo_translate(cairo, rect.x, rect.y);
  cairo_scale(cairo, rect.width / columns, rect.height / rows);
  cairo_set_source_surface(cairo, image, 0.0, 0.0);
  cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_NEAREST);
  cairo_rectangle(cairo, 0.0, 0.0, columns, rows);
  cairo_fill(cairo);
  cairo_restore(cairo);
  cairo_surface_destroy(image);
}

static void frame(cairo_t *cairo, wg_rect rect) {
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  cairo_set_line_width(cairo, 0.6);
  cairo_rectangle(cairo, rect.x, rect.y, rect.width, rect.height);
  cairo_stroke(cairo);
}

/* Numbers of some clouds, from 0, below and to the left of their cells. */
static void draw_numbers(cairo_t *cairo, wg_rect rect, int64_t count) {
  const double cell = rect.width / (double)count;
  const wg_ticks ticks = wg_choose_ticks(0.0, (double)WG_MAX(count - 1, 1), 8);
  const int64_t step = (int64_t)WG_MAX(ticks.step, 1.0);
  for (int64_t k = 0; k < count; k += step) {
    char text[24];
    const double middle = ((double)k + 0.5) * cell;
    snprintf(text, sizeof text, "%lld", (long long)k);
    wg_draw_text(cairo, rect.x + middle, rect.y + rect.height + 9.0, WG_SMALL_TEXT, 0.5, 30.0,
                 text);
    wg_draw_text(cairo, rect.x - 4.0, rect.y + middle + 2.3, WG_SMALL_TEXT, 1.0, 30.0, text);
  }
}

/* The largest at the top. */
static void draw_bar(cairo_t *cairo, wg_rect rect, double largest) {
  enum { STEPS = 128 };
  double values[STEPS];
  char text[48];
  for (int k = 0; k < STEPS; k++) values[k] = (double)(STEPS - 1 - k) / (STEPS - 1);
  draw_cells(cairo, rect, STEPS, 1, values, 1.0);
  frame(cairo, rect);
  for (int k = 0; k <= 2; k++) {
    wg_number_text(0.5 * k * largest, 3, text, sizeof text);
    wg_draw_text(cairo, rect.x + rect.width + 4.0, rect.y + rect.height * (1.0 - 0.5 * k) + 2.3,
                 WG_SMALL_TEXT, 0.0, 40.0, text);
  }
}

int wg_plot_matrix(const char *path, const char *title, int64_t count, const double *values) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_page page;
  double largest = 0.0;
  WG_TRY(wg_plot_check_path(path));
  if (count < 1 || count > MOST_CLOUDS)
    return wg_fail(WG_ERR_ARGUMENT, "%s: a figure shows 1 to %d clouds, not %lld", path,
                   MOST_CLOUDS, (long long)count);
  for (int64_t k = 0; k < count * count; k++)
    if (isfinite(values[k])) largest = WG_MAX(largest, values[k]);
  const wg_rect cells = {WG_PAGE_MARGIN + 26.0, WG_PAGE_MARGIN + 17.0, 390.0, 390.0};
  const wg_rect bar = {cells.x + cells.width + 16.0, cells.y, 12.0, cells.height};
  wg_page_open(&mem, path, cells.y + cells.height + 14.0 + WG_PAGE_MARGIN, &page);
  wg_set_colour(page.cairo, wg_colour_ink, 1.0);
  wg_draw_text(page.cairo, cells.x, cells.y - 6.0, WG_TEXT, 0.0, cells.width, title);
  draw_cells(page.cairo, cells, (int)count, (int)count, values, largest);
  frame(page.cairo, cells);
  draw_numbers(page.cairo, cells, count);
  draw_bar(page.cairo, bar, largest);
  const int status = wg_page_close(&page, WG_OK);
  wg_mem_clear(&mem);
  return status;
}
