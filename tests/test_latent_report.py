"""All scores in one table, the heat map, and what `parzen.latent` shows of itself."""

import dataclasses
import inspect
import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

import parzen

latent = pytest.importorskip("parzen.latent")

QUICK = {"estimator": "lasso", "train_batches": 200, "test_batches": 200, "bootstraps": 10}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    factors = rng.integers(3, size=(150, 2))
    images = rng.uniform(size=(4, 12, 12))
    curve = latent.rate_distortion(images, [(8.0, images), (1.0, 0.9 * images)], data_range=1.0)
    return factors + 0.1 * rng.normal(size=(150, 2)), factors, curve


@pytest.fixture(scope="module")
def found(data):
    codes, factors, curve = data
    names = ["shape", "[size]"]
    return latent.report(codes, factors, names=names, labels=factors[:, 0], curve=curve, **QUICK)


def test_a_report_has_what_the_functions_give(found, data):
    codes, factors, curve = data
    again = {"bootstraps": 10}
    assert found.mig.gap == latent.mig(codes, factors, **again).gap
    assert found.mig_corrected.gap == latent.mig(codes, factors, corrected=True, **again).gap
    assert found.sap == latent.sap(codes, factors, **again)
    assert found.modularity == latent.modularity(codes, factors, **again)
    assert found.dci[:3] == latent.dci(codes, factors, estimator="lasso")[:3]
    assert found.explicitness == latent.explicitness(codes, factors)
    drawn = {"train_batches": 200, "test_batches": 200}
    assert found.factor_vae == latent.factor_vae(codes, factors, **drawn)
    assert found.beta_vae == latent.beta_vae(codes, factors, **drawn)
    assert found.active_units.active == 2
    assert found.effective_rank == latent.effective_rank(codes)
    assert found.participation_ratio == latent.participation_ratio(codes)
    assert found.silhouette == latent.silhouette(codes, factors[:, 0], sample_size=150)
    assert found.kmeans == latent.kmeans(codes, factors[:, 0], **again)
    assert found.curve == curve
    assert (found.mutual_information == latent.mutual_information(codes, factors)).all()


def test_the_table(found):
    out = io.StringIO()
    Console(file=out, width=100).print(found.table())
    text = out.getvalue()
    for name, _, _ in found.lines():
        assert name in text
    assert "PSNR at 8 bits" in text
    assert "at 95%" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_dictionary_is_json(found):
    content = found.to_dict()
    assert json.loads(json.dumps(content, allow_nan=False))
    assert content["scores"]["MIG"]["value"] == found.mig.gap
    assert content["scores"]["MIG"]["stderr"] == found.mig.gap.stderr
    assert content["scores"]["MIG"]["bins"] == 20
    low, high = found.mig_corrected.gap.interval()
    taken = content["scores"]["bias-corrected"]["interval"]
    assert taken == {"level": 0.95, "low": low, "high": high}
    assert content["scores"]["PSNR at 8 bits"]["value"] is None  # infinite
    assert content["mig_per_factor"] == {
        "shape": found.mig.per_factor[0],
        "[size]": found.mig.per_factor[1],
    }
    assert np.shape(content["mutual_information"]) == (2, 2)


def test_labels_and_curve_are_optional(data):
    codes, factors, _ = data
    short = latent.report(codes, factors, **QUICK)
    assert short.silhouette is None
    assert short.kmeans is None
    assert short.names == ("factor 0", "factor 1")
    assert short.table().row_count == 13
    assert dataclasses.is_dataclass(short)
    without = latent.report(codes, factors, **{**QUICK, "bootstraps": 0})
    assert "interval" not in without.mig_corrected.gap.provenance
    assert without.table().row_count == 13


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["a"]}, r"report: names is \['a'\], expected 2 names"),
        ({"names": "ab"}, "report: names is 'ab', expected 2 names"),
        ({"labels": np.zeros(3)}, "report: labels has 3 rows, expected 150"),
        ({"bins": 1}, "mig: bins is 1"),
        ({"test_size": 0}, "sap: test_size is 0.0"),
    ],
)
def test_what_a_report_refuses(options, message, data):
    codes, factors, _ = data
    with pytest.raises(ValueError, match=message):
        latent.report(codes, factors, **{**QUICK, **options})


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_heat_map_is_written(kind, found, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"map.{kind}"
    figure = found.heat_map(path)
    assert path.read_bytes()[:4] in (b"\x89PNG", b"%PDF", b"<?xm")
    assert [path] == list(tmp_path.iterdir())
    ax, bar = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["shape", "[size]"]
    assert (np.asarray(ax.images[0].get_array()) == found.mutual_information.T).all()
    assert bar.get_ylabel() == "nats"
    assert len(ax.texts) == 4


def test_heat_maps_of_other_matrices(rng, tmp_path):
    pytest.importorskip("matplotlib")
    wide = latent.heat_map(rng.uniform(size=(200, 10)), title="Importance", unit="share")
    assert len(wide.axes[0].texts) == 0
    latent.heat_map(np.zeros((1, 1)), tmp_path / "zero.png")
    for matrix in (np.zeros(3), np.zeros((0, 3))):
        with pytest.raises(ValueError, match="heat_map: mutual has shape"):
            latent.heat_map(matrix)
    with pytest.raises(ValueError, match=r"map.bmp', expected a .png, .pdf or .svg file"):
        latent.heat_map(np.eye(2), tmp_path / "map.bmp")
    with pytest.raises(ValueError, match=r"heat_map: names is \['a'\], expected 2 names"):
        latent.heat_map(np.eye(2), names=["a"])
    assert [tmp_path / "zero.png"] == list(tmp_path.iterdir())


# The package.


def test_all_lists_the_public_names():
    public = {
        name
        for name, value in vars(latent).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == set(latent.__all__)
    assert len(latent.__all__) == len(public)


@pytest.mark.parametrize("name", sorted(set(latent.__all__) - {"Report"}))
def test_docstrings_say_what_is_needed(name):
    item, text = getattr(latent, name), inspect.getdoc(getattr(latent, name))
    wanted = ["Attributes"]
    if inspect.isfunction(item):
        wanted = ["Parameters", "Returns", "Raises", "References", "Examples"]
        for option in inspect.signature(item).parameters:
            assert re.search(rf"^(\w+, )*{option}(, \w+)*$", text, re.MULTILINE), (
                f"{name}: {option}"
            )
    for section in wanted:
        assert f"\n{section}\n---" in text, f"{name} has no section {section}"


def test_provenances_are_plain_data(found):
    for _, value, _ in found.lines():
        assert type(value) is parzen.Estimate
        assert json.loads(json.dumps(value.provenance)) == value.provenance
        assert value.provenance["metric"]
        assert value.provenance["version"] == parzen.__version__


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip(), done.stderr


def test_parzen_itself_needs_neither_scikit():
    out, error = run(
        "import sys, parzen; print({'sklearn', 'skimage', 'matplotlib'} & set(sys.modules))"
    )
    assert (out, error) == ("set()", "")
