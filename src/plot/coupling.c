/* The coupling panel: a segment from x_i to y_j for each pair that exchanges mass, its opacity and
 * width following the mass, under the points, whose area follows their weight.
 *
 * A plan may hold 1e5 pairs or more, of which neither eye nor file would gain: at most 4000
 * segments and as many points a cloud are drawn, the heaviest first, equal masses in a scrambled
 * order (so that a uniform cloud is thinned evenly, not cut after its first rows); the caption says
 * so. Opacity falls with the load of segments and takes 16 levels, which keeps PDFs small.
 * Cost O(k log k) for k pairs, memory 24 bytes a pair. */
#include <stdlib.h>

#include "plot/panel.h"

enum { MOST_DRAWN = 4000, OPACITY_LEVELS = 16 };

/* An index to draw, its mass over the largest, and a scrambled tie-break. */
typedef struct item {
  double mass;
  uint64_t tie;
  int64_t index;
} item;

static int heavier_first(const void *left, const void *right) {
  const item *a = left, *b = right;
  if (a->mass != b->mass) return a->mass < b->mass ? 1 : -1;
  return (a->tie > b->tie) - (a->tie < b->tie);
}

/* The heaviest indices, heaviest first; masses NULL: all equal. *drawn receives how many. */
static item *heaviest(wg_mem *mem, int64_t count, const double *masses, int64_t *drawn) {
  item *items = WG_NEW(mem, item, count);
  if (!items) return NULL;
  double largest = 0.0;
  for (int64_t k = 0; masses && k < count; k++) largest = WG_MAX(largest, masses[k]);
  for (int64_t k = 0; k < count; k++) {
    wg_rng rng = {(uint64_t)k};
    double mass = masses && largest > 0.0 ? masses[k] / largest : 1.0;
    items[k] = (item){.mass = mass, .tie = wg_rng_bits(&rng), .index = k};
  }
  qsort(items, (size_t)count, sizeof *items, heavier_first);
  *drawn = WG_MIN(count, MOST_DRAWN);
  while (*drawn > 0 && !(items[*drawn - 1].mass > 0.0)) --*drawn;
  return items;
}

static int draw_segments(wg_mem *mem, cairo_t *cairo, const wg_map *map, const wg_scene *scene,
                         int64_t *drawn) {
  const wg_plot_solution *solution = scene->solution;
  item *items = heaviest(mem, solution->count, solution->mass, drawn);
  if (!items) return wg_no_memory();
  double load = 0.0; /* in heaviest segments: how crowded the panel is */
  for (int64_t k = 0; k < *drawn; k++) load += items[k].mass;
  double strongest = WG_MIN(WG_MAX(7.0 / sqrt(WG_MAX(load, 1.0)), 0.1), 0.7);
  for (int64_t k = *drawn - 1; k >= 0; k--) { /* the heaviest on top */
    double level = ceil(OPACITY_LEVELS * items[k].mass) / OPACITY_LEVELS, x, y;
    wg_set_colour(cairo, wg_colour_ink, strongest * (0.2 + 0.8 * level));
    cairo_set_line_width(cairo, 0.25 + 0.35 * level);
    wg_map_point(map, scene->x + 2 * solution->row[items[k].index], &x, &y);
    cairo_move_to(cairo, x, y);
    wg_map_point(map, scene->y + 2 * solution->col[items[k].index], &x, &y);
    cairo_line_to(cairo, x, y);
    cairo_stroke(cairo);
  }
  wg_drop(mem, items);
  return WG_OK;
}

static int draw_points(wg_mem *mem, cairo_t *cairo, const wg_map *map, int64_t count,
                       const double *plane, const double *weights, wg_colour colour) {
  int64_t drawn;
  item *items = heaviest(mem, count, weights, &drawn);
  if (!items) return wg_no_memory();
  double side = WG_MIN(map->rect.width, map->rect.height);
  double radius = WG_MIN(WG_MAX(0.14 * side / sqrt((double)WG_MAX(drawn, 1)), 0.7), 2.6);
  wg_set_colour(cairo, colour, 0.9);
  for (int64_t k = drawn - 1; k >= 0; k--) {
    double x, y;
    wg_map_point(map, plane + 2 * items[k].index, &x, &y);
    wg_draw_dot(cairo, x, y, radius * sqrt(WG_MAX(items[k].mass, 0.06)));
  }
  wg_drop(mem, items);
  return WG_OK;
}

static void describe(const wg_scene *scene, int64_t drawn, char *caption, size_t size) {
  const wg_plot_solution *solution = scene->solution;
  const char *plane =
      solution->d > 2 ? "; plane of the two leading eigenvectors of \u03a3\u209a" : "";
  bool thinned = solution->n > MOST_DRAWN || solution->m > MOST_DRAWN;
  const char *points = thinned ? "; at most 4000 points a cloud" : "";
  if (drawn < solution->count)
    snprintf(caption, size, "the %lld heaviest of %lld pairs%s%s", (long long)drawn,
             (long long)solution->count, points, plane);
  else
    snprintf(caption, size, "%lld pairs%s%s", (long long)drawn, points, plane);
}

int wg_draw_coupling(wg_mem *mem, cairo_t *cairo, const wg_stage *stage, const wg_scene *scene,
                     wg_rect rect, char *caption, size_t size) {
  const wg_plot_solution *solution = scene->solution;
  const double room = 10.0;
  wg_map map = wg_map_make(stage, rect, room);
  int64_t drawn;
  WG_TRY(draw_segments(mem, cairo, &map, scene, &drawn));
  WG_TRY(draw_points(mem, cairo, &map, solution->n, scene->x, solution->a, wg_colour_x));
  WG_TRY(draw_points(mem, cairo, &map, solution->m, scene->y, solution->b, wg_colour_y));
  wg_draw_axes(cairo, stage, &map);
  describe(scene, drawn, caption, size);
  return WG_OK;
}
