/* One-dimensional transport: sort both clouds and match from the left (the monotone coupling is
 * optimal for convex costs). The dual follows the staircase of matched pairs. At a corner where row
 * and column end together a block of points ends, which shares no mass with the next: the duals of
 * a block are known up to a constant, and any constants are feasible as long as the pairs (last
 * row, first column) and (last column, first row) across each corner are. For the cost is Monge,
 * c_ij + c_kl <= c_il + c_kj for i < k, j < l in order, so with (k, j) tight the slack of (i, l) is
 * at least the sum of those of (i, j) and (k, l): slacks across a corner follow from those at it,
 * and those across several from those across each. Constants are chosen nearest to zero, about each
 * block's own middle, so that duals are no larger than need be. All in pairs of doubles: duals of
 * long staircases cancel. Cost O(n log n).
 */
#include <stdlib.h>

#include "ot/engine.h"

/* A point on the line, and which it is. */
typedef struct station {
  double high, low;
  int32_t index;
} station;

static int compare_stations(const void *left, const void *right) {
  const station *a = left, *b = right;
  if (a->high != b->high) return a->high < b->high ? -1 : 1;
  if (a->low != b->low) return a->low < b->low ? -1 : 1;
  return a->index < b->index ? -1 : a->index > b->index;
}

static station *sorted(wg_mem *mem, const wg_side *side, int64_t r) {
  station *order = WG_NEW(mem, station, side->count);
  if (!order) return NULL;
  for (int64_t i = 0; i < side->count; i++)
    order[i] =
        (station){r ? side->points[i] : 0.0, r && side->low ? side->low[i] : 0.0, (int32_t)i};
  qsort(order, (size_t)side->count, sizeof *order, compare_stations);
  return order;
}

static wg_twofold gap_squared(station a, station b) {
  const wg_twofold gap =
      wg_twofold_add(wg_twofold_sum(a.high, -b.high), wg_twofold_sum(a.low, -b.low));
  return wg_twofold_multiply(gap, gap);
}

/* c - u - v of stations. */
static wg_twofold slack(const wg_ot *ot, station row, station col) {
  const wg_twofold duals =
      wg_twofold_add(wg_dual_of(&ot->rows, row.index), wg_dual_of(&ot->cols, col.index));
  return wg_twofold_subtract(gap_squared(row, col), duals);
}

/* A block of the staircase: rows [row, row_end), columns [col, col_end) in order. */
typedef struct block {
  int64_t row, row_end, col, col_end;
  double low, high; /* of u and -v */
} block;

static void extend(block *b, double value) {
  b->low = WG_MIN(b->low, value);
  b->high = WG_MAX(b->high, value);
}

/* Where a walk stands: a row, a column, and what they have left to ship. */
typedef struct walk {
  int64_t i, j;
  wg_twofold row_left, col_left; /* integers, or shares */
} walk;

static wg_twofold mass_of(const wg_side *side, station at) {
  if (side->share) return side->share[at.index];
  const int64_t mass = side->mass[at.index], high = mass >> 30 << 30;
  return (wg_twofold){(double)high, (double)(mass - high)};
}

static bool is_empty(wg_twofold left) { return !(left.high > 0.0); }

/* Ships what both have; the larger keeps the rest. */
static void ship(wg_ot *ot, const station *rows, const station *cols, walk *at) {
  const wg_twofold rest = wg_twofold_subtract(at->row_left, at->col_left);
  const bool row_ends = rest.high <= 0.0;
  const double amount = wg_twofold_value(row_ends ? at->row_left : at->col_left);
  ot->line_row[ot->line_count] = rows[at->i].index;
  ot->line_col[ot->line_count] = cols[at->j].index;
  ot->line_flow[ot->line_count] = ot->line_mass ? 0 : (int64_t)amount;
  if (ot->line_mass) ot->line_mass[ot->line_count] = WG_MAX(amount, 0.0);
  ot->line_count++;
  at->row_left = row_ends ? (wg_twofold){0} : rest;
  at->col_left = row_ends ? (wg_twofold){-rest.high, -rest.low} : (wg_twofold){0};
}

/* One block from (row, col) on: its coupling, and duals from zero at its first row. Shares do not
 * end together to the last digit: the last block goes on to the last row and column. */
static block walk_block(wg_ot *ot, const station *rows, const station *cols, int64_t i, int64_t j) {
  block b = {.row = i, .col = j};
  wg_side *x = &ot->rows, *y = &ot->cols;
  walk at = {i, j, mass_of(x, rows[i]), mass_of(y, cols[j])};
  wg_set_dual(x, rows[i].index, (wg_twofold){0});
  wg_set_dual(y, cols[j].index, gap_squared(rows[i], cols[j]));
  extend(&b, -y->dual[cols[j].index]);
  for (;;) {
    ship(ot, rows, cols, &at);
    const bool last_row = at.i + 1 == x->count, last_col = at.j + 1 == y->count;
    const bool both = is_empty(at.row_left) && is_empty(at.col_left);
    if (last_row ? last_col : both && !last_col) break;
    if (last_row || (!last_col && is_empty(at.col_left))) {
      const wg_twofold u = wg_dual_of(x, rows[at.i].index);
      at.col_left = mass_of(y, cols[++at.j]);
      wg_set_dual(y, cols[at.j].index, wg_twofold_subtract(gap_squared(rows[at.i], cols[at.j]), u));
      extend(&b, -y->dual[cols[at.j].index]);
    } else {
      const wg_twofold v = wg_dual_of(y, cols[at.j].index);
      at.row_left = mass_of(x, rows[++at.i]);
      wg_set_dual(x, rows[at.i].index, wg_twofold_subtract(gap_squared(rows[at.i], cols[at.j]), v));
      extend(&b, x->dual[rows[at.i].index]);
    }
  }
  b.row_end = at.i + 1;
  b.col_end = at.j + 1;
  return b;
}

static void shift_block(wg_ot *ot, const station *rows, const station *cols, const block *b,
                        wg_twofold up) {
  const wg_twofold down = {-up.high, -up.low};
  for (int64_t i = b->row; i < b->row_end; i++)
    wg_set_dual(&ot->rows, rows[i].index, wg_twofold_add(wg_dual_of(&ot->rows, rows[i].index), up));
  for (int64_t j = b->col; j < b->col_end; j++)
    wg_set_dual(&ot->cols, cols[j].index,
                wg_twofold_add(wg_dual_of(&ot->cols, cols[j].index), down));
}

static void walk_line(wg_ot *ot, const station *rows, const station *cols) {
  ot->line_count = 0;
  for (int64_t i = 0, j = 0; i < ot->rows.count;) {
    const block b = walk_block(ot, rows, cols, i, j);
    shift_block(ot, rows, cols, &b, (wg_twofold){-0.5 * (b.low + b.high), 0.0});
    if (i > 0) { /* one of the two slacks may be negative, not both */
      const wg_twofold below = slack(ot, rows[i - 1], cols[j]),
                       above = slack(ot, rows[i], cols[j - 1]);
      if (below.high < 0.0) shift_block(ot, rows, cols, &b, (wg_twofold){-below.high, -below.low});
      if (below.high >= 0.0 && above.high < 0.0) shift_block(ot, rows, cols, &b, above);
    }
    i = b.row_end;
    j = b.col_end;
  }
}

int wg_solve_line(wg_ot *ot) {
  const int64_t most = ot->rows.count + ot->cols.count;
  if (!ot->line_row) ot->line_row = WG_NEW(&ot->mem, int32_t, most);
  if (!ot->line_col) ot->line_col = WG_NEW(&ot->mem, int32_t, most);
  if (!ot->line_flow) ot->line_flow = WG_NEW(&ot->mem, int64_t, most);
  if (!ot->line_row || !ot->line_col || !ot->line_flow) return wg_no_memory();
  if (ot->rows.share && !ot->line_mass && !(ot->line_mass = WG_NEW(&ot->mem, double, most)))
    return wg_no_memory();
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  station *rows = sorted(&mem, &ot->rows, ot->r), *cols = sorted(&mem, &ot->cols, ot->r);
  int status = rows && cols ? WG_OK : wg_no_memory();
  if (status == WG_OK) walk_line(ot, rows, cols);
  ot->is_line = status == WG_OK;
  wg_mem_clear(&mem);
  return status;
}
