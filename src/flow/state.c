/* A flow as bytes, for checkpoints: what identifies the problem, the numbers of the state, the
 * current place, the log, and a checksum.
 *
 * The force is kept rather than computed again: an energy that warm-starts (a transport solver)
 * would not give the same bits. Energy and settings stay with the caller; the bytes name them, and
 * a flow that differs refuses. Byte order and sizes are those of this machine. Cost O(bytes). */
#include <string.h>

#include "flow/run.h"

enum { NAME_BYTES = 32 };
static const char magic[8] = {'W', 'G', 'F', 'L', 'O', 'W', '0', '1'};

/* What must agree. Padding is zero, so that two of the same problem are the same bytes. */
typedef struct identity {
  char magic[8];
  int64_t state_bytes, record_bytes, event_bytes;
  int64_t n, d, method, newton_steps, minibatch;
  double step, tol, cutoff, inertia, cap;
  double start_energy; /* the bits of the first value tell other points and other targets */
  uint64_t seed, weights, gauge;
  char energy[NAME_BYTES];
  int64_t record_count, event_count; /* need not agree */
} identity;

static uint64_t hash(const void *bytes, size_t size) {
  const unsigned char *at = bytes;
  uint64_t value = 0xcbf29ce484222325ULL; /* FNV-1a */
  for (size_t i = 0; i < size; i++) value = (value ^ at[i]) * 0x100000001b3ULL;
  return value;
}

static uint64_t hash_gauge(const wg_gauge_spec *spec, wg_mem *mem) {
  char *text = WG_NEW(mem, char, WG_GAUGE_TEXT);
  if (!text) return 0;
  wg_gauge_print(spec, text);
  uint64_t value = hash(text, strlen(text));
  wg_drop(mem, text);
  return value;
}

static int identify(const wg_flow *flow, identity *id) {
  const wg_flow_settings *s = &flow->settings;
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  memset(id, 0, sizeof *id);
  memcpy(id->magic, magic, sizeof magic);
  id->state_bytes = sizeof flow->state;
  id->record_bytes = sizeof(wg_flow_record);
  id->event_bytes = sizeof(wg_flow_event);
  id->n = flow->n;
  id->d = flow->d;
  id->method = s->method;
  id->newton_steps = s->newton_steps;
  id->minibatch = s->reseed != NULL;
  id->step = s->step;
  id->tol = s->tol;
  id->cutoff = s->cutoff;
  id->inertia = s->inertia;
  id->cap = s->cap;
  id->start_energy = flow->state.start_energy;
  id->seed = s->seed;
  id->weights = hash(flow->a, (size_t)flow->n * sizeof *flow->a);
  id->gauge = hash_gauge(&flow->spec, &mem);
  strncpy(id->energy, flow->energy->name, NAME_BYTES - 1);
  id->record_count = flow->record_count;
  id->event_count = flow->event_count;
  return id->gauge ? WG_OK : wg_no_memory();
}

/* ---- the parts, in order ---- */

enum { PARTS = 14 };
typedef struct part {
  void *data;
  size_t size;
} part;

static void list_parts(wg_flow *flow, part parts[PARTS]) {
  const size_t size = (size_t)(flow->n * flow->d) * sizeof(double);
  const size_t columns = (size_t)flow->d * sizeof(double);
  const size_t records = (size_t)flow->record_count;
  wg_flow_place *now = &flow->now;
  const part list[PARTS] = {{&flow->state, sizeof flow->state},
                            {now->y, size * (size_t)flow->parts},
                            {now->dy, size * (size_t)flow->parts},
                            {now->force, size},
                            {now->sigma, columns},
                            {now->lowest, columns},
                            {now->moves, (size_t)flow->d},
                            {&now->energy, sizeof now->energy},
                            {&now->lyapunov, sizeof now->lyapunov},
                            {&now->rate, sizeof now->rate},
                            {&now->least, sizeof now->least},
                            {flow->records, records * sizeof(wg_flow_record)},
                            {flow->spectra, records * (size_t)flow->kept * sizeof(double)},
                            {flow->events, (size_t)flow->event_count * sizeof(wg_flow_event)}};
  memcpy(parts, list, sizeof list);
}

static size_t total(const part *parts) {
  size_t bytes = sizeof(identity) + sizeof(uint64_t);
  for (int k = 0; k < PARTS; k++) bytes += parts[k].size;
  return bytes;
}

int wg_flow_pack(const wg_flow *flow, void *buffer, size_t size, size_t *needed) {
  identity id;
  part parts[PARTS];
  list_parts((wg_flow *)flow, parts); /* read only */
  *needed = total(parts);
  if (!buffer) return WG_OK;
  if (size < *needed)
    return wg_fail(WG_ERR_ARGUMENT, "the buffer has %zu bytes, %zu are needed", size, *needed);
  WG_TRY(identify(flow, &id));
  unsigned char *at = buffer;
  memcpy(at, &id, sizeof id);
  at += sizeof id;
  for (int k = 0; k < PARTS; k++) {
    if (parts[k].size > 0) memcpy(at, parts[k].data, parts[k].size);
    at += parts[k].size;
  }
  uint64_t sum = hash(buffer, (size_t)(at - (unsigned char *)buffer));
  memcpy(at, &sum, sizeof sum);
  return WG_OK;
}

/* ---- back ---- */

/* What differs, in words; NULL if nothing does. */
static const char *difference(const identity *one, const identity *other) {
  if (one->state_bytes != other->state_bytes || one->record_bytes != other->record_bytes ||
      one->event_bytes != other->event_bytes)
    return "the version or machine";
  if (one->n != other->n || one->d != other->d) return "the number of particles or columns";
  if (one->weights != other->weights) return "the weights";
  if (one->gauge != other->gauge) return "the gauge";
  if (strncmp(one->energy, other->energy, NAME_BYTES) != 0) return "the energy";
  if (one->method != other->method) return "the method";
  if (one->step != other->step || one->tol != other->tol || one->cutoff != other->cutoff ||
      one->inertia != other->inertia || one->cap != other->cap || one->seed != other->seed ||
      one->newton_steps != other->newton_steps || one->minibatch != other->minibatch)
    return "a setting (step, tol, cutoff, inertia, cap, newton_steps, seed)";
  if (one->start_energy != other->start_energy)
    return "the energy at the start (other points, or other data of the energy)";
  return NULL;
}

static int check(const wg_flow *flow, const void *buffer, size_t size, identity *saved) {
  identity mine;
  uint64_t sum;
  WG_TRY(identify(flow, &mine));
  if (size < sizeof *saved + sizeof sum || memcmp(buffer, magic, sizeof magic) != 0)
    return wg_fail(WG_ERR_INPUT, "this is no checkpoint of a flow");
  memcpy(saved, buffer, sizeof *saved);
  memcpy(&sum, (const unsigned char *)buffer + size - sizeof sum, sizeof sum);
  if (sum != hash(buffer, size - sizeof sum))
    return wg_fail(WG_ERR_INPUT, "the checkpoint is damaged: its checksum does not agree");
  const char *differs = difference(&mine, saved);
  if (!differs) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "the checkpoint is of another flow: %s differs", differs);
}

/* Room for the log of the checkpoint; the log as it is stays until then. */
static int make_log_room(wg_flow *flow, const identity *saved) {
  int64_t records = WG_MAX(saved->record_count, flow->record_room);
  int64_t events = WG_MAX(saved->event_count, flow->event_room);
  double *spectra = WG_GROW(&flow->mem, flow->spectra, double, records * flow->kept);
  if (!spectra) return wg_no_memory();
  flow->spectra = spectra;
  wg_flow_record *log = WG_GROW(&flow->mem, flow->records, wg_flow_record, records);
  if (!log) return wg_no_memory();
  flow->records = log;
  flow->record_room = records;
  wg_flow_event *list = WG_GROW(&flow->mem, flow->events, wg_flow_event, events);
  if (!list) return wg_no_memory();
  flow->events = list;
  flow->event_room = events;
  return WG_OK;
}

int wg_flow_unpack(wg_flow *flow, const void *buffer, size_t size) {
  identity saved;
  part parts[PARTS];
  WG_TRY(check(flow, buffer, size, &saved));
  WG_TRY(make_log_room(flow, &saved));
  const int64_t records = flow->record_count, events = flow->event_count;
  flow->record_count = saved.record_count;
  flow->event_count = saved.event_count;
  list_parts(flow, parts);
  if (total(parts) != size) {
    flow->record_count = records;
    flow->event_count = events;
    return wg_fail(WG_ERR_INPUT, "the checkpoint has %zu bytes, %zu are expected", size,
                   total(parts));
  }
  const unsigned char *at = (const unsigned char *)buffer + sizeof saved;
  for (int k = 0; k < PARTS; k++) {
    if (parts[k].size > 0) memcpy(parts[k].data, at, parts[k].size);
    at += parts[k].size;
  }
  return flow->settings.method == WG_FLOW_EVENTS ? wg_flow_settle(flow, &flow->now) : WG_OK;
}
