"""Square roots of positive semidefinite matrices and the trace of the root of a product."""

import numpy as np
import pytest

from parzen import _core


def covariance(d, spectrum, seed=0):
    q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))
    sigma = (q * spectrum) @ q.T
    return (sigma + sigma.T) / 2, q


@pytest.mark.parametrize("d", [1, 2, 17, 200])
@pytest.mark.parametrize("decades", [0, 6, 14])
def test_root_of_a_known_spectrum(d, decades):
    spectrum = np.logspace(0, -decades, d)
    sigma, _ = covariance(d, spectrum)
    root, worst = _core.psd_sqrt(sigma)
    assert worst == 0.0
    np.testing.assert_array_equal(root, root.T)
    np.testing.assert_allclose(root @ root, sigma, atol=1e-14 * d)
    np.testing.assert_allclose(
        np.trace(root), np.sqrt(spectrum).sum(), rtol=1e-6 if decades == 14 else 1e-9
    )


def test_the_argument_is_left_alone():
    sigma, _ = covariance(8, np.arange(1.0, 9.0))
    before = sigma.copy()
    _core.psd_sqrt(sigma)
    _core.trace_sqrt_product(sigma, sigma)
    np.testing.assert_array_equal(sigma, before)
    fortran = np.asfortranarray(sigma)
    np.testing.assert_array_equal(_core.psd_sqrt(fortran)[0], _core.psd_sqrt(sigma)[0])


@pytest.mark.parametrize("d", [1, 3, 50, 200])
def test_trace_for_matrices_that_commute(d):
    # S1 = Q diag(a) Q', S2 = Q diag(b) Q': Tr (S1 S2)^(1/2) = sum sqrt(a b).
    rng = np.random.default_rng(d)
    a, b = rng.uniform(0.1, 2.0, (2, d))
    s1, q = covariance(d, a)
    s2 = (q * b) @ q.T
    trace, worst = _core.trace_sqrt_product(s1, s2)
    assert worst == 0.0
    np.testing.assert_allclose(trace, np.sqrt(a * b).sum(), rtol=1e-13)


@pytest.mark.parametrize("decades", [2, 8, 14])
@pytest.mark.parametrize("d", [20, 300])
def test_trace_of_a_matrix_with_itself(d, decades):
    # At condition 1e14 the eigenvalues of S^2 span 28 decades: Cholesky alone is wrong there.
    sigma, _ = covariance(d, np.logspace(0, -decades, d))
    trace, _ = _core.trace_sqrt_product(sigma, sigma)
    assert abs(trace - np.trace(sigma)) <= 1e-10 * np.trace(sigma)


def test_trace_of_singular_matrices():
    # Rank 5 of 40, with different ranges: the nuclear norm of A'B.
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 40, 5))
    expected = np.linalg.svd(a.T @ b, compute_uv=False).sum()
    trace, worst = _core.trace_sqrt_product(a @ a.T, b @ b.T)
    assert worst == 0.0
    # A zero eigenvalue of A A' is known to u, its root to sqrt(u) = 1e-8.
    np.testing.assert_allclose(trace, expected, rtol=1e-7)
    full = np.eye(40)
    trace, _ = _core.trace_sqrt_product(full, b @ b.T)
    np.testing.assert_allclose(trace, np.linalg.svd(b, compute_uv=False).sum(), rtol=1e-7)


def test_zero_matrices():
    zero = np.zeros((3, 3))
    assert _core.trace_sqrt_product(zero, np.eye(3)) == (0.0, 0.0)
    assert _core.trace_sqrt_product(zero, zero) == (0.0, 0.0)
    np.testing.assert_array_equal(_core.psd_sqrt(zero)[0], zero)


@pytest.mark.parametrize("other", ["identity", "itself"])
def test_negative_eigenvalues_are_reported(other):
    sigma, _ = covariance(10, np.array([2.0] * 9 + [-1e-3]))
    assert abs(_core.psd_sqrt(sigma)[1] + 5e-4) < 1e-12
    second = np.eye(10) if other == "identity" else sigma
    for pair in ((sigma, second), (second, sigma)):
        trace, worst = _core.trace_sqrt_product(*pair)
        assert abs(worst + 5e-4) < 1e-12
        assert np.isfinite(trace)


def test_shapes_that_do_not_fit():
    # Of 32767 rows LAPACK's workspace has a size past 32 bits; such a matrix is not even copied.
    for bad in (
        np.zeros(3),
        np.zeros((2, 3)),
        np.zeros((0, 0)),
        np.broadcast_to(0.0, (32767, 32767)),
    ):
        with pytest.raises(ValueError, match="square"):
            _core.psd_sqrt(bad)
    with pytest.raises(ValueError, match="same shape"):
        _core.trace_sqrt_product(np.eye(2), np.eye(3))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_lapack_might_not_survive_is_refused(value):
    sigma = np.eye(4)
    sigma[3, 1] = value
    for call in (
        lambda: _core.psd_sqrt(sigma),
        lambda: _core.trace_sqrt_product(sigma, np.eye(4)),
        lambda: _core.trace_sqrt_product(np.eye(4), sigma),
    ):
        with pytest.raises(ValueError, match=r"sigma\d?: expected finite"):
            call()


def test_types():
    for bad in (np.eye(2, dtype=complex), np.eye(2, dtype=bool), np.eye(2).astype(str)):
        with pytest.raises(TypeError, match="sigma: expected real numbers"):
            _core.psd_sqrt(bad)
    raw = np.frombuffer(bytearray(8 * 4 + 1), np.uint8)[1:].view(np.float64).reshape(2, 2)
    raw[...] = 4.0 * np.eye(2)
    for sigma in (4 * np.eye(2, dtype=int), 4 * np.eye(2, dtype=">f4"), raw):
        np.testing.assert_allclose(_core.psd_sqrt(sigma)[0], 2.0 * np.eye(2), rtol=1e-15)
