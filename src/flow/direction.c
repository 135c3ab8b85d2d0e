/* The velocity at a place: force, singular values of the force under the weights, what modes.c or
 * prox.c makes of them, and the matrix that turns forces into velocities (theory 2, measure form).
 *
 * Cut-off. Modes with sigma <= cutoff sigma_1 (over all blocks) do not move: near the loss of a
 * mode the oracle of p = infinity jumps, and a step that must resolve the jump never ends. What is
 * left out is measured (state.most_cut). A mode that was lost stays so until the end of a step, and
 * moves again when it has grown to REGAIN times the cut-off: where the particles push it out and
 * the oracle pulls it back, stages would otherwise see one and the other.
 *
 * Signs (EVENTS). Write g = sum s_j u_j z_j' with u_j carried along from the place where the step
 * began: the field v = -(sum s) sum u_j z_j' is smooth while s_j passes zero, and the flow ends
 * where the first s_j vanishes. c_j = <P z_j, g z_j>, P the polar factor at the beginning, has the
 * sign of s_j; modes whose |c_j| is largest are those that moved there.
 *
 * Cost: passes of n d^2, eigenproblems of the blocks' sizes; memory of the factors. */
#include <float.h>
#include <string.h>

#include "flow/run.h"
#include "linalg/la.h"

/* Factors of all blocks of one matrix, alive until the scratch memory is cleared. */
typedef struct modes {
  wg_factor *factors; /* a block each                                    */
  double *sigma, *v;  /* d: as found; the velocity's, with its own signs */
  double *kept;       /* d: sigma above the cut-off                      */
  unsigned char *moves;
} modes;

double wg_flow_dot(const wg_flow *flow, const double *x, const double *y) {
  double sum = 0.0;
  for (int64_t i = 0; i < flow->n; i++)
    sum += flow->a[i] * wg_la_dot(flow->d, x + i * flow->d, y + i * flow->d);
  return sum;
}

static wg_rows rows_of(const wg_flow *flow, const double *g) {
  return (wg_rows){.data = (void *)g,
                   .count = flow->n,
                   .width = flow->d,
                   .row_step = flow->d,
                   .column_step = 1,
                   .weights = flow->a};
}

static int refuse_force(const wg_flow *flow) {
  return wg_fail(WG_ERR_INPUT,
                 "the force of the energy %s is not finite at t = %g; take smaller steps",
                 flow->energy->name, flow->state.time);
}

static int find_modes(wg_flow *flow, const double *g, modes *found) {
  const wg_gauge_spec *spec = &flow->spec;
  wg_rows rows = rows_of(flow, g);
  double rank_tol = WG_MIN(0.5, DBL_EPSILON * (double)WG_MAX(flow->n, flow->d));
  wg_lmo_options options = {
      .threads = flow->context.threads, .rank_tol = rank_tol, .tie_tol = 1e-12, .accuracy = 1e-10};
  found->factors = WG_NEW(&flow->scratch, wg_factor, spec->block_count);
  found->sigma = WG_NEW(&flow->scratch, double, 3 * flow->d);
  if (!found->factors || !found->sigma) return wg_no_memory();
  found->v = found->sigma + flow->d;
  found->kept = found->v + flow->d;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    wg_rows part = wg_rows_columns(&rows, block->start, block->size);
    wg_factor *factor = &found->factors[b];
    int status = wg_factor_rows(&part, block, &options, &flow->scratch, factor);
    if (status < 0) return status == WG_ERR_INPUT ? refuse_force(flow) : status;
    for (int64_t j = 0; j < factor->rank; j++)
      found->sigma[block->start + j] = ldexp(factor->sigma[j], factor->exponent);
  }
  return WG_OK;
}

/* ---- from values back to velocities ---- */

/* out's columns of one block: -sum_j v_j u_j z_j'. The factor is of 2^-exponent g. */
static int apply_block(wg_flow *flow, const wg_rows *rows, const wg_rows *to, const wg_factor *f,
                       const double *v) {
  int64_t d = f->width, inner = f->basis ? f->inner : d;
  double product;
  double *left = WG_NEW(&flow->scratch, double, inner *d);
  double *matrix = WG_NEW(&flow->scratch, double, inner *d);
  if (!left || !matrix) return wg_no_memory();
  for (int64_t k = 0; k < f->rank; k++)
    for (int64_t i = 0; i < inner; i++)
      left[i * f->rank + k] =
          f->basis ? -v[k] * f->left[i * inner + k] : -v[k] / f->sigma[k] * f->vectors[k * d + i];
  wg_la_gemm(false, false, inner, d, f->rank, 1.0, left, WG_MAX(f->rank, 1), f->vectors, d, 0.0,
             matrix, d);
  wg_rows_map map = {
      .exponent_in = f->exponent, .inner = inner, .basis = f->basis, .matrix = matrix};
  return wg_rows_apply(rows, &map, to, flow->context.threads, &flow->scratch, &product);
}

static int apply_modes(wg_flow *flow, const double *g, const modes *found, double *out) {
  wg_rows from = rows_of(flow, g), to = rows_of(flow, out);
  for (int64_t b = 0; b < flow->spec.block_count; b++) {
    const wg_gauge_block *block = &flow->spec.blocks[b];
    wg_rows rows = wg_rows_columns(&from, block->start, block->size);
    wg_rows part = wg_rows_columns(&to, block->start, block->size);
    WG_TRY(apply_block(flow, &rows, &part, &found->factors[b], found->v + block->start));
  }
  return WG_OK;
}

/* ---- velocities in numbers ---- */

static double largest_of(int64_t count, const double *sigma) {
  double largest = 0.0;
  for (int64_t j = 0; j < count; j++) largest = WG_MAX(largest, sigma[j]);
  return largest;
}

/* The exact oracle on modes above the cut-off, or its Newton-Schulz shadow. */
static void plain_velocity(const wg_flow *flow, const modes *found, wg_flow_rate *rate) {
  const double cut = flow->settings.cutoff * largest_of(flow->d, found->sigma);
  double *kept = found->kept;
  rate->slope = wg_modes_dual(&flow->spec, found->sigma, found->v);
  for (int64_t j = 0; j < flow->d; j++) {
    bool may = flow->now.moves[j] || flow->state.attempts == 0;
    double level = may ? cut : flow->regains ? WG_FLOW_REGAIN * cut : INFINITY;
    kept[j] = found->sigma[j] > level ? found->sigma[j] : 0.0;
    rate->rank += found->moves[j] = kept[j] > 0.0;
  }
  if (flow->settings.newton_steps > 0)
    wg_modes_newton(flow->d, kept, flow->settings.newton_steps, found->v);
  else
    wg_modes_dual(&flow->spec, kept, found->v);
}

/* |v|, decreasing in each block, as norms want it. */
static void sort_sizes(const wg_gauge_spec *spec, const double *v, double *sizes) {
  for (int64_t b = 0; b < spec->block_count; b++) {
    double *list = sizes + spec->blocks[b].start;
    for (int64_t i = 0; i < spec->blocks[b].size; i++) {
      int64_t j = i;
      double item = fabs(v[spec->blocks[b].start + i]);
      for (; j > 0 && list[j - 1] < item; j--) list[j] = list[j - 1];
      list[j] = item;
    }
  }
}

static int measure(wg_flow *flow, const modes *found, wg_flow_rate *rate) {
  double *sizes = WG_NEW(&flow->scratch, double, flow->d);
  if (!sizes) return wg_no_memory();
  rate->product = 0.0;
  for (int64_t j = flow->d - 1; j >= 0; j--) rate->product += found->sigma[j] * found->v[j];
  sort_sizes(&flow->spec, found->v, sizes);
  rate->speed = wg_modes_norm(&flow->spec, sizes);
  return WG_OK;
}

/* ---- signs ---- */

typedef struct signed_mode {
  double value, strength; /* s_j; |c_j| / sigma_j */
  int64_t at;
} signed_mode;

static void sort_modes(int64_t count, signed_mode *list, bool by_value) {
  for (int64_t i = 1; i < count; i++) {
    signed_mode item = list[i];
    int64_t j = i;
    for (; j > 0 &&
           (by_value ? list[j - 1].value < item.value : list[j - 1].strength < item.strength);
         j--)
      list[j] = list[j - 1];
    list[j] = item;
  }
}

/* Whether the oracle of a block jumps where a mode is lost. */
static bool jumps(const wg_gauge_block *block) {
  if (wg_gauge_block_is_trace(block)) return false;
  return block->kind == WG_KYFAN || isinf(block->p);
}

/* c_j of a block's modes: z' B M z, B = compass of the beginning, M = g_0' A g. */
static int find_signs(wg_flow *flow, const wg_gauge_block *block, const wg_factor *f,
                      const double *g, const double *sigma, signed_mode *list) {
  const int64_t d = flow->d, size = block->size;
  double *cross = WG_NEW(&flow->scratch, double, 2 * size * size + size);
  if (!cross) return wg_no_memory();
  double *product = cross + size * size, *image = product + size * size;
  const double *begin = flow->weighted + block->start;
  wg_la_gemm(true, false, size, size, flow->n, 1.0, begin, d, g + block->start, d, 0.0, cross,
             size);
  wg_la_gemm(false, false, size, size, size, 1.0, flow->compass + block->start * d + block->start,
             d, cross, size, 0.0, product, size);
  for (int64_t j = 0; j < size; j++) {
    const double *z = f->vectors + j * size;
    for (int64_t i = 0; i < size; i++) image[i] = wg_la_dot(size, product + i * size, z);
    double c = j < f->rank ? wg_la_dot(size, image, z) : 0.0;
    double value = jumps(block) ? copysign(sigma[j], c) : sigma[j];
    list[j] = (signed_mode){value, sigma[j] > 0.0 ? fabs(c) / sigma[j] : 0.0, j};
  }
  return WG_OK;
}

/* The smooth field of one block, on the modes that moved where the step began. signs: d, of all. */
static int signed_block(wg_flow *flow, const wg_gauge_block *block, const wg_factor *f,
                        const double *g, modes *found, double *part, double *least) {
  int64_t count = 0, start = block->start;
  signed_mode *list = WG_NEW(&flow->scratch, signed_mode, block->size);
  double *room = WG_NEW(&flow->scratch, double, 2 * block->size);
  if (!list || !room) return wg_no_memory();
  WG_TRY(find_signs(flow, block, f, g, found->sigma + start, list));
  for (int64_t j = 0; j < block->size; j++) count += flow->active[start + j];
  sort_modes(block->size, list, false);
  sort_modes(count, list, true);
  for (int64_t j = 0; j < count; j++) room[j] = list[j].value;
  *part = count > 0 && room[0] > 0.0 ? wg_lmo_profile(block, count, room, 1e-12, room + block->size)
                                     : 0.0;
  for (int64_t j = 0; j < block->size; j++) found->v[start + j] = 0.0;
  memset(found->moves + start, 0, (size_t)block->size);
  for (int64_t j = 0; j < count; j++) {
    if (*part > 0.0) found->v[start + list[j].at] = copysign(room[block->size + j], list[j].value);
    found->moves[start + list[j].at] = 1;
    *least = WG_MIN(*least, list[j].value);
  }
  return WG_OK;
}

/* As plain_velocity, with signs; least: the smallest s_j of all. */
static int signed_velocity(wg_flow *flow, const double *g, modes *found, wg_flow_rate *rate,
                           double *least) {
  const wg_gauge_spec *spec = &flow->spec;
  double *parts = WG_NEW(&flow->scratch, double, spec->block_count), norm = 0.0;
  if (!parts) return wg_no_memory();
  rate->slope = wg_modes_dual(spec, found->sigma, found->v);
  *least = INFINITY;
  for (int64_t b = 0; b < spec->block_count; b++) {
    const wg_gauge_block *block = &spec->blocks[b];
    double unused = INFINITY;
    WG_TRY(signed_block(flow, block, &found->factors[b], g, found, &parts[b],
                        jumps(block) ? least : &unused));
    norm = spec->outer == WG_BLOCK_MAX ? norm + block->rate * parts[b] : hypot(norm, parts[b]);
  }
  for (int64_t b = 0; spec->outer == WG_BLOCK_MAX && b < spec->block_count; b++)
    for (int64_t j = 0; j < spec->blocks[b].size; j++)
      found->v[spec->blocks[b].start + j] *=
          parts[b] > 0.0 ? norm * spec->blocks[b].rate / parts[b] : 0.0;
  for (int64_t j = 0; j < flow->d; j++) rate->rank += found->moves[j];
  return WG_OK;
}

/* ---- places ---- */

/* The right singular vector of the smallest mode that moves, where its loss would be a jump. */
static void find_lowest(const wg_flow *flow, const modes *found, double *lowest) {
  double least = INFINITY;
  memset(lowest, 0, (size_t)flow->d * sizeof *lowest);
  for (int64_t b = 0; b < flow->spec.block_count; b++) {
    const wg_gauge_block *block = &flow->spec.blocks[b];
    for (int64_t j = found->factors[b].rank - 1; j >= 0 && jumps(block); j--) {
      int64_t at = block->start + j;
      if (!found->moves[at] || !(found->sigma[at] < least)) continue;
      least = found->sigma[at];
      memset(lowest, 0, (size_t)flow->d * sizeof *lowest);
      memcpy(lowest + block->start, found->factors[b].vectors + j * block->size,
             (size_t)block->size * sizeof *lowest);
    }
  }
}

/* Velocity, singular values and rate of a place, from a matrix of forces. */
static int turn(wg_flow *flow, const double *g, bool signed_modes, wg_flow_place *place) {
  modes found = {.moves = place->moves};
  place->rate = (wg_flow_rate){.rank = 0};
  place->least = INFINITY;
  WG_TRY(find_modes(flow, g, &found));
  if (signed_modes)
    WG_TRY(signed_velocity(flow, g, &found, &place->rate, &place->least));
  else
    plain_velocity(flow, &found, &place->rate);
  WG_TRY(measure(flow, &found, &place->rate));
  memcpy(place->sigma, found.sigma, (size_t)flow->d * sizeof *found.sigma);
  find_lowest(flow, &found, place->lowest);
  return apply_modes(flow, g, &found, place->dy);
}

/* With momentum the oracle acts on A, and A follows the force. */
int wg_flow_turn(wg_flow *flow, wg_flow_place *place, bool signed_modes) {
  const int64_t size = flow->n * flow->d;
  const double *drive = flow->parts == 2 ? place->y + size : place->force;
  int status = turn(flow, drive, signed_modes, place);
  wg_mem_clear(&flow->scratch);
  place->lyapunov = place->energy;
  if (flow->parts == 1) return status;
  const double inertia = flow->settings.inertia, slope = place->rate.slope;
  place->lyapunov += 0.5 * inertia * slope * slope;
  for (int64_t i = 0; i < size; i++)
    place->dy[size + i] = (place->force[i] - place->y[size + i]) / inertia;
  return status;
}

int wg_flow_look(wg_flow *flow, wg_flow_place *place, bool signed_modes) {
  flow->state.evaluations++;
  int status = flow->energy->evaluate(flow->energy->self, flow->n, flow->d, place->y, flow->a,
                                      &place->energy, place->force);
  if (status < 0) return status;
  if (!isfinite(place->energy))
    return wg_fail(WG_ERR_INPUT,
                   "the energy %s is not finite at t = %g; take smaller steps or other points",
                   flow->energy->name, flow->state.time);
  return wg_flow_turn(flow, place, signed_modes);
}

int wg_flow_clip(wg_flow *flow, const double *g, double tau, double lipschitz, double *out,
                 double *norm) {
  modes found;
  int status = find_modes(flow, g, &found);
  if (status == WG_OK) {
    wg_modes_prox(&flow->spec, found.sigma, tau, lipschitz, found.v);
    *norm = wg_modes_norm(&flow->spec, found.v);
    status = apply_modes(flow, g, &found, out);
  }
  wg_mem_clear(&flow->scratch);
  return status;
}

/* compass: sum over modes that move of z z' / sigma, block by block; weighted: a_i g_i. */
int wg_flow_set_compass(wg_flow *flow, const wg_flow_place *place) {
  modes found;
  int status = find_modes(flow, place->force, &found);
  memset(flow->compass, 0, (size_t)(flow->d * flow->d) * sizeof *flow->compass);
  for (int64_t b = 0; status == WG_OK && b < flow->spec.block_count; b++) {
    const wg_gauge_block *block = &flow->spec.blocks[b];
    for (int64_t k = 0; k < found.factors[b].rank; k++) {
      const double *z = found.factors[b].vectors + k * block->size;
      if (!flow->active[block->start + k]) continue;
      for (int64_t i = 0; i < block->size; i++)
        for (int64_t j = 0; j < block->size; j++)
          flow->compass[(block->start + i) * flow->d + block->start + j] +=
              z[i] * z[j] / found.sigma[block->start + k];
    }
  }
  for (int64_t i = 0; i < flow->n; i++)
    for (int64_t j = 0; j < flow->d; j++)
      flow->weighted[i * flow->d + j] = flow->a[i] * place->force[i * flow->d + j];
  wg_mem_clear(&flow->scratch);
  return status;
}

double wg_flow_regrown(const wg_flow *flow, const wg_flow_place *place) {
  double cut = flow->settings.cutoff * largest_of(flow->d, place->sigma), most = 0.0;
  for (int64_t j = 0; j < flow->d; j++)
    if (!place->moves[j]) most = WG_MAX(most, place->sigma[j]);
  return cut > 0.0 ? most / cut : 0.0;
}
