"""One image in, one 8-bit RGB array out, whatever its mode."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps

__all__ = ["BrokenImage", "decode_file", "rgb_from_item", "rgb_from_picture", "to_channels_last"]

RGB = npt.NDArray[np.uint8]


class BrokenImage(ValueError):
    """An image could not be decoded; the message starts with its path or place."""


def decode_file(file: str | IO[bytes]) -> RGB:
    """Decode a file to a uint8 array (h, w, 3); of several frames the first."""
    with Image.open(file) as picture:
        return rgb_from_picture(picture)


def rgb_from_picture(picture: Image.Image) -> RGB:
    """Turn a Pillow image of any mode into a uint8 array (h, w, 3).

    The EXIF orientation is applied. Greyscale is repeated over the three channels, palettes
    are looked up, CMYK and YCbCr are converted. Alpha is dropped, not blended: transparent pixels
    keep the colour stored under them, as in the usual FID tools. 16-bit values v become
    round(v / 257); of 16-bit colour files Pillow keeps the high byte.

    Raises
    ------
    ValueError
        Floating-point or 32-bit integer pixels, which have no known range.
    """
    picture.load()
    # Pillow opens 16-bit greyscale PNG and PGM as "I" or "I;16", by its version.
    sixteen = picture.mode.startswith("I;16") or (
        picture.mode == "I" and picture.format in ("PNG", "PPM")
    )
    picture = ImageOps.exif_transpose(picture)
    if sixteen:
        grey = (np.asarray(picture).astype(np.uint32) + 128) // 257
        return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)
    if picture.mode in ("I", "F"):
        raise ValueError(
            f"its pixels are {'32-bit integers' if picture.mode == 'I' else 'floats'}, of no known "
            "range; store it with 8 or 16 bits a channel"
        )
    if picture.mode in ("LA", "PA", "RGBa") or "transparency" in picture.info:
        # By way of RGBA, or Pillow warns of transparent palette entries.
        picture = picture.convert("RGBA")
    return np.array(picture.convert("RGB"))


def rgb_from_item(item: Any, where: str) -> RGB:
    """Turn one item of a dataset into a uint8 array (h, w, 3).

    Parameters
    ----------
    item : Pillow image, uint8 tensor or array, or a tuple or list that starts with one
        Arrays are (3, h, w), (h, w, 3), (1, h, w), (h, w, 1) or (h, w).
    where : str
        Names the item in errors.

    Raises
    ------
    TypeError
        Not an image, or not of type uint8.
    ValueError
        Not of the shape of one image.
    """
    if isinstance(item, tuple | list) and item:
        item = item[0]
    if isinstance(item, Image.Image):
        return rgb_from_picture(item)
    if not isinstance(item, torch.Tensor | np.ndarray):
        raise TypeError(
            f"{where}: expected an image (Pillow image, uint8 tensor or array, or a tuple that "
            f"starts with one), got {type(item).__name__}"
        )
    array = as_bytes(item, where)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.size == 0:
        raise ValueError(
            f"{where}: expected one image, (3, h, w), (h, w, 3) or (h, w), got {array.shape}"
        )
    batch = to_channels_last(array[None], where, first=isinstance(item, torch.Tensor))
    image: RGB = batch[0]
    return image


def as_bytes(array: Any, where: str) -> RGB:
    """Array or tensor as a NumPy array, if it holds uint8."""
    found: npt.NDArray[Any]
    found = array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
    if found.dtype != np.uint8:
        fix = ""
        if found.dtype.kind == "f":
            fix = "; for values in 0..1 pass (x * 255).round() as uint8"
        elif found.dtype == np.uint16:
            fix = "; for 16-bit values pass (x // 257) as uint8"
        raise TypeError(f"{where}: images must be uint8, 0..255, got {found.dtype}{fix}")
    return found


def to_channels_last(images: RGB, where: str, *, first: bool) -> RGB:
    """View or widen a batch with one or three channels as (n, h, w, 3).

    Where both (n, 3, h, w) and (n, h, w, 3) would fit, ``first`` decides: torch's habit is the
    former, NumPy's the latter.
    """
    axes = (1, 3) if first else (3, 1)
    for channels in (3, 1):
        for axis in axes:
            if images.ndim == 4 and images.shape[axis] == channels:
                last = np.moveaxis(images, axis, 3)
                return np.broadcast_to(last, (*last.shape[:3], 3))
    raise ValueError(
        f"{where}: expected images of shape (n, 3, h, w) or (n, h, w, 3), or with one channel, "
        f"got {images.shape}"
    )
