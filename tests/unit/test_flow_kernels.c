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

static wg_profile profile_of(int kind) {
  const bool root = kind == WG_KERNEL_ENERGY || kind == WG_KERNEL_IMQ;
  return (wg_profile){(wg_kernel_kind)kind, root ? 0.04 : 0.0, kind == WG_KERNEL_POWER ? 2.5 : -0.8,
                      1.7, false};
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
          const wg_profile profile = profile_of(kind);
          pairs(&wg_flow_portable, single, &profile, d, expected);
          pairs(found[s], single, &profile, d, out);
          assert_alike((1 + d) * T, out, expected, single ? 1e-5 : 1e-13);
        }
}

/* Two blocks for each other: what targets feel and their energy, and what the sources feel. */
static void mutual(const wg_flow_kernels *set, bool single, const wg_profile *profile, int64_t d,
                   double *out) {
  static float blocks[2][3 * S];
  memset(out, 0, (size_t)((2 * d + 1) * S) * sizeof *out);
  for (int k = 0; k < 6 * S; k++) blocks[k / (3 * S)][k % (3 * S)] = (float)numbers[k];
  if (single)
    set->mutual_float(profile, d, blocks[0], blocks[1], out + 2 * d * S, out, out + d * S);
  else
    set->mutual_double(profile, d, numbers, numbers + 3 * S, out + 2 * d * S, out, out + d * S);
}

/* The same by pairs of the portable set, tile by tile; the energy of a target is twice its own. */
static void mutual_by_pairs(const wg_profile *profile, int64_t d, double *out) {
  double ones[S], tile[3 * T], sums[4 * T];
  for (int k = 0; k < S; k++) ones[k] = 1.0;
  for (int way = 0; way < 2; way++)
    for (int64_t from = 0; from < S; from += T) {
      memset(sums, 0, sizeof sums);
      for (int64_t k = 0; k < d * T; k++) tile[k] = numbers[3 * S * way + k / T * S + from + k % T];
      wg_flow_portable.pairs_double(profile, d, tile, S, numbers + 3 * S * (1 - way), ones,
                                    sums + d * T, sums);
      for (int64_t k = 0; k < (way == 0 ? d + 1 : d) * T; k++)
        out[(way * d + (k / T == d ? 2 * d : k / T)) * S + from + k % T] =
            k / T == d ? 2.0 * sums[k] : sums[k];
    }
}

static void test_mutual(void **state) {
  (void)state;
  const wg_flow_kernels *found[3];
  double expected[7 * S], out[7 * S];
  const int count = sets(found);
  found[count] = &wg_flow_portable;
  for (int s = 0; s <= count; s++)
    for (int kind = WG_KERNEL_ENERGY; kind <= WG_KERNEL_MORSE; kind++)
      for (int64_t d = 2; d <= 3; d++)
        for (int single = 0; single < 2; single++) {
          const wg_profile profile = profile_of(kind);
          mutual_by_pairs(&profile, d, expected);
          mutual(found[s], single, &profile, d, out);
          assert_alike((2 * d + 1) * S, out, expected, single ? 1e-5 : 1e-13);
        }
}

/* Charges that are one may be left out. */
static void test_unit_charges(void **state) {
  (void)state;
  const wg_flow_kernels *found[3];
  double ones[S], expected[4 * T], out[4 * T];
  const int count = sets(found);
  found[count] = &wg_flow_portable;
  for (int k = 0; k < S; k++) ones[k] = 1.0;
  for (int s = 0; s <= count; s++)
    for (int64_t d = 2; d <= 3; d++) {
      wg_profile profile = profile_of(WG_KERNEL_ENERGY);
      memset(expected, 0, sizeof expected);
      memset(out, 0, sizeof out);
      found[s]->pairs_double(&profile, d, numbers, 77, numbers + 1000, ones, expected + d * T,
                             expected);
      profile.unit = true;
      found[s]->pairs_double(&profile, d, numbers, 77, numbers + 1000, ones, out + d * T, out);
      assert_alike((d + 1) * T, out, expected, 1e-15);
      memset(out, 0, sizeof out);
      found[s]->pairs_double(&profile, d, numbers, 77, numbers + 1000, ones, NULL, out);
      assert_alike(d * T, out, expected, 1e-15);
    }
}

/* Polynomials of the degree of the nodes are found again, between nodes and at them. */
static void test_interpolation(void **state) {
  (void)state;
  const wg_flow_kernels *found[3];
  static double rows[4 * 4 * 4 * WG_FAR_WIDTH];
  const int count = sets(found);
  found[count] = &wg_flow_portable;
  wg_far far = {{1, 1, 1}, {0.3, -0.2, 0.1}, {0.5, 2.0, 1.5}, {1.0, 0.5, -0.5, -1.0}, {0}, rows};
  for (int k = 0; k < 4; k++) { /* by the definition of the weights */
    far.weights[k] = 1.0;
    for (int l = 0; l < 4; l++)
      if (l != k) far.weights[k] /= far.nodes[k] - far.nodes[l];
  }
  for (int s = 0; s <= count; s++)
    for (int64_t d = 1; d <= 3; d++) {
      double x[3 * T], phi[T] = {0.0}, gradient[3 * T] = {0.0};
      for (int k = 0; k < 3; k++) far.sides[k] = k >= 3 - d ? 4 : 1;
      for (int64_t at = 0, all = 1 << (2 * d); at < all; at++) {
        double value = 1.0;
        for (int64_t k = 0; k < d; k++) {
          const double u = far.nodes[at >> (2 * (d - 1 - k)) & 3];
          value *= 1.0 + (double)(k + 1) * u - u * u * u;
        }
        for (int c = 0; c < WG_FAR_WIDTH; c++) rows[at * WG_FAR_WIDTH + c] = (c + 1) * value;
      }
      for (int64_t k = 0; k < d * T; k++) {
        const int64_t axis = 3 - d + k / T;
        const double u = k % T == 3 ? far.nodes[2] : tanh(numbers[k]);
        x[k] = far.centre[axis] + u / far.inverse[axis];
      }
      found[s]->interpolate(&far, d, x, phi, gradient);
      for (int64_t t = 0; t < T; t++) {
        double value = 1.0;
        for (int64_t k = 0; k < d; k++) {
          const double u = (x[k * T + t] - far.centre[3 - d + k]) * far.inverse[3 - d + k];
          value *= 1.0 + (double)(k + 1) * u - u * u * u;
        }
        assert_near(phi[t], WG_FAR_WIDTH * value, 1e-13);
        for (int64_t k = 0; k < d; k++)
          assert_near(gradient[k * T + t], (double)(k + 1) * value, 1e-13);
      }
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

enum { LENGTH = 11, PADDED = 16, HEAD = 6, MOST_TOKEN = 13 };
enum { ROOM = (8 * HEAD + 2 * MOST_TOKEN + 2 * LENGTH) * PADDED, MOST = 4 * HEAD * MOST_TOKEN };

/* What a head says, and behind it its force. */
static void attend(const wg_flow_kernels *set, int64_t token, double *out) {
  static double z[MOST_TOKEN * PADDED], residual[MOST_TOKEN * PADDED], room[ROOM];
  static double sums[MOST * PLACES_double];
  const int64_t places = token * PADDED, size = 4 * HEAD * token;
  for (int64_t k = 0; k < places; k++) {
    z[k] = k % PADDED < LENGTH ? numbers[k] : 0.0;
    residual[k] = k % PADDED < LENGTH ? numbers[500 + k] : 0.0;
  }
  const wg_head_double head = {LENGTH, PADDED, token, HEAD, numbers + 2000, z, room};
  memset(out, 0, (size_t)(places + size) * sizeof *out);
  memset(sums, 0, sizeof sums);
  set->attend_forward_double(&head, 0.7, out);
  set->attend_backward_double(&head, residual, sums);
  for (int64_t k = 0; k < size * PLACES_double; k++) out[places + k / PLACES_double] += sums[k];
}

static void attend_single(const wg_flow_kernels *set, int64_t token, double *out) {
  static float x[MOST], z[MOST_TOKEN * PADDED], residual[MOST_TOKEN * PADDED], room[ROOM];
  static float said[MOST_TOKEN * PADDED], sums[MOST * PLACES_float];
  const int64_t places = token * PADDED, size = 4 * HEAD * token;
  for (int64_t k = 0; k < size; k++) x[k] = (float)numbers[2000 + k];
  for (int64_t k = 0; k < places; k++) {
    z[k] = k % PADDED < LENGTH ? (float)numbers[k] : 0.0F;
    residual[k] = k % PADDED < LENGTH ? (float)numbers[500 + k] : 0.0F;
  }
  const wg_head_float head = {LENGTH, PADDED, token, HEAD, x, z, room};
  memset(out, 0, (size_t)(places + size) * sizeof *out);
  memset(said, 0, sizeof said);
  memset(sums, 0, sizeof sums);
  set->attend_forward_float(&head, 0.7F, said);
  set->attend_backward_float(&head, residual, sums);
  for (int64_t k = 0; k < places; k++) out[k] = (double)said[k];
  for (int64_t k = 0; k < size * PLACES_float; k++)
    out[places + k / PLACES_float] += (double)sums[k];
}

/* Five numbers a token: by tokens; thirteen: by keys (attention_body.h). */
static void test_attention(void **state) {
  (void)state;
  const wg_flow_kernels *found[2];
  static double expected[MOST_TOKEN * PADDED + MOST], out[MOST_TOKEN * PADDED + MOST];
  assert_int_equal(wg_head_room(LENGTH, PADDED, MOST_TOKEN, HEAD), ROOM);
  const int count = sets(found);
  for (int64_t token = 5; token <= MOST_TOKEN; token += 8) {
    const int64_t places = token * PADDED, size = 4 * HEAD * token;
    attend(&wg_flow_portable, token, expected);
    for (int s = -1; s < count; s++) {
      const wg_flow_kernels *set = s < 0 ? &wg_flow_portable : found[s];
      attend(set, token, out);
      assert_alike(places, out, expected, 1e-13);
      assert_alike(size, out + places, expected + places, 1e-12);
      attend_single(set, token, out);
      assert_alike(places, out, expected, 2e-6);
      assert_alike(size, out + places, expected + places, 1e-5);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pairs),        cmocka_unit_test(test_mutual),
      cmocka_unit_test(test_unit_charges), cmocka_unit_test(test_interpolation),
      cmocka_unit_test(test_networks),     cmocka_unit_test(test_attention)};
  return cmocka_run_group_tests(tests, fill, NULL);
}
