/* The figures: how panels are arranged on a page. Every figure goes through the same steps: place
 * the clouds in one frame, compute the snapshots, derive the page's height from the frame's shape,
 * draw, and give the file its name. */
#include "plot/panel.h"

enum { MOST_SOLUTIONS = 12, MOST_TIMES = 12, QUARTERS = 5 };
static const double quarters[QUARTERS] = {0.0, 0.25, 0.5, 0.75, 1.0};

/* Distances, in points. */
static const double title_step = 13.0;   /* a line of title above a panel            */
static const double axis_step = 14.0;    /* tick labels below a panel                */
static const double caption_step = 10.0; /* a line of caption                        */
static const double tick_room = 26.0;    /* left of a panel with axes: its labels    */
static const double gap = 12.0;          /* between blocks                           */
static const double thin_gap = 4.0;      /* between snapshots                        */

/* What a figure is made of. */
typedef struct figure {
  wg_ledger ledger;
  wg_mem mem;
  wg_stage stage;
  wg_page page;
  int times_count;
  const double *times;
  wg_rect cell;     /* a snapshot: only its size counts                        */
  wg_field *fields; /* stage.count x times_count, NULL without snapshots       */
  double peak;      /* of all fields                                           */
} figure;

static int check_arguments(int count, int times_count, const double *times) {
  if (count < 1 || count > MOST_SOLUTIONS)
    return wg_fail(WG_ERR_ARGUMENT, "a figure shows 1 to %d solutions, not %d", MOST_SOLUTIONS,
                   count);
  if (times_count < 1 || times_count > MOST_TIMES)
    return wg_fail(WG_ERR_ARGUMENT, "a figure shows 1 to %d times, not %d", MOST_TIMES,
                   times_count);
  for (int k = 0; k < times_count; k++)
    if (!(times[k] >= 0.0 && times[k] <= 1.0))
      return wg_fail(WG_ERR_ARGUMENT, "time %g cannot be drawn; times lie in [0, 1]", times[k]);
  return WG_OK;
}

/* Everything that needs no page. The figure is cleared by `end` in any case. */
static int begin(figure *fig, const char *path, int count, const wg_plot_solution *solutions,
                 int times_count, const double *times) {
  *fig = (figure){.times_count = times_count, .times = times};
  fig->mem = wg_mem_of(&fig->ledger);
  WG_TRY(wg_plot_check_path(path));
  WG_TRY(check_arguments(count, times_count, times));
  return wg_stage_make(&fig->mem, count, solutions, &fig->stage);
}

/* Snapshots that share `width`. */
static int make_fields(figure *fig, double width) {
  const double lowest = 0.35, highest = 1.3;
  fig->cell.width = (width - thin_gap * (fig->times_count - 1)) / fig->times_count;
  fig->cell.height = fig->cell.width * wg_stage_shape(&fig->stage, lowest, highest);
  fig->fields = WG_NEW(&fig->mem, wg_field, fig->stage.count * fig->times_count);
  if (!fig->fields) return wg_no_memory();
  for (int k = 0; k < fig->stage.count * fig->times_count; k++)
    WG_TRY(wg_field_make(&fig->mem, &fig->stage, &fig->stage.scenes[k / fig->times_count],
                         fig->cell, fig->times[k % fig->times_count], &fig->fields[k]));
  fig->peak = wg_field_peak(fig->stage.count * fig->times_count, fig->fields);
  return WG_OK;
}

static int end(figure *fig, int status) {
  wg_mem_clear(&fig->mem);
  return status;
}

/* ---- blocks ---- */

static void title(const figure *fig, int solution, double x, double baseline, double width) {
  const char *text = fig->stage.scenes[solution].solution->title;
  wg_set_colour(fig->page.cairo, wg_colour_ink, 1.0);
  wg_draw_text(fig->page.cairo, x, baseline, WG_TEXT, 0.0, width, text ? text : "");
}

/* "t = 1/4", quarters as one glyph. */
static void time_text(double t, char *text, size_t size) {
  static const char *const known[QUARTERS] = {"0", "\u00bc", "\u00bd", "\u00be", "1"};
  for (int k = 0; k < QUARTERS; k++)
    if (t == quarters[k]) {
      snprintf(text, size, "t = %s", known[k]);
      return;
    }
  snprintf(text, size, "t = %.3g", t);
}

static void time_titles(const figure *fig, double x, double baseline, double step) {
  for (int k = 0; k < fig->times_count; k++) {
    char text[32];
    time_text(fig->times[k], text, sizeof text);
    wg_set_colour(fig->page.cairo, wg_colour_ink, 1.0);
    wg_draw_text(fig->page.cairo, x + k * step + 0.5 * fig->cell.width, baseline, WG_TEXT, 0.5,
                 fig->cell.width, text);
  }
}

/* One solution's snapshots, the first with its upper left corner at (x, y). */
static void snapshots(const figure *fig, int solution, double x, double y, double step) {
  for (int k = 0; k < fig->times_count; k++) {
    wg_rect rect = {x + k * step, y, fig->cell.width, fig->cell.height};
    wg_draw_field(fig->page.cairo, &fig->fields[solution * fig->times_count + k], rect, fig->peak);
  }
}

/* "o x  o y  caption" */
static void legend(cairo_t *cairo, double x, double baseline, double width, const char *caption) {
  const char *const names[] = {"x", "y"};
  const wg_colour colours[] = {wg_colour_x, wg_colour_y};
  double left = x;
  for (int k = 0; k < 2; k++) {
    wg_set_colour(cairo, colours[k], 1.0);
    wg_draw_dot(cairo, left + 2.0, baseline - 2.0, 2.0);
    left += 7.0;
    wg_set_colour(cairo, wg_colour_ink, 1.0);
    left += 7.0 + wg_draw_text(cairo, left, baseline, WG_SMALL_TEXT, 0.0, width, names[k]);
  }
  wg_draw_text(cairo, left, baseline, WG_SMALL_TEXT, 0.0, x + width - left, caption);
}

/* A coupling with axes in `rect`, and its caption below the tick labels. */
static int coupling(figure *fig, int solution, wg_rect rect) {
  char caption[160];
  WG_TRY(wg_draw_coupling(&fig->mem, fig->page.cairo, &fig->stage, &fig->stage.scenes[solution],
                          rect, caption, sizeof caption));
  legend(fig->page.cairo, rect.x, rect.y + rect.height + axis_step + caption_step, rect.width,
         caption);
  return WG_OK;
}

/* ---- wg_plot_distance ---- */

static int draw_distance(figure *fig, wg_rect panel) {
  const double full = WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN;
  const wg_plot_solution *solution = fig->stage.scenes[0].solution;
  title(fig, 0, WG_PAGE_MARGIN, panel.y - 6.0, full);
  WG_TRY(coupling(fig, 0, panel));
  double x = panel.x + panel.width + 40.0;
  wg_rect bars = {x, panel.y, WG_PAGE_WIDTH - WG_PAGE_MARGIN - x, 0.5 * (panel.height - gap)};
  wg_draw_spectrum(fig->page.cairo, bars, "Eigenvalues of \u03a3\u209a", solution->d,
                   solution->moment_values);
  bars.y += bars.height + gap;
  wg_draw_spectrum(fig->page.cairo, bars, "Eigenvalues of Q", solution->d, solution->q_values);
  double top = panel.y + panel.height + axis_step + caption_step + gap + title_step;
  double step = (full + thin_gap) / QUARTERS;
  time_titles(fig, WG_PAGE_MARGIN, top - 5.0, step);
  snapshots(fig, 0, WG_PAGE_MARGIN, top, step);
  return WG_OK;
}

static int plot_distance(figure *fig, const char *path) {
  WG_TRY(make_fields(fig, WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN));
  wg_rect panel = {WG_PAGE_MARGIN + tick_room, WG_PAGE_MARGIN + title_step + 4.0, 306.0, 0.0};
  panel.height = panel.width * wg_stage_shape(&fig->stage, 0.5, 0.85);
  double below = axis_step + caption_step + gap + title_step + fig->cell.height;
  double height = panel.y + panel.height + below + WG_PAGE_MARGIN;
  wg_page_open(&fig->mem, path, height, &fig->page);
  return wg_page_close(&fig->page, draw_distance(fig, panel));
}

int wg_plot_distance(const char *path, const wg_plot_solution *solution) {
  figure fig;
  int status = begin(&fig, path, 1, solution, QUARTERS, quarters);
  return end(&fig, status < 0 ? status : plot_distance(&fig, path));
}

/* ---- wg_plot_couplings ---- */

static int draw_couplings(figure *fig, int columns, double width, double height, double row_step) {
  for (int k = 0; k < fig->stage.count; k++) {
    const int row = k / columns, column = k % columns;
    double left = WG_PAGE_MARGIN + column * (width + tick_room + gap);
    double top = WG_PAGE_MARGIN + row * row_step + title_step;
    title(fig, k, left + tick_room, top - 5.0, width);
    WG_TRY(coupling(fig, k, (wg_rect){left + tick_room, top, width, height}));
  }
  return WG_OK;
}

static int plot_couplings(figure *fig, const char *path) {
  const int most_columns = 3;
  int columns = WG_MIN(fig->stage.count, most_columns);
  int rows = (fig->stage.count + columns - 1) / columns;
  double full = WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN + gap;
  double width = full / columns - gap - tick_room;
  double height = width * wg_stage_shape(&fig->stage, 0.4, 1.2);
  double row_step = title_step + height + axis_step + caption_step + gap;
  wg_page_open(&fig->mem, path, 2.0 * WG_PAGE_MARGIN + rows * row_step - gap, &fig->page);
  return wg_page_close(&fig->page, draw_couplings(fig, columns, width, height, row_step));
}

int wg_plot_couplings(const char *path, int count, const wg_plot_solution *solutions) {
  figure fig;
  int status = begin(&fig, path, count, solutions, QUARTERS, quarters);
  return end(&fig, status < 0 ? status : plot_couplings(&fig, path));
}

/* ---- wg_plot_geodesics ---- */

static int plot_geodesics(figure *fig, const char *path) {
  const double full = WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN;
  WG_TRY(make_fields(fig, full));
  double step = (full + thin_gap) / fig->times_count,
         row_step = title_step + fig->cell.height + 5.0;
  double height = 2.0 * WG_PAGE_MARGIN + title_step + fig->stage.count * row_step - 5.0;
  wg_page_open(&fig->mem, path, height, &fig->page);
  time_titles(fig, WG_PAGE_MARGIN, WG_PAGE_MARGIN + WG_TEXT, step);
  for (int k = 0; k < fig->stage.count; k++) {
    double top = WG_PAGE_MARGIN + title_step + k * row_step + title_step;
    title(fig, k, WG_PAGE_MARGIN, top - 4.5, full);
    snapshots(fig, k, WG_PAGE_MARGIN, top, step);
  }
  return wg_page_close(&fig->page, WG_OK);
}

int wg_plot_geodesics(const char *path, int count, const wg_plot_solution *solutions,
                      int times_count, const double *times) {
  figure fig;
  int status = begin(&fig, path, count, solutions, times_count, times);
  return end(&fig, status < 0 ? status : plot_geodesics(&fig, path));
}
