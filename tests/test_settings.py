"""Names and options of a comparison: what is taken, and what is refused before anything is read."""

import dataclasses

import numpy as np
import pytest

import parzen
from parzen import measure, reading
from parzen.compare import compare
from parzen.encode import Encoder
from parzen.feature_sets import FeatureSet
from parzen.settings import METRICS, USUAL, chosen_metrics


@pytest.fixture
def x(rng):
    return rng.normal(size=(60, 5)).astype(np.float32)


@pytest.fixture
def y(rng):
    return rng.normal(loc=0.5, size=(50, 5)).astype(np.float32)


@pytest.fixture
def nothing_computed(monkeypatch):
    """Make every metric an error."""

    def never(*args, **options):
        raise AssertionError

    for name in ("fid", "fid_jackknife", "kid", "precision_recall", "log_density", "cmmd"):
        monkeypatch.setattr(measure, name, never)


@pytest.fixture
def nothing_read(monkeypatch, nothing_computed):
    monkeypatch.setattr(Encoder, "open", None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, USUAL),
        ("fid", ("fid",)),
        ("fid,kid", ("fid", "kid")),
        (" FID , Kid,", ("fid", "kid")),
        (["FID", "fid"], ("fid",)),
        (["Inception-Score", "isc", "IS"], ("is",)),
        (["pr", "PRC", "precision", "Precision_Recall", "recall", "coverage"], ("prdc",)),
        ({"log-likelihood": 1}, ("kde",)),
        (("vendi_score", "CMMD"), ("vendi", "cmmd")),
        (METRICS, METRICS),
    ],
)
def test_names(given, expected):
    assert chosen_metrics(given) == expected


def test_names_of_a_protocol():
    assert chosen_metrics(None, parzen.protocol("clean-fid")) == ("fid", "kid")


@pytest.mark.parametrize("name", ["density", "mmd", "fdi", "f i d"])
def test_names_that_are_none_or_several(name, x, y):
    with pytest.raises(ValueError, match=f"no '{name}', only fid, kid, is, prdc, kde, vendi, cmmd"):
        compare(x, y, metrics=name)


@pytest.mark.parametrize("metrics", ["", [], [3], 3])
def test_what_is_no_name(metrics, x, y):
    with pytest.raises((ValueError, TypeError)):
        compare(x, y, metrics=metrics)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 3}, "compare: k has no effect on fid, kid, only on prdc"),
        ({"bandwidth": "scott"}, "compare: bandwidth has no effect on fid, kid, only on kde"),
        ({"halves": 20}, "compare: halves has no effect on fid, kid, only on prdc and kde"),
        ({"jackknife": True, "metrics": "kid"}, "jackknife has no effect on kid, only on fid"),
        ({"k": 4, "metrics": None, "protocol": "clean-fid"}, "k has no effect on fid, kid"),
    ],
)
def test_options_without_effect_are_errors_that_name_them(options, words, nothing_read):
    with pytest.raises(ValueError, match=words):
        compare("real", "fake", **{"metrics": "fid,kid", **options})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"halves": 1}, "halves is 1, expected 0 or at least 2"),
        ({"halves": -1}, "halves is -1, expected an integer >= 0"),
        ({"halves": None}, "halves is None, expected an integer"),
        ({"jackknife": 10}, "jackknife is 10, expected True or False"),
        ({"k": 0}, "k is 0, expected an integer >= 1"),
        ({"k": 2.5}, "k is 2.5, expected an integer"),
        ({"seed": -1}, "seed is -1"),
        ({"bandwidth": "scot"}, "bandwidth is 'scot', expected 'scott' or 'silverman'"),
        ({"bandwidth": 0.0}, "bandwidth is 0.0, expected a finite number > 0"),
        ({"k": 4, "protocol": "stylegan3"}, "k=4 beside protocol 'stylegan3', which settles it"),
        ({"protocol": "clean-fid", "metrics": "is"}, "'clean-fid' has no inception_score"),
        ({"protocol": "cleanfid"}, "there is no 'cleanfid'"),
    ],
)
def test_options_are_checked_before_anything_is_read(options, words, nothing_read):
    with pytest.raises((ValueError, TypeError), match=words):
        compare("real", "fake", **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 50}, "fake has 50 samples, k is 50; expected k<=49"),
        ({"k": 25, "halves": 5}, "fake has 50 samples, a half has 25, k is 25; expected k<=24"),
    ],
)
def test_sizes_are_checked_before_anything_is_computed(options, words, x, y, nothing_computed):
    with pytest.raises(ValueError, match=words):
        compare(x, y, **options)
    with pytest.raises(ValueError, match=r"real has 19 samples, the jackknife has 10 blocks"):
        compare(x[:19], y, jackknife=True)
    with pytest.raises(ValueError, match="real has 3 samples; expected 4 or more for halves"):
        compare(x[:3], y, metrics="kde", halves=2)
    with pytest.raises(ValueError, match="d = 5, fake, an array, with 3; expected the same d"):
        compare(x, y[:, :3])


@pytest.mark.parametrize("name", ["torch-fidelity", "torchmetrics"])
def test_too_few_samples_for_a_protocols_subsets_leave_them_out(name, x, y):
    if name == "torchmetrics":
        pytest.importorskip("torch")  # whose generator draws the subsets
    result = compare(x, y, protocol=name)
    assert result.kid == parzen.kid(x, y, subsets=None).mean
    assert result.kid_subsets is None
    assert (
        f"KID over subsets is left out: {name} takes 100 of 1000, and fake has 50 samples. KID is "
        f"of all samples." in result.notes
    )
    fewer = dataclasses.replace(parzen.protocol(name).kid, subset_size=50)
    rules = dataclasses.replace(parzen.protocol(name), name="mine", kid=fewer)
    assert compare(x, y, protocol=rules).kid_subsets == parzen.kid(x, y, protocol=rules)
    truncating = compare(x, y, protocol="clean-fid")
    assert truncating.kid_subsets == parzen.kid(x, y, protocol="clean-fid")


def test_too_few_samples_for_a_protocols_splits(x, y, rng):
    fake = FeatureSet({"x": y[:6], "logits": rng.normal(size=(6, 4))})
    result = compare(x, fake, protocol="stylegan3")
    assert result.inception_score is None
    left_out = "The Inception Score is left out: stylegan3 takes 10 splits, and fake has 6 samples."
    assert left_out in result.notes
    with pytest.raises(ValueError, match="is: stylegan3 takes 10 splits, and fake has 6 samples"):
        compare(x, fake, protocol="stylegan3", metrics="is")
    sizes = compare(x, fake, protocol="guided-diffusion").inception_score  # splits of 5000
    assert sizes == parzen.inception_score(fake.layers["logits"], protocol="guided-diffusion")


def test_a_protocols_k_is_the_one_on_record(x, y):
    rules = parzen.protocol("stylegan3")
    of_five = dataclasses.replace(rules.precision_recall, k=5)
    rules = dataclasses.replace(rules, name="mine", precision_recall=of_five)
    result = compare(x, y, protocol=rules)
    assert result.protocol["k"] == 5
    assert result.precision_recall == parzen.precision_recall(x, y, k=5)


class TestBeforeANetworkIsLoaded:
    @pytest.fixture
    def images(self, rng, tmp_path):
        pytest.importorskip("torch")
        np.save(tmp_path / "images.npy", rng.integers(0, 256, (5, 8, 6, 3), dtype=np.uint8))
        return tmp_path / "images.npy"

    @pytest.fixture
    def network(self, monkeypatch):
        """Make loading one an error."""

        def load(encoder):
            raise AssertionError

        monkeypatch.setattr(Encoder, "model", property(load))
        return Encoder("random")

    @pytest.mark.parametrize("swapped", [False, True])
    def test_paths(self, images, network, swapped, tmp_path):
        (tmp_path / "empty").mkdir()
        (tmp_path / "text.txt").write_text("")
        for other, words in (
            ("nowhere", "there is no file or folder"),
            ("empty", "no images in"),
            ("text.txt", "expected a folder, .zip, .npy or .npz"),
        ):
            sets = [images, tmp_path / other]
            with pytest.raises((ValueError, OSError), match=words):
                compare(*(sets[::-1] if swapped else sets), encoder=network)

    def test_a_missing_path_is_told_before_torch_is_imported(self, images, monkeypatch):
        monkeypatch.setattr(reading.Encoder, "open", None)
        with pytest.raises(FileNotFoundError, match="there is no file or folder nowhere"):
            compare(images, "nowhere")

    def test_sizes(self, images, network):
        with pytest.raises(ValueError, match="real has 5 samples, k is 5; expected k<=4"):
            compare(images, images, encoder=network, k=5)
        with pytest.raises(ValueError, match="real has 5 samples, the jackknife has 10 blocks"):
            compare(images, images, encoder=network, jackknife=True)

    def test_columns(self, images, network, x):
        with pytest.raises(ValueError, match=r"d = 5, fake, .*images.npy, with 2048; expected the"):
            compare(x, images, encoder=network)

    def test_logits(self, images, network, x):
        with pytest.raises(ValueError, match="has no logits, which the Inception Score needs"):
            compare(images, x, encoder=network, metrics="fid,is")
