/* Polar factors of many small matrices by polynomials (theory 2): a group of matrices at a time,
 * each in a lane of its own.
 *
 * A product of two 16 x 16 matrices is over before BLAS has looked at its arguments, and rows of 16
 * numbers or fewer hardly fill a vector. With entry (i, j) of all matrices of a group side by side
 * every operation fills its vectors whatever the shape, there are no sums across lanes, symmetric
 * results are made by halves down to tiles of four, and the numbers that belong to one lane,
 * its scale, its error, whether it is done, cost nothing. What a matrix becomes does not depend on
 * its neighbours. A group of 16 float matrices up to 32 x 32 stays in the caches of a core: X and
 * three d x d matrices, of 64 bytes an entry.
 *
 * Cost of a step, n x d: 3/2 n d^2 + d^3/2 fused operations, n d more to come and to go, by groups;
 * an incomplete group costs as much as a whole one. Memory a group's for each thread. */
#include "lmo/batch.h"

#include <stdio.h>

const wg_batch_kernels *wg_batch_kernels_here(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    return &wg_batch_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &wg_batch_avx2;
#endif
  return &wg_batch_portable;
}

#define WG_BATCH_SET wg_batch_portable
#define WG_BYTES 16
#define WG_COLUMNS 2
#include "lmo/batch_set.h"

int64_t wg_batch_room(const wg_batch_plan *plan) {
  int64_t n = wg_batch_padded(plan->n), d = wg_batch_padded(plan->d);
  return (n + WG_BATCH_ROWS + 4 * d) * wg_batch_step(plan->d);
}

bool wg_batch_pays(const wg_batch *batch) {
  const int64_t side = 64; /* up to here groups stay in the second cache */
  int64_t size = batch->single ? sizeof(float) : sizeof(double);
  int64_t lanes = wg_batch_kernels_here()->bytes / size;
  return batch->n * batch->d <= side * side && 4 * batch->count >= lanes;
}

static wg_batch_polynomial *list_polynomials(wg_mem *mem, const wg_polynomial_plan *plan) {
  wg_polynomial_steps steps = wg_polynomial_begin(plan);
  wg_batch_polynomial *list = WG_NEW(mem, wg_batch_polynomial, plan->steps + 1);
  for (int k = 0; list && k < plan->steps; k++) {
    wg_polynomial_next(&steps);
    list[k].terms = steps.terms;
    for (int j = 0; j < steps.terms; j++) list[k].c[j] = steps.c[j];
  }
  return list;
}

/* The groups, on threads; the first matrix with an entry that is not finite, or count. */
static int64_t run_groups(const wg_batch *batch, const wg_batch_plan *plan, int threads,
                          char *rooms, wg_batch_answer *answer) {
  const wg_batch_kernels *kernels = wg_batch_kernels_here();
  wg_batch_run run = batch->single ? kernels->run_float : kernels->run_double;
  int64_t size = batch->single ? sizeof(float) : sizeof(double), lanes = kernels->bytes / size;
  int64_t step = batch->n * batch->d * size, room = wg_batch_room(plan) * kernels->bytes;
  int64_t groups = (batch->count + lanes - 1) / lanes, fault = batch->count;
  int steps = 0;
  double estimate = -1.0;
#pragma omp parallel for num_threads(threads) schedule(dynamic) reduction(min      \
                                                                          : fault) \
    reduction(max                                                                  \
              : steps, estimate)
  for (int64_t k = 0; k < groups; k++) {
    int64_t first = k * lanes, many = WG_MIN(lanes, batch->count - first);
    wg_batch_found found = run(plan, many, (const char *)batch->g + first * step,
                               (char *)batch->out + first * step, rooms + wg_worker() * room);
    if (found.fault >= 0) fault = WG_MIN(fault, first + found.fault);
    steps = WG_MAX(steps, found.steps);
    if (found.estimate > estimate) estimate = found.estimate;
  }
  *answer = (wg_batch_answer){.steps = steps, .estimate = estimate >= 0.0 ? estimate : NAN};
  return fault;
}

int wg_polynomial_batch(const wg_batch *batch, const wg_polynomial_plan *plan, int threads,
                        wg_mem *mem, wg_batch_answer *answer) {
  wg_batch_plan how = {.n = WG_MAX(batch->n, batch->d),
                       .d = WG_MIN(batch->n, batch->d),
                       .transposed = batch->n < batch->d,
                       .frobenius = plan->method == WG_POLAR_MUON,
                       .tol = plan->tol,
                       .steps = plan->steps,
                       .polynomials = list_polynomials(mem, plan)};
  if (!how.polynomials) return wg_no_memory();
  double each = (double)batch->n * (double)batch->d * (double)how.d * 2.0 * how.steps;
  threads = wg_threads_for(threads, each * (double)batch->count);
  char *rooms =
      wg_new(mem, (size_t)(threads * wg_batch_room(&how)), (size_t)wg_batch_kernels_here()->bytes);
  if (!rooms) return wg_no_memory();
  int64_t fault = run_groups(batch, &how, threads, rooms, answer);
  if (fault == batch->count) return WG_OK;
  return wg_batch_refuse(batch, fault);
}

wg_rows wg_batch_rows(const wg_batch *batch, void *data, int64_t k) {
  int64_t count = batch->n * batch->d;
  return (wg_rows){.data = batch->single ? (void *)((float *)data + k * count)
                                         : (void *)((double *)data + k * count),
                   .single = batch->single,
                   .count = batch->n,
                   .width = batch->d,
                   .row_step = batch->d,
                   .column_step = 1};
}

int wg_batch_refuse(const wg_batch *batch, int64_t k) {
  char name[40];
  wg_rows rows = wg_batch_rows(batch, (void *)batch->g, k);
  snprintf(name, sizeof name, "g[%lld]", (long long)k);
  return wg_rows_refuse(&rows, name);
}
