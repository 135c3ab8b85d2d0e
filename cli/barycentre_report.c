/* What wgamma barycentre says and writes: a block to read, the same as JSON, the barycentre and its
 * proof as .npz, a figure for d = 2. Numbers are shown as wgamma distance shows them. */
#include <inttypes.h>
#include <string.h>

#include "barycentre.h"

enum { NUMBER = WG_CLI_NUMBER, SHOWN = 8 };

/* ---- the block ---- */

static const char *in_words(int outcome) {
  switch (outcome) {
    case WG_CERTIFIED: return "certified: both bounds are proved, the gap is as small as asked";
    case WG_GAP_OPEN: return "gap-open: no further progress; the interval holds all the same";
    default: return wg_outcome_text(outcome);
  }
}

static void print_numbers(const char *title, int64_t count, const double *numbers, double size) {
  printf("%-10s", title);
  for (int64_t i = 0; i < count && i < SHOWN; i++)
    printf(" %.6g", fabs(numbers[i]) < 1e-9 * size ? 0.0 : numbers[i]);
  if (count > SHOWN) printf(" ... (%" PRId64 " more)", count - SHOWN);
  printf("\n");
}

static void print_distances(const wg_barycentre_result *found) {
  printf("%-10s", "W to it");
  for (int64_t k = 0; k < found->count && k < SHOWN; k++)
    printf(" %.6g", sqrt(found->distances[2 * k + 1]));
  if (found->count > SHOWN) printf(" ... (%" PRId64 " more)", found->count - SHOWN);
  printf("\n");
}

void wg_barycentre_print(const wg_barycentre_request *asked, const wg_barycentre_result *found) {
  const wg_barycentre_info *info = &found->info;
  const int64_t d = found->d;
  char low[NUMBER], high[NUMBER], memory[NUMBER];
  double size = 0.0;
  for (int64_t i = 0; i < d; i++) size = fmax(size, found->cov[i * d + i]);
  printf("%-10s in [%s, %s]\n", "value", wg_cli_outward(info->lower, -1, low),
         wg_cli_outward(info->upper, 1, high));
  if (info->gap < WG_CLI_SMALLEST_GAP)
    printf("%-10s below %g relative, %g asked\n", "gap", WG_CLI_SMALLEST_GAP, asked->settings.tol);
  else
    printf("%-10s %.1g relative, %g asked\n", "gap", info->gap, asked->settings.tol);
  printf("%-10s %s\n", "outcome", in_words(info->outcome));
  printf("%-10s %s\n", "gauge", found->gauge);
  printf("%-10s %" PRId64 ", d = %" PRId64 "\n", "Gaussians", found->count, d);
  print_numbers("mean", d, found->mean, sqrt(size));
  for (int64_t i = 0; i < d && i < SHOWN; i++)
    print_numbers(i ? "" : "covariance", d, found->cov + i * d, size);
  print_distances(found);
  printf("%-10s %" PRId64 " step%s\n", "work", info->steps, wg_cli_plural(info->steps));
  printf("%-10s %.3f s\n", "time", info->seconds);
  printf("%-10s %s at most\n", "memory", wg_cli_memory(found->peak_bytes, memory));
}

/* ---- JSON ---- */

static json_t *distances_json(const wg_barycentre_result *found) {
  json_t *list = json_array();
  for (int64_t k = 0; k < found->count; k++)
    json_array_append_new(list,
                          wg_cli_bounds(found->distances[2 * k], found->distances[2 * k + 1]));
  return list;
}

static json_t *own_json(const wg_barycentre_request *asked, const wg_barycentre_result *found) {
  const wg_barycentre_info *info = &found->info;
  return json_pack("{s:o, s:I, s:I, s:o, s:o, s:I, s:o, s:o, s:o}", "value",
                   wg_cli_bounds(info->lower, info->upper), "count", (json_int_t)found->count, "d",
                   (json_int_t)found->d, "tol", wg_cli_real(asked->settings.tol), "weights",
                   found->weights ? wg_cli_list(found->count, found->weights) : json_null(),
                   "steps", (json_int_t)info->steps, "mean", wg_cli_list(found->d, found->mean),
                   "cov", wg_cli_table(found->d, found->d, found->cov), "w2",
                   distances_json(found));
}

static int write_json(const wg_barycentre_request *asked, const wg_barycentre_result *found) {
  const wg_barycentre_info *info = &found->info;
  return wg_cli_write_json(
      asked->json, wg_cli_document("barycentre", found->gauge, wg_outcome_text(info->outcome),
                                   info->seconds, found->peak_bytes, own_json(asked, found)));
}

/* ---- files ---- */

static wg_io_member member(const char *name, int ndim, int64_t n0, int64_t n1, int64_t n2,
                           const double *data) {
  return (wg_io_member){
      .name = name, .dtype = "<f8", .ndim = ndim, .shape = {n0, n1, n2}, .data = data};
}

static int write_barycentre(const char *path, const wg_barycentre_result *found) {
  const int64_t d = found->d, count = found->count;
  const double bounds[2] = {found->info.lower, found->info.upper};
  const wg_io_member members[] = {member("value", 1, 2, 0, 0, bounds),
                                  member("mean", 1, d, 0, 0, found->mean),
                                  member("cov", 2, d, d, 0, found->cov),
                                  member("w2", 2, count, 2, 0, found->distances),
                                  member("contractions", 3, count, d, d, found->contractions),
                                  member("Q", 3, count, d, d, found->q),
                                  member("Y", 3, count, d, d, found->y)};
  return wg_io_write_npz(path, sizeof members / sizeof *members, members);
}

/* Weights that were not given are all equal. */
static int write_certificate(wg_mem *mem, const wg_barycentre_request *asked,
                             const wg_barycentre_result *found) {
  const int64_t d = found->d, count = found->count;
  const double claim[3] = {found->info.lower, found->info.upper, asked->settings.tol};
  double *weights = WG_NEW(mem, double, count);
  if (!weights) return wg_no_memory();
  for (int64_t k = 0; k < count; k++)
    weights[k] = found->weights ? found->weights[k] : 1.0 / (double)count;
  const wg_certificate_array arrays[] = {
      wg_cli_array("weights", 1, count, 0, 0, weights),
      wg_cli_array("means", 2, count, d, 0, found->means),
      wg_cli_array("covs", 3, count, d, d, found->covs),
      wg_cli_array("mean", 1, d, 0, 0, found->mean),
      wg_cli_array("cov", 2, d, d, 0, found->cov),
      wg_cli_array("contractions", 3, count, d, d, found->contractions),
      wg_cli_array("q", 3, count, d, d, found->q),
      wg_cli_array("y", 3, count, d, d, found->y),
      wg_cli_array("claim", 1, 3, 0, 0, claim)};
  wg_certificate_file *file = NULL;
  const int status = wg_certificate_create(&file, "barycentre", found->gauge,
                                           sizeof arrays / sizeof *arrays, arrays);
  return wg_cli_write_certificate(asked->certificate, status, file);
}

/* Every Gaussian in one colour, the barycentre on top in another. */
static int draw(wg_mem *mem, const wg_barycentre_request *asked,
                const wg_barycentre_result *found) {
  static const char *const labels[] = {"given", "barycentre"};
  const int64_t count = found->count;
  wg_plot_curve *curves = WG_NEW(mem, wg_plot_curve, count + 1);
  double *points = WG_NEW(mem, double, 2 * WG_GAUSSIAN_POINTS * (count + 1));
  char title[WG_CLI_SENTENCE];
  if (!curves || !points) return wg_no_memory();
  for (int64_t k = 0; k <= count; k++) {
    const double *cov = k < count ? found->covs + 4 * k : found->cov;
    const double flat[3] = {cov[0], cov[1], cov[3]};
    double *curve = points + 2 * WG_GAUSSIAN_POINTS * k;
    wg_gaussian_ellipse(k < count ? found->means + 2 * k : found->mean, flat, curve);
    curves[k] = (wg_plot_curve){WG_GAUSSIAN_POINTS, curve, k == count};
  }
  wg_plot_plane plane = {.title = "two standard deviations",
                         .x_axis = "x1",
                         .y_axis = "x2",
                         .curve_count = count + 1,
                         .curves = curves};
  wg_gaussian_axes(&plane, true);
  snprintf(title, sizeof title, "%.200s: value %.6g (gap %.1g)", found->gauge, found->info.value,
           found->info.gap);
  const wg_plot_planes figure = {.title = title,
                                 .label_count = 2,
                                 .labels = labels,
                                 .count = 1,
                                 .columns = 1,
                                 .planes = &plane};
  return wg_plot_phase(asked->plot, &figure);
}

int wg_barycentre_write(wg_mem *mem, const wg_barycentre_request *asked,
                        const wg_barycentre_result *found) {
  int first = WG_EXIT_OK;
  if (asked->out) wg_cli_note(write_barycentre(asked->out, found), &first);
  if (asked->certificate) wg_cli_note(write_certificate(mem, asked, found), &first);
  if (asked->plot) wg_cli_note(draw(mem, asked, found), &first);
  if (asked->json) wg_cli_note(write_json(asked, found), &first);
  return first;
}
