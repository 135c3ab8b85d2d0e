/* The faces on which the optimum lies, block by block of the gauge (theory 1): the directions in
 * which Q may move without ceasing to be a maximiser of <Q, Sigma>, and the parts of Sigma that
 * must stay for Q to remain one. docs/theory/optimum.md lists them gauge by gauge.
 *
 * Both are lists of quadratic forms of a displacement in the coordinates of eigenvectors, so that
 * <form, Sigma> is a sum over the plan. A Schatten gauge with 1 < p < infinity is smooth: Q does
 * not move, and Sigma may only be rescaled against other blocks. The operator and Ky Fan gauges cut
 * the spectrum at the k-th eigenvalue: Q moves within the eigenvalues tied with it. The trace fixes
 * Q and sees nothing else of Sigma. A block max adds an exchange between its active blocks.
 * Eigenvalues count as tied, shares as zero or one, within the resolution of the solve. Cost
 * O(d^3), memory O(d^2) and three words a form.
 */
#include "api/optimum.h"

#include <string.h>

/* ---- one block ---- */

typedef struct block_view {
  const wg_gauge_block *block;
  wg_gauge_spec *alone;     /* the block's gauge by itself, rate 1     */
  double *part;             /* size x size, of the matrix looked at    */
  double *values, *vectors; /* of part                                 */
  double price;             /* rate^2: slack and shares of Q in block units */
} block_view;

static int open_block(const wg_gauge_spec *spec, int64_t b, const double *matrix, wg_mem *mem,
                      block_view *view) {
  const wg_gauge_block *block = &spec->blocks[b];
  const int64_t size = block->size;
  *view = (block_view){.block = block, .price = block->rate * block->rate};
  view->alone = WG_NEW(mem, wg_gauge_spec, 1);
  view->part = WG_NEW(mem, double, size *size);
  view->values = WG_NEW(mem, double, size);
  view->vectors = WG_NEW(mem, double, size *size);
  if (!view->alone || !view->part || !view->values || !view->vectors) return wg_no_memory();
  view->alone->outer = WG_SINGLE;
  view->alone->block_count = 1;
  view->alone->d = size;
  view->alone->blocks[0] = *block;
  view->alone->blocks[0].start = 0;
  view->alone->blocks[0].rate = 1.0;
  for (int64_t i = 0; i < size; i++)
    memcpy(view->part + i * size, matrix + (block->start + i) * spec->d + block->start,
           (size_t)size * sizeof *matrix);
  return wg_la_eigh(size, view->part, view->values, view->vectors);
}

static void close_block(wg_mem *mem, block_view *view) {
  wg_drop(mem, view->alone);
  wg_drop(mem, view->part);
  wg_drop(mem, view->values);
  wg_drop(mem, view->vectors);
}

/* <Q, matrix> on the block. */
static double block_product(const wg_gauge_spec *spec, const wg_gauge_block *block, const double *q,
                            const double *matrix) {
  double sum = 0.0;
  for (int64_t i = block->start; i < block->start + block->size; i++)
    sum +=
        wg_la_dot(block->size, q + i * spec->d + block->start, matrix + i * spec->d + block->start);
  return sum;
}

/* k of the gauges that count the k largest eigenvalues, 0 of those that count all. */
static int64_t cut_of(const wg_gauge_block *block) {
  if (wg_gauge_block_is_trace(block)) return 0;
  if (block->kind == WG_KYFAN) return block->k;
  return isinf(block->p) ? 1 : 0;
}

static void find_tie(int64_t size, const double *values, int64_t cut, double slack, int64_t *above,
                     int64_t *tied) {
  *above = *tied = 0;
  for (int64_t i = 0; i < size && cut; i++) {
    *above += values[i] > values[cut - 1] + slack;
    *tied += fabs(values[i] - values[cut - 1]) <= slack;
  }
}

/* ---- lists of forms ---- */

static int begin_face(int64_t d, int64_t most, wg_mem *mem, wg_face *face) {
  *face =
      (wg_face){.d = d, .basis = WG_NEW(mem, double, d *d), .forms = WG_NEW(mem, wg_form, most)};
  return face->basis && face->forms ? WG_OK : wg_no_memory();
}

/* Pairs within blocks, and room for one form more a block. */
static int64_t most_forms(const wg_gauge_spec *spec) {
  int64_t most = spec->block_count;
  for (int64_t b = 0; b < spec->block_count; b++)
    most += spec->blocks[b].size * (spec->blocks[b].size + 1) / 2;
  return most;
}

static void place_basis(const block_view *view, wg_face *face) {
  const int64_t start = view->block->start, size = view->block->size;
  for (int64_t i = 0; i < size; i++)
    memcpy(face->basis + (start + i) * face->d + start, view->vectors + i * size,
           (size_t)size * sizeof *face->basis);
}

static void add_pair(wg_face *face, int64_t i, int64_t j) {
  face->forms[face->count++] = (wg_form){i, j, NULL};
}

/* A form sum weights_k u_k^2, to be filled by the caller. */
static int add_weights(wg_mem *mem, wg_face *face, double **weights) {
  if (!(*weights = WG_NEW(mem, double, face->d))) return wg_no_memory();
  face->forms[face->count++] = (wg_form){-1, -1, *weights};
  return WG_OK;
}

static int add_unit(wg_mem *mem, wg_face *face, int64_t i) {
  double *weights;
  WG_TRY(add_weights(mem, face, &weights));
  weights[i] = 1.0;
  return WG_OK;
}

/* The diagonal matrices on list[0..count) with trace zero: Helmert's orthonormal basis. */
static int add_contrasts(wg_mem *mem, wg_face *face, int64_t count, const int64_t *list) {
  for (int64_t r = 1; r < count; r++) {
    double *weights;
    WG_TRY(add_weights(mem, face, &weights));
    const double unit = 1.0 / sqrt((double)r * (double)(r + 1));
    for (int64_t k = 0; k < r; k++) weights[list[k]] = unit;
    weights[list[r]] = -(double)r * unit;
  }
  return WG_OK;
}

/* All symmetric matrices on list[0..count), with trace zero or any. */
static int add_symmetric(wg_mem *mem, wg_face *face, int64_t count, const int64_t *list,
                         bool traceless) {
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = i + 1; j < count; j++) add_pair(face, list[i], list[j]);
  if (traceless) return add_contrasts(mem, face, count, list);
  for (int64_t i = 0; i < count; i++) WG_TRY(add_unit(mem, face, list[i]));
  return WG_OK;
}

/* Coordinates from..to of a block, in the numbering of the basis. */
static int64_t *index_list(wg_mem *mem, const block_view *view, int64_t from, int64_t to) {
  int64_t *list = WG_NEW(mem, int64_t, to - from);
  for (int64_t i = from; list && i < to; i++) list[i - from] = view->block->start + i;
  return list;
}

/* ---- where Q can move ---- */

/* Maximisers of the block's own gauge at view->part. */
static int add_block_moves(const block_view *view, double slack, wg_mem *mem, wg_face *face) {
  const int64_t size = view->block->size, cut = cut_of(view->block);
  int64_t above, tied;
  if (wg_gauge_block_is_trace(view->block)) return WG_OK;
  find_tie(size, view->values, cut, slack, &above, &tied);
  const bool vanishes = view->values[cut ? cut - 1 : 0] <= slack;
  if (!vanishes && (!cut || above + tied == cut)) return WG_OK;
  const int64_t to = vanishes ? size : above + tied;
  int64_t *list = index_list(mem, view, above, to);
  if (!list) return wg_no_memory();
  WG_TRY(add_symmetric(mem, face, to - above, list, !vanishes));
  wg_drop(mem, list);
  return WG_OK;
}

/* weights: the block's maximiser at view->part, on the diagonal of the basis, over rate^2. */
static int maximiser_weights(const block_view *view, wg_mem *mem, double *weights) {
  const int64_t size = view->block->size;
  double *q = WG_NEW(mem, double, size *size);
  if (!q) return wg_no_memory();
  WG_TRY(wg_gauge_subgradient(view->alone, view->part, mem, q));
  for (int64_t i = 0; i < size; i++) {
    const double *u = view->vectors + i * size;
    for (int64_t k = 0; k < size; k++)
      weights[view->block->start + i] += u[k] * wg_la_dot(size, q + k * size, u) / view->price;
  }
  wg_drop(mem, q);
  return WG_OK;
}

/* Two active blocks may exchange weight: the first one's maximiser for this one's. */
static int add_exchange(const block_view *view, wg_mem *mem, wg_face *face, double **first) {
  double *weights;
  if (!*first) {
    if (!(*first = WG_NEW(mem, double, face->d))) return wg_no_memory();
    return maximiser_weights(view, mem, *first);
  }
  WG_TRY(add_weights(mem, face, &weights));
  WG_TRY(maximiser_weights(view, mem, weights));
  for (int64_t i = 0; i < face->d; i++) weights[i] -= (*first)[i];
  return WG_OK;
}

int wg_face_of_maximisers(const wg_gauge_spec *spec, const double *moment,
                          const wg_resolution *resolution, wg_mem *mem, wg_face *face) {
  const bool is_max = spec->outer == WG_BLOCK_MAX;
  double top, value, *first = NULL;
  WG_TRY(begin_face(spec->d, most_forms(spec), mem, face));
  WG_TRY(wg_gauge_value(spec, moment, mem, &top));
  for (int64_t b = 0; b < spec->block_count; b++) {
    block_view view;
    WG_TRY(open_block(spec, b, moment, mem, &view));
    WG_TRY(wg_gauge_value(view.alone, view.part, mem, &value));
    place_basis(&view, face);
    if (!is_max || value / view.price >= top - resolution->slack) {
      WG_TRY(add_block_moves(&view, resolution->slack * view.price, mem, face));
      if (is_max) WG_TRY(add_exchange(&view, mem, face, &first));
    }
    close_block(mem, &view);
  }
  return WG_OK;
}

/* ---- what Q holds fixed ---- */

enum { NONE, PART, WHOLE }; /* of an eigenvector of Q: its share of the place it competes for */

/* Smooth gauge: everything, or everything up to a common factor. */
static int add_smooth(const wg_gauge_spec *spec, const block_view *view, const double *moment,
                      wg_mem *mem, wg_face *face) {
  const int64_t size = view->block->size, start = view->block->start;
  double *weights, norm2 = 0.0, *along = WG_NEW(mem, double, size);
  if (!along) return wg_no_memory();
  for (int64_t i = 0; i < size; i++) {
    const double *u = view->vectors + i * size;
    for (int64_t k = 0; k < size; k++)
      along[i] += u[k] * wg_la_dot(size, moment + (start + k) * spec->d + start, u);
    norm2 += along[i] * along[i];
  }
  const bool may_scale = spec->outer != WG_BLOCK_MAX && norm2 > 0.0;
  for (int64_t i = 0; i < size; i++) {
    for (int64_t j = i + 1; j < size; j++) add_pair(face, start + i, start + j);
    WG_TRY(add_weights(mem, face, &weights));
    for (int64_t k = 0; may_scale && k < size; k++)
      weights[start + k] -= along[i] * along[k] / norm2;
    weights[start + i] += 1.0;
  }
  wg_drop(mem, along);
  return WG_OK;
}

/* Gauges with a cut: Sigma maps the eigenspaces of Q with share 1, between, and 0 into themselves
 * and is a multiple of the identity on the middle one. */
static int add_cut(const block_view *view, double share, wg_mem *mem, wg_face *face) {
  const int64_t size = view->block->size, start = view->block->start;
  double scale;
  WG_TRY(wg_gauge_dual(view->alone, view->part, mem, &scale));
  int *place = WG_NEW(mem, int, size);
  int64_t *middle = WG_NEW(mem, int64_t, size), count = 0;
  if (!place || !middle) return wg_no_memory();
  for (int64_t i = 0; i < size; i++) {
    const double part = view->values[i] / scale;
    place[i] = part >= 1.0 - share ? WHOLE : part <= share ? NONE : PART;
    if (place[i] == PART) middle[count++] = start + i;
  }
  for (int64_t i = 0; i < size; i++)
    for (int64_t j = i + 1; j < size; j++)
      if (place[i] != place[j] || place[i] == PART) add_pair(face, start + i, start + j);
  WG_TRY(add_contrasts(mem, face, count, middle));
  wg_drop(mem, place);
  wg_drop(mem, middle);
  return WG_OK;
}

/* In a block max every block with weight has the same value. */
static int add_value(const block_view *view, wg_mem *mem, wg_face *face) {
  double *weights;
  WG_TRY(add_weights(mem, face, &weights));
  memcpy(weights + view->block->start, view->values, (size_t)view->block->size * sizeof *weights);
  return WG_OK;
}

int wg_face_of_moments(const wg_gauge_spec *spec, const double *q, const double *moment,
                       const wg_resolution *resolution, wg_mem *mem, wg_face *face) {
  const bool is_max = spec->outer == WG_BLOCK_MAX;
  const double all = wg_la_dot(spec->d * spec->d, q, moment);
  WG_TRY(begin_face(spec->d, most_forms(spec), mem, face));
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    const bool is_trace = wg_gauge_block_is_trace(block);
    block_view view;
    WG_TRY(open_block(spec, b, q, mem, &view));
    place_basis(&view, face);
    if (!is_max || block_product(spec, block, q, moment) > resolution->share * all) {
      if (!is_trace && cut_of(block)) WG_TRY(add_cut(&view, resolution->share, mem, face));
      if (!is_trace && !cut_of(block)) WG_TRY(add_smooth(spec, &view, moment, mem, face));
      if (is_max && (is_trace || cut_of(block))) WG_TRY(add_value(&view, mem, face));
    }
    close_block(mem, &view);
  }
  return WG_OK;
}

int wg_face_matrix(const wg_face *face, const double *coefficients, wg_mem *mem, double *matrix) {
  const int64_t d = face->d;
  double *inner = WG_NEW(mem, double, d *d), *half = WG_NEW(mem, double, d *d);
  if (!inner || !half) return wg_no_memory();
  for (int64_t k = 0; k < face->count; k++) {
    const wg_form *form = &face->forms[k];
    for (int64_t i = 0; form->weights && i < d; i++)
      inner[i * d + i] += coefficients[k] * form->weights[i];
    if (form->weights) continue;
    inner[form->i * d + form->j] += sqrt(0.5) * coefficients[k];
    inner[form->j * d + form->i] += sqrt(0.5) * coefficients[k];
  }
  wg_la_gemm(false, false, d, d, d, 1.0, inner, d, face->basis, d, 0.0, half, d);
  wg_la_gemm(true, false, d, d, d, 1.0, face->basis, d, half, d, 0.0, matrix, d);
  wg_drop(mem, inner);
  wg_drop(mem, half);
  return WG_OK;
}

/* ---- reports ---- */

static int largest_eigenvalue(int64_t d, const double *q, wg_mem *mem, double *largest) {
  double *values = WG_NEW(mem, double, d), *vectors = WG_NEW(mem, double, d *d);
  if (!values || !vectors) return wg_no_memory();
  WG_TRY(wg_la_eigh(d, q, values, vectors));
  *largest = values[0];
  wg_drop(mem, values);
  wg_drop(mem, vectors);
  return WG_OK;
}

int wg_face_block(const wg_gauge_spec *spec, int64_t b, const double *q, const double *moment,
                  const wg_resolution *resolution, wg_mem *mem, wg_block_structure *found) {
  const wg_gauge_block *block = &spec->blocks[b];
  const double all = wg_la_dot(spec->d * spec->d, q, moment), rank_floor = 1e-6;
  double top, largest = 0.0;
  block_view view;
  *found = (wg_block_structure){.struct_size = sizeof *found,
                                .start = block->start,
                                .size = block->size,
                                .cut = cut_of(block),
                                .active = 1};
  WG_TRY(open_block(spec, b, q, mem, &view));
  WG_TRY(largest_eigenvalue(spec->d, q, mem, &largest));
  for (int64_t i = 0; i < block->size; i++) found->rank += view.values[i] > rank_floor * largest;
  close_block(mem, &view);
  WG_TRY(open_block(spec, b, moment, mem, &view));
  WG_TRY(wg_gauge_value(view.alone, view.part, mem, &found->value));
  WG_TRY(wg_gauge_value(spec, moment, mem, &top));
  found->value /= view.price;
  found->share = all > 0.0 ? block_product(spec, block, q, moment) / all : 0.0;
  if (spec->outer == WG_BLOCK_MAX) found->active = found->value >= top - resolution->slack;
  find_tie(block->size, view.values, found->cut, resolution->slack * view.price, &found->above,
           &found->tied);
  close_block(mem, &view);
  return WG_OK;
}

/* The longest matrix of the block's dual ball in Frobenius norm. */
static double longest_q(const wg_gauge_block *block) {
  if (wg_gauge_block_is_trace(block)) return sqrt((double)block->size);
  if (cut_of(block)) return sqrt((double)cut_of(block));
  return pow((double)block->size, WG_MAX(0.0, 1.0 / block->p - 0.5)); /* 1/2 - 1/p' */
}

/* How far a matrix of the dual ball whose product with the block of Sigma misses the gauge by `gap`
 * can be from the maximiser there; never more than what is true of any two of them. */
static int block_radius(const block_view *view, double gap, wg_mem *mem, double *radius) {
  const wg_gauge_block *block = view->block;
  const int64_t cut = cut_of(block);
  const double any = sqrt(0.5) * longest_q(block);
  double value;
  *radius = 0.0;
  if (wg_gauge_block_is_trace(block)) return WG_OK;
  if (cut) {
    const double edge = view->values[cut - 1] - view->values[cut];
    *radius = edge > 0.0 ? WG_MIN(any, sqrt(2.0 * gap / edge)) : any;
    return WG_OK;
  }
  WG_TRY(wg_gauge_value(view->alone, view->part, mem, &value));
  const double dual = block->p / (block->p - 1.0), miss = value > 0.0 ? 0.5 * gap / value : 1.0;
  if (miss >= 1.0)
    *radius = any;
  else if (dual >= 2.0) /* Clarkson; longest_q leads from the Schatten to the Frobenius norm */
    *radius = 2.0 * longest_q(block) * pow(-expm1(dual * log1p(-miss)), 1.0 / dual);
  else /* Ball, Carlen and Lieb */
    *radius = 2.0 * sqrt(miss * (2.0 - miss) / (dual - 1.0));
  *radius = WG_MIN(*radius, any);
  return WG_OK;
}

/* Any two matrices of K, for a block max. */
static double widest(const wg_gauge_spec *spec) {
  double widest_block = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    widest_block = WG_MAX(widest_block, longest_q(block) / (block->rate * block->rate));
  }
  return sqrt(2.0) * widest_block;
}

int wg_face_radius(const wg_gauge_spec *spec, const double *moment, double gap, wg_mem *mem,
                   double *radius) {
  double sum = 0.0, part;
  *radius = widest(spec);
  if (spec->outer == WG_BLOCK_MAX) return WG_OK;
  for (int64_t b = 0; b < spec->block_count; b++) {
    block_view view;
    WG_TRY(open_block(spec, b, moment, mem, &view));
    WG_TRY(block_radius(&view, gap, mem, &part));
    close_block(mem, &view);
    sum += part * part;
  }
  *radius = 2.0 * sqrt(sum); /* twice: both matrices are that near to the maximiser */
  return WG_OK;
}
