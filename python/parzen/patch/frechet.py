"""What stands in for the packages' Frechet distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parzen.metrics.frechet import frechet_distance
from parzen.patch.refused import REFUSED, wants_gradient

Function = Callable[..., Any]


def of_statistics(original: Function) -> Function:
    """pytorch-fid's and clean-fid's. Ours is always finite, so that `eps` is never added."""

    def distance(
        mu1: Any, sigma1: Any, mu2: Any, sigma2: Any, eps: float = 1e-6
    ) -> np.float64 | Any:
        try:
            found = frechet_distance(
                np.atleast_1d(mu1), np.atleast_2d(sigma1), np.atleast_1d(mu2), np.atleast_2d(sigma2)
            )
        except REFUSED:
            return original(mu1, sigma1, mu2, sigma2, eps)
        return np.float64(found)

    return distance


def torch_fidelity(original: Function) -> Function:
    """torch-fidelity's, of two dictionaries of ``mu`` and ``sigma``; printed as theirs is."""

    def fid_statistics_to_metric(stat_1: Any, stat_2: Any, verbose: Any) -> Any:
        try:
            found = frechet_distance(stat_1["mu"], stat_1["sigma"], stat_2["mu"], stat_2["sigma"])
        except REFUSED:
            return original(stat_1, stat_2, verbose)
        peer = original.__globals__
        peer["vprint"](verbose, f"Frechet Inception Distance: {float(found):.7g}")
        return {peer["KEY_METRIC_FID"]: float(found)}

    return fid_statistics_to_metric


def torchmetrics(original: Function) -> Function:
    """torchmetrics', of tensors on any device, which is where the answer goes."""

    def _compute_fid(mu1: Any, sigma1: Any, mu2: Any, sigma2: Any) -> Any:
        statistics = (mu1, sigma1, mu2, sigma2)
        try:
            if wants_gradient(*statistics):
                return original(*statistics)
            found = frechet_distance(*(tensor.detach().double().cpu() for tensor in statistics))
        except REFUSED:
            return original(*statistics)
        return sigma1.new_tensor(float(found))

    return _compute_fid
