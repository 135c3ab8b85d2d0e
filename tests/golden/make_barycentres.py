"""Writes barycentres.json: the least weighted sum of squared distances to several small Gaussians.

The programme in cross covariances root(S_k) J_k, with second moments in the place of covariances so
that everything is affine: [I j_k; j_k' T] >= 0, j_k = [J_k; m']. CVXPY hands it to Clarabel, which
shares nothing with src/gaussian, nor with the certificates. Run it by hand, with numpy and cvxpy.
"""
import json
import pathlib

import cvxpy as cp
import numpy as np

from make_gaussians import covariance, gauge_of, root

FILE = pathlib.Path(__file__).with_name('barycentres.json')
CASES = [  # count, d, rank of the last covariance, gauges
    (3, 2, 2, ['trace', 'frobenius', 'operator', 'max:trace@1/2,trace@1']),
    (2, 3, 3, ['operator', 'kyfan:2', 'sum:operator@2,trace@1']),
    (4, 3, 2, ['trace', 'frobenius', 'operator', 'kyfan:2', 'max:frobenius@2/1,trace@1/0.5']),
    (3, 4, 4, ['frobenius', 'operator', 'kyfan:3', 'sum:frobenius@2,frobenius@2',
               'max:operator@2,operator@2']),
]


def solve(means, covs, weights, gauge):
    count, d = means.shape
    mean, second = cp.Variable((1, d)), cp.Variable((d, d), symmetric=True)
    value, constraints = 0, []
    for m, s, weight in zip(means, covs, weights):
        left, cross = np.vstack([root(s), m]), cp.vstack([cp.Variable((d, d)), mean])
        joint = cp.Variable((2 * d + 1, 2 * d + 1), PSD=True)
        constraints += [joint[:d + 1, :d + 1] == np.eye(d + 1), joint[:d + 1, d + 1:] == cross,
                        joint[d + 1:, d + 1:] == second]
        moment = left.T @ left - left.T @ cross - cross.T @ left + second
        value += weight * gauge_of(gauge, (moment + moment.T) / 2)
    programme = cp.Problem(cp.Minimize(value), constraints)
    programme.solve(solver=cp.CLARABEL, tol_gap_abs=1e-8, tol_gap_rel=1e-8, tol_feas=1e-8)
    assert programme.status == 'optimal', (gauge, programme.status)
    return float(programme.value)


def values():
    rng = np.random.default_rng(6)
    for count, d, rank, gauges in CASES:
        covs = np.array([covariance(rng, d, rank if k == count - 1 else d) for k in range(count)])
        means = np.round(rng.normal(size=(count, d)), 6)
        weights = np.round(rng.uniform(0.2, 1.0, size=count), 3)
        weights /= weights.sum()
        for gauge in gauges:
            yield {'count': count, 'd': d, 'gauge': gauge,
                   'value': solve(means, covs, weights, gauge), 'weights': weights.tolist(),
                   'means': means.ravel().tolist(), 'covs': covs.ravel().tolist()}


if __name__ == '__main__':
    lines = ',\n'.join(json.dumps(value) for value in values())
    FILE.write_text(f'{{"cvxpy": "{cp.__version__}", "solver": "Clarabel",\n'
                    f'"values": [\n{lines}\n]}}\n')
