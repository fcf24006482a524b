"""Inception Score against the naive formula and closed forms."""

import math

import numpy as np
import pytest
from scipy.special import softmax

import parzen
import reference
from parzen import LogitsWarning


def test_follows_the_formula(rng):
    logits = 2.0 * rng.normal(size=(103, 7))
    for splits in (1, 4, 10):
        scores = reference.inception_scores(logits, splits)
        result = parzen.inception_score(logits, splits=splits, shuffle=False)
        assert result.mean == pytest.approx(scores.mean(), rel=1e-13)
        assert result.std == pytest.approx(scores.std(), abs=1e-13)
        if splits > 1:
            assert result.mean.stderr == pytest.approx(scores.std(ddof=1) / math.sqrt(splits))


@pytest.mark.parametrize("seed", [2020, 5])
def test_rows_are_shuffled_as_in_torch_fidelity(seed, rng):
    logits = rng.normal(size=(50, 4))
    order = np.random.RandomState(seed).permutation(50)
    scores = reference.inception_scores(logits[order], 10)
    result = parzen.inception_score(logits, seed=seed)
    assert result.mean == pytest.approx(scores.mean(), rel=1e-13)
    assert result.std == pytest.approx(scores.std(), rel=1e-10)
    if seed == 2020:
        assert parzen.inception_score(logits).mean == result.mean


def test_more_rows_than_a_chunk(rng):
    logits = rng.normal(size=(5003, 5)).astype(np.float32)
    scores = reference.inception_scores(logits, 3)
    result = parzen.inception_score(logits, splits=3, shuffle=False)
    assert result.mean == pytest.approx(scores.mean(), rel=1e-12)
    sharpness, diversity = reference.sharpness_and_diversity(logits)
    assert result.sharpness == pytest.approx(sharpness, rel=1e-12)
    assert result.diversity == pytest.approx(diversity, rel=1e-12)


def test_sharpness_times_diversity_is_the_score_of_one_split(rng):
    result = parzen.inception_score(rng.normal(size=(200, 6)), splits=1)
    assert result.sharpness * result.diversity == pytest.approx(result.mean, rel=1e-14)
    assert result.std == 0.0
    assert result.mean.stderr is None
    assert 1 / 6 < result.sharpness < 1.0 < result.diversity < 6.0


@pytest.mark.parametrize("size", [50.0, 1e4, 1e280])
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_one_hot_logits(size, classes):
    # Every class once and for certain: the score is the number of classes.
    result = parzen.inception_score(size * np.eye(classes), splits=1)
    assert result.mean == pytest.approx(classes, rel=1e-12)
    assert result.diversity == pytest.approx(classes, rel=1e-12)
    assert result.sharpness == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 1e4, -1e4])
def test_uniform_logits(value):
    result = parzen.inception_score(np.full((30, 8), value))
    assert result.mean == pytest.approx(1.0, abs=1e-14)
    assert result.std == pytest.approx(0.0, abs=1e-14)
    assert result.sharpness == pytest.approx(1 / 8, rel=1e-14)
    assert result.diversity == pytest.approx(8.0, rel=1e-14)


def test_a_certain_class_for_all():
    logits = np.zeros((20, 5))
    logits[:, 2] = 1e4  # the other probabilities underflow to 0, whose log is not taken
    result = parzen.inception_score(logits, splits=2)
    assert tuple(result) == (1.0, 0.0, 1.0, 1.0)


def test_two_classes_by_hand():
    # Rows (a, 1-a) and (1-a, a): KL = log 2 - H(a).
    a = 0.9
    logits = np.log([[a, 1 - a], [1 - a, a]])
    entropy = -a * math.log(a) - (1 - a) * math.log(1 - a)
    result = parzen.inception_score(logits, splits=1)
    assert result.mean == pytest.approx(2.0 * math.exp(-entropy), rel=1e-14)
    assert result.sharpness == pytest.approx(math.exp(-entropy), rel=1e-14)
    assert result.diversity == pytest.approx(2.0, rel=1e-14)


def test_standard_errors_are_the_spread(rng):
    offset = np.array([1.0, 0, 0, -1, 0, 2])
    results = [parzen.inception_score(offset + 2.0 * rng.normal(size=(400, 6))) for _ in range(300)]
    for name in ("mean", "sharpness", "diversity"):
        values = [getattr(result, name) for result in results]
        claimed = np.sqrt(np.mean([value.stderr**2 for value in values]))
        # 300 draws know a spread to 4 %; ten splits know theirs to 24 %, of which 300 are averaged.
        assert claimed / np.std(values) == pytest.approx(1.0, abs=0.2)


def test_standard_errors_by_hand():
    # Certain classes, 3 times 0 and once 1: no doubt about the sharpness; -log p has the values
    # log 4/3 (3 times) and log 4, whose standard deviation (ddof 1) is log(3) / 2.
    result = parzen.inception_score(1e4 * np.eye(2)[[0, 0, 0, 1]], splits=1)
    assert result.sharpness.stderr == 0.0
    expected = result.diversity * math.log(3.0) / 2.0 / math.sqrt(4.0)
    assert result.diversity.stderr == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"splits": 0}, ValueError, "inception_score: splits is 0, expected an integer >= 1"),
        ({"splits": 2.5}, TypeError, r"inception_score: splits is 2.5, expected an integer"),
        (
            {"splits": 6},
            ValueError,
            "inception_score: logits has 5 rows, splits is 6; pass splits<=5",
        ),
        ({"seed": -1}, ValueError, "inception_score: seed is -1, expected an integer >= 0"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        parzen.inception_score(np.ones((5, 3)), **options)


def test_logits_that_are_refused():
    with pytest.raises(ValueError, match=r"inception_score: logits has shape \(5,\)"):
        parzen.inception_score(np.ones(5))
    with pytest.raises(ValueError, match="inception_score: logits has 2 values that are NaN"):
        parzen.inception_score(np.array([[1.0, np.nan], [np.inf, 0.0]]))
    with pytest.raises(ValueError, match=r"inception_score: values up to 1e\+300, .* overflow"):
        parzen.inception_score(np.array([[1e300, -1e300]]), splits=1)


def test_progress_ends_at_one(rng):
    seen = []
    parzen.inception_score(rng.normal(size=(50, 3)), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_probabilities_for_logits_are_warned_of(rng):
    logits = rng.normal(size=(40, 6))
    p = softmax(logits, axis=1)
    with pytest.warns(LogitsWarning, match=r"inception_score: every row of logits is >= 0 and sum"):
        parzen.inception_score(p)
    # The logarithms of probabilities are logits.
    for a, b in zip(parzen.inception_score(np.log(p)), parzen.inception_score(logits), strict=True):
        assert a == pytest.approx(b, rel=1e-12)


def test_intervals_of_sharpness_and_diversity_are_positive(rng):
    found = parzen.inception_score(30.0 * rng.normal(size=(6, 100)), splits=2)
    for value in (found.sharpness, found.diversity):
        low, high = value.interval()
        assert 0.0 < low < value < high
        assert low * high == pytest.approx(value**2, rel=1e-12)
        assert value.provenance["degrees_of_freedom"] == 5
