/* Journals: an append-only text file from which a killed run is taken up again.
 *
 * The first line says which work it belongs to, every further one is a result; each ends in the
 * CRC-32 of what comes before it. A line is written with one call and flushed to the disk before
 * the next: after a kill at any moment the file is a journal and a piece of one line, which is cut
 * off. Lines that do not check are only forgiven at the end; before a good line they are damage,
 * for an append cannot leave them. A lock (fcntl, gone with the process) keeps two runs apart; the
 * file is read through the locked descriptor, since closing another one would release the lock.
 * Cost O(bytes) to open, one fsync a line; memory: the file, while it is opened. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "io/parts.h"

enum { LONGEST_LINE = 16384, CHECKSUM = 9 }; /* " 1234abcd" */

struct wg_io_journal {
  const char *path;
  int file;
};

static int cannot(const wg_io_journal *journal, const char *what) {
  return wg_fail(WG_ERR_IO, "%.600s cannot be %s: %s; choose another path", journal->path, what,
                 strerror(errno));
}

int wg_io_journal_append(wg_io_journal *journal, const char *line) {
  char text[LONGEST_LINE + CHECKSUM + 2];
  size_t length = strlen(line);
  if (length > LONGEST_LINE)
    return wg_fail(WG_ERR_INTERNAL, "%.600s: a line of %zu bytes is too long", journal->path,
                   length);
  const unsigned long sum = crc32_z(0, (const unsigned char *)line, length);
  int whole = snprintf(text, sizeof text, "%s %08lx\n", line, sum);
  const bool written =
      wg_file_write_all(journal->file, (const unsigned char *)text, (size_t)whole) &&
      wg_file_flush(journal->file);
  return written ? WG_OK : cannot(journal, "written");
}

void wg_io_journal_close(wg_io_journal *journal) {
  if (journal && journal->file >= 0) close(journal->file);
  if (journal) journal->file = -1;
}

/* ---- reading ---- */

/* Cuts the checksum off a line; false if it does not fit. */
static bool checks(char *line, size_t length) {
  char *end;
  if (length <= CHECKSUM || line[length - CHECKSUM] != ' ') return false;
  const unsigned long claimed = strtoul(line + length - CHECKSUM + 1, &end, 16);
  length -= CHECKSUM;
  if (*end != '\0' || memchr(line, '\0', length)) return false;
  if (crc32_z(0, (const unsigned char *)line, length) != claimed) return false;
  line[length] = '\0';
  return true;
}

typedef struct scan {
  wg_mem *mem; /* of the caller */
  const wg_io_journal *journal;
  const char *header;
  wg_io_line_fn take;
  void *data;
  const char **other;
  int64_t lines, bad; /* read so far; the first that does not check, or 0 */
  size_t good;        /* bytes up to the end of the last line that does   */
} scan;

static int take_header(scan *at, const char *line) {
  const char *first_word_end = strchr(at->header, ' ');
  const size_t kind = first_word_end ? (size_t)(first_word_end - at->header) : 0;
  if (strncmp(line, at->header, kind) != 0)
    return wg_fail(WG_ERR_INPUT, "%.600s is a journal of something else; choose another path",
                   at->journal->path);
  if (!strcmp(line, at->header)) return WG_OK;
  char *copy = WG_NEW(at->mem, char, strlen(line) + 1);
  if (!copy) return wg_no_memory();
  memcpy(copy, line, strlen(line) + 1);
  *at->other = copy;
  return wg_fail(WG_ERR_INPUT, "%.600s belongs to other work; choose another path",
                 at->journal->path);
}

static int take_line(scan *at, char *line, size_t length, size_t end) {
  at->lines++;
  if (!checks(line, length)) {
    if (!at->bad) at->bad = at->lines;
    return WG_OK;
  }
  if (at->bad)
    return wg_fail(WG_ERR_INPUT,
                   "%.600s: line %" PRId64 " is damaged; delete the file to compute all again",
                   at->journal->path, at->bad);
  at->good = end;
  return at->lines == 1 ? take_header(at, line) : at->take(line, at->data);
}

/* The bytes end in '\0', which is none of them. */
static int take_lines(scan *at, char *bytes, size_t size) {
  size_t begin = 0;
  for (char *end; (end = memchr(bytes + begin, '\n', size - begin));) {
    const size_t next = (size_t)(end - bytes) + 1;
    *end = '\0';
    WG_TRY(take_line(at, bytes + begin, next - 1 - begin, next));
    begin = next;
  }
  return WG_OK;
}

/* Nothing of a file without a good first line may be cut off, except its own torn beginning. */
static int check_beginning(const scan *at, const char *bytes, size_t size) {
  const size_t known = WG_MIN(size, strlen(at->header));
  if (at->good > 0 || memcmp(bytes, at->header, known) == 0) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "%.600s is not a journal of wgamma; choose another path",
                 at->journal->path);
}

static int read_bytes(wg_mem *mem, const wg_io_journal *journal, char **bytes, size_t *size) {
  struct stat about;
  if (fstat(journal->file, &about) < 0) return cannot(journal, "read");
  if (!S_ISREG(about.st_mode))
    return wg_fail(WG_ERR_INPUT, "%.600s is not a regular file; choose another path",
                   journal->path);
  *bytes = WG_NEW(mem, char, (size_t)about.st_size + 1);
  if (!*bytes) return wg_no_memory();
  for (*size = 0; *size < (size_t)about.st_size;) {
    ssize_t got = read(journal->file, *bytes + *size, (size_t)about.st_size - *size);
    if (got < 0 && errno != EINTR) return cannot(journal, "read");
    if (got == 0) break;
    if (got > 0) *size += (size_t)got;
  }
  return WG_OK;
}

/* ---- opening ---- */

static int lock(const wg_io_journal *journal) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(journal->file, F_SETLK, &whole) == 0 || errno == ENOLCK || errno == EINVAL)
    return WG_OK;
  if (errno == EACCES || errno == EAGAIN)
    return wg_fail(WG_ERR_INPUT, "%.600s is in use by another run; wait for it or end it",
                   journal->path);
  return cannot(journal, "locked");
}

static int take_up(wg_mem *scratch, wg_io_journal *journal, scan *at) {
  char *bytes = NULL;
  size_t size = 0;
  WG_TRY(lock(journal));
  WG_TRY(read_bytes(scratch, journal, &bytes, &size));
  WG_TRY(take_lines(at, bytes, size));
  WG_TRY(check_beginning(at, bytes, size));
  if (ftruncate(journal->file, (off_t)at->good) < 0 ||
      lseek(journal->file, (off_t)at->good, SEEK_SET) < 0)
    return cannot(journal, "written");
  return at->good > 0 ? WG_OK : wg_io_journal_append(journal, at->header);
}

int wg_io_journal_open(wg_mem *mem, const char *path, const char *header, wg_io_line_fn take,
                       void *data, wg_io_journal **journal, const char **other) {
  wg_mem scratch = wg_mem_of(mem->ledger);
  wg_io_journal *opened = WG_NEW(mem, wg_io_journal, 1);
  *other = NULL;
  if (!opened) return wg_no_memory();
  *opened = (wg_io_journal){.path = path,
                            .file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666)};
  scan at = {
      .mem = mem, .journal = opened, .header = header, .take = take, .data = data, .other = other};
  int status = opened->file < 0 ? cannot(opened, "opened") : take_up(&scratch, opened, &at);
  wg_mem_clear(&scratch);
  if (status == WG_OK) {
    *journal = opened;
  } else {
    wg_io_journal_close(opened);
    wg_drop(mem, opened);
  }
  return status;
}
