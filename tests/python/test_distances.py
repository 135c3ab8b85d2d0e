"""Distances: values, bounds, arrays of every kind, threads, pickles, leaks, Ctrl-C."""
import json
import os
import pathlib
import pickle
import signal
import threading

import numpy as np
import pytest
import wgamma

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / 'golden' / 'clouds'
RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=(30, 3)) * [1.0, 2.0, 0.5] + 0.4
GAUGES = ['trace', 'frobenius', 'operator', 'schatten:3', 'kyfan:2', 'sum:operator@2,trace@1',
          'max:trace@1,operator@2/2']


def bounds_hold(result):
    """Both bounds from the arrays of the result, in plain NumPy."""
    x, y, c = result._x, result._y, result.certificate
    row, col, mass = result.coo
    steps = y[col] - x[row]
    moment = (steps * mass[:, None]).T @ steps
    assert np.allclose(moment, result.moment, rtol=1e-6, atol=1e-9)
    value = wgamma.gauge(result.gauge, moment)[0]
    assert value <= result.upper * (1 + 1e-9) and value >= result.lower * (1 - 1e-9)
    f, g = result.potentials
    cost = np.einsum('ijk,kl,ijl->ij', y[None] - x[:, None], result.q, y[None] - x[:, None])
    assert np.all(f[:, None] + g[None] <= cost + 1e-9 * np.abs(cost).max())
    dual = c.a @ f + c.b @ g
    assert abs(dual - result.lower) <= 1e-5 * result.upper


@pytest.mark.parametrize('gauge', GAUGES)
def test_every_gauge(gauge):
    result = wgamma.distance(X, Y, gauge, tol=1e-7)
    assert result.outcome == 'certified' and result.gap <= 1e-7
    assert result.lower <= result.w2 == result.upper and result.w == np.sqrt(result.upper)
    bounds_hold(result)
    assert result.certificate.verify()['valid'] and result.certificate.verify(True)['valid']
    assert gauge in repr(result) and '<table>' in result._repr_html_()


def test_reference_values():
    values = json.loads((GOLDEN / 'values.json').read_text())
    seen = 0
    for value in values:
        folder = GOLDEN / value['instance']
        read = {n: np.load(folder / f'{n}.npy') if (folder / f'{n}.npy').exists() else None
                for n in 'xyab'}
        if value['gauge'].startswith('schatten:0'):
            continue
        result = wgamma.distance(**read, gauge=value['gauge'], tol=1e-8)
        slack = 1e-9 * value['upper']
        assert result.lower <= value['upper'] + slack and value['lower'] - slack <= result.upper
        seen += 1
    assert seen > 5


@pytest.mark.parametrize('change', [
    lambda x: x.tolist(), lambda x: np.asfortranarray(x), lambda x: x.astype('>f8'),
    lambda x: np.repeat(x, 2, axis=0)[::2], lambda x: np.c_[x, x][:, :3], lambda x: x[::-1][::-1]])
def test_arrays_of_every_kind(change):
    expected = wgamma.distance(X, Y, 'operator')
    found = wgamma.distance(change(X), change(Y), 'operator')
    assert (found.lower, found.upper) == (expected.lower, expected.upper)


def test_integers_and_single_precision():
    x, y = np.round(4 * X), np.round(4 * Y)
    expected = wgamma.distance(x, y, 'operator').upper
    for kind in ('i4', 'i8', 'f4', 'f2', 'i1'):
        assert wgamma.distance(x.astype(kind), y.astype(kind), 'operator').upper == expected
    assert wgamma.distance([0.0, 1.0], [2.0, 3.0], 'trace').w == pytest.approx(2.0, rel=1e-9)


@pytest.mark.parametrize('arguments, kind, words', [
    (dict(x=X * 1j, y=Y), TypeError, 'complex'),
    (dict(x=[['a']], y=Y), TypeError, 'real numbers'),
    (dict(x=np.where(X == X[3, 1], np.nan, X), y=Y), ValueError, 'x[3, 1]'),
    (dict(x=X[:, :2], y=Y), ValueError, 'columns'),
    (dict(x=X[None], y=Y), ValueError, 'shape'),
    (dict(x=X, y=Y, a=np.ones(39) / 39), ValueError, '39 weights for 40'),
    (dict(x=X, y=Y, a=np.ones(40)), ValueError, 'sum'),
    (dict(x=X, y=Y, gauge='operators'), ValueError, 'operators'),
    (dict(x=X, y=Y, gauge=2), TypeError, 'gauge'),
    (dict(x=X, y=Y, gauge='kyfan:4'), ValueError, 'kyfan:4'),
    (dict(x=X, y=Y, tol=-1.0), ValueError, 'tol'),
    (dict(x=X, y=Y, memory_limit=10), MemoryError, ''),
    (dict(x=X, y=Y, tolerance=1.0), TypeError, 'tolerance')])
def test_nonsense_is_refused(arguments, kind, words):
    with pytest.raises(kind) as caught:
        wgamma.distance(**arguments)
    assert words in str(caught.value)


def test_weights_of_zero_are_restored():
    a = np.r_[0.0, np.ones(39) / 39]
    result = wgamma.distance(X, Y, 'operator', a=a, tol=1e-7)
    assert 0 not in result.coo.row and result.info['dropped_x'] == 1
    expected = wgamma.distance(X[1:], Y, 'operator', tol=1e-7)
    assert result.upper == pytest.approx(expected.upper, rel=1e-6)


def test_plan_geodesic_and_gradients():
    result = wgamma.distance(X, Y, 'schatten:2', tol=1e-9)
    row, col, mass = result.coo
    assert np.allclose(np.bincount(row, mass, 40), 1 / 40) and np.allclose(
        np.bincount(col, mass, 30), 1 / 30)
    points, masses = result.geodesic(0.25)
    assert np.allclose(points, 0.75 * X[row] + 0.25 * Y[col]) and masses.sum() == pytest.approx(1)
    direction = RNG.normal(size=X.shape)
    step = 1e-5
    ahead = wgamma.distance(X + step * direction, Y, 'schatten:2', tol=1e-11).w2
    back = wgamma.distance(X - step * direction, Y, 'schatten:2', tol=1e-11).w2
    slope = np.sum(result.gradients['x'] * direction)
    assert (ahead - back) / (2 * step) == pytest.approx(slope, rel=1e-4)


def test_a_solver_goes_on():
    solver = wgamma.Solver(X, Y, 'trace', tol=1e-7)
    first = solver.solve()
    solver.set_gauge('operator')
    second = solver.solve()
    with pytest.raises(RuntimeError):
        first.gradients
    assert second.upper == pytest.approx(wgamma.distance(X, Y, tol=1e-7).upper, rel=1e-6)
    solver.set_points(X + 1.0, Y + 1.0)
    moved = solver.solve()
    assert moved.upper == pytest.approx(second.upper, rel=1e-6)
    solver.set_tol(1e-9)
    assert solver.solve().gap <= 1e-9
    x, y = solver.project(2)
    moment, q, directions = solver.spectra()
    assert np.allclose(x, (X + 1.0) @ directions[:2].T) and y.shape == (30, 2)
    assert solver.block(0)['size'] == 3 and np.all(np.diff(q) <= 0) and len(moment) == 3
    with pytest.raises(ValueError):
        solver.set_points(X[:-1], Y)


def test_pickles_hold_what_was_found():
    result = wgamma.distance(X, Y, 'operator', tol=1e-8)
    copy = pickle.loads(pickle.dumps(result))
    assert (copy.lower, copy.upper) == (result.lower, result.upper)
    assert np.array_equal(copy.coo.mass, result.coo.mass) and copy.certificate.verify()['valid']
    assert copy.uniqueness == result.uniqueness
    assert np.array_equal(copy.gradients['x'], result.gradients['x'])


def test_certificates_are_files(tmp_path):
    result = wgamma.distance(X, Y, 'operator', tol=1e-8)
    path = tmp_path / 'c.wgc'
    result.certificate.save(path)
    again = wgamma.Certificate.load(path)
    assert wgamma.verify(path)['valid'] and again.upper == result.upper
    again.lower *= 1.01
    verdict = again.verify()
    assert not verdict['valid'] and 'lower' in verdict['finding']
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError):
        wgamma.Certificate.load(path)


def test_below_one_in_the_plane(tmp_path):
    result = wgamma.distance(X[:12, :2], Y[:12, :2], 'schatten:0.7', tol=1e-4)
    assert result.outcome == 'certified' and len(result.certificate.cut_f)
    result.certificate.save(tmp_path / 'c.wgc')
    assert wgamma.verify(tmp_path / 'c.wgc')['valid']


def test_threads_solve_at_once():
    expected = [wgamma.distance(X, Y + k, 'operator', threads=1).upper for k in range(8)]
    found = [None] * 8

    def solve(k):
        found[k] = wgamma.distance(X, Y + k, 'operator', threads=1).upper

    workers = [threading.Thread(target=solve, args=(k,)) for k in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == expected


def big_clouds(n=1500):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 20)), rng.normal(size=(n, 20)) * np.linspace(1, 2, 20)


def test_progress_stops_and_raises():
    reports = []

    def look(report):
        reports.append(report)
        return report['seconds'] > 0.2

    result = wgamma.distance(*big_clouds(), 'kyfan:3', tol=1e-12, progress=look)
    assert result.outcome == 'stopped' and reports and 0 <= result.lower <= result.upper

    def fail(report):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        wgamma.distance(*big_clouds(), 'kyfan:3', tol=1e-12, progress=fail)


def test_ctrl_c_gives_the_interval():
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(wgamma.Interrupted) as caught:
            wgamma.distance(*big_clouds(), 'kyfan:3', tol=1e-13)
    finally:
        timer.cancel()
    result = caught.value.result
    assert isinstance(caught.value, KeyboardInterrupt) and result.outcome == 'stopped'
    assert 0 <= result.lower <= result.upper < np.inf


def test_time_limit():
    result = wgamma.distance(*big_clouds(), 'kyfan:3', tol=1e-12, time_limit=0.2)
    assert result.outcome == 'time-limit'


def test_nothing_leaks():
    import resource
    x, y = X[:4], Y[:4]
    for _ in range(300):
        wgamma.distance(x, y, 'trace', threads=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for k in range(10000):
        wgamma.lmo(x)
        wgamma.polar(x)
        wgamma.gauge('operator', np.eye(3))
        if k % 3 == 0:
            wgamma.distance(x, y, 'trace', threads=1)
            wgamma.gaussian([0.0], [[1.0]], [1.0], [[2.0]])
            wgamma.Muon({'w': np.zeros((2, 2))}).step({'w': np.eye(2)})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 3000  # KiB


def test_pairwise_and_path():
    clouds = [X, Y, X + 1.0]
    result = wgamma.pairwise(clouds, 'operator', tol=1e-7)
    assert result.outcome == 'certified' and np.array_equal(result.w, result.w.T)
    assert result.w[0, 1] == pytest.approx(wgamma.distance(X, Y, tol=1e-7).w, rel=1e-6)
    assert np.all(result.lower <= result.upper) and '3 clouds' in repr(result)
    family = wgamma.path(X, Y, ['trace', 'schatten:2', 'operator'], tol=1e-7)
    assert [r.gauge for r in family] == ['trace', 'frobenius', 'operator']
    assert family[0].w >= family[1].w >= family[2].w and family[0].uniqueness['plan'] is not None
    with pytest.raises(ValueError):
        wgamma.pairwise([])
    with pytest.raises(ValueError):
        wgamma.pairwise([X, X[:, :2]])


def test_plots(tmp_path):
    pytest.importorskip('matplotlib').use('Agg')
    import matplotlib.pyplot as plt
    for d in (1, 2, 3):
        ax = wgamma.distance(X[:, :d], Y[:, :d], 'operator').plot()
        ax.figure.savefig(tmp_path / 'plan.png')
        plt.close('all')


def test_notebooks_show_a_picture():
    pytest.importorskip('matplotlib').use('Agg')
    import base64
    run = wgamma.flow(wgamma.energies.mmd(Y), X, time=0.1)
    for result in (wgamma.distance(X, Y), run):
        shown = result._repr_html_()
        picture = base64.b64decode(shown.partition('base64,')[2].partition('"')[0])
        assert picture.startswith(b'\x89PNG') and len(picture) > 2000
        assert '<DistanceResult' not in shown and '<FlowResult' not in shown


def test_metric_by_hypothesis():
    hypothesis = pytest.importorskip('hypothesis')
    from hypothesis import strategies as st
    from hypothesis.extra.numpy import arrays

    coordinates = arrays(np.float64, (5, 2), elements=st.floats(-100, 100, width=32))

    @hypothesis.settings(max_examples=40, deadline=None)
    @hypothesis.given(coordinates, coordinates, coordinates, st.sampled_from(GAUGES[:4]))
    def axioms(x, y, z, gauge):
        xy, yx, yz, xz = (wgamma.distance(p, q, gauge, tol=1e-6)
                          for p, q in ((x, y), (y, x), (y, z), (x, z)))
        assert max(xy.lower, yx.lower) <= min(xy.upper, yx.upper) * (1 + 1e-12) + 1e-300
        low = np.sqrt(max(xz.lower, 0.0))
        assert low <= (xy.w + yz.w) * (1 + 1e-9) + 1e-9

    axioms()


def test_memory_estimate():
    assert wgamma.memory_estimate(10_000, 10_000, 3) > wgamma.memory_estimate(1000, 1000, 3) > 0
