/* What an array that was read is good for: finite entries, points, a vector of weights.
 * Kept from the readers, because `wgamma info` must be able to describe an array that no solve
 * would accept. Cost O(count). */
#include <inttypes.h>

#include "io/parts.h"

/* "[3, 0]": the index of entry k in C order. */
static void index_text(const wg_io_array *array, int64_t k, char *out, size_t size) {
  int64_t index[WG_IO_MAX_NDIM];
  for (int axis = array->ndim - 1; axis >= 0; axis--) {
    index[axis] = k % array->shape[axis];
    k /= array->shape[axis];
  }
  size_t used = (size_t)snprintf(out, size, "[");
  for (int axis = 0; axis < array->ndim && used < size; axis++)
    used += (size_t)snprintf(out + used, size - used, "%s%" PRId64, axis ? ", " : "", index[axis]);
  if (used < size) snprintf(out + used, size - used, "]");
}

int wg_io_check_finite(const char *path, const wg_io_array *array) {
  for (int64_t k = 0; k < array->count; k++) {
    double value = array->data[k];
    if (isfinite(value)) continue;
    char index[WG_IO_SHAPE_TEXT];
    index_text(array, k, index, sizeof index);
    return wg_fail(WG_ERR_INPUT,
                   "%s: entry %s is %s; every number must be finite, so remove or "
                   "replace it",
                   wg_io_name(path), index,
                   isnan(value) ? "nan"
                   : value > 0  ? "inf"
                                : "-inf");
  }
  return WG_OK;
}

static int wrong_shape(const char *path, const wg_io_array *array, const char *wanted) {
  char shape[WG_IO_SHAPE_TEXT];
  return wg_fail(WG_ERR_INPUT, "%s has shape %s; %s", wg_io_name(path),
                 wg_io_shape_text(shape, array->ndim, array->shape), wanted);
}

int wg_io_check_points(const char *path, const wg_io_array *array, int64_t *rows,
                       int64_t *columns) {
  if (array->ndim < 1 || array->ndim > 2 || array->count == 0)
    return wrong_shape(path, array,
                       "points are a non-empty array of shape (n, d), or (n,) on a line");
  *rows = array->shape[0];
  *columns = array->ndim == 2 ? array->shape[1] : 1;
  return WG_OK;
}

int wg_io_check_vector(const char *path, const wg_io_array *array, int64_t *count) {
  bool line =
      array->ndim == 1 || (array->ndim == 2 && (array->shape[0] == 1 || array->shape[1] == 1));
  if (!line || array->count == 0)
    return wrong_shape(path, array,
                       "weights are a non-empty array of shape (n,), (n, 1) or (1, n)");
  *count = array->count;
  return WG_OK;
}
