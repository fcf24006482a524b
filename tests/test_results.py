"""Two results beside each other: differences, and refusals that say which field differs."""

import copy
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from parzen.cli import app
from parzen.compare import compare
from parzen.feature_sets import FeatureSet
from parzen.report import to_dict
from parzen.results import differences, read_result

ORIGIN = {
    "network": "a network",
    "weights": "unknown",
    "resize": "tf1",
    "normalisation": "(x - 128) / 128",
}


def result(fake, resize="tf1", **options):
    real = np.random.default_rng(0).normal(size=(60, 4))
    sets = (FeatureSet({"2048": x}, {**ORIGIN, "resize": resize}) for x in (real, fake))
    return to_dict(compare(*sets, **options))


@pytest.fixture
def first(rng):
    return result(rng.normal(size=(50, 4)))


@pytest.fixture
def second(rng):
    return result(rng.normal(loc=1.0, size=(50, 4)))


def test_differences(first, second):
    found = {line.name: line for line in differences(first, second)}
    assert set(found) == set(first["metrics"])
    for name in ("fid", "kid", "precision", "density", "log_likelihood"):
        a, b = first["metrics"][name], second["metrics"][name]
        assert found[name].value == b["value"] - a["value"]
    kid = found["kid"]
    assert kid.stderr == pytest.approx(np.hypot(kid.first[1], kid.second[1]), rel=1e-15)
    assert kid.value > 3 * kid.stderr
    assert found["fid"].stderr is None


def test_biased_numbers_of_other_sizes_are_not_subtracted(first, rng):
    found = {line.name: line for line in differences(first, result(rng.normal(size=(40, 4))))}
    assert found["fid"].value is None
    assert found["fid"].note == "biased, of 60x50 and 60x40 samples"
    assert found["kid"].value is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 4}, "precision: k is 3 and 4"),
        ({"seed": 1}, "seed is 2020 and 1"),
        ({"bandwidth": 0.5}, "log_likelihood: rule is 'scott' and 'given'"),
        ({"protocol": "stylegan3"}, "protocol is None and 'stylegan3'"),
    ],
)
def test_other_options_are_refused(first, options, words, rng):
    with pytest.raises(ValueError, match="were made under different protocols") as caught:
        differences(first, result(rng.normal(size=(50, 4)), **options))
    assert words in str(caught.value)


@pytest.mark.parametrize("field", ["network", "weights", "resize", "normalisation", "layer", "d"])
def test_features_made_in_another_way_are_refused(first, field):
    other = copy.deepcopy(first)
    other["protocol"][field] = "other"
    with pytest.raises(ValueError, match=rf"{field} is .* and 'other'"):
        differences(first, other)


def test_every_rule_that_differs_is_named(first, rng):
    fake = rng.normal(size=(50, 4))
    one = result(fake, "pil-bicubic", protocol="clean-fid")
    other = result(fake, protocol="stylegan3")
    with pytest.raises(ValueError, match="different protocols") as caught:
        differences(one, other)
    message = str(caught.value)
    assert "rules.fid.ddof is 1 and 0" in message
    assert "rules.resize is 'pil-bicubic' and 'tf1'" in message
    assert "rules.kid" not in message  # there they agree


def test_no_metric_in_common(first):
    other = copy.deepcopy(first)
    other["metrics"] = {"inception_score": {"value": 1.0}}
    with pytest.raises(ValueError, match=r"share no metric: one has fid.*, the other inception"):
        differences(first, other)


def test_files(first, second, tmp_path):
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, content in zip(paths, (first, second), strict=True):
        path.write_text(json.dumps(content))
    assert read_result(paths[0]) == first
    shown = CliRunner().invoke(app, ["compare", *map(str, paths)])
    assert shown.exit_code == 0, shown.output
    assert "difference" in shown.stdout
    assert "kid" in shown.stdout
    out = CliRunner().invoke(app, ["compare", *map(str, paths), "--json", "-"])
    lines = json.loads(out.stdout)["differences"]
    assert [line["name"] for line in lines] == list(first["metrics"])
    second["protocol"]["resize"] = "bilinear"
    paths[1].write_text(json.dumps(second))
    refused = CliRunner().invoke(app, ["compare", *map(str, paths)])
    assert refused.exit_code == 1
    assert "resize is 'tf1' and 'bilinear'" in refused.stderr


@pytest.mark.parametrize("text", ["{", "[]", '{"metrics": {}}', "\xff"])
def test_files_that_are_something_else(text, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"a\.json is no"):
        read_result(path)
