#!/usr/bin/env python3
"""Does any interval miss the value? Tries instances whose value is known and counts.

    run.py [COUNT]                       all families, by their shares (default: 2000)
    run.py --family NAME [--index K]     one family; one instance, with its data, to the bit

An instance is a miss if its value is outside [lower, upper], whatever the outcome says; open if it
is not certified. Exit status 1 if there is a miss or an error, 77 (skipped) without its packages.
"""
import argparse
import os
import pathlib
import statistics
import sys
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'python'))
os.environ.setdefault('WGAMMA_LIBRARY', str(ROOT / 'build' / 'libwgamma.so'))
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
try:
    import numpy as np

    import families
except ImportError as missing:
    print(f'skipped: {missing}; scripts/setup.sh installs it')
    sys.exit(77)
import wgamma  # noqa: E402
import exact  # noqa: E402

SETTINGS = dict(threads=1, time_limit=3.0)


class Interval:
    def __init__(self, lower, upper, outcome):
        self.lower, self.upper, self.outcome = float(lower), float(upper), outcome


def _pairwise(clouds, gauge, pair):
    found = wgamma.pairwise(clouds, gauge, threads=1)
    return Interval(found.lower[pair], found.upper[pair], found.outcome)


def _batch(**data):
    found = wgamma.gaussian_batch(**data, **SETTINGS)
    return Interval(found['lower'][0], found['upper'][0], found['outcome'][0])


def _lmo(g, gauge):
    """A number without an interval: it is held to 1e-12."""
    value = wgamma.lmo(g, gauge, report=True)[1]['dual_norm']
    return Interval(value * (1 - 1e-12), value * (1 + 1e-12), 'certified')


def _of(function):
    return lambda **data: function(**data, **SETTINGS)


COMMANDS = {'distance': _of(wgamma.distance), 'pairwise': _pairwise,
            'gaussian': _of(wgamma.gaussian), 'gaussian_batch': _batch,
            'gaussian_barycentre': _of(wgamma.gaussian_barycentre), 'sphere': _of(wgamma.sphere),
            'dynamic': _of(wgamma.dynamic), 'lmo': _lmo}


def told(data):
    """The data as Python reads them back, to the last bit."""
    with np.printoptions(precision=17, floatmode='unique', threshold=10 ** 6):
        return ', '.join(f'{key}={value!r}' for key, value in data.items())


def misses(value, found):
    """How far the value is outside, relative to it; 0 inside."""
    if isinstance(value, exact.Fraction):
        low, high = exact.Fraction(found.lower), exact.Fraction(found.upper)
    else:  # known to some 40 digits
        value = exact.mpf(value)
        low, high = exact.mpf(found.lower), exact.mpf(found.upper)
        if abs(value - low) <= abs(value) * exact.mpf(10) ** -30:
            low = value
        if abs(value - high) <= abs(value) * exact.mpf(10) ** -30:
            high = value
    beyond = max(low - value, value - high)
    if not beyond > 0:
        return 0.0
    return float(beyond / value) if value else float('inf')


class Count:
    """What came of one family."""

    def __init__(self):
        self.tried = self.missed = self.failed = self.open = 0
        self.gaps, self.worst, self.seconds = [], 0.0, 0.0

    def line(self, name):
        gap = f'{statistics.median(self.gaps):.1e}' if self.gaps else '-'
        worst = f'{self.worst:.1e}' if self.missed else '-'
        return (f'{name:32}{self.tried:7}{self.missed:8}{self.failed:8}'
                f'{self.open / max(self.tried, 1):8.3f}{gap:>10}{worst:>10}{self.seconds:8.1f}')


def try_one(name, index, count, aloud=False):
    draw = families.Draw(zlib.crc32(name.encode()), index)
    command, data, value = families.FAMILIES[name][1](draw)
    start, count.tried = time.perf_counter(), count.tried + 1
    where = f'{name} --index {index}: {command}({told(data)})'
    try:
        found = COMMANDS[command](**data)
    except (ValueError, RuntimeError, ArithmeticError, MemoryError) as fault:
        count.failed += 1
        print(f'ERROR {where}: {fault}')
        return
    took = time.perf_counter() - start
    count.seconds += took
    beyond = misses(value, found)
    count.open += found.outcome != 'certified'
    count.gaps.append((found.upper - max(found.lower, 0)) / found.upper if found.upper > 0 else 0.0)
    count.worst = max(count.worst, beyond)
    report = (f'value {exact.mp.nstr(exact.real(value), 25)}, interval [{found.lower!r}, '
              f'{found.upper!r}], {found.outcome}, {took:.3f} s')
    if beyond:
        count.missed += 1
        if count.missed <= 3 or aloud:
            print(f'MISS by {beyond:.1e}, {where}: {report}')
    elif aloud:
        print(f'{where}: {report}')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('count', nargs='?', type=int, default=2000)
    parser.add_argument('--family')
    parser.add_argument('--index', type=int)
    asked = parser.parse_args()
    chosen = {name: share for name, (share, _) in families.FAMILIES.items()
              if asked.family in (None, name)}
    if not chosen:
        parser.error(f'{asked.family} is none of {", ".join(families.FAMILIES)}')
    whole, counts = sum(chosen.values()), {name: Count() for name in chosen}
    for name, share in chosen.items():
        indices = range(max(1, round(asked.count * share / whole)))
        for index in indices if asked.index is None else [asked.index]:
            try_one(name, index, counts[name], asked.index is not None)
    print(f'{"family":32}{"tried":>7}{"missed":>8}{"errors":>8}{"open":>8}{"gap":>10}'
          f'{"worst":>10}{"seconds":>8}')
    for name, count in counts.items():
        print(count.line(name))
    tried, missed, failed = (sum(getattr(count, part) for count in counts.values())
                             for part in ('tried', 'missed', 'failed'))
    print(f'{tried} tried, {missed} missed, {failed} errors')
    return 1 if missed or failed else 0


if __name__ == '__main__':
    sys.exit(main())
