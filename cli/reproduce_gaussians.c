/* The Gaussian panels: the flow of the linear two-layer network from a balanced diagonal start
 * (theory 6.1).
 *
 * Left, one mode in its cone |r| <= s: the leaves a b = const (p = 1) and a^(1/2) + b^(1/2) = const
 * (p = infinity) that a trajectory cannot leave, and trajectories to a target that cost rank for
 * large p. Right, two modes from s = (0.1, 10): the coefficients r of the predictor on their way to
 * four targets under six exponents, 24 flows until T = 18. A ring is a loss of rank, which has to
 * happen exactly where |beta| > 2^(p/(p-1)) s, or has not happened yet. */
#include <inttypes.h>

#include "plot/plot.h"
#include "reproduce.h"

enum { EXPONENTS = 6, TARGETS = 4, SAMPLES = 361, LEAVES = 6, LEAF_POINTS = 201, MOST_EVENTS = 3 };
static const double exponents[EXPONENTS] = {1.0, 1.2, 1.5, 2.0, 4.0, INFINITY};
static const char *const labels[EXPONENTS] = {"p = 1", "p = 1.2", "p = 1.5",
                                              "p = 2", "p = 4",   "p = \u221e"};
static const double targets[TARGETS][2] = {{1.0, 4.0}, {-1.0, 4.0}, {-0.3, -4.0}, {0.3, -4.0}};
static const double start[2] = {0.1, 10.0}, end = 18.0;

typedef struct flow {
  double points[2 * SAMPLES]; /* what is drawn */
  wg_plot_mark lost[MOST_EVENTS];
  int64_t lost_count;
  wg_moments_info info;
} flow;
typedef struct panels {
  flow one[EXPONENTS], two[TARGETS * EXPONENTS];
  double leaves[2 * LEAVES][2 * LEAF_POINTS];
  wg_plot_curve curves[EXPONENTS + 2 * LEAVES], paths[TARGETS * EXPONENTS];
  wg_plot_mark one_marks[EXPONENTS * MOST_EVENTS + 1];
  wg_plot_mark two_marks[TARGETS * (EXPONENTS * MOST_EVENTS + 1)];
} panels;

/* ---- flows ---- */

static int64_t modes_of(int64_t modes, const wg_moments *found, int64_t k, double point[2]) {
  double r[2] = {0}, a[2], b[2];
  int status = wg_moments_get_modes(found, k, r, a, b);
  point[0] = r[0];
  point[1] = modes == 1 ? 0.5 * (a[0] + b[0]) : r[1];
  return status;
}

/* Where a loss of rank happened: the sample just after it. */
static void note_losses(const flow *f, int colour, const wg_moments *found, const double *times,
                        flow *noted) {
  for (int64_t e = 0; e < f->info.events && noted->lost_count < MOST_EVENTS; e++) {
    wg_moments_event event;
    if (wg_moments_get_event(found, e, &event) < 0) return;
    if (event.kind != WG_MOMENTS_LOSES_A && event.kind != WG_MOMENTS_LOSES_B) continue;
    int64_t k = 0;
    while (k < f->info.samples - 1 && times[k] < event.time) k++;
    noted->lost[noted->lost_count++] =
        (wg_plot_mark){f->points[2 * k], f->points[2 * k + 1], WG_PLOT_RING, colour};
  }
}

/* Times are denser at the beginning, where everything happens. */
static void choose_times(double *times) {
  for (int k = 0; k < SAMPLES; k++) {
    double share = (double)k / (SAMPLES - 1);
    times[k] = end * share * share * share;
  }
}

static int run_flow(int64_t modes, const double *s0, const double *beta, int p, flow *f) {
  const double zero[2] = {0, 0};
  double times[SAMPLES];
  char gauge[32];
  wg_moments *found;
  choose_times(times);
  snprintf(gauge, sizeof gauge, "schatten:%g", exponents[p]);
  WG_TRY(wg_moments_modal(modes, s0, zero, beta, gauge, SAMPLES, times, NULL, &found));
  int status = wg_moments_get_info(found, &f->info);
  for (int64_t k = 0; k < f->info.samples && status == WG_OK; k++)
    status = (int)modes_of(modes, found, k, f->points + 2 * k);
  for (int64_t k = f->info.samples; k < SAMPLES; k++) f->points[2 * k] = NAN;
  if (status == WG_OK) note_losses(f, p, found, times, f);
  wg_moments_free(found);
  return status;
}

/* ---- panels ---- */

/* Leaves through (r, s) = (0, c): s^2 - r^2 = c^2, and a^(1/2) + b^(1/2) = 2 c^(1/2). */
static void make_leaves(panels *all) {
  for (int k = 0; k < LEAVES; k++) {
    double c = 0.05 * (k + 1);
    for (int j = 0; j < LEAF_POINTS; j++) {
      double share = (double)j / (LEAF_POINTS - 1), r = 2.0 * share - 1.0;
      double root = 2.0 * sqrt(c) * share, other = 2.0 * sqrt(c) - root;
      double *one = &all->leaves[k][2 * j], *infinite = &all->leaves[LEAVES + k][2 * j];
      one[0] = r;
      one[1] = hypot(r, c);
      infinite[0] = 0.5 * (root * root - other * other);
      infinite[1] = 0.5 * (root * root + other * other);
    }
  }
}

static int make_one_mode(panels *all, wg_plot_plane *plane) {
  const double s0 = start[0], beta = 0.45;
  int64_t marks = 0;
  make_leaves(all);
  for (int k = 0; k < EXPONENTS; k++) {
    flow *f = &all->one[k];
    WG_TRY(run_flow(1, &s0, &beta, k, f));
    all->curves[k] = (wg_plot_curve){f->info.samples, f->points, k};
    for (int64_t e = 0; e < f->lost_count; e++) all->one_marks[marks++] = f->lost[e];
  }
  for (int k = 0; k < 2 * LEAVES; k++)
    all->curves[EXPONENTS + k] = (wg_plot_curve){LEAF_POINTS, all->leaves[k], -1};
  all->one_marks[marks++] = (wg_plot_mark){0.0, s0, WG_PLOT_DOT, -1};
  *plane = (wg_plot_plane){.title = "one mode in the cone |r| \u2264 s, \u03b2 = 0.45",
                           .x_axis = "r",
                           .y_axis = "s",
                           .low = {-0.25, 0.0},
                           .high = {0.5, 0.75},
                           .curve_count = EXPONENTS + 2 * LEAVES,
                           .mark_count = marks,
                           .curves = all->curves,
                           .marks = all->one_marks};
  return WG_OK;
}

static int make_two_modes(panels *all, wg_plot_plane *plane) {
  int64_t marks = 0;
  for (int t = 0; t < TARGETS; t++) {
    for (int k = 0; k < EXPONENTS; k++) {
      flow *f = &all->two[t * EXPONENTS + k];
      WG_TRY(run_flow(2, start, targets[t], k, f));
      all->paths[t * EXPONENTS + k] = (wg_plot_curve){f->info.samples, f->points, k};
      for (int64_t e = 0; e < f->lost_count; e++) all->two_marks[marks++] = f->lost[e];
    }
    all->two_marks[marks++] = (wg_plot_mark){targets[t][0], targets[t][1], WG_PLOT_CROSS, -1};
  }
  *plane = (wg_plot_plane){.title = "two modes, s = (0.1, 10), four targets",
                           .x_axis = "r of the first mode",
                           .y_axis = "r of the second mode",
                           .low = {-1.25, -5.0},
                           .high = {1.25, 5.0},
                           .curve_count = TARGETS * EXPONENTS,
                           .mark_count = marks,
                           .curves = all->paths,
                           .marks = all->two_marks};
  return WG_OK;
}

/* ---- report ---- */

/* Beyond this target rank is lost, sooner or later. */
static double threshold(double p) {
  return p == 1.0 ? INFINITY : start[0] * (isinf(p) ? 2.0 : pow(2.0, p / (p - 1.0)));
}

static void judge(const flow *f, wg_reproduction *run) {
  if (f->info.outcome != WG_CERTIFIED) run->outcome = WG_GAP_OPEN;
  run->peak_bytes = WG_MAX(run->peak_bytes, f->info.peak_bytes);
}

static json_t *flow_json(int t, int k, const flow *f) {
  const char *outcome = wg_outcome_text(f->info.outcome);
  return json_pack("{s:o, s:[o, o], s:I, s:b, s:o, s:o, s:s}", "p", wg_cli_real(exponents[k]),
                   "target", wg_cli_real(targets[t][0]), wg_cli_real(targets[t][1]), "rank_losses",
                   (json_int_t)f->lost_count, "beyond_threshold",
                   fabs(targets[t][0]) > threshold(exponents[k]), "defect",
                   wg_cli_real(f->info.defect), "energy", wg_cli_real(f->info.energy), "outcome",
                   outcome);
}

static void report(const panels *all, wg_reproduction *run) {
  int64_t losses = 0, expected = 0;
  double worst = 0.0;
  json_t *flows = json_array();
  for (int t = 0; t < TARGETS; t++)
    for (int k = 0; k < EXPONENTS; k++) {
      const flow *f = &all->two[t * EXPONENTS + k];
      judge(f, run);
      losses += f->lost_count;
      expected += fabs(targets[t][0]) > threshold(exponents[k]);
      worst = WG_MAX(worst, f->info.defect);
      json_array_append_new(flows, flow_json(t, k, f));
    }
  for (int k = 0; k < EXPONENTS; k++) judge(&all->one[k], run);
  run->own = json_pack("{s:o, s:i, s:I, s:I, s:o}", "flows", flows, "cases", TARGETS * EXPONENTS,
                       "rank_losses", (json_int_t)losses, "rank_losses_foretold",
                       (json_int_t)expected, "worst_defect", wg_cli_real(worst));
  if (!run->text) return;
  fprintf(run->text,
          "%d flows of two modes to T = %g: %" PRId64 " losses of rank, %" PRId64
          " foretold by |beta| > 2^(p/(p-1)) s\n",
          TARGETS * EXPONENTS, end, losses, expected);
  fprintf(run->text, "energy law: off by at most %.0e of the energy\n", WG_MAX(worst, 1e-12));
}

int wg_reproduce_gaussians(wg_reproduction *run) {
  static const char *const names[] = {"gaussians.pdf", "gaussians.svg", "gaussians.png"};
  panels *all = WG_NEW(run->mem, panels, 1);
  wg_plot_plane planes[2];
  if (!all) return wg_no_memory();
  WG_TRY(make_one_mode(all, &planes[0]));
  WG_TRY(make_two_modes(all, &planes[1]));
  const wg_plot_planes figure = {.title =
                                     "Flow of the linear two-layer network, by exponent of "
                                     "the gauge; rings: loss of rank",
                                 .label_count = EXPONENTS,
                                 .labels = labels,
                                 .count = 2,
                                 .columns = 2,
                                 .planes = planes};
  for (int k = 0; k < 3; k++) {
    char path[PATH_MAX];
    WG_TRY(wg_cli_join(path, run->out, names[k]));
    WG_TRY(wg_plot_phase(path, &figure));
    if (run->text) fprintf(run->text, "%s\n", path);
  }
  report(all, run);
  return WG_OK;
}
