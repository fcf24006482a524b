"""parzen.compat.prdc against its formula and the package."""

import numpy as np
import pytest

from compat_features import SHAPES, inception_like
from parzen.compat.prdc import compute_prdc


def naive_prdc(real, fake, k):
    def distances(a, b):
        return np.sqrt(np.square(a[:, None] - b[None]).sum(axis=2))

    def radii(a):
        return np.sort(distances(a, a), axis=1)[:, k]

    across = distances(real, fake)
    inside_real = across < radii(real)[:, None]
    return {
        "precision": inside_real.any(axis=0).mean(),
        "recall": (across < radii(fake)[None]).any(axis=1).mean(),
        "density": inside_real.sum(axis=0).mean() / k,
        "coverage": (across.min(axis=1) < radii(real)).mean(),
    }


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_is_the_formula(rng, shape, k):
    real, fake = inception_like(rng, *shape)
    found = compute_prdc(real, fake, nearest_k=k)
    assert list(found) == ["precision", "recall", "density", "coverage"]
    assert found == pytest.approx(naive_prdc(real, fake, k), rel=1e-12)


def test_a_boundary_is_outside():
    grid = np.arange(12.0)[:, None]
    found = compute_prdc(grid, grid + 1.0, 1)
    assert found == pytest.approx(naive_prdc(grid, grid + 1.0, 1), rel=1e-12)
    assert found["density"] < 1.0


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_nearest_k_is_checked():
    x = np.eye(4)
    with pytest.raises(ValueError, match="real has 4 samples"):
        compute_prdc(x, x, 4)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_is_the_package(rng, shape, dtype, capsys):
    peer = pytest.importorskip("prdc")
    features = [x.astype(dtype) for x in inception_like(rng, *shape)]
    theirs = peer.compute_prdc(*features, nearest_k=5)
    found = compute_prdc(*features, nearest_k=5)
    # A float32 distance near a radius may fall to either side of it.
    slack = 0.0 if dtype is np.float64 else 2.0 / min(map(len, features))
    assert found == pytest.approx(theirs, rel=1e-12, abs=slack)
    assert {type(v) for v in found.values()} == {np.float64}
