"""Batches of decoded images, from worker processes or from this one."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Generator
from torch.utils.data import DataLoader, Dataset

from .decode import RGB, BrokenImage, rgb_from_item
from .images import ArrayImages, ImageSource

__all__ = ["Batch", "load_batches"]

_WORTH_WORKERS = 1024
# Below this many files, starting processes takes longer than decoding.


@dataclass(frozen=True)
class Batch:
    """Consecutive images, those of one size together.

    ``groups`` holds pairs of places and a uint8 array (k, h, w, 3), the places counting the images
    that could be decoded; ``broken`` the places within the whole batch of those that could not,
    and the reasons.
    """

    size: int
    groups: tuple[tuple[list[int], RGB], ...]
    broken: tuple[tuple[int, str], ...]


def load_batches(
    source: ImageSource | Iterator[Any], batch_size: int, workers: int | None = None
) -> Iterator[Batch]:
    """Decode a source batch by batch, in order.

    Parameters
    ----------
    source : ImageSource or iterator
        From :func:`open_source`. An iterator, having no order that processes could share, is
        read in this one.
    batch_size : int
        Images a batch; the last may be smaller.
    workers : int, optional
        Decoding processes; 0 decodes in this one. By default up to 4, never more than there are
        cores, for 1024 image files or more, and else 0. Arrays are never sent to workers.

    Raises
    ------
    RuntimeError
        A worker process died.
    """
    if isinstance(source, Iterator):
        yield from _from_iterator(source, batch_size)
        return
    batches = _Batches(source, batch_size)
    if workers is None:
        many = source.files and len(source) >= _WORTH_WORKERS
        workers = min(4, os.cpu_count() or 1) if many else 0
    if workers == 0 or isinstance(source, ArrayImages):
        yield from map(batches.__getitem__, range(len(batches)))
        return
    loader = DataLoader(
        batches,
        batch_size=None,
        num_workers=min(workers, len(batches)),
        collate_fn=_unchanged,
        generator=Generator(),  # its own, or the loader would draw from the global one
    )
    try:
        with warnings.catch_warnings():
            # Python 3.12 and later warn of any fork beside other threads. The workers do nothing
            # that takes a lock of theirs: they decode, and run torch on one thread.
            warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
            results = iter(loader)
        yield from results
    except RuntimeError as error:
        if "exited unexpectedly" not in str(error):
            raise
        raise RuntimeError(
            f"a process that decodes images died ({error}); it may have run out of memory, or the "
            'script may lack `if __name__ == "__main__":`. workers=0 decodes without processes'
        ) from error


class _Batches(Dataset[Batch]):
    """A source cut into batches, so that a worker returns a whole one."""

    def __init__(self, source: ImageSource, batch_size: int) -> None:
        self.source = source
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.source) // self.batch_size)

    def __getitem__(self, number: int) -> Batch:
        start = number * self.batch_size
        images: list[RGB | BrokenImage] = []
        for index in range(start, min(start + self.batch_size, len(self.source))):
            try:
                images.append(self.source.load(index))
            except BrokenImage as error:
                images.append(error)
        return _group(images)


def _from_iterator(items: Iterator[Any], batch_size: int) -> Iterator[Batch]:
    for start in itertools.count(0, batch_size):
        images: list[RGB | BrokenImage] = []
        for offset in range(batch_size):
            where = f"source item {start + offset}"
            try:
                images.append(rgb_from_item(next(items), where))
            except StopIteration:
                break
            except OSError as error:
                images.append(BrokenImage(f"{where}: {error}"))
        if images:
            yield _group(images)
        if len(images) < batch_size:
            return


def _group(images: Sequence[RGB | BrokenImage]) -> Batch:
    good = [image for image in images if not isinstance(image, BrokenImage)]
    broken = tuple((i, str(im)) for i, im in enumerate(images) if isinstance(im, BrokenImage))
    places: dict[tuple[int, ...], list[int]] = {}
    for place, image in enumerate(good):
        places.setdefault(image.shape, []).append(place)
    groups = tuple((group, np.stack([good[i] for i in group])) for group in places.values())
    return Batch(len(images), groups, broken)


def _unchanged(batch: Any) -> Any:
    return batch
