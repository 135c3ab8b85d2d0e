/* Plain npy files, mapped: a matrix larger than memory is read as it is walked over.
 *
 * Only what needs no conversion is taken: float64 or float32, little-endian, C order. Everything
 * else is left to wg_io_read. The header goes through the parser of npy.c, which trusts nothing. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/parts.h"

static bool is_native(const wg_io_npy_header *header) {
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && header->kind == 'f' && header->width >= 4 &&
         !header->big_endian && !header->fortran_order && header->count > 0;
}

/* The whole file, or NULL when it cannot be mapped. */
static void *map_file(const char *path, size_t *size) {
  struct stat about;
  void *start = MAP_FAILED;
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return NULL;
  if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0) {
    *size = (size_t)about.st_size;
    start = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0);
  }
  close(file);
  return start == MAP_FAILED ? NULL : start;
}

/* Entries have to lie on their own multiples, as numpy puts them. */
static int take_header(const char *path, wg_io_map *map, bool *plain) {
  wg_io_npy_header header;
  wg_io_bytes bytes = {.name = path, .data = map->start, .size = map->size};
  if (wg_io_recognise(bytes) != WG_IO_NPY) return WG_OK;
  WG_TRY(wg_io_npy_header_parse(bytes, &header));
  WG_TRY(wg_io_npy_check_size(path, &header, map->size));
  if (!is_native(&header) || header.data_offset % (size_t)header.width) return WG_OK;
  map->data = bytes.data + header.data_offset;
  map->single = header.width == 4;
  map->ndim = header.ndim;
  memcpy(map->shape, header.shape, sizeof map->shape);
  map->count = header.count;
  *plain = true;
  return WG_OK;
}

int wg_io_map_npy(const char *path, wg_io_map *map, bool *plain) {
  *plain = false;
  *map = (wg_io_map){.start = NULL};
  if (!strcmp(path, "-")) return WG_OK;
  map->start = map_file(path, &map->size);
  if (!map->start) return WG_OK;
  int status = take_header(path, map, plain);
  if (!*plain) wg_io_unmap(map);
  return status;
}

void wg_io_unmap(wg_io_map *map) {
  if (map->start) munmap(map->start, map->size);
  *map = (wg_io_map){.start = NULL};
}
