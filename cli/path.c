/* wgamma path X Y --gauges FAMILY: W of two clouds along a family of gauges.
 *
 * One solver goes from gauge to gauge (wg_set_gauge): a coupling is feasible for all of them, so
 * each solve starts from the couplings and the basis of those before it, and its bounds are proved
 * anew. Theory 3.3 says what to see: W falls with p and rises with k. The limit of time is that of
 * the whole: it goes through the progress callback, for a solver's own begins with every solve. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "distance.h"
#include "path.h"
#include "plot/plot.h"

static const char usage[] =
    "usage: wgamma path X Y --gauges FAMILY [options]\n"
    "The spectral Wasserstein distance of the clouds X and Y along a family of gauges, each solve\n"
    "warm-started from the one before, with bounds of W^2 that are proved.\n"
    "  X, Y                  points, one a row: .npy, .npz or text; - is text on standard input\n"
    "what is computed\n"
    "  --gauges FAMILY       p=A:B[:COUNT]   schatten:p, COUNT (default: 9) values from A to B,\n"
    "                                        equally spaced in 1/p; p=1:inf has both ends\n"
    "                        kyfan=A:B       kyfan:k for k from A to B\n"
    "                        'G1;G2;...'     these gauges, in this order\n"
    "  --a FILE, --b FILE    weights of X and of Y, >= 0 with sum one; default: all equal\n"
    "  --key K               member of an .npz; KX,KY[,KA[,KB]] for X, Y, --a and --b apart\n"
    "how far\n"
    "  --tol T               relative gap (upper - lower) / upper to reach; default: 1e-6\n"
    "  --time-limit S        seconds for all gauges; then those that are finished are the answer\n"
    "  --max-calls N         exact transport problems a gauge at most; default: 1000\n"
    "  --memory-limit BYTES  K, M or G may follow; beyond it the solve is refused\n"
    "  --threads N           default: 0, all cores; results do not depend on it\n"
    "  --seed N              of the starts for p < 1; default: 1\n"
    "what is written\n"
    "  --out FILE            .npz: gauges, parameter, lower, upper (of W^2), gap, w, outcome,\n"
    "                        oracle_calls, seconds\n"
    "  --plot FILE           W along the family with the proved band, .pdf, .svg or .png\n"
    "  --json FILE           the report as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet               prints nothing\n"
    "Exit status: 0 all certified, 1 a gauge is missing, its gap is larger than asked or the "
    "outcome\n"
    "is local (p < 1, except schatten:<p> in the plane), 2 usage, 3 unusable file, 4 memory,\n"
    "5 internal error.\n";

typedef struct request {
  wg_distance_request clouds; /* x, y, weights, key, settings, plot, json, quiet, help */
  const char *gauges, *out;
} request;

/* Columns of the table; gauges from `count` on were not reached. */
typedef struct table {
  wg_path_family family;
  int64_t n, m, d, count;
  double *lower, *upper, *gap, *w, *seconds;
  int64_t *outcome, *oracle_calls;
  int total_outcome;
  double all_seconds;
  int64_t peak_bytes;
} table;

/* ---- the command line ---- */

static int read_command_line(int argc, char **argv, request *asked) {
  wg_distance_request *clouds = &asked->clouds;
  wg_settings *settings = &clouds->settings;
  const wg_cli_option options[] = {
      {"gauges", 0, WG_CLI_TEXT, &asked->gauges},
      {"a", 0, WG_CLI_TEXT, &clouds->a},
      {"b", 0, WG_CLI_TEXT, &clouds->b},
      {"key", 'k', WG_CLI_TEXT, &clouds->key},
      {"tol", 0, WG_CLI_POSITIVE, &settings->tol},
      {"time-limit", 0, WG_CLI_POSITIVE, &settings->time_limit},
      {"max-calls", 0, WG_CLI_COUNT, &settings->max_calls},
      {"memory-limit", 0, WG_CLI_BYTES, &settings->memory_limit},
      {"threads", 0, WG_CLI_THREADS, &settings->threads},
      {"seed", 0, WG_CLI_SEED, &settings->seed},
      {"out", 'o', WG_CLI_TEXT, &asked->out},
      {"plot", 0, WG_CLI_TEXT, &clouds->plot},
      {"json", 'j', WG_CLI_TEXT, &clouds->json},
      {"quiet", 'q', WG_CLI_FLAG, &clouds->quiet},
  };
  return wg_cli_read_options("path", argc, argv, sizeof options / sizeof *options, options,
                             &clouds->help);
}

static int check_request(wg_mem *mem, const request *asked, table *found) {
  const wg_distance_request *clouds = &asked->clouds;
  const wg_cli_path outputs[] = {
      {"--out", asked->out}, {"--plot", clouds->plot}, {"--json", clouds->json}};
  const wg_cli_path inputs[] = {
      {"X", clouds->x}, {"Y", clouds->y}, {"--a", clouds->a}, {"--b", clouds->b}};
  WG_TRY(wg_path_parse(mem, asked->gauges, &found->family));
  if (clouds->plot) WG_TRY(wg_plot_check_path(clouds->plot));
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs,
                            sizeof inputs / sizeof *inputs, inputs);
}

/* ---- the solves ---- */

static int make_columns(wg_mem *mem, table *found) {
  const int64_t count = found->family.count;
  double **const reals[] = {&found->lower, &found->upper, &found->gap, &found->w, &found->seconds};
  for (size_t k = 0; k < sizeof reals / sizeof *reals; k++) {
    if (!(*reals[k] = WG_NEW(mem, double, count))) return wg_no_memory();
    for (int64_t i = 0; i < count; i++) (*reals[k])[i] = NAN;
  }
  found->outcome = WG_NEW(mem, int64_t, count);
  found->oracle_calls = WG_NEW(mem, int64_t, count);
  if (!found->outcome || !found->oracle_calls) return wg_no_memory();
  for (int64_t i = 0; i < count; i++) found->outcome[i] = -1;
  return WG_OK;
}

/* The clouds as read go once the solver has its copy. */
static int prepare(wg_mem *mem, wg_mem *scratch, const request *asked, table *found,
                   wg_solver **solver) {
  const wg_distance_request *files = &asked->clouds;
  wg_distance_cloud x = {0}, y = {0};
  int status = wg_distance_read(scratch, files, &x, &y);
  if (status == WG_OK) status = make_columns(mem, found);
  if (status < 0) return wg_cli_refuse("path", status);
  for (int64_t k = 0; k < found->family.count; k++) {
    int misfit = wg_cli_fit_gauge("--gauges", found->family.gauges[k], x.d, files->x, x.shape);
    if (misfit != WG_EXIT_OK) return misfit;
  }
  status = wg_setup(solver, x.n, y.n, x.d, x.points, x.weights, y.points, y.weights,
                    found->family.gauges[0], &files->settings);
  found->n = x.n;
  found->m = y.n;
  found->d = x.d;
  found->peak_bytes = (int64_t)scratch->ledger->peak;
  wg_mem_clear(scratch);
  return status < 0 ? wg_cli_refuse("path", status) : WG_EXIT_OK;
}

/* The callback of the command, and the limit of time for all gauges. */
typedef struct deadline {
  wg_progress_fn report;
  void *data;
  double end;
  bool passed;
} deadline;

static int report(const wg_progress *at, void *data) {
  deadline *limit = data;
  limit->passed |= wg_now() > limit->end;
  return limit->report(at, limit->data) || limit->passed;
}

static void enter(table *found, int64_t k, const wg_info *info, int outcome) {
  found->lower[k] = info->lower;
  found->upper[k] = info->upper;
  found->gap[k] = info->gap;
  found->w[k] = info->w;
  found->seconds[k] = info->seconds;
  found->oracle_calls[k] = info->oracle_calls;
  found->outcome[k] = outcome;
  found->total_outcome = (int)WG_MAX(found->total_outcome, outcome);
  found->count = k + 1;
}

static int solve(wg_solver *solver, const deadline *limit, table *found) {
  wg_info info = {.struct_size = sizeof info};
  for (int64_t k = 0; k < found->family.count; k++) {
    WG_TRY(wg_set_gauge(solver, found->family.gauges[k]));
    WG_TRY(wg_solve(solver, &info));
    const bool late = info.outcome == WG_STOPPED && limit->passed;
    enter(found, k, &info, late ? WG_TIME_LIMIT : info.outcome);
    found->peak_bytes = WG_MAX(found->peak_bytes, info.peak_bytes);
    if (info.outcome == WG_STOPPED) {
      found->total_outcome = (int)found->outcome[k];
      return WG_OK;
    }
  }
  return WG_OK;
}

/* ---- the report ---- */

static void print(const request *asked, const table *found) {
  const wg_path_family *family = &found->family;
  char lower[WG_CLI_NUMBER], upper[WG_CLI_NUMBER], gap[WG_CLI_NUMBER];
  printf("%-10s %s (%" PRId64 " point%s), %s (%" PRId64 " point%s), d = %" PRId64 "\n", "clouds",
         wg_io_name(asked->clouds.x), found->n, wg_cli_plural(found->n),
         wg_io_name(asked->clouds.y), found->m, wg_cli_plural(found->m), found->d);
  printf("%-18s %-12s %-33s %-8s %6s  %s\n", family->name, "W", "W^2 in", "gap", "calls",
         "outcome");
  for (int64_t k = 0; k < found->count; k++) {
    char interval[2 * WG_CLI_NUMBER + 4];
    snprintf(gap, sizeof gap, found->gap[k] < WG_CLI_SMALLEST_GAP ? "<%.0e" : "%.1e",
             WG_MAX(found->gap[k], WG_CLI_SMALLEST_GAP));
    snprintf(interval, sizeof interval, "[%s, %s]", wg_cli_outward(found->lower[k], -1, lower),
             wg_cli_outward(found->upper[k], 1, upper));
    printf("%-18s %-12.9g %-33s %-8s %6" PRId64 "  %s\n", family->labels[k], found->w[k], interval,
           gap, found->oracle_calls[k], wg_outcome_text((int)found->outcome[k]));
  }
  if (found->count < family->count)
    printf("%-10s %" PRId64 " of %" PRId64 " gauges\n", "missing", family->count - found->count,
           family->count);
  printf("%-10s %s\n", "outcome", wg_outcome_text(found->total_outcome));
  printf("%-10s %.3f s\n", "time", found->all_seconds);
  printf("%-10s %s at most\n", "memory", wg_cli_memory(found->peak_bytes, lower));
}

static json_t *results_json(const table *found) {
  json_t *results = json_array();
  for (int64_t k = 0; k < found->count; k++) {
    const double parameter = found->family.parameter ? found->family.parameter[k] : NAN;
    json_t *result = json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:I, s:o}", "gauge", wg_cli_text(found->family.gauges[k]),
        "parameter", wg_cli_real(parameter), "outcome", wg_outcome_text((int)found->outcome[k]),
        "w2", wg_cli_bounds(found->lower[k], found->upper[k]), "w", wg_cli_real(found->w[k]),
        "oracle_calls", (json_int_t)found->oracle_calls[k], "seconds",
        wg_cli_real(found->seconds[k]));
    json_array_append_new(results, result);
  }
  return results;
}

static int write_json(const request *asked, const table *found) {
  json_t *own = json_pack(
      "{s:o, s:o, s:I, s:I, s:I, s:o, s:s, s:I, s:o}", "x", wg_cli_text(asked->clouds.x), "y",
      wg_cli_text(asked->clouds.y), "n", (json_int_t)found->n, "m", (json_int_t)found->m, "d",
      (json_int_t)found->d, "tol", wg_cli_real(asked->clouds.settings.tol), "family",
      found->family.name, "asked", (json_int_t)found->family.count, "results", results_json(found));
  return wg_cli_write_json(asked->clouds.json,
                           wg_cli_document("path", NULL, wg_outcome_text(found->total_outcome),
                                           found->all_seconds, found->peak_bytes, own));
}

/* Texts of one width, filled up with zero bytes, as numpy keeps them. */
static int pack_gauges(wg_mem *mem, const wg_path_family *family, char dtype[32], char **packed) {
  size_t width = 1;
  for (int64_t k = 0; k < family->count; k++) width = WG_MAX(width, strlen(family->gauges[k]));
  if (!(*packed = WG_NEW(mem, char, (size_t)family->count *width))) return wg_no_memory();
  for (int64_t k = 0; k < family->count; k++)
    memcpy(*packed + (size_t)k * width, family->gauges[k], strlen(family->gauges[k]));
  snprintf(dtype, 32, "|S%zu", width);
  return WG_OK;
}

static int write_table(wg_mem *mem, const char *path, const table *found) {
  enum { MOST = 9 };
  const int64_t count = found->family.count;
  char dtype[32], *gauges;
  WG_TRY(pack_gauges(mem, &found->family, dtype, &gauges));
  const struct {
    const char *name, *dtype;
    const void *data;
  } parts[MOST] = {{"gauges", dtype, gauges},
                   {"lower", "<f8", found->lower},
                   {"upper", "<f8", found->upper},
                   {"gap", "<f8", found->gap},
                   {"w", "<f8", found->w},
                   {"seconds", "<f8", found->seconds},
                   {"outcome", "<i8", found->outcome},
                   {"oracle_calls", "<i8", found->oracle_calls},
                   {"parameter", "<f8", found->family.parameter}};
  const int used = found->family.parameter ? MOST : MOST - 1;
  wg_io_member members[MOST];
  for (int k = 0; k < used; k++)
    members[k] = (wg_io_member){.name = parts[k].name,
                                .dtype = parts[k].dtype,
                                .ndim = 1,
                                .shape = {count},
                                .data = parts[k].data};
  return wg_io_write_npz(path, used, members);
}

static int write_plot(wg_mem *mem, const char *path, const table *found) {
  const int64_t count = found->family.count;
  const bool p = !strcmp(found->family.name, "p");
  double *low = WG_NEW(mem, double, count), largest = 0.0;
  char title[128];
  if (!low) return wg_no_memory();
  for (int64_t k = 0; k < count; k++) {
    low[k] = sqrt(WG_MAX(found->lower[k], 0.0));
    if (k >= found->count) low[k] = NAN;
    if (k < found->count) largest = WG_MAX(largest, found->gap[k]);
  }
  snprintf(title, sizeof title, "W along a family of gauges (gap of W\u00b2 at most %.1e)",
           largest);
  const wg_plot_family family = {.title = title,
                                 .axis = p ? "p, equally spaced in 1/p" : found->family.name,
                                 .count = count,
                                 .labels = (const char *const *)found->family.labels,
                                 .low = low,
                                 .high = found->w};
  return wg_plot_along(path, &family);
}

static int deliver(wg_mem *mem, const request *asked, const table *found) {
  const wg_distance_request *clouds = &asked->clouds;
  const bool text = !(asked->out && !strcmp(asked->out, "-"));
  int first = WG_EXIT_OK;
  if (text && wg_cli_wants_text(clouds->quiet, clouds->json)) print(asked, found);
  if (asked->out) wg_cli_note(write_table(mem, asked->out, found), &first);
  if (clouds->plot) wg_cli_note(write_plot(mem, clouds->plot, found), &first);
  if (clouds->json) wg_cli_note(write_json(asked, found), &first);
  if (first != WG_EXIT_OK) return first;
  return found->total_outcome == WG_CERTIFIED ? WG_EXIT_OK : WG_EXIT_OPEN;
}

/* ---- the command ---- */

static int run(request *asked, wg_mem *mem, wg_mem *scratch) {
  wg_settings *settings = &asked->clouds.settings;
  table found = {.count = 0};
  wg_solver *solver = NULL;
  wg_cli_watcher watcher;
  int status = check_request(mem, asked, &found);
  if (status < 0) return wg_cli_refuse("path", status);
  wg_cli_watch(&watcher, asked->clouds.quiet, settings);
  const double start = wg_now();
  const wg_settings given = *settings;
  deadline limit = {settings->progress, settings->progress_data, start + settings->time_limit,
                    false};
  settings->progress = report;
  settings->progress_data = &limit;
  settings->time_limit = INFINITY;
  int exit_status = prepare(mem, scratch, asked, &found, &solver);
  if (exit_status == WG_EXIT_OK) {
    wg_cli_watch_begin();
    status = solve(solver, &limit, &found);
    wg_cli_watch_end(&watcher);
    found.all_seconds = wg_now() - start;
    exit_status = status < 0 ? wg_cli_refuse("path", status) : deliver(mem, asked, &found);
  }
  wg_free(solver);
  *settings = given;
  return exit_status;
}

static int read_arguments(int argc, char **argv, request *asked) {
  if (argc - optind != 2)
    return wg_cli_usage("path", "two clouds X and Y are wanted, got %d", argc - optind);
  asked->clouds.x = argv[optind];
  asked->clouds.y = argv[optind + 1];
  if (!asked->clouds.x[0] || !asked->clouds.y[0])
    return wg_cli_usage("path", "a cloud has an empty name; give a file");
  if (!asked->gauges) return wg_cli_usage("path", "--gauges FAMILY is missing; try p=1:inf");
  return WG_EXIT_OK;
}

int wg_cli_along(int argc, char **argv) {
  request asked = {.gauges = NULL};
  wg_settings_init(&asked.clouds.settings);
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status == WG_EXIT_OK && asked.clouds.help) return fputs(usage, stdout), WG_EXIT_OK;
  if (exit_status == WG_EXIT_OK) exit_status = read_arguments(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  wg_ledger ledger = {0}, limited = {.limit = (size_t)asked.clouds.settings.memory_limit};
  wg_mem mem = wg_mem_of(&ledger), scratch = wg_mem_of(&limited);
  exit_status = run(&asked, &mem, &scratch);
  wg_mem_clear(&scratch);
  wg_mem_clear(&mem);
  return exit_status;
}
