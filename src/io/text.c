/* Tables as text: numbers separated by commas, semicolons, tabs or blanks, with or without a line
 * of names, '#' comment lines and blank lines skipped, CRLF and a byte order mark forgiven.
 *
 * Two passes over the bytes: the first fixes separator, header, columns and the number of rows and
 * refuses ragged rows, the second converts. Memory is asked for once, exactly. The separator is the
 * one of the first line that counts: ';' before ',' before tab before blanks, because decimal
 * commas live in files separated by semicolons. That line is a header only if a field of it is no
 * number in any spelling: nan, inf, 0x1p3 and 1,5 do not make a header, so that a bad first row is
 * refused rather than skipped. A missing number has to be spelt (nan, NA): an empty field is an
 * error, since shifted columns look just like it. Cost O(bytes); memory: the array. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/parts.h"

/* ---- lines and fields ---- */

typedef struct slice {
  const char *text;
  size_t length;
} slice;
typedef struct reader {
  const char *name;
  const char *at, *end; /* what is not read yet */
  int64_t line;         /* number of the last line, from 1 */
} reader;

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static slice trim(slice s) {
  while (s.length && is_blank(s.text[0])) s.text++, s.length--;
  while (s.length && is_blank(s.text[s.length - 1])) s.length--;
  return s;
}

/* The next line that is neither blank nor a comment; false at the end. */
static bool next_line(reader *from, slice *line) {
  while (from->at < from->end) {
    const char *stop = memchr(from->at, '\n', (size_t)(from->end - from->at));
    if (!stop) stop = from->end;
    *line = (slice){from->at, (size_t)(stop - from->at)};
    from->at = stop < from->end ? stop + 1 : stop;
    from->line++;
    if (line->length && line->text[line->length - 1] == '\r') line->length--;
    slice content = trim(*line);
    if (content.length && content.text[0] != '#') return true;
  }
  return false;
}

/* The position after a quoted text that begins at `at`; a doubled quote is a quote. */
static size_t skip_quoted(slice line, size_t at) {
  for (at++; at < line.length; at++) {
    if (line.text[at] != '"') continue;
    if (at + 1 == line.length || line.text[at + 1] != '"') return at + 1;
    at++;
  }
  return at;
}

/* Takes the next field; *at passes it and its separator, and line.length + 1 says that there is
 * none left: "1," has two fields. */
static bool next_field(slice line, char separator, size_t *at, slice *field) {
  bool blanks = separator == ' ';
  if (blanks)
    while (*at < line.length && is_blank(line.text[*at])) (*at)++;
  if (*at > line.length || (blanks && *at == line.length)) return false;
  size_t start = *at, stop = start;
  while (stop < line.length && line.text[stop] == ' ') stop++; /* blanks before a quote */
  if (stop < line.length && line.text[stop] == '"') stop = skip_quoted(line, stop);
  while (stop < line.length && !(blanks ? is_blank(line.text[stop]) : line.text[stop] == separator))
    stop++;
  *field = trim((slice){line.text + start, stop - start});
  *at = stop + 1;
  return true;
}

static int64_t count_fields(slice line, char separator) {
  int64_t count = 0;
  slice field;
  for (size_t at = 0; next_field(line, separator, &at, &field);) count++;
  return count;
}

/* The first of ; , tab that stands outside quotes, in this order; else blanks. */
static char find_separator(slice line) {
  static const char candidates[] = ";,\t";
  for (const char *c = candidates; *c; c++)
    if (count_fields(line, *c) > 1) return *c;
  return ' ';
}

static slice unquote(slice field) {
  bool quoted = field.length >= 2 && field.text[0] == '"' && field.text[field.length - 1] == '"';
  return quoted ? trim((slice){field.text + 1, field.length - 2}) : field;
}

/* ---- numbers ---- */

enum { LONGEST_NUMBER = 1100 }; /* 767 digits and an exponent spell any float64 exactly */

static bool is_missing(const char *text) {
  static const char *const spellings[] = {"na", "n/a", "null", "none"};
  for (size_t k = 0; k < sizeof spellings / sizeof *spellings; k++)
    if (!strcasecmp(text, spellings[k])) return true;
  return false;
}

/* Digits and the marks that some country or programme puts between them: a number gone wrong. */
static bool is_spoilt_number(const char *text) {
  return strchr("0123456789+-.", text[0]) && strpbrk(text, "0123456789") &&
         text[strspn(text, "0123456789+-.,' \teE")] == '\0';
}

/* What can be wrong with a field. Only a word makes a line a header, so the two are told apart. */
static const char a_word[] = "is not a number; write one";
static const char empty_field[] = "is empty; write nan for a missing number";
static const char hexadecimal[] = "is hexadecimal; write it in decimal";
static const char too_large[] = "is beyond the range of float64; rescale the data";
static const char decimal_comma[] = "is not a number; write a decimal point, not a comma";
static const char spoilt[] = "is not a number as it is written; write it like -1.5e-3";

/* Converts a field; the answer is NULL, or one of the above. */
static const char *convert(slice field, double *value) {
  char text[LONGEST_NUMBER + 1], *end;
  field = unquote(field);
  if (field.length == 0) return empty_field;
  if (field.length > LONGEST_NUMBER) return a_word;
  memcpy(text, field.text, field.length);
  text[field.length] = '\0';
  *value = NAN;
  if (is_missing(text)) return NULL;
  errno = 0;
  *value = strtod(text, &end);
  bool whole = *end == '\0' && !isspace((unsigned char)text[0]);
  if (!whole && is_spoilt_number(text)) return strchr(text, ',') ? decimal_comma : spoilt;
  if (!whole) return a_word;
  if (!isnan(*value) && strpbrk(text, "xX")) return hexadecimal;
  return errno == ERANGE && isinf(*value) ? too_large : NULL;
}

/* ---- the table ---- */

typedef struct table {
  reader start; /* before the first line of numbers */
  char separator;
  bool header;
  int64_t rows, columns;
} table;

static bool is_header(slice line, char separator) {
  double value;
  slice field;
  for (size_t at = 0; next_field(line, separator, &at, &field);)
    if (convert(field, &value) == a_word) return true;
  return false;
}

static int ragged(const reader *from, int64_t expected, int64_t found, int64_t first) {
  return wg_fail(WG_ERR_INPUT,
                 "%s: line %" PRId64 " has %" PRId64 " field%s, expected %" PRId64
                 " as in line %" PRId64 "; give every line the same number of fields",
                 from->name, from->line, found, found == 1 ? "" : "s", expected, first);
}

/* First pass: everything but the numbers. */
static int survey(reader from, table *found) {
  slice line;
  found->start = from;
  if (!next_line(&from, &line))
    return wg_fail(WG_ERR_INPUT,
                   "%s holds no numbers, only comments or blank lines; write a row a line",
                   from.name);
  int64_t first = from.line;
  found->separator = find_separator(line);
  found->columns = count_fields(line, found->separator);
  found->header = is_header(line, found->separator);
  if (found->header) found->start = from;
  found->rows = found->header ? 0 : 1;
  for (; next_line(&from, &line); found->rows++) {
    int64_t fields = count_fields(line, found->separator);
    if (fields != found->columns) return ragged(&from, found->columns, fields, first);
  }
  if (found->rows == 0)
    return wg_fail(WG_ERR_INPUT,
                   "%s holds no numbers: line %" PRId64
                   " is a header and nothing follows; write a row a line",
                   from.name, first);
  return WG_OK;
}

static int convert_line(const reader *from, slice line, char separator, double *row) {
  slice field;
  size_t at = 0;
  for (int64_t column = 0; next_field(line, separator, &at, &field); column++) {
    const char *trouble = convert(field, &row[column]);
    char text[48];
    if (trouble)
      return wg_fail(WG_ERR_INPUT, "%s: line %" PRId64 ", column %" PRId64 ": '%s' %s", from->name,
                     from->line, column + 1,
                     wg_io_quote(text, sizeof text, field.text, field.length), trouble);
  }
  return WG_OK;
}

static int convert_lines(const table *found, double *data) {
  reader from = found->start;
  slice line;
  for (int64_t row = 0; next_line(&from, &line); row++)
    WG_TRY(convert_line(&from, line, found->separator, data + row * found->columns));
  return WG_OK;
}

static const char *format_of(char separator) {
  return separator == ' ' ? "text" : separator == '\t' ? "tsv" : "csv";
}

int wg_io_parse_text(wg_mem *mem, wg_io_bytes bytes, wg_io_array *array) {
  static const char mark[] = "\xEF\xBB\xBF";
  const char *text = (const char *)bytes.data;
  reader from = {.name = bytes.name, .at = text, .end = text + bytes.size};
  const char *zero = memchr(text, '\0', bytes.size);
  if (zero)
    return wg_fail(WG_ERR_INPUT,
                   "%s is neither npy, npz nor text (byte %td is zero); save it with np.save",
                   bytes.name, zero - text);
  if (bytes.size >= 3 && !memcmp(text, mark, 3)) from.at += 3;
  table found = {.separator = ' '};
  WG_TRY(survey(from, &found));
  int64_t count = found.rows * found.columns; /* at most the bytes of the file */
  double *data = WG_NEW(mem, double, count);
  if (!data) return wg_no_memory();
  int status = convert_lines(&found, data);
  if (status < 0) {
    wg_drop(mem, data);
    return status;
  }
  *array = (wg_io_array){.data = data,
                         .ndim = 2,
                         .shape = {found.rows, found.columns},
                         .count = count,
                         .dtype = "text",
                         .header = found.header};
  snprintf(array->format, sizeof array->format, "%s", format_of(found.separator));
  return WG_OK;
}
