"""Feature Likelihood Divergence: the fit is the best one, and what the number tells apart."""

import importlib

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

import parzen
import reference
from parzen.metrics import squared_distances

fld_module = importlib.import_module("parzen.metrics.fld")


def test_densities_are_those_of_the_mixture(rng):
    centers, x = rng.normal(size=(30, 5)), rng.normal(size=(40, 5))
    variances = rng.uniform(0.1, 3.0, 30)
    windows = fld_module.Windows(centers, np.log(variances))
    expected = reference.mixture_log_density(x, centers, variances)
    np.testing.assert_allclose(windows.log_density(x), expected, rtol=1e-11)


def test_the_fit_is_the_most_likely(rng):
    # No window stands on a sample: the likelihood has a top, which a general optimiser finds.
    centers, x = rng.normal(size=(4, 3)), rng.normal(size=(60, 3))
    from_mean = 0.81 * np.square(x - x.mean(axis=0)).sum(axis=1)

    def loss(logs):
        windows = reference.mixture_log_density(x, centers, np.exp(logs[:4]))
        behind = -0.5 * from_mean * np.exp(-logs[4]) - 1.5 * (logs[4] + np.log(2.0 * np.pi))
        return -logsumexp([windows, behind], axis=0).mean() / 3.0

    fitted = fld_module._fitted(centers, x, None).log_variances
    best = minimize(lambda b: loss([*fitted, b[0]]), [0.0], method="Nelder-Mead")
    everywhere = minimize(
        loss, [*fitted, best.x[0]], method="Nelder-Mead", options={"maxiter": 4000}
    )
    assert best.fun - everywhere.fun < 2e-4  # a fiftieth of the unit of FLD


def test_iterations_stop_where_the_rest_is_small(rng, monkeypatch):
    train, test, fake = rng.normal(size=(3, 150, 6))
    value = parzen.fld(train, test, fake).value
    monkeypatch.setattr(fld_module, "GAIN", 1e-8)
    monkeypatch.setattr(fld_module, "MOST_ITERATIONS", 5000)
    assert parzen.fld(train, test, fake).value == pytest.approx(value, abs=0.5)


def test_what_it_tells_apart(rng):
    # Two modes. (Of one alone, windows on a shrunk sample would widen to just what it is.)
    train, test, fake = rng.normal(size=(3, 300, 8)) + 10.0 * (np.arange(300) % 2)[:, None]
    good = parzen.fld(train, test, fake)
    assert abs(good.value) < 5.0
    assert abs(good.gap) < 10.0  # the variances were fitted to the training sample
    unfaithful = parzen.fld(train, test, 2.0 * fake + 1.0)
    collapsed = parzen.fld(train, test, fake[::2])
    copies = parzen.fld(train, test, train + 1e-3 * fake)
    assert min(unfaithful.value, collapsed.value) > good.value + 10.0
    assert copies.value > 500.0
    assert copies.gap < -500.0
    assert abs(unfaithful.gap) < 10.0  # bad, but nothing is memorized


def test_a_perfect_generator_is_near_zero(rng):
    values = [parzen.fld(*(rng.normal(size=(n, 4)) for n in (200, 300, 100))) for _ in range(20)]
    mean = np.mean([value.value for value in values])
    error = np.std([value.value for value in values]) / np.sqrt(20)
    # The fake windows are fitted to twice the samples of the baseline's: a little better.
    assert -4.0 < mean < 3.0 * error
    claimed = np.mean([value.value.stderr for value in values])
    assert 0.1 < claimed < 3.0
    for value in values[0]:
        with pytest.warns(parzen.LowerBoundWarning, match="the fitted windows are held fixed"):
            value.interval()


def test_units_of_features_change_nothing(rng):
    train, test, fake = rng.normal(size=(3, 80, 5))
    result = parzen.fld(train, test, fake)
    scale, shift = 10.0 ** rng.uniform(-8, 8, 5), 10.0 * rng.normal(size=5)
    other = parzen.fld(*(scale * (s + shift) for s in (train, test, fake)))
    # The fit stops at a gain, on one side of it or the other.
    assert other.value == pytest.approx(result.value, abs=1e-2)
    assert other.gap == pytest.approx(result.gap, abs=1e-2)


def test_a_constant_feature_is_harmless(rng):
    samples = rng.normal(size=(3, 60, 3))
    samples[:, :, 1] = 0.1
    assert np.isfinite(parzen.fld(*samples).value)


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_exact_copies_are_finite(rng):
    train, test = rng.normal(size=(2, 60, 3))
    result = parzen.fld(train, test, train)
    assert np.isfinite(result.value)
    assert result.value > 100.0


def test_distances_are_kept_or_computed_again(rng, monkeypatch):
    samples = rng.normal(size=(3, 60, 4))
    kept = parzen.fld(*samples)
    monkeypatch.setattr(fld_module, "KEPT_DISTANCES", 0)
    again = parzen.fld(*samples)
    assert again == kept


def test_more_fake_samples_are_drawn_from(rng):
    train, test, fake = rng.normal(size=(3, 60, 2))
    some = parzen.fld(train, test, fake, fake_size=20, seed=5)
    rows = np.sort(np.random.default_rng(5).choice(60, 20, replace=False))
    windows = parzen.fld(train, test, fake[rows], seed=5)
    assert some.gap == windows.gap
    assert some.value.provenance["fake_size"] == 20


def test_float32_is_widened(rng):
    samples = rng.normal(size=(3, 60, 4)).astype(np.float32)
    assert parzen.fld(*samples) == parzen.fld(*samples.astype(np.float64))


def test_what_is_refused(rng):
    x = rng.normal(size=(10, 2))
    with pytest.raises(ValueError, match=r"fld: train has 3 samples .* a minimum of 4"):
        parzen.fld(x[:3], x, x)
    with pytest.raises(ValueError, match=r"fld: test has 1 sample .* a minimum of 2"):
        parzen.fld(x, x[:1], x)
    with pytest.raises(ValueError, match="fld: train has 2 columns, test 2, fake 1"):
        parzen.fld(x, x, x[:, :1])
    with pytest.raises(ValueError, match="fld: fake_size is 0, expected an integer >= 1"):
        parzen.fld(x, x, x, fake_size=0)


def test_progress_ends_at_one(rng):
    seen = []
    parzen.fld(*rng.normal(size=(3, 50, 3)), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("block", [64, 2**23])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_close_pairs_are_measured_by_differences(offset, block, rng, monkeypatch):
    monkeypatch.setattr(squared_distances, "BLOCK_NUMBERS", block)
    x = rng.normal(size=(40, 7)) + offset
    queries = np.concatenate([x[:5], x[5:20] + 1e-7 * rng.normal(size=(15, 7)), -x[:5]])
    expected = reference.squared_distances(queries, x)
    found = np.empty_like(expected)
    for rows, squared in squared_distances.distance_blocks(x, queries):
        found[rows] = squared
    # What the samples' own shift rounds: 1e-16 of the offset, in distances of 1e-7.
    np.testing.assert_allclose(found, expected, rtol=1e-9 if offset == 0.0 else 1e-5)
    assert (found[np.arange(5), np.arange(5)] == 0.0).all()
