/* The parts of src/api/ that judge uniqueness, against slower twins: circuits of random graphs
 * against reachability node by node, tight pairs against all pairs. */
#include "api/optimum.h"

#include "support.h"

enum { N = 7, M = 6, NODES = N + M };

static int64_t random_arcs(wg_rng *rng, double density, wg_arc *arcs) {
  int64_t count = 0;
  for (int64_t i = 0; i < N; i++)
    for (int64_t j = 0; j < M; j++)
      if (wg_rng_uniform(rng) < density)
        arcs[count++] = (wg_arc){i, j, wg_rng_uniform(rng) < 0.5 ? 0.1 + wg_rng_uniform(rng) : 0.0};
  return count;
}

/* reach[v][w]: the residual graph leads from v to w (Warshall). */
static void close_reach(int64_t count, const wg_arc *arcs, int64_t without,
                        bool reach[NODES][NODES]) {
  memset(reach, 0, sizeof(bool[NODES][NODES]));
  for (int v = 0; v < NODES; v++) reach[v][v] = true;
  for (int64_t e = 0; e < count; e++) {
    if (e == without) continue;
    reach[arcs[e].row][N + arcs[e].col] = true;
    if (arcs[e].mass > 0.0) reach[N + arcs[e].col][arcs[e].row] = true;
  }
  for (int k = 0; k < NODES; k++)
    for (int i = 0; i < NODES; i++)
      for (int j = 0; j < NODES; j++) reach[i][j] |= reach[i][k] && reach[k][j];
}

static void check_prune(wg_mem *mem, const wg_circuits *graph, const wg_arc *arcs) {
  bool reach[NODES][NODES];
  wg_arc_list kept = {0};
  close_reach(graph->count, arcs, -1, reach);
  assert_int_equal(wg_circuits_prune(graph, mem, &kept), WG_OK);
  int64_t at = 0;
  for (int64_t e = 0; e < graph->count; e++)
    if (arcs[e].mass > 0.0 || reach[N + arcs[e].col][arcs[e].row]) {
      assert_true(at < kept.count);
      assert_memory_equal(&kept.arcs[at], &arcs[e], sizeof *arcs);
      at++;
    }
  assert_int_equal(at, kept.count);
}

/* A circuit through each loop exactly where there is one; it balances at every node. */
static void check_reroutes(wg_mem *mem, const wg_circuits *graph, const wg_arc *arcs) {
  bool reach[NODES][NODES];
  int64_t path[NODES], length;
  for (int64_t k = 0; k < graph->loops; k++) {
    const int64_t loop = graph->loop[k];
    close_reach(graph->count, arcs, loop, reach);
    assert_int_equal(wg_circuits_reroute(graph, mem, loop, path, &length), WG_OK);
    assert_int_equal(length > 0, reach[N + arcs[loop].col][arcs[loop].row]);
    int balance[NODES] = {0};
    for (int64_t i = 0; i < length; i++) {
      balance[arcs[path[i]].row] += i % 2 ? -1 : 1;
      balance[N + arcs[path[i]].col] += i % 2 ? -1 : 1;
      if (i % 2) assert_true(arcs[path[i]].mass > 0.0);
    }
    for (int v = 0; v < NODES; v++) assert_int_equal(balance[v], 0);
    if (length) assert_int_equal(path[0], loop);
  }
}

/* Arcs = nodes - components + loops; parents come before children; arcs with mass first. */
static void check_forest(const wg_circuits *graph, const wg_arc *arcs) {
  bool either[NODES][NODES] = {{false}}, seen[NODES] = {false};
  int64_t components = 0, tree_with_mass = 0, loops_with_mass = 0, with_mass = 0;
  for (int64_t e = 0; e < graph->count; e++)
    either[arcs[e].row][N + arcs[e].col] = either[N + arcs[e].col][arcs[e].row] = true;
  for (int k = 0; k < NODES; k++)
    for (int i = 0; i < NODES; i++)
      for (int j = 0; j < NODES; j++) either[i][j] |= either[i][k] && either[k][j];
  for (int v = 0; v < NODES; v++) {
    bool first = true;
    for (int w = 0; w < v; w++) first &= !either[v][w];
    components += first;
  }
  assert_int_equal(graph->components, components);
  assert_int_equal(graph->loops, graph->count - NODES + components);
  for (int at = 0; at < NODES; at++) {
    const int64_t v = graph->order[at], e = graph->parent[v];
    assert_false(seen[v]);
    seen[v] = true;
    if (e < 0) continue;
    assert_true(seen[arcs[e].row] && seen[N + arcs[e].col]);
    tree_with_mass += arcs[e].mass > 0.0;
  }
  for (int64_t k = 0; k < graph->loops; k++) loops_with_mass += arcs[graph->loop[k]].mass > 0.0;
  for (int64_t e = 0; e < graph->count; e++) with_mass += arcs[e].mass > 0.0;
  assert_int_equal(tree_with_mass + loops_with_mass, with_mass);
}

static void circuits_are_those_of_reachability(void **state) {
  (void)state;
  wg_rng rng = {81};
  for (int trial = 0; trial < 300; trial++) {
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_arc arcs[N * M];
    wg_circuits graph;
    const int64_t count = random_arcs(&rng, 0.1 + 0.5 * wg_rng_uniform(&rng), arcs);
    assert_int_equal(wg_circuits_make(&mem, N, M, count, arcs, &graph), WG_OK);
    check_forest(&graph, arcs);
    check_prune(&mem, &graph, arcs);
    check_reroutes(&mem, &graph, arcs);
    wg_mem_clear(&mem);
  }
}

/* ---- tight pairs ---- */

static bool in_list(const wg_arc_list *list, int64_t row, int64_t col, double *mass) {
  for (int64_t e = 0; e < list->count; e++)
    if (list->arcs[e].row == row && list->arcs[e].col == col)
      return *mass = list->arcs[e].mass, true;
  return false;
}

static void compare_pairs(const wg_distinct *p, double slack, int threads, int64_t *extra) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_arc_list list;
  assert_int_equal(wg_tight_arcs(p, slack, threads, &mem, &list), WG_OK);
  assert_true(list.complete);
  int64_t wanted = 0;
  for (int64_t i = 0; i < p->n; i++)
    for (int64_t j = 0; j < p->m; j++) {
      double cost = 0.0, mass = 0.0, planned = 0.0;
      for (int64_t k = 0; k < p->d; k++)
        for (int64_t l = 0; l < p->d; l++)
          cost += (p->y[j * p->d + k] - p->x[i * p->d + k]) * p->q[k * p->d + l] *
                  (p->y[j * p->d + l] - p->x[i * p->d + l]);
      for (int64_t e = 0; e < p->count; e++)
        if (p->arcs[e].row == i && p->arcs[e].col == j) planned = p->arcs[e].mass;
      const bool tight = planned > 0.0 || cost - p->f[i] - p->g[j] <= slack;
      assert_int_equal(in_list(&list, i, j, &mass), tight);
      if (tight) assert_true(mass == planned);
      wanted += tight;
      *extra += tight && planned == 0.0;
    }
  assert_int_equal(list.count, wanted);
  for (int64_t e = 1; e < list.count; e++) {
    const wg_arc *a = &list.arcs[e - 1], *b = &list.arcs[e];
    assert_true(a->row < b->row || (a->row == b->row && a->col < b->col));
  }
  wg_mem_clear(&mem);
}

static void tight_pairs_are_those_of_a_plain_look(void **state) {
  (void)state;
  wg_rng rng = {82};
  int64_t extra = 0;
  for (int trial = 0; trial < 6; trial++) {
    test_clouds c = test_random_clouds(&rng, 40, 700, 3, trial % 2); /* more than one tile */
    wg_solver *solver = test_setup(&c, trial < 3 ? "operator" : "frobenius", 1e-9);
    const wg_info info = test_solve(solver);
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_distinct p;
    assert_int_equal(wg_distinct_make(solver, &mem, &p), WG_OK);
    compare_pairs(&p, 1e-4 * info.upper, 1, &extra);
    compare_pairs(&p, 3e-2 * info.upper, 2, &extra);
    wg_mem_clear(&mem);
    wg_free(solver);
    test_free_clouds(&c);
  }
  if (extra < 100) fail_msg("only %lld pairs beside the plans", (long long)extra);
}

/* All pairs are tight: rows are cut short, and it is said. */
static void rows_keep_a_bounded_number(void **state) {
  (void)state;
  wg_rng rng = {83};
  test_clouds c = test_random_clouds(&rng, 5, 900, 2, false);
  wg_solver *solver = test_setup(&c, "trace", 1e-6);
  const wg_info info = test_solve(solver);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_distinct p;
  wg_arc_list list;
  assert_int_equal(wg_distinct_make(solver, &mem, &p), WG_OK);
  assert_int_equal(wg_tight_arcs(&p, 1e6 * info.upper, 1, &mem, &list), WG_OK);
  assert_false(list.complete);
  assert_true(list.count < 5 * 900);
  wg_mem_clear(&mem);
  wg_free(solver);
  test_free_clouds(&c);
}

/* No Q whose product with Sigma misses the gauge by less than the gap is further from the maximiser
 * than half of what is said of two, nor two further apart than K is wide: maximisers turned in the
 * plane, where the operator's bound is attained. */
static void the_radius_holds_what_is_nearly_optimal(void **state) {
  (void)state;
  const char *const gauges[] = {"operator", "schatten:1.5", "frobenius", "schatten:4"};
  const double moment[4] = {2.0, 0.3, 0.3, 1.0};
  wg_rng rng = {84};
  for (size_t k = 0; k < 4; k++)
    for (double gap = 1e-8; gap < 1.0; gap *= 100.0) {
      wg_ledger ledger = {0};
      wg_mem mem = wg_mem_of(&ledger);
      wg_gauge_spec spec;
      double radius, gauge, best[4], apart = 0.0;
      assert_int_equal(wg_gauge_parse(gauges[k], &spec), WG_OK);
      assert_int_equal(wg_gauge_bind(&spec, 2), WG_OK);
      assert_int_equal(wg_face_radius(&spec, moment, gap, &mem, &radius), WG_OK);
      assert_int_equal(wg_gauge_value(&spec, moment, &mem, &gauge), WG_OK);
      assert_int_equal(wg_gauge_subgradient(&spec, moment, &mem, best), WG_OK);
      for (int trial = 0; trial < 4000; trial++) {
        const double angle = sqrt(gap) * wg_rng_normal(&rng), c = cos(angle), s = sin(angle);
        double q[4], half[4] = {c * best[0] - s * best[2], c * best[1] - s * best[3],
                                s * best[0] + c * best[2], s * best[1] + c * best[3]};
        q[0] = half[0] * c - half[1] * s;
        q[1] = q[2] = half[0] * s + half[1] * c;
        q[3] = half[2] * s + half[3] * c;
        if (q[0] * moment[0] + 2.0 * q[1] * moment[1] + q[3] * moment[3] < gauge - gap) continue;
        double square = 0.0;
        for (int i = 0; i < 4; i++) square += (q[i] - best[i]) * (q[i] - best[i]);
        apart = WG_MAX(apart, sqrt(square));
      }
      assert_true(apart <= radius && apart > 0.0);
      if (gap < 1e-3) assert_true(apart <= 0.5 * radius * (1.0 + 1e-6));
      wg_mem_clear(&mem);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(circuits_are_those_of_reachability),
      cmocka_unit_test(tight_pairs_are_those_of_a_plain_look),
      cmocka_unit_test(rows_keep_a_bounded_number),
      cmocka_unit_test(the_radius_holds_what_is_nearly_optimal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
