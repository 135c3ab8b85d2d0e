/* Densities on a grid at some times, side by side with one colour scale: a path of least action is
 * seen at a glance. The first axis of the grid goes to the right, the second upwards; a third one
 * is summed over, which is what looking along it shows. On a line: curves. Or one after the other,
 * as the pictures of a film. Cost: the cells. */
#include "plot/panel.h"

enum { MOST_TIMES = 12 };
static const double gap = 6.0, title_height = 14.0, label_height = 12.0;

/* The image of a density; cells smaller than a pixel are not worth their own file size. */
static int make_field(wg_mem *mem, const wg_plot_grid *grid, int k, wg_field *field) {
  const int64_t n0 = grid->shape[0], n1 = grid->d > 1 ? grid->shape[1] : 1;
  const int64_t n2 = grid->d > 2 ? grid->shape[2] : 1;
  *field = (wg_field){.columns = (int)n0, .rows = (int)n1, .t = grid->times[k]};
  if (!(field->value = WG_NEW(mem, double, n0 *n1))) return wg_no_memory();
  for (int64_t i = 0; i < n0; i++)
    for (int64_t j = 0; j < n1; j++) {
      double sum = 0.0;
      for (int64_t l = 0; l < n2; l++) sum += grid->density[k][(i * n1 + j) * n2 + l];
      field->value[(n1 - 1 - j) * n0 + i] = sum;
    }
  return WG_OK;
}

static int make_fields(wg_mem *mem, const wg_plot_grid *grid, wg_field **fields) {
  if (!(*fields = WG_NEW(mem, wg_field, grid->count))) return wg_no_memory();
  for (int k = 0; k < grid->count; k++) WG_TRY(make_field(mem, grid, k, &(*fields)[k]));
  return WG_OK;
}

/* Height over width of a panel, in bounds that keep it readable. */
static double shape_of(const wg_plot_grid *grid) {
  if (grid->d == 1) return 0.7;
  const double wide = (double)grid->shape[0] * grid->spacing[0];
  const double high = (double)grid->shape[1] * grid->spacing[1];
  return WG_MIN(WG_MAX(high / wide, 0.4), 2.5);
}

static void draw_title(cairo_t *cairo, const wg_plot_grid *grid) {
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  wg_draw_text(cairo, WG_PAGE_MARGIN, WG_PAGE_MARGIN + WG_TEXT, WG_TEXT, 0.0,
               WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN, grid->title);
}

/* A density under its time. */
static void draw_panel(cairo_t *cairo, const wg_field *field, wg_rect rect, double peak) {
  char number[32], text[40];
  wg_number_text(field->t, 3, number, sizeof number);
  snprintf(text, sizeof text, "t = %s", number);
  wg_set_colour(cairo, wg_colour_at(field->t), 1.0);
  wg_draw_text(cairo, rect.x, rect.y - 3.0, WG_SMALL_TEXT, 0.0, rect.width, text);
  wg_draw_field(cairo, field, rect, peak);
}

/* ---- the figure ---- */

static void draw(cairo_t *cairo, const wg_plot_grid *grid, const wg_field *fields, double width,
                 double height) {
  const double peak = wg_field_peak(grid->count, fields);
  draw_title(cairo, grid);
  for (int k = 0; k < grid->count; k++) {
    const wg_rect rect = {WG_PAGE_MARGIN + k * (width + gap),
                          WG_PAGE_MARGIN + title_height + label_height, width, height};
    draw_panel(cairo, &fields[k], rect, peak);
  }
}

int wg_plot_densities(const char *path, const wg_plot_grid *grid) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_field *fields;
  wg_page page;
  WG_TRY(wg_plot_check_path(path));
  if (grid->count < 1 || grid->count > MOST_TIMES)
    return wg_fail(WG_ERR_ARGUMENT, "%s: a figure shows 1 to %d times, not %d", path, MOST_TIMES,
                   grid->count);
  int status = make_fields(&mem, grid, &fields);
  if (status == WG_OK) {
    const double width =
        (WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN - (grid->count - 1) * gap) / grid->count;
    const double height = width * shape_of(grid);
    wg_page_open(&mem, path, 2.0 * WG_PAGE_MARGIN + title_height + label_height + height, &page);
    draw(page.cairo, grid, fields, width, height);
    status = wg_page_close(&page, WG_OK);
  }
  wg_mem_clear(&mem);
  return status;
}

/* ---- the film ---- */

typedef struct reel {
  const wg_plot_grid *grid;
  const wg_field *fields;
  wg_field between; /* room for the density of a picture */
  wg_rect rect;
  double peak;
  int64_t count;
} reel;

/* Densities between two times are on straight lines; in 1-D both ends stay in sight. */
static void draw_picture(const void *data, cairo_t *cairo, int64_t picture) {
  const reel *r = data;
  const wg_plot_grid *grid = r->grid;
  const double first = grid->times[0], last = grid->times[grid->count - 1];
  wg_field now = r->between;
  now.t = r->count > 1 ? first + (last - first) * (double)picture / (double)(r->count - 1) : first;
  int k = 0;
  while (k + 2 < grid->count && grid->times[k + 1] <= now.t) k++;
  const wg_field *from = &r->fields[k], *to = &r->fields[WG_MIN(k + 1, grid->count - 1)];
  const double span = to->t - from->t, share = span > 0.0 ? (now.t - from->t) / span : 0.0;
  for (int c = 0; c < now.rows * now.columns; c++)
    now.value[c] = (1.0 - share) * from->value[c] + share * to->value[c];
  draw_title(cairo, grid);
  if (now.rows == 1) {
    wg_draw_field(cairo, &r->fields[0], r->rect, r->peak);
    wg_draw_field(cairo, &r->fields[grid->count - 1], r->rect, r->peak);
  }
  draw_panel(cairo, &now, r->rect, r->peak);
}

int wg_plot_density_frames(FILE *to, const wg_plot_grid *grid, int64_t count) {
  const double tallest = 360.0;
  if (grid->count < 1 || count < 1) return wg_fail(WG_ERR_ARGUMENT, "there is no density to draw");
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_field *fields;
  int status = make_fields(&mem, grid, &fields);
  if (status == WG_OK) {
    const double room = WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN;
    const double width = WG_MIN(room, tallest / shape_of(grid)), height = width * shape_of(grid);
    reel r = {.grid = grid,
              .fields = fields,
              .between = fields[0],
              .rect = {WG_PAGE_MARGIN + 0.5 * (room - width),
                       WG_PAGE_MARGIN + title_height + label_height, width, height},
              .peak = wg_field_peak(grid->count, fields),
              .count = count};
    r.between.value = WG_NEW(&mem, double, r.between.rows *r.between.columns);
    status = r.between.value ? wg_stream_pictures(to, r.rect.y + height + WG_PAGE_MARGIN, count,
                                                  draw_picture, &r)
                             : wg_no_memory();
  }
  wg_mem_clear(&mem);
  return status;
}
