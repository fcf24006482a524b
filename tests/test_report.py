"""A comparison as people read it, and as JSON."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from parzen.compare import compare
from parzen.feature_sets import FeatureSet
from parzen.report import figures, lines, show, to_dict, write_json


@pytest.fixture
def x(rng):
    return rng.normal(size=(60, 5)).astype(np.float32)


@pytest.fixture
def y(rng):
    return rng.normal(loc=0.5, size=(50, 5)).astype(np.float32)


@pytest.fixture
def logits(rng):
    return rng.normal(scale=3.0, size=(50, 7))


def features(array):
    return FeatureSet({"features": array})


def shown(result, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    show(result, console)
    return console.export_text()


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


def test_lower_bounds_are_marked_and_whole_errors_are_not(x, y):
    result = compare(x, y, metrics=["prdc", "kde", "kid"])
    errors = {line.key: line.figures()[1] for line in lines(result)}
    bounds = {key for key, error in errors.items() if error.startswith("≥")}
    assert bounds == {"precision", "recall", "density", "coverage", "log_likelihood"}
    assert "Standard errors after ≥ are lower bounds" in " ".join(shown(result).split())
    whole = compare(x, y, metrics=["prdc", "kde", "kid"], halves=20)
    assert "≥" not in shown(whole)


@pytest.mark.parametrize("width", [80, 100])
def test_every_column_is_whole_at_80_columns(width, rng):
    big = rng.normal(size=(10_000, 2)).astype(np.float32)
    fake = FeatureSet({"features": big, "logits_unbiased": rng.normal(size=(10_000, 3))})
    names = ["fid", "kid", "is", "prdc", "kde", "vendi", "cmmd"]
    result = compare(features(big[:20]), features(big[:30]), metrics=["fid"], jackknife=True)
    assert "corrected" in shown(result, width)
    small = FeatureSet({"x": fake.layers["features"][:900], "logits": fake.logits()[1][:900]})
    text = shown(compare(features(big[900:1800]), small, metrics=names), width)
    assert "…" not in text
    for word in ("metric", "value", "std. error", "notes", "KDE log-likelihood", "effective"):
        assert word in text
    assert max(map(len, text.splitlines())) <= width


def test_methods_are_the_functions(x, y):
    result = compare(x, y, metrics="kid")
    assert result.to_dict() == to_dict(result)
    assert result.table().row_count == len(lines(result))
