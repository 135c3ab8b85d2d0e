/* Velocities in numbers (theory 2): the oracle on the singular values of all blocks at once, and
 * the norms that belong to it.
 *
 * Why on numbers: every velocity of this folder, exact, clipped, signed or by Newton-Schulz, has
 * the singular vectors of the force, so only this page and prox.c know one from the other. Blocks
 * are put together as src/lmo/oracle.c does it for matrices. Cost O(d). */
#include "flow/run.h"

static int64_t positive(int64_t count, const double *sigma) {
  while (count > 0 && !(sigma[count - 1] > 0.0)) count--;
  return count;
}

/* Block max: each block moves in the share N* eta_b / N*_b. */
static void share_max(const wg_gauge_spec *spec, double norm, const double *parts, double *v) {
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    double share = parts[b] > 0.0 ? norm * block->rate / parts[b] : 0.0;
    for (int64_t j = 0; j < block->size; j++) v[block->start + j] *= share;
  }
}

double wg_modes_dual(const wg_gauge_spec *spec, const double *sigma, double *v) {
  const double tie = 1e-12;
  double parts[WG_GAUGE_MAX_BLOCKS], norm = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    int64_t start = block->start, count = positive(block->size, sigma + start);
    for (int64_t j = count; j < block->size; j++) v[start + j] = 0.0;
    parts[b] = wg_lmo_profile(block, count, sigma + start, tie, v + start);
    norm = spec->outer == WG_BLOCK_MAX ? norm + block->rate * parts[b] : hypot(norm, parts[b]);
  }
  if (spec->outer == WG_BLOCK_MAX) share_max(spec, norm, parts, v);
  return norm;
}

double wg_modes_norm(const wg_gauge_spec *spec, const double *v) {
  double norm = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    double part = wg_lmo_norm(block, block->size, v + block->start);
    norm = spec->outer == WG_BLOCK_MAX ? WG_MAX(norm, part / block->rate) : hypot(norm, part);
  }
  return norm;
}

/* x -> 3/2 x - 1/2 x^3 grows on [0, 1], so the order of the values stays. */
void wg_modes_newton(int64_t count, const double *sigma, int steps, double *v) {
  double frobenius = 0.0, product = 0.0;
  for (int64_t j = count - 1; j >= 0; j--) frobenius = hypot(frobenius, sigma[j]);
  for (int64_t j = 0; j < count; j++) {
    double x = frobenius > 0.0 ? sigma[j] / frobenius : 0.0;
    for (int k = 0; k < steps; k++) x *= 1.5 - 0.5 * x * x;
    v[j] = x;
    product += sigma[j] * x;
  }
  for (int64_t j = 0; j < count; j++) v[j] *= product;
}
