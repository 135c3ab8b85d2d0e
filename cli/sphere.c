/* wgamma sphere A B: the certified unbalanced distance of two finite measures on the unit sphere
 * (theory 7), with the semi-coupling that attains it.
 *
 * As in wgamma distance, whatever can be refused is refused before anything is computed. */
#include "sphere.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "plot/plot.h"

static const char usage[] =
    "usage: wgamma sphere A B [options]\n"
    "The unbalanced spectral distance UW of two finite measures on the unit sphere: mass is "
    "moved,\n"
    "created and destroyed, and bounds of UW^2 are proved: lower <= UW^2 <= upper. With the gauge\n"
    "trace it is Wasserstein-Fisher-Rao (Hellinger-Kantorovich).\n"
    "  A, B                  points of length one, one a row, two columns or more: .npy, .npz, "
    "text\n"
    "what is computed\n"
    "  --weights-a FILE, --weights-b FILE\n"
    "                        masses, positive, of any total; default: all equal, of sum one\n"
    "  --normalise           divide the points by their lengths; without it points whose length "
    "is\n"
    "                        not one within 1e-6 are refused\n"
    "  --gauge G             default: operator; convex gauges (p >= 1); see wgamma help\n"
    "  --wfr                 compare with Wasserstein-Fisher-Rao: c WFR^2 <= UW^2 <= C WFR^2\n"
    "how far\n"
    "  --tol T               relative gap (upper - lower) / upper to reach; default: 1e-8\n"
    "  --max-calls N         directions Q to try; default: 1000\n"
    "  --time-limit S        seconds; then the interval reached is the answer\n"
    "  --memory-limit BYTES  K, M or G may follow; beyond it the solve is refused\n"
    "  --threads N           default: 0, all cores; the result does not depend on it\n"
    "what is written\n"
    "  --out FILE            .npz: row, col, g0, g1, c (the semi-coupling), Q, u, v, moment\n"
    "  --certificate FILE    all that proves the bounds, for wgamma verify\n"
    "  --plot FILE           a figure of the transported pairs, .pdf, .svg or .png\n"
    "  --json FILE           the report as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet               prints nothing\n"
    "Exit status: 0 certified, 1 solved, but the gap is larger than asked, 2 usage, 3 unusable\n"
    "file, 4 memory, 5 internal error.\n";

static const double default_tol = 1e-8;

/* ---- the command line ---- */

static int read_command_line(int argc, char **argv, wg_sphere_request *asked) {
  wg_settings *settings = &asked->settings;
  const wg_cli_option options[] = {
      {"weights-a", 0, WG_CLI_TEXT, &asked->weights[0]},
      {"weights-b", 0, WG_CLI_TEXT, &asked->weights[1]},
      {"normalise", 0, WG_CLI_FLAG, &asked->normalise},
      {"gauge", 0, WG_CLI_TEXT, &asked->gauge},
      {"wfr", 0, WG_CLI_FLAG, &asked->compare},
      {"tol", 0, WG_CLI_POSITIVE, &settings->tol},
      {"max-calls", 0, WG_CLI_COUNT, &settings->max_calls},
      {"time-limit", 0, WG_CLI_POSITIVE, &settings->time_limit},
      {"memory-limit", 0, WG_CLI_BYTES, &settings->memory_limit},
      {"threads", 0, WG_CLI_THREADS, &settings->threads},
      {"out", 'o', WG_CLI_TEXT, &asked->out},
      {"certificate", 0, WG_CLI_TEXT, &asked->certificate},
      {"plot", 0, WG_CLI_TEXT, &asked->plot},
      {"json", 'j', WG_CLI_TEXT, &asked->json},
      {"quiet", 'q', WG_CLI_FLAG, &asked->quiet},
  };
  return wg_cli_read_options("sphere", argc, argv, sizeof options / sizeof *options, options,
                             &asked->help);
}

static int read_inputs(int argc, char **argv, wg_sphere_request *asked) {
  if (argc - optind != 2)
    return wg_cli_usage("sphere", "two files A B are wanted, got %d file%s", argc - optind,
                        wg_cli_plural(argc - optind));
  for (int side = 0; side < 2; side++) {
    asked->input[side] = argv[optind + side];
    if (!asked->input[side][0]) return wg_cli_usage("sphere", "a file has an empty name");
  }
  if (!strcmp(asked->input[0], "-") && !strcmp(asked->input[1], "-"))
    return wg_cli_usage("sphere", "only one file can be - (standard input)");
  return WG_EXIT_OK;
}

/* Everything that can be said without reading the data. */
static int check_request(const wg_sphere_request *asked) {
  const wg_cli_path outputs[] = {{"--out", asked->out},
                                 {"--certificate", asked->certificate},
                                 {"--plot", asked->plot},
                                 {"--json", asked->json}};
  const wg_cli_path inputs[] = {{"A", asked->input[0]},
                                {"B", asked->input[1]},
                                {"--weights-a", asked->weights[0]},
                                {"--weights-b", asked->weights[1]}};
  WG_TRY(wg_cli_check_gauge("--gauge", asked->gauge));
  if (asked->plot) WG_TRY(wg_plot_check_path(asked->plot));
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs,
                            sizeof inputs / sizeof *inputs, inputs);
}

/* ---- the data ---- */

static int read_data(wg_mem *mem, const wg_sphere_request *asked, wg_sphere_result *found) {
  int64_t d[2];
  for (int side = 0; side < 2; side++) {
    wg_io_array array;
    const char *path = asked->input[side];
    WG_TRY(wg_io_read(mem, path, NULL, &array));
    WG_TRY(wg_io_check_points(path, &array, &found->n[side], &d[side]));
    WG_TRY(wg_io_check_finite(path, &array));
    found->points[side] = array.data;
    WG_TRY(wg_cli_read_weights(mem, asked->weights[side], "mass", "masses", path, found->n[side],
                               &found->masses[side]));
  }
  found->d = d[0];
  if (d[0] == d[1]) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "%s has %" PRId64 " columns and %s %" PRId64
                 "; both measures live on the same sphere",
                 wg_io_name(asked->input[0]), d[0], wg_io_name(asked->input[1]), d[1]);
}

/* ---- the solve ---- */

/* The library calls the measures x, a and y, b. */
static int refuse_data(const wg_sphere_request *asked, int status) {
  const char *detail = wg_error_detail();
  const char *const files[] = {asked->input[0], asked->weights[0], asked->input[1],
                               asked->weights[1]};
  static const char *const names[] = {"x[", "a[", "y[", "b["};
  for (int k = 0; k < 4 && status == WG_ERR_INPUT; k++)
    if (!strncmp(detail, names[k], 2) && files[k])
      return wg_cli_error_about(wg_io_name(files[k]), status);
  return wg_cli_refuse("sphere", status);
}

static int solve_under(const wg_sphere_request *asked, const wg_sphere_result *found,
                       const char *gauge, wg_sphere_info *info, wg_sphere_solution **solution) {
  return wg_sphere(found->n[0], found->n[1], found->d, found->points[0], found->masses[0],
                   found->points[1], found->masses[1], gauge, asked->normalise, &asked->settings,
                   info, solution);
}

static int solve(const wg_sphere_request *asked, wg_sphere_result *found) {
  WG_TRY(wg_gauge_canonical(asked->gauge, found->d, found->gauge, sizeof found->gauge));
  WG_TRY(solve_under(asked, found, found->gauge, &found->info, &found->solution));
  found->peak_bytes = WG_MAX(found->peak_bytes, found->info.peak_bytes);
  if (asked->compare) WG_TRY(solve_under(asked, found, "trace", &found->wfr, NULL));
  return wg_sphere_get(found->solution, &found->plan);
}

/* The report comes first: if a file cannot be written after all, the answer is not lost. */
static int deliver(const wg_sphere_request *asked, const wg_sphere_result *found) {
  const bool data_there = (asked->out && !strcmp(asked->out, "-")) ||
                          (asked->certificate && !strcmp(asked->certificate, "-"));
  if (wg_cli_wants_text(asked->quiet, asked->json) && !data_there) wg_sphere_print(asked, found);
  const int exit_status = wg_sphere_write(asked, found);
  if (exit_status != WG_EXIT_OK) return exit_status;
  return found->info.outcome == WG_CERTIFIED ? WG_EXIT_OK : WG_EXIT_OPEN;
}

static int run(wg_sphere_request *asked, wg_mem *mem, wg_sphere_result *found) {
  char shape[WG_IO_SHAPE_TEXT];
  wg_cli_watcher watcher;
  int status = check_request(asked);
  if (status == WG_OK) status = read_data(mem, asked, found);
  if (status < 0) return wg_cli_refuse("sphere", status);
  const int64_t sizes[2] = {found->n[1], found->d};
  const int exit_status = wg_cli_fit_gauge("--gauge", asked->gauge, found->d, asked->input[1],
                                           wg_io_shape_text(shape, 2, sizes));
  if (exit_status != WG_EXIT_OK) return exit_status;
  found->peak_bytes = (int64_t)mem->ledger->peak;
  wg_cli_watch(&watcher, asked->quiet, &asked->settings);
  wg_cli_watch_begin();
  status = solve(asked, found);
  wg_cli_watch_end(&watcher);
  return status < 0 ? refuse_data(asked, status) : deliver(asked, found);
}

int wg_cli_sphere(int argc, char **argv) {
  wg_sphere_request asked = {.gauge = "operator"};
  wg_settings_init(&asked.settings);
  asked.settings.tol = default_tol;
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status == WG_EXIT_OK && asked.help) return fputs(usage, stdout), WG_EXIT_OK;
  if (exit_status == WG_EXIT_OK) exit_status = read_inputs(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_sphere_result *found = WG_NEW(&mem, wg_sphere_result, 1);
  if (!found) return wg_cli_refuse("sphere", wg_no_memory());
  exit_status = run(&asked, &mem, found);
  wg_sphere_free(found->solution);
  wg_mem_clear(&mem);
  return exit_status;
}
