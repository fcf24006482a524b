"""VGG16 as torch-fidelity takes precision and recall from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import nn

from parzen.vision.network import exact_arithmetic
from parzen.vision.resize import tf1

Weights: TypeAlias = str | os.PathLike[str] | Mapping[str, torch.Tensor] | None

WEIGHTS = "https://download.pytorch.org/models/vgg16-397923af.pth"
SIZE = 224
WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VGG16Features(nn.Module):
    """From 8-bit images (k, 3, h, w) to the outputs of the second layer of 4096, before its ReLU.

    Parameters
    ----------
    weights
        A state dict of torchvision's VGG16, or a file of it; None: the file that torchvision
        publishes, from torch hub's folder or downloaded into it.
    dtype
        What is computed in.

    References
    ----------
    Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition",
    ICLR 2015, configuration D.
    """

    def __init__(self, weights: Weights = None, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        with torch.device("meta"):  # no time spent on initial values
            self.features, self.classifier = layers()
        self._load(weights)
        self.to(dtype).requires_grad_(False).eval()
        self.dtype = dtype

    def _load(self, weights: Weights) -> None:
        state: Mapping[str, torch.Tensor]
        if isinstance(weights, Mapping):
            state = weights
        elif weights is None:
            state = _published()
        else:
            state = torch.load(weights, map_location="cpu", weights_only=True)
        head = ("classifier.6.weight", "classifier.6.bias")  # the classes
        try:
            self.load_state_dict({k: v for k, v in state.items() if k not in head}, assign=True)
        except RuntimeError as error:
            raise ValueError(f"weights: they do not fit VGG16: {error}") from None

    @torch.inference_mode()
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (k, 4096), float32."""
        device = next(self.parameters()).device
        mean, deviation = (
            255 * torch.tensor(v, dtype=self.dtype, device=device).reshape(3, 1, 1)
            for v in (MEAN, DEVIATION)
        )
        x = (tf1(images.to(device), SIZE).to(self.dtype) - mean) / deviation
        with exact_arithmetic(device.type):
            maps = self.features(x)  # 7 x 7 at this size
            found: torch.Tensor = self.classifier(maps.flatten(1))
        return found.float()


def _published() -> Mapping[str, torch.Tensor]:
    try:
        return torch.hub.load_state_dict_from_url(WEIGHTS, map_location="cpu", check_hash=True)
    except OSError as error:
        raise FileNotFoundError(
            f"the weights of VGG16 could not be had ({error}); save {WEIGHTS} in "
            f"{torch.hub.get_dir()}/checkpoints, or pass feature_extractor_weights_path"
        ) from error


def layers() -> tuple[nn.Sequential, nn.Sequential]:
    """Return the convolutions, and what follows up to the second layer of 4096."""
    convolutions: list[nn.Module] = []
    channels = 3
    for width in WIDTHS:
        if width == 0:
            convolutions.append(nn.MaxPool2d(2))
        else:
            convolutions += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    # The identity is where training drops out; names count the layers.
    head = (nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Identity(), nn.Linear(4096, 4096))
    return nn.Sequential(*convolutions), nn.Sequential(*head)
