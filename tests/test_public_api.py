"""The names that users may rely on, their documentation, and the number that metrics return."""

import ast
import copy
import doctest
import importlib
import importlib.metadata
import inspect
import json
import pickle
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

import parzen
from parzen import Estimate, Normal

NAMES = {
    "FLD",
    "fld",
    "ByClass",
    "CopiedSampleWarning",
    "kid_by_class",
    "fid_by_class",
    "FDInfinity",
    "fd_infinity",
    "DataCopyingTest",
    "data_copying_test",
    "authenticity",
    "realism",
    "sliced_wasserstein",
    "cmmd",
    "mifid",
    "vendi_score_from_kernel",
    "vendi_score",
    "cross_entropy",
    "log_probs_of",
    "entropy",
    "f_divergence",
    "kl_divergence",
    "kl_divergence_from_samples",
    "fisher_divergence",
    "ImportanceWeightedBound",
    "importance_weighted_bound",
    "Likelihood",
    "LogLikelihood",
    "bits_per_dim",
    "dequantization_offset",
    "expected_log_likelihood",
    "negative_log_likelihood",
    "perplexity",
    "log_density_gradient",
    "Normal",
    "parzen_log_likelihood",
    "SteinDiscrepancy",
    "SteinTest",
    "SupportWarning",
    "kernel_stein_discrepancy",
    "stein_test",
    "InverseMultiquadric",
    "BandwidthWarning",
    "ComparisonWarning",
    "Energy",
    "Estimate",
    "FIDJackknife",
    "Gaussian",
    "InceptionScore",
    "IndefiniteWarning",
    "KID",
    "KernelDensity",
    "Moments",
    "MMD",
    "LogitsWarning",
    "LowerBoundWarning",
    "MMDTest",
    "ModelComparison",
    "ModelDifference",
    "Polynomial",
    "PrecisionRecall",
    "Protocol",
    "RationalQuadratic",
    "SmallSampleWarning",
    "__version__",
    "compare_models",
    "fid",
    "fid_jackknife",
    "frechet_distance",
    "get_num_threads",
    "inception_score",
    "kid",
    "log_density",
    "mmd",
    "mmd_test",
    "patch",
    "precision_recall",
    "protocol",
    "set_num_threads",
    "sqrtm",
    "unpatch",
}

# What stands after `*`, and the defaults: part of the contract.
SIGNATURES = {
    "fid": "(real, fake, *, ddof=1, protocol=None, progress=None)",
    "fid_jackknife": "(real, fake, *, blocks=10, ddof=1, protocol=None, seed=0, progress=None)",
    "frechet_distance": "(mu1, sigma1, mu2, sigma2)",
    "sqrtm": "(sigma)",
    "kid": "(real, fake, *, degree=3, gamma=None, coef0=1.0, subsets=100, subset_size=None, "
    "seed=2020, method='auto', precision='full', protocol=None, progress=None)",
    "mmd": "(x, y, *, kernel=Gaussian(bandwidth='median', seed=0), estimator='unbiased', "
    "method='auto', precision='full', progress=None)",
    "mmd_test": "(x, y, *, kernel=Gaussian(bandwidth='median', seed=0), permutations=1000, seed=0, "
    "progress=None)",
    "log_density": "(x, queries, *, bandwidth, kernel='gaussian', weights=None, "
    "precision='full', progress=None)",
    "KernelDensity": "(bandwidth='scott', kernel='gaussian')",
    "Moments": "(degree=3)",
    "inception_score": "(logits, *, splits=10, shuffle=True, seed=2020, "
    "protocol=None, progress=None)",
    "vendi_score": "(x, *, q=1, normalize=True, blocks=10, seed=0, progress=None)",
    "vendi_score_from_kernel": "(kernel, *, q=1, normalize=False, blocks=10, seed=0, "
    "progress=None)",
    "mifid": "(real, fake, *, cosine_distance_eps=0.1, over='fake', blocks=None, seed=0, "
    "progress=None)",
    "cmmd": "(real, fake, *, protocol=None, progress=None)",
    "sliced_wasserstein": "(x, y, *, p=2, projections=128, seed=0, progress=None)",
    "realism": "(real, fake, *, k=3, progress=None)",
    "authenticity": "(real, fake, *, progress=None)",
    "data_copying_test": "(train, test, fake, *, cells=None, least=None, seed=0, progress=None)",
    "fd_infinity": "(real, fake, *, points=15, least=None, seed=0, progress=None)",
    "fid_by_class": "(real, real_labels, fake, fake_labels, *, ddof=1, blocks=None, "
    "seed=0, progress=None)",
    "kid_by_class": "(real, real_labels, fake, fake_labels, *, degree=3, gamma=None, "
    "coef0=1.0, progress=None)",
    "fld": "(train, test, fake, *, fake_size=10000, seed=0, progress=None)",
    "precision_recall": "(real, fake, *, k=3, boundary='inside', protocol=None, "
    "halves=0, seed=0, progress=None)",
    "kl_divergence": "(p, q, *, samples=None, log=False)",
    "f_divergence": "(p, q, f, *, alpha=None, slope=None, samples=None, log=False)",
    "entropy": "(p, *, log=False)",
    "kl_divergence_from_samples": "(x, y, *, k=None, method='neighbors', bandwidth=None, "
    "progress=None)",
    "fisher_divergence": "(p, q, *, samples=None)",
    "log_density_gradient": "(x, queries, *, bandwidth, weights=None, progress=None)",
    "kernel_stein_discrepancy": "(x, scores, *, kernel=InverseMultiquadric(c=1.0, beta=-0.5), "
    "estimator='unbiased', progress=None)",
    "stein_test": "(x, scores, *, kernel=InverseMultiquadric(c=1.0, beta=-0.5), "
    "bootstraps=1000, flip=0.5, seed=0, progress=None)",
    "expected_log_likelihood": "(log_likelihoods, *, groups=None)",
    "negative_log_likelihood": "(log_likelihoods, *, groups=None)",
    "perplexity": "(log_probs, dims=1, *, groups=None)",
    "bits_per_dim": "(log_likelihoods, dims, *, offset=0.0, groups=None)",
    "dequantization_offset": "(*, levels=256, low=0.0, high=1.0)",
    "log_probs_of": "(logits, targets, *, mask=None, ignore_index=-100)",
    "cross_entropy": "(logits, targets, *, mask=None, ignore_index=-100)",
    "parzen_log_likelihood": "(samples, test, validation=None, *, "
    f"bandwidths={tuple(np.logspace(-1, 0, 10).tolist())}, progress=None)",
    "importance_weighted_bound": "(log_weights)",
    "Normal": "(mean, covariance)",
    "InverseMultiquadric": "(c=1.0, beta=-0.5)",
    "LogLikelihood": "()",
    "patch": "(*, quiet=False, also=())",
    "Polynomial": "(degree=3, gamma=None, coef0=1.0)",
    "Gaussian": "(bandwidth='median', seed=0)",
    "RationalQuadratic": "(alpha, length_scale)",
    "Energy": "()",
    "Estimate": "(value, stderr=None, provenance=None)",
}

MODULES = [
    module.name
    for module in pkgutil.walk_packages(parzen.__path__, "parzen.")
    if not module.name.endswith(("_core", "__main__"))
]
# What an extra brings: without it the module cannot be imported.
OPTIONAL = {"torch", "PIL", "sklearn", "skimage", "matplotlib", "torchmetrics"}


def test_all_lists_the_public_names():
    assert set(parzen.__all__) == NAMES
    assert len(parzen.__all__) == len(NAMES)
    for name in NAMES:
        assert hasattr(parzen, name)
    public = {
        name
        for name, value in vars(parzen).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == NAMES - {"__version__"}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    signature = inspect.signature(getattr(parzen, name))
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    plain = signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)
    assert str(plain) == SIGNATURES[name]


# One name for one thing, and others that have been or might be given to it. Names of other packages
# stay where those are imitated: in parzen.compat, parzen.torchmetrics and scikit-learn's estimator.
SYNONYMS = {
    "seed": ("rng_seed", "random_seed", "random_state", "rng"),
    "k": ("nearest_k", "neighbors", "neighborhood", "n_neighbors"),
    "subsets": ("kid_subsets", "num_subsets", "n_subsets"),
    "subset_size": ("kid_subset_size", "max_subset_size", "subset_samples"),
    "bootstraps": ("bootstrap", "replicates", "resamples", "n_bootstrap"),
    "permutations": ("n_permutations", "permutation"),
    "blocks": ("n_blocks", "folds"),
    "resize": ("mode", "resizing", "interpolation"),
    "network": ("model_name", "net", "backbone"),
    "batch_size": ("batch", "batchsize"),
    "workers": ("num_workers", "processes"),
    "weights": ("weights_path", "feature_extractor_weights_path"),
    "progress": ("verbose", "callback"),
    "fake": ("generated", "gen"),
}


@pytest.mark.parametrize("module", ["parzen", "parzen.latent", "parzen.vision", "parzen.encode"])
def test_one_name_for_one_thing(module):
    for package in ("torch", "sklearn"):
        pytest.importorskip(package)
    found = importlib.import_module(module)
    others = {other: name for name, several in SYNONYMS.items() for other in several}
    for name in getattr(found, "__all__", ["Encoder"]):
        item = getattr(found, name)
        made = inspect.isclass(item) and not issubclass(item, tuple | BaseException)
        if not made and not inspect.isfunction(item):
            continue
        for parameter in inspect.signature(item).parameters:
            assert parameter not in others, f"{name}: {parameter} is {others[parameter]} elsewhere"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("KID", ("mean", "std")),
        ("MMD", ("squared", "stderr")),
        ("MMDTest", ("squared", "p_value", "null")),
        ("InceptionScore", ("mean", "std", "sharpness", "diversity")),
        ("SteinDiscrepancy", ("squared", "stderr")),
        ("SteinTest", ("squared", "p_value", "null")),
        ("ImportanceWeightedBound", ("bound", "effective_sample_size")),
        (
            "Likelihood",
            ("log_likelihood", "negative_log_likelihood", "perplexity", "bits_per_dim"),
        ),
        ("PrecisionRecall", ("precision", "recall", "density", "coverage")),
        ("ByClass", ("mean", "classes")),
        ("DataCopyingTest", ("z", "p_value", "c_t", "cells")),
        ("FDInfinity", ("value", "slope", "sizes", "distances")),
        ("FLD", ("value", "gap")),
    ],
)
def test_fields(name, fields):
    assert getattr(parzen, name)._fields == fields


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_docstrings_say_what_is_needed(name):
    item = getattr(parzen, name)
    wanted = ["Parameters", "Examples"]
    if inspect.isfunction(item):
        wanted += ["Returns", "Raises", "References"]
    if name in ("Energy", "LogLikelihood"):
        wanted.remove("Parameters")
    for section in wanted:
        assert f"\n{section}\n---" in inspect.getdoc(item), f"{name} has no section {section}"


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        pytest.skip(f"needs {error.name}")
    if module == "parzen.latent.heat_map":
        pytest.importorskip("matplotlib")
    assert doctest.testmod(imported).failed == 0


def test_import_is_light():
    heavy = "{'torch', 'torchmetrics', 'sklearn', 'skimage', 'matplotlib', 'PIL'}"
    heavy += " | {'rich', 'typer', 'pandas'}"
    code = f"import sys, parzen; sys.exit(repr(({heavy}) & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"


def test_compat_imports_no_other_package():
    names = "cleanfid, prdc, pytorch_fid, scipy, sklearn, torch_fidelity, vendi_score"
    heavy = "{'torch', 'PIL', 'sklearn', 'cleanfid', 'prdc', 'pytorch_fid', 'torch_fidelity'}"
    heavy += " | {'vendi_score', 'scipy.stats'}"
    found = f"({heavy}) & {{*sys.modules}}"
    code = f"import sys; from parzen.compat import {names}; sys.exit(repr({found}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"


def test_import_brings_none_of_the_modules_that_are_there_when_asked_for():
    found = "{f'parzen.{name}' for name in parzen._MODULES} & {*sys.modules}"
    code = f"import sys, parzen; sys.exit(repr({found}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"


# Asked for by attribute alone, and what is to be found there.
ATTRIBUTES = {
    "compare": "compare",
    "encode": "Encoder",
    "feature_sets": "FeatureSet",
    "latent": "mig",
    "report": "to_dict",
    "results": "read_result",
    "several": "compare_several",
    "torchmetrics": "FrechetInceptionDistance",
    "vision": "extract",
    "compat.cleanfid": "compute_fid",
    "compat.prdc": "compute_prdc",
    "compat.pytorch_fid": "calculate_frechet_distance",
    "compat.scipy": "sqrtm",
    "compat.sklearn": "KernelDensity",
    "compat.torch_fidelity": "calculate_metrics",
    "compat.vendi_score": "score",
}


@pytest.mark.parametrize("module", ATTRIBUTES)
def test_modules_are_there_when_asked_for(module):
    needs = parzen._MODULES[module.partition(".")[0]]
    for name in needs:
        pytest.importorskip(name)
    code = (
        "import sys, parzen\n"
        f"first = parzen.{module}\n"  # by attribute alone
        f"import parzen.{module} as second\n"
        f"assert first is second is sys.modules['parzen.{module}']\n"
        f"print(first.{ATTRIBUTES[module]}.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("parzen."), done.stderr


def test_dir_shows_the_public_names_and_the_modules_that_are_here(monkeypatch):
    found = dir(parzen)
    assert set(parzen.__all__) <= set(found) <= {*parzen.__all__, *parzen._MODULES}
    assert {"compare", "compat", "encode", "feature_sets", "report", "results", "several"} <= set(
        found
    )
    assert {name.partition(".")[2] for name in ATTRIBUTES if "compat." in name} == set(
        dir(parzen.compat)
    )
    monkeypatch.setitem(sys.modules, "torch", None)
    assert not {"vision", "torchmetrics"} & set(dir(parzen))


def test_help_needs_no_torch():
    code = "import sys; sys.modules['torch'] = None; import pydoc, parzen; pydoc.render_doc(parzen)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", [parzen, parzen.compat])
def test_an_attribute_that_there_is_not(module):
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'x'"):
        _ = module.x


def test_type_checkers_see_the_modules():
    """What the interpreter imports on demand and what a type checker reads are one list."""
    for package, lazy in ((parzen, parzen._MODULES), (parzen.compat, parzen.compat._PACKAGES)):
        tree = ast.parse(inspect.getsource(package))
        (block,) = (node for node in tree.body if isinstance(node, ast.If))
        assert ast.unparse(block.test) == "typing.TYPE_CHECKING"
        aliases = [node.names[0] for node in block.body]
        assert [alias.name for alias in aliases] == [alias.asname for alias in aliases]
        assert [alias.name for alias in aliases] == list(lazy)


def test_version():
    assert parzen.__version__ == importlib.metadata.version("parzen")


def test_threads(one_and_many_threads):
    alone, many = one_and_many_threads(parzen.get_num_threads)
    assert alone == 1
    assert many >= 4


def test_an_estimate_is_a_float():
    value = Estimate(0.25, stderr=0.0123456, provenance={"metric": "fid", "n": 3})
    assert isinstance(value, float)
    assert value == 0.25
    assert value + 1 == 1.25
    assert f"{value:.3f}" == "0.250"
    assert str(value) == "0.25"
    assert repr(value) == "Estimate(0.25, stderr=0.0123)"
    assert repr(Estimate(1)) == "Estimate(1.0)"
    assert json.dumps([value]) == "[0.25]"
    assert hash(value) == hash(0.25)
    assert np.asarray([value]).dtype == np.float64
    assert Estimate(1).stderr is None
    assert Estimate(1).provenance == {}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_estimate_survives_pickling(protocol):
    value = Estimate(0.25, 0.5, {"metric": "fid"})
    result = parzen.KID(value, value)
    for same in (pickle.loads(pickle.dumps(result, protocol)), copy.deepcopy(result)):
        assert same == result
        assert same.mean.stderr == 0.5
        assert same.mean.provenance == {"metric": "fid"}
        assert type(same.mean) is Estimate


def test_provenances_are_plain_data(rng):
    x, y = rng.normal(size=(2, 40, 5)).astype(np.float32)
    densities = Normal(x[0], np.eye(5)), Normal(y[0], np.eye(5))
    estimates = [
        parzen.fid(x, y),
        parzen.frechet_distance(x[0], np.eye(5), y[0], np.eye(5)),
        *parzen.kid(x, y, subsets=2, subset_size=10),
        *parzen.kid(x, y, subsets=None),
        parzen.mmd(x, y).squared,
        *parzen.mmd_test(x, y, permutations=5)[:2],
        *parzen.inception_score(x),
        *parzen.precision_recall(x, y),
        parzen.vendi_score(x),
        parzen.mifid(x, y),
        parzen.cmmd(x, y),
        parzen.sliced_wasserstein(x, y),
        parzen.authenticity(x, y),
        *parzen.data_copying_test(x, y, x + 1)[:3],
        *parzen.fd_infinity(x, y, least=10)[:2],
        *parzen.fld(x, y, x + 1),
        parzen.fid_by_class(x, [0, 1] * 20, y, [0, 1] * 20).mean,
        parzen.kid_by_class(x, [0, 1] * 20, y, [0, 1] * 20).mean,
        parzen.KernelDensity().fit(x).score(y),
        parzen.kl_divergence(np.full(5, 0.2), np.full(5, 0.2)),
        parzen.f_divergence(*densities, "kl"),
        parzen.f_divergence(densities[0], densities[0], np.log, samples=x),
        parzen.fisher_divergence(x, y),
        parzen.fisher_divergence(*densities),
        parzen.kl_divergence_from_samples(x, y),
        parzen.kl_divergence_from_samples(x, y, method="kde"),
        parzen.kernel_stein_discrepancy(x, -x).squared,
        *parzen.stein_test(x, -x, kernel=parzen.Gaussian(), bootstraps=5)[:2],
        parzen.parzen_log_likelihood(x, y, bandwidths=[0.1, 0.9, 5.0]),
        *parzen.importance_weighted_bound(x),
    ]
    for value in estimates:
        assert type(value) is Estimate
        assert json.loads(json.dumps(value.provenance)) == {
            **value.provenance,
            **(
                {"kernel": json.loads(json.dumps(value.provenance["kernel"]))}
                if "kernel" in value.provenance
                else {}
            ),
        }
        assert value.provenance["metric"]
        assert value.provenance["d"] == 5
        assert value.provenance["version"] == parzen.__version__
