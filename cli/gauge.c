/* wgamma gauge G --matrix S: a small window on the gauges (theory 1): value, a maximiser Q and the
 * dual gauge of one PSD matrix.
 *
 * The matrix is checked here, because a gauge means nothing elsewhere: square, symmetric, no
 * eigenvalue clearly below zero. The extreme eigenvalues are read off the operator gauge, which is
 * the largest eigenvalue: that of S, and that of 2 lambda_1 I - S for the smallest. Cost O(d^3). */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static const char usage[] =
    "usage: wgamma gauge G --matrix S [--key NAME] [--json FILE] [--quiet]\n"
    "The gauge G at a symmetric positive semidefinite matrix S: gamma(S), a maximiser Q of <Q, S>\n"
    "over the dual ball (the gradient where p < 1), and the dual gauge of S.\n"
    "  G            trace, frobenius, operator, schatten:<p>, kyfan:<k>, sum:<gauge>@<size>,...,\n"
    "               max:<gauge>@<size>/<rate>,...\n"
    "  --matrix S   an .npy, .npz or text file of d x d numbers; - is standard input\n"
    "  --key NAME   the member of an .npz\n"
    "  --json FILE  writes the same as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet      prints nothing\n"
    "Exit status: 0 computed, 2 usage, 3 unusable matrix, 4 memory, 5 internal error.\n";

typedef struct options {
  const char *gauge, *matrix, *key, *json;
  bool quiet, help;
} options;

enum { GAUGE_TEXT = 8192 };

typedef struct result {
  char gauge[GAUGE_TEXT];
  int64_t d;
  double value, dual;
  double *subgradient; /* d x d */
} result;

/* Both kinds of rounding are forgiven up to this, relative to the largest entry or eigenvalue. */
static const double forgiven = 1e-12;

/* ---- the matrix ---- */

static double largest_entry(int64_t count, const double *s) {
  double largest = 0.0;
  for (int64_t i = 0; i < count; i++) largest = WG_MAX(largest, fabs(s[i]));
  return largest;
}

/* Replaces s by its symmetric part, or names the first entry that is not mirrored. */
static int check_symmetric(const char *path, int64_t d, double *s) {
  double largest = largest_entry(d * d, s);
  for (int64_t i = 0; i < d; i++) {
    for (int64_t j = 0; j < i; j++) {
      double here = s[i * d + j], mirror = s[j * d + i];
      if (!(fabs(here - mirror) <= forgiven * largest))
        return wg_fail(WG_ERR_INPUT,
                       "%s: entry [%" PRId64 ", %" PRId64 "] = %.17g, but entry [%" PRId64
                       ", %" PRId64 "] = %.17g; a symmetric matrix is needed",
                       wg_io_name(path), i, j, here, j, i, mirror);
      s[i * d + j] = s[j * d + i] = 0.5 * here + 0.5 * mirror;
    }
  }
  return WG_OK;
}

static int refuse_eigenvalue(const char *path, double eigenvalue, double top) {
  return wg_fail(WG_ERR_INPUT,
                 "%s: eigenvalue %.9g is negative (the largest is %.9g); a positive semidefinite "
                 "matrix is needed",
                 wg_io_name(path), eigenvalue, top);
}

/* scratch: d x d */
static int check_semidefinite(const char *path, int64_t d, const double *s, double *scratch) {
  double top, shifted;
  WG_TRY(wg_gauge("operator", d, s, &top, NULL, NULL));
  /* Without a positive eigenvalue only the zero matrix is left. */
  double shift = top > 0.0 ? 2.0 * top : largest_entry(d * d, s) * (double)d;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) scratch[i * d + j] = (i == j ? shift : 0.0) - s[i * d + j];
  WG_TRY(wg_gauge("operator", d, scratch, &shifted, NULL, NULL));
  double least = shift - shifted;
  return least < -forgiven * top ? refuse_eigenvalue(path, least, top) : WG_OK;
}

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
  return check_symmetric(asked->matrix, *d, *s);
}

/* ---- the answer ---- */

static int compute(wg_mem *mem, const options *asked, result *found) {
  double *s = NULL;
  WG_TRY(wg_gauge_canonical(asked->gauge, 0, found->gauge, sizeof found->gauge));
  WG_TRY(read_matrix(mem, asked, &found->d, &s));
  WG_TRY(wg_gauge_canonical(asked->gauge, found->d, found->gauge, sizeof found->gauge));
  found->subgradient = WG_NEW(mem, double, found->d * found->d);
  if (!found->subgradient) return wg_no_memory();
  WG_TRY(check_semidefinite(asked->matrix, found->d, s, found->subgradient));
  return wg_gauge(found->gauge, found->d, s, &found->value, found->subgradient, &found->dual);
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

static json_t *matrix_json(int64_t d, const double *q) {
  json_t *rows = json_array();
  for (int64_t i = 0; i < d; i++) {
    json_t *row = json_array();
    for (int64_t j = 0; j < d; j++) json_array_append_new(row, wg_cli_real(q[i * d + j]));
    json_array_append_new(rows, row);
  }
  return rows;
}

static json_t *result_json(const result *found) {
  json_t *json = json_object();
  json_object_set_new(json, "command", json_string("gauge"));
  json_object_set_new(json, "version", json_string(wg_version()));
  json_object_set_new(json, "gauge", json_string(found->gauge));
  json_object_set_new(json, "value", wg_cli_real(found->value));
  json_object_set_new(json, "subgradient", matrix_json(found->d, found->subgradient));
  json_object_set_new(json, "dual", wg_cli_real(found->dual));
  return json;
}

/* ---- the command ---- */

static int read_options(int argc, char **argv, options *asked) {
  static const struct option known[] = {
      {"matrix", required_argument, NULL, 'm'}, {"key", required_argument, NULL, 'k'},
      {"json", required_argument, NULL, 'j'},   {"quiet", no_argument, NULL, 'q'},
      {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
  opterr = 0;
  optind = 0; /* begin anew, whatever was parsed before */
  for (int letter; (letter = getopt_long(argc, argv, ":m:k:j:qh", known, NULL)) != -1;) {
    switch (letter) {
      case 'm': asked->matrix = optarg; break;
      case 'k': asked->key = optarg; break;
      case 'j': asked->json = optarg; break;
      case 'q': asked->quiet = true; break;
      case 'h': asked->help = true; return WG_EXIT_OK;
      default: return wg_cli_bad_option("gauge", letter, argv);
    }
  }
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
  bool text = !asked->quiet && !(asked->json && !strcmp(asked->json, "-"));
  int status = asked->json ? wg_io_check_writable(asked->json) : WG_OK;
  if (status == WG_OK) status = compute(&mem, asked, &found);
  if (status == WG_OK && text) print_result(&found);
  if (status == WG_OK && asked->json) status = wg_cli_write_json(asked->json, result_json(&found));
  wg_mem_clear(&mem);
  return status < 0 ? wg_cli_error(status) : WG_EXIT_OK;
}

int wg_cli_gauge(int argc, char **argv) {
  options asked = {0};
  int exit_status = read_options(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (!asked.help) return run(&asked);
  fputs(usage, stdout);
  return WG_EXIT_OK;
}
