"""Random orders of rows, as the generators of the field draw them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parzen._extras import needed_by

if TYPE_CHECKING:
    from parzen.protocols import KIDRules

Rows = NDArray[Any]
Permutations = Callable[[int], Rows]  # n to a random order of 0 .. n - 1, another one each time


def permutations(source: str, seed: int) -> Permutations:
    """Return the orders that NumPy's legacy generator or torch's gives after that seed.

    ``RandomState.choice(n, size, replace=False)`` is the first `size` of ``permutation(n)``.
    """
    if source == "numpy":
        return np.random.RandomState(seed).permutation
    with needed_by("this protocol, which draws with torch's generator,", "vision"):
        import torch
    generator = torch.Generator().manual_seed(seed)
    return lambda n: torch.randperm(n, generator=generator).numpy()


def subset_draws(
    n: int, m: int, rules: KIDRules, size: int, permutation: Permutations
) -> Iterator[tuple[Rows, Rows]]:
    """Yield the rows of each of KID's subsets: of the real and of the fake sample."""
    for _ in range(rules.subsets):
        if rules.first == "real":
            real = permutation(n)[:size]
            yield real, permutation(m)[:size]
        else:
            fake = permutation(m)[:size]
            yield permutation(n)[:size], fake
