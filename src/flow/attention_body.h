/* One attention head for one instruction set (kernels_body.h): lanes are places of queries.
 *
 * With q = Qz / sqrt(head), k = Kz, v = Vz, P_ij = softmax over i of k_i.q_j, c_j = sum_i P_ij v_i,
 * the head says O'c_j. Going back with residuals r_j:
 *   dc_j = O r_j, dO += c_j r_j', dP_ij = dc_j.v_i, dS = P (dP - dc_j.c_j),
 *   dq_j = sum_i dS_ij k_i, dk_i = sum_j dS_ij q_j, dv_i = sum_j P_ij dc_j,
 *   dQ += dq_j z_j' / sqrt(head), dK += dk_i z_i', dV += dv_i z_i'.
 * Rows are `padded` long: q, k, v, c, dq, dk, dv, dc (head rows each), P and dS (length rows). */

/* to (head x padded) = scale matrix z. */
WG_INLINE void project(const wg_head *a, const double *matrix, double scale, double *to) {
  for (int64_t h = 0; h < a->head; h++)
    for (int64_t j = 0; j < a->padded; j += WG_LANES) {
      vec_double sum = {0};
      for (int64_t t = 0; t < a->token; t++)
        sum += matrix[h * a->token + t] * *(const vec_double *)(a->z + t * a->padded + j);
      *(vec_double *)(to + h * a->padded + j) = scale * sum;
    }
}

/* to[j] = sum over h of left[h][i] right[h][j] at the lanes from j, for place i. */
WG_INLINE vec_double over_heads(const wg_head *a, const double *left, const double *right,
                                int64_t i, int64_t j) {
  vec_double sum = {0};
  for (int64_t h = 0; h < a->head; h++)
    sum += left[h * a->padded + i] * *(const vec_double *)(right + h * a->padded + j);
  return sum;
}

/* P, and c = sum over i of P_ij v_i. */
WG_INLINE void attend(const wg_head *a, const double *q, const double *k, const double *v,
                      double *p, double *c) {
  for (int64_t j = 0; j < a->padded; j += WG_LANES) {
    vec_double most = over_heads(a, k, q, 0, j), total = {0};
    for (int64_t i = 0; i < a->length; i++) {
      const vec_double score = over_heads(a, k, q, i, j);
      most = larger_double(most, score);
      *(vec_double *)(p + i * a->padded + j) = score;
    }
    for (int64_t i = 0; i < a->length; i++) {
      vec_double *at = (vec_double *)(p + i * a->padded + j);
      *at = exponential_double(*at - most);
      total += *at;
    }
    const vec_double share = 1.0 / total;
    for (int64_t i = 0; i < a->length; i++) *(vec_double *)(p + i * a->padded + j) *= share;
    for (int64_t h = 0; h < a->head; h++) {
      vec_double sum = {0};
      for (int64_t i = 0; i < a->length; i++)
        sum += v[h * a->padded + i] * *(const vec_double *)(p + i * a->padded + j);
      *(vec_double *)(c + h * a->padded + j) = sum;
    }
  }
}

/* All of the forward pass but the last product. */
WG_INLINE void look(const wg_head *a) {
  const int64_t rows = a->head * a->padded, size = a->head * a->token;
  double *room = a->room;
  project(a, a->x, 1.0 / sqrt((double)a->head), room);
  project(a, a->x + size, 1.0, room + rows);
  project(a, a->x + 2 * size, 1.0, room + 2 * rows);
  attend(a, room, room + rows, room + 2 * rows, room + 8 * rows, room + 3 * rows);
}

static void attend_forward(const wg_head *a, double weight, double *out) {
  const double *o = a->x + 3 * a->head * a->token, *c = a->room + 3 * a->head * a->padded;
  look(a);
  for (int64_t t = 0; t < a->token; t++)
    for (int64_t j = 0; j < a->padded; j += WG_LANES) {
      vec_double sum = {0};
      for (int64_t h = 0; h < a->head; h++)
        sum += o[h * a->token + t] * *(const vec_double *)(c + h * a->padded + j);
      *(vec_double *)(out + t * a->padded + j) += weight * sum;
    }
}

/* sums[h][t] += scale rows[h][.] others[t][.], lane by lane. */
WG_INLINE void add_outer(const wg_head *a, double scale, const double *rows, const double *others,
                         double *sums) {
  for (int64_t h = 0; h < a->head; h++)
    for (int64_t t = 0; t < a->token; t++) {
      vec_double sum = {0};
      for (int64_t j = 0; j < a->padded; j += WG_LANES)
        sum += *(const vec_double *)(rows + h * a->padded + j) *
               *(const vec_double *)(others + t * a->padded + j);
      *(vec_double *)(sums + (h * a->token + t) * WG_PLACES) += scale * sum;
    }
}

/* dS from P, v, c and dc. */
WG_INLINE void pull_scores(const wg_head *a, const double *v, const double *c, const double *dc,
                           const double *p, double *ds) {
  for (int64_t j = 0; j < a->padded; j += WG_LANES) {
    vec_double mean = {0};
    for (int64_t h = 0; h < a->head; h++)
      mean += *(const vec_double *)(c + h * a->padded + j) *
              *(const vec_double *)(dc + h * a->padded + j);
    for (int64_t i = 0; i < a->length; i++)
      *(vec_double *)(ds + i * a->padded + j) =
          *(const vec_double *)(p + i * a->padded + j) * (over_heads(a, v, dc, i, j) - mean);
  }
}

/* dq[h][j] = sum over i of dS_ij k[h][i]. */
WG_INLINE void pull_queries(const wg_head *a, const double *ds, const double *k, double *dq) {
  for (int64_t h = 0; h < a->head; h++)
    for (int64_t j = 0; j < a->padded; j += WG_LANES) {
      vec_double sum = {0};
      for (int64_t i = 0; i < a->length; i++)
        sum += k[h * a->padded + i] * *(const vec_double *)(ds + i * a->padded + j);
      *(vec_double *)(dq + h * a->padded + j) = sum;
    }
}

/* to[h][i] = sum over j of matrix_ij rows[h][j]. */
WG_INLINE void pull_keys(const wg_head *a, const double *matrix, const double *rows, double *to) {
  for (int64_t h = 0; h < a->head; h++)
    for (int64_t i = 0; i < a->length; i++) {
      vec_double sum = {0};
      for (int64_t j = 0; j < a->padded; j += WG_LANES)
        sum += *(const vec_double *)(rows + h * a->padded + j) *
               *(const vec_double *)(matrix + i * a->padded + j);
      to[h * a->padded + i] = sum_of_lanes(sum);
    }
}

static void attend_backward(const wg_head *a, const double *residual, double *sums) {
  const int64_t rows = a->head * a->padded, size = a->head * a->token;
  double *q = a->room, *k = q + rows, *v = k + rows, *c = v + rows;
  double *dq = c + rows, *dk = dq + rows, *dv = dk + rows, *dc = dv + rows;
  double *p = dc + rows, *ds = p + a->length * a->padded;
  wg_head back = *a;
  look(a);
  back.z = residual;
  project(&back, a->x + 3 * size, 1.0, dc);
  pull_scores(a, v, c, dc, p, ds);
  pull_queries(a, ds, k, dq);
  pull_keys(a, ds, q, dk);
  pull_keys(a, p, dc, dv);
  add_outer(a, 1.0 / sqrt((double)a->head), dq, a->z, sums);
  add_outer(a, 1.0, dk, a->z, sums + size * WG_PLACES);
  add_outer(a, 1.0, dv, a->z, sums + 2 * size * WG_PLACES);
  add_outer(a, 1.0, c, residual, sums + 3 * size * WG_PLACES);
}
