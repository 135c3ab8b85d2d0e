/* The reference twin of src/ot: dense transport by successive shortest paths. Plain and slow
 * (O(n m) per augmentation times the nodes), written apart from the engine. */
#ifndef WG_DENSE_TRANSPORT_H
#define WG_DENSE_TRANSPORT_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* Shortest paths from all rows with supply left (Dijkstra on reduced costs). Rows are nodes
 * 0..n-1, columns n..n+m-1. */
static inline int64_t dense_shortest(int64_t n, int64_t m, const double *cost, const int64_t *flow,
                                     const int64_t *supply, const int64_t *demand,
                                     const double *potential, double *distance, int64_t *parent,
                                     int *done) {
  for (int64_t v = 0; v < n + m; v++) {
    distance[v] = v < n && supply[v] > 0 ? 0.0 : INFINITY;
    parent[v] = -1;
    done[v] = 0;
  }
  for (;;) {
    int64_t best = -1;
    for (int64_t v = 0; v < n + m; v++)
      if (!done[v] && distance[v] < INFINITY && (best < 0 || distance[v] < distance[best]))
        best = v;
    if (best < 0) return -1;
    done[best] = 1;
    if (best >= n && demand[best - n] > 0) return best;
    const int64_t others = best < n ? m : n;
    for (int64_t k = 0; k < others; k++) {
      const int64_t row = best < n ? best : k, col = best < n ? k : best - n;
      const int64_t to = best < n ? n + k : k;
      if (best >= n && flow[row * m + col] == 0) continue; /* backward arcs need flow */
      double step = cost[row * m + col] - potential[row] + potential[n + col];
      if (best >= n) step = -step;
      step = fmax(step, 0.0);
      if (distance[best] + step < distance[to]) {
        distance[to] = distance[best] + step;
        parent[to] = best;
      }
    }
  }
}

/* The optimal cost sum flow * cost; flow (n x m) is the coupling. */
static inline double dense_transport(int64_t n, int64_t m, const double *cost,
                                     const int64_t *supply, const int64_t *demand, int64_t *flow) {
  double *potential = calloc((size_t)(n + m), sizeof *potential);
  double *distance = calloc((size_t)(n + m), sizeof *distance);
  int64_t *parent = calloc((size_t)(n + m), sizeof *parent);
  int64_t *left = calloc((size_t)(n + m), sizeof *left);
  int *done = calloc((size_t)(n + m), sizeof *done);
  for (int64_t v = 0; v < n + m; v++) left[v] = v < n ? supply[v] : demand[v - n];
  for (int64_t e = 0; e < n * m; e++) flow[e] = 0;
  for (;;) {
    int64_t end =
        dense_shortest(n, m, cost, flow, left, left + n, potential, distance, parent, done);
    if (end < 0) break;
    for (int64_t v = 0; v < n + m; v++) potential[v] -= fmin(distance[v], distance[end]);
    int64_t amount = left[end], start = end;
    for (; parent[start] >= 0; start = parent[start])
      if (start < n && flow[start * m + parent[start] - n] < amount)
        amount = flow[start * m + parent[start] - n];
    if (left[start] < amount) amount = left[start];
    left[end] -= amount;
    left[start] -= amount;
    for (int64_t v = end; parent[v] >= 0; v = parent[v]) {
      if (v >= n)
        flow[parent[v] * m + v - n] += amount;
      else
        flow[v * m + parent[v] - n] -= amount;
    }
  }
  double total = 0.0;
  for (int64_t e = 0; e < n * m; e++) total += (double)flow[e] * cost[e];
  free(potential);
  free(distance);
  free(parent);
  free(left);
  free(done);
  return total;
}

#endif
