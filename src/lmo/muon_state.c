/* The state of an optimiser as bytes:
 *
 *     "WGMUON1\n" | bytes in all | steps made | parameters
 *     each: bytes of the name | name | rule | 1 for float, 0 for double | axes | shape |
 *           momentum | second moment (AdamW)
 *     checksum
 *
 * in words of eight little-endian bytes, names and floats filled up with zeros, so that a state
 * goes from machine to machine and numbers come back to the bit. All but the numbers follows from
 * the optimiser that reads, so reading is comparing: no size in the file is ever believed, and
 * nothing is allocated. A first walk checks every word, a second one stores; what fails changes
 * nothing. Each step of the checksum is a bijection of the 64 bits: a word that is wrong, alone, is
 * always found. Cost O(bytes). */
#include <string.h>

#include "lmo/lmo.h"

enum { WORD = 8, FRAME = 5 }; /* words around the parameters */
static const char magic[WORD + 1] = "WGMUON1\n";

/* ---- words ---- */

static void put_word(unsigned char *at, uint64_t word) {
  for (int k = 0; k < WORD; k++) at[k] = (unsigned char)(word >> (8 * k));
}

static uint64_t get_word(const unsigned char *at) {
  uint64_t word = 0;
  for (int k = 0; k < WORD; k++) word |= (uint64_t)at[k] << (8 * k);
  return word;
}

static uint64_t checksum(int64_t words, const unsigned char *bytes) {
  uint64_t sum = UINT64_C(0xcbf29ce484222325);
  for (int64_t k = 0; k < words; k++) {
    sum = (sum ^ get_word(bytes + WORD * k)) * UINT64_C(0x9e3779b97f4a7c15);
    sum ^= sum >> 32;
  }
  return sum;
}

static uint64_t word_of_double(double number) {
  uint64_t word;
  memcpy(&word, &number, sizeof word);
  return word;
}

static double double_of_word(uint64_t word) {
  double number;
  memcpy(&number, &word, sizeof number);
  return number;
}

static uint64_t half_of_float(float number) {
  uint32_t half;
  memcpy(&half, &number, sizeof half);
  return half;
}

static float float_of_half(uint64_t word) {
  uint32_t half = (uint32_t)word;
  float number;
  memcpy(&number, &half, sizeof number);
  return number;
}

/* ---- sizes ---- */

static int64_t name_words(const wg_muon_slot *slot) {
  return ((int64_t)strlen(slot->name) + WORD - 1) / WORD;
}

static int64_t momentum_words(const wg_muon_slot *slot) {
  return slot->single ? (slot->count + 1) / 2 : slot->count;
}

/* Of everything before the numbers. */
static int64_t head_words(const wg_muon_slot *slot) {
  return 1 + name_words(slot) + 3 + slot->ndim;
}

static int64_t slot_words(const wg_muon_slot *slot) {
  return head_words(slot) + momentum_words(slot) + (slot->second ? slot->count : 0);
}

int64_t wg_muon_state_size(int64_t count, const wg_muon_slot *slots) {
  int64_t words = FRAME;
  for (int64_t k = 0; k < count; k++) words += slot_words(&slots[k]);
  return WORD * words;
}

/* ---- writing ---- */

static void write_head(const wg_muon_slot *slot, unsigned char *at) {
  size_t length = strlen(slot->name);
  put_word(at, length);
  memset(at + WORD, 0, (size_t)(WORD * name_words(slot)));
  memcpy(at + WORD, slot->name, length);
  at += WORD * (1 + name_words(slot));
  put_word(at, (uint64_t)slot->rule);
  put_word(at + WORD, slot->single);
  put_word(at + 2 * WORD, (uint64_t)slot->ndim);
  for (int a = 0; a < slot->ndim; a++) put_word(at + WORD * (3 + a), (uint64_t)slot->shape[a]);
}

static uint64_t momentum_word(const wg_muon_slot *slot, int64_t k) {
  if (!slot->single) return word_of_double(((const double *)slot->momentum)[k]);
  const float *pair = (const float *)slot->momentum + 2 * k;
  uint64_t high = 2 * k + 1 < slot->count ? half_of_float(pair[1]) : 0;
  return half_of_float(pair[0]) | high << 32;
}

static void write_numbers(const wg_muon_slot *slot, unsigned char *at) {
  int64_t words = momentum_words(slot);
  for (int64_t k = 0; k < words; k++) put_word(at + WORD * k, momentum_word(slot, k));
  for (int64_t k = 0; slot->second && k < slot->count; k++)
    put_word(at + WORD * (words + k), word_of_double(slot->second[k]));
}

void wg_muon_state_write(int64_t count, const wg_muon_slot *slots, int64_t step,
                         unsigned char *bytes) {
  int64_t size = wg_muon_state_size(count, slots);
  unsigned char *at = bytes + (FRAME - 1) * WORD;
  memcpy(bytes, magic, WORD);
  put_word(bytes + WORD, (uint64_t)size);
  put_word(bytes + 2 * WORD, (uint64_t)step);
  put_word(bytes + 3 * WORD, (uint64_t)count);
  for (int64_t k = 0; k < count; k++) {
    write_head(&slots[k], at);
    write_numbers(&slots[k], at + WORD * head_words(&slots[k]));
    at += WORD * slot_words(&slots[k]);
  }
  put_word(at, checksum(size / WORD - 1, bytes));
}

/* ---- reading ---- */

static int check_frame(const unsigned char *bytes, int64_t size) {
  if (size < WORD || memcmp(bytes, magic, WORD) != 0)
    return wg_fail(WG_ERR_INPUT,
                   "the state does not begin with WGMUON1: it is no state, or one of another "
                   "version; begin without it");
  if (size < FRAME * WORD || get_word(bytes + WORD) != (uint64_t)size || size % WORD)
    return wg_fail(WG_ERR_INPUT,
                   "the state is truncated or has bytes at its end (%lld bytes); take another copy",
                   (long long)size);
  if (get_word(bytes + size - WORD) != checksum(size / WORD - 1, bytes))
    return wg_fail(WG_ERR_INPUT, "the state is damaged: its checksum is wrong; take another copy");
  return WG_OK;
}

/* The words before the numbers are those that would be written. */
static int check_head(const wg_muon_slot *slot, int64_t left, const unsigned char *at) {
  int64_t length = (int64_t)strlen(slot->name), names = WORD * name_words(slot);
  if (left < WORD * slot_words(slot) || get_word(at) != (uint64_t)length ||
      memcmp(at + WORD, slot->name, (size_t)length) != 0)
    return wg_fail(WG_ERR_INPUT,
                   "the state is of other parameters: it has not '%.200s' in this place",
                   slot->name);
  at += WORD + names;
  bool same = get_word(at + WORD) == (uint64_t)slot->single &&
              get_word(at + 2 * WORD) == (uint64_t)slot->ndim;
  for (int a = 0; same && a < slot->ndim; a++)
    same = get_word(at + WORD * (3 + a)) == (uint64_t)slot->shape[a];
  if (!same)
    return wg_fail(WG_ERR_INPUT, "in the state '%.200s' has another shape or type", slot->name);
  if (get_word(at) != (uint64_t)slot->rule)
    return wg_fail(WG_ERR_INPUT, "in the state '%.200s' is moved by another rule", slot->name);
  return WG_OK;
}

static int check_numbers(const wg_muon_slot *slot, const unsigned char *at) {
  int64_t words = momentum_words(slot);
  bool fine = true;
  for (int64_t k = 0; fine && k < words; k++) {
    uint64_t word = get_word(at + WORD * k);
    fine = slot->single ? isfinite(float_of_half(word)) && isfinite(float_of_half(word >> 32))
                        : isfinite(double_of_word(word));
  }
  for (int64_t k = 0; fine && slot->second && k < slot->count; k++) {
    double second = double_of_word(get_word(at + WORD * (words + k)));
    fine = second >= 0.0 && isfinite(second);
  }
  if (fine) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "in the state a number of '%.200s' is not usable", slot->name);
}

static void read_numbers(const wg_muon_slot *slot, const unsigned char *at) {
  for (int64_t k = 0; k < slot->count; k++) {
    if (slot->single)
      ((float *)slot->momentum)[k] =
          float_of_half(get_word(at + WORD * (k / 2)) >> (k % 2 ? 32 : 0));
    else
      ((double *)slot->momentum)[k] = double_of_word(get_word(at + WORD * k));
  }
  at += WORD * momentum_words(slot);
  for (int64_t k = 0; slot->second && k < slot->count; k++)
    slot->second[k] = double_of_word(get_word(at + WORD * k));
}

static int check_slots(int64_t count, const wg_muon_slot *slots, const unsigned char *at,
                       const unsigned char *end) {
  for (int64_t k = 0; k < count; k++) {
    WG_TRY(check_head(&slots[k], end - at, at));
    WG_TRY(check_numbers(&slots[k], at + WORD * head_words(&slots[k])));
    at += WORD * slot_words(&slots[k]);
  }
  return at == end ? WG_OK : wg_fail(WG_ERR_INPUT, "the state is longer than its parameters");
}

int wg_muon_state_read(int64_t count, const wg_muon_slot *slots, const unsigned char *bytes,
                       int64_t size, int64_t *step) {
  const unsigned char *at = bytes + (FRAME - 1) * WORD;
  WG_TRY(check_frame(bytes, size));
  if (get_word(bytes + 2 * WORD) > INT64_MAX / 2)
    return wg_fail(WG_ERR_INPUT, "the state counts more steps than there can be");
  if (get_word(bytes + 3 * WORD) != (uint64_t)count)
    return wg_fail(WG_ERR_INPUT, "the state has %llu parameters, not %lld",
                   (unsigned long long)get_word(bytes + 3 * WORD), (long long)count);
  WG_TRY(check_slots(count, slots, at, bytes + size - WORD));
  *step = (int64_t)get_word(bytes + 2 * WORD);
  for (int64_t k = 0; k < count; k++) {
    read_numbers(&slots[k], at + WORD * head_words(&slots[k]));
    at += WORD * slot_words(&slots[k]);
  }
  return WG_OK;
}
