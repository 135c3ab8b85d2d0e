/* Snapshots of the displacement geodesic (theory 3.5): the masses P_ij at (1-t) x_i + t y_j, as a
 * kernel density. Masses are shared out among the neighbouring cells of a grid, and the grid is
 * blurred by a truncated Gaussian, one axis after the other: the cost is that of the grid, however
 * many pairs there are. The bandwidth follows the number of points that carry the mass (1 / sum of
 * squared weights) and is the same in all snapshots of a figure, as is the scale of opacity, so
 * panels can be compared. Drawn as an image whose opacity is the density and whose colour is the
 * time; when d = 1, as a filled curve. Cost O(count + cells * kernel), memory 8 bytes a cell. */
#include "plot/panel.h"

enum { LONG_SIDE = 240 }; /* cells: finer than the kernel, about one a pixel at 216 dpi */

/* The number of equal points that would be as evenly spread as these. */
static double effective_count(int64_t count, const double *weights) {
  double sum = 0.0, squares = 0.0;
  for (int64_t k = 0; weights && k < count; k++) {
    sum += weights[k];
    squares += weights[k] * weights[k];
  }
  return squares > 0.0 ? sum * sum / squares : (double)count;
}

/* In cells: points a typical distance apart merge, but no shape wider than a few cells is lost. */
static double bandwidth(const wg_plot_solution *solution) {
  double x = effective_count(solution->n, solution->a);
  double y = effective_count(solution->m, solution->b);
  double share = WG_MIN(WG_MAX(0.55 / sqrt(WG_MIN(x, y)), 0.01), 0.05);
  return share * LONG_SIDE;
}

static void deposit(wg_field *field, double x, double y, double mass) {
  double column = floor(x - 0.5), row = field->rows > 1 ? floor(y - 0.5) : 0.0;
  double right = x - 0.5 - column, down = field->rows > 1 ? y - 0.5 - row : 0.0;
  for (int k = 0; k < 4; k++) {
    int i = (int)row + k / 2, j = (int)column + k % 2;
    double share = (k / 2 ? down : 1.0 - down) * (k % 2 ? right : 1.0 - right);
    if (i >= 0 && i < field->rows && j >= 0 && j < field->columns)
      field->value[i * field->columns + j] += share * mass;
  }
}

static void deposit_all(const wg_scene *scene, wg_field *field) {
  const wg_plot_solution *solution = scene->solution;
  double t = field->t;
  for (int64_t k = 0; k < solution->count; k++) {
    const double *from = scene->x + 2 * solution->row[k], *to = scene->y + 2 * solution->col[k];
    double point[2] = {(1.0 - t) * from[0] + t * to[0], (1.0 - t) * from[1] + t * to[1]}, x, y;
    wg_map_point(&field->map, point, &x, &y);
    deposit(field, x, y, solution->mass[k]);
  }
}

/* Convolves `lines` lines of `length` entries `step` apart with kernel[-reach..reach]. */
static void blur(double *values, int lines, int line_step, int length, int step,
                 const double *kernel, int reach, double *room) {
  for (int line = 0; line < lines; line++) {
    double *start = values + line * line_step;
    for (int k = 0; k < length; k++) room[k] = start[k * step];
    for (int k = 0; k < length; k++) {
      int low = WG_MAX(0, k - reach), high = WG_MIN(length - 1, k + reach);
      double sum = 0.0;
      for (int j = low; j <= high; j++) sum += kernel[j - k + reach] * room[j];
      start[k * step] = sum;
    }
  }
}

static int smooth(wg_mem *mem, wg_field *field, double width) {
  int reach = (int)ceil(3.0 * width);
  double *kernel = WG_NEW(mem, double, 2 * reach + 1 + LONG_SIDE);
  if (!kernel) return wg_no_memory();
  double sum = 0.0;
  for (int k = -reach; k <= reach; k++)
    sum += kernel[k + reach] = exp(-0.5 * k * k / width / width);
  for (int k = 0; k <= 2 * reach; k++) kernel[k] /= sum;
  double *room = kernel + 2 * reach + 1;
  blur(field->value, field->rows, field->columns, field->columns, 1, kernel, reach, room);
  if (field->rows > 1)
    blur(field->value, field->columns, 1, field->rows, field->columns, kernel, reach, room);
  wg_drop(mem, kernel);
  return WG_OK;
}

int wg_field_make(wg_mem *mem, const wg_stage *stage, const wg_scene *scene, wg_rect rect, double t,
                  wg_field *field) {
  double cell = WG_MAX(rect.width, rect.height) / LONG_SIDE;
  field->columns = (int)WG_MAX(rint(rect.width / cell), 1.0);
  double width = bandwidth(scene->solution), room = WG_MAX(8.0, 2.0 * width);
  field->rows = stage->line ? 1 : (int)WG_MAX(rint(rect.height / cell), 1.0);
  /* A field of one row has no use for the second coordinate. */
  wg_rect cells = {0.0, 0.0, field->columns, stage->line ? field->columns : field->rows};
  field->map = wg_map_make(stage, cells, room);
  field->t = t;
  field->value = WG_NEW(mem, double, field->columns * field->rows);
  if (!field->value) return wg_no_memory();
  deposit_all(scene, field);
  return smooth(mem, field, width);
}

double wg_field_peak(int count, const wg_field *fields) {
  double peak = 0.0;
  for (int f = 0; f < count; f++)
    for (int k = 0; k < fields[f].columns * fields[f].rows; k++)
      peak = WG_MAX(peak, fields[f].value[k]);
  return peak;
}

static double height_of(double value, double peak) {
  return peak > 0.0 ? WG_MIN(value / peak, 1.0) : 0.0;
}

/* Cairo's pixels hold colours already multiplied by their opacity. */
static uint32_t pixel(wg_colour colour, double height) {
  double opacity = pow(height, 0.65); /* lifts faint parts above what an eye misses */
  uint32_t alpha = (uint32_t)lrint(255.0 * opacity);
  uint32_t red = (uint32_t)lrint(255.0 * opacity * colour.red);
  uint32_t green = (uint32_t)lrint(255.0 * opacity * colour.green);
  uint32_t blue = (uint32_t)lrint(255.0 * opacity * colour.blue);
  return alpha << 24 | WG_MIN(red, alpha) << 16 | WG_MIN(green, alpha) << 8 | WG_MIN(blue, alpha);
}

static void draw_image(cairo_t *cairo, const wg_field *field, wg_rect rect, double peak) {
  cairo_surface_t *image =
      cairo_image_surface_create(CAIRO_FORMAT_ARGB32, field->columns, field->rows);
  unsigned char *bytes = cairo_image_surface_get_data(image);
  int stride = cairo_image_surface_get_stride(image);
  wg_colour colour = wg_colour_at(field->t);
  for (int i = 0; bytes && i < field->rows; i++) {
    uint32_t *row = (uint32_t *)(void *)(bytes + (size_t)i * (size_t)stride);
    for (int j = 0; j < field->columns; j++)
      row[j] = pixel(colour, height_of(field->value[i * field->columns + j], peak));
  }
  cairo_surface_mark_dirty(image);
  cairo_save(cairo);
  cairo_translate(cairo, rect.x, rect.y);
  cairo_scale(cairo, rect.width / field->columns, rect.height / field->rows);
  cairo_set_source_surface(cairo, image, 0.0, 0.0);
  if (WG_MAX(field->columns, field->rows) < LONG_SIDE / 2) /* cells that one sees stay cells */
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_NEAREST);
  cairo_rectangle(cairo, 0.0, 0.0, field->columns, field->rows);
  cairo_fill(cairo);
  cairo_restore(cairo);
  cairo_surface_destroy(image);
}

static void draw_curve(cairo_t *cairo, const wg_field *field, wg_rect rect, double peak) {
  double base = rect.y + rect.height, step = rect.width / field->columns;
  cairo_move_to(cairo, rect.x, base);
  for (int j = 0; j < field->columns; j++)
    cairo_line_to(cairo, rect.x + (j + 0.5) * step,
                  base - 0.92 * rect.height * height_of(field->value[j], peak));
  cairo_line_to(cairo, rect.x + rect.width, base);
  cairo_close_path(cairo);
  wg_set_colour(cairo, wg_colour_at(field->t), 0.35);
  cairo_fill_preserve(cairo);
  wg_set_colour(cairo, wg_colour_at(field->t), 1.0);
  cairo_set_line_width(cairo, 0.8);
  cairo_stroke(cairo);
}

void wg_draw_field(cairo_t *cairo, const wg_field *field, wg_rect rect, double peak) {
  if (field->rows > 1)
    draw_image(cairo, field, rect, peak);
  else
    draw_curve(cairo, field, rect, peak);
  wg_set_colour(cairo, wg_colour_ink, 0.25);
  cairo_set_line_width(cairo, 0.5);
  cairo_rectangle(cairo, rect.x, rect.y, rect.width, rect.height);
  cairo_stroke(cairo);
}
