"""Scores of codes about factors: their formulas, and their error bars against new samples."""

import importlib

import numpy as np
import pytest

import parzen
import reference_latent as reference

latent = pytest.importorskip("parzen.latent")
from sklearn.linear_model import LinearRegression, LogisticRegression  # noqa: E402
from sklearn.metrics import mutual_info_score, roc_auc_score  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402

dci_module = importlib.import_module("parzen.latent.dci")
explicitness_module = importlib.import_module("parzen.latent.explicitness")
holdout = importlib.import_module("parzen.latent.holdout")
batches = importlib.import_module("parzen.latent.batches")
doors = importlib.import_module("parzen.latent._arrays")


@pytest.mark.parametrize("bins", [2, 7, 20])
def test_mutual_information(bins, rng):
    codes, factors = reference.mixed(rng)
    found = latent.mutual_information(codes, factors, bins=bins)
    assert found == pytest.approx(reference.mutual_information(codes, factors, bins), abs=1e-13)
    assert found[0, 0] == pytest.approx(
        mutual_info_score(reference.bins_of(codes[:, 0], bins), factors[:, 0]), abs=1e-13
    )
    assert (found[3] == 0.0).all()


@pytest.mark.parametrize("corrected", [False, True])
def test_mig(corrected, rng):
    codes, factors = reference.mixed(rng)
    found = latent.mig(codes, factors, corrected=corrected, bootstraps=0)
    expected = reference.mig(codes, factors, 20, corrected)
    assert found.per_factor == pytest.approx(expected, abs=1e-12)
    assert found.gap == pytest.approx(expected.mean(), abs=1e-12)
    assert found.gap.stderr is None
    with pytest.raises(ValueError, match="no standard error"):
        found.gap.interval()


def test_miller_and_madow_take_off_the_bias(rng):
    # Independent codes and factors; all (bins - 1)(K - 1) / 2n of their information is bias.
    plain, corrected = [], []
    for _ in range(100):
        z, v = rng.uniform(size=(400, 1)), rng.integers(4, size=(400, 1))
        plain.append(latent.mutual_information(z, v, bins=10)[0, 0])
        corrected.append(latent.mutual_information(z, v, bins=10, corrected=True)[0, 0])
    error = np.std(plain) / 10.0
    assert np.mean(plain) == pytest.approx(9 * 3 / 800, abs=4 * error)
    assert np.mean(corrected) == pytest.approx(0.0, abs=4 * error)


def test_the_corrected_mig_and_its_interval(rng):
    def noisy(n):
        factors = rng.integers(4, size=(n, 2))
        codes = factors[:, [0, 0, 1]] + rng.normal(size=(n, 3)) * [0.4, 2.0, 0.7]
        codes[:2] = [[-2.0] * 3, [6.0] * 3]  # the bins are the same in every sample
        return np.clip(codes, -2.0, 6.0), factors

    truth = latent.mig(*noisy(200_000), bootstraps=0).gap
    plain, found = [], []
    for _ in range(40):
        data = noisy(250)
        plain.append(latent.mig(*data, bootstraps=60).gap)
        found.append(latent.mig(*data, corrected=True, bootstraps=60))
    gaps = np.array([result.gap for result in found])
    error = gaps.std() / np.sqrt(40)
    assert np.mean(plain) < truth - 4 * error
    assert abs(gaps.mean() - truth) < abs(np.mean(plain) - truth) / 2
    assert np.mean([result.gap.stderr for result in found]) == pytest.approx(gaps.std(), rel=0.4)
    inside = [low <= truth <= high for low, high in (gap.interval() for gap, _ in found)]
    assert sum(inside) >= 33  # of 40: 38 expected
    expectation = np.mean(plain)
    inside = [low <= expectation <= high for low, high in (gap.interval() for gap in plain)]
    assert sum(inside) >= 33


def test_the_interval_of_the_mig_is_the_bootstraps(rng):
    codes, factors = reference.mixed(rng)
    options = {"bootstraps": 50, "level": 0.9}
    gap = latent.mig(codes, factors, corrected=True, **options).gap
    taken = gap.provenance["interval"]
    assert gap.interval(0.9) == (taken["low"], taken["high"])
    assert taken["low"] < gap < taken["high"]
    with pytest.raises(ValueError, match=r"level is 0.95, the bootstrap's .* at 0.9; pass"):
        gap.interval()
    # The plain gap's is for its own expectation, about the plain gap.
    plain = latent.mig(codes, factors, **options).gap
    assert "corrected=True" in plain.provenance["estimand"]
    low, high = plain.interval(0.9)
    assert low < plain < high
    assert high - low == pytest.approx(2 * 1.645 * plain.stderr, rel=0.05)


def test_the_plain_mig_and_its_interval_stay_between_0_and_1(rng):
    # Nearly perfect codes, few rows: the basic bootstrap alone would reach past 1.
    factors = rng.integers(2, size=(40, 2))
    codes = np.where(rng.random((40, 2)) < 0.02, 1 - factors, factors)
    for seed in range(5):
        gap = latent.mig(codes, factors, bins=2, bootstraps=40, seed=seed).gap
        low, high = gap.interval()
        assert 0.0 <= low < high <= 1.0
    grid = np.array([[i, j] for i in range(3) for j in range(3)] * 4)
    perfect = latent.mig(grid, grid, bootstraps=20).gap
    assert perfect == 1.0
    low, high = perfect.interval()
    assert 0.5 < low < high == 1.0


def test_perfect_accuracies_are_not_certain(rng):
    factors = rng.integers(3, size=(300, 2))
    drawn = {"train_batches": 100, "test_batches": 100}
    for score, trials in (
        (latent.factor_vae(factors, factors, **drawn), 100),
        (latent.beta_vae(factors, factors, **drawn), 100),
        (latent.dci(factors, factors, estimator="forest").informativeness, 100),
        (latent.explicitness(factors, factors @ [[0, 1], [1, 0]]), 100),
    ):
        assert score == 1.0
        assert score.stderr == 0.5 / (trials + 1)
        with pytest.warns(parzen.LowerBoundWarning, match="held fixed"):
            low, high = score.interval()
        assert 0.9 < low < high == 1.0


def test_modularity(rng):
    codes, factors = reference.mixed(rng)
    mutual = reference.mutual_information(codes[:, :3], factors, 20)
    found = latent.modularity(codes[:, :3], factors)
    assert found == pytest.approx(reference.modularity(mutual), abs=1e-12)
    assert 0.0 < found.stderr < 0.1


@pytest.mark.parametrize(
    ("mutual", "expected"),
    [
        (np.diag([5.0] * 5), 1.0),
        ([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], 2 / 3),
        (np.hstack([np.eye(5), np.eye(5)]), 1 - 1 / 9),
        (np.ones((3, 4)), 0.0),
        ([[1e-200, 0.0], [0.0, 1e-200]], 1.0),
    ],
)
def test_modularity_of_a_matrix(mutual, expected):
    modularities = importlib.import_module("parzen.latent.modularity").modularities
    assert modularities(np.array(mutual)).mean() == pytest.approx(expected, abs=1e-15)


def test_sap(rng):
    codes, factors = reference.mixed(rng)
    live = codes[:, :3]
    assert latent.sap(live, factors, continuous=True) == pytest.approx(
        reference.sap_continuous(live, factors), abs=1e-12
    )
    found = latent.sap(codes, factors)
    parts = holdout.hold_out("", *doors.as_codes_and_factors(codes, factors, function=""), 1 / 3, 0)
    scores = np.zeros((3, 2))
    for i, j in np.ndindex(3, 2):
        model = LinearSVC(C=0.01, class_weight="balanced", dual=True, random_state=0)
        model.fit(parts.train[:, [i]], parts.train_factors.values[:, j])
        scores[i, j] = model.score(parts.test[:, [i]], parts.test_factors.values[:, j])
    ordered = np.sort(scores, axis=0)
    assert found == pytest.approx((ordered[-1] - ordered[-2]).mean(), abs=1e-12)
    assert 0.0 < found.stderr < 0.1


@pytest.mark.parametrize(
    ("importances", "disentanglement", "completeness"),
    [
        (np.diag([5.0] * 5), 1.0, 1.0),
        ([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], 1.0, 1.0),
        (np.zeros((4, 4)), 0.0, 0.0),
        (np.vstack([np.eye(5), np.eye(5)]), 1.0, 1.0 - np.log(2) / np.log(10)),
        (np.hstack([np.eye(5), np.eye(5)]), 1.0 - np.log(2) / np.log(10), 1.0),
        (np.ones((3, 4)), 0.0, 0.0),
    ],
)
def test_dci_of_a_matrix(importances, disentanglement, completeness):
    matrix = np.array(importances)
    assert dci_module.disentanglement(matrix) == pytest.approx(disentanglement, abs=1e-12)
    assert dci_module.disentanglement(matrix.T) == pytest.approx(completeness, abs=1e-12)


@pytest.mark.parametrize(
    "estimator", ["forest", "lasso", LogisticRegression(max_iter=500), LinearRegression()]
)
def test_dci_with_other_estimators(estimator, rng):
    codes, factors = reference.mixed(rng, 300)
    found = latent.dci(codes, factors, estimator=estimator)
    importances = found.importances
    assert importances.shape == (4, 2)
    expected = [reference.dci_disentanglement(m) for m in (importances, importances.T)]
    assert found[:2] == pytest.approx(expected, abs=1e-12)
    assert importances[:, 0].argmax() == 0
    assert 0.0 < found.informativeness < 1.0
    assert 0.0 < found.informativeness.stderr < 0.2


def test_informativeness_of_a_regressor_is_r_squared(rng):
    codes, factors = reference.mixed(rng, 300)
    found = latent.dci(codes, factors, estimator=LinearRegression()).informativeness
    parts = holdout.hold_out("", *doors.as_codes_and_factors(codes, factors, function=""), 1 / 3, 0)
    scores = []
    for y, truth in zip(parts.train_factors.values.T, parts.test_factors.values.T, strict=True):
        scores.append(LinearRegression().fit(parts.train, y).score(parts.test, truth))
    assert found == pytest.approx(np.mean(scores), abs=1e-12)


def test_explicitness_is_the_mean_area_under_roc_curves(rng):
    codes, factors = reference.mixed(rng, 300)
    z, found = doors.as_codes_and_factors(codes, factors, function="")
    parts = holdout.hold_out("", z, found, 1 / 3, 0).standardised()
    areas = []
    for j in range(2):
        y, truth = parts.train_factors.numbered[:, j], parts.test_factors.numbered[:, j]
        p = LogisticRegression(max_iter=1000).fit(parts.train, y).predict_proba(parts.test)
        areas.append(np.mean([roc_auc_score(truth == c, p[:, c]) for c in np.unique(truth)]))
    score = latent.explicitness(codes, factors)
    assert score == pytest.approx(np.mean(areas), abs=1e-12)


def test_roc_areas_and_their_standard_error(rng):
    truth = rng.integers(3, size=60)
    p = (rng.normal(size=(60, 3)) + np.eye(3)[truth]).round(1)  # with ties
    area, _ = explicitness_module.mean_area(truth, p, np.arange(3))
    expected = np.mean([reference.roc_area(p[:, c], truth == c) for c in range(3)])
    assert area == pytest.approx(expected, abs=1e-12)
    # A value that is not among the classes is never predicted.
    without, _ = explicitness_module.mean_area(truth, p[:, :2], np.arange(2))
    two = [reference.roc_area(p[:, c], truth == c) for c in range(2)]
    assert without == pytest.approx((sum(two) + 0.5) / 3, abs=1e-12)

    areas, errors = [], []
    for _ in range(200):
        truth = rng.integers(3, size=150)
        p = rng.normal(size=(150, 3)) + np.eye(3)[truth]
        area, influence = explicitness_module.mean_area(truth, p, np.arange(3))
        areas.append(area)
        errors.append(influence.std(ddof=1) / np.sqrt(150))
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.2)


def test_batches_share_a_value(rng):
    numbered = np.concatenate([rng.integers(5, size=(80, 2)), [[5, 5]]])  # the last row is alone
    factors = doors.Factors(numbered, numbered, np.array([6, 6]))
    shared = batches.SharedValues("", factors)
    for j in range(2):
        rows = shared.batches(j, 500, 8, rng)
        values = numbered[rows, j]
        assert (values == values[:, :1]).all()
        assert 80 not in rows
        # As often as rows have the value: 4 standard deviations of a count.
        share = np.bincount(numbered[:80, j], minlength=5) / 80
        seen = np.bincount(values[:, 0], minlength=5) / 500
        assert (np.abs(seen - share) < 4 * np.sqrt(share * (1 - share) / 500)).all()
        first, second = shared.pairs(j, 500, 8, rng)
        assert (numbered[first, j] == numbered[second, j]).all()
        assert (first != second).all()
        assert 80 not in first
    assert shared.fewest == min(np.bincount(column[:80]).min() for column in numbered.T)


def test_chunks_add_up():
    assert batches.chunks(10, 2**22) == [1] * 10
    assert batches.chunks(0, 5) == []
    assert sum(batches.chunks(1000, 3000)) == 1000
