"""The BetaVAE score: whether a linear classifier sees from the codes which factor pairs share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_seed
from parzen.latent._arrays import Codes, Indices, as_codes_and_factors
from parzen.latent.batches import SharedValues, accuracy, chunks
from parzen.latent.holdout import TEST_SIZE, hold_out


def beta_vae(
    codes: object,
    factors: object,
    *,
    batch_size: int = 64,
    train_batches: int = 10_000,
    test_batches: int = 5_000,
    test_size: float = TEST_SIZE,
    seed: int = 0,
) -> Estimate:
    """Return the BetaVAE score of codes about factors.

    The rows of each pair in a batch share the value of one factor. From the mean of |z1 - z2| over
    the batch a logistic regression tells which factor it is; the score is its accuracy on new
    batches.

    Parameters
    ----------
    codes
        (n, c) numbers; taken as they are, so that the classifier's penalty depends on their scale.
    factors
        (n, k) integers, k >= 2, each factor with two values or more.
    batch_size
        Pairs of a batch: a row at random and another that has the same value.
    train_batches, test_batches
        How many batches to learn from and to test on. Each is of a random factor.
    test_size
        The share of rows that the test batches are of; the others are those of the training.
    seed
        Of the split and the draws.

    Returns
    -------
    Estimate
        1/k at chance, to 1. The standard error is that of the draw of batches, with rows and
        classifier held fixed: a lower bound. ``provenance`` has the accuracy on the training
        batches and the fewest rows of a value that pairs were drawn from.

    Raises
    ------
    ValueError, TypeError
        Where codes, factors or options are not as described.

    Notes
    -----
    A score of 1 does not mean that codes are aligned with factors: those of a rotation differ by
    factor too, unless the factors it mixes are spread alike. The paper draws pairs from a
    generator, where all other factors vary independently; here they vary as in the given rows.

    References
    ----------
    Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational
    framework", ICLR 2017, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(4, size=(1000, 2))
    >>> float(latent.beta_vae(factors, factors, train_batches=500, test_batches=500))
    1.0
    """
    z, found = as_codes_and_factors(codes, factors, function="beta_vae", least_factors=2)
    batch_size = as_integer("beta_vae: batch_size", batch_size, 1)
    train_batches = as_integer("beta_vae: train_batches", train_batches, 2)
    test_batches = as_integer("beta_vae: test_batches", test_batches, 1)
    seed = as_seed("beta_vae: seed", seed)
    random = np.random.default_rng(seed)
    parts = hold_out("beta_vae", z, found, test_size, seed)
    training = SharedValues("beta_vae", parts.train_factors)
    testing = SharedValues("beta_vae", parts.test_factors)
    differences, truth = _differences(parts.train, training, batch_size, train_batches, random)
    if (truth == truth[0]).all():
        raise ValueError(
            f"beta_vae: all {train_batches} training batches share factor {truth[0]}; "
            f"pass more train_batches"
        )
    # More steps than the default: the classes of good codes are separable, and take them.
    model = LogisticRegression(max_iter=1000).fit(differences, truth)
    record = provenance(
        "beta_vae",
        z,
        factors=len(found.sizes),
        batch_size=batch_size,
        train_batches=train_batches,
        test_batches=test_batches,
        test_size=float(test_size),
        seed=seed,
        fewest_rows=min(training.fewest, testing.fewest),
        accuracy_train=float(model.score(differences, truth)),
    )
    differences, truth = _differences(parts.test, testing, batch_size, test_batches, random)
    hits = int(np.count_nonzero(model.predict(differences) == truth))
    return accuracy(hits, test_batches, record)


def _differences(
    codes: Codes, shared: SharedValues, batch_size: int, count: int, random: np.random.Generator
) -> tuple[NDArray[np.float64], Indices]:
    """Return (count, c) mean absolute differences and the factor that each batch shares."""
    k = len(shared.factors.sizes)
    truth = np.sort(random.integers(k, size=count))
    found = []
    for j, of_factor in enumerate(np.bincount(truth, minlength=k)):
        for part in chunks(int(of_factor), batch_size * codes.shape[1]):
            first, second = shared.pairs(j, part, batch_size, random)
            found.append(np.abs(codes[first] - codes[second]).mean(axis=1))
    return np.concatenate(found), truth
