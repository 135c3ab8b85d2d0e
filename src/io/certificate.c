/* The container of a certificate (docs/user/certificate.md; what it proves is theory 3.2):
 *
 *     "WGCERT1\n" | length of the header (8 bytes) | JSON header | arrays | CRC-32 (4 bytes)
 *
 * all little-endian. JSON says what lies where, for a reader in any language; the numbers are raw,
 * so that they come back to the bit. The claimed bounds and tolerance stand in one place, the array
 * "claim". The checksum covers every byte before it and guards against accidents; against intent
 * there is only mathematics (wg_verify). On reading, the layout is derived from n, m, d, count and
 * cuts and the header has to agree: eleven arrays in order, three more if there are cuts, three
 * more if it says "low" (second halves), without gap, ending where the checksum begins. So nothing
 * is allocated beyond the size of the file, and no byte is left unread. Cost O(bytes); memory: the
 * arrays next to the bytes. jansson parses the header on its own heap.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/parts.h"

enum {
  MAGIC_BYTES = 8,
  LENGTH_BYTES = 8,
  FIXED = MAGIC_BYTES + LENGTH_BYTES,
  CHECKSUM_BYTES = 4,
  ALIGN = 64,
  FORMAT_VERSION = 1,
  ARRAYS = 17,
  CLAIMS = 3, /* lower, upper, tol */
  LONGEST_HEADER = 1 << 20
};
static const char magic[MAGIC_BYTES + 1] = "WGCERT1\n";
static const char format_name[] = "wgamma certificate";

/* ---- the layout, from the sizes ---- */

typedef struct part {
  int id;
  const char *name, *dtype;
  int ndim;
  int64_t shape[2], count; /* entries, each of 8 bytes */
  uint64_t offset;         /* from the start of the data */
} part;
typedef struct layout {
  part parts[ARRAYS];
  int count;      /* of arrays     */
  uint64_t bytes; /* of all arrays */
} layout;
enum { X, A, Y, B, ROW, COL, MASS, Q, F, G, CLAIM, CUT_Q, CUT_F, CUT_G, MASS_LOW, F_LOW, G_LOW };

/* False if the sizes overflow or are not positive; cuts may be zero. low: with second halves. */
static bool lay_out(const wg_certificate *sizes, bool low, layout *plan) {
  const int64_t n = sizes->n, m = sizes->m, d = sizes->d, count = sizes->count, cuts = sizes->cuts;
  int64_t square;
  if (n < 1 || m < 1 || d < 1 || count < 1 || cuts < 0) return false;
  if (__builtin_mul_overflow(d, d, &square)) return false;
  const part parts[ARRAYS] = {{X, "x", "<f8", 2, {n, d}, 0, 0},
                              {A, "a", "<f8", 1, {n, 1}, 0, 0},
                              {Y, "y", "<f8", 2, {m, d}, 0, 0},
                              {B, "b", "<f8", 1, {m, 1}, 0, 0},
                              {ROW, "row", "<i8", 1, {count, 1}, 0, 0},
                              {COL, "col", "<i8", 1, {count, 1}, 0, 0},
                              {MASS, "mass", "<f8", 1, {count, 1}, 0, 0},
                              {Q, "q", "<f8", 2, {d, d}, 0, 0},
                              {F, "f", "<f8", 1, {n, 1}, 0, 0},
                              {G, "g", "<f8", 1, {m, 1}, 0, 0},
                              {CLAIM, "claim", "<f8", 1, {CLAIMS, 1}, 0, 0},
                              {CUT_Q, "cut_q", "<f8", 2, {cuts, square}, 0, 0},
                              {CUT_F, "cut_f", "<f8", 2, {cuts, n}, 0, 0},
                              {CUT_G, "cut_g", "<f8", 2, {cuts, m}, 0, 0},
                              {MASS_LOW, "mass_low", "<f8", 1, {count, 1}, 0, 0},
                              {F_LOW, "f_low", "<f8", 1, {n, 1}, 0, 0},
                              {G_LOW, "g_low", "<f8", 1, {m, 1}, 0, 0}};
  plan->count = 0;
  uint64_t end = 0;
  for (int k = 0; k < ARRAYS; k++) {
    if ((k >= CUT_Q && k <= CUT_G && cuts == 0) || (k >= MASS_LOW && !low)) continue;
    part *p = &plan->parts[plan->count++];
    *p = parts[k];
    int64_t bytes;
    p->offset = end;
    if (__builtin_mul_overflow(p->shape[0], p->shape[1], &p->count)) return false;
    if (__builtin_mul_overflow(p->count, 8, &bytes)) return false;
    if (__builtin_add_overflow(end, (uint64_t)bytes, &end)) return false;
  }
  plan->bytes = end;
  return true;
}

/* ---- writing ---- */

static json_t *describe_part(const part *p) {
  json_t *shape = p->ndim == 2
                      ? json_pack("[I, I]", (json_int_t)p->shape[0], (json_int_t)p->shape[1])
                      : json_pack("[I]", (json_int_t)p->shape[0]);
  return json_pack("{s:s, s:s, s:o, s:I, s:I}", "name", p->name, "dtype", p->dtype, "shape", shape,
                   "offset", (json_int_t)p->offset, "bytes", 8 * (json_int_t)p->count);
}

/* NULL without memory, or if the gauge is not UTF-8. */
static json_t *describe(const wg_certificate *c, const layout *plan) {
  json_t *arrays = json_array();
  for (int k = 0; k < plan->count; k++)
    json_array_append_new(arrays, describe_part(&plan->parts[k]));
  if (json_array_size(arrays) < (size_t)plan->count) {
    json_decref(arrays);
    return NULL;
  }
  json_t *head = json_pack("{s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "format", format_name,
                           "version", FORMAT_VERSION, "gauge", c->gauge, "n", (json_int_t)c->n, "m",
                           (json_int_t)c->m, "d", (json_int_t)c->d, "count", (json_int_t)c->count,
                           "cuts", (json_int_t)c->cuts, "arrays", arrays);
  const bool low = plan->parts[plan->count - 1].id >= MASS_LOW;
  if (head && low && json_object_set_new(head, "low", json_integer(1)) < 0) {
    json_decref(head);
    return NULL;
  }
  return head;
}

static bool some_nonzero(int64_t count, const double *values) {
  for (int64_t i = 0; values && i < count; i++)
    if (values[i] != 0.0) return true;
  return false;
}

/* Whether some second half says anything. */
static bool has_low(const wg_certificate *c) {
  return some_nonzero(c->count, c->mass_low) || some_nonzero(c->n, c->f_low) ||
         some_nonzero(c->m, c->g_low);
}

static void copy_parts(const wg_certificate *c, const layout *plan, unsigned char *data) {
  const double claim[CLAIMS] = {c->lower, c->upper, c->tol};
  const void *const sources[ARRAYS] = {
      [X] = c->x,         [A] = c->a,         [Y] = c->y,
      [B] = c->b,         [ROW] = c->row,     [COL] = c->col,
      [MASS] = c->mass,   [Q] = c->q,         [F] = c->f,
      [G] = c->g,         [CLAIM] = claim,    [CUT_Q] = c->cut_q,
      [CUT_F] = c->cut_f, [CUT_G] = c->cut_g, [MASS_LOW] = c->mass_low,
      [F_LOW] = c->f_low, [G_LOW] = c->g_low};
  for (int k = 0; k < plan->count; k++) {
    const part *p = &plan->parts[k];
    if (sources[p->id])
      wg_io_copy_words(data + p->offset, sources[p->id], (size_t)p->count);
    else
      memset(data + p->offset, 0, 8 * (size_t)p->count); /* second halves that are not there */
  }
}

static int encode(wg_mem *scratch, const wg_certificate *c, const layout *plan, const char *header,
                  wg_io_bytes *bytes) {
  size_t length = strlen(header);
  size_t start = (FIXED + length + ALIGN - 1) / ALIGN * ALIGN; /* of the data */
  size_t end = start + (size_t)plan->bytes;
  unsigned char *out = WG_NEW(scratch, unsigned char, end + CHECKSUM_BYTES);
  if (!out) return wg_no_memory();
  memcpy(out, magic, MAGIC_BYTES);
  wg_io_put_little(out + MAGIC_BYTES, LENGTH_BYTES, start - FIXED);
  memset(out + FIXED, ' ', start - FIXED);
  memcpy(out + FIXED, header, length);
  copy_parts(c, plan, out + start);
  wg_io_put_little(out + end, CHECKSUM_BYTES, crc32_z(0, out, end));
  *bytes = (wg_io_bytes){.data = out, .size = end + CHECKSUM_BYTES};
  return WG_OK;
}

int wg_io_write_certificate(const char *path, const wg_certificate *certificate) {
  wg_ledger ledger = {0};
  wg_mem scratch = wg_mem_of(&ledger);
  wg_io_bytes bytes = {0};
  layout plan;
  const wg_certificate *c = certificate;
  if (!lay_out(c, has_low(c), &plan))
    return wg_fail(WG_ERR_INTERNAL, "a certificate without points or plan cannot be written");
  json_t *json = describe(c, &plan);
  char *header = json ? json_dumps(json, JSON_COMPACT) : NULL;
  int status = header ? encode(&scratch, c, &plan, header, &bytes)
                      : wg_fail(WG_ERR_MEMORY, "out of memory for the header of a certificate");
  if (status == WG_OK) status = wg_io_write_bytes(path, bytes.data, bytes.size);
  free(header);
  json_decref(json);
  wg_mem_clear(&scratch);
  return status;
}

/* ---- reading: the frame ---- */

typedef struct frame {
  const char *name;
  const char *header;
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

static int check_checksum(wg_io_bytes bytes) {
  size_t covered = bytes.size - CHECKSUM_BYTES;
  uint64_t says = wg_io_get_little(bytes.data + covered, CHECKSUM_BYTES);
  uint64_t found = crc32_z(0, bytes.data, covered);
  if (says == found) return WG_OK;
  return wg_fail(WG_ERR_INPUT,
                 "%s is damaged: its checksum says %08" PRIx64 ", found %08" PRIx64
                 "; copy it again or compute it again",
                 bytes.name, says, found);
}

static int read_frame(wg_io_bytes bytes, frame *found) {
  size_t known = WG_MIN(bytes.size, (size_t)MAGIC_BYTES);
  if (memcmp(bytes.data, magic, known) != 0)
    return wg_fail(WG_ERR_INPUT,
                   "%s is not a certificate of this version (it does not begin with "
                   "WGCERT1); make one with: wgamma distance --certificate",
                   bytes.name);
  if (bytes.size < FIXED + CHECKSUM_BYTES)
    return truncated(bytes.name, FIXED + CHECKSUM_BYTES, bytes.size);
  uint64_t length = wg_io_get_little(bytes.data + MAGIC_BYTES, LENGTH_BYTES);
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

static bool has_shape(const json_t *object, const part *wanted) {
  const json_t *shape = json_object_get(object, "shape");
  bool same = json_array_size(shape) == (size_t)wanted->ndim;
  for (int k = 0; k < wanted->ndim && same; k++) {
    const json_t *size = json_array_get(shape, (size_t)k);
    same = json_is_integer(size) && json_integer_value(size) == wanted->shape[k];
  }
  return same;
}

static int check_part(const char *name, const json_t *arrays, int k, const part *wanted) {
  int found = 0;
  for (size_t i = 0; i < json_array_size(arrays); i++)
    found += has_text(json_array_get(arrays, i), "name", wanted->name);
  if (found == 0) return bad_part(name, wanted->name, "is missing");
  if (found > 1) return bad_part(name, wanted->name, "comes twice");
  const json_t *entry = json_array_get(arrays, (size_t)k);
  if (!has_text(entry, "name", wanted->name))
    return bad_part(name, wanted->name, "is out of order");
  if (!has_text(entry, "dtype", wanted->dtype))
    return bad_part(name, wanted->name, "has the wrong dtype");
  if (!has_shape(entry, wanted))
    return bad_part(name, wanted->name,
                    "has a shape that does not follow from n, m, d, count and cuts");
  if (!has_integer(entry, "bytes", 8 * (uint64_t)wanted->count))
    return bad_part(name, wanted->name,
                    "has a number of bytes that does not follow from its shape");
  if (!has_integer(entry, "offset", wanted->offset))
    return bad_part(name, wanted->name, "has an offset out of place");
  return WG_OK;
}

static int check_arrays(const frame *from, const json_t *json, const layout *wanted) {
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

static int check_header(const frame *from, const json_t *json, wg_certificate *sizes,
                        layout *found) {
  const char *const keys[] = {"n", "m", "d", "count"};
  int64_t *const values[] = {&sizes->n, &sizes->m, &sizes->d, &sizes->count};
  if (!has_text(json, "format", format_name) || !has_integer(json, "version", FORMAT_VERSION))
    return damaged(from->name, "its header is not that of a certificate, version 1");
  for (int k = 0; k < 4; k++) {
    const json_t *value = json_object_get(json, keys[k]);
    if (!json_is_integer(value)) return damaged(from->name, "its header lacks n, m, d or count");
    *values[k] = json_integer_value(value);
  }
  if (!gauge_of(json)) return damaged(from->name, "its header names no gauge");
  const json_t *cuts = json_object_get(json, "cuts"); /* may be missing: none */
  if (cuts && !json_is_integer(cuts))
    return damaged(from->name, "the number of cuts in its header is none");
  sizes->cuts = json_integer_value(cuts);
  const json_t *low = json_object_get(json, "low"); /* may be missing: no second halves */
  if (low && !has_integer(json, "low", 1))
    return damaged(from->name, "'low' in its header is not 1");
  if (!lay_out(sizes, low != NULL, found))
    return damaged(from->name, "n, m, d, count or cuts is absurd");
  return check_arrays(from, json, found);
}

/* ---- reading: the arrays ---- */

/* One block holds the arrays and the gauge, so that failing leaves nothing behind. */
static int take_arrays(wg_mem *mem, const frame *from, const layout *plan, const char *gauge,
                       wg_certificate *c) {
  size_t length = strlen(gauge) + 1;
  unsigned char *block = WG_NEW(mem, unsigned char, plan->bytes + length);
  if (!block) return wg_no_memory();
  wg_io_copy_words(block, from->data, (size_t)plan->bytes / 8);
  memcpy(block + plan->bytes, gauge, length);
  const void *at[ARRAYS] = {0};
  for (int k = 0; k < plan->count; k++) at[plan->parts[k].id] = block + plan->parts[k].offset;
  double claim[CLAIMS];
  memcpy(claim, at[CLAIM], sizeof claim);
  c->struct_size = sizeof *c;
  c->gauge = (const char *)block + plan->bytes;
  c->x = at[X], c->a = at[A], c->y = at[Y], c->b = at[B];
  c->row = at[ROW], c->col = at[COL], c->mass = at[MASS];
  c->q = at[Q], c->f = at[F], c->g = at[G];
  c->cut_q = at[CUT_Q], c->cut_f = at[CUT_F], c->cut_g = at[CUT_G];
  c->mass_low = at[MASS_LOW], c->f_low = at[F_LOW], c->g_low = at[G_LOW];
  c->lower = claim[0], c->upper = claim[1], c->tol = claim[2];
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

int wg_io_parse_certificate(wg_mem *mem, wg_io_bytes bytes, wg_certificate *certificate) {
  frame from = {0};
  layout plan = {.bytes = 0};
  json_t *json = NULL;
  wg_certificate result = {0};
  WG_TRY(read_frame(bytes, &from));
  WG_TRY(check_checksum(bytes));
  WG_TRY(parse_header(&from, &json));
  int status = check_header(&from, json, &result, &plan);
  if (status == WG_OK) status = take_arrays(mem, &from, &plan, gauge_of(json), &result);
  json_decref(json);
  if (status == WG_OK) *certificate = result;
  return status;
}

int wg_io_read_certificate(wg_mem *mem, const char *path, wg_certificate *certificate) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  wg_io_bytes bytes = {0};
  int status = wg_io_load(&scratch, path, &bytes);
  if (status == WG_OK) status = wg_io_parse_certificate(mem, bytes, certificate);
  wg_mem_clear(&scratch);
  return status;
}
