"""scripts/check_certificate.py, which shares nothing with the library, judges 200 certificates of
small clouds as both verifiers of the library do, and as many tampered ones."""
import math
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

import wgamma
from conftest import ROOT

sys.path.insert(0, str(ROOT / 'scripts'))
import check_certificate as checker  # noqa: E402

COUNT = 200
GAUGES = {
    1: ['trace', 'schatten:3', 'operator', 'schatten:0.6'],
    2: ['trace', 'frobenius', 'operator', 'schatten:1.3', 'schatten:7.25', 'schatten:1e300',
        'kyfan:1', 'kyfan:2', 'sum:trace@1,operator@1', 'max:trace@1/2,trace@1/0.3'],
    3: ['trace', 'frobenius', 'operator', 'schatten:1.01', 'schatten:2.5', 'kyfan:2',
        'sum:operator@2,trace@1', 'max:frobenius@2/2,trace@1', 'max:kyfan:1@2,schatten:3@1/3',
        'schatten:0.7', 'sum:schatten:0.5@2,trace@1']}


# ---- clouds of many kinds ----

def weights(draw, count):
    """Equal, general, spread over nine decades, or with a zero; of sum one to rounding."""
    kind = draw.integers(4)
    found = np.ones(count) if kind == 0 else draw.random(count) + 0.01
    if kind == 2:
        found = 10.0 ** draw.uniform(-9, 0, count)
    if kind == 3 and count > 1:
        found[draw.integers(count)] = 0
    return found / found.sum()


def clouds(draw, d):
    n, m = draw.integers(1, 9, 2)
    x, y = draw.normal(size=(n, d)), draw.normal(size=(m, d))
    kind = draw.integers(7)
    if kind == 0:  # few different points
        x, y = np.round(x), np.round(y)
    elif kind == 1:  # nearly equal clouds
        m = n
        y = x * (1 + draw.integers(-4, 5, x.shape) * 2.0 ** -52)
    elif kind == 2:  # tiny and huge
        scale = 10.0 ** draw.integers(-120, 120)
        x, y = x * scale, y * scale
    elif kind == 3:  # far from the origin
        x, y = x + 1e6, y + 1e6
    elif kind == 4:  # columns in mixed units
        x, y = (points * 10.0 ** np.arange(0, -4 * d, -4) for points in (x, y))
    return x, y, weights(draw, n), weights(draw, m)


# ---- tampering, with the checksum computed again ----

def reseal(raw, change):
    """The bytes after change(arrays), a dict of lists."""
    start = 16 + int.from_bytes(raw[8:16], 'little')
    head = checker.json.loads(raw[16:start])
    arrays, codes = {}, {'<f8': 'd', '<i8': 'q'}
    for entry in head['arrays']:
        code = f"<{entry['bytes'] // 8}{codes[entry['dtype']]}"
        arrays[entry['name']] = list(struct.unpack_from(code, raw, start + entry['offset']))
    change(head, arrays)
    body = raw[:start] + b''.join(
        struct.pack(f"<{len(arrays[entry['name']])}{codes[entry['dtype']]}", *arrays[entry['name']])
        for entry in head['arrays'])
    return body + zlib.crc32(body).to_bytes(4, 'little')


def more_is_claimed(head, arrays):
    arrays['claim'][0] += 1e-9 * arrays['claim'][1]


def less_is_claimed(head, arrays):
    arrays['claim'][1] *= 1 - 1e-9


def heavier_entry(head, arrays):
    entry = max(range(len(arrays['mass'])), key=lambda e: arrays['mass'][e])
    arrays['mass'][entry] *= 1.01


def other_target(head, arrays):
    entry = max(range(len(arrays['mass'])), key=lambda e: arrays['mass'][e])
    arrays['col'][entry] = (arrays['col'][entry] + 1) % head['m']


def larger_q(head, arrays):
    arrays['q'] = [1.01 * entry for entry in arrays['q']]


def lowered_potential(head, arrays):
    arrays['g'][0] -= 10 * arrays['claim'][1]


def moved_point(head, arrays):
    arrays['y'][0] += math.sqrt(arrays['claim'][1])


def everything(head, arrays):
    arrays['claim'][:] = [-1e300, 1e300, arrays['claim'][2]]


TAMPERINGS = [more_is_claimed, less_is_claimed, heavier_entry, other_target, larger_q,
              lowered_potential, moved_point, everything]


# ---- three judges ----

def verdicts(path):
    """(follows, open) by the checker and by both verifiers of the library, and whether the claim is
    off its bounds by more than what the verifiers may differ in: how they make Q semidefinite, and
    what is paid for rounding."""
    status, words, lower, upper, data = checker.judge(path.read_bytes())
    clear = abs(max(data.lower - lower, upper - data.upper)) > checker.Fraction(1e-11) * upper
    follows = data.lower <= lower and upper <= data.upper
    assert status == (0 if not words else 1)
    found = [(follows, bool(follows and status))]
    for rigorous in (False, True):
        verdict = wgamma.verify(str(path), rigorous=rigorous)
        found.append((verdict['valid'], bool(verdict.get('open', found[0][1]))
                      and verdict['valid']))
    return found, clear


def rounded_bounds_are_outside(path, gauge):
    """Doubles with rounding paid for prove no more than exact arithmetic does. (Below for the trace
    only: other Q are factored with rounding, and the bound is that of the factors.)"""
    _, _, lower, upper, _ = checker.judge(path.read_bytes())
    verdict = wgamma.verify(str(path))
    assert upper <= checker.Fraction(verdict['upper']), gauge
    assert gauge != 'trace' or checker.Fraction(verdict['lower']) <= lower


def test_three_judges_agree(tmp_path):
    draw, path, refused = np.random.default_rng(18), tmp_path / 'c.wgc', 0
    for case in range(COUNT):
        d = int(draw.integers(1, 4))
        gauge = GAUGES[d][draw.integers(len(GAUGES[d]))]
        x, y, a, b = clouds(draw, d)
        if len(y) == len(x) and draw.random() < 0.3:
            b = a
        if len(b) != len(y):
            b = weights(draw, len(y))
        result = wgamma.distance(x, y, gauge, a, b, tol=1e-6)
        if len(result.certificate.cut_f):
            continue
        result.certificate.save(str(path))
        raw, told = path.read_bytes(), (case, gauge, x, y, a, b)
        found, _ = verdicts(path)
        assert found[0][0], (told, found)
        rounded_bounds_are_outside(path, gauge)
        assert len(set(found)) == 1, (told, found)
        tampering = TAMPERINGS[case % len(TAMPERINGS)]
        path.write_bytes(reseal(raw, tampering))
        found, clear = verdicts(path)
        assert len(set(found)) == 1 or not clear, (tampering.__name__, told, found)
        refused += clear and not found[0][0]
    assert refused > COUNT // 2


def test_the_checker_as_a_command(tmp_path):
    path = tmp_path / 'c.wgc'
    wgamma.distance([[0.0, 0], [1, 2]], [[1.0, 1], [2, 0]], 'operator').certificate.save(str(path))
    script = [sys.executable, '-B', str(ROOT / 'scripts' / 'check_certificate.py')]

    def status(*words):
        return subprocess.run([*script, *words], capture_output=True).returncode

    assert status(str(path)) == 0
    assert status() == 2
    raw = path.read_bytes()
    path.write_bytes(reseal(raw, more_is_claimed))
    assert status(str(path)) == 1
    path.write_bytes(raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:])
    assert status(str(path)) == 3


@pytest.mark.parametrize('base, exponent', [(2, 0.5), (0.3, 1.7), (1, 1e300), (0.999, 1e6),
                                            (3, 0.001), (0, 2)])
def test_powers_are_bounded(base, exponent):
    found = float(checker.power(checker.Fraction(base), checker.Fraction(exponent)))
    exact = base ** exponent
    assert exact * (1 - 1e-12) <= found <= exact * (1 + 1e-12) + 1e-50


def test_eigenvalues_are_enclosed():
    draw = np.random.default_rng(1)
    for d in (1, 2, 3, 6):
        half = draw.integers(-3, 4, (d, d))
        exact = [[checker.Fraction(int(entry)) for entry in row] for row in half + half.T]
        found = checker.eigenvalues(exact)
        assert all(low <= high for low, high in found)
        assert np.allclose([float(low) for low, _ in found],
                           np.linalg.eigvalsh(half + half.T)[::-1], atol=1e-12)
