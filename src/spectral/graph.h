/* Private to spectral/: weighted least squares on the arcs of a bipartite graph. See graph.c. */
#ifndef WG_GRAPH_H
#define WG_GRAPH_H

#include "base/base.h"

typedef struct wg_graph wg_graph;

/* Whether `count` arcs connect n rows and m columns; set: n + m, room. */
bool wg_graph_connects(int64_t n, int64_t m, int64_t count, const int32_t *row, const int32_t *col,
                       int32_t *set);
/* A graph of n rows, m columns and `count` arcs (row[e], col[e]), connected; both lists must stay.
 */
int wg_graph_create(wg_mem *mem, int64_t n, int64_t m, int64_t count, const int32_t *row,
                    const int32_t *col, wg_graph **graph);
/* Sets the weights theta > 0 (count). WG_OK, or 1 when they span more than double resolves. */
int wg_graph_weigh(wg_graph *graph, const double *theta);
/* Replaces each of k functions on the arcs (values: count x k, a row an arc) by what remains of it
 * after its best approximation by u_i + v_j in the weighted sense; nodes ((n + m) x k, rows then
 * columns) receives the u and v. */
int wg_graph_fit(wg_graph *graph, int64_t k, double *values, double *nodes);
/* Potentials that meet k functions on a spanning tree of the heaviest arcs, to a few roundings. */
void wg_graph_fit_tree(const wg_graph *graph, int64_t k, const double *values, double *nodes);
/* Solves sum_j theta (u_i + v_j) = rest_i, sum_i theta (u_i + v_j) = rest_j for one right-hand side
 * (n + m, the sums of both sides equal), in place: u, then v. */
void wg_graph_solve(const wg_graph *graph, double *rest);
/* Adds to flow (count), along the same tree, what its sums miss (rest: n + m, used up). */
void wg_graph_conserve(const wg_graph *graph, double *rest, double *flow);
/* Adds to mass (count, >= 0), along a tree of its heaviest arcs, what the marginals miss (rest:
 * n + m, used up); they may fall below zero. */
int wg_graph_repair(wg_graph *graph, double *rest, double *mass);

#endif
