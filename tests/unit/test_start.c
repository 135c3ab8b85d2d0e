/* How a cold solve begins: the auction on the pool, what turns its flow into a spanning tree, and
 * stopgap arcs, which have to be gone in the end. Small problems, checked from the data. */
#include "ot/auction.h"
#include "support.h"
#include "transport.h"

/* ---- an engine with a pool made here ---- */

typedef struct bench {
  problem p;
  wg_context context;
  wg_mem mem;
  wg_ot *ot;
  wg_draft draft;
} bench;

/* `context` stays where it is: the engine points at it. */
static void make_bench(bench *b, problem p) {
  *b = (bench){.p = p, .context = {.threads = 1}};
  wg_watch_start(&b->context.watch, INFINITY, NULL, NULL);
  b->mem = wg_mem_of(&b->context.ledger);
  assert_int_equal(wg_ot_create(&b->context, p.n, p.m, p.supply, p.demand, &b->ot), WG_OK);
  assert_int_equal(wg_ot_set_cost(b->ot, p.r, p.z, p.w), WG_OK);
}

static void free_bench(bench *b) {
  wg_mem_clear(&b->mem);
  wg_ot_free(b->ot);
  assert_int_equal(b->context.ledger.now, 0);
  free_problem(&b->p);
}

static void add_arc(bench *b, int64_t row, int64_t col) {
  assert_int_equal(wg_pool_add(&b->ot->mem, &b->ot->pool, (int32_t)row, (int32_t)col, 0.0), WG_OK);
}

/* Each pair with the given chance, column by column, so that there is something to sort. */
static void add_pairs(wg_rng *rng, bench *b, double chance) {
  for (int64_t j = 0; j < b->p.m; j++)
    for (int64_t i = 0; i < b->p.n; i++)
      if (wg_rng_uniform(rng) < chance) add_arc(b, i, j);
}

/* All mass still to be shipped. */
static void start_draft(bench *b) {
  assert_int_equal(wg_pool_sort(b->ot, NULL), WG_OK);
  b->draft = (wg_draft){.row_left = WG_NEW(&b->mem, int64_t, b->p.n),
                        .col_left = WG_NEW(&b->mem, int64_t, b->p.m)};
  memcpy(b->draft.row_left, b->p.supply, (size_t)b->p.n * sizeof(int64_t));
  memcpy(b->draft.col_left, b->p.demand, (size_t)b->p.m * sizeof(int64_t));
  assert_int_equal(wg_draft_reserve(&b->mem, &b->draft, b->ot->pool.count), WG_OK);
}

/* An auction of all mass on the arcs added so far. */
static void open_auction(bench *b, wg_auction *a) {
  start_draft(b);
  assert_int_equal(wg_auction_create(&b->mem, b->ot, &b->draft, a), WG_OK);
}

/* Gaussian points in the plane, and an auction on each pair with the given chance. */
static void open_random_auction(wg_rng *rng, int64_t n, int64_t m, double decades, double chance,
                                bench *b, wg_auction *a) {
  problem p = make_problem(n, m, 2);
  gaussian_points(rng, &p);
  spread_masses(rng, &p, decades);
  make_bench(b, p);
  add_pairs(rng, b, chance);
  open_auction(b, a);
}

/* Whether flow and leftovers make up supply and demand, to the last unit. */
static void check_marginals(const bench *b, const int64_t *flow, const int64_t *row_left,
                            const int64_t *col_left) {
  const wg_pool *pool = &b->ot->pool;
  int64_t *rows = masses(b->p.n), *cols = masses(b->p.m);
  for (int64_t i = 0; row_left && i < b->p.n; i++) assert_true((rows[i] = row_left[i]) >= 0);
  for (int64_t j = 0; col_left && j < b->p.m; j++) assert_true((cols[j] = col_left[j]) >= 0);
  for (int64_t e = 0; e < pool->count; e++) {
    assert_true(flow[e] >= 0);
    rows[pool->row[e]] += flow[e];
    cols[pool->col[e]] += flow[e];
  }
  assert_memory_equal(rows, b->p.supply, (size_t)b->p.n * sizeof *rows);
  assert_memory_equal(cols, b->p.demand, (size_t)b->p.m * sizeof *cols);
  free(rows);
  free(cols);
}

static double total_mass(const problem *p) {
  double total = 0.0;
  for (int64_t i = 0; i < p->n; i++) total += (double)p->supply[i];
  return total;
}

static double flow_cost(const bench *b, const int64_t *flow) {
  double cost = 0.0;
  for (int64_t e = 0; e < b->ot->pool.count; e++)
    cost += (double)flow[e] * pair(&b->p, b->ot->pool.row[e], b->ot->pool.col[e]);
  return cost;
}

/* ---- coarser problems ---- */

static int64_t side_mass(const wg_side *side) {
  int64_t mass = 0;
  for (int64_t i = 0; i < side->count; i++) mass += side->mass[i];
  return mass;
}

/* Groups of two to four, centroids and masses of their points. */
static void check_groups(int64_t r, const wg_side *fine, const wg_side *coarse, bool are_level) {
  const int64_t mass = side_mass(coarse);
  assert_true(coarse->count * 2 <= fine->count + 1 && coarse->count * 4 >= fine->count);
  for (int64_t i = 0; are_level && i < coarse->count; i++)
    assert_int_equal(coarse->mass[i], coarse->mass[0]);
  if (are_level) return;
  assert_true(mass == side_mass(fine));
  for (int64_t k = 0; k < r; k++) {
    double fine_sum = 0.0, sum = 0.0;
    for (int64_t i = 0; i < fine->count; i++)
      fine_sum += (double)fine->mass[i] * fine->points[i * r + k];
    for (int64_t i = 0; i < coarse->count; i++)
      sum += (double)coarse->mass[i] * coarse->points[i * r + k];
    assert_near(sum, fine_sum, 1e-12 * (double)mass);
  }
}

/* With equal masses the coarse problem, and the one below it, have equal masses too, whatever the
 * counts; with others, a group has the mass of its points. */
static void coarse_problems_keep_equal_masses(void **state) {
  (void)state;
  wg_rng rng = {11};
  const int64_t shapes[][2] = {{1024, 1024}, {1025, 1025}, {1023, 1100}, {999, 1001}, {310, 5}};
  for (size_t k = 0; k < 2 * sizeof shapes / sizeof *shapes; k++) {
    const bool are_equal = k % 2;
    problem p = make_problem(shapes[k / 2][0], shapes[k / 2][1], 2);
    gaussian_points(&rng, &p);
    if (are_equal)
      equal_masses(&p);
    else
      spread_masses(&rng, &p, 2);
    bench b;
    wg_ot *level[2];
    make_bench(&b, p);
    assert_int_equal(wg_coarsen(b.ot, &level[0]), WG_OK);
    assert_int_equal(wg_coarsen(level[0], &level[1]), WG_OK);
    for (int down = 0; down < 2; down++) {
      const wg_ot *fine = down ? level[0] : b.ot;
      check_groups(2, &fine->rows, &level[down]->rows, are_equal);
      check_groups(2, &fine->cols, &level[down]->cols, are_equal);
      assert_true(side_mass(&level[down]->rows) == side_mass(&level[down]->cols));
      if (!are_equal || fine->rows.count != fine->cols.count) continue;
      assert_int_equal(level[down]->rows.mass[0], 1);
      assert_int_equal(level[down]->cols.mass[0], 1);
    }
    wg_ot_free(level[1]);
    wg_ot_free(level[0]);
    free_bench(&b);
  }
}

/* ---- the auction ---- */

static double reduced_cost(const wg_auction *a, int64_t e) {
  return a->pool->cost[e] - a->best[a->pool->row[e]] - a->price[a->pool->col[e]];
}

static bool is_placed(const wg_auction *a) {
  for (int64_t i = 0; i < a->n; i++)
    if (a->excess[i] > 0) return false;
  return true;
}

/* What holds after every phase: marginals, no negative reduced cost, no bid above its column's
 * price. */
static void check_phase(const bench *b, const wg_auction *a) {
  check_marginals(b, a->flow, a->excess, a->room);
  for (int64_t e = 0; e < a->pool->count; e++) {
    assert_true(reduced_cost(a, e) >= -1e-12);
    if (a->flow[e] > 0) assert_true(a->level[e] <= a->price[a->pool->col[e]] + 1e-12);
  }
}

/* With equal masses every arc that carries mass is within epsilon of its row's best. */
static void check_slackness(const wg_auction *a) {
  for (int64_t e = 0; e < a->pool->count; e++)
    if (a->flow[e] > 0) assert_true(reduced_cost(a, e) <= a->epsilon * (1.0 + 1e-9));
}

/* What the prices leave unproved of a flow on all pairs, in epsilons. */
static double find_gap(const bench *b, const wg_auction *a) {
  const double total = total_mass(&b->p), best = dense_value(&b->p) / total;
  const double cost = flow_cost(b, a->flow) / total;
  double dual = 0.0;
  for (int64_t i = 0; i < a->n; i++) dual += (double)b->p.supply[i] / total * a->best[i];
  for (int64_t j = 0; j < a->m; j++) dual += (double)b->p.demand[j] / total * a->price[j];
  assert_true(dual <= best + 1e-12 && best <= cost + 1e-12);
  return (cost - dual) / a->epsilon;
}

/* Phases of sharper and sharper epsilon on all pairs, with bids enough for all mass. Returns how
 * many of them end with a gap of more than epsilon. */
static int64_t run_phases(bench *b, bool is_exact) {
  wg_auction a;
  bool stuck = true;
  int64_t late = 0;
  open_auction(b, &a);
  for (double epsilon = 1.0; epsilon > 1e-3; epsilon /= 5.0) {
    assert_int_equal(wg_auction_phase(&a, epsilon, INFINITY, 1000000, &stuck), WG_OK);
    assert_false(stuck);
    assert_true(is_placed(&a));
    check_phase(b, &a);
    if (is_exact) check_slackness(&a);
    late += find_gap(b, &a) > 1.0 + 1e-9;
  }
  return late;
}

static void phases_end_within_epsilon(void **state) {
  (void)state;
  wg_rng rng = {1};
  for (int trial = 0; trial < 30; trial++) {
    problem p = make_problem(1 + trial, 1 + trial, 2 + trial % 3);
    if (trial % 3 == 2)
      grid_points(&rng, &p);
    else
      gaussian_points(&rng, &p);
    equal_masses(&p);
    bench b;
    make_bench(&b, p);
    add_pairs(&rng, &b, 2.0);
    assert_int_equal(run_phases(&b, true), 0);
    free_bench(&b);
  }
}

/* With general masses a row may lose part of a column that it held whole, and be late to notice. */
static void with_general_masses_nearly_all_phases_do(void **state) {
  (void)state;
  wg_rng rng = {2};
  int64_t late = 0, trials = 60;
  for (int trial = 0; trial < trials; trial++) {
    problem p = make_problem(1 + (7 * trial) % 30, 1 + (11 * trial) % 37, 2 + trial % 3);
    gaussian_points(&rng, &p);
    if (trial % 3)
      spread_masses(&rng, &p, trial % 2 ? 6 : 1);
    else
      equal_masses(&p);
    bench b;
    make_bench(&b, p);
    add_pairs(&rng, &b, 2.0);
    late += run_phases(&b, false);
    free_bench(&b);
  }
  assert_true(late * 20 < 5 * trials); /* five phases a trial */
}

/* Few bids: mass is left over, but what there is is right. */
static void auctions_may_stop_at_any_time(void **state) {
  (void)state;
  wg_rng rng = {3};
  for (int trial = 0; trial < 60; trial++) {
    bench b;
    wg_auction a;
    bool stuck;
    open_random_auction(&rng, 25, 20 + trial % 11, trial % 4, 0.5, &b, &a);
    for (int64_t most = 1; most < 300; most *= 3) {
      assert_int_equal(wg_auction_phase(&a, 1.0 / (double)most, 50.0, most, &stuck), WG_OK);
      check_phase(&b, &a);
    }
    free_bench(&b);
  }
}

/* One row, two columns: the cheap one is the row's alone, so its price has to fall until the row
 * is indifferent; else the prices prove nothing. */
static void columns_held_whole_cost_no_less(void **state) {
  (void)state;
  problem p = make_problem(1, 2, 2);
  p.w[0] = 1.0; /* costs 1 and 4 */
  p.w[2] = 2.0;
  p.supply[0] = 2;
  p.demand[0] = p.demand[1] = 1;
  wg_rng rng = {5};
  bench b;
  make_bench(&b, p);
  add_pairs(&rng, &b, 2.0);
  assert_int_equal(run_phases(&b, true), 0);
  free_bench(&b);
}

/* ---- new prices ---- */

/* Marks rows and columns that have a way to room: forward along tight arcs, back along any arc that
 * carries mass. */
static void mark_ways(const wg_auction *a, bool *row_has, bool *col_has) {
  for (int64_t j = 0; j < a->m; j++) col_has[j] = a->room[j] > 0;
  for (bool grows = true; grows;) {
    grows = false;
    for (int64_t e = 0; e < a->pool->count; e++) {
      const int32_t row = a->pool->row[e], col = a->pool->col[e];
      const bool forward = !row_has[row] && col_has[col] && reduced_cost(a, e) <= 1e-12;
      const bool back = !col_has[col] && row_has[row] && a->flow[e] > 0;
      row_has[row] |= forward;
      col_has[col] |= back;
      grows |= forward || back;
    }
  }
}

static void find_bests(wg_auction *a) {
  for (int64_t i = 0; i < a->n; i++) a->best[i] = INFINITY;
  for (int64_t e = 0; e < a->pool->count; e++) {
    double *best = &a->best[a->pool->row[e]];
    *best = WG_MIN(*best, a->pool->cost[e] - a->price[a->pool->col[e]]);
  }
}

/* After a few bids: every row with mass in excess gets a way to room, and no arc that carries mass
 * gets farther from its row's best. */
static void new_prices_open_ways(void **state) {
  (void)state;
  wg_rng rng = {4};
  for (int trial = 0; trial < 60; trial++) {
    bench b;
    wg_auction a;
    bool stuck;
    open_random_auction(&rng, 20 + trial % 7, 22, trial % 3, 2.0, &b, &a);
    assert_int_equal(wg_auction_phase(&a, 0.1, INFINITY, 5 + trial, &stuck), WG_OK);
    double *before = test_numbers(a.pool->count);
    for (int64_t e = 0; e < a.pool->count; e++) before[e] = reduced_cost(&a, e);
    assert_int_equal(wg_reprice(&a, &stuck), WG_OK);
    assert_false(stuck);
    find_bests(&a);
    bool *row_has = calloc((size_t)a.n, sizeof *row_has), *col_has = calloc(22, sizeof *col_has);
    mark_ways(&a, row_has, col_has);
    for (int64_t i = 0; i < a.n; i++) assert_true(a.excess[i] == 0 || row_has[i]);
    for (int64_t e = 0; e < a.pool->count; e++)
      if (a.flow[e] > 0) assert_true(reduced_cost(&a, e) <= before[e] + 1e-12);
    check_phase(&b, &a);
    free(row_has);
    free(col_has);
    free(before);
    free_bench(&b);
  }
}

/* Rows whose only columns are too small for them. */
static void a_pool_that_lacks_arcs_is_told(void **state) {
  (void)state;
  wg_rng rng = {6};
  for (int64_t blocked = 1; blocked <= 5; blocked++) {
    problem p = make_problem(8, 8, 2);
    gaussian_points(&rng, &p);
    equal_masses(&p);
    bench b;
    wg_auction a;
    bool stuck = false;
    make_bench(&b, p);
    for (int64_t j = 0; j < 8; j++)
      for (int64_t i = 0; i < 8; i++)
        if (i > blocked || j < blocked) add_arc(&b, i, j); /* rows 0 .. blocked see too few */
    open_auction(&b, &a);
    assert_int_equal(wg_auction_phase(&a, 0.1, 1e3, 100000, &stuck), WG_OK);
    assert_true(stuck);
    assert_false(is_placed(&a));
    check_phase(&b, &a);
    free_bench(&b);
  }
}

/* Where costs are below the rounding of the duals, pricing may list a pair a second time. */
static void a_pair_may_be_in_the_pool_twice(void **state) {
  (void)state;
  wg_rng rng = {7};
  for (int trial = 0; trial < 20; trial++) {
    problem p = make_problem(1 + trial % 4, 2 + trial % 5, 2);
    gaussian_points(&rng, &p);
    spread_masses(&rng, &p, 1);
    bench b;
    make_bench(&b, p);
    for (int copy = 0; copy < 3; copy++) add_pairs(&rng, &b, copy ? 0.7 : 2.0);
    run_phases(&b, false);
    free_bench(&b);
  }
}

/* ---- from a flow to a tree ---- */

/* A random flow with many cycles on all pairs, some of them twice. */
static void draft_any_flow(wg_rng *rng, bench *b) {
  add_pairs(rng, b, 2.0);
  add_pairs(rng, b, 0.2);
  start_draft(b);
  const wg_pool *pool = &b->ot->pool;
  for (int round = 0; round < 5; round++)
    for (int64_t e = 0; e < pool->count; e++) {
      const int64_t left = WG_MIN(b->draft.row_left[pool->row[e]], b->draft.col_left[pool->col[e]]);
      const int64_t amount = round < 4 ? (int64_t)(0.3 * wg_rng_uniform(rng) * (double)left) : left;
      b->draft.flow[e] += amount;
      b->draft.row_left[pool->row[e]] -= amount;
      b->draft.col_left[pool->col[e]] -= amount;
    }
}

static int64_t find_top(const int64_t *above, int64_t node) {
  while (above[node] >= 0) node = above[node];
  return node;
}

static void check_forest(const bench *b, const int64_t *flow) {
  int64_t *above = masses(b->p.n + b->p.m);
  for (int64_t i = 0; i < b->p.n + b->p.m; i++) above[i] = -1;
  for (int64_t e = 0; e < b->ot->pool.count; e++) {
    if (flow[e] == 0) continue;
    const int64_t row = find_top(above, b->ot->pool.row[e]);
    const int64_t col = find_top(above, b->p.n + b->ot->pool.col[e]);
    assert_true(row != col);
    above[row] = col;
  }
  free(above);
}

/* Every node below the root, each arc of mass in the tree, artificial arcs from rows and empty. */
static void check_tree(const bench *b, const int64_t *flow) {
  const wg_tree *tree = &b->ot->tree;
  const wg_pool *pool = &b->ot->pool;
  int64_t carried = 0, in_tree = 0;
  for (int64_t e = 0; e < pool->count; e++) carried += flow[e] > 0;
  for (int64_t i = 0; i < tree->count; i++) {
    const wg_tree_node *node = &tree->nodes[i];
    int64_t at = i, steps = 0;
    for (; at != tree->root; at = tree->nodes[at].parent) assert_true(steps++ < tree->count);
    if (i == tree->root) continue;
    if (node->arc < 0) {
      assert_true(node->label < b->p.n && node->parent == tree->root && node->flow == 0);
      continue;
    }
    in_tree++;
    assert_int_equal(node->flow, flow[node->arc]);
    const int64_t row = WG_MIN(i, node->parent), col = WG_MAX(i, node->parent) - b->p.n;
    assert_true(pool->row[node->arc] == row && pool->col[node->arc] == col);
  }
  assert_int_equal(carried, in_tree);
  check_strong_feasibility(b->ot);
}

static void make_tree(bench *b, int64_t *flow) {
  const int64_t n = b->p.n, m = b->p.m;
  assert_int_equal(wg_empty_cycles(b->ot, &b->mem, flow), WG_OK);
  assert_int_equal(wg_tree_create(&b->ot->mem, n, m, true, &b->ot->tree), WG_OK);
  assert_int_equal(wg_hang_forest(b->ot, &b->mem, flow), WG_OK);
}

static void flows_become_strongly_feasible_trees(void **state) {
  (void)state;
  wg_rng rng = {8};
  for (int trial = 0; trial < 60; trial++) {
    problem p = make_problem(1 + (5 * trial) % 31, 1 + (3 * trial) % 29, 2);
    if (trial % 3 == 0)
      grid_points(&rng, &p); /* cycles that cost nothing */
    else
      gaussian_points(&rng, &p);
    if (trial % 2)
      spread_masses(&rng, &p, trial % 12);
    else
      equal_masses(&p);
    bench b;
    make_bench(&b, p);
    draft_any_flow(&rng, &b);
    int64_t *flow = b.draft.flow;
    check_marginals(&b, flow, NULL, NULL);
    const double before = flow_cost(&b, flow);
    make_tree(&b, flow);
    check_marginals(&b, flow, NULL, NULL);
    check_forest(&b, flow);
    assert_true(flow_cost(&b, flow) <= before * (1.0 + 1e-12));
    check_tree(&b, flow);
    free_bench(&b);
  }
}

/* ---- stopgap arcs ---- */

/* North-west corner rule: a bad coupling, and the only arcs of the pool. */
static void draft_corner(bench *b) {
  int64_t row_left = b->p.supply[0], col_left = b->p.demand[0];
  for (int64_t i = 0, j = 0; i < b->p.n && j < b->p.m;) {
    const int64_t amount = WG_MIN(row_left, col_left);
    add_arc(b, i, j);
    assert_int_equal(wg_draft_reserve(&b->mem, &b->draft, b->ot->pool.count), WG_OK);
    b->draft.flow[b->ot->pool.count - 1] = amount;
    row_left -= amount;
    col_left -= amount;
    if (row_left == 0 && ++i < b->p.n) row_left = b->p.supply[i];
    if (col_left == 0 && ++j < b->p.m) col_left = b->p.demand[j];
  }
}

/* In the end arcs that carry mass cost what they cost: none is at the toll. */
static void check_tightness(const wg_ot *ot) {
  double size = 0.0;
  for (int64_t i = 0; i < ot->rows.count; i++) size = WG_MAX(size, fabs(ot->rows.dual[i]));
  for (int64_t j = 0; j < ot->cols.count; j++) size = WG_MAX(size, fabs(ot->cols.dual[j]));
  for (int64_t i = 0; i < ot->tree.count; i++) {
    const wg_tree_node *node = &ot->tree.nodes[i];
    if (node->arc < 0 || node->flow == 0) continue;
    const int32_t row = ot->pool.row[node->arc], col = ot->pool.col[node->arc];
    assert_near(wg_pair_cost(ot, row, col), ot->rows.dual[row] + ot->cols.dual[col], 1e-12 * size);
  }
}

/* From a basis of stopgap arcs alone, at tolls from next to nothing to more than any cost. */
static void stopgap_arcs_are_gone_in_the_end(void **state) {
  (void)state;
  wg_rng rng = {9};
  const double tolls[] = {1e-9, 1e-3, 0.1, 1.0, 1e3, INFINITY};
  for (int trial = 0; trial < 36; trial++) {
    problem p = make_problem(2 + trial, 40 - trial, 2 + trial % 2);
    gaussian_points(&rng, &p);
    spread_masses(&rng, &p, trial % 7);
    bench b;
    make_bench(&b, p);
    draft_corner(&b);
    make_tree(&b, b.draft.flow);
    b.ot->pool.stopgap_end = b.ot->pool.count;
    b.ot->pool.toll = tolls[trial % 6];
    b.ot->has_basis = true;
    assert_int_equal(wg_ot_solve(b.ot), WG_OK);
    const double value = check_solution(&p, b.ot), expected = dense_value(&p);
    assert_near(value, expected, 1e-12 * expected);
    check_tightness(b.ot);
    free_bench(&b);
  }
}

/* Two groups far apart, with more rows here and more columns there: near arcs do not suffice, and
 * some mass has to go where no near arc leads. */
static void far_groups_out_of_balance_are_solved(void **state) {
  (void)state;
  wg_rng rng = {10};
  for (int trial = 0; trial < 12; trial++) {
    problem p = make_problem(60, 50 + trial, 2);
    gaussian_points(&rng, &p);
    for (int64_t i = 0; i < 20 + trial; i++) p.z[2 * i] += 300.0;
    for (int64_t j = 0; j < 30; j++) p.w[2 * j] += 300.0;
    if (trial % 2)
      spread_masses(&rng, &p, 3);
    else
      equal_masses(&p);
    wg_context context = {.threads = 1};
    wg_ot *ot = solve_cold(&context, &p, INFINITY);
    const double value = check_solution(&p, ot), expected = dense_value(&p);
    assert_near(value, expected, 1e-12 * expected);
    check_tightness(ot);
    wg_ot_free(ot);
    free_problem(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(coarse_problems_keep_equal_masses),
      cmocka_unit_test(phases_end_within_epsilon),
      cmocka_unit_test(with_general_masses_nearly_all_phases_do),
      cmocka_unit_test(auctions_may_stop_at_any_time),
      cmocka_unit_test(columns_held_whole_cost_no_less),
      cmocka_unit_test(new_prices_open_ways),
      cmocka_unit_test(a_pool_that_lacks_arcs_is_told),
      cmocka_unit_test(a_pair_may_be_in_the_pool_twice),
      cmocka_unit_test(flows_become_strongly_feasible_trees),
      cmocka_unit_test(stopgap_arcs_are_gone_in_the_end),
      cmocka_unit_test(far_groups_out_of_balance_are_solved),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
