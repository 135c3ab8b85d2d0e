/* Judges a claim in ball arithmetic: lower_lo <= W2 <= upper_hi is then a theorem about the stored
 * doubles (theory 3.2).
 *
 * Both bounds are real numbers defined by the certificate alone:
 *   L = max(0, sum a (f - v) / A + sum b g / B) / max(1, gamma°(Q+)), Q+ the PSD part of the
 *       gauge's blocks of q, v the least repair of f under the cost (y - x)' Q+ (y - x)
 *       (rigorous_gauge.c, rigorous_pairs.c); for p < 1 under the trace, and in the plane at least
 *       what the cuts prove (rigorous_plane.c), and where one cloud has a single point gamma of the
 *       only coupling there is;
 *   U = (gamma(Sigma_P) + e D^2 unit) / A (rigorous_plan.c).
 * L <= W2 <= U by the theorems of lower.c and upper.c, which are about exact numbers. Here L and U
 * are enclosed by balls, and the ends of these rounded outward to doubles; as L <= U, the upper end
 * of L is never left above that of U, nor the lower end of U below that of L. A claim is proved if
 * it is not better than the far ends.
 *
 * What is trusted: FLINT's Arb, IEEE doubles for + - * in the filter of pairs, and the compiler.
 * LAPACK proposes eigenvectors, which are not believed.
 *
 * Precision. 128 bits, doubled until the claim is decided: at most the lower end of L or above the
 * upper end (a refusal), and likewise for U. At most 4096 bits, where sums and products of doubles
 * are exact; what is undecided there is refused. Up to 1024 bits are also spent on making both
 * enclosures narrower than a unit of the last place of the upper bound, for those who read them.
 * 128 are enough unless the points or potentials cancel beyond that.
 *
 * Memory. FLINT allocates by itself and ends the process (abort) when it is refused. Its hooks
 * would replace the allocator of the whole process, of a host's own use of FLINT too, so they are
 * left alone. Instead what FLINT will need at most is asked for through wg_mem and given back
 * before it begins: a limit is kept and a plain lack of memory is survived; a process whose memory
 * goes in that very moment, or a system that promises more than it has, is not protected. All
 * arrays that grow with the clouds are ours. */
#include <float.h>
#include <stdio.h>

#include "certify/rigorous.h"

enum { FIRST_BITS = 128, SHARPEST_BITS = 1024, LAST_BITS = 4096, SHARP_BITS = 54 };

typedef struct bounds {
  double lower_lo, lower_hi, upper_lo, upper_hi;
  mag_t lower_radius; /* the largest radius on the way to the lower bound */
  mag_t upper_radius;
} bounds;

typedef struct task {
  wg_mem *mem;
  int threads;
  wg_cert_data data;
  const wg_certificate *c;
  wg_gauge_spec spec, minorant;
  slong bits;
} task;

/* Asks for what FLINT may need and gives it back. */
static int reserve(const task *t) {
  const size_t words = (size_t)(t->bits / 64), d = (size_t)t->data.d, threads = (size_t)t->threads;
  const size_t number = sizeof(arb_struct) + 8 * words;
  void *room = wg_new(t->mem, 32 * d * d + 16 * 256 * d + threads * (d + 16) + 4096, number);
  if (!room) return wg_no_memory();
  wg_drop(t->mem, room);
  return WG_OK;
}

/* ---- outward ---- */

/* Not below zero; what is not a number is. */
static double low_end(const arb_t ball, slong bits) {
  arf_t end;
  arf_init(end);
  arb_get_lbound_arf(end, ball, bits);
  double value = arf_get_d(end, ARF_RND_FLOOR);
  arf_clear(end);
  return value > 0.0 ? value : 0.0;
}

static double high_end(const arb_t ball, slong bits) {
  arf_t end;
  arf_init(end);
  arb_get_ubound_arf(end, ball, bits);
  double value = arf_get_d(end, ARF_RND_CEIL);
  arf_clear(end);
  return isnan(value) ? INFINITY : WG_MAX(value, 0.0);
}

static void note_radius(const arb_t ball, mag_t most) { mag_max(most, most, arb_radref(ball)); }

/* ---- the lower bound ---- */

/* max(0, L) / max(1, gamma°(Q+)) */
static int pair_bound(const task *t, bounds *found) {
  wg_ball_factor factor;
  arb_t value, floor;
  WG_TRY(wg_ball_factor_of(t->mem, &t->minorant, t->c->q, t->bits, &factor));
  arb_init(value);
  arb_init(floor);
  const wg_cert_potentials dual = wg_cert_potentials_of(t->c);
  int status = wg_ball_transport(t->mem, t->threads, &t->data, &factor, &dual, t->bits, value);
  note_radius(value, found->lower_radius);
  arb_max(value, value, floor, t->bits);
  arb_one(floor);
  arb_max(floor, floor, factor.dual, t->bits);
  arb_div(value, value, floor, t->bits);
  found->lower_lo = low_end(value, t->bits);
  found->lower_hi = high_end(value, t->bits);
  note_radius(value, found->lower_radius);
  arb_clear(value);
  arb_clear(floor);
  wg_ball_factor_clear(&factor);
  return status;
}

static void half_init(wg_ball_half *half) {
  for (int i = 0; i < 3; i++) arb_init(&half->normal[i]);
  arb_init(&half->least);
}

static void half_clear(wg_ball_half *half) {
  for (int i = 0; i < 3; i++) arb_clear(&half->normal[i]);
  arb_clear(&half->least);
}

/* The normal of Q+: ((q11 + q22) / 2, (q11 - q22) / 2, q12). */
static void set_normal(const wg_ball_factor *factor, slong bits, wg_ball_half *half) {
  arb_t q11, q12, q22;
  arb_init(q11);
  arb_init(q12);
  arb_init(q22);
  for (slong i = 0; i < factor->rank; i++) {
    arb_srcptr row = arb_mat_entry(factor->rows, i, 0);
    arb_addmul(q11, row, row, bits);
    arb_addmul(q12, row, row + 1, bits);
    arb_addmul(q22, row + 1, row + 1, bits);
  }
  arb_add_error_mag(q11, factor->slack);
  arb_add_error_mag(q12, factor->slack);
  arb_add_error_mag(q22, factor->slack);
  arb_add(&half->normal[0], q11, q22, bits);
  arb_sub(&half->normal[1], q11, q22, bits);
  arb_mul_2exp_si(&half->normal[0], &half->normal[0], -1);
  arb_mul_2exp_si(&half->normal[1], &half->normal[1], -1);
  arb_set(&half->normal[2], q12);
  arb_clear(q11);
  arb_clear(q12);
  arb_clear(q22);
}

static int find_half(const task *t, int64_t k, wg_ball_half *half) {
  wg_ball_factor factor;
  const wg_certificate *c = t->c;
  WG_TRY(wg_ball_factor_of(t->mem, &t->minorant, c->cut_q + 4 * k, t->bits, &factor));
  set_normal(&factor, t->bits, half);
  const wg_cert_potentials dual = {.f = c->cut_f + k * c->n, .g = c->cut_g + k * c->m};
  int status =
      wg_ball_transport(t->mem, t->threads, &t->data, &factor, &dual, t->bits, &half->least);
  wg_ball_factor_clear(&factor);
  return status;
}

/* All cuts that say something: with a positive right side. */
static int find_halves(const task *t, wg_ball_half *halves, int64_t *count, bounds *found) {
  *count = 0;
  for (int64_t k = 0; k < t->c->cuts; k++) {
    wg_ball_half *half = &halves[*count];
    half_init(half);
    int status = find_half(t, k, half);
    note_radius(&half->least, found->lower_radius);
    if (status == WG_OK && arb_is_positive(&half->least))
      ++*count;
    else
      half_clear(half);
    WG_TRY(status);
  }
  return WG_OK;
}

/* Raises the lower bound to what the cuts prove. */
static int cuts_bound(const task *t, bounds *found) {
  int64_t count;
  double low = 0.0, high = 0.0;
  wg_ball_half *halves = WG_NEW(t->mem, wg_ball_half, t->c->cuts);
  if (!halves) return wg_no_memory();
  int status = find_halves(t, halves, &count, found);
  if (status == WG_OK)
    status = wg_ball_plane(t->mem, count, halves, t->spec.blocks[0].p, t->bits, &low, &high);
  while (count > 0) half_clear(&halves[--count]);
  wg_drop(t->mem, halves);
  found->lower_lo = WG_MAX(found->lower_lo, low);
  found->lower_hi = WG_MAX(found->lower_hi, high);
  return status;
}

/* Raises the lower bound to gamma of the only coupling, where there is only one and p < 1. */
static int only_bound(const task *t, bounds *found) {
  wg_cert_plan only;
  arb_t value;
  if (wg_gauge_is_convex(&t->spec)) return WG_OK;
  WG_TRY(wg_cert_only_plan(&t->data, t->mem, &only));
  if (only.count == 0) return WG_OK;
  arb_init(value);
  int status = wg_ball_only(t->mem, &t->data, &t->spec, &only, t->bits, value);
  note_radius(value, found->lower_radius);
  found->lower_lo = WG_MAX(found->lower_lo, low_end(value, t->bits));
  found->lower_hi = WG_MAX(found->lower_hi, high_end(value, t->bits));
  arb_clear(value);
  return status;
}

/* ---- both ---- */

static int upper_bound(const task *t, bounds *found) {
  const wg_certificate *c = t->c;
  arb_t value;
  arb_init(value);
  const wg_cert_plan plan = wg_cert_plan_of(c);
  int status = wg_ball_upper(t->mem, &t->data, &t->spec, &plan, t->bits, value);
  found->upper_lo = low_end(value, t->bits);
  found->upper_hi = high_end(value, t->bits);
  note_radius(value, found->upper_radius);
  arb_clear(value);
  return status;
}

static int derive(const task *t, bounds *found) {
  mag_zero(found->lower_radius);
  mag_zero(found->upper_radius);
  WG_TRY(reserve(t));
  WG_TRY(upper_bound(t, found));
  WG_TRY(pair_bound(t, found));
  WG_TRY(only_bound(t, found));
  if (t->c->cuts > 0) WG_TRY(cuts_bound(t, found));
  found->lower_hi = WG_MIN(found->lower_hi, found->upper_hi);
  found->upper_lo = WG_MAX(found->upper_lo, found->lower_lo);
  return WG_OK;
}

/* Whether more bits could change a double. */
static bool is_sharp(const bounds *found) {
  mag_t scale;
  mag_init(scale);
  if (isfinite(found->upper_lo)) mag_set_d_lower(scale, found->upper_lo);
  mag_mul_2exp_si(scale, scale, -SHARP_BITS);
  bool sharp = mag_cmp(found->lower_radius, scale) <= 0 && mag_cmp(found->upper_radius, scale) <= 0;
  mag_clear(scale);
  return sharp || (found->upper_hi == 0.0);
}

/* Whether more bits could change the verdict. */
static bool is_decided(const wg_certificate *c, const bounds *found) {
  const bool lower = c->lower <= found->lower_lo || c->lower > found->lower_hi;
  const bool upper = found->upper_hi <= c->upper || found->upper_lo > c->upper;
  return lower && upper;
}

static int enclose(task *t, bounds *found) {
  mag_init(found->lower_radius);
  mag_init(found->upper_radius);
  int status = WG_OK;
  for (t->bits = FIRST_BITS;; t->bits *= 2) {
    status = derive(t, found);
    if (status < 0 || t->bits == LAST_BITS) break;
    if (is_decided(t->c, found) && (t->bits >= SHARPEST_BITS || is_sharp(found))) break;
  }
  mag_clear(found->lower_radius);
  mag_clear(found->upper_radius);
  return status;
}

/* ---- the verdict ---- */

static void explain(const wg_certificate *c, wg_rigorous_verdict *v) {
  int used = 0, size = (int)sizeof v->finding;
  v->finding[0] = '\0';
  if (v->lower_excess > 0.0)
    used = snprintf(v->finding, (size_t)size,
                    "lower bound: %.15g is claimed, only %.15g is proved (%.3g less)", c->lower,
                    v->lower_lo, v->lower_excess);
  if (v->upper_excess > 0.0)
    snprintf(v->finding + used, (size_t)(size - used),
             "%supper bound: %.15g is claimed, only %.15g is proved (%.3g more)", used ? "; " : "",
             c->upper, v->upper_hi, v->upper_excess);
}

static int check(task *t) {
  const wg_certificate *c = t->c;
  WG_TRY(wg_cert_check(c, &t->spec));
  const wg_cert_plan plan = wg_cert_plan_of(c);
  WG_TRY(wg_cert_check_plan(&t->data, &plan));
  WG_TRY(wg_cert_check_finite("Q", c->d * c->d, c->q, DBL_MAX));
  const wg_cert_potentials dual = wg_cert_potentials_of(c);
  WG_TRY(wg_cert_check_potentials(&t->data, &dual));
  if (c->cuts == 0) return WG_OK;
  WG_TRY(wg_cert_check_finite("Q", c->cuts * 4, c->cut_q, DBL_MAX));
  WG_TRY(wg_cert_check_finite("f", c->cuts * c->n, c->cut_f, WG_CERT_LARGEST));
  return wg_cert_check_finite("g", c->cuts * c->m, c->cut_g, WG_CERT_LARGEST);
}

int wg_cert_verify_rigorous(wg_context *context, const wg_certificate *c,
                            wg_rigorous_verdict *verdict) {
  const double start = wg_now();
  wg_mem mem = wg_mem_of(&context->ledger);
  task t = {.mem = &mem, .threads = context->threads, .c = c};
  t.data =
      (wg_cert_data){.n = c->n, .m = c->m, .d = c->d, .x = c->x, .a = c->a, .y = c->y, .b = c->b};
  WG_TRY(check(&t));
  wg_gauge_minorant(&t.spec, &t.minorant);
  bounds found;
  int status = enclose(&t, &found);
  wg_mem_clear(&mem);
  flint_cleanup(); /* what FLINT keeps for this thread */
  WG_TRY(status);
  *verdict =
      (wg_rigorous_verdict){.struct_size = sizeof *verdict,
                            .valid = c->lower <= found.lower_lo && found.upper_hi <= c->upper,
                            .lower_lo = found.lower_lo,
                            .lower_hi = found.lower_hi,
                            .upper_lo = found.upper_lo,
                            .upper_hi = found.upper_hi,
                            .lower_excess = c->lower - found.lower_lo,
                            .upper_excess = found.upper_hi - c->upper,
                            .bits = t.bits,
                            .gap = wg_cert_gap(c),
                            .open = !(wg_cert_gap(c) <= c->tol),
                            .seconds = wg_now() - start};
  explain(c, verdict);
  if (verdict->valid && verdict->open)
    wg_cert_say_open(c, verdict->finding, (int)sizeof verdict->finding);
  return WG_OK;
}
