/* wgamma moments kl|linear|affine|modal: flows of Gaussians and of the modes of a linear network
 * (theory 6.1), with their events and their energy law. */
#include "moments.h"

#include <getopt.h>
#include <string.h>

#include "plot/plot.h"

static const char usage[] =
    "usage: wgamma moments kl M0 S0 M1 S1 --time T [options]\n"
    "       wgamma moments linear S0 TARGET --time T [--mean M0] [options]\n"
    "       wgamma moments affine M0 S0 L --time T [--offset C] [options]\n"
    "       wgamma moments modal MODES --time T [options]\n"
    "The W_gamma gradient flow of an energy on Gaussians, through mean and covariance. The energy\n"
    "law F(0) - F(t) = int N*^2 is checked at the end: it is what the outcome rests on.\n"
    "  kl                    KL to N(M1, S1), from N(M0, S0)\n"
    "  linear                |H - TARGET|^2 / 2 of the linear two-layer network H = int u v', "
    "whose\n"
    "                        neurons (u, v) are N(M0, S0); TARGET has a row for each u\n"
    "  affine                int x'Lx/2 + C'x for a symmetric L, from N(M0, S0)\n"
    "  modal                 the linear network with a diagonal target: MODES has the columns s, "
    "r,\n"
    "                        beta; a = s + r and b = s - r are positive at the start\n"
    "  files                 .npy, .npz or text; covariances d x d\n"
    "what is computed\n"
    "  --gauge G             schatten:p (trace, frobenius, operator), p > 1/2; default: operator\n"
    "  --time T              how long\n"
    "  --samples N           states kept, evenly from 0 to T; default: 101\n"
    "  --times T1,T2,...     states kept, instead of --time and --samples\n"
    "how far\n"
    "  --tol T               what the energy law is held to, relative; default: 1e-9. Steps are\n"
    "                        10 000 times as accurate\n"
    "  --time-limit S        seconds; then the flow ends where it is\n"
    "  --memory-limit BYTES  K, M or G may follow; beyond it the flow is refused\n"
    "what is written\n"
    "  --out FILE            .npz: times, energy, slope2 (N*^2), spent (its integral), and mean "
    "and\n"
    "                        cov, or r, a and b of the modes; events\n"
    "  --plot FILE           energy and N*^2 over time (.pdf, .svg or .png)\n"
    "  --json FILE           the report as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet               prints nothing\n"
    "For p > 1 an eigenvalue of the force's covariance can reach zero, where the equation does "
    "not\n"
    "say how to go on: kl, linear and affine end there, with exit status 1. Modes lose rank and\n"
    "arrive, and go on exactly.\n"
    "Exit status: 0 the time was reached and the energy law holds, 1 not, 2 usage, 3 unusable "
    "file,\n"
    "4 memory, 5 internal error.\n";

typedef struct form {
  const char *word;
  wg_moments_kind kind;
  int files;
  const char *names;
} form;
static const form forms[] = {{"kl", WG_MOMENTS_OF_KL, 4, "M0 S0 M1 S1"},
                             {"linear", WG_MOMENTS_OF_LINEAR, 2, "S0 TARGET"},
                             {"affine", WG_MOMENTS_OF_AFFINE, 3, "M0 S0 L"},
                             {"modal", WG_MOMENTS_OF_MODES, 1, "MODES"}};
enum { FORMS = sizeof forms / sizeof *forms };

/* ---- the command line ---- */

static int read_command_line(int argc, char **argv, wg_moments_request *asked) {
  wg_settings *settings = &asked->settings;
  const wg_cli_option options[] = {
      {"gauge", 0, WG_CLI_TEXT, &asked->gauge},
      {"time", 0, WG_CLI_POSITIVE, &asked->end},
      {"samples", 0, WG_CLI_COUNT, &asked->samples},
      {"times", 0, WG_CLI_TEXT, &asked->times_text},
      {"mean", 0, WG_CLI_TEXT, &asked->mean},
      {"offset", 0, WG_CLI_TEXT, &asked->offset},
      {"tol", 0, WG_CLI_POSITIVE, &settings->tol},
      {"time-limit", 0, WG_CLI_POSITIVE, &settings->time_limit},
      {"memory-limit", 0, WG_CLI_BYTES, &settings->memory_limit},
      {"out", 'o', WG_CLI_TEXT, &asked->out},
      {"plot", 0, WG_CLI_TEXT, &asked->plot},
      {"json", 'j', WG_CLI_TEXT, &asked->json},
      {"quiet", 'q', WG_CLI_FLAG, &asked->quiet},
  };
  return wg_cli_read_options("moments", argc, argv, sizeof options / sizeof *options, options,
                             &asked->help);
}

static int choose_form(int argc, char **argv, wg_moments_request *asked) {
  const form *chosen = NULL;
  if (optind >= argc) return wg_cli_usage("moments", "which flow? kl, linear, affine or modal");
  for (int k = 0; k < FORMS; k++)
    if (!strcmp(argv[optind], forms[k].word)) chosen = &forms[k];
  if (!chosen)
    return wg_cli_usage("moments", "%s is none of kl, linear, affine, modal", argv[optind]);
  const int given = argc - optind - 1;
  if (given != chosen->files)
    return wg_cli_usage("moments", "%s wants %s, got %d file%s", chosen->word, chosen->names, given,
                        wg_cli_plural(given));
  asked->kind = chosen->kind;
  asked->word = chosen->word;
  for (int k = 0; k < given; k++) asked->input[k] = argv[optind + 1 + k];
  if (asked->mean && asked->kind != WG_MOMENTS_OF_LINEAR)
    return wg_cli_usage("moments", "--mean belongs to linear");
  if (asked->offset && asked->kind != WG_MOMENTS_OF_AFFINE)
    return wg_cli_usage("moments", "--offset belongs to affine");
  if (!asked->times_text == !(asked->end > 0.0))
    return wg_cli_usage("moments", "how long? give --time T, or --times T1,T2,...");
  return WG_EXIT_OK;
}

static int make_times(wg_mem *mem, const wg_moments_request *asked, wg_moments_result *found) {
  if (asked->times_text)
    return wg_cli_read_times(mem, asked->times_text, &found->times_count, &found->times);
  const int64_t count = WG_MAX(asked->samples, 2);
  found->times_count = count;
  if (!(found->times = WG_NEW(mem, double, count))) return wg_no_memory();
  for (int64_t k = 0; k < count; k++)
    found->times[k] = asked->end * ((double)k / (double)(count - 1));
  return WG_OK;
}

/* Everything that can be said without reading the data. */
static int check_request(wg_mem *mem, const wg_moments_request *asked, wg_moments_result *found) {
  const wg_cli_path outputs[] = {
      {"--out", asked->out}, {"--plot", asked->plot}, {"--json", asked->json}};
  const wg_cli_path inputs[] = {{"the first file", asked->input[0]},
                                {"the second file", asked->input[1]},
                                {"the third file", asked->input[2]},
                                {"the fourth file", asked->input[3]},
                                {"--mean", asked->mean},
                                {"--offset", asked->offset}};
  WG_TRY(make_times(mem, asked, found));
  if (asked->plot) WG_TRY(wg_plot_check_path(asked->plot));
  WG_TRY(wg_cli_check_gauge("--gauge", asked->gauge));
  WG_TRY(wg_gauge_canonical(asked->gauge, 0, found->gauge, sizeof found->gauge));
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs,
                            sizeof inputs / sizeof *inputs, inputs);
}

/* ---- the flow ---- */

static int run_flow(const wg_moments_request *asked, wg_moments_result *f) {
  const wg_settings *settings = &asked->settings;
  switch (asked->kind) {
    case WG_MOMENTS_OF_KL:
      return wg_moments_kl(f->d, f->mean0, f->cov0, f->mean1, f->cov1, f->gauge, f->times_count,
                           f->times, settings, &f->moments);
    case WG_MOMENTS_OF_LINEAR:
      return wg_moments_linear(f->rows, f->columns, f->mean0, f->cov0, f->matrix, f->gauge,
                               f->times_count, f->times, settings, &f->moments);
    case WG_MOMENTS_OF_AFFINE:
      return wg_moments_affine(f->d, f->mean0, f->cov0, f->matrix, f->offset, f->gauge,
                               f->times_count, f->times, settings, &f->moments);
    default:
      return wg_moments_modal(f->d, f->s0, f->r0, f->beta, f->gauge, f->times_count, f->times,
                              settings, &f->moments);
  }
}

/* The library knows the data by names of its own, which begin its sentences. */
static int refuse(const wg_moments_request *asked, int status) {
  static const struct {
    const char *name;
    wg_moments_kind kind;
    int input;
  } places[] = {{"mean0", WG_MOMENTS_OF_KL, 0},      {"cov0", WG_MOMENTS_OF_KL, 1},
                {"mean1", WG_MOMENTS_OF_KL, 2},      {"cov1", WG_MOMENTS_OF_KL, 3},
                {"cov0", WG_MOMENTS_OF_LINEAR, 0},   {"cov0", WG_MOMENTS_OF_AFFINE, 1},
                {"matrix", WG_MOMENTS_OF_AFFINE, 2}, {"|r0", WG_MOMENTS_OF_MODES, 0}};
  const char *detail = wg_error_detail();
  for (size_t k = 0; k < sizeof places / sizeof *places && status == WG_ERR_INPUT; k++)
    if (places[k].kind == asked->kind && !strncmp(detail, places[k].name, strlen(places[k].name)))
      return wg_cli_error_about(wg_io_name(asked->input[places[k].input]), status);
  return wg_cli_refuse("moments", status);
}

static int run(wg_mem *mem, wg_moments_request *asked) {
  wg_moments_result found = {0};
  wg_cli_watcher watcher;
  int status = check_request(mem, asked, &found);
  if (status == WG_OK) status = wg_moments_read(mem, asked, &found);
  if (status < 0) return refuse(asked, status);
  wg_cli_watch(&watcher, asked->quiet, &asked->settings);
  wg_cli_watch_begin();
  status = run_flow(asked, &found);
  wg_cli_watch_end(&watcher);
  if (status < 0) return refuse(asked, status);
  wg_moments_get_info(found.moments, &found.info);
  if (wg_cli_wants_text(asked->quiet, asked->json)) wg_moments_print(asked, &found);
  int exit_status = wg_moments_write(mem, asked, &found);
  wg_moments_free(found.moments);
  if (exit_status != WG_EXIT_OK) return exit_status;
  return found.info.outcome == WG_CERTIFIED ? WG_EXIT_OK : WG_EXIT_OPEN;
}

int wg_cli_moments(int argc, char **argv) {
  wg_moments_request asked = {.gauge = "operator", .samples = 101};
  wg_settings_init(&asked.settings);
  asked.settings.tol = 1e-9;
  int status = read_command_line(argc, argv, &asked);
  if (status != WG_EXIT_OK) return status;
  if (asked.help) {
    fputs(usage, stdout);
    return WG_EXIT_OK;
  }
  if ((status = choose_form(argc, argv, &asked)) != WG_EXIT_OK) return status;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  status = run(&mem, &asked);
  wg_mem_clear(&mem);
  return status;
}
