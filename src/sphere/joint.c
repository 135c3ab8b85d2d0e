/* Transport and Q at the same time: min gamma(A) over semi-couplings on the pairs of the pool, with
 * the best Q, u and v (theory 7).
 *
 * A primal-dual interior point over the cones of every pair (pair.c) and those of the gauge's
 * blocks (cone/relation.c): A = A0 - sum c_e (w w'' + w' w') is affine in c, k_e = w'Q w' in Q.
 * What cutting planes learn from dozens of transports, one for each Q tried, comes out of one here.
 * Unknowns of a step are u, v and what the blocks see of Q, dQ = fixed + R x:
 *   [ M   -C ] [du, dv]     M: responses of masses to u and v, a pair at a time,
 *   [ -C'  T ] [  x   ]     C: those to k, k_e moves by f_e . x, f_e = R'(w w'' + w' w')/2.
 * M is that of inner.c: in relative steps, the sign of dv changed, links of an active pair and
 * small excesses; one side is eliminated with sums of positive terms, the other has a dense
 * Cholesky factor. Then x, in variables in which the system is block-diagonal: `fit` = M^-1 C holds
 * the u, v that go with a unit of each x, and T - C' M^-1 C is summed from squares of what these
 * leave of f, as C' M^-1 C alone is larger by up to 1e15. That and the second sweep of `find_step`
 * decide whether the marginals hold to 1e-12 or 1e-8 in the end, and the gap with them. Marginals
 * of g hold from the start, A is a sum of squares, and duals are brought to what they stand for by
 * full steps. Pairs that pricing adds are made feasible first, by raising u and v: started
 * infeasible, a single one holds up all others. Gauges with a block maximum need shares and are
 * left to the cutting planes of solve.c. Cost of a step: n^3 / 3 + n^2 D + pairs D^2, n the smaller
 * side, D = sum s (s + 1) / 2; memory n^2 + 2 (n0 + n1) D + pairs (50 + D) numbers. Source: theory
 * 7, docs/theory/sphere.md; Mehrotra, SIAM J. Optim. 2 (1992). */
#include <string.h>

#include "cone/cone.h"
#include "linalg/la.h"
#include "sphere/pair.h"

enum { MOST_STEPS = 60, CHUNK = 256, SWEEPS = 3, PATIENCE = 10 };
static const double root_two = 1.4142135623730951;

struct wg_sphere_joint {
  wg_mem *mem;
  const wg_sphere_pool *pool;
  const wg_sphere_problem *p;
  int kept;        /* the side whose steps the dense system has, the smaller one */
  int64_t d, n[2]; /* n: of atoms, side kept first                                */
  int64_t blocks, length;
  double total; /* of the masses: one in here                                  */
  const double *w[2];
  double *mass[2], *dual[2], *rest[2], *excess[2]; /* n                            */
  double *diagonal;          /* n[1]                                                    */
  double *step[2], *side[2]; /* n: of the dual; right-hand sides                    */
  double *seen[2];           /* n x d: w X          */
  double *fit[2], *lack[2];  /* n x length: u, v that fit f best; what they lack      */
  double *schur, *small;     /* n[0] x n[0], length x length */
  double *x, *rhs, *pull;    /* length                       */
  double *scaled;            /* (4 CHUNK + length) x length    */
  wg_relation *relation;
  double *q, *moment, *step_q, *step_s, *cut; /* d x d */
  int64_t count, room;                        /* pairs */
  wg_sphere_pair *pair;
  double *f, *k, *lead; /* count x length, count, count   */
  int64_t *order;       /* count: by the side eliminated  */
  int64_t *first;       /* n[1] + 1                       */
  int64_t *degree[2];   /* n: pairs                   */
};

/* ---- memory ---- */

static int create_side(wg_sphere_joint *t, int side) {
  const int source = side ^ t->kept;
  const int64_t n = t->n[side] = t->p->n[source];
  double **parts[] = {&t->mass[side],   &t->dual[side], &t->rest[side],
                      &t->excess[side], &t->step[side], &t->side[side]};
  t->w[side] = t->p->w[source];
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!(*parts[i] = WG_NEW(t->mem, double, n))) return wg_no_memory();
  t->seen[side] = WG_NEW(t->mem, double, n * t->d);
  t->fit[side] = WG_NEW(t->mem, double, n * t->length);
  t->degree[side] = WG_NEW(t->mem, int64_t, n);
  t->lack[side] = WG_NEW(t->mem, double, n * t->length);
  if (!t->seen[side] || !t->fit[side] || !t->lack[side] || !t->degree[side]) return wg_no_memory();
  for (int64_t i = 0; i < n; i++) t->mass[side][i] = t->p->mass[source][i] / t->total;
  return WG_OK;
}

static int create_relations(wg_sphere_joint *t) {
  const wg_gauge_spec *spec = t->p->spec;
  t->relation = WG_NEW(t->mem, wg_relation, t->blocks);
  if (!t->relation) return wg_no_memory();
  for (int64_t b = 0; b < t->blocks; b++) {
    WG_TRY(wg_relation_create(t->mem, &spec->blocks[b], false, t->blocks, &t->relation[b]));
    if (t->relation[b].form != WG_RELATION_TRACE) t->length += t->relation[b].length;
  }
  return WG_OK;
}

static int create_arrays(wg_sphere_joint *t) {
  const int64_t square = t->d * t->d, length = t->length;
  const struct {
    double **where;
    int64_t size;
  } parts[] = {{&t->diagonal, t->n[1]},
               {&t->schur, t->n[0] * t->n[0]},
               {&t->small, length * length},
               {&t->x, length},
               {&t->rhs, length},
               {&t->pull, length},
               {&t->scaled, (4 * CHUNK + length) * length},
               {&t->q, square},
               {&t->moment, square},
               {&t->step_q, square},
               {&t->step_s, square},
               {&t->cut, 2 * square}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!(*parts[i].where = WG_NEW(t->mem, double, parts[i].size))) return wg_no_memory();
  t->first = WG_NEW(t->mem, int64_t, t->n[1] + 1);
  return t->first ? WG_OK : wg_no_memory();
}

int wg_joint_create(wg_mem *mem, const wg_sphere_pool *pool, double total,
                    wg_sphere_joint **joint) {
  const wg_sphere_problem *p = pool->p;
  wg_sphere_joint *t = *joint = WG_NEW(mem, wg_sphere_joint, 1);
  if (!t) return wg_no_memory();
  *t = (wg_sphere_joint){.mem = mem,
                         .pool = pool,
                         .p = p,
                         .kept = p->n[1] < p->n[0],
                         .d = p->d,
                         .blocks = p->spec->block_count,
                         .total = total};
  WG_TRY(create_relations(t));
  for (int side = 0; side < 2; side++) WG_TRY(create_side(t, side));
  return create_arrays(t);
}

bool wg_joint_serves(const wg_sphere_problem *p) {
  const int64_t most_numbers = 40000000;
  const int64_t n = WG_MIN(p->n[0], p->n[1]);
  int64_t length = 0;
  for (int64_t b = 0; b < p->spec->block_count; b++)
    length += p->spec->blocks[b].size * (p->spec->blocks[b].size + 1) / 2;
  const int64_t pairs = 16 * (p->n[0] + p->n[1]);
  return p->spec->outer != WG_BLOCK_MAX && n <= 8000 &&
         length * (pairs + length + p->n[0] + p->n[1]) <= most_numbers;
}

static int reserve(wg_sphere_joint *t) {
  if (t->pool->count <= t->room) return WG_OK;
  const int64_t room = t->pool->room;
  wg_sphere_pair *pair = WG_GROW(t->mem, t->pair, wg_sphere_pair, room);
  if (pair) t->pair = pair;
  double *f = pair ? WG_GROW(t->mem, t->f, double, room * t->length) : NULL;
  if (f) t->f = f;
  double *k = f ? WG_GROW(t->mem, t->k, double, room) : NULL;
  if (k) t->k = k;
  double *lead = k ? WG_GROW(t->mem, t->lead, double, room) : NULL;
  if (lead) t->lead = lead;
  int64_t *order = lead ? WG_GROW(t->mem, t->order, int64_t, room) : NULL;
  if (!order) return wg_no_memory();
  t->order = order;
  t->room = room;
  return WG_OK;
}

/* ---- the present point ---- */

/* A, as a sum of squares; g has the right marginals. Atoms without pairs are destroyed, created. */
static void find_moment(wg_sphere_joint *t) {
  memset(t->moment, 0, (size_t)(t->d * t->d) * sizeof(double));
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++) {
      const double *w = t->w[side] + i * t->d;
      if (!t->degree[side][i])
        wg_sphere_add_square(t->d, t->mass[side][i], 1.0, w, 0.0, NULL, t->moment);
    }
  for (int64_t e = 0; e < t->count; e++) {
    const wg_sphere_pair *pair = &t->pair[e];
    const double *w = t->w[0] + pair->end[0] * t->d, *other = t->w[1] + pair->end[1] * t->d;
    const double f = sqrt(pair->p.a), g = sqrt(pair->p.b);
    const double theta = WG_MIN(pair->p.c / (f * g), 1.0);
    wg_sphere_add_square(t->d, theta, f, w, g, other, t->moment);
    wg_sphere_add_square(t->d, 1.0 - theta, f, w, 0.0, NULL, t->moment);
    wg_sphere_add_square(t->d, 1.0 - theta, g, other, 0.0, NULL, t->moment);
  }
}

static void cut(const wg_sphere_joint *t, const wg_relation *r, const double *a, double *out) {
  for (int64_t i = 0; i < r->size; i++)
    memcpy(out + i * r->size, a + (r->start + i) * t->d + r->start,
           (size_t)r->size * sizeof(double));
}

static void put(const wg_sphere_joint *t, const wg_relation *r, const double *in, double *a) {
  for (int64_t i = 0; i < r->size; i++)
    for (int64_t j = 0; j < r->size; j++)
      a[(r->start + i) * t->d + r->start + j] = 0.5 * (in[i * r->size + j] + in[j * r->size + i]);
}

/* q from the blocks, k = w'q w' of every pair. */
static void gather_q(wg_sphere_joint *t) {
  const int64_t d = t->d;
  memset(t->q, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t b = 0; b < t->blocks; b++) put(t, &t->relation[b], t->relation[b].q, t->q);
  wg_la_gemm(false, false, t->n[0], d, d, 1.0, t->w[0], d, t->q, d, 0.0, t->seen[0], d);
  for (int64_t e = 0; e < t->count; e++)
    t->k[e] = wg_la_dot(d, t->seen[0] + t->pair[e].end[0] * d, t->w[1] + t->pair[e].end[1] * d);
}

static void find_rest(wg_sphere_joint *t) {
  for (int side = 0; side < 2; side++) {
    for (int64_t i = 0; i < t->n[side]; i++)
      t->rest[side][i] = t->degree[side][i] ? t->mass[side][i] : 0.0;
    for (int64_t e = 0; e < t->count; e++)
      t->rest[side][t->pair[e].end[side]] -= *wg_two_end(&t->pair[e].p, side);
  }
}

static double complementarity(const wg_sphere_joint *t, double *terms) {
  double sum = 0.0;
  *terms = 4.0 * (double)t->count;
  for (int64_t e = 0; e < t->count; e++) sum += wg_pair_gap(&t->pair[e]);
  for (int64_t b = 0; b < t->blocks; b++) wg_relation_complementarity(&t->relation[b], &sum, terms);
  return sum;
}

/* What the duals differ from what they stand for, in the units of the value. */
static double discrepancy(const wg_sphere_joint *t) {
  double sum = 0.0;
  for (int64_t e = 0; e < t->count; e++) {
    const wg_sphere_pair *pair = &t->pair[e];
    sum += pair->p.a * fabs(t->dual[0][pair->end[0]] - pair->z.a) +
           pair->p.b * fabs(t->dual[1][pair->end[1]] - pair->z.b) +
           2.0 * pair->p.c * fabs(t->k[e] + pair->t + pair->z.c);
  }
  return sum;
}

/* ---- pairs that are new ---- */

static void group_pairs(wg_sphere_joint *t) {
  for (int side = 0; side < 2; side++) {
    memset(t->degree[side], 0, (size_t)t->n[side] * sizeof *t->degree[side]);
    for (int64_t e = 0; e < t->count; e++) t->degree[side][t->pair[e].end[side]]++;
  }
  memset(t->first, 0, (size_t)(t->n[1] + 1) * sizeof *t->first);
  for (int64_t e = 0; e < t->count; e++) t->first[t->pair[e].end[1] + 1]++;
  for (int64_t j = 0; j < t->n[1]; j++) t->first[j + 1] += t->first[j];
  for (int64_t e = 0; e < t->count; e++) t->order[t->first[t->pair[e].end[1]]++] = e;
  for (int64_t j = t->n[1]; j > 0; j--) t->first[j] = t->first[j - 1];
  t->first[0] = 0;
}

/* Divides what the marginals miss: all g of an atom by the same factor, c by its root. */
static void fit_marginals(wg_sphere_joint *t) {
  for (int side = 0; side < 2; side++) {
    double *sum = t->rest[side];
    memset(sum, 0, (size_t)t->n[side] * sizeof(double));
    for (int64_t e = 0; e < t->count; e++)
      sum[t->pair[e].end[side]] += *wg_two_end(&t->pair[e].p, side);
    for (int64_t e = 0; e < t->count; e++) {
      wg_sphere_pair *pair = &t->pair[e];
      const double factor = t->mass[side][pair->end[side]] / sum[pair->end[side]];
      *wg_two_end(&pair->p, side) *= factor;
      pair->p.c *= sqrt(factor);
    }
  }
}

/* Raises u and v until u v > k^2 on the new pairs, by twice what is missing and so much that P Z =
 * mu I leaves them a hundredth of an atom's mass at most, and with them the duals of all pairs
 * known. */
static void make_room(wg_sphere_joint *t, int64_t before, double mu) {
  for (int64_t e = 0; e < before; e++)
    for (int side = 0; side < 2; side++)
      *wg_two_end(&t->pair[e].z, side) -= t->dual[side][t->pair[e].end[side]];
  for (int64_t e = before; e < t->count; e++) {
    double *u = &t->dual[0][t->pair[e].end[0]], *v = &t->dual[1][t->pair[e].end[1]];
    const double root = sqrt(*u) * sqrt(*v), ratio = t->k[e] / root;
    const double mass = WG_MIN(t->mass[0][t->pair[e].end[0]], t->mass[1][t->pair[e].end[1]]);
    const double room = before ? WG_MIN(100.0 * mu / (root * mass), 0.1) : 0.1;
    if (ratio * (1.0 + room) <= 1.0) continue;
    const double factor = ratio * (1.0 + WG_MAX(room, WG_MIN(ratio - 1.0, 1.0)));
    *u *= factor;
    *v *= factor;
  }
  for (int64_t e = 0; e < before; e++)
    for (int side = 0; side < 2; side++)
      *wg_two_end(&t->pair[e].z, side) += t->dual[side][t->pair[e].end[side]];
}

/* Cones of a pair under the present u, v and k, with P Z = mu I. */
static void open_pair(const wg_sphere_joint *t, int64_t e, double mu) {
  wg_sphere_pair *pair = &t->pair[e];
  const double u = t->dual[0][pair->end[0]], v = t->dual[1][pair->end[1]];
  const double root = sqrt(u) * sqrt(v), off = WG_MAX(0.5 * (t->k[e] + root), 0.1 * root);
  const double det = (root - off) * (root + off);
  pair->z.a = u;
  pair->z.b = v;
  pair->z.c = -off;
  pair->p.a = mu * v / det;
  pair->p.b = mu * u / det;
  pair->p.c = mu * off / det;
  pair->t = off - t->k[e];
}

static int take_pairs(wg_sphere_joint *t, double mu) {
  const int32_t *const end[2] = {t->kept ? t->pool->col : t->pool->row,
                                 t->kept ? t->pool->row : t->pool->col};
  const int64_t before = t->count;
  WG_TRY(reserve(t));
  t->count = t->pool->count;
  for (int64_t e = before; e < t->count; e++)
    for (int side = 0; side < 2; side++) t->pair[e].end[side] = end[side][e];
  if (before)
    gather_q(t);
  else
    memcpy(t->k, t->pool->k, (size_t)t->count * sizeof(double));
  make_room(t, before, mu);
  for (int64_t e = before; e < t->count; e++) open_pair(t, e, mu);
  group_pairs(t);
  fit_marginals(t);
  find_moment(t);
  return WG_OK;
}

/* The first point: the gauge's middle, u and v of the pool, masses shared out. */
static int start(wg_sphere_joint *t) {
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++)
      t->dual[side][i] = exp(t->pool->log_dual[side ^ t->kept][i]);
  WG_TRY(take_pairs(t, 1.0 / (double)t->pool->count));
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    cut(t, r, t->moment, r->s);
    WG_TRY(wg_relation_start(r));
  }
  gather_q(t);
  return WG_OK;
}

/* ---- the system of a step ---- */

/* f of every pair: R'(w w'' + w' w')/2 in the blocks' bases, pins taken out. */
static void see_pairs(wg_sphere_joint *t) {
  int64_t at = 0;
  for (int64_t b = 0; b < t->blocks; b++) {
    const wg_relation *r = &t->relation[b];
    const int64_t s = r->size;
    if (r->form == WG_RELATION_TRACE) continue;
    for (int side = 0; side < 2; side++)
      wg_la_gemm(false, false, t->n[side], s, s, 1.0, t->w[side] + r->start, t->d, r->basis, s, 0.0,
                 t->seen[side], s);
    for (int64_t e = 0; e < t->count; e++) {
      const double *v = t->seen[0] + t->pair[e].end[0] * s, *o = t->seen[1] + t->pair[e].end[1] * s;
      double *f = t->f + e * t->length + at, along = 0.0;
      for (int64_t i = 0, k = 0; i < s; i++)
        for (int64_t j = i; j < s; j++, k++) {
          f[k] = r->root[k] * (i == j ? v[i] * o[i] : (v[i] * o[j] + v[j] * o[i]) / root_two);
          along += f[k] * r->pin[k];
        }
      for (int64_t k = 0; k < r->length; k++) f[k] -= along * r->pin[k];
    }
    at += r->length;
  }
}

/* Excesses of the atoms, the diagonal of those that go first, and what f pulls all of them by. */
static void sum_atoms(wg_sphere_joint *t) {
  const int64_t length = t->length;
  for (int side = 0; side < 2; side++) {
    for (int64_t i = 0; i < t->n[side]; i++) t->excess[side][i] = t->degree[side][i] ? 0.0 : 1.0;
    memset(t->fit[side], 0, (size_t)(t->n[side] * length) * sizeof(double));
    for (int64_t e = 0; e < t->count; e++) {
      const wg_sphere_pair *pair = &t->pair[e];
      double *row = t->fit[side] + pair->end[side] * length;
      t->excess[side][pair->end[side]] += pair->excess[side];
      for (int64_t i = 0; i < length; i++) row[i] += pair->h[side] * t->f[e * length + i];
    }
  }
  memcpy(t->diagonal, t->excess[1], (size_t)t->n[1] * sizeof(double));
  for (int64_t e = 0; e < t->count; e++) t->diagonal[t->pair[e].end[1]] += t->pair[e].link;
}

/* Takes atom j of the other side out of the system: what it leaves is links between the atoms it
 * is linked to, and excess. */
static void eliminate(wg_sphere_joint *t, int64_t j) {
  for (int64_t a = t->first[j]; a < t->first[j + 1]; a++) {
    const wg_sphere_pair *pair = &t->pair[t->order[a]];
    const double factor = pair->link / t->diagonal[j];
    double *row = t->schur + pair->end[0] * t->n[0], left = t->excess[1][j];
    for (int64_t b = t->first[j]; b < t->first[j + 1]; b++) {
      const wg_sphere_pair *other = &t->pair[t->order[b]];
      if (other->end[0] == pair->end[0]) continue;
      left += other->link;
      if (other->end[0] < pair->end[0]) row[other->end[0]] -= factor * other->link;
    }
    row[pair->end[0]] += factor * left;
  }
}

/* u, v (n x columns), right-hand sides of the atoms' part of the system, become its solutions. */
static void solve_atoms(const wg_sphere_joint *t, int64_t columns, double *u, double *v) {
  for (int64_t i = 0; i < t->n[0] * columns; i++) u[i] *= t->dual[0][i / columns];
  for (int64_t i = 0; i < t->n[1] * columns; i++) v[i] *= -t->dual[1][i / columns];
  for (int64_t e = 0; e < t->count; e++) {
    const wg_sphere_pair *pair = &t->pair[e];
    const double factor = pair->link / t->diagonal[pair->end[1]];
    double *own = u + pair->end[0] * columns;
    const double *far = v + pair->end[1] * columns;
    for (int64_t i = 0; i < columns; i++) own[i] += factor * far[i];
  }
  wg_la_cholesky_solve(t->n[0], t->schur, t->n[0], columns, u);
  for (int64_t e = 0; e < t->count; e++) {
    const wg_sphere_pair *pair = &t->pair[e];
    double *own = v + pair->end[1] * columns;
    const double *far = u + pair->end[0] * columns;
    for (int64_t i = 0; i < columns; i++) own[i] += pair->link * far[i];
  }
  for (int64_t i = 0; i < t->n[0] * columns; i++) u[i] *= t->dual[0][i / columns];
  for (int64_t i = 0; i < t->n[1] * columns; i++)
    v[i] *= -t->dual[1][i / columns] / t->diagonal[i / columns];
}

/* One more step to the fits: where links are strong what they leave is small, and it counts. */
static void refine_fits(wg_sphere_joint *t) {
  const int64_t length = t->length;
  for (int side = 0; side < 2; side++)
    memset(t->lack[side], 0, (size_t)(t->n[side] * length) * sizeof(double));
  for (int64_t e = 0; e < t->count; e++) {
    const wg_sphere_pair *pair = &t->pair[e];
    const int64_t i = pair->end[0] * length, j = pair->end[1] * length;
    for (int64_t k = 0; k < length; k++) {
      double root[4], g0, g1;
      wg_pair_root(pair, t->fit[0][i + k], t->fit[1][j + k], t->f[e * length + k], root);
      wg_pair_unroot(pair, root, &g0, &g1);
      t->lack[0][i + k] -= g0;
      t->lack[1][j + k] -= g1;
    }
  }
  solve_atoms(t, length, t->lack[0], t->lack[1]);
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side] * length; i++) t->fit[side][i] += t->lack[side][i];
}

/* What the best fits leave of f at some pairs, as rows of squares. */
static void leave(const wg_sphere_joint *t, int64_t from, int64_t size, double *rows) {
  const int64_t length = t->length;
  for (int64_t e = from; e < from + size; e++, rows += 4 * length) {
    const wg_sphere_pair *pair = &t->pair[e];
    const double *f = t->f + e * length, *u = t->fit[0] + pair->end[0] * length;
    const double *v = t->fit[1] + pair->end[1] * length;
    for (int64_t i = 0; i < length; i++) {
      double root[4];
      wg_pair_root(pair, u[i], v[i], f[i], root);
      for (int k = 0; k < 4; k++) rows[k * length + i] = root[k];
    }
  }
}

/* The factor of T = I + what the best fits leave of f, in all pairs: by reflections, as the
 * identity is lost in the sum of squares. */
static int factor_small(wg_sphere_joint *t) {
  const int64_t length = t->length;
  memset(t->small, 0, (size_t)(length * length) * sizeof(double));
  for (int64_t i = 0; i < length; i++) t->small[i * length + i] = 1.0;
  for (int64_t from = 0; from < t->count; from += CHUNK) {
    const int64_t size = WG_MIN(CHUNK, t->count - from);
    for (int64_t i = 0; i < length; i++)
      for (int64_t j = 0; j < length; j++) t->scaled[i * length + j] = t->small[j * length + i];
    leave(t, from, size, t->scaled + length * length);
    for (int64_t k = 0; k < (length + 4 * size) * length; k++)
      if (!isfinite(t->scaled[k])) return 1;
    WG_TRY(wg_la_gram_factor(length + 4 * size, length, t->scaled, t->small));
  }
  return WG_OK;
}

/* The factors of the whole system; 1 where precision is used up. */
static int factor(wg_sphere_joint *t) {
  const int64_t n = t->n[0];
  sum_atoms(t);
  memset(t->schur, 0, (size_t)(n * n) * sizeof(double));
  for (int64_t i = 0; i < n; i++) t->schur[i * n + i] = t->excess[0][i];
  for (int64_t j = 0; j < t->n[1]; j++) eliminate(t, j);
  if (wg_la_cholesky(n, t->schur)) return 1;
  if (!t->length) return WG_OK;
  solve_atoms(t, t->length, t->fit[0], t->fit[1]);
  refine_fits(t);
  return factor_small(t);
}

/* Adds to x and step what the system answers to rhs and side, which it destroys. */
static void solve(wg_sphere_joint *t) {
  const int64_t length = t->length;
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++)
      for (int64_t k = 0; k < length; k++)
        t->rhs[k] += t->fit[side][i * length + k] * t->side[side][i];
  if (length) wg_la_cholesky_solve(length, t->small, length, 1, t->rhs);
  solve_atoms(t, 1, t->side[0], t->side[1]);
  for (int64_t i = 0; i < length; i++) t->x[i] += t->rhs[i];
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++)
      t->step[side][i] += t->side[side][i] + wg_la_dot(length, t->fit[side] + i * length, t->rhs);
}

/* Takes the blocks' pins out of x, where rounding has put them in. */
static void take_out_pins(const wg_sphere_joint *t, double *x) {
  for (int64_t b = 0; b < t->blocks; b++) {
    const wg_relation *r = &t->relation[b];
    if (r->form == WG_RELATION_TRACE) continue;
    const double along = wg_la_dot(r->length, r->pin, x);
    for (int64_t i = 0; i < r->length; i++) x[i] -= along * r->pin[i];
    x += r->length;
  }
}

/* dQ = fixed + R x. */
static void find_step_q(wg_sphere_joint *t, bool moved) {
  int64_t at = 0;
  memset(t->step_q, 0, (size_t)(t->d * t->d) * sizeof(double));
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    const int64_t square = r->size * r->size;
    if (r->form == WG_RELATION_TRACE) continue;
    memset(t->cut, 0, (size_t)square * sizeof(double));
    if (moved) wg_relation_unsee(r, t->x + at, t->cut);
    for (int64_t i = 0; i < square; i++) t->cut[i] += r->fixed[i];
    put(t, r, t->cut, t->step_q);
    at += r->length;
  }
}

/* change of k of a pair under step_q: seen[0] holds w step_q. */
static void see_step_q(wg_sphere_joint *t) {
  wg_la_gemm(false, false, t->n[0], t->d, t->d, 1.0, t->w[0], t->d, t->step_q, t->d, 0.0,
             t->seen[0], t->d);
}
static double change_of(const wg_sphere_joint *t, const wg_sphere_pair *pair) {
  return wg_la_dot(t->d, t->seen[0] + pair->end[0] * t->d, t->w[1] + pair->end[1] * t->d);
}

/* What the blocks pull x to, and how k moves before x does. */
static void aim(wg_sphere_joint *t, double mu, bool corrected) {
  int64_t at = 0;
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    wg_relation_aim(r, mu, corrected);
    if (r->form == WG_RELATION_TRACE) continue;
    wg_relation_see(r, r->rest, true, t->pull + at);
    at += r->length;
  }
  find_step_q(t, false);
  see_step_q(t);
  for (int64_t e = 0; e < t->count; e++) {
    wg_sphere_pair *pair = &t->pair[e];
    const double dual[2] = {t->dual[0][pair->end[0]], t->dual[1][pair->end[1]]};
    wg_pair_aim(pair, t->k[e], dual, mu, corrected);
    t->lead[e] = change_of(t, pair);
  }
  for (int side = 0; side < 2; side++)
    memset(t->step[side], 0, (size_t)t->n[side] * sizeof(double));
  memset(t->x, 0, (size_t)t->length * sizeof(double));
}

/* The pairs' steps under the present step of u, v and x, and what the equations lack. */
static void answer(wg_sphere_joint *t) {
  const int64_t length = t->length;
  for (int64_t i = 0; i < length; i++) t->rhs[i] = t->pull[i] - t->x[i];
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++) t->side[side][i] = -t->rest[side][i];
  for (int64_t e = 0; e < t->count; e++) {
    wg_sphere_pair *pair = &t->pair[e];
    const double *f = t->f + e * length;
    wg_pair_answer(pair, t->step[0][pair->end[0]], t->step[1][pair->end[1]],
                   t->lead[e] + wg_la_dot(length, f, t->x));
    for (int side = 0; side < 2; side++)
      t->side[side][pair->end[side]] += *wg_two_end(&pair->step_p, side);
    for (int64_t i = 0; i < length; i++) t->rhs[i] -= 2.0 * pair->step_p.c * f[i];
  }
}

/* dS = -2 sum dc (w w'' + w' w')/2, then the blocks' own variables. */
static void move_blocks(wg_sphere_joint *t) {
  const int64_t d = t->d;
  memset(t->step_s, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t e = 0; e < t->count; e++) {
    const double dc = t->pair[e].step_p.c;
    const double *w = t->w[0] + t->pair[e].end[0] * d, *other = t->w[1] + t->pair[e].end[1] * d;
    for (int64_t r = 0; r < d; r++)
      for (int64_t s = 0; s < d; s++)
        t->step_s[r * d + s] -= dc * (w[r] * other[s] + other[r] * w[s]);
  }
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    cut(t, r, t->step_q, t->cut);
    cut(t, r, t->step_s, t->cut + r->size * r->size);
    wg_relation_step(r, t->cut, t->cut + r->size * r->size);
  }
}

static void find_step(wg_sphere_joint *t, double mu, bool corrected) {
  aim(t, mu, corrected);
  answer(t);
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    solve(t);
    take_out_pins(t, t->x);
    answer(t);
  }
  find_step_q(t, true);
  move_blocks(t);
}

/* ---- steps ---- */

static int step_limit(wg_sphere_joint *t, double *limit) {
  *limit = INFINITY;
  for (int64_t e = 0; e < t->count; e++) *limit = WG_MIN(*limit, wg_pair_limit(&t->pair[e]));
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++)
      if (t->step[side][i] < 0.0) *limit = WG_MIN(*limit, -t->dual[side][i] / t->step[side][i]);
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    double *q = t->cut, *s = t->cut + r->size * r->size;
    cut(t, r, t->step_q, q);
    cut(t, r, t->step_s, s);
    const int status = wg_relation_limit(r, q, s, limit);
    if (status) return status;
  }
  return isnan(*limit) ? 1 : WG_OK;
}

/* The blocks' part of a step, and Q, under the present moment. */
static int advance_blocks(wg_sphere_joint *t, double step) {
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    double *q = t->cut, *s = t->cut + r->size * r->size;
    cut(t, r, t->step_q, q);
    cut(t, r, t->moment, s);
    WG_TRY(wg_relation_advance(r, step, q, s));
  }
  gather_q(t);
  return WG_OK;
}

static int advance(wg_sphere_joint *t, double step) {
  for (int64_t e = 0; e < t->count; e++) wg_pair_advance(&t->pair[e], step);
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++) t->dual[side][i] += step * t->step[side][i];
  find_moment(t);
  return advance_blocks(t, step);
}

static int linearise(wg_sphere_joint *t) {
  for (int64_t e = 0; e < t->count; e++) {
    const double dual[2] = {t->dual[0][t->pair[e].end[0]], t->dual[1][t->pair[e].end[1]]};
    if (wg_pair_scale(&t->pair[e], dual)) return 1;
  }
  for (int64_t b = 0; b < t->blocks; b++) {
    const int status = wg_relation_linearise(&t->relation[b]);
    if (status) return status;
  }
  see_pairs(t);
  find_rest(t);
  return factor(t);
}

static void correct(wg_sphere_joint *t) {
  for (int64_t e = 0; e < t->count; e++) wg_pair_correct(&t->pair[e]);
  for (int64_t b = 0; b < t->blocks; b++) {
    wg_relation *r = &t->relation[b];
    if (r->form != WG_RELATION_SPECTRAL) continue;
    wg_cone_correct(&r->low);
    if (r->k > 1.0) wg_cone_correct(&r->high);
  }
}

/* No pair is far behind the others. */
static bool is_central(const wg_sphere_joint *t, double mu) {
  for (int64_t e = 0; e < t->count; e++)
    if (wg_pair_gap(&t->pair[e]) < 2.0 * mu) return false;
  return true;
}

/* Mehrotra's predictor and corrector; 1 where precision is used up. */
static int make_step(wg_sphere_joint *t) {
  double terms, limit;
  const double mu = complementarity(t, &terms) / terms;
  int status = linearise(t);
  if (status == WG_OK) {
    find_step(t, 0.0, false);
    status = step_limit(t, &limit);
  }
  if (status) return status;
  const double miss = 1.0 - WG_MIN(limit, 1.0);
  correct(t);
  find_step(t, WG_MIN(WG_MAX(miss * miss, 1e-3), 0.5) * mu, true);
  if ((status = step_limit(t, &limit))) return status;
  if (limit < 0.3) {
    find_step(t, is_central(t, mu) ? 0.5 * mu : mu, false);
    if ((status = step_limit(t, &limit))) return status;
  }
  if (!(limit > 1e-6)) return 1;
  return advance(t, WG_MIN(1.0, 0.8 * limit));
}

int wg_joint_solve(wg_sphere_joint *t, double error, int64_t *steps) {
  double terms;
  const double goal = error / t->total;
  int status = WG_OK;
  if (!t->count) {
    WG_TRY(start(t));
  } else {
    const double sum = complementarity(t, &terms);
    WG_TRY(take_pairs(t, sum / terms));
    memset(t->step_q, 0, (size_t)(t->d * t->d) * sizeof(double));
    WG_TRY(advance_blocks(t, 0.0));
  }
  double least = INFINITY;
  for (int step = 0, stale = 0; status == WG_OK && step < MOST_STEPS; step++) {
    const double gap = complementarity(t, &terms) + discrepancy(t);
    stale = gap < 0.95 * least ? 0 : stale + 1;
    least = WG_MIN(least, gap);
    if (gap <= goal || wg_watch_poll(&t->pool->context->watch)) return WG_OK;
    if (stale > PATIENCE) return 1;
    ++*steps;
    status = make_step(t);
  }
  return status;
}

void wg_joint_get(const wg_sphere_joint *t, double *q, double *g0, double *g1, double *c) {
  double *const g[2] = {t->kept ? g1 : g0, t->kept ? g0 : g1};
  memcpy(q, t->q, (size_t)(t->d * t->d) * sizeof(double));
  for (int64_t e = 0; e < t->count; e++) {
    g[0][e] = t->total * t->pair[e].p.a;
    g[1][e] = t->total * t->pair[e].p.b;
    c[e] = t->total * t->pair[e].p.c;
  }
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->n[side]; i++)
      t->pool->log_dual[side ^ t->kept][i] = log(t->dual[side][i]);
}
