"""How far apart are two sets of samples, and how good is a generative model."""

import importlib.util
import types
import typing

from parzen._copies import CopiedSampleWarning
from parzen._core import get_num_threads, set_num_threads
from parzen._estimate import Estimate, LowerBoundWarning, __version__
from parzen.metrics.authenticity import authenticity
from parzen.metrics.bandwidth import BandwidthWarning
from parzen.metrics.by_class import ByClass, fid_by_class, kid_by_class
from parzen.metrics.cmmd import cmmd
from parzen.metrics.compare_models import ComparisonWarning, compare_models
from parzen.metrics.cross_entropy import cross_entropy, log_probs_of
from parzen.metrics.data_copying import DataCopyingTest, data_copying_test
from parzen.metrics.divergence import SupportWarning, entropy, f_divergence, kl_divergence
from parzen.metrics.divergence_samples import kl_divergence_from_samples
from parzen.metrics.fd_infinity import FDInfinity, fd_infinity
from parzen.metrics.fid_jackknife import FIDJackknife, fid_jackknife
from parzen.metrics.fisher import fisher_divergence
from parzen.metrics.fld import FLD, fld
from parzen.metrics.frechet import (
    IndefiniteWarning,
    SmallSampleWarning,
    fid,
    frechet_distance,
    sqrtm,
)
from parzen.metrics.importance import ImportanceWeightedBound, importance_weighted_bound
from parzen.metrics.inception_score import InceptionScore, inception_score
from parzen.metrics.kde import KernelDensity
from parzen.metrics.kernels import Energy, Gaussian, Polynomial, RationalQuadratic
from parzen.metrics.kid import KID, kid
from parzen.metrics.likelihood import (
    bits_per_dim,
    dequantization_offset,
    expected_log_likelihood,
    negative_log_likelihood,
    perplexity,
)
from parzen.metrics.log_density import log_density
from parzen.metrics.log_density_gradient import log_density_gradient
from parzen.metrics.log_likelihood import Likelihood, LogLikelihood
from parzen.metrics.logits import LogitsWarning
from parzen.metrics.manifold import PrecisionRecall, precision_recall
from parzen.metrics.mifid import mifid
from parzen.metrics.mmd import mmd
from parzen.metrics.mmd_test import MMDTest, mmd_test
from parzen.metrics.model_comparison import ModelComparison, ModelDifference
from parzen.metrics.moments import MMD, Moments
from parzen.metrics.normal import Normal
from parzen.metrics.parzen_log_likelihood import parzen_log_likelihood
from parzen.metrics.realism import realism
from parzen.metrics.sliced_wasserstein import sliced_wasserstein
from parzen.metrics.stein import (
    SteinDiscrepancy,
    SteinTest,
    kernel_stein_discrepancy,
    stein_test,
)
from parzen.metrics.stein_kernel import InverseMultiquadric
from parzen.metrics.vendi import vendi_score, vendi_score_from_kernel
from parzen.patch import patch, unpatch
from parzen.protocols import Protocol, protocol

__all__ = [
    "FLD",
    "KID",
    "MMD",
    "BandwidthWarning",
    "ByClass",
    "ComparisonWarning",
    "CopiedSampleWarning",
    "DataCopyingTest",
    "Energy",
    "Estimate",
    "FDInfinity",
    "FIDJackknife",
    "Gaussian",
    "ImportanceWeightedBound",
    "InceptionScore",
    "IndefiniteWarning",
    "InverseMultiquadric",
    "KernelDensity",
    "Likelihood",
    "LogLikelihood",
    "LogitsWarning",
    "LowerBoundWarning",
    "MMDTest",
    "ModelComparison",
    "ModelDifference",
    "Moments",
    "Normal",
    "Polynomial",
    "PrecisionRecall",
    "Protocol",
    "RationalQuadratic",
    "SmallSampleWarning",
    "SteinDiscrepancy",
    "SteinTest",
    "SupportWarning",
    "__version__",
    "authenticity",
    "bits_per_dim",
    "cmmd",
    "compare_models",
    "cross_entropy",
    "data_copying_test",
    "dequantization_offset",
    "entropy",
    "expected_log_likelihood",
    "f_divergence",
    "fd_infinity",
    "fid",
    "fid_by_class",
    "fid_jackknife",
    "fisher_divergence",
    "fld",
    "frechet_distance",
    "get_num_threads",
    "importance_weighted_bound",
    "inception_score",
    "kernel_stein_discrepancy",
    "kid",
    "kid_by_class",
    "kl_divergence",
    "kl_divergence_from_samples",
    "log_density",
    "log_density_gradient",
    "log_probs_of",
    "mifid",
    "mmd",
    "mmd_test",
    "negative_log_likelihood",
    "parzen_log_likelihood",
    "patch",
    "perplexity",
    "precision_recall",
    "protocol",
    "realism",
    "set_num_threads",
    "sliced_wasserstein",
    "sqrtm",
    "stein_test",
    "unpatch",
    "vendi_score",
    "vendi_score_from_kernel",
]

# Modules that are imported when they are first asked for, since torch and scikit-learn take
# seconds; and what each cannot do without.
_MODULES: dict[str, tuple[str, ...]] = {
    "compare": (),
    "compat": (),
    "encode": (),
    "feature_sets": (),
    "latent": ("sklearn",),
    "report": (),
    "results": (),
    "several": (),
    "torchmetrics": ("torch", "PIL", "torchmetrics"),
    "vision": ("torch", "PIL"),
}

if typing.TYPE_CHECKING:
    from parzen import compare as compare
    from parzen import compat as compat
    from parzen import encode as encode
    from parzen import feature_sets as feature_sets
    from parzen import latent as latent
    from parzen import report as report
    from parzen import results as results
    from parzen import several as several
    from parzen import torchmetrics as torchmetrics
    from parzen import vision as vision
else:  # unseen by type checkers, which would take it to have every name

    def __getattr__(name: str) -> types.ModuleType:
        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    # Without those that would fail: help() asks for all there are.
    here = (name for name, needs in _MODULES.items() if all(map(importlib.util.find_spec, needs)))
    return sorted([*__all__, *here])
