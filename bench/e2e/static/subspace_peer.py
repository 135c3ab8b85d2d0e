#!/usr/bin/env python3
"""Ky Fan W^2 by Frank-Wolfe on Q with exact transport by POT; prints bounds and seconds as JSON.

    subspace_peer.py K GAP ITERATIONS FOLDER LIMIT     clouds as instance.py writes them

The subspace-robust distance of Paty and Cuturi (2019) as they compute it: maximise the transport
cost W_Q^2, concave in Q, over 0 << Q << I, tr Q = k; the moment of an optimal plan is a
supergradient, the projector on its leading k directions the vertex to step to, by 2 / (t + 2). The
transport is exact, started from the potentials of the one before. The gap is relative, between the
best bounds so far, the upper ones of every plan and of the averages of the plans with the same
steps: better bounds than those of the current pair alone cost nothing here.
"""
import json
import pathlib
import signal
import sys
import time

import numpy as np
import ot

from shared import cases  # its folder has instance.py
import instance

PIVOTS = 2_000_000_000  # never the reason to stop
PATIENCE = 1.5  # the clock is read between iterations; one that is too long is ended by an alarm


def leading(moment, k):
    """Sum of the k largest eigenvalues, and the projector on their directions."""
    values, vectors = np.linalg.eigh(moment)
    top = vectors[:, -k:]
    return values[-k:].sum(), top @ top.T


def costs(x, y, q):
    """(y - x)' Q (y - x) of all pairs."""
    image = x @ q
    cost = -2 * (image @ y.T)
    cost += np.einsum('ij,ij->i', image, x)[:, None]
    cost += np.einsum('ij,ij->i', y @ q, y)[None, :]
    return np.maximum(cost, 0, out=cost)


class Transport:
    """Exact plans between two clouds, as their moments."""

    def __init__(self, x, y, a, b):
        centre_x, centre_y = a @ x, b @ y
        self.x, self.y, self.a, self.b = x - centre_x, y - centre_y, a, b
        shift = centre_y - centre_x
        self.fixed = (np.outer(shift, shift) + self.x.T @ (a[:, None] * self.x)
                      + self.y.T @ (b[:, None] * self.y))
        self.potentials = None

    def moment(self, q):
        plan, log = ot.emd(self.a, self.b, costs(self.x, self.y, q), numItermax=PIVOTS, log=True,
                           potentials_init=self.potentials)
        if log['warning']:
            raise SystemExit(f'emd: {log["warning"]}')
        self.potentials = log['u'], log['v']
        cross = self.x.T @ plan @ self.y
        return self.fixed - cross - cross.T


def frank_wolfe(transport, k, gap, iterations, limit):
    """(reason to stop, iterations, lower, upper)"""
    begin, d = time.perf_counter(), len(transport.fixed)
    q, average, lower, upper = np.eye(d) * k / d, 0, -np.inf, np.inf
    for t in range(iterations):
        step = 2 / (t + 2)
        moment = transport.moment(q)
        average = (1 - step) * average + step * moment
        value, vertex = leading(moment, k)
        lower = max(lower, np.vdot(q, moment))
        upper = min(upper, value, leading(average, k)[0])
        if upper - lower <= gap * upper:
            return 'gap reached', t + 1, lower, upper
        if time.perf_counter() - begin > limit:
            return f'> {limit:g} s', t + 1, lower, upper
        q = (1 - step) * q + step * vertex
    return 'iteration limit', iterations, lower, upper


def main():
    k, gap, iterations, folder, limit = sys.argv[1:]
    limit = float(limit)
    transport = Transport(*instance.read(pathlib.Path(folder)))
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * limit)
    begin = time.perf_counter()
    outcome, count, lower, upper = frank_wolfe(transport, int(k), float(gap), int(iterations),
                                               limit)
    seconds = time.perf_counter() - begin
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(json.dumps({
        'outcome': outcome, 'iterations': count, 'lower': lower, 'upper': upper,
        'gap': (upper - lower) / upper,
        'seconds' if outcome == 'gap reached' else 'limit_seconds': seconds}))


if __name__ == '__main__':
    main()
