/* Every allocation of reading, judging and writing a certificate fails once, for every kind: the
 * call says so, leaves no object behind, and the next one works. */
#include "io_files.h"

/* As far as it gets; nothing is left of the object. */
static int run(const char *path, const char *copy) {
  wg_certificate_file *file = NULL;
  wg_verdict verdict;
  int status = wg_certificate_read(&file, path);
  if (status < 0) {
    assert_null(file);
    return status;
  }
  status = wg_certificate_verify(file, 1, &verdict);
  if (status == WG_OK) assert_true(verdict.valid);
  if (status == WG_OK) status = wg_certificate_write(file, copy);
  wg_certificate_free(file);
  return status;
}

static void every_failure_is_survived(void **state) {
  static const char *const seeds[] = {"cuts", "gaussian", "barycentre", "sphere", "grid"};
  const char *copy = in_scratch("copy.wgc");
  (void)state;
  for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s.wgc", WG_SOURCE_DIR, seeds[s]);
    wg_fail_allocation(0);
    assert_int_equal(run(path, copy), WG_OK);
    const long count = wg_allocation_count();
    assert_true(count > 8);
    for (long k = 1; k <= count; k++) {
      wg_fail_allocation(k);
      const int status = run(path, copy);
      wg_fail_allocation(0);
      if (status != WG_ERR_MEMORY) fail_msg("%s: allocation %ld: status %d", seeds[s], k, status);
    }
    assert_int_equal(run(path, copy), WG_OK);
  }
}

/* The same for what is made from arrays. */
static void creating_survives(void **state) {
  static const double numbers[9] = {1, 0, 0, 1};
  const wg_certificate_array arrays[] = {
      {"mean0", 0, 1, {2}, numbers},          {"cov0", 0, 2, {2, 2}, numbers},
      {"mean1", 0, 1, {2}, numbers},          {"cov1", 0, 2, {2, 2}, numbers},
      {"contraction", 0, 2, {2, 2}, numbers}, {"q", 0, 2, {2, 2}, numbers},
      {"claim", 0, 1, {3}, numbers}};
  int status = WG_ERR_MEMORY;
  long k = 1;
  (void)state;
  for (; status == WG_ERR_MEMORY && k < 50; k++) {
    wg_certificate_file *file = NULL;
    wg_fail_allocation(k);
    status = wg_certificate_create(&file, "gaussian", "trace", 7, arrays);
    wg_fail_allocation(0);
    assert_true((status == WG_OK) == (file != NULL));
    wg_certificate_free(file);
  }
  assert_int_equal(status, WG_OK);
  assert_int_equal(k - 2, 9); /* the object, the gauge, seven arrays */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_failure_is_survived),
                                     cmocka_unit_test(creating_survives)};
  return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
