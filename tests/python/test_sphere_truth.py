"""Bounds on the sphere against exact truth, in rational arithmetic: two directions under the trace,
UW^2 = m0 + m1 - 2 sqrt(m0 m1) max(cos, 0), for the doubles as given, and sums of such in orthogonal
planes. Whether a bound is on the right side is decided without rounding."""
import math
import random
from fractions import Fraction

import numpy as np
import pytest
import wgamma

TRIALS = 60
DIGITS = 10 ** 60


def root_below(number):
    """A rational below the root of a rational, off by 1e-60 of it, or exact zero."""
    if number <= 0:
        return Fraction(0)
    scale = 1
    while number * scale < 1:
        scale *= 4
    bottom = math.isqrt(int(number * scale * DIGITS * DIGITS))
    return Fraction(bottom, DIGITS) / math.isqrt(scale)


def truth(x, y, m0, m1):
    """[low, high] of UW^2 of the exact doubles, 1e-60 apart relative to the masses."""
    x, y = [Fraction(v) for v in x], [Fraction(v) for v in y]
    m0, m1 = Fraction(m0), Fraction(m1)
    inner = max(sum(a * b for a, b in zip(x, y)), Fraction(0))
    square = m0 * m1 * inner ** 2 / (sum(a * a for a in x) * sum(b * b for b in y))
    low = root_below(square)
    high = low * (1 + Fraction(2, DIGITS)) + (0 if square == 0 else Fraction(1, DIGITS ** 20))
    return m0 + m1 - 2 * high, m0 + m1 - 2 * low


def unit(x):
    return [v / math.hypot(*x) for v in x]


def close(rng, x, size):
    return [v + size * rng.gauss(0, 1) for v in x]


def judge(found, low, high):
    if found.outcome == 'certified' or found.outcome == 'gap-open':
        assert Fraction(found.lower) <= high, (found.lower, float(high))
        assert low <= Fraction(found.upper), (found.upper, float(low))
        return
    pytest.fail(found.outcome)


MASSES = {
    'ordinary': lambda rng: (rng.uniform(0.1, 3), rng.uniform(0.1, 3)),
    'subnormal': lambda rng: (math.ldexp(rng.uniform(1, 2), rng.randint(-1073, -1020)),
                              math.ldexp(rng.uniform(1, 2), rng.randint(-1073, -1020))),
    'large': lambda rng: (10 ** rng.uniform(280, 300), 10 ** rng.uniform(280, 300)),
    'mixed': lambda rng: (10 ** rng.uniform(-320, 300), 10 ** rng.uniform(-320, 300)),
}


@pytest.mark.parametrize('kind', MASSES)
def test_two_directions(kind):
    rng = random.Random(kind)
    for trial in range(4 * TRIALS):
        d = rng.randint(2, 4)
        m0, m1 = MASSES[kind](rng)
        x = unit([rng.gauss(0, 1) for _ in range(d)])
        y = unit(close(rng, x, 10 ** rng.uniform(-16, 0)))
        if trial % 2:  # of length one within 1e-6 only
            x = [v * (1 + rng.uniform(-9e-7, 9e-7)) for v in x]
        found = wgamma.sphere([x], [y], 'trace', [m0], [m1], tol=1e-6)
        judge(found, *truth(x, y, m0, m1))
        if kind != 'subnormal':  # whose bounds have few digits
            assert found.outcome == 'certified'


def test_points_of_any_length():
    rng = random.Random(5)
    for _ in range(TRIALS):
        x = [v * 10 ** rng.uniform(-150, 150) for v in (1.0, -0.7, 0.3)]
        scale = 10 ** rng.uniform(-150, 150) / max(map(abs, x))
        y = [v * scale for v in close(rng, x, 0.1 * max(map(abs, x)))]
        found = wgamma.sphere([x], [y], 'trace', [1.0], [2.0], normalise=True)
        judge(found, *truth(x, y, 1.0, 2.0))


def test_any_rate():
    rng = random.Random(6)
    for _ in range(TRIALS):
        rate = rng.uniform(1, 9) * 10 ** rng.uniform(-100, 99)
        m0, m1 = MASSES['ordinary'](rng)
        x, y = (unit([rng.gauss(0, 1), rng.gauss(0, 1)]) for _ in range(2))
        found = wgamma.sphere([x], [y], f'max:trace@2/{rate!r}', [m0], [m1], tol=1e-6)
        low, high = truth(x, y, m0, m1)
        judge(found, low / Fraction(rate) ** 2, high / Fraction(rate) ** 2)
        assert found.outcome == 'certified'


def test_rates_far_apart():
    for rate in (1e2, 1e7, 1e20, 1e60, 1e100):
        for gauge, square in ((f'max:trace@1/1,trace@1/{rate!r}', Fraction(0.6) ** 2),
                              (f'max:trace@1/{rate!r},trace@1/1', Fraction(0.8) ** 2)):
            # y is x with four times the mass: A = (2 - 1)^2 x x' / |x|^2
            found = wgamma.sphere([[0.6, 0.8]], [[0.6, 0.8]], gauge, [1.0], [4.0], tol=1e-7)
            exact = square / (Fraction(0.6) ** 2 + Fraction(0.8) ** 2)
            judge(found, exact, exact)
            assert found.outcome == 'certified'


@pytest.mark.parametrize('size', [None, 1e-3, 1e-6, 1e-9])
def test_planes_add_up(size):
    """Planes carry nothing to each other; parts of an atom are that atom."""
    rng = random.Random(str(size))
    for _ in range(TRIALS):
        planes = rng.randint(2, 4)
        points, masses, low, high = ([], []), ([], []), Fraction(0), Fraction(0)
        for k in range(planes):
            x = unit([rng.gauss(0, 1), rng.gauss(0, 1)])
            y = [rng.gauss(0, 1), rng.gauss(0, 1)] if size is None else close(rng, x, size)
            y = unit(y)
            a = [rng.uniform(0.1, 1) for _ in range(rng.randint(1, 3))]
            b = [rng.uniform(0.1, 1) for _ in range(rng.randint(1, 3))]
            if size is not None:
                b = [sum(a) / len(b) * (1 + size * rng.gauss(0, 1)) for _ in b]
            for side, (w, parts) in enumerate(((x, a), (y, b))):
                points[side].extend([0.0] * (2 * k) + w + [0.0] * (2 * (planes - 1 - k))
                                    for _ in parts)
                masses[side].extend(parts)
            one = truth(x, y, sum(map(Fraction, a)), sum(map(Fraction, b)))
            low, high = low + one[0], high + one[1]
        found = wgamma.sphere(*points, 'trace', *masses, tol=1e-6)
        judge(found, low, high)


def test_nearly_equal_directions_are_sharp():
    """The gap is relative to UW^2, not to the masses."""
    rng = random.Random(8)
    for size in (1e-2, 1e-4, 1e-6, 1e-8):
        for _ in range(8):
            x = unit([rng.gauss(0, 1) for _ in range(3)])
            y = close(rng, x, size)
            found = wgamma.sphere([x], [y], 'trace', [1.7], [1.7], tol=1e-6, normalise=True)
            judge(found, *truth(x, y, 1.7, 1.7))
            assert found.upper - found.lower <= 1e-6 * found.upper


def test_powers_of_two_change_nothing_else():
    rng = np.random.default_rng(9)
    for gauge in ('trace', 'operator', 'sum:schatten:1.5@2,kyfan:1@2',
                  'max:operator@2/{0!r},trace@2/{1!r}'):
        x, y = rng.normal(size=(6, 4)), rng.normal(size=(5, 4))
        a, b = rng.uniform(0.1, 1, 6), rng.uniform(0.1, 2, 5)

        def bounds(mass, rate, gauge=gauge, x=x, y=y, a=a, b=b):
            text = gauge.format(0.7 * 2.0 ** rate, 1.3 * 2.0 ** rate)
            found = wgamma.sphere(x, y, text, a * 2.0 ** mass, b * 2.0 ** mass, tol=1e-6,
                                  normalise=True)
            return [math.ldexp(v, 2 * rate - mass)
                    for v in (found.lower, found.upper, found.uw2)]

        first = bounds(0, 0)
        for mass, rate in ((1, 0), (-900, 0), (900, 0), (0, 1), (0, -7), (0, 300), (0, -300)):
            if rate == 0 or gauge.startswith('max'):
                assert bounds(mass, rate) == first
