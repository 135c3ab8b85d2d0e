/* For clang-tidy only (scripts/lint.py): what its analyzer cannot see across files, told by macros.
 * A failure is negative; a status that WG_TRY lets pass is WG_OK. Without this it follows paths on
 * which an allocation failed and the failure was reported as success. */
#include "base/base.h"

#define wg_fail(status, ...) (wg_fail((status), __VA_ARGS__), (status))
#define wg_no_memory() (wg_no_memory(), WG_ERR_MEMORY)
#undef WG_TRY
#define WG_TRY(call)                                \
  do {                                              \
    int wg_try_status = (call);                     \
    if (wg_try_status < 0) return wg_try_status;    \
    if (wg_try_status > 0) __builtin_unreachable(); \
  } while (0)
