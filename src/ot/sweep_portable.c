/* Sweep kernels in plain C, for any processor. */
#define WG_SWEEP_SET wg_sweep_portable
#define WG_SWEEP_NAME "portable"
#define WG_LANES 4
#define WG_AT_ONCE 2
#define WG_ANY_SIGN(v) (((v)[0] | (v)[1] | (v)[2] | (v)[3]) < 0)
#define WG_LEAST(a, b) least_of(a, b)

typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

static inline four least_of(four a, four b) {
  for (int i = 0; i < 4; i++) a[i] = b[i] < a[i] ? b[i] : a[i];
  return a;
}
#include "ot/sweep_body.h"
