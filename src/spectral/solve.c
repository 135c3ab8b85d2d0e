/* The solver's life: set up, move, solve, answer.
 *
 * Coordinates are centred, without rounding (Sterbenz) unless the clouds are a distance apart, and
 * scaled by a power of two (exact), so that the search works near one whatever the units or
 * offsets, and differences between points that nearly coincide are what they are in the data; the
 * answer goes back to the units of the points. A first lower bound comes free: Sigma_P >= delta
 * delta' for every coupling, so W2 >= gamma(delta delta'), with zero potentials.
 */
#include <string.h>

#include "linalg/la.h"
#include "spectral/state.h"

static void mean_point(const wg_spectral *s, int64_t count, const double *points,
                       const int64_t *mass, double *mean) {
  for (int64_t k = 0; k < s->d; k++) {
    wg_sum sum = {0};
    for (int64_t i = 0; i < count; i++)
      wg_sum_add(&sum, points[i * s->d + k] * ((double)mass[i] / (double)s->total));
    mean[k] = wg_sum_value(sum);
  }
}

/* Whether all coordinates k of both clouds lie between one number and its double: then differences
 * to any of them are exact (Sterbenz 1974). */
static bool is_narrow(const wg_spectral *s, int64_t k, const double *x, const double *y) {
  double low = INFINITY, high = -INFINITY;
  for (int64_t i = 0; i < s->n; i++) {
    low = WG_MIN(low, x[i * s->d + k]);
    high = WG_MAX(high, x[i * s->d + k]);
  }
  for (int64_t j = 0; j < s->m; j++) {
    low = WG_MIN(low, y[j * s->d + k]);
    high = WG_MAX(high, y[j * s->d + k]);
  }
  return low > 0.0 ? high <= 2.0 * low : high < 0.0 && low >= 2.0 * high;
}

/* A point about which both clouds can be told without rounding: a coordinate of the first cloud,
 * the nearest to the mean, or zero. */
static void exact_centre(const wg_spectral *s, const double *x, const double *y, double *centre) {
  for (int64_t k = 0; k < s->d; k++) {
    centre[k] = 0.0;
    if (!is_narrow(s, k, x, y)) continue;
    centre[k] = x[k];
    for (int64_t i = 1; i < s->n; i++)
      if (fabs(x[i * s->d + k] - s->mean_x[k]) < fabs(centre[k] - s->mean_x[k]))
        centre[k] = x[i * s->d + k];
  }
}

static double largest_of(double largest, double value) {
  return fabs(value) <= largest ? largest : fabs(value); /* lets a NaN through */
}

/* out = points - centre; returns the largest absolute coordinate. */
static double centre(int64_t count, int64_t d, const double *points, const double *middle,
                     double *out) {
  double largest = 0.0;
  for (int64_t i = 0; i < count * d; i++) {
    out[i] = points[i] - middle[i % d];
    largest = largest_of(largest, out[i]);
  }
  return largest;
}

/* Moves both clouds about their own means; *largest is brought up to date. */
static void part_clouds(wg_spectral *s, double *largest) {
  const double first = centre(s->n, s->d, s->x, s->mean_x, s->x);
  const double second = centre(s->m, s->d, s->y, s->mean_y, s->y);
  *largest = largest_of(first, second);
  for (int64_t k = 0; k < s->d; k++) {
    s->delta[k] = s->mean_y[k] - s->mean_x[k];
    *largest = largest_of(*largest, s->delta[k]);
  }
}

/* Centred coordinates in s->x, s->y, and delta, not yet scaled. Clouds that are a distance apart
 * are told about their own means: W is no less than that distance, and does not feel the rounding.
 * Others stay as exactly as they were given. */
static double place_clouds(wg_spectral *s, const double *x, const double *y) {
  const double apart = 0.0625; /* of the largest coordinate */
  double distance = 0.0;
  mean_point(s, s->n, x, s->supply, s->mean_x);
  exact_centre(s, x, y, s->delta);
  double largest = centre(s->n, s->d, x, s->delta, s->x);
  largest = largest_of(largest, centre(s->m, s->d, y, s->delta, s->y));
  mean_point(s, s->n, s->x, s->supply, s->mean_x);
  mean_point(s, s->m, s->y, s->demand, s->mean_y);
  for (int64_t k = 0; k < s->d; k++) {
    distance = WG_MAX(distance, fabs(s->mean_y[k] - s->mean_x[k]));
    s->delta[k] = 0.0;
  }
  if (!(distance < apart * largest)) part_clouds(s, &largest);
  return largest;
}

static int choose_scale(wg_spectral *s, double largest) {
  int exponent;
  s->scale = 1.0;
  if (largest == 0.0) return WG_OK;
  frexp(largest, &exponent);
  if (!isfinite(largest) || exponent > 500 || exponent < -500)
    return wg_fail(WG_ERR_INPUT,
                   "x and y spread over %.3g: squared distances leave the range of double; "
                   "multiply all coordinates by 1e%+d, W scales with them",
                   largest, isfinite(largest) ? -(int)floor(log10(largest)) : -300);
  s->scale = ldexp(1.0, exponent);
  return WG_OK;
}

int wg_spectral_move(wg_spectral *s, const double *x, const double *y) {
  const int64_t d = s->d;
  WG_TRY(choose_scale(s, place_clouds(s, x, y)));
  for (int64_t i = 0; i < s->n * d; i++) s->x[i] /= s->scale;
  for (int64_t i = 0; i < s->m * d; i++) s->y[i] /= s->scale;
  for (int64_t k = 0; k < d; k++) s->delta[k] /= s->scale;
  s->is_sharp = false;
  s->cut_count = 0; /* potentials of the old points prove nothing of the new ones */
  for (int64_t k = 0; k < s->count; k++)
    wg_columns_moment(s, &s->couplings[k], s->moments + k * d * d);
  return WG_OK;
}

static int fill(wg_spectral *s, const wg_cloud *x, const wg_cloud *y) {
  const int64_t n = s->n, m = s->m, d = s->d;
  const struct {
    double **where;
    int64_t size;
  } parts[] = {{&s->x, n * d},
               {&s->y, m * d},
               {&s->mean_x, d},
               {&s->mean_y, d},
               {&s->delta, d},
               {&s->q, d * d},
               {&s->f, n},
               {&s->g, m},
               {&s->trial_q, d * d},
               {&s->answer_q, d * d},
               {&s->answer_f, n},
               {&s->answer_g, m},
               {&s->f_low, n},
               {&s->g_low, m},
               {&s->answer_f_low, n},
               {&s->answer_g_low, m}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!(*parts[i].where = WG_NEW(&s->mem, double, parts[i].size))) return wg_no_memory();
  s->supply = WG_NEW(&s->mem, int64_t, n);
  s->demand = WG_NEW(&s->mem, int64_t, m);
  s->tight_row = WG_NEW(&s->mem, int32_t, n + m);
  s->tight_col = WG_NEW(&s->mem, int32_t, n + m);
  if (!s->supply || !s->demand || !s->tight_row || !s->tight_col) return wg_no_memory();
  memcpy(s->supply, x->mass, (size_t)n * sizeof(int64_t));
  memcpy(s->demand, y->mass, (size_t)m * sizeof(int64_t));
  WG_TRY(wg_spectral_move(s, x->points, y->points));
  WG_TRY(wg_ot_create(s->context, n, m, s->supply, s->demand, &s->ot));
  return x->share ? wg_ot_set_shares(s->ot, x->share, y->share) : WG_OK;
}

int wg_spectral_create(wg_context *context, const wg_cloud *x, const wg_cloud *y, int64_t total,
                       wg_spectral **spectral) {
  *spectral = NULL;
  wg_mem mem = wg_mem_of(&context->ledger);
  wg_spectral *s = WG_NEW(&mem, wg_spectral, 1);
  if (!s) return wg_no_memory();
  *s = (wg_spectral){
      .context = context, .mem = mem, .n = x->n, .m = y->n, .d = x->d, .total = total};
  int status = fill(s, x, y);
  if (status != WG_OK) {
    wg_spectral_free(s);
    return status;
  }
  *spectral = s;
  return WG_OK;
}

void wg_spectral_free(wg_spectral *s) {
  if (!s) return;
  wg_ot_free(s->ot);
  wg_mem mem = s->mem; /* the solver is the first block of its own memory */
  wg_mem_clear(&mem);
}

int wg_start_bound(wg_spectral *s, const wg_gauge_spec *spec) {
  wg_mem mem = wg_mem_of(&s->context->ledger);
  const int64_t d = s->d;
  double *moment = WG_NEW(&mem, double, d *d);
  wg_gauge_spec *minorant = WG_NEW(&mem, wg_gauge_spec, 1);
  int status = moment && minorant ? WG_OK : wg_no_memory();
  if (status == WG_OK) {
    wg_gauge_minorant(spec, minorant);
    for (int64_t i = 0; i < d * d; i++) moment[i] = s->delta[i / d] * s->delta[i % d];
    status = wg_gauge_subgradient(minorant, moment, &mem, s->q);
  }
  memset(s->f, 0, (size_t)s->n * sizeof(double));
  memset(s->g, 0, (size_t)s->m * sizeof(double));
  s->tight_count = 0;
  if (status == WG_OK) s->lower = WG_MAX(0.0, wg_la_dot(d * d, s->q, moment));
  wg_mem_clear(&mem);
  return status;
}

/* Theory 3.2 with the means' part of oracle.c put back. */
void wg_potentials_restore(wg_spectral *s, const double *q, const double *f, const double *g,
                           double *given_f, double *given_g) {
  const int64_t d = s->d;
  const double unit = s->scale * s->scale;
  double *q_delta = s->trial_q, constant = 0.0;
  for (int64_t k = 0; k < d; k++) {
    q_delta[k] = wg_la_dot(d, q + k * d, s->delta);
    constant += q_delta[k] * s->delta[k];
  }
  for (int64_t i = 0; i < s->n; i++)
    given_f[i] = unit * (f[i] + constant - 2.0 * wg_la_dot(d, q_delta, s->x + i * d));
  for (int64_t j = 0; j < s->m; j++)
    given_g[j] = unit * (g[j] + 2.0 * wg_la_dot(d, q_delta, s->y + j * d));
}

static bool is_parted(const wg_spectral *s) {
  for (int64_t k = 0; k < s->d; k++)
    if (s->delta[k] != 0.0) return true;
  return false;
}

static int fill_answer(wg_spectral *s, double tol, wg_spectral_answer *answer) {
  const double unit = s->scale * s->scale;
  wg_drop(&s->mem, s->plan.row);
  wg_drop(&s->mem, s->plan.col);
  wg_drop(&s->mem, s->plan.mass);
  s->plan = (wg_coupling){0};
  WG_TRY(wg_columns_combine(s, &s->mem, s->weights, WG_MIN(1e-9, 1e-3 * tol), &s->plan));
  memcpy(s->answer_q, s->q, (size_t)(s->d * s->d) * sizeof(double));
  wg_potentials_restore(s, s->q, s->f, s->g, s->answer_f, s->answer_g);
  const bool is_pair = s->tight_count > 0 && !is_parted(s);
  for (int64_t i = 0; i < s->n; i++) s->answer_f_low[i] = is_pair ? unit * s->f_low[i] : 0.0;
  for (int64_t j = 0; j < s->m; j++) s->answer_g_low[j] = is_pair ? unit * s->g_low[j] : 0.0;
  WG_TRY(wg_cuts_answer(s, answer));
  answer->calls = s->calls;
  answer->pivots = s->pivots;
  answer->lower = s->lower * unit;
  answer->upper = s->upper * unit;
  answer->count = s->plan.count;
  answer->row = s->plan.row;
  answer->col = s->plan.col;
  answer->mass = s->plan.mass;
  answer->q = s->answer_q;
  answer->f = s->answer_f;
  answer->g = s->answer_g;
  answer->f_low = s->answer_f_low;
  answer->g_low = s->answer_g_low;
  answer->tight = is_pair ? s->tight_count : 0;
  answer->tight_row = s->tight_row;
  answer->tight_col = s->tight_col;
  return WG_OK;
}

int wg_spectral_solve(wg_spectral *s, const wg_gauge_spec *spec, const wg_spectral_limits *limits,
                      wg_spectral_answer *answer) {
  s->calls = s->pivots = 0;
  s->cuts_prove = false;
  WG_TRY(wg_start_bound(s, spec));
  if (wg_gauge_is_convex(spec))
    WG_TRY(wg_cutting_planes(s, spec, limits, &answer->outcome));
  else
    WG_TRY(wg_local_search(s, spec, limits, &answer->outcome));
  return fill_answer(s, limits->tol, answer);
}
