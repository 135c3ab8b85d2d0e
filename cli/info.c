/* wgamma info FILE: what a file holds, said before a long solve refuses it.
 *
 * Arrays are described even where no solve would take them (non-finite entries, any number of
 * dimensions): rows are all axes but the last, columns the last. Statistics run over finite
 * entries. Duplicate rows are found with a table of hashes. Cost O(entries); memory: the array and
 * 16 bytes a row. A certificate is read and its checksum compared; its claim is checked by wgamma
 * verify. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static const char usage[] =
    "usage: wgamma info FILE [--key NAME] [--json FILE] [--quiet]\n"
    "Says what FILE holds: an .npy or .npz array, a text table or a certificate; - is standard\n"
    "input.\n"
    "  --key NAME   the member of an .npz; without it, several members are listed\n"
    "  --json FILE  writes the same as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet      prints nothing\n"
    "Exit status: 0 described, 2 usage, 3 unusable file, 4 memory, 5 internal error.\n";

typedef struct options {
  const char *path, *key, *json;
  bool quiet, help;
} options;

/* Text and document say the same. */
typedef struct report {
  FILE *text; /* NULL: none wanted */
  json_t *json;
  const char *gauge; /* of a certificate; else NULL */
} report;

/* ---- statistics ---- */

enum { SHOWN_COLUMNS = 16 };

typedef struct span {
  int64_t finite;
  double low, high;
  wg_sum sum;
} span;
typedef struct summary {
  int64_t rows, columns, shown; /* shown: columns described one by one */
  span each[SHOWN_COLUMNS], rest;
  int64_t not_finite, first_row, first_column; /* the first entry that is not finite */
  int64_t duplicates;                          /* rows equal to an earlier one */
  int64_t negative;
  double total;
} summary;

static double mean_of(const span *s) {
  return s->finite ? wg_sum_value(s->sum) / (double)s->finite : NAN;
}

static void widen(span *s, double value) {
  s->low = s->finite ? WG_MIN(s->low, value) : value;
  s->high = s->finite ? WG_MAX(s->high, value) : value;
  s->finite++;
  wg_sum_add(&s->sum, value);
}

static void measure_entries(const wg_io_array *array, summary *found) {
  wg_sum total = {0, 0};
  for (int64_t k = 0; k < array->count; k++) {
    double value = array->data[k];
    int64_t row = k / found->columns, column = k % found->columns;
    if (isfinite(value)) {
      widen(column < found->shown ? &found->each[column] : &found->rest, value);
      wg_sum_add(&total, value);
      found->negative += value < 0;
    } else if (found->not_finite++ == 0) {
      found->first_row = row;
      found->first_column = column;
    }
  }
  found->total = wg_sum_value(total);
}

static uint64_t hash_row(const double *row, int64_t columns) {
  wg_rng mixer = {0};
  for (int64_t j = 0; j < columns; j++) {
    double value = row[j] + 0.0; /* -0.0 equals 0.0 */
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    mixer.state ^= bits;
    mixer.state = wg_rng_bits(&mixer);
  }
  return mixer.state;
}

static bool same_row(const double *one, const double *other, int64_t columns) {
  for (int64_t j = 0; j < columns; j++)
    if (one[j] != other[j]) return false;
  return true;
}

/* Rows with a NaN equal nothing. Open addressing; a slot holds a row plus one. */
static int count_duplicates(wg_mem *mem, const wg_io_array *array, summary *found) {
  uint64_t slots = 2;
  while (slots < 2 * (uint64_t)found->rows) slots *= 2;
  int64_t *table = WG_NEW(mem, int64_t, slots);
  if (!table) return wg_no_memory();
  for (int64_t i = 0; i < found->rows; i++) {
    const double *row = array->data + i * found->columns;
    uint64_t slot = hash_row(row, found->columns) & (slots - 1);
    while (table[slot] &&
           !same_row(row, array->data + (table[slot] - 1) * found->columns, found->columns))
      slot = (slot + 1) & (slots - 1);
    if (table[slot])
      found->duplicates++;
    else
      table[slot] = i + 1;
  }
  wg_drop(mem, table);
  return WG_OK;
}

static int summarise(wg_mem *mem, const wg_io_array *array, summary *found) {
  *found = (summary){.columns = array->ndim >= 2 ? array->shape[array->ndim - 1] : 1};
  if (array->count == 0) return WG_OK;
  found->rows = array->count / found->columns;
  found->shown = WG_MIN(found->columns, (int64_t)SHOWN_COLUMNS);
  measure_entries(array, found);
  return count_duplicates(mem, array, found);
}

/* ---- words ---- */

static json_t *shape_json(int ndim, const int64_t *shape) {
  json_t *list = json_array();
  for (int k = 0; k < ndim; k++) json_array_append_new(list, json_integer(shape[k]));
  return list;
}

/* Why an array is not a vector of weights; NULL if it is. */
static const char *not_weights(const wg_io_array *array, const summary *found) {
  int64_t count;
  const double tolerance = 1e-6; /* of wg_setup */
  if (wg_io_check_vector("", array, &count) < 0) return "not a vector";
  if (found->not_finite) return "entries are not finite";
  if (found->negative) return "entries are negative";
  if (fabs(found->total - 1) > tolerance) return "the sum is not one";
  return NULL;
}

static void print_span(FILE *text, const char *title, const span *s) {
  fprintf(text, "  %-14s", title);
  if (s->finite)
    fprintf(text, "min %.9g  max %.9g  mean %.9g\n", s->low, s->high, mean_of(s));
  else
    fprintf(text, "no finite entry\n");
}

static void print_columns(FILE *text, const summary *found) {
  char title[64];
  for (int64_t j = 0; j < found->shown; j++) {
    snprintf(title, sizeof title, "column %" PRId64, j);
    print_span(text, title, &found->each[j]);
  }
  if (found->shown == found->columns) return;
  snprintf(title, sizeof title, "columns %" PRId64 "-%" PRId64, found->shown, found->columns - 1);
  print_span(text, title, &found->rest);
}

static void print_layout(FILE *text, const char *path, const wg_io_array *array) {
  char shape[WG_IO_SHAPE_TEXT];
  bool is_text = !strcmp(array->dtype, "text");
  fprintf(text, "%s: %s\n  %-14s%s\n", wg_io_name(path), array->format, "shape",
          wg_io_shape_text(shape, array->ndim, array->shape));
  if (is_text)
    fprintf(text, "  %-14s%s\n", "header", array->header ? "yes" : "no");
  else
    fprintf(text, "  %-14s%s, %s order\n", "dtype", array->dtype,
            array->fortran_order ? "Fortran" : "C");
}

static void print_array(FILE *text, const char *path, const wg_io_array *array,
                        const summary *found) {
  const char *objection = not_weights(array, found);
  print_layout(text, path, array);
  if (array->count) print_columns(text, found);
  fprintf(text, "  %-14s", "not finite");
  if (found->not_finite)
    fprintf(text, "%" PRId64 " entries, the first in row %" PRId64 ", column %" PRId64 "\n",
            found->not_finite, found->first_row, found->first_column);
  else
    fprintf(text, "none\n");
  fprintf(text, "  %-14s%" PRId64 " of %" PRId64 " rows equal an earlier one\n", "duplicates",
          found->duplicates, found->rows);
  fprintf(text, "  %-14s", "weights");
  if (objection)
    fprintf(text, "no: %s\n", objection);
  else
    fprintf(text, "yes: non-negative, sum %.17g\n", found->total);
}

static json_t *span_json(const span *s) {
  bool any = s->finite > 0;
  return json_pack("{s:o, s:o, s:o, s:I}", "min", wg_cli_real(any ? s->low : NAN), "max",
                   wg_cli_real(any ? s->high : NAN), "mean", wg_cli_real(mean_of(s)), "finite",
                   (json_int_t)s->finite);
}

static json_t *columns_json(const summary *found) {
  json_t *list = json_array();
  for (int64_t j = 0; j < found->shown; j++)
    json_array_append_new(list, span_json(&found->each[j]));
  return list;
}

static json_t *not_finite_json(const summary *found) {
  if (!found->not_finite) return json_pack("{s:i}", "count", 0);
  return json_pack("{s:I, s:[I, I]}", "count", (json_int_t)found->not_finite, "first",
                   (json_int_t)found->first_row, (json_int_t)found->first_column);
}

static void add_array_json(json_t *json, const wg_io_array *array, const summary *found) {
  json_object_set_new(json, "format", wg_cli_text(array->format));
  json_object_set_new(json, "dtype", wg_cli_text(array->dtype));
  json_object_set_new(json, "shape", shape_json(array->ndim, array->shape));
  json_object_set_new(json, "order", json_string(array->fortran_order ? "F" : "C"));
  json_object_set_new(json, "header", json_boolean(array->header));
  json_object_set_new(json, "columns", columns_json(found));
  if (found->columns > found->shown && array->count)
    json_object_set_new(json, "other_columns", span_json(&found->rest));
  json_object_set_new(json, "not_finite", not_finite_json(found));
  json_object_set_new(json, "duplicate_rows", json_integer(found->duplicates));
  json_object_set_new(json, "sum", wg_cli_real(found->not_finite ? NAN : found->total));
  json_object_set_new(json, "weights", json_boolean(!not_weights(array, found)));
}

/* ---- the three kinds of file ---- */

static int describe_array(wg_mem *mem, const options *asked, wg_io_bytes bytes, report *out) {
  wg_io_array array;
  summary found;
  WG_TRY(wg_io_parse(mem, bytes, asked->key, &array));
  WG_TRY(summarise(mem, &array, &found));
  if (out->text) print_array(out->text, asked->path, &array, &found);
  add_array_json(out->json, &array, &found);
  return WG_OK;
}

static json_t *entry_json(const wg_io_entry *entry) {
  bool readable = entry->dtype[0] != '\0';
  return json_pack("{s:o, s:o, s:o}", "name", wg_cli_text(entry->name), "dtype",
                   readable ? wg_cli_text(entry->dtype) : json_null(), "shape",
                   readable ? shape_json(entry->ndim, entry->shape) : json_null());
}

static void print_entry(FILE *text, const wg_io_entry *entry) {
  char name[64], shape[WG_IO_SHAPE_TEXT];
  wg_io_quote(name, sizeof name, entry->name, strlen(entry->name));
  if (entry->dtype[0])
    fprintf(text, "  %-14s%s %s\n", name, entry->dtype,
            wg_io_shape_text(shape, entry->ndim, entry->shape));
  else
    fprintf(text, "  %-14snot an array of numbers\n", name);
}

static void describe_members(const options *asked, const wg_io_listing *listing, report *out) {
  json_t *members = json_array();
  if (out->text)
    fprintf(out->text, "%s: npz, %" PRId64 " members; describe one with --key\n",
            wg_io_name(asked->path), listing->count);
  for (int64_t k = 0; k < listing->count; k++) {
    if (out->text) print_entry(out->text, &listing->entries[k]);
    json_array_append_new(members, entry_json(&listing->entries[k]));
  }
  json_object_set_new(out->json, "format", json_string("npz"));
  json_object_set_new(out->json, "members", members);
}

static void print_certificate(FILE *text, const char *path, const wg_certificate_file *file,
                              const double *claim) {
  const char *name;
  int64_t size;
  fprintf(text, "%s: certificate, its checksum holds\n", wg_io_name(path));
  fprintf(text, "  %-14s%s\n", "kind", wg_certificate_kind(file));
  fprintf(text, "  %-14s%s\n", "gauge", wg_certificate_gauge(file));
  fprintf(text, "  %-14s", "sizes");
  for (int64_t k = 0; wg_certificate_get_size(file, k, &name, &size) == WG_OK; k++)
    if (size > 0 || !strcmp(name, "count"))
      fprintf(text, "%s%s = %" PRId64, k ? ", " : "", name, size);
  fprintf(text, "\n  %-14s[%.17g, %.17g], tolerance %g\n", "claim", claim[0], claim[1], claim[2]);
  fprintf(text, "  check the claim with: wgamma verify\n");
}

static int describe_certificate(wg_mem *mem, const options *asked, wg_io_bytes bytes, report *out) {
  wg_certificate_file *file;
  double claim[3];
  const char *name;
  int64_t size;
  WG_TRY(wg_certificate_parse(&file, bytes.data, bytes.size, bytes.name));
  wg_certificate_get_claim(file, claim);
  if (out->text) print_certificate(out->text, asked->path, file, claim);
  char *gauge = WG_NEW(mem, char, strlen(wg_certificate_gauge(file)) + 1);
  if (gauge) strcpy(gauge, wg_certificate_gauge(file));
  out->gauge = gauge;
  json_object_set_new(out->json, "format", json_string("certificate"));
  json_object_set_new(out->json, "kind", json_string(wg_certificate_kind(file)));
  for (int64_t k = 0; wg_certificate_get_size(file, k, &name, &size) == WG_OK; k++)
    json_object_set_new(out->json, name, json_integer((json_int_t)size));
  json_object_set_new(out->json, "claimed", wg_cli_bounds(claim[0], claim[1]));
  json_object_set_new(out->json, "tol", wg_cli_real(claim[2]));
  wg_certificate_free(file);
  return out->gauge ? WG_OK : wg_no_memory();
}

static int describe(wg_mem *mem, const options *asked, report *out) {
  wg_io_bytes bytes;
  wg_io_listing listing;
  WG_TRY(wg_io_load(mem, asked->path, &bytes));
  wg_io_kind kind = wg_io_recognise(bytes);
  if (kind == WG_IO_CERTIFICATE && !asked->key) return describe_certificate(mem, asked, bytes, out);
  if (kind != WG_IO_NPZ || asked->key) return describe_array(mem, asked, bytes, out);
  WG_TRY(wg_io_list(mem, bytes, &listing));
  if (listing.count <= 1) return describe_array(mem, asked, bytes, out);
  describe_members(asked, &listing, out);
  return WG_OK;
}

/* ---- the command ---- */

static int read_command_line(int argc, char **argv, options *asked) {
  const wg_cli_option known[] = {{"key", 'k', WG_CLI_TEXT, &asked->key},
                                 {"json", 'j', WG_CLI_TEXT, &asked->json},
                                 {"quiet", 'q', WG_CLI_FLAG, &asked->quiet}};
  int exit_status =
      wg_cli_read_options("info", argc, argv, sizeof known / sizeof *known, known, &asked->help);
  if (exit_status != WG_EXIT_OK || asked->help) return exit_status;
  if (argc - optind != 1) return wg_cli_usage("info", "one FILE is wanted, got %d", argc - optind);
  asked->path = argv[optind];
  return WG_EXIT_OK;
}

static int run(const options *asked) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  double start = wg_now();
  bool text = wg_cli_wants_text(asked->quiet, asked->json);
  report out = {.text = text ? stdout : NULL, .json = json_object()};
  json_object_set_new(out.json, "file", wg_cli_text(asked->path));
  int status = asked->json ? wg_io_check_writable(asked->json) : WG_OK;
  if (status == WG_OK) status = describe(&mem, asked, &out);
  if (status == WG_OK && asked->json)
    status = wg_cli_write_json(asked->json,
                               wg_cli_document("info", out.gauge, NULL, wg_now() - start,
                                               (int64_t)ledger.peak, json_incref(out.json)));
  json_decref(out.json);
  wg_mem_clear(&mem);
  return status < 0 ? wg_cli_error(status) : WG_EXIT_OK;
}

int wg_cli_info(int argc, char **argv) {
  options asked = {0};
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (!asked.help) return run(&asked);
  fputs(usage, stdout);
  return WG_EXIT_OK;
}
