/* wgamma lmo G --gauge GAUGE --out V: the descent direction of a gauge (theory 2); with --verify V,
 * whether V is that direction.
 *
 * A plain .npy is worked on in blocks of rows where it lies, and V where it will lie, so that both
 * may be larger than memory. V appears under its name when it is complete. Cost n d^2 a pass. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "matrix.h"

static const char usage[] =
    "usage: wgamma lmo G --gauge GAUGE --out V [options]\n"
    "       wgamma lmo G --gauge GAUGE --verify V [options]\n"
    "The descent direction V of a matrix G (n x d): the minimiser of <G, V> + N(V)^2 / 2, where\n"
    "N(V)^2 is the gauge of V'V. Then N(V) is the dual norm N* of G and <G, V> = -N*^2. For\n"
    "operator: -(s1 + s2 + ...) U W', G = U diag(s) W'. V has the type of G: float32 or float64.\n"
    "  G               an .npy, .npz or text file; a plain .npy may be larger than memory\n"
    "  --gauge GAUGE   operator unless given; see wgamma --help\n"
    "  --out V         the .npy to write (-: standard output)\n"
    "  --verify V      judges a direction V from a file, of the shape and type of G; writes none\n"
    "  --weights W     n weights with sum one: G is then a force field on weighted points, V its\n"
    "                  velocity, and norms are weighted\n"
    "  --key NAMES     the member of an .npz; or, with commas between, of G and of W\n"
    "  --rank-tol T    singular values up to T times the largest count as zero\n"
    "  --tie-tol T     schatten:0.5: values that near the largest, relatively, tie\n"
    "  --accuracy T    relative, of V: a further pass is made when the condition asks for it;\n"
    "                  1e-10 unless given, 1e-7 for float32\n"
    "  --check         derives N*, N(V) and <G, V> again from the definitions, by other code, in\n"
    "                  further passes; V is not written when they disagree\n"
    "  --threads N     0: all cores; the result does not depend on it\n"
    "  --json FILE     writes a report (-: to standard output, in the place of the text)\n"
    "  --quiet         prints nothing\n"
    "Exit status: 0 computed, 1 --check or --verify says that V is not the direction, 2 usage,\n"
    "3 unusable file, 4 memory, 5 internal error.\n";

typedef struct options {
  const char *g, *gauge, *out, *verify, *weights, *keys, *json;
  double rank_tol, tie_tol, accuracy;
  int threads;
  bool check, quiet, help;
  char key[2][256]; /* of G and W */
} options;

typedef struct result {
  char gauge[WG_CLI_SENTENCE];
  wg_cli_matrix matrix;
  wg_lmo_report report;
  int64_t peak_bytes;
} result;

/* ---- the work ---- */

static int read_weights(wg_mem *mem, const options *asked, int64_t n, double **weights) {
  wg_io_array array;
  int64_t count;
  bool used = false;
  if (!asked->weights) return WG_OK;
  WG_TRY(wg_cli_read_member(mem, asked->weights, asked->key[1][0] ? asked->key[1] : NULL, &used,
                            &array));
  WG_TRY(wg_io_check_finite(asked->weights, &array));
  WG_TRY(wg_io_check_vector(asked->weights, &array, &count));
  if (count != n)
    return wg_fail(WG_ERR_INPUT, "%s has %" PRId64 " weights, %s has %" PRId64 " rows",
                   wg_io_name(asked->weights), count, wg_io_name(asked->g), n);
  *weights = array.data;
  return wg_cli_check_weights(wg_io_name(asked->weights), count, array.data);
}

static wg_lmo_settings settings_of(const options *asked) {
  wg_lmo_settings settings;
  wg_lmo_settings_init(&settings);
  settings.threads = asked->threads;
  settings.rank_tol = asked->rank_tol;
  settings.tie_tol = asked->tie_tol;
  settings.accuracy = asked->accuracy;
  settings.check = asked->check;
  return settings;
}

static int direction(const options *asked, const result *found, const double *weights, void *v,
                     wg_lmo_report *report) {
  const wg_cli_matrix *g = &found->matrix;
  const wg_lmo_settings settings = settings_of(asked);
  if (g->single)
    return wg_lmo_f32(found->gauge, g->n, g->d, g->data, weights, &settings, v, report);
  return wg_lmo(found->gauge, g->n, g->d, g->data, weights, &settings, v, report);
}

/* The exit status; V is written only when everything went well. */
static int write_direction(wg_mem *mem, const options *asked, const double *weights,
                           result *found) {
  wg_io_output *output = NULL;
  void *v;
  int status = wg_cli_matrix_output(mem, &found->matrix, asked->out, &output, &v);
  if (status < 0) return wg_cli_error(status);
  status = direction(asked, found, weights, v, &found->report);
  if (status < 0) {
    wg_io_output_discard(output);
    return wg_cli_error_about(wg_io_name(asked->g), status);
  }
  found->peak_bytes = (int64_t)mem->ledger->peak + found->report.peak_bytes;
  if (found->report.passed == 0) {
    wg_io_output_discard(output);
    return WG_EXIT_OPEN;
  }
  status = wg_io_output_finish(output);
  return status < 0 ? wg_cli_error(status) : WG_EXIT_OK;
}

/* The exit status: whether the matrix in a file is the direction. */
static int verify_direction(wg_mem *mem, const options *asked, const double *weights,
                            result *found) {
  const wg_cli_matrix *g = &found->matrix;
  const wg_lmo_settings settings = settings_of(asked);
  wg_cli_matrix v;
  char shape[WG_IO_SHAPE_TEXT], own[WG_IO_SHAPE_TEXT];
  bool used = false;
  int status = wg_cli_matrix_open(mem, asked->verify, NULL, false, &used, &v);
  if (status < 0) return wg_cli_error(status);
  if (v.n != g->n || v.d != g->d || v.single != g->single)
    status = wg_fail(WG_ERR_INPUT, "%s has shape %s and type %s, %s has %s and %s; both must agree",
                     wg_io_name(asked->verify), wg_io_shape_text(shape, v.ndim, v.shape),
                     v.single ? "float32" : "float64", wg_io_name(asked->g),
                     wg_io_shape_text(own, g->ndim, g->shape), g->single ? "float32" : "float64");
  else if (g->single)
    status = wg_lmo_check_f32(found->gauge, g->n, g->d, g->data, v.data, weights, &settings,
                              &found->report);
  else
    status =
        wg_lmo_check(found->gauge, g->n, g->d, g->data, v.data, weights, &settings, &found->report);
  wg_cli_matrix_close(&v);
  if (status < 0) return wg_cli_error(status);
  found->peak_bytes = (int64_t)mem->ledger->peak + found->report.peak_bytes;
  return found->report.passed == 1 ? WG_EXIT_OK : WG_EXIT_OPEN;
}

static int check_files(const options *asked) {
  const wg_cli_path outputs[] = {{"--out", asked->out}, {"--json", asked->json}};
  const wg_cli_path inputs[] = {
      {"G", asked->g}, {"--weights", asked->weights}, {"--verify", asked->verify}};
  return wg_cli_check_paths(2, outputs, 3, inputs);
}

static int compute(wg_mem *mem, const options *asked, result *found) {
  double *weights = NULL;
  char shape[WG_IO_SHAPE_TEXT];
  bool used = false;
  const char *key = asked->key[0][0] ? asked->key[0] : NULL;
  int status = wg_cli_check_gauge("--gauge", asked->gauge);
  if (status == WG_OK) status = check_files(asked);
  if (status == WG_OK)
    status = wg_cli_matrix_open(mem, asked->g, key, false, &used, &found->matrix);
  if (status < 0) return wg_cli_error(status);
  const wg_cli_matrix *g = &found->matrix;
  wg_io_shape_text(shape, g->ndim, g->shape);
  int exit_status = wg_cli_fit_gauge("--gauge", asked->gauge, g->d, asked->g, shape);
  if (exit_status != WG_EXIT_OK) return exit_status;
  status = wg_gauge_canonical(asked->gauge, g->d, found->gauge, sizeof found->gauge);
  if (status == WG_OK) status = read_weights(mem, asked, g->n, &weights);
  if (status < 0) return wg_cli_error(status);
  return (asked->verify ? verify_direction : write_direction)(mem, asked, weights, found);
}

/* ---- the answer ---- */

static void print_result(const options *asked, const result *found) {
  const wg_lmo_report *r = &found->report;
  printf("gauge       %s\n", found->gauge);
  printf("matrix      %" PRId64 " x %" PRId64 ", %s\n", found->matrix.n, found->matrix.d,
         found->matrix.single ? "float32" : "float64");
  printf("dual norm   %.12g\n", r->dual_norm);
  printf("rank        %" PRId64 "\n", r->rank);
  if (!asked->verify) {
    printf("condition   %.3g\n", r->condition);
    printf("passes      %d\n", r->passes);
    printf("accuracy    %.1e of V, before it is stored\n", r->estimate);
  }
  printf("dual gap    %.1e of N*^2\n", r->identity_error);
  if (r->passed >= 0) {
    printf("norm of V   off by %.1e of N*\n", r->norm_error);
    if (!asked->verify) printf("dual norm   off by %.1e\n", r->dual_error);
    printf("check       %s\n", r->passed ? "passed: V is the direction"
                                         : "failed: V is not the direction of this gauge");
  }
  printf("time        %.2f s\n", r->seconds);
}

static json_t *result_json(const result *found) {
  const wg_lmo_report *r = &found->report;
  json_t *own =
      json_pack("{s:[I, I], s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:i, s:o}", "shape",
                (json_int_t)found->matrix.n, (json_int_t)found->matrix.d, "dtype",
                found->matrix.single ? "float32" : "float64", "dual_norm",
                wg_cli_real(r->dual_norm), "dual_gap", wg_cli_real(r->identity_error), "norm_error",
                wg_cli_real(r->norm_error), "dual_error", wg_cli_real(r->dual_error), "passed",
                r->passed < 0 ? json_null() : json_boolean(r->passed), "rank", (json_int_t)r->rank,
                "condition", wg_cli_real(r->condition), "passes", r->passes, "estimate",
                wg_cli_real(r->estimate));
  const char *outcome = r->passed == 0 ? "refused" : "solved";
  return wg_cli_document("lmo", found->gauge, outcome, r->seconds, found->peak_bytes, own);
}

/* ---- the command ---- */

/* One key for both files, or two with a comma between. */
static int split_keys(options *asked) {
  const char *comma = asked->keys ? strchr(asked->keys, ',') : NULL;
  if (!asked->keys) return WG_EXIT_OK;
  size_t length = comma ? (size_t)(comma - asked->keys) : strlen(asked->keys);
  const char *second = comma ? comma + 1 : asked->keys;
  if (length >= sizeof asked->key[0] || strlen(second) >= sizeof asked->key[1])
    return wg_cli_usage("lmo", "--key has a name of more than 255 letters");
  memcpy(asked->key[0], asked->keys, length);
  memcpy(asked->key[1], second, strlen(second) + 1);
  return WG_EXIT_OK;
}

static int read_command_line(int argc, char **argv, options *asked) {
  const wg_cli_option known[] = {{"gauge", 'g', WG_CLI_TEXT, &asked->gauge},
                                 {"out", 'o', WG_CLI_TEXT, &asked->out},
                                 {"verify", 0, WG_CLI_TEXT, &asked->verify},
                                 {"weights", 'w', WG_CLI_TEXT, &asked->weights},
                                 {"key", 'k', WG_CLI_TEXT, &asked->keys},
                                 {"rank-tol", 0, WG_CLI_POSITIVE, &asked->rank_tol},
                                 {"tie-tol", 0, WG_CLI_POSITIVE, &asked->tie_tol},
                                 {"accuracy", 0, WG_CLI_POSITIVE, &asked->accuracy},
                                 {"check", 0, WG_CLI_FLAG, &asked->check},
                                 {"threads", 't', WG_CLI_THREADS, &asked->threads},
                                 {"json", 'j', WG_CLI_TEXT, &asked->json},
                                 {"quiet", 'q', WG_CLI_FLAG, &asked->quiet}};
  int exit_status =
      wg_cli_read_options("lmo", argc, argv, sizeof known / sizeof *known, known, &asked->help);
  if (exit_status != WG_EXIT_OK || asked->help) return exit_status;
  if (argc - optind != 1)
    return wg_cli_usage("lmo", "one matrix G is wanted, got %d", argc - optind);
  if (!asked->out && !asked->verify) return wg_cli_usage("lmo", "--out V is missing");
  if (asked->out && asked->verify)
    return wg_cli_usage("lmo", "--verify V judges and writes no direction; leave out --out");
  if (asked->rank_tol >= 1 || asked->tie_tol >= 1 || asked->accuracy >= 1)
    return wg_cli_usage("lmo", "--rank-tol, --tie-tol and --accuracy are below 1");
  asked->g = argv[optind];
  return split_keys(asked);
}

static int run(const options *asked) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  result found = {.peak_bytes = 0};
  int exit_status = compute(&mem, asked, &found), status = WG_OK;
  if (exit_status == WG_EXIT_OK || exit_status == WG_EXIT_OPEN) {
    bool taken = asked->out && !strcmp(asked->out, "-");
    if (wg_cli_wants_text(asked->quiet || taken, asked->json)) print_result(asked, &found);
    if (asked->json) status = wg_cli_write_json(asked->json, result_json(&found));
  }
  wg_cli_matrix_close(&found.matrix);
  wg_mem_clear(&mem);
  return status < 0 ? wg_cli_error(status) : exit_status;
}

int wg_cli_lmo(int argc, char **argv) {
  options asked = {.gauge = "operator"};
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (!asked.help) return run(&asked);
  fputs(usage, stdout);
  return WG_EXIT_OK;
}
