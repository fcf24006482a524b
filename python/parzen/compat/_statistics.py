"""Mean and covariance of features, as the packages for FID compute, keep and compare them."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import parzen
from parzen._arrays import as_samples, center_of, check_range, distance_magnitude, extent
from parzen._files import written_whole
from parzen.compat._unused import refuse
from parzen.metrics.covariance import mean_and_covariance

Path_: TypeAlias = str | os.PathLike[str]
Array = NDArray[np.float64]


def statistics_of(function: str, features: object) -> tuple[Array, Array]:
    """Return mean (d,) and covariance (d, d), ddof 1, in float64 whatever the features' type."""
    x = as_samples("features", features, function=function, min_rows=2)
    check_range(function, distance_magnitude(x.shape[1], *extent(x)), x)
    center = center_of(x).astype(np.float64)
    mean, sigma = mean_and_covariance(x, center, 1, None)
    return center + mean, sigma


def distance(
    function: str, mu1: object, sigma1: object, mu2: object, sigma2: object, eps: object
) -> np.float64:
    """Return the Frechet distance; scalars are taken as d = 1.

    `eps` is what the packages add to the diagonals where their root is not finite. This one always
    is, so that it is never added.
    """
    refuse(function, "is not supported: the root is finite without it", eps=(eps, 1e-6))
    found = parzen.frechet_distance(
        np.atleast_1d(mu1),  # type: ignore[call-overload]
        np.atleast_2d(sigma1),  # type: ignore[call-overload]
        np.atleast_1d(mu2),  # type: ignore[call-overload]
        np.atleast_2d(sigma2),  # type: ignore[call-overload]
    )
    return np.float64(found)


def read_statistics(path: Path_) -> tuple[Array, Array]:
    """Return `mu` and `sigma` of an .npz file."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not {"mu", "sigma"} <= set(archive.files):
                raise ValueError(f"it holds {', '.join(archive.files)}; expected mu and sigma")
            return archive["mu"], archive["sigma"]
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{os.fspath(path)} could not be read: {error}") from error


def write_arrays(path: Path_, **arrays: Any) -> None:
    """Write a compressed .npz file, whole or not at all."""
    with written_whole(Path(path)) as file:
        np.savez_compressed(file, **arrays)
