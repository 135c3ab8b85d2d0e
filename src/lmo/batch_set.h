/* The kernels of batch.h for one instruction set, in both types. The file that includes this one
 * sets WG_BATCH_SET, the name of the set, and WG_BYTES and WG_COLUMNS of batch_body.h. */
#include <float.h>

#include "lmo/batch.h"

#define REAL float
#define REAL_UNIT FLT_EPSILON
#define REAL_BITS int32_t
#define REAL_MAGNITUDE INT32_MAX
#define NAME(name) name##_float
#include "lmo/batch_body.h"
#undef REAL
#undef REAL_UNIT
#undef REAL_BITS
#undef REAL_MAGNITUDE
#undef NAME

#define REAL double
#define REAL_UNIT DBL_EPSILON
#define REAL_BITS int64_t
#define REAL_MAGNITUDE INT64_MAX
#define NAME(name) name##_double
#include "lmo/batch_body.h"

const wg_batch_kernels WG_BATCH_SET = {WG_BYTES, run_float, run_double};
