"""The comparison of two sets: numbers of the metrics, and notes on them."""

import json
import subprocess
import sys

import numpy as np
import pytest

import parzen
from parzen.compare import Comparison, compare
from parzen.feature_sets import FeatureSet, fingerprint
from parzen.protocols import INCEPTION_SHA256
from parzen.report import lines, protocol_lines, to_dict
from parzen.settings import USUAL

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


def test_the_jackknife_is_fids(x, y):
    result = compare(x, y, metrics="fid", jackknife=True, seed=5)
    assert (result.fid, result.fid_corrected) == parzen.fid_jackknife(x, y, seed=5)
    assert result.fid.stderr == parzen.fid_jackknife(x, y, seed=5).value.stderr
    assert result.fid == pytest.approx(parzen.fid(x, y), rel=1e-12)
    assert result.protocol["jackknife"] is True
    rules = compare(x, y, metrics="fid", jackknife=True, protocol="stylegan3", seed=5)
    assert rules.fid == parzen.fid_jackknife(x, y, seed=5, ddof=0).value


def test_the_jackknifes_notes_are_of_small_samples(x, y, rng):
    biased, corrected = "FID is biased upwards", "FID, corrected, keeps a part of the bias"
    few = " ".join(compare(x[:24], y, metrics="fid", jackknife=True).notes)
    assert biased not in few
    assert f"{corrected}: n = 24 and m = 50, where 25 are enough for d = 5." in few
    assert corrected not in " ".join(compare(x, y, metrics="fid", jackknife=True).notes)
    wide = rng.normal(size=(2, 30, 20))
    assert biased in " ".join(compare(*wide, metrics="fid", jackknife=True).notes)


def test_halves_are_those_of_precision_and_recall(x, y):
    result = compare(x, y, metrics="prdc", halves=6, seed=5)
    expected = parzen.precision_recall(x, y, halves=6, seed=5)
    assert result.precision_recall == expected
    assert [v.stderr for v in result.precision_recall] == [v.stderr for v in expected]
    assert not any("lower bound" in note for note in result.notes)


def test_without_halves_standard_errors_are_called_lower_bounds(x, y):
    result = compare(x, y, metrics="prdc,kde")
    for value in (*result.precision_recall, result.log_likelihood):
        assert "held fixed" in value.provenance["lower_bound"]
    assert any("Standard errors after ≥ are lower bounds" in note for note in result.notes)


def test_the_log_likelihoods_standard_error_is_its_spread_over_halves(rng):
    spread, errors, bounds = [], [], []
    for seed in range(60):
        x, y = rng.normal(size=(150, 8)), rng.normal(loc=0.2, scale=1.1, size=(100, 8))
        value = compare(x, y, metrics="kde", halves=10, seed=seed).log_likelihood
        fixed = compare(x, y, metrics="kde").log_likelihood
        assert value == fixed
        spread.append(value)
        errors.append(value.stderr)
        bounds.append(fixed.stderr)
    truth = np.std(spread, ddof=1)  # known to 9 %
    assert np.mean(bounds) < truth
    assert 0.85 * truth < np.sqrt(np.mean(np.square(errors))) < 1.6 * truth
    facts = value.provenance
    assert (facts["halves"], facts["seed"], facts["degrees_of_freedom"]) == (10, 59, 9)
    assert "lower_bound" not in facts


def test_halves_and_blocks_follow_the_seed(x, y):
    options = {"metrics": "kde,prdc,fid", "halves": 4, "jackknife": True}
    first, again, other = (
        compare(x, y, seed=seed, **options).to_dict()["metrics"] for seed in (1, 1, 2)
    )
    assert first == again
    for name in ("log_likelihood", "precision", "fid"):
        assert first[name]["value"] == pytest.approx(other[name]["value"], rel=1e-12)
        assert first[name]["stderr"] != other[name]["stderr"]


def test_fingerprints_tell_what_was_compared(x, y, logits):
    fake = FeatureSet({"features": y, "logits_unbiased": logits})
    expected = {"real": fingerprint(x), "fake": fingerprint(y), "logits": fingerprint(logits)}
    assert compare(x, fake).protocol["fingerprints"] == expected
    alone = compare("nowhere", fake, metrics="is").protocol["fingerprints"]
    assert alone == {"real": None, "fake": None, "logits": expected["logits"]}


def test_the_same_samples_twice_are_told(x, y):
    for same in (x, x.copy()):
        assert "real and fake are the same samples." in compare(x, same).notes
    assert not any("same samples" in note for note in compare(x, y).notes)
    part = compare(x, np.concatenate([x[:5], y]), metrics="kid").notes
    shuffled = compare(y, y[::-1], metrics="kid").notes
    assert "real and fake are the same samples, in another order." in shuffled
    assert f"{5 / (5 + len(y)):.0%} of the fake samples are copies of real ones." in part
    assert not any("copies" in note for note in compare(x, y, metrics="kid").notes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y: y[0], r"compare: fake has shape \(5,\), expected \(n, d\)"),
        (lambda y: np.where(y == y[3, 1], np.nan, y), "compare: fake has 1 value that is NaN"),
        (lambda y: y.astype(object), "compare: fake has dtype object"),
        (lambda y: y[:0], "compare: fake has 0 samples"),
    ],
)
def test_features_are_checked_before_anything_is_computed(change, words, x, y, monkeypatch):
    monkeypatch.setattr("parzen.measure.fid", None)
    with pytest.raises((ValueError, TypeError), match=words):
        compare(features(x), features(change(y)), metrics="fid")


def test_progress_names_the_stages(x, y):
    seen = {}
    compare(features(x), features(y), progress=lambda what, fraction: seen.update({what: fraction}))
    assert {"FID", "KID", "KID of subsets"} <= set(seen)
    assert all(0.0 <= fraction <= 1.0 for fraction in seen.values())


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
