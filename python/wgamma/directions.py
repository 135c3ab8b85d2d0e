"""Descent directions: the LMO of every gauge and polar factors (theory 2)."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from .clouds import _text

METHODS = {'auto': 0, 'exact': 1, 'muon': 2, 'newton-schulz': 3, 'polar-express': 4}


def _suffix(array):
    return '_f32' if array.dtype == np.float32 else ''


def _with_report(report, values, wanted):
    return (values, report.as_dict()) if wanted else values


def _lmo(g, gauge, weights, report, settings):
    g = arrays.real_matrix('g', g)
    if g.ndim != 2:
        raise ValueError(f'g has shape {g.shape}; a matrix is wanted')
    options = lib.LmoSettings()
    lib.LIBRARY.wg_lmo_settings_init(ctypes.byref(options))
    for name, value in settings.items():
        if name not in ('threads', 'rank_tol', 'tie_tol', 'accuracy', 'passes', 'check'):
            raise TypeError(f'lmo() got an unexpected keyword argument {name!r}')
        setattr(options, name, value)
    weights = arrays.weights('weights', weights, len(g))
    v, found = np.empty_like(g), lib.LmoReport()
    lib.call('wg_lmo' + _suffix(g), _text('gauge', gauge), *g.shape, arrays.pointer(g),
             arrays.pointer(weights), ctypes.byref(options), arrays.pointer(v),
             ctypes.byref(found))
    return _with_report(found, v, report)


def lmo(g, gauge='operator', report=False, **settings):
    """J(g), the minimiser of <g, v> + N(v)^2 / 2.

    Parameters
    ----------
    g : array_like, n x d; float32 stays float32
    gauge : str
    report : bool
        Also return a dict: dual_norm, rank, condition, estimate, ...
    threads, rank_tol, tie_tol, accuracy, passes, check : optional

    Returns
    -------
    v, n x d, or (v, report)

    Examples
    --------
    >>> lmo([[3.0, 0], [0, 4.0]], 'operator').tolist()
    [[-7.0, 0.0], [0.0, -7.0]]
    """
    return _lmo(g, gauge, None, report, settings)


def measure_lmo(g, gauge='operator', weights=None, report=False, **settings):
    """The velocity of the weighted force field g (n x d): weights None is uniform, 1/n each."""
    count = len(np.atleast_2d(np.asarray(g)))
    uniform = np.full(count, 1.0 / count) if weights is None else weights
    return _lmo(g, gauge, uniform, report, settings)


def polar(g, method='auto', report=False, **settings):
    """The polar factor U W' of g = U diag(s) W': of a matrix n x d, or of each of a stack.

    Parameters
    ----------
    g : array_like, n x d or count x n x d; float32 stays float32
    method : 'auto', 'exact', 'muon', 'newton-schulz' or 'polar-express'
    steps, tol, degree, lower, gram, rank_tol, threads, check : optional

    Returns
    -------
    u of the shape of g, or (u, report), for a stack a list of reports
    """
    g = arrays.real_matrix('g', g)
    if g.ndim not in (2, 3):
        raise ValueError(f'g has shape {g.shape}; a matrix or a stack of them is wanted')
    if method not in METHODS:
        raise ValueError(f'method {method!r} is none of {", ".join(METHODS)}')
    options = lib.PolarSettings()
    lib.LIBRARY.wg_polar_settings_init(ctypes.byref(options))
    options.method = METHODS[method]
    for name, value in settings.items():
        if name not in ('threads', 'steps', 'tol', 'degree', 'lower', 'gram', 'rank_tol', 'check'):
            raise TypeError(f'polar() got an unexpected keyword argument {name!r}')
        setattr(options, name, value)
    u = np.empty_like(g)
    if g.ndim == 2:
        found = lib.PolarReport()
        lib.call('wg_polar' + _suffix(g), *g.shape, arrays.pointer(g), ctypes.byref(options),
                 arrays.pointer(u), ctypes.byref(found))
        return _with_report(found, u, report)
    reports = (lib.PolarReport * max(len(g), 1))()
    for one in reports:
        one.struct_size = ctypes.sizeof(one)
    lib.call('wg_polar_batch' + _suffix(g), *g.shape, arrays.pointer(g), ctypes.byref(options),
             arrays.pointer(u), reports)
    return (u, [one.as_dict() for one in reports[:len(g)]]) if report else u


def polar_polynomial(degree, lower, upper):
    """The odd polynomial nearest to 1 on [lower, upper]: (coefficients of x, x^3, ..., error)."""
    coefficients, error = np.empty((degree + 1) // 2), ctypes.c_double()
    lib.call('wg_polar_polynomial', degree, lower, upper, arrays.pointer(coefficients),
             ctypes.byref(error))
    return coefficients, error.value
