/* gauge: matrix gauges on PSD d x d matrices (theory 1): parser, printer, value, subgradient, dual
 * gauge, feasibility. Other folders reach a gauge only through this page. */
#ifndef WG_GAUGE_H
#define WG_GAUGE_H

#include "base/base.h"

typedef enum wg_gauge_kind { WG_SCHATTEN, WG_KYFAN } wg_gauge_kind;
typedef enum wg_gauge_outer { WG_SINGLE, WG_BLOCK_SUM, WG_BLOCK_MAX } wg_gauge_outer;

/* One spectral gauge on a block of consecutive columns. operator is SCHATTEN with p = INFINITY,
 * trace is SCHATTEN with p = 1. */
typedef struct wg_gauge_block {
  wg_gauge_kind kind;
  double p;      /* Schatten exponent, 1/2 <= p <= INFINITY */
  int64_t k;     /* Ky Fan order                            */
  int64_t start; /* first column (set by bind)              */
  int64_t size;  /* columns; 0 in a single gauge before bind */
  double rate;   /* eta of a block max, 1 elsewhere         */
} wg_gauge_block;

enum { WG_GAUGE_MAX_BLOCKS = 256, WG_GAUGE_TEXT = 8192 };

typedef struct wg_gauge_spec {
  wg_gauge_outer outer;
  int64_t block_count; /* 1 for WG_SINGLE */
  int64_t d;           /* 0 before bind   */
  wg_gauge_block blocks[WG_GAUGE_MAX_BLOCKS];
} wg_gauge_spec;

/* ---- text (parse.c) ---- */
/* Parses the grammar; WG_ERR_ARGUMENT with a sentence naming the piece and the remedy. */
int wg_gauge_parse(const char *text, wg_gauge_spec *spec);
/* Fixes the dimension: k <= d, block sizes sum to d; WG_ERR_INPUT otherwise. */
int wg_gauge_bind(wg_gauge_spec *spec, int64_t d);
/* Canonical text: trace, frobenius, operator, schatten:<shortest p>, kyfan:<k>, blocks likewise, a
 * rate only when it is not 1. Parsing it gives the same spec back, to the bit. */
void wg_gauge_print(const wg_gauge_spec *spec, char text[WG_GAUGE_TEXT]);

/* ---- analysis (gauge.c); all take a bound spec ---- */
bool wg_gauge_is_convex(
    const wg_gauge_spec *spec); /* no block with p < 1 and two or more columns */
/* Schatten with p < 1 on two columns, no blocks: its moments are a convex set in space, and the
 * minimum over them has a proof (theory 3.3). */
bool wg_gauge_is_planar_root(const wg_gauge_spec *spec);
/* gamma_b(S) = tr S for every S: trace, Ky Fan of full order, a single column. */
bool wg_gauge_block_is_trace(const wg_gauge_block *block);
/* The largest convex gauge offered below this one: blocks with p < 1 become trace (gamma_p >= tr
 * for p <= 1). Its dual bounds are lower bounds for the original. */
void wg_gauge_minorant(const wg_gauge_spec *spec, wg_gauge_spec *minorant);
/* max gamma(v v') over |v| = 1: 1, or max 1/rate^2 for a block max. */
double wg_gauge_unit(const wg_gauge_spec *spec);
/* gamma(S), for symmetric s; eigenvalues below zero count as zero. scratch memory from mem. */
int wg_gauge_value(const wg_gauge_spec *spec, const double *s, wg_mem *mem, double *value);
/* An upper bound of gamma(S') over all PSD S' with |S' - s| <= slack in operator norm and
 * |tr - tr| <= slack on each block, rounding of this computation included. For gauges that are
 * tr S on a block the slack counts once, not once per eigenvalue. */
int wg_gauge_upper(const wg_gauge_spec *spec, const double *s, double slack, wg_mem *mem,
                   double *upper);
/* A lower bound of gamma(S') over the same S', trace or not; at least zero. */
int wg_gauge_lower(const wg_gauge_spec *spec, const double *s, double slack, wg_mem *mem,
                   double *lower);
/* A maximiser q (d x d) of <Q, s> over K (for p < 1 the gradient); block-diagonal. On a tied top
 * eigenspace the density is spread evenly over the tie (relative 1e-12). At s = 0: an interior
 * point of K. */
int wg_gauge_subgradient(const wg_gauge_spec *spec, const double *s, wg_mem *mem, double *q);
/* Dual gauge of the PSD part's blocks (off-diagonal blocks ignored); convex specs only. */
int wg_gauge_dual(const wg_gauge_spec *spec, const double *q, wg_mem *mem, double *dual);
/* An upper bound of the dual gauge that holds for every Q' with |Q' - q| <= slack, rounding
 * included. */
int wg_gauge_dual_upper(const wg_gauge_spec *spec, const double *q, double slack, wg_mem *mem,
                        double *dual);
/* Makes q feasible in place: symmetric part, off-diagonal blocks zeroed, PSD part, divided by the
 * dual gauge when that is above one. */
int wg_gauge_feasible(const wg_gauge_spec *spec, double *q, wg_mem *mem);
/* q := the nearest point of K in Frobenius norm (project.c), where K is {I} on trace blocks. */
int wg_gauge_project(const wg_gauge_spec *spec, double *q, wg_mem *mem);
/* Interior point of K, block-diagonal multiple of the identity on each block with dual gauge 1. */
void wg_gauge_center(const wg_gauge_spec *spec, double *q);

/* ---- shared by the files of this folder only ---- */
/* Numbers without regard to the locale (number.c). Reads all of text[0..length) as a decimal number
 * or "inf"; false if it is none. */
bool wg_gauge_read_number(const char *text, int length, double *number);
/* The shortest decimal that reads back to the same double. */
enum { WG_GAUGE_NUMBER = 64 };
void wg_gauge_write_number(double number, char text[WG_GAUGE_NUMBER]);
/* Canonical text into size bytes; returns the length it needs without the final zero. */
size_t wg_gauge_write(const wg_gauge_spec *spec, char *text, size_t size);

/* Eigenvalues of one diagonal block (spectrum.c), scaled so that nothing overflows. */
typedef struct wg_block_spectrum {
  int64_t size;    /* of the block at hand                                           */
  int exponent;    /* the block is 2^exponent times matrix                            */
  double *matrix;  /* size x size, entries at most 2 in absolute value                */
  double *values;  /* of matrix, decreasing, as computed                              */
  double *vectors; /* row i belongs to values[i]                                      */
  double *clipped; /* values with negative ones set to zero; room for callers to edit */
} wg_block_spectrum;
/* Room for the largest block of spec. wg_spectrum_end gives it back. */
int wg_spectrum_begin(const wg_gauge_spec *spec, wg_mem *mem, wg_block_spectrum *spectrum);
void wg_spectrum_end(wg_mem *mem, wg_block_spectrum *spectrum);
/* Diagonalises the symmetric part of a block of s (d x d). The exponent is also large enough for
 * `companion`, a number of the caller that will be added to eigenvalues. */
int wg_spectrum_of(const wg_gauge_spec *spec, const wg_gauge_block *block, const double *s,
                   double companion, wg_block_spectrum *spectrum);
/* The same without vectors, some three times faster in 50 and more dimensions. */
int wg_spectrum_values_of(const wg_gauge_spec *spec, const wg_gauge_block *block, const double *s,
                          double companion, wg_block_spectrum *spectrum);
/* Gauge and dual gauge of a block as functions of non-negative decreasing eigenvalues. */
double wg_gauge_of_values(const wg_gauge_block *block, const double *values);
double wg_gauge_dual_of_values(const wg_gauge_block *block, const double *values);
/* WG_ERR_ARGUMENT when a block has no dual gauge (p < 1). */
int wg_gauge_require_convex(const wg_gauge_spec *spec);

#endif
