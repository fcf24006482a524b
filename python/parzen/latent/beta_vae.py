"""The BetaVAE score: whether a linear classifier sees from the codes which factor pairs share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_seed
from parzen.latent._arrays import Codes, Indices, as_codes_and_factors
from parzen.latent.batches import SharedValues, accuracy, chunks


def beta_vae(
    codes: object,
    factors: object,
    *,
    batch_size: int = 64,
    train: int = 10_000,
    test: int = 5_000,
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
    train, test
        How many batches to learn from and to test on. Each is of a random factor.
    seed
        Of the draws.

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
    >>> float(latent.beta_vae(factors, factors, train=500, test=500))
    1.0
    """
    z, found = as_codes_and_factors(codes, factors, function="beta_vae", least_factors=2)
    batch_size = as_integer("beta_vae: batch_size", batch_size, 1)
    train = as_integer("beta_vae: train", train, 2)
    test = as_integer("beta_vae: test", test, 1)
    seed = as_seed("beta_vae: seed", seed)
    random = np.random.default_rng(seed)
    shared = SharedValues(found)
    differences, truth = _differences(z, shared, batch_size, train, random)
    if (truth == truth[0]).all():
        raise ValueError(
            f"beta_vae: all {train} training batches are of factor {truth[0]}; pass a larger train"
        )
    # More steps than the default: the classes of good codes are separable, and take them.
    model = LogisticRegression(max_iter=1000).fit(differences, truth)
    record = provenance(
        "beta_vae",
        z,
        factors=len(found.sizes),
        batch_size=batch_size,
        train=train,
        test=test,
        seed=seed,
        fewest_rows=shared.fewest,
        accuracy_train=float(model.score(differences, truth)),
    )
    differences, truth = _differences(z, shared, batch_size, test, random)
    hits = int(np.count_nonzero(model.predict(differences) == truth))
    return accuracy(hits, test, record)


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
