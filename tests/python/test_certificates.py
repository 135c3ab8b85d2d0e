"""Certificates of every kind as objects and files: all reading and writing is the library's."""
import json
import pickle
import subprocess
import zlib

import numpy as np
import pytest
import wgamma

RNG = np.random.default_rng(7)


def covariance(d):
    a = RNG.normal(size=(d, d))
    return a @ a.T + np.eye(d)


def on_sphere(n):
    x = RNG.normal(size=(n, 3))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def bump(middle):
    i = np.arange(9)
    return np.exp(-((i - middle) / 2.0) ** 2)


RESULTS = {
    'clouds': wgamma.distance(RNG.normal(size=(9, 2)), RNG.normal(size=(7, 2)) + 1, 'frobenius'),
    'gaussian': wgamma.gaussian(RNG.normal(size=3), covariance(3), RNG.normal(size=3),
                                covariance(3), 'schatten:3'),
    'barycentre': wgamma.gaussian_barycentre(RNG.normal(size=(3, 2)),
                                             np.array([covariance(2) for _ in range(3)])),
    'sphere': wgamma.sphere(on_sphere(6), on_sphere(5), 'operator', a=RNG.uniform(1, 2, 6)),
    'grid': wgamma.dynamic(bump(3), bump(5), 'trace', steps=4, tol=1e-2, max_iterations=200)}
KINDS = sorted(RESULTS)


@pytest.mark.parametrize('kind', KINDS)
def test_a_file_comes_back_to_the_bit(kind, tmp_path):
    certificate = RESULTS[kind].certificate
    path = tmp_path / 'c.wgc'
    certificate.save(path)
    again = wgamma.load_certificate(path)
    assert type(again) is wgamma.Certificate and again.kind == certificate.kind == kind
    assert again.gauge == certificate.gauge and again.names == certificate.names
    for name in again.names:
        assert getattr(again, name).tobytes() == getattr(certificate, name).tobytes(), name
    assert (again.lower, again.upper, again.tol) == (
        RESULTS[kind].lower, RESULTS[kind].upper, certificate.tol)
    again.save(tmp_path / 'd.wgc')
    assert (tmp_path / 'd.wgc').read_bytes() == path.read_bytes()
    assert pickle.loads(pickle.dumps(again)).verify() == again.verify()
    assert kind in repr(again)


@pytest.mark.parametrize('kind', KINDS)
def test_claims_are_judged(kind):
    certificate = RESULTS[kind].certificate
    verdict = certificate.verify()
    assert verdict['valid'] is True
    assert verdict['finding'] == '' or verdict['open'] and 'gap between them' in verdict['finding']
    assert certificate.lower <= verdict['lower'] <= verdict['upper'] <= certificate.upper
    gap = (certificate.upper - certificate.lower) / certificate.upper
    assert verdict['gap'] == gap and verdict['open'] is (gap > certificate.tol)
    for name, value in (('lower', certificate.lower * (1 + 1e-9)),
                        ('upper', certificate.upper * (1 - 1e-9))):
        claimed = getattr(certificate, name)
        better = pickle.loads(pickle.dumps(certificate))
        setattr(better, name, value)
        verdict = better.verify()
        assert verdict['valid'] is False and f'{name} bound' in verdict['finding'], (name, claimed)


def test_balls_are_for_clouds():
    assert RESULTS['clouds'].certificate.verify(rigorous=True)['valid']
    for kind in KINDS:
        if kind != 'clouds':
            with pytest.raises(ValueError, match='clouds only'):
                RESULTS[kind].certificate.verify(rigorous=True)


def reseal(raw, change):
    """The file with its header changed and its checksum right."""
    length = int.from_bytes(raw[8:16], 'little')
    head = change(json.loads(raw[16:16 + length]))
    body = raw[:16] + json.dumps(head, separators=(',', ':')).encode().ljust(length)
    body += raw[16 + length:-4]
    return body + zlib.crc32(body).to_bytes(4, 'little')


def with_claim(raw, value):
    length = int.from_bytes(raw[8:16], 'little')
    entry = {e['name']: e for e in json.loads(raw[16:16 + length])['arrays']}['claim']
    at = 16 + length + entry['offset']
    body = raw[:at] + np.array([value]).tobytes() + raw[at + 8:-4]
    return body + zlib.crc32(body).to_bytes(4, 'little')


DAMAGES = {
    'version 99': lambda raw: reseal(raw, lambda head: {**head, 'version': 99}),
    'foreign format': lambda raw: reseal(raw, lambda head: {**head, 'format': 'proof'}),
    'unknown kind': lambda raw: reseal(raw, lambda head: {**head, 'kind': 'cubes'}),
    'other sizes': lambda raw: reseal(raw, lambda head: {**head, 'd': head['d'] + 1}),
    'truncated': lambda raw: raw[:-9], 'a byte left over': lambda raw: raw + b'\0',
    'wrong checksum': lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
    'damage': lambda raw: raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:],
    'no certificate': lambda raw: b'\x93NUMPY' + raw, 'empty': lambda raw: b'',
    'nan is claimed': lambda raw: with_claim(raw, np.nan),
    'inf is claimed': lambda raw: with_claim(raw, np.inf)}


@pytest.mark.parametrize('damage', DAMAGES)
@pytest.mark.parametrize('kind', KINDS)
def test_what_is_wrong_is_refused(kind, damage, tmp_path):
    path = tmp_path / 'c.wgc'
    RESULTS[kind].certificate.save(path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(ValueError) as refused:
        wgamma.load_certificate(path)
    with pytest.raises(ValueError):
        wgamma.verify(path)
    assert str(path) in str(refused.value)
    command = wgamma._library._find().replace('libwgamma.so', 'wgamma')
    if command.endswith('/wgamma') and subprocess.run([command, '--version'], check=False,
                                                      capture_output=True).returncode == 0:
        done = subprocess.run([command, 'verify', str(path)], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 3 and done.stderr == f'wgamma: {refused.value}\n'


def test_edited_arrays_have_to_agree(tmp_path):
    certificate = pickle.loads(pickle.dumps(RESULTS['gaussian'].certificate))
    certificate.cov1 = certificate.cov1[:2]
    with pytest.raises(ValueError, match=r'cov1 has shape \(2, 3\)'):
        certificate.verify()
    certificate = pickle.loads(pickle.dumps(RESULTS['clouds'].certificate))
    certificate.upper = np.nan
    with pytest.raises(ValueError, match='upper = nan is not a finite number'):
        certificate.save(tmp_path / 'c.wgc')
    assert not list(tmp_path.iterdir())
    certificate.upper, certificate.gauge = 1.0, 'schatten:'
    with pytest.raises(ValueError):
        certificate.verify()
    with pytest.raises(OSError):
        RESULTS['grid'].certificate.save(tmp_path / 'nowhere' / 'c.wgc')


def test_second_halves_are_kept(tmp_path):
    certificate = pickle.loads(pickle.dumps(RESULTS['clouds'].certificate))
    certificate.f_low = np.full_like(certificate.f, -1e-20)
    certificate.save(tmp_path / 'c.wgc')
    again = wgamma.load_certificate(tmp_path / 'c.wgc')
    assert np.array_equal(again.f_low, certificate.f_low)
    assert np.array_equal(again.mass_low, certificate.mass_low)
    assert again.verify()['lower'] <= certificate.verify()['lower'] + 1e-15
