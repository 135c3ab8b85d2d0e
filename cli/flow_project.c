/* wgamma flow --project: the particles of a run seen on the sphere, Pi_2, beside the flow of masses
 * on the sphere itself (theory 7), which is integrated by itself from the same start.
 *
 * Particle i is the direction x_i/|x_i| with the mass a_i |x_i|^2. The two are one flow when the
 * energy is of degree two; by how much they differ is the error of two integrations. Figures: on
 * the circle the masses as a smoothed histogram around it; on the sphere the paths of directions,
 * seen along two axes, what is behind in grey. */
#include <string.h>

#include "flow.h"
#include "plot/plot.h"

enum { DEFAULT_STEPS = 2000 };

/* ---- both flows ---- */

static void project_place(const wg_flow_job *job, const double *x, double *w, double *mass) {
  for (int64_t i = 0; i < job->n; i++) {
    double square = 0.0;
    for (int64_t k = 0; k < job->d; k++) square += x[i * job->d + k] * x[i * job->d + k];
    for (int64_t k = 0; k < job->d; k++) w[i * job->d + k] = x[i * job->d + k] / sqrt(square);
    mass[i] = square * (job->a ? job->a[i] : 1.0 / (double)job->n);
  }
}

static double largest_difference(int64_t count, const double *a, const double *b) {
  double most = 0.0;
  for (int64_t i = 0; i < count; i++) most = fmax(most, fabs(a[i] - b[i]));
  return most;
}

static double sum_of(int64_t count, const double *a) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; i++) sum += a[i];
  return sum;
}

/* Directions, and masses relative to all of it, of the place and of the flow on the sphere. */
static double compare(const wg_flow_job *job, const double *place, const double *w,
                      const double *mass, double *seen, double *seen_mass) {
  project_place(job, place, seen, seen_mass);
  return fmax(largest_difference(job->n * job->d, seen, w),
              largest_difference(job->n, seen_mass, mass) / sum_of(job->n, seen_mass));
}

static int follow(wg_flow_job *job, wg_projection *p) {
  const wg_trail *t = &job->trail;
  const int64_t n = job->n, size = n * job->d;
  const double end = job->info.time, asked = job->asked->settings.step;
  const double step = asked > 0.0 ? asked : end / DEFAULT_STEPS;
  double *w = WG_NEW(job->mem, double, size), *mass = WG_NEW(job->mem, double, n), now = 0.0;
  wg_settings settings;
  wg_settings_init(&settings);
  settings.threads = job->asked->settings.threads;
  settings.progress = job->asked->settings.progress;
  settings.progress_data = job->asked->settings.progress_data;
  if (!w || !mass) return wg_no_memory();
  project_place(job, job->x, w, mass);
  for (int64_t k = 0; k < t->count; k++) {
    wg_sphere_flow_info info;
    WG_TRY(wg_sphere_flow(job->energy, n, job->d, w, mass, job->asked->gauge, t->times[k] - now,
                          fmax(step, 1e-300), &settings, &info));
    if (info.outcome != WG_CERTIFIED) break;
    now = t->times[k];
    p->difference[k] =
        compare(job, t->points + k * size, w, mass, p->directions + k * size, p->masses + k * n);
    p->worst = fmax(p->worst, p->difference[k]);
    p->energy = info.energy;
    p->steps += info.steps;
    p->places++;
  }
  return WG_OK;
}

int wg_flow_project(wg_flow_job *job) {
  const int64_t count = job->trail.count;
  wg_projection *p = &job->projection;
  *p = (wg_projection){.energy = NAN};
  p->directions = WG_NEW(job->mem, double, count * job->n * job->d);
  p->masses = WG_NEW(job->mem, double, count * job->n);
  p->difference = WG_NEW(job->mem, double, count);
  if (!p->directions || !p->masses || !p->difference) return wg_no_memory();
  return follow(job, p);
}

/* ---- files ---- */

int wg_flow_write_projection(const wg_flow_job *job) {
  const wg_projection *p = &job->projection;
  const int64_t count = p->places, n = job->n;
  const wg_io_member members[] = {
      {.name = "times", .dtype = "<f8", .ndim = 1, .shape = {count}, .data = job->trail.times},
      {.name = "directions",
       .dtype = "<f8",
       .ndim = 3,
       .shape = {count, n, job->d},
       .data = p->directions},
      {.name = "masses", .dtype = "<f8", .ndim = 2, .shape = {count, n}, .data = p->masses},
      {.name = "difference", .dtype = "<f8", .ndim = 1, .shape = {count}, .data = p->difference}};
  return wg_io_write_npz(job->asked->project, sizeof members / sizeof *members, members);
}

json_t *wg_flow_projection_json(const wg_flow_job *job) {
  const wg_projection *p = &job->projection;
  if (!job->asked->project && !job->asked->project_plot) return json_null();
  return json_pack("{s:o, s:o, s:I, s:I}", "difference", wg_cli_real(p->worst), "end_energy",
                   wg_cli_real(p->energy), "steps", (json_int_t)p->steps, "places",
                   (json_int_t)p->places);
}

/* ---- figures ---- */

enum { ANGLES = 721, SHOWN = 3, MOST_PATHS = 400 };

/* The density of the masses around the circle, smoothed over some five degrees. */
static void histogram(const wg_flow_job *job, int64_t place, double density[ANGLES]) {
  const double pi = 3.141592653589793, sharpness = 130.0;
  const double *w = job->projection.directions + place * job->n * 2;
  const double *mass = job->projection.masses + place * job->n;
  for (int k = 0; k < ANGLES; k++) {
    const double angle = 2.0 * pi * k / (ANGLES - 1), east = cos(angle), north = sin(angle);
    density[k] = 0.0;
    for (int64_t i = 0; i < job->n; i++)
      density[k] += mass[i] * exp(sharpness * (w[2 * i] * east + w[2 * i + 1] * north - 1.0));
  }
}

static int draw_circle(wg_mem *mem, const wg_flow_job *job, const wg_plot_planes *frame) {
  static const char *const labels[SHOWN] = {"start", "half-way", "end"};
  const double pi = 3.141592653589793, height = 0.9;
  const int64_t places[SHOWN] = {0, job->projection.places / 2, job->projection.places - 1};
  double *density = WG_NEW(mem, double, SHOWN *ANGLES), most = 0.0;
  double *points = WG_NEW(mem, double, 2 * (SHOWN + 1) * ANGLES);
  wg_plot_curve curves[SHOWN + 1];
  if (!density || !points) return wg_no_memory();
  for (int s = 0; s < SHOWN; s++) histogram(job, places[s], density + s * ANGLES);
  for (int k = 0; k < SHOWN * ANGLES; k++) most = fmax(most, density[k]);
  for (int s = 0; s <= SHOWN; s++) {
    double *at = points + 2 * s * ANGLES;
    for (int k = 0; k < ANGLES; k++) {
      const double radius = 1.0 + (s < SHOWN ? height * density[s * ANGLES + k] / most : 0.0);
      at[2 * k] = radius * cos(2.0 * pi * k / (ANGLES - 1));
      at[2 * k + 1] = radius * sin(2.0 * pi * k / (ANGLES - 1));
    }
    curves[s] = (wg_plot_curve){ANGLES, at, s < SHOWN ? s : -1};
  }
  const wg_plot_plane plane = {.title = "masses around the circle",
                               .x_axis = "first coordinate",
                               .y_axis = "second coordinate",
                               .low = {-2.0, -2.0},
                               .high = {2.0, 2.0},
                               .curve_count = SHOWN + 1,
                               .curves = curves};
  wg_plot_planes figure = *frame;
  figure.label_count = SHOWN;
  figure.labels = labels;
  figure.count = figure.columns = 1;
  figure.planes = &plane;
  return wg_plot_phase(job->asked->project_plot, &figure);
}

/* Paths seen along the axis `away`: in front (1) or behind (-1), the others are gaps. */
static void see_paths(const wg_flow_job *job, int64_t paths, int64_t up, int64_t away, int side,
                      double *points) {
  const wg_projection *p = &job->projection;
  const int64_t places = p->places;
  for (int64_t i = 0; i < paths; i++)
    for (int64_t k = 0; k < places; k++) {
      const double *w = p->directions + (k * job->n + i) * job->d;
      const bool seen = side * w[away] >= 0.0;
      double *at = points + 2 * (i * (places + 1) + k);
      at[0] = seen ? w[0] : NAN;
      at[1] = seen ? w[up] : NAN;
    }
  for (int64_t i = 0; i < paths; i++)
    points[2 * (i * (places + 1) + places)] = points[2 * (i * (places + 1) + places) + 1] = NAN;
}

static int draw_view(wg_mem *mem, const wg_flow_job *job, int64_t up, int64_t away,
                     wg_plot_plane *plane) {
  const int64_t paths = WG_MIN(job->n, MOST_PATHS), places = job->projection.places;
  const int64_t length = paths * (places + 1);
  double *points = WG_NEW(mem, double, 4 * length), *rim = WG_NEW(mem, double, 2 * ANGLES);
  wg_plot_curve *curves = WG_NEW(mem, wg_plot_curve, 3);
  wg_plot_mark *marks = WG_NEW(mem, wg_plot_mark, paths);
  if (!points || !rim || !curves || !marks) return wg_no_memory();
  for (int k = 0; k < ANGLES; k++) {
    rim[2 * k] = cos(2.0 * 3.141592653589793 * k / (ANGLES - 1));
    rim[2 * k + 1] = sin(2.0 * 3.141592653589793 * k / (ANGLES - 1));
  }
  see_paths(job, paths, up, away, 1, points);
  see_paths(job, paths, up, away, -1, points + 2 * length);
  curves[0] = (wg_plot_curve){ANGLES, rim, -1};
  curves[1] = (wg_plot_curve){length, points, 0};
  curves[2] = (wg_plot_curve){length, points + 2 * length, -1};
  for (int64_t i = 0; i < paths; i++) {
    const double *w = job->projection.directions + ((places - 1) * job->n + i) * job->d;
    marks[i] = (wg_plot_mark){w[0], w[up], WG_PLOT_DOT, w[away] >= 0.0 ? 1 : -1};
  }
  *plane = (wg_plot_plane){.title = up == 1 ? "seen along the third axis" : "along the second",
                           .x_axis = "first coordinate",
                           .y_axis = up == 1 ? "second coordinate" : "third coordinate",
                           .low = {-1.1, -1.1},
                           .high = {1.1, 1.1},
                           .curve_count = 3,
                           .mark_count = paths,
                           .curves = curves,
                           .marks = marks};
  return WG_OK;
}

static int draw_sphere(wg_mem *mem, const wg_flow_job *job, const wg_plot_planes *frame) {
  static const char *const labels[] = {"paths in front", "ends in front"};
  wg_plot_plane planes[2];
  WG_TRY(draw_view(mem, job, 1, 2, &planes[0]));
  WG_TRY(draw_view(mem, job, 2, 1, &planes[1]));
  wg_plot_planes figure = *frame;
  figure.label_count = 2;
  figure.labels = labels;
  figure.count = figure.columns = 2;
  figure.planes = planes;
  return wg_plot_phase(job->asked->project_plot, &figure);
}

int wg_flow_plot_projection(const wg_flow_job *job) {
  char title[256];
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  if (job->projection.places == 0)
    return wg_fail(WG_ERR_ARGUMENT, "there is no place to draw; the flow was stopped at once");
  snprintf(title, sizeof title, "%s on the sphere, %.100s: both flows within %.1e",
           wg_energy_name(job->energy), job->gauge, job->projection.worst);
  const wg_plot_planes frame = {.title = title};
  int status = job->d == 2 ? draw_circle(&mem, job, &frame) : draw_sphere(&mem, job, &frame);
  wg_mem_clear(&mem);
  return status;
}
