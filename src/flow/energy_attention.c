/* Shallow attention (theory 6): a particle is a head x = (Q, K, V, O), each head x token,
 *   H(z)_j = integral of O' sum_i softmax_i(<Q z_j, K z_i> / sqrt(head)) V z_i dmu,
 *   F = 1/2 mean over sequences and places of |H(z)_j - y_j|^2.
 *
 * Forward, threads share out sequences and each goes through the particles; back, they share out
 * particles and each goes through the sequences (attention_body.h): every sum has one order. Scores
 * are not kept between the passes, which would cost more in memory traffic than to find them again.
 * In double, or from accuracy 1e-5 up in float: then sixteen particles going forward and sixteen
 * sequences going back are summed in float, the rest in double. Cost per particle and sequence of
 * length L: about 3 L^2 (head + token) + 14 L head token multiplications (with token > 2 head: 9
 * L^2 head + 13 L head token) and 2 L^2 exponentials; memory: the data twice and the residuals, and
 * 2 L^2 + 8 L head + 2 L token numbers a thread. */
#include <string.h>

#include "flow/kernels.h"

enum { BLOCK = 16 }; /* terms that are summed in float */

typedef struct attention_energy {
  wg_energy_owner owner;
  wg_attention_shape shape; /* count: of the sequences in use                  */
  int64_t all_count, *used; /* used: which, at place c */
  int64_t padded;           /* places, a multiple of the kernels'                   */
  bool single;
  int threads;
  double *y, *residual; /* count x token x padded, zeros behind the places */
  double *square;       /* count: the squares of residuals of a sequence   */
  /* In the precision of the kernels, the other is NULL: the data like y; per thread room for a head
   * and lanes of forces. Of float also residuals, one more output of a sequence, and particles. */
  double *z, *room;
  float *z_single, *room_single, *residual_single, *x_single;
  int64_t x_size;
} attention_energy;

static int64_t places_of(const attention_energy *e) {
  return e->single ? PLACES_float : PLACES_double;
}

/* Of outputs going forward or forces going back, behind the room of a head. */
static int64_t sums_of(const attention_energy *e) {
  const wg_attention_shape *s = &e->shape;
  return WG_MAX(4 * s->head * s->token * places_of(e), s->token * e->padded);
}

static int64_t head_room_of(const attention_energy *e) {
  return wg_head_room(e->shape.length, e->padded, e->shape.token, e->shape.head);
}

static int64_t room_of(const attention_energy *e) { return head_room_of(e) + sums_of(e); }

static wg_head_double head_at(const attention_energy *e, int64_t c, const double *x) {
  const wg_attention_shape *s = &e->shape;
  return (wg_head_double){.length = s->length,
                          .padded = e->padded,
                          .token = s->token,
                          .head = s->head,
                          .x = x,
                          .z = e->z + e->used[c] * s->token * e->padded,
                          .room = e->room + wg_worker() * room_of(e)};
}

static wg_head_float single_at(const attention_energy *e, int64_t c, int64_t i) {
  const wg_attention_shape *s = &e->shape;
  return (wg_head_float){.length = s->length,
                         .padded = e->padded,
                         .token = s->token,
                         .head = s->head,
                         .x = e->x_single + i * 4 * s->head * s->token,
                         .z = e->z_single + e->used[c] * s->token * e->padded,
                         .room = e->room_single + wg_worker() * room_of(e)};
}

/* ---- forward ---- */

/* r (token x padded) += what all heads say. */
static void speak(const attention_energy *e, int64_t c, int64_t n, const double *x, const double *a,
                  double *r) {
  const int64_t d = 4 * e->shape.head * e->shape.token;
  for (int64_t i = 0; i < n; i++) {
    const wg_head_double head = head_at(e, c, x + i * d);
    wg_flow_kernels_here()->attend_forward_double(&head, a[i], r);
  }
}

static void speak_single(const attention_energy *e, int64_t c, int64_t n, const double *a,
                         double *r) {
  const int64_t size = e->shape.token * e->padded;
  float *out = e->room_single + wg_worker() * room_of(e) + head_room_of(e);
  for (int64_t from = 0; from < n; from += BLOCK) {
    memset(out, 0, (size_t)size * sizeof *out);
    for (int64_t i = from; i < WG_MIN(from + BLOCK, n); i++) {
      const wg_head_float head = single_at(e, c, i);
      wg_flow_kernels_here()->attend_forward_float(&head, (float)a[i], out);
    }
    for (int64_t k = 0; k < size; k++) r[k] += (double)out[k];
  }
}

/* Residuals (H - y) / (count length) of a sequence, and their square before the division. */
static void forward(attention_energy *e, int64_t c, int64_t n, const double *x, const double *a) {
  const wg_attention_shape *s = &e->shape;
  const int64_t size = s->token * e->padded;
  double *r = e->residual + c * size;
  const double *y = e->y + e->used[c] * size;
  memset(r, 0, (size_t)size * sizeof *r);
  if (e->single)
    speak_single(e, c, n, a, r);
  else
    speak(e, c, n, x, a, r);
  double square = 0.0;
  for (int64_t k = 0; k < size; k++) {
    const double difference = k % e->padded < s->length ? r[k] - y[k] : 0.0;
    square += difference * difference;
    r[k] = difference / ((double)s->count * (double)s->length);
    if (e->single) e->residual_single[c * size + k] = (float)r[k];
  }
  e->square[c] = square;
}

/* ---- back ---- */

static void backward(const attention_energy *e, const double *x, double *force) {
  const int64_t size = e->shape.token * e->padded, d = 4 * e->shape.head * e->shape.token;
  double *sums = e->room + wg_worker() * room_of(e) + head_room_of(e);
  memset(sums, 0, (size_t)(d * PLACES_double) * sizeof *sums);
  for (int64_t c = 0; c < e->shape.count; c++) {
    const wg_head_double head = head_at(e, c, x);
    wg_flow_kernels_here()->attend_backward_double(&head, e->residual + c * size, sums);
  }
  for (int64_t k = 0; k < d; k++) {
    force[k] = 0.0;
    for (int l = 0; l < PLACES_double; l++) force[k] += sums[k * PLACES_double + l];
  }
}

static void backward_single(const attention_energy *e, int64_t i, double *force) {
  const int64_t size = e->shape.token * e->padded, d = 4 * e->shape.head * e->shape.token;
  float *sums = e->room_single + wg_worker() * room_of(e) + head_room_of(e);
  memset(force, 0, (size_t)d * sizeof *force);
  for (int64_t from = 0; from < e->shape.count; from += BLOCK) {
    memset(sums, 0, (size_t)(d * PLACES_float) * sizeof *sums);
    for (int64_t c = from; c < WG_MIN(from + BLOCK, e->shape.count); c++) {
      const wg_head_float head = single_at(e, c, i);
      wg_flow_kernels_here()->attend_backward_float(&head, e->residual_single + c * size, sums);
    }
    for (int64_t k = 0; k < d; k++)
      for (int l = 0; l < PLACES_float; l++) force[k] += (double)sums[k * PLACES_float + l];
  }
}

/* The particles in float. */
static int round_particles(attention_energy *e, int64_t count, const double *x) {
  if (e->x_size < count) {
    float *fresh = WG_NEW(&e->owner.mem, float, count);
    if (!fresh) return wg_no_memory();
    wg_drop(&e->owner.mem, e->x_single);
    e->x_single = fresh;
    e->x_size = count;
  }
  for (int64_t k = 0; k < count; k++) e->x_single[k] = (float)x[k];
  return WG_OK;
}

static int evaluate_attention(void *self, int64_t n, int64_t d, const double *x, const double *a,
                              double *value, double *force) {
  attention_energy *e = self;
  const wg_attention_shape *s = &e->shape;
  const double work =
      (double)n * (double)(s->count * s->length * s->head) * (double)(s->length + s->token);
  const int threads = wg_threads_for(e->threads, work);
  const int ahead = (int)WG_MIN(threads, s->count), back = (int)WG_MIN(threads, n);
  if (e->single) WG_TRY(round_particles(e, n * d, x));
#pragma omp parallel for num_threads(ahead) schedule(dynamic)
  for (int64_t c = 0; c < s->count; c++) forward(e, c, n, x, a);
  wg_sum square = {0};
  for (int64_t c = 0; c < s->count; c++) wg_sum_add(&square, e->square[c]);
  if (value) *value = 0.5 * wg_sum_value(square) / ((double)s->count * (double)s->length);
  if (!force) return WG_OK;
#pragma omp parallel for num_threads(back) schedule(dynamic)
  for (int64_t i = 0; i < n; i++) {
    if (e->single)
      backward_single(e, i, force + i * d);
    else
      backward(e, x + i * d, force + i * d);
  }
  return WG_OK;
}

static int draw_sequences(void *self, int64_t size, uint64_t seed) {
  attention_energy *e = self;
  const int64_t wanted = size == 0 ? e->all_count : WG_MIN(size, e->all_count);
  wg_rng rng = {seed};
  for (int64_t row = 0, c = 0; c < wanted; row++)
    if (wg_energy_takes(&rng, wanted - c, e->all_count - row)) e->used[c++] = row;
  e->shape.count = wanted;
  return WG_OK;
}

/* ---- making one ---- */

/* count x length x token to count x token x padded. */
static void transpose(const wg_attention_shape *s, int64_t padded, const double *from, double *to) {
  for (int64_t row = 0; row < s->count * s->length; row++)
    for (int64_t t = 0; t < s->token; t++)
      to[(row / s->length * s->token + t) * padded + row % s->length] = from[row * s->token + t];
}

/* z in the precision of the kernels, and their room. */
static int make_room(attention_energy *e, const double *z) {
  wg_mem *mem = &e->owner.mem;
  const int64_t size = e->shape.count * e->shape.token * e->padded;
  double *copy = WG_NEW(mem, double, size);
  if (!copy) return wg_no_memory();
  transpose(&e->shape, e->padded, z, copy);
  if (!e->single) {
    e->z = copy;
    e->room = WG_NEW(mem, double, e->threads *room_of(e));
    return e->room ? WG_OK : wg_no_memory();
  }
  e->z_single = WG_NEW(mem, float, size);
  e->residual_single = WG_NEW(mem, float, size);
  e->room_single = WG_NEW(mem, float, e->threads *room_of(e));
  if (!e->z_single || !e->residual_single || !e->room_single) return wg_no_memory();
  for (int64_t k = 0; k < size; k++) e->z_single[k] = (float)copy[k];
  wg_drop(mem, copy);
  return WG_OK;
}

wg_energy *wg_energy_make_attention(wg_attention_shape shape, const double *z, const double *y,
                                    wg_energy_plan plan) {
  attention_energy *e =
      wg_energy_new(sizeof *e, "attention", 4 * shape.head * shape.token, 0.0, evaluate_attention);
  if (!e) return NULL;
  wg_mem *mem = &e->owner.mem;
  e->shape = shape;
  e->single = plan.accuracy >= WG_FLOAT_FROM;
  e->padded = (shape.length + places_of(e) - 1) / places_of(e) * places_of(e);
  e->threads = plan.threads;
  const int64_t size = shape.count * shape.token * e->padded;
  e->y = WG_NEW(mem, double, size);
  e->residual = WG_NEW(mem, double, size);
  e->square = WG_NEW(mem, double, shape.count);
  e->used = WG_NEW(mem, int64_t, shape.count);
  if (!e->y || !e->residual || !e->square || !e->used || make_room(e, z) < 0)
    return wg_energy_abandon(&e->owner);
  transpose(&shape, e->padded, y, e->y);
  e->all_count = shape.count;
  draw_sequences(e, 0, 0);
  e->owner.energy.draw = draw_sequences;
  return &e->owner.energy;
}
