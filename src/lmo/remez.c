/* Best odd polynomials for the sign function on an interval: the steps of Polar Express (Amsel,
 * Persson, Musco, Gower 2025), computed here for any interval and degree.
 *
 * x, x^3, ... are a Haar system on positive numbers, so the best approximation of 1 is the one
 * whose error takes its largest size at terms + 1 points with alternating signs. Remez: solve for
 * the polynomial that does so on given points, move the points to the extrema of its error, repeat.
 * The extrema are the ends and the roots of p', which as a polynomial in x^2 has terms - 1 of them.
 * On an interval that is almost a point, the Taylor polynomial of x (x^2)^(-1/2) at 1 is as good as
 * the rounding of the system would allow; it is what Newton-Schulz iterates. Cost: thousands of
 * operations an exchange, some five exchanges. */
#include "lmo/lmo.h"

enum { NODES = WG_MOST_TERMS + 1, GRID = 2048, EXCHANGES = 60 };

static double value_at(int terms, const double *c, double x) {
  double sum = 0.0;
  for (int j = terms - 1; j >= 0; j--) sum = sum * x * x + c[j];
  return sum * x;
}

static double slope_at(int terms, const double *c, double x) {
  double sum = 0.0;
  for (int j = terms - 1; j >= 0; j--) sum = sum * x * x + (2 * j + 1) * c[j];
  return sum;
}

/* Gaussian elimination with row exchanges; the solution takes the place of the last column. */
static void eliminate(int size, double rows[NODES][NODES + 1]) {
  for (int k = 0; k < size; k++) {
    int best = k;
    for (int i = k + 1; i < size; i++)
      if (fabs(rows[i][k]) > fabs(rows[best][k])) best = i;
    for (int j = k; j <= size; j++) {
      double entry = rows[k][j];
      rows[k][j] = rows[best][j];
      rows[best][j] = entry;
    }
    for (int i = 0; i < size; i++) {
      double factor = i == k ? 0.0 : rows[i][k] / rows[k][k];
      for (int j = k; j <= size; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  for (int k = 0; k < size; k++) rows[k][size] /= rows[k][k];
}

/* p with 1 - p(x_i) = (-1)^i e on terms + 1 nodes. */
static void interpolate(int terms, const double *nodes, double *c) {
  double rows[NODES][NODES + 1];
  for (int i = 0; i <= terms; i++) {
    double power = nodes[i];
    for (int j = 0; j < terms; j++, power *= nodes[i] * nodes[i]) rows[i][j] = power;
    rows[i][terms] = i % 2 ? -1.0 : 1.0;
    rows[i][terms + 1] = 1.0;
  }
  eliminate(terms + 1, rows);
  for (int j = 0; j < terms; j++) c[j] = rows[j][terms + 1];
}

static double root_between(int terms, const double *c, double low, double high) {
  bool rising = slope_at(terms, c, low) > 0.0;
  for (int k = 0; k < 60; k++) {
    double middle = 0.5 * (low + high);
    if ((slope_at(terms, c, middle) > 0.0) == rising)
      low = middle;
    else
      high = middle;
  }
  return 0.5 * (low + high);
}

/* Moves the inner nodes to the roots of p'; false when they are not all in the interval yet. */
static bool exchange(int terms, double lower, const double *c, double *nodes) {
  double found[NODES], here = lower, ratio = pow(lower, -1.0 / GRID);
  int count = 0;
  for (int k = 0; k < GRID; k++, here *= ratio) {
    double next = k + 1 == GRID ? 1.0 : here * ratio;
    if ((slope_at(terms, c, here) > 0.0) == (slope_at(terms, c, next) > 0.0)) continue;
    if (count < terms) found[count] = root_between(terms, c, here, next);
    count++;
  }
  if (count != terms - 1) return false;
  for (int k = 0; k < count; k++) nodes[k + 1] = found[k];
  return true;
}

static double largest_error(int terms, const double *c, const double *nodes) {
  double error = 0.0;
  for (int i = 0; i <= terms; i++) error = WG_MAX(error, fabs(1.0 - value_at(terms, c, nodes[i])));
  return error;
}

/* x sum_k binomial(2k, k) / 4^k (1 - x^2)^k, in powers of x. */
static void taylor(int terms, double *c) {
  double weight = 1.0;
  for (int j = 0; j < terms; j++) c[j] = 0.0;
  for (int k = 0; k < terms; k++) {
    double binomial = weight;
    for (int j = 0; j <= k; j++) {
      c[j] += binomial;
      binomial *= -(double)(k - j) / (double)(j + 1);
    }
    weight *= (2.0 * k + 1.0) / (2.0 * k + 2.0);
  }
}

void wg_remez_odd(int terms, double lower, double upper, double *coefficients, double *error) {
  const double point = 1e-5, pi = 3.14159265358979323846;
  double low = lower / upper, nodes[NODES];
  for (int i = 0; i <= terms; i++)
    nodes[i] = 0.5 * (low + 1.0) - 0.5 * (1.0 - low) * cos(pi * i / terms);
  nodes[0] = low;
  nodes[terms] = 1.0;
  if (1.0 - low < point) {
    taylor(terms, coefficients);
  } else {
    double before = INFINITY;
    for (int k = 0; k < EXCHANGES; k++) {
      interpolate(terms, nodes, coefficients);
      double now = largest_error(terms, coefficients, nodes);
      if (!exchange(terms, low, coefficients, nodes) || fabs(now - before) <= 1e-15) break;
      before = now;
    }
  }
  *error = largest_error(terms, coefficients, nodes);
  double power = upper;
  for (int j = 0; j < terms; j++, power *= upper * upper) coefficients[j] /= power;
}
