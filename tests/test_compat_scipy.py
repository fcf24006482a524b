"""parzen.compat.scipy: sqrtm and gaussian_kde, against formulas and SciPy."""

import warnings

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

import parzen
from parzen.compat.scipy import gaussian_kde, sqrtm


def covariance(rng, d, rank):
    factor = rng.normal(size=(d, rank))
    return factor @ factor.T


class TestSqrtm:
    @pytest.mark.parametrize(("d", "rank"), [(1, 1), (7, 7), (30, 5), (4, 40)])
    def test_of_a_covariance(self, rng, d, rank):
        sigma = covariance(rng, d, rank)
        root = sqrtm(sigma)
        assert root.dtype == np.float64
        np.testing.assert_array_equal(root, parzen.sqrtm(sigma))
        np.testing.assert_allclose(root @ root, sigma, atol=1e-12 * np.linalg.norm(sigma))

    def test_of_a_product_of_covariances(self, rng):
        a, b = covariance(rng, 12, 30), covariance(rng, 12, 30)
        root, error = sqrtm(a @ b, disp=False)
        np.testing.assert_allclose(root @ root, a @ b, rtol=1e-8)
        assert 0.0 <= error < 1e-16 * np.linalg.norm(a @ b)
        both = np.trace(a) + np.trace(b) - parzen.frechet_distance(a[0] * 0, a, b[0] * 0, b)
        assert 2.0 * np.trace(root) == pytest.approx(both, rel=1e-10)

    @pytest.mark.parametrize("disp", [True, False])
    def test_warns_of_nothing(self, rng, disp):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            sqrtm(rng.normal(size=(3, 3)) + 3.0 * np.eye(3), disp)
            sqrtm(covariance(rng, 8, 2), disp)

    def test_of_an_indefinite_matrix_is_complex(self):
        np.testing.assert_allclose(sqrtm(np.diag([4.0, -9.0])), np.diag([2.0, 3.0j]))
        slightly = np.diag([1.0, -1e-9])  # which parzen.sqrtm takes for rounding
        np.testing.assert_allclose(sqrtm(slightly), np.diag([1.0, 1j * 1e-9**0.5]))

    def test_types_and_shapes(self, rng):
        sigma = covariance(rng, 3, 3)
        assert sqrtm(sigma.astype(np.float32)).dtype == np.float32
        np.testing.assert_allclose(sqrtm([[4, 0], [0, 9]]), np.diag([2.0, 3.0]), atol=1e-15)
        with pytest.raises(ValueError, match="square"):
            sqrtm(np.ones((2, 3)))

    def test_error_estimate(self, rng):
        sigma = covariance(rng, 5, 5)
        root, error = sqrtm(sigma, disp=False)
        expected = np.linalg.norm(root @ root - sigma) ** 2 / np.linalg.norm(sigma)
        assert error == pytest.approx(expected, rel=1e-6)
        assert type(error) is float

    @pytest.mark.parametrize("kind", ["covariance", "general", "complex", "float32"])
    def test_is_scipys(self, rng, kind):
        a = {
            "covariance": covariance(rng, 6, 9),
            "general": rng.normal(size=(6, 6)),
            "complex": rng.normal(size=(6, 6)) + 1j * rng.normal(size=(6, 6)),
            "float32": covariance(rng, 6, 9).astype(np.float32),
        }[kind]
        theirs = scipy.linalg.sqrtm(a)
        single = kind == "float32"
        np.testing.assert_allclose(
            sqrtm(a), theirs, rtol=1e-3 if single else 1e-9, atol=1e-4 if single else 1e-11
        )
        assert sqrtm(a).dtype == theirs.dtype


def normal_pdf(x, mean, sigma):
    return scipy.stats.multivariate_normal(mean, sigma).pdf(x)


CASES = {
    "1-d": (1, 40, None, None),
    "2-d": (2, 60, "silverman", None),
    "weighted": (3, 50, None, "random"),
    "some weights 0": (2, 50, 0.3, "some"),
    "callable": (4, 90, lambda kde: 2.0 * kde.scotts_factor(), None),
}


@pytest.fixture(params=CASES)
def case(request, rng):
    d, n, method, weights = CASES[request.param]
    dataset = rng.normal(size=(d, d)) @ rng.normal(size=(d, n)) + 100.0
    if weights is not None:
        weights = rng.uniform(size=n)
        if request.param == "some weights 0":
            weights[::3] = 0.0
    points = dataset[:, :15] + rng.normal(size=(d, 15))
    return dataset, method, weights, points


class TestGaussianKDE:
    def test_density_is_the_formula(self, case):
        dataset, method, weights, points = case
        kde = gaussian_kde(dataset, method, weights)
        w = np.ones(dataset.shape[1]) if weights is None else weights
        w = w / w.sum()
        sigma = np.atleast_2d(np.cov(dataset, aweights=w)) * kde.factor**2
        np.testing.assert_allclose(kde.covariance, sigma, rtol=1e-10)
        expected = sum(w[i] * normal_pdf(points.T, x, sigma) for i, x in enumerate(dataset.T))
        for found in (kde(points), kde.evaluate(points), kde.pdf(points)):
            np.testing.assert_allclose(found, expected, rtol=1e-9)
        np.testing.assert_allclose(kde.logpdf(points), np.log(expected), rtol=1e-9)

    def test_is_scipys(self, case):
        dataset, method, weights, points = case
        theirs = scipy.stats.gaussian_kde(dataset, method, weights)
        ours = gaussian_kde(dataset, method, weights)
        # Their logpdf is NaN where a weight is 0.
        np.testing.assert_allclose(ours.logpdf(points), np.log(theirs.pdf(points)), rtol=1e-9)
        for name in ("d", "n", "neff", "factor", "covariance", "weights", "log_det"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-12)
        np.testing.assert_allclose(ours.inv_cov, theirs.inv_cov, rtol=1e-8)
        np.testing.assert_array_equal(ours.dataset, theirs.dataset)
        np.testing.assert_allclose(ours.resample(6, seed=3), theirs.resample(6, seed=3), rtol=1e-12)
        np.testing.assert_allclose(ours.resample(seed=3), theirs.resample(seed=3), rtol=1e-12)
        center, spread = dataset.mean(axis=1), np.eye(len(dataset))
        np.testing.assert_allclose(
            ours.integrate_gaussian(center, spread), theirs.integrate_gaussian(center, spread)
        )
        np.testing.assert_allclose(ours.integrate_kde(ours), theirs.integrate_kde(theirs))
        low, high = center - 1.0, center + 2.0
        np.testing.assert_allclose(
            ours.integrate_box(low, high), theirs.integrate_box(low, high), rtol=1e-3
        )
        if len(dataset) == 1:
            np.testing.assert_allclose(
                ours.integrate_box_1d(99.0, 101.0), theirs.integrate_box_1d(99.0, 101.0)
            )
        else:
            a, b = ours.marginal([-1, 0]), theirs.marginal([-1, 0])
            np.testing.assert_allclose(a(points[[-1, 0]]), b(points[[-1, 0]]), rtol=1e-9)

    def test_global_generator(self, rng):
        dataset = rng.normal(size=(2, 30))
        np.random.seed(1)
        theirs = scipy.stats.gaussian_kde(dataset).resample(5)
        np.random.seed(1)
        np.testing.assert_allclose(gaussian_kde(dataset).resample(5), theirs, rtol=1e-12)

    def test_is_finite_far_away(self, rng):
        kde = gaussian_kde(rng.normal(size=(2, 30)))
        assert np.isfinite(kde.logpdf([[1e6], [1e6]])).all()
        assert kde([[1e6], [1e6]]) == 0.0

    def test_bandwidth_can_be_set_again(self, rng):
        kde = gaussian_kde(rng.normal(size=50))
        before = kde.factor
        kde.set_bandwidth(kde.factor / 3.0)
        assert kde.factor == before / 3.0
        kde.set_bandwidth()
        assert kde.factor == before / 3.0
        kde.set_bandwidth("silverman")
        assert kde.factor == kde.silverman_factor() == kde.covariance_factor()

    def test_a_subclass_has_its_own_factor(self, rng):
        class Narrow(gaussian_kde):
            def covariance_factor(self):
                return 0.1

        assert Narrow(rng.normal(size=50)).factor == 0.1

    def test_one_point_as_a_row(self, rng):
        kde = gaussian_kde(rng.normal(size=(3, 50)))
        assert kde([0.0, 0.0, 0.0]).shape == (1,)

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            (([[1.0]],), ValueError, "1 sample"),
            ((np.eye(3)[:, :2],), ValueError, "3 dimensions and 2 samples"),
            ((np.ones((2, 9)),), np.linalg.LinAlgError, "subspace"),
            ((np.arange(9.0), "cv"), ValueError, "bw_method is 'cv'"),
            ((np.arange(9.0), -1.0), ValueError, "factor is -1.0"),
            ((np.arange(9.0), None, np.ones(8)), ValueError, "one weight a sample"),
            (([0.0, np.nan, 1.0],), ValueError, "NaN"),
        ],
    )
    def test_what_cannot_be(self, given, error, message):
        with pytest.raises(error, match=message):
            gaussian_kde(*given)

    def test_points_that_do_not_fit(self, rng):
        kde = gaussian_kde(rng.normal(size=(3, 50)))
        with pytest.raises(ValueError, match="points have dimension 2, dataset has dimension 3"):
            kde(np.ones((2, 4)))
        with pytest.raises(ValueError, match="there are 3"):
            kde.marginal([3])
        with pytest.raises(ValueError, match="repeats one"):
            kde.marginal([2, -1])
        with pytest.raises(ValueError, match="d is 3"):
            kde.integrate_box_1d(0.0, 1.0)
        with pytest.raises(ValueError, match="other has d = 1"):
            kde.integrate_kde(gaussian_kde(np.arange(5.0)))
