"""Metrics of samples on a CUDA device: the CPU's numbers, and what is copied to the host."""

import numpy as np
import pytest

import parzen
import reference
from device_arrays import Array, torch_tensor
from device_metrics import IDS, KINDS, METRICS, M, N, assert_near, samples
from parzen import CopiedSampleWarning, Gaussian, KernelDensity, Polynomial, _core
from parzen.metrics import kid_subsets, torch_roots

# Unsanitized as all that runs csrc/cuda on the host, see tests/test_cuda_host.py.
pytestmark = [pytest.mark.usefixtures("cuda_on_the_host"), pytest.mark.unsanitized]


@pytest.fixture(params=KINDS, ids=IDS)
def pair(request, rng):
    return samples(rng, *request.param)


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
@pytest.mark.parametrize("metric", METRICS)
def test_the_cpu_s_number(metric, pair):
    x, y = pair
    there, here = METRICS[metric](Array(x), Array(y)), METRICS[metric](x, y)
    assert_near(there, here, x)


def test_fast_products(rng):
    x, y = rng.normal(size=(2, N, 40)).astype(np.float32)
    there = [Array(x), Array(y)]
    lengths = [np.linalg.norm(z, axis=1).max() for z in (x, y)]
    for metric in (parzen.kid, parzen.mmd):
        options = {"subsets": None} if metric is parzen.kid else {"kernel": Polynomial()}
        here = metric(x, y, **options)[0]
        fast = metric(*there, **options, precision="fast")[0]
        bound = fast.provenance["inner_product_error"]
        assert fast.provenance["precision"] == "fast"
        assert bound == 2.0**-10
        # k = (s/d + 1)^3 moves by at most 3 (|s|/d + 1)^2 / d of what s = <x, y> does.
        largest = max(lengths) ** 2
        assert 0.0 < abs(fast - here) < 4 * 3 * (largest / 40 + 1) ** 2 * bound * largest / 40
        full = metric(*there, **options)[0]
        assert abs(full - here) < 1e-6 * reference.polynomial(x, y).mean()
        assert "precision" not in full.provenance
    exact = metric(*there, kernel=Polynomial(), method="moments", precision="fast").squared
    assert "precision" not in exact.provenance
    fast, here = (
        parzen.log_density(*z, bandwidth=2.0, **options)
        for z, options in ((there, {"precision": "fast"}), ((x, y), {}))
    )
    gap = np.abs(fast - here).max()
    assert 0.0 < gap < 2.0**-9 * lengths[0] * lengths[1] / (2 * 2.0**2)


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
def test_fewer_rows_than_columns(rng):
    x, y = rng.normal(size=(2, 9, 14))
    result = parzen.fid(Array(x), Array(y))
    assert result.provenance["method"] == "rows"
    assert result == pytest.approx(parzen.fid(x, y), rel=1e-10)


@pytest.mark.parametrize("one_pass", [True, False])
def test_kid_s_subsets_both_ways(one_pass, pair, monkeypatch):
    x, y = pair
    monkeypatch.setattr(kid_subsets, "one_pass_is_cheaper", lambda *_: one_pass)
    there = parzen.kid(Array(x), Array(y), subsets=3, subset_size=20)
    assert_near(there, parzen.kid(x, y, subsets=3, subset_size=20), x)


def test_only_what_a_metric_says_is_copied_to_the_host(pair, monkeypatch):
    x, y = (Array(z) for z in pair)
    d = pair[0].shape[1]
    monkeypatch.setattr(Array, "copied", 0)
    parzen.kid(x, y, subsets=2, subset_size=20)
    parzen.mmd(x, y, kernel=Gaussian(1.0))
    parzen.mmd_test(x, y, kernel=Polynomial(), permutations=5)
    parzen.precision_recall(x, y, halves=2)
    parzen.fid(x, y)
    density = KernelDensity("scott").fit(x)
    density.score(y)
    assert Array.copied == 0
    parzen.mmd(x, y)  # the rows of the median distance
    assert Array.copied == (N + M) * d
    density.sample(4, random_state=0)
    assert Array.copied == (N + M + 4) * d


def test_the_same_rows_twice_are_told(pair):
    x, y = (Array(z) for z in pair)
    with pytest.warns(CopiedSampleWarning, match=r"models\['b'\] has the rows of models\['a'\]"):
        parzen.compare_models({"a": y, "b": y[:]}, x, permutations=20)
    with pytest.warns(CopiedSampleWarning, match="mmd: x and y are one array"):
        parzen.mmd(x, x[:])
    parzen.mmd(x[::2], x[1::2])


def test_samples_are_drawn_as_on_the_cpu(pair):
    x, _ = pair
    there, here = (KernelDensity(0.5).fit(z).sample(9, random_state=1) for z in (Array(x), x))
    np.testing.assert_array_equal(there, here)
    assert there.dtype == x.dtype


def test_the_provenance_has_the_device(pair):
    x, y = pair
    name = _core.cuda_info()["devices"][0]["name"]
    assert parzen.fid(Array(x), Array(y)).provenance["device"] == f"cuda:0, {name}"
    assert parzen.fid(x, y).provenance["device"] == "cpu"
    assert KernelDensity(1.0).fit(Array(x)).provenance_["device"] == f"cuda:0, {name}"


def test_two_types_meet_in_float64(pair):
    x, y = pair
    result = parzen.mmd(Array(x.astype(np.float32)), Array(y.astype(np.float64)))
    assert result.squared.provenance["dtype"] == "float64"


def test_float32_that_would_overflow_is_widened(rng):
    x, y = (1e20 * rng.normal(size=(2, 20, 3))).astype(np.float32)
    there, here = (parzen.kid(*z, subsets=None) for z in ((Array(x), Array(y)), (x, y)))
    assert there.mean.provenance["dtype"] == "float64"
    assert there.mean == pytest.approx(here.mean, rel=1e-9)


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
@pytest.mark.parametrize("metric", METRICS)
def test_torch_tensors(metric, rng, torch):
    x, y = samples(rng, np.float32)
    there = METRICS[metric](torch_tensor(torch, x), torch_tensor(torch, y))
    assert_near(there, METRICS[metric](x, y), x)


def test_the_root_by_torch(torch, rng):
    a, b = (np.cov(z.T) for z in rng.normal(size=(2, 50, 6)))
    like = torch.ones(1)
    expected = _core.trace_sqrt_product(a, b)[0]
    assert torch_roots.trace_sqrt_product(a, b, like) == pytest.approx(expected, rel=1e-13)
    singular = np.diag([1.0, 1.0, 0.0])
    flat = np.diag([1.0, 1.0, 1e-14])
    assert torch_roots.trace_sqrt_product(singular, np.eye(3), like) is None
    assert torch_roots.trace_sqrt_product(flat, flat, like) is None


def test_fid_on_torch_s_device(torch, rng, monkeypatch):
    x, y = rng.normal(size=(2, 60, 6))
    tensors = [torch_tensor(torch, z) for z in (x, y)]
    here = parzen.fid(x, y)
    monkeypatch.setattr(_core, "trace_sqrt_product", None)
    assert parzen.fid(*tensors) == pytest.approx(here, rel=1e-12)
