/* wgamma barycentre M0 S0 M1 S1 ...: the Gaussian with the least weighted sum of squared spectral
 * Wasserstein distances to several, with bounds of that sum (docs/theory/gaussian.md).
 *
 * As in wgamma gaussian, whatever can be refused is refused before anything is computed. */
#include "barycentre.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

static const char usage[] =
    "usage: wgamma barycentre M0 S0 M1 S1 ... [options]\n"
    "The Gaussian N(M, S) with the least sum_k w_k W^2(N(M_k, S_k), N(M, S)), and bounds of that\n"
    "sum that are proved: no Gaussian has less than the lower one, this one has at most the "
    "upper.\n"
    "  M0, M1, ...           means, d numbers (d up to 60): .npy, .npz or text\n"
    "  S0, S1, ...           covariances, d x d, symmetric, no eigenvalue below zero; they may be\n"
    "                        singular\n"
    "what is computed\n"
    "  --gauge G             default: operator; p >= 1; see wgamma help\n"
    "  --weights FILE        a positive number for each Gaussian, of sum one; default: all equal\n"
    "how far\n"
    "  --tol T               relative gap (upper - lower) / upper to reach; default: 1e-6 (1e-8 "
    "is\n"
    "                        usually reached as well)\n"
    "  --time-limit S        seconds; then the interval reached is the answer\n"
    "  --memory-limit BYTES  K, M or G may follow; beyond it the solve is refused\n"
    "what is written\n"
    "  --out FILE            .npz: mean, cov, bounds of the value and of the squared distances to\n"
    "                        it, and the matrices that prove them\n"
    "  --certificate FILE    all that proves the bounds, for wgamma verify\n"
    "  --plot FILE           for d = 2: all Gaussians and their barycentre (.pdf, .svg or .png)\n"
    "  --json FILE           the report as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet               prints nothing\n"
    "\n"
    "examples\n"
    "  wgamma barycentre m0.npy s0.npy m1.npy s1.npy m2.npy s2.npy --out barycentre.npz\n"
    "  wgamma barycentre m0.npy s0.npy m1.npy s1.npy --gauge schatten:3 --weights w.npy --plot "
    "b.pdf\n"
    "\n"
    "Exit status: 0 certified, 1 solved, but the gap is larger than asked, 2 usage, 3 unusable\n"
    "file, 4 memory, 5 internal error.\n";

static const double default_tol = 1e-6;
enum { FEWEST_FILES = 4, MOST_FILES = 20000 };

/* ---- the command line ---- */

static int read_command_line(int argc, char **argv, wg_barycentre_request *asked) {
  wg_settings *settings = &asked->settings;
  const wg_cli_option options[] = {
      {"gauge", 0, WG_CLI_TEXT, &asked->gauge},
      {"weights", 0, WG_CLI_TEXT, &asked->weights},
      {"tol", 0, WG_CLI_POSITIVE, &settings->tol},
      {"time-limit", 0, WG_CLI_POSITIVE, &settings->time_limit},
      {"memory-limit", 0, WG_CLI_BYTES, &settings->memory_limit},
      {"out", 'o', WG_CLI_TEXT, &asked->out},
      {"certificate", 0, WG_CLI_TEXT, &asked->certificate},
      {"plot", 0, WG_CLI_TEXT, &asked->plot},
      {"json", 'j', WG_CLI_TEXT, &asked->json},
      {"quiet", 'q', WG_CLI_FLAG, &asked->quiet},
  };
  return wg_cli_read_options("barycentre", argc, argv, sizeof options / sizeof *options, options,
                             &asked->help);
}

static int read_inputs(int argc, char **argv, wg_barycentre_request *asked) {
  const int files = argc - optind;
  int streams = 0;
  if (files < FEWEST_FILES || files > MOST_FILES || files % 2)
    return wg_cli_usage("barycentre",
                        "a mean and a covariance each of two Gaussians or more are "
                        "wanted, M0 S0 M1 S1 ..., got %d file%s",
                        files, wg_cli_plural(files));
  asked->count = files / 2;
  asked->input = argv + optind;
  for (int k = 0; k < files; k++) {
    streams += !strcmp(asked->input[k], "-");
    if (!asked->input[k][0]) return wg_cli_usage("barycentre", "a file has an empty name");
  }
  if (streams > 1) return wg_cli_usage("barycentre", "only one file can be - (standard input)");
  return WG_EXIT_OK;
}

/* Everything that can be said without reading the data. */
static int check_request(wg_mem *mem, const wg_barycentre_request *asked) {
  const wg_cli_path outputs[] = {{"--out", asked->out},
                                 {"--certificate", asked->certificate},
                                 {"--plot", asked->plot},
                                 {"--json", asked->json}};
  const int64_t files = 2 * asked->count;
  wg_cli_path *inputs = WG_NEW(mem, wg_cli_path, files + 1);
  if (!inputs) return wg_no_memory();
  for (int64_t k = 0; k < files; k++)
    inputs[k] = (wg_cli_path){wg_io_name(asked->input[k]), asked->input[k]};
  inputs[files] = (wg_cli_path){"--weights", asked->weights};
  if (asked->plot) WG_TRY(wg_plot_check_path(asked->plot));
  WG_TRY(wg_cli_check_gauge("--gauge", asked->gauge));
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs, (int)files + 1, inputs);
}

/* ---- the data ---- */

static int read_weights(wg_mem *mem, const wg_barycentre_request *asked,
                        wg_barycentre_result *found) {
  wg_io_array array;
  int64_t count;
  if (!asked->weights) return WG_OK;
  WG_TRY(wg_io_read(mem, asked->weights, NULL, &array));
  WG_TRY(wg_io_check_vector(asked->weights, &array, &count));
  WG_TRY(wg_io_check_finite(asked->weights, &array));
  if (count != asked->count)
    return wg_fail(WG_ERR_INPUT,
                   "%s holds %" PRId64 " weights for %" PRId64 " Gaussians; give one each",
                   wg_io_name(asked->weights), count, asked->count);
  found->weights = array.data;
  return WG_OK;
}

static int allocate(wg_mem *mem, wg_barycentre_result *found) {
  const int64_t d = found->d, all = found->count * d * d;
  double **large[] = {&found->covs, &found->contractions, &found->q, &found->y};
  for (size_t k = 0; k < sizeof large / sizeof *large; k++)
    if (!(*large[k] = WG_NEW(mem, double, all))) return wg_no_memory();
  found->means = WG_NEW(mem, double, found->count *d);
  found->mean = WG_NEW(mem, double, d);
  found->cov = WG_NEW(mem, double, d *d);
  found->distances = WG_NEW(mem, double, 2 * found->count);
  return found->means && found->mean && found->cov && found->distances ? WG_OK : wg_no_memory();
}

/* The first mean sets the dimension. */
static int read_data(wg_mem *mem, const wg_barycentre_request *asked, wg_barycentre_result *found) {
  found->count = asked->count;
  for (int64_t k = 0; k < asked->count; k++) {
    const char *mean_path = asked->input[2 * k];
    double *mean, *cov;
    int64_t d;
    WG_TRY(wg_gaussian_read_mean(mem, mean_path, &d, &mean));
    if (k == 0) {
      found->d = d;
      WG_TRY(allocate(mem, found));
    }
    if (d != found->d)
      return wg_fail(WG_ERR_INPUT,
                     "%s holds %" PRId64 " numbers and %s %" PRId64
                     "; all Gaussians need the same dimension",
                     wg_io_name(asked->input[0]), found->d, wg_io_name(mean_path), d);
    WG_TRY(wg_gaussian_read_covariance(mem, asked->input[2 * k + 1], mean_path, d, &cov));
    memcpy(found->means + k * d, mean, (size_t)d * sizeof(double));
    memcpy(found->covs + k * d * d, cov, (size_t)(d * d) * sizeof(double));
  }
  if (asked->plot && found->d != 2)
    return wg_fail(WG_ERR_ARGUMENT, "--plot draws d = 2, these Gaussians have d = %" PRId64,
                   found->d);
  return read_weights(mem, asked, found);
}

/* ---- the solve ---- */

static int solve(const wg_barycentre_request *asked, wg_barycentre_result *found) {
  WG_TRY(wg_gauge_canonical(asked->gauge, found->d, found->gauge, sizeof found->gauge));
  WG_TRY(wg_gaussian_barycentre(found->count, found->d, found->means, found->covs, found->weights,
                                found->gauge, &asked->settings, &found->info, found->mean,
                                found->cov, found->contractions, found->q, found->y,
                                found->distances));
  found->peak_bytes = WG_MAX(found->peak_bytes, found->info.peak_bytes);
  return WG_OK;
}

/* The file that a sentence of the library is about: means[k], covs[k] or weights. */
static int refuse_data(const wg_barycentre_request *asked, int status) {
  const char *detail = wg_error_detail();
  long long k;
  if (status != WG_ERR_INPUT) return wg_cli_refuse("barycentre", status);
  if (sscanf(detail, "means[%lld]", &k) == 1)
    return wg_cli_error_about(wg_io_name(asked->input[2 * k]), status);
  if (sscanf(detail, "covs[%lld]", &k) == 1)
    return wg_cli_error_about(wg_io_name(asked->input[2 * k + 1]), status);
  if (asked->weights && !strncmp(detail, "weights", 7))
    return wg_cli_error_about(wg_io_name(asked->weights), status);
  return wg_cli_error(status);
}

/* The report comes first: if a file cannot be written after all, the answer is not lost. */
static int deliver(wg_mem *mem, const wg_barycentre_request *asked,
                   const wg_barycentre_result *found) {
  const char *const outputs[] = {asked->out, asked->certificate, asked->plot};
  bool wants_text = wg_cli_wants_text(asked->quiet, asked->json);
  for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++)
    wants_text = wants_text && !(outputs[k] && !strcmp(outputs[k], "-"));
  if (wants_text) wg_barycentre_print(asked, found);
  const int exit_status = wg_barycentre_write(mem, asked, found);
  if (exit_status != WG_EXIT_OK) return exit_status;
  return found->info.outcome == WG_CERTIFIED ? WG_EXIT_OK : WG_EXIT_OPEN;
}

static int run(wg_barycentre_request *asked, wg_mem *mem) {
  char shape[WG_IO_SHAPE_TEXT];
  wg_cli_watcher watcher;
  wg_barycentre_result *found = WG_NEW(mem, wg_barycentre_result, 1);
  int status = found ? check_request(mem, asked) : wg_no_memory();
  if (status == WG_OK) status = read_data(mem, asked, found);
  if (status < 0) return wg_cli_refuse("barycentre", status);
  const int64_t sizes[2] = {found->d, found->d};
  const int exit_status = wg_cli_fit_gauge("--gauge", asked->gauge, found->d, asked->input[1],
                                           wg_io_shape_text(shape, 2, sizes));
  if (exit_status != WG_EXIT_OK) return exit_status;
  found->peak_bytes = (int64_t)mem->ledger->peak;
  wg_cli_watch(&watcher, asked->quiet, &asked->settings);
  wg_cli_watch_begin();
  status = solve(asked, found);
  wg_cli_watch_end(&watcher);
  return status < 0 ? refuse_data(asked, status) : deliver(mem, asked, found);
}

int wg_cli_barycentre(int argc, char **argv) {
  wg_barycentre_request asked = {.gauge = "operator"};
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
