/* Two-layer networks for one instruction set (kernels_body.h): lanes are data, z column by column.
 *
 * Up to three inputs and one output, everything of a particle stays in registers; otherwise four
 * particles share each load of z, and going back the activations of a block are kept in cache. */

/* log(1 + e) for 0 <= e <= 1: 2 artanh(t), t = e / (2 + e) <= 1/3. */
WG_INLINE vec_double log_one_plus(vec_double e) {
  const vec_double t = e / (2.0 + e), square = t * t;
  vec_double sum = spread_double(1.0 / 33.0);
  for (int odd = 31; odd >= 1; odd -= 2) sum = sum * square + 1.0 / (double)odd;
  return 2.0 * t * sum;
}

WG_INLINE vec_double absolute(vec_double x) { return larger_double(x, -x); }

/* s(p) and s'(p). */
WG_INLINE void activate(wg_activation kind, vec_double p, vec_double *s, vec_double *slope) {
  const mask_double positive = p > 0.0;
  const vec_double one = spread_double(1.0);
  switch (kind) {
    case WG_RELU:
      *s = larger_double(p, (vec_double){0});
      *slope = keep_double(positive, one);
      return;
    case WG_SQUARE:
      *s = p * p;
      *slope = 2.0 * p;
      return;
    case WG_TANH: {
      const vec_double e = exponential_double(-2.0 * absolute(p)), t = (1.0 - e) / (1.0 + e);
      *s = keep_double(positive, t) - keep_double(~positive, t);
      *slope = 1.0 - t * t;
      return;
    }
    case WG_SOFTPLUS: {
      const vec_double e = exponential_double(-absolute(p)), share = 1.0 / (1.0 + e);
      *s = larger_double(p, (vec_double){0}) + log_one_plus(e);
      *slope = keep_double(positive, share) + keep_double(~positive, e * share);
      return;
    }
  }
}

/* ---- few inputs, one output ---- */

WG_INLINE void forward_few(wg_activation kind, int inputs, const wg_net_block *b, double *h) {
  enum { AT_ONCE = 4 };
  for (int64_t at = 0; at < WG_NET_DATA; at += AT_ONCE * WG_LANES) {
    vec_double z[3][AT_ONCE], sum[AT_ONCE];
    for (int v = 0; v < AT_ONCE; v++) {
      sum[v] = *(const vec_double *)(h + at + v * WG_LANES);
      for (int k = 0; k < inputs; k++)
        z[k][v] = *(const vec_double *)(b->z + k * WG_NET_DATA + at + v * WG_LANES);
    }
    for (int64_t i = 0; i < b->particles; i++) {
      const double *x = b->x + i * (inputs + 1);
      for (int v = 0; v < AT_ONCE; v++) {
        vec_double p = x[1] * z[0][v], s, slope;
        for (int k = 1; k < inputs; k++) p += x[1 + k] * z[k][v];
        activate(kind, p, &s, &slope);
        sum[v] += x[0] * s;
      }
    }
    for (int v = 0; v < AT_ONCE; v++) *(vec_double *)(h + at + v * WG_LANES) = sum[v];
  }
}

WG_INLINE void backward_few(wg_activation kind, int inputs, const wg_net_block *b,
                            const double *residual, double *force) {
  enum { GROUP = WG_NET_PARTICLES };
  for (int64_t i = 0; i < b->particles; i += GROUP) {
    vec_double sum[GROUP][4];
    for (int g = 0; g < GROUP; g++)
      for (int k = 0; k <= inputs; k++) sum[g][k] = (vec_double){0};
    for (int64_t at = 0; at < WG_NET_DATA; at += WG_LANES) {
      const vec_double r = *(const vec_double *)(residual + at);
      vec_double z[3];
      for (int k = 0; k < inputs; k++) z[k] = *(const vec_double *)(b->z + k * WG_NET_DATA + at);
      for (int g = 0; g < GROUP; g++) {
        const double *x = b->x + (i + g) * (inputs + 1);
        vec_double p = x[1] * z[0], s, slope;
        for (int k = 1; k < inputs; k++) p += x[1 + k] * z[k];
        activate(kind, p, &s, &slope);
        if (kind == WG_RELU) {
          slope = keep_double(p > 0.0, r);
        } else {
          slope *= r;
          sum[g][0] += r * s;
        }
        for (int k = 0; k < inputs; k++) sum[g][1 + k] += slope * z[k];
      }
    }
    for (int g = 0; g < GROUP; g++) {
      double *out = force + (i + g) * (inputs + 1);
      const double *x = b->x + (i + g) * (inputs + 1);
      if (kind != WG_RELU) out[0] += sum_of_lanes_double(sum[g][0]);
      for (int k = 0; k < inputs; k++) {
        const double part = sum_of_lanes_double(sum[g][1 + k]);
        out[1 + k] += x[0] * part;
        if (kind == WG_RELU) out[0] += x[1 + k] * part; /* s(p) = p s'(p) */
      }
    }
  }
}

/* ---- any shape ---- */

/* p[g] = v_g . z for the particles of a group at one vector of data. */
WG_INLINE void before_activation(const wg_net_block *b, const double *x, int64_t at,
                                 vec_double p[WG_NET_PARTICLES]) {
  const int64_t width = b->inputs + b->outputs;
  for (int g = 0; g < WG_NET_PARTICLES; g++) p[g] = (vec_double){0};
  for (int64_t k = 0; k < b->inputs; k++) {
    const vec_double z = *(const vec_double *)(b->z + k * WG_NET_DATA + at);
    for (int g = 0; g < WG_NET_PARTICLES; g++) p[g] += x[g * width + b->outputs + k] * z;
  }
}

WG_INLINE void forward_many(wg_activation kind, const wg_net_block *b, double *h) {
  const int64_t width = b->inputs + b->outputs;
  for (int64_t i = 0; i < b->particles; i += WG_NET_PARTICLES) {
    const double *x = b->x + i * width;
    for (int64_t at = 0; at < WG_NET_DATA; at += WG_LANES) {
      vec_double p[WG_NET_PARTICLES], slope;
      before_activation(b, x, at, p);
      for (int g = 0; g < WG_NET_PARTICLES; g++) activate(kind, p[g], &p[g], &slope);
      for (int64_t o = 0; o < b->outputs; o++) {
        vec_double *to = (vec_double *)(h + o * WG_NET_DATA + at), sum = *to;
        for (int g = 0; g < WG_NET_PARTICLES; g++) sum += x[g * width + o] * p[g];
        *to = sum;
      }
    }
  }
}

/* s[g] and w[g] = (u_g . r) s' over a block, for the particles of a group. */
WG_INLINE void keep_activations(wg_activation kind, const wg_net_block *b, const double *x,
                                const double *residual, double s[][WG_NET_DATA],
                                double w[][WG_NET_DATA]) {
  const int64_t width = b->inputs + b->outputs;
  for (int64_t at = 0; at < WG_NET_DATA; at += WG_LANES) {
    vec_double p[WG_NET_PARTICLES], value, slope, pull[WG_NET_PARTICLES];
    before_activation(b, x, at, p);
    for (int g = 0; g < WG_NET_PARTICLES; g++) pull[g] = (vec_double){0};
    for (int64_t o = 0; o < b->outputs; o++) {
      const vec_double r = *(const vec_double *)(residual + o * WG_NET_DATA + at);
      for (int g = 0; g < WG_NET_PARTICLES; g++) pull[g] += x[g * width + o] * r;
    }
    for (int g = 0; g < WG_NET_PARTICLES; g++) {
      activate(kind, p[g], &value, &slope);
      *(vec_double *)(s[g] + at) = value;
      *(vec_double *)(w[g] + at) = pull[g] * slope;
    }
  }
}

/* out[g width] += <columns[g], row> for the particles of a group. */
WG_INLINE void add_products(const double *row, double columns[][WG_NET_DATA], int64_t width,
                            double *out) {
  vec_double sum[WG_NET_PARTICLES];
  for (int g = 0; g < WG_NET_PARTICLES; g++) sum[g] = (vec_double){0};
  for (int64_t at = 0; at < WG_NET_DATA; at += WG_LANES) {
    const vec_double factor = *(const vec_double *)(row + at);
    for (int g = 0; g < WG_NET_PARTICLES; g++)
      sum[g] += *(const vec_double *)(columns[g] + at) * factor;
  }
  for (int g = 0; g < WG_NET_PARTICLES; g++) out[g * width] += sum_of_lanes_double(sum[g]);
}

WG_INLINE void backward_many(wg_activation kind, const wg_net_block *b, const double *residual,
                             double *force) {
  const int64_t width = b->inputs + b->outputs;
  double s[WG_NET_PARTICLES][WG_NET_DATA], w[WG_NET_PARTICLES][WG_NET_DATA];
  for (int64_t i = 0; i < b->particles; i += WG_NET_PARTICLES) {
    keep_activations(kind, b, b->x + i * width, residual, s, w);
    double *out = force + i * width;
    for (int64_t o = 0; o < b->outputs; o++)
      add_products(residual + o * WG_NET_DATA, s, width, out + o);
    for (int64_t k = 0; k < b->inputs; k++)
      add_products(b->z + k * WG_NET_DATA, w, width, out + b->outputs + k);
  }
}

/* ---- doors ---- */

WG_INLINE void forward_of_kind(wg_activation kind, const wg_net_block *b, double *h) {
  if (b->outputs == 1 && b->inputs == 1)
    forward_few(kind, 1, b, h);
  else if (b->outputs == 1 && b->inputs == 2)
    forward_few(kind, 2, b, h);
  else if (b->outputs == 1 && b->inputs == 3)
    forward_few(kind, 3, b, h);
  else
    forward_many(kind, b, h);
}

WG_INLINE void backward_of_kind(wg_activation kind, const wg_net_block *b, const double *residual,
                                double *force) {
  if (b->outputs == 1 && b->inputs == 1)
    backward_few(kind, 1, b, residual, force);
  else if (b->outputs == 1 && b->inputs == 2)
    backward_few(kind, 2, b, residual, force);
  else if (b->outputs == 1 && b->inputs == 3)
    backward_few(kind, 3, b, residual, force);
  else
    backward_many(kind, b, residual, force);
}

static void net_forward(const wg_net_block *b, double *h) {
  switch (b->activation) {
    case WG_RELU: forward_of_kind(WG_RELU, b, h); return;
    case WG_TANH: forward_of_kind(WG_TANH, b, h); return;
    case WG_SOFTPLUS: forward_of_kind(WG_SOFTPLUS, b, h); return;
    case WG_SQUARE: forward_of_kind(WG_SQUARE, b, h); return;
  }
}

static void net_backward(const wg_net_block *b, const double *residual, double *force) {
  switch (b->activation) {
    case WG_RELU: backward_of_kind(WG_RELU, b, residual, force); return;
    case WG_TANH: backward_of_kind(WG_TANH, b, residual, force); return;
    case WG_SOFTPLUS: backward_of_kind(WG_SOFTPLUS, b, residual, force); return;
    case WG_SQUARE: backward_of_kind(WG_SQUARE, b, residual, force); return;
  }
}
