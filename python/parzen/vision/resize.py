"""The four ways in which FID code resizes images to the network's 299 x 299.

They do not give the same FID. "tf1" is what the original TensorFlow graph does and what published
numbers rest on; it neither centres pixels nor smooths before it shrinks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

__all__ = ["RESIZES", "SIZE", "resize_images"]

SIZE = 299
"""Height and width, in pixels, of the network's input."""


def resize_images(images: torch.Tensor, resize: str = "tf1") -> torch.Tensor:
    """Resize a batch of 8-bit images to 299 x 299, without rounding back to integers.

    Parameters
    ----------
    images : uint8 tensor, (n, 3, h, w)
        RGB, 0..255, of any height and width.
    resize : {"tf1", "pil-bicubic", "bilinear", "bilinear-antialias"}
        - ``"tf1"``: bilinear as in TensorFlow 1: output pixel i samples source coordinate
          i * in / out, with no half-pixel centres and no antialiasing (torch-fidelity).
        - ``"pil-bicubic"``: Pillow's antialiased bicubic filter on each channel in float,
          clipped to 0..255 (clean-fid [1]_). Runs on the CPU.
        - ``"bilinear"``: torch's, half-pixel centres, no antialiasing (pytorch-fid).
        - ``"bilinear-antialias"``: torch's, half-pixel centres, antialiased (torchmetrics).

    Returns
    -------
    float32 tensor, (n, 3, 299, 299)
        In 0..255, on the device of ``images``. Images of 299 x 299 come back unchanged.

    Raises
    ------
    ValueError
        Unknown ``resize``.

    References
    ----------
    .. [1] Parmar, Zhang and Zhu, "On aliased resizing and surprising subtleties in GAN
       evaluation", CVPR 2022.

    Examples
    --------
    >>> import torch
    >>> resize_images(torch.full((1, 3, 20, 10), 7, dtype=torch.uint8)).mean()
    tensor(7.)
    """
    if resize not in _RESIZES:
        raise ValueError(f"resize: expected one of {', '.join(RESIZES)}, got {resize!r}")
    if images.shape[-2:] == (SIZE, SIZE):
        return images.float()
    return _RESIZES[resize](images)


def tf1(images: torch.Tensor, size: int = SIZE) -> torch.Tensor:
    """Resize to `size` x `size` as TensorFlow 1 did."""
    rows, next_rows, down = _tf1_samples(images.shape[2], size, images.device)
    columns, next_columns, across = _tf1_samples(images.shape[3], size, images.device)
    # Across first, and where the image is tall only on the rows that will be sampled.
    if images.shape[2] > 2 * size:
        images = images[:, :, torch.cat([rows, next_rows])]
        rows = torch.arange(size, device=images.device)
        next_rows = rows + size
    images = images.float()
    left = images[..., columns]
    lines = left + (images[..., next_columns] - left) * across
    top = lines[:, :, rows]
    return top + (lines[:, :, next_rows] - top) * down[:, None]


def _tf1_samples(length: int, size: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    """Source index, the next one, and the fraction between them, for every output pixel."""
    scale = torch.tensor(length / size, dtype=torch.float32, device=device)
    position = torch.arange(size, dtype=torch.float32, device=device) * scale
    index = position.long().clamp_max(length - 1)
    return index, (index + 1).clamp_max(length - 1), position - index


def _pil_bicubic(images: torch.Tensor) -> torch.Tensor:
    channels = images.flatten(0, 1).cpu().numpy().astype(np.float32)
    resized = np.stack(
        [
            np.asarray(Image.fromarray(c).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
            for c in channels
        ]
    )
    batch = torch.from_numpy(resized).clamp_(0, 255)
    return batch.reshape(*images.shape[:2], SIZE, SIZE).to(images.device)


def _bilinear(images: torch.Tensor, antialias: bool = False) -> torch.Tensor:
    return F.interpolate(images.float(), (SIZE, SIZE), mode="bilinear", antialias=antialias)


def _bilinear_antialias(images: torch.Tensor) -> torch.Tensor:
    return _bilinear(images, antialias=True)


_RESIZES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tf1": tf1,
    "pil-bicubic": _pil_bicubic,
    "bilinear": _bilinear,
    "bilinear-antialias": _bilinear_antialias,
}

RESIZES = tuple(_RESIZES)
"""The accepted ways to resize."""
