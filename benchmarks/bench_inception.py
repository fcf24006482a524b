"""Inception features of uint8 images on the CPU, beside torch-fidelity's network on one state dict.

Both resize (TensorFlow 1 bilinear), normalise and run in float32. The error is that of the first
two images against the same network in double precision, relative to the largest feature.
"""

import functools

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from benchmarks.contest import Work, size
from parzen.vision import InceptionV3

BATCH = size(16, 2)
LAYER = "2048"


@functools.cache
def ours():
    return InceptionV3("random", [LAYER])


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(ours().state_dict(), path)
    return FeatureExtractorInceptionV3("x", [LAYER], feature_extractor_weights_path=str(path))


@pytest.mark.parametrize("pixels", [299, 64])
def test_inception(contest, theirs, pixels):
    generator = torch.Generator().manual_seed(pixels)
    shape = (BATCH, 3, pixels, pixels)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    reference = InceptionV3(ours().state_dict(), [LAYER], dtype=torch.float64)
    exact = reference(images[:2])[LAYER].double()

    def their_features():
        with torch.inference_mode():
            return theirs(images)[0]

    def error(features):
        assert features.shape == (BATCH, 2048)
        value = ((features[:2] - exact).abs().max() / exact.abs().max()).item()
        assert value <= 1e-5
        return value

    functions = {"parzen": lambda: ours()(images)[LAYER], "torch-fidelity": their_features}
    works = {name: Work(run, error, info={"images": BATCH}) for name, run in functions.items()}
    title = f"Inception v3, float32, {BATCH} images of {pixels} × {pixels}"
    contest(f"inception {pixels}", title, works, rounds=5)
