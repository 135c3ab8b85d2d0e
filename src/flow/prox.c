/* The clip step on singular values: v >= 0 that minimises -<sigma, v> + N(v)^2/(2 tau) + L|v|^2/2.
 *
 * The gradient of <g, V> + L|V|^2/2 is unitarily invariant apart from g, so the minimiser has the
 * singular vectors of the force and the problem is one of numbers; it is strictly convex, so each
 * case below is its unique stationary point (docs/theory/flows.md).
 *   trace       v = sigma / (L + 1/tau).
 *   Ky Fan k    v_i = s clamped to [sigma_i/(L + 1/tau), sigma_i/L], s from one equation; k = 1 is
 *               operator: v_i = min(sigma_i/L, t), t/tau = sum (sigma_i - L t)_+.
 *   Schatten p  sigma_i = L v_i + N^(2-2p) v_i^(2p-1) / tau, by Newton within bisection on N.
 *   block sum   block by block. Block max of trace and operator blocks: N <= s is a bound r = s eta
 *               in each block, with the multiplier m_b(r); s/tau = sum eta_b m_b(s eta_b).
 * Cost O(d) times some sixty bisections. */
#include "flow/run.h"

enum { BISECTIONS = 80 };

static void scale_by(int64_t count, const double *sigma, double factor, double *v) {
  for (int64_t j = 0; j < count; j++) v[j] = sigma[j] * factor;
}

static double norm_of(int64_t count, const double *sigma) {
  double norm = 0.0;
  for (int64_t j = count - 1; j >= 0; j--) norm = hypot(norm, sigma[j]);
  return norm;
}

/* ---- Ky Fan and operator ---- */

/* How much of the k each value takes at level s, added up. */
static double taken(int64_t count, const double *sigma, double tau, double lipschitz,
                    double level) {
  double sum = 0.0;
  for (int64_t j = 0; j < count; j++)
    sum += WG_MIN(1.0, WG_MAX(0.0, tau * (sigma[j] / level - lipschitz)));
  return sum;
}

static void ky_fan(int64_t count, const double *sigma, int64_t k, double tau, double lipschitz,
                   double *v) {
  double full = 1.0 / (lipschitz + 1.0 / tau);
  if (count <= k) {
    scale_by(count, sigma, full, v);
    return;
  }
  double low = sigma[count - 1] * full * 0.5, high = sigma[0] / lipschitz;
  for (int i = 0; i < BISECTIONS; i++) {
    double level = 0.5 * (low + high);
    if (taken(count, sigma, tau, lipschitz, level) > (double)k)
      low = level;
    else
      high = level;
  }
  double level = 0.5 * (low + high);
  for (int64_t j = 0; j < count; j++)
    v[j] = WG_MAX(sigma[j] * full, WG_MIN(level, sigma[j] / lipschitz));
}

/* ---- Schatten ---- */

/* The v > 0 with L v + c v^e = sigma. From above where the left side is convex (e >= 1), from below
 * where it is concave, Newton is monotone. */
static double solve_entry(double sigma, double lipschitz, double c, double e) {
  if (e == 0.0) return WG_MAX(sigma - c, 0.0) / lipschitz;
  double part = e >= 1.0 ? sigma : 0.5 * sigma;
  double v = WG_MIN(part / lipschitz, pow(part / c, 1.0 / e));
  for (int i = 0; i < 60 && v > 0.0; i++) {
    double power = c * pow(v, e);
    double change = (lipschitz * v + power - sigma) / (lipschitz + e * power / v);
    v -= change;
    if (fabs(change) <= 4.0 * WG_UNIT * v) break;
  }
  return v;
}

static double schatten_at(const wg_gauge_block *block, int64_t count, const double *sigma,
                          double tau, double lipschitz, double norm, double *v) {
  double c = pow(norm, 2.0 - 2.0 * block->p) / tau;
  for (int64_t j = 0; j < count; j++)
    v[j] = solve_entry(sigma[j], lipschitz, c, 2.0 * block->p - 1.0);
  return wg_lmo_norm(block, count, v);
}

static void schatten(const wg_gauge_block *block, int64_t count, const double *sigma, double tau,
                     double lipschitz, double *v) {
  scale_by(count, sigma, 1.0 / lipschitz, v);
  double high = wg_lmo_norm(block, count, v), low = high * 1e-30;
  for (int i = 0; i < BISECTIONS && high - low > 4.0 * WG_UNIT * high; i++) {
    double middle = high > 4.0 * low ? sqrt(low) * sqrt(high) : 0.5 * (low + high);
    if (schatten_at(block, count, sigma, tau, lipschitz, middle, v) > middle)
      low = middle;
    else
      high = middle;
  }
  schatten_at(block, count, sigma, tau, lipschitz, 0.5 * (low + high), v);
}

/* ---- blocks ---- */

static bool is_operator(const wg_gauge_block *block) {
  return block->kind == WG_KYFAN ? block->k == 1 : isinf(block->p) != 0;
}

static void prox_block(const wg_gauge_block *block, const double *sigma, double tau,
                       double lipschitz, double *v) {
  int64_t count = block->size;
  for (int64_t j = 0; j < block->size; j++) v[j] = 0.0;
  while (count > 0 && !(sigma[count - 1] > 0.0)) count--;
  if (count == 0) return;
  if (wg_gauge_block_is_trace(block))
    scale_by(count, sigma, 1.0 / (lipschitz + 1.0 / tau), v);
  else if (block->kind == WG_KYFAN || is_operator(block))
    ky_fan(count, sigma, block->kind == WG_KYFAN ? block->k : 1, tau, lipschitz, v);
  else
    schatten(block, count, sigma, tau, lipschitz, v);
}

/* The best v of a block with N_b(v) <= r; returns the multiplier of the bound. */
static double bounded(const wg_gauge_block *block, const double *sigma, double lipschitz, double r,
                      double *v) {
  double multiplier = 0.0, norm = norm_of(block->size, sigma);
  if (wg_gauge_block_is_trace(block)) {
    double factor = norm > lipschitz * r ? r / norm : 1.0 / lipschitz;
    scale_by(block->size, sigma, factor, v);
    return WG_MAX(norm - lipschitz * r, 0.0);
  }
  for (int64_t j = block->size - 1; j >= 0; j--) {
    v[j] = WG_MIN(sigma[j] / lipschitz, r);
    multiplier += WG_MAX(sigma[j] - lipschitz * r, 0.0);
  }
  return multiplier;
}

static double pull(const wg_gauge_spec *spec, const double *sigma, double lipschitz, double s,
                   double *v) {
  double sum = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    sum += block->rate *
           bounded(block, sigma + block->start, lipschitz, s * block->rate, v + block->start);
  }
  return sum;
}

static void prox_max(const wg_gauge_spec *spec, const double *sigma, double tau, double lipschitz,
                     double *v) {
  double low = 0.0, high = tau * pull(spec, sigma, lipschitz, 0.0, v);
  for (int i = 0; i < BISECTIONS && high - low > 2.0 * WG_UNIT * high; i++) {
    double s = 0.5 * (low + high);
    if (tau * pull(spec, sigma, lipschitz, s, v) > s)
      low = s;
    else
      high = s;
  }
  pull(spec, sigma, lipschitz, high, v);
}

bool wg_modes_has_prox(const wg_gauge_spec *spec) {
  for (int64_t b = 0; spec->outer == WG_BLOCK_MAX && b < spec->block_count; b++)
    if (!wg_gauge_block_is_trace(&spec->blocks[b]) && !is_operator(&spec->blocks[b])) return false;
  return true;
}

void wg_modes_prox(const wg_gauge_spec *spec, const double *sigma, double tau, double lipschitz,
                   double *v) {
  if (spec->outer == WG_BLOCK_MAX) {
    prox_max(spec, sigma, tau, lipschitz, v);
    return;
  }
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    prox_block(block, sigma + block->start, tau, lipschitz, v + block->start);
  }
}
