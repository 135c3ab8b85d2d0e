"""
Unequal masses on the sphere
============================

Mass is moved, created and destroyed. Under the trace (Wasserstein-Fisher-Rao) there is transport
between two atoms up to a right angle, beyond it only creation and destruction, and the distance does
not change any more. Other gauges still see the angle: they pay for the covariance of both.
"""
import matplotlib.pyplot as plt
import numpy as np
import wgamma

angles = np.linspace(0.0, np.pi, 61)
for gauge in ('trace', 'frobenius', 'operator'):
    uw = [wgamma.sphere([[1.0, 0.0]], [[np.cos(t), np.sin(t)]], gauge, a=[1.0], b=[0.5]).uw
          for t in angles]
    plt.plot(angles, uw, label=gauge)
plt.axvline(np.pi / 2, color='0.7', lw=0.6)
plt.xlabel('angle between the atoms of mass 1 and 1/2')
plt.ylabel('UW')
plt.legend()
plt.tight_layout()
