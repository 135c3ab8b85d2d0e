/* The step of Muon, entry by entry: tensors as matrices, momenta, and the rules of parameters that
 * are no matrices. Directions are found elsewhere (api/muon.c, by the polar factor or the oracle).
 *
 * A tensor's axes fall into three groups, those that count matrices, make up rows and make up
 * columns; an entry's place is then a sum of three terms, one a group, which are listed once. So
 * every assignment of axes costs the same, and nothing is transposed in memory.
 *
 * Momentum is kept in the type of the parameter and is what the next step begins with; arithmetic
 * is double, and what a direction is found for is computed from the old momentum again, so that a
 * step that fails has changed nothing. AdamW's second moment is double: the square of a float
 * neither overflows nor vanishes there.
 *
 * Cost a few operations an entry; memory the three lists. The body (muon_body.h) is compiled for
 * float and for double. */
#include <string.h>

#include "lmo/lmo.h"

/* ---- tensors as matrices ---- */

/* The places of all combinations of the axes with this letter, the last one fastest. */
static int64_t *list_places(int ndim, const int64_t *shape, const char *axes, char letter,
                            wg_mem *mem, int64_t *count) {
  int64_t stride[WG_MUON_AXES], step = 1, have = 1;
  *count = 1;
  for (int a = ndim - 1; a >= 0; a--) {
    stride[a] = step;
    step *= shape[a];
    if (axes[a] == letter) *count *= shape[a];
  }
  int64_t *places = WG_NEW(mem, int64_t, *count);
  for (int a = 0; places && a < ndim; a++) {
    if (axes[a] != letter) continue;
    for (int64_t k = have - 1; k >= 0; k--) /* from the end: in place */
      for (int64_t i = shape[a] - 1; i >= 0; i--)
        places[k * shape[a] + i] = places[k] + i * stride[a];
    have *= shape[a];
  }
  return places;
}

int wg_matricise(int ndim, const int64_t *shape, const char *axes, wg_mem *mem, wg_matrices *out) {
  if (strlen(axes) != (size_t)ndim || strspn(axes, "brc") != (size_t)ndim)
    return wg_fail(WG_ERR_ARGUMENT, "axes '%.40s' are not %d letters b, r or c", axes, ndim);
  *out = (wg_matrices){.count = 0};
  out->start = list_places(ndim, shape, axes, 'b', mem, &out->count);
  out->row = list_places(ndim, shape, axes, 'r', mem, &out->rows);
  out->column = list_places(ndim, shape, axes, 'c', mem, &out->columns);
  return out->start && out->row && out->column ? WG_OK : wg_no_memory();
}

/* ---- entries ---- */

#define REAL float
#define NAME(name) name##_float
#include "lmo/muon_body.h"
#undef REAL
#undef NAME

#define REAL double
#define NAME(name) name##_double
#include "lmo/muon_body.h"

int64_t wg_muon_fault(bool single, int64_t count, const void *entries, double most) {
  return single ? fault_float(count, entries, most) : fault_double(count, entries, most);
}

void wg_muon_gather(const wg_muon_slot *slot, const wg_muon_rates *rates, const void *gradient,
                    const wg_matrices *matrices, const wg_matrix_block *block, void *out) {
  if (slot->single)
    gather_float(slot->momentum, rates, gradient, matrices, block, out);
  else
    gather_double(slot->momentum, rates, gradient, matrices, block, out);
}

void wg_muon_scatter(const wg_muon_slot *slot, const wg_muon_rates *rates, double factor,
                     const wg_matrices *matrices, const wg_matrix_block *block,
                     const void *direction, void *values) {
  if (slot->single)
    scatter_float(rates, factor, matrices, block, direction, values);
  else
    scatter_double(rates, factor, matrices, block, direction, values);
}

void wg_muon_advance(const wg_muon_slot *slot, const wg_muon_rates *rates, const void *gradient) {
  if (slot->single)
    advance_float(slot->count, rates, gradient, slot->momentum);
  else
    advance_double(slot->count, rates, gradient, slot->momentum);
}

void wg_muon_sgd(const wg_muon_slot *slot, const wg_muon_rates *rates, const void *gradient,
                 void *values) {
  if (slot->single)
    sgd_float(slot->count, rates, gradient, slot->momentum, values);
  else
    sgd_double(slot->count, rates, gradient, slot->momentum, values);
}

void wg_muon_adamw(const wg_muon_slot *slot, const wg_muon_rates *rates, const void *gradient,
                   void *values) {
  if (slot->single)
    adamw_float(slot->count, rates, gradient, slot->momentum, slot->second, values);
  else
    adamw_double(slot->count, rates, gradient, slot->momentum, slot->second, values);
}
