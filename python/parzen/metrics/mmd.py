"""The squared maximum mean discrepancy of two samples, over all pairs, with its standard error."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from parzen import _core
from parzen._arrays import FLOAT64_LIMIT, as_pair, center_of, extent, fit_range
from parzen._estimate import Estimate, part, provenance
from parzen._options import check_choice
from parzen._samples import at_precision
from parzen.metrics import moments
from parzen.metrics.kernels import Gaussian, Kernel, Polynomial, check_kernel
from parzen.metrics.moments import MMD

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from parzen._core import Progress
    from parzen._samples import AnySamples

Vector = NDArray[np.float64]
MEDIAN_GAUSSIAN = Gaussian()


def mmd(
    x: object,
    y: object,
    *,
    kernel: Kernel = MEDIAN_GAUSSIAN,
    estimator: Literal["unbiased", "biased"] = "unbiased",
    method: Literal["auto", "pairs", "moments"] = "auto",
    precision: Literal["full", "fast"] = "full",
    progress: Progress | None = None,
) -> MMD:
    """Return the squared maximum mean discrepancy of two samples.

    MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y) over independent x, x' and y, y'. The unbiased
    estimate leaves the pairs of a row with itself out, the biased one keeps them and is never
    negative but for rounding.

    Parameters
    ----------
    x, y
        Samples (n, d) and (m, d); n and m may differ.
    kernel
        A `Gaussian`, `Polynomial`, `RationalQuadratic` or `Energy`. The default takes the median
        distance for its bandwidth.
    estimator
        ``"unbiased"`` (n, m >= 2) or ``"biased"``.
    method
        ``"pairs"`` sums over all pairs. ``"moments"`` gives the same number for a `Polynomial` of
        degree 1 to 3 in time linear in n and m, from mean tensors (see `Moments`); its standard
        error is put together from the pairs of at most 4096 seeded rows a side; where the
        distributions are equal and n is much larger it is too large, several times at worst.
        ``"auto"`` takes the way that needs less arithmetic, by n, m, d and the kernel alone.
    precision
        On a CUDA device, of products of float32 samples: ``"full"``, float32's as on the host, or
        ``"fast"``, with factors of 11 bits on the tensor cores; the provenance then has
        ``inner_product_error``, its bound relative to the lengths of the two centred rows. Moments
        are always taken at full precision.
    progress
        Called with the fraction done.

    Returns
    -------
    MMD
        ``squared``, ``stderr`` and ``distance``. Near MMD = 0 the estimate is not normally
        distributed, and the standard error is no test of equality.

    Raises
    ------
    ValueError, TypeError
        Where samples or options are not as described; the message says which.

    References
    ----------
    Gretton et al., "A kernel two-sample test", JMLR 13, 2012, equations 3 and 5. The
    standard error is the plug-in form of the variance of a two-sample U-statistic to second order
    (Serfling, "Approximation Theorems of Mathematical Statistics", 1980, section 5.2.1).

    Examples
    --------
    >>> import numpy as np, parzen
    >>> x, y = np.random.default_rng(0).normal(size=(2, 500, 8))
    >>> parzen.mmd(x, y + 1.0).squared > 0.1
    True
    >>> result = parzen.mmd(x, y)
    >>> abs(result.squared) < 4 * result.stderr
    True
    """
    check_kernel("mmd", kernel)
    check_choice("mmd: estimator", estimator, ("unbiased", "biased"))
    check_choice("mmd: method", method, ("auto", "pairs", "moments"))
    least = 2 if estimator == "unbiased" else 1
    pair = as_pair(x, y, function="mmd", min_rows=least, on_device=True)
    a, b, kernel = ready("mmd", kernel, *at_precision("mmd", precision, *pair))
    way = chosen_method("mmd", method, kernel, a, b)
    if way == "moments":
        a, b = at_precision("mmd", "full", a, b)
    record = provenance("mmd", a, b, method=way, estimator=estimator, kernel=described(kernel))
    if way == "moments":
        assert isinstance(kernel, Polynomial)
        return by_moments("mmd", a, b, kernel, estimator, record, progress)
    sums = pair_sums(a, b, kernel, center=center_of(a, b), progress=progress)
    if estimator == "biased":
        return MMD(Estimate(sums.biased(), None, record), None)
    stderr = sums.stderr()
    return MMD(Estimate(sums.unbiased(), stderr, record), stderr)


@dataclass(frozen=True)
class PairSums:
    """The sums of k over pairs of X with X, Y with Y (each without its diagonal), X with Y."""

    xx: Vector
    yy: Vector
    xy: Vector
    yx: Vector
    diagonals: tuple[Vector, Vector]
    squares: tuple[float, float, float]

    def unbiased(self) -> float:
        """MMD^2 without the diagonals (Gretton et al. 2012, equation 3).

        The three means can be a million times their difference. Row sums are added exactly
        (math.fsum), so that what is left is the rounding of the three means, 1e-16 of each.
        """
        n, m = len(self.xx), len(self.yy)
        within = math.fsum(self.xx) / (n * (n - 1)) + math.fsum(self.yy) / (m * (m - 1))
        return within - 2.0 * math.fsum(self.xy) / (n * m)

    def biased(self) -> float:
        """MMD^2 with the diagonals (Gretton et al. 2012, equation 5)."""
        n, m = len(self.xx), len(self.yy)
        xx = math.fsum([*self.xx, *self.diagonals[0]]) / (n * n)
        yy = math.fsum([*self.yy, *self.diagonals[1]]) / (m * m)
        return xx + yy - 2.0 * math.fsum(self.xy) / (n * m)

    def stderr(self) -> float | None:
        """Return the standard error of the unbiased MMD^2, None where n or m is below 4.

        With k = mean + a(x) + b(y) + k~(x, y), k~ doubly centred (Hoeffding's decomposition),

            Var = 4 Var(h_x)/n + 4 Var(h_y)/m + 2 s_xx/(n(n-1)) + 2 s_yy/(m(m-1)) + 4 s_xy/(nm),
            s = E k~^2,

        where h is the difference of the two conditional means. Estimated from row means, the
        first two terms contain the last three twice: they are taken off once. What is taken off
        is at most half, which rounding and noise may not exceed.
        """
        n, m = len(self.xx), len(self.yy)
        if min(n, m) < 4:
            return None
        h_x = self.xx / (n - 1) - self.xy / m
        h_y = self.yy / (m - 1) - self.yx / n
        first = 4.0 * h_x.var(ddof=1) / n + 4.0 * h_y.var(ddof=1) / m
        second = (
            2.0 * centred_within(self.xx, self.squares[0]) / (n * (n - 1))
            + 2.0 * centred_within(self.yy, self.squares[1]) / (m * (m - 1))
            + 4.0 * centred_across(self.xy, self.yx, self.squares[2]) / (n * m)
        )
        return math.sqrt(first - min(max(second, 0.0), first / 2.0))

    def stderr_at(self, n: int, m: int) -> float | None:
        """Return the standard error of the unbiased MMD^2 of n and m rows from fewer, alike ones.

        The components of the variance (see `stderr`) are estimated from these sums and put
        together for the larger sizes.
        """
        rows_x, rows_y = len(self.xx), len(self.yy)
        if min(rows_x, rows_y) < 4:
            return None
        h_x = self.xx / (rows_x - 1) - self.xy / rows_y
        h_y = self.yy / (rows_y - 1) - self.yx / rows_x
        s_xx = max(centred_within(self.xx, self.squares[0]), 0.0)
        s_yy = max(centred_within(self.yy, self.squares[1]), 0.0)
        s_xy = max(centred_across(self.xy, self.yx, self.squares[2]), 0.0)
        first_x = max(float(h_x.var(ddof=1)) - s_xx / (rows_x - 1) - s_xy / rows_y, 0.0)
        first_y = max(float(h_y.var(ddof=1)) - s_yy / (rows_y - 1) - s_xy / rows_x, 0.0)
        first = 4.0 * first_x / n + 4.0 * first_y / m
        second = 2.0 * s_xx / (n * (n - 1)) + 2.0 * s_yy / (m * (m - 1)) + 4.0 * s_xy / (n * m)
        return math.sqrt(first + second)


def chosen_method(function: str, method: str, kernel: Kernel, x: AnySamples, y: AnySamples) -> str:
    """Return ``"pairs"`` or ``"moments"``; refuse moments where there are none."""
    if method == "pairs":
        return method
    if not isinstance(kernel, Polynomial) or kernel.degree > moments.MAX_DEGREE:
        if method == "moments":
            raise ValueError(
                f"{function}: method 'moments' needs a Polynomial of degree 1 to "
                f"{moments.MAX_DEGREE}, got {kernel!r}; pass method='pairs'"
            )
        return "pairs"
    if method == "moments":
        return method
    if not moments.cheaper(len(x), len(y), x.shape[1], kernel.degree):
        return "pairs"
    return "moments" if moments.magnitude(kernel.degree, x, y) <= FLOAT64_LIMIT else "pairs"


def by_moments(
    function: str,
    x: AnySamples,
    y: AnySamples,
    kernel: Polynomial,
    estimator: str,
    record: dict[str, Any],
    progress: Progress | None,
) -> MMD:
    """Return MMD^2 from mean tensors, and its standard error from the pairs of a subsample."""
    n, m = len(x), len(y)
    x, y = fit_range(function, moments.magnitude(kernel.degree, x, y), x, y)
    share = 1.0 if estimator == "biased" else 0.9
    norms = _core.moment_norms(x, y, kernel._native(), progress=part(progress, 0.0, share))
    value = moments.squared(norms, n, m, estimator)
    if estimator == "biased":
        return MMD(Estimate(value, None, record), None)
    random = np.random.default_rng(moments.STDERR_SEED)
    few_x, few_y = moments.subsample(x, random), moments.subsample(y, random)
    record["stderr_rows"] = (len(few_x), len(few_y))
    center = center_of(few_x, few_y)
    sums = pair_sums(few_x, few_y, kernel, center=center, progress=part(progress, share, 1.0))
    stderr = sums.stderr_at(n, m)
    return MMD(Estimate(value, stderr, record), stderr)


def pair_sums(
    x: AnySamples,
    y: AnySamples,
    kernel: Kernel,
    *,
    center: NDArray[Any],
    progress: Progress | None = None,
) -> PairSums:
    """Sum a resolved kernel over all pairs: three passes of the engine, no n x m matrix."""
    n, m = len(x), len(y)
    native = kernel._native()
    pairs = n * n + m * m + 2 * n * m
    first, second = n * n / pairs, (n * n + m * m) / pairs
    xx, _, diagonal_x, squares_x = _core.kernel_sum(
        x, None, native, center=center, progress=part(progress, 0.0, first)
    )
    yy, _, diagonal_y, squares_y = _core.kernel_sum(
        y, None, native, center=center, progress=part(progress, first, second)
    )
    xy, yx, _, squares = _core.kernel_sum(
        x, y, native, center=center, progress=part(progress, second, 1.0)
    )
    if progress is not None:
        progress(1.0)
    assert diagonal_x is not None
    assert diagonal_y is not None
    assert yx is not None
    return PairSums(xx, yy, xy, yx, (diagonal_x, diagonal_y), (squares_x, squares_y, squares))


def ready(
    function: str, kernel: Kernel, x: AnySamples, y: AnySamples
) -> tuple[AnySamples, AnySamples, Kernel]:
    """Settle the kernel's parameters on these samples, and the type in which nothing overflows."""
    d = x.shape[1]
    peak, span = extent(x, y)
    x, y = fit_range(function, kernel._magnitude(d, peak, span), x, y)
    kernel = kernel._resolve(x, y)
    x, y = fit_range(function, kernel._magnitude(d, peak, span), x, y)
    return x, y, kernel


def described(kernel: DataclassInstance) -> dict[str, Any]:
    """Return a kernel's name and parameters for a provenance."""
    return {"name": type(kernel).__name__, **dataclasses.asdict(kernel)}


def centred_within(rows: Vector, squares: float) -> float:
    """Estimate E k~(x, x')^2 without bias from off-diagonal row sums and sum of squares, n >= 4.

    The U-centred sum of Szekely and Rizzo ("Partial distance correlation with methods for
    dissimilarities", Annals of Statistics 42, 2014, proposition 1). The mean is taken off first,
    so that less cancels.
    """
    n = len(rows)
    total = math.fsum(rows)
    mean = total / (n * (n - 1))
    rest = rows - mean * (n - 1)
    return (squares - mean * total - 2.0 * float(rest @ rest) / (n - 2)) / (n * (n - 3))


def centred_across(rows: Vector, columns: Vector, squares: float) -> float:
    """Estimate E k~(x, y)^2 without bias, as in a two-way analysis of variance."""
    n, m = len(rows), len(columns)
    total = math.fsum(rows)
    mean = total / (n * m)
    by_row, by_column = rows - mean * m, columns - mean * n
    between = float(by_row @ by_row) / m + float(by_column @ by_column) / n
    return (squares - mean * total - between) / ((n - 1) * (m - 1))
