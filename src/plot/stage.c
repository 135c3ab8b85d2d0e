/* Where things are drawn: clouds of any dimension are put into the plane, and one frame holds all
 * of a figure, so that its panels can be compared by eye.
 *
 * d = 2 is drawn as it is, d = 1 on two lines, d > 2 on the two leading eigenvectors of the
 * displacement moment (theory 3.1: the directions in which mass moves most), found by orthogonal
 * iteration: a picture needs the plane, not its digits. Coordinates are first divided by the
 * largest one, so nothing overflows or underflows whatever the data's scale, and extents below
 * rounding count as zero. Cost O((n + m) d + d^2), memory 2 (n + m) doubles. */
#include <string.h>

#include "plot/panel.h"

/* ---- the plane ---- */

static double largest_entry(const double *values, int64_t count) {
  double largest = 0.0;
  for (int64_t k = 0; k < count; k++) largest = WG_MAX(largest, fabs(values[k]));
  return largest;
}

static double dot(int64_t d, const double *u, const double *v) {
  double sum = 0.0;
  for (int64_t k = 0; k < d; k++) sum += u[k] * v[k];
  return sum;
}

/* Makes v a unit vector orthogonal to the unit vector u (NULL: any); false if v was inside. */
static bool orthonormalise(int64_t d, const double *u, double *v) {
  double before = sqrt(dot(d, v, v));
  double inside = u ? dot(d, u, v) : 0.0;
  for (int64_t k = 0; u && k < d; k++) v[k] -= inside * u[k];
  double length = sqrt(dot(d, v, v));
  if (!(length > 1e-12 * before)) return false;
  for (int64_t k = 0; k < d; k++) v[k] /= length;
  return true;
}

/* v <- moment v / scale, kept when the moment kills v. */
static void apply_moment(int64_t d, const double *moment, double scale, const double *v,
                         double *image) {
  for (int64_t i = 0; i < d; i++) {
    image[i] = 0.0;
    for (int64_t j = 0; j < d; j++) image[i] += moment[i * d + j] / scale * v[j];
  }
}

/* The coordinate axis with the largest diagonal entry apart from `taken`. */
static int64_t largest_axis(int64_t d, const double *moment, int64_t taken) {
  int64_t best = taken == 0 ? 1 : 0;
  for (int64_t k = 0; k < d; k++)
    if (k != taken && moment[k * d + k] > moment[best * d + best]) best = k;
  return best;
}

/* axes: 2 x d orthonormal rows spanning about the two leading eigenvectors; room: d. */
static void leading_axes(int64_t d, const double *moment, double *axes, double *room) {
  const int rounds = 200;
  double *first = axes, *second = axes + d;
  int64_t leader = largest_axis(d, moment, -1);
  first[leader] = 1.0;
  second[largest_axis(d, moment, leader)] = 1.0;
  double scale = largest_entry(moment, d * d);
  if (!(scale > 0.0) || !isfinite(scale)) return;
  for (int round = 0; round < rounds; round++) {
    apply_moment(d, moment, scale, first, room);
    if (orthonormalise(d, NULL, room)) memcpy(first, room, (size_t)d * sizeof(double));
    apply_moment(d, moment, scale, second, room);
    if (orthonormalise(d, first, room)) memcpy(second, room, (size_t)d * sizeof(double));
  }
}

/* Points in units on the axes (NULL: on their own coordinates); a line puts them on `row`. */
static void project(int64_t count, int64_t d, const double *points, double unit, const double *axes,
                    double row, double *plane) {
  for (int64_t i = 0; i < count; i++) {
    const double *point = points + i * d;
    double u = axes ? 0.0 : point[0] / unit;
    double v = d == 1 ? row : axes ? 0.0 : point[1] / unit;
    for (int64_t k = 0; axes && k < d; k++) {
      u += axes[k] * (point[k] / unit);
      v += axes[d + k] * (point[k] / unit);
    }
    plane[2 * i] = u;
    plane[2 * i + 1] = v;
  }
}

static int make_scene(wg_mem *mem, const wg_plot_solution *solution, double unit, wg_scene *scene) {
  int64_t d = solution->d;
  double *axes = d > 2 ? WG_NEW(mem, double, 3 * d) : NULL;
  *scene = (wg_scene){.solution = solution,
                      .x = WG_NEW(mem, double, 2 * solution->n),
                      .y = WG_NEW(mem, double, 2 * solution->m)};
  if (!scene->x || !scene->y || (d > 2 && !axes)) return wg_no_memory();
  if (axes) leading_axes(d, solution->moment, axes, axes + 2 * d);
  project(solution->n, d, solution->x, unit, axes, 1.0, scene->x);
  project(solution->m, d, solution->y, unit, axes, 0.0, scene->y);
  return WG_OK;
}

/* ---- the frame ---- */

static void widen(const double *plane, int64_t count, double *low, double *high) {
  for (int64_t i = 0; i < 2 * count; i++) {
    low[i % 2] = WG_MIN(low[i % 2], plane[i]);
    high[i % 2] = WG_MAX(high[i % 2], plane[i]);
  }
}

static void frame(wg_stage *stage) {
  const double rounding = 1e-13, flattest = 1e-3;
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (int s = 0; s < stage->count; s++) {
    const wg_scene *scene = &stage->scenes[s];
    widen(scene->x, scene->solution->n, low, high);
    widen(scene->y, scene->solution->m, low, high);
  }
  for (int k = 0; k < 2; k++) {
    stage->centre[k] = 0.5 * low[k] + 0.5 * high[k];
    stage->extent[k] = high[k] - low[k];
  }
  /* A flat cloud gets some height, and a single place a frame of one unit. */
  double largest = stage->line ? stage->extent[0] : WG_MAX(stage->extent[0], stage->extent[1]);
  double least = largest > rounding ? flattest * largest : 1.0;
  for (int k = 0; k < 2; k++) stage->extent[k] = WG_MAX(stage->extent[k], least);
}

int wg_stage_make(wg_mem *mem, int count, const wg_plot_solution *solutions, wg_stage *stage) {
  *stage = (wg_stage){
      .count = count, .scenes = WG_NEW(mem, wg_scene, count), .line = solutions[0].d == 1};
  if (!stage->scenes) return wg_no_memory();
  for (int s = 0; s < count; s++) {
    const wg_plot_solution *solution = &solutions[s];
    if (solution->d != solutions[0].d)
      return wg_fail(WG_ERR_ARGUMENT,
                     "a figure shows clouds of one dimension, not of %lld and %lld",
                     (long long)solutions[0].d, (long long)solution->d);
    double x = largest_entry(solution->x, solution->n * solution->d);
    double y = largest_entry(solution->y, solution->m * solution->d);
    stage->unit = WG_MAX(stage->unit, WG_MAX(x, y));
  }
  if (!(stage->unit > 0.0)) stage->unit = 1.0;
  for (int s = 0; s < count; s++)
    WG_TRY(make_scene(mem, &solutions[s], stage->unit, &stage->scenes[s]));
  frame(stage);
  return WG_OK;
}

double wg_stage_shape(const wg_stage *stage, double low, double high) {
  double shape = stage->line ? 0.5 : stage->extent[1] / stage->extent[0];
  return WG_MIN(WG_MAX(shape, low), high);
}

wg_map wg_map_make(const wg_stage *stage, wg_rect rect, double room) {
  double horizontal = (rect.width - 2.0 * room) / stage->extent[0];
  double vertical = (rect.height - 2.0 * room) / stage->extent[1];
  double equal = WG_MIN(horizontal, vertical);
  return (wg_map){.rect = rect,
                  .centre = {stage->centre[0], stage->centre[1]},
                  .scale = {stage->line ? horizontal : equal, stage->line ? vertical : equal}};
}

void wg_map_point(const wg_map *map, const double *point, double *x, double *y) {
  const wg_rect *rect = &map->rect;
  *x = rect->x + 0.5 * rect->width + (point[0] - map->centre[0]) * map->scale[0];
  *y = rect->y + 0.5 * rect->height - (point[1] - map->centre[1]) * map->scale[1];
}

/* ---- axes ---- */

static double round_step(double raw) {
  double power = pow(10.0, floor(log10(raw)));
  double lead = raw / power;
  return power * (lead < 1.5 ? 1.0 : lead < 3.5 ? 2.0 : lead < 7.5 ? 5.0 : 10.0);
}

wg_ticks wg_choose_ticks(double low, double high, int about) {
  const int most_digits = 7;
  double step = round_step((high - low) / about);
  double first = step * ceil(low / step);
  double count = floor((high - first) / step) + 1.0;
  double digits = ceil(log10(WG_MAX(fabs(low), fabs(high)) / step)) + 1.0;
  if (!(step > 0.0) || !isfinite(first) || !(count >= 1.0) || !(digits <= most_digits))
    return (wg_ticks){0};
  return (wg_ticks){.first = first, .step = step, .count = (int)count, .digits = (int)digits};
}

static wg_ticks ticks_along(const wg_stage *stage, const wg_map *map, int axis) {
  double half = 0.5 * (axis == 0 ? map->rect.width : map->rect.height) / map->scale[axis];
  double length = axis == 0 ? map->rect.width : map->rect.height;
  int about = (int)WG_MIN(WG_MAX(length / 45.0, 3.0), 5.0);
  return wg_choose_ticks((map->centre[axis] - half) * stage->unit,
                         (map->centre[axis] + half) * stage->unit, about);
}

static void draw_ticks(cairo_t *cairo, const wg_stage *stage, const wg_map *map, int axis) {
  const double tick = 2.5, gap = 2.0;
  wg_ticks marks = ticks_along(stage, map, axis);
  double bottom = map->rect.y + map->rect.height, left = map->rect.x;
  for (int k = 0; k < marks.count; k++) {
    double value = marks.first + k * marks.step;
    if (fabs(value) < 1e-9 * marks.step) value = 0.0;
    double point[2] = {value / stage->unit, value / stage->unit}, x, y;
    char label[48];
    wg_map_point(map, point, &x, &y);
    wg_number_text(value, WG_MAX(marks.digits, 1), label, sizeof label);
    cairo_move_to(cairo, axis == 0 ? x : left, axis == 0 ? bottom : y);
    cairo_rel_line_to(cairo, axis == 0 ? 0.0 : -tick, axis == 0 ? tick : 0.0);
    cairo_stroke(cairo);
    if (axis == 0)
      wg_draw_text(cairo, x, bottom + tick + gap + 5.0, WG_SMALL_TEXT, 0.5, 60.0, label);
    else
      wg_draw_text(cairo, left - tick - gap, y + 2.3, WG_SMALL_TEXT, 1.0, 24.0, label);
  }
}

void wg_draw_axes(cairo_t *cairo, const wg_stage *stage, const wg_map *map) {
  const wg_rect *rect = &map->rect;
  wg_set_colour(cairo, wg_colour_ink, 1.0);
  cairo_set_line_width(cairo, 0.6);
  cairo_move_to(cairo, rect->x, rect->y);
  if (stage->line) cairo_move_to(cairo, rect->x, rect->y + rect->height);
  cairo_line_to(cairo, rect->x, rect->y + rect->height);
  cairo_line_to(cairo, rect->x + rect->width, rect->y + rect->height);
  cairo_stroke(cairo);
  draw_ticks(cairo, stage, map, 0);
  if (!stage->line) draw_ticks(cairo, stage, map, 1);
}
