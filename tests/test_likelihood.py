"""Likelihood, perplexity and bits per dimension, at once and as a stream."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import parzen
from parzen import LogLikelihood

LOG2 = math.log(2)
EIGHTHS = st.integers(-4096, 64).map(lambda i: i / 8)


def test_mean_and_standard_error(rng):
    logs = -rng.exponential(size=100)
    value = parzen.expected_log_likelihood(logs)
    assert value == pytest.approx(logs.mean(), rel=1e-14)
    assert value.stderr == pytest.approx(logs.std(ddof=1) / 10, rel=1e-12)
    assert value.provenance["n"] == value.provenance["groups"] == 100
    negative = parzen.negative_log_likelihood(logs)
    assert negative == -value
    assert negative.stderr == value.stderr
    assert negative.provenance["metric"] == "negative_log_likelihood"


def test_perplexity(rng):
    logs = np.log(rng.dirichlet(np.ones(8))[rng.integers(0, 8, 500)])
    value = parzen.perplexity(logs)
    assert value == pytest.approx(np.exp(-logs.mean()), rel=1e-14)
    per_dim = parzen.perplexity(logs, dims=12)
    assert per_dim == pytest.approx(2.0 ** (-np.mean(logs / LOG2) / 12), rel=1e-14)
    # To first order: what shifting the mean by a standard error does.
    slope = value.stderr / parzen.expected_log_likelihood(logs).stderr
    assert slope == pytest.approx(value, rel=1e-12)
    assert per_dim.stderr == pytest.approx(
        per_dim * parzen.expected_log_likelihood(logs).stderr / 12, rel=1e-12
    )
    assert parzen.perplexity(np.full(10, -math.log(50257))) == pytest.approx(50257, rel=1e-12)
    assert parzen.perplexity(0.0) == 1.0


def test_bits_per_dim():
    # Uniform over 256 levels, as a density over [0, 1]: 8 bits, as one over [-1, 1] too.
    dims = 3 * 32 * 32
    as_density = np.zeros(4)
    offset = parzen.dequantization_offset()
    assert parzen.bits_per_dim(as_density, dims, offset=offset) == 8.0
    half = np.full(4, -dims * LOG2)
    offset = parzen.dequantization_offset(low=-1.0)
    assert parzen.bits_per_dim(half, dims, offset=offset) == pytest.approx(8.0, rel=1e-14)
    assert parzen.dequantization_offset(levels=32) == 5.0
    assert parzen.dequantization_offset(low=0.0, high=256.0) == 0.0
    # As a distribution over the levels themselves.
    discrete = np.full(4, -dims * math.log(256))
    assert parzen.bits_per_dim(discrete, dims) == pytest.approx(8.0, rel=1e-14)


def test_bits_and_perplexity_say_the_same(rng):
    logs = -100.0 * rng.random(50)
    bits = parzen.bits_per_dim(logs, 7)
    assert 2.0**bits == pytest.approx(parzen.perplexity(logs, dims=7), rel=1e-13)
    assert bits.stderr == pytest.approx(logs.std(ddof=1) / math.sqrt(50) / 7 / LOG2, rel=1e-12)


def test_what_has_no_probability():
    logs = [-1.0, -np.inf, -2.0]
    for value, expected in (
        (parzen.expected_log_likelihood(logs), -math.inf),
        (parzen.negative_log_likelihood(logs), math.inf),
        (parzen.perplexity(logs), math.inf),
        (parzen.bits_per_dim(logs, 3), math.inf),
    ):
        assert value == expected
        assert value.stderr is None


def test_numbers_beyond_float64():
    value = parzen.perplexity([-1000.0, -1001.0])
    assert value == math.inf
    assert value.stderr is None
    assert parzen.perplexity([-1000.0, -1001.0], dims=1000) == pytest.approx(math.exp(1.0005))
    assert parzen.bits_per_dim([-1e280, -1e280], 1) == pytest.approx(1e280 / LOG2)
    # exp(E log p), not a mean of p that underflows; densities may be above 1.
    assert parzen.perplexity([800.0], dims=800) == pytest.approx(math.exp(-1.0))


def test_one_log_likelihood_has_no_standard_error():
    assert parzen.perplexity([-1.0]).stderr is None


def cluster_robust(texts):
    """By the formula: the residuals of each text summed, whatever its length."""
    tokens = np.concatenate(texts)
    sums = np.array([np.sum(text - tokens.mean()) for text in texts])
    g = len(texts)
    return math.sqrt(g / (g - 1) * np.sum(sums**2)) / len(tokens)


def test_tokens_of_a_text_are_one_group(rng):
    texts = [rng.normal() - rng.exponential(size=size) for size in rng.integers(1, 30, 40)]
    tokens = np.concatenate(texts)
    labels = np.repeat(np.arange(40), [len(text) for text in texts])
    order = rng.permutation(len(tokens))
    padded = np.ma.masked_all((40, 30))
    for row, text in zip(padded, texts, strict=True):
        row[: len(text)] = text
    expected = cluster_robust(texts)
    for value in (
        parzen.expected_log_likelihood(tokens, groups=labels),
        parzen.expected_log_likelihood(tokens[order], groups=labels[order]),
        parzen.expected_log_likelihood(tokens, groups=[f"text {label}" for label in labels]),
        parzen.expected_log_likelihood(padded),
    ):
        assert value == pytest.approx(tokens.mean(), rel=1e-13)
        assert value.stderr == pytest.approx(expected, rel=1e-11)
        assert value.provenance["groups"] == 40
        assert value.provenance["n"] == len(tokens)
    perplexity = parzen.perplexity(padded)
    assert perplexity.stderr == pytest.approx(perplexity * expected, rel=1e-11)
    bits = parzen.bits_per_dim(tokens, 3, groups=labels)
    assert bits.stderr == pytest.approx(expected / 3 / LOG2, rel=1e-11)
    negative = parzen.negative_log_likelihood(padded)
    assert negative.stderr == pytest.approx(expected, rel=1e-11)


def test_groups_of_one_are_no_groups(rng):
    logs = rng.normal(size=30)
    alone = parzen.perplexity(logs)
    for same in (logs[:, None], logs):
        grouped = parzen.perplexity(same, groups=range(30))
        assert grouped == alone
        assert grouped.stderr == pytest.approx(alone.stderr, rel=1e-12)
    assert parzen.perplexity(logs[None]).stderr is None  # a single text


def test_the_standard_error_of_correlated_tokens_by_simulation(rng):
    means, grouped, flat = [], [], []
    for _ in range(300):
        tokens = -1e4 + rng.normal(size=(40, 1)) + 0.5 * rng.normal(size=(40, 25))
        tokens = np.ma.masked_array(tokens, np.arange(25) >= rng.integers(5, 26, size=(40, 1)))
        found = parzen.expected_log_likelihood(tokens)
        means.append(float(found))
        grouped.append(found.stderr)
        flat.append(parzen.expected_log_likelihood(tokens.compressed()).stderr)
    spread = np.std(means)
    assert np.mean(grouped) == pytest.approx(spread, rel=0.15)
    assert np.mean(flat) < spread / 2


def test_a_stream_of_groups_is_all_at_once(rng):
    texts = -1e4 + rng.normal(size=(60, 1)) + rng.normal(size=(60, 7))
    expected = at_once(texts, dims=2)
    parts, left, right = (LogLikelihood() for _ in range(3))
    for rows in np.array_split(np.arange(60), 11):
        parts.update(texts[rows])
    left.update(texts[:5])
    right.update(texts[5:].ravel(), groups=np.repeat(np.arange(55), 7))
    for stream in (parts, left.merge(right)):
        assert_same(stream.result(2), expected)
        assert stream.result().perplexity.provenance["groups"] == 60
    assert_same(pickle.loads(pickle.dumps(parts)).result(dims=2), expected)


def test_a_stream_does_not_merge_with_itself(rng):
    stream = LogLikelihood().update([-1.0, -2.0])
    with pytest.raises(ValueError, match="other is this one itself"):
        stream.merge(stream)
    assert stream.n == 2


def test_the_repr_of_a_stream():
    assert repr(LogLikelihood()) == "LogLikelihood(n=0)"
    assert repr(LogLikelihood().update([-1.0, -2.0])) == "LogLikelihood(n=2, mean=-1.5)"
    assert repr(LogLikelihood().update([-1.0, -np.inf])) == "LogLikelihood(n=2, mean=-inf)"


def test_dims_by_position_or_name():
    logs = [-1.0, -2.0]
    assert parzen.perplexity(logs, 3) == parzen.perplexity(logs, dims=3)
    assert parzen.bits_per_dim(logs, 3) == parzen.bits_per_dim(logs, dims=3)
    stream = LogLikelihood().update(logs)
    assert stream.result(3) == stream.result(dims=3)


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b, rel=1e-12, abs=1e-300)
        assert (a.stderr is None) == (b.stderr is None)
        if b.stderr is not None:
            assert a.stderr == pytest.approx(b.stderr, rel=1e-9, abs=1e-12 * abs(b) + 1e-300)


def at_once(values, **options):
    return LogLikelihood().update(values).result(**options)


def test_a_stream_is_all_at_once(rng):
    values = -1e4 + rng.normal(size=10_007)
    expected = at_once(values, dims=3072, offset=8.0)
    one_by_one, parts, left, right = (LogLikelihood() for _ in range(4))
    for value in values:
        one_by_one.update(value)
    for part in np.array_split(values, 13):
        parts.update(part)
    left.update(values[:99])
    right.update(values[99:])
    for stream in (one_by_one, parts, left.merge(right)):
        assert stream.n == 10_007
        assert_same(stream.result(dims=3072, offset=8.0), expected)


@given(
    hnp.arrays(np.float64, st.integers(1, 30), elements=EIGHTHS),
    st.lists(st.integers(0, 30), max_size=4),
    st.booleans(),
)
def test_any_split_merges(values, cuts, impossible):
    if impossible:
        values = np.append(values, -np.inf)
    merged = LogLikelihood()
    for part in np.split(values, sorted(min(c, len(values)) for c in cuts)):
        stream = LogLikelihood()
        if len(part):
            stream.update(part)
        merged.merge(stream)
    assert merged.n == len(values)
    expected = at_once(values, dims=5)
    assert_same(merged.result(dims=5), expected)
    assert_same(expected[:1], [parzen.expected_log_likelihood(values)])


def test_a_stream_survives_pickling(rng):
    stream = LogLikelihood().update(rng.normal(size=9))
    assert pickle.loads(pickle.dumps(stream)).result() == stream.result()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: parzen.perplexity([]), ValueError, r"perplexity: log_probs is empty"),
        (lambda: parzen.perplexity([np.nan]), ValueError, r"log_probs has 1 value .*at \[0\]"),
        (lambda: parzen.perplexity([[0.0, np.inf]]), ValueError, r"first at \[0, 1\]"),
        (lambda: parzen.perplexity([0.0], dims=0), ValueError, r"perplexity: dims is 0, expected"),
        (lambda: parzen.perplexity([0.0], dims=2.0), TypeError, r"perplexity: dims is 2.0"),
        (lambda: parzen.perplexity([-1e308]), ValueError, r"log_probs has 1e\+308 in magnitude"),
        (lambda: parzen.perplexity(["a"]), TypeError, r"log_probs has dtype <U1"),
        (
            lambda: parzen.bits_per_dim([0.0], 3, offset=np.inf),
            ValueError,
            r"bits_per_dim: offset is inf, expected a finite number",
        ),
        (lambda: parzen.perplexity([0.0], groups=[1, 2]), ValueError, r"groups has 2 labels, exp"),
        (lambda: parzen.perplexity(0.0, groups=[1]), ValueError, r"log_probs is a single number"),
        (lambda: parzen.perplexity([0.0], groups=3), TypeError, r"perplexity: groups is 3, expect"),
        (lambda: parzen.perplexity(np.ma.masked_all(3)), ValueError, r"no value that is not mask"),
        (lambda: LogLikelihood().result(), ValueError, r"no log-likelihoods yet; call update"),
        (lambda: LogLikelihood().merge(3), TypeError, r"other is a int, expected a LogLikelihood"),
        (
            lambda: parzen.dequantization_offset(low=1.0),
            ValueError,
            r"low is 1.0, high is 1.0; expected low < high",
        ),
        (lambda: parzen.dequantization_offset(levels=1), ValueError, r"levels is 1, expected"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
