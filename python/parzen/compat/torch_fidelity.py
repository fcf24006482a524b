"""``import torch_fidelity``: torch-fidelity's functions on features, and `calculate_metrics`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import parzen
from parzen._options import as_integer, as_seed
from parzen.compat._fidelity_options import check_kernel, of_features
from parzen.compat._statistics import Array, statistics_of
from parzen.compat._subsets import subset_mmds
from parzen.metrics.draws import permutations
from parzen.metrics.kernels import Kernel
from parzen.protocols import KIDRules

__all__ = [
    "KEY_METRIC_FID",
    "KEY_METRIC_F_SCORE",
    "KEY_METRIC_ISC_MEAN",
    "KEY_METRIC_ISC_STD",
    "KEY_METRIC_KID_MEAN",
    "KEY_METRIC_KID_STD",
    "KEY_METRIC_PRECISION",
    "KEY_METRIC_RECALL",
    "calculate_metrics",
    "fid_features_to_statistics",
    "fid_statistics_to_metric",
    "isc_features_to_metric",
    "kid_features_to_metric",
    "prc_features_to_metric",
]

KEY_METRIC_ISC_MEAN = "inception_score_mean"
KEY_METRIC_ISC_STD = "inception_score_std"
KEY_METRIC_FID = "frechet_inception_distance"
KEY_METRIC_KID_MEAN = "kernel_inception_distance_mean"
KEY_METRIC_KID_STD = "kernel_inception_distance_std"
KEY_METRIC_PRECISION = "precision"
KEY_METRIC_RECALL = "recall"
KEY_METRIC_F_SCORE = "f_score"


def fid_features_to_statistics(features: object) -> dict[str, Array]:
    """Return the mean ``mu`` (d,) and the covariance ``sigma`` (d, d), ddof 1, of features (n, d).

    Both in float64; torch-fidelity keeps the mean in the features' type.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compat.torch_fidelity import fid_features_to_statistics
    >>> fid_features_to_statistics(np.array([[0.0], [2.0]]))
    {'mu': array([1.]), 'sigma': array([[2.]])}
    """
    mu, sigma = statistics_of("fid_features_to_statistics", on_host(features))
    return {"mu": mu, "sigma": sigma}


def fid_statistics_to_metric(
    stat_1: Mapping[str, object], stat_2: Mapping[str, object], verbose: bool
) -> dict[str, float]:
    """Return ``frechet_inception_distance`` of two statistics, each a ``mu`` and a ``sigma``."""
    found = parzen.frechet_distance(stat_1["mu"], stat_1["sigma"], stat_2["mu"], stat_2["sigma"])
    return fid_result(float(found), verbose)


def isc_features_to_metric(
    feature: object, splits: int = 10, shuffle: bool = True, rng_seed: int = 2020
) -> dict[str, float]:
    """Return ``inception_score_mean`` and ``inception_score_std`` of logits (n, classes).

    Parameters are those of `parzen.inception_score`; the standard deviation has ddof 0.
    """
    found = parzen.inception_score(on_host(feature), splits=splits, shuffle=shuffle, seed=rng_seed)
    return {KEY_METRIC_ISC_MEAN: float(found.mean), KEY_METRIC_ISC_STD: float(found.std)}


def kid_features_to_metric(
    features_1: object, features_2: object, **kwargs: Any
) -> dict[str, float]:
    """Return ``kernel_inception_distance_mean`` and ``_std`` over random subsets.

    torch-fidelity's kernel values have the features' type, so that on float32 features its last
    digits are rounding; these sums are wide.

    Parameters
    ----------
    features_1, features_2
        (n, d) and (m, d), arrays or tensors.
    **kwargs
        ``kid_subsets`` (100), ``kid_subset_size`` (1000), ``rng_seed`` (2020), ``verbose`` (True),
        ``kid_kernel`` (``"poly"`` or ``"rbf"``), ``kid_kernel_poly_degree`` (3),
        ``kid_kernel_poly_gamma`` (None: 1/d), ``kid_kernel_poly_coef0`` (1),
        ``kid_kernel_rbf_sigma`` (10). Those of the other kernel are errors. Others of
        `calculate_metrics` do not matter here.

    Raises
    ------
    TypeError, ValueError
        Where there is no such option, or features or options are not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compat.torch_fidelity import kid_features_to_metric
    >>> a, b = np.random.default_rng(0).normal(size=(2, 300, 16))
    >>> sorted(kid_features_to_metric(a, b, kid_subset_size=100, verbose=False))
    ['kernel_inception_distance_mean', 'kernel_inception_distance_std']
    """
    function = "kid_features_to_metric"
    options = of_features(function, kwargs)
    check_kernel(function, options)
    kernel: Kernel
    pair: tuple[Any, ...] = on_host(features_1), on_host(features_2)
    if options["kid_kernel"] == "poly":
        given = (options[f"kid_kernel_poly_{name}"] for name in ("degree", "gamma", "coef0"))
        kernel = parzen.Polynomial(*given)
    else:
        kernel = parzen.Gaussian(options["kid_kernel_rbf_sigma"])
        # Its fixed width is large beside most features' distances: all values are near 1, and their
        # differences are lost in float32.
        pair = tuple(np.asarray(x, dtype=np.float64) for x in pair)
    values = subset_mmds(
        function,
        ("features_1", "features_2"),
        pair,
        kernel,
        KIDRules(options["kid_subsets"], options["kid_subset_size"]),
        permutations("numpy", as_seed(f"{function}: rng_seed", options["rng_seed"])),
    )
    mean, std = float(values.mean()), float(values.std())
    say(options["verbose"], f"Kernel Inception Distance: {mean:.7g} ± {std:.7g}")
    return {KEY_METRIC_KID_MEAN: mean, KEY_METRIC_KID_STD: std}


def prc_features_to_metric(
    features_1: object, features_2: object, **kwargs: Any
) -> dict[str, float]:
    """Return ``precision``, ``recall`` and ``f_score``; a ball's boundary is inside it.

    Parameters
    ----------
    features_1, features_2
        Of the generated sample, (n, d), and of the real one, (m, d): in this order.
    **kwargs
        ``prc_neighborhood`` (3), ``verbose`` (True). ``prc_batch_size`` and ``save_cpu_ram`` are of
        no effect: no matrix of distances is kept. Others of `calculate_metrics` do not matter here.
    """
    function = "prc_features_to_metric"
    options = of_features(function, kwargs)
    as_integer(f"{function}: prc_batch_size", options["prc_batch_size"], 1)
    found = parzen.precision_recall(
        on_host(features_2), on_host(features_1), k=options["prc_neighborhood"]
    )
    precision, recall = float(found.precision), float(found.recall)
    f_score = 2.0 * precision * recall / max(1e-5, precision + recall)
    for name, value in (("Precision", precision), ("Recall", recall), ("F-score", f_score)):
        say(options["verbose"], f"{name}: {value:.7g}")
    return {KEY_METRIC_PRECISION: precision, KEY_METRIC_RECALL: recall, KEY_METRIC_F_SCORE: f_score}


def calculate_metrics(**kwargs: Any) -> dict[str, float]:
    """Return the metrics asked for of two inputs.

    Parameters
    ----------
    **kwargs
        torch-fidelity's, with its defaults. ``input1``, ``input2``: a folder of images; a dataset
        of uint8 images; or what `parzen.vision.extract` takes, features (n, d) too, which serve
        all metrics but ``isc``. ``isc``, ``fid``, ``kid``, ``prc``: which. docs/compat.md lists
        the others, and those that are not supported.

    Returns
    -------
    dict
        Of ``inception_score_mean``, ``inception_score_std``, ``frechet_inception_distance``,
        ``kernel_inception_distance_mean``, ``kernel_inception_distance_std``, ``precision``,
        ``recall``, ``f_score``.

    Raises
    ------
    TypeError
        Where there is no such option.
    ValueError
        Where one is not supported, with its name; no metric or input is given.
    """
    from parzen.compat._fidelity_inputs import features_of_inputs
    from parzen.compat._fidelity_options import of_metrics

    options = of_metrics(kwargs)
    first, second = features_of_inputs(options)
    verbose = options["verbose"]
    found: dict[str, float] = {}
    if options["isc"]:
        score = isc_features_to_metric(
            first["isc"], options["isc_splits"], options["samples_shuffle"], options["rng_seed"]
        )
        found.update(score)
        mean, std = score.values()
        say(verbose, f"Inception Score: {mean:.7g} ± {std:.7g}")
    if options["fid"]:
        found.update(fid_result(float(parzen.fid(first["fid"], second["fid"])), verbose))
    if options["kid"]:
        found.update(kid_features_to_metric(first["kid"], second["kid"], **options))
    if options["prc"]:
        found.update(prc_features_to_metric(first["prc"], second["prc"], **options))
    return found


def fid_result(value: float, verbose: bool) -> dict[str, float]:
    """Return a FID under its key, and say it."""
    say(verbose, f"Frechet Inception Distance: {value:.7g}")
    return {KEY_METRIC_FID: value}


def say(verbose: bool, message: str) -> None:
    """Write to standard error, if wanted."""
    if verbose:
        print(message, file=sys.stderr)


def on_host(features: Any) -> NDArray[np.floating[Any]] | Any:
    """Return a tensor of a device on the CPU; all else as it is."""
    return features.detach().cpu() if hasattr(features, "detach") else features
