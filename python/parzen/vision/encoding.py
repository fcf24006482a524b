"""The encoder on a whole source, batch by batch: rows of features in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sized
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from .decode import BrokenImage
from .images import ImageSource
from .inception import InceptionV3
from .loading import Batch, load_batches
from .pretrained import PretrainedEncoder
from .progress import show_progress

__all__ = ["Array", "Encoder", "encode_source"]

Array = npt.NDArray[np.floating[Any]]
Encoder = Callable[[torch.Tensor], Any]


def encode_source(
    source: ImageSource | Iterator[Any],
    encoder: Encoder,
    names: tuple[str, ...],
    batch_size: int,
    workers: int | None,
    progress: bool,
    skip_broken: bool,
) -> tuple[dict[str, Array], dict[int, str]]:
    """Return features by layer, and why images were left out, by their places in the source."""
    total = len(source) if isinstance(source, Sized) else None
    rows = _Rows(total)
    broken: dict[int, str] = {}
    start = 0
    with show_progress(total, shown=progress) as advance:
        for batch in load_batches(source, batch_size, workers):
            if batch.broken and not skip_broken:
                reason = batch.broken[0][1]
                raise BrokenImage(f"{reason} (skip_broken=True leaves such images out)")
            broken.update((start + place, reason) for place, reason in batch.broken)
            start += batch.size
            if batch.groups:
                rows.append(_encode(encoder, names, batch))
            advance(batch.size)
    found = rows.finish()
    if not found:
        raise ValueError(
            f"source: none of {len(broken)} images could be decoded, such as {broken[0]}"
            if broken
            else "source: expected images, got an empty iterable"
        )
    return found, broken


def _encode(encoder: Encoder, names: tuple[str, ...], batch: Batch) -> dict[str, Array]:
    order = np.argsort([place for places, _ in batch.groups for place in places])
    images = [torch.from_numpy(group).permute(0, 3, 1, 2) for _, group in batch.groups]
    if isinstance(encoder, InceptionV3 | PretrainedEncoder):
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
