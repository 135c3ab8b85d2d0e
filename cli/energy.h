/* The energy that a command line names, for `wgamma flow`. */
#ifndef WG_CLI_ENERGY_H
#define WG_CLI_ENERGY_H

#include "cli.h"

/* What the options say; zeroed, then filled by the options of wg_cli_energy_options. NULL, 0:
 * not given. */
typedef struct wg_cli_energy_asked {
  const char *target, *target_weights; /* mmd, w2: a cloud; linear: a matrix              */
  const char *kernel;                  /* interaction, mmd                                */
  const char *potential, *centre, *form;
  const char *data, *labels; /* network, attention                                       */
  const char *activation;    /* network                                                  */
  int64_t head;              /* attention                                                */
  const char *covariance;    /* linear                                                   */
  const char *target_gauge;  /* w2                                                       */
  double target_tol;         /* w2: relative gap                                         */
  double accuracy;           /* of sums over pairs                                       */
} wg_cli_energy_asked;

enum { WG_CLI_ENERGY_OPTIONS = 14 };
/* The rows for the table of wg_cli_read_options: --target, --target-weights, --kernel, --potential,
 * --centre, --form, --data, --labels, --activation, --head, --covariance, --target-gauge,
 * --target-tol, --force-accuracy. */
void wg_cli_energy_options(wg_cli_energy_asked *asked,
                           wg_cli_option options[WG_CLI_ENERGY_OPTIONS]);
/* For --help of the command: names, options and the JSON form, a text that ends its last line. */
extern const char wg_cli_energy_help[];
/* Files that the energy reads, to be checked against outputs: writes at most WG_CLI_ENERGY_OPTIONS
 * paths, returns how many. word: a name, or a JSON file (the files it names are not listed). */
int wg_cli_energy_inputs(const char *word, const wg_cli_energy_asked *asked,
                         wg_cli_path paths[WG_CLI_ENERGY_OPTIONS]);
/* Makes the energy that `word` names ("mmd", ..., or a file "*.json" with {"sum": [...]}); threads
 * as in settings. A negative status with the detail naming option or file; the caller frees *energy
 * with wg_energy_free. Keys of a JSON part are the options without "--", paths in it are relative
 * to its folder. */
int wg_cli_energy(const char *word, const wg_cli_energy_asked *asked, int threads,
                  wg_energy **energy);

#endif
