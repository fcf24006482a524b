"""FID, KID, the Inception Score and MiFID as metrics of torchmetrics, with its signatures.

``pip install 'parzen[torchmetrics]'`` brings what they need; torch-fidelity is not among it.
docs/torchmetrics.md says what equals torchmetrics and what differs.
"""

try:
    from .fid import FrechetInceptionDistance
    from .inception import InceptionScore
    from .kid import KernelInceptionDistance
    from .mifid import MemorizationInformedFrechetInceptionDistance
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"parzen.torchmetrics needs {error.name}: pip install 'parzen[torchmetrics]'",
        name=error.name,
    ) from error

__all__ = [
    "FrechetInceptionDistance",
    "InceptionScore",
    "KernelInceptionDistance",
    "MemorizationInformedFrechetInceptionDistance",
]
