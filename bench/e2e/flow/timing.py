#!/usr/bin/env python3
"""Times one force of an energy, all ways in turn within one process, and prints JSON.

    timing.py {network|attention|mmd|tree} SIZES REPEAT THREADS

SIZES is JSON. A program of its own because it loads numpy, torch where there is one, and our
package over the library in build. Beside the seconds it tells by how much each force differs from
our double one, over the largest entry; of `tree` from direct sums at some of the particles.
"""
import json
import pathlib
import sys
import time

import numpy as np

try:
    import torch
except ImportError:
    torch = None

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / 'python'))
from wgamma import energies

PAIRS = 5_000_000  # of a block in numpy and torch, whose temporaries hold them all
EPSILON = 0.01


def by_torch(loss, x, dtype):
    """The force as automatic differentiation finds it: n times the gradient."""
    start = torch.from_numpy(x).to(dtype).requires_grad_(True)

    def run():
        start.grad = None
        loss(start).backward()
        return len(x) * start.grad.double().numpy()
    return run


def torch_ways(loss, x):
    """loss(particles, convert) in double and float."""
    if not torch:
        return {}
    return {name: by_torch(loss(dtype), x, dtype)
            for name, dtype in (('torch', torch.float64), ('torch_f32', torch.float32))}


# ---- networks: particles (u, v), relu, one output ----


def network(sizes, rng, threads):
    x = rng.standard_normal((sizes['n'], 1 + sizes['inputs']))
    z = rng.standard_normal((sizes['data'], sizes['inputs']))
    y = rng.standard_normal(sizes['data'])
    energy = energies.network(z, y[:, None], 'relu', threads=threads)

    def numpy_force():
        p = z @ x[:, 1:].T
        s = np.maximum(p, 0)
        r = (s @ x[:, 0] / len(x) - y) / len(z)
        return np.hstack([(r @ s)[:, None], x[:, :1] * (((p > 0) * r[:, None]).T @ z)])

    def loss(dtype):
        data, labels = (torch.from_numpy(array).to(dtype) for array in (z, y))
        return lambda w: ((torch.relu(data @ w[:, 1:].T) @ w[:, 0] / len(w) - labels)**2).mean() / 2
    return {'wgamma': lambda: energy.evaluate(x)[1], 'numpy': numpy_force, **torch_ways(loss, x)}


# ---- attention: particles (Q, K, V, O), each head x token ----


def attention(sizes, rng, threads):
    n, count, length, token, head = (sizes[k] for k in ('n', 'count', 'length', 'token', 'head'))
    x = rng.standard_normal((n, 4 * head * token)) / 2
    z, y = (rng.standard_normal((count, length, token)) for _ in range(2))
    ways = {}
    for name, accuracy in (('wgamma', 0.0), ('wgamma_f32', 1e-5)):
        energy = energies.attention(z, y, head, threads=threads, accuracy=accuracy)
        ways[name] = lambda energy=energy: energy.evaluate(x)[1]
    root = head**0.5

    def numpy_force():
        q, k, v, o = np.moveaxis(x.reshape(n, 4, head, token), 1, 0)
        zq, zk, zv = (np.einsum('clt,nht->nclh', z, m, optimize=True) for m in (q, k, v))
        s = zq @ np.swapaxes(zk, 2, 3) / root
        p = np.exp(s - s.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        c = p @ zv
        r = (np.einsum('nclh,nht->clt', c, o, optimize=True) / n - y) / (count * length)
        dc = np.einsum('clt,nht->nclh', r, o, optimize=True)
        ds = p * (dc @ np.swapaxes(zv, 2, 3) - (dc * c).sum(-1, keepdims=True)) / root
        backs = ds @ zk, np.swapaxes(ds, 2, 3) @ zq, np.swapaxes(p, 2, 3) @ dc, c
        parts = [np.einsum('nclh,clt->nht', back, to, optimize=True)
                 for back, to in zip(backs, (z, z, z, r))]
        return np.stack(parts, 1).reshape(n, -1)

    def loss(dtype):
        data, labels = (torch.from_numpy(array).to(dtype) for array in (z, y))

        def value(w):
            q, k, v, o = w.reshape(n, 4, head, token).unbind(1)
            zq, zk, zv = (torch.einsum('clt,nht->nclh', data, m) for m in (q, k, v))
            p = torch.softmax(zq @ zk.transpose(2, 3) / root, -1)
            out = torch.einsum('nclh,nht->clt', p @ zv, o) / n
            return ((out - labels)**2).sum() / (2 * count * length)
        return value
    return {**ways, 'numpy': numpy_force, **torch_ways(loss, x)}


# ---- MMD by the energy distance, n against n points ----


def field(library, at, points):
    """The mean over points of the gradient of -sqrt(|at - y|^2 + epsilon^2), in blocks of rows."""
    out, rows = [], max(1, PAIRS // len(points))
    for block in range(0, len(at), rows):
        gap = at[block:block + rows, None, :] - points[None]
        square = (gap**2).sum(-1) + EPSILON**2
        out.append(-(gap / library.sqrt(square)[..., None]).sum(1) / len(points))
    return library.concatenate(out)


def mmd_force(library, x, y):
    return lambda: np.asarray(2 * field(library, x, x) - 2 * field(library, x, y), np.float64)


def clouds(sizes, rng):
    return (rng.standard_normal((sizes['n'], sizes['d'])),
            rng.standard_normal((sizes['n'], sizes['d'])) * 0.7 + 1)


def mmd(sizes, rng, threads):
    x, y = clouds(sizes, rng)
    kernel, ways = f'energy:{EPSILON}', {}
    for name, accuracy in (('wgamma', 0.0), ('wgamma_f32', 1e-5)):
        energy = energies.mmd(y, kernel, threads=threads, method='direct', accuracy=accuracy)
        ways[name] = lambda energy=energy: energy.evaluate(x)[1]
    ways['numpy'] = mmd_force(np, x, y)
    if torch:
        for name, dtype in (('torch', torch.float64), ('torch_f32', torch.float32)):
            ways[name] = mmd_force(torch, *(torch.from_numpy(cloud).to(dtype) for cloud in (x, y)))
    return ways


def tree(sizes, rng, threads):
    x, y = clouds(sizes, rng)
    kernel = f'energy:{EPSILON}'
    energy = energies.mmd(y, kernel, threads=threads, method='tree', accuracy=sizes['accuracy'])
    return {'wgamma': lambda: energy.evaluate(x)[1]}


def tree_error(sizes, rng, force):
    """Over the largest field of either cloud, of 100 particles."""
    x, y = clouds(sizes, rng)
    some = x[:: max(1, len(x) // 100)]
    own, other = 2 * field(np, some, x), 2 * field(np, some, y)
    return np.abs(force[:: max(1, len(x) // 100)] - own + other).max() / max(
        np.abs(own).max(), np.abs(other).max())


KINDS = {'network': network, 'attention': attention, 'mmd': mmd, 'tree': tree}


def main():
    kind, sizes, repeat, threads = sys.argv[1], json.loads(sys.argv[2]), *map(int, sys.argv[3:5])
    ways = KINDS[kind](sizes, np.random.default_rng(1), threads)
    if torch:
        torch.set_num_threads(threads)
    seconds, forces = {name: [] for name in ways}, {}
    for turn in range(repeat + 1):
        for name, run in ways.items():
            start = time.perf_counter()
            force = run()
            if turn:  # the first warms up
                seconds[name].append(time.perf_counter() - start)
            else:
                forces[name] = force
    scale = np.abs(forces['wgamma']).max()
    errors = {name: float(np.abs(force - forces['wgamma']).max() / scale)
              for name, force in forces.items() if name != 'wgamma'}
    if kind == 'tree':
        errors = {'wgamma': float(tree_error(sizes, np.random.default_rng(1), forces['wgamma']))}
    print(json.dumps({'seconds': {name: sorted(times)[(len(times) - 1) // 2]
                                  for name, times in seconds.items()}, 'all_seconds': seconds,
                      'errors': errors, 'torch': torch.__version__ if torch else None}))


if __name__ == '__main__':
    main()
