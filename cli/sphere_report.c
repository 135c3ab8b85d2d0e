/* What wgamma sphere says and writes: a block to read, the same as JSON, the semi-coupling as .npz
 * and a figure of it. Numbers are shown as wgamma distance shows them. */
#include <inttypes.h>

#include "plot/plot.h"
#include "sphere.h"

enum { NUMBER = WG_CLI_NUMBER };

/* ---- the block ---- */

static const char *in_words(int outcome) {
  switch (outcome) {
    case WG_CERTIFIED: return "certified: both bounds are proved, the gap is as small as asked";
    case WG_GAP_OPEN: return "gap-open: no further progress; the interval holds all the same";
    default: return wg_outcome_text(outcome);
  }
}

static void print_bounds(const char *title, double lower, double upper) {
  char low[NUMBER], high[NUMBER];
  printf("%-10s in [%s, %s]\n", title, wg_cli_outward(lower, -1, low),
         wg_cli_outward(upper, 1, high));
}

/* c WFR^2 <= UW^2 <= C WFR^2, from the bounds of WFR^2. */
static void print_comparison(const wg_sphere_result *found) {
  print_bounds("WFR^2", found->wfr.lower, found->wfr.upper);
  print_bounds("so UW^2", found->info.least_ratio * found->wfr.lower,
               found->info.most_ratio * found->wfr.upper);
}

void wg_sphere_print(const wg_sphere_request *asked, const wg_sphere_result *found) {
  const wg_sphere_info *info = &found->info;
  char memory[NUMBER];
  printf("%-10s %.9g\n", "UW", info->uw);
  print_bounds("UW^2", info->lower, info->upper);
  if (info->gap < WG_CLI_SMALLEST_GAP)
    printf("%-10s below %g relative, %g asked\n", "gap", WG_CLI_SMALLEST_GAP, asked->settings.tol);
  else
    printf("%-10s %.1g relative, %g asked\n", "gap", info->gap, asked->settings.tol);
  printf("%-10s %s\n", "outcome", in_words(info->outcome));
  printf("%-10s %s\n", "gauge", found->gauge);
  printf("%-10s %" PRId64 " and %" PRId64 " atoms on the unit sphere of R^%" PRId64 "\n",
         "measures", found->n[0], found->n[1], found->d);
  printf("%-10s %.9g, of which %.9g leaves for an atom of B\n", "mass of A", info->mass[0],
         info->carried[0]);
  printf("%-10s %.9g, of which %.9g comes from an atom of A\n", "mass of B", info->mass[1],
         info->carried[1]);
  if (asked->compare) print_comparison(found);
  printf("%-10s %" PRId64 " direction%s, %" PRId64 " step%s\n", "work", info->calls,
         wg_cli_plural(info->calls), info->steps, wg_cli_plural(info->steps));
  printf("%-10s %.3f s\n", "time", info->seconds);
  printf("%-10s %s at most\n", "memory", wg_cli_memory(found->peak_bytes, memory));
}

/* ---- files ---- */

static json_t *own_json(const wg_sphere_request *asked, const wg_sphere_result *found) {
  const wg_sphere_info *info = &found->info;
  return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I, s:I}", "uw2",
                   wg_cli_bounds(info->lower, info->upper), "uw", wg_cli_real(info->uw), "value",
                   wg_cli_real(info->uw2), "tol", wg_cli_real(asked->settings.tol), "n",
                   (json_int_t)found->n[0], "m", (json_int_t)found->n[1], "d", (json_int_t)found->d,
                   "mass", wg_cli_list(2, info->mass), "carried", wg_cli_list(2, info->carried),
                   "wfr2",
                   asked->compare ? wg_cli_bounds(found->wfr.lower, found->wfr.upper) : json_null(),
                   "ratios", wg_cli_list(2, (const double[]){info->least_ratio, info->most_ratio}),
                   "entries", (json_int_t)found->plan.count, "calls", (json_int_t)info->calls,
                   "steps", (json_int_t)info->steps);
}

static int write_json(const wg_sphere_request *asked, const wg_sphere_result *found) {
  const wg_sphere_info *info = &found->info;
  return wg_cli_write_json(
      asked->json, wg_cli_document("sphere", found->gauge, wg_outcome_text(info->outcome),
                                   info->seconds, found->peak_bytes, own_json(asked, found)));
}

static wg_io_member vector(const char *name, const char *dtype, int64_t count, const void *data) {
  return (wg_io_member){.name = name, .dtype = dtype, .ndim = 1, .shape = {count}, .data = data};
}

static wg_io_member square(const char *name, int64_t d, const double *data) {
  return (wg_io_member){.name = name, .dtype = "<f8", .ndim = 2, .shape = {d, d}, .data = data};
}

static int write_plan(const char *path, const wg_sphere_result *found) {
  const wg_semicoupling *plan = &found->plan;
  const double bounds[2] = {found->info.lower, found->info.upper};
  const wg_io_member members[] = {vector("uw2", "<f8", 2, bounds),
                                  vector("row", "<i8", plan->count, plan->row),
                                  vector("col", "<i8", plan->count, plan->col),
                                  vector("g0", "<f8", plan->count, plan->g0),
                                  vector("g1", "<f8", plan->count, plan->g1),
                                  vector("c", "<f8", plan->count, plan->c),
                                  square("Q", found->d, plan->q),
                                  vector("u", "<f8", found->n[0], plan->u),
                                  vector("v", "<f8", found->n[1], plan->v),
                                  square("moment", found->d, plan->moment)};
  return wg_io_write_npz(path, sizeof members / sizeof *members, members);
}

/* The pairs as segments, c as their mass: on the circle as it is, else on a plane. */
static int draw(const char *path, const wg_sphere_result *found) {
  char title[2 * NUMBER];
  snprintf(title, sizeof title, "%.30s: UW = %.6g", found->gauge, found->info.uw);
  const wg_plot_solution solution = {.title = title,
                                     .n = found->n[0],
                                     .m = found->n[1],
                                     .d = found->d,
                                     .count = found->plan.count,
                                     .x = found->points[0],
                                     .a = found->masses[0],
                                     .y = found->points[1],
                                     .b = found->masses[1],
                                     .row = found->plan.row,
                                     .col = found->plan.col,
                                     .mass = found->plan.c,
                                     .moment = found->plan.moment};
  return wg_plot_couplings(path, 1, &solution);
}

static int write_certificate(const char *path, const wg_sphere_result *found) {
  wg_certificate_file *file = NULL;
  const int status = wg_sphere_certificate(found->solution, &file);
  return wg_cli_write_certificate(path, status, file);
}

int wg_sphere_write(const wg_sphere_request *asked, const wg_sphere_result *found) {
  int first = WG_EXIT_OK;
  if (asked->out) wg_cli_note(write_plan(asked->out, found), &first);
  if (asked->certificate) wg_cli_note(write_certificate(asked->certificate, found), &first);
  if (asked->plot) wg_cli_note(draw(asked->plot, found), &first);
  if (asked->json) wg_cli_note(write_json(asked, found), &first);
  return first;
}
