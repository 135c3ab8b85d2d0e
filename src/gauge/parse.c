/* Reads gauge texts (theory 1):
 *
 *   gauge    = spectral | "sum:" block {"," block} | "max:" block {"," block}
 *   block    = spectral "@" size ["/" rate]              a rate only in max
 *   spectral = "trace" | "frobenius" | "operator" | "schatten:" p | "kyfan:" k
 *
 * Case sensitive, without spaces; blocks do not nest. Every refusal quotes the piece and says what
 * to write instead, because this text is typed by people. */
#include <string.h>

#include "gauge/gauge.h"

/* A stretch of the text. */
typedef struct piece {
  const char *begin;
  int length;
} piece;

enum { QUOTED = 80, LARGEST_COUNT = 1000000000 };
static const double smallest_rate = 1e-100, largest_rate = 1e100;

static piece piece_between(const char *begin, const char *end) {
  return (piece){.begin = begin, .length = (int)(end - begin)};
}

static const char *piece_end(piece p) { return p.begin + p.length; }

/* "<piece>: <remedy>" */
static int refuse(piece p, const char *remedy) {
  return wg_fail(WG_ERR_ARGUMENT, "%.*s%s: %s", WG_MIN(p.length, QUOTED), p.begin,
                 p.length > QUOTED ? "..." : "", remedy);
}

static int refuse_unknown(piece p) {
  return wg_fail(WG_ERR_ARGUMENT,
                 "gauge '%.*s' is unknown; one of trace, frobenius, operator, schatten:<p>, "
                 "kyfan:<k>, sum:<gauge>@<size>,..., max:<gauge>@<size>/<rate>,... (lower case, "
                 "no spaces)",
                 WG_MIN(p.length, QUOTED), p.begin);
}

static bool is(piece p, const char *name) {
  return (size_t)p.length == strlen(name) && memcmp(p.begin, name, (size_t)p.length) == 0;
}

/* If p begins with name, what follows it. */
static bool follows(piece p, const char *name, piece *rest) {
  size_t length = strlen(name);
  if ((size_t)p.length < length || memcmp(p.begin, name, length) != 0) return false;
  *rest = piece_between(p.begin + length, piece_end(p));
  return true;
}

/* The first position of c in p, or its end. */
static const char *find(piece p, char c) {
  const char *found = memchr(p.begin, c, (size_t)p.length);
  return found ? found : piece_end(p);
}

/* Digits only, 1 .. LARGEST_COUNT. */
static bool read_count(piece p, int64_t *count) {
  if (p.length < 1 || p.length > 10) return false;
  *count = 0;
  for (int i = 0; i < p.length; i++) {
    if (p.begin[i] < '0' || p.begin[i] > '9') return false;
    *count = 10 * *count + (p.begin[i] - '0');
  }
  return *count >= 1 && *count <= LARGEST_COUNT;
}

static int read_exponent(piece whole, piece digits, wg_gauge_block *block) {
  if (!wg_gauge_read_number(digits.begin, digits.length, &block->p))
    return refuse(whole, "p must be a number >= 1/2 or inf, as in schatten:2.5");
  if (block->p < 0.5) return refuse(whole, "p must be at least 1/2");
  /* A number too large for a double reads as infinity: not what was written. */
  if (isinf(block->p) && !is(digits, "inf"))
    return refuse(whole, "p is too large for a double; write schatten:inf");
  return WG_OK;
}

static int read_spectral(piece p, wg_gauge_block *block) {
  piece rest;
  block->kind = WG_SCHATTEN;
  block->rate = 1.0;
  if (is(p, "trace")) {
    block->p = 1.0;
  } else if (is(p, "frobenius")) {
    block->p = 2.0;
  } else if (is(p, "operator")) {
    block->p = INFINITY;
  } else if (follows(p, "schatten:", &rest)) {
    return read_exponent(p, rest, block);
  } else if (follows(p, "kyfan:", &rest)) {
    block->kind = WG_KYFAN;
    if (!read_count(rest, &block->k))
      return refuse(p, "k must be an integer from 1 to 1000000000, as in kyfan:2");
  } else if (is(p, "schatten")) {
    return refuse(p, "the exponent is missing; write schatten:<p>, as in schatten:2");
  } else if (is(p, "kyfan")) {
    return refuse(p, "the order is missing; write kyfan:<k>, as in kyfan:2");
  } else {
    return refuse_unknown(p);
  }
  return WG_OK;
}

static int read_rate(piece whole, piece digits, wg_gauge_outer outer, wg_gauge_block *block) {
  if (outer != WG_BLOCK_MAX)
    return refuse(whole, "a rate belongs to max: only; drop the part from '/' on");
  if (!wg_gauge_read_number(digits.begin, digits.length, &block->rate) ||
      !(block->rate >= smallest_rate && block->rate <= largest_rate))
    return refuse(whole, "the rate must be a number > 0 (from 1e-100 to 1e100), as in trace@2/0.5");
  return WG_OK;
}

static int read_block(piece p, wg_gauge_outer outer, wg_gauge_block *block) {
  piece rest;
  if (p.length == 0)
    return wg_fail(WG_ERR_ARGUMENT,
                   "the gauge has an empty block; write %s:<gauge>@<size>,... without stray commas",
                   outer == WG_BLOCK_SUM ? "sum" : "max");
  if (follows(p, "sum:", &rest) || follows(p, "max:", &rest))
    return refuse(p,
                  "blocks do not nest; use trace, frobenius, operator, schatten:<p> or "
                  "kyfan:<k> in a block");
  const char *at = find(p, '@');
  if (at == piece_end(p))
    return refuse(p, "the block has no size; write <gauge>@<size>, as in trace@2");
  WG_TRY(read_spectral(piece_between(p.begin, at), block));
  piece place = piece_between(at + 1, piece_end(p));
  const char *slash = find(place, '/');
  if (!read_count(piece_between(place.begin, slash), &block->size))
    return refuse(p, "the size must be an integer from 1 to 1000000000, as in trace@2");
  if (slash == piece_end(place)) return WG_OK;
  return read_rate(p, piece_between(slash + 1, piece_end(place)), outer, block);
}

static int read_blocks(piece list, wg_gauge_outer outer, wg_gauge_spec *spec) {
  spec->outer = outer;
  for (;;) {
    const char *comma = find(list, ',');
    if (spec->block_count == WG_GAUGE_MAX_BLOCKS)
      return wg_fail(WG_ERR_ARGUMENT, "the gauge has more than %d blocks; merge some of them",
                     WG_GAUGE_MAX_BLOCKS);
    WG_TRY(read_block(piece_between(list.begin, comma), outer, &spec->blocks[spec->block_count]));
    spec->block_count++;
    if (comma == piece_end(list)) return WG_OK;
    list = piece_between(comma + 1, piece_end(list));
  }
}

static int read_gauge(piece whole, wg_gauge_spec *spec) {
  piece rest;
  if (whole.length == 0)
    return wg_fail(WG_ERR_ARGUMENT, "the gauge is empty; write trace, frobenius, operator, ...");
  for (int i = 0; i < whole.length; i++)
    if (strchr(" \t\n\r\v\f", whole.begin[i]))
      return refuse(whole, "a gauge is written without spaces");
  if (follows(whole, "sum:", &rest)) return read_blocks(rest, WG_BLOCK_SUM, spec);
  if (follows(whole, "max:", &rest)) return read_blocks(rest, WG_BLOCK_MAX, spec);
  if (memchr(whole.begin, '@', (size_t)whole.length))
    return refuse(whole, "sizes belong to blocks; write sum:<gauge>@<size>,... or max:...");
  spec->block_count = 1;
  return read_spectral(whole, &spec->blocks[0]);
}

int wg_gauge_parse(const char *text, wg_gauge_spec *spec) {
  size_t length = strlen(text);
  if (length >= WG_GAUGE_TEXT)
    return wg_fail(WG_ERR_ARGUMENT, "the gauge is %zu characters long, at most %d are taken",
                   length, WG_GAUGE_TEXT - 1);
  memset(spec, 0, sizeof *spec);
  WG_TRY(read_gauge(piece_between(text, text + length), spec));
  /* The canonical text can be the longer one ("/.5" becomes "/0.5"), and must fit too. */
  size_t canonical = wg_gauge_write(spec, NULL, 0);
  if (canonical >= WG_GAUGE_TEXT)
    return wg_fail(WG_ERR_ARGUMENT, "the gauge needs %zu characters, at most %d are taken",
                   canonical, WG_GAUGE_TEXT - 1);
  return WG_OK;
}

static int check_order(const wg_gauge_block *block) {
  if (block->kind == WG_KYFAN && block->k > block->size)
    return wg_fail(
        WG_ERR_INPUT, "kyfan:%lld needs at least %lld columns and has %lld; use k <= %lld",
        (long long)block->k, (long long)block->k, (long long)block->size, (long long)block->size);
  return WG_OK;
}

/* Places the blocks one after the other; the columns they take in all. */
static int64_t place_blocks(wg_gauge_spec *spec) {
  int64_t start = 0;
  for (int64_t b = 0; b < spec->block_count; b++) {
    spec->blocks[b].start = start;
    start += spec->blocks[b].size;
  }
  return start;
}

int wg_gauge_bind(wg_gauge_spec *spec, int64_t d) {
  if (spec->outer == WG_SINGLE) spec->blocks[0].size = d;
  int64_t total = place_blocks(spec);
  if (total != d)
    return wg_fail(WG_ERR_INPUT,
                   "the block sizes of the gauge sum to %lld, but the data have d = %lld columns; "
                   "change the sizes after '@'",
                   (long long)total, (long long)d);
  for (int64_t b = 0; b < spec->block_count; b++) WG_TRY(check_order(&spec->blocks[b]));
  spec->d = d;
  return WG_OK;
}
