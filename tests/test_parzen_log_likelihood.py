"""The Parzen window log-likelihood as published figures have it."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

import reference
from parzen import BandwidthWarning, parzen_log_likelihood

SIGMAS = [0.1, 0.2, 0.5, 1.0, 3.0]


def published(samples, test, validation, sigmas):
    """Theano's parzen_ll.py, in NumPy: mean, standard error, sigma."""

    def logs(x, sigma):
        a = -reference.squared_distances(x, samples) / (2 * sigma**2)
        constant = samples.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))
        return logsumexp(a, axis=1) - np.log(len(samples)) - constant

    sigma = sigmas[int(np.argmax([logs(validation, s).mean() for s in sigmas]))]
    values = logs(test, sigma)
    return values.mean(), values.std() / np.sqrt(len(test)), sigma


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_as_published(dtype, rng):
    samples, validation, test = (rng.normal(size=(n, 3)).astype(dtype) for n in (200, 50, 70))
    found = parzen_log_likelihood(samples, test, validation, bandwidths=SIGMAS)
    wide = (a.astype(np.float64) for a in (samples, test, validation))
    mean, stderr, sigma = published(*wide, SIGMAS)
    tolerance = 1e-5 if dtype == np.float32 else 1e-11
    assert found == pytest.approx(mean, rel=tolerance)
    assert found.stderr == pytest.approx(stderr, rel=10 * tolerance)
    assert found.provenance["bandwidth"] == sigma
    assert found.provenance["rule"] == "validation"
    likelihoods = found.provenance["log_likelihoods"]
    assert np.argmax(likelihoods) == SIGMAS.index(sigma)


def test_the_published_bandwidths(rng):
    samples, test, validation = 0.3 * rng.normal(size=(3, 300, 2))
    found = parzen_log_likelihood(samples, test, validation)
    assert found.provenance["bandwidths"] == pytest.approx(np.logspace(-1, 0, 10).tolist())
    assert found == pytest.approx(
        published(samples, test, validation, np.logspace(-1, 0, 10))[0], rel=1e-11
    )


def test_a_given_bandwidth(rng):
    samples, test = rng.normal(size=(2, 40, 2))
    found = parzen_log_likelihood(samples, test, bandwidths=0.4)
    assert found == pytest.approx(reference.log_density(samples, test, 0.4).mean(), rel=1e-11)
    assert found.provenance["rule"] == "given"
    # A single one leaves nothing to choose, whatever the validation data.
    assert parzen_log_likelihood(samples, test, test, bandwidths=[0.4]) == found


def test_without_validation_data_one_is_left_out(rng):
    samples, test = rng.normal(size=(2, 60, 2))
    found = parzen_log_likelihood(samples, test, bandwidths=SIGMAS)
    means = [reference.leave_one_out(samples, s).mean() for s in SIGMAS]
    assert found.provenance["bandwidth"] == SIGMAS[int(np.argmax(means))]
    assert found.provenance["rule"] == "leave one out"
    np.testing.assert_allclose(found.provenance["log_likelihoods"], means, rtol=1e-11)


def test_it_nears_the_true_likelihood(rng):
    samples, test, validation = rng.normal(size=(3, 4000, 1))
    found = parzen_log_likelihood(samples, test, validation, bandwidths=[0.05, 0.2, 0.5])
    truth = (-0.5 * test**2 - 0.5 * math.log(2 * math.pi)).mean()
    assert found == pytest.approx(truth, abs=0.02)


@pytest.mark.parametrize(("sigmas", "which"), [([5, 9], "smallest"), ([0.01, 0.02], "largest")])
def test_the_edge_is_warned_of(sigmas, which, rng):
    samples, test = rng.normal(size=(2, 50, 2))
    with pytest.warns(BandwidthWarning, match=f"is the {which} of the 2 compared; pass "):
        parzen_log_likelihood(samples, test, test, bandwidths=sigmas)


def test_progress(rng):
    seen = []
    samples, test, validation = rng.normal(size=(3, 200, 2))
    parzen_log_likelihood(samples, test, validation, bandwidths=SIGMAS, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize(
    ("arguments", "bandwidths", "message"),
    [
        ((np.eye(3), np.eye(2)), 1.0, "samples has 3 columns, test has 2"),
        ((np.eye(3), np.eye(3), np.eye(2)), [1, 2], "samples has d = 3, validation has 2"),
        ((np.eye(3), np.eye(3)), [], "bandwidths is empty"),
        ((np.eye(3), np.eye(3)), [1.0, -1.0], r"bandwidths\[1\] is -1.0, expected a finite number"),
        ((np.ones((1, 2)), np.eye(2)), [1, 2], "without validation data takes 2 samples"),
    ],
)
def test_what_is_refused(arguments, bandwidths, message):
    with pytest.raises(ValueError, match=f"parzen_log_likelihood: .*{message}"):
        parzen_log_likelihood(*arguments, bandwidths=bandwidths)
