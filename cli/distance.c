/* wgamma distance X Y: the certified spectral Wasserstein distance of two clouds (theory 3).
 *
 * In this order, so that nothing is found out too late: the command line, the gauge, the outputs,
 * the inputs, the gauge against the dimension; then the solve, which can be interrupted and then
 * still has an interval; then report and files. The clouds as read are given back once the solver
 * has its copy. */
#include "distance.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: wgamma distance X Y [options]\n"
    "The spectral Wasserstein distance W of the clouds X and Y, with bounds of W^2 that are\n"
    "proved: lower <= W^2 <= upper.\n"
    "  X, Y                  points, one a row: .npy, .npz or text; - is text on standard input\n"
    "what is computed\n"
    "  --gauge G             default: operator, the geometry of Muon; also trace (which gives "
    "W_2),\n"
    "                        frobenius, schatten:<p>, kyfan:<k>, sum:<gauge>@<size>,...,\n"
    "                        max:<gauge>@<size>/<rate>,...\n"
    "  --a FILE, --b FILE    weights of X and of Y, >= 0 with sum one; default: all equal\n"
    "  --key K               member of an .npz; KX,KY[,KA[,KB]] for X, Y, --a and --b apart\n"
    "how far\n"
    "  --tol T               relative gap (upper - lower) / upper to reach; default: 1e-6\n"
    "  --time-limit S        seconds; then the interval reached is the answer\n"
    "  --max-calls N         exact transport problems to solve at most; default: 1000\n"
    "  --memory-limit BYTES  K, M or G may follow; beyond it the solve is refused\n"
    "  --threads N           default: 0, all cores; results do not depend on it\n"
    "  --seed N              of the starts for p < 1; default: 1\n"
    "what is written\n"
    "  --plan FILE           the coupling as .npz, for scipy.sparse.load_npz\n"
    "  --certificate FILE    all that proves the bounds, for wgamma verify\n"
    "  --plot FILE           a figure, .pdf, .svg or .png\n"
    "  --geodesic T1,T2,...  --geodesic-out FILE\n"
    "                        points and masses between X (0) and Y (1) at these times, as .npz\n"
    "  --structure           reports also whether the plan is a map, and plan and Q unique\n"
    "  --project K --project-out FILE\n"
    "                        both clouds along the K leading directions of Q, as .npz\n"
    "  --gradients FILE      of W^2, in points and weights, as .npz\n"
    "  --json FILE           the report as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet               prints nothing\n"
    "Ctrl-C stops a solve and gives the interval reached so far.\n"
    "Exit status: 0 certified, 1 solved, but the gap is larger than asked or the outcome is local\n"
    "(p < 1, except schatten:<p> in the plane), 2 usage, 3 unusable file, 4 memory,\n"
    "5 internal error.\n";

/* ---- the command line ---- */

static int read_command_line(int argc, char **argv, wg_distance_request *asked) {
  wg_settings *settings = &asked->settings;
  const wg_cli_option options[] = {
      {"gauge", 0, WG_CLI_TEXT, &asked->gauge},
      {"a", 0, WG_CLI_TEXT, &asked->a},
      {"b", 0, WG_CLI_TEXT, &asked->b},
      {"key", 'k', WG_CLI_TEXT, &asked->key},
      {"tol", 0, WG_CLI_POSITIVE, &settings->tol},
      {"time-limit", 0, WG_CLI_POSITIVE, &settings->time_limit},
      {"max-calls", 0, WG_CLI_COUNT, &settings->max_calls},
      {"memory-limit", 0, WG_CLI_BYTES, &settings->memory_limit},
      {"threads", 0, WG_CLI_THREADS, &settings->threads},
      {"seed", 0, WG_CLI_SEED, &settings->seed},
      {"plan", 0, WG_CLI_TEXT, &asked->plan},
      {"certificate", 0, WG_CLI_TEXT, &asked->certificate},
      {"plot", 0, WG_CLI_TEXT, &asked->plot},
      {"geodesic", 0, WG_CLI_TEXT, &asked->geodesic},
      {"geodesic-out", 0, WG_CLI_TEXT, &asked->geodesic_out},
      {"structure", 0, WG_CLI_FLAG, &asked->structure},
      {"project", 0, WG_CLI_COUNT, &asked->project},
      {"project-out", 0, WG_CLI_TEXT, &asked->project_out},
      {"gradients", 0, WG_CLI_TEXT, &asked->gradients},
      {"json", 'j', WG_CLI_TEXT, &asked->json},
      {"quiet", 'q', WG_CLI_FLAG, &asked->quiet},
  };
  return wg_cli_read_options("distance", argc, argv, sizeof options / sizeof *options, options,
                             &asked->help);
}

static int read_cloud_names(int argc, char **argv, wg_distance_request *asked) {
  if (argc - optind != 2)
    return wg_cli_usage("distance", "two clouds X and Y are wanted, got %d", argc - optind);
  asked->x = argv[optind];
  asked->y = argv[optind + 1];
  if (!asked->x[0] || !asked->y[0])
    return wg_cli_usage("distance", "%s has an empty name; give a file", asked->x[0] ? "Y" : "X");
  const char *const inputs[] = {asked->x, asked->y, asked->a, asked->b};
  int streams = 0;
  for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++)
    streams += inputs[k] && !strcmp(inputs[k], "-");
  if (streams > 1)
    return wg_cli_usage("distance", "only one of X, Y, --a and --b can be - (standard input)");
  return WG_EXIT_OK;
}

/* Everything that can be said without reading the data. */
static int check_request(wg_mem *mem, wg_distance_request *asked) {
  if (!asked->geodesic != !asked->geodesic_out)
    return wg_fail(WG_ERR_ARGUMENT, "--geodesic and --geodesic-out belong together; add %s",
                   asked->geodesic ? "--geodesic-out FILE" : "--geodesic T1,T2,...");
  if (!asked->project != !asked->project_out)
    return wg_fail(WG_ERR_ARGUMENT, "--project and --project-out belong together; add %s",
                   asked->project ? "--project-out FILE" : "--project K");
  WG_TRY(wg_cli_read_times(mem, asked->geodesic, &asked->times_count, &asked->times));
  WG_TRY(wg_cli_check_gauge("--gauge", asked->gauge));
  return wg_distance_check_outputs(asked);
}

/* ---- the solve ---- */

static int set_up(const wg_distance_request *asked, const wg_distance_cloud *x,
                  const wg_distance_cloud *y, wg_solver **solver) {
  char culprit[1024];
  int status = wg_setup(solver, x->n, y->n, x->d, x->points, x->weights, y->points, y->weights,
                        asked->gauge, &asked->settings);
  if (status == WG_OK) return WG_EXIT_OK;
  if (status != WG_ERR_INPUT) return wg_cli_refuse("distance", status);
  snprintf(culprit, sizeof culprit, "%.500s, %.500s", wg_io_name(asked->x), wg_io_name(asked->y));
  return wg_cli_error_about(culprit, status);
}

/* A solver that holds the clouds; mem, which held them as read, is empty then. */
static int prepare(wg_mem *mem, const wg_distance_request *asked, wg_distance_result *found,
                   wg_solver **solver) {
  wg_distance_cloud x = {0}, y = {0};
  int status = wg_distance_read(mem, asked, &x, &y);
  if (status < 0) return wg_cli_refuse("distance", status);
  int exit_status = wg_cli_fit_gauge("--gauge", asked->gauge, x.d, asked->x, x.shape);
  if (exit_status == WG_EXIT_OK) {
    status = wg_distance_check_dimension(mem, asked, x.d);
    exit_status = status < 0 ? wg_cli_refuse("distance", status) : set_up(asked, &x, &y, solver);
  }
  found->peak_bytes = (int64_t)mem->ledger->peak;
  wg_mem_clear(mem);
  return exit_status;
}

static int solve(wg_mem *mem, wg_solver *solver, bool structure, wg_distance_result *found) {
  wg_certificate *c = &found->certificate;
  WG_TRY(wg_solve(solver, &found->info));
  WG_TRY(wg_get_certificate(solver, c));
  found->peak_bytes = WG_MAX(found->peak_bytes, found->info.peak_bytes);
  found->moment = WG_NEW(mem, double, c->d * c->d);
  found->moment_values = WG_NEW(mem, double, c->d);
  found->q_values = WG_NEW(mem, double, c->d);
  if (!found->moment || !found->moment_values || !found->q_values) return wg_no_memory();
  WG_TRY(wg_get_moment(solver, found->moment));
  WG_TRY(wg_spectrum(c->d, found->moment, found->moment_values));
  WG_TRY(wg_spectrum(c->d, c->q, found->q_values));
  return structure ? wg_distance_find_structure(mem, solver, found) : WG_OK;
}

/* Text goes to standard output unless a file does. */
static bool wants_text(const wg_distance_request *asked) {
  const char *const outputs[] = {asked->json,         asked->plan,        asked->certificate,
                                 asked->geodesic_out, asked->project_out, asked->gradients};
  for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++)
    if (outputs[k] && !strcmp(outputs[k], "-")) return false;
  return !asked->quiet;
}

/* The report comes first: if a file cannot be written after all, the answer is not lost. */
static int deliver(wg_mem *mem, const wg_distance_request *asked, const wg_distance_result *found,
                   const wg_solver *solver) {
  if (wants_text(asked)) wg_distance_print(asked, found);
  int exit_status = wg_distance_write(mem, asked, solver, found);
  if (exit_status != WG_EXIT_OK) return exit_status;
  return found->info.outcome == WG_CERTIFIED ? WG_EXIT_OK : WG_EXIT_OPEN;
}

static int run(wg_distance_request *asked, wg_mem *mem, wg_mem *clouds) {
  wg_distance_result found = {.info = {.struct_size = sizeof found.info}};
  wg_solver *solver = NULL;
  wg_cli_watcher watcher;
  int status = check_request(mem, asked);
  if (status < 0) return wg_cli_refuse("distance", status);
  found.threads = wg_thread_count(asked->settings.threads);
  wg_cli_watch(&watcher, asked->quiet, &asked->settings);
  int exit_status = prepare(clouds, asked, &found, &solver);
  if (exit_status == WG_EXIT_OK) {
    wg_cli_watch_begin();
    status = solve(mem, solver, asked->structure, &found);
    wg_cli_watch_end(&watcher);
    exit_status =
        status < 0 ? wg_cli_refuse("distance", status) : deliver(mem, asked, &found, solver);
  }
  wg_free(solver);
  return exit_status;
}

int wg_cli_distance(int argc, char **argv) {
  wg_distance_request asked = {.gauge = "operator"};
  wg_settings_init(&asked.settings);
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status == WG_EXIT_OK && asked.help) return fputs(usage, stdout), WG_EXIT_OK;
  if (exit_status == WG_EXIT_OK) exit_status = read_cloud_names(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  wg_ledger ledger = {0}, limited = {.limit = (size_t)asked.settings.memory_limit};
  wg_mem mem = wg_mem_of(&ledger), clouds = wg_mem_of(&limited);
  exit_status = run(&asked, &mem, &clouds);
  wg_mem_clear(&clouds);
  wg_mem_clear(&mem);
  return exit_status;
}
