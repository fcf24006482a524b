"""What comes in through the one door, what is refused there, and how."""

import pickle
import re

import numpy as np
import pytest
import scipy.sparse

import parzen
from parzen._arrays import as_pair, as_samples, center_of, extent

GRID = np.arange(12.0).reshape(4, 3)


def samples(array, **options):
    return as_samples("x", array, function="f", **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_native_array_is_not_copied(dtype):
    x = GRID.astype(dtype)
    read_only = x.copy()
    read_only.flags.writeable = False
    for array in (x, read_only, x[::2], x[1:], np.asfortranarray(x[:, :1])):
        assert samples(array).dtype == dtype
        assert np.shares_memory(samples(array), array)
        np.testing.assert_array_equal(samples(array), array)


def test_columns_of_a_wider_array_are_not_copied():
    view = GRID[:, 1:]
    assert np.shares_memory(samples(view), view)


def test_a_memory_map_is_not_copied(tmp_path):
    np.save(tmp_path / "x.npy", GRID)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    result = samples(mapped)
    assert np.shares_memory(result, mapped)
    assert type(result) is np.ndarray


@pytest.mark.parametrize(
    "array",
    [
        GRID.astype(">f8"),
        GRID.astype(">f4"),
        np.asfortranarray(GRID),
        GRID[::-1],
        GRID[:, ::-1],
        np.broadcast_to(GRID[0], (4, 3)),
        np.lib.stride_tricks.sliding_window_view(np.arange(6.0), 3),
        np.frombuffer(b"\0" + GRID.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(4, 3),
    ],
    ids=[
        "big-endian f8",
        "big-endian f4",
        "columns first",
        "rows reversed",
        "columns reversed",
        "broadcast",
        "windows",
        "unaligned",
    ],
)
def test_any_layout_becomes_native_rows(array):
    result = samples(array)
    np.testing.assert_array_equal(result, array)
    assert result.dtype.isnative
    assert result.flags.aligned
    assert result.strides[1] == result.itemsize
    assert result.strides[0] >= 3 * result.itemsize


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.longdouble, np.float64),
        (np.int8, np.float64),
        (np.uint64, np.float64),
        (">i4", np.float64),
    ],
)
def test_types_widen(given, taken):
    result = samples(GRID.astype(given))
    assert result.dtype == taken
    np.testing.assert_array_equal(result, GRID)


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(float).max, reason="no long double")
def test_a_long_double_beyond_float64_is_refused():
    with pytest.raises(ValueError, match="f: x has 1 value that is NaN or infinity"):
        samples(np.array([[np.longdouble("1e400"), 1.0]]))
    with pytest.raises(ValueError, match="sqrtm: sigma has 1 value that is NaN or infinity"):
        parzen.sqrtm(np.array([[np.longdouble("1e400")]]))


def test_lists_and_array_likes():
    class Interface:
        __array_interface__ = GRID.__array_interface__

    class Array:
        def __array__(self, dtype=None, copy=None):
            return GRID

    class DLPack:
        def __dlpack__(self, **options):
            return GRID.__dlpack__(**options)

        def __dlpack_device__(self):
            return GRID.__dlpack_device__()

    for array in (GRID.tolist(), Interface(), Array(), DLPack()):
        np.testing.assert_array_equal(samples(array), GRID)
        assert type(samples(array)) is np.ndarray
    for array in (Interface(), Array(), DLPack()):
        assert np.shares_memory(samples(array), GRID)


def test_a_masked_array_is_taken_only_where_nothing_is_masked():
    np.testing.assert_array_equal(samples(np.ma.masked_array(GRID)), GRID)
    masked = np.ma.masked_greater(GRID, 9)
    with pytest.raises(ValueError, match="f: x has 2 masked values; drop or fill them first"):
        samples(masked)


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    x = torch.arange(12.0).reshape(4, 3)
    assert samples(x).dtype == np.float32
    assert np.shares_memory(samples(x), x.numpy())
    for tensor in (
        x.double(),
        x.half(),
        x.bfloat16(),
        x.int(),
        x.clone().requires_grad_(),
        torch.nn.Parameter(x.clone()),
        x.T.contiguous().T,
        torch.complex(x, -x).conj().imag,
    ):
        np.testing.assert_array_equal(samples(tensor), GRID)
    assert samples(x.bfloat16()).dtype == np.float32
    with pytest.raises(TypeError, match=r"f: x is on meta, expected .* host.*: pass its \.cpu\(\)"):
        samples(x.to("meta"))
    with pytest.raises(TypeError, match=r"f: x is a sparse tensor; .*\.to_dense\(\)"):
        samples(x.to_sparse())
    with pytest.raises(ValueError, match="Complex data not supported"):
        samples(torch.complex(x, x))
    with pytest.raises(TypeError, match="boolean"):
        samples(x > 3)


def test_arrays_on_a_device_are_refused():
    class Cuda:
        __cuda_array_interface__ = None

    class OtherDLPack:
        def __dlpack_device__(self):
            return 2, 0

    with pytest.raises(
        TypeError, match=r"f: x is on a CUDA device, expected .*: pass its \.cpu\(\)"
    ):
        samples(Cuda())
    with pytest.raises(TypeError, match=r"f: x is on DLPack device \(2, 0\)"):
        samples(OtherDLPack())


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (
            np.ones(5),
            ValueError,
            r"x has shape (5,), expected (n, d); Reshape your data: x.reshape(-1, 1)",
        ),
        (
            np.ones((2, 3, 4)),
            ValueError,
            "expected (n, d); Reshape your data: x.reshape(len(x), -1)",
        ),
        (3.0, ValueError, "x has shape (), expected (n, d)"),
        (np.ones((0, 3)), ValueError, "x has 0 samples (shape=(0, 3)) while a minimum of 1"),
        (np.ones((3, 0)), ValueError, "x has 0 feature(s) (shape=(3, 0)) while a minimum of 1"),
        ([], ValueError, "x has shape (0,)"),
        ([[1.0, 2.0], [3.0]], ValueError, "x could not be read as an array (n, d)"),
        (GRID * 1j, ValueError, "x: Complex data not supported, got dtype complex128"),
        (GRID > 3, TypeError, "x is boolean; expected numbers: pass x.astype(float)"),
        (GRID.astype(object), TypeError, "x has dtype object; expected an array of real numbers"),
        (GRID.astype(str), TypeError, "x has dtype <U32; expected an array of real numbers"),
        ("text", TypeError, "x has dtype <U4 from str; expected an array of real numbers"),
        (None, TypeError, "x has dtype object from NoneType"),
        (GRID.astype("M8[s]"), TypeError, "x has dtype datetime64[s]"),
        (scipy.sparse.csr_matrix(GRID), TypeError, "x is a sparse matrix; expected a dense array"),
        (scipy.sparse.coo_array(GRID), TypeError, "pass its .toarray()"),
    ],
)
def test_what_is_refused(array, error, message):
    with pytest.raises(error, match=r"^f: " + ".*" + re.escape(message)):
        samples(array)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_values_that_are_not_finite(value, dtype):
    x = np.ones((3000, 4), dtype=dtype)
    x[1500, 2] = value
    with pytest.raises(
        ValueError, match=r"^f: x has 1 value that is NaN or infinity, the first in row 1500$"
    ):
        samples(x)
    x[2999] = value
    with pytest.raises(
        ValueError, match=r"has 5 values that are NaN or infinity, the first in row 1500$"
    ):
        samples(x)


def test_too_few_rows():
    with pytest.raises(
        ValueError, match=r"x has 1 sample \(shape=\(1, 3\)\) while a minimum of 2 is required"
    ):
        samples(GRID[:1], min_rows=2)


def test_a_pair_has_one_type_and_one_width():
    x, y = as_pair(GRID.astype(np.float32), GRID, function="f")
    assert x.dtype == y.dtype == np.float64
    with pytest.raises(ValueError, match="f: x has 3 columns, y has 2; expected the same d"):
        as_pair(GRID, GRID[:, :2], function="f")
    with pytest.raises(
        ValueError, match="fid: real has 3 columns, fake has 1; expected the same d"
    ):
        parzen.fid(GRID, GRID[:, :1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_center_is_near_the_mean(dtype, scale, rng):
    x = (scale * (rng.normal(size=(100, 3)) + 1e4)).astype(dtype)
    y = (scale * (rng.normal(size=(50, 3)) + 1e4)).astype(dtype)
    z = np.concatenate([x, y]).astype(np.float64)
    center = center_of(x, y)
    assert center.dtype == dtype
    assert np.all(np.abs(center - z.mean(axis=0)) <= np.ptp(z, axis=0) / 16)


def test_center_keeps_samples_on_their_grid(rng):
    x = rng.integers(-100, 100, size=(77, 4)).astype(np.float32)
    x[:, 3] = 0.1  # a constant column
    center = center_of(x)
    np.testing.assert_array_equal(center[:3], np.round(center[:3]))
    assert center[3] == np.float32(0.1)
    np.testing.assert_array_equal(center_of(x[:, :3] + 1024), center[:3] + 1024)
    np.testing.assert_array_equal(center_of(x[::-1].copy()), center)


@pytest.mark.parametrize("value", [1.7e308, 5e-324])
def test_center_of_the_largest_and_the_smallest_numbers(value):
    x = np.array([[value, 0.0, 1.0], [value, 5e-324, 2.0], [value, 0.0, 3.0]])
    with np.errstate(over="ignore"):
        center = center_of(x)
    np.testing.assert_array_equal(center, [value, 0.0, 2.0])


def test_extent_is_the_largest_magnitude_and_the_widest_column():
    x, y = np.array([[-7.0, 1.0]]), np.array([[-5.0, 2.0]])
    assert extent(x, y) == (7.0, 2.0)
    assert extent(x[:, 1:], y[:, 1:]) == (2.0, 1.0)


@pytest.mark.parametrize(
    "metric",
    [
        lambda x, y: parzen.mmd(x, y).squared,
        lambda x, y: parzen.kid(x, y, subsets=None).mean,
        lambda x, y: parzen.kid(x, y, subsets=2, subset_size=20).mean,
        parzen.fid,
        lambda x, y: parzen.log_density(x, y, bandwidth=0.5),
        parzen.precision_recall,
        lambda x, y: parzen.inception_score(x),
    ],
    ids=["mmd", "kid", "kid subsets", "fid", "log_density", "precision_recall", "inception_score"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layout_changes_no_bit_of_a_metric(metric, dtype, rng, tmp_path):
    x, y = rng.normal(size=(2, 40, 5)).astype(dtype)
    expected = metric(x, y)
    np.save(tmp_path / "x.npy", x)
    read_only = x.copy()
    read_only.flags.writeable = False
    wide = np.zeros((80, 9), dtype=dtype)
    wide[::2, 2:7] = x
    for same in (
        np.load(tmp_path / "x.npy", mmap_mode="r"),
        read_only,
        wide[::2, 2:7],
        np.asfortranarray(x),
        x[::-1].copy()[::-1],
        x.astype(x.dtype.newbyteorder(">")),
        pickle.loads(pickle.dumps(x)),  # whose dtype is equal to NumPy's own, not the same object
    ):
        np.testing.assert_array_equal(metric(same, y), expected)
        np.testing.assert_array_equal(x, same)
