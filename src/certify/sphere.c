/* Both bounds of UW_gamma^2 between finite measures on the sphere (theory 7), from a semi-coupling
 * and from Q with one potential, rounding included. Here: the data, and the bound from below.
 *
 * The theorem (docs/theory/sphere.md). For mu = sum n0_i delta(w_i), nu = sum n1_j delta(w'_j),
 * w = x / |x| exactly:
 * any masses g0, g1 >= 0 of pairs whose row sums g0_i. <= n0_i, column sums g1_.j <= n1_j, with any
 * 0 <= c <= sqrt(g0 g1), give UW^2 <= gamma(A), and A is a sum of positive semidefinite terms: with
 * theta = c / sqrt(g0 g1) in [0, 1],
 *   A = sum theta (sqrt g0 w - sqrt g1 w')(..)' + (1 - theta)(g0 w w' + g1 w' w'')
 *       + sum_i (n0_i - g0_i.) w_i w_i' + sum_j (n1_j - g1_.j) w'_j w'_j'     (sphere_upper.c).
 * Any Q = R'R with rows in single blocks of the gauge, G >= gamma°(Q) > 0, any u > 0 and
 *   v_j >= max_i (w_i'Q w'_j)_+^2 / u_i   (all pairs are scanned) give
 *   UW^2 >= ( sum n0_i (|R w_i|^2 - u_i) + sum n1_j (|R w'_j|^2 - v_j) ) / G.
 *
 * Scale. Rows, masses, Q and u are multiplied by powers of two of their own, so that each is of the
 * order of one: what comes out is the same to the bit whatever powers of two came in, and underflow
 * is below `tiny` = 2^-1000, far below rounding. Q and u are only choices: what they lose to
 * scaling is no error. A mass that loses digits (2^-1000 of the largest) is taken from below, and
 * what it lost is lacking in the upper bound, and harmless in the lower one but for tiny.
 *
 * Rounding. Numbers are pairs of doubles (twofold.h, 8 u^2 an operation), so that what is left when
 * measures nearly agree is exact to 1e-30 of the masses. Directions: S = |x|^2 is a sum of
 * positive terms, off by 8 (d + 1) u^2 S. With r = fl(S^-1/2) and rho = 1 - S r^2 (|rho| <= 8u, off
 * by what S is off and 24 u^2), 1 / |x| = r (1 + rho / 2) to (4 d + 40) u^2, the term rho^2 among
 * them; the product adds 12 u^2: off = (4 d + 64) u^2 + tiny, of |w| = 1.
 * With s = |R|_F: a = R w is off by 8 (d + 1) u^2 s + off s <= (12 d + 80) u^2 s, so that |a|^2 and
 * k = a . a' are off by 2 s times that, its square and 8 (d + 1) u^2 s^2: less than
 * e = (40 d + 256) u^2 s^2 + tiny. k + e is squared and divided for v, in pairs: 32 u^2 v more. The
 * differences |a|^2 - u and their products with masses are off by 16 u^2 of their sizes, the sum
 * knows its own error (certify.h). A pair whose k in doubles, with (2 d + 8) u s^2 on top, is not
 * enough for the largest so far is not looked at again. margin multiplies all of it. Cost n0 n1 d,
 * ten times that for pairs near the maximum, memory (n0 + n1) d twofold. */
#include <float.h>

#include "certify/sphere_parts.h"
#include "linalg/la.h"

/* ---- the data ---- */

static int exponent_of(double value) {
  int exponent = 0;
  frexp(value, &exponent);
  return exponent;
}

/* The mass in units of 2^exponent, from below, and what that may have lost. */
static void scale_mass(double mass, int exponent, double *scaled, double *lost) {
  double value = ldexp(mass, -exponent);
  if (ldexp(value, exponent) > mass) value = nextafter(value, 0.0);
  *scaled = value;
  *lost = ldexp(value, exponent) == mass && (value > 0.0 || mass == 0.0) ? 0.0 : WG_CERT_TINY;
}

/* w = x / |x|. */
static void find_direction(int64_t d, const double *x, twofold *w) {
  double largest = 0.0;
  twofold square = {0.0, 0.0};
  for (int64_t k = 0; k < d; k++) largest = WG_MAX(largest, fabs(x[k]));
  const int exponent = exponent_of(largest);
  for (int64_t k = 0; k < d; k++) {
    w[k] = (twofold){ldexp(x[k], -exponent), 0.0};
    square = two_add(square, two_product(w[k].high, w[k].high));
  }
  const double r = 1.0 / sqrt(square.high);
  const twofold unit = two_times(square, two_product(r, r));
  const twofold inverse = {r, 0.5 * r * ((1.0 - unit.high) - unit.low)};
  for (int64_t k = 0; k < d; k++) w[k] = two_scale(inverse, w[k].high);
}

static int check_atom(int64_t d, const double *x, double mass, int side, int64_t i) {
  double largest = 0.0;
  for (int64_t k = 0; k < d; k++) largest = isnan(x[k]) ? INFINITY : WG_MAX(largest, fabs(x[k]));
  if (!(largest > 0.0 && largest <= DBL_MAX))
    return wg_fail(WG_ERR_INPUT,
                   "point %lld of measure %d has no direction: it is zero or not "
                   "finite",
                   (long long)i, side);
  if (!(mass >= 0.0 && mass <= DBL_MAX))
    return wg_fail(WG_ERR_INPUT, "mass %lld of measure %d is %g: it must be finite, not negative",
                   (long long)i, side, mass);
  return WG_OK;
}

static int take_atoms(wg_mem *mem, const wg_cert_sphere *data, wg_cert_atoms *atoms) {
  const int64_t d = data->d;
  double largest = 0.0;
  *atoms = (wg_cert_atoms){.d = d, .n = {data->n[0], data->n[1]}};
  atoms->off = (4.0 * (double)d + 64.0) * WG_UNIT2 + WG_CERT_TINY;
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < data->n[side]; i++) {
      WG_TRY(check_atom(d, data->w[side] + i * d, data->mass[side][i], side, i));
      largest = WG_MAX(largest, data->mass[side][i]);
    }
  atoms->exponent = exponent_of(largest);
  for (int side = 0; side < 2; side++) {
    const int64_t n = data->n[side];
    atoms->rows[side] = data->w[side];
    atoms->mass[side] = WG_NEW(mem, double, n);
    atoms->lost[side] = WG_NEW(mem, double, n);
    atoms->w[side] = WG_NEW(mem, twofold, n * d);
    if (!atoms->mass[side] || !atoms->lost[side] || !atoms->w[side]) return wg_no_memory();
    for (int64_t i = 0; i < n; i++) {
      find_direction(d, data->w[side] + i * d, atoms->w[side] + i * d);
      scale_mass(data->mass[side][i], atoms->exponent, &atoms->mass[side][i],
                 &atoms->lost[side][i]);
    }
  }
  return WG_OK;
}

/* ---- from below ---- */

typedef struct dual {
  const wg_cert_atoms *atoms;
  wg_cert_factor r;
  double *u;
  twofold *v, *seen[2]; /* n x rank: R w             */
  double off, screen;   /* of |R w|^2 and k; of k in doubles */
  double margin;
} dual;

/* Q and u in units of a power of two in which Q is of the order of one. */
static int take_dual(wg_mem *mem, const wg_gauge_spec *spec, const double *q, const double *u,
                     dual *t) {
  const int64_t d = spec->d, n = t->atoms->n[0];
  const double least = 0x1p-900, most = 0x1p900;
  double *scaled = WG_NEW(mem, double, d *d), largest = 0.0;
  t->u = WG_NEW(mem, double, n);
  if (!scaled || !t->u) return wg_no_memory();
  WG_TRY(wg_cert_check_finite("Q", d * d, q, DBL_MAX));
  for (int64_t k = 0; k < d * d; k++) largest = WG_MAX(largest, fabs(q[k]));
  const int exponent = exponent_of(largest);
  for (int64_t k = 0; k < d * d; k++) scaled[k] = ldexp(q[k], -exponent);
  for (int64_t i = 0; i < n; i++) {
    if (!(u[i] > 0.0 && u[i] <= DBL_MAX))
      return wg_fail(WG_ERR_INPUT, "u[%lld] = %g must be positive and finite", (long long)i, u[i]);
    t->u[i] = WG_MIN(WG_MAX(ldexp(u[i], -exponent), least), most);
  }
  WG_TRY(wg_cert_factor_build(spec, scaled, mem, &t->r));
  const double size = t->r.norm2 * (1.0 + 1e-6), dimension = (double)d;
  t->off = t->margin * (40.0 * dimension + 256.0) * WG_UNIT2 * size + WG_CERT_TINY;
  t->screen = t->margin * (2.0 * dimension + 8.0) * WG_UNIT * size + t->off;
  return WG_OK;
}

/* G. The rates of a maximum go into the rows of R first, G = gamma°(D R'R D) with rates one: what
 * is paid is relative to what counts, and not to the largest rate. Rounding of the rows moves the
 * product by 2u |R D|_F^2 more than wg_cert_factor_dual pays for, (rank + 4) u: twice that is
 * enough. */
static int find_dual_gauge(wg_mem *mem, const wg_gauge_spec *spec, const dual *t, double *gauge) {
  wg_gauge_spec plain = *spec;
  wg_cert_factor r = t->r;
  if (!(r.rows = WG_NEW(mem, double, r.d *r.d))) return wg_no_memory();
  r.norm2 = 0.0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    plain.blocks[b].rate = 1.0;
    for (int64_t c = 0; c < r.rank; c++)
      for (int64_t k = block->start; k < block->start + block->size; k++) {
        const double entry = block->rate * t->r.rows[c * r.d + k];
        r.rows[c * r.d + k] = entry;
        r.norm2 += 2.0 * entry * entry;
      }
  }
  return wg_cert_factor_dual(&plain, &r, t->margin, mem, gauge);
}

static twofold two_dot(int64_t n, const twofold *a, const twofold *b) {
  twofold sum = {0.0, 0.0};
  for (int64_t k = 0; k < n; k++) sum = two_add(sum, two_times(a[k], b[k]));
  return sum;
}

static int see(wg_mem *mem, dual *t, int side) {
  const int64_t n = t->atoms->n[side], d = t->r.d, rank = t->r.rank;
  t->seen[side] = WG_NEW(mem, twofold, n * rank);
  if (!t->seen[side]) return wg_no_memory();
  for (int64_t i = 0; i < n; i++)
    for (int64_t c = 0; c < rank; c++) {
      const twofold *w = t->atoms->w[side] + i * d;
      twofold sum = {0.0, 0.0};
      for (int64_t k = 0; k < d; k++) sum = two_add(sum, two_scale(w[k], t->r.rows[c * d + k]));
      t->seen[side][i * rank + c] = sum;
    }
  return WG_OK;
}

/* v from above, for all atoms of side 1. */
static void find_v(dual *t, int threads) {
  const int64_t rank = t->r.rank, n = t->atoms->n[0], m = t->atoms->n[1];
  const double work = (double)(n * m * rank);
#pragma omp parallel for num_threads(wg_threads_for(threads, work)) schedule(static)
  for (int64_t j = 0; j < m; j++) {
    const twofold *far = t->seen[1] + j * rank;
    twofold most = {0.0, 0.0};
    for (int64_t i = 0; i < n; i++) {
      const twofold *own = t->seen[0] + i * rank;
      double k = t->screen;
      for (int64_t c = 0; c < rank; c++) k += own[c].high * far[c].high;
      if (!(k > 0.0 && k * k / t->u[i] * (1.0 + 16.0 * WG_UNIT) > most.high)) continue;
      const twofold above = two_add(two_dot(rank, own, far), (twofold){t->off, 0.0});
      if (!(above.high > 0.0)) continue;
      const twofold value = two_over(two_times(above, above), t->u[i]);
      if (two_value(two_minus(value, most)) > 0.0) most = value;
    }
    t->v[j] = most;
  }
}

static double dual_value(const dual *t) {
  const int64_t rank = t->r.rank;
  wg_cert_sum sum = {0};
  double mass = 0.0, size = 0.0, gone = 0.0;
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < t->atoms->n[side]; i++) {
      const twofold *a = t->seen[side] + i * rank, square = two_dot(rank, a, a);
      const twofold potential = side ? t->v[i] : (twofold){t->u[i], 0.0};
      const twofold left = two_minus(square, potential);
      const double own = t->atoms->mass[side][i];
      wg_cert_sum_add_product(&sum, own, left.high);
      wg_cert_sum_add(&sum, own * left.low);
      mass += own + t->atoms->lost[side][i];
      size += own * (square.high + potential.high);
      gone += t->atoms->lost[side][i] * potential.high;
    }
  const double rounding = 64.0 * WG_UNIT2 * size + t->off * mass + wg_cert_sum_error(&sum);
  const double floor = (double)(t->atoms->n[0] + t->atoms->n[1] + 1) * WG_CERT_TINY;
  return wg_cert_sum_value(&sum) - t->margin * 1.0625 * (rounding + gone + floor);
}

/* In units of 2^exponent of the masses. */
static int find_lower(wg_mem *mem, int threads, const wg_cert_atoms *atoms,
                      const wg_gauge_spec *spec, const double *q, const double *u, double margin,
                      wg_cert_sphere_report *report) {
  dual t = {.atoms = atoms, .margin = margin, .v = WG_NEW(mem, twofold, atoms->n[1])};
  if (!t.v) return wg_no_memory();
  WG_TRY(take_dual(mem, spec, q, u, &t));
  WG_TRY(find_dual_gauge(mem, spec, &t, &report->dual_gauge));
  for (int side = 0; side < 2; side++) WG_TRY(see(mem, &t, side));
  find_v(&t, threads);
  const double value = dual_value(&t) / (report->dual_gauge * (1.0 + 8.0 * WG_UNIT));
  report->lower = value > 0.0 && value <= DBL_MAX ? value : 0.0;
  return WG_OK;
}

/* ---- both ---- */

static int check_plan(const wg_cert_sphere *data, const wg_cert_semicoupling *plan) {
  for (int64_t e = 0; e < plan->count; e++) {
    const bool inside = plan->row[e] >= 0 && plan->row[e] < data->n[0] && plan->col[e] >= 0 &&
                        plan->col[e] < data->n[1];
    if (!inside)
      return wg_fail(WG_ERR_INPUT, "entry %lld of the semi-coupling names atoms that do not exist",
                     (long long)e);
    const double least = WG_MIN(plan->c[e], WG_MIN(plan->g0[e], plan->g1[e]));
    if (!(least >= 0.0 && plan->g0[e] <= DBL_MAX && plan->g1[e] <= DBL_MAX))
      return wg_fail(WG_ERR_INPUT, "entry %lld of the semi-coupling is negative or not finite",
                     (long long)e);
  }
  return WG_OK;
}

/* value 2^exponent, beyond its rounding where it is no longer exact. */
static double scale_out(double value, int exponent, double towards) {
  const double scaled = ldexp(value, exponent);
  return ldexp(scaled, -exponent) == value ? scaled : nextafter(scaled, towards);
}

int wg_cert_sphere_bounds(wg_mem *mem, int threads, const wg_cert_sphere *data,
                          const wg_gauge_spec *spec, const wg_cert_semicoupling *plan,
                          const double *q, const double *u, double margin, double *moment,
                          wg_cert_sphere_report *report) {
  wg_cert_atoms atoms;
  *report = (wg_cert_sphere_report){0};
  WG_TRY(check_plan(data, plan));
  WG_TRY(take_atoms(mem, data, &atoms));
  WG_TRY(wg_cert_sphere_upper(mem, &atoms, spec, plan, margin, moment, report));
  WG_TRY(find_lower(mem, threads, &atoms, spec, q, u, margin, report));
  report->lower = WG_MAX(scale_out(report->lower, atoms.exponent, -INFINITY), 0.0);
  report->upper = scale_out(report->upper, atoms.exponent, INFINITY);
  report->value = ldexp(report->value, atoms.exponent);
  for (int64_t k = 0; moment && k < data->d * data->d; k++)
    moment[k] = ldexp(moment[k], atoms.exponent);
  return WG_OK;
}
