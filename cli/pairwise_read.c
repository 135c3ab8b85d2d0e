/* The inputs of wgamma pairwise: files with a cloud each, or one array of clouds; and weights.
 *
 * Weights come as a member of every .npz (--key POINTS,WEIGHTS), or from one file: a vector that
 * all clouds share, or a row a cloud. Every entry is checked here, where the file has a name. */
#include <inttypes.h>
#include <string.h>

#include "pairwise.h"

/* ---- members of archives ---- */

typedef struct keys {
  char *points, *weights; /* NULL: not given */
  bool used;
} keys;

static int split_keys(wg_mem *mem, const char *list, keys *found) {
  *found = (keys){.used = false};
  if (!list) return WG_OK;
  found->points = WG_NEW(mem, char, strlen(list) + 1);
  if (!found->points) return wg_no_memory();
  memcpy(found->points, list, strlen(list) + 1);
  found->weights = strchr(found->points, ',');
  if (found->weights) *found->weights++ = '\0';
  const bool usable =
      found->points[0] && (!found->weights || (found->weights[0] && !strchr(found->weights, ',')));
  if (usable) return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT,
                 "--key '%s' is not usable: give the member with the points, and after a comma "
                 "that with the weights if there is one",
                 list);
}

static int read_vector(wg_mem *mem, const char *path, const char *key, int64_t points,
                       const double **weights) {
  wg_io_array array;
  bool archive = false;
  int64_t count;
  WG_TRY(wg_cli_read_member(mem, path, key, &archive, &array));
  if (!archive)
    return wg_fail(WG_ERR_INPUT,
                   "%s is no .npz and has no member %s with weights; give all clouds as .npz, or "
                   "weights by --weights",
                   wg_io_name(path), key);
  WG_TRY(wg_io_check_vector(path, &array, &count));
  WG_TRY(wg_io_check_finite(path, &array));
  if (count != points)
    return wg_fail(WG_ERR_INPUT,
                   "%s: member %s holds %" PRId64 " weights for %" PRId64
                   " points; give one weight a point",
                   wg_io_name(path), key, count, points);
  WG_TRY(wg_cli_check_weights(wg_io_name(path), count, array.data));
  *weights = array.data;
  return WG_OK;
}

/* ---- clouds ---- */

static int read_file(wg_mem *mem, const char *path, keys *members, wg_points *cloud, int64_t *d,
                     char shape[WG_IO_SHAPE_TEXT]) {
  wg_io_array array;
  WG_TRY(wg_cli_read_member(mem, path, members->points, &members->used, &array));
  if (array.ndim == 3)
    return wg_fail(WG_ERR_INPUT, "%s has shape %s; give an array of clouds by --stack",
                   wg_io_name(path), wg_io_shape_text(shape, array.ndim, array.shape));
  WG_TRY(wg_io_check_points(path, &array, &cloud->n, d));
  WG_TRY(wg_io_check_finite(path, &array));
  wg_io_shape_text(shape, array.ndim, array.shape);
  cloud->points = array.data;
  return members->weights ? read_vector(mem, path, members->weights, cloud->n, &cloud->weights)
                          : WG_OK;
}

static int read_files(wg_mem *mem, const wg_pairwise_request *asked, keys *members,
                      wg_pairwise_clouds *clouds) {
  clouds->count = asked->files;
  clouds->each = WG_NEW(mem, wg_points, clouds->count);
  if (!clouds->each) return wg_no_memory();
  for (int64_t k = 0; k < clouds->count; k++) {
    char shape[WG_IO_SHAPE_TEXT];
    int64_t d;
    WG_TRY(read_file(mem, asked->names[k], members, &clouds->each[k], &d, shape));
    if (k > 0 && d != clouds->d)
      return wg_fail(WG_ERR_INPUT,
                     "%s has shape %s and %s has shape %s; all clouds need the same number of "
                     "columns",
                     wg_io_name(asked->names[0]), clouds->shape, wg_io_name(asked->names[k]),
                     shape);
    clouds->d = d;
    if (k == 0) memcpy(clouds->shape, shape, sizeof shape);
  }
  return WG_OK;
}

static int check_stack(const char *path, const wg_io_array *array) {
  char shape[WG_IO_SHAPE_TEXT];
  wg_io_shape_text(shape, array->ndim, array->shape);
  if (array->ndim != 3)
    return wg_fail(WG_ERR_INPUT,
                   "%s has shape %s; --stack needs three dimensions (clouds, points, columns); "
                   "give clouds of two dimensions as files",
                   wg_io_name(path), shape);
  if (array->shape[0] < 2 || array->count == 0)
    return wg_fail(WG_ERR_INPUT, "%s has shape %s; two clouds with a point or more are needed",
                   wg_io_name(path), shape);
  return wg_io_check_finite(path, array);
}

static int read_stack(wg_mem *mem, const wg_pairwise_request *asked, keys *members,
                      wg_pairwise_clouds *clouds) {
  wg_io_array array;
  const double *weights = NULL;
  WG_TRY(wg_cli_read_member(mem, asked->stack, members->points, &members->used, &array));
  WG_TRY(check_stack(asked->stack, &array));
  wg_io_shape_text(clouds->shape, array.ndim, array.shape);
  const int64_t n = array.shape[1];
  clouds->count = array.shape[0];
  clouds->d = array.shape[2];
  clouds->each = WG_NEW(mem, wg_points, clouds->count);
  if (!clouds->each) return wg_no_memory();
  if (members->weights) WG_TRY(read_vector(mem, asked->stack, members->weights, n, &weights));
  for (int64_t k = 0; k < clouds->count; k++)
    clouds->each[k] = (wg_points){.n = n, .points = array.data + k * n * clouds->d, weights};
  return WG_OK;
}

/* ---- weights of a file of their own ---- */

static int check_weights_fit(const wg_pairwise_request *asked, const wg_pairwise_clouds *clouds,
                             const wg_io_array *array, bool each, int64_t count) {
  char shape[WG_IO_SHAPE_TEXT];
  for (int64_t k = 0; k < clouds->count; k++)
    if (clouds->each[k].n != count)
      return wg_fail(WG_ERR_INPUT,
                     "%s has shape %s, but cloud %" PRId64 " (from 0) has %" PRId64
                     " points; give a weight a point, for all clouds or a row for each of the "
                     "%" PRId64,
                     wg_io_name(asked->weights), wg_io_shape_text(shape, array->ndim, array->shape),
                     k, clouds->each[k].n, clouds->count);
  for (int64_t k = 0; k < (each ? clouds->count : 1); k++) {
    char name[1024];
    snprintf(name, sizeof name, each ? "%.900s, row %" PRId64 : "%.900s",
             wg_io_name(asked->weights), k);
    WG_TRY(wg_cli_check_weights(name, count, array->data + k * count));
  }
  return WG_OK;
}

/* A row a cloud where the array has that many rows and more than one column; else one for all. */
static int read_weights(wg_mem *mem, const wg_pairwise_request *asked, wg_pairwise_clouds *clouds) {
  wg_io_array array;
  int64_t count;
  if (!asked->weights) return WG_OK;
  WG_TRY(wg_io_read(mem, asked->weights, NULL, &array));
  WG_TRY(wg_io_check_finite(asked->weights, &array));
  const bool each = array.ndim == 2 && array.shape[0] == clouds->count && array.shape[1] > 1;
  if (each)
    count = array.shape[1];
  else
    WG_TRY(wg_io_check_vector(asked->weights, &array, &count));
  WG_TRY(check_weights_fit(asked, clouds, &array, each, count));
  for (int64_t k = 0; k < clouds->count; k++)
    clouds->each[k].weights = array.data + (each ? k * count : 0);
  return WG_OK;
}

int wg_pairwise_read(wg_mem *mem, const wg_pairwise_request *asked, wg_pairwise_clouds *clouds) {
  keys members;
  WG_TRY(split_keys(mem, asked->key, &members));
  if (members.weights && asked->weights)
    return wg_fail(WG_ERR_ARGUMENT,
                   "--weights and the second name of --key both give weights; "
                   "keep one");
  WG_TRY(asked->stack ? read_stack(mem, asked, &members, clouds)
                      : read_files(mem, asked, &members, clouds));
  if (asked->key && !members.used)
    return wg_fail(WG_ERR_ARGUMENT, "--key '%s' is for .npz files and none is given; leave it out",
                   asked->key);
  return read_weights(mem, asked, clouds);
}
