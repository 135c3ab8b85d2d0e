/* The single-precision sweep of src/ot: every set of kernels this processor has, against plain
 * loops. No pair below its threshold may be missed, and what is computed stays within the margins
 * that docs/theory/transport.md proves; one test drives a sum to nine tenths of its margin. */
#include "ot/sweep.h"
#include "support.h"

/* ---- kernels ---- */

static int64_t find_sets(const wg_sweep_kernels *sets[3]) {
  int64_t count = 0;
  sets[count++] = &wg_sweep_portable;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    sets[count++] = &wg_sweep_avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    sets[count++] = &wg_sweep_avx512;
#endif
  return count;
}

/* ---- problems and their twin ---- */

typedef struct world {
  int64_t n, m, r;
  wg_side rows, columns;
  wg_context context;
  wg_mem mem;
  wg_sweep sweep;
} world;

static world make_world(int64_t n, int64_t m, int64_t r) {
  world w = {.n = n, .m = m, .r = r};
  w.rows = (wg_side){.count = n, .points = test_numbers(n * r), .dual = test_numbers(n)};
  w.columns = (wg_side){.count = m, .points = test_numbers(m * r), .dual = test_numbers(m)};
  return w;
}

static void start_sweep(world *w) {
  w->mem = wg_mem_of(&w->context.ledger);
  assert_int_equal(wg_sweep_create(&w->mem, w->r, &w->rows, &w->columns, &w->sweep), WG_OK);
}

static void free_world(world *w) {
  wg_mem_clear(&w->mem);
  free(w->rows.points);
  free(w->rows.dual);
  free(w->columns.points);
  free(w->columns.dual);
}

/* The reduced cost as pricing computes it, and with 11 more bits. */
static double reduced(const world *w, int64_t i, int64_t j) {
  const double *x = w->rows.points + i * w->r, *y = w->columns.points + j * w->r;
  double sum = 0.0;
  for (int64_t k = 0; k < w->r; k++) sum += (x[k] - y[k]) * (x[k] - y[k]);
  return sum - w->rows.dual[i] - w->columns.dual[j];
}

static long double reduced_long(const world *w, int64_t i, int64_t j) {
  const double *x = w->rows.points + i * w->r, *y = w->columns.points + j * w->r;
  long double sum = 0.0L;
  for (int64_t k = 0; k < w->r; k++) {
    const long double difference = (long double)x[k] - (long double)y[k];
    sum += difference * difference;
  }
  return sum - (long double)w->rows.dual[i] - (long double)w->columns.dual[j];
}

/* The margin as docs/theory/transport.md states it. */
static double stated_margin(const wg_sweep *s, int64_t row, double start) {
  const double size = s->largest + fabs(start) + 2.0 * s->row_length[row] * s->longest;
  return ((double)s->r + 7.0) * (1.01 * 0x1p-25 * size + 0x1p-120) + s->rounding;
}

/* Whether `out`, from a start for `threshold`, is as close to the truth as is proved. */
static void check_value(const world *w, int64_t row, int64_t col, double threshold, float out) {
  const wg_sweep *s = &w->sweep;
  const long double truth = reduced_long(w, row, col) - (long double)threshold;
  const bool is_below = truth < 0.0L || reduced(w, row, col) < threshold;
  if (is_below && !(out < 0.0f))
    fail_msg("pair %lld, %lld of r = %lld is %.17Lg below the threshold, the sweep says %g",
             (long long)row, (long long)col, (long long)w->r, -truth, (double)out);
  const double start = s->row_term[row] - threshold / s->unit;
  const double margin = stated_margin(s, row, start);
  const long double error = (long double)out - (truth / (long double)s->unit - margin);
  if (fabs(start) < 1e30 && !(fabsl(error) <= 2.0L * margin))
    fail_msg("pair %lld, %lld of r = %lld is wrong by %Lg margins", (long long)row, (long long)col,
             (long long)w->r, error / margin);
}

/* The values of four rows at their thresholds, and the hits, which have to agree with them. */
static void check_block(const world *w, const wg_sweep_kernels *set, int64_t first,
                        const double *threshold) {
  const wg_sweep *s = &w->sweep;
  wg_hit hits[16];
  float start[WG_SWEEP_ROWS], out[WG_CHUNK];
  for (int64_t k = 0; k < WG_SWEEP_ROWS; k++) start[k] = wg_sweep_start(s, first + k, threshold[k]);
  const int64_t count = set->below(s, s->row + first * s->r, start, 0, s->padded, hits);
  int64_t h = 0;
  for (int32_t chunk = 0; chunk < s->padded / WG_CHUNK; chunk++) {
    int32_t rows = 0;
    for (int64_t k = 0; k < WG_SWEEP_ROWS; k++) {
      set->values(s, s->row + (first + k) * s->r, start[k], chunk * WG_CHUNK, out);
      for (int64_t lane = 0; lane < WG_CHUNK; lane++) {
        const int64_t col = chunk * WG_CHUNK + lane;
        if (signbit(out[lane])) rows |= 1 << k;
        if (first + k >= s->rows || col >= s->columns)
          assert_true(out[lane] == INFINITY); /* padding is never below */
        else
          check_value(w, first + k, col, threshold[k], out[lane]);
      }
    }
    if (!rows) continue;
    assert_true(h < count);
    assert_int_equal(hits[h].chunk, chunk);
    assert_int_equal(hits[h++].rows, rows);
  }
  assert_int_equal(h, count);
}

static void check_minima(const world *w, const wg_sweep_kernels *set, int64_t first) {
  const wg_sweep *s = &w->sweep;
  float out[WG_SWEEP_ROWS * WG_CHUNK];
  set->minima(s, s->row + first * s->r, 0, s->padded, out);
  for (int64_t k = 0; k < WG_SWEEP_ROWS && first + k < s->rows; k++)
    for (int64_t lane = 0; lane < WG_CHUNK; lane++) {
      long double least = INFINITY;
      for (int64_t col = lane; col < w->m; col += WG_CHUNK)
        least = WG_MIN(least, reduced_long(w, first + k, col));
      const long double value =
          (long double)out[k * WG_CHUNK + lane] + (long double)s->row_term[first + k];
      if (least == INFINITY)
        assert_true(out[k * WG_CHUNK + lane] == INFINITY);
      else
        assert_true(fabsl(value - least / (long double)s->unit) <=
                    2.0 * stated_margin(s, first + k, 0.0));
    }
}

/* All rows, each at a threshold next to the value of one of its pairs. */
static void check_world(wg_rng *rng, world *w) {
  const wg_sweep_kernels *sets[3];
  const int64_t count = find_sets(sets);
  start_sweep(w);
  for (int64_t first = 0; first < w->n; first += WG_SWEEP_ROWS) {
    double threshold[WG_SWEEP_ROWS];
    for (int64_t k = 0; k < WG_SWEEP_ROWS; k++) {
      threshold[k] = 0.0;
      if (first + k >= w->n) continue;
      const int64_t col = (int64_t)(wg_rng_uniform(rng) * (double)w->m);
      const double value = reduced(w, first + k, col);
      const int64_t kind = (int64_t)(wg_rng_bits(rng) % 4);
      threshold[k] =
          kind < 2 ? nextafter(value, kind ? INFINITY : -INFINITY) : value * (kind - 2.0);
    }
    for (int64_t k = 0; k < count; k++) {
      check_block(w, sets[k], first, threshold);
      check_minima(w, sets[k], first);
    }
  }
}

/* ---- clouds ---- */

enum { GAUSSIAN, GRID, FAR_FROM_ORIGIN, FAR_APART, ONE_POINT, HEAVY_TAILS, ON_A_LINE, CLOUDS };

static double coordinate(wg_rng *rng, int kind, bool is_row, int64_t k) {
  const double normal = wg_rng_normal(rng);
  switch (kind) {
    case GRID: return floor(3.0 * wg_rng_uniform(rng));
    case FAR_FROM_ORIGIN: return 1e8 + normal;
    case FAR_APART: return (is_row ? 1e6 : 0.0) + normal;
    case ONE_POINT: return is_row ? 0.3 : -1.7;
    case HEAVY_TAILS: return sinh(4.0 * normal);
    case ON_A_LINE: return k == 0 ? normal : 0.0;
    default: return normal + (is_row ? 0.0 : 0.5);
  }
}

static void fill_points(wg_rng *rng, world *w, int kind, double scale) {
  for (int64_t i = 0; i < w->n * w->r; i++)
    w->rows.points[i] = scale * coordinate(rng, kind, true, i % w->r);
  for (int64_t j = 0; j < w->m * w->r; j++)
    w->columns.points[j] = scale * coordinate(rng, kind, false, j % w->r);
}

enum { NO_DUALS, RANDOM_DUALS, TIGHT_DUALS, OPPOSITE_DUALS, DUALS };

/* size: of duals that do not follow from the points. */
static void fill_duals(wg_rng *rng, world *w, int kind, double size) {
  for (int64_t j = 0; j < w->m; j++) {
    const double normal = wg_rng_normal(rng);
    w->columns.dual[j] = kind == NO_DUALS ? 0.0 : kind == OPPOSITE_DUALS ? size : size * normal;
  }
  for (int64_t i = 0; i < w->n; i++) {
    double least = INFINITY;
    w->rows.dual[i] = 0.0;
    for (int64_t j = 0; j < w->m; j++) least = WG_MIN(least, reduced(w, i, j));
    if (kind == RANDOM_DUALS) w->rows.dual[i] = size * wg_rng_normal(rng);
    if (kind == TIGHT_DUALS || kind == OPPOSITE_DUALS) w->rows.dual[i] = least;
  }
}

static const int64_t dimensions[] = {1, 2, 3, 4, 5, 7, 8, 10, 16, 17, 31, 64, 100, 130};
enum { DIMENSIONS = sizeof dimensions / sizeof *dimensions };

static void no_pair_below_its_threshold_is_missed(void **state) {
  (void)state;
  wg_rng rng = {1};
  for (int trial = 0; trial < CLOUDS * DUALS * DIMENSIONS; trial++) {
    world w = make_world(1 + trial % 11, 1 + (trial * 37) % 200, dimensions[trial % DIMENSIONS]);
    fill_points(&rng, &w, trial % CLOUDS, 1.0);
    fill_duals(&rng, &w, trial / CLOUDS % DUALS, (double)w.r);
    check_world(&rng, &w);
    free_world(&w);
  }
}

/* Duals that dwarf the costs, up to where costs are below the rounding of the duals, and beyond
 * where single precision could hold them. */
static void huge_duals_are_no_danger(void **state) {
  (void)state;
  wg_rng rng = {2};
  const double sizes[] = {1e4, 1e8, 1e12, 1e16, 1e30, 1e40, 1e100, 1e300};
  for (int trial = 0; trial < 8 * CLOUDS * DUALS; trial++) {
    world w = make_world(2 + trial % 5, 40 + trial % 50, dimensions[trial % DIMENSIONS]);
    fill_points(&rng, &w, trial % CLOUDS, 1.0);
    fill_duals(&rng, &w, trial / CLOUDS % DUALS, sizes[trial / CLOUDS / DUALS]);
    check_world(&rng, &w);
    free_world(&w);
  }
}

static void no_scale_is_too_large_or_small(void **state) {
  (void)state;
  wg_rng rng = {3};
  const double scales[] = {1e-300, 1e-200, 1e-150, 1e-75, 1e-20, 1e-10, 1e10, 1e20, 1e75, 1e140};
  for (int trial = 0; trial < 10 * CLOUDS * DUALS; trial++) {
    world w = make_world(3 + trial % 4, 60 + trial % 9, dimensions[trial % DIMENSIONS]);
    const double scale = scales[trial / CLOUDS / DUALS];
    fill_points(&rng, &w, trial % CLOUDS, scale);
    fill_duals(&rng, &w, trial / CLOUDS % DUALS, scale * scale);
    check_world(&rng, &w);
    free_world(&w);
  }
  for (int trial = 0; trial < 4 * DUALS; trial++) { /* the very end of the range */
    world w = make_world(3, 70, dimensions[(5 * trial) % DIMENSIONS]);
    fill_points(&rng, &w, GAUSSIAN, 1e150);
    fill_duals(&rng, &w, trial % DUALS, trial % 2 ? 1e300 : 1e-300);
    check_world(&rng, &w);
    free_world(&w);
  }
}

static void infinite_thresholds_take_all_or_nothing(void **state) {
  (void)state;
  wg_rng rng = {4};
  world w = make_world(6, 100, 5);
  fill_points(&rng, &w, GAUSSIAN, 1.0);
  start_sweep(&w);
  const double all[] = {INFINITY, 1e300, INFINITY, -INFINITY};
  const double none[] = {-INFINITY, -1e300, -INFINITY, -1e30};
  wg_hit hits[2];
  assert_int_equal(wg_sweep_below(&w.sweep, 0, all, 0, 128, hits), 2);
  assert_int_equal(hits[0].rows, 7);
  assert_int_equal(hits[1].rows, 7);
  assert_int_equal(wg_sweep_below(&w.sweep, 0, none, 0, 128, hits), 0);
  assert_int_equal(wg_sweep_below(&w.sweep, 4, all, 64, 128, hits), 1); /* rows 4 and 5 exist */
  assert_int_equal(hits[0].chunk, 1);
  assert_int_equal(hits[0].rows, 3);
  free_world(&w);
}

/* The library's own entries use the best set of kernels, in the caller's units. */
static void the_library_uses_these_kernels(void **state) {
  (void)state;
  wg_rng rng = {5};
  world w = make_world(5, 150, 6);
  fill_points(&rng, &w, GAUSSIAN, 1e3);
  fill_duals(&rng, &w, RANDOM_DUALS, 1e6);
  start_sweep(&w);
  const wg_sweep_kernels *sets[3], *best = wg_sweep_best();
  assert_ptr_equal(best, sets[find_sets(sets) - 1]);
  float expected[WG_CHUNK], out[WG_CHUNK];
  double least[WG_SWEEP_ROWS * WG_CHUNK];
  best->values(&w.sweep, w.sweep.row + 4 * w.r, wg_sweep_start(&w.sweep, 4, 1e5), 64, expected);
  wg_sweep_values(&w.sweep, 4, 1e5, 1, out);
  assert_memory_equal(out, expected, sizeof out);
  wg_sweep_minima(&w.sweep, 4, 64, 128, least);
  for (int64_t lane = 0; lane < WG_CHUNK; lane++)
    assert_near(least[lane], reduced(&w, 4, 64 + lane),
                2.0 * w.sweep.unit * stated_margin(&w.sweep, 4, 0.0));
  free_world(&w);
}

/* ---- the worst case ---- */

/* Two near points whose sum rounds the same way at every step. The last coordinate brings the sum
 * from 1/2 and a bit down to nothing, and its two numbers lie just short of halfway to the next
 * float, both rounded down. Each of the others takes away just less than half the spacing of floats
 * above 1/2, so that the sum never moves. Clouds are symmetric, so that their means are zero, and
 * two more rows hold the longest coordinate, 1, so that nothing is scaled. */
static world worst_world(int64_t r) {
  world w = make_world(4, 2, r);
  const double halfway = 0x1p-24 - 0x1p-40, spacing = 0x1p-24;
  for (int64_t k = 0; k < r - 1; k++) {
    w.rows.points[k] = 0x1p-13;
    w.columns.points[k] = 0.25 * spacing * (1.0 - 0x1p-20) / 0x1p-13; /* product: half of half */
  }
  w.rows.points[r - 1] = w.columns.points[r - 1] = 0.5 * (1.0 + halfway);
  for (int64_t k = 0; k < r; k++) {
    w.rows.points[r + k] = -w.rows.points[k];
    w.columns.points[r + k] = -w.columns.points[k];
  }
  w.rows.points[2 * r + r - 1] = 1.0;
  w.rows.points[3 * r + r - 1] = -1.0;
  return w;
}

/* Were the margin nine tenths (at r = 500: 97 hundredths) of what it is, a pair would be missed. */
static void the_worst_case_uses_up_the_margin(void **state) {
  (void)state;
  const wg_sweep_kernels *sets[3];
  const int64_t count = find_sets(sets), ranks[] = {2, 5, 16, 64, 130, 500};
  for (size_t k = 0; k < sizeof ranks / sizeof *ranks; k++) {
    const int64_t r = ranks[k];
    world w = worst_world(r);
    start_sweep(&w);
    assert_true(w.sweep.unit == 1.0 && w.sweep.largest == 0.0);
    const double threshold[WG_SWEEP_ROWS] = {reduced(&w, 0, 0) + 1e-13, -INFINITY, -INFINITY,
                                             -INFINITY};
    const double start = w.sweep.row_term[0] - threshold[0];
    const double margin = stated_margin(&w.sweep, 0, start);
    const double share = 0.98 * (double)r / (1.01 * (double)(r + 7));
    for (int64_t set = 0; set < count; set++) {
      float out[WG_CHUNK];
      check_block(&w, sets[set], 0, threshold);
      sets[set]->values(&w.sweep, w.sweep.row, (float)(start - share * margin), 0, out);
      assert_true(out[0] > 0.0f); /* although the pair is below the threshold */
    }
    free_world(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_pair_below_its_threshold_is_missed),
      cmocka_unit_test(huge_duals_are_no_danger),
      cmocka_unit_test(no_scale_is_too_large_or_small),
      cmocka_unit_test(infinite_thresholds_take_all_or_nothing),
      cmocka_unit_test(the_library_uses_these_kernels),
      cmocka_unit_test(the_worst_case_uses_up_the_margin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
