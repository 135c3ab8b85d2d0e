"""
One pair of clouds, three gauges
================================

The trace pays every displacement by its squared length. The operator norm pays only the direction
in which the cloud as a whole moves most, so that the plan takes detours in the other one.
"""
import matplotlib.pyplot as plt
import numpy as np
import wgamma

rng = np.random.default_rng(3)
angle = rng.uniform(0, 2 * np.pi, 80)
x = np.c_[np.cos(angle), np.sin(angle)] + 0.08 * rng.normal(size=(80, 2))
y = np.c_[2.2 + 0.25 * rng.normal(size=80), 1.4 * rng.normal(size=80)]

fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.2), sharey=True)
for gauge, ax in zip(('trace', 'frobenius', 'operator'), axes):
    result = wgamma.distance(x, y, gauge, tol=1e-8)
    result.plot(ax)
    ax.set_title(f'{gauge}: W = {result.w:.4f}\ncertified to {result.gap:.0e}')
fig.tight_layout()

# %%
# The covariance of the displacement, and the matrix Q that proves the lower bound: under the
# operator norm both of its directions move equally much.
result = wgamma.distance(x, y, 'operator', tol=1e-8)
print('eigenvalues of Sigma:', np.linalg.eigvalsh(result.moment))
print('eigenvalues of Q:    ', np.linalg.eigvalsh(result.q))
