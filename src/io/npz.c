/* numpy's archives: a zip (through libzip) whose members are npy files.
 *
 * A zip is trusted with nothing. What a member claims to unpack to is held against what deflate can
 * possibly make of its packed bytes, then against its npy header, which is unpacked first and
 * alone; only then is memory asked for, so a zip bomb costs nothing. Members are unpacked to the
 * end so that libzip compares their checksum. Writing goes through memory and write.c, with fixed
 * time stamps, so that the same arrays give the same file. libzip allocates a few kilobytes by
 * itself. Cost O(bytes); memory: the unpacked member next to its array. */
#include <inttypes.h>
#include <string.h>
#include <zip.h>

#include "io/parts.h"

/* A deflate block spends at least one bit on 129 bytes (a match of 258 in two bits). */
enum { DEFLATE_MOST = 1032, DEFLATE_SLACK = 1024 };

/* An open archive; the error of opening it otherwise. */
static int open_archive(wg_io_bytes bytes, zip_t **archive) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t *source = zip_source_buffer_create(bytes.data, bytes.size, 0, &error);
  *archive = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
  int status = WG_OK;
  if (!*archive) {
    status = wg_fail(WG_ERR_INPUT, "%s is a broken zip archive (%s); write it again with np.savez",
                     bytes.name, zip_error_strerror(&error));
    zip_source_free(source);
  }
  zip_error_fini(&error);
  return status;
}

/* ---- names ---- */

/* Length of a member's name without ".npy"; 0 for a directory. */
static size_t stem_length(const char *name) {
  size_t length = strlen(name);
  if (length == 0 || name[length - 1] == '/') return 0;
  return length > 4 && !strcmp(name + length - 4, ".npy") ? length - 4 : length;
}

static const char *member_name(zip_t *archive, zip_int64_t index) {
  const char *name = zip_get_name(archive, (zip_uint64_t)index, 0);
  return name ? name : "";
}

/* "x, y, ..." for a message: the members that may be asked for. */
static void list_names(zip_t *archive, char *out, size_t size) {
  size_t used = 0;
  out[0] = '\0';
  for (zip_int64_t k = 0; k < zip_get_num_entries(archive, 0) && used < size; k++) {
    const char *name = member_name(archive, k);
    char stem[64];
    if (!stem_length(name)) continue;
    wg_io_quote(stem, sizeof stem, name, stem_length(name));
    used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", stem);
  }
}

static bool answers_to(const char *name, const char *key) {
  size_t stem = stem_length(name);
  return stem && (!strcmp(name, key) || (strlen(key) == stem && !memcmp(name, key, stem)));
}

/* The member asked for, or the only one. */
static int find_member(wg_io_bytes bytes, zip_t *archive, const char *key, zip_int64_t *index) {
  int64_t found = 0;
  char names[256];
  for (zip_int64_t k = zip_get_num_entries(archive, 0) - 1; k >= 0; k--) {
    const char *name = member_name(archive, k);
    if (key ? !answers_to(name, key) : !stem_length(name)) continue;
    *index = k;
    found++;
  }
  if (found == 1) return WG_OK;
  list_names(archive, names, sizeof names);
  if (!names[0])
    return wg_fail(WG_ERR_INPUT, "%s has no members; save arrays with np.savez", bytes.name);
  if (!key)
    return wg_fail(WG_ERR_INPUT, "%s has %" PRId64 " members, choose one with a key: %s",
                   bytes.name, found, names);
  if (found > 1)
    return wg_fail(WG_ERR_INPUT,
                   "%s has %" PRId64 " members named '%s'; write it again with np.savez",
                   bytes.name, found, key);
  return wg_fail(WG_ERR_INPUT, "%s has no member '%s'; it has: %s", bytes.name, key, names);
}

/* ---- one member ---- */

typedef struct member {
  zip_file_t *file;
  char name[192];   /* for messages: "clouds.npz[x]" */
  uint64_t claimed; /* unpacked size, by the archive */
} member;

/* What can be refused before a byte is unpacked. */
static int check_claims(const char *name, const zip_stat_t *about) {
  const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((about->valid & needed) != needed)
    return wg_fail(WG_ERR_INPUT,
                   "%s: the archive does not say its size; write it again with np.savez", name);
  if ((about->valid & ZIP_STAT_ENCRYPTION_METHOD) && about->encryption_method != ZIP_EM_NONE)
    return wg_fail(WG_ERR_INPUT, "%s is encrypted; save it without a password", name);
  if (about->comp_method != ZIP_CM_STORE && about->comp_method != ZIP_CM_DEFLATE)
    return wg_fail(WG_ERR_INPUT,
                   "%s is packed by method %d, which np.savez does not use; write it "
                   "again with np.savez_compressed",
                   name, (int)about->comp_method);
  if (about->size / DEFLATE_MOST > about->comp_size + DEFLATE_SLACK)
    return wg_fail(WG_ERR_INPUT,
                   "%s claims %" PRIu64 " bytes, but its %" PRIu64
                   " packed bytes cannot "
                   "hold them; write it again with np.savez",
                   name, (uint64_t)about->size, (uint64_t)about->comp_size);
  return WG_OK;
}

static int open_member(wg_io_bytes bytes, zip_t *archive, zip_int64_t index, member *opened) {
  zip_stat_t about;
  char stem[64];
  const char *name = member_name(archive, index);
  wg_io_quote(stem, sizeof stem, name, stem_length(name));
  snprintf(opened->name, sizeof opened->name, "%.120s[%s]", bytes.name, stem);
  zip_stat_init(&about);
  if (zip_stat_index(archive, (zip_uint64_t)index, 0, &about) < 0)
    return wg_fail(WG_ERR_INPUT, "%s cannot be read (%s); write it again with np.savez",
                   opened->name, zip_strerror(archive));
  WG_TRY(check_claims(opened->name, &about));
  opened->claimed = about.size;
  opened->file = zip_fopen_index(archive, (zip_uint64_t)index, 0);
  if (!opened->file)
    return wg_fail(WG_ERR_INPUT, "%s cannot be unpacked (%s); write it again with np.savez",
                   opened->name, zip_strerror(archive));
  return WG_OK;
}

/* Unpacks until `size` bytes are there or the member ends. */
static int unpack(member *from, unsigned char *out, size_t size, size_t *used) {
  while (*used < size) {
    zip_int64_t got = zip_fread(from->file, out + *used, size - *used);
    if (got == 0) return WG_OK;
    if (got < 0)
      return wg_fail(WG_ERR_INPUT, "%s cannot be unpacked (%s); write it again with np.savez",
                     from->name, zip_error_strerror(zip_file_get_error(from->file)));
    *used += (size_t)got;
  }
  return WG_OK;
}

/* The member's header alone. In scratch: at most the claimed size. */
static int unpack_header(wg_mem *scratch, member *from, wg_io_bytes *head,
                         wg_io_npy_header *header) {
  enum { LONGEST = 1 << 16 }; /* numpy itself refuses headers beyond 10000 bytes */
  unsigned char prefix[WG_IO_NPY_PREFIX];
  size_t used = 0, size = 0;
  WG_TRY(unpack(from, prefix, sizeof prefix, &used));
  *head = (wg_io_bytes){.name = from->name, .data = prefix, .size = used};
  WG_TRY(wg_io_npy_header_size(*head, &size));
  if (size > LONGEST)
    return wg_fail(WG_ERR_INPUT, "%s claims a header of %zu bytes; write it again with np.savez",
                   from->name, size);
  unsigned char *data = WG_NEW(scratch, unsigned char, WG_MAX(size, sizeof prefix));
  if (!data) return wg_no_memory();
  memcpy(data, prefix, used);
  head->data = data;
  WG_TRY(unpack(from, data, size, &used));
  head->size = used;
  return wg_io_npy_header_parse(*head, header);
}

/* The whole member, once archive and header agree on its size. */
static int unpack_member(wg_mem *scratch, member *from, wg_io_bytes *whole) {
  wg_io_bytes head;
  wg_io_npy_header header = {.kind = 'f'};
  WG_TRY(unpack_header(scratch, from, &head, &header));
  WG_TRY(wg_io_npy_check_size(from->name, &header, from->claimed));
  size_t size = (size_t)from->claimed;
  unsigned char *data = WG_NEW(scratch, unsigned char, size + 1);
  if (!data) return wg_no_memory();
  size_t used = head.size;
  memcpy(data, head.data, used);
  WG_TRY(unpack(from, data, size + 1, &used)); /* one more: the end has to be met */
  *whole = (wg_io_bytes){.name = from->name, .data = data, .size = used};
  return WG_OK;
}

static int parse_member(wg_mem *mem, wg_io_bytes bytes, zip_t *archive, zip_int64_t index,
                        wg_io_array *array) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  wg_io_bytes whole = {0};
  member from = {.file = NULL};
  int status = open_member(bytes, archive, index, &from);
  if (status == WG_OK) status = unpack_member(&scratch, &from, &whole);
  if (status == WG_OK) status = wg_io_parse_npy(mem, whole, array);
  if (status == WG_OK) snprintf(array->format, sizeof array->format, "npz");
  if (from.file) zip_fclose(from.file);
  wg_mem_clear(&scratch);
  return status;
}

int wg_io_parse_npz(wg_mem *mem, wg_io_bytes bytes, const char *key, wg_io_array *array) {
  zip_t *archive;
  zip_int64_t index = 0;
  WG_TRY(open_archive(bytes, &archive));
  int status = find_member(bytes, archive, key, &index);
  if (status == WG_OK) status = parse_member(mem, bytes, archive, index, array);
  zip_discard(archive);
  return status;
}

/* ---- listing ---- */

/* A member that is no array, or none that can be read, is listed without dtype. */
static int describe_member(wg_mem *mem, wg_io_bytes bytes, zip_t *archive, zip_int64_t index,
                           wg_io_entry *entry) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  wg_io_bytes head;
  wg_io_npy_header header = {.kind = 'f'};
  member from = {.file = NULL};
  int status = open_member(bytes, archive, index, &from);
  if (status == WG_OK) status = unpack_header(&scratch, &from, &head, &header);
  if (status == WG_OK) {
    entry->ndim = header.ndim;
    memcpy(entry->shape, header.shape, sizeof entry->shape);
    memcpy(entry->dtype, header.dtype, sizeof entry->dtype);
  }
  if (from.file) zip_fclose(from.file);
  wg_mem_clear(&scratch);
  return status == WG_ERR_INPUT ? WG_OK : status;
}

static int describe_members(wg_mem *mem, wg_io_bytes bytes, zip_t *archive, char *names,
                            wg_io_listing *listing) {
  listing->count = 0;
  for (zip_int64_t k = 0; k < zip_get_num_entries(archive, 0); k++) {
    const char *name = member_name(archive, k);
    size_t stem = stem_length(name);
    if (!stem) continue;
    wg_io_entry *entry = &listing->entries[listing->count++];
    memcpy(names, name, stem);
    entry->name = names;
    names += stem + 1; /* the block came zeroed: each name ends */
    WG_TRY(describe_member(mem, bytes, archive, k, entry));
  }
  return WG_OK;
}

int wg_io_list(wg_mem *mem, wg_io_bytes bytes, wg_io_listing *listing) {
  zip_t *archive;
  WG_TRY(open_archive(bytes, &archive));
  zip_int64_t count = zip_get_num_entries(archive, 0);
  size_t letters = 0;
  for (zip_int64_t k = 0; k < count; k++) letters += strlen(member_name(archive, k)) + 1;
  wg_io_listing found = {.entries = WG_NEW(mem, wg_io_entry, count)};
  char *names = found.entries ? WG_NEW(mem, char, letters) : NULL;
  int status = names ? describe_members(mem, bytes, archive, names, &found) : wg_no_memory();
  zip_discard(archive);
  if (status < 0) {
    wg_drop(mem, names);
    wg_drop(mem, found.entries);
    return status;
  }
  *listing = found;
  return WG_OK;
}

/* ---- writing ---- */

/* 1 January 1980, the zip epoch and what np.savez writes. */
enum { DOS_EPOCH_DATE = 1 << 5 | 1 };

static int add_member(wg_mem *scratch, zip_t *archive, const wg_io_member *array) {
  wg_io_bytes npy;
  WG_TRY(wg_io_encode_npy(scratch, array, &npy));
  size_t size = strlen(array->name) + sizeof ".npy";
  char *name = WG_NEW(scratch, char, size);
  if (!name) return wg_no_memory();
  snprintf(name, size, "%s.npy", array->name);
  zip_source_t *source = zip_source_buffer(archive, npy.data, npy.size, 0);
  zip_int64_t index = source ? zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) : -1;
  if (index < 0) {
    zip_source_free(source);
    return wg_fail(WG_ERR_IO, "zip member %s cannot be made: %s", name, zip_strerror(archive));
  }
  zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_DEFLATE, 0);
  zip_file_set_dostime(archive, (zip_uint64_t)index, 0, DOS_EPOCH_DATE, 0);
  return WG_OK;
}

/* Fills the archive behind `source`; it is complete once closed. */
static int fill_archive(wg_mem *scratch, zip_source_t *source, int count,
                        const wg_io_member *members) {
  zip_error_t error;
  zip_error_init(&error);
  zip_t *archive = zip_open_from_source(source, ZIP_TRUNCATE, &error);
  zip_error_fini(&error);
  if (!archive) return wg_fail(WG_ERR_IO, "a zip archive cannot be made in memory");
  zip_source_keep(source); /* closing the archive gives up its own hold */
  int status = WG_OK;
  for (int k = 0; k < count && status == WG_OK; k++)
    status = add_member(scratch, archive, &members[k]);
  if (status == WG_OK && zip_close(archive) == 0) return WG_OK;
  if (status == WG_OK)
    status = wg_fail(WG_ERR_IO, "a zip archive cannot be finished: %s", zip_strerror(archive));
  zip_discard(archive);
  return status;
}

/* The bytes that were written to `source`. */
static int drain(wg_mem *scratch, zip_source_t *source, wg_io_bytes *bytes) {
  zip_stat_t about;
  zip_stat_init(&about);
  if (zip_source_stat(source, &about) < 0 || zip_source_open(source) < 0)
    return wg_fail(WG_ERR_IO, "a zip archive cannot be read back from memory");
  unsigned char *data = WG_NEW(scratch, unsigned char, about.size);
  zip_int64_t got = data ? zip_source_read(source, data, about.size) : 0;
  zip_source_close(source);
  if (!data) return wg_no_memory();
  *bytes = (wg_io_bytes){.data = data, .size = (size_t)about.size};
  return got == (zip_int64_t)about.size
             ? WG_OK
             : wg_fail(WG_ERR_IO, "a zip archive cannot be read back from memory");
}

int wg_io_write_npz(const char *path, int count, const wg_io_member *members) {
  wg_ledger ledger = {0};
  wg_mem scratch = wg_mem_of(&ledger);
  wg_io_bytes bytes = {0};
  zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
  int status = source ? fill_archive(&scratch, source, count, members)
                      : wg_fail(WG_ERR_MEMORY, "out of memory for a zip archive");
  if (status == WG_OK) status = drain(&scratch, source, &bytes);
  if (status == WG_OK) status = wg_io_write_bytes(path, bytes.data, bytes.size);
  zip_source_free(source);
  wg_mem_clear(&scratch);
  return status;
}
