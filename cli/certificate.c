/* Certificates as outputs of commands: made from arrays, written, given up. */
#include "cli.h"

wg_certificate_array wg_cli_array(const char *name, int ndim, int64_t n0, int64_t n1, int64_t n2,
                                  const double *data) {
  return (wg_certificate_array){.name = name, .ndim = ndim, .shape = {n0, n1, n2}, .data = data};
}

int wg_cli_write_certificate(const char *path, int status, wg_certificate_file *file) {
  if (status < 0) return status;
  status = wg_certificate_write(file, path);
  wg_certificate_free(file);
  return status;
}
