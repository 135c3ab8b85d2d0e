/* Private to the files of wgamma reproduce: the experiments. */
#ifndef WG_CLI_REPRODUCE_H
#define WG_CLI_REPRODUCE_H

#include "cli.h"

/* Where an experiment puts its figures, and what it says. */
typedef struct wg_reproduction {
  const char *out;  /* a directory that is there          */
  const char *data; /* where the shipped data are, or NULL: in the usual places */
  FILE *text;       /* NULL: nothing is to be said         */
  int threads;
  wg_mem *mem;
  int outcome;        /* set: a wg_outcome                */
  int64_t peak_bytes; /* set: most of one solve           */
  json_t *own;        /* set: what goes into the document */
} wg_reproduction;

/* ---- reproduce_gaussians.c ---- */
int wg_reproduce_gaussians(wg_reproduction *run);

/* ---- reproduce_flows.c ---- */
int wg_reproduce_mmd(wg_reproduction *run);
int wg_reproduce_mlp(wg_reproduction *run);
int wg_reproduce_attention(wg_reproduction *run);

/* ---- reproduce_convexity.c ---- */
int wg_reproduce_convexity(wg_reproduction *run);

#endif
