/* Private to polynomial.c: the polynomial methods in one precision, REAL. */

typedef struct NAME(iterate) {
  int64_t n, d;
  REAL *x, *moved;              /* n x d, and room for as much                 */
  REAL *a, *square, *b, *spare; /* d x d: X'X, its square, the polynomial, room */
  REAL *total;                  /* d x d: product of the polynomials (Gram form) */
} NAME(iterate);

static void NAME(mirror)(int64_t d, REAL *s) {
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++) s[i * d + j] = s[j * d + i];
}

static void NAME(scale)(int64_t count, double factor, REAL *numbers) {
  for (int64_t i = 0; i < count; i++) numbers[i] = (REAL)((double)numbers[i] * factor);
}

static double NAME(frobenius)(int64_t count, const REAL *numbers) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; i++) sum += (double)numbers[i] * (double)numbers[i];
  return sqrt(sum);
}

static void NAME(swap)(REAL **one, REAL **other) {
  REAL *kept = *one;
  *one = *other;
  *other = kept;
}

/* The Gram matrix of X and its square. */
static void NAME(form_gram)(NAME(iterate) * it) {
  SYRK(it->n, it->d, it->x, 0, it->a);
  NAME(mirror)(it->d, it->a);
}

static void NAME(form_square)(NAME(iterate) * it) {
  SYRK(it->d, it->d, it->a, 0, it->square);
  NAME(mirror)(it->d, it->square);
}

/* b = c_0 I + c_1 a + c_2 a^2 + ..., by Horner from the square down. */
static void NAME(evaluate)(NAME(iterate) * it, int terms, const double *c) {
  int64_t d = it->d;
  int j = WG_MAX(terms - 3, 0);
  double high = terms >= 3 ? c[j + 2] : 0.0, middle = terms >= 2 ? c[j + 1] : 0.0;
  for (int64_t i = 0; i < d * d; i++) {
    double square = terms >= 3 ? high * (double)it->square[i] : 0.0;
    it->b[i] = (REAL)(square + middle * (double)it->a[i]);
  }
  for (int64_t i = 0; i < d; i++) it->b[i * d + i] += (REAL)c[j];
  while (--j >= 0) {
    GEMM(false, false, d, d, d, 1, it->a, d, it->b, d, 0, it->spare, d);
    NAME(swap)(&it->b, &it->spare);
    for (int64_t i = 0; i < d; i++) it->b[i * d + i] += (REAL)c[j];
  }
}

/* X <- X b, or in Gram form total <- total b and, unless this was the last step, a <- a b^2: all of
 * them commute. */
static void NAME(advance)(NAME(iterate) * it, bool gram, bool last) {
  int64_t d = it->d, n = it->n;
  if (!gram) {
    GEMM(false, false, n, d, d, 1, it->x, d, it->b, d, 0, it->moved, d);
    NAME(swap)(&it->x, &it->moved);
    return;
  }
  GEMM(false, false, d, d, d, 1, it->total, d, it->b, d, 0, it->spare, d);
  NAME(swap)(&it->total, &it->spare);
  if (last) return;
  SYRK(d, d, it->b, 0, it->square);
  NAME(mirror)(d, it->square);
  GEMM(false, false, d, d, d, 1, it->a, d, it->square, d, 0, it->spare, d);
  NAME(swap)(&it->a, &it->spare);
  NAME(mirror)(d, it->a);
}

/* |A^2 - A|_F / sqrt(d): zero exactly at partial isometries. */
static double NAME(distance)(const NAME(iterate) * it) {
  double sum = 0.0;
  for (int64_t i = 0; i < it->d * it->d; i++) {
    double difference = (double)it->square[i] - (double)it->a[i];
    sum += difference * difference;
  }
  return sqrt(sum / (double)it->d);
}

/* Of the entries in the order in which they are stored; keeps a NaN. */
static double NAME(largest)(const wg_rows *g) {
  bool by_rows = g->column_step == 1;
  int64_t lines = by_rows ? g->count : g->width, length = by_rows ? g->width : g->count;
  REAL largest = 0;
  for (int64_t i = 0; i < lines; i++) {
    const REAL *line = (const REAL *)g->data + i * (by_rows ? g->row_step : g->column_step);
    for (int64_t j = 0; j < length; j++) {
      REAL entry = line[j] < 0 ? -line[j] : line[j];
      if (!(entry <= largest)) largest = entry;
      if (largest != largest) return NAN;
    }
  }
  return (double)largest;
}

/* Both ways between X and a matrix that may be stored by columns: in tiles, so that neither side is
 * read or written across. */
enum { NAME(TILE) = 32 };
#define FOR_TILES(n, d, i, j)                                           \
  for (int64_t first = 0; first < (n); first += NAME(TILE))             \
    for (int64_t start = 0; start < (d); start += NAME(TILE))           \
      for (int64_t i = first; i < WG_MIN((n), first + NAME(TILE)); i++) \
        for (int64_t j = start; j < WG_MIN((d), start + NAME(TILE)); j++)

/* In two factors, of which neither leaves the range. */
static void NAME(read)(NAME(iterate) * it, const wg_rows *g, int exponent) {
  double half = ldexp(1.0, -exponent / 2), rest = ldexp(1.0, exponent / 2 - exponent);
  const REAL *from = g->data;
  FOR_TILES(it->n, it->d, i, j)
  it->x[i * it->d + j] = (REAL)((double)from[i * g->row_step + j * g->column_step] * half * rest);
}

/* X = G over a bound of its largest singular value; false when G is zero. */
static void NAME(normalise)(NAME(iterate) * it, const wg_rows *g, int exponent, int method) {
  NAME(read)(it, g, exponent);
  NAME(form_gram)(it);
  double bound = NAME(frobenius)(it->n * it->d, it->x), margin = 1.0 + 16.0 * (double)REAL_UNIT;
  NAME(scale)(it->d * it->d, 1.0 / bound / bound, it->a);
  if (method != WG_POLAR_MUON) {
    NAME(form_square)(it);
    double tight = margin * sqrt(sqrt(NAME(frobenius)(it->d * it->d, it->square)));
    NAME(scale)(it->d * it->d, 1.0 / tight / tight, it->a);
    bound *= tight;
  }
  NAME(scale)(it->n * it->d, 1.0 / bound, it->x);
}

static void NAME(write)(const NAME(iterate) * it, const wg_rows *out) {
  REAL *to = out->data;
  FOR_TILES(it->n, it->d, i, j)
  to[i * out->row_step + j * out->column_step] = it->x[i * it->d + j];
}

/* Steps until the plan is done; those made. */
static int NAME(iterate_plan)(NAME(iterate) * it, const wg_polynomial_plan *plan,
                              double *estimate) {
  wg_polynomial_steps steps = wg_polynomial_begin(plan);
  for (int made = 0;; made++) {
    bool last = made == plan->steps, looks = plan->tol > 0.0;
    if (last && !looks) return made;
    if (made && !plan->gram) NAME(form_gram)(it);
    wg_polynomial_next(&steps);
    if (looks || steps.terms >= 3) NAME(form_square)(it);
    if (looks) *estimate = NAME(distance)(it);
    if (last || (looks && *estimate <= plan->tol)) return made;
    NAME(evaluate)(it, steps.terms, steps.c);
    NAME(advance)(it, plan->gram, !looks && made + 1 == plan->steps);
  }
}

static int NAME(make_iterate)(wg_mem *mem, const wg_rows *g, bool gram, NAME(iterate) * it) {
  int64_t n = g->count, d = g->width;
  *it = (NAME(iterate)){.n = n,
                        .d = d,
                        .x = WG_NEW(mem, REAL, n * d),
                        .moved = WG_NEW(mem, REAL, n * d),
                        .a = WG_NEW(mem, REAL, d * d),
                        .square = WG_NEW(mem, REAL, d * d),
                        .b = WG_NEW(mem, REAL, d * d),
                        .spare = WG_NEW(mem, REAL, d * d),
                        .total = WG_NEW(mem, REAL, gram ? d * d : 0)};
  bool all = it->x && it->moved && it->a && it->square && it->b && it->spare && it->total;
  for (int64_t i = 0; all && gram && i < d; i++) it->total[i * d + i] = 1;
  return all ? WG_OK : wg_no_memory();
}

int NAME(wg_polynomial)(const wg_rows *g, const wg_polynomial_plan *plan, const wg_rows *out,
                        wg_mem *mem, int *steps, double *estimate) {
  NAME(iterate) it;
  double largest = NAME(largest)(g);
  *steps = 0;
  *estimate = NAN;
  if (!isfinite(largest)) return wg_rows_refuse(g, "g");
  WG_TRY(NAME(make_iterate)(mem, g, plan->gram, &it));
  if (largest > 0.0) {
    NAME(normalise)(&it, g, ilogb(largest), plan->method);
    *steps = NAME(iterate_plan)(&it, plan, estimate);
  }
  if (plan->gram && *steps > 0) {
    GEMM(false, false, it.n, it.d, it.d, 1, it.x, it.d, it.total, it.d, 0, it.moved, it.d);
    NAME(swap)(&it.x, &it.moved);
  }
  NAME(write)(&it, out);
  return WG_OK;
}
#undef FOR_TILES
