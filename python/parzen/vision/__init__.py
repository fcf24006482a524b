"""Images to features: sources, resizing, networks by name. Needs torch and Pillow."""

from parzen._extras import needed_by as _needed_by

with _needed_by("parzen.vision", "vision"):
    from .decode import BrokenImage
    from .encoders import encoder
    from .features import Features, extract, extract_features
    from .images import open_source
    from .inception import LAYERS, NORMALISATIONS, InceptionV3
    from .pretrained import PretrainedEncoder
    from .resize import RESIZES, resize_images
    from .weights import WeightsNotFound

__all__ = [
    "LAYERS",
    "NORMALISATIONS",
    "RESIZES",
    "BrokenImage",
    "Features",
    "InceptionV3",
    "PretrainedEncoder",
    "WeightsNotFound",
    "encoder",
    "extract",
    "extract_features",
    "open_source",
    "resize_images",
]
