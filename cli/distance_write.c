/* The outputs of wgamma distance beside the report: plan, certificate, geodesic, figure.
 *
 * All of them are checked before a solve that may take hours. Two names for one file, or an output
 * that would overwrite an input, are recognised through links as well. The plan is what
 * scipy.sparse.load_npz takes for a COO matrix. Memory: the geodesic's times x entries x d. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "distance.h"
#include "plot/plot.h"

/* ---- before the solve ---- */

typedef struct named_path {
  const char *option, *path; /* path NULL: not given */
} named_path;
enum { OUTPUTS = 5, READ = 4 };

static void list_paths(const wg_distance_request *asked, named_path *outputs, named_path *inputs) {
  const named_path writes[OUTPUTS] = {{"--plan", asked->plan},
                                      {"--certificate", asked->certificate},
                                      {"--plot", asked->plot},
                                      {"--geodesic-out", asked->geodesic_out},
                                      {"--json", asked->json}};
  const named_path reads[READ] = {
      {"X", asked->x}, {"Y", asked->y}, {"--a", asked->a}, {"--b", asked->b}};
  memcpy(outputs, writes, sizeof writes);
  memcpy(inputs, reads, sizeof reads);
}

/* A device may be written any number of times. */
static bool same_file(const char *one, const char *other) {
  struct stat first, second;
  if (!one || !other) return false;
  bool both = stat(one, &first) == 0 && stat(other, &second) == 0;
  if (!both) return !strcmp(one, other);
  return S_ISREG(first.st_mode) && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static bool is_stream(const char *path) { return path && !strcmp(path, "-"); }

static int check_distinct(const named_path *outputs, const named_path *inputs) {
  for (int i = 0; i < OUTPUTS; i++) {
    for (int j = 0; j < i; j++)
      if (same_file(outputs[i].path, outputs[j].path))
        return wg_fail(WG_ERR_ARGUMENT, "%s and %s both write %s; give each a name of its own",
                       outputs[j].option, outputs[i].option, outputs[i].path);
    for (int j = 0; j < READ; j++)
      if (!is_stream(outputs[i].path) && same_file(outputs[i].path, inputs[j].path))
        return wg_fail(WG_ERR_ARGUMENT, "%s %s would overwrite the input %s; give another name",
                       outputs[i].option, outputs[i].path, inputs[j].option);
  }
  return WG_OK;
}

int wg_distance_check_outputs(const wg_distance_request *asked) {
  named_path outputs[OUTPUTS], inputs[READ];
  list_paths(asked, outputs, inputs);
  if (asked->plot) WG_TRY(wg_plot_check_path(asked->plot));
  WG_TRY(check_distinct(outputs, inputs));
  for (int i = 0; i < OUTPUTS; i++)
    if (outputs[i].path) WG_TRY(wg_io_check_writable(outputs[i].path));
  return WG_OK;
}

/* ---- after it ---- */

static int write_plan(const char *path, const wg_certificate *c) {
  const int64_t shape[2] = {c->n, c->m};
  const wg_io_member members[] = {
      {.name = "row", .dtype = "<i8", .ndim = 1, .shape = {c->count}, .data = c->row},
      {.name = "col", .dtype = "<i8", .ndim = 1, .shape = {c->count}, .data = c->col},
      {.name = "format", .dtype = "|S3", .ndim = 0, .data = "coo"},
      {.name = "shape", .dtype = "<i8", .ndim = 1, .shape = {2}, .data = shape},
      {.name = "data", .dtype = "<f8", .ndim = 1, .shape = {c->count}, .data = c->mass}};
  return wg_io_write_npz(path, sizeof members / sizeof *members, members);
}

static int write_geodesic(wg_mem *mem, const wg_distance_request *asked, const wg_solver *solver,
                          const wg_certificate *c) {
  int64_t entries; /* of one time; both factors fit in memory, so it does not overflow */
  entries = c->count * c->d;
  if (asked->times_count > INT64_MAX / 8 / entries)
    return wg_fail(WG_ERR_MEMORY,
                   "%s: %" PRId64 " times of %" PRId64
                   " points are more than can be indexed; ask for fewer times",
                   asked->geodesic_out, asked->times_count, c->count);
  double *points = WG_NEW(mem, double, asked->times_count *entries);
  double *masses = WG_NEW(mem, double, c->count);
  if (!points || !masses) return wg_no_memory();
  for (int64_t k = 0; k < asked->times_count; k++)
    WG_TRY(wg_geodesic(solver, asked->times[k], points + k * entries, masses));
  const wg_io_member members[] = {
      {.name = "t", .dtype = "<f8", .ndim = 1, .shape = {asked->times_count}, .data = asked->times},
      {.name = "points",
       .dtype = "<f8",
       .ndim = 3,
       .shape = {asked->times_count, c->count, c->d},
       .data = points},
      {.name = "masses", .dtype = "<f8", .ndim = 1, .shape = {c->count}, .data = masses}};
  return wg_io_write_npz(asked->geodesic_out, sizeof members / sizeof *members, members);
}

static int write_plot(const char *path, const wg_distance_result *found) {
  const wg_certificate *c = &found->certificate;
  char title[160];
  snprintf(title, sizeof title, "%.80s: W = %.6g (gap %.2g)", c->gauge, found->info.w,
           found->info.gap);
  const wg_plot_solution solution = {.title = title,
                                     .n = c->n,
                                     .m = c->m,
                                     .d = c->d,
                                     .count = c->count,
                                     .x = c->x,
                                     .a = c->a,
                                     .y = c->y,
                                     .b = c->b,
                                     .row = c->row,
                                     .col = c->col,
                                     .mass = c->mass,
                                     .moment = found->moment,
                                     .moment_values = found->moment_values,
                                     .q_values = found->q_values};
  return wg_plot_distance(path, &solution);
}

/* Says at once what cannot be written, so that a later success does not hide it. */
static void note(int status, int *first) {
  if (status >= 0) return;
  int exit_status = wg_cli_error(status);
  if (*first == WG_EXIT_OK) *first = exit_status;
}

int wg_distance_write(wg_mem *mem, const wg_distance_request *asked, const wg_solver *solver,
                      const wg_distance_result *found) {
  const wg_certificate *c = &found->certificate;
  int first = WG_EXIT_OK;
  if (asked->plan) note(write_plan(asked->plan, c), &first);
  if (asked->certificate) note(wg_io_write_certificate(asked->certificate, c), &first);
  if (asked->geodesic_out) note(write_geodesic(mem, asked, solver, c), &first);
  if (asked->plot) note(write_plot(asked->plot, found), &first);
  if (asked->json) note(wg_distance_write_json(asked, found), &first);
  return first;
}
