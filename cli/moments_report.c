/* What wgamma moments says and writes. */
#include <inttypes.h>

#include "moments.h"
#include "plot/plot.h"

static const char *event_in_words(int kind) {
  static const char *const words[] = {
      [WG_MOMENTS_EXTINCTION] = "extinction",
      [WG_MOMENTS_LOSES_A] = "a=0",
      [WG_MOMENTS_LOSES_B] = "b=0",
      [WG_MOMENTS_ARRIVAL] = "arrival",
  };
  return words[kind];
}

/* Whether the flow ended with the event. */
static bool ends_at(const wg_moments_info *info, const wg_moments_event *event) {
  return info->outcome == WG_GAP_OPEN && event->kind == WG_MOMENTS_EXTINCTION &&
         event->time == info->time;
}

/* What follows the event. */
static const char *continuation(const wg_moments_info *info, const wg_moments_event *event) {
  static const char *const words[] = {
      [WG_MOMENTS_EXTINCTION] = "the flow goes on without it",
      [WG_MOMENTS_LOSES_A] = "rank is lost: a stays zero, b goes on alone",
      [WG_MOMENTS_LOSES_B] = "rank is lost: b stays zero, a goes on alone",
      [WG_MOMENTS_ARRIVAL] = "the mode has arrived and stays",
  };
  if (ends_at(info, event)) return "the flow ends here: the velocity jumps at p = infinity";
  return words[event->kind];
}

static const char *in_words(const wg_moments_result *found, double asked) {
  const wg_moments_info *info = &found->info;
  wg_moments_event last = {.kind = WG_MOMENTS_ARRIVAL};
  if (info->outcome == WG_CERTIFIED) return "the time was reached and the energy law holds";
  if (info->outcome == WG_TIME_LIMIT) return "the time limit ended the flow";
  if (info->outcome == WG_STOPPED) return "it was stopped";
  if (info->defect > asked) return "the energy law does not hold as asked";
  if (info->events) wg_moments_get_event(found->moments, info->events - 1, &last);
  if (ends_at(info, &last)) return "the flow ended at an event";
  return "steps became too short: it ended there";
}

static void print_events(const wg_moments_result *found) {
  enum { SHOWN = 20 };
  for (int64_t k = 0; k < found->info.events && k < SHOWN; k++) {
    wg_moments_event event;
    if (wg_moments_get_event(found->moments, k, &event) < 0) return;
    printf("%-10s t = %.9g, %s of %s %" PRId64 ": %s\n", k ? "" : "events", event.time,
           event_in_words(event.kind), event.kind == WG_MOMENTS_EXTINCTION ? "rank" : "mode",
           event.mode, continuation(&found->info, &event));
  }
  if (found->info.events > SHOWN)
    printf("%-10s and %" PRId64 " more\n", "", found->info.events - SHOWN);
}

void wg_moments_print(const wg_moments_request *asked, const wg_moments_result *found) {
  const wg_moments_info *info = &found->info;
  char memory[WG_CLI_NUMBER];
  printf("%-10s %s, gauge %s, %s %" PRId64 "\n", "flow", asked->word, found->gauge,
         asked->kind == WG_MOMENTS_OF_MODES ? "modes" : "d =", found->d);
  printf("%-10s t = %.9g of %.9g\n", "reached", info->time, found->times[found->times_count - 1]);
  printf("%-10s %.12g -> %.12g\n", "energy", info->energy0, info->energy);
  if (info->defect < WG_CLI_SMALLEST_GAP)
    printf("%-10s holds within %g of F, %g asked\n", "energy law", WG_CLI_SMALLEST_GAP,
           asked->settings.tol);
  else
    printf("%-10s off by %.1e of F, %g asked\n", "energy law", info->defect, asked->settings.tol);
  print_events(found);
  printf("%-10s %s: %s\n", "outcome", wg_outcome_text(info->outcome),
         in_words(found, asked->settings.tol));
  printf("%-10s %" PRId64 " steps\n", "work", info->steps);
  printf("%-10s %.3f s\n", "time", info->seconds);
  printf("%-10s %s at most\n", "memory", wg_cli_memory(info->peak_bytes, memory));
}

/* ---- JSON ---- */

static json_t *events_json(const wg_moments_result *found) {
  json_t *list = json_array();
  for (int64_t k = 0; k < found->info.events; k++) {
    wg_moments_event event;
    if (wg_moments_get_event(found->moments, k, &event) < 0) break;
    json_array_append_new(
        list, json_pack("{s:o, s:s, s:I, s:s}", "time", wg_cli_real(event.time), "kind",
                        event_in_words(event.kind), "mode", (json_int_t)event.mode, "continuation",
                        continuation(&found->info, &event)));
  }
  return list;
}

static int write_json(const wg_moments_request *asked, const wg_moments_result *found) {
  const wg_moments_info *info = &found->info;
  json_t *own =
      json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "flow",
                asked->word, "d", (json_int_t)found->d, "tol", wg_cli_real(asked->settings.tol),
                "time", wg_cli_real(info->time), "energy0", wg_cli_real(info->energy0), "energy",
                wg_cli_real(info->energy), "spent", wg_cli_real(info->spent), "defect",
                wg_cli_real(info->defect), "events", events_json(found), "samples",
                (json_int_t)info->samples, "steps", (json_int_t)info->steps, "rejected",
                (json_int_t)info->rejected, "rates", (json_int_t)info->evaluations);
  return wg_cli_write_json(asked->json,
                           wg_cli_document("moments", found->gauge, wg_outcome_text(info->outcome),
                                           info->seconds, info->peak_bytes, own));
}

/* ---- samples ---- */

static wg_io_member curve(const char *name, int64_t count, const double *data) {
  return (wg_io_member){.name = name, .dtype = "<f8", .ndim = 1, .shape = {count}, .data = data};
}

static wg_io_member table(const char *name, int64_t rows, int64_t columns, const double *data) {
  return (wg_io_member){
      .name = name, .dtype = "<f8", .ndim = 2, .shape = {rows, columns}, .data = data};
}

/* Events as rows of time, kind and mode. */
static int event_table(wg_mem *mem, const wg_moments_result *found, double **rows) {
  *rows = WG_NEW(mem, double, 3 * found->info.events);
  if (!*rows) return wg_no_memory();
  for (int64_t k = 0; k < found->info.events; k++) {
    wg_moments_event event;
    WG_TRY(wg_moments_get_event(found->moments, k, &event));
    (*rows)[3 * k] = event.time;
    (*rows)[3 * k + 1] = event.kind;
    (*rows)[3 * k + 2] = (double)event.mode;
  }
  return WG_OK;
}

static int write_samples(wg_mem *mem, const wg_moments_request *asked,
                         const wg_moments_result *found) {
  const int64_t n = found->info.samples, d = found->d;
  const bool modal = asked->kind == WG_MOMENTS_OF_MODES;
  double *curves = WG_NEW(mem, double, 4 * n), *events;
  double *one = WG_NEW(mem, double, n *d), *other = WG_NEW(mem, double, n *d);
  double *last = WG_NEW(mem, double, modal ? n *d : n *d *d);
  if (!curves || !one || !other || !last) return wg_no_memory();
  WG_TRY(event_table(mem, found, &events));
  WG_TRY(wg_moments_get_curves(found->moments, curves, curves + n, curves + 2 * n, curves + 3 * n,
                               NULL));
  for (int64_t k = 0; k < n; k++)
    WG_TRY(modal ? wg_moments_get_modes(found->moments, k, one + k * d, other + k * d, last + k * d)
                 : wg_moments_get_gaussian(found->moments, k, one + k * d, last + k * d * d));
  wg_io_member members[8] = {curve("times", n, curves), curve("energy", n, curves + n),
                             curve("slope2", n, curves + 2 * n), curve("spent", n, curves + 3 * n),
                             table("events", found->info.events, 3, events)};
  int count = 5;
  members[count++] = table(modal ? "r" : "mean", n, d, one);
  if (modal) members[count++] = table("a", n, d, other);
  members[count++] =
      modal ? table("b", n, d, last)
            : (wg_io_member){
                  .name = "cov", .dtype = "<f8", .ndim = 3, .shape = {n, d, d}, .data = last};
  return wg_io_write_npz(asked->out, count, members);
}

/* Energy and the rate at which it falls, on a logarithmic scale. */
static int draw_curves(wg_mem *mem, const wg_moments_request *asked,
                       const wg_moments_result *found) {
  static const char *const labels[] = {"energy F", "rate N*\u00b2"};
  const int64_t n = found->info.samples;
  double *curves = WG_NEW(mem, double, 3 * n), *table = WG_NEW(mem, double, 3 * n);
  char title[WG_CLI_SENTENCE];
  if (!curves || !table) return wg_no_memory();
  WG_TRY(wg_moments_get_curves(found->moments, curves, curves + n, curves + 2 * n, NULL, NULL));
  for (int64_t k = 0; k < n; k++)
    for (int c = 0; c < 3; c++) table[3 * k + c] = curves[c * n + k];
  snprintf(title, sizeof title, "%s flow, gauge %.200s", asked->word, found->gauge);
  const wg_plot_lines lines = {.title = title,
                               .axis = "time",
                               .logarithmic = true,
                               .rows = n,
                               .count = 2,
                               .labels = labels,
                               .table = table};
  return wg_plot_table(asked->plot, &lines);
}

int wg_moments_write(wg_mem *mem, const wg_moments_request *asked, const wg_moments_result *found) {
  int first = WG_EXIT_OK;
  if (asked->out) wg_cli_note(write_samples(mem, asked, found), &first);
  if (asked->plot) wg_cli_note(draw_curves(mem, asked, found), &first);
  if (asked->json) wg_cli_note(write_json(asked, found), &first);
  return first;
}
