"""Gauges of single matrices (theory 1)."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from .clouds import _text


def canonical(gauge, d=0):
    """The canonical spelling of a gauge, checked for dimension d (0: any).

    >>> canonical('schatten:1', 3)
    'trace'
    """
    room = ctypes.create_string_buffer(8192)
    lib.call('wg_gauge_canonical', _text('gauge', gauge), d, room, len(room))
    return room.value.decode()


def gauge(name, s):
    """Value, subgradient and dual gauge of a symmetric PSD matrix.

    Parameters
    ----------
    name : str
    s : array_like, d x d

    Returns
    -------
    value : float, gamma(s)
    subgradient : d x d, a maximiser Q of <Q, s> over K (the gradient for p < 1)
    dual : float, gamma°(s); NaN for p < 1

    Examples
    --------
    >>> float(gauge('operator', [[2.0, 0], [0, 1]])[0])
    2.0
    """
    s = arrays.numbers('s', s, 2)
    s = arrays.square('s', s, len(s))
    value, dual, q = ctypes.c_double(), ctypes.c_double(), np.empty_like(s)
    lib.call('wg_gauge', _text('gauge', name), len(s), arrays.pointer(s), ctypes.byref(value),
             arrays.pointer(q), ctypes.byref(dual))
    return value.value, q, dual.value


def spectrum(s):
    """Eigenvalues, decreasing, of a symmetric d x d matrix."""
    s = arrays.numbers('s', s, 2)
    s = arrays.square('s', s, len(s))
    values = np.empty(len(s))
    lib.call('wg_spectrum', len(s), arrays.pointer(s), arrays.pointer(values))
    return values
