"""The data-copying test against SciPy's Mann and Whitney, under the null, with copies, in cells."""

import builtins
import math

import numpy as np
import pytest
from scipy import stats

import parzen
import reference


def nearest(train, x):
    return np.sqrt(reference.squared_distances(train, x).min(axis=0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("sizes", "d"), [((50, 30, 40), 3), ((5, 2, 7), 1), ((60, 90, 20), 65)])
def test_is_mann_and_whitneys(dtype, sizes, d, rng):
    train, test, fake = (rng.normal(size=(n, d)).astype(dtype) for n in sizes)
    expected = stats.mannwhitneyu(
        nearest(train, fake),
        nearest(train, test),
        alternative="less",
        method="asymptotic",
        use_continuity=False,
    )
    result = parzen.data_copying_test(train, test, fake)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert result.z == pytest.approx(stats.norm.ppf(expected.pvalue), rel=1e-9)
    assert result.c_t == result.z
    assert result.cells == {}


def test_ties(rng):
    train, test, fake = (rng.integers(0, 5, size=(n, 2)).astype(float) for n in (12, 60, 70))
    expected = stats.mannwhitneyu(
        nearest(train, fake),
        nearest(train, test),
        alternative="less",
        method="asymptotic",
        use_continuity=False,
    )
    assert parzen.data_copying_test(train, test, fake).p_value == pytest.approx(expected.pvalue)
    # All at the same distance: no evidence of anything.
    assert parzen.data_copying_test(train, train.copy(), train.copy()).z == 0.0


def test_the_null_is_standard_normal(rng):
    labels = [np.repeat([0, 1], [30, 30]), np.repeat([0, 1], [30, 30]), np.repeat([0, 1], [30, 30])]
    results = []
    for _ in range(300):
        samples = rng.normal(size=(3, 60, 3)) + np.repeat([0.0, 9.0], 30)[:, None]
        results.append(parzen.data_copying_test(*samples, cells=labels))
    z = np.array([result.z for result in results])
    assert abs(z.mean()) < 4.0 / math.sqrt(300)
    assert stats.kstest(z, "norm").pvalue > 1e-3
    c_t = np.array([result.c_t for result in results])
    assert results[0].c_t.provenance["null_deviation"] == pytest.approx(math.sqrt(0.5))
    assert stats.kstest(c_t / math.sqrt(0.5), "norm").pvalue > 1e-3


def test_copies_and_far_samples(rng):
    train, test, fake = rng.normal(size=(3, 200, 4))
    copied = parzen.data_copying_test(train, test, train + 0.01 * fake)
    assert copied.z < -15
    assert copied.p_value < 1e-50
    assert parzen.data_copying_test(train, test, fake + 5.0).z > 15
    # All of U on one side: -nm/2 over the deviation.
    n = m = 200
    extreme = -n * m / 2 / math.sqrt(n * m * (n + m + 1) / 12)
    assert parzen.data_copying_test(train, test, train + 1e-6 * fake).z == pytest.approx(extreme)


def test_cells_by_their_formula(rng):
    samples = [rng.normal(size=(n, 2)) for n in (80, 60, 100)]
    labels = [rng.choice(["a", "b", "c"], size=len(s)) for s in samples]
    result = parzen.data_copying_test(*samples, cells=labels, least=5)
    weights, values = [], []
    for cell in "abc":
        parts = [s[of_row == cell] for s, of_row in zip(samples, labels, strict=True)]
        alone = parzen.data_copying_test(*parts).z
        assert result.cells[cell] == pytest.approx(alone, rel=1e-12)
        weights.append(len(parts[1]))
        values.append(alone)
    shares = np.array(weights) / 60
    assert result.c_t == pytest.approx(shares @ values, rel=1e-12)
    assert result.c_t.provenance["null_deviation"] == pytest.approx(np.linalg.norm(shares))
    assert result.z == parzen.data_copying_test(*samples).z


def test_a_statistic_has_no_standard_error(rng):
    labels = np.arange(40) % 2
    result = parzen.data_copying_test(*rng.normal(size=(3, 40, 2)), cells=[labels] * 3)
    for value in (result.z, result.c_t, *result.cells.values()):
        assert value.stderr is None
        with pytest.raises(ValueError, match="no standard error"):
            value.interval()
    assert result.z.provenance["null_deviation"] == 1.0
    assert result.p_value.stderr is None
    assert type(result.p_value) is type(parzen.mmd_test(*rng.normal(size=(2, 9, 2))).p_value)


def test_copying_in_one_cell_only(rng):
    # In one cell copies, in the other samples far off: all together they look innocent.
    shift = np.repeat([0.0, 50.0], 100)[:, None]
    train, test, fake = rng.normal(size=(3, 200, 2)) + shift
    fake[:100] = train[:100]
    fake[100:] = 50.0 + 3.0 * (fake[100:] - 50.0)
    pytest.importorskip("sklearn")
    result = parzen.data_copying_test(train, test, fake, cells=2)
    low, high = sorted(result.cells.values())
    assert low < -10
    assert high > 5
    assert abs(result.z) < abs(low) / 2
    assert result == parzen.data_copying_test(train, test, fake, cells=2)


def test_cells_with_few_fake_samples_are_left_out(rng):
    train, test = rng.normal(size=(2, 40, 2))
    fake = rng.normal(size=(23, 2))
    halves = np.repeat([0, 1], 20)
    cells = [halves, halves, [0] * 21 + [1] * 2]
    result = parzen.data_copying_test(train, test, fake, cells=cells)
    assert set(result.cells) == {0, 1}
    assert result.c_t == result.cells[0]
    without = parzen.data_copying_test(train, test, fake, cells=[halves, halves, [0] * 23])
    assert set(without.cells) == {0}
    with pytest.raises(ValueError, match="none of the 2 cells has 22 fake samples"):
        parzen.data_copying_test(train, test, fake, cells=cells, least=22)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cells": 0}, ValueError, "data_copying_test: cells is 0, expected an integer >= 1"),
        ({"cells": "abc"}, TypeError, "data_copying_test: cells is 'abc', expected an integer"),
        ({"cells": [[0] * 6, [0] * 5, [0] * 6]}, ValueError, "the cells of test has 5 labels"),
        (
            {"cells": [[0] * 6, [0] * 3 + [1] * 3, [0] * 6]},
            ValueError,
            "train has no samples in 1 of 2 cells: 1; pass fewer cells",
        ),
        (
            {"cells": [[0] * 6, [0] * 6, ["x"] * 6]},
            ValueError,
            "train has no samples in 1 of 2 cells: 'x'",
        ),
        ({"least": 0}, ValueError, "data_copying_test: least is 0"),
        ({"least": 20}, ValueError, "data_copying_test: least=20 has no effect without cells"),
        (
            {"cells": np.zeros((60, 4))},
            TypeError,
            r"cells is ndarray of shape \(60, 4\), expected an integer",
        ),
    ],
)
def test_options_that_are_refused(options, error, message, rng):
    with pytest.raises(error, match=message):
        parzen.data_copying_test(*rng.normal(size=(3, 6, 2)), **options)


def test_samples_that_are_refused(rng):
    with pytest.raises(ValueError, match="train has 2 columns, test 3, fake 2; expected the same"):
        parzen.data_copying_test(np.ones((4, 2)), np.ones((4, 3)), np.ones((4, 2)))
    pytest.importorskip("sklearn")
    with pytest.raises(ValueError, match="cells is 7, train has 6 samples; pass cells<=6"):
        parzen.data_copying_test(*rng.normal(size=(3, 6, 2)), cells=7)


def test_without_scikit_learn(rng, monkeypatch):
    real_import = builtins.__import__

    def no_sklearn(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_sklearn)
    with pytest.raises(ModuleNotFoundError, match="cells=2 needs sklearn: pip"):
        parzen.data_copying_test(*rng.normal(size=(3, 6, 2)), cells=2)


def test_progress_ends_at_one(rng):
    seen = []
    labels = np.arange(60) % 2
    samples = rng.normal(size=(3, 60, 3))
    parzen.data_copying_test(*samples, cells=[labels] * 3, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
