/* Sums of a kernel over all pairs, directly (theory 6).
 *
 * Sources are laid out once in blocks of 128, coordinate by coordinate, relative to their centre;
 * targets go past them in tiles of 32, whose sums stay in registers (pairs_body.h). Threads share
 * out tiles, so the bits do not depend on them. A cloud of equal charges meets itself block by
 * block, each pair once: in round r block i meets block r - i modulo their number, so that every
 * two meet in one round and no block is in two pairs of a round, which threads share out; what
 * meets the last block, not full, and a block itself is left to the tiles. In float a term has a
 * relative error of some 2^-22, and coordinates are rounded to 2^-24 of the cloud's diameter: on
 * clouds of some hundred points and more the field is right to about 1e-7 of the largest field of
 * |charges|, on clouds with all scales from 1 to 2^-30 to 1e-6. Cost n m pairs, n^2 / 2 for a cloud
 * of equal charges with itself; memory (n + m) d numbers, and n (d + 1) for the latter. */
#include <string.h>

#include "flow/pairs.h"

enum { TARGETS = WG_PAIR_TARGETS, SOURCES = WG_PAIR_SOURCES };

typedef struct direct {
  const wg_charges *targets, *sources;
  wg_profile profile;
  bool single;
  double unit;                 /* charges are packed as multiples of it    */
  int64_t meeting;             /* blocks that meet each other              */
  double *centre;              /* d: of the sources                        */
  double *points, *charges;    /* blocks x d x SOURCES, blocks x SOURCES   */
  float *points_f, *charges_f; /* the same in float                        */
  double *sums;                /* meeting x (d + 1) x SOURCES: gradient, phi */
  double *room;                /* per thread: targets, phi, gradient       */
  float *room_f;               /* per thread: targets                      */
} direct;

static void pack_sources(direct *s) {
  const int64_t d = s->sources->d, n = s->sources->n;
  for (int64_t j = 0; j < n; j++)
    for (int64_t k = 0; k < d; k++) s->centre[k] += s->sources->points[j * d + k] / (double)n;
  for (int64_t j = 0; j < n; j++) {
    const int64_t block = j / SOURCES, lane = j % SOURCES;
    for (int64_t k = 0; k < d; k++) {
      const double x = s->sources->points[j * d + k] - s->centre[k];
      if (s->single)
        s->points_f[(block * d + k) * SOURCES + lane] = (float)x;
      else
        s->points[(block * d + k) * SOURCES + lane] = x;
    }
    if (s->single)
      s->charges_f[j] = (float)(s->sources->charges[j] / s->unit);
    else
      s->charges[j] = s->sources->charges[j] / s->unit;
  }
}

static int set_up(direct *s, int threads, wg_mem *mem) {
  const int64_t d = s->sources->d, padded = (s->sources->n + SOURCES - 1) / SOURCES * SOURCES;
  s->centre = WG_NEW(mem, double, d);
  s->room = WG_NEW(mem, double, threads *(2 * d + 1) * TARGETS);
  if (s->single) {
    s->points_f = WG_NEW(mem, float, padded *d);
    s->charges_f = WG_NEW(mem, float, padded);
    s->room_f = WG_NEW(mem, float, threads *d *TARGETS);
  } else {
    s->points = WG_NEW(mem, double, padded *d);
    s->charges = WG_NEW(mem, double, padded);
  }
  s->sums = WG_NEW(mem, double, s->meeting *(d + 1) * SOURCES);
  const bool have = s->single ? s->points_f && s->charges_f && s->room_f : s->points && s->charges;
  if (!s->centre || !s->room || !s->sums || !have) return wg_no_memory();
  pack_sources(s);
  return WG_OK;
}

/* A tile's coordinates; lanes behind the last target repeat it. */
static void pack_targets(const direct *s, int64_t from, double *tile, float *tile_f) {
  const int64_t d = s->targets->d;
  for (int64_t lane = 0; lane < TARGETS; lane++) {
    const double *x = s->targets->points + WG_MIN(from + lane, s->targets->n - 1) * d;
    for (int64_t k = 0; k < d; k++) {
      const double centred = x[k] - s->centre[k];
      if (s->single)
        tile_f[k * TARGETS + lane] = (float)centred;
      else
        tile[k * TARGETS + lane] = centred;
    }
  }
}

/* The tile begins with target `at`. */
static void sum_tile(const direct *s, int64_t at, const double *tile, const float *tile_f,
                     double *phi, double *gradient) {
  const int64_t d = s->sources->d, n = s->sources->n, own = at / SOURCES;
  const wg_flow_kernels *kernels = wg_flow_kernels_here();
  for (int64_t from = 0; from < n; from += SOURCES) {
    const int64_t block = from / SOURCES;
    if (block != own && WG_MAX(block, own) < s->meeting) continue;
    const int64_t count = WG_MIN(SOURCES, n - from);
    if (s->single)
      kernels->pairs_float(&s->profile, d, tile_f, count, s->points_f + from * d,
                           s->charges_f + from, phi, gradient);
    else
      kernels->pairs_double(&s->profile, d, tile, count, s->points + from * d, s->charges + from,
                            phi, gradient);
  }
}

static void do_tile(const direct *s, int64_t from, int worker, wg_field out) {
  const int64_t d = s->targets->d, used = WG_MIN(TARGETS, s->targets->n - from);
  double *tile = s->room + worker * (2 * d + 1) * TARGETS;
  double *gradient = tile + d * TARGETS, *phi = gradient + d * TARGETS;
  float *tile_f = s->single ? s->room_f + worker * d * TARGETS : NULL;
  memset(gradient, 0, (size_t)((d + 1) * TARGETS) * sizeof *gradient);
  pack_targets(s, from, tile, tile_f);
  sum_tile(s, from, tile, tile_f, out.phi ? phi : NULL, out.gradient ? gradient : NULL);
  const bool met = from / SOURCES < s->meeting;
  const double *sums = met ? s->sums + from / SOURCES * (d + 1) * SOURCES + from % SOURCES : NULL;
  for (int64_t lane = 0; lane < used; lane++) {
    if (out.phi)
      out.phi[from + lane] += s->unit * (phi[lane] + (met ? sums[d * SOURCES + lane] : 0.0));
    for (int64_t k = 0; out.gradient && k < d; k++)
      out.gradient[(from + lane) * d + k] +=
          s->unit * (gradient[k * TARGETS + lane] + (met ? sums[k * SOURCES + lane] : 0.0));
  }
}

/* Block i and block j > i, for each other. */
static void meet(const direct *s, int64_t i, int64_t j) {
  const int64_t d = s->sources->d, width = d * SOURCES;
  double *sums = s->sums + i * (width + SOURCES), *back = s->sums + j * (width + SOURCES);
  const wg_flow_kernels *kernels = wg_flow_kernels_here();
  if (s->single)
    kernels->mutual_float(&s->profile, d, s->points_f + i * width, s->points_f + j * width,
                          sums + width, sums, back);
  else
    kernels->mutual_double(&s->profile, d, s->points + i * width, s->points + j * width,
                           sums + width, sums, back);
}

static bool equal_charges(const wg_charges *cloud) {
  for (int64_t j = 0; j < cloud->n; j++)
    if (cloud->charges[j] != cloud->charges[0]) return false;
  return cloud->charges[0] != 0.0;
}

static int sum_all(direct *s, int threads, wg_mem *mem, wg_field out) {
  const int64_t tiles = (s->targets->n + TARGETS - 1) / TARGETS;
  const double work = (double)s->targets->n * (double)s->sources->n * (double)(s->sources->d + 2);
  threads = (int)WG_MIN(tiles, wg_threads_for(threads, work));
  WG_TRY(set_up(s, threads, mem));
#pragma omp parallel num_threads(threads)
  {
    for (int64_t round = 0; round < s->meeting; round++) {
#pragma omp for schedule(dynamic)
      for (int64_t i = 0; i < s->meeting; i++) {
        const int64_t j = (round + s->meeting - i) % s->meeting;
        if (i < j) meet(s, i, j);
      }
    }
#pragma omp for schedule(static)
    for (int64_t tile = 0; tile < tiles; tile++) do_tile(s, tile * TARGETS, wg_worker(), out);
  }
  return WG_OK;
}

int wg_pairs_direct(const wg_kernel *kernel, const wg_charges *targets, const wg_charges *sources,
                    bool single, int threads, wg_mem *mem, wg_field out) {
  const bool equal = equal_charges(sources), few = sources->d == 2 || sources->d == 3;
  direct s = {
      .targets = targets,
      .sources = sources,
      .profile = wg_profile_of(kernel),
      .single = single,
      .unit = equal ? sources->charges[0] : 1.0,
      .meeting = equal && few && targets == sources && out.gradient ? sources->n / SOURCES : 0};
  s.profile.unit = equal;
  wg_mem own = wg_mem_of(mem->ledger);
  const int status = sum_all(&s, threads, &own, out);
  wg_mem_clear(&own);
  return status;
}
