"""How far apart are two sets of samples, and how good is a generative model."""

from parzen._core import get_num_threads, set_num_threads
from parzen._estimate import Estimate, __version__
from parzen.metrics.bandwidth import BandwidthWarning
from parzen.metrics.compare_models import ModelComparison, ModelDifference, compare_models
from parzen.metrics.cross_entropy import cross_entropy, log_probs_of
from parzen.metrics.divergence import entropy, f_divergence, kl_divergence
from parzen.metrics.divergence_samples import kl_divergence_from_samples
from parzen.metrics.fid_jackknife import FIDJackknife, fid_jackknife
from parzen.metrics.fisher import fisher_divergence
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
from parzen.metrics.manifold import PrecisionRecall, precision_recall
from parzen.metrics.mmd import mmd
from parzen.metrics.mmd_test import MMDTest, mmd_test
from parzen.metrics.moments import MMD, Moments
from parzen.metrics.normal import Normal
from parzen.metrics.parzen_log_likelihood import parzen_log_likelihood
from parzen.metrics.stein import (
    SteinDiscrepancy,
    SteinTest,
    kernel_stein_discrepancy,
    stein_test,
)
from parzen.metrics.stein_kernel import InverseMultiquadric
from parzen.protocols import Protocol, protocol

__all__ = [
    "KID",
    "MMD",
    "BandwidthWarning",
    "Energy",
    "Estimate",
    "FIDJackknife",
    "Gaussian",
    "ImportanceWeightedBound",
    "InceptionScore",
    "IndefiniteWarning",
    "InverseMultiquadric",
    "KernelDensity",
    "Likelihood",
    "LogLikelihood",
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
    "__version__",
    "bits_per_dim",
    "compare_models",
    "cross_entropy",
    "dequantization_offset",
    "entropy",
    "expected_log_likelihood",
    "f_divergence",
    "fid",
    "fid_jackknife",
    "fisher_divergence",
    "frechet_distance",
    "get_num_threads",
    "importance_weighted_bound",
    "inception_score",
    "kernel_stein_discrepancy",
    "kid",
    "kl_divergence",
    "kl_divergence_from_samples",
    "log_density",
    "log_density_gradient",
    "log_probs_of",
    "mmd",
    "mmd_test",
    "negative_log_likelihood",
    "parzen_log_likelihood",
    "perplexity",
    "precision_recall",
    "protocol",
    "set_num_threads",
    "sqrtm",
    "stein_test",
]
