"""
Modes that lose rank
====================

A linear two-layer network with Gaussian neurons, in modes. Under the operator norm every mode moves
at the same speed, arrives or loses rank in finite time, and the flow goes on exactly.
"""
import matplotlib.pyplot as plt
import numpy as np
import wgamma

s, r, beta = np.array([0.5, 0.3]), np.array([0.1, 0.0]), np.array([2.0, -1.2])
times = np.linspace(0, 3, 301)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
for gauge, ax in zip(('trace', 'operator'), axes):
    found = wgamma.moments_modal(s, r, beta, times, gauge)
    for k, colour in enumerate(('#0072b2', '#d55e00')):
        ax.plot(times, found.r[:, k], color=colour, label=f'mode {k + 1}')
        ax.axhline(beta[k], color=colour, lw=0.6, ls=':')
    for time, kind, mode in found.events:
        ax.axvline(time, color='0.7', lw=0.6)
        print(f'{gauge}: {kind} of mode {mode + 1} at t = {time:.6f}')
    ax.set_title(f'{gauge}: law held to {found.defect:.0e}')
    ax.set_xlabel('time')
axes[0].legend()
fig.tight_layout()
