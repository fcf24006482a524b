"""KID of parzen.compat.cleanfid and parzen.compat.torch_fidelity."""

import numpy as np
import pytest

import parzen
from compat_features import SHAPES, inception_like
from parzen.compat import cleanfid, torch_fidelity
from parzen.compat.torch_fidelity import kid_features_to_metric

MEAN, STD = "kernel_inception_distance_mean", "kernel_inception_distance_std"


def naive_mmd(x, y, kernel):
    m = len(x)
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    within = xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)
    return within / (m * (m - 1)) - 2.0 * xy.mean()


def polynomial(degree=3, gamma=None, coef0=1.0):
    return lambda x, y: ((1.0 / x.shape[1] if gamma is None else gamma) * x @ y.T + coef0) ** degree


def gaussian(sigma):
    return lambda x, y: np.exp(-np.square(x[:, None] - y[None]).sum(axis=2) / (2.0 * sigma * sigma))


@pytest.fixture(params=SHAPES, ids=str)
def features(request, rng):
    return inception_like(rng, *request.param)


def cleanfid_rows(random, n1, n2, subsets, size):
    """The rows of each subset: of the second sample first."""
    for _ in range(subsets):
        second = random.choice(n2, size, replace=False)
        yield random.choice(n1, size, replace=False), second


class TestCleanfid:
    @pytest.mark.parametrize(("subsets", "largest"), [(7, 30), (3, 1000)])
    def test_is_the_formula_on_the_global_generators_rows(self, features, subsets, largest):
        x, y = features
        size = min(len(x), len(y), largest)
        rows = cleanfid_rows(np.random.RandomState(5), len(x), len(y), subsets, size)
        expected = np.mean([naive_mmd(x[a], y[b], polynomial()) for a, b in rows])
        np.random.seed(5)
        found = cleanfid.kernel_distance(x, y, subsets, largest)
        assert type(found) is float
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-14)

    def test_leaves_the_global_generator_where_theirs_does(self, features):
        x, y = features
        random = np.random.RandomState(5)
        list(cleanfid_rows(random, len(x), len(y), 4, 20))
        np.random.seed(5)
        cleanfid.kernel_distance(x, y, 4, 20)
        assert np.random.randint(2**31) == random.randint(2**31)

    def test_float32(self, rng):
        x, y = (f.astype(np.float32) for f in inception_like(rng, 120, 100, 32))
        np.random.seed(1)
        wide = cleanfid.kernel_distance(x.astype(np.float64), y.astype(np.float64), 5, 50)
        np.random.seed(1)
        assert cleanfid.kernel_distance(x, y, 5, 50) == pytest.approx(wide, rel=1e-5)

    def test_options(self, rng):
        x, y = inception_like(rng, 20, 20, 4)
        with pytest.raises(ValueError, match="subsets is 0"):
            cleanfid.kernel_distance(x, y, num_subsets=0)
        with pytest.raises(ValueError, match="feats1 has 4 columns, feats2 has 3"):
            cleanfid.kernel_distance(x, y[:, :3])


class TestTorchFidelity:
    @pytest.mark.parametrize(
        ("options", "kernel"),
        [
            ({}, polynomial()),
            (
                {
                    "kid_kernel_poly_degree": 2,
                    "kid_kernel_poly_gamma": 0.1,
                    "kid_kernel_poly_coef0": 0.5,
                },
                polynomial(2, 0.1, 0.5),
            ),
            ({"kid_kernel": "rbf"}, gaussian(10.0)),
            ({"kid_kernel": "rbf", "kid_kernel_rbf_sigma": 0.7}, gaussian(0.7)),
        ],
        ids=["default", "polynomial", "rbf", "narrow rbf"],
    )
    def test_is_the_formula_on_the_seeds_rows(self, features, options, kernel):
        x, y = features
        random = np.random.RandomState(7)
        values = []
        for _ in range(6):
            a = random.choice(len(x), 25, replace=False)
            values.append(naive_mmd(x[a], y[random.choice(len(y), 25, replace=False)], kernel))
        found = kid_features_to_metric(
            x, y, kid_subsets=6, kid_subset_size=25, rng_seed=7, verbose=False, **options
        )
        # Of the Gaussian kernel all values are near 1, which cancel.
        assert found[MEAN] == pytest.approx(np.mean(values), rel=1e-8, abs=1e-14)
        assert found[STD] == pytest.approx(np.std(values), rel=1e-8, abs=1e-14)
        assert {type(value) for value in found.values()} == {float}

    def test_defaults_are_the_native_ones(self, rng):
        x, y = inception_like(rng, 1010, 1005, 8)
        ours = parzen.kid(x, y)
        assert kid_features_to_metric(x, y, verbose=False) == {MEAN: ours.mean, STD: ours.std}

    def test_says_so_where_wanted(self, rng, capsys):
        x, y = inception_like(rng, 20, 20, 4)
        kid_features_to_metric(x, y, kid_subsets=2, kid_subset_size=10)
        assert "Kernel Inception Distance: " in capsys.readouterr().err
        kid_features_to_metric(x, y, kid_subsets=2, kid_subset_size=10, verbose=False)
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"kid_subset": 3}, TypeError, "no option 'kid_subset'; did you mean 'kid_subsets'"),
            ({"kid_kernel": "linear"}, ValueError, "kid_kernel is 'linear'"),
            ({}, ValueError, "features_1 has 20 samples, the subset size is 1000"),
            ({"kid_subset_size": 1}, ValueError, "subset size is 1"),
            ({"rng_seed": -1}, ValueError, "rng_seed is -1"),
            ({"kid_kernel": "rbf", "kid_kernel_rbf_sigma": 0}, ValueError, "bandwidth"),
        ],
    )
    def test_options(self, rng, options, error, message):
        with pytest.raises(error, match=message):
            kid_features_to_metric(*inception_like(rng, 20, 20, 4), **options)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
class TestPeers:
    def test_cleanfid(self, features):
        peer = pytest.importorskip("cleanfid.fid")
        for subsets, largest in ((100, 1000), (9, 35)):
            np.random.seed(3)
            theirs = peer.kernel_distance(*features, subsets, largest)
            np.random.seed(3)
            found = cleanfid.kernel_distance(*features, subsets, largest)
            assert found == pytest.approx(theirs, rel=1e-8)

    @pytest.mark.parametrize("kernel", ["poly", "rbf"])
    def test_torch_fidelity(self, features, kernel):
        torch = pytest.importorskip("torch")
        peer = pytest.importorskip("torch_fidelity.metric_kid")
        tensors = [torch.from_numpy(x) for x in features]
        options = {
            "kid_subsets": 11,
            "kid_subset_size": 33,
            "kid_kernel": kernel,
            **({"kid_kernel_rbf_sigma": 1.5} if kernel == "rbf" else {}),
            "verbose": False,
        }
        theirs = peer.kid_features_to_metric(*tensors, **options)
        found = torch_fidelity.kid_features_to_metric(*tensors, **options)
        assert found == pytest.approx(theirs, rel=1e-8, abs=1e-14)
