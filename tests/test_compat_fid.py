"""parzen.compat.pytorch_fid: the arithmetic of FID and its files of statistics."""

import numpy as np
import pytest

import parzen
from compat_features import (
    SHAPES,
    inception_like,
    naive_frechet,
    naive_statistics,
    root_error,
)
from parzen.compat import cleanfid, pytorch_fid, torch_fidelity

DISTANCES = {
    "pytorch_fid": pytorch_fid.calculate_frechet_distance,
    "cleanfid": cleanfid.frechet_distance,
    "torch_fidelity": lambda mu1, sigma1, mu2, sigma2: torch_fidelity.fid_statistics_to_metric(
        {"mu": mu1, "sigma": sigma1}, {"mu": mu2, "sigma": sigma2}, False
    )["frechet_inception_distance"],
}


@pytest.fixture(params=SHAPES, ids=str)
def features(request, rng):
    return inception_like(rng, *request.param)


def statistics(features):
    return [value for x in features for value in naive_statistics(x)]


def tolerance(mu1, sigma1, mu2, sigma2):
    definite = all(np.linalg.matrix_rank(s) == len(s) for s in (sigma1, sigma2))
    return 0.0 if definite else root_error(sigma1, sigma2)


@pytest.mark.parametrize("package", DISTANCES)
def test_frechet_distance_is_the_formula(package, features):
    given = statistics(features)
    found = DISTANCES[package](*given)
    assert isinstance(found, float)
    assert found == pytest.approx(naive_frechet(*given), rel=1e-9, abs=tolerance(*given))


@pytest.mark.parametrize("package", DISTANCES)
def test_frechet_distance_is_the_native_one(package, features):
    given = statistics(features)
    assert DISTANCES[package](*given) == float(parzen.frechet_distance(*given))


@pytest.mark.parametrize("package", ["pytorch_fid", "cleanfid"])
def test_scalars_are_one_dimension(package):
    assert DISTANCES[package](0.0, 1.0, 3.0, 4.0) == 10.0


@pytest.mark.parametrize("package", ["pytorch_fid", "cleanfid"])
def test_eps_is_its_default_or_refused(package, features):
    given = statistics(features)
    function = DISTANCES[package]
    assert function(*given, eps=1e-6) == function(*given)
    with pytest.raises(ValueError, match=r"eps=0.001 is not supported: the root is finite"):
        function(*given, eps=1e-3)


@pytest.mark.parametrize("package", DISTANCES)
def test_shapes_that_do_not_fit(package):
    with pytest.raises(ValueError, match="expected"):
        DISTANCES[package](np.zeros(3), np.eye(3), np.zeros(2), np.eye(2))


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
def test_fid_from_feats(features):
    found = cleanfid.fid_from_feats(*features)
    given = statistics(features)
    assert found == pytest.approx(naive_frechet(*given), rel=1e-9, abs=tolerance(*given))
    assert found == float(parzen.fid(*features))


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
def test_fid_from_float32_feats(rng):
    x, y = (f.astype(np.float32) for f in inception_like(rng, 500, 400, 32))
    assert cleanfid.fid_from_feats(x, y) == pytest.approx(
        naive_frechet(*statistics((x, y))), rel=1e-9
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_statistics_are_float64(rng, dtype):
    x, _ = inception_like(rng, 300, 2, 20)
    found = torch_fidelity.fid_features_to_statistics((x + 1000.0).astype(dtype))
    mu, sigma = naive_statistics((x + 1000.0).astype(dtype))
    assert found["mu"].dtype == found["sigma"].dtype == np.float64
    np.testing.assert_allclose(found["mu"], mu, rtol=1e-14)
    np.testing.assert_allclose(found["sigma"], sigma, rtol=1e-9, atol=1e-12)


def test_statistics_in_files(tmp_path, features):
    given = statistics(features)
    paths = [str(tmp_path / name) for name in ("a.npz", "b.npz")]
    for path, mu, sigma in zip(paths, given[::2], given[1::2], strict=True):
        np.savez(path, mu=mu, sigma=sigma)
    mu, sigma = pytorch_fid.compute_statistics_of_path(paths[0], None, 50, 2048, "cpu")
    np.testing.assert_array_equal(mu, given[0])
    np.testing.assert_array_equal(sigma, given[1])
    found = pytorch_fid.calculate_fid_given_paths(paths, 50, "cpu", 2048)
    assert found == pytorch_fid.calculate_frechet_distance(*given)


def test_paths_that_cannot_be(tmp_path):
    np.savez(tmp_path / "features.npz", features=np.ones((3, 2)))
    ours = [tmp_path / "features.npz"] * 2
    with pytest.raises(ValueError, match="holds features; expected mu and sigma"):
        pytorch_fid.calculate_fid_given_paths(ours, 50, "cpu", 2048)
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        pytorch_fid.calculate_fid_given_paths([tmp_path / "no", tmp_path], 50, "cpu", 2048)
    with pytest.raises(ValueError, match="dims is 100"):
        pytorch_fid.calculate_fid_given_paths(ours, 50, "cpu", 100)
    with pytest.raises(ValueError, match="3 items"):
        pytorch_fid.calculate_fid_given_paths([*ours, tmp_path], 50, "cpu", 2048)
    with pytest.raises(FileExistsError, match="exists"):
        pytorch_fid.save_fid_stats([tmp_path, tmp_path / "features.npz"], 50, "cpu", 2048)


def theirs_or_skip(function, *given):
    """What a package prints, where it prints something."""
    try:
        return function(*given)
    except TypeError as error:
        if "disp" not in str(error):
            raise
        pytest.skip("its sqrtm(disp=) is gone from this SciPy")
    except ValueError as error:
        if "Imaginary" not in str(error):
            raise
        pytest.skip("theirs is complex")


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
class TestPeers:
    @pytest.fixture(params=[shape for shape in SHAPES if shape[2] > 1], ids=str)
    def features(self, request, rng):
        """Of two columns or more: with one, all of theirs stumble over a scalar."""
        return inception_like(rng, *request.param)

    def test_pytorch_fid(self, features):
        peer = pytest.importorskip("pytorch_fid.fid_score")
        self.compare(peer.calculate_frechet_distance, "pytorch_fid", features)

    def test_cleanfid(self, features):
        peer = pytest.importorskip("cleanfid.fid")
        self.compare(peer.frechet_distance, "cleanfid", features)

    def test_cleanfid_from_feats(self, features):
        peer = pytest.importorskip("cleanfid.fid")
        given = statistics(features)
        theirs = theirs_or_skip(peer.fid_from_feats, *features)
        slack = tolerance(*given)
        assert cleanfid.fid_from_feats(*features) == pytest.approx(theirs, rel=1e-6, abs=slack)

    def compare(self, theirs, package, features):
        given = statistics(features)
        expected = theirs_or_skip(theirs, *given)
        slack = tolerance(*given)
        assert DISTANCES[package](*given) == pytest.approx(expected, rel=1e-6, abs=slack)

    def test_torch_fidelity(self, features):
        torch = pytest.importorskip("torch")
        peer = pytest.importorskip("torch_fidelity.metric_fid")
        theirs = [peer.fid_features_to_statistics(torch.from_numpy(x)) for x in features]
        ours = [torch_fidelity.fid_features_to_statistics(torch.from_numpy(x)) for x in features]
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a["mu"], b["mu"], rtol=1e-12)
            np.testing.assert_allclose(a["sigma"], b["sigma"], rtol=1e-9, atol=1e-14)
        expected = peer.fid_statistics_to_metric(*theirs, False)
        found = torch_fidelity.fid_statistics_to_metric(*ours, False)
        assert found.keys() == expected.keys()
        slack = tolerance(*statistics(features))
        for key, value in expected.items():
            assert found[key] == pytest.approx(value, rel=1e-9, abs=slack)
