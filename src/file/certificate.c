/* The container of a certificate (docs/user/certificate.md; what it proves: docs/theory):
 *
 *     "WGCERT1\n" | length of the header (8 bytes) | JSON header | arrays | CRC-32 (4 bytes)
 *
 * all little-endian. JSON says what lies where, for a reader in any language; the numbers are raw,
 * so that they come back to the bit. The claimed bounds and tolerance stand in one place, the array
 * "claim". The checksum covers every byte before it and guards against accidents; against intent
 * there is only mathematics (wg_certificate_verify). On reading, the layout is derived from the
 * kind and its sizes (layout.c) and the header has to agree: the arrays in order, without gap,
 * ending where the checksum begins. So nothing is allocated beyond the size of the file, and no
 * byte is left unread. A header without a kind is that of clouds, the first kind there was. Cost
 * O(bytes); memory: the arrays next to the bytes. jansson parses the header on its own heap.
 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <zlib.h>

#include "file/parts.h"

enum {
  MAGIC_BYTES = 8,
  LENGTH_BYTES = 8,
  FIXED = MAGIC_BYTES + LENGTH_BYTES,
  CHECKSUM_BYTES = 4,
  ALIGN = 64,
  FORMAT_VERSION = 1,
  LONGEST_HEADER = 1 << 20
};
static const char magic[MAGIC_BYTES + 1] = "WGCERT1\n";
static const char format_name[] = "wgamma certificate";

/* ---- writing ---- */

static const char *dtype_of(const wg_file_array_rule *rule) {
  return rule->integers ? "<i8" : "<f8";
}

static json_t *describe_part(const wg_file_part *p) {
  json_t *shape = json_array();
  for (int k = 0; k < p->ndim; k++)
    json_array_append_new(shape, json_integer((json_int_t)p->shape[k]));
  if (json_array_size(shape) < (size_t)p->ndim) {
    json_decref(shape);
    return NULL;
  }
  return json_pack("{s:s, s:s, s:o, s:I, s:I}", "name", p->rule->name, "dtype", dtype_of(p->rule),
                   "shape", shape, "offset", (json_int_t)p->offset, "bytes",
                   8 * (json_int_t)p->count);
}

/* NULL without memory. */
static json_t *describe(const wg_file_certificate *c, const wg_file_layout *plan) {
  json_t *arrays = json_array();
  for (int k = 0; k < plan->count; k++)
    json_array_append_new(arrays, describe_part(&plan->parts[k]));
  if (json_array_size(arrays) < (size_t)plan->count) {
    json_decref(arrays);
    return NULL;
  }
  const int sizes = wg_file_size_count(c->kind);
  json_t *json = json_pack("{s:s, s:i, s:s, s:s}", "format", format_name, "version", FORMAT_VERSION,
                           "kind", wg_file_kind_name(c->kind), "gauge", c->gauge);
  int failed = json ? 0 : 1;
  for (int k = 0; !failed && k < sizes; k++)
    failed = json_object_set_new(json, wg_file_size_name(c->kind, k),
                                 json_integer((json_int_t)c->sizes[k]));
  if (!failed)
    return json_object_set_new(json, "arrays", arrays) ? (json_decref(json), NULL) : json;
  json_decref(arrays);
  json_decref(json);
  return NULL;
}

static int encode(wg_mem *scratch, const wg_file_certificate *c, const wg_file_layout *plan,
                  const char *header, wg_file_bytes *bytes) {
  size_t length = strlen(header);
  size_t start = (FIXED + length + ALIGN - 1) / ALIGN * ALIGN; /* of the data */
  size_t end = start + (size_t)plan->bytes;
  unsigned char *out = WG_NEW(scratch, unsigned char, end + CHECKSUM_BYTES);
  if (!out) return wg_no_memory();
  memcpy(out, magic, MAGIC_BYTES);
  wg_file_put_little(out + MAGIC_BYTES, LENGTH_BYTES, start - FIXED);
  memset(out + FIXED, ' ', start - FIXED);
  memcpy(out + FIXED, header, length);
  for (int k = 0; k < plan->count; k++)
    wg_file_copy_words(out + start + plan->parts[k].offset, c->arrays[k].data,
                       (size_t)plan->parts[k].count);
  wg_file_put_little(out + end, CHECKSUM_BYTES, crc32_z(0, out, end));
  *bytes = (wg_file_bytes){.data = out, .size = end + CHECKSUM_BYTES};
  return WG_OK;
}

/* The layout of arrays that wg_file_arrange has put in order. */
static bool lay_out_again(const wg_file_certificate *c, wg_file_layout *plan) {
  return wg_file_lay_out(c->kind, c->sizes, plan) && plan->count == c->count;
}

int wg_file_write_certificate(const char *path, const wg_file_certificate *certificate) {
  wg_ledger ledger = {0};
  wg_mem scratch = wg_mem_of(&ledger);
  wg_file_bytes bytes = {0};
  wg_file_layout plan;
  const wg_file_certificate *c = certificate;
  if (!lay_out_again(c, &plan))
    return wg_fail(WG_ERR_INTERNAL, "a certificate whose arrays are not in order is not written");
  json_t *json = describe(c, &plan);
  char *header = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
  json_decref(json);
  int status =
      header ? WG_OK : wg_fail(WG_ERR_MEMORY, "out of memory for the header of a certificate");
  if (status == WG_OK) status = encode(&scratch, c, &plan, header, &bytes);
  free(header);
  if (status == WG_OK) status = wg_file_write(path, bytes.data, bytes.size);
  wg_mem_clear(&scratch);
  return status;
}

/* ---- reading: frame and checksum ---- */

typedef struct frame {
  const char *name, *header;
  size_t header_bytes;
  const unsigned char *data;
  uint64_t data_bytes;
} frame;

static int damaged(const char *name, const char *what) {
  return wg_fail(WG_ERR_INPUT, "%s is damaged: %s; copy it again or compute it again", name, what);
}

static int truncated(const char *name, uint64_t expected, uint64_t found) {
  return wg_fail(WG_ERR_INPUT,
                 "%s is truncated: expected at least %" PRIu64 " bytes, found %" PRIu64
                 "; copy it again or compute it again",
                 name, expected, found);
}

static int check_checksum(wg_file_bytes bytes) {
  size_t covered = bytes.size - CHECKSUM_BYTES;
  uint64_t says = wg_file_get_little(bytes.data + covered, CHECKSUM_BYTES);
  uint64_t found = crc32_z(0, bytes.data, covered);
  if (says == found) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "%s is damaged: its checksum says %08" PRIx64 ", found %08" PRIx64
                 "; copy it again or compute it again",
                 bytes.name, says, found);
}

static int read_frame(wg_file_bytes bytes, frame *found) {
  size_t known = WG_MIN(bytes.size, (size_t)MAGIC_BYTES);
  if (memcmp(bytes.data, magic, known) != 0)
    return wg_fail(WG_ERR_INPUT,
                   "%s is not a certificate of this version (it does not begin with "
                   "WGCERT1); make one with: wgamma distance --certificate",
                   bytes.name);
  if (bytes.size < FIXED + CHECKSUM_BYTES)
    return truncated(bytes.name, FIXED + CHECKSUM_BYTES, bytes.size);
  uint64_t length = wg_file_get_little(bytes.data + MAGIC_BYTES, LENGTH_BYTES);
  if (length > LONGEST_HEADER) return damaged(bytes.name, "the length of its header is absurd");
  uint64_t smallest = FIXED + length + CHECKSUM_BYTES;
  if (bytes.size < smallest) return truncated(bytes.name, smallest, bytes.size);
  *found = (frame){.name = bytes.name,
                   .header = (const char *)bytes.data + FIXED,
                   .header_bytes = (size_t)length,
                   .data = bytes.data + FIXED + length,
                   .data_bytes = bytes.size - smallest};
  return WG_OK;
}

/* ---- reading: the header against the layout ---- */

static int bad_part(const char *name, const char *array, const char *what) {
  return wg_fail(WG_ERR_INPUT, "%s is damaged: array '%s' %s; compute the certificate again", name,
                 array, what);
}

static bool has_integer(const json_t *object, const char *key, uint64_t value) {
  const json_t *found = json_object_get(object, key);
  return json_is_integer(found) && json_integer_value(found) >= 0 &&
         (uint64_t)json_integer_value(found) == value;
}

static bool has_text(const json_t *object, const char *key, const char *value) {
  const char *found = json_string_value(json_object_get(object, key));
  return found && !strcmp(found, value);
}

static bool has_shape(const json_t *object, const wg_file_part *wanted) {
  const json_t *shape = json_object_get(object, "shape");
  bool same = json_array_size(shape) == (size_t)wanted->ndim;
  for (int k = 0; k < wanted->ndim && same; k++) {
    const json_t *size = json_array_get(shape, (size_t)k);
    same = json_is_integer(size) && json_integer_value(size) == wanted->shape[k];
  }
  return same;
}

static int times_listed(const json_t *arrays, const char *array) {
  int found = 0;
  for (size_t i = 0; i < json_array_size(arrays); i++)
    found += has_text(json_array_get(arrays, i), "name", array);
  return found;
}

static int check_part(const char *name, const json_t *arrays, int k, const wg_file_part *wanted) {
  const char *array = wanted->rule->name;
  const int found = times_listed(arrays, array);
  if (found == 0) return bad_part(name, array, "is missing");
  if (found > 1) return bad_part(name, array, "comes twice");
  const json_t *entry = json_array_get(arrays, (size_t)k);
  if (!has_text(entry, "name", array)) return bad_part(name, array, "is out of order");
  if (!has_text(entry, "dtype", dtype_of(wanted->rule)))
    return bad_part(name, array, "has the wrong dtype");
  if (!has_shape(entry, wanted))
    return bad_part(name, array, "has a shape that does not follow from the sizes");
  if (!has_integer(entry, "bytes", 8 * (uint64_t)wanted->count))
    return bad_part(name, array, "has a number of bytes that does not follow from its shape");
  if (!has_integer(entry, "offset", wanted->offset))
    return bad_part(name, array, "has an offset out of place");
  return WG_OK;
}

static int check_arrays(const frame *from, const json_t *json, const wg_file_layout *wanted) {
  const json_t *arrays = json_object_get(json, "arrays");
  if (!json_is_array(arrays)) return damaged(from->name, "its header lists no arrays");
  for (int k = 0; k < wanted->count; k++)
    WG_TRY(check_part(from->name, arrays, k, &wanted->parts[k]));
  if (json_array_size(arrays) != (size_t)wanted->count)
    return damaged(from->name, "its header lists more arrays");
  if (wanted->bytes != from->data_bytes)
    return wg_fail(WG_ERR_INPUT,
                   "%s %s: its arrays take %" PRIu64 " bytes, found %" PRIu64
                   "; copy it again or compute it again",
                   from->name,
                   wanted->bytes > from->data_bytes ? "is truncated" : "has bytes after its arrays",
                   wanted->bytes, from->data_bytes);
  return WG_OK;
}

/* A gauge is spelt in printable ASCII: it will stand in messages. */
static const char *gauge_of(const json_t *json) {
  const char *gauge = json_string_value(json_object_get(json, "gauge"));
  if (!gauge || !*gauge) return NULL;
  for (const char *c = gauge; *c; c++)
    if (*c < ' ' || *c > '~') return NULL;
  return gauge;
}

static int take_kind(const frame *from, const json_t *json, wg_file_certificate *c) {
  const json_t *kind = json_object_get(json, "kind"); /* may be missing: clouds */
  if (!has_text(json, "format", format_name) || !has_integer(json, "version", FORMAT_VERSION))
    return damaged(from->name, "its header is not that of a certificate, version 1");
  c->kind = wg_file_kind_of(kind ? json_string_value(kind) : "clouds");
  if (c->kind) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "%s is a certificate of a kind that this version does not know; use a newer "
                 "wgamma",
                 from->name);
}

static int take_sizes(const frame *from, const json_t *json, wg_file_certificate *c) {
  char names[WG_FILE_NAMES], what[WG_FILE_NAMES + 40];
  for (int k = 0; k < wg_file_size_count(c->kind); k++) {
    const wg_file_size_rule *rule = &c->kind->sizes[k];
    const json_t *value = json_object_get(json, rule->name);
    if (!json_is_integer(value) && !(rule->optional && !value)) {
      snprintf(what, sizeof what,
               rule->optional ? "the number of %s in its header is none" : "its header lacks %s",
               rule->optional ? rule->name : wg_file_size_names(c->kind, true, names));
      return damaged(from->name, what);
    }
    c->sizes[k] = json_integer_value(value);
  }
  return WG_OK;
}

static int check_header(const frame *from, const json_t *json, wg_file_certificate *c,
                        wg_file_layout *found) {
  char names[WG_FILE_NAMES], what[WG_FILE_NAMES + 40];
  WG_TRY(take_kind(from, json, c));
  WG_TRY(take_sizes(from, json, c));
  if (!gauge_of(json)) return damaged(from->name, "its header names no gauge");
  if (!wg_file_lay_out(c->kind, c->sizes, found)) {
    snprintf(what, sizeof what, "%s is absurd", wg_file_size_names(c->kind, false, names));
    return damaged(from->name, what);
  }
  return check_arrays(from, json, found);
}

/* ---- reading: the arrays ---- */

static int check_claim(const frame *from, const wg_file_layout *plan) {
  double claim[WG_FILE_CLAIMS] = {0}, value;
  for (int k = 0; k < plan->count; k++)
    if (!strcmp(plan->parts[k].rule->name, "claim"))
      wg_file_copy_words((unsigned char *)claim, from->data + plan->parts[k].offset,
                         WG_FILE_CLAIMS);
  const char *bad = wg_file_bad_claim(claim, &value);
  if (!bad) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "%s: the claimed %s = %g is not a finite number; compute it again",
                 from->name, bad, value);
}

/* One block holds the arrays and the gauge, so that failing leaves nothing behind. */
static int take_arrays(wg_mem *mem, const frame *from, const wg_file_layout *plan,
                       const char *gauge, wg_file_certificate *c) {
  size_t length = strlen(gauge) + 1;
  unsigned char *block = WG_NEW(mem, unsigned char, plan->bytes + length);
  if (!block) return wg_no_memory();
  wg_file_copy_words(block, from->data, (size_t)plan->bytes / 8);
  memcpy(block + plan->bytes, gauge, length);
  c->gauge = (const char *)block + plan->bytes;
  c->count = plan->count;
  for (int k = 0; k < plan->count; k++) {
    const wg_file_part *part = &plan->parts[k];
    c->arrays[k] = (wg_certificate_array){.name = part->rule->name,
                                          .integers = part->rule->integers,
                                          .ndim = part->ndim,
                                          .data = block + part->offset};
    for (int axis = 0; axis < part->ndim; axis++) c->arrays[k].shape[axis] = part->shape[axis];
  }
  return WG_OK;
}

static int parse_header(const frame *from, json_t **json) {
  json_error_t error;
  *json = json_loadb(from->header, from->header_bytes, JSON_REJECT_DUPLICATES, &error);
  if (*json) return WG_OK;
  if (json_error_code(&error) == json_error_out_of_memory)
    return wg_fail(WG_ERR_MEMORY, "out of memory for the header of %s", from->name);
  return damaged(from->name, "its header is not JSON");
}

int wg_file_parse_certificate(wg_mem *mem, wg_file_bytes bytes, wg_file_certificate *certificate) {
  frame from = {0};
  wg_file_layout plan = {.bytes = 0};
  json_t *json = NULL;
  wg_file_certificate result = {0};
  WG_TRY(read_frame(bytes, &from));
  WG_TRY(check_checksum(bytes));
  WG_TRY(parse_header(&from, &json));
  int status = check_header(&from, json, &result, &plan);
  if (status == WG_OK) status = check_claim(&from, &plan);
  if (status == WG_OK) status = take_arrays(mem, &from, &plan, gauge_of(json), &result);
  json_decref(json);
  if (status == WG_OK) *certificate = result;
  return status;
}

int wg_file_read_certificate(wg_mem *mem, const char *path, wg_file_certificate *certificate) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  wg_file_bytes bytes = {0};
  int status = wg_file_load(&scratch, path, &bytes);
  if (status == WG_OK) status = wg_file_parse_certificate(mem, bytes, certificate);
  wg_mem_clear(&scratch);
  return status;
}
