/* What wgamma pairwise says and writes: a block to read, JSON, the matrices as .npz, a figure.
 *
 * Few clouds are shown as a matrix, many by their numbers only. Pairs that were not computed are
 * nan (null in JSON), so that nobody takes them for a distance. */
#include <inttypes.h>
#include <string.h>

#include "pairwise.h"
#include "plot/plot.h"

enum { SHOWN_CLOUDS = 10, NUMBER = WG_CLI_NUMBER };

/* ---- the block ---- */

static void print_clouds(const wg_pairwise_clouds *clouds) {
  int64_t fewest = INT64_MAX, most = 0;
  for (int64_t k = 0; k < clouds->count; k++) {
    fewest = WG_MIN(fewest, clouds->each[k].n);
    most = WG_MAX(most, clouds->each[k].n);
  }
  printf("%-10s %" PRId64 ", of %" PRId64, "clouds", clouds->count, fewest);
  if (most > fewest) printf(" to %" PRId64, most);
  printf(" point%s, d = %" PRId64 "\n", wg_cli_plural(most), clouds->d);
}

static void print_matrix(const wg_pairwise_result *found) {
  const int64_t count = found->clouds->count;
  if (count > SHOWN_CLOUDS) return;
  for (int64_t i = 0; i < count; i++) {
    printf("%-10s", i == 0 ? "W" : "");
    for (int64_t j = 0; j < count; j++) printf(" %10.6g", found->w[i * count + j]);
    printf("\n");
  }
}

static double largest_gap(const wg_pairwise_result *found) {
  const int64_t count = found->clouds->count;
  double largest = 0.0;
  for (int64_t k = 0; k < count * count; k++)
    if (isfinite(found->gap[k])) largest = WG_MAX(largest, found->gap[k]);
  return largest;
}

static void print_pairs(const wg_pairwise_request *asked, const wg_pairwise_result *found) {
  printf("%-10s %" PRId64 ": %" PRId64 " computed", "pairs", found->pairs, found->info.pairs);
  if (found->resumed > 0) printf(", %" PRId64 " taken from %s", found->resumed, asked->journal);
  printf("\n");
  if (found->finished == found->pairs) return;
  printf("%-10s %" PRId64 " pair%s", "missing", found->pairs - found->finished,
         wg_cli_plural(found->pairs - found->finished));
  if (asked->journal) printf("; the same command goes on where this one ended");
  printf("\n");
}

static const char *in_words(int outcome) {
  switch (outcome) {
    case WG_CERTIFIED: return "certified: all bounds are proved, all gaps as small as asked";
    case WG_GAP_OPEN: return "gap-open: some gaps are larger than asked; all bounds are proved";
    case WG_CALL_LIMIT: return "call-limit: some gaps are larger than asked; all bounds are proved";
    case WG_TIME_LIMIT: return "time-limit: --time-limit ended it";
    case WG_STOPPED: return "stopped: interrupted";
    case WG_LOCAL: return "local: a gauge with p < 1 is not convex; couplings are local optima";
    default: return wg_outcome_text(outcome);
  }
}

void wg_pairwise_print(const wg_pairwise_request *asked, const wg_pairwise_result *found) {
  char memory[NUMBER];
  const wg_pairwise_info *info = &found->info;
  const double gap = largest_gap(found);
  printf("%-10s %s\n", "gauge", found->gauge);
  print_clouds(found->clouds);
  print_matrix(found);
  print_pairs(asked, found);
  if (gap < WG_CLI_SMALLEST_GAP)
    printf("%-10s below %g relative, %g asked\n", "gap", WG_CLI_SMALLEST_GAP, asked->settings.tol);
  else
    printf("%-10s at most %.2g relative, %g asked\n", "gap", gap, asked->settings.tol);
  printf("%-10s %s\n", "outcome", in_words(found->total_outcome));
  printf("%-10s %" PRId64 " exact OT solve%s, %" PRId64 " pivot%s, %d pair%s at a time\n", "work",
         info->oracle_calls, wg_cli_plural(info->oracle_calls), info->pivots,
         wg_cli_plural(info->pivots), info->workers, wg_cli_plural(info->workers));
  printf("%-10s %.3f s\n", "time", info->seconds);
  printf("%-10s %s at most\n", "memory", wg_cli_memory(found->peak_bytes, memory));
}

/* ---- files ---- */

static int write_matrices(const char *path, const wg_pairwise_result *found) {
  const int64_t count = found->clouds->count;
  const struct {
    const char *name, *dtype;
    const void *data;
  } parts[] = {{"lower", "<f8", found->lower},
               {"upper", "<f8", found->upper},
               {"w", "<f8", found->w},
               {"gap", "<f8", found->gap},
               {"outcome", "<i8", found->outcome}};
  enum { PARTS = sizeof parts / sizeof *parts };
  wg_io_member members[PARTS];
  for (int k = 0; k < PARTS; k++)
    members[k] = (wg_io_member){.name = parts[k].name,
                                .dtype = parts[k].dtype,
                                .ndim = 2,
                                .shape = {count, count},
                                .data = parts[k].data};
  return wg_io_write_npz(path, PARTS, members);
}

static int write_plot(const wg_pairwise_request *asked, const wg_pairwise_result *found) {
  char title[256];
  snprintf(title, sizeof title, "%.100s: W of %lld clouds (gap at most %.1e)", found->gauge,
           (long long)found->clouds->count, largest_gap(found));
  return wg_plot_matrix(asked->plot, title, found->clouds->count, found->w);
}

static json_t *names_json(const wg_pairwise_request *asked) {
  json_t *names = json_array();
  for (int64_t k = 0; k < asked->files; k++)
    json_array_append_new(names, wg_cli_text(asked->names[k]));
  return names;
}

static json_t *sizes_json(const wg_pairwise_clouds *clouds) {
  json_t *sizes = json_array();
  for (int64_t k = 0; k < clouds->count; k++)
    json_array_append_new(sizes, json_integer((json_int_t)clouds->each[k].n));
  return sizes;
}

/* A list of rows of words; null on what is not known. */
static json_t *outcomes_json(const wg_pairwise_result *found) {
  const int64_t count = found->clouds->count;
  json_t *rows = json_array();
  for (int64_t i = 0; i < count; i++) {
    json_t *row = json_array();
    for (int64_t j = 0; j < count; j++) {
      const int outcome = (int)found->outcome[i * count + j];
      json_array_append_new(row, outcome < 0 ? json_null() : json_string(wg_outcome_text(outcome)));
    }
    json_array_append_new(rows, row);
  }
  return rows;
}

static json_t *own_json(const wg_pairwise_request *asked, const wg_pairwise_result *found) {
  const int64_t count = found->clouds->count;
  const wg_pairwise_info *info = &found->info;
  return json_pack(
      "{s:o, s:o, s:o, s:I, s:o, s:i, s:{s:I, s:I, s:I}, s:o, s:{s:o, s:o}, s:o, s:o, s:I, s:I}",
      "stack", asked->stack ? wg_cli_text(asked->stack) : json_null(), "files", names_json(asked),
      "n", sizes_json(found->clouds), "d", (json_int_t)found->clouds->d, "tol",
      wg_cli_real(asked->settings.tol), "workers", info->workers, "pairs", "all",
      (json_int_t)found->pairs, "finished", (json_int_t)found->finished, "resumed",
      (json_int_t)found->resumed, "largest_gap", wg_cli_real(largest_gap(found)), "w2", "lower",
      wg_cli_table(count, count, found->lower), "upper", wg_cli_table(count, count, found->upper),
      "w", wg_cli_table(count, count, found->w), "outcomes", outcomes_json(found), "oracle_calls",
      (json_int_t)info->oracle_calls, "pivots", (json_int_t)info->pivots);
}

int wg_pairwise_write(const wg_pairwise_request *asked, const wg_pairwise_result *found) {
  int first = WG_EXIT_OK;
  if (asked->out) wg_cli_note(write_matrices(asked->out, found), &first);
  if (asked->plot) wg_cli_note(write_plot(asked, found), &first);
  if (asked->json)
    wg_cli_note(
        wg_cli_write_json(
            asked->json,
            wg_cli_document("pairwise", found->gauge, wg_outcome_text(found->total_outcome),
                            found->info.seconds, found->peak_bytes, own_json(asked, found))),
        &first);
  return first;
}
