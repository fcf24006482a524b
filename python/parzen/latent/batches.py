"""Batches of rows that share the value of a factor, drawn from the rows that are given.

A generator with known factors draws the other factors anew, independently; here they come from the
rows that have the value, with whatever dependence these have, and a row may come again. So that
what is learned from some rows is not tested on the same ones, the two have rows of their own.
"""

from __future__ import annotations

import math

import numpy as np

from parzen._estimate import Estimate
from parzen._shares import share_stderr
from parzen.latent._arrays import Factors, Indices


class SharedValues:
    """The rows of every value of every factor.

    A value is drawn as often as rows have it. One that a single row has is never drawn: it shares
    its value with no other.
    """

    def __init__(self, function: str, factors: Factors) -> None:
        self.factors = factors
        self.rows = np.argsort(factors.numbered, axis=0, kind="stable")
        self.fewest = 0
        self._places: list[tuple[Indices, Indices, Indices]] = []
        for j, size in enumerate(factors.sizes):
            counts = np.bincount(factors.numbered[:, j], minlength=int(size))
            of_row = counts[factors.numbered[self.rows[:, j], j]]
            starts = (np.cumsum(counts) - counts)[factors.numbered[self.rows[:, j], j]]
            shared = np.flatnonzero(of_row > 1)
            self._places.append((shared, starts[shared], of_row[shared]))
            if len(shared) == 0:
                raise ValueError(
                    f"{function}: of the {len(of_row)} rows to train with or to test on no two "
                    f"have the same value in column {j} of factors; pass more rows"
                )
            fewest = int(of_row[shared].min())
            self.fewest = min(self.fewest or fewest, fewest)

    def batches(self, j: int, count: int, size: int, random: np.random.Generator) -> Indices:
        """Return (count, size) rows; those of a batch share factor j's value, with repetition."""
        _, starts, counts = self._places[j]
        picked = random.integers(len(starts), size=(count, 1))
        places = starts[picked] + random.integers(counts[picked], size=(count, size))
        rows: Indices = self.rows[places, j]
        return rows

    def pairs(
        self, j: int, count: int, size: int, random: np.random.Generator
    ) -> tuple[Indices, Indices]:
        """Return twice (count, size) rows; each pair shares factor j's value and is two rows."""
        shared, starts, counts = self._places[j]
        picked = random.integers(len(starts), size=(count, size))
        first = shared[picked]
        step = random.integers(1, counts[picked])
        second = starts[picked] + (first - starts[picked] + step) % counts[picked]
        return self.rows[first, j], self.rows[second, j]


def chunks(count: int, elements: int) -> list[int]:
    """Return sizes that add up to `count`, each of about a million numbers."""
    most = max(1, 2**20 // elements)
    return [min(most, count - start) for start in range(0, count, most)]


def accuracy(hits: int, trials: int, record: dict[str, object]) -> Estimate:
    """Return the share of hits with its binomial standard error, given rows and classifier."""
    share = hits / trials
    error = share_stderr(share, math.sqrt(share * (1.0 - share) / trials), trials)
    held = {
        "range": [0.0, 1.0],
        "lower_bound": "the rows are held fixed, the batches alone are drawn",
    }
    return Estimate(share, error, {**record, **held})
