/* The explicit midpoint rule, extrapolated (Gragg 1965, Bulirsch and Stoer 1966): eight rows of 2,
 * 4,
 * ..., 16 substeps make a step of order 16, whose last two columns tell its error.
 *
 * Why extrapolation: the flows of moments are smooth between events and wanted to twelve digits, so
 * a high order and long steps pay, and there is no table of coefficients to get wrong. Increments
 * from the start of the step are what is extrapolated: rounding is relative to them, not to the
 * state. Events are found by making the last step again, shorter, until the function is zero at its
 * end: as accurate as the step itself, without an interpolant. A step that would leave the domain
 * of the equation is halved. Errors are relative to the largest a component has been, the step's
 * end included, so that one may start at zero; a step that does not move the clock
 * ends the run, and so do a million of them.
 *
 * Cost: 65 evaluations a step; memory 12 n numbers. */
#include "gaussian/ode.h"

#include <float.h>
#include <string.h>

enum { ROWS = 8, ORDER = 2 * ROWS - 1, MOST_STEPS = 1000000 };

int wg_ode_begin(wg_mem *mem, wg_ode *ode) {
  ode->largest = WG_NEW(mem, double, ode->n);
  ode->before = WG_NEW(mem, double, ode->n);
  ode->room = WG_NEW(mem, double, (ROWS + 6) * ode->n);
  return ode->largest && ode->before && ode->room ? WG_OK : wg_no_memory();
}

/* Places in the room. */
static double *row_of(const wg_ode *ode, int k) { return ode->room + k * ode->n; }
static double *slope_of(const wg_ode *ode) { return row_of(ode, ROWS); }
static double *first_of(const wg_ode *ode) { return row_of(ode, ROWS + 1); }
static double *place_of(const wg_ode *ode) { return row_of(ode, ROWS + 2); }
static double *result_of(const wg_ode *ode) { return row_of(ode, ROWS + 3); }
static double *older_of(const wg_ode *ode) { return row_of(ode, ROWS + 4); }
static double *newer_of(const wg_ode *ode) { return row_of(ode, ROWS + 5); }

static int rate_at(wg_ode *ode, const double *x, const double *increment, double *dx) {
  double *place = place_of(ode);
  for (int64_t i = 0; i < ode->n; i++) {
    place[i] = x[i] + (increment ? increment[i] : 0.0);
    if (!isfinite(place[i])) return WG_ODE_OUTSIDE;
  }
  ode->evaluations++;
  return ode->rate(ode->self, place, dx);
}

/* The increment over h by `count` substeps of the midpoint rule, into `to`. */
static int midpoint(wg_ode *ode, const double *x, double h, int count, double *to) {
  double *older = older_of(ode), *newer = newer_of(ode), *slope = slope_of(ode), part = h / count;
  const double *first = first_of(ode);
  for (int64_t i = 0; i < ode->n; i++) {
    older[i] = 0.0;
    newer[i] = part * first[i];
  }
  for (int k = 1; k < count; k++) {
    int status = rate_at(ode, x, newer, slope);
    if (status != WG_OK) return status;
    for (int64_t i = 0; i < ode->n; i++) older[i] += 2.0 * part * slope[i];
    double *kept = older;
    older = newer;
    newer = kept;
  }
  memcpy(to, newer, (size_t)ode->n * sizeof *to);
  return WG_OK;
}

/* The increment over h into result_of, its error over the tolerance into *error. first_of holds the
 * rate at x. Row k of the table is overwritten by its columns, the last one first needed. */
static int try_step(wg_ode *ode, const double *x, double h, double *error) {
  double *result = result_of(ode);
  for (int j = 0; j < ROWS; j++) {
    double *column = row_of(ode, j);
    int status = midpoint(ode, x, h, 2 * (j + 1), column);
    if (status != WG_OK) return status;
    for (int k = j; k-- > 0;) {
      double ratio = (double)(j + 1) / (double)(k + 1), scale = 1.0 / (ratio * ratio - 1.0);
      double *above = row_of(ode, k), *here = row_of(ode, k + 1);
      /* T_{j,l} from T_{j,l-1} (here) and T_{j-1,l-1} (above), kept where the latter was. */
      for (int64_t i = 0; i < ode->n; i++) above[i] = here[i] + (here[i] - above[i]) * scale;
    }
  }
  memcpy(result, row_of(ode, 0), (size_t)ode->n * sizeof *result);
  double most = 0.0;
  *error = 0.0;
  for (int64_t i = 0; i < ode->n; i++)
    most = WG_MAX(most, WG_MAX(ode->largest[i], fabs(result[i])));
  for (int64_t i = 0; i < ode->n; i++) {
    double size = WG_MAX(WG_MAX(ode->largest[i], fabs(result[i])), 1e-3 * most);
    size = WG_MAX(size, DBL_MIN / ode->tol);
    double part = fabs(row_of(ode, 1)[i] - result[i]) / (ode->tol * size);
    if (!(part <= *error)) *error = part; /* keeps a NaN */
  }
  return isfinite(*error) ? WG_OK : WG_ODE_OUTSIDE;
}

static void note_sizes(wg_ode *ode, const double *x) {
  for (int64_t i = 0; i < ode->n; i++) ode->largest[i] = WG_MAX(ode->largest[i], fabs(x[i]));
}

/* A first step: the state changes by a hundredth of its size. A state that is zero has none: the
 * step is then the shortest, and grows. */
static double guess_step(const wg_ode *ode, double span, double shortest) {
  double step = span, most = 0.0;
  for (int64_t i = 0; i < ode->n; i++) most = WG_MAX(most, ode->largest[i]);
  for (int64_t i = 0; i < ode->n; i++) {
    double speed = fabs(first_of(ode)[i]), size = WG_MAX(ode->largest[i], 1e-3 * most);
    if (speed * step > 1e-2 * size) step = 1e-2 * size / speed;
  }
  return WG_MAX(step, 4.0 * shortest);
}

/* One accepted step of at most `longest`; its length in *made. x is moved, ode->before keeps where
 * it was. */
static int advance(wg_ode *ode, double t, double longest, double *x, double *made) {
  const double shortest = 16.0 * WG_UNIT * WG_MAX(fabs(t), longest);
  int status = rate_at(ode, x, NULL, first_of(ode));
  if (status != WG_OK) return status < 0 ? status : WG_ODE_STALLED;
  if (!(ode->step > 0.0)) ode->step = guess_step(ode, longest, shortest);
  if (ode->longest) longest = WG_MIN(longest, ode->longest(ode->self, x, first_of(ode)));
  for (;;) {
    double h = WG_MIN(ode->step, longest), error = INFINITY;
    if (!(h > 0.0 && t + h > t) || ode->steps >= MOST_STEPS) return WG_ODE_STALLED;
    status = try_step(ode, x, h, &error);
    if (status < 0) return status;
    double factor = status == WG_OK ? 0.9 * pow(WG_MAX(error, 1e-30), -1.0 / ORDER) : 0.25;
    bool accepted = status == WG_OK && error <= 1.0;
    factor = WG_MIN(WG_MAX(factor, 0.1), accepted ? 3.0 : 0.5);
    /* A step that only the end made short says nothing against the longer one. */
    if (!accepted || h == ode->step || factor < 1.0) ode->step = factor * h;
    if (accepted) {
      *made = h;
      break;
    }
    ode->rejected++;
    if (ode->step < shortest) return WG_ODE_STALLED;
  }
  memcpy(ode->before, x, (size_t)ode->n * sizeof *x);
  for (int64_t i = 0; i < ode->n; i++) x[i] += result_of(ode)[i];
  note_sizes(ode, x);
  ode->steps++;
  return WG_OK;
}

/* ---- events ---- */

/* The event after a step of length h from ode->before, whose rate is in first_of. */
static int event_after(wg_ode *ode, int64_t which, double h, double *x, double *value) {
  double error;
  int status = try_step(ode, ode->before, h, &error);
  if (status != WG_OK) return status < 0 ? status : WG_ODE_STALLED;
  for (int64_t i = 0; i < ode->n; i++) x[i] = ode->before[i] + result_of(ode)[i];
  *value = ode->event(ode->self, which, x);
  return WG_OK;
}

/* The length of the step at whose end the event is zero or just below: regula falsi with halved
 * weights (Illinois), which always keeps the crossing inside. */
static int locate(wg_ode *ode, int64_t which, double length, double *x, double *found) {
  double low = 0.0, high = length, below = 0.0, above = ode->event(ode->self, which, ode->before);
  double value = 0.0;
  WG_TRY(event_after(ode, which, high, x, &below));
  for (int k = 0; k < 60 && high - low > 4.0 * WG_UNIT * length && below < 0.0; k++) {
    double middle = low + (high - low) * above / (above - below);
    if (!(middle > low && middle < high)) middle = 0.5 * (low + high);
    int status = event_after(ode, which, middle, x, &value);
    if (status != WG_OK) return status;
    if (value > 0.0) {
      low = middle;
      above = value;
      below *= 0.5;
    } else {
      high = middle;
      below = value;
      above *= 0.5;
    }
  }
  *found = high;
  return WG_OK;
}

/* The earliest event within the step just made: x goes back to it and *made is shortened. */
static int first_event(wg_ode *ode, double *x, double *made, int64_t *which) {
  double earliest = *made, value;
  *which = -1;
  for (int64_t e = 0; e < ode->events; e++) {
    if (!(ode->event(ode->self, e, ode->before) > 0.0)) continue;
    if (!(ode->event(ode->self, e, x) <= 0.0)) continue;
    double found;
    int status = locate(ode, e, *made, place_of(ode), &found);
    if (status != WG_OK) return status;
    if (*which < 0 || found < earliest) {
      earliest = found;
      *which = e;
    }
  }
  if (*which < 0) return WG_OK;
  *made = earliest;
  return event_after(ode, *which, earliest, x, &value);
}

int wg_ode_run(wg_ode *ode, wg_watch *watch, double *t, double end, double *x, int64_t *which) {
  *which = -1;
  note_sizes(ode, x);
  while (*t < end && !wg_watch_poll(watch)) {
    double made, left = end - *t;
    int status = advance(ode, *t, left, x, &made);
    if (status != WG_OK) return status;
    status = first_event(ode, x, &made, which);
    if (status != WG_OK) return status;
    *t = *which < 0 && made == left ? end : *t + made;
    if (*which >= 0) return WG_OK;
  }
  return WG_OK;
}
