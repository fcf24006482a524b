"""Inception features of uint8 images on the CPU, beside torch-fidelity's network on one state dict.

Both resize (TensorFlow 1 bilinear), normalise and run in float32. The error is that of the first
two images against the same network in double precision, relative to the largest feature.
"""

import functools

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from parzen.vision import InceptionV3

BATCH = 16
LAYER = "2048"


@functools.cache
def ours():
    return InceptionV3("random", [LAYER])


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(ours().state_dict(), path)
    return FeatureExtractorInceptionV3("x", [LAYER], feature_extractor_weights_path=str(path))


@functools.cache
def images(size):
    generator = torch.Generator().manual_seed(size)
    return torch.randint(0, 256, (BATCH, 3, size, size), dtype=torch.uint8, generator=generator)


@functools.cache
def exact(size):
    reference = InceptionV3(ours().state_dict(), [LAYER], dtype=torch.float64)
    return reference(images(size)[:2])[LAYER].double()


@pytest.mark.parametrize("size", [299, 64])
@pytest.mark.parametrize("who", ["parzen", "torch-fidelity"])
def test_inception(contest, benchmark, theirs, who, size):
    def encode():
        if who == "parzen":
            return ours()(images(size))[LAYER]
        with torch.inference_mode():
            return theirs(images(size))[0]

    def error(features):
        return ((features[:2] - exact(size)).abs().max() / exact(size).abs().max()).item()

    features = contest(
        f"Inception v3, float32, {BATCH} images of {size} x {size}",
        who,
        encode,
        error=error,
        rounds=7,
    )
    benchmark.extra_info["images"] = BATCH
    assert features.shape == (BATCH, 2048)
    assert error(features) <= 1e-5
