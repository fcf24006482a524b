"""torch-fidelity's options: their defaults, and which of them are supported."""

from __future__ import annotations

import difflib
import warnings
from typing import Any

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
    "samples_ext_lossy": "jpg,jpeg",
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
}
# Of the perceptual path length, without which they mean nothing.
PPL = (
    *("ppl_epsilon", "ppl_reduction", "ppl_sample_similarity", "ppl_sample_similarity_resize"),
    *("ppl_sample_similarity_dtype", "ppl_discard_percentile_lower"),
    *("ppl_discard_percentile_higher", "ppl_z_interp_mode"),
)
RENAMED = {f"kid_{name}": f"kid_kernel_poly_{name}" for name in ("degree", "gamma", "coef0")}


def of_features(function: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a function of features; one that there is not is an error."""
    known = {*DEFAULTS, *UNSUPPORTED, *PPL}
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
    for name, default in UNSUPPORTED.items():
        if name in given and given[name] is not default and given[name] != default:
            raise ValueError(f"{function}: {name}={given[name]!r} is not supported; leave it out")
    metrics = ("isc", "fid", "kid", "prc")
    if not any(options[name] for name in metrics):
        raise ValueError(f"{function}: no metric; pass some of {', '.join(metrics)}")
    needed = ["input1", "input2"][: 2 if any(options[name] for name in metrics[1:]) else 1]
    for name in needed:
        if options[name] is None:
            raise ValueError(f"{function}: {name} is missing, which these metrics need")
    if options["cuda"] and "cuda" not in given:
        options["cuda"] = None  # where there is one
    return options
