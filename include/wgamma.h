/* wgamma: certified spectral Wasserstein distances between point clouds.
 *
 * Reading order: 1. one call, 2. a solver with settings and getters, 3. certificates and their
 * files, 4. Gaussians, 5. gauges.
 *
 * Conventions. Points are rows, C order, float64: x is n x d, y is m x d. Weights are positive
 * (zero weights are dropped and come back as rows without mass) and sum to one within 1e-6. W is
 * the distance, W2 ("w2") its square; every bound below is on W2. Formulas are cited as "theory
 * x.y" after docs/theory. A call that fails returns a negative status, changes nothing, and leaves
 * a sentence naming the culprit in wg_error_detail(). How a solve *ended* is an outcome, not an
 * error.
 */
#ifndef WGAMMA_H
#define WGAMMA_H

#include <stddef.h>
#include <stdint.h>

#define WG_VERSION "0.1.0"

#if defined(__GNUC__)
#define WG_API __attribute__((visibility("default")))
#else
#define WG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Status of a call. Values are pinned: new ones are appended, none is renumbered. */
typedef enum wg_status {
  WG_OK = 0,
  WG_ERR_ARGUMENT = -1,     /* an option or argument makes no sense (a gauge that does not parse) */
  WG_ERR_INPUT = -2,        /* the data are unusable (NaN, negative weight, k > d, mismatch)      */
  WG_ERR_MEMORY = -3,       /* the system refused an allocation                                   */
  WG_ERR_MEMORY_LIMIT = -4, /* the solve would pass settings.memory_limit                         */
  WG_ERR_INTERNAL = -5,     /* a defect of the library; please report it                          */
  WG_ERR_STATE = -6,        /* a getter before the first solve                                    */
  WG_ERR_IO = -7            /* a file could not be read or written                                */
} wg_status;

/* How a solve ended. Only WG_CERTIFIED means that the asked tolerance was reached. */
typedef enum wg_outcome {
  WG_CERTIFIED = 0,  /* relative gap <= tol, proved                                               */
  WG_GAP_OPEN = 1,   /* progress ended above tol; the interval is still rigorous                  */
  WG_CALL_LIMIT = 2, /* settings.max_calls exact OT solves were used                              */
  WG_TIME_LIMIT = 3, /* settings.time_limit passed                                                */
  WG_STOPPED = 4,    /* the progress callback returned non-zero                                   */
  WG_LOCAL = 5       /* a gauge with p < 1: not convex, upper is a local optimum and the gap is
                        open; never for Schatten in the plane, where the optimum can be proved   */
} wg_outcome;

/* Text. Both return static or thread-local storage that the caller must not free. */
WG_API const char *wg_version(void);
WG_API const char *wg_status_text(int status);
WG_API const char *wg_outcome_text(int outcome); /* "certified", "gap-open", "call-limit", ... */
/* The sentence left by the last failing call of this thread ("" if none). */
WG_API const char *wg_error_detail(void);

/* ---- 1. One call ---------------------------------------------------------------------------- */

/* W2 of theory 3.1 between (x, a) and (y, b) under `gauge`, to relative gap `tol` with default
 * settings. x: n x d, y: m x d; a: n, b: m, or NULL for uniform. *lower <= W2 <= *upper (units W2).
 * Returns the outcome (>= 0) or a negative status. */
WG_API int wg_distance(int64_t n, int64_t m, int64_t d, const double *x, const double *a,
                       const double *y, const double *b, const char *gauge, double tol,
                       double *lower, double *upper);

/* ---- 2. A solver ---------------------------------------------------------------------------- */

/* A look at a running solve. lower and upper bound W2; seconds_left is NAN while unknown. */
typedef struct wg_progress {
  const char *phase; /* what is being done, a few words        */
  double seconds;    /* since the solve began                  */
  double lower, upper;
  double seconds_left;
  int64_t oracle_calls;
} wg_progress;
/* Called at most ten times a second from the calling thread; non-zero stops the solve. */
typedef int (*wg_progress_fn)(const wg_progress *progress, void *data);

typedef struct wg_settings {
  size_t struct_size;   /* set by wg_settings_init                                             */
  double tol;           /* relative gap (upper-lower)/upper asked for; 1e-6                     */
  double time_limit;    /* seconds; INFINITY                                                    */
  int64_t max_calls;    /* exact OT solves; 1000                                                */
  int64_t memory_limit; /* bytes; 0: none                                                       */
  int threads;          /* 0: all cores. Results do not depend on it, to the bit                */
  uint64_t seed;        /* for the multistart of p < 1                                          */
  wg_progress_fn progress;
  void *progress_data;
} wg_settings;
WG_API void wg_settings_init(wg_settings *settings);

typedef struct wg_info {
  size_t struct_size;
  int outcome;          /* a wg_outcome                                                          */
  double lower, upper;  /* of W2, re-derived from the data                                       */
  double gap;           /* (upper - lower) / upper, 0 when upper = 0                             */
  double w;             /* sqrt(upper)                                                           */
  double seconds;       /* of the last solve                                                     */
  int64_t oracle_calls; /* exact OT solves over all n*m pairs, warm or cold, in the last solve   */
  int64_t pivots;       /* simplex pivots in the last solve                                      */
  int64_t peak_bytes;   /* most memory held at once since setup                                  */
  int64_t dropped_x, dropped_y; /* points with zero weight                                       */
  int64_t q_rank; /* numerical rank of Q (eigenvalues > 1e-6 of the largest)               */
} wg_info;

typedef struct wg_solver wg_solver;

/* About how many bytes a solve between n and m points in d dimensions holds at its peak while it
 * does its first transport solve (measured: within a third from 2000 points on); each further one
 * adds 24 (n + m). A solve whose settings.memory_limit is below half of it is refused at once. */
WG_API int64_t wg_memory_estimate(int64_t n, int64_t m, int64_t d);

/* Copies the data, checks everything (finite, weights, gauge against d). settings may be NULL. */
WG_API int wg_setup(wg_solver **solver, int64_t n, int64_t m, int64_t d, const double *x,
                    const double *a, const double *y, const double *b, const char *gauge,
                    const wg_settings *settings);
/* Solves; info may be NULL. Returns the outcome (>= 0) or a negative status. May be called again:
 * what was learnt (couplings, bases) is kept. */
WG_API int wg_solve(wg_solver *solver, wg_info *info);
WG_API void wg_free(wg_solver *solver); /* NULL is fine */

/* Change the problem and keep what was learnt: another gauge; the same number of points, moved. */
WG_API int wg_set_gauge(wg_solver *solver, const char *gauge);
WG_API int wg_set_points(wg_solver *solver, const double *x, const double *y);
WG_API int wg_set_tol(wg_solver *solver, double tol);

/* Results of the last solve. Views stay valid until the next solve, change or free. */
typedef struct wg_plan {
  int64_t count;            /* entries, each pair at most once, sorted by row, then column       */
  const int64_t *row, *col; /* indices of the points as given                                    */
  const double *mass;       /* > 0                                                               */
} wg_plan;
WG_API int wg_get_plan(const wg_solver *solver, wg_plan *plan);
/* q: d x d, the dual optimal Q in K_gamma (theory 3.2). moment: d x d, Sigma_P of the plan. */
WG_API int wg_get_q(const wg_solver *solver, double *q);
WG_API int wg_get_moment(const wg_solver *solver, double *moment);
/* f: n, g: m, with f_i + g_j <= (y_j-x_i)' Q (y_j-x_i) (up to rounding). */
WG_API int wg_get_potentials(const wg_solver *solver, double *f, double *g);
/* The displacement geodesic at time t (theory 3.5): points count x d and masses count, where count
 * is wg_plan.count. t is usually in [0, 1]; any finite t extrapolates. */
WG_API int wg_geodesic(const wg_solver *solver, double t, double *points, double *masses);

/* What the optimum looks like (docs/theory/optimum.md). Eigenvalues decrease; row k of directions
 * (d x d) is the eigenvector of Q with eigenvalue q_values[k], its largest entry positive.
 * moment_values, q_values: d. Any of the three may be NULL. */
WG_API int wg_get_spectra(const wg_solver *solver, double *moment_values, double *q_values,
                          double *directions);
/* Both clouds as given, along the k <= d leading directions of Q: x is n x k, y is m x k. */
WG_API int wg_project(const wg_solver *solver, int64_t k, double *x, double *y);

typedef struct wg_structure {
  size_t struct_size;
  int64_t q_rank;           /* eigenvalues of Q above 1e-6 of the largest                        */
  int64_t blocks;           /* of the gauge, for wg_get_block; 1 for a gauge without blocks      */
  int is_map, is_map_back;  /* each distinct point of x (y) ships to (gets from) one point       */
  int64_t split_x, split_y; /* distinct points that share their mass among several               */
  double split_mass_x, split_mass_y; /* mass that is not shipped with its point's largest share  */
} wg_structure;
/* Entries below wg_uniqueness.resolution, or 1e-4 if that is less, of the weight of either end do
 * not count as partners. Cost O(entries log entries). */
WG_API int wg_get_structure(const wg_solver *solver, wg_structure *structure);

/* One block of the gauge (the whole matrix for a gauge without blocks). Eigenvalues are told apart,
 * and blocks are active, as far as wg_uniqueness.resolution goes. */
typedef struct wg_block_structure {
  size_t struct_size;
  int64_t start, size; /* columns                                                                */
  double value;        /* gauge of the block of Sigma_P, over rate^2: what it adds or offers     */
  double share;        /* of <Q, Sigma_P> in this block; in a block max the weight of the block  */
  int active;          /* 1; in a block max: the block attains the maximum                       */
  int64_t rank;        /* of the block of Q                                                      */
  int64_t cut;         /* operator: 1, Ky Fan: k; 0 where no eigenvalue is left out              */
  int64_t above, tied; /* eigenvalues of Sigma above the cut-th and equal to it. Q is the identity
                          on the first and shares cut - above among the others                   */
} wg_block_structure;
WG_API int wg_get_block(const wg_solver *solver, int64_t block, wg_block_structure *structure);

/* Whether there is one optimum only. NO and YES are said at the tolerance (docs/theory/optimum.md
 * explains how): NO where another solution was found that is as good within the gap, YES where the
 * conditions for one solution hold to working precision, UNKNOWN otherwise. */
typedef enum wg_unique { WG_UNIQUE_UNKNOWN = -1, WG_UNIQUE_NO = 0, WG_UNIQUE_YES = 1 } wg_unique;
typedef struct wg_uniqueness {
  size_t struct_size;
  int plan, q;          /* wg_unique: the coupling of the distinct points; Q                     */
  int potentials;       /* f and g, up to a constant                                             */
  int point_gradients;  /* W2 is differentiable in the points ...                                */
  int weight_gradients; /* ... and in the weights (one-sided where a weight is zero)             */
  double resolution;    /* sqrt of the relative gap: shares below it are not told apart          */
  double q_radius;      /* proved: every optimal Q is this near to wg_get_q in Frobenius norm    */
} wg_uniqueness;
/* All are UNKNOWN, and q_radius is INFINITY, for p < 1. Cost: one look at all n m pairs, up to five
 * more where eigenvalues tie. Memory O(n + m + entries), times the square of the tie. */
WG_API int wg_get_uniqueness(const wg_solver *solver, wg_uniqueness *uniqueness);

/* Gradients of W2 by the envelope theorem: grad_x (n x d), grad_y (m x d), grad_a (n), grad_b (m);
 * any may be NULL. dW2/dx_i = -2 sum_j P_ij Q (y_j - x_i), dW2/dy_j = 2 sum_i P_ij Q (y_j - x_i);
 * equal points share in proportion to their weights. grad_a and grad_b are the potentials, centred
 * so that sum a grad_a = sum b grad_b = 0: the gradient of W2 at weights divided by their sum (for
 * a weight of zero the derivative for mass that arrives there). Divide by 2 w for gradients of W.
 * uniqueness, unless NULL, is filled as by wg_get_uniqueness: where point_gradients or
 * weight_gradients is not WG_UNIQUE_YES, this is one of several generalised gradients, or could be.
 * WG_ERR_INPUT for a gauge with p < 1. */
WG_API int wg_get_gradients(const wg_solver *solver, double *grad_x, double *grad_y, double *grad_a,
                            double *grad_b, wg_uniqueness *uniqueness);

/* ---- Many distances ---- */

/* A cloud of wg_pairwise: points n x d; weights n, or NULL for uniform. */
typedef struct wg_points {
  int64_t n;
  const double *points, *weights;
} wg_points;

/* One distance of many, i < j. */
typedef struct wg_pair {
  size_t struct_size;
  int64_t i, j;
  int outcome; /* WG_TIME_LIMIT or WG_STOPPED: the pair was not finished                         */
  double lower, upper, gap, w, seconds; /* as in wg_info                                         */
  int64_t oracle_calls;
} wg_pair;
/* Called for every pair that was begun, one call at a time, in any order and from any of the
 * threads; non-zero stops. */
typedef int (*wg_pair_fn)(const wg_pair *pair, void *data);

typedef struct wg_pairwise_info {
  size_t struct_size;
  int outcome;   /* the largest of all pairs, or WG_TIME_LIMIT or WG_STOPPED if some are missing */
  int workers;   /* pairs solved at the same time                                                */
  int64_t pairs; /* finished in this call                                                        */
  int64_t oracle_calls, pivots;
  double seconds;
  int64_t peak_bytes; /* at most: workers times the largest solver                               */
} wg_pairwise_info;

/* W2 of all pairs i < j of `count` clouds in d dimensions, each as wg_solve finds it on its own: to
 * the bit, whatever settings.threads says, which is the number of pairs solved at the same time.
 * settings (NULL: defaults): time_limit and memory_limit are those of the whole; progress is called
 * with oracle_calls of all and the pairs done in `phase`. known (count x count bytes, or NULL): a
 * pair with known[i * count + j] != 0 is left out. info may be NULL. Returns the outcome (>= 0), or
 * a negative status, after which pairs that were reported before hold all the same. */
WG_API int wg_pairwise(int64_t count, int64_t d, const wg_points *clouds, const char *gauge,
                       const wg_settings *settings, const unsigned char *known, wg_pair_fn done,
                       void *data, wg_pairwise_info *info);

/* ---- 3. Certificates ------------------------------------------------------------------------ */

/* Everything that proves lower <= W2 <= upper: theory 3.2. All arrays C order; indices 0-based. */
typedef struct wg_certificate {
  size_t struct_size;
  int64_t n, m, d, count;
  const double *x, *a, *y, *b;
  const char *gauge;
  const int64_t *row, *col; /* the plan, as in wg_plan */
  const double *mass;
  const double *q;          /* d x d */
  const double *f, *g;      /* potentials under q */
  double lower, upper, tol; /* what is claimed */
  /* Schatten p < 1 in the plane only, or 0 and NULL: cuts, each a Q with potentials under it. For
   * every coupling P each proves <Q, Sigma_P> >= sum a f + sum b g; W2 is at least the lowest
   * gamma that a matrix can have which satisfies them all. */
  int64_t cuts;
  const double *cut_q, *cut_f, *cut_g; /* cuts x d x d, cuts x n, cuts x m */
  /* Second halves of numbers that one double cannot hold, or NULL for zeros: an entry of the plan
   * is mass + mass_low, the potentials are f + f_low and g + g_low, exactly. */
  const double *mass_low, *f_low, *g_low;
} wg_certificate;
WG_API int wg_get_certificate(const wg_solver *solver, wg_certificate *certificate);

typedef struct wg_verdict {
  size_t struct_size;
  int valid;           /* 1: both claimed bounds follow from the data                           */
  double lower, upper; /* the bounds that do follow                                             */
  double lower_excess; /* claimed lower - derived lower; > 0 is refused                         */
  double upper_excess; /* derived upper - claimed upper; > 0 is refused                         */
  char finding[640];   /* what fails, where and by how much; "" when valid and not open         */
  double gap;          /* (upper - lower) / upper of the claim, not less than 0                 */
  int open;            /* 1: that gap is larger than the claimed tol                            */
} wg_verdict;
/* Re-derives both bounds from points, weights, plan, q and potentials alone. Cost O(n m d), memory
 * O((n + m) d + d^2). threads as in settings. Returns WG_OK even if the claim is refused. */
WG_API int wg_verify(const wg_certificate *certificate, int threads, wg_verdict *verdict);

typedef struct wg_rigorous_verdict {
  size_t struct_size;
  int valid;                 /* 1: lower <= lower_lo and upper_hi <= upper, the claim is proved   */
  double lower_lo, lower_hi; /* enclose the lower bound that follows from q, f and g              */
  double upper_lo, upper_hi; /* enclose the upper bound that follows from the plan                */
  double lower_excess;       /* claimed lower - lower_lo; > 0 is refused                          */
  double upper_excess;       /* upper_hi - claimed upper; > 0 is refused                          */
  double seconds;
  int64_t bits;      /* working precision that was enough; at most 4096                           */
  char finding[320]; /* what is claimed beyond the proof, by how much; "" when valid and not open */
  double gap;        /* as in wg_verdict                                                          */
  int open;
} wg_rigorous_verdict;
/* wg_verify in ball arithmetic: lower_lo <= W2 <= upper_hi is a theorem about the stored numbers,
 * whatever LAPACK and libm do (theory 3.2, docs/theory/rigorous.md). A thousand points in three
 * columns take some five times as long, in thirty columns thirty times; many points in few columns
 * no longer. Arguments and status as wg_verify; the bits do not depend on threads. FLINT, which
 * does the arithmetic, ends the process if the system refuses it memory. */
WG_API int wg_verify_rigorous(const wg_certificate *certificate, int threads,
                              wg_rigorous_verdict *verdict);

/* ---- 3b. Certificates as files (docs/user/certificate.md) ------------------------------------ */

/* One format for every certified answer: a kind, a gauge and named arrays, the claim among them.
 *
 *   kind         lower <= ... <= upper                               arrays
 *   clouds       W2 of two clouds                                    as in wg_certificate
 *   gaussian     W2 of two Gaussians                                 as in wg_gaussian_verify
 *   barycentre   the least weighted sum of W2 to several Gaussians   ... barycentre_verify
 *   sphere       UW2 of two measures on the sphere                   as in wg_sphere_verify
 *   grid         W2 on the grid, of two densities                    as in wg_dynamic_verify
 *
 * Sizes (n, m, d, count, ...) follow from the shapes of the arrays. */
typedef struct wg_certificate_file wg_certificate_file;
typedef struct wg_certificate_array {
  const char *name;
  int integers;     /* 1: int64_t, 0: double                                                    */
  int ndim;         /* 1 to 3                                                                   */
  int64_t shape[3]; /* the first ndim count                                                     */
  const void *data; /* C order                                                                  */
} wg_certificate_array;

/* Copies `count` arrays, in any order, among them "claim": lower, upper, tol, finite. Arrays of
 * optional parts may be left out. WG_ERR_ARGUMENT naming an array that is missing, unknown or whose
 * shape disagrees with the others. What the numbers mean is only judged by verification. */
WG_API int wg_certificate_create(wg_certificate_file **file, const char *kind, const char *gauge,
                                 int64_t count, const wg_certificate_array *arrays);
/* The same from a certificate of clouds; see also wg_sphere_certificate, wg_dynamic_certificate. */
WG_API int wg_certificate_of_clouds(const wg_certificate *certificate, wg_certificate_file **file);
/* Reads the file at path ("-": standard input) and checks structure, checksum and that the claim is
 * finite. WG_ERR_INPUT with a sentence that begins with the path. Takes no more memory than twice
 * the file. */
WG_API int wg_certificate_read(wg_certificate_file **file, const char *path);
/* The same from bytes in memory; messages call them `name`. */
WG_API int wg_certificate_parse(wg_certificate_file **file, const void *bytes, size_t size,
                                const char *name);
/* Writes to a temporary name and renames it ("-": standard output); WG_ERR_IO. */
WG_API int wg_certificate_write(const wg_certificate_file *file, const char *path);
WG_API void wg_certificate_free(wg_certificate_file *file); /* NULL is fine */

/* Views until the certificate is freed. */
WG_API const char *wg_certificate_kind(const wg_certificate_file *file);
WG_API const char *wg_certificate_gauge(const wg_certificate_file *file);
/* Most bytes held at once while it was made or read. */
WG_API int64_t wg_certificate_bytes(const wg_certificate_file *file);
/* The k-th size with its name, the k-th array; WG_ERR_ARGUMENT beyond the last. */
WG_API int wg_certificate_get_size(const wg_certificate_file *file, int64_t k, const char **name,
                                   int64_t *size);
WG_API int wg_certificate_get_array(const wg_certificate_file *file, int64_t k,
                                    wg_certificate_array *array);
/* claim: three numbers, lower, upper, tol. */
WG_API int wg_certificate_get_claim(const wg_certificate_file *file, double *claim);
/* A certificate of clouds as wg_verify takes it; WG_ERR_ARGUMENT for other kinds. */
WG_API int wg_certificate_get_clouds(const wg_certificate_file *file, wg_certificate *certificate);

/* Derives both bounds again, from the arrays alone, and judges the claim, by the function of the
 * kind: wg_verify, wg_gaussian_verify, ... For every kind verdict->open says that the claimed gap
 * is larger than the claimed tol (on the sphere bounds within 1e-12 of the masses are never open).
 */
WG_API int wg_certificate_verify(const wg_certificate_file *file, int threads, wg_verdict *verdict);
/* wg_verify_rigorous; WG_ERR_ARGUMENT for kinds other than clouds, which have no ball arithmetic
 * yet. */
WG_API int wg_certificate_verify_rigorous(const wg_certificate_file *file, int threads,
                                          wg_rigorous_verdict *verdict);

/* ---- 4. Gaussians (theory 4, docs/theory/gaussian.md) ---------------------------------------- */

typedef struct wg_gaussian_info {
  size_t struct_size;
  int outcome;         /* a wg_outcome: certified, gap-open, local (p < 1), time-limit, stopped  */
  double lower, upper; /* of W2, re-derived from the data by certify/                            */
  double gap;          /* (upper - lower) / upper, 0 when upper = 0                              */
  double w;            /* sqrt(upper)                                                            */
  double w2;           /* gamma(Sigma) without what upper pays for rounding                      */
  double seconds;
  int64_t steps; /* of the interior point; 0 for a closed form                            */
  int64_t peak_bytes;
  int64_t rank0, rank1; /* of the covariances (eigenvalues > 1e-14 of the largest)               */
  int64_t q_rank;       /* of Q (eigenvalues > 1e-6 of the largest)                              */
  int closed_form;      /* 1: the coupling of W_2 is optimal (trace, commuting, Diracs)          */
  int is_map;           /* 1: the coupling is the graph of an affine map (within 1e-9)           */
} wg_gaussian_info;

/* W2 between N(mean0, cov0) and N(mean1, cov1); means d, covariances d x d, symmetric within 1e-12
 * and positive semidefinite (no eigenvalue below -1e-12 of the largest). settings NULL: tol 1e-10
 * and defaults; max_calls is not used. Outputs, each d x d or NULL:
 *   contraction  C of norm <= 1, what wg_gaussian_verify takes;
 *   k            the optimal cross covariance cov0^(1/2) C cov1^(1/2);
 *   q            the dual optimal Q in K_gamma;
 *   map          B = K' cov0^+: the optimal map is x -> mean1 + B (x - mean0) when info says so.
 * info may be NULL. Returns the outcome (>= 0) or a negative status. Cost: O(d^3) for a closed
 * form, else about 15 steps, of O(d^6) up to d = 10 and of some hundred products O(d^3) beyond. */
WG_API int wg_gaussian(int64_t d, const double *mean0, const double *cov0, const double *mean1,
                       const double *cov1, const char *gauge, const wg_settings *settings,
                       wg_gaussian_info *info, double *contraction, double *k, double *q,
                       double *map);
typedef struct wg_gaussian_batch_info {
  size_t struct_size;
  int outcome;        /* the largest of a problem; time-limit or stopped if some were not reached */
  int64_t solved;     /* problems                                                                 */
  int64_t certified;  /* of which                                                                 */
  double largest_gap; /* (upper - lower) / upper, of those solved                                 */
  double seconds;
  int64_t peak_bytes;
  int workers;
} wg_gaussian_batch_info;

/* W2 of `count` pairs of Gaussians of one dimension: means count x d, covariances count x d x d,
 * all as wg_gaussian takes and certifies them. lower, upper, outcome: count each; problems that a
 * limit cuts off have bounds 0 and infinity. Results do not depend on the number of threads, to the
 * bit. settings and info may be NULL; settings NULL: tol 1e-10. Returns the outcome or a negative
 * status, its sentence naming the first problem that is not usable. Cost at d = 5, one Schatten
 * gauge with p > 1: some 100 microseconds a problem and core. */
WG_API int wg_gaussian_batch(int64_t count, int64_t d, const double *mean0, const double *cov0,
                             const double *mean1, const double *cov1, const char *gauge,
                             const wg_settings *settings, double *lower, double *upper,
                             int *outcome, wg_gaussian_batch_info *info);
/* Judges lower <= W2 <= upper from the data, C and q alone, rounding included. Returns WG_OK even
 * if the claim is refused. */
WG_API int wg_gaussian_verify(int64_t d, const double *mean0, const double *cov0,
                              const double *mean1, const double *cov1, const char *gauge,
                              const double *contraction, const double *q, double lower,
                              double upper, wg_verdict *verdict);
/* The Gaussian at time t of the geodesic that k (d x d) gives: mean (1-t) m0 + t m1, covariance
 * (1-t)^2 S0 + t^2 S1 + t (1-t) (K + K'), written to mean (d) and cov (d x d). 0 <= t <= 1. */
WG_API int wg_gaussian_geodesic(int64_t d, const double *mean0, const double *cov0,
                                const double *mean1, const double *cov1, const double *k, double t,
                                double *mean, double *cov);
/* Mean (d) and covariance (d x d, divided by the mass and not by n - 1) of a weighted cloud x (n x
 * d); a: n weights or NULL. */
WG_API int wg_gaussian_fit(int64_t n, int64_t d, const double *x, const double *a, double *mean,
                           double *cov);

typedef struct wg_barycentre_info {
  size_t struct_size;
  int outcome;         /* a wg_outcome: certified, gap-open, time-limit, stopped             */
  double lower, upper; /* of the least value, re-derived from the data by certify/           */
  double gap;          /* (upper - lower) / upper, 0 when upper = 0                          */
  double value;        /* of the Gaussian found, without what upper pays for rounding        */
  double seconds;
  int64_t steps; /* of Newton's method                                                 */
  int64_t peak_bytes;
} wg_barycentre_info;

/* The barycentre of `count` Gaussians: N(mean, cov) for which sum_k weights_k W2(N_k, N) is least,
 * with bounds of that least value. means: count x d, covs: count x d x d, as wg_gaussian takes
 * them, singular ones too; weights: count, > 0, of sum one, or NULL: equal. The gauge is convex (p
 * >= 1); d <= 60. settings NULL: tol 1e-6 and defaults; max_calls and seed are not used. Outputs,
 * or NULL: mean (d), cov (d x d); contractions, q, y (count x d x d each): what
 * wg_gaussian_barycentre_verify takes; distances (count x 2): bounds of W2 from each to N(mean,
 * cov). info may be NULL. Returns the outcome (>= 0) or a negative status. Cost: some 60 steps of
 * O(count d^6); memory some 12 (count + 4) d^4 bytes. With three Gaussians that is 0.1 s at d = 10,
 * some seconds at d = 20, half a minute at d = 30. Relative gaps of 1e-8 are usual, of 1e-6 the
 * rule. */
WG_API int wg_gaussian_barycentre(int64_t count, int64_t d, const double *means, const double *covs,
                                  const double *weights, const char *gauge,
                                  const wg_settings *settings, wg_barycentre_info *info,
                                  double *mean, double *cov, double *contractions, double *q,
                                  double *y, double *distances);
/* Judges lower <= least value <= upper from the data and those matrices alone, rounding included.
 * Returns WG_OK even if the claim is refused. */
WG_API int wg_gaussian_barycentre_verify(int64_t count, int64_t d, const double *means,
                                         const double *covs, const double *weights,
                                         const char *gauge, const double *mean, const double *cov,
                                         const double *contractions, const double *q,
                                         const double *y, double lower, double upper,
                                         wg_verdict *verdict);

/* ---- 4b. Finite measures on the sphere (theory 7, docs/theory/sphere.md) --------------------- */

typedef struct wg_sphere_info {
  size_t struct_size;
  int outcome;         /* a wg_outcome                                                           */
  double lower, upper; /* of UW^2, re-derived from the data by certify/                          */
  double gap;          /* (upper - lower) / upper, 0 when upper = 0                              */
  double uw;           /* sqrt(uw2)                                                              */
  double uw2;          /* gamma(A) without what upper pays for rounding                          */
  double mass[2];      /* of the two measures                                                    */
  double carried[2];   /* of which transported; the rest is destroyed, created                   */
  double least_ratio, most_ratio; /* c, C with c WFR^2 <= UW^2 <= C WFR^2 (WFR: gauge trace)     */
  double seconds;
  int64_t calls; /* directions Q that were tried                                                 */
  int64_t steps; /* of the interior point, in all of them                                        */
  int64_t peak_bytes;
} wg_sphere_info;
typedef struct wg_sphere_solution wg_sphere_solution;

/* UW^2 between sum a_i delta(x_i) and sum b_j delta(y_j) on the unit sphere of R^d, d >= 2, for a
 * convex gauge. x: n x d, y: m x d, rows of length one within 1e-6 (normalise != 0: of any length
 * but 0; they are divided by it); a, b: masses > 0, any total; NULL: all equal, of sum one.
 * settings NULL: tol 1e-8 and defaults; max_calls counts the Q that are tried; seed is not used.
 * Certified: upper - lower <= tol upper, or 1e-12 of the masses. info and solution may be NULL; the
 * solution is to be freed. Returns the outcome (>= 0) or a negative status. Cost: n m d for each
 * scan of all pairs, and min(n, m)^3 / 3 a step; memory min(n, m)^2 numbers. */
WG_API int wg_sphere(int64_t n, int64_t m, int64_t d, const double *x, const double *a,
                     const double *y, const double *b, const char *gauge, int normalise,
                     const wg_settings *settings, wg_sphere_info *info,
                     wg_sphere_solution **solution);
/* The semi-coupling and what proves the lower bound; views live until the solution is freed. */
typedef struct wg_semicoupling {
  size_t struct_size;
  int64_t count;
  const int64_t *row, *col; /* count: indices of the atoms                                       */
  const double *g0, *g1;    /* count: mass that leaves row, that arrives at col; what their sums
                               lack of a and b is destroyed and created                          */
  const double *c;          /* count: 0 < c <= sqrt(g0 g1)                                       */
  const double *q;          /* d x d, in K_gamma                                                 */
  const double *u, *v;      /* n, m: u_i v_j >= (x_i' Q y_j)_+^2                                 */
  const double *moment;     /* d x d: A, gamma(A) = uw2                                          */
} wg_semicoupling;
WG_API int wg_sphere_get(const wg_sphere_solution *solution, wg_semicoupling *view);
/* The certificate of the solution, to be freed: points and masses as given, row, col, g0, g1, c, q,
 * u and the claim. */
WG_API int wg_sphere_certificate(const wg_sphere_solution *solution, wg_certificate_file **file);
/* Judges lower <= UW2 <= upper between sum a_i delta(x_i/|x_i|) and the same of y and b (rows of
 * any length but 0; a, b > 0), directions and masses being the exact ones, from count, row, col,
 * g0, g1, c, q and u of the semi-coupling alone, rounding included. Results do not depend on
 * threads, to the bit. Returns WG_OK even if the claim is refused. */
WG_API int wg_sphere_verify(int64_t n, int64_t m, int64_t d, const double *x, const double *a,
                            const double *y, const double *b, const char *gauge,
                            const wg_semicoupling *semicoupling, double lower, double upper,
                            int threads, wg_verdict *verdict);
WG_API void wg_sphere_free(wg_sphere_solution *solution); /* NULL is fine */

/* ---- 4c. Densities on a grid, over time (theory 5, docs/theory/dynamic.md) --------------------
 */

typedef struct wg_dynamic_settings {
  size_t struct_size; /* set by wg_dynamic_settings_init                                         */
  double tol;         /* relative: how near primal and dual come; 1e-3                           */
  double time_limit;  /* seconds; INFINITY                                                       */
  int64_t steps;      /* of time, 2 or more; 32                                                  */
  int64_t max_iterations; /* 2000                                                                */
  int64_t memory_limit;   /* bytes; 0: none                                                      */
  int threads;            /* 0: all cores. Results do not depend on it, to the bit               */
  wg_progress_fn progress;
  void *progress_data;
} wg_dynamic_settings;
WG_API void wg_dynamic_settings_init(wg_dynamic_settings *settings);

typedef struct wg_dynamic_info {
  size_t struct_size;
  int outcome;   /* a wg_outcome; WG_CERTIFIED only if lower and upper are within tol            */
  int converged; /* primal and dual agree within tol                                             */
  double primal, dual;  /* estimates of W^2: of the splitting's path and of its potential         */
  double lower, upper;  /* bounds of the problem on the grid, derived by certify/; not of W^2
                           between densities that the grid only approximates                      */
  double w;             /* sqrt(primal)                                                           */
  double mass_residual; /* largest error of the mass of the path behind primal at any time       */
  double least_density, mass_error, continuity; /* of the path that wg_dynamic_get shows         */
  double seconds;
  int64_t iterations, peak_bytes;
} wg_dynamic_info;
typedef struct wg_dynamic_solution wg_dynamic_solution;

/* W^2 between two densities on a grid by the Benamou-Brenier form, for a convex gauge: shape has d
 * = 1, 2 or 3 sides of 2 cells or more, last axis fastest; mass0 and mass1 hold numbers >= 0, one a
 * cell, that are divided by their sums; spacing: d lengths of a cell's sides, NULL: one. No mass
 * crosses the walls. settings NULL: defaults. info and solution may be NULL; the solution is to be
 * freed. Returns the outcome (>= 0) or a negative status. Cost of an iteration: a small
 * eigenproblem a cell and time step and two cosine transforms; memory some 20 numbers (d = 2) a
 * cell and time step. */
WG_API int wg_dynamic(int64_t d, const int64_t *shape, const double *spacing, const double *mass0,
                      const double *mass1, const char *gauge, const wg_dynamic_settings *settings,
                      wg_dynamic_info *info, wg_dynamic_solution **solution);
/* A path that obeys the continuity equation of the grid and whose action is upper, and what proves
 * lower; views live until the solution is freed. Times are the middles of the steps. */
typedef struct wg_dynamic_path {
  size_t struct_size;
  int64_t steps, cells, corners;
  const double *density;   /* steps x cells: masses of the cells, sum one                        */
  const double *momentum;  /* steps x d x cells: mass times velocity                             */
  const double *potential; /* (steps + 1) x corners, of the (n_1 + 1) x ... corners of the cells */
  const double *q;         /* d x d, in K_gamma                                                  */
  const double *moment;    /* d x d: sum of m m'/rho over cells and time; gamma of it is upper   */
} wg_dynamic_path;
WG_API int wg_dynamic_get(const wg_dynamic_solution *solution, wg_dynamic_path *path);
/* The certificate of the solution, to be freed: shape, spacing, masses as given, density, momentum,
 * potential, q and the claim. */
WG_API int wg_dynamic_certificate(const wg_dynamic_solution *solution, wg_certificate_file **file);
/* Judges lower <= W2 on the grid with `path->steps` steps <= upper from density, momentum,
 * potential and q of the path alone, rounding included (docs/theory/dynamic.md): the path need not
 * obey the continuity equation exactly, nor the potential its inequality. Results do not depend on
 * threads, to the bit. Returns WG_OK even if the claim is refused. */
WG_API int wg_dynamic_verify(int64_t d, const int64_t *shape, const double *spacing,
                             const double *mass0, const double *mass1, const char *gauge,
                             const wg_dynamic_path *path, double lower, double upper, int threads,
                             wg_verdict *verdict);
WG_API void wg_dynamic_free(wg_dynamic_solution *solution); /* NULL is fine */

/* ---- 5. Gauges (theory 1) ------------------------------------------------------------------- */

/* Checks `gauge` for dimension d and writes its canonical spelling (d = 0: any dimension). */
WG_API int wg_gauge_canonical(const char *gauge, int64_t d, char *text, size_t size);
/* At a symmetric PSD matrix s (d x d): gamma(s), a maximiser Q of <Q, s> over K (d x d) and the
 * dual gauge gamma°(s). Any output may be NULL. For p < 1, subgradient is the gradient and dual
 * is NAN (the gauge is not convex). */
WG_API int wg_gauge(const char *gauge, int64_t d, const double *s, double *value,
                    double *subgradient, double *dual);
/* How far value, subgradient and dual, as wg_gauge gives them for s, are from the definitions of
 * theory 1, which are evaluated by other code: the largest of the relative errors of gamma(s), of
 * <Q, s> = gamma(s) and of gamma°(s), and of what gamma°(Q) is above one. subgradient and dual may
 * be NULL. WG_ERR_INTERNAL for a gauge whose definition the check does not have. */
WG_API int wg_gauge_check(const char *gauge, int64_t d, const double *s, double value,
                          const double *subgradient, const double *dual, double *error);
/* Eigenvalues, decreasing, of the symmetric matrix s (d x d). */
WG_API int wg_spectrum(int64_t d, const double *s, double *values);

/* ---- 5. Descent directions: linear minimisation oracle and polar factor (theory 2) ----------- */

typedef struct wg_lmo_settings {
  size_t struct_size; /* set by wg_lmo_settings_init */
  int threads;        /* 0: all cores. Results do not depend on it, to the bit */
  double rank_tol;    /* singular values above rank_tol sigma_1 count; 0: eps max(n, d) for double,
                         2^-23 min(n, d) for float (what storing G in float may move them by) */
  double tie_tol;     /* p = 1/2: values from (1 - tie_tol) sigma_1 up tie; 0: 1e-12, float 1e-6 */
  double accuracy;    /* of V, relative; a further pass is made when the condition number asks for
                         it; 0: 1e-10, float 4e-6 */
  int passes;         /* over G at most to find its factors; 0: as many as are needed */
  int check;          /* non-zero: also measure what was written (some passes more) */
} wg_lmo_settings;
WG_API void wg_lmo_settings_init(wg_lmo_settings *settings);

typedef struct wg_lmo_report {
  size_t struct_size;
  double dual_norm;      /* N*(G): INFINITY, or 0 or denormal, where it is no normal double */
  double identity_error; /* |<G,V> + N*^2| / N*^2; with settings.check of V as it was written,
                            unless V took the place of G */
  double norm_error;     /* |N(V) - N*| / N*; NAN unless settings.check */
  int64_t rank;          /* of G, summed over the blocks of the gauge */
  double condition;      /* largest sigma_1 / sigma_rank of a block */
  int passes;            /* over G to find its factors */
  double estimate;       /* of the relative error of V, before it is stored */
  double seconds;
  int64_t peak_bytes; /* beside g and v */
  double dual_error;  /* |N* - dual_norm| / N*; NAN unless settings.check */
  int passed;         /* 1: V is the direction, to 16 max(accuracy, estimate); 0: it is not; -1: not
                         checked. The check derives N(V) and an upper bound N* of the dual norm from
                         singular values and the definitions of theory 1, by none of the code that
                         finds V; N*, N(V) and <G,V> that agree prove V (docs/theory/lmo.md) */
} wg_lmo_report;

/* V = J(G), the minimiser of <G,V> + N(V)^2 / 2 (theory 2): <G,V> = -N*(G)^2, N(V) = N*(G). g and
 * v: n x d, and v may be g; n and d may be in any order. With weights (n numbers >= 0 with sum
 * one), G is a force field on weighted points and V its velocity: norms and product are weighted.
 * settings and report may be NULL. Right from 1e-300 to 1e300; V(2^k G) = 2^k V(G). On the kernel
 * of G, V is zero; for p = 1/2 tied directions share evenly. g is read in blocks of rows and may be
 * a mapped file; on failure after the first block was written (never for bad input), v is
 * unspecified. Cost of a pass n d^2; memory O(d^2 + d threads) with d the shorter side (the number
 * of columns with weights). WG_ERR_INPUT naming the entry that is not finite, and, with v written,
 * when an entry of V is beyond its type. */
WG_API int wg_lmo(const char *gauge, int64_t n, int64_t d, const double *g, const double *weights,
                  const wg_lmo_settings *settings, double *v, wg_lmo_report *report);
/* The same for float: sums, factors and the report are double. */
WG_API int wg_lmo_f32(const char *gauge, int64_t n, int64_t d, const float *g,
                      const double *weights, const wg_lmo_settings *settings, float *v,
                      wg_lmo_report *report);
/* Whether v is J(g): fills report as settings.check does (dual_norm: the check's own N*; rank: of
 * g; passes, condition and estimate mean nothing). WG_OK whatever the verdict, which is
 * report->passed. Cost some passes over both. */
WG_API int wg_lmo_check(const char *gauge, int64_t n, int64_t d, const double *g, const double *v,
                        const double *weights, const wg_lmo_settings *settings,
                        wg_lmo_report *report);
WG_API int wg_lmo_check_f32(const char *gauge, int64_t n, int64_t d, const float *g, const float *v,
                            const double *weights, const wg_lmo_settings *settings,
                            wg_lmo_report *report);

typedef enum wg_polar_method {
  WG_POLAR_AUTO = 0,   /* exact; with a tol: Polar Express if min(n, d) <= 256 and nearly square */
  WG_POLAR_EXACT = 1,  /* Gram matrix and eigendecomposition */
  WG_POLAR_MUON = 2,   /* Muon's quintic: singular values in about 0.7 .. 1.2 after 5 steps */
  WG_POLAR_NEWTON = 3, /* Newton-Schulz: 3/2 x - 1/2 x^3 */
  WG_POLAR_EXPRESS = 4 /* the best odd polynomial at each step */
} wg_polar_method;

typedef struct wg_polar_settings {
  size_t struct_size; /* set by wg_polar_settings_init */
  int threads;        /* of the exact method; products of the others are BLAS's */
  int method;         /* a wg_polar_method */
  int steps;          /* polynomial methods: at most; 0: 5, 20, 8, or 60 with a tol */
  double tol;         /* polynomial methods: stop when the estimate is below; 0: all steps */
  int degree;         /* of Polar Express, odd, 3 .. 15; 5 */
  double lower;       /* least singular value of interest over sigma_1, for Polar Express; 0: 1e-3
                         or, if that is more, 10 max(n, d) units of rounding */
  int gram;           /* multiply Gram matrices instead of G: 1 yes, 0 no, -1: if one side is 1.5
                         times the other */
  double rank_tol;    /* as in wg_lmo_settings */
  int check;          /* non-zero: measure what was written */
} wg_polar_settings;
WG_API void wg_polar_settings_init(wg_polar_settings *settings);

typedef struct wg_polar_report {
  size_t struct_size;
  int method, steps, gram, passes; /* what was done */
  int64_t rank;                    /* exact: of G; else min(n, d) */
  double condition;                /* exact: sigma_1 / sigma_rank; else NAN */
  double estimate; /* exact: of the relative error of U; else |A^2 - A|_F / sqrt(min(n, d)) with
                      A = U'U, NAN without a tol */
  double sigma_min, sigma_max; /* of U, among the rank largest; NAN unless settings.check */
  double orthogonality;        /* largest entry of A^2 - A; NAN unless settings.check */
  double seconds;
  int64_t peak_bytes; /* beside g and u */
} wg_polar_report;

/* U W' for G = U diag(sigma) W' (n x d), over the singular values that count; polynomial methods
 * take the others up to about their lower. u may be g. Returns WG_OK whether or not tol is reached:
 * see the estimate. */
WG_API int wg_polar(int64_t n, int64_t d, const double *g, const wg_polar_settings *settings,
                    double *u, wg_polar_report *report);
WG_API int wg_polar_f32(int64_t n, int64_t d, const float *g, const wg_polar_settings *settings,
                        float *u, wg_polar_report *report);
/* wg_polar of `count` matrices n x d, one behind the other at g and u. Polynomial methods work on
 * many small ones (n d <= 4096) at once, one in each lane of the processor's vectors; WG_POLAR_AUTO
 * is then Polar Express if there is a tol. threads: 0, all cores; results do not depend on it, nor
 * on a matrix's neighbours. The report has the worst of all matrices: the least rank and sigma_min,
 * the largest of the others. WG_ERR_INPUT naming the first entry that is not finite; u is then
 * unspecified. */
WG_API int wg_polar_batch(int64_t count, int64_t n, int64_t d, const double *g,
                          const wg_polar_settings *settings, double *u, wg_polar_report *report);
WG_API int wg_polar_batch_f32(int64_t count, int64_t n, int64_t d, const float *g,
                              const wg_polar_settings *settings, float *u, wg_polar_report *report);
/* c_0 x + c_1 x^3 + ... of odd degree 1 .. 15 nearest to 1 on [lower, upper], 0 < lower <= upper,
 * by Remez; coefficients: (degree + 1) / 2; *error its distance from 1 there. */
WG_API int wg_polar_polynomial(int degree, double lower, double upper, double *coefficients,
                               double *error);

/* ---- The step of Muon (theory 2, docs/user/muon.md) ---- */

/* What moves a parameter. Values are pinned: state files hold them. */
typedef enum wg_muon_rule {
  WG_MUON_AUTO = 0,   /* by name and shape: see wg_muon_parameter */
  WG_MUON_MATRIX = 1, /* the descent direction of its matrices */
  WG_MUON_ADAMW = 2,
  WG_MUON_SGD = 3
} wg_muon_rule;

/* What the direction of an n x d matrix is multiplied with, beside the rate. */
typedef enum wg_muon_scale {
  WG_MUON_SCALE_NONE = 0,
  WG_MUON_SCALE_RMS = 1,   /* 0.2 sqrt(max(n, d)) */
  WG_MUON_SCALE_ASPECT = 2 /* sqrt(max(1, n / d)) */
} wg_muon_scale;

/* A parameter: a tensor in C order. Call wg_muon_parameter_init first, which zeroes the rest.
 * axes: a letter an axis. The axes b count matrices of their own, r make up rows and c columns, in
 * the order they stand in; NULL is "rc", "rcc", ...: rows are the first axis. Each matrix is cut
 * into row_blocks x column_blocks blocks with directions and scales of their own (fused query, key
 * and value: three row blocks; heads: one block each), of equal sizes unless sizes are given.
 * WG_MUON_AUTO: WG_MUON_MATRIX where axes or blocks are given; else settings.fallback where the
 * name matches settings.excluded, or there are less than two axes, or one side of the matrix is 1;
 * else WG_MUON_MATRIX. */
typedef struct wg_muon_parameter {
  size_t struct_size;
  const char *name; /* not empty, no other parameter's */
  int single;       /* float; else double */
  int ndim;         /* 0 .. 8 */
  int64_t shape[8];
  int rule; /* a wg_muon_rule */
  const char *axes;
  int64_t row_blocks, column_blocks;       /* 0: one */
  const int64_t *row_sizes, *column_sizes; /* row_blocks, column_blocks; NULL: equal */
} wg_muon_parameter;
WG_API void wg_muon_parameter_init(wg_muon_parameter *parameter);

typedef struct wg_muon_settings {
  size_t struct_size;      /* set by wg_muon_settings_init */
  double rate;             /* of matrices; 0.02 */
  double momentum;         /* beta in [0, 1): m = beta m + (1 - beta) g, matrices and SGD; 0.95 */
  int nesterov;            /* the direction is that of beta m + (1 - beta) g, not of m; 1 */
  double weight_decay;     /* of matrices, decoupled: w is first multiplied by 1 - rate decay; 0 */
  int scale;               /* a wg_muon_scale; aspect */
  const char *gauge;       /* NULL: operator. Directions have N(D) = 1 */
  int dual_norm;           /* non-zero: -J(G), with N(D) = N*(G), in the place of -J(G) / N*(G) */
  wg_polar_settings polar; /* how polar factors are made; other gauges take the exact method, and
                              threads and rank_tol from here */
  int fallback;            /* WG_MUON_ADAMW or WG_MUON_SGD; AdamW */
  const char *excluded;    /* patterns with * and ? and commas between, letters of any case; NULL:
                              "*embed*,*wte*,*wpe*,*lm_head*,head,head.*,*.head,*.head.*" */
  double fallback_rate;    /* of AdamW and SGD; 3e-4 */
  double fallback_decay;   /* 0 */
  double beta1, beta2, epsilon; /* of AdamW; 0.9, 0.95, 1e-8 */
} wg_muon_settings;
WG_API void wg_muon_settings_init(wg_muon_settings *settings);

typedef enum wg_muon_reason {
  WG_MUON_ASKED = 0,     /* rule, axes or blocks were given */
  WG_MUON_IS_MATRIX = 1, /* two axes or more */
  WG_MUON_BY_NAME = 2,   /* pattern says by which */
  WG_MUON_BY_SHAPE = 3   /* a scalar or a vector */
} wg_muon_reason;

/* A line of the table of who gets what; texts live as long as the optimiser. */
typedef struct wg_muon_route {
  size_t struct_size;
  const char *name;
  int single, ndim;
  int64_t shape[8], entries;
  int rule, reason;                /* a wg_muon_rule, never automatic; a wg_muon_reason */
  const char *pattern;             /* "" unless reason is WG_MUON_BY_NAME */
  int64_t matrices, rows, columns; /* before they are cut; 0 unless rule is WG_MUON_MATRIX */
  int64_t row_blocks, column_blocks;
} wg_muon_route;

typedef struct wg_muon_report {
  size_t struct_size;
  int64_t step;       /* steps made, with this one */
  int64_t directions; /* found in it: blocks of matrices */
  double estimate;    /* the largest of wg_polar_report or wg_lmo_report; NAN if none has one */
  double sigma_min, sigma_max, orthogonality; /* of polar factors, as in wg_polar_report */
  double seconds;
  int64_t peak_bytes; /* beside parameters and gradients, momenta included */
} wg_muon_report;

typedef struct wg_muon wg_muon;

/* An optimiser for `count` parameters, with zero momenta. settings may be NULL. Memory: momenta in
 * the type of the parameter, for AdamW second moments in double as well. */
WG_API int wg_muon_setup(wg_muon **muon, int64_t count, const wg_muon_parameter *parameters,
                         const wg_muon_settings *settings);
/* One step: values[k] (changed) and gradients[k] are parameter k. WG_ERR_INPUT naming the entry
 * that is not finite. A call that fails has changed nothing. report may be NULL. Cost: that of the
 * directions and one pass; memory for the directions of all matrices. Zero gradients have zero
 * directions; scaling all gradients by a power of two leaves the steps of matrices as they are. */
WG_API int wg_muon_step(wg_muon *muon, void *const *values, const void *const *gradients,
                        wg_muon_report *report);
/* For schedules: both rates, positive. */
WG_API int wg_muon_set_rates(wg_muon *muon, double rate, double fallback_rate);
/* The line of parameter `index`. */
WG_API int wg_muon_get_route(const wg_muon *muon, int64_t index, wg_muon_route *route);
/* The state as bytes, the same on every machine, with a checksum: after loading, steps go on to the
 * bit. size is at least wg_muon_state_bytes. */
WG_API int64_t wg_muon_state_bytes(const wg_muon *muon);
WG_API int wg_muon_save(const wg_muon *muon, void *bytes, int64_t size);
/* WG_ERR_INPUT, nothing changed, when the bytes are damaged or not of these parameters: their
 * names, order, shapes, types and rules. Settings may be others. */
WG_API int wg_muon_load(wg_muon *muon, const void *bytes, int64_t size);
WG_API void wg_muon_free(wg_muon *muon); /* NULL is fine */
/* ---- 6. Flows of moments (theory 6.1) -------------------------------------------------------- */

/* The W_gamma gradient flow of an energy on Gaussians, and of a linear two-layer network. Gauges:
 * schatten:p with p > 1/2 (trace, frobenius, operator included); modes: p >= 1. The state is given
 * at `count` increasing times >= 0. settings NULL: defaults with tol 1e-9; of the settings tol,
 * time_limit, memory_limit and progress count. tol is what the energy identity is held to,
 *   |F(0) - F(t) - int N*^2| <= tol max(|F(0)|, |F(0) - F(t)|) + the rounding of F,
 * steps are 10 000 times as accurate. Each returns the outcome (>= 0), or a negative status and
 * no object: WG_CERTIFIED when the last time was reached and the identity holds; WG_GAP_OPEN when
 * it does not hold, or when the flow ended before: at p = infinity with the extinction of an
 * eigenvalue of the force's covariance, where the velocity jumps (for finite p > 1 the flow goes on
 * without it), or where steps became too short. Free with wg_moments_free. Cost of a step: 65
 * rates, each O(d^3) or O(modes). */
typedef struct wg_moments wg_moments;

/* KL(. | N(mean1, cov1)) from N(mean0, cov0); covariances positive definite. */
WG_API int wg_moments_kl(int64_t d, const double *mean0, const double *cov0, const double *mean1,
                         const double *cov1, const char *gauge, int64_t count, const double *times,
                         const wg_settings *settings, wg_moments **moments);
/* |H - target|^2 / 2 for the predictor H = int u v' (rows x columns) of the linear two-layer
 * network with neurons (u, v) ~ N(mean0, cov0), rows + columns coordinates. mean0 NULL: zero. */
WG_API int wg_moments_linear(int64_t rows, int64_t columns, const double *mean0, const double *cov0,
                             const double *target, const char *gauge, int64_t count,
                             const double *times, const wg_settings *settings,
                             wg_moments **moments);
/* int x'Lx/2 + c'x for the symmetric L = matrix (d x d) and c = offset (NULL: zero). */
WG_API int wg_moments_affine(int64_t d, const double *mean0, const double *cov0,
                             const double *matrix, const double *offset, const char *gauge,
                             int64_t count, const double *times, const wg_settings *settings,
                             wg_moments **moments);
/* The linear network with diagonal target beta, started at a = s + r, b = s - r a mode (|r0| < s0),
 * a and b the variances along u + v and u - v: exact through loss of rank and arrival. */
WG_API int wg_moments_modal(int64_t modes, const double *s0, const double *r0, const double *beta,
                            const char *gauge, int64_t count, const double *times,
                            const wg_settings *settings, wg_moments **moments);
WG_API void wg_moments_free(wg_moments *moments); /* NULL is fine */

typedef struct wg_moments_info {
  size_t struct_size;
  int outcome;
  int64_t samples, events; /* that there are: fewer than asked when the flow ended before */
  double time;             /* of the last sample */
  double energy0, energy;  /* F at 0 and at the last sample */
  double spent;            /* the integral of N*^2 */
  double defect;           /* |F(0) - F - spent| over what tol is relative to */
  double seconds;
  int64_t steps, rejected, evaluations;
  int64_t peak_bytes;
} wg_moments_info;
WG_API int wg_moments_get_info(const wg_moments *moments, wg_moments_info *info);
/* One number a sample each; NULL is fine. slope2 is N*^2; smallest the least over the largest
 * eigenvalue of the force's covariance among those not zero at the start (modes: NAN). */
WG_API int wg_moments_get_curves(const wg_moments *moments, double *times, double *energy,
                                 double *slope2, double *spent, double *smallest);
/* Sample k: mean (d) and covariance (d x d). */
WG_API int wg_moments_get_gaussian(const wg_moments *moments, int64_t k, double *mean, double *cov);
/* Sample k of modes: r = (a - b)/2, a and b, one number a mode each. */
WG_API int wg_moments_get_modes(const wg_moments *moments, int64_t k, double *r, double *a,
                                double *b);
typedef enum wg_moments_event_kind {
  WG_MOMENTS_EXTINCTION =
      0,                  /* an eigenvalue of the force's covariance reached zero: the flow ends */
  WG_MOMENTS_LOSES_A = 1, /* rank loss: a = 0 for good, b goes on alone                          */
  WG_MOMENTS_LOSES_B = 2, /* the same with a and b exchanged                                     */
  WG_MOMENTS_ARRIVAL = 3  /* r = beta, where the mode stays                                      */
} wg_moments_event_kind;
typedef struct wg_moments_event {
  size_t struct_size;
  int kind;     /* a wg_moments_event_kind */
  int64_t mode; /* of modes; of an extinction, the rank before */
  double time;
} wg_moments_event;
WG_API int wg_moments_get_event(const wg_moments *moments, int64_t k, wg_moments_event *event);

/* ---- 7. Energies of particles (theory 6, docs/theory/energies.md) ---------------------------- */

/* An energy F of a measure mu = sum_i a_i delta_{x_i}. Its force at a particle is
 * g_i = grad dF/dmu (x_i), per unit mass: the gradient of x -> F is a_i g_i, and wg_lmo(gauge, n,
 * d, g, a, ...) gives the velocity of the flow. Constructors copy what they are given; on failure
 * they set *energy to NULL. One thread at a time may evaluate an energy. */
typedef struct wg_energy wg_energy;

typedef enum wg_energy_method {
  WG_ENERGY_AUTO = 0,
  WG_ENERGY_DIRECT = 1, /* all pairs                                                          */
  WG_ENERGY_TREE = 2    /* tree code: d <= 3 and a kernel, n log n                            */
} wg_energy_method;

typedef struct wg_energy_settings {
  size_t struct_size; /* set by wg_energy_settings_init                                       */
  int threads;        /* 0: all cores. Results do not depend on it, to the bit                */
  int method;         /* a wg_energy_method, for kernels; AUTO: TREE from 1e4 points on where
                         d <= 3 and it reaches the accuracy                                   */
  double accuracy;    /* permissible error of sums over pairs, relative to the largest field
                         that either cloud exerts alone (of value: to its largest term); 0:
                         1e-14 up to 2e4 points, 1e-5 beyond. From 1e-5 up pairs may be
                         computed in float and summed in double. TREE reaches 1e-9, imq 1e-7.
                         Of attention: from 1e-5 up in float, summed in double by blocks    */
} wg_energy_settings;
WG_API void wg_energy_settings_init(wg_energy_settings *settings);

/* F = int h dmu with h of x - c; centre c: d numbers or NULL (0). `potential` is
 *   "quadratic"  h = 1/2 z'Mz, form M: symmetric d x d, or NULL (identity);
 *   "well:R"     h = (|z|^2 - R^2)^2 / 4, R > 0 (double well in each direction);
 *   "power:r"    h = |z|^r / r, r > 0 (at 0 the force is 0).
 * form must be NULL but for "quadratic". d may be 0, any, where centre and form are NULL. */
WG_API int wg_energy_potential(wg_energy **energy, const char *potential, int64_t d,
                               const double *centre, const double *form);

/* A radial kernel k(x, y) of s = |x - y|, as text:
 *   "energy:e"   -sqrt(s^2 + e^2), e >= 0      "gaussian:l"  exp(-s^2 / (2 l^2))
 *   "laplace:l"  exp(-s / l)                   "imq:c"       1 / sqrt(s^2 + c^2)
 *   "power:r"    s^r / r, r > 0
 *   "morse:C:l"  C exp(-s / l) - exp(-s): repulsion C of range l against attraction of range 1.
 * Where the kernel has a kink, the force of a pair at s = 0 is 0. */

/* F = double integral of k dmu dmu (no 1/2). settings may be NULL. */
WG_API int wg_energy_interaction(wg_energy **energy, const char *kernel,
                                 const wg_energy_settings *settings);
/* F = MMD^2 = kk(mu, mu) - 2 kk(mu, nu) + kk(nu, nu), nu the target y (m x d) with weights b (m, or
 * NULL for uniform). kernel: "energy", "gaussian", "laplace" or "imq". */
WG_API int wg_energy_mmd(wg_energy **energy, const char *kernel, int64_t m, int64_t d,
                         const double *y, const double *b, const wg_energy_settings *settings);

/* A particle is x = (u, v): H(z) = int u s(v.z) dmu, F = 1/2 mean over data of |H(z) - y|^2.
 * activation s: "relu", "tanh", "softplus", "square". z: count x inputs, y: count x outputs;
 * d = outputs + inputs. */
WG_API int wg_energy_network(wg_energy **energy, const char *activation, int64_t count,
                             int64_t inputs, int64_t outputs, const double *z, const double *y,
                             const wg_energy_settings *settings);
/* A particle is x = (Q, K, V, O), each head x token: H(z)_j = int O' sum_i softmax_i(<Q z_j, K z_i>
 * / sqrt(head)) V z_i dmu, F = 1/2 mean over sequences and places of |H(z)_j - y_j|^2. z and y:
 * count x length x token; d = 4 head token. */
WG_API int wg_energy_attention(wg_energy **energy, int64_t count, int64_t length, int64_t token,
                               int64_t head, const double *z, const double *y,
                               const wg_energy_settings *settings);
/* A particle is x = (u, v): H = int u v' dmu, F = 1/2 tr (H - T) C (H - T)'. target T: outputs x
 * inputs; covariance C: symmetric PSD, inputs x inputs, or NULL (identity). */
WG_API int wg_energy_linear(wg_energy **energy, int64_t outputs, int64_t inputs,
                            const double *target, const double *covariance);
/* F = W2 to the target y (m x d, weights b or NULL) under `gauge` (p >= 1) by the certified solver,
 * begun from the last solution when only the points moved. value: the upper bound of W2; force: the
 * gradient at the coupling and Q found. A solve that is stopped or open is not an error; memory and
 * time limits of settings (or NULL) are those of each solve. */
WG_API int wg_energy_w2(wg_energy **energy, const char *gauge, int64_t m, int64_t d,
                        const double *y, const double *b, const wg_settings *settings);

/* An energy of the caller's. x: n x d, a: n weights > 0 with sum one; write *value and force (n x
 * d), either of which may be NULL. Non-zero fails the evaluation. d: columns of a particle, or 0
 * for any. infimum: a lower bound of F, or NAN. */
typedef int (*wg_energy_fn)(void *data, int64_t n, int64_t d, const double *x, const double *a,
                            double *value, double *force);
WG_API int wg_energy_callback(wg_energy **energy, int64_t d, double infimum, wg_energy_fn evaluate,
                              void *data);
/* sum_k weights[k] parts[k], weights finite. The sum owns its parts from then on (they are freed
 * with it); after a failure they are still the caller's. */
WG_API int wg_energy_sum(wg_energy **energy, int64_t count, wg_energy *const *parts,
                         const double *weights);

/* x: n x d; a: n weights > 0 with sum one (within 1e-6; divided by it), or NULL for uniform. value
 * and force (n x d) may each be NULL: what is not asked for is not computed. */
WG_API int wg_energy_evaluate(wg_energy *energy, int64_t n, int64_t d, const double *x,
                              const double *a, double *value, double *force);
/* Minibatches of a network or of attention: until the next call, value and force are those of
 * `size` data (sequences) drawn by the seed, each at most once; size 0 or as many as there are:
 * all. In a sum each such part draws its own. WG_ERR_ARGUMENT for energies without data. */
WG_API int wg_energy_draw(wg_energy *energy, int64_t size, uint64_t seed);
/* Columns of a particle, 0: any. */
WG_API int64_t wg_energy_dimension(const wg_energy *energy);
/* Of a two-layer network, the columns of a particle that are outputs (the first ones); else 0. */
WG_API int64_t wg_energy_outputs(const wg_energy *energy);
/* "mmd", "network", ...; static. */
WG_API const char *wg_energy_name(const wg_energy *energy);
WG_API void wg_energy_free(wg_energy *energy); /* NULL is fine */

/* ---- 8. Flows of particles (theory 6, docs/theory/flows.md) ---------------------------------- */

/* dx_i/dt = v_i, v = J(g) the velocity of least cost for the force g of an energy F (wg_lmo with
 * weights): the gradient flow of F in the distance W of a gauge. Then dF/dt = -N*(g)^2, the
 * energy-dissipation identity, which every run measures. */
typedef struct wg_flow wg_flow;

typedef enum wg_flow_method {
  WG_FLOW_AUTO = 0,    /* DOPRI; where it stalls the clip step stands in, which the log says     */
  WG_FLOW_EULER = 1,   /* explicit, of fixed step; with a cap                                    */
  WG_FLOW_RK4 = 2,     /* classical, of fixed step                                               */
  WG_FLOW_DOPRI = 3,   /* Dormand-Prince 5(4): error of the points and defect of the energy      */
  WG_FLOW_CLIP = 4,    /* minimises <g,V> + N(V)^2/(2 step) + L |V|^2/2, L by backtracking: F
                          never grows; first order. Not for max of gauges but trace, operator    */
  WG_FLOW_EVENTS = 5,  /* DOPRI that ends a step where a mode is lost (operator, kyfan)          */
  WG_FLOW_JKO = 6,     /* minimises F(X + V) + N(V)^2/(2 step): V moves each particle itself, and
                          N(V) >= W; gauges as CLIP                                              */
  WG_FLOW_MOMENTUM = 7 /* inertia dA/dt + A = g, dX/dt = J(A), A = 0 at first, by DOPRI          */
} wg_flow_method;

/* One accepted step, or the start. */
typedef struct wg_flow_record {
  double time, step;
  double energy;
  double lyapunov;    /* energy; with momentum F + inertia/2 N*(A)^2, which falls at N*(A)^2 */
  double slope2;      /* N*(g)^2 (momentum: of A)                                       */
  double rate;        /* -<g, v>                                                        */
  double speed;       /* N(v)                                                           */
  double fenchel_gap; /* <g,v> + N(v)^2/2 + N*(g)^2/2: 0 for the exact oracle           */
  double identity;    /* F(0) - F(t) - integral of the rate, by the method's own weights  */
  double identity_trapezoid; /* F(0) - F(t) - integral of speed^2/2 + slope^2/2, by trapezoids  */
  double defect;             /* what this step added to identity                               */
  double pl_ratio;           /* N*^2 / (2 (F - infimum)), NAN where no infimum is known        */
  double effective_time;     /* less than time by what caps and clips took                     */
  int64_t rank, evaluations; /* modes that move; forces so far                                 */
  int64_t method, clipped;   /* a wg_flow_method; 1: capped or clipped                         */
} wg_flow_record;

typedef enum wg_flow_event_kind {
  WG_FLOW_MODE_LOST = 1,     /* value: its singular value                                      */
  WG_FLOW_MODE_GAINED = 2,   /* value: its singular value                                      */
  WG_FLOW_MODE_REVERSED = 3, /* passed zero within one step                                    */
  WG_FLOW_SWITCHED = 4,      /* to the clip step (value: its length), AUTO                     */
  WG_FLOW_RETURNED = 5       /* to DOPRI                                                       */
} wg_flow_event_kind;
typedef struct wg_flow_event {
  double time, value;
  int64_t kind, mode; /* mode: how many larger singular values there are in all blocks         */
} wg_flow_event;

/* Called before each step with a seed that depends on settings.seed and the step only: draw a
 * minibatch by it (wg_energy_draw). Such a run is outside the theory: forces are not gradients of
 * F. */
typedef int (*wg_flow_seed_fn)(uint64_t seed, void *data);
/* Called after each accepted step; x: n x d. The flow may be looked at and saved. Non-zero stops.
 */
typedef int (*wg_flow_step_fn)(wg_flow *flow, const wg_flow_record *record, const double *x,
                               void *data);

typedef struct wg_flow_settings {
  size_t struct_size; /* set by wg_flow_settings_init                                         */
  int method;         /* a wg_flow_method                                                     */
  double step;        /* length: EULER, RK4, CLIP, JKO; the others begin with it; 0: chosen     */
  double tol;         /* adaptive methods: error of a step relative to the spread of the points,
                         and a tenth of it: defect relative to the energy lost so far; 1e-5   */
  double cutoff;      /* singular values up to cutoff sigma_1 do not move; 0: 5 tol where the
                         method is adaptive (EVENTS: 1e-3, and only modes that were lost), 1e-12
                         elsewhere                                                            */
  double inertia;     /* MOMENTUM; 1                                                          */
  double cap;         /* EULER: most N(displacement) of a step; 0: none                       */
  int newton_steps;   /* > 0: Newton-Schulz steps in the place of the exact polar factor;
                         operator without blocks                                              */
  int64_t max_steps;  /* of one call of wg_flow_run, rejected ones included; 0: no limit      */
  double time_limit;  /* seconds of one call; INFINITY                                        */
  int64_t memory_limit;
  int threads; /* 0: all cores                                                                 */
  uint64_t seed;
  wg_flow_seed_fn reseed; /* fixed-step methods only                                           */
  void *reseed_data;
  wg_progress_fn progress; /* its phase says how far the flow is                               */
  void *progress_data;
  wg_flow_step_fn accepted;
  void *accepted_data;
} wg_flow_settings;
WG_API void wg_flow_settings_init(wg_flow_settings *settings);

typedef struct wg_flow_info {
  size_t struct_size;
  int outcome;  /* WG_CERTIFIED: resolved; WG_GAP_OPEN: at its time, but not resolved;
                   WG_CALL_LIMIT (max_steps), WG_TIME_LIMIT, WG_STOPPED                         */
  int resolved; /* 1: identities within 1e-3 of the energy lost, no caps, clips or minibatches,
                   Fenchel gap below 1e-3 N*^2                                                 */
  double time, energy, lyapunov, slope2;
  double start_energy;
  double residual;  /* the larger identity error that counts, over the energy lost              */
  double most_cut;  /* largest share of N* left out by the cut-off                              */
  double worst_gap; /* largest Fenchel gap over N*^2                                           */
  double effective_time;
  int64_t steps, evaluations, rejected, clipped, switches, rank_changes, reversals;
  int64_t uphill; /* steps at whose end the energy (momentum: lyapunov) was larger             */
  double seconds; /* of the last call                                                          */
  int64_t peak_bytes;
} wg_flow_info;

/* Copies x (n x d) and a (n positive weights, sum one within 1e-6, or NULL: uniform); keeps
 * energy, which must outlive the flow. Evaluates once. settings may be NULL. */
WG_API int wg_flow_setup(wg_flow **flow, wg_energy *energy, int64_t n, int64_t d, const double *x,
                         const double *a, const char *gauge, const wg_flow_settings *settings);
/* Follows the flow to `time` (nothing is done for one that has passed) or to a limit; may be called
 * again. info may be NULL. Returns the outcome (>= 0) or a negative status, with the flow where its
 * last accepted step ended. A run in several calls of given times takes a step to end at each. */
WG_API int wg_flow_run(wg_flow *flow, double time, wg_flow_info *info);
/* x, force, velocity: n x d each or NULL. */
WG_API int wg_flow_get(const wg_flow *flow, double *time, double *x, double *force,
                       double *velocity);
/* Views until the next run, load or free. spectra: count x kept, the largest eigenvalues of S_g
 * (momentum: S_A), decreasing. */
typedef struct wg_flow_log {
  int64_t count, kept, event_count;
  const wg_flow_record *records;
  const double *spectra;
  const wg_flow_event *events;
} wg_flow_log;
WG_API int wg_flow_get_log(const wg_flow *flow, wg_flow_log *log);
/* What kind of run this was, in a few sentences; cut at size bytes. */
WG_API int wg_flow_summary(const wg_flow *flow, char *text, size_t size);
/* The whole flow but its energy and settings, as bytes of this machine's kind. *needed: how many;
 * buffer NULL: asks that only. */
WG_API int wg_flow_save(const wg_flow *flow, void *buffer, size_t size, size_t *needed);
/* Into a flow set up with the same energy, weights, gauge and settings (WG_ERR_INPUT naming what
 * differs): what follows is, to the bit, what would have followed. */
WG_API int wg_flow_load(wg_flow *flow, const void *buffer, size_t size);
WG_API void wg_flow_free(wg_flow *flow); /* NULL is fine */

/* The same flow on the sphere, for an energy of degree two: one that depends on particles only
 * through the measure of their directions x/|x| with masses a |x|^2 (theory 7,
 * docs/theory/sphere.md), as relu networks do. */
typedef struct wg_sphere_flow_info {
  size_t struct_size;
  int outcome; /* WG_CERTIFIED: at its time; WG_TIME_LIMIT, WG_STOPPED */
  double time, energy;
  int64_t steps;
  double seconds;
  int64_t peak_bytes;
} wg_sphere_flow_info;
/* Follows w (n x d, divided by their lengths) and mass (n, positive, of any total) for `time`, by
 * Runge-Kutta steps of order four and length `step` at most; both are overwritten. gauge, settings
 * (threads, time_limit, memory_limit, progress; or NULL) and info (or NULL) as elsewhere. Returns
 * the outcome, or a negative status with nothing changed: WG_ERR_INPUT for an energy that is not of
 * degree two (seen by two evaluations; a single particle shows nothing). */
WG_API int wg_sphere_flow(wg_energy *energy, int64_t n, int64_t d, double *w, double *mass,
                          const char *gauge, double time, double step, const wg_settings *settings,
                          wg_sphere_flow_info *info);

/* ---- 9. Convexity and rates (theory 6.2, docs/theory/convexity.md) --------------------------- */

/* F at `count` >= 2 evenly spaced times 0, ..., 1 of the displacement geodesic of the last solve
 * (wg_geodesic); energies: count. */
WG_API int wg_energy_along(wg_energy *energy, const wg_solver *solver, int64_t count,
                           double *energies);
/* What rounding of coordinates and sums does to F along that geodesic, estimated: eight times the
 * largest change of F when the points move by a unit in their last places, at three times. More
 * than some units of F where its terms cancel. Nine evaluations and three more. */
WG_API int wg_energy_rounding(wg_energy *energy, const wg_solver *solver, double *rounding);

typedef struct wg_convexity_info {
  size_t struct_size;
  double least; /* of the second differences (F(t-h) - 2 F(t) + F(t+h)) / h^2                  */
  double time;  /* where it is taken, in (0, 1)                                                */
  double noise; /* what rounding of the energies can make of a second difference that is zero  */
  int convex;   /* 1: least >= -noise: nothing speaks against convexity at these times         */
} wg_convexity_info;
/* Judges count >= 3 values of a function at evenly spaced times 0, ..., 1; +INFINITY is a value.
 * second: count - 2 second differences, or NULL. */
WG_API int wg_convexity(int64_t count, const double *energies, double *second,
                        wg_convexity_info *info);
/* The same for energies that are known within `rounding` >= 0, where that is more than their last
 * places. */
WG_API int wg_convexity_within(int64_t count, const double *energies, double rounding,
                               double *second, wg_convexity_info *info);

typedef struct wg_poincare_info {
  size_t struct_size;
  double lower, upper; /* of the constant: above, a Ritz value; below, a bound from its residual
                          that takes the order of the eigenvalues for granted                     */
  double q[2];         /* eigenvalues of the Q in K_gamma that attains upper, decreasing          */
  int64_t evaluations; /* eigenvalue problems                                                     */
} wg_poincare_info;
/* The Poincare constant of exp(-|x|^exponent) on the plane, the least N*(grad u)^2 / Var(u), for a
 * gauge without blocks with p >= 1; 1 < exponent <= 16. Ends when the bounds are within tol of
 * upper, or as close as the basis allows. Some ten milliseconds for tol = 1e-3. */
WG_API int wg_poincare(double exponent, const char *gauge, double tol, wg_poincare_info *info);

#ifdef __cplusplus
}
#endif
#endif
