/* What wgamma muon-step says: the table of who is moved by what and why, and the step; as text and
 * as JSON. */
#include <inttypes.h>
#include <string.h>

#include "muon.h"

static const char *const rules[] = {"auto", "matrix", "adamw", "sgd"};
static const char *const reasons[] = {"asked", "matrix", "name", "shape"};

static const char *type_of(const wg_muon_route *route) {
  return route->single ? "float32" : "float64";
}

/* ---- text ---- */

/* "a scalar", "name fits *embed*", "3 matrices of 4 x 5, each in 2 x 1 blocks". */
static void explain(const wg_muon_route *route, char *out, size_t size) {
  size_t used = 0;
  if (route->reason == WG_MUON_BY_NAME) {
    snprintf(out, size, "name fits %s", route->pattern);
  } else if (route->reason == WG_MUON_BY_SHAPE) {
    snprintf(out, size, "%s", route->entries == 1 ? "a scalar" : "a vector");
  } else if (route->rule != WG_MUON_MATRIX) {
    snprintf(out, size, "asked");
  } else {
    if (route->matrices > 1)
      used = (size_t)snprintf(out, size, "%" PRId64 " matrices of ", route->matrices);
    used += (size_t)snprintf(out + used, size - used, "%" PRId64 " x %" PRId64, route->rows,
                             route->columns);
    if (route->row_blocks * route->column_blocks > 1)
      snprintf(out + used, size - used, ", in %" PRId64 " x %" PRId64 " blocks", route->row_blocks,
               route->column_blocks);
  }
}

static void print_table(const wg_muon_result *found) {
  int name = 4, shape = 5;
  wg_muon_route route;
  char text[WG_IO_SHAPE_TEXT], why[256];
  for (int64_t k = 0; k < found->pack.count; k++) {
    if (wg_muon_get_route(found->muon, k, &route) < 0) return;
    name = WG_MAX(name, (int)WG_MIN(strlen(route.name), (size_t)60));
    wg_io_shape_text(text, route.ndim, route.shape);
    shape = WG_MAX(shape, (int)strlen(text));
  }
  printf("%-*s  %-*s  type     rule    why\n", name, "name", shape, "shape");
  for (int64_t k = 0; k < found->pack.count; k++) {
    if (wg_muon_get_route(found->muon, k, &route) < 0) return;
    wg_io_shape_text(text, route.ndim, route.shape);
    explain(&route, why, sizeof why);
    printf("%-*s  %-*s  %s  %-6s  %s\n", name, route.name, shape, text, type_of(&route),
           rules[route.rule], why);
  }
}

void wg_muon_print(const wg_muon_request *asked, const wg_muon_result *found) {
  const wg_muon_report *r = &found->report;
  print_table(found);
  printf("gauge       %s\n", found->gauge);
  printf("method      %s\n", wg_cli_methods[asked->settings.polar.method]);
  printf("directions  %" PRId64 "\n", r->directions);
  if (!isnan(r->estimate)) printf("estimate    %.1e\n", r->estimate);
  if (!isnan(r->sigma_min)) {
    printf("singular    %.6f to %.6f\n", r->sigma_min, r->sigma_max);
    printf("orthogonal  within %.1e\n", r->orthogonality);
  }
  printf("step        %" PRId64 "\n", r->step);
  printf("time        %.2f s\n", r->seconds);
}

/* ---- JSON ---- */

static json_t *route_json(const wg_muon_route *route) {
  bool named = route->reason == WG_MUON_BY_NAME;
  return json_pack(
      "{s:o, s:o, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "name", wg_cli_text(route->name),
      "shape", wg_cli_shape(route->ndim, route->shape), "dtype", type_of(route), "rule",
      rules[route->rule], "reason", reasons[route->reason], "pattern",
      named ? wg_cli_text(route->pattern) : json_null(), "matrices", (json_int_t)route->matrices,
      "rows", (json_int_t)route->rows, "columns", (json_int_t)route->columns, "row_blocks",
      (json_int_t)route->row_blocks, "column_blocks", (json_int_t)route->column_blocks);
}

int wg_muon_write_json(const wg_muon_request *asked, const wg_muon_result *found) {
  const wg_muon_report *r = &found->report;
  json_t *parameters = json_array();
  wg_muon_route route;
  for (int64_t k = 0; k < found->pack.count; k++)
    if (wg_muon_get_route(found->muon, k, &route) == WG_OK)
      json_array_append_new(parameters, route_json(&route));
  json_t *own =
      json_pack("{s:I, s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "step", (json_int_t)r->step, "method",
                wg_cli_methods[asked->settings.polar.method], "directions",
                (json_int_t)r->directions, "estimate", wg_cli_real(r->estimate), "sigma_min",
                wg_cli_real(r->sigma_min), "sigma_max", wg_cli_real(r->sigma_max), "orthogonality",
                wg_cli_real(r->orthogonality), "parameters", parameters);
  return wg_cli_write_json(asked->json, wg_cli_document("muon-step", found->gauge,
                                                        found->reached ? "solved" : "gap-open",
                                                        r->seconds, found->peak_bytes, own));
}
