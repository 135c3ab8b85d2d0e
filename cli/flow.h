/* Private to the files of wgamma flow: what was asked, the trail of places, the outputs. */
#ifndef WG_CLI_FLOW_H
#define WG_CLI_FLOW_H

#include "energy.h"

typedef struct wg_flow_request {
  const char *energy, *start, *weights, *gauge, *keys, *method, *times_text;
  const char *out, *log, *checkpoint, *resume, *json, *plot, *snapshots, *animate, *project;
  const char *project_plot;
  wg_cli_energy_asked asked;
  wg_flow_settings settings;
  double time, checkpoint_every;
  int64_t every, times_count;
  double *times; /* of --times, increasing */
  int64_t newton_steps, minibatch;
  bool quiet, help;
} wg_flow_request;

/* Places along the run: every `stride` steps and the end, or those of --times. */
typedef struct wg_trail {
  int64_t n, d, count, room, stride, seen; /* seen: steps since the run began */
  bool thins; /* every second place goes, and the stride doubles, when there are too many */
  double *times, *energies, *points; /* count; count; count x n x d     */
} wg_trail;

/* Pi_2 of the places of the trail, as far as the flow on the sphere came. */
typedef struct wg_projection {
  int64_t places, steps;
  double *directions, *masses; /* places x n x d; places x n                                   */
  double *difference;          /* places: largest, of a coordinate or of a mass over all mass */
  double worst, energy;        /* over all places; of the flow on the sphere at its end       */
} wg_projection;

typedef struct wg_flow_job {
  const wg_flow_request *asked;
  wg_mem *mem;
  int64_t n, d;
  double *x, *a; /* a NULL: uniform */
  char gauge[WG_CLI_SENTENCE], summary[2048];
  wg_energy *energy;
  wg_flow *flow;
  wg_trail trail;
  wg_projection projection;
  double last_save;
  int status; /* of what the step callback did */
  wg_flow_info info;
  double whole; /* minibatches: F of all data at the end */
  double seconds;
  int64_t peak_bytes;
} wg_flow_job;

/* ---- flow_trail.c ---- */
/* Notes the place if the stride says so; `always`: in any case, once. */
int wg_trail_note(wg_mem *mem, wg_trail *trail, double time, double energy, const double *x,
                  bool always);
/* Saves flow and trail, whole or not at all; and back. */
int wg_flow_checkpoint(const wg_flow_job *job, const char *path);
int wg_flow_restore(wg_flow_job *job, const char *path);

/* ---- flow_report.c ---- */
void wg_flow_print(const wg_flow_job *job);
int wg_flow_write_out(const wg_flow_job *job);
int wg_flow_write_log(const wg_flow_job *job);
int wg_flow_write_json(const wg_flow_job *job);
/* Figures and film, those that are asked for; failures as by wg_cli_note. */
void wg_flow_draw(const wg_flow_job *job, int *first);

/* ---- flow_project.c ---- */
/* After the run: the flow on the sphere to the times of the trail. */
int wg_flow_project(wg_flow_job *job);
int wg_flow_write_projection(const wg_flow_job *job);
int wg_flow_plot_projection(const wg_flow_job *job);
json_t *wg_flow_projection_json(const wg_flow_job *job); /* null when not asked */

#endif
