/* Private to file/: the layout of a certificate, from its kind and sizes. */
#ifndef WG_FILE_PARTS_H
#define WG_FILE_PARTS_H

#include "file/file.h"

typedef struct wg_file_size_rule {
  char letter; /* in the axes of arrays */
  const char *name;
  int64_t least;
  bool optional; /* zero when the header lacks it */
  bool flag;     /* zero or one */
} wg_file_size_rule;

/* axes: one text for each axis, commas between; an axis is the product of its letters and digits,
 * and t is steps + 1. */
typedef struct wg_file_array_rule {
  const char *name, *axes;
  bool integers;
  char only_with; /* the letter of a size: there exactly when that is positive; 0: always */
} wg_file_array_rule;

struct wg_file_kind {
  const char *name;
  wg_file_size_rule sizes[WG_FILE_SIZES];    /* ends with letter 0, or when full  */
  wg_file_array_rule arrays[WG_FILE_ARRAYS]; /* ends with name NULL, or when full */
};

/* An array where it lies. */
typedef struct wg_file_part {
  const wg_file_array_rule *rule;
  int ndim;
  int64_t shape[3], count; /* entries, each of 8 bytes */
  uint64_t offset;         /* from the start of the data */
} wg_file_part;
typedef struct wg_file_layout {
  int count;
  wg_file_part parts[WG_FILE_ARRAYS];
  uint64_t bytes; /* of all arrays */
} wg_file_layout;

int wg_file_size_count(const wg_file_kind *kind);
int wg_file_rule_count(const wg_file_kind *kind);
/* False if a size is too small or the bytes overflow. */
bool wg_file_lay_out(const wg_file_kind *kind, const int64_t *sizes, wg_file_layout *layout);
/* "n, m, d or count": names of the sizes that a header needs, or of all. Returns out. */
enum { WG_FILE_NAMES = 80 };
const char *wg_file_size_names(const wg_file_kind *kind, bool needed, char out[WG_FILE_NAMES]);
/* NULL, or which claimed number is not finite: "lower", "upper", "tol". */
const char *wg_file_bad_claim(const double claim[WG_FILE_CLAIMS], double *value);

#endif
