/* numpy's array format, versions 1, 2 and 3 (numpy.lib.format): magic, version, the length of a
 * header, a Python dict literal with 'descr', 'fortran_order' and 'shape', then raw entries.
 *
 * Why an own parser: the header is a tiny, fixed grammar, and none of it can be trusted. It is read
 * strictly (three keys, each once, nothing after), the size it implies is computed with overflow
 * checks and held against the bytes that are there, and only then is memory asked for.
 * Everything numeric becomes float64: halves and floats exactly, integers beyond 2^53 rounded to
 * nearest. Cost O(entries); memory: the array. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/parts.h"

static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

/* ---- the dict literal ---- */

typedef struct cursor {
  const char *name; /* of the file */
  const unsigned char *at, *end;
} cursor;

static int damaged(const cursor *text, const char *what) {
  return wg_fail(WG_ERR_INPUT, "%s: the npy header is damaged (%s); write it again with np.save",
                 text->name, what);
}

static void skip_blanks(cursor *text) {
  while (text->at < text->end && (*text->at == ' ' || *text->at == '\t' || *text->at == '\n'))
    text->at++;
}

/* Consumes c, with blanks before it. */
static bool accept(cursor *text, char c) {
  skip_blanks(text);
  if (text->at == text->end || *text->at != (unsigned char)c) return false;
  text->at++;
  return true;
}

static bool accept_word(cursor *text, const char *word) {
  size_t length = strlen(word);
  skip_blanks(text);
  if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0) return false;
  text->at += length;
  return true;
}

/* 'text' or "text" without escapes; cut to fit `out`. */
static int read_string(cursor *text, char *out, size_t size) {
  skip_blanks(text);
  if (text->at == text->end || (*text->at != '\'' && *text->at != '"'))
    return damaged(text, "a string is missing");
  unsigned char quote = *text->at++;
  const unsigned char *start = text->at;
  while (text->at < text->end && *text->at != quote) text->at++;
  if (text->at == text->end) return damaged(text, "a string has no end");
  wg_io_quote(out, size, (const char *)start, (size_t)(text->at - start));
  text->at++;
  return WG_OK;
}

static int read_size(cursor *text, int64_t *size) {
  skip_blanks(text);
  if (text->at == text->end || *text->at < '0' || *text->at > '9')
    return damaged(text, "the shape is not a tuple of sizes >= 0");
  for (*size = 0; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++)
    if (__builtin_mul_overflow(*size, 10, size) ||
        __builtin_add_overflow(*size, *text->at - '0', size))
      return damaged(text, "a size in the shape is beyond 2^63");
  accept(text, 'L'); /* Python 2 wrote long integers so */
  return WG_OK;
}

static int read_shape(cursor *text, wg_io_npy_header *header) {
  bool comma = true; /* a comma came before: another size may follow */
  if (!accept(text, '(')) return damaged(text, "the shape is not a tuple");
  for (header->ndim = 0; !accept(text, ')'); header->ndim++) {
    if (!comma) return damaged(text, "the shape lacks a comma");
    if (header->ndim == WG_IO_MAX_NDIM)
      return wg_fail(WG_ERR_INPUT, "%s has more than %d dimensions; reshape it to (n, d)",
                     text->name, WG_IO_MAX_NDIM);
    WG_TRY(read_size(text, &header->shape[header->ndim]));
    comma = accept(text, ',');
  }
  if (header->ndim == 1 && !comma) return damaged(text, "the shape is a number, not a tuple");
  return WG_OK;
}

/* ---- the entry type ---- */

static int refuse_dtype(const char *name, const char *dtype, const char *what, const char *remedy) {
  return wg_fail(WG_ERR_INPUT, "%s: dtype '%s' is %s; save as float64: np.save(f, %s)", name, dtype,
                 what, remedy);
}

/* kind: the letter of a dtype that has a byte order before it, or '?'. */
static int refuse_kind(const char *name, const char *dtype, char kind) {
  const char *plain = "a.astype(float)";
  switch (kind) {
    case 'O': return refuse_dtype(name, dtype, "Python objects", plain);
    case 'c': return refuse_dtype(name, dtype, "complex", "a.real.astype(float)");
    case 'S':
    case 'a':
    case 'U': return refuse_dtype(name, dtype, "text", plain);
    case 'V': return refuse_dtype(name, dtype, "raw bytes", plain);
    case 'M':
    case 'm': return refuse_dtype(name, dtype, "dates", "a.astype('i8').astype(float)");
    default: break;
  }
  bool extended = kind == 'f' && (!strcmp(dtype + 1, "f12") || !strcmp(dtype + 1, "f16"));
  return refuse_dtype(name, dtype, extended ? "extended precision" : "unknown", plain);
}

/* The widths numpy has for a kind, as decimal digits. */
static const char *widths_of(char kind) {
  switch (kind) {
    case 'b': return "1";
    case 'i':
    case 'u': return "1248";
    case 'f': return "248";
    default: return "";
  }
}

static int check_dtype(const char *name, wg_io_npy_header *header) {
  const char *dtype = header->dtype;
  if (!strchr("<>|", dtype[0]) || strlen(dtype) < 2) return refuse_kind(name, dtype, '?');
  char kind = dtype[1];
  bool known = strlen(dtype) == 3 && strchr(widths_of(kind), dtype[2]);
  if (!known) return refuse_kind(name, dtype, kind);
  header->kind = kind;
  header->width = dtype[2] - '0';
  header->big_endian = dtype[0] == '>';
  if (dtype[0] == '|' && header->width > 1) return refuse_kind(name, dtype, '?');
  return WG_OK;
}

static int read_descr(cursor *text, wg_io_npy_header *header) {
  skip_blanks(text);
  if (text->at < text->end && (*text->at == '[' || *text->at == '('))
    return wg_fail(WG_ERR_INPUT,
                   "%s has a structured dtype; save its fields as columns: np.save(f, "
                   "np.column_stack([a[k] for k in a.dtype.names]).astype(float))",
                   text->name);
  WG_TRY(read_string(text, header->dtype, sizeof header->dtype));
  return check_dtype(text->name, header);
}

/* ---- the header as a whole ---- */

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

static int read_order(cursor *text, wg_io_npy_header *header) {
  header->fortran_order = accept_word(text, "True");
  if (header->fortran_order || accept_word(text, "False")) return WG_OK;
  return damaged(text, "fortran_order is neither True nor False");
}

static int read_item(cursor *text, wg_io_npy_header *header, int *seen) {
  char key[16];
  int item;
  WG_TRY(read_string(text, key, sizeof key));
  if (!accept(text, ':')) return damaged(text, "a colon is missing");
  if (!strcmp(key, "descr"))
    item = HAS_DESCR;
  else if (!strcmp(key, "fortran_order"))
    item = HAS_ORDER;
  else if (!strcmp(key, "shape"))
    item = HAS_SHAPE;
  else
    return damaged(text, "it has an unknown key");
  if (*seen & item) return damaged(text, "a key comes twice");
  *seen |= item;
  if (item == HAS_DESCR) return read_descr(text, header);
  return item == HAS_ORDER ? read_order(text, header) : read_shape(text, header);
}

static int read_dict(cursor *text, wg_io_npy_header *header) {
  int seen = 0;
  bool comma = true;
  if (!accept(text, '{')) return damaged(text, "it is not a dict");
  while (!accept(text, '}')) {
    if (!comma) return damaged(text, "a comma is missing");
    WG_TRY(read_item(text, header, &seen));
    comma = accept(text, ',');
  }
  skip_blanks(text);
  if (text->at < text->end) return damaged(text, "text follows the dict");
  if (seen != HAS_ALL) return damaged(text, "descr, fortran_order or shape is missing");
  return WG_OK;
}

/* Entries and bytes that the shape asks for, refused where they pass what a file can hold. */
static int measure(const char *name, wg_io_npy_header *header) {
  int64_t bytes = 0;
  char shape[WG_IO_SHAPE_TEXT];
  bool absurd = false;
  header->count = 1;
  for (int k = 0; k < header->ndim; k++)
    absurd |= __builtin_mul_overflow(header->count, header->shape[k], &header->count);
  absurd |= __builtin_mul_overflow(header->count, header->width, &bytes);
  absurd |= __builtin_mul_overflow(header->count, (int64_t)sizeof(double), &(int64_t){0});
  absurd |= bytes > INT64_MAX - (int64_t)header->data_offset;
  if (absurd)
    return wg_fail(WG_ERR_INPUT,
                   "%s claims the shape %s, more than any file holds; the header is "
                   "damaged, write it again with np.save",
                   name, wg_io_shape_text(shape, header->ndim, header->shape));
  header->data_bytes = (size_t)bytes;
  return WG_OK;
}

static int truncated(const char *name, uint64_t expected, uint64_t found) {
  return wg_fail(WG_ERR_INPUT,
                 "%s is truncated: expected %" PRIu64 " bytes, found %" PRIu64
                 "; copy or save it again",
                 name, expected, found);
}

int wg_io_npy_header_size(wg_io_bytes bytes, size_t *size) {
  if (memcmp(bytes.data, magic, WG_MIN(bytes.size, sizeof magic)) != 0)
    return wg_fail(WG_ERR_INPUT,
                   "%s is not an npy array (the magic bytes are missing); save it with "
                   "np.save",
                   bytes.name);
  if (bytes.size < WG_IO_NPY_MIN) return truncated(bytes.name, WG_IO_NPY_MIN, bytes.size);
  int major = bytes.data[6], minor = bytes.data[7];
  if (major < 1 || major > 3 || minor != 0)
    return wg_fail(WG_ERR_INPUT,
                   "%s has npy version %d.%d; wgamma reads 1.0, 2.0 and 3.0, save it "
                   "with np.save",
                   bytes.name, major, minor);
  size_t fixed = major == 1 ? WG_IO_NPY_MIN : WG_IO_NPY_PREFIX;
  if (bytes.size < fixed) return truncated(bytes.name, fixed, bytes.size);
  *size = fixed + (size_t)wg_file_get_little(bytes.data + 8, major == 1 ? 2 : 4);
  return WG_OK;
}

int wg_io_npy_header_parse(wg_io_bytes bytes, wg_io_npy_header *header) {
  size_t size = 0;
  *header = (wg_io_npy_header){.kind = 'f'};
  WG_TRY(wg_io_npy_header_size(bytes, &size));
  if (size > bytes.size) return truncated(bytes.name, size, bytes.size);
  size_t fixed = bytes.data[6] == 1 ? WG_IO_NPY_MIN : WG_IO_NPY_PREFIX;
  cursor text = {.name = bytes.name, .at = bytes.data + fixed, .end = bytes.data + size};
  header->data_offset = size;
  WG_TRY(read_dict(&text, header));
  return measure(bytes.name, header);
}

int wg_io_npy_check_size(const char *name, const wg_io_npy_header *header, uint64_t size) {
  uint64_t expected = (uint64_t)header->data_offset + header->data_bytes;
  char shape[WG_IO_SHAPE_TEXT];
  if (size == expected) return WG_OK;
  return wg_fail(
      WG_ERR_INPUT,
      "%s %s: shape %s of '%s' makes %" PRIu64 " bytes, found %" PRIu64 "; copy or save it again",
      name, size < expected ? "is truncated" : "has bytes after its data",
      wg_io_shape_text(shape, header->ndim, header->shape), header->dtype, expected, size);
}

/* ---- the entries ---- */

/* IEEE binary16: sign, 5 bits of exponent (bias 15), 10 of fraction. */
static double half_value(uint64_t half) {
  int exponent = (int)(half >> 10 & 31);
  double fraction = (double)(half & 1023);
  double size = exponent == 31  ? (fraction > 0 ? NAN : INFINITY)
                : exponent == 0 ? ldexp(fraction, -24)
                                : ldexp(1024 + fraction, exponent - 25);
  return half >> 15 ? -size : size;
}

static double float_value(uint64_t word, int width) {
  if (width == 2) return half_value(word);
  if (width == 4) {
    uint32_t narrow = (uint32_t)word;
    float value;
    memcpy(&value, &narrow, sizeof value);
    return (double)value;
  }
  double value;
  memcpy(&value, &word, sizeof value);
  return value;
}

static double signed_value(uint64_t word, int width) {
  uint64_t sign = (uint64_t)1 << (8 * width - 1);
  return word & sign ? -(double)((~word & (sign - 1)) + 1) : (double)word;
}

static double entry_value(const wg_io_npy_header *header, const unsigned char *at) {
  unsigned char turned[8];
  if (header->big_endian)
    for (int k = 0; k < header->width; k++) turned[k] = at[header->width - 1 - k];
  uint64_t word = wg_file_get_little(header->big_endian ? turned : at, header->width);
  switch (header->kind) {
    case 'b': return word != 0;
    case 'i': return signed_value(word, header->width);
    case 'u': return (double)word;
    default: return float_value(word, header->width);
  }
}

/* Walks the entries in C order; `place` follows in the order of the file. */
static void decode(const wg_io_npy_header *header, const unsigned char *bytes, double *data) {
  if (header->count == 0) return; /* the other sizes may be huge: no stride of them is formed */
  int64_t stride[WG_IO_MAX_NDIM] = {0}, index[WG_IO_MAX_NDIM] = {0}, place = 0, step = 1;
  for (int k = 0; k < header->ndim; k++) {
    int axis = header->fortran_order ? k : header->ndim - 1 - k;
    stride[axis] = step;
    step *= header->shape[axis];
  }
  for (int64_t entry = 0; entry < header->count; entry++) {
    data[entry] = entry_value(header, bytes + place * header->width);
    for (int axis = header->ndim - 1; axis >= 0; axis--) {
      place += stride[axis];
      if (++index[axis] < header->shape[axis]) break;
      place -= stride[axis] * header->shape[axis];
      index[axis] = 0;
    }
  }
}

int wg_io_parse_npy(wg_mem *mem, wg_io_bytes bytes, wg_io_array *array) {
  wg_io_npy_header header = {.kind = 'f'};
  WG_TRY(wg_io_npy_header_parse(bytes, &header));
  WG_TRY(wg_io_npy_check_size(bytes.name, &header, bytes.size));
  double *data = WG_NEW(mem, double, header.count);
  if (!data) return wg_no_memory();
  decode(&header, bytes.data + header.data_offset, data);
  *array = (wg_io_array){.data = data,
                         .ndim = header.ndim,
                         .count = header.count,
                         .format = "npy",
                         .fortran_order = header.fortran_order};
  memcpy(array->shape, header.shape, sizeof array->shape);
  memcpy(array->dtype, header.dtype, sizeof array->dtype);
  return WG_OK;
}

/* ---- writing: version 1.0, little-endian, C order, data at a multiple of 64 as numpy does ---- */

/* Bytes of an entry: "<f8" and "<i8" 8, "<f4" 4, "|S<k>" k. */
static size_t entry_width(const char *dtype) { return (size_t)strtoul(dtype + 2, NULL, 10); }

static void copy_halves(unsigned char *out, const void *in, size_t count) {
  const unsigned char *at = in;
  for (size_t k = 0; k < count; k++) {
    uint32_t half;
    memcpy(&half, at + 4 * k, sizeof half);
    wg_file_put_little(out + 4 * k, 4, half);
  }
}

size_t wg_io_npy_head(const wg_io_member *array, unsigned char head[WG_IO_NPY_HEAD]) {
  enum { ALIGN = 64 };
  char shape[WG_IO_SHAPE_TEXT], dict[WG_IO_SHAPE_TEXT + 96];
  int length = snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                        array->dtype, wg_io_shape_text(shape, array->ndim, array->shape));
  size_t offset = (WG_IO_NPY_MIN + (size_t)length + 1 + ALIGN - 1) / ALIGN * ALIGN;
  memcpy(head, magic, sizeof magic);
  head[6] = 1;
  head[7] = 0;
  wg_file_put_little(head + 8, 2, offset - WG_IO_NPY_MIN);
  memset(head + WG_IO_NPY_MIN, ' ', offset - WG_IO_NPY_MIN - 1);
  memcpy(head + WG_IO_NPY_MIN, dict, (size_t)length);
  head[offset - 1] = '\n';
  return offset;
}

int wg_io_encode_npy(wg_mem *mem, const wg_io_member *array, wg_io_bytes *bytes) {
  unsigned char head[WG_IO_NPY_HEAD];
  size_t offset = wg_io_npy_head(array, head);
  size_t count = 1, width = entry_width(array->dtype);
  for (int k = 0; k < array->ndim; k++) count *= (size_t)array->shape[k];
  unsigned char *out = WG_NEW(mem, unsigned char, offset + count * width);
  if (!out) return wg_no_memory();
  memcpy(out, head, offset);
  if (array->dtype[1] == 'S')
    memcpy(out + offset, array->data, count * width);
  else if (width == 4)
    copy_halves(out + offset, array->data, count);
  else
    wg_file_copy_words(out + offset, array->data, count);
  *bytes = (wg_io_bytes){.name = array->name, .data = out, .size = offset + count * width};
  return WG_OK;
}
