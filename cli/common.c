/* What all subcommands share: exit statuses, errors on standard error, JSON documents.
 * Why one place: a script that calls wgamma must meet the same words and the same statuses whatever
 * subcommand fails. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int wg_cli_exit(int status) {
  if (status >= 0) return WG_EXIT_OK;
  switch (status) {
    case WG_ERR_ARGUMENT: return WG_EXIT_USAGE;
    case WG_ERR_INPUT:
    case WG_ERR_IO: return WG_EXIT_INPUT;
    case WG_ERR_MEMORY:
    case WG_ERR_MEMORY_LIMIT: return WG_EXIT_MEMORY;
    default: return WG_EXIT_INTERNAL;
  }
}

int wg_cli_error(int status) {
  fprintf(stderr, "wgamma: %s\n", wg_error_detail());
  return wg_cli_exit(status);
}

int wg_cli_error_about(const char *culprit, int status) {
  fprintf(stderr, "wgamma: %s: %s\n", culprit, wg_error_detail());
  return wg_cli_exit(status);
}

int wg_cli_usage(const char *command, const char *format, ...) {
  va_list arguments;
  fprintf(stderr, "wgamma %s: ", command);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, "; see wgamma %s --help\n", command);
  return WG_EXIT_USAGE;
}

int wg_cli_refuse(const char *command, int status) {
  if (status == WG_ERR_ARGUMENT) return wg_cli_usage(command, "%s", wg_error_detail());
  if (status == WG_ERR_MEMORY_LIMIT) return wg_cli_error_about("--memory-limit", status);
  return wg_cli_error(status);
}

void wg_cli_note(int status, int *first) {
  if (status >= 0) return;
  int exit_status = wg_cli_error(status);
  if (*first == WG_EXIT_OK) *first = exit_status;
}

bool wg_cli_wants_text(bool quiet, const char *json) {
  return !quiet && !(json && !strcmp(json, "-"));
}

const char *wg_cli_plural(int64_t count) { return count == 1 ? "" : "s"; }

const char *wg_cli_outward(double value, int direction, char text[WG_CLI_NUMBER]) {
  double unit = value != 0 ? pow(10.0, floor(log10(fabs(value))) - 11.0) : 0.0;
  double shift = 0.0;
  do {
    snprintf(text, WG_CLI_NUMBER, "%.12g", value + direction * shift);
    shift += unit;
  } while (direction * (strtod(text, NULL) - value) < 0);
  return text;
}

const char *wg_cli_memory(int64_t bytes, char text[WG_CLI_NUMBER]) {
  static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double size = (double)bytes;
  int unit = 0;
  for (; size >= 1024 && unit < 4; unit++) size /= 1024;
  snprintf(text, WG_CLI_NUMBER, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
  return text;
}

json_t *wg_cli_real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

json_t *wg_cli_text(const char *text) {
  json_t *string = json_string(text);
  if (string) return string;
  char *plain = strdup(text);
  for (char *c = plain; plain && *c; c++)
    if ((unsigned char)*c >= 0x80) *c = '?';
  string = plain ? json_string(plain) : NULL;
  free(plain);
  return string;
}

json_t *wg_cli_bounds(double lower, double upper) {
  double gap = upper > 0 ? (upper - lower) / upper : 0.0;
  return json_pack("{s:o, s:o, s:o}", "lower", wg_cli_real(lower), "upper", wg_cli_real(upper),
                   "gap", wg_cli_real(gap));
}

json_t *wg_cli_list(int64_t count, const double *values) {
  json_t *list = json_array();
  for (int64_t k = 0; k < count; k++) json_array_append_new(list, wg_cli_real(values[k]));
  return list;
}

json_t *wg_cli_table(int64_t rows, int64_t columns, const double *values) {
  json_t *table = json_array();
  for (int64_t i = 0; i < rows; i++)
    json_array_append_new(table, wg_cli_list(columns, values + i * columns));
  return table;
}

json_t *wg_cli_document(const char *command, const char *gauge, const char *outcome, double seconds,
                        int64_t peak_bytes, json_t *own) {
  json_t *json =
      json_pack("{s:s, s:s, s:o, s:s?, s:o, s:I}", "command", command, "version", wg_version(),
                "gauge", gauge ? wg_cli_text(gauge) : json_null(), "outcome", outcome, "seconds",
                wg_cli_real(seconds), "peak_bytes", (json_int_t)peak_bytes);
  if (json_object_update(json, own) < 0) { /* also when one of them could not be made */
    json_decref(json);
    json = NULL;
  }
  json_decref(own);
  return json;
}

int wg_cli_write_json(const char *path, json_t *document) {
  const size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(17);
  char *text = document ? json_dumps(document, flags) : NULL;
  json_decref(document);
  if (!text) return wg_fail(WG_ERR_MEMORY, "out of memory for the JSON document %s", path);
  size_t length = strlen(text);
  text[length] = '\n'; /* in the place of the terminator */
  int status = wg_io_write_bytes(path, text, length + 1);
  free(text);
  return status;
}
