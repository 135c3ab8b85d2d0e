/* cli: the command `wgamma`, one file a subcommand. Sees wgamma.h, io and plot only. */
#ifndef WG_CLI_H
#define WG_CLI_H

#include <jansson.h>
#include <limits.h>

#include "io/io.h"

/* Exit statuses of every subcommand. */
enum {
  WG_EXIT_OK = 0,
  WG_EXIT_OPEN = 1,     /* solved, but not certified as asked; a claim refused */
  WG_EXIT_USAGE = 2,    /* the command line makes no sense               */
  WG_EXIT_INPUT = 3,    /* a file cannot be read, used, or written       */
  WG_EXIT_MEMORY = 4,   /* no memory, or beyond the limit                */
  WG_EXIT_INTERNAL = 5, /* a defect; please report it                    */
};

/* ---- subcommands: argv[0] is the name of the subcommand ---- */
int wg_cli_info(int argc, char **argv);
int wg_cli_demo(int argc, char **argv);
int wg_cli_gauge(int argc, char **argv);
int wg_cli_distance(int argc, char **argv);
int wg_cli_verify(int argc, char **argv);
int wg_cli_pairwise(int argc, char **argv);
int wg_cli_along(int argc, char **argv);
int wg_cli_gaussian(int argc, char **argv);
int wg_cli_barycentre(int argc, char **argv);
int wg_cli_moments(int argc, char **argv);
int wg_cli_reproduce(int argc, char **argv);
int wg_cli_sphere(int argc, char **argv);
int wg_cli_dynamic(int argc, char **argv);
int wg_cli_lmo(int argc, char **argv);
int wg_cli_polar(int argc, char **argv);
int wg_cli_flow(int argc, char **argv);
int wg_cli_convexity(int argc, char **argv);
int wg_cli_muon_step(int argc, char **argv);
int wg_cli_plot(int argc, char **argv);

/* ---- common.c ---- */
/* The exit status that a wg_status stands for. */
int wg_cli_exit(int status);
/* Prints "wgamma: <detail>" on standard error; returns wg_cli_exit(status). */
int wg_cli_error(int status);
/* The same for a detail that does not name the file or option: "wgamma: <culprit>: <detail>". */
int wg_cli_error_about(const char *culprit, int status);
/* Prints "wgamma COMMAND: <sentence>; see wgamma COMMAND --help"; returns WG_EXIT_USAGE. */
int wg_cli_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A failed call of a command in words; returns the exit status. */
int wg_cli_refuse(const char *command, int status);
/* Whether text goes to standard output: unless quiet, or JSON goes there. */
bool wg_cli_wants_text(bool quiet, const char *json);

/* Notes the failure of one of several outputs: says it at once, keeps the first exit status. */
void wg_cli_note(int status, int *first);

/* For people. A bound is shown with twelve digits, rounded outwards: the nearest such decimal not
 * above (direction -1) or not below (1) the value; a gap below what they show is only rounding. */
enum { WG_CLI_NUMBER = 40 };
#define WG_CLI_SMALLEST_GAP 1e-12
const char *wg_cli_outward(double value, int direction, char text[WG_CLI_NUMBER]);
const char *wg_cli_memory(int64_t bytes, char text[WG_CLI_NUMBER]); /* "1.5 MiB" */
const char *wg_cli_plural(int64_t count);                           /* "s", or "" for one */

/* JSON for the outside: numbers that are not finite become null, text that is not UTF-8 is shown
 * with '?'. NULL only without memory, which the containers of jansson pass on. */
json_t *wg_cli_real(double value);
json_t *wg_cli_text(const char *text);
json_t *wg_cli_list(int64_t count, const double *values);
json_t *wg_cli_table(int64_t rows, int64_t columns, const double *values); /* a list of rows */
/* {"lower", "upper", "gap"} of W^2; the gap is relative to upper. */
json_t *wg_cli_bounds(double lower, double upper);
/* The keys that begin the document of every command, then those of own, which is given up. gauge
 * and outcome may be NULL: null. */
json_t *wg_cli_document(const char *command, const char *gauge, const char *outcome, double seconds,
                        int64_t peak_bytes, json_t *own);
/* Writes the document, numbers so that they come back to the bit; path "-" is standard output.
 * Gives the document up, whatever happens; NULL is reported as missing memory. */
int wg_cli_write_json(const char *path, json_t *document);

/* ---- files.c ---- */
/* Reads an array; key is the member of an .npz and not asked of other files. Sets *used if it was
 * needed. */
int wg_cli_read_member(wg_mem *mem, const char *path, const char *key, bool *used,
                       wg_io_array *array);
/* WG_ERR_INPUT naming `name` unless the weights are >= 0 with sum one within the tolerance of
 * wg_setup. */
int wg_cli_check_weights(const char *name, int64_t count, const double *weights);
/* A file of the command line: the option or argument, and what it names (NULL: not given). */
typedef struct wg_cli_path {
  const char *option, *path;
} wg_cli_path;
/* Refuses, before anything is computed, outputs that cannot be written (WG_ERR_IO), and names that
 * stand for two things at once or for an input (WG_ERR_ARGUMENT). */
int wg_cli_check_paths(int outputs, const wg_cli_path *output, int inputs,
                       const wg_cli_path *input);

/* path = directory/name. */
int wg_cli_join(char path[PATH_MAX], const char *directory, const char *name);
/* Makes a directory and those above it, where they are not there. */
int wg_cli_make_directory(const char *path);

/* ---- certificate.c ---- */
/* An array of doubles for wg_certificate_create. */
wg_certificate_array wg_cli_array(const char *name, int ndim, int64_t n0, int64_t n1, int64_t n2,
                                  const double *data);
/* Writes a certificate and frees it, unless making it failed with that status; returns a status. */
int wg_cli_write_certificate(const char *path, int status, wg_certificate_file *file);

/* ---- shipped.c ---- */
/* Where the shipped file `probe` is: the directory asked for, or the first of the usual places. */
int wg_cli_find_data(const char *asked, const char *probe, const char **directory);

/* ---- options.c ---- */
/* What an option's value may be, and the type of its target. */
typedef enum wg_cli_kind {
  WG_CLI_FLAG,     /* no value; bool                                     */
  WG_CLI_TEXT,     /* not empty; const char *                            */
  WG_CLI_POSITIVE, /* finite and above 0; double                         */
  WG_CLI_AMOUNT,   /* finite and from 0 up; double                       */
  WG_CLI_SHARE,    /* from 0 up and below 1; double                      */
  WG_CLI_COUNT,    /* from 1 up; int64_t                                 */
  WG_CLI_BYTES,    /* from 1 up, K, M, G (powers of 1024); int64_t       */
  WG_CLI_THREADS,  /* 0 (all cores) to 1024; int                         */
  WG_CLI_SEED      /* 64 bits; uint64_t                                  */
} wg_cli_kind;
typedef struct wg_cli_option {
  const char *name;
  char letter; /* 0: none */
  wg_cli_kind kind;
  void *target; /* untouched when the option is not given */
} wg_cli_option;
enum { WG_CLI_MOST_OPTIONS = 48 };
/* Reads the options of a subcommand; optind is then the first of the other arguments. Values are
 * read to their last character and an option given twice is refused, both with WG_EXIT_USAGE. Stops
 * at --help, which every command has, with *help set. */
int wg_cli_read_options(const char *command, int argc, char **argv, int count,
                        const wg_cli_option *options, bool *help);
/* All of text as a finite number in decimal; false if it is none. */
bool wg_cli_read_real(const char *text, double *value);
/* The same for a whole number from 1 up. */
bool wg_cli_read_count(const char *text, int64_t *value);
/* The place of a word in a list; its first when none is given, -1 if it is not there. */
int wg_cli_find_word(const char *word, int count, const char *const *words);
/* The times of --geodesic, "0,0.25,1"; nothing is done for NULL. */
int wg_cli_read_times(wg_mem *mem, const char *list, int64_t *count, double **times);
/* One finite number a point of the file `points`, which has n; they are called
 * `one` and `many`. Nothing is
 * done for NULL. */
int wg_cli_read_weights(wg_mem *mem, const char *path, const char *one, const char *many,
                        const char *points, int64_t n, double **weights);
/* Finite numbers separated by commas, for any option; nothing is done for NULL. */
int wg_cli_read_numbers(wg_mem *mem, const char *option, const char *list, int64_t *count,
                        double **numbers);
/* For the text of a gauge, which can be long, or a sentence around a path. */
enum { WG_CLI_SENTENCE = 8192 };
/* WG_ERR_ARGUMENT naming the option if the text is no gauge in any dimension. */
int wg_cli_check_gauge(const char *option, const char *gauge);
/* An exit status; says that the gauge does not fit the d columns of a file, if so. */
int wg_cli_fit_gauge(const char *option, const char *gauge, int64_t d, const char *path,
                     const char *shape);

/* ---- progress.c ---- */
/* A solve that can be watched and interrupted. wg_cli_watch puts it into the settings; between
 * begin and end, progress is one line on standard error, where that is a terminal and quiet is
 * false, and SIGINT and SIGTERM stop the solve (the second one kills). */
typedef struct wg_cli_watcher {
  bool visible;
} wg_cli_watcher;
void wg_cli_watch(wg_cli_watcher *watcher, bool quiet, wg_settings *settings);
void wg_cli_watch_begin(void);
void wg_cli_watch_end(const wg_cli_watcher *watcher);

#endif
