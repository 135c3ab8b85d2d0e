/* What lies where in a certificate: five kinds, each a list of sizes and a list of arrays whose
 * shapes follow from the sizes (docs/user/certificate.md). Reader and writer work from these tables
 * alone; a new kind is one more entry.
 *
 * The other way round, sizes are found in the shapes of arrays: an axis that is one letter is that
 * size. Every shape is then held against the layout, so no array can disagree with another. Cost:
 * the square of the number of arrays. */
#include <stdio.h>
#include <string.h>

#include "file/parts.h"

static const wg_file_kind kinds[] = {
    {"clouds",
     {{'n', "n", 1, false, false},
      {'m', "m", 1, false, false},
      {'d', "d", 1, false, false},
      {'c', "count", 1, false, false},
      {'k', "cuts", 0, true, false},
      {'l', "low", 0, true, true}},
     {{"x", "n,d", false, 0},
      {"a", "n", false, 0},
      {"y", "m,d", false, 0},
      {"b", "m", false, 0},
      {"row", "c", true, 0},
      {"col", "c", true, 0},
      {"mass", "c", false, 0},
      {"q", "d,d", false, 0},
      {"f", "n", false, 0},
      {"g", "m", false, 0},
      {"claim", "3", false, 0},
      {"cut_q", "k,dd", false, 'k'},
      {"cut_f", "k,n", false, 'k'},
      {"cut_g", "k,m", false, 'k'},
      {"mass_low", "c", false, 'l'},
      {"f_low", "n", false, 'l'},
      {"g_low", "m", false, 'l'}}},
    {"gaussian",
     {{'d', "d", 1, false, false}},
     {{"mean0", "d", false, 0},
      {"cov0", "d,d", false, 0},
      {"mean1", "d", false, 0},
      {"cov1", "d,d", false, 0},
      {"contraction", "d,d", false, 0},
      {"q", "d,d", false, 0},
      {"claim", "3", false, 0}}},
    {"barycentre",
     {{'c', "count", 1, false, false}, {'d', "d", 1, false, false}},
     {{"weights", "c", false, 0},
      {"means", "c,d", false, 0},
      {"covs", "c,d,d", false, 0},
      {"mean", "d", false, 0},
      {"cov", "d,d", false, 0},
      {"contractions", "c,d,d", false, 0},
      {"q", "c,d,d", false, 0},
      {"y", "c,d,d", false, 0},
      {"claim", "3", false, 0}}},
    {"sphere",
     {{'n', "n", 1, false, false},
      {'m', "m", 1, false, false},
      {'d', "d", 2, false, false},
      {'c', "count", 0, false, false}}, /* all mass may be destroyed and created */
     {{"x", "n,d", false, 0},
      {"a", "n", false, 0},
      {"y", "m,d", false, 0},
      {"b", "m", false, 0},
      {"row", "c", true, 0},
      {"col", "c", true, 0},
      {"g0", "c", false, 0},
      {"g1", "c", false, 0},
      {"c", "c", false, 0},
      {"q", "d,d", false, 0},
      {"u", "n", false, 0},
      {"claim", "3", false, 0}}},
    {"grid",
     {{'d', "d", 1, false, false},
      {'s', "steps", 2, false, false},
      {'c', "cells", 2, false, false},
      {'v', "corners", 3, false, false}},
     {{"shape", "d", true, 0},
      {"spacing", "d", false, 0},
      {"mass0", "c", false, 0},
      {"mass1", "c", false, 0},
      {"density", "s,c", false, 0},
      {"momentum", "s,d,c", false, 0},
      {"potential", "t,v", false, 0},
      {"q", "d,d", false, 0},
      {"claim", "3", false, 0}}},
};

const wg_file_kind *wg_file_kind_of(const char *name) {
  for (size_t k = 0; name && k < sizeof kinds / sizeof *kinds; k++)
    if (!strcmp(kinds[k].name, name)) return &kinds[k];
  return NULL;
}

const char *wg_file_kind_name(const wg_file_kind *kind) { return kind->name; }

int wg_file_size_count(const wg_file_kind *kind) {
  int count = 0;
  while (count < WG_FILE_SIZES && kind->sizes[count].letter) count++;
  return count;
}

int wg_file_rule_count(const wg_file_kind *kind) {
  int count = 0;
  while (count < WG_FILE_ARRAYS && kind->arrays[count].name) count++;
  return count;
}

const char *wg_file_size_name(const wg_file_kind *kind, int k) {
  return k >= 0 && k < wg_file_size_count(kind) ? kind->sizes[k].name : NULL;
}

const char *wg_file_size_names(const wg_file_kind *kind, bool needed, char out[WG_FILE_NAMES]) {
  const char *names[WG_FILE_SIZES];
  int count = 0, used = 0;
  for (int k = 0; k < wg_file_size_count(kind); k++)
    if (!needed || !kind->sizes[k].optional) names[count++] = kind->sizes[k].name;
  for (int k = 0; k < count; k++)
    used += snprintf(out + used, (size_t)(WG_FILE_NAMES - used), "%s%s",
                     k == 0          ? ""
                     : k < count - 1 ? ", "
                                     : " or ",
                     names[k]);
  return out;
}

/* ---- from sizes to shapes ---- */

static int index_of(const wg_file_kind *kind, char letter) {
  for (int k = 0; k < wg_file_size_count(kind); k++)
    if (kind->sizes[k].letter == letter) return k;
  return -1;
}

static int64_t value_of(const wg_file_kind *kind, const int64_t *sizes, char letter) {
  if (letter >= '1' && letter <= '9') return letter - '0';
  if (letter == 't') return sizes[index_of(kind, 's')] + 1;
  return sizes[index_of(kind, letter)];
}

static bool shape_part(const wg_file_kind *kind, const int64_t *sizes, wg_file_part *part) {
  part->ndim = 1;
  part->count = part->shape[0] = part->shape[1] = part->shape[2] = 1;
  for (const char *c = part->rule->axes; *c; c++) {
    if (*c == ',') {
      part->ndim++;
      continue;
    }
    const int64_t length = value_of(kind, sizes, *c);
    int64_t *axis = &part->shape[part->ndim - 1];
    if (__builtin_mul_overflow(*axis, length, axis)) return false;
    if (__builtin_mul_overflow(part->count, length, &part->count)) return false;
  }
  return true;
}

bool wg_file_lay_out(const wg_file_kind *kind, const int64_t *sizes, wg_file_layout *layout) {
  uint64_t end = 0;
  for (int k = 0; k < wg_file_size_count(kind); k++)
    if (sizes[k] < kind->sizes[k].least || sizes[k] == INT64_MAX ||
        (kind->sizes[k].flag && sizes[k] > 1))
      return false;
  layout->count = 0;
  for (int k = 0; k < wg_file_rule_count(kind); k++) {
    const wg_file_array_rule *rule = &kind->arrays[k];
    if (rule->only_with && sizes[index_of(kind, rule->only_with)] == 0) continue;
    wg_file_part *part = &layout->parts[layout->count++];
    int64_t bytes;
    *part = (wg_file_part){.rule = rule, .offset = end};
    if (!shape_part(kind, sizes, part)) return false;
    if (__builtin_mul_overflow(part->count, 8, &bytes)) return false;
    if (__builtin_add_overflow(end, (uint64_t)bytes, &end)) return false;
  }
  layout->bytes = end;
  return true;
}

/* ---- from arrays to sizes ---- */

static int rule_of(const wg_file_kind *kind, const char *name) {
  for (int k = 0; name && k < wg_file_rule_count(kind); k++)
    if (!strcmp(kind->arrays[k].name, name)) return k;
  return -1;
}

/* Sizes that an array shows are taken where they are not known yet (-1). */
static void take_sizes(const wg_file_kind *kind, const wg_file_array_rule *rule,
                       const wg_certificate_array *array, int64_t *sizes) {
  int axis = 0;
  for (const char *c = rule->axes; *c && axis < array->ndim; c++) {
    const bool alone = (c == rule->axes || c[-1] == ',') && (c[1] == ',' || !c[1]);
    const int k = index_of(kind, *c);
    if (alone && k >= 0 && sizes[k] < 0) sizes[k] = array->shape[axis];
    axis += *c == ',';
  }
}

static int bad_array(const char *name, const char *what) {
  return wg_fail(WG_ERR_ARGUMENT, "the array '%.100s' of the certificate %s", name, what);
}

/* Puts array k of those given where its rule stands. */
static int place(const wg_file_kind *kind, const wg_certificate_array *array, int64_t *sizes,
                 const wg_certificate_array **found) {
  const int k = rule_of(kind, array->name);
  if (k < 0)
    return wg_fail(WG_ERR_ARGUMENT, "a certificate of the kind %s has no array '%.100s'",
                   kind->name, array->name ? array->name : "");
  if (found[k]) return bad_array(array->name, "comes twice");
  if (!array->integers != !kind->arrays[k].integers)
    return bad_array(array->name, array->integers ? "must hold doubles" : "must hold integers");
  if (array->ndim < 1 || array->ndim > 3) return bad_array(array->name, "has too many dimensions");
  found[k] = array;
  take_sizes(kind, &kind->arrays[k], array, sizes);
  return WG_OK;
}

static void write_shape(int ndim, const int64_t *shape, char *out, size_t size) {
  int used = snprintf(out, size, "(");
  for (int k = 0; k < ndim; k++)
    used += snprintf(out + used, size - (size_t)used, "%s%lld", k ? ", " : "", (long long)shape[k]);
  snprintf(out + used, size - (size_t)used, ndim == 1 ? ",)" : ")");
}

static int check_shape(const wg_file_part *part, const wg_certificate_array *array) {
  bool same = array->ndim == part->ndim;
  char is[80], wanted[80];
  for (int k = 0; same && k < part->ndim; k++) same = array->shape[k] == part->shape[k];
  if (same && (array->data || part->count == 0)) return WG_OK;
  if (same) return bad_array(array->name, "is NULL");
  write_shape(array->ndim, array->shape, is, sizeof is);
  write_shape(part->ndim, part->shape, wanted, sizeof wanted);
  return wg_fail(WG_ERR_ARGUMENT, "%s has shape %s; the other arrays ask for %s", array->name, is,
                 wanted);
}

static int check_text(const wg_file_kind *kind, const char *name, const char *gauge) {
  if (!kind)
    return wg_fail(WG_ERR_ARGUMENT,
                   "there is no certificate of the kind '%.40s'; the kinds are clouds, gaussian, "
                   "barycentre, sphere and grid",
                   name ? name : "");
  if (!gauge || !*gauge) return wg_fail(WG_ERR_ARGUMENT, "a certificate needs a gauge");
  for (const char *c = gauge; *c; c++)
    if (*c < ' ' || *c > '~')
      return wg_fail(WG_ERR_ARGUMENT, "the gauge of a certificate is printable ASCII");
  return WG_OK;
}

const char *wg_file_bad_claim(const double claim[WG_FILE_CLAIMS], double *value) {
  static const char *const names[WG_FILE_CLAIMS] = {"lower", "upper", "tol"};
  for (int k = 0; k < WG_FILE_CLAIMS; k++)
    if (!isfinite(claim[k])) {
      *value = claim[k];
      return names[k];
    }
  return NULL;
}

const wg_certificate_array *wg_file_find(const wg_file_certificate *certificate, const char *name) {
  for (int k = 0; name && k < certificate->count; k++)
    if (!strcmp(certificate->arrays[k].name, name)) return &certificate->arrays[k];
  return NULL;
}

/* Of an array that is only there with a size that no axis shows. */
static void raise_flag(const wg_file_kind *kind, char letter, int64_t *sizes) {
  const int k = index_of(kind, letter);
  if (kind->sizes[k].flag) sizes[k] = 1;
}

int wg_file_arrange(const char *kind_name, const char *gauge, int64_t count,
                    const wg_certificate_array *arrays, wg_file_certificate *certificate) {
  const wg_file_kind *kind = wg_file_kind_of(kind_name);
  const wg_certificate_array *found[WG_FILE_ARRAYS] = {0};
  wg_file_certificate made = {.kind = kind, .gauge = gauge, .sizes = {-1, -1, -1, -1, -1, -1}};
  wg_file_layout layout;
  double value;
  WG_TRY(check_text(kind, kind_name, gauge));
  for (int64_t k = 0; k < count; k++) WG_TRY(place(kind, &arrays[k], made.sizes, found));
  for (int k = 0; k < wg_file_size_count(kind); k++)
    if (made.sizes[k] < 0) made.sizes[k] = kind->sizes[k].optional ? 0 : -1;
  for (int k = 0; k < wg_file_rule_count(kind); k++) {
    const wg_file_array_rule *rule = &kind->arrays[k];
    if (!found[k] && !rule->only_with) return bad_array(rule->name, "is missing");
    if (found[k] && rule->only_with) raise_flag(kind, rule->only_with, made.sizes);
  }
  if (!wg_file_lay_out(kind, made.sizes, &layout)) {
    char names[WG_FILE_NAMES];
    return wg_fail(WG_ERR_ARGUMENT, "a certificate of the kind %s is too small or too large: %s",
                   kind->name, wg_file_size_names(kind, false, names));
  }
  for (int k = 0; k < layout.count; k++) {
    const wg_certificate_array *array = found[layout.parts[k].rule - kind->arrays];
    if (!array) return bad_array(layout.parts[k].rule->name, "is missing");
    WG_TRY(check_shape(&layout.parts[k], array));
    made.arrays[k] = *array;
    made.arrays[k].name = layout.parts[k].rule->name;
  }
  made.count = layout.count;
  const char *bad = wg_file_bad_claim(wg_file_find(&made, "claim")->data, &value);
  if (bad) return wg_fail(WG_ERR_INPUT, "the claimed %s = %g is not a finite number", bad, value);
  *certificate = made;
  return WG_OK;
}
