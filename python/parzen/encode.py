"""From a path to features: read where they are stored, else computed, all layers in one pass."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Sized
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from parzen import protocols
from parzen._extras import needed_by
from parzen._options import shown
from parzen.feature_sets import (
    LAYERS,
    LOGITS,
    MAIN,
    NORMALISATIONS,
    ONLY,
    RESIZES,
    FeatureSet,
    check_names,
    check_network,
    read_features,
)
from parzen.protocols import AnyProtocol, check_settled

OWN_OPTIONS: dict[str, tuple[str, ...]] = {
    "inception": (),
    "random": ("weights",),
    "timm": ("resize", "normalisation"),
    "torchhub": ("resize", "normalisation"),
    "clip": ("weights", "resize", "normalisation"),
}


@dataclass(frozen=True)
class Opened:
    """A source that was found and looked at, before a network is loaded.

    Attributes
    ----------
    source
        As it was given.
    name
        For messages.
    stored
        Its features, where it holds features; else it holds images.
    count
        How many images there are, some of which may be broken; None where only reading them tells.
    """

    source: object
    name: str
    stored: FeatureSet | None = None
    count: int | None = None


@dataclass(frozen=True)
class Encoder:
    """How images become features. torch is imported when the first images come.

    Attributes
    ----------
    network
        ``"inception"``, with the published weights; ``"random"``, the same network with seeded
        random weights; ``"timm:NAME"``, ``"torchhub:REPO:NAME"`` or ``"clip:NAME"``, as
        `parzen.vision.encoder` has them; or a callable from uint8 tensors (n, 3, h, w) to (n, d).
    weights
        A file of weights instead of those that belong to the name.
    resize, normalisation
        Of ``inception`` and ``random``: how images become 299 x 299, one of `RESIZES`, and what
        becomes of pixels; see `parzen.vision.InceptionV3`. None: ``"tf1"``, ``"(x - 128) / 128"``.
        The other networks have their own.
    layer
        Whose features distances are of; None: 2048, or the only one that there is.
    batch_size, workers, skip_broken
        As in `parzen.vision.extract`.
    cache
        A folder in which features are kept, to be read again for the same images, under whatever
        name, while network and layer are the same.
    progress
        Whether to show a bar on standard error.
    threads
        Of torch; None: as torch has it.

    Raises
    ------
    ValueError, TypeError
        Where there is no such network, resize, normalisation or layer, or the network has its own.
    """

    network: str | Callable[[Any], Any] = "inception"
    weights: Path | None = None
    resize: str | None = None
    normalisation: str | None = None
    layer: str | None = None
    batch_size: int = 64
    workers: int | None = None
    skip_broken: bool = False
    cache: Path | None = None
    progress: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse, before anything is made, what this network does not have."""
        for option in _own_options(self.network):
            if getattr(self, option) is not None:
                raise ValueError(f"{option}: {self.name} has its own; leave it out")
        for option, choices in (("resize", RESIZES), ("normalisation", NORMALISATIONS)):
            value = getattr(self, option)
            if value is not None:
                check_names(option, [value], choices)
        if self.layer is not None:
            check_names("layer", [self.layer], self.layers)

    @classmethod
    def of(cls, protocol: AnyProtocol, **options: Any) -> Encoder:
        """Return an encoder as a protocol has it.

        Parameters
        ----------
        protocol
            As `parzen.protocol` takes it.
        **options
            The other attributes. Of `network` another one may be given that is prepared alike, as
            ``"random"``; resize, normalisation and layer are the protocol's.

        Raises
        ------
        ValueError, TypeError
            Where an option is one that the protocol settles, or as of `Encoder`.
        """
        rules = protocols.protocol(protocol)
        settled = {"layer": rules.layer, **rules.preparation()}
        given = {option: value for option, value in options.items() if value is not None}
        check_settled(
            "Encoder.of", rules, **{name: (given.get(name, v), v) for name, v in settled.items()}
        )
        network = options.get("network", rules.network)
        if rules.preparation() and "resize" in _own_options(network):
            raise ValueError(
                f"network {_name(network)} has a resize and a normalisation of its own beside "
                f"protocol {rules.name!r}, which settles them; leave one out"
            )
        made = cls(**{**options, "network": network, **settled, "layer": None})
        if rules.layer not in made.layers:
            raise ValueError(
                f"network {made.name} gives {', '.join(made.layers)} and no "
                f"{rules.layer}, which protocol {rules.name!r} settles; leave one out"
            )
        return dataclasses.replace(made, layer=rules.layer)

    @property
    def name(self) -> str:
        """The network's name, for messages."""
        return _name(self.network)

    @property
    def layers(self) -> tuple[str, ...]:
        """What the network can give of images."""
        if isinstance(self.network, str):
            return LAYERS if self.network in ("inception", "random") else (ONLY,)
        return getattr(self.network, "layers", (ONLY,))

    @property
    def main(self) -> tuple[str, ...]:
        """The layer for distances."""
        return (self.layer or (MAIN if MAIN in self.layers else ONLY),)

    @property
    def logits(self) -> tuple[str, ...]:
        """The layer for the Inception Score, where there is one."""
        return tuple(name for name in LOGITS[:1] if name in self.layers)

    def read(self, source: object, layers: tuple[str, ...]) -> FeatureSet:
        """Return features as they are given or stored, or those of images.

        Parameters
        ----------
        source
            A `FeatureSet`; an array of features (n, d); the path of a file that has them; images
            in a folder, zip or array file, or whatever else `parzen.vision.extract` takes; or one
            of these that `open` has looked at.
        layers
            Which to compute of images.

        Raises
        ------
        ValueError, TypeError, OSError
            Where the source or its images cannot be read, the network has no such layer, or there
            are no weights.
        ModuleNotFoundError
            Where there are images but no torch or Pillow, or no package that owns the network.
        """
        opened = self.open(source, layers)
        if opened.stored is not None:
            return opened.stored
        from parzen.vision import extract_features

        with warnings.catch_warnings():
            # The result says it too, and the notes of a comparison.
            warnings.filterwarnings("ignore", "left out .* images that could not be decoded")
            found = extract_features(
                opened.source,
                encoder=self.model,
                layers=layers,
                batch_size=self.batch_size,
                workers=self.workers,
                cache=self._cache(),
                progress=self.progress,
                skip_broken=self.skip_broken,
            )
        return FeatureSet(found.layers, found.provenance, opened.name, found.skipped)

    def open(self, source: object, layers: tuple[str, ...]) -> Opened:
        """Look at a source without loading the network; parameters and errors as of `read`."""
        opened = open_features(source)
        if opened is not None:
            return opened
        name = f"a {type(source).__name__}"
        if isinstance(source, str | os.PathLike):
            source = Path(source)
            name = str(source)
        self._check(layers)
        instead = "give features (n, d) in a .npy or .npz file"
        with needed_by(f"{name} holds images, encoding which", "vision", instead):
            from parzen.vision import open_source
        images = open_source(source)
        return Opened(source, name, count=len(images) if isinstance(images, Sized) else None)

    @cached_property
    def model(self) -> Callable[[Any], Any]:
        """The network, made once."""
        import torch

        from parzen.vision import encoder

        if self.threads is not None:
            torch.set_num_threads(self.threads)
        if not isinstance(self.network, str):
            return self.network
        options = {name: getattr(self, name) for name in ("weights", "resize", "normalisation")}
        given = {name: value for name, value in options.items() if value is not None}
        return encoder(self.network, **given)

    def _check(self, layers: tuple[str, ...]) -> None:
        """Refuse layers that this network does not give."""
        for layer in layers:
            if layer in LOGITS and layer not in self.layers:
                raise ValueError(
                    f"{self.name} gives {', '.join(self.layers)} of images and no {layer}, which "
                    f"the Inception Score needs"
                )
        check_names("layer", layers, self.layers)

    def _cache(self) -> Path | None:
        if self.cache is not None:
            folder = Path(self.cache)
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        return None


def _name(network: str | Callable[[Any], Any]) -> str:
    if isinstance(network, str):
        return network
    return getattr(network, "__qualname__", type(network).__qualname__)


def _own_options(network: object) -> tuple[str, ...]:
    """Return the options that a network has its own of, or none at all."""
    if isinstance(network, str):
        return OWN_OPTIONS[check_network("features", network)[0]]
    if not callable(network):
        raise TypeError(f"network: expected a name or a callable, got {shown(network)}")
    return ("weights", "resize", "normalisation")


def open_features(source: object) -> Opened | None:
    """Return a source that holds features, or has been looked at; None where only images can be."""
    if isinstance(source, Opened):
        return source
    if isinstance(source, FeatureSet):
        return Opened(source, source.source, source)
    if isinstance(source, np.ndarray) and source.ndim == 2:
        return Opened(source, "an array", FeatureSet({"features": source}))
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        check_path(path)
        stored = read_features(path)
        if stored is not None:
            return Opened(path, str(path), stored)
    return None


def check_path(source: object) -> None:
    """Refuse a path at which there is nothing."""
    if isinstance(source, str | os.PathLike) and not Path(source).exists():
        raise FileNotFoundError(f"there is no file or folder {source}")
