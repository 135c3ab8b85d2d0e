"""For torch: a differentiable distance, and optimisers that follow spectral gauges.

Import this module by name (`import wgamma.torch`); wgamma itself never does. Tensors on the CPU are
used where they lie, without a copy where they are contiguous; others are brought to the CPU.
"""
import math

import numpy as np
import torch

from .clouds import Solver
from .directions import lmo, polar

_DOUBLE_KINDS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def _array(tensor):
    return tensor.detach().to('cpu', torch.float64).numpy()


class _Distance(torch.autograd.Function):
    """W2 and its gradients by the envelope theorem (docs/theory/optimum.md)."""

    @staticmethod
    def forward(ctx, x, y, a, b, gauge, tol, settings):
        weights = [None if w is None else _array(w) for w in (a, b)]
        solver = Solver(_array(x), _array(y), gauge, *weights, tol=tol, **settings)
        result = solver.solve()
        ctx.gradients = {name: torch.from_numpy(g) for name, g in result.gradients.items()}
        ctx.kinds = [None if t is None else (t.dtype, t.device) for t in (x, y, a, b)]
        return x.new_tensor(0.5 * (result.lower + result.upper))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        out = []
        for name, kind, wanted in zip('xyab', ctx.kinds, ctx.needs_input_grad):
            gradient = None
            if wanted and kind:
                gradient = ctx.gradients[name].to(kind[1], kind[0]) * upstream
            out.append(gradient)
        return (*out, None, None, None)


def distance2(x, y, gauge='operator', a=None, b=None, tol=1e-9, **settings):
    """W2, the squared distance, as a tensor that knows its gradient in points and weights.

    Parameters
    ----------
    x, y : tensors n x d and m x d
    a, b : tensors or None; their gradient is that of W2 at weights divided by their sum
    gauge, tol, settings : as for `wgamma.Solver`; convex gauges only

    Notes
    -----
    Where the optimum is not unique the gradient is one of several generalised ones: see
    `DistanceResult.uniqueness`.
    """
    return _Distance.apply(x, y, a, b, gauge, tol, settings)


def distance(x, y, gauge='operator', a=None, b=None, tol=1e-9, **settings):
    """W, the root of `distance2`; its gradient is infinite where W = 0."""
    return distance2(x, y, gauge, a, b, tol, **settings).sqrt()


def _matrix(parameter, gradient):
    """Rows are the first axis."""
    return gradient.reshape(parameter.shape[0], -1)


def _scale(scale, n, d):
    if scale == 'none':
        return 1.0
    if scale == 'rms':
        return 0.2 * math.sqrt(max(n, d))
    if scale == 'aspect':
        return math.sqrt(max(1.0, n / d))
    raise ValueError(f'scale {scale!r} is none of none, rms, aspect')


class SchattenDescent(torch.optim.Optimizer):
    """Normalised descent under a gauge: w -= lr scale D, D the direction with N(D) = 1.

    Parameters
    ----------
    params : parameters or groups; those with fewer than two axes are moved by plain momentum SGD
    lr, momentum, nesterov, weight_decay : as in torch.optim.Muon; decay is decoupled
    gauge : str
        'operator' is Muon with an exact polar factor, 'trace' normalised SGD, 'schatten:<p>'
        between.
    dual_norm : bool
        Steps of length N*(G), the gradient flow of the geometry, instead of 1.
    scale : 'none', 'rms' (0.2 sqrt(max(n, d))) or 'aspect' (sqrt(max(1, n / d)))
    """

    def __init__(self, params, lr=0.02, momentum=0.95, nesterov=True, weight_decay=0.0,
                 gauge='operator', dual_norm=False, scale='none', **extra):
        if not lr >= 0.0 or not 0.0 <= momentum < 1.0 or not weight_decay >= 0.0:
            raise ValueError(f'lr = {lr} and weight_decay = {weight_decay} are >= 0, momentum = '
                             f'{momentum} is in [0, 1)')
        _scale(scale, 1, 1)
        super().__init__(params, {'lr': lr, 'momentum': momentum, 'nesterov': nesterov,
                                  'weight_decay': weight_decay, 'gauge': gauge,
                                  'dual_norm': dual_norm, 'scale': scale, **extra})

    def _direction(self, matrix, group):
        """-D for a float32 or float64 array."""
        v, report = lmo(matrix, group['gauge'], report=True)
        if group['dual_norm'] or report['dual_norm'] == 0.0:
            return v
        return v / report['dual_norm']

    def _move(self, parameter, gradient, group):
        gradient = gradient.detach()
        single = gradient.dtype != torch.float64
        array = gradient.to('cpu', torch.float32 if single else torch.float64).contiguous().numpy()
        moved = np.ascontiguousarray(self._direction(array, group))
        step = torch.from_numpy(moved).to(parameter.device, parameter.dtype)
        factor = group['lr'] * _scale(group['scale'], *gradient.shape)
        parameter.add_(step.reshape(parameter.shape), alpha=factor)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group['params']:
                if p.grad is not None:
                    self._step_one(p, group)
        return loss

    def _step_one(self, p, group):
        if p.grad.is_sparse:
            raise RuntimeError('sparse gradients have no singular values')
        state, beta = self.state[p], group['momentum']
        if 'momentum_buffer' not in state:
            state['momentum_buffer'] = torch.zeros_like(p.grad)
        buffer = state['momentum_buffer']
        buffer.lerp_(p.grad, 1.0 - beta)
        update = p.grad.lerp(buffer, beta) if group['nesterov'] else buffer
        if group['weight_decay']:
            p.mul_(1.0 - group['lr'] * group['weight_decay'])
        if p.ndim < 2:
            p.add_(update, alpha=-group['lr'])
        else:
            self._move(p, _matrix(p, update), group)


class Muon(SchattenDescent):
    """Muon with a polar factor as exact as asked.

    Parameters
    ----------
    params, lr, momentum, nesterov, weight_decay, scale : as for `SchattenDescent`
    method : 'exact', 'muon' (the five quintic steps of torch.optim.Muon), 'newton-schulz',
        'polar-express'
    steps : int or None, of the polynomial methods
    """

    def __init__(self, params, lr=0.02, momentum=0.95, nesterov=True, weight_decay=0.0,
                 scale='aspect', method='exact', steps=None):
        super().__init__(params, lr, momentum, nesterov, weight_decay, 'operator', False, scale,
                         method=method, steps=steps)

    def _direction(self, matrix, group):
        options = {} if group['steps'] is None else {'steps': group['steps']}
        return -polar(matrix, group['method'], **options)
