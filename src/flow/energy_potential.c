/* Potential energies F = integral of h dmu (theory 6): h quadratic, a double well, or a power.
 *
 * With z = x - c:
 *   quadratic  h = z'Mz / 2,             grad h = M z   (M = I without a form)
 *   well:R     h = (|z|^2 - R^2)^2 / 4,  grad h = (|z|^2 - R^2) z
 *   power:r    h = |z|^r / r,            grad h = |z|^(r-2) z, taken as 0 at 0 where r < 2
 * Cost O(n d), O(n d^2) with a form. Sums over particles are compensated and in order. */
#include <stdlib.h>
#include <string.h>

#include "flow/flow.h"

typedef struct potential_energy {
  wg_energy_owner owner;
  wg_potential potential;
  double *centre, *form; /* d and d x d, or NULL */
  double *z;             /* 2 d: a place and the gradient there */
  int64_t size;
} potential_energy;

static double radial(const wg_potential *p, double square, double *slope) {
  if (p->kind == WG_WELL) {
    *slope = square - p->parameter * p->parameter;
    return 0.25 * *slope * *slope;
  }
  const double distance = sqrt(square);
  *slope = distance > 0.0 ? pow(distance, p->parameter - 2.0) : p->parameter == 2.0;
  return pow(distance, p->parameter) / p->parameter;
}

/* h at e->z, its gradient behind it. */
static double height(const potential_energy *e, int64_t d) {
  double square = 0.0, slope = 1.0, *gradient = e->z + d;
  if (e->form) {
    for (int64_t r = 0; r < d; r++) {
      gradient[r] = 0.0;
      for (int64_t c = 0; c < d; c++) gradient[r] += e->form[r * d + c] * e->z[c];
      square += gradient[r] * e->z[r];
    }
    return 0.5 * square;
  }
  for (int64_t k = 0; k < d; k++) square += e->z[k] * e->z[k];
  const double h =
      e->potential.kind == WG_QUADRATIC ? 0.5 * square : radial(&e->potential, square, &slope);
  for (int64_t k = 0; k < d; k++) gradient[k] = slope * e->z[k];
  return h;
}

static int evaluate_potential(void *self, int64_t n, int64_t d, const double *x, const double *a,
                              double *value, double *force) {
  potential_energy *e = self;
  wg_sum total = {0};
  WG_TRY(wg_energy_scratch(&e->owner.mem, 2 * d, &e->z, &e->size));
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = 0; k < d; k++) e->z[k] = x[i * d + k] - (e->centre ? e->centre[k] : 0.0);
    wg_sum_add(&total, a[i] * height(e, d));
    if (force) memcpy(force + i * d, e->z + d, (size_t)d * sizeof *force);
  }
  if (value) *value = wg_sum_value(total);
  return WG_OK;
}

int wg_potential_parse(const char *text, wg_potential *potential) {
  static const struct {
    const char *word;
    wg_potential_kind kind;
  } known[] = {{"well:", WG_WELL}, {"power:", WG_POWER}};
  *potential = (wg_potential){.kind = WG_QUADRATIC};
  if (!strcmp(text, "quadratic")) return WG_OK;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    const size_t length = strlen(known[k].word);
    char *end;
    if (strncmp(text, known[k].word, length) != 0) continue;
    const double parameter = strtod(text + length, &end);
    if (end == text + length || *end || !(parameter > 0.0) || !isfinite(parameter)) break;
    *potential = (wg_potential){known[k].kind, parameter};
    return WG_OK;
  }
  return wg_fail(WG_ERR_ARGUMENT,
                 "potential \"%.60s\" is none; use quadratic, well:R or power:r with a finite "
                 "number above 0",
                 text);
}

wg_energy *wg_energy_make_potential(wg_potential potential, int64_t d, const double *centre,
                                    const double *form, bool bounded) {
  potential_energy *e =
      wg_energy_new(sizeof *e, "potential", d, bounded ? 0.0 : NAN, evaluate_potential);
  if (!e) return NULL;
  e->potential = potential;
  if (centre) e->centre = wg_energy_copy(&e->owner, d, centre);
  if (form) e->form = wg_energy_copy(&e->owner, d * d, form);
  if ((centre && !e->centre) || (form && !e->form)) return wg_energy_abandon(&e->owner);
  return &e->owner.energy;
}
