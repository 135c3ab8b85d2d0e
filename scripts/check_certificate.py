#!/usr/bin/env python3
"""Derives both bounds of a cloud certificate again, in exact rational arithmetic.

    check_certificate.py CERTIFICATE    exit status 0 both claimed bounds follow and are as close as
                                        is claimed, 1 they do not or are not, 2 usage, 3 unusable

The file is that of `wgamma distance --certificate` (docs/user/certificate.md). This program shares
no code with wgamma and needs Python only, so that it can be read, run and changed apart. It is
slow: meant for tens of points in a few dimensions. Every double is the fraction that it is.

What is proved, A and B being the exact sums of the weights a and b:

  upper   P3 = P made smaller until no row exceeds a_i and no column b_j A / B, and what is missing,
          of mass rho <= sum (a_i - r_i)^+ + sum (s_j - b_j A / B)^+, put anywhere; r and s are the
          row and column sums of P. P3 / A couples a / A and b / B; no displacement exceeds D:
          W2 <= (gamma(Sigma_P) + rho D^2 c) / A,   c = the largest gamma(vv') with |v| = 1.
  lower   Q' = Q on the blocks of the gauge, symmetric, plus a multiple of I that makes it positive
          semidefinite. For f_i - v_i + g_j <= (y_j - x_i)' Q' (y_j - x_i) on all pairs with mass:
          W2 >= max(0, sum a_i (f_i - v_i) / A + sum b_j g_j / B) / max(1, gamma°(Q')).

Sums, costs, v and Sigma_P are exact. Eigenvalues are enclosed: all roots of the characteristic
polynomial of a symmetric integer matrix are real, and then Descartes' rule counts those above an
integer exactly. Powers are rounded upward, in integers. For p < 1 the lower bound is that of the
trace, which is below gamma, or gamma of the only coupling where one cloud is a single point; the
half-spaces ("cuts") that prove more in the plane are not read.
"""
import json
import math
import struct
import sys
import zlib
from fractions import Fraction

BITS = 192  # of the fixed-point numbers behind eigenvalues and powers
ARRAYS = ('x', 'a', 'y', 'b', 'row', 'col', 'mass', 'q', 'f', 'g', 'claim')
CUTS, LOW = ('cut_q', 'cut_f', 'cut_g'), ('mass_low', 'f_low', 'g_low')


class Unusable(Exception):
    """The file is damaged, or its numbers mean nothing."""


def require(condition, sentence):
    if not condition:
        raise Unusable(sentence)


# ---- the file ----

def layout(head):
    """[name, dtype, shape] of the arrays that a header with these sizes has to list."""
    n, m, d, count, cuts = (head[key] if key != 'cuts' else head.get(key, 0)
                            for key in ('n', 'm', 'd', 'count', 'cuts'))
    require(all(type(size) is int for size in (n, m, d, count, cuts)), 'a size is no integer')
    require(min(n, m, d, count) >= 1 and cuts >= 0, 'a size is not positive')
    shapes = {'x': [n, d], 'a': [n], 'y': [m, d], 'b': [m], 'row': [count], 'col': [count],
              'mass': [count], 'q': [d, d], 'f': [n], 'g': [m], 'claim': [3],
              'cut_q': [cuts, d * d], 'cut_f': [cuts, n], 'cut_g': [cuts, m],
              'mass_low': [count], 'f_low': [n], 'g_low': [m]}
    listed = {entry['name'] for entry in head['arrays']}
    names = ARRAYS + (CUTS if cuts else ()) + (LOW if listed.intersection(LOW) else ())
    return [(name, '<i8' if name in ('row', 'col') else '<f8', shapes[name]) for name in names]


def read(raw):
    """(header, {name: flat tuple of Fractions or integers}) of the bytes of a file."""
    require(raw[:8] == b'WGCERT1\n', 'it does not begin as a certificate does')
    require(zlib.crc32(raw[:-4]) == int.from_bytes(raw[-4:], 'little'), 'the checksum is wrong')
    start = 16 + int.from_bytes(raw[8:16], 'little')
    try:
        head = json.loads(raw[16:start].decode())
        require(head['format'] == 'wgamma certificate' and head['version'] == 1,
                'it is no certificate of version 1')
        require(head.get('kind', 'clouds') == 'clouds', 'it is not about clouds')
        wanted, offset, arrays = layout(head), 0, {}
        require(len(head['arrays']) == len(wanted), 'it lists too many arrays, or too few')
        for entry, (name, dtype, shape) in zip(head['arrays'], wanted):
            number = math.prod(shape)
            require(entry == {'name': name, 'dtype': dtype, 'shape': shape, 'offset': offset,
                              'bytes': 8 * number}, f'the header does not describe {name}')
            values = struct.unpack_from(f'<{number}{"q" if dtype == "<i8" else "d"}',
                                        raw[:-4], start + offset)
            require(all(map(math.isfinite, values)), f'{name} has an entry that is not finite')
            arrays[name] = values if dtype == '<i8' else tuple(map(Fraction, values))
            offset += 8 * number
        require(start + offset == len(raw) - 4, 'bytes are missing or left over')
        return head, arrays
    except (KeyError, TypeError, ValueError, AttributeError, struct.error) as fault:
        raise Unusable(f'its header or its length is wrong ({fault})') from fault


# ---- the gauge: ('sum' or 'max', [(kind, p or k, start, size, rate)]) ----

def simple_gauge(text, d):
    """(kind, parameter): ('schatten', p) with p = math.inf for the operator, or ('kyfan', k)."""
    name, _, number = text.partition(':')
    known = {'trace': Fraction(1), 'frobenius': Fraction(2), 'operator': math.inf}
    if not number and name in known:
        return 'schatten', known[name]
    if name == 'kyfan':
        require(1 <= int(number) <= d, f'{text} does not fit {d} columns')
        return 'kyfan', int(number)
    require(name == 'schatten', f'{text} is no gauge')
    require(float(number) >= 0.5, f'{text}: p must be at least 1/2')
    if d == 1:  # one eigenvalue: every p is the trace
        return 'schatten', Fraction(1)
    return 'schatten', math.inf if math.isinf(float(number)) else Fraction(float(number))


def parse_gauge(text, d):
    outer, colon, rest = text.partition(':')
    try:
        if not colon or outer not in ('sum', 'max'):
            return 'sum', [(*simple_gauge(text, d), 0, d, Fraction(1))]
        blocks, start = [], 0
        for part in rest.split(','):
            gauge, _, size = part.rpartition('@')
            size, slash, rate = size.partition('/')
            require(not slash or outer == 'max', 'only max: has rates')
            rate = Fraction(float(rate)) if slash else Fraction(1)
            require(rate > 0 and int(size) > 0, 'rates and sizes are positive')
            blocks.append((*simple_gauge(gauge, int(size)), start, int(size), rate))
            start += int(size)
    except (ValueError, OverflowError) as fault:
        raise Unusable(f'{text} is no gauge ({fault})') from fault
    require(start == d, f'the sizes of {text} do not sum to {d}')
    return outer, blocks


# ---- powers and eigenvalues ----

def power(base, exponent):
    """An upper bound of base ** exponent, both Fractions, base >= 0, exponent > 0."""
    one = 1 << BITS
    result, value = one, -(-base.numerator * one // base.denominator)
    if value == 0:
        return Fraction(0)
    bits = exponent * one
    bits = bits // 1 if value <= one else -(-bits // 1)  # the direction that makes it larger
    root = value
    for place in range(BITS - 1, -1, -1):  # value^(1/2), value^(1/4), ...
        root = math.isqrt(root * one - 1) + 1
        if bits >> place & 1:
            result = -(-result * root // one)
    whole = bits >> BITS
    while whole:
        if whole & 1:
            result = -(-result * value // one)
        value, whole = -(-value * value // one), whole >> 1
    return Fraction(result, one)


def characteristic(matrix):
    """det(t - M) of an integer matrix, highest coefficient first (Faddeev and LeVerrier)."""
    d = len(matrix)
    product, coefficients = [[0] * d for _ in range(d)], [1]
    for k in range(1, d + 1):
        for i in range(d):
            product[i][i] += coefficients[-1]
        product = [[sum(row[l] * product[l][j] for l in range(d)) for j in range(d)]
                   for row in matrix]
        coefficients.append(-sum(product[i][i] for i in range(d)) // k)
    return coefficients


def roots_above(coefficients, t):
    """How many roots of a real-rooted polynomial exceed t: sign changes of p(x + t) (Descartes)."""
    shifted = list(coefficients)
    for end in range(len(shifted), 1, -1):
        for k in range(1, end):
            shifted[k] += t * shifted[k - 1]
    signs = [value > 0 for value in shifted if value]
    return sum(left != right for left, right in zip(signs, signs[1:]))


def eigenvalues(matrix):
    """Decreasing (low, high) of the eigenvalues of a symmetric matrix of Fractions."""
    d, largest = len(matrix), max(abs(entry) for row in matrix for entry in row)
    if largest == 0:
        return [(Fraction(0), Fraction(0))] * d
    unit = largest / (1 << BITS)
    if all(matrix[i][j] == 0 for i in range(d) for j in range(i)):
        return sorted(((matrix[i][i], matrix[i][i]) for i in range(d)), reverse=True)
    rounded = [[round(entry / unit) for entry in row] for row in matrix]
    coefficients, found = characteristic(rounded), []
    for k in range(1, d + 1):
        low, high = -d << BITS, d << BITS  # roots_above(low) >= k > roots_above(high)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if roots_above(coefficients, middle) >= k else (low, middle)
        found.append(((low - d) * unit, (high + d) * unit))  # rounding moves them by d / 2 at most
    return found


def block_of(matrix, start, size):
    return [row[start:start + size] for row in matrix[start:start + size]]


def sum_of_powers_root(values, p):
    """An upper bound of (sum v^p)^(1/p) for values >= 0."""
    top = max(values)
    if top == 0 or p == math.inf:
        return top
    if p == 1:
        return sum(values)
    return top * power(sum(power(v / top, p) for v in values), 1 / p)


def power_below(base, exponent):
    """A lower bound of base ** exponent."""
    return 1 / power(1 / base, exponent) if base else Fraction(0)


def value_below(kind, p, spectrum):
    """A lower bound of the gauge of a block."""
    lows = [max(low, Fraction(0)) for low, _ in spectrum]
    if kind == 'kyfan':
        return sum(lows[:p])
    if p >= 1 or not max(lows):  # for convex gauges the potentials prove the bound
        return max(lows)
    powers = [power_below(low / max(lows), p) for low in lows]
    return max(lows) * power_below(sum(powers), 1 / p)


def spread(values, p, rest):
    """Eigenvalues after adding an R >= 0 of trace at most rest that raises sum v^p, p < 1, most:
    R levels up the lowest ones (the sum is concave, so R may be taken diagonal with the matrix)."""
    values = sorted(values)
    for k in range(1, len(values) + 1):
        level = (sum(values[:k]) + rest) / k
        if k == len(values) or level <= values[k]:
            return [level] * k + values[k:]


def block_value(kind, p, spectrum, rest):
    """An upper bound of the gauge of a block, and of what it is after adding a matrix R >= 0 of
    trace at most rest."""
    highs = [max(high, Fraction(0)) for _, high in spectrum]
    if kind == 'kyfan':
        return sum(highs[:p]) + rest
    if p >= 1:
        return sum_of_powers_root(highs, p) + rest
    return sum_of_powers_root(spread(highs, p, rest), p)


def block_dual(kind, p, spectrum):
    highs = [max(high, Fraction(0)) for _, high in spectrum]
    if kind == 'kyfan':
        return max(highs[0], sum(highs) / p)
    if p <= 1:
        return highs[0]
    return sum_of_powers_root(highs, Fraction(1) if p == math.inf else p / (p - 1))


# ---- the two bounds ----

class Data:
    """The arrays of a certificate, checked, with the second halves added to the first."""

    def __init__(self, head, arrays):
        n, m, d = self.n, self.m, self.d = head['n'], head['m'], head['d']
        rows = lambda flat: [flat[k:k + d] for k in range(0, len(flat), d)]
        whole = lambda name: [high + low for high, low in
                              zip(arrays[name], arrays.get(f'{name}_low', [0] * len(arrays[name])))]
        self.x, self.y, self.q = (rows(arrays[name]) for name in ('x', 'y', 'q'))
        self.a, self.b, self.row, self.col = (arrays[name] for name in ('a', 'b', 'row', 'col'))
        self.mass, self.f, self.g = map(whole, ('mass', 'f', 'g'))
        self.lower, self.upper, self.tol = arrays['claim']
        self.sum_a, self.sum_b = sum(self.a), sum(self.b)
        for name, weights, total in (('a', self.a, self.sum_a), ('b', self.b, self.sum_b)):
            require(min(weights) >= 0, f'{name} has a negative weight')
            require(abs(total - 1) <= Fraction(1e-6), f'{name} does not sum to one within 1e-6')
        require(min(self.mass) >= 0, 'the plan has a negative mass')
        require(all(0 <= i < n for i in self.row) and all(0 <= j < m for j in self.col),
                'the plan names a point that is not there')
        self.outer, self.blocks = parse_gauge(head['gauge'], d)

    def step(self, i, j):
        return [end - start for start, end in zip(self.x[i], self.y[j])]


def missing_mass(data):
    """rho of the opening comment."""
    rows, cols = [Fraction(0)] * data.n, [Fraction(0)] * data.m
    for i, j, mass in zip(data.row, data.col, data.mass):
        rows[i] += mass
        cols[j] += mass
    share = data.sum_a / data.sum_b
    return (sum(max(a - r, 0) for a, r in zip(data.a, rows)) +
            sum(max(s - b * share, 0) for b, s in zip(data.b, cols)))


def longest_step2(data):
    """D^2: no displacement between points with mass is longer, by the boxes around the clouds."""
    total = Fraction(0)
    for k in range(data.d):
        x = [point[k] for point, weight in zip(data.x, data.a) if weight]
        y = [point[k] for point, weight in zip(data.y, data.b) if weight]
        total += max(max(y) - min(x), max(x) - min(y), 0) ** 2
    return total


def moment(data, entries):
    """Sum of mass (y_j - x_i)(y_j - x_i)' over entries (i, j, mass)."""
    d = data.d
    sigma = [[Fraction(0)] * d for _ in range(d)]
    for i, j, mass in entries:
        step = data.step(i, j)
        for k in range(d):
            for l in range(d):
                sigma[k][l] += mass * step[k] * step[l]
    return sigma


def upper_bound(data):
    rest = missing_mass(data) * longest_step2(data)
    sigma = moment(data, zip(data.row, data.col, data.mass))
    convex = all(kind == 'kyfan' or p >= 1 for kind, p, *_ in data.blocks)
    parts = [block_value(kind, p, eigenvalues(block_of(sigma, start, size)), 0 if convex else rest)
             / rate ** 2 for kind, p, start, size, rate in data.blocks]
    value = sum(parts) if data.outer == 'sum' else max(parts)
    if convex:  # subadditive: what is missing is paid once, after the blocks
        value += rest / min(rate for *_, rate in data.blocks) ** 2
    return value / data.sum_a


def only_coupling(data):
    """W^2 from below where one cloud is a single point: gamma of the only coupling there is."""
    x = [(i, weight) for i, weight in enumerate(data.a) if weight]
    y = [(j, weight) for j, weight in enumerate(data.b) if weight]
    if len(x) > 1 and len(y) > 1:
        return Fraction(0)
    sigma = moment(data, ((i, j, a * b / (data.sum_a * data.sum_b)) for i, a in x for j, b in y))
    parts = [value_below(kind, p, eigenvalues(block_of(sigma, start, size))) / rate ** 2
             for kind, p, start, size, rate in data.blocks]
    return sum(parts) if data.outer == 'sum' else max(parts)


def feasible(data):
    """(Q', an upper bound of gamma°(Q')); a gauge with p < 1 counts as the trace."""
    d = data.d
    q, dual = [[Fraction(0)] * d for _ in range(d)], []
    for kind, p, start, size, rate in data.blocks:
        inside = range(start, start + size)
        for k in inside:
            for l in inside:
                q[k][l] = (data.q[k][l] + data.q[l][k]) / 2
        spectrum = eigenvalues(block_of(q, start, size))
        lift = max(Fraction(0), -spectrum[-1][0])
        for k in inside:
            q[k][k] += lift
        dual.append(block_dual(kind, p, [(low + lift, high + lift) for low, high in spectrum])
                    * (rate ** 2 if data.outer == 'max' else 1))
    return q, sum(dual) if data.outer == 'max' else max(dual)


def lower_bound(data):
    q, dual = feasible(data)
    total = sum(b * g for b, g in zip(data.b, data.g)) / data.sum_b
    for i in range(data.n):
        if data.a[i] == 0:
            continue
        violation = Fraction(0)
        for j in range(data.m):
            if data.b[j]:
                step = data.step(i, j)
                cost = sum(step[k] * sum(q[k][l] * step[l] for l in range(data.d))
                           for k in range(data.d))
                violation = max(violation, data.f[i] + data.g[j] - cost)
        total += data.a[i] * (data.f[i] - violation) / data.sum_a
    return max(total, Fraction(0)) / max(1, dual)


# ---- the verdict ----

def judge(raw):
    """(status, words, lower, upper, data) for the bytes of a file; bounds are Fractions."""
    head, arrays = read(raw)
    data = Data(head, arrays)
    lower, upper = max(lower_bound(data), only_coupling(data)), upper_bound(data)
    words = []
    if data.lower > lower and head.get('cuts'):
        raise Unusable('the lower bound may follow from its cuts, which this program does not read')
    if data.lower > lower:
        words.append(f'lower bound: {show(data.lower - lower)} more is claimed than follows')
    if data.upper < upper:
        words.append(f'upper bound: {show(upper - data.upper)} less is claimed than follows')
    gap = (data.upper - data.lower) / data.upper if data.upper > data.lower else 0
    if not words and gap > data.tol:
        words.append(f'open: both bounds follow, the gap {show(gap)} is larger than the claimed '
                     f'tol {show(data.tol)}')
    return (1 if words else 0), '; '.join(words), lower, upper, data


def show(value):
    try:
        return f'{float(value):.17g}'
    except OverflowError:
        return 'more than a double holds'


def main(arguments):
    if len(arguments) != 1:
        print('usage: check_certificate.py CERTIFICATE', file=sys.stderr)
        return 2
    try:
        with open(arguments[0], 'rb') as file:
            status, words, lower, upper, data = judge(file.read())
    except (OSError, Unusable) as fault:
        print(f'check_certificate: {arguments[0]}: {fault}', file=sys.stderr)
        return 3
    print(f'claimed    W^2 in [{show(data.lower)}, {show(data.upper)}]')
    print(f'derived    W^2 in [{show(lower)}, {show(upper)}]')
    print(f'verdict    {words or "valid: both claimed bounds follow from the data"}')
    return status


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
