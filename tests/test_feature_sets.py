"""Features as they are kept in files, and what tells two sets apart."""

import numpy as np
import pytest

from parzen import feature_sets
from parzen.feature_sets import (
    LAYERS,
    NORMALISATIONS,
    RESIZES,
    FeatureSet,
    fingerprint,
    read_features,
    save_features,
)

ORIGIN = {"network": "a network", "weights": "unknown", "resize": "tf1"}


@pytest.fixture
def x(rng):
    return rng.normal(size=(60, 5)).astype(np.float32)


def test_a_fingerprint_is_of_type_shape_and_values(x, monkeypatch, tmp_path):
    whole = fingerprint(x)
    assert fingerprint(x.copy(order="F")) == whole
    np.save(tmp_path / "x.npy", x)
    assert fingerprint(np.load(tmp_path / "x.npy", mmap_mode="r")) == whole
    monkeypatch.setattr(feature_sets, "FINGERPRINT_ROWS", 7)
    assert fingerprint(x) == whole
    changed = x.copy()
    changed[59, 4] = np.nextafter(changed[59, 4], 9)
    others = (changed, x[::-1], x.T, x[:59], x.astype(np.float64), x.reshape(30, 10))
    assert len({whole, *map(fingerprint, others)}) == 7


def test_lists_that_are_kept_without_torch_are_those_of_vision():
    vision = pytest.importorskip("parzen.vision")
    assert vision.RESIZES == RESIZES
    assert vision.NORMALISATIONS == NORMALISATIONS
    assert vision.LAYERS == LAYERS


class TestFeatureFiles:
    def test_npz_comes_back_as_it_was(self, x, tmp_path):
        path = tmp_path / "f.npz"
        save_features(path, FeatureSet({"2048": x, "logits_unbiased": x[:, :2]}, ORIGIN))
        found = read_features(path)
        assert list(found.layers) == ["2048", "logits_unbiased"]
        np.testing.assert_array_equal(found.layers["2048"], x)
        assert found.origin == ORIGIN
        assert found.features()[0] == "2048"
        assert list(tmp_path.iterdir()) == [path]

    def test_npy_holds_one_layer(self, x, tmp_path):
        path = tmp_path / "f.npy"
        save_features(path, FeatureSet({"2048": x}, ORIGIN))
        np.testing.assert_array_equal(read_features(path).features()[1], x)
        with pytest.raises(ValueError, match=r"a .npy file holds one layer, there are a, b"):
            save_features(path, FeatureSet({"a": x, "b": x}))
        with pytest.raises(ValueError, match=r"ends in .npz or .npy"):
            save_features(tmp_path / "f.txt", FeatureSet({"a": x}))

    def test_images_are_left_to_vision(self, tmp_path):
        images = np.zeros((2, 4, 4, 3), np.uint8)
        np.save(tmp_path / "a.npy", images)
        np.savez(tmp_path / "b.npz", arr_0=images, mu=np.zeros(3), sigma=np.eye(3))
        for name in ("a.npy", "b.npz"):
            assert read_features(tmp_path / name) is None
        assert read_features(tmp_path) is None

    def test_foreign_npz(self, x, tmp_path):
        path = tmp_path / "f.npz"
        np.savez(path, mine=x, labels=np.arange(60))
        found = read_features(path)
        assert found.features()[0] == "mine"
        assert found.origin is None
        np.savez(path, a=x, b=x)
        with pytest.raises(ValueError, match="has the layers a, b, expected 2048 or a single one"):
            read_features(path).features()
        np.savez(path, a=x, b=x[:9])
        with pytest.raises(ValueError, match="different lengths"):
            read_features(path)
        np.savez(path, logits=x)
        with pytest.raises(ValueError, match="logits and no features"):
            read_features(path).features()

    def test_what_cannot_be_read_is_named(self, x, tmp_path):
        path = tmp_path / "f.npz"
        path.write_bytes(b"not an archive")
        with pytest.raises(ValueError, match=r"f.npz could not be read"):
            read_features(path)
        np.savez(path, mu=np.zeros(3), sigma=np.eye(3))
        with pytest.raises(ValueError, match=r"holds statistics .* parzen.frechet_distance"):
            read_features(path)
        np.savez(path, a=np.array([[object()]]))
        with pytest.raises(ValueError, match="could not be read"):
            read_features(path)
        np.save(tmp_path / "g.npy", x)
        short = (tmp_path / "g.npy").read_bytes()[:300]
        (tmp_path / "g.npy").write_bytes(short)
        with pytest.raises(ValueError, match=r"g.npy could not be read"):
            read_features(tmp_path / "g.npy")
