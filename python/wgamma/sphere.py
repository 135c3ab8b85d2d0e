"""The unbalanced distance UW of finite measures on the sphere (theory 7)."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from ._solving import Run
from .certificates import from_solution
from .clouds import _text


class SphereResult:
    """Attributes
    ----------
    uw, uw2, lower, upper, gap, outcome : uw2 is gamma of the moment; lower <= UW2 <= upper proved
    row, col, g0, g1, c : the semi-coupling; what g0 and g1 lack of a and b is destroyed, created
    certificate : Certificate, of points and masses as given
    q, moment : d x d; u, v : the dual functions, u_i v_j >= (x_i'Qy_j)_+^2
    info : dict
    """

    def __init__(self, gauge, info, solution, shape):
        n, m, d = shape
        self.gauge, self.info = gauge, info.as_dict()
        for name in ('mass', 'carried'):
            self.info[name] = tuple(self.info[name])
        self.outcome = lib.OUTCOMES[self.info.pop('outcome')]
        for name in ('uw', 'uw2', 'lower', 'upper', 'gap'):
            setattr(self, name, self.info.pop(name))
        view = lib.Semicoupling()
        lib.call('wg_sphere_get', solution, ctypes.byref(view))
        for name in ('row', 'col'):
            setattr(self, name, arrays.view(getattr(view, name), view.count, ctypes.c_int64))
        for name, count in (('g0', view.count), ('g1', view.count), ('c', view.count),
                            ('u', n), ('v', m)):
            setattr(self, name, arrays.view(getattr(view, name), count))
        self.certificate = from_solution('wg_sphere_certificate', solution)
        self.q = arrays.view(view.q, d * d).reshape(d, d)
        self.moment = arrays.view(view.moment, d * d).reshape(d, d)

    def __repr__(self):
        return (f'<SphereResult {self.gauge}: UW = {self.uw:.9g}, {self.lower:.9g} <= UW2 <= '
                f'{self.upper:.9g}, {self.outcome}>')


def sphere(x, y, gauge='operator', a=None, b=None, tol=1e-8, normalise=False, **settings):
    """UW between finite measures on the unit sphere, with proved bounds.

    Parameters
    ----------
    x, y : n x d and m x d, rows of length one (normalise: of any length but zero), d >= 2
    a, b : masses, positive, of any total; None: all equal, of sum one
    gauge, tol, settings : as for `Solver`; convex gauges

    Examples
    --------
    >>> round(sphere([[1, 0]], [[0, 1]], 'trace', a=[1.0], b=[2.0]).uw2, 9)
    3.0
    """
    x, y = arrays.points('x', x), arrays.points('y', y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f'x has {x.shape[1]} columns and y {y.shape[1]}')
    a, b = arrays.weights('a', a, len(x)), arrays.weights('b', b, len(y))
    run, info, solution = Run(tol, **settings), lib.SphereInfo(), ctypes.c_void_p()
    run.call('wg_sphere', len(x), len(y), x.shape[1], arrays.pointer(x), arrays.pointer(a),
             arrays.pointer(y), arrays.pointer(b), _text('gauge', gauge), int(normalise),
             run.address(), ctypes.byref(info), ctypes.byref(solution))
    try:
        return run.finish(SphereResult(gauge, info, solution, (len(x), len(y), x.shape[1])))
    finally:
        lib.LIBRARY.wg_sphere_free(solution)
