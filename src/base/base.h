/* base: memory, errors, threads, time, progress, random numbers. Knows no mathematics. */
#ifndef WG_BASE_H
#define WG_BASE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wgamma.h"

/* ---- errors (error.c) ---- */
/* Leaves the formatted sentence for wg_error_detail() and returns status. */
int wg_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
void wg_clear_error(void);
/* Runs call; returns its status from the enclosing function when negative. */
#define WG_TRY(call)                             \
  do {                                           \
    int wg_try_status = (call);                  \
    if (wg_try_status < 0) return wg_try_status; \
  } while (0)

/* ---- memory (memory.c): every allocation of the library ---- */
/* A ledger counts bytes for a solver; owners (wg_mem) are lists of blocks freed together, so that
 * a function that fails half-way has one line of clean-up: wg_mem_clear. */
typedef struct wg_ledger {
  size_t now, peak;
  size_t limit; /* 0: none */
} wg_ledger;
typedef struct wg_block wg_block;
typedef struct wg_mem {
  wg_ledger *ledger;
  wg_block *blocks;
} wg_mem;
wg_mem wg_mem_of(wg_ledger *ledger);
/* count * size zeroed bytes, 64-byte aligned, or NULL with the error detail set. count = 0 gives a
 * valid pointer. */
void *wg_new(wg_mem *mem, size_t count, size_t size);
/* Resizes a block of this owner (NULL: allocates); on failure the old block is untouched. New bytes
 * are zero. */
void *wg_grow(wg_mem *mem, void *pointer, size_t count, size_t size);
void wg_drop(wg_mem *mem, void *pointer); /* NULL is fine */
void wg_mem_clear(wg_mem *mem);
/* The status of the allocation that just failed: WG_ERR_MEMORY or WG_ERR_MEMORY_LIMIT. */
int wg_no_memory(void);
#define WG_NEW(mem, type, count) ((type *)wg_new((mem), (size_t)(count), sizeof(type)))
#define WG_GROW(mem, pointer, type, count) \
  ((type *)wg_grow((mem), (pointer), (size_t)(count), sizeof(type)))
/* For tests: the k-th allocation of the process from now fails (k = 0: never). */
void wg_fail_allocation(long k);
/* For tests: the number of allocations since the last call of wg_fail_allocation. */
long wg_allocation_count(void);

/* ---- time and progress (watch.c) ---- */
double wg_now(void); /* monotonic seconds */
typedef struct wg_watch {
  double start, deadline, last_report;
  wg_progress_fn report;
  void *data;
  wg_progress state;
  int stopped;   /* 0, or the wg_outcome that ends the solve: WG_TIME_LIMIT or WG_STOPPED */
  char text[96]; /* a phase that is made up as the solve goes */
} wg_watch;
void wg_watch_start(wg_watch *watch, double time_limit, wg_progress_fn report, void *data);
/* Makes a sentence the phase that progress reports show. */
void wg_watch_phase(wg_watch *watch, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Reports if a tenth of a second has passed; returns watch->stopped. Cheap enough for once a
 * thousand pivots. Call from the main thread only. */
int wg_watch_poll(wg_watch *watch);

/* ---- the context that solvers carry ---- */
typedef struct wg_context {
  wg_ledger ledger;
  wg_watch watch;
  int threads; /* >= 1 */
} wg_context;
int wg_thread_count(int asked); /* 0: all cores */
/* How many threads `work` elementary operations deserve: waking one costs some 10 microseconds. */
int wg_threads_for(int threads, double work);

/* ---- workers of a parallel region that share state (workers.c) ---- */
typedef struct wg_lock wg_lock;
wg_lock *wg_lock_new(wg_mem *mem); /* NULL without memory */
void wg_lock_free(wg_mem *mem, wg_lock *lock);
void wg_lock_take(wg_lock *lock);
void wg_lock_leave(wg_lock *lock);
int wg_worker(void); /* 0: the calling thread */
int wg_worker_count(void);

/* ---- random numbers (rng.c): splitmix64, the same stream everywhere ---- */
typedef struct wg_rng {
  uint64_t state;
} wg_rng;
uint64_t wg_rng_bits(wg_rng *rng);
double wg_rng_uniform(wg_rng *rng); /* [0, 1) */
double wg_rng_normal(wg_rng *rng);

/* ---- patterns of names (pattern.c) ---- */
/* Whether name is what the pattern of `length` letters stands for: * is any text, ? any letter,
 * and letters stand for both their cases. */
bool wg_pattern_fits(const char *pattern, size_t length, const char *name);
/* The first pattern of a list with commas between that fits, and its length; NULL: none. */
const char *wg_pattern_find(const char *patterns, const char *name, size_t *length);

/* ---- code for several processors (chosen when the program is loaded) ---- */
/* Marks a kernel to be compiled for AVX-512, AVX2 and the base processor. Sanitizers and clang do
 * not support the mechanism: there the base version stands alone. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WG_MULTIVERSION \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WG_MULTIVERSION
#endif

/* ---- small helpers ---- */
#define WG_MIN(a, b) ((a) < (b) ? (a) : (b))
#define WG_MAX(a, b) ((a) > (b) ? (a) : (b))
/* Unit roundoff of double. */
#define WG_UNIT 1.1102230246251565e-16

/* A sum with a running correction (Neumaier): error <= 2 units of the result + n^2 u^2 sum|x|. */
typedef struct wg_sum {
  double high, low;
} wg_sum;
static inline void wg_sum_add(wg_sum *sum, double value) {
  double total = sum->high + value;
  if (fabs(sum->high) >= fabs(value))
    sum->low += (sum->high - total) + value;
  else
    sum->low += (value - total) + sum->high;
  sum->high = total;
}
static inline double wg_sum_value(wg_sum sum) { return sum.high + sum.low; }

#include "base/exact.h"
#include "base/twofold.h"

#endif
