"""From images to features: networks, layers, options, and what is refused without a network."""

import dataclasses

import numpy as np
import pytest

import parzen
from parzen.compare import compare
from parzen.encode import Encoder
from parzen.feature_sets import NETWORKS, FeatureSet, check_network
from parzen.report import lines
from parzen.several import compare_several


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
    def test_unknown_networks_list_what_there_is(self, name):
        with pytest.raises(
            ValueError, match=f"features: there is no .* only {', '.join(NETWORKS)}"
        ):
            Encoder(name)

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
            ({"network": "random", "weights": "w.pth"}, "weights: random has its own"),
            ({"network": "clip:x", "weights": "w.pth"}, "weights: clip:x has its own"),
        ],
    )
    def test_options_that_would_be_ignored_are_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            Encoder(**options)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"resize": "bilinaer"}, "resize: there is no 'bilinaer', .* mean 'bilinear"),
            ({"resize": 3}, "resize: there is no 3, only tf1"),
            ({"normalisation": "x / 255"}, "normalisation: there is no 'x / 255'"),
            ({"layer": "2049"}, "layer: there is no '2049', .* did you mean '2048'"),
            ({"network": "timm:x", "layer": "64"}, "layer: there is no '64', only features"),
        ],
    )
    def test_what_there_is_not_is_refused_when_it_is_made(self, options, message):
        with pytest.raises(ValueError, match=message):
            Encoder(**options)

    def test_what_is_no_network(self):
        with pytest.raises(TypeError, match="network: expected a name or a callable, got 3"):
            Encoder(3)


def test_an_encoder_of_a_protocol():
    encoder = Encoder.of("torchmetrics", batch_size=3)
    assert (encoder.network, encoder.resize) == ("inception", "bilinear-antialias")
    assert encoder.batch_size == 3
    assert Encoder.of("clean-fid", network="random").network == "random"
    assert Encoder.of("clean-fid", resize="pil-bicubic", layer=None) == Encoder.of("clean-fid")


@pytest.mark.parametrize(
    "options", [{"resize": "tf1"}, {"normalisation": "(x - 128) / 128"}, {"layer": "768"}], ids=str
)
def test_what_a_protocol_settles_cannot_be_given_beside_it(options):
    message = r"Encoder.of: \w+='.*' beside protocol 'pytorch-fid', which settles it; leave one out"
    with pytest.raises(ValueError, match=message):
        Encoder.of("pytorch-fid", **options)
    vision = pytest.importorskip("parzen.vision")
    if "layer" not in options:
        with pytest.raises(ValueError, match=message.replace("Encoder.of", "encoder")):
            vision.encoder(parzen.protocol("pytorch-fid"), **options)


@pytest.mark.parametrize(
    ("network", "protocol", "words"),
    [
        ("torchhub:a/b:c", "clean-fid", "network torchhub:a/b:c has a resize .* of its own"),
        (means, "clean-fid", "network means has a resize .* of its own"),
        ("random", "cmmd", "network random gives 64, .* and no features, which"),
    ],
)
def test_a_network_that_does_not_fit_a_protocol_names_it(network, protocol, words):
    with pytest.raises(ValueError, match=f"{words}.* protocol '{protocol}'"):
        Encoder.of(protocol, network=network)


def test_an_encoder_has_no_effect_on_features(rng, images):
    x, y = rng.normal(size=(2, 30, 3))
    for given in ("random", means, Encoder(batch_size=3)):
        with pytest.raises(ValueError, match="compare: encoder has no effect on features, only on"):
            compare(x, y, metrics="kid", encoder=given)
        with pytest.raises(ValueError, match="compare: encoder has no effect on features, only on"):
            compare_several(x, {"a": y, "b": y + 1}, metrics="kid", encoder=given)
    assert compare(x, images[0], metrics="kid", encoder=means).protocol["d"] == 3
    assert compare_several(
        x, {"features": y, "images": images[0]}, metrics="kid", encoder=means
    ).results


def test_a_feature_set_is_not_read_again():
    given = FeatureSet({"x": np.eye(3)})
    assert Encoder().read(given, ("2048",)) is given


def test_a_protocol_s_network_is_not_asked_for_where_all_sets_are_features(rng):
    rules = dataclasses.replace(parzen.protocol("clean-fid"), name="mine", network="our own")
    x, y = rng.normal(size=(2, 30, 3))
    assert compare(x, y, metrics="kid", protocol=rules).protocol["protocol"] == "mine"
