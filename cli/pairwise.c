/* wgamma pairwise FILES... | --stack ARRAY: the matrix of distances of many clouds, with bounds.
 *
 * The library solves the pairs (wg_pairwise); here they are recorded as they come. Whoever lets a
 * computation run overnight and finds it killed expects the same command to go on: so --out has a
 * journal beside it, which is taken up if it is there and removed once the matrix is complete and
 * written; --resume names one that is kept. Memory: all clouds, and 41 bytes an entry. */
#include "pairwise.h"

#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plot/plot.h"

static const char usage[] =
    "usage: wgamma pairwise FILES... [options]\n"
    "       wgamma pairwise --stack ARRAY [options]\n"
    "The spectral Wasserstein distances of all pairs of clouds: a symmetric matrix, with bounds "
    "of\n"
    "W^2 that are proved.\n"
    "  FILES                 two clouds or more, points one a row: .npy, .npz or text\n"
    "  --stack ARRAY         clouds in one array of three dimensions: clouds, points, columns\n"
    "what is computed\n"
    "  --gauge G             default: operator; see wgamma --help\n"
    "  --weights FILE        weights >= 0 with sum one: (points) for all clouds, or a row a cloud\n"
    "  --key K[,KW]          members of every .npz: points, and weights if there are any\n"
    "how far\n"
    "  --tol T               relative gap (upper - lower) / upper to reach; default: 1e-6\n"
    "  --time-limit S        seconds for all pairs; then those that are finished are the answer\n"
    "  --memory-limit BYTES  for all solves together; K, M or G may follow\n"
    "  --threads N           pairs solved at the same time; default: 0, all cores; results do not\n"
    "                        depend on it\n"
    "what is written\n"
    "  --out FILE            .npz with lower, upper (of W^2), w, gap, outcome\n"
    "  --resume FILE         journal of finished pairs; default: the name of --out and .journal\n"
    "  --plot FILE           the matrix as a figure, .pdf, .svg or .png\n"
    "  --json FILE           the report as JSON (-: to standard output, in the place of the text)\n"
    "  --quiet               prints nothing\n"
    "With --out or --resume every finished pair is at once on the disk. After a kill or Ctrl-C "
    "the\n"
    "same command goes on; nothing is computed twice. The journal beside --out is removed when "
    "the\n"
    "matrix is complete, that of --resume is kept.\n"
    "Exit status: 0 all certified, 1 pairs are missing, or their gap is larger than asked, 2 "
    "usage,\n"
    "3 unusable file, 4 memory, 5 internal error.\n";

/* ---- the command line ---- */

static int read_command_line(int argc, char **argv, wg_pairwise_request *asked) {
  wg_settings *settings = &asked->settings;
  const wg_cli_option options[] = {
      {"stack", 0, WG_CLI_TEXT, &asked->stack},
      {"gauge", 0, WG_CLI_TEXT, &asked->gauge},
      {"weights", 0, WG_CLI_TEXT, &asked->weights},
      {"key", 'k', WG_CLI_TEXT, &asked->key},
      {"tol", 0, WG_CLI_POSITIVE, &settings->tol},
      {"time-limit", 0, WG_CLI_POSITIVE, &settings->time_limit},
      {"memory-limit", 0, WG_CLI_BYTES, &settings->memory_limit},
      {"threads", 0, WG_CLI_THREADS, &settings->threads},
      {"out", 'o', WG_CLI_TEXT, &asked->out},
      {"resume", 0, WG_CLI_TEXT, &asked->resume},
      {"plot", 0, WG_CLI_TEXT, &asked->plot},
      {"json", 'j', WG_CLI_TEXT, &asked->json},
      {"quiet", 'q', WG_CLI_FLAG, &asked->quiet},
  };
  return wg_cli_read_options("pairwise", argc, argv, sizeof options / sizeof *options, options,
                             &asked->help);
}

static int read_cloud_names(int argc, char **argv, wg_pairwise_request *asked) {
  asked->files = argc - optind;
  asked->names = argv + optind;
  if (asked->stack && asked->files > 0)
    return wg_cli_usage("pairwise", "--stack and files (%s) both give clouds; keep one",
                        asked->names[0]);
  if (!asked->stack && asked->files < 2)
    return wg_cli_usage("pairwise", "two clouds or more are wanted, got %d", (int)asked->files);
  for (int64_t i = 0; i < asked->files; i++) {
    if (!asked->names[i][0])
      return wg_cli_usage("pairwise", "a cloud has an empty name; give a file");
    for (int64_t j = 0; j < i; j++)
      if (!strcmp(asked->names[i], asked->names[j]))
        return wg_cli_usage("pairwise", "%s is given twice; name each cloud once", asked->names[i]);
  }
  return WG_EXIT_OK;
}

/* ---- outputs ---- */

/* Beside a matrix that goes to a file. */
static int name_journal(wg_mem *mem, wg_pairwise_request *asked) {
  static const char ending[] = ".journal";
  struct stat about;
  asked->journal = asked->resume;
  if (asked->resume || !asked->out || !strcmp(asked->out, "-")) return WG_OK;
  if (stat(asked->out, &about) == 0 && !S_ISREG(about.st_mode)) return WG_OK;
  const size_t length = strlen(asked->out);
  char *name = WG_NEW(mem, char, length + sizeof ending);
  if (!name) return wg_no_memory();
  memcpy(name, asked->out, length);
  memcpy(name + length, ending, sizeof ending);
  asked->journal = name;
  return WG_OK;
}

static int check_paths(wg_mem *mem, const wg_pairwise_request *asked) {
  const wg_cli_path outputs[] = {
      {"--out", asked->out},
      {asked->resume ? "--resume" : "the journal of --out", asked->journal},
      {"--plot", asked->plot},
      {"--json", asked->json}};
  wg_cli_path *inputs = WG_NEW(mem, wg_cli_path, asked->files + 2);
  if (!inputs) return wg_no_memory();
  for (int64_t k = 0; k < asked->files; k++)
    inputs[k] = (wg_cli_path){asked->names[k], asked->names[k]};
  inputs[asked->files] = (wg_cli_path){"--stack", asked->stack};
  inputs[asked->files + 1] = (wg_cli_path){"--weights", asked->weights};
  return wg_cli_check_paths(sizeof outputs / sizeof *outputs, outputs, (int)asked->files + 2,
                            inputs);
}

static int check_request(wg_mem *mem, wg_pairwise_request *asked) {
  if (asked->resume && !strcmp(asked->resume, "-"))
    return wg_fail(WG_ERR_ARGUMENT, "--resume needs a file that stays, not standard output");
  WG_TRY(wg_cli_check_gauge("--gauge", asked->gauge));
  WG_TRY(name_journal(mem, asked));
  if (asked->plot) WG_TRY(wg_plot_check_path(asked->plot));
  return check_paths(mem, asked);
}

/* ---- the work ---- */

/* Nothing is known but the diagonal. */
static int make_matrices(wg_mem *mem, wg_pairwise_result *found) {
  const int64_t count = found->clouds->count, entries = count * count;
  double **const matrices[] = {&found->lower, &found->upper, &found->gap, &found->w};
  for (size_t k = 0; k < sizeof matrices / sizeof *matrices; k++) {
    if (!(*matrices[k] = WG_NEW(mem, double, entries))) return wg_no_memory();
    for (int64_t e = 0; e < entries; e++) (*matrices[k])[e] = e % (count + 1) == 0 ? 0.0 : NAN;
  }
  found->outcome = WG_NEW(mem, int64_t, entries);
  found->known = WG_NEW(mem, unsigned char, entries);
  if (!found->outcome || !found->known) return wg_no_memory();
  for (int64_t e = 0; e < entries; e++)
    found->outcome[e] = e % (count + 1) == 0 ? WG_CERTIFIED : -1;
  found->pairs = count * (count - 1) / 2;
  return WG_OK;
}

/* Any thread calls this, one at a time; the sentence of a failure belongs to that thread. */
static int take_pair(const wg_pair *pair, void *data) {
  wg_pairwise_result *found = data;
  wg_pairwise_enter(found, pair);
  const int status = wg_pairwise_record(found->journal, pair);
  if (status < 0 && found->journal_status >= 0) {
    found->journal_status = status;
    snprintf(found->journal_detail, sizeof found->journal_detail, "%s", wg_error_detail());
  }
  return status < 0;
}

/* Of the pairs of this run and of those before it. */
static int total_outcome(const wg_pairwise_result *found, int64_t count) {
  int64_t worst = WG_CERTIFIED;
  if (found->finished < found->pairs) return found->info.outcome;
  for (int64_t e = 0; e < count * count; e++) worst = WG_MAX(worst, found->outcome[e]);
  return (int)worst;
}

static int solve(const wg_pairwise_request *asked, const wg_pairwise_clouds *clouds,
                 wg_pairwise_result *found) {
  found->info.struct_size = sizeof found->info;
  WG_TRY(wg_pairwise(clouds->count, clouds->d, clouds->each, found->gauge, &asked->settings,
                     found->known, take_pair, found, &found->info));
  found->total_outcome = total_outcome(found, clouds->count);
  return WG_OK;
}

static int prepare(wg_mem *mem, const wg_pairwise_request *asked, wg_pairwise_clouds *clouds,
                   wg_pairwise_result *found) {
  int status = wg_pairwise_read(mem, asked, clouds);
  if (status < 0) return wg_cli_refuse("pairwise", status);
  const char *first = asked->stack ? asked->stack : asked->names[0];
  int exit_status = wg_cli_fit_gauge("--gauge", asked->gauge, clouds->d, first, clouds->shape);
  if (exit_status != WG_EXIT_OK) return exit_status;
  found->clouds = clouds;
  status = wg_gauge_canonical(asked->gauge, clouds->d, found->gauge, sizeof found->gauge);
  if (status == WG_OK) status = make_matrices(mem, found);
  if (status == WG_OK) status = wg_pairwise_resume(mem, asked, found);
  return status < 0 ? wg_cli_refuse("pairwise", status) : WG_EXIT_OK;
}

/* The journal has served once everything is computed and written. */
static int deliver(const wg_pairwise_request *asked, const wg_pairwise_result *found) {
  if (wg_cli_wants_text(asked->quiet, asked->json) && !(asked->out && !strcmp(asked->out, "-")))
    wg_pairwise_print(asked, found);
  int exit_status = wg_pairwise_write(asked, found);
  if (found->journal_status < 0) {
    fprintf(stderr, "wgamma: %s\n", found->journal_detail);
    return wg_cli_exit(found->journal_status);
  }
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (asked->journal && !asked->resume && found->finished == found->pairs) unlink(asked->journal);
  return found->total_outcome == WG_CERTIFIED ? WG_EXIT_OK : WG_EXIT_OPEN;
}

static int run(wg_pairwise_request *asked, wg_mem *mem, wg_pairwise_result *found) {
  wg_pairwise_clouds clouds = {0};
  wg_cli_watcher watcher;
  int status = check_request(mem, asked);
  if (status < 0) return wg_cli_refuse("pairwise", status);
  wg_cli_watch(&watcher, asked->quiet, &asked->settings);
  int exit_status = prepare(mem, asked, &clouds, found);
  if (exit_status != WG_EXIT_OK) return exit_status;
  wg_cli_watch_begin();
  status = solve(asked, &clouds, found);
  wg_cli_watch_end(&watcher);
  found->peak_bytes = (int64_t)mem->ledger->peak + found->info.peak_bytes;
  return status < 0 ? wg_cli_refuse("pairwise", status) : deliver(asked, found);
}

int wg_cli_pairwise(int argc, char **argv) {
  wg_pairwise_request asked = {.gauge = "operator"};
  wg_settings_init(&asked.settings);
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status == WG_EXIT_OK && asked.help) return fputs(usage, stdout), WG_EXIT_OK;
  if (exit_status == WG_EXIT_OK) exit_status = read_cloud_names(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  wg_ledger ledger = {.limit = (size_t)asked.settings.memory_limit};
  wg_mem mem = wg_mem_of(&ledger);
  wg_pairwise_result found = {.clouds = NULL};
  exit_status = run(&asked, &mem, &found);
  wg_io_journal_close(found.journal);
  wg_mem_clear(&mem);
  return exit_status;
}
