/* The fuzz target without a fuzzer: every seed of tests/fuzz/corpus as it is, then thousands of
 * mutations of it from a fixed stream of random numbers. A broken promise of the readers aborts. */
#include "../fuzz/fuzz_read.c"
#include "io_files.h"

enum { MOST = 4096, MUTATIONS = 20000, SEEDS = 64 };

typedef struct seed {
  unsigned char bytes[MOST];
  size_t size;
} seed;
static seed seeds[SEEDS];
static int seed_count;

static int visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* In the order of their names, so that the run is the same everywhere. */
static int load_corpus(void **state) {
  const char *folder = WG_SOURCE_DIR "/tests/fuzz/corpus";
  struct dirent **names;
  int found = scandir(folder, &names, visible, alphasort);
  (void)state;
  for (int k = 0; k < found; k++) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%.255s", folder, names[k]->d_name);
    free(names[k]);
    FILE *file = seed_count < SEEDS ? fopen(path, "rb") : NULL;
    if (!file) continue;
    seeds[seed_count].size = fread(seeds[seed_count].bytes, 1, MOST, file);
    seed_count++;
    fclose(file);
  }
  if (found >= 0) free(names);
  return found > 0 && found == seed_count ? 0 : -1;
}

static size_t below(wg_rng *rng, size_t bound) {
  return bound ? (size_t)(wg_rng_bits(rng) % bound) : 0;
}

/* One change: a bit, a byte, a word of extreme value, a cut, a repeated piece, a digit. */
static void mutate(wg_rng *rng, seed *input) {
  static const unsigned char extremes[] = {0, 1, 0x7F, 0x80, 0xFF, ',', '\n', '"', '\'', '(', '9'};
  size_t at = below(rng, input->size), length = 1 + below(rng, 8);
  if (input->size == 0) return;
  length = length < input->size - at ? length : input->size - at;
  switch (below(rng, 6)) {
    case 0: input->bytes[at] ^= (unsigned char)(1 << below(rng, 8)); break;
    case 1: input->bytes[at] = (unsigned char)wg_rng_bits(rng); break;
    case 2: memset(input->bytes + at, extremes[below(rng, sizeof extremes)], length); break;
    case 3: input->size = at; break;
    case 4:
      if (input->size + length > MOST) break;
      memmove(input->bytes + at + length, input->bytes + at, input->size - at);
      input->size += length;
      break;
    default:
      while (at + 1 < input->size && (input->bytes[at] < '0' || input->bytes[at] > '9')) at++;
      input->bytes[at] = (unsigned char)('0' + below(rng, 10));
  }
}

static void seeds_themselves(void **state) {
  (void)state;
  assert_true(seed_count >= 10);
  for (int k = 0; k < seed_count; k++) LLVMFuzzerTestOneInput(seeds[k].bytes, seeds[k].size);
}

/* The inputs are copied to blocks of their exact size, so that a sanitizer sees every overrun. */
static void mutated_seeds(void **state) {
  wg_rng rng = {.state = 20260401};
  (void)state;
  for (int k = 0; k < MUTATIONS; k++) {
    seed input = seeds[below(&rng, (size_t)seed_count)];
    for (size_t changes = 1 + below(&rng, 4); changes > 0; changes--) mutate(&rng, &input);
    unsigned char *exact = malloc(input.size ? input.size : 1);
    assert_non_null(exact);
    memcpy(exact, input.bytes, input.size);
    LLVMFuzzerTestOneInput(exact, input.size);
    free(exact);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(seeds_themselves),
                                     cmocka_unit_test(mutated_seeds)};
  return cmocka_run_group_tests(tests, load_corpus, NULL);
}
