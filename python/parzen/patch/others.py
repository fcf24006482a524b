"""What stands in for precision and recall, the Vendi score, and density estimates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parzen.metrics.log_density import log_density
from parzen.metrics.manifold import precision_recall
from parzen.metrics.radial import COMPACT
from parzen.metrics.vendi import vendi_score
from parzen.patch.refused import REFUSED, on_cpu

Function = Callable[..., Any]

# Up to so many dimensions a tree leaves out most pairs, where it may.
TREE_DIMENSIONS = 3


def torch_fidelity_precision_recall(original: Function) -> Function:
    """torch-fidelity's, whose first sample is the generated one; printed as theirs is."""

    def prc_features_to_metric(features_1: Any, features_2: Any, **kwargs: Any) -> Any:
        peer = original.__globals__
        try:
            if not on_cpu(features_1, features_2):
                return original(features_1, features_2, **kwargs)
            k = peer["get_kwarg"]("prc_neighborhood", kwargs)
            found = precision_recall(features_2, features_1, k=k)
        except REFUSED:
            return original(features_1, features_2, **kwargs)
        precision, recall = float(found.precision), float(found.recall)
        f_score = 2 * precision * recall / max(1e-5, precision + recall)
        verbose = peer["get_kwarg"]("verbose", kwargs)
        for title, value in (("Precision", precision), ("Recall", recall), ("F-score", f_score)):
            peer["vprint"](verbose, f"{title}: {value:.7g}")
        return {
            peer["KEY_METRIC_PRECISION"]: precision,
            peer["KEY_METRIC_RECALL"]: recall,
            peer["KEY_METRIC_F_SCORE"]: f_score,
        }

    return prc_features_to_metric


def prdc(original: Function) -> Function:
    """prdc's: a point on the radius is outside. Their line about sizes is printed too."""

    def compute_prdc(real_features: Any, fake_features: Any, nearest_k: int) -> Any:
        try:
            found = precision_recall(real_features, fake_features, k=nearest_k, boundary="outside")
        except REFUSED:
            return original(real_features, fake_features, nearest_k)
        print(f"Num real: {len(real_features)} Num fake: {len(fake_features)}")
        return {name: np.float64(value) for name, value in found._asdict().items()}

    return compute_prdc


def vendi_of_gram(original: Function) -> Function:
    """vendi-score's. Its order is 1 whatever `q` says, so ours is too; weights are left to it."""

    def score_X(X: Any, q: Any = 1, p: Any = None, normalize: bool = True) -> Any:
        if p is not None:
            return original(X, q, p, normalize)
        try:
            return np.float64(vendi_score(X, q=1, normalize=normalize, groups=None))
        except REFUSED:
            return original(X, q, p, normalize)

    return score_X


def vendi_dual(original: Function) -> Function:
    """vendi-score's by the covariance; by the Gram matrix where that is smaller."""

    def score_dual(X: Any, q: Any = 1, normalize: bool = True) -> Any:
        try:
            return np.float64(vendi_score(X, q=q, normalize=normalize, groups=None))
        except REFUSED:
            return original(X, q, normalize)

    return score_dual


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
