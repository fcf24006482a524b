"""Images in, features out, for the packages that start from folders."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parzen._extras import needed_by

if TYPE_CHECKING:
    import torch

    from parzen.vision import InceptionV3

Opener = Callable[[str], Any]  # a name to a path or an open file

# Pillow converts these to RGB by cutting off, or refuses: they are decoded as elsewhere in parzen.
DEEP_MODES = ("I", "F")


def needs(function: str) -> None:
    """Raise where there is no torch or Pillow, and say what they are needed for."""
    with needed_by(f"{function}: reading images", "vision"):
        import PIL  # noqa: F401
        import torch  # noqa: F401


class RGBFiles:
    """Image files by number, decoded as the packages decode: Pillow's conversion to RGB.

    Unlike `parzen.vision`, no EXIF orientation is applied. It can be sent to worker processes.

    Parameters
    ----------
    names
        Paths, or what `opener` takes.
    transform
        Of the decoded array (h, w, 3); its result must be uint8.
    opener
        From a name to a file.
    """

    def __init__(
        self,
        names: Sequence[str],
        transform: Callable[[NDArray[Any]], Any] | None = None,
        opener: Opener | None = None,
    ) -> None:
        self.names = list(names)
        self.transform = transform
        self.opener = opener

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Any:
        name = self.names[index]
        try:
            file = name if self.opener is None else self.opener(name)
            image = np.load(file) if name.lower().endswith(".npy") else _rgb(file)
        except Exception as error:  # Pillow's decoders raise anything on a damaged file
            raise OSError(f"{name}: {error}") from error
        return image if self.transform is None else self.transform(image)


class ZipOpener:
    """Members of a zip archive; each process reads through a handle of its own."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._open: tuple[int, zipfile.ZipFile] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}

    def __call__(self, name: str) -> io.BytesIO:
        if self._open is None or self._open[0] != os.getpid():
            self._open = os.getpid(), zipfile.ZipFile(self.path)
        return io.BytesIO(self._open[1].read(name))


def _rgb(file: Any) -> NDArray[np.uint8]:
    from PIL import Image

    from parzen.vision.decode import rgb_from_picture

    with Image.open(file) as picture:
        if picture.mode in DEEP_MODES or picture.mode.startswith("I;16"):
            return rgb_from_picture(picture)
        return np.array(picture.convert("RGB"))


def chosen_device(function: str, device: object) -> torch.device:
    """Return that device; None: CUDA where there is one, else the CPU."""
    import torch

    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(device)  # type: ignore[call-overload, no-any-return]
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"{function}: device is {device!r}: {error}") from error


def inception(device: torch.device, **options: Any) -> InceptionV3:
    """Return the network with the published weights."""
    from parzen.vision import InceptionV3

    return InceptionV3(**options).to(device)
