/* The upper bound of UW_gamma^2 from a semi-coupling (theory 7; sphere.c has the theorem).
 *
 * Which semi-coupling. A claim is read as what to do, not as numbers to believe. theta_e = min(1, c
 * / sqrt(g0 g1)) is a choice in [0, 1] and exact whatever it is; within 8u of one it is one. On
 * each side, an atom's largest entry is by definition the mass less the other entries, when that
 * changes it by less than 2^-20 of itself: the marginal is then met exactly, and nothing is paid
 * for rounding of the size u n. Otherwise entries beyond the mass are divided down, with room 8u,
 * and what an atom lacks is destroyed, taken 16u n + its error too large: gamma is monotone.
 *
 * A is the sum of theta x x', x = sqrt(g0) w - sqrt(g1) w', of (1 - theta)(g0 w w' + g1 w' w'') and
 * of what is lacking. (What scaling took of a mass, `lost`, is lacking too.) x is formed in twice
 * the precision: with f = sqrt g0, g = sqrt g1, each root off by 16 u^2 and half of the entry's own
 * error, x is off by e = f (off + 32 u^2 + r0) + g (off + 32 u^2 + r1) + tiny in norm (off: of a
 * direction, r: relative error of an entry that was filled up), so that the bound is relative to
 * UW^2 down to 1e-30 of the masses. x rounded to double and the square's own products are off by u
 * each: |x x' - computed| <= 2 |x| e + e^2 + 8u |x|^2, in operator norm and trace. The compensated
 * sums of N terms add (4u + (N u)^2) times the trace. Two atoms of the same row and the same exact
 * mass give zero, and nothing is paid. margin multiplies all of it. Cost (pairs + n0 + n1) d^2,
 * memory d^2 + n0 + n1. */
#include <float.h>

#include "certify/sphere_parts.h"

static const double small_lack = 0x1p-20;

typedef struct squares {
  int64_t d, terms;
  wg_sum *entry; /* d x d */
  double slack;  /* in operator norm */
  double trace;
  double *x;
} squares;

/* Adds weight x x' for x in m->x, off by `off` in norm; weight is known to 2u. */
static void add_square(squares *m, double weight, double off) {
  double norm2 = 0.0;
  for (int64_t r = 0; r < m->d; r++) norm2 += m->x[r] * m->x[r];
  for (int64_t r = 0; r < m->d; r++)
    for (int64_t s = 0; s < m->d; s++)
      wg_sum_add(&m->entry[r * m->d + s], weight * m->x[r] * m->x[s]);
  m->slack += weight * (2.0 * sqrt(norm2) * off + off * off + 16.0 * WG_UNIT * norm2);
  m->trace += weight * norm2;
  m->terms++;
}

/* Adds weight w w'. */
static void add_direction(squares *m, double weight, const wg_cert_atoms *atoms, int side,
                          int64_t i) {
  const twofold *w = atoms->w[side] + i * m->d;
  if (!(weight > 0.0)) return;
  for (int64_t r = 0; r < m->d; r++) m->x[r] = w[r].high;
  add_square(m, weight, atoms->off + 2.0 * WG_UNIT);
}

/* ---- what the entries stand for ---- */

typedef struct fit { /* of one side */
  double *factor;    /* n: entries are multiplied by it                         */
  double *lacking;   /* n: of the mass, from above                              */
  int64_t *filled;   /* n: the entry that is the mass less the others, -1: none */
  twofold *fill;     /* n: what it is                                           */
  double *off;       /* n: its relative error                                   */
} fit;

/* Masses are below one: more than `enough` says no more than that. */
static double entry_of(const wg_cert_atoms *atoms, const wg_cert_semicoupling *plan, int side,
                       int64_t e) {
  const double enough = 0x1p100;
  return WG_MIN(ldexp(side ? plan->g1[e] : plan->g0[e], plan->exponent - atoms->exponent), enough);
}

static int create_fit(wg_mem *mem, int64_t n, fit *f) {
  *f = (fit){WG_NEW(mem, double, n), WG_NEW(mem, double, n), WG_NEW(mem, int64_t, n),
             WG_NEW(mem, twofold, n), WG_NEW(mem, double, n)};
  return f->factor && f->lacking && f->filled && f->fill && f->off ? WG_OK : wg_no_memory();
}

/* One atom: rest is its mass less its entries, `largest` the largest of these. */
static void fit_atom(double mass, double lost, const wg_cert_sum *rest, double largest, fit *f,
                     int64_t i) {
  const bool alone = rest->count == 2; /* the mass and this entry */
  const double left = wg_cert_sum_value(rest);
  const double off = 4.0 * WG_UNIT * (double)rest->count * rest->corrections;
  f->factor[i] = 1.0;
  if (f->filled[i] >= 0 && fabs(left) + off <= small_lack * largest) {
    const twofold all = {mass, 0.0}, one = {largest, 0.0};
    f->fill[i] = alone ? all : two_add(one, two_sum(rest->high, rest->low));
    f->off[i] = alone ? 0.0 : off / largest + 16.0 * WG_UNIT2;
    f->lacking[i] = lost;
    return;
  }
  f->filled[i] = -1;
  const double sum = mass - left;
  if (left - off < 0.0) f->factor[i] = mass / (sum + off) * (1.0 - 8.0 * WG_UNIT);
  const double rounding = 16.0 * WG_UNIT * (mass + sum);
  f->lacking[i] = WG_MAX(mass - f->factor[i] * sum, 0.0) + off + rounding + lost;
}

static int find_fit(wg_mem *mem, const wg_cert_atoms *atoms, const wg_cert_semicoupling *plan,
                    int side, fit *f) {
  const int64_t n = atoms->n[side], *end = side ? plan->col : plan->row;
  wg_cert_sum *rest = WG_NEW(mem, wg_cert_sum, n);
  double *largest = WG_NEW(mem, double, n);
  WG_TRY(create_fit(mem, n, f));
  if (!rest || !largest) return wg_no_memory();
  for (int64_t i = 0; i < n; i++) {
    wg_cert_sum_add(&rest[i], atoms->mass[side][i]);
    f->filled[i] = -1;
  }
  for (int64_t e = 0; e < plan->count; e++) {
    const double g = entry_of(atoms, plan, side, e);
    wg_cert_sum_add(&rest[end[e]], -g);
    if (!(g > largest[end[e]])) continue;
    largest[end[e]] = g;
    f->filled[end[e]] = e;
  }
  for (int64_t i = 0; i < n; i++)
    fit_atom(atoms->mass[side][i], atoms->lost[side][i], &rest[i], largest[i], f, i);
  wg_drop(mem, rest);
  wg_drop(mem, largest);
  return WG_OK;
}

/* ---- the pairs ---- */

typedef struct end_of_pair {
  const twofold *w;
  const double *row; /* as given */
  twofold g, root;
  double off; /* relative, of g */
} end_of_pair;

static end_of_pair find_end(const wg_cert_atoms *atoms, const wg_cert_semicoupling *plan,
                            const fit *f, int side, int64_t e) {
  const int64_t i = side ? plan->col[e] : plan->row[e];
  end_of_pair end = {.w = atoms->w[side] + i * atoms->d, .row = atoms->rows[side] + i * atoms->d};
  if (f->filled[i] == e) {
    end.g = f->fill[i];
    end.off = f->off[i];
  } else {
    end.g.high = entry_of(atoms, plan, side, e) * f->factor[i];
  }
  end.root = two_root(end.g);
  return end;
}

static double choose_theta(const wg_cert_semicoupling *plan, int64_t e) {
  const double root = sqrt(plan->g0[e]) * sqrt(plan->g1[e]);
  const double theta = root > 0.0 ? WG_MIN(plan->c[e] / root, 1.0) : 0.0;
  return theta >= 1.0 - 8.0 * WG_UNIT ? 1.0 : theta;
}

/* The same direction and the same mass, known exactly: nothing moves. */
static bool are_equal(const end_of_pair *a, const end_of_pair *b, int64_t d) {
  if (a->g.high != b->g.high || a->g.low != b->g.low || a->off > 0.0 || b->off > 0.0) return false;
  for (int64_t r = 0; r < d; r++)
    if (a->row[r] != b->row[r]) return false;
  return true;
}

static void add_pair(const wg_cert_atoms *atoms, const wg_cert_semicoupling *plan, const fit f[2],
                     int64_t e, squares *m) {
  const end_of_pair a = find_end(atoms, plan, &f[0], 0, e), b = find_end(atoms, plan, &f[1], 1, e);
  const double theta = choose_theta(plan, e), own = atoms->off + 32.0 * WG_UNIT2;
  if (!are_equal(&a, &b, m->d)) {
    for (int64_t r = 0; r < m->d; r++)
      m->x[r] = two_value(two_minus(two_times(a.root, a.w[r]), two_times(b.root, b.w[r])));
    add_square(m, theta,
               1.0625 * (a.root.high * (own + a.off) + b.root.high * (own + b.off)) + WG_CERT_TINY);
  }
  if (theta == 1.0) return;
  add_direction(m, (1.0 - theta) * (two_value(a.g) * (1.0 + a.off)), atoms, 0, plan->row[e]);
  add_direction(m, (1.0 - theta) * (two_value(b.g) * (1.0 + b.off)), atoms, 1, plan->col[e]);
}

int wg_cert_sphere_upper(wg_mem *mem, const wg_cert_atoms *atoms, const wg_gauge_spec *spec,
                         const wg_cert_semicoupling *plan, double margin, double *moment,
                         wg_cert_sphere_report *report) {
  const int64_t d = atoms->d;
  squares m = {.d = d, .entry = WG_NEW(mem, wg_sum, d * d), .x = WG_NEW(mem, double, d)};
  double *a = WG_NEW(mem, double, d *d);
  fit f[2];
  if (!m.entry || !m.x || !a) return wg_no_memory();
  for (int side = 0; side < 2; side++) {
    WG_TRY(find_fit(mem, atoms, plan, side, &f[side]));
    for (int64_t i = 0; i < atoms->n[side]; i++)
      add_direction(&m, f[side].lacking[i], atoms, side, i);
  }
  for (int64_t e = 0; e < plan->count; e++) add_pair(atoms, plan, f, e, &m);
  for (int64_t k = 0; k < d * d; k++) a[k] = wg_sum_value(m.entry[k]);
  const double terms = (double)m.terms * WG_UNIT;
  const double sums = (8.0 * WG_UNIT + 2.0 * terms * terms) * m.trace;
  const double slack = m.terms ? margin * 1.0625 * (m.slack + sums) + WG_CERT_TINY : 0.0;
  WG_TRY(wg_gauge_value(spec, a, mem, &report->value));
  WG_TRY(wg_gauge_upper(spec, a, slack, mem, &report->upper));
  for (int64_t k = 0; moment && k < d * d; k++) moment[k] = a[k];
  return WG_OK;
}
