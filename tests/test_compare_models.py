"""Differences of models: against formulas by hand, and by simulation under both hypotheses."""

import json

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
        found = parzen.compare_models(
            models, real, metric=metric, kernel=kernel, permutations=19, blocks=5
        )
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
    assert found.differences[0].p_value == expected
    assert abs(found.differences[0].difference) == pytest.approx(abs(given), rel=1e-10)


def test_paired_standard_error_by_simulation():
    rng = np.random.default_rng(1)
    gaps, errors, unpaired = [], [], []
    for _ in range(200):
        real, a, b = draw(rng, 0.0, 0.6, 0.7, n=80, d=3)
        pair = parzen.compare_models({"a": a, "b": b}, real, permutations=1)
        sign = 1.0 if pair.differences[0].first == "a" else -1.0
        gaps.append(sign * pair.differences[0].difference)
        errors.append(pair.differences[0].difference.stderr)
        unpaired.append(np.hypot(*(value.stderr for value in pair.values.values())))
    spread = np.std(gaps)
    # A standard deviation of 200 is known to 5 %.
    assert 0.8 < np.sqrt(np.mean(np.square(errors))) / spread < 1.25
    assert np.mean(unpaired) > 1.1 * spread  # the noise of the real samples is shared


@pytest.mark.parametrize("metric", ["kid", "fid"])
def test_p_values_of_equal_models_are_uniform(metric):
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(200):
        real, a, b = draw(rng, 0.5, 0.0, 0.0, n=50, d=3)
        models = {"a": a, "b": b}
        found = parzen.compare_models(models, real, metric=metric, permutations=99, blocks=8)
        p_values.append(found.differences[0].p_value)
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 0.01


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


def test_table_plot_and_json(rng, tmp_path):
    from rich.console import Console

    real, a, b = draw(rng, 0.0, 0.0, 2.0)
    found = parzen.compare_models({"near": a, "far": b}, real, permutations=99)
    console = Console(record=True, width=100)
    console.print(found.table())
    text = console.export_text()
    for word in ("near", "far", "permutations", "differ", "0.01"):
        assert word in text
    assert (
        json.loads(json.dumps(found.to_dict()))["values"]["near"]["value"] == found.values["near"]
    )
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
        ({"a": a, "b": b[:1]}, ValueError, r"models\['b'\] has 1 sample"),
        ({"a": a, "b": b * np.nan}, ValueError, r"models\['b'\] has \d+ values that are NaN"),
    ):
        with pytest.raises(error, match=words):
            parzen.compare_models(models, real)
    with pytest.raises(ValueError, match="kernel is of metric 'mmd', not of 'kid'"):
        parzen.compare_models({"a": a, "b": b}, real, kernel=Polynomial())
    with pytest.raises(ValueError, match=r"models\['a'\] has 5 samples .* minimum of 20"):
        parzen.compare_models({"a": a[:5], "b": b}, real, metric="fid")
