"""The samples that parity is looked at on: random ones of several shapes, and photographs'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import conftest
from parzen.demo_images import patches, photographs

# Sides of squares in pixels, and how many a set.
SIDES = {32: 72, 96: 72, 160: 24, 299: 6}


def features(n: int, d: int, seed: int, dtype: type = np.float64) -> Any:
    """Return non-negative features with a decaying spectrum."""
    return conftest.features(n, d, seed).astype(dtype)


def random_pairs() -> Iterator[tuple[str, Any]]:
    """Yield pairs of features: name, (real, fake)."""
    for name, n, m, d, dtype in (
        ("random, n = m = 400, d = 16", 400, 400, 16, np.float64),
        ("random, n = m = 600, d = 64, float32", 600, 600, 64, np.float32),
        ("random, n = 500, m = 350, d = 64", 500, 350, 64, np.float64),
        ("random, n = m = 1000, d = 256, float32", 1000, 1000, 256, np.float32),
        ("random, rank deficient, n = 150, m = 120, d = 192", 150, 120, 192, np.float64),
    ):
        yield name, (features(n, d, 1, dtype), features(m, d, 2, dtype) * dtype(1.05))


def low_pairs() -> Iterator[tuple[str, Any]]:
    """Yield pairs for densities, where scikit-learn's are still right."""
    rng = np.random.default_rng(0)
    for d in (1, 2, 4):
        x, q = rng.normal(size=(2000, d)), rng.normal(size=(300, d))
        yield f"normal, n = 2000, m = 300, d = {d}", (x, q)


def photograph_sets(side: int, count: int) -> tuple[Any, Any]:
    """Return two sets of square pieces of photographs, uint8 (n, side, side, 3), all different."""
    cut = [piece for _, piece in patches(photographs(), side)]
    count = min(count, len(cut) // 2)
    order = np.random.default_rng(0).permutation(len(cut))
    real, fake = (np.stack([cut[i] for i in order[part::2][:count]]) for part in (0, 1))
    return real, fake


def write_folders(folder: Path, side: int, count: int) -> tuple[Path, Path]:
    """Write two sets of photographs as PNG files and return their folders."""
    found = []
    for name, images in zip(("real", "fake"), photograph_sets(side, count), strict=True):
        target = folder / f"{side}" / name
        target.mkdir(parents=True)
        for i, image in enumerate(images):
            Image.fromarray(image).save(target / f"{i:04d}.png")
        found.append(target)
    return found[0], found[1]


def write_weights(folder: Path) -> Path:
    """Write random weights where all the packages look for theirs: torch hub's folder.

    Their own files are called so; nothing is downloaded then.
    """
    import torch

    from parzen.vision import InceptionV3

    checkpoints = folder / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    state = InceptionV3("random").state_dict()
    for name in ("pt_inception", "weights-inception"):
        torch.save(state, checkpoints / f"{name}-2015-12-05-6726825d.pth")
    return checkpoints / "weights-inception-2015-12-05-6726825d.pth"


def photograph_pairs() -> Iterator[tuple[str, Any]]:
    """Yield features of photographs, by the random network: d = 64, and d = 192 of fewer rows."""
    import torch

    from parzen.vision import InceptionV3

    network = InceptionV3("random", ["64", "192"])
    found = [
        network(torch.from_numpy(images).permute(0, 3, 1, 2))
        for images in photograph_sets(96, SIDES[96])
    ]
    for layer, kind in (("64", ""), ("192", ", rank deficient")):
        pair = tuple(one[layer].numpy() for one in found)
        name = f"photographs{kind}, n = {len(pair[0])}, d = {layer}, float32"
        yield name, pair
