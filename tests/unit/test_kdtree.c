/* The kd-tree against a plain loop over all columns: the same least reduced costs, to the bit. */
#include "ot/kdtree.h"
#include "support.h"

enum { KEEP = 5 };

static double reduced(int64_t r, const wg_side *rows, const wg_side *cols, int64_t i, int64_t j) {
  double sum = 0.0;
  for (int64_t k = 0; k < r; k++) {
    const double difference = rows->points[i * r + k] - cols->points[j * r + k];
    sum += difference * difference;
  }
  return sum - rows->dual[i] - cols->dual[j];
}

static void query_plainly(int64_t r, const wg_side *rows, const wg_side *cols, int64_t i,
                          double limit, double *values) {
  int32_t indices[KEEP];
  for (int k = 0; k < KEEP; k++) values[k] = limit;
  for (int64_t j = 0; j < cols->count; j++)
    wg_insert(KEEP, values, indices, reduced(r, rows, cols, i, j), (int32_t)j);
}

/* The lists hold the same numbers, and each index its own value. */
static void compare(int64_t r, const wg_side *rows, const wg_side *cols, double limit) {
  wg_context context = {.threads = 1};
  wg_mem mem = wg_mem_of(&context.ledger);
  wg_kdtree *tree;
  assert_int_equal(wg_kdtree_create(&mem, r, rows, cols, &tree), WG_OK);
  for (int64_t i = 0; i < rows->count; i++) {
    double values[KEEP], expected[KEEP];
    int32_t indices[KEEP];
    for (int k = 0; k < KEEP; k++) {
      values[k] = limit;
      indices[k] = -1;
    }
    wg_kdtree_query(tree, i, KEEP, values, indices);
    query_plainly(r, rows, cols, i, limit, expected);
    for (int k = 0; k < KEEP; k++) {
      assert_near(values[k], expected[k], 4e-15 * (fabs(expected[k]) + fabs(rows->dual[i]) + 1.0));
      if (indices[k] < 0) continue;
      assert_true(values[k] == reduced(r, rows, cols, i, indices[k]) ||
                  fabs(values[k] - reduced(r, rows, cols, i, indices[k])) <
                      1e-14 * (1.0 + fabs(rows->dual[i]) + fabs(cols->dual[indices[k]])));
    }
  }
  wg_mem_clear(&mem);
  assert_int_equal(context.ledger.now, 0);
}

static wg_side make_side(int64_t r, int64_t count) {
  return (wg_side){.count = count, .points = test_numbers(count * r), .dual = test_numbers(count)};
}

static void free_side(wg_side *side) {
  free(side->points);
  free(side->dual);
}

typedef enum shape { GAUSSIAN, GRID, LINE, ONE_POINT, FAR, SHAPES } shape;

static void place(wg_rng *rng, shape how, int64_t r, int64_t count, double *points) {
  for (int64_t i = 0; i < count * r; i++) {
    const double g = wg_rng_normal(rng);
    if (how == GAUSSIAN) points[i] = g;
    if (how == GRID) points[i] = floor(4.0 * wg_rng_uniform(rng));
    if (how == LINE) points[i] = i % r == 0 ? g : 2.0;
    if (how == ONE_POINT) points[i] = 3.0;
    if (how == FAR) points[i] = 1e6 + g;
  }
}

static void set_duals(wg_rng *rng, int kind, int64_t r, wg_side *side) {
  for (int64_t i = 0; i < side->count; i++) {
    const double x = side->points[i * r];
    side->dual[i] = kind == 0 ? 0.0 : kind == 1 ? 0.5 * x * x - x : 10.0 * wg_rng_normal(rng);
  }
}

static void queries_match_a_plain_loop(void **state) {
  (void)state;
  wg_rng rng = {11};
  const int64_t counts[][2] = {{1, 1}, {7, 16}, {40, 17}, {60, 333}, {50, 1000}};
  for (int64_t r = 2; r <= WG_KD_MOST; r++)
    for (int how = 0; how < SHAPES; how++)
      for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int kind = 0; kind < 3; kind++) {
          wg_side rows = make_side(r, counts[c][0]), cols = make_side(r, counts[c][1]);
          place(&rng, (shape)how, r, rows.count, rows.points);
          place(&rng, (shape)how, r, cols.count, cols.points);
          set_duals(&rng, kind, r, &rows);
          set_duals(&rng, kind, r, &cols);
          compare(r, &rows, &cols, INFINITY);
          compare(r, &rows, &cols, -1e-3);
          free_side(&rows);
          free_side(&cols);
        }
}

/* Integers, so that reduced costs are exact while the fits and bounds of the nodes are not; duals
 * that are affine, so that bounds are as close as they can be. The least value is zero, and a limit
 * just above still finds it. */
static void rounding_discards_no_node(void **state) {
  (void)state;
  wg_rng rng = {13};
  enum { SIDE = 9, COUNT = SIDE * SIDE * SIDE };
  for (int trial = 0; trial < 60; trial++) {
    const int64_t r = 2 + trial % 2, count = r == 2 ? SIDE * SIDE : COUNT;
    wg_side rows = make_side(r, 40), cols = make_side(r, count);
    double slope[WG_KD_MOST];
    for (int64_t k = 0; k < r; k++) slope[k] = floor(1e7 * wg_rng_normal(&rng));
    for (int64_t j = 0, rest = 0; j < count; rest = ++j)
      for (int64_t k = 0; k < r; k++, rest /= SIDE) {
        cols.points[j * r + k] = (double)(rest % SIDE);
        cols.dual[j] += slope[k] * cols.points[j * r + k];
      }
    for (int64_t i = 0; i < rows.count * r; i++)
      rows.points[i] = floor(40.0 * wg_rng_uniform(&rng)) - 16.0;
    for (int64_t i = 0; i < rows.count; i++) {
      double least = INFINITY;
      for (int64_t j = 0; j < count; j++) least = WG_MIN(least, reduced(r, &rows, &cols, i, j));
      rows.dual[i] = least;
    }
    wg_context context = {.threads = 1};
    wg_mem mem = wg_mem_of(&context.ledger);
    wg_kdtree *tree;
    assert_int_equal(wg_kdtree_create(&mem, r, &rows, &cols, &tree), WG_OK);
    for (int64_t i = 0; i < rows.count; i++) {
      double value = 1e-100;
      int32_t index = -1;
      wg_kdtree_query(tree, i, 1, &value, &index);
      assert_true(index >= 0 && value == 0.0);
    }
    wg_mem_clear(&mem);
    free_side(&rows);
    free_side(&cols);
  }
}

/* Each half of a range lies on one side of a cut, down to single points. */
static void check_cuts(int64_t r, const double *points, const int32_t *order, int64_t begin,
                       int64_t end) {
  if (end - begin <= 1) return;
  const int64_t middle = begin + (end - begin) / 2;
  bool is_cut = false;
  for (int64_t k = 0; k < r; k++) {
    double left = -INFINITY, right = INFINITY;
    for (int64_t i = begin; i < middle; i++) left = WG_MAX(left, points[order[i] * r + k]);
    for (int64_t i = middle; i < end; i++) right = WG_MIN(right, points[order[i] * r + k]);
    is_cut |= left <= right;
  }
  assert_true(is_cut);
  check_cuts(r, points, order, begin, middle);
  check_cuts(r, points, order, middle, end);
}

static void the_order_is_a_permutation_of_halves(void **state) {
  (void)state;
  wg_rng rng = {12};
  enum { COUNT = 301, R = 3 };
  for (int how = 0; how < SHAPES; how++) {
    double *points = test_numbers(COUNT * R);
    int32_t order[COUNT];
    bool seen[COUNT] = {false};
    place(&rng, (shape)how, R, COUNT, points);
    for (int32_t i = 0; i < COUNT; i++) order[i] = i;
    wg_kd_order(R, points, 1, 0, COUNT, order);
    for (int64_t i = 0; i < COUNT; i++) seen[order[i]] = true;
    for (int64_t i = 0; i < COUNT; i++) assert_true(seen[i]);
    check_cuts(R, points, order, 0, COUNT);
    free(points);
  }
}

static void a_tree_survives_every_failed_allocation(void **state) {
  (void)state;
  double points[40] = {0}, dual[20] = {0};
  const wg_side side = {.count = 20, .points = points, .dual = dual};
  wg_context context = {.threads = 1};
  wg_mem mem = wg_mem_of(&context.ledger);
  wg_kdtree *tree;
  wg_fail_allocation(0);
  assert_int_equal(wg_kdtree_create(&mem, 2, &side, &side, &tree), WG_OK);
  const long count = wg_allocation_count();
  assert_true(count > 0);
  wg_mem_clear(&mem);
  for (long k = 1; k <= count; k++) {
    wg_fail_allocation(k);
    assert_int_equal(wg_kdtree_create(&mem, 2, &side, &side, &tree), WG_ERR_MEMORY);
    wg_mem_clear(&mem);
  }
  wg_fail_allocation(0);
  assert_int_equal(context.ledger.now, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(queries_match_a_plain_loop),
                                     cmocka_unit_test(rounding_discards_no_node),
                                     cmocka_unit_test(a_tree_survives_every_failed_allocation),
                                     cmocka_unit_test(the_order_is_a_permutation_of_halves)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
