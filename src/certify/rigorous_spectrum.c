/* Enclosures of the eigenvalues of a symmetric matrix, from approximate eigenvectors that nobody
 * has to vouch for.
 *
 * The theorem. Let V be any square matrix of exact numbers, D any diagonal one, G = V V' and
 * |G - I| <= eta < 1, |S - V' D V| <= eps (norms of operators; Frobenius norms are above them). By
 * Ostrowski's form of Sylvester's law the k-th eigenvalue of V' D V is theta_k D_kk (D decreasing)
 * with theta_k between the extreme eigenvalues of G, so within [1 - eta, 1 + eta]; by Weyl that of
 * S is within eps of it. Both norms are evaluated in ball arithmetic, so the enclosure holds
 * whatever found V. With eta >= 1 the balls are infinite: nothing is claimed.
 *
 * How V is found. LAPACK's eigenvectors in double are a start; Newton's iteration V += (I - V V') V
 * / 2 makes them orthogonal to the working precision; Jacobi rotations of T = V S V', which is
 * already diagonal up to 1e-16, finish in a few sweeps. Clusters of eigenvalues are no special
 * case, and a bad start only costs sweeps.
 *
 * Cost O(size^3) operations a sweep, about 50 ns each at 128 bits; memory some ten matrices.
 * Source: Horn & Johnson, Matrix Analysis, 4.3 and 4.5; Golub & Van Loan, 8.5. */
#include "certify/rigorous.h"
#include "linalg/la.h"

enum { MOST_SWEEPS = 40, MOST_POLISHES = 10, SPARE_BITS = 8 };

/* ---- a start ---- */

/* The power of two that brings s near one. */
static slong scale_of(const arb_mat_t s) {
  mag_t norm;
  mag_init(norm);
  arb_mat_bound_frobenius_norm(norm, s);
  slong exponent = mag_is_special(norm) ? 0 : fmpz_get_si(MAG_EXPREF(norm));
  mag_clear(norm);
  return exponent;
}

static void round_to_double(const arb_mat_t s, double *out) {
  slong size = arb_mat_nrows(s), exponent = scale_of(s);
  arb_t scaled;
  arb_init(scaled);
  for (slong i = 0; i < size * size; i++) {
    arb_mul_2exp_si(scaled, arb_mat_entry(s, i / size, i % size), -exponent);
    out[i] = arf_get_d(arb_midref(scaled), ARF_RND_NEAR);
  }
  arb_clear(scaled);
}

static int start_vectors(wg_mem *mem, const arb_mat_t s, arb_mat_t vectors) {
  slong size = arb_mat_nrows(s);
  double *matrix = WG_NEW(mem, double, 2 * size * size + size);
  if (!matrix) return wg_no_memory();
  double *found = matrix + size * size, *values = found + size * size;
  round_to_double(s, matrix);
  int status = wg_la_eigh(size, matrix, values, found);
  for (slong i = 0; status == WG_OK && i < size * size; i++)
    arb_set_d(arb_mat_entry(vectors, i / size, i % size), found[i]);
  wg_drop(mem, matrix);
  return status;
}

/* out = V V' - I; enclosed, or its midpoint only. */
static void find_skew(arb_mat_t out, const arb_mat_t vectors, bool enclosed, slong bits) {
  slong size = arb_mat_nrows(vectors);
  arb_mat_t turned;
  arb_mat_init(turned, size, size);
  arb_mat_transpose(turned, vectors);
  if (enclosed)
    arb_mat_mul(out, vectors, turned, bits);
  else
    arb_mat_approx_mul(out, vectors, turned, bits);
  for (slong i = 0; i < size; i++)
    arb_sub_si(arb_mat_entry(out, i, i), arb_mat_entry(out, i, i), 1, bits);
  arb_mat_clear(turned);
}

static void keep_midpoints(arb_mat_t matrix) { arb_mat_get_mid(matrix, matrix); }

/* Newton's iteration to the working precision; stops where it does not converge. */
static void make_orthogonal(arb_mat_t vectors, slong bits) {
  slong size = arb_mat_nrows(vectors);
  arb_mat_t skew, step;
  mag_t norm;
  arb_mat_init(skew, size, size);
  arb_mat_init(step, size, size);
  mag_init(norm);
  for (int round = 0; round < MOST_POLISHES; round++) {
    find_skew(skew, vectors, false, bits);
    keep_midpoints(skew);
    arb_mat_bound_frobenius_norm(norm, skew);
    if (mag_cmp_2exp_si(norm, SPARE_BITS - bits) <= 0 || mag_cmp_2exp_si(norm, 0) >= 0) break;
    arb_mat_approx_mul(step, skew, vectors, bits);
    arb_mat_scalar_mul_2exp_si(step, step, -1);
    arb_mat_sub(vectors, vectors, step, bits);
    keep_midpoints(vectors);
  }
  arb_mat_clear(skew);
  arb_mat_clear(step);
  mag_clear(norm);
}

/* ---- Jacobi ---- */

typedef struct rotation {
  arb_t cosine, sine;
  arf_t kept, crossed; /* room */
} rotation;

/* The rotation that makes the entry (p, q) zero; midpoints only. */
static void find_rotation(const arb_mat_t t, slong p, slong q, slong bits, rotation *r) {
  arb_t ratio, root;
  arb_init(ratio);
  arb_init(root);
  arb_sub(ratio, arb_mat_entry(t, q, q), arb_mat_entry(t, p, p), bits);
  arb_div(ratio, ratio, arb_mat_entry(t, p, q), bits);
  arb_mul_2exp_si(ratio, ratio, -1);
  arb_get_mid_arb(ratio, ratio);
  bool negative = arf_sgn(arb_midref(ratio)) < 0;
  arb_abs(ratio, ratio);
  arb_sqr(root, ratio, bits);
  arb_add_si(root, root, 1, bits);
  arb_sqrt(root, root, bits);
  arb_add(root, root, ratio, bits);
  arb_inv(root, root, bits); /* the tangent */
  if (negative) arb_neg(root, root);
  arb_get_mid_arb(root, root);
  arb_sqr(ratio, root, bits);
  arb_add_si(ratio, ratio, 1, bits);
  arb_rsqrt(r->cosine, ratio, bits);
  arb_mul(r->sine, root, r->cosine, bits);
  arb_get_mid_arb(r->cosine, r->cosine);
  arb_get_mid_arb(r->sine, r->sine);
  arb_clear(ratio);
  arb_clear(root);
}

/* (x, y) = (c x - s y, s x + c y) */
static void rotate(arb_t x, arb_t y, slong bits, rotation *r) {
  arf_mul(r->kept, arb_midref(r->cosine), arb_midref(x), bits, ARF_RND_NEAR);
  arf_submul(r->kept, arb_midref(r->sine), arb_midref(y), bits, ARF_RND_NEAR);
  arf_mul(r->crossed, arb_midref(r->sine), arb_midref(x), bits, ARF_RND_NEAR);
  arf_addmul(r->crossed, arb_midref(r->cosine), arb_midref(y), bits, ARF_RND_NEAR);
  arf_swap(arb_midref(x), r->kept);
  arf_swap(arb_midref(y), r->crossed);
}

/* One visit of every pair; false if nothing was left to rotate. */
static bool sweep(arb_mat_t t, arb_mat_t vectors, const mag_t negligible, slong bits, rotation *r) {
  slong size = arb_mat_nrows(t);
  bool rotated = false;
  for (slong p = 0; p < size; p++) {
    for (slong q = p + 1; q < size; q++) {
      if (arf_cmpabs_mag(arb_midref(arb_mat_entry(t, p, q)), negligible) <= 0) continue;
      rotated = true;
      find_rotation(t, p, q, bits, r);
      for (slong k = 0; k < size; k++) {
        rotate(arb_mat_entry(t, p, k), arb_mat_entry(t, q, k), bits, r);
        rotate(arb_mat_entry(vectors, p, k), arb_mat_entry(vectors, q, k), bits, r);
      }
      for (slong k = 0; k < size; k++)
        rotate(arb_mat_entry(t, k, p), arb_mat_entry(t, k, q), bits, r);
    }
  }
  return rotated;
}

/* Diagonalises t (exact numbers), turning the rows of vectors along. */
static void diagonalise(arb_mat_t t, arb_mat_t vectors, slong bits) {
  rotation r;
  mag_t negligible;
  mag_init(negligible);
  arb_init(r.cosine);
  arb_init(r.sine);
  arf_init(r.kept);
  arf_init(r.crossed);
  arb_mat_bound_frobenius_norm(negligible, t);
  mag_mul_2exp_si(negligible, negligible, SPARE_BITS - bits);
  for (int round = 0; round < MOST_SWEEPS; round++)
    if (!sweep(t, vectors, negligible, bits, &r)) break;
  mag_clear(negligible);
  arb_clear(r.cosine);
  arb_clear(r.sine);
  arf_clear(r.kept);
  arf_clear(r.crossed);
}

/* Rows by decreasing value. */
static void sort_rows(wg_ball_spectrum *spectrum) {
  slong size = arb_mat_nrows(spectrum->vectors);
  for (slong i = 1; i < size; i++) {
    for (slong j = i; j > 0; j--) {
      arb_ptr here = spectrum->values + j, above = here - 1;
      if (arf_cmp(arb_midref(here), arb_midref(above)) <= 0) break;
      arb_swap(here, above);
      arb_mat_swap_rows(spectrum->vectors, NULL, j, j - 1);
    }
  }
}

/* V and D; nothing is proved yet. */
static int approximate(wg_mem *mem, const arb_mat_t s, slong bits, wg_ball_spectrum *spectrum) {
  slong size = arb_mat_nrows(s);
  arb_mat_t t, turned;
  WG_TRY(start_vectors(mem, s, spectrum->vectors));
  make_orthogonal(spectrum->vectors, bits);
  arb_mat_init(t, size, size);
  arb_mat_init(turned, size, size);
  arb_mat_transpose(turned, spectrum->vectors);
  arb_mat_approx_mul(t, s, turned, bits);
  keep_midpoints(t);
  arb_mat_approx_mul(t, spectrum->vectors, t, bits);
  keep_midpoints(t);
  diagonalise(t, spectrum->vectors, bits);
  for (slong i = 0; i < size; i++) arb_get_mid_arb(spectrum->values + i, arb_mat_entry(t, i, i));
  sort_rows(spectrum);
  arb_mat_clear(t);
  arb_mat_clear(turned);
  return WG_OK;
}

/* ---- the proof ---- */

/* residual >= |S - V' D V| */
static void find_residual(const arb_mat_t s, slong bits, wg_ball_spectrum *spectrum) {
  slong size = arb_mat_nrows(s);
  arb_mat_t scaled, product;
  arb_mat_init(scaled, size, size);
  arb_mat_init(product, size, size);
  for (slong i = 0; i < size; i++)
    _arb_vec_scalar_mul(arb_mat_entry(scaled, i, 0), arb_mat_entry(spectrum->vectors, i, 0), size,
                        spectrum->values + i, bits);
  arb_mat_transpose(product, spectrum->vectors);
  arb_mat_mul(product, product, scaled, bits);
  arb_mat_sub(product, s, product, bits);
  arb_mat_bound_frobenius_norm(spectrum->residual, product);
  arb_mat_clear(scaled);
  arb_mat_clear(product);
}

/* The radii of the values. */
static void enclose_values(slong bits, wg_ball_spectrum *spectrum) {
  slong size = arb_mat_nrows(spectrum->vectors);
  arb_mat_t skew;
  mag_t radius;
  arb_mat_init(skew, size, size);
  mag_init(radius);
  find_skew(skew, spectrum->vectors, true, bits);
  arb_mat_bound_frobenius_norm(spectrum->skew, skew);
  bool proved = mag_cmp_2exp_si(spectrum->skew, 0) < 0;
  for (slong i = 0; i < size; i++) {
    arb_get_mag(radius, spectrum->values + i);
    mag_mul(radius, radius, spectrum->skew);
    mag_add(radius, radius, spectrum->residual);
    if (!proved) mag_inf(radius);
    arb_add_error_mag(spectrum->values + i, radius);
  }
  arb_mat_clear(skew);
  mag_clear(radius);
}

int wg_ball_spectrum_of(wg_mem *mem, const arb_mat_t s, slong bits, wg_ball_spectrum *spectrum) {
  slong size = arb_mat_nrows(s);
  arb_mat_init(spectrum->vectors, size, size);
  spectrum->values = _arb_vec_init(size);
  mag_init(spectrum->residual);
  mag_init(spectrum->skew);
  int status = approximate(mem, s, bits, spectrum);
  if (status < 0) {
    wg_ball_spectrum_clear(spectrum);
    return status;
  }
  find_residual(s, bits, spectrum);
  enclose_values(bits, spectrum);
  return WG_OK;
}

void wg_ball_spectrum_clear(wg_ball_spectrum *spectrum) {
  _arb_vec_clear(spectrum->values, arb_mat_nrows(spectrum->vectors));
  arb_mat_clear(spectrum->vectors);
  mag_clear(spectrum->residual);
  mag_clear(spectrum->skew);
}
