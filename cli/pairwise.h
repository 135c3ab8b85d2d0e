/* Private to the files of wgamma pairwise: what was asked, what was read, what came out. */
#ifndef WG_CLI_PAIRWISE_H
#define WG_CLI_PAIRWISE_H

#include "cli.h"

/* The command line. Paths that were not given are NULL. */
typedef struct wg_pairwise_request {
  int64_t files;
  char **names; /* of the clouds; none with stack */
  const char *stack, *weights, *key;
  const char *gauge;
  wg_settings settings;
  const char *out, *resume, *plot, *json;
  const char *journal; /* --resume, or beside --out; NULL: none */
  bool quiet, help;
} wg_pairwise_request;

typedef struct wg_pairwise_clouds {
  int64_t count, d;
  wg_points *each; /* count */
  char shape[WG_IO_SHAPE_TEXT];
} wg_pairwise_clouds;

/* Matrices are count x count and symmetric; a pair that is not known has NAN and outcome -1. */
typedef struct wg_pairwise_result {
  const wg_pairwise_clouds *clouds;
  char gauge[WG_CLI_SENTENCE];
  double *lower, *upper, *gap, *w;
  int64_t *outcome;
  unsigned char *known;             /* finished before */
  int64_t pairs, resumed, finished; /* in all; from the journal; in all so far */
  wg_io_journal *journal;
  const char *journal_path;
  int journal_status; /* the failure of an append, and its sentence */
  char journal_detail[1024];
  wg_pairwise_info info;
  int total_outcome; /* of all pairs, those of the journal too */
  int64_t peak_bytes;
} wg_pairwise_result;

/* ---- pairwise_read.c ---- */
/* All clouds with their weights, each entry checked; messages name files. */
int wg_pairwise_read(wg_mem *mem, const wg_pairwise_request *asked, wg_pairwise_clouds *clouds);

/* ---- pairwise_journal.c ---- */
/* Opens the journal and takes in what it knows. */
int wg_pairwise_resume(wg_mem *mem, const wg_pairwise_request *asked, wg_pairwise_result *found);
/* Appends a finished pair. */
int wg_pairwise_record(wg_io_journal *journal, const wg_pair *pair);
/* Enters a pair into the matrices. */
void wg_pairwise_enter(wg_pairwise_result *found, const wg_pair *pair);

/* ---- pairwise_report.c ---- */
void wg_pairwise_print(const wg_pairwise_request *asked, const wg_pairwise_result *found);
/* Writes matrices, figure and JSON as asked; returns an exit status. */
int wg_pairwise_write(const wg_pairwise_request *asked, const wg_pairwise_result *found);

#endif
