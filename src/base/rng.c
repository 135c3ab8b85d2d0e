/* splitmix64 (Steele, Lea & Flood 2014): tiny, seedable, the same stream on every machine. */
#include "base/base.h"

uint64_t wg_rng_bits(wg_rng *rng) {
  uint64_t z = (rng->state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double wg_rng_uniform(wg_rng *rng) { return (double)(wg_rng_bits(rng) >> 11) * 0x1p-53; }

/* Box and Muller's transform, one of the pair. */
double wg_rng_normal(wg_rng *rng) {
  const double two_pi = 6.283185307179586;
  double radius = sqrt(-2.0 * log(1.0 - wg_rng_uniform(rng)));
  return radius * cos(two_pi * wg_rng_uniform(rng));
}
