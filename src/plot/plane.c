/* Curves in planes: panels with axes of their own, a legend shared by all. What lies outside of a
 * panel's axes is clipped. */
#include "plot/panel.h"

enum { MOST_PANELS = 12 };
static const double legend_height = 16.0, left_room = 34.0, above_room = 16.0, below_room = 26.0;

typedef struct frame {
  const wg_plot_plane *plane;
  wg_rect rect;
} frame;

static double place(const frame *f, int axis, double value) {
  const wg_plot_plane *p = f->plane;
  double share = (value - p->low[axis]) / (p->high[axis] - p->low[axis]);
  return axis == 0 ? f->rect.x + f->rect.width * share : f->rect.y + f->rect.height * (1.0 - share);
}

static void draw_scale(cairo_t *cairo, const frame *f, int axis) {
  const double bottom = f->rect.y + f->rect.height;
  wg_ticks ticks = wg_choose_ticks(f->plane->low[axis], f->plane->high[axis], 4);
  for (int k = 0; k < ticks.count; k++) {
    char text[48];
    double value = ticks.first + k * ticks.step;
    if (fabs(value) < 1e-9 * ticks.step) value = 0.0;
    wg_number_text(value, WG_MAX(ticks.digits, 1), text, sizeof text);
    double at = place(f, axis, value);
    if (axis == 0)
      wg_draw_tick(cairo, at, bottom, false, 40.0, text);
    else
      wg_draw_tick(cairo, f->rect.x, at, true, left_room - 14.0, text);
  }
}

static void draw_axes(cairo_t *cairo, const frame *f) {
  const wg_rect *r = &f->rect;
  const wg_plot_plane *p = f->plane;
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  cairo_set_line_width(cairo, 0.6);
  cairo_rectangle(cairo, r->x, r->y, r->width, r->height);
  cairo_stroke(cairo);
  draw_scale(cairo, f, 0);
  draw_scale(cairo, f, 1);
  wg_draw_text(cairo, r->x, r->y - 5.0, WG_TEXT, 0.0, r->width, p->title);
  wg_draw_text(cairo, r->x + 0.5 * r->width, r->y + r->height + 19.0, WG_SMALL_TEXT, 0.5, r->width,
               p->x_axis);
  cairo_save(cairo);
  cairo_translate(cairo, r->x - left_room + 10.0, r->y + 0.5 * r->height);
  cairo_rotate(cairo, -1.5707963267948966);
  wg_draw_text(cairo, 0.0, 0.0, WG_SMALL_TEXT, 0.5, r->height, p->y_axis);
  cairo_restore(cairo);
}

static void draw_curve(cairo_t *cairo, const frame *f, const wg_plot_curve *curve) {
  bool open = false;
  for (int64_t k = 0; k < curve->count; k++) {
    double x = place(f, 0, curve->points[2 * k]), y = place(f, 1, curve->points[2 * k + 1]);
    bool known = isfinite(x) && isfinite(y);
    if (known && open)
      cairo_line_to(cairo, x, y);
    else if (known)
      cairo_move_to(cairo, x, y);
    open = known;
  }
  bool behind = curve->colour < 0;
  wg_set_colour(cairo, behind ? wg_colour_ink : wg_colours[curve->colour % WG_COLOURS],
                behind ? 0.25 : 1.0);
  cairo_set_line_width(cairo, behind ? 0.5 : 1.1);
  cairo_stroke(cairo);
}

static void draw_mark(cairo_t *cairo, const frame *f, const wg_plot_mark *mark) {
  const double size = 2.2, x = place(f, 0, mark->x), y = place(f, 1, mark->y);
  wg_colour colour = mark->colour < 0 ? wg_colour_ink : wg_colours[mark->colour % WG_COLOURS];
  wg_set_colour(cairo, colour, 1.0);
  cairo_set_line_width(cairo, 0.9);
  if (mark->sign == WG_PLOT_CROSS) {
    cairo_move_to(cairo, x - size, y - size);
    cairo_line_to(cairo, x + size, y + size);
    cairo_move_to(cairo, x - size, y + size);
    cairo_line_to(cairo, x + size, y - size);
    cairo_stroke(cairo);
  } else if (mark->sign == WG_PLOT_DOT) {
    wg_draw_dot(cairo, x, y, size);
  } else {
    wg_set_colour(cairo, (wg_colour){1, 1, 1}, 1.0);
    wg_draw_dot(cairo, x, y, size);
    wg_set_colour(cairo, colour, 1.0);
    cairo_set_line_width(cairo, 0.9);
    cairo_arc(cairo, x, y, size, 0.0, 6.283185307179586);
    cairo_stroke(cairo);
  }
}

static void draw_plane(cairo_t *cairo, const frame *f) {
  const wg_plot_plane *p = f->plane;
  cairo_save(cairo);
  cairo_rectangle(cairo, f->rect.x, f->rect.y, f->rect.width, f->rect.height);
  cairo_clip(cairo);
  for (int front = 0; front < 2; front++)
    for (int64_t k = 0; k < p->curve_count; k++)
      if ((p->curves[k].colour >= 0) == front) draw_curve(cairo, f, &p->curves[k]);
  for (int64_t k = 0; k < p->mark_count; k++) draw_mark(cairo, f, &p->marks[k]);
  cairo_restore(cairo);
  draw_axes(cairo, f);
}

static void draw_legend(cairo_t *cairo, const wg_plot_planes *planes, double y) {
  const double width =
      (WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN) / (double)WG_MAX(planes->label_count, 1);
  for (int64_t k = 0; k < planes->label_count; k++) {
    double x = WG_PAGE_MARGIN + width * (double)k;
    wg_set_colour(cairo, wg_colours[k % WG_COLOURS], 1.0);
    cairo_set_line_width(cairo, 1.2);
    cairo_move_to(cairo, x, y - 2.3);
    cairo_line_to(cairo, x + 12.0, y - 2.3);
    cairo_stroke(cairo);
    wg_set_colour(cairo, wg_colour_ink, 1.0);
    wg_draw_text(cairo, x + 15.0, y, WG_SMALL_TEXT, 0.0, WG_MAX(width - 20.0, 5.0),
                 planes->labels[k]);
  }
}

static int check_planes(const char *path, const wg_plot_planes *planes) {
  WG_TRY(wg_plot_check_path(path));
  if (planes->count < 1 || planes->count > MOST_PANELS || planes->columns < 1)
    return wg_fail(WG_ERR_ARGUMENT, "%s: %lld panels; from 1 to %d are possible", path,
                   (long long)planes->count, MOST_PANELS);
  for (int64_t k = 0; k < planes->count; k++)
    for (int axis = 0; axis < 2; axis++) {
      const wg_plot_plane *p = &planes->planes[k];
      if (!(p->low[axis] < p->high[axis]) || !isfinite(p->high[axis] - p->low[axis]))
        return wg_fail(WG_ERR_ARGUMENT, "%s: axis %d of panel %lld from %g to %g is none", path,
                       axis, (long long)k, p->low[axis], p->high[axis]);
    }
  return WG_OK;
}

int wg_plot_phase(const char *path, const wg_plot_planes *planes) {
  WG_TRY(check_planes(path, planes));
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_page page;
  const int64_t rows = (planes->count + planes->columns - 1) / planes->columns;
  const double width = (WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN) / (double)planes->columns;
  const double side = width - left_room - 4.0, height = side + above_room + below_room;
  const double top = WG_PAGE_MARGIN + 12.0 + legend_height;
  wg_page_open(&mem, path, top + height * (double)rows + WG_PAGE_MARGIN, &page);
  wg_set_colour(page.cairo, wg_colour_ink, 1.0);
  wg_draw_text(page.cairo, WG_PAGE_MARGIN, WG_PAGE_MARGIN + 8.0, WG_TEXT, 0.0,
               WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN, planes->title);
  draw_legend(page.cairo, planes, WG_PAGE_MARGIN + 8.0 + legend_height);
  for (int64_t k = 0; k < planes->count; k++) {
    const int64_t row = k / planes->columns, column = k % planes->columns;
    const double x = WG_PAGE_MARGIN + width * (double)column + left_room;
    const double y = top + height * (double)row + above_room;
    const frame f = {&planes->planes[k], {x, y, side, side}};
    draw_plane(page.cairo, &f);
  }
  const int status = wg_page_close(&page, WG_OK);
  wg_mem_clear(&mem);
  return status;
}
