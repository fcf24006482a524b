"""Kernel density estimation with the interface of scikit-learn's estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import as_samples
from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, check_choice
from parzen._samples import check_one_place, on_host, one_type
from parzen.metrics.bandwidth import Bandwidth, choose_bandwidth
from parzen.metrics.log_density import as_weights, evaluate
from parzen.metrics.log_density_gradient import log_density_gradient
from parzen.metrics.radial import KERNELS, Vector, draw_offsets

if TYPE_CHECKING:
    from parzen._samples import AnySamples


class KernelDensity:
    """Kernel density estimate with the interface of scikit-learn's, which need not be installed.

    Parameters
    ----------
    bandwidth
        A number > 0; ``"scott"``: sqrt(Tr S / d) n^(-1/(d+4)), S the covariance of the samples
        (ddof 1); ``"silverman"``: that times (4/(d+2))^(1/(d+4)). With weights S is weighted and
        n is (sum w)^2 / sum w^2. Both are rules for the Gaussian kernel.
        A sequence of numbers: the one of largest mean leave-one-out log-likelihood. ``"cv"``: the
        best, so measured, of 21 from a tenth to ten times Scott's, in steps of 10^(1/10), and of
        8 more about it, in steps of 10^(1/50); for another kernel than the Gaussian Scott's is
        first divided by that kernel's standard deviation along an axis at h = 1.
    kernel
        ``"gaussian"``, ``"exponential"``, ``"tophat"``, ``"epanechnikov"``, ``"linear"`` or
        ``"cosine"``, as in `log_density`.

    Attributes
    ----------
    bandwidth_
        The number in use, after `fit`.
    cv_bandwidths_
        The bandwidths compared, ascending; there only where leave-one-out chose.
    cv_log_likelihoods_
        Their mean leave-one-out log-likelihoods, in nats a sample, weighted like the samples.
    provenance_
        Sizes, type, kernel, bandwidth and its rule, package version.
    n_features_in_
        d, after `fit`.

    References
    ----------
    Scott, "Multivariate Density Estimation", 1992, section 6.3; Silverman, "Density
    Estimation for Statistics and Data Analysis", 1986, sections 3.4.4 and 4.3.2.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x = np.random.default_rng(0).normal(size=(500, 2))
    >>> density = parzen.KernelDensity().fit(x)
    >>> round(density.bandwidth_, 2)
    0.35
    >>> density.score_samples([[0.0, 0.0]]) > density.score_samples([[3.0, 3.0]])
    array([ True])
    >>> density.sample(3, random_state=0).shape
    (3, 2)
    """

    bandwidth_: float
    cv_bandwidths_: Vector
    cv_log_likelihoods_: Vector
    provenance_: dict[str, Any]
    n_features_in_: int

    def __init__(
        self, bandwidth: float | str | Sequence[float] = "scott", kernel: str = "gaussian"
    ) -> None:
        self.bandwidth = bandwidth
        self.kernel = kernel

    def fit(self, X: object, y: object = None, sample_weight: object = None) -> KernelDensity:
        """Keep the samples and choose the bandwidth.

        Parameters
        ----------
        X
            Samples (n, d).
        y
            Ignored.
        sample_weight
            (n,), >= 0 and not all 0; None: equal.

        Returns
        -------
        KernelDensity
            Itself.

        Raises
        ------
        ValueError, TypeError
            Where samples, weights or parameters are not as described; where a rule for the
            bandwidth meets a single sample or no spread; where a compact kernel leaves some
            sample without another in its support, at all bandwidths to choose from.

        Warns
        -----
        BandwidthWarning
            Where leave-one-out chose the smallest or the largest bandwidth compared.
        """
        check_choice("KernelDensity: kernel", self.kernel, KERNELS)
        x = as_samples("X", X, function="KernelDensity", objects=True, on_device=True)
        w = None
        if sample_weight is not None:
            w = as_weights("KernelDensity: sample_weight", sample_weight, len(x))
        choice = self._choose_bandwidth(x, w)
        self._x, self._weights, self._kernel = x, w, self.kernel
        self.bandwidth_ = choice.value
        for name in ("cv_bandwidths_", "cv_log_likelihoods_"):
            vars(self).pop(name, None)  # of an earlier fit
        if choice.compared is not None and choice.log_likelihoods is not None:
            self.cv_bandwidths_ = choice.compared
            self.cv_log_likelihoods_ = choice.log_likelihoods
        self.provenance_ = provenance(
            "kernel_density", x, kernel=self.kernel, bandwidth=choice.value, rule=choice.rule
        )
        self.n_features_in_ = x.shape[1]
        return self

    def score_samples(self, X: object) -> Vector:
        """Return the log-density at each row of X (m, d): (m,), in nats."""
        queries = self._queries(X)
        check_one_place("KernelDensity", {"the fitted X": self._x, "X": queries})
        x, queries = one_type(self._x, queries)
        return evaluate("KernelDensity", x, queries, self.bandwidth_, self._kernel, self._weights)

    def gradient(self, X: object) -> NDArray[np.float64]:
        """Return the gradient of the log-density at each row of X (m, d): (m, d), in nats per unit.

        Of the Gaussian kernel only; see `parzen.log_density_gradient`.
        """
        queries = self._queries(X)
        if self._kernel != "gaussian":
            raise ValueError(
                f"KernelDensity: gradient is of the Gaussian kernel, kernel is {self._kernel!r}"
            )
        return log_density_gradient(
            self._x, queries, bandwidth=self.bandwidth_, weights=self._weights
        )

    def score(self, X: object, y: object = None) -> Estimate:
        """Return the total log-likelihood of the rows of X (m, d), in nats, with standard error.

        -inf, without one, where a row is in no sample's support.
        """
        values = self.score_samples(X)
        m, total = len(values), math.fsum(values)
        stderr = None
        if m > 1 and total > -math.inf:
            stderr = float(values.std(ddof=1) * math.sqrt(m))
        record = {**self.provenance_, "metric": "log_likelihood", "m": m}
        return Estimate(total, stderr, record)

    def sample(
        self,
        n_samples: int = 1,
        random_state: int | np.random.Generator | np.random.RandomState | None = None,
    ) -> NDArray[Any]:
        """Draw from the density: a sample chosen by weight, plus noise of the kernel's law.

        Parameters
        ----------
        n_samples
            How many.
        random_state
            A seed, a NumPy generator, or None for a different draw each time.

        Returns
        -------
        array
            (n_samples, d), in the type of the fitted samples.
        """
        self._check_fitted()
        count = as_integer("KernelDensity: n_samples", n_samples, 1)
        random = (
            random_state
            if isinstance(random_state, np.random.Generator | np.random.RandomState)
            else np.random.default_rng(random_state)
        )
        p = None
        if self._weights is not None:
            p = self._weights / self._weights.max()
            p /= math.fsum(p)
        rows = on_host(self._x, random.choice(len(self._x), count, p=p))
        noise = self.bandwidth_ * draw_offsets(self._kernel, rows.shape, random)
        return np.add(rows, noise, dtype=np.float64).astype(rows.dtype)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters."""
        return {"bandwidth": self.bandwidth, "kernel": self.kernel}

    def set_params(self, **params: Any) -> KernelDensity:
        """Set constructor parameters; an unknown name is a ValueError."""
        for name, value in params.items():
            check_choice("KernelDensity: parameter", name, tuple(self.get_params()))
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"KernelDensity(bandwidth={self.bandwidth!r}, kernel={self.kernel!r})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "bandwidth_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags  # type: ignore[import-untyped]

        target = TargetTags(required=False)
        return Tags(estimator_type="density_estimator", target_tags=target)

    def _choose_bandwidth(self, x: AnySamples, weights: Vector | None) -> Bandwidth:
        return choose_bandwidth(self.bandwidth, x, weights, self.kernel)

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise ValueError("KernelDensity: call fit(X) first")

    def _queries(self, X: object) -> AnySamples:
        self._check_fitted()
        queries = as_samples("X", X, function="KernelDensity", objects=True, on_device=True)
        if queries.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {queries.shape[1]} features, but KernelDensity is expecting "
                f"{self.n_features_in_} features as input"
            )
        return queries
