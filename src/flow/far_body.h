/* Interpolation of far fields (energy_tree.c); lanes are targets. */

/* Lagrange's polynomials of one axis at u: products of the differences from the nodes before and
 * behind, without a division and without a case for a node that is met. */
WG_INLINE void far_basis(const wg_far *far, int side, vec_double u, vec_double *basis) {
  vec_double before = u - u + 1.0, behind = before;
  if (side == 1) {
    basis[0] = before;
    return;
  }
  for (int k = 0; k < side; k++) {
    basis[k] = far->weights[k] * before;
    before *= u - far->nodes[k];
  }
  for (int k = side - 1; k >= 0; k--) {
    basis[k] *= behind;
    behind *= u - far->nodes[k];
  }
}

static void interpolate(const wg_far *far, int64_t d, const double *targets, double *phi,
                        double *gradient) {
  for (int64_t t = 0; t < WG_PAIR_TARGETS; t += WG_LANES) {
    vec_double basis[3][WG_FAR_SIDE], sum[WG_FAR_WIDTH] = {{0}};
    const double *row = far->rows;
    for (int64_t k = 0; k < 3; k++) {
      const int64_t axis = WG_MAX(k - (3 - d), 0);
      const vec_double x = *(const vec_double *)(targets + axis * WG_PAIR_TARGETS + t);
      far_basis(far, far->sides[k], (x - far->centre[k]) * far->inverse[k], basis[k]);
    }
    for (int i = 0; i < far->sides[0]; i++)
      for (int j = 0; j < far->sides[1]; j++) {
        const vec_double weight = basis[0][i] * basis[1][j];
        vec_double part[WG_FAR_WIDTH] = {{0}};
        for (int k = 0; k < far->sides[2]; k++, row += WG_FAR_WIDTH)
          for (int c = 0; c < WG_FAR_WIDTH; c++) part[c] += basis[2][k] * row[c];
        for (int c = 0; c < WG_FAR_WIDTH; c++) sum[c] += weight * part[c];
      }
    for (int64_t k = 0; k < d; k++) *(vec_double *)(gradient + k * WG_PAIR_TARGETS + t) += sum[k];
    *(vec_double *)(phi + t) += sum[WG_FAR_WIDTH - 1];
  }
}
