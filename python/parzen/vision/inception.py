"""The Inception v3 network of FID, KID and the Inception Score: images in, features out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from . import weights as _weights
from .blocks import ConvUnit, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE
from .network import check_batch, exact_arithmetic
from .resize import RESIZES, resize_images

__all__ = ["LAYERS", "NORMALISATIONS", "InceptionV3"]

LAYERS = ("64", "192", "768", "2048", "logits_unbiased", "logits")
"""The outputs, in the order in which the network reaches them."""

NORMALISATIONS = ("(x - 128) / 128", "2 x / 255 - 1")
"""What becomes of a pixel x in 0..255: as in the TensorFlow graph, or onto all of -1..1."""

_STAGES = (
    ("64", ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1")),
    ("192", ("Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2")),
    ("768", tuple(f"Mixed_{b}" for b in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e"))),
    ("2048", ("Mixed_7a", "Mixed_7b", "Mixed_7c")),
)

_DTYPES = (torch.float32, torch.float64, torch.bfloat16)

# On a CPU, so many images at a time. Below 16, torch keeps 1x1 convolutions from oneDNN when it has
# a single thread; far above, activations of hundreds of MB are paged in anew for every layer.
_CPU_CHUNK = 16


class InceptionV3(nn.Module):
    """Inception v3 as FID knows it, for inference only.

    This is the network of the 2015 TensorFlow graph [1]_, [2]_, which differs from torchvision's:
    average pools do not count their padding, the last block has a max pool, batch norm has
    eps 1e-3, and there are 1008 classes. The state dict has the 566 entries of the published
    file, under the same names; ``load_state_dict`` replaces the weights, while changing a
    parameter in place is not seen, because what runs is folded from them once.

    Parameters
    ----------
    weights : path, mapping, "random" or None
        - None: the published file, from torch hub's checkpoint folder if it is there under either
          of its published names, else downloaded into it;
        - a path: that file, which must be the published one (its sha256 is checked);
        - a state dict: weights of your own; a copy is taken;
        - ``"random"``: a seeded random network, for demonstrations and for images far from
          photographs. Its distances compare only with each other.
    features : sequence of str
        Which outputs a call returns, out of "64", "192", "768" (spatial means, named by their
        width), "2048" (the pooled features of FID), "logits" and "logits_unbiased" (1008 wide,
        with and without the bias of the last layer). The network stops at the last one needed.
    resize : {"tf1", "pil-bicubic", "bilinear", "bilinear-antialias"}
        How images become 299 x 299; see :func:`parzen.vision.resize_images`.
    normalisation : {"(x - 128) / 128", "2 x / 255 - 1"}
        What becomes of a resized pixel x in 0..255. The first is the TensorFlow graph's, of
        torch-fidelity, torchmetrics and clean-fid; the second that of pytorch-fid and of
        clean-fid's legacy mode.
    dtype : torch.dtype
        What the convolutions compute in: float32, float64, or bfloat16 (faster on hardware that
        has it, features to about 2 digits; said so in ``description`` and ``provenance``).
    seed : int
        Of the random network; of no effect otherwise.

    Attributes
    ----------
    layers : tuple of str
        All outputs that there are.
    provenance : dict of str to str
        Everything that decides the features: network, weights, resize, normalisation, dtype and
        torch's version.
    description : str
        The same in one line.

    Raises
    ------
    WeightsNotFound
        No weights on disk and none from the network; the message says where to get them.
    ValueError
        A file with another sha256; a state dict that does not fit; an unknown option.

    References
    ----------
    .. [1] Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016.
    .. [2] Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash
       equilibrium", NeurIPS 2017.

    Examples
    --------
    >>> import torch
    >>> network = InceptionV3(weights="random", features=("64", "192"))
    >>> images = torch.randint(0, 256, (2, 3, 40, 60), dtype=torch.uint8)
    >>> {layer: tuple(values.shape) for layer, values in network(images).items()}
    {'64': (2, 64), '192': (2, 192)}
    """

    layers = LAYERS

    def __init__(
        self,
        weights: str | os.PathLike[str] | Mapping[str, torch.Tensor] | None = None,
        features: Iterable[str] = ("2048",),
        *,
        resize: str = "tf1",
        normalisation: str = NORMALISATIONS[0],
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.features = check_layers(features)
        if resize not in RESIZES:
            raise ValueError(f"resize: expected one of {', '.join(RESIZES)}, got {resize!r}")
        if normalisation not in NORMALISATIONS:
            expected = " or ".join(map(repr, NORMALISATIONS))
            raise ValueError(f"normalisation: expected {expected}, got {normalisation!r}")
        if dtype not in _DTYPES:
            expected = ", ".join(str(d) for d in _DTYPES)
            raise ValueError(f"dtype: expected one of {expected}, got {dtype!r}")
        self.resize = resize
        self.normalisation = normalisation
        self.dtype = dtype
        self._origin: str | None = None
        # Without storage until the weights come: no time spent on initial values that nobody
        # wants, and torch's global random generator is left alone.
        with torch.device("meta"):
            self._build()
        self._load(weights, seed)
        self.requires_grad_(False)
        self.eval()

    def _build(self) -> None:
        self.Conv2d_1a_3x3 = ConvUnit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = ConvUnit(32, 32, 3)
        self.Conv2d_2b_3x3 = ConvUnit(32, 64, 3, padding=1)
        self.MaxPool_1 = nn.MaxPool2d(3, 2)
        self.Conv2d_3b_1x1 = ConvUnit(64, 80)
        self.Conv2d_4a_3x3 = ConvUnit(80, 192, 3)
        self.MaxPool_2 = nn.MaxPool2d(3, 2)
        self.Mixed_5b = InceptionA(192, pool_filters=32)
        self.Mixed_5c = InceptionA(256, pool_filters=64)
        self.Mixed_5d = InceptionA(288, pool_filters=64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, inner=128)
        self.Mixed_6c = InceptionC(768, inner=160)
        self.Mixed_6d = InceptionC(768, inner=160)
        self.Mixed_6e = InceptionC(768, inner=192)
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280, pool="average")
        self.Mixed_7c = InceptionE(2048, pool="max")
        self.fc = nn.Linear(2048, 1008)

    def _load(
        self, weights: str | os.PathLike[str] | Mapping[str, torch.Tensor] | None, seed: int
    ) -> None:
        origin = None
        if isinstance(weights, Mapping):
            state = {name: tensor.detach().clone() for name, tensor in weights.items()}
        elif weights == "random":
            shapes = {name: tensor.shape for name, tensor in self.state_dict().items()}
            state = _weights.random_weights(shapes, seed)
            origin = f"random (seed {seed})"
        else:
            state = _weights.load_weights(_weights.find_weights(weights))
            origin = f"sha256 {_weights.SHA256}"
        try:
            self.load_state_dict(state, assign=True)
        except RuntimeError as error:
            raise ValueError(
                f"weights: the state dict ({len(state)} entries) does not fit the 566 entries of "
                f"the FID Inception network: {error}"
            ) from None
        self._origin = origin

    def _load_from_state_dict(self, *args: Any) -> None:
        self._origin = None
        super()._load_from_state_dict(*args)

    @property
    def provenance(self) -> dict[str, str]:
        """Everything that decides the features, as text."""
        if self._origin is None:
            self._origin = f"state dict, sha256 {_weights.sha256_of_tensors(self.state_dict())}"
        return {
            "network": "Inception v3 (FID, 2015-12-05)",
            "weights": self._origin,
            "resize": self.resize,
            "normalisation": self.normalisation,
            "dtype": str(self.dtype).removeprefix("torch."),
            "torch": torch.__version__,
        }

    @property
    def description(self) -> str:
        """Network, weights, resize and dtype in one line."""
        facts = self.provenance
        return f"{facts['network']}, {facts['weights']}, {facts['resize']} resize, {facts['dtype']}"

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Features of a batch of images.

        Parameters
        ----------
        images : uint8 tensor, (n, 3, h, w)
            RGB, 0..255, of any size, on any device.

        Returns
        -------
        dict of layer to float32 tensor, (n, d)
            On the network's device, in the order of ``features``.

        Raises
        ------
        TypeError
            Not a uint8 tensor.
        ValueError
            Not of shape (n, 3, h, w), or empty.
        """
        check_batch(images)
        parts = [self.encode(self.prepare(chunk), self.features) for chunk in self._chunks(images)]
        return {layer: torch.cat([part[layer] for part in parts]) for layer in self.features}

    @torch.inference_mode()
    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """Resize and normalise: uint8 (n, 3, h, w) to (n, 3, 299, 299) in -1..1."""
        resized = resize_images(images.to(self.fc.weight.device), self.resize)
        if self.normalisation == NORMALISATIONS[0]:
            return resized.sub_(128).div_(128).to(self.dtype)
        return resized.mul_(2).div_(255).sub_(1).to(self.dtype)

    @torch.inference_mode()
    def encode(
        self, prepared: torch.Tensor, layers: Iterable[str] | None = None
    ) -> dict[str, torch.Tensor]:
        """Features of prepared images; ``layers`` other than ``features`` may be asked for.

        Parameters
        ----------
        prepared : tensor, (n, 3, 299, 299)
            What :meth:`prepare` returns.
        layers : sequence of str, optional
            Outputs wanted; ``features`` by default.

        Returns
        -------
        dict of layer to float32 tensor, (n, d)
        """
        wanted = self.features if layers is None else check_layers(layers)
        with exact_arithmetic(prepared.device.type):
            parts = [self._run(chunk, wanted) for chunk in self._chunks(prepared)]
        return {layer: torch.cat([part[layer] for part in parts]).float() for layer in wanted}

    def _chunks(self, batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        size = _CPU_CHUNK if self.fc.weight.device.type == "cpu" else len(batch)
        return torch.split(batch, size)

    def _run(self, x: torch.Tensor, wanted: tuple[str, ...]) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        wide = torch.promote_types(x.dtype, torch.float32)
        x = x.contiguous(memory_format=torch.channels_last)
        for layer, names in _STAGES:
            for name in names:
                x = self.get_submodule(name)(x)
            if layer in wanted or layer == "2048":
                found[layer] = x.mean((2, 3), dtype=wide)
            if all(w in found for w in wanted):
                return found
        # The head is a thousandth of the work: never in less than float32.
        found["logits_unbiased"] = found["2048"] @ self.fc.weight.to(wide).T
        found["logits"] = found["logits_unbiased"] + self.fc.bias.to(wide)
        return found


def check_layers(layers: Iterable[str]) -> tuple[str, ...]:
    """Layers as a tuple, every one of them known."""
    names = (layers,) if isinstance(layers, str) else tuple(layers)
    unknown = [name for name in names if name not in LAYERS]
    if unknown or not names:
        raise ValueError(
            f"features: expected some of {', '.join(LAYERS)}, got {', '.join(map(repr, names))}"
        )
    return tuple(dict.fromkeys(names))
