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
 * a triangle inside it and beta_k = min over its corners of c_k h / l_k (infinite where l_k <= 0).
 * The function c_k h - beta_k l_k is concave and not negative at the corners, hence on T: every
 * moment with w in T that satisfies cut k has gamma_p >= beta_k. If a corner is outside the disk
 * the same holds with h replaced by 1, which is below it in the disk, and affine. So max_k beta_k
 * bounds a triangle, and the least over triangles that cover the disk bounds gamma_p.
 *
 * The search halves the triangle with the lowest bound across its longest side, beginning with a
 * square; corners are dyadic doubles, so the triangulation is exact. The value at a corner, or on
 * the circle beyond it, is an upper end; it stops when both agree to 2^-46, when a side is shorter
 * than 2^-48, or at most MOST triangles, with a true bound each time. Along the lines where two
 * cuts meet the bound is off by O(side); least values lie at the ends of such lines, so few
 * triangles are halved often. Unlike outer.c nothing is sliced and no radius is carried along.
 *
 * Cost some thousand triangles of 3 K quotients each for K cuts; memory 56 bytes a triangle. */
#include <string.h>

#include "certify/rigorous.h"

enum { CORNERS = 3, MOST = 1 << 15 };
static const double agreement = 0x1p-46, shortest = 0x1p-48;

typedef struct cell {
  double bound;
  double at[CORNERS][2];
} cell;

typedef struct search {
  wg_mem *mem;
  int64_t count;
  const wg_ball_half *halves;
  arb_t p, root; /* p and 1 / p */
  slong bits;
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
  arb_struct u, v, height; /* height: h, or 1 outside the disk */
  bool inside;
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

/* h at squared radius s <= 1. (1 - |w|) is (1 - s) / (1 + |w|): no cancellation, exact at one. */
static void find_height(const search *s, const arb_t square, arb_t height) {
  arb_t inner, outer;
  arb_init(inner);
  arb_init(outer);
  arb_sqrt(outer, square, s->bits);
  arb_add_si(outer, outer, 1, s->bits);
  arb_sub_si(inner, square, 1, s->bits);
  arb_neg(inner, inner);
  arb_div(inner, inner, outer, s->bits);
  arb_pow(height, outer, s->p, s->bits);
  if (!arb_is_zero(inner)) {
    arb_pow(inner, inner, s->p, s->bits);
    arb_add(height, height, inner, s->bits);
  }
  arb_pow(height, height, s->root, s->bits);
  arb_mul_2exp_si(height, height, -1);
  arb_clear(inner);
  arb_clear(outer);
}

static void place_corner(const search *s, const double at[2], corner *c) {
  arb_t square, one;
  arb_init(square);
  arb_init(one);
  arb_one(one);
  arb_set_d(&c->u, at[0]);
  arb_set_d(&c->v, at[1]);
  arb_mul(square, &c->u, &c->u, s->bits);
  arb_addmul(square, &c->v, &c->v, s->bits);
  c->inside = arb_le(square, one);
  if (c->inside)
    find_height(s, square, &c->height);
  else
    arb_one(&c->height);
  arb_clear(square);
  arb_clear(one);
}

/* Moves a corner outside the disk to the circle, where h is 1 too. */
static void project(const search *s, corner *c) {
  arb_t length;
  arb_init(length);
  arb_mul(length, &c->u, &c->u, s->bits);
  arb_addmul(length, &c->v, &c->v, s->bits);
  arb_rsqrt(length, length, s->bits);
  arb_mul(&c->u, &c->u, length, s->bits);
  arb_mul(&c->v, &c->v, length, s->bits);
  arb_clear(length);
}

/* out = c_k / l_k at the corner; false where l_k <= 0 for sure. */
static bool quotient(const search *s, const wg_ball_half *half, const corner *c, arb_t out) {
  arb_set(out, &half->normal[0]);
  arb_addmul(out, &half->normal[1], &c->u, s->bits);
  arb_addmul(out, &half->normal[2], &c->v, s->bits);
  if (arb_is_nonpositive(out)) return false;
  if (!arb_is_positive(out)) { /* the sign is open: only the upper end of l_k is of use */
    arb_get_ubound_arf(arb_midref(out), out, s->bits);
    mag_zero(arb_radref(out));
  }
  arb_div(out, &half->least, out, s->bits);
  return true;
}

/* ---- triangles ---- */

/* Offers h max_k c_k / l_k at a corner in the disk as the lowest value met. */
static void offer_value(search *s, const corner *c) {
  double value = 0.0;
  arb_t part;
  arb_init(part);
  for (int64_t k = 0; k < s->count; k++) {
    /* l_k >= 0 in the disk: where it may be zero, nothing is offered. */
    arb_set(part, &s->halves[k].normal[0]);
    arb_addmul(part, &s->halves[k].normal[1], &c->u, s->bits);
    arb_addmul(part, &s->halves[k].normal[2], &c->v, s->bits);
    arb_div(part, &s->halves[k].least, part, s->bits);
    arb_mul(part, part, &c->height, s->bits);
    value = arb_is_finite(part) ? WG_MAX(value, end_of(part, true, s->bits)) : INFINITY;
    if (value >= s->least_value) break;
  }
  s->least_value = WG_MIN(s->least_value, value);
  arb_clear(part);
}

/* max_k min over corners of c_k h / l_k. */
static double bound_of(const search *s, const corner corners[CORNERS], bool inside) {
  double most = 0.0;
  arb_t value;
  arb_init(value);
  for (int64_t k = 0; k < s->count; k++) {
    double least = INFINITY;
    for (int i = 0; i < CORNERS && least > most; i++) {
      if (!quotient(s, &s->halves[k], &corners[i], value)) continue;
      if (inside) arb_mul(value, value, &corners[i].height, s->bits);
      double end = end_of(value, false, s->bits);
      least = end < least ? end : end >= least ? least : 0.0; /* not a number: nothing */
    }
    most = WG_MAX(most, least);
  }
  arb_clear(value);
  return most;
}

static void examine(search *s, cell *c) {
  corner corners[CORNERS];
  bool inside = true;
  for (int i = 0; i < CORNERS; i++) {
    corner_init(&corners[i]);
    place_corner(s, c->at[i], &corners[i]);
    inside = inside && corners[i].inside;
  }
  c->bound = bound_of(s, corners, inside);
  for (int i = 0; i < CORNERS; i++) {
    if (!corners[i].inside) project(s, &corners[i]);
    offer_value(s, &corners[i]);
    corner_clear(&corners[i]);
  }
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

/* Puts the longest side first; its length. */
static double turn(cell *c) {
  double longest = 0.0;
  int first = 0;
  for (int i = 0; i < CORNERS; i++) {
    const double *here = c->at[i], *next = c->at[(i + 1) % CORNERS];
    double length = hypot(next[0] - here[0], next[1] - here[1]);
    if (length <= longest) continue;
    longest = length;
    first = i;
  }
  cell turned = {.bound = c->bound};
  for (int i = 0; i < CORNERS; i++)
    memcpy(turned.at[i], c->at[(first + i) % CORNERS], sizeof turned.at[i]);
  *c = turned;
  return longest;
}

static int halve(search *s, const cell *c) {
  cell left = *c, right = *c;
  for (int k = 0; k < 2; k++)
    left.at[1][k] = right.at[0][k] = 0.5 * (c->at[0][k] + c->at[1][k]); /* exact */
  WG_TRY(push(s, left));
  return push(s, right);
}

/* low and high enclose the number wanted. Triangles at the lowest value met or above are never
 * kept, so an empty heap proves that value. */
static int hunt(search *s, double *low) {
  static const cell square[2] = {{0.0, {{-1, -1}, {1, -1}, {1, 1}}},
                                 {0.0, {{-1, -1}, {1, 1}, {-1, 1}}}};
  WG_TRY(push(s, square[0]));
  WG_TRY(push(s, square[1]));
  for (int64_t halved = 0; s->size > 0; halved++) {
    cell lowest = pop(s);
    *low = WG_MIN(lowest.bound, s->least_value);
    if (halved == MOST || lowest.bound >= s->least_value * (1.0 - agreement)) return WG_OK;
    if (turn(&lowest) < shortest) return WG_OK;
    WG_TRY(halve(s, &lowest));
  }
  *low = s->least_value;
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
  int status = hunt(&s, low);
  *high = s.least_value;
  arb_clear(s.p);
  arb_clear(s.root);
  wg_drop(mem, s.heap);
  return status;
}
