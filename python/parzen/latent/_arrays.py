"""The door where codes, factors and labels come in, after which they are what they should be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import as_float64, as_samples, check_range, distance_magnitude, extent

Codes = NDArray[np.float64]
Indices = NDArray[np.int64]

EXACT_INTEGER = 2**53  # beyond it float64 merges neighbours


class Factors(NamedTuple):
    """Ground-truth factors of n rows.

    Attributes
    ----------
    values
        (n, k) integers as they were given.
    numbered
        (n, k) the same, numbered 0, 1, ... within each factor, in the order of the values.
    sizes
        (k,) how many values each factor has.
    """

    values: Indices
    numbered: Indices
    sizes: Indices

    def take(self, rows: Indices) -> Factors:
        """Return these rows of the factors, numbered as before."""
        return Factors(self.values[rows], self.numbered[rows], self.sizes)


def as_codes(codes: object, *, function: str, least: int = 1, min_rows: int = 2) -> Codes:
    """Return codes (n, c) in float64, of at least so many columns."""
    given = as_samples("codes", codes, function=function, min_rows=min_rows)
    if given.shape[1] < least:
        raise ValueError(
            f"{function}: codes has {given.shape[1]} column, expected at least {least}: "
            f"the score compares a code with the others"
        )
    check_range(function, distance_magnitude(given.shape[1], *extent(given)), given)
    return given.astype(np.float64, copy=False)


def as_codes_and_factors(
    codes: object,
    factors: object,
    *,
    function: str,
    least_codes: int = 1,
    least_factors: int = 1,
) -> tuple[Codes, Factors]:
    """Return codes (n, c) and factors (n, k) of as many rows."""
    z = as_codes(codes, function=function, least=least_codes, min_rows=4)
    given = as_samples("factors", factors, function=function)
    n, k = given.shape
    if n != len(z):
        raise ValueError(f"{function}: codes has {len(z)} rows, factors has {n}; expected the same")
    if k < least_factors:
        raise ValueError(
            f"{function}: factors has {k} column, expected at least {least_factors}: "
            f"the score compares a factor with the others"
        )
    values = _whole(f"{function}: factors", given)
    columns = [np.unique(column, return_inverse=True) for column in values.T]
    for j, (found, _) in enumerate(columns):
        if len(found) == 1:
            raise ValueError(
                f"{function}: column {j} of factors has one value only ({found[0]}); "
                f"nothing can be told of it: leave it out"
            )
        if 2 * len(found) > n:
            raise ValueError(
                f"{function}: column {j} of factors has {len(found)} values in {n} rows, expected "
                f"at most half as many; bin a continuous factor first, or pass more rows"
            )
    numbered = np.stack([inverse.reshape(-1) for _, inverse in columns], axis=1).astype(np.int64)
    sizes = np.array([len(found) for found, _ in columns], dtype=np.int64)
    return z, Factors(values, numbered, sizes)


def as_labels(name: str, labels: object, *, function: str, rows: int | None = None) -> Indices:
    """Return labels (n,), integers or strings, numbered 0, 1, ... in the order of their values."""
    numbers = _numbered(labels)
    given = as_float64(name, numbers, function=function, shape=None, meaning="one label a row")
    if given.ndim != 1:
        raise ValueError(f"{function}: {name} has shape {given.shape}, expected (n,)")
    if len(given) < 2:
        raise ValueError(f"{function}: {name} has {len(given)} row(s), expected at least 2")
    if rows is not None and len(given) != rows:
        raise ValueError(f"{function}: {name} has {len(given)} rows, expected {rows}")
    whole = _whole(f"{function}: {name}", given[:, None])[:, 0]
    return np.unique(whole, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _numbered(labels: object) -> object:
    """Return strings numbered in their order, and all else as it is."""
    values = labels.tolist() if hasattr(labels, "tolist") else labels
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) == 0:
        return labels
    if not all(isinstance(value, str) for value in values):
        return labels
    return np.unique(np.array(values), return_inverse=True)[1]


def _whole(where: str, values: NDArray[np.float32] | NDArray[np.float64]) -> Indices:
    bad = (values != np.floor(values)) | (np.abs(values) > EXACT_INTEGER)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{where} has {values[row, column]} in row {row}, column {column}; "
            f"expected integers up to 2^53: bin what is continuous first"
        )
    return values.astype(np.int64)
