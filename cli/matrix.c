/* A matrix in, a matrix out, for lmo and polar; what muon-step shares with them. A plain .npy is
 * mapped both ways, so that it may be larger than memory; anything else is read as it is
 * everywhere, and float32 made float32 again. */
#include "matrix.h"

#include <string.h>

const char *const wg_cli_methods[WG_CLI_METHODS] = {"auto", "exact", "muon", "newton-schulz",
                                                    "polar-express"};

/* The shape as the checks of io want it. */
static wg_io_array described(const wg_io_map *map) {
  wg_io_array array = {.ndim = map->ndim, .count = map->count};
  memcpy(array.shape, map->shape, sizeof array.shape);
  return array;
}

bool wg_cli_is_single(const wg_io_array *array) {
  return !strcmp(array->dtype + (array->dtype[0] != '\0'), "f4");
}

float *wg_cli_made_single(wg_mem *mem, const wg_io_array *array) {
  float *numbers = WG_NEW(mem, float, array->count);
  for (int64_t k = 0; numbers && k < array->count; k++) numbers[k] = (float)array->data[k];
  return numbers;
}

static int read_matrix(wg_mem *mem, const char *path, const char *key, bool *used,
                       wg_cli_matrix *matrix, wg_io_array *array) {
  WG_TRY(wg_cli_read_member(mem, path, key, used, array));
  WG_TRY(wg_io_check_finite(path, array));
  matrix->single = wg_cli_is_single(array);
  matrix->data = array->data;
  if (!matrix->single) return WG_OK;
  float *numbers = wg_cli_made_single(mem, array);
  wg_drop(mem, array->data);
  matrix->data = numbers;
  return numbers ? WG_OK : wg_no_memory();
}

static int read_shape(const char *path, const wg_io_array *array, bool batches,
                      wg_cli_matrix *matrix) {
  matrix->ndim = array->ndim;
  memcpy(matrix->shape, array->shape, sizeof matrix->shape);
  matrix->count = 1;
  if (!batches || array->ndim != 3 || array->count == 0)
    return wg_io_check_points(path, array, &matrix->n, &matrix->d);
  matrix->count = array->shape[0];
  matrix->n = array->shape[1];
  matrix->d = array->shape[2];
  return WG_OK;
}

int wg_cli_matrix_open(wg_mem *mem, const char *path, const char *key, bool batches, bool *used,
                       wg_cli_matrix *matrix) {
  bool plain;
  *matrix = (wg_cli_matrix){.path = path};
  WG_TRY(wg_io_map_npy(path, &matrix->map, &plain));
  wg_io_array array = described(&matrix->map);
  matrix->data = matrix->map.data;
  matrix->single = matrix->map.single;
  if (!plain) WG_TRY(read_matrix(mem, path, key, used, matrix, &array));
  int status = read_shape(path, &array, batches, matrix);
  if (status < 0) wg_cli_matrix_close(matrix);
  return status;
}

void wg_cli_matrix_close(wg_cli_matrix *matrix) { wg_io_unmap(&matrix->map); }

int wg_cli_matrix_output(wg_mem *mem, const wg_cli_matrix *matrix, const char *path,
                         wg_io_output **output, void **data) {
  wg_io_member like = {.dtype = matrix->single ? "<f4" : "<f8", .ndim = matrix->ndim};
  memcpy(like.shape, matrix->shape, sizeof like.shape);
  return wg_io_output_begin(mem, path, &like, output, data);
}

json_t *wg_cli_shape(int ndim, const int64_t *shape) {
  json_t *numbers = json_array();
  for (int a = 0; a < ndim; a++) json_array_append_new(numbers, json_integer((json_int_t)shape[a]));
  return numbers;
}
