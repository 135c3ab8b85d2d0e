/* Sharp costs: transport that is short beside the clouds' extent.
 *
 * Where clouds nearly coincide, or have the same outliers, the optimum costs little, while costs
 * between other pairs, and the duals of a basis, which ties everything to everything, are larger by
 * many orders: their rounding is more than the optimum. Two things help. Duals of components, the
 * parts of the coupling that share no mass, hold up to a constant each (up for rows, down for
 * columns); with the arcs that carry nothing taken out of the basis, each component hangs from the
 * root by itself, its constant centred, and pivots move only those that violate an arc: duals of
 * the size of what is shipped are the usual end. And what large duals remain are kept, as costs
 * are, as pairs of doubles, so that reduced costs are known to their own relative accuracy: a
 * round's pivots meet numbers of the size of the violations that are left, and tolerances follow.
 * Cost O(n + m + pool), some twenty times that of plain numbers.
 */
#include "ot/auction.h"

wg_twofold wg_dual_of(const wg_side *side, int64_t index) {
  return (wg_twofold){side->dual[index], side->dual_low[index]};
}

void wg_set_dual(wg_side *side, int64_t index, wg_twofold value) {
  side->dual[index] = value.high;
  side->dual_low[index] = value.low;
}

wg_twofold wg_sharp_cost(const wg_ot *ot, int32_t row, int32_t col) {
  const int64_t at_row = row * ot->r, at_col = col * ot->r;
  wg_twofold sum = {0};
  for (int64_t k = 0; k < ot->r; k++) {
    wg_twofold step = wg_twofold_sum(ot->rows.points[at_row + k], -ot->cols.points[at_col + k]);
    if (ot->rows.low)
      step =
          wg_twofold_add(step, wg_twofold_sum(ot->rows.low[at_row + k], -ot->cols.low[at_col + k]));
    sum = wg_twofold_add(sum, wg_twofold_multiply(step, step));
  }
  return sum;
}

double wg_tree_cost(const wg_ot *ot) {
  double cost = 0.0, total = 0.0;
  for (int64_t i = 0; i < ot->tree.count; i++) {
    const wg_tree_node *node = &ot->tree.nodes[i];
    if (node->arc < 0 || node->flow == 0) continue;
    cost += (double)node->flow *
            wg_twofold_value(wg_sharp_cost(ot, ot->pool.row[node->arc], ot->pool.col[node->arc]));
  }
  for (int64_t i = 0; i < ot->rows.count; i++) total += (double)ot->rows.mass[i];
  return cost / total;
}

/* Shifted costs, of the tree and those that violate; the mean cost bounds it below, since nothing
 * sharper is of use. */
double wg_sharp_size(const wg_ot *ot) {
  double largest = 1e3 * wg_tree_cost(ot);
  for (int64_t i = 0; i < ot->tree.count; i++)
    if (ot->tree.nodes[i].arc >= 0)
      largest = WG_MAX(largest, fabs(ot->pool.cost[ot->tree.nodes[i].arc]));
  for (int64_t e = 0; e < ot->pool.count; e++) largest = WG_MAX(largest, -ot->pool.cost[e]);
  return largest;
}

/* ---- small duals ---- */

/* The tree's arcs that carry mass, hung anew: each component from the root. */
static int hang_flow(wg_ot *ot, wg_mem *mem) {
  int64_t *flow = WG_NEW(mem, int64_t, ot->pool.count);
  if (!flow) return wg_no_memory();
  for (int64_t i = 0; i < ot->tree.count; i++)
    if (ot->tree.nodes[i].arc >= 0) flow[ot->tree.nodes[i].arc] = ot->tree.nodes[i].flow;
  wg_tree_clear(&ot->tree);
  WG_TRY(wg_hang_forest(ot, mem, flow));
  WG_TRY(wg_pool_reserve_ends(&ot->mem, &ot->pool));
  wg_tree_renumber(&ot->tree, &ot->pool);
  return WG_OK;
}

/* The duals that make the arcs of the component in nodes [begin, end) tight, from zero at its top;
 * returns the middle of u and -v. */
static double tighten(wg_ot *ot, int64_t begin, int64_t end) {
  const wg_tree_node *nodes = ot->tree.nodes;
  const int64_t n = ot->rows.count;
  double low = 0.0, high = 0.0;
  wg_set_dual(&ot->rows, nodes[begin].label, (wg_twofold){0});
  for (int64_t i = begin + 1; i < end; i++) {
    const int32_t row = ot->pool.row[nodes[i].arc], col = ot->pool.col[nodes[i].arc];
    const wg_twofold cost = wg_sharp_cost(ot, row, col);
    if (nodes[i].label < n)
      wg_set_dual(&ot->rows, row, wg_twofold_subtract(cost, wg_dual_of(&ot->cols, col)));
    else
      wg_set_dual(&ot->cols, col, wg_twofold_subtract(cost, wg_dual_of(&ot->rows, row)));
    const double value = nodes[i].label < n ? ot->rows.dual[row] : -ot->cols.dual[col];
    low = WG_MIN(low, value);
    high = WG_MAX(high, value);
  }
  return 0.5 * (low + high);
}

static void shift_component(wg_ot *ot, int64_t begin, int64_t end, double shift) {
  const int64_t n = ot->rows.count;
  for (int64_t i = begin; i < end; i++) {
    const int64_t label = ot->tree.nodes[i].label;
    wg_side *side = label < n ? &ot->rows : &ot->cols;
    const int64_t at = label < n ? label : label - n;
    const wg_twofold change = {label < n ? -shift : shift, 0.0};
    wg_set_dual(side, at, wg_twofold_add(wg_dual_of(side, at), change));
  }
}

int wg_relax(wg_ot *ot) {
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  const int status = hang_flow(ot, &mem);
  wg_mem_clear(&mem);
  WG_TRY(status);
  for (int64_t begin = 1, end; begin < ot->tree.count; begin = end) {
    end = begin + ot->tree.nodes[begin].size;
    shift_component(ot, begin, end, tighten(ot, begin, end));
  }
  return WG_OK;
}
