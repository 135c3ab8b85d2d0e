"""Writes transport.json: W2 of the golden clouds under the trace, by POT and by SciPy.

POT's network simplex and SciPy's linear programme (HiGHS) are two exact solvers that share nothing
with src/ot. Run it by hand, with numpy, scipy and POT, when clouds are added.
"""
import json
import pathlib

import numpy as np
import ot
import scipy
from scipy.optimize import linprog

FOLDER = pathlib.Path(__file__).parent


def programme(cost, a, b):
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    found = linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]),
                    method='highs-ds')
    assert found.status == 0
    return found.fun


def values():
    for folder in sorted(p for p in (FOLDER / 'clouds').iterdir() if p.is_dir()):
        x, y, a, b = (np.load(folder / f'{name}.npy') for name in 'xyab')
        a, b = a / a.sum(), b / b.sum()
        cost = ((x[:, None] - y[None]) ** 2).sum(axis=2)
        yield {'instance': folder.name, 'pot': float(ot.emd2(a, b, cost, numItermax=10**7)),
               'scipy': float(programme(cost, a, b))}


if __name__ == '__main__':
    found = {'pot': ot.__version__, 'scipy': scipy.__version__, 'values': list(values())}
    (FOLDER / 'transport.json').write_text(json.dumps(found, indent=1) + '\n')
