/* The energy that a command line or a JSON file names.
 *
 * One table holds the options, which are also the keys of a part in JSON; another says which of
 * them belong to which energy, so that an option that would be ignored is refused instead. Files
 * are read and their shapes checked here, where they can be named; numbers by the library. A JSON
 * file is {"energy": "mmd", "target": "y.npy", ...} or {"sum": [{"weight": 2, "energy": ...},
 * ...]}; its paths begin at its folder. */
#include "energy.h"

#include <inttypes.h>
#include <string.h>

/* ---- tables ---- */

typedef struct field {
  const char *name;
  wg_cli_kind kind;
  bool file;
  size_t offset;
} field;
#define FIELD(member) offsetof(wg_cli_energy_asked, member)

enum {
  TARGET,
  TARGET_WEIGHTS,
  KERNEL,
  POTENTIAL,
  CENTRE,
  FORM,
  DATA,
  LABELS,
  ACTIVATION,
  HEAD,
  COVARIANCE,
  TARGET_GAUGE,
  TARGET_TOL,
  ACCURACY
};
static const field fields[WG_CLI_ENERGY_OPTIONS] = {
    [TARGET] = {"target", WG_CLI_TEXT, true, FIELD(target)},
    [TARGET_WEIGHTS] = {"target-weights", WG_CLI_TEXT, true, FIELD(target_weights)},
    [KERNEL] = {"kernel", WG_CLI_TEXT, false, FIELD(kernel)},
    [POTENTIAL] = {"potential", WG_CLI_TEXT, false, FIELD(potential)},
    [CENTRE] = {"centre", WG_CLI_TEXT, true, FIELD(centre)},
    [FORM] = {"form", WG_CLI_TEXT, true, FIELD(form)},
    [DATA] = {"data", WG_CLI_TEXT, true, FIELD(data)},
    [LABELS] = {"labels", WG_CLI_TEXT, true, FIELD(labels)},
    [ACTIVATION] = {"activation", WG_CLI_TEXT, false, FIELD(activation)},
    [HEAD] = {"head", WG_CLI_COUNT, false, FIELD(head)},
    [COVARIANCE] = {"covariance", WG_CLI_TEXT, true, FIELD(covariance)},
    [TARGET_GAUGE] = {"target-gauge", WG_CLI_TEXT, false, FIELD(target_gauge)},
    [TARGET_TOL] = {"target-tol", WG_CLI_POSITIVE, false, FIELD(target_tol)},
    [ACCURACY] = {"force-accuracy", WG_CLI_POSITIVE, false, FIELD(accuracy)},
};

const char wg_cli_energy_help[] =
    "Energies and their options:\n"
    "  potential    --potential quadratic | well:R | power:R [--centre C] [--form M]\n"
    "  interaction  --kernel K [--force-accuracy E]; K also power:R or morse:C:L\n"
    "  mmd          --target Y [--target-weights B] [--kernel K] [--force-accuracy E]:\n"
    "               MMD^2 to a cloud; K is energy:E (default energy:0.01), gaussian:L,\n"
    "               laplace:L or imq:C\n"
    "  network      --data Z --labels Y [--activation relu|tanh|softplus|square]:\n"
    "               particles (u, v), outputs first\n"
    "  attention    --data Z --labels Y --head H [--force-accuracy E]: sequences (count, length,\n"
    "               token); E from 1e-5 up: in float, summed in double;\n"
    "               particles (Q, K, V, O), each H x token\n"
    "  linear       --target T [--covariance C]: particles (u, v), T is outputs x inputs\n"
    "  w2           --target Y [--target-weights B] [--target-gauge G] [--target-tol T]\n"
    "  FILE.json    {\"sum\": [{\"weight\": 2, \"energy\": \"mmd\", \"target\": \"y.npy\"}, "
    "...]}:\n"
    "               keys are the options without --, paths begin at the file's folder\n";

void wg_cli_energy_options(wg_cli_energy_asked *asked,
                           wg_cli_option options[WG_CLI_ENERGY_OPTIONS]) {
  for (int k = 0; k < WG_CLI_ENERGY_OPTIONS; k++)
    options[k] =
        (wg_cli_option){fields[k].name, 0, fields[k].kind, (char *)asked + fields[k].offset};
}

static bool is_given(const wg_cli_energy_asked *asked, int k) {
  const char *at = (const char *)asked + fields[k].offset;
  switch (fields[k].kind) {
    case WG_CLI_COUNT: return *(const int64_t *)at != 0;
    case WG_CLI_POSITIVE: return *(const double *)at != 0.0;
    default: return *(const char *const *)at != NULL;
  }
}

static bool is_json(const char *word) {
  const size_t length = strlen(word);
  return length > 5 && !strcmp(word + length - 5, ".json");
}

int wg_cli_energy_inputs(const char *word, const wg_cli_energy_asked *asked,
                         wg_cli_path paths[WG_CLI_ENERGY_OPTIONS]) {
  static const char *const names[] = {[TARGET] = "--target",
                                      [TARGET_WEIGHTS] = "--target-weights",
                                      [CENTRE] = "--centre",
                                      [FORM] = "--form",
                                      [DATA] = "--data",
                                      [LABELS] = "--labels",
                                      [COVARIANCE] = "--covariance"};
  int count = 0;
  if (is_json(word)) paths[count++] = (wg_cli_path){"the energy", word};
  for (int k = 0; k < WG_CLI_ENERGY_OPTIONS; k++)
    if (fields[k].file && is_given(asked, k))
      paths[count++] =
          (wg_cli_path){names[k], *(const char *const *)((const char *)asked + fields[k].offset)};
  return count;
}

/* ---- files ---- */

/* What the makers share. */
typedef struct maker {
  wg_mem *mem;
  const wg_cli_energy_asked *asked;
  int threads;
} maker;

static int read_points(wg_mem *mem, const char *path, int64_t *rows, int64_t *columns,
                       double **numbers) {
  wg_io_array array;
  WG_TRY(wg_io_read(mem, path, NULL, &array));
  WG_TRY(wg_io_check_points(path, &array, rows, columns));
  WG_TRY(wg_io_check_finite(path, &array));
  *numbers = array.data;
  return WG_OK;
}

/* *count numbers, as many as another file has rows, or any where *count is 0; NULL for no path. */
static int read_vector(wg_mem *mem, const char *path, const char *other, int64_t *count,
                       double **numbers) {
  wg_io_array array;
  int64_t found;
  *numbers = NULL;
  if (!path) return WG_OK;
  WG_TRY(wg_io_read(mem, path, NULL, &array));
  WG_TRY(wg_io_check_vector(path, &array, &found));
  WG_TRY(wg_io_check_finite(path, &array));
  if (*count > 0 && found != *count)
    return wg_fail(WG_ERR_INPUT, "%s holds %" PRId64 " numbers, but %s has %" PRId64 " rows",
                   wg_io_name(path), found, wg_io_name(other), *count);
  *numbers = array.data;
  *count = found;
  return WG_OK;
}

static int read_square(wg_mem *mem, const char *path, int64_t *d, double **numbers) {
  int64_t rows, columns;
  *numbers = NULL;
  if (!path) return WG_OK;
  WG_TRY(read_points(mem, path, &rows, &columns, numbers));
  if (rows != columns || (*d > 0 && rows != *d))
    return wg_fail(WG_ERR_INPUT, "%s is %" PRId64 " x %" PRId64 "; a square matrix%s is needed",
                   wg_io_name(path), rows, columns, *d > 0 ? " of the particles' size" : "");
  *d = rows;
  return WG_OK;
}

/* The target cloud of mmd and w2. */
typedef struct cloud {
  int64_t m, d;
  double *y, *b;
} cloud;

static int read_cloud(const maker *k, cloud *c) {
  const char *path = k->asked->target, *weights = k->asked->target_weights;
  WG_TRY(read_points(k->mem, path, &c->m, &c->d, &c->y));
  WG_TRY(read_vector(k->mem, weights, path, &c->m, &c->b));
  return c->b ? wg_cli_check_weights(wg_io_name(weights), c->m, c->b) : WG_OK;
}

static wg_energy_settings settings_of(const maker *k) {
  wg_energy_settings settings;
  wg_energy_settings_init(&settings);
  settings.threads = k->threads;
  settings.accuracy = k->asked->accuracy;
  return settings;
}

/* ---- one maker an energy ---- */

static int make_potential(const maker *k, wg_energy **energy) {
  int64_t d = 0;
  double *centre, *form;
  const char *text = k->asked->potential ? k->asked->potential : "quadratic";
  WG_TRY(read_square(k->mem, k->asked->form, &d, &form));
  WG_TRY(read_vector(k->mem, k->asked->centre, k->asked->form, &d, &centre));
  return wg_energy_potential(energy, text, d, centre, form);
}

static int make_interaction(const maker *k, wg_energy **energy) {
  const wg_energy_settings settings = settings_of(k);
  return wg_energy_interaction(energy, k->asked->kernel, &settings);
}

static int make_mmd(const maker *k, wg_energy **energy) {
  const wg_energy_settings settings = settings_of(k);
  const char *kernel = k->asked->kernel ? k->asked->kernel : "energy:0.01";
  cloud c = {0};
  WG_TRY(read_cloud(k, &c));
  return wg_energy_mmd(energy, kernel, c.m, c.d, c.y, c.b, &settings);
}

static int make_network(const maker *k, wg_energy **energy) {
  const wg_energy_settings settings = settings_of(k);
  const char *activation = k->asked->activation ? k->asked->activation : "relu";
  int64_t count, labels, inputs, outputs;
  double *z = NULL, *y = NULL;
  WG_TRY(read_points(k->mem, k->asked->data, &count, &inputs, &z));
  WG_TRY(read_points(k->mem, k->asked->labels, &labels, &outputs, &y));
  if (labels != count)
    return wg_fail(WG_ERR_INPUT, "%s has %" PRId64 " rows, but %s has %" PRId64,
                   wg_io_name(k->asked->labels), labels, wg_io_name(k->asked->data), count);
  return wg_energy_network(energy, activation, count, inputs, outputs, z, y, &settings);
}

/* Sequences (count, length, token), or one of them (length, token). */
static int read_sequences(const maker *k, const char *path, int64_t shape[3], double **numbers) {
  wg_io_array array;
  char text[WG_IO_SHAPE_TEXT];
  WG_TRY(wg_io_read(k->mem, path, NULL, &array));
  WG_TRY(wg_io_check_finite(path, &array));
  if ((array.ndim != 2 && array.ndim != 3) || array.count == 0)
    return wg_fail(WG_ERR_INPUT,
                   "%s has shape %s; sequences are (count, length, token), or (length, token)",
                   wg_io_name(path), wg_io_shape_text(text, array.ndim, array.shape));
  shape[0] = array.ndim == 3 ? array.shape[0] : 1;
  shape[1] = array.shape[array.ndim - 2];
  shape[2] = array.shape[array.ndim - 1];
  *numbers = array.data;
  return WG_OK;
}

static int make_attention(const maker *k, wg_energy **energy) {
  const wg_energy_settings settings = settings_of(k);
  int64_t shape[3], labels[3];
  double *z = NULL, *y = NULL;
  WG_TRY(read_sequences(k, k->asked->data, shape, &z));
  WG_TRY(read_sequences(k, k->asked->labels, labels, &y));
  if (memcmp(shape, labels, sizeof shape) != 0)
    return wg_fail(WG_ERR_INPUT,
                   "%s holds %" PRId64 " x %" PRId64 " x %" PRId64 " numbers, %s %" PRId64
                   " x %" PRId64 " x %" PRId64 "; attention needs the same shape",
                   wg_io_name(k->asked->data), shape[0], shape[1], shape[2],
                   wg_io_name(k->asked->labels), labels[0], labels[1], labels[2]);
  return wg_energy_attention(energy, shape[0], shape[1], shape[2], k->asked->head, z, y, &settings);
}

static int make_linear(const maker *k, wg_energy **energy) {
  int64_t outputs, inputs;
  double *target, *covariance;
  WG_TRY(read_points(k->mem, k->asked->target, &outputs, &inputs, &target));
  int64_t d = inputs;
  WG_TRY(read_square(k->mem, k->asked->covariance, &d, &covariance));
  return wg_energy_linear(energy, outputs, inputs, target, covariance);
}

static int make_w2(const maker *k, wg_energy **energy) {
  const char *gauge = k->asked->target_gauge ? k->asked->target_gauge : "operator";
  wg_settings settings;
  cloud c = {0};
  wg_settings_init(&settings);
  settings.threads = k->threads;
  if (k->asked->target_tol > 0.0) settings.tol = k->asked->target_tol;
  WG_TRY(read_cloud(k, &c));
  return wg_energy_w2(energy, gauge, c.m, c.d, c.y, c.b, &settings);
}

#define BIT(k) (1U << (k))
static const struct {
  const char *name;
  unsigned needs, takes;
  int (*make)(const maker *k, wg_energy **energy);
} energies[] = {
    {"potential", 0, BIT(POTENTIAL) | BIT(CENTRE) | BIT(FORM), make_potential},
    {"interaction", BIT(KERNEL), BIT(ACCURACY), make_interaction},
    {"mmd", BIT(TARGET), BIT(TARGET_WEIGHTS) | BIT(KERNEL) | BIT(ACCURACY), make_mmd},
    {"network", BIT(DATA) | BIT(LABELS), BIT(ACTIVATION), make_network},
    {"attention", BIT(DATA) | BIT(LABELS) | BIT(HEAD), BIT(ACCURACY), make_attention},
    {"linear", BIT(TARGET), BIT(COVARIANCE), make_linear},
    {"w2", BIT(TARGET), BIT(TARGET_WEIGHTS) | BIT(TARGET_GAUGE) | BIT(TARGET_TOL), make_w2},
};
enum { ENERGIES = sizeof energies / sizeof *energies };

/* Options that are missing, and options that would be ignored. */
static int check_fields(const wg_cli_energy_asked *asked, int which) {
  const unsigned needs = energies[which].needs, takes = needs | energies[which].takes;
  for (int k = 0; k < WG_CLI_ENERGY_OPTIONS; k++) {
    if (!is_given(asked, k) && (needs & BIT(k)))
      return wg_fail(WG_ERR_ARGUMENT, "the energy %s needs --%s", energies[which].name,
                     fields[k].name);
    if (is_given(asked, k) && !(takes & BIT(k)))
      return wg_fail(WG_ERR_ARGUMENT, "the energy %s has no --%s", energies[which].name,
                     fields[k].name);
  }
  return WG_OK;
}

static int make_one(const char *name, const maker *k, wg_energy **energy) {
  for (int which = 0; which < ENERGIES; which++) {
    if (strcmp(name, energies[which].name) != 0) continue;
    WG_TRY(check_fields(k->asked, which));
    return energies[which].make(k, energy);
  }
  return wg_fail(WG_ERR_ARGUMENT,
                 "energy '%.60s' is not known; give potential, interaction, mmd, network, "
                 "attention, linear, w2 or a file *.json",
                 name);
}

/* ---- JSON ---- */

/* A path of the file, which begins at its folder; NULL without memory. */
static const char *path_beside(wg_mem *mem, const char *file, const char *path) {
  const char *slash = strrchr(file, '/');
  if (path[0] == '/' || !slash) return path;
  const size_t folder = (size_t)(slash - file) + 1;
  char *joined = WG_NEW(mem, char, folder + strlen(path) + 1);
  if (!joined) return NULL;
  memcpy(joined, file, folder);
  memcpy(joined + folder, path, strlen(path) + 1);
  return joined;
}

static int read_field(wg_mem *mem, const char *file, const field *f, const json_t *value,
                      wg_cli_energy_asked *asked) {
  char *at = (char *)asked + f->offset;
  if (f->kind == WG_CLI_TEXT && json_is_string(value)) {
    const char *text = json_string_value(value);
    const char *path = f->file ? path_beside(mem, file, text) : text;
    if (!path) return wg_no_memory();
    *(const char **)at = path;
  } else if (f->kind == WG_CLI_COUNT && json_is_integer(value) && json_integer_value(value) > 0) {
    *(int64_t *)at = json_integer_value(value);
  } else if (f->kind == WG_CLI_POSITIVE && json_is_number(value) && json_number_value(value) > 0) {
    *(double *)at = json_number_value(value);
  } else {
    return wg_fail(WG_ERR_INPUT, "\"%s\" must be %s", f->name,
                   f->kind == WG_CLI_TEXT    ? "a text"
                   : f->kind == WG_CLI_COUNT ? "a whole number from 1 up"
                                             : "a number above 0");
  }
  return WG_OK;
}

/* {"energy": NAME, fields}, and "weight" where `weight` is not NULL. */
static int make_part(const maker *k, const char *file, json_t *part, double *weight,
                     wg_energy **energy) {
  wg_cli_energy_asked asked = {0};
  const char *key, *name = json_string_value(json_object_get(part, "energy"));
  json_t *value;
  if (!name)
    return wg_fail(WG_ERR_INPUT, "an energy is an object with a text \"energy\", its name");
  json_object_foreach(part, key, value) {
    int f = 0;
    if (!strcmp(key, "energy")) continue;
    if (weight && !strcmp(key, "weight")) {
      if (!json_is_number(value)) return wg_fail(WG_ERR_INPUT, "\"weight\" must be a number");
      *weight = json_number_value(value);
      continue;
    }
    while (f < WG_CLI_ENERGY_OPTIONS && strcmp(key, fields[f].name) != 0) f++;
    if (f == WG_CLI_ENERGY_OPTIONS)
      return wg_fail(WG_ERR_INPUT, "\"%.60s\" is no option of an energy", key);
    WG_TRY(read_field(k->mem, file, &fields[f], value, &asked));
  }
  const maker own = {k->mem, &asked, k->threads};
  return make_one(name, &own, energy);
}

static int make_sum(const maker *k, const char *file, json_t *list, wg_energy **energy) {
  const size_t count = json_array_size(list);
  if (count == 0) return wg_fail(WG_ERR_INPUT, "\"sum\" must be a list of energies, not empty");
  wg_energy **parts = WG_NEW(k->mem, wg_energy *, count);
  double *weights = WG_NEW(k->mem, double, count);
  int status = parts && weights ? WG_OK : wg_no_memory();
  for (size_t i = 0; status == WG_OK && i < count; i++) {
    weights[i] = 1.0;
    status = make_part(k, file, json_array_get(list, i), &weights[i], &parts[i]);
  }
  if (status == WG_OK) status = wg_energy_sum(energy, (int64_t)count, parts, weights);
  for (size_t i = 0; parts && status != WG_OK && i < count; i++) wg_energy_free(parts[i]);
  return status;
}

static int make_from_json(const maker *k, const char *file, wg_energy **energy) {
  json_error_t error;
  for (int f = 0; f < WG_CLI_ENERGY_OPTIONS; f++)
    if (is_given(k->asked, f))
      return wg_fail(WG_ERR_ARGUMENT, "--%s and the file %s: write the option into the file",
                     fields[f].name, file);
  json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
  if (!root)
    return wg_fail(WG_ERR_INPUT, "%s cannot be used, line %d: %s", file, error.line, error.text);
  json_t *list = json_object_get(root, "sum");
  int status;
  if (list && json_object_size(root) > 1)
    status = wg_fail(WG_ERR_INPUT, "beside \"sum\" there may be nothing");
  else
    status = list ? make_sum(k, file, list, energy) : make_part(k, file, root, NULL, energy);
  json_decref(root);
  return status;
}

int wg_cli_energy(const char *word, const wg_cli_energy_asked *asked, int threads,
                  wg_energy **energy) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  const maker k = {&mem, asked, threads};
  *energy = NULL;
  int status = is_json(word) ? make_from_json(&k, word, energy) : make_one(word, &k, energy);
  wg_mem_clear(&mem);
  if (status == WG_OK) return WG_OK;
  char detail[WG_CLI_SENTENCE];
  snprintf(detail, sizeof detail, "%s", wg_error_detail());
  return wg_fail(status, "energy %.1000s: %s", word, detail);
}
