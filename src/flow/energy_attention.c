/* Shallow attention (theory 6): a particle is a head x = (Q, K, V, O), each head x token,
 *   H(z)_j = integral of O' sum_i softmax_i(<Q z_j, K z_i> / sqrt(head)) V z_i dmu,
 *   F = 1/2 mean over sequences and places of |H(z)_j - y_j|^2.
 *
 * Forward, threads share out sequences and each goes through the particles; back, they share out
 * particles and each goes through the sequences (attention_body.h): every sum has one order. Scores
 * are not kept between the passes, which would cost more in memory traffic than to find them again.
 * All in double. Cost per particle and sequence of length L: about 9 L^2 head + 13 L head token
 * multiplications and 2 L^2 exponentials; memory: the data twice and the residuals, and
 * 2 L^2 + 8 L head numbers a thread. */
#include <string.h>

#include "flow/kernels.h"

typedef struct attention_energy {
  wg_energy_owner owner;
  wg_attention_shape shape; /* count: of the sequences in use                  */
  int64_t all_count, *used; /* used: which, at place c */
  int64_t padded;           /* places, a multiple of WG_PLACES                   */
  int threads;
  double *z, *y;    /* count x token x padded, zeros behind the places */
  double *residual; /* the same                                        */
  double *square;   /* count: the squares of residuals of a sequence   */
  double *room;     /* per thread: of the head, then lanes of forces   */
} attention_energy;

static int64_t room_of(const attention_energy *e) {
  const wg_attention_shape *s = &e->shape;
  return wg_head_room(s->length, e->padded, s->head) + 4 * s->head * s->token * WG_PLACES;
}

static wg_head head_at(const attention_energy *e, int64_t c, const double *x) {
  const wg_attention_shape *s = &e->shape;
  return (wg_head){.length = s->length,
                   .padded = e->padded,
                   .token = s->token,
                   .head = s->head,
                   .x = x,
                   .z = e->z + e->used[c] * s->token * e->padded,
                   .room = e->room + wg_worker() * room_of(e)};
}

/* Residuals (H - y) / (count length) of a sequence, and their square before the division. */
static void forward(attention_energy *e, int64_t c, int64_t n, const double *x, const double *a) {
  const wg_attention_shape *s = &e->shape;
  const int64_t size = s->token * e->padded, d = 4 * s->head * s->token;
  const wg_flow_kernels *kernels = wg_flow_kernels_here();
  double *r = e->residual + c * size;
  const double *y = e->y + e->used[c] * size;
  memset(r, 0, (size_t)size * sizeof *r);
  for (int64_t i = 0; i < n; i++) {
    const wg_head head = head_at(e, c, x + i * d);
    kernels->attend_forward(&head, a[i], r);
  }
  double square = 0.0;
  for (int64_t k = 0; k < size; k++) {
    const double difference = k % e->padded < s->length ? r[k] - y[k] : 0.0;
    square += difference * difference;
    r[k] = difference / ((double)s->count * (double)s->length);
  }
  e->square[c] = square;
}

static void backward(attention_energy *e, const double *x, double *force) {
  const wg_attention_shape *s = &e->shape;
  const int64_t size = s->token * e->padded, d = 4 * s->head * s->token;
  const wg_flow_kernels *kernels = wg_flow_kernels_here();
  double *sums = e->room + wg_worker() * room_of(e) + wg_head_room(s->length, e->padded, s->head);
  memset(sums, 0, (size_t)(d * WG_PLACES) * sizeof *sums);
  for (int64_t c = 0; c < s->count; c++) {
    const wg_head head = head_at(e, c, x);
    kernels->attend_backward(&head, e->residual + c * size, sums);
  }
  for (int64_t k = 0; k < d; k++) {
    force[k] = 0.0;
    for (int l = 0; l < WG_PLACES; l++) force[k] += sums[k * WG_PLACES + l];
  }
}

static int evaluate_attention(void *self, int64_t n, int64_t d, const double *x, const double *a,
                              double *value, double *force) {
  attention_energy *e = self;
  const wg_attention_shape *s = &e->shape;
  const double work =
      (double)n * (double)(s->count * s->length * s->head) * (double)(s->length + s->token);
  const int threads = wg_threads_for(e->threads, work);
  const int ahead = (int)WG_MIN(threads, s->count), back = (int)WG_MIN(threads, n);
#pragma omp parallel for num_threads(ahead) schedule(dynamic)
  for (int64_t c = 0; c < s->count; c++) forward(e, c, n, x, a);
  wg_sum square = {0};
  for (int64_t c = 0; c < s->count; c++) wg_sum_add(&square, e->square[c]);
  if (value) *value = 0.5 * wg_sum_value(square) / ((double)s->count * (double)s->length);
  if (!force) return WG_OK;
#pragma omp parallel for num_threads(back) schedule(dynamic)
  for (int64_t i = 0; i < n; i++) backward(e, x + i * d, force + i * d);
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

/* count x length x token to count x token x padded. */
static void transpose(const wg_attention_shape *s, int64_t padded, const double *from, double *to) {
  for (int64_t row = 0; row < s->count * s->length; row++)
    for (int64_t t = 0; t < s->token; t++)
      to[(row / s->length * s->token + t) * padded + row % s->length] = from[row * s->token + t];
}

wg_energy *wg_energy_make_attention(wg_attention_shape shape, const double *z, const double *y,
                                    int threads) {
  attention_energy *e =
      wg_energy_new(sizeof *e, "attention", 4 * shape.head * shape.token, 0.0, evaluate_attention);
  if (!e) return NULL;
  wg_mem *mem = &e->owner.mem;
  e->shape = shape;
  e->padded = (shape.length + WG_PLACES - 1) / WG_PLACES * WG_PLACES;
  e->threads = threads;
  const int64_t size = shape.count * shape.token * e->padded;
  e->z = WG_NEW(mem, double, size);
  e->y = WG_NEW(mem, double, size);
  e->residual = WG_NEW(mem, double, size);
  e->square = WG_NEW(mem, double, shape.count);
  e->room = WG_NEW(mem, double, threads *room_of(e));
  e->used = WG_NEW(mem, int64_t, shape.count);
  if (!e->z || !e->y || !e->residual || !e->square || !e->room || !e->used)
    return wg_energy_abandon(&e->owner);
  e->all_count = shape.count;
  draw_sequences(e, 0, 0);
  e->owner.energy.draw = draw_sequences;
  transpose(&shape, e->padded, z, e->z);
  transpose(&shape, e->padded, y, e->y);
  return &e->owner.energy;
}
