/* What the optimum of wgamma distance looks like: --structure, --project and --gradients.
 *
 * Ranks, splits and uniqueness are asked of the library after the solve, and only if they are
 * wanted: uniqueness looks at all n m pairs again. What the dimension forbids is refused before the
 * solve. docs/theory/optimum.md says what is meant. Memory: the arrays that are written. */
#include <inttypes.h>

#include "distance.h"

/* ---- before the solve ---- */

/* The dual gauge at the identity: there is none for p < 1. */
static int check_convex(wg_mem *mem, const char *gauge, int64_t d) {
  double *identity = WG_NEW(mem, double, d *d), dual;
  if (!identity) return wg_no_memory();
  for (int64_t i = 0; i < d; i++) identity[i * d + i] = 1.0;
  int status = wg_gauge(gauge, d, identity, NULL, NULL, &dual);
  wg_drop(mem, identity);
  if (status == WG_OK && isnan(dual))
    return wg_fail(WG_ERR_INPUT,
                   "--gradients: the gauge %.200s has p < 1 and no dual optimum to differentiate "
                   "at; use p >= 1",
                   gauge);
  return status;
}

int wg_distance_check_dimension(wg_mem *mem, const wg_distance_request *asked, int64_t d) {
  if (asked->project > d)
    return wg_fail(WG_ERR_INPUT,
                   "--project %" PRId64 ": %.500s has %" PRId64
                   " column%s; ask for at most as many",
                   asked->project, wg_io_name(asked->x), d, wg_cli_plural(d));
  return asked->gradients ? check_convex(mem, asked->gauge, d) : WG_OK;
}

/* ---- --structure ---- */

int wg_distance_find_structure(wg_mem *mem, const wg_solver *solver, wg_distance_result *found) {
  WG_TRY(wg_get_structure(solver, &found->structure));
  WG_TRY(wg_get_uniqueness(solver, &found->uniqueness));
  found->blocks = WG_NEW(mem, wg_block_structure, found->structure.blocks);
  if (!found->blocks) return wg_no_memory();
  for (int64_t b = 0; b < found->structure.blocks; b++)
    WG_TRY(wg_get_block(solver, b, &found->blocks[b]));
  return WG_OK;
}

static const char *verdict(int unique) {
  return unique == WG_UNIQUE_YES ? "yes" : unique == WG_UNIQUE_NO ? "no" : "unknown";
}

static void print_side(const char *title, int is_map, int64_t points, double mass) {
  if (is_map)
    printf("%-10s yes\n", title);
  else
    printf("%-10s no: %" PRId64 " point%s split%s, %.6g of the mass goes elsewhere\n", title,
           points, wg_cli_plural(points), points == 1 ? "s" : "", mass);
}

static void print_block(const wg_block_structure *block) {
  printf("%-10s columns %" PRId64 " to %" PRId64 ": rank of Q %" PRId64
         ", value %.6g, share %.6g%s",
         "block", block->start + 1, block->start + block->size, block->rank, block->value,
         block->share, block->active ? "" : ", not active");
  if (block->cut)
    printf("; eigenvalues %" PRId64 " above the cut, %" PRId64 " at it", block->above, block->tied);
  printf("\n");
}

void wg_distance_print_structure(const wg_distance_result *found) {
  const wg_structure *s = &found->structure;
  const wg_uniqueness *u = &found->uniqueness;
  for (int64_t b = 0; b < s->blocks; b++) print_block(&found->blocks[b]);
  print_side("map", s->is_map, s->split_x, s->split_mass_x);
  print_side("map back", s->is_map_back, s->split_y, s->split_mass_y);
  printf("%-10s plan %s, Q %s, potentials %s, gradients in points %s, in weights %s\n", "unique",
         verdict(u->plan), verdict(u->q), verdict(u->potentials), verdict(u->point_gradients),
         verdict(u->weight_gradients));
}

static json_t *verdict_json(int unique) {
  return unique == WG_UNIQUE_UNKNOWN ? json_null() : json_boolean(unique == WG_UNIQUE_YES);
}

static json_t *block_json(const wg_block_structure *block) {
  return json_pack("{s:I, s:I, s:o, s:o, s:b, s:I, s:I, s:I, s:I}", "start",
                   (json_int_t)block->start, "size", (json_int_t)block->size, "value",
                   wg_cli_real(block->value), "share", wg_cli_real(block->share), "active",
                   block->active, "q_rank", (json_int_t)block->rank, "cut", (json_int_t)block->cut,
                   "above", (json_int_t)block->above, "tied", (json_int_t)block->tied);
}

static json_t *side_json(int is_map, int64_t points, double mass) {
  return json_pack("{s:b, s:I, s:o}", "is_map", is_map, "split_points", (json_int_t)points,
                   "split_mass", wg_cli_real(mass));
}

json_t *wg_distance_structure_json(const wg_distance_result *found) {
  const wg_structure *s = &found->structure;
  const wg_uniqueness *u = &found->uniqueness;
  json_t *blocks = json_array();
  for (int64_t b = 0; b < s->blocks; b++)
    json_array_append_new(blocks, block_json(&found->blocks[b]));
  json_t *unique = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "plan", verdict_json(u->plan),
                             "q", verdict_json(u->q), "potentials", verdict_json(u->potentials),
                             "point_gradients", verdict_json(u->point_gradients),
                             "weight_gradients", verdict_json(u->weight_gradients), "resolution",
                             wg_cli_real(u->resolution), "q_radius", wg_cli_real(u->q_radius));
  return json_pack("{s:o, s:o, s:o, s:o}", "blocks", blocks, "x",
                   side_json(s->is_map, s->split_x, s->split_mass_x), "y",
                   side_json(s->is_map_back, s->split_y, s->split_mass_y), "unique", unique);
}

/* ---- arrays ---- */

int wg_distance_write_projection(wg_mem *mem, const wg_distance_request *asked,
                                 const wg_solver *solver, const wg_certificate *c) {
  const int64_t k = asked->project, d = c->d;
  double *x = WG_NEW(mem, double, c->n *k), *y = WG_NEW(mem, double, c->m *k);
  double *values = WG_NEW(mem, double, d), *directions = WG_NEW(mem, double, d *d);
  if (!x || !y || !values || !directions) return wg_no_memory();
  WG_TRY(wg_get_spectra(solver, NULL, values, directions));
  WG_TRY(wg_project(solver, k, x, y));
  const wg_io_member members[] = {
      {.name = "x", .dtype = "<f8", .ndim = 2, .shape = {c->n, k}, .data = x},
      {.name = "y", .dtype = "<f8", .ndim = 2, .shape = {c->m, k}, .data = y},
      {.name = "directions", .dtype = "<f8", .ndim = 2, .shape = {k, d}, .data = directions},
      {.name = "q_eigenvalues", .dtype = "<f8", .ndim = 1, .shape = {k}, .data = values}};
  return wg_io_write_npz(asked->project_out, sizeof members / sizeof *members, members);
}

int wg_distance_write_gradients(wg_mem *mem, const char *path, const wg_solver *solver,
                                const wg_certificate *c) {
  double *x = WG_NEW(mem, double, c->n * c->d), *y = WG_NEW(mem, double, c->m * c->d);
  double *a = WG_NEW(mem, double, c->n), *b = WG_NEW(mem, double, c->m);
  wg_uniqueness u;
  if (!x || !y || !a || !b) return wg_no_memory();
  WG_TRY(wg_get_gradients(solver, x, y, a, b, &u));
  const int64_t points = u.point_gradients, weights = u.weight_gradients;
  const wg_io_member members[] = {
      {.name = "grad_x", .dtype = "<f8", .ndim = 2, .shape = {c->n, c->d}, .data = x},
      {.name = "grad_y", .dtype = "<f8", .ndim = 2, .shape = {c->m, c->d}, .data = y},
      {.name = "grad_a", .dtype = "<f8", .ndim = 1, .shape = {c->n}, .data = a},
      {.name = "grad_b", .dtype = "<f8", .ndim = 1, .shape = {c->m}, .data = b},
      {.name = "points_unique", .dtype = "<i8", .ndim = 0, .data = &points},
      {.name = "weights_unique", .dtype = "<i8", .ndim = 0, .data = &weights}};
  return wg_io_write_npz(path, sizeof members / sizeof *members, members);
}
