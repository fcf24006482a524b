"""Latent codes: clusters, compression, disentanglement. Needs scikit-learn."""

from parzen._extras import needed_by as _needed_by

with _needed_by("parzen.latent", "latent"):
    import sklearn as _sklearn  # type: ignore[import-untyped]  # noqa: F401

from .beta_vae import beta_vae
from .capacity import ActiveUnits, active_units, effective_rank, participation_ratio
from .clustering import Clustering, clustering, kmeans, silhouette
from .dci import DCI, dci
from .explicitness import explicitness
from .factor_vae import factor_vae
from .heat_map import heat_map
from .mig import MIG, mig
from .modularity import modularity
from .mutual_information import mutual_information
from .rate_distortion import RatePoint, rate_distortion
from .report import Report, report
from .sap import sap

__all__ = [
    "DCI",
    "MIG",
    "ActiveUnits",
    "Clustering",
    "RatePoint",
    "Report",
    "active_units",
    "beta_vae",
    "clustering",
    "dci",
    "effective_rank",
    "explicitness",
    "factor_vae",
    "heat_map",
    "kmeans",
    "mig",
    "modularity",
    "mutual_information",
    "participation_ratio",
    "rate_distortion",
    "report",
    "sap",
    "silhouette",
]
