"""Arrays on a CUDA device as they come in: layouts, types, streams, and what is refused."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

import parzen
from device_arrays import Array, Bare, Exporter, torch_tensor
from device_metrics import D, M, N, assert_near, samples
from parzen import Gaussian, KernelDensity, _core, doctor
from parzen._arrays import as_samples, center_of
from parzen._device import DeviceSamples, device_names

# Unsanitized as all that runs csrc/cuda on the host, see tests/test_cuda_host.py.
pytestmark = [pytest.mark.usefixtures("cuda_on_the_host"), pytest.mark.unsanitized]

GRID = np.arange(24.0).reshape(6, 4)
LAYOUTS = {
    "rows": GRID,
    "every other row": GRID[::2],
    "columns of a wider array": GRID[:, 1:3],
    "one row": GRID[2:3],
    "one column": GRID[:, 2:3],
    "columns first": np.asfortranarray(GRID),
    "rows reversed": GRID[::-1],
    "columns reversed": GRID[:, ::-1],
    "broadcast": np.broadcast_to(GRID[0], (5, 4)),
}


def contents(samples):
    """What the engine sees, a row at a time."""
    return np.array([_core.column_bounds(samples[i : i + 1])[0] for i in range(len(samples))])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(layout):
    values = LAYOUTS[layout]
    result = as_samples("x", Array(values), function="f", on_device=True)
    assert isinstance(result, DeviceSamples)
    assert (result.shape, result.dtype, len(result)) == (values.shape, values.dtype, len(values))
    np.testing.assert_array_equal(contents(result), values)


def test_rows_are_numpy_s():
    samples = as_samples("x", Array(GRID), function="f", on_device=True)
    picked = np.array([4, 0, 4, -1])
    mask = np.arange(6) % 3 == 1
    for there, here in [
        (samples[1:5], GRID[1:5]),
        (samples[1:][::2][1:], GRID[1:][::2][1:]),
        (samples[picked], GRID[picked]),
        (samples[::2][np.array([2, 1])], GRID[::2][[2, 1]]),
        (samples[mask], GRID[mask]),
        (samples[::3].astype(np.float32), GRID[::3]),
        (samples[4:].with_below(samples[:2], samples[::5]), GRID[[4, 5, 0, 1, 0, 5]]),
    ]:
        np.testing.assert_array_equal(contents(there), here)
        np.testing.assert_array_equal(there.to_host(), here)
    assert samples.astype(np.float64, copy=False) is samples
    assert samples.astype(np.float32).dtype == np.float32


def test_the_center_of_more_rows_than_are_looked_at(rng, monkeypatch):
    monkeypatch.setattr("parzen._arrays.CENTER_ROWS", 20)
    x = rng.normal(size=(70, 3)) + 5.0
    samples = as_samples("x", Array(x), function="f", on_device=True)
    np.testing.assert_array_equal(center_of(samples), center_of(x))


@pytest.mark.parametrize(
    ("given", "taken"),
    [(np.float16, np.float32), (np.int8, np.float64), (np.uint64, np.float64)],
)
def test_types_widen_on_the_device(given, taken):
    result = as_samples("x", Array(GRID.astype(given)), function="f", on_device=True)
    assert result.dtype == taken
    np.testing.assert_array_equal(contents(result), GRID)


@pytest.mark.parametrize("kind", [Bare, Exporter])
def test_memory_alone_is_enough_for_all_pairs(kind, rng, monkeypatch):
    facts = _core.cuda_info()
    one_device = facts | {"devices": facts["devices"][:1]}
    monkeypatch.setattr(_core, "cuda_info", lambda: one_device)
    x, y = samples(rng, np.float64)
    kernel = Gaussian(2.0)
    there, here = (parzen.mmd(*z, kernel=kernel) for z in ((kind(x), kind(y)), (x, y)))
    assert_near(there, here, x)


def test_an_interface_without_a_stream_gives_way_to_dlpack():
    class Both(Exporter, Bare):
        version = 2

    array = Both(GRID)
    result = as_samples("x", array, function="f", on_device=True)
    assert array.exports > 0
    np.testing.assert_array_equal(contents(result), GRID)


def test_dlpack_s_strides_and_types():
    for values in (GRID[:, 1:], GRID.astype(np.float32)):
        result = as_samples("x", Exporter(values), function="f", on_device=True)
        assert result.dtype == values.dtype
        np.testing.assert_array_equal(contents(result), values)
    with pytest.raises(TypeError, match="f: x is a Exporter, which cannot be widened to float64"):
        as_samples("x", Exporter(GRID.astype(np.int16)), function="f", on_device=True)


def test_the_stream_is_the_array_s(monkeypatch):
    for stream, expected in ((None, 1), (1, 1), (2, 2), (7_000_000, 7_000_000)):
        given = streams_of(monkeypatch, Array(GRID, stream=stream))
        assert given == {expected}


def streams_of(monkeypatch, array):
    seen, construct = set(), _core.DeviceMatrix.__init__

    def record(self, *arguments, **options):
        seen.add(arguments[6])
        construct(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(_core.DeviceMatrix, "__init__", record)
        as_samples("x", array, function="f", on_device=True)
    return seen


def test_torch_s_layouts_and_types(torch, monkeypatch):
    x = torch_tensor(torch, GRID)
    for tensor in (
        x,
        x.float(),
        x.half(),
        x.bfloat16(),
        x.int(),
        x.clone().requires_grad_(),
        x.T.contiguous().T,
        x.flip(0).flip(0),
        torch.complex(x, -x).conj().imag,
    ):
        result = as_samples("x", tensor, function="f", on_device=True)
        np.testing.assert_array_equal(contents(result), GRID)
    assert as_samples("x", x.bfloat16(), function="f", on_device=True).dtype == np.float32
    spread = as_samples("x", x[:1].expand(5, 4), function="f", on_device=True)
    np.testing.assert_array_equal(contents(spread), np.broadcast_to(GRID[0], (5, 4)))


def test_a_sparse_tensor_is_refused():
    device = SimpleNamespace(type="cuda")
    sparse = SimpleNamespace(detach=None, layout="torch.sparse_coo", device=device)
    with pytest.raises(TypeError, match=r"f: x is a sparse tensor; .* pass its \.to_dense"):
        as_samples("x", sparse, function="f", on_device=True)


def test_torch_s_current_stream(torch, monkeypatch):
    tensor = torch_tensor(torch, GRID)
    stream = SimpleNamespace(cuda_stream=94_000_000)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    assert streams_of(monkeypatch, tensor) == {94_000_000}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x, y: parzen.kid(Array(x), y),
            ValueError,
            "kid: real is on cuda:0, fake is on cpu; expected all on one device",
        ),
        (
            lambda x, y: parzen.mmd(Array(x, 1), Array(y, 0)),
            ValueError,
            "mmd: x is on cuda:1, y is on cuda:0; expected all on one device",
        ),
        (
            lambda x, y: parzen.compare_models({"a": Array(y), "b": y}, Array(x)),
            ValueError,
            r"compare_models: real is on cuda:0, models\['a'\] is on cuda:0, models\['b'\] is on",
        ),
        (
            lambda x, y: KernelDensity(1.0).fit(Array(x)).score_samples(y),
            ValueError,
            "KernelDensity: the fitted X is on cuda:0, X is on cpu",
        ),
        (
            lambda x, y: parzen.log_density(
                Array(x), Array(y), bandwidth=1.0, weights=Array(x[:, 0])
            ),
            TypeError,
            "log_density: weights is on .*, expected an array in the host's memory",
        ),
        (
            lambda x, y: KernelDensity("scott").fit(Array(x), sample_weight=np.arange(N)),
            ValueError,
            "KernelDensity: bandwidth 'scott' has no rule for weighted samples on a device",
        ),
        (
            lambda x, y: parzen.kid(Exporter(x), Exporter(y), subsets=1, subset_size=9),
            TypeError,
            r"kid: real is a Exporter, which cannot take rows on the device: pass cupy",
        ),
        (
            lambda x, y: parzen.mmd(Bare(x), Bare(y)),
            ValueError,
            "mmd: x does not say on which of 3 CUDA devices it is",
        ),
        (
            lambda x, y: parzen.kid(Array(x), Array(y), precision="fast"),
            ValueError,
            "kid: precision 'fast' is for float32 on a CUDA device, these samples are float64 on",
        ),
        (
            lambda x, y: parzen.mmd(x, y, precision="fast"),
            ValueError,
            "mmd: precision 'fast' is for float32 on a CUDA device, these samples are .* on cpu",
        ),
        (
            lambda x, y: parzen.mmd(x, y, precision="half"),
            ValueError,
            "mmd: precision is 'half', expected 'full' or 'fast'",
        ),
        (
            lambda x, y: parzen.vendi_score(Array(x)),
            TypeError,
            "vendi_score: x is on .*, expected an array in the host's memory: pass its .cpu",
        ),
        (
            lambda x, y: parzen.fid(Array(x[0]), Array(y)),
            ValueError,
            r"fid: real has shape \(12,\), expected \(n, d\); Reshape your data",
        ),
        (
            lambda x, y: parzen.fid(Array(x), Array(y[:, :3])),
            ValueError,
            "fid: real has 12 columns, fake has 3; expected the same d",
        ),
        (
            lambda x, y: parzen.fid(Array(x[:1]), Array(y)),
            ValueError,
            "fid: real has 1 sample .* a minimum of 2 is required",
        ),
        (
            lambda x, y: parzen.fid(Array(x + 1j), Array(y)),
            ValueError,
            "fid: real: Complex data not supported, got dtype complex",
        ),
        (
            lambda x, y: parzen.fid(Array(x > 0), Array(y)),
            TypeError,
            "fid: real is boolean; expected numbers",
        ),
        (
            lambda x, y: parzen.fid(Array(x.astype(">f8")), Array(y)),
            TypeError,
            "fid: real has dtype >f8 from Array",
        ),
    ],
)
def test_refused(call, error, message, rng):
    with pytest.raises(error, match=message):
        call(rng.normal(size=(N, D)), rng.normal(size=(M, D)))


@pytest.mark.parametrize("row", [0, 1, 30, N - 1])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(row, value, rng):
    x = rng.normal(size=(N, D))
    x[row, 2] = x[-1, 0] = value
    with pytest.raises(ValueError, match=f"kid: fake has values .* first in row {row}$"):
        parzen.kid(Array(np.ones((4, D))), Array(x))


def test_a_masked_array_is_refused():
    class Masked(Array):
        @property
        def __cuda_array_interface__(self):
            return {**super().__cuda_array_interface__, "mask": Array(self.values > 0)}

    with pytest.raises(ValueError, match="kid: real has a mask; drop or fill"):
        parzen.kid(Masked(GRID), Masked(GRID))


def test_a_library_that_does_not_widen_is_told_on():
    class Narrow(Array):  # as JAX's arrays, unless its option is set
        def astype(self, dtype):
            return self.like(self.values.astype(np.float32))

    with pytest.raises(TypeError, match=r"kid: real would have to be float64.*jax_enable_x64"):
        parzen.kid(Narrow(GRID.astype(int)), Narrow(GRID))


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        ("missing", r"this installation has no CUDA library \(why\); build it .*PARZEN_CUDA=ON"),
        ("unusable", r"no CUDA device can be used \(why\)"),
    ],
)
def test_why_cuda_cannot_be_used(fact, says, monkeypatch):
    facts = {"missing": None, "unusable": None, "devices": [], fact: "why"}
    monkeypatch.setattr(_core, "cuda_info", lambda: facts)
    device_names.cache_clear()
    message = rf"kid: real is on cuda:0, and {says}; or pass its \.cpu\(\)"
    with pytest.raises(RuntimeError, match=message):
        parzen.kid(Array(GRID), Array(GRID))
    device_names.cache_clear()


def test_too_little_memory_and_a_failed_launch(rng, monkeypatch):
    x, y = (Array(z) for z in samples(rng, np.float64))
    before = parzen.mmd(x, y)
    monkeypatch.setenv("PARZEN_CUDA_HOST_BYTES", "9000")
    with pytest.raises(MemoryError, match=r"\d+ bytes .* were asked for, .* of the device's 9000"):
        parzen.mmd(x, y)
    monkeypatch.delenv("PARZEN_CUDA_HOST_BYTES")
    monkeypatch.setenv("PARZEN_CUDA_HOST_FAIL", "1")
    with pytest.raises(RuntimeError, match=r"cuda: launch of .*too many resources requested"):
        parzen.mmd(x, y)
    monkeypatch.delenv("PARZEN_CUDA_HOST_FAIL")
    assert parzen.mmd(x, y) == before


def test_a_device_that_is_not_there():
    with pytest.raises(RuntimeError, match="cuda: device 5: invalid device ordinal"):
        parzen.kid(Array(GRID, 5), Array(GRID, 5))


def test_doctor_shows_the_devices(monkeypatch):
    console = Console(record=True, width=200)
    doctor.show(doctor.examine(), console)
    shown = console.export_text()
    assert "for the host, runtime 0.0, driver 0.0" in shown
    assert "cuda:0, the host, capability 9.0, 3 multiprocessors, 1.0 of 1.0 GiB free" in shown
    assert "cuda:2, the host, capability 7.5, 3 multiprocessors, not usable: the library" in shown
    monkeypatch.setenv("PARZEN_CUDA_LIBRARY", "/nowhere/libparzen_cuda.so")
    doctor.show(doctor.examine(), console)
    assert "not in this build: /nowhere/libparzen_cuda.so: cannot open" in console.export_text()


def test_arrays_on_the_host_pay_for_nothing():
    code = """
import sys
import numpy as np
import parzen
parzen.kid(np.eye(4), np.eye(4), subsets=None)
print(sorted({"torch", "cupy", "jax", "parzen._dlpack"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
