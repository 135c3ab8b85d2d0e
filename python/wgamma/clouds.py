"""The certified distance of two clouds: `distance`, `Solver` and what they return."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from ._notebook import picture
from ._solving import Run
from .certificates import from_solution

_UNIQUE = {-1: None, 0: False, 1: True}


class Plan(tuple):
    """A coupling as (row, col, mass): `mass[k]` goes from point `row[k]` of x to `col[k]` of y."""

    __slots__ = ()

    def __new__(cls, row, col, mass):
        return super().__new__(cls, (row, col, mass))

    row = property(lambda self: self[0], doc='int64 indices of x')
    col = property(lambda self: self[1], doc='int64 indices of y')
    mass = property(lambda self: self[2], doc='float64 masses, positive')

    def __getnewargs__(self):
        return tuple(self)

    def toarray(self, shape):
        """The n x m matrix."""
        dense = np.zeros(shape)
        dense[self.row, self.col] = self.mass
        return dense


class DistanceResult:
    """What a solve found. Units: `w` is the distance, `w2`, `lower` and `upper` its square.

    Attributes
    ----------
    w, w2 : float
        sqrt(upper), and upper.
    lower, upper, gap : float
        Proved: lower <= W2 <= upper; gap = (upper - lower) / upper.
    outcome : str
        'certified', 'gap-open', 'call-limit', 'time-limit', 'stopped' or 'local'.
    plan : scipy.sparse.coo_array, n x m; a `Plan` where SciPy is not installed
    q, moment : d x d arrays
        The dual optimal Q, and the moment of the plan.
    potentials : (f, g), n and m numbers
    certificate : Certificate
    info : dict
        Seconds, oracle_calls, pivots, peak_bytes, ...
    """

    def __init__(self, gauge, x, y, info, parts):
        self.gauge, self._x, self._y = gauge, x, y
        self.outcome = lib.OUTCOMES[info.pop('outcome')]
        self.lower, self.upper = info.pop('lower'), info.pop('upper')
        self.gap, self.w, self.info = info.pop('gap'), info.pop('w'), info
        self.w2 = self.upper
        self.coo, self.q, self.moment = parts['coo'], parts['q'], parts['moment']
        self.potentials, self.certificate = parts['potentials'], parts['certificate']
        self.structure, self._extra = parts['structure'], parts['extra']

    @property
    def plan(self):
        """The coupling, n x m."""
        try:
            from scipy.sparse import coo_array
        except ImportError:
            return self.coo
        shape = (len(self._x), len(self._y))
        return coo_array((self.coo.mass, (self.coo.row, self.coo.col)), shape=shape)

    def geodesic(self, t):
        """The displacement geodesic at time t: (points count x d, masses count)."""
        if not np.isfinite(t):
            raise ValueError(f't = {t} is not finite')
        row, col, mass = self.coo
        return (1 - t) * self._x[row] + t * self._y[col], mass.copy()

    @property
    def uniqueness(self):
        """Whether there is one optimum only: plan, q, potentials, ... are True, False or None."""
        return self._extra('uniqueness')

    @property
    def gradients(self):
        """Of W2: dict of x (n x d), y (m x d), a (n), b (m); see `wg_get_gradients`."""
        return self._extra('gradients')

    def plot(self, ax=None, most=2000):
        """The plan in the plane of the two leading directions of Q (Matplotlib); returns the axes."""
        import matplotlib.pyplot as plt
        ax = ax or plt.gca()
        directions = np.linalg.eigh(self.q)[1][:, ::-1][:, :2] if self.q.shape[0] > 2 else None
        x, y = (p if directions is None else p @ directions for p in (self._x, self._y))
        if x.shape[1] == 1:
            x, y = np.c_[x, np.ones(len(x))], np.c_[y, np.zeros(len(y))]
        heavy = np.argsort(-self.coo.mass)[:most]
        row, col = self.coo.row[heavy], self.coo.col[heavy]
        lines = np.stack([x[row], y[col]], axis=1)
        from matplotlib.collections import LineCollection
        ax.add_collection(LineCollection(lines, colors='0.6', linewidths=0.4, zorder=0))
        ax.scatter(*x.T, s=6, color='#0072b2', label='x')
        ax.scatter(*y.T, s=6, color='#d55e00', label='y')
        ax.set_title(f'{self.gauge}: W = {self.w:.6g} (gap {self.gap:.1g})')
        ax.set_aspect('equal' if self.q.shape[0] > 1 else 'auto')
        return ax

    def __repr__(self):
        return (f'<DistanceResult {self.gauge}: W = {self.w:.9g}, {self.lower:.9g} <= W2 <= '
                f'{self.upper:.9g}, {self.outcome}>')

    def _repr_html_(self):
        table = ''.join(f'<tr><td>{name}</td><td>{value}</td></tr>' for name, value in (
            ('gauge', self.gauge), ('W', f'{self.w:.9g}'),
            ('W²', f'[{self.lower:.12g}, {self.upper:.12g}]'), ('gap', f'{self.gap:.1e}'),
            ('outcome', self.outcome)))
        return f'<table>{table}</table>{picture(self.plot)}'

    def __getstate__(self):
        """Pickles hold what was found; what is computed on demand is computed now."""
        state = dict(self.__dict__)
        state['_extra'] = _Stored({k: self._extra(k) for k in ('uniqueness', 'gradients')})
        return state


class _Stored:
    """Answers that do not need the solver any more."""

    def __init__(self, answers):
        self.answers = answers

    def __call__(self, name):
        return self.answers[name]


class Solver:
    """A solver that keeps what it learnt: change gauge, points or tolerance and solve again.

    Parameters
    ----------
    x, y : array_like, n x d and m x d
    gauge : str
        'trace', 'frobenius', 'operator', 'schatten:<p>', 'kyfan:<k>', 'sum:...', 'max:...'.
    a, b : array_like, optional
        Weights, summing to one within 1e-6; None: uniform. Zero weights are allowed.
    tol : float
        Relative gap (upper - lower) / upper to reach.
    time_limit : float, seconds
    max_calls : int, exact transport problems at most
    memory_limit : int, bytes
    threads : int, 0 for all cores; results do not depend on it
    seed : int, for the starts with p < 1
    progress : bool or callable
        True: a bar (tqdm if installed). A callable gets a dict ten times a second; a true return
        value stops the solve.

    Notes
    -----
    The GIL is released during a solve. One solver serves one thread at a time. Ctrl-C raises
    `Interrupted`, a KeyboardInterrupt whose `result` is the interval certified until then.
    """

    def __init__(self, x, y, gauge='operator', a=None, b=None, tol=1e-6, **settings):
        self._handle = ctypes.c_void_p()
        x, y = arrays.points('x', x), arrays.points('y', y)
        if x.shape[1] != y.shape[1]:
            raise ValueError(f'x has {x.shape[1]} columns and y {y.shape[1]}')
        a, b = arrays.weights('a', a, len(x)), arrays.weights('b', b, len(y))
        self._run = Run(tol, **settings)
        lib.call('wg_setup', ctypes.byref(self._handle), len(x), len(y), x.shape[1],
                 arrays.pointer(x), arrays.pointer(a), arrays.pointer(y), arrays.pointer(b),
                 _text('gauge', gauge), self._run.address())
        self._x, self._y, self._generation = x, y, 0
        self._gauge = gauge

    def __del__(self):
        if getattr(self, '_handle', None):
            lib.LIBRARY.wg_free(self._handle)
            self._handle = None

    def set_gauge(self, gauge):
        lib.call('wg_set_gauge', self._handle, _text('gauge', gauge))
        self._gauge, self._generation = gauge, self._generation + 1

    def set_points(self, x, y):
        """The same numbers of points, moved."""
        x, y = arrays.points('x', x), arrays.points('y', y)
        if x.shape != self._x.shape or y.shape != self._y.shape:
            raise ValueError(f'x and y have shapes {x.shape} and {y.shape}; they were '
                             f'{self._x.shape} and {self._y.shape}')
        lib.call('wg_set_points', self._handle, arrays.pointer(x), arrays.pointer(y))
        self._x, self._y, self._generation = x, y, self._generation + 1

    def set_tol(self, tol):
        lib.call('wg_set_tol', self._handle, tol)
        self._generation += 1

    def solve(self):
        """Solves; returns a `DistanceResult`."""
        info = lib.Info()
        self._generation += 1
        self._run.call('wg_solve', self._handle, ctypes.byref(info))
        result = DistanceResult(self._canonical(), self._x, self._y, info.as_dict(), self._parts())
        return self._run.finish(result)

    def _canonical(self):
        from .gauges import canonical
        return canonical(self._gauge, self._x.shape[1])

    def _parts(self):
        (n, d), m = self._x.shape, len(self._y)
        plan, q, moment = lib.Plan(), np.empty((d, d)), np.empty((d, d))
        f, g, structure = np.empty(n), np.empty(m), lib.StructureInfo()
        lib.call('wg_get_plan', self._handle, ctypes.byref(plan))
        lib.call('wg_get_q', self._handle, arrays.pointer(q))
        lib.call('wg_get_moment', self._handle, arrays.pointer(moment))
        lib.call('wg_get_potentials', self._handle, arrays.pointer(f), arrays.pointer(g))
        lib.call('wg_get_structure', self._handle, ctypes.byref(structure))
        coo = Plan(arrays.view(plan.row, plan.count, ctypes.c_int64),
                   arrays.view(plan.col, plan.count, ctypes.c_int64),
                   arrays.view(plan.mass, plan.count))
        described = structure.as_dict()
        described['is_map'] = bool(described['is_map'])
        described['is_map_back'] = bool(described['is_map_back'])
        return {'coo': coo, 'q': q, 'moment': moment, 'potentials': (f, g),
                'certificate': self._certificate(), 'structure': described,
                'extra': _Later(self, self._generation)}

    def _certificate(self):
        view = lib.Certificate()
        lib.call('wg_get_certificate', self._handle, ctypes.byref(view))
        return from_solution('wg_certificate_of_clouds', ctypes.byref(view))

    def project(self, k):
        """Both clouds along the k leading directions of Q: (n x k, m x k)."""
        x, y = np.empty((len(self._x), k)), np.empty((len(self._y), k))
        lib.call('wg_project', self._handle, k, arrays.pointer(x), arrays.pointer(y))
        return x, y

    def spectra(self):
        """Eigenvalues of the moment and of Q, decreasing, and the eigenvectors of Q as rows."""
        d = self._x.shape[1]
        moment, q, directions = np.empty(d), np.empty(d), np.empty((d, d))
        lib.call('wg_get_spectra', self._handle, arrays.pointer(moment), arrays.pointer(q),
                 arrays.pointer(directions))
        return moment, q, directions

    def block(self, index):
        """One block of the gauge: start, size, value, share, active, rank, cut, above, tied."""
        found = lib.BlockStructure()
        lib.call('wg_get_block', self._handle, index, ctypes.byref(found))
        return found.as_dict()

    def _uniqueness(self):
        found = lib.Uniqueness()
        lib.call('wg_get_uniqueness', self._handle, ctypes.byref(found))
        return {name: _UNIQUE[value] if name not in ('resolution', 'q_radius') else value
                for name, value in found.as_dict().items()}

    def _gradients(self):
        parts = [np.empty_like(self._x), np.empty_like(self._y), np.empty(len(self._x)),
                 np.empty(len(self._y))]
        lib.call('wg_get_gradients', self._handle, *map(arrays.pointer, parts), None)
        return dict(zip('xyab', parts))


class _Later:
    """Asks the solver when it is first wanted, as long as it still holds this solution."""

    def __init__(self, solver, generation):
        self.solver, self.generation, self.known = solver, generation, {}

    def __call__(self, name):
        if name not in self.known:
            if self.generation != self.solver._generation:
                raise RuntimeError(f'the solver has gone on to another problem: ask for {name} '
                                   'before the next solve or change')
            self.known[name] = getattr(self.solver, '_' + name)()
        return self.known[name]


def _text(name, given):
    if not isinstance(given, str):
        raise TypeError(f'{name} is {type(given).__name__}, not a text such as "operator"')
    return given.encode()


def distance(x, y, gauge='operator', a=None, b=None, tol=1e-6, **settings):
    """The spectral Wasserstein distance of two clouds, with proved bounds.

    Parameters
    ----------
    As for `Solver`.

    Returns
    -------
    DistanceResult

    Examples
    --------
    >>> import wgamma
    >>> result = wgamma.distance([[-1, 0], [1, 0]], [[0, -1], [0, 1]], gauge='operator', tol=1e-9)
    >>> round(result.w, 6), result.outcome
    (1.0, 'certified')
    """
    return Solver(x, y, gauge, a, b, tol, **settings).solve()


def memory_estimate(n, m, d):
    """About how many bytes a solve between n and m points in d dimensions holds at its peak."""
    return lib.LIBRARY.wg_memory_estimate(n, m, d)
