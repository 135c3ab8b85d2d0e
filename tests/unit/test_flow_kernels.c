/* The inner loops of energies agree between instruction sets: each that this processor has against
 * the portable one (which tests/property/test_energies.c sees only where there is no other). */
#include "flow/kernels.h"
#include "support.h"

static int sets(const wg_flow_kernels *found[2]) {
  int count = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    found[count++] = &wg_flow_avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    found[count++] = &wg_flow_avx512;
#endif
  return count;
}

static double numbers[40000];

static int fill(void **state) {
  wg_rng rng = {3};
  (void)state;
  for (int k = 0; k < 40000; k++) numbers[k] = wg_rng_normal(&rng);
  return 0;
}

static void assert_alike(int64_t count, const double *found, const double *expected,
                         double tolerance) {
  double scale = 0.0;
  for (int64_t k = 0; k < count; k++) scale = fmax(scale, fabs(expected[k]));
  assert_true(scale > 0.0);
  for (int64_t k = 0; k < count; k++) assert_near(found[k], expected[k], tolerance * scale);
}

enum { T = WG_PAIR_TARGETS, S = WG_PAIR_SOURCES, D = 5 };

/* gradient and phi of one block, one behind the other. */
static void pairs(const wg_flow_kernels *set, bool single, const wg_profile *profile, int64_t d,
                  double *out) {
  static float targets[D * T], sources[D * S], charges[S];
  memset(out, 0, (D + 1) * T * sizeof *out);
  for (int k = 0; k < D * T; k++) targets[k] = (float)numbers[k];
  for (int k = 0; k < D * S; k++) sources[k] = (float)numbers[1000 + k];
  for (int k = 0; k < S; k++) charges[k] = (float)numbers[3000 + k];
  if (single)
    set->pairs_float(profile, d, targets, 77, sources, charges, out, out + T);
  else
    set->pairs_double(profile, d, numbers, 77, numbers + 1000, numbers + 3000, out, out + T);
}

static void test_pairs(void **state) {
  (void)state;
  const wg_flow_kernels *found[2];
  double expected[(D + 1) * T], out[(D + 1) * T];
  const int count = sets(found);
  for (int s = 0; s < count; s++)
    for (int kind = WG_KERNEL_ENERGY; kind <= WG_KERNEL_MORSE; kind++)
      for (int64_t d = 1; d <= D; d++)
        for (int single = 0; single < 2; single++) {
          const bool root = kind == WG_KERNEL_ENERGY || kind == WG_KERNEL_IMQ;
          const wg_profile profile = {(wg_kernel_kind)kind, root ? 0.04 : 0.0,
                                      kind == WG_KERNEL_POWER ? 2.5 : -0.8, 1.7};
          pairs(&wg_flow_portable, single, &profile, d, expected);
          pairs(found[s], single, &profile, d, out);
          assert_alike((1 + d) * T, out, expected, single ? 1e-5 : 1e-13);
        }
}

static void test_networks(void **state) {
  (void)state;
  const wg_flow_kernels *found[2];
  static double h[2][3 * WG_NET_DATA], force[2][8 * 7];
  const int count = sets(found);
  for (int s = 0; s < count; s++)
    for (int kind = WG_RELU; kind <= WG_SQUARE; kind++)
      for (int64_t inputs = 1; inputs <= 4; inputs++) {
        const int64_t outputs = inputs == 4 ? 3 : 1, width = inputs + outputs;
        const wg_net_block block = {(wg_activation)kind, inputs, outputs, 8, numbers,
                                    numbers + 1000};
        memset(h, 0, sizeof h);
        memset(force, 0, sizeof force);
        wg_flow_portable.net_forward(&block, h[0]);
        found[s]->net_forward(&block, h[1]);
        assert_alike(outputs * WG_NET_DATA, h[1], h[0], 1e-13);
        wg_flow_portable.net_backward(&block, h[0], force[0]);
        found[s]->net_backward(&block, h[0], force[1]);
        assert_alike(8 * width, force[1], force[0], 1e-12);
      }
}

static void test_attention(void **state) {
  (void)state;
  enum { LENGTH = 11, PADDED = 16, TOKEN = 5, HEAD = 6, SIZE = 4 * HEAD * TOKEN };
  const wg_flow_kernels *found[2];
  static double z[TOKEN * PADDED], residual[TOKEN * PADDED], out[2][TOKEN * PADDED];
  static double room[(8 * HEAD + 2 * LENGTH) * PADDED], sums[2][SIZE * WG_PLACES], force[2][SIZE];
  for (int k = 0; k < TOKEN * PADDED; k++)
    if (k % PADDED < LENGTH) {
      z[k] = numbers[k];
      residual[k] = numbers[500 + k];
    }
  const wg_head head = {LENGTH, PADDED, TOKEN, HEAD, numbers + 2000, z, room};
  assert_int_equal(wg_head_room(LENGTH, PADDED, HEAD), sizeof room / sizeof *room);
  const int count = sets(found);
  for (int s = 0; s < count; s++) {
    memset(out, 0, sizeof out);
    memset(sums, 0, sizeof sums);
    memset(force, 0, sizeof force);
    for (int which = 0; which < 2; which++) {
      const wg_flow_kernels *set = which ? found[s] : &wg_flow_portable;
      set->attend_forward(&head, 0.7, out[which]);
      set->attend_backward(&head, residual, sums[which]);
      for (int k = 0; k < SIZE * WG_PLACES; k++) force[which][k / WG_PLACES] += sums[which][k];
    }
    assert_alike(TOKEN * PADDED, out[1], out[0], 1e-13);
    assert_alike(SIZE, force[1], force[0], 1e-12);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs), cmocka_unit_test(test_networks),
                                     cmocka_unit_test(test_attention)};
  return cmocka_run_group_tests(tests, fill, NULL);
}
