/* Data that come with wgamma: beside the sources, in a tree that was not installed, or installed.
 */
#include <unistd.h>

#include "cli.h"

int wg_cli_find_data(const char *asked, const char *probe, const char **directory) {
  static const char *const places[] = {"examples/data", WG_SOURCE_DIR "/examples/data",
                                       WG_DATA_DIR};
  char path[PATH_MAX];
  *directory = asked;
  for (size_t k = 0; !*directory && k < sizeof places / sizeof *places; k++) {
    WG_TRY(wg_cli_join(path, places[k], probe));
    if (access(path, R_OK) == 0) *directory = places[k];
  }
  if (*directory) return WG_OK;
  return wg_fail(WG_ERR_IO, "%s is neither in examples/data nor in %s; give --data DIR", probe,
                 WG_DATA_DIR);
}
