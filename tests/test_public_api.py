"""The names that users may rely on, their documentation, and the number that metrics return."""

import copy
import doctest
import importlib
import importlib.metadata
import inspect
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import parzen
from parzen import Estimate

NAMES = {
    "mifid",
    "vendi_score_from_kernel",
    "vendi_score",
    "BandwidthWarning",
    "Energy",
    "Estimate",
    "Gaussian",
    "InceptionScore",
    "IndefiniteWarning",
    "KID",
    "KernelDensity",
    "Moments",
    "MMD",
    "MMDTest",
    "Polynomial",
    "PrecisionRecall",
    "Protocol",
    "RationalQuadratic",
    "SmallSampleWarning",
    "__version__",
    "fid",
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
    "frechet_distance": "(mu1, sigma1, mu2, sigma2)",
    "sqrtm": "(sigma)",
    "kid": "(real, fake, *, degree=3, gamma=None, coef0=1.0, subsets=100, subset_size=1000, "
    "seed=2020, method='auto', protocol=None, progress=None)",
    "mmd": "(x, y, *, kernel=Gaussian(bandwidth='median', seed=0), estimator='unbiased', "
    "method='auto', progress=None)",
    "mmd_test": "(x, y, *, kernel=Gaussian(bandwidth='median', seed=0), permutations=1000, seed=0, "
    "progress=None)",
    "log_density": "(x, queries, *, bandwidth, kernel='gaussian', weights=None, progress=None)",
    "KernelDensity": "(bandwidth='scott', kernel='gaussian')",
    "Moments": "(degree=3)",
    "inception_score": "(logits, *, splits=10, shuffle=True, seed=2020, "
    "protocol=None, progress=None)",
    "precision_recall": "(real, fake, *, k=3, boundary='inside', protocol=None, progress=None)",
    "vendi_score": "(x, *, q=1, normalize=True, groups=10, seed=0, progress=None)",
    "vendi_score_from_kernel": "(kernel, *, q=1, normalize=False, groups=10, seed=0, "
    "progress=None)",
    "mifid": "(real, fake, *, cosine_distance_eps=0.1, over='fake', progress=None)",
    "patch": "(*, quiet=False, also=())",
    "Polynomial": "(degree=3, gamma=None, coef0=1.0)",
    "Gaussian": "(bandwidth='median', seed=0)",
    "RationalQuadratic": "(alpha, length_scale)",
    "Energy": "()",
    "Estimate": "(value, stderr=None, provenance=None)",
}

MODULES = [
    "parzen._estimate",
    "parzen.metrics.frechet",
    "parzen.protocols",
    "parzen.results",
    "parzen.metrics.inception_score",
    "parzen.metrics.kde",
    "parzen.metrics.kernels",
    "parzen.metrics.kid",
    "parzen.metrics.log_density",
    "parzen.metrics.manifold",
    "parzen.metrics.mmd",
    "parzen.metrics.mmd_test",
    "parzen.metrics.vendi",
    "parzen.patch.replacing",
]


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


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("KID", ("mean", "std")),
        ("MMD", ("squared", "stderr")),
        ("MMDTest", ("squared", "p_value", "null")),
        ("InceptionScore", ("mean", "std", "sharpness", "diversity")),
        ("PrecisionRecall", ("precision", "recall", "density", "coverage")),
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
    if name == "Energy":
        wanted.remove("Parameters")
    for section in wanted:
        assert f"\n{section}\n---" in inspect.getdoc(item), f"{name} has no section {section}"


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_import_is_light():
    heavy = "{'torch', 'sklearn', 'matplotlib', 'rich', 'typer', 'PIL', 'pandas'}"
    code = f"import sys, parzen; sys.exit(repr({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"


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
    estimates = [
        parzen.fid(x, y),
        parzen.frechet_distance(x[0], np.eye(5), y[0], np.eye(5)),
        *parzen.kid(x, y, subsets=2, subset_size=10),
        *parzen.kid(x, y, subsets=None),
        parzen.mmd(x, y).squared,
        *parzen.mmd_test(x, y, permutations=5)[:2],
        *parzen.inception_score(x),
        *parzen.precision_recall(x, y),
        parzen.KernelDensity().fit(x).score(y),
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
