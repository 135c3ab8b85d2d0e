/* The particle experiments: MMD, a ReLU network, attention (theory 6), for p = 1 and p = infinity,
 * each once as published, by explicit Euler steps, and once resolved. What the energy law says of
 * both stands side by side: the published attention runs cap nearly every step and are no flows.
 *
 * Data of mmd and mlp are the paper's, those of attention our own (scripts/make_attention_data.py).
 * Figures: trajectories, energy and spectrum of each resolved run, its densities (and directions of
 * neurons) at six times, and the energies of all four runs over their horizon. */
#include <inttypes.h>
#include <string.h>

#include "plot/plot.h"
#include "reproduce.h"

enum { GAUGES = 2, RUNS = 2, PLACES = 101, MOST_NAME = 64 };
static const char *const gauges[GAUGES] = {"trace", "operator"};
static const char *const run_names[RUNS] = {"published", "resolved"};

typedef struct cloud {
  int64_t rows, columns;
  const double *data;
} cloud;

/* An experiment: its energy and start, and for each gauge how long and in how many Euler steps. */
typedef struct setup {
  const char *name;
  wg_energy *energy;
  cloud start;
  double horizon[GAUGES];
  int64_t euler_steps;
  double cap; /* of an Euler step; 0: none */
} setup;

typedef struct trail {
  int64_t places;
  double times[PLACES], *points; /* PLACES x n x d        */
  double energies[PLACES];
  wg_flow_info info;
  double seconds;
  char summary[512];
} trail;

/* ---- data ---- */

static int read_data(wg_reproduction *run, const char *name, wg_io_array *array) {
  const char *folder;
  char path[PATH_MAX];
  WG_TRY(wg_cli_find_data(run->data, name, &folder));
  WG_TRY(wg_cli_join(path, folder, name));
  WG_TRY(wg_io_read(run->mem, path, NULL, array));
  return wg_io_check_finite(path, array);
}

static int read_cloud(wg_reproduction *run, const char *name, cloud *found) {
  wg_io_array array;
  WG_TRY(read_data(run, name, &array));
  if (array.ndim != 2)
    return wg_fail(WG_ERR_INPUT, "%s has %d dimensions; rows and columns are wanted", name,
                   array.ndim);
  *found = (cloud){array.shape[0], array.shape[1], array.data};
  return WG_OK;
}

/* ---- runs ---- */

static wg_flow_settings settings_of(const setup *s, int gauge, int kind, int threads) {
  wg_flow_settings settings;
  wg_flow_settings_init(&settings);
  settings.threads = threads;
  if (kind == 1) return settings;
  settings.method = WG_FLOW_EULER;
  settings.step = s->horizon[gauge] / (double)s->euler_steps;
  settings.cap = s->cap;
  return settings;
}

/* Through PLACES times; a step ends at each, which Euler's do anyway. */
static int follow(const setup *s, int gauge, wg_flow *flow, trail *t) {
  const int64_t size = s->start.rows * s->start.columns;
  for (t->places = 0; t->places < PLACES; t->places++) {
    const int64_t k = t->places;
    const double time = s->horizon[gauge] * ((double)k / (PLACES - 1));
    const int outcome = wg_flow_run(flow, time, &t->info);
    if (outcome < 0) return outcome;
    t->seconds += t->info.seconds;
    WG_TRY(wg_flow_get(flow, &t->times[k], t->points + k * size, NULL, NULL));
    t->energies[k] = t->info.energy;
  }
  return wg_flow_summary(flow, t->summary, sizeof t->summary);
}

/* One figure of a run, as PDF and PNG: NAME_GAUGE, or with places NAME_GAUGE_places. */
static int draw_figure(wg_reproduction *run, const setup *s, int gauge, const wg_plot_run *figure,
                       int count, const int64_t *places) {
  static const char *const endings[] = {"pdf", "png"};
  for (int k = 0; k < 2; k++) {
    char name[MOST_NAME], path[PATH_MAX];
    snprintf(name, sizeof name, "%s_%s%s.%s", s->name, gauges[gauge], places ? "_places" : "",
             endings[k]);
    WG_TRY(wg_cli_join(path, run->out, name));
    WG_TRY(places ? wg_plot_snapshots(path, figure, count, places) : wg_plot_flow(path, figure));
    if (run->text) fprintf(run->text, "%s\n", path);
  }
  return WG_OK;
}

static int draw_run(wg_reproduction *run, const setup *s, int gauge, const wg_flow *flow,
                    const trail *t) {
  enum { SHOWN = 6 };
  int64_t places[WG_PLOT_PLACES];
  wg_flow_log log;
  char title[128];
  WG_TRY(wg_flow_get_log(flow, &log));
  double *curves = WG_NEW(run->mem, double, 3 * log.count);
  if (!curves) return wg_no_memory();
  for (int64_t k = 0; k < log.count; k++) {
    curves[k] = log.records[k].time;
    curves[log.count + k] = log.records[k].energy;
    curves[2 * log.count + k] = log.records[k].identity;
  }
  snprintf(title, sizeof title, "%s, %s: F = %.4g at t = %.4g", s->name, gauges[gauge],
           t->info.energy, t->info.time);
  const wg_plot_run figure = {.title = title,
                              .n = s->start.rows,
                              .d = s->start.columns,
                              .places = t->places,
                              .times = t->times,
                              .points = t->points,
                              .records = log.count,
                              .kept = log.kept,
                              .clock = curves,
                              .energy = curves + log.count,
                              .identity = curves + 2 * log.count,
                              .spectra = log.spectra,
                              .outputs = wg_energy_outputs(s->energy)};
  WG_TRY(draw_figure(run, s, gauge, &figure, 0, NULL));
  const int count = wg_plot_choose_places(&figure, SHOWN, places);
  return draw_figure(run, s, gauge, &figure, count, places);
}

static int run_one(wg_reproduction *run, const setup *s, int gauge, int kind, trail *t) {
  const int64_t n = s->start.rows, d = s->start.columns;
  const wg_flow_settings settings = settings_of(s, gauge, kind, run->threads);
  wg_flow *flow = NULL;
  if (!(t->points = WG_NEW(run->mem, double, PLACES *n *d))) return wg_no_memory();
  t->info.struct_size = sizeof t->info;
  WG_TRY(wg_flow_setup(&flow, s->energy, n, d, s->start.data, NULL, gauges[gauge], &settings));
  int status = follow(s, gauge, flow, t);
  if (status == WG_OK && kind == 1) status = draw_run(run, s, gauge, flow, t);
  wg_flow_free(flow);
  if (status < 0) return status;
  run->peak_bytes = WG_MAX(run->peak_bytes, t->info.peak_bytes);
  if (kind == 1 && !t->info.resolved) run->outcome = WG_GAP_OPEN;
  return WG_OK;
}

/* ---- report ---- */

static void print_run(const wg_reproduction *run, const setup *s, int gauge, int kind,
                      const trail *t) {
  if (!run->text) return;
  fprintf(run->text,
          "%-9s %-8s %-9s T = %-7.4g F %.7g -> %.7g  law off by %.1e  %" PRId64 " forces, %" PRId64
          " of %" PRId64 " steps capped, %.2f s\n",
          s->name, gauges[gauge], run_names[kind], t->info.time, t->info.start_energy,
          t->info.energy, t->info.residual, t->info.evaluations, t->info.clipped, t->info.steps,
          t->seconds);
  fprintf(run->text, "          %s\n", t->summary);
}

/* Energies at 0, 1/4, 1/2 and all of the horizon. */
static json_t *run_json(int gauge, int kind, const trail *t) {
  json_t *energies = json_array();
  const int64_t places[] = {0, PLACES / 4, PLACES / 2, PLACES - 1};
  for (int k = 0; k < 4; k++) json_array_append_new(energies, wg_cli_real(t->energies[places[k]]));
  return json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:I, s:I, s:I, s:o, s:s}", "gauge",
                   gauges[gauge], "run", run_names[kind], "time", wg_cli_real(t->info.time),
                   "energies", energies, "identity_error", wg_cli_real(t->info.residual),
                   "resolved", t->info.resolved, "forces", (json_int_t)t->info.evaluations, "steps",
                   (json_int_t)t->info.steps, "capped", (json_int_t)t->info.clipped,
                   "effective_time", wg_cli_real(t->info.effective_time), "summary", t->summary);
}

/* All runs over the share of their horizon. */
static int draw_energies(wg_reproduction *run, const setup *s, const trail *trails) {
  static const char *const labels[] = {"p = 1, Euler", "p = 1, resolved", "p = \u221e, Euler",
                                       "p = \u221e, resolved"};
  enum { WIDTH = 1 + GAUGES * RUNS };
  double table[PLACES * WIDTH];
  char title[128], name[MOST_NAME], path[PATH_MAX];
  for (int k = 0; k < PLACES; k++) {
    table[k * WIDTH] = (double)k / (PLACES - 1);
    for (int r = 0; r < GAUGES * RUNS; r++) table[k * WIDTH + 1 + r] = trails[r].energies[k];
  }
  snprintf(title, sizeof title, "%s: energy; T = %g (p = 1), %g (p = \u221e)", s->name,
           s->horizon[0], s->horizon[1]);
  const wg_plot_lines lines = {.title = title,
                               .axis = "t / T",
                               .logarithmic = true,
                               .rows = PLACES,
                               .count = GAUGES * RUNS,
                               .labels = labels,
                               .table = table};
  static const char *const endings[] = {"pdf", "png"};
  for (int k = 0; k < 2; k++) {
    snprintf(name, sizeof name, "%s_energy.%s", s->name, endings[k]);
    WG_TRY(wg_cli_join(path, run->out, name));
    WG_TRY(wg_plot_table(path, &lines));
    if (run->text) fprintf(run->text, "%s\n", path);
  }
  return WG_OK;
}

/* Frees the energy. */
static int run_all(wg_reproduction *run, setup *s) {
  trail *trails = WG_NEW(run->mem, trail, GAUGES * RUNS);
  int status = trails ? WG_OK : wg_no_memory();
  json_t *runs = json_array();
  for (int k = 0; k < GAUGES * RUNS && status == WG_OK; k++) {
    status = run_one(run, s, k / RUNS, k % RUNS, &trails[k]);
    if (status < 0) break;
    print_run(run, s, k / RUNS, k % RUNS, &trails[k]);
    json_array_append_new(runs, run_json(k / RUNS, k % RUNS, &trails[k]));
  }
  if (status == WG_OK) status = draw_energies(run, s, trails);
  wg_energy_free(s->energy);
  if (status < 0)
    json_decref(runs);
  else
    run->own = json_pack("{s:I, s:I, s:o}", "n", (json_int_t)s->start.rows, "d",
                         (json_int_t)s->start.columns, "runs", runs);
  return status;
}

/* ---- the experiments ---- */

int wg_reproduce_mmd(wg_reproduction *run) {
  setup s = {.name = "mmd", .horizon = {150.0, 96.0}, .euler_steps = 6000};
  cloud target = {0};
  WG_TRY(read_cloud(run, "mmd_x0.npy", &s.start));
  WG_TRY(read_cloud(run, "mmd_target.npy", &target));
  WG_TRY(wg_energy_mmd(&s.energy, "energy:0.01", target.rows, target.columns, target.data, NULL,
                       NULL));
  return run_all(run, &s);
}

/* The teacher's outputs, the mean over its neurons of u relu(v . z). */
static int teach(wg_mem *mem, const cloud *data, const cloud *teacher, double **labels) {
  if (teacher->columns != data->columns + 1)
    return wg_fail(WG_ERR_INPUT, "mlp_teacher.npy has %" PRId64 " columns for %" PRId64 " inputs",
                   teacher->columns, data->columns);
  if (!(*labels = WG_NEW(mem, double, data->rows))) return wg_no_memory();
  for (int64_t i = 0; i < data->rows; i++)
    for (int64_t k = 0; k < teacher->rows; k++) {
      const double *neuron = teacher->data + k * teacher->columns;
      double sum = 0.0;
      for (int64_t j = 0; j < data->columns; j++)
        sum += neuron[1 + j] * data->data[i * data->columns + j];
      (*labels)[i] += neuron[0] * fmax(sum, 0.0) / (double)teacher->rows;
    }
  return WG_OK;
}

int wg_reproduce_mlp(wg_reproduction *run) {
  setup s = {.name = "mlp", .horizon = {78.125, 52.08}, .euler_steps = 2000};
  cloud data = {0}, teacher = {0};
  double *labels = NULL;
  WG_TRY(read_cloud(run, "mlp_x0.npy", &s.start));
  WG_TRY(read_cloud(run, "mlp_inputs.npy", &data));
  WG_TRY(read_cloud(run, "mlp_teacher.npy", &teacher));
  WG_TRY(teach(run->mem, &data, &teacher, &labels));
  WG_TRY(wg_energy_network(&s.energy, "relu", data.rows, data.columns, 1, data.data, labels, NULL));
  return run_all(run, &s);
}

int wg_reproduce_attention(wg_reproduction *run) {
  setup s = {.name = "attention", .horizon = {6.0, 2.0}, .euler_steps = 400, .cap = 0.02};
  wg_io_array data, labels;
  const int64_t head = 2;
  WG_TRY(read_cloud(run, "attention_x0.npy", &s.start));
  WG_TRY(read_data(run, "attention_inputs.npy", &data));
  WG_TRY(read_data(run, "attention_labels.npy", &labels));
  if (data.ndim != 3 || labels.ndim != 3 ||
      memcmp(data.shape, labels.shape, 3 * sizeof(int64_t)) != 0)
    return wg_fail(WG_ERR_INPUT,
                   "attention_inputs.npy and attention_labels.npy need one shape of three axes");
  WG_TRY(wg_energy_attention(&s.energy, data.shape[0], data.shape[1], data.shape[2], head,
                             data.data, labels.data, NULL));
  return run_all(run, &s);
}
