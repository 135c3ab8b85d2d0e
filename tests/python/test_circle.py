"""The static distance on the sphere against the dynamic one on the circle, solved independently."""
import pytest

pytest.importorskip('scipy')
import wgamma  # noqa: E402

from circle import born, dynamic, moved, points  # noqa: E402

FINE = 384


def both(case, gauge, n):
    primal, dual, _ = dynamic(*case(n), gauge, n // 2, rounds=1500)
    assert abs(primal - dual) < 3e-3 * primal
    return 0.5 * (primal + dual)


@pytest.mark.parametrize('case, gauge', [(moved, 'operator'), (born, 'frobenius'),
                                         (born, 'trace')])
def test_static_is_dynamic(case, gauge):
    a, b = case(FINE)
    static = wgamma.sphere(points(FINE), points(FINE), gauge, a=a, b=b, tol=1e-6).uw2
    coarse, fine = both(case, gauge, 20), both(case, gauge, 40)
    assert abs(fine - static) < 0.02 * static
    assert abs(fine - static) < 0.45 * abs(coarse - static)  # of second order: a quarter
    assert abs(fine + (fine - coarse) / 3 - static) < 3e-3 * static
