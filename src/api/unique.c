/* Is there one optimum only? What can be said at the tolerance of a solve.
 *
 * With a gap of eps, two things that differ by less in value cannot be told apart. Shares of mass
 * and of Q below sqrt(eps / W2) are ignored, and so is slack below sqrt(eps / W2) W2: by
 * complementary slackness every optimal plan has all but that share on pairs within that slack
 * (docs/theory/optimum.md, 1). On what is left:
 *
 * NO is said when a second solution has been built: a plan that sends mass around a circuit of
 * tight pairs and whose gauge is as small within eps times the mass moved; a Q some way off along
 * the least determined direction, with potentials that prove as much within eps; or, for the
 * potentials, a set of points that no tight pair leaves. YES is said when the linear conditions for
 * a second solution have none: no combination of circuits leaves alone what Q holds fixed of Sigma
 * (for the plan), no direction of the face of Q has an exact pair of potentials on the plan's
 * support (for Q). At the exact optimum these conditions prove uniqueness; here their rank is
 * judged numerically, as any rank is. UNKNOWN is everything else, among it any system of more than
 * LARGEST unknowns.
 *
 * Potentials that meet a form on a forest turn circuits into rows (theory 3.2): cost O(arcs x
 * forms), memory (n + m + circuits) x forms, beside the look at all pairs of tight.c.
 */
#include <string.h>

#include "api/optimum.h"

enum { LARGEST = 512, MOST_ROWS = 4 * LARGEST, MOST_REROUTES = 64, MOST_MIXTURES = 8 };
static const double most_labels = 1e8;   /* numbers at the nodes */
static const double least_rank = 1e-10;  /* of squared singular values */
static const double worst_gap = 1e-2;    /* relative; above it nothing can be said */
static const double least_reroute = 0.1; /* of the smallest weight on the circuit */

typedef struct judge {
  const wg_solver *s;
  wg_context context; /* of certify/, which is asked about other Q */
  wg_mem mem;
  wg_distinct p;
  wg_resolution resolution;
  bool complete;           /* no tight pair was left out                             */
  bool steady;             /* plans that may be optimal beside this one have its gradients */
  bool other_gradient;     /* one that is as good has not                             */
  bool q_seen;             /* the other Q differs on what the plan moves              */
  wg_circuits heavy, kept; /* the plan's support; with the tight pairs that mass can use */
} judge;

wg_resolution wg_resolution_of(const wg_solver *s) {
  const double rounding = 1e-13, upper = s->info.upper;
  const double gap = WG_MAX(upper - s->info.lower, rounding * upper);
  const double share = upper > 0.0 ? WG_MIN(1.0, sqrt(gap / upper)) : sqrt(rounding);
  return (wg_resolution){gap, share, share * upper};
}

/* ---- forms on a graph ---- */

/* values: every form of the face at the displacement from x to y, in the basis of the face. */
static void evaluate_forms(const wg_face *face, const double *x, const double *y, double *values) {
  const double root2 = sqrt(2.0);
  for (int64_t k = 0; k < face->count; k++) {
    const wg_form *form = &face->forms[k];
    values[k] = 0.0;
    for (int64_t i = 0; form->weights && i < face->d; i++)
      values[k] += form->weights[i] * (y[i] - x[i]) * (y[i] - x[i]);
    if (!form->weights) values[k] = root2 * (y[form->i] - x[form->i]) * (y[form->j] - x[form->j]);
  }
}

/* The points in the basis of a face, and forms at arcs and nodes of a graph. */
typedef struct fit {
  const wg_circuits *graph;
  const wg_face *face;
  double *x, *y;   /* n x d, m x d                                       */
  double *labels;  /* (n + m) x forms: they meet every form on the forest */
  int64_t rows;    /* of loops that are looked at                         */
  double *rests;   /* rows x forms: what is left on loops, of length one  */
  double *lengths; /* rows: before; zero rows have zero length            */
} fit;

static void fit_forest(fit *f) {
  const wg_circuits *graph = f->graph;
  const int64_t k = f->face->count, d = f->face->d;
  for (int64_t at = 0; at < graph->n + graph->m; at++) {
    const int64_t v = graph->order[at], e = graph->parent[v];
    if (e < 0) continue;
    const int64_t row = graph->arcs[e].row, col = graph->arcs[e].col;
    double *here = f->labels + v * k;
    const double *other = f->labels + (v == row ? graph->n + col : row) * k;
    evaluate_forms(f->face, f->x + row * d, f->y + col * d, here);
    for (int64_t i = 0; i < k; i++) here[i] -= other[i];
  }
}

/* Circuits whose forms cancel to rounding count as zero. */
static void fit_loops(fit *f, double scale) {
  const double rounding = 1e-11;
  const int64_t k = f->face->count, d = f->face->d;
  for (int64_t r = 0; r < f->rows; r++) {
    const wg_arc *arc = &f->graph->arcs[f->graph->loop[r]];
    const double *row = f->labels + arc->row * k, *col = f->labels + (f->graph->n + arc->col) * k;
    double *rest = f->rests + r * k;
    evaluate_forms(f->face, f->x + arc->row * d, f->y + arc->col * d, rest);
    for (int64_t i = 0; i < k; i++) rest[i] -= row[i] + col[i];
    const double length = sqrt(wg_la_dot(k, rest, rest));
    f->lengths[r] = length > rounding * scale ? length : 0.0;
    for (int64_t i = 0; i < k; i++) rest[i] = f->lengths[r] > 0.0 ? rest[i] / length : 0.0;
  }
}

/* The longest squared displacement of the plan. */
static double longest_step2(const wg_distinct *p) {
  double longest = 0.0;
  for (int64_t e = 0; e < p->count; e++) {
    const double *x = p->x + p->arcs[e].row * p->d, *y = p->y + p->arcs[e].col * p->d;
    double step2 = 0.0;
    for (int64_t k = 0; k < p->d; k++) step2 += (y[k] - x[k]) * (y[k] - x[k]);
    longest = WG_MAX(longest, step2);
  }
  return longest;
}

static int make_fit(judge *j, const wg_circuits *graph, const wg_face *face, fit *f) {
  const int64_t n = j->p.n, m = j->p.m, d = j->p.d, k = face->count;
  *f = (fit){.graph = graph, .face = face, .rows = WG_MIN(graph->loops, (int64_t)MOST_ROWS)};
  f->x = WG_NEW(&j->mem, double, n *d);
  f->y = WG_NEW(&j->mem, double, m *d);
  f->labels = WG_NEW(&j->mem, double, (n + m) * k);
  f->rests = WG_NEW(&j->mem, double, f->rows *k);
  f->lengths = WG_NEW(&j->mem, double, f->rows);
  if (!f->x || !f->y || !f->labels || !f->rests || !f->lengths) return wg_no_memory();
  wg_la_gemm(false, true, n, d, d, 1.0, j->p.x, d, face->basis, d, 0.0, f->x, d);
  wg_la_gemm(false, true, m, d, d, 1.0, j->p.y, d, face->basis, d, 0.0, f->y, d);
  fit_forest(f);
  fit_loops(f, longest_step2(&j->p));
  return WG_OK;
}

/* Eigenvalues and eigenvectors of the products of rests' rows (or columns): combinations of rows
 * that cancel have eigenvalue zero. */
typedef struct rank_test {
  int64_t size;
  double *values, *vectors; /* decreasing; row i belongs to values[i] */
} rank_test;

static int test_rank(judge *j, const fit *f, bool of_columns, rank_test *test) {
  const int64_t k = f->face->count, r = f->rows, size = of_columns ? k : r;
  double *gram = WG_NEW(&j->mem, double, size *size);
  *test = (rank_test){size, WG_NEW(&j->mem, double, size), WG_NEW(&j->mem, double, size *size)};
  if (!gram || !test->values || !test->vectors) return wg_no_memory();
  if (r > 0 && k > 0)
    wg_la_gemm(of_columns, !of_columns, size, size, of_columns ? r : k, 1.0, f->rests, k, f->rests,
               k, 0.0, gram, size);
  return wg_la_eigh(size, gram, test->values, test->vectors);
}

static bool is_null(const rank_test *test, int64_t i) {
  return !(test->values[i] > least_rank * test->values[0]);
}

/* ---- the plan ---- */

/* Adds mass * (y - x)(y - x)' of an arc to moment. */
static void add_step(const wg_distinct *p, const wg_arc *arc, double mass, double *moment) {
  const double *x = p->x + arc->row * p->d, *y = p->y + arc->col * p->d;
  for (int64_t k = 0; k < p->d; k++)
    for (int64_t l = 0; l < p->d; l++) moment[k * p->d + l] += mass * (y[k] - x[k]) * (y[l] - x[l]);
}

/* Whether a plan with this moment, which differs by so much mass, is optimal as far as this solve
 * can tell: its share of the gap, or moving little would always be as good. */
static int is_as_good(judge *j, const double *moment, double mass, bool *good) {
  const double rounding = 1e-14;
  double here, there;
  WG_TRY(wg_gauge_value(&j->s->spec, j->s->moment, &j->mem, &here));
  WG_TRY(wg_gauge_value(&j->s->spec, moment, &j->mem, &there));
  *good = there <= here + mass * j->resolution.gap + rounding * here;
  return WG_OK;
}

typedef struct scratch {
  int64_t *path;          /* n + m: a circuit            */
  double *rest, *flow;    /* n + m; by arc               */
  double *moment;         /* d x d                       */
  double *steps, *forces; /* (n + m) x d: of is_steady() */
} scratch;

static int make_scratch(judge *j, scratch *room) {
  const int64_t nodes = j->p.n + j->p.m, d = j->p.d;
  *room = (scratch){WG_NEW(&j->mem, int64_t, nodes),        WG_NEW(&j->mem, double, nodes),
                    WG_NEW(&j->mem, double, j->kept.count), WG_NEW(&j->mem, double, d *d),
                    WG_NEW(&j->mem, double, nodes *d),      WG_NEW(&j->mem, double, nodes *d)};
  const bool all = room->path && room->rest && room->flow && room->moment && room->steps;
  return all && room->forces ? WG_OK : wg_no_memory();
}

/* flow: the i-th combination of the rank test on the loops, and on the forest what keeps the
 * marginals. */
static void null_flow(const wg_circuits *graph, const fit *f, const rank_test *test, int64_t i,
                      double *rest, double *flow) {
  memset(rest, 0, (size_t)(graph->n + graph->m) * sizeof *rest);
  memset(flow, 0, (size_t)graph->count * sizeof *flow);
  for (int64_t k = 0; k < graph->loops; k++) {
    const int64_t e = graph->loop[k];
    const double amount = test->vectors[i * test->size + k]; /* of a row of length one */
    flow[e] = f->lengths[k] > 0.0 ? amount / f->lengths[k] : amount;
    rest[graph->arcs[e].row] -= flow[e];
    rest[graph->n + graph->arcs[e].col] -= flow[e];
  }
  for (int64_t at = graph->n + graph->m - 1; at >= 0; at--) {
    const int64_t v = graph->order[at], e = graph->parent[v];
    if (e < 0) continue;
    const int64_t row = graph->arcs[e].row, col = graph->n + graph->arcs[e].col;
    flow[e] = rest[v];
    rest[v == row ? col : row] -= rest[v];
  }
}

/* How often the flow can be added, times sign; 0 when that is too little to be another plan. */
static double flow_room(const judge *j, const double *flow, double sign) {
  double room = INFINITY, largest = 0.0, least = INFINITY;
  for (int64_t e = 0; e < j->kept.count; e++) largest = WG_MAX(largest, fabs(flow[e]));
  for (int64_t e = 0; e < j->kept.count; e++) {
    const wg_arc *arc = &j->kept.arcs[e];
    if (fabs(flow[e]) <= 1e-9 * largest) continue;
    least = WG_MIN(least, WG_MIN(j->p.a[arc->row], j->p.b[arc->col]));
    if (sign * flow[e] < 0.0) room = WG_MIN(room, arc->mass / fabs(flow[e]));
  }
  return isfinite(room) && room * largest >= least_reroute * least ? sign * room : 0.0;
}

/* Whether adding the flow to the plan moves no gradient: Q sum_j flow_ij (y_j - x_i) = 0 for every
 * row, and for every column. */
static bool is_steady(const judge *j, const scratch *room) {
  const double rounding = 1e-5, *flow = room->flow;
  double *steps = room->steps, *forces = room->forces;
  const int64_t d = j->p.d, nodes = j->p.n + j->p.m;
  double largest = 0.0, moved = 0.0;
  memset(steps, 0, (size_t)(nodes * d) * sizeof *steps);
  for (int64_t e = 0; e < j->kept.count; e++) {
    const wg_arc *arc = &j->kept.arcs[e];
    double *row = steps + arc->row * d, *col = steps + (j->p.n + arc->col) * d;
    largest = WG_MAX(largest, fabs(flow[e]));
    for (int64_t k = 0; k < d; k++) {
      const double step = flow[e] * (j->p.y[arc->col * d + k] - j->p.x[arc->row * d + k]);
      row[k] += step;
      col[k] += step;
    }
  }
  wg_la_gemm(false, false, nodes, d, d, 1.0, steps, d, j->p.q, d, 0.0, forces, d);
  for (int64_t i = 0; i < nodes * d; i++) moved = WG_MAX(moved, fabs(forces[i]));
  const double length = sqrt(wg_la_dot(d * d, j->p.q, j->p.q) * longest_step2(&j->p));
  return moved <= rounding * largest * length;
}

/* Looks for a plan as good as this one along room->flow, either way. */
static int try_flow(judge *j, const scratch *room, bool *found) {
  const int64_t square = j->s->d * j->s->d;
  const double *flow = room->flow;
  double *moment = room->moment;
  for (double sign = 1.0; sign >= -1.0 && !*found; sign -= 2.0) {
    const double amount = flow_room(j, flow, sign);
    if (amount == 0.0) continue;
    memcpy(moment, j->s->moment, (size_t)square * sizeof *moment);
    double mass = 0.0; /* each is taken away once and added once */
    for (int64_t e = 0; e < j->kept.count; e++) {
      if (flow[e] != 0.0) add_step(&j->p, &j->kept.arcs[e], amount * flow[e], moment);
      mass += 0.5 * fabs(amount * flow[e]);
    }
    WG_TRY(is_as_good(j, moment, mass, found));
  }
  j->other_gradient |= *found && !is_steady(j, room);
  return WG_OK;
}

/* The plan against others along single circuits. */
static int try_circuits(judge *j, scratch *room, bool *found) {
  int64_t length;
  for (int64_t k = 0; k < WG_MIN(j->kept.loops, (int64_t)MOST_REROUTES) && !*found; k++) {
    WG_TRY(wg_circuits_reroute(&j->kept, &j->mem, j->kept.loop[k], room->path, &length));
    memset(room->flow, 0, (size_t)j->kept.count * sizeof *room->flow);
    for (int64_t i = 0; i < length; i++) room->flow[room->path[i]] = i % 2 ? -1.0 : 1.0;
    if (length) WG_TRY(try_flow(j, room, found));
  }
  return WG_OK;
}

/* The plan against others along combinations of circuits that leave Sigma as it is where it
 * matters; all of them, for whether any moves the gradients. */
static int try_mixtures(judge *j, const fit *f, const rank_test *test, scratch *room, bool *found) {
  const int64_t last = test->size - MOST_MIXTURES;
  j->steady = true;
  for (int64_t i = test->size - 1; i >= 0 && is_null(test, i); i--) {
    null_flow(&j->kept, f, test, i, room->rest, room->flow);
    j->steady &= is_steady(j, room);
    if (!*found && i >= last) WG_TRY(try_flow(j, room, found));
  }
  return WG_OK;
}

static int judge_plan(judge *j, int *verdict) {
  bool found = false;
  wg_face face;
  fit f;
  rank_test test;
  scratch room;
  *verdict = j->complete ? WG_UNIQUE_YES : WG_UNIQUE_UNKNOWN;
  j->steady = j->kept.loops == 0;
  if (j->kept.loops == 0) return WG_OK;
  WG_TRY(make_scratch(j, &room));
  WG_TRY(try_circuits(j, &room, &found));
  *verdict = found ? WG_UNIQUE_NO : WG_UNIQUE_UNKNOWN;
  WG_TRY(wg_face_of_moments(&j->s->simple, j->s->q, j->s->moment, &j->resolution, &j->mem, &face));
  const double labels = (double)face.count * (double)(j->p.n + j->p.m);
  if (j->kept.loops > LARGEST || labels > most_labels) return WG_OK;
  WG_TRY(make_fit(j, &j->kept, &face, &f));
  WG_TRY(test_rank(j, &f, false, &test));
  WG_TRY(try_mixtures(j, &f, &test, &room, &found));
  if (found) *verdict = WG_UNIQUE_NO;
  if (!found && !is_null(&test, test.size - 1) && j->complete) *verdict = WG_UNIQUE_YES;
  return WG_OK;
}

/* ---- Q ---- */

/* What q and potentials f, g of the points as given prove. */
static int prove(judge *j, const double *q, const double *f, const double *g, double *bound) {
  const wg_solver *s = j->s;
  const wg_cert_data data = {s->n, s->m, s->d, s->x, s->a, s->y, s->b};
  wg_cert_lower_report report;
  const wg_cert_potentials potentials = {.f = f, .g = g};
  WG_TRY(wg_cert_lower(&j->context, &data, &s->minorant, q, &potentials, 1.0, &report));
  *bound = report.bound;
  return WG_OK;
}

/* out = given potentials + step * labels . direction, on the points as given. */
static void move_potentials(const wg_cloud *cloud, const double *given, int64_t forms,
                            const double *labels, const double *direction, double step,
                            double *out) {
  memcpy(out, given, (size_t)cloud->given * sizeof *out);
  for (int64_t k = 0; k < cloud->n; k++)
    for (int64_t at = cloud->first[k]; at < cloud->first[k + 1]; at++)
      out[cloud->members[at]] += step * wg_la_dot(forms, labels + k * forms, direction);
}

/* Whether the plan has steps that the move of Q acts on: then gradients move with it. */
static int note_seen(judge *j, const double *move) {
  const int64_t d = j->s->d;
  double *product = WG_NEW(&j->mem, double, d *d);
  if (!product) return wg_no_memory();
  wg_la_gemm(false, false, d, d, d, 1.0, move, d, j->s->moment, d, 0.0, product, d);
  const double square = wg_la_dot(d * d, product, product), rounding = 1e-3;
  const double most = wg_la_dot(d * d, move, move) * j->s->info.upper * j->s->info.upper;
  j->q_seen = square > rounding * rounding * most;
  return WG_OK;
}

/* Walks from Q along a direction of its face, both ways, with the potentials that stay exact on the
 * plan's support; *found: some way off as much is proved as here. */
static int find_other_q(judge *j, const fit *f, const double *direction, bool *found) {
  const wg_solver *s = j->s;
  const int64_t d = s->d, k = f->face->count;
  static const double steps[] = {0.1, -0.1, 0.01, -0.01}; /* of the length of Q */
  double *move = WG_NEW(&j->mem, double, d *d), *q = WG_NEW(&j->mem, double, d *d), bound;
  double *fx = WG_NEW(&j->mem, double, s->n), *gy = WG_NEW(&j->mem, double, s->m);
  if (!move || !q || !fx || !gy) return wg_no_memory();
  WG_TRY(wg_face_matrix(f->face, direction, &j->mem, move));
  const double length = sqrt(wg_la_dot(d * d, s->q, s->q) / wg_la_dot(d * d, move, move));
  *found = false;
  for (size_t t = 0; t < sizeof steps / sizeof *steps && !*found; t++) {
    const double step = steps[t] * length;
    if (fabs(steps[t]) < 2.0 * j->resolution.share) break;
    for (int64_t i = 0; i < d * d; i++) q[i] = s->q[i] + step * move[i];
    move_potentials(&s->cx, s->f, k, f->labels, direction, step, fx);
    move_potentials(&s->cy, s->g, k, f->labels + j->p.n * k, direction, step, gy);
    WG_TRY(prove(j, q, fx, gy, &bound));
    *found = bound >= s->info.lower - j->resolution.gap;
  }
  if (*found) WG_TRY(note_seen(j, move));
  return WG_OK;
}

static int judge_q(judge *j, int *verdict) {
  bool found = false;
  wg_face face;
  fit f;
  rank_test test;
  WG_TRY(wg_face_of_maximisers(&j->s->simple, j->s->moment, &j->resolution, &j->mem, &face));
  *verdict = face.count ? WG_UNIQUE_UNKNOWN : WG_UNIQUE_YES;
  if (face.count == 0 || face.count > LARGEST) return WG_OK;
  WG_TRY(make_fit(j, &j->heavy, &face, &f));
  WG_TRY(test_rank(j, &f, true, &test));
  WG_TRY(find_other_q(j, &f, test.vectors + (test.size - 1) * test.size, &found));
  if (found) *verdict = WG_UNIQUE_NO;
  if (!found && !is_null(&test, test.size - 1)) *verdict = WG_UNIQUE_YES;
  return WG_OK;
}

/* ---- all of it ---- */

static int make_graphs(judge *j) {
  wg_arc_list tight, kept = {0};
  wg_circuits all;
  wg_distinct *p = &j->p;
  wg_distinct_drop_crumbs(p, j->resolution.share);
  WG_TRY(wg_tight_arcs(p, j->resolution.slack, j->context.threads, &j->mem, &tight));
  j->complete = tight.complete;
  WG_TRY(wg_circuits_make(&j->mem, p->n, p->m, tight.count, tight.arcs, &all));
  WG_TRY(wg_circuits_prune(&all, &j->mem, &kept));
  WG_TRY(wg_circuits_make(&j->mem, p->n, p->m, kept.count, kept.arcs, &j->kept));
  return wg_circuits_make(&j->mem, p->n, p->m, p->count, p->arcs, &j->heavy);
}

/* Potentials are tied together by pairs that carry mass in this plan or in another one. */
static int judge_potentials(const judge *j, int q_verdict) {
  if (!j->complete) return WG_UNIQUE_UNKNOWN;
  if (j->kept.components > 1) return WG_UNIQUE_NO;
  return q_verdict == WG_UNIQUE_YES ? WG_UNIQUE_YES : WG_UNIQUE_UNKNOWN;
}

/* Equal points that ship to several places may not move apart smoothly: theory page, 3. */
static bool shares_unevenly(const wg_cloud *cloud, int64_t node, const wg_circuits *heavy) {
  for (int64_t k = 0; k < cloud->n; k++) {
    const int64_t partners = heavy->first[node + k + 1] - heavy->first[node + k];
    if (cloud->first[k + 1] - cloud->first[k] > 1 && partners > 1) return true;
  }
  return false;
}

static int judge_points(const judge *j, const wg_uniqueness *u) {
  const bool same_steps =
      u->plan == WG_UNIQUE_YES || (j->steady && j->complete && !j->other_gradient);
  if (shares_unevenly(&j->s->cx, 0, &j->heavy) || shares_unevenly(&j->s->cy, j->p.n, &j->heavy))
    return WG_UNIQUE_UNKNOWN;
  if (u->q == WG_UNIQUE_YES && same_steps) return WG_UNIQUE_YES;
  if (u->q == WG_UNIQUE_YES && j->other_gradient) return WG_UNIQUE_NO;
  return u->q == WG_UNIQUE_NO && j->q_seen && same_steps ? WG_UNIQUE_NO : WG_UNIQUE_UNKNOWN;
}

static int judge_all(judge *j, wg_uniqueness *u) {
  if (j->s->info.gap > worst_gap) return WG_OK;
  WG_TRY(wg_distinct_make(j->s, &j->mem, &j->p));
  WG_TRY(make_graphs(j));
  WG_TRY(judge_plan(j, &u->plan));
  WG_TRY(judge_q(j, &u->q));
  u->potentials = judge_potentials(j, u->q);
  u->weight_gradients = u->potentials;
  u->point_gradients = judge_points(j, u);
  return WG_OK;
}

/* The same measure twice: W2 = 0 <= any move's square, so its gradient in the points is zero. */
static void judge_equal(const wg_solver *s, wg_uniqueness *u) {
  u->plan = u->point_gradients = WG_UNIQUE_YES;
  u->q = u->q_radius == 0.0 ? WG_UNIQUE_YES : WG_UNIQUE_NO;
  u->potentials = u->weight_gradients = s->cx.n == 1 ? WG_UNIQUE_YES : WG_UNIQUE_NO;
}

static int judge_convex(judge *j, wg_uniqueness *u) {
  const wg_solver *s = j->s;
  WG_TRY(
      wg_face_radius(&s->simple, s->moment, s->info.upper - s->info.lower, &j->mem, &u->q_radius));
  if (s->info.upper > 0.0) return judge_all(j, u);
  judge_equal(s, u);
  return WG_OK;
}

int wg_get_uniqueness(const wg_solver *s, wg_uniqueness *u) {
  wg_clear_error();
  WG_TRY(wg_check_solved(s));
  if (!u) return wg_fail(WG_ERR_ARGUMENT, "uniqueness must not be NULL");
  wg_uniqueness found = {.struct_size = sizeof found,
                         .plan = WG_UNIQUE_UNKNOWN,
                         .q = WG_UNIQUE_UNKNOWN,
                         .potentials = WG_UNIQUE_UNKNOWN,
                         .point_gradients = WG_UNIQUE_UNKNOWN,
                         .weight_gradients = WG_UNIQUE_UNKNOWN,
                         .q_radius = INFINITY};
  judge j = {.s = s, .resolution = wg_resolution_of(s)};
  j.context.threads = s->context.threads;
  j.mem = wg_mem_of(&j.context.ledger);
  wg_watch_start(&j.context.watch, INFINITY, NULL, NULL);
  found.resolution = j.resolution.share;
  int status = wg_gauge_is_convex(&s->spec) ? judge_convex(&j, &found) : WG_OK;
  wg_mem_clear(&j.mem);
  if (status == WG_OK) *u = found;
  return status;
}
