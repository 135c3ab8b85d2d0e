"""Energies along geodesics, and Poincare constants (theory 6.2, docs/theory/convexity.md)."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from .clouds import Solver, _text
from .flows import energy_call


class ConvexityResult:
    """Attributes
    ----------
    times, energies : where the energy was evaluated along the geodesic, ends included
    second : second differences (F(t-h) - 2 F(t) + F(t+h)) / h^2 at times[1:-1]
    least, time, noise : the least of them, where, and what rounding could make of zero
    convex : bool, nothing speaks against convexity at these times
    distance : the DistanceResult whose geodesic it is, or None
    """

    def __init__(self, times, energies, second, info, distance):
        self.times, self.energies, self.second = times, energies, second
        self.least, self.time, self.noise = info.least, info.time, info.noise
        self.convex, self.distance = bool(info.convex), distance

    def __repr__(self):
        word = 'convex' if self.convex else f'not convex at t = {self.time:.4g}'
        return f'<ConvexityResult {word}, least second difference {self.least:.4g}>'


def second_differences(energies):
    """Judges three or more values of a function at even times from 0 to 1; infinity is a value."""
    return _judge(arrays.numbers('energies', energies, 1), 0.0, None)


def _judge(energies, rounding, distance):
    second, info = np.empty(max(len(energies) - 2, 0)), lib.ConvexityInfo()
    lib.call('wg_convexity_within', len(energies), arrays.pointer(energies), rounding,
             arrays.pointer(second), ctypes.byref(info))
    return ConvexityResult(np.linspace(0.0, 1.0, len(energies)), energies, second, info, distance)


def convexity(energy, x, y, gauge='operator', a=None, b=None, count=65, tol=1e-6, **settings):
    """An energy along the geodesic of W_gamma between two clouds, with its second differences.

    Parameters
    ----------
    energy : `wgamma.energies.Energy`
    x, y, gauge, a, b, tol, settings : as for `Solver`
    count : int, times from 0 to 1

    Examples
    --------
    >>> from wgamma import energies
    >>> found = convexity(energies.potential('quadratic'), [[0.0], [1.0]], [[2.0], [5.0]], 'trace')
    >>> found.convex, bool(abs(found.least - 10) < 1e-6)  # mean of 2^2 and 4^2
    (True, True)
    """
    solver = Solver(x, y, gauge, a, b, tol, **settings)
    distance, energies = solver.solve(), np.empty(count)
    energy_call(energy, lib.call, 'wg_energy_along', energy._handle, solver._handle, count,
                arrays.pointer(energies))
    rounding = ctypes.c_double()
    energy_call(energy, lib.call, 'wg_energy_rounding', energy._handle, solver._handle,
                ctypes.byref(rounding))
    return _judge(energies, rounding.value, distance)


def poincare(exponent, gauge='operator', tol=1e-3):
    """Bounds of the Poincare constant of exp(-|x|^exponent) on the plane: lower, upper, q, ...

    Examples
    --------
    >>> found = poincare(2.0, 'trace')      # a Gaussian of variance 1/2
    >>> bool(abs(found['upper'] - 2) < 2e-3)
    True
    """
    info = lib.PoincareInfo()
    lib.call('wg_poincare', exponent, _text('gauge', gauge), tol, ctypes.byref(info))
    return {**info.as_dict(), 'q': tuple(info.q)}
