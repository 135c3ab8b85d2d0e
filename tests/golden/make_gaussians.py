"""Writes gaussians.json: W2 of small Gaussians under every kind of gauge, by a conic solver.

The primal programme of theory 4, min gamma(A - K - K') with K = S0^(1/2) C S1^(1/2), |C| <= 1, as
CVXPY hands it to Clarabel: it shares nothing with src/gaussian, nor with the certificates. Block
max and block sum are there because no closed form reaches them. Run it by hand, with numpy and
cvxpy.
"""
import json
import pathlib

import cvxpy as cp
import numpy as np

FILE = pathlib.Path(__file__).with_name('gaussians.json')
GAUGES = {
    2: ['trace', 'frobenius', 'operator', 'max:trace@1,trace@1', 'max:trace@1/2,trace@1'],
    3: ['operator', 'kyfan:2', 'frobenius', 'sum:operator@2,trace@1', 'max:operator@2,trace@1',
        'max:frobenius@2/1,trace@1/0.5'],
    4: ['operator', 'kyfan:3', 'max:operator@2,operator@2', 'max:kyfan:2@3/1,trace@1/2',
        'sum:frobenius@2,frobenius@2'],
}


def simple(name, matrix):
    if name == 'trace':
        return cp.trace(matrix)
    if name == 'frobenius':
        return cp.norm(matrix, 'fro')
    if name == 'operator':
        return cp.lambda_max(matrix)
    return cp.lambda_sum_largest(matrix, int(name.removeprefix('kyfan:')))


def gauge_of(text, matrix):
    if text.split(':')[0] not in ('sum', 'max'):
        return simple(text, matrix)
    outer, rest = text.split(':', 1)
    parts, start = [], 0
    for block in rest.split(','):
        name, size = block.split('@')
        size, rate = (size.split('/') + ['1'])[:2]
        rows = slice(start, start + int(size))
        part = simple(name, matrix[rows, rows]) if int(size) > 1 else matrix[start, start]
        parts.append(part / float(rate) ** 2)
        start += int(size)
    return sum(parts) if outer == 'sum' else cp.maximum(*parts)


def covariance(rng, d, rank):
    root = rng.normal(size=(d, rank))
    return np.round(root @ root.T, 6) if rank == d else root @ root.T


def root(s):
    values, vectors = np.linalg.eigh(s)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def solve(d, shift, s0, s1, gauge):
    contraction = cp.Variable((d, d))
    k = root(s0) @ contraction @ root(s1)
    moment = np.outer(shift, shift) + s0 + s1 - k - k.T
    programme = cp.Problem(cp.Minimize(gauge_of(gauge, (moment + moment.T) / 2)),
                           [cp.sigma_max(contraction) <= 1])
    programme.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    assert programme.status == 'optimal', (d, gauge, programme.status)
    return float(programme.value)


def values():
    rng = np.random.default_rng(4)
    for d, gauges in GAUGES.items():
        for rank in (d, d - 1):
            s0, s1 = covariance(rng, d, d), covariance(rng, d, rank)
            m0, m1 = np.zeros(d), np.round(rng.normal(size=d), 6) * 0.5
            for gauge in gauges:
                yield {'d': d, 'gauge': gauge, 'w2': solve(d, m1 - m0, s0, s1, gauge),
                       'm0': m0.tolist(), 'm1': m1.tolist(), 'S0': s0.ravel().tolist(),
                       'S1': s1.ravel().tolist()}


if __name__ == '__main__':
    lines = ',\n'.join(json.dumps(value) for value in values())
    FILE.write_text(f'{{"cvxpy": "{cp.__version__}", "solver": "Clarabel",\n'
                    f'"values": [\n{lines}\n]}}\n')
