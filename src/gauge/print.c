/* Canonical text of a gauge: the inverse of parse.c. Short names where they exist (trace,
 * frobenius, operator), numbers by number.c, a rate only when it is not 1, so that equal specs have
 * equal texts. */
#include <stdio.h>
#include <string.h>

#include "gauge/gauge.h"

/* Appends to a text of limited size, counting what does not fit. */
typedef struct writer {
  char *text;
  size_t size, used;
} writer;

static void put(writer *w, const char *piece) {
  for (; *piece; piece++, w->used++)
    if (w->used + 1 < w->size) w->text[w->used] = *piece;
}

static void put_count(writer *w, int64_t count) {
  char digits[32];
  snprintf(digits, sizeof digits, "%lld", (long long)count);
  put(w, digits);
}

static void put_number(writer *w, double number) {
  char digits[WG_GAUGE_NUMBER];
  wg_gauge_write_number(number, digits);
  put(w, digits);
}

static void put_block_gauge(writer *w, const wg_gauge_block *block) {
  if (block->kind == WG_KYFAN) {
    put(w, "kyfan:");
    put_count(w, block->k);
  } else if (block->p == 1.0) {
    put(w, "trace");
  } else if (block->p == 2.0) {
    put(w, "frobenius");
  } else if (isinf(block->p)) {
    put(w, "operator");
  } else {
    put(w, "schatten:");
    put_number(w, block->p);
  }
}

static void put_placed_block(writer *w, const wg_gauge_block *block) {
  put_block_gauge(w, block);
  put(w, "@");
  put_count(w, block->size);
  if (block->rate != 1.0) {
    put(w, "/");
    put_number(w, block->rate);
  }
}

size_t wg_gauge_write(const wg_gauge_spec *spec, char *text, size_t size) {
  writer w = {.text = text, .size = size, .used = 0};
  if (spec->outer == WG_SINGLE) {
    put_block_gauge(&w, &spec->blocks[0]);
  } else {
    put(&w, spec->outer == WG_BLOCK_SUM ? "sum:" : "max:");
    for (int64_t b = 0; b < spec->block_count; b++) {
      if (b) put(&w, ",");
      put_placed_block(&w, &spec->blocks[b]);
    }
  }
  if (size) text[WG_MIN(w.used, size - 1)] = '\0';
  return w.used;
}

void wg_gauge_print(const wg_gauge_spec *spec, char text[WG_GAUGE_TEXT]) {
  wg_gauge_write(spec, text, WG_GAUGE_TEXT);
}
