/* An optimiser from the description of its parameters: who is moved by what, and why.
 *
 * Everything that a step could stumble over is looked at here: axes, blocks, a gauge that does not
 * fit a block, names that come twice. So a step fails on numbers or memory only. All texts are
 * copied. Cost O(parameters^2) for the names; memory the momenta. */
#include <stdio.h>
#include <string.h>

#include "api/muon.h"

static const char usual_exclusions[] = "*embed*,*wte*,*wpe*,*lm_head*,head,head.*,*.head,*.head.*";

void wg_muon_parameter_init(wg_muon_parameter *parameter) {
  *parameter = (wg_muon_parameter){.struct_size = sizeof *parameter};
}

void wg_muon_settings_init(wg_muon_settings *settings) {
  *settings = (wg_muon_settings){.struct_size = sizeof *settings,
                                 .rate = 0.02,
                                 .momentum = 0.95,
                                 .nesterov = 1,
                                 .scale = WG_MUON_SCALE_ASPECT,
                                 .fallback = WG_MUON_ADAMW,
                                 .fallback_rate = 3e-4,
                                 .beta1 = 0.9,
                                 .beta2 = 0.95,
                                 .epsilon = 1e-8};
  wg_polar_settings_init(&settings->polar);
}

/* ---- settings ---- */

static bool is_usual(double number) { return number >= 0.0 && isfinite(number); }

int wg_muon_check_rates(double rate, double fallback_rate) {
  bool fine = rate > 0.0 && fallback_rate > 0.0 && isfinite(rate) && isfinite(fallback_rate);
  if (fine) return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT, "rate = %g and fallback_rate = %g must be positive numbers", rate,
                 fallback_rate);
}

static int check_share(const char *name, double share) {
  if (share >= 0.0 && share < 1.0) return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT, "settings.%s = %g is not in [0, 1)", name, share);
}

static int check_settings(const wg_muon_settings *s) {
  if (s->struct_size != sizeof *s)
    return wg_fail(WG_ERR_ARGUMENT,
                   "muon_settings.struct_size is %zu, not %zu; call "
                   "wg_muon_settings_init first",
                   s->struct_size, sizeof *s);
  WG_TRY(wg_muon_check_rates(s->rate, s->fallback_rate));
  WG_TRY(check_share("momentum", s->momentum));
  WG_TRY(check_share("beta1", s->beta1));
  WG_TRY(check_share("beta2", s->beta2));
  if (!is_usual(s->weight_decay) || !is_usual(s->fallback_decay) || !is_usual(s->epsilon))
    return wg_fail(WG_ERR_ARGUMENT,
                   "weight_decay, fallback_decay and epsilon must be numbers >= 0");
  if (s->scale < WG_MUON_SCALE_NONE || s->scale > WG_MUON_SCALE_ASPECT)
    return wg_fail(WG_ERR_ARGUMENT, "settings.scale = %d is none", s->scale);
  if (s->fallback != WG_MUON_ADAMW && s->fallback != WG_MUON_SGD)
    return wg_fail(WG_ERR_ARGUMENT, "settings.fallback = %d is neither AdamW nor SGD", s->fallback);
  return WG_OK;
}

static char *copy_text(wg_mem *mem, const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = WG_NEW(mem, char, size);
  if (copy) memcpy(copy, text, size);
  return copy;
}

/* The gauge and the method, of which a trial on one number tells whether they make sense. */
static int take_settings(wg_muon *m, const wg_muon_settings *given) {
  char gauge[WG_GAUGE_TEXT];
  double one = 1.0, out;
  m->settings = *given;
  WG_TRY(wg_gauge_canonical(given->gauge ? given->gauge : "operator", 0, gauge, sizeof gauge));
  WG_TRY(wg_polar(1, 1, &one, &given->polar, &out, NULL));
  bool is_operator = !strcmp(gauge, "operator");
  m->polar = is_operator && !given->dual_norm;
  if (!m->polar && given->polar.method > WG_POLAR_EXACT)
    return wg_fail(WG_ERR_ARGUMENT,
                   "polynomial methods make polar factors, not directions of %s%s; take the "
                   "exact method",
                   gauge, given->dual_norm ? " with the dual norm" : "");
  m->settings.gauge = copy_text(&m->mem, gauge);
  m->settings.excluded = copy_text(&m->mem, given->excluded ? given->excluded : usual_exclusions);
  return m->settings.gauge && m->settings.excluded ? WG_OK : wg_no_memory();
}

/* ---- one parameter ---- */

static int check_shape(const wg_muon_parameter *p, int64_t *count) {
  *count = 1;
  if (p->ndim < 0 || p->ndim > WG_MUON_AXES)
    return wg_fail(WG_ERR_ARGUMENT, "'%.200s' has %d axes; 0 to %d are possible", p->name, p->ndim,
                   WG_MUON_AXES);
  for (int a = 0; a < p->ndim; a++)
    if (p->shape[a] < 1 || __builtin_mul_overflow(*count, p->shape[a], count) ||
        *count > INT64_MAX / 64)
      return wg_fail(WG_ERR_ARGUMENT, "'%.200s': shape[%d] = %lld is not positive, or too large",
                     p->name, a, (long long)p->shape[a]);
  return WG_OK;
}

static int check_parameter(const wg_muon_parameter *parameters, int64_t k, int64_t *count) {
  const wg_muon_parameter *p = &parameters[k];
  if (p->struct_size != sizeof *p)
    return wg_fail(WG_ERR_ARGUMENT,
                   "parameters[%lld].struct_size is %zu, not %zu; call "
                   "wg_muon_parameter_init first",
                   (long long)k, p->struct_size, sizeof *p);
  if (!p->name || !*p->name)
    return wg_fail(WG_ERR_ARGUMENT, "parameters[%lld] has no name", (long long)k);
  for (int64_t other = 0; other < k; other++)
    if (!strcmp(parameters[other].name, p->name))
      return wg_fail(WG_ERR_ARGUMENT, "two parameters are named '%.200s'", p->name);
  if (p->rule < WG_MUON_AUTO || p->rule > WG_MUON_SGD)
    return wg_fail(WG_ERR_ARGUMENT, "'%.200s': rule = %d is none", p->name, p->rule);
  return check_shape(p, count);
}

static bool is_vector(const wg_muon_parameter *p, int64_t count) {
  return p->ndim < 2 || p->shape[0] == 1 || p->shape[0] == count;
}

/* Says who moves the parameter, and why. */
static int choose_rule(wg_muon *m, const wg_muon_parameter *p, wg_muon_route *route) {
  size_t length = 0;
  bool described = p->axes || p->row_blocks || p->column_blocks;
  route->pattern = "";
  route->rule = p->rule == WG_MUON_AUTO && described ? WG_MUON_MATRIX : p->rule;
  route->reason = WG_MUON_ASKED;
  if (route->rule != WG_MUON_AUTO) return WG_OK;
  const char *pattern = wg_pattern_find(m->settings.excluded, p->name, &length);
  route->rule = m->settings.fallback;
  if (pattern) {
    char *copy = WG_NEW(&m->mem, char, length + 1);
    if (!copy) return wg_no_memory();
    memcpy(copy, pattern, length);
    route->pattern = copy;
    route->reason = WG_MUON_BY_NAME;
  } else if (is_vector(p, route->entries)) {
    route->reason = WG_MUON_BY_SHAPE;
  } else {
    route->rule = WG_MUON_MATRIX;
    route->reason = WG_MUON_IS_MATRIX;
  }
  return WG_OK;
}

/* ---- its matrices ---- */

static int cut_side(wg_mem *mem, const char *name, const char *side, int64_t length, int64_t blocks,
                    const int64_t *sizes, wg_muon_cut *cut) {
  int64_t end = 0;
  cut->count = blocks ? blocks : 1;
  if (cut->count < 1 || cut->count > length || (!sizes && length % cut->count))
    return wg_fail(WG_ERR_ARGUMENT, "'%.200s': its %lld %s cannot be cut into %lld equal blocks",
                   name, (long long)length, side, (long long)blocks);
  if (!(cut->start = WG_NEW(mem, int64_t, cut->count + 1))) return wg_no_memory();
  for (int64_t b = 0; b < cut->count; b++) {
    int64_t size = sizes ? sizes[b] : length / cut->count;
    if (size < 1 || size > length - end)
      return wg_fail(WG_ERR_ARGUMENT, "'%.200s': block %lld of its %lld %s has size %lld", name,
                     (long long)b, (long long)length, side, (long long)size);
    cut->start[b + 1] = end += size;
  }
  if (end == length) return WG_OK;
  return wg_fail(WG_ERR_ARGUMENT, "'%.200s': the blocks of its %lld %s add up to %lld", name,
                 (long long)length, side, (long long)end);
}

static int fit_gauge(const wg_muon *m, int64_t k) {
  char text[WG_GAUGE_TEXT];
  const wg_muon_cut *columns = &m->columns[k];
  for (int64_t b = 0; b < columns->count; b++) {
    int64_t size = columns->start[b + 1] - columns->start[b];
    int status = wg_gauge_canonical(m->settings.gauge, size, text, sizeof text);
    if (status < 0) {
      snprintf(text, sizeof text, "%.600s", wg_error_detail());
      return wg_fail(status, "'%.200s': %s", m->slots[k].name, text);
    }
  }
  return WG_OK;
}

static int take_matrices(wg_muon *m, int64_t k, const wg_muon_parameter *p) {
  static const char *const usual[] = {"",      "r",      "rc",      "rcc",     "rccc",
                                      "rcccc", "rccccc", "rcccccc", "rccccccc"};
  wg_matrices *matrices = &m->matrices[k];
  wg_muon_route *route = &m->routes[k];
  if (!p->axes && p->ndim < 2)
    return wg_fail(WG_ERR_ARGUMENT, "'%.200s' has less than two axes; say which by axes", p->name);
  int status =
      wg_matricise(p->ndim, p->shape, p->axes ? p->axes : usual[p->ndim], &m->mem, matrices);
  if (status == WG_ERR_ARGUMENT)
    return wg_fail(status, "'%.200s': axes '%.40s' are not %d letters b, r or c", p->name, p->axes,
                   p->ndim);
  if (status < 0) return status;
  WG_TRY(
      cut_side(&m->mem, p->name, "rows", matrices->rows, p->row_blocks, p->row_sizes, &m->rows[k]));
  WG_TRY(cut_side(&m->mem, p->name, "columns", matrices->columns, p->column_blocks, p->column_sizes,
                  &m->columns[k]));
  route->matrices = matrices->count;
  route->rows = matrices->rows;
  route->columns = matrices->columns;
  route->row_blocks = m->rows[k].count;
  route->column_blocks = m->columns[k].count;
  return fit_gauge(m, k);
}

/* ---- all of them ---- */

static int take_parameter(wg_muon *m, const wg_muon_parameter *parameters, int64_t k) {
  const wg_muon_parameter *p = &parameters[k];
  wg_muon_slot *slot = &m->slots[k];
  wg_muon_route *route = &m->routes[k];
  *route = (wg_muon_route){.struct_size = sizeof *route, .single = p->single != 0, .ndim = p->ndim};
  WG_TRY(check_parameter(parameters, k, &route->entries));
  memcpy(route->shape, p->shape, (size_t)p->ndim * sizeof *p->shape);
  if (!(route->name = copy_text(&m->mem, p->name))) return wg_no_memory();
  WG_TRY(choose_rule(m, p, route));
  *slot = (wg_muon_slot){.name = route->name,
                         .rule = route->rule,
                         .single = route->single,
                         .ndim = p->ndim,
                         .count = route->entries};
  memcpy(slot->shape, route->shape, sizeof slot->shape);
  slot->momentum =
      wg_new(&m->mem, (size_t)slot->count, slot->single ? sizeof(float) : sizeof(double));
  if (slot->rule == WG_MUON_ADAMW) slot->second = WG_NEW(&m->mem, double, slot->count);
  if (!slot->momentum || (slot->rule == WG_MUON_ADAMW && !slot->second)) return wg_no_memory();
  return slot->rule == WG_MUON_MATRIX ? take_matrices(m, k, p) : WG_OK;
}

static int fill(wg_muon *m, const wg_muon_parameter *parameters, const wg_muon_settings *settings) {
  WG_TRY(take_settings(m, settings));
  m->slots = WG_NEW(&m->mem, wg_muon_slot, m->count);
  m->routes = WG_NEW(&m->mem, wg_muon_route, m->count);
  m->matrices = WG_NEW(&m->mem, wg_matrices, m->count);
  m->rows = WG_NEW(&m->mem, wg_muon_cut, m->count);
  m->columns = WG_NEW(&m->mem, wg_muon_cut, m->count);
  if (!m->slots || !m->routes || !m->matrices || !m->rows || !m->columns) return wg_no_memory();
  for (int64_t k = 0; k < m->count; k++) WG_TRY(take_parameter(m, parameters, k));
  return WG_OK;
}

int wg_muon_setup(wg_muon **muon, int64_t count, const wg_muon_parameter *parameters,
                  const wg_muon_settings *settings) {
  wg_muon_settings defaults;
  wg_ledger first = {0};
  wg_mem mem = wg_mem_of(&first);
  wg_clear_error();
  if (!muon) return wg_fail(WG_ERR_ARGUMENT, "muon must not be NULL");
  *muon = NULL;
  wg_muon_settings_init(&defaults);
  if (!settings) settings = &defaults;
  WG_TRY(check_settings(settings));
  if (count < 1 || !parameters) return wg_fail(WG_ERR_ARGUMENT, "there are no parameters");
  wg_muon *m = WG_NEW(&mem, wg_muon, 1);
  if (!m) return wg_no_memory();
  *m = (wg_muon){.ledger = first, .mem = mem, .count = count};
  m->mem.ledger = &m->ledger; /* the first block is the optimiser itself: the ledger moves in */
  int status = fill(m, parameters, settings);
  if (status < 0) {
    wg_muon_free(m);
    return status;
  }
  *muon = m;
  return WG_OK;
}

void wg_muon_free(wg_muon *m) {
  if (!m) return;
  wg_ledger ledger = m->ledger;
  wg_mem mem = m->mem;
  mem.ledger = &ledger; /* the optimiser, and the ledger in it, are among the blocks freed */
  wg_mem_clear(&mem);
}
