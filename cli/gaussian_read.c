/* The inputs of wgamma gaussian: means and covariances, or two clouds whose moments are fitted.
 *
 * Shapes are checked here, where files can be named; symmetry and positivity by the library. Cost
 * O(d^2), or O(n d^2) for clouds. */
#include <inttypes.h>

#include "gaussian.h"

int wg_gaussian_read_mean(wg_mem *mem, const char *path, int64_t *d, double **mean) {
  wg_io_array array;
  WG_TRY(wg_io_read(mem, path, NULL, &array));
  WG_TRY(wg_io_check_vector(path, &array, d));
  WG_TRY(wg_io_check_finite(path, &array));
  *mean = array.data;
  return WG_OK;
}

int wg_gaussian_read_covariance(wg_mem *mem, const char *path, const char *mean_path, int64_t d,
                                double **covariance) {
  wg_io_array array;
  char shape[WG_IO_SHAPE_TEXT];
  WG_TRY(wg_io_read(mem, path, NULL, &array));
  const bool square = array.ndim == 2 && array.shape[0] == d && array.shape[1] == d;
  if (!square && !(d == 1 && array.count == 1))
    return wg_fail(WG_ERR_INPUT,
                   "%s has shape %s, but %s holds %" PRId64
                   " numbers; the covariance must be %" PRId64 " x %" PRId64,
                   wg_io_name(path), wg_io_shape_text(shape, array.ndim, array.shape),
                   wg_io_name(mean_path), d, d, d);
  WG_TRY(wg_io_check_finite(path, &array));
  *covariance = array.data;
  return WG_OK;
}

static int read_moments(wg_mem *mem, const wg_gaussian_request *asked, wg_gaussian_result *found) {
  int64_t d[2];
  for (int side = 0; side < 2; side++) {
    const char *mean = asked->input[2 * side], *covariance = asked->input[2 * side + 1];
    WG_TRY(wg_gaussian_read_mean(mem, mean, &d[side], &found->mean[side]));
    WG_TRY(wg_gaussian_read_covariance(mem, covariance, mean, d[side], &found->cov[side]));
  }
  found->d = d[0];
  if (d[0] == d[1]) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "%s holds %" PRId64 " numbers and %s %" PRId64
                 "; both Gaussians need the same dimension",
                 wg_io_name(asked->input[0]), d[0], wg_io_name(asked->input[2]), d[1]);
}

/* ---- clouds ---- */

static int read_weights(wg_mem *mem, const char *path, const char *points,
                        wg_gaussian_cloud *cloud) {
  wg_io_array array;
  int64_t count;
  if (!path) return WG_OK;
  WG_TRY(wg_io_read(mem, path, NULL, &array));
  WG_TRY(wg_io_check_vector(path, &array, &count));
  WG_TRY(wg_io_check_finite(path, &array));
  if (count != cloud->n)
    return wg_fail(WG_ERR_INPUT,
                   "%s holds %" PRId64 " weights, but %s holds %" PRId64
                   " points; give one weight a point",
                   wg_io_name(path), count, wg_io_name(points), cloud->n);
  WG_TRY(wg_cli_check_weights(wg_io_name(path), count, array.data));
  cloud->weights = array.data;
  return WG_OK;
}

static int read_cloud(wg_mem *mem, const wg_gaussian_request *asked, int side, int64_t *d,
                      wg_gaussian_result *found) {
  const char *path = asked->input[side];
  wg_gaussian_cloud *cloud = &found->cloud[side];
  wg_io_array array;
  WG_TRY(wg_io_read(mem, path, NULL, &array));
  WG_TRY(wg_io_check_points(path, &array, &cloud->n, d));
  WG_TRY(wg_io_check_finite(path, &array));
  cloud->points = array.data;
  WG_TRY(read_weights(mem, side ? asked->b : asked->a, path, cloud));
  found->mean[side] = WG_NEW(mem, double, *d);
  found->cov[side] = WG_NEW(mem, double, *d **d);
  if (!found->mean[side] || !found->cov[side]) return wg_no_memory();
  return wg_gaussian_fit(cloud->n, *d, cloud->points, cloud->weights, found->mean[side],
                         found->cov[side]);
}

static int read_clouds(wg_mem *mem, const wg_gaussian_request *asked, wg_gaussian_result *found) {
  int64_t d[2];
  for (int side = 0; side < 2; side++) WG_TRY(read_cloud(mem, asked, side, &d[side], found));
  found->d = d[0];
  if (d[0] == d[1]) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "%s has %" PRId64 " columns and %s %" PRId64
                 "; both clouds need the same number of columns",
                 wg_io_name(asked->input[0]), d[0], wg_io_name(asked->input[1]), d[1]);
}

int wg_gaussian_read(wg_mem *mem, const wg_gaussian_request *asked, wg_gaussian_result *found) {
  return asked->from_samples ? read_clouds(mem, asked, found) : read_moments(mem, asked, found);
}
