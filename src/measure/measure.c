/* Weighted clouds: checks, merging of equal points, integer masses.
 *
 * Why integers: the network simplex then moves mass without rounding, so ties are exact ties and
 * marginals are exact. Weights are rounded to multiples of 2^-60, an error of at most 2^-61 a
 * point, far below the rounding of the weights themselves; the certificate pays for it anyway. Why
 * merging: equal points are one point with more mass, and a transport problem full of copies is
 * full of ties. On the line no simplex is needed, and weights of very different size may matter:
 * there the weights are kept as pairs of doubles as well. Cost O(n d log n), memory 5 words a
 * point.
 */
#include "measure/measure.h"

#include <stdlib.h>
#include <string.h>

static int check_points(const char *name, int64_t n, int64_t d, const double *points) {
  if (n < 1 || d < 1)
    return wg_fail(WG_ERR_INPUT,
                   "%s has shape (%lld, %lld); at least one point and one column are "
                   "needed",
                   name, (long long)n, (long long)d);
  for (int64_t i = 0; i < n * d; i++)
    if (!isfinite(points[i]))
      return wg_fail(WG_ERR_INPUT, "%s[%lld, %lld] = %g is not finite; remove or repair this point",
                     name, (long long)(i / d), (long long)(i % d), points[i]);
  return WG_OK;
}

static int check_weights(const char *name, int64_t n, const double *weights) {
  wg_sum sum = {0};
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(weights[i]))
      return wg_fail(WG_ERR_INPUT, "%s[%lld] = %g is not finite; weights are numbers >= 0", name,
                     (long long)i, weights[i]);
    if (weights[i] < 0)
      return wg_fail(WG_ERR_INPUT, "%s[%lld] = %g is negative; weights are numbers >= 0", name,
                     (long long)i, weights[i]);
    wg_sum_add(&sum, weights[i]);
  }
  double total = wg_sum_value(sum);
  if (!(total > 0))
    return wg_fail(WG_ERR_INPUT, "%s sums to zero; at least one weight must be positive", name);
  if (!(fabs(total - 1.0) <= 1e-6))
    return wg_fail(WG_ERR_INPUT, "%s sums to %.9g, not to one within 1e-6; divide it by its sum",
                   name, total);
  return WG_OK;
}

int wg_measure_check(const char *points_name, const char *weights_name, int64_t n, int64_t d,
                     const double *points, const double *weights) {
  WG_TRY(check_points(points_name, n, d, points));
  return weights ? check_weights(weights_name, n, weights) : WG_OK;
}

typedef struct keyed_row {
  const double *row;
  int64_t index, d;
} keyed_row;

static int compare_rows(const void *left, const void *right) {
  const keyed_row *a = left, *b = right;
  for (int64_t k = 0; k < a->d; k++)
    if (a->row[k] != b->row[k]) return a->row[k] < b->row[k] ? -1 : 1;
  return a->index < b->index ? -1 : 1;
}

static bool same_point(const keyed_row *a, const keyed_row *b) {
  for (int64_t k = 0; k < a->d; k++)
    if (a->row[k] != b->row[k]) return false;
  return true;
}

/* Fills keys with the points of positive mass, sorted; returns how many. */
static int64_t sorted_keys(const wg_cloud *cloud, const double *points, keyed_row *keys) {
  int64_t count = 0;
  for (int64_t i = 0; i < cloud->given; i++)
    if (cloud->given_mass[i] > 0) keys[count++] = (keyed_row){points + i * cloud->d, i, cloud->d};
  qsort(keys, (size_t)count, sizeof *keys, compare_rows);
  return count;
}

/* leader[i]: the first given point equal to point i (-1 without mass). Returns the number of points
 * with mass. */
static int64_t find_leaders(const wg_cloud *cloud, const double *points, keyed_row *keys,
                            int64_t *leader) {
  for (int64_t i = 0; i < cloud->given; i++) leader[i] = -1;
  const int64_t count = sorted_keys(cloud, points, keys);
  for (int64_t i = 0, first = 0; i < count; i++) {
    if (!same_point(&keys[first], &keys[i])) first = i;
    leader[keys[i].index] = keys[first].index;
  }
  return count;
}

/* Fills the groups in the order in which their first members were given, so that a cloud without
 * duplicates keeps its order however its points move. */
static void fill_groups(const double *points, const int64_t *leader, int64_t *group,
                        wg_cloud *cloud) {
  const int64_t d = cloud->d;
  for (int64_t i = 0; i < cloud->given; i++) {
    if (leader[i] < 0) continue;
    if (leader[i] == i) {
      memcpy(cloud->points + cloud->n * d, points + i * d, (size_t)d * sizeof *points);
      group[i] = cloud->n++;
    }
    cloud->first[group[leader[i]] + 1]++;
    cloud->mass[group[leader[i]]] += cloud->given_mass[i];
  }
  for (int64_t i = 0; i < cloud->n; i++) cloud->first[i + 1] += cloud->first[i];
  for (int64_t i = cloud->given - 1; i >= 0; i--) /* first[k+1] walks down to first[k] */
    if (leader[i] >= 0) cloud->members[--cloud->first[group[leader[i]] + 1]] = i;
  for (int64_t i = 0; i < cloud->n; i++) cloud->first[i] = cloud->first[i + 1];
  cloud->first[cloud->n] = cloud->given - cloud->dropped;
}

/* Groups equal points; cloud->given_mass is known. */
static int merge_points(wg_mem *mem, const double *points, wg_cloud *cloud) {
  keyed_row *keys = WG_NEW(mem, keyed_row, cloud->given);
  int64_t *leader = WG_NEW(mem, int64_t, 2 * cloud->given);
  cloud->points = WG_NEW(mem, double, cloud->given * cloud->d);
  cloud->mass = WG_NEW(mem, int64_t, cloud->given);
  cloud->first = WG_NEW(mem, int64_t, cloud->given + 1);
  cloud->members = WG_NEW(mem, int64_t, cloud->given);
  if (!keys || !leader || !cloud->points || !cloud->mass || !cloud->first || !cloud->members)
    return wg_no_memory();
  cloud->dropped = cloud->given - find_leaders(cloud, points, keys, leader);
  fill_groups(points, leader, leader + cloud->given, cloud);
  wg_drop(mem, keys);
  wg_drop(mem, leader);
  return WG_OK;
}

/* The number of positive weights when they are all equal, else 0. */
static int64_t uniform_count(int64_t n, const double *weights) {
  if (!weights) return n;
  int64_t count = 0;
  double common = 0;
  for (int64_t i = 0; i < n; i++) {
    if (weights[i] == 0) continue;
    if (count && weights[i] != common) return 0;
    common = weights[i];
    count++;
  }
  return count;
}

static void set_uniform_mass(const double *weights, int64_t unit, wg_cloud *cloud) {
  for (int64_t i = 0; i < cloud->given; i++)
    cloud->given_mass[i] = !weights || weights[i] > 0 ? unit : 0;
}

static int compare_numbers(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* The sum of the weights, the same in whatever order they come: weights in another order then get
 * the same masses. */
static int sum_of_weights(wg_mem *mem, int64_t n, const double *weights, double *total) {
  double *sorted = WG_NEW(mem, double, n);
  if (!sorted) return wg_no_memory();
  for (int64_t i = 0; i < n; i++) sorted[i] = weights ? weights[i] : 1.0 / (double)n;
  qsort(sorted, (size_t)n, sizeof *sorted, compare_numbers);
  wg_sum sum = {0};
  for (int64_t i = 0; i < n; i++) wg_sum_add(&sum, sorted[i]);
  *total = wg_sum_value(sum);
  wg_drop(mem, sorted);
  return WG_OK;
}

/* Scales to 2^60; a positive weight keeps at least one unit. Returns the sum. */
static int64_t set_scaled_mass(const double *weights, double sum, wg_cloud *cloud) {
  const double scale = 0x1p60 / sum;
  int64_t total = 0;
  for (int64_t i = 0; i < cloud->given; i++) {
    double weight = weights ? weights[i] : 1.0 / (double)cloud->given;
    int64_t mass = weight > 0 ? WG_MAX((int64_t)1, (int64_t)llround(weight * scale)) : 0;
    cloud->given_mass[i] = mass;
    total += mass;
  }
  return total;
}

/* Masses that are the weights themselves in units of 2^-60; false when some are no multiples. */
static bool set_exact_mass(const double *weights, wg_cloud *cloud, int64_t *total) {
  *total = 0;
  for (int64_t i = 0; weights && i < cloud->given; i++) {
    const double mass = weights[i] * 0x1p60; /* weights sum to one within 1e-6 */
    if (mass != floor(mass)) return false;
    cloud->given_mass[i] = (int64_t)mass;
    *total += (int64_t)mass;
  }
  return weights != NULL;
}

static void add_to_largest(wg_cloud *cloud, int64_t extra) {
  int64_t largest = 0;
  for (int64_t i = 1; i < cloud->given; i++)
    if (cloud->given_mass[i] > cloud->given_mass[largest]) largest = i;
  cloud->given_mass[largest] += extra;
}

static int64_t gcd(int64_t a, int64_t b) {
  while (b) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* Masses of clouds whose weights are not all equal. */
static int set_general_masses(wg_mem *mem, const double *a, const double *b, wg_cloud *cx,
                              wg_cloud *cy, int64_t *total) {
  int64_t sum_x, sum_y;
  double weight_x, weight_y;
  if (set_exact_mass(a, cx, &sum_x) && set_exact_mass(b, cy, &sum_y) && sum_x == sum_y) {
    *total = sum_x;
    return WG_OK;
  }
  WG_TRY(sum_of_weights(mem, cx->given, a, &weight_x));
  WG_TRY(sum_of_weights(mem, cy->given, b, &weight_y));
  sum_x = set_scaled_mass(a, weight_x, cx);
  sum_y = set_scaled_mass(b, weight_y, cy);
  if (sum_x < sum_y) add_to_largest(cx, sum_y - sum_x);
  if (sum_y < sum_x) add_to_largest(cy, sum_x - sum_y);
  *total = WG_MAX(sum_x, sum_y);
  return WG_OK;
}

/* Integer masses of both clouds with one sum. */
static int set_masses(wg_mem *mem, const double *a, const double *b, wg_cloud *cx, wg_cloud *cy,
                      wg_masses *masses) {
  const int64_t n = uniform_count(cx->given, a), m = uniform_count(cy->given, b);
  *masses = (wg_masses){0};
  if (!n || !m) return set_general_masses(mem, a, b, cx, cy, &masses->total);
  const int64_t common = gcd(n, m), least = n * (m / common);
  const bool has_room = least <= INT64_C(1) << 20; /* the total misses 2^53 by 1e-10 at most */
  const int64_t unit = has_room ? (INT64_C(1) << 53) / least : 1;
  set_uniform_mass(a, unit * (m / common), cx);
  set_uniform_mass(b, unit * (n / common), cy);
  *masses = (wg_masses){unit * least, has_room ? 0x1p-53 : 0.0};
  return WG_OK;
}

/* What each distinct point has of the total weight, to some 2^-100 of that. */
static int set_shares(wg_mem *mem, const double *weights, wg_cloud *cloud) {
  if (!(cloud->share = WG_NEW(mem, wg_twofold, cloud->n))) return wg_no_memory();
  wg_twofold total = {0};
  for (int64_t k = 0; k < cloud->n; k++) {
    for (int64_t at = cloud->first[k]; at < cloud->first[k + 1]; at++) {
      const wg_twofold weight = {weights ? weights[cloud->members[at]] : 1.0, 0.0};
      cloud->share[k] = wg_twofold_add(cloud->share[k], weight);
    }
    total = wg_twofold_add(total, cloud->share[k]);
  }
  for (int64_t k = 0; k < cloud->n; k++)
    cloud->share[k] = wg_twofold_divide(cloud->share[k], total);
  return WG_OK;
}

int wg_measure_pair(wg_mem *mem, int64_t n, int64_t m, int64_t d, const double *x, const double *a,
                    const double *y, const double *b, wg_cloud *cx, wg_cloud *cy,
                    wg_masses *masses) {
  *cx = (wg_cloud){.d = d, .given = n, .given_mass = WG_NEW(mem, int64_t, n)};
  *cy = (wg_cloud){.d = d, .given = m, .given_mass = WG_NEW(mem, int64_t, m)};
  if (!cx->given_mass || !cy->given_mass) return wg_no_memory();
  WG_TRY(set_masses(mem, a, b, cx, cy, masses));
  WG_TRY(merge_points(mem, x, cx));
  WG_TRY(merge_points(mem, y, cy));
  if (d > 1 || masses->quantum > 0.0) return WG_OK;
  WG_TRY(set_shares(mem, a, cx));
  return set_shares(mem, b, cy);
}
