#!/usr/bin/env python3
"""Prints, as JSON, the versions of the peers and the kernels their and our OpenBLAS chose.

A program of its own because it loads numpy and POT. An inherited OPENBLAS_CORETYPE, or a processor
that OpenBLAS does not know, can halve every figure: the name of the core shows it.
"""
import ctypes
import ctypes.util
import importlib.metadata
import json
import pathlib

import numpy
import ot

NAMES = ('openblas_get_corename', 'openblas_get_corename64_', 'scipy_openblas_get_corename',
         'scipy_openblas_get_corename64_')


def core_name(library):
    """What an OpenBLAS calls the processor; "unknown" when there is none or it does not say."""
    try:
        loaded = ctypes.CDLL(str(library)) if library else None
    except OSError:
        loaded = None
    for name in NAMES:
        function = getattr(loaded, name, None)
        if function:
            function.restype = ctypes.c_char_p
            return function().decode()
    return 'unknown'


def numpy_library():
    """The OpenBLAS inside numpy's wheel, else the system's, which numpy then uses too."""
    folder = pathlib.Path(numpy.__file__).parent
    bundled = [path for place in (folder.parent / 'numpy.libs', folder / '.dylibs')
               for path in sorted(place.glob('*openblas*'))]
    return bundled[0] if bundled else ctypes.util.find_library('openblas')


def version(package):
    """Of a package that not every benchmark needs; None when it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def main():
    print(json.dumps({
        'numpy': numpy.__version__, 'pot': ot.__version__,
        **{name: version(name) for name in ('cvxpy', 'clarabel', 'scs')},
        'openblas_numpy': core_name(numpy_library()),
        'openblas_system': core_name(ctypes.util.find_library('openblas')),
    }))


if __name__ == '__main__':
    main()
