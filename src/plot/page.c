/* The file behind a figure: a Cairo surface chosen by the path's ending, drawn into memory, written
 * to a temporary file beside the target and renamed over it, so that a reader never meets half a
 * figure and a failed run leaves what was there. PDFs carry a fixed date: the same data give the
 * same bytes. Cost: a PNG holds 40 bytes a square point while it is drawn (216 dpi); the file's
 * bytes are held once. */
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "plot/panel.h"

#define PIXELS_PER_POINT 3.0

typedef enum page_kind { PAGE_NONE, PAGE_PDF, PAGE_SVG, PAGE_PNG } page_kind;

static page_kind kind_of(const char *path) {
  size_t length = strlen(path);
  const char *ending = length > 4 ? path + length - 4 : "";
  if (strcasecmp(ending, ".pdf") == 0) return PAGE_PDF;
  if (strcasecmp(ending, ".svg") == 0) return PAGE_SVG;
  if (strcasecmp(ending, ".png") == 0) return PAGE_PNG;
  return PAGE_NONE;
}

int wg_plot_check_path(const char *path) {
  if (kind_of(path) != PAGE_NONE) return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT,
                 "%s: a figure's name ends in .pdf, .svg or .png; add one of these endings", path);
}

/* ---- drawing into memory ---- */

/* Cairo's way to hand over the bytes of the file. */
static cairo_status_t keep_bytes(void *closure, const unsigned char *bytes, unsigned int length) {
  wg_page *page = closure;
  if (length > page->room - page->size) {
    size_t room = 2 * (page->size + length);
    unsigned char *grown = WG_GROW(page->mem, page->bytes, unsigned char, room);
    if (!grown) return CAIRO_STATUS_NO_MEMORY;
    page->bytes = grown;
    page->room = room;
  }
  memcpy(page->bytes + page->size, bytes, length);
  page->size += length;
  return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *new_pdf(wg_page *page, double height) {
  cairo_surface_t *surface =
      cairo_pdf_surface_create_for_stream(keep_bytes, page, WG_PAGE_WIDTH, height);
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "wgamma " WG_VERSION);
  return surface;
}

static cairo_surface_t *new_surface(wg_page *page, double height) {
  switch (kind_of(page->path)) {
    case PAGE_PDF: return new_pdf(page, height);
    case PAGE_SVG:
      return cairo_svg_surface_create_for_stream(keep_bytes, page, WG_PAGE_WIDTH, height);
    default:
      return cairo_image_surface_create(CAIRO_FORMAT_RGB24,
                                        (int)ceil(WG_PAGE_WIDTH * PIXELS_PER_POINT),
                                        (int)ceil(height * PIXELS_PER_POINT));
  }
}

void wg_prepare_page(cairo_t *cairo) {
  cairo_set_source_rgb(cairo, 1.0, 1.0, 1.0);
  cairo_paint(cairo);
  cairo_select_font_face(cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
}

void wg_page_open(wg_mem *mem, const char *path, double height, wg_page *page) {
  *page = (wg_page){.path = path, .mem = mem};
  cairo_surface_t *surface = new_surface(page, height);
  page->cairo = cairo_create(surface);
  cairo_surface_destroy(surface); /* the context holds it */
  if (kind_of(path) == PAGE_PNG) cairo_scale(page->cairo, PIXELS_PER_POINT, PIXELS_PER_POINT);
  wg_prepare_page(page->cairo);
}

/* Completes the bytes; the first error of the whole drawing comes out here. */
static cairo_status_t finish_drawing(wg_page *page) {
  cairo_status_t status = cairo_status(page->cairo);
  cairo_surface_t *surface = cairo_get_target(page->cairo);
  if (status == CAIRO_STATUS_SUCCESS && kind_of(page->path) == PAGE_PNG)
    status = cairo_surface_write_to_png_stream(surface, keep_bytes, page);
  cairo_surface_finish(surface);
  if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(surface);
  cairo_destroy(page->cairo);
  return status;
}

static int drawing_failed(const wg_page *page, cairo_status_t status) {
  switch (status) {
    case CAIRO_STATUS_NO_MEMORY:
      return wg_fail(WG_ERR_MEMORY, "%s: out of memory while drawing", page->path);
    case CAIRO_STATUS_INVALID_STRING:
      return wg_fail(WG_ERR_ARGUMENT, "%s: a title is not UTF-8; give another", page->path);
    default:
      return wg_fail(WG_ERR_INTERNAL, "%s: drawing failed: %s; please report it", page->path,
                     cairo_status_to_string(status));
  }
}

/* ---- the file ---- */

/* Not mkstemp: that would give the figure permissions nobody asked for. */
static FILE *open_temporary(const char *path, char *name, size_t size) {
  const int attempts = 100; /* leftovers of killed runs with the same process id */
  int descriptor = -1;
  for (int k = 0; k < attempts && descriptor < 0; k++) {
    snprintf(name, size, "%s.%ld-%d.tmp", path, (long)getpid(), k);
    descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno != EEXIST) break;
  }
  FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
  if (descriptor >= 0 && !file) {
    close(descriptor);
    unlink(name);
  }
  return file;
}

static int cannot_write(const char *path) {
  return wg_fail(WG_ERR_IO, "%s cannot be written: %s; choose another path", path, strerror(errno));
}

static int write_file(const wg_page *page) {
  size_t size = strlen(page->path) + 48;
  char *name = WG_NEW(page->mem, char, size);
  if (!name) return wg_no_memory();
  FILE *file = open_temporary(page->path, name, size);
  if (!file) return cannot_write(page->path);
  bool written = fwrite(page->bytes, 1, page->size, file) == page->size;
  bool closed = fclose(file) == 0;
  if (written && closed && rename(name, page->path) == 0) return WG_OK;
  int status = cannot_write(page->path);
  unlink(name);
  return status;
}

int wg_page_close(wg_page *page, int drawn) {
  cairo_status_t status = finish_drawing(page);
  if (drawn < 0) return drawn;
  if (status != CAIRO_STATUS_SUCCESS) return drawing_failed(page, status);
  return write_file(page);
}
