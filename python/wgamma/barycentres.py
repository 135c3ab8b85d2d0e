"""Barycentres of Gaussians (theory 4)."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from ._solving import Run
from .certificates import Certificate
from .clouds import _text
from .gauges import canonical


class BarycentreResult:
    """Attributes
    ----------
    mean, cov : d; d x d: the barycentre
    lower, upper, gap, outcome : of the least weighted sum of squared distances, as in
        `DistanceResult`; value is that of the barycentre, without what upper pays for rounding
    distances : count x 2: bounds of W2 from each Gaussian to the barycentre
    contractions, q, y : count x d x d each: what proves the bounds
    info : dict
    """

    def __init__(self, gauge, data, info, parts, tol):
        self.gauge, self._data, self._tol = gauge, data, tol
        self.outcome = lib.OUTCOMES[info.pop('outcome')]
        for name in ('value', 'lower', 'upper', 'gap'):
            setattr(self, name, info.pop(name))
        self.mean, self.cov, self.contractions, self.q, self.y, self.distances = parts
        self.info = info

    @property
    def certificate(self):
        """A `Certificate`: save it, load it, verify it."""
        means, covs, weights = self._data
        count, d = means.shape
        if weights is None:
            weights = np.full(count, 1.0 / count)
        return Certificate('barycentre', canonical(self.gauge, d), self.lower, self.upper,
                           self._tol, weights=weights, means=means, covs=covs, mean=self.mean,
                           cov=self.cov, contractions=self.contractions, q=self.q, y=self.y)

    def verify(self):
        """Derives both bounds again from the Gaussians and the matrices alone."""
        verdict, (count, d) = lib.Verdict(), self._data[0].shape
        parts = (self.mean, self.cov, self.contractions, self.q, self.y)
        lib.call('wg_gaussian_barycentre_verify', count, d, *map(arrays.pointer, self._data),
                 _text('gauge', self.gauge), *map(arrays.pointer, parts), self.lower, self.upper,
                 ctypes.byref(verdict))
        found = verdict.as_dict()
        return {**found, 'valid': bool(found['valid']), 'finding': found['finding'].decode()}

    def __repr__(self):
        return (f'<BarycentreResult {self.gauge}: value {self.value:.9g}, gap {self.gap:.1e}, '
                f'{self.outcome}>')


def gaussian_barycentre(means, covs, weights=None, gauge='operator', tol=1e-6, **settings):
    """The Gaussian with the least weighted sum of squared distances to several, with proved bounds.

    Parameters
    ----------
    means : count x d; covs : count x d x d, singular or not
    weights : count positive numbers of sum one; default: all equal
    gauge : convex (p >= 1); tol, settings : as for `Solver`

    Examples
    --------
    >>> found = gaussian_barycentre([[0.0], [2.0]], [[[1.0]], [[9.0]]])
    >>> found.mean.round(5).tolist(), found.cov.round(4).tolist()
    ([1.0], [[4.0]])
    """
    means = arrays.numbers('means', means, 2)
    count, d = means.shape
    covs = arrays.numbers('covs', covs, 3)
    if covs.shape != (count, d, d):
        raise ValueError(f'covs has shape {covs.shape}; {(count, d, d)} is wanted')
    data = (means, covs, arrays.weights('weights', weights, count))
    run, info = Run(tol, **settings), lib.BarycentreInfo()
    parts = [np.empty(d), np.empty((d, d)), *(np.empty((count, d, d)) for _ in range(3)),
             np.empty((count, 2))]
    run.call('wg_gaussian_barycentre', count, d, *map(arrays.pointer, data),
             _text('gauge', gauge), run.address(), ctypes.byref(info),
             *map(arrays.pointer, parts))
    return run.finish(BarycentreResult(gauge, data, info.as_dict(), parts, tol))
