/* Polar factors of many matrices through the public door.
 *
 * Small ones go through the polynomial methods side by side (lmo/batch.c). What is left, the exact
 * method, sizes beyond the cache and a batch of very few, is the work of wg_polar on each matrix:
 * small ones spread over the threads, large ones one after the other, for there a single matrix
 * keeps all threads busy. So no result depends on threads or neighbours. The report tells the worst
 * of all matrices. Cost that of the matrices; memory that of one for each thread. */
#include "api/api.h"
#include "api/lmo.h"

/* ---- matrices one by one ---- */

static void merge(wg_polar_report *worst, const wg_polar_report *one) {
  worst->method = one->method;
  worst->gram = one->gram;
  worst->steps = WG_MAX(worst->steps, one->steps);
  worst->passes = WG_MAX(worst->passes, one->passes);
  worst->rank = WG_MIN(worst->rank, one->rank);
  worst->condition = fmax(worst->condition, one->condition);
  worst->estimate = fmax(worst->estimate, one->estimate);
  worst->sigma_min = fmin(worst->sigma_min, one->sigma_min);
  worst->sigma_max = fmax(worst->sigma_max, one->sigma_max);
  worst->orthogonality = fmax(worst->orthogonality, one->orthogonality);
  worst->peak_bytes = WG_MAX(worst->peak_bytes, one->peak_bytes);
}

/* The factor of matrix k; or, of one that is made, the measures alone. */
static int solve_one(const wg_batch *batch, int64_t k, bool made, const wg_polar_settings *settings,
                     wg_polar_report *report) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_rows g = wg_batch_rows(batch, (void *)batch->g, k), out = wg_batch_rows(batch, batch->out, k);
  int status;
  *report = (wg_polar_report){.struct_size = sizeof *report, .condition = NAN, .estimate = NAN};
  if (made) {
    wg_isometry found = {NAN, NAN, NAN};
    report->rank = WG_MIN(batch->n, batch->d);
    status = wg_isometry_check(&out, report->rank, 1, &mem, &found);
    report->sigma_min = found.least;
    report->sigma_max = found.largest;
    report->orthogonality = found.error;
  } else {
    wg_matrix given = {batch->n, batch->d, batch->single, g.data, out.data};
    status = wg_polar_solve(&mem, &given, settings, report);
  }
  report->peak_bytes = (int64_t)ledger.peak;
  wg_mem_clear(&mem);
  return status;
}

/* The first that fails, or count; *status is its status. */
static int64_t solve_each(const wg_batch *batch, bool made, int threads,
                          const wg_polar_settings *settings, wg_polar_report *each, int *status) {
  int64_t failed = batch->count;
#pragma omp parallel for num_threads(threads) schedule(dynamic) reduction(min : failed)
  for (int64_t k = 0; k < batch->count; k++)
    if (solve_one(batch, k, made, settings, &each[k]) < 0) failed = WG_MIN(failed, k);
  *status = WG_OK;
  /* What it says stayed with its thread. A factor that failed was not written. */
  if (failed < batch->count) *status = solve_one(batch, failed, made, settings, &each[failed]);
  return failed;
}

static int one_by_one(wg_mem *mem, const wg_batch *batch, bool made,
                      const wg_polar_settings *settings, wg_polar_report *report) {
  const double small = 64.0 * 64.0;
  double size = (double)batch->n * (double)batch->d;
  wg_polar_settings alone = *settings;
  int threads = 1, status;
  if (size <= small) {
    threads =
        wg_threads_for(wg_thread_count(settings->threads),
                       20.0 * size * (double)batch->count * (double)WG_MIN(batch->n, batch->d));
    alone.threads = 1;
  }
  wg_polar_report *each = WG_NEW(mem, wg_polar_report, batch->count);
  if (!each) return wg_no_memory();
  int64_t failed = solve_each(batch, made, threads, &alone, each, &status);
  if (failed < batch->count)
    return status == WG_ERR_INPUT ? wg_batch_refuse(batch, failed)
           : status < 0           ? status
                                  : wg_no_memory(); /* there was none the first time */
  *report = each[0];
  for (int64_t k = 1; k < batch->count; k++) merge(report, &each[k]);
  report->peak_bytes *= threads;
  wg_drop(mem, each);
  return WG_OK;
}

/* ---- side by side ---- */

static int choose_method(const wg_batch *batch, const wg_polar_settings *s) {
  if (s->method != WG_POLAR_AUTO) return s->method;
  return s->tol > 0.0 && wg_batch_pays(batch) ? WG_POLAR_EXPRESS : WG_POLAR_AUTO;
}

static int side_by_side(wg_mem *mem, const wg_batch *batch, int method,
                        const wg_polar_settings *settings, wg_polar_report *report) {
  wg_matrix given = {batch->n, batch->d, batch->single, batch->g, batch->out};
  wg_polynomial_plan plan = wg_polar_plan(settings, &given, method, false);
  wg_batch_answer answer;
  WG_TRY(wg_polynomial_batch(batch, &plan, wg_thread_count(settings->threads), mem, &answer));
  *report = (wg_polar_report){.rank = WG_MIN(batch->n, batch->d),
                              .condition = NAN,
                              .sigma_min = NAN,
                              .sigma_max = NAN,
                              .orthogonality = NAN};
  if (settings->check) WG_TRY(one_by_one(mem, batch, true, settings, report));
  report->method = method;
  report->steps = answer.steps;
  report->estimate = answer.estimate;
  return WG_OK;
}

static int check_batch(const wg_batch *batch) {
  int64_t entries;
  wg_matrix given = {batch->n, batch->d, batch->single, batch->g, batch->out};
  WG_TRY(wg_matrix_check(&given, "u"));
  if (batch->count >= 1 && !__builtin_mul_overflow(batch->count, batch->n * batch->d, &entries) &&
      entries <= INT64_MAX / 64)
    return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT,
                 "there are %lld matrices; one at least, and what fits into memory",
                 (long long)batch->count);
}

static int solve(wg_mem *mem, const wg_batch *batch, const wg_polar_settings *settings,
                 wg_polar_report *report) {
  WG_TRY(check_batch(batch));
  WG_TRY(wg_polar_check(settings));
  int method = choose_method(batch, settings);
  bool polynomial = method >= WG_POLAR_MUON && settings->gram != 1;
  if (polynomial && wg_batch_pays(batch)) return side_by_side(mem, batch, method, settings, report);
  return one_by_one(mem, batch, false, settings, report);
}

static int run(const wg_batch *batch, const wg_polar_settings *settings, wg_polar_report *report) {
  wg_clear_error();
  double start = wg_now();
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_polar_settings defaults;
  wg_polar_report found = {.peak_bytes = 0};
  wg_polar_settings_init(&defaults);
  int status = solve(&mem, batch, settings ? settings : &defaults, &found);
  wg_mem_clear(&mem);
  if (status < 0 || !report) return status;
  found.struct_size = sizeof found;
  found.seconds = wg_now() - start;
  found.peak_bytes += (int64_t)ledger.peak;
  *report = found;
  return WG_OK;
}

int wg_polar_batch(int64_t count, int64_t n, int64_t d, const double *g,
                   const wg_polar_settings *settings, double *u, wg_polar_report *report) {
  return run(&(wg_batch){count, n, d, false, g, u}, settings, report);
}

int wg_polar_batch_f32(int64_t count, int64_t n, int64_t d, const float *g,
                       const wg_polar_settings *settings, float *u, wg_polar_report *report) {
  return run(&(wg_batch){count, n, d, true, g, u}, settings, report);
}
