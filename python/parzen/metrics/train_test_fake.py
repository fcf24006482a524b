"""The three samples of a test for memorization: seen in training, held out, generated."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from parzen._arrays import as_samples, check_range, distance_magnitude, extent
from parzen._copies import are_given_twice, warn_of_one_array

if TYPE_CHECKING:
    from parzen._core import Samples


def as_train_test_fake(
    function: str,
    train: object,
    test: object,
    fake: object,
    *,
    min_rows: tuple[int, int, int] = (1, 1, 1),
) -> tuple[Samples, Samples, Samples]:
    """Return all three as samples of one d, each in its own type, in the range of distances.

    One array in two places is warned of.
    """
    names, given = ("train", "test", "fake"), (train, test, fake)
    a, b, c = (
        as_samples(name, array, function=function, min_rows=least)
        for name, array, least in zip(names, given, min_rows, strict=True)
    )
    if not a.shape[1] == b.shape[1] == c.shape[1]:
        raise ValueError(
            f"{function}: train has {a.shape[1]} columns, test {b.shape[1]}, fake {c.shape[1]}; "
            f"expected the same d"
        )
    for pair in itertools.combinations(zip(names, given, (a, b, c), strict=True), 2):
        (one, x, samples), (other, y, more) = pair
        if are_given_twice((x, y), (samples, more)):
            warn_of_one_array(function, (one, other))
    check_range(function, distance_magnitude(a.shape[1], *extent(a, b, c)), a, b, c)
    return a, b, c
