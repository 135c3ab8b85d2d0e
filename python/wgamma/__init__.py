"""Certified spectral Wasserstein distances and flows.

The distance of two clouds is the cheapest transport when the covariance of the displacements is
paid by a gauge: trace (W2), operator (the geometry of Muon), Schatten, Ky Fan, blocks. Every answer
is a proved interval. Import pulls in NumPy only; SciPy, Matplotlib, tqdm and torch are used where
they are installed and asked for (`wgamma.torch`).
"""
from ._library import VERSION as __version__, WgammaError
from ._solving import Interrupted
from .certificates import Certificate, load_certificate, verify
from .clouds import DistanceResult, Plan, Solver, distance, memory_estimate
from .convexity import ConvexityResult, convexity, poincare, second_differences
from .directions import lmo, measure_lmo, polar, polar_polynomial
from . import energies
from .dynamic import DynamicResult, dynamic
from .flows import FlowResult, flow, sphere_flow
from .gauges import canonical, gauge, spectrum
from .barycentres import BarycentreResult, gaussian_barycentre
from .gaussians import GaussianResult, gaussian, gaussian_batch, gaussian_fit
from .many import PairwiseResult, pairwise, path
from .moments import (MomentsResult, moments_affine, moments_kl, moments_linear, moments_modal)
from .muon import Muon
from .sphere import SphereResult, sphere

__all__ = [
    'BarycentreResult', 'Certificate', 'ConvexityResult', 'DistanceResult', 'DynamicResult',
    'FlowResult', 'GaussianResult', 'Interrupted', 'MomentsResult', 'Muon', 'PairwiseResult', 'Plan',
    'Solver', 'SphereResult', 'WgammaError', 'canonical', 'convexity', 'distance', 'dynamic',
    'energies', 'flow', 'gauge', 'gaussian', 'gaussian_barycentre', 'gaussian_batch',
    'gaussian_fit', 'lmo', 'load_certificate', 'measure_lmo', 'memory_estimate', 'moments_affine', 'moments_kl', 'moments_linear',
    'moments_modal', 'pairwise', 'path', 'poincare', 'polar', 'polar_polynomial',
    'second_differences', 'spectrum', 'sphere', 'sphere_flow', 'verify',
]
