/* Families of gauges: p=A:B[:COUNT], kyfan=A:B, or a list.
 *
 * Schatten gauges are equally spaced in 1/p: between 1 and infinity there is no other scale on
 * which both ends have a place, and W changes evenly along it. A list is separated by semicolons,
 * for a gauge with blocks has commas of its own. */
#include <inttypes.h>
#include <string.h>

#include "path.h"

enum { DEFAULT_COUNT = 9 }; /* 1, 8/7, 4/3, 8/5, 2, 8/3, 4, 8, inf */

static int refuse(const char *text, const char *remedy) {
  return wg_fail(WG_ERR_ARGUMENT, "--gauges '%.200s' is not usable: %s", text, remedy);
}

static int make_room(wg_mem *mem, int64_t count, bool numbered, wg_path_family *family) {
  family->count = count;
  family->gauges = WG_NEW(mem, char *, count);
  family->labels = WG_NEW(mem, char *, count);
  if (numbered) family->parameter = WG_NEW(mem, double, count);
  if (!family->gauges || !family->labels || (numbered && !family->parameter)) return wg_no_memory();
  for (int64_t k = 0; k < count; k++)
    if (!(family->labels[k] = WG_NEW(mem, char, WG_PATH_LABEL))) return wg_no_memory();
  return WG_OK;
}

/* Keeps the canonical spelling of a gauge. */
static int keep(wg_mem *mem, const char *gauge, char **kept) {
  char text[WG_CLI_SENTENCE];
  WG_TRY(wg_cli_check_gauge("--gauges", gauge));
  WG_TRY(wg_gauge_canonical(gauge, 0, text, sizeof text));
  if (!(*kept = WG_NEW(mem, char, strlen(text) + 1))) return wg_no_memory();
  memcpy(*kept, text, strlen(text) + 1);
  return WG_OK;
}

/* The text before the next colon, ended there; *rest is what follows, or NULL. */
static char *cut(char *text, char **rest) {
  *rest = text ? strchr(text, ':') : NULL;
  if (*rest) *(*rest)++ = '\0';
  return text;
}

/* ---- p = A:B[:COUNT] ---- */

static bool read_p(const char *text, double *p) {
  *p = INFINITY;
  if (text && !strcmp(text, "inf")) return true;
  return text && wg_cli_read_real(text, p) && *p >= 0.5;
}

static int parse_p(wg_mem *mem, const char *whole, char *text, wg_path_family *family) {
  char *second, *third, *more;
  double from, to;
  int64_t count = DEFAULT_COUNT;
  cut(text, &second);
  cut(second, &third);
  cut(third, &more);
  if (!read_p(text, &from) || !read_p(second, &to) || !(from < to) || more ||
      (third && (!wg_cli_read_count(third, &count) || count < 2 || count > WG_PATH_MOST)))
    return refuse(whole,
                  "give p=A:B or p=A:B:COUNT with 1/2 <= A < B, B a number or inf, and "
                  "COUNT from 2 to 1000");
  family->name = "p";
  WG_TRY(make_room(mem, count, true, family));
  for (int64_t k = 0; k < count; k++) {
    const double t = (double)k / (double)(count - 1);
    const double p = k == 0 ? from : k == count - 1 ? to : 1.0 / ((1.0 - t) / from + t / to);
    char gauge[64];
    snprintf(gauge, sizeof gauge, "schatten:%.17g", p);
    snprintf(family->labels[k], WG_PATH_LABEL, "%.4g", p);
    family->parameter[k] = p;
    WG_TRY(keep(mem, gauge, &family->gauges[k]));
  }
  return WG_OK;
}

/* ---- kyfan = A:B ---- */

static int parse_kyfan(wg_mem *mem, const char *whole, char *text, wg_path_family *family) {
  char *second, *more;
  int64_t from, to;
  cut(text, &second);
  cut(second, &more);
  if (!wg_cli_read_count(text, &from) || !second || !wg_cli_read_count(second, &to) || more ||
      to < from || to - from >= WG_PATH_MOST)
    return refuse(whole, "give kyfan=A:B with whole numbers 1 <= A <= B, at most 1000 of them");
  family->name = "k";
  WG_TRY(make_room(mem, to - from + 1, true, family));
  for (int64_t k = 0; k < family->count; k++) {
    char gauge[64];
    snprintf(gauge, sizeof gauge, "kyfan:%" PRId64, from + k);
    snprintf(family->labels[k], WG_PATH_LABEL, "%" PRId64, from + k);
    family->parameter[k] = (double)(from + k);
    WG_TRY(keep(mem, gauge, &family->gauges[k]));
  }
  return WG_OK;
}

/* ---- a list ---- */

static int parse_list(wg_mem *mem, const char *whole, char *text, wg_path_family *family) {
  int64_t count = 1;
  for (const char *c = text; *c; c++) count += *c == ';';
  if (count > WG_PATH_MOST) return refuse(whole, "give at most 1000 gauges");
  family->name = "gauge";
  WG_TRY(make_room(mem, count, false, family));
  for (int64_t k = 0; k < count; k++) {
    char *end = strchr(text, ';');
    if (end) *end = '\0';
    text += strspn(text, " ");
    if (!*text) return refuse(whole, "give p=A:B, kyfan=A:B, or gauges separated by semicolons");
    WG_TRY(keep(mem, text, &family->gauges[k]));
    snprintf(family->labels[k], WG_PATH_LABEL, "%s", family->gauges[k]);
    text = end ? end + 1 : text;
  }
  return WG_OK;
}

int wg_path_parse(wg_mem *mem, const char *text, wg_path_family *family) {
  char *copy = WG_NEW(mem, char, strlen(text) + 1);
  if (!copy) return wg_no_memory();
  memcpy(copy, text, strlen(text) + 1);
  if (!strncmp(text, "p=", 2)) return parse_p(mem, text, copy + 2, family);
  if (!strncmp(text, "kyfan=", 6)) return parse_kyfan(mem, text, copy + 6, family);
  return parse_list(mem, text, copy, family);
}
