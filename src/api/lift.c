/* From distinct points back to the points as given.
 *
 * A plan entry between two groups of equal points is dealt out to their members in order
 * (north-west corner), so that the entry count grows by the number of members only; weights are
 * here the engine's whole masses, which its plan adds up to. Then the masses are made to add up to
 * the weights as given (repair.c): clouds that coincide get cost exactly zero. Points without
 * weight get the largest potential that stays feasible. Cost O(entries log entries + members);
 * dropped points O(n m d^2 / (n + m)) each.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

typedef struct entry {
  int64_t row, col;
  double mass;
} entry;

/* Dealing out a group's mass: the member in turn and what it has left. */
typedef struct dealer {
  const wg_cloud *cloud;
  double quantum; /* weight of the given points: their mass times this */
  int64_t *turn;  /* per group                        */
  double *left;   /* per group, of the member in turn */
} dealer;

static double weight_of(const dealer *deal, int64_t member) {
  return (double)deal->cloud->given_mass[member] * deal->quantum;
}

static int make_dealer(wg_mem *mem, const wg_cloud *cloud, const wg_masses *masses, dealer *deal) {
  const double quantum = masses->quantum > 0.0 ? masses->quantum : 1.0 / (double)masses->total;
  *deal = (dealer){cloud, quantum, WG_NEW(mem, int64_t, cloud->n), WG_NEW(mem, double, cloud->n)};
  if (!deal->turn || !deal->left) return wg_no_memory();
  for (int64_t i = 0; i < cloud->n; i++) {
    deal->turn[i] = cloud->first[i];
    deal->left[i] = weight_of(deal, cloud->members[cloud->first[i]]);
  }
  return WG_OK;
}

/* What the member in turn can take: the last of a group takes whatever comes. */
static double room(const dealer *deal, int64_t group) {
  return deal->turn[group] + 1 == deal->cloud->first[group + 1] ? INFINITY : deal->left[group];
}

static int64_t take(dealer *deal, int64_t group, double amount) {
  const int64_t member = deal->cloud->members[deal->turn[group]];
  const bool exhausted = amount >= room(deal, group);
  deal->left[group] -= amount;
  if (exhausted) deal->left[group] = weight_of(deal, deal->cloud->members[++deal->turn[group]]);
  return member;
}

/* The mass of an entry, in whole quanta when the weights are: nothing rounds from there on. */
static double entry_mass(const wg_masses *masses, double mass) {
  if (masses->quantum == 0.0) return mass;
  return nearbyint(mass * (double)masses->total) * masses->quantum;
}

static int64_t deal_out(const wg_spectral_answer *answer, const wg_masses *masses, dealer *rows,
                        dealer *cols, entry *entries) {
  int64_t count = 0;
  for (int64_t e = 0; e < answer->count; e++) {
    const int64_t row = answer->row[e], col = answer->col[e];
    double mass = entry_mass(masses, answer->mass[e]);
    for (const double crumbs = 4.0 * WG_UNIT * mass; mass > crumbs;) {
      const double amount = WG_MIN(mass, WG_MIN(room(rows, row), room(cols, col)));
      mass -= amount;
      const int64_t i = take(rows, row, amount), j = take(cols, col, amount);
      if (amount > 0) entries[count++] = (entry){i, j, amount};
    }
  }
  return count;
}

static int compare_entries(const void *left, const void *right) {
  const entry *a = left, *b = right;
  if (a->row != b->row) return a->row < b->row ? -1 : 1;
  return a->col < b->col ? -1 : a->col > b->col;
}

/* The entries with masses that sum to the weights of x as given, about. */
static void fill_entries(const wg_solver *s, const entry *entries, wg_lift_entries *out) {
  wg_sum dealt = {0}, weights = {0};
  for (int64_t e = 0; e < out->count; e++) wg_sum_add(&dealt, entries[e].mass);
  for (int64_t i = 0; i < s->n; i++) wg_sum_add(&weights, s->a[i]);
  double factor = wg_sum_value(weights) / wg_sum_value(dealt);
  if (fabs(factor - 1.0) <= 8.0 * WG_UNIT) factor = 1.0; /* whole quanta stay whole */
  for (int64_t e = 0; e < out->count; e++) {
    out->row[e] = entries[e].row;
    out->col[e] = entries[e].col;
    out->mass[e] = entries[e].mass * factor;
    out->low[e] = 0.0;
  }
}

static int store_plan(wg_solver *s, int64_t count, const entry *entries) {
  wg_mem mem = wg_mem_of(&s->context.ledger);
  wg_lift_entries out = {count, WG_NEW(&mem, int64_t, count), WG_NEW(&mem, int64_t, count),
                         WG_NEW(&mem, double, count), WG_NEW(&mem, double, count)};
  int status = out.row && out.col && out.mass && out.low ? WG_OK : wg_no_memory();
  if (status == WG_OK) {
    fill_entries(s, entries, &out);
    status = wg_repair_plan(&mem, s, &out);
  }
  if (status != WG_OK) {
    wg_mem_clear(&mem);
    return status;
  }
  wg_mem_clear(&s->plan_mem);
  s->plan_mem = mem;
  s->row = out.row;
  s->col = out.col;
  s->mass = out.mass;
  s->mass_low = out.low;
  s->plan = (wg_plan){out.count, out.row, out.col, out.mass};
  return WG_OK;
}

int wg_lift_plan(wg_solver *s, const wg_spectral_answer *answer) {
  wg_mem scratch = wg_mem_of(&s->context.ledger);
  dealer rows, cols;
  int status = make_dealer(&scratch, &s->cx, &s->masses, &rows);
  if (status == WG_OK) status = make_dealer(&scratch, &s->cy, &s->masses, &cols);
  /* Each step of dealing ends an entry or moves on to another member. */
  const int64_t most = answer->count + s->n + s->m;
  entry *entries = status == WG_OK ? WG_NEW(&scratch, entry, most) : NULL;
  if (status == WG_OK && !entries) status = wg_no_memory();
  if (status == WG_OK) {
    const int64_t count = deal_out(answer, &s->masses, &rows, &cols, entries);
    qsort(entries, (size_t)count, sizeof *entries, compare_entries);
    status = store_plan(s, count, entries);
  }
  wg_mem_clear(&scratch);
  return status;
}

/* ---- potentials ---- */

static void spread(const wg_cloud *cloud, const double *potential, double *given) {
  for (int64_t group = 0; group < cloud->n; group++)
    for (int64_t at = cloud->first[group]; at < cloud->first[group + 1]; at++)
      given[cloud->members[at]] = potential[group];
}

double wg_given_cost(const wg_solver *s, int64_t i, int64_t j) {
  const double *x = s->x + i * s->d, *y = s->y + j * s->d;
  double cost = 0.0;
  for (int64_t k = 0; k < s->d; k++) {
    double row = 0.0;
    for (int64_t l = 0; l < s->d; l++) row += s->q[k * s->d + l] * (y[l] - x[l]);
    cost += (y[k] - x[k]) * row;
  }
  return cost;
}

/* The largest feasible potentials of points that carry no mass. */
static void fill_dropped(wg_solver *s) {
  for (int64_t i = 0; i < s->n && s->cx.dropped; i++) {
    if (s->a[i] > 0) continue;
    s->f[i] = INFINITY;
    for (int64_t j = 0; j < s->m; j++)
      if (s->b[j] > 0) s->f[i] = WG_MIN(s->f[i], wg_given_cost(s, i, j) - s->g[j]);
  }
  for (int64_t j = 0; j < s->m && s->cy.dropped; j++) {
    if (s->b[j] > 0) continue;
    s->g[j] = INFINITY;
    for (int64_t i = 0; i < s->n; i++) s->g[j] = WG_MIN(s->g[j], wg_given_cost(s, i, j) - s->f[i]);
  }
}

void wg_lift_potentials(wg_solver *s, const wg_spectral_answer *answer) {
  memcpy(s->q, answer->q, (size_t)(s->d * s->d) * sizeof(double));
  spread(&s->cx, answer->f, s->f);
  spread(&s->cy, answer->g, s->g);
  if (answer->f_low) spread(&s->cx, answer->f_low, s->f_low);
  if (answer->g_low) spread(&s->cy, answer->g_low, s->g_low);
  fill_dropped(s);
}

/* ---- cuts ---- */

/* Points without weight keep potential zero: a cut is about couplings, which do not meet them. */
int wg_lift_cuts(wg_solver *s, const wg_spectral_answer *answer) {
  const int64_t count = answer->cuts;
  wg_mem_clear(&s->cut_mem);
  s->cuts = (wg_cert_cuts){0};
  if (count == 0) return WG_OK;
  double *q = WG_NEW(&s->cut_mem, double, 4 * count), *f = WG_NEW(&s->cut_mem, double, s->n *count);
  double *g = WG_NEW(&s->cut_mem, double, s->m *count);
  if (!q || !f || !g) return wg_no_memory();
  memcpy(q, answer->cut_q, (size_t)(4 * count) * sizeof *q);
  for (int64_t k = 0; k < count; k++) {
    spread(&s->cx, answer->cut_f + k * s->cx.n, f + k * s->n);
    spread(&s->cy, answer->cut_g + k * s->cy.n, g + k * s->m);
  }
  s->cuts = (wg_cert_cuts){count, q, f, g};
  return WG_OK;
}
