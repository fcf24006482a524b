"""csrc/cuda executed by the host: its schedule, memory, contexts and errors."""

import ctypes

import numpy as np
import pytest

import device_checks as checks
from device_checks import DTYPES
from parzen import _core
from parzen.metrics import quadratic

pytestmark = pytest.mark.unsanitized  # see tests/test_cuda_host.py


def test_what_is_found(device, cuda_for_the_host):
    info = _core.cuda_info()
    assert info["library"] == str(cuda_for_the_host)
    assert info["missing"] is None
    assert info["unusable"] is None
    assert info["architectures"] == "the host"
    assert [found["name"] for found in info["devices"]] == ["the host"] * 3


def test_a_missing_library_is_told(monkeypatch, tmp_path):
    path = tmp_path / "libparzen_cuda.so"
    monkeypatch.setenv("PARZEN_CUDA_LIBRARY", str(path))
    info = _core.cuda_info()
    assert info["library"] == str(path)
    assert "No such file" in info["missing"]
    assert info["devices"] == []
    with pytest.raises(RuntimeError, match=r"no usable CUDA library.*No such file"):
        _core.column_bounds(_core.DeviceMatrix(64, 3, 2, 2, "float64", 0))


def test_a_lack_of_memory_is_told_and_forgotten(device, monkeypatch):
    x = device.matrix(np.ones((300, 40), np.float32))
    monkeypatch.setenv("PARZEN_CUDA_HOST_BYTES", "100000")
    with pytest.raises(
        MemoryError, match=r"\d+ bytes of scratch were asked for, \d+ of the device's 100000"
    ):
        _core.kernel_sum(x, None, _core.Energy())
    monkeypatch.delenv("PARZEN_CUDA_HOST_BYTES")
    assert not _core.kernel_sum(x, None, _core.Energy())[0].any()


@pytest.mark.parametrize("launch", ["1", "2", "3"])
def test_a_failed_launch_is_told_and_forgotten(device, monkeypatch, launch):
    x = device.matrix(np.ones((30, 40), np.float32))
    monkeypatch.setenv("PARZEN_CUDA_HOST_FAIL", launch)
    with pytest.raises(
        RuntimeError, match=r"launch of \w+_kernel: too many resources.*Launch\w+\)$"
    ):
        _core.kernel_sum(x, None, _core.Energy())
    monkeypatch.delenv("PARZEN_CUDA_HOST_FAIL")
    assert not _core.kernel_sum(x, None, _core.Energy())[0].any()


def test_an_error_that_the_device_keeps_is_told_as_such(device, monkeypatch):
    x = device.matrix(np.ones((30, 40), np.float32))
    monkeypatch.setenv("PARZEN_CUDA_HOST_FAIL", "-1")
    with pytest.raises(
        RuntimeError, match=r"the work on the device: an illegal .* start a new one$"
    ):
        _core.kernel_sum(x, None, _core.Energy())


def test_a_device_that_is_too_old_is_told(device):
    there = _core.DeviceMatrix(64, 3, 2, 2, "float64", 2)
    message = "device 2 is of compute capability 7.5, expected 8.0 or later"
    with pytest.raises(RuntimeError, match=message):
        _core.column_bounds(there)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_device_with_little_shared_memory(device, dtype, monkeypatch):
    # As much as a block has at least from compute capability 8.0 on; 8.0 itself and 9.0 have more.
    monkeypatch.setenv("PARZEN_CUDA_HOST_SHARED", str(99 << 10))
    checks.check_kernel_sum(device, (140, 130, 20), dtype, "gaussian")
    checks.check_kernel_quadratic(device, (140, 130, 20), 9, dtype, "gaussian")
    checks.check_log_density(device, (140, 130, 20), dtype)
    checks.check_nearest(device, (140, 130, 20), dtype, 4)
    checks.check_ball_counts(device, (140, 130, 20), dtype)
    checks.check_moments(device, (140, 130, 20), dtype, 3)


@pytest.mark.parametrize("context", [0, 2])  # none, and another device's
def test_the_thread_keeps_its_context(cuda_for_the_host, device, context):
    thread = ctypes.CDLL(str(cuda_for_the_host))
    thread.parzen_test_make_current(ctypes.c_long(context))
    x = device.matrix(np.ones((3, 2)))
    assert not _core.kernel_sum(x, None, _core.Energy())[0].any()
    with pytest.raises(RuntimeError, match="capability"):
        _core.column_bounds(_core.DeviceMatrix(64, 3, 2, 2, "float64", 2))
    assert thread.parzen_test_context() == context
    assert _core.cuda_free_bytes(0) > 0
    assert thread.parzen_test_context() == context
    thread.parzen_test_make_current(ctypes.c_long(0))


def test_to_be_looked_at_makes_no_context(cuda_for_the_host, device):
    contexts = ctypes.CDLL(str(cuda_for_the_host)).parzen_test_contexts
    before = contexts()
    _core.cuda_info()
    assert contexts() == before
    _core.cuda_free_bytes(0)
    assert contexts() > before


def test_a_device_that_is_not_there(device):
    x = np.ones((3, 2))
    there = _core.DeviceMatrix(x.ctypes.data, 3, 2, 2, "float64", 7)
    with pytest.raises(RuntimeError, match="device 7: invalid device ordinal"):
        _core.kernel_sum(there, None, _core.Energy())


def test_matrices_in_different_places_are_refused(device):
    x = np.ones((3, 2))
    here, there = device.matrix(x), _core.DeviceMatrix(x.ctypes.data, 3, 2, 2, "float64", 1)
    with pytest.raises(TypeError, match="x is on device 0, y is on the host"):
        _core.kernel_sum(here, x, _core.Energy())
    with pytest.raises(TypeError, match="x is on the host, queries is on device 0"):
        _core.nearest(x, here, 1)
    with pytest.raises(ValueError, match="x is on device 0, y is on device 1"):
        _core.kernel_sum(here, there, _core.Energy())
    with pytest.raises(ValueError, match="different precisions"):
        _core.kernel_sum(here, device.matrix(x, precision="fast"), _core.Energy())
    with pytest.raises(ValueError, match="same number of columns and the same type"):
        _core.kernel_sum(here, device.matrix(x.astype(np.float32)), _core.Energy())
    assert _core.kernel_sum(here, device.matrix(x, stream=5), _core.Energy())[3] == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pointer": 0}, "aligned address of float64"),
        ({"pointer": 12}, "aligned address of float64"),
        ({"rows": 0}, "rows >= 1 and cols >= 1"),
        ({"cols": 0}, "rows >= 1 and cols >= 1"),
        ({"stride": -2}, "stride"),
        ({"device": -1}, "device: expected 0 or more"),
        ({"dtype": "int8"}, "dtype: expected 'float32' or 'float64', got 'int8'"),
        ({"precision": "half"}, "precision: expected 'full', 'fast', 'plain' or 'mma', got 'half'"),
    ],
    ids=str,
)
def test_what_is_no_matrix_is_refused(change, message):
    good = {"pointer": 64, "rows": 3, "cols": 2, "stride": 2, "dtype": "float64", "device": 0}
    with pytest.raises((TypeError, ValueError), match=message):
        _core.DeviceMatrix(**{**good, **change})


def test_an_operation_on_a_device_can_be_stopped(device):
    class Stop(Exception):
        pass

    def progress(fraction):
        raise Stop

    rng = np.random.default_rng(0)
    x = device.matrix(rng.standard_normal((3000, 60)), precision="plain")
    with pytest.raises(Stop):
        _core.kernel_sum(x, None, _core.Gaussian([1.0]), progress=progress)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [2, 64, 2048])
def test_a_million_rows_take_little_memory(cuda_for_the_host, dtype, d, monkeypatch):
    """No launch of too many blocks, and 256 MB beside what grows with n alone."""
    monkeypatch.setenv("PARZEN_CUDA_LIBRARY", str(cuda_for_the_host))
    monkeypatch.setenv("PARZEN_CUDA_HOST_DRY", "1")
    most_taken = ctypes.CDLL(str(cuda_for_the_host)).parzen_test_most_taken
    most_taken.restype = ctypes.c_longlong
    n, size = 1_000_000, np.dtype(dtype).itemsize
    x, y = (_core.DeviceMatrix(64, n, d, d, np.dtype(dtype).name, 0) for _ in range(2))
    vectors = quadratic.chunk_size(2 * n, d)
    bits = quadratic.no_bits(n, vectors)
    radii, polynomial = np.zeros(n, dtype), _core.Polynomial(3 if d <= 64 else 2, 1.0, 1.0)
    calls = {
        "kernel_sum": (lambda: _core.kernel_sum(x, y, _core.Energy()), 16 * n),
        "kernel_sum of one": (lambda: _core.kernel_sum(x, None, _core.Energy()), 16 * n),
        "kernel_quadratic": (
            lambda: _core.kernel_quadratic(x, y, _core.Energy(), bits, bits),
            16 * n,
        ),
        "log_density": (lambda: _core.log_density(x, y, [1.0, 2.0]), (size + 2 * 16) * n),
        "nearest": (lambda: _core.nearest(x, None, 5), 5 * size * n),
        "ball_counts": (lambda: _core.ball_counts(x, radii, y, radii), (2 * size + 32) * n),
        "moments": (lambda: _core.moments(x, np.zeros((d + 1) * (d + 2) // 2), 2), 0),
        "moment_norms": (lambda: _core.moment_norms(x, y, polynomial), 0),
        "column_bounds": (lambda: _core.column_bounds(x), 0),
    }
    for name, (call, of_rows) in calls.items():
        most_taken()
        before = most_taken()
        call()
        assert most_taken() - before <= of_rows + 256e6, name


def test_every_tile_is_somebodys(cuda_for_the_host):
    schedule = ctypes.CDLL(str(cuda_for_the_host))
    row, col = ctypes.c_int(), ctypes.c_int()

    def tiles(count, of, *shape):
        found = []
        for number in range(count):
            of(number, *shape, ctypes.byref(row), ctypes.byref(col))
            found.append((row.value, col.value))
        return found

    size = 150
    found = tiles(size * (size + 1) // 2, schedule.parzen_test_triangle_tile)
    assert found == [(i, j) for j in range(size) for i in range(j + 1)]
    for number in (2**20, 2**24 + 3, 2**27):  # where float32 is no integer's root any more
        schedule.parzen_test_triangle_tile(number, ctypes.byref(row), ctypes.byref(col))
        assert col.value * (col.value + 1) // 2 + row.value == number
        assert 0 <= row.value <= col.value
    for rows, cols in ((1, 1), (8, 5), (13, 7), (20, 1), (1, 20)):
        found = tiles(rows * cols, schedule.parzen_test_rectangle_tile, rows, cols)
        assert sorted(found) == [(i, j) for i in range(rows) for j in range(cols)]


@pytest.mark.parametrize("triangle", [0, 1])
@pytest.mark.parametrize(
    ("rows", "cols"), [(1, 1), (50_000, 50_000), (1_000_000, 5), (5, 1_000_000), (10**6, 10**6)]
)
def test_chunks_fit_their_budgets(cuda_for_the_host, rows, cols, triangle):
    if triangle and rows != cols:
        return
    plan = ctypes.CDLL(str(cuda_for_the_host)).parzen_test_chunks
    out = (ctypes.c_longlong * 4)()
    for row_bytes in (32, 256, 8192, 10**6):
        for slot_bytes in (1, 2056, 70_000, 10**9):
            plan(*map(ctypes.c_longlong, (rows, cols, triangle, row_bytes, slot_bytes)), out)
            row_tiles, col_tiles, tall, wide = out
            assert row_tiles == -(-rows // 128)
            assert col_tiles == -(-cols // 128)
            assert 1 <= tall <= row_tiles
            assert 1 <= wide <= col_tiles
            assert tall == wide or not triangle
            assert max(tall, wide) * 128 * row_bytes <= 72 << 20 or max(tall, wide) == 1
            assert tall * wide * slot_bytes <= 64 << 20 or tall * wide == 1
            assert tall * wide <= 16384
