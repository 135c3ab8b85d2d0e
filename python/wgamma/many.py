"""Many distances: all pairs, or one pair along a family of gauges."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from ._solving import Run
from .clouds import Solver, _text


class PairwiseResult:
    """Distances of all pairs.

    Attributes
    ----------
    w, lower, upper, gap : count x count arrays, symmetric; NaN where a pair was not finished
    outcome : str; info : dict
    """

    def __init__(self, count):
        self.w, self.lower, self.upper, self.gap = (np.full((count, count), np.nan)
                                                    for _ in range(4))
        for table in (self.w, self.lower, self.upper, self.gap):
            np.fill_diagonal(table, 0.0)
        self.outcome, self.info = None, {}

    def _put(self, pair):
        i, j = pair.i, pair.j
        for table in ('w', 'lower', 'upper', 'gap'):
            values = getattr(self, table)
            values[i, j] = values[j, i] = getattr(pair, table)

    def __repr__(self):
        return f'<PairwiseResult {len(self.w)} clouds, {self.outcome}>'


def pairwise(clouds, gauge='operator', weights=None, tol=1e-6, **settings):
    """W between all pairs of clouds, several at a time.

    Parameters
    ----------
    clouds : list of n_k x d arrays
    gauge : str
    weights : list of vectors or None, optional
    tol, settings : as for `Solver`; threads is the number of pairs solved at the same time

    Returns
    -------
    PairwiseResult
    """
    clouds = [arrays.points(f'clouds[{k}]', c) for k, c in enumerate(clouds)]
    if not clouds:
        raise ValueError('clouds is empty')
    given = weights if weights is not None else [None] * len(clouds)
    if len(given) != len(clouds):
        raise ValueError(f'{len(given)} lists of weights for {len(clouds)} clouds')
    masses = [arrays.weights(f'weights[{k}]', a, len(clouds[k])) for k, a in enumerate(given)]
    d = clouds[0].shape[1]
    for k, cloud in enumerate(clouds):
        if cloud.shape[1] != d:
            raise ValueError(f'clouds[{k}] has {cloud.shape[1]} columns, clouds[0] {d}')
    table = (lib.Points * len(clouds))()
    for k, cloud in enumerate(clouds):
        table[k].n, table[k].points = len(cloud), arrays.pointer(cloud)
        table[k].weights = arrays.pointer(masses[k])
    result, run, info = PairwiseResult(len(clouds)), Run(tol, **settings), lib.PairwiseInfo()

    @lib.PairCallback
    def done(pair, _):
        result._put(pair.contents)
        return 0

    run.call('wg_pairwise', len(clouds), d, table, _text('gauge', gauge), run.address(), None,
             ctypes.cast(done, ctypes.c_void_p), None, ctypes.byref(info))
    result.info = info.as_dict()
    result.outcome = lib.OUTCOMES[result.info.pop('outcome')]
    return run.finish(result)


def path(x, y, gauges, a=None, b=None, tol=1e-6, **settings):
    """One pair of clouds along a list of gauges, warm from one to the next: a list of results."""
    gauges = list(gauges)
    if not gauges:
        raise ValueError('gauges is empty')
    solver = Solver(x, y, gauges[0], a, b, tol, **settings)
    results = []
    for gauge in gauges:
        solver.set_gauge(gauge)
        result = solver.solve()
        result._extra('uniqueness')  # the next gauge takes the solver away
        results.append(result)
    return results
