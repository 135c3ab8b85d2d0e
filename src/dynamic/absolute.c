/* |V| of many small symmetric matrices at once, by Jacobi rotations.
 *
 * The splitting needs positive and negative parts of a (d+1) x (d+1) matrix in every cell of
 * space-time: |V| gives both. WG_LANES matrices stand side by side, so that each operation of the
 * cyclic Jacobi method is a vector operation; rotations are branch-free and a fixed number of
 * sweeps replaces a test of convergence (which is quadratic: one sweep for 2 x 2 is exact, four for
 * 3 x 3 and five for 4 x 4 reach rounding or nearly so; |V| is then within rounding of the square
 * root for the matrix that was diagonalised). Closed formulas for eigenvalues of 3 x 3 matrices
 * would lose half the digits where eigenvalues meet, which is what happens at the solution.
 *
 * Cost about 20 (d+1)^3 flops a sweep and matrix; memory on the stack. */
#include "dynamic/parts.h"

enum { SIDE = WG_DYNAMIC_MAX_D + 1 };

typedef double lane[WG_LANES];

#define INLINE static inline __attribute__((always_inline))

/* Cosine and sine that annul the entry beside. */
INLINE void find_rotation(const lane first, const lane beside, const lane second, lane cosine,
                          lane sine) {
  const double tiny = 1e-300;
#pragma omp simd
  for (int i = 0; i < WG_LANES; i++) {
    const double half = 0.5 * (second[i] - first[i]);
    const double root = sqrt(half * half + beside[i] * beside[i]);
    const double tangent = beside[i] / (half + copysign(root + tiny, half));
    cosine[i] = 1.0 / sqrt(1.0 + tangent * tangent);
    sine[i] = tangent * cosine[i];
  }
}

INLINE void rotate_pair(lane x, lane y, const lane cosine, const lane sine) {
#pragma omp simd
  for (int i = 0; i < WG_LANES; i++) {
    const double old = x[i];
    x[i] = cosine[i] * old - sine[i] * y[i];
    y[i] = sine[i] * old + cosine[i] * y[i];
  }
}

/* m = J' m J in full storage, vectors = vectors J. */
INLINE void rotate(int side, int p, int q, lane m[SIDE][SIDE], lane vectors[SIDE][SIDE]) {
  lane cosine, sine;
  find_rotation(m[p][p], m[p][q], m[q][q], cosine, sine);
  for (int k = 0; k < side; k++) rotate_pair(m[k][p], m[k][q], cosine, sine);
  for (int k = 0; k < side; k++) rotate_pair(m[p][k], m[q][k], cosine, sine);
  for (int k = 0; k < side; k++) rotate_pair(vectors[k][p], vectors[k][q], cosine, sine);
}

/* absolute = sum |values_k| v_k v_k'. */
INLINE void write_absolute(int side, lane m[SIDE][SIDE], lane vectors[SIDE][SIDE],
                           double *absolute) {
  for (int r = 0; r < side; r++)
    for (int s = 0; s <= r; s++) {
      double *out = absolute + wg_entry(r, s) * WG_LANES;
#pragma omp simd
      for (int i = 0; i < WG_LANES; i++) {
        double sum = 0.0;
        for (int k = 0; k < side; k++)
          sum += fabs(m[k][k][i]) * vectors[r][k][i] * vectors[s][k][i];
        out[i] = sum;
      }
    }
}

INLINE void absolute_of(int side, int sweeps, int64_t count, const double *v, int64_t stride,
                        double *absolute) {
  lane m[SIDE][SIDE], vectors[SIDE][SIDE];
  for (int r = 0; r < side; r++)
    for (int s = 0; s < side; s++) {
      const double *in = v + wg_entry(WG_MAX(r, s), WG_MIN(r, s)) * stride;
      for (int i = 0; i < WG_LANES; i++) m[r][s][i] = i < count ? in[i] : 0.0;
      for (int i = 0; i < WG_LANES; i++) vectors[r][s][i] = r == s ? 1.0 : 0.0;
    }
  for (int sweep = 0; sweep < sweeps; sweep++)
    for (int p = 0; p < side; p++)
      for (int q = p + 1; q < side; q++) rotate(side, p, q, m, vectors);
  write_absolute(side, m, vectors, absolute);
}

/* One copy for each size, so that the loops over entries unroll. */
WG_MULTIVERSION static void absolute_two(int64_t count, const double *v, int64_t stride,
                                         double *absolute) {
  absolute_of(2, 1, count, v, stride, absolute);
}
WG_MULTIVERSION static void absolute_three(int64_t count, const double *v, int64_t stride,
                                           double *absolute) {
  absolute_of(3, 4, count, v, stride, absolute);
}
WG_MULTIVERSION static void absolute_four(int64_t count, const double *v, int64_t stride,
                                          double *absolute) {
  absolute_of(4, 5, count, v, stride, absolute);
}

void wg_absolute(int64_t d, int64_t count, const double *v, int64_t stride, double *absolute) {
  if (d == 1)
    absolute_two(count, v, stride, absolute);
  else if (d == 2)
    absolute_three(count, v, stride, absolute);
  else
    absolute_four(count, v, stride, absolute);
}
