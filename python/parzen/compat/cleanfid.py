"""``from cleanfid import fid``: clean-fid's functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import parzen
from parzen.compat._clean_features import (
    Features,
    Transform,
    build_feature_extractor,
    check_functions,
    get_folder_features,
    get_model_features,
)
from parzen.compat._clean_statistics import (
    check_model,
    get_reference_statistics,
    make_custom_stats,
    remove_custom_stats,
    test_stats_exists,
)
from parzen.compat._statistics import Path_, distance, statistics_of
from parzen.compat._subsets import subset_mmds
from parzen.compat._unused import refuse
from parzen.protocols import KIDRules

__all__ = [
    "build_feature_extractor",
    "compute_fid",
    "compute_kid",
    "fid_from_feats",
    "frechet_distance",
    "get_folder_features",
    "get_model_features",
    "get_reference_statistics",
    "kernel_distance",
    "make_custom_stats",
    "remove_custom_stats",
    "test_stats_exists",
]


def frechet_distance(
    mu1: object, sigma1: object, mu2: object, sigma2: object, eps: float = 1e-6
) -> np.float64:
    """Return the Frechet distance of two Gaussians.

    Parameters
    ----------
    mu1, sigma1, mu2, sigma2
        Means (d,) and covariances (d, d), as in `parzen.frechet_distance`.
    eps
        1e-6, the default: clean-fid adds it to the diagonals where its root is not finite, and this
        one always is, for singular covariances too.

    Returns
    -------
    float
        A squared distance.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compat import cleanfid
    >>> float(cleanfid.frechet_distance(np.zeros(2), np.eye(2), np.ones(2), np.eye(2)))
    2.0
    """
    return distance("frechet_distance", mu1, sigma1, mu2, sigma2, eps)


def fid_from_feats(feats1: object, feats2: object) -> np.float64:
    """Return the FID of features (n, d) and (m, d), by `parzen.fid`: covariances with ddof 1."""
    return np.float64(parzen.fid(feats1, feats2))


def kernel_distance(
    feats1: object, feats2: object, num_subsets: int = 100, max_subset_size: int = 1000
) -> float:
    """Return the KID: the mean over random subsets of the unbiased squared MMD.

    Rows are drawn by NumPy's global generator, of `feats2` first: after ``np.random.seed(s)`` they
    are clean-fid's. Its kernel values have the features' type, so that on float32 features its
    last digits are rounding; these sums are wide.

    Parameters
    ----------
    feats1, feats2
        Features (n, d) and (m, d).
    num_subsets, max_subset_size
        So many subsets of n, m or `max_subset_size` rows, whichever is least.

    Returns
    -------
    float
        A squared distance; it can be negative.

    Raises
    ------
    ValueError, TypeError
        Where features or options are not as described.

    References
    ----------
    Binkowski et al., "Demystifying MMD GANs", ICLR 2018; the package clean-fid 0.1.35.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compat import cleanfid
    >>> a, b = np.random.default_rng(0).normal(size=(2, 300, 16))
    >>> np.random.seed(0)
    >>> abs(cleanfid.kernel_distance(a, b)) < 0.1
    True
    """
    values = subset_mmds(
        "kernel_distance",
        ("feats1", "feats2"),
        (feats1, feats2),
        parzen.Polynomial(),
        KIDRules(num_subsets, max_subset_size, truncate=True, first="fake"),
        np.random.permutation,
    )
    return float(values.mean())


def compute_fid(
    fdir1: Path_ | None = None,
    fdir2: Path_ | None = None,
    gen: Callable[[Any], Any] | None = None,
    mode: str = "clean",
    model_name: str = "inception_v3",
    num_workers: int = 12,
    batch_size: int = 32,
    device: object = None,
    dataset_name: str = "FFHQ",
    dataset_res: object = 1024,
    dataset_split: str = "train",
    num_gen: int = 50_000,
    z_dim: int = 512,
    custom_feat_extractor: Any = None,
    verbose: bool = True,
    custom_image_tranform: Transform | None = None,
    custom_fn_resize: Transform | None = None,
    use_dataparallel: bool = True,
) -> np.float64:
    """Return the FID of a folder or a generator against a folder or the statistics of a data set.

    Parameters
    ----------
    fdir1, fdir2, gen
        Two folders (or zip archives); a folder `fdir1` alone or a generator alone, against
        `dataset_name`; or a generator against `fdir2`.
    mode, num_workers, batch_size, device, custom_image_tranform, custom_fn_resize, verbose
        As in `get_folder_features`.
    model_name
        ``"inception_v3"``.
    dataset_name, dataset_res, dataset_split
        As in `get_reference_statistics`; only without a second folder.
    num_gen, z_dim
        As in `get_model_features`; only with a generator.
    custom_feat_extractor
        Instead of the network: a callable as in `get_folder_features`.
    use_dataparallel
        Of no effect: one device is used.

    Returns
    -------
    float
        A squared distance.

    Raises
    ------
    ValueError, TypeError, OSError
        Where the sources are not one of these combinations, or cannot be read.

    References
    ----------
    Parmar, Zhang and Zhu, "On aliased resizing and surprising subtleties in GAN evaluation", CVPR
    2022; the package clean-fid 0.1.35.
    """
    check_model("compute_fid", model_name)
    generated = {"z_dim": z_dim, "num_gen": num_gen}
    dataset: dict[str, Any] = {"name": dataset_name, "res": dataset_res, "split": dataset_split}
    first, second = _sources("compute_fid", fdir1, fdir2, gen, dataset, generated)
    if callable(first):
        check_functions("compute_fid", mode, custom_image_tranform, custom_fn_resize)
    model = custom_feat_extractor
    if model is None:
        model = build_feature_extractor(mode, device)
    shared: dict[str, Any] = {
        "mode": mode,
        "batch_size": batch_size,
        "device": device,
        "verbose": verbose,
        "custom_image_tranform": custom_image_tranform,
        "custom_fn_resize": custom_fn_resize,
    }
    reference = None
    if second is None:
        reference = get_reference_statistics(mode=mode, **dataset)
    else:
        against = get_folder_features(second, model, num_workers, **shared)
    features = _features(first, model, num_workers, shared, generated)
    if reference is None:
        return fid_from_feats(features, against)
    return frechet_distance(*statistics_of("compute_fid", features), *reference)


def compute_kid(
    fdir1: Path_ | None = None,
    fdir2: Path_ | None = None,
    gen: Callable[[Any], Any] | None = None,
    mode: str = "clean",
    num_workers: int = 12,
    batch_size: int = 32,
    device: object = None,
    dataset_name: str = "FFHQ",
    dataset_res: object = 1024,
    dataset_split: str = "train",
    num_gen: int = 50_000,
    z_dim: int = 512,
    verbose: bool = True,
    use_dataparallel: bool = True,
) -> float:
    """Return the KID of a folder or a generator against a folder or the features of a data set.

    Parameters are those of `compute_fid`; the subsets are `kernel_distance`'s defaults.
    """
    generated = {"z_dim": z_dim, "num_gen": num_gen}
    dataset: dict[str, Any] = {"name": dataset_name, "res": dataset_res, "split": dataset_split}
    first, second = _sources("compute_kid", fdir1, fdir2, gen, dataset, generated)
    model = build_feature_extractor(mode, device)
    shared: dict[str, Any] = {
        "mode": mode,
        "batch_size": batch_size,
        "device": device,
        "verbose": verbose,
    }
    if second is None:
        against: Any = get_reference_statistics(mode=mode, metric="KID", **dataset)
    else:
        against = get_folder_features(second, model, num_workers, **shared)
    features = _features(first, model, num_workers, shared, generated)
    # Of two folders the first is the first argument, else the reference is.
    pair = (features, against) if fdir1 is not None and fdir2 is not None else (against, features)
    return kernel_distance(*pair)


def _sources(
    function: str,
    fdir1: Path_ | None,
    fdir2: Path_ | None,
    gen: Callable[[Any], Any] | None,
    dataset: dict[str, Any],
    generated: dict[str, Any],
) -> tuple[Any, Path_ | None]:
    """Return what is measured and the folder that it is measured against, if any."""
    if fdir1 is None and gen is None:
        raise ValueError(f"{function}: expected fdir1 and fdir2, fdir1, gen and fdir2, or gen")
    if fdir1 is not None and gen is not None:
        raise ValueError(f"{function}: fdir1 and gen are both given; pass gen with fdir2")
    usual = {"name": "FFHQ", "res": 1024, "split": "train"}
    given = {f"dataset_{name}": (dataset[name], usual[name]) for name in usual}
    if fdir2 is not None:
        refuse(function, "is of no effect beside fdir2", **given)
    elif dataset["split"] == "custom":
        refuse(function, "is of no effect on custom statistics", dataset_res=given["dataset_res"])
    if gen is None:
        few = {"z_dim": (generated["z_dim"], 512), "num_gen": (generated["num_gen"], 50_000)}
        refuse(function, "is of no effect without gen", **few)
    return (gen if fdir1 is None else fdir1), fdir2


def _features(
    source: Any, model: Any, workers: int, shared: dict[str, Any], generated: dict[str, Any]
) -> Features:
    if callable(source):
        features: Features = get_model_features(source, model, **generated, **shared)
        return features
    return get_folder_features(source, model, workers, **shared)
