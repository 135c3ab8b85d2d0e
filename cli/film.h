/* Films (film.c). */
#ifndef WG_CLI_FILM_H
#define WG_CLI_FILM_H

#include "cli.h"
#include "plot/plot.h"

/* Before the run: path ends like a film, and ffmpeg is there. */
int wg_film_check(const char *path);
/* exact: a picture of each place kept; else 150 over the time of the run. */
int wg_film_of_run(const char *path, const wg_plot_run *shown, bool exact);
/* 150 pictures. */
int wg_film_of_densities(const char *path, const wg_plot_grid *shown);

#endif
