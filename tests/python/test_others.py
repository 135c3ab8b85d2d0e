"""Gaussians, directions, gauges, flows of moments."""
import numpy as np
import pytest
import wgamma

RNG = np.random.default_rng(6)


def covariance(d):
    root = RNG.normal(size=(d, d))
    return root @ root.T / d + 0.1 * np.eye(d)


def test_gaussians():
    s0, s1 = covariance(3), covariance(3)
    m0, m1 = RNG.normal(size=3), RNG.normal(size=3)
    w, v = np.linalg.eigh(s0)
    root = (v * np.sqrt(w)) @ v.T
    bures = np.trace(s0 + s1) - 2 * np.sum(np.sqrt(np.linalg.eigvalsh(root @ s1 @ root)))
    result = wgamma.gaussian(m0, s0, m1, s1, 'trace')
    assert result.w2 == pytest.approx(bures + np.sum((m1 - m0) ** 2), rel=1e-12)
    for gauge in ('operator', 'schatten:1.5', 'kyfan:2'):
        result = wgamma.gaussian(m0, s0, m1, s1, gauge)
        assert result.outcome == 'certified' and result.verify()['valid']
        moment = np.outer(m1 - m0, m1 - m0) + s0 + s1 - result.k - result.k.T
        assert wgamma.gauge(gauge, moment)[0] == pytest.approx(result.w2, rel=1e-9)
        mean, cov = result.geodesic(1.0)
        assert np.allclose(mean, m1) and np.allclose(cov, s1)
        if result.map is not None:
            assert np.allclose(result.map @ s0 @ result.map.T, s1, atol=1e-7)
    assert wgamma.gaussian(1.0, 4.0, 3.0, 1.0, 'operator').w == pytest.approx(np.sqrt(5.0))
    with pytest.raises(ValueError, match='cov0'):
        wgamma.gaussian(m0, -s0, m1, s1)
    with pytest.raises(ValueError, match='mean1'):
        wgamma.gaussian(m0, s0, m1[:2], s1)


def test_barycentres():
    covs = np.array([covariance(3) for _ in range(4)])
    means, weights = RNG.normal(size=(4, 3)), np.array([0.1, 0.2, 0.3, 0.4])
    for gauge in ('trace', 'operator', 'kyfan:2'):
        result = wgamma.gaussian_barycentre(means, covs, weights, gauge)
        assert result.outcome == 'certified' and result.gap <= 1e-6 and result.verify()['valid']
        w2 = [wgamma.gaussian(m, s, result.mean, result.cov, gauge).w2 for m, s in zip(means, covs)]
        assert weights @ w2 == pytest.approx(result.value, rel=1e-6)
        assert all(low - 1e-9 <= w <= high + 1e-9 for w, (low, high) in zip(w2, result.distances))
    with pytest.raises(ValueError, match='covs has shape'):
        wgamma.gaussian_barycentre(means, covs[:3])
    with pytest.raises(ValueError, match='convex'):
        wgamma.gaussian_barycentre(means, covs, gauge='schatten:0.5')


def test_fits():
    x, a = RNG.normal(size=(50, 3)), RNG.dirichlet(np.ones(50))
    mean, cov = wgamma.gaussian_fit(x, a)
    assert np.allclose(mean, a @ x) and np.allclose(cov, ((x - mean).T * a) @ (x - mean))


@pytest.mark.parametrize('kind', ['f8', 'f4', '>f8', 'i8'])
def test_directions(kind):
    g = np.asfortranarray(np.round(10 * RNG.normal(size=(20, 4)))).astype(kind)
    single = kind == 'f4'
    u, s, vt = np.linalg.svd(g.astype(float), full_matrices=False)
    found, report = wgamma.lmo(g, 'operator', report=True)
    assert found.dtype == (np.float32 if single else np.float64)
    assert np.allclose(found, -s.sum() * (u @ vt), rtol=1e-5 if single else 1e-10,
                       atol=1e-4 if single else 1e-8)
    assert report['dual_norm'] == pytest.approx(s.sum()) and report['rank'] == 4
    assert np.allclose(wgamma.polar(g), u @ vt, atol=1e-5 if single else 1e-10)
    assert np.allclose(wgamma.lmo(g, 'trace'), -g.astype(float), rtol=1e-6)


def test_measure_directions():
    g, a = RNG.normal(size=(30, 3)), RNG.dirichlet(np.ones(30))
    v = wgamma.measure_lmo(g, 'operator', a)
    moment = (v.T * a) @ v
    assert np.allclose(moment, moment[0, 0] * np.eye(3), atol=1e-10 * moment[0, 0])
    uniform = wgamma.measure_lmo(g, 'operator')
    assert np.allclose(uniform, wgamma.measure_lmo(g, 'operator', np.full(30, 1 / 30)))


def test_polar_of_stacks():
    stack = RNG.normal(size=(7, 6, 4))
    for method in ('exact', 'muon', 'newton-schulz', 'polar-express'):
        u, reports = wgamma.polar(stack, method, report=True)
        assert len(reports) == 7
        for one, g in zip(u, stack):
            assert np.allclose(one, wgamma.polar(g, method), atol=1e-8)
    coefficients, error = wgamma.polar_polynomial(5, 0.1, 1.0)
    grid = np.linspace(0.1, 1.0, 500)
    values = sum(c * grid ** (2 * k + 1) for k, c in enumerate(coefficients))
    assert np.abs(values - 1).max() == pytest.approx(error, rel=1e-3)
    for wrong in (dict(method='none'), dict(step=3)):
        with pytest.raises((ValueError, TypeError)):
            wgamma.polar(stack, **wrong)
    with pytest.raises(ValueError, match='not finite'):
        wgamma.lmo(np.array([[1.0, np.nan]]))


def test_gauges():
    s = covariance(4)
    values = wgamma.spectrum(s)
    assert np.allclose(values, np.linalg.eigvalsh(s)[::-1])
    for gauge, expected in (('trace', values.sum()), ('operator', values[0]),
                            ('kyfan:2', values[:2].sum()),
                            ('schatten:3', np.sum(values ** 3) ** (1 / 3))):
        value, q, dual = wgamma.gauge(gauge, s)
        assert value == pytest.approx(expected) and np.sum(q * s) == pytest.approx(value)
        assert wgamma.gauge(gauge, q)[2] <= 1 + 1e-12
    assert wgamma.canonical('schatten:inf') == 'operator'
    with pytest.raises(ValueError):
        wgamma.canonical('kyfan:5', 3)


def test_flows_of_moments():
    flow = wgamma.moments_kl(2.0, 3.0, -1.0, 0.5, [0.0, 0.1, 0.7], 'operator')
    decay = np.exp(-flow.times / 0.5)
    assert np.allclose(flow.mean[:, 0], -1 + 3 * decay)
    assert np.allclose(flow.cov[:, 0, 0], 0.5 + 2.5 * decay ** 2)
    assert flow.outcome == 'certified' and flow.defect < 1e-9 and 'certified' in repr(flow)
    flow = wgamma.moments_affine([0, 0], [[4, 0], [0, 1]], np.eye(2), [3.0], 'operator')
    assert flow.outcome == 'gap-open' and flow.events[0][1] == 'extinction'
    flow = wgamma.moments_linear(covariance(3), [[0.4, -0.2]], [0.0, 0.1], 'trace')
    assert flow.energy[0] - flow.energy[-1] == pytest.approx(flow.spent[-1], rel=1e-9)
    with pytest.raises(ValueError, match='r0'):
        wgamma.moments_modal([1.0], [2.0], [1.0], 1.0)


def test_the_sphere():
    angles = RNG.uniform(0, 6, size=(2, 5))
    x, y = (np.c_[np.cos(t), np.sin(t)] for t in angles)
    a, b = RNG.uniform(0.5, 1.5, size=(2, 5))
    result = wgamma.sphere(x, y, 'operator', a=a, b=b)
    assert result.outcome == 'certified' and result.lower <= result.upper
    spread = np.einsum('k,ki,kj->ij', a, x, x) + np.einsum('k,ki,kj->ij', b, y, y)
    cross = np.einsum('k,ki,kj->ij', result.c, x[result.row], y[result.col])
    assert np.allclose(spread - cross - cross.T, result.moment, atol=1e-6)
    assert np.all(result.c <= np.sqrt(result.g0 * result.g1) * (1 + 1e-9))
    for m0, m1, theta, expected in ((1, 2, 1.0, 1.4717943025196407), (1, 2, 2.5, 3.0)):
        found = wgamma.sphere([[1, 0]], [[np.cos(theta), np.sin(theta)]], 'trace', [m0], [m1])
        assert found.uw2 == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError):
        wgamma.sphere(2 * x, y)
    assert wgamma.sphere(2 * x, y, normalise=True).uw2 > 0


def test_energies():
    e = wgamma.energies
    x, y, a = RNG.normal(size=(7, 2)), RNG.normal(size=(5, 2)), RNG.dirichlet(np.ones(7))
    own = e.callback(lambda x, a: (a @ np.sum(x ** 4, axis=1), 4 * x ** 3), d=2)
    cases = [e.potential('quadratic', centre=[1.0, 0.0]), e.potential('well:1'),
             e.interaction('gaussian:0.7'), e.mmd(y), e.mmd(y, 'laplace:1', np.full(5, 0.2)),
             e.network(RNG.normal(size=(9, 1)), RNG.normal(size=(9, 1)), 'tanh'),
             e.linear([[0.5]]), own, 2 * own + e.mmd(y) * 0.5]
    for energy in cases:
        value, force = energy.evaluate(x, a)
        direction, step = RNG.normal(size=x.shape), 1e-5
        ahead, back = (energy.evaluate(x + s * direction, a)[0] for s in (step, -step))
        slope = np.sum(a[:, None] * force * direction)
        assert (ahead - back) / (2 * step) == pytest.approx(slope, rel=1e-5, abs=1e-8)
    assert cases[3].name == 'mmd' and cases[3].dimension == 2
    attention = e.attention(RNG.normal(size=(3, 4, 2)), RNG.normal(size=(3, 4, 2)), head=1)
    assert attention.evaluate(RNG.normal(size=(6, 8)))[1].shape == (6, 8)
    assert e.w2(y, 'operator').evaluate(x)[0] == pytest.approx(wgamma.distance(x, y).w2, rel=1e-5)
    with pytest.raises(ZeroDivisionError):
        e.callback(lambda x, a: 1 / 0).evaluate(x)
    with pytest.raises(ValueError):
        e.mmd(y, 'cosine:1')


def test_minibatches():
    e, x, values = wgamma.energies, RNG.normal(size=(6, 8)), set()
    attention = e.attention(RNG.normal(size=(3, 4, 2)), RNG.normal(size=(3, 4, 2)), head=1)
    whole = attention.evaluate(x)[0]
    for seed in range(40):  # each of the three sequences alone, some thirteen times
        attention.draw(1, seed)
        values.add(attention.evaluate(x)[0])
    assert len(values) == 3 and sum(values) / 3 == pytest.approx(whole, rel=1e-12)
    attention.draw(0)
    assert attention.evaluate(x)[0] == whole
    with pytest.raises(ValueError, match='minibatches'):
        e.potential().draw(1)


def test_flows():
    e = wgamma.energies
    x, y = RNG.normal(size=(40, 2)), RNG.normal(size=(40, 2)) + 2.0
    for gauge in ('trace', 'operator', 'schatten:2'):
        run = wgamma.flow(e.mmd(y), x, 2.0, gauge)
        assert run.outcome == 'certified' and run.resolved and run.residual < 1e-3
        assert run.points.shape == (51, 40, 2) and np.array_equal(run.points[0], x)
        assert run.log['energy'][-1] == run.energy < run.log['energy'][0]
        assert run.spectra.shape == (len(run.log['time']), 2) and 'resolved' in run.summary
        assert run.energy == pytest.approx(e.mmd(y).evaluate(run.points[-1])[0], rel=1e-9)
    own = e.callback(lambda x, a: (0.5 * a @ np.sum(x ** 2, axis=1), x.copy()))
    run = wgamma.flow(own, x, times=[0.0, 0.5, 1.0], gauge='trace', tol=1e-8)
    assert np.allclose(run.points[-1], x * np.exp(-1), atol=1e-5) and len(run.times) == 3
    clip = wgamma.flow(e.mmd(y), x, 1.0, 'operator', method='clip', step=0.05)
    assert np.all(np.diff(clip.log['energy']) <= 1e-15)
    with pytest.raises(ZeroDivisionError):
        wgamma.flow(e.callback(lambda x, a: 1 / 0), x, 1.0)
    with pytest.raises(ValueError):
        wgamma.flow(own, x)
    with pytest.raises(ValueError):
        wgamma.flow(own, x, 1.0, method='leapfrog')


def test_many_gaussians():
    m0, m1 = RNG.normal(size=(2, 9, 2))
    s0, s1 = (np.array([covariance(2) for _ in range(9)]) for _ in range(2))
    found = wgamma.gaussian_batch(m0, s0, m1, s1, 'schatten:3')
    for k in range(9):
        one = wgamma.gaussian(m0[k], s0[k], m1[k], s1[k], 'schatten:3')
        assert found['w'][k] == pytest.approx(one.w, rel=1e-9)
        assert found['lower'][k] <= one.upper and one.lower <= found['upper'][k]
    assert set(found['outcome']) == {'certified'} and found['info']['certified'] == 9
    s0[4] = -s0[4]
    with pytest.raises(ValueError, match='4'):
        wgamma.gaussian_batch(m0, s0, m1, s1)
    with pytest.raises(ValueError, match='cov1'):
        wgamma.gaussian_batch(m0, s0, m1, s1[:3])


def test_the_dynamic_form():
    grid = np.indices((12, 12)) - 5.5
    bump = np.exp(-0.5 * np.sum((grid - np.array([-1.5, 0])[:, None, None]) ** 2, axis=0))
    moved = np.exp(-0.5 * np.sum((grid - np.array([1.5, 0])[:, None, None]) ** 2, axis=0))
    for gauge in ('trace', 'operator'):
        result = wgamma.dynamic(bump, moved, gauge, steps=12, tol=1e-2)
        assert result.w == pytest.approx(3.0, rel=0.03) and result.density.shape == (12, 12, 12)
        assert np.allclose(result.density.sum(axis=(1, 2)), 1) and result.density.min() > -1e-9
        assert result.momentum.shape == (12, 2, 12, 12) and 'W = ' in repr(result)
    with pytest.raises(ValueError):
        wgamma.dynamic(bump, moved[:5])
    with pytest.raises(ValueError):
        wgamma.dynamic(-bump, moved)


# ---- Muon ----

def parameters(dtype=np.float64):
    rng = np.random.default_rng(3)
    return {'qkv': rng.normal(size=(12, 4)).astype(dtype), 'conv': rng.normal(size=(4, 3, 2, 2)),
            'embed.weight': rng.normal(size=(10, 4)), 'bias': rng.normal(size=5)}


def slopes(given, seed=5):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=w.shape) for name, w in given.items()}


def test_muon_moves_matrices_along_polar_factors():
    given, before = parameters(), parameters()
    optimiser = wgamma.Muon(given, rate=0.1, momentum=0.0, scale='none', row_blocks={'qkv': 3})
    g = slopes(given)
    report = optimiser.step(g)
    for k in range(3):
        block = slice(4 * k, 4 * k + 4)
        u, _, vt = np.linalg.svd(g['qkv'][block])
        assert np.allclose(before['qkv'][block] - given['qkv'][block], 0.1 * u @ vt, atol=1e-12)
    u, _, vt = np.linalg.svd(g['conv'].reshape(4, 12), full_matrices=False)
    assert np.allclose((before['conv'] - given['conv']).reshape(4, 12), 0.1 * u @ vt, atol=1e-12)
    assert report['step'] == 1 and report['directions'] == 4
    assert {r['name']: (r['rule'], r['reason']) for r in optimiser.routes} == {
        'qkv': ('matrix', 'asked'), 'conv': ('matrix', 'matrix'),
        'embed.weight': ('adamw', 'by name'), 'bias': ('adamw', 'by shape')}


def test_muon_resumes_to_the_bit():
    whole, parts = parameters(np.float32), parameters(np.float32)
    one, first = wgamma.Muon(whole), wgamma.Muon(parts)
    for seed in range(4):
        one.step(slopes(whole, seed))
    first.step(slopes(parts, 0))
    first.step(slopes(parts, 1))
    second = wgamma.Muon(parts)
    second.load(first.state())
    for seed in (2, 3):
        second.step(slopes(parts, seed))
    assert all((whole[name] == parts[name]).all() for name in whole)
    damaged = bytearray(first.state())
    damaged[-9] ^= 1
    with pytest.raises(ValueError):
        second.load(damaged)


def test_muon_sets_rates_and_refuses():
    given = {'w': np.zeros((3, 3))}
    optimiser = wgamma.Muon(given, rate=1.0, momentum=0.0, scale='none')
    optimiser.set_rates(0.25)
    optimiser.step({'w': np.eye(3)})
    assert np.allclose(given['w'], -0.25 * np.eye(3))
    for bad, words in [({'v': np.eye(3)}, 'differ in v, w'), ({'w': np.eye(2)}, 'has shape'),
                       ({'w': np.full((3, 3), np.nan)}, 'w')]:
        with pytest.raises(ValueError, match=words):
            optimiser.step(bad)
    assert np.allclose(given['w'], -0.25 * np.eye(3))
    for arguments, error in [(({'w': np.zeros((3, 3), int)},), TypeError),
                             (({'w': np.zeros((3, 3)).T[::2]},), ValueError)]:
        with pytest.raises(error):
            wgamma.Muon(*arguments)
    with pytest.raises(ValueError, match='no parameter'):
        wgamma.Muon(given, rules={'x': 'sgd'})
    with pytest.raises(TypeError, match='unexpected'):
        wgamma.Muon(given, speed=1)


def test_energies_along_geodesics():
    x, y = RNG.normal(size=(9, 3)), RNG.normal(size=(8, 3))
    found = wgamma.convexity(wgamma.energies.potential('quadratic'), x, y, count=9)
    assert found.second == pytest.approx(np.trace(found.distance.moment), rel=1e-9)
    assert found.convex and found.energies[0] == pytest.approx(0.5 * (x ** 2).sum() / 9)
    bound, other = wgamma.poincare(4.0, 'trace'), wgamma.poincare(4.0, 'operator')
    assert bound['lower'] <= 3.33557 <= bound['upper'] + 1e-5 and bound['upper'] < other['lower']


def test_flows_on_the_sphere_are_those_of_particles():
    energy = wgamma.energies.potential('quadratic', form=[[1.0, 0.2], [0.2, 3.0]])
    x = RNG.normal(size=(5, 2))
    end = wgamma.flow(energy, x, 0.2, 'frobenius', method='rk4', step=1e-3).points[-1]
    w, mass, info = wgamma.sphere_flow(energy, x, (x ** 2).sum(axis=1) / 5, 0.2, 1e-3, 'frobenius')
    assert info['outcome'] == 'certified'
    assert np.allclose(mass, (end ** 2).sum(axis=1) / 5, rtol=0, atol=1e-9)
    assert np.allclose(w, end / np.linalg.norm(end, axis=1)[:, None], rtol=0, atol=1e-9)
