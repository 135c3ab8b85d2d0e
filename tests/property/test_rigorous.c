/* Bounds in ball arithmetic: random instances of every gauge, whose claims are proved and not a
 * double more; evidence of every kind that proves nothing false; formulas; tampering; what is asked
 * of the filter of pairs at the ends of the doubles. */
#include "support.h"

static wg_rigorous_verdict rigorous(const wg_certificate *certificate) {
  wg_rigorous_verdict verdict;
  int status = wg_verify_rigorous(certificate, 1, &verdict);
  if (status < 0) fail_msg("wg_verify_rigorous: %s", wg_error_detail());
  return verdict;
}

static int64_t below(wg_rng *rng, int64_t end) {
  return (int64_t)(wg_rng_bits(rng) % (uint64_t)end);
}

/* ---- random gauges ---- */

enum { INSTANCES = 500, MOST_POINTS = 12, MOST_D = 10 };

/* A spectral gauge of every kind for `size` columns; the last two have p < 1. */
enum { CONVEX_KINDS = 8, KINDS = 10 };
static int write_spectral(wg_rng *rng, int64_t kind, int64_t size, char *text, size_t room) {
  switch (kind) {
    case 0: return snprintf(text, room, "trace");
    case 1: return snprintf(text, room, "operator");
    case 2: return snprintf(text, room, "frobenius");
    case 3:
    case 4: return snprintf(text, room, "kyfan:%d", 1 + (int)below(rng, size));
    case 5: return snprintf(text, room, "schatten:%.3g", 1.0 + 9.0 * wg_rng_uniform(rng));
    case 6: return snprintf(text, room, "schatten:%.7g", 1.0 + 1e-5 * wg_rng_uniform(rng));
    case 7:
      return snprintf(text, room, "schatten:%.3g", pow(10.0, 1.0 + 50.0 * wg_rng_uniform(rng)));
    case 8: return snprintf(text, room, "schatten:0.5");
    default: return snprintf(text, room, "schatten:%.3g", 0.5 + 0.49 * wg_rng_uniform(rng));
  }
}

/* A sum of two or three blocks, or a maximum with rates; one in eight blocks has p < 1. */
static void write_blocks(wg_rng *rng, bool largest, int64_t d, char *text, size_t room) {
  int used = snprintf(text, room, "%s:", largest ? "max" : "sum");
  for (int64_t left = d, size; left > 0; left -= size) {
    size = left == d ? 1 + below(rng, d - 1) : left > 3 ? 1 + below(rng, left) : left;
    int64_t kind = below(rng, 8) ? below(rng, CONVEX_KINDS) : 8 + below(rng, KINDS - 8);
    used += write_spectral(rng, kind, size, text + used, room - (size_t)used);
    used += snprintf(text + used, room - (size_t)used, "@%d", (int)size);
    if (largest)
      used += snprintf(text + used, room - (size_t)used, "/%.3g", 0.5 + 2.0 * wg_rng_uniform(rng));
    if (left > size) used += snprintf(text + used, room - (size_t)used, ",");
  }
}

/* Every form of the grammar in turn. */
static void write_gauge(wg_rng *rng, int64_t turn, int64_t d, char *text, size_t room) {
  int64_t form = turn % (KINDS + 6);
  if (form < KINDS || d == 1)
    write_spectral(rng, form % KINDS, d, text, room);
  else
    write_blocks(rng, form % 2, d, text, room);
}

/* ---- random clouds ---- */

/* Weights from 1 down to 1e-12. */
static void spread_weights(wg_rng *rng, int64_t count, double *weights) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; i++)
    sum += weights[i] = i ? pow(10.0, -12.0 * wg_rng_uniform(rng)) : 1.0;
  for (int64_t i = 0; i < count; i++) weights[i] /= sum;
}

/* One entry of column k; `before` is the entry before it in its row. */
static double bend(int64_t kind, int64_t k, double entry, double before) {
  switch (kind) {
    case 1: return entry * 1e-7;
    case 2: return entry + 1e6;
    case 3: return round(entry);       /* ties and equal points */
    case 4: return k ? before : entry; /* on a line: Sigma_P is singular */
    case 5: return entry * 1e148;
    case 6: return entry * 1e-150;
    case 7: return ldexp(entry, -20 * (int)k); /* eigenvalues of every size */
    case 8: return k % 2 ? 0.0 : entry;
    default: return entry;
  }
}

/* Shrunk, far away, tied, singular, huge, tiny; equal or nearly equal clouds; weights of any size;
 * points without mass. */
static test_clouds random_clouds(wg_rng *rng, int64_t d) {
  int64_t n = 1 + below(rng, MOST_POINTS), m = 1 + below(rng, MOST_POINTS);
  test_clouds c = test_random_clouds(rng, n, m, d, below(rng, 2));
  int64_t kind = below(rng, 12);
  double *clouds[2] = {c.x, c.y};
  int64_t counts[2] = {n, m};
  for (int side = 0; side < 2; side++)
    for (int64_t i = 0; i < counts[side] * d; i++)
      clouds[side][i] = bend(kind, i % d, clouds[side][i], i % d ? clouds[side][i - 1] : 0.0);
  for (int64_t i = 0; kind >= 10 && i < WG_MIN(n, m) * d; i++)
    c.y[i] = kind == 10 ? c.x[i] : c.x[i] * (1.0 + 1e-9 * wg_rng_normal(rng));
  if (c.a && below(rng, 2)) {
    spread_weights(rng, n, c.a);
    spread_weights(rng, m, c.b);
  }
  if (c.a && n > 1) {
    c.a[0] += c.a[n - 1];
    c.a[n - 1] = 0.0;
  }
  return c;
}

typedef struct instance {
  char gauge[256];
  test_clouds clouds;
  wg_solver *solver;
  wg_certificate certificate;
} instance;

static void make_instance(wg_rng *rng, int64_t turn, instance *t) {
  int64_t d = 1 + below(rng, turn % 3 ? 4 : MOST_D);
  write_gauge(rng, turn, d, t->gauge, sizeof t->gauge);
  t->clouds = random_clouds(rng, d);
  t->solver = test_setup(&t->clouds, t->gauge, 1e-6);
  test_solve(t->solver);
  assert_int_equal(wg_get_certificate(t->solver, &t->certificate), WG_OK);
}

static void drop_instance(instance *t) {
  wg_free(t->solver);
  test_free_clouds(&t->clouds);
}

/* ---- true claims ---- */

/* The sum of the squared sides of the joint box. */
static double box2(const wg_certificate *c) {
  double sum = 0.0;
  for (int64_t k = 0; k < c->d; k++) {
    double low = c->x[k], high = low;
    for (int64_t i = 0; i < c->n + c->m; i++) {
      double entry = i < c->n ? c->x[i * c->d + k] : c->y[(i - c->n) * c->d + k];
      low = WG_MIN(low, entry);
      high = WG_MAX(high, entry);
    }
    sum += (high - low) * (high - low);
  }
  return sum;
}

/* What holds of every verdict: order, sharpness, and the other verifier's bounds just outside. What
 * doubles lose is relative to a pair's cost, which may be far above W2; for p < 1 the root of a
 * rounding error is lost where Sigma_P is singular. */
static void assert_encloses(const wg_certificate *c, const wg_rigorous_verdict *v) {
  wg_verdict plain;
  assert_int_equal(wg_verify(c, 1, &plain), WG_OK);
  assert_true(v->lower_lo <= v->lower_hi && v->lower_hi <= v->upper_hi);
  assert_true(v->lower_lo <= v->upper_lo && v->upper_lo <= v->upper_hi);
  assert_true(v->upper_hi - v->upper_lo <= 1e-15 * v->upper_hi);
  bool cuts = c->cuts > 0; /* searched to 2^-46, to less where Sigma_P is all but singular */
  assert_true(v->lower_hi - v->lower_lo <= (cuts ? 1e-8 : 1e-15) * v->upper_hi);
  bool root = strstr(c->gauge, "schatten:0.") != NULL;
  bool only = root && (c->n == 1 || c->m == 1);
  double lost = (only ? 1e-5 : cuts ? 1e-6 : 1e-12) * v->upper_hi + 1e-14 * box2(c);
  if (!(plain.lower <= v->lower_hi && plain.lower >= v->lower_lo - lost))
    fail_msg("%s: lower %.17g, rigorous %.17g", c->gauge, plain.lower, v->lower_lo);
  lost = (root ? 1e-5 : 1e-12) * v->upper_hi;
  if (!(plain.upper >= v->upper_lo && plain.upper <= v->upper_hi + lost))
    fail_msg("%s: upper %.17g, rigorous %.17g", c->gauge, plain.upper, v->upper_hi);
}

/* The ends themselves may be claimed, and nothing beyond. */
static void assert_nothing_beyond(wg_certificate c, const wg_rigorous_verdict *v) {
  c.lower = v->lower_lo;
  c.upper = v->upper_hi;
  assert_true(rigorous(&c).valid);
  c.lower = nextafter(v->lower_lo, INFINITY);
  wg_rigorous_verdict refused = rigorous(&c);
  assert_true(!refused.valid && refused.lower_excess > 0.0 && refused.upper_excess == 0.0);
  assert_memory_equal(refused.finding, "lower bound: ", 13);
  if (v->upper_hi == 0.0) return;
  c.lower = v->lower_lo;
  c.upper = nextafter(v->upper_hi, 0.0);
  refused = rigorous(&c);
  assert_true(!refused.valid && refused.upper_excess > 0.0 && refused.lower_excess == 0.0);
  assert_memory_equal(refused.finding, "upper bound: ", 13);
}

/* What the plain verification derives is never better than the exact bounds: nothing that it
 * accepts is refused, not even the sharpest claim. */
static void assert_no_stricter(wg_certificate c) {
  wg_verdict plain;
  assert_int_equal(wg_verify(&c, 1, &plain), WG_OK);
  c.lower = plain.lower;
  c.upper = plain.upper;
  assert_int_equal(wg_verify(&c, 1, &plain), WG_OK);
  const wg_rigorous_verdict v = rigorous(&c);
  assert_true(plain.valid);
  if (!v.valid) fail_msg("%s: %s", c.gauge, v.finding);
}

static void claims_of_every_gauge_are_proved(void **state) {
  (void)state;
  wg_rng rng = {2026};
  for (int k = 0; k < INSTANCES; k++) {
    instance t;
    make_instance(&rng, k, &t);
    wg_rigorous_verdict v = rigorous(&t.certificate);
    if (!v.valid || v.lower_excess > 0 || v.upper_excess > 0 || (v.finding[0] && !v.open))
      fail_msg("instance %d, %s, n = %d, m = %d, d = %d: %s", k, t.gauge, (int)t.clouds.n,
               (int)t.clouds.m, (int)t.clouds.d, v.finding);
    assert_encloses(&t.certificate, &v);
    assert_nothing_beyond(t.certificate, &v);
    assert_no_stricter(t.certificate);
    drop_instance(&t);
  }
}

/* ---- evidence that is none ---- */

enum { JUNK = 200 };

/* Noise on some of the evidence, up to many times its size. */
static void spoil(wg_rng *rng, int64_t count, double *values, bool positive) {
  if (below(rng, 2)) return;
  const double size = pow(10.0, 6.0 * wg_rng_uniform(rng) - 4.0);
  double most = 0.0;
  for (int64_t i = 0; i < count; i++) most = WG_MAX(most, fabs(values[i]));
  for (int64_t i = 0; i < count; i++) {
    if (below(rng, 3)) continue;
    values[i] += size * (most + 1e-3) * wg_rng_normal(rng);
    if (positive) values[i] = fabs(values[i]);
  }
}

static double *copy(const double *values, int64_t count) {
  double *out = test_numbers(count);
  if (count) memcpy(out, values, (size_t)count * sizeof *out);
  return out;
}

static double *spoilt(wg_rng *rng, const double *values, int64_t count, bool positive) {
  double *out = copy(values, count);
  spoil(rng, count, out, positive);
  return out;
}

/* Whatever the evidence, lower_lo <= W2 <= upper_hi: never beyond what the true one proves. */
static void evidence_of_any_kind_proves_nothing_false(void **state) {
  (void)state;
  wg_rng rng = {7};
  for (int k = 0; k < JUNK; k++) {
    instance t;
    make_instance(&rng, k, &t);
    wg_certificate c = t.certificate;
    const wg_rigorous_verdict honest = rigorous(&c);
    double *owned[] = {spoilt(&rng, c.q, c.d * c.d, false),
                       spoilt(&rng, c.f, c.n, false),
                       spoilt(&rng, c.g, c.m, false),
                       spoilt(&rng, c.mass, c.count, true),
                       spoilt(&rng, c.cut_q, c.cuts * 4, false),
                       spoilt(&rng, c.cut_f, c.cuts * c.n, false),
                       spoilt(&rng, c.cut_g, c.cuts * c.m, false)};
    c.q = owned[0];
    c.f = owned[1];
    c.g = owned[2];
    c.mass = owned[3];
    c.cut_q = owned[4];
    c.cut_f = owned[5];
    c.cut_g = owned[6];
    const wg_rigorous_verdict junk = rigorous(&c);
    if (!(junk.lower_lo <= honest.upper_hi && honest.lower_lo <= junk.upper_hi))
      fail_msg("instance %d, %s: [%.17g, %.17g] against [%.17g, %.17g]", k, t.gauge, junk.lower_lo,
               junk.upper_hi, honest.lower_lo, honest.upper_hi);
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    drop_instance(&t);
  }
}

/* ---- formulas ---- */

static void assert_enclosed(double low, double high, long double exact, const char *what) {
  const long double room = 4e-16L * exact; /* of the formula, where long double is double */
  if (!(low <= exact + room && high >= exact - room && high - low <= 1e-15L * exact))
    fail_msg("%s: %.20Lg is not in [%.17g, %.17g]", what, exact, low, high);
}

/* Two points with diagonal Q, one weight below zero: L = sum w+ v^2 / max(1, gamma°(Q+)). */
static void dual_gauges_follow_their_formulas(void **state) {
  (void)state;
  const long double w[3] = {1.25L, 0.75L, 2.0L}, total = w[0] + w[1] + w[2];
  const struct {
    const char *gauge;
    long double dual;
  } cases[] = {
      {"trace", 2.0L},
      {"operator", total},
      {"frobenius", sqrtl(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])},
      {"kyfan:2", 2.0L},
      {"kyfan:1", total},
      {"kyfan:3", 2.0L},
      {"schatten:1.5", cbrtl(w[0] * w[0] * w[0] + w[1] * w[1] * w[1] + w[2] * w[2] * w[2])},
      {"schatten:3", powl(powl(w[0], 1.5L) + powl(w[1], 1.5L) + powl(w[2], 1.5L), 2.0L / 3.0L)},
      {"schatten:0.75", -1.0L}, /* p < 1, one coupling: gamma of the dyad, 1 + 4 + 4 + 9 */
      {"sum:trace@1,operator@3", w[1] + w[2]},
      {"sum:operator@2,kyfan:1@2", total - w[2]},
      {"max:trace@1/2,operator@3/.5", 4.0L * w[0] + 0.25L * (w[1] + w[2])},
      {"max:operator@2,trace@2/3", w[0] + w[1] + 9.0L * w[2]},
  };
  const double x[4] = {0, 0, 0, 0}, y[4] = {1, 2, 2, 3}, one = 1, zero = 0;
  const double q[16] = {1.25, 0, 0, 0, 0, 0.75, 0, 0, 0, 0, 2, 0, 0, 0, 0, -5};
  const long double cost = w[0] + 4.0L * w[1] + 4.0L * w[2];
  const double f = (double)cost, large = f + 3.0; /* the repair takes off what is too much */
  const int64_t index = 0;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    wg_certificate c = {.n = 1, .m = 1, .d = 4, .count = 1, .x = x, .a = &one, .y = y, .b = &one};
    c.gauge = cases[k].gauge;
    c.row = c.col = &index;
    c.mass = &one;
    c.q = q;
    c.f = &f;
    c.g = &zero;
    wg_rigorous_verdict v = rigorous(&c);
    const long double wanted = cases[k].dual < 0 ? 18.0L : cost / fmaxl(1.0L, cases[k].dual);
    assert_enclosed(v.lower_lo, v.lower_hi, wanted, c.gauge);
    c.f = &large;
    v = rigorous(&c);
    assert_enclosed(v.lower_lo, v.lower_hi, wanted, c.gauge);
  }
}

/* Displacements s_k e_k of mass 1/4 after a rotation by 3-4-5 triangles: eigenvalues s_k^2 / 4. */
static void gauges_follow_their_formulas(void **state) {
  (void)state;
  const double s[4] = {1, 2, 2, 3};
  const struct {
    const char *gauge;
    long double value;
  } cases[] = {{"trace", 4.5L},
               {"operator", 2.25L},
               {"kyfan:2", 3.25L},
               {"kyfan:3", 4.25L},
               {"frobenius", 0.25L * sqrtl(114.0L)},
               {"schatten:0.5", 16.0L},
               {"schatten:3", 0.25L * cbrtl(858.0L)},
               {"schatten:1e60", 2.25L},
               {"sum:operator@2,operator@2", 1.0L + 2.25L},
               {"sum:schatten:0.5@2,trace@2", 2.25L + 3.25L},
               {"max:trace@2/.5,trace@2/2", 5.0L},
               {"max:schatten:0.5@2/10,frobenius@2/5", 0.01L * sqrtl(97.0L)}};
  const double x[16] = {0}, a[4] = {0.25, 0.25, 0.25, 0.25}, q[16] = {0}, f[4] = {0};
  const int64_t index[4] = {0, 1, 2, 3};
  double y[16] = {0};
  for (int k = 0; k < 4; k++) { /* columns 0, 1 and 2, 3 are turned; entries are exact in tenths */
    y[k * 4 + k] = 3 * s[k];
    y[k * 4 + (k ^ 1)] = (k % 2 ? -4 : 4) * s[k];
  }
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    wg_certificate c = {.n = 4, .m = 4, .d = 4, .count = 4, .x = x, .a = a, .y = y, .b = a};
    c.gauge = cases[k].gauge;
    c.row = c.col = index;
    c.mass = a;
    c.q = q;
    c.f = c.g = f;
    const wg_rigorous_verdict v = rigorous(&c);
    assert_enclosed(v.upper_lo, v.upper_hi, 25.0L * cases[k].value, cases[k].gauge);
    assert_true(v.lower_lo == 0.0 && v.lower_hi == 0.0);
  }
}

/* Mass that is missing or too much is paid at the largest displacement: (gamma + e D^2) / A. */
static void marginals_are_paid(void **state) {
  (void)state;
  const double x[2] = {0, 0}, y[2] = {3, 4}, one = 1, zero = 0, q[4] = {1, 0, 0, 1};
  const struct {
    const char *gauge;
    double mass;
    long double upper;
  } cases[] = {{"trace", 1.0, 25.0L},
               {"trace", 0.75, 31.25L},
               {"operator", 1.5, 62.5L},
               {"frobenius", 0.0, 50.0L},
               {"kyfan:1", 0.5, 37.5L},
               {"max:trace@1/.5,trace@1", 1.0, 36.0L},
               {"max:trace@1/.5,trace@1", 0.75, 0.75L * 36.0L + 0.5L * 25.0L * 4.0L}};
  const int64_t index = 0;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    wg_certificate c = {.n = 1, .m = 1, .d = 2, .count = 1, .x = x, .a = &one, .y = y, .b = &one};
    c.gauge = cases[k].gauge;
    c.row = c.col = &index;
    c.mass = &cases[k].mass;
    c.q = q;
    c.f = c.g = &zero;
    const wg_rigorous_verdict v = rigorous(&c);
    assert_enclosed(v.upper_lo, v.upper_hi, cases[k].upper, cases[k].gauge);
  }
}
/* One place and two: Sigma = diag(1, 4) is the only moment, and gamma_1/2 of it is 9. The place is
 * given twice, so that it takes the cuts to know. The four cuts allow larger moments only; the
 * first two alone, moments of rank one with trace 5. One cut: the trace. */
static void cuts_follow_their_formulas(void **state) {
  (void)state;
  const double x[4] = {0, 0, 0, 0}, y[4] = {1, 2, 1, -2}, half[2] = {0.5, 0.5};
  const double q[4] = {1, 0, 0, 1}, zeros[8] = {0}, five[2] = {5, 5};
  const double cut_q[16] = {1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, -1, -1, 1};
  const double cut_g[8] = {1, 1, 4, 4, 9, 1, 1, 9};
  const int64_t row[2] = {0, 1}, col[2] = {0, 1};
  wg_certificate c = {.n = 2, .m = 2, .d = 2, .count = 2, .x = x, .a = half, .y = y, .b = half};
  c.gauge = "schatten:0.5";
  c.row = row;
  c.col = col;
  c.mass = half;
  c.q = q;
  c.f = zeros;
  c.g = zeros;
  c.cuts = 4;
  c.cut_q = cut_q;
  c.cut_f = zeros;
  c.cut_g = cut_g;
  wg_rigorous_verdict v = rigorous(&c);
  assert_enclosed(v.upper_lo, v.upper_hi, 9.0L, "upper");
  if (!(v.lower_lo <= 9.0 && v.lower_lo >= 9.0 - 1e-12)) fail_msg("%.17g is not 9", v.lower_lo);
  c.cuts = 2;
  v = rigorous(&c);
  if (!(v.lower_lo <= 5.0 && v.lower_lo >= 5.0 - 1e-12)) fail_msg("%.17g is not 5", v.lower_lo);
  c.cuts = 1;
  c.cut_q = q;
  c.cut_g = five;
  v = rigorous(&c);
  if (!(v.lower_lo <= 5.0 && v.lower_lo >= 5.0 - 1e-12)) fail_msg("%.17g is not 5", v.lower_lo);
}

/* ---- repairs, against all pairs in long double ---- */

/* L for a diagonal Q, over the pairs with mass. */
static long double repaired(const wg_certificate *c) {
  long double paid = 0, first = 0, second = 0, a = 0, b = 0;
  for (int64_t i = 0; i < c->n; i++) {
    long double violation = 0;
    for (int64_t j = 0; j < c->m; j++) {
      long double excess = (long double)c->f[i] + c->g[j];
      for (int64_t k = 0; k < c->d; k++) {
        const long double step = (long double)c->y[j * c->d + k] - c->x[i * c->d + k];
        excess -= fmaxl(0.0L, c->q[k * c->d + k]) * step * step;
      }
      if (c->b[j] > 0) violation = fmaxl(violation, excess);
    }
    paid += c->a[i] * violation;
    first += (long double)c->a[i] * c->f[i];
    a += c->a[i];
  }
  for (int64_t j = 0; j < c->m; j++) {
    second += (long double)c->b[j] * c->g[j];
    b += c->b[j];
  }
  return fmaxl(0.0L, (first - paid) / a + second / b);
}

/* f_i is about the cheapest cost of row i, so some rows are repaired and some are not. */
static void near_potentials(wg_rng *rng, wg_certificate *c, double *f, double *g) {
  for (int64_t j = 0; j < c->m; j++) g[j] = 0.05 * wg_rng_normal(rng);
  for (int64_t i = 0; i < c->n; i++) {
    f[i] = INFINITY;
    for (int64_t j = 0; j < c->m; j++) {
      double cost = 0.0;
      for (int64_t k = 0; k < c->d; k++)
        cost += WG_MAX(0.0, c->q[k * c->d + k]) * pow(c->y[j * c->d + k] - c->x[i * c->d + k], 2);
      f[i] = WG_MIN(f[i], cost);
    }
    f[i] += 0.05 * wg_rng_normal(rng);
  }
}

static void repairs_leave_what_they_should(void **state) {
  (void)state;
  wg_rng rng = {12};
  const int64_t index = 1;
  const double one = 1;
  for (int turn = 0; turn < 40; turn++) {
    const int64_t n = 60 + below(&rng, 90), m = 60 + below(&rng, 90), d = 4 + below(&rng, 6);
    test_clouds clouds = test_random_clouds(&rng, n, m, d, true);
    double *q = test_numbers(d * d), *f = test_numbers(n), *g = test_numbers(m);
    for (int64_t k = 0; k < d; k++) q[k * d + k] = k == 2 ? -1.0 : 0.1 + 0.9 * wg_rng_uniform(&rng);
    wg_certificate c = {.n = n, .m = m, .d = d, .count = 1, .x = clouds.x, .a = clouds.a};
    c.y = clouds.y;
    c.b = clouds.b;
    c.gauge = "trace";
    c.row = c.col = &index;
    c.mass = &one;
    c.q = q;
    c.f = f;
    c.g = g;
    near_potentials(&rng, &c, f, g);
    clouds.a[1] += clouds.a[0]; /* points without mass do not count */
    clouds.b[1] += clouds.b[0];
    clouds.a[0] = clouds.b[0] = 0.0;
    f[0] = g[0] = 1e3;
    const wg_rigorous_verdict v = rigorous(&c);
    const long double exact = repaired(&c);
    if (!(exact > 0.1L && fabsl(v.lower_lo - exact) <= 1e-15L * exact))
      fail_msg("turn %d: %.17g, not %.20Lg", turn, v.lower_lo, exact);
    free(q);
    free(f);
    free(g);
    test_free_clouds(&clouds);
  }
}

/* Q maps the clouds to where the square of one rounding error is above all doubles, and the pair
 * (0, 0) costs next to nothing: potentials that say otherwise prove nothing. */
static void overflow_hides_no_pair(void **state) {
  (void)state;
  const double size = 1e100, q[4] = {1e300, -1e300, -1e300, 1e300}, half[2] = {0.5, 0.5};
  const double x[4] = {size, size, -size, -size}, f[2] = {1e306, 0.0}, g[2] = {0.0, 0.0};
  const double y[4] = {size * 1.5, size * 1.5, -size, -size}; /* along the kernel of Q */
  const int64_t index[2] = {0, 1};
  const wg_certificate c = {.n = 2,
                            .m = 2,
                            .d = 2,
                            .count = 2,
                            .x = x,
                            .a = half,
                            .y = y,
                            .b = half,
                            .gauge = "trace",
                            .row = index,
                            .col = index,
                            .mass = half,
                            .q = q,
                            .f = f,
                            .g = g};
  const wg_rigorous_verdict v = rigorous(&c);
  assert_true(v.lower_lo <= v.upper_hi && v.lower_lo == 0.0);
}

/* ---- tampering ---- */

static void spoilt_evidence_is_refused(void **state) {
  (void)state;
  static const char *gauges[] = {"operator",
                                 "trace",
                                 "frobenius",
                                 "kyfan:2",
                                 "max:operator@2,trace@1/2",
                                 "sum:kyfan:1@2,trace@1"};
  wg_rng rng = {5};
  for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
    test_clouds clouds = test_random_clouds(&rng, 20, 15, 3, k % 2);
    wg_solver *solver = test_setup(&clouds, gauges[k], 1e-9);
    wg_certificate true_one, c;
    test_solve(solver);
    assert_int_equal(wg_get_certificate(solver, &true_one), WG_OK);
    assert_true(rigorous(&true_one).valid);
    double *q = copy(true_one.q, 9), *f = copy(true_one.f, 20),
           *mass = copy(true_one.mass, true_one.count);

    c = true_one;
    c.f = f;
    for (int i = 0; i < 20; i++) f[i] += 0.01 * true_one.upper; /* repaired: all is taken off */
    assert_true(rigorous(&c).lower_lo <= true_one.upper && rigorous(&c).lower_lo >= 0.9 * c.lower);
    for (int i = 0; i < 20; i++) f[i] -= 0.02 * true_one.upper;
    assert_false(rigorous(&c).valid);
    assert_true(rigorous(&c).lower_excess > 0.009 * c.upper && rigorous(&c).upper_excess <= 0);

    c = true_one;
    c.q = q; /* outside the dual ball, with potentials to match */
    for (int i = 0; i < 9; i++) q[i] *= 2.0;
    for (int i = 0; i < 20; i++) f[i] = 2.0 * true_one.f[i];
    double g[15];
    for (int j = 0; j < 15; j++) g[j] = 2.0 * true_one.g[j];
    c.f = f;
    c.g = g;
    c.lower = 1.5 * true_one.lower;
    assert_false(rigorous(&c).valid);
    assert_true(rigorous(&c).lower_lo <= true_one.upper);

    c = true_one;
    c.mass = mass;
    mass[0] *= 0.5; /* marginals are not met */
    assert_false(rigorous(&c).valid);
    assert_true(rigorous(&c).upper_excess > 0 && rigorous(&c).lower_excess <= 0);
    mass[0] = mass[1] = 0.5 * (true_one.mass[0] + true_one.mass[1]);
    if (true_one.mass[0] != true_one.mass[1]) assert_false(rigorous(&c).valid);
    free(q);
    free(f);
    free(mass);
    wg_free(solver);
    test_free_clouds(&clouds);
  }
}

/* A cut that claims a little more than its potentials. */
static void spoilt_cuts_are_refused(void **state) {
  (void)state;
  wg_rng rng = {15};
  test_clouds clouds = test_random_clouds(&rng, 12, 12, 2, false);
  wg_solver *solver = test_setup(&clouds, "schatten:0.5", 1e-6);
  wg_certificate c;
  assert_int_equal(test_solve(solver).outcome, WG_CERTIFIED);
  assert_int_equal(wg_get_certificate(solver, &c), WG_OK);
  assert_true(c.cuts > 2 && rigorous(&c).valid);
  double *f = copy(c.cut_f, c.cuts * 12);
  for (int64_t i = 0; i < c.cuts * 12; i++) f[i] -= 1e-3 * c.upper;
  c.cut_f = f;
  const wg_rigorous_verdict lower = rigorous(&c);
  assert_true(!lower.valid && lower.lower_excess > 1e-4 * c.upper);
  for (int64_t i = 0; i < c.cuts * 12; i++) f[i] += 0.1 * c.upper; /* repaired */
  assert_true(rigorous(&c).lower_lo <= c.upper);
  c.cuts = 0; /* the trace alone */
  c.cut_q = c.cut_f = c.cut_g = NULL;
  assert_true(rigorous(&c).lower_excess > 0);
  free(f);
  wg_free(solver);
  test_free_clouds(&clouds);
}

/* ---- precision, threads, arguments ---- */

/* Potentials of 1e12 that leave 1e-20: 128 bits are too few. */
static void bits_are_added_where_sums_cancel(void **state) {
  (void)state;
  const double x = 0, y = 0x1p-50, one = 1, f = 0x1p60, g = -0x1p60, q = 1;
  const int64_t index = 0;
  wg_certificate c = {.n = 1, .m = 1, .d = 1, .count = 1, .x = &x, .a = &one, .y = &y, .b = &one};
  c.gauge = "trace";
  c.row = c.col = &index;
  c.mass = &one;
  c.q = &q;
  c.f = &f;
  c.g = &g;
  wg_rigorous_verdict v = rigorous(&c);
  assert_true(v.lower_lo == 0.0 && v.upper_lo == 0x1p-100 && v.upper_hi == 0x1p-100);
  const double third[2] = {0.333, 0.667}, two[2] = {0, 0x1p-50}, big[2] = {0x1p60, 0x1p60 + 0x1p10};
  const int64_t both[2] = {0, 1};
  c.n = 2;
  c.count = 2;
  c.x = two;
  c.a = third;
  c.f = big;
  c.row = both;
  const int64_t zeros[2] = {0, 0};
  c.col = zeros;
  c.mass = third;
  v = rigorous(&c);
  assert_true(v.bits > 128 && v.upper_hi - v.upper_lo <= 1e-15 * v.upper_hi);
}

static void threads_do_not_change_a_bit(void **state) {
  (void)state;
  wg_rng rng = {3};
  static const char *gauges[] = {"operator", "schatten:0.5"};
  for (int k = 0; k < 2; k++) {
    test_clouds clouds = test_random_clouds(&rng, 700, 800, 2 + 3 * (k == 0), true);
    wg_solver *solver = test_setup(&clouds, gauges[k], 1e-3);
    wg_certificate c;
    wg_rigorous_verdict v[3];
    test_solve(solver);
    assert_int_equal(wg_get_certificate(solver, &c), WG_OK);
    for (int threads = 1; threads <= 3; threads++) {
      assert_int_equal(wg_verify_rigorous(&c, threads, &v[threads - 1]), WG_OK);
      v[threads - 1].seconds = 0;
    }
    assert_true(v[0].valid);
    assert_memory_equal(&v[0], &v[1], sizeof v[0]);
    assert_memory_equal(&v[0], &v[2], sizeof v[0]);
    wg_free(solver);
    test_free_clouds(&clouds);
  }
}

static void unusable_data_are_named(void **state) {
  (void)state;
  wg_rng rng = {4};
  test_clouds clouds = test_random_clouds(&rng, 5, 5, 2, false);
  wg_solver *solver = test_setup(&clouds, "operator", 1e-6);
  wg_certificate good, c;
  wg_rigorous_verdict v;
  test_solve(solver);
  assert_int_equal(wg_get_certificate(solver, &good), WG_OK);
  assert_int_equal(wg_verify_rigorous(NULL, 1, &v), WG_ERR_ARGUMENT);
  assert_int_equal(wg_verify_rigorous(&good, 1, NULL), WG_ERR_ARGUMENT);
  const double bad[4] = {1, NAN, 0, 1}, huge[5] = {1e308};
  const int64_t out[16] = {5};
  double mass[16] = {-1};
  c = good;
  c.q = bad;
  assert_int_equal(wg_verify_rigorous(&c, 1, &v), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "Q[1]"));
  c = good;
  c.f = huge;
  assert_int_equal(wg_verify_rigorous(&c, 1, &v), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "f[0]"));
  assert_true(good.count <= 16);
  c = good;
  c.row = out;
  assert_int_equal(wg_verify_rigorous(&c, 1, &v), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "row 5"));
  c = good;
  c.mass = mass;
  assert_int_equal(wg_verify_rigorous(&c, 1, &v), WG_ERR_INPUT);
  c = good;
  c.gauge = "kyfan:3";
  assert_int_equal(wg_verify_rigorous(&c, 1, &v), WG_ERR_INPUT);
  c = good;
  c.cuts = 1;
  assert_int_equal(wg_verify_rigorous(&c, 1, &v), WG_ERR_INPUT);
  wg_free(solver);
  test_free_clouds(&clouds);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(claims_of_every_gauge_are_proved),
      cmocka_unit_test(evidence_of_any_kind_proves_nothing_false),
      cmocka_unit_test(dual_gauges_follow_their_formulas),
      cmocka_unit_test(gauges_follow_their_formulas),
      cmocka_unit_test(marginals_are_paid),
      cmocka_unit_test(cuts_follow_their_formulas),
      cmocka_unit_test(repairs_leave_what_they_should),
      cmocka_unit_test(overflow_hides_no_pair),
      cmocka_unit_test(spoilt_evidence_is_refused),
      cmocka_unit_test(spoilt_cuts_are_refused),
      cmocka_unit_test(bits_are_added_where_sums_cancel),
      cmocka_unit_test(threads_do_not_change_a_bit),
      cmocka_unit_test(unusable_data_are_named),
  };
  return cmocka_run_group_tests_name("rigorous bounds", tests, NULL, NULL);
}
