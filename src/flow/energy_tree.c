/* Sums of a kernel over all pairs by a tree: barycentric Lagrange interpolation, independent of the
 * kernel (L. Wang, R. Krasny, S. Tlupova, A kernel-independent treecode based on barycentric
 * Lagrange interpolation, 2020).
 *
 * A box of sources, shrunk to its points, seen from afar is replaced by (degree + 1)^d Chebyshev
 * points of the second kind that carry sum_j q_j l_k(y_j). Those of a leaf are made from its
 * points, those above from the box's halves, which is exact for polynomials of that degree. A side
 * of length zero has one point, so that lines and duplicates cost no more than they must. Targets
 * go past in leaves of their own tree: a box is far when the radii of both are at most 0.7 of the
 * distance of the centres (opening angle), near leaves are summed point by point, both in the loops
 * of pairs_body.h, relative to the leaf's centre, which keeps float pairs right at any distance.
 * The order of all sums is that of the tree: threads share out leaves. Cost O(n log n), memory
 * (degree + 1)^d numbers a box, a box some 64 points. */
#include <string.h>

#include "flow/pairs.h"

enum { LEAF = 192, MOST_DEGREE = 14, MOST_SIDE = MOST_DEGREE + 1 };
enum { TARGETS = WG_PAIR_TARGETS, SOURCES = WG_PAIR_SOURCES };

typedef struct box {
  int64_t begin, end;
  int64_t left, right; /* -1: a leaf                                       */
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
  int64_t count, room, leaves;
  box *boxes;
  int64_t *leaf;  /* the boxes that are leaves                            */
  int64_t stride; /* proxies of a box at most                             */
  double *proxy;  /* count x stride                                       */
  double *places; /* count x d x stride: where they are */
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

static int add_box(wg_tree *t, wg_mem *mem, int64_t begin, int64_t end) {
  if (t->count == t->room) {
    box *more = WG_GROW(mem, t->boxes, box, 2 * t->room + 64);
    if (!more) return wg_no_memory();
    t->boxes = more;
    t->room = 2 * t->room + 64;
  }
  box *b = &t->boxes[t->count++];
  *b = (box){.begin = begin, .end = end, .left = -1, .right = -1};
  measure_box(t, b);
  return WG_OK;
}

/* Children come behind their parents. Two numbers next to each other cannot be parted: their middle
 * is one of them. */
static int grow_boxes(wg_tree *t, wg_mem *mem) {
  WG_TRY(add_box(t, mem, 0, t->n));
  for (int64_t at = 0; at < t->count; at++) {
    const box b = t->boxes[at];
    if (b.end - b.begin <= LEAF || b.radius == 0.0) continue;
    const int64_t middle = cut_box(t, &b);
    if (middle == b.begin || middle == b.end) continue;
    t->boxes[at].left = t->count;
    WG_TRY(add_box(t, mem, b.begin, middle));
    t->boxes[at].right = t->count;
    WG_TRY(add_box(t, mem, middle, b.end));
  }
  return WG_OK;
}

/* ---- proxies ---- */

static double proxy_place(const wg_tree *t, const box *b, int64_t axis, int64_t k) {
  const double half = 0.5 * (b->high[axis] - b->low[axis]);
  return b->side[axis] == 1 ? b->centre[axis] : b->centre[axis] + half * t->nodes[k];
}

/* l_k(y) for all k along one axis, by the barycentric formula. */
static void basis_at(const wg_tree *t, const box *b, int64_t axis, double y, double *basis) {
  const int side = b->side[axis];
  double sum = 0.0;
  for (int k = 0; k < side; k++) {
    const double step = y - proxy_place(t, b, axis, k);
    if (step == 0.0) {
      memset(basis, 0, (size_t)side * sizeof *basis);
      basis[k] = 1.0;
      return;
    }
    sum += basis[k] = t->weights[k] / step;
  }
  for (int k = 0; k < side; k++) basis[k] /= sum;
}

/* The box takes over a charge at y. */
static void add_charge(const wg_tree *t, const box *b, const double y[3], double charge,
                       double *proxy) {
  double basis[3][MOST_SIDE] = {{1.0}, {1.0}, {1.0}};
  const int sides[3] = {b->side[0], t->d > 1 ? b->side[1] : 1, t->d > 2 ? b->side[2] : 1};
  for (int64_t k = 0; k < t->d; k++) basis_at(t, b, k, y[k], basis[k]);
  for (int i = 0; i < sides[0]; i++)
    for (int j = 0; j < sides[1]; j++) {
      const double part = charge * basis[0][i] * basis[1][j];
      for (int k = 0; k < sides[2]; k++) *proxy++ += part * basis[2][k];
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
    t->weights[k] = (k % 2 ? -1.0 : 1.0) * (k == 0 || k == t->degree ? 0.5 : 1.0);
  }
}

static int list_leaves(wg_tree *t, wg_mem *mem) {
  t->leaf = WG_NEW(mem, int64_t, t->count);
  if (!t->leaf) return wg_no_memory();
  for (int64_t at = 0; at < t->count; at++)
    if (t->boxes[at].left < 0) t->leaf[t->leaves++] = at;
  return WG_OK;
}

/* Measured on the clouds of tests/property/test_energies.c. */
int wg_tree_degree(const wg_kernel *kernel, double accuracy) {
  const double a_digit = kernel->kind == WG_KERNEL_IMQ ? 1.9 : 1.45;
  return (int)WG_MIN((double)MOST_DEGREE, WG_MAX(2.0, floor(-log10(accuracy) * a_digit + 1e-9)));
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
  WG_TRY(list_leaves(t, mem));
  for (int64_t k = 0; k < t->d; k++) t->stride *= t->degree + 1;
  t->proxy = WG_NEW(mem, double, t->count * t->stride);
  t->places = WG_NEW(mem, double, t->count * t->d * t->stride);
  if (!t->proxy || !t->places) return wg_no_memory();
  charge_boxes(t);
  *tree = t;
  return WG_OK;
}

/* ---- the field ---- */

/* One leaf of targets, and the sources that wait to go past it. */
typedef struct visit {
  const wg_tree *targets, *sources;
  const box *leaf;
  wg_profile profile;
  bool single;
  const wg_flow_kernels *kernels;
  double largest; /* radius of a box that proxies may stand for              */
  int64_t tiles, waiting;
  double *x, *phi, *gradient; /* tiles x d x TARGETS, tiles x TARGETS, as x */
  float *x_f;
  double y[3 * SOURCES], q[SOURCES];
  float y_f[3 * SOURCES], q_f[SOURCES];
} visit;

/* For float: rounded once a block, relative to the leaf. */
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
      const double *x = places + k * step + from, centre = v->leaf->centre[k];
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
    square += (v->leaf->centre[k] - b->centre[k]) * (v->leaf->centre[k] - b->centre[k]);
  const double radii = v->leaf->radius + b->radius, opening = 0.6;
  return b->radius <= v->largest && radii * radii < opening * opening * square;
}

static void descend(visit *v, int64_t at) {
  const wg_tree *s = v->sources;
  const box *b = &s->boxes[at];
  const bool large = b->end - b->begin > b->proxies, far = is_far(v, b);
  if (large && far) {
    add_sources(v, b->proxies, s->places + at * s->d * s->stride, s->stride,
                s->proxy + at * s->stride);
  } else if (b->left < 0 || far) {
    add_sources(v, b->end - b->begin, s->points + b->begin, s->n, s->charges + b->begin);
  } else {
    descend(v, b->left);
    descend(v, b->right);
  }
}

static void pack_leaf(visit *v) {
  const wg_tree *t = v->targets;
  for (int64_t lane = 0; lane < v->tiles * TARGETS; lane++) {
    const int64_t i = WG_MIN(v->leaf->begin + lane, v->leaf->end - 1);
    for (int64_t k = 0; k < t->d; k++) {
      const int64_t at = (lane / TARGETS * t->d + k) * TARGETS + lane % TARGETS;
      v->x[at] = t->points[k * t->n + i] - v->leaf->centre[k];
      v->x_f[at] = (float)v->x[at];
    }
  }
}

static void unpack_leaf(const visit *v, wg_field out) {
  const wg_tree *t = v->targets;
  for (int64_t i = v->leaf->begin; i < v->leaf->end; i++) {
    const int64_t lane = i - v->leaf->begin, to = t->order[i];
    if (out.phi) out.phi[to] += v->phi[lane];
    for (int64_t k = 0; out.gradient && k < t->d; k++)
      out.gradient[to * t->d + k] +=
          v->gradient[(lane / TARGETS * t->d + k) * TARGETS + lane % TARGETS];
  }
}

/* Duplicates may make a leaf larger than LEAF: the room is for `lanes`. */
static void visit_leaf(visit *v, const box *leaf, int64_t lanes, wg_field out) {
  const int64_t d = v->targets->d;
  v->leaf = leaf;
  v->tiles = (leaf->end - leaf->begin + TARGETS - 1) / TARGETS;
  v->phi = out.phi ? v->x + d * lanes : NULL;
  v->gradient = out.gradient ? v->x + (d + 1) * lanes : NULL;
  memset(v->x + d * lanes, 0, (size_t)((d + 1) * lanes) * sizeof *v->x);
  pack_leaf(v);
  descend(v, 0);
  if (v->waiting > 0) go_past(v);
  unpack_leaf(v, out);
}

static int64_t largest_leaf(const wg_tree *t) {
  int64_t lanes = 0;
  for (int64_t at = 0; at < t->leaves; at++) {
    const box *b = &t->boxes[t->leaf[at]];
    lanes = WG_MAX(lanes, (b->end - b->begin + TARGETS - 1) / TARGETS * TARGETS);
  }
  return lanes;
}

/* Polynomials follow a kernel that varies over a length only on boxes of about that length. */
static double largest_radius(const wg_kernel *kernel) {
  switch (kernel->kind) {
    case WG_KERNEL_GAUSSIAN:
    case WG_KERNEL_LAPLACE: return kernel->scale;
    case WG_KERNEL_MORSE: return WG_MIN(kernel->scale, 1.0);
    default: return INFINITY;
  }
}

int wg_tree_field(const wg_kernel *kernel, const wg_tree *targets, const wg_tree *sources,
                  bool single, int threads, wg_mem *mem, wg_field out) {
  const int64_t d = targets->d, lanes = largest_leaf(targets);
  const double work = 2e4 * (double)targets->n;
  threads = (int)WG_MIN(targets->leaves, wg_threads_for(threads, work));
  wg_mem own = wg_mem_of(mem->ledger);
  visit *visits = WG_NEW(&own, visit, threads);
  double *room = WG_NEW(&own, double, threads *(2 * d + 1) * lanes);
  float *room_f = WG_NEW(&own, float, threads *d *lanes);
  const int status = visits && room && room_f ? WG_OK : wg_no_memory();
  for (int w = 0; status == WG_OK && w < threads; w++)
    visits[w] = (visit){.targets = targets,
                        .sources = sources,
                        .profile = wg_profile_of(kernel),
                        .largest = largest_radius(kernel),
                        .single = single,
                        .kernels = wg_flow_kernels_here(),
                        .x = room + w * (2 * d + 1) * lanes,
                        .x_f = room_f + w * d * lanes};
  if (status == WG_OK) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 4)
    for (int64_t at = 0; at < targets->leaves; at++)
      visit_leaf(&visits[wg_worker()], &targets->boxes[targets->leaf[at]], lanes, out);
  }
  wg_mem_clear(&own);
  return status;
}
