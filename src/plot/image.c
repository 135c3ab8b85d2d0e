/* An image as numbers, for who wants to transport one: Cairo reads PNGs, which is the only kind.
 * Cost: its pixels, 12 bytes each while it is read. */
#include <stdint.h>

#include "plot/panel.h"

/* Cairo says "no memory" of files that are not PNGs at all. */
static int refuse(const char *path, cairo_status_t status) {
  if (status == CAIRO_STATUS_FILE_NOT_FOUND) return wg_fail(WG_ERR_IO, "%s does not exist", path);
  return wg_fail(WG_ERR_INPUT,
                 "%s cannot be read as a PNG image; is it one, whole, and does it fit into memory?",
                 path);
}

/* Of a pixel whose colours are multiplied by its opacity already. */
static double ink_of(uint32_t pixel, bool opaque) {
  const int64_t alpha = opaque ? 255 : pixel >> 24;
  const int64_t bright = 2126 * (int64_t)(pixel >> 16 & 255) + 7152 * (int64_t)(pixel >> 8 & 255) +
                         722 * (int64_t)(pixel & 255);
  return (double)WG_MAX(10000 * alpha - bright, 0) / (10000.0 * 255.0);
}

static void take_ink(cairo_surface_t *image, const int64_t shape[2], double *ink) {
  const unsigned char *bytes = cairo_image_surface_get_data(image);
  const bool opaque = cairo_image_surface_get_format(image) == CAIRO_FORMAT_RGB24;
  const int64_t stride = cairo_image_surface_get_stride(image);
  for (int64_t j = 0; j < shape[1]; j++) {
    const uint32_t *row = (const uint32_t *)(const void *)(bytes + (shape[1] - 1 - j) * stride);
    for (int64_t i = 0; i < shape[0]; i++) ink[i * shape[1] + j] = ink_of(row[i], opaque);
  }
}

int wg_plot_read_png(wg_mem *mem, const char *path, int64_t shape[2], double **ink) {
  cairo_surface_t *image = cairo_image_surface_create_from_png(path);
  const cairo_status_t fault = cairo_surface_status(image);
  int status = fault == CAIRO_STATUS_SUCCESS ? WG_OK : refuse(path, fault);
  const cairo_format_t format = cairo_image_surface_get_format(image);
  if (status == WG_OK && format != CAIRO_FORMAT_ARGB32 && format != CAIRO_FORMAT_RGB24)
    status =
        wg_fail(WG_ERR_INPUT,
                "%s has more than eight bits a colour, or none; save it as an ordinary PNG", path);
  if (status == WG_OK) {
    shape[0] = cairo_image_surface_get_width(image);
    shape[1] = cairo_image_surface_get_height(image);
    *ink = WG_NEW(mem, double, shape[0] * shape[1]);
    status = *ink ? WG_OK : wg_no_memory();
  }
  if (status == WG_OK) take_ink(image, shape, *ink);
  cairo_surface_destroy(image);
  return status;
}
