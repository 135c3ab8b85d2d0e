"""Kinds of instances whose value is known: each draws data and gives (command, data, value).

Data are what the Python package takes; commands are the names in run.py. The number with a family
is its share of all instances.
"""
import itertools
import math
from fractions import Fraction

import numpy as np
from mpmath import mp, mpf

import exact

FAMILIES = {}
SPECTRAL = ['trace', 'frobenius', 'operator', 'schatten:1.25', 'schatten:3', 'schatten:20']
BLOCKS = {1: [], 2: ['sum:trace@1,operator@1', 'max:trace@1/2,trace@1/0.5'],
          3: ['sum:operator@2,trace@1', 'max:frobenius@2/2,trace@1', 'max:operator@2,trace@1/3']}
ROOTS = ['schatten:0.5', 'schatten:0.75', 'schatten:0.9']


class Draw(np.random.Generator):
    """numpy's generator, whose single integers are Python's: Fractions must not overflow."""

    def __init__(self, *seed):
        super().__init__(np.random.PCG64(list(seed)))

    def integers(self, low, high=None, size=None):
        found = super().integers(low, high, size)
        return int(found) if size is None else found


def family(share):
    def enter(function):
        FAMILIES[function.__name__.replace('_', '-')] = (share, function)
        return function
    return enter


def pick(draw, things):
    return things[draw.integers(len(things))]


def spectral(draw, d):
    """Gauges of eigenvalues, with which a matrix of rank one has its trace."""
    return pick(draw, SPECTRAL + [f'kyfan:{k}' for k in range(1, d + 1)])


def convex(draw, d):
    return pick(draw, SPECTRAL + [f'kyfan:{k}' for k in range(1, d + 1)] + 2 * BLOCKS.get(d, []))


def weights(draw, count, kinds='enrds'):
    """Equal, normalised with rounding, raw (of sum one but for 1e-7), dyadic, or spread."""
    kind = pick(draw, kinds)
    if kind == 'e':
        return np.full(count, 1.0 / count)
    found = draw.random(count) + 0.05
    if kind == 's':
        found = 10.0 ** draw.uniform(-12, 0, count)
    if kind == 'd':
        parts = draw.multinomial(1 << 20, found / found.sum()) + 1
        parts[0] -= parts.sum() - (1 << 20)
        return parts / (1 << 20) if parts[0] > 0 else np.eye(1, count)[0]
    found = found / found.sum()
    return found * (1 + draw.uniform(-1e-7, 1e-7)) if kind == 'r' else found


def scaled(draw, *points):
    """Sometimes at another scale."""
    scale = 10.0 ** draw.integers(-90, 90) if draw.random() < 0.15 else 1.0
    return [scale * p for p in points]


def clouds(gauge, x, y, a, b, value, **settings):
    return 'distance', dict(x=x, y=y, gauge=gauge, a=a, b=b, **settings), value


def by_trace(x, y, a, b):
    return clouds('trace', x, y, a, b, exact.transport(a, b, exact.costs_of(x, y)))


def by_segment(gauge, x, y, a, b):
    return clouds(gauge, x, y, a, b, exact.two_by_two(gauge, x, y, a, b))


def two_points(draw, x, y):
    """The clouds reduced to two points each, under any gauge, or all of them under the trace."""
    if draw.random() < 0.3:
        return by_trace(x, y, weights(draw, len(x)), weights(draw, len(y)))
    return by_segment(convex(draw, x.shape[1]), x[:2], y[:2], weights(draw, 2), weights(draw, 2))


# ---- clouds ----

@family(8)
def clouds_trace(draw):
    n, m, d = draw.integers(1, 6), draw.integers(1, 5), draw.integers(1, 4)
    x, y = scaled(draw, draw.normal(size=(n, d)), draw.normal(size=(m, d)))
    return by_trace(x, y, weights(draw, n), weights(draw, m))


@family(4)
def clouds_duplicates(draw):
    n, m, d = draw.integers(2, 6), draw.integers(2, 5), draw.integers(1, 3)
    x, y = draw.integers(0, 2, (n, d)) * 1.0, draw.integers(0, 3, (m, d)) * 1.0
    return by_trace(x, y, weights(draw, n), weights(draw, m))


@family(8)
def clouds_split_atom(draw):
    """X = {0, 0, L}, Y = {1, L + 1}: W2 = 1 where b = (a1 + a2, a3)."""
    length = 2.0 ** draw.integers(1, 21)
    if draw.random() < 0.5:
        parts = draw.integers(1, 1 << 52, 3)
        a = (parts / (1 << 54)).tolist()
        a[2] = 1 - a[0] - a[1]
        b = [a[0] + a[1], a[2]]
    else:
        a = weights(draw, 3, 'nr')
        b = np.array([a[0] + a[1], a[2]])
    d, axis = draw.integers(1, 4), 0
    x, y = np.zeros((3, d)), np.zeros((2, d))
    x[2, axis], y[0, axis], y[1, axis] = length, 1, length + 1
    value = exact.transport(a, b, exact.costs_of(x, y))
    return clouds(spectral(draw, d), x, y, np.array(a), np.array(b), value)


@family(8)
def clouds_line(draw):
    """On a line through space the moment has rank one: every gauge of eigenvalues is the trace."""
    n, m, d = draw.integers(1, 7), draw.integers(1, 7), draw.integers(1, 4)
    along = draw.integers(-3, 4, d) + 0.0
    along[0] = 1
    p, q = draw.integers(-999, 999, (n, 1)) / 64, draw.integers(-999, 999, (m, 1)) / 64
    x, y, a, b = p * along, q * along, weights(draw, n), weights(draw, m)
    value = exact.transport(a, b, exact.costs_of(x, y))
    return clouds(spectral(draw, d), x, y, a, b, value)


@family(4)
def clouds_line_scales(draw):
    """d = 1, positions over sixteen decades, weights down to 1e-300."""
    n, m = draw.integers(2, 7, 2)
    x, y = (draw.normal(size=(k, 1)) * 10.0 ** draw.uniform(-8, 8, (k, 1)) for k in (n, m))
    a, b = (10.0 ** draw.uniform(-300, 0, k) for k in (n, m))
    a[0], b[0] = 1 - a[1:].sum() % 1, 1 - b[1:].sum() % 1
    return by_trace(x, y, a / a.sum(), b / b.sum())


@family(5)
def clouds_one_atom(draw):
    """One coupling only, so any gauge, p < 1 too."""
    m, d = draw.integers(1, 7), draw.integers(1, 4)
    x, y = scaled(draw, draw.normal(size=(1, d)), draw.normal(size=(m, d)))
    gauge = convex(draw, d) if draw.random() < 0.6 else pick(draw, ROOTS)
    a, b = np.ones(1), weights(draw, m)
    sigma = exact.moment_of(exact.fractions(x), exact.fractions(y),
                            {(0, j): share for j, share in enumerate(exact.shares(b))})
    value = exact.gauge_of(gauge, sigma)
    return clouds(gauge, x, y, a, b, value) if draw.random() < 0.5 else \
        clouds(gauge, y, x, b, a, value)


@family(4)
def clouds_translate(draw):
    """y = x + v: Sigma >= vv' for every coupling (Jensen)."""
    n, d = draw.integers(1, 8), draw.integers(1, 4)
    x = draw.integers(-(1 << 30), 1 << 30, (n, d)) / 2.0 ** 20
    v = draw.integers(-999, 1000, d) / 2.0 ** pick(draw, [0, 10, 20])
    order = draw.permutation(n)
    a = weights(draw, n, 'end')
    gauge = convex(draw, d)
    value = exact.gauge_of(gauge, exact.outer_product(exact.fractions(v)))
    return clouds(gauge, x, (x + v)[order], a, a[order], value)


@family(3)
def clouds_ulps_apart(draw):
    """A permuted copy, moved by ulps, under the trace; two points of each under any gauge."""
    n, d = draw.integers(2, 6), draw.integers(1, 4)
    x = draw.normal(size=(n, d))
    y = (x + draw.integers(-4, 5, x.shape) * np.spacing(x))
    order = draw.permutation(n)
    if draw.random() < 0.5:
        a = weights(draw, n, 'end')
        return by_trace(x, y[order], a, a[order])
    a = weights(draw, 2, 'end')
    return by_segment(convex(draw, d), x[:2], y[1::-1], a, a[::-1].copy())


@family(3)
def clouds_around_a_point(draw):
    """Both clouds within ulps of one point."""
    d = draw.integers(1, 4)
    middle = draw.normal(size=d)
    x, y = (middle + draw.integers(-9, 10, (4, d)) * np.spacing(middle) for _ in range(2))
    return two_points(draw, x, y)


@family(3)
def clouds_offset(draw):
    """Spread 1e-3, far from the origin."""
    d = draw.integers(1, 4)
    x, y = (10.0 ** pick(draw, [6, 8, 10]) + 1e-3 * draw.normal(size=(4, d)) for _ in range(2))
    return two_points(draw, x, y)


@family(3)
def clouds_far_point(draw):
    """One far point in both clouds."""
    d = draw.integers(1, 4)
    x, y = draw.normal(size=(4, d)), draw.normal(size=(4, d))
    far = 10.0 ** pick(draw, [6, 8, 10]) * draw.normal(size=d)
    x[0] += far
    y[1] += far
    return two_points(draw, x, y)


@family(2)
def clouds_1e_12_apart(draw):
    d = draw.integers(1, 4)
    x = draw.normal(size=(4, d))
    y = x + 1e-12 * draw.normal(size=x.shape)
    return two_points(draw, x, y[draw.permutation(4)] if draw.random() < 0.5 else y)


@family(8)
def clouds_segment(draw):
    """Two points and two points: any gauge, a convex function on a segment."""
    d = draw.integers(2, 4)
    x, y = scaled(draw, draw.normal(size=(2, d)), draw.normal(size=(2, d)))
    return by_segment(convex(draw, d), x, y, weights(draw, 2), weights(draw, 2))


@family(3)
def clouds_cross(draw):
    """Two atoms on either axis: Sigma = diag(r2, s2) is best, or rank one for p < 1."""
    r, s = draw.integers(1, 999, 2) / 64.0
    x, y, half = np.array([[-r, 0], [r, 0]]), np.array([[0, -s], [0, s]]), np.full(2, 0.5)
    r, s = Fraction(r) ** 2, Fraction(s) ** 2
    if draw.random() < 0.3:
        return clouds(pick(draw, ROOTS), x, y, half, half, r + s)
    gauge = spectral(draw, 2)
    return clouds(gauge, x, y, half, half, exact.gauge_of_values(gauge, [r, s]))


@family(4)
def clouds_root(draw):
    """p < 1 is concave: with equal weights the least is at a permutation."""
    n, d = draw.integers(2, 5), 2
    x, y = draw.normal(size=(n, d)), draw.normal(size=(n, d))
    gauge, p, q = pick(draw, ROOTS), exact.fractions(x), exact.fractions(y)
    value = min(exact.gauge_of(gauge, exact.moment_of(
        p, q, {(i, j): Fraction(1, n) for i, j in enumerate(order)}))
        for order in itertools.permutations(range(n)))
    return clouds(gauge, x, y, None, None, value)


@family(2)
def clouds_pairwise(draw):
    d = draw.integers(1, 3)
    all_three = [draw.normal(size=(draw.integers(1, 4), d)) for _ in range(3)]
    i, j = pick(draw, [(0, 1), (0, 2), (1, 2)])
    equal = [[Fraction(1)] * len(p) for p in all_three]
    value = exact.transport(equal[i], equal[j], exact.costs_of(all_three[i], all_three[j]))
    return 'pairwise', dict(clouds=all_three, gauge='trace', pair=(i, j)), value


# ---- Gaussians ----

def gaussians(gauge, cov0, cov1, value, mean0=None, mean1=None, **settings):
    d = len(cov0)
    mean0, mean1 = (np.zeros(d) if m is None else m for m in (mean0, mean1))
    return 'gaussian', dict(mean0=mean0, cov0=cov0, mean1=mean1, cov1=cov1, gauge=gauge,
                            **settings), value


def of_variances(gauge, s, t):
    """W2 of diagonal covariances under a gauge of eigenvalues."""
    return exact.gauge_of_values(gauge, map(exact.root_gap, exact.fractions(s), exact.fractions(t)))


def covariance(draw, d, decades):
    """Symmetric, of condition up to 10^decades, rounded."""
    turn = np.linalg.qr(draw.normal(size=(d, d)))[0]
    values = 10.0 ** -draw.uniform(0, decades, d)
    values[0], values[-1] = 1, 10.0 ** -decades if d > 1 else 1
    s = (turn * values) @ turn.T
    return (s + s.T) / 2


@family(8)
def gaussians_bures(draw):
    d, decades = draw.integers(1, 6), draw.uniform(*pick(draw, [(0, 8), (8, 10), (10, 14)]))
    s, t = covariance(draw, d, decades), covariance(draw, d, pick(draw, [1, decades]))
    s, t = scaled(draw, s, t) if draw.random() < 0.5 else (t, s)
    return gaussians('trace', s, t, exact.bures(s, t))


@family(3)
def gaussians_rounded(draw):
    """With means; asymmetric, or indefinite, by rounding."""
    d = draw.integers(2, 5)
    s, t = covariance(draw, d, 6), covariance(draw, d, 3)
    if draw.random() < 0.5:
        s[0, 1] *= 1 + 1e-13
    else:
        half = draw.normal(size=(d, d - 1))
        s = half @ half.T
        s[-1, -1] -= draw.random() * 1e-13 * s.trace()
    m, n = draw.normal(size=d), draw.normal(size=d)
    shift = sum((q - p) ** 2 for p, q in zip(exact.fractions(m), exact.fractions(n)))
    return gaussians('trace', s, t, exact.bures(s, t) + exact.real(shift), m, n)


@family(2)
def gaussians_singular(draw):
    """Exact rank, from small integers."""
    d = draw.integers(2, 5)
    s, t = (half @ half.T for half in (draw.integers(-3, 4, (d, draw.integers(1, d))) * 1.0
                                       for _ in range(2)))
    return gaussians('trace', s, t, exact.bures(s, t))


@family(6)
def gaussians_diagonal(draw):
    """Commuting: gamma of the squares of the differences of the roots."""
    d, decades = draw.integers(1, 5), pick(draw, [2, 17])
    s, t = 10.0 ** draw.uniform(-decades, 0, (2, d))
    gauge = spectral(draw, d)
    value = of_variances(gauge, s, t)
    return gaussians(gauge, np.diag(s), np.diag(t), value)


@family(3)
def gaussians_mixed_units(draw):
    """Columns in mixed units: the small variances decide."""
    small, other = 10.0 ** -draw.uniform(0, 17, 2)
    if draw.random() < 0.5:
        other = small * draw.uniform(0.1, 9)
    s, t = np.array([1, small]), np.array([1, other])
    gauge, scale = spectral(draw, 2), 10.0 ** draw.integers(0, 15)
    s, t = s * scale, t * scale
    value = of_variances(gauge, s, t)
    return gaussians(gauge, np.diag(s), np.diag(t), value)


@family(3)
def gaussians_nearly_equal_diagonal(draw):
    d = draw.integers(1, 5)
    s = 10.0 ** draw.uniform(-3, 0, d)
    t = s * (1 + pick(draw, [1e-6, 1e-9, 1e-12]) * draw.normal(size=d))
    gauge = spectral(draw, d)
    value = of_variances(gauge, s, t)
    return gaussians(gauge, np.diag(s), np.diag(t), value)


@family(3)
def gaussians_nearly_equal(draw):
    d = draw.integers(2, 5)
    s = covariance(draw, d, pick(draw, [1, 6]))
    near = np.eye(d) + pick(draw, [0, 1]) * draw.normal(size=(d, d)) * 10.0 ** -draw.integers(5, 14)
    t = near @ s @ near.T
    t = (t + t.T) / 2
    return gaussians('trace', s, t, exact.bures(s, t))


@family(4)
def gaussians_commuting(draw):
    """[[a, b], [b, a]] have one eigenbasis; so have S and 4^k S."""
    if draw.random() < 0.5:
        (a, c), (b, e) = draw.uniform(1, 2, 2), draw.uniform(-1, 1, 2)
        s, t = np.array([[a, b], [b, a]]), np.array([[c, e], [e, c]])
        a, b, c, e = map(Fraction, (a, b, c, e))
        roots = [exact.root_gap(a + b, c + e), exact.root_gap(a - b, c - e)]
        gauge = spectral(draw, 2)
        return gaussians(gauge, s, t, exact.gauge_of_values(gauge, roots))
    d, times = draw.integers(2, 4), draw.integers(-4, 5)
    s = covariance(draw, d, pick(draw, [1, 8, 13]))
    gauge = spectral(draw, d)
    whole = exact.gauge_of_values(gauge, exact.positive_part(s)[0])
    return gaussians(gauge, s, s * 4.0 ** times, whole * (1 - mpf(2) ** times) ** 2)


@family(3)
def gaussians_line(draw):
    """d = 1, with means, any gauge."""
    s, t = 10.0 ** draw.uniform(-9, 3, 2)
    if draw.random() < 0.5:
        t = s * (1 + 10.0 ** -draw.uniform(5, 15))
    m, n = draw.normal(size=2) * pick(draw, [0, 1e-6, 1, 1e6])
    value = exact.root_gap(Fraction(s), Fraction(t)) + exact.real((Fraction(n) - Fraction(m)) ** 2)
    gauge = pick(draw, SPECTRAL + ['schatten:0.75'])
    return gaussians(gauge, np.array([[s]]), np.array([[t]]), value, np.array([m]), np.array([n]))


@family(2)
def gaussians_means(draw):
    """Equal covariances: gamma of the outer product of the means' difference."""
    d = draw.integers(1, 4)
    s = covariance(draw, d, pick(draw, [0, 6, 12]))
    m, n = draw.normal(size=(2, d)) * 10.0 ** draw.integers(-6, 4)
    step = [q - p for p, q in zip(exact.fractions(m), exact.fractions(n))]
    gauge = convex(draw, d)
    return gaussians(gauge, s, s, exact.gauge_of(gauge, exact.outer_product(step)), m, n)


@family(2)
def gaussians_batch(draw):
    d = draw.integers(1, 4)
    s, t = 10.0 ** draw.uniform(-6, 0, (2, d))
    gauge = spectral(draw, d)
    value = of_variances(gauge, s, t)
    zero = np.zeros((1, d))
    return 'gaussian_batch', dict(mean0=zero, cov0=np.diag(s)[None], mean1=zero,
                                  cov1=np.diag(t)[None], gauge=gauge), value


# ---- barycentres ----

def weighted_variance(w, values):
    mean = sum(p * v for p, v in zip(w, values))
    return sum(p * (v - mean) ** 2 for p, v in zip(w, values))


@family(4)
def barycentre_trace(draw):
    """Diagonal under the trace, or any gauge on a line: means and roots are averaged."""
    count, d = draw.integers(2, 5), draw.integers(1, 4)
    w = weights(draw, count, 'en')
    variances = 10.0 ** draw.uniform(-pick(draw, [1, 8, 16]), 0, (count, d))
    means = draw.normal(size=(count, d)) * pick(draw, [0, 1])
    shares = [exact.real(p) for p in exact.shares(w)]
    value = sum(weighted_variance(shares, [exact.real(Fraction(v)) for v in means[:, k]]) +
                weighted_variance(shares, [mp.sqrt(exact.real(Fraction(v)))
                                           for v in variances[:, k]]) for k in range(d))
    gauge = 'trace' if d > 1 else spectral(draw, 1)
    return 'gaussian_barycentre', dict(means=means, covs=np.array([np.diag(v) for v in variances]),
                                       weights=w, gauge=gauge, tol=pick(draw, [1e-6, 1e-9])), value


@family(4)
def barycentre_two(draw):
    """Of two, under any gauge: w0 w1 W2, on the geodesic."""
    d, part, decades = draw.integers(1, 4), draw.integers(1, 16) / 16, pick(draw, [1, 8, 12])
    if draw.random() < 0.5:
        gauge, covs = 'trace', [covariance(draw, d, decades), covariance(draw, d, 1)]
        value = exact.bures(*covs)
    else:
        variances, gauge = 10.0 ** draw.uniform(-decades, 0, (2, d)), spectral(draw, d)
        value, covs = of_variances(gauge, *variances), list(map(np.diag, variances))
    return 'gaussian_barycentre', dict(
        means=np.zeros((2, d)), covs=np.array(covs), weights=np.array([part, 1 - part]),
        gauge=gauge, tol=pick(draw, [1e-6, 1e-9])), mpf(part) * (1 - mpf(part)) * value


# ---- the sphere: masses at the directions x / |x| ----

def direction(x):
    length = mp.sqrt(exact.real(sum(v * v for v in exact.fractions(x))))
    return [exact.real(v) / length for v in exact.fractions(x)]


def angle_cosine(x, y):
    """cos(min(theta, pi / 2))."""
    return max(mpf(0), sum(p * q for p, q in zip(direction(x), direction(y))))


def sphere(gauge, x, y, a, b, value):
    return 'sphere', dict(x=x, y=y, gauge=gauge, a=a, b=b, normalise=True), value


def masses(draw, count):
    return 10.0 ** draw.uniform(-pick(draw, [0.5, 8]), 0.5, count)


@family(5)
def sphere_two_atoms(draw):
    """gamma(m0 ww' + m1 vv' - c (wv' + vw')) is convex in c <= sqrt(m0 m1)."""
    d = draw.integers(2, 4)
    x = draw.normal(size=(1, d))
    near = pick(draw, [1, 1, 1e-4, 1e-9, 0])
    y = draw.normal(size=(1, d)) if near == 1 else x + near * draw.normal(size=x.shape)
    (m0, m1), gauge = masses(draw, 2), convex(draw, d)
    return sphere(gauge, x, y, np.array([m0]), np.array([m1]), _two_atoms(gauge, x, y, m0, m1))


def _two_atoms(gauge, x, y, m0, m1):
    w, v = direction(x[0]), direction(y[0])
    m0, m1, d = exact.real(Fraction(m0)), exact.real(Fraction(m1)), range(len(w))
    if gauge == 'trace':
        return m0 + m1 - 2 * mp.sqrt(m0 * m1) * angle_cosine(x[0], y[0])

    def value(c):
        return exact.gauge_of(gauge, [[m0 * w[k] * w[l] + m1 * v[k] * v[l] -
                                       c * (w[k] * v[l] + v[k] * w[l]) for l in d] for k in d])

    return exact.least(value, 0, mp.sqrt(m0 * m1))


@family(4)
def sphere_one_to_many(draw):
    """Trace: the one mass is shared in proportion to n_j cos2."""
    m, d = draw.integers(2, 6), draw.integers(2, 5)
    x, y, mass, others = draw.normal(size=(1, d)), draw.normal(size=(m, d)), masses(draw, 1), \
        masses(draw, m)
    reach = sum(exact.real(Fraction(n)) * angle_cosine(x[0], v) ** 2 for n, v in zip(others, y))
    total = exact.real(Fraction(mass[0])) + sum(exact.real(Fraction(n)) for n in others)
    value = total - 2 * mp.sqrt(exact.real(Fraction(mass[0])) * reach)
    return sphere('trace', x, y, mass, others, value)


@family(3)
def sphere_planes(draw):
    """Trace: pairs in planes at right angles have nothing to do with each other."""
    pairs = draw.integers(2, 4)
    x, y = np.zeros((pairs, 2 * pairs)), np.zeros((pairs, 2 * pairs))
    for k in range(pairs):
        x[k, 2 * k:2 * k + 2], y[k, 2 * k:2 * k + 2] = draw.normal(size=(2, 2))
    a, b = masses(draw, pairs), masses(draw, pairs)
    value = sum(_two_atoms('trace', x[k:k + 1], y[k:k + 1], a[k], b[k]) for k in range(pairs))
    return sphere('trace', x, y, a, b, value)


@family(3)
def sphere_rates(draw):
    """max: with rates whose squares are near the ends of the range."""
    x, y = draw.normal(size=(1, 2)), draw.normal(size=(1, 2))
    decade, (m0, m1) = pick(draw, [0, 40, 81, 99, -40, -81, -99]), masses(draw, 2)
    gauge = f'max:trace@1/1e{decade},trace@1/{draw.integers(1, 9)}e{decade}'
    return sphere(gauge, x, y, np.array([m0]), np.array([m1]), _two_atoms(gauge, x, y, m0, m1))


@family(3)
def sphere_tiny(draw):
    """Masses from the least subnormal double on."""
    x, y = draw.normal(size=(1, 2)), draw.normal(size=(1, 2))
    m0, m1 = draw.integers(1, 99, 2) * 2.0 ** draw.integers(-1074, -1000)
    gauge = spectral(draw, 2)
    return sphere(gauge, x, y, np.array([m0]), np.array([m1]), _two_atoms(gauge, x, y, m0, m1))


# ---- the others ----

@family(1)
def dynamic_equal(draw):
    """The distance of a density to itself."""
    mass = draw.random((4, 4)) + 0.1
    return 'dynamic', dict(mass0=mass, mass1=mass, gauge=pick(draw, ['trace', 'operator']),
                           steps=4, max_iterations=50), Fraction(0)


@family(4)
def lmo_dual_norm(draw):
    """N*(G) = |G| in Schatten q = 2p / (2p - 1) of its singular values."""
    n, d = draw.integers(1, 5), draw.integers(1, 4)
    g = draw.normal(size=(n, d)) * 10.0 ** draw.integers(-9, 9)
    if draw.random() < 0.2:
        g[0] = g[-1] * (1 + 1e-9)
    gauge, p = pick(draw, [('trace', 1), ('frobenius', 2), ('schatten:3', 3),
                           ('operator', math.inf), ('schatten:0.75', 0.75), ('schatten:20', 20)])
    q = mpf(1) if p == math.inf else 2 * mpf(p) / (2 * mpf(p) - 1)
    matrix = mp.matrix([[exact.real(v) for v in row] for row in exact.fractions(g)])
    values = [mp.sqrt(max(v, mpf(0))) for v in mp.eigsy(matrix.T * matrix, eigvals_only=True)]
    top = max(values)
    value = top * sum((v / top) ** q for v in values if v > 0) ** (1 / q)
    return 'lmo', dict(g=g, gauge=gauge), value
