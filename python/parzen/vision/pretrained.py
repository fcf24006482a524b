"""A network with one output, behind the resizing and normalisation that it was trained with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from .network import check_batch, exact_arithmetic
from .weights import sha256_of_tensors

__all__ = ["PretrainedEncoder", "SquareInput"]


class PretrainedEncoder(nn.Module):
    """Images in, one row of features each out; for inference, in float32.

    Made by :func:`parzen.vision.encoder`.

    Parameters
    ----------
    network : module
        Maps (n, 3, h, w) to (n, d), or to an object that has such a tensor as ``output``.
    transform : callable
        Maps a Pillow image, RGB, to the network's input, a float tensor (3, h, w).
    facts : mapping of str to str
        What is known of the network, its package and its transform; for ``provenance``.
    output : str, optional
        The attribute of the result that holds the features.

    Attributes
    ----------
    layers : tuple of str
        ``("features",)``.
    provenance : dict of str to str
        Everything that decides the features: network, package and version, the sha256 of the
        weights, resize, normalisation, dtype and torch's version.
    """

    layers = ("features",)

    def __init__(
        self,
        network: nn.Module,
        transform: Callable[[Image.Image], torch.Tensor],
        facts: Mapping[str, str],
        output: str | None = None,
    ) -> None:
        super().__init__()
        self.network = network.float().requires_grad_(False)
        self.transform = transform
        self.output = output
        self.facts = dict(facts)
        self._hashed: tuple[object, str] = None, ""
        self.eval()

    @property
    def provenance(self) -> dict[str, str]:
        """Everything that decides the features, as text."""
        state = self.network.state_dict()
        # Hashed again only where a tensor is another or was written to: there may be gigabytes.
        now = [(t.data_ptr(), 0 if t.is_inference() else t._version) for t in state.values()]
        if now != self._hashed[0]:
            self._hashed = now, sha256_of_tensors(state)
        return {
            **self.facts,
            "weights": f"state dict, sha256 {self._hashed[1]}",
            "dtype": "float32",
            "torch": torch.__version__,
        }

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features of a batch of images.

        Parameters
        ----------
        images : uint8 tensor, (n, 3, h, w)
            RGB, 0..255, of any size, on any device.

        Returns
        -------
        float32 tensor, (n, d)
            On the network's device.

        Raises
        ------
        TypeError, ValueError
            Not such a batch, or the network returned something other than (n, d).
        """
        check_batch(images)
        return self.encode(self.prepare(images))["features"]

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """Resize and normalise: uint8 (n, 3, h, w) to the network's input, on its device."""
        arrays = images.permute(0, 2, 3, 1).cpu().numpy()
        rows = [self.transform(Image.fromarray(array)) for array in arrays]
        entries = self.network.state_dict().values()
        device = next((tensor.device for tensor in entries), torch.device("cpu"))
        return torch.stack(rows).to(device)

    @torch.inference_mode()
    def encode(
        self, prepared: torch.Tensor, layers: Iterable[str] = layers
    ) -> dict[str, torch.Tensor]:
        """Features of prepared images, under the name "features", the only layer."""
        with exact_arithmetic(prepared.device.type):
            found: Any = self.network(prepared)
        if self.output is not None:
            found = getattr(found, self.output)
        if not isinstance(found, torch.Tensor) or found.ndim != 2 or len(found) != len(prepared):
            came = tuple(found.shape) if hasattr(found, "shape") else type(found).__name__
            raise ValueError(
                f"{self.facts['network']}: expected ({len(prepared)}, d) features of "
                f"{len(prepared)} images, the network returned {came}"
            )
        return {"features": found.float()}


@dataclass(frozen=True)
class SquareInput:
    """Resize by Pillow's antialiased bicubic filter to a square of 8-bit pixels, and normalise.

    Attributes
    ----------
    size : int
        Height and width, in pixels.
    mean, std : tuple of float
        Of pixels in 0..1, a number for each channel.
    crop : bool
        Whether only the square in the middle is looked at; else other images are stretched.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: bool

    def __call__(self, picture: Image.Image) -> torch.Tensor:
        """Turn an RGB image into a float tensor (3, size, size)."""
        if self.crop:
            width, height = picture.size
            side = min(width, height)
            left, top = (width - side) // 2, (height - side) // 2
            picture = picture.crop((left, top, left + side, top + side))
        picture = picture.resize((self.size, self.size), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float().div_(255)
        mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (self.mean, self.std))
        return pixels.sub_(mean).div_(std)

    @property
    def facts(self) -> dict[str, str]:
        """Resize and normalisation, as text."""
        what = "middle square, " if self.crop else ""
        return {
            "resize": f"{what}pil-bicubic to {self.size} x {self.size}, 8 bits",
            "normalisation": normalisation(self.mean, self.std),
        }


def normalisation(mean: Iterable[float], std: Iterable[float]) -> str:
    """Return in words what becomes of a pixel x in 0..255."""
    middle, spread = (", ".join(str(float(value)) for value in numbers) for numbers in (mean, std))
    return f"(x / 255 - [{middle}]) / [{spread}]"
