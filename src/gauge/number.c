/* Decimal numbers in gauge texts. strtod and printf follow the locale of the process, and a gauge
 * text must mean the same everywhere; so the locale's decimal point is swapped in before reading
 * and out after writing. Writing tries 1, 2, ... 17 digits until the text reads back to the same
 * double: 17 always do. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gauge/gauge.h"

/* Copies text with every `from` replaced by `to`; false if it does not fit. */
static bool copy_replacing(const char *text, size_t length, const char *from, const char *to,
                           char *out, size_t size) {
  size_t used = 0, from_length = strlen(from), to_length = strlen(to);
  for (size_t i = 0; i < length;) {
    bool match = length - i >= from_length && memcmp(text + i, from, from_length) == 0;
    size_t step = match ? to_length : 1;
    if (used + step >= size) return false;
    memcpy(out + used, match ? to : text + i, step);
    used += step;
    i += match ? from_length : 1;
  }
  out[used] = '\0';
  return true;
}

static const char *decimal_point(void) { return localeconv()->decimal_point; }

bool wg_gauge_read_number(const char *text, int length, double *number) {
  if (length == 3 && memcmp(text, "inf", 3) == 0) {
    *number = INFINITY;
    return true;
  }
  /* strtod also takes blanks, hexadecimal, "nan" and "infinity": none has such characters only. */
  size_t count = (size_t)length;
  if (!length || text[0] == '+' || strspn(text, "0123456789.eE+-") < count) return false;
  char local[256], *end;
  if (!copy_replacing(text, count, ".", decimal_point(), local, sizeof local)) return false;
  *number = strtod(local, &end);
  return *end == '\0' && end != local;
}

/* Significant digits - 1 needed by number, and its decimal exponent. */
static int shortest_digits(double number, int *exponent) {
  char text[WG_GAUGE_NUMBER];
  int digits = 0;
  do {
    snprintf(text, sizeof text, "%.*e", digits, number);
    digits++;
  } while (digits < 17 && strtod(text, NULL) != number);
  *exponent = atoi(strchr(text, 'e') + 1);
  return digits - 1;
}

void wg_gauge_write_number(double number, char text[WG_GAUGE_NUMBER]) {
  char local[WG_GAUGE_NUMBER];
  if (isinf(number)) {
    snprintf(text, WG_GAUGE_NUMBER, "inf");
    return;
  }
  int exponent, digits = shortest_digits(number, &exponent);
  /* Plain notation where all digits of the integer part are exact and few zeros lead. */
  if (exponent >= -5 && exponent <= 15)
    snprintf(local, sizeof local, "%.*f", WG_MAX(0, digits - exponent), number);
  else
    snprintf(local, sizeof local, "%.*e", digits, number);
  copy_replacing(local, strlen(local), decimal_point(), ".", text, WG_GAUGE_NUMBER);
}
