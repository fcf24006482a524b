import json
import subprocess
import sys

import numpy as np
import pytest

import parzen
from parzen._files import check_output, written_whole
from parzen.compare import USUAL, Comparison, compare
from parzen.encode import Encoder
from parzen.feature_sets import (
    LAYERS,
    NETWORKS,
    RESIZES,
    FeatureSet,
    check_network,
    read_features,
    save_features,
)
from parzen.protocols import INCEPTION_SHA256
from parzen.report import figures, lines, protocol_lines, to_dict, write_json

ORIGIN = {
    "network": "Inception v3 (FID, 2015-12-05)",
    "weights": "sha256 " + "ab" * 32,
    "resize": "tf1",
    "normalisation": "(x - 128) / 128",
    "dtype": "float32",
    "torch": "2.13.0",
}


@pytest.fixture
def x(rng):
    return rng.normal(size=(60, 5)).astype(np.float32)


@pytest.fixture
def y(rng):
    return rng.normal(loc=0.5, size=(50, 5)).astype(np.float32)


@pytest.fixture
def logits(rng):
    return rng.normal(scale=3.0, size=(50, 7))


def features(array, **more):
    return FeatureSet({"features": array}, **more)


def test_every_number_is_that_of_the_metric(x, y, logits):
    fake = FeatureSet({"features": y, "logits_unbiased": logits})
    result = compare(features(x), fake, seed=7, k=4, bandwidth=0.8)
    assert result.fid == parzen.fid(x, y)
    full = parzen.kid(x, y, subsets=None)
    assert (result.kid, result.kid.stderr) == (full.mean, full.std)
    assert result.kid_subsets == parzen.kid(x, y, subset_size=25, seed=7)
    assert result.inception_score == parzen.inception_score(logits, seed=7)
    assert result.precision_recall == parzen.precision_recall(x, y, k=4)
    log_p = parzen.log_density(y, x, bandwidth=0.8)
    assert result.log_likelihood == pytest.approx(log_p.mean(), rel=1e-14)
    assert result.log_likelihood.stderr == pytest.approx(log_p.std(ddof=1) / 60**0.5, rel=1e-12)


def test_bandwidth_rule_is_that_of_the_fake_samples(x, y):
    result = compare(features(x), features(y), metrics=["kde"], bandwidth="silverman")
    expected = parzen.KernelDensity("silverman").fit(y).bandwidth_
    assert result.log_likelihood.provenance["bandwidth"] == expected


def test_subsets_have_the_usual_size_where_there_are_enough(rng):
    big = rng.normal(size=(1000, 2)).astype(np.float32)
    result = compare(features(big), features(big + 1), metrics=["kid"])
    assert result.kid_subsets == parzen.kid(big, big + 1)
    facts = result.kid_subsets.mean.provenance
    assert (facts["subsets"], facts["subset_size"]) == (100, 1000)


def test_arrays_are_features(x, y):
    assert compare(x, y, metrics=["kid"]).kid == parzen.kid(x, y, subsets=None).mean


def test_only_the_metrics_asked_for(x, y):
    result = compare(features(x), features(y), metrics=["prdc"])
    assert result.precision_recall is not None
    assert result == Comparison(
        precision_recall=result.precision_recall, notes=result.notes, protocol=result.protocol
    )


def test_without_logits_the_inception_score_is_left_out_unless_asked_for(x, y):
    result = compare(features(x), features(y))
    assert result.inception_score is None
    assert any("Inception Score is left out" in note for note in result.notes)
    with pytest.raises(ValueError, match="has no logits, which the Inception Score needs"):
        compare(features(x), features(y), metrics=["fid", "is"])


def test_the_inception_score_alone_needs_no_real_set(logits):
    fake = FeatureSet({"logits_unbiased": logits})
    result = compare("nowhere", fake, metrics=["is"])
    assert result.inception_score == parzen.inception_score(logits)
    assert (result.protocol["n"], result.protocol["m"]) == (None, 50)
    few = compare("nowhere", FeatureSet({"logits": logits[:6]}), metrics=["is"])
    assert few.inception_score.mean.provenance["splits"] == 1


def test_names_that_do_not_exist_are_errors_with_a_suggestion(x, y):
    with pytest.raises(
        ValueError, match=r"no 'fdi', only fid, kid, is, prdc, kde, vendi, cmmd; did you mean"
    ):
        compare(features(x), features(y), metrics=["fdi"])
    with pytest.raises(ValueError, match="nothing given"):
        compare(features(x), features(y), metrics=[])


def test_lists_that_are_kept_without_torch_are_those_of_vision():
    vision = pytest.importorskip("parzen.vision")
    assert vision.RESIZES == RESIZES
    assert vision.LAYERS == LAYERS


def test_features_of_different_protocols_are_refused(x, y):
    real = FeatureSet({"2048": x}, ORIGIN, "a.npz")
    other = FeatureSet({"2048": y}, ORIGIN | {"resize": "bilinear"}, "b.npz")
    with pytest.raises(ValueError, match=r"a.npz and b.npz .* resize is tf1 and bilinear"):
        compare(real, other)
    with pytest.raises(ValueError, match="layer 2048, fake of 64"):
        compare(real, FeatureSet({"64": y}, ORIGIN))
    with pytest.raises(ValueError, match="expected the same d"):
        compare(features(x), features(y[:, :3]))


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_notes_say_what_a_reader_has_to_know(x, y):
    notes = " ".join(compare(features(x), features(y), metrics=["kid"]).notes)
    assert "not on record" in notes
    assert "biased" not in notes
    random = FeatureSet(
        {"2048": y},
        ORIGIN | {"weights": "random (seed 0)"},
        skipped=("b.png: cut short", "c.png: empty"),
    )
    notes = compare(random, random).notes
    assert notes[0].startswith("RANDOM FEATURES")
    assert notes[1] == "an array: skipped 2 that could not be read, such as b.png: cut short"
    wide = np.eye(6, 20, dtype=np.float32) + np.arange(6)[:, None]
    notes = " ".join(compare(features(wide), features(wide * 2), metrics=["fid"]).notes)
    assert "FID is biased upwards: n = 6 and m = 6 are small beside d = 20" in notes


def test_the_protocol_is_complete(x, y, logits):
    fake = FeatureSet({"2048": y, "logits_unbiased": logits}, ORIGIN, "b.npz")
    p = compare(FeatureSet({"2048": x}, ORIGIN, "a.npz"), fake, seed=3).protocol
    expected = {
        "real": "a.npz",
        "fake": "b.npz",
        "n": 60,
        "m": 50,
        "d": 5,
        "layer": "2048",
        "logits_layer": "logits_unbiased",
        "weights_sha256": "ab" * 32,
        "resize": "tf1",
        "seed": 3,
        "device": "cpu",
        "metrics": list(USUAL),
    }
    assert {key: p[key] for key in expected} == expected
    assert p["versions"]["parzen"] == parzen.__version__
    assert p["versions"]["torch"] == "2.13.0"
    assert {"numpy", "scipy", "python"} <= set(p["versions"])
    assert {"instruction_set", "threads", "started", "seconds", "network", "k"} <= set(p)


def test_json_has_every_value_with_its_error(x, y, logits, tmp_path):
    fake = FeatureSet({"features": y, "logits_unbiased": logits})
    result = compare(features(x), fake)
    write_json(tmp_path / "out.json", to_dict(result))
    read = json.loads((tmp_path / "out.json").read_text())
    assert set(read) == {"metrics", "notes", "protocol"}
    assert list(read["metrics"]) == [
        "fid",
        "kid",
        "kid_subsets",
        "inception_score",
        "sharpness",
        "diversity",
        "precision",
        "recall",
        "density",
        "coverage",
        "log_likelihood",
    ]
    assert all({"value", "stderr", "n", "d"} <= set(entry) for entry in read["metrics"].values())
    assert read["metrics"]["kid"]["stderr"] == result.kid.stderr
    assert read["metrics"]["kid_subsets"]["std"] == result.kid_subsets.std
    assert read["metrics"]["log_likelihood"]["rule"] == "scott"


def test_the_table_has_a_line_for_each_value(x, y, logits):
    fake = FeatureSet({"features": y, "logits_unbiased": logits})
    found = {line.name.strip(): line for line in lines(compare(features(x), fake))}
    assert list(found) == [
        "FID",
        "KID",
        "subsets",
        "Inception Score",
        "sharpness",
        "diversity",
        "Precision",
        "Recall",
        "Density",
        "Coverage",
        "KDE log-likelihood",
    ]
    assert found["subsets"].note.startswith("100 of 25, std ")


def test_progress_names_the_stages(x, y):
    seen = {}
    compare(features(x), features(y), progress=lambda what, fraction: seen.update({what: fraction}))
    assert {"FID", "KID", "KID of subsets"} <= set(seen)
    assert all(0.0 <= fraction <= 1.0 for fraction in seen.values())


@pytest.mark.parametrize(
    ("value", "stderr", "expected"),
    [
        (0.0123456, 0.00117, ("0.0123", "0.0012")),
        (-1234.56, 31.0, ("-1235", "31")),
        (52.70449, None, ("52.704", "-")),
        (0.0, None, ("0.0000", "-")),
        (1.0, 0.0, ("1.0000", "0")),
        (3.2e-9, 4e-10, ("3.20e-09", "4.0e-10")),
        (2e-11, None, ("2.0000e-11", "-")),
        (123456.0, None, ("123456.0", "-")),
        (9.9996, 0.0999, ("10.00", "0.10")),
    ],
)
def test_figures_have_the_digits_that_the_error_allows(value, stderr, expected):
    assert figures(value, stderr) == expected


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


class TestOutput:
    def test_is_written_whole_or_not_at_all(self, tmp_path):
        path = tmp_path / "out.json"
        path.write_text("before")

        def half():
            with written_whole(path) as file:
                file.write(b"half")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half()
        assert path.read_text() == "before"
        assert list(tmp_path.iterdir()) == [path]

    def test_never_replaces_an_input(self, tmp_path):
        image = tmp_path / "images" / "a.png"
        image.parent.mkdir()
        image.write_bytes(b"")
        link = tmp_path / "link.json"
        link.symlink_to(image)
        for output, source in ((image, image), (image, image.parent), (link, image)):
            with pytest.raises(FileExistsError, match="is one of the inputs"):
                check_output("--json", output, [source])
        check_output("--json", tmp_path / "images" / "new.json", [image.parent])

    def test_must_be_possible_to_write(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            check_output("--json", tmp_path / "nowhere" / "out.json")
        with pytest.raises(IsADirectoryError, match="is a folder"):
            check_output("--json", tmp_path)


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


def test_comparing_features_imports_no_torch_and_no_rich():
    code = (
        "import sys, numpy as np\n"
        "from parzen.compare import compare\n"
        "from parzen.feature_sets import FeatureSet\n"
        "x = np.random.default_rng(0).normal(size=(20, 3))\n"
        "compare(FeatureSet({'x': x}), FeatureSet({'x': x + 1}))\n"
        "print([name for name in ('torch', 'rich', 'typer', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_protocol_s_rules_reach_the_metrics(x, logits):
    made = {**ORIGIN, "resize": "pil-bicubic", "weights": f"sha256 {INCEPTION_SHA256}"}
    real, fake = FeatureSet({"2048": x}, made), FeatureSet({"2048": x[:50] + 1}, made)
    result = compare(real, fake, protocol="clean-fid", seed=3)
    assert result.fid == parzen.fid(x, x[:50] + 1, protocol="clean-fid")
    assert result.kid_subsets == parzen.kid(x, x[:50] + 1, protocol="clean-fid", seed=3)
    assert result.inception_score is result.precision_recall is result.log_likelihood is None
    assert result.protocol["protocol"] == "clean-fid"
    assert result.protocol["rules"]["kid"]["truncate"] is True
    assert result.fid.provenance["protocol"] == "clean-fid"
    json.dumps(to_dict(result))
    assert any("clean-fid" in line for line in protocol_lines(result))

    sets = FeatureSet({"2048": x}), FeatureSet({"2048": x[:50], "logits_unbiased": logits})
    result = compare(*sets, protocol="stylegan3")
    assert result.fid == parzen.fid(x, x[:50], ddof=0)
    assert result.inception_score == parzen.inception_score(logits, shuffle=False)
    assert any("stylegan3 takes precision and recall of VGG16" in note for note in result.notes)


def test_features_made_by_other_rules_than_the_protocol_s(x, y):
    sets = FeatureSet({"2048": x}, ORIGIN, "a.npz"), FeatureSet({"2048": y}, ORIGIN, "b.npz")
    with pytest.raises(ValueError, match=r"a\.npz: its resize is 'tf1', protocol 'clean-fid' has"):
        compare(*sets, protocol="clean-fid")


def test_an_encoder_of_a_protocol():
    encoder = Encoder.of("torchmetrics", batch_size=3)
    assert (encoder.network, encoder.resize) == ("inception", "bilinear-antialias")
    assert encoder.batch_size == 3
    assert Encoder.of("clean-fid", network="random").network == "random"


def test_vendi_and_cmmd_where_they_are_asked_for(x, y):
    result = compare(features(x), features(y), metrics=["vendi", "cmmd"], seed=4)
    assert result.vendi == parzen.vendi_score(y)
    assert result.cmmd == parzen.cmmd(x, y)
    assert [line.name for line in lines(result)] == ["Vendi score", "CMMD"]
    assert set(to_dict(result)["metrics"]) == {"vendi", "cmmd"}
    assert compare(features(x), features(y), protocol="cmmd").cmmd == parzen.cmmd(x, y)
    with pytest.raises(ValueError, match="protocol 'stylegan3' has no cmmd"):
        compare(features(x), features(y), metrics=["cmmd"], protocol="stylegan3")


def test_other_weights_than_the_protocol_s(x, y):
    sets = (FeatureSet({"2048": z}, ORIGIN, "a.npz") for z in (x, y))
    with pytest.raises(ValueError, match=r"a\.npz: its weights_sha256 is 'abab.*protocol 'torch-"):
        compare(*sets, protocol="torch-fidelity")
