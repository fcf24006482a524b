"""Densities and scores of other packages: what they are given, and what is read back."""

import math

import numpy as np
import pytest
import scipy.stats

import parzen
from parzen import KernelDensity, Normal

COVARIANCE = np.array([[1.0, 0.3], [0.3, 2.0]])
P, Q = Normal([0.0, 0.0], COVARIANCE), Normal([0.5, 0.0], [1.5, 1.5])


@pytest.fixture
def x(rng):
    return rng.multivariate_normal([0.0, 0.0], COVARIANCE, size=200)


class Recorder:
    """A function of samples that keeps what it was given."""

    def __init__(self, function):
        self.function, self.given = function, None

    def __call__(self, x):
        self.given = x
        return self.function(x)


def unnormalised(x):
    return -0.5 * (x * x).sum(-1)


def test_functions_get_numpy_where_numpy_came(x):
    for samples in (x, x.astype(np.float32), x.tolist()):
        log_q, score = Recorder(unnormalised), Recorder(lambda x: -x)
        parzen.kl_divergence(P, log_q, samples=samples)
        parzen.fisher_divergence(P, score, samples=samples)
        for recorder in (log_q, score):
            assert type(recorder.given) is np.ndarray
            assert recorder.given.dtype == (
                samples.dtype if isinstance(samples, np.ndarray) else np.float64
            )


def test_functions_get_tensors_where_tensors_came(x):
    torch = pytest.importorskip("torch")
    expected = parzen.kl_divergence(P, unnormalised, samples=x)
    stein = parzen.kernel_stein_discrepancy(x, lambda x: -x).squared
    fisher = parzen.fisher_divergence(P, lambda x: -x, samples=x)
    for dtype in (torch.float64, torch.float32):
        samples = torch.tensor(x, dtype=dtype, requires_grad=True)
        log_q, score = Recorder(unnormalised), Recorder(torch.negative)
        found = (
            parzen.kl_divergence(P, log_q, samples=samples),
            parzen.f_divergence(P, log_q, "kl", samples=samples),
            parzen.fisher_divergence(P, score, samples=samples),
            parzen.kernel_stein_discrepancy(samples, score).squared,
            parzen.stein_test(samples, score, bootstraps=3).squared,
        )
        assert found == pytest.approx((expected, expected, fisher, stein, stein), rel=1e-4)
        for recorder in (log_q, score):
            assert isinstance(recorder.given, torch.Tensor)
            assert recorder.given.dtype == dtype
            assert not recorder.given.requires_grad
    whole = Recorder(unnormalised)
    parzen.kl_divergence(P, whole, samples=torch.tensor([[1, 2], [0, 1]]))
    assert whole.given.dtype == torch.float64


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_what_comes_back_may_have_a_graph_and_any_type(x, dtype):
    torch = pytest.importorskip("torch")
    weight = torch.tensor(0.5, requires_grad=True)
    found = parzen.kl_divergence(
        P,
        lambda x: (-weight * (x * x).sum(-1)).to(getattr(torch, dtype)),
        samples=torch.tensor(x),
    )
    rough = {"float16": 1e-2, "bfloat16": 5e-2}.get(dtype, 1e-6)
    assert found == pytest.approx(parzen.kl_divergence(P, unnormalised, samples=x), rel=rough)
    score = parzen.stein_test(x, lambda x: weight * torch.tensor(-2.0 * x), bootstraps=3)
    assert score.squared == parzen.stein_test(x, lambda x: -x, bootstraps=3).squared


def torch_densities():
    torch = pytest.importorskip("torch")
    d = torch.distributions
    wide = torch.float64
    joint = d.MultivariateNormal(torch.zeros(2, dtype=wide), torch.tensor(COVARIANCE))
    base = d.Independent(d.Normal(torch.zeros(2, dtype=wide), torch.ones(2, dtype=wide)), 1)
    moved = d.TransformedDistribution(
        d.MultivariateNormal(torch.zeros(2, dtype=wide) - 1.0, torch.tensor(COVARIANCE)),
        [d.transforms.AffineTransform(1.0, 1.0, event_dim=1)],
    )
    return {"joint": joint, "moved": moved}, base


def test_torch_distributions(x):
    torch = pytest.importorskip("torch")
    same, standard = torch_densities()
    kl = parzen.kl_divergence(P, Q, samples=x)
    fisher = parzen.fisher_divergence(P, Q, samples=x)
    ksd = parzen.kernel_stein_discrepancy(x, P).squared
    for density in same.values():
        for samples in (x, torch.tensor(x), torch.tensor(x, dtype=torch.float32)):
            near = {"rel": 1e-10 if samples is x else 1e-4, "abs": 1e-7}
            assert parzen.kl_divergence(density, Q, samples=samples) == pytest.approx(kl, **near)
            found = parzen.fisher_divergence(density, Q, samples=samples)
            assert found == pytest.approx(fisher, **near)
            found = parzen.kernel_stein_discrepancy(samples, density).squared
            assert found == pytest.approx(ksd, **near)
        by_method = parzen.kl_divergence(density.log_prob, Q, samples=torch.tensor(x))
        assert by_method == pytest.approx(kl, rel=1e-10)
    p = parzen.stein_test(x, same["joint"], bootstraps=19)
    assert p.p_value == parzen.stein_test(x, P, bootstraps=19).p_value
    expected = parzen.fisher_divergence(P, Normal([0.0, 0.0], [1.0, 1.0]), samples=x)
    assert parzen.fisher_divergence(P, standard, samples=x) == pytest.approx(expected, rel=1e-10)


def test_a_density_of_float32_and_a_mixture(x):
    torch = pytest.importorskip("torch")
    d = torch.distributions
    mixture = d.MixtureSameFamily(
        d.Categorical(torch.tensor([0.25, 0.75])),
        d.Independent(d.Normal(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.ones(2, 2)), 1),
    )
    parts = [Normal([0.0, 0.0], [1.0, 1.0]), Normal([1.0, 0.0], [1.0, 1.0])]

    def by_hand(x):
        return np.logaddexp(
            parts[0].log_density(x) + math.log(0.25), parts[1].log_density(x) + math.log(0.75)
        )

    expected = parzen.kl_divergence(P, by_hand, samples=x)
    assert parzen.kl_divergence(P, mixture, samples=x) == pytest.approx(expected, rel=1e-5)
    # A score is the mean of the parts' under the weights that x gives them.
    weights = np.exp([parts[0].log_density(x) + math.log(0.25), by_hand(x)])
    share = (weights[0] / weights[1])[:, None]
    score = share * parts[0].score(x) + (1.0 - share) * parts[1].score(x)
    found = parzen.kernel_stein_discrepancy(x, mixture).squared
    assert found == pytest.approx(parzen.kernel_stein_discrepancy(x, score).squared, abs=1e-6)


def test_a_flow_keeps_its_gradients(x):
    torch = pytest.importorskip("torch")

    class Flow(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = torch.nn.Parameter(torch.tensor([0.5, 0.0]))

        def forward(self, x):
            raise AssertionError("a density is asked for its log_prob")

        def log_prob(self, x):
            return unnormalised(x - self.shift)

    flow = Flow()
    expected = parzen.kl_divergence(P, lambda x: unnormalised(x - [0.5, 0.0]), samples=x)
    assert parzen.kl_divergence(P, flow, samples=x) == pytest.approx(expected, rel=1e-5)
    expected = parzen.fisher_divergence(P, lambda x: [0.5, 0.0] - x, samples=x)
    assert parzen.fisher_divergence(P, flow, samples=x) == pytest.approx(expected, rel=1e-5)
    assert flow.shift.grad is None

    class Plain:  # nothing of torch in it: it gets what came
        def log_prob(self, x):
            return -x.pow(2).sum(-1) / 2

    found = parzen.kl_divergence(Plain(), Q, samples=torch.tensor(x))
    assert found == parzen.kl_divergence(unnormalised, Q, samples=x)
    found = parzen.fisher_divergence(Plain(), Q, samples=torch.tensor(x))
    assert found == pytest.approx(parzen.fisher_divergence(-x, Q.score(x)), rel=1e-12)
    with pytest.raises(TypeError, match="the score of p is a Plain; expected the gradient"):
        parzen.fisher_divergence(Plain(), Q, samples=x)
    with pytest.raises(RuntimeError, match=r"AttributeError.*pass the samples as a torch tensor"):
        parzen.kl_divergence(Plain(), Q, samples=x)


def test_scipys(x):
    kl = parzen.kl_divergence(P, Q, samples=x)
    frozen = scipy.stats.multivariate_normal([0.5, 0.0], 1.5 * np.eye(2))
    assert parzen.kl_divergence(P, frozen, samples=x) == pytest.approx(kl, rel=1e-12)
    assert parzen.kl_divergence(P, frozen, samples=x[:1]) == pytest.approx(
        parzen.kl_divergence(P, Q, samples=x[:1]), rel=1e-12
    )
    line = parzen.kl_divergence(scipy.stats.norm(0.0, 1.0), Normal(1.0, 1.0), samples=x[:, :1])
    assert line == pytest.approx(
        parzen.kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0), samples=x[:, :1]), rel=1e-12
    )


def test_scipys_kernel_density_has_a_column_a_sample(x):
    for rows in (x, x[:2]):  # two samples of two numbers could be taken for their transpose
        kde = scipy.stats.gaussian_kde(x.T)
        expected = parzen.kl_divergence(lambda s, k=kde: k.logpdf(s.T), Q, samples=rows)
        assert parzen.kl_divergence(kde, Q, samples=rows) == expected


def test_scikit_learns(x):
    neighbors = pytest.importorskip("sklearn.neighbors")
    mixture = pytest.importorskip("sklearn.mixture")
    for density in (
        neighbors.KernelDensity(bandwidth=0.5).fit(x),
        mixture.GaussianMixture(2, random_state=0).fit(x),
    ):
        expected = parzen.kl_divergence(density.score_samples, Q, samples=x)
        assert parzen.kl_divergence(density, Q, samples=x) == expected
        with pytest.raises(TypeError, match="expected the gradient of a log-density: a function"):
            parzen.fisher_divergence(density, Q, samples=x)


def test_a_kernel_density_has_a_density_and_a_score(x, rng):
    weights = rng.uniform(size=len(x))
    density = KernelDensity(0.5).fit(x, sample_weight=weights)
    queries = rng.normal(size=(7, 2))
    expected = parzen.log_density_gradient(x, queries, bandwidth=0.5, weights=weights)
    np.testing.assert_array_equal(density.gradient(queries), expected)
    found = parzen.kl_divergence(density, Q, samples=x)
    assert found == parzen.kl_divergence(density.score_samples, Q, samples=x)
    found = parzen.fisher_divergence(Q, density, samples=queries)
    assert found == parzen.fisher_divergence(Q.score(queries), expected)
    stein = parzen.stein_test(queries, density, bootstraps=9)
    assert stein.p_value == parzen.stein_test(queries, expected, bootstraps=9).p_value
    with pytest.raises(ValueError, match="gradient is of the Gaussian kernel, kernel is 'linear'"):
        parzen.fisher_divergence(Q, KernelDensity(9.0, "linear").fit(x), samples=queries)
    with pytest.raises(ValueError, match="KernelDensity: call fit"):
        parzen.kl_divergence(KernelDensity(), Q, samples=x)


def broken(x):
    raise KeyError("layer3")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: parzen.kl_divergence(P, broken, samples=x),
            RuntimeError,
            r"kl_divergence: the log-density of q \(broken\) raised KeyError when given a numpy "
            r"ndarray of shape \(200, 2\) and type float64: 'layer3'",
        ),
        (
            lambda x: parzen.stein_test(x, broken),
            RuntimeError,
            r"stein_test: scores \(broken\) raised KeyError",
        ),
        (
            lambda x: parzen.kl_divergence(lambda x: x[:, 0] * np.nan, Q, samples=x),
            ValueError,
            "kl_divergence: the log-density of p has 200 values NaN",
        ),
        (
            lambda x: parzen.kl_divergence(scipy.stats.norm(0, 1), Q, samples=x),
            ValueError,
            r"gave shape \(200, 2\) for samples \(200, 2\), expected \(200,\): one that is joint",
        ),
        (
            lambda x: parzen.kl_divergence(Normal, Q, samples=x),
            TypeError,
            "p is the class Normal, no instance of it; with samples it has to be a log-density",
        ),
        (
            lambda x: parzen.fisher_divergence(Normal, Q, samples=x),
            TypeError,
            "the score of p is the class Normal, no instance of it; expected the gradient",
        ),
        (
            lambda x: parzen.kl_divergence(scipy.stats.multivariate_normal([0, 0]), Q),
            TypeError,
            "p is a density; pass samples=",
        ),
        (
            lambda x: parzen.fisher_divergence(KernelDensity(1.0).fit(x), Q),
            TypeError,
            "p is a density's; pass samples=",
        ),
    ],
)
def test_what_is_refused(call, error, message, x):
    with pytest.raises(error, match=message):
        call(x)


def test_the_cause_is_kept(x):
    with pytest.raises(RuntimeError) as caught:
        parzen.kl_divergence(P, broken, samples=x)
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_torch_density_of_single_numbers(x):
    torch = pytest.importorskip("torch")
    normal = torch.distributions.Normal(0.0, 1.0)
    found = parzen.kl_divergence(normal, Normal(1.0, 1.0), samples=x[:, :1])
    expected = parzen.kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0), samples=x[:, :1])
    assert found == pytest.approx(expected, rel=1e-5)
    found = parzen.fisher_divergence(normal, Normal(1.0, 1.0), samples=x[:, :1])
    assert found == pytest.approx(1.0, rel=1e-5)
    for call in (parzen.kl_divergence, parzen.fisher_divergence):
        with pytest.raises((ValueError, RuntimeError), match="joint over the columns"):
            call(normal, Q, samples=x)
    message = "must be.* Tensor; pass the samples as a torch tensor"
    with pytest.raises(RuntimeError, match=message):
        parzen.kl_divergence(normal.log_prob, Q, samples=x)
