/* What wgamma distance says: a block to read, and the same as JSON.
 *
 * Bounds are shown with twelve digits, rounded outwards, so that what is printed is still true and
 * short enough to read; JSON has every digit. A gap below what those digits can show is said to be
 * below 1e-12: the rest of it is rounding that depends on the processor. */
#include <inttypes.h>
#include <string.h>

#include "distance.h"

enum { SHOWN_EIGENVALUES = 8, NUMBER = WG_CLI_NUMBER };
static const double smallest_shown_gap = WG_CLI_SMALLEST_GAP;

/* ---- the block ---- */

static void print_line(const char *title, const char *text) { printf("%-10s %s\n", title, text); }

static void print_bounds(const wg_info *info, double tol) {
  char lower[NUMBER], upper[NUMBER];
  printf("%-10s %.9g\n", "W", info->w);
  printf("%-10s in [%s, %s]\n", "W^2", wg_cli_outward(info->lower, -1, lower),
         wg_cli_outward(info->upper, 1, upper));
  if (info->gap < smallest_shown_gap)
    printf("%-10s below %g relative, %g asked\n", "gap", smallest_shown_gap, tol);
  else
    printf("%-10s %.2g relative, %g asked\n", "gap", info->gap, tol);
}

static const char *in_words(int outcome) {
  switch (outcome) {
    case WG_CERTIFIED: return "certified: both bounds are proved, the gap is as small as asked";
    case WG_GAP_OPEN: return "gap-open: no further progress; the interval holds all the same";
    case WG_CALL_LIMIT: return "call-limit: --max-calls ended it; the interval holds all the same";
    case WG_TIME_LIMIT: return "time-limit: --time-limit ended it; the interval holds all the same";
    case WG_STOPPED: return "stopped: interrupted; the interval holds all the same";
    case WG_LOCAL:
      return "local: a gauge with p < 1 is not convex; W is that of the best coupling found,\n"
             "           not certified to be optimal, and the lower bound is that of p = 1";
    default: return wg_outcome_text(outcome);
  }
}

static void print_clouds(const wg_distance_request *asked, const wg_certificate *c) {
  printf("%-10s %s (%" PRId64 " point%s), %s (%" PRId64 " point%s), d = %" PRId64 "\n", "clouds",
         wg_io_name(asked->x), c->n, wg_cli_plural(c->n), wg_io_name(asked->y), c->m,
         wg_cli_plural(c->m), c->d);
}

/* Rounding below the largest eigenvalue is shown as the zero it stands for. */
static void print_spectrum(const char *title, const char *head, int64_t d, const double *values) {
  printf("%-10s %s", title, head);
  for (int64_t k = 0; k < d && k < SHOWN_EIGENVALUES; k++)
    printf(" %.6g", fabs(values[k]) < smallest_shown_gap * fabs(values[0]) ? 0.0 : values[k]);
  if (d > SHOWN_EIGENVALUES) printf(" ... (%" PRId64 " more)", d - SHOWN_EIGENVALUES);
  printf("\n");
}

static void print_cost(const wg_distance_result *found) {
  char memory[NUMBER];
  const wg_info *info = &found->info;
  printf("%-10s %" PRId64 " exact OT solve%s, %" PRId64 " pivot%s, %d thread%s\n", "work",
         info->oracle_calls, wg_cli_plural(info->oracle_calls), info->pivots,
         wg_cli_plural(info->pivots), found->threads, wg_cli_plural(found->threads));
  printf("%-10s %.3f s\n", "time", info->seconds);
  printf("%-10s %s at most\n", "memory", wg_cli_memory(found->peak_bytes, memory));
}

void wg_distance_print(const wg_distance_request *asked, const wg_distance_result *found) {
  const wg_info *info = &found->info;
  const wg_certificate *c = &found->certificate;
  char head[NUMBER];
  print_bounds(info, asked->settings.tol);
  print_line("outcome", in_words(info->outcome));
  print_line("gauge", c->gauge);
  print_clouds(asked, c);
  if (info->dropped_x || info->dropped_y)
    printf("%-10s %" PRId64 " of X and %" PRId64 " of Y, left out\n", "no weight", info->dropped_x,
           info->dropped_y);
  printf("%-10s %" PRId64 " entr%s\n", "plan", c->count, c->count == 1 ? "y" : "ies");
  if (c->cuts > 0)
    printf("%-10s %" PRId64 ": the lower bound is proved over all couplings\n", "cuts", c->cuts);
  print_spectrum("Sigma_P", "eigenvalues", c->d, found->moment_values);
  snprintf(head, sizeof head, "rank %" PRId64 ", eigenvalues", info->q_rank);
  print_spectrum("Q", head, c->d, found->q_values);
  if (asked->structure) wg_distance_print_structure(found);
  print_cost(found);
}

/* ---- JSON ---- */

static json_t *own_json(const wg_distance_request *asked, const wg_distance_result *found) {
  const wg_info *info = &found->info;
  const wg_certificate *c = &found->certificate;
  return json_pack(
      "{s:o, s:o, s:I, s:o, s:o, s:I, s:I, s:I, s:o, s:I, s:i, s:I, s:I, s:{s:I, s:I}, s:I, s:o, "
      "s:o}",
      "w2", wg_cli_bounds(info->lower, info->upper), "w", wg_cli_real(info->w), "oracle_calls",
      (json_int_t)info->oracle_calls, "x", wg_cli_text(asked->x), "y", wg_cli_text(asked->y), "n",
      (json_int_t)c->n, "m", (json_int_t)c->m, "d", (json_int_t)c->d, "tol",
      wg_cli_real(asked->settings.tol), "pivots", (json_int_t)info->pivots, "threads",
      found->threads, "plan_entries", (json_int_t)c->count, "cuts", (json_int_t)c->cuts, "dropped",
      "x", (json_int_t)info->dropped_x, "y", (json_int_t)info->dropped_y, "q_rank",
      (json_int_t)info->q_rank, "moment_eigenvalues", wg_cli_list(c->d, found->moment_values),
      "q_eigenvalues", wg_cli_list(c->d, found->q_values));
}

int wg_distance_write_json(const wg_distance_request *asked, const wg_distance_result *found) {
  const wg_info *info = &found->info;
  json_t *own = own_json(asked, found);
  if (asked->structure) json_object_set_new(own, "structure", wg_distance_structure_json(found));
  return wg_cli_write_json(asked->json, wg_cli_document("distance", found->certificate.gauge,
                                                        wg_outcome_text(info->outcome),
                                                        info->seconds, found->peak_bytes, own));
}
