/* Where the particles of a flow are at some of its times: kernel densities, and for neurons the
 * directions they look in.
 *
 * A density is that of density.c, of a plan that leaves every point where it is; all places share
 * the frame, the bandwidth and the scale. A neuron u s(v.z) with a homogeneous s weighs |u| |v| in
 * the direction of v, whatever its scale: the measure of that mass on the circle is what a network
 * of two inputs is, so it is shown as a circular histogram, neurons with a negative output apart.
 * A bar's area is its mass: radii follow the root. Cost O(places n + cells). */
#include <string.h>

#include "plot/panel.h"

static const double full_turn = 6.283185307179586;

/* ---- circular histograms ---- */

bool wg_has_directions(const wg_plot_run *run) {
  return run->outputs > 0 && run->d - run->outputs >= 2;
}

static double length_of(const double *vector, int64_t count) {
  double square = 0.0;
  for (int64_t k = 0; k < count; k++) square += vector[k] * vector[k];
  return sqrt(square);
}

void wg_rose_make(const wg_plot_run *run, const double *neurons, wg_rose *rose) {
  memset(rose, 0, sizeof *rose);
  for (int64_t i = 0; i < run->n; i++) {
    const double *u = neurons + i * run->d, *v = u + run->outputs;
    const double share = run->masses ? run->masses[i] : 1.0 / (double)run->n;
    const double mass = share * length_of(u, run->outputs) * length_of(v, run->d - run->outputs);
    const double turns = atan2(v[1], v[0]) / full_turn;
    const int bin = (int)floor((turns - floor(turns)) * WG_ROSE_BINS) % WG_ROSE_BINS;
    if (run->outputs == 1 && u[0] < 0.0)
      rose->negative[bin] += mass;
    else
      rose->positive[bin] += mass;
  }
}

double wg_rose_peak(const wg_rose *rose) {
  double peak = 0.0;
  for (int k = 0; k < WG_ROSE_BINS; k++)
    peak = WG_MAX(peak, WG_MAX(rose->positive[k], rose->negative[k]));
  return peak;
}

/* Angles grow upwards, against Cairo's. */
static void draw_bars(cairo_t *cairo, const double *mass, const double centre[2], double radius,
                      double peak, wg_colour colour) {
  for (int k = 0; k < WG_ROSE_BINS; k++) {
    if (!(mass[k] > 0.0)) continue;
    const double from = -full_turn * k / WG_ROSE_BINS, to = -full_turn * (k + 1) / WG_ROSE_BINS;
    cairo_move_to(cairo, centre[0], centre[1]);
    cairo_arc_negative(cairo, centre[0], centre[1], radius * sqrt(mass[k] / peak), from, to);
    cairo_close_path(cairo);
  }
  wg_set_colour(cairo, colour, 0.6);
  cairo_fill(cairo);
}

void wg_draw_rose(cairo_t *cairo, const wg_rose *rose, wg_rect rect, double peak) {
  const double centre[2] = {rect.x + 0.5 * rect.width, rect.y + 0.5 * rect.height};
  const double radius = 0.5 * WG_MIN(rect.width, rect.height) - 1.0;
  if (peak > 0.0) draw_bars(cairo, rose->positive, centre, radius, peak, wg_colour_x);
  if (peak > 0.0) draw_bars(cairo, rose->negative, centre, radius, peak, wg_colour_y);
  wg_set_colour(cairo, wg_colour_ink, 0.5);
  cairo_set_line_width(cairo, 0.5);
  cairo_arc(cairo, centre[0], centre[1], radius, 0.0, full_turn);
  cairo_stroke(cairo);
}

/* ---- densities ---- */

/* What all places share, and the places as clouds of a figure. */
typedef struct album {
  wg_mem *mem;
  const wg_plot_run *run;
  int count;
  const int64_t *places;
  int64_t *index; /* n: each particle stays where it is */
  double *mass;   /* n */
  wg_plot_solution clouds[WG_PLOT_PLACES];
  wg_stage stage;
  wg_field fields[WG_PLOT_PLACES];
  wg_rose roses[WG_PLOT_PLACES];
} album;

static int make_cloud(album *a, int k) {
  const wg_plot_run *run = a->run;
  const int64_t d = WG_MIN(run->d, 2), n = run->n;
  double *points = WG_NEW(a->mem, double, n *d);
  if (!points) return wg_no_memory();
  for (int64_t i = 0; i < n; i++) {
    double at[2];
    wg_run_point(run, 0.0, run->points + (a->places[k] * n + i) * run->d, at);
    for (int64_t j = 0; j < d; j++) points[i * d + j] = at[d == 1 ? 1 : j];
  }
  a->clouds[k] = (wg_plot_solution){.n = n,
                                    .m = n,
                                    .d = d,
                                    .count = n,
                                    .x = points,
                                    .a = a->mass,
                                    .y = points,
                                    .b = a->mass,
                                    .row = a->index,
                                    .col = a->index,
                                    .mass = a->mass};
  return WG_OK;
}

static int make_clouds(album *a) {
  const int64_t n = a->run->n;
  a->index = WG_NEW(a->mem, int64_t, n);
  a->mass = WG_NEW(a->mem, double, n);
  if (!a->index || !a->mass) return wg_no_memory();
  for (int64_t i = 0; i < n; i++) {
    a->index[i] = i;
    a->mass[i] = a->run->masses ? a->run->masses[i] : 1.0 / (double)n;
  }
  for (int k = 0; k < a->count; k++) WG_TRY(make_cloud(a, k));
  return wg_stage_make(a->mem, a->count, a->clouds, &a->stage);
}

static int make_fields(album *a, wg_rect cell) {
  for (int k = 0; k < a->count; k++) {
    const double shade = wg_run_shade(a->run, a->run->times[a->places[k]]);
    WG_TRY(wg_field_make(a->mem, &a->stage, &a->stage.scenes[k], cell, shade, &a->fields[k]));
  }
  return WG_OK;
}

/* ---- the page ---- */

static const double gap = 4.0, line_height = 13.0;

static void draw_densities(const album *a, cairo_t *cairo, wg_rect cell) {
  const double peak = wg_field_peak(a->count, a->fields);
  for (int k = 0; k < a->count; k++) {
    char text[48];
    wg_rect here = cell;
    here.x += k * (cell.width + gap);
    snprintf(text, sizeof text, "t = %.4g", a->run->times[a->places[k]]);
    wg_set_colour(cairo, wg_colour_ink, 1.0);
    wg_draw_text(cairo, here.x + 0.5 * here.width, here.y - 4.5, WG_TEXT, 0.5, here.width, text);
    wg_draw_field(cairo, &a->fields[k], here, peak);
  }
}

static void draw_roses(album *a, cairo_t *cairo, wg_rect cell) {
  double peak = 0.0;
  for (int k = 0; k < a->count; k++) {
    wg_rose_make(a->run, a->run->points + a->places[k] * a->run->n * a->run->d, &a->roses[k]);
    peak = WG_MAX(peak, wg_rose_peak(&a->roses[k]));
  }
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  wg_draw_text(cairo, cell.x, cell.y - 4.5, WG_SMALL_TEXT, 0.0, WG_PAGE_WIDTH,
               a->run->outputs == 1
                   ? "mass |u| |v| by the direction of v (first two inputs): blue u > 0, red u < 0"
                   : "mass |u| |v| by the direction of v (first two inputs)");
  for (int k = 0; k < a->count; k++) {
    wg_rect here = cell;
    here.x += k * (cell.width + gap);
    wg_draw_rose(cairo, &a->roses[k], here, peak);
  }
}

static int plot(album *a, const char *path) {
  const double full = WG_PAGE_WIDTH - 2.0 * WG_PAGE_MARGIN, widest = 150.0;
  const bool roses = wg_has_directions(a->run);
  wg_page page;
  WG_TRY(make_clouds(a));
  wg_rect cell = {WG_PAGE_MARGIN, WG_PAGE_MARGIN + 2.0 * line_height, 0.0, 0.0};
  cell.width = WG_MIN((full - gap * (a->count - 1)) / a->count, widest);
  cell.height = cell.width * wg_stage_shape(&a->stage, 0.35, 1.3);
  WG_TRY(make_fields(a, cell));
  const double below = roses ? line_height + 4.0 + cell.width : 0.0;
  wg_page_open(a->mem, path, cell.y + cell.height + below + WG_PAGE_MARGIN, &page);
  wg_set_colour(page.cairo, wg_colour_ink, 1.0);
  wg_draw_text(page.cairo, cell.x, WG_PAGE_MARGIN + WG_TEXT, WG_TEXT, 0.0, full, a->run->title);
  draw_densities(a, page.cairo, cell);
  cell.y += cell.height + line_height + 4.0;
  cell.height = cell.width;
  if (roses) draw_roses(a, page.cairo, cell);
  return wg_page_close(&page, WG_OK);
}

int wg_plot_choose_places(const wg_plot_run *run, int most, int64_t places[WG_PLOT_PLACES]) {
  int count = 0;
  most = WG_MIN(most, WG_PLOT_PLACES);
  for (int64_t k = 0; k < run->places; k++) {
    const double shade = wg_run_shade(run, run->times[k]);
    const bool wanted = run->places <= most || k + 1 == run->places ||
                        (count + 1 < most && shade * (most - 1) >= count);
    if (wanted) places[count++] = k;
  }
  return count;
}

int wg_plot_snapshots(const char *path, const wg_plot_run *run, int count, const int64_t *places) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  WG_TRY(wg_plot_check_path(path));
  if (count < 1 || count > WG_PLOT_PLACES)
    return wg_fail(WG_ERR_ARGUMENT, "a figure shows 1 to %d places, not %d", WG_PLOT_PLACES, count);
  album *a = WG_NEW(&mem, album, 1);
  int status = a ? WG_OK : wg_no_memory();
  if (a) *a = (album){.mem = &mem, .run = run, .count = count, .places = places};
  if (a) status = plot(a, path);
  wg_mem_clear(&mem);
  return status;
}
