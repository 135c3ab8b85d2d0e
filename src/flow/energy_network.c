/* Two-layer networks (theory 6): H(z) = integral of u s(v.z) dmu, F = 1/2 mean |H(z) - y|^2.
 *
 * With residuals r_c = (H(z_c) - y_c) / N the force at x = (u, v) is
 *   g_u = sum_c s(v.z_c) r_c,   g_v = sum_c (u.r_c) s'(v.z_c) z_c;  relu has s'(0) = 0.
 * Both passes over particles x data are fused: nothing of size n N is stored (kernels.h). From 256
 * inputs on, blocks of 256 data are multiplied by BLAS instead. Everything is double; tanh and
 * softplus are right to some 1e-15 absolutely. Threads share out data going forward and particles
 * going back, so that every sum runs in one order. Cost 4 n N (inputs + outputs) operations and n N
 * activations twice; memory N (inputs + 3 outputs) + 3 n d numbers. */
#include <string.h>

#include "flow/kernels.h"
#include "linalg/la.h"

enum { DATA = WG_NET_DATA, GEMM_INPUTS = 256 };

typedef struct network_energy {
  wg_energy_owner owner;
  wg_activation activation;
  int64_t count, blocks, inputs, outputs; /* of the data in use                          */
  int64_t all_count;
  const double *all_z, *all_y;
  int threads;
  const double *z;                /* blocks x inputs x DATA, zeros behind the last        */
  const double *y;                /* blocks x outputs x DATA                              */
  double *drawn_z, *drawn_y;      /* a minibatch, in the same form                        */
  double *residual;               /* the same: (H - y) / count                            */
  double *weighted, *raw, *force; /* particles, padded: rows (a u, v), (u, v), and the forces */
  int64_t weighted_size, raw_size, force_size;
  double *hidden, *pull; /* n x DATA, for BLAS */
  int64_t hidden_size, pull_size, drawn_z_size, drawn_y_size;
} network_energy;

int wg_activation_parse(const char *text, wg_activation *activation) {
  static const char *const known[] = {
      [WG_RELU] = "relu", [WG_TANH] = "tanh", [WG_SOFTPLUS] = "softplus", [WG_SQUARE] = "square"};
  for (int k = WG_RELU; k <= WG_SQUARE; k++)
    if (!strcmp(text, known[k])) {
      *activation = (wg_activation)k;
      return WG_OK;
    }
  return wg_fail(WG_ERR_ARGUMENT,
                 "activation \"%.60s\" is none; use relu, tanh, softplus or square", text);
}

/* ---- forward ---- */

/* Particles as the kernels want them: a multiple of the group, zeros behind the last. */
static int pack(network_energy *e, int64_t n, int64_t padded, const double *x, const double *a) {
  const int64_t d = e->inputs + e->outputs;
  wg_mem *mem = &e->owner.mem;
  WG_TRY(wg_energy_scratch(mem, padded * d, &e->weighted, &e->weighted_size));
  WG_TRY(wg_energy_scratch(mem, padded * d, &e->raw, &e->raw_size));
  WG_TRY(wg_energy_scratch(mem, padded * d, &e->force, &e->force_size));
  memcpy(e->raw, x, (size_t)(n * d) * sizeof *x);
  memset(e->raw + n * d, 0, (size_t)((padded - n) * d) * sizeof *x);
  memcpy(e->weighted, e->raw, (size_t)(padded * d) * sizeof *x);
  for (int64_t i = 0; i < n; i++)
    for (int64_t o = 0; o < e->outputs; o++) e->weighted[i * d + o] *= a[i];
  return WG_OK;
}

static wg_net_block block_of(const network_energy *e, int64_t block, int64_t particles,
                             const double *x) {
  return (wg_net_block){.activation = e->activation,
                        .inputs = e->inputs,
                        .outputs = e->outputs,
                        .particles = particles,
                        .x = x,
                        .z = e->z + block * e->inputs * DATA};
}

static double activated(wg_activation kind, double p, double *slope) {
  switch (kind) {
    case WG_RELU: *slope = p > 0.0; return p > 0.0 ? p : 0.0;
    case WG_SQUARE: *slope = 2.0 * p; return p * p;
    case WG_TANH: {
      const double t = tanh(p);
      *slope = 1.0 - t * t;
      return t;
    }
    case WG_SOFTPLUS: *slope = 1.0 / (1.0 + exp(-p)); return WG_MAX(p, 0.0) + log1p(exp(-fabs(p)));
  }
  return NAN;
}

/* hidden = s(V z) for a block, and slopes to `slopes` unless NULL. */
static void activate_block(network_energy *e, int64_t block, int64_t n, double *slopes) {
  const int64_t p = e->outputs, q = e->inputs, d = p + q;
  wg_la_gemm(false, false, n, DATA, q, 1.0, e->raw + p, d, e->z + block * q * DATA, DATA, 0.0,
             e->hidden, DATA);
  const int threads = wg_threads_for(e->threads, 10.0 * (double)n * DATA);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t k = 0; k < n * DATA; k++) {
    double slope = 0.0;
    e->hidden[k] = activated(e->activation, e->hidden[k], &slope);
    if (slopes) slopes[k] *= slope;
  }
}

static void forward_by_blas(network_energy *e, int64_t block, int64_t n, double *h) {
  const int64_t p = e->outputs, d = p + e->inputs;
  activate_block(e, block, n, NULL);
  wg_la_gemm(true, false, p, DATA, n, 1.0, e->weighted, d, e->hidden, DATA, 0.0, h, DATA);
}

/* (H - y) / count, zero behind the last of the data; returns count times its square over a block.
 */
static double subtract_labels(const network_energy *e, int64_t block) {
  const int64_t used = WG_MIN(DATA, e->count - block * DATA);
  double *r = e->residual + block * e->outputs * DATA;
  const double *y = e->y + block * e->outputs * DATA;
  double square = 0.0;
  for (int64_t o = 0; o < e->outputs; o++)
    for (int64_t c = 0; c < DATA; c++) {
      const double difference = c < used ? r[o * DATA + c] - y[o * DATA + c] : 0.0;
      square += difference * difference;
      r[o * DATA + c] = difference / (double)e->count;
    }
  return square;
}

static void forward(network_energy *e, int64_t n, int64_t padded) {
  const bool blas = e->inputs >= GEMM_INPUTS;
  const double work = (double)padded * (double)e->count * (double)(e->inputs + e->outputs);
  const int threads = blas ? 1 : (int)WG_MIN(e->blocks, wg_threads_for(e->threads, work));
  const wg_flow_kernels *kernels = wg_flow_kernels_here();
  memset(e->residual, 0, (size_t)(e->blocks * e->outputs * DATA) * sizeof *e->residual);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t block = 0; block < e->blocks; block++) {
    double *h = e->residual + block * e->outputs * DATA;
    const wg_net_block b = block_of(e, block, padded, e->weighted);
    if (blas)
      forward_by_blas(e, block, n, h);
    else
      kernels->net_forward(&b, h);
  }
}

/* ---- backward ---- */

static void backward_by_blas(network_energy *e, int64_t block, int64_t n, double *force) {
  const int64_t p = e->outputs, q = e->inputs, d = p + q;
  const double *z = e->z + block * q * DATA, *r = e->residual + block * p * DATA;
  wg_la_gemm(false, false, n, DATA, p, 1.0, e->raw, d, r, DATA, 0.0, e->pull, DATA);
  activate_block(e, block, n, e->pull);
  wg_la_gemm(false, true, n, p, DATA, 1.0, e->hidden, DATA, r, DATA, 1.0, force, d);
  wg_la_gemm(false, true, n, q, DATA, 1.0, e->pull, DATA, z, DATA, 1.0, force + p, d);
}

static void backward(network_energy *e, int64_t padded) {
  enum { GROUP = 32 };
  const int64_t d = e->inputs + e->outputs, groups = (padded + GROUP - 1) / GROUP;
  const double work = 2.0 * (double)padded * (double)e->count * (double)d;
  const int threads = (int)WG_MIN(groups, wg_threads_for(e->threads, work));
  const wg_flow_kernels *kernels = wg_flow_kernels_here();
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t group = 0; group < groups; group++) {
    const int64_t from = group * GROUP, size = WG_MIN(GROUP, padded - from);
    for (int64_t block = 0; block < e->blocks; block++) {
      const wg_net_block b = block_of(e, block, size, e->raw + from * d);
      kernels->net_backward(&b, e->residual + block * e->outputs * DATA, e->force + from * d);
    }
  }
}

static int evaluate_network(void *self, int64_t n, int64_t d, const double *x, const double *a,
                            double *value, double *force) {
  network_energy *e = self;
  const int64_t padded = (n + WG_NET_PARTICLES - 1) / WG_NET_PARTICLES * WG_NET_PARTICLES;
  const bool blas = e->inputs >= GEMM_INPUTS;
  wg_sum square = {0};
  WG_TRY(pack(e, n, padded, x, a));
  if (blas) WG_TRY(wg_energy_scratch(&e->owner.mem, n * DATA, &e->hidden, &e->hidden_size));
  if (blas) WG_TRY(wg_energy_scratch(&e->owner.mem, n * DATA, &e->pull, &e->pull_size));
  forward(e, n, padded);
  for (int64_t block = 0; block < e->blocks; block++)
    wg_sum_add(&square, subtract_labels(e, block));
  if (value) *value = 0.5 * wg_sum_value(square) / (double)e->count;
  if (!force) return WG_OK;
  memset(e->force, 0, (size_t)(padded * d) * sizeof *force);
  for (int64_t block = 0; blas && block < e->blocks; block++)
    backward_by_blas(e, block, n, e->force);
  if (!blas) backward(e, padded);
  memcpy(force, e->force, (size_t)(n * d) * sizeof *force);
  return WG_OK;
}

/* ---- minibatches ---- */

static void copy_datum(int64_t width, const double *from, int64_t row, double *to, int64_t place) {
  for (int64_t k = 0; k < width; k++)
    to[(place / DATA * width + k) * DATA + place % DATA] =
        from[(row / DATA * width + k) * DATA + row % DATA];
}

static void use_data(network_energy *e, int64_t count, const double *z, const double *y) {
  e->count = count;
  e->blocks = (count + DATA - 1) / DATA;
  e->z = z;
  e->y = y;
}

static int draw_data(void *self, int64_t size, uint64_t seed) {
  network_energy *e = self;
  const int64_t blocks = (size + DATA - 1) / DATA;
  wg_rng rng = {seed};
  use_data(e, e->all_count, e->all_z, e->all_y); /* the last minibatch's room may go */
  if (size == 0 || size >= e->all_count) return WG_OK;
  const int64_t z_size = blocks * e->inputs * DATA, y_size = blocks * e->outputs * DATA;
  WG_TRY(wg_energy_scratch(&e->owner.mem, z_size, &e->drawn_z, &e->drawn_z_size));
  WG_TRY(wg_energy_scratch(&e->owner.mem, y_size, &e->drawn_y, &e->drawn_y_size));
  memset(e->drawn_z, 0, (size_t)z_size * sizeof *e->drawn_z);
  memset(e->drawn_y, 0, (size_t)y_size * sizeof *e->drawn_y);
  for (int64_t row = 0, place = 0; place < size; row++) {
    if (!wg_energy_takes(&rng, size - place, e->all_count - row)) continue;
    copy_datum(e->inputs, e->all_z, row, e->drawn_z, place);
    copy_datum(e->outputs, e->all_y, row, e->drawn_y, place++);
  }
  use_data(e, size, e->drawn_z, e->drawn_y);
  return WG_OK;
}

/* ---- making one ---- */

/* rows x width to blocks of width x DATA; zeros behind the last. */
static void transpose_blocks(int64_t rows, int64_t width, const double *from, double *to) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t k = 0; k < width; k++)
      to[(r / DATA * width + k) * DATA + r % DATA] = from[r * width + k];
}

wg_energy *wg_energy_make_network(wg_activation activation, int64_t count, int64_t inputs,
                                  int64_t outputs, const double *z, const double *y, int threads) {
  network_energy *e = wg_energy_new(sizeof *e, "network", inputs + outputs, 0.0, evaluate_network);
  if (!e) return NULL;
  const int64_t blocks = (count + DATA - 1) / DATA;
  e->activation = activation;
  e->all_count = count;
  e->inputs = inputs;
  e->outputs = outputs;
  e->threads = threads;
  double *all_z = WG_NEW(&e->owner.mem, double, blocks *inputs *DATA);
  double *all_y = WG_NEW(&e->owner.mem, double, blocks *outputs *DATA);
  e->residual = WG_NEW(&e->owner.mem, double, blocks *outputs *DATA);
  if (!all_z || !all_y || !e->residual) return wg_energy_abandon(&e->owner);
  transpose_blocks(count, inputs, z, all_z);
  transpose_blocks(count, outputs, y, all_y);
  e->all_z = all_z;
  e->all_y = all_y;
  use_data(e, count, all_z, all_y);
  e->owner.energy.draw = draw_data;
  e->owner.energy.outputs = outputs;
  return &e->owner.energy;
}
