"""csrc/cuda executed by the host: every operation against the CPU's reference.

Float32 runs the tensor cores' instructions as the PTX manual has them, with sums cut off as they do
it: "full" is wgmma's product, "mma" that of mma.sync, "plain" has no tensor cores.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import device_checks as checks
from device_checks import DTYPES
from parzen import _core
from test_kernel_sum import samples

# n = 1, d = 1, both sides of a tile, of a step and of the switch to differences, n != m.
SHAPES = [(1, 1, 1), (5, 3, 2), (130, 127, 8), (129, 70, 9), (40, 260, 33)]
LONG = (37, 50, 300)
PRECISIONS = ["full", "mma", "plain"]

pytestmark = pytest.mark.unsanitized  # the threads of a block are jumps from stack to stack


@pytest.mark.parametrize(
    ("dtype", "precision"),
    [*((np.float32, p) for p in PRECISIONS), (np.float64, "full")],  # float64 has one product
)
@pytest.mark.parametrize("name", ["cubic", "degree 7", "gaussian", "three bandwidths"])
@pytest.mark.parametrize("shape", [*SHAPES, LONG], ids=str)
def test_kernel_sum(device, shape, dtype, name, precision):
    checks.check_kernel_sum(device, shape, dtype, name, precision)


@pytest.mark.parametrize("dtype", DTYPES)
def test_chunk_after_chunk(device, dtype, monkeypatch):
    """What a launch takes changes no bit, but where the parts of a launch are added up first."""
    rng = np.random.default_rng(0)
    x, y = (device.matrix(rng.standard_normal((n, 9)).astype(dtype)) for n in (300, 420))
    bits = [rng.integers(0, 256, (-(-n // 8), 5), np.uint8) for n in (300, 420)]
    bits[0][-1] &= 15  # 300 and 420 rows leave four bits of the last byte
    bits[1][-1] &= 15
    radii = [rng.uniform(1.0, 20.0, n).astype(dtype) for n in (300, 420)]
    kernel, cubic = _core.Gaussian([3.0]), _core.Polynomial(3, 0.1, 1.0)

    def results():
        yield from _core.ball_counts(x, radii[0], y, radii[1])
        for queries in (y, None):
            yield from _core.nearest(x, queries, 4, numbers=True)
        values, sums = _core.kernel_quadratic(x, y, cubic, *bits)
        added = (
            *_core.kernel_sum(x, y, kernel)[:2],
            *sums[:2],
            _core.kernel_sum(y, None, kernel)[0],
        )
        densities = (np.exp(_core.log_density(x, other, [1.0])[0]) for other in (y, None))
        yield np.concatenate([values, *added, *densities])

    *whole, added = results()
    monkeypatch.setenv("PARZEN_CUDA_HOST_TILES", "4")
    *parts, added_parts = results()
    for first, second in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(added, added_parts, rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_columns(device, dtype):
    checks.check_kernel_sum(device, (9, 12, 2049), dtype, "gaussian")


@pytest.mark.parametrize("name", ["linear", "quadratic", "rational quadratic", "energy"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_other_kernels(device, dtype, name):
    checks.check_kernel_sum(device, (70, 140, 12), dtype, name)


@pytest.mark.parametrize("name", ["cubic", "gaussian", "energy"])
@pytest.mark.parametrize("d", [24, 200])
@pytest.mark.parametrize("precision", ["full", "mma"])
def test_the_error_of_mmd(device, d, name, precision):
    checks.check_mmd(device, 150, 140, d, name, precision)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("d", [20, 70, 300])
def test_rows_that_arrive_early(device, d, precision, monkeypatch):
    """Elsewhere when they are waited for: here a slot that is still read is overwritten."""
    both = samples(400, 270, d, np.float32)
    x, y = (device.matrix(z, precision=precision) for z in both)
    late = _core.kernel_sum(x, y, _core.Gaussian([d**0.5]))
    monkeypatch.setenv("PARZEN_CUDA_HOST_COPIES", "early")
    early = _core.kernel_sum(x, y, _core.Gaussian([d**0.5]))
    np.testing.assert_array_equal(late[0], early[0])
    np.testing.assert_array_equal(late[1], early[1])


def test_fast_is_less_precise_and_within_its_bound(device):
    # Values of 11 bits: an inner product is off by 2^-11 of |x| |y| at most, here 1 in the mean.
    fast = checks.check_mmd(device, 150, 140, 200, "cubic", "fast", tolerance=3 * 2.0**-11)
    assert fast > 10 * checks.check_mmd(device, 150, 140, 200, "cubic")


@pytest.mark.parametrize("name", ["cubic", "gaussian"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "vectors"), [((1, 1, 1), 1), ((45, 140, 9), 20), ((130, 33, 2), 7)], ids=str
)
def test_kernel_quadratic(device, shape, vectors, dtype, name):
    checks.check_kernel_quadratic(device, shape, vectors, dtype, name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (140, 40, 3), (40, 140, 20), (300, 30, 40)], ids=str)
def test_log_density(device, shape, dtype):
    checks.check_log_density(device, shape, dtype)


@pytest.mark.parametrize("precision", ["mma", "plain"])
def test_log_density_by_other_products(device, precision):
    checks.check_log_density(device, (140, 150, 20), np.float32, precision)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [1, 16])
def test_compact_kernels(device, d, dtype):
    checks.check_compact(device, d, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "k"),
    [((4, 1, 1), 1), ((300, 40, 3), 4), ((140, 130, 20), 3), ((280, 10, 5), 280)],
    ids=str,
)
def test_nearest(device, shape, dtype, k):
    checks.check_nearest(device, shape, dtype, k)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(140, 70, 5), (300, 140, 20)], ids=str)
def test_nearest_by_number(device, shape, dtype):
    checks.check_neighbours(device, shape, dtype, 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 1, 1), (140, 70, 5), (70, 140, 20)], ids=str)
def test_ball_counts(device, shape, dtype):
    checks.check_ball_counts(device, shape, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(140, 5), (200, 40)], ids=str)
def test_the_boundary_is_inside_to_the_last_bit(device, shape, dtype):
    checks.check_boundary(device, shape, dtype)


@pytest.mark.parametrize("d", [5, 64])
def test_pairs_that_nearly_coincide(device, d):
    checks.check_near_pairs(device, d)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 1, 1), (300, 257, 3), (33, 20, 17)], ids=str)
def test_moments(device, shape, degree, dtype):
    checks.check_moments(device, shape, dtype, degree)


@pytest.mark.parametrize("precision", ["mma", "plain"])
def test_moments_by_other_products(device, precision):
    checks.check_moments(device, (300, 257, 17), np.float32, 3, precision)


def test_a_tensor_of_several_tiles(device):
    checks.check_moments(device, (40, 30, 140), np.float64, 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 3), (1000, 7), (50, 70)], ids=str)
def test_column_bounds(device, shape, dtype):
    checks.check_column_bounds(device, shape, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_read_by_stride(device, dtype):
    checks.check_strides(device, dtype)


def test_powers_of_two_change_no_bit(device):
    checks.check_scaling(device, 260)


def test_two_threads_at_once(device):
    rng = np.random.default_rng(0)
    matrices = [device.matrix(rng.standard_normal((150, d)).astype(np.float32)) for d in (5, 40)]

    def sums(matrix):
        return [_core.kernel_sum(matrix, None, _core.Gaussian([3.0]))[0] for _ in range(4)]

    alone = [sums(matrix) for matrix in matrices]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(sums, matrices))
    np.testing.assert_array_equal(together[0], alone[0])
    np.testing.assert_array_equal(together[1], alone[1])


def test_the_same_bits_every_time(device):
    checks.check_repeats(device, 260)
