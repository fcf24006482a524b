"""From images to feature arrays, with workers, a progress bar and a cache that cannot be stale."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import PIL

from parzen.protocols import Protocol

from .cache import FeatureCache, Kept
from .decode import BrokenImage
from .encoders import encoder as encoder_named
from .encoding import Array, Encoder, encode_source
from .images import ImageSource, open_source
from .inception import InceptionV3, check_layers

__all__ = ["Features", "extract", "extract_features"]


@dataclass(frozen=True)
class Features:
    """Features of a set of images.

    Attributes
    ----------
    layers : dict of str to array, (n, d)
        By name of the layer; the only name is "features" where the source held features, or the
        encoder is not an :class:`InceptionV3`.
    provenance : dict of str to str
        What made them.
    skipped : tuple of str
        The images that could not be decoded, with the reasons.
    cached : bool
        Whether they were read from the cache.
    """

    layers: dict[str, Array]
    provenance: dict[str, str]
    skipped: tuple[str, ...] = ()
    cached: bool = False


@overload
def extract(
    source: Any,
    *,
    encoder: Encoder | Protocol | str | None = ...,
    layer: str = ...,
    batch_size: int = ...,
    workers: int | None = ...,
    cache: str | os.PathLike[str] | None = ...,
    progress: bool = ...,
    skip_broken: bool = ...,
) -> Array: ...
@overload
def extract(
    source: Any,
    *,
    encoder: Encoder | Protocol | str | None = ...,
    layer: tuple[str, ...] | list[str],
    batch_size: int = ...,
    workers: int | None = ...,
    cache: str | os.PathLike[str] | None = ...,
    progress: bool = ...,
    skip_broken: bool = ...,
) -> dict[str, Array]: ...
def extract(
    source: Any,
    *,
    encoder: Encoder | Protocol | str | None = None,
    layer: str | tuple[str, ...] | list[str] = "2048",
    batch_size: int = 64,
    workers: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = False,
    skip_broken: bool = False,
) -> Array | dict[str, Array]:
    """Features of all images of a source.

    Parameters
    ----------
    source : path, array, tensor, dataset, sequence or iterable
        A folder (read recursively, sorted), a .zip, .npy or .npz file, an array or tensor of
        uint8 images, a dataset, or a sequence or iterable of images; see
        :func:`parzen.vision.open_source`. Where it holds features, (n, d) floats, they are
        returned as they are and no network is needed. Images of different sizes may be mixed.
    encoder : InceptionV3, Protocol, str or callable, optional
        A protocol or a name is one that :func:`parzen.vision.encoder` takes. A callable maps a
        uint8 tensor (k, 3, h, w) to (k, d); it sees images of one size at a time. By default
        ``InceptionV3()``, with the published weights.
    layer : str, or tuple or list of str
        Output of the :class:`InceptionV3`; the encoder's own ``features`` do not matter here.
        With several the result is a dictionary. Other encoders ignore it, but for that.
    batch_size : int
        Images decoded and encoded together. Changes the result by rounding only.
    workers : int, optional
        Decoding processes; 0 decodes in this one. By default up to 4 for 1024 image files or more,
        and else none. Do not change the result.
    cache : path, optional
        A folder to keep features in, or an .npz file to keep these in. The key is the content of
        the source, the layer and the encoder's ``provenance`` (a dictionary of text, which any
        encoder may have), and never a name: the same images elsewhere, or in a zip, are found
        again; when any of the three has changed the features are computed again. In a folder
        each layer is kept by itself. The content is hashed at every call: files are read once
        more, and the items of a dataset are made once more.
    progress : bool
        Show a bar with images per second and time left on standard error.
    skip_broken : bool
        Leave out images that cannot be decoded, with a warning that counts them, where otherwise
        the first one is an error.

    Returns
    -------
    array, (n, d), float32, or dict of layer to such an array
        In the order of the source.

    Raises
    ------
    BrokenImage
        An image cannot be decoded, and ``skip_broken`` is false.
    TypeError, ValueError
        The source is empty or of an unknown kind, images are not uint8, the encoder returns
        something other than (k, d), ``cache`` names a file that is something else.
    WeightsNotFound
        No ``encoder``, and the weights are not to be had.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.vision import InceptionV3, extract
    >>> images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    >>> extract(images, encoder=InceptionV3("random"), layer="64").shape
    (3, 64)
    """
    features = extract_features(
        source,
        encoder=encoder,
        layers=layer,
        batch_size=batch_size,
        workers=workers,
        cache=cache,
        progress=progress,
        skip_broken=skip_broken,
    )
    return next(iter(features.layers.values())) if isinstance(layer, str) else features.layers


def extract_features(
    source: Any,
    *,
    encoder: Encoder | Protocol | str | None = None,
    layers: str | Iterable[str] = "2048",
    batch_size: int = 64,
    workers: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = False,
    skip_broken: bool = False,
) -> Features:
    """Do what :func:`extract` does, and tell where the features come from.

    Parameters
    ----------
    layers : str or sequence of str
        Outputs of the :class:`InceptionV3`. The other parameters are those of :func:`extract`.

    Returns
    -------
    Features
        Arrays by layer, provenance, and the images that were skipped.
    """
    _check_count("batch_size", batch_size, 1)
    if workers is not None:
        _check_count("workers", workers, 0)
    if isinstance(encoder, str | Protocol):
        encoder = encoder_named(encoder)
    if encoder is not None and not callable(encoder):
        raise TypeError(
            f"encoder: expected an InceptionV3 or a callable, got {type(encoder).__name__}"
        )
    plain = encoder is not None and not isinstance(encoder, InceptionV3)
    only = plain and layers in ("features", ("features",), ["features"])
    names = ("features",) if only else check_layers(layers)
    opened = open_source(source)
    if isinstance(opened, np.ndarray):
        if len(names) > 1:
            raise ValueError(
                f"source: holds features already, so layers {', '.join(names)} cannot be computed"
            )
        return Features({"features": opened}, {"network": "none: the source holds features"})
    if encoder is None:
        encoder = InceptionV3()
    if not isinstance(encoder, InceptionV3):
        names = ("features",)
    provenance = _provenance(encoder)
    store = None if cache is None else FeatureCache(cache)
    digest = "" if store is None else _digest(opened, encoder)
    kept, broken = (
        _recall(store.read(digest, provenance, names), opened, skip_broken) if store else ({}, None)
    )
    missing = tuple(name for name in names if name not in kept)
    if missing:
        options = batch_size, workers, progress, skip_broken
        computed, now_broken = encode_source(opened, encoder, missing, *options)
        if _differ(broken, now_broken):  # what is kept has other rows
            computed, now_broken = encode_source(opened, encoder, names, *options)
        kept |= computed
        broken = now_broken
        if store:
            store.write(digest, provenance, Kept(computed, tuple(broken)))
    skipped = tuple(broken.values()) if broken else ()
    if skipped:
        warnings.warn(
            f"left out {len(skipped)} images that could not be decoded, such as {skipped[0]}",
            stacklevel=3,
        )
    return Features({name: kept[name] for name in names}, provenance, skipped, not missing)


def _provenance(encoder: Encoder) -> dict[str, str]:
    given = getattr(encoder, "provenance", None)
    if isinstance(given, dict):
        return {**given, "pillow": PIL.__version__}
    name = getattr(encoder, "__qualname__", type(encoder).__qualname__)
    return {"network": name, "pillow": PIL.__version__}


def _check_count(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, got {value}")


def _digest(source: ImageSource | Iterator[Any], encoder: Encoder) -> str:
    if isinstance(source, Iterator):
        raise ValueError(
            "cache: the source is an iterator, whose content is known only once it is used up"
        )
    if not isinstance(getattr(encoder, "provenance", None), dict):
        raise ValueError(
            "cache: the encoder has no `provenance` dictionary, so a change of it would go unseen"
        )
    return source.digest()


def _recall(
    found: list[Kept], source: Any, skip_broken: bool
) -> tuple[dict[str, Array], dict[int, str] | None]:
    """Return the layers that may be used again, and the images that were left out, with reasons."""
    layers: dict[str, Array] = {}
    broken: dict[int, str] | None = None
    for kept in found:
        # Features with images left out are for callers that allow it.
        reasons = _reasons(source, kept.skipped) if skip_broken or not kept.skipped else None
        if reasons is not None and not _differ(broken, reasons):
            layers |= kept.layers
            broken = reasons
    return layers, broken


def _reasons(source: Any, places: tuple[int, ...]) -> dict[int, str] | None:
    """Say anew, names may differ, why images are left out; None where one is not broken."""
    reasons: dict[int, str] = {}
    for place in places:
        try:
            source.load(place)
        except BrokenImage as error:
            reasons[place] = str(error)
        else:
            return None
    return reasons


def _differ(before: dict[int, str] | None, now: dict[int, str]) -> bool:
    """Whether other images were left out than before; None is before anything."""
    return before is not None and list(before) != list(now)
