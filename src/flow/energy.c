/* What every energy shares: one object that owns its memory, itself included.
 *
 * An energy is a struct that begins with wg_energy_owner. Its first block is the object, so that
 * one walk over the blocks frees everything, and evaluations may keep scratch there from one step
 * of a flow to the next. Cost and memory: none of note. */
#include <string.h>

#include "flow/flow.h"

void *wg_energy_new(size_t size, const char *name, int64_t d, double infimum,
                    int (*evaluate)(void *, int64_t, int64_t, const double *, const double *,
                                    double *, double *)) {
  wg_ledger first = {0};
  wg_mem mem = wg_mem_of(&first);
  wg_energy_owner *owner = wg_new(&mem, 1, size);
  if (!owner) return NULL;
  owner->energy = (wg_energy){.name = name,
                              .d = d,
                              .infimum = infimum,
                              .evaluate = evaluate,
                              .release = wg_energy_release,
                              .self = owner};
  owner->ledger = first;
  mem.ledger = &owner->ledger; /* the ledger moves into the first block, which it counts */
  owner->mem = mem;
  return owner;
}

void wg_energy_release(void *self) {
  wg_energy_owner *owner = self;
  wg_ledger ledger = owner->ledger;
  wg_mem mem = owner->mem;
  mem.ledger = &ledger; /* the owner, and the ledger in it, are among the blocks freed */
  wg_mem_clear(&mem);
}

wg_energy *wg_energy_abandon(wg_energy_owner *owner) {
  wg_energy_release(owner);
  return NULL;
}

double *wg_energy_copy(wg_energy_owner *owner, int64_t count, const double *numbers) {
  double *copy = WG_NEW(&owner->mem, double, count);
  if (copy) memcpy(copy, numbers, (size_t)count * sizeof *copy);
  return copy;
}

bool wg_energy_takes(wg_rng *rng, int64_t wanted, int64_t left) {
  return (double)left * wg_rng_uniform(rng) < (double)wanted;
}

int wg_energy_scratch(wg_mem *mem, int64_t count, double **room, int64_t *size) {
  if (*room && *size >= count) return WG_OK;
  double *fresh = WG_NEW(mem, double, count);
  if (!fresh) return wg_no_memory();
  wg_drop(mem, *room);
  *room = fresh;
  *size = count;
  return WG_OK;
}
