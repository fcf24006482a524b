"""The native engine.

Arrays are (rows, d), native float32 or float64, aligned, a row contiguous, x and y of one type.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Progress: TypeAlias = Callable[[float], None]  # called with the fraction done, about every 50 ms

class DeviceMatrix:
    """A matrix in a device's memory, borrowed until the calls it is given to return.

    stride: elements from one row to the next. dtype: "float32" or "float64". stream: a
    cudaStream_t, in which everything is done and which is idle when a call returns. precision, of
    float32: "full" as on the CPU, "fast" to 11 bits, "plain" as full without tensor cores, "mma" as
    full by mma.sync wherever wgmma would be taken.
    """

    def __init__(
        self,
        pointer: int,
        rows: int,
        cols: int,
        stride: int,
        dtype: str,
        device: int,
        stream: int = 0,
        *,
        precision: str = "full",
    ) -> None: ...

# Matrices are arrays, or all on one device; vectors and results are always arrays. A device's
# failure is a RuntimeError, its lack of memory a MemoryError.
Matrix: TypeAlias = Samples | DeviceMatrix

def cuda_info() -> dict[str, Any]:
    """{library, missing, architectures, runtime, driver, unusable, devices}: what was found.

    library is libparzen_cuda.so's path, missing why it cannot be used or None, unusable why there
    are no devices or None; a device has name, capability, multiprocessors, total_bytes. No device
    is used for it.
    """

def cuda_free_bytes(device: int, /) -> int:
    """Return how much memory nobody has. The device is in use by the process from then on."""

class Polynomial:
    def __init__(self, degree: int, gamma: float, coef0: float) -> None: ...

class Gaussian:
    """Mean over b of exp(-|x-y|^2 / (2 bandwidths[b]^2))."""

    def __init__(self, bandwidths: list[float]) -> None: ...

class RationalQuadratic:
    """(1 + |x-y|^2 / (2 alpha length_scale^2))^-alpha."""

    def __init__(self, alpha: float, length_scale: float) -> None: ...

class Energy:
    """-|x-y|."""

    def __init__(self) -> None: ...

Kernel: TypeAlias = Polynomial | Gaussian | RationalQuadratic | Energy

def kernel_sum(
    x: Matrix,
    y: Matrix | None,
    kernel: Kernel,
    *,
    center: NDArray[Any] | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64] | None, float]:
    """(row_sums (n,), column_sums (m,) or None, diagonal (n,) or None, squares).

    With y: row_sums[i] = sum_j k(x_i, y_j), column_sums[j] = sum_i k(x_i, y_j),
    squares = sum_ij k(x_i, y_j)^2. With y None: row_sums[i] = sum_{j != i} k(x_i, x_j),
    diagonal[i] = k(x_i, x_i), squares over all i != j.
    center: (d,), in x's type; subtracted before products are taken, changes rounding errors only.
    """

def kernel_quadratic(
    x: Matrix,
    y: Matrix | None,
    kernel: Kernel,
    u: NDArray[np.uint8],
    v: NDArray[np.uint8] | None,
    *,
    center: NDArray[Any] | None = None,
    progress: Progress | None = None,
) -> tuple[
    NDArray[np.float64],
    tuple[NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64] | None, float],
]:
    """(values (vectors,), what kernel_sum gives), in one pass over the pairs.

    values[p] = sum_ij u_pi v_pj k(x_i, y_j) for indicator vectors: u is (ceil(n/8), vectors), v
    (ceil(m/8), vectors), np.packbits(members, axis=0, bitorder="little") of booleans (n, vectors).
    With y None v is None: values[p] = sum over i != j of u_pi u_pj k(x_i, x_j). A vector's value
    does not depend on what other vectors there are, not by a bit.
    """

def log_density(
    x: Matrix,
    queries: Matrix | None,
    bandwidths: list[float],
    *,
    kernel: str = "gaussian",
    log_weights: NDArray[np.float64] | None = None,
    center: NDArray[Any] | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """(len(bandwidths), m): log sum_i w_i k(|x_i - q_j| / h_b), not normalised; k(0) = 1.

    queries None: x itself, leaving out i = j. log_weights: (n,), finite. kernel: "gaussian",
    "exponential", or "tophat", "epanechnikov", "linear", "cosine", whose k(r) is 0 from r = 1 on.
    """

@overload
def nearest(
    x: Matrix,
    queries: Matrix | None,
    k: int,
    *,
    numbers: Literal[False] = False,
    scales: NDArray[Any] | None = None,
    center: NDArray[Any] | None = None,
    progress: Progress | None = None,
) -> Samples:
    """(m, k) squared distances from each query to its k nearest rows of x, ascending, in x's type.

    queries None: x itself, leaving out i = j (k <= n - 1). scales: (n,), not negative, in x's type:
    scales[i] |x_i - q_j|^2 in the distances' place, only beside queries.
    """

@overload
def nearest(
    x: Matrix,
    queries: Matrix | None,
    k: int,
    *,
    numbers: Literal[True],
    scales: NDArray[Any] | None = None,
    center: NDArray[Any] | None = None,
    progress: Progress | None = None,
) -> tuple[Samples, NDArray[np.int64]]:
    """Return the numbers (m, k) of these rows as well, the smaller first of equal distances.

    A row whose scaled distance is infinite has the number -1.
    """

def ball_counts(
    x: Matrix,
    x_squared_radii: NDArray[Any],
    y: Matrix,
    y_squared_radii: NDArray[Any],
    *,
    center: NDArray[Any] | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(x_holds (n,), y_held (m,), y_holds (m,), x_held (n,)) of the balls about every row.

    x_holds[i]: rows of y in the ball about x_i; y_held[j]: balls about rows of x that hold y_j; the
    other two alike for the balls about rows of y. A point on the boundary is inside. The same pair
    of rows and the same center give the same squared distance as in `nearest`, bit for bit.
    """

def moments(
    x: Matrix,
    sums: NDArray[np.float64],
    degree: int,
    *,
    norm_powers: NDArray[np.float64] | None = None,
    wide: bool = False,
    center: NDArray[np.float64] | None = None,
    progress: Progress | None = None,
) -> None:
    """Add to `sums` the moments up to order `degree` (1 to 3) of z = [1, x - center], in place.

    With D = d + 1: (D,), (D(D+1)/2,) or (D(D+1)(D+2)/6,), each entry of the symmetric tensor
    sum_i z_i^(x degree) once; for their order see csrc/reductions.h. wide: products in float64.
    norm_powers: (degree + 1,), to which sum_i |x_i|^(2t) is added.
    """

def moment_norms(
    x: Matrix, y: Matrix, kernel: Polynomial, *, progress: Progress | None = None
) -> tuple[float, float, float, float, float]:
    """(|mu_x - mu_y|^2, |mu_x|^2, |mu_y|^2, mean k(x_i, x_i), mean k(y_j, y_j)).

    mu are the mean tensors of a kernel of degree 1 to 3; the first three are the means of k over
    all pairs, diagonals included: xx + yy - 2 xy, xx and yy.
    """

def column_bounds(
    x: Matrix, *, progress: Progress | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low (d,), high (d,)) of each column; both NaN where a value is NaN or infinite."""

def psd_sqrt(sigma: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """(root (d, d), worst): worst = most negative eigenvalue / largest magnitude, 0.0 if none."""

def trace_sqrt_product(
    sigma1: NDArray[np.float64], sigma2: NDArray[np.float64]
) -> tuple[float, float]:
    """(Tr (sigma1 sigma2)^(1/2), worst) for symmetric (d, d); worst as in psd_sqrt, over both."""

def set_num_threads(threads: int) -> None: ...
def get_num_threads() -> int: ...
def isa() -> str: ...
def available_isas() -> list[str]: ...
