"""torch-fidelity's options: their defaults, and which of them are supported."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from parzen._options import check_choice
from parzen.compat._unused import refuse

DEFAULTS: dict[str, Any] = {
    "input1": None,
    "input2": None,
    "cuda": True,
    "batch_size": 64,
    "isc": False,
    "fid": False,
    "kid": False,
    "prc": False,
    "feature_extractor": None,
    "feature_layer_isc": None,
    "feature_layer_fid": None,
    "feature_layer_kid": None,
    "feature_layer_prc": None,
    "feature_extractor_weights_path": None,
    "feature_extractor_internal_dtype": None,
    "isc_splits": 10,
    "kid_subsets": 100,
    "kid_subset_size": 1000,
    "kid_kernel": "poly",
    "kid_kernel_poly_degree": 3,
    "kid_kernel_poly_gamma": None,
    "kid_kernel_poly_coef0": 1,
    "kid_kernel_rbf_sigma": 10,
    "prc_neighborhood": 3,
    "prc_batch_size": 10000,
    "samples_shuffle": True,
    "samples_find_deep": False,
    "samples_find_ext": "png,jpg,jpeg",
    "samples_resize_and_crop": 0,
    "cache": True,
    "rng_seed": 2020,
    "save_cpu_ram": False,
    "verbose": True,
}
# Only their defaults are accepted.
UNSUPPORTED: dict[str, Any] = {
    "ppl": False,
    "feature_extractor_compile": False,
    "datasets_root": None,
    "datasets_download": True,
    "cache_root": None,
    "samples_ext_lossy": "jpg,jpeg",
    **{
        f"input{i}_{name}": value
        for i in (1, 2)
        for name, value in (
            ("cache_name", None),
            ("model_z_type", "normal"),
            ("model_z_size", None),
            ("model_num_classes", 0),
            ("model_num_samples", None),
        )
    },
    # Of the perceptual path length, without which they mean nothing.
    "ppl_epsilon": 1e-4,
    "ppl_reduction": "mean",
    "ppl_sample_similarity": "lpips-vgg16",
    "ppl_sample_similarity_resize": 64,
    "ppl_sample_similarity_dtype": "uint8",
    "ppl_discard_percentile_lower": 1,
    "ppl_discard_percentile_higher": 99,
    "ppl_z_interp_mode": "lerp",
}
# Of one metric alone.
OF_METRIC = {
    "isc": ("feature_layer_isc", "isc_splits", "samples_shuffle"),
    "fid": ("feature_layer_fid",),
    "kid": ("feature_layer_kid", *(name for name in DEFAULTS if name.startswith("kid_"))),
    "prc": ("feature_layer_prc", "prc_neighborhood"),
}
OF_KERNEL = {
    kernel: tuple(name for name in DEFAULTS if name.startswith(f"kid_kernel_{kernel}_"))
    for kernel in ("poly", "rbf")
}
RENAMED = {f"kid_{name}": f"kid_kernel_poly_{name}" for name in ("degree", "gamma", "coef0")}


def of_features(function: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a function of features; one that there is not is an error."""
    known = {*DEFAULTS, *UNSUPPORTED}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{function}: there is no option {name!r}{hint}")
    return {**DEFAULTS, **given}


def of_metrics(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `calculate_metrics`, every one of them supported."""
    function = "calculate_metrics"
    given = dict(given)
    for old, new in RENAMED.items():
        if old in given:
            warnings.warn(
                f"{function}: {old} is called {new} since torch-fidelity 0.4.0",
                FutureWarning,
                stacklevel=3,
            )
            given[new] = given.pop(old)
    options = of_features(function, given)
    unsupported = {name: (given[name], UNSUPPORTED[name]) for name in UNSUPPORTED if name in given}
    refuse(function, "is not supported", **unsupported)
    wanted = [name for name in OF_METRIC if options[name]]
    if not wanted:
        raise ValueError(f"{function}: no metric; pass some of {', '.join(OF_METRIC)}")
    for name in ("input1",) if wanted == ["isc"] else ("input1", "input2"):
        if options[name] is None:
            raise ValueError(f"{function}: {name} is missing, which these metrics need")
    if wanted == ["isc"]:
        unused(function, "is of no effect on isc, which is of input1", options, ("input2",))
    for metric, names in OF_METRIC.items():
        if metric not in wanted:
            unused(function, f"is of no effect without {metric}=True", options, names)
    check_kernel(function, options)
    if options["cuda"] and "cuda" not in given:
        options["cuda"] = None  # where there is one
    return options


def check_kernel(function: str, options: Mapping[str, Any]) -> None:
    """Refuse options of the kernel that is not KID's."""
    kernel = options["kid_kernel"]
    check_choice(f"{function}: kid_kernel", kernel, tuple(OF_KERNEL))
    for other, names in OF_KERNEL.items():
        if other != kernel:
            unused(function, f"is of no effect with kid_kernel={kernel!r}", options, names)


def unused(function: str, why: str, options: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse these options, other than at their defaults."""
    refuse(function, why, **{name: (options[name], DEFAULTS[name]) for name in names})
