/* Private to flow/: the inner loops of sums over pairs, for several instruction sets. */
#ifndef WG_FLOW_KERNELS_H
#define WG_FLOW_KERNELS_H

#include "flow/flow.h"

/* Targets of a tile and the most sources of a block. */
enum { WG_PAIR_TARGETS = 32, WG_PAIR_SOURCES = 128 };

/* What a kernel needs of its parameters: the squared distance is s^2 + offset. */
typedef struct wg_profile {
  wg_kernel_kind kind;
  double offset, rate, strength;
  bool unit; /* all charges are one, which saves the energy kernel a multiplication */
} wg_profile;

/* phi[t] += sum_j charges[j] k(x_t, y_j) and gradient[k][t] += its gradient in x_t, for one tile.
 * targets: d x WG_PAIR_TARGETS; sources: d x WG_PAIR_SOURCES, the first `count` are used. phi or
 * gradient may be NULL. Terms are of the given precision, sums over a block as well; blocks are
 * added in double. */
typedef void wg_pairs_double(const wg_profile *profile, int64_t d, const double *targets,
                             int64_t count, const double *sources, const double *charges,
                             double *phi, double *gradient);
typedef void wg_pairs_float(const wg_profile *profile, int64_t d, const float *targets,
                            int64_t count, const float *sources, const float *charges, double *phi,
                            double *gradient);

/* The same of two blocks for each other, both d x WG_PAIR_SOURCES and full, all charges one, d = 2
 * or 3: gradient[k][t] += of the targets, back[k][j] += of the sources, each pair computed once.
 * phi[t] += twice what the sources exert, nothing goes to the sources: as energy it is the same. */
typedef void wg_mutual_double(const wg_profile *profile, int64_t d, const double *targets,
                              const double *sources, double *phi, double *gradient, double *back);
typedef void wg_mutual_float(const wg_profile *profile, int64_t d, const float *targets,
                             const float *sources, double *phi, double *gradient, double *back);

/* A field at tensor nodes, to be interpolated: a point x is at (x - centre) inverse of the axis,
 * the first axes are padded by such with one node, whose weight is one; rows of gradient and,
 * behind it, phi, the last axis fastest. */
enum { WG_FAR_SIDE = 15, WG_FAR_WIDTH = 4 };
typedef struct wg_far {
  int sides[3];
  double centre[3], inverse[3];
  double nodes[WG_FAR_SIDE], weights[WG_FAR_SIDE]; /* of an axis with more than one node */
  const double *rows;
} wg_far;

/* Data of a network, in blocks: z is inputs x WG_NET_DATA, the others outputs x WG_NET_DATA. */
enum { WG_NET_DATA = 256, WG_NET_PARTICLES = 4 };

typedef struct wg_net_block {
  wg_activation activation;
  int64_t inputs, outputs;
  int64_t particles; /* a multiple of WG_NET_PARTICLES              */
  const double *x;   /* particles x (outputs + inputs): rows (u, v) */
  const double *z;   /* inputs x WG_NET_DATA                        */
} wg_net_block;

/* One head at one sequence in one precision: places are lanes, padded to a multiple of PLACES. */
enum { PLACES_double = 8, PLACES_float = 16 };
#define WG_HEAD_OF(real)                                                            \
  {                                                                                 \
    int64_t length, padded, token, head;                                            \
    const real *x; /* Q, K, V, O: each head x token                              */ \
    const real *z; /* token x padded, zeros behind the last place                */ \
    real *room;    /* wg_head_room numbers                                       */ \
  }
typedef struct wg_head_double WG_HEAD_OF(double) wg_head_double;
typedef struct wg_head_float WG_HEAD_OF(float) wg_head_float;
static inline int64_t wg_head_room(int64_t length, int64_t padded, int64_t token, int64_t head) {
  return (8 * head + 2 * token + 2 * length) * padded;
}

typedef struct wg_flow_kernels {
  wg_pairs_double *pairs_double;
  wg_pairs_float *pairs_float;
  wg_mutual_double *mutual_double;
  wg_mutual_float *mutual_float;
  /* phi and gradient of a tile += the field interpolated at its targets. */
  void (*interpolate)(const wg_far *far, int64_t d, const double *targets, double *phi,
                      double *gradient);
  /* h (outputs x WG_NET_DATA) += sum_i u_i s(v_i . z); u are weighted already. */
  void (*net_forward)(const wg_net_block *block, double *h);
  /* force (particles x (outputs + inputs)) += sum over the block of (s r, (u . r) s' z); residual
   * r: outputs x WG_NET_DATA. */
  void (*net_backward)(const wg_net_block *block, const double *residual, double *force);
  /* out (token x padded) += weight times what the head says. */
  void (*attend_forward_double)(const wg_head_double *at, double weight, double *out);
  /* sums (4 head token vectors of PLACES lanes) += the force of the residual (token x padded, zeros
   * behind the last place), lane by lane. */
  void (*attend_backward_double)(const wg_head_double *at, const double *residual, double *sums);
  void (*attend_forward_float)(const wg_head_float *at, float weight, float *out);
  void (*attend_backward_float)(const wg_head_float *at, const float *residual, float *sums);
} wg_flow_kernels;
extern const wg_flow_kernels wg_flow_portable, wg_flow_avx2, wg_flow_avx512;
/* The best that this processor has. */
const wg_flow_kernels *wg_flow_kernels_here(void);

#endif
