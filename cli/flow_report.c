/* What `wgamma flow` hands out: text, trajectories, log, JSON, figure. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "film.h"
#include "flow.h"

static const char *const kinds[] = {"",         "mode-lost", "mode-gained", "mode-reversed",
                                    "switched", "returned"};

static const char *kind_of(const wg_flow_event *event) { return kinds[event->kind]; }

/* ---- text ---- */

static void print_events(const wg_flow_log *log) {
  enum { SHOWN = 8 };
  for (int64_t k = 0; k < WG_MIN(log->event_count, SHOWN); k++)
    printf("%-12s at t = %.10g%s\n", kind_of(&log->events[k]), log->events[k].time,
           log->events[k].kind == WG_FLOW_SWITCHED ? " to the clip step" : "");
  if (log->event_count > SHOWN)
    printf("             and %" PRId64 " more events (--log)\n", log->event_count - SHOWN);
}

void wg_flow_print(const wg_flow_job *job) {
  const wg_flow_info *i = &job->info;
  wg_flow_log log = {.count = 0};
  wg_flow_get_log(job->flow, &log);
  printf("energy       %s, %" PRId64 " particles in %" PRId64 " columns\n",
         wg_energy_name(job->energy), job->n, job->d);
  printf("gauge        %s\n", job->gauge);
  printf("time         %.10g (%s)\n", i->time, wg_outcome_text(i->outcome));
  printf("F            %.10g, from %.10g\n", i->energy, i->start_energy);
  if (job->asked->minibatch) printf("F, all data  %.10g\n", job->whole);
  if (i->lyapunov != i->energy) printf("Lyapunov     %.10g\n", i->lyapunov);
  printf("N*^2         %.6g\n", i->slope2);
  printf("steps        %" PRId64 ", %" PRId64 " rejected, %" PRId64 " clipped; %" PRId64
         " forces\n",
         i->steps, i->rejected, i->clipped, i->evaluations);
  print_events(&log);
  printf("%s\n", job->summary);
  if (job->projection.places > 0)
    printf("projected    Pi_2 and the flow on the sphere differ by %.1e at most, %" PRId64
           " places\n",
           job->projection.worst, job->projection.places);
  printf("%-12s %.2f s\n", "solve time", job->seconds);
}

/* ---- trajectories ---- */

int wg_flow_write_out(const wg_flow_job *job) {
  const wg_trail *t = &job->trail;
  double *uniform = WG_NEW(job->mem, double, job->n);
  if (!uniform) return wg_no_memory();
  for (int64_t i = 0; i < job->n; i++) uniform[i] = job->a ? job->a[i] : 1.0 / (double)job->n;
  const wg_io_member members[] = {
      {.name = "times", .dtype = "<f8", .ndim = 1, .shape = {t->count}, .data = t->times},
      {.name = "energy", .dtype = "<f8", .ndim = 1, .shape = {t->count}, .data = t->energies},
      {.name = "points",
       .dtype = "<f8",
       .ndim = 3,
       .shape = {t->count, job->n, job->d},
       .data = t->points},
      {.name = "weights", .dtype = "<f8", .ndim = 1, .shape = {job->n}, .data = uniform}};
  return wg_io_write_npz(job->asked->out, sizeof members / sizeof *members, members);
}

/* ---- the log ---- */

enum { REALS = 13, WHOLES = 4, COLUMNS = REALS + WHOLES };
static const char *const names[COLUMNS] = {
    "time",   "step",     "energy",         "lyapunov", "slope2",
    "rate",   "speed",    "fenchel_gap",    "identity", "identity_trapezoid",
    "defect", "pl_ratio", "effective_time", "rank",     "evaluations",
    "method", "clipped"};

static void spread_record(const wg_flow_record *r, double reals[REALS], int64_t wholes[WHOLES]) {
  const double list[REALS] = {
      r->time,   r->step,     r->energy,        r->lyapunov, r->slope2,
      r->rate,   r->speed,    r->fenchel_gap,   r->identity, r->identity_trapezoid,
      r->defect, r->pl_ratio, r->effective_time};
  const int64_t numbers[WHOLES] = {r->rank, r->evaluations, r->method, r->clipped};
  memcpy(reals, list, sizeof list);
  memcpy(wholes, numbers, sizeof numbers);
}

/* A line a record: numbers that come back to the bit, then the spectrum. */
static int write_csv(wg_mem *mem, const char *path, const wg_flow_log *log) {
  const size_t each = 32, columns = COLUMNS + (size_t)log->kept;
  const size_t room = each * columns * ((size_t)log->count + 1) + 1;
  char *text = WG_NEW(mem, char, room), *at = text;
  if (!text) return wg_no_memory();
  for (int k = 0; k < COLUMNS; k++) at += snprintf(at, each, "%s%s", k ? "," : "", names[k]);
  for (int64_t j = 0; j < log->kept; j++) at += snprintf(at, each, ",spectrum%" PRId64, j + 1);
  *at++ = '\n';
  for (int64_t i = 0; i < log->count; i++) {
    double reals[REALS];
    int64_t wholes[WHOLES];
    spread_record(&log->records[i], reals, wholes);
    for (int k = 0; k < REALS; k++) at += snprintf(at, each, "%s%.17g", k ? "," : "", reals[k]);
    for (int k = 0; k < WHOLES; k++) at += snprintf(at, each, ",%" PRId64, wholes[k]);
    for (int64_t j = 0; j < log->kept; j++)
      at += snprintf(at, each, ",%.17g", log->spectra[i * log->kept + j]);
    *at++ = '\n';
  }
  return wg_io_write_bytes(path, text, (size_t)(at - text));
}

static wg_io_member column(const char *name, const char *dtype, int64_t count, const void *data) {
  return (wg_io_member){.name = name, .dtype = dtype, .ndim = 1, .shape = {count}, .data = data};
}

/* Columns of numbers, one after the other. */
static int write_log_npz(wg_mem *mem, const char *path, const wg_flow_log *log) {
  enum { EVENT_COLUMNS = 4 };
  const int64_t count = log->count, events = log->event_count;
  double *reals = WG_NEW(mem, double, REALS *count), *when = WG_NEW(mem, double, 2 * events);
  int64_t *wholes = WG_NEW(mem, int64_t, WHOLES * count), *what = WG_NEW(mem, int64_t, 2 * events);
  wg_io_member members[COLUMNS + EVENT_COLUMNS + 1];
  if (!reals || !when || !wholes || !what) return wg_no_memory();
  for (int64_t i = 0; i < count; i++) {
    double line[REALS];
    int64_t numbers[WHOLES];
    spread_record(&log->records[i], line, numbers);
    for (int k = 0; k < REALS; k++) reals[k * count + i] = line[k];
    for (int k = 0; k < WHOLES; k++) wholes[k * count + i] = numbers[k];
  }
  for (int64_t k = 0; k < events; k++) {
    when[k] = log->events[k].time;
    when[events + k] = log->events[k].value;
    what[k] = log->events[k].kind;
    what[events + k] = log->events[k].mode;
  }
  for (int k = 0; k < REALS; k++) members[k] = column(names[k], "<f8", count, reals + k * count);
  for (int k = 0; k < WHOLES; k++)
    members[REALS + k] = column(names[REALS + k], "<i8", count, wholes + k * count);
  wg_io_member *rest = members + COLUMNS;
  rest[0] = column("event_time", "<f8", events, when);
  rest[1] = column("event_value", "<f8", events, when + events);
  rest[2] = column("event_kind", "<i8", events, what);
  rest[3] = column("event_mode", "<i8", events, what + events);
  rest[4] = column("spectrum", "<f8", count, log->spectra);
  rest[4].ndim = 2;
  rest[4].shape[1] = log->kept;
  return wg_io_write_npz(path, COLUMNS + EVENT_COLUMNS + 1, members);
}

int wg_flow_write_log(const wg_flow_job *job) {
  const char *path = job->asked->log, *ending = strrchr(path, '.');
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_flow_log log;
  int status = wg_flow_get_log(job->flow, &log);
  bool archive = ending && !strcmp(ending, ".npz");
  if (status == WG_OK)
    status = archive ? write_log_npz(&mem, path, &log) : write_csv(&mem, path, &log);
  wg_mem_clear(&mem);
  return status;
}

/* ---- JSON ---- */

static json_t *events_json(const wg_flow_log *log) {
  enum { SHOWN = 1000 };
  json_t *list = json_array();
  for (int64_t k = 0; k < WG_MIN(log->event_count, SHOWN); k++) {
    const wg_flow_event *e = &log->events[k];
    json_array_append_new(
        list, json_pack("{s:s, s:o, s:I, s:o}", "kind", kind_of(e), "time", wg_cli_real(e->time),
                        "mode", (json_int_t)e->mode, "value", wg_cli_real(e->value)));
  }
  return list;
}

static json_t *counts_json(const wg_flow_info *i) {
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "steps", (json_int_t)i->steps,
                   "forces", (json_int_t)i->evaluations, "rejected", (json_int_t)i->rejected,
                   "clipped", (json_int_t)i->clipped, "switches", (json_int_t)i->switches,
                   "rank_changes", (json_int_t)i->rank_changes, "reversals",
                   (json_int_t)i->reversals, "uphill", (json_int_t)i->uphill);
}

int wg_flow_write_json(const wg_flow_job *job) {
  const wg_flow_info *i = &job->info;
  wg_flow_log log = {.count = 0};
  wg_flow_get_log(job->flow, &log);
  json_t *own = json_pack(
      "{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}",
      "energy", wg_energy_name(job->energy), "method", job->asked->method, "n", (json_int_t)job->n,
      "d", (json_int_t)job->d, "time", wg_cli_real(i->time), "start_energy",
      wg_cli_real(i->start_energy), "end_energy", wg_cli_real(i->energy), "lyapunov",
      wg_cli_real(i->lyapunov), "slope2", wg_cli_real(i->slope2), "resolved", i->resolved,
      "identity_error", wg_cli_real(i->residual), "most_cut", wg_cli_real(i->most_cut),
      "worst_fenchel_gap", wg_cli_real(i->worst_gap), "effective_time",
      wg_cli_real(i->effective_time), "counts", counts_json(i), "events", events_json(&log),
      "projection", wg_flow_projection_json(job), "summary", job->summary);
  if (job->asked->minibatch) json_object_set_new(own, "whole_energy", wg_cli_real(job->whole));
  return wg_cli_write_json(job->asked->json,
                           wg_cli_document("flow", job->gauge, wg_outcome_text(i->outcome),
                                           job->seconds, job->peak_bytes, own));
}

/* ---- figures ---- */

/* What the figures need, in *mem. */
static int gather(const wg_flow_job *job, wg_mem *mem, wg_plot_run *run) {
  enum { TITLE = 256 };
  const wg_flow_info *i = &job->info;
  wg_flow_log log = {.count = 0};
  wg_flow_get_log(job->flow, &log);
  double *lines = WG_NEW(mem, double, 3 * log.count);
  char *title = WG_NEW(mem, char, TITLE);
  if (!lines || !title) return wg_no_memory();
  for (int64_t k = 0; k < log.count; k++) {
    lines[k] = log.records[k].time;
    lines[log.count + k] = log.records[k].lyapunov;
    lines[2 * log.count + k] = log.records[k].identity;
  }
  snprintf(title, TITLE, "%s, %.100s: F = %.5g at t = %.5g (identity %.1e)",
           wg_energy_name(job->energy), job->gauge, i->energy, i->time, i->residual);
  *run = (wg_plot_run){.title = title,
                       .n = job->n,
                       .d = job->d,
                       .places = job->trail.count,
                       .times = job->trail.times,
                       .points = job->trail.points,
                       .records = log.count,
                       .clock = lines,
                       .energy = lines + log.count,
                       .identity = lines + 2 * log.count,
                       .kept = log.kept,
                       .spectra = log.spectra,
                       .masses = job->a,
                       .outputs = wg_energy_outputs(job->energy)};
  return WG_OK;
}

static int write_snapshots(const char *path, const wg_plot_run *run, bool chosen) {
  int64_t places[WG_PLOT_PLACES];
  const int count = wg_plot_choose_places(run, chosen ? WG_PLOT_PLACES : 6, places);
  return wg_plot_snapshots(path, run, count, places);
}

void wg_flow_draw(const wg_flow_job *job, int *first) {
  const wg_flow_request *asked = job->asked;
  const bool chosen = asked->times_count > 0;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_plot_run run;
  if (!asked->plot && !asked->snapshots && !asked->animate) return;
  const int status = gather(job, &mem, &run);
  if (status < 0) wg_cli_note(status, first);
  if (status == WG_OK && asked->plot) wg_cli_note(wg_plot_flow(asked->plot, &run), first);
  if (status == WG_OK && asked->snapshots)
    wg_cli_note(write_snapshots(asked->snapshots, &run, chosen), first);
  if (status == WG_OK && asked->animate)
    wg_cli_note(wg_film_of_run(asked->animate, &run, chosen), first);
  wg_mem_clear(&mem);
}
