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
