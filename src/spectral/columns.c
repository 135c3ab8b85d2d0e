/* The known couplings: storing, combining, and keeping their number in bounds.
 *
 * Any convex combination of couplings is a coupling, so columns may be merged by weight without
 * losing the best upper bound. Memory 24 bytes an entry plus d^2 numbers a column. */
#include <stdlib.h>
#include <string.h>

#include "spectral/state.h"

int wg_columns_reserve(wg_spectral *s) {
  if (s->count < s->capacity) return WG_OK;
  const int64_t capacity = 16 + 2 * s->capacity;
  wg_coupling *couplings = WG_GROW(&s->mem, s->couplings, wg_coupling, capacity);
  if (!couplings) return wg_no_memory();
  s->couplings = couplings;
  double *moments = WG_GROW(&s->mem, s->moments, double, capacity * s->d * s->d);
  if (!moments) return wg_no_memory();
  s->moments = moments;
  double *weights = WG_GROW(&s->mem, s->weights, double, capacity);
  if (!weights) return wg_no_memory();
  s->weights = weights;
  double *trial = WG_GROW(&s->mem, s->trial_w, double, capacity);
  if (!trial) return wg_no_memory();
  s->trial_w = trial;
  s->capacity = capacity;
  return WG_OK;
}

/* Sigma = delta delta' + sum mass (y - x)(y - x)' over the centred points: differences first, so
 * that clouds close to each other lose nothing. */
void wg_columns_moment(const wg_spectral *s, const wg_coupling *plan, double *moment) {
  const int64_t d = s->d;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j <= i; j++) moment[i * d + j] = s->delta[i] * s->delta[j];
  for (int64_t e = 0; e < plan->count; e++) {
    const double *x = s->x + plan->row[e] * d, *y = s->y + plan->col[e] * d;
    for (int64_t i = 0; i < d; i++) {
      const double step = plan->mass[e] * (y[i] - x[i]);
      for (int64_t j = 0; j <= i; j++) moment[i * d + j] += step * (y[j] - x[j]);
    }
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++) moment[j * d + i] = moment[i * d + j];
}

typedef struct entry {
  int64_t row, col;
  double mass;
} entry;

static int compare_entries(const void *left, const void *right) {
  const entry *a = left, *b = right;
  if (a->row != b->row) return a->row < b->row ? -1 : 1;
  return a->col < b->col ? -1 : a->col > b->col;
}

static int64_t collect(const wg_spectral *s, const double *weights, double least, entry *entries) {
  double kept = 0.0;
  int64_t count = 0;
  for (int64_t k = 0; k < s->count; k++)
    if (weights[k] > least) kept += weights[k];
  for (int64_t k = 0; k < s->count; k++) {
    if (!(weights[k] > least)) continue;
    const wg_coupling *plan = &s->couplings[k];
    for (int64_t e = 0; e < plan->count; e++)
      entries[count++] = (entry){plan->row[e], plan->col[e], plan->mass[e] * (weights[k] / kept)};
  }
  qsort(entries, (size_t)count, sizeof *entries, compare_entries);
  return count;
}

int wg_columns_combine(const wg_spectral *s, wg_mem *mem, const double *weights, double least,
                       wg_coupling *plan) {
  wg_mem scratch = wg_mem_of(&s->context->ledger);
  int64_t most = 0;
  for (int64_t k = 0; k < s->count; k++)
    if (weights[k] > least) most += s->couplings[k].count;
  entry *entries = WG_NEW(&scratch, entry, most);
  *plan = (wg_coupling){0, WG_NEW(mem, int64_t, most), WG_NEW(mem, int64_t, most),
                        WG_NEW(mem, double, most)};
  if (!entries || !plan->row || !plan->col || !plan->mass) {
    wg_mem_clear(&scratch);
    return wg_no_memory();
  }
  const int64_t count = collect(s, weights, least, entries);
  for (int64_t e = 0; e < count; e++) {
    const bool again = e > 0 && compare_entries(&entries[e - 1], &entries[e]) == 0;
    if (!again) {
      plan->row[plan->count] = entries[e].row;
      plan->col[plan->count] = entries[e].col;
      plan->mass[plan->count++] = 0.0;
    }
    plan->mass[plan->count - 1] += entries[e].mass;
  }
  wg_mem_clear(&scratch);
  return WG_OK;
}

static void drop_coupling(wg_spectral *s, wg_coupling *plan) {
  wg_drop(&s->mem, plan->row);
  wg_drop(&s->mem, plan->col);
  wg_drop(&s->mem, plan->mass);
}

typedef struct ranked {
  double weight;
  int64_t index;
} ranked;

/* Heavier first; of equal weights (new columns have none yet) the newer. */
static int compare_ranks(const void *left, const void *right) {
  const ranked *a = left, *b = right;
  if (a->weight != b->weight) return a->weight > b->weight ? -1 : 1;
  return a->index > b->index ? -1 : 1;
}

/* trial_w: the weight of every column that goes, -1 for those that stay. Returns the sum that goes.
 */
static int mark_light(wg_spectral *s, int64_t keep, double *light) {
  wg_mem scratch = wg_mem_of(&s->context->ledger);
  ranked *order = WG_NEW(&scratch, ranked, s->count);
  if (!order) return wg_no_memory();
  for (int64_t k = 0; k < s->count; k++) order[k] = (ranked){s->weights[k], k};
  qsort(order, (size_t)s->count, sizeof *order, compare_ranks);
  for (int64_t rank = 0; rank < s->count; rank++) {
    s->trial_w[order[rank].index] = rank < keep ? -1.0 : order[rank].weight;
    if (rank >= keep) *light += order[rank].weight;
  }
  wg_mem_clear(&scratch);
  return WG_OK;
}

int wg_columns_compress(wg_spectral *s, int64_t most) {
  if (s->count < most) return WG_OK;
  const int64_t square = s->d * s->d;
  double light = 0.0;
  wg_coupling merged = {0};
  WG_TRY(mark_light(s, most / 2, &light));
  if (light > 0) WG_TRY(wg_columns_combine(s, &s->mem, s->trial_w, 0.0, &merged));
  int64_t kept = 0;
  for (int64_t k = 0; k < s->count; k++) {
    if (s->trial_w[k] >= 0) {
      drop_coupling(s, &s->couplings[k]);
      continue;
    }
    s->couplings[kept] = s->couplings[k];
    memmove(s->moments + kept * square, s->moments + k * square, (size_t)square * sizeof(double));
    s->weights[kept++] = s->weights[k];
  }
  s->count = kept;
  if (light > 0) {
    s->couplings[s->count] = merged;
    wg_columns_moment(s, &merged, s->moments + s->count * square);
    s->weights[s->count++] = light;
  }
  return WG_OK;
}
