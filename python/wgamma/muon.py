"""Muon in NumPy: steps along descent directions of momenta (theory 2, docs/user/muon.md)."""
import ctypes

import numpy as np

from . import _library as lib
from .clouds import _text
from .directions import METHODS

RULES = {'auto': 0, 'matrix': 1, 'adamw': 2, 'sgd': 3}
SCALES = {'none': 0, 'rms': 1, 'aspect': 2}
_REASONS = ('asked', 'matrix', 'by name', 'by shape')
_POLAR = ('threads', 'steps', 'tol', 'degree', 'lower', 'gram', 'rank_tol')
_PLAIN = ('rate', 'momentum', 'nesterov', 'weight_decay', 'dual_norm', 'fallback_rate',
          'fallback_decay', 'beta1', 'beta2', 'epsilon')


def _choice(name, given, choices):
    if given not in choices:
        raise ValueError(f'{name} {given!r} is none of {", ".join(choices)}')
    return choices[given]


def _settings(gauge, method, scale, fallback, excluded, given):
    options = lib.MuonSettings()
    lib.LIBRARY.wg_muon_settings_init(ctypes.byref(options))
    options.gauge = _text('gauge', gauge)
    options.scale = _choice('scale', scale, SCALES)
    options.fallback = _choice('fallback', fallback, {k: RULES[k] for k in ('adamw', 'sgd')})
    options.polar.method = _choice('method', method, METHODS)
    if excluded is not None:
        options.excluded = ','.join([excluded] if isinstance(excluded, str) else excluded).encode()
    for name, value in given.items():
        if name not in _PLAIN + _POLAR:
            raise TypeError(f'Muon() got an unexpected keyword argument {name!r}')
        setattr(options if name in _PLAIN else options.polar, name, value)
    return options


class Muon:
    """W <- (1 - rate decay) W - rate scale D, D the direction of beta m + (1 - beta) g.

    Parameters
    ----------
    parameters : dict of name to array
        float32 or float64, C order, writable: `step` changes them in place. Any number of axes; rows
        of a matrix are the first one
    gauge : str
        'operator' is Muon; any other gauge of `lmo`
    rate, momentum, nesterov, weight_decay, dual_norm : of matrices; 0.02, 0.95, True, 0, False
    method : 'auto' (exact), 'exact', 'muon', 'newton-schulz', 'polar-express'
    scale : 'aspect' (sqrt(max(1, n/d))), 'rms' (0.2 sqrt(max(n, d))) or 'none'
    rules : dict of name to 'matrix', 'adamw' or 'sgd'; axes : dict of name to letters r, c, b
    row_blocks, column_blocks : dict of name to a number of blocks, or to their sizes
    fallback : 'adamw' or 'sgd', of what is no matrix; fallback_rate, fallback_decay, beta1, beta2,
        epsilon; excluded : patterns of names that are no matrices
    threads, steps, tol, degree, lower, gram, rank_tol : optional, as in `polar`

    Attributes
    ----------
    routes : list of dicts, who is moved by what and why

    Examples
    --------
    >>> weights = {'layer': np.zeros((2, 2)), 'bias': np.zeros(2)}
    >>> optimiser = Muon(weights, rate=0.5)
    >>> report = optimiser.step({'layer': [[3.0, 0.0], [0.0, 4.0]], 'bias': [0.0, 0.0]})
    >>> (weights['layer'].round(12) + 0.0).tolist()
    [[-0.5, 0.0], [0.0, -0.5]]
    >>> [route['rule'] for route in optimiser.routes]
    ['matrix', 'adamw']
    """

    _handle = None

    def __init__(self, parameters, gauge='operator', method='auto', scale='aspect', rules=(),
                 axes=(), row_blocks=(), column_blocks=(), fallback='adamw', excluded=None,
                 **settings):
        self.parameters, self._kept = dict(parameters), []
        options = _settings(gauge, method, scale, fallback, excluded, settings)
        wishes = {'rules': dict(rules), 'axes': dict(axes), 'row_blocks': dict(row_blocks),
                  'column_blocks': dict(column_blocks)}
        for what, names in wishes.items():
            for name in set(names) - set(self.parameters):
                raise ValueError(f'{what} names {name!r}, which is no parameter')
        table = (lib.MuonParameter * max(len(self.parameters), 1))()
        for entry, (name, array) in zip(table, self.parameters.items()):
            self._describe(entry, name, array, wishes)
        handle = ctypes.c_void_p()
        lib.call('wg_muon_setup', ctypes.byref(handle), len(self.parameters), table,
                 ctypes.byref(options))
        self._handle = handle
        self._rates = [options.rate, options.fallback_rate]

    def _describe(self, entry, name, array, wishes):
        if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
            raise TypeError(f'parameter {name!r}: an array of float32 or float64 is wanted')
        if not (array.flags.c_contiguous and array.flags.writeable and array.dtype.isnative):
            raise ValueError(f'parameter {name!r} is changed in place: it must be writable and in '
                             'native C order')
        if array.ndim > 8:
            raise ValueError(f'parameter {name!r} has {array.ndim} axes; at most 8')
        lib.LIBRARY.wg_muon_parameter_init(ctypes.byref(entry))
        entry.name = name.encode()
        entry.single, entry.ndim = int(array.dtype == np.float32), array.ndim
        entry.shape[:array.ndim] = array.shape
        entry.rule = _choice('rule', wishes['rules'].get(name, 'auto'), RULES)
        if name in wishes['axes']:
            entry.axes = wishes['axes'][name].encode()
        for side in ('row', 'column'):
            self._cut(entry, side, wishes[f'{side}_blocks'].get(name))

    def _cut(self, entry, side, blocks):
        if blocks is None:
            return
        if np.ndim(blocks) == 1:
            sizes = (ctypes.c_int64 * len(blocks))(*blocks)
            self._kept.append(sizes)
            setattr(entry, f'{side}_sizes', ctypes.addressof(sizes))
            blocks = len(sizes)
        setattr(entry, f'{side}_blocks', blocks)

    def step(self, gradients):
        """Moves every parameter along its gradient (dict of the same names and shapes).

        Returns a dict: step, directions, sigma_min, sigma_max, orthogonality, seconds, ...
        An error names the entry and leaves everything as it was.
        """
        if set(gradients) != set(self.parameters):
            odd = sorted(set(gradients) ^ set(self.parameters))
            raise ValueError(f'gradients and parameters differ in {", ".join(odd)}')
        held, values = [], (ctypes.c_void_p * max(len(self.parameters), 1))()
        slopes = (ctypes.c_void_p * max(len(self.parameters), 1))()
        for k, (name, array) in enumerate(self.parameters.items()):
            gradient = np.ascontiguousarray(gradients[name], dtype=array.dtype)
            if np.shape(gradients[name]) != array.shape:
                raise ValueError(f'gradient {name!r} has shape {np.shape(gradients[name])}; the '
                                 f'parameter has {array.shape}')
            held.append(gradient)
            values[k], slopes[k] = array.ctypes.data, gradient.ctypes.data
        report = lib.MuonReport()
        lib.call('wg_muon_step', self._handle, values, slopes, ctypes.byref(report))
        return report.as_dict()

    def set_rates(self, rate=None, fallback_rate=None):
        """For schedules; None leaves a rate as it is."""
        rates = [old if new is None else new
                 for old, new in zip(self._rates, (rate, fallback_rate))]
        lib.call('wg_muon_set_rates', self._handle, *rates)
        self._rates = rates

    @property
    def routes(self):
        """A dict a parameter: name, rule, reason, pattern, matrices, rows, columns, blocks."""
        found, names = [], list(RULES)
        for k in range(len(self.parameters)):
            route = lib.MuonRoute()
            lib.call('wg_muon_get_route', self._handle, k, ctypes.byref(route))
            found.append({'name': route.name.decode(), 'rule': names[route.rule],
                          'reason': _REASONS[route.reason], 'pattern': route.pattern.decode(),
                          **{key: getattr(route, key) for key in (
                              'entries', 'matrices', 'rows', 'columns', 'row_blocks',
                              'column_blocks')}})
        return found

    def state(self):
        """Momenta and the number of steps as bytes: after `load` steps go on to the bit."""
        room = ctypes.create_string_buffer(lib.LIBRARY.wg_muon_state_bytes(self._handle))
        lib.call('wg_muon_save', self._handle, room, len(room))
        return room.raw

    def load(self, state):
        """Takes up a `state` of the same parameters; ValueError if it is damaged or another's."""
        lib.call('wg_muon_load', self._handle, bytes(state), len(state))

    def __del__(self):
        if self._handle:
            lib.LIBRARY.wg_muon_free(self._handle)

    def __repr__(self):
        rules = [route['rule'] for route in self.routes]
        return f'<Muon: {rules.count("matrix")} of {len(rules)} parameters as matrices>'
