/* Private to the files of wgamma path: the family of gauges. */
#ifndef WG_CLI_PATH_H
#define WG_CLI_PATH_H

#include "cli.h"

enum { WG_PATH_MOST = 1000, WG_PATH_LABEL = 32 };

typedef struct wg_path_family {
  int64_t count;
  char **gauges;     /* canonical                                                       */
  char **labels;     /* short: "2", "inf", a gauge                                      */
  double *parameter; /* p or k; NULL for a list                                         */
  const char *name;  /* "p", "k", "gauge"                                               */
} wg_path_family;

/* "p=A:B[:COUNT]", "kyfan=A:B" or gauges separated by ';' (WG_ERR_ARGUMENT names --gauges). */
int wg_path_parse(wg_mem *mem, const char *text, wg_path_family *family);

#endif
