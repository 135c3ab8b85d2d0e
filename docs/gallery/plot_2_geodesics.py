"""
Geodesics
=========

A plan between two clouds is also a path: mass moves on straight lines. Under different gauges the
same two clouds are joined by different paths.
"""
import matplotlib.pyplot as plt
import numpy as np
import wgamma

rng = np.random.default_rng(5)
turn = np.linspace(0, 2 * np.pi, 150, endpoint=False)
x = np.c_[np.cos(turn), 0.35 * np.sin(turn)]
y = np.c_[0.35 * np.cos(turn), np.sin(turn)] + [2.5, 0.0]

times = (0.0, 0.25, 0.5, 0.75, 1.0)
fig, axes = plt.subplots(2, 1, figsize=(7, 4.6), sharex=True)
for gauge, ax in zip(('trace', 'operator'), axes):
    result = wgamma.distance(x, y, gauge, tol=1e-7)
    for k, t in enumerate(times):
        points, mass = result.geodesic(t)
        ax.scatter(*points.T, s=400 * mass, color=plt.cm.viridis(k / 4.5), label=f't = {t:g}')
    ax.set_title(f'{gauge}: W = {result.w:.4f}')
    ax.set_aspect('equal')
axes[1].legend(ncol=5, fontsize=7, loc='upper center', bbox_to_anchor=(0.5, -0.2))
fig.tight_layout()
