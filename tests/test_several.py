"""Several fake sets against one real set."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

import parzen
from parzen import encode
from parzen.compare import compare
from parzen.feature_sets import FeatureSet
from parzen.report import show
from parzen.several import compare_several


@pytest.fixture
def real(rng):
    return rng.normal(size=(60, 3))


@pytest.fixture
def fakes(rng):
    return {"near": rng.normal(size=(50, 3)), "far": rng.normal(loc=1.0, size=(40, 3))}


def test_each_set_is_compared_as_alone(real, fakes):
    options = {"seed": 3, "halves": 4, "jackknife": True, "k": 2, "bandwidth": "silverman"}
    found = compare_several(real, fakes, **options)
    for name, fake in fakes.items():
        alone, one = compare(real, fake, **options), found.results[name]
        assert one.to_dict()["metrics"] == alone.to_dict()["metrics"]
        assert one.notes == alone.notes
        timed = {"started", "seconds"}
        assert all(
            one.protocol[key] == alone.protocol[key] for key in alone.protocol.keys() - timed
        )


def test_pairs_are_those_of_compare_models(real, fakes):
    found = compare_several(real, fakes, metrics="fid,kid", jackknife=True, seed=3)
    assert [pairs.metric for pairs in found.models] == ["kid", "fid"]
    for pairs in found.models:
        expected = parzen.compare_models(fakes, real, metric=pairs.metric, seed=3)
        assert pairs == expected
        assert pairs.differences[0].first == "near"
    assert [p.metric for p in compare_several(real, fakes, metrics="fid,kid").models] == ["kid"]


def test_without_a_metric_of_pairs_a_note_says_so(real, fakes):
    found = compare_several(real, fakes, metrics="prdc,fid")
    assert found.models == ()
    assert "Pairs are compared by kid, and by fid with the jackknife" in found.notes[-1]


def test_too_few_samples_for_a_metric_of_pairs_leave_it_out(rng, monkeypatch):
    real, one, other = rng.normal(size=(3, 24, 13))
    fakes = {"real": one, "other": other}
    found = compare_several(real, fakes, metrics="fid,kid", jackknife=True)
    assert [pairs.metric for pairs in found.models] == ["kid"]
    assert (
        "Pairs are not compared by fid: real has 24, fake 'real' has 24, fake 'other' has 24 "
        "samples of 13 features; FID cannot be freed of its bias below 26 (2 d)." in found.notes
    )
    assert compare_several(real, fakes, metrics="fid", jackknife=True).models == ()
    few = {name: x[:3] for name, x in fakes.items()}
    found = compare_several(real, few, metrics="kid")
    assert found.models == ()
    assert "Pairs are not compared by kid: fake 'real' has 3, fake 'other' has 3" in found.notes[-1]
    assert {result.kid is None for result in found.results.values()} == {False}


def test_notes_are_told_once_with_the_set_that_they_are_of(real, fakes):
    found = compare_several(real, {**fakes, "copy": real.copy()}, metrics="kid")
    assert (
        found.notes.count("Features were given ready-made: what made them is not on record.") == 1
    )
    assert "copy: real and fake are the same samples." in found.notes
    shuffled = compare_several(real, {**fakes, "copy": real[::-1]}, metrics="kid").notes
    assert "copy: real and fake are the same samples, in another order." in shuffled
    assert any("models['copy'] has the rows of real" in note for note in shuffled)


def test_real_is_read_once(fakes, tmp_path, monkeypatch, real):
    np.save(tmp_path / "real.npy", real)
    opened = []
    run = encode.read_features
    monkeypatch.setattr(encode, "read_features", lambda path: opened.append(path) or run(path))
    compare_several(tmp_path / "real.npy", fakes, metrics="kid")
    assert opened == [tmp_path / "real.npy"]


def test_the_inception_score_alone(rng):
    fakes = {name: FeatureSet({"logits": rng.normal(size=(40, 5))}) for name in "ab"}
    found = compare_several("nowhere", fakes, metrics="is")
    assert {r.inception_score is not None for r in found.results.values()} == {True}


def test_json_and_table(real, fakes):
    found = compare_several(real, fakes, jackknife=True)
    read = json.loads(json.dumps(found.to_dict()))
    assert list(read) == ["results", "models", "notes"]
    assert read["results"]["far"]["metrics"]["kid"]["value"] == found.results["far"].kid
    assert read["models"][0] == json.loads(json.dumps(found.models[0].to_dict()))
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(found.table())
    text = console.export_text()
    assert "…" not in text
    assert text.count("near") == text.count("far") == found.table().row_count // 2
    for word in ("corrected", "KDE log-likelihood", "≥", "std. error"):
        assert word in text
    show(found, console)
    text = console.export_text()
    for pairs in found.models:
        assert f"{pairs.metric}, {pairs.test}" in text
    assert "! Features were given ready-made" in text


def test_what_is_refused(real, fakes):
    with pytest.raises(ValueError, match="fakes has 1 sets, expected 2 or more"):
        compare_several(real, {"one": real})
    with pytest.raises(TypeError, match="fakes is a list, expected a mapping of name to set"):
        compare_several(real, list(fakes.values()))
    with pytest.raises(ValueError, match="d = 3, fake, an array, with 2; expected the same d"):
        compare_several(real, {**fakes, "flat": real[:, :2]})


def test_progress_names_the_set(real, fakes):
    seen = {}
    compare_several(real, fakes, metrics="kid", progress=lambda s, f: seen.update({s: f}))
    assert {"near: KID", "far: KID", "pairs by kid"} <= set(seen)
    assert all(0.0 <= fraction <= 1.0 for fraction in seen.values())
