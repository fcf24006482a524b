"""Rows to learn from and rows to test on, for the scores that train a predictor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

from parzen._options import as_number
from parzen.latent._arrays import Codes, Factors, Indices

TEST_SIZE = 1.0 / 3.0  # disentanglement_lib's 10,000 rows to train, 5,000 to test


class Holdout(NamedTuple):
    """Two disjoint parts of the rows."""

    train: Codes
    train_factors: Factors
    test: Codes
    test_factors: Factors

    def standardised(self) -> Holdout:
        """Return it with codes of mean 0 and deviation 1 in the training part, or constant."""
        scaler = StandardScaler().fit(self.train)
        train, test = scaler.transform(self.train), scaler.transform(self.test)
        return self._replace(train=train, test=test)


def hold_out(
    function: str, codes: Codes, factors: Factors, test_size: object, seed: int
) -> Holdout:
    """Return a random part of the rows to train with, all factors varying, and the rest."""
    share = as_number(f"{function}: test_size", test_size)
    if not 0.0 < share < 1.0:
        raise ValueError(f"{function}: test_size is {share}, expected a share between 0 and 1")
    rows = np.arange(len(codes))
    if not 2 <= round(share * len(rows)) <= len(rows) - 2:
        raise ValueError(
            f"{function}: test_size {share:.3g} of {len(rows)} rows leaves fewer than 2 to train "
            f"or to test; pass more rows"
        )
    train, test = train_test_split(rows, test_size=share, random_state=seed)
    check_varied(function, factors.numbered[train], "train with")
    return Holdout(codes[train], factors.take(train), codes[test], factors.take(test))


def check_varied(function: str, numbered: Indices, purpose: str) -> None:
    """Refuse a part of the rows in which a factor has one value only."""
    for j, column in enumerate(numbered.T):
        if (column == column[0]).all():
            raise ValueError(
                f"{function}: column {j} of factors has one value only in the {len(column)} rows "
                f"to {purpose}; pass more rows or another seed"
            )
