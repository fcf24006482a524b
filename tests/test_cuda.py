"""Every operation on a device, over the shapes of the CPU's tests. Skipped where there is none.

PARZEN_CUDA_SMALL=1 leaves the large shapes out: for compute-sanitizer, which is slow.
"""

import os

import numpy as np
import pytest

import device_checks as checks
from device import CudaDevice
from device_checks import DTYPES
from parzen import _core
from test_kernel_sum import kernels, samples

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not _core.cuda_info()["devices"], reason="there is no CUDA device"),
]

SMALL = [(1, 1, 1), (5, 3, 2), (130, 127, 8), (129, 70, 9), (40, 260, 33), (37, 50, 300)]
LARGE = [(100, 70, 64), (65, 40, 2049), (1500, 1300, 20), (3, 5000, 30), (700, 3, 30)]
PRECISIONS = ["full", "mma", "plain"]
SHAPES = SMALL + ([] if os.environ.get("PARZEN_CUDA_SMALL") == "1" else LARGE)
large = pytest.mark.skipif(len(SHAPES) == len(SMALL), reason="PARZEN_CUDA_SMALL=1")


@pytest.fixture(scope="module")
def the_device():
    return CudaDevice()


@pytest.fixture
def device(the_device):
    yield the_device
    the_device.release()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", kernels(1))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_kernel_sum(device, shape, dtype, name, precision):
    checks.check_kernel_sum(device, shape, dtype, name, precision)


@large
@pytest.mark.parametrize("name", ["cubic", "gaussian", "energy"])
@pytest.mark.parametrize("d", [24, 512, 2048])
@pytest.mark.parametrize("precision", ["full", "mma"])
def test_the_error_of_mmd(device, d, name, precision):
    checks.check_mmd(device, 800, 700, d, name, precision)


@large
@pytest.mark.parametrize("d", [512, 2048])
def test_fast_is_less_precise_and_within_its_bound(device, d):
    fast = checks.check_mmd(device, 800, 700, d, "cubic", "fast", tolerance=3 * 2.0**-11)
    assert fast > checks.check_mmd(device, 800, 700, d, "cubic")


@pytest.mark.parametrize("name", kernels(1))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_kernel_quadratic(device, shape, dtype, name):
    checks.check_kernel_quadratic(device, shape, 40, dtype, name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_log_density(device, shape, dtype, precision):
    checks.check_log_density(device, shape, dtype, precision)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [1, 2, 16, 64])
def test_compact_kernels(device, d, dtype):
    checks.check_compact(device, d, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 4, 130])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nearest(device, shape, dtype, k):
    checks.check_nearest(device, shape, dtype, k)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(140, 70, 5), (300, 140, 20), (2000, 900, 70)], ids=str)
def test_nearest_by_number(device, shape, dtype):
    checks.check_neighbours(device, shape, dtype, 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ball_counts(device, shape, dtype):
    checks.check_ball_counts(device, shape, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(100, 2), (500, 8), (500, 9), (333, 64), (120, 700)], ids=str)
def test_the_boundary_is_inside_to_the_last_bit(device, shape, dtype):
    # Holds where the tensor cores' sum of a few neighbouring products is the same in any order.
    checks.check_boundary(device, shape, dtype)


@pytest.mark.parametrize("d", [5, 64, 512])
def test_pairs_that_nearly_coincide(device, d):
    checks.check_near_pairs(device, d)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (300, 257, 3), (33, 20, 31), (256, 300, 65), (9, 8, 97)], ids=str
)
def test_moments(device, shape, degree, dtype, precision):
    checks.check_moments(device, shape, dtype, degree, precision)


def test_a_tensor_of_several_tiles(device):
    checks.check_moments(device, (40, 30, 140), np.float64, 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 3), (100_000, 7), (50, 700)], ids=str)
def test_column_bounds(device, shape, dtype):
    checks.check_column_bounds(device, shape, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_read_by_stride(device, dtype):
    checks.check_strides(device, dtype)


def test_powers_of_two_change_no_bit(device):
    checks.check_scaling(device, 1000)


def test_the_same_bits_every_time(device):
    checks.check_repeats(device, 1000)


@large
def test_as_on_the_cpu(device):
    # Several chunks, of a triangle and of a rectangle.
    x, y = samples(20_000, 30_000, 40, np.float32)
    c = x.mean(axis=0)
    kernel = _core.Gaussian([6.0])
    for other in (y, None):
        there = None if other is None else device.matrix(other)
        ours = _core.kernel_sum(device.matrix(x), there, kernel, center=c)
        cpu = _core.kernel_sum(x, other, kernel, center=c)
        np.testing.assert_allclose(ours[0], cpu[0], rtol=1e-6)
        np.testing.assert_allclose(ours[3], cpu[3], rtol=4e-6)


def test_what_is_not_on_the_device_is_refused_and_forgotten(device):
    x = np.ones((30, 4))
    here = _core.DeviceMatrix(x.ctypes.data, 30, 4, 4, "float64", 0)
    with pytest.raises(RuntimeError, match="x is not in a device's memory"):
        _core.kernel_sum(here, None, _core.Energy())
    with pytest.raises(RuntimeError, match="device 77: invalid device ordinal"):
        _core.column_bounds(_core.DeviceMatrix(64, 3, 2, 2, "float64", 77))
    assert not _core.kernel_sum(device.matrix(x), None, _core.Energy())[0].any()


@large
def test_an_operation_on_a_device_can_be_stopped(device):
    class Stop(Exception):
        pass

    def progress(fraction):
        raise Stop

    x = np.random.default_rng(0).standard_normal((200_000, 64))
    there = device.matrix(x)
    with pytest.raises(Stop):
        _core.kernel_sum(there, None, _core.Gaussian([1.0]), progress=progress)
    small = device.matrix(np.ones((30, 4)))
    assert not _core.kernel_sum(small, None, _core.Energy())[0].any()
