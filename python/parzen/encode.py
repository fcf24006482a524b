"""From a path to features: read where they are stored, else computed, all layers in one pass."""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from parzen import protocols
from parzen.feature_sets import FeatureSet, check_names, read_features
from parzen.protocols import AnyProtocol

if TYPE_CHECKING:
    from parzen.vision import InceptionV3

NETWORKS = ("inception", "random")


@dataclass(frozen=True)
class Encoder:
    """How images become features. torch is imported when the first images come.

    Attributes
    ----------
    network
        ``"inception"``, with the published weights, or ``"random"``: the same network with
        seeded random weights.
    weights
        The file of the published weights; None: where torch hub keeps it, else a download.
    resize
        How images become 299 x 299: one of `RESIZES`.
    batch_size, workers, skip_broken
        As in `parzen.vision.extract`.
    cache
        A folder in which features are kept, to be read again while images and network are the
        same.
    progress
        Whether to show a bar on standard error.
    threads
        Of torch; None: as torch has it.
    """

    network: str = "inception"
    weights: Path | None = None
    resize: str = "tf1"
    batch_size: int = 64
    workers: int | None = None
    skip_broken: bool = False
    cache: Path | None = None
    progress: bool = False
    threads: int | None = None

    @classmethod
    def of(cls, protocol: AnyProtocol, **options: Any) -> Encoder:
        """Return an encoder as a protocol has it; `options` are the other attributes."""
        rules = protocols.protocol(protocol)
        settled = {"network": rules.network, "resize": rules.resize}
        return cls(**{**settled, **options})

    def read(self, source: object, layers: tuple[str, ...]) -> FeatureSet:
        """Return features as they are given or stored, or those of images.

        Parameters
        ----------
        source
            A `FeatureSet`; an array of features (n, d); the path of a file that has them; or images
            in a folder, zip or array file, or whatever else `parzen.vision.extract` takes.
        layers
            Which to compute of images.

        Raises
        ------
        ValueError, TypeError, OSError
            Where the source or its images cannot be read, or there are no weights.
        ModuleNotFoundError
            Where there are images but no torch or Pillow.
        """
        if isinstance(source, FeatureSet):
            return source
        if isinstance(source, np.ndarray) and source.ndim == 2:
            return FeatureSet({"features": source})
        name = f"a {type(source).__name__}"
        if isinstance(source, str | os.PathLike):
            source = path = Path(source)
            name = str(path)
            if not path.exists():
                raise FileNotFoundError(f"there is no file or folder {path}")
            stored = read_features(path)
            if stored is not None:
                return stored
        try:
            from parzen.vision import extract_features
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"{name} holds images, which need {error.name}: pip install 'parzen[vision]'. "
                f"Features (n, d) in a .npy or .npz file need neither torch nor Pillow",
                name=error.name,
            ) from error
        with warnings.catch_warnings():
            # The result says it too, and the notes of a comparison.
            warnings.filterwarnings("ignore", "left out .* images that could not be decoded")
            found = extract_features(
                source,
                encoder=self.inception,
                layers=layers,
                batch_size=self.batch_size,
                workers=self.workers,
                cache=self._cache_file(name, layers),
                progress=self.progress,
                skip_broken=self.skip_broken,
            )
        return FeatureSet(found.layers, found.provenance, name, found.skipped)

    @cached_property
    def inception(self) -> InceptionV3:
        """The network, made once."""
        import torch

        from parzen.vision import InceptionV3

        if self.threads is not None:
            torch.set_num_threads(self.threads)
        check_names("features", [self.network], NETWORKS)
        weights = "random" if self.network == "random" else self.weights
        return InceptionV3(weights, resize=self.resize)

    def _cache_file(self, name: str, layers: tuple[str, ...]) -> Path | None:
        """Return a file for each source and protocol; whether it is still true is checked in it."""
        if self.cache is None:
            return None
        self.cache.mkdir(parents=True, exist_ok=True)
        key = "\n".join([str(Path(name).resolve()), self.network, self.resize, *layers])
        return self.cache / f"{Path(name).stem}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
