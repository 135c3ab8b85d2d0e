/* The step of Muon against a plain twin: tensors walked by their indices, directions from the SVD
 * of a whole matrix, momenta and rules written down as they are defined; the known form of the
 * quintic in single precision; resuming to the bit; damaged states; who is moved by what. */
#include "linalg/la.h"
#include "support.h"

/* ---- the twin ---- */

enum { MOST = 240 };

typedef struct twin {
  wg_muon_parameter p;
  const wg_muon_settings *s;
  int rule;
  double m[MOST], v[MOST], w[MOST];
} twin;

static double direction_value(const char *gauge, int64_t rank, const double *s, int64_t i) {
  double p = 0.0, sum = 0.0;
  if (!gauge || !strcmp(gauge, "operator")) return 1.0;
  assert_int_equal(sscanf(gauge, "schatten:%lf", &p), 1);
  double q = 2 * p / (2 * p - 1);
  for (int64_t k = 0; k < rank; k++) sum += pow(s[k], q);
  return pow(s[i], q - 1) / pow(sum, (q - 1) / q);
}

static double dual_norm(const char *gauge, int64_t rank, const double *s) {
  double p = 0.0, sum = 0.0;
  bool is_operator = !gauge || !strcmp(gauge, "operator");
  if (!is_operator) assert_int_equal(sscanf(gauge, "schatten:%lf", &p), 1);
  double q = is_operator ? 1.0 : 2 * p / (2 * p - 1);
  for (int64_t k = 0; k < rank; k++) sum += pow(s[k], q);
  return pow(sum, 1 / q);
}

/* g (n x d) becomes its direction. */
static void twin_direction(const wg_muon_settings *set, int64_t n, int64_t d, double *g) {
  int64_t k = n > d ? n : d, rank = 0;
  double *square = test_numbers(k * k), *u = test_numbers(k * k), *s = test_numbers(k),
         *wt = test_numbers(k * k);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < d; j++) square[i * k + j] = g[i * d + j];
  assert_int_equal(wg_la_svd(k, square, u, s, wt), WG_OK);
  while (rank < k && s[rank] > 1e-12 * s[0]) rank++;
  double factor = set->dual_norm ? dual_norm(set->gauge, rank, s) : 1.0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < d; j++) {
      g[i * d + j] = 0.0;
      for (int64_t r = 0; r < rank; r++)
        g[i * d + j] +=
            factor * u[i * k + r] * direction_value(set->gauge, rank, s, r) * wt[r * k + j];
    }
  free(square);
  free(u);
  free(s);
  free(wt);
}

static double twin_scale(int scale, double n, double d) {
  if (scale == WG_MUON_SCALE_RMS) return 0.2 * sqrt(n > d ? n : d);
  return scale == WG_MUON_SCALE_ASPECT && n > d ? sqrt(n / d) : 1.0;
}

/* Of an entry: its matrix, row and column, from its indices. */
static void find_place(const wg_muon_parameter *p, int64_t entry, int64_t place[3]) {
  int64_t weight[3] = {1, 1, 1};
  const char *axes = p->axes ? p->axes : "rccccccc";
  place[0] = place[1] = place[2] = 0;
  for (int a = p->ndim - 1; a >= 0; a--) {
    int group = axes[a] == 'b' ? 0 : axes[a] == 'r' ? 1 : 2;
    place[group] += weight[group] * (entry % p->shape[a]);
    weight[group] *= p->shape[a];
    entry /= p->shape[a];
  }
}

static int64_t block_start(int64_t length, int64_t blocks, const int64_t *sizes, int64_t b) {
  int64_t start = 0;
  if (!sizes) return b * (length / (blocks ? blocks : 1));
  for (int64_t k = 0; k < b; k++) start += sizes[k];
  return start;
}

static int64_t entries_of(const wg_muon_parameter *p) {
  int64_t count = 1;
  for (int a = 0; a < p->ndim; a++) count *= p->shape[a];
  return count;
}

/* Moves the entries of one block, whose places were looked up. */
static void twin_block(twin *t, int64_t n, int64_t d, const int64_t *at, const double *ahead) {
  const wg_muon_settings *s = t->s;
  double *g = test_numbers(n * d), scale = twin_scale(s->scale, (double)n, (double)d);
  for (int64_t k = 0; k < n * d; k++) g[k] = ahead[at[k]];
  twin_direction(s, n, d, g);
  for (int64_t k = 0; k < n * d; k++) {
    t->w[at[k]] *= 1 - s->rate * s->weight_decay;
    t->w[at[k]] -= s->rate * scale * g[k];
  }
  free(g);
}

static void twin_matrices(twin *t, const double *ahead) {
  const wg_muon_parameter *p = &t->p;
  int64_t size[3] = {0, 0, 0}, count = entries_of(p), place[3], at[MOST];
  for (int64_t e = 0; e < count; e++) {
    find_place(p, e, place);
    for (int k = 0; k < 3; k++) size[k] = WG_MAX(size[k], place[k] + 1);
  }
  int64_t row_blocks = p->row_blocks ? p->row_blocks : 1;
  int64_t column_blocks = p->column_blocks ? p->column_blocks : 1;
  for (int64_t b = 0; b < size[0] * row_blocks * column_blocks; b++) {
    int64_t i = b / column_blocks % row_blocks, j = b % column_blocks;
    int64_t row = block_start(size[1], p->row_blocks, p->row_sizes, i),
            row_end = block_start(size[1], p->row_blocks, p->row_sizes, i + 1),
            column = block_start(size[2], p->column_blocks, p->column_sizes, j),
            column_end = block_start(size[2], p->column_blocks, p->column_sizes, j + 1);
    int64_t n = row_end - row, d = column_end - column;
    for (int64_t e = 0; e < count; e++) {
      find_place(p, e, place);
      if (place[0] == b / row_blocks / column_blocks && place[1] >= row && place[1] < row_end &&
          place[2] >= column && place[2] < column_end)
        at[(place[1] - row) * d + place[2] - column] = e;
    }
    twin_block(t, n, d, at, ahead);
  }
}

static void twin_step(twin *t, int step, const double *g) {
  const wg_muon_settings *s = t->s;
  double ahead[MOST], b = s->momentum, rate = s->fallback_rate;
  for (int64_t e = 0; e < entries_of(&t->p); e++) {
    if (t->rule == WG_MUON_ADAMW) {
      t->m[e] = s->beta1 * t->m[e] + (1 - s->beta1) * g[e];
      t->v[e] = s->beta2 * t->v[e] + (1 - s->beta2) * g[e] * g[e];
      double m = t->m[e] / (1 - pow(s->beta1, step)), v = t->v[e] / (1 - pow(s->beta2, step));
      t->w[e] -= rate * s->fallback_decay * t->w[e];
      t->w[e] -= rate * m / (sqrt(v) + s->epsilon);
      continue;
    }
    t->m[e] = b * t->m[e] + (1 - b) * g[e];
    ahead[e] = s->nesterov ? b * t->m[e] + (1 - b) * g[e] : t->m[e];
    if (t->rule == WG_MUON_SGD)
      t->w[e] = t->w[e] * (1 - rate * s->fallback_decay) - rate * ahead[e];
  }
  if (t->rule == WG_MUON_MATRIX) twin_matrices(t, ahead);
}

/* ---- parameters ---- */

static wg_muon_parameter parameter(const char *name, int ndim, int64_t a, int64_t b, int64_t c,
                                   int64_t d) {
  wg_muon_parameter p;
  wg_muon_parameter_init(&p);
  p.name = name;
  p.ndim = ndim;
  const int64_t shape[4] = {a, b, c, d};
  memcpy(p.shape, shape, sizeof shape);
  return p;
}

static const int64_t uneven_rows[] = {5, 2, 5}, uneven_columns[] = {3, 1};

enum { KINDS = 9 };

static wg_muon_parameter kind(int k) {
  wg_muon_parameter p;
  switch (k) {
    case 0: return parameter("layer.weight", 2, 6, 4, 0, 0);
    case 1: return parameter("wide", 2, 4, 7, 0, 0);
    case 2: return parameter("conv", 4, 5, 3, 2, 2);
    case 3:
      p = parameter("flax.conv", 4, 2, 2, 3, 5);
      p.axes = "cccr";
      return p;
    case 4:
      p = parameter("experts", 3, 3, 4, 5, 0);
      p.axes = "bcr";
      return p;
    case 5:
      p = parameter("qkv", 2, 12, 4, 0, 0);
      p.row_blocks = 3;
      p.column_blocks = 2;
      p.column_sizes = uneven_columns;
      p.row_sizes = uneven_rows;
      return p;
    case 6:
      p = parameter("heads", 2, 4, 12, 0, 0);
      p.column_blocks = 3;
      return p;
    case 7: return parameter("bias", 1, 7, 0, 0, 0);
    default:
      p = parameter("scalar", 0, 0, 0, 0, 0);
      p.rule = WG_MUON_SGD;
      return p;
  }
}

static void start_twin(twin *t, int k, bool single, const wg_muon_settings *s, wg_rng *rng) {
  memset(t, 0, sizeof *t);
  t->p = kind(k);
  t->p.single = single;
  t->s = s;
  t->rule = k < 7 ? WG_MUON_MATRIX : k == 7 ? s->fallback : WG_MUON_SGD;
  for (int e = 0; e < MOST; e++) t->w[e] = (double)(float)wg_rng_normal(rng);
}

/* Buffers of all parameters, of the type asked. */
typedef struct pack {
  bool single;
  double d[KINDS][MOST];
  float f[KINDS][MOST];
  void *each[KINDS];
} pack;

static void fill_pack(pack *to, bool single, int k, const double *numbers) {
  to->single = single;
  for (int e = 0; e < MOST; e++) {
    to->d[k][e] = numbers[e];
    to->f[k][e] = (float)numbers[e];
  }
  to->each[k] = single ? (void *)to->f[k] : (void *)to->d[k];
}

static void compare(const pack *found, const twin *twins, double tolerance) {
  for (int k = 0; k < KINDS; k++)
    for (int64_t e = 0; e < entries_of(&twins[k].p); e++)
      assert_near(found->single ? (double)found->f[k][e] : found->d[k][e], twins[k].w[e],
                  tolerance);
}

static void check_options(const wg_muon_settings *s, bool single, uint64_t seed) {
  static pack values, gradients;
  static twin twins[KINDS];
  wg_rng rng = {seed};
  wg_muon_parameter all[KINDS];
  wg_muon *muon;
  for (int k = 0; k < KINDS; k++) {
    start_twin(&twins[k], k, single, s, &rng);
    all[k] = twins[k].p;
    fill_pack(&values, single, k, twins[k].w);
  }
  if (wg_muon_setup(&muon, KINDS, all, s) != WG_OK) fail_msg("%s", wg_error_detail());
  for (int step = 1; step <= 3; step++) {
    for (int k = 0; k < KINDS; k++) {
      double g[MOST];
      for (int e = 0; e < MOST; e++) g[e] = (double)(float)wg_rng_normal(&rng);
      fill_pack(&gradients, single, k, g);
      twin_step(&twins[k], step, g);
    }
    wg_muon_report report;
    int status = wg_muon_step(muon, values.each, (const void *const *)gradients.each, &report);
    if (status != WG_OK) fail_msg("%s", wg_error_detail());
    assert_int_equal(report.step, step);
    assert_int_equal(report.directions, 1 + 1 + 1 + 1 + 3 + 6 + 3);
  }
  compare(&values, twins, single ? 2e-4 : 1e-11);
  wg_muon_free(muon);
}

static void test_all_options(void **state) {
  (void)state;
  static const char *const gauges[] = {NULL, "schatten:2", "schatten:1.5"};
  for (int k = 0; k < 144; k++) {
    wg_muon_settings s;
    wg_muon_settings_init(&s);
    s.rate = 0.1;
    s.nesterov = k % 2;
    s.scale = k / 2 % 3;
    s.gauge = gauges[k / 6 % 3];
    s.dual_norm = k / 18 % 2;
    s.weight_decay = k / 36 % 2 ? 0.3 : 0.0;
    s.fallback = k / 36 % 2 ? WG_MUON_SGD : WG_MUON_ADAMW;
    s.fallback_decay = k % 5 ? 0.2 : 0.0;
    s.fallback_rate = 0.05;
    s.momentum = k % 7 ? 0.9 : 0.0;
    check_options(&s, k / 72 % 2, 100 + (uint64_t)k);
  }
}

/* ---- the quintic as it is known ---- */

/* Five steps on x (n x d, n <= d), divided by its norm; single precision, plain loops. */
static void known_quintic(int n, int d, float *x) {
  float norm = 0, a[64], b[64], moved[MOST];
  for (int k = 0; k < n * d; k++) norm += x[k] * x[k];
  for (int k = 0; k < n * d; k++) x[k] /= sqrtf(norm) + 1e-7F;
  for (int step = 0; step < 5; step++) {
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        a[i * n + j] = 0;
        for (int k = 0; k < d; k++) a[i * n + j] += x[i * d + k] * x[j * d + k];
      }
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        b[i * n + j] = -4.7750F * a[i * n + j];
        for (int k = 0; k < n; k++) b[i * n + j] += 2.0315F * a[i * n + k] * a[k * n + j];
      }
    for (int i = 0; i < n; i++)
      for (int k = 0; k < d; k++) {
        moved[i * d + k] = 3.4445F * x[i * d + k];
        for (int j = 0; j < n; j++) moved[i * d + k] += b[i * n + j] * x[j * d + k];
      }
    memcpy(x, moved, (size_t)(n * d) * sizeof *x);
  }
}

/* buffer = beta buffer + g; direction of g + beta buffer, or of the buffer; sqrt(max(1, n / d)). */
static void known_step(int n, int d, bool nesterov, const float *g, float *buffer, float *w) {
  float x[MOST], small[MOST], beta = 0.95F, rate = 0.02F, decay = 0.1F;
  for (int k = 0; k < n * d; k++) {
    buffer[k] = beta * buffer[k] + g[k];
    x[k] = nesterov ? g[k] + beta * buffer[k] : buffer[k];
  }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < d; j++) small[n > d ? j * n + i : i * d + j] = x[i * d + j];
  known_quintic(n > d ? d : n, n > d ? n : d, small);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < d; j++) {
      float u = small[n > d ? j * n + i : i * d + j] * (n > d ? sqrtf((float)n / (float)d) : 1.0F);
      w[i * d + j] = w[i * d + j] * (1 - rate * decay) - rate * u;
    }
}

static void test_quintic_as_known(void **state) {
  (void)state;
  wg_rng rng = {5};
  for (int k = 0; k < 8; k++) {
    int n = k / 2 % 2 ? 18 : 8, d = k / 2 % 2 ? 8 : 18;
    float w[MOST], known[MOST], buffer[MOST] = {0}, g[MOST];
    wg_muon_settings s;
    wg_muon *muon;
    wg_muon_settings_init(&s);
    s.nesterov = k % 2;
    s.weight_decay = 0.1;
    s.polar.method = WG_POLAR_MUON;
    s.polar.gram = k / 4;
    wg_muon_parameter p = parameter("w", 2, n, d, 0, 0);
    p.single = 1;
    assert_int_equal(wg_muon_setup(&muon, 1, &p, &s), WG_OK);
    for (int e = 0; e < n * d; e++) w[e] = known[e] = (float)wg_rng_normal(&rng);
    for (int step = 0; step < 4; step++) {
      for (int e = 0; e < n * d; e++) g[e] = (float)wg_rng_normal(&rng);
      void *values = w;
      const void *gradient = g;
      assert_int_equal(wg_muon_step(muon, &values, &gradient, NULL), WG_OK);
      known_step(n, d, s.nesterov, g, buffer, known);
    }
    for (int e = 0; e < n * d; e++) assert_near((double)w[e], (double)known[e], 2e-5);
    wg_muon_free(muon);
  }
}

/* ---- scale ---- */

/* Steps of matrices do not see powers of two, from 1e-300 to 1e300; zero gradients move nothing. */
static void test_scale(void **state) {
  (void)state;
  static const int exponents[] = {0, -990, 990};
  static const char *const gauges[] = {"operator", "schatten:3"};
  for (int gauge = 0; gauge < 2; gauge++) {
    double w[3][24], zero[24] = {0}, kept[24];
    for (int k = 0; k < 3; k++) {
      wg_rng rng = {9};
      wg_muon_settings s;
      wg_muon *muon;
      double g[24];
      void *values = w[k];
      const void *gradient = g;
      wg_muon_settings_init(&s);
      s.gauge = gauges[gauge];
      wg_muon_parameter p = parameter("w", 2, 6, 4, 0, 0);
      assert_int_equal(wg_muon_setup(&muon, 1, &p, &s), WG_OK);
      for (int e = 0; e < 24; e++) w[k][e] = wg_rng_normal(&rng);
      memcpy(kept, w[k], sizeof kept);
      const void *nothing = zero;
      assert_int_equal(wg_muon_step(muon, &values, &nothing, NULL), WG_OK);
      assert_memory_equal(kept, w[k], sizeof kept);
      for (int step = 0; step < 2; step++) {
        for (int e = 0; e < 24; e++) g[e] = ldexp(wg_rng_normal(&rng), exponents[k]);
        assert_int_equal(wg_muon_step(muon, &values, &gradient, NULL), WG_OK);
      }
      wg_muon_free(muon);
    }
    assert_memory_equal(w[0], w[1], sizeof w[0]);
    assert_memory_equal(w[0], w[2], sizeof w[0]);
  }
}

/* ---- a mixed optimiser ---- */

typedef struct mixed {
  wg_muon *muon;
  float a[15];
  double b[24], c[3], t[2];
  void *values[4];
} mixed;

static void start_mixed(mixed *x) {
  wg_rng rng = {3};
  wg_muon_parameter p[4] = {parameter("a", 2, 5, 3, 0, 0), parameter("b", 2, 6, 4, 0, 0),
                            parameter("c", 1, 3, 0, 0, 0), parameter("t", 1, 2, 0, 0, 0)};
  p[0].single = 1;
  p[0].rule = WG_MUON_ADAMW;
  p[3].rule = WG_MUON_SGD;
  for (int e = 0; e < 24; e++) x->b[e] = wg_rng_normal(&rng);
  for (int e = 0; e < 15; e++) x->a[e] = (float)e - 7;
  memset(x->c, 0, sizeof x->c);
  memset(x->t, 0, sizeof x->t);
  x->values[0] = x->a, x->values[1] = x->b, x->values[2] = x->c, x->values[3] = x->t;
  if (wg_muon_setup(&x->muon, 4, p, NULL) != WG_OK) fail_msg("%s", wg_error_detail());
}

static int step_mixed(mixed *x, uint64_t seed) {
  wg_rng rng = {seed};
  float a[15];
  double b[24], c[3], t[2];
  const void *gradients[4] = {a, b, c, t};
  for (int e = 0; e < 15; e++) a[e] = (float)wg_rng_normal(&rng);
  for (int e = 0; e < 24; e++) b[e] = wg_rng_normal(&rng);
  for (int e = 0; e < 3; e++) c[e] = wg_rng_normal(&rng);
  for (int e = 0; e < 2; e++) t[e] = wg_rng_normal(&rng);
  return wg_muon_step(x->muon, x->values, gradients, NULL);
}

static unsigned char *saved(const wg_muon *muon, int64_t *size) {
  *size = wg_muon_state_bytes(muon);
  unsigned char *bytes = malloc((size_t)*size);
  assert_non_null(bytes);
  assert_int_equal(wg_muon_save(muon, bytes, *size), WG_OK);
  return bytes;
}

static void assert_same(const mixed *x, const mixed *y) {
  int64_t size, other;
  unsigned char *one = saved(x->muon, &size), *two = saved(y->muon, &other);
  assert_int_equal(size, other);
  assert_memory_equal(one, two, (size_t)size);
  assert_memory_equal(x->a, y->a, sizeof x->a);
  assert_memory_equal(x->b, y->b, sizeof x->b);
  assert_memory_equal(x->c, y->c, sizeof x->c);
  assert_memory_equal(x->t, y->t, sizeof x->t);
  free(one);
  free(two);
}

static void copy_values(mixed *to, const mixed *from) {
  memcpy(to->a, from->a, sizeof to->a);
  memcpy(to->b, from->b, sizeof to->b);
  memcpy(to->c, from->c, sizeof to->c);
  memcpy(to->t, from->t, sizeof to->t);
}

static void test_resume(void **state) {
  (void)state;
  mixed x, y;
  int64_t size;
  start_mixed(&x);
  for (uint64_t k = 0; k < 3; k++) assert_int_equal(step_mixed(&x, k), WG_OK);
  unsigned char *bytes = saved(x.muon, &size);
  start_mixed(&y);
  assert_int_equal(wg_muon_load(y.muon, bytes, size), WG_OK);
  copy_values(&y, &x);
  assert_same(&x, &y);
  for (uint64_t k = 3; k < 6; k++) {
    assert_int_equal(step_mixed(&x, k), WG_OK);
    assert_int_equal(step_mixed(&y, k), WG_OK);
  }
  assert_same(&x, &y);
  free(bytes);
  wg_muon_free(x.muon);
  wg_muon_free(y.muon);
}

/* Every byte changed in every bit, every length: refused, with nothing changed. */
static void test_damaged_state(void **state) {
  (void)state;
  mixed x, y;
  int64_t size;
  start_mixed(&x);
  start_mixed(&y);
  assert_int_equal(step_mixed(&x, 1), WG_OK);
  assert_int_equal(step_mixed(&y, 1), WG_OK);
  assert_int_equal(step_mixed(&y, 2), WG_OK);
  unsigned char *bytes = saved(x.muon, &size), *before = saved(y.muon, &size);
  for (int64_t k = 0; k < 8 * size; k++) {
    bytes[k / 8] ^= (unsigned char)(1 << k % 8);
    assert_int_equal(wg_muon_load(y.muon, bytes, size), WG_ERR_INPUT);
    bytes[k / 8] ^= (unsigned char)(1 << k % 8);
  }
  for (int64_t k = 0; k < size; k++) assert_int_equal(wg_muon_load(y.muon, bytes, k), WG_ERR_INPUT);
  unsigned char *after = saved(y.muon, &size);
  assert_memory_equal(before, after, (size_t)size);
  assert_int_equal(wg_muon_load(y.muon, bytes, size), WG_OK);
  free(bytes);
  free(before);
  free(after);
  wg_muon_free(x.muon);
  wg_muon_free(y.muon);
}

/* A whole state, of other parameters. */
static void check_foreign(wg_muon_parameter other, const char *words) {
  wg_muon_parameter own = parameter("w", 2, 6, 4, 0, 0);
  wg_muon *one, *two;
  int64_t size;
  assert_int_equal(wg_muon_setup(&one, 1, &own, NULL), WG_OK);
  assert_int_equal(wg_muon_setup(&two, 1, &other, NULL), WG_OK);
  unsigned char *bytes = saved(two, &size);
  assert_int_equal(wg_muon_load(one, bytes, size), WG_ERR_INPUT);
  if (!strstr(wg_error_detail(), words)) fail_msg("%s", wg_error_detail());
  free(bytes);
  wg_muon_free(one);
  wg_muon_free(two);
}

static void test_foreign_state(void **state) {
  (void)state;
  wg_muon_parameter p = parameter("w", 2, 6, 4, 0, 0);
  check_foreign(parameter("v", 2, 6, 4, 0, 0), "it has not 'w'");
  check_foreign(parameter("w", 2, 4, 6, 0, 0), "another shape");
  check_foreign(parameter("w", 2, 12, 4, 0, 0), "another shape");
  p.rule = WG_MUON_SGD;
  check_foreign(p, "another rule");
  p = parameter("w", 2, 6, 8, 0, 0);
  p.single = 1;
  check_foreign(p, "another shape");
}

/* ---- who is moved by what ---- */

static void test_routes(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int ndim;
    int64_t shape[3];
    int rule, reason;
    const char *pattern;
  } table[] = {
      {"blocks.0.attn.heads.q.weight", 2, {8, 4, 0}, WG_MUON_MATRIX, WG_MUON_IS_MATRIX, ""},
      {"Embed_0.embedding", 2, {8, 4, 0}, WG_MUON_SGD, WG_MUON_BY_NAME, "*embed*"},
      {"transformer.wte.weight", 2, {8, 4, 0}, WG_MUON_SGD, WG_MUON_BY_NAME, "*wte*"},
      {"lm_head.weight", 2, {8, 4, 0}, WG_MUON_SGD, WG_MUON_BY_NAME, "*lm_head*"},
      {"head.weight", 2, {8, 4, 0}, WG_MUON_SGD, WG_MUON_BY_NAME, "head.*"},
      {"norm.weight", 1, {8, 0, 0}, WG_MUON_SGD, WG_MUON_BY_SHAPE, ""},
      {"temperature", 0, {0, 0, 0}, WG_MUON_SGD, WG_MUON_BY_SHAPE, ""},
      {"column", 2, {8, 1, 0}, WG_MUON_SGD, WG_MUON_BY_SHAPE, ""},
      {"row", 3, {1, 8, 2}, WG_MUON_SGD, WG_MUON_BY_SHAPE, ""},
      {"conv", 3, {4, 3, 2}, WG_MUON_MATRIX, WG_MUON_IS_MATRIX, ""},
  };
  enum { ROWS = sizeof table / sizeof *table };
  wg_muon_parameter p[ROWS + 2];
  wg_muon_settings s;
  wg_muon_route route;
  wg_muon *muon;
  wg_muon_settings_init(&s);
  s.fallback = WG_MUON_SGD;
  for (int k = 0; k < ROWS; k++)
    p[k] = parameter(table[k].name, table[k].ndim, table[k].shape[0], table[k].shape[1],
                     table[k].shape[2], 0);
  p[ROWS] = parameter("embed.asked", 3, 2, 6, 4, 0);
  p[ROWS].axes = "brc";
  p[ROWS].row_blocks = 3;
  p[ROWS + 1] = parameter("asked", 2, 6, 4, 0, 0);
  p[ROWS + 1].rule = WG_MUON_ADAMW;
  assert_int_equal(wg_muon_setup(&muon, ROWS + 2, p, &s), WG_OK);
  for (int k = 0; k < ROWS; k++) {
    assert_int_equal(wg_muon_get_route(muon, k, &route), WG_OK);
    assert_string_equal(route.name, table[k].name);
    if (route.rule != table[k].rule || route.reason != table[k].reason)
      fail_msg("%s: rule %d, reason %d", route.name, route.rule, route.reason);
    assert_string_equal(route.pattern, table[k].pattern);
  }
  assert_int_equal(route.rows, 4);
  assert_int_equal(route.columns, 6);
  assert_int_equal(wg_muon_get_route(muon, ROWS, &route), WG_OK);
  assert_true(route.rule == WG_MUON_MATRIX && route.reason == WG_MUON_ASKED);
  assert_true(route.matrices == 2 && route.rows == 6 && route.columns == 4);
  assert_true(route.row_blocks == 3 && route.column_blocks == 1 && route.entries == 48);
  assert_int_equal(wg_muon_get_route(muon, ROWS + 1, &route), WG_OK);
  assert_true(route.rule == WG_MUON_ADAMW && route.reason == WG_MUON_ASKED && !route.rows);
  assert_int_equal(wg_muon_get_route(muon, ROWS + 2, &route), WG_ERR_ARGUMENT);
  wg_muon_free(muon);
}

static void test_patterns(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *name;
    bool fits;
  } cases[] = {{"*", "", true},        {"", "", true},          {"", "a", false},
               {"a*c", "abbc", true},  {"a*c", "abcb", false},  {"a*b*c", "a.b.b.c", true},
               {"?b", "ab", true},     {"?b", "b", false},      {"*.w", "x.W", true},
               {"*ab*", "aaab", true}, {"*ab", "abab", true},   {"**a", "a", true},
               {"a?*", "a", false},    {"head", "heads", false}};
  size_t length;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    if (wg_pattern_fits(cases[k].pattern, strlen(cases[k].pattern), cases[k].name) != cases[k].fits)
      fail_msg("%s and %s", cases[k].pattern, cases[k].name);
  assert_null(wg_pattern_find(",x,,y*", "z", &length));
  assert_string_equal(wg_pattern_find("x,y*,z", "yes", &length), "y*,z");
  assert_int_equal(length, 2);
}

/* ---- what is refused ---- */

static void refuse_parameter(wg_muon_parameter p, const char *gauge, int status,
                             const char *words) {
  wg_muon_settings s;
  wg_muon *muon;
  wg_muon_settings_init(&s);
  s.gauge = gauge;
  assert_int_equal(wg_muon_setup(&muon, 1, &p, &s), status);
  assert_null(muon);
  if (!strstr(wg_error_detail(), words)) fail_msg("'%s' in: %s", words, wg_error_detail());
}

static void test_bad_parameters(void **state) {
  (void)state;
  const int bad = WG_ERR_ARGUMENT;
  wg_muon_parameter p = parameter("w", 2, 6, 4, 0, 0);
  refuse_parameter(p, "kyfan:5", WG_ERR_INPUT, "'w': kyfan:5");
  refuse_parameter(p, "nuclear", bad, "nuclear");
  p.axes = "rcc";
  refuse_parameter(p, NULL, bad, "'w': axes 'rcc' are not 2 letters");
  p.axes = "rx";
  refuse_parameter(p, NULL, bad, "axes 'rx'");
  p = parameter("w", 2, 6, 4, 0, 0);
  p.row_blocks = 4;
  refuse_parameter(p, NULL, bad, "its 6 rows cannot be cut into 4 equal blocks");
  p.row_blocks = -1;
  refuse_parameter(p, NULL, bad, "cannot be cut");
  p.row_blocks = 3;
  p.row_sizes = uneven_rows;
  refuse_parameter(p, NULL, bad, "block 1 of its 6 rows has size 2");
  p = parameter("w", 2, 6, 5, 0, 0);
  p.column_blocks = 2;
  p.column_sizes = uneven_columns;
  refuse_parameter(p, NULL, bad, "columns add up to 4");
  p = parameter("w", 1, 6, 0, 0, 0);
  p.rule = WG_MUON_MATRIX;
  refuse_parameter(p, NULL, bad, "less than two axes");
  refuse_parameter(parameter("", 2, 6, 4, 0, 0), NULL, bad, "no name");
  refuse_parameter(parameter("w", 2, 6, 0, 0, 0), NULL, bad, "shape[1] = 0");
  refuse_parameter(parameter("w", 2, INT64_MAX / 2, 3, 0, 0), NULL, bad, "too large");
  refuse_parameter(parameter("w", 9, 1, 1, 1, 1), NULL, bad, "9 axes");
  p = parameter("w", 2, 6, 4, 0, 0);
  p.rule = 4;
  refuse_parameter(p, NULL, bad, "rule = 4");
  p.struct_size = 0;
  refuse_parameter(p, NULL, bad, "wg_muon_parameter_init");
  wg_muon_parameter two[2] = {parameter("w", 1, 6, 0, 0, 0), parameter("w", 1, 6, 0, 0, 0)};
  wg_muon *muon;
  assert_int_equal(wg_muon_setup(&muon, 2, two, NULL), bad);
  assert_int_equal(wg_muon_setup(&muon, 0, two, NULL), bad);
}

static void test_bad_settings(void **state) {
  (void)state;
  wg_muon_parameter p = parameter("w", 2, 6, 4, 0, 0);
  for (int k = 0; k < 12; k++) {
    wg_muon_settings s;
    wg_muon *muon;
    wg_muon_settings_init(&s);
    switch (k) {
      case 0: s.struct_size = 3; break;
      case 1: s.rate = 0; break;
      case 2: s.momentum = 1; break;
      case 3: s.beta1 = NAN; break;
      case 4: s.beta2 = -0.1; break;
      case 5: s.weight_decay = -1; break;
      case 6: s.scale = 3; break;
      case 7: s.fallback = WG_MUON_MATRIX; break;
      case 8: s.polar.method = 9; break;
      case 9: s.polar.method = WG_POLAR_MUON, s.gauge = "trace"; break;
      case 10: s.polar.method = WG_POLAR_EXPRESS, s.dual_norm = 1; break;
      default: s.fallback_rate = INFINITY; break;
    }
    assert_int_equal(wg_muon_setup(&muon, 1, &p, &s), WG_ERR_ARGUMENT);
    assert_null(muon);
  }
}

/* A number that is not finite, in each parameter and in both packs: named, and nothing moves. */
static void test_not_finite(void **state) {
  (void)state;
  mixed x, y;
  float a[15] = {0};
  double b[24] = {0}, c[3] = {0}, t[2] = {0};
  const void *gradients[4] = {a, b, c, t};
  start_mixed(&x);
  start_mixed(&y);
  b[9] = NAN;
  assert_int_equal(wg_muon_step(x.muon, x.values, gradients, NULL), WG_ERR_INPUT);
  assert_string_equal(wg_error_detail(),
                      "the gradient of 'b': entry [2, 1] = nan is not finite; leave this step out");
  b[9] = 0;
  a[4] = INFINITY;
  assert_int_equal(wg_muon_step(x.muon, x.values, gradients, NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "the gradient of 'a': entry [1, 1] = inf"));
  a[4] = 0;
  c[1] = 1e151;
  assert_int_equal(wg_muon_step(x.muon, x.values, gradients, NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "too large for AdamW"));
  c[1] = 1;
  assert_same(&x, &y);
  x.t[1] = NAN;
  assert_int_equal(wg_muon_step(x.muon, x.values, gradients, NULL), WG_ERR_INPUT);
  assert_non_null(strstr(wg_error_detail(), "the value of 't': entry [1] = nan"));
  x.t[1] = y.t[1];
  assert_same(&x, &y);
  gradients[2] = NULL;
  assert_int_equal(wg_muon_step(x.muon, x.values, gradients, NULL), WG_ERR_ARGUMENT);
  assert_same(&x, &y);
  wg_muon_free(x.muon);
  wg_muon_free(y.muon);
}

/* A wrong factor of a float that cannot be stored is refused, and nothing moves. */
static void test_too_large_direction(void **state) {
  (void)state;
  wg_muon_settings s;
  wg_muon *muon;
  float w[24] = {0}, g[24], kept[24] = {0};
  void *values = w;
  const void *gradient = g;
  wg_muon_settings_init(&s);
  s.dual_norm = 1;
  s.momentum = 0;
  wg_muon_parameter p = parameter("w", 2, 6, 4, 0, 0);
  p.single = 1;
  assert_int_equal(wg_muon_setup(&muon, 1, &p, &s), WG_OK);
  for (int e = 0; e < 24; e++) g[e] = (e % 5 ? 3e38F : -3e38F);
  assert_int_equal(wg_muon_step(muon, &values, &gradient, NULL), WG_ERR_INPUT);
  assert_memory_equal(w, kept, sizeof w);
  wg_muon_free(muon);
}

static void test_rates(void **state) {
  (void)state;
  mixed x, y;
  start_mixed(&x);
  start_mixed(&y);
  assert_int_equal(wg_muon_set_rates(x.muon, 0.02, 0.0), WG_ERR_ARGUMENT);
  assert_int_equal(wg_muon_set_rates(x.muon, 0.04, 6e-4), WG_OK);
  assert_int_equal(step_mixed(&x, 1), WG_OK);
  assert_int_equal(step_mixed(&y, 1), WG_OK);
  mixed start;
  start_mixed(&start);
  for (int e = 0; e < 24; e++) assert_near(x.b[e] - start.b[e], 2 * (y.b[e] - start.b[e]), 1e-14);
  for (int e = 0; e < 2; e++) assert_near(x.t[e], 2 * y.t[e], 1e-18);
  wg_muon_free(x.muon);
  wg_muon_free(y.muon);
  wg_muon_free(start.muon);
}

/* ---- what is reported ---- */

static void test_report(void **state) {
  (void)state;
  wg_muon_parameter p[2] = {parameter("w", 2, 6, 4, 0, 0), parameter("b", 1, 6, 0, 0, 0)};
  wg_muon_settings s;
  wg_muon_report report;
  wg_rng rng = {2};
  for (int k = 0; k < 2; k++) {
    double w[24] = {0}, b[6] = {0}, g[24];
    void *values[2] = {w, b};
    const void *gradients[2] = {g, g};
    wg_muon *muon;
    for (int e = 0; e < 24; e++) g[e] = wg_rng_normal(&rng);
    wg_muon_settings_init(&s);
    s.polar.check = 1;
    s.polar.method = k ? WG_POLAR_MUON : WG_POLAR_EXACT;
    assert_int_equal(wg_muon_setup(&muon, 2, p, &s), WG_OK);
    assert_int_equal(wg_muon_step(muon, values, gradients, &report), WG_OK);
    assert_int_equal(report.directions, 1);
    assert_true(report.peak_bytes > 0 && report.seconds >= 0);
    if (k) {
      assert_true(isnan(report.estimate) && report.sigma_max > 1.01 && report.sigma_min > 0.6);
    } else {
      assert_true(report.estimate < 1e-12 && report.orthogonality < 1e-13);
      assert_true(report.sigma_min > 1 - 1e-13 && report.sigma_max < 1 + 1e-13);
    }
    wg_muon_free(muon);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_options),    cmocka_unit_test(test_quintic_as_known),
      cmocka_unit_test(test_scale),          cmocka_unit_test(test_resume),
      cmocka_unit_test(test_damaged_state),  cmocka_unit_test(test_foreign_state),
      cmocka_unit_test(test_routes),         cmocka_unit_test(test_patterns),
      cmocka_unit_test(test_bad_parameters), cmocka_unit_test(test_bad_settings),
      cmocka_unit_test(test_not_finite),     cmocka_unit_test(test_too_large_direction),
      cmocka_unit_test(test_rates),          cmocka_unit_test(test_report),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
