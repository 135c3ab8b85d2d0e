/* wgamma gaussian --batch FILE.npz: many pairs of Gaussians of one dimension, bounds of each.
 *
 * Shapes are checked here, where the member can be named, everything else by the library, which
 * names the problem. The report is a summary; single results go to --out. Cost O(count d^2) beside
 * the solves. */
#include <inttypes.h>

#include "gaussian.h"

enum { MEMBERS = 4 };
static const char *const names[MEMBERS] = {"m0", "S0", "m1", "S1"};

typedef struct stack {
  int64_t count, d;
  double *data[MEMBERS]; /* count x d, count x d x d, twice */
  double *lower, *upper, *w;
  int *outcome;
  char gauge[WG_CLI_SENTENCE];
  wg_gaussian_batch_info info;
} stack;

/* ---- reading ---- */

static int read_member(wg_mem *mem, const char *path, int which, stack *s) {
  wg_io_array array;
  char shape[WG_IO_SHAPE_TEXT];
  bool used = false;
  WG_TRY(wg_cli_read_member(mem, path, names[which], &used, &array));
  if (!used)
    return wg_fail(WG_ERR_INPUT, "%s is no .npz; --batch wants one with members m0, S0, m1 and S1",
                   wg_io_name(path));
  const bool mean = which % 2 == 0;
  if (which == 0 && array.ndim == 2) {
    s->count = array.shape[0];
    s->d = array.shape[1];
  }
  const bool fits = array.ndim == (mean ? 2 : 3) && array.shape[0] == s->count &&
                    array.shape[1] == s->d && (mean || array.shape[2] == s->d) && array.count > 0;
  wg_io_shape_text(shape, array.ndim, array.shape);
  if (!fits && which == 0)
    return wg_fail(WG_ERR_INPUT, "%s: member m0 has shape %s; it must be count x d",
                   wg_io_name(path), shape);
  if (!fits)
    return wg_fail(WG_ERR_INPUT,
                   "%s: member %s has shape %s; beside m0 it must be %" PRId64 " x %" PRId64 "%s",
                   wg_io_name(path), names[which], shape, s->count, s->d, mean ? "" : " x d");
  s->data[which] = array.data;
  return WG_OK;
}

static int read_stack(wg_mem *mem, const char *path, stack *s) {
  for (int k = 0; k < MEMBERS; k++) WG_TRY(read_member(mem, path, k, s));
  s->lower = WG_NEW(mem, double, s->count);
  s->upper = WG_NEW(mem, double, s->count);
  s->w = WG_NEW(mem, double, s->count);
  s->outcome = WG_NEW(mem, int, s->count);
  return s->lower && s->upper && s->w && s->outcome ? WG_OK : wg_no_memory();
}

/* ---- report ---- */

static void print(const wg_gaussian_request *asked, const stack *s) {
  const wg_gaussian_batch_info *info = &s->info;
  char memory[WG_CLI_NUMBER];
  printf("%-10s %" PRId64 " of %" PRId64 " certified, d = %" PRId64 "\n", "problems",
         info->certified, s->count, s->d);
  printf("%-10s %.1g relative at most, %g asked\n", "gap", info->largest_gap, asked->settings.tol);
  printf("%-10s %s\n", "outcome", wg_outcome_text(info->outcome));
  printf("%-10s %s\n", "gauge", s->gauge);
  printf("%-10s %.3f s, %.0f a second, %d worker%s\n", "time", info->seconds,
         (double)info->solved / info->seconds, info->workers, wg_cli_plural(info->workers));
  printf("%-10s %s at most\n", "memory", wg_cli_memory(info->peak_bytes, memory));
}

static int write_json(const wg_gaussian_request *asked, const stack *s) {
  const wg_gaussian_batch_info *info = &s->info;
  json_t *own =
      json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:i}", "problems", (json_int_t)s->count, "solved",
                (json_int_t)info->solved, "certified", (json_int_t)info->certified, "d",
                (json_int_t)s->d, "tol", wg_cli_real(asked->settings.tol), "largest_gap",
                wg_cli_real(info->largest_gap), "workers", info->workers);
  return wg_cli_write_json(asked->json,
                           wg_cli_document("gaussian", s->gauge, wg_outcome_text(info->outcome),
                                           info->seconds, info->peak_bytes, own));
}

static int write_bounds(wg_mem *mem, const char *path, const stack *s) {
  const int64_t count = s->count;
  int64_t *outcome = WG_NEW(mem, int64_t, count);
  if (!outcome) return wg_no_memory();
  for (int64_t k = 0; k < count; k++) {
    outcome[k] = s->outcome[k];
    s->w[k] = sqrt(s->upper[k]);
  }
  const wg_io_member members[] = {
      {.name = "lower", .dtype = "<f8", .ndim = 1, .shape = {count}, .data = s->lower},
      {.name = "upper", .dtype = "<f8", .ndim = 1, .shape = {count}, .data = s->upper},
      {.name = "w", .dtype = "<f8", .ndim = 1, .shape = {count}, .data = s->w},
      {.name = "outcome", .dtype = "<i8", .ndim = 1, .shape = {count}, .data = outcome}};
  return wg_io_write_npz(path, sizeof members / sizeof *members, members);
}

static int deliver(wg_mem *mem, const wg_gaussian_request *asked, const stack *s) {
  int first = WG_EXIT_OK;
  const bool out_is_text = asked->out && asked->out[0] == '-' && !asked->out[1];
  if (wg_cli_wants_text(asked->quiet, asked->json) && !out_is_text) print(asked, s);
  if (asked->out) wg_cli_note(write_bounds(mem, asked->out, s), &first);
  if (asked->json) wg_cli_note(write_json(asked, s), &first);
  if (first != WG_EXIT_OK) return first;
  return s->info.certified == s->count ? WG_EXIT_OK : WG_EXIT_OPEN;
}

int wg_gaussian_run_batch(wg_mem *mem, wg_gaussian_request *asked) {
  stack *s = WG_NEW(mem, stack, 1);
  wg_cli_watcher watcher;
  if (!s) return wg_no_memory();
  WG_TRY(read_stack(mem, asked->batch, s));
  const int64_t shape[] = {s->count, s->d, s->d};
  char text[WG_IO_SHAPE_TEXT];
  const int fits = wg_cli_fit_gauge("--gauge", asked->gauge, s->d, asked->batch,
                                    wg_io_shape_text(text, 3, shape));
  if (fits != WG_EXIT_OK) return fits;
  WG_TRY(wg_gauge_canonical(asked->gauge, s->d, s->gauge, sizeof s->gauge));
  wg_cli_watch(&watcher, asked->quiet, &asked->settings);
  wg_cli_watch_begin();
  const int status =
      wg_gaussian_batch(s->count, s->d, s->data[0], s->data[1], s->data[2], s->data[3], s->gauge,
                        &asked->settings, s->lower, s->upper, s->outcome, &s->info);
  wg_cli_watch_end(&watcher);
  if (status == WG_ERR_INPUT) return wg_cli_error_about(wg_io_name(asked->batch), status);
  if (status < 0) return status;
  s->info.peak_bytes += (int64_t)mem->ledger->peak;
  return deliver(mem, asked, s);
}
