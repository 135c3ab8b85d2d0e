#!/usr/bin/env python3
"""Times one matrix, everything in turn within one process, and prints the seconds as JSON.

    timing.py {tall|weight} ROWS COLUMNS {float32|float64} REPEAT THREADS

A program of its own because it loads numpy, torch where there is one, and our shared library.
"""
import ctypes
import json
import pathlib
import sys
import time

import numpy as np

try:
    import torch
except ImportError:
    torch = None

LIBRARY = pathlib.Path(__file__).resolve().parents[3] / 'build' / 'libwgamma.so'
EXACT, MUON, EXPRESS = 1, 2, 4  # enum wg_polar_method


class LmoSettings(ctypes.Structure):
    _fields_ = [('struct_size', ctypes.c_size_t), ('threads', ctypes.c_int),
                ('rank_tol', ctypes.c_double), ('tie_tol', ctypes.c_double),
                ('accuracy', ctypes.c_double), ('passes', ctypes.c_int), ('check', ctypes.c_int)]


class PolarSettings(ctypes.Structure):
    _fields_ = [('struct_size', ctypes.c_size_t), ('threads', ctypes.c_int),
                ('method', ctypes.c_int), ('steps', ctypes.c_int), ('tol', ctypes.c_double),
                ('degree', ctypes.c_int), ('lower', ctypes.c_double), ('gram', ctypes.c_int),
                ('rank_tol', ctypes.c_double), ('check', ctypes.c_int)]


def sized(function, g, *before):
    """function(*before, n, d, g, ...) of the type of g."""
    call = getattr(LIB, function if g.dtype == np.float64 else function + '_f32')
    return call, (*before, ctypes.c_int64(g.shape[0]), ctypes.c_int64(g.shape[1]),
                  g.ctypes.data_as(ctypes.c_void_p))


def finish(status):
    if status < 0:
        raise SystemExit(LIB.wg_error_detail().decode())


def our_lmo(g, out, threads):
    settings = LmoSettings()
    LIB.wg_lmo_settings_init(ctypes.byref(settings))
    settings.threads = threads
    call, arguments = sized('wg_lmo', g, b'operator')
    to = out.ctypes.data_as(ctypes.c_void_p)
    return lambda: finish(call(*arguments, None, ctypes.byref(settings), to, None))


def our_polar(g, out, threads, method, steps=0):
    settings = PolarSettings()
    LIB.wg_polar_settings_init(ctypes.byref(settings))
    settings.threads, settings.method, settings.steps = threads, method, steps
    call, arguments = sized('wg_polar', g)
    to = out.ctypes.data_as(ctypes.c_void_p)
    return lambda: finish(call(*arguments, ctypes.byref(settings), to, None))


def numpy_lmo(g):
    values, vectors = np.linalg.eigh(g.T @ g)
    root = np.sqrt(values)
    return -root.sum() * (g @ ((vectors / root) @ vectors.T))


def torch_svd(g):
    u, s, v = torch.linalg.svd(g, full_matrices=False)
    return -s.sum() * (u @ v)


def torch_muon(g, steps=5):
    """The five steps as optimisers make them, in the precision of g."""
    x = g / (g.norm() + 1e-7)
    x = x.T if x.shape[0] > x.shape[1] else x
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


def candidates(kind, g, out, threads):
    """Names and calls; `copy` reads and writes G once."""
    if kind == 'tall':
        runs = {'wgamma': our_lmo(g, out, threads), 'numpy': lambda: numpy_lmo(g),
                'copy': lambda: np.copyto(out, g)}
    else:
        short = np.ascontiguousarray(g if g.shape[0] <= g.shape[1] else g.T)
        square = np.ones((short.shape[0],) * 2, g.dtype)
        runs = {'exact': our_polar(g, out, threads, EXACT),
                'muon': our_polar(g, out, threads, MUON),
                'express': our_polar(g, out, threads, EXPRESS, 5), 'gemm': lambda: square @ short}
    if torch:
        tensor = torch.from_numpy(g)
        torch.set_num_threads(threads)
        name, function = ('torch_svd', torch_svd) if kind == 'tall' else ('torch_muon', torch_muon)
        runs[name] = lambda: function(tensor)
    return runs


def main():
    kind, rows, columns, dtype, repeat, threads = sys.argv[1:7]
    shape = int(rows), int(columns)
    g = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    out = np.empty_like(g)
    runs = candidates(kind, g, out, int(threads))
    seconds = {name: [] for name in runs}
    for turn in range(int(repeat) + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:  # the first warms up
                seconds[name].append(time.perf_counter() - start)
    print(json.dumps({'seconds': {name: sorted(times)[(len(times) - 1) // 2]
                                  for name, times in seconds.items()}, 'all_seconds': seconds,
                      'torch': torch.__version__ if torch else None}))


LIB = ctypes.CDLL(str(LIBRARY))
LIB.wg_error_detail.restype = ctypes.c_char_p

if __name__ == '__main__':
    main()
