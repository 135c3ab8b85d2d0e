"""The dynamic form on a grid (theory 5): densities and momenta over time."""
import ctypes

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from ._solving import Run
from .certificates import from_solution
from .clouds import _text


class DynamicResult:
    """Attributes
    ----------
    primal, dual : estimates of W2; w : sqrt(primal); lower, upper : bounds of the grid's problem
    density : steps x grid, masses; momentum : steps x d x grid; times : middles of the steps
    potential : (steps + 1) x corners; q, moment : d x d
    certificate : Certificate, of the bounds on the grid
    outcome : str; converged : bool; info : dict, mass_error, continuity, least_density, ...
    """

    def __init__(self, gauge, info, solution, shape):
        self.gauge, self.info = gauge, info.as_dict()
        self.outcome = lib.OUTCOMES[self.info.pop('outcome')]
        self.converged = bool(self.info.pop('converged'))
        for name in ('primal', 'dual', 'lower', 'upper', 'w'):
            setattr(self, name, self.info.pop(name))
        path, d = lib.DynamicPath(), len(shape)
        lib.call('wg_dynamic_get', solution, ctypes.byref(path))
        k, corners = path.steps, tuple(n + 1 for n in shape)
        self.certificate = None
        if np.isfinite(self.upper):
            self.certificate = from_solution('wg_dynamic_certificate', solution)
        self.times = (np.arange(k) + 0.5) / k
        for name, form in (('density', (k, *shape)), ('momentum', (k, d, *shape)),
                           ('potential', (k + 1, *corners)), ('q', (d, d)), ('moment', (d, d))):
            setattr(self, name, arrays.view(getattr(path, name), int(np.prod(form))).reshape(form))

    def __repr__(self):
        return (f'<DynamicResult {self.gauge}: W = {self.w:.6g}, primal {self.primal:.6g}, dual '
                f'{self.dual:.6g}, {self.outcome}>')


def dynamic(mass0, mass1, gauge='operator', spacing=None, steps=32, tol=1e-3, max_iterations=2000,
            **settings):
    """W2 between densities on a grid by the Benamou-Brenier form.

    Parameters
    ----------
    mass0, mass1 : arrays of 1, 2 or 3 dimensions, numbers >= 0, divided by their sums
    spacing : lengths of a cell's sides; None: one
    steps, tol, max_iterations : of time; how near primal and dual come; of the splitting
    time_limit, memory_limit, threads, progress : as for `Solver`

    Examples
    --------
    >>> i = np.arange(24)
    >>> bump = lambda middle: np.exp(-0.5 * ((i - middle) / 2.0) ** 2)
    >>> result = dynamic(bump(8), bump(14), 'trace', steps=8)
    >>> bool(abs(result.w - 6) < 0.05), result.density.shape
    (True, (8, 24))
    """
    mass0, mass1 = arrays.numbers('mass0', mass0), arrays.numbers('mass1', mass1)
    if mass0.shape != mass1.shape or not 1 <= mass0.ndim <= 3:
        raise ValueError(f'mass0 and mass1 have shapes {mass0.shape} and {mass1.shape}; the same '
                         'grid of one to three dimensions is wanted')
    d = mass0.ndim
    shape = np.array(mass0.shape, dtype=np.int64)
    spacing = None if spacing is None else arrays.vector('spacing', spacing, d)
    run, options = Run(tol, **settings), lib.DynamicSettings()
    lib.LIBRARY.wg_dynamic_settings_init(ctypes.byref(options))
    options.tol, options.steps, options.max_iterations = tol, steps, max_iterations
    for name in ('time_limit', 'memory_limit', 'threads', 'progress'):
        setattr(options, name, getattr(run.settings, name))
    info, solution = lib.DynamicInfo(), ctypes.c_void_p()
    run.call('wg_dynamic', d, shape.ctypes.data, arrays.pointer(spacing), arrays.pointer(mass0),
             arrays.pointer(mass1), _text('gauge', gauge), ctypes.byref(options),
             ctypes.byref(info), ctypes.byref(solution))
    try:
        return run.finish(DynamicResult(gauge, info, solution, mass0.shape))
    finally:
        lib.LIBRARY.wg_dynamic_free(solution)
