/* The outputs of wgamma distance beside the report: plan, certificate, geodesic, figure.
 *
 * All of them are checked before a solve that may take hours. The plan is what
 * scipy.sparse.load_npz takes for a COO matrix. Memory: the geodesic's times x entries x d. */
#include <inttypes.h>

#include "distance.h"
#include "plot/plot.h"

/* ---- before the solve ---- */

int wg_distance_check_outputs(const wg_distance_request *asked) {
  const wg_cli_path outputs[] = {{"--plan", asked->plan},
                                 {"--certificate", asked->certificate},
                                 {"--plot", asked->plot},
                                 {"--geodesic-out", asked->geodesic_out},
                                 {"--project-out", asked->project_out},
                                 {"--gradients", asked->gradients},
                                 {"--json", asked->json}};
  const wg_cli_path inputs[] = {
      {"X", asked->x}, {"Y", asked->y}, {"--a", asked->a}, {"--b", asked->b}};
  if (asked->plot) WG_TRY(wg_plot_check_path(asked->plot));
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs,
                            sizeof inputs / sizeof *inputs, inputs);
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

static int write_certificate(const char *path, const wg_certificate *c) {
  wg_certificate_file *file = NULL;
  const int status = wg_certificate_of_clouds(c, &file);
  return wg_cli_write_certificate(path, status, file);
}

int wg_distance_write(wg_mem *mem, const wg_distance_request *asked, const wg_solver *solver,
                      const wg_distance_result *found) {
  const wg_certificate *c = &found->certificate;
  int first = WG_EXIT_OK;
  if (asked->plan) wg_cli_note(write_plan(asked->plan, c), &first);
  if (asked->certificate) wg_cli_note(write_certificate(asked->certificate, c), &first);
  if (asked->geodesic_out) wg_cli_note(write_geodesic(mem, asked, solver, c), &first);
  if (asked->project_out) wg_cli_note(wg_distance_write_projection(mem, asked, solver, c), &first);
  if (asked->gradients)
    wg_cli_note(wg_distance_write_gradients(mem, asked->gradients, solver, c), &first);
  if (asked->plot) wg_cli_note(write_plot(asked->plot, found), &first);
  if (asked->json) wg_cli_note(wg_distance_write_json(asked, found), &first);
  return first;
}
