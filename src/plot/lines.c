/* Lines over a common axis: one colour each, a legend above, values on an even or a logarithmic
 * scale. Numbers that are not finite, and on the logarithmic scale those that are not positive, are
 * gaps. A logarithmic axis ends at whole powers of ten, so that at least two of them are marked. */
#include "plot/panel.h"

enum { MOST_LINES = WG_COLOURS, MOST_TICKS = 9 };

typedef struct span {
  double low, high;
} span;
typedef struct chart {
  const wg_plot_lines *lines;
  wg_rect rect;
  span x, y; /* y: of the logarithm where that is the scale */
} chart;

static double number_at(const chart *c, int64_t row, int64_t column) {
  return c->lines->table[row * (1 + c->lines->count) + column];
}

/* As it is drawn; NAN: a gap. */
static double height_of(const chart *c, double value) {
  if (!isfinite(value) || (c->lines->logarithmic && value <= 0.0)) return NAN;
  return c->lines->logarithmic ? log10(value) : value;
}

static void include(span *s, double value) {
  if (!isfinite(value)) return;
  s->low = fmin(s->low, value);
  s->high = fmax(s->high, value);
}

/* Not empty, and with room where it is a single number or `room` asks for it. */
static void open_span(span *s, double room) {
  if (!(s->low <= s->high)) s->low = s->high = 0.0;
  double more = room * (s->high - s->low);
  if (!(s->high - s->low > 1e-9 * fabs(s->high))) more = s->high != 0.0 ? 0.1 * fabs(s->high) : 1.0;
  s->low -= more;
  s->high += more;
}

static void choose_spans(chart *c) {
  c->x = c->y = (span){INFINITY, -INFINITY};
  for (int64_t k = 0; k < c->lines->rows; k++) {
    include(&c->x, number_at(c, k, 0));
    for (int64_t s = 1; s <= c->lines->count; s++) include(&c->y, height_of(c, number_at(c, k, s)));
  }
  open_span(&c->x, 0.0);
  open_span(&c->y, 0.03);
  if (!c->lines->logarithmic) return;
  c->y.low = floor(c->y.low);
  c->y.high = ceil(c->y.high);
}

static double across(const chart *c, double x) {
  return c->rect.x + c->rect.width * (x - c->x.low) / (c->x.high - c->x.low);
}

static double along(const chart *c, double height) {
  return c->rect.y + c->rect.height * (c->y.high - height) / (c->y.high - c->y.low);
}

/* ---- axes ---- */

static void draw_powers(cairo_t *cairo, const chart *c) {
  double step = ceil((c->y.high - c->y.low + 1.0) / MOST_TICKS);
  for (double power = c->y.low; power <= c->y.high; power += step) {
    char text[48];
    snprintf(text, sizeof text, "1e%.0f", power);
    wg_draw_tick(cairo, c->rect.x, along(c, power), true, 34.0, text);
  }
}

/* As many digits as a number below a million takes in full, for 350 is read faster than 3.5e+02. */
static int digits_of(double value, int digits) {
  bool plain = fabs(value) >= 1.0 && fabs(value) < 1e6;
  return plain ? WG_MAX(digits, (int)floor(log10(fabs(value))) + 1) : WG_MAX(digits, 1);
}

static void draw_even(cairo_t *cairo, const chart *c, bool left) {
  const span *s = left ? &c->y : &c->x;
  wg_ticks ticks = wg_choose_ticks(s->low, s->high, left ? 5 : 7);
  for (int k = 0; k < ticks.count; k++) {
    char text[48];
    double value = ticks.first + k * ticks.step;
    if (fabs(value) < 1e-9 * ticks.step) value = 0.0;
    wg_number_text(value, digits_of(value, ticks.digits), text, sizeof text);
    if (left)
      wg_draw_tick(cairo, c->rect.x, along(c, value), true, 34.0, text);
    else
      wg_draw_tick(cairo, across(c, value), c->rect.y + c->rect.height, false, 60.0, text);
  }
}

static void draw_axes(cairo_t *cairo, const chart *c) {
  const wg_rect *rect = &c->rect;
  double bottom = rect->y + rect->height;
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  cairo_set_line_width(cairo, 0.6);
  cairo_move_to(cairo, rect->x, rect->y);
  cairo_line_to(cairo, rect->x, bottom);
  cairo_line_to(cairo, rect->x + rect->width, bottom);
  cairo_stroke(cairo);
  draw_even(cairo, c, false);
  if (c->lines->logarithmic)
    draw_powers(cairo, c);
  else
    draw_even(cairo, c, true);
  wg_draw_text(cairo, rect->x + 0.5 * rect->width, bottom + 20.0, WG_SMALL_TEXT, 0.5, rect->width,
               c->lines->axis);
}

/* ---- lines ---- */

static void draw_line(cairo_t *cairo, const chart *c, int64_t s) {
  bool open = false;
  for (int64_t k = 0; k < c->lines->rows; k++) {
    double x = number_at(c, k, 0), height = height_of(c, number_at(c, k, s));
    bool known = isfinite(x) && isfinite(height);
    if (known && open)
      cairo_line_to(cairo, across(c, x), along(c, height));
    else if (known)
      cairo_move_to(cairo, across(c, x), along(c, height));
    open = known;
  }
  wg_set_colour(cairo, wg_colours[s - 1], 1.0);
  cairo_set_line_width(cairo, 1.2);
  cairo_stroke(cairo);
}

static void draw_legend(cairo_t *cairo, const chart *c) {
  double width = c->rect.width / (double)c->lines->count, y = c->rect.y - 6.0;
  for (int64_t s = 0; s < c->lines->count; s++) {
    double x = c->rect.x + width * (double)s;
    wg_set_colour(cairo, wg_colours[s], 1.0);
    cairo_set_line_width(cairo, 1.2);
    cairo_move_to(cairo, x, y - 2.3);
    cairo_line_to(cairo, x + 12.0, y - 2.3);
    cairo_stroke(cairo);
    wg_set_colour(cairo, wg_colour_ink, 1.0);
    wg_draw_text(cairo, x + 15.0, y, WG_SMALL_TEXT, 0.0, WG_MAX(width - 20.0, 5.0),
                 c->lines->labels[s]);
  }
}

int wg_plot_table(const char *path, const wg_plot_lines *lines) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_page page;
  WG_TRY(wg_plot_check_path(path));
  if (lines->rows < 1 || lines->count < 1 || lines->count > MOST_LINES)
    return wg_fail(WG_ERR_ARGUMENT,
                   "%s: there are %lld rows with %lld lines to draw; from 1 row and 1 to %d "
                   "lines are possible",
                   path, (long long)lines->rows, (long long)lines->count, MOST_LINES);
  chart c = {.lines = lines, .rect = {WG_PAGE_MARGIN + 36.0, WG_PAGE_MARGIN + 31.0, 0.0, 250.0}};
  c.rect.width = WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN - c.rect.x; /* half a label to the right */
  choose_spans(&c);
  wg_page_open(&mem, path, c.rect.y + c.rect.height + 24.0 + WG_PAGE_MARGIN, &page);
  wg_set_colour(page.cairo, wg_colour_ink, 1.0);
  wg_draw_text(page.cairo, c.rect.x, c.rect.y - 20.0, WG_TEXT, 0.0, c.rect.width, lines->title);
  draw_legend(page.cairo, &c);
  draw_axes(page.cairo, &c);
  for (int64_t s = 1; s <= lines->count; s++) draw_line(page.cairo, &c, s);
  int status = wg_page_close(&page, WG_OK);
  wg_mem_clear(&mem);
  return status;
}
