/* One-dimensional transport: sort both clouds and match from the left (the monotone coupling is
 * optimal for convex costs). The dual follows the staircase of matched pairs; a corner where row
 * and column end together is bridged by the pair (row, next column), and any monotone staircase
 * gives feasible duals because the cost is Monge. Cost O(n log n). */
#include "ot/engine.h"

static wg_key *sorted(wg_mem *mem, const wg_side *side, int64_t r) {
  wg_key *order = WG_NEW(mem, wg_key, side->count);
  if (!order) return NULL;
  for (int64_t i = 0; i < side->count; i++)
    order[i] = (wg_key){r ? side->points[i] : 0.0, (int32_t)i};
  wg_sort_keys(order, side->count);
  return order;
}

static double gap_squared(wg_key a, wg_key b) { return (a.key - b.key) * (a.key - b.key); }

static void walk(wg_ot *ot, const wg_key *rows, const wg_key *cols) {
  const int64_t n = ot->rows.count, m = ot->cols.count;
  double *u = ot->rows.dual, *v = ot->cols.dual;
  int64_t row_left = ot->rows.mass[rows[0].index], col_left = ot->cols.mass[cols[0].index];
  u[rows[0].index] = 0.0;
  v[cols[0].index] = gap_squared(rows[0], cols[0]);
  ot->line_count = 0;
  for (int64_t i = 0, j = 0;;) {
    const int64_t amount = WG_MIN(row_left, col_left);
    ot->line_row[ot->line_count] = rows[i].index;
    ot->line_col[ot->line_count] = cols[j].index;
    ot->line_flow[ot->line_count++] = amount;
    row_left -= amount;
    col_left -= amount;
    if (col_left == 0 && j + 1 < m) {
      j++;
      col_left = ot->cols.mass[cols[j].index];
      v[cols[j].index] = gap_squared(rows[i], cols[j]) - u[rows[i].index];
    }
    if (row_left == 0) {
      if (++i == n) return;
      row_left = ot->rows.mass[rows[i].index];
      u[rows[i].index] = gap_squared(rows[i], cols[j]) - v[cols[j].index];
    }
  }
}

int wg_solve_line(wg_ot *ot) {
  const int64_t most = ot->rows.count + ot->cols.count;
  if (!ot->line_row) ot->line_row = WG_NEW(&ot->mem, int32_t, most);
  if (!ot->line_col) ot->line_col = WG_NEW(&ot->mem, int32_t, most);
  if (!ot->line_flow) ot->line_flow = WG_NEW(&ot->mem, int64_t, most);
  if (!ot->line_row || !ot->line_col || !ot->line_flow) return wg_no_memory();
  wg_mem mem = wg_mem_of(&ot->context->ledger);
  wg_key *rows = sorted(&mem, &ot->rows, ot->r), *cols = sorted(&mem, &ot->cols, ot->r);
  int status = rows && cols ? WG_OK : wg_no_memory();
  if (status == WG_OK) walk(ot, rows, cols);
  ot->is_line = status == WG_OK;
  wg_mem_clear(&mem);
  return status;
}
