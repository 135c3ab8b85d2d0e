/* The reference twin of src/ot: the transportation simplex on the full cost matrix. Plain and
 * slow (two looks at all cells a pivot), written apart from the engine.
 *
 * Each row supplies, and the last column demands, a little more than its mass: one infinitesimal
 * unit a row, counted in `extra`. Then no part of the rows supplies what a part of the columns
 * demands, every basic cell carries something, each pivot lowers the cost, and none can cycle. */
#ifndef WG_DENSE_TRANSPORT_H
#define WG_DENSE_TRANSPORT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct dense_cell {
  int64_t row, col, mass, extra;
} dense_cell;

/* Nodes of the basis, a spanning tree: rows 0..n-1, columns n..n+m-1. Node 0 is its top. */
typedef struct dense_basis {
  int64_t n, m;
  const double *cost;
  dense_cell *cells;     /* n + m - 1                            */
  double *dual;          /* u of rows, v of columns              */
  int64_t *parent, *via; /* of each node; via: the cell to there */
  int64_t *depth;        /* -1: not met yet                      */
} dense_basis;

static inline bool dense_is_less(const dense_cell *a, const dense_cell *b) {
  return a->mass != b->mass ? a->mass < b->mass : a->extra < b->extra;
}

/* North-west corner rule: n + m - 1 cells, as only the last one ends its row and its column. */
static inline void dense_corner(dense_basis *b, const int64_t *supply, const int64_t *demand) {
  dense_cell row = {.mass = supply[0], .extra = 1};
  dense_cell col = {.mass = demand[0], .extra = b->m == 1 ? b->n : 0};
  for (int64_t i = 0, j = 0, k = 0; k < b->n + b->m - 1; k++) {
    const bool row_ends = dense_is_less(&row, &col);
    const dense_cell *less = row_ends ? &row : &col;
    b->cells[k] = (dense_cell){i, j, less->mass, less->extra};
    row.mass -= b->cells[k].mass;
    row.extra -= b->cells[k].extra;
    col.mass -= b->cells[k].mass;
    col.extra -= b->cells[k].extra;
    if (row_ends && ++i < b->n) row = (dense_cell){.mass = supply[i], .extra = 1};
    if (!row_ends && ++j < b->m)
      col = (dense_cell){.mass = demand[j], .extra = j == b->m - 1 ? b->n : 0};
  }
}

/* Parents, and duals for which the basic cells have no reduced cost. */
static inline void dense_walk(dense_basis *b) {
  for (int64_t v = 0; v < b->n + b->m; v++) b->depth[v] = -1;
  b->depth[0] = 0;
  b->parent[0] = -1;
  b->dual[0] = 0.0;
  for (int64_t met = 1; met < b->n + b->m;)
    for (int64_t k = 0; k < b->n + b->m - 1; k++) {
      const int64_t row = b->cells[k].row, col = b->n + b->cells[k].col;
      if ((b->depth[row] < 0) == (b->depth[col] < 0)) continue;
      const int64_t node = b->depth[row] < 0 ? row : col, parent = node == row ? col : row;
      b->depth[node] = b->depth[parent] + 1;
      b->parent[node] = parent;
      b->via[node] = k;
      b->dual[node] = b->cost[row * b->m + b->cells[k].col] - b->dual[parent];
      met++;
    }
}

/* The cell of the least reduced cost below -tolerance; false: there is none. */
static inline bool dense_enter(const dense_basis *b, double tolerance, dense_cell *cell) {
  double least = -tolerance;
  bool found = false;
  for (int64_t i = 0; i < b->n; i++)
    for (int64_t j = 0; j < b->m; j++) {
      const double reduced = b->cost[i * b->m + j] - b->dual[i] - b->dual[b->n + j];
      if (!(reduced < least)) continue;
      least = reduced;
      *cell = (dense_cell){.row = i, .col = j};
      found = true;
    }
  return found;
}

/* The cells of the cycle that `cell` closes, those that gain at the end: path[0..*losing) lose. */
static inline int64_t dense_cycle(const dense_basis *b, const dense_cell *cell, int64_t *path,
                                  int64_t *losing) {
  int64_t ends[2] = {cell->row, b->n + cell->col}, first = 0, last = b->n + b->m;
  while (ends[0] != ends[1]) {
    const int side = b->depth[ends[0]] < b->depth[ends[1]];
    const bool is_row = ends[side] < b->n, loses = side == 0 ? is_row : !is_row;
    path[loses ? first++ : --last] = b->via[ends[side]];
    ends[side] = b->parent[ends[side]];
  }
  *losing = first;
  return last;
}

/* Sends as much as can be around the cycle; the cell that is empty then leaves the basis. */
static inline void dense_pivot(dense_basis *b, dense_cell entering, int64_t *path) {
  int64_t losing, leaving;
  const int64_t gaining = dense_cycle(b, &entering, path, &losing);
  leaving = path[0];
  for (int64_t k = 1; k < losing; k++)
    if (dense_is_less(&b->cells[path[k]], &b->cells[leaving])) leaving = path[k];
  entering.mass = b->cells[leaving].mass;
  entering.extra = b->cells[leaving].extra;
  for (int64_t k = 0; k < b->n + b->m; k++) {
    if (k >= losing && k < gaining) continue;
    const int64_t sign = k < losing ? -1 : 1;
    b->cells[path[k]].mass += sign * entering.mass;
    b->cells[path[k]].extra += sign * entering.extra;
  }
  b->cells[leaving] = entering;
}

/* The optimal cost sum flow * cost; flow (n x m) is the coupling. */
static inline double dense_transport(int64_t n, int64_t m, const double *cost,
                                     const int64_t *supply, const int64_t *demand, int64_t *flow) {
  dense_basis b = {.n = n, .m = m, .cost = cost};
  int64_t *numbers = calloc((size_t)(4 * (n + m)), sizeof *numbers), *path = numbers;
  b.parent = numbers + n + m;
  b.via = numbers + 2 * (n + m);
  b.depth = numbers + 3 * (n + m);
  b.cells = calloc((size_t)(n + m), sizeof *b.cells);
  b.dual = calloc((size_t)(n + m), sizeof *b.dual);
  double largest = 0.0, total = 0.0;
  for (int64_t e = 0; e < n * m; e++) largest = fmax(largest, fabs(cost[e]));
  dense_corner(&b, supply, demand);
  dense_walk(&b);
  for (dense_cell cell; dense_enter(&b, 1e-14 * largest, &cell); dense_walk(&b))
    dense_pivot(&b, cell, path);
  for (int64_t e = 0; e < n * m; e++) flow[e] = 0;
  for (int64_t k = 0; k < n + m - 1; k++) {
    flow[b.cells[k].row * m + b.cells[k].col] = b.cells[k].mass;
    total += (double)b.cells[k].mass * cost[b.cells[k].row * m + b.cells[k].col];
  }
  free(numbers);
  free(b.cells);
  free(b.dual);
  return total;
}

#endif
