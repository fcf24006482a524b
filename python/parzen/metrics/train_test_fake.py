"""The three samples of a test for memorization: seen in training, held out, generated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parzen._arrays import as_samples, check_range, distance_magnitude, extent

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
    """Return all three as samples of one d, each in its own type, in the range of distances."""
    given = zip(("train", "test", "fake"), (train, test, fake), min_rows, strict=True)
    a, b, c = (
        as_samples(name, array, function=function, min_rows=least) for name, array, least in given
    )
    if not a.shape[1] == b.shape[1] == c.shape[1]:
        raise ValueError(
            f"{function}: train has {a.shape[1]} columns, test {b.shape[1]}, fake {c.shape[1]}; "
            f"expected the same d"
        )
    check_range(function, distance_magnitude(a.shape[1], *extent(a, b, c)), a, b, c)
    return a, b, c
