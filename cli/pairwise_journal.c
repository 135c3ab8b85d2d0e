/* The journal of wgamma pairwise: each finished pair is a line of a file that outlives a kill.
 *
 * A journal counts for the same clouds, weights, gauge and tolerance only; its first line has a
 * fingerprint of them (FNV-1a of all bytes: against mistakes, not against intent). Names of files
 * do not count: what was moved is still the same work. Numbers are written with 17 digits, which
 * come back to the bit, so that a resumed run gives the bytes of an uninterrupted one. */
#include <inttypes.h>
#include <string.h>

#include "pairwise.h"

/* ---- which work ---- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t size) {
  for (const unsigned char *c = bytes; size-- > 0; c++) hash = (hash ^ *c) * 0x100000001b3u;
  return hash;
}

static uint64_t fingerprint(const wg_pairwise_clouds *clouds) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (int64_t k = 0; k < clouds->count; k++) {
    const wg_points *cloud = &clouds->each[k];
    const size_t points = (size_t)(cloud->n * clouds->d), weights = cloud->weights ? 1 : 0;
    hash = mix(hash, &cloud->n, sizeof cloud->n);
    hash = mix(hash, &weights, sizeof weights);
    hash = mix(hash, cloud->points, points * sizeof(double));
    if (weights) hash = mix(hash, cloud->weights, (size_t)cloud->n * sizeof(double));
  }
  return hash;
}

/* "name=value", the first in which two headers differ, in words. */
static const char *what_differs(const char *header, const char *other) {
  static const struct {
    const char *name, *words;
  } fields[] = {{"clouds=", "another number of clouds"},
                {"d=", "clouds of another dimension"},
                {"data=", "other points or weights"},
                {"tol=", "another --tol"},
                {"gauge=", "another --gauge"}};
  size_t same = 0;
  while (header[same] && header[same] == other[same]) same++;
  while (same > 0 && header[same - 1] != ' ') same--;
  for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
    if (!strncmp(header + same, fields[k].name, strlen(fields[k].name))) return fields[k].words;
  return "another version of the journal";
}

/* ---- lines ---- */

static bool is_finished(int outcome) { return outcome != WG_TIME_LIMIT && outcome != WG_STOPPED; }

int wg_pairwise_record(wg_io_journal *journal, const wg_pair *pair) {
  char line[256];
  if (!journal || !is_finished(pair->outcome)) return WG_OK;
  snprintf(line, sizeof line, "%" PRId64 " %" PRId64 " %d %.17g %.17g %.3g %" PRId64, pair->i,
           pair->j, pair->outcome, pair->lower, pair->upper, pair->seconds, pair->oracle_calls);
  return wg_io_journal_append(journal, line);
}

void wg_pairwise_enter(wg_pairwise_result *found, const wg_pair *pair) {
  const int64_t count = found->clouds->count;
  const int64_t places[2] = {pair->i * count + pair->j, pair->j * count + pair->i};
  for (int k = 0; k < 2; k++) {
    found->lower[places[k]] = pair->lower;
    found->upper[places[k]] = pair->upper;
    found->gap[places[k]] = pair->gap;
    found->w[places[k]] = pair->w;
    found->outcome[places[k]] = pair->outcome;
  }
  found->finished += is_finished(pair->outcome);
}

static bool is_pair(const wg_pair *pair, int64_t count) {
  return pair->i >= 0 && pair->i < pair->j && pair->j < count && pair->outcome >= WG_CERTIFIED &&
         pair->outcome <= WG_LOCAL && is_finished(pair->outcome) && isfinite(pair->upper) &&
         isfinite(pair->lower) && pair->lower <= pair->upper && pair->upper >= 0;
}

static int take_line(const char *line, void *data) {
  wg_pairwise_result *found = data;
  wg_pair pair = {.struct_size = sizeof pair};
  int end = -1;
  /* NOLINTNEXTLINE(cert-err34-c): the line's checksum holds, and what is read is checked below */
  sscanf(line, "%" SCNd64 " %" SCNd64 " %d %lf %lf %lf %" SCNd64 "%n", &pair.i, &pair.j,
         &pair.outcome, &pair.lower, &pair.upper, &pair.seconds, &pair.oracle_calls, &end);
  if (end < 0 || line[end] != '\0' || !is_pair(&pair, found->clouds->count))
    return wg_fail(WG_ERR_INPUT, "%s: the line '%.100s' is no pair of this run; delete the file",
                   found->journal_path, line);
  unsigned char *known = &found->known[pair.i * found->clouds->count + pair.j];
  if (*known)
    return wg_fail(WG_ERR_INPUT,
                   "%s: the pair %" PRId64 ", %" PRId64 " comes twice; delete the file",
                   found->journal_path, pair.i, pair.j);
  *known = 1;
  pair.gap = pair.upper > 0 ? (pair.upper - pair.lower) / pair.upper : 0.0;
  pair.w = sqrt(pair.upper);
  wg_pairwise_enter(found, &pair);
  found->resumed++;
  return WG_OK;
}

int wg_pairwise_resume(wg_mem *mem, const wg_pairwise_request *asked, wg_pairwise_result *found) {
  const wg_pairwise_clouds *clouds = found->clouds;
  char header[WG_CLI_SENTENCE + 256];
  const char *other;
  if (!asked->journal) return WG_OK;
  found->journal_path = asked->journal;
  snprintf(header, sizeof header,
           "wgamma-pairwise 1 clouds=%" PRId64 " d=%" PRId64 " data=%016" PRIx64
           " tol=%.17g gauge=%s",
           clouds->count, clouds->d, fingerprint(clouds), asked->settings.tol, found->gauge);
  int status =
      wg_io_journal_open(mem, asked->journal, header, take_line, found, &found->journal, &other);
  if (status < 0 && other)
    return wg_fail(status,
                   "%s belongs to a run with %s; delete it to begin anew, or name another file by "
                   "--resume",
                   asked->journal, what_differs(header, other));
  return status;
}
