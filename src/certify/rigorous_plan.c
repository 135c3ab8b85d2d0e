/* The upper bound of a plan in ball arithmetic: the theorem of upper.c (theory 3.1), no rounding
 * to be paid for.
 *
 * W2 <= (gamma(Sigma_P) + e D^2 unit) / A for p >= 1, where e is the sum of the marginals'
 * residuals (of a column against b_j A / B), D at least the largest displacement between points
 * with mass (by the clouds' boxes) and unit = max gamma(v v'), |v| = 1. For p < 1 what is missing
 * enters as R in gamma(Sigma_P + R), R PSD of norm and trace at most e D^2. All of it is enclosed;
 * the residuals are formed without any rounding (sums and products of doubles have at most some
 * 4300 bits), so e is zero if it is.
 *
 * Sigma_P is summed by products of matrices of 256 entries, which FLINT does in integers. Cost N
 * d^2 for N entries; memory 48 (n + m) bytes and some matrices. */
#include "certify/rigorous.h"

enum { BATCH = 256 };

typedef wg_cert_plan plan;

/* ---- the residuals ---- */

/* order: the entries by `where`; begin (count + 1): where those of each point begin. */
static void group_entries(const plan *p, const int64_t *where, int64_t count, int64_t *begin,
                          int64_t *order) {
  for (int64_t e = 0; e < p->count; e++) begin[where[e] + 1]++;
  for (int64_t i = 1; i <= count; i++) begin[i] += begin[i - 1];
  for (int64_t e = p->count - 1; e >= 0; e--) order[--begin[where[e] + 1]] = e;
  for (int64_t i = 0; i < count; i++) begin[i] = begin[i + 1];
  begin[count] = p->count;
}

static void add_double(arb_t sum, double value) {
  arf_t term;
  arf_init(term);
  arf_set_d(term, value);
  arb_add_arf(sum, sum, term, ARF_PREC_EXACT);
  arf_clear(term);
}

/* mass of an entry, exactly */
static void entry_mass(const plan *p, int64_t e, arb_t mass) {
  arb_set_d(mass, p->mass[e]);
  if (p->mass_low) add_double(mass, p->mass_low[e]);
}

/* residual = sum |over x marginal - scale x weight|, without rounding. */
static int add_residuals(wg_mem *mem, int64_t count, const double *weights, const plan *p,
                         const int64_t *where, const arb_t scale, const arb_t over,
                         arb_t residual) {
  arb_t marginal, term;
  int64_t *begin = WG_NEW(mem, int64_t, count + 2), *order = WG_NEW(mem, int64_t, p->count);
  if (!begin || !order) return wg_no_memory();
  arb_init(marginal);
  arb_init(term);
  group_entries(p, where, count, begin, order);
  for (int64_t i = 0; i < count; i++) {
    arb_zero(marginal);
    for (int64_t at = begin[i]; at < begin[i + 1]; at++) {
      entry_mass(p, order[at], term);
      arb_add(marginal, marginal, term, ARF_PREC_EXACT);
    }
    arb_set_d(term, weights[i]);
    arb_mul(term, term, scale, ARF_PREC_EXACT);
    arb_mul(marginal, marginal, over, ARF_PREC_EXACT);
    arb_sub(term, marginal, term, ARF_PREC_EXACT);
    arb_abs(term, term);
    arb_add(residual, residual, term, ARF_PREC_EXACT);
  }
  arb_clear(marginal);
  arb_clear(term);
  wg_drop(mem, begin);
  wg_drop(mem, order);
  return WG_OK;
}

/* e = sum |r_i - a_i| + sum |s_j - b_j A / B| */
static int find_residual(wg_mem *mem, const wg_cert_data *data, const plan *p, slong bits,
                         arb_t residual) {
  arb_t a, b, one, columns;
  arb_init(a);
  arb_init(b);
  arb_init(one);
  arb_init(columns);
  arb_one(one);
  wg_ball_total(data->n, data->a, ARF_PREC_EXACT, a);
  wg_ball_total(data->m, data->b, ARF_PREC_EXACT, b);
  int status = add_residuals(mem, data->n, data->a, p, p->row, one, one, residual);
  if (status == WG_OK) status = add_residuals(mem, data->m, data->b, p, p->col, a, b, columns);
  arb_div(columns, columns, b, bits);
  arb_add(residual, residual, columns, bits);
  arb_clear(a);
  arb_clear(b);
  arb_clear(one);
  arb_clear(columns);
  return status;
}

/* ---- the largest displacement ---- */

static void column_range(int64_t count, int64_t d, int64_t k, const double *points,
                         const double *weights, double *low, double *high) {
  *low = INFINITY;
  *high = -INFINITY;
  for (int64_t i = 0; i < count; i++) {
    if (!(weights[i] > 0.0)) continue;
    *low = WG_MIN(*low, points[i * d + k]);
    *high = WG_MAX(*high, points[i * d + k]);
  }
}

/* out = |a - b| */
static void distance(arb_t out, double a, double b, slong bits) {
  arb_t other;
  arb_init(other);
  arb_set_d(out, a);
  arb_set_d(other, b);
  arb_sub(out, out, other, bits);
  arb_abs(out, out);
  arb_clear(other);
}

void wg_ball_reach2(const wg_cert_data *data, slong bits, arb_t reach2) {
  arb_t step, other;
  arb_init(step);
  arb_init(other);
  arb_zero(reach2);
  for (int64_t k = 0; k < data->d; k++) {
    double x_low, x_high, y_low, y_high;
    column_range(data->n, data->d, k, data->x, data->a, &x_low, &x_high);
    column_range(data->m, data->d, k, data->y, data->b, &y_low, &y_high);
    distance(step, y_high, x_low, bits);
    distance(other, x_high, y_low, bits);
    arb_max(step, step, other, bits);
    arb_addmul(reach2, step, step, bits);
  }
  arb_clear(step);
  arb_clear(other);
}

void wg_ball_total(int64_t count, const double *weights, slong bits, arb_t total) {
  arb_t term;
  arb_init(term);
  arb_zero(total);
  for (int64_t i = 0; i < count; i++) {
    arb_set_d(term, weights[i]);
    arb_add(total, total, term, bits);
  }
  arb_clear(term);
}

/* ---- the second moment ---- */

/* Column e of steps (d x BATCH) is y - x of entry from + e, row e of heavy (BATCH x d) the same
 * times its mass; zero behind the last entry. */
static void fill_batch(const wg_cert_data *data, const plan *p, int64_t from, slong bits,
                       arb_mat_t steps, arb_mat_t heavy) {
  arb_t other;
  arb_init(other);
  arb_mat_zero(steps);
  arb_mat_zero(heavy);
  for (int64_t e = 0; e < WG_MIN(BATCH, p->count - from); e++) {
    const double *x = data->x + p->row[from + e] * data->d;
    const double *y = data->y + p->col[from + e] * data->d;
    for (int64_t k = 0; k < data->d; k++) {
      arb_ptr step = arb_mat_entry(steps, k, e);
      arb_set_d(step, y[k]);
      arb_set_d(other, x[k]);
      arb_sub(step, step, other, bits);
      entry_mass(p, from + e, other);
      arb_mul(arb_mat_entry(heavy, e, k), step, other, bits);
    }
  }
  arb_clear(other);
}

static void find_moment(const wg_cert_data *data, const plan *p, slong bits, arb_mat_t moment) {
  arb_mat_t steps, heavy, part;
  arb_mat_init(steps, data->d, BATCH);
  arb_mat_init(heavy, BATCH, data->d);
  arb_mat_init(part, data->d, data->d);
  for (int64_t from = 0; from < p->count; from += BATCH) {
    fill_batch(data, p, from, bits, steps, heavy);
    arb_mat_mul(part, steps, heavy, bits);
    arb_mat_add(moment, moment, part, bits);
  }
  arb_mat_clear(steps);
  arb_mat_clear(heavy);
  arb_mat_clear(part);
}

/* ---- the bound ---- */

/* value = gamma of the coupling that the plan becomes; rest = e D^2. */
static int coupling_gauge(wg_mem *mem, const wg_gauge_spec *spec, const arb_mat_t moment,
                          const arb_t rest, slong bits, arb_t value) {
  arb_t price;
  if (!wg_gauge_is_convex(spec)) return wg_ball_gauge(mem, spec, moment, rest, bits, value);
  arb_init(price); /* zero: no slack */
  int status = wg_ball_gauge(mem, spec, moment, price, bits, value);
  wg_ball_gauge_unit(spec, bits, price);
  arb_addmul(value, price, rest, bits);
  arb_clear(price);
  return status;
}

int wg_ball_upper(wg_mem *mem, const wg_cert_data *data, const wg_gauge_spec *spec, const plan *p,
                  slong bits, arb_t value) {
  arb_t rest, part;
  arb_mat_t moment;
  arb_init(rest);
  arb_init(part);
  arb_mat_init(moment, data->d, data->d);
  int status = find_residual(mem, data, p, bits, rest);
  wg_ball_reach2(data, bits, part);
  arb_mul(rest, rest, part, bits);
  find_moment(data, p, bits, moment);
  if (status == WG_OK) status = coupling_gauge(mem, spec, moment, rest, bits, value);
  wg_ball_total(data->n, data->a, bits, part);
  arb_div(value, value, part, bits);
  arb_clear(rest);
  arb_clear(part);
  arb_mat_clear(moment);
  return status;
}

int wg_ball_only(wg_mem *mem, const wg_cert_data *data, const wg_gauge_spec *spec, const plan *p,
                 slong bits, arb_t value) {
  arb_t part;
  arb_mat_t moment;
  arb_init(part); /* zero: no slack */
  arb_mat_init(moment, data->d, data->d);
  find_moment(data, p, bits, moment);
  int status = wg_ball_gauge(mem, spec, moment, part, bits, value);
  wg_ball_total(p->count, p->mass, bits, part);
  arb_div(value, value, part, bits);
  arb_clear(part);
  arb_mat_clear(moment);
  return status;
}
