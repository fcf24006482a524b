"""Images from wherever they are, as 8-bit RGB arrays: folder, zip, array file, array, dataset."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, IterableDataset

from .cache import HEADER, PROVENANCE
from .decode import RGB, BrokenImage, as_bytes, decode_file, rgb_from_item, to_channels_last
from .weights import sha256_of_file

__all__ = ["EXTENSIONS", "ImageSource", "open_source"]

EXTENSIONS = (
    *(".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
    *(".tga", ".tif", ".tiff", ".webp"),
)
"""What counts as an image in a folder or zip, in any case."""

_ARRAY_NAMES = ("images", "features", "arr_0", "2048")
# Which array of an .npz to take when several would do.

_NOT_SAMPLES = ("mu", "sigma", "mu_s", "sigma_s", HEADER, PROVENANCE)
# Statistics, as other packages keep them, and what is told of features beside them.


class ImageSource(Protocol):
    """A numbered set of images. It can be sent to a worker process."""

    files: bool
    """Whether an image costs decoding, so that worker processes pay."""

    def __len__(self) -> int: ...

    def load(self, index: int) -> RGB:
        """Image ``index``, uint8 (h, w, 3). Raises BrokenImage where it cannot be decoded."""
        ...

    def digest(self) -> str:
        """Return a hexadecimal sha256 of the content, in order."""
        ...


class FileImages:
    """Image files."""

    files = True

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def load(self, index: int) -> RGB:
        path = self.paths[index]
        # Pillow's decoders fail with anything from OSError to IndexError on a damaged file.
        try:
            return decode_file(str(path))
        except Exception as error:
            raise BrokenImage(f"{path}: {error}") from error

    def digest(self) -> str:
        digest = hashlib.sha256()
        for path in self.paths:
            try:
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            except OSError as error:
                digest.update(f"unreadable: {error.errno}".encode())
        return digest.hexdigest()


class ZipImages:
    """Image files in a zip archive, each process with a handle of its own."""

    files = True

    def __init__(self, path: Path, names: Iterable[str]) -> None:
        self.path = path
        self._open: tuple[int, zipfile.ZipFile] | None = None
        members = [PurePosixPath(name) for name in names if not name.endswith("/")]
        self.names = sorted(str(member) for member in members if _is_image(member))
        _some(self.names, path, members)

    def __len__(self) -> int:
        return len(self.names)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}

    def load(self, index: int) -> RGB:
        name = self.names[index]
        try:
            with self._archive().open(name) as member:
                return decode_file(member)
        except Exception as error:
            raise BrokenImage(f"{self.path}/{name}: {error}") from error

    def digest(self) -> str:
        """Return that of the same files in a folder."""
        digest = hashlib.sha256()
        try:
            for name in self.names:
                digest.update(hashlib.sha256(self._archive().read(name)).digest())
        except Exception:  # damaged, encrypted or packed in an unknown way
            return sha256_of_file(self.path)
        return digest.hexdigest()

    def _archive(self) -> zipfile.ZipFile:
        # A forked worker inherits the handle, and with it a file position that all would move.
        if self._open is None or self._open[0] != os.getpid():
            self._open = os.getpid(), zipfile.ZipFile(self.path)
        return self._open[1]


class ArrayImages:
    """A uint8 array of images of one size."""

    files = False

    def __init__(self, images: RGB) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def load(self, index: int) -> RGB:
        image: RGB = self.images[index]
        return image

    def digest(self) -> str:
        digest = hashlib.sha256()
        for image in self.images:
            _update(digest, image)
        return digest.hexdigest()


class DatasetImages:
    """Anything with ``len`` and ``[i]`` whose items are images or tuples that start with one."""

    files = False

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def load(self, index: int) -> RGB:
        where = f"source[{index}]"
        # OSError is what Pillow raises on a damaged file; other errors are the dataset's own.
        try:
            return rgb_from_item(self.dataset[index], where)
        except OSError as error:
            raise BrokenImage(f"{where}: {error}") from error

    def digest(self) -> str:
        digest = hashlib.sha256()
        for index in range(len(self)):
            try:
                image = self.load(index)
            except BrokenImage as error:
                digest.update(str(error).encode())
            else:
                _update(digest, image)
        return digest.hexdigest()


def _update(digest: hashlib._Hash, image: RGB) -> None:
    """Hash an image, the same alone or in an array of many."""
    digest.update(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)


def open_source(source: Any) -> ImageSource | npt.NDArray[np.floating[Any]] | Iterator[Any]:
    """Find out what a source is.

    Parameters
    ----------
    source : path, array, tensor, dataset, sequence or iterable
        A folder (read recursively, in the order of the relative paths; hidden files and links
        back to a folder being read are passed over), a .zip, a .npy or .npz file, an array or
        tensor, a torch dataset or other sequence of images or of image paths, or an iterable
        of images.

    Returns
    -------
    ImageSource, array or iterator
        Images; or, where the source holds features, these as an (n, d) float array; or, where it
        has no length, an iterator over its items.

    Raises
    ------
    TypeError
        Of no known kind, or of the wrong dtype.
    ValueError
        Empty, of an unknown file type, or of the wrong shape.
    """
    if isinstance(source, str | os.PathLike):
        return _open_path(Path(source))
    if isinstance(source, np.ndarray | torch.Tensor):
        return _open_array(source, "source", first=isinstance(source, torch.Tensor))
    if isinstance(source, DataLoader):
        raise TypeError("source: got a DataLoader, whose items are batches; pass its dataset")
    if isinstance(source, IterableDataset):
        return iter(source)
    if (
        hasattr(source, "__len__")
        and hasattr(source, "__getitem__")
        and not hasattr(source, "keys")
    ):
        if len(source) == 0:
            raise ValueError("source: expected images, got an empty sequence")
        if isinstance(source, list | tuple) and all(
            isinstance(item, str | os.PathLike) for item in source
        ):
            return FileImages([Path(item) for item in source])
        return DatasetImages(source)
    if isinstance(source, Iterable) and not hasattr(source, "keys"):
        return iter(source)
    raise TypeError(
        "source: expected a folder, a .zip, .npy or .npz file, an array, a tensor, a dataset or a "
        f"sequence of images, got {type(source).__name__}"
    )


def _open_path(path: Path) -> ImageSource | npt.NDArray[np.floating[Any]]:
    if path.is_dir():
        found = sorted(_walk(path, ()), key=lambda p: p.relative_to(path).as_posix())
        images = [p for p in found if _is_image(p.relative_to(path))]
        _some(images, path, found)
        return FileImages(images)
    if not path.is_file():
        raise ValueError(f"source: no file or folder {path}")
    kind = path.suffix.lower()
    if kind == ".zip":
        with _readable(path):
            archive = zipfile.ZipFile(path)
        with archive:
            return ZipImages(path, archive.namelist())
    if kind == ".npy":
        with _readable(path):
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        return _open_array(array, str(path))
    if kind == ".npz":
        with _readable(path):
            arrays = np.load(path, allow_pickle=False)
        with arrays:
            name = _pick_array(arrays.files, path)
            with _readable(path):
                array = arrays[name]
        return _open_array(array, f"{path}[{name}]")
    raise ValueError(
        f"source: expected a folder, .zip, .npy or .npz, got {path}"
        + (" (one image; pass its folder)" if kind in EXTENSIONS else "")
    )


def _open_array(
    array: Any, where: str, *, first: bool = False
) -> ImageSource | npt.NDArray[np.floating[Any]]:
    if len(array.shape) == 0 or 0 in array.shape:
        raise ValueError(f"{where}: expected images or features, got shape {tuple(array.shape)}")
    if array.ndim == 2 and (
        array.is_floating_point() if isinstance(array, torch.Tensor) else array.dtype.kind == "f"
    ):
        if isinstance(array, torch.Tensor):
            array = array.detach().cpu()
            array = (array.float() if array.dtype == torch.bfloat16 else array).numpy()
        features: npt.NDArray[np.floating[Any]] = array
        return features
    if array.ndim == 2:
        raise TypeError(
            f"{where}: an (n, d) array is read as features and must be float, got {array.dtype}"
        )
    images = as_bytes(array, where)
    if images.ndim == 3 and 3 not in (images.shape[0], images.shape[2]):
        images = images[:, :, :, None]
    return ArrayImages(to_channels_last(images, where, first=first))


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"source: {path} cannot be read: {error}") from error


def _pick_array(names: Sequence[str], path: Path) -> str:
    names = [name for name in names if name not in _NOT_SAMPLES] or names
    preferred = [name for name in _ARRAY_NAMES if name in names] or names
    if set(names) <= set(_NOT_SAMPLES):
        raise ValueError(
            f"source: {path} holds {', '.join(names) or 'nothing'}; expected an array of images or "
            "features"
        )
    if len(names) > 1 and preferred is names:
        raise ValueError(
            f"source: {path} holds {', '.join(names)}; expected one array, or one named "
            f"{', '.join(_ARRAY_NAMES)}"
        )
    return preferred[0]


def _walk(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    status = folder.stat()
    here = status.st_dev, status.st_ino
    if here in above:
        return
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, (*above, here))
        elif entry.is_file() or entry.is_symlink():
            yield entry


def _is_image(path: PurePath) -> bool:
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in EXTENSIONS and not hidden


def _some(images: Sequence[Any], path: Path, found: Sequence[PurePath]) -> None:
    if not images:
        others = f"{len(found)} other files, such as {found[0].name}" if found else "nothing"
        raise ValueError(f"source: no images in {path} (found {others}; {' '.join(EXTENSIONS)})")
