/* One attention head for one instruction set (kernels_body.h): lanes are places of queries.
 *
 * With q = Qz / sqrt(head), k = Kz, v = Vz, P_ij = softmax over i of k_i.q_j, c_j = sum_i P_ij v_i,
 * the head says O'c_j. Going back with residuals r_j:
 *   dc_j = O r_j, dO += c_j r_j', dP_ij = dc_j.v_i, dS = P (dP - dc_j.c_j),
 *   dq_j = sum_i dS_ij k_i, dk_i = sum_j dS_ij q_j, dv_i = sum_j P_ij dc_j,
 *   dQ += dq_j z_j' / sqrt(head), dK += dk_i z_i', dV += dv_i z_i'.
 * Rows are `padded` long: q, k, v, c, dq, dk, dv, dc (head rows each), P and dS (length rows). */

/* Rows go by fours where there are four, to share what is loaded: f(..., row, 4 or 1). */
#define WG_BY_FOURS(rows, f, ...)                               \
  do {                                                          \
    int64_t row = 0;                                            \
    for (; row + 4 <= (rows); row += 4) f(__VA_ARGS__, row, 4); \
    for (; row < (rows); row++) f(__VA_ARGS__, row, 1);         \
  } while (0)

/* to (head x padded) = scale matrix z, rows from h. */
WG_INLINE void project_rows(const wg_head *a, const double *matrix, double scale, double *to,
                            int64_t h, int size) {
  for (int64_t j = 0; j < a->padded; j += WG_LANES) {
    vec_double sum[4] = {{0}, {0}, {0}, {0}};
    for (int64_t t = 0; t < a->token; t++) {
      const vec_double z = *(const vec_double *)(a->z + t * a->padded + j);
      for (int s = 0; s < size; s++) sum[s] += matrix[(h + s) * a->token + t] * z;
    }
    for (int s = 0; s < size; s++) *(vec_double *)(to + (h + s) * a->padded + j) = scale * sum[s];
  }
}

WG_INLINE void project(const wg_head *a, const double *matrix, double scale, double *to) {
  WG_BY_FOURS(a->head, project_rows, a, matrix, scale, to);
}

/* to[i][j] = sum over h of left[h][i] right[h][j] at the lanes from j, rows from i. */
WG_INLINE void score_rows(const wg_head *a, const double *left, const double *right, double *to,
                          int64_t j, int64_t i, int size) {
  vec_double sum[4] = {{0}, {0}, {0}, {0}};
  for (int64_t h = 0; h < a->head; h++) {
    const vec_double r = *(const vec_double *)(right + h * a->padded + j);
    for (int s = 0; s < size; s++) sum[s] += left[h * a->padded + i + s] * r;
  }
  for (int s = 0; s < size; s++) *(vec_double *)(to + (i + s) * a->padded + j) = sum[s];
}

/* to[h][j] = sum over i of left[h][i] matrix[i][j] at the lanes from j, rows from h. */
WG_INLINE void gather_rows(const wg_head *a, const double *left, const double *matrix, double *to,
                           int64_t j, int64_t h, int size) {
  vec_double sum[4] = {{0}, {0}, {0}, {0}};
  for (int64_t i = 0; i < a->length; i++) {
    const vec_double m = *(const vec_double *)(matrix + i * a->padded + j);
    for (int s = 0; s < size; s++) sum[s] += left[(h + s) * a->padded + i] * m;
  }
  for (int s = 0; s < size; s++) *(vec_double *)(to + (h + s) * a->padded + j) = sum[s];
}

/* The softmax of the scores p over i, at the lanes from j. */
WG_INLINE void soften(const wg_head *a, double *p, int64_t j) {
  vec_double most = *(const vec_double *)(p + j), total = {0};
  for (int64_t i = 1; i < a->length; i++)
    most = larger_double(most, *(const vec_double *)(p + i * a->padded + j));
  for (int64_t i = 0; i < a->length; i++) {
    vec_double *at = (vec_double *)(p + i * a->padded + j);
    *at = exponential_double(*at - most);
    total += *at;
  }
  const vec_double share = 1.0 / total;
  for (int64_t i = 0; i < a->length; i++) *(vec_double *)(p + i * a->padded + j) *= share;
}

/* P, and c = sum over i of P_ij v_i. */
WG_INLINE void attend(const wg_head *a, const double *q, const double *k, const double *v,
                      double *p, double *c) {
  for (int64_t j = 0; j < a->padded; j += WG_LANES) {
    WG_BY_FOURS(a->length, score_rows, a, k, q, p, j);
    soften(a, p, j);
    WG_BY_FOURS(a->head, gather_rows, a, v, p, c, j);
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

/* out[t] += weight sum over h of o[h][t] c[h], rows from t. */
WG_INLINE void speak_rows(const wg_head *a, const double *o, const double *c, double weight,
                          double *out, int64_t t, int size) {
  for (int64_t j = 0; j < a->padded; j += WG_LANES) {
    vec_double sum[4] = {{0}, {0}, {0}, {0}};
    for (int64_t h = 0; h < a->head; h++) {
      const vec_double said = *(const vec_double *)(c + h * a->padded + j);
      for (int s = 0; s < size; s++) sum[s] += o[h * a->token + t + s] * said;
    }
    for (int s = 0; s < size; s++)
      *(vec_double *)(out + (t + s) * a->padded + j) += weight * sum[s];
  }
}

static void attend_forward(const wg_head *a, double weight, double *out) {
  const double *o = a->x + 3 * a->head * a->token, *c = a->room + 3 * a->head * a->padded;
  look(a);
  WG_BY_FOURS(a->token, speak_rows, a, o, c, weight, out);
}

/* sums[h][t] += scale rows[h][.] others[t][.], lane by lane, rows from h. */
WG_INLINE void outer_rows(const wg_head *a, double scale, const double *rows, const double *others,
                          double *sums, int64_t h, int size) {
  for (int64_t t = 0; t < a->token; t++) {
    vec_double sum[4] = {{0}, {0}, {0}, {0}};
    for (int64_t j = 0; j < a->padded; j += WG_LANES) {
      const vec_double other = *(const vec_double *)(others + t * a->padded + j);
      for (int s = 0; s < size; s++)
        sum[s] += *(const vec_double *)(rows + (h + s) * a->padded + j) * other;
    }
    for (int s = 0; s < size; s++)
      *(vec_double *)(sums + ((h + s) * a->token + t) * WG_PLACES) += scale * sum[s];
  }
}

WG_INLINE void add_outer(const wg_head *a, double scale, const double *rows, const double *others,
                         double *sums) {
  WG_BY_FOURS(a->head, outer_rows, a, scale, rows, others, sums);
}

/* dS from P, v, c and dc. */
WG_INLINE void pull_scores(const wg_head *a, const double *v, const double *c, const double *dc,
                           const double *p, double *ds) {
  for (int64_t j = 0; j < a->padded; j += WG_LANES) {
    vec_double mean = {0};
    for (int64_t h = 0; h < a->head; h++)
      mean += *(const vec_double *)(c + h * a->padded + j) *
              *(const vec_double *)(dc + h * a->padded + j);
    WG_BY_FOURS(a->length, score_rows, a, v, dc, ds, j);
    for (int64_t i = 0; i < a->length; i++) {
      vec_double *at = (vec_double *)(ds + i * a->padded + j);
      *at = *(const vec_double *)(p + i * a->padded + j) * (*at - mean);
    }
  }
}

/* to[h][i] = sum over j of matrix_ij rows[h][j], rows from h. */
WG_INLINE void key_rows(const wg_head *a, const double *matrix, const double *rows, double *to,
                        int64_t h, int size) {
  for (int64_t i = 0; i < a->length; i++) {
    vec_double sum[4] = {{0}, {0}, {0}, {0}};
    for (int64_t j = 0; j < a->padded; j += WG_LANES) {
      const vec_double m = *(const vec_double *)(matrix + i * a->padded + j);
      for (int s = 0; s < size; s++)
        sum[s] += *(const vec_double *)(rows + (h + s) * a->padded + j) * m;
    }
    for (int s = 0; s < size; s++) to[(h + s) * a->padded + i] = sum_of_lanes(sum[s]);
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
  for (int64_t j = 0; j < a->padded; j += WG_LANES)
    WG_BY_FOURS(a->head, gather_rows, a, k, ds, dq, j);
  WG_BY_FOURS(a->head, key_rows, a, ds, q, dk);
  WG_BY_FOURS(a->head, key_rows, a, p, dc, dv);
  add_outer(a, 1.0 / sqrt((double)a->head), dq, a->z, sums);
  add_outer(a, 1.0, dk, a->z, sums + size * WG_PLACES);
  add_outer(a, 1.0, dv, a->z, sums + 2 * size * WG_PLACES);
  add_outer(a, 1.0, c, residual, sums + 3 * size * WG_PLACES);
}

#undef WG_BY_FOURS
