"""Folders of pictures and a network without published weights, for test_compat_images*.py."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from parzen.compat import _images
from parzen.vision import InceptionV3

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def state():
    return InceptionV3("random", seed=3).state_dict()


@pytest.fixture
def random_network(state, monkeypatch):
    """The network that folders are compared by, without its published weights."""

    def inception(device, **options):
        return InceptionV3(**{**options, "weights": state}).to(device)

    monkeypatch.setattr(_images, "inception", inception)


def smooth(h, w, scale):
    """Pictures that differ in more than noise."""
    low = RANDOM.integers(0, 256, (4, 4, 3), dtype=np.uint8) * scale
    return np.array(Image.fromarray(low.astype(np.uint8)).resize((w, h)))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders of images of one size: 7 and 6."""
    found = []
    for name, count, scale in (("a", 7, 1.0), ("b", 6, 0.7)):
        folder = tmp_path_factory.mktemp("images") / name
        folder.mkdir()
        for number in range(count):
            suffix = ("png", "bmp", "ppm")[number % 3]
            Image.fromarray(smooth(48, 36, scale)).save(folder / f"{number}.{suffix}")
        found.append(str(folder))
    return found


def decoded(folder, suffixes=("png", "bmp", "ppm")):
    paths = sorted(p for p in Path(folder).iterdir() if p.suffix[1:] in suffixes)
    return torch.from_numpy(np.stack([np.array(Image.open(p)) for p in paths])).permute(0, 3, 1, 2)


def features(state, images, **options):
    return InceptionV3(state, **options)(images)
