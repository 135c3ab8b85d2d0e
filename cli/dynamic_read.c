/* What wgamma dynamic transports: arrays of densities, images, or clouds that are put into cells.
 *
 * A point gives its weight to the 2^d cells whose middles are around it, in proportion to how near
 * they are: means stay where they are, and nothing jumps when a point crosses a side. The grid
 * covers both clouds with a cell to spare on each side, so that no weight is lost. Cost: the
 * points. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "dynamic.h"
#include "plot/plot.h"

/* ---- arrays and images ---- */

/* Text has two axes; one column or one row of it is a density on a line. */
static void drop_flat_axis(wg_io_array *array) {
  if (array->ndim != 2 || (array->shape[0] != 1 && array->shape[1] != 1)) return;
  array->ndim = 1;
  array->shape[0] = array->count;
}

static bool is_image(const char *path) {
  const size_t length = strlen(path);
  return length > 4 && !strcasecmp(path + length - 4, ".png");
}

static int read_image(wg_mem *mem, const char *path, wg_io_array *array) {
  *array = (wg_io_array){.ndim = 2};
  WG_TRY(wg_plot_read_png(mem, path, array->shape, &array->data));
  array->count = array->shape[0] * array->shape[1];
  return WG_OK;
}

static int read_density(wg_mem *mem, const char *path, wg_io_array *array) {
  char shape[WG_IO_SHAPE_TEXT];
  if (is_image(path)) return read_image(mem, path, array);
  WG_TRY(wg_io_read(mem, path, NULL, array));
  WG_TRY(wg_io_check_finite(path, array));
  drop_flat_axis(array);
  if (array->ndim >= 1 && array->ndim <= 3) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "%s has shape %s; a density has one, two or three axes",
                 wg_io_name(path), wg_io_shape_text(shape, array->ndim, array->shape));
}

static int read_spacing(wg_mem *mem, const wg_dynamic_request *asked, wg_dynamic_result *found) {
  int64_t count = 1;
  double *given = NULL;
  if (!(found->spacing = WG_NEW(mem, double, found->d))) return wg_no_memory();
  WG_TRY(wg_cli_read_numbers(mem, "--spacing", asked->spacing_text, &count, &given));
  if (count != 1 && count != found->d)
    return wg_fail(WG_ERR_ARGUMENT,
                   "--spacing has %" PRId64 " numbers for %" PRId64 " axes; give one, or one each",
                   count, found->d);
  for (int64_t k = 0; k < found->d; k++) found->spacing[k] = given ? given[count > 1 ? k : 0] : 1.0;
  return WG_OK;
}

static int read_densities(wg_mem *mem, const wg_dynamic_request *asked, wg_dynamic_result *found) {
  wg_io_array array[2];
  char shape[2][WG_IO_SHAPE_TEXT];
  for (int side = 0; side < 2; side++) {
    WG_TRY(read_density(mem, asked->input[side], &array[side]));
    found->mass[side] = array[side].data;
  }
  found->d = array[0].ndim;
  found->cells = array[0].count;
  memcpy(found->shape, array[0].shape, sizeof found->shape);
  if (array[1].ndim == found->d &&
      !memcmp(array[1].shape, found->shape, (size_t)found->d * sizeof *found->shape))
    return read_spacing(mem, asked, found);
  return wg_fail(
      WG_ERR_INPUT, "%s has shape %s and %s %s; both densities live on one grid",
      wg_io_name(asked->input[0]), wg_io_shape_text(shape[0], array[0].ndim, array[0].shape),
      wg_io_name(asked->input[1]), wg_io_shape_text(shape[1], array[1].ndim, array[1].shape));
}

/* ---- clouds ---- */

enum { MOST_CELLS = 100000000 };

typedef struct cloud {
  int64_t n, d;
  double *points, *weights; /* weights may be NULL */
} cloud;

static int read_cloud(wg_mem *mem, const wg_dynamic_request *asked, int side, cloud *c) {
  wg_io_array array;
  WG_TRY(wg_io_read(mem, asked->input[side], NULL, &array));
  WG_TRY(wg_io_check_points(asked->input[side], &array, &c->n, &c->d));
  WG_TRY(wg_io_check_finite(asked->input[side], &array));
  c->points = array.data;
  if (c->d > 3)
    return wg_fail(WG_ERR_INPUT,
                   "%s has %" PRId64
                   " columns; a grid has three axes at most: wgamma distance takes "
                   "clouds of any dimension",
                   wg_io_name(asked->input[side]), c->d);
  WG_TRY(wg_cli_read_weights(mem, asked->weights[side], "weight", "weights", asked->input[side],
                             c->n, &c->weights));
  if (!c->weights) return WG_OK;
  return wg_cli_check_weights(wg_io_name(asked->weights[side]), c->n, c->weights);
}

static int read_bins(wg_mem *mem, const wg_dynamic_request *asked, wg_dynamic_result *found) {
  int64_t count;
  double *given;
  WG_TRY(wg_cli_read_numbers(mem, "--bins", asked->bins_text, &count, &given));
  if (count != 1 && count != found->d)
    return wg_fail(WG_ERR_ARGUMENT,
                   "--bins has %" PRId64 " numbers for %" PRId64 " axes; give one, or one each",
                   count, found->d);
  found->cells = 1;
  for (int64_t k = 0; k < found->d; k++) {
    const double bins = given[count > 1 ? k : 0];
    if (!(bins >= 4.0 && bins <= (double)MOST_CELLS && bins == floor(bins)))
      return wg_fail(WG_ERR_ARGUMENT, "--bins %g: an axis has a whole number of cells, 4 or more",
                     bins);
    found->shape[k] = (int64_t)bins;
    if (found->cells > MOST_CELLS / found->shape[k])
      return wg_fail(WG_ERR_ARGUMENT, "--bins asks for more than %d cells", MOST_CELLS);
    found->cells *= found->shape[k];
  }
  return WG_OK;
}

/* low and the spacing of an axis: a cell more than the points need on either side. */
static void fit_axis(const cloud both[2], int64_t k, int64_t bins, double *low, double *spacing) {
  double least = INFINITY, most = -INFINITY;
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < both[side].n; i++) {
      least = WG_MIN(least, both[side].points[i * both[side].d + k]);
      most = WG_MAX(most, both[side].points[i * both[side].d + k]);
    }
  const double span = most > least ? most - least : WG_MAX(fabs(most), 1.0) * 1e-3;
  *spacing = span / (double)(bins - 3);
  *low = least - 1.5 * *spacing;
}

static void deposit(const wg_dynamic_result *found, const double *low, const double *point,
                    double weight, double *mass) {
  for (int corner = 0; corner < 1 << found->d; corner++) {
    double share = weight;
    int64_t cell = 0;
    for (int64_t k = 0; k < found->d; k++) {
      const double at = (point[k] - low[k]) / found->spacing[k] - 0.5;
      const double first = WG_MIN(WG_MAX(floor(at), 0.0), (double)(found->shape[k] - 2));
      const bool upper = corner >> k & 1;
      share *= upper ? at - first : 1.0 - (at - first);
      cell = cell * found->shape[k] + (int64_t)first + upper;
    }
    mass[cell] += WG_MAX(share, 0.0);
  }
}

static int read_clouds(wg_mem *mem, const wg_dynamic_request *asked, wg_dynamic_result *found) {
  cloud both[2] = {{0}, {0}};
  double low[3];
  for (int side = 0; side < 2; side++) WG_TRY(read_cloud(mem, asked, side, &both[side]));
  if (both[0].d != both[1].d)
    return wg_fail(WG_ERR_INPUT,
                   "%s has %" PRId64 " columns and %s %" PRId64 "; both need the same",
                   wg_io_name(asked->input[0]), both[0].d, wg_io_name(asked->input[1]), both[1].d);
  found->d = both[0].d;
  WG_TRY(read_bins(mem, asked, found));
  if (!(found->spacing = WG_NEW(mem, double, found->d))) return wg_no_memory();
  for (int64_t k = 0; k < found->d; k++)
    fit_axis(both, k, found->shape[k], &low[k], &found->spacing[k]);
  for (int side = 0; side < 2; side++) {
    if (!(found->mass[side] = WG_NEW(mem, double, found->cells))) return wg_no_memory();
    for (int64_t i = 0; i < both[side].n; i++)
      deposit(found, low, both[side].points + i * found->d,
              both[side].weights ? both[side].weights[i] : 1.0, found->mass[side]);
  }
  return WG_OK;
}

int wg_dynamic_read(wg_mem *mem, const wg_dynamic_request *asked, wg_dynamic_result *found) {
  return asked->bins_text ? read_clouds(mem, asked, found) : read_densities(mem, asked, found);
}
