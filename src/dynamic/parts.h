/* Private to dynamic/: the grid with its difference operators, the Poisson solver on it, the
 * pointwise projection, and the state of the splitting that all of them work on. */
#ifndef WG_DYNAMIC_PARTS_H
#define WG_DYNAMIC_PARTS_H

#include "dynamic/dynamic.h"

enum { WG_DYNAMIC_CORNERS = 1 << WG_DYNAMIC_MAX_D };

/* Values of potentials live on corners, (n_1 + 1) x ... x (n_d + 1) of them; those of densities and
 * derivatives on cells. */
typedef struct wg_lattice {
  int64_t d, n[WG_DYNAMIC_MAX_D], cells, corners, steps;
  double h[WG_DYNAMIC_MAX_D], dt;
  int64_t near[WG_DYNAMIC_CORNERS];                  /* from a cell's first corner to the k-th */
  double sign[WG_DYNAMIC_CORNERS][WG_DYNAMIC_MAX_D]; /* of the k-th corner in d/dx_j, over h_j  */
  double share;                                      /* 1 / number of corners of a cell         */
} wg_lattice;

/* ---- lattice.c ---- */
void wg_lattice_init(wg_lattice *lattice, const wg_dynamic_problem *problem, double length);
/* a (cells) and b (d x cells): the derivatives of the potential between two times (corners). */
void wg_lattice_gradient(const wg_lattice *lattice, const double *before, const double *after,
                         double *a, double *b);
/* corner += the transpose of averaging over corners, applied to g (cells), and of the spatial
 * differences, applied to s (d x cells; may be NULL). */
void wg_lattice_gather(const wg_lattice *lattice, const double *g, const double *s, double *corner);
/* out ((steps + 1) x corners) = the transpose of the space-time gradient, applied to a field of
 * steps x (1 + d) x cells; room: (1 + d) cells for each thread. */
void wg_lattice_adjoint(const wg_lattice *lattice, int threads, const double *field, double *room,
                        double *out);

/* ---- poisson.c ---- */
typedef struct wg_poisson wg_poisson;
/* NULL without memory. */
wg_poisson *wg_poisson_new(wg_mem *mem, const wg_lattice *lattice, int threads);
void wg_poisson_free(wg_poisson *poisson);
/* Solves (transpose of gradient) diag(1, 1/2) (gradient) x = x in place, x (steps + 1) x corners:
 * the least squares solution with weights 1 on d/dt and 1/2 on d/dx. */
void wg_poisson_solve(const wg_poisson *poisson, double *x);
/* Solves (transpose of spatial gradient)(spatial gradient) x = x in place, x corners. */
void wg_poisson_solve_space(const wg_poisson *poisson, double *x);

/* ---- absolute.c ---- */
/* Symmetric (d+1) x (d+1) matrices as fields of their lower triangles, row by row. */
enum { WG_DYNAMIC_ENTRIES = (WG_DYNAMIC_MAX_D + 1) * (WG_DYNAMIC_MAX_D + 2) / 2, WG_LANES = 16 };
static inline int64_t wg_entry(int64_t row, int64_t column) { return row * (row + 1) / 2 + column; }
/* absolute = |V| = (V^2)^(1/2) for up to WG_LANES matrices; entry e of matrix i is v[e * stride +
 * i], absolute[e * WG_LANES + i]. */
void wg_absolute(int64_t d, int64_t count, const double *v, int64_t stride, double *absolute);

/* ---- the state (solve.c) ---- */
typedef struct wg_dynamic_state {
  wg_context *context;
  wg_mem *mem;
  const wg_dynamic_problem *problem;
  wg_lattice lattice;
  wg_poisson *poisson;
  int threads;
  double length;  /* of one unit of the lattice */
  double penalty; /* of the splitting           */
  int64_t entries;
  double *v;         /* steps x entries x cells: Y - Z / penalty, Y and Z its PSD parts      */
  double *field;     /* steps x (1 + d) x cells                                              */
  double *potential; /* (steps + 1) x corners                                                */
  double *room;      /* threads x (1 + d) cells                                              */
  double *sums;      /* steps x entries: of each slab, added in order                        */
  double *ends;      /* 2 x corners: the two measures, averaged to corners                   */
  double *drift;     /* 2 x d x cells: momentum of the detour over the uniform density       */
  double q[WG_DYNAMIC_MAX_D * WG_DYNAMIC_MAX_D];
} wg_dynamic_state;

/* ---- bounds.c ---- */
void wg_dynamic_prepare_detour(wg_dynamic_state *state);
/* Writes primal, dual and mass_residual into the answer. */
int wg_dynamic_estimate(wg_dynamic_state *state, wg_dynamic_answer *answer);
/* Repairs potential and path, and writes bounds, path and checks into the answer. */
int wg_dynamic_bounds(wg_dynamic_state *state, wg_dynamic_answer *answer);

#endif
