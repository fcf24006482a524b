"""How far apart are two sets of samples, and how good is a generative model."""

from parzen._core import get_num_threads, set_num_threads
from parzen._estimate import Estimate, __version__
from parzen.metrics.bandwidth import BandwidthWarning
from parzen.metrics.frechet import (
    IndefiniteWarning,
    SmallSampleWarning,
    fid,
    frechet_distance,
    sqrtm,
)
from parzen.metrics.inception_score import InceptionScore, inception_score
from parzen.metrics.kde import KernelDensity
from parzen.metrics.kernels import Energy, Gaussian, Polynomial, RationalQuadratic
from parzen.metrics.kid import KID, kid
from parzen.metrics.log_density import log_density
from parzen.metrics.manifold import PrecisionRecall, precision_recall
from parzen.metrics.mifid import mifid
from parzen.metrics.mmd import mmd
from parzen.metrics.mmd_test import MMDTest, mmd_test
from parzen.metrics.moments import MMD, Moments
from parzen.metrics.vendi import vendi_score, vendi_score_from_kernel
from parzen.patch import patch, unpatch
from parzen.protocols import Protocol, protocol

__all__ = [
    "KID",
    "MMD",
    "BandwidthWarning",
    "Energy",
    "Estimate",
    "Gaussian",
    "InceptionScore",
    "IndefiniteWarning",
    "KernelDensity",
    "MMDTest",
    "Moments",
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
    "mifid",
    "mmd",
    "mmd_test",
    "patch",
    "precision_recall",
    "protocol",
    "set_num_threads",
    "sqrtm",
    "unpatch",
    "vendi_score",
    "vendi_score_from_kernel",
]
