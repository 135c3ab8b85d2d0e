/* What wgamma dynamic says and writes: a block to read, the same as JSON, and the path as .npz. */
#include <inttypes.h>
#include <string.h>

#include "dynamic.h"
#include "film.h"
#include "plot/plot.h"

enum { NUMBER = WG_CLI_NUMBER };

/* ---- the block ---- */

static const char *in_words(const wg_dynamic_info *info) {
  if (info->outcome == WG_CERTIFIED) return "certified: the bounds on the grid meet as asked";
  if (info->converged) return "gap-open: converged as asked; the bounds on the grid are wider";
  return wg_outcome_text(info->outcome);
}

void wg_dynamic_print(const wg_dynamic_request *asked, const wg_dynamic_result *found) {
  const wg_dynamic_info *info = &found->info;
  char low[NUMBER], high[NUMBER], memory[NUMBER], shape[WG_IO_SHAPE_TEXT];
  printf("%-10s %.6g\n", "W", info->w);
  printf("%-10s %.6g (path), %.6g (potential); tol %g\n", "W^2", info->primal, info->dual,
         asked->settings.tol);
  printf("%-10s in [%s, %s], whatever the grid leaves out\n", "on grid",
         wg_cli_outward(info->lower, -1, low), wg_cli_outward(info->upper, 1, high));
  if (found->compared)
    printf("%-10s in [%s, %s], of the cells' middles\n", "static W^2",
           wg_cli_outward(found->fixed[0], -1, low), wg_cli_outward(found->fixed[1], 1, high));
  printf("%-10s %s\n", "outcome", in_words(info));
  printf("%-10s %s\n", "gauge", found->gauge);
  printf("%-10s %s cells, %" PRId64 " steps of time\n", "grid",
         wg_io_shape_text(shape, (int)found->d, found->shape), found->path.steps);
  printf("%-10s mass within %.1g, density from %.1g up, continuity within %.1g\n", "path",
         info->mass_error, info->least_density, info->continuity);
  printf("%-10s %" PRId64 " iteration%s\n", "work", info->iterations,
         wg_cli_plural(info->iterations));
  printf("%-10s %.3f s\n", "time", info->seconds);
  printf("%-10s %s at most\n", "memory", wg_cli_memory(found->peak_bytes, memory));
}

/* ---- files ---- */

static json_t *shape_json(const wg_dynamic_result *found) {
  json_t *list = json_array();
  for (int64_t k = 0; list && k < found->d; k++)
    json_array_append_new(list, json_integer((json_int_t)found->shape[k]));
  return list;
}

static json_t *own_json(const wg_dynamic_request *asked, const wg_dynamic_result *found) {
  const wg_dynamic_info *info = &found->info;
  return json_pack(
      "{s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "w",
      wg_cli_real(info->w), "primal", wg_cli_real(info->primal), "dual", wg_cli_real(info->dual),
      "w2_grid", wg_cli_bounds(info->lower, info->upper), "w2_static",
      found->compared ? wg_cli_bounds(found->fixed[0], found->fixed[1]) : json_null(), "converged",
      info->converged, "tol", wg_cli_real(asked->settings.tol), "shape", shape_json(found),
      "spacing", wg_cli_list(found->d, found->spacing), "steps", (json_int_t)found->path.steps,
      "iterations", (json_int_t)info->iterations, "mass_residual", wg_cli_real(info->mass_residual),
      "mass_error", wg_cli_real(info->mass_error), "least_density",
      wg_cli_real(info->least_density), "continuity", wg_cli_real(info->continuity));
}

static int write_json(const wg_dynamic_request *asked, const wg_dynamic_result *found) {
  const wg_dynamic_info *info = &found->info;
  return wg_cli_write_json(
      asked->json, wg_cli_document("dynamic", found->gauge, wg_outcome_text(info->outcome),
                                   info->seconds, found->peak_bytes, own_json(asked, found)));
}

/* A member whose first axes are given and whose last ones are those of the grid, longer by more. */
static wg_io_member field(const wg_dynamic_result *found, const char *name, int leading,
                          const int64_t *first, int64_t more, const double *data) {
  wg_io_member member = {
      .name = name, .dtype = "<f8", .ndim = leading + (int)found->d, .data = data};
  for (int k = 0; k < leading; k++) member.shape[k] = first[k];
  for (int64_t k = 0; k < found->d; k++) member.shape[leading + k] = found->shape[k] + more;
  return member;
}

static wg_io_member square(const char *name, int64_t d, const double *data) {
  return (wg_io_member){.name = name, .dtype = "<f8", .ndim = 2, .shape = {d, d}, .data = data};
}

static int write_path(const char *file, const wg_dynamic_result *found) {
  const wg_dynamic_path *path = &found->path;
  const double bounds[2] = {found->info.lower, found->info.upper};
  const int64_t moments[2] = {path->steps, found->d}, times[1] = {path->steps + 1};
  const wg_io_member members[] = {
      field(found, "density", 1, &path->steps, 0, path->density),
      field(found, "momentum", 2, moments, 0, path->momentum),
      field(found, "potential", 1, times, 1, path->potential),
      square("Q", found->d, path->q),
      square("moment", found->d, path->moment),
      {.name = "spacing", .dtype = "<f8", .ndim = 1, .shape = {found->d}, .data = found->spacing},
      {.name = "w2_grid", .dtype = "<f8", .ndim = 1, .shape = {2}, .data = bounds}};
  return wg_io_write_npz(file, sizeof members / sizeof *members, members);
}

/* `count` densities from the first step of the path to the last. */
static int look_at(wg_mem *mem, const wg_dynamic_result *found, int64_t count, wg_plot_grid *grid) {
  const wg_dynamic_path *path = &found->path;
  double *times = WG_NEW(mem, double, count);
  const double **density = WG_NEW(mem, const double *, count);
  char *title = WG_NEW(mem, char, WG_CLI_SENTENCE);
  if (!times || !density || !title) return wg_no_memory();
  for (int64_t k = 0; k < count; k++) {
    const int64_t step = k * (path->steps - 1) / (count - 1);
    density[k] = path->density + step * found->cells;
    times[k] = ((double)step + 0.5) / (double)path->steps;
  }
  snprintf(title, WG_CLI_SENTENCE, "%.200s: W = %.5g (W\u00b2 estimated as %.5g and %.5g)",
           found->gauge, found->info.w, found->info.primal, found->info.dual);
  *grid = (wg_plot_grid){.title = title,
                         .d = found->d,
                         .shape = found->shape,
                         .spacing = found->spacing,
                         .count = (int)count,
                         .times = times,
                         .density = density};
  return WG_OK;
}

/* As a figure, or a film of all steps. */
static int draw(const char *file, const wg_dynamic_result *found, bool film) {
  enum { TIMES = 5 };
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_plot_grid grid;
  int status = look_at(&mem, found, film ? found->path.steps : TIMES, &grid);
  if (status == WG_OK)
    status = film ? wg_film_of_densities(file, &grid) : wg_plot_densities(file, &grid);
  wg_mem_clear(&mem);
  return status;
}

static int write_certificate(const char *path, const wg_dynamic_result *found) {
  wg_certificate_file *file = NULL;
  const int status = wg_dynamic_certificate(found->solution, &file);
  return wg_cli_write_certificate(path, status, file);
}

int wg_dynamic_write(const wg_dynamic_request *asked, const wg_dynamic_result *found) {
  int first = WG_EXIT_OK;
  if (asked->out) wg_cli_note(write_path(asked->out, found), &first);
  if (asked->certificate) wg_cli_note(write_certificate(asked->certificate, found), &first);
  if (asked->plot) wg_cli_note(draw(asked->plot, found, false), &first);
  if (asked->animate) wg_cli_note(draw(asked->animate, found, true), &first);
  if (asked->json) wg_cli_note(write_json(asked, found), &first);
  return first;
}
