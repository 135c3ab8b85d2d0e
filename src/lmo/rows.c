/* Passes over the rows of a matrix: blocks of rows come into cache as doubles, scaled by a power of
 * two, and are multiplied there.
 *
 * Why through a block: it is what lets one code serve float and double, slices of columns,
 * transposes, weights, in-place output, and matrices mapped from files larger than memory, of which
 * only a block a thread is touched at a time. The copy stays in cache. The largest entry is found
 * during the pass, on the bits of the numbers, where NaN and infinity are simply the largest.
 *
 * Threads take groups of rows whose number depends on the shape alone, and the groups' sums are
 * added in order: the bits do not depend on the thread count. From 257 columns on the products are
 * BLAS's, and so are the threads.
 *
 * Cost of a pass 2 count inner^2 (Gram) or 4 count width inner operations (apply); memory a block a
 * thread and one inner x inner matrix a group. */
#include <float.h>
#include <string.h>

#include "linalg/la.h"
#include "lmo/kernels.h"

wg_rows wg_rows_columns(const wg_rows *rows, int64_t start, int64_t width) {
  wg_rows slice = *rows;
  int64_t offset = start * rows->column_step;
  slice.data = rows->single ? (void *)((float *)rows->data + offset)
                            : (void *)((double *)rows->data + offset);
  slice.width = width;
  return slice;
}

wg_rows wg_rows_transposed(const wg_rows *rows) {
  return (wg_rows){.data = rows->data,
                   .single = rows->single,
                   .count = rows->width,
                   .width = rows->count,
                   .row_step = rows->column_step,
                   .column_step = rows->row_step};
}

/* ---- how a pass is cut ---- */

typedef struct layout {
  int64_t width, inner; /* padded to a multiple of WG_LANES                       */
  int64_t block;        /* rows that are in cache at once, a multiple of WG_LANES */
  int64_t groups;
  int threads;
  bool small;  /* own kernels, own threads */
  bool narrow; /* rows are not padded      */
  const wg_lmo_kernels *kernels;
} layout;

static int64_t pad(int64_t width) { return (width + WG_LANES - 1) / WG_LANES * WG_LANES; }

static layout layout_of(const wg_rows *rows, int64_t inner, bool direct, int threads) {
  const int64_t most_groups = 32, many = 512;
  layout cut = {.width = pad(rows->width), .inner = pad(inner), .kernels = wg_lmo_kernels_here()};
  cut.narrow = direct && rows->width <= cut.kernels->narrow;
  if (cut.narrow) cut.width = rows->width;
  const int64_t room = cut.narrow ? 1 << 9 : 1 << 13;
  int64_t widest = WG_MAX(cut.width, cut.inner);
  cut.small = widest <= WG_SMALL;
  cut.block =
      cut.small ? WG_MIN(pad(room / widest), pad(rows->count)) : WG_MIN(many, pad(rows->count));
  cut.groups = cut.small ? WG_MIN(most_groups, 1 + rows->count / (4 * cut.block)) : 1;
  double work = (double)rows->count * (double)widest * (double)widest;
  cut.threads = cut.small ? (int)WG_MIN(cut.groups, wg_threads_for(threads, work)) : 1;
  return cut;
}

static int64_t group_start(const wg_rows *rows, const layout *cut, int64_t group) {
  int64_t blocks = (rows->count + cut->block - 1) / cut->block;
  return WG_MIN(rows->count, blocks * group / cut->groups * cut->block);
}

/* ---- in and out ---- */

/* Loops that differ in the type of the entry only; rows without gaps are one long row. */
#define COPY_IN(type)                                                                       \
  do {                                                                                      \
    const type *from = (const type *)rows->data + first * rows->row_step;                   \
    if (rows->column_step == 1)                                                             \
      for (int64_t i = 0; i < lines; i++)                                                   \
        for (int64_t j = 0; j < length; j++)                                                \
          block[i * stride + j] = (double)from[i * rows->row_step + j];                     \
    else                                                                                    \
      for (int64_t j = 0; j < length; j++)                                                  \
        for (int64_t i = 0; i < lines; i++)                                                 \
          block[i * stride + j] = (double)from[i * rows->row_step + j * rows->column_step]; \
  } while (0)
#define COPY_OUT(type)                                                                  \
  do {                                                                                  \
    type *to = (type *)rows->data + first * rows->row_step;                             \
    if (rows->column_step == 1)                                                         \
      for (int64_t i = 0; i < lines; i++)                                               \
        for (int64_t j = 0; j < length; j++)                                            \
          to[i * rows->row_step + j] = (type)block[i * stride + j];                     \
    else                                                                                \
      for (int64_t j = 0; j < length; j++)                                              \
        for (int64_t i = 0; i < lines; i++)                                             \
          to[i * rows->row_step + j * rows->column_step] = (type)block[i * stride + j]; \
  } while (0)

static bool has_no_gaps(const wg_rows *rows, int64_t stride) {
  return rows->column_step == 1 && rows->row_step == stride && rows->width == stride;
}

static void scale_block(int64_t count, double *block, int exponent) {
  if (!exponent) return;
  double factor = ldexp(1.0, exponent);
  for (int64_t i = 0; i < count; i++) block[i] *= factor;
}

/* Doubles side by side, of which whole blocks need no copy. */
static bool is_plain(const wg_rows *rows, const layout *cut, int64_t count) {
  return !rows->single && has_no_gaps(rows, cut->width) && (cut->narrow || count % WG_LANES == 0);
}

/* Rows first .. first + count, times 2^exponent, weighted or not, the rest of the padded block
 * zero: in `block`, or where they are. */
WG_MULTIVERSION
static const double *bring(const wg_rows *rows, const layout *cut, int64_t first, int64_t count,
                           int exponent, bool weighted, double *block) {
  int64_t stride = cut->width, padded = pad(count);
  weighted &= rows->weights != NULL;
  if (is_plain(rows, cut, count) && !exponent && !weighted)
    return (const double *)rows->data + first * stride;
  if (stride != rows->width || padded != count)
    memset(block, 0, (size_t)(padded * stride) * sizeof *block);
  bool flat = has_no_gaps(rows, stride);
  int64_t lines = flat ? 1 : count, length = flat ? count * stride : rows->width;
  if (rows->single)
    COPY_IN(float);
  else
    COPY_IN(double);
  scale_block(count * stride, block, exponent);
  for (int64_t i = 0; weighted && i < count; i++) {
    double weight = sqrt(rows->weights[first + i]);
    for (int64_t j = 0; j < stride; j++) block[i * stride + j] *= weight;
  }
  return block;
}

WG_MULTIVERSION
static void copy_out(const wg_rows *rows, int64_t stride, int64_t first, int64_t count,
                     const double *block) {
  bool flat = has_no_gaps(rows, stride);
  int64_t lines = flat ? 1 : count, length = flat ? count * stride : rows->width;
  if (rows->single)
    COPY_OUT(float);
  else
    COPY_OUT(double);
}

/* The largest |entry|, on bits: positive doubles are ordered as their bits are. */
WG_MULTIVERSION
static uint64_t largest_bits(int64_t count, const double *block, uint64_t largest) {
  const uint64_t magnitude = UINT64_MAX >> 1;
  for (int64_t i = 0; i < count; i++) {
    uint64_t bits;
    memcpy(&bits, &block[i], sizeof bits);
    bits &= magnitude;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

int wg_rows_refuse(const wg_rows *rows, const char *name) {
  for (int64_t i = 0; i < rows->count; i++)
    for (int64_t j = 0; j < rows->width; j++) {
      int64_t at = i * rows->row_step + j * rows->column_step;
      double entry = rows->single ? (double)((float *)rows->data)[at] : ((double *)rows->data)[at];
      if (!isfinite(entry))
        return wg_fail(WG_ERR_INPUT, "%s[%lld, %lld] = %g is not finite; remove or replace it",
                       name, (long long)i, (long long)j, entry);
    }
  return WG_OK;
}

/* ---- products ---- */

static void multiply(const layout *cut, int64_t rows, int64_t inner, int64_t width,
                     const double *block, const double *matrix, double *out) {
  if (cut->small)
    cut->kernels->multiply(pad(rows), inner, width, block, matrix, out);
  else
    wg_la_gemm(false, false, rows, width, inner, 1.0, block, inner, matrix, width, 0.0, out, width);
}

static void accumulate(const layout *cut, int64_t rows, const double *block, double *gram) {
  if (cut->small)
    cut->kernels->gram(pad(rows), cut->inner, block, gram);
  else
    wg_la_syrk(rows, cut->inner, block, 1.0, gram);
}

/* A matrix (rows x columns without gaps) into one with padded sides. */
static double *padded_copy(wg_mem *mem, int64_t rows, int64_t columns, const double *matrix) {
  double *copy = WG_NEW(mem, double, pad(rows) * pad(columns));
  for (int64_t i = 0; copy && i < rows; i++)
    memcpy(copy + i * pad(columns), matrix + i * columns, (size_t)columns * sizeof *copy);
  return copy;
}

/* ---- the Gram pass ---- */

typedef struct gram_pass {
  const wg_rows *rows;
  layout cut;
  int exponent;
  const double *basis; /* padded, or NULL */
  double *partial;     /* groups x inner x inner */
  uint64_t *largest;   /* groups */
} gram_pass;

static void gram_group(const gram_pass *pass, int64_t group, double *room) {
  const layout *cut = &pass->cut;
  double *room_for_rows = room, *product = room + cut->block * cut->width;
  double *gram = pass->partial + group * cut->inner * cut->inner;
  int64_t end = group_start(pass->rows, cut, group + 1), stride = cut->width;
  for (int64_t row = group_start(pass->rows, cut, group); row < end; row += cut->block) {
    int64_t count = WG_MIN(cut->block, end - row);
    const double *block = bring(pass->rows, cut, row, count, -pass->exponent, true, room_for_rows);
    if (cut->narrow) {
      pass->largest[group] =
          cut->kernels->narrow_gram(count, stride, block, gram, cut->inner, pass->largest[group]);
      continue;
    }
    pass->largest[group] = largest_bits(count * stride, block, pass->largest[group]);
    if (pass->basis) multiply(cut, count, stride, cut->inner, block, pass->basis, product);
    accumulate(cut, count, pass->basis ? product : block, gram);
  }
}

/* Adds the groups in order and mirrors the upper triangle. */
static void gather(const gram_pass *pass, int64_t inner, double *gram, double *largest) {
  int64_t stride = pass->cut.inner;
  uint64_t bits = 0;
  for (int64_t i = 0; i < inner; i++) {
    for (int64_t j = i; j < inner; j++) {
      double sum = 0.0;
      for (int64_t g = 0; g < pass->cut.groups; g++)
        sum += pass->partial[(g * stride + i) * stride + j];
      gram[i * inner + j] = gram[j * inner + i] = sum;
    }
  }
  for (int64_t g = 0; g < pass->cut.groups; g++) bits = WG_MAX(bits, pass->largest[g]);
  memcpy(largest, &bits, sizeof bits);
}

static int gram_with(wg_mem *mem, gram_pass *pass, int64_t inner, const double *basis) {
  layout *cut = &pass->cut;
  int64_t size = cut->block * (cut->width + (basis ? cut->inner : 0));
  pass->partial = WG_NEW(mem, double, cut->groups * cut->inner * cut->inner);
  pass->largest = WG_NEW(mem, uint64_t, cut->groups);
  pass->basis = basis ? padded_copy(mem, pass->rows->width, inner, basis) : NULL;
  double *room = WG_NEW(mem, double, cut->threads *size);
  if (!pass->partial || !pass->largest || !room || (basis && !pass->basis)) return wg_no_memory();
#pragma omp parallel for num_threads(cut->threads) schedule(static)
  for (int64_t part = 0; part < cut->threads; part++) {
    int64_t end = cut->groups * (part + 1) / cut->threads;
    for (int64_t g = cut->groups * part / cut->threads; g < end; g++)
      gram_group(pass, g, room + part * size);
  }
  return WG_OK;
}

int wg_rows_gram(const wg_rows *rows, int exponent, int64_t inner, const double *basis, int threads,
                 wg_mem *mem, double *gram, double *largest) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  gram_pass pass = {
      .rows = rows, .cut = layout_of(rows, inner, !basis, threads), .exponent = exponent};
  int status = gram_with(&scratch, &pass, inner, basis);
  if (status == WG_OK) gather(&pass, inner, gram, largest);
  wg_mem_clear(&scratch);
  return status;
}

/* ---- the apply pass ---- */

typedef struct apply_pass {
  const wg_rows *rows, *out;
  layout cut;
  const wg_rows_map *map;
  const double *basis, *matrix; /* padded, or NULL */
  double *products;             /* groups */
  bool streams;
} apply_pass;

/* Whether the result is so large, and so without gaps, that it should not go through the caches. */
static bool worth_streaming(const wg_rows *rows, const wg_rows *out, const layout *cut) {
  const int64_t caches = 1 << 24;
  int64_t bytes = out->count * out->width * (int64_t)(out->single ? sizeof(float) : sizeof(double));
  return cut->small && cut->kernels->stream && out->data != rows->data &&
         has_no_gaps(out, cut->width) && bytes > caches;
}

static double weighted_product(const wg_rows *rows, const layout *cut, int64_t first, int64_t count,
                               const double *block, const double *out) {
  int64_t stride = cut->width;
  double sum = 0.0;
  if (!rows->weights) return cut->kernels->dot(count * stride, block, out);
  for (int64_t i = 0; i < count; i++)
    sum +=
        rows->weights[first + i] * cut->kernels->dot(stride, block + i * stride, out + i * stride);
  return sum;
}

/* Whether a block of the result can be made where it belongs: the rows it is made from must not be
 * there. */
static bool lands_in_place(const apply_pass *pass, int64_t count) {
  return pass->out->data != pass->rows->data && !pass->map->exponent_out &&
         is_plain(pass->out, &pass->cut, count);
}

WG_MULTIVERSION
static void round_to_floats(int64_t count, const double *from, float *to) {
  for (int64_t i = 0; i < count; i++) to[i] = (float)from[i];
}

/* A block of the result to where it belongs. */
static void put_block(const apply_pass *pass, int64_t row, int64_t count, double *block,
                      float *room_for_floats) {
  const wg_rows *out = pass->out;
  int64_t width = pass->cut.width, size = count * width;
  scale_block(size, block, pass->map->exponent_out);
  if (!pass->streams) {
    copy_out(out, width, row, count, block);
  } else if (out->single) {
    round_to_floats(size, block, room_for_floats);
    pass->cut.kernels->stream((float *)out->data + row * width, room_for_floats,
                              (size_t)size * sizeof *room_for_floats);
  } else {
    pass->cut.kernels->stream((double *)out->data + row * width, block,
                              (size_t)size * sizeof *block);
  }
}

/* One block of rows of G to one of the result; returns <G, J> over them. */
static double apply_block(const apply_pass *pass, int64_t row, int64_t count, const double *block,
                          double *middle, double *out) {
  const layout *cut = &pass->cut;
  int64_t width = cut->width;
  if (cut->narrow) {
    const double *weights = pass->rows->weights ? pass->rows->weights + row : NULL;
    return cut->kernels->narrow_multiply(count, width, block, weights, pass->matrix, cut->inner,
                                         out);
  }
  if (pass->basis) multiply(cut, count, width, cut->inner, block, pass->basis, middle);
  const double *from = pass->basis ? middle : block;
  if (pass->matrix) multiply(cut, count, cut->inner, width, from, pass->matrix, out);
  for (int64_t i = 0; !pass->matrix && i < count * width; i++) out[i] = pass->map->factor * from[i];
  return weighted_product(pass->rows, cut, row, count, block, out);
}

static void apply_group(const apply_pass *pass, int64_t group, double *room) {
  const layout *cut = &pass->cut;
  double *room_for_rows = room, *middle = room + cut->block * cut->width;
  double *room_for_out = middle + cut->block * cut->inner;
  int64_t end = group_start(pass->rows, cut, group + 1);
  for (int64_t row = group_start(pass->rows, cut, group); row < end; row += cut->block) {
    int64_t count = WG_MIN(cut->block, end - row);
    const double *block =
        bring(pass->rows, cut, row, count, -pass->map->exponent_in, false, room_for_rows);
    bool in_place = !pass->streams && lands_in_place(pass, count);
    double *out = in_place ? (double *)pass->out->data + row * cut->width : room_for_out;
    pass->products[group] += apply_block(pass, row, count, block, middle, out);
    /* The room in the middle is free again. */
    if (!in_place) put_block(pass, row, count, out, (float *)(void *)middle);
  }
  if (pass->streams) cut->kernels->stream_end();
}

static int apply_with(wg_mem *mem, apply_pass *pass) {
  const layout *cut = &pass->cut;
  const wg_rows_map *map = pass->map;
  int64_t size = cut->block * (2 * cut->width + cut->inner), width = pass->rows->width;
  double *room = WG_NEW(mem, double, cut->threads *size);
  pass->products = WG_NEW(mem, double, cut->groups);
  pass->basis = map->basis ? padded_copy(mem, width, map->inner, map->basis) : NULL;
  pass->matrix = map->matrix ? padded_copy(mem, map->inner, width, map->matrix) : NULL;
  if (!room || !pass->products || !pass->basis != !map->basis || !pass->matrix != !map->matrix)
    return wg_no_memory();
#pragma omp parallel for num_threads(cut->threads) schedule(static)
  for (int64_t part = 0; part < cut->threads; part++) {
    int64_t end = cut->groups * (part + 1) / cut->threads;
    for (int64_t g = cut->groups * part / cut->threads; g < end; g++)
      apply_group(pass, g, room + part * size);
  }
  return WG_OK;
}

int wg_rows_apply(const wg_rows *rows, const wg_rows_map *map, const wg_rows *out, int threads,
                  wg_mem *mem, double *product) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  apply_pass pass = {.rows = rows,
                     .out = out,
                     .cut = layout_of(rows, map->inner, map->matrix && !map->basis, threads),
                     .map = map};
  pass.streams = worth_streaming(rows, out, &pass.cut);
  int status = apply_with(&scratch, &pass);
  *product = 0.0;
  for (int64_t g = 0; status == WG_OK && g < pass.cut.groups; g++) *product += pass.products[g];
  wg_mem_clear(&scratch);
  return status;
}
