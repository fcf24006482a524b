"""The metrics of parzen.torchmetrics beside those of torchmetrics, and their life in a loop."""

import copy
import doctest
import importlib
import json
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

import parzen
import reference
from parzen import SmallSampleWarning

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
torchmetrics = pytest.importorskip("torchmetrics")

from torchmetrics.image import mifid as upstream_mifid  # noqa: E402
from torchmetrics.image.fid import FrechetInceptionDistance as UpstreamFID  # noqa: E402
from torchmetrics.image.inception import InceptionScore as UpstreamInceptionScore  # noqa: E402
from torchmetrics.image.kid import KernelInceptionDistance as UpstreamKID  # noqa: E402

from parzen.torchmetrics import (  # noqa: E402
    FrechetInceptionDistance,
    InceptionScore,
    KernelInceptionDistance,
    MemorizationInformedFrechetInceptionDistance,
)
from parzen.vision import InceptionV3, resize_images  # noqa: E402

UpstreamMiFID = upstream_mifid.MemorizationInformedFrechetInceptionDistance
TWO_SAMPLES = [
    FrechetInceptionDistance,
    KernelInceptionDistance,
    MemorizationInformedFrechetInceptionDistance,
]


class Given(torch.nn.Module):
    """A network that takes features for images."""

    def __init__(self, d):
        super().__init__()
        self.num_features = d

    def forward(self, x):
        return x


class Colors(torch.nn.Module):
    """A network of uint8 images: nine numbers an image."""

    def forward(self, images):
        wide = images.float() / 255
        return torch.cat([wide.mean((2, 3)), wide.std((2, 3)), wide.amax((2, 3))], dim=1)


def upstream(metric, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that features are kept
        return metric(*args, **kwargs)


def features(rng, n, m, d, rank=None, offset=0.0):
    """Like Inception's: non-negative, correlated, their mean as large as their spread."""
    mix = rng.normal(size=(rank or d, d)) / np.sqrt(d)
    real = np.abs(rng.normal(size=(n, len(mix))) @ mix)
    fake = np.abs(1.2 * rng.normal(size=(m, len(mix))) @ mix)
    if rank:  # the absolute value would raise it
        real, fake = (rng.normal(size=(k, rank)) @ mix for k in (n, m))
    return torch.from_numpy(real + offset), torch.from_numpy(fake + offset)


def images(*shape, seed=0, low=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, 256, shape, dtype=torch.uint8, generator=generator)


def fill(metric, real, fake, size=37):
    for rows, side in ((real, True), (fake, False)):
        for batch in rows.split(size):
            metric.update(batch, real=side)
    return metric


@pytest.fixture
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallSampleWarning)
        yield


class TestFrechetInceptionDistance:
    @pytest.mark.parametrize(
        ("n", "m", "d", "rank"),
        [(300, 300, 8, None), (400, 311, 33, None), (90, 70, 100, None), (250, 170, 40, 7)],
    )
    def test_equals_torchmetrics(self, n, m, d, rank, rng, quiet):
        pair = features(rng, n, m, d, rank)
        ours = fill(FrechetInceptionDistance(Given(d)), *pair).compute()
        theirs = fill(UpstreamFID(Given(d)), *pair).compute()
        assert ours.dtype == theirs.dtype == torch.float64
        assert ours.shape == theirs.shape
        assert ours.item() == pytest.approx(parzen.fid(*pair), rel=1e-11)
        # Where a covariance is singular they add the roots of up to d eigenvalues that are 0 but
        # for rounding.
        singular = rank is not None or min(n, m) <= d
        sizes = [np.linalg.norm(np.cov(x.numpy(), rowvar=False), 2) for x in pair]
        rounding = 2 * d * np.sqrt(2.0**-53 * sizes[0] * sizes[1]) if singular else 0.0
        assert abs(ours - theirs) <= 1e-9 * theirs + rounding

    def test_a_far_origin_costs_nothing(self, rng):
        # About a mean 1e4 times the spread sums of squares have lost 8 digits.
        pair = features(rng, 300, 250, 8, offset=1e4)
        ours = fill(FrechetInceptionDistance(Given(8)), *pair).compute()
        assert ours.item() == pytest.approx(reference.fid(*map(np.asarray, pair)), rel=1e-10)

    def test_float32_features(self, rng):
        pair = tuple(x.float() for x in features(rng, 200, 150, 16))
        value = fill(FrechetInceptionDistance(Given(16)), *pair).compute()
        assert value.dtype == torch.float32
        wide = parzen.fid(*(x.double() for x in pair))
        assert value.item() == pytest.approx(wide, rel=1e-7)

    def test_batches_change_nothing(self, rng):
        pair = features(rng, 200, 150, 5)
        whole = fill(FrechetInceptionDistance(Given(5)), *pair, size=200).compute()
        for size in (1, 7, 150):
            parts = fill(FrechetInceptionDistance(Given(5)), *pair, size=size).compute()
            assert parts.item() == pytest.approx(whole.item(), rel=1e-12)

    def test_an_empty_batch_adds_nothing(self, rng):
        pair = features(rng, 50, 50, 5)
        metric = fill(FrechetInceptionDistance(Given(5)), *pair)
        before = metric.compute()
        metric.update(torch.empty(0, 5, dtype=torch.float64), real=True)
        assert metric.compute() == before

    def test_the_sums_of_torchmetrics_can_be_read(self, rng):
        pair = features(rng, 60, 50, 4)
        ours = fill(FrechetInceptionDistance(Given(4)), *pair)
        theirs = fill(UpstreamFID(Given(4)), *pair)
        for side in ("real", "fake"):
            for part in ("num_samples", "sum", "cov_sum"):
                name = f"{side}_features_{part}"
                torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))

    def test_loads_a_checkpoint_of_torchmetrics(self, rng):
        pair = features(rng, 60, 50, 4)
        theirs = fill(UpstreamFID(Given(4)), *pair)
        theirs.persistent(True)
        ours = FrechetInceptionDistance(Given(4))
        ours.load_state_dict(theirs.state_dict())
        with pytest.warns(UserWarning, match="before the ``update``"):
            assert ours.compute().item() == pytest.approx(theirs.compute().item(), rel=1e-6)

    def test_the_width_is_asked_of_the_network(self):
        assert FrechetInceptionDistance(Colors()).real_moments.shape == (10, 10)
        declared = FrechetInceptionDistance(Given(torch.tensor(6)))
        assert declared.real_moments.shape == (7, 7)
        flat = FrechetInceptionDistance(
            torch.nn.Flatten(), normalize=True, input_img_size=(1, 2, 3)
        )
        assert flat.real_moments.shape == (7, 7)
        with pytest.raises(TypeError, match="num_features is 'six', expected an int or Tensor"):
            FrechetInceptionDistance(Given("six"))

    def test_few_images(self):
        metric = FrechetInceptionDistance(Colors())
        metric.update(images(1, 3, 4, 4), real=True)
        metric.update(images(20, 3, 4, 4), real=False)
        with pytest.raises(RuntimeError, match=r"are 1 real and 20 fake images, .* at least 2"):
            metric.compute()
        metric.update(images(1, 3, 4, 4, seed=1), real=True)
        with pytest.warns(SmallSampleWarning, match="real has 2 samples of 9 features"):
            metric.compute()


class TestKernelInceptionDistance:
    @pytest.mark.parametrize(
        "kernel",
        [{}, {"degree": 2, "gamma": 0.1, "coef": 0.5}, {"degree": 1}],
        ids=["defaults", "quadratic", "linear"],
    )
    @pytest.mark.parametrize(
        ("n", "m", "subsets", "size"), [(120, 120, 5, 60), (150, 90, 3, 90), (40, 61, 4, 2)]
    )
    def test_equals_torchmetrics_after_the_same_seed(self, n, m, subsets, size, kernel, rng):
        pair = features(rng, n, m, 24)
        options = {"subsets": subsets, "subset_size": size, **kernel}
        ours = fill(KernelInceptionDistance(Given(24), **options), *pair)
        theirs = fill(upstream(UpstreamKID, Given(24), **options), *pair)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            found = ours.compute()
            after = torch.get_rng_state()
            torch.manual_seed(3)
            expected = theirs.compute()
            assert torch.equal(after, torch.get_rng_state())
        k = reference.polynomial(*map(np.asarray, pair)).mean()
        for mine, other in zip(found, expected, strict=True):
            assert mine.dtype == other.dtype == torch.float64
            assert abs(mine - other) <= 1e-12 * k + 1e-9 * abs(other)

    def test_float32_features(self, rng):
        pair = tuple(x.float() for x in features(rng, 100, 100, 24))
        mean, std = fill(KernelInceptionDistance(Given(24), 3, 50), *pair).compute()
        assert mean.dtype == std.dtype == torch.float32

    @pytest.mark.parametrize("degree", [1, 2, 3])
    def test_all_samples_from_rows_and_from_moments(self, degree, rng):
        pair = features(rng, 130, 90, 12)
        expected = parzen.kid(*pair, degree=degree, subsets=None)
        rows = KernelInceptionDistance(Given(12), None, degree=degree)
        mean, stderr = fill(rows, *pair).compute()
        assert mean.item() == expected.mean
        assert stderr.item() == expected.std
        few = KernelInceptionDistance(Given(12), None, degree=degree, method="moments")
        value, unknown = fill(few, *pair).compute()
        k = reference.polynomial(*map(np.asarray, pair), degree=degree).mean()
        assert abs(value.item() - expected.mean) <= 1e-13 * k
        assert torch.isnan(unknown)
        assert few.estimate().std is None
        assert not any(isinstance(state, list) for state in few.metric_state.values())

    def test_few_images(self, rng):
        metric = fill(KernelInceptionDistance(Given(4)), *features(rng, 30, 20, 4))
        with pytest.raises(ValueError, match="there are 30 real images, subset_size is 1000; pass"):
            metric.compute()
        metric = KernelInceptionDistance(Given(4), subsets=None, method="moments")
        with (
            pytest.warns(UserWarning, match="before the ``update``"),
            pytest.raises(ValueError, match="there are 0 real images, expected at least 2"),
        ):
            metric.compute()

    def test_merges_a_state_of_torchmetrics(self, rng):
        real, fake = features(rng, 60, 50, 4)
        theirs = fill(upstream(UpstreamKID, Given(4), 3, 20), real, fake)
        ours = KernelInceptionDistance(Given(4), 3, 20)
        ours.merge_state(theirs.metric_state)
        expected = value(fill(KernelInceptionDistance(Given(4), 3, 20), real, fake))
        assert value(ours) == pytest.approx(expected, rel=1e-6)


class TestInceptionScore:
    @pytest.mark.parametrize(("n", "splits"), [(100, 10), (103, 10), (25, 4), (7, 10), (30, 1)])
    def test_equals_torchmetrics_after_the_same_seed(self, n, splits, rng):
        logits = torch.from_numpy(3.0 * rng.normal(size=(n, 12)))
        ours = InceptionScore(Given(12), splits=splits)
        theirs = upstream(UpstreamInceptionScore, Given(12), splits=splits)
        for metric in (ours, theirs):
            for batch in logits.split(9):
                metric.update(batch)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            found = ours.compute()
            torch.manual_seed(3)
            expected = upstream(theirs.compute)
        assert found[0].item() == pytest.approx(expected[0].item(), rel=1e-12)
        assert found[1].item() == pytest.approx(expected[1].item(), rel=1e-9, nan_ok=True)
        assert torch.isnan(found[1]) == (splits == 1)

    def test_logits_of_any_size(self):
        metric = InceptionScore(Given(10), splits=1)
        metric.update(1e4 * torch.eye(10))  # log(mean p) of a float32 softmax is NaN here
        assert metric.compute()[0].item() == pytest.approx(10.0, rel=1e-6)

    def test_bytes_for_a_network_of_ones_own(self):
        metric = InceptionScore(Colors(), normalize=True)
        given = images(20, 3, 4, 4)
        metric.update((given.float() + 0.5) / 256)
        torch.testing.assert_close(metric.features[0], Colors()(given), atol=1 / 255, rtol=0)


class TestMemorizationInformed:
    @pytest.mark.parametrize("eps", [0.1, 1.0, 1e-6])
    @pytest.mark.parametrize(("n", "m", "d"), [(80, 60, 9), (40, 50, 64)])
    def test_equals_torchmetrics(self, n, m, d, eps, rng, quiet):
        real, fake = features(rng, n, m, d)
        fake[:30] = 1.3 * real[:30] + 0.02 * fake[:30]
        ours = MemorizationInformedFrechetInceptionDistance(Given(d), cosine_distance_eps=eps)
        theirs = UpstreamMiFID(Given(d), cosine_distance_eps=eps)
        found, expected = (fill(metric, real, fake).compute() for metric in (ours, theirs))
        assert found.item() == pytest.approx(expected.item(), rel=1e-6)
        # Their singular covariances are off by 1e-7; ours follow the rows.
        assert found.item() == parzen.mifid(real, fake, over="real", cosine_distance_eps=eps)

    def test_no_images(self):
        metric = MemorizationInformedFrechetInceptionDistance(Colors())
        metric.update(images(5, 3, 4, 4), real=True)
        with pytest.raises(ValueError, match="there are no fake images; update adds them"):
            metric.compute()


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
    def test_equals_torchmetrics(self, antialias, tmp_path, quiet):
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


def metric_of(cls, d=4, **options):
    if cls is KernelInceptionDistance:
        options = {"subsets": 3, "subset_size": 20, **options}
    return cls(Given(d), **options)


def value(metric):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = metric.compute()
    return (found[0] if isinstance(found, tuple) else found).item()


@pytest.mark.parametrize("cls", TWO_SAMPLES)
class TestLife:
    def test_reset(self, cls, rng):
        real, fake = features(rng, 60, 50, 4)
        other = features(rng, 60, 50, 4)[1]
        for kept in (True, False):
            metric = fill(metric_of(cls, reset_real_features=not kept), real, fake)
            value(metric)
            metric.reset()
            for batch in other.split(20):
                metric.update(batch, real=False)
            if not kept:
                for batch in real.split(20):
                    metric.update(batch, real=True)
            expected = value(fill(metric_of(cls), real, other))
            assert value(metric) == pytest.approx(expected, rel=1e-12)

    def test_a_batch_beside_real_images_that_are_kept(self, cls, rng):
        real, fake = features(rng, 60, 80, 4)
        metric = metric_of(cls, reset_real_features=False)
        metric.update(real, real=True)
        for batch in fake.split(40):
            with torch.random.fork_rng():
                torch.manual_seed(0)
                found = metric(batch, real=False)
            found = found[0] if isinstance(found, tuple) else found
            assert found.item() == pytest.approx(value(fill(metric_of(cls), real, batch, 100)))
        assert value(metric) == pytest.approx(value(fill(metric_of(cls), real, fake, 100)))
        assert metric.update_count == 3

    def test_a_batch_alone_has_no_value_and_harms_nothing(self, cls, rng):
        pair = features(rng, 60, 50, 4)
        metric = fill(metric_of(cls, compute_on_cpu=True), *pair)
        expected = value(metric)
        with pytest.raises((RuntimeError, ValueError), match="real"):
            metric(pair[1], real=False)
        assert value(metric) == expected
        metric.update(pair[1], real=False)
        doubled = torch.cat([pair[1], pair[1]])
        assert value(metric) == pytest.approx(value(fill(metric_of(cls), pair[0], doubled)))

    def test_merge(self, cls, rng):
        real, fake = features(rng, 71, 60, 4)
        first = fill(metric_of(cls), real[:40], fake[:25])
        value(first)
        second = fill(metric_of(cls), real[40:], fake[25:])
        merged = metric_of(cls)
        expected = value(fill(metric_of(cls), real, fake))
        # The rows of what comes in are put first. A dictionary does not say the features' type.
        merged.merge_state(second.metric_state)
        merged.merge_state(first.metric_state)
        assert value(merged) == pytest.approx(expected, rel=1e-6)
        merged.reset()
        merged.merge_state(second)
        merged.merge_state(first)
        assert value(merged) == pytest.approx(expected, rel=1e-12)
        first.merge_state(second)  # a result from before is forgotten
        assert first.update_count == 5
        order = [torch.cat([x[k:], x[:k]]) for x, k in ((real, 40), (fake, 25))]
        assert value(first) == pytest.approx(value(fill(metric_of(cls), *order)), rel=1e-12)
        with pytest.raises(ValueError, match="instance of"):
            first.merge_state(InceptionScore(Given(4)))

    def test_pickle_copy_and_checkpoint(self, cls, rng):
        metric = fill(metric_of(cls), *features(rng, 60, 50, 4))
        expected = value(metric)
        for same in (pickle.loads(pickle.dumps(metric)), copy.deepcopy(metric), metric.clone()):
            assert value(same) == expected
            same._computed = None
            assert value(same) == expected
        assert metric.state_dict() == {}
        metric.persistent(True)
        state = pickle.loads(pickle.dumps(metric.state_dict()))
        loaded = metric_of(cls)
        loaded.load_state_dict(state)
        loaded._update_count = 1
        assert value(loaded) == pytest.approx(expected, rel=1e-6)

    def test_inference_mode(self, cls, rng):
        real, fake = features(rng, 60, 50, 4)
        metric = metric_of(cls)
        with torch.inference_mode():
            fill(metric, real[:30], fake[:30])
        fill(metric, real[30:], fake[30:])
        rows = [torch.cat([x[:30], x[30:]]) for x in (real, fake)]
        assert value(metric.clone()) == pytest.approx(value(fill(metric_of(cls), *rows)), rel=1e-12)
        metric.reset()
        fill(metric, real, fake)

    def test_nothing_holds_a_graph(self, cls, rng):
        real, fake = features(rng, 60, 50, 4)
        metric = metric_of(cls, reset_real_features=False)
        metric.update(real.requires_grad_(), real=True)
        metric(fake.requires_grad_(), real=False)
        for state in metric.metric_state.values():
            for tensor in state if isinstance(state, list) else [state]:
                assert not tensor.requires_grad

    def test_estimate(self, cls, rng):
        metric = fill(metric_of(cls), *features(rng, 60, 50, 4))
        found = metric.estimate()
        number = found.mean if isinstance(found, parzen.KID) else found
        assert type(number) is parzen.Estimate
        result = metric.compute()  # the same draws, for it is the same computation
        assert number == (result[0] if isinstance(result, tuple) else result).item()
        record = json.loads(json.dumps(number.provenance))
        assert record["protocol"] == "torchmetrics"
        assert record["network"] == "Given"
        assert (record["n"], record["m"], record["d"]) == (60, 50, 4)

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

    def test_plot(self, cls, rng):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("Agg")
        metric = fill(metric_of(cls), *features(rng, 60, 50, 4))
        figure, axis = metric.plot()
        assert len(axis.lines) == 1
        one = torch.tensor(0.0)
        assert metric.plot([one, one], ax=axis)[1] is axis
        assert metric.plot(one, ax=axis)[1] is axis  # a zero is a value
        matplotlib.pyplot.close(figure)

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


class TestInceptionScoreLife:
    def test_batches_have_values(self, rng):
        logits = torch.from_numpy(3.0 * rng.normal(size=(60, 5)))
        metric = InceptionScore(Given(5), splits=1)
        for batch in logits.split(20):
            mean, _ = metric(batch)
            expected = parzen.inception_score(batch, splits=1).mean
            assert mean.item() == pytest.approx(expected, rel=1e-12)
        expected = parzen.inception_score(logits, splits=1)
        assert value(metric) == pytest.approx(expected.mean, rel=1e-12)
        found = metric.estimate()
        assert found.diversity == pytest.approx(expected.diversity, rel=1e-12)
        assert found.sharpness.stderr == pytest.approx(expected.sharpness.stderr, rel=1e-9)

    def test_merge_reset_and_plot(self, rng):
        logits = torch.from_numpy(3.0 * rng.normal(size=(60, 5)))
        one, two = InceptionScore(Given(5), splits=1), InceptionScore(Given(5), splits=1)
        one.update(logits[:20])
        two.update(logits[20:])
        one.merge_state(two)
        expected = parzen.inception_score(logits, splits=1).mean
        assert value(one) == pytest.approx(expected, rel=1e-12)
        one.reset()
        with (
            pytest.warns(UserWarning, match="before the ``update``"),
            pytest.raises(ValueError, match="there are no images"),
        ):
            one.compute()


class TestCollections:
    def test_a_compute_group_shares_its_state(self, rng):
        real, fake = features(rng, 60, 50, 4)
        network = Given(4)
        options = {"subsets": 2, "subset_size": 20}
        alone = {
            "fid": FrechetInceptionDistance(network),
            "fid_again": FrechetInceptionDistance(network),
            "kid": KernelInceptionDistance(network, **options),
            "kid_kept": KernelInceptionDistance(network, reset_real_features=False, **options),
            "mifid": MemorizationInformedFrechetInceptionDistance(network),
        }
        together = torchmetrics.MetricCollection({k: m.clone() for k, m in alone.items()})
        for _ in range(2):  # and after a reset
            for batches, side in ((real.split(20), True), (fake.split(20), False)):
                for batch in batches:
                    together.update(batch, real=side)
            groups = {frozenset(group) for group in together.compute_groups.values()}
            assert groups == {
                frozenset({"fid", "fid_again"}),
                frozenset({"kid", "mifid"}),
                frozenset({"kid_kept"}),
            }
            with torch.random.fork_rng():
                torch.manual_seed(0)
                found = together.compute()
            assert found["fid"] == found["fid_again"]
            assert found["fid"].item() == pytest.approx(value(fill(alone["fid"], real, fake, 20)))
            assert found["mifid"] == fill(alone["mifid"], real, fake, 20).compute()
            assert len(together["kid"].real_features) == 3
            for metric in alone.values():
                metric.reset()
            kept = len(together["kid_kept"].real_features)
            together.reset()
            assert len(together["kid_kept"].real_features) == kept
            assert len(together["kid"].real_features) == len(together["mifid"].real_features) == 0

    def test_shared_features(self):
        from torchmetrics.wrappers import FeatureShare

        class Counted(Colors):
            calls = 0

            def forward(self, batch):
                Counted.calls += 1
                return super().forward(batch)

        shared = FeatureShare(
            [FrechetInceptionDistance(Counted()), KernelInceptionDistance(Counted(), 2, 20)]
        )
        before = Counted.calls
        for seed in range(2):
            shared.update(images(30, 3, 4, 4, seed=seed), real=bool(seed))
        assert Counted.calls == before + 2
        assert set(shared.compute()) == {"FrechetInceptionDistance", "KernelInceptionDistance"}


def parts(rank):
    """What each of two processes sees: batches uneven in number and size; one has few fakes."""
    rng = np.random.default_rng(5)
    real, fake = features(rng, 90, 70, 4)
    if rank is None:
        return real.split(20), fake.split(20)
    if rank == 0:
        return real[:50].split(20), fake[:70].split(20)
    return real[50:].split(7), ()


def gathered(rank, folder):
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.set_num_threads(1)
    metrics = everything()
    real, fake = parts(rank)
    for name, metric in metrics.items():
        for side, batches in ((True, real), (False, fake)):
            for batch in batches:
                metric.update(batch, **({} if name == "score" else {"real": side}))
    results = {}
    for name, metric in metrics.items():
        torch.manual_seed(0)
        results[name] = metric.compute()
        metric.sync()
        if name == "fid":
            results["counts"] = (
                int(metric.real_features_num_samples),
                int(metric.fake_features_num_samples),
            )
        metric.unsync()
        metric.update(real[0], **({} if name == "score" else {"real": True}))
    # No process has images of this one: the same error on both, and nobody waits for the other.
    empty = KernelInceptionDistance(Given(4))
    try:
        upstream(empty.compute)
    except ValueError as error:
        results["empty"] = str(error)
    torch.save(results, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def everything():
    kid = {"subsets": 3, "subset_size": 20}
    return {
        "fid": FrechetInceptionDistance(Given(4)),
        "kid": KernelInceptionDistance(Given(4), **kid),
        "all": KernelInceptionDistance(Given(4), subsets=None),
        "moments": KernelInceptionDistance(Given(4), subsets=None, method="moments"),
        "score": InceptionScore(Given(4), splits=3),
        "mifid": MemorizationInformedFrechetInceptionDistance(Given(4)),
    }


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch has no gloo")
def test_two_processes_give_the_number_of_one(tmp_path):
    torch.multiprocessing.spawn(gathered, (str(tmp_path),), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    real, fake = parts(None)
    for name, metric in everything().items():
        if name == "score":  # its rows come in the order of the processes
            (first_real, first_fake), (second_real, _) = parts(0), parts(1)
            for batch in (*first_real, *first_fake, *second_real):
                metric.update(batch)
        else:
            fill(metric, torch.cat(real), torch.cat(fake))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            expected = metric.compute()
        for result in found:
            torch.testing.assert_close(
                result[name], expected, rtol=1e-12, atol=1e-15, equal_nan=True
            )
    assert found[0]["counts"] == found[1]["counts"] == (90, 70)
    assert "there are no real images" in found[0]["empty"]
    assert found[0]["empty"] == found[1]["empty"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("cls", TWO_SAMPLES)
def test_on_a_device(cls, rng):
    pair = features(rng, 90, 80, 4)
    metric = fill(metric_of(cls).to("cuda"), *(x.cuda() for x in pair))
    number = value(metric)
    found = metric.compute()
    found = found if isinstance(found, tuple) else (found,)
    assert all(tensor.device.type == "cuda" for tensor in found)
    assert number == pytest.approx(value(fill(metric_of(cls), *pair)), rel=1e-9)
    metric.to("cpu")
    metric._computed = None
    assert value(metric) == pytest.approx(number, rel=1e-12)


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


@pytest.mark.parametrize("missing", ["torchmetrics", "torch"])
def test_what_is_missing_is_named_with_its_extra(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import parzen.torchmetrics"
    done = run(code)
    assert f"parzen.torchmetrics needs {missing}: pip install 'parzen[torchmetrics]'" in done.stderr


def test_parzen_does_not_import_it():
    done = run("import sys, parzen; print('torchmetrics' in sys.modules, 'torch' in sys.modules)")
    assert done.stdout.strip() == "False False"
