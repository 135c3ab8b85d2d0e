/* Names by patterns: * for any text and ? for any letter, as in a shell, and both cases of a letter
 * alike, for names of parameters are spelt both ways.
 *
 * On a mismatch the last star takes one letter more and the match begins anew behind it; an earlier
 * star need never be tried again. Cost O(pattern name), no recursion, no memory. */
#include <ctype.h>
#include <string.h>

#include "base/base.h"

static bool same_letter(char pattern, char letter) {
  return pattern == '?' || tolower((unsigned char)pattern) == tolower((unsigned char)letter);
}

bool wg_pattern_fits(const char *pattern, size_t length, const char *name) {
  size_t at = 0, star = length, retry = 0, k = 0;
  while (name[k]) {
    if (at < length && pattern[at] == '*') {
      star = at++;
      retry = k;
    } else if (at < length && same_letter(pattern[at], name[k])) {
      at++;
      k++;
    } else if (star < length) {
      at = star + 1;
      k = ++retry;
    } else {
      return false;
    }
  }
  while (at < length && pattern[at] == '*') at++;
  return at == length;
}

const char *wg_pattern_find(const char *patterns, const char *name, size_t *length) {
  for (const char *at = patterns;; at += *length + 1) {
    *length = strcspn(at, ",");
    if (*length && wg_pattern_fits(at, *length, name)) return at;
    if (!at[*length]) return NULL;
  }
}
