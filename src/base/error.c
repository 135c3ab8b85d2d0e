/* The last error of each thread, and the texts of statuses and outcomes.
 * Why thread-local: a failed setup has no object to hang a sentence on, and many threads may solve
 * at once. */
#include <stdarg.h>
#include <stdio.h>

#include "base/base.h"

static _Thread_local char error_detail[1024];

int wg_fail(int status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error_detail, sizeof error_detail, format, arguments);
  va_end(arguments);
  return status;
}

void wg_clear_error(void) { error_detail[0] = '\0'; }

const char *wg_error_detail(void) { return error_detail; }

const char *wg_version(void) { return WG_VERSION; }

const char *wg_status_text(int status) {
  switch (status) {
    case WG_OK: return "ok";
    case WG_ERR_ARGUMENT: return "unusable argument";
    case WG_ERR_INPUT: return "unusable data";
    case WG_ERR_MEMORY: return "out of memory";
    case WG_ERR_MEMORY_LIMIT: return "memory limit";
    case WG_ERR_INTERNAL: return "internal error";
    case WG_ERR_STATE: return "no solution yet";
    case WG_ERR_IO: return "file error";
    default: return status > 0 ? "ok" : "unknown status";
  }
}

const char *wg_outcome_text(int outcome) {
  switch (outcome) {
    case WG_CERTIFIED: return "certified";
    case WG_GAP_OPEN: return "gap-open";
    case WG_CALL_LIMIT: return "call-limit";
    case WG_TIME_LIMIT: return "time-limit";
    case WG_STOPPED: return "stopped";
    case WG_LOCAL: return "local";
    default: return "unknown";
  }
}
