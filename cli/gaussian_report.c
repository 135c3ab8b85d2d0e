/* What wgamma gaussian says and writes: a block to read, the same as JSON, the coupling and the
 * geodesic as .npz. Numbers are shown as wgamma distance shows them. */
#include <inttypes.h>
#include <string.h>

#include "gaussian.h"

enum { SHOWN_EIGENVALUES = 8, NUMBER = WG_CLI_NUMBER };

/* ---- the block ---- */

static const char *in_words(int outcome) {
  switch (outcome) {
    case WG_CERTIFIED: return "certified: both bounds are proved, the gap is as small as asked";
    case WG_GAP_OPEN: return "gap-open: no further progress; the interval holds all the same";
    case WG_LOCAL:
      return "local: a gauge with p < 1 is not convex; W is that of the best coupling found,\n"
             "           not certified to be optimal, and the lower bound is that of p = 1";
    default: return wg_outcome_text(outcome);
  }
}

static void print_bounds(const char *title, double lower, double upper) {
  char low[NUMBER], high[NUMBER];
  printf("%-10s in [%s, %s]\n", title, wg_cli_outward(lower, -1, low),
         wg_cli_outward(upper, 1, high));
}

static void print_inputs(const wg_gaussian_request *asked, const wg_gaussian_result *found) {
  const wg_gaussian_info *info = &found->info;
  if (asked->from_samples)
    printf("%-10s of %s (%" PRId64 " points) and %s (%" PRId64 " points)\n", "Gaussians",
           wg_io_name(asked->input[0]), found->cloud[0].n, wg_io_name(asked->input[1]),
           found->cloud[1].n);
  printf("%-10s d = %" PRId64 ", covariances of rank %" PRId64 " and %" PRId64 "\n", "dimension",
         found->d, info->rank0, info->rank1);
}

static void print_q(const wg_gaussian_result *found) {
  printf("%-10s rank %" PRId64 ", eigenvalues", "Q", found->info.q_rank);
  for (int64_t k = 0; k < found->d && k < SHOWN_EIGENVALUES; k++)
    printf(" %.6g",
           fabs(found->q_values[k]) < 1e-9 * found->q_values[0] ? 0.0 : found->q_values[k]);
  if (found->d > SHOWN_EIGENVALUES) printf(" ... (%" PRId64 " more)", found->d - SHOWN_EIGENVALUES);
  printf("\n");
}

void wg_gaussian_print(const wg_gaussian_request *asked, const wg_gaussian_result *found) {
  const wg_gaussian_info *info = &found->info;
  char memory[NUMBER];
  printf("%-10s %.9g\n", "W", info->w);
  print_bounds("W^2", info->lower, info->upper);
  if (info->gap < WG_CLI_SMALLEST_GAP)
    printf("%-10s below %g relative, %g asked\n", "gap", WG_CLI_SMALLEST_GAP, asked->settings.tol);
  else
    printf("%-10s %.1g relative, %g asked\n", "gap", info->gap, asked->settings.tol);
  printf("%-10s %s\n", "outcome", in_words(info->outcome));
  printf("%-10s %s\n", "gauge", found->gauge);
  print_inputs(asked, found);
  printf("%-10s %s\n", "coupling", info->is_map ? "an affine map" : "not a map");
  print_q(found);
  if (asked->from_samples) print_bounds("clouds W^2", found->clouds.lower, found->clouds.upper);
  if (info->closed_form)
    printf("%-10s closed form: the coupling of W_2 is optimal\n", "work");
  else
    printf("%-10s %" PRId64 " step%s\n", "work", info->steps, wg_cli_plural(info->steps));
  printf("%-10s %.3f s\n", "time", info->seconds);
  printf("%-10s %s at most\n", "memory", wg_cli_memory(found->peak_bytes, memory));
}

/* ---- JSON ---- */

static json_t *list_json(int64_t count, const double *values) {
  json_t *list = json_array();
  for (int64_t k = 0; k < count; k++) json_array_append_new(list, wg_cli_real(values[k]));
  return list;
}

static json_t *clouds_json(const wg_gaussian_request *asked, const wg_gaussian_result *found) {
  const wg_info *clouds = &found->clouds;
  if (!asked->from_samples) return json_null();
  return json_pack("{s:o, s:o, s:s, s:I, s:I}", "w2", wg_cli_bounds(clouds->lower, clouds->upper),
                   "w", wg_cli_real(clouds->w), "outcome", wg_outcome_text(clouds->outcome), "n",
                   (json_int_t)found->cloud[0].n, "m", (json_int_t)found->cloud[1].n);
}

static json_t *own_json(const wg_gaussian_request *asked, const wg_gaussian_result *found) {
  const wg_gaussian_info *info = &found->info;
  return json_pack("{s:o, s:o, s:I, s:o, s:I, s:[I, I], s:I, s:b, s:b, s:o, s:o}", "w2",
                   wg_cli_bounds(info->lower, info->upper), "w", wg_cli_real(info->w), "d",
                   (json_int_t)found->d, "tol", wg_cli_real(asked->settings.tol), "steps",
                   (json_int_t)info->steps, "ranks", (json_int_t)info->rank0,
                   (json_int_t)info->rank1, "q_rank", (json_int_t)info->q_rank, "closed_form",
                   info->closed_form, "is_map", info->is_map, "q_eigenvalues",
                   list_json(found->d, found->q_values), "clouds", clouds_json(asked, found));
}

static int write_json(const wg_gaussian_request *asked, const wg_gaussian_result *found) {
  const wg_gaussian_info *info = &found->info;
  return wg_cli_write_json(
      asked->json, wg_cli_document("gaussian", found->gauge, wg_outcome_text(info->outcome),
                                   info->seconds, found->peak_bytes, own_json(asked, found)));
}

/* ---- files ---- */

static wg_io_member vector(const char *name, int64_t d, const double *data) {
  return (wg_io_member){.name = name, .dtype = "<f8", .ndim = 1, .shape = {d}, .data = data};
}

static wg_io_member square(const char *name, int64_t d, const double *data) {
  return (wg_io_member){.name = name, .dtype = "<f8", .ndim = 2, .shape = {d, d}, .data = data};
}

/* A map that is none is left out. */
static int write_coupling(const char *path, const wg_gaussian_result *found) {
  const int64_t d = found->d;
  const double bounds[2] = {found->info.lower, found->info.upper};
  const wg_io_member members[] = {
      vector("w2", 2, bounds),          vector("mean0", d, found->mean[0]),
      square("cov0", d, found->cov[0]), vector("mean1", d, found->mean[1]),
      square("cov1", d, found->cov[1]), square("contraction", d, found->contraction),
      square("K", d, found->k),         square("Q", d, found->q),
      square("map", d, found->map)};
  const int count = sizeof members / sizeof *members;
  return wg_io_write_npz(path, found->info.is_map ? count : count - 1, members);
}

static int write_certificate(const wg_gaussian_request *asked, const wg_gaussian_result *found) {
  const int64_t d = found->d;
  const double claim[3] = {found->info.lower, found->info.upper, asked->settings.tol};
  const wg_certificate_array arrays[] = {
      wg_cli_array("mean0", 1, d, 0, 0, found->mean[0]),
      wg_cli_array("cov0", 2, d, d, 0, found->cov[0]),
      wg_cli_array("mean1", 1, d, 0, 0, found->mean[1]),
      wg_cli_array("cov1", 2, d, d, 0, found->cov[1]),
      wg_cli_array("contraction", 2, d, d, 0, found->contraction),
      wg_cli_array("q", 2, d, d, 0, found->q),
      wg_cli_array("claim", 1, 3, 0, 0, claim)};
  wg_certificate_file *file = NULL;
  const int status = wg_certificate_create(&file, "gaussian", found->gauge,
                                           sizeof arrays / sizeof *arrays, arrays);
  return wg_cli_write_certificate(asked->certificate, status, file);
}

static int write_geodesic(wg_mem *mem, const wg_gaussian_request *asked,
                          const wg_gaussian_result *found) {
  const int64_t d = found->d, count = asked->times_count;
  double *means = WG_NEW(mem, double, count *d), *covs = WG_NEW(mem, double, count *d *d);
  if (!means || !covs) return wg_no_memory();
  for (int64_t k = 0; k < count; k++)
    WG_TRY(wg_gaussian_geodesic(d, found->mean[0], found->cov[0], found->mean[1], found->cov[1],
                                found->k, asked->times[k], means + k * d, covs + k * d * d));
  const wg_io_member members[] = {
      vector("t", count, asked->times),
      {.name = "mean", .dtype = "<f8", .ndim = 2, .shape = {count, d}, .data = means},
      {.name = "cov", .dtype = "<f8", .ndim = 3, .shape = {count, d, d}, .data = covs}};
  return wg_io_write_npz(asked->geodesic_out, sizeof members / sizeof *members, members);
}

int wg_gaussian_write(wg_mem *mem, const wg_gaussian_request *asked,
                      const wg_gaussian_result *found) {
  int first = WG_EXIT_OK;
  if (asked->out) wg_cli_note(write_coupling(asked->out, found), &first);
  if (asked->certificate) wg_cli_note(write_certificate(asked, found), &first);
  if (asked->geodesic_out) wg_cli_note(write_geodesic(mem, asked, found), &first);
  if (asked->plot) wg_cli_note(wg_gaussian_plot(mem, asked, found), &first);
  if (asked->json) wg_cli_note(write_json(asked, found), &first);
  return first;
}
