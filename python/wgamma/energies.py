"""Energies of weighted particles and their forces (theory 6, docs/theory/energies.md).

Kernels are texts: 'energy:0.01' (-sqrt(s^2 + e^2)), 'gaussian:l', 'laplace:l', 'imq:c'; for
interactions also 'power:r' and 'morse:C:l'.
"""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from ._solving import Run
from .clouds import _text

_METHODS = {'auto': 0, 'direct': 1, 'tree': 2}


class Energy:
    """An energy F of a measure sum_i a_i delta(x_i).

    Made by the functions of this module. Energies add and take factors:
    `2 * mmd(y) + potential('quadratic')`. One thread at a time may evaluate one.
    """

    def __init__(self, function, *arguments, keep=()):
        self._handle, self._keep = ctypes.c_void_p(), keep
        lib.call(function, ctypes.byref(self._handle), *arguments)

    def __del__(self):
        if getattr(self, '_handle', None):
            lib.LIBRARY.wg_energy_free(self._handle)
            self._handle = None

    @property
    def name(self):
        return lib.LIBRARY.wg_energy_name(self._handle).decode()

    @property
    def dimension(self):
        """Columns of a particle; 0: any."""
        return lib.LIBRARY.wg_energy_dimension(self._handle)

    def _raise(self):
        """What happened in a callback, rather than what the library makes of it."""
        for part in self._keep:
            failure = getattr(part, 'failure', None)
            if failure is not None:
                part.failure = None
                raise failure
            if isinstance(part, Energy):
                part._raise()

    def evaluate(self, x, a=None):
        """(value, force n x d), the force per unit mass: the gradient of x -> F is a_i g_i."""
        x = arrays.points('x', x)
        a = arrays.weights('a', a, len(x))
        value, force = ctypes.c_double(), np.empty_like(x)
        try:
            lib.call('wg_energy_evaluate', self._handle, *x.shape, arrays.pointer(x),
                     arrays.pointer(a), ctypes.byref(value), arrays.pointer(force))
        except Exception:
            self._raise()
            raise
        return value.value, force

    def draw(self, size, seed=0):
        """From now on the mean over a minibatch of `size` data (network, attention) drawn by the
        seed; 0: over all."""
        lib.call('wg_energy_draw', self._handle, size, seed)

    def __mul__(self, factor):
        return Sum([(float(factor), self)])

    __rmul__ = __mul__

    def __add__(self, other):
        return Sum(self._terms() + other._terms())

    def _terms(self):
        return [(1.0, self)]

    def __repr__(self):
        return f'<Energy {self.name}>'


class _Callback:
    """A Python function as an energy; what it raises is kept."""

    def __init__(self, function):
        self.function, self.failure = function, None
        self.pointer = lib.EnergyCallback(self._evaluate)

    def _evaluate(self, _, n, d, x, a, value, force):
        try:
            double = ctypes.POINTER(ctypes.c_double)
            points = np.ctypeslib.as_array(ctypes.cast(x, double), (n, d))
            weights = np.ctypeslib.as_array(ctypes.cast(a, double), (n,))
            points.flags.writeable = weights.flags.writeable = False
            found, field = self.function(points, weights)
            if value:
                ctypes.cast(value, double)[0] = float(found)
            if force:
                np.ctypeslib.as_array(ctypes.cast(force, double), (n, d))[...] = field
            return 0
        except BaseException as failure:  # nothing may pass through the library
            self.failure = failure
            return 1


class Sum(Energy):
    """A weighted sum of energies."""

    def __init__(self, terms):
        self.terms = terms
        callback = _Callback(self._total)
        super().__init__('wg_energy_callback', max(e.dimension for _, e in terms), float('nan'),
                         ctypes.cast(callback.pointer, ctypes.c_void_p), None, keep=(callback,))

    def _total(self, x, a):
        parts = [(factor, energy.evaluate(x, a)) for factor, energy in self.terms]
        return sum(f * v for f, (v, _) in parts), sum(f * g for f, (_, g) in parts)

    def _terms(self):
        return self.terms

    def __mul__(self, factor):
        return Sum([(float(factor) * f, e) for f, e in self.terms])

    __rmul__ = __mul__


def _settings(threads, method, accuracy):
    if method not in _METHODS:
        raise ValueError(f'method {method!r} is none of {", ".join(_METHODS)}')
    settings = lib.EnergySettings()
    lib.LIBRARY.wg_energy_settings_init(ctypes.byref(settings))
    settings.threads, settings.method, settings.accuracy = threads, _METHODS[method], accuracy
    return ctypes.byref(settings)


def potential(kind='quadratic', centre=None, form=None, d=0):
    """int h dmu: 'quadratic' (1/2 z'Mz, form M), 'well:R' or 'power:r' of z = x - centre."""
    if centre is not None:
        centre = np.atleast_1d(arrays.numbers('centre', centre))
        d = len(centre)
    if form is not None:
        form = arrays.numbers('form', form, 2)
        d = len(form)
        form = arrays.square('form', form, d)
    return Energy('wg_energy_potential', _text('kind', kind), d, arrays.pointer(centre),
                  arrays.pointer(form))


def interaction(kernel, threads=0, method='auto', accuracy=0.0):
    """The double integral of k dmu dmu."""
    return Energy('wg_energy_interaction', _text('kernel', kernel),
                  _settings(threads, method, accuracy))


def mmd(target, kernel='energy:0.01', weights=None, threads=0, method='auto', accuracy=0.0):
    """MMD^2 (no 1/2) to the cloud `target` (m x d)."""
    target = arrays.points('target', target)
    weights = arrays.weights('weights', weights, len(target))
    return Energy('wg_energy_mmd', _text('kernel', kernel), *target.shape, arrays.pointer(target),
                  arrays.pointer(weights), _settings(threads, method, accuracy))


def network(data, labels, activation='relu', threads=0):
    """1/2 mean |int u s(v.z) dmu - y|^2 over data (count x inputs) and labels (count x outputs)."""
    data, labels = arrays.points('data', data), arrays.points('labels', labels)
    if len(data) != len(labels):
        raise ValueError(f'{len(data)} data and {len(labels)} labels')
    return Energy('wg_energy_network', _text('activation', activation), len(data), data.shape[1],
                  labels.shape[1], arrays.pointer(data), arrays.pointer(labels),
                  _settings(threads, 'auto', 0.0))


def attention(data, labels, head, threads=0, accuracy=0.0):
    """Shallow multi-head attention: data and labels are count x length x token; in float from
    accuracy 1e-5 up."""
    data, labels = arrays.numbers('data', data, 3), arrays.numbers('labels', labels, 3)
    if data.shape != labels.shape:
        raise ValueError(f'data has shape {data.shape}, labels {labels.shape}')
    return Energy('wg_energy_attention', *data.shape, head, arrays.pointer(data),
                  arrays.pointer(labels), _settings(threads, 'auto', accuracy))


def linear(target, covariance=None):
    """1/2 tr (H - T) C (H - T)' for H = int u v' dmu; target T is outputs x inputs."""
    target = arrays.numbers('target', target, 2)
    if covariance is not None:
        covariance = arrays.square('covariance', covariance, target.shape[1])
    return Energy('wg_energy_linear', *target.shape, arrays.pointer(target),
                  arrays.pointer(covariance))


def w2(target, gauge='trace', weights=None, tol=1e-6, **settings):
    """W2 to a cloud under a gauge with p >= 1, by the certified solver."""
    target = arrays.points('target', target)
    weights, run = arrays.weights('weights', weights, len(target)), Run(tol, **settings)
    return Energy('wg_energy_w2', _text('gauge', gauge), *target.shape, arrays.pointer(target),
                  arrays.pointer(weights), run.address(), keep=(run,))


def callback(function, d=0, infimum=float('nan')):
    """An energy of your own: function(x, a) -> (value, force n x d).

    x (n x d) and a (n) are read-only views of the library's memory, without a copy; the force is
    per unit mass. d: columns of a particle, 0 for any; infimum: a known lower bound of F.
    """
    kept = _Callback(function)
    return Energy('wg_energy_callback', d, infimum, ctypes.cast(kept.pointer, ctypes.c_void_p),
                  None, keep=(kept,))
