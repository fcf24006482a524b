"""How far apart are two sets of samples, and how good is a generative model."""

from parzen._core import get_num_threads, set_num_threads
from parzen._estimate import Estimate, __version__
from parzen.metrics.authenticity import authenticity
from parzen.metrics.bandwidth import BandwidthWarning
from parzen.metrics.by_class import ByClass, fid_by_class, kid_by_class
from parzen.metrics.cmmd import cmmd
from parzen.metrics.data_copying import DataCopyingTest, data_copying_test
from parzen.metrics.fd_infinity import FDInfinity, fd_infinity
from parzen.metrics.fld import FLD, fld
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
from parzen.metrics.realism import realism
from parzen.metrics.sliced_wasserstein import sliced_wasserstein
from parzen.metrics.vendi import vendi_score, vendi_score_from_kernel
from parzen.protocols import Protocol, protocol

__all__ = [
    "FLD",
    "KID",
    "MMD",
    "BandwidthWarning",
    "ByClass",
    "DataCopyingTest",
    "Energy",
    "Estimate",
    "FDInfinity",
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
    "authenticity",
    "cmmd",
    "data_copying_test",
    "fd_infinity",
    "fid",
    "fid_by_class",
    "fld",
    "frechet_distance",
    "get_num_threads",
    "inception_score",
    "kid",
    "kid_by_class",
    "log_density",
    "mifid",
    "mmd",
    "mmd_test",
    "precision_recall",
    "protocol",
    "realism",
    "set_num_threads",
    "sliced_wasserstein",
    "sqrtm",
    "vendi_score",
    "vendi_score_from_kernel",
]
