#!/usr/bin/env python3
"""One exact solve by POT; prints its value, seconds and memory as JSON.

    pot.py dense|lazy FOLDER LIMIT     the clouds are those that instance.py wrote there

dense: `ot.emd2` on the matrix of `ot.dist`, which is timed apart. lazy: `ot.lp.emd2_lazy`, which
computes costs when it needs them. The solve is ended by SIGALRM after LIMIT seconds. Memory is what
the resident set has grown by at its peak, from before the cost matrix on.
"""
import json
import pathlib
import resource
import signal
import sys
import time

import numpy as np
import ot

import instance

ITERATIONS = 2_000_000_000  # never the reason to stop
OPTIMAL = 1  # POT's result code


def reset_peak():
    """Forgets the peak so far (of the imports), where the system can."""
    try:
        pathlib.Path('/proc/self/clear_refs').write_text('5')
    except OSError:
        pass


def peak_bytes():
    """Largest resident set since reset_peak()."""
    try:
        lines = pathlib.Path('/proc/self/status').read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith('VmHWM:'))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def timed(function, *arguments, **options):
    """(what a function returns, seconds)."""
    begin = time.perf_counter()
    result = function(*arguments, **options)
    return result, time.perf_counter() - begin


def limited(limit, solver, *arguments, **options):
    """What a solver of POT finds. A solve beyond `limit` seconds takes the process with it."""
    signal.setitimer(signal.ITIMER_REAL, limit)
    (value, log), seconds = timed(solver, *arguments, numItermax=ITERATIONS, log=True, **options)
    signal.setitimer(signal.ITIMER_REAL, 0)
    outcome = 'optimal' if log['result_code'] == OPTIMAL else f'stopped: {log["warning"]}'
    return {'outcome': outcome, 'value': float(value), 'seconds': seconds}


def solve_dense(x, y, a, b, limit):
    cost, seconds = timed(ot.dist, x, y)
    return {'cost_seconds': seconds, **limited(limit, ot.emd2, a, b, cost)}


def solve_lazy(x, y, a, b, limit):
    return limited(limit, ot.lp.emd2_lazy, x, y, a, b, return_matrix=False)


def main():
    kind, folder, limit = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3])
    solve = {'dense': solve_dense, 'lazy': solve_lazy}[kind]
    clouds = instance.read(folder)
    solve(np.eye(2), np.eye(2), np.full(2, 0.5), np.full(2, 0.5), limit)  # loads what is lazy
    reset_peak()
    before = peak_bytes()
    figures = solve(*clouds, limit)
    print(json.dumps({**figures, 'peak_bytes': peak_bytes() - before}))


if __name__ == '__main__':
    main()
