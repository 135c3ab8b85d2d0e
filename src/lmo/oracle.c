/* J and the dual norm from factors, block by block (theory 2): J_b = -t_b G_b's vectors with the
 * singular values of the profile, where t_b is 1, or N* eta_b / N*_b in a block max.
 *
 * Scale. Every block has a power of two of its own, and its factors belong to the block divided by
 * it; blocks are put together with their exponents, so that blocks of 1e-300 and 1e300 go together
 * and the oracle is exactly one-homogeneous under powers of two. Nothing is ever added to a number
 * to keep it away from zero.
 *
 * Shape. A block with fewer rows than columns is its transpose with more; with weights it is not,
 * since a row without weight has a velocity too. Where the map G -> J is J = G B with B a function
 * of G'G, one matrix is applied; after a second factorisation pass, two (factor.c).
 *
 * Cost that of the passes (rows.c); memory that of the factors of all blocks. */
#include <float.h>
#include <string.h>

#include "linalg/la.h"
#include "lmo/lmo.h"

typedef struct part {
  const wg_gauge_block *block; /* NULL: the polar factor */
  wg_rows rows, out;
  wg_factor factor;
  double *v;    /* J's singular values of the scaled block, t_b apart */
  double norm;  /* N*_b is norm 2^factor.exponent                     */
  double share; /* J_b = -share 2^shift times what v gives            */
  int shift;
} part;

/* ---- blocks ---- */

static void place_part(const wg_gauge_block *block, const wg_rows *g, const wg_rows *out, part *p) {
  p->block = block;
  p->rows = block ? wg_rows_columns(g, block->start, block->size) : *g;
  p->out = block ? wg_rows_columns(out, block->start, block->size) : *out;
  if (p->rows.weights || p->rows.count >= p->rows.width) return;
  p->rows = wg_rows_transposed(&p->rows);
  p->out = wg_rows_transposed(&p->out);
}

static bool is_trace(const part *p) { return p->block && wg_gauge_block_is_trace(p->block); }

static int solve_part(const wg_rows *g, const wg_lmo_options *options, wg_mem *mem, part *p) {
  WG_TRY(wg_factor_single(&p->rows, p->block, options, mem, &p->factor));
  if (is_trace(p)) p->factor.single = false;
  int status =
      p->factor.single ? WG_OK : wg_factor_rows(&p->rows, p->block, options, mem, &p->factor);
  if (status == WG_ERR_INPUT) return wg_rows_refuse(g, "g"); /* its place in g, not in the block */
  if (status < 0) return status;
  wg_factor *factor = &p->factor;
  if (!(p->v = WG_NEW(mem, double, factor->width))) return wg_no_memory();
  if (p->block)
    p->norm = wg_lmo_profile(p->block, factor->rank, factor->sigma, options->tie_tol, p->v);
  for (int64_t i = 0; !p->block && i < factor->rank; i++) p->v[i] = 1.0;
  p->share = 1.0;
  return WG_OK;
}

/* The oracle's matrix: B = Z' diag(v / sigma) Z, or left diag(v) Z after a second pass. */
static void make_matrix(const part *p, double sign, double *left, double *matrix) {
  const wg_factor *f = &p->factor;
  int64_t d = f->width, inner = f->basis ? f->inner : d;
  for (int64_t k = 0; k < f->rank; k++) {
    double scale = sign * p->share * (f->basis ? p->v[k] : p->v[k] / f->sigma[k]);
    for (int64_t i = 0; i < inner; i++)
      left[i * f->rank + k] = scale * (f->basis ? f->left[i * inner + k] : f->vectors[k * d + i]);
  }
  wg_la_gemm(false, false, inner, d, f->rank, 1.0, left, WG_MAX(f->rank, 1), f->vectors, d, 0.0,
             matrix, d);
}

/* The map of singular values alone, for factors in single precision; their exponent is zero, but a
 * share can carry a shift. */
static int apply_single(const part *p, double sign, wg_mem *mem, double *product) {
  const wg_factor *f = &p->factor;
  double *scale = WG_NEW(mem, double, f->width);
  if (!scale) return wg_no_memory();
  for (int64_t i = 0; i < f->width; i++)
    scale[i] = ldexp(sign * p->share * p->v[i] / f->sigma[i], p->shift);
  int status = wg_apply_single(&p->rows, f, scale, &p->out, mem, product);
  *product = ldexp(*product, -p->shift);
  wg_drop(mem, scale);
  return status;
}

/* Writes J_b, or the polar factor; *product = <G_b, J_b> of scaled matrices. */
static int apply_part(const part *p, int threads, wg_mem *mem, double *product) {
  const wg_factor *f = &p->factor;
  double sign = p->block ? -1.0 : 1.0;
  int64_t d = f->width;
  wg_rows_map map = {.exponent_in = f->exponent,
                     .exponent_out = p->block ? f->exponent + p->shift : 0,
                     .inner = f->basis ? f->inner : d,
                     .basis = f->basis,
                     .factor = sign * p->share};
  if (f->rank == 0) map.factor = 0.0;
  if (f->rank == 0 || is_trace(p)) {
    map.inner = d;
    map.basis = NULL;
    return wg_rows_apply(&p->rows, &map, &p->out, threads, mem, product);
  }
  if (f->single) return apply_single(p, sign, mem, product);
  double *left = WG_NEW(mem, double, d *d), *matrix = WG_NEW(mem, double, d *d);
  int status = left && matrix ? WG_OK : wg_no_memory();
  if (status == WG_OK) {
    make_matrix(p, sign, left, matrix);
    map.matrix = matrix;
    status = wg_rows_apply(&p->rows, &map, &p->out, threads, mem, product);
  }
  wg_drop(mem, left);
  wg_drop(mem, matrix);
  return status;
}

/* ---- all blocks ---- */

/* x 2^k, for k beyond what a number's exponent can be as well. */
static double shifted(double x, int64_t k) { return ldexp(x, (int)WG_MAX(-5000, WG_MIN(5000, k))); }

/* An exponent near that of the whole dual norm: that of the largest block, rate included. */
static int common_exponent(const wg_gauge_spec *spec, const part *parts) {
  int exponent = INT32_MIN;
  for (int64_t b = 0; b < spec->block_count; b++)
    if (parts[b].norm > 0.0)
      exponent = WG_MAX(
          exponent, ilogb(parts[b].norm) + ilogb(parts[b].block->rate) + parts[b].factor.exponent);
  return exponent == INT32_MIN ? 0 : exponent;
}

/* N*: a root of a sum of squares, or a sum with rates; in units of 2^exponent. */
static double combine_norms(const wg_gauge_spec *spec, const part *parts, int exponent) {
  double total = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const part *p = &parts[b];
    double rate = p->block->rate;
    int rate_exponent = ilogb(rate);
    double scaled = shifted(p->norm * ldexp(rate, -rate_exponent),
                            (int64_t)p->factor.exponent + rate_exponent - exponent);
    total = spec->outer == WG_BLOCK_MAX ? total + scaled : hypot(total, scaled);
  }
  return total;
}

/* Block max: t_b = N* eta_b / N*_b, as share 2^shift. */
static void set_shares(const wg_gauge_spec *spec, double norm, int exponent, part *parts) {
  for (int64_t b = 0; b < spec->block_count; b++) {
    part *p = &parts[b];
    if (spec->outer != WG_BLOCK_MAX || p->norm == 0.0) continue;
    int rate_exponent = ilogb(p->block->rate), norm_exponent = ilogb(p->norm);
    p->share = norm * ldexp(p->block->rate, -rate_exponent) / ldexp(p->norm, -norm_exponent);
    p->shift = exponent + rate_exponent - norm_exponent - p->factor.exponent;
  }
}

static void describe(const part *p, wg_lmo_answer *answer) {
  const wg_factor *f = &p->factor;
  answer->rank += f->rank;
  answer->passes = WG_MAX(answer->passes, f->passes);
  answer->estimate = WG_MAX(answer->estimate, f->estimate);
  if (f->rank) answer->condition = WG_MAX(answer->condition, f->sigma[0] / f->sigma[f->rank - 1]);
}

/* J is as large as its largest singular value: where that nears the end of the type, an entry may
 * have left it. */
static int refuse_overflow(int64_t count, const part *parts, const wg_rows *out) {
  const double most = out->single ? (double)FLT_MAX : DBL_MAX;
  for (int64_t b = 0; b < count; b++) {
    const part *p = &parts[b];
    if (p->factor.rank > 0 && isnan(p->share * p->v[0]))
      return wg_fail(WG_ERR_INTERNAL, "the direction of block %lld is not a number", (long long)b);
    if (p->factor.rank == 0 ||
        shifted(p->share * p->v[0], (int64_t)p->factor.exponent + p->shift) < 0.25 * most)
      continue;
    if (wg_rows_refuse(out, "v") == WG_OK) return WG_OK;
    return wg_fail(WG_ERR_INPUT,
                   "the direction has entries beyond %g, the largest number of its type; multiply "
                   "g by a small power of two: the direction scales with it",
                   most);
  }
  return WG_OK;
}

/* Applies the blocks; <G, J> in units of 4^exponent. */
static int apply_parts(int64_t count, const part *parts, int threads, wg_mem *mem,
                       wg_lmo_answer *answer) {
  for (int64_t b = 0; b < count; b++) {
    double product = 0.0;
    WG_TRY(apply_part(&parts[b], threads, mem, &product));
    answer->product += shifted(
        product, 2 * ((int64_t)parts[b].factor.exponent - answer->exponent) + parts[b].shift);
  }
  return WG_OK;
}

int wg_lmo_solve(const wg_gauge_spec *spec, const wg_rows *g, const wg_lmo_options *options,
                 const wg_rows *out, wg_mem *mem, wg_lmo_answer *answer) {
  part *parts = WG_NEW(mem, part, spec->block_count);
  *answer = (wg_lmo_answer){.condition = 1.0};
  if (!parts) return wg_no_memory();
  for (int64_t b = 0; b < spec->block_count; b++) {
    place_part(&spec->blocks[b], g, out, &parts[b]);
    WG_TRY(solve_part(g, options, mem, &parts[b]));
    describe(&parts[b], answer);
  }
  answer->exponent = common_exponent(spec, parts);
  answer->norm = combine_norms(spec, parts, answer->exponent);
  set_shares(spec, answer->norm, answer->exponent, parts);
  WG_TRY(apply_parts(spec->block_count, parts, options->threads, mem, answer));
  return refuse_overflow(spec->block_count, parts, out);
}

/* ---- the polar factor ---- */

int wg_polar_exact(const wg_rows *g, const wg_lmo_options *options, const wg_rows *out, wg_mem *mem,
                   wg_lmo_answer *answer) {
  part *p = WG_NEW(mem, part, 1);
  *answer = (wg_lmo_answer){.condition = 1.0};
  if (!p) return wg_no_memory();
  place_part(NULL, g, out, p);
  WG_TRY(solve_part(g, options, mem, p));
  describe(p, answer);
  return apply_part(p, options->threads, mem, &answer->product);
}

/* Largest entry of S S - S, which vanishes when S is a projector. */
static double projector_error(int64_t d, const double *gram, double *square) {
  double error = 0.0;
  wg_la_gemm(false, false, d, d, d, 1.0, gram, d, gram, d, 0.0, square, d);
  for (int64_t i = 0; i < d * d; i++) error = WG_MAX(error, fabs(square[i] - gram[i]));
  return error;
}

int wg_isometry_check(const wg_rows *u, int64_t rank, int threads, wg_mem *mem,
                      wg_isometry *found) {
  wg_rows tall = u->count >= u->width ? *u : wg_rows_transposed(u);
  int64_t d = tall.width;
  double largest, *gram = WG_NEW(mem, double, d *d), *values = WG_NEW(mem, double, d);
  double *vectors = WG_NEW(mem, double, d *d);
  if (!gram || !values || !vectors) return wg_no_memory();
  WG_TRY(wg_rows_gram(&tall, 0, d, NULL, threads, mem, gram, &largest));
  WG_TRY(wg_la_eigh(d, gram, values, vectors));
  found->largest = sqrt(WG_MAX(values[0], 0.0));
  found->least = rank ? sqrt(WG_MAX(values[rank - 1], 0.0)) : 0.0;
  found->error = projector_error(d, gram, vectors);
  return WG_OK;
}
