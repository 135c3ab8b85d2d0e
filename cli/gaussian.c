/* wgamma gaussian M0 S0 M1 S1: the certified spectral Wasserstein distance of two Gaussians (theory
 * 4), given by means and covariances or fitted to two clouds, whose own distance is then reported
 * beside it: it is never smaller (docs/theory/gaussian.md).
 *
 * As in wgamma distance, whatever can be refused is refused before anything is computed. */
#include "gaussian.h"

#include <getopt.h>
#include <string.h>

#include "plot/plot.h"

static const char usage[] =
    "usage: wgamma gaussian M0 S0 M1 S1 [options]\n"
    "       wgamma gaussian --from-samples X Y [options]\n"
    "       wgamma gaussian --batch FILE.npz [options]\n"
    "The spectral Wasserstein distance W of two Gaussians, with bounds of W^2 that are proved:\n"
    "lower <= W^2 <= upper.\n"
    "  M0, M1                means, d numbers: .npy, .npz or text\n"
    "  S0, S1                covariances, d x d, symmetric, no eigenvalue below zero; they may be\n"
    "                        singular, and rounding may have put eigenvalues below zero\n"
    "  --from-samples        X and Y are clouds, one point a row: their means and covariances are\n"
    "                        taken, and the distance of the clouds is reported as well\n"
    "  --batch FILE.npz      many problems of one dimension: members m0, m1 (count x d), S0, S1\n"
    "                        (count x d x d); bounds only, thousands a second for small d\n"
    "what is computed\n"
    "  --gauge G             default: operator; see wgamma help\n"
    "  --a FILE, --b FILE    weights of X and of Y, with --from-samples; default: all equal\n"
    "how far\n"
    "  --tol T               relative gap (upper - lower) / upper to reach; default: 1e-10 (the\n"
    "                        clouds of --from-samples: 1e-6 or T, whichever is larger)\n"
    "  --time-limit S        seconds; then the interval reached is the answer\n"
    "  --memory-limit BYTES  K, M or G may follow; beyond it the solve is refused\n"
    "  --seed N              of the starts for p < 1; default: 1\n"
    "  --threads N           of --batch; default: all cores\n"
    "what is written\n"
    "  --out FILE            .npz: means, covariances, contraction, K (the cross covariance), Q,\n"
    "                        and where there is one the map, x -> M1 + map (x - M0);\n"
    "                        of --batch: lower, upper, w and outcome, one entry a problem\n"
    "  --certificate FILE    all that proves the bounds, for wgamma verify\n"
    "  --geodesic T1,T2,...  --geodesic-out FILE\n"
    "                        means and covariances at these times, from 0 to 1, as .npz\n"
    "  --plot FILE           both Gaussians and three between them (.pdf, .svg or .png)\n"
    "  --json FILE           the report as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet               prints nothing\n"
    "Exit status: 0 certified, 1 solved, but the gap is larger than asked or the outcome is local\n"
    "(p < 1), 2 usage, 3 unusable file, 4 memory, 5 internal error.\n";

static const double default_tol = 1e-10, clouds_tol = 1e-6;

/* ---- the command line ---- */

static int refuse(int status) {
  if (status == WG_ERR_ARGUMENT) return wg_cli_usage("gaussian", "%s", wg_error_detail());
  if (status == WG_ERR_MEMORY_LIMIT) return wg_cli_error_about("--memory-limit", status);
  return wg_cli_error(status);
}

static int read_command_line(int argc, char **argv, wg_gaussian_request *asked) {
  wg_settings *settings = &asked->settings;
  const wg_cli_option options[] = {
      {"from-samples", 0, WG_CLI_FLAG, &asked->from_samples},
      {"gauge", 0, WG_CLI_TEXT, &asked->gauge},
      {"a", 0, WG_CLI_TEXT, &asked->a},
      {"b", 0, WG_CLI_TEXT, &asked->b},
      {"tol", 0, WG_CLI_POSITIVE, &settings->tol},
      {"time-limit", 0, WG_CLI_POSITIVE, &settings->time_limit},
      {"memory-limit", 0, WG_CLI_BYTES, &settings->memory_limit},
      {"seed", 0, WG_CLI_SEED, &settings->seed},
      {"threads", 0, WG_CLI_THREADS, &settings->threads},
      {"batch", 0, WG_CLI_TEXT, &asked->batch},
      {"out", 'o', WG_CLI_TEXT, &asked->out},
      {"certificate", 0, WG_CLI_TEXT, &asked->certificate},
      {"geodesic", 0, WG_CLI_TEXT, &asked->geodesic},
      {"geodesic-out", 0, WG_CLI_TEXT, &asked->geodesic_out},
      {"plot", 0, WG_CLI_TEXT, &asked->plot},
      {"json", 'j', WG_CLI_TEXT, &asked->json},
      {"quiet", 'q', WG_CLI_FLAG, &asked->quiet},
  };
  return wg_cli_read_options("gaussian", argc, argv, sizeof options / sizeof *options, options,
                             &asked->help);
}

/* --batch stands for all inputs, and has no single coupling to write or draw. */
static int check_batch(int others, const wg_gaussian_request *asked) {
  if (others > 0)
    return wg_cli_usage("gaussian", "--batch holds all problems; leave out the other file%s",
                        wg_cli_plural(others));
  if (asked->from_samples || asked->a || asked->b || asked->geodesic || asked->plot ||
      asked->certificate)
    return wg_cli_usage("gaussian",
                        "--batch does not go with --from-samples, --a, --b, --geodesic, --plot or "
                        "--certificate");
  return WG_EXIT_OK;
}

static int read_inputs(int argc, char **argv, wg_gaussian_request *asked) {
  const int wanted = asked->from_samples ? 2 : WG_GAUSSIAN_INPUTS;
  int streams = 0;
  if (asked->batch) return check_batch(argc - optind, asked);
  if (argc - optind != wanted)
    return wg_cli_usage("gaussian", "%s are wanted, got %d file%s",
                        asked->from_samples ? "two clouds X and Y" : "four files M0 S0 M1 S1",
                        argc - optind, wg_cli_plural(argc - optind));
  if (!asked->from_samples && (asked->a || asked->b))
    return wg_cli_usage("gaussian", "--a and --b are weights of points; add --from-samples");
  for (int k = 0; k < wanted; k++) {
    asked->input[k] = argv[optind + k];
    streams += !strcmp(asked->input[k], "-");
    if (!asked->input[k][0]) return wg_cli_usage("gaussian", "a file has an empty name");
  }
  if (streams > 1) return wg_cli_usage("gaussian", "only one file can be - (standard input)");
  return WG_EXIT_OK;
}

/* Everything that can be said without reading the data. */
static int check_request(wg_mem *mem, wg_gaussian_request *asked) {
  const wg_cli_path outputs[] = {{"--out", asked->out},
                                 {"--certificate", asked->certificate},
                                 {"--geodesic-out", asked->geodesic_out},
                                 {"--plot", asked->plot},
                                 {"--json", asked->json}};
  const bool samples = asked->from_samples;
  const wg_cli_path inputs[] = {{samples ? "X" : "M0", asked->input[0]},
                                {samples ? "Y" : "S0", asked->input[1]},
                                {"M1", asked->input[2]},
                                {"S1", asked->input[3]},
                                {"--a", asked->a},
                                {"--b", asked->b},
                                {"--batch", asked->batch}};
  if (!asked->geodesic != !asked->geodesic_out)
    return wg_fail(WG_ERR_ARGUMENT, "--geodesic and --geodesic-out belong together; add %s",
                   asked->geodesic ? "--geodesic-out FILE" : "--geodesic T1,T2,...");
  if (asked->plot) WG_TRY(wg_plot_check_path(asked->plot));
  WG_TRY(wg_cli_read_times(mem, asked->geodesic, &asked->times_count, &asked->times));
  for (int64_t k = 0; k < asked->times_count; k++)
    if (!(asked->times[k] >= 0.0 && asked->times[k] <= 1.0))
      return wg_fail(WG_ERR_ARGUMENT, "--geodesic: %g is outside [0, 1]", asked->times[k]);
  WG_TRY(wg_cli_check_gauge("--gauge", asked->gauge));
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs,
                            sizeof inputs / sizeof *inputs, inputs);
}

/* ---- the solve ---- */

static int allocate(wg_mem *mem, wg_gaussian_result *found) {
  double **parts[] = {&found->contraction, &found->k, &found->q, &found->map};
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
    if (!(*parts[k] = WG_NEW(mem, double, found->d * found->d))) return wg_no_memory();
  found->q_values = WG_NEW(mem, double, found->d);
  return found->q_values ? WG_OK : wg_no_memory();
}

/* The file that a sentence of the library is about: it knows means and covariances by its own
 * names. */
static int refuse_data(const wg_gaussian_request *asked, int status) {
  static const char *const names[] = {"mean0", "cov0", "mean1", "cov1"};
  const char *detail = wg_error_detail();
  for (int k = 0; k < WG_GAUSSIAN_INPUTS && status == WG_ERR_INPUT; k++)
    if (!asked->from_samples && !strncmp(detail, names[k], strlen(names[k])))
      return wg_cli_error_about(wg_io_name(asked->input[k]), status);
  return refuse(status);
}

static int solve(const wg_gaussian_request *asked, wg_gaussian_result *found) {
  WG_TRY(wg_gauge_canonical(asked->gauge, found->d, found->gauge, sizeof found->gauge));
  WG_TRY(wg_gaussian(found->d, found->mean[0], found->cov[0], found->mean[1], found->cov[1],
                     found->gauge, &asked->settings, &found->info, found->contraction, found->k,
                     found->q, found->map));
  found->peak_bytes = WG_MAX(found->peak_bytes, found->info.peak_bytes);
  return wg_spectrum(found->d, found->q, found->q_values);
}

static int solve_clouds(const wg_gaussian_request *asked, wg_gaussian_result *found) {
  const wg_gaussian_cloud *x = &found->cloud[0], *y = &found->cloud[1];
  wg_settings settings = asked->settings;
  wg_solver *solver = NULL;
  if (!asked->from_samples) return WG_OK;
  settings.tol = WG_MAX(settings.tol, clouds_tol);
  int status = wg_setup(&solver, x->n, y->n, found->d, x->points, x->weights, y->points, y->weights,
                        found->gauge, &settings);
  if (status == WG_OK) status = wg_solve(solver, &found->clouds);
  wg_free(solver);
  return status;
}

/* An exit status; the gauge is compared with the second file, a covariance or a cloud. */
static int fit_gauge(const wg_gaussian_request *asked, const wg_gaussian_result *found) {
  char shape[WG_IO_SHAPE_TEXT];
  const int64_t rows = asked->from_samples ? found->cloud[1].n : found->d;
  const int64_t sizes[2] = {rows, found->d};
  return wg_cli_fit_gauge("--gauge", asked->gauge, found->d, asked->input[1],
                          wg_io_shape_text(shape, 2, sizes));
}

/* The report comes first: if a file cannot be written after all, the answer is not lost. */
static int deliver(wg_mem *mem, const wg_gaussian_request *asked, const wg_gaussian_result *found) {
  const char *const outputs[] = {asked->out, asked->certificate, asked->geodesic_out, asked->plot};
  bool wants_text = wg_cli_wants_text(asked->quiet, asked->json);
  for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++)
    wants_text = wants_text && !(outputs[k] && !strcmp(outputs[k], "-"));
  if (wants_text) wg_gaussian_print(asked, found);
  const int exit_status = wg_gaussian_write(mem, asked, found);
  if (exit_status != WG_EXIT_OK) return exit_status;
  return found->info.outcome == WG_CERTIFIED ? WG_EXIT_OK : WG_EXIT_OPEN;
}

static int run(wg_gaussian_request *asked, wg_mem *mem) {
  if (asked->batch) {
    int status = check_request(mem, asked);
    if (status == WG_OK) status = wg_gaussian_run_batch(mem, asked);
    return status < 0 ? refuse(status) : status;
  }
  wg_gaussian_result *found = WG_NEW(mem, wg_gaussian_result, 1);
  wg_cli_watcher watcher;
  if (!found) return refuse(wg_no_memory());
  int status = check_request(mem, asked);
  if (status == WG_OK) status = wg_gaussian_read(mem, asked, found);
  if (status == WG_OK) status = allocate(mem, found);
  if (status < 0) return refuse(status);
  const int exit_status = fit_gauge(asked, found);
  if (exit_status != WG_EXIT_OK) return exit_status;
  found->peak_bytes = (int64_t)mem->ledger->peak;
  wg_cli_watch(&watcher, asked->quiet, &asked->settings);
  wg_cli_watch_begin();
  status = solve(asked, found);
  if (status >= 0) status = solve_clouds(asked, found);
  wg_cli_watch_end(&watcher);
  return status < 0 ? refuse_data(asked, status) : deliver(mem, asked, found);
}

int wg_cli_gaussian(int argc, char **argv) {
  wg_gaussian_request asked = {.gauge = "operator"};
  wg_settings_init(&asked.settings);
  asked.settings.tol = default_tol;
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status == WG_EXIT_OK && asked.help) return fputs(usage, stdout), WG_EXIT_OK;
  if (exit_status == WG_EXIT_OK) exit_status = read_inputs(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  exit_status = run(&asked, &mem);
  wg_mem_clear(&mem);
  return exit_status;
}
