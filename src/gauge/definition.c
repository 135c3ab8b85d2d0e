/* Gauges and dual gauges once more, straight from the table of theory 1, for checks only.
 *
 * Why twice: a check that asks the code it judges agrees with it, right or wrong. Nothing here
 * calls gauge.c or the functions of eigenvalues in spectrum.c, and the formulas are others: powers
 * through logarithms of ratios, the k largest as a minimum over levels. A kind or a combination
 * that is not in this file is refused: nobody has said what it is.
 *
 * Eigenvalues come from LAPACK, as everywhere; blocks are scaled by a power of two before. Cost
 * O(size^3) a block, O(size^2) for Ky Fan's levels; memory one block. */
#include <float.h>

#include "gauge/gauge.h"
#include "linalg/la.h"

static double largest(int64_t count, const double *values) {
  double top = 0.0;
  for (int64_t i = 0; i < count; i++) top = WG_MAX(top, values[i]);
  return top;
}

static double total(int64_t count, const double *values) {
  wg_sum sum = {0};
  for (int64_t i = 0; i < count; i++) wg_sum_add(&sum, values[i]);
  return wg_sum_value(sum);
}

/* (sum values^p)^(1/p) = top exp(log(sum exp(p log(values / top))) / p). */
static double power_norm(int64_t count, const double *values, double p) {
  double top = largest(count, values);
  if (!(top > 0.0) || p == INFINITY) return top;
  wg_sum sum = {0};
  for (int64_t i = 0; i < count; i++)
    if (values[i] > 0.0) wg_sum_add(&sum, exp(p * log(values[i] / top)));
  return top * exp(log(wg_sum_value(sum)) / p);
}

/* The sum of the k largest is the least k t + sum (x_i - t)_+ over levels t, attained at an x_i. */
static double sum_of_largest(int64_t count, const double *values, int64_t k) {
  double least = INFINITY;
  if (k >= count) return total(count, values);
  for (int64_t level = 0; level < count; level++) {
    wg_sum sum = {0};
    wg_sum_add(&sum, (double)k * values[level]);
    for (int64_t i = 0; i < count; i++) wg_sum_add(&sum, WG_MAX(values[i] - values[level], 0.0));
    least = WG_MIN(least, wg_sum_value(sum));
  }
  return least;
}

static int unknown(const char *what, int number) {
  return wg_fail(WG_ERR_INTERNAL,
                 "no definition of %s %d is known to the checks; add it to gauge/definition.c",
                 what, number);
}

int wg_define_block(const wg_gauge_block *block, int64_t count, const double *values,
                    double *gauge) {
  switch (block->kind) {
    case WG_SCHATTEN: *gauge = power_norm(count, values, block->p); return WG_OK;
    case WG_KYFAN: *gauge = sum_of_largest(count, values, block->k); return WG_OK;
  }
  return unknown("kind", (int)block->kind);
}

int wg_define_block_dual(const wg_gauge_block *block, int64_t count, const double *values,
                         double *dual) {
  switch (block->kind) {
    case WG_SCHATTEN:
      if (block->p < 1.0 && block->size > 1)
        return wg_fail(WG_ERR_ARGUMENT, "a gauge with p < 1 is not convex and has no dual gauge");
      if (block->p <= 1.0) /* p' = infinity; one column has one norm, whatever p is */
        *dual = largest(count, values);
      else
        *dual = power_norm(count, values, block->p == INFINITY ? 1.0 : block->p / (block->p - 1.0));
      return WG_OK;
    case WG_KYFAN:
      *dual = WG_MAX(largest(count, values), total(count, values) / (double)block->k);
      return WG_OK;
  }
  return unknown("kind", (int)block->kind);
}

/* ---- of a matrix ---- */

/* Eigenvalues of the block times 2^-exponent, none below zero. */
static int block_values(const wg_gauge_spec *spec, const wg_gauge_block *block, const double *s,
                        double *room, double *values, int *exponent) {
  const int64_t size = block->size;
  const double *corner = s + block->start * (spec->d + 1);
  double top = 0.0;
  for (int64_t k = 0; k < size * size; k++) {
    const double entry = corner[k / size * spec->d + k % size];
    if (!(fabs(entry) <= DBL_MAX))
      return wg_fail(WG_ERR_INPUT, "entry [%lld, %lld] = %g is not finite",
                     (long long)(block->start + k / size), (long long)(block->start + k % size),
                     entry);
    top = WG_MAX(top, fabs(entry));
  }
  *exponent = top > 0.0 ? ilogb(top) : 0;
  for (int64_t k = 0; k < size * size; k++) {
    const double here = corner[k / size * spec->d + k % size];
    const double mirror = corner[k % size * spec->d + k / size];
    room[k] = 0.5 * (ldexp(here, -*exponent) + ldexp(mirror, -*exponent));
  }
  WG_TRY(wg_la_eigenvalues(size, room, values));
  for (int64_t i = 0; i < size; i++) values[i] = WG_MAX(values[i], 0.0);
  return WG_OK;
}

/* The whole, of its parts: theory 1, both columns of the table. */
static int put_together(const wg_gauge_spec *spec, const wg_gauge_block *block, bool dual,
                        double part, double *whole) {
  const double rate = block->rate;
  switch (spec->outer) {
    case WG_SINGLE: *whole = part; return WG_OK;
    case WG_BLOCK_SUM: *whole = dual ? WG_MAX(*whole, part) : *whole + part; return WG_OK;
    case WG_BLOCK_MAX:
      *whole = dual ? *whole + part * rate * rate : WG_MAX(*whole, part / rate / rate);
      return WG_OK;
  }
  return unknown("combination", (int)spec->outer);
}

int wg_define_gauge(const wg_gauge_spec *spec, bool dual, const double *s, wg_mem *mem,
                    double *gauge) {
  double *room = WG_NEW(mem, double, spec->d *(spec->d + 1)), part = 0.0;
  int exponent = 0, status = room ? WG_OK : wg_no_memory();
  *gauge = 0.0;
  for (int64_t b = 0; b < spec->block_count && status == WG_OK; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    double *values = room + spec->d * spec->d;
    status = block_values(spec, block, s, room, values, &exponent);
    if (status == WG_OK)
      status = (dual ? wg_define_block_dual : wg_define_block)(block, block->size, values, &part);
    if (status == WG_OK) status = put_together(spec, block, dual, ldexp(part, exponent), gauge);
  }
  wg_drop(mem, room);
  return status;
}
