"""Values that are known: in rationals where there are no roots, in 100 digits where there are.

Shares nothing with the library. Doubles are taken as the fractions they are.
"""
import math
from fractions import Fraction

import mpmath
from mpmath import mp, mpf

mp.dps = 100


def fractions(values):
    """Nested lists or arrays of doubles as Fractions."""
    if hasattr(values, 'tolist'):
        values = values.tolist()
    return [fractions(v) for v in values] if isinstance(values, list) else Fraction(values)


def real(value):
    if isinstance(value, Fraction):
        return mpf(value.numerator) / value.denominator
    return mpf(value)


# ---- gauges ----

def eigenvalues(matrix):
    """Decreasing eigenvalues of a symmetric PSD matrix, none below zero."""
    d = len(matrix)
    s = [[real(entry) for entry in row] for row in matrix]
    if d == 1:
        found = [s[0][0]]
    elif d == 2:
        half, turn = (s[0][0] + s[1][1]) / 2, mp.hypot((s[0][0] - s[1][1]) / 2, s[0][1])
        low = (s[0][0] * s[1][1] - s[0][1] ** 2) / (half + turn) if half + turn else mpf(0)
        found = [half + turn, low]
    else:
        found = sorted(mp.eigsy(mp.matrix(s), eigvals_only=True), reverse=True)
    return [max(value, mpf(0)) for value in found]


def gauge_of_values(gauge, values):
    """gamma of a matrix with these eigenvalues, for one of the gauges without blocks."""
    name, _, number = gauge.partition(':')
    p = {'trace': 1.0, 'frobenius': 2.0, 'operator': mpmath.inf}.get(name)
    values = sorted(map(real, values), reverse=True)
    if name == 'kyfan':
        return sum(values[:int(number)])
    p = real(Fraction(float(number))) if p is None else p
    top = values[0]
    if p == mpmath.inf or top == 0:
        return top
    return top * sum((v / top) ** p for v in values if v > 0) ** (1 / mpf(p))


def gauge_of(gauge, matrix):
    """gamma of a symmetric PSD matrix; blocks as the library spells them."""
    outer, _, rest = gauge.partition(':')
    if outer not in ('sum', 'max'):
        return gauge_of_values(gauge, eigenvalues(matrix))
    parts, start = [], 0
    for block in rest.split(','):
        inner, _, size = block.rpartition('@')
        size, _, rate = size.partition('/')
        end = start + int(size)
        value = gauge_of(inner, [row[start:end] for row in matrix[start:end]])
        parts.append(value / real(Fraction(float(rate or 1))) ** 2)
        start = end
    return sum(parts) if outer == 'sum' else max(parts)


def outer_product(v):
    return [[p * q for q in v] for p in v]


def least(function, low, high):
    """The least value of a convex function on an interval, to some 40 digits."""
    low, high = real(low), real(high)
    ratio = (mp.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(220):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return min(at_left, at_right, function(low), function(high))


# ---- clouds ----

def shares(weights):
    weights = fractions(weights)
    total = sum(weights)
    return [weight / total for weight in weights]


def integers(values):
    """(integers, scale) with value = integer / scale."""
    scale = math.lcm(*(value.denominator for value in values))
    return [int(value * scale) for value in values], scale


def transport(a, b, costs):
    """The least sum of P_ij c_ij over couplings of a / sum a and b / sum b, as a Fraction: along
    shortest paths, in integers."""
    a, b = fractions(a), fractions(b)
    sum_a, sum_b, n, m = sum(a), sum(b), len(a), len(b)
    mass, scale = integers([w * sum_b for w in a] + [w * sum_a for w in b])
    supply, demand = mass[:n], mass[n:]
    flat, unit = integers([cost for row in costs for cost in row])
    cost = [flat[i * m:(i + 1) * m] for i in range(n)]
    flow = [[0] * m for _ in range(n)]
    while any(supply):
        _augment(supply, demand, cost, flow)
    total = sum(flow[i][j] * cost[i][j] for i in range(n) for j in range(m))
    return Fraction(total, unit * scale) / (sum_a * sum_b)


def _augment(supply, demand, cost, flow):
    n, m = len(supply), len(demand)
    far = [0 if supply[i] else None for i in range(n)] + [None] * m
    before, changed = [None] * (n + m), True
    while changed:
        changed = False
        for i in range(n):
            for j in range(m):
                if far[i] is not None and (far[n + j] is None or
                                           far[i] + cost[i][j] < far[n + j]):
                    far[n + j], before[n + j], changed = far[i] + cost[i][j], i, True
                if flow[i][j] and far[n + j] is not None and \
                        (far[i] is None or far[n + j] - cost[i][j] < far[i]):
                    far[i], before[i], changed = far[n + j] - cost[i][j], n + j, True
    end = min((j for j in range(m) if demand[j]), key=lambda j: far[n + j])
    path, node = [], n + end
    while before[node] is not None:
        path.append((before[node], node))
        node = before[node]
    most = min([supply[node], demand[end]] +
               [flow[to][start - n] for start, to in path if start >= n])
    for start, to in path:
        if start < n:
            flow[start][to - n] += most
        else:
            flow[to][start - n] -= most
    supply[node] -= most
    demand[end] -= most


def costs_of(x, y):
    return [[sum((q - p) ** 2 for p, q in zip(u, v)) for v in fractions(y)] for u in fractions(x)]


def moment_of(x, y, plan):
    """Sigma_P for {(i, j): mass}, all Fractions."""
    d = len(x[0])
    sigma = [[Fraction(0)] * d for _ in range(d)]
    for (i, j), mass in plan.items():
        step = [q - p for p, q in zip(x[i], y[j])]
        for k in range(d):
            for l in range(d):
                sigma[k][l] += mass * step[k] * step[l]
    return sigma


def two_by_two(gauge, x, y, a, b, convex=True):
    """W2 of two points and two points: the couplings are a segment."""
    x, y, a, b = fractions(x), fractions(y), shares(a), shares(b)

    def plan(t):
        return {(0, 0): t, (0, 1): a[0] - t, (1, 0): b[0] - t, (1, 1): a[1] - b[0] + t}

    low, high = max(Fraction(0), b[0] - a[1]), min(a[0], b[0])
    start, end = (moment_of(x, y, plan(t)) for t in (low, high))
    ends = min(gauge_of(gauge, start), gauge_of(gauge, end))
    if low == high or not convex:
        return ends
    start, end = ([[real(entry) for entry in row] for row in s] for s in (start, end))
    d = range(len(start))

    def value(s):
        return gauge_of(gauge, [[(1 - s) * start[k][l] + s * end[k][l] for l in d] for k in d])

    return min(ends, least(value, 0, 1))


# ---- Gaussians ----

def positive_part(s):
    """(values, vectors) of the positive part of the symmetric part, as mpmath has them."""
    s = fractions(s)
    d = len(s)
    matrix = mp.matrix([[real((s[i][j] + s[j][i]) / 2) for j in range(d)] for i in range(d)])
    values, vectors = mp.eigsy(matrix)
    return [max(value, mpf(0)) for value in values], vectors


def bures(s, t):
    """W2 of N(0, S) and N(0, T) under the trace."""
    values, v = positive_part(s)
    others, u = positive_part(t)
    d = len(values)
    root = v * mp.diag([mp.sqrt(value) for value in values]) * v.T
    other = u * mp.diag([mp.sqrt(value) for value in others]) * u.T
    product = root * other
    nuclear = sum(mp.svd_r(product, compute_uv=False)) if d > 1 else abs(product[0])
    total = sum(values) + sum(others)
    value = total - 2 * nuclear
    return value if value > total * mpf(10) ** -90 else mpf(0)


def root_gap(s, t):
    """(sqrt s - sqrt t)^2."""
    s, t = real(s), real(t)
    return ((s - t) / (mp.sqrt(s) + mp.sqrt(t))) ** 2 if s != t else mpf(0)
