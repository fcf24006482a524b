"""The images of the demonstration: patches of bundled photographs, distorted ever more."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

RGB = NDArray[np.uint8]  # (height, width, 3)
Random = np.random.Generator

PATCH = 64
OWN_FILE = re.compile(r"\d{4}-[a-z]+\.png")


class Distortion(NamedTuple):
    """A way to spoil an image, at rising strength."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[RGB, float, Random], RGB]

    def label(self, strength: float) -> str:
        """Return the strength with its unit."""
        return f"{strength:g}{self.unit}"


def blur(image: RGB, sigma: float, random: Random) -> RGB:
    """Smooth with a Gaussian of `sigma` pixels."""
    return _bytes(gaussian_filter(image.astype(np.float64), (sigma, sigma, 0), mode="reflect"))


def noise(image: RGB, sigma: float, random: Random) -> RGB:
    """Add Gaussian noise of `sigma` grey levels."""
    return _bytes(image + sigma * random.standard_normal(image.shape))


def squares(image: RGB, side: float, random: Random) -> RGB:
    """Black out three squares, each of `side` times the image's side."""
    height, width, _ = image.shape
    spoilt = image.copy()
    for y, x in random.random((3, 2)):
        top, left = int(y * height * (1 - side)), int(x * width * (1 - side))
        spoilt[top : top + round(side * height), left : left + round(side * width)] = 0
    return spoilt


DISTORTIONS = (
    Distortion("blur", " px", (1, 2, 4), blur),
    Distortion("noise", "", (20, 40, 80), noise),
    Distortion("squares", "", (0.2, 0.35, 0.5), squares),
)


def photographs() -> dict[str, RGB]:
    """Return the photographs inside the wheels of scikit-image and scikit-learn."""
    import skimage.data
    from sklearn.datasets import load_sample_images  # type: ignore[import-untyped]

    data: Any = skimage.data

    samples = load_sample_images()
    found = {
        "astronaut": data.astronaut(),
        "chelsea": data.chelsea(),
        "coffee": data.coffee(),
        "motorcycle": data.stereo_motorcycle()[0],
        "rocket": data.rocket(),
    }
    names = (Path(name).stem for name in samples.filenames)
    return found | dict(zip(names, samples.images, strict=True))


def patches(images: Mapping[str, RGB], size: int = PATCH) -> list[tuple[str, RGB]]:
    """Cut images into squares that do not overlap, each with its image's name."""
    return [
        (name, image[top : top + size, left : left + size])
        for name, image in images.items()
        for top in range(0, image.shape[0] - size + 1, size)
        for left in range(0, image.shape[1] - size + 1, size)
    ]


def write_sets(folder: Path, count: int, seed: int) -> dict[str, list[Path]]:
    """Write the sets of images as folders of PNG files.

    ``real`` and ``fresh`` are different patches of the same photographs; the others are the
    patches of ``fresh``, distorted, so that what differs between strengths is strength alone.

    Returns
    -------
    dict
        Folders: ``real``, ``fresh``, and each distortion's, in order of strength.

    Raises
    ------
    ValueError
        Where the photographs do not have so many patches.
    FileExistsError
        Where one of the folders has files that are not from an earlier run.
    """
    cut = patches(photographs())
    if not 8 <= count <= len(cut) // 2:
        raise ValueError(
            f"images is {count}, expected 8 to {len(cut) // 2}: the photographs give {len(cut)} "
            f"patches of {PATCH} x {PATCH} pixels, half of them for each set"
        )
    order = np.random.default_rng(seed).permutation(len(cut))
    real, fresh = ([cut[i] for i in part] for part in (order[:count], order[count : 2 * count]))
    sets = {"real": [folder / "real"], "fresh": [folder / "fresh"]}
    for kind in DISTORTIONS:
        steps = range(1, len(kind.strengths) + 1)
        sets[kind.name] = [folder / f"{kind.name}-{step}" for step in steps]
    _make_room([path for paths in sets.values() for path in paths])

    _write(sets["real"][0], real)
    _write(sets["fresh"][0], fresh)
    for number, kind in enumerate(DISTORTIONS):
        for path, strength in zip(sets[kind.name], kind.strengths, strict=True):
            # The same random numbers at every strength: the same noise, louder.
            randoms = (np.random.default_rng((seed, number, i)) for i in range(count))
            spoilt = [
                (name, kind.apply(patch, strength, random))
                for (name, patch), random in zip(fresh, randoms, strict=True)
            ]
            _write(path, spoilt)
    return sets


def _make_room(folders: list[Path]) -> None:
    """Take away an earlier run's files, and nothing else."""
    earlier = [file for path in folders if path.exists() for file in path.iterdir()]
    foreign = [file for file in earlier if not OWN_FILE.fullmatch(file.name)]
    if foreign:
        raise FileExistsError(f"{foreign[0]} is not the demo's; choose another folder")
    for file in earlier:
        file.unlink()
    for path in folders:
        path.mkdir(parents=True, exist_ok=True)


def _write(folder: Path, images: list[tuple[str, RGB]]) -> None:
    from PIL import Image

    for number, (name, image) in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:04d}-{name}.png")


def _bytes(values: NDArray[np.float64]) -> RGB:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
