"""The real packages with our functions in place: the same numbers, generators, errors and types."""

import pickle

import numpy as np
import pytest

import parzen


@pytest.fixture
def patched():
    """Run a function as it is and patched."""

    def both(function):
        parzen.unpatch()
        before = function()
        parzen.patch(quiet=True)
        return before, function()

    yield both
    parzen.unpatch()


class TestScikitLearn:
    """It is there wherever the tests are."""

    @pytest.fixture
    def estimator(self):
        return pytest.importorskip("sklearn.neighbors").KernelDensity

    @pytest.mark.parametrize("kernel", ["gaussian", "exponential", "epanechnikov"])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_score_samples(self, patched, rng, estimator, kernel, weighted):
        x, q = rng.normal(size=(200, 4)), rng.normal(size=(20, 4)) / 2
        weights = rng.uniform(size=200) if weighted else None
        fitted = estimator(bandwidth=2.0, kernel=kernel).fit(x, sample_weight=weights)
        before, after = patched(lambda: fitted.score_samples(q))
        np.testing.assert_allclose(after, before, rtol=1e-10)
        assert not np.array_equal(after, before)  # so it was ours
        assert after.dtype == before.dtype
        again = pickle.loads(pickle.dumps(fitted))
        assert np.array_equal(again.score_samples(q), after)
        assert fitted.score(q) == pytest.approx(before.sum(), rel=1e-10)

    @pytest.mark.parametrize(
        "options",
        [
            {"metric": "manhattan"},
            {"metric": "minkowski", "metric_params": {"p": 3}},
            {"kernel": "tophat"},
            {"rtol": 0.1},
        ],
    )
    def test_what_stays_with_the_tree(self, patched, rng, estimator, options):
        x, q = rng.normal(size=(200, 2)), rng.normal(size=(20, 2)) / 2
        fitted = estimator(bandwidth=2.0, **options).fit(x)
        before, after = patched(lambda: fitted.score_samples(q))
        assert np.array_equal(after, before)

    def test_errors_are_its_own(self, rng, estimator):
        parzen.patch(quiet=True)
        try:
            with pytest.raises(ValueError, match="is not fitted yet"):
                estimator().score_samples([[0.0]])
            fitted = estimator().fit(rng.normal(size=(20, 2)))
            with pytest.raises(ValueError, match="X has 3 features, but KernelDensity"):
                fitted.score_samples(np.zeros((4, 3)))
            with pytest.raises(ValueError, match="Input X contains NaN"):
                fitted.score_samples([[np.nan, 0.0]])
        finally:
            parzen.unpatch()


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
class TestTorchmetrics:
    torch = pytest.importorskip("torch")

    def updated(self, metric, *samples):
        for sample, real in zip(samples, (True, False), strict=True):
            metric.update(sample, real=real)
        return metric

    @pytest.fixture
    def identity(self):
        module = self.torch.nn.Identity()
        module.num_features = 8
        return module

    @pytest.fixture
    def samples(self, rng):
        return [self.torch.from_numpy(rng.normal(size=(n, 8)) + 0.1 * n) for n in (40, 30)]

    def test_kid(self, patched, identity, samples):
        kind = pytest.importorskip("torchmetrics.image.kid").KernelInceptionDistance

        def run():
            metric = self.updated(kind(identity, subsets=5, subset_size=20), *samples)
            self.torch.manual_seed(3)
            return metric.compute(), self.torch.rand(1)

        (before, left), (after, left_after) = patched(run)
        self.torch.testing.assert_close(after, before, rtol=1e-10, atol=0.0)
        assert left == left_after
        assert [type(value) for value in after] == [type(value) for value in before]

    def test_kid_of_too_few_samples(self, identity, samples):
        kind = pytest.importorskip("torchmetrics.image.kid").KernelInceptionDistance
        parzen.patch(quiet=True)
        try:
            metric = self.updated(kind(identity, subset_size=50), *samples)
            with pytest.raises(ValueError, match="`subset_size` should be smaller"):
                metric.compute()
            with pytest.raises(ValueError, match="No samples to concatenate"):
                kind(identity).compute()
        finally:
            parzen.unpatch()

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_fid(self, patched, identity, samples, dtype):
        kind = pytest.importorskip("torchmetrics.image.fid").FrechetInceptionDistance
        cast = [sample.to(getattr(self.torch, dtype)) for sample in samples]
        before, after = patched(lambda: self.updated(kind(identity), *cast).compute())
        self.torch.testing.assert_close(after, before, rtol=1e-6, atol=0.0)

    def test_gradients_are_its_own(self, patched, rng):
        module = pytest.importorskip("torchmetrics.image.fid")
        sigma = self.torch.from_numpy(np.cov(rng.normal(size=(30, 3)), rowvar=False))
        zero = self.torch.zeros(3, dtype=self.torch.float64)

        def run():
            mean = self.torch.ones(3, dtype=self.torch.float64, requires_grad=True)
            module._compute_fid(mean, sigma, zero, 2 * sigma).backward()
            return mean.grad

        before, after = patched(run)
        assert self.torch.equal(before, after)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
class TestOthers:
    def test_torch_fidelity_says_what_it_says(self, patched, rng, capsys):
        module = pytest.importorskip("torch_fidelity.metric_kid")
        import torch

        x, y = (torch.from_numpy(rng.normal(size=(n, 8))) for n in (40, 30))
        said = []

        def run():
            found = module.kid_features_to_metric(x, y, kid_subsets=3, kid_subset_size=20)
            said.append(capsys.readouterr().err.splitlines()[-1])
            return found

        before, after = patched(run)
        assert after == pytest.approx(before, rel=1e-10)
        assert said[0] == said[1]
        assert said[0].startswith("Kernel Inception Distance: ")

    def test_vendi_score_ignores_its_order(self, patched, rng):
        """As its own `score_X` does."""
        vendi = pytest.importorskip("vendi_score.vendi")
        x = rng.normal(size=(50, 4))
        for function in (vendi.score_X, vendi.score_dual):
            before, after = patched(lambda function=function: function(x, q=2))
            assert after == pytest.approx(before, rel=1e-10)

    def test_pytorch_fid_command(self, patched, rng, tmp_path, capsys):
        """Two files of statistics: whole, but for the network, which is never run."""
        module = pytest.importorskip("pytorch_fid.fid_score")
        paths = [str(tmp_path / f"{i}.npz") for i in range(2)]
        for path in paths:
            x = rng.normal(size=(100, 5))
            np.savez(path, mu=x.mean(axis=0), sigma=np.cov(x, rowvar=False))

        def run():
            statistics = (module.compute_statistics_of_path(p, None, 1, 5, "cpu") for p in paths)
            (m1, s1), (m2, s2) = statistics
            return module.calculate_frechet_distance(m1, s1, m2, s2)

        before, after = patched(run)
        assert after == pytest.approx(before, rel=1e-10)
        assert type(after) is type(before)
