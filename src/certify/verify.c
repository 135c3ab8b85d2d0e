/* Judges a claimed interval [lower, upper] for W2 from the certificate's data alone: points,
 * weights, gauge, plan, Q and potentials (theory 3.2). Both bounds are derived anew with margin 1;
 * claims are made with margin 2, so a true claim has room for another machine's rounding and no
 * tolerance is needed here: a claim is refused as soon as it is better than what follows. For p < 1
 * the lower bound is the one of the trace gauge below it, the upper bound that of the gauge itself;
 * in the plane a list of cuts may prove a better lower bound (outer.c), and the larger one counts.
 *
 * Data that mean nothing (NaN, negative weights, a gauge that does not parse) are an error, not a
 * refusal. A refusal says what falls short, where and by how much. Cost O(n m rank(Q)), memory
 * O((n + m) d + d^2). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "certify/certify.h"
#include "measure/measure.h"

/* ---- data that can be judged ---- */

static int check_shape(const wg_certificate *c) {
  if (c->n < 1 || c->m < 1 || c->d < 1 || c->count < 0)
    return wg_fail(WG_ERR_INPUT,
                   "the certificate has n = %lld, m = %lld, d = %lld and %lld plan entries; n, m "
                   "and d must be at least 1",
                   (long long)c->n, (long long)c->m, (long long)c->d, (long long)c->count);
  if (!c->x || !c->a || !c->y || !c->b || !c->gauge || !c->row || !c->col || !c->mass || !c->q ||
      !c->f || !c->g)
    return wg_fail(WG_ERR_INPUT,
                   "the certificate is incomplete; x, a, y, b, gauge, row, col, mass, q, f and g "
                   "are all needed");
  return WG_OK;
}

static int check_cuts(const wg_certificate *c, const wg_gauge_spec *spec) {
  if (c->cuts == 0) return WG_OK;
  if (!wg_gauge_is_planar_root(spec))
    return wg_fail(WG_ERR_INPUT,
                   "the certificate has cuts, which mean something for schatten:p with p < 1 and "
                   "d = 2 only; its gauge is %s, d = %lld",
                   c->gauge, (long long)c->d);
  if (c->cuts < 0 || !c->cut_q || !c->cut_f || !c->cut_g)
    return wg_fail(WG_ERR_INPUT, "the %lld cuts are incomplete; cut_q, cut_f and cut_g are needed",
                   (long long)c->cuts);
  return WG_OK;
}

static int check_claim(const char *name, double value) {
  if (isfinite(value)) return WG_OK;
  return wg_fail(WG_ERR_INPUT, "the claimed %s = %g is not a finite number", name, value);
}

int wg_cert_check(const wg_certificate *c, wg_gauge_spec *spec) {
  WG_TRY(check_shape(c));
  WG_TRY(wg_measure_check("x", "a", c->n, c->d, c->x, c->a));
  WG_TRY(wg_measure_check("y", "b", c->m, c->d, c->y, c->b));
  WG_TRY(check_claim("lower", c->lower));
  WG_TRY(check_claim("upper", c->upper));
  WG_TRY(check_claim("tol", c->tol));
  /* A gauge that does not parse is bad data here, whatever parse calls it; its sentence stays. */
  if (wg_gauge_parse(c->gauge, spec) < 0) return WG_ERR_INPUT;
  WG_TRY(wg_gauge_bind(spec, c->d));
  return check_cuts(c, spec);
}

double wg_cert_gap(const wg_certificate *c) {
  const double lower = WG_MAX(c->lower, 0.0);
  return c->upper > lower ? (c->upper - lower) / c->upper : 0.0;
}

void wg_cert_say_open(const wg_certificate *c, char *text, int size) {
  snprintf(text, (size_t)size,
           "both claimed bounds follow, but the gap between them is %.3g relative; the tolerance "
           "claimed is %.3g",
           wg_cert_gap(c), c->tol);
}

/* ---- what to say ---- */

typedef struct message {
  char *text;
  size_t size, used;
} message;

__attribute__((format(printf, 2, 3))) static void say(message *out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(out->text + out->used, out->size - out->used, format, arguments);
  va_end(arguments);
  if (length > 0) out->used = WG_MIN(out->size - 1, out->used + (size_t)length);
}

/* A cause is named when it explains a tenth of the shortfall or more. */
static const double share = 0.1;

/* What proves the lower bound: the pair (Q, f, g) or the cuts, whichever proves more. */
typedef struct proof {
  double bound;
  double only; /* of the only coupling, or 0 */
  wg_cert_lower_report pair;
  wg_cert_cuts_report cuts;
} proof;

static void explain_pair(const wg_certificate *c, const wg_cert_lower_report *report, double excess,
                         message *out) {
  double beyond = report->dual_gauge - 1.0;
  bool violated = report->row >= 0 && report->violation >= share * excess;
  bool outside = beyond > 0.0 && c->lower * beyond >= share * excess;
  if (violated)
    say(out, "; the potentials exceed the cost of pair (%lld, %lld) by %.3g",
        (long long)report->row, (long long)report->col, report->violation);
  if (outside) say(out, "; Q is outside the dual ball: gamma°(Q) = %.15g", report->dual_gauge);
  if (!violated && !outside) say(out, "; the potentials sum to no more");
}

static void explain_cuts(const wg_certificate *c, const wg_cert_cuts_report *report, double excess,
                         message *out) {
  const wg_cert_lower_report *lower = &report->lower;
  if (report->worst >= 0 && lower->violation >= share * excess)
    say(out, "; the potentials of cut %lld exceed the cost of pair (%lld, %lld) by %.3g",
        (long long)report->worst, (long long)lower->row, (long long)lower->col, lower->violation);
  else
    say(out, "; a matrix of that gauge satisfies all %lld cuts: their potentials sum to no more",
        (long long)c->cuts);
}

static void explain_lower(const wg_certificate *c, const proof *lower, double excess,
                          message *out) {
  say(out, "lower bound: %.15g is claimed, only %.15g follows (%.3g less)", c->lower, lower->bound,
      excess);
  if (lower->only > 0.0 && lower->only == lower->bound)
    say(out, "; one cloud has a single point, and the only coupling there is costs no more");
  else if (c->cuts > 0)
    explain_cuts(c, &lower->cuts, excess, out);
  else
    explain_pair(c, &lower->pair, excess, out);
}

/* Sum of the plan over one row (side 0) or column (side 1). */
static double marginal(const wg_certificate *c, int side, int64_t index) {
  const int64_t *where = side ? c->col : c->row;
  double sum = 0.0;
  for (int64_t e = 0; e < c->count; e++)
    if (where[e] == index) sum += c->mass[e];
  return sum;
}

static void explain_upper(const wg_certificate *c, const wg_cert_upper_report *report,
                          double excess, message *out) {
  if (out->used) say(out, "; ");
  say(out, "upper bound: %.15g is claimed, only %.15g follows (%.3g more)", c->upper, report->bound,
      excess);
  if (report->paid >= share * excess)
    say(out, "; %s %lld of the plan sums to %.15g, its weight is %.15g",
        report->side ? "column" : "row", (long long)report->index,
        marginal(c, report->side, report->index),
        report->side ? c->b[report->index] : c->a[report->index]);
  else
    say(out, "; the displacements of the plan are larger");
}

static void judge(const wg_certificate *c, const proof *lower, const wg_cert_upper_report *upper,
                  wg_verdict *verdict) {
  message out = {.text = verdict->finding, .size = sizeof verdict->finding};
  verdict->struct_size = sizeof *verdict;
  verdict->lower = lower->bound;
  verdict->upper = upper->bound;
  verdict->lower_excess = c->lower - lower->bound;
  verdict->upper_excess = upper->bound - c->upper;
  verdict->valid = c->lower <= lower->bound && upper->bound <= c->upper;
  verdict->gap = wg_cert_gap(c);
  verdict->open = !(verdict->gap <= c->tol);
  verdict->finding[0] = '\0';
  if (c->lower > lower->bound) explain_lower(c, lower, verdict->lower_excess, &out);
  if (upper->bound > c->upper) explain_upper(c, upper, verdict->upper_excess, &out);
  if (verdict->valid && verdict->open) wg_cert_say_open(c, verdict->finding, (int)out.size);
}

/* The ceiling of the cuts is the upper bound that follows, not the one that is claimed. */
static int derive(wg_context *context, const wg_certificate *c, const wg_gauge_spec *spec,
                  proof *lower, wg_cert_upper_report *upper) {
  wg_cert_data data = {.n = c->n, .m = c->m, .d = c->d, .x = c->x, .a = c->a, .y = c->y, .b = c->b};
  const wg_cert_cuts cuts = {.count = c->cuts, .q = c->cut_q, .f = c->cut_f, .g = c->cut_g};
  wg_gauge_spec minorant;
  wg_gauge_minorant(spec, &minorant);
  const wg_cert_potentials potentials = wg_cert_potentials_of(c);
  const wg_cert_plan plan = wg_cert_plan_of(c);
  WG_TRY(wg_cert_lower(context, &data, &minorant, c->q, &potentials, 1.0, &lower->pair));
  WG_TRY(wg_cert_upper(context, &data, spec, &plan, 1.0, NULL, upper));
  WG_TRY(wg_cert_only(context, &data, spec, 1.0, &lower->only));
  lower->bound = WG_MAX(lower->pair.bound, lower->only);
  if (c->cuts == 0) return WG_OK;
  WG_TRY(wg_cert_cuts_bound(context, &data, spec, &cuts, upper->bound, 1.0, &lower->cuts));
  lower->bound = WG_MAX(lower->bound, lower->cuts.bound);
  return WG_OK;
}

int wg_cert_verify(wg_context *context, const wg_certificate *certificate, wg_verdict *verdict) {
  wg_gauge_spec spec;
  proof lower;
  wg_cert_upper_report upper;
  WG_TRY(wg_cert_check(certificate, &spec));
  WG_TRY(derive(context, certificate, &spec, &lower, &upper));
  judge(certificate, &lower, &upper, verdict);
  return WG_OK;
}
