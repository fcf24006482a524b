"""FID, KID, the Inception Score and MiFID as metrics of torchmetrics, with its signatures.

``pip install 'parzen[torchmetrics]'`` brings what they need; torch-fidelity is not among it.
docs/torchmetrics.md says what equals torchmetrics and what differs.
"""

from parzen._extras import needed_by as _needed_by

with _needed_by("parzen.torchmetrics", "torchmetrics"):
    from .fid import FrechetInceptionDistance
    from .inception import InceptionScore
    from .kid import KernelInceptionDistance
    from .mifid import MemorizationInformedFrechetInceptionDistance

__all__ = [
    "FrechetInceptionDistance",
    "InceptionScore",
    "KernelInceptionDistance",
    "MemorizationInformedFrechetInceptionDistance",
]
