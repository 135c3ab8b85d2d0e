/* Workers of one parallel region that share state: who they are, and a lock. OpenMP's own, so that
 * one kind of threads is all there is; without OpenMP there is one worker and nothing to lock. */
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/base.h"

struct wg_lock {
#ifdef _OPENMP
  omp_lock_t lock;
#else
  char none;
#endif
};

wg_lock *wg_lock_new(wg_mem *mem) {
  wg_lock *lock = WG_NEW(mem, wg_lock, 1);
#ifdef _OPENMP
  if (lock) omp_init_lock(&lock->lock);
#endif
  return lock;
}

void wg_lock_free(wg_mem *mem, wg_lock *lock) {
#ifdef _OPENMP
  omp_destroy_lock(&lock->lock);
#endif
  wg_drop(mem, lock);
}

void wg_lock_take(wg_lock *lock) {
#ifdef _OPENMP
  omp_set_lock(&lock->lock);
#else
  (void)lock;
#endif
}

void wg_lock_leave(wg_lock *lock) {
#ifdef _OPENMP
  omp_unset_lock(&lock->lock);
#else
  (void)lock;
#endif
}

int wg_worker(void) {
#ifdef _OPENMP
  return omp_get_thread_num();
#else
  return 0;
#endif
}

int wg_worker_count(void) {
#ifdef _OPENMP
  return omp_get_num_threads();
#else
  return 1;
#endif
}
