"""
A flow of particles
===================

Particles follow the flow of the energy MMD^2 to a target under the geometry of Muon, where all
singular values of the force are made equal, and under the classical one. The energy law,
F(0) - F(t) = the integral of N*^2, is checked along the way: its residual says how far the run can
be trusted.
"""
import matplotlib.pyplot as plt
import numpy as np
import wgamma
from wgamma import energies

rng = np.random.default_rng(13)
x = 0.4 * rng.normal(size=(80, 2)) * [1.0, 0.3]
turn = rng.uniform(0, 2 * np.pi, 120)
target = np.c_[2 * np.cos(turn), np.sin(turn)] + 0.05 * rng.normal(size=(120, 2))

fig, axes = plt.subplots(1, 3, figsize=(10, 3.2))
for gauge, ax in zip(('trace', 'operator'), axes):
    run = wgamma.flow(energies.mmd(target), x, time=12.0, gauge=gauge)
    ax.scatter(*target.T, s=6, color='0.8')
    ax.plot(run.points[:, :, 0], run.points[:, :, 1], color='#0072b2', lw=0.5)
    ax.scatter(*run.points[-1].T, s=8, color='#d55e00')
    ax.set_title(f'{gauge}: law held to {run.residual:.0e}')
    ax.set_aspect('equal')
    axes[2].semilogy(run.log['time'], run.log['energy'], label=gauge)
    print(run.summary)
axes[2].set_xlabel('time')
axes[2].set_ylabel('energy')
axes[2].legend()
fig.tight_layout()
