"""
Densities on a grid
===================

The dynamic form: density and momentum over time of least action. Two bumps become one; bounds of the
discrete problem come with the estimates.
"""
import matplotlib.pyplot as plt
import numpy as np
import wgamma

side = (np.arange(32) + 0.5) * 0.25
a, b = np.meshgrid(side, side, indexing='ij')


def bump(x, y, sx, sy):
    return np.exp(-0.5 * ((a - x) / sx) ** 2 - 0.5 * ((b - y) / sy) ** 2)


left = bump(2.2, 2.2, 0.5, 0.5) + bump(2.2, 5.8, 0.5, 0.5)
right = bump(5.5, 4.0, 0.6, 1.0)
result = wgamma.dynamic(left, right, 'operator', spacing=[0.25, 0.25], steps=16)
fig, axes = plt.subplots(1, 5, figsize=(10, 2.4), sharey=True)
for ax, k in zip(axes, np.linspace(0, 15, 5).astype(int)):
    ax.imshow(result.density[k].T, origin='lower', extent=(0, 8, 0, 8), cmap='viridis')
    ax.set_title(f't = {result.times[k]:.2f}', fontsize=9)
fig.suptitle(f'W = {result.w:.4f}; W2 is {result.primal:.4f} by the path, {result.dual:.4f} by the potential')
fig.tight_layout()
print(result.outcome, result.info['iterations'], 'iterations')
