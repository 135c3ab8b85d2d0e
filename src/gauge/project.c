/* The nearest point of K_gamma in Frobenius norm (theory 1), which splitting methods ask for.
 *
 * K_gamma is unitarily invariant on each block, so that only eigenvalues move: onto the ball of the
 * conjugate Schatten norm, onto 0 <= x <= 1 with sum at most k (Ky Fan), onto the one point I
 * (trace). A block maximum shares one budget, sum t_b <= 1 with block b in (t_b/eta_b^2) K_b: the
 * half squared distance to t K_b is convex in t with derivative -<l - x, x>/t, so that all blocks
 * with t_b > 0 have the same slope; a bisection on that slope and one on each t_b find it.
 *
 * All one-dimensional equations are monotone; they are bisected, which never fails, to working
 * precision, the shares of blocks to 1e-10. Cost O(sum size^3) and some hundred powers; in block
 * maxima a thousand times as many. */
#include <string.h>

#include "gauge/gauge.h"

enum { HALVINGS = 60, SHARE_HALVINGS = 34 };

static double positive(double value) { return value > 0.0 ? value : 0.0; }

/* x + slope q x^(q-1) = value on [0, value], q > 1. Newton's method runs towards the root from
 * above where the left side is convex (q >= 2), from below where it is concave. */
static double shrink(double value, double slope, double q) {
  if (!(value > 0.0) || slope == 0.0) return value;
  const double share = q < 2.0 ? 0.5 * value : value;
  double x = WG_MIN(share, pow(share / (slope * q), 1.0 / (q - 1.0)));
  for (int step = 0; step < HALVINGS && x > 0.0; step++) {
    const double power = slope * q * pow(x, q - 1.0);
    const double next = x - (x + power - value) / (1.0 + (q - 1.0) * power / x);
    if (fabs(next - x) <= 4.0 * WG_UNIT * x) break;
    x = next;
  }
  return x;
}

/* Nearest point of {x >= 0, sum x <= budget, x <= cap}; the sum of the answer falls with shift. */
static void project_capped(int64_t size, double budget, double cap, double *x) {
  double low = 0.0, high = positive(x[0]), sum = 0.0;
  for (int64_t i = 0; i < size; i++) sum += WG_MIN(positive(x[i]), cap);
  if (sum <= budget) high = 0.0;
  for (int step = 0; step < HALVINGS && low < high; step++) {
    const double middle = 0.5 * (low + high);
    sum = 0.0;
    for (int64_t i = 0; i < size; i++) sum += WG_MIN(positive(x[i] - middle), cap);
    if (sum > budget)
      low = middle;
    else
      high = middle;
  }
  for (int64_t i = 0; i < size; i++) x[i] = WG_MIN(positive(x[i] - high), cap);
}

/* Nearest point of {x >= 0, |x|_q <= radius}, 1 < q < infinity. */
static void project_power(int64_t size, double radius, double q, double *x) {
  double sum = 0.0, low = 0.0;
  for (int64_t i = 0; i < size; i++) x[i] = positive(x[i]) / radius;
  for (int64_t i = 0; i < size; i++) sum += pow(x[i], q);
  if (q == 2.0) {
    for (int64_t i = 0; i < size; i++) x[i] *= radius / WG_MAX(sqrt(sum), 1.0);
    return;
  }
  /* This slope brings every value below size^(-1/q). */
  double high = sum > 1.0 ? x[0] / q * pow((double)size, (q - 1.0) / q) : 0.0;
  for (int step = 0; step < HALVINGS && low < high; step++) {
    const double middle = 0.5 * (low + high);
    sum = 0.0;
    for (int64_t i = 0; i < size; i++) sum += pow(shrink(x[i], middle, q), q);
    if (sum > 1.0)
      low = middle;
    else
      high = middle;
  }
  for (int64_t i = 0; i < size; i++) x[i] = radius * shrink(x[i], high, q);
}

/* Nearest point of radius K_b to decreasing eigenvalues x. */
static void project_values(const wg_gauge_block *block, double radius, double *x) {
  const int64_t size = block->size;
  if (wg_gauge_block_is_trace(block) || !(radius > 0.0)) {
    for (int64_t i = 0; i < size; i++) x[i] = radius;
  } else if (block->kind == WG_KYFAN) {
    project_capped(size, (double)block->k * radius, radius, x);
  } else if (isinf(block->p)) {
    project_capped(size, radius, radius, x);
  } else {
    project_power(size, radius, block->p / (block->p - 1.0), x);
  }
}

/* ---- block maxima ---- */

/* -d/dt of half the squared distance of values to t K_b / rate^2; room: size. */
static double slope_of(const wg_gauge_block *block, double t, const double *values, double *room) {
  double slope = 0.0;
  memcpy(room, values, (size_t)block->size * sizeof *room);
  project_values(block, t / block->rate / block->rate, room);
  for (int64_t i = 0; i < block->size; i++) slope += (values[i] - room[i]) * room[i] / t;
  return slope;
}

/* The t in (0, 1] at which the slope falls to level; 0 if it is below at once. */
static double share_at(const wg_gauge_block *block, double level, const double *values,
                       double *room) {
  const double tiny = 1e-12;
  double low = tiny, high = 1.0;
  if (slope_of(block, tiny, values, room) <= level) return 0.0;
  if (slope_of(block, 1.0, values, room) >= level) return 1.0;
  for (int step = 0; step < SHARE_HALVINGS; step++) {
    const double middle = 0.5 * (low + high);
    if (slope_of(block, middle, values, room) > level)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* Shares of the blocks, whose eigenvalues lie at values + start. */
static void find_shares(const wg_gauge_spec *spec, const double *values, double *room,
                        double *share) {
  double low = 0.0, high = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    high = WG_MAX(high, slope_of(block, 1e-12, values + block->start, room));
  }
  for (int step = 0; step < SHARE_HALVINGS; step++) {
    const double level = step == 0 ? 0.0 : 0.5 * (low + high);
    double sum = 0.0;
    for (int64_t b = 0; b < spec->block_count; b++) {
      const wg_gauge_block *block = &spec->blocks[b];
      sum += share[b] = share_at(block, level, values + block->start, room);
    }
    if (sum <= 1.0 && step == 0) return;
    if (sum > 1.0)
      low = level;
    else
      high = level;
  }
}

/* ---- matrices ---- */

typedef struct projection {
  const wg_gauge_spec *spec;
  wg_block_spectrum spectrum;
  double *values, *room; /* d each: eigenvalues of all blocks             */
  double *vectors;       /* of block b from row start on, rows d apart    */
} projection;

static int take_apart(projection *p, const double *q) {
  const int64_t d = p->spec->d;
  for (int64_t b = 0; b < p->spec->block_count; b++) {
    const wg_gauge_block *block = &p->spec->blocks[b];
    WG_TRY(wg_spectrum_of(p->spec, block, q, 0.0, &p->spectrum));
    for (int64_t i = 0; i < block->size; i++) {
      p->values[block->start + i] = ldexp(p->spectrum.values[i], p->spectrum.exponent);
      memcpy(p->vectors + (block->start + i) * d, p->spectrum.vectors + i * block->size,
             (size_t)block->size * sizeof *q);
    }
  }
  return WG_OK;
}

static void put_together(const projection *p, double *q) {
  const int64_t d = p->spec->d;
  memset(q, 0, (size_t)(d * d) * sizeof *q);
  for (int64_t b = 0; b < p->spec->block_count; b++) {
    const int64_t start = p->spec->blocks[b].start, size = p->spec->blocks[b].size;
    for (int64_t k = start; k < start + size; k++)
      for (int64_t i = 0; i < size; i++)
        for (int64_t j = 0; j < size; j++)
          q[(start + i) * d + start + j] +=
              p->values[k] * p->vectors[k * d + i] * p->vectors[k * d + j];
  }
}

static int project(projection *p, double *q) {
  double share[WG_GAUGE_MAX_BLOCKS];
  const wg_gauge_spec *spec = p->spec;
  WG_TRY(take_apart(p, q));
  for (int64_t b = 0; b < spec->block_count; b++) share[b] = 1.0;
  if (spec->outer == WG_BLOCK_MAX) find_shares(spec, p->values, p->room, share);
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    project_values(block, share[b] / block->rate / block->rate, p->values + block->start);
  }
  put_together(p, q);
  return WG_OK;
}

int wg_gauge_project(const wg_gauge_spec *spec, double *q, wg_mem *mem) {
  const int64_t d = spec->d;
  projection p = {.spec = spec};
  WG_TRY(wg_gauge_require_convex(spec));
  WG_TRY(wg_spectrum_begin(spec, mem, &p.spectrum));
  int status = WG_OK;
  if ((p.values = WG_NEW(mem, double, d *(d + 2)))) {
    p.room = p.values + d;
    p.vectors = p.values + 2 * d;
    status = project(&p, q);
  } else {
    status = wg_no_memory();
  }
  wg_drop(mem, p.values);
  wg_spectrum_end(mem, &p.spectrum);
  return status;
}
