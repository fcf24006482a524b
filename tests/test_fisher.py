"""The Fisher divergence: closed forms, and means over samples."""

import numpy as np
import pytest

import parzen
from parzen import Normal, fisher_divergence


def normal(rng, d):
    return Normal(rng.normal(size=d), np.cov(rng.normal(size=(d, 3 * d + 2))).reshape(d, d))


def by_the_formula(p, q):
    a, b = np.linalg.inv(p.covariance), np.linalg.inv(q.covariance)
    shift = b @ (p.mean - q.mean)
    return np.trace((b - a) @ p.covariance @ (b - a)) + shift @ shift


@pytest.mark.parametrize("d", [1, 2, 10])
def test_of_normals(d, rng):
    p, q = normal(rng, d), normal(rng, d)
    value = fisher_divergence(p, q)
    assert value == pytest.approx(by_the_formula(p, q), rel=1e-9)
    assert value.stderr is None
    assert fisher_divergence(p, p) == 0.0


def test_variances_are_a_diagonal_covariance(rng):
    means, variances = rng.normal(size=(2, 4)), rng.uniform(0.5, 2.0, size=(2, 4))
    short = [Normal(m, v) for m, v in zip(means, variances, strict=True)]
    full = [Normal(m, np.diag(v)) for m, v in zip(means, variances, strict=True)]
    expected = by_the_formula(*full)
    for p, q in ((short[0], short[1]), (short[0], full[1]), (full[0], short[1])):
        assert fisher_divergence(p, q) == pytest.approx(expected, rel=1e-12)


def test_neighbours_keep_their_digits():
    v = 1.0 + 2.0**-40  # (1 - 1/v)^2 v
    expected = (v - 1.0) ** 2 / v
    for p, q in ((Normal(0.0, v), Normal(0.0, 1.0)), (Normal([0.0], [[v]]), Normal(0.0, 1.0))):
        assert fisher_divergence(p, q) == pytest.approx(expected, rel=1e-11)


def test_by_sampling(rng):
    p, q = Normal([0.0, 0.0], [1.0, 2.0]), Normal([0.5, 0.0], [2.0, 1.5])
    x = rng.normal(size=(20_000, 2)) * np.sqrt([1.0, 2.0])
    found = fisher_divergence(p, lambda x: -(x - [0.5, 0.0]) / [2.0, 1.5], samples=x)
    assert abs(found - fisher_divergence(p, q)) < 4.0 * found.stderr
    assert fisher_divergence(p.score(x), q.score(x)) == pytest.approx(found, rel=1e-12)
    assert fisher_divergence(p, p, samples=x) == 0.0
    spread = [fisher_divergence(p, q, samples=x[i : i + 100]) for i in range(0, 20_000, 100)]
    assert np.mean([e.stderr for e in spread]) == pytest.approx(np.std(spread), rel=0.2)


def test_of_kernel_density_estimates(rng):
    # That of N(0, 1) with bandwidth h is in the mean near N(0, 1 + h^2).
    h = 0.5
    x, y = rng.normal(size=(20_000, 1)), rng.normal(size=(5000, 1))
    found = fisher_divergence(
        Normal(0.0, 1.0),
        lambda q: parzen.log_density_gradient(y, q, bandwidth=h),
        samples=x[:2000],
    )
    expected = fisher_divergence(Normal(0.0, 1.0), Normal(0.0, 1.0 + h * h))
    assert found == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize(
    ("p", "q", "options", "error", "message"),
    [
        (Normal(0.0, 1.0), np.eye(2), {}, TypeError, "p is a density's; pass samples="),
        (np.eye(2), np.ones((3, 2)), {}, ValueError, r"p has shape \(2, 2\), q has \(3, 2\)"),
        (np.ones(2), np.ones(2), {}, ValueError, r"p has shape \(2,\), expected \(n, d\)"),
        (
            np.eye(2),
            np.eye(2),
            {"samples": np.eye(2)},
            TypeError,
            "the score of p is a ndarray; expected the",
        ),
        (
            Normal(0.0, 1.0),
            lambda x: x[:, 0],
            {"samples": [[1.0], [2.0]]},
            ValueError,
            r"the score of q has shape \(2,\), expected \(2, 1\)",
        ),
        ([[1e200]], [[0.0]], {}, ValueError, "the squared scores overflow float64"),
        (Normal(1e200, 1.0), Normal(0.0, 1.0), {}, ValueError, "overflow float64; rescale"),
        (Normal(0.0, 1.0), Normal([0, 0], [1, 1]), {}, ValueError, "p has d = 1, q has d = 2"),
    ],
)
def test_what_is_refused(p, q, options, error, message):
    with pytest.raises(error, match=f"fisher_divergence: .*{message}"):
        fisher_divergence(p, q, **options)
