/* One step of the optimiser: directions first, all of them; then every parameter moves.
 *
 * In this order a step that fails, on a number that is not finite or for want of memory, has
 * changed nothing. Directions come through the public doors, wg_polar_batch for polar factors, of
 * all blocks of one size at once, and wg_lmo for other gauges: each block is gathered from its
 * tensor, with momentum and Nesterov's look ahead applied on the way, worked on in place, and
 * scattered back with decay and scale. In front of the oracle a block is divided by the power of
 * two of its largest entry, so that J, which has the size of G, is a number also in float; the
 * direction -J / N* does not know it.
 *
 * Cost that of the directions and some passes over the parameters; memory beside the momenta: the
 * directions of all matrices. */
#include <float.h>
#include <stdio.h>

#include "api/muon.h"

/* ---- blocks ---- */

static int64_t blocks_of(const wg_muon *m, int64_t k) {
  return m->matrices[k].count * m->rows[k].count * m->columns[k].count;
}

static wg_matrix_block block_of(const wg_muon *m, int64_t k, int64_t b) {
  const wg_muon_cut *rows = &m->rows[k], *columns = &m->columns[k];
  int64_t j = b % columns->count, i = b / columns->count % rows->count;
  return (wg_matrix_block){.matrix = b / columns->count / rows->count,
                           .first_row = rows->start[i],
                           .rows = rows->start[i + 1] - rows->start[i],
                           .first_column = columns->start[j],
                           .columns = columns->start[j + 1] - columns->start[j]};
}

static double scale_of(const wg_muon *m, const wg_matrix_block *block) {
  double n = (double)block->rows, d = (double)block->columns;
  switch (m->settings.scale) {
    case WG_MUON_SCALE_RMS: return 0.2 * sqrt(WG_MAX(n, d));
    case WG_MUON_SCALE_ASPECT: return sqrt(WG_MAX(1.0, n / d));
    default: return 1.0;
  }
}

static void *entry_at(bool single, void *entries, int64_t at) {
  return single ? (void *)((float *)entries + at) : (void *)((double *)entries + at);
}

/* ---- directions ---- */

/* Of `count` blocks of one size, one behind the other. */
static int polar_directions(const wg_muon *m, bool single, const wg_matrix_block *block,
                            int64_t count, void *matrices, wg_muon_report *report) {
  const wg_polar_settings *how = &m->settings.polar;
  wg_polar_report found;
  int64_t n = block->rows, d = block->columns;
  WG_TRY(single ? wg_polar_batch_f32(count, n, d, matrices, how, matrices, &found)
                : wg_polar_batch(count, n, d, matrices, how, matrices, &found));
  report->estimate = fmax(report->estimate, found.estimate);
  report->sigma_min = fmin(report->sigma_min, found.sigma_min);
  report->sigma_max = fmax(report->sigma_max, found.sigma_max);
  report->orthogonality = fmax(report->orthogonality, found.orthogonality);
  report->peak_bytes = WG_MAX(report->peak_bytes, found.peak_bytes);
  return WG_OK;
}

static double number_at(bool single, const void *entries, int64_t k) {
  return single ? (double)((const float *)entries)[k] : ((const double *)entries)[k];
}

static void multiply(bool single, int64_t count, double factor, int exponent, void *entries) {
  for (int64_t k = 0; k < count; k++) {
    double product = ldexp(factor * number_at(single, entries, k), exponent);
    if (single)
      ((float *)entries)[k] = (float)product;
    else
      ((double *)entries)[k] = product;
  }
}

/* -J / N*, or -J with dual_norm. */
static int gauge_direction(const wg_muon *m, bool single, const wg_matrix_block *block,
                           void *matrix, wg_muon_report *report) {
  int64_t n = block->rows, d = block->columns;
  const wg_polar_settings *how = &m->settings.polar;
  wg_lmo_settings settings;
  wg_lmo_report found;
  double largest = 0.0;
  wg_lmo_settings_init(&settings);
  settings.threads = how->threads;
  settings.rank_tol = how->rank_tol;
  for (int64_t k = 0; k < n * d; k++) largest = WG_MAX(largest, fabs(number_at(single, matrix, k)));
  if (largest == 0.0) return WG_OK;
  int exponent = ilogb(largest);
  multiply(single, n * d, 1.0, -exponent, matrix);
  WG_TRY(single ? wg_lmo_f32(m->settings.gauge, n, d, matrix, NULL, &settings, matrix, &found)
                : wg_lmo(m->settings.gauge, n, d, matrix, NULL, &settings, matrix, &found));
  bool keeps = m->settings.dual_norm != 0;
  multiply(single, n * d, keeps ? -1.0 : -1.0 / found.dual_norm, keeps ? exponent : 0, matrix);
  report->estimate = fmax(report->estimate, found.estimate);
  report->peak_bytes = WG_MAX(report->peak_bytes, found.peak_bytes);
  if (wg_muon_fault(single, n * d, matrix, single ? FLT_MAX : DBL_MAX) < 0) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "a direction with its dual norm is too large to be stored");
}

/* How many blocks from block b on have its size. */
static int64_t equal_blocks(const wg_muon *m, int64_t k, int64_t b, int64_t blocks) {
  wg_matrix_block first = block_of(m, k, b);
  int64_t count = 1;
  for (; b + count < blocks; count++) {
    wg_matrix_block next = block_of(m, k, b + count);
    if (next.rows != first.rows || next.columns != first.columns) break;
  }
  return count;
}

static int find_directions(const wg_muon *m, int64_t k, const wg_muon_rates *rates,
                           const void *gradient, void *directions, wg_muon_report *report) {
  const wg_muon_slot *slot = &m->slots[k];
  int64_t blocks = blocks_of(m, k), many;
  for (int64_t b = 0; b < blocks; b += many) {
    wg_matrix_block block = block_of(m, k, b);
    int64_t size = block.rows * block.columns;
    void *first = directions;
    many = equal_blocks(m, k, b, blocks);
    for (int64_t i = 0; i < many; i++) {
      block = block_of(m, k, b + i);
      wg_muon_gather(slot, rates, gradient, &m->matrices[k], &block, directions);
      if (!m->polar) WG_TRY(gauge_direction(m, slot->single, &block, directions, report));
      directions = entry_at(slot->single, directions, size);
    }
    if (m->polar) WG_TRY(polar_directions(m, slot->single, &block, many, first, report));
  }
  report->directions += blocks;
  return WG_OK;
}

static int find_all(const wg_muon *m, const wg_muon_rates *rates, const void *const *gradients,
                    wg_mem *mem, void **directions, wg_muon_report *report) {
  for (int64_t k = 0; k < m->count; k++) {
    const wg_muon_slot *slot = &m->slots[k];
    if (slot->rule != WG_MUON_MATRIX) continue;
    directions[k] = wg_new(mem, (size_t)slot->count, slot->single ? sizeof(float) : sizeof(double));
    if (!directions[k]) return wg_no_memory();
    WG_TRY(find_directions(m, k, rates, gradients[k], directions[k], report));
  }
  return WG_OK;
}

/* ---- moving ---- */

static void move_matrices(const wg_muon *m, int64_t k, const wg_muon_rates *rates,
                          const void *gradient, void *directions, void *values) {
  const wg_muon_slot *slot = &m->slots[k];
  int64_t at = 0, blocks = blocks_of(m, k);
  for (int64_t b = 0; b < blocks; b++) {
    wg_matrix_block block = block_of(m, k, b);
    wg_muon_scatter(slot, rates, scale_of(m, &block), &m->matrices[k], &block,
                    entry_at(slot->single, directions, at), values);
    at += block.rows * block.columns;
  }
  wg_muon_advance(slot, rates, gradient);
}

static wg_muon_rates rates_of(const wg_muon *m, bool matrix) {
  const wg_muon_settings *s = &m->settings;
  double steps = (double)(m->steps + 1);
  return (wg_muon_rates){.beta = s->momentum,
                         .nesterov = s->nesterov != 0,
                         .rate = matrix ? s->rate : s->fallback_rate,
                         .decay = matrix ? s->weight_decay : s->fallback_decay,
                         .beta1 = s->beta1,
                         .beta2 = s->beta2,
                         .epsilon = s->epsilon,
                         .bias1 = 1.0 - pow(s->beta1, steps),
                         .bias2 = 1.0 - pow(s->beta2, steps)};
}

static void move_all(const wg_muon *m, const void *const *gradients, void *const *directions,
                     void *const *values) {
  wg_muon_rates matrix = rates_of(m, true), other = rates_of(m, false);
  for (int64_t k = 0; k < m->count; k++) {
    const wg_muon_slot *slot = &m->slots[k];
    if (slot->rule == WG_MUON_MATRIX)
      move_matrices(m, k, &matrix, gradients[k], directions[k], values[k]);
    else if (slot->rule == WG_MUON_ADAMW)
      wg_muon_adamw(slot, &other, gradients[k], values[k]);
    else
      wg_muon_sgd(slot, &other, gradients[k], values[k]);
  }
}

/* ---- the step ---- */

static int refuse_entry(const wg_muon_slot *slot, const char *what, const void *entries,
                        int64_t at) {
  char index[WG_MUON_AXES * 24] = "";
  int64_t place[WG_MUON_AXES], left = at;
  size_t used = 0;
  for (int a = slot->ndim - 1; a >= 0; a--) {
    place[a] = left % slot->shape[a];
    left /= slot->shape[a];
  }
  for (int a = 0; a < slot->ndim; a++)
    used += (size_t)snprintf(index + used, sizeof index - used, "%s%lld", a ? ", " : "",
                             (long long)place[a]);
  double entry = number_at(slot->single, entries, at);
  return wg_fail(WG_ERR_INPUT, "%s of '%.200s': entry [%s] = %g is %s; leave this step out", what,
                 slot->name, index, entry,
                 isfinite(entry) ? "beyond 1e150, too large for AdamW" : "not finite");
}

static int check_numbers(const wg_muon *m, void *const *values, const void *const *gradients) {
  if (!values || !gradients) return wg_fail(WG_ERR_ARGUMENT, "values and gradients must be given");
  for (int64_t k = 0; k < m->count; k++) {
    const wg_muon_slot *slot = &m->slots[k];
    double most = slot->single ? FLT_MAX : DBL_MAX;
    if (!values[k] || !gradients[k])
      return wg_fail(WG_ERR_ARGUMENT, "'%.200s' has no values or no gradient", slot->name);
    int64_t at = wg_muon_fault(slot->single, slot->count, values[k], most);
    if (at >= 0) return refuse_entry(slot, "the value", values[k], at);
    if (slot->rule == WG_MUON_ADAMW) most = WG_MIN(most, 1e150); /* its square is a number */
    at = wg_muon_fault(slot->single, slot->count, gradients[k], most);
    if (at >= 0) return refuse_entry(slot, "the gradient", gradients[k], at);
  }
  return WG_OK;
}

static int make_step(wg_muon *m, void *const *values, const void *const *gradients, wg_mem *mem,
                     wg_muon_report *report) {
  wg_muon_rates rates = rates_of(m, true);
  void **directions = WG_NEW(mem, void *, m->count);
  if (!directions) return wg_no_memory();
  WG_TRY(find_all(m, &rates, gradients, mem, directions, report));
  move_all(m, gradients, directions, values);
  report->step = ++m->steps;
  return WG_OK;
}

int wg_muon_step(wg_muon *m, void *const *values, const void *const *gradients,
                 wg_muon_report *report) {
  wg_muon_report found = {.struct_size = sizeof found,
                          .estimate = NAN,
                          .sigma_min = NAN,
                          .sigma_max = NAN,
                          .orthogonality = NAN};
  double start = wg_now();
  wg_clear_error();
  if (!m) return wg_fail(WG_ERR_ARGUMENT, "muon must not be NULL");
  WG_TRY(check_numbers(m, values, gradients));
  wg_ledger ledger = m->ledger; /* counts on: what is taken now comes beside the momenta */
  wg_mem mem = wg_mem_of(&ledger);
  int status = make_step(m, values, gradients, &mem, &found);
  wg_mem_clear(&mem);
  if (status < 0) return status;
  found.peak_bytes += (int64_t)ledger.peak;
  found.seconds = wg_now() - start;
  if (report) *report = found;
  return WG_OK;
}

/* ---- the rest ---- */

int wg_muon_set_rates(wg_muon *m, double rate, double fallback_rate) {
  wg_clear_error();
  if (!m) return wg_fail(WG_ERR_ARGUMENT, "muon must not be NULL");
  WG_TRY(wg_muon_check_rates(rate, fallback_rate));
  m->settings.rate = rate;
  m->settings.fallback_rate = fallback_rate;
  return WG_OK;
}

int wg_muon_get_route(const wg_muon *m, int64_t index, wg_muon_route *route) {
  wg_clear_error();
  if (!m || !route || index < 0 || index >= m->count)
    return wg_fail(WG_ERR_ARGUMENT, "there is no parameter %lld, or no room for its line",
                   (long long)index);
  *route = m->routes[index];
  return WG_OK;
}

int64_t wg_muon_state_bytes(const wg_muon *m) {
  return m ? wg_muon_state_size(m->count, m->slots) : 0;
}

int wg_muon_save(const wg_muon *m, void *bytes, int64_t size) {
  wg_clear_error();
  if (!m || !bytes || size < wg_muon_state_bytes(m))
    return wg_fail(WG_ERR_ARGUMENT, "the state takes %lld bytes",
                   (long long)wg_muon_state_bytes(m));
  wg_muon_state_write(m->count, m->slots, m->steps, bytes);
  return WG_OK;
}

int wg_muon_load(wg_muon *m, const void *bytes, int64_t size) {
  wg_clear_error();
  if (!m || !bytes || size < 0) return wg_fail(WG_ERR_ARGUMENT, "muon and bytes must be given");
  return wg_muon_state_read(m->count, m->slots, bytes, size, &m->steps);
}
