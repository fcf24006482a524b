"""The command line on images: features, networks, caches."""

import json

import numpy as np
import pytest

from parzen.encode import Encoder
from parzen.feature_sets import read_features
from test_cli import failure, misuse, parzen_cli


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    pytest.importorskip("torch")
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for name in ("real", "fake"):
        (folder / name).mkdir()
        for i in range(4):
            pixels = random.integers(0, 256, (24 + i, 20, 3), dtype=np.uint8)
            image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


class TestImages:
    def test_features_then_compare_equals_compare(self, images, tmp_path):
        for name in ("real", "fake"):
            output = tmp_path / f"{name}.npz"
            shown = parzen_cli("features", images / name, "-o", output, "--features", "random")
            assert "RANDOM FEATURES, 2048 (4, 2048), logits_unbiased (4, 1008)" in shown.stdout
        stored = parzen_cli("compare", tmp_path / "real.npz", tmp_path / "fake.npz", "--json", "-")
        folders = [images / "real", images / "fake", "--features", "random", "--json", "-"]
        direct = parzen_cli("compare", *folders)
        a, b = json.loads(stored.stdout), json.loads(direct.stdout)
        assert a["metrics"] == b["metrics"]
        assert a["notes"] == b["notes"]
        for key in ("network", "weights", "resize", "dtype", "layer", "logits_layer"):
            assert a["protocol"][key] == b["protocol"][key]
        assert a["notes"][0].startswith("RANDOM FEATURES")
        assert "RANDOM FEATURES" in direct.stderr
        assert a["metrics"]["inception_score"]["n"] == 4

    def test_one_layer_in_a_npy(self, images, tmp_path):
        output = tmp_path / "f.npy"
        parzen_cli("features", images / "real", "-o", output, "--features", "random", "--layer", 64)
        assert read_features(output).features()[1].shape == (4, 64)

    def test_a_broken_image_stops_the_run_unless_skipped(self, images, tmp_path):
        folder = tmp_path / "broken"
        folder.mkdir()
        (folder / "a.png").write_bytes((images / "real" / "0.png").read_bytes())
        (folder / "x.png").write_bytes(b"not an image")
        options = ["-o", tmp_path / "f.npy", "--features", "random", "--layer", 64]
        message = failure("features", folder, *options)
        assert str(folder / "x.png") in message
        assert "(--skip-broken leaves such images out)" in message
        assert not (tmp_path / "f.npy").exists()
        shown = parzen_cli("features", folder, *options, "--skip-broken").stdout
        assert f"64 (1, 64); skipped 1, such as {folder / 'x.png'}" in shown

    def test_options_of_images_have_an_effect_where_one_set_holds_them(self, images, tmp_path):
        options = ["--features", "random", "--batch-size", 2]
        parzen_cli("features", images / "real", "-o", tmp_path / "real.npz", *options)
        sets = [tmp_path / "real.npz", images / "fake"]
        found = parzen_cli("compare", *sets, *options, "--metrics", "kid", "--json", "-")
        assert json.loads(found.stdout)["protocol"]["weights"].startswith("random")

    def test_a_network_that_does_not_fit_a_protocol_names_it(self, images):
        options = ["--features", "timm:resnet18", "--protocol", "clean-fid"]
        message = misuse("compare", images / "real", images / "fake", *options)
        assert "for --protocol" in message
        assert "timm:resnet18 has a resize" in message
        assert "protocol 'clean-fid'" in message

    def test_features_are_cached(self, images, tmp_path, monkeypatch):
        cached = Encoder("random", cache=tmp_path / "kept")
        first = cached.read(images / "real", ("64", "192"))
        assert [path.suffix for path in (tmp_path / "kept").iterdir()] == [".npz", ".npz"]
        monkeypatch.setattr("parzen.vision.InceptionV3.encode", None)
        again = cached.read(images / "real", ("64",))
        np.testing.assert_array_equal(again.layers["64"], first.layers["64"])

    def test_features_and_compare_share_the_cache(self, images, tmp_path, monkeypatch):
        options = ["--features", "random", "--cache", tmp_path / "kept"]
        for name in ("real", "fake"):
            parzen_cli("features", images / name, "-o", tmp_path / f"{name}.npz", *options)
        monkeypatch.setattr("parzen.vision.InceptionV3.encode", None)
        found = parzen_cli("compare", images / "real", images / "fake", *options, "--json", "-")
        stored = parzen_cli("compare", tmp_path / "real.npz", tmp_path / "fake.npz", "--json", "-")
        assert json.loads(found.stdout)["metrics"] == json.loads(stored.stdout)["metrics"]

    def test_other_networks(self, images, tmp_path):
        (tmp_path / "hubconf.py").write_text(
            "import torch\n"
            "def means(pretrained=True):\n"
            "    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())\n"
        )
        network = ["--features", f"torchhub:{tmp_path}:means"]
        folders = [images / "real", images / "fake"]
        shown = parzen_cli("compare", *folders, *network).stdout
        assert f"features  torchhub:{tmp_path}:means, weights sha256 " in shown
        assert ", resize: pil-bicubic to 224 x 224, 8 bits; layer features" in shown
        assert "Inception Score is left out" in shown
        message = failure("compare", *folders, *network, "--metrics", "is")
        assert "gives features of images and no logits_unbiased, which the Inception" in message
        shown = parzen_cli("features", images / "real", "-o", tmp_path / "f.npz", *network).stdout
        assert "features (4, 3)" in shown
        both = ["-o", tmp_path / "f.npz", *network, "--layer", "2048"]
        assert "no '2048', only features" in misuse("features", images / "real", *both)

    def test_missing_weights_say_where_to_put_them(self, images, tmp_path):
        message = failure("compare", images / "real", images / "fake", "--weights", tmp_path / "w")
        assert "no file" in message
        assert "sha256 6726825d" in message
        assert "--features random needs no file" in message

    def test_outputs_of_features(self, images, tmp_path):
        real = images / "real"
        assert "neither .npz nor .npy" in misuse("features", real, "-o", tmp_path / "f.txt")
        both = ["-o", tmp_path / "f.npy", "--layer", "64,2048"]
        assert "holds one layer" in misuse("features", real, *both)
        assert "did you mean 'logits'" in misuse(
            "features", real, "-o", "f.npz", "--layer", "logit"
        )
        np.save(tmp_path / "features.npy", np.zeros((3, 2)))
        message = failure("features", tmp_path / "features.npy", "-o", tmp_path / "f.npy")
        assert "holds features already" in message
        np.save(tmp_path / "in.npy", np.zeros((2, 8, 8, 3), np.uint8))
        message = failure("features", tmp_path / "in.npy", "-o", tmp_path / "in.npy")
        assert "is one of the inputs" in message
