/* The pictures of a moving flow.
 *
 * Adaptive steps are anything but even in time, and flows are quick at first: unless the caller has
 * chosen times, picture k shows T (k / (count - 1))^2, with particles on straight lines between the
 * places kept. A line in the panels of energy and spectrum says when it is. Cost of a picture: the
 * particles and the records drawn, and the PNG (stream.c). */
#include <string.h>

#include "plot/panel.h"

#define FRAME_HEIGHT 280.0
enum { MOST_PARTICLES = 20000 };

/* ---- places in between ---- */

/* The particles at a time between places k and k + 1. */
static void interpolate(const wg_plot_run *run, double time, int64_t k, double *out) {
  const int64_t size = run->n * run->d, after = WG_MIN(k + 1, run->places - 1);
  const double *from = run->points + k * size, *to = run->points + after * size;
  const double span = run->times[after] - run->times[k];
  const double share = span > 0.0 ? (time - run->times[k]) / span : 0.0;
  for (int64_t j = 0; j < size; j++) out[j] = (1.0 - share) * from[j] + share * to[j];
}

/* The last place that is not after a time. */
static int64_t place_before(const wg_plot_run *run, double time) {
  int64_t k = 0;
  while (k + 1 < run->places && run->times[k + 1] <= time) k++;
  return k;
}

static double time_of(const wg_plot_run *run, bool exact, int64_t frame, int64_t count) {
  const double first = run->times[0], last = run->times[run->places - 1];
  if (exact) return run->times[frame];
  const double share = count > 1 ? (double)frame / (double)(count - 1) : 1.0;
  return frame + 1 == count ? last : first + share * share * (last - first);
}

/* ---- a picture ---- */

static void draw_now(cairo_t *cairo, const wg_graph *g, double time) {
  wg_set_colour(cairo, wg_colour_ink, 0.6);
  cairo_set_line_width(cairo, 0.8);
  cairo_move_to(cairo, wg_graph_across(g, time), g->rect.y);
  cairo_rel_line_to(cairo, 0.0, g->rect.height);
  cairo_stroke(cairo);
}

static void draw_particles(cairo_t *cairo, const wg_graph *g, const wg_plot_run *run, double time,
                           const double *x) {
  const int64_t step = (run->n + MOST_PARTICLES - 1) / MOST_PARTICLES;
  const double radius = run->n / step > 2000 ? 0.6 : 1.2;
  wg_draw_graph(cairo, g, "particles");
  wg_set_colour(cairo, wg_colour_at(wg_run_shade(run, time)), 0.85);
  for (int64_t i = 0; i < run->n; i += step) {
    double at[2];
    wg_run_point(run, time, x + i * run->d, at);
    wg_draw_dot(cairo, wg_graph_across(g, at[0]), wg_graph_along(g, at[1]), radius);
  }
}

/* What all pictures share. */
typedef struct film {
  const wg_plot_run *run;
  wg_graph plane;
  wg_rect upper, lower; /* at the right */
  double peak;          /* of directions over all places */
  bool exact;           /* a picture of each place */
  int64_t count;
  double *x; /* n x d */
} film;

static void draw_frame(const void *data, cairo_t *cairo, int64_t frame) {
  const film *f = data;
  const wg_plot_run *run = f->run;
  const double time = time_of(run, f->exact, frame, f->count);
  char title[320];
  interpolate(run, time, f->exact ? frame : place_before(run, time), f->x);
  snprintf(title, sizeof title, "t = %-8.4g %s", time, run->title);
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  wg_draw_text(cairo, f->plane.rect.x, 16.0, WG_TEXT + 1.0, 0.0,
               WG_PAGE_WIDTH - WG_PAGE_MARGIN - f->plane.rect.x, title);
  draw_particles(cairo, &f->plane, run, time, f->x);
  const wg_graph energy = wg_draw_run_energy(cairo, run, f->upper);
  draw_now(cairo, &energy, time);
  if (wg_has_directions(run)) {
    wg_rose rose;
    wg_rose_make(run, f->x, &rose);
    wg_set_colour(cairo, wg_colour_ink, 1.0);
    wg_draw_text(cairo, f->lower.x, f->lower.y - 6.0, WG_TEXT, 0.0, f->lower.width,
                 "directions of neurons");
    wg_draw_rose(cairo, &rose, f->lower, f->peak);
  } else {
    const wg_graph modes = wg_draw_run_modes(cairo, run, f->lower);
    draw_now(cairo, &modes, time);
  }
}

static film make_film(const wg_plot_run *run, double *x) {
  const double left = 44.0, top = 42.0, high = FRAME_HEIGHT - top - 26.0, wide = 250.0;
  const double second = left + wide + 46.0, narrow = WG_PAGE_WIDTH - WG_PAGE_MARGIN - second;
  const double half = 0.5 * (high - 38.0);
  film f = {.run = run,
            .plane = wg_run_plane(run, (wg_rect){left, top, wide, high}),
            .upper = {second, top, narrow, half},
            .lower = {second, top + half + 38.0, narrow, half},
            .x = x};
  for (int64_t k = 0; wg_has_directions(run) && k < run->places; k++) {
    wg_rose rose;
    wg_rose_make(run, run->points + k * run->n * run->d, &rose);
    f.peak = WG_MAX(f.peak, wg_rose_peak(&rose));
  }
  return f;
}

int wg_plot_frames(FILE *to, const wg_plot_run *run, bool exact, int64_t count) {
  if (run->places < 1 || run->records < 1 || (!exact && count < 1))
    return wg_fail(WG_ERR_ARGUMENT, "there is no place of the flow to draw");
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *x = WG_NEW(&mem, double, run->n * run->d);
  if (!x) return wg_no_memory();
  film f = make_film(run, x);
  f.exact = exact;
  f.count = exact ? run->places : count;
  const int status = wg_stream_pictures(to, FRAME_HEIGHT, f.count, draw_frame, &f);
  wg_mem_clear(&mem);
  return status;
}
