/* io: arrays in and out: npy, npz, text tables. Includes base and file only. Every reader names
 * file, entry and remedy in its error; every writer writes a temporary file and renames it.
 *
 * Status: whatever is wrong with an input (missing, a directory, damaged, not numeric) is
 * WG_ERR_INPUT; an output that cannot be written is WG_ERR_IO. A reader that fails leaves its
 * output and the owner `mem` as they were. */
#ifndef WG_IO_H
#define WG_IO_H

#include <stdio.h>

#include "file/file.h"

enum { WG_IO_MAX_NDIM = 8 };

/* A numeric array as read: float64, C order, whatever the file held. Integers beyond 2^53 are
 * rounded to the nearest float64. */
typedef struct wg_io_array {
  double *data;
  int ndim; /* 0..8 */
  int64_t shape[WG_IO_MAX_NDIM];
  int64_t count;
  char dtype[32];  /* as in the file: "<f4", ">i8", "text" */
  char format[16]; /* "npy", "npz", "csv", "tsv", "text"   */
  bool fortran_order;
  bool header; /* a text file whose first line holds names */
} wg_io_array;

/* Reads an array from path: .npy, .npz (member key, or the only one when key is NULL), anything
 * else is text (comma, semicolon, tab or blanks, with or without a header line); "-" is standard
 * input. The kind is recognised from the bytes, not the name. Entries may be NaN or infinite here;
 * wg_io_check_finite refuses them. Text always gives two dimensions, rows x columns. Memory from
 * mem; the bytes of the file are held while it is read. */
int wg_io_read(wg_mem *mem, const char *path, const char *key, wg_io_array *array);
/* WG_ERR_INPUT naming the first entry that is not finite: "x.npy: entry [3, 0] is nan; ...". */
int wg_io_check_finite(const char *path, const wg_io_array *array);
/* The array as points, a row each: (n, d) is n x d, (n,) is n x 1; no other shape, none empty. */
int wg_io_check_points(const char *path, const wg_io_array *array, int64_t *rows, int64_t *columns);
/* The array as one number a point: (n,), (n, 1) or (1, n); no other shape, none empty. */
int wg_io_check_vector(const char *path, const wg_io_array *array, int64_t *count);

/* The same in steps, for callers that have the bytes or ask first what they are ---------------- */
typedef wg_file_bytes wg_io_bytes;
typedef enum wg_io_kind { WG_IO_TEXT, WG_IO_NPY, WG_IO_NPZ, WG_IO_CERTIFICATE } wg_io_kind;
/* A member of an npz; dtype is "" when it is not an array that wgamma reads. */
typedef struct wg_io_entry {
  const char *name; /* without ".npy" */
  char dtype[32];
  int ndim;
  int64_t shape[WG_IO_MAX_NDIM];
} wg_io_entry;
typedef struct wg_io_listing {
  int64_t count;
  wg_io_entry *entries;
} wg_io_listing;

/* For messages. Text of a file: at most `size` - 1 bytes of it, control characters as '?', "..."
 * where it was cut. A shape: "(3, 2)", "(3,)", "()" as Python writes a tuple. Both return out. */
enum { WG_IO_SHAPE_TEXT = 22 * WG_IO_MAX_NDIM + 4 };
const char *wg_io_quote(char *out, size_t size, const char *text, size_t length);
const char *wg_io_shape_text(char out[WG_IO_SHAPE_TEXT], int ndim, const int64_t *shape);
/* What messages call path: itself, or "standard input" for "-". */
const char *wg_io_name(const char *path);
/* The whole file (not empty), or standard input for "-". */
int wg_io_load(wg_mem *mem, const char *path, wg_io_bytes *bytes);
wg_io_kind wg_io_recognise(wg_io_bytes bytes);
int wg_io_parse(wg_mem *mem, wg_io_bytes bytes, const char *key, wg_io_array *array);
int wg_io_list(wg_mem *mem, wg_io_bytes bytes, wg_io_listing *listing);

/* Writes --------------------------------------------------------------------------------------- */

/* Output is checked before long work begins: can a file be created at path? WG_ERR_IO if not.
 * Nothing is left behind. */
int wg_io_check_writable(const char *path);

typedef struct wg_io_member {
  const char *name;  /* npz member without ".npy"          */
  const char *dtype; /* "<f8", "<f4", "<i8" or "|S<k>" (k bytes) */
  int ndim;
  int64_t shape[WG_IO_MAX_NDIM];
  const void *data; /* native byte order, C order */
} wg_io_member;
int wg_io_write_npy(const char *path, const wg_io_member *array);
/* Deflated, and without time stamps: the same members give the same bytes. */
int wg_io_write_npz(const char *path, int count, const wg_io_member *members);
/* Writes bytes to a temporary name beside path and renames it over path ("-": standard output; a
 * device or pipe is written directly). On failure what was at path is untouched. */
int wg_io_write_bytes(const char *path, const void *bytes, size_t size);

/* Journals: lines that are on the disk once appended, for runs that are resumed ---------------- */
typedef struct wg_io_journal wg_io_journal;
/* Given each line that was appended before, without its checksum and end; negative: an error. */
typedef int (*wg_io_line_fn)(const char *line, void *data);
/* Opens or creates the journal at path for the work that `header` (one line) names, and hands over
 * its lines. What a killed run left of its last line is cut off. WG_ERR_INPUT, the file untouched,
 * when it is no journal, is damaged before its end, or another process has it open; when its header
 * is another one, *other (owned by mem) is that and the detail only says that it differs. Held
 * until wg_io_journal_close. */
int wg_io_journal_open(wg_mem *mem, const char *path, const char *header, wg_io_line_fn take,
                       void *data, wg_io_journal **journal, const char **other);
/* A line without control characters. When this returns WG_OK it survives a kill. */
int wg_io_journal_append(wg_io_journal *journal, const char *line);
void wg_io_journal_close(wg_io_journal *journal); /* NULL is fine */

/* Matrices larger than memory ------------------------------------------------------------------ */

/* A plain .npy (float64 or float32, little-endian, C order) as it lies in the file, read-only. */
typedef struct wg_io_map {
  const void *data;
  bool single;
  int ndim;
  int64_t shape[WG_IO_MAX_NDIM];
  int64_t count;
  void *start; /* of the mapping, and its size */
  size_t size;
} wg_io_map;
/* *plain is false, and nothing is mapped, when path is something else, which wg_io_read may read. A
 * file that shrinks while it is mapped ends the process. */
int wg_io_map_npy(const char *path, wg_io_map *map, bool *plain);
void wg_io_unmap(wg_io_map *map);

/* An .npy that is filled where it will lie: a temporary file of the full size beside path, mapped;
 * memory where path is standard output or a device. array: dtype "<f8" or "<f4" and shape; its data
 * are not looked at. Finishing renames it; until then nothing is seen at path. */
typedef struct wg_io_output wg_io_output;
int wg_io_output_begin(wg_mem *mem, const char *path, const wg_io_member *array,
                       wg_io_output **output, void **data);
int wg_io_output_finish(wg_io_output *output);
void wg_io_output_discard(wg_io_output *output); /* NULL, and one that is finished, are fine */

#endif
