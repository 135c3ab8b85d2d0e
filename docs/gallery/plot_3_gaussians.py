"""
Gaussians
=========

Between Gaussians the distance is a problem of d x d matrices; the path between them stays Gaussian.
One standard deviation along the geodesics of two gauges.
"""
import matplotlib.pyplot as plt
import numpy as np
import wgamma

mean = [np.zeros(2), np.array([3.0, 0.5])]
cov = [np.array([[1.0, 0.7], [0.7, 0.8]]), np.array([[0.2, -0.1], [-0.1, 1.5]])]
circle = np.c_[np.cos(np.linspace(0, 2 * np.pi, 100)), np.sin(np.linspace(0, 2 * np.pi, 100))]

fig, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for gauge, ax in zip(('trace', 'operator'), axes):
    result = wgamma.gaussian(mean[0], cov[0], mean[1], cov[1], gauge)
    for t in np.linspace(0, 1, 6):
        m, s = result.geodesic(t)
        ax.plot(*(m + circle @ np.linalg.cholesky(s).T).T, color=plt.cm.viridis(0.9 * t))
    ax.set_title(f'{gauge}: W = {result.w:.6f}')
    ax.set_aspect('equal')
fig.tight_layout()

# %%
# Many small problems at once, every one of them certified.
roots = np.random.default_rng(0).normal(size=(2, 2000, 3, 3))
found = wgamma.gaussian_batch(np.zeros((2000, 3)), roots[0] @ roots[0].transpose(0, 2, 1),
                              np.ones((2000, 3)), roots[1] @ roots[1].transpose(0, 2, 1), 'operator')
print(found['info']['certified'], 'of 2000 certified; largest gap', found['info']['largest_gap'])
