"""From images to feature arrays, with workers, a progress bar and a cache that cannot be stale."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import PIL
import torch

from .cache import check_cache, read_cache, write_cache
from .decode import BrokenImage
from .images import ImageSource, open_source
from .inception import InceptionV3, check_layers
from .loading import Batch, load_batches
from .progress import show_progress

__all__ = ["Features", "extract", "extract_features"]

Array = npt.NDArray[np.floating[Any]]
Encoder = Callable[[torch.Tensor], Any]


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
    encoder: Encoder | None = ...,
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
    encoder: Encoder | None = ...,
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
    encoder: Encoder | None = None,
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
    encoder : InceptionV3 or callable, optional
        A callable maps a uint8 tensor (k, 3, h, w) to (k, d); it sees images of one size at a
        time. By default ``InceptionV3()``, with the published weights.
    layer : str, or tuple or list of str
        Output of the :class:`InceptionV3`; the encoder's own ``features`` do not matter here.
        With several the result is a dictionary. Other encoders ignore it, but for that.
    batch_size : int
        Images decoded and encoded together. Changes the result by rounding only.
    workers : int, optional
        Decoding processes; 0 decodes in this one. By default up to 4 for 1024 image files or more,
        and else none. Do not change the result.
    cache : path, optional
        An .npz file to keep the features in. Its key is the content of the source, the layers and
        the encoder's ``provenance`` (a dictionary of text, which any encoder may have): when one of
        them has changed the features are computed again.
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
    encoder: Encoder | None = None,
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
    if encoder is not None and not callable(encoder):
        raise TypeError(
            f"encoder: expected an InceptionV3 or a callable, got {type(encoder).__name__}"
        )
    names = check_layers(layers)
    opened = open_source(source)
    if isinstance(opened, np.ndarray):
        if len(names) > 1:
            raise ValueError(
                f"source: holds features already, so layers {', '.join(names)} cannot be computed"
            )
        return Features({"features": opened}, {"encoder": "none: the source holds features"})
    if encoder is None:
        encoder = InceptionV3()
    if not isinstance(encoder, InceptionV3):
        names = ("features",)
    provenance = _provenance(encoder)
    if cache is None:
        layers_found, skipped = _compute(
            opened, encoder, names, batch_size, workers, progress, skip_broken
        )
        return Features(layers_found, provenance, skipped)
    path = check_cache(cache)
    key = _key(opened, encoder, names)
    kept = read_cache(path, key)
    # Kept from a run that left images out: such features are for callers that allow it.
    if kept is not None and (skip_broken or not kept[1]):
        return Features(kept[0], provenance, kept[1], cached=True)
    layers_found, skipped = _compute(
        opened, encoder, names, batch_size, workers, progress, skip_broken
    )
    write_cache(path, key, layers_found, provenance, skipped)
    return Features(layers_found, provenance, skipped)


def _compute(
    source: ImageSource | Iterator[Any],
    encoder: Encoder,
    names: tuple[str, ...],
    batch_size: int,
    workers: int | None,
    progress: bool,
    skip_broken: bool,
) -> tuple[dict[str, Array], tuple[str, ...]]:
    total = len(source) if isinstance(source, Sized) else None
    rows = _Rows(total)
    skipped: list[str] = []
    with show_progress(total, shown=progress) as advance:
        for batch in load_batches(source, batch_size, workers):
            if batch.broken and not skip_broken:
                raise BrokenImage(f"{batch.broken[0]} (skip_broken=True leaves such images out)")
            skipped.extend(batch.broken)
            if batch.groups:
                rows.append(_encode(encoder, names, batch))
            advance(batch.size)
    found = rows.finish()
    if not found:
        raise ValueError(
            f"source: none of {len(skipped)} images could be decoded, such as {skipped[0]}"
            if skipped
            else "source: expected images, got an empty iterable"
        )
    if skipped:
        warnings.warn(
            f"left out {len(skipped)} images that could not be decoded, such as {skipped[0]}",
            stacklevel=4,
        )
    return found, tuple(skipped)


def _encode(encoder: Encoder, names: tuple[str, ...], batch: Batch) -> dict[str, Array]:
    order = np.argsort([place for places, _ in batch.groups for place in places])
    images = [torch.from_numpy(group).permute(0, 3, 1, 2) for _, group in batch.groups]
    if isinstance(encoder, InceptionV3):
        # Each size is resized by itself; the network then sees one batch.
        prepared = torch.cat([encoder.prepare(group) for group in images])
        found = encoder.encode(prepared[order] if len(images) > 1 else prepared, names)
        return {name: values.cpu().numpy() for name, values in found.items()}
    with torch.no_grad():
        parts = [_encoded(encoder(group), len(group)) for group in images]
    return {"features": np.concatenate(parts)[order]}


def _encoded(values: Any, count: int) -> Array:
    array = values.detach().float().cpu().numpy() if isinstance(values, torch.Tensor) else values
    if not isinstance(array, np.ndarray) or array.ndim != 2 or len(array) != count:
        came = getattr(array, "shape", type(array).__name__)
        raise ValueError(f"encoder: expected ({count}, d) features of {count} images, got {came}")
    return array.astype(np.float32, copy=False)


class _Rows:
    """Rows of features, written in place where their number is known: memory holds them once."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.count = 0
        self.parts: dict[str, list[Array]] = {}

    def append(self, batch: dict[str, Array]) -> None:
        stop = self.count + len(next(iter(batch.values())))
        for name, values in batch.items():
            if self.total is None:
                self.parts.setdefault(name, []).append(values)
                continue
            if name not in self.parts:
                self.parts[name] = [np.empty((self.total, values.shape[1]), np.float32)]
            self.parts[name][0][self.count : stop] = values
        self.count = stop

    def finish(self) -> dict[str, Array]:
        return {
            name: (np.concatenate(parts) if self.total is None else parts[0])[: self.count]
            for name, parts in self.parts.items()
        }


def _provenance(encoder: Encoder) -> dict[str, str]:
    given = getattr(encoder, "provenance", None)
    if isinstance(given, dict):
        return {**given, "pillow": PIL.__version__}
    name = getattr(encoder, "__qualname__", type(encoder).__qualname__)
    return {"encoder": name, "pillow": PIL.__version__}


def _check_count(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, got {value}")


def _key(source: ImageSource | Iterator[Any], encoder: Encoder, names: tuple[str, ...]) -> str:
    if isinstance(source, Iterator):
        raise ValueError(
            "cache: the source is an iterator, whose content is known only once it is used up"
        )
    if not isinstance(getattr(encoder, "provenance", None), dict):
        raise ValueError(
            "cache: the encoder has no `provenance` dictionary, so a change of it would go unseen"
        )
    facts = {"source": source.digest(), "layers": names, **_provenance(encoder)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
