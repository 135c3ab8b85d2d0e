/* The energies of flow/, as api/ makes them: arguments are checked there, data are copied here. */
#ifndef WG_FLOW_ENERGIES_H
#define WG_FLOW_ENERGIES_H

#include "base/base.h"

/* ---- energy.c: what every energy begins with ---- */
/* The blocks of mem include the object itself; evaluations keep their scratch there too. */
typedef struct wg_energy_owner {
  wg_energy energy;
  wg_ledger ledger;
  wg_mem mem;
} wg_energy_owner;
/* A zeroed object of `size` bytes that begins with a wg_energy_owner and is freed by
 * wg_energy_release; NULL without memory. */
void *wg_energy_new(size_t size, const char *name, int64_t d, double infimum,
                    int (*evaluate)(void *self, int64_t n, int64_t d, const double *x,
                                    const double *a, double *value, double *force));
/* The release of every energy made by wg_energy_new. */
void wg_energy_release(void *self);
/* A copy of count numbers in the owner's memory; NULL without. */
double *wg_energy_copy(wg_energy_owner *owner, int64_t count, const double *numbers);
/* Scratch of at least count numbers in *room, which held *size; kept between evaluations. */
int wg_energy_scratch(wg_mem *mem, int64_t count, double **room, int64_t *size);
/* Whether the next datum is among the `wanted` to be drawn of the `left` (Knuth's algorithm S). */
bool wg_energy_takes(wg_rng *rng, int64_t wanted, int64_t left);
/* Frees the object and returns NULL: the way out of a constructor that ran out of memory. */
wg_energy *wg_energy_abandon(wg_energy_owner *owner);

/* What sums over pairs and data may do. */
typedef struct wg_energy_plan {
  int threads;     /* >= 1                                    */
  int method;      /* a wg_energy_method                      */
  double accuracy; /* as in wg_energy_settings, 0: the default */
} wg_energy_plan;

/* The accuracy from which terms may be float, summed in double by blocks. */
#define WG_FLOAT_FROM 1e-5

/* Constructors return NULL without memory, with the detail set. */

/* ---- energy_potential.c ---- */
typedef enum wg_potential_kind { WG_QUADRATIC, WG_WELL, WG_POWER } wg_potential_kind;
typedef struct wg_potential {
  wg_potential_kind kind;
  double parameter; /* R of the well, exponent of the power */
} wg_potential;
int wg_potential_parse(const char *text, wg_potential *potential);
/* centre: d or NULL; form: d x d or NULL. bounded: form is PSD, so that 0 is the infimum. */
wg_energy *wg_energy_make_potential(wg_potential potential, int64_t d, const double *centre,
                                    const double *form, bool bounded);

/* ---- energy_kernel.c ---- */
typedef enum wg_kernel_kind {
  WG_KERNEL_ENERGY,
  WG_KERNEL_GAUSSIAN,
  WG_KERNEL_LAPLACE,
  WG_KERNEL_IMQ,
  WG_KERNEL_POWER,
  WG_KERNEL_MORSE
} wg_kernel_kind;
typedef struct wg_kernel {
  wg_kernel_kind kind;
  double scale;    /* e, l, l, c, r; of morse the range l */
  double strength; /* of morse: C                         */
} wg_kernel;
int wg_kernel_parse(const char *text, wg_kernel *kernel);
/* k at distance s, and k'(s)/s with 0 where s = 0 is a kink. */
double wg_kernel_at(const wg_kernel *kernel, double s, double *slope);
/* The finest accuracy that the tree code reaches for this kernel. */
double wg_tree_finest(const wg_kernel *kernel);
/* F = double integral of k, no target. */
wg_energy *wg_energy_make_interaction(wg_kernel kernel, wg_energy_plan plan);
/* F = MMD^2 to y (m x d), b > 0: m. */
wg_energy *wg_energy_make_mmd(wg_kernel kernel, int64_t m, int64_t d, const double *y,
                              const double *b, wg_energy_plan plan);

/* ---- energy_network.c ---- */
typedef enum wg_activation { WG_RELU, WG_TANH, WG_SOFTPLUS, WG_SQUARE } wg_activation;
int wg_activation_parse(const char *text, wg_activation *activation);
wg_energy *wg_energy_make_network(wg_activation activation, int64_t count, int64_t inputs,
                                  int64_t outputs, const double *z, const double *y, int threads);

/* ---- energy_attention.c ---- */
typedef struct wg_attention_shape {
  int64_t count, length, token, head;
} wg_attention_shape;
wg_energy *wg_energy_make_attention(wg_attention_shape shape, const double *z, const double *y,
                                    wg_energy_plan plan);

/* ---- energy_linear.c ---- */
wg_energy *wg_energy_make_linear(int64_t outputs, int64_t inputs, const double *target,
                                 const double *covariance);

/* ---- energy_sum.c ---- */
/* Owns the parts once it is made. */
wg_energy *wg_energy_make_sum(int64_t count, wg_energy *const *parts, const double *weights);
wg_energy *wg_energy_make_callback(int64_t d, double infimum, wg_energy_fn evaluate, void *data);

#endif
