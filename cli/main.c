/* The command wgamma: which subcommand is meant, and the words to find it by.
 *
 * Everything printed to standard output is checked at the end: a full disk behind a redirection
 * must not look like success. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char usage[] =
    "usage: wgamma COMMAND [arguments]\n"
    "\n"
    "Spectral Wasserstein distances between point clouds: optimal transport in which a gauge of\n"
    "the displacement covariance is paid, computed with lower and upper bounds that are proved.\n"
    "\n"
    "commands\n"
    "  distance X Y         the distance of two clouds: bounds, coupling, certificate, figure\n"
    "  pairwise FILES       the distances of all pairs of many clouds; resumable\n"
    "  path X Y             W along a family of gauges\n"
    "  verify CERTIFICATE   derives both bounds of a certificate again, without the solver\n"
    "  gaussian M0 S0 M1 S1 the distance of two Gaussians, or of the Gaussians of two clouds\n"
    "  barycentre M0 S0 ... the Gaussian nearest to several, with bounds of its value\n"
    "  moments FLOW FILES   flows of Gaussians and of linear networks through their moments\n"
    "  sphere A B           the unbalanced distance of two measures on the unit sphere\n"
    "  dynamic MU0 MU1      densities on a grid: the path of least action between them\n"
    "  gauge G --matrix S   value, subgradient and dual gauge of a matrix\n"
    "  lmo G --out V        the descent direction of a matrix or force field under a gauge\n"
    "  polar G --out U      the polar factor of a matrix, exact or by polynomials\n"
    "  muon-step P G        one step of Muon on archives of parameters and gradients, with state\n"
    "  plot TABLE           the columns of a table as lines: losses, energies, times\n"
    "  flow ENERGY          particles that follow an energy in the geometry of a gauge; resumable\n"
    "  convexity ENERGY X Y an energy along a geodesic, with its second differences\n"
    "  info FILE            what a file holds: shape, ranges, duplicates, entries not finite\n"
    "  reproduce NAME       an experiment of the paper, computed and drawn again\n"
    "  demo                 distances and figures of two shipped pairs of clouds\n"
    "  help [COMMAND]       this text, or that of a command; also COMMAND --help\n"
    "  version              the version; also --version\n"
    "\n"
    "examples\n"
    "  wgamma distance x.npy y.npy\n"
    "  wgamma distance x.csv y.csv --gauge schatten:2 --plot couplings.pdf --json -\n"
    "  wgamma distance x.npy y.npy --certificate xy.wgc && wgamma verify xy.wgc\n"
    "\n"
    "gauges, of the covariance with eigenvalues l1 >= l2 >= ...\n"
    "  trace                l1 + l2 + ...: the usual W_2\n"
    "  operator             l1: the geometry of Muon; the default of distance\n"
    "  frobenius            the root of the sum of squares\n"
    "  schatten:<p>         (l1^p + l2^p + ...)^(1/p), p from 1/2 to inf; not convex for p < 1\n"
    "  kyfan:<k>            l1 + ... + lk: the subspace-robust distance\n"
    "  sum:<gauge>@<size>,...         blocks of consecutive columns, added\n"
    "  max:<gauge>@<size>/<rate>,...  the largest block, each divided by its rate squared\n"
    "\n"
    "exit status\n"
    "  0 solved as asked    1 a larger gap than asked, or only local; a claim that is refused\n"
    "  2 usage              3 a file that cannot be read, used or written\n"
    "  4 memory             5 internal error\n";

typedef struct command {
  const char *name;
  int (*run)(int argc, char **argv);
} command;

static int run_help(int argc, char **argv);
static int run_version(int argc, char **argv);

static const command commands[] = {
    {"distance", wg_cli_distance},
    {"pairwise", wg_cli_pairwise},
    {"path", wg_cli_along},
    {"verify", wg_cli_verify},
    {"gaussian", wg_cli_gaussian},
    {"barycentre", wg_cli_barycentre},
    {"moments", wg_cli_moments},
    {"sphere", wg_cli_sphere},
    {"dynamic", wg_cli_dynamic},
    {"gauge", wg_cli_gauge},
    {"lmo", wg_cli_lmo},
    {"polar", wg_cli_polar},
    {"muon-step", wg_cli_muon_step},
    {"plot", wg_cli_plot},
    {"flow", wg_cli_flow},
    {"convexity", wg_cli_convexity},
    {"reproduce", wg_cli_reproduce},
    {"info", wg_cli_info},
    {"demo", wg_cli_demo},
    {"help", run_help},
    {"version", run_version},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const command *find_command(const char *name) {
  for (int k = 0; k < COMMANDS; k++)
    if (!strcmp(name, commands[k].name)) return &commands[k];
  return NULL;
}

/* ---- a name that is none ---- */

enum { LONGEST_GUESS = 16 }; /* letters; longer words are no slip of the finger */

/* Letters to insert, delete or replace (Levenshtein), one row of the table at a time. */
static int edits(const char *word, const char *name) {
  int row[LONGEST_GUESS + 1], length = (int)strlen(name);
  for (int j = 0; j <= length; j++) row[j] = j;
  for (int i = 0; word[i]; i++) {
    int diagonal = row[0];
    row[0] = i + 1;
    for (int j = 0; j < length; j++) {
      int replaced = diagonal + (word[i] != name[j]);
      diagonal = row[j + 1];
      row[j + 1] = WG_MIN(replaced, 1 + WG_MIN(diagonal, row[j]));
    }
  }
  return row[length];
}

/* A beginning of two letters or more, or a slip: the longer the word, the more of them. */
static const char *nearest_command(const char *word) {
  const char *nearest = NULL;
  size_t length = strlen(word);
  int fewest = ((int)length + 2) / 3 + 1;
  if (length < 2 || length > LONGEST_GUESS) return NULL;
  for (int k = 0; k < COMMANDS; k++) {
    if (!strncmp(word, commands[k].name, length)) return commands[k].name;
    int distance = edits(word, commands[k].name);
    if (distance >= fewest) continue;
    fewest = distance;
    nearest = commands[k].name;
  }
  return nearest;
}

static int refuse_command(const char *word) {
  const char *nearest = nearest_command(word);
  const char *kind = word[0] == '-' ? "option" : "command";
  if (nearest)
    fprintf(stderr, "wgamma: %s '%s' is not known; did you mean %s? see wgamma --help\n", kind,
            word, nearest);
  else
    fprintf(stderr, "wgamma: %s '%s' is not known; see wgamma --help\n", kind, word);
  return WG_EXIT_USAGE;
}

/* ---- commands of this file ---- */

static bool asks_help(const char *word) { return !strcmp(word, "--help") || !strcmp(word, "-h"); }

static int run_help(int argc, char **argv) {
  char option[] = "--help";
  if (argc < 2 || asks_help(argv[1])) {
    fputs(usage, stdout);
    return WG_EXIT_OK;
  }
  const command *named = find_command(argv[1]);
  if (!named) return refuse_command(argv[1]);
  if (argc > 2) return wg_cli_usage("help", "unexpected argument %s", argv[2]);
  if (named->run == run_help || named->run == run_version) return run_help(1, argv);
  char *arguments[] = {argv[1], option, NULL};
  return named->run(2, arguments);
}

static int run_version(int argc, char **argv) {
  if (argc > 1 && asks_help(argv[1])) return run_help(argc, argv);
  if (argc > 1) return wg_cli_usage("version", "unexpected argument %s", argv[1]);
  printf("wgamma %s\n", wg_version());
  return WG_EXIT_OK;
}

static int dispatch(int argc, char **argv) {
  if (argc < 2) {
    fputs("wgamma: a command is missing; see wgamma --help\n", stderr);
    return WG_EXIT_USAGE;
  }
  const char *word = argv[1];
  if (asks_help(word)) return run_help(argc, argv);
  if (!strcmp(word, "--version")) return run_version(argc - 1, argv + 1);
  const command *named = find_command(word);
  return named ? named->run(argc - 1, argv + 1) : refuse_command(word);
}

int main(int argc, char **argv) {
  int exit_status = dispatch(argc, argv);
  if (fflush(stdout) == 0 && !ferror(stdout)) return exit_status;
  fprintf(stderr, "wgamma: standard output cannot be written: %s; choose another place\n",
          strerror(errno));
  return WG_EXIT_INPUT;
}
