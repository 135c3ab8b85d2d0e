/* wgamma convexity ENERGY X Y: an energy along the displacement geodesic between two clouds, with
 * its second differences (theory 6.2).
 *
 * The geodesic is that of the optimal plan of wgamma distance; the energy is described as for
 * wgamma flow. A list of values cannot prove convexity, but one negative second difference beyond
 * rounding refutes it. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "distance.h"
#include "energy.h"
#include "plot/plot.h"

static const char usage[] =
    "usage: wgamma convexity ENERGY X Y [options]\n"
    "The energy F along the geodesic x_t = (1-t) x + t y of an optimal plan between the clouds X\n"
    "and Y, at evenly spaced times, and its second differences (F(t-h) - 2 F(t) + F(t+h)) / h^2: "
    "a\n"
    "negative one says that F is not convex along this geodesic.\n"
    "  ENERGY                a name or a JSON file, with its options: see below\n"
    "  X, Y                  points, one a row: .npy, .npz or text; - is text on standard input\n"
    "what is computed\n"
    "  --gauge G             of the distance; default: operator; see wgamma help\n"
    "  --count K             times, both ends included, at least 3; default: 33\n"
    "  --a FILE, --b FILE    weights of X and of Y, >= 0 with sum one; default: all equal\n"
    "  --key K               member of an .npz; KX,KY[,KA[,KB]] for X, Y, --a and --b apart\n"
    "  --tol T               relative gap of the distance to reach; default: 1e-6\n"
    "  --time-limit S        seconds for the distance; then its best plan is taken\n"
    "  --memory-limit BYTES  K, M or G may follow; beyond it the solve is refused\n"
    "  --threads N           default: 0, all cores\n"
    "what is written\n"
    "  --out FILE            .npz: times, energy, second (NaN at both ends)\n"
    "  --plot FILE           the energy and its chord over time, .pdf, .svg or .png\n"
    "  --json FILE           the report as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet               prints nothing\n"
    "Exit status: 0 no second difference is negative beyond rounding, 1 one is, or the plan is "
    "not\n"
    "certified optimal, 2 usage, 3 unusable file, 4 memory, 5 internal error.\n";

typedef struct request {
  wg_distance_request clouds; /* x, y, weights, key, gauge, settings, plot, json, quiet, help */
  wg_cli_energy_asked asked;
  const char *energy, *out;
  int64_t count;
} request;

typedef struct result {
  wg_info distance;
  wg_convexity_info convexity;
  int64_t n, m, d, entries, peak_bytes;
  double *times, *energies, *second; /* count each */
  char gauge[WG_CLI_SENTENCE];
  double seconds;
} result;

/* ---- the command line ---- */

static int read_command_line(int argc, char **argv, request *asked) {
  enum { OWN = 13 };
  wg_distance_request *clouds = &asked->clouds;
  wg_settings *settings = &clouds->settings;
  wg_cli_option options[OWN + WG_CLI_ENERGY_OPTIONS] = {
      {"gauge", 'g', WG_CLI_TEXT, &clouds->gauge},
      {"count", 0, WG_CLI_COUNT, &asked->count},
      {"a", 0, WG_CLI_TEXT, &clouds->a},
      {"b", 0, WG_CLI_TEXT, &clouds->b},
      {"key", 'k', WG_CLI_TEXT, &clouds->key},
      {"tol", 0, WG_CLI_POSITIVE, &settings->tol},
      {"time-limit", 0, WG_CLI_POSITIVE, &settings->time_limit},
      {"memory-limit", 0, WG_CLI_BYTES, &settings->memory_limit},
      {"threads", 0, WG_CLI_THREADS, &settings->threads},
      {"out", 'o', WG_CLI_TEXT, &asked->out},
      {"plot", 0, WG_CLI_TEXT, &clouds->plot},
      {"json", 'j', WG_CLI_TEXT, &clouds->json},
      {"quiet", 'q', WG_CLI_FLAG, &clouds->quiet}};
  wg_cli_energy_options(&asked->asked, options + OWN);
  int exit_status = wg_cli_read_options("convexity", argc, argv, OWN + WG_CLI_ENERGY_OPTIONS,
                                        options, &clouds->help);
  if (exit_status != WG_EXIT_OK || clouds->help) return exit_status;
  if (argc - optind != 3)
    return wg_cli_usage("convexity", "an energy and two clouds X and Y are wanted, got %d",
                        argc - optind);
  if (asked->count < 3) return wg_cli_usage("convexity", "--count is at least 3");
  asked->energy = argv[optind];
  clouds->x = argv[optind + 1];
  clouds->y = argv[optind + 2];
  return WG_EXIT_OK;
}

static int check_request(const request *asked) {
  enum { OWN = 4 };
  const wg_distance_request *clouds = &asked->clouds;
  const wg_cli_path outputs[] = {
      {"--out", asked->out}, {"--plot", clouds->plot}, {"--json", clouds->json}};
  wg_cli_path inputs[OWN + WG_CLI_ENERGY_OPTIONS] = {
      {"X", clouds->x}, {"Y", clouds->y}, {"--a", clouds->a}, {"--b", clouds->b}};
  const int count = OWN + wg_cli_energy_inputs(asked->energy, &asked->asked, inputs + OWN);
  WG_TRY(wg_cli_check_gauge("--gauge", clouds->gauge));
  if (clouds->plot) WG_TRY(wg_plot_check_path(clouds->plot));
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs, count, inputs);
}

/* ---- the computation ---- */

static int make_lists(wg_mem *mem, int64_t count, result *found) {
  double **const lists[] = {&found->times, &found->energies, &found->second};
  for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
    if (!(*lists[k] = WG_NEW(mem, double, count))) return wg_no_memory();
  for (int64_t k = 0; k < count; k++) found->times[k] = (double)k / (double)(count - 1);
  found->second[0] = found->second[count - 1] = NAN;
  return WG_OK;
}

static int evaluate(const request *asked, wg_solver *solver, wg_energy *energy, result *found) {
  wg_plan plan;
  double rounding;
  WG_TRY(wg_solve(solver, &found->distance));
  WG_TRY(wg_get_plan(solver, &plan));
  found->entries = plan.count;
  WG_TRY(wg_energy_along(energy, solver, asked->count, found->energies));
  WG_TRY(wg_energy_rounding(energy, solver, &rounding));
  return wg_convexity_within(asked->count, found->energies, rounding, found->second + 1,
                             &found->convexity);
}

static int compute(wg_mem *mem, request *asked, result *found) {
  const wg_distance_request *clouds = &asked->clouds;
  wg_distance_cloud x = {0}, y = {0};
  wg_solver *solver = NULL;
  wg_energy *energy = NULL;
  WG_TRY(wg_distance_read(mem, clouds, &x, &y));
  WG_TRY(make_lists(mem, asked->count, found));
  found->n = x.n;
  found->m = y.n;
  found->d = x.d;
  WG_TRY(wg_gauge_canonical(clouds->gauge, x.d, found->gauge, sizeof found->gauge));
  WG_TRY(wg_cli_energy(asked->energy, &asked->asked, clouds->settings.threads, &energy));
  int status = wg_setup(&solver, x.n, y.n, x.d, x.points, x.weights, y.points, y.weights,
                        clouds->gauge, &clouds->settings);
  const double start = wg_now();
  if (status == WG_OK) status = evaluate(asked, solver, energy, found);
  found->seconds = wg_now() - start;
  found->peak_bytes = (int64_t)mem->ledger->peak + found->distance.peak_bytes;
  wg_free(solver);
  wg_energy_free(energy);
  return status;
}

/* ---- what is said and written ---- */

static void print(const request *asked, const result *found) {
  const wg_convexity_info *info = &found->convexity;
  const double *energies = found->energies;
  printf("%-10s %.9g, %s\n", "W", found->distance.w, wg_outcome_text(found->distance.outcome));
  printf("%-10s %s\n", "gauge", found->gauge);
  printf("%-10s %" PRId64 " and %" PRId64 " points in R^%" PRId64 ", %" PRId64 " pairs\n", "clouds",
         found->n, found->m, found->d, found->entries);
  printf("%-10s %.9g at 0, %.9g at 1, %" PRId64 " times\n", "energy", energies[0],
         energies[asked->count - 1], asked->count);
  printf("%-10s %.6g at t = %.6g, rounding %.1g\n", "least F''", info->least, info->time,
         info->noise);
  printf("%-10s %s\n", "convex",
         info->convex ? "yes, at these times" : "no: this second difference is negative");
}

static int write_json(const request *asked, const result *found) {
  const wg_convexity_info *info = &found->convexity;
  json_t *own = json_pack(
      "{s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "energy", asked->energy,
      "w2", wg_cli_bounds(found->distance.lower, found->distance.upper), "convex", info->convex,
      "least_second_difference", wg_cli_real(info->least), "time", wg_cli_real(info->time), "noise",
      wg_cli_real(info->noise), "times", wg_cli_list(asked->count, found->times), "energies",
      wg_cli_list(asked->count, found->energies), "second_differences",
      wg_cli_list(asked->count - 2, found->second + 1), "n", (json_int_t)found->n, "m",
      (json_int_t)found->m, "d", (json_int_t)found->d, "entries", (json_int_t)found->entries);
  return wg_cli_write_json(
      asked->clouds.json,
      wg_cli_document("convexity", found->gauge, wg_outcome_text(found->distance.outcome),
                      found->seconds, found->peak_bytes, own));
}

static int write_lists(const request *asked, const result *found) {
  const char *const names[] = {"times", "energy", "second"};
  const double *const lists[] = {found->times, found->energies, found->second};
  wg_io_member members[3];
  for (int k = 0; k < 3; k++)
    members[k] = (wg_io_member){
        .name = names[k], .dtype = "<f8", .ndim = 1, .shape = {asked->count}, .data = lists[k]};
  return wg_io_write_npz(asked->out, 3, members);
}

/* F and the chord it is below where it is convex. */
static int draw(wg_mem *mem, const request *asked, const result *found) {
  enum { COLUMNS = 3 };
  static const char *const labels[] = {"energy", "chord"};
  const double first = found->energies[0], last = found->energies[asked->count - 1];
  char title[WG_CLI_NUMBER * 3];
  double *table = WG_NEW(mem, double, COLUMNS * asked->count);
  if (!table) return wg_no_memory();
  for (int64_t k = 0; k < asked->count; k++) {
    table[COLUMNS * k] = found->times[k];
    table[COLUMNS * k + 1] = found->energies[k];
    table[COLUMNS * k + 2] = first + found->times[k] * (last - first);
  }
  snprintf(title, sizeof title, "%.30s: least second difference %.4g", found->gauge,
           found->convexity.least);
  const wg_plot_lines lines = {.title = title,
                               .axis = "t",
                               .rows = asked->count,
                               .count = 2,
                               .labels = labels,
                               .table = table};
  return wg_plot_table(asked->clouds.plot, &lines);
}

static int deliver(wg_mem *mem, const request *asked, const result *found) {
  const wg_distance_request *clouds = &asked->clouds;
  const bool taken = asked->out && !strcmp(asked->out, "-");
  int first = WG_EXIT_OK;
  if (wg_cli_wants_text(clouds->quiet || taken, clouds->json)) print(asked, found);
  if (asked->out) wg_cli_note(write_lists(asked, found), &first);
  if (clouds->plot) wg_cli_note(draw(mem, asked, found), &first);
  if (clouds->json) wg_cli_note(write_json(asked, found), &first);
  if (first != WG_EXIT_OK) return first;
  return found->convexity.convex && found->distance.outcome == WG_CERTIFIED ? WG_EXIT_OK
                                                                            : WG_EXIT_OPEN;
}

static int run(wg_mem *mem, request *asked, result *found) {
  wg_cli_watcher watcher;
  int status = check_request(asked);
  if (status < 0) return wg_cli_refuse("convexity", status);
  wg_cli_watch(&watcher, asked->clouds.quiet, &asked->clouds.settings);
  wg_cli_watch_begin();
  status = compute(mem, asked, found);
  wg_cli_watch_end(&watcher);
  return status < 0 ? wg_cli_refuse("convexity", status) : deliver(mem, asked, found);
}

int wg_cli_convexity(int argc, char **argv) {
  request asked = {.clouds = {.gauge = "operator"}, .count = 33};
  wg_settings_init(&asked.clouds.settings);
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status == WG_EXIT_OK && asked.clouds.help) {
    fputs(usage, stdout);
    fputs(wg_cli_energy_help, stdout);
    return WG_EXIT_OK;
  }
  if (exit_status != WG_EXIT_OK) return exit_status;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  result *found = WG_NEW(&mem, result, 1);
  exit_status = found ? run(&mem, &asked, found) : wg_cli_refuse("convexity", wg_no_memory());
  wg_mem_clear(&mem);
  return exit_status;
}
