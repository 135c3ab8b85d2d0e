"""The bounds of a grid's certificate against exact arithmetic, and against what they rest on.

From below: the bound that a potential and Q = I prove under the trace is a rational number; the one
derived in doubles must not exceed it, and must be near it. From above: a path in doubles misses the
continuity equation; the least repair is computed (in fractions, or by least squares where the miss
is large), and the action of the repaired path must not exceed the bound derived.
"""
import itertools
from fractions import Fraction

import numpy as np
import pytest
import wgamma


def gradient(shape, spacing, steps):
    """Rows: (a, b_1, ..., b_d) of every step and cell, in the order of density and momentum;
    columns: corners at every time. Fractions."""
    d, cells = len(shape), list(itertools.product(*map(range, shape)))
    corners = {c: k for k, c in enumerate(itertools.product(*(range(n + 1) for n in shape)))}
    a, b = [], [[] for _ in range(d)]
    share = Fraction(1, 2 ** d)
    for t in range(steps):
        for cell in cells:
            rows = [dict() for _ in range(d + 1)]
            for bits in itertools.product((0, 1), repeat=d):
                at = corners[tuple(i + k for i, k in zip(cell, bits))]
                for time, sign in ((t, -1), (t + 1, 1)):
                    key = time * len(corners) + at
                    rows[0][key] = sign * steps * share
                    for j in range(d):
                        rows[1 + j][key] = (1 if bits[j] else -1) * share / Fraction(spacing[j])
            a.append(rows[0])
            for j in range(d):
                b[j].append(rows[1 + j])
    return a, b, len(corners) * (steps + 1)


def ends(shape, steps, mass0, mass1):
    """The right side of the continuity equation, masses divided by their exact sums."""
    corners = {c: k for k, c in enumerate(itertools.product(*(range(n + 1) for n in shape)))}
    right = [Fraction(0)] * (len(corners) * (steps + 1))
    for mass, sign, start in ((mass0, -1, 0), (mass1, 1, steps * len(corners))):
        total = sum(map(Fraction, mass.ravel().tolist()))
        for cell in itertools.product(*map(range, shape)):
            for bits in itertools.product((0, 1), repeat=len(shape)):
                at = corners[tuple(i + k for i, k in zip(cell, bits))]
                right[start + at] += sign * Fraction(float(mass[cell])) / total / 2 ** len(shape)
    return right


def derived(shape, spacing, mass0, mass1, density, momentum, potential, gauge='trace', q=None):
    d, steps = len(shape), len(density)
    certificate = wgamma.Certificate(
        'grid', gauge, -1.0, 1e300, 1.0, shape=np.array(shape), spacing=np.array(spacing),
        mass0=mass0.ravel(), mass1=mass1.ravel(), density=density.reshape(steps, -1),
        momentum=momentum.reshape(steps, d, -1), potential=potential.reshape(steps + 1, -1),
        q=np.eye(d) if q is None else q)
    verdict = certificate.verify()
    return verdict['lower'], verdict['upper']


def made(seed, shape, steps, spacing):
    rng = np.random.default_rng(seed)
    mass0, mass1 = rng.uniform(0.2, 1, shape), rng.uniform(0.2, 1, shape)
    result = wgamma.dynamic(mass0, mass1, 'trace', spacing, steps=steps, tol=1e-4,
                            max_iterations=400)
    return mass0, mass1, result


CASES = [(1, (3,), 2, (1.0,)), (2, (4,), 3, (0.3,)), (3, (2, 3), 2, (1.0, 0.7)),
         (4, (2, 2, 2), 2, (1.0, 1.3, 0.9)), (5, (3,), 2, (1e-9,)), (6, (2, 2), 2, (1e90, 1e90))]


def exact_lower(shape, spacing, steps, mass0, mass1, potential):
    """<mu1, A phi_T> - <mu0, A phi_0> - (1/T) sum over steps of max (a + b'b/4)."""
    a, b, _ = gradient(shape, spacing, steps)
    phi = [Fraction(value) for value in potential.ravel().tolist()]
    value = sum(r * p for r, p in zip(ends(shape, steps, mass0, mass1), phi))

    def along(row):
        return sum(weight * phi[at] for at, weight in row.items())
    excess = [along(row) + sum(along(b[j][k]) ** 2 for j in range(len(shape))) / 4
              for k, row in enumerate(a)]
    cells = len(a) // steps
    return value - sum(max(excess[t * cells:(t + 1) * cells]) for t in range(steps)) / steps


@pytest.mark.parametrize('seed, shape, steps, spacing', CASES)
def test_from_below_it_never_exceeds_the_exact_bound(seed, shape, steps, spacing):
    mass0, mass1, result = made(seed, shape, steps, spacing)
    rng, size = np.random.default_rng(seed), result.upper
    for offset in (0.0, 1e3, 1e6, 1e9):
        for _ in range(8):
            noise = 1e-3 * rng.normal(size=result.potential.shape)
            potential = result.potential + size * (noise * rng.integers(2) + offset)
            exact = exact_lower(shape, spacing, steps, mass0, mass1, potential)
            lower, _ = derived(shape, spacing, mass0, mass1, result.density, result.momentum,
                               potential)
            assert Fraction(lower) <= max(exact, 0)
            assert float(exact) - lower <= 1e-11 * (1 + offset) * size


def solve_least(matrix, right):
    """The least x with matrix x = right, rows of matrix being dependent; fractions. x = M'y."""
    count = len(matrix)
    gram = [[sum(p * q for p, q in zip(u, v)) for v in matrix] + [r]
            for u, r in zip(matrix, right)]
    pivots, row = [], 0
    for column in range(count):
        best = next((k for k in range(row, count) if gram[k][column] != 0), None)
        if best is None:
            continue
        gram[row], gram[best] = gram[best], gram[row]
        gram[row] = [entry / gram[row][column] for entry in gram[row]]
        for k in range(count):
            if k != row and gram[k][column] != 0:
                gram[k] = [p - gram[k][column] * q for p, q in zip(gram[k], gram[row])]
        pivots.append(column)
        row += 1
    assert all(gram[k][count] == 0 for k in range(row, count)), 'the miss is not in the range'
    y = [Fraction(0)] * count
    for k, column in enumerate(pivots):
        y[column] = gram[k][count]
    return [sum(matrix[k][j] * y[k] for k in range(count)) for j in range(len(matrix[0]))]


@pytest.mark.parametrize('seed, shape, steps, spacing', CASES[:3] + CASES[4:])
def test_from_above_it_pays_for_the_exact_repair(seed, shape, steps, spacing):
    """Paths as the solver rounds them: the repair and its action in fractions."""
    mass0, mass1, result = made(seed, shape, steps, spacing)
    a, b, columns = gradient(shape, spacing, steps)
    d, cells = len(shape), len(a) // steps
    rho = [Fraction(v) for v in result.density.ravel().tolist()]
    m = [[Fraction(v) for v in result.momentum.reshape(steps, d, -1)[:, j].ravel().tolist()]
         for j in range(d)]
    right = [steps * r for r in ends(shape, steps, mass0, mass1)]
    scale = Fraction(2) ** int(np.floor(np.log2(np.sqrt(result.upper))))
    rows = a + [{k: scale * v for k, v in row.items()} for j in range(d) for row in b[j]]
    now = rho + [v / scale for j in range(d) for v in m[j]]
    for row, value in zip(rows, now):
        for column, weight in row.items():
            right[column] -= weight * value
    matrix = [[row.get(column, Fraction(0)) for row in rows] for column in range(columns)]
    repair = solve_least(matrix, right)
    action, count = Fraction(0), steps * cells
    for k in range(count):
        density = rho[k] + repair[k]
        assert density > 0
        action += sum((m[j][k] + scale * repair[(1 + j) * count + k]) ** 2
                      for j in range(d)) / density
    action /= steps
    _, upper = derived(shape, spacing, mass0, mass1, result.density, result.momentum,
                       result.potential)
    assert action <= Fraction(upper) and upper <= result.upper
    assert upper - float(action) <= 1e-9 * upper


@pytest.mark.parametrize('seed, shape, steps, spacing', CASES[:4])
def test_paths_that_miss_are_paid_for(seed, shape, steps, spacing):
    """Density and momentum moved by up to a thousandth, in the direction that helps a claim."""
    mass0, mass1, result = made(seed, shape, steps, spacing)
    a, b, columns = gradient(shape, spacing, steps)
    d, rng = len(shape), np.random.default_rng(seed)
    scale = 2.0 ** np.floor(np.log2(np.sqrt(result.upper)))
    rows = np.zeros((len(a) * (1 + d), columns))
    for k, row in enumerate(a + [row for j in range(d) for row in b[j]]):
        for column, weight in row.items():
            rows[k, column] = float(weight) * (scale if k >= len(a) else 1)
    right = steps * np.array([float(r) for r in ends(shape, steps, mass0, mass1)])
    for size in (1e-3, 1e-6):
        density = result.density * (1 + size * rng.uniform(0, 1, result.density.shape))
        momentum = result.momentum * (1 - size)
        m = momentum.reshape(steps, d, -1).transpose(1, 0, 2).reshape(d, -1)
        now = np.concatenate([density.ravel(), m.ravel() / scale])
        repair = np.linalg.lstsq(rows.T, right - rows.T @ now, rcond=1e-12)[0]
        fixed = (now + repair).reshape(1 + d, -1)
        _, upper = derived(shape, spacing, mass0, mass1, density, momentum, result.potential)
        assert np.all(fixed[0] > 0)
        action = (scale ** 2 * np.sum(fixed[1:] ** 2 / fixed[0]) / steps)
        assert action <= upper * (1 + 1e-12) and result.lower <= upper


def test_what_proves_nothing_is_said():
    mass0, mass1, result = made(7, (4,), 3, (1.0,))
    given = [mass0, mass1, result.density, result.momentum, result.potential]
    assert derived((4,), (1.0,), *given, q=np.zeros((1, 1)))[0] == 0.0
    assert derived((4,), (1.0,), mass0, mass1, 0 * result.density, *given[3:])[1] == np.inf
    assert derived((4,), (1.0,), *given[:4], 0 * result.potential)[0] == 0.0
