"""What stands in for the packages' Kernel Inception Distances: all subsets in one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from parzen._arrays import as_pair
from parzen.metrics.draws import Permutations, permutations, subset_draws
from parzen.metrics.kernels import Gaussian, Kernel, Polynomial
from parzen.metrics.kid_subsets import subset_values
from parzen.metrics.mmd import ready
from parzen.patch.refused import REFUSED, on_cpu, wants_gradient
from parzen.protocols import KIDRules

if TYPE_CHECKING:
    from parzen.metrics.mmd import Vector

Function = Callable[..., Any]


def of_subsets(
    real: object, fake: object, kernel: Kernel, rules: KIDRules, permutation: Permutations
) -> Vector:
    """Return the squared MMD of each subset. Nothing is drawn where the samples are refused."""
    pair = as_pair(real, fake, function="kid", names=("real", "fake"), min_rows=2)
    x, y, kernel = ready("kid", kernel, *pair)
    size = min(rules.subset_size, len(x), len(y)) if rules.truncate else rules.subset_size
    if not 2 <= size <= min(len(x), len(y)) or rules.subsets < 1:
        raise ValueError(f"kid: {rules.subsets} subsets of {size} of {len(x)} and {len(y)} samples")
    draws = subset_draws(len(x), len(y), rules, size, permutation)
    return subset_values(x, y, kernel, draws, rules.subsets, size)[0]


def clean_fid(original: Function) -> Function:
    """clean-fid's, drawn by NumPy's global generator, of the second sample first."""

    def kernel_distance(
        feats1: Any, feats2: Any, num_subsets: int = 100, max_subset_size: int = 1000
    ) -> Any:
        rules = KIDRules(num_subsets, max_subset_size, truncate=True, first="fake")
        try:
            values = of_subsets(feats1, feats2, Polynomial(), rules, np.random.permutation)
        except REFUSED:
            return original(feats1, feats2, num_subsets, max_subset_size)
        return float(values.mean())

    return kernel_distance


def torch_fidelity(original: Function) -> Function:
    """torch-fidelity's, with the installed version's defaults; printed as theirs is."""

    def kid_features_to_metric(features_1: Any, features_2: Any, **kwargs: Any) -> Any:
        peer = original.__globals__

        def option(name: str) -> Any:
            return peer["get_kwarg"](name, kwargs)

        try:
            rules = KIDRules(option("kid_subsets"), option("kid_subset_size"))
            draws = permutations("numpy", option("rng_seed"))
            values = of_subsets(features_1, features_2, _kernel(option), rules, draws)
        except REFUSED:
            return original(features_1, features_2, **kwargs)
        mean, std = float(values.mean()), float(values.std())
        peer["vprint"](option("verbose"), f"Kernel Inception Distance: {mean:.7g} ± {std:.7g}")
        return {peer["KEY_METRIC_KID_MEAN"]: mean, peer["KEY_METRIC_KID_STD"]: std}

    return kid_features_to_metric


def _kernel(option: Callable[[str], Any]) -> Kernel:
    try:
        name = option("kid_kernel")
    except KeyError:  # versions before 0.4 have the polynomial one only, under other names
        prefix = "kid_"
    else:
        if name == "rbf":
            return Gaussian(option("kid_kernel_rbf_sigma"))
        prefix = "kid_kernel_poly_"
    return Polynomial(*(option(prefix + name) for name in ("degree", "gamma", "coef0")))


def torchmetrics(original: Function) -> Function:
    """torchmetrics', drawn by torch's global generator. Features on a GPU stay there."""

    def compute(self: Any) -> Any:
        import torch

        def permutation(n: int) -> Any:
            return torch.randperm(n).cpu().numpy()

        try:
            concatenate = original.__globals__["dim_zero_cat"]
            real, fake = concatenate(self.real_features), concatenate(self.fake_features)
            if not on_cpu(real, fake) or wants_gradient(real, fake):
                return original(self)
            kernel = Polynomial(self.degree, self.gamma, self.coef)
            rules = KIDRules(self.subsets, self.subset_size, draws="torch")
            values = of_subsets(real.detach(), fake.detach(), kernel, rules, permutation)
        except REFUSED:
            return original(self)
        return real.new_tensor(values.mean()), real.new_tensor(values.std())

    return compute
