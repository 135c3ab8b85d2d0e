/* The master problem: a primal-dual interior point over the weights of the known couplings.
 *
 * Unknowns: weights w with slacks s_k = <Q, Sigma_k> - t >= 0 and w_k s_k = mu; each block's own
 * variables (block.c); for a block max the shares rho_b with slacks y_b. Each step solves one
 * symmetric system of size count + 1 (+ blocks + 1): the Gram matrix of the transformed columns
 * plus diag(s/w), bordered by sum w = 1 and the shares. 15 to 35 steps whatever the gauge. The gap
 * that stops it is not mu: weights and Q are both made feasible and both values computed. Cost per
 * step O(count^2 D + count^3), D = d (d+1)/2; memory count (d^2 + D + count) numbers.
 */
#include "spectral/master.h"

#include <string.h>

#include "linalg/la.h"

enum { MOST_STEPS = 80, PATIENCE = 8 };

typedef struct master {
  const wg_gauge_spec *spec;
  int64_t count, d, blocks, size; /* size of the linear system */
  bool is_max;
  wg_master_block *block;
  double *columns; /* scaled to a gauge of order one */
  double *w, *s, *step_w, *step_s;
  double t, step_t, tau, step_tau; /* tau: multiplier of the shares */
  double *matrix, *rhs;
  int32_t *pivots;
  double *moment, *q;
} master;

static int create(wg_mem *mem, const wg_gauge_spec *spec, int64_t count, const double *columns,
                  double scale, master *m) {
  const int64_t d = spec->d, blocks = spec->block_count;
  *m = (master){.spec = spec,
                .count = count,
                .d = d,
                .blocks = blocks,
                .is_max = spec->outer == WG_BLOCK_MAX};
  m->size = count + 1 + (m->is_max ? blocks + 1 : 0);
  m->block = WG_NEW(mem, wg_master_block, blocks);
  m->columns = WG_NEW(mem, double, count *d *d);
  m->w = WG_NEW(mem, double, 4 * count);
  m->matrix = WG_NEW(mem, double, m->size * m->size);
  m->rhs = WG_NEW(mem, double, m->size);
  m->pivots = WG_NEW(mem, int32_t, m->size);
  m->moment = WG_NEW(mem, double, d *d);
  m->q = WG_NEW(mem, double, d *d);
  if (!m->block || !m->columns || !m->w || !m->matrix || !m->rhs || !m->pivots || !m->moment ||
      !m->q)
    return wg_no_memory();
  m->s = m->w + count;
  m->step_w = m->w + 2 * count;
  m->step_s = m->w + 3 * count;
  for (int64_t i = 0; i < count * d * d; i++) m->columns[i] = columns[i] / scale;
  const wg_columns all = {.count = count, .d = d, .moments = m->columns};
  for (int64_t b = 0; b < blocks; b++)
    WG_TRY(wg_block_create(mem, &spec->blocks[b], m->is_max, blocks, &all, &m->block[b]));
  return WG_OK;
}

/* s_k and t from the starting Q: t a little below the least <Q, Sigma_k>. */
static void start_slacks(master *m) {
  double least = INFINITY, mean = 0.0;
  for (int64_t k = 0; k < m->count; k++) {
    m->s[k] = 0.0;
    for (int64_t b = 0; b < m->blocks; b++)
      m->s[k] += wg_la_dot(m->block[b].size * m->block[b].size, m->block[b].q,
                           m->block[b].columns + k * m->block[b].size * m->block[b].size);
    least = WG_MIN(least, m->s[k]);
    mean += m->s[k] / (double)m->count;
  }
  m->t = least - 0.5 * (mean - least) - 0.1 * fabs(mean) - 1e-6;
  for (int64_t k = 0; k < m->count; k++) m->s[k] -= m->t;
}

static double block_value(const wg_master_block *block) {
  double sum = 0.0; /* the trace bounds every gauge of the block */
  for (int64_t i = 0; i < block->size; i++) sum += block->s[i * block->size + i];
  return sum;
}

static void start(master *m) {
  for (int64_t k = 0; k < m->count; k++) m->w[k] = 1.0 / (double)m->count;
  for (int64_t b = 0; b < m->blocks; b++) {
    wg_block_moment(&m->block[b], m->count, m->w);
    wg_block_start(&m->block[b]);
    m->tau = WG_MAX(m->tau, block_value(&m->block[b]) / m->block[b].rate2);
  }
  m->tau = 2.0 * m->tau + 0.1;
  for (int64_t b = 0; b < m->blocks; b++)
    m->block[b].y = m->block[b].rate2 * m->tau - block_value(&m->block[b]);
  start_slacks(m);
}

static double complementarity(const master *m) {
  double terms = (double)m->count, sum = wg_la_dot(m->count, m->w, m->s);
  for (int64_t b = 0; b < m->blocks; b++) {
    sum += wg_block_complementarity(&m->block[b], &terms);
    if (m->is_max) {
      sum += m->block[b].rho * m->block[b].y;
      terms += 1.0;
    }
  }
  return sum / terms;
}

/* Gram part: sum over blocks of G G'. */
static void assemble_gram(master *m) {
  memset(m->matrix, 0, (size_t)(m->size * m->size) * sizeof(double));
  for (int64_t b = 0; b < m->blocks; b++) {
    const wg_master_block *block = &m->block[b];
    if (block->form == WG_FORM_TRACE) continue;
    wg_la_gemm(false, true, m->count, m->count, block->length, 1.0, block->g, block->length,
               block->g, block->length, 1.0, m->matrix, m->size);
  }
}

static void set_both(master *m, int64_t i, int64_t j, double value) {
  m->matrix[i * m->size + j] = m->matrix[j * m->size + i] = value;
}

static void assemble_shares(master *m, double mu) {
  const int64_t last = m->size - 1;
  double total = 0.0;
  for (int64_t b = 0; b < m->blocks; b++) {
    const wg_master_block *block = &m->block[b];
    const int64_t at = m->count + 1 + b;
    for (int64_t k = 0; k < m->count; k++) set_both(m, k, at, block->h[k]);
    m->matrix[at * m->size + at] = block->kappa - block->y / block->rho;
    set_both(m, at, last, -block->rate2);
    m->rhs[at] = m->tau * block->rate2 - block->x - block->x0 - mu / block->rho;
    total += block->rate2 * block->rho;
  }
  m->rhs[last] = total - 1.0;
}

static void assemble(master *m, double mu) {
  assemble_gram(m);
  double total = 0.0;
  for (int64_t k = 0; k < m->count; k++) {
    m->matrix[k * m->size + k] += m->s[k] / m->w[k];
    set_both(m, k, m->count, -1.0);
    m->rhs[k] = m->t + mu / m->w[k];
    for (int64_t b = 0; b < m->blocks; b++) m->rhs[k] -= m->block[b].q_dot[k] + m->block[b].q0[k];
    total += m->w[k];
  }
  m->rhs[m->count] = total - 1.0;
  if (m->is_max) assemble_shares(m, mu);
}

/* One Newton direction for barrier weight mu; 1 when the system is singular. */
static int direction(master *m, double mu) {
  for (int64_t b = 0; b < m->blocks; b++) {
    int status = wg_block_linearise(&m->block[b], m->count, mu);
    if (status) return status;
  }
  assemble(m, mu);
  int status = wg_la_factor_symmetric(m->size, m->matrix, m->pivots);
  if (status) return status;
  status = wg_la_solve_factored(m->size, m->matrix, m->pivots, m->rhs);
  if (status) return status;
  m->step_t = m->rhs[m->count];
  for (int64_t k = 0; k < m->count; k++) {
    m->step_w[k] = m->rhs[k];
    m->step_s[k] = mu / m->w[k] - m->s[k] - m->s[k] / m->w[k] * m->step_w[k];
    if (!isfinite(m->step_w[k])) return 1;
  }
  m->step_tau = m->is_max ? m->rhs[m->size - 1] : 0.0;
  for (int64_t b = 0; b < m->blocks; b++) {
    wg_master_block *block = &m->block[b];
    block->step_rho = m->is_max ? m->rhs[m->count + 1 + b] : 0.0;
    if (m->is_max)
      block->step_y = mu / block->rho - block->y - block->y / block->rho * block->step_rho;
    wg_block_direction(block, m->count, m->step_w, NULL, mu);
  }
  return WG_OK;
}

static void limit_by(double value, double step, double *limit) {
  if (step < 0) *limit = WG_MIN(*limit, -value / step);
}

static int step_length(master *m, double *length) {
  double limit = INFINITY;
  for (int64_t k = 0; k < m->count; k++) {
    limit_by(m->w[k], m->step_w[k], &limit);
    limit_by(m->s[k], m->step_s[k], &limit);
  }
  for (int64_t b = 0; b < m->blocks; b++) {
    double own;
    WG_TRY(wg_block_step_limit(&m->block[b], &own));
    limit = WG_MIN(limit, own);
    if (!m->is_max) continue;
    limit_by(m->block[b].rho, m->block[b].step_rho, &limit);
    limit_by(m->block[b].y, m->block[b].step_y, &limit);
  }
  *length = WG_MIN(1.0, 0.97 * limit);
  return WG_OK;
}

static void advance(master *m, double step) {
  for (int64_t k = 0; k < m->count; k++) {
    m->w[k] += step * m->step_w[k];
    m->s[k] += step * m->step_s[k];
  }
  m->t += step * m->step_t;
  m->tau += step * m->step_tau;
  for (int64_t b = 0; b < m->blocks; b++) {
    wg_block_advance(&m->block[b], step);
    wg_block_moment(&m->block[b], m->count, m->w);
  }
}

/* The pair of values behind the present weights and Q, both made feasible. */
static int evaluate(master *m, wg_mem *mem, double *weights, double *lower, double *upper) {
  const int64_t d = m->d;
  double total = 0.0;
  for (int64_t k = 0; k < m->count; k++) total += m->w[k];
  memset(m->moment, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t k = 0; k < m->count; k++) {
    weights[k] = m->w[k] / total;
    for (int64_t i = 0; i < d * d; i++) m->moment[i] += weights[k] * m->columns[k * d * d + i];
  }
  memset(m->q, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t b = 0; b < m->blocks; b++) {
    const wg_master_block *block = &m->block[b];
    WG_TRY(wg_block_refresh(&m->block[b]));
    for (int64_t i = 0; i < block->size; i++)
      memcpy(m->q + (block->start + i) * d + block->start, block->q + i * block->size,
             (size_t)block->size * sizeof(double));
  }
  WG_TRY(wg_gauge_feasible(m->spec, m->q, mem));
  WG_TRY(wg_gauge_value(m->spec, m->moment, mem, upper));
  *lower = INFINITY;
  for (int64_t k = 0; k < m->count; k++)
    *lower = WG_MIN(*lower, wg_la_dot(d * d, m->q, m->columns + k * d * d));
  return WG_OK;
}

/* The best weights and the best Q seen so far (they need not come from one step). */
typedef struct record {
  double *trial, *weights, *q, lower, upper;
} record;

static void keep_best(const master *m, double lower, double upper, record *best) {
  if (upper < best->upper) {
    best->upper = upper;
    memcpy(best->weights, best->trial, (size_t)m->count * sizeof(double));
  }
  if (lower > best->lower) {
    best->lower = lower;
    memcpy(best->q, m->q, (size_t)(m->d * m->d) * sizeof(double));
  }
}

static int iterate(master *m, wg_mem *mem, double tol, record *best) {
  double centering = 0.3, best_gap = INFINITY;
  int stale = 0;
  start(m);
  for (int step = 0; step < MOST_STEPS && stale < PATIENCE; step++) {
    double length, lower, upper;
    int status = direction(m, centering * complementarity(m));
    if (status < 0) return status;
    if (status > 0) break; /* singular: as far as this precision goes */
    WG_TRY(step_length(m, &length));
    advance(m, length);
    WG_TRY(evaluate(m, mem, best->trial, &lower, &upper));
    keep_best(m, lower, upper, best);
    const double gap = best->upper - best->lower;
    if (gap <= tol * best->upper) break;
    stale = gap < 0.9 * best_gap ? 0 : stale + 1;
    best_gap = WG_MIN(best_gap, gap);
    centering = length > 0.9 ? 0.08 : length > 0.5 ? 0.3 : 0.6;
  }
  return WG_OK;
}

/* The least gauge of a column: an upper bound of the optimum, and the unit of the computation. */
static int least_value(const wg_gauge_spec *spec, int64_t count, const double *columns, wg_mem *mem,
                       double *least) {
  *least = INFINITY;
  for (int64_t k = 0; k < count; k++) {
    double value;
    WG_TRY(wg_gauge_value(spec, columns + k * spec->d * spec->d, mem, &value));
    *least = WG_MIN(*least, value);
  }
  return WG_OK;
}

/* One column, or one without any displacement, is the answer by itself; *found tells. */
static int solve_trivial(const wg_gauge_spec *spec, int64_t count, const double *columns,
                         wg_mem *mem, record *best, bool *found) {
  const int64_t d = spec->d;
  int64_t k = 0;
  for (; k < count; k++) {
    double trace = 0.0;
    for (int64_t i = 0; i < d; i++) trace += columns[k * d * d + i * d + i];
    if (trace == 0.0) break;
  }
  *found = k < count || count == 1;
  if (!*found) return WG_OK;
  if (k == count) k = 0;
  const double *column = columns + k * d * d;
  memset(best->weights, 0, (size_t)count * sizeof(double));
  best->weights[k] = 1.0;
  WG_TRY(wg_gauge_value(spec, column, mem, &best->upper));
  WG_TRY(wg_gauge_subgradient(spec, column, mem, best->q));
  best->lower = wg_la_dot(d * d, best->q, column);
  return WG_OK;
}

int wg_master_solve(wg_context *context, const wg_gauge_spec *spec, int64_t count,
                    const double *columns, double tol, double *weights, double *q, double *lower,
                    double *upper) {
  wg_mem mem = wg_mem_of(&context->ledger);
  master m;
  double scale = 0.0;
  int status = least_value(spec, count, columns, &mem, &scale);
  record best = {WG_NEW(&mem, double, count), weights, q, -INFINITY, INFINITY};
  if (status == WG_OK && !best.trial) status = wg_no_memory();
  bool trivial = false;
  if (status == WG_OK) status = solve_trivial(spec, count, columns, &mem, &best, &trivial);
  if (trivial || !(scale > 0)) scale = 1.0;
  if (status == WG_OK && !trivial) status = create(&mem, spec, count, columns, scale, &m);
  if (status == WG_OK && !trivial) status = iterate(&m, &mem, tol, &best);
  *lower = best.lower * scale;
  *upper = best.upper * scale;
  wg_mem_clear(&mem);
  return status;
}
