"""Images to features: sources, resizing, the FID Inception network. Needs torch and Pillow."""

from .decode import BrokenImage
from .features import Features, extract, extract_features
from .images import open_source
from .inception import LAYERS, InceptionV3
from .resize import RESIZES, resize_images
from .weights import WeightsNotFound

__all__ = [
    "LAYERS",
    "RESIZES",
    "BrokenImage",
    "Features",
    "InceptionV3",
    "WeightsNotFound",
    "extract",
    "extract_features",
    "open_source",
    "resize_images",
]
