/* The places that `wgamma flow` keeps, and its checkpoints.
 *
 * Without --every or --times some hundred places are kept, however long the run is: when there are
 * MOST, every second one goes and from then on every second as many are noted, so that a resumed
 * run keeps the same ones. A checkpoint is the library's own bytes and the trail behind them; it is
 * written beside its name and renamed, so that a kill leaves the last whole one. */
#include <string.h>

#include "flow.h"

enum { MOST = 256 };
static const char magic[8] = {'W', 'G', 'T', 'R', 'A', 'I', 'L', '2'};

/* ---- the trail ---- */

static int make_room(wg_mem *mem, wg_trail *trail) {
  if (trail->count < trail->room) return WG_OK;
  const int64_t room = 2 * trail->room + 8, size = trail->n * trail->d;
  if (room > INT64_MAX / 8 / size)
    return wg_fail(WG_ERR_MEMORY, "the places kept are too many; take a larger --every");
  double *times = WG_GROW(mem, trail->times, double, room);
  if (times) trail->times = times;
  double *energies = WG_GROW(mem, trail->energies, double, room);
  if (energies) trail->energies = energies;
  double *points = WG_GROW(mem, trail->points, double, room *size);
  if (points) trail->points = points;
  if (!times || !energies || !points) return wg_no_memory();
  trail->room = room;
  return WG_OK;
}

static void copy_place(wg_trail *trail, int64_t from, int64_t to) {
  const int64_t size = trail->n * trail->d;
  trail->times[to] = trail->times[from];
  trail->energies[to] = trail->energies[from];
  memmove(trail->points + to * size, trail->points + from * size, (size_t)size * sizeof(double));
}

/* Place 0 is the start and stays. */
static void thin(wg_trail *trail) {
  int64_t kept = 0;
  for (int64_t k = 0; k < trail->count; k += 2) copy_place(trail, k, kept++);
  trail->count = kept;
  trail->stride *= 2;
}

int wg_trail_note(wg_mem *mem, wg_trail *trail, double time, double energy, const double *x,
                  bool always) {
  const int64_t size = trail->n * trail->d;
  if (always && trail->count > 0 && trail->times[trail->count - 1] == time) return WG_OK;
  if (!always && trail->thins && trail->count >= MOST) thin(trail);
  if (!always && (trail->stride == 0 || trail->seen % trail->stride != 0)) return WG_OK;
  WG_TRY(make_room(mem, trail));
  trail->times[trail->count] = time;
  trail->energies[trail->count] = energy;
  memcpy(trail->points + trail->count * size, x, (size_t)size * sizeof *x);
  trail->count++;
  return WG_OK;
}

/* ---- checkpoints ---- */

typedef struct head {
  char magic[8];
  int64_t flow_bytes, count, stride, seen, size, thins, minibatch;
} head;

static head make_head(const wg_trail *trail, size_t flow_bytes, int64_t minibatch) {
  head h = {.flow_bytes = (int64_t)flow_bytes,
            .count = trail->count,
            .stride = trail->stride,
            .seen = trail->seen,
            .size = trail->n * trail->d,
            .thins = trail->thins,
            .minibatch = minibatch};
  memcpy(h.magic, magic, sizeof magic);
  return h;
}

static unsigned char *put(unsigned char *at, const void *data, size_t size) {
  if (size > 0) memcpy(at, data, size);
  return at + size;
}

int wg_flow_checkpoint(const wg_flow_job *job, const char *path) {
  const wg_trail *trail = &job->trail;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  size_t flow_bytes, count = (size_t)trail->count;
  WG_TRY(wg_flow_save(job->flow, NULL, 0, &flow_bytes));
  const head h = make_head(trail, flow_bytes, job->asked->minibatch);
  const size_t points = count * (size_t)h.size * sizeof(double);
  const size_t bytes = sizeof h + flow_bytes + 2 * count * sizeof(double) + points;
  unsigned char *buffer = WG_NEW(&mem, unsigned char, bytes), *at = buffer;
  if (!buffer) return wg_no_memory();
  at = put(at, &h, sizeof h);
  int status = wg_flow_save(job->flow, at, flow_bytes, NULL);
  at += flow_bytes;
  at = put(at, trail->times, count * sizeof(double));
  at = put(at, trail->energies, count * sizeof(double));
  put(at, trail->points, points);
  if (status == WG_OK) status = wg_io_write_bytes(path, buffer, bytes);
  wg_mem_clear(&mem);
  return status;
}

static int refuse(const char *path, const char *why) {
  return wg_fail(WG_ERR_INPUT, "%s cannot be resumed: %s", wg_io_name(path), why);
}

static int check_head(const char *path, const wg_io_bytes *bytes, const wg_flow_job *job, head *h) {
  const wg_trail *trail = &job->trail;
  if (bytes->size < sizeof *h || memcmp(bytes->data, magic, sizeof magic) != 0)
    return refuse(path, "it is no checkpoint of wgamma flow");
  memcpy(h, bytes->data, sizeof *h);
  if (h->size != trail->n * trail->d) return refuse(path, "it is of other particles than --start");
  if (h->minibatch != job->asked->minibatch) return refuse(path, "it has another --minibatch");
  const int64_t left = (int64_t)(bytes->size - sizeof *h), each = 8 * (h->size + 2);
  if (h->flow_bytes < 0 || h->count < 0 || h->count > left / each ||
      h->flow_bytes != left - h->count * each)
    return refuse(path, "it is cut off or damaged");
  return WG_OK;
}

/* A stride of --every is the caller's to choose anew; one that thins goes on where it was. */
static int take_trail(wg_flow_job *job, const head *h, const unsigned char *at) {
  wg_trail *trail = &job->trail;
  const int64_t size = trail->n * trail->d;
  if (trail->thins && h->thins) trail->stride = h->stride;
  trail->seen = h->seen;
  trail->count = 0;
  while (trail->room < h->count) {
    trail->count = trail->room;
    WG_TRY(make_room(job->mem, trail));
  }
  trail->count = h->count;
  const size_t line = (size_t)h->count * sizeof(double);
  if (h->count == 0) return WG_OK;
  memcpy(trail->times, at, line);
  memcpy(trail->energies, at + line, line);
  memcpy(trail->points, at + 2 * line, line * (size_t)size);
  return WG_OK;
}

int wg_flow_restore(wg_flow_job *job, const char *path) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_io_bytes bytes = {0};
  char why[512];
  head h;
  int status = wg_io_load(&mem, path, &bytes);
  if (status == WG_OK) status = check_head(path, &bytes, job, &h);
  if (status == WG_OK) {
    const unsigned char *at = bytes.data + sizeof h;
    status = wg_flow_load(job->flow, at, (size_t)h.flow_bytes);
    if (status == WG_ERR_INPUT) {
      snprintf(why, sizeof why, "%s", wg_error_detail());
      refuse(path, why);
    }
    if (status == WG_OK) status = take_trail(job, &h, at + h.flow_bytes);
  }
  wg_mem_clear(&mem);
  return status;
}
