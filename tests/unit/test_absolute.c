/* |V| of batches of small matrices, against LAPACK's eigenvalues. */
#include "dynamic/parts.h"
#include "linalg/la.h"
#include "support.h"

static void check(wg_rng *rng, int64_t d, int64_t count, double off) {
  const int64_t side = d + 1, entries = wg_entry(d, d) + 1, stride = count + 3;
  double v[WG_DYNAMIC_ENTRIES * (WG_LANES + 3)], absolute[WG_DYNAMIC_ENTRIES * WG_LANES];
  for (int64_t e = 0; e < entries; e++)
    for (int64_t i = 0; i < stride; i++) v[e * stride + i] = off * wg_rng_normal(rng);
  for (int64_t k = 0; k < side; k++)
    for (int64_t i = 0; i < stride; i++) v[wg_entry(k, k) * stride + i] += 1.0; /* a near tie */
  wg_absolute(d, count, v, stride, absolute);
  for (int64_t i = 0; i < count; i++) {
    double s[16], values[4], vectors[16];
    for (int64_t r = 0; r < side; r++)
      for (int64_t c = 0; c < side; c++)
        s[r * side + c] = v[wg_entry(WG_MAX(r, c), WG_MIN(r, c)) * stride + i];
    assert_int_equal(wg_la_eigh(side, s, values, vectors), WG_OK);
    for (int64_t r = 0; r < side; r++)
      for (int64_t c = 0; c <= r; c++) {
        double want = 0.0;
        for (int64_t k = 0; k < side; k++)
          want += fabs(values[k]) * vectors[k * side + r] * vectors[k * side + c];
        assert_near(absolute[wg_entry(r, c) * WG_LANES + i], want, 1e-7 * (1.0 + off));
      }
  }
}

static void matrices_of_all_sizes(void **state) {
  (void)state;
  wg_rng rng = {5};
  for (int64_t d = 1; d <= 3; d++)
    for (int64_t count = 1; count <= WG_LANES; count += 5)
      for (int n = 0; n < 50; n++) check(&rng, d, count, n % 2 ? 2.0 : 1e-3);
  double zero[3] = {0}, absolute[3 * WG_LANES];
  wg_absolute(1, 1, zero, 1, absolute);
  assert_true(absolute[0] == 0.0 && absolute[WG_LANES] == 0.0 && absolute[2 * WG_LANES] == 0.0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(matrices_of_all_sizes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
