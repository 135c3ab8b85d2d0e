/* wgamma flow ENERGY --start X --time T: particles that follow an energy in the geometry of a gauge
 * (theory 6), with the energy-dissipation identity measured at every step.
 *
 * A run can be interrupted (SIGINT, SIGTERM, --time-limit): what there is is written, and a
 * checkpoint when one is asked for, from which --resume goes on to the bit. Memory: that of the
 * flow and of the places kept. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "film.h"
#include "flow.h"

static const char usage[] =
    "usage: wgamma flow ENERGY --start X --time T [options]\n"
    "Particles X (n x d) follow dx/dt = J(g): g the force of the energy F, J the descent "
    "direction\n"
    "of the gauge (wgamma lmo --help). Then dF/dt = -N*(g)^2; how well that holds is the proof\n"
    "that a run is the flow, and is reported.\n"
    "  ENERGY, --target and the like: see below\n"
    "  --start X          .npy, .npz or text, a particle a row\n"
    "  --weights A        n positive weights with sum one\n"
    "  --key NAMES        members of .npz files: of X, or with a comma between of X and A\n"
    "  --gauge GAUGE      operator unless given; see wgamma --help\n"
    "  --time T           how far; with --times the last of them unless given\n"
    "  --method M         auto (Dormand-Prince; the clip step where it stalls), euler, rk4, "
    "dopri,\n"
    "                     clip (F never grows), events (stops at each loss of rank), jko,\n"
    "                     momentum\n"
    "  --step H           length of a step: euler, rk4, clip, jko; else the first one\n"
    "  --tol T            of a step: error of the points over their spread, and ten times the\n"
    "                     defect of the energy over what was lost; 1e-5 unless given\n"
    "  --cutoff C         singular values of the force up to C times the largest do not move;\n"
    "                     5 times tol unless given (events: 1e-3, others: 1e-12)\n"
    "  --cap D            euler: most norm of a step's displacement\n"
    "  --inertia B        momentum: B dA/dt + A = g, dX/dt = J(A); 1 unless given\n"
    "  --newton-steps K   K steps of Newton-Schulz in the place of the polar factor (operator)\n"
    "  --minibatch B      network, attention; fixed steps: forces of B data, drawn anew for each\n"
    "                     step by --seed N (0); outside the theory, as the report says\n"
    "  --out RUN.npz      times, energy, points (times x n x d), weights\n"
    "  --every K          places every K steps; --times T1,T2,...: at these times; neither: up to\n"
    "                     256 over the run\n"
    "  --log RUN.csv      a line a step: energy, N*^2, both identities, spectrum, ... (or .npz)\n"
    "  --checkpoint FILE  written when the run ends or is interrupted, and every\n"
    "  --checkpoint-every S  seconds (60 unless given)\n"
    "  --resume FILE      goes on from a checkpoint, given the same energy, start and settings:\n"
    "                     to the bit what an uninterrupted run would have found\n"
    "  --max-steps N      at most, rejected ones included\n"
    "  --time-limit S     seconds\n"
    "  --memory-limit B   bytes; K, M, G may follow\n"
    "  --threads N        0: all cores\n"
    "  --plot FIG         trajectories, energy, spectrum: .pdf, .svg or .png\n"
    "  --snapshots FIG    densities at --times (12 at most) or at six times; of networks also\n"
    "                     circular histograms of the directions of neurons\n"
    "  --animate FILM     .gif, .png or .apng, .mp4: through ffmpeg, which must be installed;\n"
    "                     a picture at each of --times, or 150 over the run\n"
    "  --project FILE     .npz: times, directions, masses of the particles seen on the sphere,\n"
    "                     for energies of degree two (relu networks); the flow on the sphere\n"
    "                     itself is run beside it, by steps of --step (time/2000): difference\n"
    "  --project-plot FIG the masses around the circle, the paths on the sphere\n"
    "  --json FILE        writes a report (-: to standard output, in the place of the text)\n"
    "  --quiet            prints nothing\n"
    "Exit status: 0 at its time (adaptive methods: and resolved), 1 not, 2 usage, 3 unusable "
    "file,\n"
    "4 memory, 5 internal error.\n";

static const struct {
  const char *name;
  int method;
} methods[] = {{"auto", WG_FLOW_AUTO},   {"euler", WG_FLOW_EULER},      {"rk4", WG_FLOW_RK4},
               {"dopri", WG_FLOW_DOPRI}, {"clip", WG_FLOW_CLIP},        {"events", WG_FLOW_EVENTS},
               {"jko", WG_FLOW_JKO},     {"momentum", WG_FLOW_MOMENTUM}};
enum { METHODS = sizeof methods / sizeof *methods };

/* ---- the command line ---- */

static int read_method(wg_flow_request *asked) {
  for (int k = 0; k < METHODS; k++) {
    if (strcmp(asked->method, methods[k].name) != 0) continue;
    asked->settings.method = methods[k].method;
    return WG_EXIT_OK;
  }
  return wg_cli_usage("flow",
                      "--method %s is none of auto, euler, rk4, dopri, clip, events, jko, momentum",
                      asked->method);
}

enum { OWN_OPTIONS = 32, OPTIONS = OWN_OPTIONS + WG_CLI_ENERGY_OPTIONS };

static void list_options(wg_flow_request *asked, wg_cli_option options[OPTIONS]) {
  wg_flow_settings *s = &asked->settings;
  const wg_cli_option own[OWN_OPTIONS] = {
      {"start", 's', WG_CLI_TEXT, &asked->start},
      {"weights", 'w', WG_CLI_TEXT, &asked->weights},
      {"key", 'k', WG_CLI_TEXT, &asked->keys},
      {"gauge", 'g', WG_CLI_TEXT, &asked->gauge},
      {"time", 'T', WG_CLI_POSITIVE, &asked->time},
      {"method", 'm', WG_CLI_TEXT, &asked->method},
      {"step", 0, WG_CLI_POSITIVE, &s->step},
      {"tol", 0, WG_CLI_POSITIVE, &s->tol},
      {"cutoff", 0, WG_CLI_POSITIVE, &s->cutoff},
      {"cap", 0, WG_CLI_POSITIVE, &s->cap},
      {"inertia", 0, WG_CLI_POSITIVE, &s->inertia},
      {"newton-steps", 0, WG_CLI_COUNT, &asked->newton_steps},
      {"minibatch", 0, WG_CLI_COUNT, &asked->minibatch},
      {"seed", 0, WG_CLI_SEED, &s->seed},
      {"out", 'o', WG_CLI_TEXT, &asked->out},
      {"every", 0, WG_CLI_COUNT, &asked->every},
      {"times", 0, WG_CLI_TEXT, &asked->times_text},
      {"log", 0, WG_CLI_TEXT, &asked->log},
      {"checkpoint", 0, WG_CLI_TEXT, &asked->checkpoint},
      {"checkpoint-every", 0, WG_CLI_POSITIVE, &asked->checkpoint_every},
      {"resume", 0, WG_CLI_TEXT, &asked->resume},
      {"max-steps", 0, WG_CLI_COUNT, &s->max_steps},
      {"time-limit", 0, WG_CLI_POSITIVE, &s->time_limit},
      {"memory-limit", 0, WG_CLI_BYTES, &s->memory_limit},
      {"threads", 't', WG_CLI_THREADS, &s->threads},
      {"plot", 'p', WG_CLI_TEXT, &asked->plot},
      {"snapshots", 0, WG_CLI_TEXT, &asked->snapshots},
      {"animate", 0, WG_CLI_TEXT, &asked->animate},
      {"project", 0, WG_CLI_TEXT, &asked->project},
      {"project-plot", 0, WG_CLI_TEXT, &asked->project_plot},
      {"json", 'j', WG_CLI_TEXT, &asked->json},
      {"quiet", 'q', WG_CLI_FLAG, &asked->quiet}};
  memcpy(options, own, sizeof own);
  wg_cli_energy_options(&asked->asked, options + OWN_OPTIONS);
}

/* Times that increase; the run ends at the last unless --time says more. */
static int read_times(wg_mem *mem, wg_flow_request *asked) {
  WG_TRY(
      wg_cli_read_numbers(mem, "--times", asked->times_text, &asked->times_count, &asked->times));
  for (int64_t k = 0; k < asked->times_count; k++)
    if (asked->times[k] < 0 || (k > 0 && !(asked->times[k] > asked->times[k - 1])))
      return wg_fail(WG_ERR_ARGUMENT, "--times %s: %g is below 0 or not above the time before",
                     asked->times_text, asked->times[k]);
  if (asked->times_count > 0 && asked->time == 0.0)
    asked->time = asked->times[asked->times_count - 1];
  return WG_OK;
}

static int read_command_line(int argc, char **argv, wg_flow_request *asked) {
  wg_cli_option options[OPTIONS];
  list_options(asked, options);
  int exit_status = wg_cli_read_options("flow", argc, argv, OPTIONS, options, &asked->help);
  if (exit_status != WG_EXIT_OK || asked->help) return exit_status;
  if (argc - optind != 1)
    return wg_cli_usage("flow", "one energy is wanted, got %d", argc - optind);
  asked->energy = argv[optind];
  if (!asked->start) return wg_cli_usage("flow", "--start X is missing");
  if (!(asked->time > 0) && !asked->times_text) return wg_cli_usage("flow", "--time T is missing");
  if (asked->every && asked->times_text)
    return wg_cli_usage("flow", "--every and --times exclude each other; keep one");
  if (asked->newton_steps > 1000) return wg_cli_usage("flow", "--newton-steps is at most 1000");
  asked->settings.newton_steps = (int)asked->newton_steps;
  return read_method(asked);
}

/* ---- before the run ---- */

static int check_files(const wg_flow_request *asked) {
  enum { OWN = 2 };
  const wg_cli_path outputs[] = {{"--out", asked->out},
                                 {"--log", asked->log},
                                 {"--checkpoint", asked->checkpoint},
                                 {"--plot", asked->plot},
                                 {"--snapshots", asked->snapshots},
                                 {"--animate", asked->animate},
                                 {"--project", asked->project},
                                 {"--project-plot", asked->project_plot},
                                 {"--json", asked->json}};
  wg_cli_path inputs[OWN + WG_CLI_ENERGY_OPTIONS] = {{"--start", asked->start},
                                                     {"--weights", asked->weights}};
  int count = OWN + wg_cli_energy_inputs(asked->energy, &asked->asked, inputs + OWN);
  if (asked->plot) WG_TRY(wg_plot_check_path(asked->plot));
  if (asked->snapshots) WG_TRY(wg_plot_check_path(asked->snapshots));
  if (asked->animate) WG_TRY(wg_film_check(asked->animate));
  if (asked->project_plot) WG_TRY(wg_plot_check_path(asked->project_plot));
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs, count, inputs);
}

/* "x,a": the members of X and A. */
static int split_keys(wg_mem *mem, const char *keys, const char *key[2]) {
  key[0] = key[1] = NULL;
  if (!keys) return WG_OK;
  char *copy = WG_NEW(mem, char, strlen(keys) + 1);
  if (!copy) return wg_no_memory();
  memcpy(copy, keys, strlen(keys) + 1);
  char *comma = strchr(copy, ',');
  if (comma) *comma = '\0';
  key[0] = copy;
  if (comma) key[1] = comma + 1;
  return WG_OK;
}

static int read_particles(wg_flow_job *job) {
  const wg_flow_request *asked = job->asked;
  const char *key[2];
  wg_io_array array;
  int64_t count;
  bool used = false;
  WG_TRY(split_keys(job->mem, asked->keys, key));
  WG_TRY(wg_cli_read_member(job->mem, asked->start, key[0], &used, &array));
  WG_TRY(wg_io_check_finite(asked->start, &array));
  WG_TRY(wg_io_check_points(asked->start, &array, &job->n, &job->d));
  job->x = array.data;
  if (!asked->weights) return WG_OK;
  WG_TRY(wg_cli_read_member(job->mem, asked->weights, key[1], &used, &array));
  WG_TRY(wg_io_check_finite(asked->weights, &array));
  WG_TRY(wg_io_check_vector(asked->weights, &array, &count));
  if (count != job->n)
    return wg_fail(WG_ERR_INPUT, "%s has %" PRId64 " weights, %s has %" PRId64 " particles",
                   wg_io_name(asked->weights), count, wg_io_name(asked->start), job->n);
  job->a = array.data;
  return wg_cli_check_weights(wg_io_name(asked->weights), count, array.data);
}

static int check_gauge(wg_flow_job *job) {
  char shape[WG_IO_SHAPE_TEXT];
  const int64_t sizes[2] = {job->n, job->d};
  wg_io_shape_text(shape, 2, sizes);
  int exit_status =
      wg_cli_fit_gauge("--gauge", job->asked->gauge, job->d, job->asked->start, shape);
  if (exit_status == WG_EXIT_OK)
    wg_gauge_canonical(job->asked->gauge, job->d, job->gauge, sizeof job->gauge);
  return exit_status;
}

/* ---- the run ---- */

static int draw_minibatch(uint64_t seed, void *data) {
  const wg_flow_job *job = data;
  return wg_energy_draw(job->energy, job->asked->minibatch, seed);
}

/* F of all data where the run ended; the log holds what the minibatches saw. */
static int find_whole_energy(wg_flow_job *job) {
  double *x = WG_NEW(job->mem, double, job->n * job->d);
  if (!x) return wg_no_memory();
  int status = wg_flow_get(job->flow, NULL, x, NULL, NULL);
  if (status == WG_OK) status = wg_energy_draw(job->energy, 0, 0);
  if (status == WG_OK)
    status = wg_energy_evaluate(job->energy, job->n, job->d, x, job->a, &job->whole, NULL);
  wg_drop(job->mem, x);
  return status;
}

/* After each step: a place of the trail, a checkpoint when it is time. */
static int after_step(wg_flow *flow, const wg_flow_record *record, const double *x, void *data) {
  wg_flow_job *job = data;
  (void)flow;
  job->trail.seen++;
  job->status = wg_trail_note(job->mem, &job->trail, record->time, record->energy, x, false);
  const double now = wg_now();
  if (job->status == WG_OK && job->asked->checkpoint &&
      now - job->last_save >= job->asked->checkpoint_every) {
    job->status = wg_flow_checkpoint(job, job->asked->checkpoint);
    job->last_save = now;
  }
  return job->status < 0;
}

static int note_here(wg_flow_job *job, double energy) {
  double time, *x = WG_NEW(job->mem, double, job->n * job->d);
  if (!x) return wg_no_memory();
  int status = wg_flow_get(job->flow, &time, x, NULL, NULL);
  if (status == WG_OK) status = wg_trail_note(job->mem, &job->trail, time, energy, x, true);
  wg_drop(job->mem, x);
  return status;
}

/* To one time; *over: the run ended before it. */
static int run_to(wg_flow_job *job, double time, bool *over) {
  int outcome = wg_flow_run(job->flow, time, &job->info);
  if (job->status < 0) return job->status;
  if (outcome < 0) return outcome;
  job->seconds += job->info.seconds;
  *over = job->info.time < time;
  return WG_OK;
}

static int run_all(wg_flow_job *job) {
  const wg_flow_request *asked = job->asked;
  bool over = false;
  for (int64_t k = 0; k < asked->times_count && !over; k++) {
    double now;
    WG_TRY(wg_flow_get(job->flow, &now, NULL, NULL, NULL));
    if (now > asked->times[k]) continue;
    WG_TRY(run_to(job, asked->times[k], &over));
    if (!over) WG_TRY(note_here(job, job->info.energy));
  }
  if (!over) WG_TRY(run_to(job, asked->time, &over));
  WG_TRY(wg_flow_summary(job->flow, job->summary, sizeof job->summary));
  if (asked->checkpoint) WG_TRY(wg_flow_checkpoint(job, asked->checkpoint));
  return asked->times_count > 0 ? WG_OK : note_here(job, job->info.energy);
}

static int start(wg_flow_job *job) {
  const wg_flow_request *asked = job->asked;
  wg_flow_log log;
  wg_flow_settings settings = asked->settings;
  settings.accepted = after_step;
  settings.accepted_data = job;
  if (asked->minibatch) settings.reseed = draw_minibatch;
  settings.reseed_data = job;
  WG_TRY(wg_cli_energy(asked->energy, &asked->asked, settings.threads, &job->energy));
  if (asked->minibatch) WG_TRY(wg_energy_draw(job->energy, 0, 0)); /* refused before it runs */
  WG_TRY(wg_flow_setup(&job->flow, job->energy, job->n, job->d, job->x, job->a, asked->gauge,
                       &settings));
  job->trail = (wg_trail){.n = job->n, .d = job->d};
  if (!asked->times_text) job->trail.stride = asked->every ? asked->every : 1;
  job->trail.thins = !asked->every && !asked->times_text;
  if (asked->resume) return wg_flow_restore(job, asked->resume);
  WG_TRY(wg_flow_get_log(job->flow, &log));
  if (asked->times_text) return WG_OK;
  return wg_trail_note(job->mem, &job->trail, 0.0, log.records[0].energy, job->x, true);
}

static int deliver(wg_flow_job *job) {
  const wg_flow_request *asked = job->asked;
  const bool taken = asked->out && !strcmp(asked->out, "-");
  int first = WG_EXIT_OK;
  job->peak_bytes = (int64_t)job->mem->ledger->peak + job->info.peak_bytes;
  if (wg_cli_wants_text(asked->quiet || taken, asked->json)) wg_flow_print(job);
  if (asked->out) wg_cli_note(wg_flow_write_out(job), &first);
  if (asked->log) wg_cli_note(wg_flow_write_log(job), &first);
  wg_flow_draw(job, &first);
  if (asked->project) wg_cli_note(wg_flow_write_projection(job), &first);
  if (asked->project_plot) wg_cli_note(wg_flow_plot_projection(job), &first);
  if (asked->json) wg_cli_note(wg_flow_write_json(job), &first);
  if (first != WG_EXIT_OK) return first;
  const int method = asked->settings.method;
  const bool fixed = method == WG_FLOW_EULER || method == WG_FLOW_RK4 || method == WG_FLOW_CLIP ||
                     method == WG_FLOW_JKO;
  if (job->info.outcome == WG_CERTIFIED) return WG_EXIT_OK;
  return fixed && job->info.time >= asked->time ? WG_EXIT_OK : WG_EXIT_OPEN;
}

static int follow(wg_flow_job *job, const wg_cli_watcher *watcher) {
  wg_cli_watch_begin();
  job->last_save = wg_now();
  int status = start(job);
  if (status == WG_OK) status = run_all(job);
  if (status == WG_OK && job->asked->minibatch) status = find_whole_energy(job);
  if (status == WG_OK && (job->asked->project || job->asked->project_plot))
    status = wg_flow_project(job);
  wg_cli_watch_end(watcher);
  return status < 0 ? wg_cli_refuse("flow", status) : deliver(job);
}

static int prepare(wg_flow_job *job, wg_flow_request *asked) {
  int status = read_times(job->mem, asked);
  if (status == WG_OK) status = wg_cli_check_gauge("--gauge", asked->gauge);
  if (status == WG_OK) status = check_files(asked);
  if (status < 0) return wg_cli_refuse("flow", status);
  status = read_particles(job);
  return status < 0 ? wg_cli_error(status) : check_gauge(job);
}

static int run(wg_flow_request *asked) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_flow_job *job = WG_NEW(&mem, wg_flow_job, 1);
  wg_cli_watcher watcher;
  wg_settings as_solve;
  if (!job) return wg_cli_error(wg_no_memory());
  job->asked = asked;
  job->mem = &mem;
  wg_cli_watch(&watcher, asked->quiet, &as_solve);
  asked->settings.progress = as_solve.progress;
  asked->settings.progress_data = as_solve.progress_data;
  int exit_status = prepare(job, asked);
  if (exit_status == WG_EXIT_OK) exit_status = follow(job, &watcher);
  wg_flow_free(job->flow);
  wg_energy_free(job->energy);
  wg_mem_clear(&mem);
  return exit_status;
}

int wg_cli_flow(int argc, char **argv) {
  wg_flow_request asked = {.gauge = "operator", .method = "auto", .checkpoint_every = 60.0};
  wg_flow_settings_init(&asked.settings);
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (!asked.help) return run(&asked);
  fputs(usage, stdout);
  fputs(wg_cli_energy_help, stdout);
  return WG_EXIT_OK;
}
