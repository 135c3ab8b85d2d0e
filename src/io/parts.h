/* What the files of this folder share: the npy header. Not for other
 * folders; they include io/io.h. */
#ifndef WG_IO_PARTS_H
#define WG_IO_PARTS_H

#include "io/io.h"

/* ---- npy.c: one array in numpy's format ---- */
typedef struct wg_io_npy_header {
  char dtype[32]; /* as in the file */
  char kind;      /* 'b', 'i', 'u' or 'f' */
  bool big_endian;
  int width; /* bytes an entry: 1, 2, 4, 8 */
  bool fortran_order;
  int ndim;
  int64_t shape[WG_IO_MAX_NDIM];
  int64_t count;
  size_t data_offset, data_bytes; /* their sum does not overflow */
} wg_io_npy_header;
/* The fixed part before the dict: magic, version, length of the dict. */
enum { WG_IO_NPY_MIN = 10, WG_IO_NPY_PREFIX = 12 };
/* *size = bytes up to the data; needs the first WG_IO_NPY_PREFIX bytes of the file, or all. */
int wg_io_npy_header_size(wg_io_bytes bytes, size_t *size);
/* Reads and checks the header; bytes need not hold the data. */
int wg_io_npy_header_parse(wg_io_bytes bytes, wg_io_npy_header *header);
/* Refuses a file of `size` bytes that does not end where the data end. */
int wg_io_npy_check_size(const char *name, const wg_io_npy_header *header, uint64_t size);
int wg_io_parse_npy(wg_mem *mem, wg_io_bytes bytes, wg_io_array *array);
/* What comes before the data in the npy file of an array; its size. */
enum { WG_IO_NPY_HEAD = WG_IO_SHAPE_TEXT + 256 };
size_t wg_io_npy_head(const wg_io_member *array, unsigned char head[WG_IO_NPY_HEAD]);
/* The npy file of an array, in memory. */
int wg_io_encode_npy(wg_mem *mem, const wg_io_member *array, wg_io_bytes *bytes);

/* ---- npz.c, text.c: see wg_io_parse ---- */
int wg_io_parse_npz(wg_mem *mem, wg_io_bytes bytes, const char *key, wg_io_array *array);
int wg_io_parse_text(wg_mem *mem, wg_io_bytes bytes, wg_io_array *array);

#endif
