/* Many small Gaussian problems: handed out in handfuls to workers, each solved alone.
 *
 * A problem is solved the same way whoever takes it, so the bits do not depend on the number of
 * workers; of several unusable ones the first is reported, for workers go on until all before it
 * are done. The calling thread works too and is the one that reports and listens. Shared state is
 * behind one lock, taken once a handful. Cost: that of the solves; memory: one problem a worker. */
#include <stdio.h>

#include "api/api.h"

enum { HANDFUL = 16 };
static const double default_tol = 1e-10;

typedef struct batch {
  int64_t count, d;
  const double *mean[2], *cov[2];
  const wg_settings *settings;
  const wg_gauge_spec *spec;
  double *lower, *upper;
  int *outcome;
  int workers;
  wg_watch watch; /* polled by the calling thread */
  wg_lock *lock;
  /* under the lock */
  int64_t next, failed; /* next problem; the first that failed, or count */
  int64_t peak_bytes;
  int stop, status;
  char detail[1024];
} batch;

/* ---- workers ---- */

static void fail(batch *b, int64_t k, int status) {
  wg_lock_take(b->lock);
  if (k < b->failed) {
    b->failed = k;
    b->status = status;
    snprintf(b->detail, sizeof b->detail, "problem %lld: %.900s", (long long)k, wg_error_detail());
  }
  wg_lock_leave(b->lock);
}

/* The next handful from *from to before *to; false when there is nothing more to do. */
static bool give_out(batch *b, int64_t *from, int64_t *to) {
  if (wg_worker() == 0) {
    const int stopped = wg_watch_poll(&b->watch);
    wg_lock_take(b->lock);
    if (stopped) b->stop = stopped;
    wg_lock_leave(b->lock);
  }
  wg_lock_take(b->lock);
  *from = b->next;
  *to = b->next = WG_MIN(b->next + HANDFUL, b->count);
  const bool more = !b->stop && *from < *to && *from < b->failed;
  wg_lock_leave(b->lock);
  return more;
}

static int solve(const batch *b, int64_t k, int64_t *peak_bytes) {
  const int64_t d = b->d;
  const wg_cert_normal data = {d, b->mean[0] + k * d, b->cov[0] + k * d * d, b->mean[1] + k * d,
                               b->cov[1] + k * d * d};
  wg_context context = {.threads = 1};
  wg_gaussian_info found = {.struct_size = sizeof found};
  context.ledger.limit = (size_t)(b->settings->memory_limit / b->workers);
  wg_watch_start(&context.watch, b->watch.deadline - wg_now(), NULL, NULL);
  WG_TRY(wg_gaussian_bounds(&context, b->settings, &data, b->spec, &found));
  b->lower[k] = found.lower;
  b->upper[k] = found.upper;
  b->outcome[k] = found.outcome;
  *peak_bytes = WG_MAX(*peak_bytes, found.peak_bytes);
  return WG_OK;
}

static void work(batch *b) {
  int64_t from, to, peak_bytes = 0;
  while (give_out(b, &from, &to))
    for (int64_t k = from; k < to; k++) {
      const int status = solve(b, k, &peak_bytes);
      if (status < 0) fail(b, k, status);
    }
  wg_lock_take(b->lock);
  b->peak_bytes = WG_MAX(b->peak_bytes, peak_bytes);
  wg_lock_leave(b->lock);
}

static void run_workers(batch *b) {
#pragma omp parallel num_threads(b->workers)
  work(b);
}

/* ---- the call ---- */

static int check(const batch *b, const char *gauge, wg_gauge_spec *spec) {
  const wg_cert_normal data = {b->d, b->mean[0], b->cov[0], b->mean[1], b->cov[1]};
  if (b->count < 1)
    return wg_fail(WG_ERR_ARGUMENT, "count = %lld problems are not usable; give some",
                   (long long)b->count);
  if (!b->lower || !b->upper || !b->outcome)
    return wg_fail(WG_ERR_ARGUMENT, "lower, upper and outcome must not be NULL");
  return wg_gaussian_check(&data, gauge, spec);
}

static void summarise(const batch *b, wg_gaussian_batch_info *info) {
  *info = (wg_gaussian_batch_info){.struct_size = sizeof *info,
                                   .workers = b->workers,
                                   .seconds = wg_now() - b->watch.start,
                                   .peak_bytes = b->workers * b->peak_bytes};
  for (int64_t k = 0; k < b->count; k++) {
    if (b->outcome[k] != WG_TIME_LIMIT && b->outcome[k] != WG_STOPPED) info->solved++;
    info->certified += b->outcome[k] == WG_CERTIFIED;
    info->outcome = WG_MAX(info->outcome, b->outcome[k]);
    if (isfinite(b->upper[k]) && b->upper[k] > 0.0)
      info->largest_gap = WG_MAX(info->largest_gap, (b->upper[k] - b->lower[k]) / b->upper[k]);
  }
  if (b->stop) info->outcome = b->stop;
}

static int solve_all(batch *b, wg_gaussian_batch_info *info) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  if (!(b->lock = wg_lock_new(&mem))) return wg_no_memory();
  for (int64_t k = 0; k < b->count; k++) {
    b->lower[k] = 0.0;
    b->upper[k] = INFINITY;
    b->outcome[k] = WG_STOPPED;
  }
  run_workers(b);
  wg_lock_free(&mem, b->lock);
  if (b->failed < b->count) return wg_fail(b->status, "%s", b->detail);
  for (int64_t k = 0; k < b->count && b->stop; k++)
    if (isinf(b->upper[k])) b->outcome[k] = b->stop;
  summarise(b, info);
  return info->outcome;
}

int wg_gaussian_batch(int64_t count, int64_t d, const double *mean0, const double *cov0,
                      const double *mean1, const double *cov1, const char *gauge,
                      const wg_settings *settings, double *lower, double *upper, int *outcome,
                      wg_gaussian_batch_info *info) {
  wg_settings defaults;
  wg_gaussian_batch_info found;
  wg_settings_init(&defaults);
  defaults.tol = default_tol;
  batch b = {.count = count,
             .d = d,
             .mean = {mean0, mean1},
             .cov = {cov0, cov1},
             .settings = settings ? settings : &defaults,
             .lower = lower,
             .upper = upper,
             .outcome = outcome,
             .failed = count};
  wg_clear_error();
  WG_TRY(wg_check_settings(b.settings));
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_gauge_spec *spec = WG_NEW(&mem, wg_gauge_spec, 1);
  int status = spec ? check(&b, gauge, spec) : wg_no_memory();
  b.spec = spec;
  b.workers = (int)WG_MIN(wg_thread_count(b.settings->threads), (count + HANDFUL - 1) / HANDFUL);
  wg_watch_start(&b.watch, b.settings->time_limit, b.settings->progress, b.settings->progress_data);
  if (status == WG_OK) status = solve_all(&b, &found);
  wg_mem_clear(&mem);
  if (status >= 0 && info) *info = found;
  return status;
}
