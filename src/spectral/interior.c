/* The interior point on arcs: min gamma(sum_e P_e D_e D_e') over couplings P on a set of arcs
 * (theory 3.1 restricted to them), with Q and the potentials at the same time.
 *
 * Unknowns: P_e > 0, slacks s_e = <Q, D_e D_e'> - f_i - g_j > 0 with P_e s_e = mu, each block's own
 * variables (block.c), shares rho_b with slacks y_b for a block max. Where cutting planes learn one
 * coupling a call, here every arc is a column: the count of steps, 15 to 35, depends neither on d
 * nor on the gauge. The Hessian in P is diag(s/P) plus the Gram matrix of the arcs' transformed
 * squares g_e, of rank D = d (d+1)/2, so that with the potentials projected out (graph.c) a step is
 * one symmetric system of size D (+ blocks + 1).
 * Marginals hold up to rounding from the first full step on. The gap that stops it is not mu: the
 * potentials are lowered until they are feasible under a Q in K, and both values computed.
 * What makes 1e-9 possible, in the order in which its lack was met: Q's step is taken from the
 * small system and not from the step in S, whose rounding the response multiplies by 1 / mu; slacks
 * and multipliers are made to agree with potentials and S after each step; the small system is
 * factorised by reflections and refined by the step it means; arcs that idle are dropped at the
 * end. Cost per step O(count D^2) and a factorisation (graph.c); memory count (2 D + 4 d + 12)
 * numbers.
 */
#include "spectral/interior.h"

#include <stdlib.h>
#include <string.h>

#include "linalg/la.h"
#include "spectral/graph.h"

enum { MOST_STEPS = 60, PATIENCE = 6 };

typedef struct ranked {
  double size;
  int64_t arc;
} ranked;

typedef struct interior {
  const wg_interior_problem *p;
  int64_t d, blocks;
  int64_t width; /* functions on the arcs: the blocks', the shares', the right-hand side last */
  bool is_max;
  wg_master_block *block;
  wg_graph *graph;
  double *rays, *base;     /* in units of sqrt(scale), scale                             */
  double *mass, *slack;    /* count: P and s                                             */
  double *step_p, *step_s; /* count                                                      */
  double *product;         /* count: what P s = mu is corrected by                       */
  double *second_order;    /* count: scratch of it                                       */
  double *theta;           /* count: mass / slack                                        */
  double *values, *nodes;  /* count x width, (n + m) x width: functions, their fits      */
  double *along;           /* count: the step in mass over sqrt(theta), but for balance  */
  double *cost;            /* count                                                      */
  double *rest, *balance;  /* n + m: what the marginals miss; potentials that supply it  */
  double *potential;       /* n + m: f, g                                                */
  double *least;           /* n + m: scratch                                             */
  double tau, step_tau;    /* multiplier of the shares                                   */
  /* the small system (see assemble) */
  double *extra, *border, *rhs_own, rhs_border;
  double *unit;                    /* width: what its columns are scaled by                      */
  ranked *order;                   /* count                                                      */
  double *stack, *room, *factor;   /* width x (count + width), 32 x width, width x width         */
  double *solved_border, *rhs, *z; /* width                                                */
  double *moment, *q;              /* d x d                                                      */
} interior;

static int64_t count_functions(const wg_interior_problem *p) {
  int64_t width = 1;
  for (int64_t b = 0; b < p->spec->block_count; b++) {
    const int64_t s = p->spec->blocks[b].size;
    if (!wg_gauge_block_is_trace(&p->spec->blocks[b])) width += s * (s + 1) / 2;
  }
  return width + (p->spec->outer == WG_BLOCK_MAX ? p->spec->block_count : 0);
}

static int create_arrays(wg_mem *mem, interior *t) {
  const int64_t count = t->p->count, d = t->d, nodes = t->p->n + t->p->m, width = t->width;
  const struct {
    double **where;
    int64_t size;
  } parts[] = {{&t->rays, count * d},
               {&t->base, d * d},
               {&t->mass, count},
               {&t->slack, count},
               {&t->step_p, count},
               {&t->step_s, count},
               {&t->product, count},
               {&t->second_order, count},
               {&t->theta, count},
               {&t->along, count},
               {&t->cost, count},
               {&t->values, count * WG_MAX(width, d)},
               {&t->nodes, nodes * width},
               {&t->rest, nodes},
               {&t->balance, nodes},
               {&t->potential, nodes},
               {&t->least, nodes},
               {&t->extra, width},
               {&t->border, width},
               {&t->rhs_own, width},
               {&t->unit, width},
               {&t->stack, (count + width) * width},
               {&t->room, 32 * width},
               {&t->factor, width * width},
               {&t->solved_border, width},
               {&t->rhs, width},
               {&t->z, width},
               {&t->moment, d * d},
               {&t->q, d * d}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!(*parts[i].where = WG_NEW(mem, double, parts[i].size))) return wg_no_memory();
  t->block = WG_NEW(mem, wg_master_block, t->blocks);
  t->order = WG_NEW(mem, ranked, count);
  return t->block && t->order ? WG_OK : wg_no_memory();
}

static int create(wg_mem *mem, const wg_interior_problem *p, interior *t) {
  const int64_t d = p->spec->d;
  *t = (interior){.p = p,
                  .d = d,
                  .blocks = p->spec->block_count,
                  .width = count_functions(p),
                  .is_max = p->spec->outer == WG_BLOCK_MAX};
  WG_TRY(create_arrays(mem, t));
  if (!t->rays || !t->base) return wg_no_memory();
  for (int64_t i = 0; i < p->count * d; i++) t->rays[i] = p->rays[i] / sqrt(p->scale);
  for (int64_t i = 0; i < d * d; i++) t->base[i] = p->base[i] / p->scale;
  const wg_columns all = {.count = p->count, .d = d, .rays = t->rays, .base = t->base};
  for (int64_t b = 0; b < t->blocks; b++)
    WG_TRY(wg_block_create(mem, &p->spec->blocks[b], t->is_max, t->blocks, &all, &t->block[b]));
  return wg_graph_create(mem, p->n, p->m, p->count, p->row, p->col, &t->graph);
}

/* ---- starting point ---- */

static void scale_to(const int32_t *end, int64_t nodes, const double *goal, int64_t count,
                     double *sum, double *mass) {
  memset(sum, 0, (size_t)nodes * sizeof(double));
  for (int64_t e = 0; e < count; e++) sum[end[e]] += mass[e];
  for (int64_t e = 0; e < count; e++) mass[e] *= goal[end[e]] / sum[end[e]];
}

/* Mass on every arc, near the right marginals: equal shares, balanced a few times. */
static void spread_mass(interior *t) {
  enum { SWEEPS = 10 };
  const wg_interior_problem *p = t->p;
  for (int64_t e = 0; e < p->count; e++) t->mass[e] = 1.0;
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    scale_to(p->row, p->n, p->supply, p->count, t->rest, t->mass);
    scale_to(p->col, p->m, p->demand, p->count, t->rest, t->mass);
  }
}

static double block_trace(const wg_master_block *block) {
  double sum = 0.0; /* the trace bounds every gauge of the block */
  for (int64_t i = 0; i < block->size; i++) sum += block->s[i * block->size + i];
  return sum;
}

static void put_block(const wg_master_block *block, int64_t d, double *q) {
  for (int64_t i = 0; i < block->size; i++)
    memcpy(q + (block->start + i) * d + block->start, block->q + i * block->size,
           (size_t)block->size * sizeof(double));
}

/* cost_e = <q, D_e D_e'>. */
static void find_costs(interior *t, const double *q) {
  const int64_t d = t->d, count = t->p->count;
  wg_la_gemm(false, false, count, d, d, 1.0, t->rays, d, q, d, 0.0, t->values, d);
  for (int64_t e = 0; e < count; e++) t->cost[e] = wg_la_dot(d, t->values + e * d, t->rays + e * d);
}

static void start(interior *t) {
  const wg_interior_problem *p = t->p;
  spread_mass(t);
  memset(t->q, 0, (size_t)(t->d * t->d) * sizeof(double));
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_block_moment(&t->block[b], p->count, t->mass);
    wg_block_start(&t->block[b]);
    t->tau = WG_MAX(t->tau, block_trace(&t->block[b]) / t->block[b].rate2);
    put_block(&t->block[b], t->d, t->q);
  }
  t->tau = 2.0 * t->tau + 0.1;
  for (int64_t b = 0; b < t->blocks; b++)
    t->block[b].y = t->block[b].rate2 * t->tau - block_trace(&t->block[b]);
  find_costs(t, t->q);
  double mean = 0.0;
  for (int64_t e = 0; e < p->count; e++) mean += t->mass[e] * t->cost[e];
  for (int64_t e = 0; e < p->count; e++) t->slack[e] = t->cost[e] + 0.5 * mean + 1e-3;
}

/* ---- one step ---- */

static double complementarity(const interior *t) {
  double terms = (double)t->p->count, sum = wg_la_dot(t->p->count, t->mass, t->slack);
  for (int64_t b = 0; b < t->blocks; b++) {
    sum += wg_block_complementarity(&t->block[b], &terms);
    if (!t->is_max) continue;
    sum += t->block[b].rho * t->block[b].y;
    terms += 1.0;
  }
  return sum / terms;
}

static void find_rest(interior *t) {
  const wg_interior_problem *p = t->p;
  memcpy(t->rest, p->supply, (size_t)p->n * sizeof(double));
  memcpy(t->rest + p->n, p->demand, (size_t)p->m * sizeof(double));
  for (int64_t e = 0; e < p->count; e++) {
    t->rest[p->row[e]] -= t->mass[e];
    t->rest[p->n + p->col[e]] -= t->mass[e];
  }
}

/* The functions on the arcs: the blocks' transformed squares, then for a block max what its shares
 * see, then the right-hand side. */
static void gather_functions(interior *t, double mu) {
  const int64_t width = t->width, shares = width - 1 - (t->is_max ? t->blocks : 0);
  for (int64_t e = 0; e < t->p->count; e++) {
    double *v = t->values + e * width, rhs = mu / t->mass[e];
    for (int64_t b = 0; b < t->blocks; b++) {
      const wg_master_block *block = &t->block[b];
      rhs -= block->q_dot[e] + block->q0[e];
      if (t->is_max) t->values[e * width + shares + b] = block->h[e];
      if (block->form == WG_FORM_TRACE) continue;
      memcpy(v, block->g + e * block->length, (size_t)block->length * sizeof(double));
      v += block->length;
    }
    t->values[e * width + width - 1] = rhs;
  }
}

static void scale_functions(interior *t) {
  const int64_t width = t->width;
  for (int64_t e = 0; e < t->p->count; e++) {
    const double root = sqrt(t->theta[e]);
    for (int64_t c = 0; c < width; c++) t->values[e * width + c] *= root;
  }
}

/* The system of the small unknowns z: (values' values + diag(extra)) z + rate2 step_tau = rhs, the
 * shares' rates times step_rho = their own. extra: one for what the blocks see, the shares' terms;
 * rhs_own: the part of the right-hand side that is not values' times the last of them. */
static void assemble(interior *t, double mu) {
  const int64_t width = t->width, nodes = t->p->n + t->p->m;
  const int64_t shares = width - 1 - (t->is_max ? t->blocks : 0);
  for (int64_t i = 0; i + 1 < width; i++) {
    t->extra[i] = i < shares ? 1.0 : 0.0;
    t->border[i] = 0.0;
    t->rhs_own[i] = 0.0;
    for (int64_t k = 0; k < nodes; k++) t->rhs_own[i] += t->nodes[k * width + i] * t->rest[k];
  }
  t->rhs_border = 1.0;
  for (int64_t b = 0; t->is_max && b < t->blocks; b++) {
    const wg_master_block *block = &t->block[b];
    t->extra[shares + b] = block->y / block->rho - block->kappa;
    t->border[shares + b] = block->rate2;
    t->rhs_own[shares + b] -= t->tau * block->rate2 - block->x - block->x0 - mu / block->rho;
    t->rhs_border -= block->rate2 * block->rho;
  }
}

/* along_e = sqrt(theta_e) (rhs - z . functions)_e, the part of the step in mass that circulates. On
 * heavy arcs the functions all but cancel here; only now can their potentials be told from those of
 * distant nodes, tied to them by light arcs: one more fit. */
static int find_along(interior *t) {
  const int64_t width = t->width;
  for (int64_t e = 0; e < t->p->count; e++) {
    const double *v = t->values + e * width;
    t->along[e] = (v[width - 1] - wg_la_dot(width - 1, v, t->z)) / sqrt(t->theta[e]);
  }
  WG_TRY(wg_graph_fit(t->graph, 1, t->along, t->least));
  for (int64_t e = 0; e < t->p->count; e++) t->along[e] *= sqrt(t->theta[e]);
  return WG_OK;
}

static int compare_ranks(const void *left, const void *right) {
  const ranked *a = left, *b = right;
  if (a->size != b->size) return a->size > b->size ? -1 : 1;
  return (a->arc > b->arc) - (a->arc < b->arc);
}

/* Each function's values on the arcs in their order, and below the roots of `extra`. */
static void stack_functions(interior *t) {
  enum { TOGETHER = 16 }; /* arcs, so that both sides are read and written by cache lines */
  const int64_t width = t->width, k = width - 1, count = t->p->count, length = count + k;
  for (int64_t first = 0; first < count; first += TOGETHER)
    for (int64_t i = 0; i < k; i++)
      for (int64_t e = first; e < WG_MIN(first + TOGETHER, count); e++)
        t->stack[i * length + e] = t->values[t->order[e].arc * width + i] * t->unit[i];
  for (int64_t i = 0; i < k; i++) {
    memset(t->stack + i * length + count, 0, (size_t)k * sizeof(double));
    t->stack[i * length + count + i] = sqrt(t->extra[i]) * t->unit[i];
  }
}

/* Factorises the small system: reflections of the arcs' functions, scaled to columns of unit
 * length, the largest rows first, which keeps each row's own accuracy (Powell and Reid 1969). */
static int factor_small(interior *t) {
  const int64_t width = t->width, k = width - 1, count = t->p->count;
  for (int64_t i = 0; i < k; i++) t->unit[i] = t->extra[i];
  for (int64_t e = 0; e < count; e++) {
    t->order[e] = (ranked){0.0, e};
    for (int64_t i = 0; i < k; i++)
      t->unit[i] += t->values[e * width + i] * t->values[e * width + i];
  }
  for (int64_t i = 0; i < k; i++) t->unit[i] = t->unit[i] > 0.0 ? 1.0 / sqrt(t->unit[i]) : 1.0;
  for (int64_t e = 0; e < count; e++)
    for (int64_t i = 0; i < k; i++)
      t->order[e].size = WG_MAX(t->order[e].size, fabs(t->values[e * width + i]) * t->unit[i]);
  qsort(t->order, (size_t)count, sizeof *t->order, compare_ranks);
  for (int64_t i = 0; i < k; i++)
    if (!(t->extra[i] >= 0.0) || !isfinite(t->unit[i])) return 1;
  stack_functions(t);
  WG_TRY(wg_la_gram_factor_of_rows(k, count + k, t->stack, t->room, t->factor));
  for (int64_t i = 0; i < k; i++) {
    if (!(fabs(t->factor[i * k + i]) > 0.0)) return 1;
    t->solved_border[i] = t->border[i] * t->unit[i];
  }
  wg_la_cholesky_solve(k, t->factor, k, 1, t->solved_border);
  return WG_OK;
}

/* Adds the solution for the residual rhs, rhs_border to z, step_tau. */
static void add_solution(interior *t, double rhs_border) {
  const int64_t k = t->width - 1;
  for (int64_t i = 0; i < k; i++) t->rhs[i] *= t->unit[i];
  wg_la_cholesky_solve(k, t->factor, k, 1, t->rhs);
  double tau = 0.0;
  if (t->is_max) {
    double along = -rhs_border, norm = 0.0;
    for (int64_t i = 0; i < k; i++) {
      along += t->border[i] * t->unit[i] * t->rhs[i];
      norm += t->border[i] * t->unit[i] * t->solved_border[i];
    }
    tau = along / norm;
  }
  for (int64_t i = 0; i < k; i++) t->z[i] += t->unit[i] * (t->rhs[i] - tau * t->solved_border[i]);
  t->step_tau += tau;
}

/* Solves the small system by refinement: the residual is taken from the step that z means for the
 * arcs. */
static int solve_small(interior *t) {
  enum { REFINEMENTS = 3 };
  const int64_t width = t->width, k = width - 1;
  memset(t->z, 0, (size_t)k * sizeof(double));
  t->step_tau = 0.0;
  WG_TRY(find_along(t));
  for (int round = 0; round < REFINEMENTS && k > 0; round++) {
    double rhs_border = t->rhs_border;
    for (int64_t i = 0; i < k; i++) {
      t->rhs[i] = t->rhs_own[i] - t->extra[i] * t->z[i] - t->border[i] * t->step_tau;
      rhs_border -= t->border[i] * t->z[i];
    }
    for (int64_t e = 0; e < t->p->count; e++)
      for (int64_t i = 0; i < k; i++) t->rhs[i] += t->values[e * width + i] * t->along[e];
    add_solution(t, rhs_border);
    WG_TRY(find_along(t));
  }
  return WG_OK;
}

/* Steps of mass and slacks from the solution of the small system. What the step in mass misses of
 * its sums, by rounding, is made good along the tree. */
static void expand(interior *t, double mu) {
  const wg_interior_problem *p = t->p;
  for (int64_t e = 0; e < p->count; e++)
    t->step_p[e] = sqrt(t->theta[e]) * t->along[e] +
                   t->theta[e] * (t->balance[p->row[e]] + t->balance[p->n + p->col[e]]);
  find_rest(t);
  for (int64_t e = 0; e < p->count; e++) {
    t->rest[p->row[e]] -= t->step_p[e];
    t->rest[p->n + p->col[e]] -= t->step_p[e];
  }
  wg_graph_conserve(t->graph, t->rest, t->step_p);
  for (int64_t e = 0; e < p->count; e++)
    t->step_s[e] = (mu - t->product[e]) / t->mass[e] - t->slack[e] - t->step_p[e] / t->theta[e];
}

/* Changes the arcs' right-hand side to P s = mu - product. */
static int set_product(interior *t, const double *product) {
  const int64_t width = t->width;
  for (int64_t e = 0; e < t->p->count; e++) {
    t->along[e] = (t->product[e] - product[e]) / t->mass[e];
    t->product[e] = product[e];
  }
  WG_TRY(wg_graph_fit(t->graph, 1, t->along, t->least));
  for (int64_t e = 0; e < t->p->count; e++)
    t->values[e * width + width - 1] += sqrt(t->theta[e]) * t->along[e];
  return WG_OK;
}

/* Mehrotra's corrector: the products of the present steps, times share, are what the linearised
 * P s = mu, Q Z = mu I leave out. */
static int correct(interior *t, double share) {
  const int64_t width = t->width, shares = width - 1 - (t->is_max ? t->blocks : 0);
  double *change = t->rhs;
  for (int64_t e = 0; e < t->p->count; e++)
    t->second_order[e] = share * t->step_p[e] * t->step_s[e];
  WG_TRY(set_product(t, t->second_order));
  for (int64_t b = 0; b < t->blocks; b++) {
    double x_change;
    if (t->block[b].form == WG_FORM_TRACE) continue; /* has no second order */
    wg_block_correct(&t->block[b], share, change, &x_change);
    if (t->is_max) t->rhs_own[shares + b] += x_change;
    change += t->block[b].length;
  }
  for (int64_t e = 0; e < t->p->count; e++) {
    double *v = t->values + e * width;
    v[width - 1] -= wg_la_dot(change - t->rhs, v, t->rhs);
  }
  return WG_OK;
}

/* Steps of the blocks' own variables. */
static void direct_blocks(interior *t, double mu) {
  const int64_t shares = t->width - 1 - (t->is_max ? t->blocks : 0);
  const double *seen = t->z;
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_master_block *block = &t->block[b];
    block->step_rho = t->is_max ? t->z[shares + b] : 0.0;
    if (t->is_max)
      block->step_y = mu / block->rho - block->y - block->y / block->rho * block->step_rho;
    wg_block_direction(block, t->p->count, t->step_p, seen, mu);
    if (block->form != WG_FORM_TRACE) seen += block->length;
  }
}

/* The projected functions and the factorised small system at the present point; 1 when the
 * precision is used up. */
static int linearise(interior *t, double mu) {
  const wg_interior_problem *p = t->p;
  for (int64_t b = 0; b < t->blocks; b++) {
    const int status = wg_block_linearise(&t->block[b], p->count, mu);
    if (status) return status;
  }
  for (int64_t e = 0; e < p->count; e++) t->theta[e] = t->mass[e] / t->slack[e];
  const int status = wg_graph_weigh(t->graph, t->theta);
  if (status) return status;
  gather_functions(t, mu);
  WG_TRY(wg_graph_fit(t->graph, t->width, t->values, t->nodes));
  find_rest(t);
  scale_functions(t);
  assemble(t, mu);
  memcpy(t->balance, t->rest, (size_t)(p->n + p->m) * sizeof(double));
  wg_graph_solve(t->graph, t->balance);
  return t->width > 1 ? factor_small(t) : WG_OK;
}

static void limit_by(double value, double step, double *limit) {
  if (step < 0) *limit = WG_MIN(*limit, -value / step);
}

static int step_length(interior *t, double *length) {
  double limit = INFINITY;
  for (int64_t e = 0; e < t->p->count; e++) {
    limit_by(t->mass[e], t->step_p[e], &limit);
    limit_by(t->slack[e], t->step_s[e], &limit);
  }
  for (int64_t b = 0; b < t->blocks; b++) {
    double own;
    WG_TRY(wg_block_step_limit(&t->block[b], &own));
    limit = WG_MIN(limit, own);
    if (!t->is_max) continue;
    limit_by(t->block[b].rho, t->block[b].step_rho, &limit);
    limit_by(t->block[b].y, t->block[b].step_y, &limit);
  }
  *length = WG_MIN(1.0, 0.97 * limit);
  return WG_OK;
}

/* The step for the right-hand sides as they are, and how much of it may be taken. */
static int solve_step(interior *t, double mu, double *length) {
  int status = solve_small(t);
  if (status) return status;
  expand(t, mu);
  direct_blocks(t, mu);
  for (int64_t e = 0; e < t->p->count; e++)
    if (!isfinite(t->step_p[e])) return 1;
  return step_length(t, length);
}

/* One direction for barrier weight mu, and the length of the step along it; 1 when the precision is
 * used up. What the linearised P s = mu leaves out, the product of both steps, is put right
 * (Mehrotra's corrector) as far as the step could be taken; unless that makes it shorter. */
static int direction(interior *t, double mu, double *length) {
  memset(t->product, 0, (size_t)t->p->count * sizeof(double));
  int status = linearise(t, mu);
  if (status == WG_OK) status = solve_step(t, mu, length);
  if (status || *length < 0.1) return status;
  const double first = *length;
  status = correct(t, first * first);
  if (status == WG_OK) status = solve_step(t, mu, length);
  if (status || *length >= first) return status;
  status = correct(t, 0.0);
  return status == WG_OK ? solve_step(t, mu, length) : status;
}

/* Potentials from the slacks of a tree of arcs that carry mass, and from them the other slacks anew
 * where they differ by rounding only: updates of both would drift apart. */
static void align_slacks(interior *t) {
  const wg_interior_problem *p = t->p;
  find_costs(t, t->q);
  for (int64_t e = 0; e < p->count; e++) t->along[e] = t->cost[e] - t->slack[e];
  wg_graph_fit_tree(t->graph, 1, t->along, t->potential);
  for (int64_t e = 0; e < p->count; e++) {
    const double slack = t->cost[e] - t->potential[p->row[e]] - t->potential[p->n + p->col[e]];
    if (fabs(slack - t->slack[e]) <= 0.5 * t->slack[e]) t->slack[e] = slack;
  }
}

static int advance(interior *t, double step) {
  for (int64_t e = 0; e < t->p->count; e++) {
    t->mass[e] += step * t->step_p[e];
    t->slack[e] += step * t->step_s[e];
  }
  t->tau += step * t->step_tau;
  memset(t->q, 0, (size_t)(t->d * t->d) * sizeof(double));
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_block_advance(&t->block[b], step);
    wg_block_moment(&t->block[b], t->p->count, t->mass);
    WG_TRY(wg_block_refresh(&t->block[b]));
    put_block(&t->block[b], t->d, t->q);
  }
  align_slacks(t);
  return WG_OK;
}

/* ---- values ---- */

/* The dual value of the potentials under t->q once they are feasible on all arcs. */
static double dual_value(interior *t) {
  const wg_interior_problem *p = t->p;
  double *f = t->least, sum = 0.0;
  const double *g = t->potential + p->n;
  find_costs(t, t->q);
  for (int64_t i = 0; i < p->n; i++) f[i] = INFINITY;
  for (int64_t e = 0; e < p->count; e++)
    f[p->row[e]] = WG_MIN(f[p->row[e]], t->cost[e] - g[p->col[e]]);
  for (int64_t i = 0; i < p->n; i++) sum += p->supply[i] * f[i];
  for (int64_t j = 0; j < p->m; j++) sum += p->demand[j] * g[j];
  return sum + wg_la_dot(t->d * t->d, t->q, t->base);
}

/* How far the marginals are off, as a share of all mass. */
static double marginal_error(interior *t) {
  double sum = 0.0;
  find_rest(t);
  for (int64_t k = 0; k < t->p->n + t->p->m; k++) sum += fabs(t->rest[k]);
  return sum;
}

/* The gauge of the moment; infinity while the marginals are not met. */
static int primal_value(interior *t, wg_mem *mem, double *upper) {
  const int64_t d = t->d;
  *upper = INFINITY;
  if (marginal_error(t) > 1e-10) return WG_OK;
  memcpy(t->moment, t->base, (size_t)(d * d) * sizeof(double));
  for (int64_t e = 0; e < t->p->count; e++)
    for (int64_t i = 0; i < d; i++) t->values[e * d + i] = t->mass[e] * t->rays[e * d + i];
  wg_la_gemm(true, false, d, d, t->p->count, 1.0, t->values, d, t->rays, d, 1.0, t->moment, d);
  return wg_gauge_value(t->p->spec, t->moment, mem, upper);
}

static int evaluate(interior *t, wg_mem *mem, double *lower, double *upper) {
  WG_TRY(wg_gauge_feasible(t->p->spec, t->q, mem));
  *lower = dual_value(t);
  return primal_value(t, mem, upper);
}

/* The best mass and the best Q seen so far (they need not come from one step). */
typedef struct record {
  double *mass, *slack, *q, lower, upper;
} record;

static void keep_best(const interior *t, double lower, double upper, record *best) {
  if (upper < best->upper) {
    best->upper = upper;
    memcpy(best->mass, t->mass, (size_t)t->p->count * sizeof(double));
    memcpy(best->slack, t->slack, (size_t)t->p->count * sizeof(double));
  }
  if (lower > best->lower) {
    best->lower = lower;
    memcpy(best->q, t->q, (size_t)(t->d * t->d) * sizeof(double));
  }
}

static int iterate(wg_context *context, interior *t, wg_mem *mem, record *best) {
  double centering = 0.3, best_gap = INFINITY;
  int stale = 0;
  start(t);
  for (int step = 0; step < MOST_STEPS && stale < PATIENCE; step++) {
    double length, lower, upper;
    const int status = direction(t, centering * complementarity(t), &length);
    if (status < 0) return status;
    if (status > 0) break; /* singular: as far as this precision goes */
    WG_TRY(advance(t, length));
    WG_TRY(evaluate(t, mem, &lower, &upper));
    keep_best(t, lower, upper, best);
    const double gap = best->upper - best->lower;
    if ((isfinite(gap) && gap <= t->p->tol * best->upper) || wg_watch_poll(&context->watch)) break;
    stale = gap < 0.9 * best_gap || !isfinite(gap) ? 0 : stale + 1;
    best_gap = WG_MIN(best_gap, gap);
    centering = length > 0.9 ? 0.08 : length > 0.5 ? 0.3 : 0.6;
  }
  return WG_OK;
}

/* Drops the arcs whose share of their row or column is less than `share` of their slack: at the
 * optimum one of the two is zero. The arcs that stay make good for it, each in proportion to mass
 * over slack; false: one of them would fall below zero. */
static int drop_idle(interior *t, const record *best, double share, bool *possible) {
  const wg_interior_problem *p = t->p;
  for (int64_t e = 0; e < p->count; e++) {
    const double held = WG_MIN(p->supply[p->row[e]], p->demand[p->col[e]]);
    const bool idle = best->mass[e] < share * held * best->slack[e];
    t->mass[e] = idle ? 0.0 : best->mass[e];
    t->theta[e] = best->mass[e] / best->slack[e] * (idle ? 1e-12 : 1.0);
  }
  *possible = false;
  const int status = wg_graph_weigh(t->graph, t->theta);
  if (status) return status < 0 ? status : WG_OK;
  find_rest(t);
  wg_graph_solve(t->graph, t->rest);
  for (int64_t e = 0; e < p->count; e++)
    if (t->mass[e] > 0.0)
      t->mass[e] += t->theta[e] * (t->rest[p->row[e]] + t->rest[p->n + p->col[e]]);
  find_rest(t);
  wg_graph_conserve(t->graph, t->rest, t->mass);
  *possible = true;
  for (int64_t e = 0; e < p->count; e++) {
    if (fabs(t->mass[e]) < 1e-17) t->mass[e] = 0.0; /* what rounding left on an idle arc */
    *possible = *possible && t->mass[e] >= 0.0;
  }
  return WG_OK;
}

/* Every arc of an interior point carries something, most of them next to nothing. Without those
 * the coupling is sparse, and better: what they cost is nearly all of the gap that is left. */
static int clean(interior *t, wg_mem *mem, record *best) {
  for (double share = 1.0; share > 1e-7; share *= 1e-2) {
    bool possible;
    double upper;
    WG_TRY(drop_idle(t, best, share, &possible));
    if (!possible) continue;
    WG_TRY(primal_value(t, mem, &upper));
    if (upper > best->upper) continue;
    best->upper = upper;
    memcpy(best->mass, t->mass, (size_t)t->p->count * sizeof(double));
    return WG_OK;
  }
  return WG_OK;
}

static int run(wg_context *context, interior *t, wg_mem *mem, record *best) {
  if (!t->p || !t->mass || !t->rest || !t->q) return wg_no_memory();
  WG_TRY(iterate(context, t, mem, best));
  return isfinite(best->upper) ? clean(t, mem, best) : WG_OK;
}

int wg_interior_solve(wg_context *context, const wg_interior_problem *problem, double *mass,
                      double *q, double *lower, double *upper) {
  wg_mem mem = wg_mem_of(&context->ledger);
  interior t = {0};
  record best = {mass, WG_NEW(&mem, double, problem->count), q, -INFINITY, INFINITY};
  int status = best.slack ? create(&mem, problem, &t) : wg_no_memory();
  if (status == WG_OK) status = run(context, &t, &mem, &best);
  *lower = best.lower * problem->scale;
  *upper = best.upper * problem->scale;
  wg_mem_clear(&mem);
  return status;
}
