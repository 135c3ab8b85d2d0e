/* wgamma dynamic MU0 MU1: the Benamou-Brenier form of the distance of two densities on a grid
 * (theory 5), with the path that attains it.
 *
 * As in wgamma distance, whatever can be refused is refused before anything is computed. The same
 * masses at the middles of the cells are also solved as clouds, where these are small. */
#include "dynamic.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "film.h"
#include "plot/plot.h"

static const char usage[] =
    "usage: wgamma dynamic MU0 MU1 [options]\n"
    "The distance of two densities on a grid from the path of least action between them: density\n"
    "and momentum over time. Two estimates of W^2, from the path and from the dual potential, say\n"
    "how far the solve is; bounds hold for the problem on the grid, which differs from that of "
    "the\n"
    "densities by the cell size squared or so.\n"
    "  MU0, MU1              arrays of one, two or three axes, numbers >= 0, of the same shape\n"
    "                        (.npy, .npz or text), or images (.png: ink on white paper); divided\n"
    "                        by their sums\n"
    "  --bins N              MU0 and MU1 are clouds, one point a row, to be put into N cells, one\n"
    "                        number for all axes or one for each; gives the spacing\n"
    "  --weights-a FILE, --weights-b FILE    of the points; default: equal\n"
    "what is computed\n"
    "  --gauge G             default: operator; convex gauges (p >= 1); see wgamma help\n"
    "  --spacing H           sides of a cell, one for all axes or one for each; default: 1\n"
    "  --steps N             of time; default: 32\n"
    "  --static              solve the masses at the middles of the cells as clouds, too; done by\n"
    "                        itself up to 300 cells\n"
    "how far\n"
    "  --tol T               relative difference of both estimates to reach; default: 1e-3\n"
    "  --iterations N        at most; default: 2000\n"
    "  --time-limit S        seconds; then what is reached is the answer\n"
    "  --memory-limit BYTES  K, M or G may follow; beyond it the solve is refused\n"
    "  --threads N           default: 0, all cores; the result does not depend on it\n"
    "what is written\n"
    "  --out FILE            .npz: density, momentum, potential, Q, moment, spacing, w2_grid\n"
    "  --certificate FILE    all that proves the bounds on the grid, for wgamma verify\n"
    "  --plot FILE           the density at five times (.pdf, .svg or .png)\n"
    "  --animate FILM        .gif, .png or .apng, .mp4: through ffmpeg, which must be installed\n"
    "  --json FILE           the report as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet               prints nothing\n"
    "Exit status: 0 converged as asked, 1 not so far, 2 usage, 3 unusable file, 4 memory,\n"
    "5 internal error.\n";

enum { STATIC_CELLS = 300 };

/* ---- the command line ---- */

static int read_command_line(int argc, char **argv, wg_dynamic_request *asked) {
  wg_dynamic_settings *settings = &asked->settings;
  const wg_cli_option options[] = {
      {"gauge", 0, WG_CLI_TEXT, &asked->gauge},
      {"spacing", 0, WG_CLI_TEXT, &asked->spacing_text},
      {"bins", 0, WG_CLI_TEXT, &asked->bins_text},
      {"weights-a", 0, WG_CLI_TEXT, &asked->weights[0]},
      {"weights-b", 0, WG_CLI_TEXT, &asked->weights[1]},
      {"steps", 0, WG_CLI_COUNT, &settings->steps},
      {"static", 0, WG_CLI_FLAG, &asked->compare},
      {"tol", 0, WG_CLI_POSITIVE, &settings->tol},
      {"iterations", 0, WG_CLI_COUNT, &settings->max_iterations},
      {"time-limit", 0, WG_CLI_POSITIVE, &settings->time_limit},
      {"memory-limit", 0, WG_CLI_BYTES, &settings->memory_limit},
      {"threads", 0, WG_CLI_THREADS, &settings->threads},
      {"out", 'o', WG_CLI_TEXT, &asked->out},
      {"certificate", 0, WG_CLI_TEXT, &asked->certificate},
      {"plot", 0, WG_CLI_TEXT, &asked->plot},
      {"animate", 0, WG_CLI_TEXT, &asked->animate},
      {"json", 'j', WG_CLI_TEXT, &asked->json},
      {"quiet", 'q', WG_CLI_FLAG, &asked->quiet},
  };
  return wg_cli_read_options("dynamic", argc, argv, sizeof options / sizeof *options, options,
                             &asked->help);
}

static int read_inputs(int argc, char **argv, wg_dynamic_request *asked) {
  if (argc - optind != 2)
    return wg_cli_usage("dynamic", "two files MU0 MU1 are wanted, got %d file%s", argc - optind,
                        wg_cli_plural(argc - optind));
  for (int side = 0; side < 2; side++) {
    asked->input[side] = argv[optind + side];
    if (!asked->input[side][0]) return wg_cli_usage("dynamic", "a file has an empty name");
  }
  if (!strcmp(asked->input[0], "-") && !strcmp(asked->input[1], "-"))
    return wg_cli_usage("dynamic", "only one file can be - (standard input)");
  return WG_EXIT_OK;
}

static int check_request(const wg_dynamic_request *asked) {
  const wg_cli_path outputs[] = {{"--out", asked->out},
                                 {"--certificate", asked->certificate},
                                 {"--plot", asked->plot},
                                 {"--animate", asked->animate},
                                 {"--json", asked->json}};
  const wg_cli_path inputs[] = {{"MU0", asked->input[0]},
                                {"MU1", asked->input[1]},
                                {"--weights-a", asked->weights[0]},
                                {"--weights-b", asked->weights[1]}};
  if (asked->plot) WG_TRY(wg_plot_check_path(asked->plot));
  if (asked->animate) WG_TRY(wg_film_check(asked->animate));
  if (asked->bins_text && asked->spacing_text)
    return wg_fail(WG_ERR_ARGUMENT, "--bins gives the spacing; leave --spacing out");
  if (!asked->bins_text && (asked->weights[0] || asked->weights[1]))
    return wg_fail(WG_ERR_ARGUMENT, "weights are of the points of clouds, which --bins N wants");
  WG_TRY(wg_cli_check_gauge("--gauge", asked->gauge));
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs,
                            sizeof inputs / sizeof *inputs, inputs);
}

/* ---- the solve ---- */

/* The middles of the cells and the masses in them, of sum one. */
static void place_cells(const wg_dynamic_result *found, int side, double *points, double *weights) {
  double sum = 0.0;
  for (int64_t c = 0; c < found->cells; c++) {
    int64_t rest = c;
    for (int64_t k = found->d - 1; k >= 0; k--) {
      points[c * found->d + k] = ((double)(rest % found->shape[k]) + 0.5) * found->spacing[k];
      rest /= found->shape[k];
    }
    sum += found->mass[side][c];
  }
  for (int64_t c = 0; c < found->cells; c++) weights[c] = found->mass[side][c] / sum;
}

static int solve_static(wg_mem *mem, wg_dynamic_result *found) {
  const double tol = 1e-6;
  const int64_t n = found->cells, d = found->d;
  double *points = WG_NEW(mem, double, n *d), *weights = WG_NEW(mem, double, 2 * n);
  if (!points || !weights) return wg_no_memory();
  for (int side = 0; side < 2; side++) place_cells(found, side, points, weights + side * n);
  WG_TRY(wg_distance(n, n, d, points, weights, points, weights + n, found->gauge, tol,
                     &found->fixed[0], &found->fixed[1]));
  found->compared = true;
  return WG_OK;
}

static int solve(wg_mem *mem, const wg_dynamic_request *asked, wg_dynamic_result *found) {
  WG_TRY(wg_gauge_canonical(asked->gauge, found->d, found->gauge, sizeof found->gauge));
  WG_TRY(wg_dynamic(found->d, found->shape, found->spacing, found->mass[0], found->mass[1],
                    found->gauge, &asked->settings, &found->info, &found->solution));
  found->peak_bytes = (int64_t)mem->ledger->peak + found->info.peak_bytes;
  if (asked->compare || found->cells <= STATIC_CELLS) WG_TRY(solve_static(mem, found));
  return wg_dynamic_get(found->solution, &found->path);
}

/* The library calls the densities mass0 and mass1. */
static int refuse_data(const wg_dynamic_request *asked, int status) {
  const char *detail = wg_error_detail();
  if (status == WG_ERR_INPUT && !strncmp(detail, "mass", 4) &&
      (detail[4] == '0' || detail[4] == '1'))
    return wg_cli_error_about(wg_io_name(asked->input[detail[4] - '0']), status);
  return wg_cli_refuse("dynamic", status);
}

/* The report comes first: if a file cannot be written after all, the answer is not lost. */
static int deliver(const wg_dynamic_request *asked, const wg_dynamic_result *found) {
  const bool data_there = (asked->out && !strcmp(asked->out, "-")) ||
                          (asked->certificate && !strcmp(asked->certificate, "-"));
  if (wg_cli_wants_text(asked->quiet, asked->json) && !data_there) wg_dynamic_print(asked, found);
  const int exit_status = wg_dynamic_write(asked, found);
  if (exit_status != WG_EXIT_OK) return exit_status;
  return found->info.converged ? WG_EXIT_OK : WG_EXIT_OPEN;
}

static int run(wg_dynamic_request *asked, wg_mem *mem, wg_dynamic_result *found) {
  char shape[WG_IO_SHAPE_TEXT];
  wg_cli_watcher watcher;
  wg_settings watched;
  int status = check_request(asked);
  if (status == WG_OK) status = wg_dynamic_read(mem, asked, found);
  if (status < 0) return wg_cli_refuse("dynamic", status);
  const int exit_status = wg_cli_fit_gauge("--gauge", asked->gauge, found->d, asked->input[1],
                                           wg_io_shape_text(shape, (int)found->d, found->shape));
  if (exit_status != WG_EXIT_OK) return exit_status;
  wg_settings_init(&watched);
  wg_cli_watch(&watcher, asked->quiet, &watched);
  asked->settings.progress = watched.progress;
  asked->settings.progress_data = watched.progress_data;
  wg_cli_watch_begin();
  status = solve(mem, asked, found);
  wg_cli_watch_end(&watcher);
  return status < 0 ? refuse_data(asked, status) : deliver(asked, found);
}

int wg_cli_dynamic(int argc, char **argv) {
  wg_dynamic_request asked = {.gauge = "operator"};
  wg_dynamic_settings_init(&asked.settings);
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status == WG_EXIT_OK && asked.help) return fputs(usage, stdout), WG_EXIT_OK;
  if (exit_status == WG_EXIT_OK) exit_status = read_inputs(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_dynamic_result *found = WG_NEW(&mem, wg_dynamic_result, 1);
  if (!found) return wg_cli_refuse("dynamic", wg_no_memory());
  exit_status = run(&asked, &mem, found);
  wg_dynamic_free(found->solution);
  wg_mem_clear(&mem);
  return exit_status;
}
