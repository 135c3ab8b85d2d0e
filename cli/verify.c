/* wgamma verify CERTIFICATE: both bounds again, from the data in the file alone (theory 3.2).
 *
 * The checksum tells damage (exit 3) from a claim that does not follow (exit 1). The judgement is
 * that of certify/, which shares no code with the solver: in doubles whose rounding is paid for or,
 * with --rigorous, in ball arithmetic. Cost O(n m rank(Q)), memory that of the file and its arrays.
 */
#include <getopt.h>
#include <inttypes.h>

#include "cli.h"

static const char usage[] =
    "usage: wgamma verify CERTIFICATE [--rigorous] [--threads N] [--json FILE] [--quiet]\n"
    "Derives both bounds of a certificate again, from the points, weights, plan, Q and potentials\n"
    "in it, and compares them with what it claims. The solver has no part in it.\n"
    "  CERTIFICATE   a file of wgamma distance --certificate; - is standard input\n"
    "  --rigorous    in ball arithmetic (FLINT): both bounds are then a theorem about the numbers\n"
    "                in the file, whatever LAPACK does; slower\n"
    "  --threads N   default: 0, all cores; results do not depend on it\n"
    "  --json FILE   writes the verdict as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet       prints nothing but why a claim is refused\n"
    "Exit status: 0 both claimed bounds follow and their gap is within the tolerance claimed, 1 "
    "the\n"
    "claim is refused or its gap larger, 2 usage, 3 damaged or unusable file, 4 memory, 5 "
    "internal\n"
    "error.\n";

typedef struct options {
  const char *path, *json;
  int threads;
  bool rigorous, quiet, help;
} options;

typedef struct result {
  wg_certificate certificate;
  wg_verdict verdict;
  wg_rigorous_verdict balls; /* bits = 0: not asked for */
  double seconds;
  int64_t peak_bytes;
} result;

static void print_balls(const wg_rigorous_verdict *balls) {
  printf("%-10s lower bound in [%.17g, %.17g]\n", "enclosed", balls->lower_lo, balls->lower_hi);
  printf("%-10s upper bound in [%.17g, %.17g]\n", "", balls->upper_lo, balls->upper_hi);
  printf("%-10s %" PRId64 " bits\n", "precision", balls->bits);
}

static const char *verdict_text(const wg_verdict *v) {
  if (!v->valid) return "refused";
  return v->open
             ? "open: both claimed bounds follow from the data, their gap is above the tolerance"
             : "valid: both claimed bounds follow from the data";
}

static void print_result(const options *asked, const result *found) {
  const wg_certificate *c = &found->certificate;
  const wg_verdict *v = &found->verdict;
  printf("%-10s %s\n", "file", wg_io_name(asked->path));
  printf("%-10s %s\n", "gauge", c->gauge);
  printf("%-10s n = %" PRId64 ", m = %" PRId64 ", d = %" PRId64 ", %" PRId64 " plan entries\n",
         "sizes", c->n, c->m, c->d, c->count);
  if (c->cuts > 0) printf("%-10s %" PRId64 ", for the lower bound\n", "cuts", c->cuts);
  printf("%-10s W^2 in [%.17g, %.17g]\n", "claimed", c->lower, c->upper);
  printf("%-10s W^2 in [%.17g, %.17g]\n", found->balls.bits ? "proved" : "derived", v->lower,
         v->upper);
  if (found->balls.bits) print_balls(&found->balls);
  printf("%-10s %.3g relative, %.3g claimed\n", "gap", v->gap, c->tol);
  printf("%-10s %s\n", "verdict", verdict_text(v));
  printf("%-10s %.3f s\n", "time", found->seconds);
}

/* null unless asked for. */
static json_t *balls_json(const wg_rigorous_verdict *balls) {
  if (!balls->bits) return json_null();
  return json_pack("{s:[o, o], s:[o, o], s:I}", "lower", wg_cli_real(balls->lower_lo),
                   wg_cli_real(balls->lower_hi), "upper", wg_cli_real(balls->upper_lo),
                   wg_cli_real(balls->upper_hi), "bits", (json_int_t)balls->bits);
}

static json_t *result_json(const result *found) {
  const wg_certificate *c = &found->certificate;
  const wg_verdict *v = &found->verdict;
  json_t *own = json_pack(
      "{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "valid", v->valid, "open",
      v->open, "tol", wg_cli_real(c->tol), "claimed", wg_cli_bounds(c->lower, c->upper), "derived",
      wg_cli_bounds(v->lower, v->upper), "rigorous", balls_json(&found->balls), "finding",
      wg_cli_text(v->finding), "n", (json_int_t)c->n, "m", (json_int_t)c->m, "d", (json_int_t)c->d,
      "plan_entries", (json_int_t)c->count, "cuts", (json_int_t)c->cuts);
  return wg_cli_document("verify", c->gauge,
                         !v->valid ? "refused"
                         : v->open ? "gap-open"
                                   : "certified",
                         found->seconds, found->peak_bytes, own);
}

/* A rigorous verdict is told in the words of the other one, its far ends being the bounds. */
static int verify_rigorously(const options *asked, result *found) {
  wg_verdict *v = &found->verdict;
  int status = wg_verify_rigorous(&found->certificate, asked->threads, &found->balls);
  if (status < 0) return status;
  v->valid = found->balls.valid;
  v->lower = found->balls.lower_lo;
  v->upper = found->balls.upper_hi;
  v->gap = found->balls.gap;
  v->open = found->balls.open;
  snprintf(v->finding, sizeof v->finding, "%s", found->balls.finding);
  return status;
}

/* What the library says of data that mean nothing names arrays: the file is put before it. */
static int judge(wg_mem *mem, const options *asked, result *found) {
  int status = asked->json ? wg_io_check_writable(asked->json) : WG_OK;
  if (status == WG_OK) status = wg_io_read_certificate(mem, asked->path, &found->certificate);
  if (status < 0) return wg_cli_error(status);
  double start = wg_now();
  status = asked->rigorous ? verify_rigorously(asked, found)
                           : wg_verify(&found->certificate, asked->threads, &found->verdict);
  found->seconds = wg_now() - start;
  found->peak_bytes = (int64_t)mem->ledger->peak;
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
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  exit_status = judge(&mem, &asked, &found);
  if (exit_status == WG_EXIT_OK) exit_status = deliver(&asked, &found);
  wg_mem_clear(&mem);
  return exit_status;
}
