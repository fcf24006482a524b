"""clean-fid's statistics of data sets, kept in files under its names."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parzen.compat._clean_features import check_mode, get_folder_features
from parzen.compat._statistics import Array, Path_, read_statistics, statistics_of, write_arrays

PUBLISHED = "https://www.cs.cmu.edu/~clean-fid/stats"


def stats_folder() -> Path:
    """Return where statistics are kept: parzen/clean-fid in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "parzen" / "clean-fid"


def make_custom_stats(
    name: str,
    fdir: Path_,
    num: int | None = None,
    mode: str = "clean",
    model_name: str = "inception_v3",
    num_workers: int = 0,
    batch_size: int = 64,
    device: object = None,
    verbose: bool = True,
) -> None:
    """Keep the statistics and the features of a folder's images under a name.

    Parameters
    ----------
    name
        For `compute_fid` and `compute_kid`, as ``dataset_name`` with ``dataset_split="custom"``.
    fdir, num, mode, num_workers, batch_size, device, verbose
        As in `get_folder_features`.
    model_name
        ``"inception_v3"``.

    Raises
    ------
    FileExistsError, ValueError, TypeError, OSError
        Where the name is taken, or as in `get_folder_features`.
    """
    check_model("make_custom_stats", model_name)
    target = _file(name, "na", mode, "custom", "FID")
    if target.exists():
        raise FileExistsError(
            f"make_custom_stats: {target} exists; remove_custom_stats({name!r}, {mode!r}) first"
        )
    features = get_folder_features(
        fdir,
        num=num,
        mode=mode,
        num_workers=num_workers,
        batch_size=batch_size,
        device=device,
        verbose=verbose,
    )
    mu, sigma = statistics_of("make_custom_stats", features)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_arrays(_file(name, "na", mode, "custom", "KID"), feats=features)
    write_arrays(target, mu=mu, sigma=sigma)


def remove_custom_stats(name: str, mode: str = "clean", model_name: str = "inception_v3") -> None:
    """Remove what `make_custom_stats` keeps under that name; a FileNotFoundError if nothing is."""
    check_model("remove_custom_stats", model_name)
    for metric in ("FID", "KID"):
        _file(name, "na", mode, "custom", metric).unlink()


def test_stats_exists(
    name: str, mode: str, model_name: str = "inception_v3", metric: str = "FID"
) -> bool:
    """Return whether `make_custom_stats` has kept something under that name."""
    check_model("test_stats_exists", model_name)
    return _file(name, "na", mode, "custom", metric).exists()


def get_reference_statistics(
    name: str,
    res: object,
    mode: str = "clean",
    model_name: str = "inception_v3",
    seed: int = 0,
    split: str = "test",
    metric: str = "FID",
) -> tuple[Array, Array] | NDArray[np.float32]:
    """Return mean and covariance, or for KID the features, of a data set from `stats_folder`.

    Nothing is downloaded; a published file that is put there is found.

    Parameters
    ----------
    name, res, mode, split
        Of the file; `res` is of no effect on split ``"custom"``.
    model_name
        ``"inception_v3"``.
    seed
        Of no effect, as there.
    metric
        ``"FID"`` or ``"KID"``.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    """
    check_model("get_reference_statistics", model_name)
    path = _file(name, "na" if split == "custom" else res, mode, split, metric)
    if not path.exists():
        advice = (
            "make_custom_stats makes it"
            if split == "custom"
            else f"parzen downloads no statistics; save {PUBLISHED}/{path.name} there"
        )
        raise FileNotFoundError(f"dataset_name: {name!r} has no statistics {path}; {advice}")
    if metric == "FID":
        return read_statistics(path)
    with np.load(path, allow_pickle=False) as archive:
        features: NDArray[np.float32] = archive["feats"]
    return features


def check_model(function: str, model_name: object) -> None:
    """Refuse networks other than Inception."""
    if model_name != "inception_v3":
        raise ValueError(
            f"{function}: model_name {model_name!r} is not supported, only 'inception_v3'; "
            f"parzen.vision has other networks"
        )


def _file(name: str, res: object, mode: str, split: str, metric: str) -> Path:
    check_mode("dataset_name", mode)
    if metric not in ("FID", "KID"):
        raise ValueError(f"metric is {metric!r}, expected 'FID' or 'KID'")
    ending = "_kid" if metric == "KID" else ""
    return stats_folder() / f"{name}_{mode}_{split}_{res}{ending}.npz".lower()
