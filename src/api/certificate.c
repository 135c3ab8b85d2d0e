/* Certificates as objects and files: the container of src/file with the judges of certify/ behind
 * it, one for each kind.
 *
 * Nothing here knows how a bound is derived, nor how the file is laid out: it hands the arrays of a
 * kind to the function that judges that kind. What such a function calls a bad argument comes from
 * the file, so it is bad input. Cost: that of the judge; memory: the arrays. */
#include <string.h>

#include "api/api.h"
#include "api/certificate.h"
#include "file/file.h"

struct wg_certificate_file {
  wg_ledger ledger;
  wg_mem mem;
  wg_file_certificate content;
};

/* ---- making, reading, writing ---- */

static wg_certificate_file *create_object(void) {
  wg_ledger first = {0};
  wg_mem mem = wg_mem_of(&first);
  wg_certificate_file *file = WG_NEW(&mem, wg_certificate_file, 1);
  if (!file) return NULL;
  file->ledger = first;
  mem.ledger = &file->ledger; /* the first block is the object itself */
  file->mem = mem;
  return file;
}

void wg_certificate_free(wg_certificate_file *file) {
  if (!file) return;
  wg_ledger ledger = file->ledger;
  wg_mem mem = file->mem;
  mem.ledger = &ledger; /* the ledger is among the blocks freed */
  wg_mem_clear(&mem);
}

static int64_t entries_of(const wg_certificate_array *array) {
  int64_t count = 1;
  for (int k = 0; k < array->ndim; k++) count *= array->shape[k];
  return count;
}

/* The file keeps its own gauge and arrays. */
static int copy_content(wg_certificate_file *file) {
  wg_file_certificate *c = &file->content;
  const size_t length = strlen(c->gauge) + 1;
  char *gauge = WG_NEW(&file->mem, char, length);
  if (!gauge) return wg_no_memory();
  memcpy(gauge, c->gauge, length);
  c->gauge = gauge;
  for (int k = 0; k < c->count; k++) {
    const int64_t count = entries_of(&c->arrays[k]);
    double *copy = WG_NEW(&file->mem, double, count);
    if (!copy) return wg_no_memory();
    if (count > 0) memcpy(copy, c->arrays[k].data, (size_t)count * sizeof *copy);
    c->arrays[k].data = copy;
  }
  return WG_OK;
}

int wg_certificate_create(wg_certificate_file **file, const char *kind, const char *gauge,
                          int64_t count, const wg_certificate_array *arrays) {
  wg_file_certificate content;
  wg_clear_error();
  if (!file || !arrays) return wg_fail(WG_ERR_ARGUMENT, "file and arrays must not be NULL");
  WG_TRY(wg_file_arrange(kind, gauge, count, arrays, &content));
  wg_certificate_file *made = create_object();
  if (!made) return wg_no_memory();
  made->content = content;
  const int status = copy_content(made);
  if (status == WG_OK)
    *file = made;
  else
    wg_certificate_free(made);
  return status;
}

/* Second halves that are all zero say nothing and are left out. */
static bool says_something(int64_t count, const double *values) {
  for (int64_t i = 0; values && i < count; i++)
    if (values[i] != 0.0) return true;
  return false;
}

/* Those that are not there are zeros, once one of the others is not. */
static int add_second_halves(wg_mem *mem, const wg_certificate *c, wg_certificate_array *arrays,
                             int *used) {
  const char *const names[] = {"mass_low", "f_low", "g_low"};
  const double *halves[] = {c->mass_low, c->f_low, c->g_low};
  const int64_t counts[] = {c->count, c->n, c->m};
  bool some = false;
  for (int k = 0; k < 3; k++) some = some || says_something(counts[k], halves[k]);
  for (int k = 0; some && k < 3; k++) {
    if (!halves[k]) halves[k] = WG_NEW(mem, double, counts[k]);
    if (!halves[k]) return wg_no_memory();
    arrays[(*used)++] = wg_array_row(names[k], counts[k], halves[k]);
  }
  return WG_OK;
}

int wg_certificate_of_clouds(const wg_certificate *c, wg_certificate_file **file) {
  wg_clear_error();
  if (!c) return wg_fail(WG_ERR_ARGUMENT, "certificate must not be NULL");
  const int64_t n = c->n, m = c->m, d = c->d, count = c->count, cuts = c->cuts;
  const double claim[WG_FILE_CLAIMS] = {c->lower, c->upper, c->tol};
  wg_certificate_array arrays[WG_FILE_ARRAYS] = {wg_array_rows("x", n, d, c->x),
                                                 wg_array_row("a", n, c->a),
                                                 wg_array_rows("y", m, d, c->y),
                                                 wg_array_row("b", m, c->b),
                                                 wg_array_indices("row", count, c->row),
                                                 wg_array_indices("col", count, c->col),
                                                 wg_array_row("mass", count, c->mass),
                                                 wg_array_rows("q", d, d, c->q),
                                                 wg_array_row("f", n, c->f),
                                                 wg_array_row("g", m, c->g),
                                                 wg_array_row("claim", WG_FILE_CLAIMS, claim)};
  int used = 11;
  if (cuts > 0) {
    arrays[used++] = wg_array_rows("cut_q", cuts, d * d, c->cut_q);
    arrays[used++] = wg_array_rows("cut_f", cuts, n, c->cut_f);
    arrays[used++] = wg_array_rows("cut_g", cuts, m, c->cut_g);
  }
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  int status = add_second_halves(&mem, c, arrays, &used);
  if (status == WG_OK) status = wg_certificate_create(file, "clouds", c->gauge, used, arrays);
  wg_mem_clear(&mem);
  return status;
}

int wg_certificate_read(wg_certificate_file **file, const char *path) {
  wg_clear_error();
  if (!file || !path) return wg_fail(WG_ERR_ARGUMENT, "file and path must not be NULL");
  wg_certificate_file *made = create_object();
  if (!made) return wg_no_memory();
  const int status = wg_file_read_certificate(&made->mem, path, &made->content);
  if (status == WG_OK)
    *file = made;
  else
    wg_certificate_free(made);
  return status;
}

int wg_certificate_parse(wg_certificate_file **file, const void *bytes, size_t size,
                         const char *name) {
  const wg_file_bytes given = {.name = name ? name : "certificate", .data = bytes, .size = size};
  wg_clear_error();
  if (!file || !bytes || size == 0)
    return wg_fail(WG_ERR_ARGUMENT, "file and bytes must not be NULL, nor bytes be none");
  wg_certificate_file *made = create_object();
  if (!made) return wg_no_memory();
  const int status = wg_file_parse_certificate(&made->mem, given, &made->content);
  if (status == WG_OK)
    *file = made;
  else
    wg_certificate_free(made);
  return status;
}

int wg_certificate_write(const wg_certificate_file *file, const char *path) {
  wg_clear_error();
  if (!file || !path) return wg_fail(WG_ERR_ARGUMENT, "file and path must not be NULL");
  return wg_file_write_certificate(path, &file->content);
}

/* ---- what is in it ---- */

const char *wg_certificate_kind(const wg_certificate_file *file) {
  return file ? wg_file_kind_name(file->content.kind) : "";
}

const char *wg_certificate_gauge(const wg_certificate_file *file) {
  return file ? file->content.gauge : "";
}

int64_t wg_certificate_bytes(const wg_certificate_file *file) {
  return file ? (int64_t)file->ledger.peak : 0;
}

int wg_certificate_get_size(const wg_certificate_file *file, int64_t k, const char **name,
                            int64_t *size) {
  wg_clear_error();
  if (!file) return wg_fail(WG_ERR_ARGUMENT, "file must not be NULL");
  const char *found =
      k >= 0 && k < WG_FILE_SIZES ? wg_file_size_name(file->content.kind, (int)k) : NULL;
  if (!found)
    return wg_fail(WG_ERR_ARGUMENT, "a certificate of the kind %s has no size %lld",
                   wg_certificate_kind(file), (long long)k);
  if (name) *name = found;
  if (size) *size = file->content.sizes[k];
  return WG_OK;
}

int wg_certificate_get_array(const wg_certificate_file *file, int64_t k,
                             wg_certificate_array *array) {
  wg_clear_error();
  if (!file || !array) return wg_fail(WG_ERR_ARGUMENT, "file and array must not be NULL");
  if (k < 0 || k >= file->content.count)
    return wg_fail(WG_ERR_ARGUMENT, "the certificate has %d arrays, and no array %lld",
                   file->content.count, (long long)k);
  *array = file->content.arrays[k];
  return WG_OK;
}

/* NULL for an optional array that was left out. */
static const void *data_of(const wg_certificate_file *file, const char *name) {
  const wg_certificate_array *array = wg_file_find(&file->content, name);
  return array ? array->data : NULL;
}

static const wg_certificate_array *shape_of(const wg_certificate_file *file, const char *name) {
  return wg_file_find(&file->content, name);
}

int wg_certificate_get_claim(const wg_certificate_file *file, double *claim) {
  wg_clear_error();
  if (!file || !claim) return wg_fail(WG_ERR_ARGUMENT, "file and claim must not be NULL");
  memcpy(claim, data_of(file, "claim"), WG_FILE_CLAIMS * sizeof *claim);
  return WG_OK;
}

static bool is_of(const wg_certificate_file *file, const char *kind) {
  return !strcmp(wg_file_kind_name(file->content.kind), kind);
}

int wg_certificate_get_clouds(const wg_certificate_file *file, wg_certificate *certificate) {
  wg_clear_error();
  if (!file || !certificate)
    return wg_fail(WG_ERR_ARGUMENT, "file and certificate must not be NULL");
  if (!is_of(file, "clouds"))
    return wg_fail(WG_ERR_ARGUMENT, "the certificate is of the kind %s, not of clouds",
                   wg_certificate_kind(file));
  const double *claim = data_of(file, "claim");
  const wg_certificate_array *x = shape_of(file, "x"), *cuts = shape_of(file, "cut_f");
  *certificate = (wg_certificate){.struct_size = sizeof *certificate,
                                  .n = x->shape[0],
                                  .m = shape_of(file, "b")->shape[0],
                                  .d = x->shape[1],
                                  .count = shape_of(file, "mass")->shape[0],
                                  .x = x->data,
                                  .a = data_of(file, "a"),
                                  .y = data_of(file, "y"),
                                  .b = data_of(file, "b"),
                                  .gauge = file->content.gauge,
                                  .row = data_of(file, "row"),
                                  .col = data_of(file, "col"),
                                  .mass = data_of(file, "mass"),
                                  .q = data_of(file, "q"),
                                  .f = data_of(file, "f"),
                                  .g = data_of(file, "g"),
                                  .lower = claim[0],
                                  .upper = claim[1],
                                  .tol = claim[2],
                                  .cuts = cuts ? cuts->shape[0] : 0,
                                  .cut_q = data_of(file, "cut_q"),
                                  .cut_f = data_of(file, "cut_f"),
                                  .cut_g = data_of(file, "cut_g"),
                                  .mass_low = data_of(file, "mass_low"),
                                  .f_low = data_of(file, "f_low"),
                                  .g_low = data_of(file, "g_low")};
  return WG_OK;
}

/* ---- the claim against its own tolerance ---- */

/* How much an open interval on the sphere may be wide whatever tol says (api/sphere.c). */
static int allow_on_sphere(const wg_certificate_file *file, double *allowed) {
  const wg_certificate_array *x = shape_of(file, "x");
  const double *const mass[2] = {data_of(file, "a"), data_of(file, "b")};
  const int64_t n[2] = {x->shape[0], shape_of(file, "b")->shape[0]};
  return wg_sphere_allowance(x->shape[1], file->content.gauge, n, mass, allowed);
}

/* The same rule for all kinds, in the words that clouds have (certify/verify.c). */
static int judge_width(const wg_certificate_file *file, const double *claim, wg_verdict *verdict) {
  const wg_certificate as_clouds = {.lower = claim[0], .upper = claim[1], .tol = claim[2]};
  double allowed = -INFINITY;
  if (is_of(file, "clouds")) return WG_OK; /* wg_verify has done it */
  if (is_of(file, "sphere")) WG_TRY(allow_on_sphere(file, &allowed));
  verdict->gap = wg_cert_gap(&as_clouds);
  verdict->open = !(verdict->gap <= claim[2] || claim[1] - claim[0] <= allowed);
  if (verdict->valid && verdict->open)
    wg_cert_say_open(&as_clouds, verdict->finding, (int)sizeof verdict->finding);
  return WG_OK;
}

/* ---- the judges ---- */

static int judge_clouds(const wg_certificate_file *file, const double *claim, int threads,
                        wg_verdict *verdict) {
  wg_certificate c;
  (void)claim;
  WG_TRY(wg_certificate_get_clouds(file, &c));
  return wg_verify(&c, threads, verdict);
}

static int judge_gaussian(const wg_certificate_file *file, const double *claim, int threads,
                          wg_verdict *verdict) {
  (void)threads;
  return wg_gaussian_verify(shape_of(file, "q")->shape[0], data_of(file, "mean0"),
                            data_of(file, "cov0"), data_of(file, "mean1"), data_of(file, "cov1"),
                            file->content.gauge, data_of(file, "contraction"), data_of(file, "q"),
                            claim[0], claim[1], verdict);
}

static int judge_barycentre(const wg_certificate_file *file, const double *claim, int threads,
                            wg_verdict *verdict) {
  const wg_certificate_array *means = shape_of(file, "means");
  (void)threads;
  return wg_gaussian_barycentre_verify(
      means->shape[0], means->shape[1], means->data, data_of(file, "covs"),
      data_of(file, "weights"), file->content.gauge, data_of(file, "mean"), data_of(file, "cov"),
      data_of(file, "contractions"), data_of(file, "q"), data_of(file, "y"), claim[0], claim[1],
      verdict);
}

static int judge_sphere(const wg_certificate_file *file, const double *claim, int threads,
                        wg_verdict *verdict) {
  const wg_certificate_array *x = shape_of(file, "x"), *row = shape_of(file, "row");
  const wg_semicoupling proof = {.struct_size = sizeof proof,
                                 .count = row->shape[0],
                                 .row = row->data,
                                 .col = data_of(file, "col"),
                                 .g0 = data_of(file, "g0"),
                                 .g1 = data_of(file, "g1"),
                                 .c = data_of(file, "c"),
                                 .q = data_of(file, "q"),
                                 .u = data_of(file, "u")};
  return wg_sphere_verify(x->shape[0], shape_of(file, "b")->shape[0], x->shape[1], x->data,
                          data_of(file, "a"), data_of(file, "y"), data_of(file, "b"),
                          file->content.gauge, &proof, claim[0], claim[1], threads, verdict);
}

static int judge_grid(const wg_certificate_file *file, const double *claim, int threads,
                      wg_verdict *verdict) {
  const wg_certificate_array *shape = shape_of(file, "shape"), *density = shape_of(file, "density");
  const wg_dynamic_path path = {.struct_size = sizeof path,
                                .steps = density->shape[0],
                                .cells = density->shape[1],
                                .corners = shape_of(file, "potential")->shape[1],
                                .density = density->data,
                                .momentum = data_of(file, "momentum"),
                                .potential = data_of(file, "potential"),
                                .q = data_of(file, "q")};
  return wg_dynamic_verify(shape->shape[0], shape->data, data_of(file, "spacing"),
                           data_of(file, "mass0"), data_of(file, "mass1"), file->content.gauge,
                           &path, claim[0], claim[1], threads, verdict);
}

int wg_certificate_verify(const wg_certificate_file *file, int threads, wg_verdict *verdict) {
  static const struct {
    const char *kind;
    int (*judge)(const wg_certificate_file *file, const double *claim, int threads,
                 wg_verdict *verdict);
  } judges[] = {{"clouds", judge_clouds},
                {"gaussian", judge_gaussian},
                {"barycentre", judge_barycentre},
                {"sphere", judge_sphere},
                {"grid", judge_grid}};
  double claim[WG_FILE_CLAIMS];
  wg_clear_error();
  if (!file || !verdict) return wg_fail(WG_ERR_ARGUMENT, "file and verdict must not be NULL");
  WG_TRY(wg_certificate_get_claim(file, claim));
  for (size_t k = 0; k < sizeof judges / sizeof *judges; k++)
    if (is_of(file, judges[k].kind)) {
      const int status = judges[k].judge(file, claim, threads, verdict);
      if (status == WG_OK) return judge_width(file, claim, verdict);
      return status == WG_ERR_ARGUMENT ? WG_ERR_INPUT : status;
    }
  return wg_fail(WG_ERR_INTERNAL, "nobody judges certificates of the kind %s",
                 wg_certificate_kind(file));
}

int wg_certificate_verify_rigorous(const wg_certificate_file *file, int threads,
                                   wg_rigorous_verdict *verdict) {
  wg_certificate c;
  wg_clear_error();
  if (!file || !verdict) return wg_fail(WG_ERR_ARGUMENT, "file and verdict must not be NULL");
  if (!is_of(file, "clouds"))
    return wg_fail(WG_ERR_ARGUMENT,
                   "ball arithmetic judges certificates of clouds only, and this one is of the "
                   "kind %s; verify it in doubles",
                   wg_certificate_kind(file));
  WG_TRY(wg_certificate_get_clouds(file, &c));
  const int status = wg_verify_rigorous(&c, threads, verdict);
  return status == WG_ERR_ARGUMENT ? WG_ERR_INPUT : status;
}
