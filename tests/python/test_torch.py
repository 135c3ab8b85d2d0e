"""wgamma.torch: gradients against differences, optimisers against torch's own."""
import copy

import numpy as np
import pytest

torch = pytest.importorskip('torch')
import wgamma
import wgamma.torch as wt


@pytest.mark.parametrize('gauge', ['trace', 'schatten:2', 'operator', 'schatten:1.5'])
def test_gradcheck(gauge):
    torch.manual_seed(3)
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    y = (torch.randn(6, 3, dtype=torch.float64) + 1.0).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: wt.distance2(x, y, gauge, tol=1e-11), (x, y),
                                    eps=1e-5, atol=1e-4, rtol=1e-3)


def test_values_and_weights():
    x, y = torch.randn(8, 2), torch.randn(5, 2)
    a = torch.full((8,), 0.125, dtype=torch.float64, requires_grad=True)
    w2 = wt.distance2(x, y, 'operator', a=a, tol=1e-8)
    w2.backward()
    result = wgamma.distance(x.numpy(), y.numpy(), 'operator', tol=1e-8)
    assert w2.dtype == torch.float32 and float(w2.detach()) == pytest.approx(result.w2, rel=1e-6)
    assert a.grad.shape == (8,) and abs(float((a * a.grad).sum().detach())) < 1e-9
    assert float(wt.distance(x, y)) == pytest.approx(result.w, rel=1e-5)


def problem(seed=0):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(6, 12, bias=False), torch.nn.Tanh(),
                                torch.nn.Linear(12, 4, bias=False))
    return model, torch.randn(64, 6), torch.randn(64, 4)


def train(model, optimiser, x, y, steps):
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.skipif(not hasattr(torch.optim, 'Muon'), reason='this torch has no Muon')
def test_parity_with_torch_s_muon():
    """Both make the same five quintic steps, torch's in bfloat16: a rough match."""
    ours, x, y = problem()
    theirs, _, _ = problem()
    mine = wt.Muon(ours.parameters(), lr=0.02, momentum=0.95, weight_decay=0.1, method='muon')
    other = torch.optim.Muon(theirs.parameters(), lr=0.02, momentum=0.95, weight_decay=0.1)
    a, b = train(ours, mine, x, y, 30), train(theirs, other, x, y, 30)
    assert a[0] == b[0] and abs(a[-1] - b[-1]) < 0.02 * b[0]
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert float(((p - q).norm() / q.norm()).detach()) < 0.05


@pytest.mark.parametrize('make', [
    lambda p: wt.Muon(p, lr=0.05), lambda p: wt.Muon(p, lr=0.05, method='polar-express'),
    lambda p: wt.SchattenDescent(p, lr=0.05, gauge='schatten:4'),
    lambda p: wt.SchattenDescent(p, lr=0.5, gauge='trace', dual_norm=True, momentum=0.5)])
def test_training_descends_and_resumes(make):
    model, x, y = problem(1)
    optimiser = make(model.parameters())
    losses = train(model, optimiser, x, y, 20)
    assert losses[-1] < losses[0]
    other, _, _ = problem(1)
    other.load_state_dict(model.state_dict())
    resumed = make(other.parameters())
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    assert train(model, optimiser, x, y, 5) == train(other, resumed, x, y, 5)


def test_exact_direction_and_schedule():
    p = torch.nn.Parameter(torch.zeros(5, 3, dtype=torch.float64))
    optimiser = wt.Muon([p], lr=1.0, momentum=0.0, nesterov=False, scale='none')
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1, gamma=0.5)
    g = torch.randn(5, 3, dtype=torch.float64)
    u, _, v = torch.linalg.svd(g, full_matrices=False)
    for k in range(3):
        p.grad = g.clone()
        optimiser.step()
        schedule.step()
    assert torch.allclose(p, -(1 + 0.5 + 0.25) * (u @ v), atol=1e-12)


def test_vectors_convolutions_closures_and_refusals():
    bias, kernel = torch.nn.Parameter(torch.ones(4)), torch.nn.Parameter(torch.ones(4, 3, 2, 2))
    optimiser = wt.Muon([{'params': [bias], 'lr': 0.1}, {'params': [kernel]}], momentum=0.0,
                        nesterov=False, scale='none', lr=1.0)

    def closure():
        optimiser.zero_grad()
        loss = (bias ** 2).sum() + (kernel * torch.arange(48.0).reshape(4, 3, 2, 2)).sum()
        loss.backward()
        return loss

    assert float(optimiser.step(closure).detach()) > 0
    assert torch.allclose(bias, torch.full((4,), 0.8))
    moved = (1.0 - kernel.detach()).reshape(4, 12)
    values = np.linalg.svd(moved.numpy(), compute_uv=False)
    assert np.allclose(values[:2], 1.0, atol=1e-3)
    for wrong in (dict(lr=-1.0), dict(momentum=1.0), dict(scale='large')):
        with pytest.raises(ValueError):
            wt.Muon([bias], **wrong)
