/* W along a family of gauges: the upper bound as a line with dots, and the proved interval as a
 * band below it, which is a hair where the gap is as small as usual and shows where it is not.
 * Gauges stand at equal distances: a family in p is equally spaced in 1/p, so that infinity has a
 * place. */
#include "plot/panel.h"

enum { MOST_LABELS = 12 };

typedef struct chart {
  const wg_plot_family *family;
  wg_rect rect;
  double low, high; /* of the vertical axis */
} chart;

static bool is_known(const chart *c, int64_t k) {
  return isfinite(c->family->low[k]) && isfinite(c->family->high[k]);
}

/* A twentieth of room above and below; some where all is one number. */
static void choose_range(chart *c) {
  c->low = INFINITY;
  c->high = -INFINITY;
  for (int64_t k = 0; k < c->family->count; k++) {
    if (!is_known(c, k)) continue;
    c->low = WG_MIN(c->low, c->family->low[k]);
    c->high = WG_MAX(c->high, c->family->high[k]);
  }
  if (!(c->low <= c->high)) c->low = c->high = 0.0;
  double room = 0.05 * (c->high - c->low);
  if (!(room > 1e-3 * fabs(c->high))) room = c->high > 0.0 ? 0.1 * c->high : 1.0;
  c->low -= room;
  c->high += room;
}

static double across(const chart *c, int64_t k) {
  return c->rect.x + c->rect.width * ((double)k + 0.5) / (double)c->family->count;
}

static double along(const chart *c, double w) {
  return c->rect.y + c->rect.height * (c->high - w) / (c->high - c->low);
}

/* Stretches of neighbours that are all known, one after the other. */
static void draw_stretch(cairo_t *cairo, const chart *c, int64_t begin, int64_t end) {
  const wg_plot_family *f = c->family;
  for (int64_t k = begin; k < end; k++) cairo_line_to(cairo, across(c, k), along(c, f->high[k]));
  for (int64_t k = end; k-- > begin;) cairo_line_to(cairo, across(c, k), along(c, f->low[k]));
  cairo_close_path(cairo);
  wg_set_colour(cairo, wg_colour_x, 0.25);
  cairo_fill(cairo);
  for (int64_t k = begin; k < end; k++) cairo_line_to(cairo, across(c, k), along(c, f->high[k]));
  wg_set_colour(cairo, wg_colour_x, 1.0);
  cairo_set_line_width(cairo, 1.0);
  cairo_stroke(cairo);
  for (int64_t k = begin; k < end; k++) wg_draw_dot(cairo, across(c, k), along(c, f->high[k]), 1.8);
}

static void draw_line(cairo_t *cairo, const chart *c) {
  const int64_t count = c->family->count;
  for (int64_t k = 0; k < count; k++) {
    const int64_t begin = k;
    while (k < count && is_known(c, k)) k++;
    if (k > begin) draw_stretch(cairo, c, begin, k);
  }
}

static void draw_scale(cairo_t *cairo, const chart *c) {
  const wg_ticks ticks = wg_choose_ticks(c->low, c->high, 5);
  const double left = c->rect.x;
  for (int k = 0; k < ticks.count; k++) {
    char text[48];
    const double value = ticks.first + k * ticks.step, y = along(c, value);
    wg_number_text(fabs(value) < 1e-9 * ticks.step ? 0.0 : value, WG_MAX(ticks.digits, 1), text,
                   sizeof text);
    wg_draw_tick(cairo, left, y, true, 34.0, text);
  }
}

static void draw_axes(cairo_t *cairo, const chart *c) {
  const wg_rect *rect = &c->rect;
  const double bottom = rect->y + rect->height;
  const int64_t step = (c->family->count + MOST_LABELS - 1) / MOST_LABELS;
  const double room = 0.95 * rect->width * (double)step / (double)c->family->count;
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  cairo_set_line_width(cairo, 0.6);
  cairo_move_to(cairo, rect->x, rect->y);
  cairo_line_to(cairo, rect->x, bottom);
  cairo_line_to(cairo, rect->x + rect->width, bottom);
  cairo_stroke(cairo);
  draw_scale(cairo, c);
  for (int64_t k = 0; k < c->family->count; k += step)
    wg_draw_text(cairo, across(c, k), bottom + 9.5, WG_SMALL_TEXT, 0.5, room, c->family->labels[k]);
  wg_draw_text(cairo, rect->x + 0.5 * rect->width, bottom + 20.0, WG_SMALL_TEXT, 0.5, rect->width,
               c->family->axis);
}

int wg_plot_along(const char *path, const wg_plot_family *family) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_page page;
  WG_TRY(wg_plot_check_path(path));
  if (family->count < 1)
    return wg_fail(WG_ERR_ARGUMENT, "%s: there is no gauge to draw; give one", path);
  chart c = {.family = family, .rect = {WG_PAGE_MARGIN + 36.0, WG_PAGE_MARGIN + 17.0, 0.0, 250.0}};
  c.rect.width = WG_PAGE_WIDTH - WG_PAGE_MARGIN - c.rect.x;
  choose_range(&c);
  wg_page_open(&mem, path, c.rect.y + c.rect.height + 24.0 + WG_PAGE_MARGIN, &page);
  wg_set_colour(page.cairo, wg_colour_ink, 1.0);
  wg_draw_text(page.cairo, c.rect.x, c.rect.y - 6.0, WG_TEXT, 0.0, c.rect.width, family->title);
  draw_axes(page.cairo, &c);
  draw_line(page.cairo, &c);
  const int status = wg_page_close(&page, WG_OK);
  wg_mem_clear(&mem);
  return status;
}
