/* wgamma plot TABLE --out FIGURE: a table as lines, its first column along the axis.
 *
 * For losses, energies and times that examples and other programs print. Names come from the line
 * of names of a text table where there is one. Cost O(entries); memory: the table. */
#include "plot/plot.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static const char usage[] =
    "usage: wgamma plot TABLE --out FIGURE [options]\n"
    "Draws the columns of a table as lines over its first column. TABLE is a text table, whose\n"
    "first line may hold names, or an .npy or .npz array of shape (rows, columns), 2 to 9 "
    "columns;\n"
    "- is standard input. Numbers that are not finite are gaps.\n"
    "  --out FIGURE  ends in .pdf, .svg or .png\n"
    "  --log         logarithmic scale of the lines; what is not positive is a gap\n"
    "  --title TEXT  above the lines\n"
    "  --key NAME    the member of an .npz\n"
    "  --json FILE   writes a report (-: to standard output, in the place of the text)\n"
    "  --quiet       prints nothing\n"
    "Exit status: 0 drawn, 2 usage, 3 unusable file, 4 memory, 5 internal error.\n";

enum { MOST_COLUMNS = 9 };

typedef struct options {
  const char *table, *out, *title, *key, *json;
  bool logarithmic, quiet, help;
} options;

typedef struct result {
  wg_io_array array;
  char *names[MOST_COLUMNS];
  double seconds;
  int64_t peak_bytes;
} result;

/* ---- the table ---- */

/* The first line that is no comment and not blank. */
static const char *first_line(wg_io_bytes bytes, size_t *length) {
  const char *at = (const char *)bytes.data, *end = at + bytes.size;
  if (bytes.size >= 3 && !memcmp(at, "\xEF\xBB\xBF", 3)) at += 3;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    *length = (size_t)((stop ? stop : end) - at);
    if (*length > 0 && at[*length - 1] == '\r') --*length;
    size_t blank = 0;
    while (blank < *length && (at[blank] == ' ' || at[blank] == '\t')) blank++;
    if (blank < *length && at[blank] != '#') return at;
    at += *length;
    while (at < end && (*at == '\n' || *at == '\r')) at++;
  }
  *length = 0;
  return end;
}

static char *copied(wg_mem *mem, const char *text, size_t length) {
  char quoted[200]; /* printable, whatever the file holds */
  wg_io_quote(quoted, sizeof quoted, text, length);
  char *copy = WG_NEW(mem, char, strlen(quoted) + 1);
  if (copy) memcpy(copy, quoted, strlen(quoted) + 1);
  return copy;
}

/* Cuts the next field off a line. */
static const char *next_field(char separator, const char **line, size_t *left, size_t *length) {
  while (*left > 0 && (**line == ' ' || **line == '\t')) ++*line, --*left;
  const char *field = *line, *stop = *left ? memchr(field, separator, *left) : NULL;
  *length = stop ? (size_t)(stop - field) : *left;
  size_t taken = *length + (stop != NULL);
  *line += taken;
  *left -= taken;
  while (*length > 0 && (field[*length - 1] == ' ' || field[*length - 1] == '\t')) --*length;
  return field;
}

/* The fields of the line of names; "column 2" and so on where there are none. */
static int read_names(wg_mem *mem, wg_io_bytes bytes, result *found) {
  size_t left = 0, length;
  const char *line = found->array.header ? first_line(bytes, &left) : "";
  char number[32], separator = ' ';
  for (const char *c = ";,\t"; *c && separator == ' '; c++)
    if (memchr(line, *c, left)) separator = *c;
  for (int64_t k = 0; k < found->array.shape[1]; k++) {
    const char *field = next_field(separator, &line, &left, &length);
    snprintf(number, sizeof number, "column %d", (int)k + 1);
    found->names[k] = length ? copied(mem, field, length) : copied(mem, number, strlen(number));
    if (!found->names[k]) return wg_no_memory();
  }
  return WG_OK;
}

static int read_table(wg_mem *mem, const options *asked, result *found) {
  char text[WG_IO_SHAPE_TEXT];
  wg_io_bytes bytes;
  WG_TRY(wg_io_load(mem, asked->table, &bytes));
  WG_TRY(wg_io_parse(mem, bytes, asked->key, &found->array));
  const wg_io_array *a = &found->array;
  if (a->ndim != 2 || a->shape[0] < 1 || a->shape[1] < 2 || a->shape[1] > MOST_COLUMNS)
    return wg_fail(
        WG_ERR_INPUT, "%s has shape %s; a table to draw has rows, and from 2 to %d columns",
        wg_io_name(asked->table), wg_io_shape_text(text, a->ndim, a->shape), MOST_COLUMNS);
  return read_names(mem, bytes, found);
}

static int draw(wg_mem *mem, const options *asked, result *found) {
  const wg_cli_path outputs[] = {{"--out", asked->out}, {"--json", asked->json}};
  const wg_cli_path inputs[] = {{"TABLE", asked->table}};
  double start = wg_now();
  WG_TRY(wg_cli_check_paths(2, outputs, 1, inputs));
  WG_TRY(read_table(mem, asked, found));
  const wg_plot_lines lines = {.title = asked->title ? asked->title : "",
                               .axis = found->names[0],
                               .logarithmic = asked->logarithmic,
                               .rows = found->array.shape[0],
                               .count = found->array.shape[1] - 1,
                               .labels = (const char *const *)found->names + 1,
                               .table = found->array.data};
  WG_TRY(wg_plot_table(asked->out, &lines));
  found->seconds = wg_now() - start;
  found->peak_bytes = (int64_t)mem->ledger->peak;
  return WG_OK;
}

/* ---- the command ---- */

static int read_command_line(int argc, char **argv, options *asked) {
  const wg_cli_option known[] = {
      {"out", 'o', WG_CLI_TEXT, &asked->out},   {"log", 0, WG_CLI_FLAG, &asked->logarithmic},
      {"title", 0, WG_CLI_TEXT, &asked->title}, {"key", 'k', WG_CLI_TEXT, &asked->key},
      {"json", 'j', WG_CLI_TEXT, &asked->json}, {"quiet", 'q', WG_CLI_FLAG, &asked->quiet}};
  int exit_status =
      wg_cli_read_options("plot", argc, argv, sizeof known / sizeof *known, known, &asked->help);
  if (exit_status != WG_EXIT_OK || asked->help) return exit_status;
  if (argc - optind != 1) return wg_cli_usage("plot", "one TABLE is wanted, got %d", argc - optind);
  if (!asked->out) return wg_cli_usage("plot", "--out FIGURE is missing");
  if (wg_plot_check_path(asked->out) < 0) return wg_cli_usage("plot", "%s", wg_error_detail());
  asked->table = argv[optind];
  return WG_EXIT_OK;
}

static json_t *result_json(const result *found) {
  json_t *lines = json_array();
  for (int64_t k = 1; k < found->array.shape[1]; k++)
    json_array_append_new(lines, wg_cli_text(found->names[k]));
  json_t *own = json_pack("{s:I, s:o, s:o}", "rows", (json_int_t)found->array.shape[0], "axis",
                          wg_cli_text(found->names[0]), "lines", lines);
  return wg_cli_document("plot", NULL, "drawn", found->seconds, found->peak_bytes, own);
}

int wg_cli_plot(int argc, char **argv) {
  options asked = {.quiet = false};
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  result found = {.seconds = 0.0};
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (asked.help) {
    fputs(usage, stdout);
    return WG_EXIT_OK;
  }
  int status = draw(&mem, &asked, &found);
  if (status == WG_OK && wg_cli_wants_text(asked.quiet, asked.json))
    printf("%s: %d lines of %" PRId64 " points\n", asked.out, (int)found.array.shape[1] - 1,
           found.array.shape[0]);
  if (status == WG_OK && asked.json) status = wg_cli_write_json(asked.json, result_json(&found));
  wg_mem_clear(&mem);
  return status < 0 ? wg_cli_error(status) : WG_EXIT_OK;
}
