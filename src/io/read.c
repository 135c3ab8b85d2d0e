/* Recognising what a file is, and reading it.
 *
 * The kind is decided by the first bytes, because names lie and standard input has none. Cost
 * O(bytes); memory: the file (file/read.c), next to the array it gives, while reading. */
#include <inttypes.h>
#include <string.h>

#include "io/parts.h"

const char *wg_io_name(const char *path) { return wg_file_name(path); }

int wg_io_load(wg_mem *mem, const char *path, wg_io_bytes *bytes) {
  return wg_file_load(mem, path, bytes);
}

const char *wg_io_quote(char *out, size_t size, const char *text, size_t length) {
  size_t kept = WG_MIN(length, size - 1);
  if (kept < length) {
    kept -= WG_MIN(kept, (size_t)3);
    while (kept > 0 && ((unsigned char)text[kept] & 0xC0) == 0x80) kept--; /* whole UTF-8 only */
  }
  for (size_t k = 0; k < kept; k++) {
    unsigned char c = (unsigned char)text[k];
    out[k] = c < 0x20 || c == 0x7F ? '?' : text[k];
  }
  snprintf(out + kept, size - kept, "%s", kept < length ? "..." : "");
  return out;
}

const char *wg_io_shape_text(char out[WG_IO_SHAPE_TEXT], int ndim, const int64_t *shape) {
  int used = snprintf(out, WG_IO_SHAPE_TEXT, "(");
  for (int k = 0; k < ndim; k++)
    used += snprintf(out + used, (size_t)(WG_IO_SHAPE_TEXT - used), "%s%" PRId64, k ? ", " : "",
                     shape[k]);
  snprintf(out + used, (size_t)(WG_IO_SHAPE_TEXT - used), ndim == 1 ? ",)" : ")");
  return out;
}

static bool starts_with(wg_io_bytes bytes, const char *magic, size_t length) {
  return bytes.size >= length && !memcmp(bytes.data, magic, length);
}

wg_io_kind wg_io_recognise(wg_io_bytes bytes) {
  /* 0x93 begins no UTF-8 text, so a file cut inside numpy's magic is still called npy. */
  if (starts_with(bytes, "\x93", 1)) return WG_IO_NPY;
  if (starts_with(bytes, "PK\3\4", 4) || starts_with(bytes, "PK\5\6", 4)) return WG_IO_NPZ;
  if (starts_with(bytes, "WGCERT", 6)) return WG_IO_CERTIFICATE;
  return WG_IO_TEXT;
}

/* Containers often met in the place of an array: said by name, with the way out. */
static int refuse_foreign(wg_io_bytes bytes) {
  static const struct {
    const char *magic;
    size_t length;
    const char *what, *remedy;
  } foreign[] = {
      {"\x1F\x8B", 2, "gzip data", "unpack it first: gunzip"},
      {"BZh", 3, "bzip2 data", "unpack it first: bunzip2"},
      {"\xFD"
       "7zXZ",
       5, "xz data", "unpack it first: unxz"},
      {"\x89HDF", 4, "an HDF5 file", "save the array with np.save"},
      {"PAR1", 4, "a Parquet file", "save the array with np.save or as CSV"},
      {"MATLAB 5.0", 10, "a MATLAB file", "save the array with np.save or writematrix"},
      {"\x80\x04\x95", 3, "a Python pickle", "save the array with np.save"},
      {"\xFF\xFE", 2, "UTF-16 text", "save it as UTF-8"},
      {"\xFE\xFF", 2, "UTF-16 text", "save it as UTF-8"},
  };
  for (size_t k = 0; k < sizeof foreign / sizeof *foreign; k++)
    if (starts_with(bytes, foreign[k].magic, foreign[k].length))
      return wg_fail(WG_ERR_INPUT, "%s is %s, which wgamma does not read; %s", bytes.name,
                     foreign[k].what, foreign[k].remedy);
  return WG_OK;
}

int wg_io_parse(wg_mem *mem, wg_io_bytes bytes, const char *key, wg_io_array *array) {
  wg_io_kind kind = wg_io_recognise(bytes);
  if (kind == WG_IO_NPZ) return wg_io_parse_npz(mem, bytes, key, array);
  if (kind == WG_IO_CERTIFICATE)
    return wg_fail(WG_ERR_INPUT, "%s is a certificate, not an array; use: wgamma verify",
                   bytes.name);
  if (key)
    return wg_fail(WG_ERR_INPUT,
                   "%s is not an .npz file, so it has no member '%s'; leave out the key",
                   bytes.name, key);
  if (kind == WG_IO_NPY) return wg_io_parse_npy(mem, bytes, array);
  WG_TRY(refuse_foreign(bytes));
  return wg_io_parse_text(mem, bytes, array);
}

int wg_io_read(wg_mem *mem, const char *path, const char *key, wg_io_array *array) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  wg_io_bytes bytes = {0};
  int status = wg_io_load(&scratch, path, &bytes);
  if (status == WG_OK) status = wg_io_parse(mem, bytes, key, array);
  wg_mem_clear(&scratch);
  return status;
}
