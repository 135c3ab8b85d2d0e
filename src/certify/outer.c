/* The global lower bound of W2 for Schatten 1/2 <= p < 1 in the plane, rounding included.
 *
 * The setting. Moments are points z = (s11 + s22, s11 - s22, 2 s12) = (t, u, v) of space; with r =
 * |(u, v)| the eigenvalues are (t +- r) / 2, so PSD is the cone r <= t. A cut (Q, f, g) proves a
 * half-space n.z >= c that holds all Sigma_P (wg_cert_lower_half). gamma_p is concave and monotone
 * on the cone and at least the trace t. So W2 >= min(T, min gamma_p over the z of the cone with
 * t <= T that satisfy every cut), for any T.
 *
 * The search. {r <= t <= T} lies in a square pyramid, which is two tetrahedra. Pieces wait in a
 * heap, the lowest bound first. The lowest piece is sliced by the half-space that its worst vertex
 * violates most; what is left is one tetrahedron, or a prism, which is three. Points outside the
 * cone that no cut removes are removed by the cone's tangent plane: t >= (u, v).e holds for every
 * unit e and needs no proof. When no half-space cuts the lowest piece, its bound is the answer. No
 * adjacency of faces is ever computed, so degenerate polytopes are no special case.
 *
 * What is proved, at every moment: a z of the cone with t <= T that satisfies all cuts and is in no
 * piece's hull, fattened by that piece's radius, does not exist, except where gamma_p is above the
 * heap's lowest bound.
 * - Slicing. Let z = y + w, y in the hull of vertices x_i, |w| <= rho. n.z >= c gives n.y - c + |n|
 *   rho >= 0. Put A_i >= n.x_i - c + |n| rho, its rounding error included, and let A be affine with
 *   A(x_i) = A_i: then A(y) >= 0, and {A >= 0} is cut out of the tetrahedron exactly, with new
 *   vertices at share A_i / (A_i - A_j) of an edge. A computed vertex misses the exact one by at
 *   most u (6 |d| + 2 |x|) summed over coordinates, d the edge: that is added to the radius.
 * - Bound of a piece. The least gamma_p on a fattened hull cut with the cone is taken at an extreme
 *   point, which is x_i + w at a vertex or lies on the cone. |w| <= rho moves no eigenvalue by more
 *   than rho: at a vertex with t - r > 2 rho, gamma_p(x_i + w) >= gamma_p(x_i - rho I); at the
 *   others gamma_p >= trace >= t_i - rho. On the cone gamma_p is the trace. There t - r of y is at
 *   most 2 rho; t - r is concave, so the weights c of y have sum c_i e_i <= 0, e_i = t_i - r_i - 2
 *   rho, and the least sum c_i t_i under that is at a vertex with e_i <= 0 or where an edge has
 *   e = 0.
 * - gamma_p at a point is evaluated with t rounded down, r up, and lowered by 64 u (pow within two
 *   units, see gauge/upper.c).
 * Coordinates are first divided by a power of two that brings T below one; normals likewise.
 *
 * Loss: some u T per slice, in the eigenvalues. margin multiplies the radius, and (margin - 1)
 * 1e-11 T is taken off the result, for another machine's slices. Cost some hundred pieces, each
 * O(cuts); memory 120 bytes a piece. Source: theory 3.3; Horst & Tuy, Global Optimization, ch. VI
 * (outer approximation). */
#include <float.h>
#include <string.h>

#include "certify/certify.h"

enum { CORNERS = 4, MOST_PIECES = 1 << 16 };

typedef struct piece {
  double bound, radius;
  double at[CORNERS][3];
} piece;

/* A half-space in the scaled coordinates. */
typedef struct half {
  double normal[3], least;
  double norm;  /* |normal|, from above                                               */
  double error; /* of normal . x - least at any vertex: |t|, |u|, |v| are at most one */
} half;

typedef struct hunt {
  const wg_cert_outer_task *task;
  int exponent; /* given coordinates = 2^exponent times those here */
  double ceiling, target;
  int64_t count;
  half *halves;
  int64_t *origin; /* index among the given halves */
  piece *heap;
  int64_t size, capacity;
  wg_mem *mem;
} hunt;

static double up(double value) { return nextafter(value, INFINITY); }

/* ---- gamma_p, from below ---- */

/* r of a point, from above. */
static double spread(const double at[3]) { return hypot(at[1], at[2]) * (1.0 + 8.0 * WG_UNIT); }

/* At a PSD matrix whose trace is at least t and whose eigenvalues differ by at most r. */
static double gauge_below(double p, double t, double r) {
  if (!(t > 0.0)) return 0.0;
  if (r >= t) return t;
  double top = 0.5 * (t + r) * (1.0 - 2.0 * WG_UNIT);
  double ratio = 0.5 * (t - r) * (1.0 - 2.0 * WG_UNIT) / top;
  return top * pow(1.0 + pow(ratio, p), 1.0 / p) * (1.0 - 64.0 * WG_UNIT);
}

/* The least trace where an edge from a vertex with e > 0 to one with e <= 0 has e = 0. */
static double trace_between(const piece *t, const double excess[CORNERS], int i) {
  double least = INFINITY;
  for (int j = 0; j < CORNERS; j++) {
    if (excess[j] > 0.0) continue;
    const double low = t->at[i][0], share = excess[i] / (excess[i] - excess[j]);
    least = WG_MIN(least, low + share * (t->at[j][0] - low));
  }
  return least;
}

/* gamma_p of the piece's PSD part, from below. */
static double piece_bound(double p, const piece *t) {
  double excess[CORNERS], bound = INFINITY;
  for (int i = 0; i < CORNERS; i++)
    excess[i] = t->at[i][0] - spread(t->at[i]) - 2.0 * t->radius - 8.0 * WG_UNIT;
  for (int i = 0; i < CORNERS; i++) {
    double value = t->at[i][0];
    if (excess[i] > 0.0) {
      const double moved = t->at[i][0] - 2.0 * t->radius - 4.0 * WG_UNIT;
      value = WG_MIN(gauge_below(p, moved, spread(t->at[i])), trace_between(t, excess, i));
    }
    bound = WG_MIN(bound, value);
  }
  return bound - t->radius - 8.0 * WG_UNIT;
}

/* ---- half-spaces ---- */

static half make_half(const double normal[3], double least) {
  half h = {.least = least};
  double sum = fabs(least);
  for (int k = 0; k < 3; k++) {
    h.normal[k] = normal[k];
    sum += fabs(normal[k]);
    h.norm += normal[k] * normal[k];
  }
  h.norm = sqrt(h.norm) * (1.0 + 8.0 * WG_UNIT);
  h.error = 6.0 * WG_UNIT * sum + 1e-300;
  return h;
}

/* A_i of the opening comment, from above. */
static double height(const half *h, const double at[3], double radius) {
  double value = (h->normal[0] * at[0] + h->normal[1] * at[1]) + h->normal[2] * at[2] - h->least;
  return value + 1.0625 * (h->error + h->norm * radius);
}

/* Below this a vertex is worth a slice: planes that made a vertex never cut it again. */
static double worthwhile(const half *h) { return -2.0 * h->error; }

/* The tangent plane of the cone before a point outside it. */
static half tangent(const double at[3]) {
  double r = hypot(at[1], at[2]), e1 = at[1] / r, e2 = at[2] / r;
  const double normal[3] = {hypot(e1, e2) * (1.0 + 8.0 * WG_UNIT), -e1, -e2};
  return make_half(normal, 0.0);
}

static bool outside_cone(const piece *t, int i) {
  if (!(hypot(t->at[i][1], t->at[i][2]) > t->at[i][0])) return false;
  const half h = tangent(t->at[i]);
  return height(&h, t->at[i], t->radius) < worthwhile(&h);
}

/* The given half-spaces in scaled coordinates; those that say nothing are left out. */
static int scale_halves(hunt *s) {
  const wg_cert_outer_task *task = s->task;
  s->halves = WG_NEW(s->mem, half, task->count);
  s->origin = WG_NEW(s->mem, int64_t, task->count);
  if (!s->halves || !s->origin) return wg_no_memory();
  for (int64_t k = 0; k < task->count; k++) {
    const wg_cert_half *given = &task->halves[k];
    double normal[3];
    const double *n = given->normal, most = fmax(fabs(n[0]), fmax(fabs(n[1]), fabs(n[2])));
    if (!(most > 0.0 && isfinite(n[0] + n[1] + n[2]))) continue;
    const int exponent = ilogb(most);
    for (int i = 0; i < 3; i++) normal[i] = ldexp(given->normal[i], -exponent);
    const double least = ldexp(given->least, -exponent - s->exponent);
    if (!isfinite(least)) continue;
    s->origin[s->count] = k;
    s->halves[s->count++] = make_half(normal, least);
  }
  return WG_OK;
}

/* ---- the heap of pieces ---- */

static int push(hunt *s, piece added) {
  if (s->size == s->capacity) {
    const int64_t capacity = 2 * s->capacity + 64;
    piece *heap = WG_GROW(s->mem, s->heap, piece, capacity);
    if (!heap) return wg_no_memory();
    s->heap = heap;
    s->capacity = capacity;
  }
  int64_t at = s->size++;
  for (; at > 0 && s->heap[(at - 1) / 2].bound > added.bound; at = (at - 1) / 2)
    s->heap[at] = s->heap[(at - 1) / 2];
  s->heap[at] = added;
  return WG_OK;
}

static piece pop(hunt *s) {
  const piece lowest = s->heap[0], moved = s->heap[--s->size];
  int64_t at = 0;
  for (int64_t child; (child = 2 * at + 1) < s->size; at = child) {
    if (child + 1 < s->size && s->heap[child + 1].bound < s->heap[child].bound) child++;
    if (s->heap[child].bound >= moved.bound) break;
    s->heap[at] = s->heap[child];
  }
  s->heap[at] = moved;
  return lowest;
}

/* ---- slicing ---- */

/* The point of edge i j where A vanishes, and what computing it may have cost. */
static void cross(const piece *t, const double *a, int i, int j, double at[3], double *cost) {
  const double share = a[i] / (a[i] - a[j]);
  double error = 1e-300;
  for (int k = 0; k < 3; k++) {
    const double edge = t->at[j][k] - t->at[i][k];
    at[k] = t->at[i][k] + share * edge;
    error += WG_UNIT * (6.0 * fabs(edge) + 2.0 * fabs(at[k]));
  }
  *cost = WG_MAX(*cost, error);
}

static int push_child(hunt *s, const piece *parent, double cost, const double *corners[CORNERS]) {
  piece child = {.radius = up(parent->radius + s->task->margin * cost)};
  for (int i = 0; i < CORNERS; i++) memcpy(child.at[i], corners[i], sizeof child.at[i]);
  child.bound = WG_MAX(parent->bound, piece_bound(s->task->p, &child));
  return child.bound < s->target ? push(s, child) : WG_OK;
}

/* A prism with triangles a and b is three tetrahedra. */
static int push_prism(hunt *s, const piece *parent, double cost, double (*a)[3], double (*b)[3]) {
  const double *first[CORNERS] = {a[0], a[1], a[2], b[0]};
  const double *second[CORNERS] = {a[1], a[2], b[0], b[1]};
  const double *third[CORNERS] = {a[2], b[0], b[1], b[2]};
  WG_TRY(push_child(s, parent, cost, first));
  WG_TRY(push_child(s, parent, cost, second));
  return push_child(s, parent, cost, third);
}

/* Pushes what is left of t where A >= 0. */
static int slice(hunt *s, const piece *t, const half *h) {
  double a[CORNERS], cost = 0.0, near[3][3], far[3][3];
  int kept[CORNERS], gone[CORNERS], keeps = 0, goes = 0;
  for (int i = 0; i < CORNERS; i++) {
    a[i] = height(h, t->at[i], t->radius);
    if (a[i] >= 0.0)
      kept[keeps++] = i;
    else
      gone[goes++] = i;
  }
  if (keeps == 0) return WG_OK;
  if (keeps == 1) {
    for (int k = 0; k < 3; k++) cross(t, a, kept[0], gone[k], far[k], &cost);
    const double *corners[CORNERS] = {t->at[kept[0]], far[0], far[1], far[2]};
    return push_child(s, t, cost, corners);
  }
  if (keeps == 3) {
    for (int k = 0; k < 3; k++) {
      memcpy(near[k], t->at[kept[k]], sizeof near[k]);
      cross(t, a, kept[k], gone[0], far[k], &cost);
    }
    return push_prism(s, t, cost, near, far);
  }
  memcpy(near[0], t->at[kept[0]], sizeof near[0]);
  memcpy(far[0], t->at[kept[1]], sizeof far[0]);
  for (int k = 0; k < 2; k++) {
    cross(t, a, kept[0], gone[k], near[k + 1], &cost);
    cross(t, a, kept[1], gone[k], far[k + 1], &cost);
  }
  return push_prism(s, t, cost, near, far);
}

/* ---- the search ---- */

/* What is gained by cutting a vertex off: outside the cone first, then the lowest gamma. */
typedef struct corner {
  double value; /* gamma_p, or the trace outside the cone */
  double rank;
  bool outside;
} corner;

static void look_at_corners(const hunt *s, const piece *t, corner corners[CORNERS]) {
  const double outside_first = 4.0;
  for (int i = 0; i < CORNERS; i++) {
    const double trace = t->at[i][0];
    corners[i].outside = outside_cone(t, i);
    corners[i].value =
        corners[i].outside ? trace : gauge_below(s->task->p, trace, spread(t->at[i]));
    corners[i].rank = corners[i].value - (corners[i].outside ? outside_first : 0.0);
  }
}

/* The half-space that this vertex violates most, relative to its normal; NULL if it is in all. */
static const half *most_violated(const hunt *s, const double at[3], double radius) {
  const half *found = NULL;
  double deepest = 0.0;
  for (int64_t k = 0; k < s->count; k++) {
    const half *h = &s->halves[k];
    const double below = height(h, at, radius);
    if (below >= worthwhile(h) || below / h->norm >= deepest) continue;
    deepest = below / h->norm;
    found = h;
  }
  return found;
}

/* A given half-space that cuts the piece, by its best vertex for that; NULL if there is none. */
static const half *cutter(const hunt *s, const piece *t, const corner corners[CORNERS]) {
  const half *found = NULL;
  double best = INFINITY;
  for (int i = 0; i < CORNERS; i++) {
    if (corners[i].rank >= best) continue;
    const half *h = most_violated(s, t->at[i], t->radius);
    if (!h) continue;
    best = corners[i].rank;
    found = h;
  }
  return found;
}

static int lowest_value(const corner corners[CORNERS]) {
  int lowest = 0;
  for (int i = 1; i < CORNERS; i++)
    if (corners[i].value < corners[lowest].value) lowest = i;
  return lowest;
}

/* The vertex farthest outside the cone, or -1. */
static int farthest_outside(const piece *t, const corner corners[CORNERS]) {
  int farthest = -1;
  double most = 0.0;
  for (int i = 0; i < CORNERS; i++) {
    const double beyond = hypot(t->at[i][1], t->at[i][2]) - t->at[i][0];
    if (!corners[i].outside || beyond <= most) continue;
    most = beyond;
    farthest = i;
  }
  return farthest;
}

/* The bound is that of a vertex which nothing cuts off: no slice can raise it. */
static bool is_reached(const piece *t, const corner *lowest) {
  const double rounding = 1e-12;
  return !lowest->outside && t->bound >= lowest->value * (1.0 - rounding);
}

/* Slices the piece, or says that it stays: *stays, and for a probe the open point. */
static int treat(hunt *s, const piece *t, bool *stays, wg_cert_outer_report *report) {
  corner corners[CORNERS];
  look_at_corners(s, t, corners);
  const half *h = cutter(s, t, corners);
  if (h) {
    if (s->task->used) s->task->used[s->origin[h - s->halves]] = true;
    return slice(s, t, h);
  }
  const int lowest = lowest_value(corners), farthest = farthest_outside(t, corners);
  report->open = s->task->probe && corners[lowest].value < s->target;
  if (report->open)
    for (int k = 0; k < 3; k++) report->point[k] = ldexp(t->at[lowest][k], s->exponent);
  *stays = report->open || farthest < 0 || is_reached(t, &corners[lowest]);
  if (*stays) return WG_OK;
  const half cap = tangent(t->at[farthest]);
  return slice(s, t, &cap);
}

/* The pyramid over the square |u|, |v| <= T at height T, as two tetrahedra. */
static int push_pyramid(hunt *s) {
  const double high = s->ceiling, apex[3] = {0};
  const double base[4][3] = {
      {high, high, high}, {high, high, -high}, {high, -high, -high}, {high, -high, high}};
  const piece nothing = {0};
  const double *first[CORNERS] = {apex, base[0], base[1], base[2]};
  const double *second[CORNERS] = {apex, base[0], base[2], base[3]};
  WG_TRY(push_child(s, &nothing, 0.0, first));
  return push_child(s, &nothing, 0.0, second);
}

/* The scaled bound. Pieces at target or above are never kept. */
static int hunt_down(hunt *s, double *bound, wg_cert_outer_report *report) {
  bool stays = false;
  *bound = s->target;
  WG_TRY(scale_halves(s));
  WG_TRY(push_pyramid(s));
  for (int64_t treated = 0; s->size > 0; treated++) {
    const piece lowest = pop(s);
    *bound = lowest.bound;
    if (treated == MOST_PIECES) return WG_OK;
    WG_TRY(treat(s, &lowest, &stays, report));
    if (stays) return WG_OK;
  }
  *bound = s->target;
  return WG_OK;
}

int wg_cert_outer(wg_mem *mem, const wg_cert_outer_task *task, wg_cert_outer_report *report) {
  *report = (wg_cert_outer_report){0};
  if (!(task->ceiling >= DBL_MIN && task->ceiling <= 0.25 * DBL_MAX)) return WG_OK;
  hunt s = {.task = task, .mem = mem, .exponent = ilogb(task->ceiling) + 1};
  s.ceiling = ldexp(task->ceiling, -s.exponent);
  s.target = WG_MIN(s.ceiling, ldexp(task->target, -s.exponent));
  double bound;
  const int status = hunt_down(&s, &bound, report);
  wg_drop(mem, s.heap);
  wg_drop(mem, s.halves);
  wg_drop(mem, s.origin);
  bound -= (task->margin - 1.0) * 1e-11 * s.ceiling;
  if (bound > 0.0) report->bound = nextafter(ldexp(bound, s.exponent), 0.0);
  return status;
}

/* ---- a list of cuts ---- */

static int cut_halves(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                      const wg_cert_cuts *cuts, double margin, wg_cert_half *halves,
                      wg_cert_cuts_report *report) {
  for (int64_t k = 0; k < cuts->count; k++) {
    wg_cert_lower_report lower;
    const wg_cert_potentials potentials = {.f = cuts->f + k * data->n, .g = cuts->g + k * data->m};
    WG_TRY(wg_cert_lower_half(context, data, spec, cuts->q + 4 * k, &potentials, margin, &halves[k],
                              &lower));
    if (lower.row < 0 || (report->worst >= 0 && lower.violation <= report->lower.violation))
      continue;
    report->worst = k;
    report->lower = lower;
  }
  return WG_OK;
}

int wg_cert_cuts_bound(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                       const wg_cert_cuts *cuts, double ceiling, double margin,
                       wg_cert_cuts_report *report) {
  wg_mem mem = wg_mem_of(&context->ledger);
  wg_cert_cuts_report result = {.worst = -1};
  wg_cert_outer_report outer = {0};
  wg_cert_half *halves = WG_NEW(&mem, wg_cert_half, cuts->count);
  int status =
      halves ? cut_halves(context, data, spec, cuts, margin, halves, &result) : wg_no_memory();
  const wg_cert_outer_task task = {.p = spec->blocks[0].p,
                                   .count = cuts->count,
                                   .halves = halves,
                                   .ceiling = ceiling,
                                   .target = ceiling,
                                   .margin = margin};
  if (status == WG_OK) status = wg_cert_outer(&mem, &task, &outer);
  wg_mem_clear(&mem);
  result.bound = outer.bound;
  if (status == WG_OK) *report = result;
  return status;
}
