"""DCI: disentanglement, completeness and informativeness, from what predictors make use of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr
from sklearn.base import clone, is_classifier, is_regressor  # type: ignore[import-untyped]
from sklearn.ensemble import (  # type: ignore[import-untyped]
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LassoCV  # type: ignore[import-untyped]
from sklearn.utils.parallel import Parallel, delayed  # type: ignore[import-untyped]

from parzen._estimate import Estimate, provenance
from parzen._options import as_seed, check_choice
from parzen._shares import share_stderr
from parzen.latent._arrays import as_codes_and_factors
from parzen.latent.holdout import TEST_SIZE, Holdout, hold_out

ESTIMATORS: dict[str, Callable[[], Any]] = {
    "boosting": GradientBoostingClassifier,
    "forest": RandomForestClassifier,
    "lasso": LassoCV,
}


class DCI(NamedTuple):
    """What codes say about factors, by the predictors that read them.

    Attributes
    ----------
    disentanglement
        Whether each code matters to one factor only, 0 to 1.
    completeness
        Whether each factor needs one code only, 0 to 1.
    informativeness
        How well factors are predicted on rows held out: the mean accuracy, or R^2 of a regressor.
        Its standard error is that of a mean over these rows, with the predictors held fixed: a
        lower bound; of an accuracy of 0 or 1 it is 1/(2(n+1)), n these rows.
    importances
        (c, k) importance of each code for each factor.
    """

    disentanglement: Estimate
    completeness: Estimate
    informativeness: Estimate
    importances: NDArray[np.float64]


def dci(
    codes: object,
    factors: object,
    *,
    estimator: Any = "boosting",
    test_size: float = TEST_SIZE,
    seed: int = 0,
    n_jobs: int | None = None,
) -> DCI:
    """Return disentanglement, completeness and informativeness of codes about factors.

    One predictor a factor reads all codes. The entropies of its importances, over factors for a
    code and over codes for a factor, are taken to the base of their number; one minus these is
    weighted by each code's, each factor's, share in all importance.

    Parameters
    ----------
    codes
        (n, c) numbers, c >= 2. Predictors get them standardised.
    factors
        (n, k) integers, k >= 2, each factor with two values or more.
    estimator
        "boosting": scikit-learn's GradientBoostingClassifier, as in disentanglement_lib; slow.
        "forest": RandomForestClassifier. "lasso": LassoCV on the standardised factor, as in the
        paper; it takes factors as quantities. Or any scikit-learn classifier or regressor with
        ``feature_importances_`` or ``coef_`` (their magnitudes count, summed over classes).
    test_size
        The share of rows to test on.
    seed
        Of the split, and of the estimator where it takes a random_state and has none.
    n_jobs
        Processes that fit the k predictors, as in scikit-learn. It changes no number.

    Returns
    -------
    DCI
        ``disentanglement``, ``completeness``, ``informativeness`` and ``importances``.

    Raises
    ------
    ValueError, TypeError
        Where codes, factors or options are not as described.

    References
    ----------
    Eastwood and Williams, "A framework for the quantitative evaluation of disentangled
    representations", ICLR 2018, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(4, size=(600, 2))
    >>> result = latent.dci(factors, factors, estimator="forest")
    >>> min(result[:3]) > 0.9
    True
    >>> turned = factors @ [[1.0, -1.0], [1.0, 1.0]]
    >>> result = latent.dci(turned, factors, estimator="forest")
    >>> result.disentanglement < 0.1, result.informativeness > 0.9
    (True, True)
    """
    z, found = as_codes_and_factors(codes, factors, function="dci", least_codes=2, least_factors=2)
    seed = as_seed("dci: seed", seed)
    model = _model(estimator, seed)
    parts = hold_out("dci", z, found, test_size, seed).standardised()
    fits = Parallel(n_jobs=n_jobs)(
        delayed(_fit)(clone(model), parts, j) for j in range(len(found.sizes))
    )
    importances = np.stack([fit.importances for fit in fits], axis=1)
    of_rows = np.mean([fit.test for fit in fits], axis=0)
    record = provenance(
        "dci",
        z,
        factors=len(found.sizes),
        estimator=type(model).__name__,
        test_size=float(test_size),
        seed=seed,
        informativeness_train=float(np.mean([fit.train for fit in fits])),
        most_frequent=float(np.mean([fit.most_frequent for fit in fits])),
    )
    value, n = float(of_rows.mean()), len(of_rows)
    error = float(of_rows.std(ddof=1)) / math.sqrt(n)
    held: dict[str, Any] = {"lower_bound": "the predictors are held fixed"}
    if is_classifier(model):
        error = share_stderr(value, error, n)
        held["range"] = [0.0, 1.0]
    return DCI(
        Estimate(disentanglement(importances), None, record),
        Estimate(disentanglement(importances.T), None, record),
        Estimate(value, error, {**record, **held}),
        importances,
    )


def disentanglement(importances: NDArray[np.float64]) -> float:
    """Return the weighted mean of one minus the entropy of each row, to the base of its length.

    Of the transposed matrix it is the completeness. A row of zeros has no weight; a matrix of
    zeros has 0.
    """
    of_row = importances.sum(axis=1)
    if not of_row.any():
        return 0.0
    live = importances[of_row > 0.0] / of_row[of_row > 0.0, None]
    one_minus_entropy = 1.0 - entr(live).sum(axis=1) / math.log(importances.shape[1])
    weights = of_row[of_row > 0.0] / of_row.sum()
    return float(np.clip(weights @ one_minus_entropy, 0.0, 1.0))  # off by rounding only


class _Fit(NamedTuple):
    importances: NDArray[np.float64]
    train: float
    test: NDArray[np.float64]
    most_frequent: float


def _model(estimator: Any, seed: int) -> Any:
    if isinstance(estimator, str):
        check_choice("dci: estimator", estimator, tuple(ESTIMATORS), " or a scikit-learn estimator")
        model = ESTIMATORS[estimator]()
    elif hasattr(estimator, "get_params") and not isinstance(estimator, type):
        model = clone(estimator)
    else:
        raise TypeError(
            f"dci: estimator is {estimator!r}, expected {', '.join(map(repr, ESTIMATORS))} "
            f"or a scikit-learn estimator"
        )
    if not (is_classifier(model) or is_regressor(model)):
        raise TypeError(f"dci: estimator is {model!r}, expected a classifier or a regressor")
    if model.get_params().get("random_state", seed) is None:
        model.set_params(random_state=seed)
    return model


def _fit(model: Any, parts: Holdout, j: int) -> _Fit:
    train, test = parts.train_factors, parts.test_factors
    if is_classifier(model):
        y, truth = train.numbered[:, j], test.numbered[:, j]
        model.fit(parts.train, y)
        scores = [model.predict(parts.train) == y, model.predict(parts.test) == truth]
        most_frequent = float((truth == np.bincount(y).argmax()).mean())
    else:
        center, width = train.values[:, j].mean(), train.values[:, j].std()
        y, truth = ((part.values[:, j] - center) / width for part in (train, test))
        model.fit(parts.train, y)
        pairs = ((y, model.predict(parts.train)), (truth, model.predict(parts.test)))
        # Terms whose mean is R^2; of a factor that is constant in the test rows, with variance 1.
        scores = [1.0 - (a - b) ** 2 / (a.var() or 1.0) for a, b in pairs]
        most_frequent = 0.0
    return _Fit(
        _importances(model), float(scores[0].mean()), scores[1].astype(np.float64), most_frequent
    )


def _importances(model: Any) -> NDArray[np.float64]:
    given = getattr(model, "feature_importances_", getattr(model, "coef_", None))
    if given is None:
        raise TypeError(
            f"dci: a fitted {type(model).__name__} has neither feature_importances_ nor coef_; "
            f"pass an estimator that has"
        )
    magnitudes: NDArray[np.float64] = np.abs(np.atleast_2d(np.asarray(given, dtype=np.float64)))
    return np.asarray(magnitudes.sum(axis=0))
