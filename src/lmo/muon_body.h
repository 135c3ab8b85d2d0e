/* Private to muon.c: what happens to the entries of a parameter of type REAL. */

static int64_t NAME(fault)(int64_t count, const REAL *entries, double most) {
  for (int64_t k = 0; k < count; k++)
    if (!(fabs((double)entries[k]) <= most)) return k;
  return -1;
}

/* The momentum after the step, as it is stored. */
static inline REAL NAME(next)(const wg_muon_rates *rates, REAL momentum, REAL gradient) {
  return (REAL)(rates->beta * (double)momentum + (1.0 - rates->beta) * (double)gradient);
}

/* What the step follows, given the momentum after it. */
static inline double NAME(ahead)(const wg_muon_rates *rates, REAL next, REAL gradient) {
  if (!rates->nesterov) return (double)next;
  return rates->beta * (double)next + (1.0 - rates->beta) * (double)gradient;
}

static inline REAL NAME(moved)(const wg_muon_rates *rates, REAL value, double change) {
  return (REAL)((double)value * (1.0 - rates->rate * rates->decay) - rates->rate * change);
}

static void NAME(gather)(const REAL *momentum, const wg_muon_rates *rates, const REAL *gradient,
                         const wg_matrices *matrices, const wg_matrix_block *block, REAL *out) {
  const int64_t *column = matrices->column + block->first_column;
  for (int64_t i = 0; i < block->rows; i++) {
    int64_t start = matrices->start[block->matrix] + matrices->row[block->first_row + i];
    for (int64_t j = 0; j < block->columns; j++) {
      int64_t at = start + column[j];
      REAL next = NAME(next)(rates, momentum[at], gradient[at]);
      out[i * block->columns + j] = (REAL)NAME(ahead)(rates, next, gradient[at]);
    }
  }
}

static void NAME(scatter)(const wg_muon_rates *rates, double factor, const wg_matrices *matrices,
                          const wg_matrix_block *block, const REAL *direction, REAL *values) {
  const int64_t *column = matrices->column + block->first_column;
  for (int64_t i = 0; i < block->rows; i++) {
    int64_t start = matrices->start[block->matrix] + matrices->row[block->first_row + i];
    for (int64_t j = 0; j < block->columns; j++) {
      REAL *value = &values[start + column[j]];
      *value = NAME(moved)(rates, *value, factor * (double)direction[i * block->columns + j]);
    }
  }
}

static void NAME(advance)(int64_t count, const wg_muon_rates *rates, const REAL *gradient,
                          REAL *momentum) {
  for (int64_t k = 0; k < count; k++) momentum[k] = NAME(next)(rates, momentum[k], gradient[k]);
}

static void NAME(sgd)(int64_t count, const wg_muon_rates *rates, const REAL *gradient,
                      REAL *momentum, REAL *values) {
  for (int64_t k = 0; k < count; k++) {
    momentum[k] = NAME(next)(rates, momentum[k], gradient[k]);
    values[k] = NAME(moved)(rates, values[k], NAME(ahead)(rates, momentum[k], gradient[k]));
  }
}

/* Where nothing was ever seen, nothing moves, also with an epsilon of zero. */
static void NAME(adamw)(int64_t count, const wg_muon_rates *rates, const REAL *gradient,
                        REAL *momentum, double *second, REAL *values) {
  for (int64_t k = 0; k < count; k++) {
    double g = (double)gradient[k];
    momentum[k] = (REAL)(rates->beta1 * (double)momentum[k] + (1.0 - rates->beta1) * g);
    second[k] = rates->beta2 * second[k] + (1.0 - rates->beta2) * g * g;
    double size = sqrt(second[k] / rates->bias2) + rates->epsilon;
    double change = size > 0.0 ? (double)momentum[k] / rates->bias1 / size : 0.0;
    values[k] = NAME(moved)(rates, values[k], change);
  }
}
