"""FID extrapolated in 1/m: the line, what it is of, and where the bias goes."""

import warnings

import numpy as np
import pytest
from scipy import stats

import parzen
from parzen import SmallSampleWarning


def test_the_points_are_fids_of_subsets(rng):
    real, fake = rng.normal(size=(300, 4)), 1.2 * rng.normal(size=(200, 4))
    result = parzen.fd_infinity(real, fake, points=5, least=40, seed=3)
    assert result.sizes.tolist() == [40, 80, 120, 160, 200]
    random = np.random.default_rng(3)
    for size, distance in zip(result.sizes, result.distances, strict=True):
        rows = np.sort(random.choice(200, size, replace=False))
        assert distance == pytest.approx(parzen.fid(real, fake[rows]), rel=1e-11)
    assert result.distances[-1] == pytest.approx(parzen.fid(real, fake), rel=1e-11)


def test_the_line_is_that_of_least_squares(rng):
    result = parzen.fd_infinity(*rng.normal(size=(2, 400, 3)))
    assert len(result.sizes) == 15
    line = stats.linregress(1.0 / result.sizes, result.distances)
    assert result.value == pytest.approx(line.intercept, rel=1e-9)
    assert result.value.stderr == pytest.approx(line.intercept_stderr, rel=1e-9)
    assert result.slope == pytest.approx(line.slope, rel=1e-9)
    assert result.slope.stderr == pytest.approx(line.stderr, rel=1e-9)


def test_the_bias_of_the_fake_sample_is_gone(rng):
    # N(0, 1) against N(0.1, 1.21): 0.02 a dimension. Real samples are many: their bias is small.
    d, m, true = 10, 400, 10 * 0.02
    real = rng.normal(size=(20_000, d))
    results, plain = [], []
    for seed in range(25):
        fake = 1.1 * rng.normal(size=(m, d)) + 0.1
        results.append(parzen.fd_infinity(real, fake, least=60, seed=seed))
        plain.append(parzen.fid(real, fake))
    values = np.array([result.value for result in results])
    error = values.std(ddof=1) / 5.0
    assert np.mean(plain) - true > 6.0 * error
    assert abs(values.mean() - true) < 4.0 * error
    # What the docstring says of the standard error: another sample is farther than it.
    claimed = np.mean([result.value.stderr for result in results])
    assert 1.2 < values.std(ddof=1) / claimed < 4.5


def test_the_standard_error_is_about_that_of_the_seed(rng):
    real, fake = rng.normal(size=(2, 500, 6))
    values = [parzen.fd_infinity(real, fake, seed=seed).value for seed in range(40)]
    claimed = np.mean([value.stderr for value in values])
    assert 0.4 < np.std(values, ddof=1) / claimed < 2.0
    assert values[0] == parzen.fd_infinity(real, fake, seed=0).value


def test_fewer_samples_than_features_are_taken_by_rows(rng):
    real, fake = rng.normal(size=(50, 30)), rng.normal(size=(60, 30))
    with pytest.warns(
        SmallSampleWarning, match="the smallest subset has 20 samples of 30 features"
    ):
        result = parzen.fd_infinity(real, fake, least=20, points=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallSampleWarning)
        assert result.distances[-1] == pytest.approx(parzen.fid(real, fake), rel=1e-10)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"points": 2}, ValueError, "fd_infinity: points is 2, expected an integer >= 3"),
        ({"least": 1}, ValueError, "fd_infinity: least is 1, expected an integer >= 2"),
        ({"least": 9}, ValueError, "fake has 10 samples, least is 9; expected three or more sizes"),
        ({"least": 11}, ValueError, "fake has 10 samples, least is 11"),
        ({"seed": 0.5}, TypeError, r"fd_infinity: seed is 0.5"),
    ],
)
def test_options_that_are_refused(options, error, message, rng):
    with pytest.raises(error, match=message):
        parzen.fd_infinity(*rng.normal(size=(2, 10, 1)), **options)


def test_progress_ends_at_one(rng):
    seen = []
    parzen.fd_infinity(*rng.normal(size=(2, 100, 2)), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_error_bar_is_said_to_be_the_fits(rng):
    result = parzen.fd_infinity(*rng.normal(size=(2, 200, 2)), least=20)
    for value in result[:2]:
        assert value.provenance["estimand"].startswith("the fit to all subsets of these samples")
        with pytest.warns(parzen.LowerBoundWarning, match="the samples are held fixed"):
            value.interval()
