/* Whether a matrix V is the descent direction of G, judged by another road than that which made it.
 *
 * With N from gauge/definition.c, the singular values of G and V, and their product,
 *   -<G, V> = N(V)^2   and   N(V) >= N' for an N' >= N*(G)
 * prove it: <G, V> + N(V)^2 / 2 = -N(V)^2 / 2 <= -N*^2 / 2, and no matrix is below that. Relative
 * errors e of the three cost 3 e of the minimum.
 *
 * N' comes from a dual certificate (theory 1, 2). For weights w > 0 in the right singular basis of
 * a block of G, Q = W diag(w) W' and any matrix T,
 *   <G, T> <= |G Q^-1/2|_F |T Q^1/2|_F <= (sum sigma_i^2 / w_i)^1/2 gamma*(w)^1/2 N(T),
 * whatever w is, gamma* the dual gauge. At the optimum w_i = sigma_i / v_i, v those of V; w is made
 * decreasing, as it is there, so that the noise of the least values does not count. For p < 1 there
 * is no dual gauge: Hoelder's inequality for the norm S_2p bounds N* by |G|_q, q = 2p / (2p - 1).
 * Blocks combine by Cauchy and Schwarz (sum) or by sum rate_b N*_b (maximum). No formula of
 * profile.c is used.
 *
 * Cost two factorisations (factor.c) and a pass for the product; memory that of a factorisation. */
#include <float.h>

#include "lmo/lmo.h"

static double shifted(double x, int64_t k) { return ldexp(x, (int)WG_MAX(-5000, WG_MIN(5000, k))); }

/* The block's rows, with the shorter side as columns where nothing is weighted. */
static wg_rows rows_of(const wg_gauge_block *block, const wg_rows *matrix) {
  const wg_rows rows = wg_rows_columns(matrix, block->start, block->size);
  return rows.weights || rows.count >= rows.width ? rows : wg_rows_transposed(&rows);
}

/* Singular values of every block of a matrix: as accurate as a polar factor needs them. */
static int take_values(const wg_gauge_spec *spec, const wg_rows *matrix, const char *name,
                       const wg_lmo_options *options, wg_mem *mem, wg_lmo_values *values) {
  values->sigma = WG_NEW(mem, double, spec->d);
  values->rank = WG_NEW(mem, int64_t, spec->block_count);
  values->exponent = WG_NEW(mem, int, spec->block_count);
  if (!values->sigma || !values->rank || !values->exponent) return wg_no_memory();
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    wg_mem scratch = wg_mem_of(mem->ledger);
    wg_factor factor;
    const wg_rows rows = rows_of(block, matrix);
    int status = wg_factor_rows(&rows, NULL, options, &scratch, &factor);
    if (status == WG_OK) {
      for (int64_t i = 0; i < factor.rank; i++) values->sigma[block->start + i] = factor.sigma[i];
      values->rank[b] = factor.rank;
      values->exponent[b] = factor.exponent;
    }
    wg_mem_clear(&scratch);
    if (status == WG_ERR_INPUT) return wg_rows_refuse(matrix, name);
    if (status < 0) return status;
  }
  return WG_OK;
}

int wg_lmo_check_begin(const wg_gauge_spec *spec, const wg_rows *g, const wg_lmo_options *options,
                       wg_mem *mem, wg_lmo_values *values) {
  return take_values(spec, g, "g", options, mem, values);
}

/* ---- one block ---- */

/* N of a block, from its singular values; room: count numbers. */
static int block_norm(const wg_gauge_block *block, int64_t count, const double *sigma, double *room,
                      double *norm) {
  double square = 0.0;
  *norm = 0.0;
  if (count == 0) return WG_OK;
  for (int64_t i = 0; i < count; i++) room[i] = (sigma[i] / sigma[0]) * (sigma[i] / sigma[0]);
  WG_TRY(wg_define_block(block, count, room, &square));
  *norm = sigma[0] * sqrt(square);
  return WG_OK;
}

/* |sigma|_q, q = 2p / (2p - 1) >= 2. */
static double hoelder(double p, int64_t count, const double *sigma) {
  const double q = 2.0 * p / (2.0 * p - 1.0);
  double sum = 0.0;
  if (count == 0 || p == 0.5) return count ? sigma[0] : 0.0;
  for (int64_t i = 0; i < count; i++) sum += exp(q * log(sigma[i] / sigma[0]));
  return sigma[0] * exp(log(sum) / q);
}

/* N' of a block of G with singular values sigma, V having v there; equal weights where V is zero,
 * as it is where it underflows. */
static int block_bound(const wg_gauge_block *block, int64_t count, const double *sigma,
                       int64_t other, const double *v, double *w, double *bound) {
  double sum = 0.0, dual = 0.0;
  *bound = 0.0;
  if (count == 0) return WG_OK;
  if (block->kind == WG_SCHATTEN && block->p < 1.0 && block->size > 1) {
    *bound = hoelder(block->p, count, sigma);
    return WG_OK;
  }
  for (int64_t i = 0; i < count; i++) {
    const double s = sigma[i] / sigma[0], ratio = i < other ? v[i] / v[0] : 0.0;
    w[i] = i == 0 ? 1.0 : ratio > 0.0 ? WG_MIN(s / ratio, w[i - 1]) : w[i - 1];
    sum += s / w[i] * s;
  }
  WG_TRY(wg_define_block_dual(block, count, w, &dual));
  *bound = sigma[0] * sqrt(dual * sum);
  return WG_OK;
}

/* ---- the whole ---- */

/* <G, V> of matrices times 2^-exponents, weighted. */
static double product_of(const wg_rows *g, int g_exponent, const wg_rows *v, int v_exponent) {
  const double g_scale = ldexp(1.0, -g_exponent), v_scale = ldexp(1.0, -v_exponent);
  double sum = 0.0;
  for (int64_t i = 0; i < g->count; i++) {
    double row = 0.0;
    for (int64_t j = 0; j < g->width; j++) {
      const int64_t at = i * g->row_step + j * g->column_step;
      const int64_t to = i * v->row_step + j * v->column_step;
      const double x =
          g->single ? (double)((const float *)g->data)[at] : ((const double *)g->data)[at];
      const double y =
          v->single ? (double)((const float *)v->data)[to] : ((const double *)v->data)[to];
      row += x * g_scale * (y * v_scale);
    }
    sum += g->weights ? g->weights[i] * row : row;
  }
  return sum;
}

/* A number in units of 2^exponent, as it is gathered over blocks. */
typedef struct scaled {
  double value;
  int64_t exponent;
} scaled;

static scaled scale(double value, int64_t exponent) {
  if (!(value > 0.0) || !isfinite(value)) return (scaled){value, exponent};
  const int own = ilogb(value);
  return (scaled){ldexp(value, -own), exponent + own};
}

/* The root of a^2 + b^2, a + b, or the larger. */
static scaled join(scaled a, scaled b, int how) {
  if (a.value == 0.0) return b;
  if (b.value == 0.0) return a;
  const int64_t exponent = WG_MAX(a.exponent, b.exponent);
  const double x = shifted(a.value, a.exponent - exponent);
  const double y = shifted(b.value, b.exponent - exponent);
  return scale(how == 2 ? hypot(x, y) : how == 1 ? x + y : WG_MAX(x, y), exponent);
}

/* How parts make N*(G) and N(V); WG_ERR_INTERNAL for what nobody has said. */
static int gather(const wg_gauge_spec *spec, const wg_gauge_block *block, scaled dual, scaled norm,
                  scaled *duals, scaled *norms) {
  const int own = ilogb(block->rate);
  const double rate = ldexp(block->rate, -own);
  switch (spec->outer) {
    case WG_SINGLE:
    case WG_BLOCK_SUM:
      *duals = join(*duals, dual, 2);
      *norms = join(*norms, norm, 2);
      return WG_OK;
    case WG_BLOCK_MAX:
      *duals = join(*duals, scale(dual.value * rate, dual.exponent + own), 1);
      *norms = join(*norms, scale(norm.value / rate, norm.exponent - own), 0);
      return WG_OK;
  }
  return wg_fail(WG_ERR_INTERNAL, "no combination %d is known to the checks; add it to lmo/check.c",
                 (int)spec->outer);
}

int wg_lmo_check_end(const wg_gauge_spec *spec, const wg_lmo_values *values, const wg_rows *g,
                     const wg_rows *v, const wg_lmo_options *options, wg_mem *mem,
                     wg_lmo_verdict *verdict) {
  wg_lmo_values own;
  scaled duals = {0.0, 0}, norms = {0.0, 0};
  double *room = WG_NEW(mem, double, spec->d);
  if (!room) return wg_no_memory();
  WG_TRY(take_values(spec, v, "v", options, mem, &own));
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    const double *sigma = values->sigma + block->start, *tau = own.sigma + block->start;
    double dual, norm;
    WG_TRY(block_bound(block, values->rank[b], sigma, own.rank[b], tau, room, &dual));
    WG_TRY(block_norm(block, own.rank[b], tau, room, &norm));
    WG_TRY(gather(spec, block, scale(dual, values->exponent[b]), scale(norm, own.exponent[b]),
                  &duals, &norms));
  }
  *verdict = (wg_lmo_verdict){.exponent = (int)duals.exponent, .dual = duals.value};
  verdict->norm = shifted(norms.value, norms.exponent - duals.exponent);
  for (int64_t b = 0; g && b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    const wg_rows gb = wg_rows_columns(g, block->start, block->size);
    const wg_rows vb = wg_rows_columns(v, block->start, block->size);
    verdict->product +=
        shifted(product_of(&gb, values->exponent[b], &vb, own.exponent[b]),
                (int64_t)values->exponent[b] + own.exponent[b] - 2 * duals.exponent);
  }
  return WG_OK;
}
