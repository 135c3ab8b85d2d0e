/* Files that commands read and write: what is the same for all of them.
 *
 * All outputs are checked before a solve that may take hours. Two names for one file, or an output
 * that would overwrite an input, are recognised through links as well. Weights are checked here and
 * again by the library, which knows no names of files. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

int wg_cli_read_member(wg_mem *mem, const char *path, const char *key, bool *used,
                       wg_io_array *array) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  wg_io_bytes bytes = {0};
  int status = wg_io_load(&scratch, path, &bytes);
  bool archive = status == WG_OK && wg_io_recognise(bytes) == WG_IO_NPZ;
  *used |= archive && key;
  if (status == WG_OK) status = wg_io_parse(mem, bytes, archive ? key : NULL, array);
  wg_mem_clear(&scratch);
  return status;
}

int wg_cli_read_weights(wg_mem *mem, const char *path, const char *one, const char *many,
                        const char *points, int64_t n, double **weights) {
  wg_io_array array;
  int64_t count;
  if (!path) return WG_OK;
  WG_TRY(wg_io_read(mem, path, NULL, &array));
  WG_TRY(wg_io_check_vector(path, &array, &count));
  WG_TRY(wg_io_check_finite(path, &array));
  *weights = array.data;
  if (count == n) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "%s holds %" PRId64 " %s, but %s holds %" PRId64 " points; give one %s a point",
                 wg_io_name(path), count, many, wg_io_name(points), n, one);
}

int wg_cli_check_weights(const char *name, int64_t count, const double *weights) {
  const double tolerance = 1e-6; /* of wg_setup */
  wg_sum sum = {0, 0};
  for (int64_t i = 0; i < count; i++) {
    if (weights[i] < 0)
      return wg_fail(WG_ERR_INPUT,
                     "%s: entry [%" PRId64 "] = %g is negative; weights are numbers >= 0", name, i,
                     weights[i]);
    wg_sum_add(&sum, weights[i]);
  }
  double total = wg_sum_value(sum);
  if (!(total > 0))
    return wg_fail(WG_ERR_INPUT, "%s: the weights sum to zero; at least one must be positive",
                   name);
  if (!(fabs(total - 1) <= tolerance))
    return wg_fail(WG_ERR_INPUT,
                   "%s: the weights sum to %.9g, not to one within 1e-6; divide them by their sum",
                   name, total);
  return WG_OK;
}

/* ---- outputs ---- */

/* A device may be written any number of times. */
static bool same_file(const char *one, const char *other) {
  struct stat first, second;
  if (!one || !other) return false;
  bool both = stat(one, &first) == 0 && stat(other, &second) == 0;
  if (!both) return !strcmp(one, other);
  return S_ISREG(first.st_mode) && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static bool is_stream(const char *path) { return path && !strcmp(path, "-"); }

int wg_cli_check_paths(int outputs, const wg_cli_path *output, int inputs,
                       const wg_cli_path *input) {
  for (int i = 0; i < outputs; i++) {
    for (int j = 0; j < i; j++)
      if (same_file(output[i].path, output[j].path))
        return wg_fail(WG_ERR_ARGUMENT, "%s and %s both write %s; give each a name of its own",
                       output[j].option, output[i].option, output[i].path);
    for (int j = 0; j < inputs; j++)
      if (!is_stream(output[i].path) && same_file(output[i].path, input[j].path))
        return wg_fail(WG_ERR_ARGUMENT, "%s %s would overwrite the input %s; give another name",
                       output[i].option, output[i].path, input[j].option);
  }
  for (int i = 0; i < outputs; i++)
    if (output[i].path) WG_TRY(wg_io_check_writable(output[i].path));
  return WG_OK;
}

/* ---- directories ---- */

int wg_cli_join(char path[PATH_MAX], const char *directory, const char *name) {
  int length = snprintf(path, PATH_MAX, "%s/%s", directory, name);
  if (length < PATH_MAX) return WG_OK;
  return wg_fail(WG_ERR_IO, "%s: the name is too long; choose a shorter directory", directory);
}

int wg_cli_make_directory(const char *path) {
  char prefix[PATH_MAX];
  size_t length = strlen(path);
  for (size_t k = 1; k <= length && length < sizeof prefix; k++) {
    if (path[k] != '/' && path[k] != '\0') continue;
    memcpy(prefix, path, k);
    prefix[k] = '\0';
    if (mkdir(prefix, 0777) == 0 || errno == EEXIST) continue;
    return wg_fail(WG_ERR_IO, "%s cannot be made: %s; give another --out", path, strerror(errno));
  }
  return WG_OK;
}
