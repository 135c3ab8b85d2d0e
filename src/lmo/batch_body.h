/* The polynomial methods on a group of matrices, one a lane. The file that includes this one sets
 *   REAL, REAL_UNIT  float or double, and its unit of rounding,
 *   NAME(name)       what tells the names of a type and an instruction set from the others,
 *   REAL_BITS, REAL_MAGNITUDE  a signed integer of the same size, and all its bits but the sign,
 *   WG_BYTES         of a vector,
 *   WG_COLUMNS       columns of a tile of WG_BATCH_ROWS x WG_COLUMNS sums, which stay in registers.
 * Comments give shapes for one lane. */

#define VEC NAME(vec)
#define BITS NAME(bits)
/* For functions whose inner loops want all registers. */
#define APART __attribute__((noinline))
typedef REAL VEC __attribute__((vector_size(WG_BYTES), may_alias));
typedef REAL_BITS BITS __attribute__((vector_size(WG_BYTES), may_alias));
enum { NAME(lanes) = WG_BYTES / sizeof(REAL) };
#define LANES NAME(lanes)

typedef struct NAME(group) {
  int64_t n, d, step;          /* filled up; from row to row of everything here   */
  VEC *x, *panel;              /* n x d; WG_BATCH_ROWS x d                        */
  VEC *a, *square, *b, *spare; /* d x d: X'X, its square, the polynomial, room   */
  bool done[LANES];
  int steps[LANES];
  double estimate[LANES];
} NAME(group);

/* ---- products ---- */

/* sum[r][c] = sum over k of left[k left_step + r left_next] right[k right_step + c]. */
static inline __attribute__((always_inline)) void NAME(tile)(int64_t count, const VEC *left,
                                                             int64_t left_step, int64_t left_next,
                                                             const VEC *right, int64_t right_step,
                                                             VEC sum[WG_BATCH_ROWS][WG_COLUMNS]) {
  for (int r = 0; r < WG_BATCH_ROWS; r++)
    for (int c = 0; c < WG_COLUMNS; c++) sum[r][c] = (VEC){0};
  for (int64_t k = 0; k < count; k++) {
    VEC column[WG_COLUMNS];
    for (int c = 0; c < WG_COLUMNS; c++) column[c] = right[k * right_step + c];
    for (int r = 0; r < WG_BATCH_ROWS; r++)
      for (int c = 0; c < WG_COLUMNS; c++)
        sum[r][c] += left[k * left_step + r * left_next] * column[c];
  }
}

/* out (d x d) = high p'q + middle add, for p and q (count x d) with a symmetric product: by halves.
 * add is symmetric, or NULL: out = p'q. */
static APART void NAME(product)(const NAME(group) * it, int64_t count, const VEC *p, const VEC *q,
                                VEC high, VEC middle, const VEC *add, VEC *out) {
  VEC sum[WG_BATCH_ROWS][WG_COLUMNS];
  int64_t d = it->d, step = it->step;
  for (int64_t i = 0; i < d; i += WG_BATCH_ROWS)
    for (int64_t j = i; j < d; j += WG_COLUMNS) {
      NAME(tile)(count, p + i, step, 1, q + j, step, sum);
      if (add)
        for (int r = 0; r < WG_BATCH_ROWS; r++)
          for (int c = 0; c < WG_COLUMNS; c++)
            sum[r][c] = high * sum[r][c] + middle * add[(i + r) * step + j + c];
      for (int r = 0; r < WG_BATCH_ROWS; r++)
        for (int c = 0; c < WG_COLUMNS; c++)
          out[(i + r) * step + j + c] = out[(j + c) * step + i + r] = sum[r][c];
    }
}

static void NAME(multiply)(const NAME(group) * it, int64_t count, const VEC *p, const VEC *q,
                           VEC *out) {
  NAME(product)(it, count, p, q, (VEC){0}, (VEC){0}, NULL, out);
}

/* X <- X b, some rows at a time. */
static APART void NAME(advance)(const NAME(group) * it) {
  VEC sum[WG_BATCH_ROWS][WG_COLUMNS];
  int64_t d = it->d, step = it->step;
  for (int64_t i = 0; i < it->n; i += WG_BATCH_ROWS) {
    VEC *rows = it->x + i * step;
    for (int64_t k = 0; k < WG_BATCH_ROWS * step; k++) it->panel[k] = rows[k];
    for (int64_t j = 0; j < d; j += WG_COLUMNS) {
      NAME(tile)(d, it->panel, 1, step, it->b + j, step, sum);
      for (int r = 0; r < WG_BATCH_ROWS; r++)
        for (int c = 0; c < WG_COLUMNS; c++) rows[r * step + j + c] = sum[r][c];
    }
  }
}

/* ---- in and out ---- */

/* Row by row of all matrices, so that the lanes of a row stay in cache until they are full. */
static APART void NAME(load)(const wg_batch_plan *plan, int64_t count, const REAL *g,
                             const NAME(group) * it) {
  int64_t rows = plan->transposed ? plan->d : plan->n,
          columns = plan->transposed ? plan->n : plan->d;
  int64_t row_step = LANES * (plan->transposed ? 1 : it->step),
          column_step = LANES * (plan->transposed ? it->step : 1);
  for (int64_t k = 0; k < it->n * it->step; k++) it->x[k] = (VEC){0};
  for (int64_t i = 0; i < rows; i++)
    for (int64_t l = 0; l < count; l++) {
      const REAL *from = g + (l * rows + i) * columns;
      REAL *to = (REAL *)it->x + i * row_step + l;
      for (int64_t j = 0; j < columns; j++) to[j * column_step] = from[j];
    }
}

static APART void NAME(store)(const wg_batch_plan *plan, int64_t count, const NAME(group) * it,
                              REAL *out) {
  int64_t rows = plan->transposed ? plan->d : plan->n,
          columns = plan->transposed ? plan->n : plan->d;
  int64_t row_step = LANES * (plan->transposed ? 1 : it->step),
          column_step = LANES * (plan->transposed ? it->step : 1);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t l = 0; l < count; l++) {
      const REAL *from = (const REAL *)it->x + i * row_step + l;
      REAL *to = out + (l * rows + i) * columns;
      for (int64_t j = 0; j < columns; j++) to[j] = from[j * column_step];
    }
}

/* ---- the starting scale ---- */

static void NAME(scale)(int64_t count, VEC factor, VEC *numbers) {
  for (int64_t k = 0; k < count; k++) numbers[k] *= factor;
}

static void NAME(squares)(int64_t count, const VEC *numbers, double sum[LANES]) {
  const REAL *entries = (const REAL *)numbers;
  for (int l = 0; l < LANES; l++) sum[l] = 0.0;
  for (int64_t k = 0; k < count; k++)
    for (int l = 0; l < LANES; l++)
      sum[l] += (double)entries[k * LANES + l] * (double)entries[k * LANES + l];
}

/* Entries become at most two, by powers of two; the first lane with one that is not finite, or -1.
 * Sizes are compared as the integers that their bits are. */
static APART int NAME(tame)(const NAME(group) * it) {
  int64_t count = it->n * it->step;
  const BITS *entries = (const BITS *)it->x;
  BITS largest = {0};
  VEC half, other;
  for (int64_t k = 0; k < count; k++) {
    BITS size = entries[k] & REAL_MAGNITUDE, above = size > largest;
    largest = (size & above) | (largest & ~above);
  }
  VEC most = (VEC)largest;
  for (int l = 0; l < LANES; l++) {
    if (!isfinite(most[l])) return l;
    int exponent = most[l] > 0 ? ilogb((double)most[l]) : 0;
    half[l] = (REAL)ldexp(1.0, -(exponent / 2)); /* the whole may be no number */
    other[l] = (REAL)ldexp(1.0, exponent / 2 - exponent);
  }
  for (int64_t k = 0; k < count; k++) it->x[k] = it->x[k] * half * other;
  return -1;
}

/* 1 / root, or zero. */
static VEC NAME(inverse)(const double square[LANES], double margin, bool fourth) {
  VEC factor;
  for (int l = 0; l < LANES; l++) {
    double root = sqrt(square[l]);
    if (fourth) root = sqrt(sqrt(root));
    factor[l] = root > 0.0 ? (REAL)(1.0 / (margin * root)) : 0;
  }
  return factor;
}

/* X over a bound of its largest singular value, and its Gram matrix. */
static void NAME(normalise)(const NAME(group) * it, bool frobenius) {
  int64_t entries = it->n * it->step, squares = it->d * it->step;
  double sum[LANES];
  NAME(squares)(entries, it->x, sum);
  NAME(scale)(entries, NAME(inverse)(sum, 1.0, false), it->x);
  NAME(multiply)(it, it->n, it->x, it->x, it->a);
  if (frobenius) return;
  NAME(multiply)(it, it->d, it->a, it->a, it->square);
  NAME(squares)(squares, it->square, sum);
  VEC factor = NAME(inverse)(sum, 1.0 + 16.0 * (double)REAL_UNIT, true);
  NAME(scale)(entries, factor, it->x);
  NAME(scale)(squares, factor * factor, it->a);
}

/* ---- steps ---- */

/* The k-th coefficient; in lanes that are done, that of the polynomial x. */
static VEC NAME(coefficient)(const NAME(group) * it, const wg_batch_polynomial *p, int k) {
  VEC c;
  for (int l = 0; l < LANES; l++) c[l] = (REAL)(it->done[l] ? k == 0 : p->c[k]);
  return c;
}

static void NAME(add_diagonal)(const NAME(group) * it, VEC number) {
  for (int64_t i = 0; i < it->d; i++) it->b[i * it->step + i] += number;
}

/* b = c_0 I + c_1 a + c_2 a^2 + ..., by Horner from the square down, which may be known. */
static void NAME(evaluate)(NAME(group) * it, const wg_batch_polynomial *p, bool known) {
  int64_t count = it->d * it->step;
  int j = WG_MAX(p->terms - 3, 0);
  VEC middle = NAME(coefficient)(it, p, j + 1), high = NAME(coefficient)(it, p, j + 2);
  if (p->terms >= 3 && !known)
    NAME(product)(it, it->d, it->a, it->a, high, middle, it->a, it->b);
  else if (p->terms >= 3)
    for (int64_t k = 0; k < count; k++) it->b[k] = high * it->square[k] + middle * it->a[k];
  else
    for (int64_t k = 0; k < count; k++) it->b[k] = middle * it->a[k];
  NAME(add_diagonal)(it, NAME(coefficient)(it, p, j));
  while (--j >= 0) {
    NAME(multiply)(it, it->d, it->a, it->b, it->spare);
    VEC *kept = it->b;
    it->b = it->spare;
    it->spare = kept;
    NAME(add_diagonal)(it, NAME(coefficient)(it, p, j));
  }
}

/* |A^2 - A|_F / sqrt(d) of the lanes at work; whether all are done. A lane that is done keeps its
 * numbers, so that no matrix depends on its neighbours. */
static bool NAME(look)(NAME(group) * it, const wg_batch_plan *plan, int made) {
  const REAL *square = (const REAL *)it->square, *a = (const REAL *)it->a;
  double sum[LANES] = {0};
  bool all = true;
  for (int64_t k = 0; k < it->d * it->step; k++)
    for (int l = 0; l < LANES; l++) {
      double difference = (double)square[k * LANES + l] - (double)a[k * LANES + l];
      sum[l] += difference * difference;
    }
  for (int l = 0; l < LANES; l++) {
    if (it->done[l]) continue;
    it->steps[l] = made;
    it->estimate[l] = sqrt(sum[l] / (double)plan->d);
    it->done[l] = it->estimate[l] <= plan->tol;
    all = all && it->done[l];
  }
  return all;
}

static void NAME(iterate)(NAME(group) * it, const wg_batch_plan *plan) {
  bool looks = plan->tol > 0.0;
  for (int made = 0;; made++) {
    bool last = made == plan->steps;
    if (last && !looks) return;
    const wg_batch_polynomial *p = &plan->polynomials[made];
    if (made) NAME(multiply)(it, it->n, it->x, it->x, it->a);
    if (looks) NAME(multiply)(it, it->d, it->a, it->a, it->square);
    if (looks && NAME(look)(it, plan, made)) return;
    if (last) return;
    NAME(evaluate)(it, p, looks);
    NAME(advance)(it);
  }
}

static NAME(group) NAME(begin)(const wg_batch_plan *plan, int64_t count, VEC *room) {
  NAME(group)
  it = {
      .n = wg_batch_padded(plan->n), .d = wg_batch_padded(plan->d), .step = wg_batch_step(plan->d)};
  it.x = room;
  it.panel = it.x + it.n * it.step;
  it.a = it.panel + WG_BATCH_ROWS * it.step;
  it.square = it.a + it.d * it.step;
  it.b = it.square + it.d * it.step;
  it.spare = it.b + it.d * it.step;
  for (int l = 0; l < LANES; l++) {
    it.done[l] = plan->tol > 0.0 && l >= count;
    it.steps[l] = plan->steps;
    it.estimate[l] = NAN;
  }
  return it;
}

static wg_batch_found NAME(run)(const wg_batch_plan *plan, int64_t count, const void *g, void *out,
                                void *room) {
  NAME(group) it = NAME(begin)(plan, count, room);
  wg_batch_found found = {.estimate = NAN};
  NAME(load)(plan, count, g, &it);
  found.fault = NAME(tame)(&it);
  if (found.fault >= 0) return found;
  NAME(normalise)(&it, plan->frobenius);
  NAME(iterate)(&it, plan);
  NAME(store)(plan, count, &it, out);
  for (int64_t l = 0; l < count; l++) {
    found.steps = WG_MAX(found.steps, it.steps[l]);
    found.estimate = fmax(found.estimate, it.estimate[l]);
  }
  return found;
}

#undef LANES
#undef APART
#undef BITS
#undef VEC
