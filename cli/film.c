/* Films: pictures by src/plot (frames.c, grid.c), made into a GIF, an animated PNG or an MP4 by
 * ffmpeg.
 *
 * Encoders are others' work: ffmpeg writes all three kinds, is in every distribution, and is asked
 * for before the run rather than after it. It is started without a shell, reads the pictures from
 * an unnamed temporary file (no pipe that could break or block) and writes to another, which
 * /dev/fd names and some kinds need to seek in; the bytes then go to their name like every output,
 * whole or not at all. Cost: 20 ms a picture and the encoder; temporary files: 50 KB a picture. */
#include "film.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; /* POSIX leaves its declaration to the program */

enum { PICTURES = 150, SLOW = 5, QUICK = 25, FEW = 60, MOST_WORDS = 32 };

typedef struct kind {
  const char *ending;
  const char *words[6]; /* what the encoder is told, up to NULL */
} kind;
static const kind kinds[] = {
    {".gif", {"-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse", "-f", "gif"}},
    {".png", {"-plays", "0", "-f", "apng"}},
    {".apng", {"-plays", "0", "-f", "apng"}},
    {".mp4", {"-pix_fmt", "yuv420p", "-f", "mp4"}}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const kind *kind_of(const char *path) {
  const char *ending = strrchr(path, '.');
  for (int k = 0; k < KINDS; k++)
    if (ending && !strcasecmp(ending, kinds[k].ending)) return &kinds[k];
  return NULL;
}

/* ---- the program ---- */

/* Runs words[0] with these files as its input and output; *code: its exit status, or -1. */
static int run(const char *const *words, int in, int out, int *code) {
  posix_spawn_file_actions_t actions;
  pid_t child;
  int ended;
  *code = -1;
  if (posix_spawn_file_actions_init(&actions) != 0) return wg_no_memory();
  int trouble = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  if (!trouble) trouble = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  if (!trouble)
    trouble = posix_spawnp(&child, words[0], &actions, NULL, (char *const *)words, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (trouble)
    return wg_fail(WG_ERR_IO,
                   "--animate needs the program ffmpeg, which cannot be started (%s); install it, "
                   "or take --snapshots",
                   strerror(trouble));
  while (waitpid(child, &ended, 0) < 0)
    if (errno != EINTR) return wg_fail(WG_ERR_IO, "ffmpeg was lost: %s", strerror(errno));
  *code = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  return WG_OK;
}

static int no_temporary(void) {
  return wg_fail(WG_ERR_IO, "--animate cannot make a temporary file: %s", strerror(errno));
}

int wg_film_check(const char *path) {
  const char *const words[] = {"ffmpeg", "-version", NULL};
  int code;
  if (!kind_of(path))
    return wg_fail(WG_ERR_ARGUMENT, "--animate %s: a film's name ends in .gif, .png, .apng or .mp4",
                   path);
  FILE *nothing = tmpfile();
  if (!nothing) return no_temporary();
  int status = run(words, fileno(nothing), fileno(nothing), &code);
  fclose(nothing);
  if (status == WG_OK && code != 0)
    return wg_fail(WG_ERR_IO, "--animate needs ffmpeg, but \"ffmpeg -version\" fails (status %d)",
                   code);
  return status;
}

/* ---- the film ---- */

static int encode(const char *path, FILE *pictures, FILE *film, int rate) {
  char pace[16];
  const char *words[MOST_WORDS] = {
      "ffmpeg",        "-hide_banner", "-loglevel", "error",      "-nostdin", "-y",       "-f",
      "image2pipe",    "-c:v",         "png",       "-framerate", pace,       "-i",       "pipe:0",
      "-map_metadata", "-1",           "-fflags",   "+bitexact",  "-flags:v", "+bitexact"};
  int count = 0, code;
  snprintf(pace, sizeof pace, "%d", rate);
  while (words[count]) count++;
  for (const char *const *word = kind_of(path)->words; *word; word++) words[count++] = *word;
  words[count] = "file:/dev/fd/1";
  WG_TRY(run(words, fileno(pictures), fileno(film), &code));
  if (code == 0) return WG_OK;
  return wg_fail(WG_ERR_IO, "%s was not written: ffmpeg failed (status %d)", path, code);
}

/* The bytes of the film to their name. */
static int deliver(const char *path, FILE *film) {
  wg_ledger ledger = {0};
  wg_mem mem = wg_mem_of(&ledger);
  const off_t size = lseek(fileno(film), 0, SEEK_END);
  if (size <= 0) return wg_fail(WG_ERR_IO, "%s was not written: ffmpeg made nothing", path);
  char *bytes = WG_NEW(&mem, char, size);
  if (!bytes) return wg_no_memory();
  rewind(film);
  int status = fread(bytes, 1, (size_t)size, film) == (size_t)size
                   ? wg_io_write_bytes(path, bytes, (size_t)size)
                   : wg_fail(WG_ERR_IO, "%s was not written: %s", path, strerror(errno));
  wg_mem_clear(&mem);
  return status;
}

/* draw writes the pictures of what is shown to a stream. */
static int make_film(const char *path, int rate, int (*draw)(FILE *to, const void *shown),
                     const void *shown) {
  FILE *pictures = tmpfile(), *film = pictures ? tmpfile() : NULL;
  int status = film ? draw(pictures, shown) : no_temporary();
  if (status == WG_OK && (fflush(pictures) != 0 || lseek(fileno(pictures), 0, SEEK_SET) != 0))
    status = wg_fail(WG_ERR_IO, "%s was not written: %s", path, strerror(errno));
  if (status == WG_OK) status = encode(path, pictures, film, rate);
  if (status == WG_OK) status = deliver(path, film);
  if (film) fclose(film);
  if (pictures) fclose(pictures);
  return status;
}

static int draw_places(FILE *to, const void *run) {
  return wg_plot_frames(to, run, true, PICTURES);
}
static int draw_run(FILE *to, const void *run) { return wg_plot_frames(to, run, false, PICTURES); }
static int draw_densities(FILE *to, const void *grid) {
  return wg_plot_density_frames(to, grid, PICTURES);
}

int wg_film_of_run(const char *path, const wg_plot_run *shown, bool exact) {
  const int rate = exact && shown->places <= FEW ? SLOW : QUICK;
  return make_film(path, rate, exact ? draw_places : draw_run, shown);
}

int wg_film_of_densities(const char *path, const wg_plot_grid *shown) {
  return make_film(path, QUICK, draw_densities, shown);
}
