"""Differences of models: against formulas by hand, and by simulation under both hypotheses."""

import json
import re
import sys
import warnings

import numpy as np
import pytest
import scipy.stats

import parzen
from parzen import Gaussian, Polynomial
from parzen.metrics.compare_models import holm


def draw(rng, *shifts, n=60, d=4):
    return [rng.normal(size=(n + 7 * i, d)) + shift for i, shift in enumerate(shifts)]


def test_differences_are_those_of_the_metric(rng):
    real, a, b, c = draw(rng, 0.0, 0.3, 0.8, 0.1)
    models = {"a": a, "b": b, "c": c}
    for metric, kernel, value in (
        ("kid", None, lambda m: parzen.kid(real, m, subsets=None).mean),
        ("mmd", Gaussian(2.0), lambda m: parzen.mmd(real, m, kernel=Gaussian(2.0)).squared),
        ("fid", None, lambda m: parzen.fid(real, m)),
    ):
        options = {"blocks": 5} if metric == "fid" else {"permutations": 99}
        found = parzen.compare_models(models, real, metric=metric, kernel=kernel, **options)
        if metric != "fid":
            for name, sample in models.items():
                np.testing.assert_allclose(found.values[name], value(sample), rtol=1e-10)
                assert found.values[name].stderr == pytest.approx(value(sample).stderr, rel=1e-8)
        assert list(found.values.values()) == sorted(found.values.values())
        assert len(found.differences) == 3
        for pair in found.differences:
            gap = found.values[pair.first] - found.values[pair.second]
            assert pair.difference == pytest.approx(gap, rel=1e-9)
            assert pair.difference.stderr > 0.0
            assert pair.p_value == max(pair.asymptotic, pair.permutation or 0.0)
            assert (pair.permutation is None) == (metric == "fid")
            assert pair.p_value <= pair.adjusted <= 1.0


def test_the_permutation_test_by_hand(rng):
    real, a, b = draw(rng, 0.0, 0.2, 0.6, n=12)
    kernel = Polynomial(2, 0.5, 1.0)

    def k(x, y):
        return (0.5 * x @ y.T + 1.0) ** 2

    def own(x):
        within = k(x, x)
        n = len(x)
        return (within.sum() - np.trace(within)) / (n * (n - 1)) - 2.0 * k(x, real).mean()

    pooled, n = np.concatenate([a, b]), len(a)
    random = np.random.default_rng(4)
    null = []
    for _ in range(99):
        members = np.zeros(len(pooled), dtype=bool)
        members[random.choice(len(pooled), n, replace=False, shuffle=False)] = True
        null.append(own(pooled[members]) - own(pooled[~members]))
    given = own(a) - own(b)
    expected = (1 + np.count_nonzero(np.abs(null) >= abs(given))) / 100
    found = parzen.compare_models(
        {"a": a, "b": b}, real, metric="mmd", kernel=kernel, permutations=99, seed=4
    )
    (pair,) = found.differences
    assert pair.permutation == expected
    assert pair.permutation.stderr == pytest.approx(np.sqrt(expected * (1 - expected) / 99))
    assert abs(pair.difference) == pytest.approx(abs(given), rel=1e-10)
    z = pair.difference / pair.difference.stderr
    assert pair.asymptotic == pytest.approx(2.0 * scipy.stats.norm.sf(abs(z)), rel=1e-12)


def test_student_by_hand(rng):
    real, a, b = draw(rng, 0.0, 0.2, 0.6)
    found = parzen.compare_models({"a": a, "b": b}, real, metric="fid", blocks=5)
    (pair,) = found.differences
    t = pair.difference / pair.difference.stderr
    assert pair.p_value == pytest.approx(2.0 * scipy.stats.t.sf(abs(t), 12), rel=1e-9)


def test_paired_standard_error_by_simulation():
    rng = np.random.default_rng(1)
    gaps, errors, unpaired = [], [], []
    for _ in range(200):
        real, a, b = draw(rng, 0.0, 0.6, 0.7, n=80, d=3)
        pair = parzen.compare_models({"a": a, "b": b}, real, permutations=19)
        sign = 1.0 if pair.differences[0].first == "a" else -1.0
        gaps.append(sign * pair.differences[0].difference)
        errors.append(pair.differences[0].difference.stderr)
        unpaired.append(np.hypot(*(value.stderr for value in pair.values.values())))
    spread = np.std(gaps)
    # A standard deviation of 200 is known to 5 %.
    assert 0.8 < np.sqrt(np.mean(np.square(errors))) / spread < 1.25
    assert np.mean(unpaired) > 1.1 * spread  # the noise of the real samples is shared


def simulated(metric, draws, repeats=200):
    """Return the pairs of so many comparisons of two models."""
    options = {"blocks": 8} if metric == "fid" else {"permutations": 99}
    found = []
    for _ in range(repeats):
        real, a, b = draws()
        models = {"a": a, "b": b}
        found += parzen.compare_models(models, real, metric=metric, **options).differences
    return found


def share(pairs, level=0.05):
    return np.mean([pair.p_value <= level for pair in pairs])


# A share of 200 that is 5 % has a standard deviation of 1.5 %.
LIMIT = 0.05 + 3 * 0.0154


@pytest.mark.parametrize("metric", ["kid", "mmd", "fid"])
def test_models_of_one_distribution(metric):
    rng = np.random.default_rng(2)
    found = simulated(metric, lambda: draw(rng, 0.5, 0.0, 0.0, n=50, d=3))
    assert share(found) < LIMIT
    exact = [pair.asymptotic if metric == "fid" else pair.permutation for pair in found]
    assert scipy.stats.kstest(exact, "uniform").pvalue > 0.01


@pytest.mark.parametrize("metric", ["kid", "mmd", "fid"])
def test_different_models_at_the_same_distance(metric):
    rng = np.random.default_rng(3)
    side = np.array([1.0, 0.0])

    def draws():
        real, a, b = rng.normal(size=(3, 150, 2))
        return real, a + side, b - side

    found = simulated(metric, draws)
    assert share(found) < LIMIT
    assert scipy.stats.kstest([pair.asymptotic for pair in found], "uniform").pvalue > 0.01
    if metric != "fid":  # what exchanging rows alone would claim
        assert np.mean([pair.permutation <= 0.05 for pair in found]) > 0.25


@pytest.mark.parametrize("metric", ["kid", "mmd", "fid"])
def test_models_at_different_distances(metric):
    rng = np.random.default_rng(4)
    side = np.array([1.0, 0.0])

    def draws():
        real, a, b = rng.normal(size=(3, 150, 2))
        return real, a + 0.5 * side, b - 1.5 * side

    found = simulated(metric, draws, 50)
    assert share(found) > 0.9
    assert all(pair.first == "a" for pair in found)


def test_fid_takes_models_at_the_size_of_the_smallest(rng):
    real, a, b, c = (rng.normal(size=(n, 4)) for n in (90, 60, 200, 60))
    found = parzen.compare_models({"a": a, "b": b, "c": c}, real, metric="fid", seed=7)
    random = np.random.default_rng(7)
    random.permutation(90)  # the blocks of the real samples
    rows = np.sort(random.choice(200, 60, replace=False))
    models = {"a": a, "b": b[rows], "c": c}
    for name, value in found.values.items():
        assert value.provenance["m"] == 60
        assert value.provenance["given"] == (200 if name == "b" else 60)
        bias = parzen.fid(real, models[name]) - value
        assert bias == pytest.approx(
            parzen.fid_jackknife(real, models[name]).value.provenance["bias"], rel=0.3
        )
    gap = found.differences[0].difference
    assert gap.provenance["m"] == 60
    assert set(gap.provenance["given"]) <= {60, 200}
    whole = parzen.compare_models({"a": a, "c": c}, real, metric="fid", seed=7)
    assert whole.values["a"].provenance["given"] == 60


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
def test_fid_of_models_of_different_sizes_equally_far():
    # What is left of the bias, of all rows of both: 0.9 standard errors here.
    rng = np.random.default_rng(8)
    d, found = 128, []
    for _ in range(30):
        real, a, b = (rng.normal(size=(n * d, d)) for n in (2, 2, 8))
        a[:, 0] += 1.0
        b[:, 0] -= 1.0
        models = {"few": a, "many": b}
        (pair,) = parzen.compare_models(models, real, metric="fid").differences
        sign = 1.0 if pair.first == "few" else -1.0
        found.append(sign * pair.difference / pair.difference.stderr)
    assert abs(np.mean(found)) < 0.5  # the mean of 30 has a standard deviation of 0.18 at most


def test_holm():
    # Holm 1979: the smallest of three by 3, the next by 2, the last by 1, never below one before.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


def test_what_differs_is_found_and_what_does_not_is_not(rng):
    real, a, b, c = draw(rng, 0.0, 0.0, 0.0, 1.0, n=100)
    for metric in ("kid", "mmd", "fid"):
        found = parzen.compare_models({"a": a, "b": b, "c": c}, real, metric=metric)
        assert list(found.values)[-1] == "c"
        claims = found.significant()
        assert len(claims) == 2
        assert all("c" in (pair.first, pair.second) for pair in claims)


def test_many_models_have_a_chance(rng):
    real, *samples = rng.normal(size=(9, 20, 2))
    models = {str(i): sample + 3.0 * i for i, sample in enumerate(samples)}

    def permutations(found):
        return {pair.permutation.provenance["permutations"] for pair in found.differences}

    found = parzen.compare_models(models, real)
    assert len(found.differences) == 28
    assert permutations(found) == {2800}
    assert len(found.significant()) > 20
    few = {name: models[name] for name in "012"}
    assert permutations(parzen.compare_models(few, real)) == {1000}
    words = r"no p-value of 500 permutations is below 0\.002, .* 28 pairs .* permutations>=560"
    with pytest.warns(parzen.ComparisonWarning, match=words) as caught:
        found = parzen.compare_models(models, real, permutations=500)
    assert found.significant() == ()
    assert caught[0].filename == __file__
    parzen.compare_models(few, real, permutations=60)


def test_the_same_rows_twice(rng):
    real, a = draw(rng, 0.0, 0.5)
    words = r"models\['b'\] has the rows of models\['a'\]; .* mean nothing here"
    with pytest.warns(parzen.CopiedSampleWarning, match=words):
        found = parzen.compare_models({"a": a, "b": a.tolist()}, real, permutations=99)
    assert found.differences[0].difference == 0.0
    assert found.differences[0].p_value == 1.0
    with pytest.warns(
        parzen.CopiedSampleWarning, match=r"models\['b'\] has the rows of real"
    ) as seen:
        parzen.compare_models({"a": a, "b": real}, real, metric="fid")
    assert seen[0].filename == __file__


def test_rows_in_common(rng):
    real, a, b = draw(rng, 0.0, 0.5, 0.2)
    some = b.copy()
    some[10:13] = real[:3]
    for other, words in (
        (rng.permutation(real), r"models\['b'\] has the rows of real"),
        (real[::-1].astype(np.float32), None),
        (some, r"models\['b'\] has 3 rows of real"),
        (real[:20], r"models\['b'\] has 20 rows of real"),
    ):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            parzen.compare_models({"a": a, "b": other}, real, permutations=99)
        assert [record.category for record in seen] == [parzen.CopiedSampleWarning] * bool(words)
        if words:
            assert re.search(words, str(seen[0].message))
    # Rows of few possible ones meet by chance.
    real, a, b = rng.integers(3, size=(3, 80, 2)).astype(np.float64)
    parzen.compare_models({"a": a, "b": b}, real, permutations=99)


def test_too_few_samples_for_fid(rng):
    d = 12

    def compare(n, *sizes):
        models = {"ab"[i]: rng.normal(size=(m, d)) for i, m in enumerate(sizes)}
        return parzen.compare_models(models, rng.normal(size=(n, d)), metric="fid")

    compare(60, 60, 70)
    words = r"models\['b'\] has 59 samples of 12 features; below 60 .* in `values`.*\. Pass more"
    with pytest.warns(parzen.SmallSampleWarning, match=words):
        compare(60, 60, 59)
    words = r"real has 23, models\['a'\] has 20 samples of 12 features; .* 24 .* metric='kid'"
    with pytest.raises(ValueError, match=words):
        compare(23, 20, 60)


def test_table_plot_and_json(rng, tmp_path, monkeypatch):
    from rich.console import Console

    from parzen.report import figures

    real, a, b = draw(rng, 0.0, 0.0, 2.0)
    models = {"near": a, "far": b}
    found = parzen.compare_models(models, real, permutations=99)
    console = Console(record=True, width=100)
    console.print(found.table())
    text = console.export_text()
    for word in ("near", "far", "permutation", "nearer", "0.01"):
        assert word in text
    for value in found.values.values():
        assert " ".join(figures(value, value.stderr)) in " ".join(text.split())
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["values"]["near"]["value"] == found.values["near"]
    (pair,) = found.differences
    assert plain["differences"] == [pair._asdict() | {"stderr": pair.difference.stderr}]
    student = parzen.compare_models(models, real, metric="fid")
    console.print(student.table())
    assert "permutation" not in console.export_text()
    assert json.loads(json.dumps(student.to_dict()))["differences"][0]["permutation"] is None
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(ModuleNotFoundError, match="needs matplotlib: pip install matplotlib"):
            found.plot()
    pytest.importorskip("matplotlib")
    axes = found.plot()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["near", "far"]
    axes.figure.savefig(tmp_path / "models.png")
    assert (tmp_path / "models.png").stat().st_size > 1000


def test_progress_types_and_seed(rng):
    real, a, b = draw(rng, 0.0, 0.1, 0.2)
    seen = []
    models = {"a": a.astype(np.float32), "b": b}
    found = parzen.compare_models(models, real, permutations=49, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert found == parzen.compare_models(models, real, permutations=49)
    assert found.differences[0].difference.provenance["dtype"] == "float64"


def test_errors(rng):
    real, a, b = draw(rng, 0.0, 0.1, 0.2)
    for models, error, words in (
        ([a, b], TypeError, "models is a list, expected a mapping of name to samples"),
        ({"a": a}, ValueError, "models has 1, expected 2 or more"),
        ({"a": a, "b": b[:, :3]}, ValueError, r"models\['b'\] has 3 columns, real has 4"),
        ({"a": a, "b": b[:3]}, ValueError, r"models\['b'\] has 3 samples .* minimum of 4"),
        ({"a": a, "b": b * np.nan}, ValueError, r"models\['b'\] has \d+ values that are NaN"),
    ):
        with pytest.raises(error, match=words):
            parzen.compare_models(models, real)
    for metric, option, words in (
        ("kid", {"kernel": Polynomial()}, "kernel is of metric 'mmd', not of 'kid'"),
        ("fid", {"kernel": Polynomial()}, "kernel is of metric 'mmd', not of 'fid'"),
        ("fid", {"permutations": 99}, "permutations is of metric 'kid' or 'mmd', not of 'fid'"),
        ("kid", {"blocks": 5}, "blocks is of metric 'fid', not of 'kid'"),
        ("mmd", {"blocks": 5}, "blocks is of metric 'fid', not of 'mmd'"),
        ("kid", {"permutations": 0}, "permutations is 0, expected an integer >= 1"),
        ("fid", {"blocks": 1}, "blocks is 1, expected an integer >= 2"),
    ):
        with pytest.raises(ValueError, match=words):
            parzen.compare_models({"a": a, "b": b}, real, metric=metric, **option)
    with pytest.raises(ValueError, match=r"models\['a'\] has 5 samples .* minimum of 20"):
        parzen.compare_models({"a": a[:5], "b": b}, real, metric="fid")
