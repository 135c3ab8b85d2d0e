/* Both bounds of W_h^2, the value of the dynamic problem on a grid (theory 5,
 * docs/theory/dynamic.md), from a path and a potential that anybody may have found, rounding
 * included.
 *
 * The problem. Cells of sides h_j, T steps of time. For a potential phi on the corners at times 0,
 * ..., T, in each cell and step: a = T (average over the corners of phi after - phi before), b_j =
 * (the difference along axis j, averaged over the other axes and both times) / h_j. With A the
 * average over the corners of a cell and mu the masses divided by their exact sums, a path (rho, m)
 * obeys the continuity equation if for every phi
 *   (1/T) sum rho a + m.b = <mu1, A phi_T> - <mu0, A phi_0>,                                   (1)
 * and W_h^2 is the least gamma((1/T) sum m m'/rho) over such paths with rho > 0 or m = 0.
 *
 * From below. Any phi; R (square, regular) with Q = R'R, G >= max(1, gamma°(Q)). With x_t >= a + G
 * b'Q^-1 b / 4 in every cell of step t,  W_h^2 >= <mu1, A phi_T> - <mu0, A phi_0> - (1/T) sum x_t:
 * phi less the sum of x_s / T over s < t is feasible for Q / G in K, masses being one, and weak
 * duality is rho a + m.b <= -rho b'(Q/G)^-1 b / 4 + m.b <= m'(Q/G) m/rho. No linear system is
 * solved: V = R^-T (I + E) with any V (rows of R over their squared lengths), E = R'V - I, so that
 * |R^-T b| <= |V b| + |V| |b| |E| / (1 - |E|), in Frobenius norms.
 *
 * From above. As stored, a path misses (1) by a functional r(phi), sum over times and corners.
 * There is a correction (drho, dm) with its whole size under control. Let H phi = (a, l b) for a
 * length l. With D the diagonal of products of 1/2 for each axis (time is one) on whose end a
 * corner lies, the cosines prod cos(pi k_j i_j / n_j) are eigenvectors of H'H v = lambda D v: along
 * one axis of n cells averages have eigenvalue cos^2(pi k / 2n), differences 4 sin^2(pi k / 2n),
 * and the cosines are orthogonal under D (discrete cosine transform of the first kind). So, s and c
 * being these sines and cosines (time: s_0, c_0), lambda = 4 T^2 s_0^2 prod c_j^2 + 4 l^2 c_0^2
 * sum_j (s_j/h_j)^2 prod_{i != j} c_i^2. r vanishes where H phi does, exactly: both sides of (1)
 * do, also for the numbers as stored, since A alternating potentials is zero and the masses are
 * equal. Hence the least solution of (1/T)
 * <(drho, dm/l), H phi> = r(phi) exists and has
 *   sum drho^2 + |dm|^2/l^2 <= T^2 r'D^-1 r / lambda_min =: e^2,   lambda_min the least that is not
 * 0. For fixed space mode, lambda is linear in s_0^2, so its least is at an end of what k_0 may be.
 * The path (rho + drho, m + dm) obeys (1). If rho > e everywhere, with rho' = rho - e, in the order
 * of matrices (m + dm)(m + dm)'/(rho + drho) <= m m'/rho' + (2 |m| |dm| + |dm|^2)/rho' I, so W_h^2
 * <= gamma(M + slack),  M = (1/T) sum m m'/rho', slack = (2/T) (sum |m|^2/rho'^2)^1/2 l e + l^2 e^2
 * / (T min rho'), in operator norm and in trace.
 *
 * Rounding, u the unit, constants doubled for second order. Lengths are scaled by a power of two.
 * mu: each quotient by 2u plus the error of the sum. a is off by (2^d + 4) u T S, b by (2^d + 5) u
 * |1/h| S, S = average of |after| + |before|; V b by (d + 2) u |V| |b|, E by (d + 2) u |R| |V|.
 * Sums of r keep their own error (certify.h); products with 1/h lose 8 u. Each entry of m m'/rho'
 * loses 4u of |m|^2/rho', the sums 4u of the trace. What underflows is below `tiny` for every
 * operand, as rho' is above `least_density`. margin multiplies all of this; another machine's
 * eigenvectors of Q change b'Q^-1 b by 16 d u of its size times the condition of Q, paid by claims
 * (margin 2) only. Cost 4^d operations for a corner and step, memory O(corners + steps). Results do
 * not depend on the number of threads: steps are independent and are added in order. */
#include <float.h>
#include <string.h>

#include "certify/certify.h"

enum { MAX_D = 3, CORNERS = 1 << MAX_D };
static const double tiny = 0x1p-480, least_density = 0x1p-400;

typedef struct grid {
  const wg_cert_grid *data;
  const wg_cert_grid_proof *proof;
  int64_t d, n[MAX_D], steps, cells, corners;
  int64_t near[CORNERS]; /* from a cell's first corner to the k-th                   */
  double h[MAX_D];       /* scaled by 2^-exponent                                    */
  int exponent;
  double share;    /* 1 / number of corners of a cell                                */
  double *mass[2]; /* of sum one                                                     */
  double off[2];   /* relative error of each                                         */
  double margin;
  int threads;
} grid;

static double length_scaled(const grid *g, double value) { return ldexp(value, -g->exponent); }
static double square_scaled(const grid *g, double value) { return ldexp(value, -2 * g->exponent); }

/* ---- the grid and the masses ---- */

static int scale_lengths(grid *g) {
  double widest = 0.0;
  for (int64_t j = 0; j < g->d; j++) widest = WG_MAX(widest, g->data->spacing[j] * (double)g->n[j]);
  if (!(widest <= DBL_MAX)) return wg_fail(WG_ERR_INPUT, "the grid is too wide; rescale it");
  g->exponent = ilogb(widest) + 1;
  for (int64_t j = 0; j < g->d; j++) {
    g->h[j] = length_scaled(g, g->data->spacing[j]);
    if (!(g->h[j] >= 0x1p-200))
      return wg_fail(WG_ERR_INPUT, "spacing[%lld] = %g is too small beside the others",
                     (long long)j, g->data->spacing[j]);
  }
  return WG_OK;
}

static int share_masses(wg_mem *mem, grid *g, int side) {
  const double *mass = g->data->mass[side];
  double largest = 0.0;
  wg_cert_sum sum = {0};
  if (!(g->mass[side] = WG_NEW(mem, double, g->cells))) return wg_no_memory();
  for (int64_t i = 0; i < g->cells; i++) largest = WG_MAX(largest, mass[i]);
  const int exponent = ilogb(largest) + 1;
  for (int64_t i = 0; i < g->cells; i++) wg_cert_sum_add(&sum, ldexp(mass[i], -exponent));
  const double total = wg_cert_sum_value(&sum);
  for (int64_t i = 0; i < g->cells; i++) g->mass[side][i] = ldexp(mass[i], -exponent) / total;
  g->off[side] = g->margin * (2.0 * wg_cert_sum_error(&sum) / total + 4.0 * WG_UNIT);
  return WG_OK;
}

static int open_grid(wg_mem *mem, grid *g) {
  g->cells = g->corners = 1;
  for (int64_t j = g->d - 1; j >= 0; j--) {
    g->n[j] = g->data->shape[j];
    for (int k = 0; k < 1 << g->d; k++) g->near[k] += k >> j & 1 ? g->corners : 0;
    g->cells *= g->n[j];
    g->corners *= g->n[j] + 1;
  }
  g->share = 1.0 / (double)(1 << g->d);
  WG_TRY(scale_lengths(g));
  for (int side = 0; side < 2; side++) WG_TRY(share_masses(mem, g, side));
  return WG_OK;
}

/* The first corner of a cell. */
static int64_t corner_of(const grid *g, int64_t cell) {
  int64_t corner = 0, stride = 1;
  for (int64_t j = g->d - 1; j >= 0; j--) {
    corner += cell % g->n[j] * stride;
    cell /= g->n[j];
    stride *= g->n[j] + 1;
  }
  return corner;
}

/* ---- from below ---- */

typedef struct dual {
  double v[MAX_D * MAX_D]; /* V */
  double norm, miss;       /* |V|, |E| / (1 - |E|)                        */
  double gauge;            /* G, with what another machine's Q may change */
} dual;

/* False for a Q that is singular, or too nearly. */
static bool invert(const grid *g, const wg_cert_factor *r, dual *q) {
  const int64_t d = g->d;
  double v2 = 0.0, e2 = 0.0, least = INFINITY, most = 0.0;
  if (r->rank < d) return false;
  for (int64_t i = 0; i < d; i++) {
    double length = 0.0;
    for (int64_t k = 0; k < d; k++) length += r->rows[i * d + k] * r->rows[i * d + k];
    for (int64_t k = 0; k < d; k++) q->v[i * d + k] = r->rows[i * d + k] / length;
    least = WG_MIN(least, length);
    most = WG_MAX(most, length);
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      double e = i == j ? -1.0 : 0.0;
      for (int64_t k = 0; k < d; k++) e += r->rows[k * d + i] * q->v[k * d + j];
      e2 += e * e;
      v2 += q->v[i * d + j] * q->v[i * d + j];
    }
  q->norm = sqrt(v2) * (1.0 + 16.0 * WG_UNIT);
  const double e = sqrt(e2) * (1.0 + 32.0 * WG_UNIT) +
                   g->margin * 2.0 * (double)(d + 4) * WG_UNIT * sqrt(r->norm2) * q->norm;
  q->miss = 2.0 * e; /* |E| / (1 - |E|) for |E| below 1/2 */
  q->gauge *= 1.0 + (g->margin - 1.0) * 16.0 * (double)d * WG_UNIT * most / least;
  return e < 0.5 && v2 <= DBL_MAX;
}

/* a + G b'Q^-1 b / 4 from above, of one cell; before, after: the potential from its first corner.
 */
static double excess_of(const grid *g, const dual *q, const double *before, const double *after) {
  const int64_t d = g->d;
  double a = 0.0, size = 0.0, b[MAX_D] = {0}, b2 = 0.0, seen2 = 0.0, rates = 0.0;
  for (int k = 0; k < 1 << d; k++) {
    const double from = square_scaled(g, before[g->near[k]]);
    const double to = square_scaled(g, after[g->near[k]]);
    a += to - from;
    size += fabs(to) + fabs(from);
    for (int64_t j = 0; j < d; j++) b[j] += k >> j & 1 ? to + from : -(to + from);
  }
  a *= g->share * (double)g->steps;
  size *= g->share;
  for (int64_t j = 0; j < d; j++) {
    b[j] *= g->share / g->h[j];
    b2 += b[j] * b[j];
    rates += 1.0 / (g->h[j] * g->h[j]);
  }
  for (int64_t i = 0; i < d; i++) {
    double along = 0.0;
    for (int64_t j = 0; j < d; j++) along += q->v[i * d + j] * b[j];
    seen2 += along * along;
  }
  const double unit = g->margin * 2.0 * WG_UNIT;
  const double off_a = unit * 13.0 * (double)g->steps * size;
  const double off_b = unit * 14.0 * size * sqrt(rates) + tiny;
  const double b_most = sqrt(b2) * (1.0 + 8.0 * WG_UNIT) + off_b;
  const double seen = sqrt(seen2) * (1.0 + 8.0 * WG_UNIT) +
                      q->norm * (off_b + (unit * (double)(d + 3) + q->miss) * b_most) + tiny;
  return a + off_a + 0.25 * q->gauge * seen * seen * (1.0 + unit * 8.0) + unit * fabs(a) + tiny;
}

/* <mu, A phi> of one end; *off grows by its error. */
static double worth_of(const grid *g, int side, const double *phi, double *off) {
  wg_cert_sum sum = {0};
  for (int64_t i = 0; i < g->cells; i++) {
    const double *own = phi + corner_of(g, i);
    double mean = 0.0, size = 0.0;
    for (int k = 0; k < 1 << g->d; k++) {
      const double value = g->share * square_scaled(g, own[g->near[k]]);
      mean += value;
      size += fabs(value);
    }
    wg_cert_sum_add_product(&sum, g->mass[side][i], mean);
    *off += g->mass[side][i] * size * (g->margin * 2.0 * 8.0 * WG_UNIT + g->off[side]) + tiny;
  }
  *off += g->margin * wg_cert_sum_error(&sum);
  return wg_cert_sum_value(&sum);
}

static int find_lower(wg_mem *mem, const grid *g, const wg_gauge_spec *spec,
                      wg_cert_grid_report *report) {
  const double *phi = g->proof->potential;
  double *excess = WG_NEW(mem, double, g->steps), off = 0.0, size = 0.0;
  wg_cert_factor r;
  dual q;
  if (!excess) return wg_no_memory();
  WG_TRY(wg_cert_factor_build(spec, g->proof->q, mem, &r));
  WG_TRY(wg_cert_factor_dual(spec, &r, g->margin, mem, &report->dual_gauge));
  q.gauge = WG_MAX(report->dual_gauge, 1.0);
  report->lower = 0.0;
  if (!invert(g, &r, &q)) return WG_OK;
#pragma omp parallel for num_threads(g->threads) schedule(static)
  for (int64_t t = 0; t < g->steps; t++) {
    excess[t] = -INFINITY;
    for (int64_t i = 0; i < g->cells; i++) {
      const double *before = phi + t * g->corners + corner_of(g, i);
      const double here = excess_of(g, &q, before, before + g->corners);
      excess[t] = here <= DBL_MAX ? WG_MAX(here, excess[t]) : INFINITY;
    }
  }
  wg_cert_sum sum = {0};
  for (int64_t t = 0; t < g->steps; t++) {
    wg_cert_sum_add(&sum, excess[t]);
    size += fabs(excess[t]);
  }
  const double taken = wg_cert_sum_value(&sum) / (double)g->steps;
  off += g->margin * (wg_cert_sum_error(&sum) + 4.0 * WG_UNIT * size) / (double)g->steps;
  const double last = worth_of(g, 1, phi + g->steps * g->corners, &off);
  const double first = worth_of(g, 0, phi, &off);
  off += g->margin * 4.0 * WG_UNIT * (fabs(last) + fabs(first) + fabs(taken));
  const double value = last - first - taken - off * (1.0 + 1e-6);
  report->lower = value > 0.0 && value <= DBL_MAX ? value : 0.0;
  return WG_OK;
}

/* ---- from above: how far the path is from the continuity equation ---- */

/* Least eigenvalue that is not zero; length: l. */
static double least_eigenvalue(const grid *g, double length) {
  const double pi = 3.14159265358979323846, last = sin(0.5 * pi / (double)g->steps);
  double least = INFINITY;
  for (int64_t corner = 0; corner < g->corners; corner++) {
    double s[MAX_D], c[MAX_D], alpha = 4.0 * (double)(g->steps * g->steps), beta = 0.0;
    int64_t rest = corner;
    for (int64_t j = g->d - 1; j >= 0; j--) {
      const int64_t k = rest % (g->n[j] + 1);
      const double angle = 0.5 * pi * (double)k / (double)g->n[j];
      rest /= g->n[j] + 1;
      s[j] = k == 0 ? 0.0 : sin(angle) / g->h[j];
      c[j] = k == g->n[j] ? 0.0 : sin(0.5 * pi * (double)(g->n[j] - k) / (double)g->n[j]);
      alpha *= c[j] * c[j];
    }
    for (int64_t j = 0; j < g->d; j++) {
      double term = 4.0 * length * length * s[j] * s[j];
      for (int64_t i = 0; i < g->d; i++) term *= i == j ? 1.0 : c[i] * c[i];
      beta += term;
    }
    if (alpha > 0.0 && beta > 0.0) least = WG_MIN(least, WG_MIN(alpha, beta));
    if (alpha > 0.0 && !(beta > 0.0)) least = WG_MIN(least, alpha * last * last);
    if (beta > 0.0 && !(alpha > 0.0)) least = WG_MIN(least, beta * last * last);
  }
  return least * (1.0 - 1e-10);
}

/* T |r| from above at one corner and time. */
static double miss_at(const grid *g, int64_t time, const int64_t *at) {
  const bool first = time == 0, final = time == g->steps;
  wg_cert_sum sum = {0};
  double off = 0.0;
  for (int k = 0; k < 1 << g->d; k++) { /* the cell of which this corner is the k-th */
    int64_t cell = 0;
    bool inside = true;
    for (int64_t j = 0; j < g->d; j++) {
      const int64_t place = at[j] - (k >> j & 1);
      inside = inside && place >= 0 && place < g->n[j];
      cell = cell * g->n[j] + place;
    }
    if (!inside) continue;
    const double steps = (double)g->steps * g->share;
    for (int later = 0; later < 2; later++) { /* the steps before and after this time */
      const int64_t step = time - 1 + later;
      if (step < 0 || step >= g->steps) continue;
      const double rho = g->proof->density[step * g->cells + cell];
      wg_cert_sum_add_product(&sum, later ? steps : -steps, rho);
      for (int64_t j = 0; j < g->d; j++) {
        const double m = length_scaled(g, g->proof->momentum[(step * g->d + j) * g->cells + cell]);
        const double flux = g->share / g->h[j] * m;
        wg_cert_sum_add(&sum, k >> j & 1 ? -flux : flux);
        off += 8.0 * WG_UNIT * fabs(flux);
      }
    }
    for (int side = 0; side < 2; side++) {
      if (side == 0 ? !first : !final) continue;
      const double mass = g->mass[side][cell];
      wg_cert_sum_add_product(&sum, side ? steps : -steps, mass);
      off += steps * mass * (g->off[side] + 2.0 * WG_UNIT);
    }
  }
  return fabs(wg_cert_sum_value(&sum)) + g->margin * (wg_cert_sum_error(&sum) + off) + tiny;
}

/* T^2 r' D^-1 r of one time. */
static double miss_of(const grid *g, int64_t time) {
  const double ends = time == 0 || time == g->steps ? 2.0 : 1.0;
  wg_sum sum = {0};
  for (int64_t corner = 0; corner < g->corners; corner++) {
    int64_t at[MAX_D], rest = corner;
    double weight = ends;
    for (int64_t j = g->d - 1; j >= 0; j--) {
      at[j] = rest % (g->n[j] + 1);
      rest /= g->n[j] + 1;
      if (at[j] == 0 || at[j] == g->n[j]) weight *= 2.0;
    }
    const double miss = miss_at(g, time, at);
    wg_sum_add(&sum, weight * miss * miss);
  }
  return wg_sum_value(sum);
}

/* A length about that of a velocity: any is right. A power of two, so that it is the same whatever
 * is in the last digits. */
static double typical_length(const grid *g) {
  double sum = 0.0;
  for (int64_t t = 0; t < g->steps; t++)
    for (int64_t i = 0; i < g->cells; i++) {
      const double rho = g->proof->density[t * g->cells + i];
      for (int64_t j = 0; rho > least_density && j < g->d; j++) {
        const double m = length_scaled(g, g->proof->momentum[(t * g->d + j) * g->cells + i]);
        sum += m * m / rho;
      }
    }
  const double speed = sqrt(sum / (double)g->steps);
  return speed > 0x1p-100 && speed < 0x1p100 ? ldexp(1.0, ilogb(speed)) : 1.0;
}

static int find_reach(wg_mem *mem, const grid *g, double *length, double *reach) {
  double *miss = WG_NEW(mem, double, g->steps + 1), sum = 0.0;
  if (!miss) return wg_no_memory();
  *length = typical_length(g);
#pragma omp parallel for num_threads(g->threads) schedule(static)
  for (int64_t time = 0; time <= g->steps; time++) miss[time] = miss_of(g, time);
  for (int64_t time = 0; time <= g->steps; time++) sum += miss[time];
  *reach = sqrt(sum / least_eigenvalue(g, *length)) * (1.0 + 1e-8);
  return WG_OK;
}

/* ---- from above: the action ---- */

typedef struct action {
  wg_sum entry[MAX_D * MAX_D]; /* of sum m m'/rho', lower triangle    */
  double trace, speed2;        /* sum |m|^2/rho', sum |m|^2/rho'^2    */
  double least;                /* rho'                                */
} action;

static void act(const grid *g, int64_t step, double reach, action *sum) {
  *sum = (action){.least = INFINITY};
  for (int64_t i = 0; i < g->cells; i++) {
    const double above = g->proof->density[step * g->cells + i] - reach;
    const double rho = above * (1.0 - 4.0 * WG_UNIT);
    double m[MAX_D], m2 = 0.0;
    sum->least = WG_MIN(sum->least, rho);
    if (!(rho > least_density)) continue;
    for (int64_t j = 0; j < g->d; j++) {
      m[j] = length_scaled(g, g->proof->momentum[(step * g->d + j) * g->cells + i]);
      m2 += m[j] * m[j];
      for (int64_t k = 0; k <= j; k++) wg_sum_add(&sum->entry[j * g->d + k], m[j] * m[k] / rho);
    }
    sum->trace += m2 / rho;
    sum->speed2 += m2 / rho / rho;
  }
}

static int find_upper(wg_mem *mem, const grid *g, const wg_gauge_spec *spec,
                      wg_cert_grid_report *report) {
  const int64_t d = g->d;
  const double steps = (double)g->steps, count = steps * (double)g->cells;
  action *parts = WG_NEW(mem, action, g->steps), all = {.least = INFINITY};
  double length = 1.0, reach = INFINITY, moment[MAX_D * MAX_D];
  if (!parts) return wg_no_memory();
  WG_TRY(find_reach(mem, g, &length, &reach));
  report->reach = reach;
  report->upper = report->value = INFINITY;
#pragma omp parallel for num_threads(g->threads) schedule(static)
  for (int64_t t = 0; t < g->steps; t++) act(g, t, reach, &parts[t]);
  for (int64_t t = 0; t < g->steps; t++) {
    for (int64_t k = 0; k < d * d; k++) wg_sum_add(&all.entry[k], wg_sum_value(parts[t].entry[k]));
    all.trace += parts[t].trace;
    all.speed2 += parts[t].speed2;
    all.least = WG_MIN(all.least, parts[t].least);
  }
  report->least = all.least + reach;
  if (!(all.least > least_density) || !isfinite(reach)) return WG_OK;
  for (int64_t j = 0; j < d; j++)
    for (int64_t k = 0; k <= j; k++)
      moment[j * d + k] = moment[k * d + j] = wg_sum_value(all.entry[j * d + k]) / steps;
  const double far = length * reach, sure = 1.0 + 1e-8;
  const double slack =
      sure * (2.0 * sqrt(all.speed2) * far / steps + far * far / (steps * all.least)) +
      g->margin * (16.0 * WG_UNIT * sure * all.trace / steps + count * tiny);
  for (int64_t k = 0; k < d * d; k++)
    if (!(fabs(moment[k]) <= DBL_MAX)) return WG_OK;
  if (!(slack <= DBL_MAX)) return WG_OK;
  WG_TRY(wg_gauge_value(spec, moment, mem, &report->value));
  WG_TRY(wg_gauge_upper(spec, moment, slack, mem, &report->upper));
  report->upper *= 1.0 + (g->margin - 1.0) * 32.0 * (double)d * WG_UNIT;
  return WG_OK;
}

/* ---- both ---- */

static int check_proof(const grid *g) {
  const wg_cert_grid_proof *proof = g->proof;
  const int64_t field = g->steps * g->cells;
  WG_TRY(wg_cert_check_finite("density", field, proof->density, 1e150));
  WG_TRY(wg_cert_check_finite("momentum", field * g->d, proof->momentum, DBL_MAX));
  WG_TRY(wg_cert_check_finite("q", g->d * g->d, proof->q, 1e150));
  return wg_cert_check_finite("potential", (g->steps + 1) * g->corners, proof->potential, DBL_MAX);
}

int wg_cert_grid_bounds(wg_mem *mem, int threads, const wg_cert_grid *data,
                        const wg_gauge_spec *spec, const wg_cert_grid_proof *proof, double margin,
                        wg_cert_grid_report *report) {
  grid g = {.data = data, .proof = proof, .d = data->d, .steps = data->steps, .margin = margin};
  *report = (wg_cert_grid_report){0};
  WG_TRY(open_grid(mem, &g));
  WG_TRY(check_proof(&g));
  g.threads = wg_threads_for(threads, 1e2 * (double)(g.steps * g.cells));
  WG_TRY(find_lower(mem, &g, spec, report));
  WG_TRY(find_upper(mem, &g, spec, report));
  report->lower = ldexp(report->lower, 2 * g.exponent);
  report->value = ldexp(report->value, 2 * g.exponent);
  report->upper = ldexp(report->upper, 2 * g.exponent);
  if (report->lower > 0.0) report->lower = nextafter(report->lower, 0.0);
  if (report->upper > 0.0) report->upper = nextafter(report->upper, INFINITY);
  return WG_OK;
}
