"""MMD against the naive formula, closed forms, and its standard error against simulation."""

import math
import pickle

import numpy as np
import pytest
from scipy.stats import energy_distance

import parzen
import reference
from parzen import Energy, Gaussian, Polynomial, RationalQuadratic

# The bounds of the design, relative to the mean of |k|.
BOUND = {np.float32: 1e-6, np.float64: 1e-13}

KERNELS = {
    "cubic": (Polynomial(), reference.polynomial),
    "linear": (
        Polynomial(1, 0.5, 0.0),
        lambda x, y: reference.polynomial(x, y, degree=1, gamma=0.5, coef0=0.0),
    ),
    "quintic": (
        Polynomial(5, gamma=0.01),
        lambda x, y: reference.polynomial(x, y, degree=5, gamma=0.01),
    ),
    "gaussian": (Gaussian(2.0), lambda x, y: reference.gaussian(x, y, 2.0)),
    "gaussians": (Gaussian([1, 2, 8]), lambda x, y: reference.gaussian(x, y, [1.0, 2.0, 8.0])),
    "rational": (
        RationalQuadratic(0.5, 3.0),
        lambda x, y: reference.rational_quadratic(x, y, 0.5, 3.0),
    ),
    "energy": (Energy(), reference.energy),
}


def matrices(k, x, y):
    return k(x, x), k(y, y), k(x, y)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "m", "d"), [(2, 2, 1), (5, 4, 3), (33, 70, 7), (129, 40, 64), (20, 21, 2049)]
)
def test_value_and_stderr_follow_the_formula(name, dtype, n, m, d, rng):
    kernel, k = KERNELS[name]
    x = rng.normal(size=(n, d)).astype(dtype)
    y = (1.2 * rng.normal(size=(m, d)) + 0.1).astype(dtype)
    kxx, kyy, kxy = matrices(k, x, y)
    scale = np.mean([np.abs(part).mean() for part in (kxx, kyy, kxy)])

    unbiased = parzen.mmd(x, y, kernel=kernel)
    assert abs(unbiased.squared - reference.mmd_unbiased(kxx, kyy, kxy)) <= BOUND[dtype] * scale
    biased = parzen.mmd(x, y, kernel=kernel, estimator="biased")
    assert abs(biased.squared - reference.mmd_biased(kxx, kyy, kxy)) <= BOUND[dtype] * scale
    assert biased.stderr is None
    assert biased.squared.stderr is None

    if min(n, m) < 4:
        assert unbiased.stderr is None
    else:
        # Row means that carry BOUND x k put an error of that over sqrt(n) into the standard error.
        expected = reference.mmd_stderr(kxx, kyy, kxy)
        assert unbiased.stderr == pytest.approx(
            expected, rel=1e-6, abs=100 * BOUND[dtype] * scale / math.sqrt(min(n, m))
        )
        assert unbiased.squared.stderr == unbiased.stderr


def test_a_case_by_hand():
    # Rows 0, 1 and 3; 2 and 4; kernel <x, y>: within 2 (0 + 0 + 3)/6 and 8, across (0 + 6 + 18)/6.
    x, y = np.array([[0.0], [1.0], [3.0]]), np.array([[2.0], [4.0]])
    kernel = Polynomial(degree=1, gamma=1.0, coef0=0.0)
    assert parzen.mmd(x, y, kernel=kernel).squared == 1.0 + 8.0 - 2.0 * 4.0
    # Biased: the squared distance of the means, 4/3 and 3.
    biased = parzen.mmd(x, y, kernel=kernel, estimator="biased")
    assert biased.squared == pytest.approx((3.0 - 4.0 / 3.0) ** 2, rel=1e-14)
    assert biased.distance == math.sqrt(biased.squared)


def test_gaussians_have_a_closed_form(rng):
    # E exp(-|z|^2/2h^2) for z ~ N(m, 2I) is (h^2/(h^2+2))^(d/2) exp(-|m|^2/(2(h^2+2))).
    d, h, shift, n = 3, 1.5, 0.5, 3000
    x, y = rng.normal(size=(2, n, d))
    result = parzen.mmd(x, y + shift, kernel=Gaussian(h))
    volume = (h * h / (h * h + 2.0)) ** (d / 2)
    expected = 2.0 * volume * (1.0 - math.exp(-d * shift**2 / (2.0 * (h * h + 2.0))))
    assert abs(result.squared - expected) < 4.0 * result.stderr
    assert result.stderr < 0.1 * expected


def test_energy_kernel_gives_the_energy_distance(rng):
    x, y = rng.normal(size=40), rng.normal(size=60) + 1.0
    result = parzen.mmd(x[:, None], y[:, None], kernel=Energy(), estimator="biased")
    assert result.distance == pytest.approx(energy_distance(x, y), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["cubic", "gaussian"])
def test_no_digits_are_lost_at_the_null(dtype, name, rng):
    n, d = 500, 256
    kernel, k = KERNELS[name]
    if name == "gaussian":
        kernel, k = Gaussian(16.0), lambda x, y: reference.gaussian(x, y, 16.0)
    x, y = rng.normal(size=(2, n, d)).astype(dtype)
    kxx, kyy, kxy = matrices(k, x, y)
    expected = reference.mmd_unbiased(kxx, kyy, kxy)
    assert abs(expected) < 1e-2 * kxy.mean()  # the case is one of cancellation
    assert abs(parzen.mmd(x, y, kernel=kernel).squared - expected) <= BOUND[dtype] * kxy.mean()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_far_origin_costs_nothing(dtype, rng):
    # Multiples of 1/1024 below 1e4 + 8 are exact in float32: shifted, they are the same samples.
    x, y = (rng.integers(-4096, 4096, size=(2, 200, 5)) / 1024).astype(dtype)
    for kernel in (Gaussian(), Gaussian(3.0), RationalQuadratic(1.0, 2.0), Energy()):
        near = parzen.mmd(x, y, kernel=kernel).squared
        far = parzen.mmd(x + dtype(1e4), y + dtype(1e4), kernel=kernel).squared
        assert near == far


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_close_pairs_keep_their_distance(dtype, rng):
    # Pairs 1e-3 apart in data of size 10, measured with a kernel as narrow.
    x = (10.0 * rng.normal(size=(60, 64))).astype(dtype)
    y = (x + 1e-3 / 8.0 * rng.normal(size=x.shape)).astype(dtype)
    kxx, kyy, kxy = matrices(lambda a, b: reference.gaussian(a, b, 1e-3), x, y)
    assert kxy.max() > 0.1
    expected = reference.mmd_biased(kxx, kyy, kxy)
    result = parzen.mmd(x, y, kernel=Gaussian(1e-3), estimator="biased").squared
    # exp(-d^2/2h^2) at d = h: a relative error of d^2 is one of k. Products alone would leave 1e-2.
    assert result == pytest.approx(expected, rel=2e-6 if dtype is np.float32 else 1e-12)


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_equal_samples(rng):
    x = rng.normal(size=(50, 4))
    assert abs(parzen.mmd(x, x, estimator="biased").squared) <= 1e-15
    assert parzen.mmd(x, x).squared < 0.0  # the diagonal is in XY and not in XX
    assert parzen.mmd(x, x).distance == 0.0


@pytest.mark.parametrize("shift", [0.0, 1.0], ids=["null", "shifted"])
@pytest.mark.parametrize("kernel", [Gaussian(1.5), Polynomial()], ids=["gaussian", "cubic"])
def test_stderr_is_the_spread_of_the_estimate(kernel, shift, rng):
    results = [
        parzen.mmd(rng.normal(size=(60, 3)), rng.normal(size=(40, 3)) + shift, kernel=kernel)
        for _ in range(500)
    ]
    variance = np.var([result.squared for result in results], ddof=1)
    claimed = np.mean([result.stderr**2 for result in results])
    # 500 draws know a variance to 6 to 15 %. Without the second-order terms the null would be at 2.
    assert 0.7 < claimed / variance < 1.4


def test_median_bandwidth(rng):
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(51, 4))
    result = parzen.mmd(x, y)
    h = reference.median_bandwidth(x, y)
    assert result.squared.provenance["kernel"]["bandwidth"] == pytest.approx(h, rel=1e-14)
    assert result.squared == pytest.approx(parzen.mmd(x, y, kernel=Gaussian(h)).squared, abs=1e-14)


def test_median_bandwidth_where_rows_lie_far_from_their_mean(rng):
    # Two clusters 1e8 apart: by products alone distances within a cluster would have no digits.
    x = rng.normal(size=(150, 3)) + 1e8 * (np.arange(150) < 130)[:, None]
    result = parzen.mmd(x[:70], x[70:])
    expected = reference.median_bandwidth(x[:70], x[70:])
    assert expected < 10.0
    assert result.squared.provenance["kernel"]["bandwidth"] == pytest.approx(expected, rel=1e-12)


def test_median_bandwidth_of_many_rows_is_seeded(rng):
    x, y = rng.normal(size=(2, 1500, 4))

    def bandwidth(seed):
        result = parzen.mmd(x, y, kernel=Gaussian(seed=seed))
        return result.squared.provenance["kernel"]["bandwidth"]

    assert bandwidth(0) == bandwidth(0) != bandwidth(1)
    # |z - z'|^2 is 2 chi^2(4), whose median is 6.71; 2000 rows know it to about 1 %.
    assert bandwidth(0) == pytest.approx(math.sqrt(6.71), rel=0.03)


def test_median_bandwidth_zero_is_refused():
    with pytest.raises(
        ValueError, match=r"Gaussian: the median distance is 0.*pass bandwidth=<number>"
    ):
        parzen.mmd(np.ones((5, 2)), np.ones((5, 2)))


@pytest.mark.parametrize("scale", [1e-30, 1e-13, 1e18, 1e30])
def test_float32_beyond_its_squares_is_widened(scale, rng):
    x, y = (rng.normal(size=(2, 50, 4)) * scale).astype(np.float32)
    for kernel, k in (
        (Gaussian(scale), lambda a, b: reference.gaussian(a, b, scale)),
        (RationalQuadratic(1.0, scale), lambda a, b: reference.rational_quadratic(a, b, 1, scale)),
    ):
        expected = reference.mmd_unbiased(*matrices(k, x, y))
        assert abs(parzen.mmd(x, y, kernel=kernel).squared - expected) <= 1e-13
    expected = reference.mmd_unbiased(*matrices(reference.energy, x, y))
    assert abs(parzen.mmd(x, y, kernel=Energy()).squared - expected) <= 1e-13 * 10 * scale


def test_one_wide_sample_widens_both(rng):
    x, y = rng.normal(size=(2, 50, 4)).astype(np.float32)
    y *= np.float32(1e25)
    for a, b in ((x, y), (y, x)):
        expected = reference.mmd_unbiased(*matrices(reference.energy, a, b))
        assert parzen.mmd(a, b, kernel=Energy()).squared == pytest.approx(expected, rel=1e-12)


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_a_narrow_kernel_is_widened(rng):
    # (d/h)^2/2 is 1e39 here, infinite in float32.
    x, y = rng.normal(size=(2, 20, 4)).astype(np.float32)
    assert parzen.mmd(x, x, kernel=Gaussian(1e-20), estimator="biased").squared == 0.0
    assert parzen.mmd(x, y, kernel=Gaussian(1e-20), estimator="biased").squared == pytest.approx(
        0.1
    )
    assert parzen.mmd(x, y, kernel=Gaussian(1e-20)).squared == 0.0


def test_large_powers_are_widened(rng):
    x, y = (1e3 * rng.normal(size=(2, 20, 4))).astype(np.float32)
    k = Polynomial(degree=12)
    kxx, kyy, kxy = matrices(lambda a, b: reference.polynomial(a, b, degree=12), x, y)
    expected = reference.mmd_unbiased(kxx, kyy, kxy)
    assert abs(expected) > 1e38
    assert abs(parzen.mmd(x, y, kernel=k).squared - expected) <= 1e-13 * np.abs(kxx).mean()


@pytest.mark.parametrize(
    ("scale", "kernel"),
    [
        (1e150, Gaussian()),
        (1e-150, Gaussian()),
        (1e150, Energy()),
        (1.0, Gaussian(1e-160)),
        (1.0, Gaussian(1e200)),
        (1e100, Polynomial()),
        (1e-200, Polynomial(gamma=1e308)),
    ],
)
def test_beyond_float64_is_refused(scale, kernel, rng):
    x, y = scale * rng.normal(size=(2, 5, 3))
    with pytest.raises(
        ValueError, match=r"mmd: values up to .* would overflow or underflow float64"
    ):
        parzen.mmd(x, y, kernel=kernel)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"kernel": "gaussian"},
            TypeError,
            "mmd: kernel is 'gaussian', expected Gaussian, Polynomial",
        ),
        ({"kernel": Gaussian}, TypeError, "mmd: kernel is <class"),
        ({"estimator": "u"}, ValueError, "mmd: estimator is 'u', expected 'unbiased' or 'biased'"),
        (
            {"method": "moments"},
            ValueError,
            "mmd: method 'moments' needs a Polynomial of degree 1 to 3, got Gaussian",
        ),
        ({"method": None}, ValueError, "mmd: method is None"),
    ],
)
def test_options_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        parzen.mmd(np.eye(3), np.eye(3), **options)


def test_sizes_that_are_refused():
    with pytest.raises(ValueError, match=r"mmd: y has 1 sample .* a minimum of 2"):
        parzen.mmd(np.eye(3), np.ones((1, 3)))
    assert parzen.mmd(
        np.zeros((1, 1)), np.ones((1, 1)), kernel=Energy(), estimator="biased"
    ).squared == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Polynomial(0), ValueError, "Polynomial: degree is 0, expected an integer >= 1"),
        (
            lambda: Polynomial(2**31),
            ValueError,
            "Polynomial: degree is 2147483648, expected .* <= ",
        ),
        (
            lambda: Polynomial(2.0),
            TypeError,
            r"Polynomial: degree is 2.0, expected an integer >= 1",
        ),
        (lambda: Polynomial(True), TypeError, "Polynomial: degree is True"),
        (lambda: Polynomial(gamma=0), ValueError, r"Polynomial: gamma is 0.0, expected a finite"),
        (lambda: Polynomial(gamma="1"), TypeError, "Polynomial: gamma is '1', expected a number"),
        (lambda: Polynomial(coef0=-1), ValueError, r"Polynomial: coef0 is -1.0, expected .* >= 0"),
        (lambda: Polynomial(coef0=np.nan), ValueError, "Polynomial: coef0 is nan"),
        (
            lambda: Gaussian("scott"),
            ValueError,
            "Gaussian: bandwidth is 'scott', expected 'median'",
        ),
        (
            lambda: Gaussian(0),
            ValueError,
            r"Gaussian: bandwidth is 0.0, expected a finite number > 0",
        ),
        (lambda: Gaussian(np.inf), ValueError, "Gaussian: bandwidth is inf"),
        (lambda: Gaussian([1, -1]), ValueError, r"Gaussian: bandwidth is -1.0"),
        (lambda: Gaussian([]), ValueError, "Gaussian: bandwidth is empty"),
        (lambda: Gaussian(None), TypeError, "Gaussian: bandwidth is None, expected a number"),
        (
            lambda: Gaussian([[1.0]]),
            TypeError,
            r"Gaussian: bandwidth is \[1.0\], expected a number",
        ),
        (lambda: Gaussian(seed=-1), ValueError, "Gaussian: seed is -1, expected an integer >= 0"),
        (lambda: Gaussian(seed=None), TypeError, "Gaussian: seed is None"),
        (lambda: RationalQuadratic(0, 1), ValueError, r"RationalQuadratic: alpha is 0.0"),
        (lambda: RationalQuadratic(1, -2), ValueError, r"RationalQuadratic: length_scale is -2.0"),
    ],
)
def test_kernel_parameters_that_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_kernels_are_values():
    assert Gaussian([1, 2]) == Gaussian(np.array([1.0, 2.0])) == Gaussian((1.0, 2.0))
    assert hash(Gaussian([1, 2])) == hash(Gaussian((1, 2)))
    for kernel, _ in KERNELS.values():
        assert pickle.loads(pickle.dumps(kernel)) == kernel
    with pytest.raises(AttributeError):
        Gaussian(1.0).bandwidth = 2.0


def test_provenance(rng):
    x, y = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=(6, 3)).astype(np.float32)
    record = parzen.mmd(x, y, kernel=Polynomial()).squared.provenance
    kernel = {"name": "Polynomial", "degree": 3, "gamma": 1 / 3, "coef0": 1.0}
    assert record == {
        "metric": "mmd",
        "n": 5,
        "m": 6,
        "d": 3,
        "dtype": "float32",
        "method": "pairs",
        "estimator": "unbiased",
        "kernel": kernel,
        "device": "cpu",
        "version": parzen.__version__,
    }


def test_progress_ends_at_one(rng):
    seen = []
    parzen.mmd(*rng.normal(size=(2, 50, 3)), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
@pytest.mark.parametrize("gamma", [1e160, 1e300])
@pytest.mark.parametrize("coef0", [0.0, 1.0])
def test_a_huge_gamma_on_zeros_is_no_nan(gamma, coef0):
    zeros = np.zeros((3, 3), np.float32)
    assert parzen.mmd(zeros, zeros, kernel=Polynomial(1, gamma, coef0)).squared == 0.0
