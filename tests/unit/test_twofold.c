/* Twofold precision against quadruple precision: products of matrices, and roots of covariances
 * that are ill-conditioned, singular, clustered, or indefinite by rounding. */
#include "linalg/la.h"
#include "measure/measure.h"
#include "support.h"

enum { MOST = 72, SIZE = MOST * MOST };
typedef __float128 quad;

static quad value_at(wg_twofold_matrix a, int64_t i) {
  return (quad)a.high[i] + (a.low ? (quad)a.low[i] : (quad)0);
}

static quad size_of(quad a) { return a < 0 ? -a : a; }

/* Entries of many scales, with low parts. */
static void fill(wg_rng *rng, int64_t count, wg_twofold_matrix a) {
  for (int64_t i = 0; i < count; i++) {
    a.high[i] = ldexp(wg_rng_normal(rng), (int)(wg_rng_bits(rng) % 40) - 20);
    if (a.low) a.low[i] = a.high[i] * 0x1p-54 * (2.0 * wg_rng_uniform(rng) - 1.0);
  }
}

static void products_are_as_good_as_promised(void **state) {
  (void)state;
  static double room[6][SIZE];
  wg_rng rng = {1};
  for (int round = 0; round < 60; round++) {
    const int64_t r = 1 + (int64_t)(wg_rng_bits(&rng) % MOST);
    const int64_t k = (int64_t)(wg_rng_bits(&rng) % MOST);
    const bool symmetric = round % 3 == 0, ta = symmetric || round % 2;
    const int64_t s = symmetric ? r : 1 + (int64_t)(wg_rng_bits(&rng) % MOST);
    wg_twofold_matrix a = {room[0], round % 5 ? room[1] : NULL},
                      b = {room[2], round % 4 ? room[3] : NULL};
    const wg_twofold_matrix c = {room[4], room[5]};
    fill(&rng, r * k, a);
    fill(&rng, k * s, b);
    if (symmetric) b = a;
    wg_la_twofold_product(ta, symmetric, r, s, k, a, b, c);
    for (int64_t i = 0; i < r; i++)
      for (int64_t j = 0; j < s; j++) {
        quad sum = 0, sizes = 0;
        for (int64_t l = 0; l < k; l++) {
          const quad term = value_at(a, ta ? l * r + i : i * k + l) * value_at(b, l * s + j);
          sum += term;
          sizes += size_of(term);
        }
        const quad off = size_of(value_at(c, i * s + j) - sum);
        assert_true(off <= (quad)wg_twofold_units(k) * sizes);
        assert_true(fabs(c.low[i * s + j]) <= 1.0001 * WG_UNIT * fabs(c.high[i * s + j]));
      }
  }
}

/* Products that cancel to 1e-25 of their terms: double precision has not one digit of them. */
static void what_cancels_is_kept(void **state) {
  (void)state;
  double a[3] = {1e8, 1.0, -1e8}, b[3] = {1e8, 1e-9, 1e8}, high, low;
  wg_la_twofold_product(false, false, 1, 1, 3, (wg_twofold_matrix){a, NULL},
                        (wg_twofold_matrix){b, NULL}, (wg_twofold_matrix){&high, &low});
  assert_true(high + low == 1e-9);
  const wg_twofold root = wg_twofold_root((wg_twofold){2.0, 0.0});
  const quad square = ((quad)root.high + root.low) * ((quad)root.high + root.low) - 2;
  assert_true(size_of(square) < (quad)1e-31);
}

enum { KINDS = 7 };

/* Covariances: full, condition 1e14, of low rank, a multiple of the identity, diagonal with
 * repetitions, two clusters, zero. */
static void make_covariance(wg_rng *rng, int kind, int64_t d, double *s) {
  for (int64_t i = 0; i < d * d; i++) s[i] = 0.0;
  const int64_t rank = kind == 2 ? (d + 1) / 2 : d;
  for (int64_t k = 0; k < rank && kind < 3; k++) {
    double v[MOST];
    const double share = kind == 1 && d > 1 ? pow(1e-14, (double)k / (double)(d - 1)) : 1.0;
    for (int64_t i = 0; i < d; i++) v[i] = wg_rng_normal(rng);
    for (int64_t i = 0; i < d; i++)
      for (int64_t j = 0; j < d; j++) s[i * d + j] += share * v[i] * v[j];
  }
  for (int64_t i = 0; i < d && kind >= 3 && kind < 6; i++)
    s[i * (d + 1)] = kind == 3 ? 0.3 : kind == 4 ? 1.0 / (double)(1 + i / 3) : i % 2 ? 1.0 : 1e-9;
  for (int64_t i = 0; kind == 5 && i + 1 < d; i++) s[i * d + i + 1] = s[(i + 1) * d + i] = 1e-12;
}

/* The largest entry of S - R R' + N'N and of N R. */
static quad residual_of(int64_t d, const double *s, const wg_normal_root *root) {
  quad most = 0;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      quad sum = ((quad)s[i * d + j] + s[j * d + i]) / 2;
      for (int64_t k = 0; k < d; k++)
        sum -= value_at(root->root, i * d + k) * value_at(root->root, j * d + k);
      for (int64_t k = 0; k < root->fallen; k++)
        sum += value_at(root->negative, k * d + i) * value_at(root->negative, k * d + j);
      most = WG_MAX(most, size_of(sum));
    }
  for (int64_t i = 0; i < root->fallen; i++)
    for (int64_t j = 0; j < d; j++) {
      quad sum = 0;
      for (int64_t k = 0; k < d; k++)
        sum += value_at(root->negative, i * d + k) * value_at(root->root, k * d + j);
      most = WG_MAX(most, size_of(sum));
    }
  return most;
}

static void roots_leave_nothing(void **state) {
  (void)state;
  static double s[SIZE], mean[MOST];
  const int64_t sizes[] = {1, 2, 5, 23, MOST};
  wg_rng rng = {2};
  int64_t fallen = 0;
  for (int round = 0; round < 5 * KINDS; round++) {
    const int64_t d = sizes[round % 5];
    const int kind = round / 5;
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_normal_pair pair;
    make_covariance(&rng, kind, d, s);
    assert_int_equal(wg_measure_normal_pair(&mem, d, mean, s, mean, s, &pair), WG_OK);
    double top = 0.0;
    for (int64_t i = 0; i < d; i++) top += s[i * (d + 1)];
    for (int64_t i = 0; i < d * d; i++) s[i] = ldexp(s[i], -2 * pair.exponent);
    top = ldexp(top, -2 * pair.exponent);
    const double rounding = 256.0 * (double)(d + 8) * WG_UNIT * WG_UNIT * top;
    const double harmless = kind == 0 || kind >= 3 ? 1e-20 * top : 0.0; /* where S is regular */
    if (residual_of(d, s, &pair.root0) > (quad)(rounding + harmless))
      fail_msg("kind %d, d = %lld: residual %g, top %g", kind, (long long)d,
               (double)residual_of(d, s, &pair.root0), top);
    if (kind == 2) assert_int_equal(pair.root0.rank, (d + 1) / 2);
    fallen += pair.root0.fallen;
    wg_mem_clear(&mem);
  }
  assert_true(fallen > 0); /* rounding has put some eigenvalues below zero */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_as_good_as_promised),
                                     cmocka_unit_test(what_cancels_is_kept),
                                     cmocka_unit_test(roots_leave_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
