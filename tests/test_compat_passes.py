"""A function of parzen.compat passes over the data as often as the native call that it stands for.

What it adds is a fixed number of statements. So passes are counted, not seconds: the calls of the
engine with their shapes, and the memory at its peak, in which a copy of the samples would show.
"""

import tracemalloc

import numpy as np
import pytest

import parzen
from parzen import _core
from parzen.compat import cleanfid, prdc, pytorch_fid, sklearn, torch_fidelity, vendi_score

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(2, 3000, 64)).astype(np.float32)
FEW = {"subsets": 20, "subset_size": 300}
THEIR_FEW = {"kid_subsets": 20, "kid_subset_size": 300, "verbose": False}

# The native call and those that stand for it, of two samples.
CALLS = {
    "torch_fidelity kid": (
        lambda x, y: parzen.kid(x, y, **FEW),
        lambda x, y: torch_fidelity.kid_features_to_metric(x, y, **THEIR_FEW),
    ),
    "cleanfid kid": (
        lambda x, y: parzen.kid(x, y, **FEW),
        lambda x, y: cleanfid.kernel_distance(x, y, *FEW.values()),
    ),
    "torch_fidelity isc": (
        lambda x, _: parzen.inception_score(x),
        lambda x, _: torch_fidelity.isc_features_to_metric(x),
    ),
    "torch_fidelity prc": (
        lambda x, y: parzen.precision_recall(y, x),
        lambda x, y: torch_fidelity.prc_features_to_metric(x, y, verbose=False),
    ),
    "prdc": (
        lambda x, y: parzen.precision_recall(x, y, boundary="outside"),
        lambda x, y: prdc.compute_prdc(x, y, 3),
    ),
    "cleanfid fid": (parzen.fid, cleanfid.fid_from_feats),
    "pytorch_fid": (
        lambda x, y: parzen.frechet_distance(x[0], np.eye(64), y[0], np.eye(64)),
        lambda x, y: pytorch_fid.calculate_frechet_distance(x[0], np.eye(64), y[0], np.eye(64)),
    ),
    "vendi_score": (
        lambda x, _: parzen.vendi_score(x, blocks=None),
        lambda x, _: vendi_score.score_dual(x),
    ),
    "sklearn": (
        lambda x, y: parzen.KernelDensity(0.5).fit(x).score_samples(y),
        lambda x, y: sklearn.KernelDensity(bandwidth=0.5).fit(x).score_samples(y),
    ),
}


@pytest.fixture
def engine_calls(monkeypatch):
    """The engine's functions that are called, each with the shapes of its arrays."""
    seen = []

    def watched(name, function):
        def call(*args, **kwargs):
            seen.append((name, [np.shape(a) for a in args if isinstance(a, np.ndarray)]))
            return function(*args, **kwargs)

        return call

    for name, function in vars(_core).items():
        if callable(function) and name[0].islower():
            monkeypatch.setattr(_core, name, watched(name, function))
    return seen


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", ["arrays", "tensors"])
def test_passes_of_the_engine(name, kind, engine_calls):
    pair = given(kind)
    native, standing = CALLS[name]
    native(*pair)
    expected = list(engine_calls)
    assert expected
    engine_calls.clear()
    standing(*pair)
    assert engine_calls == expected


@pytest.mark.unsanitized
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", ["arrays", "tensors"])
def test_no_copy_of_the_samples(name, kind):
    pair = given(kind)
    native, standing = (peak(function, *pair) for function in CALLS[name])
    assert standing < native + 0.1 * X.nbytes


def given(kind):
    if kind == "arrays":
        return X, Y
    torch = pytest.importorskip("torch")
    return torch.from_numpy(X), torch.from_numpy(Y)


def peak(function, *arguments):
    """Return the most memory at a time, of the second call: the first may import."""
    function(*arguments)
    tracemalloc.start()
    try:
        function(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
