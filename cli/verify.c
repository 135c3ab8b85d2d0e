/* wgamma verify CERTIFICATE: both bounds again, from the data in the file alone, whatever kind of
 * answer it certifies.
 *
 * The checksum tells damage (exit 3) from a claim that does not follow (exit 1) and from one that
 * follows but is wider than the tolerance it names (exit 1 too). The judgement is that of certify/,
 * which shares no code with the solvers: in doubles whose rounding is paid for or, with --rigorous,
 * in ball arithmetic (clouds). Cost: for clouds O(n m rank(Q)); memory that of the file and its
 * arrays. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static const char usage[] =
    "usage: wgamma verify CERTIFICATE [--rigorous] [--threads N] [--json FILE] [--quiet]\n"
    "Derives both bounds of a certificate again, from the data and matrices in it, and compares\n"
    "them with what it claims; then compares the claimed gap with the claimed tolerance. No "
    "solver\n"
    "has a part in it.\n"
    "  CERTIFICATE   a file that --certificate of wgamma distance, gaussian, barycentre, sphere "
    "or\n"
    "                dynamic wrote; - is standard input\n"
    "  --rigorous    in ball arithmetic (FLINT): both bounds are then a theorem about the numbers\n"
    "                in the file, whatever LAPACK does; slower; for clouds\n"
    "  --threads N   default: 0, all cores; results do not depend on it\n"
    "  --json FILE   writes the verdict as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet       prints nothing but why a claim is refused\n"
    "Exit status: 0 both claimed bounds follow and are as near as tol, 1 the claim is refused or\n"
    "wider than tol, 2 usage, 3 damaged or unusable file, 4 memory, 5 internal error.\n";

typedef struct options {
  const char *path, *json;
  int threads;
  bool rigorous, quiet, help;
} options;

typedef struct result {
  wg_certificate_file *file;
  double claim[3]; /* lower, upper, tol */
  wg_verdict verdict;
  wg_rigorous_verdict balls; /* bits = 0: not asked for */
  double seconds;
  int64_t peak_bytes;
} result;

/* ---- the block ---- */

/* What the bounds of a kind enclose. */
static const char *symbol_of(const char *kind) {
  static const char *const symbols[][2] = {
      {"sphere", "UW^2"}, {"barycentre", "least value"}, {"grid", "W^2 on the grid"}};
  for (size_t k = 0; k < sizeof symbols / sizeof *symbols; k++)
    if (!strcmp(symbols[k][0], kind)) return symbols[k][1];
  return "W^2";
}

static void print_balls(const wg_rigorous_verdict *balls) {
  printf("%-10s lower bound in [%.17g, %.17g]\n", "enclosed", balls->lower_lo, balls->lower_hi);
  printf("%-10s upper bound in [%.17g, %.17g]\n", "", balls->upper_lo, balls->upper_hi);
  printf("%-10s %" PRId64 " bits\n", "precision", balls->bits);
}

static void print_sizes(const wg_certificate_file *file) {
  const char *name;
  int64_t size;
  printf("%-10s ", "sizes");
  for (int64_t k = 0; wg_certificate_get_size(file, k, &name, &size) == WG_OK; k++)
    if (size > 0 || !strcmp(name, "count")) /* what is not there goes without saying */
      printf("%s%s = %" PRId64, k ? ", " : "", name, size);
  printf("\n");
}

static const char *in_words(const wg_verdict *v) {
  if (!v->valid) return "refused";
  return v->open
             ? "open: both claimed bounds follow from the data, their gap is above the tolerance"
             : "valid: both claimed bounds follow from the data";
}

static void print_result(const options *asked, const result *found) {
  const char *kind = wg_certificate_kind(found->file), *symbol = symbol_of(kind);
  const wg_verdict *v = &found->verdict;
  printf("%-10s %s\n", "file", wg_io_name(asked->path));
  printf("%-10s %s\n", "kind", kind);
  printf("%-10s %s\n", "gauge", wg_certificate_gauge(found->file));
  print_sizes(found->file);
  printf("%-10s %s in [%.17g, %.17g]\n", "claimed", symbol, found->claim[0], found->claim[1]);
  printf("%-10s %s in [%.17g, %.17g]\n", found->balls.bits ? "proved" : "derived", symbol, v->lower,
         v->upper);
  printf("%-10s %.3g relative, %.3g claimed\n", "gap", v->gap, found->claim[2]);
  if (found->balls.bits) print_balls(&found->balls);
  printf("%-10s %s\n", "verdict", in_words(v));
  printf("%-10s %.3f s\n", "time", found->seconds);
}

/* ---- JSON ---- */

/* null unless asked for. */
static json_t *balls_json(const wg_rigorous_verdict *balls) {
  if (!balls->bits) return json_null();
  return json_pack("{s:[o, o], s:[o, o], s:I}", "lower", wg_cli_real(balls->lower_lo),
                   wg_cli_real(balls->lower_hi), "upper", wg_cli_real(balls->upper_lo),
                   wg_cli_real(balls->upper_hi), "bits", (json_int_t)balls->bits);
}

static json_t *sizes_json(const wg_certificate_file *file) {
  const char *name;
  int64_t size;
  json_t *sizes = json_object();
  for (int64_t k = 0; wg_certificate_get_size(file, k, &name, &size) == WG_OK; k++)
    json_object_set_new(sizes, name, json_integer((json_int_t)size));
  return sizes;
}

static const char *outcome_of(const wg_verdict *v) {
  if (!v->valid) return "refused";
  return wg_outcome_text(v->open ? WG_GAP_OPEN : WG_CERTIFIED);
}

static json_t *result_json(const result *found) {
  const wg_verdict *v = &found->verdict;
  json_t *own = json_pack(
      "{s:b, s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "valid", v->valid, "kind",
      wg_certificate_kind(found->file), "claimed", wg_cli_bounds(found->claim[0], found->claim[1]),
      "derived", wg_cli_bounds(v->lower, v->upper), "gap", wg_cli_real(v->gap), "tol",
      wg_cli_real(found->claim[2]), "open", v->open, "rigorous", balls_json(&found->balls),
      "finding", wg_cli_text(v->finding), "sizes", sizes_json(found->file));
  return wg_cli_document("verify", wg_certificate_gauge(found->file), outcome_of(v), found->seconds,
                         found->peak_bytes, own);
}

/* ---- the verdict ---- */

/* A rigorous verdict is told in the words of the other one, its far ends being the bounds. */
static int verify_rigorously(const options *asked, result *found) {
  wg_verdict *v = &found->verdict;
  int status = wg_certificate_verify_rigorous(found->file, asked->threads, &found->balls);
  if (status < 0) return status;
  v->valid = found->balls.valid;
  v->lower = found->balls.lower_lo;
  v->upper = found->balls.upper_hi;
  v->gap = found->balls.gap;
  v->open = found->balls.open;
  snprintf(v->finding, sizeof v->finding, "%s", found->balls.finding);
  return status;
}

static int judge_file(const options *asked, result *found) {
  WG_TRY(wg_certificate_get_claim(found->file, found->claim));
  if (asked->rigorous) return verify_rigorously(asked, found);
  return wg_certificate_verify(found->file, asked->threads, &found->verdict);
}

/* What the library says of data that mean nothing names arrays: the file is put before it. */
static int judge(const options *asked, result *found) {
  int status = asked->json ? wg_io_check_writable(asked->json) : WG_OK;
  if (status == WG_OK) status = wg_certificate_read(&found->file, asked->path);
  if (status < 0) return wg_cli_error(status);
  double start = wg_now();
  status = judge_file(asked, found);
  found->seconds = wg_now() - start;
  found->peak_bytes = wg_certificate_bytes(found->file);
  return status < 0 ? wg_cli_error_about(wg_io_name(asked->path), status) : WG_EXIT_OK;
}

static int deliver(const options *asked, const result *found) {
  if (wg_cli_wants_text(asked->quiet, asked->json)) print_result(asked, found);
  int status = asked->json ? wg_cli_write_json(asked->json, result_json(found)) : WG_OK;
  if (status < 0) return wg_cli_error(status);
  if (found->verdict.valid && !found->verdict.open) return WG_EXIT_OK;
  fflush(stdout); /* first the figures, then what is wrong with them */
  fprintf(stderr, "wgamma: %s is %s: %s\n", wg_io_name(asked->path),
          found->verdict.valid ? "open" : "refused", found->verdict.finding);
  return WG_EXIT_OPEN;
}

static int read_command_line(int argc, char **argv, options *asked) {
  const wg_cli_option known[] = {{"rigorous", 0, WG_CLI_FLAG, &asked->rigorous},
                                 {"threads", 0, WG_CLI_THREADS, &asked->threads},
                                 {"json", 'j', WG_CLI_TEXT, &asked->json},
                                 {"quiet", 'q', WG_CLI_FLAG, &asked->quiet}};
  int exit_status =
      wg_cli_read_options("verify", argc, argv, sizeof known / sizeof *known, known, &asked->help);
  if (exit_status != WG_EXIT_OK || asked->help) return exit_status;
  if (argc - optind != 1)
    return wg_cli_usage("verify", "one CERTIFICATE is wanted, got %d", argc - optind);
  asked->path = argv[optind];
  return WG_EXIT_OK;
}

int wg_cli_verify(int argc, char **argv) {
  options asked = {0};
  result found = {.verdict = {.struct_size = sizeof found.verdict}};
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (asked.help) {
    fputs(usage, stdout);
    return WG_EXIT_OK;
  }
  exit_status = judge(&asked, &found);
  if (exit_status == WG_EXIT_OK) exit_status = deliver(&asked, &found);
  wg_certificate_free(found.file);
  return exit_status;
}
