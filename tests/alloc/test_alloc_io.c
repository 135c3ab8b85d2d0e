/* Fail-the-k-th-allocation for every reader and writer: whatever allocation is refused, the call
 * says so, leaves nothing allocated and nothing on disk, and succeeds once memory is there. */
#include "io_files.h"

enum { MOST_ALLOCATIONS = 100 };

typedef int (*operation)(wg_mem *mem, const char *path);

static int read_any(wg_mem *mem, const char *path) {
  wg_io_array array;
  return wg_io_read(mem, path, strstr(path, "deflated") ? "x" : NULL, &array);
}

static int list_any(wg_mem *mem, const char *path) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  wg_io_bytes bytes;
  wg_io_listing listing;
  int status = wg_io_load(&scratch, path, &bytes);
  if (status == WG_OK) status = wg_io_list(mem, bytes, &listing);
  wg_mem_clear(&scratch);
  return status;
}

static int read_a_certificate(wg_mem *mem, const char *path) {
  wg_file_certificate certificate;
  return wg_file_read_certificate(mem, path, &certificate);
}

/* Fails each allocation of the call in turn; returns how many there were. */
static int fail_each(operation call, const char *path) {
  for (int k = 1; k < MOST_ALLOCATIONS; k++) {
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    wg_clear_error();
    wg_fail_allocation(k);
    int status = call(&mem, path);
    wg_fail_allocation(0);
    if (status == WG_OK) {
      wg_mem_clear(&mem);
      assert_int_equal(ledger.now, 0);
      return k - 1;
    }
    assert_int_equal(status, WG_ERR_MEMORY);
    assert_int_equal(ledger.now, 0);
    assert_detail("out of memory", "");
    wg_mem_clear(&mem);
    assert_int_equal(ledger.now, 0);
  }
  fail_msg("%s: more than %d allocations", path, MOST_ALLOCATIONS);
  return 0;
}

static const char *seed(const char *name) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", WG_SOURCE_DIR, name);
  return path;
}

static void readers_survive(void **state) {
  static const struct {
    operation call;
    const char *file;
    int allocations;
  } cases[] = {{read_any, "f8.npy", 2},     {read_any, "i4_big_fortran.npy", 2},
               {read_any, "stored.npz", 4}, {read_any, "deflated.npz", 4},
               {read_any, "header.csv", 2}, {read_any, "blanks.txt", 2},
               {read_any, "tabs.tsv", 2},   {list_any, "deflated.npz", 5},
               {list_any, "stored.npz", 4}, {read_a_certificate, "certificate.wgc", 2}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    assert_int_equal(fail_each(cases[k].call, seed(cases[k].file)), cases[k].allocations);
}

/* A pipe has no size: the block grows while it is read. */
static void reading_a_pipe_survives(void **state) {
  enum { SIZE = 150000 };
  char *text = malloc(SIZE);
  int saved = dup(STDIN_FILENO), k = 1, status = WG_ERR_MEMORY;
  (void)state;
  memset(text, '\n', SIZE);
  text[0] = '1';
  const char *path = write_raw("long.txt", text, SIZE);
  for (; status == WG_ERR_MEMORY && k < MOST_ALLOCATIONS; k++) {
    wg_ledger ledger = {0};
    wg_mem mem = wg_mem_of(&ledger);
    char command[1200];
    snprintf(command, sizeof command, "cat '%s'", path);
    FILE *pipe_end = popen(command, "r");
    assert_non_null(pipe_end);
    dup2(fileno(pipe_end), STDIN_FILENO);
    wg_fail_allocation(k);
    status = read_any(&mem, "-");
    wg_fail_allocation(0);
    dup2(saved, STDIN_FILENO);
    pclose(pipe_end);
    if (status < 0) assert_int_equal(ledger.now, 0);
    wg_mem_clear(&mem);
    assert_int_equal(ledger.now, 0);
  }
  close(saved);
  free(text);
  assert_int_equal(status, WG_OK);
  assert_int_equal(k - 2, 4); /* 64 KiB, 128, 256 and the array */
}

static int write_an_npy(wg_mem *mem, const char *path) {
  const double data[2] = {1, 2};
  const wg_io_member member = {"x", "<f8", 1, {2}, data};
  (void)mem;
  return wg_io_write_npy(path, &member);
}

static int write_an_npz(wg_mem *mem, const char *path) {
  const double data[2] = {1, 2};
  const wg_io_member members[2] = {{"x", "<f8", 1, {2}, data}, {"y", "<f8", 1, {2}, data}};
  (void)mem;
  return wg_io_write_npz(path, 2, members);
}

static int write_a_certificate(wg_mem *mem, const char *path) {
  const double one[1] = {1};
  const int64_t zero[1] = {0};
  const wg_certificate certificate = {.struct_size = sizeof certificate,
                                      .n = 1,
                                      .m = 1,
                                      .d = 1,
                                      .count = 1,
                                      .x = one,
                                      .y = one,
                                      .a = one,
                                      .b = one,
                                      .gauge = "trace",
                                      .row = zero,
                                      .col = zero,
                                      .mass = one,
                                      .q = one,
                                      .f = one,
                                      .g = one,
                                      .upper = 1,
                                      .tol = 1e-6};
  wg_certificate_file *file = NULL;
  (void)mem;
  WG_TRY(wg_certificate_of_clouds(&certificate, &file));
  const int status = wg_certificate_write(file, path);
  wg_certificate_free(file);
  return status;
}

static int take_nothing(const char *line, void *data) {
  (void)line;
  (void)data;
  return WG_OK;
}

static int open_a_journal(wg_mem *mem, const char *path) {
  wg_io_journal *journal;
  const char *other;
  WG_TRY(wg_io_journal_open(mem, path, "work 1", take_nothing, NULL, &journal, &other));
  wg_io_journal_close(journal);
  return WG_OK;
}

static void writers_survive(void **state) {
  static const struct {
    operation call;
    int allocations;
  } cases[] = {
      {write_an_npy, 1}, {write_an_npz, 5}, {write_a_certificate, 14}, {open_a_journal, 2}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    empty_scratch();
    assert_int_equal(fail_each(cases[k].call, in_scratch("out")), cases[k].allocations);
    assert_int_equal(count_scratch(), 1); /* the last try alone wrote */
  }
}

/* A limit is refused with the bytes that are needed, before the system is asked. */
static void a_limit_is_kept(void **state) {
  wg_ledger ledger = {.limit = 300};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  char *text = malloc(2000);
  (void)state;
  for (int k = 0; k < 1000; k++) memcpy(text + 2 * k, "1\n", 2);
  wg_io_bytes bytes = {"some.file", (unsigned char *)text, 2000};
  assert_int_equal(wg_io_parse(&mem, bytes, NULL, &array), WG_ERR_MEMORY_LIMIT);
  assert_detail("memory limit", "8000");
  assert_int_equal(ledger.now, 0);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(readers_survive), cmocka_unit_test(reading_a_pipe_survives),
      cmocka_unit_test(writers_survive), cmocka_unit_test(a_limit_is_kept)};
  return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
