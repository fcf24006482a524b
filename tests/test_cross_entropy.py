"""Log-probabilities and cross-entropies from logits, against 60 digits and PyTorch."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import log_softmax, softmax

import parzen
from parzen import LogitsWarning, cross_entropy, log_probs_of


def exact_log_prob(row, target):
    with mpmath.workdps(60):
        row = [mpmath.mpf(float(v)) for v in row]
        return row[target] - mpmath.log(sum(mpmath.exp(v) for v in row))


@pytest.mark.parametrize("scale", [1e-8, 1.0, 30.0, 1e4])
def test_log_probs_in_sixty_digits(scale, rng):
    logits, targets = scale * rng.normal(size=(20, 9)), rng.integers(0, 9, 20)
    expected = [exact_log_prob(row, t) for row, t in zip(logits, targets, strict=True)]
    for value, exact in zip(log_probs_of(logits, targets), expected, strict=True):
        # The subtraction of two numbers of the size of the logits.
        assert abs(value - exact) <= 4e-16 * max(scale * 10, 10)


def test_one_hot_logits():
    logits = 1e4 * np.eye(3)
    np.testing.assert_array_equal(log_probs_of(logits, [0, 1, 2]), [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(log_probs_of(logits, [1, 2, 0]), [-1e4, -1e4, -1e4])
    assert parzen.perplexity(log_probs_of(logits, [0, 1, 2])) == 1.0
    assert cross_entropy(logits, [1, 2, 0]) == 1e4
    assert cross_entropy(1e300 * np.eye(2), [0, 1]) == 0.0


def test_log_probabilities_stay(rng):
    logs = log_softmax(rng.normal(size=(6, 5)), axis=1)
    targets = rng.integers(0, 5, 6)
    found = log_probs_of(logs, targets)
    np.testing.assert_allclose(found, logs[np.arange(6), targets], rtol=1e-14)


def test_masks_and_the_ignored(rng):
    logits, targets = rng.normal(size=(2, 3, 4)), rng.integers(0, 4, size=(2, 3))
    every = log_probs_of(logits, targets)
    assert every.shape == (2, 3)
    mask = np.array([[1, 0, 1], [1, 1, 0]])
    ignored = np.where(mask, targets, -100)
    expected = np.ma.masked_array(every, mask == 0)
    padded = np.where(mask, targets, 7)
    for found in (
        log_probs_of(logits, targets, mask=mask),
        log_probs_of(logits, targets, mask=mask == 1),
        log_probs_of(logits, ignored),
        log_probs_of(logits, padded, ignore_index=7),
    ):
        np.testing.assert_array_equal(found.mask, mask == 0)
        np.testing.assert_array_equal(found.compressed(), every[mask == 1])
        assert np.isnan(np.asarray(found)[mask == 0]).all()  # never taken for a number
    # What is masked need not be in range, nor its logits a distribution.
    logits[0, 1] = -np.inf
    targets[0, 1] = 99
    found = log_probs_of(logits, targets, mask=mask)
    np.testing.assert_array_equal(found.compressed(), expected.compressed())
    assert cross_entropy(logits, targets, mask=mask) == pytest.approx(-expected.mean(), rel=1e-14)


def test_classes_that_cannot_be():
    logits = [[0.0, -np.inf, 0.0]]
    assert cross_entropy(logits, [0]) == pytest.approx(math.log(2))
    assert cross_entropy(logits, [1]) == math.inf
    assert cross_entropy(logits, [[0.5, 0.0, 0.5]]) == pytest.approx(math.log(2))


def test_float32_chunks(rng, monkeypatch):
    logits = rng.normal(size=(50, 11)).astype(np.float32)
    targets = rng.integers(0, 11, 50)
    whole = log_probs_of(logits, targets)
    expected = log_softmax(logits.astype(np.float64), axis=1)[np.arange(50), targets]
    np.testing.assert_allclose(whole, expected, rtol=1e-14)
    monkeypatch.setattr("parzen.metrics.cross_entropy.CHUNK_NUMBERS", 30)
    np.testing.assert_array_equal(log_probs_of(logits, targets), whole)


def test_it_is_pytorchs(rng):
    torch = pytest.importorskip("torch")
    logits = torch.from_numpy(rng.normal(size=(30, 6)))
    targets = torch.from_numpy(rng.integers(0, 6, 30))
    targets[3] = targets[17] = -100
    loss = torch.nn.functional.cross_entropy
    assert cross_entropy(logits, targets) == pytest.approx(loss(logits, targets).item(), rel=1e-13)
    soft = torch.softmax(torch.from_numpy(rng.normal(size=(30, 6))), dim=1)
    assert cross_entropy(logits, soft) == pytest.approx(loss(logits, soft).item(), rel=1e-13)


@given(
    hnp.arrays(np.float64, (3, 5), elements=st.floats(-50.0, 50.0)),
    hnp.arrays(np.int64, (3, 5), elements=st.integers(0, 6)),
)
def test_cross_entropy_is_entropy_plus_kl(logits, counts):
    counts[counts.sum(axis=1) == 0] = 1
    t = counts / counts.sum(axis=1, keepdims=True)
    log_p = log_softmax(logits, axis=1)
    with np.errstate(divide="ignore"):
        kl = parzen.kl_divergence(np.log(t), log_p, log=True)
    expected = np.mean(parzen.entropy(t) + kl)
    assert cross_entropy(logits, t) == pytest.approx(expected, rel=1e-12, abs=1e-13)
    assert cross_entropy(logits, t) >= np.mean(parzen.entropy(t)) - 1e-13
    assert cross_entropy(logits + 7.0, t) == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_the_standard_error_and_perplexity(rng):
    logits, targets = rng.normal(size=(200, 4)), rng.integers(0, 4, 200)
    logs = log_probs_of(logits, targets)
    value = cross_entropy(logits, targets)
    assert value.stderr == pytest.approx(logs.std(ddof=1) / math.sqrt(200), rel=1e-12)
    assert parzen.perplexity(logs) == pytest.approx(math.exp(value), rel=1e-14)


def test_texts_are_groups(rng):
    # Rows of a text share a difficulty: their terms are correlated, and masked ones do not count.
    logits = rng.normal(size=(30, 12, 5))
    logits[..., 0] += 3.0 * rng.normal(size=(30, 1))
    targets, mask = np.zeros((30, 12), dtype=int), rng.random((30, 12)) < 0.7
    logs = log_probs_of(logits, targets, mask=mask)
    found = cross_entropy(logits, targets, mask=mask)
    assert found.stderr == parzen.negative_log_likelihood(logs).stderr
    labels = np.nonzero(mask)[0]
    by_label = parzen.negative_log_likelihood(logs.compressed(), groups=labels)
    assert found.stderr == pytest.approx(by_label.stderr, rel=1e-12)
    assert found.stderr > 2.0 * parzen.negative_log_likelihood(logs.compressed()).stderr
    soft = np.eye(5)[targets]
    again = cross_entropy(logits, soft, mask=mask)
    assert again == pytest.approx(found, rel=1e-13)
    assert again.stderr == pytest.approx(found.stderr, rel=1e-12)


def test_a_stream_of_batches(rng):
    logits, targets = rng.normal(size=(60, 4)), rng.integers(0, 4, 60)
    stream = parzen.LogLikelihood()
    for rows in np.array_split(np.arange(60), 7):
        stream.update(log_probs_of(logits[rows], targets[rows]))
    found = stream.result().negative_log_likelihood
    assert found == pytest.approx(cross_entropy(logits, targets), rel=1e-12)


def test_true_labels_under_a_true_model(rng):
    # Labels drawn from p: the mean cross-entropy is the mean entropy, within its error.
    p = softmax(rng.normal(size=(4000, 5)), axis=1)
    targets = (rng.random((4000, 1)) > p.cumsum(axis=1)).sum(axis=1)
    found = cross_entropy(np.log(p), targets)
    assert abs(found - parzen.entropy(p).mean()) < 4.0 * found.stderr


@pytest.mark.parametrize(
    ("logits", "targets", "options", "error", "message"),
    [
        (np.eye(3), [0, 1, 3], {}, ValueError, r"targets has 3 at \[2\], expected .* \[0, 3\)"),
        (np.eye(3), [0, -1, 2], {}, ValueError, r"targets has -1 at \[1\].*ignore_index=-100"),
        (np.eye(3), [0, 1], {}, ValueError, r"targets has shape \(2,\), expected \(3,\)"),
        (np.eye(3), [0.0, 1.0, 2.0], {}, TypeError, r"targets has dtype float64, expected integer"),
        (np.eye(3), [-100] * 3, {}, ValueError, r"no target counts"),
        (np.eye(3), [0, 1, 2], {"mask": [0, 0, 0]}, ValueError, r"no target counts"),
        (np.eye(3), [0, 1, 2], {"mask": [1, 2, 0]}, ValueError, r"mask has values other than 0"),
        (np.eye(3), [0, 1, 2], {"mask": [1]}, ValueError, r"mask has shape \(1,\), expected \(3,"),
        (np.eye(3), [0, 1, 2], {"ignore_index": None}, TypeError, r"ignore_index is None"),
        ([[0, np.nan]], [0], {}, ValueError, r"logits has 1 value NaN .*at \[0, 1\]"),
        ([[-np.inf] * 2], [0], {}, ValueError, r"logits is -inf in all classes of row 0"),
        (0.0, 0, {}, ValueError, r"logits is a single number"),
        (np.eye(2), np.eye(2) + 1.0, {}, ValueError, r"targets is not normalised: row 0 sums to 3"),
    ],
)
def test_what_is_refused(logits, targets, options, error, message):
    with pytest.raises(error, match=f"cross_entropy: {message}"):
        cross_entropy(logits, targets, **options)


def test_probabilities_for_logits_are_warned_of(rng):
    logits = rng.normal(size=(6, 4, 5))
    targets = rng.integers(0, 5, size=(6, 4))
    p = softmax(logits, axis=-1)
    for call in (parzen.cross_entropy, parzen.log_probs_of):
        for rows in (p, p.astype(np.float32), p + 1e-5 * rng.random((6, 4, 1))):
            with pytest.warns(LogitsWarning, match=f"{call.__name__}: every row") as caught:
                call(rows, targets)
            assert caught[0].filename == __file__
        some = p.copy()
        some[-1, -1] += 0.01
        for rows in (some, np.log(p), logits, np.ones((6, 4, 5))):
            call(rows, targets)  # warnings are errors
    assert parzen.cross_entropy(np.ones((3, 1)), np.zeros(3, int)) == 0.0  # of a single class
