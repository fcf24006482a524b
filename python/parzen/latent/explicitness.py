"""Explicitness: how well a linear classifier tells the values of a factor apart from all codes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.utils.parallel import Parallel, delayed  # type: ignore[import-untyped]

from parzen._estimate import Estimate, provenance
from parzen._options import as_seed
from parzen._shares import share_stderr
from parzen.latent._arrays import Indices, as_codes_and_factors
from parzen.latent.holdout import TEST_SIZE, Holdout, check_varied, hold_out


def explicitness(
    codes: object,
    factors: object,
    *,
    test_size: float = TEST_SIZE,
    seed: int = 0,
    n_jobs: int | None = None,
) -> Estimate:
    """Return the explicitness of codes about factors.

    A logistic regression on the standardised codes gives each value of a factor a probability; of
    each value the area under the ROC curve against all others, of a factor their mean, of all
    factors the mean.

    Parameters
    ----------
    codes
        (n, c) numbers.
    factors
        (n, k) integers, each factor with two values or more. Values that no test row has are left
        out; one that no training row has is never predicted and counts 1/2.
    test_size
        The share of rows to test on.
    seed
        Of the split.
    n_jobs
        Processes that fit the k classifiers, as in scikit-learn. It changes no number.

    Returns
    -------
    Estimate
        1/2 where nothing is told, to 1. The standard error is DeLong's, with the covariances of
        all curves, over the test rows; the classifiers are held fixed: a lower bound. Where all
        curves are perfect it is 1/(2(n+1)), n the test rows.

    Raises
    ------
    ValueError, TypeError
        Where codes, factors or options are not as described.

    References
    ----------
    Ridgeway and Mozer, "Learning deep disentangled embeddings with the F-statistic loss", NeurIPS
    2018, section 3. Standard error: DeLong et al., Biometrics 44, 1988.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(2, size=(600, 2))
    >>> float(latent.explicitness(factors @ [[1.0, -1.0], [1.0, 1.0]], factors))
    1.0
    """
    z, found = as_codes_and_factors(codes, factors, function="explicitness")
    seed = as_seed("explicitness: seed", seed)
    parts = hold_out("explicitness", z, found, test_size, seed).standardised()
    check_varied("explicitness", parts.test_factors.numbered, "test on")
    areas = Parallel(n_jobs=n_jobs)(delayed(_mean_area)(parts, j) for j in range(len(found.sizes)))
    influence = np.mean([area.influence for area in areas], axis=0)
    record = provenance(
        "explicitness",
        z,
        factors=len(found.sizes),
        test_size=float(test_size),
        seed=seed,
        range=[0.0, 1.0],
        lower_bound="the classifiers are held fixed",
        explicitness_train=float(np.mean([area.train for area in areas])),
    )
    value, n = float(np.mean([area.test for area in areas])), len(influence)
    error = share_stderr(value, float(influence.std(ddof=1)) / math.sqrt(n), n)
    return Estimate(value, error, record)


class _Areas(NamedTuple):
    train: float
    test: float
    influence: NDArray[np.float64]


def _mean_area(parts: Holdout, j: int) -> _Areas:
    y, truth = parts.train_factors.numbered[:, j], parts.test_factors.numbered[:, j]
    # More steps than the default: nearly separable classes take them.
    model = LogisticRegression(max_iter=1000).fit(parts.train, y)
    train, _ = mean_area(y, model.predict_proba(parts.train), model.classes_)
    return _Areas(train, *mean_area(truth, model.predict_proba(parts.test), model.classes_))


def mean_area(
    truth: Indices, probabilities: NDArray[np.float64], classes: Indices
) -> tuple[float, NDArray[np.float64]]:
    """Return the mean one-against-all ROC area and what each row does to it.

    The area is the mean, over rows of the class, of the share of other rows with a lower
    probability, ties by half. A row's influence is its own such share less the area, over its
    side's share of the rows (DeLong et al.): their variance over n is that of the mean area.
    """
    present = np.unique(truth)
    areas = np.full(len(present), 0.5)
    influence = np.zeros(len(truth))
    for number, value in enumerate(present):
        inside = truth == value
        count, others = np.count_nonzero(inside), np.count_nonzero(~inside)
        column = np.flatnonzero(classes == value)
        if len(column) == 0:
            continue
        scores = probabilities[:, column[0]]
        ranks = rankdata(scores)
        below = (ranks[inside] - rankdata(scores[inside])) / others
        above = 1.0 - (ranks[~inside] - rankdata(scores[~inside])) / count
        areas[number] = below.mean()
        influence[inside] += (below - areas[number]) * len(truth) / count
        influence[~inside] += (above - areas[number]) * len(truth) / others
    return float(areas.mean()), influence / len(present)
