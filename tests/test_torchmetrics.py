"""The numbers of parzen.torchmetrics beside those of torchmetrics, on the same features."""

# ruff: noqa: E402

import numpy as np
import pytest

import parzen
import reference
from parzen import SmallSampleWarning

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
torchmetrics = pytest.importorskip("torchmetrics")

from torchmetrics.image.fid import FrechetInceptionDistance as UpstreamFID
from torchmetrics.image.inception import InceptionScore as UpstreamInceptionScore
from torchmetrics.image.kid import KernelInceptionDistance as UpstreamKID
from torchmetrics.image.mifid import MemorizationInformedFrechetInceptionDistance as UpstreamMiFID

from image_metrics import (
    Colors,
    Given,
    features,
    fill,
    images,
    upstream,
    value,
)
from parzen.torchmetrics import (
    FrechetInceptionDistance,
    InceptionScore,
    KernelInceptionDistance,
    MemorizationInformedFrechetInceptionDistance,
)


class TestFrechetInceptionDistance:
    @pytest.mark.parametrize(
        ("n", "m", "d", "rank"),
        [(300, 300, 8, None), (400, 311, 33, None), (90, 70, 100, None), (250, 170, 40, 7)],
    )
    @pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
    def test_equals_torchmetrics(self, n, m, d, rank, rng):
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
        before = torch.get_rng_state()
        assert FrechetInceptionDistance(Colors()).real_moments.shape == (10, 10)
        declared = FrechetInceptionDistance(Given(torch.tensor(6)))
        assert declared.real_moments.shape == (7, 7)
        flat = FrechetInceptionDistance(
            torch.nn.Flatten(), normalize=True, input_img_size=(1, 2, 3)
        )
        assert flat.real_moments.shape == (7, 7)
        assert torch.equal(torch.get_rng_state(), before)
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

    def test_probabilities_for_logits_are_warned_of(self):
        metric = InceptionScore(Given(10), splits=1)
        metric.update(torch.randn(30, 10, generator=torch.Generator().manual_seed(0)).softmax(1))
        with pytest.warns(parzen.LogitsWarning, match=r"InceptionScore: every row of logits is >="):
            metric.compute()

    def test_bytes_for_a_network_of_ones_own(self):
        metric = InceptionScore(Colors(), normalize=True)
        given = images(20, 3, 4, 4)
        metric.update((given.float() + 0.5) / 256)
        torch.testing.assert_close(metric.features[0], Colors()(given), atol=1 / 255, rtol=0)


class TestMemorizationInformed:
    @pytest.mark.parametrize("eps", [0.1, 1.0, 1e-6])
    @pytest.mark.parametrize(("n", "m", "d"), [(80, 60, 9), (40, 50, 64)])
    @pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
    def test_equals_torchmetrics(self, n, m, d, eps, rng):
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
