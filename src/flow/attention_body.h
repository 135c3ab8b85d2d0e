/* One attention head for one instruction set and precision (kernels_body.h sets WG_REAL and
 * WG_OF(name)): lanes are places of queries.
 *
 * With q = Qz / sqrt(head), k = Kz, v = Vz, P_ij = softmax over i of k_i.q_j, c_j = sum_i P_ij v_i,
 * the head says O'c_j. Going back with residuals r_j:
 *   dc_j = O r_j, dO += c_j r_j', dP_ij = dc_j.v_i, dS = P (dP - dc_j.c_j),
 *   dq_j = sum_i dS_ij k_i, dk_i = sum_j dS_ij q_j, dv_i = sum_j P_ij dc_j,
 *   dQ += dq_j z_j' / sqrt(head), dK += dk_i z_i', dV += dv_i z_i'.
 * or, with m_j = sum_i P_ij z_i and w_j = sum_i dS_ij z_i, c = V m, dq = K w, dK += q_j w_j' and
 * dV += dc_j m_j'. Rows are `padded` long: q, k, v, c, dq, dk, dv, dc (head rows each), m and w
 * (token rows each), P and dS (length rows each). */

#define WG_VEC WG_OF(vec)
#define WG_HEAD WG_OF(wg_head)

/* Rows go by eights, then by fours where there are so many, to share what is loaded and to have
 * sums enough that none waits for its last term: f(..., row, 8, 4 or 1). */
#define WG_BY_EIGHTS(rows, f, ...)                              \
  do {                                                          \
    int64_t row = 0;                                            \
    for (; row + 8 <= (rows); row += 8) f(__VA_ARGS__, row, 8); \
    for (; row + 4 <= (rows); row += 4) f(__VA_ARGS__, row, 4); \
    for (; row < (rows); row++) f(__VA_ARGS__, row, 1);         \
  } while (0)

/* Of queries. */
static inline WG_REAL WG_OF(scale_of)(const WG_HEAD *a) {
  return (WG_REAL)(1.0 / sqrt((double)a->head));
}

/* to (rows x padded) = matrix z, the first `scaled` rows times scale; rows from h. */
WG_INLINE void WG_OF(project_rows)(const WG_HEAD *a, const WG_REAL *matrix, WG_REAL scale,
                                   int64_t scaled, WG_REAL *to, int64_t h, int size) {
  for (int64_t j = 0; j < a->padded; j += WG_OF(LANES)) {
    WG_VEC sum[8] = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};
    for (int64_t t = 0; t < a->token; t++) {
      const WG_VEC z = *(const WG_VEC *)(a->z + t * a->padded + j);
      for (int s = 0; s < size; s++) sum[s] += matrix[(h + s) * a->token + t] * z;
    }
    for (int s = 0; s < size; s++)
      *(WG_VEC *)(to + (h + s) * a->padded + j) = (h + s < scaled ? scale : 1) * sum[s];
  }
}

/* Queries, keys and, with `count` 3, values: matrices and rows lie one behind the other. */
WG_INLINE void WG_OF(project_all)(const WG_HEAD *a, int count, WG_REAL *to) {
  WG_BY_EIGHTS(count * a->head, WG_OF(project_rows), a, a->x, WG_OF(scale_of)(a), a->head, to);
}

/* to (head x padded) = matrix rows, in the place of tokens. */
WG_INLINE void WG_OF(project)(const WG_HEAD *a, const WG_REAL *matrix, const WG_REAL *rows,
                              WG_REAL *to) {
  WG_HEAD other = *a;
  other.z = rows;
  WG_BY_EIGHTS(a->head, WG_OF(project_rows), &other, matrix, 1, 0, to);
}

/* to[i][j] = sum over h of left[h][i] right[h][j] at the lanes from j, rows from i. */
WG_INLINE void WG_OF(score_rows)(const WG_HEAD *a, const WG_REAL *left, const WG_REAL *right,
                                 WG_REAL *to, int64_t j, int64_t i, int size) {
  WG_VEC sum[8] = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};
  for (int64_t h = 0; h < a->head; h++) {
    const WG_VEC r = *(const WG_VEC *)(right + h * a->padded + j);
    for (int s = 0; s < size; s++) sum[s] += left[h * a->padded + i + s] * r;
  }
  for (int s = 0; s < size; s++) *(WG_VEC *)(to + (i + s) * a->padded + j) = sum[s];
}

/* to[h][j] = sum over i of left[h][i] matrix[i][j] at the lanes from j, rows from h. */
WG_INLINE void WG_OF(gather_rows)(const WG_HEAD *a, const WG_REAL *left, const WG_REAL *matrix,
                                  WG_REAL *to, int64_t j, int64_t h, int size) {
  WG_VEC sum[8] = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};
  for (int64_t i = 0; i < a->length; i++) {
    const WG_VEC m = *(const WG_VEC *)(matrix + i * a->padded + j);
    for (int s = 0; s < size; s++) sum[s] += left[(h + s) * a->padded + i] * m;
  }
  for (int s = 0; s < size; s++) *(WG_VEC *)(to + (h + s) * a->padded + j) = sum[s];
}

/* The softmax of the scores p over i, at the lanes from j. */
WG_INLINE void WG_OF(soften)(const WG_HEAD *a, WG_REAL *p, int64_t j) {
  WG_VEC most = *(const WG_VEC *)(p + j), total = {0};
  for (int64_t i = 1; i < a->length; i++)
    most = WG_OF(larger)(most, *(const WG_VEC *)(p + i * a->padded + j));
  for (int64_t i = 0; i < a->length; i++) {
    WG_VEC *at = (WG_VEC *)(p + i * a->padded + j);
    *at = WG_OF(exponential)(*at - most);
    total += *at;
  }
  const WG_VEC share = (WG_REAL)1 / total;
  for (int64_t i = 0; i < a->length; i++) *(WG_VEC *)(p + i * a->padded + j) *= share;
}

/* Whether sums over i are of tokens z_i rather than of keys and values: then what belongs to place
 * i need not be summed across lanes, which costs more than the longer rows unless they are much
 * longer. */
static inline bool WG_OF(by_tokens)(const WG_HEAD *a) { return a->token <= 2 * a->head; }

/* The rows of the room. */
typedef struct WG_OF(rows) {
  WG_REAL *q, *k, *v, *c, *dq, *dk, *dv, *dc, *m, *w, *p, *ds;
} WG_OF(rows);

static inline WG_OF(rows) WG_OF(rows_of)(const WG_HEAD *a) {
  const int64_t heads = a->head * a->padded, tokens = a->token * a->padded;
  WG_REAL *at = a->room, *m = at + 8 * heads, *p = m + 2 * tokens;
  return (WG_OF(rows)){.q = at,
                       .k = at + heads,
                       .v = at + 2 * heads,
                       .c = at + 3 * heads,
                       .dq = at + 4 * heads,
                       .dk = at + 5 * heads,
                       .dv = at + 6 * heads,
                       .dc = at + 7 * heads,
                       .m = m,
                       .w = m + tokens,
                       .p = p,
                       .ds = p + a->length * a->padded};
}

/* All of the forward pass but the last product: P, m where it is wanted, and c; v where it is. */
WG_INLINE void WG_OF(look)(const WG_HEAD *a, bool values, const WG_OF(rows) * r) {
  const int64_t size = a->head * a->token;
  const bool by_tokens = WG_OF(by_tokens)(a);
  WG_OF(project_all)(a, values || !by_tokens ? 3 : 2, r->q);
  for (int64_t j = 0; j < a->padded; j += WG_OF(LANES)) {
    WG_BY_EIGHTS(a->length, WG_OF(score_rows), a, r->k, r->q, r->p, j);
    WG_OF(soften)(a, r->p, j);
    if (by_tokens)
      WG_BY_EIGHTS(a->token, WG_OF(gather_rows), a, a->z, r->p, r->m, j);
    else
      WG_BY_EIGHTS(a->head, WG_OF(gather_rows), a, r->v, r->p, r->c, j);
  }
  if (by_tokens) WG_OF(project)(a, a->x + 2 * size, r->m, r->c);
}

/* out[t] += weight sum over h of o[h][t] c[h], rows from t. */
WG_INLINE void WG_OF(speak_rows)(const WG_HEAD *a, const WG_REAL *o, const WG_REAL *c,
                                 WG_REAL weight, WG_REAL *out, int64_t t, int size) {
  for (int64_t j = 0; j < a->padded; j += WG_OF(LANES)) {
    WG_VEC sum[8] = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};
    for (int64_t h = 0; h < a->head; h++) {
      const WG_VEC said = *(const WG_VEC *)(c + h * a->padded + j);
      for (int s = 0; s < size; s++) sum[s] += o[h * a->token + t + s] * said;
    }
    for (int s = 0; s < size; s++) *(WG_VEC *)(out + (t + s) * a->padded + j) += weight * sum[s];
  }
}

static void WG_OF(attend_forward)(const WG_HEAD *a, WG_REAL weight, WG_REAL *out) {
  const WG_OF(rows) r = WG_OF(rows_of)(a);
  WG_OF(look)(a, false, &r);
  WG_BY_EIGHTS(a->token, WG_OF(speak_rows), a, a->x + 3 * a->head * a->token, r.c, weight, out);
}

/* sums[h][t] += scale rows[h][.] others[t][.], lane by lane, rows from h. */
WG_INLINE void WG_OF(outer_rows)(const WG_HEAD *a, WG_REAL scale, const WG_REAL *rows,
                                 const WG_REAL *others, WG_REAL *sums, int64_t h, int size) {
  for (int64_t t = 0; t < a->token; t++) {
    WG_VEC sum[8] = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};
    for (int64_t j = 0; j < a->padded; j += WG_OF(LANES)) {
      const WG_VEC other = *(const WG_VEC *)(others + t * a->padded + j);
      for (int s = 0; s < size; s++)
        sum[s] += *(const WG_VEC *)(rows + (h + s) * a->padded + j) * other;
    }
    for (int s = 0; s < size; s++)
      *(WG_VEC *)(sums + ((h + s) * a->token + t) * WG_OF(PLACES)) += scale * sum[s];
  }
}

WG_INLINE void WG_OF(add_outer)(const WG_HEAD *a, WG_REAL scale, const WG_REAL *rows,
                                const WG_REAL *others, WG_REAL *sums) {
  WG_BY_EIGHTS(a->head, WG_OF(outer_rows), a, scale, rows, others, sums);
}

/* dS from P, v, c and dc. */
WG_INLINE void WG_OF(pull_scores)(const WG_HEAD *a, const WG_REAL *v, const WG_REAL *c,
                                  const WG_REAL *dc, const WG_REAL *p, WG_REAL *ds) {
  for (int64_t j = 0; j < a->padded; j += WG_OF(LANES)) {
    WG_VEC mean = {0};
    for (int64_t h = 0; h < a->head; h++)
      mean += *(const WG_VEC *)(c + h * a->padded + j) * *(const WG_VEC *)(dc + h * a->padded + j);
    WG_BY_EIGHTS(a->length, WG_OF(score_rows), a, v, dc, ds, j);
    for (int64_t i = 0; i < a->length; i++) {
      WG_VEC *at = (WG_VEC *)(ds + i * a->padded + j);
      *at = *(const WG_VEC *)(p + i * a->padded + j) * (*at - mean);
    }
  }
}

/* to[h][i] = sum over j of matrix_ij rows[h][j], rows from h. */
WG_INLINE void WG_OF(key_rows)(const WG_HEAD *a, const WG_REAL *matrix, const WG_REAL *rows,
                               WG_REAL *to, int64_t h, int size) {
  for (int64_t i = 0; i < a->length; i++) {
    WG_VEC sum[8] = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};
    for (int64_t j = 0; j < a->padded; j += WG_OF(LANES)) {
      const WG_VEC m = *(const WG_VEC *)(matrix + i * a->padded + j);
      for (int s = 0; s < size; s++)
        sum[s] += *(const WG_VEC *)(rows + (h + s) * a->padded + j) * m;
    }
    for (int s = 0; s < size; s++) to[(h + s) * a->padded + i] = WG_OF(sum_of_lanes)(sum[s]);
  }
}

/* dQ, dK and dV through w_j = sum_i dS_ij z_i: dq = K w, dK = sum_j q_j w_j', dV = sum_j dc_j m_j'.
 */
WG_INLINE void WG_OF(pull_by_tokens)(const WG_HEAD *a, const WG_OF(rows) * r, WG_REAL *sums) {
  const int64_t size = a->head * a->token, step = size * WG_OF(PLACES);
  for (int64_t j = 0; j < a->padded; j += WG_OF(LANES))
    WG_BY_EIGHTS(a->token, WG_OF(gather_rows), a, a->z, r->ds, r->w, j);
  WG_OF(project)(a, a->x + size, r->w, r->dq);
  WG_OF(add_outer)(a, 1, r->q, r->w, sums + step);
  WG_OF(add_outer)(a, 1, r->dc, r->m, sums + 2 * step);
}

/* The same through keys and values. */
WG_INLINE void WG_OF(pull_by_keys)(const WG_HEAD *a, const WG_OF(rows) * r, WG_REAL *sums) {
  const int64_t step = a->head * a->token * WG_OF(PLACES);
  for (int64_t j = 0; j < a->padded; j += WG_OF(LANES))
    WG_BY_EIGHTS(a->head, WG_OF(gather_rows), a, r->k, r->ds, r->dq, j);
  WG_BY_EIGHTS(a->head, WG_OF(key_rows), a, r->ds, r->q, r->dk);
  WG_BY_EIGHTS(a->head, WG_OF(key_rows), a, r->p, r->dc, r->dv);
  WG_OF(add_outer)(a, 1, r->dk, a->z, sums + step);
  WG_OF(add_outer)(a, 1, r->dv, a->z, sums + 2 * step);
}

static void WG_OF(attend_backward)(const WG_HEAD *a, const WG_REAL *residual, WG_REAL *sums) {
  const WG_OF(rows) r = WG_OF(rows_of)(a);
  const int64_t size = a->head * a->token;
  WG_OF(look)(a, true, &r);
  WG_OF(project)(a, a->x + 3 * size, residual, r.dc);
  WG_OF(pull_scores)(a, r.v, r.c, r.dc, r.p, r.ds);
  if (WG_OF(by_tokens)(a))
    WG_OF(pull_by_tokens)(a, &r, sums);
  else
    WG_OF(pull_by_keys)(a, &r, sums);
  WG_OF(add_outer)(a, WG_OF(scale_of)(a), r.dq, a->z, sums);
  WG_OF(add_outer)(a, 1, r.c, residual, sums + 3 * size * WG_OF(PLACES));
}

#undef WG_BY_EIGHTS
#undef WG_VEC
#undef WG_HEAD
