"""Inception Score, precision and recall of parzen.compat.torch_fidelity on features."""

import numpy as np
import pytest
from scipy.special import log_softmax

import parzen
from compat_features import SHAPES, inception_like
from parzen.compat.torch_fidelity import (
    calculate_metrics,
    isc_features_to_metric,
    prc_features_to_metric,
)


def naive_score(logits, splits, shuffle, seed):
    n = len(logits)
    if shuffle:
        logits = logits[np.random.RandomState(seed).permutation(n)]
    log_p = log_softmax(logits.astype(np.float64), axis=1)
    scores = []
    for i in range(splits):
        part = log_p[i * n // splits : (i + 1) * n // splits]
        p = np.exp(part)
        scores.append(np.exp((p * (part - np.log(p.mean(axis=0)))).sum(axis=1).mean()))
    return {"inception_score_mean": np.mean(scores), "inception_score_std": np.std(scores)}


def naive_precision_recall(generated, real, k):
    def inside(points, balls):
        def distances(a, b):
            return np.sqrt(np.square(a[:, None] - b[None]).sum(axis=2))

        radii = np.sort(distances(balls, balls), axis=1)[:, k]
        return (distances(points, balls) <= radii).any(axis=1).mean()

    precision, recall = inside(generated, real), inside(real, generated)
    f_score = 2.0 * precision * recall / max(1e-5, precision + recall)
    return {"precision": precision, "recall": recall, "f_score": f_score}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"splits": 3, "rng_seed": 7}, {"shuffle": False}], ids=str)
def test_inception_score(rng, options, dtype):
    logits = (4.0 * rng.normal(size=(203, 12))).astype(dtype)
    found = isc_features_to_metric(logits, **options)
    full = {"splits": 10, "shuffle": True, "rng_seed": 2020, **options}
    assert found == pytest.approx(naive_score(logits, *full.values()), rel=1e-12)
    assert {type(value) for value in found.values()} == {float}


def test_inception_score_of_fewer_rows_than_splits(rng):
    with pytest.raises(ValueError, match="splits is 10"):
        isc_features_to_metric(rng.normal(size=(5, 3)))


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_precision_and_recall(rng, shape, k):
    generated, real = inception_like(rng, *shape)
    found = prc_features_to_metric(generated, real, prc_neighborhood=k, verbose=False)
    assert found == pytest.approx(naive_precision_recall(generated, real, k), rel=1e-12)
    native = parzen.precision_recall(real, generated, k=k)
    assert (found["precision"], found["recall"]) == (native.precision, native.recall)


def test_a_boundary_is_inside():
    grid = np.arange(12.0)[:, None]
    found = prc_features_to_metric(grid[:6], grid, prc_neighborhood=1, verbose=False)
    assert found == pytest.approx(naive_precision_recall(grid[:6], grid, 1))
    assert found["recall"] == 7 / 12


def test_no_overlap_has_no_f_score(rng):
    x = rng.normal(size=(20, 3))
    found = prc_features_to_metric(x, x + 100.0, verbose=False)
    assert found == {"precision": 0.0, "recall": 0.0, "f_score": 0.0}


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_options(rng):
    x = rng.normal(size=(20, 3))
    same = prc_features_to_metric(x, x, verbose=False)
    options = {"prc_batch_size": 3, "save_cpu_ram": True, "isc_splits": 7, "verbose": False}
    assert prc_features_to_metric(x, x, **options) == same
    with pytest.raises(ValueError, match="prc_batch_size is 0"):
        prc_features_to_metric(x, x, prc_batch_size=0)
    with pytest.raises(TypeError, match="no option 'neighborhood'"):
        prc_features_to_metric(x, x, neighborhood=3)


def test_an_array_without_effect_is_not_printed(rng):
    logits = rng.normal(size=(20, 5))
    message = r"input2=ndarray of shape \(20, 5\) is of no effect on isc"
    with pytest.raises(ValueError, match=message):
        calculate_metrics(input1=logits, input2=logits, isc=True)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
class TestPeer:
    torch = pytest.importorskip("torch")

    @pytest.mark.parametrize("options", [{}, {"splits": 3, "rng_seed": 7, "shuffle": False}])
    def test_inception_score(self, rng, options):
        peer = pytest.importorskip("torch_fidelity.metric_isc")
        logits = self.torch.from_numpy(4.0 * rng.normal(size=(203, 12)).astype(np.float32))
        theirs = peer.isc_features_to_metric(logits, **options)
        assert isc_features_to_metric(logits, **options) == pytest.approx(theirs, rel=1e-10)

    @pytest.mark.parametrize("save_cpu_ram", [False, True])
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_precision_and_recall(self, rng, shape, save_cpu_ram):
        peer = pytest.importorskip("torch_fidelity.metric_prc")
        pair = [self.torch.from_numpy(x) for x in inception_like(rng, *shape)]
        options = {"save_cpu_ram": save_cpu_ram, "verbose": False}
        theirs = peer.prc_features_to_metric(*pair, **options)
        # Theirs is a float32 mean of zeros and ones.
        assert prc_features_to_metric(*pair, **options) == pytest.approx(theirs, rel=1e-6)
