/* Sums of a kernel over all pairs by two trees: barycentric Lagrange interpolation, independent of
 * the kernel (L. Wang, R. Krasny, S. Tlupova, A kernel-independent treecode based on barycentric
 * Lagrange interpolation, 2020), on both sides.
 *
 * A box of sources, shrunk to its points, seen from afar is replaced by (degree + 1)^d Chebyshev
 * points of the second kind that carry sum_j q_j l_k(y_j). Those of a leaf are made from its
 * points, those above from the box's halves, which is exact for polynomials of that degree. A box
 * of targets likewise stands for its points: what is far acts on its proxies, and gradient and phi
 * are interpolated from there to the proxies of the halves and to the points of leaves. What is
 * far from a large box is so found once for all its points. A side of length zero has one point, so
 * that lines and duplicates cost no more than they must. A box is far when the radii of both are at
 * most 0.55 of the distance of the centres (opening angle); what is near a leaf is summed point by
 * point. All in the loops of pairs_body.h, relative to the target's centre, which keeps float pairs
 * right at any distance.
 *
 * Each box of targets parts the boxes that those above left as near into far ones and those left to
 * its halves. Threads share out disjoint boxes of some thousand points; what is above them, little,
 * each finds anew, so that the order of all sums is that of the trees. Cost O(n); memory
 * (d + 1) (degree + 1)^d numbers a box, a box some 32 points, and for each thread the near boxes
 * and fields of all levels. */
#include <string.h>

#include "flow/pairs.h"

enum { LEAF = 96, MOST_SIDE = WG_FAR_SIDE, MOST_DEGREE = MOST_SIDE - 1 };
enum { TARGETS = WG_PAIR_TARGETS, SOURCES = WG_PAIR_SOURCES };

typedef struct box {
  int64_t begin, end;
  int64_t left, right; /* -1: a leaf                                       */
  int64_t depth;       /* of the whole: 0                                  */
  double low[3], high[3];
  double centre[3], radius;
  int side[3];     /* proxies along each axis                              */
  int64_t proxies; /* their product                                        */
} box;

struct wg_tree {
  int64_t n, d;
  int degree;
  double *points, *charges; /* d x n and n, in the order of the leaves       */
  int64_t *order;           /* index as given                                */
  int64_t count, room, parts, leaves, depth;
  box *boxes;
  int64_t *part;  /* boxes that threads share out, disjoint, of all points */
  int64_t stride; /* proxies of a box at most                             */
  double *proxy;  /* count x stride                                       */
  double *places; /* count x d x stride: where they are                   */
  double nodes[MOST_SIDE], weights[MOST_SIDE]; /* Chebyshev, on [-1, 1]      */
};

/* ---- boxes ---- */

static void measure_box(const wg_tree *t, box *b) {
  double square = 0.0;
  b->proxies = 1;
  for (int64_t k = 0; k < t->d; k++) {
    const double *x = t->points + k * t->n;
    b->low[k] = b->high[k] = x[b->begin];
    for (int64_t i = b->begin; i < b->end; i++) {
      b->low[k] = WG_MIN(b->low[k], x[i]);
      b->high[k] = WG_MAX(b->high[k], x[i]);
    }
    const double half = 0.5 * (b->high[k] - b->low[k]);
    b->centre[k] = b->low[k] + half;
    b->side[k] = half > 0.0 ? t->degree + 1 : 1;
    b->proxies *= b->side[k];
    square += half * half;
  }
  b->radius = sqrt(square);
}

static void swap_points(wg_tree *t, int64_t i, int64_t j) {
  for (int64_t k = 0; k < t->d; k++) {
    double *x = t->points + k * t->n, kept = x[i];
    x[i] = x[j];
    x[j] = kept;
  }
  const double charge = t->charges[i];
  t->charges[i] = t->charges[j];
  t->charges[j] = charge;
  const int64_t index = t->order[i];
  t->order[i] = t->order[j];
  t->order[j] = index;
}

/* The longest side is cut in half; the place where the right half begins. */
static int64_t cut_box(wg_tree *t, const box *b) {
  int64_t axis = 0, i = b->begin, j = b->end - 1;
  for (int64_t k = 1; k < t->d; k++)
    if (b->high[k] - b->low[k] > b->high[axis] - b->low[axis]) axis = k;
  const double *x = t->points + axis * t->n, middle = b->centre[axis];
  while (i <= j) {
    if (x[i] <= middle)
      i++;
    else
      swap_points(t, i, j--);
  }
  return i;
}

static int add_box(wg_tree *t, wg_mem *mem, int64_t begin, int64_t end, int64_t depth) {
  if (t->count == t->room) {
    box *more = WG_GROW(mem, t->boxes, box, 2 * t->room + 64);
    if (!more) return wg_no_memory();
    t->boxes = more;
    t->room = 2 * t->room + 64;
  }
  box *b = &t->boxes[t->count++];
  *b = (box){.begin = begin, .end = end, .left = -1, .right = -1, .depth = depth};
  t->depth = depth;
  measure_box(t, b);
  return WG_OK;
}

/* Level by level. Two numbers next to each other cannot be parted: their middle
 * is one of them. */
static int grow_boxes(wg_tree *t, wg_mem *mem) {
  WG_TRY(add_box(t, mem, 0, t->n, 0));
  for (int64_t at = 0; at < t->count; at++) {
    const box b = t->boxes[at];
    if (b.end - b.begin <= LEAF || b.radius == 0.0) continue;
    const int64_t middle = cut_box(t, &b);
    if (middle == b.begin || middle == b.end) continue;
    t->boxes[at].left = t->count;
    WG_TRY(add_box(t, mem, b.begin, middle, b.depth + 1));
    t->boxes[at].right = t->count;
    WG_TRY(add_box(t, mem, middle, b.end, b.depth + 1));
  }
  return WG_OK;
}

/* ---- proxies ---- */

static double proxy_place(const wg_tree *t, const box *b, int64_t axis, int64_t k) {
  const double half = 0.5 * (b->high[axis] - b->low[axis]);
  return b->side[axis] == 1 ? b->centre[axis] : b->centre[axis] + half * t->nodes[k];
}

/* l_k(y) for all k along an axis with more than one proxy, as far_body.h does it. */
static void basis_at(const wg_tree *t, const box *b, int64_t axis, double y, double *basis) {
  const int side = b->side[axis];
  const double u = (y - b->centre[axis]) / (0.5 * (b->high[axis] - b->low[axis]));
  double before = 1.0, behind = 1.0;
  for (int k = 0; k < side; k++) {
    basis[k] = t->weights[k] * before;
    before *= u - t->nodes[k];
  }
  for (int k = side - 1; k >= 0; k--) {
    basis[k] *= behind;
    behind *= u - t->nodes[k];
  }
}

/* Of all axes, padded in front by axes with one proxy. */
typedef struct tensor {
  int sides[3];
  double basis[3][MOST_SIDE];
} tensor;

static tensor tensor_at(const wg_tree *t, const box *b, const double y[3]) {
  tensor at;
  for (int64_t k = 0; k < 3; k++) {
    const int64_t axis = k - (3 - t->d);
    at.sides[k] = axis < 0 ? 1 : b->side[axis];
    at.basis[k][0] = 1.0;
    if (at.sides[k] > 1) basis_at(t, b, axis, y[axis], at.basis[k]);
  }
  return at;
}

/* The box takes over a charge at y. */
static void add_charge(const wg_tree *t, const box *b, const double y[3], double charge,
                       double *proxy) {
  const tensor at = tensor_at(t, b, y);
  for (int i = 0; i < at.sides[0]; i++)
    for (int j = 0; j < at.sides[1]; j++) {
      const double part = charge * at.basis[0][i] * at.basis[1][j];
      for (int k = 0; k < at.sides[2]; k++) *proxy++ += part * at.basis[2][k];
    }
}

/* Where the proxies of a box are: d rows of stride, last axis fastest. */
static void place_proxies(const wg_tree *t, const box *b, double *places) {
  for (int64_t at = 0; at < b->proxies; at++) {
    int64_t rest = at;
    for (int64_t k = t->d - 1; k >= 0; k--) {
      places[k * t->stride + at] = proxy_place(t, b, k, rest % b->side[k]);
      rest /= b->side[k];
    }
  }
}

/* The box takes over `count` charges at places, the axes `step` apart. */
static void add_charges(const wg_tree *t, const box *b, int64_t count, const double *places,
                        int64_t step, const double *charges, double *proxy) {
  for (int64_t i = 0; i < count; i++) {
    double y[3] = {0.0, 0.0, 0.0};
    for (int64_t k = 0; k < t->d; k++) y[k] = places[k * step + i];
    add_charge(t, b, y, charges[i], proxy);
  }
}

static void charge_boxes(wg_tree *t) {
  for (int64_t at = t->count - 1; at >= 0; at--) {
    const box *b = &t->boxes[at];
    double *proxy = t->proxy + at * t->stride;
    place_proxies(t, b, t->places + at * t->d * t->stride);
    if (b->left < 0) {
      add_charges(t, b, b->end - b->begin, t->points + b->begin, t->n, t->charges + b->begin,
                  proxy);
      continue;
    }
    for (int64_t half = b->left; half <= b->right; half++)
      add_charges(t, b, t->boxes[half].proxies, t->places + half * t->d * t->stride, t->stride,
                  t->proxy + half * t->stride, proxy);
  }
}

/* ---- building ---- */

static void set_nodes(wg_tree *t) {
  const double pi = 3.14159265358979323846;
  for (int k = 0; k <= t->degree; k++) {
    t->nodes[k] = cos(pi * k / t->degree);
    t->weights[k] = ldexp(k == 0 || k == t->degree ? 0.5 : 1.0, t->degree - 1) / t->degree;
    if (k % 2) t->weights[k] *= -1.0;
  }
}

/* The largest boxes below some size, or leaves. */
static void list_parts(wg_tree *t, int64_t at) {
  const box *b = &t->boxes[at];
  if (b->left < 0 || b->end - b->begin <= WG_MAX(t->n / 128, 1024)) {
    t->part[t->parts++] = at;
    return;
  }
  list_parts(t, b->left);
  list_parts(t, b->right);
}

/* Measured on the clouds of tests/property/test_energies.c: 0.6 digits a degree. */
int wg_tree_degree(const wg_kernel *kernel, double accuracy) {
  const double none = kernel->kind == WG_KERNEL_IMQ ? -0.3 : 1.6, a_degree = 0.6;
  const double degree = ceil((-log10(accuracy) - none) / a_degree - 1e-9);
  return (int)WG_MIN((double)MOST_DEGREE, WG_MAX(4.0, degree));
}

int wg_tree_build(wg_mem *mem, const wg_charges *cloud, int degree, wg_tree **tree) {
  wg_tree *t = WG_NEW(mem, wg_tree, 1);
  if (!t) return wg_no_memory();
  *t = (wg_tree){.n = cloud->n, .d = cloud->d, .degree = degree, .stride = 1};
  t->points = WG_NEW(mem, double, t->n * t->d);
  t->charges = WG_NEW(mem, double, t->n);
  t->order = WG_NEW(mem, int64_t, t->n);
  if (!t->points || !t->charges || !t->order) return wg_no_memory();
  set_nodes(t);
  for (int64_t i = 0; i < t->n; i++) {
    t->order[i] = i;
    t->charges[i] = cloud->charges[i];
    for (int64_t k = 0; k < t->d; k++) t->points[k * t->n + i] = cloud->points[i * t->d + k];
  }
  WG_TRY(grow_boxes(t, mem));
  t->part = WG_NEW(mem, int64_t, t->count);
  if (!t->part) return wg_no_memory();
  list_parts(t, 0);
  for (int64_t at = 0; at < t->count; at++) t->leaves += t->boxes[at].left < 0;
  for (int64_t k = 0; k < t->d; k++) t->stride *= t->degree + 1;
  t->proxy = WG_NEW(mem, double, t->count * t->stride);
  t->places = WG_NEW(mem, double, t->count * t->d * t->stride);
  if (!t->proxy || !t->places) return wg_no_memory();
  charge_boxes(t);
  *tree = t;
  return WG_OK;
}

/* ---- the field ---- */

/* A box of targets, its points or its proxies, and the sources that wait to go past it. */
typedef struct visit {
  const wg_tree *targets, *sources;
  const box *part;   /* what this thread is to find the field of        */
  const box *target; /* where it is                                     */
  wg_profile profile;
  bool single;
  const wg_flow_kernels *kernels;
  double largest; /* radius of a box that proxies may stand for              */
  int64_t lanes, tiles, waiting;
  bool want_phi, want_gradient;
  double *x, *phi, *gradient; /* tiles x d x TARGETS, tiles x TARGETS, as x */
  float *x_f;
  double y[3 * SOURCES], q[SOURCES];
  float y_f[3 * SOURCES], q_f[SOURCES];
  int64_t *near, nears; /* boxes of sources that are not far yet, as a stack   */
  double *fields;       /* levels x stride x WG_FAR_WIDTH: at proxies          */
} visit;

/* The field of what is far from a box at its proxies: as of wg_far. */
typedef struct far_field {
  const box *of; /* NULL: of nothing */
  const double *rows;
} far_field;

/* For float: rounded once a block, relative to the target. */
static void go_past(visit *v) {
  const int64_t d = v->targets->d, width = d * TARGETS;
  if (v->single) {
    for (int64_t k = 0; k < d * SOURCES; k++) v->y_f[k] = (float)v->y[k];
    for (int64_t j = 0; j < SOURCES; j++) v->q_f[j] = (float)v->q[j];
  }
  for (int64_t tile = 0; tile < v->tiles; tile++) {
    double *phi = v->phi ? v->phi + tile * TARGETS : NULL;
    double *gradient = v->gradient ? v->gradient + tile * width : NULL;
    if (v->single)
      v->kernels->pairs_float(&v->profile, d, v->x_f + tile * width, v->waiting, v->y_f, v->q_f,
                              phi, gradient);
    else
      v->kernels->pairs_double(&v->profile, d, v->x + tile * width, v->waiting, v->y, v->q, phi,
                               gradient);
  }
  v->waiting = 0;
}

/* Sources line up, the axes `step` apart, and go past whenever a block is full. */
static void add_sources(visit *v, int64_t count, const double *places, int64_t step,
                        const double *charges) {
  for (int64_t from = 0; from < count;) {
    const int64_t size = WG_MIN(count - from, SOURCES - v->waiting);
    for (int64_t k = 0; k < v->sources->d; k++) {
      const double *x = places + k * step + from, centre = v->target->centre[k];
      double *to = v->y + k * SOURCES + v->waiting;
      for (int64_t j = 0; j < size; j++) to[j] = x[j] - centre;
    }
    memcpy(v->q + v->waiting, charges + from, (size_t)size * sizeof *v->q);
    v->waiting += size;
    from += size;
    if (v->waiting == SOURCES) go_past(v);
  }
}

static bool is_far(const visit *v, const box *b) {
  double square = 0.0;
  for (int64_t k = 0; k < v->sources->d; k++)
    square += (v->target->centre[k] - b->centre[k]) * (v->target->centre[k] - b->centre[k]);
  const double radii = v->target->radius + b->radius, opening = 0.55;
  return b->radius <= v->largest && radii * radii < opening * opening * square;
}

/* A box of sources by its proxies, where it is far and they are fewer than its points. */
static void add_box_of_sources(visit *v, int64_t at, bool far) {
  const wg_tree *s = v->sources;
  const box *b = &s->boxes[at];
  if (far && b->end - b->begin > b->proxies)
    add_sources(v, b->proxies, s->places + at * s->d * s->stride, s->stride,
                s->proxy + at * s->stride);
  else
    add_sources(v, b->end - b->begin, s->points + b->begin, s->n, s->charges + b->begin);
}

static void descend(visit *v, int64_t at) {
  const box *b = &v->sources->boxes[at];
  const bool far = is_far(v, b);
  if (b->left < 0 || far) {
    add_box_of_sources(v, at, far);
  } else {
    descend(v, b->left);
    descend(v, b->right);
  }
}

/* What is far acts on the target's proxies; of the rest, boxes not larger than the target are left
 * to its halves. */
static void part_from_near(visit *v, int64_t at) {
  const box *b = &v->sources->boxes[at];
  if (is_far(v, b)) {
    add_box_of_sources(v, at, true);
  } else if (b->left < 0 || b->radius <= v->target->radius) {
    v->near[v->nears++] = at;
  } else {
    part_from_near(v, b->left);
    part_from_near(v, b->right);
  }
}

/* Targets at places, the axes `step` apart; lanes behind the last repeat it. */
static void pack_targets(visit *v, int64_t count, const double *places, int64_t step) {
  const int64_t d = v->targets->d;
  v->tiles = (count + TARGETS - 1) / TARGETS;
  memset(v->x + d * v->lanes, 0, (size_t)((d + 1) * v->lanes) * sizeof *v->x);
  for (int64_t lane = 0; lane < v->tiles * TARGETS; lane++)
    for (int64_t k = 0; k < d; k++) {
      const int64_t at = (lane / TARGETS * d + k) * TARGETS + lane % TARGETS;
      v->x[at] = places[k * step + WG_MIN(lane, count - 1)] - v->target->centre[k];
      v->x_f[at] = (float)v->x[at];
    }
}

/* The field of what went past the target and of what is far from `far.of`. */
static void add_far(visit *v, far_field far) {
  const wg_tree *t = v->targets;
  const int64_t d = t->d, axes = 3 - d;
  if (!far.of) return;
  wg_far at = {.sides = {1, 1, 1}, .rows = far.rows};
  for (int64_t k = 0; k < d; k++) {
    const double width = far.of->high[k] - far.of->low[k];
    at.sides[axes + k] = far.of->side[k];
    at.centre[axes + k] = far.of->centre[k] - v->target->centre[k];
    at.inverse[axes + k] = width > 0.0 ? 2.0 / width : 0.0;
  }
  memcpy(at.nodes, t->nodes, sizeof t->nodes);
  memcpy(at.weights, t->weights, sizeof t->weights);
  double *phi = v->x + d * v->lanes, *gradient = phi + v->lanes;
  for (int64_t tile = 0; tile < v->tiles; tile++)
    v->kernels->interpolate(&at, d, v->x + tile * d * TARGETS, phi + tile * TARGETS,
                            gradient + tile * d * TARGETS);
}

/* The gradient along axis k, or phi at k = d, that a lane has. */
static double sum_in(const visit *v, int64_t lane, int64_t k) {
  const int64_t d = v->targets->d;
  const double *phi = v->x + d * v->lanes, *gradient = phi + v->lanes;
  return k == d ? phi[lane] : gradient[(lane / TARGETS * d + k) * TARGETS + lane % TARGETS];
}

/* Splits the near boxes [from, nears) for the box that is the target, takes over what is far from
 * the box above. */
static far_field find_far(visit *v, const box *b, int64_t from, far_field above) {
  const wg_tree *t = v->targets;
  const int64_t to = v->nears;
  const double *places = t->places + (b - t->boxes) * t->d * t->stride;
  double *rows = v->fields + b->depth * t->stride * WG_FAR_WIDTH;
  pack_targets(v, b->proxies, places, t->stride);
  for (int64_t k = from; k < to; k++) part_from_near(v, v->near[k]);
  if (v->waiting > 0) go_past(v);
  add_far(v, above);
  for (int64_t i = 0; i < b->proxies; i++)
    for (int64_t k = 0; k <= t->d; k++)
      rows[i * WG_FAR_WIDTH + (k < t->d ? k : WG_FAR_WIDTH - 1)] = sum_in(v, i, k);
  return (far_field){b, rows};
}

static void find_near(visit *v, const box *b, int64_t from, far_field far, wg_field out) {
  const wg_tree *t = v->targets;
  pack_targets(v, b->end - b->begin, t->points + b->begin, t->n);
  for (int64_t k = from; k < v->nears; k++) descend(v, v->near[k]);
  if (v->waiting > 0) go_past(v);
  add_far(v, far);
  for (int64_t i = b->begin; i < b->end; i++) {
    const int64_t lane = i - b->begin, to = t->order[i];
    if (out.phi) out.phi[to] += sum_in(v, lane, t->d);
    for (int64_t k = 0; out.gradient && k < t->d; k++)
      out.gradient[to * t->d + k] += sum_in(v, lane, k);
  }
}

/* The near boxes [from, nears) are what the box above left. */
static void visit_box(visit *v, int64_t at, int64_t from, far_field far, wg_field out) {
  const box *b = &v->targets->boxes[at];
  if (b->end <= v->part->begin || b->begin >= v->part->end) return;
  const int64_t to = v->nears;
  v->target = b;
  if (b->end - b->begin > b->proxies && b->radius <= v->largest) {
    far = find_far(v, b, from, far);
    from = to;
  }
  if (b->left < 0) {
    find_near(v, b, from, far, out);
  } else {
    visit_box(v, b->left, from, far, out);
    visit_box(v, b->right, from, far, out);
  }
  v->nears = to;
}

/* Duplicates may make a leaf larger than LEAF. */
static int64_t most_targets(const wg_tree *t) {
  int64_t most = t->stride;
  for (int64_t at = 0; at < t->count; at++)
    if (t->boxes[at].left < 0) most = WG_MAX(most, t->boxes[at].end - t->boxes[at].begin);
  return (most + TARGETS - 1) / TARGETS * TARGETS;
}

/* Polynomials follow a kernel that varies over a length only on boxes of about that length. */
static double largest_radius(const wg_kernel *kernel) {
  switch (kernel->kind) {
    case WG_KERNEL_GAUSSIAN: return 0.4 * kernel->scale;
    case WG_KERNEL_LAPLACE: return kernel->scale;
    case WG_KERNEL_MORSE: return WG_MIN(kernel->scale, 1.0);
    default: return INFINITY;
  }
}

static int make_visit(visit *v, wg_mem *mem) {
  const int64_t d = v->targets->d, levels = v->targets->depth + 1;
  v->lanes = most_targets(v->targets);
  v->x = WG_NEW(mem, double, (2 * d + 1) * v->lanes);
  v->x_f = WG_NEW(mem, float, d * v->lanes);
  v->near = WG_NEW(mem, int64_t, (levels + 1) * v->sources->leaves);
  v->fields = WG_NEW(mem, double, levels * v->targets->stride * WG_FAR_WIDTH);
  if (!v->x || !v->x_f || !v->near || !v->fields) return wg_no_memory();
  v->phi = v->want_phi ? v->x + d * v->lanes : NULL;
  v->gradient = v->want_gradient ? v->x + (d + 1) * v->lanes : NULL;
  v->nears = 1; /* the whole */
  return WG_OK;
}

static int make_visits(int threads, const visit *model, wg_mem *mem, visit **visits) {
  *visits = WG_NEW(mem, visit, threads);
  if (!*visits) return wg_no_memory();
  for (int w = 0; w < threads; w++) {
    (*visits)[w] = *model;
    WG_TRY(make_visit(&(*visits)[w], mem));
  }
  return WG_OK;
}

int wg_tree_field(const wg_kernel *kernel, const wg_tree *targets, const wg_tree *sources,
                  bool single, int threads, wg_mem *mem, wg_field out) {
  const visit model = {.targets = targets,
                       .sources = sources,
                       .profile = wg_profile_of(kernel),
                       .largest = largest_radius(kernel),
                       .single = single,
                       .want_phi = out.phi,
                       .want_gradient = out.gradient,
                       .kernels = wg_flow_kernels_here()};
  threads = (int)WG_MIN(targets->parts, wg_threads_for(threads, 2e4 * (double)targets->n));
  wg_mem own = wg_mem_of(mem->ledger);
  visit *visits;
  const int status = make_visits(threads, &model, &own, &visits);
  if (status == WG_OK) {
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t k = 0; k < targets->parts; k++) {
      visit *v = &visits[wg_worker()];
      v->part = &targets->boxes[targets->part[k]];
      visit_box(v, 0, 0, (far_field){0}, out);
    }
  }
  wg_mem_clear(&own);
  return status;
}
