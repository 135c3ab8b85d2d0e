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
    case 7: return snprintf(text, room, "schatten:%.3g", pow(10.0, 1.0 + 50.0 * wg_rng_uniform(rng)));
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
    case 3: return round(entry); /* ties and equal points */
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
  double lost = cuts ? 1e-6 * v->upper_hi : 1e-12 * v->upper_hi + 1e-14 * box2(c);
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

static void claims_of_every_gauge_are_proved(void **state) {
  (void)state;
  wg_rng rng = {2026};
  for (int k = 0; k < INSTANCES; k++) {
    instance t;
    make_instance(&rng, k, &t);
    wg_rigorous_verdict v = rigorous(&t.certificate);
    if (!v.valid || v.lower_excess > 0 || v.upper_excess > 0 || v.finding[0])
      fail_msg("instance %d, %s, n = %d, m = %d, d = %d: %s", k, t.gauge, (int)t.clouds.n,
               (int)t.clouds.m, (int)t.clouds.d, v.finding);
    assert_encloses(&t.certificate, &v);
    assert_nothing_beyond(t.certificate, &v);
    drop_instance(&t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(claims_of_every_gauge_are_proved),
  };
  return cmocka_run_group_tests_name("rigorous bounds", tests, NULL, NULL);
}
