/* Fuzz target over every reader: the bytes are given to the array reader (by kind, with and without
 * a key), to the npz listing and to the certificate reader. What has to hold, whatever the bytes:
 * no crash; a failure is WG_ERR_INPUT or one of memory, says something, and leaves nothing
 * allocated; a success has a shape that multiplies to its count.
 *
 * With clang:  cmake -DWG_FUZZ=ON, then  fuzz_read tests/fuzz/corpus
 * Without:     tests/unit/test_fuzz_smoke.c runs the same target on mutated seeds.
 *
 * A certificate is also read with its checksum made right, or nothing would get past it. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 1 << 26 };

static void demand(int condition) {
  if (!condition) abort();
}

static void check_outcome(int status, const wg_ledger *ledger) {
  if (status == WG_OK) return;
  demand(status == WG_ERR_INPUT || status == WG_ERR_MEMORY || status == WG_ERR_MEMORY_LIMIT);
  demand(wg_error_detail()[0] != '\0');
  demand(ledger->now == 0);
}

static void fuzz_array(wg_io_bytes bytes, const char *key) {
  wg_ledger ledger = {.limit = MEMORY};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  int64_t product = 1, rows, columns;
  int status = wg_io_parse(&mem, bytes, key, &array);
  check_outcome(status, &ledger);
  if (status == WG_OK) {
    demand(array.ndim >= 0 && array.ndim <= WG_IO_MAX_NDIM);
    for (int k = 0; k < array.ndim; k++) product *= array.shape[k];
    demand(product == array.count);
    wg_io_check_finite(bytes.name, &array);
    wg_io_check_vector(bytes.name, &array, &rows);
    if (wg_io_check_points(bytes.name, &array, &rows, &columns) == WG_OK)
      demand(rows * columns == array.count);
  }
  wg_mem_clear(&mem);
}

static void fuzz_listing(wg_io_bytes bytes) {
  wg_ledger ledger = {.limit = MEMORY};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_listing listing;
  int status = wg_io_list(&mem, bytes, &listing);
  check_outcome(status, &ledger);
  for (int64_t k = 0; status == WG_OK && k < listing.count; k++)
    demand(listing.entries[k].name[0] != '\0');
  wg_mem_clear(&mem);
}

static void fuzz_certificate(wg_io_bytes bytes) {
  wg_ledger ledger = {.limit = MEMORY};
  wg_mem mem = wg_mem_of(&ledger);
  wg_file_certificate certificate;
  int status = wg_file_parse_certificate(&mem, bytes, &certificate);
  check_outcome(status, &ledger);
  for (int k = 0; status == WG_OK && k < certificate.count; k++) { /* every byte is there */
    const wg_certificate_array *array = &certificate.arrays[k];
    const unsigned char *data = array->data;
    size_t size = 8;
    unsigned sum = 0;
    for (int axis = 0; axis < array->ndim; axis++) size *= (size_t)array->shape[axis];
    for (size_t i = 0; i < size; i++) sum += data[i];
    demand(array->name[0] && certificate.gauge[0] && sum <= 255 * size);
  }
  wg_mem_clear(&mem);
}

static void fuzz_resealed(wg_io_bytes bytes) {
  unsigned char *copy = malloc(bytes.size);
  if (!copy) return;
  size_t covered = bytes.size - 4;
  memcpy(copy, bytes.data, bytes.size);
  uint32_t checksum = (uint32_t)crc32_z(0, copy, covered);
  for (int k = 0; k < 4; k++) copy[covered + (size_t)k] = (unsigned char)(checksum >> 8 * k);
  fuzz_certificate((wg_io_bytes){bytes.name, copy, bytes.size});
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wg_io_bytes bytes = {.name = "input", .data = data, .size = size};
  wg_io_kind kind = wg_io_recognise(bytes);
  if (size == 0) return 0; /* wg_io_load refuses it */
  fuzz_array(bytes, NULL);
  if (kind == WG_IO_NPZ) {
    fuzz_array(bytes, "x");
    fuzz_listing(bytes);
  }
  if (kind == WG_IO_CERTIFICATE) {
    fuzz_certificate(bytes);
    if (size > 4) fuzz_resealed(bytes);
  }
  return 0;
}
