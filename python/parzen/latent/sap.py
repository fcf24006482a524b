"""SAP: how far the code that predicts a factor best is ahead of the second best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC  # type: ignore[import-untyped]
from sklearn.utils.parallel import Parallel, delayed  # type: ignore[import-untyped]

from parzen._estimate import Estimate, provenance
from parzen._options import as_seed
from parzen.latent._arrays import Codes, Indices, as_codes_and_factors
from parzen.latent.bootstrap import REPLICATES, as_replicates, replicates, stderr
from parzen.latent.holdout import TEST_SIZE, hold_out


def sap(
    codes: object,
    factors: object,
    *,
    continuous: bool = False,
    test_size: float = TEST_SIZE,
    bootstraps: int = REPLICATES,
    seed: int = 0,
    n_jobs: int | None = None,
) -> Estimate:
    """Return the separated attribute predictability of codes about factors.

    Of each factor it is the difference of the two highest scores that single codes reach in
    predicting it; of all, the mean.

    Parameters
    ----------
    codes
        (n, c) numbers, c >= 2. The support vector machine's penalty depends on their scale: they
        are taken as they are, as in disentanglement_lib.
    factors
        (n, k) integers, each factor with two values or more.
    continuous
        False: the score is the test accuracy of ``LinearSVC(C=0.01, class_weight="balanced")``.
        A constant code guesses the most frequent value.
        True: the squared correlation over all rows; factors are then quantities.
    test_size
        The share of rows to test on.
    bootstraps
        How many times rows (to test on, where there are such) are drawn again for the standard
        error; 0: none. The predictors stay.
    seed
        Of the split and the bootstrap.
    n_jobs
        Processes that fit predictors, as in scikit-learn. It changes no number.

    Returns
    -------
    Estimate
        0 to 1; of accuracies, at most 1 less what guessing reaches, and the standard error, with
        the predictors held fixed, a lower bound.

    Raises
    ------
    ValueError, TypeError
        Where codes, factors or options are not as described.

    References
    ----------
    Kumar et al., "Variational inference of disentangled latent concepts from unlabeled
    observations", ICLR 2018, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(2, size=(600, 2))
    >>> latent.sap(factors, factors) > 0.4
    True
    >>> latent.sap(factors, factors, continuous=True) > 0.9
    True
    """
    z, found = as_codes_and_factors(codes, factors, function="sap", least_codes=2)
    bootstraps = as_replicates("sap", bootstraps)
    seed = as_seed("sap: seed", seed)
    parts = None if continuous else hold_out("sap", z, found, test_size, seed)
    record = provenance(
        "sap",
        z,
        factors=len(found.sizes),
        continuous=parts is None,
        test_size=None if parts is None else float(test_size),
        bootstraps=bootstraps,
        seed=seed,
    )
    if parts is None:
        values = found.values.astype(np.float64)
        score = top_two_gap(squared_correlations(z, values))

        def again(rows: NDArray[np.int64]) -> float:
            return top_two_gap(squared_correlations(z[rows], values[rows]))

        drawn = replicates(again, len(z), bootstraps, seed)
        return Estimate(score, stderr(drawn), record)

    pairs = [(i, j) for i in range(z.shape[1]) for j in range(len(found.sizes))]
    hits = Parallel(n_jobs=n_jobs)(
        delayed(_hits)(
            parts.train[:, [i]],
            parts.train_factors.numbered[:, j],
            parts.test[:, [i]],
            parts.test_factors.numbered[:, j],
        )
        for i, j in pairs
    )
    correct = np.stack(hits, axis=1).reshape(len(parts.test), z.shape[1], -1)
    drawn = replicates(
        lambda rows: top_two_gap(correct[rows].mean(axis=0)), len(correct), bootstraps, seed
    )
    record["lower_bound"] = "the predictors are held fixed"
    return Estimate(top_two_gap(correct.mean(axis=0)), stderr(drawn), record)


def _hits(code: Codes, factor: Indices, test_code: Codes, truth: Indices) -> NDArray[np.bool_]:
    if (code == code[0]).all():  # a dead code: no value of the factor is likelier than before
        return np.asarray(truth == np.bincount(factor).argmax())
    # The primal problem: of one column it is the faster one, and nothing in it is random.
    model = LinearSVC(C=0.01, class_weight="balanced", dual=False).fit(code, factor)
    return np.asarray(model.predict(test_code) == truth)


def squared_correlations(codes: Codes, factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared correlation of each code with each factor; 0 of what is constant."""
    a, b = (_unit_columns(values) for values in (codes, factors))
    return np.square(a.T @ b)


def _unit_columns(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    varied = np.ptp(values, axis=0) > 0.0
    unit: NDArray[np.float64] = np.zeros_like(centred)
    np.divide(centred, lengths, out=unit, where=varied)
    return unit


def top_two_gap(scores: NDArray[np.float64]) -> float:
    """Return the mean over factors of the difference of the two best codes' scores (c, k)."""
    *_, second, first = np.sort(scores, axis=0)
    return float((first - second).mean())
