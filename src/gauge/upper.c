/* Upper bounds of a gauge and of its dual that hold in exact arithmetic: what certificates rest on.
 *
 * What is assumed. The eigensolver is backward stable: the computed values are the exact ones of a
 * matrix within c d u |S| of S, so each is off by at most that (Weyl). LAPACK states p(d) u |S|
 * with a modest p and tests its releases against about 100 d u |S|; errors seen in practice are
 * below d u |S| by far. We take c = 16 and |S| <= the largest computed |eigenvalue|, with the
 * constant large enough for that circularity. pow is taken to be within 2 units, as every libm in
 * use is.
 *
 * Eigenvalues. For |S' - S| <= slack, lambda_i(S') <= computed_i + 16 d u |S| + slack =: mu_i, and
 * a gauge is increasing in every eigenvalue, so gamma(S') <= gamma(mu). Evaluating a Schatten norm
 * in floating point costs a relative (4 d + 32) u for every p >= 1/2: an error of the ratios
 * lambda/lambda_1 passes through the p-th power and the p-th root with factor one, the sum and pow
 * add (d + 4) u / p <= (2 d + 8) u, and rounding 1/p or p' adds at most ln(d) u / min(p, 1).
 *
 * Trace. tr S is the sum of the diagonal, known far better than a sum of d shifted eigenvalues. The
 * bound for a trace block is that sum plus slack (once), inflated by 16 d u so that it also
 * dominates wg_gauge_value. Other gauges with p >= 1 are below the trace and take the smaller of
 * the two bounds: it is the better one for matrices of low rank. For p < 1 the bound of a singular
 * matrix is necessarily loose, ((16 d u)^p sums up): the root-norm is not Lipschitz there.
 *
 * All other operations here round upward (one nextafter each), scaling by powers of two included.
 * Zero matrix and zero slack give exactly zero. Source: theory 1; Higham, Accuracy and Stability of
 * Numerical Algorithms. Cost and memory as in gauge.c. */
#include "gauge/gauge.h"

static double up(double value) { return nextafter(value, INFINITY); }

static double add_up(double a, double b) { return a == 0.0 || b == 0.0 ? a + b : up(a + b); }

static double multiply_up(double a, double b) { return a == 0.0 || b == 0.0 ? 0.0 : up(a * b); }

static double divide_up(double a, double b) { return a == 0.0 || b == 1.0 ? a : up(a / b); }

/* value 2^exponent, upward where the result is subnormal. */
static double scale_up(double value, int exponent) {
  double scaled = ldexp(value, exponent);
  return ldexp(scaled, -exponent) < value ? up(scaled) : scaled;
}

/* 1 + units u */
static double inflate(double value, double units) {
  return multiply_up(value, 1.0 + (units + 2.0) * WG_UNIT);
}

/* Sum of the block's diagonal plus perturbation, never below zero. */
static double trace_upper(const wg_block_spectrum *spectrum, double perturbation) {
  double sum = 0.0;
  for (int64_t i = 0; i < spectrum->size; i++)
    sum = add_up(sum, spectrum->matrix[i * spectrum->size + i]);
  if (spectrum->size > 1 && sum > 0.0) sum = inflate(sum, 16.0 * (double)spectrum->size);
  return WG_MAX(add_up(sum, perturbation), 0.0);
}

/* Replaces the clipped eigenvalues by upper bounds. */
static void shift_values(wg_block_spectrum *spectrum, double slack) {
  double top = WG_MAX(fabs(spectrum->values[0]), fabs(spectrum->values[spectrum->size - 1]));
  double backward = spectrum->size == 1 ? 0.0 : 16.0 * (double)spectrum->size * WG_UNIT * top;
  double shift = add_up(backward, slack);
  for (int64_t i = 0; i < spectrum->size; i++)
    spectrum->clipped[i] = add_up(spectrum->clipped[i], shift);
}

static double evaluation_units(const wg_block_spectrum *spectrum) {
  return 4.0 * (double)spectrum->size + 32.0;
}

/* gamma of the block and everything within slack of it, in the scale of the spectrum. */
static double block_upper(const wg_gauge_block *block, double slack, wg_block_spectrum *spectrum) {
  double trace = trace_upper(spectrum, slack);
  if (wg_gauge_block_is_trace(block)) return trace;
  shift_values(spectrum, slack);
  double value = wg_gauge_of_values(block, spectrum->clipped);
  value = inflate(value, evaluation_units(spectrum));
  return block->kind == WG_SCHATTEN && block->p < 1.0 ? value : WG_MIN(value, trace);
}

/* The same for the dual gauge. A perturbation may change the trace by size * slack, and the dual
 * gauge is at most the trace because gamma(S) >= lambda_1(S). */
static double block_dual_upper(const wg_gauge_block *block, double slack,
                               wg_block_spectrum *spectrum) {
  double trace = trace_upper(spectrum, multiply_up((double)spectrum->size, slack));
  shift_values(spectrum, slack);
  double top = spectrum->clipped[0];
  if (wg_gauge_block_is_trace(block)) return top;
  if (block->kind == WG_KYFAN) return WG_MAX(top, divide_up(trace, (double)block->k));
  double value = wg_gauge_dual_of_values(block, spectrum->clipped);
  return WG_MIN(inflate(value, evaluation_units(spectrum)), trace);
}

typedef double block_bound(const wg_gauge_block *block, double slack, wg_block_spectrum *spectrum);

/* One block's bound in the caller's scale. */
static int bound_of_block(const wg_gauge_spec *spec, const wg_gauge_block *block, const double *s,
                          double slack, block_bound *bound, wg_block_spectrum *spectrum,
                          double *part) {
  WG_TRY(wg_spectrum_values_of(spec, block, s, slack, spectrum));
  double scaled = bound(block, scale_up(slack, -spectrum->exponent), spectrum);
  *part = scale_up(scaled, spectrum->exponent);
  return WG_OK;
}

static double combine(const wg_gauge_spec *spec, const wg_gauge_block *block, double whole,
                      double part) {
  if (spec->outer == WG_BLOCK_SUM) return add_up(whole, part);
  return WG_MAX(whole, divide_up(divide_up(part, block->rate), block->rate));
}

static double combine_dual(const wg_gauge_spec *spec, const wg_gauge_block *block, double whole,
                           double part) {
  if (spec->outer != WG_BLOCK_MAX) return WG_MAX(whole, part);
  return add_up(whole, multiply_up(multiply_up(part, block->rate), block->rate));
}

typedef double combination(const wg_gauge_spec *spec, const wg_gauge_block *block, double whole,
                           double part);

static int bound_of_blocks(const wg_gauge_spec *spec, const double *s, double slack,
                           block_bound *bound, combination *join, wg_block_spectrum *spectrum,
                           double *whole) {
  double total = 0.0, part = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    WG_TRY(bound_of_block(spec, &spec->blocks[b], s, slack, bound, spectrum, &part));
    total = join(spec, &spec->blocks[b], total, part);
  }
  *whole = total;
  return WG_OK;
}

static int bound_of_matrix(const wg_gauge_spec *spec, const double *s, double slack, wg_mem *mem,
                           block_bound *bound, combination *join, double *whole) {
  wg_block_spectrum spectrum;
  *whole = INFINITY;
  if (!isfinite(slack)) return WG_OK;
  WG_TRY(wg_spectrum_begin(spec, mem, &spectrum));
  int status = bound_of_blocks(spec, s, slack, bound, join, &spectrum, whole);
  wg_spectrum_end(mem, &spectrum);
  return status;
}

int wg_gauge_upper(const wg_gauge_spec *spec, const double *s, double slack, wg_mem *mem,
                   double *upper) {
  return bound_of_matrix(spec, s, slack, mem, block_upper, combine, upper);
}

/* ---- from below ---- */

static double down(double value) { return value > 0.0 ? nextafter(value, 0.0) : 0.0; }

/* gamma of the block from below: eigenvalues lowered by what they may be off and by slack, in the
 * scale of the spectrum. */
static double block_lower(const wg_gauge_block *block, double slack, wg_block_spectrum *spectrum) {
  double top = WG_MAX(fabs(spectrum->values[0]), fabs(spectrum->values[spectrum->size - 1]));
  double backward = spectrum->size == 1 ? 0.0 : 16.0 * (double)spectrum->size * WG_UNIT * top;
  double shift = add_up(backward, slack);
  for (int64_t i = 0; i < spectrum->size; i++)
    spectrum->clipped[i] =
        shift > 0.0 ? down(WG_MAX(spectrum->clipped[i] - shift, 0.0)) : spectrum->clipped[i];
  double value = wg_gauge_of_values(block, spectrum->clipped);
  if (spectrum->size == 1) return value;
  return down(value * (1.0 - (evaluation_units(spectrum) + 2.0) * WG_UNIT));
}

static double combine_lower(const wg_gauge_spec *spec, const wg_gauge_block *block, double whole,
                            double part) {
  if (spec->outer == WG_BLOCK_SUM)
    return part > 0.0 && whole > 0.0 ? down(whole + part) : whole + part;
  if (block->rate != 1.0) part = down(down(part / block->rate) / block->rate);
  return WG_MAX(whole, part);
}

/* bound_of_block with the roundings of its scaling taken off again. */
static double unscaled(double value, int exponent) {
  double scaled = ldexp(value, exponent);
  return ldexp(scaled, -exponent) > value ? down(scaled) : scaled;
}

int wg_gauge_lower(const wg_gauge_spec *spec, const double *s, double slack, wg_mem *mem,
                   double *lower) {
  wg_block_spectrum spectrum;
  double total = 0.0;
  *lower = 0.0;
  if (!isfinite(slack)) return WG_OK;
  WG_TRY(wg_spectrum_begin(spec, mem, &spectrum));
  int status = WG_OK;
  for (int64_t b = 0; b < spec->block_count && status == WG_OK; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    status = wg_spectrum_values_of(spec, block, s, slack, &spectrum);
    if (status != WG_OK) break;
    const double scaled = block_lower(block, scale_up(slack, -spectrum.exponent), &spectrum);
    total = combine_lower(spec, block, total, unscaled(scaled, spectrum.exponent));
  }
  wg_spectrum_end(mem, &spectrum);
  if (status == WG_OK && isfinite(total)) *lower = total;
  return status;
}

int wg_gauge_dual_upper(const wg_gauge_spec *spec, const double *q, double slack, wg_mem *mem,
                        double *dual) {
  WG_TRY(wg_gauge_require_convex(spec));
  return bound_of_matrix(spec, q, slack, mem, block_dual_upper, combine_dual, dual);
}
