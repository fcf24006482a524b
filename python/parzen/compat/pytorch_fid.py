"""``from pytorch_fid.fid_score import ...``: pytorch-fid's functions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parzen.compat import _images
from parzen.compat._images import RGBFiles
from parzen.compat._statistics import (
    Array,
    Path_,
    distance,
    read_statistics,
    statistics_of,
    write_arrays,
)
from parzen.protocols import protocol

__all__ = [
    "calculate_activation_statistics",
    "calculate_fid_given_paths",
    "calculate_frechet_distance",
    "compute_statistics_of_path",
    "get_activations",
    "save_fid_stats",
]

IMAGE_EXTENSIONS = frozenset({"bmp", "jpg", "jpeg", "pgm", "png", "ppm", "tif", "tiff", "webp"})
DIMS = (64, 192, 768, 2048)


def calculate_frechet_distance(
    mu1: object, sigma1: object, mu2: object, sigma2: object, eps: float = 1e-6
) -> np.float64:
    """Return the Frechet distance of two Gaussians.

    Parameters
    ----------
    mu1, mu2
        Means (d,).
    sigma1, sigma2
        Covariances (d, d), symmetric positive semidefinite.
    eps
        1e-6, the default: pytorch-fid adds it to the diagonals where its root is not finite, and
        this one always is, for singular covariances too.

    Returns
    -------
    float
        A squared distance.

    Raises
    ------
    ValueError, TypeError
        As in `parzen.frechet_distance`.

    References
    ----------
    Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017, equation 6; the
    package pytorch-fid 0.3.0.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compat.pytorch_fid import calculate_frechet_distance
    >>> float(calculate_frechet_distance(np.zeros(2), np.eye(2), np.ones(2), np.eye(2)))
    2.0
    """
    return distance("calculate_frechet_distance", mu1, sigma1, mu2, sigma2, eps)


def get_activations(
    files: Sequence[Path_],
    model: Any,
    batch_size: int = 50,
    dims: int = 2048,
    device: object = "cpu",
    num_workers: int = 1,
) -> NDArray[np.float64]:
    """Return the features of image files: (n, dims), float64.

    Parameters
    ----------
    files
        Paths of images; of mixed sizes too.
    model
        A `parzen.vision.InceptionV3`, or a model as pytorch-fid has them: it takes a float tensor
        (k, 3, h, w) in 0..1 and returns a sequence, of which the first is (k, dims, ...), averaged
        over what follows.
    batch_size, num_workers
        Of decoding and of the network; they do not change the result but by rounding.
    dims
        64, 192, 768 or 2048.
    device
        On which such a model lies; an `InceptionV3` is moved there.

    Raises
    ------
    ValueError, TypeError
        Where an image cannot be decoded, or the model does not give `dims` features.
    """
    return _activations(
        "get_activations", files, model, batch_size, dims, device, num_workers
    ).astype(np.float64)


def calculate_activation_statistics(
    files: Sequence[Path_],
    model: Any,
    batch_size: int = 50,
    dims: int = 2048,
    device: object = "cpu",
    num_workers: int = 1,
) -> tuple[Array, Array]:
    """Return mean and covariance (ddof 1) of `get_activations`, which has the parameters."""
    function = "calculate_activation_statistics"
    features = _activations(function, files, model, batch_size, dims, device, num_workers)
    return statistics_of(function, features)


def compute_statistics_of_path(
    path: Path_, model: Any, batch_size: int, dims: int, device: object, num_workers: int = 1
) -> tuple[Array, Array]:
    """Return mean and covariance of the images in a folder, or those in an .npz file.

    Parameters
    ----------
    path
        An .npz file with ``mu`` and ``sigma``; or a folder, of which the images directly in it
        are taken, with extensions in lower case, in the order of their names.
    model, batch_size, dims, device, num_workers
        As in `get_activations`; of no effect on an .npz file.

    Raises
    ------
    FileNotFoundError, ValueError, TypeError
        Where there is no such path, no image in it, or it cannot be read.
    """
    if os.fspath(path).endswith(".npz"):
        return read_statistics(path)
    found = sorted(
        file for extension in IMAGE_EXTENSIONS for file in Path(path).glob(f"*.{extension}")
    )
    if not found:
        raise ValueError(
            f"compute_statistics_of_path: no images directly in {os.fspath(path)} "
            f"({', '.join(sorted(IMAGE_EXTENSIONS))}, in lower case)"
        )
    return calculate_activation_statistics(found, model, batch_size, dims, device, num_workers)


def calculate_fid_given_paths(
    paths: Sequence[Path_], batch_size: int, device: object, dims: int, num_workers: int = 1
) -> np.float64:
    """Return the FID of two folders of images or .npz files of statistics.

    Parameters
    ----------
    paths
        Two, as in `compute_statistics_of_path`. Where both are .npz files no network is made.
    batch_size, device, dims, num_workers
        As in `get_activations`; device None: CUDA where there is one.

    Raises
    ------
    FileNotFoundError, ValueError, TypeError
        As in `compute_statistics_of_path`.
    """
    function = "calculate_fid_given_paths"
    if len(paths) != 2:
        raise ValueError(f"{function}: paths has {len(paths)} items, expected 2")
    model = _model(function, paths, dims, device)
    (mu1, sigma1), (mu2, sigma2) = (
        compute_statistics_of_path(path, model, batch_size, dims, device, num_workers)
        for path in paths
    )
    return calculate_frechet_distance(mu1, sigma1, mu2, sigma2)


def save_fid_stats(
    paths: Sequence[Path_], batch_size: int, device: object, dims: int, num_workers: int = 1
) -> None:
    """Write mean and covariance of a folder's images to an .npz file, as ``mu`` and ``sigma``.

    Parameters
    ----------
    paths
        The folder, and the file, which must not exist.
    batch_size, device, dims, num_workers
        As in `calculate_fid_given_paths`.

    Raises
    ------
    FileNotFoundError, FileExistsError, ValueError, TypeError
        Where the folder is missing or as in `compute_statistics_of_path`, or the file exists.
    """
    source, target = paths
    name = os.fspath(target)
    output = Path(name if name.endswith(".npz") else f"{name}.npz")  # as numpy.savez names it
    if output.exists():
        raise FileExistsError(f"save_fid_stats: {output} exists; choose another name or remove it")
    model = _model("save_fid_stats", [source], dims, device)
    mu, sigma = compute_statistics_of_path(source, model, batch_size, dims, device, num_workers)
    write_arrays(output, mu=mu, sigma=sigma)


def _model(function: str, paths: Sequence[Path_], dims: int, device: object) -> Any:
    """Return the network, or None where no path holds images."""
    if dims not in DIMS:
        raise ValueError(f"{function}: dims is {dims!r}, expected one of {DIMS}")
    for path in paths:
        if not Path(path).exists():
            raise FileNotFoundError(f"{function}: there is no file or folder {os.fspath(path)}")
    if all(os.fspath(path).endswith(".npz") for path in paths):
        return None
    _images.needs(function)
    rules = protocol("pytorch-fid")
    return _images.inception(
        _images.chosen_device(function, device),
        resize=rules.resize,
        normalisation=rules.normalisation,
    )


def _activations(
    function: str,
    files: Sequence[Path_],
    model: Any,
    batch_size: int,
    dims: int,
    device: object,
    num_workers: int,
) -> NDArray[np.float32]:
    _images.needs(function)
    from parzen.vision import InceptionV3, extract

    where = _images.chosen_device(function, device)
    native = isinstance(model, InceptionV3)
    features: NDArray[np.float32] = extract(
        RGBFiles([os.fspath(file) for file in files]),
        encoder=model.to(where) if native else _pooled(model, where),
        layer=str(dims) if native else "2048",
        batch_size=batch_size,
        workers=num_workers,
    )
    if features.shape[1] != dims:
        raise ValueError(
            f"{function}: the model gives {features.shape[1]} features, dims is {dims}"
        )
    return features


def _pooled(model: Any, device: Any) -> Callable[[Any], Any]:
    """Return an encoder of 8-bit images from a model of pixels in 0..1 that returns maps."""
    if hasattr(model, "eval"):
        model.eval()

    def encode(images: Any) -> Any:
        maps = model(images.to(device).float() / 255)[0]
        return maps.flatten(2).mean(2) if maps.ndim > 2 else maps

    return encode
