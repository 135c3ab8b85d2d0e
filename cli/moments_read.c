/* The inputs of wgamma moments. Shapes are checked here, where files can be named; symmetry, signs
 * and definiteness by the library. */
#include <inttypes.h>

#include "moments.h"

static int read_finite(wg_mem *mem, const char *path, wg_io_array *array) {
  WG_TRY(wg_io_read(mem, path, NULL, array));
  return wg_io_check_finite(path, array);
}

/* Numbers in a row or a column; *count is set, or has to be met when it is not zero. */
static int read_vector(wg_mem *mem, const char *path, int64_t *count, double **vector) {
  wg_io_array array;
  int64_t found;
  WG_TRY(read_finite(mem, path, &array));
  WG_TRY(wg_io_check_vector(path, &array, &found));
  if (*count && found != *count)
    return wg_fail(WG_ERR_INPUT, "%s holds %" PRId64 " numbers; %" PRId64 " are wanted",
                   wg_io_name(path), found, *count);
  *count = found;
  *vector = array.data;
  return WG_OK;
}

/* rows x columns; a zero is set to what is there. */
static int read_matrix(wg_mem *mem, const char *path, int64_t *rows, int64_t *columns,
                       double **matrix) {
  wg_io_array array;
  char shape[WG_IO_SHAPE_TEXT];
  WG_TRY(read_finite(mem, path, &array));
  const bool flat = array.ndim == 2;
  const int64_t r = flat ? array.shape[0] : 1, c = flat ? array.shape[1] : array.count;
  const bool fits =
      (flat || array.count == 1) && (!*rows || r == *rows) && (!*columns || c == *columns);
  if (!fits && (*rows || *columns))
    return wg_fail(WG_ERR_INPUT, "%s has shape %s; %" PRId64 " x %" PRId64 " is wanted",
                   wg_io_name(path), wg_io_shape_text(shape, array.ndim, array.shape),
                   *rows ? *rows : r, *columns ? *columns : c);
  if (!fits)
    return wg_fail(WG_ERR_INPUT, "%s has shape %s; a matrix with rows and columns is wanted",
                   wg_io_name(path), wg_io_shape_text(shape, array.ndim, array.shape));
  *rows = r;
  *columns = c;
  *matrix = array.data;
  return WG_OK;
}

static int read_square(wg_mem *mem, const char *path, int64_t d, double **matrix) {
  int64_t columns = d;
  return read_matrix(mem, path, &d, &columns, matrix);
}

static int read_kl(wg_mem *mem, const wg_moments_request *asked, wg_moments_result *found) {
  WG_TRY(read_vector(mem, asked->input[0], &found->d, &found->mean0));
  WG_TRY(read_square(mem, asked->input[1], found->d, &found->cov0));
  WG_TRY(read_vector(mem, asked->input[2], &found->d, &found->mean1));
  return read_square(mem, asked->input[3], found->d, &found->cov1);
}

static int read_linear(wg_mem *mem, const wg_moments_request *asked, wg_moments_result *found) {
  WG_TRY(read_matrix(mem, asked->input[1], &found->rows, &found->columns, &found->matrix));
  found->d = found->rows + found->columns;
  WG_TRY(read_square(mem, asked->input[0], found->d, &found->cov0));
  return asked->mean ? read_vector(mem, asked->mean, &found->d, &found->mean0) : WG_OK;
}

static int read_affine(wg_mem *mem, const wg_moments_request *asked, wg_moments_result *found) {
  WG_TRY(read_vector(mem, asked->input[0], &found->d, &found->mean0));
  WG_TRY(read_square(mem, asked->input[1], found->d, &found->cov0));
  WG_TRY(read_square(mem, asked->input[2], found->d, &found->matrix));
  return asked->offset ? read_vector(mem, asked->offset, &found->d, &found->offset) : WG_OK;
}

/* One row a mode: s, r, beta. */
static int read_modes(wg_mem *mem, const wg_moments_request *asked, wg_moments_result *found) {
  int64_t columns = 3;
  double *table;
  WG_TRY(read_matrix(mem, asked->input[0], &found->d, &columns, &table));
  double **parts[] = {&found->s0, &found->r0, &found->beta};
  for (int part = 0; part < 3; part++) {
    double *numbers = WG_NEW(mem, double, found->d);
    if (!numbers) return wg_no_memory();
    for (int64_t i = 0; i < found->d; i++) numbers[i] = table[3 * i + part];
    *parts[part] = numbers;
  }
  return WG_OK;
}

int wg_moments_read(wg_mem *mem, const wg_moments_request *asked, wg_moments_result *found) {
  switch (asked->kind) {
    case WG_MOMENTS_OF_KL: return read_kl(mem, asked, found);
    case WG_MOMENTS_OF_LINEAR: return read_linear(mem, asked, found);
    case WG_MOMENTS_OF_AFFINE: return read_affine(mem, asked, found);
    default: return read_modes(mem, asked, found);
  }
}
