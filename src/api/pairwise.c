/* All distances of many clouds: pairs handed out to workers, each solved alone on one thread.
 *
 * Why every pair starts cold: a pair's result is then the same to the bit whatever the number of
 * workers, their order, and the pairs a resumed run leaves out. And little is lost: keeping one
 * cloud and moving the other (wg_set_points) from pair to pair was measured to need nearly as many
 * transport problems and 1.1 to 2 times the time, for clouds that have nothing in common and for
 * clouds along a path alike (60 to 200 points): the basis of another pair is a bad start.
 * Why pairs and not threads inside a pair: transport of some hundred points has too little to do
 * for several threads; a single worker (one pair, or memory for one) gets them all.
 *
 * The calling thread works too, reports, and waits for the others while it still listens, so that
 * a stop is heard during the last long pair. Shared state is behind one lock, taken some
 * microseconds a pair. Cost: that of the solves; memory: one solver a worker. */
#include <stdio.h>
#include <time.h>

#include "api/api.h"

typedef struct pairwise {
  int64_t count, d;
  const wg_points *clouds;
  const char *gauge;
  const wg_settings *asked;
  const unsigned char *known; /* count x count, or NULL */
  wg_pair_fn done;
  void *data;
  int workers;
  int64_t pairs; /* to solve */
  double start, last_report;
  wg_lock *lock;
  /* under the lock */
  int64_t i, j; /* the pair that was given out last */
  int64_t solver_peak;
  int ended;  /* workers that found no more pairs    */
  int stop;   /* 0, or the outcome that ends it all  */
  int status; /* the first failure, and its sentence */
  int worst;  /* largest outcome of a pair           */
  char detail[1024];
  wg_pairwise_info info;
} pairwise;

/* ---- under the lock ---- */

static bool is_known(const pairwise *p) { return p->known && p->known[p->i * p->count + p->j]; }

/* Row by row above the diagonal; false when there are no more. */
static bool advance(pairwise *p) {
  do
    if (++p->j == p->count) p->j = ++p->i + 1;
  while (p->i < p->count - 1 && is_known(p));
  return p->i < p->count - 1;
}

static void fail(pairwise *p, int status, const wg_pair *pair) {
  if (p->status < 0) return;
  p->status = status;
  p->stop = WG_STOPPED;
  snprintf(p->detail, sizeof p->detail, "clouds %lld and %lld: %.900s", (long long)pair->i,
           (long long)pair->j, wg_error_detail());
}

static void take_in(pairwise *p, wg_pair *pair, const wg_info *info) {
  if (pair->outcome == WG_STOPPED && p->stop) pair->outcome = p->stop; /* the reason of the whole */
  const bool cut_short = pair->outcome == WG_TIME_LIMIT || pair->outcome == WG_STOPPED;
  p->info.oracle_calls += info->oracle_calls;
  p->info.pivots += info->pivots;
  p->solver_peak = WG_MAX(p->solver_peak, info->peak_bytes);
  p->info.pairs += !cut_short;
  if (!cut_short) p->worst = WG_MAX(p->worst, pair->outcome);
  if (cut_short && !p->stop) p->stop = pair->outcome;
  if (p->done && p->done(pair, p->data) && !p->stop) p->stop = WG_STOPPED;
}

/* ---- reports, from the calling thread ---- */

static void tell(pairwise *p, double now) {
  char phase[96];
  wg_progress at = {.phase = phase, .seconds = now - p->start, .seconds_left = NAN};
  at.upper = INFINITY;
  wg_lock_take(p->lock);
  const int64_t pairs = p->info.pairs;
  at.oracle_calls = p->info.oracle_calls;
  wg_lock_leave(p->lock);
  const double rate = (double)pairs / at.seconds;
  snprintf(phase, sizeof phase, "%lld of %lld pairs, %.3g/s", (long long)pairs, (long long)p->pairs,
           rate);
  if (pairs > 0) at.seconds_left = (double)(p->pairs - pairs) / rate;
  if (!p->asked->progress(&at, p->asked->progress_data)) return;
  wg_lock_take(p->lock);
  if (!p->stop) p->stop = WG_STOPPED;
  wg_lock_leave(p->lock);
}

/* Returns what ends it all, if something does. */
static int look_up(pairwise *p) {
  const double report_every = 0.1, now = wg_now();
  if (wg_worker() == 0 && p->asked->progress && now - p->last_report >= report_every) {
    p->last_report = now;
    tell(p, now);
  }
  wg_lock_take(p->lock);
  if (!p->stop && now - p->start > p->asked->time_limit) p->stop = WG_TIME_LIMIT;
  const int stop = p->stop;
  wg_lock_leave(p->lock);
  return stop;
}

/* The progress callback of every solver. */
static int watch(const wg_progress *at, void *data) {
  (void)at;
  return look_up(data) != 0;
}

/* ---- workers ---- */

static int solve(pairwise *p, wg_pair *pair, wg_info *info) {
  const wg_points *x = &p->clouds[pair->i], *y = &p->clouds[pair->j];
  wg_settings settings = *p->asked;
  wg_solver *solver;
  settings.threads = p->workers > 1 ? 1 : wg_thread_count(p->asked->threads);
  settings.memory_limit = p->asked->memory_limit / p->workers;
  settings.time_limit = WG_MAX(p->asked->time_limit - (wg_now() - p->start), 1e-9);
  settings.progress = watch;
  settings.progress_data = p;
  WG_TRY(wg_setup(&solver, x->n, y->n, p->d, x->points, x->weights, y->points, y->weights, p->gauge,
                  &settings));
  const int outcome = wg_solve(solver, info);
  wg_free(solver);
  pair->outcome = outcome;
  pair->lower = info->lower;
  pair->upper = info->upper;
  pair->gap = info->gap;
  pair->w = info->w;
  pair->seconds = info->seconds;
  pair->oracle_calls = info->oracle_calls;
  return outcome;
}

static bool give_out(pairwise *p, wg_pair *pair) {
  wg_lock_take(p->lock);
  const bool more = !p->stop && advance(p);
  *pair = (wg_pair){.struct_size = sizeof *pair, .i = p->i, .j = p->j};
  wg_lock_leave(p->lock);
  return more;
}

static void work(pairwise *p) {
  wg_pair pair;
  while (!look_up(p) && give_out(p, &pair)) {
    wg_info info = {.struct_size = sizeof info};
    const int status = solve(p, &pair, &info);
    wg_lock_take(p->lock);
    if (status < 0)
      fail(p, status, &pair);
    else
      take_in(p, &pair, &info);
    wg_lock_leave(p->lock);
  }
}

/* Until the others have ended: they are asked to stop through this thread. */
static void wait_for_others(pairwise *p, int others) {
  const struct timespec moment = {.tv_nsec = 5000000};
  for (bool waiting = true; waiting;) {
    look_up(p);
    wg_lock_take(p->lock);
    waiting = p->ended < others;
    wg_lock_leave(p->lock);
    if (waiting) nanosleep(&moment, NULL);
  }
}

static void run_workers(pairwise *p) {
#pragma omp parallel num_threads(p->workers)
  {
    work(p);
    if (wg_worker() == 0) {
      wait_for_others(p, wg_worker_count() - 1);
    } else {
      wg_lock_take(p->lock);
      p->ended++;
      wg_lock_leave(p->lock);
    }
  }
}

/* ---- the call ---- */

static int check(const pairwise *p) {
  char name[48], weights[64], text[WG_GAUGE_TEXT];
  if (p->count < 1 || p->count > INT32_MAX || !p->clouds)
    return wg_fail(WG_ERR_ARGUMENT, "count = %lld clouds are not usable; give some",
                   (long long)p->count);
  if (p->d < 1 || !p->gauge)
    return wg_fail(WG_ERR_ARGUMENT, "d = %lld must be at least 1 and a gauge be given",
                   (long long)p->d);
  WG_TRY(wg_gauge_canonical(p->gauge, p->d, text, sizeof text));
  for (int64_t k = 0; k < p->count; k++) {
    snprintf(name, sizeof name, "cloud %lld", (long long)k);
    snprintf(weights, sizeof weights, "weights of cloud %lld", (long long)k);
    if (!p->clouds[k].points) return wg_fail(WG_ERR_ARGUMENT, "%s has no points", name);
    WG_TRY(wg_measure_check(name, weights, p->clouds[k].n, p->d, p->clouds[k].points,
                            p->clouds[k].weights));
  }
  return WG_OK;
}

static int64_t count_pairs(pairwise *p) {
  int64_t pairs = 0;
  while (advance(p)) pairs++;
  p->i = p->j = 0;
  return pairs;
}

/* As many as there are threads, pairs, and room for solvers of the two largest clouds: generously,
 * for each gets its part of the limit, and what one worker could do must not fail with several. */
static int choose_workers(const pairwise *p) {
  const int64_t small = 1 << 20; /* what the estimate, made for large clouds, leaves out */
  int64_t first = 0, second = 0, workers = wg_thread_count(p->asked->threads);
  for (int64_t k = 0; k < p->count; k++) {
    second = WG_MAX(second, WG_MIN(first, p->clouds[k].n));
    first = WG_MAX(first, p->clouds[k].n);
  }
  const int64_t room = 2 * wg_memory_estimate(first, second, p->d) + small;
  if (p->asked->memory_limit > 0) workers = WG_MIN(workers, p->asked->memory_limit / room);
  return (int)WG_MAX(1, WG_MIN(workers, p->pairs));
}

int wg_pairwise(int64_t count, int64_t d, const wg_points *clouds, const char *gauge,
                const wg_settings *settings, const unsigned char *known, wg_pair_fn done,
                void *data, wg_pairwise_info *info) {
  wg_settings defaults;
  wg_settings_init(&defaults);
  pairwise p = {.count = count,
                .d = d,
                .clouds = clouds,
                .gauge = gauge,
                .asked = settings ? settings : &defaults,
                .known = known,
                .done = done,
                .data = data,
                .start = wg_now()};
  wg_clear_error();
  WG_TRY(wg_check_settings(p.asked));
  WG_TRY(check(&p));
  p.last_report = p.start;
  p.pairs = count_pairs(&p);
  p.workers = choose_workers(&p);
  wg_ledger ledger = {.limit = 0};
  wg_mem mem = wg_mem_of(&ledger);
  if (!(p.lock = wg_lock_new(&mem))) return wg_no_memory();
  run_workers(&p);
  wg_lock_free(&mem, p.lock);
  if (p.status < 0) return wg_fail(p.status, "%s", p.detail);
  p.info.struct_size = sizeof p.info;
  p.info.outcome = p.info.pairs < p.pairs ? p.stop : p.worst;
  p.info.workers = p.workers;
  p.info.seconds = wg_now() - p.start;
  p.info.peak_bytes = p.workers * p.solver_peak;
  if (info) *info = p.info;
  return p.info.outcome;
}
