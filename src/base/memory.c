/* Every allocation of the library. A block carries a header that links it to its owner, so an owner
 * is freed whole whatever happened in between, and a ledger that sums a solver's bytes, so that a
 * limit is refused before the system is asked. Overhead 64 bytes a block. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

struct wg_block {
  wg_block *next, *previous;
  size_t bytes; /* payload */
};
enum { HEADER = 64 };
_Static_assert(sizeof(struct wg_block) <= HEADER, "the header has room for a block");

static atomic_long fail_at, allocations;
static _Thread_local int last_failure = WG_ERR_MEMORY;

void wg_fail_allocation(long k) {
  atomic_store(&allocations, 0);
  atomic_store(&fail_at, k);
}

long wg_allocation_count(void) { return atomic_load(&allocations); }

int wg_no_memory(void) { return last_failure; }

wg_mem wg_mem_of(wg_ledger *ledger) { return (wg_mem){.ledger = ledger, .blocks = NULL}; }

/* Checks that `bytes` more may be had; sets the error detail if not. */
static bool may_have(const wg_ledger *ledger, size_t bytes) {
  if (ledger->limit && (bytes > ledger->limit || ledger->now > ledger->limit - bytes)) {
    last_failure = wg_fail(WG_ERR_MEMORY_LIMIT,
                           "memory limit: %zu bytes are held and %zu more are needed, the limit is "
                           "%zu; raise it to at least %zu",
                           ledger->now, bytes, ledger->limit, ledger->now + bytes);
    return false;
  }
  return true;
}

static void *refused(size_t bytes) {
  last_failure = wg_fail(WG_ERR_MEMORY, "out of memory: %zu bytes were refused", bytes);
  return NULL;
}

static wg_block *system_block(size_t bytes) {
  long count = atomic_fetch_add(&allocations, 1) + 1;
  if (count == atomic_load(&fail_at)) return NULL;
  size_t whole = (HEADER + bytes + 63) / 64 * 64;
  return aligned_alloc(64, whole);
}

static void count_in(wg_ledger *ledger, size_t bytes) {
  ledger->now += bytes;
  ledger->peak = WG_MAX(ledger->peak, ledger->now);
}

void *wg_new(wg_mem *mem, size_t count, size_t size) {
  if (size && count > (SIZE_MAX / 2 - HEADER) / size) return refused(SIZE_MAX);
  size_t bytes = count * size;
  if (!may_have(mem->ledger, bytes)) return NULL;
  wg_block *block = system_block(bytes);
  if (!block) return refused(bytes);
  *block = (wg_block){.next = mem->blocks, .previous = NULL, .bytes = bytes};
  if (mem->blocks) mem->blocks->previous = block;
  mem->blocks = block;
  count_in(mem->ledger, bytes);
  void *payload = (char *)block + HEADER;
  memset(payload, 0, bytes);
  return payload;
}

/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes the first block to have one before it. */
static wg_block *block_of(void *pointer) { return (wg_block *)((char *)pointer - HEADER); }

void wg_drop(wg_mem *mem, void *pointer) {
  if (!pointer) return;
  wg_block *block = block_of(pointer);
  if (block->previous)
    block->previous->next = block->next;
  else
    mem->blocks = block->next;
  if (block->next) block->next->previous = block->previous;
  mem->ledger->now -= block->bytes;
  free(block);
}

void *wg_grow(wg_mem *mem, void *pointer, size_t count, size_t size) {
  void *fresh = wg_new(mem, count, size);
  if (!fresh || !pointer) return fresh;
  size_t old = block_of(pointer)->bytes;
  memcpy(fresh, pointer, WG_MIN(old, count * size));
  wg_drop(mem, pointer);
  return fresh;
}

void wg_mem_clear(wg_mem *mem) {
  while (mem->blocks) wg_drop(mem, (char *)mem->blocks + HEADER);
}
