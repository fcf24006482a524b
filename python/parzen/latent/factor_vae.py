"""The FactorVAE score: which code varies least tells the factor that was held fixed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_number, as_seed
from parzen.latent._arrays import Codes, as_codes_and_factors
from parzen.latent.batches import SharedValues, accuracy, chunks
from parzen.latent.holdout import TEST_SIZE, hold_out


def factor_vae(
    codes: object,
    factors: object,
    *,
    batch_size: int = 64,
    train_batches: int = 10_000,
    test_batches: int = 5_000,
    prune: float = 0.05,
    test_size: float = TEST_SIZE,
    seed: int = 0,
) -> Estimate:
    """Return the FactorVAE score of codes about factors.

    A batch shares the value of one factor. The code of least variance in it, relative to its
    variance over all training rows, votes for that factor. Each code then stands for the factor
    with most of its votes, and the score is the accuracy of this rule on new batches.

    Parameters
    ----------
    codes
        (n, c) numbers.
    factors
        (n, k) integers, each factor with two values or more.
    batch_size
        Rows of a batch, drawn with replacement from the rows that have the value.
    train_batches, test_batches
        How many batches to learn the rule from and to test it on. Each is of a random factor.
    prune
        Codes with a standard deviation below it, or 0, do not vote.
    test_size
        The share of rows that the test batches are of; the others are those of the training.
    seed
        Of the split and the draws.

    Returns
    -------
    Estimate
        1/k at chance, to 1; 0 where no code is left to vote. The standard error is that of the
        draw of batches, with the rows held fixed: a lower bound. ``provenance`` has the accuracy
        on the training batches, the number of codes that vote and the fewest rows of a value that
        a batch was drawn from.

    Raises
    ------
    ValueError, TypeError
        Where codes, factors or options are not as described.

    Notes
    -----
    The paper draws batches from a generator, where all other factors vary independently. Here they
    vary as in the given rows: dependent factors, and values that few rows have, lower the score.

    References
    ----------
    Kim and Mnih, "Disentangling by factorising", ICML 2018, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(4, size=(1000, 2))
    >>> float(latent.factor_vae(factors, factors, train_batches=500, test_batches=500))
    1.0
    """
    z, found = as_codes_and_factors(codes, factors, function="factor_vae")
    batch_size = as_integer("factor_vae: batch_size", batch_size, 2)
    train_batches = as_integer("factor_vae: train_batches", train_batches, 1)
    test_batches = as_integer("factor_vae: test_batches", test_batches, 1)
    prune = as_number("factor_vae: prune", prune)
    if not 0.0 <= prune < np.inf:
        raise ValueError(f"factor_vae: prune is {prune}, expected a finite number >= 0")
    seed = as_seed("factor_vae: seed", seed)
    parts = hold_out("factor_vae", z, found, test_size, seed)
    training = SharedValues("factor_vae", parts.train_factors)
    testing = SharedValues("factor_vae", parts.test_factors)
    spread = parts.train.std(axis=0, ddof=1)
    active = (spread >= prune) & (np.ptp(parts.train, axis=0) > 0.0)
    record = provenance(
        "factor_vae",
        z,
        factors=len(found.sizes),
        batch_size=batch_size,
        train_batches=train_batches,
        test_batches=test_batches,
        test_size=float(test_size),
        prune=prune,
        seed=seed,
        active=int(np.count_nonzero(active)),
        fewest_rows=min(training.fewest, testing.fewest),
    )
    if not active.any():
        return Estimate(0.0, None, {**record, "accuracy_train": 0.0})
    center, scale = parts.train[:, active].mean(axis=0), spread[active]
    train, test = ((part[:, active] - center) / scale for part in (parts.train, parts.test))
    random = np.random.default_rng(seed)
    learned = _votes(train, training, batch_size, train_batches, random)
    rule = learned.argmax(axis=0)
    seen = _votes(test, testing, batch_size, test_batches, random)
    columns = np.arange(len(rule))
    record["accuracy_train"] = int(learned[rule, columns].sum()) / train_batches
    return accuracy(int(seen[rule, columns].sum()), test_batches, record)


def _votes(
    scaled: Codes, shared: SharedValues, batch_size: int, count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return (k, c) votes of so many batches."""
    k, c = len(shared.factors.sizes), scaled.shape[1]
    votes = np.zeros((k, c), dtype=np.int64)
    for j, of_factor in enumerate(np.bincount(random.integers(k, size=count), minlength=k)):
        for part in chunks(int(of_factor), batch_size * c):
            rows = shared.batches(j, part, batch_size, random)
            least = scaled[rows].var(axis=1, ddof=1).argmin(axis=1)
            votes[j] += np.bincount(least, minlength=c)
    return votes
