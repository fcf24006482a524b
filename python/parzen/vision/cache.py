"""Features kept in .npz files, under keys that cover everything they depend on, names not among it.

A key is the sha256 of the content of the source, the encoder's provenance and the layer.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FeatureCache", "Kept"]

Array = npt.NDArray[np.floating[Any]]

HEADER = "parzen"
"""Name of the entry that holds, as JSON, the key under which the arrays beside it were kept."""

PROVENANCE = "provenance"
"""Name of the entry that holds, as JSON, what made the arrays."""

_FORMAT = 2

_DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError),
)
# What reading an archive raises, according to which of its bytes are wrong.


@dataclass(frozen=True)
class Kept:
    """Features by layer, and the places in the source of the images that were left out."""

    layers: dict[str, Array]
    skipped: tuple[int, ...]


class FeatureCache:
    """A folder, with a file for each layer that is named by its key; or one file, for one request.

    Files appear whole or not at all, so that several processes may share a folder.

    Parameters
    ----------
    path : path
        A folder, which is made if it is not there; or a name that ends in .npz.

    Raises
    ------
    ValueError
        A file of another type, in no folder, or with something else in it that is not to be
        overwritten.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.folder = self.path.is_dir()
        if self.folder:
            return
        if self.path.suffix == ".npz":
            if not self.path.parent.is_dir():
                raise ValueError(f"cache: no folder {self.path.parent}")
            if self.path.exists() and _header(self.path) is None:
                raise ValueError(
                    f"cache: {self.path} exists and is not a cache of features; not overwritten"
                )
            return
        if self.path.suffix or self.path.exists():
            raise ValueError(f"cache: expected a folder or a path ending in .npz, got {self.path}")
        self.path.mkdir(parents=True)
        self.folder = True

    def read(
        self, source: str, provenance: Mapping[str, str], layers: tuple[str, ...]
    ) -> list[Kept]:
        """Return what is kept of some layers, an entry for each file.

        Parameters
        ----------
        source : str
            The sha256 of the source's content.
        provenance : mapping of str to str
            The encoder's.
        layers : tuple of str
            Those wanted.
        """
        found = []
        for group in self._groups(layers):
            key = _key(source, provenance, group)
            kept = _read(self._file(key), key, group)
            if kept is not None:
                found.append(kept)
        return found

    def write(self, source: str, provenance: Mapping[str, str], kept: Kept) -> None:
        """Keep features; where that fails, as on a full disk, a warning says so."""
        for group in self._groups(tuple(kept.layers)):
            key = _key(source, provenance, group)
            layers = {layer: kept.layers[layer] for layer in group}
            try:
                _write(self._file(key), key, Kept(layers, kept.skipped), provenance)
            except OSError as error:
                warnings.warn(f"cache: nothing kept in {self.path}: {error}", stacklevel=4)

    def _groups(self, layers: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [(layer,) for layer in layers] if self.folder else [layers]

    def _file(self, key: str) -> Path:
        return self.path / f"{key}.npz" if self.folder else self.path


def _key(source: str, provenance: Mapping[str, str], layers: tuple[str, ...]) -> str:
    facts = [_FORMAT, source, dict(provenance), layers]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _read(path: Path, key: str, layers: tuple[str, ...]) -> Kept | None:
    if not path.exists():
        return None
    header = _header(path)
    try:
        if header is None:
            raise ValueError
        if (header.get("format"), header.get("key")) != (_FORMAT, key):
            return None
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in layers}
        return Kept(arrays, tuple(header["skipped"]))
    except _DAMAGE:
        warnings.warn(f"cache: {path} is damaged; its features are computed again", stacklevel=5)
        return None


def _write(path: Path, key: str, kept: Kept, provenance: Mapping[str, str]) -> None:
    header = {"format": _FORMAT, "key": key, "skipped": kept.skipped}
    arrays: dict[str, Any] = {
        **kept.layers,
        HEADER: np.array(json.dumps(header)),
        PROVENANCE: np.array(json.dumps(dict(provenance))),
    }
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=".", suffix=".part", delete=False
    ) as file:
        partial = Path(file.name)
        try:
            np.savez(file, **arrays)
        except BaseException:
            file.close()
            partial.unlink()
            raise
    partial.chmod(0o644)
    partial.replace(path)


def _header(path: Path) -> dict[str, Any] | None:
    try:
        # NumPy would leave open a file that is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            header = json.loads(str(archive[HEADER]))
    except _DAMAGE:
        return None
    return header if isinstance(header, dict) else None
