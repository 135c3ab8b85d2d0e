/* Private to flow/: sums of a kernel over all pairs of two clouds, directly and by a tree. */
#ifndef WG_FLOW_PAIRS_H
#define WG_FLOW_PAIRS_H

#include "flow/kernels.h"

wg_profile wg_profile_of(const wg_kernel *kernel);

/* n points (rows of d) with charges. */
typedef struct wg_charges {
  int64_t n, d;
  const double *points, *charges;
} wg_charges;

/* What a sum writes to: phi_i += sum_j q_j k(x_i, y_j) and gradient_i += its gradient in x_i; phi
 * (n) or gradient (n x d) may be NULL. Of a cloud with itself only sum_i q_i phi_i is sure: a pair
 * may be counted twice at one of its points. */
typedef struct wg_field {
  double *phi, *gradient;
} wg_field;

/* All pairs; single: pairs in float, blocks of 128 summed in float, the rest in double. */
int wg_pairs_direct(const wg_kernel *kernel, const wg_charges *targets, const wg_charges *sources,
                    bool single, int threads, wg_mem *mem, wg_field out);

/* ---- energy_tree.c ---- */
/* Boxes that halve, down to some hundred points, with charges at Chebyshev points of each. */
typedef struct wg_tree wg_tree;
/* d <= 3. Freed with mem. */
int wg_tree_build(wg_mem *mem, const wg_charges *cloud, int degree, wg_tree **tree);
/* The field of one tree at the points of another, in their order as given. */
int wg_tree_field(const wg_kernel *kernel, const wg_tree *targets, const wg_tree *sources,
                  bool single, int threads, wg_mem *mem, wg_field out);
/* The degree that keeps errors below `accuracy` of the largest field that |charges| exert. */
int wg_tree_degree(const wg_kernel *kernel, double accuracy);

#endif
