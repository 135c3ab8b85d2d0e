/* wgamma gauge G --matrix S: a small window on the gauges (theory 1): value, a maximiser Q and the
 * dual gauge of one PSD matrix.
 *
 * Here the matrix is made sure to be square and finite; that it is symmetric and has no negative
 * eigenvalue is the library's business, whose sentences name entries of s: the file is put before
 * them. Cost O(d^3), memory that of the file and two matrices beside those of the library. */
#include <getopt.h>
#include <inttypes.h>

#include "cli.h"

static const char usage[] =
    "usage: wgamma gauge G --matrix S [--key NAME] [--json FILE] [--quiet]\n"
    "The gauge G at a symmetric positive semidefinite matrix S: gamma(S), a maximiser Q of <Q, S>\n"
    "over the dual ball (the gradient where p < 1), and the dual gauge of S. All are derived "
    "again\n"
    "from the definitions, by other code; when they disagree nothing is printed.\n"
    "  G            trace, frobenius, operator, schatten:<p>, kyfan:<k>, sum:<gauge>@<size>,...,\n"
    "               max:<gauge>@<size>/<rate>,...\n"
    "  --matrix S   an .npy, .npz or text file of d x d numbers; - is standard input\n"
    "  --key NAME   the member of an .npz\n"
    "  --json FILE  writes the same as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet      prints nothing\n"
    "Exit status: 0 computed, 1 the definitions say something else, 2 usage, 3 unusable matrix,\n"
    "4 memory, 5 internal error.\n";

typedef struct options {
  const char *gauge, *matrix, *key, *json;
  bool quiet, help;
} options;

enum { GAUGE_TEXT = 8192 };

typedef struct result {
  char gauge[GAUGE_TEXT];
  int64_t d;
  double value, dual, error; /* error: against the definitions */
  double *subgradient;       /* d x d */
  double seconds;
  int64_t peak_bytes;
} result;

/* ---- the answer ---- */

static int read_matrix(wg_mem *mem, const options *asked, int64_t *d, double **s) {
  wg_io_array array;
  char shape[WG_IO_SHAPE_TEXT];
  WG_TRY(wg_io_read(mem, asked->matrix, asked->key, &array));
  if (array.ndim != 2 || array.shape[0] != array.shape[1] || array.count == 0)
    return wg_fail(WG_ERR_INPUT, "%s has shape %s; a square matrix (d, d) is needed",
                   wg_io_name(asked->matrix), wg_io_shape_text(shape, array.ndim, array.shape));
  WG_TRY(wg_io_check_finite(asked->matrix, &array));
  *d = array.shape[0];
  *s = array.data;
  return WG_OK;
}

static int evaluate(wg_mem *mem, const options *asked, const double *s, result *found) {
  WG_TRY(wg_gauge_canonical(asked->gauge, found->d, found->gauge, sizeof found->gauge));
  found->subgradient = WG_NEW(mem, double, found->d * found->d);
  if (!found->subgradient) return wg_no_memory();
  WG_TRY(wg_gauge(found->gauge, found->d, s, &found->value, found->subgradient, &found->dual));
  return wg_gauge_check(found->gauge, found->d, s, found->value, found->subgradient, &found->dual,
                        &found->error);
}

/* Powers below one lift the rounding of small eigenvalues, to its square root at p = 1/2. */
static int judge(const result *found) {
  const double tolerance = isfinite(found->dual) ? 1e-9 : 1e-6;
  if (found->error <= tolerance) return WG_EXIT_OK;
  fprintf(stderr,
          "wgamma: the value, the subgradient or the dual gauge is off by %.1e from the definition "
          "of %s; this is a fault of wgamma, please report it\n",
          found->error, found->gauge);
  return WG_EXIT_OPEN;
}

/* The exit status. What can be said without the matrix is said before it is read. */
static int compute(wg_mem *mem, const options *asked, result *found) {
  double *s = NULL;
  int status = asked->json ? wg_io_check_writable(asked->json) : WG_OK;
  if (status == WG_OK)
    status = wg_gauge_canonical(asked->gauge, 0, found->gauge, sizeof found->gauge);
  if (status == WG_OK) status = read_matrix(mem, asked, &found->d, &s);
  if (status < 0) return wg_cli_error(status);
  double start = wg_now();
  status = evaluate(mem, asked, s, found);
  found->seconds = wg_now() - start;
  found->peak_bytes = (int64_t)mem->ledger->peak;
  return status < 0 ? wg_cli_error_about(wg_io_name(asked->matrix), status) : judge(found);
}

static void print_matrix(int64_t d, const double *q) {
  for (int64_t i = 0; i < d; i++) {
    for (int64_t j = 0; j < d; j++) printf("  %16.9g", q[i * d + j]);
    printf("\n");
  }
}

static void print_result(const result *found) {
  printf("gauge       %s\n", found->gauge);
  printf("dimension   %" PRId64 "\n", found->d);
  printf("value       %.17g\n", found->value);
  if (isfinite(found->dual))
    printf("dual gauge  %.17g\n", found->dual);
  else
    printf("dual gauge  none: a gauge with p < 1 is not convex\n");
  printf("subgradient\n");
  print_matrix(found->d, found->subgradient);
}

static json_t *result_json(const result *found) {
  json_t *own = json_pack("{s:o, s:o, s:o}", "value", wg_cli_real(found->value), "subgradient",
                          wg_cli_table(found->d, found->d, found->subgradient), "dual",
                          wg_cli_real(found->dual));
  return wg_cli_document("gauge", found->gauge, "certified", found->seconds, found->peak_bytes,
                         own);
}

/* ---- the command ---- */

static int read_command_line(int argc, char **argv, options *asked) {
  const wg_cli_option known[] = {{"matrix", 0, WG_CLI_TEXT, &asked->matrix},
                                 {"key", 'k', WG_CLI_TEXT, &asked->key},
                                 {"json", 'j', WG_CLI_TEXT, &asked->json},
                                 {"quiet", 'q', WG_CLI_FLAG, &asked->quiet}};
  int exit_status =
      wg_cli_read_options("gauge", argc, argv, sizeof known / sizeof *known, known, &asked->help);
  if (exit_status != WG_EXIT_OK || asked->help) return exit_status;
  if (argc - optind != 1)
    return wg_cli_usage("gauge", "one gauge G is wanted, got %d", argc - optind);
  if (!asked->matrix) return wg_cli_usage("gauge", "--matrix S is missing");
  asked->gauge = argv[optind];
  return WG_EXIT_OK;
}

static int run(const options *asked) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  result found = {.d = 0};
  int exit_status = compute(&mem, asked, &found), status = WG_OK;
  if (exit_status == WG_EXIT_OK) {
    if (wg_cli_wants_text(asked->quiet, asked->json)) print_result(&found);
    if (asked->json) status = wg_cli_write_json(asked->json, result_json(&found));
  }
  wg_mem_clear(&mem);
  return status < 0 ? wg_cli_error(status) : exit_status;
}

int wg_cli_gauge(int argc, char **argv) {
  options asked = {0};
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (!asked.help) return run(&asked);
  fputs(usage, stdout);
  return WG_EXIT_OK;
}
