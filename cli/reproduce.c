/* wgamma reproduce EXPERIMENT: the experiments of the paper, computed and drawn again. A new one is
 * a line in the table. */
#include "reproduce.h"

#include <getopt.h>
#include <string.h>

static const char usage[] =
    "usage: wgamma reproduce EXPERIMENT [--out DIR] [options]\n"
    "An experiment of the paper (Peyre, arXiv 2604.04891), computed and drawn again.\n"
    "  gaussians      the linear network's flow: one mode in the cone, its leaves, and two modes\n"
    "                 with four targets under six exponents; losses of rank and arrivals\n"
    "  mmd            200 particles to a cloud by the energy distance\n"
    "  mlp            1920 neurons of a ReLU network to a teacher with three\n"
    "  attention      48 heads of attention to a teacher with three (data of our own)\n"
    "                 these three for p = 1 and p = infinity, once as published (explicit Euler, "
    "with a\n"
    "                 cap on steps for attention) and once resolved; the energy law tells which\n"
    "                 run is the flow\n"
    "  convexity      geodesics that branch and a plan that loses entropy at p = infinity; the\n"
    "                 rates of Gaussian targets and of exp(-|x|^r)\n"
    "  --out DIR      where the figures go, made if need be (default: reproduce-out)\n"
    "  --data DIR     where mmd_x0.npy and the others are, if not where they were shipped\n"
    "  --threads N    default: 0, all cores\n"
    "  --json FILE    writes the table as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet        prints nothing\n"
    "Exit status: 0 all as asked, 1 an energy law or a statement does not hold, 2 usage,\n"
    "3 unusable file,"
    "4 memory, 5 internal error.\n";

typedef struct experiment {
  const char *name;
  int (*run)(wg_reproduction *run);
} experiment;
static const experiment experiments[] = {{"gaussians", wg_reproduce_gaussians},
                                         {"mmd", wg_reproduce_mmd},
                                         {"mlp", wg_reproduce_mlp},
                                         {"attention", wg_reproduce_attention},
                                         {"convexity", wg_reproduce_convexity}};
enum { EXPERIMENTS = sizeof experiments / sizeof *experiments };

static const experiment *find(const char *name) {
  for (int k = 0; k < EXPERIMENTS; k++)
    if (!strcmp(name, experiments[k].name)) return &experiments[k];
  return NULL;
}

static int finish(const experiment *chosen, const char *json, double seconds,
                  const wg_reproduction *run) {
  if (!json) {
    json_decref(run->own);
    return WG_OK;
  }
  json_object_set_new(run->own, "experiment", json_string(chosen->name));
  return wg_cli_write_json(json, wg_cli_document("reproduce", NULL, wg_outcome_text(run->outcome),
                                                 seconds, run->peak_bytes, run->own));
}

static int carry_out(const experiment *chosen, const char *json, wg_reproduction *run) {
  const double start = wg_now();
  int status = wg_cli_make_directory(run->out);
  if (status == WG_OK) status = chosen->run(run);
  if (status < 0) return wg_cli_refuse("reproduce", status);
  status = finish(chosen, json, wg_now() - start, run);
  if (status < 0) return wg_cli_refuse("reproduce", status);
  return run->outcome == WG_CERTIFIED ? WG_EXIT_OK : WG_EXIT_OPEN;
}

int wg_cli_reproduce(int argc, char **argv) {
  const char *json = NULL;
  bool quiet = false, help = false;
  wg_reproduction run = {.out = "reproduce-out", .outcome = WG_CERTIFIED};
  const wg_cli_option options[] = {
      {"out", 'o', WG_CLI_TEXT, &run.out},          {"data", 0, WG_CLI_TEXT, &run.data},
      {"threads", 0, WG_CLI_THREADS, &run.threads}, {"json", 'j', WG_CLI_TEXT, &json},
      {"quiet", 'q', WG_CLI_FLAG, &quiet},
  };
  int status = wg_cli_read_options("reproduce", argc, argv, sizeof options / sizeof *options,
                                   options, &help);
  if (status != WG_EXIT_OK) return status;
  if (help) {
    fputs(usage, stdout);
    return WG_EXIT_OK;
  }
  if (argc - optind != 1)
    return wg_cli_usage("reproduce", "one experiment is wanted, got %d", argc - optind);
  const experiment *chosen = find(argv[optind]);
  if (!chosen) return wg_cli_usage("reproduce", "%s is no experiment", argv[optind]);
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  run.mem = &mem;
  run.text = wg_cli_wants_text(quiet, json) ? stdout : NULL;
  status = carry_out(chosen, json, &run);
  wg_mem_clear(&mem);
  return status;
}
