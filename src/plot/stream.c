/* Pictures for a film: PNGs of one even size, as encoders want them, written one behind the other
 * to a stream. Only one is held at a time: 2.3 MB for 280 points of height. Cost of one: what is
 * drawn and some 20 ms for the PNG. */
#include "plot/panel.h"

#define PIXELS_PER_POINT 2.0

static cairo_status_t pass_on(void *closure, const unsigned char *bytes, unsigned int length) {
  return fwrite(bytes, 1, length, closure) == length ? CAIRO_STATUS_SUCCESS
                                                     : CAIRO_STATUS_WRITE_ERROR;
}

static int failure_of(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return WG_OK;
  if (status == CAIRO_STATUS_NO_MEMORY) return wg_no_memory();
  if (status == CAIRO_STATUS_WRITE_ERROR)
    return wg_fail(WG_ERR_IO, "the pictures of the film cannot be kept: the disk may be full");
  return wg_fail(WG_ERR_INTERNAL, "drawing a picture failed: %s; please report it",
                 cairo_status_to_string(status));
}

static int even(double points) { return 2 * (int)ceil(0.5 * points * PIXELS_PER_POINT); }

int wg_stream_pictures(FILE *to, double height, int64_t count,
                       void (*draw)(const void *data, cairo_t *cairo, int64_t picture),
                       const void *data) {
  cairo_surface_t *surface =
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, even(WG_PAGE_WIDTH), even(height));
  cairo_t *cairo = cairo_create(surface);
  cairo_surface_destroy(surface); /* the context holds it */
  cairo_scale(cairo, PIXELS_PER_POINT, PIXELS_PER_POINT);
  int status = WG_OK;
  for (int64_t picture = 0; status == WG_OK && picture < count; picture++) {
    wg_prepare_page(cairo);
    draw(data, cairo, picture);
    cairo_status_t drawn = cairo_status(cairo);
    if (drawn == CAIRO_STATUS_SUCCESS)
      drawn = cairo_surface_write_to_png_stream(cairo_get_target(cairo), pass_on, to);
    status = failure_of(drawn);
  }
  cairo_destroy(cairo);
  return status;
}
