/* Time, deadlines and progress. One watch a solve; polling costs one clock read. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/base.h"

double wg_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void wg_watch_start(wg_watch *watch, double time_limit, wg_progress_fn report, void *data) {
  double start = wg_now();
  *watch = (wg_watch){.start = start,
                      .deadline = start + time_limit,
                      .last_report = start,
                      .report = report,
                      .data = data,
                      .state = {.phase = "", .upper = INFINITY, .seconds_left = NAN}};
}

void wg_watch_phase(wg_watch *watch, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(watch->text, sizeof watch->text, format, arguments);
  va_end(arguments);
  watch->state.phase = watch->text;
}

int wg_watch_poll(wg_watch *watch) {
  const double report_every = 0.1;
  if (watch->stopped) return watch->stopped;
  double now = wg_now();
  if (now > watch->deadline) watch->stopped = WG_TIME_LIMIT;
  if (watch->report && now - watch->last_report >= report_every) {
    watch->last_report = now;
    watch->state.seconds = now - watch->start;
    if (watch->report(&watch->state, watch->data)) watch->stopped = WG_STOPPED;
  }
  return watch->stopped;
}

int wg_thread_count(int asked) {
#ifdef _OPENMP
  return asked > 0 ? asked : omp_get_num_procs();
#else
  return asked > 0 ? 1 : 1;
#endif
}

int wg_threads_for(int threads, double work) {
  const double worth_a_thread = 4e5;
  return (int)WG_MIN((double)threads, 1.0 + work / worth_a_thread);
}
