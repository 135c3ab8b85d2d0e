"""Gaussians: the spectral Bures distance (theory 4)."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from ._solving import Run
from .certificates import Certificate
from .clouds import _text
from .gauges import canonical


class GaussianResult:
    """Attributes
    ----------
    w, w2, lower, upper, gap, outcome : as in `DistanceResult`; w2 is gamma of the moment
    contraction, k, q : d x d: C of norm <= 1, the optimal cross covariance, the dual optimal Q
    map : d x d or None: x -> mean1 + map (x - mean0) where the coupling is a map
    info : dict
    """

    def __init__(self, gauge, data, info, parts, tol):
        self.gauge, self._data, self._tol = gauge, data, tol
        self.outcome = lib.OUTCOMES[info.pop('outcome')]
        for name in ('w', 'w2', 'lower', 'upper', 'gap'):
            setattr(self, name, info.pop(name))
        self.contraction, self.k, self.q, found = parts
        self.map = found if info['is_map'] else None
        self.info = info

    def geodesic(self, t):
        """(mean, covariance) at time t in [0, 1]."""
        d = len(self._data[0])
        mean, cov = np.empty(d), np.empty((d, d))
        lib.call('wg_gaussian_geodesic', d, *map(arrays.pointer, self._data),
                 arrays.pointer(self.k), t, arrays.pointer(mean), arrays.pointer(cov))
        return mean, cov

    @property
    def certificate(self):
        """A `Certificate`: save it, load it, verify it."""
        return Certificate('gaussian', canonical(self.gauge, len(self._data[0])), self.lower,
                           self.upper, self._tol,
                           **dict(zip(('mean0', 'cov0', 'mean1', 'cov1'), self._data)),
                           contraction=self.contraction, q=self.q)

    def verify(self):
        """Derives both bounds again from means, covariances, contraction and Q."""
        verdict, d = lib.Verdict(), len(self._data[0])
        lib.call('wg_gaussian_verify', d, *map(arrays.pointer, self._data),
                 _text('gauge', self.gauge), arrays.pointer(self.contraction),
                 arrays.pointer(self.q), self.lower, self.upper, ctypes.byref(verdict))
        found = verdict.as_dict()
        return {**found, 'valid': bool(found['valid']), 'finding': found['finding'].decode()}

    def __repr__(self):
        return (f'<GaussianResult {self.gauge}: W = {self.w:.9g}, gap {self.gap:.1e}, '
                f'{self.outcome}>')


def gaussian(mean0, cov0, mean1, cov1, gauge='operator', tol=1e-10, **settings):
    """The distance of N(mean0, cov0) and N(mean1, cov1), with proved bounds.

    Parameters
    ----------
    mean0, mean1 : d numbers
    cov0, cov1 : d x d, symmetric positive semidefinite, singular or not
    gauge, tol, settings : as for `Solver`

    Examples
    --------
    >>> round(gaussian([0, 0], [[1, 0], [0, 1]], [3, 4], [[1, 0], [0, 1]]).w, 9)
    5.0
    """
    mean0 = np.atleast_1d(arrays.numbers('mean0', mean0))
    d = len(mean0)
    data = (arrays.vector('mean0', mean0, d), arrays.square('cov0', cov0, d),
            arrays.vector('mean1', mean1, d), arrays.square('cov1', cov1, d))
    run, info = Run(tol, **settings), lib.GaussianInfo()
    parts = [np.empty((d, d)) for _ in range(4)]
    run.call('wg_gaussian', d, *map(arrays.pointer, data), _text('gauge', gauge), run.address(),
             ctypes.byref(info), *map(arrays.pointer, parts))
    return run.finish(GaussianResult(gauge, data, info.as_dict(), parts, tol))


def gaussian_batch(mean0, cov0, mean1, cov1, gauge='operator', tol=1e-10, **settings):
    """Many pairs of Gaussians of one dimension, several at a time.

    Parameters
    ----------
    mean0, mean1 : count x d; cov0, cov1 : count x d x d
    gauge, tol, settings : as for `Solver`

    Returns
    -------
    dict: w, lower, upper (count numbers, bounds of W2), outcome (count texts), info

    Examples
    --------
    >>> found = gaussian_batch([[0.0], [1.0]], [[[1.0]], [[4.0]]], [[3.0], [1.0]],
    ...                        [[[1.0]], [[1.0]]])
    >>> found['w'].round(9).tolist()
    [3.0, 1.0]
    """
    mean0 = arrays.numbers('mean0', mean0, 2)
    count, d = mean0.shape
    data = [mean0]
    for name, given, shape in (('cov0', cov0, (count, d, d)), ('mean1', mean1, (count, d)),
                               ('cov1', cov1, (count, d, d))):
        array = arrays.numbers(name, given, len(shape))
        if array.shape != shape:
            raise ValueError(f'{name} has shape {array.shape}; {shape} is wanted')
        data.append(array)
    run, info = Run(tol, **settings), lib.GaussianBatchInfo()
    lower, upper, outcome = np.empty(count), np.empty(count), np.empty(count, np.intc)
    run.call('wg_gaussian_batch', count, d, *map(arrays.pointer, data), _text('gauge', gauge),
             run.address(), *map(arrays.pointer, (lower, upper, outcome)), ctypes.byref(info))
    found = {'w': np.sqrt(upper), 'lower': lower, 'upper': upper,
             'outcome': np.array(lib.OUTCOMES)[outcome], 'info': info.as_dict()}
    found['info']['outcome'] = lib.OUTCOMES[info.outcome]
    return run.finish(found)


def gaussian_fit(x, a=None):
    """Mean (d) and covariance (d x d, divided by the mass) of a weighted cloud n x d."""
    x = arrays.points('x', x)
    a, d = arrays.weights('a', a, len(x)), x.shape[1]
    mean, cov = np.empty(d), np.empty((d, d))
    lib.call('wg_gaussian_fit', len(x), d, arrays.pointer(x), arrays.pointer(a),
             arrays.pointer(mean), arrays.pointer(cov))
    return mean, cov
