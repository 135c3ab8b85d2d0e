/* wgamma polar G --out U: the polar factor U W' of G = U diag(s) W', exactly or by one of the
 * polynomial methods of optimisers (theory 2). Files as in lmo.c. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "matrix.h"

static const char usage[] =
    "usage: wgamma polar G --out U [options]\n"
    "The polar factor U W' of a matrix G = U diag(s) W' (n x d), of the type of G. Its singular\n"
    "values, and how far it is from orthogonal, are measured and reported; of many, the worst.\n"
    "  G               an .npy, .npz or text file; with exact, a plain .npy larger than memory;\n"
    "                  an array with three axes is many matrices, of shape (count, n, d)\n"
    "  --out U         the .npy to write (-: standard output)\n"
    "  --method M      auto (exact, unless --tol allows Polar Express on a small, nearly square\n"
    "                  matrix), exact, muon (its quintic, 5 steps), newton-schulz (20 steps),\n"
    "                  polar-express (8 steps)\n"
    "  --steps N       of the polynomial methods\n"
    "  --tol T         stop them when |A^2 - A|_F / sqrt(min(n, d)) <= T, A = U'U; at most 60\n"
    "                  steps unless --steps is given\n"
    "  --degree N      of Polar Express, odd, 3 to 15; 5 unless given\n"
    "  --lower L       least singular value it is made for, over the largest; 1e-3 unless given\n"
    "  --gram WHEN     multiply Gram matrices in the place of G: auto (long ones), yes, no\n"
    "  --rank-tol T    exact: singular values up to T times the largest count as zero\n"
    "  --key NAME      the member of an .npz\n"
    "  --threads N     of exact; 0: all cores; the result does not depend on it\n"
    "  --json FILE     writes a report (-: to standard output, in the place of the text)\n"
    "  --quiet         prints nothing\n"
    "Exit status: 0 computed, 1 --tol is not reached, 2 usage, 3 unusable file, 4 memory,\n"
    "5 internal error.\n";

static const char *const grams[] = {"auto", "no", "yes"};

typedef struct options {
  const char *g, *out, *key, *json;
  const char *method, *gram;
  int64_t steps, degree;
  wg_polar_settings settings;
  bool quiet, help;
} options;

typedef struct result {
  wg_cli_matrix matrix;
  wg_polar_report report;
  bool reached;
  int64_t peak_bytes;
} result;

/* ---- the work ---- */

static int factor(const options *asked, const wg_cli_matrix *g, void *u, wg_polar_report *report) {
  const wg_polar_settings *s = &asked->settings;
  if (g->ndim == 3)
    return g->single ? wg_polar_batch_f32(g->count, g->n, g->d, g->data, s, u, report)
                     : wg_polar_batch(g->count, g->n, g->d, g->data, s, u, report);
  if (g->single) return wg_polar_f32(g->n, g->d, g->data, s, u, report);
  return wg_polar(g->n, g->d, g->data, s, u, report);
}

/* The exit status; U is written unless something failed. */
static int write_factor(wg_mem *mem, const options *asked, result *found) {
  wg_io_output *output = NULL;
  void *u;
  int status = wg_cli_matrix_output(mem, &found->matrix, asked->out, &output, &u);
  if (status < 0) return wg_cli_error(status);
  status = factor(asked, &found->matrix, u, &found->report);
  if (status < 0) {
    wg_io_output_discard(output);
    return wg_cli_error_about(wg_io_name(asked->g), status);
  }
  bool polynomial = found->report.method != WG_POLAR_EXACT && asked->settings.tol > 0;
  found->reached = !polynomial || !(found->report.estimate > asked->settings.tol);
  found->peak_bytes = (int64_t)mem->ledger->peak + found->report.peak_bytes;
  status = wg_io_output_finish(output);
  if (status < 0) return wg_cli_error(status);
  return found->reached ? WG_EXIT_OK : WG_EXIT_OPEN;
}

static int compute(wg_mem *mem, const options *asked, result *found) {
  const wg_cli_path outputs[] = {{"--out", asked->out}, {"--json", asked->json}};
  const wg_cli_path inputs[] = {{"G", asked->g}};
  bool used = false;
  int status = wg_cli_check_paths(2, outputs, 1, inputs);
  if (status == WG_OK)
    status = wg_cli_matrix_open(mem, asked->g, asked->key, true, &used, &found->matrix);
  return status < 0 ? wg_cli_error(status) : write_factor(mem, asked, found);
}

/* ---- the answer ---- */

static void print_result(const result *found) {
  const wg_polar_report *r = &found->report;
  bool exact = r->method == WG_POLAR_EXACT;
  const wg_cli_matrix *g = &found->matrix;
  if (g->ndim == 3)
    printf("matrices    %" PRId64 " of", g->count);
  else
    printf("matrix     ");
  printf(" %" PRId64 " x %" PRId64 ", %s\n", g->n, g->d, g->single ? "float32" : "float64");
  printf("method      %s", wg_cli_methods[r->method]);
  if (exact)
    printf(", %d pass%s\n", r->passes, r->passes == 1 ? "" : "es");
  else
    printf(", %d step%s%s\n", r->steps, wg_cli_plural(r->steps), r->gram ? " in Gram form" : "");
  if (exact) printf("rank        %" PRId64 ", condition %.3g\n", r->rank, r->condition);
  if (!isnan(r->estimate)) printf("estimate    %.1e%s\n", r->estimate, exact ? " of U" : "");
  printf("singular    %.6f to %.6f\n", r->sigma_min, r->sigma_max);
  printf("orthogonal  within %.1e\n", r->orthogonality);
  printf("time        %.2f s\n", r->seconds);
}

static json_t *result_json(const result *found) {
  const wg_polar_report *r = &found->report;
  const wg_cli_matrix *g = &found->matrix;
  const int64_t shape[] = {g->count, g->n, g->d};
  bool many = g->ndim == 3;
  json_t *own = json_pack(
      "{s:o, s:s, s:s, s:i, s:b, s:i, s:I, s:o, s:o, s:o, s:o, s:o}", "shape",
      wg_cli_shape(2 + many, shape + !many), "dtype", g->single ? "float32" : "float64", "method",
      wg_cli_methods[r->method], "steps", r->steps, "gram", r->gram, "passes", r->passes, "rank",
      (json_int_t)r->rank, "condition", wg_cli_real(r->condition), "estimate",
      wg_cli_real(r->estimate), "sigma_min", wg_cli_real(r->sigma_min), "sigma_max",
      wg_cli_real(r->sigma_max), "orthogonality", wg_cli_real(r->orthogonality));
  return wg_cli_document("polar", NULL, found->reached ? "solved" : "gap-open", r->seconds,
                         found->peak_bytes, own);
}

/* ---- the command ---- */

static int fill_settings(options *asked) {
  wg_polar_settings *s = &asked->settings;
  s->method = wg_cli_find_word(asked->method, WG_CLI_METHODS, wg_cli_methods);
  int gram = wg_cli_find_word(asked->gram, 3, grams);
  if (s->method < 0)
    return wg_cli_usage("polar",
                        "--method %s is none of auto, exact, muon, newton-schulz, "
                        "polar-express",
                        asked->method);
  if (gram < 0) return wg_cli_usage("polar", "--gram %s is none of auto, yes, no", asked->gram);
  if (asked->steps > 1000) return wg_cli_usage("polar", "--steps is at most 1000");
  if (asked->degree < 3 || asked->degree > 15 || asked->degree % 2 == 0)
    return wg_cli_usage("polar", "--degree is odd, from 3 to 15");
  if (s->tol >= 1 || s->lower >= 1 || s->rank_tol >= 1)
    return wg_cli_usage("polar", "--tol, --lower and --rank-tol are below 1");
  s->gram = gram - 1;
  s->steps = (int)asked->steps;
  s->degree = (int)asked->degree;
  s->check = 1;
  return WG_EXIT_OK;
}

static int read_command_line(int argc, char **argv, options *asked) {
  const wg_cli_option known[] = {{"out", 'o', WG_CLI_TEXT, &asked->out},
                                 {"method", 'm', WG_CLI_TEXT, &asked->method},
                                 {"steps", 0, WG_CLI_COUNT, &asked->steps},
                                 {"tol", 0, WG_CLI_POSITIVE, &asked->settings.tol},
                                 {"degree", 0, WG_CLI_COUNT, &asked->degree},
                                 {"lower", 0, WG_CLI_POSITIVE, &asked->settings.lower},
                                 {"gram", 0, WG_CLI_TEXT, &asked->gram},
                                 {"rank-tol", 0, WG_CLI_POSITIVE, &asked->settings.rank_tol},
                                 {"key", 'k', WG_CLI_TEXT, &asked->key},
                                 {"threads", 't', WG_CLI_THREADS, &asked->settings.threads},
                                 {"json", 'j', WG_CLI_TEXT, &asked->json},
                                 {"quiet", 'q', WG_CLI_FLAG, &asked->quiet}};
  int exit_status =
      wg_cli_read_options("polar", argc, argv, sizeof known / sizeof *known, known, &asked->help);
  if (exit_status != WG_EXIT_OK || asked->help) return exit_status;
  if (argc - optind != 1)
    return wg_cli_usage("polar", "one matrix G is wanted, got %d", argc - optind);
  if (!asked->out) return wg_cli_usage("polar", "--out U is missing");
  asked->g = argv[optind];
  return fill_settings(asked);
}

static int run(const options *asked) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  result found = {.peak_bytes = 0};
  int exit_status = compute(&mem, asked, &found), status = WG_OK;
  if (exit_status <= WG_EXIT_OPEN) {
    bool taken = !strcmp(asked->out, "-");
    if (wg_cli_wants_text(asked->quiet || taken, asked->json)) print_result(&found);
    if (asked->json) status = wg_cli_write_json(asked->json, result_json(&found));
  }
  wg_cli_matrix_close(&found.matrix);
  wg_mem_clear(&mem);
  return status < 0 ? wg_cli_error(status) : exit_status;
}

int wg_cli_polar(int argc, char **argv) {
  options asked = {.degree = 5};
  wg_polar_settings_init(&asked.settings);
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (!asked.help) return run(&asked);
  fputs(usage, stdout);
  return WG_EXIT_OK;
}
