/* Private to api/: what the optimum looks like beyond its value, on the distinct points: where mass
 * could flow at no cost, which directions the gauge sees, what is determined at the tolerance.
 * docs/theory/optimum.md has the statements and proofs. */
#ifndef WG_OPTIMUM_H
#define WG_OPTIMUM_H

#include "api/api.h"

/* A pair of distinct points; mass 0: the pair is tight, or nearly, and carries nothing. */
typedef struct wg_arc {
  int64_t row, col;
  double mass;
} wg_arc;

/* ---- distinct.c ---- */
/* The solution with equal points taken together and points without weight left out. */
typedef struct wg_distinct {
  int64_t n, m, d;
  const double *x, *y; /* n x d, m x d                              */
  double *a, *b;       /* n, m: weights                             */
  double *f, *g;       /* n, m: potentials under q                  */
  const double *q;     /* d x d                                     */
  int64_t count;       /* of arcs: the plan, by row, then column    */
  wg_arc *arcs;
} wg_distinct;
int wg_distinct_make(const wg_solver *s, wg_mem *mem, wg_distinct *found);
/* Leaves out arcs with less than this share of the weight of either end. */
void wg_distinct_drop_crumbs(wg_distinct *p, double share);
/* Whom the points of one side ship to. */
typedef struct wg_splitting {
  int64_t points; /* that share their mass among two or more      */
  double mass;    /* that does not go to a point's main partner   */
} wg_splitting;
int wg_distinct_splitting(const wg_distinct *p, wg_mem *mem, bool of_columns, wg_splitting *split);

/* ---- tight.c ---- */
/* The arcs of the plan and all pairs with cost - f - g <= slack, by row, then column. Rows keep a
 * bounded number of pairs; *complete: none was left out. */
typedef struct wg_arc_list {
  int64_t count;
  wg_arc *arcs;
  bool complete;
} wg_arc_list;
int wg_tight_arcs(const wg_distinct *p, double slack, int threads, wg_mem *mem, wg_arc_list *list);

/* ---- circuits.c ---- */
/* A bipartite graph of n rows and m columns (nodes 0..n-1, n..n+m-1) with a spanning forest. */
typedef struct wg_circuits {
  int64_t n, m, count;
  const wg_arc *arcs;
  int64_t *first, *touching; /* arcs at node v: touching[first[v]..first[v+1])      */
  int64_t *order, *parent;   /* nodes, parents before children; arc to the parent, -1 at roots */
  int64_t components;
  int64_t loops, *loop; /* arcs outside the forest: each closes one circuit    */
} wg_circuits;
int wg_circuits_make(wg_mem *mem, int64_t n, int64_t m, int64_t count, const wg_arc *arcs,
                     wg_circuits *graph);
/* Leaves out arcs without mass that no rearrangement of mass along the arcs can use. */
int wg_circuits_prune(const wg_circuits *graph, wg_mem *mem, wg_arc_list *kept);
/* A shortest way to send more along arc `loop` without changing the marginals: *length arcs, which
 * gain and lose in turn, beginning with the loop; 0 when there is none. path: room for n + m. */
int wg_circuits_reroute(const wg_circuits *graph, wg_mem *mem, int64_t loop, int64_t *path,
                        int64_t *length);

/* ---- faces.c ---- */
/* A quadratic form of a displacement v, u = basis v: sum weights_k u_k^2, or sqrt(2) u_i u_j. */
typedef struct wg_form {
  int64_t i, j;
  const double *weights; /* d, or NULL */
} wg_form;
/* Forms that span a space; they may depend on each other. */
typedef struct wg_face {
  int64_t d, count;
  double *basis; /* d x d, rows are orthonormal */
  wg_form *forms;
} wg_face;
/* How closely the solve tells things apart: docs/theory/optimum.md. */
typedef struct wg_resolution {
  double gap;   /* upper - lower, rounding included: what two solutions may differ by in value */
  double share; /* sqrt of the relative gap                                                   */
  double slack; /* share * upper                                                              */
} wg_resolution;
/* The directions in which Q can move within the maximisers of <Q, moment>. */
int wg_face_of_maximisers(const wg_gauge_spec *spec, const double *moment,
                          const wg_resolution *resolution, wg_mem *mem, wg_face *face);
/* The parts of Sigma that the optimality of q holds fixed. */
int wg_face_of_moments(const wg_gauge_spec *spec, const double *q, const double *moment,
                       const wg_resolution *resolution, wg_mem *mem, wg_face *face);
/* The symmetric matrix (d x d) of the form sum coefficients_k form_k. */
int wg_face_matrix(const wg_face *face, const double *coefficients, wg_mem *mem, double *matrix);
/* Block b at `moment`, seen through the same resolution. */
int wg_face_block(const wg_gauge_spec *spec, int64_t b, const double *q, const double *moment,
                  const wg_resolution *resolution, wg_mem *mem, wg_block_structure *found);
/* No two matrices of K with <Q, moment> within gap of the gauge are further apart in Frobenius
 * norm.
 */
int wg_face_radius(const wg_gauge_spec *spec, const double *moment, double gap, wg_mem *mem,
                   double *radius);

/* ---- unique.c ---- */
wg_resolution wg_resolution_of(const wg_solver *s);

#endif
