"""Features kept in an .npz file, under a key that covers everything they depend on."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["check_cache", "read_cache", "write_cache"]

Array = npt.NDArray[np.floating[Any]]

HEADER = "parzen"
"""Name of the entry that holds, as JSON, the key under which the arrays beside it were kept."""

PROVENANCE = "provenance"
"""Name of the entry that holds, as JSON, what made the arrays."""

_FORMAT = 1


def check_cache(path: str | os.PathLike[str]) -> Path:
    """Path of a cache that may be written: a new .npz, or one that was written here.

    Raises
    ------
    ValueError
        Of another type, in no folder, or something else that is not to be overwritten.
    """
    found = Path(path)
    if found.suffix != ".npz":
        raise ValueError(f"cache: expected a path ending in .npz, got {found}")
    if not found.parent.is_dir():
        raise ValueError(f"cache: no folder {found.parent}")
    if found.exists() and _header(found) is None:
        raise ValueError(f"cache: {found} exists and is not a cache of features; not overwritten")
    return found


def read_cache(path: Path, key: str) -> tuple[dict[str, Array], tuple[str, ...]] | None:
    """Arrays and skipped images kept under ``key``; None where there are none."""
    header = _header(path) if path.exists() else None
    if header is None or header.get("format") != _FORMAT or header.get("key") != key:
        return None
    with np.load(path, allow_pickle=False) as archive:
        layers = {name: archive[name] for name in header["layers"]}
    return layers, tuple(header["skipped"])


def write_cache(
    path: Path,
    key: str,
    layers: Mapping[str, Array],
    provenance: Mapping[str, str],
    skipped: tuple[str, ...],
) -> None:
    """Keep features; the file appears whole or not at all."""
    header = {
        "format": _FORMAT,
        "key": key,
        "layers": list(layers),
        "skipped": skipped,
    }
    arrays: dict[str, Any] = {
        **layers,
        HEADER: np.array(json.dumps(header)),
        PROVENANCE: np.array(json.dumps(dict(provenance))),
    }
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
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
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(str(archive[HEADER]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        return None
    return header if isinstance(header, dict) else None
