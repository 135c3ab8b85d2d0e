/* Arrays as files: whole, or filled where they lie.
 *
 * A matrix larger than memory is filled through a mapping of the temporary file that becomes its
 * file (file/write.c). Cost O(bytes). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/parts.h"

int wg_io_write_bytes(const char *path, const void *bytes, size_t size) {
  return wg_file_write(path, bytes, size);
}

int wg_io_check_writable(const char *path) { return wg_file_check_writable(path); }

int wg_io_write_npy(const char *path, const wg_io_member *array) {
  wg_ledger ledger = {0};
  wg_mem scratch = wg_mem_of(&ledger);
  wg_io_bytes bytes = {0};
  int status = wg_io_encode_npy(&scratch, array, &bytes);
  if (status == WG_OK) status = wg_io_write_bytes(path, bytes.data, bytes.size);
  wg_mem_clear(&scratch);
  return status;
}

/* ---- outputs that are filled where they lie ---- */

struct wg_io_output {
  wg_file_target to;
  bool mapped, open;
  unsigned char *bytes; /* the whole file */
  size_t size;
};

/* The space is taken beforehand: a disk that fills would otherwise show as a signal. */
static int map_temporary(wg_io_output *output) {
  int trouble = posix_fallocate(output->to.file, 0, (off_t)output->size);
  if (trouble == EOPNOTSUPP || trouble == EINVAL)
    trouble = ftruncate(output->to.file, (off_t)output->size) == 0 ? 0 : errno;
  void *bytes = MAP_FAILED;
  if (!trouble) {
    bytes = mmap(NULL, output->size, PROT_READ | PROT_WRITE, MAP_SHARED, output->to.file, 0);
    if (bytes == MAP_FAILED) trouble = errno;
  }
  if (!trouble) {
    output->bytes = bytes;
    output->mapped = output->open = true;
    return WG_OK;
  }
  close(output->to.file);
  unlink(output->to.temporary);
  return wg_file_cannot_write(output->to.asked, strerror(trouble));
}

static int open_output(wg_mem *mem, const char *path, wg_io_output *output) {
  bool stream = !strcmp(path, "-");
  output->to.asked = path;
  if (!stream) WG_TRY(wg_file_examine(path, &output->to));
  if (stream || output->to.special) {
    output->bytes = WG_NEW(mem, unsigned char, output->size);
    output->open = true;
    return output->bytes ? WG_OK : wg_no_memory();
  }
  WG_TRY(wg_file_create(&output->to));
  return map_temporary(output);
}

int wg_io_output_begin(wg_mem *mem, const char *path, const wg_io_member *array,
                       wg_io_output **output, void **data) {
  unsigned char head[WG_IO_NPY_HEAD];
  size_t offset = wg_io_npy_head(array, head), size = array->dtype[2] == '4' ? 4 : 8;
  for (int k = 0; k < array->ndim; k++) size *= (size_t)array->shape[k];
  wg_io_output *made = WG_NEW(mem, wg_io_output, 1);
  if (!made) return wg_no_memory();
  made->size = offset + size;
  WG_TRY(open_output(mem, path, made));
  memcpy(made->bytes, head, offset);
  *data = made->bytes + offset;
  *output = made;
  return WG_OK;
}

int wg_io_output_finish(wg_io_output *output) {
  output->open = false;
  if (!output->mapped) return wg_io_write_bytes(output->to.asked, output->bytes, output->size);
  bool filled = munmap(output->bytes, output->size) == 0;
  return wg_file_settle(&output->to, filled)
             ? WG_OK
             : wg_file_cannot_write(output->to.asked, strerror(errno));
}

void wg_io_output_discard(wg_io_output *output) {
  if (!output || !output->open || !output->mapped) return;
  output->open = false;
  munmap(output->bytes, output->size);
  close(output->to.file);
  unlink(output->to.temporary);
}
