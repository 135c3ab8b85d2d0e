/* The value L of repaired potentials under Q+ in ball arithmetic, over all n m pairs (theory 3.2).
 *
 * v_i = max(0, max_j f_i + g_j - c_ij) with c_ij = (y_j - x_i)' Q+ (y_j - x_i), and R'R is within
 * r (in norm) of Q+. A pair costs d rank ball operations, so the few that matter are found first.
 *
 * The filter, a theorem about IEEE doubles (no BLAS, no eigensolver). Let R1 be some rows of R (the
 * heavy ones: what is left out only lowers the cost), c any point, z = R1 (x - c), w = R1 (y - c),
 * evaluated in balls and rounded to doubles z', w' that are off by at most e_k in coordinate k, as
 * the balls say. With s = |z' - w'| and delta = 2 |e|, |R1 (y - x)| >= s - delta, and for every
 * 0 < theta < 1 (2 s delta <= theta s^2 + delta^2 / theta)
 *   c_ij >= (1 - theta) s^2 - delta^2 / theta - r D^2,     D >= |y - x| by the clouds' boxes.
 * acc = fl(s^2) is at most (1 + u)^(rank + 2) s^2 with one subnormal a coordinate more, with or
 * without fused multiply-add. So with keep <= (1 - theta)(1 - (rank + 4) u)(1 - u) and lift >=
 * delta^2 / theta + r D^2, the pair cannot raise v_i when
 *   fl(fl(f_i + g_j) - fl(keep acc)) <= v - lift - 8 u (|f_i| + max |g| + v + lift),   v <= v_i:
 * the potentials in one double and their sum cost 2 u (|f| + |g|), the outer rounding 2 u of the
 * right side, the rounding of the right side 3 u of its terms, and 8 covers them. Anything that is
 * not a number does not pass this test and is treated as near. If acc overflows, s^2 is above
 * 2^1023 (potentials are below 2^1020), and the pair is rightly passed over as long as lift is
 * small beside that; with a larger lift, which takes points or a Q near the end of the doubles, no
 * pair is. theta = 2^-20.
 *
 * Near pairs are computed from the stored doubles: y - x, R (y - x), its square with radius
 * r |y - x|^2 added, and the maximum of balls. So v_i is enclosed, not only bounded.
 *
 * Rows are independent and each task adds up its own rows in order, so nothing depends on the
 * number of threads. Cost n m rank1 flops, (n + m) d rank1 ball operations for the map and d rank
 * for each near pair (about n + m of them); memory 8 (n + m) rank1 bytes. */
#include "certify/rigorous.h"

enum {
  CHUNK = 64,
  BATCH = 256,
  ROWS = 64
}; /* columns at once, points mapped at once, rows a task */
static const double theta = 0x1p-20;
static const double largest_lift = 1e300; /* beyond, all pairs are near */

typedef struct side { /* the points with mass of one cloud */
  int64_t count;
  int64_t *index; /* among the given points */
  const double *points;
} side;

typedef struct scan {
  const wg_ball_factor *factor;
  int64_t d, kept; /* rows of R1 */
  slong bits;
  side x, y;
  const double *a;
  const wg_cert_potentials *dual;
  double *f, *g;    /* the potentials of the given points in one double each   */
  double *z;        /* x.count x kept: z'                                      */
  double *w;        /* chunks x kept x CHUNK: w', columns of a chunk together   */
  double *g_chunks; /* chunks x CHUNK, -inf behind the last column              */
  int64_t chunks;
  double keep, lift, g_most; /* of the opening comment                                  */
  int64_t tasks;
  arb_ptr paid; /* tasks: sum of a_i v_i */
} scan;

/* ---- the map ---- */

static int gather(wg_mem *mem, int64_t count, const double *points, const double *weights,
                  side *out) {
  *out = (side){.points = points, .index = WG_NEW(mem, int64_t, count)};
  if (!out->index) return wg_no_memory();
  for (int64_t i = 0; i < count; i++)
    if (weights[i] > 0.0) out->index[out->count++] = i;
  return WG_OK;
}

/* The rows of R that stand for eigenvalues above a few roundings of the largest, transposed. */
static void choose_rows(scan *s, arb_mat_t chosen) {
  const wg_ball_factor *factor = s->factor;
  double top = 0.0;
  for (slong i = 0; i < factor->rank; i++)
    top = WG_MAX(top, arf_get_d(arb_midref(factor->weight + i), ARF_RND_NEAR));
  for (slong i = 0; i < factor->rank; i++) {
    double weight = arf_get_d(arb_midref(factor->weight + i), ARF_RND_NEAR);
    if (!(weight > 4.0 * (double)s->d * WG_UNIT * top)) continue;
    for (int64_t k = 0; k < s->d; k++)
      arb_set(arb_mat_entry(chosen, k, s->kept), arb_mat_entry(factor->rows, i, k));
    s->kept++;
  }
}

/* The middle of the joint box; any point would do. */
static void find_centre(const scan *s, double *centre) {
  for (int64_t k = 0; k < s->d; k++) {
    double low = INFINITY, high = -INFINITY;
    const side *sides[2] = {&s->x, &s->y};
    for (int which = 0; which < 2; which++) {
      for (int64_t i = 0; i < sides[which]->count; i++) {
        double value = sides[which]->points[sides[which]->index[i] * s->d + k];
        low = WG_MIN(low, value);
        high = WG_MAX(high, value);
      }
    }
    centre[k] = 0.5 * low + 0.5 * high;
  }
}

/* Where coordinate k of mapped point i goes. */
typedef double *slot(scan *s, int64_t i, int64_t k);
static double *row_slot(scan *s, int64_t i, int64_t k) { return s->z + i * s->kept + k; }
static double *column_slot(scan *s, int64_t j, int64_t k) {
  return s->w + ((j / CHUNK) * s->kept + k) * CHUNK + j % CHUNK;
}

/* Rounds a batch of mapped points; worst[k] bounds how far coordinate k is moved. */
static void round_batch(scan *s, const arb_mat_t mapped, int64_t from, int64_t count, slot *place,
                        mag_ptr worst) {
  arb_t moved;
  mag_t error;
  arb_init(moved);
  mag_init(error);
  for (int64_t i = 0; i < count; i++) {
    for (int64_t k = 0; k < s->kept; k++) {
      arb_srcptr exact = arb_mat_entry(mapped, i, k);
      double *rounded = place(s, from + i, k);
      *rounded = arf_get_d(arb_midref(exact), ARF_RND_NEAR);
      arb_set_d(moved, *rounded);
      arb_sub(moved, exact, moved, s->bits);
      arb_get_mag(error, moved);
      mag_max(worst + k, worst + k, error);
    }
  }
  arb_clear(moved);
  mag_clear(error);
}

static void map_side(scan *s, const side *points, const double *centre, const arb_mat_t chosen,
                     slot *place, mag_ptr worst) {
  arb_mat_t steps, mapped;
  arb_t middle;
  arb_mat_init(steps, BATCH, s->d);
  arb_mat_init(mapped, BATCH, arb_mat_ncols(chosen));
  arb_init(middle);
  for (int64_t from = 0; from < points->count; from += BATCH) {
    int64_t count = WG_MIN(BATCH, points->count - from);
    for (int64_t i = 0; i < count; i++) {
      const double *point = points->points + points->index[from + i] * s->d;
      for (int64_t k = 0; k < s->d; k++) {
        arb_ptr entry = arb_mat_entry(steps, i, k);
        arb_set_d(entry, point[k]);
        arb_set_d(middle, centre[k]);
        arb_sub(entry, entry, middle, s->bits);
      }
    }
    arb_mat_mul(mapped, steps, chosen, s->bits);
    round_batch(s, mapped, from, count, place, worst);
  }
  arb_mat_clear(steps);
  arb_mat_clear(mapped);
  arb_clear(middle);
}

/* keep and lift. */
static void set_thresholds(scan *s, const wg_cert_data *data, mag_srcptr worst) {
  mag_t error;
  arb_t lift, part;
  arf_t end;
  mag_init(error);
  arb_init(lift);
  arb_init(part);
  arf_init(end);
  for (int64_t k = 0; k < s->kept; k++) mag_addmul(error, worst + k, worst + k);
  arf_set_mag(arb_midref(lift), error);
  arb_mul_2exp_si(lift, lift, 2 + 20); /* (2 |e|)^2 / theta */
  wg_ball_reach2(data, s->bits, part);
  arb_get_mag(error, part);
  mag_mul(error, error, s->factor->slack);
  arf_set_mag(end, error);
  arb_add_arf(lift, lift, end, s->bits);
  arb_get_ubound_arf(end, lift, s->bits);
  s->lift = arf_get_d(end, ARF_RND_CEIL) + 64.0 * (double)s->d * 0x1p-1074;
  s->keep = 1.0 - theta - (double)(s->kept + 16) * WG_UNIT;
  mag_clear(error);
  arb_clear(lift);
  arb_clear(part);
  arf_clear(end);
}

static void set_columns(scan *s) {
  for (int64_t j = 0; j < s->chunks * CHUNK; j++) {
    bool real = j < s->y.count;
    s->g_chunks[j] = real ? s->g[s->y.index[j]] : -INFINITY;
    if (real) s->g_most = WG_MAX(s->g_most, fabs(s->g_chunks[j]));
  }
}

static int map_clouds(wg_mem *mem, const wg_cert_data *data, const arb_mat_t chosen, scan *s) {
  s->chunks = (s->y.count + CHUNK - 1) / CHUNK;
  s->tasks = (s->x.count + ROWS - 1) / ROWS;
  s->z = WG_NEW(mem, double, s->x.count * s->kept);
  s->w = WG_NEW(mem, double, s->chunks * s->kept * CHUNK);
  s->g_chunks = WG_NEW(mem, double, s->chunks *CHUNK);
  s->paid = WG_NEW(mem, arb_struct, s->tasks);
  double *centre = WG_NEW(mem, double, s->d);
  mag_ptr worst = WG_NEW(mem, mag_struct, s->d); /* zero bytes are the number zero */
  if (!s->z || !s->w || !s->g_chunks || !s->paid || !centre || !worst) return wg_no_memory();
  find_centre(s, centre);
  map_side(s, &s->x, centre, chosen, row_slot, worst);
  map_side(s, &s->y, centre, chosen, column_slot, worst);
  set_thresholds(s, data, worst);
  set_columns(s);
  for (int64_t k = 0; k < s->d; k++) mag_clear(worst + k);
  return WG_OK;
}

/* One double for each potential, for the filter. */
static int round_potentials(wg_mem *mem, int64_t count, const double *values, const double *low,
                            double **rounded) {
  if (!(*rounded = WG_NEW(mem, double, count))) return wg_no_memory();
  for (int64_t i = 0; i < count; i++) (*rounded)[i] = low ? values[i] + low[i] : values[i];
  return WG_OK;
}

static int prepare(wg_mem *mem, const wg_cert_data *data, scan *s) {
  arb_mat_t chosen, columns;
  WG_TRY(gather(mem, data->n, data->x, data->a, &s->x));
  WG_TRY(gather(mem, data->m, data->y, data->b, &s->y));
  arb_mat_init(chosen, s->d, s->d);
  choose_rows(s, chosen);
  arb_mat_window_init(columns, chosen, 0, 0, s->d, s->kept);
  int status = map_clouds(mem, data, columns, s);
  arb_mat_window_clear(columns);
  arb_mat_clear(chosen);
  return status;
}

/* ---- the filter ---- */

/* excess[j] = f + g_j - keep |z - w_j|^2; the number of columns that are not surely below. */
WG_MULTIVERSION static int64_t screen(int64_t kept, const double *restrict z,
                                      const double *restrict w, const double *restrict g, double f,
                                      double keep, double threshold, double *restrict excess) {
  double sum[CHUNK] = {0.0};
  int64_t near = 0;
  for (int64_t k = 0; k < kept; k++) {
    for (int64_t j = 0; j < CHUNK; j++) {
      double step = z[k] - w[k * CHUNK + j];
      sum[j] += step * step;
    }
  }
  for (int64_t j = 0; j < CHUNK; j++) {
    excess[j] = (f + g[j]) - keep * sum[j];
    near += excess[j] <= threshold ? 0 : 1;
  }
  return near;
}

/* ---- single pairs ---- */

typedef struct room { /* of a thread */
  arb_ptr step;
  arb_t excess, part, violation;
  mag_t radius;
  arf_t end;
} room;

static void room_init(room *r, int64_t d) {
  r->step = _arb_vec_init(d);
  arb_init(r->excess);
  arb_init(r->part);
  arb_init(r->violation);
  mag_init(r->radius);
  arf_init(r->end);
}

static void room_clear(room *r, int64_t d) {
  _arb_vec_clear(r->step, d);
  arb_clear(r->excess);
  arb_clear(r->part);
  arb_clear(r->violation);
  mag_clear(r->radius);
  arf_clear(r->end);
}

static void add_double(arb_t sum, double value, slong bits) {
  arf_t term;
  arf_init(term);
  arf_set_d(term, value);
  arb_add_arf(sum, sum, term, bits);
  arf_clear(term);
}

/* r->excess = f_i + g_j - c_ij; i, j as given. */
static void find_excess(const scan *s, int64_t i, int64_t j, room *r) {
  const double *x = s->x.points + i * s->d, *y = s->y.points + j * s->d;
  for (int64_t k = 0; k < s->d; k++) {
    arb_set_d(r->step + k, y[k]);
    arb_set_d(r->part, x[k]);
    arb_sub(r->step + k, r->step + k, r->part, s->bits);
  }
  arb_dot(r->part, NULL, 0, r->step, 1, r->step, 1, s->d, s->bits);
  arb_get_mag(r->radius, r->part);
  mag_mul(r->radius, r->radius, s->factor->slack);
  arb_zero(r->excess);
  add_double(r->excess, s->dual->f[i], s->bits);
  add_double(r->excess, s->dual->g[j], s->bits);
  if (s->dual->f_low) add_double(r->excess, s->dual->f_low[i], s->bits);
  if (s->dual->g_low) add_double(r->excess, s->dual->g_low[j], s->bits);
  for (slong row = 0; row < s->factor->rank; row++) {
    arb_dot(r->part, NULL, 0, arb_mat_entry(s->factor->rows, row, 0), 1, r->step, 1, s->d, s->bits);
    arb_submul(r->excess, r->part, r->part, s->bits);
  }
  arb_add_error_mag(r->excess, r->radius);
}

/* What a filtered excess must pass to matter for a row with this violation so far. NAN, which
 * nothing is below, if the filter has nothing to say. */
static double row_threshold(const scan *s, double f, room *r) {
  if (!(s->lift <= largest_lift)) return NAN;
  arb_get_lbound_arf(r->end, r->violation, s->bits);
  double v = WG_MAX(0.0, arf_get_d(r->end, ARF_RND_FLOOR));
  return v - s->lift - 8.0 * WG_UNIT * (fabs(f) + s->g_most + v + s->lift);
}

/* r->violation = v_i of the point with mass number i. */
static void scan_row(const scan *s, int64_t i, room *r) {
  _Alignas(64) double excess[CHUNK];
  int64_t given = s->x.index[i];
  double f = s->f[given];
  arb_zero(r->violation);
  double threshold = row_threshold(s, f, r);
  for (int64_t chunk = 0; chunk < s->chunks; chunk++) {
    if (!screen(s->kept, s->z + i * s->kept, s->w + chunk * s->kept * CHUNK,
                s->g_chunks + chunk * CHUNK, f, s->keep, threshold, excess))
      continue;
    for (int64_t k = 0; k < CHUNK && chunk * CHUNK + k < s->y.count; k++) {
      if (excess[k] <= threshold) continue;
      find_excess(s, given, s->y.index[chunk * CHUNK + k], r);
      arb_max(r->violation, r->violation, r->excess, s->bits);
      threshold = row_threshold(s, f, r);
    }
  }
}

static void scan_task(const scan *s, int64_t task, room *r) {
  int64_t end = WG_MIN(s->x.count, (task + 1) * ROWS);
  for (int64_t i = task * ROWS; i < end; i++) {
    scan_row(s, i, r);
    arb_set_d(r->part, s->a[s->x.index[i]]);
    arb_addmul(s->paid + task, r->part, r->violation, s->bits);
  }
}

static void scan_pairs(const scan *s, int threads) {
  double work = (double)s->x.count * (double)(s->chunks * CHUNK) * (double)(s->kept + 2);
#pragma omp parallel num_threads(wg_threads_for(threads, work))
  {
    room r;
    room_init(&r, s->d);
#pragma omp for schedule(dynamic, 1)
    for (int64_t task = 0; task < s->tasks; task++) scan_task(s, task, &r);
    room_clear(&r, s->d);
    flint_cleanup(); /* what FLINT keeps for this thread */
  }
}

/* ---- the value ---- */

/* sum += weights . (values + low) / sum of weights; low may be NULL */
static void add_mean(int64_t count, const double *weights, const double *values, const double *low,
                     slong bits, arb_t sum) {
  arb_t top, weight, value;
  arb_init(top);
  arb_init(weight);
  arb_init(value);
  for (int64_t i = 0; i < count; i++) {
    arb_set_d(weight, weights[i]);
    arb_set_d(value, values[i]);
    if (low) add_double(value, low[i], bits);
    arb_addmul(top, weight, value, bits);
  }
  wg_ball_total(count, weights, bits, weight);
  arb_div(top, top, weight, bits);
  arb_add(sum, sum, top, bits);
  arb_clear(top);
  arb_clear(weight);
  arb_clear(value);
}

static void add_up(const scan *s, const wg_cert_data *data, arb_t value) {
  arb_t total;
  arb_init(total);
  arb_zero(value);
  for (int64_t task = 0; task < s->tasks; task++) {
    arb_sub(value, value, s->paid + task, s->bits);
    arb_clear(s->paid + task);
  }
  wg_ball_total(data->n, data->a, s->bits, total);
  arb_div(value, value, total, s->bits);
  add_mean(data->n, data->a, s->dual->f, s->dual->f_low, s->bits, value);
  add_mean(data->m, data->b, s->dual->g, s->dual->g_low, s->bits, value);
  arb_clear(total);
}

int wg_ball_transport(wg_mem *mem, int threads, const wg_cert_data *data,
                      const wg_ball_factor *factor, const wg_cert_potentials *dual, slong bits,
                      arb_t value) {
  wg_mem own = wg_mem_of(mem->ledger);
  scan s = {.factor = factor, .d = data->d, .bits = bits, .a = data->a, .dual = dual};
  int status = round_potentials(&own, data->n, dual->f, dual->f_low, &s.f);
  if (status == WG_OK) status = round_potentials(&own, data->m, dual->g, dual->g_low, &s.g);
  if (status == WG_OK) status = prepare(&own, data, &s);
  if (status == WG_OK) {
    scan_pairs(&s, threads);
    add_up(&s, data, value);
  }
  wg_mem_clear(&own);
  return status;
}
