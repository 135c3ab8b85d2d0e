/* Parameters and gradients of wgamma muon-step from two archives, and what the command line says
 * about single parameters.
 *
 * Gradients are found by name, whatever their order. A name that only one archive has, or a pattern
 * that fits no parameter, is a mistake that would show much later, in a network that does not
 * learn: both are refused. Cost that of reading; memory the arrays, beside one archive while it is
 * read. */
#include <inttypes.h>
#include <string.h>

#include "muon.h"

/* ---- archives ---- */

typedef struct archive {
  wg_mem *mem; /* of its bytes */
  const char *path;
  wg_io_bytes bytes;
  wg_io_listing listing;
} archive;

static int open_archive(wg_mem *mem, const char *path, archive *opened) {
  *opened = (archive){.mem = mem, .path = path};
  WG_TRY(wg_io_load(mem, path, &opened->bytes));
  if (wg_io_recognise(opened->bytes) != WG_IO_NPZ)
    return wg_fail(WG_ERR_INPUT, "%s is not an .npz archive; save parameters with np.savez",
                   wg_io_name(path));
  return wg_io_list(mem, opened->bytes, &opened->listing);
}

static bool has_member(const archive *from, const char *name) {
  for (int64_t k = 0; k < from->listing.count; k++)
    if (!strcmp(from->listing.entries[k].name, name)) return true;
  return false;
}

/* A member with finite numbers. */
static int read_member(wg_mem *mem, const archive *from, const char *name, wg_io_array *array) {
  char label[512];
  snprintf(label, sizeof label, "%.200s[%.200s]", wg_io_name(from->path), name);
  WG_TRY(wg_io_parse(mem, from->bytes, name, array));
  return wg_io_check_finite(label, array);
}

static int check_name(const char *path, const char *name) {
  for (const char *c = name; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F)
      return wg_fail(WG_ERR_INPUT, "%s: the name of a member has control characters; rename it",
                     wg_io_name(path));
  return WG_OK;
}

/* The numbers in the type of the parameter. */
static void *numbers_of(wg_mem *mem, wg_io_array *array, bool single) {
  if (!single) return array->data;
  float *numbers = wg_cli_made_single(mem, array);
  wg_drop(mem, array->data);
  return numbers;
}

/* ---- parameters ---- */

static int read_parameter(wg_mem *mem, const archive *from, int64_t k, wg_muon_pack *pack) {
  wg_muon_parameter *p = &pack->parameters[k];
  const char *name = from->listing.entries[k].name;
  size_t length = strlen(name) + 1;
  wg_io_array array;
  WG_TRY(check_name(from->path, name));
  char *copy = WG_NEW(mem, char, length);
  if (!copy) return wg_no_memory();
  memcpy(copy, name, length);
  WG_TRY(read_member(mem, from, name, &array));
  wg_muon_parameter_init(p);
  p->name = copy;
  p->single = wg_cli_is_single(&array);
  p->ndim = array.ndim;
  memcpy(p->shape, array.shape, (size_t)array.ndim * sizeof *p->shape);
  pack->values[k] = numbers_of(mem, &array, p->single);
  return pack->values[k] ? WG_OK : wg_no_memory();
}

static int read_parameters(wg_mem *mem, const archive *from, wg_muon_pack *pack) {
  pack->count = from->listing.count;
  if (pack->count == 0)
    return wg_fail(WG_ERR_INPUT, "%s has no members; save parameters with np.savez",
                   wg_io_name(from->path));
  pack->parameters = WG_NEW(mem, wg_muon_parameter, pack->count);
  pack->values = WG_NEW(mem, void *, pack->count);
  pack->gradients = WG_NEW(mem, const void *, pack->count);
  if (!pack->parameters || !pack->values || !pack->gradients) return wg_no_memory();
  for (int64_t k = 0; k < pack->count; k++) WG_TRY(read_parameter(mem, from, k, pack));
  return WG_OK;
}

/* ---- gradients ---- */

static int check_shape(const archive *from, const wg_muon_parameter *p, const wg_io_array *array) {
  char have[WG_IO_SHAPE_TEXT], want[WG_IO_SHAPE_TEXT];
  bool same = array->ndim == p->ndim;
  for (int a = 0; same && a < p->ndim; a++) same = array->shape[a] == p->shape[a];
  if (same) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "%s: '%.200s' has shape %s, its parameter has %s",
                 wg_io_name(from->path), p->name, wg_io_shape_text(have, array->ndim, array->shape),
                 wg_io_shape_text(want, p->ndim, p->shape));
}

static int read_gradient(wg_mem *mem, const archive *from, const char *params, int64_t k,
                         wg_muon_pack *pack) {
  const wg_muon_parameter *p = &pack->parameters[k];
  wg_io_array array;
  if (!has_member(from, p->name))
    return wg_fail(WG_ERR_INPUT, "%s has no '%.200s', which %s has", wg_io_name(from->path),
                   p->name, wg_io_name(params));
  WG_TRY(read_member(mem, from, p->name, &array));
  WG_TRY(check_shape(from, p, &array));
  pack->gradients[k] = numbers_of(mem, &array, p->single);
  return pack->gradients[k] ? WG_OK : wg_no_memory();
}

static int refuse_extra(const archive *from, const char *params, const wg_muon_pack *pack) {
  char text[256];
  for (int64_t i = 0; i < from->listing.count; i++) {
    const char *name = from->listing.entries[i].name;
    bool known = false;
    for (int64_t k = 0; k < pack->count && !known; k++)
      known = !strcmp(pack->parameters[k].name, name);
    if (!known)
      return wg_fail(WG_ERR_INPUT, "%s has '%s', which %s has not", wg_io_name(from->path),
                     wg_io_quote(text, sizeof text, name, strlen(name)), wg_io_name(params));
  }
  return WG_OK;
}

static int read_gradients(wg_mem *mem, const archive *from, const char *params,
                          wg_muon_pack *pack) {
  for (int64_t k = 0; k < pack->count; k++) WG_TRY(read_gradient(mem, from, params, k, pack));
  return refuse_extra(from, params, pack);
}

static int read_archives(wg_mem *mem, wg_mem *scratch, const wg_muon_request *asked,
                         wg_muon_pack *pack) {
  archive from;
  WG_TRY(open_archive(scratch, asked->params, &from));
  WG_TRY(read_parameters(mem, &from, pack));
  wg_mem_clear(scratch);
  WG_TRY(open_archive(scratch, asked->grads, &from));
  return read_gradients(mem, &from, asked->params, pack);
}

/* ---- what the command line says ---- */

/* An entry of a list with commas between: PATTERN, or PATTERN=VALUE. */
typedef struct item {
  const char *option;
  const char *pattern, *value;
  size_t length, value_length;
} item;

static bool next_item(const char **at, item *next) {
  if (!*at) return false;
  size_t whole = strcspn(*at, ","), length = whole;
  while (length > 0 && (*at)[length - 1] != '=') length--;
  next->pattern = *at;
  next->length = length ? length - 1 : whole;
  next->value = *at + length;
  next->value_length = length ? whole - length : 0;
  *at = (*at)[whole] ? *at + whole + 1 : NULL;
  return true;
}

static int bad_item(const item *i, const char *what) {
  return wg_fail(WG_ERR_ARGUMENT, "%s: '%.*s' %s", i->option,
                 (int)WG_MIN(i->length + (i->value_length ? i->value_length + 1 : 0), (size_t)200),
                 i->pattern, what);
}

static int64_t count_fits(const item *i, const wg_muon_pack *pack) {
  int64_t count = 0;
  for (int64_t k = 0; k < pack->count; k++)
    count += wg_pattern_fits(i->pattern, i->length, pack->parameters[k].name);
  return count;
}

static int take_rules(const char *option, const char *list, int rule, wg_muon_pack *pack) {
  item i = {.option = option};
  while (next_item(&list, &i)) {
    if (i.value_length) i.length += 1 + i.value_length; /* a name may have an equals sign */
    i.value_length = 0;
    if (count_fits(&i, pack) == 0) return bad_item(&i, "fits no parameter");
    for (int64_t k = 0; k < pack->count; k++) {
      wg_muon_parameter *p = &pack->parameters[k];
      if (!wg_pattern_fits(i.pattern, i.length, p->name)) continue;
      if (p->rule != WG_MUON_AUTO && p->rule != rule)
        return wg_fail(WG_ERR_ARGUMENT, "two of --matrix, --adamw and --sgd fit '%.200s'", p->name);
      p->rule = rule;
    }
  }
  return WG_OK;
}

/* "3", or sizes as "64+32+32". */
static int read_blocks(wg_mem *mem, const item *i, int64_t *count, const int64_t **sizes) {
  char *text = WG_NEW(mem, char, i->value_length + 1);
  int64_t *numbers = WG_NEW(mem, int64_t, i->value_length + 1), found = 0;
  if (!text || !numbers) return wg_no_memory();
  memcpy(text, i->value, i->value_length);
  for (char *at = text; at;) {
    char *plus = strchr(at, '+');
    if (plus) *plus = '\0';
    if (!wg_cli_read_count(at, &numbers[found++]))
      return bad_item(i, "is not PATTERN=COUNT or PATTERN=SIZE+SIZE+...");
    at = plus ? plus + 1 : NULL;
  }
  *count = found > 1 ? found : numbers[0];
  *sizes = found > 1 ? numbers : NULL;
  return WG_OK;
}

static int take_item(wg_mem *mem, const item *i, char what, wg_muon_parameter *p) {
  if (what == 'r')
    return p->row_blocks ? WG_OK : read_blocks(mem, i, &p->row_blocks, &p->row_sizes);
  if (what == 'c')
    return p->column_blocks ? WG_OK : read_blocks(mem, i, &p->column_blocks, &p->column_sizes);
  if (p->axes) return WG_OK;
  char *axes = WG_NEW(mem, char, i->value_length + 1);
  if (!axes) return wg_no_memory();
  memcpy(axes, i->value, i->value_length);
  p->axes = axes;
  return WG_OK;
}

/* what: 'a' axes, 'r' row blocks, 'c' column blocks; the first pattern that fits counts. */
static int take_values(wg_mem *mem, const char *option, const char *list, char what,
                       wg_muon_pack *pack) {
  item i = {.option = option};
  while (next_item(&list, &i)) {
    if (!i.value_length || !i.length) return bad_item(&i, "is not PATTERN=VALUE");
    if (count_fits(&i, pack) == 0) return bad_item(&i, "fits no parameter");
    for (int64_t k = 0; k < pack->count; k++)
      if (wg_pattern_fits(i.pattern, i.length, pack->parameters[k].name))
        WG_TRY(take_item(mem, &i, what, &pack->parameters[k]));
  }
  return WG_OK;
}

int wg_muon_read(wg_mem *mem, const wg_muon_request *asked, wg_muon_pack *pack) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  int status = read_archives(mem, &scratch, asked, pack);
  wg_mem_clear(&scratch);
  if (status < 0) return status;
  WG_TRY(take_rules("--matrix", asked->matrix, WG_MUON_MATRIX, pack));
  WG_TRY(take_rules("--adamw", asked->adamw, WG_MUON_ADAMW, pack));
  WG_TRY(take_rules("--sgd", asked->sgd, WG_MUON_SGD, pack));
  WG_TRY(take_values(mem, "--axes", asked->axes, 'a', pack));
  WG_TRY(take_values(mem, "--row-blocks", asked->row_blocks, 'r', pack));
  return take_values(mem, "--column-blocks", asked->column_blocks, 'c', pack);
}
