/* Options of a subcommand from a table: names, what a value may be, where it goes.
 *
 * Why a table over getopt_long: the same option must mean the same, and be refused in the same
 * words, in every subcommand. Numbers are read to their last character: "--tol 1e-6x", "--tol nan"
 * or "--threads -1" is a mistake to report, not a number to guess. An option given twice is a
 * mistake too, for one of the two values would be dropped in silence. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* ---- values ---- */

/* strtod also takes blanks, hexadecimal, inf and nan: none of them is meant on a command line. */
bool wg_cli_read_real(const char *text, double *value) {
  char *end;
  if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0') return false;
  *value = strtod(text, &end);
  return *end == '\0' && isfinite(*value);
}

int wg_cli_check_gauge(const char *option, const char *gauge) {
  char text[WG_CLI_SENTENCE];
  int status = wg_gauge_canonical(gauge, 0, text, sizeof text);
  if (status != WG_ERR_ARGUMENT) return status;
  snprintf(text, sizeof text, "%s", wg_error_detail());
  return wg_fail(status, "%s: %s", option, text);
}

int wg_cli_fit_gauge(const char *option, const char *gauge, int64_t d, const char *path,
                     const char *shape) {
  char text[WG_CLI_SENTENCE];
  int status = wg_gauge_canonical(gauge, d, text, sizeof text);
  if (status == WG_OK) return WG_EXIT_OK;
  snprintf(text, sizeof text, "%s %.200s does not fit %.1000s of shape %s", option, gauge,
           wg_io_name(path), shape);
  return wg_cli_error_about(text, status);
}

int wg_cli_find_word(const char *word, int count, const char *const *words) {
  for (int k = 0; k < count; k++)
    if (!word || !strcmp(word, words[k])) return k;
  return -1;
}

/* Digits only, so no sign and no blank. */
static bool read_whole(const char *text, uint64_t most, uint64_t *value) {
  if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0') return false;
  errno = 0;
  *value = strtoull(text, NULL, 10);
  return errno == 0 && *value <= most;
}

static bool read_positive(const char *text, double *target) {
  double value;
  if (!wg_cli_read_real(text, &value) || !(value > 0)) return false;
  *target = value;
  return true;
}

/* From 0 up, below `end`. */
static bool read_amount(const char *text, double end, double *target) {
  double value;
  if (!wg_cli_read_real(text, &value) || !(value >= 0 && value < end)) return false;
  *target = value;
  return true;
}

bool wg_cli_read_count(const char *text, int64_t *target) {
  uint64_t value;
  if (!read_whole(text, INT64_MAX, &value) || value == 0) return false;
  *target = (int64_t)value;
  return true;
}

/* Digits, then K, M or G or nothing. */
static bool read_bytes(const char *text, int64_t *target) {
  static const char units[] = "KMG";
  char digits[24];
  size_t length = strlen(text);
  if (length == 0 || length >= sizeof digits) return false;
  const char *unit = strchr(units, toupper((unsigned char)text[length - 1]));
  memcpy(digits, text, length + 1);
  if (unit) digits[length - 1] = '\0';
  int shift = unit ? 10 * (int)(unit - units + 1) : 0;
  uint64_t value;
  if (!read_whole(digits, (uint64_t)INT64_MAX >> shift, &value) || value == 0) return false;
  *target = (int64_t)(value << shift);
  return true;
}

static bool read_threads(const char *text, int *target) {
  uint64_t value;
  if (!read_whole(text, 1024, &value)) return false;
  *target = (int)value;
  return true;
}

/* "--json --quiet" lacks a name; a file that is called --quiet can be given as ./--quiet. */
static bool read_text(const char *text, const char **target) {
  *target = text;
  return text[0] != '\0' && strncmp(text, "--", 2) != 0;
}

static bool read_value(const wg_cli_option *option, const char *text) {
  switch (option->kind) {
    case WG_CLI_FLAG: *(bool *)option->target = true; return true;
    case WG_CLI_TEXT: return read_text(text, option->target);
    case WG_CLI_POSITIVE: return read_positive(text, option->target);
    case WG_CLI_AMOUNT: return read_amount(text, INFINITY, option->target);
    case WG_CLI_SHARE: return read_amount(text, 1.0, option->target);
    case WG_CLI_COUNT: return wg_cli_read_count(text, option->target);
    case WG_CLI_BYTES: return read_bytes(text, option->target);
    case WG_CLI_THREADS: return read_threads(text, option->target);
    case WG_CLI_SEED: return read_whole(text, UINT64_MAX, option->target);
  }
  return false;
}

static const char *const wanted[] = {
    [WG_CLI_FLAG] = "give no value",
    [WG_CLI_TEXT] = "give a text that is not empty and not an option",
    [WG_CLI_POSITIVE] = "give a finite number above 0",
    [WG_CLI_AMOUNT] = "give a finite number from 0 up",
    [WG_CLI_SHARE] = "give a number from 0 up and below 1",
    [WG_CLI_COUNT] = "give a whole number from 1 up",
    [WG_CLI_BYTES] = "give a number of bytes from 1 up; K, M or G may follow",
    [WG_CLI_THREADS] = "give a whole number from 0 (all cores) to 1024",
    [WG_CLI_SEED] = "give a whole number from 0 to 18446744073709551615",
};

static int64_t count_times(const char *list) {
  int64_t count = 1;
  for (const char *c = list; *c; c++) count += *c == ',';
  return count;
}

int wg_cli_read_numbers(wg_mem *mem, const char *option, const char *list, int64_t *count,
                        double **numbers) {
  if (!list) return WG_OK;
  *count = count_times(list);
  *numbers = WG_NEW(mem, double, *count);
  char *at = WG_NEW(mem, char, strlen(list) + 1);
  if (!*numbers || !at) return wg_no_memory();
  memcpy(at, list, strlen(list) + 1);
  for (int64_t k = 0; k < *count; k++) {
    char *comma = strchr(at, ',');
    if (comma) *comma = '\0';
    if (!wg_cli_read_real(at, &(*numbers)[k]))
      return wg_fail(WG_ERR_ARGUMENT,
                     "%s '%s': '%s' is not usable: give finite numbers separated by commas", option,
                     list, at);
    at = comma ? comma + 1 : at;
  }
  return WG_OK;
}

int wg_cli_read_times(wg_mem *mem, const char *list, int64_t *count, double **times) {
  return wg_cli_read_numbers(mem, "--geodesic", list, count, times);
}

/* ---- the command line ---- */

enum { HELP = 'h', FIRST_VALUE = 256 }; /* values of long options lie beyond all letters */

/* Tables for getopt_long: one entry an option and help. */
static void make_tables(int count, const wg_cli_option *options, struct option *known,
                        char *letters) {
  *letters++ = ':';
  for (int k = 0; k < count; k++) {
    bool takes_value = options[k].kind != WG_CLI_FLAG;
    known[k] = (struct option){options[k].name, takes_value ? required_argument : no_argument, NULL,
                               FIRST_VALUE + k};
    if (!options[k].letter) continue;
    *letters++ = options[k].letter;
    if (takes_value) *letters++ = ':';
  }
  known[count] = (struct option){"help", no_argument, NULL, HELP};
  known[count + 1] = (struct option){NULL, 0, NULL, 0};
  *letters++ = HELP;
  *letters = '\0';
}

/* The option that getopt_long met, or -1. */
static int find_option(int count, const wg_cli_option *options, int met) {
  for (int k = 0; k < count; k++)
    if (met == FIRST_VALUE + k || (options[k].letter && met == options[k].letter)) return k;
  return -1;
}

/* Says what getopt_long stopped at. */
static int refuse_option(const char *command, int met, char **argv) {
  const char *given = argv[optind - 1];
  const char one[] = {'-', (char)optopt, '\0'}; /* a letter may stand among others: -qx */
  const char *option = !strncmp(given, "--", 2) ? given : one;
  if (met == ':') return wg_cli_usage(command, "option %s needs a value", option);
  return wg_cli_usage(command, "option %s is not known or takes no value", option);
}

int wg_cli_read_options(const char *command, int argc, char **argv, int count,
                        const wg_cli_option *options, bool *help) {
  struct option known[WG_CLI_MOST_OPTIONS + 2];
  char letters[2 * WG_CLI_MOST_OPTIONS + 3];
  bool given[WG_CLI_MOST_OPTIONS] = {false};
  make_tables(count, options, known, letters);
  opterr = 0;
  optind = 0; /* begin anew, whatever was parsed before */
  for (int met; (met = getopt_long(argc, argv, letters, known, NULL)) != -1;) {
    if ((*help = met == HELP)) return WG_EXIT_OK;
    int k = find_option(count, options, met);
    if (k < 0) return refuse_option(command, met, argv);
    if (given[k] && options[k].kind != WG_CLI_FLAG)
      return wg_cli_usage(command, "option --%s is given twice; keep one", options[k].name);
    given[k] = true;
    if (!read_value(&options[k], optarg))
      return wg_cli_usage(command, "--%s '%s' is not usable: %s", options[k].name, optarg,
                          wanted[options[k].kind]);
  }
  return WG_EXIT_OK;
}
