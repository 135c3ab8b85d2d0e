"""
Descent directions
==================

The steepest descent direction of a matrix when the covariance of a step is paid by a Schatten norm:
singular values of the direction against those of the gradient. Under the trace it is the gradient
itself, under the operator norm its polar factor, where every direction moves equally; below p = 1
the largest singular values take all.
"""
import matplotlib.pyplot as plt
import numpy as np
import wgamma

rng = np.random.default_rng(7)
u = np.linalg.qr(rng.normal(size=(60, 20)))[0]
v = np.linalg.qr(rng.normal(size=(20, 20)))[0]
sigma = np.logspace(0, -3, 20)
gradient = u * sigma @ v.T

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
for gauge in ('schatten:0.5', 'trace', 'frobenius', 'schatten:4', 'operator'):
    direction = wgamma.lmo(gradient, gauge)
    values = np.sqrt(np.sum((u.T @ direction @ v) ** 2, axis=1))
    left.loglog(sigma, np.maximum(values / values[0], 1e-6), 'o-', ms=3, label=gauge)
left.set_xlabel('singular value of the gradient')
left.set_ylabel('of the direction, relative')
left.legend(fontsize=7)

# Muon's polynomial is an approximation of the polar factor; wgamma's default is exact.
for method in ('exact', 'muon', 'polar-express'):
    factor = wgamma.polar(gradient, method)
    right.semilogx(sigma, np.sqrt(np.sum((u.T @ factor @ v) ** 2, axis=1)), 'o-', ms=3, label=method)
right.set_xlabel('singular value of the gradient')
right.set_ylabel('of its polar factor')
right.legend(fontsize=7)
fig.tight_layout()
