"""Divergences of discrete distributions and of densities, against 60 digits and closed forms."""

import math

import mpmath
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import log_softmax, rel_entr, xlogy

import parzen
import reference
from parzen import Estimate, Normal

pytestmark = pytest.mark.filterwarnings("ignore::parzen.SupportWarning")

NAMES = ["kl", "reverse-kl", "jensen-shannon", "total-variation", "hellinger", "chi-squared"]
ALPHAS = [-3.0, -0.5, 0.0, 1e-9, 0.3, 0.5, 0.9, 1.0 - 1e-9, 1.0, 1.0 + 1e-7, 1.5, 2.0, 3.0, 20.0]
# By the textbook: f(t) of each name.
GENERATORS = {
    "kl": lambda t: xlogy(t, t),
    "reverse-kl": lambda t: -np.log(t),
    "jensen-shannon": lambda t: (xlogy(t, t) - xlogy(t + 1, (t + 1) / 2)) / 2,
    "total-variation": lambda t: np.abs(t - 1) / 2,
    "hellinger": lambda t: (np.sqrt(t) - 1) ** 2 / 2,
    "chi-squared": lambda t: (t - 1) ** 2,
}


@pytest.fixture
def pair(rng):
    return rng.dirichlet(np.ones(7), size=(2, 20))


def distributions(rows=2, most=6):
    # Quarters of small integers: zeros are common, and so are equal entries.
    def normalised(counts):
        counts = counts.astype(np.float64)
        counts[counts.sum(axis=1) == 0.0] = 1.0
        return counts / counts.sum(axis=1, keepdims=True)

    return st.integers(2, most).flatmap(
        lambda k: hnp.arrays(np.int64, (rows, k), elements=st.integers(0, 8)).map(normalised)
    )


def test_kl_is_scipys(pair):
    p, q = pair
    np.testing.assert_allclose(parzen.kl_divergence(p, q), rel_entr(p, q).sum(axis=1), rtol=1e-13)
    for a, b in zip(p, q, strict=True):
        value = parzen.kl_divergence(a, b)
        assert type(value) is Estimate
        assert value.stderr is None
        assert value == pytest.approx(scipy.stats.entropy(a, b), rel=1e-13)


def test_entropy_is_scipys(pair):
    p, _ = pair
    np.testing.assert_allclose(parzen.entropy(p), scipy.stats.entropy(p, axis=1), rtol=1e-14)
    np.testing.assert_allclose(
        parzen.entropy(np.log(p), log=True), scipy.stats.entropy(p, axis=1), rtol=1e-13
    )
    assert parzen.entropy([0.0, 1.0, 0.0]) == 0.0
    assert math.copysign(1.0, parzen.entropy([1.0])) == 1.0
    assert parzen.entropy(np.full(8, 0.125)) == pytest.approx(math.log(8))
    assert parzen.entropy([0.0, -1e4, -np.inf], log=True) == 0.0


@pytest.mark.parametrize("alpha", ALPHAS)
def test_alpha_in_sixty_digits(alpha, rng):
    # From far apart to 1e-9 apart: a sum that cancels would lose all digits of the last.
    p = rng.dirichlet(np.ones(6))
    for size in (3.0, 0.3, 1e-2, 1e-5, 1e-9):
        q = p * np.exp(size * rng.normal(size=6))
        q /= q.sum()
        expected = reference.alpha_divergence(p, q, alpha)
        found = parzen.f_divergence(p, q, "alpha", alpha=alpha)
        # A last digit of p or q is a relative 1e-16 / size of the difference.
        assert abs(found - expected) <= (2e-14 + 4e-15 / size) * expected
        assert found >= 0.0


def test_names_are_members_of_the_alpha_family(pair):
    for name, alpha, scale in (
        ("kl", 1, 1),
        ("reverse-kl", 0, 1),
        ("hellinger", 0.5, 0.25),
        ("chi-squared", 2, 2),
    ):
        of_alpha = parzen.f_divergence(*pair, "alpha", alpha=alpha)
        np.testing.assert_allclose(parzen.f_divergence(*pair, name), scale * of_alpha, rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_their_generators(name, pair):
    p, q = pair
    expected = (q * GENERATORS[name](p / q)).sum(axis=1)
    for found in (
        parzen.f_divergence(p, q, name),
        parzen.f_divergence(p, q, GENERATORS[name]),
        parzen.f_divergence(np.log(p), np.log(q), name, log=True),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e-20])
def test_tiny_probabilities(scale):
    p, q = [1.0, scale, 3 * scale], [1.0, 2 * scale, 1e-10]
    for alpha in (0.0, 0.5, 1.0, 2.0):
        for a, b in ((p, q), (q, p)):
            expected = reference.alpha_divergence(a, b, alpha)
            found = parzen.f_divergence(a, b, "alpha", alpha=alpha)
            assert abs(found - expected) <= 1e-12 * expected or expected > 1e308


def test_log_probabilities_that_underflow():
    # exp(-2000) is 0 in float64, q(1) is not.
    log_p, log_q = [0.0, -2000.0], log_softmax([0.0, -1000.0])
    assert parzen.kl_divergence(log_p, log_q, log=True) == pytest.approx(0.0, abs=1e-300)
    assert parzen.kl_divergence(log_q, log_p, log=True) == pytest.approx(0.0, abs=1e-300)
    even = np.log([0.5, 0.5])
    expected = 0.5 * 2000.0 + math.log(0.5)
    assert parzen.kl_divergence(even, log_p, log=True) == pytest.approx(expected, rel=1e-15)
    assert parzen.kl_divergence([0.0, -np.inf], even, log=True) == pytest.approx(math.log(2))
    assert parzen.kl_divergence([0.0, -2000.0], [0.0, -np.inf], log=True) == math.inf
    assert parzen.f_divergence(even, log_p, "chi-squared", log=True) == math.inf


def test_zeros():
    p, q = [0.5, 0.5, 0.0, 0.0], [0.25, 0.0, 0.75, 0.0]
    log2 = math.log(2)
    expected = {
        "kl": math.inf,
        "reverse-kl": math.inf,
        "total-variation": 0.75,
        "hellinger": 1.0 - math.sqrt(0.125),
        "chi-squared": math.inf,
        "jensen-shannon": 0.5 * (0.5 * math.log(0.5 / 0.375) + 0.5 * log2)
        + 0.5 * (0.25 * math.log(0.25 / 0.375) + 0.75 * log2),
    }
    for name, value in expected.items():
        assert parzen.f_divergence(p, q, name) == pytest.approx(value, rel=1e-14)
    # 0 log 0 = 0
    assert parzen.kl_divergence([0.0, 1.0], [0.5, 0.5]) == pytest.approx(log2)
    # Disjoint: the largest that each can be.
    largest = {"jensen-shannon": log2, "total-variation": 1.0, "hellinger": 1.0}
    for name, value in largest.items():
        assert parzen.f_divergence([1.0, 0.0], [0.0, 1.0], name) == pytest.approx(value, rel=1e-15)


def test_a_function_needs_its_slope_where_q_is_zero():
    p, q = [0.5, 0.5], [1.0, 0.0]

    def half_distance(t):
        return np.abs(t - 1) / 2

    with pytest.raises(ValueError, match=r"f_divergence: q is 0 where p is not.*pass slope="):
        parzen.f_divergence(p, q, half_distance)
    assert parzen.f_divergence(p, q, half_distance, slope=0.5) == 0.5
    assert parzen.f_divergence(p, q, GENERATORS["kl"], slope=math.inf) == math.inf


@given(distributions())
def test_bounds_and_symmetry(rows):
    p, q = rows
    equal = np.array_equal(p, q)
    for name in NAMES:
        value = parzen.f_divergence(p, q, name)
        assert value >= 0.0
        assert (value == 0.0) == equal
    for name in ("jensen-shannon", "total-variation", "hellinger"):
        value, back = parzen.f_divergence(p, q, name), parzen.f_divergence(q, p, name)
        assert value == pytest.approx(back, rel=1e-13)
        assert value <= (math.log(2) if name == "jensen-shannon" else 1.0) + 1e-15
    kl, reverse = parzen.kl_divergence(p, q), parzen.f_divergence(q, p, "reverse-kl")
    assert kl == pytest.approx(reverse, rel=1e-13)
    variation = parzen.f_divergence(p, q, "total-variation")
    assert 2.0 * variation**2 <= kl + 1e-15  # Pinsker
    squared = parzen.f_divergence(p, q, "hellinger")
    assert squared <= variation + 1e-15
    assert variation <= math.sqrt(2.0 * squared) + 1e-15


@given(distributions(), st.randoms(use_true_random=False))
def test_processing_data_loses_divergence(rows, random):
    p, q = rows
    k = len(p)
    channel = np.array([[random.random() + 0.01 for _ in range(3)] for _ in range(k)])
    channel /= channel.sum(axis=1, keepdims=True)
    order = random.sample(range(k), k)
    for name in NAMES:
        value = parzen.f_divergence(p, q, name)
        assert parzen.f_divergence(p @ channel, q @ channel, name) <= value + 1e-14
        assert parzen.f_divergence(p[order], q[order], name) == pytest.approx(value, rel=1e-13)


@given(distributions(rows=4, most=4))
def test_kl_adds_over_independent_parts(rows):
    p, q, r, s = rows
    both = parzen.kl_divergence(np.outer(p, r).ravel(), np.outer(q, s).ravel())
    parts = parzen.kl_divergence(p, q) + parzen.kl_divergence(r, s)
    assert both == pytest.approx(parts, rel=1e-12, abs=1e-14)


def test_one_against_many(pair):
    p, q = pair
    np.testing.assert_array_equal(
        parzen.kl_divergence(p, q[0]), [parzen.kl_divergence(a, q[0]) for a in p]
    )
    np.testing.assert_array_equal(
        parzen.f_divergence(p[0], q, "jensen-shannon"),
        [parzen.f_divergence(p[0], b, "jensen-shannon") for b in q],
    )


def test_float32_is_normalised(rng):
    logits = rng.normal(size=(4, 1000)).astype(np.float32)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(parzen.kl_divergence(p, p), np.zeros(4))
    wide = p.astype(np.float64)
    wide /= wide.sum(axis=1, keepdims=True)
    expected = rel_entr(wide[0], wide[1]).sum()
    assert parzen.kl_divergence(p[0], p[1]) == pytest.approx(expected, rel=1e-13)


# Densities, by sampling.

P, Q = Normal([0.0], [1.0]), Normal([0.6], [1.5])
CLOSED = {
    name: parzen.f_divergence(P, Q, name)
    for name in ("kl", "reverse-kl", "hellinger", "chi-squared")
}


def by_quadrature(name):
    def integrand(x):
        p, q = (mpmath.npdf(x, float(n.mean[0]), math.sqrt(n.covariance[0])) for n in (P, Q))
        t = p / q
        if name == "total-variation":
            return abs(p - q) / 2
        return q * (t * mpmath.log(t) - (t + 1) * mpmath.log((t + 1) / 2)) / 2

    return float(mpmath.quad(integrand, np.arange(-12.0, 13.0, 2.0).tolist()))


@pytest.mark.parametrize("name", NAMES)
def test_densities_by_sampling(name, rng):
    expected = CLOSED[name] if name in CLOSED else by_quadrature(name)
    x = rng.normal(size=(40_000, 1))

    def log_p(x):
        return -0.5 * x[:, 0] ** 2 - 0.5 * math.log(2 * math.pi)

    found = parzen.f_divergence(log_p, Q, name, samples=x)
    assert 0.0 < found.stderr < 0.02
    assert abs(found - expected) < 4.0 * found.stderr + 1e-4  # the quadrature of |p - q|
    custom = parzen.f_divergence(log_p, Q, GENERATORS[name], samples=x)
    assert abs(custom - expected) < 4.0 * custom.stderr + 1e-4


def test_the_standard_error_of_sampling(rng):
    found = [parzen.kl_divergence(P, Q, samples=rng.normal(size=(200, 1))) for _ in range(300)]
    spread = np.std(found)
    assert np.mean([e.stderr for e in found]) == pytest.approx(spread, rel=0.15)
    assert found[0].provenance["method"] == "samples of p"


def test_where_q_has_no_density():
    x = np.array([[0.2], [0.4], [0.9], [0.1]])

    def uniform(x):
        return np.zeros(len(x))

    def half(x):
        return np.where(x[:, 0] < 0.5, math.log(2.0), -np.inf)

    value = parzen.kl_divergence(uniform, half, samples=x)
    assert value == math.inf
    assert value.stderr is None
    # Over the uniform distribution's own samples, 3 of 4 in the half: by hand.
    assert parzen.f_divergence(uniform, half, "hellinger", samples=x) == pytest.approx(
        1 - 0.75 * math.sqrt(2.0)
    )
    assert parzen.f_divergence(uniform, half, "total-variation", samples=x) == 0.25
    evenly = [[0.2], [0.4], [0.9], [0.8]]  # the mean of q/p is 1, whose weight does not matter
    assert parzen.f_divergence(uniform, half, "jensen-shannon", samples=evenly) == pytest.approx(
        (0.5 * math.log(2) + 0.5 * (math.log(2 / 3) + 2 * math.log(4 / 3))) / 2
    )
    assert parzen.f_divergence(uniform, half, "reverse-kl", samples=x) == pytest.approx(
        0.75 * 2.0 * math.log(2.0)
    )
    with pytest.raises(ValueError, match=r"p has density 0 at 1 of the 4 samples.*row 2"):
        parzen.kl_divergence(half, uniform, samples=x)


def test_ratios_beyond_float64():
    # p/q = 1e310, which a function of the ratio cannot take.
    p, q = [1.0, 0.0], [1e-310, 1.0]
    for f in ("total-variation", GENERATORS["total-variation"]):
        slope = 0.5 if callable(f) else None
        assert parzen.f_divergence(p, q, f, slope=slope) == pytest.approx(1.0, rel=1e-15)
    x = np.zeros((2, 1))
    low, high = (lambda x: np.zeros(2)), (lambda x: np.array([0.0, 800.0]))
    with pytest.raises(ValueError, match=r"log\(p/q\) is -800 at sample 1.*leaves float64"):
        parzen.f_divergence(low, high, GENERATORS["kl"], samples=x)
    with pytest.raises(ValueError, match=r"q is 0 where p is not.*pass slope="):
        parzen.f_divergence(high, low, GENERATORS["kl"], samples=x)
    assert parzen.f_divergence(high, low, GENERATORS["hellinger"], slope=0.5, samples=x) == 0.25
    # An alpha that no power of a ratio survives.
    assert parzen.f_divergence([0.5, 0.5], [0.5, 0.5], "alpha", alpha=1e30) == 0.0
    assert parzen.f_divergence([0.6, 0.4], [0.5, 0.5], "alpha", alpha=1e30) == math.inf


def test_a_single_sample_has_no_standard_error():
    assert parzen.kl_divergence(P, Q, samples=[[0.3]]).stderr is None


@pytest.mark.parametrize(
    ("p", "q", "options", "error", "message"),
    [
        ([0.5, 0.6], [0.5, 0.5], {}, ValueError, r"p is not normalised: row 0 sums to 1.1"),
        ([[0.5, 0.5], [2, 2]], [0.5, 0.5], {}, ValueError, r"p is not normalised: row 1 sums to 4"),
        ([0.5, 0.5], [0.0, 0.0], {}, ValueError, r"q is not normalised: row 0 sums to 0"),
        ([0.0, 0.0], [0.5, 0.5], {"log": True}, ValueError, r"p is not normalised: .* sums to 2"),
        ([-np.inf] * 2, [0.0, -np.inf], {"log": True}, ValueError, r"p is not normalised: .* to 0"),
        ([1.5, -0.5], [0.5, 0.5], {}, ValueError, r"p has negative probabilities.*row 0"),
        ([np.nan, 1.0], [0.5, 0.5], {}, ValueError, r"p has 1 value that is NaN or infinity"),
        ([np.nan, 0.0], [0.5, 0.5], {"log": True}, ValueError, r"p has 1 value.*first at \[0\]"),
        ([1.0], [0.5, 0.5], {}, ValueError, r"p has 1 probabilities a row, q has 2"),
        ([], [], {}, ValueError, r"p has shape \(0,\), expected \(k,\)"),
        (np.eye(2), np.eye(2)[[0, 1, 0]], {}, ValueError, r"p has 2 rows, q has 3"),
        (P, [0.5, 0.5], {}, TypeError, r"p is a density; pass samples="),
        ([1.0], [1.0], {"samples": [[0.0]]}, TypeError, r"p is a list; with samples"),
        (P, lambda x: x, {"samples": [[0.0]]}, ValueError, r"gave shape \(1, 1\) for samples"),
        (P, lambda x: [np.nan], {"samples": [[0.0]]}, ValueError, r"log-density of q has 1 value"),
        (P, Normal([0.0, 0.0], np.eye(2)), {}, ValueError, r"p has d = 1, q has d = 2"),
    ],
)
def test_what_is_refused(p, q, options, error, message):
    with pytest.raises(error, match=f"kl_divergence: .*{message}"):
        parzen.kl_divergence(p, q, **options)


@pytest.mark.parametrize(
    ("f", "options", "error", "message"),
    [
        ("KLD", {}, ValueError, r"f is 'KLD', expected 'kl' or .* or a function of p/q"),
        (lambda t: math.log(t), {}, RuntimeError, r"f \(.*lambda.*\) raised TypeError when given"),
        ("alpha", {}, ValueError, r"f='alpha' needs a number: pass alpha="),
        ("alpha", {"alpha": math.nan}, ValueError, r"alpha is nan, expected a finite number"),
        ("kl", {"alpha": 0.5}, ValueError, r"alpha is for f='alpha', f is 'kl'"),
        ("kl", {"slope": 0.5}, ValueError, r"slope is for a function f"),
        (lambda t: t, {}, ValueError, r"f\(1\) is 1, expected 0"),
        (lambda t: 0.0, {}, ValueError, r"f gave an array of shape \(\)"),
        (lambda t: t * np.log(t), {}, ValueError, r"f\(0\) is NaN; write t log t as"),
        (lambda t: t - 1, {"slope": math.nan}, ValueError, r"slope is nan"),
    ],
)
def test_generators_that_are_refused(f, options, error, message):
    with pytest.raises(error, match=f"f_divergence: .*{message}"):
        parzen.f_divergence([0.0, 1.0], [0.5, 0.5], f, **options)


def test_an_infinite_divergence_says_where():
    p, q = [[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]], [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]
    message = "only one of p and q is 0 in 1 of 6 entries, the first in entry 2 of row 1"
    with pytest.warns(parzen.SupportWarning, match=message) as of_rows:
        assert parzen.kl_divergence(p, q).tolist() == [0.0, math.inf]
    message = r"q has density 0 at \d of the 9 samples of p, the first in row \d"
    with pytest.warns(parzen.SupportWarning, match=message) as of_samples:
        parzen.f_divergence(
            Normal([0.0], [[1.0]]),
            lambda x: np.where(x[:, 0] < 0, 0.0, -np.inf),
            "kl",
            samples=np.random.default_rng(0).normal(size=(9, 1)),
        )
    for found in (of_rows, of_samples):  # the line above, not one of the package
        assert [warning.filename for warning in found] == [__file__]
    with pytest.warns(parzen.SupportWarning, match="because p/q leaves float64 in 1 of 2 entries"):
        parzen.f_divergence([0.6, 0.4], [0.5, 0.5], "alpha", alpha=1e30)
    with pytest.warns(parzen.SupportWarning, match="p/q overflows at 1 of the 2 samples of p"):
        parzen.f_divergence(
            lambda x: np.array([0.0, 800.0]),
            lambda x: np.zeros(2),
            "chi2",
            samples=np.zeros((2, 1)),
        )


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("kl", "KL"),
        ("kl", "Kullback-Leibler"),
        ("reverse-kl", "Reverse KL"),
        ("reverse-kl", "rkl"),
        ("jensen-shannon", "JS"),
        ("jensen-shannon", "jensen_shannon"),
        ("total-variation", "tv"),
        ("hellinger", "Hellinger"),
        ("chi-squared", "chi2"),
    ],
)
def test_short_names(name, short):
    p, q = [0.5, 0.5], [0.25, 0.75]
    found = parzen.f_divergence(p, q, short)
    assert found == parzen.f_divergence(p, q, name)
    assert found.provenance["f"] == name
    assert parzen.f_divergence(p, q, "Alpha", alpha=0.3) == parzen.f_divergence(
        p, q, "alpha", alpha=0.3
    )
