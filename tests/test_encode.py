"""From images to features: networks, layers, options, and what is refused without a network."""

import numpy as np
import pytest

import parzen
from parzen.compare import compare
from parzen.encode import Encoder
from parzen.feature_sets import NETWORKS, FeatureSet, check_network
from parzen.report import lines


@pytest.fixture
def images(rng, tmp_path):
    """Paths of two sets of five small images."""
    pytest.importorskip("torch")
    paths = tmp_path / "real.npy", tmp_path / "fake.npy"
    for path in paths:
        np.save(path, rng.integers(0, 256, (5, 8, 6, 3), dtype=np.uint8))
    return paths


def means(batch):
    return batch.float().mean((2, 3))


class TestEncoder:
    @pytest.mark.parametrize(
        "name", ["randon", "timm:", "clip:", "torchhub:a/b", "torchhub::x", ""]
    )
    def test_unknown_networks_list_what_there_is(self, name, images):
        with pytest.raises(
            ValueError, match=f"features: there is no .* only {', '.join(NETWORKS)}"
        ):
            Encoder(name).read(images[0], ("2048",))

    def test_names(self):
        assert check_network("", "inception") == ("inception", "")
        assert check_network("", "timm:hf-hub:timm/x") == ("timm", "hf-hub:timm/x")
        assert check_network("", "torchhub:a/b:v1:c") == ("torchhub", "a/b:v1:c")
        assert check_network("", "clip:a/b") == ("clip", "a/b")

    def test_layers(self):
        assert (Encoder().main, Encoder().logits) == (("2048",), ("logits_unbiased",))
        assert Encoder("random", layer="768").main == ("768",)
        single = Encoder("timm:resnet50")
        assert (single.main, single.logits) == (("features",), ())

    def test_a_callable_is_an_encoder(self, images):
        result = compare(*images, metrics=["kid", "kde"], encoder=means)
        from parzen.vision import extract

        x, y = (extract(path, encoder=means) for path in images)
        assert result.kid == parzen.kid(x, y, subsets=None).mean
        assert (result.protocol["layer"], result.protocol["network"]) == ("features", "means")
        assert lines(result)

    def test_without_logits_the_score_is_left_out_or_refused_before_anything_is_computed(
        self, images
    ):
        result = compare(*images, encoder=means)
        assert result.inception_score is None
        assert any("Inception Score is left out" in note for note in result.notes)

        def never(batch):
            raise AssertionError

        with pytest.raises(ValueError, match=r"never gives features .* no logits_unbiased, which"):
            compare(*images, metrics=["fid", "is"], encoder=never)

    def test_the_layer_asked_for_is_compared(self, images):
        result = compare(*images, metrics=["kid"], encoder=Encoder("random", layer="64"))
        assert (result.protocol["layer"], result.protocol["d"]) == ("64", 64)
        with pytest.raises(ValueError, match="layer: there is no 'features', only 64, 192"):
            compare(*images, metrics=["kid"], encoder=Encoder("random", layer="features"))

    def test_resize_and_normalisation_reach_the_network(self, images):
        options = {"resize": "bilinear", "normalisation": "2 x / 255 - 1"}
        origin = Encoder("random", layer="64", **options).read(images[0], ("64",)).origin
        assert {key: origin[key] for key in options} == options

    def test_a_protocol_fills_it(self, images):
        made = Encoder.of("pytorch-fid", network="random")
        assert (made.resize, made.normalisation) == ("bilinear", "2 x / 255 - 1")
        assert made.main == ("2048",)
        result = compare(*images, metrics=["fid"], encoder="random", protocol="pytorch-fid")
        assert result.protocol["normalisation"] == made.normalisation
        assert result.fid == compare(*images, metrics=["fid"], encoder=made).fid
        cmmd = Encoder.of("cmmd")
        assert (cmmd.main, cmmd.resize, cmmd.normalisation) == (("features",), None, None)

    def test_cmmd_is_what_its_encoder_does(self):
        pretrained = pytest.importorskip("parzen.vision.pretrained")
        rules = parzen.protocol("cmmd")
        mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
        facts = pretrained.SquareInput(336, mean, std, crop=True).facts
        assert facts == {"resize": rules.resize, "normalisation": rules.normalisation}

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"network": "timm:x", "resize": "tf1"}, "resize: timm:x has its own"),
            ({"network": "clip:x", "normalisation": "x"}, "normalisation: clip:x has its own"),
            ({"network": means, "weights": "w.pth"}, "weights: means has its own"),
        ],
    )
    def test_options_that_would_be_ignored_are_refused(self, images, options, message):
        with pytest.raises(ValueError, match=message):
            Encoder(**options).read(images[0], ("features",))

    def test_what_is_no_network(self, images):
        with pytest.raises(TypeError, match="network: expected a name or a callable, got 3"):
            Encoder(3).read(images[0], ("features",))


def test_an_encoder_of_a_protocol():
    encoder = Encoder.of("torchmetrics", batch_size=3)
    assert (encoder.network, encoder.resize) == ("inception", "bilinear-antialias")
    assert encoder.batch_size == 3
    assert Encoder.of("clean-fid", network="random").network == "random"


def test_a_feature_set_is_not_read_again():
    given = FeatureSet({"x": np.eye(3)})
    assert Encoder().read(given, ("2048",)) is given
