"""Scores of representations of which theory knows what they deserve; invariances; errors."""

import itertools

import numpy as np
import pytest

import reference_latent as reference

latent = pytest.importorskip("parzen.latent")
from joblib import parallel_config  # noqa: E402
from sklearn.ensemble import GradientBoostingClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402

BATCHES = {"train_batches": 600, "test_batches": 600}
QUICK = GradientBoostingClassifier(n_estimators=10)
TURN = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2.0)  # by 45 degrees


def grid(*sizes, times):
    """Every combination of factor values, so often: factors that are exactly independent."""
    return np.array(list(itertools.product(*map(range, sizes))) * times)


# Perfect, rotated and useless.


def test_perfect_codes():
    factors = grid(3, 4, 5, times=10)
    codes = factors[:, [2, 0, 1]] * [1.0, -2.0, 0.5] + [100.0, -3.0, 0.0]
    assert latent.mig(codes, factors, bootstraps=0).gap == pytest.approx(1.0, abs=1e-12)
    corrected = latent.mig(codes, factors, corrected=True, bootstraps=0)
    # The second-best code tells nothing, and less than nothing once all pairs that occur count.
    assert 1.0 < corrected.gap < 1.02
    assert latent.modularity(codes, factors, bootstraps=0) == 1.0
    assert latent.sap(codes, factors, continuous=True, bootstraps=0) == pytest.approx(
        1.0, abs=1e-12
    )
    assert latent.explicitness(codes, factors) > 0.999
    assert latent.factor_vae(codes, factors, **BATCHES) == 1.0
    assert latent.beta_vae(codes, factors, **BATCHES) == 1.0
    result = latent.dci(codes, factors, estimator=QUICK)
    assert min(result[:3]) > 0.99
    assert result.importances.argmax(axis=0).tolist() == [1, 2, 0]


def test_perfect_binary_codes_have_the_largest_possible_sap():
    # The other codes guess: half of the rows right, of two values.
    factors = grid(2, 2, times=150)
    score = latent.sap(factors, factors)
    assert score == pytest.approx(0.5, abs=4 * score.stderr)


def test_default_estimator_is_boosting():
    factors = grid(2, 3, times=20)
    result = latent.dci(factors, factors)
    assert result.disentanglement.provenance["estimator"] == "GradientBoostingClassifier"
    assert min(result[:3]) > 0.99


def test_rotation_kills_what_wants_axes_and_keeps_what_wants_information():
    factors = grid(4, 4, times=40)
    codes = factors @ TURN
    assert latent.mig(codes, factors, bootstraps=0).gap == pytest.approx(0.0, abs=0.01)
    assert latent.sap(codes, factors) < 0.06
    assert latent.sap(codes, factors, continuous=True) < 0.01
    assert latent.modularity(codes, factors) < 0.01
    result = latent.dci(codes, factors, estimator=GradientBoostingClassifier(n_estimators=25))
    assert result.disentanglement < 0.05
    assert result.completeness < 0.05
    assert result.informativeness > 0.95
    assert latent.explicitness(codes, factors) > 0.97
    # Both codes vary alike whichever factor is fixed.
    assert latent.factor_vae(codes, factors, **BATCHES) < 0.6


def test_beta_vae_sees_factors_through_a_rotation_where_they_are_spread_differently(rng):
    factors = grid(2, 6, times=50)
    assert latent.beta_vae(factors @ TURN, factors, **BATCHES) == 1.0
    assert latent.mig(factors @ TURN, factors, bootstraps=0).gap < 0.5
    alike = rng.integers(4, size=(4000, 2))
    score = latent.beta_vae(alike @ TURN, alike, **BATCHES)
    assert score == pytest.approx(0.5, abs=0.1)


def test_useless_codes(rng):
    factors, codes = rng.integers(3, size=(3000, 3)), rng.normal(size=(3000, 4))
    plain = latent.mig(codes, factors, bootstraps=20)
    assert 0.0 <= plain.gap < 0.01
    assert latent.sap(codes, factors, continuous=True) < 0.005
    assert latent.sap(codes, factors) < 0.04
    score = latent.explicitness(codes, factors)
    assert score == pytest.approx(0.5, abs=4 * score.stderr)
    for chance in (
        latent.factor_vae(codes, factors, **BATCHES),
        latent.beta_vae(codes, factors, **BATCHES),
        latent.dci(codes, factors, estimator=QUICK).informativeness,
    ):
        assert chance == pytest.approx(1 / 3, abs=0.08)


def test_dead_codes():
    # Beside perfect ones they cost nothing, but in modularity, where they count 0; alone, 0.
    factors = grid(3, 3, times=20)
    codes = np.concatenate([factors, np.full((180, 1), 0.1)], axis=1)
    assert latent.mig(codes, factors, bootstraps=0).gap == pytest.approx(1.0, abs=1e-12)
    assert latent.modularity(codes, factors, bootstraps=0) == pytest.approx(2 / 3)
    assert latent.factor_vae(codes, factors, **BATCHES).provenance["active"] == 2
    assert latent.factor_vae(codes, factors, **BATCHES) == 1.0
    assert latent.explicitness(codes, factors) > 0.99
    found = latent.dci(codes, factors, estimator=QUICK)
    assert found.importances[2].tolist() == [0.0, 0.0]
    assert found.disentanglement > 0.99

    dead = np.full((180, 2), 0.1)
    assert latent.mig(dead, factors).gap == 0.0
    assert latent.sap(dead, factors) == latent.sap(dead, factors, continuous=True) == 0.0
    assert latent.modularity(dead, factors) == 0.0
    assert latent.factor_vae(dead, factors) == 0.0
    assert latent.explicitness(dead, factors) == 0.5
    found = latent.dci(dead, factors, estimator="forest")
    assert found.disentanglement == found.completeness == 0.0


# Invariances.


SCORES = {
    "mig": lambda z, v, **_: latent.mig(z, v, bootstraps=20).gap,
    "mig corrected": lambda z, v, **_: latent.mig(z, v, bootstraps=20, corrected=True).gap,
    "modularity": lambda z, v, **_: latent.modularity(z, v, bootstraps=20),
    "sap": lambda z, v, **more: latent.sap(z, v, bootstraps=20, **more),
    "sap continuous": lambda z, v, **_: latent.sap(z, v, continuous=True, bootstraps=20),
    "dci": lambda z, v, **more: latent.dci(z, v, estimator=QUICK, **more).disentanglement,
    "informativeness": lambda z, v, **more: (
        latent.dci(z, v, estimator=QUICK, **more).informativeness
    ),
    "explicitness": lambda z, v, **more: latent.explicitness(z, v, **more),
    "factor_vae": lambda z, v, **_: latent.factor_vae(z, v, **BATCHES),
    "beta_vae": lambda z, v, **_: latent.beta_vae(z, v, **BATCHES),
}


@pytest.mark.parametrize("name", SCORES)
def test_the_same_seed_gives_the_same_number(name, rng):
    codes, factors = reference.mixed(rng, 200)
    first, second = SCORES[name](codes, factors), SCORES[name](codes, factors)
    assert first == second
    assert first.stderr == second.stderr


@pytest.mark.parametrize("name", SCORES)
def test_names_of_values_and_units_of_codes_do_not_matter(name, rng):
    codes, factors = reference.mixed(rng, 200)
    score = SCORES[name](codes, factors)
    if "continuous" not in name:
        assert SCORES[name](codes, 7 * factors - 1000) == score
    if name not in ("sap", "beta_vae", "factor_vae"):  # a penalty or a threshold has their unit
        assert SCORES[name](codes * 4.0, factors) == pytest.approx(score, abs=1e-6)
    if name not in ("dci", "informativeness", "factor_vae"):  # these choose at random among equals
        swapped = SCORES[name](codes[:, [2, 3, 0, 1]], factors)
        assert swapped == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("name", ["sap", "informativeness", "explicitness"])
def test_the_number_of_jobs_changes_no_bit(name, rng):
    codes, factors = reference.mixed(rng, 200)
    with parallel_config("threading"):
        assert SCORES[name](codes, factors, n_jobs=2) == SCORES[name](codes, factors)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32])
def test_types_of_codes_and_factors(dtype, rng):
    codes, factors = reference.mixed(rng, 200)
    codes = (8 * codes).round().astype(dtype)
    wide = latent.mig(codes.astype(np.float64), factors)
    for kind in (np.uint8, np.int64, np.float32):
        assert latent.mig(codes, factors.astype(kind)).gap == wide.gap


# Errors.


def wrong(codes=None, factors=None, **options):
    return codes, factors, options


GOOD = np.arange(40.0).reshape(20, 2) % 7, np.arange(40).reshape(20, 2) % 3


@pytest.mark.parametrize(
    ("score", "given", "message"),
    [
        ("mig", wrong(codes=GOOD[0][:, :1]), "mig: codes has 1 column, expected at least 2"),
        ("sap", wrong(codes=GOOD[0][:, :1]), "sap: codes has 1 column, expected at least 2"),
        ("dci", wrong(factors=GOOD[1][:, :1]), "dci: factors has 1 column, expected at least 2"),
        ("modularity", wrong(factors=GOOD[1][:, :1]), "modularity: factors has 1 column"),
        ("beta_vae", wrong(factors=GOOD[1][:, :1]), "beta_vae: factors has 1 column"),
        ("mig", wrong(codes=GOOD[0][:10]), "mig: codes has 10 rows, factors has 20"),
        ("mig", wrong(codes=GOOD[0][:, 0]), r"mig: codes has shape \(20,\), expected \(n, d\)"),
        (
            "explicitness",
            wrong(factors=GOOD[1] * [1, 0] + 7),
            r"explicitness: column 1 of factors has one value only \(7\)",
        ),
        (
            "factor_vae",
            wrong(factors=GOOD[1] + 0.5),
            "factor_vae: factors has 0.5 in row 0, column 0; expected integers",
        ),
        (
            "mig",
            wrong(factors=np.arange(40).reshape(20, 2)),
            "mig: column 0 of factors has 20 values in 20 rows, expected at most half as many",
        ),
        ("mig", wrong(factors=GOOD[1] + 1e16), "expected integers up to 2"),
        ("mig", wrong(factors=np.where(GOOD[1] == 0, np.nan, 1)), "factors has .* NaN or infinity"),
        ("sap", wrong(codes=GOOD[0] * np.nan), "sap: codes has 40 values that are NaN"),
        ("mig", wrong(codes=GOOD[0] * 1e200), "mig: .* would overflow"),
        ("mig", wrong(bins=1), "mig: bins is 1, expected an integer >= 2"),
        ("mig", wrong(bootstraps=1), "mig: bootstraps is 1, expected 0 .* or at least 2"),
        ("mig", wrong(level=1.0), "mig: level is 1.0, expected a number between 0 and 1"),
        ("mig", wrong(seed=-1), "mig: seed is -1"),
        ("modularity", wrong(bootstraps=-1), "modularity: bootstraps is -1"),
        ("sap", wrong(test_size=1.0), "sap: test_size is 1.0, expected a share"),
        ("dci", wrong(test_size=0.01), "dci: test_size 0.01 of 20 rows leaves fewer than 2"),
        ("dci", wrong(estimator="trees"), "dci: estimator is 'trees', expected 'boosting' or"),
        ("factor_vae", wrong(batch_size=1), "factor_vae: batch_size is 1"),
        ("factor_vae", wrong(prune=-0.1), "factor_vae: prune is -0.1"),
        ("factor_vae", wrong(train_batches=0), "factor_vae: train_batches is 0"),
        ("beta_vae", wrong(test_batches=0), "beta_vae: test_batches is 0"),
    ],
)
def test_what_is_refused(score, given, message):
    codes, factors, options = given
    codes, factors = (
        (GOOD[0] if codes is None else codes),
        (GOOD[1] if factors is None else factors),
    )
    with pytest.raises(ValueError, match=message):
        getattr(latent, score)(codes, factors, **options)


def test_shares_that_are_no_numbers_are_refused():
    for score in ("sap", "dci", "explicitness", "factor_vae", "beta_vae"):
        with pytest.raises(TypeError, match=f"{score}: test_size is 'a third', expected a number"):
            getattr(latent, score)(*GOOD, test_size="a third")


@pytest.mark.parametrize("estimator", [KNeighborsClassifier(), 3, LogisticRegression])
def test_estimators_without_importances_are_refused(estimator):
    with pytest.raises(TypeError, match=r"dci: (estimator is|a fitted KNeighborsClassifier has)"):
        latent.dci(*GOOD, estimator=estimator)


def with_a_seed(train, of):
    """Return a seed whose rows to train with are such, by a condition on their factors."""
    for seed in range(200):
        rows, _ = train_test_split(np.arange(len(of)), test_size=0.5, random_state=seed)
        if train(of[rows, 0], np.delete(of[:, 0], rows)):
            return seed
    raise AssertionError


@pytest.mark.parametrize("score", [latent.sap, latent.explicitness, latent.factor_vae])
def test_rows_to_train_with_that_say_nothing(score):
    factors = np.array([[0, 0], [0, 1], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0], [1, 1]])
    seed = with_a_seed(lambda train, _: not train.any(), factors)
    with pytest.raises(ValueError, match=r"column 0 .* one value only in the 4 rows to train with"):
        score(factors + 0.5, factors, test_size=0.5, seed=seed)


def test_rows_to_test_on_that_say_nothing():
    factors = np.array([[0, 0], [0, 1], [0, 0], [0, 1], [0, 0], [0, 1], [1, 0], [1, 1]])
    seed = with_a_seed(lambda _, test: not test.any(), factors)
    with pytest.raises(ValueError, match=r"explicitness: column .* in the 4 rows to test on"):
        latent.explicitness(factors + 0.5, factors, test_size=0.5, seed=seed)


@pytest.mark.parametrize("score", [latent.beta_vae, latent.factor_vae])
def test_batches_need_values_that_rows_share(score):
    factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1], [3, 0], [3, 1]])
    seed = with_a_seed(lambda train, _: len(set(train)) == 4, factors)
    with pytest.raises(ValueError, match="no two have the same value in column 0 of factors"):
        score(factors + 0.5, factors, test_size=0.5, seed=seed)
