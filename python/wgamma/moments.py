"""Flows of moments (theory 6.1): Gaussians under affine forces, modes of a linear network."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from ._solving import Run
from .clouds import _text

_KINDS = ('extinction', 'a=0', 'b=0', 'arrival')


class MomentsResult:
    """A flow, sampled.

    Attributes
    ----------
    times, energy, slope2, spent : one number a sample; slope2 is N*^2, spent its integral
    mean (samples x d), cov (samples x d x d) of Gaussians, or r, a, b (samples x modes)
    events : list of (time, kind, mode), kind 'extinction', 'a=0', 'b=0' or 'arrival'
    outcome : str, 'certified' when the last time was reached and the energy law holds
    defect : float, |F(0) - F - spent| relative to F; info : dict
    """

    def __init__(self, gauge, handle, d, modal):
        self.gauge = gauge
        info = lib.MomentsInfo()
        lib.call('wg_moments_get_info', handle, ctypes.byref(info))
        self.info = info.as_dict()
        self.outcome = lib.OUTCOMES[self.info.pop('outcome')]
        self.defect = self.info.pop('defect')
        n = info.samples
        self.times, self.energy, self.slope2, self.spent = (np.empty(n) for _ in range(4))
        lib.call('wg_moments_get_curves', handle, arrays.pointer(self.times),
                 arrays.pointer(self.energy), arrays.pointer(self.slope2),
                 arrays.pointer(self.spent), None)
        shapes = {'r': (n, d), 'a': (n, d), 'b': (n, d)} if modal else {'mean': (n, d),
                                                                        'cov': (n, d, d)}
        for name, shape in shapes.items():
            setattr(self, name, np.empty(shape))
        for k in range(n):
            lib.call('wg_moments_get_modes' if modal else 'wg_moments_get_gaussian', handle, k,
                     *(getattr(self, name)[k].ctypes.data for name in shapes))
        self.events = []
        for k in range(info.events):
            event = lib.MomentsEvent()
            lib.call('wg_moments_get_event', handle, k, ctypes.byref(event))
            self.events.append((event.time, _KINDS[event.kind], event.mode))

    def __repr__(self):
        return (f'<MomentsResult {self.gauge}: F {self.info["energy0"]:.6g} -> '
                f'{self.info["energy"]:.6g} at t = {self.info["time"]:.6g}, '
                f'{len(self.events)} events, {self.outcome}>')


def _flow(function, gauge, d, modal, times, tol, settings, *data):
    times = np.atleast_1d(arrays.numbers('times', times))
    run, handle = Run(tol, **settings), ctypes.c_void_p()
    run.call(function, *data, _text('gauge', gauge), len(times), arrays.pointer(times),
             run.address(), ctypes.byref(handle))
    try:
        return run.finish(MomentsResult(gauge, handle, d, modal))
    finally:
        lib.LIBRARY.wg_moments_free(handle)


def moments_kl(mean0, cov0, mean1, cov1, times, gauge='operator', tol=1e-9, **settings):
    """The flow of KL(. | N(mean1, cov1)) from N(mean0, cov0), at increasing times."""
    mean0 = np.atleast_1d(arrays.numbers('mean0', mean0))
    d = len(mean0)
    data = (mean0, arrays.square('cov0', cov0, d), arrays.vector('mean1', mean1, d),
            arrays.square('cov1', cov1, d))
    return _flow('wg_moments_kl', gauge, d, False, times, tol, settings, d,
                 *map(arrays.pointer, data))


def moments_linear(cov0, target, times, gauge='operator', mean0=None, tol=1e-9, **settings):
    """The linear two-layer network with Gaussian neurons (u, v); target has a row for each u."""
    target = arrays.numbers('target', target, 2)
    d = sum(target.shape)
    cov0 = arrays.square('cov0', cov0, d)
    mean0 = None if mean0 is None else arrays.vector('mean0', mean0, d)
    return _flow('wg_moments_linear', gauge, d, False, times, tol, settings, *target.shape,
                 arrays.pointer(mean0), arrays.pointer(cov0), arrays.pointer(target))


def moments_affine(mean0, cov0, matrix, times, gauge='operator', offset=None, tol=1e-9,
                   **settings):
    """The energy int x'Lx/2 + c'x for symmetric L = matrix and c = offset."""
    mean0 = np.atleast_1d(arrays.numbers('mean0', mean0))
    d = len(mean0)
    cov0, matrix = arrays.square('cov0', cov0, d), arrays.square('matrix', matrix, d)
    offset = None if offset is None else arrays.vector('offset', offset, d)
    return _flow('wg_moments_affine', gauge, d, False, times, tol, settings, d,
                 *map(arrays.pointer, (mean0, cov0, matrix, offset)))


def moments_modal(s0, r0, beta, times, gauge='operator', tol=1e-9, **settings):
    """The modes of a linear network with target diag(beta), from a = s + r, b = s - r > 0.

    >>> flow = moments_modal([1, 0.7, 0.5], [0.1, -0.1, 0.05], [9, -3, 0.2], 0.3)
    >>> [kind for time, kind, mode in flow.events]
    ['arrival', 'a=0', 'b=0', 'arrival']
    """
    s0 = np.atleast_1d(arrays.numbers('s0', s0))
    d = len(s0)
    r0, beta = arrays.vector('r0', r0, d), arrays.vector('beta', beta, d)
    return _flow('wg_moments_modal', gauge, d, True, times, tol, settings, d,
                 *map(arrays.pointer, (s0, r0, beta)))
