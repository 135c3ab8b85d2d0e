#!/usr/bin/env python3
"""Writes one pair of clouds.

    instance.py CLOUDS WEIGHTS N D FOLDER     x.npy, y.npy; a.npy, b.npy unless WEIGHTS is uniform

The same arguments give the same points: the seed is made of them.
"""
import pathlib
import sys
import zlib

import numpy as np


def gaussian(rng, n, d):
    """Two normal clouds, one wider and moved."""
    return rng.standard_normal((n, d)), 1.3 * rng.standard_normal((n, d)) + 0.5


def annulus(rng, n, d):
    """A noisy shell, around the normal cloud that it is transported to."""
    direction = rng.standard_normal((n, d))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = np.sqrt(d) * (1.5 + 0.1 * rng.standard_normal((n, 1)))
    return radius * direction, rng.standard_normal((n, d))


def cube(rng, n, d):
    """The fragmented hypercube of Paty and Cuturi (2019): torn apart along two coordinates."""
    x, y = rng.uniform(-1, 1, (n, d)), rng.uniform(-1, 1, (n, d))
    y[:, :2] += 2 * np.sign(y[:, :2])
    return x, y


def read(folder):
    """x, y, a, b of a folder; where it has no weights, uniform ones."""
    x, y = np.load(folder / 'x.npy'), np.load(folder / 'y.npy')
    if not (folder / 'a.npy').exists():
        return x, y, np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    return x, y, np.load(folder / 'a.npy'), np.load(folder / 'b.npy')


CLOUDS = {'gaussian': gaussian, 'annulus': annulus, 'cube': cube}
# A uniform variable to this power; the eighth spreads masses over thirty orders of magnitude.
POWER = {'random': 1, 'heavy': 8}


def main():
    clouds, weights, n, d, folder = sys.argv[1:]
    n, d, folder = int(n), int(d), pathlib.Path(folder)
    rng = np.random.default_rng(zlib.crc32(f'{clouds} {weights} {n} {d}'.encode()))
    for name, points in zip('xy', CLOUDS[clouds](rng, n, d)):
        np.save(folder / f'{name}.npy', points)
    if weights != 'uniform':
        for name in 'ab':
            mass = rng.random(n) ** POWER[weights]
            np.save(folder / f'{name}.npy', mass / mass.sum())


if __name__ == '__main__':
    main()
