/* A lower bound of W2 from a matrix Q and potentials f, g (theory 3.2), rounding included.
 *
 * The theorem. Let M be any symmetric d x d matrix that is zero outside the blocks of the gauge, M+
 * its PSD part and G >= gamma°(M+). For every coupling P of a/A and b/B, gamma(Sigma_P) G >= <M+,
 * Sigma_P> >= <M, Sigma_P> = sum P_ij c_ij, c_ij = (y_j - x_i)' M (y_j - x_i). If f_i - v_i + g_j
 * <= c_ij wherever a_i b_j > 0, then W2 >= L / G with L = sum a_i (f_i - v_i) / A + sum b_j g_j /
 * B, and W2 >= 0. As L >= 0 only makes sense, dividing by max(1, G) is safe. M is the stored Q, to
 * the bit, where its blocks are symmetric and PSD up to 2^-26 of its norm (those of a solver are,
 * up to rounding): no eigensolver has a part in the costs, which are the same on every machine. Any
 * other Q is replaced by the rounded R'R, R the root of its PSD part: rows sqrt(lambda) v' of each
 * block's eigenpairs, eigenvalues <= 4 d u lambda_1 of their block dropped.
 *
 * The dual gauge. C = fl(R'R) is off by at most (r + 2) u |R|'|R| entrywise, so by (r + 2) u
 * |R|_F^2 in operator norm, and |M+ - R'R|_F <= |M - R'R|_F (a projection): the slack given to
 * wg_gauge_dual_upper.
 *
 * v_i = max(0, max_j (f_i + g_j - c_ij + err_ij)) is found in two passes.
 *
 * 1. Screening of all n m pairs, in tiles, without an n x m matrix. Both clouds are centred at one
 *    point c (any double vector; x' = fl(x - c) is off by u |x'|) and mapped once: z = R x', w = R
 * y'. With H_k >= |x'_k|, |y'_k| and h = |R| H, every entry of z and w is off by at most (d + 2) u
 * h_r. By differences, s^2 = sum_r (z_r - w_r)^2, the distance is off by delta = 2 (d + 3) u |h|
 * plus a relative u: |R (y - x)| >= s (1 - u) - delta. From 2 s delta <= theta s^2 + delta^2 /
 * theta, c_ij >= (1 - theta - (r + 6) u) acc - delta^2 / theta - |M - R'R| D^2, acc = fl(s^2), with
 * theta = 2^-20. Unless f_i + g_j - keep acc + lift > v_i (keep and lift being those two constants
 * with the rounding of this line added, 8 u (|f| + |g| + v + lift)), the pair cannot raise v_i.
 * Close pairs keep relative accuracy; |z|^2 + |w|^2 - 2 zw would lose it.
 * 2. A pair that passes is computed again in plain doubles, with R and the error of each operation,
 * and if that does not settle it from the original doubles to twice their precision: y - x is a
 * double and an error, exactly; w_k = M_kk step_k + 2 sum_(l < k) M_kl step_l as a pair, its
 * products and sums split without error. What is left out is (k + 4)^2 u^2 sum |M_kl step_l| for
 * the sum (second-order terms of at most u (k + 2) sum |..| each, added k times) and 64 u^2 of the
 * same for the rest. Potentials are pairs too, and f + f_low + g + g_low - sum_k step_k w_k is a
 * sum that knows its error: u of its result and some u^2 of its terms. So a pair that is tight
 * costs nothing, even where potentials and cost cancel: clouds that nearly coincide, or whose
 * potentials are 1e8 times W2, get tight bounds. The screening sees potentials in one double: 2 u
 * (|f| + |g|), covered by the 8 u above. Constants are enlarged by two or more for second-order
 * terms; products that underflow lose at most eta = 2^-1074 each, which is added too. All sums over
 * points keep their own error (certify.h), with exact products; f is shifted by its mean t and g by
 * -t, which changes nothing (both sides are normalised) and keeps the division by A and B harmless
 * when the potentials are large and cancel.
 *
 * margin. Claims are made with margin 2, when all error terms double, and verified with 1, so that
 * another machine's eigenvalues do not refuse them. For a Q that is replaced, costs are lowered by
 * margin 8 d u lambda_1 |y - x|^2 more, the change of c_ij under a backward-stable eigensolver, and
 * the dual gauge is raised by what was dropped: L / G is then below that of Q's exact PSD part,
 * which the ball arithmetic takes (rigorous.c). For a Q that is not, it is so anyway: c_ij is at
 * most the cost under the PSD part.
 *
 * Cost n m r flops for the screening plus d^2 for each pair that passes (about n + m), memory
 * O((n + m) d + d^2). The result does not depend on the number of threads: rows are independent and
 * each row meets its columns in order. Source: theory 3.2; Higham, Accuracy and Stability, ch. 3.
 */
#include <float.h>
#include <string.h>

#include "certify/certify.h"
#include "linalg/la.h"

enum { LANES = 8, CHUNK = 4 * LANES, ROWS = 64 }; /* columns in a tile, rows in a task */
static const double theta = 0x1p-20;              /* relative sharpness of the screening */
static const double eta = 0x1p-1074;              /* smallest subnormal */
static const double near_psd = 0x1p-26;           /* of the largest eigenvalue */

/* ---- R and its dual gauge ---- */

typedef wg_cert_factor factor;

int wg_cert_check_finite(const char *name, int64_t count, const double *values, double limit) {
  for (int64_t i = 0; i < count; i++)
    if (!(fabs(values[i]) <= limit))
      return wg_fail(WG_ERR_INPUT, "%s[%lld] = %g is not usable; it must be finite, at most %g",
                     name, (long long)i, values[i], limit);
  return WG_OK;
}

int wg_cert_check_potentials(const wg_cert_data *data, const wg_cert_potentials *dual) {
  WG_TRY(wg_cert_check_finite("f", data->n, dual->f, WG_CERT_LARGEST));
  WG_TRY(wg_cert_check_finite("g", data->m, dual->g, WG_CERT_LARGEST));
  if (dual->f_low) WG_TRY(wg_cert_check_finite("f_low", data->n, dual->f_low, WG_CERT_LARGEST));
  if (dual->g_low) WG_TRY(wg_cert_check_finite("g_low", data->m, dual->g_low, WG_CERT_LARGEST));
  return WG_OK;
}

/* Eigenpairs of the symmetric part of one block: values[start..], vectors in rows start.. of
 * vectors (d x d, zero outside the block). room holds 2 size^2. */
static int block_eigenpairs(const wg_gauge_block *block, int64_t d, const double *q, double *room,
                            double *values, double *vectors) {
  int64_t size = block->size, start = block->start;
  double *matrix = room, *local = room + size * size;
  for (int64_t i = 0; i < size; i++)
    for (int64_t j = 0; j < size; j++)
      matrix[i * size + j] =
          0.5 * q[(start + i) * d + start + j] + 0.5 * q[(start + j) * d + start + i];
  WG_TRY(wg_la_eigh(size, matrix, values + start, local));
  for (int64_t i = 0; i < size; i++)
    memcpy(vectors + (start + i) * d + start, local + i * size, (size_t)size * sizeof *local);
  return WG_OK;
}

/* Keeps sqrt(lambda_i) v_i' of the eigenvalues that are not negligible in their block, compacting
 * in place. */
static void keep_rows(const wg_gauge_spec *spec, const double *values, factor *r) {
  const int64_t d = r->d;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const int64_t start = spec->blocks[b].start, end = start + spec->blocks[b].size;
    double top = 0.0, dropped = 0.0;
    for (int64_t i = start; i < end; i++) top = WG_MAX(top, values[i]);
    for (int64_t i = start; i < end; i++) {
      if (!(values[i] > 4.0 * (double)d * WG_UNIT * top)) {
        dropped += WG_MAX(values[i], 0.0);
        continue;
      }
      double *out = r->rows + r->rank * d;
      const double *in = r->rows + i * d;
      for (int64_t k = 0; k < d; k++) out[k] = sqrt(values[i]) * in[k];
      r->rank++;
    }
    r->top = WG_MAX(r->top, top);
    if (dropped > 0.0) r->dropped = WG_MAX(r->dropped, 1.0625 * dropped / top);
  }
  for (int64_t i = 0; i < r->rank * d; i++) r->norm2 += r->rows[i] * r->rows[i];
}

int wg_cert_factor_build(const wg_gauge_spec *spec, const double *q, wg_mem *mem, factor *r) {
  int64_t d = spec->d;
  WG_TRY(wg_cert_check_finite("Q", d * d, q, DBL_MAX));
  *r = (factor){.d = d, .rows = WG_NEW(mem, double, d *d)};
  double *values = WG_NEW(mem, double, d), *room = WG_NEW(mem, double, 2 * d * d);
  if (!r->rows || !values || !room) return wg_no_memory();
  for (int64_t b = 0; b < spec->block_count; b++)
    WG_TRY(block_eigenpairs(&spec->blocks[b], d, q, room, values, r->rows));
  keep_rows(spec, values, r);
  wg_drop(mem, values);
  wg_drop(mem, room);
  return WG_OK;
}

/* gamma°(R'R) from above. */
int wg_cert_factor_dual(const wg_gauge_spec *spec, const factor *r, double margin, wg_mem *mem,
                        double *dual) {
  int64_t d = r->d;
  double *product = WG_NEW(mem, double, d *d);
  if (!product) return wg_no_memory();
  if (r->rank) wg_la_gemm(true, false, d, d, r->rank, 1.0, r->rows, d, r->rows, d, 0.0, product, d);
  double slack =
      r->off + margin * ((double)(r->rank + 4) * WG_UNIT * r->norm2 + (double)(d * d) * eta);
  WG_TRY(wg_gauge_dual_upper(spec, product, slack, mem, dual));
  *dual *= 1.0 + (margin - 1.0) * 32.0 * (double)d * WG_UNIT;
  wg_drop(mem, product);
  return WG_OK;
}

/* ---- the matrix itself ---- */

/* product = R'R, symmetric. */
static void multiply_factor(const factor *r, double *product) {
  const int64_t d = r->d;
  if (r->rank) wg_la_gemm(true, false, d, d, r->rank, 1.0, r->rows, d, r->rows, d, 0.0, product, d);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++) product[j * d + i] = product[i * d + j];
}

/* Sets matrix to the blocks of q; false if q is not symmetric there. */
static bool copy_blocks(const wg_gauge_spec *spec, const double *q, double *matrix) {
  bool symmetric = true;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const int64_t start = spec->blocks[b].start, end = start + spec->blocks[b].size;
    for (int64_t i = start; i < end; i++) {
      for (int64_t j = start; j < end; j++) {
        matrix[i * spec->d + j] = q[i * spec->d + j];
        symmetric = symmetric && q[i * spec->d + j] == q[j * spec->d + i];
      }
    }
  }
  return symmetric;
}

/* The matrix M that costs are taken from: the blocks of q where they are symmetric and all but PSD,
 * R'R otherwise. r->off bounds |M - R'R|. True in the first case. */
static bool choose_matrix(const wg_gauge_spec *spec, const double *q, factor *r, double *matrix,
                          double *product) {
  const int64_t d = r->d;
  const double unit = r->top > 0.0 ? r->top : 1.0;
  const double rounding = (double)(r->rank + 4) * WG_UNIT * r->norm2 + (double)(d * d) * eta;
  double distance2 = 0.0;
  multiply_factor(r, product);
  const bool symmetric = copy_blocks(spec, q, matrix);
  for (int64_t i = 0; i < d * d; i++) {
    const double part = (matrix[i] - product[i]) / unit;
    distance2 += part * part;
  }
  const double distance = 1.0625 * unit * (sqrt(distance2) + 0x1p-500) + rounding;
  if (symmetric && distance <= near_psd * r->top) {
    r->off = distance;
    return true;
  }
  memcpy(matrix, product, (size_t)(d * d) * sizeof *matrix);
  r->off = rounding;
  return false;
}

/* ---- the screening ---- */

static double low_part(const double *low, int64_t i) { return low ? low[i] : 0.0; }

typedef struct side { /* the points with mass of one cloud */
  int64_t count;
  int64_t *index;       /* among the given points */
  const double *points; /* given, d columns       */
  double *centred;      /* count x d              */
} side;

typedef struct scan {
  const factor *r;
  const double *matrix; /* d x d, M of the opening comment */
  side x, y;
  const wg_cert_potentials *dual;
  double *f, *g;    /* the potentials of the given points in one double each          */
  double *z;        /* x.count x rank                                             */
  double *w;        /* chunks x rank x CHUNK: columns of a chunk lie together     */
  double *g_chunks; /* chunks x CHUNK, -inf behind the last column                */
  int64_t chunks;
  double keep, lift;   /* of the opening comment                                     */
  double g_most;       /* max |g|                                                    */
  double margin, room; /* room: 8 margin d u lambda_1, per |y - x|^2                 */
  double *violation;   /* x.count                                                    */
  int64_t *column;     /* x.count: who asked for it, -1 nobody                       */
} scan;

static int gather(wg_mem *mem, int64_t count, int64_t d, const double *points,
                  const double *weights, side *out) {
  *out = (side){.points = points, .index = WG_NEW(mem, int64_t, count)};
  if (!out->index) return wg_no_memory();
  for (int64_t i = 0; i < count; i++)
    if (weights[i] > 0.0) out->index[out->count++] = i;
  out->centred = WG_NEW(mem, double, out->count *d);
  return out->centred ? WG_OK : wg_no_memory();
}

static void extend_range(const side *points, int64_t d, int64_t k, double *low, double *high) {
  for (int64_t i = 0; i < points->count; i++) {
    double value = points->points[points->index[i] * d + k];
    *low = WG_MIN(*low, value);
    *high = WG_MAX(*high, value);
  }
}

/* Subtracts the centre in column k; the largest |entry| left. */
static double centre_column(side *points, int64_t d, int64_t k, double centre) {
  double most = 0.0;
  for (int64_t i = 0; i < points->count; i++) {
    double value = points->points[points->index[i] * d + k] - centre;
    points->centred[i * d + k] = value;
    most = WG_MAX(most, fabs(value));
  }
  return most;
}

/* Centres both clouds at the middle of their joint box; half[k] bounds the entries left. */
static void centre_clouds(scan *s, double *half) {
  int64_t d = s->r->d;
  for (int64_t k = 0; k < d; k++) {
    double low = INFINITY, high = -INFINITY;
    extend_range(&s->x, d, k, &low, &high);
    extend_range(&s->y, d, k, &low, &high);
    double centre = 0.5 * low + 0.5 * high;
    double x_most = centre_column(&s->x, d, k, centre), y_most = centre_column(&s->y, d, k, centre);
    half[k] = WG_MAX(x_most, y_most);
  }
}

/* |values|, whatever their size. */
static double hypot_of(const double *values, int64_t count) {
  double length = 0.0;
  for (int64_t k = 0; k < count; k++) length = hypot(length, values[k]);
  return length;
}

/* The two constants of the screening; refuses what could overflow. */
static int set_thresholds(scan *s, const double *half) {
  const factor *r = s->r;
  double reach2 = 0.0, diameter2 = 0.0;
  for (int64_t i = 0; i < r->rank; i++) {
    double h = 0.0;
    for (int64_t k = 0; k < r->d; k++) h += fabs(r->rows[i * r->d + k]) * half[k];
    reach2 += h * h;
  }
  for (int64_t k = 0; k < r->d; k++) diameter2 += 4.0 * half[k] * half[k];
  if (!(diameter2 < 1e300))
    return wg_fail(WG_ERR_INPUT,
                   "squared distances overflow (diameter about %g); rescale the points",
                   2.0 * hypot_of(half, r->d));
  if (!(reach2 < 1e300 && s->room * diameter2 < 1e300))
    return wg_fail(WG_ERR_INPUT,
                   "costs under Q overflow: its largest eigenvalue is %g, the points are %g apart; "
                   "Q is that large where a rate of the gauge or a distance is far from one",
                   r->top, sqrt(diameter2));
  double delta = s->margin * 2.0 * (double)(r->d + 4) * WG_UNIT * sqrt(reach2);
  s->keep = 1.0 - theta - s->margin * (double)(r->rank + 16) * WG_UNIT;
  s->lift = 1.0625 * (delta * delta / theta + (s->room + s->margin * r->off) * diameter2) +
            64.0 * (double)r->d * eta;
  return WG_OK;
}

/* out (count x rank) = centred R' */
static void map_points(const side *points, const factor *r, double *out) {
  if (r->rank && points->count)
    wg_la_gemm(false, true, points->count, r->rank, r->d, 1.0, points->centred, r->d, r->rows, r->d,
               0.0, out, r->rank);
}

static void fill_chunks(scan *s, const double *mapped) {
  int64_t rank = s->r->rank;
  for (int64_t j = 0; j < s->chunks * CHUNK; j++) {
    bool real = j < s->y.count;
    double *slot = s->w + (j / CHUNK) * rank * CHUNK + j % CHUNK;
    s->g_chunks[j] = real ? s->g[s->y.index[j]] : -INFINITY;
    for (int64_t k = 0; k < rank; k++) slot[k * CHUNK] = real ? mapped[j * rank + k] : 0.0;
    if (real) s->g_most = WG_MAX(s->g_most, fabs(s->g_chunks[j]));
  }
}

static int allocate_scan(scan *s, wg_mem *mem, double **half, double **mapped) {
  int64_t rank = s->r->rank;
  s->chunks = (s->y.count + CHUNK - 1) / CHUNK;
  s->z = WG_NEW(mem, double, s->x.count *rank);
  s->w = WG_NEW(mem, double, s->chunks *rank *CHUNK);
  s->g_chunks = WG_NEW(mem, double, s->chunks *CHUNK);
  s->violation = WG_NEW(mem, double, s->x.count);
  s->column = WG_NEW(mem, int64_t, s->x.count);
  *half = WG_NEW(mem, double, s->r->d);
  *mapped = WG_NEW(mem, double, s->y.count *rank);
  if (!s->z || !s->w || !s->g_chunks || !s->violation || !s->column || !*half || !*mapped)
    return wg_no_memory();
  return WG_OK;
}

static int round_potentials(wg_mem *mem, int64_t count, const double *values, const double *low,
                            double **rounded) {
  if (!(*rounded = WG_NEW(mem, double, count))) return wg_no_memory();
  for (int64_t i = 0; i < count; i++) (*rounded)[i] = values[i] + low_part(low, i);
  return WG_OK;
}

static int prepare_scan(scan *s, wg_mem *mem, const wg_cert_data *data) {
  double *half, *mapped;
  WG_TRY(round_potentials(mem, data->n, s->dual->f, s->dual->f_low, &s->f));
  WG_TRY(round_potentials(mem, data->m, s->dual->g, s->dual->g_low, &s->g));
  WG_TRY(gather(mem, data->n, data->d, data->x, data->a, &s->x));
  WG_TRY(gather(mem, data->m, data->d, data->y, data->b, &s->y));
  WG_TRY(allocate_scan(s, mem, &half, &mapped));
  centre_clouds(s, half);
  WG_TRY(set_thresholds(s, half));
  map_points(&s->x, s->r, s->z);
  map_points(&s->y, s->r, mapped);
  fill_chunks(s, mapped);
  for (int64_t i = 0; i < s->x.count; i++) s->column[i] = -1;
  wg_drop(mem, half);
  wg_drop(mem, mapped);
  return WG_OK;
}

typedef double lanes __attribute__((vector_size(64), may_alias));
typedef int64_t lane_bits __attribute__((vector_size(64), may_alias));

/* excess[j] = f + g_j - keep |z - w_j|^2 for one chunk; true if one is above the threshold. Four
 * vectors of eight hold the chunk's sums in registers. */
WG_MULTIVERSION static bool screen_chunk(int64_t rank, const double *z, const double *w,
                                         const double *g, double f, double keep, double threshold,
                                         double *excess) {
  const lanes *column = (const lanes *)w, *potential = (const lanes *)g;
  lanes *out = (lanes *)excess;
  lanes sum0 = {0}, sum1 = {0}, sum2 = {0}, sum3 = {0};
  for (int64_t k = 0; k < rank; k++) {
    lanes step0 = z[k] - column[4 * k], step1 = z[k] - column[4 * k + 1];
    lanes step2 = z[k] - column[4 * k + 2], step3 = z[k] - column[4 * k + 3];
    sum0 += step0 * step0;
    sum1 += step1 * step1;
    sum2 += step2 * step2;
    sum3 += step3 * step3;
  }
  out[0] = (f + potential[0]) - keep * sum0;
  out[1] = (f + potential[1]) - keep * sum1;
  out[2] = (f + potential[2]) - keep * sum2;
  out[3] = (f + potential[3]) - keep * sum3;
  /* The sign bit of a lane is set where the threshold is passed; differences never lose their sign.
   */
  lane_bits sign = (lane_bits)(threshold - out[0]) | (lane_bits)(threshold - out[1]) |
                   (lane_bits)(threshold - out[2]) | (lane_bits)(threshold - out[3]);
  int64_t any = 0;
  for (int lane = 0; lane < LANES; lane++) any |= sign[lane];
  return any < 0;
}

/* ---- single pairs ---- */

/* row . (y - x) as result + *low, off by *error at most; *size: |row| . |y - x|, about. */
static double exact_dot(int64_t d, const double *row, const double *x, const double *y, double *low,
                        double *error, double *size) {
  double high = 0.0, rest = 0.0;
  *size = 0.0;
  for (int64_t k = 0; k < d; k++) {
    double short_step, slip, slip_of_sum;
    const double step = wg_two_sum(y[k], -x[k], &short_step);
    const double part = wg_two_product(row[k], step, &slip);
    high = wg_two_sum(high, part, &slip_of_sum);
    rest += (slip + row[k] * short_step) + slip_of_sum;
    *size += fabs(part);
  }
  const double spread = (double)(d + 4);
  *error = 6.0 * spread * spread * (WG_UNIT * WG_UNIT) * *size + 4.0 * spread * eta;
  return wg_two_sum(high, rest, low);
}

static void add_potentials(const scan *s, int64_t i, int64_t j, wg_cert_sum *sum) {
  wg_cert_sum_add(sum, s->dual->f[i]);
  wg_cert_sum_add(sum, s->dual->g[j]);
  wg_cert_sum_add(sum, low_part(s->dual->f_low, i));
  wg_cert_sum_add(sum, low_part(s->dual->g_low, j));
}

/* At least f_i + g_j - c_ij, in plain doubles: enough for pairs that are not tight. */
static double rough_violation(const scan *s, int64_t i, int64_t j) {
  const factor *r = s->r;
  const double *x = s->x.points + i * r->d, *y = s->y.points + j * r->d;
  double cost = 0.0, error = 0.0, length2 = 0.0;
  for (int64_t row = 0; row < r->rank; row++) {
    const double *direction = r->rows + row * r->d;
    double t = 0.0, size = 0.0;
    for (int64_t k = 0; k < r->d; k++) {
      double part = direction[k] * (y[k] - x[k]);
      t += part;
      size += fabs(part);
    }
    cost += t * t;
    error += 2.0 * fabs(t) * ((double)(r->d + 4) * WG_UNIT * size + (double)(r->d + 4) * eta);
  }
  for (int64_t k = 0; k < r->d; k++) length2 += (y[k] - x[k]) * (y[k] - x[k]);
  error += (double)(r->rank + 4) * (WG_UNIT * cost + eta) + r->off * length2;
  double sum = s->f[i] + s->g[j], excess = sum - cost;
  error += 4.0 * WG_UNIT * (fabs(s->f[i]) + fabs(s->g[j]) + fabs(excess));
  return excess + (s->margin * 1.0625 * error + s->room * length2);
}

/* f_i + g_j - c_ij, at least its exact value: pass 2 of the opening comment. i, j as given. */
static double pair_violation(const scan *s, int64_t i, int64_t j) {
  const int64_t d = s->r->d;
  const double *x = s->x.points + i * d, *y = s->y.points + j * d;
  wg_cert_sum excess = {0};
  double error = 0.0, length2 = 0.0;
  add_potentials(s, i, j, &excess);
  for (int64_t k = 0; k < d; k++) {
    double low, slip, off, short_step, size;
    const double step = wg_two_sum(y[k], -x[k], &short_step);
    length2 += step * step;
    if (step == 0.0) continue;
    const double row = exact_dot(k, s->matrix + k * d, x, y, &low, &off, &size);
    double own_slip, own_low;
    /* w = 2 sum_(l < k) M_kl step_l + M_kk step_k */
    const double own = wg_two_product(s->matrix[k * d + k], step, &own_slip);
    const double high = wg_two_sum(2.0 * row, own, &own_low);
    low = 2.0 * low + ((own_slip + s->matrix[k * d + k] * short_step) + own_low);
    size = 2.0 * size + fabs(own);
    const double part = wg_two_product(step, high, &slip);
    wg_cert_sum_add(&excess, -part);
    wg_cert_sum_add(&excess, -(slip + (step * low + short_step * high)));
    error += fabs(step) * (2.0 * off + 64.0 * (WG_UNIT * WG_UNIT) * size) +
             8.0 * eta * (1.0 + fabs(step));
  }
  error += wg_cert_sum_error(&excess);
  return wg_cert_sum_value(&excess) + (s->margin * (1.0625 * error) + s->room * length2);
}

/* What a screened excess must pass to matter for row i. */
static double row_threshold(const scan *s, int64_t i) {
  double f = fabs(s->f[s->x.index[i]]), v = s->violation[i];
  return v - s->lift - 8.0 * WG_UNIT * (f + s->g_most + v + s->lift);
}

static void check_chunk(scan *s, int64_t i, int64_t chunk) {
  _Alignas(64) double excess[CHUNK];
  int64_t rank = s->r->rank, given = s->x.index[i];
  double threshold = row_threshold(s, i);
  if (!screen_chunk(rank, s->z + i * rank, s->w + chunk * rank * CHUNK, s->g_chunks + chunk * CHUNK,
                    s->f[given], s->keep, threshold, excess))
    return;
  for (int64_t k = 0; k < CHUNK; k++) {
    if (!(excess[k] > threshold)) continue;
    int64_t j = s->y.index[chunk * CHUNK + k];
    if (rough_violation(s, given, j) <= s->violation[i]) continue;
    double violation = pair_violation(s, given, j);
    if (violation <= s->violation[i]) continue;
    s->violation[i] = violation;
    s->column[i] = j;
    threshold = row_threshold(s, i);
  }
}

static void scan_pairs(scan *s, int threads) {
  int64_t tasks = (s->x.count + ROWS - 1) / ROWS;
  double work = (double)s->x.count * (double)(s->chunks * CHUNK) * (double)(s->r->rank + 2);
#pragma omp parallel for num_threads(wg_threads_for(threads, work)) schedule(dynamic, 1)
  for (int64_t task = 0; task < tasks; task++) {
    int64_t end = WG_MIN(s->x.count, (task + 1) * ROWS);
    for (int64_t chunk = 0; chunk < s->chunks; chunk++)
      for (int64_t i = task * ROWS; i < end; i++) check_chunk(s, i, chunk);
  }
}

/* ---- the sum ---- */

typedef struct estimate {
  double value, error; /* |value - exact| <= error */
} estimate;

/* sum weight (value + low - shift) / sum weight over the points with mass. packed: values has one
 * entry for each of them, otherwise one for each given point; low, which may be NULL, likewise. */
static estimate weighted_mean(const side *points, const double *weights, const double *values,
                              const double *low, bool packed, double shift) {
  wg_cert_sum top = {0}, total = {0};
  for (int64_t i = 0; i < points->count; i++) {
    const int64_t at = packed ? i : points->index[i];
    double weight = weights[points->index[i]];
    wg_cert_sum_add(&total, weight);
    wg_cert_sum_add_product(&top, weight, values[at]);
    if (low) wg_cert_sum_add_product(&top, weight, low[at]);
    wg_cert_sum_add_product(&top, weight, -shift);
  }
  double mass = wg_cert_sum_value(&total), value = wg_cert_sum_value(&top) / mass;
  double lost = wg_cert_sum_error(&top) + 6.0 * (double)points->count * eta;
  double relative = wg_cert_sum_error(&total) / mass + 4.0 * WG_UNIT;
  return (estimate){.value = value, .error = 1.0625 * (lost / mass + relative * fabs(value)) + eta};
}

/* The value of the repaired potentials, from below. */
static double dual_value(const scan *s, const wg_cert_data *data) {
  double shift = weighted_mean(&s->x, data->a, s->f, NULL, false, 0.0).value;
  estimate f = weighted_mean(&s->x, data->a, s->dual->f, s->dual->f_low, false, shift);
  estimate v = weighted_mean(&s->x, data->a, s->violation, NULL, true, 0.0);
  estimate g = weighted_mean(&s->y, data->b, s->dual->g, s->dual->g_low, false, -shift);
  double error =
      f.error + g.error + v.error + 4.0 * WG_UNIT * (fabs(f.value) + fabs(g.value) + fabs(v.value));
  return f.value + g.value - v.value - 1.0625 * s->margin * error;
}

static void find_worst(const scan *s, wg_cert_lower_report *report) {
  for (int64_t i = 0; i < s->x.count; i++) {
    if (s->violation[i] <= report->violation) continue;
    report->violation = s->violation[i];
    report->row = s->x.index[i];
    report->col = s->column[i];
  }
}

/* R and L of the opening comment. */
static int transport_bound(wg_mem *mem, int threads, const wg_cert_data *data,
                           const wg_gauge_spec *spec, const double *q,
                           const wg_cert_potentials *potentials, double margin, factor *r,
                           double *value, wg_cert_lower_report *report) {
  WG_TRY(wg_cert_check_potentials(data, potentials));
  WG_TRY(wg_cert_factor_build(spec, q, mem, r));
  double *matrix = WG_NEW(mem, double, r->d * r->d), *product = WG_NEW(mem, double, r->d * r->d);
  if (!matrix || !product) return wg_no_memory();
  scan s = {.r = r, .matrix = matrix, .dual = potentials, .margin = margin};
  const bool itself = choose_matrix(spec, q, r, matrix, product);
  if (itself)
    r->dropped = 0.0; /* r->off has it */
  else
    s.room = margin * 8.0 * (double)r->d * WG_UNIT * r->top;
  wg_drop(mem, product);
  WG_TRY(prepare_scan(&s, mem, data));
  scan_pairs(&s, threads);
  find_worst(&s, report);
  *value = dual_value(&s, data);
  return WG_OK;
}

static int lower_bound(wg_mem *mem, int threads, const wg_cert_data *data,
                       const wg_gauge_spec *spec, const double *q,
                       const wg_cert_potentials *potentials, double margin,
                       wg_cert_lower_report *report) {
  factor r;
  double value;
  WG_TRY(transport_bound(mem, threads, data, spec, q, potentials, margin, &r, &value, report));
  WG_TRY(wg_cert_factor_dual(spec, &r, margin, mem, &report->dual_gauge));
  report->dual_gauge *= 1.0 + r.dropped;
  value *= 1.0 - 4.0 * WG_UNIT;
  double bound = nextafter(value / WG_MAX(1.0, report->dual_gauge), 0.0);
  /* Written so that a sum that overflowed counts as nothing proved. */
  report->bound = bound > 0.0 && bound <= DBL_MAX ? bound : 0.0;
  return WG_OK;
}

int wg_cert_lower(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                  const double *q, const wg_cert_potentials *potentials, double margin,
                  wg_cert_lower_report *report) {
  wg_mem mem = wg_mem_of(&context->ledger);
  wg_cert_lower_report result = {.row = -1, .col = -1};
  int status = lower_bound(&mem, context->threads, data, spec, q, potentials, margin, &result);
  wg_mem_clear(&mem);
  if (status == WG_OK) *report = result;
  return status;
}

/* R'R as a normal of the moments' space (theory 3.3). The entries computed here are off by at most
 * (rank + 4) u |R|_F^2 each; as |s11 - s22| and |2 s12| are at most the trace, three times that on
 * the trace covers them. */
static void write_half(const factor *r, double value, double margin, wg_cert_half *half) {
  double c11 = 0.0, c12 = 0.0, c22 = 0.0;
  for (int64_t i = 0; i < r->rank; i++) {
    const double *row = r->rows + 2 * i;
    c11 += row[0] * row[0];
    c12 += row[0] * row[1];
    c22 += row[1] * row[1];
  }
  double units = margin * 3.0 * (double)(r->rank + 6) + margin * 64.0;
  double slack = margin * r->off + units * WG_UNIT * r->norm2 + 64.0 * eta;
  half->normal[0] = nextafter(0.5 * (c11 + c22) + slack, INFINITY);
  half->normal[1] = 0.5 * (c11 - c22);
  half->normal[2] = c12;
  half->least = nextafter(value - 4.0 * WG_UNIT * fabs(value), -INFINITY);
}

int wg_cert_lower_half(wg_context *context, const wg_cert_data *data, const wg_gauge_spec *spec,
                       const double *q, const wg_cert_potentials *potentials, double margin,
                       wg_cert_half *half, wg_cert_lower_report *report) {
  wg_mem mem = wg_mem_of(&context->ledger);
  factor r;
  double value;
  *report = (wg_cert_lower_report){.row = -1, .col = -1};
  int status = transport_bound(&mem, context->threads, data, spec, q, potentials, margin, &r,
                               &value, report);
  /* A sum that overflowed proves nothing. */
  if (status == WG_OK) write_half(&r, isfinite(value) ? value : -DBL_MAX, margin, half);
  wg_mem_clear(&mem);
  return status;
}
