/* wgamma muon-step PARAMS GRADS --out NEW: one step of Muon on archives of parameters (theory 2).
 *
 * For trainers in other languages, and to look at a step: PARAMS and GRADS are read, NEW and the
 * state are written, each under its name when it is complete, NEW first. So a run that is killed in
 * between has its old parameters and its old state, and is made again with the same result. */
#include "muon.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: wgamma muon-step PARAMS GRADS --out NEW [options]\n"
    "One step of Muon: every matrix W moves by -rate * scale * D, D the descent direction of its\n"
    "momentum (for operator: U W', singular values one); what is no matrix by AdamW or SGD.\n"
    "  PARAMS, GRADS       .npz archives with the same names and shapes; float32 stays float32,\n"
    "                      all else is float64\n"
    "  --out NEW           the .npz to write (-: standard output)\n"
    "  --state S           momenta and steps made: read if there, and replaced after the step\n"
    "the step of matrices\n"
    "  --rate R            0.02 unless given\n"
    "  --momentum B        m = B m + (1 - B) g, below 1; 0.95 unless given\n"
    "  --no-nesterov       D is that of m, not of B m + (1 - B) g\n"
    "  --weight-decay L    W is first multiplied by 1 - rate L; 0 unless given\n"
    "  --scale HOW         aspect: sqrt(max(1, n/d)); rms: 0.2 sqrt(max(n, d)); none\n"
    "  --gauge GAUGE       operator unless given: D = -J/N*, of norm one; see wgamma --help\n"
    "  --dual-norm         D = -J, as long as the dual norm\n"
    "  --method M          of operator: auto, exact, muon, newton-schulz, polar-express\n"
    "  --steps N, --tol T  of its polynomial methods; see wgamma polar --help\n"
    "  --check             measures the singular values of polar factors\n"
    "who is a matrix; PATTERNS have * and ? and commas between\n"
    "  --matrix, --adamw, --sgd PATTERNS   parameters with these names\n"
    "  --exclude PATTERNS  not matrices, whatever their shape, in the place of\n"
    "                      *embed*,*wte*,*wpe*,*lm_head*,head,head.*,*.head,*.head.*\n"
    "  --axes PATTERN=AXES,...             a letter an axis: r rows, c columns, b matrices of\n"
    "                      their own; rc, rcc, ... unless given: rows are the first axis\n"
    "  --row-blocks, --column-blocks PATTERN=N or PATTERN=SIZE+SIZE+...   blocks with directions\n"
    "                      of their own: fused query, key and value; heads\n"
    "the others\n"
    "  --fallback RULE     adamw (unless given) or sgd\n"
    "  --fallback-rate R, --fallback-decay L   3e-4 and 0 unless given\n"
    "  --beta1 B, --beta2 B, --epsilon E       of AdamW; 0.9, 0.95, 1e-8 unless given\n"
    "  --threads N         0: all cores\n"
    "  --json FILE         writes a report (-: to standard output, in the place of the text)\n"
    "  --quiet             prints nothing\n"
    "Exit status: 0 made, 1 --tol is not reached, 2 usage, 3 unusable file, 4 memory,\n"
    "5 internal error.\n";

static const char *const scales[] = {"none", "rms", "aspect"}; /* a wg_muon_scale */
static const char *const fallbacks[] = {"adamw", "sgd"};

/* ---- the step ---- */

static int check_files(const wg_muon_request *asked) {
  const wg_cli_path outputs[] = {
      {"--out", asked->out}, {"--state", asked->state}, {"--json", asked->json}};
  const wg_cli_path inputs[] = {{"PARAMS", asked->params}, {"GRADS", asked->grads}};
  return wg_cli_check_paths(3, outputs, 2, inputs);
}

/* A state that is not there yet is that of a new optimiser. */
static int load_state(wg_mem *mem, const char *path, wg_muon *muon) {
  struct stat about;
  char text[WG_CLI_SENTENCE];
  wg_io_bytes bytes;
  if (!path || (stat(path, &about) < 0 && errno == ENOENT)) return WG_OK;
  WG_TRY(wg_io_load(mem, path, &bytes));
  int status = wg_muon_load(muon, bytes.data, (int64_t)bytes.size);
  wg_drop(mem, (void *)bytes.data);
  if (status != WG_ERR_INPUT) return status;
  snprintf(text, sizeof text, "%s", wg_error_detail());
  return wg_fail(status, "%.400s: %.600s", path, text);
}

static int save_state(wg_mem *mem, const char *path, const wg_muon *muon) {
  if (!path) return WG_OK;
  int64_t size = wg_muon_state_bytes(muon);
  unsigned char *bytes = WG_NEW(mem, unsigned char, size);
  if (!bytes) return wg_no_memory();
  WG_TRY(wg_muon_save(muon, bytes, size));
  return wg_io_write_bytes(path, bytes, (size_t)size);
}

static int write_parameters(wg_mem *mem, const char *path, const wg_muon_pack *pack) {
  wg_io_member *members = WG_NEW(mem, wg_io_member, pack->count);
  if (!members) return wg_no_memory();
  for (int64_t k = 0; k < pack->count; k++) {
    const wg_muon_parameter *p = &pack->parameters[k];
    members[k] = (wg_io_member){.name = p->name,
                                .dtype = p->single ? "<f4" : "<f8",
                                .ndim = p->ndim,
                                .data = pack->values[k]};
    memcpy(members[k].shape, p->shape, sizeof members[k].shape);
  }
  return wg_io_write_npz(path, (int)pack->count, members);
}

static int make_step(wg_mem *mem, const wg_muon_request *asked, wg_muon_result *found) {
  wg_muon_pack *pack = &found->pack;
  WG_TRY(wg_cli_check_gauge("--gauge", asked->gauge));
  WG_TRY(wg_gauge_canonical(asked->gauge, 0, found->gauge, sizeof found->gauge));
  WG_TRY(check_files(asked));
  WG_TRY(wg_muon_read(mem, asked, pack));
  WG_TRY(wg_muon_setup(&found->muon, pack->count, pack->parameters, &asked->settings));
  WG_TRY(load_state(mem, asked->state, found->muon));
  WG_TRY(wg_muon_step(found->muon, pack->values, pack->gradients, &found->report));
  WG_TRY(write_parameters(mem, asked->out, pack));
  WG_TRY(save_state(mem, asked->state, found->muon));
  found->peak_bytes = (int64_t)mem->ledger->peak + found->report.peak_bytes;
  double tol = asked->settings.polar.tol;
  found->reached = !(tol > 0 && found->report.estimate > tol);
  return WG_OK;
}

/* ---- the command ---- */

static int fill_settings(wg_muon_request *asked) {
  wg_muon_settings *s = &asked->settings;
  if (asked->scale) s->scale = wg_cli_find_word(asked->scale, 3, scales);
  int fallback = wg_cli_find_word(asked->fallback, 2, fallbacks);
  s->polar.method = wg_cli_find_word(asked->method, WG_CLI_METHODS, wg_cli_methods);
  if (s->scale < 0)
    return wg_cli_usage("muon-step", "--scale %s is none of none, rms, aspect", asked->scale);
  if (fallback < 0)
    return wg_cli_usage("muon-step", "--fallback %s is none of adamw, sgd", asked->fallback);
  if (s->polar.method < 0)
    return wg_cli_usage("muon-step",
                        "--method %s is none of auto, exact, muon, newton-schulz, "
                        "polar-express",
                        asked->method);
  if (asked->steps > 1000) return wg_cli_usage("muon-step", "--steps is at most 1000");
  if (s->polar.tol >= 1) return wg_cli_usage("muon-step", "--tol is below 1");
  s->fallback = fallback == 0 ? WG_MUON_ADAMW : WG_MUON_SGD;
  s->gauge = asked->gauge;
  s->nesterov = !asked->plain;
  s->dual_norm = asked->dual_norm;
  s->polar.steps = (int)asked->steps;
  s->polar.check = asked->check;
  return WG_EXIT_OK;
}

static int check_arguments(int argc, char **argv, wg_muon_request *asked) {
  if (argc - optind != 2)
    return wg_cli_usage("muon-step", "PARAMS and GRADS are wanted, got %d", argc - optind);
  if (!asked->out) return wg_cli_usage("muon-step", "--out NEW is missing");
  if (asked->state && !strcmp(asked->state, "-"))
    return wg_cli_usage("muon-step", "--state is a file, not a stream");
  asked->params = argv[optind];
  asked->grads = argv[optind + 1];
  if (!strcmp(asked->params, "-") && !strcmp(asked->grads, "-"))
    return wg_cli_usage("muon-step", "only one of PARAMS and GRADS can be standard input");
  return fill_settings(asked);
}

static int read_command_line(int argc, char **argv, wg_muon_request *asked) {
  wg_muon_settings *s = &asked->settings;
  const wg_cli_option known[] = {{"out", 'o', WG_CLI_TEXT, &asked->out},
                                 {"state", 's', WG_CLI_TEXT, &asked->state},
                                 {"rate", 'r', WG_CLI_POSITIVE, &s->rate},
                                 {"momentum", 0, WG_CLI_SHARE, &s->momentum},
                                 {"no-nesterov", 0, WG_CLI_FLAG, &asked->plain},
                                 {"weight-decay", 0, WG_CLI_AMOUNT, &s->weight_decay},
                                 {"scale", 0, WG_CLI_TEXT, &asked->scale},
                                 {"gauge", 'g', WG_CLI_TEXT, &asked->gauge},
                                 {"method", 'm', WG_CLI_TEXT, &asked->method},
                                 {"steps", 0, WG_CLI_COUNT, &asked->steps},
                                 {"tol", 0, WG_CLI_POSITIVE, &s->polar.tol},
                                 {"check", 0, WG_CLI_FLAG, &asked->check},
                                 {"matrix", 0, WG_CLI_TEXT, &asked->matrix},
                                 {"adamw", 0, WG_CLI_TEXT, &asked->adamw},
                                 {"sgd", 0, WG_CLI_TEXT, &asked->sgd},
                                 {"exclude", 0, WG_CLI_TEXT, &s->excluded},
                                 {"axes", 0, WG_CLI_TEXT, &asked->axes},
                                 {"row-blocks", 0, WG_CLI_TEXT, &asked->row_blocks},
                                 {"column-blocks", 0, WG_CLI_TEXT, &asked->column_blocks},
                                 {"fallback", 0, WG_CLI_TEXT, &asked->fallback},
                                 {"fallback-rate", 0, WG_CLI_POSITIVE, &s->fallback_rate},
                                 {"fallback-decay", 0, WG_CLI_AMOUNT, &s->fallback_decay},
                                 {"beta1", 0, WG_CLI_SHARE, &s->beta1},
                                 {"beta2", 0, WG_CLI_SHARE, &s->beta2},
                                 {"epsilon", 0, WG_CLI_AMOUNT, &s->epsilon},
                                 {"threads", 't', WG_CLI_THREADS, &s->polar.threads},
                                 {"json", 'j', WG_CLI_TEXT, &asked->json},
                                 {"quiet", 'q', WG_CLI_FLAG, &asked->quiet},
                                 {"dual-norm", 0, WG_CLI_FLAG, &asked->dual_norm}};
  int exit_status = wg_cli_read_options("muon-step", argc, argv, sizeof known / sizeof *known,
                                        known, &asked->help);
  if (exit_status != WG_EXIT_OK || asked->help) return exit_status;
  return check_arguments(argc, argv, asked);
}

static int run(const wg_muon_request *asked) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  wg_muon_result found = {.muon = NULL};
  int status = make_step(&mem, asked, &found);
  int exit_status = status < 0      ? wg_cli_refuse("muon-step", status)
                    : found.reached ? WG_EXIT_OK
                                    : WG_EXIT_OPEN;
  if (status == WG_OK) {
    bool taken = !strcmp(asked->out, "-");
    if (wg_cli_wants_text(asked->quiet || taken, asked->json)) wg_muon_print(asked, &found);
    if (asked->json) status = wg_muon_write_json(asked, &found);
    if (status < 0) exit_status = wg_cli_error(status);
  }
  wg_muon_free(found.muon);
  wg_mem_clear(&mem);
  return exit_status;
}

int wg_cli_muon_step(int argc, char **argv) {
  wg_muon_request asked = {.gauge = "operator"};
  wg_muon_settings_init(&asked.settings);
  int exit_status = read_command_line(argc, argv, &asked);
  if (exit_status != WG_EXIT_OK) return exit_status;
  if (!asked.help) return run(&asked);
  fputs(usage, stdout);
  return WG_EXIT_OK;
}
