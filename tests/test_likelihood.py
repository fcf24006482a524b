"""Likelihood, perplexity and bits per dimension, at once and as a stream."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import parzen
from parzen import LogLikelihood, LowerBoundWarning

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


def test_texts_added_flat_are_warned_of(rng):
    texts = -3.0 + 0.5 * rng.normal(size=(20, 1)) + 0.3 * rng.normal(size=(20, 50))
    right, flat, merged = (LogLikelihood() for _ in range(3))
    for text in texts:
        right.update(text[None])
        flat.update(text)
        merged.merge(LogLikelihood().update(text))
    expected = right.result().log_likelihood
    assert expected.stderr == pytest.approx(at_once(texts).log_likelihood.stderr, rel=1e-9)
    for stream in (flat, merged):
        with pytest.warns(
            LowerBoundWarning, match=r"is 0\.\d+, not 0\.0\d+: .*row\[None\]"
        ) as caught:
            found = stream.result().log_likelihood
        assert f"{expected.stderr:.3g}, not {found.stderr:.3g}" in str(caught[0].message)
        assert caught[0].filename == __file__


def test_flat_parts_of_independent_terms_are_not_warned_of(rng):
    sizes = ([100] * 10, [1] * 50, [300, 300, 1, 2, 3] * 2, [1000, 7], range(1, 40))
    for _ in range(20):
        for parts in sizes:
            stream = LogLikelihood()
            for size in parts:
                stream.update(-1e4 - rng.exponential(size=size))
            stream.result()  # warnings are errors


def test_a_text_may_come_in_parts_with_a_label(rng):
    texts = -1e4 + rng.normal(size=(30, 1)) + rng.normal(size=(30, 8))
    expected = at_once(texts, dims=2)
    names = [f"text {i}" for i in range(30)]
    cut, left, right, tokens = (LogLikelihood() for _ in range(4))
    for columns in (slice(0, 3), slice(3, 8)):
        cut.update(texts[:, columns], groups=names)
    left.update(texts[:20, :5], groups=names[:20])
    right.update(texts[:20, 5:], groups=names[:20]).update(texts[20:])
    order = rng.permutation(240)
    for part in np.array_split(order, 7):
        tokens.update(texts.ravel()[part], groups=part // 8)
    for stream in (cut, left.merge(right), tokens, pickle.loads(pickle.dumps(cut))):
        assert stream.n == 240
        assert_same(stream.result(2), expected)
        assert stream.result().perplexity.provenance["groups"] == 30
    # Without labels the halves of a text are two groups.
    halves = LogLikelihood().update(texts[:, :4]).update(texts[:, 4:])
    assert halves.result().perplexity.provenance["groups"] == 60


@pytest.mark.parametrize("groups", [3, 5, 10])
def test_intervals_of_few_groups_hold(groups, rng):
    held = {"flat": 0, "rows": 0, "perplexity": 0}
    for _ in range(400):
        rows = -3.0 + 0.5 * rng.normal(size=(groups, 1)) + 0.3 * rng.normal(size=(groups, 20))
        for name, value, truth in (
            ("flat", parzen.negative_log_likelihood(rows[:, 0]), 3.0),
            ("rows", parzen.expected_log_likelihood(rows), -3.0),
            ("perplexity", parzen.perplexity(rows), math.exp(3.0)),
        ):
            low, high = value.interval()
            held[name] += low <= truth <= high
    assert all(0.92 <= count / 400 <= 0.98 for count in held.values()), held  # 2.7 deviations


def test_the_interval_of_a_perplexity_is_the_exponential_of_the_likelihoods(rng):
    logs = -5.0 + 8.0 * rng.normal(size=4)
    low, high = parzen.negative_log_likelihood(logs).interval(0.9)
    assert low < 0.0
    assert parzen.perplexity(logs).interval(0.9) == pytest.approx((math.exp(low), math.exp(high)))
    ends = parzen.perplexity(logs, dims=7).interval(0.9)
    assert ends == pytest.approx((math.exp(low / 7), math.exp(high / 7)))
    assert parzen.perplexity([-700.0, 0.0]).interval() == (pytest.approx(0.0), math.inf)
    assert parzen.perplexity([800.0, 801.0]).interval() == (0.0, 0.0)  # it underflows


def test_likelihoods_of_single_pixels_are_refused(rng):
    pixels = rng.normal(size=(5, 2, 3))
    message = r"dims is 6 and each row has 6 terms.*pass dims=1, or their sums over a row"
    for logs in (pixels, pixels.reshape(5, 6), np.ma.masked_less(pixels, -1.0)):
        for call in (parzen.bits_per_dim, parzen.perplexity):
            with pytest.raises(ValueError, match=f"{call.__name__}: {message}"):
                call(logs, 6)
        with pytest.raises(ValueError, match=f"LogLikelihood: {message}"):
            LogLikelihood().update(logs[:2]).update(logs[2:]).result(6)
    whole = parzen.bits_per_dim(pixels.sum(axis=(1, 2)), 6)
    assert whole == pytest.approx(parzen.bits_per_dim(pixels, 1), rel=1e-12)
    assert whole.stderr == pytest.approx(parzen.bits_per_dim(pixels, 1).stderr, rel=1e-12)
    parzen.bits_per_dim(pixels, 7)


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
