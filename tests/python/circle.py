"""UW between densities on the circle by the dynamic form itself (theory 7): checks the static one.

Minimise gamma of the space-time integral of v v' nu over densities nu and velocities v = b w + s w'
(w' tangent) with d nu/dt = 2 b nu - d(s nu)/dtheta and given ends. It shares nothing with the
library: potentials on the corners of a grid, its time steps graded, for mass that is born grows
like t^2; cells carry a symmetric 3 x 3 matrix [[Q, -g/2], [-g'/2, -a]] >= 0 with a = d phi/dt and
g = 2 phi w + phi' w', and the alternating direction method with one Q for all cells. Its
multipliers are the path. Both values estimate UW^2; they differ by what is left to iterate.

    python3 circle.py            the table of docs/theory/sphere.md (needs wgamma; minutes)
"""
import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as solvers


def project_simplex(x, total=1.0):
    """The nearest point with entries >= 0 and sum `total`."""
    y = np.sort(x)[::-1]
    excess = (np.cumsum(y) - total) / np.arange(1, len(y) + 1)
    return np.maximum(x - excess[np.nonzero(y > excess)[0][-1]], 0.0)


def project_gauge(q, gauge):
    """Onto K: {I} for the trace, {Q >= 0, tr Q <= 1} for operator, {Q >= 0, |Q| <= 1} frobenius."""
    if gauge == 'trace':
        return np.eye(2)
    values, vectors = np.linalg.eigh(q)
    values = np.maximum(values, 0.0)
    if gauge == 'operator' and values.sum() > 1.0:
        values = project_simplex(values)
    if gauge == 'frobenius':
        values = values / max(1.0, np.linalg.norm(values))
    return (vectors * values) @ vectors.T


def gauge_value(moment, gauge):
    values = np.linalg.eigvalsh(moment)
    return {'trace': values.sum(), 'operator': values[-1],
            'frobenius': np.linalg.norm(values)}[gauge]


class Grid:
    """n cells around, steps of time; unknown are the corners, (steps + 1) x n."""

    def __init__(self, n, steps):
        self.n, self.steps = n, steps
        self.h = 2 * np.pi / n
        self.times = 0.5 - 0.5 * np.cos(np.pi * np.arange(steps + 1) / steps)
        self.dt = np.diff(self.times)
        around = sparse.identity(n, format='csr')
        ahead = sparse.csr_matrix((np.ones(n), (np.arange(n), (np.arange(n) + 1) % n)))
        mean, slope = 0.5 * (around + ahead), (ahead - around) / self.h
        before = sparse.eye(steps, steps + 1, format='csr')
        after = sparse.eye(steps, steps + 1, k=1, format='csr')
        half = 0.5 * (before + after)
        rate = sparse.diags(1 / self.dt) @ (after - before)
        self.rate = sparse.kron(rate, mean).tocsr()      # a
        self.value = sparse.kron(half, mean).tocsr()     # phi
        self.slope = sparse.kron(half, slope).tocsr()    # phi'
        self.weight = np.repeat(self.dt, n)              # of a cell
        angle = (np.arange(n) + 0.5) * self.h
        self.out = np.tile(np.c_[np.cos(angle), np.sin(angle)], (steps, 1))
        self.along = np.tile(np.c_[-np.sin(angle), np.cos(angle)], (steps, 1))
        self.mean = mean
        # |L|^2 counts a once and each entry of g/2 twice
        w = sparse.diags(self.weight)
        normal = (self.rate.T @ w @ self.rate
                  + 0.5 * (4 * self.value.T @ w @ self.value + self.slope.T @ w @ self.slope))
        self.solve = solvers.splu(normal.tocsc()).solve

    def forms(self, phi, q):
        """The 3 x 3 matrices of all cells."""
        a = self.rate @ phi
        g = 2 * (self.value @ phi)[:, None] * self.out + (self.slope @ phi)[:, None] * self.along
        found = np.empty((len(a), 3, 3))
        found[:, :2, :2] = q
        found[:, :2, 2] = found[:, 2, :2] = -0.5 * g
        found[:, 2, 2] = -a
        return found

    def adjoint(self, z):
        """Corners from the parts of matrices that depend on phi, weighted."""
        z = z * self.weight[:, None, None]
        radial = np.einsum('ci,ci->c', z[:, :2, 2], self.out)
        tangent = np.einsum('ci,ci->c', z[:, :2, 2], self.along)
        return -(self.rate.T @ z[:, 2, 2] + 2 * (self.value.T @ radial) + self.slope.T @ tangent)


def dynamic(mass0, mass1, gauge, steps, rounds=3000, tol=2e-4):
    """(primal, dual, rounds made): both estimate UW^2; mass0, mass1 are the masses of n cells."""
    grid = Grid(len(mass0), steps)
    n = grid.n
    ends = np.zeros((steps + 1) * n)
    ends[:n], ends[-n:] = -(grid.mean.T @ mass0), grid.mean.T @ mass1
    r = 0.02 * (mass0.sum() + mass1.sum()) / n
    share = grid.weight / grid.weight.sum()
    y, u = np.zeros((2, steps * n, 3, 3))
    for k in range(1, rounds + 1):
        aim = y - u
        phi = grid.solve(grid.adjoint(aim) + ends / r)
        q = project_gauge(np.einsum('c,cij->ij', share, aim[:, :2, :2]), gauge)
        whole = 1.7 * grid.forms(phi, q) - 0.7 * y + u
        values, vectors = np.linalg.eigh(whole)
        y = (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
        u = whole - y
        if k % 20 == 0:
            moment = -r * np.einsum('c,cij->ij', grid.weight, u[:, :2, :2])
            primal, dual = gauge_value(moment, gauge), float(ends @ phi)
            if abs(primal - dual) <= tol * abs(primal):
                break
    return primal, dual, k


# ---- two cases ----


def bump(n, at, width, mass):
    angle = (np.arange(n) + 0.5) * 2 * np.pi / n
    density = np.exp(-0.5 * (np.angle(np.exp(1j * (angle - at))) / width) ** 2)
    return mass * density / density.sum()


def moved(n):
    """Two bumps become two others, of other masses."""
    return bump(n, 1.0, 0.35, 1.0) + bump(n, 4.2, 0.3, 0.4), bump(n, 1.9, 0.4, 0.7) + bump(
        n, 2.9, 0.3, 0.3)


def born(n):
    """One bump moves, another is born, a third dies, both out of reach of all others."""
    return (bump(n, 0.8, 0.3, 0.8) + bump(n, 2.9, 0.3, 0.4),
            bump(n, 1.0, 0.35, 0.9) + bump(n, 4.9, 0.3, 0.5))


def points(n):
    angle = (np.arange(n) + 0.5) * 2 * np.pi / n
    return np.c_[np.cos(angle), np.sin(angle)]


def main():
    import wgamma
    for case in (moved, born):
        for gauge in ('trace', 'frobenius', 'operator'):
            row = [sum(dynamic(*case(n), gauge, n // 2)[:2]) / 2 for n in (24, 48, 96)]
            row.append(row[2] + (row[2] - row[1]) / 3)
            a, b = case(768)
            row.append(wgamma.sphere(points(768), points(768), gauge, a=a, b=b, tol=1e-7).uw2)
            print(f'| {case.__name__} | {gauge} |', ' | '.join(f'{value:.5f}' for value in row),
                  f'| {row[3] / row[4] - 1:.1e} |', flush=True)


if __name__ == '__main__':
    main()
