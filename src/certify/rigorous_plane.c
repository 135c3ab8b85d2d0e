/* How low the root norm gamma_p, 1/2 <= p < 1, is on the moments of the plane that a list of cuts
 * allows, enclosed in ball arithmetic (theory 3.3).
 *
 * The setting. A moment other than zero is Sigma = t (1 + u, v; v, 1 - u) / 2 with trace t > 0 and
 * w = (u, v) in the unit disk; gamma_p(Sigma) = t h(w), h(w) = ((1 + |w|)^p + (1 - |w|)^p)^(1/p) /
 * 2 in [1, 2^(1/p - 1)]. A cut says <Q, Sigma> >= c, that is t l(w) >= c with l affine and, Q being
 * PSD, not negative on the disk; only cuts with c > 0 say anything, and each of those excludes
 * Sigma = 0. So the wanted number is the least over the disk of h(w) max_k c_k / l_k(w).
 *
 * The theorem. gamma_p is concave on the PSD cone for p < 1, so h is concave on the disk. Let T be
 * a triangle in it, h_i numbers at most h at its corners, and y_k >= 0 weights with sum y_k l_k <=
 * h_i there. The left side is affine, so it is below h on T: every moment with w in T that
 * satisfies the cuts has gamma_p = t h >= sum y_k t l_k >= sum y_k c_k. On a cap, what an arc and
 * its chord enclose, the same holds with the triangle of the arc's ends and the tangents' meeting
 * point, and h_i = 1, because h >= 1. Any weights may be scaled to be feasible. The least bound
 * over pieces that cover the disk bounds gamma_p.
 *
 * The best weights solve a linear program with three rows, which is done in doubles
 * (rigorous_program.c); at most four of them are not zero, and only these are judged, in balls. A
 * bound misses by the curvature of h: where cuts meet by the square of a side, and of an arc on the
 * circle, where least values often are (Sigma all but singular).
 *
 * The search begins with a square in the disk and its four caps, and divides the piece with the
 * lowest bound: a triangle across its longest side, a cap into a triangle and two caps. Points on
 * the circle are rational, tan(angle / 2) being dyadic; a corner is held as two doubles that miss
 * it by less than 2^-90 (each division adds 2^-105 at most), and used as the ball around them. The
 * value at a corner is an upper end; it stops when both agree to 2^-46, when a piece is too small,
 * or after MOST pieces, with a true bound each time. Unlike outer.c nothing is sliced.
 *
 * Cost some hundred pieces, 3 K ball operations and some 10 K flops each for K cuts; memory 144
 * bytes a piece, 48 a cut. */
#include "certify/rigorous.h"

enum { CORNERS = WG_PLANE_ROWS, MOST = 1 << 15, CORNER_BITS = 90 };
static const double agreement = 0x1p-46, shortest_side = 0x1p-80, shortest_arc = 0x1p-50;

typedef struct point {
  double part[2][2]; /* coordinate k is part[k][0] + part[k][1] within 2^-90 */
  bool on_circle;
} point;

typedef struct cell {
  double bound;
  int quadrant;    /* of a cap; -1: a triangle        */
  double from, to; /* a cap: tan(angle / 2) in the quadrant */
  point at[CORNERS];
} cell;

typedef struct search {
  wg_mem *mem;
  int64_t count;
  const wg_ball_half *halves;
  slong *exponents;         /* count: cuts are divided by 2 to these in the linear program */
  double *least;            /* count: c_k, divided by that and by 2^exponent               */
  wg_plane_column *columns; /* count, then room for CORNERS                                */
  arb_t p, root;            /* p and 1 / p                                                 */
  slong bits;
  int exponent;       /* of the largest c / normal       */
  double least_value; /* the lowest value met, from above */
  cell *heap;
  int64_t size, capacity;
} search;

/* ---- doubles from balls ---- */

static double end_of(const arb_t ball, bool upper, slong bits) {
  arf_t end;
  arf_init(end);
  if (upper)
    arb_get_ubound_arf(end, ball, bits);
  else
    arb_get_lbound_arf(end, ball, bits);
  double value = arf_get_d(end, upper ? ARF_RND_CEIL : ARF_RND_FLOOR);
  arf_clear(end);
  return value;
}

/* ---- corners ---- */

typedef struct corner {
  arb_struct u, v, height; /* height: h, or a number below it that is not known to be h */
  bool known;
} corner;

static void corner_init(corner *c) {
  arb_init(&c->u);
  arb_init(&c->v);
  arb_init(&c->height);
}

static void corner_clear(corner *c) {
  arb_clear(&c->u);
  arb_clear(&c->v);
  arb_clear(&c->height);
}

/* h at squared radius s < 1. (1 - |w|) is (1 - s) / (1 + |w|): no cancellation. */
static void find_height(const search *s, const arb_t square, arb_t height) {
  arb_t inner, outer;
  arb_init(inner);
  arb_init(outer);
  arb_sqrtpos(outer, square, s->bits);
  arb_add_si(outer, outer, 1, s->bits);
  arb_sub_si(inner, square, 1, s->bits);
  arb_neg(inner, inner);
  arb_div(inner, inner, outer, s->bits);
  arb_pow(height, outer, s->p, s->bits);
  arb_pow(inner, inner, s->p, s->bits);
  arb_add(height, height, inner, s->bits);
  arb_pow(height, height, s->root, s->bits);
  arb_mul_2exp_si(height, height, -1);
  arb_clear(inner);
  arb_clear(outer);
}

static void read_coordinate(const double part[2], slong bits, arb_t out) {
  arb_t low;
  arb_init(low);
  arb_set_d(out, part[0]);
  arb_set_d(low, part[1]);
  arb_add(out, out, low, bits);
  arb_add_error_2exp_si(out, -CORNER_BITS);
  arb_clear(low);
}

static void write_coordinate(const arb_t coordinate, slong bits, double part[2]) {
  arb_t low;
  arb_init(low);
  part[0] = arf_get_d(arb_midref(coordinate), ARF_RND_NEAR);
  arb_set_d(low, part[0]);
  arb_sub(low, coordinate, low, bits);
  part[1] = arf_get_d(arb_midref(low), ARF_RND_NEAR);
  arb_clear(low);
}

static void place_corner(const search *s, const point *at, corner *c) {
  arb_t square, one;
  arb_init(square);
  arb_init(one);
  arb_one(one);
  read_coordinate(at->part[0], s->bits, &c->u);
  read_coordinate(at->part[1], s->bits, &c->v);
  arb_mul(square, &c->u, &c->u, s->bits);
  arb_addmul(square, &c->v, &c->v, s->bits);
  arb_one(&c->height);
  c->known = at->on_circle || arb_lt(square, one);
  if (c->known && !at->on_circle) find_height(s, square, &c->height);
  arb_clear(square);
  arb_clear(one);
}

/* Where the tangents at tan(angle / 2) = q and r in a quadrant meet; the point itself if q = r. */
static void place_tangents(const search *s, int quadrant, double q, double r, corner *c) {
  arb_t product, one;
  arb_init(product);
  arb_init(one);
  arb_set_d(&c->u, q);
  arb_set_d(&c->v, r);
  arb_mul(product, &c->u, &c->v, s->bits);
  arb_add(&c->v, &c->v, &c->u, s->bits);
  arb_one(one);
  arb_sub(&c->u, one, product, s->bits);
  arb_add(product, product, one, s->bits);
  arb_div(&c->u, &c->u, product, s->bits);
  arb_div(&c->v, &c->v, product, s->bits);
  for (int turns = 0; turns < quadrant; turns++) {
    arb_swap(&c->u, &c->v);
    arb_neg(&c->u, &c->u);
  }
  arb_one(&c->height);
  c->known = q == r;
  arb_clear(product);
  arb_clear(one);
}

static point circle_point(const search *s, int quadrant, double q) {
  corner c;
  point at = {.on_circle = true};
  corner_init(&c);
  place_tangents(s, quadrant, q, q, &c);
  write_coordinate(&c.u, s->bits, at.part[0]);
  write_coordinate(&c.v, s->bits, at.part[1]);
  corner_clear(&c);
  return at;
}

/* ---- the weights: max sum y_k c_k, sum y_k l_k <= h at three corners, y >= 0 ---- */

/* out = l_k at a corner */
static void find_level(const search *s, int64_t k, const corner *c, arb_t out) {
  const wg_ball_half *half = &s->halves[k];
  arb_set(out, &half->normal[0]);
  arb_addmul(out, &half->normal[1], &c->u, s->bits);
  arb_addmul(out, &half->normal[2], &c->v, s->bits);
}

static double scaled(const arb_t ball, slong exponent) {
  arb_t small;
  arb_init(small);
  arb_mul_2exp_si(small, ball, -exponent);
  double value = arf_get_d(arb_midref(small), ARF_RND_NEAR);
  arb_clear(small);
  return value;
}

static void set_program(search *s, const corner corners[CORNERS]) {
  arb_t level;
  arb_init(level);
  for (int64_t k = 0; k < s->count; k++) {
    s->columns[k].profit = s->least[k];
    for (int i = 0; i < CORNERS; i++) {
      find_level(s, k, &corners[i], level);
      s->columns[k].row[i] = scaled(level, s->exponents[k]);
    }
  }
  arb_clear(level);
}

/* least = min(least, h / sum y_k l_k at the corner), if the sum is positive. */
static void scale_weights(const search *s, const corner *c, arb_srcptr weights,
                          const wg_plane_weights *found, arb_t least) {
  arb_t sum, part;
  arb_init(sum);
  arb_init(part);
  for (int j = 0; j < found->count; j++) {
    find_level(s, found->cut[j], c, part);
    arb_addmul(sum, part, weights + j, s->bits);
  }
  if (!arb_is_nonpositive(sum)) {
    arb_get_ubound_arf(arb_midref(sum), sum, s->bits);
    mag_zero(arb_radref(sum));
    arb_div(part, &c->height, sum, s->bits);
    arb_min(least, least, part, s->bits);
  }
  arb_clear(sum);
  arb_clear(part);
}

/* sum y_k c_k, the weights scaled until they are feasible for sure. */
static double proved_bound(const search *s, const corner corners[CORNERS],
                           const wg_plane_weights *found) {
  arb_ptr weights = _arb_vec_init(WG_PLANE_ROWS + 1);
  arb_t sum, scale;
  arb_init(sum);
  arb_init(scale);
  arb_pos_inf(scale);
  for (int j = 0; j < found->count; j++) {
    arb_set_d(weights + j, found->weight[j]);
    arb_mul_2exp_si(weights + j, weights + j, -s->exponents[found->cut[j]]);
    arb_addmul(sum, weights + j, &s->halves[found->cut[j]].least, s->bits);
  }
  for (int i = 0; i < CORNERS; i++) scale_weights(s, &corners[i], weights, found, scale);
  arb_mul(sum, sum, scale, s->bits);
  double bound = found->count ? end_of(sum, false, s->bits) : 0.0;
  _arb_vec_clear(weights, WG_PLANE_ROWS + 1);
  arb_clear(sum);
  arb_clear(scale);
  return bound > 0.0 ? bound : 0.0; /* not a number: nothing */
}

/* ---- pieces ---- */

/* Offers h max_k c_k / l_k at a corner in the disk as the lowest value met. */
static void offer_value(search *s, const corner *c) {
  double value = 0.0;
  arb_t part;
  arb_init(part);
  for (int64_t k = 0; k < s->count && value < s->least_value; k++) {
    find_level(s, k, c, part); /* not negative; where it may be zero, nothing is offered */
    arb_div(part, &s->halves[k].least, part, s->bits);
    arb_mul(part, part, &c->height, s->bits);
    value = arb_is_finite(part) ? WG_MAX(value, end_of(part, true, s->bits)) : INFINITY;
  }
  s->least_value = WG_MIN(s->least_value, value);
  arb_clear(part);
}

/* Offers the values at corners, unless doubles say that they are no news. */
static void consider_values(search *s, const corner corners[CORNERS]) {
  for (int i = 0; i < CORNERS; i++) {
    double most = 0.0;
    if (!corners[i].known) continue;
    for (int64_t k = 0; k < s->count; k++) most = WG_MAX(most, s->least[k] / s->columns[k].row[i]);
    most *= arf_get_d(arb_midref(&corners[i].height), ARF_RND_NEAR);
    if (ldexp(most, s->exponent) <= s->least_value * (1.0 + 1e-9)) offer_value(s, &corners[i]);
  }
}

static void place_corners(const search *s, const cell *c, corner corners[CORNERS]) {
  for (int i = 0; i < CORNERS && c->quadrant < 0; i++) place_corner(s, &c->at[i], &corners[i]);
  if (c->quadrant < 0) return;
  place_tangents(s, c->quadrant, c->from, c->from, &corners[0]);
  place_tangents(s, c->quadrant, c->to, c->to, &corners[1]);
  place_tangents(s, c->quadrant, c->from, c->to, &corners[2]);
}

static void examine(search *s, cell *c) {
  corner corners[CORNERS];
  wg_plane_weights found;
  double heights[CORNERS];
  for (int i = 0; i < CORNERS; i++) corner_init(&corners[i]);
  place_corners(s, c, corners);
  for (int i = 0; i < CORNERS; i++)
    heights[i] = arf_get_d(arb_midref(&corners[i].height), ARF_RND_NEAR);
  set_program(s, corners);
  consider_values(s, corners);
  wg_plane_program(s->count, s->columns, heights, &found);
  c->bound = proved_bound(s, corners, &found);
  for (int i = 0; i < CORNERS; i++) corner_clear(&corners[i]);
}

/* ---- the heap, lowest bound first ---- */

static int push(search *s, cell added) {
  examine(s, &added);
  if (added.bound >= s->least_value) return WG_OK;
  if (s->size == s->capacity) {
    int64_t capacity = 2 * s->capacity + 64;
    cell *heap = WG_GROW(s->mem, s->heap, cell, capacity);
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

static cell pop(search *s) {
  cell lowest = s->heap[0], moved = s->heap[--s->size];
  int64_t at = 0;
  for (int64_t child; (child = 2 * at + 1) < s->size; at = child) {
    if (child + 1 < s->size && s->heap[child + 1].bound < s->heap[child].bound) child++;
    if (s->heap[child].bound >= moved.bound) break;
    s->heap[at] = s->heap[child];
  }
  s->heap[at] = moved;
  return lowest;
}

/* ---- dividing ---- */

static double distance(const point *a, const point *b) {
  double step[2];
  for (int k = 0; k < 2; k++)
    step[k] = (a->part[k][0] - b->part[k][0]) + (a->part[k][1] - b->part[k][1]);
  return hypot(step[0], step[1]);
}

static point middle_of(const search *s, const point *a, const point *b) {
  point middle = {.on_circle = false};
  arb_t here, there;
  arb_init(here);
  arb_init(there);
  for (int k = 0; k < 2; k++) {
    read_coordinate(a->part[k], s->bits, here);
    read_coordinate(b->part[k], s->bits, there);
    arb_add(here, here, there, s->bits);
    arb_mul_2exp_si(here, here, -1);
    write_coordinate(here, s->bits, middle.part[k]);
  }
  arb_clear(here);
  arb_clear(there);
  return middle;
}

/* Across the longest side. */
static int halve_triangle(search *s, const cell *c, bool *divided) {
  int first = 0;
  for (int i = 1; i < CORNERS; i++)
    if (distance(&c->at[i], &c->at[(i + 1) % CORNERS]) >
        distance(&c->at[first], &c->at[(first + 1) % CORNERS]))
      first = i;
  const point *from = &c->at[first], *to = &c->at[(first + 1) % CORNERS];
  *divided = distance(from, to) >= shortest_side;
  if (!*divided) return WG_OK;
  const point *apex = &c->at[(first + 2) % CORNERS], middle = middle_of(s, from, to);
  WG_TRY(push(s, (cell){.quadrant = -1, .at = {*from, middle, *apex}}));
  return push(s, (cell){.quadrant = -1, .at = {middle, *to, *apex}});
}

static int halve_cap(search *s, const cell *c, bool *divided) {
  const int quadrant = c->quadrant;
  const double from = c->from, to = c->to, middle = 0.5 * (from + to); /* exact */
  *divided = to - from >= shortest_arc;
  if (!*divided) return WG_OK;
  WG_TRY(push(s, (cell){.quadrant = quadrant, .from = from, .to = middle}));
  WG_TRY(push(s, (cell){.quadrant = quadrant, .from = middle, .to = to}));
  return push(s, (cell){.quadrant = -1,
                        .at = {circle_point(s, quadrant, from), circle_point(s, quadrant, middle),
                               circle_point(s, quadrant, to)}});
}

/* A square in the disk, and the caps on its sides. */
static int begin(search *s) {
  point at[4];
  for (int quadrant = 0; quadrant < 4; quadrant++) {
    at[quadrant] = circle_point(s, quadrant, 0.0);
    WG_TRY(push(s, (cell){.quadrant = quadrant, .from = 0.0, .to = 1.0}));
  }
  WG_TRY(push(s, (cell){.quadrant = -1, .at = {at[0], at[1], at[2]}}));
  return push(s, (cell){.quadrant = -1, .at = {at[2], at[3], at[0]}});
}

/* low and high enclose the number wanted. Pieces at the lowest value met or above are never kept,
 * so an empty heap proves that value. */
static int hunt(search *s, double *low) {
  WG_TRY(begin(s));
  for (int64_t count = 0; s->size > 0; count++) {
    const cell lowest = pop(s);
    bool divided = true;
    *low = WG_MIN(lowest.bound, s->least_value);
    if (count == MOST || lowest.bound >= s->least_value * (1.0 - agreement)) return WG_OK;
    WG_TRY(lowest.quadrant < 0 ? halve_triangle(s, &lowest, &divided)
                               : halve_cap(s, &lowest, &divided));
    if (!divided) return WG_OK;
  }
  *low = s->least_value;
  return WG_OK;
}

/* ---- scales ---- */

static slong exponent_of(const arb_t ball) {
  mag_t size;
  mag_init(size);
  arb_get_mag(size, ball);
  slong exponent = fmpz_get_si(MAG_EXPREF(size));
  mag_clear(size);
  return exponent;
}

/* The first entry of a normal is its largest, Q being PSD; it is not zero where c > 0. */
static int set_scales(search *s) {
  s->exponents = WG_NEW(s->mem, slong, s->count);
  s->least = WG_NEW(s->mem, double, s->count);
  s->columns = WG_NEW(s->mem, wg_plane_column, s->count + CORNERS);
  if (!s->exponents || !s->least || !s->columns) return wg_no_memory();
  slong largest = WORD_MIN;
  for (int64_t k = 0; k < s->count; k++) {
    s->exponents[k] = exponent_of(&s->halves[k].normal[0]);
    largest = WG_MAX(largest, exponent_of(&s->halves[k].least) - s->exponents[k]);
  }
  for (int64_t k = 0; k < s->count; k++)
    s->least[k] = scaled(&s->halves[k].least, s->exponents[k] + largest);
  s->exponent = (int)largest;
  return WG_OK;
}

int wg_ball_plane(wg_mem *mem, int64_t count, const wg_ball_half *halves, double p, slong bits,
                  double *low, double *high) {
  search s = {.mem = mem, .count = count, .halves = halves, .bits = bits, .least_value = INFINITY};
  *low = *high = 0.0;
  if (count == 0) return WG_OK;
  arb_init(s.p);
  arb_init(s.root);
  arb_set_d(s.p, p);
  arb_inv(s.root, s.p, bits);
  int status = set_scales(&s);
  if (status == WG_OK) status = hunt(&s, low);
  *high = s.least_value;
  arb_clear(s.p);
  arb_clear(s.root);
  wg_drop(mem, s.heap);
  wg_drop(mem, s.exponents);
  wg_drop(mem, s.least);
  wg_drop(mem, s.columns);
  return status;
}
