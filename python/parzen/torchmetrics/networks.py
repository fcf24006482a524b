"""The network of a metric: Inception with one output, or a module of the caller's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from parzen.protocols import protocol
from parzen.vision import InceptionV3

LAYERS = (64, 192, 768, 2048)
LAYERS_AND_LOGITS = ("logits_unbiased", *LAYERS)
CLASSES = 1008

Feature: TypeAlias = str | int | nn.Module
Weights: TypeAlias = str | os.PathLike[str] | Mapping[str, Tensor] | None


class InceptionFeatures(InceptionV3):
    """`parzen.vision.InceptionV3` with one output: uint8 (n, 3, h, w) to (n, d).

    Attributes
    ----------
    num_features
        The width d.
    out_dtype
        What the features are handed on in; None: float32, in which they are computed or into which
        they are rounded.
    """

    def __init__(self, layer: str, weights: Weights = None, *, antialias: bool = True) -> None:
        # Without antialias torchmetrics resizes as TensorFlow 1 did.
        resize = protocol("torchmetrics").resize if antialias else "tf1"
        super().__init__(weights, (layer,), resize=resize)
        self.num_features = CLASSES if layer == "logits_unbiased" else int(layer)
        self.out_dtype: torch.dtype | None = None

    def forward(self, images: Tensor) -> Tensor:  # type: ignore[override]
        """Return the features of a batch of images."""
        (features,) = super().forward(images).values()
        return features if self.out_dtype is None else features.to(self.out_dtype)

    def train(self, mode: bool = True) -> InceptionFeatures:
        """Stay in evaluation mode."""
        return super().train(False)

    def compute_in(self, dtype: torch.dtype) -> None:
        """Convolve in `dtype`, in float32 where it is float16."""
        self.dtype = torch.float32 if dtype == torch.float16 else dtype
        self.out_dtype = dtype

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        # A metric among other modules meets their half() too: weights move, and are never rounded.
        moved = fn(torch.zeros(1, device=self.fc.weight.device))
        if moved.dtype != torch.float32:
            return super()._apply(lambda t: t.to(moved.device), recurse)  # type: ignore[no-untyped-call]
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]


def network_of(
    where: str,
    feature: Feature,
    layers: tuple[str | int, ...],
    weights: Weights,
    antialias: bool,
) -> nn.Module:
    """Return the module that `feature` names, or the module that it is."""
    if isinstance(feature, nn.Module):
        if isinstance(feature, InceptionV3) and len(feature.features) != 1:
            raise ValueError(
                f"{where}: the network has the outputs {', '.join(feature.features)}; expected "
                f"one: InceptionV3(features=('2048',))"
            )
        return feature
    if not isinstance(feature, tuple({type(layer) for layer in layers})):
        raise TypeError(
            f"{where}: feature is {feature!r}, expected one of {layers} or a torch.nn.Module"
        )
    if isinstance(feature, bool) or feature not in layers:
        raise ValueError(f"{where}: feature is {feature!r}, expected one of {layers}")
    return InceptionFeatures(str(feature), weights, antialias=antialias)


def declared_width(where: str, network: nn.Module) -> int | None:
    """Return the `num_features` of a network, None where it has none."""
    width = getattr(network, "num_features", None)
    if width is None and isinstance(network, InceptionV3):
        (layer,) = network.features
        return CLASSES if layer.startswith("logits") else int(layer)
    if isinstance(width, Tensor):
        width = width.item()
    if width is None or (isinstance(width, int) and not isinstance(width, bool)):
        return width
    raise TypeError(f"{where}: the network's num_features is {width!r}, expected an int or Tensor")


def as_bytes(where: str, images: Tensor) -> Tensor:
    """Return floats in 0..1 as bytes, as torchmetrics does: the part below 1/255 is cut off."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        came = getattr(images, "dtype", type(images).__name__)
        raise TypeError(
            f"{where}: imgs is {came}, expected floats in 0..1; normalize=False takes uint8"
        )
    scaled = images * 255
    if not bool(((scaled > -1) & (scaled < 256)).all()):
        low, high = images.min().item(), images.max().item()
        raise ValueError(
            f"{where}: imgs has values in {low:.4g}..{high:.4g}, expected 0..1: others would wrap "
            f"around as bytes"
        )
    return scaled.byte()


def features_of(where: str, network: nn.Module, images: Tensor) -> Tensor:
    """Return the features (n, d) of a batch, finite, and without a graph behind them."""
    found = network(images)
    if isinstance(found, Mapping) and len(found) == 1:
        (found,) = found.values()
    if not isinstance(found, Tensor) or not found.is_floating_point():
        came = getattr(found, "dtype", type(found).__name__)
        raise TypeError(f"{where}: the network returned {came}, expected a tensor of floats (n, d)")
    if found.ndim == 1:  # a batch of one, squeezed
        found = found[None]
    n = len(images) if isinstance(images, Tensor) else len(found)
    if found.ndim != 2 or len(found) != n or found.shape[1] == 0:
        raise ValueError(
            f"{where}: the network returned shape {tuple(found.shape)} for {n} images, "
            f"expected ({n}, d)"
        )
    finite = torch.isfinite(found)
    if not bool(finite.all()):
        raise ValueError(
            f"{where}: the features of {n} images have {int((~finite).sum())} values that are NaN "
            f"or infinity"
        )
    # A copy where it is a view of, or the same as, what the caller may write to; and where the
    # network ran in inference mode, a tensor like any other.
    return found.detach().clone()
