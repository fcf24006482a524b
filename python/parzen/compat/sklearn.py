"""``from sklearn.neighbors import KernelDensity``: scikit-learn's estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc

import parzen
from parzen._options import as_integer, as_number, as_positive, check_choice
from parzen._samples import on_host
from parzen.metrics.bandwidth import Bandwidth
from parzen.metrics.radial import Vector

if TYPE_CHECKING:
    from parzen._samples import AnySamples

__all__ = ["KernelDensity"]

METRICS = ("euclidean", "l2")


class KernelDensity(parzen.KernelDensity):
    """Kernel density estimate with scikit-learn's arguments, defaults, bandwidth rules and draws.

    `parzen.KernelDensity` measures the spread of the samples for ``"scott"`` and
    ``"silverman"``; scikit-learn does not, and neither does this.

    Parameters
    ----------
    bandwidth
        A number > 0; ``"scott"``: n^(-1/(d+4)); ``"silverman"``: (n (d+2)/4)^(-1/(d+4)); n counts
        samples, whatever their weights.
    algorithm, breadth_first, leaf_size
        Of no effect: there is no tree, and the sum is exact.
    kernel
        ``"gaussian"``, ``"tophat"``, ``"epanechnikov"``, ``"exponential"``, ``"linear"`` or
        ``"cosine"``.
    metric
        ``"euclidean"`` or ``"l2"``, which are one.
    atol, rtol
        Of no effect: the exact sum is within any tolerance.
    metric_params
        None or empty.

    Attributes
    ----------
    bandwidth_
        The number in use, after `fit`.
    n_features_in_
        d, after `fit`. There is no ``tree_``.

    References
    ----------
    scikit-learn, ``sklearn.neighbors.KernelDensity``, version 1.9.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compat.sklearn import KernelDensity
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> density = KernelDensity(kernel="gaussian", bandwidth=0.5).fit(X)
    >>> density.score_samples(X[:3]).shape
    (3,)
    """

    def __init__(
        self,
        *,
        bandwidth: float | str = 1.0,
        algorithm: str = "auto",
        kernel: str = "gaussian",
        metric: str = "euclidean",
        atol: float = 0,
        rtol: float = 0,
        breadth_first: bool = True,
        leaf_size: int = 40,
        metric_params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(bandwidth, kernel)
        self.algorithm = algorithm
        self.metric = metric
        self.atol = atol
        self.rtol = rtol
        self.breadth_first = breadth_first
        self.leaf_size = leaf_size
        self.metric_params = metric_params

    def fit(self, X: object, y: object = None, sample_weight: object = None) -> KernelDensity:
        """Keep the samples (n, d) and set the bandwidth; `y` is ignored.

        Raises
        ------
        ValueError, TypeError
            Where samples, weights or parameters are not as described.
        """
        self._check_parameters()
        super().fit(X, sample_weight=sample_weight)
        return self

    def sample(
        self,
        n_samples: int = 1,
        random_state: int | np.random.Generator | np.random.RandomState | None = None,
    ) -> NDArray[Any]:
        """Draw from the density: (n_samples, d), float64.

        Of the Gaussian and the tophat kernel what scikit-learn draws, which has no others.

        Parameters
        ----------
        n_samples
            How many.
        random_state
            A seed of the legacy generator, a generator, or None: NumPy's global one.
        """
        if self.kernel not in ("gaussian", "tophat"):
            return super().sample(n_samples, _generator(random_state)).astype(np.float64)
        self._check_fitted()
        count = as_integer("KernelDensity: n_samples", n_samples, 1)
        random = _generator(random_state)
        n, d = self._x.shape
        uniform = random.uniform(0, 1, size=count)
        if self._weights is None:
            chosen = (uniform * n).astype(np.int64)
        else:
            sums = np.cumsum(self._weights)
            chosen = np.searchsorted(sums, uniform * sums[-1])
        rows = on_host(self._x, chosen).astype(np.float64, copy=False)
        if self.kernel == "gaussian":
            return np.atleast_2d(random.normal(rows, self.bandwidth_))
        # A normal direction; the law of its length is mapped onto that of the radius in a ball.
        offsets = random.normal(size=(count, d))
        squares = np.einsum("ij,ij->i", offsets, offsets)
        radii = gammainc(0.5 * d, 0.5 * squares) ** (1.0 / d) * self.bandwidth_
        drawn: NDArray[np.float64] = rows + offsets * (radii / np.sqrt(squares))[:, np.newaxis]
        return drawn

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters."""
        return {
            "algorithm": self.algorithm,
            "atol": self.atol,
            "bandwidth": self.bandwidth,
            "breadth_first": self.breadth_first,
            "kernel": self.kernel,
            "leaf_size": self.leaf_size,
            "metric": self.metric,
            "metric_params": self.metric_params,
            "rtol": self.rtol,
        }

    def __repr__(self) -> str:
        defaults = KernelDensity().get_params()
        changed = (f"{k}={v!r}" for k, v in self.get_params().items() if v != defaults[k])
        return f"KernelDensity({', '.join(changed)})"

    def _choose_bandwidth(self, x: AnySamples, weights: Vector | None) -> Bandwidth:
        what = "KernelDensity: bandwidth"
        if not isinstance(self.bandwidth, str):
            return Bandwidth(as_positive(what, self.bandwidth), "given")
        check_choice(what, self.bandwidth, ("scott", "silverman"), " or a number > 0")
        n, d = x.shape
        factor = 1.0 if self.bandwidth == "scott" else (d + 2) / 4
        return Bandwidth((n * factor) ** (-1 / (d + 4)), self.bandwidth)

    def _check_parameters(self) -> None:
        check_choice("KernelDensity: algorithm", self.algorithm, ("kd_tree", "ball_tree", "auto"))
        check_choice("KernelDensity: metric", self.metric, METRICS, "; no other is supported")
        for name in ("atol", "rtol"):
            value = as_number(f"KernelDensity: {name}", getattr(self, name))
            if not value >= 0.0:
                raise ValueError(f"KernelDensity: {name} is {value}, expected a number >= 0")
        if not isinstance(self.breadth_first, bool | np.bool_):
            raise TypeError(f"KernelDensity: breadth_first is {self.breadth_first!r}")
        as_integer("KernelDensity: leaf_size", self.leaf_size, 1)
        if self.metric_params:
            raise ValueError(
                f"KernelDensity: metric_params={self.metric_params!r} is not supported, only None"
            )


def _generator(
    state: int | np.random.Generator | np.random.RandomState | None,
) -> np.random.Generator | np.random.RandomState:
    if state is None:
        return np.random.mtrand._rand
    if isinstance(state, np.random.Generator | np.random.RandomState):
        return state
    return np.random.RandomState(state)
