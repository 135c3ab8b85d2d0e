/* Files themselves: what cannot be read, what cannot be written, atomic replacement, standard
 * streams, interrupted system calls; and the checks of arrays. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "io_files.h"

/* ---- reading ---- */

static void refuse_read(const char *path, const char *first, const char *second) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  assert_int_equal(wg_io_read(&mem, path, NULL, &array), WG_ERR_INPUT);
  assert_detail(first, second);
  assert_int_equal(ledger.now, 0);
}

static void unreadable_paths_are_refused(void **state) {
  (void)state;
  refuse_read(in_scratch("absent.npy"), "absent.npy cannot be read: No such file",
              "check the path");
  refuse_read(scratch_directory, scratch_directory, "is a directory; name a file in it");
  refuse_read("", "cannot be read", "No such file");
  refuse_read("/dev/null", "/dev/null is a device", "-");
  refuse_read(write_raw("empty.npy", "", 0), "empty.npy is empty", "should hold numbers");
  const char *secret = write_raw("secret.csv", "1,2\n", 4);
  assert_int_equal(chmod(secret, 0), 0);
  if (geteuid() != 0)
    refuse_read(secret, "secret.csv cannot be read: Permission denied", "permission");
  assert_int_equal(chmod(secret, 0600), 0);
  char below[1100];
  snprintf(below, sizeof below, "%s/x.npy", secret);
  refuse_read(below, "cannot be read: Not a directory", "x.npy");
}

static void a_failed_load_holds_nothing(void **state) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_bytes bytes;
  (void)state;
  assert_int_equal(wg_io_load(&mem, write_raw("empty", "", 0), &bytes), WG_ERR_INPUT);
  assert_true(ledger.peak > 0);
  assert_int_equal(ledger.now, 0);
}

static void kinds_are_recognised_by_bytes(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
    wg_io_kind kind;
  } cases[] = {{"\x93NUMPY", 6, WG_IO_NPY},
               {"\x93", 1, WG_IO_NPY},
               {"PK\3\4", 4, WG_IO_NPZ},
               {"PK\5\6", 4, WG_IO_NPZ},
               {"PK\3", 3, WG_IO_TEXT},
               {"WGCERT1\n", 8, WG_IO_CERTIFICATE},
               {"WGCERT", 6, WG_IO_CERTIFICATE},
               {"1,2\n", 4, WG_IO_TEXT},
               {"", 0, WG_IO_TEXT}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    wg_io_bytes bytes = {"f", (const unsigned char *)cases[k].bytes, cases[k].size};
    assert_int_equal(wg_io_recognise(bytes), cases[k].kind);
  }
}

/* Runs read on standard input fed by a child, in pieces, so that reads come back short. */
static int read_standard_input(wg_mem *mem, const char *bytes, size_t size, wg_io_array *array) {
  int ends[2], saved = dup(STDIN_FILENO);
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    for (size_t k = 0; k < size; k += 1000)
      if (write(ends[1], bytes + k, size - k < 1000 ? size - k : 1000) < 0) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  int status = wg_io_read(mem, "-", NULL, array);
  dup2(saved, STDIN_FILENO);
  close(saved);
  waitpid(child, NULL, 0);
  return status;
}

static void standard_input_is_read(void **state) {
  enum { ROWS = 30000 };
  char *text = malloc(ROWS * 8);
  size_t size = 0;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  (void)state;
  for (int k = 0; k < ROWS; k++) size += (size_t)sprintf(text + size, "%d\n", k % 1000);
  assert_int_equal(read_standard_input(&mem, text, size, &array), WG_OK);
  assert_int_equal(array.shape[0], ROWS);
  assert_int_equal(array.shape[1], 1);
  for (int k = 0; k < ROWS; k++) assert_true(array.data[k] == k % 1000);
  wg_mem_clear(&mem);
  assert_int_equal(read_standard_input(&mem, text, 0, &array), WG_ERR_INPUT);
  assert_detail("standard input is empty", "");
  assert_int_equal(read_standard_input(&mem, "1,x,y", 5, &array), WG_ERR_INPUT);
  assert_detail("standard input holds no numbers", "");
  free(text);
}

/* Standard input stays open for whoever reads next. */
static void standard_input_is_not_closed(void **state) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_array array;
  (void)state;
  assert_int_equal(read_standard_input(&mem, "1\n", 2, &array), WG_OK);
  assert_int_not_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
  wg_mem_clear(&mem);
}

/* ---- checks of arrays ---- */

static wg_io_array shaped(double *data, int ndim, int64_t first, int64_t second, int64_t third) {
  wg_io_array array = {.data = data, .ndim = ndim, .shape = {first, second, third}, .count = 1};
  for (int k = 0; k < ndim; k++) array.count *= array.shape[k];
  return array;
}

static void shapes_are_checked(void **state) {
  double data[6] = {0};
  const struct {
    wg_io_array array;
    bool points, vector;
    const char *shape;
  } cases[] = {{shaped(data, 0, 0, 0, 0), false, false, "shape ()"},
               {shaped(data, 1, 6, 0, 0), true, true, ""},
               {shaped(data, 1, 0, 0, 0), false, false, "shape (0,)"},
               {shaped(data, 2, 6, 1, 0), true, true, ""},
               {shaped(data, 2, 1, 6, 0), true, true, ""},
               {shaped(data, 2, 2, 3, 0), true, false, "shape (2, 3)"},
               {shaped(data, 2, 0, 3, 0), false, false, "shape (0, 3)"},
               {shaped(data, 2, 1, 0, 0), false, false, "shape (1, 0)"},
               {shaped(data, 3, 1, 2, 3), false, false, "shape (1, 2, 3)"}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const wg_io_array *array = &cases[k].array;
    int64_t rows = -1, columns = -1, count = -1;
    int points = wg_io_check_points("p.npy", array, &rows, &columns);
    assert_int_equal(points, cases[k].points ? WG_OK : WG_ERR_INPUT);
    if (points == WG_OK)
      assert_true(rows == array->shape[0] && columns == (array->ndim == 2 ? array->shape[1] : 1));
    else
      assert_detail("p.npy has ", cases[k].shape);
    int vector = wg_io_check_vector("-", array, &count);
    assert_int_equal(vector, cases[k].vector ? WG_OK : WG_ERR_INPUT);
    if (vector == WG_OK)
      assert_int_equal(count, 6);
    else
      assert_detail("standard input has ", cases[k].shape);
  }
}

static void entries_that_are_not_finite_are_named(void **state) {
  double data[6] = {1, 2, 3, 4, INFINITY, NAN};
  wg_io_array matrix = shaped(data, 2, 3, 2, 0), cube = shaped(data, 3, 1, 3, 2);
  wg_io_array point = shaped(data + 5, 0, 0, 0, 0);
  (void)state;
  assert_int_equal(wg_io_check_finite("x.npy", &matrix), WG_ERR_INPUT);
  assert_detail("x.npy: entry [2, 0] is inf", "must be finite");
  data[4] = 5;
  assert_int_equal(wg_io_check_finite("x.npy", &cube), WG_ERR_INPUT);
  assert_detail("x.npy: entry [0, 2, 1] is nan", "");
  assert_int_equal(wg_io_check_finite("x.npy", &point), WG_ERR_INPUT);
  assert_detail("x.npy: entry [] is nan", "");
  data[5] = 6;
  assert_int_equal(wg_io_check_finite("x.npy", &matrix), WG_OK);
}

static void quotes_are_fit_for_a_message(void **state) {
  char out[12];
  (void)state;
  assert_string_equal(wg_io_quote(out, sizeof out, "a\tb\x7F", 4), "a?b?");
  assert_string_equal(wg_io_quote(out, sizeof out, "0123456789a", 11), "0123456789a");
  assert_string_equal(wg_io_quote(out, sizeof out, "0123456789ab", 12), "01234567...");
  assert_string_equal(wg_io_quote(out, sizeof out,
                                  "0123456\xC3\xA9"
                                  "9ab",
                                  12),
                      "0123456...");
  assert_string_equal(wg_io_quote(out, 1, "abc", 3), "");
}

/* ---- writing ---- */

static void assert_content(const char *path, const char *expected) {
  size_t size;
  unsigned char *bytes = read_raw(path, &size);
  assert_int_equal(size, strlen(expected));
  assert_memory_equal(bytes, expected, size);
  free(bytes);
}

static void refuse_write(const char *path, const char *first, const char *second) {
  assert_int_equal(wg_io_check_writable(path), WG_ERR_IO);
  assert_detail(first, second);
  assert_int_equal(wg_io_write_bytes(path, "new", 3), WG_ERR_IO);
  assert_detail(first, second);
}

static void bad_outputs_are_said_before_work(void **state) {
  (void)state;
  char below[1100], slash[1100], name[300], longest[5000];
  empty_scratch();
  const char *file = write_raw("file", "old", 3);
  snprintf(below, sizeof below, "%s/out.npy", file);
  snprintf(slash, sizeof slash, "%s/new/", scratch_directory);
  memset(longest, 'a', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  refuse_write("", "empty name", "give it a path");
  refuse_write(scratch_directory, scratch_directory, "is a directory; name a file in it");
  refuse_write(slash, "new/ is a directory", "");
  refuse_write(in_scratch("absent/out.npy"),
               "absent/out.npy cannot be written: its directory does not", "choose another path");
  refuse_write(below, "file/out.npy cannot be written: Not a directory", "");
  refuse_write(longest, "cannot be written: File name too long", "");
  memset(name, 'a', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  refuse_write(in_scratch(name), "cannot be written: File name too long", "");
  assert_int_equal(count_scratch(), 1);
  if (geteuid() != 0) {
    assert_int_equal(chmod(file, 0400), 0);
    refuse_write(file, "file cannot be written: Permission denied", "");
    assert_int_equal(chmod(file, 0600), 0);
    assert_int_equal(chmod(scratch_directory, 0500), 0);
    refuse_write(in_scratch("out"), "out cannot be written: Permission denied", "");
    assert_int_equal(chmod(scratch_directory, 0700), 0);
  }
  assert_content(file, "old");
}

static void checking_leaves_nothing_behind(void **state) {
  (void)state;
  empty_scratch();
  assert_int_equal(wg_io_check_writable(in_scratch("new")), WG_OK);
  assert_int_equal(count_scratch(), 0);
  const char *file = write_raw("old", "old", 3);
  assert_int_equal(wg_io_check_writable(file), WG_OK);
  assert_content(file, "old");
  assert_int_equal(count_scratch(), 1);
  assert_int_equal(wg_io_check_writable("-"), WG_OK);
}

static void files_are_created_and_replaced(void **state) {
  struct stat about;
  char name[256];
  (void)state;
  empty_scratch();
  mode_t mask = umask(027);
  const char *path = in_scratch("out");
  assert_int_equal(wg_io_write_bytes(path, "one", 3), WG_OK);
  assert_content(path, "one");
  assert_int_equal(stat(path, &about), 0);
  assert_int_equal(about.st_mode & 0777, 0640);
  assert_int_equal(chmod(path, 0604), 0);
  assert_int_equal(wg_io_write_bytes(path, "three", 5), WG_OK);
  assert_content(path, "three");
  assert_int_equal(stat(path, &about), 0);
  assert_int_equal(about.st_mode & 0777, 0604);
  memset(name, 'n', 255); /* the longest name has room for its temporary */
  name[255] = '\0';
  assert_int_equal(wg_io_write_bytes(in_scratch(name), "", 0), WG_OK);
  assert_content(in_scratch(name), "");
  assert_int_equal(count_scratch(), 2);
  umask(mask);
}

static void names_without_a_directory_are_written(void **state) {
  char before[1024];
  (void)state;
  empty_scratch();
  assert_non_null(getcwd(before, sizeof before));
  assert_int_equal(chdir(scratch_directory), 0);
  assert_int_equal(wg_io_write_bytes("plain", "here", 4), WG_OK);
  assert_int_equal(chdir(before), 0);
  assert_content(in_scratch("plain"), "here");
}

static void links_are_followed(void **state) {
  struct stat about;
  (void)state;
  empty_scratch();
  const char *file = write_raw("target", "old", 3), *link = in_scratch("link");
  assert_int_equal(symlink(file, link), 0);
  assert_int_equal(wg_io_write_bytes(link, "new", 3), WG_OK);
  assert_content(file, "new");
  assert_int_equal(lstat(link, &about), 0);
  assert_true(S_ISLNK(about.st_mode));
}

/* What is not a regular file is written in place. A pipe of the test's own stands for every device:
 * were it replaced after all, nothing outside the scratch directory would suffer. */
static void pipes_are_not_replaced(void **state) {
  struct stat about;
  char bytes[8] = "";
  (void)state;
  empty_scratch();
  const char *path = in_scratch("fifo");
  assert_int_equal(mkfifo(path, 0600), 0);
  int reader = open(path, O_RDONLY | O_NONBLOCK);
  assert_true(reader >= 0);
  assert_int_equal(wg_io_check_writable(path), WG_OK);
  assert_int_equal(wg_io_write_bytes(path, "through", 7), WG_OK);
  assert_int_equal(lstat(path, &about), 0);
  assert_true(S_ISFIFO(about.st_mode));
  assert_int_equal(read(reader, bytes, sizeof bytes), 7);
  assert_memory_equal(bytes, "through", 7);
  assert_int_equal(count_scratch(), 1);
  close(reader);
}

/* A disk that fills: the old file stays, the temporary goes. */
static void a_failed_write_changes_nothing(void **state) {
  struct rlimit before, small;
  char *bytes = calloc(100000, 1);
  (void)state;
  empty_scratch();
  const char *file = write_raw("out", "old", 3);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 5000;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  int status = wg_io_write_bytes(file, bytes, 100000);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_DFL);
  assert_int_equal(status, WG_ERR_IO);
  assert_detail("out cannot be written: File too large", "choose another path");
  assert_content(file, "old");
  assert_int_equal(count_scratch(), 1);
  free(bytes);
}

static void standard_output_is_written_after_what_was_printed(void **state) {
  (void)state;
  const char *path = in_scratch("stdout");
  fflush(stdout);
  int saved = dup(STDOUT_FILENO), file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(file, STDOUT_FILENO);
  printf("first ");
  int status = wg_io_write_bytes("-", "second", 6);
  dup2(saved, STDOUT_FILENO);
  close(saved);
  close(file);
  assert_int_equal(status, WG_OK);
  assert_content(path, "first second");
}

static volatile sig_atomic_t interruptions;
static void on_signal(int number) {
  (void)number;
  interruptions++;
}

/* The child reads a pipe slowly and interrupts the writer all the time; its exit status says
 * whether every byte came once. */
static void drain_slowly(const char *path, pid_t writer, size_t size) {
  unsigned char bytes[4096];
  size_t seen = 0;
  alarm(20); /* never outlives a test that fails */
  int file = open(path, O_RDONLY);
  for (;;) {
    kill(writer, SIGUSR1);
    ssize_t got = read(file, bytes, sizeof bytes);
    if (got <= 0) break;
    for (ssize_t k = 0; k < got; k++)
      if (bytes[k] != (unsigned char)((seen + (size_t)k) * 31 >> 3)) _exit(1);
    seen += (size_t)got;
  }
  _exit(seen == size ? 0 : 2);
}

static void interrupted_writes_go_on(void **state) {
  enum { SIZE = 1 << 20 };
  struct sigaction action = {.sa_handler = on_signal}, before; /* without SA_RESTART */
  const char *path = in_scratch("pipe");
  unsigned char *bytes = malloc(SIZE);
  pid_t writer = getpid();
  (void)state;
  for (size_t k = 0; k < SIZE; k++) bytes[k] = (unsigned char)(k * 31 >> 3);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
  pid_t child = fork();
  if (child == 0) drain_slowly(path, writer, SIZE);
  assert_int_equal(wg_io_write_bytes(path, bytes, SIZE), WG_OK);
  int status;
  while (waitpid(child, &status, 0) < 0) continue;
  sigaction(SIGUSR1, &before, NULL);
  assert_true(interruptions > 0);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unreadable_paths_are_refused),
      cmocka_unit_test(a_failed_load_holds_nothing),
      cmocka_unit_test(kinds_are_recognised_by_bytes),
      cmocka_unit_test(standard_input_is_read),
      cmocka_unit_test(standard_input_is_not_closed),
      cmocka_unit_test(shapes_are_checked),
      cmocka_unit_test(entries_that_are_not_finite_are_named),
      cmocka_unit_test(quotes_are_fit_for_a_message),
      cmocka_unit_test(bad_outputs_are_said_before_work),
      cmocka_unit_test(checking_leaves_nothing_behind),
      cmocka_unit_test(files_are_created_and_replaced),
      cmocka_unit_test(names_without_a_directory_are_written),
      cmocka_unit_test(links_are_followed),
      cmocka_unit_test(pipes_are_not_replaced),
      cmocka_unit_test(a_failed_write_changes_nothing),
      cmocka_unit_test(standard_output_is_written_after_what_was_printed),
      cmocka_unit_test(interrupted_writes_go_on),
  };
  return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
