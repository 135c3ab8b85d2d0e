"""Flows of particles under a gauge (theory 6, docs/user/flows.md)."""
import ctypes
import html

import numpy as np

from . import _arrays as arrays
from . import _library as lib
from ._notebook import picture
from ._solving import Run
from .clouds import _text

METHODS = ('auto', 'euler', 'rk4', 'dopri', 'clip', 'events', 'jko', 'momentum')
_EVENTS = {1: 'mode-lost', 2: 'mode-gained', 3: 'mode-reversed', 4: 'to-clip', 5: 'returned'}


class FlowResult:
    """A run of particles.

    Attributes
    ----------
    times : asked for, as far as they were reached; points : times x n x d; weights : n
    outcome : 'certified' for a resolved flow, 'gap-open', 'call-limit', 'time-limit', 'stopped'
    resolved : bool; residual : identity error over the energy lost; summary : str, in words
    log : dict of arrays, one number a step: time, energy, slope2 (N*^2), identity, rank, ...
    spectra : steps x kept, eigenvalues of S_g; events : list of (time, kind, mode, value)
    info : dict
    """

    def __init__(self, gauge, times, points, weights, info, flow):
        self.gauge, self.times, self.points, self.weights = gauge, times, points, weights
        self.info = info.as_dict()
        self.outcome = lib.OUTCOMES[self.info.pop('outcome')]
        self.resolved, self.residual = bool(self.info.pop('resolved')), self.info.pop('residual')
        self.energy = self.info.pop('energy')
        log = lib.FlowLog()
        lib.call('wg_flow_get_log', flow, ctypes.byref(log))
        self.log, self.spectra = self._records(log)
        self.events = [(e.time, _EVENTS[e.kind], e.mode, e.value) for e in
                       ctypes.cast(log.events, ctypes.POINTER(lib.FlowEvent))[:log.event_count]]
        room = ctypes.create_string_buffer(4096)
        lib.call('wg_flow_summary', flow, room, len(room))
        self.summary = room.value.decode()

    @staticmethod
    def _records(log):
        table = np.frombuffer(ctypes.string_at(log.records, log.count * ctypes.sizeof(
            lib.FlowRecord)), dtype=np.dtype(lib.FlowRecord))
        spectra = arrays.view(log.spectra, log.count * log.kept).reshape(log.count, log.kept)
        return {name: table[name].copy() for name in table.dtype.names}, spectra

    def plot(self, axes=None):
        """Trajectories (columns 1 and 2) and the energy over time (Matplotlib)."""
        import matplotlib.pyplot as plt
        if axes is None:
            axes = plt.subplots(1, 2, figsize=(8, 3.5))[1]
        second = min(1, self.points.shape[2] - 1)
        axes[0].plot(self.points[:, :, 0], self.points[:, :, second], color='0.6', lw=0.4)
        axes[0].scatter(self.points[-1, :, 0], self.points[-1, :, second], s=5, color='#d55e00')
        axes[1].semilogy(self.log['time'], self.log['energy'], color='#0072b2')
        axes[1].set_xlabel('time')
        axes[1].set_title(f'{self.gauge}: F = {self.energy:.4g}')
        return axes

    def _repr_html_(self):
        return f'<p>{html.escape(repr(self))}<br>{self.summary}</p>{picture(self.plot, 2)}'

    def __repr__(self):
        return (f'<FlowResult {self.gauge}: F {self.info["start_energy"]:.6g} -> {self.energy:.6g} '
                f'at t = {self.info["time"]:.6g}, {self.outcome}>')


def _flow_settings(method, tol, run, options):
    if method not in METHODS:
        raise ValueError(f'method {method!r} is none of {", ".join(METHODS)}')
    settings = lib.FlowSettings()
    lib.LIBRARY.wg_flow_settings_init(ctypes.byref(settings))
    settings.method, settings.tol = METHODS.index(method), tol
    for name in ('time_limit', 'memory_limit', 'threads', 'seed', 'progress'):
        setattr(settings, name, getattr(run.settings, name))
    for name, value in options.items():
        setattr(settings, name, value)
    return settings


def flow(energy, x, time=None, gauge='operator', a=None, times=None, method='auto', tol=1e-5,
         step=0.0, cutoff=0.0, inertia=1.0, cap=0.0, newton_steps=0, max_steps=0, **settings):
    """Particles x follow dx/dt = J(g), g the force of the energy, J the LMO of the gauge.

    Parameters
    ----------
    energy : `wgamma.energies.Energy`
    x : n x d start; a : n positive weights or None
    time : float, how far; times : increasing times at which points are kept (default: 51 of them)
    gauge, method, tol, step, cutoff, inertia, cap, newton_steps, max_steps : docs/user/flows.md
    time_limit, memory_limit, threads, seed, progress : as for `Solver`

    Returns
    -------
    FlowResult

    Examples
    --------
    >>> from wgamma import energies
    >>> run = flow(energies.potential('quadratic'), [[2.0], [1.0]], 1.0, 'trace', tol=1e-8)
    >>> bool(abs(run.points[-1, 0, 0] - 2 * np.exp(-1)) < 1e-6), run.outcome
    (True, 'certified')
    """
    x = arrays.points('x', x)
    a = arrays.weights('a', a, len(x))
    if (time is None) == (times is None):
        raise ValueError('one of time and times is wanted')
    wanted = np.linspace(0.0, time, 51) if times is None else np.atleast_1d(
        arrays.numbers('times', times))
    run = Run(1e-6, **settings)
    options = _flow_settings(method, tol, run, {
        'step': step, 'cutoff': cutoff, 'inertia': inertia, 'cap': cap,
        'newton_steps': newton_steps, 'max_steps': max_steps})
    handle = ctypes.c_void_p()
    try:
        energy_call(energy, lib.call, 'wg_flow_setup', ctypes.byref(handle), energy._handle,
                    *x.shape, arrays.pointer(x), arrays.pointer(a), _text('gauge', gauge),
                    ctypes.byref(options))
        return run.finish(_follow(energy, handle, run, gauge, wanted, x.shape, a))
    finally:
        lib.LIBRARY.wg_flow_free(handle)


def sphere_flow(energy, w, mass, time, step, gauge='operator', **settings):
    """The flow of an energy of degree two seen on the sphere: directions and masses (theory 7).

    Parameters
    ----------
    energy : one that depends on particles x only through directions x/|x| and masses a |x|^2
    w : n x d directions, divided by their lengths; mass : n positive numbers
    time, step : how far; the longest Runge-Kutta step
    time_limit, memory_limit, threads, progress : as for `Solver`

    Returns
    -------
    (w, mass, info), the first two new arrays

    Examples
    --------
    >>> from wgamma import energies
    >>> w, mass, info = sphere_flow(energies.potential('quadratic'), [[1.0, 0], [0, 1.0]],
    ...                             [1.0, 2.0], 0.5, 0.01, 'trace')
    >>> (mass * np.e).round(6).tolist()      # x shrinks like exp(-t), masses like its square
    [1.0, 2.0]
    """
    w = np.array(arrays.points('w', w))
    mass = np.array(arrays.weights('mass', mass, len(w)))
    run, info = Run(1e-6, **settings), lib.SphereFlowInfo()
    energy_call(energy, run.call, 'wg_sphere_flow', energy._handle, *w.shape, arrays.pointer(w),
                arrays.pointer(mass), _text('gauge', gauge), time, step, run.address(),
                ctypes.byref(info))
    found = info.as_dict()
    found['outcome'] = lib.OUTCOMES[info.outcome]
    return run.finish((w, mass, found))


def energy_call(energy, call, *arguments):
    """A call in which the energy is evaluated: what its callback raised comes first."""
    try:
        return call(*arguments)
    except Exception:
        energy._raise()
        raise


def _follow(energy, handle, run, gauge, wanted, shape, a):
    info, points, reached = lib.FlowInfo(), [], []
    for time in wanted:
        outcome = energy_call(energy, run.call, 'wg_flow_run', handle, float(time),
                              ctypes.byref(info))
        places, at = np.empty(shape), ctypes.c_double()
        lib.call('wg_flow_get', handle, ctypes.byref(at), arrays.pointer(places), None, None)
        points.append(places)
        reached.append(at.value)
        if at.value < time or lib.OUTCOMES[outcome] in ('call-limit', 'time-limit', 'stopped'):
            break
    weights = np.full(shape[0], 1.0 / shape[0]) if a is None else a
    return FlowResult(gauge, np.array(reached), np.array(points), weights, info, handle)
