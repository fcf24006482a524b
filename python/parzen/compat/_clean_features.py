"""clean-fid's features: of folders, zip archives and generators, by mode."""

from __future__ import annotations

import os
import random
import sys
import zipfile
from collections.abc import Callable
from glob import escape, glob
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from parzen._options import as_integer, check_choice
from parzen.compat import _images
from parzen.compat._images import RGBFiles, ZipOpener
from parzen.compat._statistics import Path_
from parzen.compat._unused import refuse
from parzen.protocols import protocol

if TYPE_CHECKING:
    import torch

    from parzen.vision import InceptionV3

Features: TypeAlias = NDArray[np.float32]
Transform: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]

EXTENSIONS = frozenset(
    {"bmp", "jpg", "jpeg", "pgm", "png", "ppm", "tif", "tiff", "webp", "npy", "JPEG", "JPG", "PNG"}
)
# Of each mode the package whose resize and normalisation it takes.
MODES = {
    "clean": "clean-fid",
    "legacy_pytorch": "pytorch-fid",
    "legacy_tensorflow": "torch-fidelity",
}


class FeatureExtractor:
    """What `build_feature_extractor` returns: from pixels in 0..255 to the 2048 features."""

    def __init__(self, network: InceptionV3, mode: str) -> None:
        self.network = network
        self.mode = mode

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return (k, 2048) of (k, 3, h, w), which the mode's resize has been applied to.

        Mode ``"legacy_tensorflow"`` resizes here, as there.
        """
        prepared = self.network.prepare(images.clone())  # which works in place
        return self.network.encode(prepared, ["2048"])["2048"]


def build_feature_extractor(
    mode: str, device: object = None, use_dataparallel: bool = True
) -> FeatureExtractor:
    """Return the network of a mode.

    Parameters
    ----------
    mode
        ``"clean"``, ``"legacy_pytorch"`` or ``"legacy_tensorflow"``.
    device
        None: CUDA where there is one, else the CPU.
    use_dataparallel
        Of no effect: one device is used.
    """
    function = "build_feature_extractor"
    check_mode(function, mode)
    _images.needs(function)
    rules = protocol(MODES[mode])
    network = _images.inception(
        _images.chosen_device(function, device),
        resize=rules.resize,
        normalisation=rules.normalisation,
    )
    return FeatureExtractor(network, mode)


def get_folder_features(
    fdir: Path_,
    model: Any = None,
    num_workers: int = 12,
    num: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    batch_size: int = 128,
    device: object = None,
    mode: str = "clean",
    custom_fn_resize: Transform | None = None,
    description: str = "",
    verbose: bool = True,
    custom_image_tranform: Transform | None = None,
) -> Features:
    """Return the features of the images below a folder, or in a zip archive.

    Parameters
    ----------
    fdir
        Images are taken in the order of their paths. ``.npy`` files hold one image each, uint8
        (h, w, 3).
    model
        What `build_feature_extractor` returns, or a callable from a float tensor (k, 3, 299, 299)
        in 0..255 to (k, d); None: the mode's network.
    num_workers, batch_size
        Of decoding and of the network; they do not change the result but by rounding.
    num, shuffle, seed
        Only the first so many; of a shuffled list, if `shuffle`, which is an error without `num`.
    device
        None: CUDA where there is one, else the CPU.
    mode
        ``"clean"``, ``"legacy_pytorch"`` or ``"legacy_tensorflow"``.
    custom_fn_resize
        From an image (h, w, 3), uint8, to one of the network's size, uint8 or float in 0..255,
        instead of the mode's resize.
    description, verbose
        What is written to standard error, and whether there is a progress bar.
    custom_image_tranform
        Of the decoded image (h, w, 3), before the resize; its result must be uint8.

    Returns
    -------
    array
        (n, d), float32.

    Raises
    ------
    ValueError, TypeError, OSError
        Where there are no images, or one cannot be decoded.
    """
    function = "get_folder_features"
    check_mode(function, mode)
    _images.needs(function)
    files, opener = _files(function, os.fspath(fdir))
    if num is None:
        refuse(function, "is of no effect without num", shuffle=(shuffle, False))
    else:
        if shuffle:
            random.Random(seed).shuffle(files)
        files = files[: as_integer(f"{function}: num", num, 1)]
    if verbose and description:
        print(description, file=sys.stderr)
    if model is None:
        model = build_feature_extractor(mode, device)
    from parzen.vision import extract

    direct = isinstance(model, FeatureExtractor) and model.mode == mode and not custom_fn_resize
    features: Features = extract(
        RGBFiles(files, custom_image_tranform, opener),
        encoder=model.network
        if direct
        else _encoder(function, model, mode, device, custom_fn_resize),
        batch_size=batch_size,
        workers=num_workers,
        progress=verbose,
    )
    return features


def get_model_features(
    G: Callable[[Any], Any],
    model: Any,
    mode: str = "clean",
    z_dim: int = 512,
    num_gen: int = 50_000,
    batch_size: int = 128,
    device: object = None,
    desc: str = "FID model: ",
    verbose: bool = True,
    return_z: bool = False,
    custom_image_tranform: Transform | None = None,
    custom_fn_resize: Transform | None = None,
) -> Any:
    """Return the features of generated images, in batches from torch's global generator.

    Parameters
    ----------
    G
        From latents (batch_size, z_dim), ``torch.randn``'s, to images (batch_size, 3, h, w) in
        0..255.
    model, mode, device, custom_image_tranform, custom_fn_resize
        As in `get_folder_features`. Images are floats here, and in mode ``"legacy_tensorflow"``
        either function is an error: the package does not apply it.
    z_dim, num_gen, batch_size
        Whole batches are drawn, and the first `num_gen` features kept.
    desc, verbose
        What is written to standard error, and whether there is a progress bar.
    return_z
        Whether to return the latents too, of whole batches.

    Returns
    -------
    array, or array and tensor
        (num_gen, d), float32.
    """
    function = "get_model_features"
    check_mode(function, mode)
    check_functions(function, mode, custom_image_tranform, custom_fn_resize)
    _images.needs(function)
    import torch

    from parzen.vision.progress import show_progress

    where = _images.chosen_device(function, device)
    batches = -(-as_integer(f"{function}: num_gen", num_gen, 1) // batch_size)
    if verbose and desc:
        print(desc, file=sys.stderr)
    parts, latents = [], []
    with torch.no_grad(), show_progress(batches * batch_size, shown=verbose) as advance:
        for _ in range(batches):
            z = torch.randn((batch_size, z_dim)).to(where)
            latents.append(z)
            images = G(z)
            if custom_image_tranform is not None:
                images = _each(images, custom_image_tranform)
            resized = _resized(images, mode, custom_fn_resize).to(where)
            parts.append(model(resized).detach().cpu().numpy())
            advance(batch_size)
    features = np.concatenate(parts)[:num_gen]
    return (features, torch.cat(latents)) if return_z else features


def check_mode(function: str, mode: object) -> None:
    """Refuse a mode that clean-fid does not have."""
    check_choice(f"{function}: mode", mode, tuple(MODES))


def check_functions(
    function: str, mode: str, transform: Transform | None, resize: Transform | None
) -> None:
    """Refuse functions that clean-fid does not apply to generated images."""
    if mode == "legacy_tensorflow":
        refuse(
            function,
            f"is not applied to generated images in mode {mode!r}",
            custom_image_tranform=(transform, None),
            custom_fn_resize=(resize, None),
        )


def _files(function: str, fdir: str) -> tuple[list[str], _images.Opener | None]:
    opener: _images.Opener | None = None
    if fdir.endswith(".zip"):
        opener = ZipOpener(fdir)
        with zipfile.ZipFile(fdir) as archive:
            names = set(archive.namelist())
        found = {n for n in names if os.path.splitext(n)[1].lower()[1:] in EXTENSIONS}  # noqa: PTH122
    else:
        pattern = os.path.join(escape(fdir), "**/*.")  # noqa: PTH118
        found = {f for e in EXTENSIONS for f in glob(pattern + e, recursive=True)}  # noqa: PTH207
    if not found:
        raise ValueError(f"{function}: no images in {fdir} ({', '.join(sorted(EXTENSIONS))})")
    return sorted(found), opener


def _encoder(
    function: str, model: Any, mode: str, device: object, resize: Transform | None
) -> Callable[[torch.Tensor], Any]:
    """Return an encoder of 8-bit images from a model of resized ones."""
    where = _images.chosen_device(function, device)
    return lambda images: model(_resized(images, mode, resize).to(where))


def _resized(images: torch.Tensor, mode: str, resize: Transform | None) -> torch.Tensor:
    """Return (k, 3, 299, 299) in 0..255, or as they come where the network itself resizes."""
    if resize is not None:
        return _each(images, resize).float()
    if mode == "legacy_tensorflow":
        return images.float()
    from parzen.vision import resize_images

    return resize_images(images, protocol(MODES[mode]).resize).clamp(0, 255)


def _each(images: torch.Tensor, function: Transform) -> torch.Tensor:
    """Apply a function of arrays (h, w, 3) to each image."""
    import torch

    arrays = images.permute(0, 2, 3, 1).cpu().numpy()
    changed = np.stack([function(image) for image in arrays])
    return torch.from_numpy(changed).permute(0, 3, 1, 2)
