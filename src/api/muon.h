/* Private to api/: the optimiser object. */
#ifndef WG_API_MUON_H
#define WG_API_MUON_H

#include "lmo/lmo.h"

/* How the matrices of a parameter are cut; block i begins at start[i] and ends where i + 1 does. */
typedef struct wg_muon_cut {
  int64_t count;
  int64_t *start; /* count + 1 */
} wg_muon_cut;

struct wg_muon {
  wg_ledger ledger;
  wg_mem mem;
  wg_muon_settings settings; /* texts are the optimiser's own */
  bool polar;                /* the gauge is that of the polar factor, up to scale */
  int64_t count, steps;
  wg_muon_slot *slots; /* count each */
  wg_muon_route *routes;
  wg_matrices *matrices;
  wg_muon_cut *rows, *columns;
};

/* ---- muon_setup.c ---- */
/* WG_ERR_ARGUMENT unless both are finite and positive. */
int wg_muon_check_rates(double rate, double fallback_rate);

#endif
