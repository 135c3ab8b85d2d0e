/* plot: every figure in every format is a real file with a real picture in it; bad paths, full
 * disks, failing allocations and degenerate clouds leave neither crashes nor half-written files. */
/* clang-format off: cmocka wants its headers first */
/* cmocka.h needs the others before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plot/panel.h"

/* Fontconfig loses a few hundred bytes a process; leak checkers shall look at the rest. */
WG_API const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig"; }

/* cmocka's own compares in single precision. */
static void assert_near(double value, double expected, double tolerance) {
  assert_true(fabs(value - expected) <= tolerance);
}

static char directory[64];

static const char *file_in(const char *name) {
  static char path[400];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static int directory_entries(void) {
  DIR *listing = opendir(directory);
  assert_non_null(listing);
  int entries = 0;
  while (readdir(listing)) entries++;
  closedir(listing);
  return entries - 2;
}

static void empty_directory(void) {
  DIR *listing = opendir(directory);
  assert_non_null(listing);
  for (struct dirent *entry; (entry = readdir(listing));)
    if (entry->d_name[0] != '.') remove(file_in(entry->d_name));
  closedir(listing);
}

static int make_directory(void **state) {
  (void)state;
  snprintf(directory, sizeof directory, "/tmp/wgamma-test-plot-XXXXXX");
  return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state) {
  (void)state;
  empty_directory();
  cairo_debug_reset_static_data(); /* fonts, so that a leak checker sees an empty house */
  return rmdir(directory);
}

/* ---- clouds: point k of x goes to point k of y ---- */

enum { MOST_POINTS = 60, MOST_DIMENSIONS = 4 };
typedef struct clouds {
  double x[MOST_POINTS * MOST_DIMENSIONS], y[MOST_POINTS * MOST_DIMENSIONS];
  double mass[MOST_POINTS], moment[MOST_DIMENSIONS * MOST_DIMENSIONS], values[MOST_DIMENSIONS];
  int64_t index[MOST_POINTS];
  wg_plot_solution solution;
} clouds;

static void finish_clouds(clouds *c, int64_t n, int64_t d) {
  for (int64_t k = 0; k < n; k++) {
    c->mass[k] = 1.0 / (double)n;
    c->index[k] = k;
  }
  c->solution = (wg_plot_solution){.title = "operator: W = 1 (gap 3e-7)",
                                   .n = n,
                                   .m = n,
                                   .d = d,
                                   .count = n,
                                   .x = c->x,
                                   .a = c->mass,
                                   .y = c->y,
                                   .row = c->index,
                                   .col = c->index,
                                   .mass = c->mass,
                                   .moment = c->moment,
                                   .moment_values = c->values,
                                   .q_values = c->values};
}

/* Random clouds of size one, y moved by 3 along the first axis. */
static void random_clouds(clouds *c, int64_t n, int64_t d) {
  wg_rng rng = {7};
  *c = (clouds){0};
  for (int64_t k = 0; k < n * d; k++) {
    c->x[k] = wg_rng_normal(&rng);
    c->y[k] = wg_rng_normal(&rng) + (k % d == 0 ? 3.0 : 0.0);
  }
  for (int64_t k = 0; k < d; k++) c->moment[k * d + k] = c->values[k] = 1.0 / (1.0 + (double)k);
  finish_clouds(c, n, d);
}

static void scale_clouds(clouds *c, double factor, double offset) {
  for (int64_t k = 0; k < c->solution.n * c->solution.d; k++) {
    c->x[k] = offset + factor * c->x[k];
    c->y[k] = offset + factor * c->y[k];
  }
}

/* ---- the figures, as one kind of function ---- */

static int distance_figure(const char *path, const wg_plot_solution *solution) {
  return wg_plot_distance(path, solution);
}
static int couplings_figure(const char *path, const wg_plot_solution *solution) {
  const wg_plot_solution five[] = {*solution, *solution, *solution, *solution, *solution};
  return wg_plot_couplings(path, 5, five);
}
static int geodesics_figure(const char *path, const wg_plot_solution *solution) {
  const wg_plot_solution two[] = {*solution, *solution};
  const double times[] = {0.0, 1.0 / 3.0, 1.0};
  return wg_plot_geodesics(path, 2, two, 3, times);
}
typedef int (*figure_function)(const char *path, const wg_plot_solution *solution);
static const figure_function figures[] = {distance_figure, couplings_figure, geodesics_figure};
enum { FIGURES = 3 };

/* ---- looking at files ---- */

static char *read_whole(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  bytes[*size] = '\0';
  fclose(file);
  return bytes;
}

typedef struct picture {
  int64_t pixels, inked, bluish, orange;
} picture;

/* Counts pixels that are not white, and those near the colours of x and of y. */
static picture look_at(const char *path) {
  cairo_surface_t *image = cairo_image_surface_create_from_png(path);
  assert_int_equal(cairo_surface_status(image), CAIRO_STATUS_SUCCESS);
  int width = cairo_image_surface_get_width(image), height = cairo_image_surface_get_height(image);
  int stride = cairo_image_surface_get_stride(image);
  const unsigned char *bytes = cairo_image_surface_get_data(image);
  picture seen = {.pixels = (int64_t)width * height};
  for (int i = 0; i < height; i++)
    for (int j = 0; j < width; j++) {
      uint32_t pixel;
      memcpy(&pixel, bytes + (size_t)i * (size_t)stride + 4 * (size_t)j, sizeof pixel);
      int red = pixel >> 16 & 255, green = pixel >> 8 & 255, blue = pixel & 255;
      seen.inked += red != 255 || green != 255 || blue != 255;
      seen.bluish += blue > red + 90 && blue > green;
      seen.orange += red > blue + 120 && red > green + 40;
    }
  cairo_surface_destroy(image);
  return seen;
}

static void check_png(const char *path) {
  picture seen = look_at(path);
  assert_true(seen.inked > 500);
  assert_true(seen.inked < seen.pixels);
  assert_true(seen.bluish > 20);
  assert_true(seen.orange > 20);
}

/* Blanks the images inside an SVG, whose letters mean nothing. */
static void blank_images(char *text) {
  for (char *image = text; (image = strstr(image, "base64,"));)
    while (*image && *image != '"') *image++ = ' ';
}

/* No coordinate of a vector file may be NaN or infinite. */
static void check_svg(const char *path) {
  size_t size;
  char *text = read_whole(path, &size);
  assert_memory_equal(text, "<?xml", 5);
  assert_non_null(strstr(text, "</svg>"));
  blank_images(text);
  assert_null(strstr(text, "nan"));
  assert_null(strstr(text, "inf"));
  free(text);
}

static void check_pdf(const char *path) {
  size_t size;
  char *bytes = read_whole(path, &size);
  assert_true(size > 2000);
  assert_memory_equal(bytes, "%PDF-", 5);
  assert_memory_equal(bytes + size - 6, "%%EOF\n", 6);
  free(bytes);
}

static void check_all_figures(const clouds *c) {
  for (int f = 0; f < FIGURES; f++) {
    assert_int_equal(figures[f](file_in("figure.png"), &c->solution), WG_OK);
    check_png(file_in("figure.png"));
    assert_int_equal(figures[f](file_in("figure.svg"), &c->solution), WG_OK);
    check_svg(file_in("figure.svg"));
    assert_int_equal(figures[f](file_in("figure.pdf"), &c->solution), WG_OK);
    check_pdf(file_in("figure.pdf"));
  }
  assert_int_equal(directory_entries(), 3); /* no temporary is left */
  empty_directory();
}

/* The same at a fraction of the cost: all figures as SVG, one as PNG. */
static void check_figures_briefly(const clouds *c) {
  for (int f = 0; f < FIGURES; f++) {
    assert_int_equal(figures[f](file_in("figure.svg"), &c->solution), WG_OK);
    check_svg(file_in("figure.svg"));
  }
  assert_int_equal(wg_plot_couplings(file_in("figure.png"), 1, &c->solution), WG_OK);
  check_png(file_in("figure.png"));
  empty_directory();
}

/* ---- tests ---- */

static void figures_of_every_dimension(void **state) {
  (void)state;
  for (int64_t d = 1; d <= MOST_DIMENSIONS; d++) {
    clouds c;
    random_clouds(&c, 40, d);
    check_all_figures(&c);
  }
}

static void degenerate_clouds(void **state) {
  (void)state;
  const struct {
    double factor, offset;
  } changes[] = {{0, 0},      {0, 5},       {0, 1e150},   {1e150, 0},    {1e-150, 0},
                 {1e-312, 0}, {2.5e307, 0}, {1e-3, 1e15}, {1e-9, 1.0},   {1e-14, 1},
                 {1e5, -3e6}, {0, -1e308},  {0, 5e-324},  {1e-150, 1.0}, {1e100, 1e10}};
  for (size_t k = 0; k < sizeof changes / sizeof *changes; k++)
    for (int64_t d = 1; d <= 3; d++) {
      clouds c;
      random_clouds(&c, k % 2 ? 1 : 12, d);
      scale_clouds(&c, changes[k].factor, changes[k].offset);
      check_figures_briefly(&c);
    }
}

/* Clouds on a horizontal, a vertical and a slanted line. */
static void flat_clouds(void **state) {
  (void)state;
  for (int way = 0; way < 3; way++) {
    clouds c;
    random_clouds(&c, 20, 2);
    for (int64_t k = 0; k < 20; k++) {
      c.x[2 * k + (way != 0)] = way == 2 ? c.x[2 * k] : 2.0;
      c.y[2 * k + (way != 0)] = way == 2 ? c.y[2 * k] : 2.0;
    }
    check_figures_briefly(&c);
  }
}

static void odd_solutions(void **state) {
  (void)state;
  clouds c;
  random_clouds(&c, 20, 3);
  c.solution.title = NULL;
  c.solution.a = NULL;
  memset(c.moment, 0, sizeof c.moment);
  memset(c.values, 0, sizeof c.values);
  check_all_figures(&c);
  c.moment[0] = INFINITY;
  c.values[0] = INFINITY;
  c.values[1] = c.values[2] = -1e-18;
  check_all_figures(&c);
  c.solution.title =
      "a title that is much longer than any page is wide: "
      "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789";
  c.mass[0] = 1e-300; /* an extreme contrast of masses */
  c.mass[1] = 1e300;
  check_all_figures(&c);
}

static void an_empty_plan_is_drawn_without_segments(void **state) {
  (void)state;
  clouds c;
  random_clouds(&c, 10, 2);
  c.solution.count = 0;
  assert_int_equal(wg_plot_couplings(file_in("empty.png"), 1, &c.solution), WG_OK);
  check_png(file_in("empty.png"));
  assert_int_equal(distance_figure(file_in("empty.svg"), &c.solution), WG_OK);
  check_svg(file_in("empty.svg"));
  empty_directory();
}

/* ---- many distances ---- */

enum { MANY = 7 };

static int matrix_figure(const char *path) {
  double values[MANY * MANY];
  for (int k = 0; k < MANY * MANY; k++) values[k] = abs(k / MANY - k % MANY);
  values[1] = values[MANY] = NAN;
  return wg_plot_matrix(path, "operator: W of 7 clouds", MANY, values);
}

static int family_figure(const char *path) {
  static const char *const labels[MANY] = {"1", "8/7", "4/3", "2", "4", "8", "inf"};
  const double high[MANY] = {5, 4, 3.5, NAN, 3, 2.5, 2}, low[MANY] = {5, 3.5, 3, NAN, 3, 2.5, 1};
  const wg_plot_family family = {"W", "p", MANY, labels, low, high};
  return wg_plot_along(path, &family);
}

static int lines_figure(const char *path) {
  static const char *const labels[] = {"up", "down"};
  static const double table[] = {0, 1, 9, 1, 3, NAN, 2, 10, 4, NAN, 1, 1, 3, 30, -1, 4, 90, 1e-2};
  const wg_plot_lines lines = {"two", "x", true, 6, 2, labels, table};
  return wg_plot_table(path, &lines);
}

/* Three particles on their way in d columns; `places` of four, `records` of five. */
static int draw_run(const char *path, int64_t d, int64_t places, int64_t records,
                    const double *energy) {
  static const double times[] = {0, 1, 4, 9}, clock[] = {0, 1, 2, 5, 9};
  static const double identity[] = {0, -1e-7, 2e-7, NAN, 1e-6};
  static const double spectra[] = {4, 1, 3, 1e-2, 2, 1e-9, 1, 0, 1e-1, 0};
  double points[4 * 3 * 3];
  for (int i = 0; i < 36; i++) points[i] = sin(i) + i / 12;
  const wg_plot_run run = {"a run", 3,     d,      places,   times,   points, records,
                           2,       clock, energy, identity, spectra, NULL,   0};
  return wg_plot_flow(path, &run);
}

static const double falling[] = {5, 1, 0.5, 0.2, 1e-3};

static int flow_figure(const char *path) { return draw_run(path, 2, 4, 5, falling); }

/* Mass in the cell of the largest coordinates, of a grid of d axes and two cells each. */
static int draw_corner(const char *path, int64_t d) {
  static const int64_t shape[] = {2, 2, 2};
  static const double spacing[] = {1, 1, 1}, times[] = {0, 1};
  double density[8] = {0};
  density[(1 << d) - 1] = 1.0;
  const double *const both[] = {density, density};
  const wg_plot_grid grid = {"corner", d, shape, spacing, 2, times, both};
  return wg_plot_densities(path, &grid);
}

static int density_figure(const char *path) { return draw_corner(path, 2); }

/* ---- places and pictures of a flow ---- */

enum { NEURONS = 4, NEURON = 3 };
static const double neurons[2 * NEURONS * NEURON] = {2, 1, 0, 1, 0, 3,  -1, 0, 2, 1, -1, -1,
                                                     2, 1, 0, 1, 0, -3, -1, 0, 2, 1, -1, -1};

static wg_plot_run neurons_run(int64_t outputs) {
  static const double times[] = {0, 2}, clock[] = {0, 1, 2}, energy[] = {3, 2, 1};
  static const double identity[] = {0, 1e-8, 1e-7}, spectra[] = {1, 0.5, 0.1};
  return (wg_plot_run){.title = "neurons",
                       .n = NEURONS,
                       .d = NEURON,
                       .places = 2,
                       .times = times,
                       .points = neurons,
                       .records = 3,
                       .kept = 1,
                       .clock = clock,
                       .energy = energy,
                       .identity = identity,
                       .spectra = spectra,
                       .outputs = outputs};
}

static int places_figure(const char *path) {
  const int64_t places[2] = {0, 1};
  const wg_plot_run run = neurons_run(1);
  return wg_plot_snapshots(path, &run, 2, places);
}

/* Mass times |u| |v| where v points, by the sign of u. */
static void neurons_by_their_direction(void **state) {
  (void)state;
  const double masses[NEURONS] = {0.1, 0.2, 0.3, 0.4};
  wg_plot_run run = neurons_run(1);
  wg_rose rose;
  run.masses = masses;
  assert_true(wg_has_directions(&run));
  wg_rose_make(&run, neurons, &rose);
  double total = 0.0;
  for (int k = 0; k < WG_ROSE_BINS; k++) total += rose.positive[k] + rose.negative[k];
  assert_near(rose.positive[0], 0.1 * 2.0, 1e-15);
  assert_near(rose.positive[WG_ROSE_BINS / 4], 0.2 * 3.0, 1e-15);
  assert_near(rose.negative[WG_ROSE_BINS / 4], 0.3 * 2.0, 1e-15);
  assert_near(rose.positive[5 * WG_ROSE_BINS / 8], 0.4 * sqrt(2.0), 1e-15);
  assert_near(total, 0.2 + 0.6 + 0.6 + 0.4 * sqrt(2.0), 1e-14);
  assert_near(wg_rose_peak(&rose), 0.6, 1e-15);
  run.outputs = 0;
  assert_false(wg_has_directions(&run));
  run.outputs = 2;
  assert_false(wg_has_directions(&run));
}

static void places_that_are_shown(void **state) {
  (void)state;
  double times[101];
  int64_t places[WG_PLOT_PLACES];
  wg_plot_run run = {.places = 101, .times = times};
  for (int k = 0; k < 101; k++) times[k] = k;
  const int64_t roots[] = {0, 4, 16, 36, 64, 100};
  assert_int_equal(wg_plot_choose_places(&run, 6, places), 6);
  assert_memory_equal(places, roots, sizeof roots);
  assert_int_equal(wg_plot_choose_places(&run, 100, places), WG_PLOT_PLACES);
  assert_int_equal(places[WG_PLOT_PLACES - 1], 100);
  run.places = 5;
  assert_int_equal(wg_plot_choose_places(&run, 6, places), 5);
  for (int k = 0; k < 5; k++) assert_int_equal(places[k], k);
  run.places = 1;
  assert_int_equal(wg_plot_choose_places(&run, 6, places), 1);
}

static cairo_status_t take_bytes(void *closure, unsigned char *bytes, unsigned int length) {
  return fread(bytes, 1, length, closure) == length ? CAIRO_STATUS_SUCCESS
                                                    : CAIRO_STATUS_READ_ERROR;
}

/* Where the purple dots of a picture are from left to right, on the mean; NAN at the stream's end.
 * Axes, text and lines of the panels are grey or at the right. */
static double dots_in_next(FILE *film) {
  cairo_surface_t *image = cairo_image_surface_create_from_png_stream(take_bytes, film);
  double sum = 0.0, count = 0.0;
  if (cairo_surface_status(image) == CAIRO_STATUS_SUCCESS) {
    const int width = cairo_image_surface_get_width(image);
    const int height = cairo_image_surface_get_height(image);
    assert_true(width % 2 == 0 && height % 2 == 0);
    for (int row = 0; row < height; row++) {
      const uint32_t *line =
          (const uint32_t *)(const void *)(cairo_image_surface_get_data(image) +
                                           (ptrdiff_t)row * cairo_image_surface_get_stride(image));
      for (int column = 0; column < 580; column++) {
        const int red = line[column] >> 16 & 255, green = line[column] >> 8 & 255;
        const int blue = line[column] & 255;
        if (abs(red - green) + abs(green - blue) < 60) continue;
        sum += column;
        count += 1.0;
      }
    }
  }
  cairo_surface_destroy(image);
  return sum / count;
}

/* One particle goes from left to right by 4 in the first half of the time and back by 2: pictures
 * at 0, 1/4 and all of the time show it at 0, 2 and 2; those of the places at 0, 4 and 2. */
static void pictures_follow_the_particles(void **state) {
  (void)state;
  const double times[] = {0, 5, 10}, points[] = {0, 1, 4, 1, 2, 1}, numbers[] = {1, 1, 1};
  const wg_plot_run run = {"one", 1,     2,       3,       times,   points, 3,
                           1,     times, numbers, numbers, numbers, NULL,   0};
  double at[2][3];
  for (int exact = 0; exact < 2; exact++) {
    FILE *film = tmpfile();
    assert_int_equal(wg_plot_frames(film, &run, exact, 3), WG_OK);
    rewind(film);
    for (int k = 0; k < 3; k++) {
      at[exact][k] = dots_in_next(film);
      assert_true(isfinite(at[exact][k]));
    }
    assert_true(isnan(dots_in_next(film)));
    fclose(film);
  }
  const double unit = 0.25 * (at[1][1] - at[1][0]);
  assert_true(unit > 50.0);
  assert_near(at[1][2], at[1][0] + 2.0 * unit, 1.5);
  assert_near(at[0][0], at[1][0], 1.5);
  assert_near(at[0][1], at[1][0] + 2.0 * unit, 1.5);
  assert_near(at[0][2], at[1][0] + 2.0 * unit, 1.5);
}

static void pictures_that_cannot_be_kept(void **state) {
  (void)state;
  const wg_plot_run run = neurons_run(1), none = {.title = "none", .n = 1, .d = 1};
  FILE *full = fopen("/dev/full", "wb");
  assert_int_equal(wg_plot_frames(stderr, &none, false, 3), WG_ERR_ARGUMENT);
  if (full) {
    assert_int_equal(wg_plot_frames(full, &run, true, 1), WG_ERR_IO);
    fclose(full);
  }
  wg_fail_allocation(1);
  assert_int_equal(wg_plot_frames(stderr, &run, true, 1), WG_ERR_MEMORY);
  wg_fail_allocation(0);
  for (long k = 1; k < 12; k++) {
    wg_fail_allocation(k);
    assert_int_equal(places_figure(file_in("places.png")), WG_ERR_MEMORY);
    wg_fail_allocation(0);
  }
  assert_int_equal(directory_entries(), 0);
}

static void figures_of_many_distances(void **state) {
  (void)state;
  int (*const draw[])(const char *path) = {matrix_figure, family_figure,  lines_figure,
                                           flow_figure,   density_figure, places_figure};
  for (size_t k = 0; k < sizeof draw / sizeof *draw; k++) {
    assert_int_equal(draw[k](file_in("many.pdf")), WG_OK);
    check_pdf(file_in("many.pdf"));
    assert_int_equal(draw[k](file_in("many.svg")), WG_OK);
    assert_int_equal(draw[k](file_in("many.png")), WG_OK);
    assert_true(look_at(file_in("many.png")).bluish > 1000);
    assert_int_equal(draw[k](file_in("many.gif")), WG_ERR_ARGUMENT);
    assert_int_equal(draw[k](file_in("none/many.pdf")), WG_ERR_IO);
    wg_fail_allocation(1);
    assert_int_equal(draw[k](file_in("many.pdf")), WG_ERR_MEMORY);
    wg_fail_allocation(0);
  }
  assert_int_equal(matrix_figure(file_in("many.svg")), WG_OK);
  check_svg(file_in("many.svg"));
  empty_directory();
}

/* The colour of a cell is that of its number: the far corner is dark, the diagonal white. */
static void cells_are_where_they_belong(void **state) {
  (void)state;
  assert_int_equal(matrix_figure(file_in("cells.png")), WG_OK);
  cairo_surface_t *image = cairo_image_surface_create_from_png(file_in("cells.png"));
  const unsigned char *bytes = cairo_image_surface_get_data(image);
  const int stride = cairo_image_surface_get_stride(image);
  int blue[MANY][MANY], green[MANY][MANY];
  for (int i = 0; i < MANY; i++)
    for (int j = 0; j < MANY; j++) {
      const double y = 3.0 * (25.0 + (i + 0.5) * 390.0 / MANY);
      const double x = 3.0 * (34.0 + (j + 0.5) * 390.0 / MANY);
      uint32_t pixel;
      memcpy(&pixel, bytes + (size_t)y * (size_t)stride + 4 * (size_t)x, sizeof pixel);
      blue[i][j] = (int)(pixel & 255);
      green[i][j] = (int)(pixel >> 8 & 255);
    }
  assert_true(green[3][3] == 255 && blue[3][3] == 255);
  assert_true(green[0][1] == blue[0][1] && green[0][1] < 255); /* not known: grey */
  for (int j = 2; j < MANY - 1; j++) assert_true(green[0][j] > green[0][j + 1]);
  assert_true(blue[0][MANY - 1] < blue[0][2] && blue[MANY - 1][0] < blue[2][0]);
  cairo_surface_destroy(image);
  empty_directory();
}

/* The first axis goes right, the second up; a third one is looked along. */
static void a_grid_is_not_turned(void **state) {
  (void)state;
  const double side = (504.0 - 16.0 - 6.0) / 2.0;
  for (int64_t d = 2; d <= 3; d++) {
    assert_int_equal(draw_corner(file_in("corner.png"), d), WG_OK);
    cairo_surface_t *image = cairo_image_surface_create_from_png(file_in("corner.png"));
    const unsigned char *bytes = cairo_image_surface_get_data(image);
    const int stride = cairo_image_surface_get_stride(image);
    int red[2][2];
    for (int i = 0; i < 2; i++)
      for (int j = 0; j < 2; j++) {
        const double y = 3.0 * (34.0 + (0.1 + 0.8 * i) * side),
                     x = 3.0 * (8.0 + (0.1 + 0.8 * j) * side);
        uint32_t pixel;
        memcpy(&pixel, bytes + (size_t)y * (size_t)stride + 4 * (size_t)x, sizeof pixel);
        red[i][j] = (int)(pixel >> 16 & 255);
      }
    assert_true(red[0][1] < 100 && red[0][0] > 200 && red[1][0] > 200 && red[1][1] > 200);
    cairo_surface_destroy(image);
  }
  assert_int_equal(draw_corner(file_in("corner.svg"), 1), WG_OK);
  check_svg(file_in("corner.svg"));
  empty_directory();
}

/* One number, equal numbers, nothing known, and more clouds than can be drawn. */
static void odd_numbers_of_distances(void **state) {
  (void)state;
  const char *const labels[] = {"a", "b"};
  const double cases[][2] = {{0, 0}, {3, 3}, {NAN, NAN}, {NAN, 1e300}, {1e-300, 2e-300}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const wg_plot_family family = {"W", "gauge", 2, labels, cases[k], cases[k]};
    assert_int_equal(wg_plot_along(file_in("odd.svg"), &family), WG_OK);
    check_svg(file_in("odd.svg"));
    const double values[] = {0, cases[k][1], cases[k][1], 0};
    assert_int_equal(wg_plot_matrix(file_in("odd.svg"), "W", 2, values), WG_OK);
    check_svg(file_in("odd.svg"));
    assert_int_equal(wg_plot_matrix(file_in("odd.svg"), "W", 1, values), WG_OK);
  }
  const wg_plot_family empty = {"W", "gauge", 0, labels, cases[0], cases[0]};
  assert_int_equal(wg_plot_along(file_in("odd.svg"), &empty), WG_ERR_ARGUMENT);
  assert_int_equal(wg_plot_matrix(file_in("odd.svg"), "W", 8193, cases[0]), WG_ERR_ARGUMENT);
  assert_int_equal(wg_plot_matrix(file_in("odd.svg"), "W", 0, cases[0]), WG_ERR_ARGUMENT);
  empty_directory();
}

/* One column, three, a start alone, energies that are no powers of ten, nothing to draw. */
static void odd_runs(void **state) {
  (void)state;
  const double odd[] = {-1, 0, NAN, INFINITY, 1e-300};
  for (int64_t d = 1; d <= 3; d++)
    for (int64_t count = 1; count <= 4; count += 3) {
      assert_int_equal(draw_run(file_in("run.svg"), d, count, count, falling), WG_OK);
      check_svg(file_in("run.svg"));
      assert_int_equal(draw_run(file_in("run.svg"), d, count, count, odd), WG_OK);
      check_svg(file_in("run.svg"));
    }
  assert_int_equal(draw_run(file_in("run.svg"), 2, 0, 4, falling), WG_ERR_ARGUMENT);
  assert_int_equal(draw_run(file_in("run.svg"), 2, 4, 0, falling), WG_ERR_ARGUMENT);
  empty_directory();
}

/* The first line rises from one corner of the axes to the other; gaps, and ranges that are none. */
static void lines_are_where_they_belong(void **state) {
  (void)state;
  static const char *const labels[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
  const double rising[] = {0, 0, 1, 1, 2, 2, 3, 3};
  wg_plot_lines lines = {"", "x", false, 4, 1, labels, rising};
  assert_int_equal(wg_plot_table(file_in("lines.png"), &lines), WG_OK);
  cairo_surface_t *image = cairo_image_surface_create_from_png(file_in("lines.png"));
  const int width = cairo_image_surface_get_width(image),
            step = cairo_image_surface_get_stride(image);
  const int height = cairo_image_surface_get_height(image);
  const unsigned char *pixels = cairo_image_surface_get_data(image);
  int first = width, last = 0, top[2] = {0, 0};
  for (int i = height / 6; i < height; i++) /* below the legend */
    for (int j = 0; j < width; j++) {
      const unsigned char *p = pixels + (size_t)i * (size_t)step + 4 * (size_t)j;
      if (!(p[0] > p[2] + 100)) continue; /* blue */
      if (j < first) first = j, top[0] = i;
      if (j > last) last = j, top[1] = i;
    }
  cairo_surface_destroy(image);
  assert_true(last - first > width * 3 / 4 && top[0] - top[1] > height / 2);
  const double cases[][4] = {
      {0, 5, 0, 5}, {NAN, NAN, NAN, NAN}, {0, -1, 1, 0}, {0, 1e300, 1, 1e-300}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (int logarithmic = 0; logarithmic < 2; logarithmic++) {
      lines = (wg_plot_lines){"", "x", logarithmic, 2, 1, labels, cases[k]};
      assert_int_equal(wg_plot_table(file_in("odd.svg"), &lines), WG_OK);
      check_svg(file_in("odd.svg"));
    }
  lines.rows = 0;
  assert_int_equal(wg_plot_table(file_in("odd.svg"), &lines), WG_ERR_ARGUMENT);
  lines.rows = 1;
  lines.count = 9;
  assert_int_equal(wg_plot_table(file_in("odd.svg"), &lines), WG_ERR_ARGUMENT);
  empty_directory();
}

static void endings(void **state) {
  (void)state;
  clouds c;
  random_clouds(&c, 4, 2);
  const char *const good[] = {"a.pdf", "a.PDF", "a.svg", "A.Svg", "a.png", "a.PnG", "a.b.png"};
  const char *const bad[] = {"", "-", "pdf", ".pdf", "a.jpg", "a.pdf ", "a.pdfx", "apdf", "a.ps"};
  for (size_t k = 0; k < sizeof good / sizeof *good; k++)
    assert_int_equal(wg_plot_check_path(good[k]), WG_OK);
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    assert_int_equal(wg_plot_check_path(bad[k]), WG_ERR_ARGUMENT);
    assert_non_null(strstr(wg_error_detail(), ".pdf, .svg or .png"));
  }
  for (int f = 0; f < FIGURES; f++)
    assert_int_equal(figures[f](file_in("a.jpg"), &c.solution), WG_ERR_ARGUMENT);
  assert_int_equal(directory_entries(), 0);
}

static void arguments(void **state) {
  (void)state;
  clouds c, line;
  random_clouds(&c, 4, 2);
  random_clouds(&line, 4, 1);
  const wg_plot_solution mixed[] = {c.solution, line.solution};
  const double late[] = {0.0, 1.5}, undefined[] = {NAN};
  const char *path = file_in("a.png");
  assert_int_equal(wg_plot_couplings(path, 0, &c.solution), WG_ERR_ARGUMENT);
  assert_int_equal(wg_plot_couplings(path, 13, &c.solution), WG_ERR_ARGUMENT);
  assert_int_equal(wg_plot_couplings(path, 2, mixed), WG_ERR_ARGUMENT);
  assert_non_null(strstr(wg_error_detail(), "dimension"));
  assert_int_equal(wg_plot_geodesics(path, 1, &c.solution, 2, late), WG_ERR_ARGUMENT);
  assert_non_null(strstr(wg_error_detail(), "1.5"));
  assert_int_equal(wg_plot_geodesics(path, 1, &c.solution, 1, undefined), WG_ERR_ARGUMENT);
  assert_int_equal(wg_plot_geodesics(path, 1, &c.solution, 0, late), WG_ERR_ARGUMENT);
  c.solution.title = "not UTF-8: \xff";
  assert_int_equal(wg_plot_couplings(path, 1, &c.solution), WG_ERR_ARGUMENT);
  assert_int_equal(directory_entries(), 0);
}

static void places_that_cannot_be_written(void **state) {
  (void)state;
  clouds c;
  random_clouds(&c, 4, 2);
  fclose(fopen(file_in("file"), "w"));
  assert_int_equal(mkdir(file_in("directory.png"), 0700), 0);
  const char *const places[] = {"missing/a.png", "file/a.pdf", "directory.png"};
  for (int f = 0; f < FIGURES; f++)
    for (int k = 0; k < 3; k++) {
      assert_int_equal(figures[f](file_in(places[k]), &c.solution), WG_ERR_IO);
      assert_non_null(strstr(wg_error_detail(), places[k]));
    }
  assert_int_equal(directory_entries(), 2);
  empty_directory();
}

/* A disk that fills up: the old file stays, the new one is gone. */
static void a_full_disk(void **state) {
  (void)state;
  clouds c;
  random_clouds(&c, 40, 2);
  const char *const names[] = {"full.png", "full.svg", "full.pdf"};
  struct rlimit whole, little;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
  little = whole;
  little.rlim_cur = 1000;
  signal(SIGXFSZ, SIG_IGN);
  for (int k = 0; k < 3; k++) {
    FILE *old = fopen(file_in(names[k]), "w");
    fputs("old", old);
    fclose(old);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    int status = wg_plot_distance(file_in(names[k]), &c.solution);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
    assert_int_equal(status, WG_ERR_IO);
    size_t size;
    char *bytes = read_whole(file_in(names[k]), &size);
    assert_string_equal(bytes, "old");
    free(bytes);
  }
  assert_int_equal(directory_entries(), 3);
  empty_directory();
}

static void every_failing_allocation_is_survived(void **state) {
  (void)state;
  clouds c;
  random_clouds(&c, 10, 3);
  for (int f = 0; f < FIGURES; f++) {
    int status = WG_ERR_MEMORY;
    long k = 1;
    for (; status == WG_ERR_MEMORY && k < 1000; k++) {
      wg_fail_allocation(k);
      status = figures[f](file_in("a.svg"), &c.solution);
      if (status < 0) assert_int_equal(directory_entries(), 0);
    }
    wg_fail_allocation(0);
    assert_int_equal(status, WG_OK);
    assert_true(k > 5);
    empty_directory();
  }
}

/* Except in SVG, where Cairo numbers its clips through the life of a process. */
static void the_same_data_give_the_same_bytes(void **state) {
  (void)state;
  clouds c;
  random_clouds(&c, 30, 2);
  const char *const names[] = {"a.pdf", "a.png"};
  for (int k = 0; k < 2; k++) {
    size_t first_size, second_size;
    assert_int_equal(wg_plot_distance(file_in(names[k]), &c.solution), WG_OK);
    char *first = read_whole(file_in(names[k]), &first_size);
    assert_int_equal(wg_plot_distance(file_in(names[k]), &c.solution), WG_OK);
    char *second = read_whole(file_in(names[k]), &second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    free(first);
    free(second);
  }
  empty_directory();
}

/* 1e5 pairs: a small file, and a caption that says what was left out. */
static void large_plans_are_thinned(void **state) {
  (void)state;
  enum { LARGE = 100000 };
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *x = WG_NEW(&mem, double, 2 * LARGE), *y = WG_NEW(&mem, double, 2 * LARGE);
  double *mass = WG_NEW(&mem, double, LARGE);
  int64_t *index = WG_NEW(&mem, int64_t, LARGE);
  assert_true(x && y && mass && index);
  for (int64_t k = 0; k < LARGE; k++) {
    x[2 * k] = (double)k; /* sorted rows: thinning must not keep the first ones only */
    y[2 * k] = (double)k;
    y[2 * k + 1] = 0.5 * LARGE;
    mass[k] = 1.0 / LARGE;
    index[k] = k;
  }
  wg_plot_solution solution = {.title = "large",
                               .n = LARGE,
                               .m = LARGE,
                               .d = 2,
                               .count = LARGE,
                               .x = x,
                               .y = y,
                               .row = index,
                               .col = index,
                               .mass = mass};
  assert_int_equal(wg_plot_couplings(file_in("a.pdf"), 1, &solution), WG_OK);
  size_t size;
  free(read_whole(file_in("a.pdf"), &size));
  assert_true(size < 500000);

  wg_stage stage;
  assert_int_equal(wg_stage_make(&mem, 1, &solution, &stage), WG_OK);
  cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 200, 100);
  cairo_t *cairo = cairo_create(image);
  char caption[160];
  assert_int_equal(wg_draw_coupling(&mem, cairo, &stage, &stage.scenes[0],
                                    (wg_rect){0, 0, 200, 100}, caption, sizeof caption),
                   WG_OK);
  assert_string_equal(caption, "the 4000 heaviest of 100000 pairs; at most 4000 points a cloud");
  cairo_surface_flush(image);
  const unsigned char *middle =
      cairo_image_surface_get_data(image) + 50 * (size_t)cairo_image_surface_get_stride(image);
  int crossed = 0; /* columns of the middle row with a segment */
  for (int j = 0; j < 200; j++) crossed += middle[4 * j] != 0;
  assert_true(crossed > 140);
  cairo_destroy(cairo);
  cairo_surface_destroy(image);
  wg_mem_clear(&mem);
  empty_directory();
}

/* The heaviest segment is among the ones kept: the only one that goes up from the origin. */
static void heavy_pairs_survive_thinning(void **state) {
  (void)state;
  enum { PAIRS = 5000 };
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double *mass = WG_NEW(&mem, double, PAIRS);
  int64_t *index = WG_NEW(&mem, int64_t, PAIRS), *target = WG_NEW(&mem, int64_t, PAIRS);
  assert_true(mass && index && target);
  for (int64_t k = 0; k < PAIRS; k++) mass[k] = k == 4321 ? 1.0 : 1e-6;
  target[4321] = 1;
  const double from[] = {0.0, 0.0}, y[] = {1.0, 0.0, 0.0, 1.0};
  wg_plot_solution solution = {.n = 1,
                               .m = 2,
                               .d = 2,
                               .count = PAIRS,
                               .x = from,
                               .y = y,
                               .row = index,
                               .col = target,
                               .mass = mass};
  wg_stage stage;
  assert_int_equal(wg_stage_make(&mem, 1, &solution, &stage), WG_OK);
  cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 100, 100);
  cairo_t *cairo = cairo_create(image);
  char caption[160];
  assert_int_equal(wg_draw_coupling(&mem, cairo, &stage, &stage.scenes[0],
                                    (wg_rect){0, 0, 100, 100}, caption, sizeof caption),
                   WG_OK);
  assert_string_equal(caption, "the 4000 heaviest of 5000 pairs");
  wg_map map = wg_map_make(&stage, (wg_rect){0, 0, 100, 100}, 10.0);
  double left, middle;
  wg_map_point(&map, (double[]){0.0, 0.5}, &left, &middle);
  cairo_surface_flush(image);
  const unsigned char *pixels = cairo_image_surface_get_data(image);
  size_t stride = (size_t)cairo_image_surface_get_stride(image);
  assert_true(pixels[stride * (size_t)middle + 4 * (size_t)left] > 0 ||
              pixels[stride * (size_t)middle + 4 * (size_t)(left - 0.5)] > 0);
  cairo_destroy(cairo);
  cairo_surface_destroy(image);
  wg_mem_clear(&mem);
}

/* The density holds all mass, and its mean moves as the points do. */
static void density_follows_the_geodesic(void **state) {
  (void)state;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  for (int64_t d = 1; d <= 2; d++) {
    clouds c;
    random_clouds(&c, 30, d);
    wg_rect rect = {0.0, 0.0, 120.0, 90.0};
    wg_stage stage;
    assert_int_equal(wg_stage_make(&mem, 1, &c.solution, &stage), WG_OK);
    for (double t = 0.0; t <= 1.0; t += 0.25) {
      wg_field field;
      assert_int_equal(wg_field_make(&mem, &stage, &stage.scenes[0], rect, t, &field), WG_OK);
      double sum = 0.0, mean = 0.0, expected = 0.0;
      for (int k = 0; k < field.rows * field.columns; k++) {
        sum += field.value[k];
        mean += field.value[k] * (k % field.columns + 0.5);
      }
      for (int64_t k = 0; k < 30; k++) {
        double point[2] = {((1 - t) * c.x[k * d] + t * c.y[k * d]) / stage.unit, 0.0}, px, py;
        wg_map_point(&field.map, point, &px, &py);
        expected += px / 30.0;
      }
      assert_true(fabs(sum - 1.0) < 0.01);
      assert_true(fabs(mean / sum - expected) < 0.5);
    }
  }
  wg_mem_clear(&mem);
}

/* d > 2: the plane of the two leading eigenvectors, here coordinates 3 and 2 of a rotated moment.
 */
static void high_dimensions_show_the_leading_plane(void **state) {
  (void)state;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  clouds c;
  random_clouds(&c, 10, 4);
  const double cosine = 0.6, sine = 0.8; /* leading vector (0, 0.6, 0.8, 0), then (0,-0.8,0.6,0) */
  memset(c.moment, 0, sizeof c.moment);
  c.moment[0] = 0.1;
  c.moment[15] = 0.2;
  c.moment[5] = 9.0 * cosine * cosine + 4.0 * sine * sine;
  c.moment[10] = 9.0 * sine * sine + 4.0 * cosine * cosine;
  c.moment[6] = c.moment[9] = (9.0 - 4.0) * cosine * sine;
  wg_stage stage;
  assert_int_equal(wg_stage_make(&mem, 1, &c.solution, &stage), WG_OK);
  for (int k = 0; k < 10; k++) {
    double leading = cosine * c.x[4 * k + 1] + sine * c.x[4 * k + 2];
    double second = -sine * c.x[4 * k + 1] + cosine * c.x[4 * k + 2];
    const double *plane = stage.scenes[0].x + 2 * k;
    assert_true(fabs(fabs(plane[0] * stage.unit) - fabs(leading)) < 1e-9);
    assert_true(fabs(fabs(plane[1] * stage.unit) - fabs(second)) < 1e-9);
  }
  wg_mem_clear(&mem);
}

/* One unit is as long upwards as sideways, and up is up. */
static void axes_are_equal(void **state) {
  (void)state;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  clouds c;
  random_clouds(&c, 20, 2);
  wg_stage stage;
  assert_int_equal(wg_stage_make(&mem, 1, &c.solution, &stage), WG_OK);
  wg_map map = wg_map_make(&stage, (wg_rect){10.0, 20.0, 300.0, 100.0}, 5.0);
  double origin_x, origin_y, right_x, right_y, up_x, up_y;
  wg_map_point(&map, (double[]){0.0, 0.0}, &origin_x, &origin_y);
  wg_map_point(&map, (double[]){1.0, 0.0}, &right_x, &right_y);
  wg_map_point(&map, (double[]){0.0, 1.0}, &up_x, &up_y);
  assert_true(fabs((right_x - origin_x) - (origin_y - up_y)) < 1e-9);
  assert_true(right_x > origin_x);
  for (int k = 0; k < 20; k++) {
    double x, y;
    wg_map_point(&map, stage.scenes[0].y + 2 * k, &x, &y);
    assert_true(x > 14.99 && x < 305.01 && y > 24.99 && y < 115.01);
  }
  wg_mem_clear(&mem);
}

static void numbers(void **state) {
  (void)state;
  const struct {
    double value;
    int digits;
    const char *text;
  } cases[] = {{0.0, 3, "0"},
               {-0.0, 3, "0"},
               {1.5, 3, "1.5"},
               {-2.0, 3, "\u22122"},
               {1234567.0, 3, "1.23e+06"},
               {1e150, 2, "1e+150"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    char text[48];
    wg_number_text(cases[k].value, cases[k].digits, text, sizeof text);
    assert_string_equal(text, cases[k].text);
  }
}

/* A diagonal in the colour asked for, a mark where it was put; axes that are none are refused. */
static void curves_in_planes(void **state) {
  (void)state;
  const double diagonal[] = {0, 0, 0.5, 0.5, NAN, 1, 0.7, 0.7, 1, 1};
  const wg_plot_curve curves[] = {{5, diagonal, 1}, {2, diagonal, -1}};
  const wg_plot_mark marks[] = {
      {0, 1, WG_PLOT_RING, 0}, {1, 0, WG_PLOT_CROSS, -1}, {0.5, 0.5, WG_PLOT_DOT, 2}};
  const char *const labels[] = {"one", "two"};
  wg_plot_plane plane = {"t", "x", "y", {-0.1, -0.1}, {1.1, 1.1}, 2, 3, curves, marks};
  wg_plot_planes planes = {"title", 2, labels, 1, 1, &plane};
  assert_int_equal(wg_plot_phase(file_in("plane.svg"), &planes), WG_OK);
  check_svg(file_in("plane.svg"));
  assert_int_equal(wg_plot_phase(file_in("plane.png"), &planes), WG_OK);
  cairo_surface_t *image = cairo_image_surface_create_from_png(file_in("plane.png"));
  const int width = cairo_image_surface_get_width(image),
            step = cairo_image_surface_get_stride(image);
  const int height = cairo_image_surface_get_height(image);
  const unsigned char *pixels = cairo_image_surface_get_data(image);
  int left = width, right = 0, low = 0, high = height;
  for (int i = height / 8; i < height; i++) /* below the legend */
    for (int j = 0; j < width; j++) {
      const unsigned char *p = pixels + (size_t)i * (size_t)step + 4 * (size_t)j;
      if (!(p[2] > p[0] + 150)) continue; /* vermillion */
      if (j < left) left = j, low = i;
      if (j > right) right = j, high = i;
    }
  cairo_surface_destroy(image);
  assert_true(right - left > width * 2 / 3 && low - high > height * 2 / 3);
  plane.high[1] = plane.low[1];
  assert_int_equal(wg_plot_phase(file_in("plane.svg"), &planes), WG_ERR_ARGUMENT);
  plane.high[1] = NAN;
  assert_int_equal(wg_plot_phase(file_in("plane.svg"), &planes), WG_ERR_ARGUMENT);
  planes.count = 13;
  assert_int_equal(wg_plot_phase(file_in("plane.svg"), &planes), WG_ERR_ARGUMENT);
  empty_directory();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(curves_in_planes),
      cmocka_unit_test(figures_of_every_dimension),
      cmocka_unit_test(degenerate_clouds),
      cmocka_unit_test(flat_clouds),
      cmocka_unit_test(odd_solutions),
      cmocka_unit_test(an_empty_plan_is_drawn_without_segments),
      cmocka_unit_test(neurons_by_their_direction),
      cmocka_unit_test(places_that_are_shown),
      cmocka_unit_test(pictures_follow_the_particles),
      cmocka_unit_test(pictures_that_cannot_be_kept),
      cmocka_unit_test(figures_of_many_distances),
      cmocka_unit_test(cells_are_where_they_belong),
      cmocka_unit_test(odd_numbers_of_distances),
      cmocka_unit_test(a_grid_is_not_turned),
      cmocka_unit_test(lines_are_where_they_belong),
      cmocka_unit_test(endings),
      cmocka_unit_test(arguments),
      cmocka_unit_test(places_that_cannot_be_written),
      cmocka_unit_test(a_full_disk),
      cmocka_unit_test(every_failing_allocation_is_survived),
      cmocka_unit_test(the_same_data_give_the_same_bytes),
      cmocka_unit_test(large_plans_are_thinned),
      cmocka_unit_test(heavy_pairs_survive_thinning),
      cmocka_unit_test(density_follows_the_geodesic),
      cmocka_unit_test(high_dimensions_show_the_leading_plane),
      cmocka_unit_test(axes_are_equal),
      cmocka_unit_test(odd_runs),
      cmocka_unit_test(numbers),
  };
  return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
