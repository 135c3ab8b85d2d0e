#!/usr/bin/env python3
"""One W^2 as a conic program on the full coupling; prints value and seconds as JSON.

    conic_peer.py clarabel|scs GAUGE TOLERANCE FOLDER LIMIT     clouds as instance.py writes them

The program is written as well as we can. Clouds are centred. The variable P is the coupling times
n, so that entries and marginals are of order one; of the marginals, which sum to the same, one is
left out. The objective sees P through Z = P Y and the d x d moment M = X'Z alone (theory 3.2): the
constraints of P stay sparse, and compiling is quick. Sigma is a symmetric variable of its own.
Seconds are those that the solver reports, setup included; compilation by CVXPY is timed apart.
"""
import json
import pathlib
import signal
import sys
import time
import warnings

import cvxpy as cp
import numpy as np

from shared import cases  # its folder has instance.py
import instance

# Clarabel and SCS look at their clocks between iterations, and count a little less than we do; what
# takes longer still is ended by an alarm.
NEARLY, PATIENCE = 0.95, 1.5


def symmetric(moment, constraints):
    """A symmetric variable equal to an expression that is symmetric without CVXPY knowing it."""
    sigma = cp.Variable(moment.shape, symmetric=True)
    half = np.triu_indices(moment.shape[0])
    constraints.append(sigma[half] == moment[half])
    return sigma


def schatten(p, sigma, constraints):
    """The p-norm of a decreasing x that majorises the eigenvalues (which the optimum equals)."""
    d = sigma.shape[0]
    x = cp.Variable(d, nonneg=True)
    constraints += [cp.lambda_sum_largest(sigma, k) <= cp.sum(x[:k]) for k in range(1, d)]
    constraints += [cp.trace(sigma) == cp.sum(x)] + ([x[:-1] >= x[1:]] if d > 1 else [])
    return cp.pnorm(x, p)


def spectral(gauge, moment, constraints):
    """A gauge of the eigenvalues; lambda_max is the least t with Sigma << t I."""
    name, _, parameter = gauge.partition(':')
    sigma = symmetric(moment, constraints)
    if name == 'operator':
        return cp.lambda_max(sigma)
    if name == 'frobenius':
        return cp.norm(sigma, 'fro')
    if name == 'kyfan':
        return cp.lambda_sum_largest(sigma, int(parameter))
    if name == 'schatten':
        return schatten(float(parameter), sigma, constraints)
    raise SystemExit(f'{gauge} has no formulation here')


def price(gauge, moment, constraints):
    """Of `max:G@SIZE,G@SIZE`, blocks of rate one, or of a spectral gauge."""
    if not gauge.startswith('max:'):
        return spectral(gauge, moment, constraints)
    prices, begin = [], 0
    for block in gauge.removeprefix('max:').split(','):
        name, size = block.split('@')
        end = begin + int(size)
        prices.append(spectral(name, moment[begin:end, begin:end], constraints))
        begin = end
    return cp.maximum(*prices)


def formulate(gauge, x, y, a, b):
    n, m, d = len(x), len(y), x.shape[1]
    centre_x, centre_y = a @ x, b @ y
    x, y, shift = x - centre_x, y - centre_y, centre_y - centre_x
    plan, image = cp.Variable((n, m), nonneg=True), cp.Variable((n, d))
    constraints = [cp.sum(plan, axis=1) == n * a, cp.sum(plan, axis=0)[:-1] == n * b[:-1],
                   image == plan @ y]
    cross = x.T @ image / n
    fixed = np.outer(shift, shift) + x.T @ (a[:, None] * x) + y.T @ (b[:, None] * y)
    value = price(gauge, fixed - cross - cross.T, constraints)
    return cp.Problem(cp.Minimize(value), constraints)


def settings(solver, tolerance, limit):
    if solver == cp.CLARABEL:
        return {'tol_gap_abs': tolerance, 'tol_gap_rel': tolerance, 'tol_feas': tolerance,
                'max_threads': 1, 'time_limit': limit}
    return {'eps_abs': tolerance, 'eps_rel': tolerance, 'max_iters': 10**9,
            'time_limit_secs': limit}


def figures(problem, limit):
    """Seconds, unless the limit ended the solve; the value reached, if there is one."""
    stats = problem.solver_stats
    seconds = stats.solve_time + (stats.setup_time or 0)
    found = {'outcome': problem.status, 'seconds': seconds, 'iterations': stats.num_iters}
    if problem.status != cp.OPTIMAL and seconds >= NEARLY * limit:
        found.update(outcome=f'> {limit:g} s', limit_seconds=found.pop('seconds'))
    if problem.value is not None and np.isfinite(problem.value):
        found['value'] = float(problem.value)
    return found


def main():
    solver, gauge, tolerance, folder, limit = sys.argv[1:]
    solver, tolerance, limit = solver.upper(), float(tolerance), float(limit)
    problem = formulate(gauge, *instance.read(pathlib.Path(folder)))
    options = settings(solver, tolerance, limit)
    begin = time.perf_counter()
    data, chain, inverse = problem.get_problem_data(solver, solver_opts=options)
    compile_seconds = time.perf_counter() - begin
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * limit)
    answer = chain.solve_via_data(problem, data, solver_opts=options)
    signal.setitimer(signal.ITIMER_REAL, 0)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # an inaccurate answer is told by the status
        problem.unpack_results(answer, chain, inverse)
    print(json.dumps({**figures(problem, limit), 'compile_seconds': compile_seconds}))


if __name__ == '__main__':
    main()
