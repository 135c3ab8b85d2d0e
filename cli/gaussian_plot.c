/* The figure of wgamma gaussian: both Gaussians and three between them on their geodesic, as
 * ellipses that hold two standard deviations; for d > 2 on the plane in which the mass moves most,
 * that of the two leading eigenvectors of the moment; for d = 1 as densities.
 *
 * The projector on that plane is a subgradient of the Ky Fan gauge of order two, which the library
 * gives; its columns, made orthonormal, are a basis. */
#include <string.h>

#include "gaussian.h"

enum { STAGES = 5, POINTS = WG_GAUSSIAN_POINTS };
static const double stages[STAGES] = {0.0, 0.25, 0.5, 0.75, 1.0};

typedef struct picture {
  int64_t d;
  double *mean, *cov, *moment, *projector; /* d; d x d each */
  double *rows[2];                         /* d each: a basis of the plane */
  double curves[STAGES][2 * POINTS];
} picture;

static int allocate(wg_mem *mem, int64_t d, picture *p) {
  p->d = d;
  p->mean = WG_NEW(mem, double, d);
  p->cov = WG_NEW(mem, double, d *d);
  p->moment = WG_NEW(mem, double, d *d);
  p->projector = WG_NEW(mem, double, d *d);
  p->rows[0] = WG_NEW(mem, double, d);
  p->rows[1] = WG_NEW(mem, double, d);
  return p->mean && p->cov && p->moment && p->projector && p->rows[0] && p->rows[1]
             ? WG_OK
             : wg_no_memory();
}

/* ---- the plane ---- */

static double dot(int64_t d, const double *a, const double *b) {
  double sum = 0.0;
  for (int64_t i = 0; i < d; i++) sum += a[i] * b[i];
  return sum;
}

/* The longest column of the projector that is left when the first row of the basis is taken away.
 */
static void next_row(picture *p, int row) {
  const int64_t d = p->d;
  double longest = -1.0;
  int64_t chosen = 0;
  for (int64_t j = 0; j < d; j++) {
    double along = row ? dot(d, p->rows[0], p->projector + j * d) : 0.0;
    double left = dot(d, p->projector + j * d, p->projector + j * d) - along * along;
    if (left <= longest) continue;
    longest = left;
    chosen = j;
  }
  memcpy(p->rows[row], p->projector + chosen * d, (size_t)d * sizeof(double));
  double along = row ? dot(d, p->rows[0], p->rows[row]) : 0.0;
  for (int64_t i = 0; row && i < d; i++) p->rows[row][i] -= along * p->rows[0][i];
  double length = sqrt(dot(d, p->rows[row], p->rows[row]));
  for (int64_t i = 0; i < d && length > 0.0; i++) p->rows[row][i] /= length;
}

static int choose_plane(const wg_gaussian_result *found, picture *p) {
  const int64_t d = p->d;
  if (d <= 2) {
    for (int64_t i = 0; i < d; i++) p->rows[i][i] = 1.0;
    return WG_OK;
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      double shift =
          (found->mean[1][i] - found->mean[0][i]) * (found->mean[1][j] - found->mean[0][j]);
      p->moment[i * d + j] = shift + found->cov[0][i * d + j] + found->cov[1][i * d + j] -
                             found->k[i * d + j] - found->k[j * d + i];
    }
  /* Where nothing moves the projector is that of any plane. */
  WG_TRY(wg_gauge("kyfan:2", d, p->moment, NULL, p->projector, NULL));
  next_row(p, 0);
  next_row(p, 1);
  return WG_OK;
}

/* ---- curves ---- */

/* Mean and covariance on the plane. */
static void project(const picture *p, double mean[2], double cov[3]) {
  const int64_t d = p->d;
  cov[0] = cov[1] = cov[2] = 0.0;
  for (int r = 0; r < 2; r++) mean[r] = dot(d, p->rows[r], p->mean);
  for (int64_t i = 0; i < d; i++) {
    double first = dot(d, p->rows[0], p->cov + i * d), second = dot(d, p->rows[1], p->cov + i * d);
    cov[0] += p->rows[0][i] * first;
    cov[1] += p->rows[0][i] * second;
    cov[2] += p->rows[1][i] * second;
  }
}

void wg_gaussian_ellipse(const double mean[2], const double cov[3], double *curve) {
  const double deviations = 2.0;
  double a = sqrt(fmax(cov[0], 0.0)), b = a > 0.0 ? cov[1] / a : 0.0;
  double c = sqrt(fmax(cov[2] - b * b, 0.0));
  for (int k = 0; k < POINTS; k++) {
    double angle = 6.283185307179586 * (double)k / (POINTS - 1);
    curve[2 * k] = mean[0] + deviations * a * cos(angle);
    curve[2 * k + 1] = mean[1] + deviations * (b * cos(angle) + c * sin(angle));
  }
}

/* Within four standard deviations; a Dirac is a line as high as the figure. */
static void density(double mean, double variance, double *curve) {
  double deviation = sqrt(fmax(variance, 0.0)), reach = 4.0 * deviation;
  for (int k = 0; k < POINTS; k++) {
    double x = reach * (2.0 * (double)k / (POINTS - 1) - 1.0);
    curve[2 * k] = mean + x;
    curve[2 * k + 1] = deviation > 0.0 ? exp(-0.5 * (x / deviation) * (x / deviation)) /
                                             (2.5066282746310002 * deviation)
                                       : (double)k / (POINTS - 1);
  }
}

static int make_curves(const wg_gaussian_result *found, picture *p) {
  for (int k = 0; k < STAGES; k++) {
    double mean[2], cov[3];
    WG_TRY(wg_gaussian_geodesic(p->d, found->mean[0], found->cov[0], found->mean[1], found->cov[1],
                                found->k, stages[k], p->mean, p->cov));
    if (p->d == 1) {
      density(p->mean[0], p->cov[0], p->curves[k]);
      continue;
    }
    project(p, mean, cov);
    wg_gaussian_ellipse(mean, cov, p->curves[k]);
  }
  return WG_OK;
}

void wg_gaussian_axes(wg_plot_plane *plane, bool equal) {
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY}, half[2];
  for (int64_t k = 0; k < plane->curve_count; k++)
    for (int64_t j = 0; j < 2 * plane->curves[k].count; j++) {
      low[j % 2] = fmin(low[j % 2], plane->curves[k].points[j]);
      high[j % 2] = fmax(high[j % 2], plane->curves[k].points[j]);
    }
  for (int axis = 0; axis < 2; axis++) {
    half[axis] = 0.55 * (high[axis] - low[axis]);
    if (!(half[axis] > 0.0)) half[axis] = fmax(0.1 * fabs(low[axis]), 1e-3);
  }
  if (equal) half[0] = half[1] = fmax(half[0], half[1]);
  for (int axis = 0; axis < 2; axis++) {
    double middle = 0.5 * (low[axis] + high[axis]);
    plane->low[axis] = middle - half[axis];
    plane->high[axis] = middle + half[axis];
  }
}

int wg_gaussian_plot(wg_mem *mem, const wg_gaussian_request *asked,
                     const wg_gaussian_result *found) {
  static const char *const labels[STAGES] = {"t = 0", "1/4", "1/2", "3/4", "t = 1"};
  picture *p = WG_NEW(mem, picture, 1);
  wg_plot_curve curves[STAGES];
  char title[WG_CLI_SENTENCE];
  if (!p) return wg_no_memory();
  WG_TRY(allocate(mem, found->d, p));
  WG_TRY(choose_plane(found, p));
  WG_TRY(make_curves(found, p));
  for (int k = 0; k < STAGES; k++) curves[k] = (wg_plot_curve){POINTS, p->curves[k], k};
  wg_plot_plane plane = {.title = found->d > 2
                                      ? "two standard deviations, the plane that moves most"
                                  : found->d == 2 ? "two standard deviations"
                                                  : "densities",
                         .x_axis = found->d > 2 ? "first direction" : "x1",
                         .y_axis = found->d > 2    ? "second direction"
                                   : found->d == 2 ? "x2"
                                                   : "density",
                         .curve_count = STAGES,
                         .curves = curves};
  wg_gaussian_axes(&plane, p->d > 1);
  snprintf(title, sizeof title, "%.200s: W = %.6g (gap %.1g)", found->gauge, found->info.w,
           found->info.gap);
  const wg_plot_planes figure = {.title = title,
                                 .label_count = STAGES,
                                 .labels = labels,
                                 .count = 1,
                                 .columns = 1,
                                 .planes = &plane};
  return wg_plot_phase(asked->plot, &figure);
}
