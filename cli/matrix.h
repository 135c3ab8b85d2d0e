/* What lmo, polar and muon-step share: a matrix in, a matrix of the same shape and type out. */
#ifndef WG_CLI_MATRIX_H
#define WG_CLI_MATRIX_H

#include "cli.h"

/* Words for wg_polar_method. */
enum { WG_CLI_METHODS = 5 };
extern const char *const wg_cli_methods[WG_CLI_METHODS];

typedef struct wg_cli_matrix {
  const char *path;
  bool single;         /* float32; else float64 */
  int64_t count, n, d; /* count: 1 but for a batch */
  int ndim;
  int64_t shape[WG_IO_MAX_NDIM];
  const void *data;
  wg_io_map map; /* when the file needs no conversion */
} wg_cli_matrix;
/* Maps or reads the matrix; key as in wg_cli_read_member. float32 stays float32, other types become
 * float64. batches: with three axes it is many. Sets *used if the key was needed. */
int wg_cli_matrix_open(wg_mem *mem, const char *path, const char *key, bool batches, bool *used,
                       wg_cli_matrix *matrix);
void wg_cli_matrix_close(wg_cli_matrix *matrix);
/* Whether the file held float32. */
bool wg_cli_is_single(const wg_io_array *array);
/* The entries as float; NULL without memory. */
float *wg_cli_made_single(wg_mem *mem, const wg_io_array *array);
/* An output like `matrix` at path. */
int wg_cli_matrix_output(wg_mem *mem, const wg_cli_matrix *matrix, const char *path,
                         wg_io_output **output, void **data);
/* A shape as JSON. */
json_t *wg_cli_shape(int ndim, const int64_t *shape);

#endif
