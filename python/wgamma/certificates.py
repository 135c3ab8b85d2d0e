"""Certificates: what proves an answer, as arrays and as a file that `wgamma verify` reads.

The library lays out, reads, checks and judges; here its arrays get Python names. The format is
docs/user/certificate.md.
"""
import ctypes
import os

import numpy as np

from . import _arrays as arrays
from . import _library as lib

#: Arrays of clouds that a file may lack, and what they are then: no cuts, second halves of zero.
_ABSENT = {
    'cut_q': lambda c: np.zeros((0, c.q.size)), 'cut_f': lambda c: np.zeros((0, len(c.f))),
    'cut_g': lambda c: np.zeros((0, len(c.g))), 'mass_low': lambda c: np.zeros_like(c.mass),
    'f_low': lambda c: np.zeros_like(c.f), 'g_low': lambda c: np.zeros_like(c.g)}


class _Handle:
    """A certificate of the library, freed at the end of the block."""

    def __init__(self, call, *arguments):
        """arguments: those of the call, with `_Handle` where the address of the object goes."""
        self.value = ctypes.c_void_p()
        address = ctypes.byref(self.value)
        lib.call(call, *(address if a is _Handle else a for a in arguments))

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        lib.LIBRARY.wg_certificate_free(self.value)


class Certificate:
    """Everything that proves `lower <= value <= upper`; docs/user/certificate.md lists the arrays.

    Attributes
    ----------
    kind : str
        'clouds', 'gaussian', 'barycentre', 'sphere' or 'grid'.
    gauge : str
    lower, upper, tol : float, what is claimed
    names : tuple of str
        The arrays, each of which is an attribute too. Of clouds: x, a, y, b (points and weights),
        row, col, mass (the plan), q, f, g (potentials under q), cut_q, cut_f, cut_g, and the second
        halves mass_low, f_low, g_low: a mass is mass + mass_low, exactly.
    """

    def __init__(self, kind, gauge, lower, upper, tol, **parts):
        self.kind, self.gauge = kind, gauge
        self.lower, self.upper, self.tol = lower, upper, tol
        self.__dict__.update(parts)
        if kind == 'clouds':
            for name, absent in _ABSENT.items():
                if name not in parts:
                    parts[name] = absent(self)
                    setattr(self, name, parts[name])
        self.names = tuple(parts)

    # ---- to and from the library ----

    def _left_out(self):
        """Arrays of clouds that say nothing: no cuts, second halves that are zero."""
        if self.kind != 'clouds':
            return set()
        cuts, halves = (tuple(n for n in _ABSENT if n.startswith('cut') == k) for k in (True, False))
        empty = set() if any(np.size(getattr(self, n)) for n in cuts) else set(cuts)
        return empty | (set() if any(np.any(getattr(self, n)) for n in halves) else set(halves))

    def _given(self):
        """Name and array of all that is there: nothing is trusted, they may have been edited."""
        absent = self._left_out()
        for name in self.names:
            if name in absent:
                continue
            array = np.asarray(getattr(self, name))
            kind = np.int64 if name in ('row', 'col', 'shape') else np.float64
            yield name, np.ascontiguousarray(array, dtype=kind)
        yield 'claim', np.array([self.lower, self.upper, self.tol], dtype=np.float64)

    def _open(self):
        """The library's copy, a `_Handle`."""
        given = dict(self._given())
        table = (lib.CertificateArray * len(given))()
        for entry, (name, array) in zip(table, given.items()):
            if not 1 <= array.ndim <= 3:
                raise ValueError(f'{name} has shape {array.shape}; one to three dimensions are '
                                 'wanted')
            entry.name, entry.integers, entry.ndim = name.encode(), array.dtype.kind == 'i', array.ndim
            entry.shape[:array.ndim] = array.shape
            entry.data = arrays.pointer(array)
        return _Handle('wg_certificate_create', _Handle, self.kind.encode(), self.gauge.encode(),
                       len(given), ctypes.addressof(table))

    @classmethod
    def _from(cls, handle):
        """What the library holds, copied."""
        parts, array = {}, lib.CertificateArray()
        k = 0
        while lib.LIBRARY.wg_certificate_get_array(handle, k, ctypes.byref(array)) == 0:
            shape = tuple(array.shape[:array.ndim])
            kind = ctypes.c_int64 if array.integers else ctypes.c_double
            parts[array.name.decode()] = arrays.view(array.data, int(np.prod(shape)),
                                                     kind).reshape(shape)
            k += 1
        lower, upper, tol = map(float, parts.pop('claim'))
        return cls(lib.LIBRARY.wg_certificate_kind(handle).decode(),
                   lib.LIBRARY.wg_certificate_gauge(handle).decode(), lower, upper, tol, **parts)

    # ---- what it is for ----

    def verify(self, rigorous=False, threads=0):
        """Derives both bounds again from the data alone.

        Parameters
        ----------
        rigorous : bool
            In ball arithmetic: the answer is a theorem about the stored numbers. For clouds.

        Returns
        -------
        dict with `valid`, the bounds that do follow (`lower`, `upper`, or enclosures of them), and
        `open`: the claimed gap is larger than the claimed tol.
        """
        verdict = lib.RigorousVerdict() if rigorous else lib.Verdict()
        with self._open() as handle:
            lib.call('wg_certificate_verify_rigorous' if rigorous else 'wg_certificate_verify',
                     handle, threads, ctypes.byref(verdict))
        found = verdict.as_dict()
        for name in {'valid', 'open'} & set(found):
            found[name] = bool(found[name])
        return {**found, 'finding': found['finding'].decode()}

    def save(self, path):
        """Writes the file that `wgamma verify` reads."""
        with self._open() as handle:
            lib.call('wg_certificate_write', handle, os.fsencode(path))

    @classmethod
    def load(cls, path):
        """Reads such a file, of any kind; ValueError with the reason if it is none."""
        with _Handle('wg_certificate_read', _Handle, os.fsencode(path)) as handle:
            return cls._from(handle)

    def __repr__(self):
        return f'<Certificate of {self.kind}, {self.gauge}: [{self.lower:.9g}, {self.upper:.9g}]>'


def load_certificate(path):
    """The certificate in a file, of any kind; see `Certificate`."""
    return Certificate.load(path)


def verify(certificate, rigorous=False, threads=0):
    """Judges a `Certificate`, or the file of one; see `Certificate.verify`."""
    if not isinstance(certificate, Certificate):
        certificate = Certificate.load(certificate)
    return certificate.verify(rigorous, threads)


def from_solution(name, solution):
    """Calls e.g. wg_sphere_certificate; the certificate of that solution."""
    with _Handle(name, solution, _Handle) as handle:
        return Certificate._from(handle)
