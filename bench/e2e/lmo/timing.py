#!/usr/bin/env python3
"""Times polar factors of one matrix or one batch, everything in turn within one process; JSON.

    timing.py COUNT ROWS COLUMNS {float32|float64} REPEAT THREADS

COUNT 0 is a single matrix. A program of its own because it loads numpy, torch where there is one,
and our shared library. Beside the seconds it tells, for each way, the least and the largest
singular value of what it makes, of the first matrix of a batch.
"""
import ctypes
import json
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'micro' / 'lmo'))
import timing as one  # one matrix: settings, library, torch


def our_batch(g, out, threads, method):
    settings = one.PolarSettings()
    one.LIB.wg_polar_settings_init(ctypes.byref(settings))
    settings.threads, settings.method = threads, method
    name = 'wg_polar_batch' + ('_f32' if g.dtype == np.float32 else '')
    call, sizes = getattr(one.LIB, name), [ctypes.c_int64(size) for size in g.shape]
    data, to = (array.ctypes.data_as(ctypes.c_void_p) for array in (g, out))
    return lambda: one.finish(call(*sizes, data, ctypes.byref(settings), to, None))


def our_plain_quintic(g, out, threads):
    """The quintic without the Gram form, whose flops the limit counts."""
    settings = one.PolarSettings()
    one.LIB.wg_polar_settings_init(ctypes.byref(settings))
    settings.threads, settings.method, settings.gram = threads, one.MUON, 0
    call, arguments = one.sized('wg_polar', g)
    to = out.ctypes.data_as(ctypes.c_void_p)
    return lambda: one.finish(call(*arguments, ctypes.byref(settings), to, None))


def torch_quintic(g):
    """Five steps as optimisers make them, of one matrix or a batch, in the precision of g."""
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    x = x.mT if x.shape[-2] > x.shape[-1] else x
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x.mT if g.shape[-2] > g.shape[-1] else x


def candidates(g, threads):
    """Name: a call that returns its result, or leaves it in the array beside it."""
    names = ('exact', 'quintic', 'express') + (() if g.ndim == 3 else ('quintic_plain',))
    outs = {name: np.empty_like(g) for name in names}
    methods = {'exact': one.EXACT, 'quintic': one.MUON, 'express': one.EXPRESS}
    make = our_batch if g.ndim == 3 else one.our_polar
    runs = {name: make(g, outs[name], threads, method) for name, method in methods.items()}
    if g.ndim == 2:
        runs['quintic_plain'] = our_plain_quintic(g, outs['quintic_plain'], threads)
        short = np.ascontiguousarray(g if g.shape[0] <= g.shape[1] else g.T)
        square = np.ones((short.shape[0],) * 2, g.dtype)
        runs['product'] = lambda: square @ short
    if one.torch:
        one.torch.set_num_threads(threads)
        tensor = one.torch.from_numpy(g)
        runs['torch'] = lambda: torch_quintic(tensor)
        if g.dtype == np.float32:
            runs['torch_bf16'] = lambda: torch_quintic(tensor.bfloat16())
    return runs, outs


def spread(result):
    """The least and the largest singular value, of the first matrix."""
    values = np.linalg.svd(result if result.ndim == 2 else result[0], compute_uv=False)
    return [float(values[-1]), float(values[0])]


def main():
    count, rows, columns, dtype, repeat, threads = sys.argv[1:7]
    shape = (int(rows), int(columns)) if count == '0' else (int(count), int(rows), int(columns))
    g = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    runs, outs = candidates(g, int(threads))
    seconds, spreads = {name: [] for name in runs}, {}
    for turn in range(int(repeat) + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            result = run()
            if turn:  # the first warms up
                seconds[name].append(time.perf_counter() - start)
            elif name != 'product':
                made = outs[name] if result is None else result.float().numpy()
                spreads[name] = spread(np.asarray(made, np.float64))
    print(json.dumps({'seconds': {name: sorted(times)[(len(times) - 1) // 2]
                                  for name, times in seconds.items()}, 'all_seconds': seconds,
                      'singular': spreads,
                      'torch': one.torch.__version__ if one.torch else None}))


if __name__ == '__main__':
    main()
