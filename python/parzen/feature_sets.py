"""What is compared: the features of a set of samples, with the record of how they were made."""

from __future__ import annotations

import difflib
import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import as_array
from parzen._files import written_whole

Array = NDArray[Any]

# Named here too, because the modules that have them import torch.
RESIZES = ("tf1", "pil-bicubic", "bilinear", "bilinear-antialias")
NORMALISATIONS = ("(x - 128) / 128", "2 x / 255 - 1")
LAYERS = ("64", "192", "768", "2048", "logits_unbiased", "logits")
LOGITS = ("logits_unbiased", "logits")
MAIN = "2048"
ONLY = "features"  # the layer of an encoder that has a single one

NETWORKS = ("inception", "random", "timm:NAME", "torchhub:REPO:NAME", "clip:NAME")

FINGERPRINT_ROWS = 4096  # read at a time, of a memory map too

# What two sets must share for their features to be comparable.
ORIGIN_KEYS = ("network", "weights", "resize", "normalisation", "dtype")


@dataclass(frozen=True)
class FeatureSet:
    """Features of one set of samples.

    Attributes
    ----------
    layers
        Name of a layer to its features (n, d). Layers called ``logits_unbiased`` and ``logits``
        are logits (n, classes).
    origin
        What made the features: network, weights, resize, normalisation, dtype. None: unknown.
    source
        The path that they came from, for messages.
    skipped
        The images that could not be read and were left out, each with the reason.
    """

    layers: Mapping[str, Array]
    origin: Mapping[str, str] | None = None
    source: str = "an array"
    skipped: tuple[str, ...] = ()

    def features(self) -> tuple[str, Array]:
        """Return the layer for distances and its name: 2048, else the only one that there is."""
        names = [name for name in self.layers if name not in LOGITS]
        if MAIN in names:
            return MAIN, self.layers[MAIN]
        if len(names) == 1:
            return names[0], self.layers[names[0]]
        if not names:
            raise ValueError(f"{self.source} has logits and no features; with these, only is works")
        raise ValueError(
            f"{self.source} has the layers {', '.join(names)}, expected {MAIN} or a single one"
        )

    def logits(self) -> tuple[str, Array] | None:
        """Return the logits for the Inception Score and their name, where there are any."""
        return next(((name, self.layers[name]) for name in LOGITS if name in self.layers), None)

    @property
    def random(self) -> bool:
        """Whether the features come from a network that was never trained."""
        return self.origin is not None and self.origin.get("weights", "").startswith("random")


def check_names(what: str, given: Iterable[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names without repeats; one that is not known is an error that lists what is."""
    names, prefix = tuple(dict.fromkeys(given)), f"{what}: " if what else ""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{prefix}there is no {name!r}, only {', '.join(known)}{hint}")
    if not names:
        raise ValueError(f"{prefix}nothing given, expected some of {', '.join(known)}")
    return names


def check_network(what: str, name: str) -> tuple[str, str]:
    """Return the family of a network and its name there, ("timm", "resnet50"); else an error."""
    family, _, rest = name.partition(":")
    if rest and family in ("timm", "clip"):
        return family, rest
    if family == "torchhub" and all(rest.rpartition(":")):
        return family, rest
    check_names(what, [name], NETWORKS)
    return name, ""


def check_same_origin(real: FeatureSet, fake: FeatureSet) -> None:
    """Refuse two sets of features that different protocols made: their distance means nothing."""
    if real.origin is None or fake.origin is None:
        return
    for key in ORIGIN_KEYS:
        a, b = real.origin.get(key), fake.origin.get(key)
        if a != b:
            raise ValueError(
                f"{real.source} and {fake.source} are not comparable: {key} is {a} and {b}"
            )


def read_features(path: Path) -> FeatureSet | None:
    """Return the features in a .npy or .npz file, or None where it is something else.

    In a .npy file an array (n, d) is features. In a .npz file every array (n, d) is a layer, of
    that name; a `provenance` written by `save_features` comes back as the origin.
    """
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".npz") or not path.is_file():
        return None
    try:
        if suffix == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            return FeatureSet({"features": array}, None, str(path)) if array.ndim == 2 else None
        with np.load(path, allow_pickle=False) as archive:
            tables = [name for name in archive.files if _dimensions(archive, name) == 2]
            if {"mu", "sigma"} <= set(archive.files):
                if "arr_0" in archive.files:  # images, with their statistics beside them
                    return None
                raise ValueError(
                    "it holds statistics (mu, sigma) and no samples, which allow FID alone; "
                    "parzen.frechet_distance takes them"
                )
            layers = {name: archive[name] for name in tables}
            record = archive["provenance"] if "provenance" in archive.files else None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} could not be read: {error}") from error
    if not layers:
        return None
    sizes = {name: len(array) for name, array in layers.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"{path} has layers of different lengths: {sizes}")
    return FeatureSet(layers, _origin(path, record), str(path))


def save_features(path: Path, features: FeatureSet) -> None:
    """Write a .npz with one array a layer and the provenance, or a .npy with the only layer."""
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".npz"):
        raise ValueError(f"{path}: expected a name that ends in .npz or .npy")
    if suffix == ".npy" and len(features.layers) > 1:
        raise ValueError(
            f"{path}: a .npy file holds one layer, there are {', '.join(features.layers)}; "
            f"write a .npz file or ask for one layer"
        )
    with written_whole(path) as file:
        if suffix == ".npy":
            np.save(file, next(iter(features.layers.values())))
        else:
            arrays: dict[str, Any] = {
                **features.layers,
                "provenance": np.array(json.dumps(dict(features.origin or {}))),
            }
            np.savez(file, **arrays)


def fingerprint(array: Array) -> str:
    """Return the sha256 of an array's type, shape and values, by which two are told apart."""
    values = as_array("array", array, function="fingerprint")
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape}".encode())
    for start in range(0, len(values), FINGERPRINT_ROWS):
        digest.update(values[start : start + FINGERPRINT_ROWS].tobytes())
    return digest.hexdigest()


def _dimensions(archive: Any, name: str) -> int:
    """Read the header alone: the array may be a million images."""
    with archive.zip.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        header = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            header = np.lib.format.read_array_header_2_0
        return len(header(member)[0])


def _origin(path: Path, record: Array | None) -> Mapping[str, str] | None:
    if record is None or record.dtype.kind != "U" or record.ndim != 0:
        return None
    try:
        origin = json.loads(str(record))
    except ValueError as error:
        raise ValueError(f"{path}: its provenance is not JSON: {error}") from error
    return origin if isinstance(origin, dict) and origin else None
