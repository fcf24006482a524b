"""Every argument of every function of parzen.compat: used, of how the work is done, or refused.

The rule is in docs/compat.md. An argument that is not supported, or that would change nothing in
this call, is an error that names it, unless it has the package's default.
"""

import importlib
import inspect

import numpy as np
import pytest

from parzen.compat import _fidelity_options, cleanfid, pytorch_fid, torch_fidelity
from parzen.compat._unused import refuse

pytestmark = pytest.mark.filterwarnings(
    "ignore::parzen.SmallSampleWarning", "ignore::parzen.CopiedSampleWarning"
)
ROWS = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
GAUSSIANS = np.zeros(2), np.eye(2), np.ones(2), np.eye(2)


def generator(z):
    raise AssertionError("called, where an argument should have been refused before")


# What says how the work is done, and changes no number in the package either; a seed where nothing
# is drawn; what the package itself ignores everywhere, by its own documentation.
HOW = {
    *("batch_size", "num_workers", "device", "use_dataparallel", "verbose", "description", "desc"),
    *("seed", "rng_seed", "random_state", "rng", "maxpts"),
    *("algorithm", "leaf_size", "breadth_first", "atol", "rtol", "blocksize", "y"),
}

# Function, argument: a call that must fail, by keyword. Everything else is used.
DATASET = ({"dataset_name": "LSUN"}, {"dataset_res": 256}, {"dataset_split": "test"})
REFUSED = [
    (pytorch_fid, "calculate_frechet_distance", GAUSSIANS, {}, {"eps": 1e-3}),
    (cleanfid, "frechet_distance", GAUSSIANS, {}, {"eps": 1e-3}),
    (cleanfid, "get_folder_features", (".",), {}, {"shuffle": True}),
    *(
        (cleanfid, name, (), {"gen": generator, **given}, options)
        for name in ("compute_fid", "compute_kid")
        for given, several in (
            ({"fdir2": "."}, DATASET),
            ({"dataset_split": "custom"}, DATASET[1:2]),
        )
        for options in several
    ),
    *(
        (cleanfid, name, ("a", "b"), {}, options)
        for name in ("compute_fid", "compute_kid")
        for options in ({"num_gen": 10}, {"z_dim": 3}, *DATASET)
    ),
    *(
        (cleanfid, name, arguments, {"mode": "legacy_tensorflow", **given}, {function: abs})
        for name, arguments, given in (
            ("get_model_features", (generator, generator), {}),
            ("compute_fid", (), {"gen": generator, "fdir2": "."}),
        )
        for function in ("custom_image_tranform", "custom_fn_resize")
    ),
    *(
        (cleanfid, name, arguments, {}, {"model_name": "clip_vit_b_32"})
        for name, arguments in (
            ("compute_fid", (".", ".")),
            ("make_custom_stats", ("name", ".")),
            ("remove_custom_stats", ("name",)),
            ("test_stats_exists", ("name", "clean")),
            ("get_reference_statistics", ("name", 32)),
        )
    ),
    ("vendi_score", "score_X", (ROWS,), {}, {"q": 2}),
    ("sklearn", "KernelDensity", (), {}, {"metric": "manhattan"}),
    ("sklearn", "KernelDensity", (), {}, {"metric_params": {"p": 3}}),
    (torch_fidelity, "kid_features_to_metric", (ROWS, ROWS), {}, {"kid_kernel_rbf_sigma": 2}),
    *(
        (torch_fidelity, "kid_features_to_metric", (ROWS, ROWS), {"kid_kernel": "rbf"}, options)
        for options in (
            {"kid_kernel_poly_degree": 2},
            {"kid_kernel_poly_gamma": 1.0},
            {"kid_kernel_poly_coef0": 0},
        )
    ),
]

FID = {"input1": ROWS, "input2": ROWS + 1, "fid": True, "verbose": False}
EVERY = {**FID, **dict.fromkeys(("isc", "kid", "prc"), True)}
# Options of `calculate_metrics`: another value than the default, and a call in which it is nothing.
OPTIONS = {
    "input2": (ROWS, {"input1": ROWS, "isc": True}),
    "feature_extractor": ("inception-v3-compat", FID),
    "feature_extractor_weights_path": ("w.pth", FID),
    "feature_extractor_internal_dtype": ("float64", FID),
    "samples_find_deep": (True, FID),
    "samples_find_ext": ("gif", FID),
    "samples_resize_and_crop": (32, FID),
    "feature_layer_isc": ("64", FID),
    "isc_splits": (5, FID),
    "samples_shuffle": (False, FID),
    "feature_layer_fid": ("64", {**EVERY, "fid": False}),
    "feature_layer_kid": ("64", FID),
    "kid_subsets": (5, FID),
    "kid_subset_size": (5, FID),
    "kid_kernel": ("rbf", FID),
    "kid_kernel_poly_degree": (2, {**EVERY, "kid_kernel": "rbf"}),
    "kid_kernel_poly_gamma": (2.0, FID),
    "kid_kernel_poly_coef0": (2, FID),
    "kid_kernel_rbf_sigma": (2, EVERY),
    "feature_layer_prc": ("fc2", FID),
    "prc_neighborhood": (5, FID),
    "ppl": (True, FID),
    "ppl_epsilon": (1e-3, FID),
    "ppl_reduction": ("none", FID),
    "ppl_sample_similarity": ("other", FID),
    "ppl_sample_similarity_resize": (32, FID),
    "ppl_sample_similarity_dtype": ("float32", FID),
    "ppl_discard_percentile_lower": (None, FID),
    "ppl_discard_percentile_higher": (None, FID),
    "ppl_z_interp_mode": ("slerp_any", FID),
    "feature_extractor_compile": (True, FID),
    "datasets_root": ("d", FID),
    "datasets_download": (False, FID),
    "cache_root": ("d", FID),
    "samples_ext_lossy": ("jpg", FID),
    **{
        f"input{i}_{name}": (value, FID)
        for i in (1, 2)
        for name, value in (
            ("cache_name", "x"),
            ("model_z_type", "uniform_0_1"),
            ("model_z_size", 10),
            ("model_num_classes", 10),
            ("model_num_samples", 10),
        )
    },
}
# Of how the work is done, and what is used in every call.
OPTIONS_USED = {
    *("input1", "isc", "fid", "kid", "prc"),
    *("cuda", "batch_size", "save_cpu_ram", "prc_batch_size", "cache", "rng_seed", "verbose"),
}


@pytest.mark.parametrize(("module", "name", "arguments", "given", "options"), REFUSED)
def test_what_would_change_nothing_is_named(module, name, arguments, given, options):
    if name == "get_folder_features":
        pytest.importorskip("torch")
    if isinstance(module, str):
        module = importlib.import_module(f"parzen.compat.{module}")
    ((argument, _),) = options.items()
    with pytest.raises(ValueError, match=rf": {argument}(=| is | )"):
        call(getattr(module, name), arguments, {**given, **options})


def call(function, arguments, options):
    made = function(*arguments, **options)
    if inspect.isclass(function):  # scikit-learn's estimators check their parameters in fit
        made.fit(ROWS)


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_calculate_metrics(name):
    value, given = OPTIONS[name]
    with pytest.raises(ValueError, match=rf"^calculate_metrics: {name}="):
        torch_fidelity.calculate_metrics(**{**given, name: value})


def test_every_option_of_calculate_metrics_is_looked_at():
    known = {*_fidelity_options.DEFAULTS, *_fidelity_options.UNSUPPORTED}
    assert {*OPTIONS, *OPTIONS_USED} == known


def test_defaults_change_nothing():
    expected = torch_fidelity.calculate_metrics(**FID)
    defaults = {**_fidelity_options.DEFAULTS, **_fidelity_options.UNSUPPORTED, **FID}
    assert torch_fidelity.calculate_metrics(**defaults) == expected
    assert torch_fidelity.calculate_metrics(**FID, cuda=False) == expected


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_defaults_are_the_packages():
    theirs = pytest.importorskip("torch_fidelity.defaults").DEFAULTS
    ours = {**_fidelity_options.DEFAULTS, **_fidelity_options.UNSUPPORTED}
    assert ours == {name: theirs[name] for name in ours}


# Arguments that the call above uses always; a new one has to be entered here or above.
USED = {
    "pytorch_fid": {
        *("mu1", "sigma1", "mu2", "sigma2", "files", "model", "dims", "path", "paths"),
    },
    "torch_fidelity": {
        *("features", "stat_1", "stat_2", "feature", "splits", "shuffle"),
        *("features_1", "features_2", "kwargs"),
    },
    "cleanfid": {
        *("mu1", "sigma1", "mu2", "sigma2", "feats1", "feats2", "num_subsets", "max_subset_size"),
        *("fdir1", "fdir2", "gen", "mode", "custom_feat_extractor", "fdir", "model", "num"),
        *("custom_fn_resize", "custom_image_tranform", "G", "z_dim", "num_gen", "return_z"),
        *("name", "res", "split", "metric"),
    },
    "prdc": {"real_features", "fake_features", "nearest_k"},
    "vendi_score": {"samples", "k", "q", "p", "normalize", "K", "X", "elems"},
    "sklearn": {"bandwidth", "kernel"},
    "scipy": {"A", "disp", "dataset", "bw_method", "weights"},
}


@pytest.mark.parametrize("module", USED)
def test_every_argument_is_looked_at(module):
    compat = importlib.import_module(f"parzen.compat.{module}")
    refused = {
        (name, argument)
        for where, name, _, _, options in REFUSED
        for argument in options
        if where in (compat, module)
    }
    for name in compat.__all__:
        function = getattr(compat, name)
        if not callable(function):
            continue
        for argument in inspect.signature(function).parameters:
            looked_at = argument in USED[module] | HOW or (name, argument) in refused
            assert looked_at, f"{name}: {argument}"


@pytest.mark.parametrize("value", [1, 1.0, np.int64(1), None])
def test_defaults_are_told_by_their_value(value):
    refuse("f", "is nothing", x=(value, value))
    with pytest.raises(ValueError, match=r"^f: x=2 is nothing; leave it out$"):
        refuse("f", "is nothing", x=(2, value))
    with pytest.raises(ValueError, match="f: x="):
        refuse("f", "is nothing", x=(np.ones(3), None))
