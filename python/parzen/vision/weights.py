"""Where the Inception weights come from: a file, torch hub's folder, a download, or a seed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from parzen.protocols import INCEPTION_SHA256

__all__ = ["WeightsNotFound"]

FILE_NAMES = (
    "pt_inception-2015-12-05-6726825d.pth",
    "weights-inception-2015-12-05-6726825d.pth",
)
"""The two names under which the one file is published; the first is used for downloads."""

ADDRESSES = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/" + FILE_NAMES[0],
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/" + FILE_NAMES[1],
)

SHA256 = INCEPTION_SHA256


class WeightsNotFound(FileNotFoundError):
    """The Inception weights are neither on disk nor to be had from the network.

    The message gives the addresses, the sha256 and the folder to put the file in.
    """


def find_weights(path: str | os.PathLike[str] | None = None) -> Path:
    """Path of the published weight file, checked; downloaded if it is nowhere on disk.

    Parameters
    ----------
    path : path, optional
        The file itself. ``None`` looks in torch hub's checkpoint folder (which follows the
        environment variable ``TORCH_HOME``) for either published name, then downloads.

    Returns
    -------
    Path
        A file whose sha256 is the published one.

    Raises
    ------
    WeightsNotFound
        The file is not there, and could not be downloaded.
    ValueError
        The file is there but has another sha256.
    """
    if path is not None:
        given = Path(path)
        if not given.is_file():
            raise WeightsNotFound(_how_to_get(f"weights: no file {given}", given))
        return _checked(given)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    for name in FILE_NAMES:
        if (folder / name).is_file():
            return _checked(folder / name)
    return _download(folder / FILE_NAMES[0])


def load_weights(path: Path) -> dict[str, torch.Tensor]:
    """State dict in a weight file, read without running any code that the file might hold."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise ValueError(f"weights: {path} holds a {type(state).__name__}, expected a state dict")
    return state


def random_weights(shapes: Mapping[str, torch.Size], seed: int) -> dict[str, torch.Tensor]:
    """Seeded random state dict in which signals neither die, explode nor all become alike.

    Filters are normal, with a third of each filter's mean taken away. After a ReLU all channels
    share a positive mean, which says nothing of the image. Filters as they come pass it on, so
    that it outweighs fine grain (weak noise then *lowers* the FID); filters that sum to zero stop
    it, but turn the network chaotic [1]_: rounding errors grow a hundredfold and blur hardly
    counts. In between, FID rises with noise and with blur.

    The scale keeps the mean square at 1: a rectified standard normal has variance
    (1 - 1/pi)/2 and squared mean 1/(2 pi), of which (2/3)^2 passes. Batch norm is the identity
    (but for its eps). The stream is NumPy's, so that torch's global generator is neither read
    nor moved.

    Parameters
    ----------
    shapes : mapping of name to shape
        The entries wanted, named as in the published file.
    seed : int
        Same seed, same weights.

    Returns
    -------
    dict of name to tensor
        float32, and int64 for ``num_batches_tracked``.

    References
    ----------
    .. [1] Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, "Deep information propagation",
       ICLR 2017.
    """
    generator = np.random.default_rng(seed)
    power = (1 - 1 / np.pi) / 2 + (2 / 3) ** 2 / (2 * np.pi)
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
        elif name.endswith(("conv.weight", "fc.weight")):
            filters = generator.standard_normal(tuple(shape), dtype=np.float32)
            flat = filters.reshape(len(filters), -1)
            flat -= flat.mean(axis=1, keepdims=True) / 3
            flat /= np.sqrt(np.square(flat).sum(axis=1, keepdims=True) * power)
            state[name] = torch.from_numpy(filters)
        else:
            one = name.endswith(("bn.weight", "running_var"))
            state[name] = torch.ones(shape) if one else torch.zeros(shape)
    return state


def sha256_of_file(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_tensors(state: Mapping[str, torch.Tensor]) -> str:
    """Hexadecimal sha256 of a state dict: names, types, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _checked(path: Path) -> Path:
    found = sha256_of_file(path)
    if found != SHA256:
        raise ValueError(
            f"weights: {path} has sha256 {found}, expected {SHA256}. Delete it if a download broke "
            "off; weights of your own go in as a state dict: "
            "InceptionV3(torch.load(path, weights_only=True))"
        )
    return path


def _download(target: Path) -> Path:
    failures = []
    for address in ADDRESSES:
        # Written beside the target and renamed, so that nobody ever sees half a file.
        partial: Path | None = None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with (
                urllib.request.urlopen(address, timeout=60) as answer,
                tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file,
            ):
                partial = Path(file.name)
                shutil.copyfileobj(answer, file)
            found = sha256_of_file(partial)
            if found == SHA256:
                partial.chmod(0o644)
                return partial.replace(target)
            failures.append(f"{address}: what came has sha256 {found}")
        except OSError as error:
            failures.append(f"{address}: {error}")
        finally:
            if partial is not None:
                with contextlib.suppress(FileNotFoundError):
                    partial.unlink()
    reasons = "weights: not on disk, and the download failed:\n  " + "\n  ".join(failures)
    raise WeightsNotFound(_how_to_get(reasons, target))


def _how_to_get(problem: str, target: Path) -> str:
    addresses = "\n  ".join(ADDRESSES)
    return (
        f"{problem}\nFetch either of\n  {addresses}\n(sha256 {SHA256}) and put it at\n  {target}\n"
        'or pass its path as weights=. weights="random" needs no file, but gives numbers that '
        "compare only with each other."
    )
