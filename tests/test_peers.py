"""Parity with the packages whose numbers people publish, on the same features."""

import numpy as np
import pytest

import parzen

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def features(rng):
    """Features like Inception's: non-negative, correlated, their mean as large as their spread."""
    mix = rng.normal(size=(64, 64)) / 8.0
    return tuple(
        np.abs(scale * rng.normal(size=(n, 64)) @ mix) for n, scale in ((700, 1), (600, 1.1))
    )


class TestTorchFidelity:
    torch = pytest.importorskip("torch")

    def tensors(self, *arrays):
        return tuple(self.torch.from_numpy(a) for a in arrays)

    @pytest.mark.parametrize("options", [{}, {"degree": 2, "gamma": 0.05, "coef0": 0.5}])
    def test_kid(self, features, options):
        peer = pytest.importorskip("torch_fidelity.metric_kid")
        theirs = peer.kid_features_to_metric(
            *self.tensors(*features),
            kid_subsets=10,
            kid_subset_size=500,
            rng_seed=2020,
            verbose=False,
            **{f"kid_kernel_poly_{name}": value for name, value in options.items()},
        )
        ours = parzen.kid(*features, subsets=10, subset_size=500, **options)
        assert ours.mean == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)
        assert ours.std == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-9)

    def test_fid(self, features):
        peer = pytest.importorskip("torch_fidelity.metric_fid")
        statistics = [peer.fid_features_to_statistics(t) for t in self.tensors(*features)]
        theirs = peer.fid_statistics_to_metric(*statistics, verbose=False)
        assert parzen.fid(*features) == pytest.approx(
            theirs["frechet_inception_distance"], rel=1e-9
        )

    @pytest.mark.parametrize(("splits", "seed"), [(10, 2020), (3, 7)])
    def test_inception_score(self, features, splits, seed):
        peer = pytest.importorskip("torch_fidelity.metric_isc")
        logits = 3.0 * features[0].astype(np.float32)
        theirs = peer.isc_features_to_metric(*self.tensors(logits), splits=splits, rng_seed=seed)
        ours = parzen.inception_score(logits, splits=splits, seed=seed)
        assert ours.mean == pytest.approx(theirs["inception_score_mean"], rel=1e-12)
        assert ours.std == pytest.approx(theirs["inception_score_std"], rel=1e-9)

    def test_precision_recall(self, features):
        peer = pytest.importorskip("torch_fidelity.metric_prc")
        real, fake = features
        # Their first input is the generated one.
        theirs = peer.prc_features_to_metric(*self.tensors(fake, real), verbose=False)
        ours = parzen.precision_recall(real, fake)
        # Theirs is a float32 mean of zeros and ones.
        assert ours.precision == pytest.approx(theirs["precision"], rel=1e-6)
        assert ours.recall == pytest.approx(theirs["recall"], rel=1e-6)


class TestTorchmetrics:
    torch = pytest.importorskip("torch")

    def test_frechet_distance(self, features):
        peer = pytest.importorskip("torchmetrics.image.fid")
        statistics = [s for x in features for s in (x.mean(axis=0), np.cov(x, rowvar=False))]
        theirs = peer._compute_fid(*map(self.torch.from_numpy, statistics))
        ours = parzen.frechet_distance(*statistics)
        assert ours == pytest.approx(theirs.item(), rel=1e-9)

    def test_kid_of_equal_sizes(self, features):
        peer = pytest.importorskip("torchmetrics.image.kid")
        x, y = (f[:600] for f in features)
        theirs = peer.poly_mmd(self.torch.from_numpy(x), self.torch.from_numpy(y)).item()
        assert parzen.kid(x, y, subsets=None).mean == pytest.approx(theirs, rel=1e-9)

    @pytest.mark.parametrize("eps", [0.1, 0.001])
    def test_mifid(self, features, eps):
        peer = pytest.importorskip("torchmetrics.image.mifid")
        real, fake = features[0], np.concatenate([features[1], features[0][:300] + 0.01])
        states = [
            self.torch.from_numpy(s)
            for x in (real, fake)
            for s in (x.mean(axis=0), np.cov(x, rowvar=False), x)
        ]
        theirs = peer._mifid_compute(*states, cosine_distance_eps=eps).item()
        ours = parzen.mifid(real, fake, cosine_distance_eps=eps, over="real")
        assert ours == pytest.approx(theirs, rel=1e-8)


def test_pytorch_fid(features):
    pytest.importorskip("torchvision")
    peer = pytest.importorskip("pytorch_fid.fid_score")
    statistics = [s for x in features for s in (x.mean(axis=0), np.cov(x, rowvar=False))]
    try:
        theirs = peer.calculate_frechet_distance(*statistics)
    except TypeError:
        pytest.skip("its sqrtm(disp=) is gone from this SciPy")
    assert parzen.frechet_distance(*statistics) == pytest.approx(theirs, rel=1e-8)
    assert parzen.fid(*features) == pytest.approx(theirs, rel=1e-8)


@pytest.mark.parametrize("k", [3, 5])
def test_prdc(features, k, capsys):
    peer = pytest.importorskip("prdc")
    theirs = peer.compute_prdc(*features, nearest_k=k)
    ours = parzen.precision_recall(*features, k=k)
    # Its < and our <= differ on ties only, which continuous features do not have.
    assert ours._asdict() == pytest.approx(theirs, rel=1e-12)


def test_scikit_learn_kernel_density(rng):
    peer = pytest.importorskip("sklearn.neighbors")
    x, q = rng.normal(size=(500, 4)), rng.normal(size=(100, 4))
    theirs = peer.KernelDensity(bandwidth=0.5).fit(x).score_samples(q)
    np.testing.assert_allclose(parzen.log_density(x, q, bandwidth=0.5), theirs, rtol=1e-9)


def test_scipy_gaussian_kde(rng):
    stats = pytest.importorskip("scipy.stats")
    x, q = rng.normal(size=(500, 3)), rng.normal(size=(100, 3))
    # SciPy's window has the shape of the covariance; whitened samples make it round.
    x -= x.mean(axis=0)
    x = np.linalg.solve(np.linalg.cholesky(np.cov(x, rowvar=False)), x.T).T
    theirs = stats.gaussian_kde(x.T).logpdf(q.T)
    np.testing.assert_allclose(
        parzen.KernelDensity("scott").fit(x).score_samples(q), theirs, rtol=1e-9
    )


@pytest.mark.parametrize("q", [0.5, 1, 2, "inf"])
@pytest.mark.parametrize("normalize", [True, False])
def test_vendi_score(features, q, normalize):
    peer = pytest.importorskip("vendi_score.vendi")
    x = features[0]
    theirs = peer.score_dual(x, q=q, normalize=normalize)
    ours = parzen.vendi_score(x, q=q, normalize=normalize, blocks=None)
    assert ours == pytest.approx(theirs, rel=1e-9)
    kernel = np.exp(-np.square(x[:100, None] - x[None, :100]).sum(axis=-1) / 20.0)
    theirs = peer.score_K(kernel, q=q)
    assert parzen.vendi_score_from_kernel(kernel, q=q) == pytest.approx(theirs, rel=1e-9)
