/* wgamma demo: the shipped pairs of clouds under four gauges, with certified bounds and figures.
 *
 * For each pair one solver goes through the gauges, warm: what it learnt under one is kept for the
 * next. The plans of p = 1 (trace) and p = infinity (operator) are copied, since a plan lives only
 * until the next solve, and drawn side by side: couplings, and the displacement geodesics of theory
 * 3.5. In the plane the Ky Fan 1 gauge is the operator gauge under another name, reached by other
 * code: its interval must overlap, which is checked. Seconds and a few MB. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "plot/plot.h"

static const char usage[] =
    "usage: wgamma demo [--out DIR] [--data DIR] [--threads N] [--json FILE] [--quiet]\n"
    "Certified distances between the two pairs of clouds that come with wgamma, as a table, and\n"
    "figures of their couplings and geodesics for p = 1 and p = infinity.\n"
    "  --out DIR      where the figures go, made if need be (default: demo-out)\n"
    "  --data DIR     where annulus.csv, disks.csv, shape_a.csv and shape_b.csv are\n"
    "  --threads N    default: 0, all cores; results do not depend on it\n"
    "  --json FILE    writes the table as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet        prints nothing\n"
    "Exit status: 0 all certified, 1 a gap above 1e-6, 2 usage, 3 unusable file, 4 memory,\n"
    "5 internal error.\n";

static const double tolerance = 1e-6;

/* ---- what is shown ---- */

typedef struct pair {
  const char *name, *x, *y;
} pair;
static const pair pairs[] = {{"annulus_disks", "annulus.csv", "disks.csv"},
                             {"shapes", "shape_a.csv", "shape_b.csv"}};
/* Two gauges are drawn: those with a title. */
typedef struct shown_gauge {
  const char *name, *title;
} shown_gauge;
static const shown_gauge gauges[] = {{"trace", "p = 1 (trace)"},
                                     {"schatten:2", NULL},
                                     {"operator", "p = \u221e (operator)"},
                                     {"kyfan:1", NULL}};
enum { PAIRS = 2, GAUGES = 4, DRAWN = 2, OPERATOR = 2, KYFAN = 3, FIGURE_KINDS = 2, TIMES = 5 };
static const char *const figure_kinds[FIGURE_KINDS] = {"coupling", "geodesic"};
static const char *const figure_endings[] = {"pdf", "png"};
static const double times[TIMES] = {0.0, 0.25, 0.5, 0.75, 1.0};

typedef struct options {
  const char *out, *data, *json;
  int threads;
  bool quiet, help;
} options;

typedef struct demo {
  options asked;
  wg_mem mem;
  FILE *text; /* NULL: none wanted */
  const char *data;
  wg_info infos[PAIRS][GAUGES];
  double start;
  int64_t peak_bytes; /* clouds, plans that are kept, and the solver */
} demo;

/* ---- places ---- */

static int figure_path(const demo *show, const pair *which, int kind, int ending,
                       char path[PATH_MAX]) {
  char name[64];
  snprintf(name, sizeof name, "%s_%s.%s", figure_kinds[kind], which->name, figure_endings[ending]);
  return wg_cli_join(path, show->asked.out, name);
}

/* All that can go wrong with outputs goes wrong before the work begins. */
static int check_outputs(const demo *show) {
  char path[PATH_MAX];
  WG_TRY(wg_cli_make_directory(show->asked.out));
  for (int k = 0; k < PAIRS * FIGURE_KINDS * 2; k++) {
    WG_TRY(figure_path(show, &pairs[k / (2 * FIGURE_KINDS)], k / 2 % FIGURE_KINDS, k % 2, path));
    WG_TRY(wg_io_check_writable(path));
  }
  return show->asked.json ? wg_io_check_writable(show->asked.json) : WG_OK;
}

/* ---- solving a pair ---- */

typedef struct cloud {
  int64_t count, d;
  double *points;
} cloud;

static int read_cloud(demo *show, const char *name, cloud *read) {
  char path[PATH_MAX];
  wg_io_array array;
  WG_TRY(wg_cli_join(path, show->data, name));
  WG_TRY(wg_io_read(&show->mem, path, NULL, &array));
  WG_TRY(wg_io_check_finite(path, &array));
  WG_TRY(wg_io_check_points(path, &array, &read->count, &read->d));
  read->points = array.data;
  return WG_OK;
}

static void *copy_of(wg_mem *mem, const void *from, size_t count, size_t size) {
  void *copy = wg_new(mem, count, size);
  if (copy) memcpy(copy, from, count * size);
  return copy;
}

/* Keeps what a figure needs of the last solve. */
static int keep_solution(wg_mem *mem, const wg_solver *solver, const cloud *x, const cloud *y,
                         const char *gauge, const wg_info *info, wg_plot_solution *kept) {
  const size_t title_size = 96;
  wg_plan plan;
  WG_TRY(wg_get_plan(solver, &plan));
  size_t count = (size_t)plan.count;
  char *title = WG_NEW(mem, char, title_size);
  int64_t *row = copy_of(mem, plan.row, count, sizeof *row);
  int64_t *col = copy_of(mem, plan.col, count, sizeof *col);
  double *mass = copy_of(mem, plan.mass, count, sizeof *mass);
  double *moment = WG_NEW(mem, double, x->d * x->d);
  if (!title || !row || !col || !mass || !moment) return wg_no_memory();
  snprintf(title, title_size, "%s: W = %.6g (gap %.2g)", gauge, info->w, info->gap);
  *kept = (wg_plot_solution){.title = title,
                             .n = x->count,
                             .m = y->count,
                             .d = x->d,
                             .count = plan.count,
                             .x = x->points,
                             .y = y->points,
                             .row = row,
                             .col = col,
                             .mass = mass,
                             .moment = moment};
  return wg_get_moment(solver, moment);
}

static void print_row(const demo *show, const char *name, const char *gauge, const wg_info *info) {
  if (!show->text) return;
  fprintf(show->text, "%-14s %-11s %-12.9g %-15.12g %-15.12g %-8.1e %-11s %5" PRId64 " %8.2f\n",
          name, gauge, info->w, info->lower, info->upper, info->gap, wg_outcome_text(info->outcome),
          info->oracle_calls, info->seconds);
  fflush(show->text); /* the next row may take seconds */
}

/* Goes through the gauges with one solver; drawn receives the two plans to draw. */
static int solve_gauges(demo *show, int which, wg_solver *solver, const cloud *x, const cloud *y,
                        wg_plot_solution *drawn) {
  for (int g = 0; g < GAUGES; g++) {
    wg_info *info = &show->infos[which][g];
    info->struct_size = sizeof *info;
    if (g > 0) WG_TRY(wg_set_gauge(solver, gauges[g].name));
    WG_TRY(wg_solve(solver, info));
    show->peak_bytes = WG_MAX(show->peak_bytes, (int64_t)show->mem.ledger->now + info->peak_bytes);
    print_row(show, pairs[which].name, gauges[g].name, info);
    if (gauges[g].title)
      WG_TRY(keep_solution(&show->mem, solver, x, y, gauges[g].title, info, drawn++));
  }
  return WG_OK;
}

static int draw(const demo *show, const pair *which, const wg_plot_solution *drawn) {
  char path[PATH_MAX];
  for (int ending = 0; ending < 2; ending++) {
    WG_TRY(figure_path(show, which, 0, ending, path));
    WG_TRY(wg_plot_couplings(path, DRAWN, drawn));
    WG_TRY(figure_path(show, which, 1, ending, path));
    WG_TRY(wg_plot_geodesics(path, DRAWN, drawn, TIMES, times));
  }
  return WG_OK;
}

static int show_pair(demo *show, int which) {
  cloud x, y;
  wg_settings settings;
  wg_solver *solver = NULL;
  wg_plot_solution drawn[DRAWN];
  WG_TRY(read_cloud(show, pairs[which].x, &x));
  WG_TRY(read_cloud(show, pairs[which].y, &y));
  if (x.d != y.d)
    return wg_fail(WG_ERR_INPUT,
                   "%s has %" PRId64 " columns and %s has %" PRId64 "; clouds share a dimension",
                   pairs[which].x, x.d, pairs[which].y, y.d);
  wg_settings_init(&settings);
  settings.tol = tolerance;
  settings.threads = show->asked.threads;
  WG_TRY(wg_setup(&solver, x.count, y.count, x.d, x.points, NULL, y.points, NULL, gauges[0].name,
                  &settings));
  int status = solve_gauges(show, which, solver, &x, &y, drawn);
  wg_free(solver);
  return status < 0 ? status : draw(show, &pairs[which], drawn);
}

/* ---- the table ---- */

static void print_header(FILE *text) {
  if (text)
    fprintf(text, "%-14s %-11s %-12s %-15s %-15s %-8s %-11s %5s %8s\n", "pair", "gauge", "W",
            "W^2 lower", "W^2 upper", "gap", "outcome", "calls", "seconds");
}

static void print_footer(const demo *show) {
  if (!show->text) return;
  fprintf(show->text,
          "\nIn the plane kyfan:1 is the operator gauge (its intervals agree) and kyfan:2 the "
          "trace.\nFigures: %s/{%s,%s}_{%s,%s}.{%s,%s}\n",
          show->asked.out, figure_kinds[0], figure_kinds[1], pairs[0].name, pairs[1].name,
          figure_endings[0], figure_endings[1]);
}

/* Two names of one gauge. */
static int check_agreement(const demo *show) {
  for (int p = 0; p < PAIRS; p++) {
    const wg_info *one = &show->infos[p][OPERATOR], *other = &show->infos[p][KYFAN];
    if (one->lower > other->upper || other->lower > one->upper)
      return wg_fail(WG_ERR_INTERNAL,
                     "%s: operator and kyfan:1 have intervals without a common "
                     "point; please report it",
                     pairs[p].name);
  }
  return WG_OK;
}

static bool all_certified(const demo *show) {
  for (int k = 0; k < PAIRS * GAUGES; k++)
    if (show->infos[k / GAUGES][k % GAUGES].outcome != WG_CERTIFIED) return false;
  return true;
}

static json_t *row_json(const char *name, const char *gauge, const wg_info *info) {
  return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I}", "pair", name, "gauge", gauge, "outcome",
                   wg_outcome_text(info->outcome), "seconds", wg_cli_real(info->seconds), "w2",
                   wg_cli_bounds(info->lower, info->upper), "w", wg_cli_real(info->w),
                   "oracle_calls", (json_int_t)info->oracle_calls);
}

static int write_json(const demo *show) {
  json_t *rows = json_array();
  for (int k = 0; k < PAIRS * GAUGES; k++)
    json_array_append_new(rows, row_json(pairs[k / GAUGES].name, gauges[k % GAUGES].name,
                                         &show->infos[k / GAUGES][k % GAUGES]));
  json_t *own = json_pack("{s:f, s:o, s:o}", "tol", tolerance, "out", wg_cli_text(show->asked.out),
                          "results", rows);
  int64_t peak_bytes = WG_MAX(show->peak_bytes, (int64_t)show->mem.ledger->peak);
  return wg_cli_write_json(
      show->asked.json,
      wg_cli_document("demo", NULL, all_certified(show) ? "certified" : "gap-open",
                      wg_now() - show->start, peak_bytes, own));
}

/* ---- the command ---- */

static int read_command_line(int argc, char **argv, options *asked) {
  const wg_cli_option known[] = {{"out", 0, WG_CLI_TEXT, &asked->out},
                                 {"data", 0, WG_CLI_TEXT, &asked->data},
                                 {"threads", 0, WG_CLI_THREADS, &asked->threads},
                                 {"json", 'j', WG_CLI_TEXT, &asked->json},
                                 {"quiet", 'q', WG_CLI_FLAG, &asked->quiet}};
  int exit_status =
      wg_cli_read_options("demo", argc, argv, sizeof known / sizeof *known, known, &asked->help);
  if (exit_status != WG_EXIT_OK || asked->help) return exit_status;
  if (argc > optind) return wg_cli_usage("demo", "unexpected argument %s", argv[optind]);
  return WG_EXIT_OK;
}

static int run_demo(demo *show) {
  WG_TRY(wg_cli_find_data(show->asked.data, pairs[0].x, &show->data));
  WG_TRY(check_outputs(show));
  print_header(show->text);
  for (int p = 0; p < PAIRS; p++) WG_TRY(show_pair(show, p));
  WG_TRY(check_agreement(show));
  print_footer(show);
  return show->asked.json ? write_json(show) : WG_OK;
}

int wg_cli_demo(int argc, char **argv) {
  demo show = {.asked = {.out = "demo-out"}, .start = wg_now()};
  wg_ledger ledger = {0};
  int exit_status = read_command_line(argc, argv, &show.asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (show.asked.help) {
    fputs(usage, stdout);
    return WG_EXIT_OK;
  }
  show.text = wg_cli_wants_text(show.asked.quiet, show.asked.json) ? stdout : NULL;
  show.mem = wg_mem_of(&ledger);
  int status = run_demo(&show);
  wg_mem_clear(&show.mem);
  if (status < 0) return wg_cli_error(status);
  return all_certified(&show) ? WG_EXIT_OK : WG_EXIT_OPEN;
}
