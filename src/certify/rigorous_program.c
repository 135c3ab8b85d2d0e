/* Weights for a piece of the plane (rigorous_plane.c): the linear program
 *   max sum y_k c_k,   sum y_k l_k(i) <= h_i in three rows i,   y >= 0,
 * by the simplex method on a table of doubles, from y = 0. Nothing is proved here: weights are a
 * proposal, which balls scale and judge. Where the maximum is infinite, because the piece holds no
 * moment that satisfies the cuts, a point far along the ray says so. Cost some 10 flops a column
 * and pivot; a few pivots. */
#include <string.h>

#include "certify/rigorous.h"

enum { MOST_PIVOTS = 64 };
static const double no_profit = 1e-15, no_pivot = 1e-13; /* rows and profits are about one */
static const double far_along = 1e6;                     /* what a ray is followed to be worth */

static int64_t most_profitable(int64_t count, const wg_plane_column *columns) {
  int64_t best = 0;
  for (int64_t k = 1; k < count; k++)
    if (columns[k].profit > columns[best].profit) best = k;
  return best;
}

/* The row that bounds column `by` first, -1 if none does. */
static int blocking_row(const wg_plane_column *by, const double right[WG_PLANE_ROWS]) {
  int row = -1;
  for (int i = 0; i < WG_PLANE_ROWS; i++) {
    if (!(by->row[i] > no_pivot)) continue;
    if (row < 0 || right[i] * by->row[row] < right[row] * by->row[i]) row = i;
  }
  return row;
}

/* Takes `share` of the column `by` off another, whose row becomes share. */
static void eliminate(const wg_plane_column *by, int row, double share, wg_plane_column *from) {
  for (int i = 0; i < WG_PLANE_ROWS; i++) from->row[i] -= share * by->row[i];
  from->profit -= share * by->profit;
  from->row[row] = share;
}

static void pivot(int64_t count, wg_plane_column *columns, int64_t enter, int row,
                  double right[WG_PLANE_ROWS]) {
  const wg_plane_column by = columns[enter];
  wg_plane_column side = {{right[0], right[1], right[2]}, 0.0};
  eliminate(&by, row, side.row[row] / by.row[row], &side);
  memcpy(right, side.row, sizeof side.row);
  for (int64_t k = 0; k < count; k++)
    eliminate(&by, row, columns[k].row[row] / by.row[row], &columns[k]);
}

static void add_weight(int64_t cut, double weight, wg_plane_weights *found) {
  if (!(weight > 0.0)) return;
  found->cut[found->count] = cut;
  found->weight[found->count++] = weight;
}

void wg_plane_program(int64_t count, wg_plane_column *columns, const double heights[WG_PLANE_ROWS],
                      wg_plane_weights *found) {
  double right[WG_PLANE_ROWS] = {heights[0], heights[1], heights[2]}, along = 0.0;
  int64_t basis[WG_PLANE_ROWS] = {count, count + 1, count + 2}, enter = 0;
  for (int i = 0; i < WG_PLANE_ROWS; i++)
    columns[count + i] = (wg_plane_column){{i == 0, i == 1, i == 2}, 0.0};
  for (int round = 0; round < MOST_PIVOTS; round++) {
    enter = most_profitable(count + WG_PLANE_ROWS, columns);
    if (!(columns[enter].profit > no_profit)) break;
    int row = blocking_row(&columns[enter], right);
    along = row < 0 ? far_along / columns[enter].profit : 0.0;
    if (row < 0) break;
    pivot(count + WG_PLANE_ROWS, columns, enter, row, right);
    basis[row] = enter;
  }
  found->count = 0;
  for (int i = 0; i < WG_PLANE_ROWS; i++)
    if (basis[i] < count) add_weight(basis[i], right[i] - along * columns[enter].row[i], found);
  if (enter < count) add_weight(enter, along, found);
}
