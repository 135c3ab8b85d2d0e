/* Gaussians as data: checks, scaling, differences of means; and the Gaussian of a cloud.
 *
 * The data as given (theory 4): a covariance that is not symmetric by rounding (1e-12 of its
 * largest entry) stands for its symmetric part, one with eigenvalues below zero by rounding (-1e-12
 * of the largest) for its positive part. No eigenvalue is dropped: what is small is known to
 * twofold precision (root.c). Everything is divided by one power of two first: exact, and
 * covariances of scale 1e300 are no special case. Cost: root.c; a fit O(n d^2). */
#include <string.h>

#include "linalg/la.h"
#include "measure/measure.h"

static const double wrong_below = -1e-12, asymmetry = 1e-12;

/* ---- checks ---- */

static int check_mean(const char *name, int64_t d, const double *mean) {
  for (int64_t i = 0; i < d; i++)
    if (!isfinite(mean[i]))
      return wg_fail(WG_ERR_INPUT, "%s[%lld] = %g is not finite; remove or repair it", name,
                     (long long)i, mean[i]);
  return WG_OK;
}

static int check_symmetric(const char *name, int64_t d, const double *s) {
  double largest = 0.0;
  for (int64_t i = 0; i < d * d; i++) {
    if (!isfinite(s[i]))
      return wg_fail(WG_ERR_INPUT, "%s[%lld, %lld] = %g is not finite; remove or repair it", name,
                     (long long)(i / d), (long long)(i % d), s[i]);
    largest = WG_MAX(largest, fabs(s[i]));
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++)
      if (fabs(s[i * d + j] - s[j * d + i]) > asymmetry * largest)
        return wg_fail(WG_ERR_INPUT,
                       "%s is not symmetric: entry [%lld, %lld] is %.17g, entry [%lld, %lld] is "
                       "%.17g; use (S + S')/2",
                       name, (long long)i, (long long)j, s[i * d + j], (long long)j, (long long)i,
                       s[j * d + i]);
  return WG_OK;
}

/* ---- roots ---- */

/* The symmetric part of 2^(-2 exponent) s, exactly but for underflow, which *lost tells of. */
static int scale_covariance(wg_mem *mem, int64_t d, const double *s, int exponent,
                            wg_twofold_matrix *out, bool *lost) {
  const double sure = 1e-290;
  *out = (wg_twofold_matrix){WG_NEW(mem, double, d *d), WG_NEW(mem, double, d *d)};
  if (!out->high || !out->low) return wg_no_memory();
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      const double one = ldexp(s[i * d + j], -2 * exponent - 1);
      const double other = ldexp(s[j * d + i], -2 * exponent - 1);
      wg_twofold_put(*out, i * d + j, wg_twofold_sum(one, other));
      *lost = *lost || (s[i * d + j] != 0.0 && fabs(one) < sure);
    }
  return WG_OK;
}

static int find_root(wg_mem *mem, const char *name, int64_t d, const double *s, int exponent,
                     wg_twofold_matrix *scaled, wg_normal_root *root, bool *lost) {
  double *vectors = WG_NEW(mem, double, d *d), *values = WG_NEW(mem, double, d);
  if (!vectors || !values) return wg_no_memory();
  WG_TRY(scale_covariance(mem, d, s, exponent, scaled, lost));
  WG_TRY(wg_la_eigh(d, scaled->high, values, vectors));
  if (values[d - 1] < wrong_below * WG_MAX(values[0], 0.0))
    return wg_fail(WG_ERR_INPUT,
                   "%s is not positive semidefinite: its smallest eigenvalue is %g, its largest "
                   "%g; a covariance has none below zero",
                   name, ldexp(values[d - 1], 2 * exponent), ldexp(values[0], 2 * exponent));
  WG_TRY(wg_measure_root(mem, d, *scaled, vectors, root));
  wg_drop(mem, vectors);
  wg_drop(mem, values);
  return WG_OK;
}

/* The exponent of the larger of |delta| and the standard deviations. */
static int scale_of(int64_t d, const double *delta, const double *cov0, const double *cov1) {
  double step = 0.0, variance = 0.0;
  for (int64_t i = 0; i < d; i++) step = WG_MAX(step, fabs(delta[i]));
  for (int64_t i = 0; i < d * d; i++)
    variance = WG_MAX(variance, WG_MAX(fabs(cov0[i]), fabs(cov1[i])));
  const double largest = WG_MAX(step, sqrt(variance));
  return largest > 0.0 ? ilogb(largest) + 1 : 0;
}

int wg_measure_normal_pair(wg_mem *mem, int64_t d, const double *mean0, const double *cov0,
                           const double *mean1, const double *cov1, wg_normal_pair *pair) {
  WG_TRY(check_mean("mean0", d, mean0));
  WG_TRY(check_mean("mean1", d, mean1));
  WG_TRY(check_symmetric("cov0", d, cov0));
  WG_TRY(check_symmetric("cov1", d, cov1));
  *pair = (wg_normal_pair){.d = d, .delta = {WG_NEW(mem, double, d), WG_NEW(mem, double, d)}};
  if (!pair->delta.high || !pair->delta.low) return wg_no_memory();
  for (int64_t i = 0; i < d; i++)
    wg_twofold_put(pair->delta, i, wg_twofold_sum(mean1[i], -mean0[i]));
  if (check_mean("mean1 - mean0", d, pair->delta.high) < 0)
    return wg_fail(WG_ERR_INPUT, "mean1 - mean0 overflows; rescale the Gaussians");
  pair->exponent = scale_of(d, pair->delta.high, cov0, cov1);
  for (int64_t i = 0; i < d; i++) {
    pair->delta.high[i] = ldexp(pair->delta.high[i], -pair->exponent);
    pair->delta.low[i] = ldexp(pair->delta.low[i], -pair->exponent);
  }
  WG_TRY(find_root(mem, "cov0", d, cov0, pair->exponent, &pair->cov0, &pair->root0, &pair->lost));
  return find_root(mem, "cov1", d, cov1, pair->exponent, &pair->cov1, &pair->root1, &pair->lost);
}

/* ---- the Gaussian of a cloud ---- */

int wg_measure_fit(wg_mem *mem, int64_t n, int64_t d, const double *points, const double *weights,
                   double *mean, double *covariance) {
  enum { BATCH = 512 };
  double *centred = WG_NEW(mem, double, BATCH *d), total = 0.0;
  if (!centred) return wg_no_memory();
  for (int64_t i = 0; i < n; i++) total += weights ? weights[i] : 1.0;
  for (int64_t k = 0; k < d; k++) {
    wg_sum sum = {0};
    for (int64_t i = 0; i < n; i++)
      wg_sum_add(&sum, (weights ? weights[i] : 1.0) / total * points[i * d + k]);
    mean[k] = wg_sum_value(sum);
  }
  memset(covariance, 0, (size_t)(d * d) * sizeof(double));
  for (int64_t from = 0; from < n; from += BATCH) {
    const int64_t size = WG_MIN(BATCH, n - from);
    for (int64_t i = 0; i < size; i++) {
      const double share = sqrt((weights ? weights[from + i] : 1.0) / total);
      for (int64_t k = 0; k < d; k++)
        centred[i * d + k] = share * (points[(from + i) * d + k] - mean[k]);
    }
    wg_la_gemm(true, false, d, d, size, 1.0, centred, d, centred, d, 1.0, covariance, d);
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++)
      covariance[i * d + j] = covariance[j * d + i] =
          0.5 * (covariance[i * d + j] + covariance[j * d + i]);
  wg_drop(mem, centred);
  return WG_OK;
}
