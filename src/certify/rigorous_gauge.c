/* Gauges, dual gauges and PSD parts of ball matrices (theory 1).
 *
 * Eigenvalues come as balls (rigorous_spectrum.c). A gauge and its dual are increasing in every
 * eigenvalue, so the value at the lower ends and the value at the upper ends enclose them; ends
 * below zero are zero, because the matrices are PSD by construction or are replaced by their PSD
 * part, whose eigenvalues are max(lambda, 0). Evaluating at ends keeps fractional powers away from
 * balls that contain zero. As the k-th eigenvalue is above every lower and below every upper end of
 * a later (an earlier) one, ends are made to decrease. Schatten norms are taken relative to the
 * first eigenvalue, so p may be as large as a double.
 *
 * The PSD part Q+ of a symmetric Q is needed itself, not only its eigenvalues. Theorem: let
 * Q = A - B + E with A, B PSD, |E| <= eps, <A, B> <= delta (Frobenius). Then |A - Q+| <= eps +
 * sqrt(delta). For Q+ is the projection onto a convex cone, so it moves by at most eps when E is
 * taken away; and if Z is the projection of A - B, then |Z - A|^2 = <Z - (A - B), Z - A> +
 * <-B, Z - A> <= 0 + delta, the first by the projection, the second because <B, Z> >= 0. From a
 * spectrum: A = sum over d_i > 0 of d_i v_i v_i', B the same of -d_i for d_i < 0, eps its residual,
 * and <A, B> = sum d_i |d_j| (v_i' v_j)^2 <= d+ d- skew^2 with the largest of each. The rows of R
 * are sqrt(d_i) v_i', so A = R'R.
 *
 * Cost: one spectrum a block, none where the gauge is the trace of the block. */
#include "certify/rigorous.h"

/* ---- functions of exact, non-negative, decreasing numbers ---- */

typedef void function_of_values(arb_t value, const wg_gauge_block *block, arb_srcptr values,
                                slong bits);

/* (sum values^p)^(1/p) */
static void schatten(arb_t value, arb_srcptr values, slong size, const arb_t p, slong bits) {
  arb_t ratio, sum;
  if (arb_is_zero(values)) {
    arb_zero(value);
    return;
  }
  arb_init(ratio);
  arb_init(sum);
  for (slong i = 0; i < size; i++) {
    if (arb_is_zero(values + i)) continue;
    arb_div(ratio, values + i, values, bits);
    arb_pow(ratio, ratio, p, bits);
    arb_add(sum, sum, ratio, bits);
  }
  arb_inv(ratio, p, bits);
  arb_pow(sum, sum, ratio, bits);
  arb_mul(value, sum, values, bits);
  arb_clear(ratio);
  arb_clear(sum);
}

static void sum_of(arb_t value, arb_srcptr values, slong count, slong bits) {
  arb_zero(value);
  for (slong i = 0; i < count; i++) arb_add(value, value, values + i, bits);
}

static void gauge_of_values(arb_t value, const wg_gauge_block *block, arb_srcptr values,
                            slong bits) {
  arb_t p;
  if (block->kind == WG_KYFAN) {
    sum_of(value, values, block->k, bits);
    return;
  }
  if (isinf(block->p)) {
    arb_set(value, values);
    return;
  }
  arb_init(p);
  arb_set_d(p, block->p);
  schatten(value, values, block->size, p, bits);
  arb_clear(p);
}

/* p' = p / (p - 1); p is not 1. */
static void schatten_dual(arb_t value, const wg_gauge_block *block, arb_srcptr values, slong bits) {
  arb_t p, conjugate;
  arb_init(p);
  arb_init(conjugate);
  arb_set_d(p, block->p);
  arb_sub_si(conjugate, p, 1, bits);
  arb_div(conjugate, p, conjugate, bits);
  schatten(value, values, block->size, conjugate, bits);
  arb_clear(p);
  arb_clear(conjugate);
}

static void dual_of_values(arb_t value, const wg_gauge_block *block, arb_srcptr values,
                           slong bits) {
  if (wg_gauge_block_is_trace(block)) {
    arb_set(value, values);
  } else if (block->kind == WG_KYFAN) {
    sum_of(value, values, block->size, bits);
    arb_div_si(value, value, block->k, bits);
    arb_max(value, value, values, bits);
  } else if (isinf(block->p)) {
    sum_of(value, values, block->size, bits);
  } else {
    schatten_dual(value, block, values, bits);
  }
}

/* ---- at the ends of balls ---- */

/* out = an end of ball, exact, not below zero. */
static void end_of(arb_t out, const arb_t ball, bool upper, slong bits) {
  arb_zero(out);
  if (upper)
    arb_get_ubound_arf(arb_midref(out), ball, bits);
  else
    arb_get_lbound_arf(arb_midref(out), ball, bits);
  if (arf_sgn(arb_midref(out)) < 0) arb_zero(out);
}

/* Lower ends are raised to those behind them, upper ends lowered to those before: they decrease. */
static void put_in_order(arb_ptr ends, slong size, bool upper, slong bits) {
  for (slong i = 1; upper && i < size; i++) arb_min(ends + i, ends + i, ends + i - 1, bits);
  for (slong i = size - 1; !upper && i > 0; i--)
    arb_max(ends + i - 1, ends + i - 1, ends + i, bits);
}

/* Encloses function at max(values, 0) + slack. */
static void enclose(arb_t value, function_of_values *function, const wg_gauge_block *block,
                    arb_srcptr values, const arb_t slack, slong bits) {
  arb_ptr ends = _arb_vec_init(block->size);
  arb_t bounds[2], shift;
  arb_init(shift);
  for (int upper = 0; upper < 2; upper++) {
    arb_init(bounds[upper]);
    end_of(shift, slack, upper, bits);
    for (slong i = 0; i < block->size; i++) end_of(ends + i, values + i, upper, bits);
    put_in_order(ends, block->size, upper, bits);
    for (slong i = 0; i < block->size; i++) arb_add(ends + i, ends + i, shift, bits);
    function(bounds[upper], block, ends, bits);
  }
  arb_union(value, bounds[0], bounds[1], bits);
  arb_clear(bounds[0]);
  arb_clear(bounds[1]);
  arb_clear(shift);
  _arb_vec_clear(ends, block->size);
}

/* ---- the gauge ---- */

/* part / rate^2 */
static void divide_by_rate(arb_t part, double rate, slong bits) {
  arb_t eta;
  arb_init(eta);
  arb_set_d(eta, rate);
  arb_div(part, part, eta, bits);
  arb_div(part, part, eta, bits);
  arb_clear(eta);
}

static int spectral_part(wg_mem *mem, const wg_gauge_block *block, const arb_mat_t s,
                         const arb_t slack, slong bits, arb_t part) {
  wg_ball_spectrum spectrum;
  arb_mat_t here;
  slong start = block->start, end = block->start + block->size;
  arb_mat_window_init(here, s, start, start, end, end);
  int status = wg_ball_spectrum_of(mem, here, bits, &spectrum);
  arb_mat_window_clear(here);
  WG_TRY(status);
  enclose(part, gauge_of_values, block, spectrum.values, slack, bits);
  wg_ball_spectrum_clear(&spectrum);
  return WG_OK;
}

/* A gauge with p >= 1 is at most the trace, of which R adds slack only once. */
static int block_part(wg_mem *mem, const wg_gauge_block *block, const arb_mat_t s,
                      const arb_t slack, slong bits, arb_t part) {
  arb_t trace;
  if (!wg_gauge_block_is_trace(block)) WG_TRY(spectral_part(mem, block, s, slack, bits, part));
  if (block->kind == WG_SCHATTEN && block->p < 1.0 && block->size > 1) return WG_OK;
  arb_init(trace);
  for (slong i = block->start; i < block->start + block->size; i++)
    arb_add(trace, trace, arb_mat_entry(s, i, i), bits);
  arb_add(trace, trace, slack, bits);
  if (wg_gauge_block_is_trace(block))
    arb_set(part, trace);
  else
    arb_min(part, part, trace, bits);
  arb_clear(trace);
  return WG_OK;
}

int wg_ball_gauge(wg_mem *mem, const wg_gauge_spec *spec, const arb_mat_t s, const arb_t slack,
                  slong bits, arb_t value) {
  int status = WG_OK;
  arb_t part;
  arb_init(part);
  arb_zero(value);
  for (int64_t b = 0; status == WG_OK && b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    status = block_part(mem, block, s, slack, bits, part);
    divide_by_rate(part, block->rate, bits);
    if (spec->outer == WG_BLOCK_SUM)
      arb_add(value, value, part, bits);
    else
      arb_max(value, value, part, bits);
  }
  arb_clear(part);
  return status;
}

void wg_ball_gauge_unit(const wg_gauge_spec *spec, slong bits, arb_t unit) {
  arb_t part;
  arb_init(part);
  arb_zero(unit);
  for (int64_t b = 0; b < spec->block_count; b++) {
    arb_one(part);
    divide_by_rate(part, spec->blocks[b].rate, bits);
    arb_max(unit, unit, part, bits);
  }
  arb_clear(part);
}

/* ---- the PSD part ---- */

/* The symmetric part of a block of q. */
static void copy_block(const wg_gauge_block *block, int64_t d, const double *q, slong bits,
                       arb_mat_t out) {
  arb_t mirror;
  arb_init(mirror);
  for (slong i = 0; i < block->size; i++) {
    for (slong j = 0; j < block->size; j++) {
      arb_ptr entry = arb_mat_entry(out, i, j);
      arb_set_d(entry, q[(block->start + i) * d + block->start + j]);
      arb_set_d(mirror, q[(block->start + j) * d + block->start + i]);
      arb_add(entry, entry, mirror, bits);
      arb_mul_2exp_si(entry, entry, -1);
    }
  }
  arb_clear(mirror);
}

/* slack >= residual + skew sqrt(d+ d-), if that is more than before. */
static void raise_slack(const wg_ball_spectrum *spectrum, slong size, mag_t slack) {
  mag_t cross, other;
  arb_srcptr first = spectrum->values, last = spectrum->values + size - 1;
  mag_init(cross);
  mag_init(other);
  if (arf_sgn(arb_midref(first)) > 0 && arf_sgn(arb_midref(last)) < 0) {
    arb_get_mag(cross, first);
    arb_get_mag(other, last);
    mag_mul(cross, cross, other);
    mag_sqrt(cross, cross);
    mag_mul(cross, cross, spectrum->skew);
  }
  mag_add(cross, cross, spectrum->residual);
  mag_max(slack, slack, cross);
  mag_clear(cross);
  mag_clear(other);
}

/* Appends the rows sqrt(d_i) v_i' with d_i > 0 of a block. */
static void append_rows(const wg_gauge_block *block, const wg_ball_spectrum *spectrum, slong bits,
                        wg_ball_factor *factor) {
  arb_t root;
  arb_init(root);
  for (slong i = 0; i < block->size; i++) {
    arb_ptr weight = factor->weight + factor->rank;
    arb_get_mid_arb(weight, spectrum->values + i);
    if (arf_sgn(arb_midref(weight)) <= 0) break;
    arb_sqrt(root, weight, bits);
    _arb_vec_scalar_mul(arb_mat_entry(factor->rows, factor->rank, block->start),
                        arb_mat_entry(spectrum->vectors, i, 0), block->size, root, bits);
    factor->rank++;
  }
  arb_clear(root);
}

static void combine_dual(const wg_gauge_spec *spec, const wg_gauge_block *block,
                         const wg_ball_spectrum *spectrum, slong bits, arb_t dual) {
  arb_t part, rate;
  arb_init(part);
  arb_init(rate); /* zero: no slack */
  enclose(part, dual_of_values, block, spectrum->values, rate, bits);
  if (spec->outer == WG_BLOCK_MAX) {
    arb_set_d(rate, block->rate);
    arb_mul(part, part, rate, bits);
    arb_addmul(dual, part, rate, bits);
  } else {
    arb_max(dual, dual, part, bits);
  }
  arb_clear(part);
  arb_clear(rate);
}

static int add_block(wg_mem *mem, const wg_gauge_spec *spec, const wg_gauge_block *block,
                     const double *q, slong bits, wg_ball_factor *factor) {
  wg_ball_spectrum spectrum;
  arb_mat_t here;
  arb_mat_init(here, block->size, block->size);
  copy_block(block, spec->d, q, bits, here);
  int status = wg_ball_spectrum_of(mem, here, bits, &spectrum);
  arb_mat_clear(here);
  WG_TRY(status);
  raise_slack(&spectrum, block->size, factor->slack);
  append_rows(block, &spectrum, bits, factor);
  combine_dual(spec, block, &spectrum, bits, factor->dual);
  wg_ball_spectrum_clear(&spectrum);
  return WG_OK;
}

int wg_ball_factor_of(wg_mem *mem, const wg_gauge_spec *spec, const double *q, slong bits,
                      wg_ball_factor *factor) {
  arb_mat_init(factor->rows, spec->d, spec->d);
  factor->weight = _arb_vec_init(spec->d);
  factor->rank = 0;
  mag_init(factor->slack);
  arb_init(factor->dual);
  int status = WG_OK;
  for (int64_t b = 0; status == WG_OK && b < spec->block_count; b++)
    status = add_block(mem, spec, &spec->blocks[b], q, bits, factor);
  if (status < 0) wg_ball_factor_clear(factor);
  return status;
}

void wg_ball_factor_clear(wg_ball_factor *factor) {
  _arb_vec_clear(factor->weight, arb_mat_nrows(factor->rows));
  arb_mat_clear(factor->rows);
  mag_clear(factor->slack);
  arb_clear(factor->dual);
}
