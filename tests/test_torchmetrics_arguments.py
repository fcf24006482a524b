"""What the metrics of parzen.torchmetrics take: networks, images, options, and what they refuse."""

# ruff: noqa: E402

import doctest
import importlib
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
torchmetrics = pytest.importorskip("torchmetrics")

from torchmetrics.image.fid import FrechetInceptionDistance as UpstreamFID
from torchmetrics.image.kid import KernelInceptionDistance as UpstreamKID
from torchmetrics.image.mifid import MemorizationInformedFrechetInceptionDistance as UpstreamMiFID

from image_metrics import (
    TWO_SAMPLES,
    Colors,
    Given,
    features,
    fill,
    images,
    metric_of,
)
from parzen.torchmetrics import (
    FrechetInceptionDistance,
    InceptionScore,
    KernelInceptionDistance,
    MemorizationInformedFrechetInceptionDistance,
)
from parzen.vision import InceptionV3, resize_images


class TestNetwork:
    @pytest.mark.parametrize("antialias", [True, False])
    def test_inception_by_the_protocol(self, antialias):
        batch = images(3, 3, 20, 30)
        metric = KernelInceptionDistance(
            64, feature_extractor_weights_path="random", antialias=antialias
        )
        metric.update(batch, real=True)
        plain = InceptionV3("random", ["64"])
        resized = resize_images(batch, "bilinear-antialias" if antialias else "tf1")
        expected = plain.encode((resized - 128) / 128)["64"]
        torch.testing.assert_close(metric.real_features[0], expected, rtol=0, atol=0)

    def test_floats_become_bytes(self):
        batch = images(2, 3, 20, 30)
        options = {"feature_extractor_weights_path": "random", "reset_real_features": False}
        metric = KernelInceptionDistance(64, normalize=True, **options)
        metric.update((batch.float() + 0.5) / 255, real=True)
        plain = KernelInceptionDistance(64, **options)
        plain.update(batch, real=True)
        assert torch.equal(metric.real_features[0], plain.real_features[0])
        for wrong in (1.01, -0.01, float("nan")):
            with pytest.raises(ValueError, match=r"imgs has values in .* expected 0\.\.1"):
                metric.update(torch.full((2, 3, 8, 8), wrong), real=True)
        with pytest.raises(TypeError, match=r"imgs is torch.uint8, expected floats in 0\.\.1"):
            metric.update(batch, real=True)
        with pytest.raises(TypeError, match="expected a uint8 tensor"):
            plain.update(batch.float(), real=True)

    def test_a_network_of_parzen(self):
        network = InceptionV3("random", ["64"])
        metric = FrechetInceptionDistance(network)
        assert metric.real_moments.shape == (65, 65)
        metric.update(images(3, 3, 8, 8), real=True)
        assert metric.real_features_num_samples == 3
        with pytest.raises(ValueError, match="has the outputs 64, 192; expected one"):
            FrechetInceptionDistance(InceptionV3("random", ["64", "192"]))

    def test_training_mode_and_names_of_weights(self):
        metric = FrechetInceptionDistance(64, feature_extractor_weights_path="random").train()
        assert not metric.inception.training
        names = {name.removeprefix("inception.") for name in metric.state_dict()}
        assert names == set(InceptionV3("random").state_dict())

    def test_set_dtype(self, rng):
        metric = FrechetInceptionDistance(64, feature_extractor_weights_path="random")
        weight = metric.inception.Conv2d_1a_3x3.conv.weight
        before = weight.clone()
        metric.set_dtype(torch.float64)
        assert metric.inception.dtype == metric.dtype == torch.float64
        assert metric.inception.Conv2d_1a_3x3.conv.weight.dtype == torch.float32
        torch.nn.Sequential(metric).half()
        metric.set_dtype(torch.float16)
        assert torch.equal(metric.inception.Conv2d_1a_3x3.conv.weight, before)
        metric.update(images(2, 3, 8, 8), real=True)
        assert metric.orig_dtype == torch.float16
        assert metric.real_moments.dtype == metric._defaults["real_moments"].dtype == torch.float64

    @pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
    def test_moments_stay_float64(self, dtype, rng):
        pair = features(rng, 100, 90, 4)
        metric = fill(FrechetInceptionDistance(Given(4)), *pair)
        moments = metric.real_moments.clone()
        metric.set_dtype(dtype).half().to("cpu")
        assert torch.equal(metric.real_moments, moments)
        assert metric.compute().dtype == torch.float64  # that of the features, as upstream
        rows = fill(KernelInceptionDistance(Given(4), 2, 50), *pair).set_dtype(dtype)
        assert all(batch.dtype == dtype for batch in rows.real_features)

    @pytest.mark.peers
    @pytest.mark.parametrize("antialias", [True, False])
    @pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
    def test_equals_torchmetrics(self, antialias, tmp_path):
        pytest.importorskip("torch_fidelity")
        weights = InceptionV3("random").state_dict()
        torch.save(weights, tmp_path / "weights.pth")
        options = {"normalize": True, "antialias": antialias}
        ours = FrechetInceptionDistance(64, feature_extractor_weights_path=weights, **options)
        path = str(tmp_path / "weights.pth")
        theirs = UpstreamFID(64, feature_extractor_weights_path=path, **options)
        pair = (images(20, 3, 40, 60) / 255, images(30, 3, 40, 60, seed=1, low=100) / 255)
        found, expected = (fill(metric, *pair).compute() for metric in (ours, theirs))
        # Their batch norm is not folded: features differ by float32 rounding.
        assert found.item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("cls", TWO_SAMPLES)
class TestEach:
    def test_arguments(self, cls):
        with pytest.raises(TypeError, match=r"feature is \[1\], expected one of .* or a torch"):
            cls([1])
        with pytest.raises(ValueError, match="feature is 2, expected one of"):
            cls(2)
        for name in ("normalize", "reset_real_features"):
            with pytest.raises(ValueError, match=f"{name} is 1, expected a bool"):
                cls(Colors(), **{name: 1})
        with pytest.raises(ValueError, match="Unexpected keyword arguments: `sizes`"):
            cls(Colors(), sizes=1)
        with pytest.raises(FileNotFoundError, match="no file"):
            cls(64, feature_extractor_weights_path="/nowhere/weights.pth")

    def test_features_that_are_none(self, cls):
        metric = metric_of(cls)
        before = {k: list(v) if isinstance(v, list) else v for k, v in metric.metric_state.items()}
        with pytest.raises(ValueError, match="of 3 images have 2 values that are NaN or infinity"):
            metric.update(torch.tensor([[0.0] * 4, [np.nan, np.inf, 0, 0], [0.0] * 4]), real=True)
        with pytest.raises(ValueError, match=r"shape \(2, 4, 1\) for 2 images, expected \(2, d\)"):
            metric.update(torch.zeros(2, 4, 1), real=True)
        with pytest.raises(TypeError, match=r"the network returned torch\.int64"):
            metric.update(torch.zeros(2, 4, dtype=torch.int64), real=True)
        after = metric.metric_state
        assert all(torch.equal(after[k], v) for k, v in before.items() if not isinstance(v, list))
        assert all(after[k] == v for k, v in before.items() if isinstance(v, list))

    def test_what_torchmetrics_asks_of_a_class(self, cls):
        theirs = {
            FrechetInceptionDistance: UpstreamFID,
            KernelInceptionDistance: UpstreamKID,
            MemorizationInformedFrechetInceptionDistance: UpstreamMiFID,
        }[cls]
        for name in (
            "higher_is_better",
            "is_differentiable",
            "full_state_update",
            "plot_lower_bound",
            "plot_upper_bound",
            "feature_network",
        ):
            assert getattr(cls, name) == getattr(theirs, name)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("subsets", 0),
        ("subsets", 2.0),
        ("subset_size", 1),
        ("subset_size", "many"),
        ("degree", 0),
        ("gamma", -1.0),
        ("gamma", "a"),
        ("coef", 0.0),
        ("coef", None),
        ("method", "fast"),
        ("method", "moments"),
    ],
)
def test_arguments_of_kid(name, wrong):
    with pytest.raises(ValueError, match=name):
        KernelInceptionDistance(Colors(), **{name: wrong})


def test_a_size_of_subsets_has_no_effect_on_all_samples():
    with pytest.raises(
        ValueError, match=r"subset_size=20 has no effect on subsets=None, .*leave it"
    ):
        KernelInceptionDistance(Colors(), subsets=None, subset_size=20)
    KernelInceptionDistance(Colors(), subsets=None, subset_size=1000)  # the default there


def test_moments_need_a_small_known_width():
    options = {"subsets": None, "method": "moments"}
    with pytest.raises(ValueError, match="needs the network's width; give it an attribute"):
        KernelInceptionDistance(Colors(), **options)
    with pytest.raises(ValueError, match=r"degree 3 has 1\.44e\+09 moments at d = 2048"):
        KernelInceptionDistance(Given(2048), **options)
    with pytest.raises(ValueError, match="degree 4 has"):
        KernelInceptionDistance(Given(2), degree=4, **options)
    with pytest.raises(ValueError, match="returned 5 columns, which is not its num_features"):
        KernelInceptionDistance(Given(4), **options).update(torch.zeros(2, 5), real=True)


@pytest.mark.parametrize(("cls", "name"), [(InceptionScore, "splits"), (TWO_SAMPLES[2], "eps")])
@pytest.mark.parametrize("wrong", [0, -1, "one", 1.5])
def test_other_arguments(cls, name, wrong):
    name = "cosine_distance_eps" if name == "eps" else name
    with pytest.raises(ValueError, match=name):
        cls(Colors(), **{name: wrong})


def test_logits_for_those_who_take_them():
    with pytest.raises(TypeError, match="feature is 'logits_unbiased'"):
        FrechetInceptionDistance("logits_unbiased")
    metric = InceptionScore(feature_extractor_weights_path="random")
    assert metric.inception.num_features == 1008
    assert metric.inception.features == ("logits_unbiased",)


@pytest.mark.parametrize("module", ["fid", "kid", "inception", "mifid"])
def test_examples_run(module):
    result = doctest.testmod(importlib.import_module(f"parzen.torchmetrics.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )


def test_without_what_is_not_needed():
    # torchmetrics asks importlib.metadata what there is.
    code = """
import importlib.metadata, sys
absent = {"torch_fidelity", "torchvision", "matplotlib", "sklearn", "skimage", "pandas"}
found = importlib.metadata.distribution
def distribution(name):
    if name in absent:
        raise importlib.metadata.PackageNotFoundError(name)
    return found(name)
importlib.metadata.distribution = distribution
for name in absent:
    sys.modules[name] = None
import torch
from parzen.torchmetrics import FrechetInceptionDistance
metric = FrechetInceptionDistance(64, feature_extractor_weights_path="random")
metric.update(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), real=True)
print(int(metric.real_features_num_samples))
"""
    done = run(code)
    assert done.stdout.strip() == "2", done.stderr


def test_parzen_does_not_import_it():
    done = run("import sys, parzen; print('torchmetrics' in sys.modules, 'torch' in sys.modules)")
    assert done.stdout.strip() == "False False"
