"""What stands in for a package's function, which gets what ours refuses."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from parzen.metrics.frechet import frechet_distance
from parzen.metrics.kernels import Polynomial
from parzen.metrics.log_density import log_density
from parzen.metrics.radial import COMPACT
from parzen.protocols import KIDRules

Function = Callable[..., Any]

# How ours refuse; the error, if it is one, is then the package's own. Warnings are among them where
# the program makes errors of warnings, which the package does not give.
REFUSED = (ValueError, TypeError, OverflowError, Warning)
# Up to so many dimensions a tree leaves out most pairs, where it may.
TREE_DIMENSIONS = 3


def compat(module: str, name: str) -> Callable[[Function], Function]:
    """Return what puts a function of `parzen.compat` in place of the original."""

    def make(original: Function) -> Function:
        ours = getattr(importlib.import_module(f"parzen.compat.{module}"), name)

        def replacement(*args: Any, **kwargs: Any) -> Any:
            if not all(map(is_ours, (*args, *kwargs.values()))):
                return original(*args, **kwargs)
            try:
                return ours(*args, **kwargs)
            except REFUSED:
                return original(*args, **kwargs)

        return replacement

    return make


def is_ours(value: Any) -> bool:
    """Return whether it is no tensor on a GPU, and none whose gradient may be asked for."""
    if not hasattr(value, "requires_grad"):
        return True
    return value.device.type == "cpu" and not wants_gradient(value)


def wants_gradient(*tensors: Any) -> bool:
    """Return whether a gradient may be asked for, which ours do not have."""
    import torch

    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def torchmetrics_frechet(original: Function) -> Function:
    """torchmetrics', of tensors on any device: four small copies, and one number back."""

    def _compute_fid(mu1: Any, sigma1: Any, mu2: Any, sigma2: Any) -> Any:
        statistics = (mu1, sigma1, mu2, sigma2)
        if wants_gradient(*statistics):
            return original(*statistics)
        try:
            found = frechet_distance(*(tensor.detach().double().cpu() for tensor in statistics))
        except REFUSED:
            return original(*statistics)
        return sigma1.new_tensor(float(found))

    return _compute_fid


def torchmetrics_kid(original: Function) -> Function:
    """torchmetrics', drawn by torch's global generator. Features on a GPU stay there."""

    def compute(self: Any) -> Any:
        import torch

        from parzen.compat._subsets import subset_mmds

        try:
            concatenate = original.__globals__["dim_zero_cat"]
            real, fake = concatenate(self.real_features), concatenate(self.fake_features)
            if not is_ours(real) or not is_ours(fake):
                return original(self)
            values = subset_mmds(
                "KernelInceptionDistance",
                ("real", "fake"),
                (real.detach(), fake.detach()),
                Polynomial(self.degree, self.gamma, self.coef),
                KIDRules(self.subsets, self.subset_size, draws="torch"),
                lambda n: torch.randperm(n).cpu().numpy(),
            )
        except REFUSED:
            return original(self)
        return real.new_tensor(values.mean()), real.new_tensor(values.std())

    return compute


def prdc(original: Function) -> Function:
    """prdc's, with its line about sizes."""
    quiet = compat("prdc", "compute_prdc")(original)

    def compute_prdc(real_features: Any, fake_features: Any, nearest_k: int) -> Any:
        found = quiet(real_features, fake_features, nearest_k)
        print(f"Num real: {len(real_features)} Num fake: {len(fake_features)}")
        return found

    return compute_prdc


def kernel_density(original: Function) -> Function:
    """scikit-learn's: sums over all pairs, of the samples that the estimator's own tree holds.

    Left to the tree are other metrics than the Euclidean, and in few dimensions what it may leave
    out: samples beyond a compact kernel, or below a tolerance that is not 0.
    """

    def score_samples(self: Any, X: Any) -> Any:
        tree = getattr(self, "tree_", None)
        euclidean = self.metric in ("euclidean", "l2") and not self.metric_params
        if tree is None or not euclidean:
            return original(self, X)
        samples = np.asarray(tree.data)
        prunes = self.kernel in COMPACT or self.atol > 0 or self.rtol > 0
        if prunes and samples.shape[1] <= TREE_DIMENSIONS:
            return original(self, X)
        peer = original.__globals__
        checked = {"order": "C", "dtype": np.float64, "reset": False}
        if "validate_data" in peer:
            X = peer["validate_data"](self, X, **checked)
        else:  # before scikit-learn 1.6
            X = self._validate_data(X, **checked)
        weights = tree.sample_weight
        try:
            return log_density(
                samples,
                X,
                bandwidth=self.bandwidth_,
                kernel=self.kernel,
                weights=None if weights is None else np.asarray(weights),
            )
        except REFUSED:
            return original(self, X)

    return score_samples
