/* lmo: the linear minimisation oracle of every gauge and the polar factor (theory 2), exact by Gram
 * matrices, eigendecompositions and, where the condition asks for it, further passes; the
 * polynomial methods that optimisers use instead. Matrices are float or double; what is computed
 * from them is double, except in the polynomial methods.
 */
#ifndef WG_LMO_H
#define WG_LMO_H

#include "gauge/gauge.h"

/* ---- rows of a matrix that may be transposed, a slice of columns, or larger than memory
 * (rows.c) ---- */
typedef struct wg_rows {
  void *data;
  bool single;          /* float; else double                           */
  int64_t count, width; /* entry (i, j) is data[i row_step + j column_step] */
  int64_t row_step, column_step;
  const double *weights; /* count, >= 0, or NULL: row i counts as sqrt(weights_i) times itself */
} wg_rows;
/* The rows with columns start .. start + width. */
wg_rows wg_rows_columns(const wg_rows *rows, int64_t start, int64_t width);
wg_rows wg_rows_transposed(const wg_rows *rows); /* weights are dropped */
/* gram (width x width; inner x inner with basis, width x inner) = (S B)'(S B), where S is
 * 2^-exponent times the rows, weighted, and B the basis or the identity. *largest: the largest
 * |entry| before scaling; not finite if one entry is not. */
int wg_rows_gram(const wg_rows *rows, int exponent, int64_t inner, const double *basis, int threads,
                 wg_mem *mem, double *gram, double *largest);
/* What is applied to every row: out = 2^exponent_out ((2^-exponent_in row) basis) matrix, with
 * basis (width x inner) left out when NULL (inner = width), and matrix (inner x width), or factor
 * when it is NULL. out may be the rows themselves. */
typedef struct wg_rows_map {
  int exponent_in, exponent_out;
  int64_t inner;
  const double *basis, *matrix;
  double factor;
} wg_rows_map;
/* *product: <row, out> summed over weighted rows, both without their powers of two. */
int wg_rows_apply(const wg_rows *rows, const wg_rows_map *map, const wg_rows *out, int threads,
                  wg_mem *mem, double *product);
/* WG_ERR_INPUT naming the first entry that is not finite, as [i, j] of the matrix `name`. */
int wg_rows_refuse(const wg_rows *rows, const char *name);

/* ---- singular values to the oracle (profile.c) ---- */
/* v = J's singular values up to sign for positive decreasing sigma (count); returns N*(G). tie: how
 * near to sigma_1, relatively, a value counts as tied (p = 1/2 only). */
double wg_lmo_profile(const wg_gauge_block *block, int64_t count, const double *sigma, double tie,
                      double *v);
/* N of a matrix with these singular values, on one block, without its rate. */
double wg_lmo_norm(const wg_gauge_block *block, int64_t count, const double *sigma);

/* ---- G = Q diag(sigma) Z by Gram passes (factor.c) ---- */
typedef struct wg_lmo_options {
  int threads;
  double rank_tol; /* sigma_i counts when above rank_tol sigma_1                                  */
  double tie_tol;
  double accuracy; /* of J, relative: above it a further pass is made                             */
  int passes;      /* at most; 0: as many as are needed                                           */
} wg_lmo_options;
typedef struct wg_factor {
  int64_t width, inner, rank;
  int exponent; /* everything below is of 2^-exponent G            */
  int passes;
  double *sigma;   /* width: decreasing, zero from rank on            */
  double *vectors; /* Z: row i belongs to sigma_i                     */
  double *basis;   /* width x inner, or NULL when one pass was enough */
  double *left;    /* inner x inner: Q = (2^-exponent G) basis left   */
  double estimate; /* of the relative error of J                      */
  bool single;     /* made in single precision (single.c)             */
} wg_factor;
/* block: the gauge that the factors serve, or NULL: the polar factor. WG_ERR_INPUT, without saying
 * where, when an entry is not finite. */
int wg_factor_rows(const wg_rows *rows, const wg_gauge_block *block, const wg_lmo_options *options,
                   wg_mem *mem, wg_factor *factor);

/* The relative error of J, when sigma_i has the relative error unit (sigma_1 / sigma_i)^power. v:
 * width numbers of scratch. */
double wg_factor_error(const wg_gauge_block *block, const wg_lmo_options *options,
                       const wg_factor *factor, double unit, int power, double *v);

/* ---- the same for many columns of floats (single.c) ---- */
/* As wg_factor_rows, where single precision is as accurate as options ask; else, or for what it is
 * not meant for, factor->single stays false and nothing else is set. */
int wg_factor_single(const wg_rows *rows, const wg_gauge_block *block,
                     const wg_lmo_options *options, wg_mem *mem, wg_factor *factor);
/* out = rows Z' diag(scale) Z for such a factor; *product as in wg_rows_apply. */
int wg_apply_single(const wg_rows *rows, const wg_factor *factor, const double *scale,
                    const wg_rows *out, wg_mem *mem, double *product);

/* ---- the oracle (oracle.c) ---- */
typedef struct wg_lmo_answer {
  double norm; /* N*(G) is norm 2^exponent                     */
  int exponent;
  double product;   /* <G, J> is product 4^exponent                 */
  int64_t rank;     /* summed over blocks                           */
  double condition; /* the largest sigma_1 / sigma_rank of a block  */
  int passes;
  double estimate;
} wg_lmo_answer;
/* J into out (which may be g); spec is bound to g->width columns. WG_ERR_INPUT when an entry of J
 * is beyond the type of out. */
int wg_lmo_solve(const wg_gauge_spec *spec, const wg_rows *g, const wg_lmo_options *options,
                 const wg_rows *out, wg_mem *mem, wg_lmo_answer *answer);
/* ---- judging a direction by another road (check.c) ---- */
typedef struct wg_lmo_values {
  double *sigma; /* d: of block b from its first column on, decreasing */
  int64_t *rank; /* of every block: how many there are                 */
  int *exponent; /* they are of the block divided by 2^exponent        */
} wg_lmo_values;
typedef struct wg_lmo_verdict {
  double dual;    /* a proved N' >= N*(G), in units of 2^exponent               */
  double norm;    /* N(V), in the same units                                    */
  double product; /* <G, V>, in units of 4^exponent; zero without G             */
  int exponent;
} wg_lmo_verdict;
/* What has to be known of G before V may take its place. WG_ERR_INPUT names an entry of g. */
int wg_lmo_check_begin(const wg_gauge_spec *spec, const wg_rows *g, const wg_lmo_options *options,
                       wg_mem *mem, wg_lmo_values *values);
/* V is J(G) exactly when -<G,V> = N(V)^2 and N(V) = N'. g: NULL when v has taken its place. */
int wg_lmo_check_end(const wg_gauge_spec *spec, const wg_lmo_values *values, const wg_rows *g,
                     const wg_rows *v, const wg_lmo_options *options, wg_mem *mem,
                     wg_lmo_verdict *verdict);

/* The polar factor U W' of g = U diag(sigma) W' into out. */
int wg_polar_exact(const wg_rows *g, const wg_lmo_options *options, const wg_rows *out, wg_mem *mem,
                   wg_lmo_answer *answer);
/* Extreme singular values of u among the `rank` largest, and the largest entry of P'P - P', P = u'u
 * of the shorter side: zero exactly where u is a partial isometry. */
typedef struct wg_isometry {
  double least, largest, error;
} wg_isometry;
int wg_isometry_check(const wg_rows *u, int64_t rank, int threads, wg_mem *mem, wg_isometry *found);

/* ---- polynomial methods (remez.c, polynomial.c) ---- */
enum { WG_MOST_TERMS = 8 }; /* odd degree up to 15 */
/* c_0 x + c_1 x^3 + ... nearest to 1 on [lower, upper], 0 < lower <= upper; *error the distance. */
void wg_remez_odd(int terms, double lower, double upper, double *coefficients, double *error);
typedef struct wg_polynomial_plan {
  int method; /* a wg_polar_method other than automatic and exact */
  int terms;  /* of Polar Express                                 */
  int steps;  /* at most                                          */
  double tol; /* stop when the error estimate is below; 0: never  */
  double lower;
  bool gram;
} wg_polynomial_plan;
/* g and out: n x d with n >= d, without gaps or as transposes; *estimate: |A^2 - A|_F / sqrt(d)
 * with A = u'u before the last step's improvement, an upper estimate of what is left. */
int wg_polynomial_double(const wg_rows *g, const wg_polynomial_plan *plan, const wg_rows *out,
                         wg_mem *mem, int *steps, double *estimate);
int wg_polynomial_float(const wg_rows *g, const wg_polynomial_plan *plan, const wg_rows *out,
                        wg_mem *mem, int *steps, double *estimate);

/* ---- many matrices (batch.c) ---- */
typedef struct wg_batch {
  int64_t count, n, d;
  bool single;
  const void *g; /* count matrices n x d, one behind the other */
  void *out;     /* as many; may be g                          */
} wg_batch;
typedef struct wg_batch_answer {
  int steps;       /* the most that a matrix took         */
  double estimate; /* the largest; NAN without a tolerance */
} wg_batch_answer;
/* Whether they are small and many enough for the call below. */
bool wg_batch_pays(const wg_batch *batch);
/* A polynomial method on all of them, never in Gram form. WG_ERR_INPUT naming the first entry that
 * is not finite; other matrices may then have been written. */
int wg_polynomial_batch(const wg_batch *batch, const wg_polynomial_plan *plan, int threads,
                        wg_mem *mem, wg_batch_answer *answer);
/* Matrix k of g or out. */
wg_rows wg_batch_rows(const wg_batch *batch, void *data, int64_t k);
/* wg_rows_refuse for matrix k of g. */
int wg_batch_refuse(const wg_batch *batch, int64_t k);

/* ---- the step of Muon (muon.c, muon_state.c) ---- */
enum { WG_MUON_AXES = 8 };

/* A tensor as matrices: entry (i, j) of matrix k is at start[k] + row[i] + column[j]. */
typedef struct wg_matrices {
  int64_t count, rows, columns;
  int64_t *start, *row, *column;
} wg_matrices;
/* axes as in wg_muon_parameter, not NULL; WG_ERR_ARGUMENT when it does not fit ndim. */
int wg_matricise(int ndim, const int64_t *shape, const char *axes, wg_mem *mem, wg_matrices *out);
/* Rows first_row .. and columns first_column .. of one of them. */
typedef struct wg_matrix_block {
  int64_t matrix, first_row, rows, first_column, columns;
} wg_matrix_block;

/* A parameter with its state. */
typedef struct wg_muon_slot {
  const char *name;
  int rule;
  bool single;
  int ndim;
  int64_t shape[WG_MUON_AXES], count;
  void *momentum; /* count, of the type of the parameter */
  double *second; /* count, of AdamW only                */
} wg_muon_slot;
typedef struct wg_muon_rates {
  double beta;
  bool nesterov;
  double rate, decay;           /* decay: per unit of rate           */
  double beta1, beta2, epsilon; /* AdamW                             */
  double bias1, bias2;          /* 1 - beta^steps, this one included */
} wg_muon_rates;
/* The index of the first entry that is not finite, or beyond `most`; -1: none. */
int64_t wg_muon_fault(bool single, int64_t count, const void *entries, double most);
/* What a block's direction is found for: its entries of the momentum after the step, or with
 * Nesterov's look ahead. out: rows x columns, of the type of the slot. */
void wg_muon_gather(const wg_muon_slot *slot, const wg_muon_rates *rates, const void *gradient,
                    const wg_matrices *matrices, const wg_matrix_block *block, void *out);
/* The block of values: decays, then loses rate factor direction. */
void wg_muon_scatter(const wg_muon_slot *slot, const wg_muon_rates *rates, double factor,
                     const wg_matrices *matrices, const wg_matrix_block *block,
                     const void *direction, void *values);
/* The momentum after the step. */
void wg_muon_advance(const wg_muon_slot *slot, const wg_muon_rates *rates, const void *gradient);
/* The whole step of the other rules. */
void wg_muon_sgd(const wg_muon_slot *slot, const wg_muon_rates *rates, const void *gradient,
                 void *values);
void wg_muon_adamw(const wg_muon_slot *slot, const wg_muon_rates *rates, const void *gradient,
                   void *values);

/* The state of all slots after `step` steps as bytes. */
int64_t wg_muon_state_size(int64_t count, const wg_muon_slot *slots);
void wg_muon_state_write(int64_t count, const wg_muon_slot *slots, int64_t step,
                         unsigned char *bytes);
/* WG_ERR_INPUT, with nothing changed, unless the bytes are whole and of these slots. */
int wg_muon_state_read(int64_t count, const wg_muon_slot *slots, const unsigned char *bytes,
                       int64_t size, int64_t *step);

#endif
