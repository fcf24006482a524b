"""Two results beside each other: differences, and refusals that say which field differs."""

import copy
import io
import json

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import parzen
from parzen import results
from parzen.cli import app
from parzen.compare import compare
from parzen.feature_sets import FeatureSet
from parzen.report import to_dict
from parzen.results import EXPECTATION_OF, differences, notes, read_result
from parzen.several import compare_several

ORIGIN = {
    "network": "a network",
    "weights": "unknown",
    "resize": "tf1",
    "normalisation": "(x - 128) / 128",
}


def result(fake, resize="tf1", of=0, **options):
    real = np.random.default_rng(of).normal(size=(60, 4))
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
    assert kid.value > 3 * np.hypot(kid.first[1], kid.second[1])
    assert kid.ratio is None  # of the same real samples
    assert found["fid"].stderr is None


def test_only_of_independent_numbers_there_is_a_ratio(rng):
    real, *pairs = rng.normal(size=(3, 60, 4))
    logits = rng.normal(size=(2, 60, 5))
    one, other = (
        compare(
            FeatureSet({"x": real}),
            FeatureSet({"x": x, "logits": y}),
            metrics="fid,kid,is,prdc,kde,vendi,cmmd",
            halves=4,
            jackknife=True,
        ).to_dict()
        for x, y in zip(pairs, logits, strict=True)
    )
    of_fake = {"inception_score", "sharpness", "diversity", "vendi"}
    for line in differences(one, other):
        alone = line.name in of_fake
        assert (line.stderr is None) == (line.ratio is None) == (not alone)
        assert line.notes == (() if alone else (results.SAME_REAL,))
        if alone:
            both = np.hypot(line.first[1], line.second[1])
            assert line.stderr == pytest.approx(both, rel=1e-15)
            assert line.ratio == line.value / line.stderr


def test_differences_to_one_real_set_vary_otherwise_than_of_two():
    # Why they have no ratio: seen from opposite sides the noise of the real samples counts double.
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(200):
        real, one, other = (rng.normal(size=(n, 2)) for n in (60, 600, 600))
        one[:, 0] += 1.0
        other[:, 0] -= 1.0
        a, b = (parzen.kid(real, fake, subsets=None).mean for fake in (one, other))
        ratios.append((a - b) / np.hypot(a.stderr, b.stderr))
    assert np.std(ratios) > 1.15  # of independent ones 1, known to 5 %


def test_biased_numbers_of_other_sizes_are_not_subtracted(first, rng):
    found = {line.name: line for line in differences(first, result(rng.normal(size=(40, 4))))}
    assert found["fid"].value is None
    assert found["fid"].notes == ("biased, of 60 x 50 and 60 x 40 samples",)
    for name in ("kid", "precision", "density"):  # unbiased, or of the real samples' number alone
        assert found[name].value is not None
    for name in ("recall", "coverage", "log_likelihood"):
        assert found[name].value is None


def test_sizes_of_numbers_that_depend_on_one(first):
    other = copy.deepcopy(first)
    for entry in other["metrics"].values():
        entry["n"] = 61
    found = {line.name: line.value for line in differences(first, other)}
    assert {name for name, value in found.items() if value is None} == {
        *("fid", "precision", "density", "coverage")
    }


def drift(names, sizes, scale, d, repeats, **options):
    """Return by how many standard errors means change with the number of real, and fake, samples"""
    low, high = sizes
    means = []
    for n, m in ((low, low), (high, low), (low, high)):
        random = np.random.default_rng([n, m])
        found = []
        for _ in range(repeats):
            x, y = random.normal(size=(n, d)), scale * random.normal(size=(m, d))
            fake = FeatureSet({"x": y, "logits": 2.0 * random.normal(size=(m, 6))})
            entries = compare(FeatureSet({"x": x}), fake, metrics=names, **options).to_dict()
            found.append({key: entry["value"] for key, entry in entries["metrics"].items()})
        values = {key: [row[key] for row in found] for key in found[0]}
        means.append(
            {key: (np.mean(v), np.std(v, ddof=1) / repeats**0.5) for key, v in values.items()}
        )
    base, *others = means
    return {
        key: [(o[key][0] - base[key][0]) / np.hypot(o[key][1], base[key][1]) for o in others]
        for key in base
    }


def test_expectations_depend_on_the_sizes_that_are_listed():
    every = drift("fid,kid,is,kde,vendi,cmmd", (24, 200), 1.3, 6, 60, jackknife=True)
    wide, narrow = (drift("prdc", (24, 200), scale, 2, 120) for scale in (1.5, 0.6))
    changed = {key: np.abs(pair) for key, pair in every.items()}
    changed |= {key: np.abs([wide[key], narrow[key]]).max(axis=0) for key in wide}
    assert changed.keys() == EXPECTATION_OF.keys()
    for key, (n, m) in changed.items():
        of_fake = key in ("inception_score", "sharpness", "diversity", "vendi")
        sizes = {"n": m} if of_fake else {"n": n, "m": m}  # as entries have them
        assert {size for size, z in sizes.items() if z > 4.0} == set(EXPECTATION_OF[key]), key


@pytest.mark.parametrize(
    ("options", "name", "words"),
    [
        ({"k": 4}, "precision", "k is 3 and 4"),
        ({"seed": 1}, "kid_subsets", "seed is 2020 and 1"),
        ({"bandwidth": 0.5}, "log_likelihood", "rule is 'scott' and 'given'"),
    ],
)
def test_numbers_of_other_options_are_not_subtracted(first, options, name, words, rng):
    fake = rng.normal(size=(50, 4))
    found = {line.name: line for line in differences(first, result(fake, **options))}
    assert found[name].value is None
    assert found[name].notes == (words,)
    for other in ("fid", "kid"):
        assert found[other].value is not None
    only, other = {**first, "metrics": {name: first["metrics"][name]}}, result(fake, **options)
    with pytest.raises(ValueError, match=f"different protocols:\n  {name}: {words}"):
        differences(only, other)


def test_another_protocol_is_refused(first, rng):
    with pytest.raises(ValueError, match="protocol is None and 'stylegan3'"):
        differences(first, result(rng.normal(size=(50, 4)), protocol="stylegan3"))


def test_the_seed_counts_where_the_value_is_drawn(rng):
    fake = rng.normal(size=(50, 4))
    options = {"metrics": "fid,prdc,kde,vendi,kid", "halves": 3, "jackknife": True}
    one, other = (result(fake, seed=seed, **options) for seed in (1, 2))
    found = {line.name: line for line in differences(one, other)}
    assert {name for name, line in found.items() if line.value is None} == {"kid_subsets"}


def test_settings_of_the_error_bar_may_differ(first, rng):
    other = result(rng.normal(size=(50, 4)), halves=4, jackknife=True)
    found = {line.name: line for line in differences(first, other)}
    assert found["precision"].value is not None
    assert found["log_likelihood"].value is not None
    assert found["fid"].value is not None
    assert found["fid"].stderr is None  # of the first none is known


def test_lower_bounds_are_said_to_be(first, rng):
    fake = rng.normal(size=(50, 4))
    found = {line.name: line for line in differences(first, result(fake, of=1))}
    for name in ("precision", "recall", "density", "coverage", "log_likelihood"):
        assert found[name].stderr > 0
        assert found[name].ratio is None
        assert found[name].notes == (results.LOWER_BOUND, results.OTHER_REAL)
    whole = result(fake, of=1, halves=4)
    for line in differences(whole, result(fake, of=2, halves=4)):
        assert line.notes == (results.OTHER_REAL,)
    mixed = {line.name: line for line in differences(first, whole)}
    assert results.LOWER_BOUND in mixed["recall"].notes


class TestSamples:
    def test_of_one_real_set_the_test_of_pairs_is_named(self, first, second):
        assert "parzen compare REAL A B" in differences(first, second)[1].notes[0]
        said = notes(first, second)
        assert not any("samples differ" in note or "unknown" in note for note in said)

    def test_of_two_real_sets_every_line_says_so(self, rng):
        fake = FeatureSet({"x": rng.normal(size=(50, 4)), "logits": rng.normal(size=(50, 5))})
        names = "fid,kid,is,prdc,kde,vendi,cmmd"
        one, other = (
            compare(rng.normal(size=(60, 4)), fake, metrics=names, halves=4).to_dict()
            for _ in range(2)
        )
        of_fake = {"inception_score", "sharpness", "diversity", "vendi"}
        for line in differences(one, other):
            assert (results.OTHER_REAL in line.notes) == (line.name not in of_fake)
            assert line.ratio is None or line.name in of_fake
        said = notes(one, other)
        assert said[:2] == [
            "The real samples differ: differences mix two references.",
            "Both results are of the same fake samples.",
        ]

    def test_without_fingerprints_it_is_unknown(self, first, second):
        del first["protocol"]["fingerprints"]
        found = {line.name: line for line in differences(first, second)}
        assert found["kid"].notes == (results.UNKNOWN_REAL,)
        assert found["kid"].ratio is None
        assert "is unknown: a result has no fingerprints" in notes(first, second)[0]

    def test_their_own_notes_are_passed_on(self, first, second):
        first["notes"], second["notes"] = ["shared", "of the first"], ["of the second", "shared"]
        assert notes(first, second, ("a", "b")) == [
            *("both: shared", "a: of the first", "b: of the second")
        ]


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
    written = json.loads(out.stdout)
    assert [line["name"] for line in written["differences"]] == list(first["metrics"])
    assert written["notes"] == notes(first, second, tuple(map(str, paths)))
    second["protocol"]["resize"] = "bilinear"
    paths[1].write_text(json.dumps(second))
    refused = CliRunner().invoke(app, ["compare", *map(str, paths)])
    assert refused.exit_code == 1
    assert "resize is 'tf1' and 'bilinear'" in refused.stderr


def test_comparisons_paths_and_dictionaries_alike(rng, tmp_path):
    real, one, other = rng.normal(size=(3, 40, 4))
    first, second = (compare(real, fake, metrics="kid,cmmd") for fake in (one, other))
    expected = differences(first.to_dict(), second.to_dict())
    path = tmp_path / "b.json"
    path.write_text(json.dumps(second.to_dict()))
    assert differences(first, second) == expected
    for given in (path, str(path), second.to_dict(), json.loads(path.read_text())):
        assert differences(first, given) == expected
        assert notes(first, given) == notes(first.to_dict(), second.to_dict())
    assert read_result(str(path)) == json.loads(path.read_text())


def test_what_is_no_result(first, rng):
    for given, words in (
        (3, "second is 3, expected a Comparison, its"),
        (np.ones((2, 3)), r"second is ndarray of shape \(2, 3\), expected a Comparison"),
        ({"metrics": {1, 2}}, "second is no result of parzen compare"),
    ):
        with pytest.raises(TypeError, match=words):
            differences(first, given)
    with pytest.raises(ValueError, match="first is no result of parzen compare: expected the keys"):
        differences({"metrics": {}}, first)
    with pytest.raises(FileNotFoundError):
        differences(first, "nowhere.json")
    x, *fakes = rng.normal(size=(3, 30, 4))
    several = compare_several(x, dict(zip("ab", fakes, strict=True)), metrics="kid")
    for given in (several, several.to_dict()):
        with pytest.raises(ValueError, match=r"2 fake sets \('a', 'b'\).* results\['a'\]"):
            differences(given, first)
    assert differences(several.results["a"], several.results["b"])


@pytest.mark.parametrize("text", ["{", "[]", '{"metrics": {}}', "\xff"])
def test_files_that_are_something_else(text, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"a\.json is no"):
        read_result(path)


def test_the_table_is_whole_at_80_columns(first, rng):
    other = result(30.0 * rng.normal(size=(50, 4)), seed=1, halves=4)
    other["protocol"]["fingerprints"]["real"] = "another"
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(results.table(differences(first, other)))
    text = console.export_text()
    assert "…" not in text
    for word in ("difference", "std. error", "in std.", "log_likelihood", "≥"):
        assert word in text
    for note in (results.LOWER_BOUND, results.OTHER_REAL, "seed is 2020 and 1"):
        assert note in " ".join(text.split())
