"""KID's subsets with a kernel and a generator of one's choice."""

from __future__ import annotations

import dataclasses

from parzen._arrays import as_pair
from parzen._options import as_integer
from parzen.metrics.draws import Permutations, subset_draws
from parzen.metrics.kernels import Kernel
from parzen.metrics.kid_subsets import Subsets
from parzen.metrics.mmd import Vector, ready
from parzen.protocols import KIDRules


def subset_mmds(
    function: str,
    names: tuple[str, str],
    features: tuple[object, object],
    kernel: Kernel,
    rules: KIDRules,
    permutation: Permutations,
) -> Vector:
    """Return the unbiased squared MMD of each subset."""
    pair = as_pair(*features, function=function, names=names, min_rows=2)
    x, y, kernel = ready(function, kernel, *pair)
    size = as_integer(f"{function}: subset size", rules.subset_size, 2)
    rules = dataclasses.replace(rules, subsets=as_integer(f"{function}: subsets", rules.subsets, 1))
    if rules.truncate:
        size = min(size, len(x), len(y))
    for name, rows in zip(names, (len(x), len(y)), strict=True):
        if rows < size:
            raise ValueError(f"{function}: {name} has {rows} samples, the subset size is {size}")
    draws = subset_draws(len(x), len(y), rules, size, permutation)
    return Subsets(x, y, kernel, draws, rules.subsets, size).mmds()[0]
