"""The Vendi score against its definition, closed forms and invariances."""

import math

import mpmath
import numpy as np
import pytest

import parzen
import reference
from parzen.metrics.vendi import renyi_entropy

ORDERS = [0, 0.5, 1, 1.5, 2, 3, math.inf]


@pytest.mark.parametrize("q", ORDERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d"), [(300, 16), (30, 40), (20, 20), (1, 5), (7, 1)])
def test_follows_the_definition(q, dtype, n, d, rng):
    x = (rng.normal(size=(n, d)) + 0.5).astype(dtype)
    unit = reference.unit(x)
    value = parzen.vendi_score(x, q=q, blocks=None)
    assert value == pytest.approx(reference.vendi(unit @ unit.T, q), rel=1e-12)
    assert value.stderr is None


@pytest.mark.parametrize("q", ORDERS)
@pytest.mark.parametrize("d", [3, 40])
def test_identical_and_orthogonal_rows(q, d):
    identical = parzen.vendi_score(np.full((12, d), 0.1), q=q)
    assert identical == pytest.approx(1.0, abs=1e-13)
    orthogonal = parzen.vendi_score(-7.0 * np.eye(d), q=q)
    assert orthogonal == pytest.approx(d, rel=1e-13)
    if q != 0:  # every part is as the whole
        assert identical.stderr == pytest.approx(0.0, abs=1e-13)
        assert orthogonal.stderr == pytest.approx(0.0, abs=1e-12 * d)


@pytest.mark.parametrize("q", ORDERS)
def test_unequal_modes(q):
    # Copies of orthogonal rows: the eigenvalues are their shares.
    shares = np.array([5, 3, 2])
    x = np.repeat(np.eye(3), 20 * shares, axis=0)
    p = shares / 10
    expected = {1: np.exp(-(p * np.log(p)).sum()), math.inf: 2.0}.get(q)
    if expected is None:
        expected = (p**q).sum() ** (1 / (1 - q))
    assert parzen.vendi_score(x, q=q, blocks=None) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("q", ORDERS)
def test_copies_scales_rotations_and_order_change_nothing(q, rng):
    x = rng.normal(size=(25, 10))
    value = parzen.vendi_score(x, q=q, blocks=None)
    rotation = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    scaled = x * 10.0 ** rng.uniform(-150, 150, size=(25, 1))
    for same in (np.repeat(x, 4, axis=0), scaled, x @ rotation, rng.permutation(x), -x):
        assert parzen.vendi_score(same, q=q, blocks=None) == pytest.approx(value, rel=1e-12)


def test_orders_decrease(rng):
    x = np.abs(rng.normal(size=(100, 8)))
    values = [parzen.vendi_score(x, q=q, blocks=None) for q in ORDERS]
    assert values == sorted(values, reverse=True)
    assert 1.0 < values[-1] < values[0] == 8.0


@pytest.mark.parametrize("q", [1 - 1e-12, 1 + 1e-9, 1.0001, 0.6, 1.4, 300.0])
def test_orders_near_one_and_large_ones(q):
    weights = np.array([0.7, 0.2, 0.1 - 1e-13, 1e-13])
    with mpmath.workdps(60):
        w = [mpmath.mpf(float(v)) for v in weights]
        w = [v / mpmath.fsum(w) for v in w]
        order = mpmath.mpf(q)
        expected = mpmath.log(mpmath.fsum(v**order for v in w)) / (1 - order)
    assert renyi_entropy(weights, q, 1.0) == pytest.approx(float(expected), rel=2e-15, abs=0)


def test_the_names_of_infinity(rng):
    x = rng.normal(size=(20, 4))
    value = parzen.vendi_score(x, q="inf")
    assert value == parzen.vendi_score(x, q=math.inf)
    assert value.provenance["q"] == "inf"


def test_rows_as_they_are(rng):
    x = 0.1 * rng.normal(size=(50, 6))
    for q in (0.5, 1, 2, 3):
        w = np.linalg.eigvalsh(x.T @ x / 50)
        expected = np.exp(-(w * np.log(w)).sum()) if q == 1 else (w**q).sum() ** (1 / (1 - q))
        value = parzen.vendi_score(x, q=q, normalize=False)
        assert value == pytest.approx(expected, rel=1e-12)
    assert parzen.vendi_score(reference.unit(x), normalize=False) == pytest.approx(
        parzen.vendi_score(x), rel=1e-13
    )


@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize(("n", "d"), [(400, 12), (60, 100)])
def test_the_standard_error_is_the_spread_of_the_score(q, n, d, rng):
    draws = [parzen.vendi_score(rng.normal(size=(n, d)) + 0.3, q=q, blocks=20) for _ in range(40)]
    claimed = np.mean([value.stderr for value in draws])
    assert 0.7 < claimed / np.std(draws, ddof=1) < 1.6


@pytest.mark.parametrize(("n", "d"), [(53, 8), (23, 30)])
@pytest.mark.parametrize("q", [0.5, 1, 2])
def test_the_jackknife_by_its_formula(n, d, q, rng):
    x = rng.normal(size=(n, d))
    value = parzen.vendi_score(x, q=q, blocks=5, seed=3)
    left_out = np.array_split(np.random.default_rng(3).permutation(n), 5)
    h = np.array([n / len(rows) for rows in left_out])
    parts = [parzen.vendi_score(np.delete(x, rows, axis=0), q=q, blocks=None) for rows in left_out]
    pseudo = h * value - (h - 1) * parts
    mean = (pseudo / h).sum()
    assert value.stderr == pytest.approx(math.sqrt(np.mean((pseudo - mean) ** 2 / (h - 1))))
    assert value == parzen.vendi_score(x, q=q, blocks=None)
    assert value.provenance["degrees_of_freedom"] == 4


def test_ranks_and_single_rows_have_no_standard_error(rng):
    assert parzen.vendi_score(rng.normal(size=(20, 4)), q=0).stderr is None
    assert parzen.vendi_score(np.ones((1, 4))).stderr is None


def test_blocks_of_rows_are_added(rng, monkeypatch):
    x = rng.normal(size=(100, 6))
    whole = parzen.vendi_score(x)
    monkeypatch.setattr("parzen.metrics.vendi.BLOCK_ROWS", 7)
    monkeypatch.setattr("parzen.metrics.directions.BLOCK_ROWS", 5)
    parts = parzen.vendi_score(x)
    assert parts == pytest.approx(whole, rel=1e-13)
    assert parts.stderr == pytest.approx(whole.stderr, rel=1e-9)


def test_progress_ends_at_one(rng):
    seen = []
    parzen.vendi_score(rng.normal(size=(30, 4)), progress=seen.append)
    assert seen == sorted(seen)
    assert len(seen) == 11
    assert seen[-1] == 1.0


class TestFromKernel:
    @pytest.mark.parametrize("q", ORDERS)
    def test_is_the_score_of_the_samples(self, q, rng):
        unit = reference.unit(rng.normal(size=(40, 60)))
        value = parzen.vendi_score_from_kernel(unit @ unit.T, q=q)
        same = parzen.vendi_score(unit, q=q)
        assert value == pytest.approx(same, rel=1e-12)
        if q != 0:
            assert value.stderr == pytest.approx(same.stderr, rel=1e-8)

    def test_a_gaussian_kernel(self, rng):
        x = rng.normal(size=(50, 2))
        k = reference.gaussian(x, x, 0.5)
        for q in (0.5, 1, 2):
            value = parzen.vendi_score_from_kernel(k, q=q)
            assert value == pytest.approx(reference.vendi(k, q), rel=1e-11)

    def test_the_diagonal_is_divided_out(self, rng):
        x = rng.normal(size=(30, 5))
        value = parzen.vendi_score_from_kernel(x @ x.T, normalize=True)
        assert value == pytest.approx(parzen.vendi_score(x), rel=1e-12)

    @pytest.mark.parametrize(
        ("kernel", "message"),
        [
            (np.ones((2, 3)), r"kernel has shape \(2, 3\), expected \(n, n\)"),
            ([[1, 0.5], [0.4, 1]], r"kernel is not symmetric: \[0, 1\] is 0.5, \[1, 0\] is 0.4"),
            ([[1, 0], [0, 2]], r"kernel\[1, 1\] is 2, expected 1.*; pass normalize=True"),
            ([[1, 1.5], [1.5, 1]], r"kernel\[0, 1\] is 1.5, larger than its diagonal allows"),
            (
                [[1, -0.9, -0.9], [-0.9, 1, -0.9], [-0.9, -0.9, 1]],
                "kernel is not positive semidefinite: an eigenvalue is -0.421 of the largest",
            ),
            ([[1, math.nan], [math.nan, 1]], "kernel has 2 values that are NaN or infinity"),
        ],
    )
    def test_kernels_that_are_refused(self, kernel, message):
        with pytest.raises(ValueError, match=f"vendi_score_from_kernel: {message}"):
            parzen.vendi_score_from_kernel(kernel)

    def test_a_diagonal_that_cannot_be_divided_out(self):
        with pytest.raises(ValueError, match=r"kernel\[1, 1\] is 0, expected a number > 0"):
            parzen.vendi_score_from_kernel([[1, 0], [0, 0]], normalize=True)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"q": -1}, ValueError, "vendi_score: q is -1.0, expected a number >= 0 or infinity"),
        ({"q": math.nan}, ValueError, "vendi_score: q is nan"),
        ({"q": "one"}, TypeError, "vendi_score: q is 'one', expected a number"),
        ({"blocks": 1}, ValueError, "vendi_score: blocks is 1, expected an integer >= 2"),
        ({"seed": -1}, ValueError, "vendi_score: seed is -1"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        parzen.vendi_score(np.eye(5), **options)


def test_samples_that_are_refused():
    x = np.eye(4)
    x[[1, 3]] = 0.0
    with pytest.raises(ValueError, match=r"x has 2 rows of zeros, the first is row 1.*normalize"):
        parzen.vendi_score(x)
    with pytest.raises(ValueError, match="vendi_score: x is zero everywhere"):
        parzen.vendi_score(np.zeros((3, 2)), normalize=False)
    with pytest.raises(ValueError, match=r"vendi_score: values up to .* would overflow"):
        parzen.vendi_score(1e200 * np.eye(3), normalize=False)
    with pytest.raises(ValueError, match=r"vendi_score: values up to .* underflow"):
        parzen.vendi_score(1e-100 * np.eye(3), q=2, normalize=False)
    with pytest.raises(ValueError, match=r"the score overflows float64.*pass normalize=True"):
        parzen.vendi_score(1e-3 * np.eye(3), q=1.01, normalize=False)


def test_a_single_row_that_is_not_zero_has_no_standard_error():
    assert parzen.vendi_score([[1.0], [0.0], [0.0]], normalize=False).stderr is None
