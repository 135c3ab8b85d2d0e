/* Watching a solve: a line that rewrites itself on a terminal, and a way to stop early.
 *
 * An interrupted solve still has its best certified interval, so the first SIGINT or SIGTERM only
 * sets a flag that the progress callback passes on; the handler is then gone, and a second signal
 * ends the process as usual. Signals that were ignored before (nohup, background jobs) stay
 * ignored. In a pipe nothing is printed. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { SIGNALS = 2, LINE_COLUMNS = 79 };
static const int signals[SIGNALS] = {SIGINT, SIGTERM};
static struct sigaction before[SIGNALS];
static volatile sig_atomic_t interrupted;

static void note_signal(int number) {
  (void)number;
  interrupted = 1;
}

/* "42 s", "3 min", "2.5 h" */
static void write_duration(double seconds, char *out, size_t size) {
  if (seconds < 100)
    snprintf(out, size, "%.0f s", seconds);
  else if (seconds < 6000)
    snprintf(out, size, "%.0f min", seconds / 60);
  else
    snprintf(out, size, "%.1f h", seconds / 3600);
}

static void print_line(const wg_progress *at) {
  char line[256], duration[32];
  int used = snprintf(line, sizeof line, "%s: %" PRId64 " calls, %.3g/s",
                      at->phase[0] ? at->phase : "preparing", at->oracle_calls,
                      (double)at->oracle_calls / at->seconds);
  if (isfinite(at->upper) && at->upper > 0)
    used += snprintf(line + used, sizeof line - (size_t)used, ", W^2 in [%.6g, %.6g], gap %.1e",
                     at->lower, at->upper, (at->upper - at->lower) / at->upper);
  if (isfinite(at->seconds_left)) {
    write_duration(at->seconds_left, duration, sizeof duration);
    snprintf(line + used, sizeof line - (size_t)used, ", %s left", duration);
  }
  fprintf(stderr, "\r\033[K%.*s", LINE_COLUMNS, line); /* a longer one would wrap and stay */
  fflush(stderr);
}

static int report(const wg_progress *at, void *data) {
  const wg_cli_watcher *watcher = data;
  if (watcher->visible) print_line(at);
  return interrupted;
}

void wg_cli_watch(wg_cli_watcher *watcher, bool quiet, wg_settings *settings) {
  *watcher = (wg_cli_watcher){.visible = !quiet && isatty(STDERR_FILENO)};
  settings->progress = report;
  settings->progress_data = watcher;
}

void wg_cli_watch_begin(void) {
  struct sigaction catch = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
  sigemptyset(&catch.sa_mask);
  interrupted = 0;
  for (int k = 0; k < SIGNALS; k++) {
    sigaction(signals[k], NULL, &before[k]);
    if (before[k].sa_handler != SIG_IGN) sigaction(signals[k], &catch, NULL);
  }
}

void wg_cli_watch_end(const wg_cli_watcher *watcher) {
  for (int k = 0; k < SIGNALS; k++) sigaction(signals[k], &before[k], NULL);
  if (!watcher->visible) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
}
