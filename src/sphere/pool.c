/* The pairs that may carry mass. Of the n0 n1 pairs of atoms an optimal plan uses about n0 + n1, so
 * that only a pool of promising ones is given to the interior point; the others are priced.
 *
 * The first pool. Small problems take all pairs. Else the logarithmic duals of
 *   min n0 . e^alpha + n1 . e^beta   subject to alpha_i + beta_j >= log k_ij^2   (theory 7)
 * are found roughly by replacing each constraint by the cost eps exp((log k^2 - alpha - beta)/eps),
 * whose minimum in alpha is explicit,
 *   (1 + 1/eps) alpha_i = log sum_j exp((log k_ij^2 - beta_j) / eps) - log n0_i
 * (Chizat, Peyre, Schmitzer, Vialard 2018), while eps falls; the pairs with the least slack in each
 * row and column are kept. Later, after each solve, the most violated pair of each row and column
 * is added; pairs are never dropped, as the next Q wants nearly the same.
 * Cost: n0 n1 d a scan, and 64 n0 n1 exponentials to begin with; memory 8 bytes a pair of the pool
 * beside the solver's. */
#include <string.h>

#include "linalg/la.h"
#include "sphere/parts.h"

enum { ALL_PAIRS = 2500, NEAREST = 6 };
/* Of the scale: below it a pair carries nothing that double precision sees, and duals are not
 * smaller. */
static const double least_k = 1e-13, least_u = 1e-14;
static const double above = 1.0 + 1e-15; /* v of this u is not above v by rounding */

static int add_pair(wg_sphere_pool *pool, int64_t i, int64_t j) {
  if (pool->count == pool->room) {
    const int64_t room = 2 * pool->room + 64;
    int32_t *row = WG_GROW(pool->mem, pool->row, int32_t, room);
    if (row) pool->row = row;
    int32_t *col = row ? WG_GROW(pool->mem, pool->col, int32_t, room) : NULL;
    if (col) pool->col = col;
    int64_t *next = col ? WG_GROW(pool->mem, pool->next, int64_t, room) : NULL;
    if (next) pool->next = next;
    double *k = next ? WG_GROW(pool->mem, pool->k, double, room) : NULL;
    if (!k) return wg_no_memory();
    pool->k = k;
    pool->room = room;
  }
  pool->next[pool->count] = pool->last[i];
  pool->last[i] = pool->count;
  pool->row[pool->count] = (int32_t)i;
  pool->col[pool->count] = (int32_t)j;
  const int64_t d = pool->p->d;
  pool->k[pool->count++] = wg_la_dot(d, pool->seen[0] + i * d, pool->seen[1] + j * d);
  return WG_OK;
}

static bool is_known(const wg_sphere_pool *pool, int64_t i, int64_t j) {
  int64_t e = pool->last[i];
  while (e >= 0 && pool->col[e] != j) e = pool->next[e];
  return e >= 0;
}

int wg_pool_create(wg_mem *mem, wg_context *context, const wg_sphere_problem *p,
                   wg_sphere_pool *pool) {
  *pool = (wg_sphere_pool){.p = p, .mem = mem, .context = context};
  for (int side = 0; side < 2; side++) {
    const int64_t n = p->n[side];
    pool->seen[side] = WG_NEW(mem, double, n * p->d);
    pool->log_dual[side] = WG_NEW(mem, double, n);
    pool->best[side] = WG_NEW(mem, double, n);
    pool->argument[side] = WG_NEW(mem, int64_t, n);
    if (!pool->seen[side] || !pool->log_dual[side] || !pool->best[side] || !pool->argument[side])
      return wg_no_memory();
  }
  if (!(pool->last = WG_NEW(mem, int64_t, p->n[0]))) return wg_no_memory();
  for (int64_t i = 0; i < p->n[0]; i++) pool->last[i] = -1;
  memcpy(pool->seen[1], p->w[1], (size_t)(p->n[1] * p->d) * sizeof(double));
  return WG_OK;
}

void wg_pool_set(wg_sphere_pool *pool, const double *q) {
  const int64_t d = pool->p->d;
  wg_la_gemm(false, false, pool->p->n[0], d, d, 1.0, pool->p->w[0], d, q, d, 0.0, pool->seen[0], d);
  pool->scale = 0.0;
  for (int64_t i = 0; i < d; i++) pool->scale = WG_MAX(pool->scale, q[i * d + i]);
  for (int64_t e = 0; e < pool->count; e++)
    pool->k[e] = wg_la_dot(d, pool->seen[0] + pool->row[e] * d, pool->seen[1] + pool->col[e] * d);
}

/* log k^2 of a row or column of pairs, -INFINITY where nothing can be carried. */
static void log_line(const wg_sphere_pool *pool, int side, int64_t i, double *line) {
  const int64_t d = pool->p->d, count = pool->p->n[1 - side];
  const double *w = pool->seen[side] + i * d, *others = pool->seen[1 - side];
  for (int64_t j = 0; j < count; j++) {
    double k = 0.0;
    for (int64_t c = 0; c < d; c++) k += w[c] * others[j * d + c];
    line[j] = k > least_k * pool->scale ? 2.0 * log(k) : -INFINITY;
  }
}

/* ---- the first pool ---- */

/* log sum exp(x / eps) */
static double soft_maximum(int64_t count, const double *x, double eps) {
  double most = -INFINITY, sum = 0.0;
  for (int64_t j = 0; j < count; j++) most = WG_MAX(most, x[j]);
  if (most == -INFINITY) return most;
  for (int64_t j = 0; j < count; j++) {
    const double below = (x[j] - most) / eps;
    if (below > -40.0) sum += exp(below);
  }
  return most / eps + log(sum);
}

static const double lowest_log = -64.0;

static void soften(wg_sphere_pool *pool, int side, double eps, double *lines) {
  const int64_t n = pool->p->n[side], count = pool->p->n[1 - side];
  const double work = 20.0 * (double)(n * count);
#pragma omp parallel for num_threads(wg_threads_for(pool->context->threads, work)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    double *line = lines + wg_worker() * count;
    log_line(pool, side, i, line);
    for (int64_t j = 0; j < count; j++) line[j] -= pool->log_dual[1 - side][j];
    const double sum = soft_maximum(count, line, eps) - log(pool->p->mass[side][i]);
    pool->log_dual[side][i] = WG_MAX(sum / (1.0 + 1.0 / eps), lowest_log);
  }
}

/* The pairs of the line with the least slack. */
static int keep_nearest(wg_sphere_pool *pool, int side, int64_t i, double *line) {
  const int64_t count = pool->p->n[1 - side];
  log_line(pool, side, i, line);
  for (int64_t j = 0; j < count; j++) line[j] -= pool->log_dual[1 - side][j];
  for (int kept = 0; kept < NEAREST; kept++) {
    int64_t best = 0;
    for (int64_t j = 1; j < count; j++)
      if (line[j] > line[best]) best = j;
    if (line[best] == -INFINITY) return WG_OK;
    const int64_t row = side ? best : i, col = side ? i : best;
    if (!is_known(pool, row, col)) WG_TRY(add_pair(pool, row, col));
    line[best] = -INFINITY;
  }
  return WG_OK;
}

static int begin_all(wg_sphere_pool *pool) {
  for (int64_t i = 0; i < pool->p->n[0]; i++)
    for (int64_t j = 0; j < pool->p->n[1]; j++) WG_TRY(add_pair(pool, i, j));
  return WG_OK;
}

static int keep_all_nearest(wg_sphere_pool *pool) {
  double *line = WG_NEW(pool->mem, double, WG_MAX(pool->p->n[0], pool->p->n[1]));
  if (!line) return wg_no_memory();
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < pool->p->n[side]; i++) WG_TRY(keep_nearest(pool, side, i, line));
  wg_drop(pool->mem, line);
  return WG_OK;
}

int wg_pool_widen(wg_sphere_pool *pool, const double *u, const double *v) {
  const double *const dual[2] = {u, v};
  if (pool->p->n[0] * pool->p->n[1] <= ALL_PAIRS) return WG_OK;
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < pool->p->n[side]; i++)
      pool->log_dual[side][i] = log(WG_MAX(dual[side][i], least_u * pool->scale));
  return keep_all_nearest(pool);
}

int wg_pool_begin(wg_sphere_pool *pool) {
  enum { LEVELS = 5, SWEEPS = 3 };
  const int64_t n = pool->p->n[0], m = pool->p->n[1];
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < pool->p->n[side]; i++) pool->log_dual[side][i] = log(pool->scale);
  if (n * m <= ALL_PAIRS) return begin_all(pool);
  double *lines = WG_NEW(pool->mem, double, pool->context->threads *WG_MAX(n, m));
  if (!lines) return wg_no_memory();
  double eps = 0.2;
  for (int level = 0; level < LEVELS; level++, eps *= 0.5)
    for (int sweep = 0; sweep < SWEEPS && !wg_watch_poll(&pool->context->watch); sweep++)
      for (int side = 0; side < 2; side++) soften(pool, side, eps, lines);
  wg_drop(pool->mem, lines);
  return keep_all_nearest(pool);
}

/* ---- scans of all pairs ---- */

/* best_i = max_j k_ij+^2 / other_j, with the j; if own (the duals of i) is given, over those j that
 * are worth as much as i: mass times dual. */
static void scan(wg_sphere_pool *pool, int side, const double *other, const double *own) {
  const int64_t d = pool->p->d, n = pool->p->n[side], count = pool->p->n[1 - side];
  const double work = (double)(n * count * d);
#pragma omp parallel for num_threads(wg_threads_for(pool->context->threads, work)) schedule(static)
  for (int64_t i = 0; i < n; i++) {
    const double *w = pool->seen[side] + i * d, *mass = pool->p->mass[1 - side];
    const double worth = own ? pool->p->mass[side][i] * own[i] : 0.0;
    double best = 0.0;
    int64_t argument = -1;
    for (int64_t j = 0; j < count; j++) {
      double k = 0.0;
      for (int64_t c = 0; c < d; c++) k += w[c] * pool->seen[1 - side][j * d + c];
      const double value = k > 0.0 ? k * k / other[j] : 0.0;
      if (value > best && mass[j] * other[j] >= worth) {
        best = value;
        argument = j;
      }
    }
    pool->best[side][i] = best;
    pool->argument[side][i] = argument;
  }
}

/* The duals, not smaller than is good for division. */
static void read_duals(const wg_sphere_pool *pool, double *u, double *v) {
  double *const dual[2] = {u, v};
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < pool->p->n[side]; i++)
      dual[side][i] = WG_MAX(exp(pool->log_dual[side][i]), least_u * pool->scale);
}

void wg_pool_transform(wg_sphere_pool *pool, double *u, double *v) {
  const int64_t n = pool->p->n[0], m = pool->p->n[1];
  read_duals(pool, u, v);
  scan(pool, 0, v, u);
  for (int64_t i = 0; i < n; i++) u[i] = WG_MAX(u[i], pool->best[0][i]);
  scan(pool, 1, u, NULL);
  for (int64_t j = 0; j < m; j++) v[j] = pool->best[1][j];
  scan(pool, 0, v, NULL); /* k > 0 only where v is */
  for (int64_t i = 0; i < n; i++)
    u[i] = WG_MIN(u[i], WG_MAX(pool->best[0][i] * above, least_u * pool->scale));
}

int wg_pool_price(wg_sphere_pool *pool, double least, int64_t *added) {
  const int64_t before = pool->count, n = pool->p->n[0], m = pool->p->n[1];
  double *u = WG_NEW(pool->mem, double, n), *v = WG_NEW(pool->mem, double, m);
  double *const dual[2] = {u, v};
  if (!u || !v) return wg_no_memory();
  read_duals(pool, u, v);
  for (int side = 0; side < 2 && n * m > ALL_PAIRS; side++) {
    scan(pool, side, dual[1 - side], NULL);
    for (int64_t i = 0; i < pool->p->n[side]; i++) {
      const int64_t j = pool->argument[side][i], row = side ? j : i, col = side ? i : j;
      double *own = &dual[side][i];
      if (j < 0 || pool->best[side][i] <= *own * (1.0 + least)) continue;
      if (!is_known(pool, row, col)) WG_TRY(add_pair(pool, row, col));
      if (pool->p->mass[side][i] * *own <= pool->p->mass[1 - side][j] * dual[1 - side][j])
        *own = pool->best[side][i]; /* one of its pairs is enough for all its others */
    }
  }
  wg_drop(pool->mem, u);
  wg_drop(pool->mem, v);
  *added = pool->count - before;
  return WG_OK;
}
