/* Every allocation of gauges and certificates fails once: the call returns WG_ERR_MEMORY, leaves
 * nothing behind and works the next time. */
/* cmocka.h needs the others before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "certify/certify.h"

static const double x[4] = {-1, 0, 1, 0}, y[4] = {0, -1, 0, 1}, half[2] = {0.5, 0.5};
static const double quarter[4] = {0.25, 0.25, 0.25, 0.25}, q[4] = {0.5, 0, 0, 0.5};
static const int64_t row[4] = {0, 0, 1, 1}, col[4] = {0, 1, 0, 1};

static wg_certificate two_atoms(const char *gauge) {
  return (wg_certificate){.n = 2,
                          .m = 2,
                          .d = 2,
                          .count = 4,
                          .x = x,
                          .a = half,
                          .y = y,
                          .b = half,
                          .gauge = gauge,
                          .row = row,
                          .col = col,
                          .mass = quarter,
                          .q = q,
                          .f = half,
                          .g = half,
                          .lower = 0.999,
                          .upper = 4.001};
}

/* The same with a cut: Q = I / 2 has no more to say than the trace. */
static wg_certificate two_atoms_cut(const char *gauge) {
  wg_certificate certificate = two_atoms(gauge);
  certificate.cuts = 1;
  certificate.cut_q = q;
  certificate.cut_f = certificate.cut_g = half;
  return certificate;
}

/* Either verifier; whether the claim is valid. */
typedef int judge(wg_context *context, const wg_certificate *certificate, bool *valid);

static int plain(wg_context *context, const wg_certificate *certificate, bool *valid) {
  wg_verdict verdict = {0};
  const int status = wg_cert_verify(context, certificate, &verdict);
  *valid = verdict.valid;
  return status;
}

static int rigorous(wg_context *context, const wg_certificate *certificate, bool *valid) {
  wg_rigorous_verdict verdict = {0};
  const int status = wg_cert_verify_rigorous(context, certificate, &verdict);
  *valid = verdict.valid;
  return status;
}

/* Fails the k-th allocation for k = 1, 2, ... until none is left to fail. FLINT's own are not among
 * them: what it needs is asked for beforehand. */
static void fail_each(judge *verify, wg_certificate certificate) {
  long k = 1;
  for (;; k++) {
    wg_context context = {.threads = 1};
    bool valid = false;
    wg_fail_allocation(k);
    int status = verify(&context, &certificate, &valid);
    long reached = wg_allocation_count();
    wg_fail_allocation(0);
    assert_int_equal(context.ledger.now, 0);
    if (reached < k) {
      assert_int_equal(status, WG_OK);
      assert_true(valid);
      break;
    }
    assert_int_equal(status, WG_ERR_MEMORY);
    assert_false(valid);
  }
  assert_true(k > 10);
}

static void verify_survives(void **state) {
  (void)state;
  judge *both[] = {plain, rigorous};
  for (int i = 0; i < 2; i++) {
    fail_each(both[i], two_atoms("operator"));
    fail_each(both[i], two_atoms("sum:trace@1,operator@1"));
    fail_each(both[i], two_atoms("schatten:0.5"));
    fail_each(both[i], two_atoms_cut("schatten:0.5"));
  }
}

static void memory_limit_is_kept(void **state) {
  (void)state;
  wg_certificate certificate = two_atoms("operator");
  wg_context context = {.threads = 1, .ledger = {.limit = 64}};
  wg_verdict verdict = {0};
  assert_int_equal(wg_cert_verify(&context, &certificate, &verdict), WG_ERR_MEMORY_LIMIT);
  assert_int_equal(context.ledger.now, 0);
  wg_rigorous_verdict balls = {0};
  context.ledger.limit = 100000; /* more than the data need, less than FLINT may */
  assert_int_equal(wg_cert_verify_rigorous(&context, &certificate, &balls), WG_ERR_MEMORY_LIMIT);
  assert_int_equal(context.ledger.now, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(verify_survives),
      cmocka_unit_test(memory_limit_is_kept),
  };
  return cmocka_run_group_tests_name("certify allocations", tests, NULL, NULL);
}
